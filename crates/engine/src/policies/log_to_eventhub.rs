//! `log-to-eventhub`: sends a message to an event hub that a logger names. Nothing waits for it.

use crate::compile::{Arg, Compile, Content, Kind, Once, PolicyDef, Scopes, Sections, attribute};
use crate::event_hub::{self, EventHub};
use crate::exchange::Exchange;
use crate::failure::Failure;
use crate::step::{Flow, Step};
use std::sync::Arc;
use tollgate_lang::document::Element;
use tollgate_lang::value::Str;

/// The element.
pub const DEF: PolicyDef = PolicyDef {
    name: "log-to-eventhub",
    sections: Sections::ALL,
    scopes: Scopes::ALL,
    once: Once::Many,
    attributes: &[
        attribute(
            "logger-id",
            Kind::Text,
            "id of a logger of the configuration",
        )
        .required(),
        attribute(
            "partition-id",
            Kind::Text,
            "the partition that gets the message",
        ),
        attribute(
            "partition-key",
            Kind::Text,
            "a text whose messages all go to one partition",
        )
        .expression(),
    ],
    children: &[],
    content: Content::Text,
    doc: "Sends its content to the event hub of a logger, without waiting for it.\n\nA message longer than 200 KB is cut. What cannot be delivered, after four attempts, is dropped; the log says so and `tollgate_events_dropped_total` counts it.",
    compile,
};

fn compile(element: &Element, cx: &mut Compile<'_>) -> Option<Box<dyn Step>> {
    let both = cx.exclusive(element, "partition-id", "partition-key");
    let content = cx.content(element);
    let partition_key = match element.attribute("partition-key") {
        Some(key) => Some(cx.text_arg(&key.value)?),
        None => None,
    };
    let logger = &element.attribute("logger-id")?.value;
    let hub = cx.event_hub(&logger.text, logger.span)?;
    if both {
        return None;
    }
    let partition_id = cx.literal(element, "partition-id");
    cx.step(LogToEventhub {
        hub,
        partition_id,
        partition_key,
        content: content?,
    })
}

#[derive(Debug)]
struct LogToEventhub {
    hub: Arc<EventHub>,
    partition_id: Option<Str>,
    partition_key: Option<Arg<Str>>,
    content: Arg<Str>,
}

impl LogToEventhub {
    fn log(&self, rq: &mut Exchange) -> Result<(), Box<Failure>> {
        let content = self.content.get(rq)?;
        let key = self.partition_key.as_ref().map(|k| k.get(rq)).transpose()?;
        let id = self.partition_id.as_deref();
        event_hub::log(&rq.services, &self.hub, &content, id, key);
        Ok(())
    }
}

impl Step for LogToEventhub {
    fn run(&self, rq: &mut Exchange) -> Flow {
        self.log(rq).into()
    }
}
