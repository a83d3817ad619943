//! `publish-to-dapr`: publishes a message to a topic through the Dapr sidecar.

use crate::LocalBoxFuture;
use crate::compile::{Arg, Compile, Content, Kind, Once, PolicyDef, Scopes, Sections, attribute};
use crate::dapr::{self, Call};
use crate::exchange::Exchange;
use crate::failure::Failure;
use crate::step::{Flow, Step};
use tollgate_lang::Diagnostic;
use tollgate_lang::document::{Element, TextKind};
use tollgate_lang::value::Str;

/// The element.
pub const DEF: PolicyDef = PolicyDef {
    name: "publish-to-dapr",
    sections: Sections::INBOUND,
    scopes: Scopes::ALL,
    once: Once::Many,
    attributes: &[
        attribute(
            "pubsub-name",
            Kind::Text,
            "the pub/sub component; without it `topic` is `component/topic`",
        )
        .expression(),
        attribute("topic", Kind::Text, "the topic")
            .required()
            .expression(),
        dapr::IGNORE_ERROR,
        dapr::RESPONSE_VARIABLE,
        dapr::TIMEOUT,
        dapr::TEMPLATE,
        dapr::CONTENT_TYPE,
    ],
    children: &[],
    content: Content::Text,
    doc: "Publishes its content to a topic of a Dapr pub/sub component, through the sidecar at `gateway.dapr.httpEndpoint`.\n\nNo connection, no answer in time and an error status fail the call unless `ignore-error` is true. The request goes on to the backend afterwards.",
    compile,
};

fn compile(element: &Element, cx: &mut Compile<'_>) -> Option<Box<dyn Step>> {
    let topic = element.attribute("topic").map(|a| &a.value);
    if let Some(topic) = topic
        && element.attribute("pubsub-name").is_none()
        && topic.kind == TextKind::Literal
        && !is_path(&topic.text)
    {
        cx.report(
            Diagnostic::error("TG0561", topic.span, "the topic names no pub/sub component")
                .label("expected `component/topic`, or the component as `pubsub-name`"),
        );
        return None;
    }
    let call = Call::compile(element, cx);
    let content = dapr::Message::compile(element, element, cx);
    let pubsub = match element.attribute("pubsub-name") {
        Some(name) => Some(cx.text_arg(&name.value)?),
        None => None,
    };
    let topic = cx.arg(element, "topic");
    cx.step(PublishToDapr {
        pubsub,
        topic: topic?,
        content: content?,
        call: call?,
    })
}

/// Whether a topic names its component too.
fn is_path(topic: &str) -> bool {
    topic
        .split_once('/')
        .is_some_and(|(component, topic)| !component.trim().is_empty() && !topic.trim().is_empty())
}

#[derive(Debug)]
struct PublishToDapr {
    pubsub: Option<Arg<Str>>,
    topic: Arg<Str>,
    content: dapr::Message,
    call: Call,
}

impl PublishToDapr {
    async fn publish(&self, rq: &mut Exchange) -> Result<(), Box<Failure>> {
        let topic = self.topic.get(rq)?;
        let pubsub = self.pubsub.as_ref().map(|p| p.get(rq)).transpose()?;
        let (component, topic) = match &pubsub {
            Some(component) => (component.trim(), topic.trim()),
            None if is_path(&topic) => topic.trim().split_once('/').unwrap_or_default(),
            None => {
                let why = format!("The topic `{topic}` names no pub/sub component.");
                return Err(Failure::internal("", "", why));
            }
        };
        let path = format!(
            "publish/{}/{}",
            dapr::segment(component),
            dapr::segment(topic)
        );
        let content = self.content.get(rq)?;
        let json = self.call.json.then_some("application/json");
        self.call.post(rq, &path, json, content).await
    }
}

impl Step for PublishToDapr {
    fn run(&self, _rq: &mut Exchange) -> Flow {
        Flow::Wait
    }

    fn wait<'a>(&'a self, rq: &'a mut Exchange) -> LocalBoxFuture<'a, Flow> {
        Box::pin(async move { self.publish(rq).await.into() })
    }

    fn may_wait(&self) -> bool {
        true
    }
}
