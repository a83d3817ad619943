//! `send-service-bus-message`: puts a message on a queue or topic of Azure Service Bus.
//!
//! Over the service's HTTP API (send message batch, one message), with a token of the gateway's identity. What must
//! stay true: the section goes on only when the service has the message.

use crate::LocalBoxFuture;
use crate::compile::{
    Arg, Compile, Content, Kind, Once, PolicyDef, Scopes, Sections, attribute, child,
};
use crate::exchange::Exchange;
use crate::failure::Failure;
use crate::messaging::{self, Credential};
use crate::step::{Flow, Step};
use serde_json::{Map, Value};
use tollgate_lang::Diagnostic;
use tollgate_lang::document::Element;
use tollgate_lang::value::Str;

/// The element.
pub const DEF: PolicyDef = PolicyDef {
    name: "send-service-bus-message",
    sections: Sections::INBOUND
        .or(Sections::OUTBOUND)
        .or(Sections::ON_ERROR),
    scopes: Scopes::ALL,
    once: Once::Many,
    attributes: &[
        attribute("queue-name", Kind::Text, "the queue").expression(),
        attribute("topic-name", Kind::Text, "the topic, instead of a queue").expression(),
        attribute(
            "namespace",
            Kind::Text,
            "host name of the Service Bus namespace, such as `shop.servicebus.windows.net`",
        )
        .required()
        .expression(),
        attribute(
            "client-id",
            Kind::Text,
            "a user-assigned identity; default: the system-assigned one",
        )
        .expression(),
    ],
    children: &[
        child(
            "message-properties",
            Content::Empty,
            "properties of the message",
        )
        .times(0, 1)
        .children(&[
            child("message-property", Content::Text, "a property").attributes(&[attribute(
                "name",
                Kind::Text,
                "its name",
            )
            .required()
            .expression()]),
        ]),
        child("payload", Content::Text, "the message").times(1, 1),
    ],
    content: Content::Empty,
    doc: "Sends a message to a queue or topic of Azure Service Bus with a token of the gateway's identity.\n\nThe request goes on when the service has taken the message; a refusal, no connection and no answer within 60 seconds end the section.",
    compile,
};

fn compile(element: &Element, cx: &mut Compile<'_>) -> Option<Box<dyn Step>> {
    let mut whole = !cx.exclusive(element, "queue-name", "topic-name");
    let places = ["queue-name", "topic-name"].map(|name| element.attribute(name));
    if places.iter().all(Option::is_none) {
        cx.report(
            Diagnostic::error(
                "TG0317",
                element.name_span,
                "`send-service-bus-message` needs `queue-name` or `topic-name`",
            )
            .label("where does the message go?"),
        );
        whole = false;
    }
    let entity = places.into_iter().flatten().next();
    let entity = entity.and_then(|a| cx.text_arg(&a.value));
    let namespace = cx.arg(element, "namespace");
    let client_id = match element.attribute("client-id") {
        Some(id) => Some(cx.text_arg(&id.value)?),
        None => None,
    };
    let payload = cx.contents(element, "payload").and_then(|mut p| p.pop());
    let mut properties = Vec::new();
    for property in element.elements().flat_map(Element::elements) {
        let name = cx.arg::<Str>(property, "name");
        match (name, cx.content::<Str>(property)) {
            (Some(name), Some(value)) => properties.push((name, value)),
            _ => whole = false,
        }
    }
    if !whole {
        return None;
    }
    cx.step(SendServiceBusMessage {
        entity: entity?,
        namespace: namespace?,
        client_id,
        properties,
        payload: payload?,
    })
}

#[derive(Debug)]
struct SendServiceBusMessage {
    entity: Arg<Str>,
    namespace: Arg<Str>,
    client_id: Option<Arg<Str>>,
    properties: Vec<(Arg<Str>, Arg<Str>)>,
    payload: Arg<Str>,
}

impl SendServiceBusMessage {
    async fn send(&self, rq: &mut Exchange) -> Result<(), Box<Failure>> {
        let (namespace, entity) = (self.namespace.get(rq)?, self.entity.get(rq)?);
        let client_id = self.client_id.as_ref().map(|c| c.get(rq)).transpose()?;
        let mut message = Map::new();
        message.insert(
            "Body".into(),
            Value::String(self.payload.get(rq)?.to_string()),
        );
        let mut properties = Map::new();
        for (name, value) in &self.properties {
            let value = Value::String(value.get(rq)?.to_string());
            properties.insert(name.get(rq)?.to_string(), value);
        }
        if !properties.is_empty() {
            message.insert("UserProperties".into(), Value::Object(properties));
        }
        let credential = Credential::Identity {
            resource: Str::from("https://servicebus.azure.net"),
            client_id,
        };
        let services = rq.services.clone();
        let url = messaging::url(&namespace, &[&entity, "messages"]);
        let request = messaging::batch(&url, &[message.into()], &credential, &services);
        let services = rq.services.clone();
        messaging::deliver(request, &services, "Service Bus")
            .await
            .map_err(|undelivered| undelivered.failure)
    }
}

impl Step for SendServiceBusMessage {
    fn run(&self, _rq: &mut Exchange) -> Flow {
        Flow::Wait
    }

    fn wait<'a>(&'a self, rq: &'a mut Exchange) -> LocalBoxFuture<'a, Flow> {
        Box::pin(async move { self.send(rq).await.into() })
    }

    fn may_wait(&self) -> bool {
        true
    }
}
