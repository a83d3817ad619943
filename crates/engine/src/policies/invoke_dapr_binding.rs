//! `invoke-dapr-binding`: triggers an output binding through the Dapr sidecar.

use crate::LocalBoxFuture;
use crate::compile::{
    Arg, Compile, Content, Kind, Once, PolicyDef, Scopes, Sections, attribute, child,
};
use crate::dapr::{self, Call};
use crate::exchange::Exchange;
use crate::failure::Failure;
use crate::step::{Flow, Step};
use bytes::Bytes;
use serde_json::{Map, Value};
use tollgate_lang::document::Element;
use tollgate_lang::value::Str;

/// The element.
pub const DEF: PolicyDef = PolicyDef {
    name: "invoke-dapr-binding",
    sections: Sections::INBOUND
        .or(Sections::OUTBOUND)
        .or(Sections::ON_ERROR),
    scopes: Scopes::ALL,
    once: Once::Many,
    attributes: &[
        attribute("name", Kind::Text, "the binding")
            .required()
            .expression(),
        attribute(
            "operation",
            Kind::Text,
            "what the binding is to do, such as `create`",
        ),
        dapr::IGNORE_ERROR,
        dapr::RESPONSE_VARIABLE,
        dapr::TIMEOUT,
        dapr::TEMPLATE,
        dapr::CONTENT_TYPE,
    ],
    children: &[
        child("metadata", Content::Empty, "metadata of the call")
            .times(0, 1)
            .children(&[
                child("item", Content::Text, "a value").attributes(&[attribute(
                    "key",
                    Kind::Text,
                    "its name",
                )
                .required()]),
            ]),
        child("data", Content::Text, "what the binding gets").times(0, 1),
    ],
    content: Content::Empty,
    doc: "Triggers an output binding of Dapr, through the sidecar at `gateway.dapr.httpEndpoint`.\n\nWith `content-type=\"application/json\"` the data is passed on as JSON, else as a string. No connection, no answer in time and an error status fail the call unless `ignore-error` is true.",
    compile,
};

fn compile(element: &Element, cx: &mut Compile<'_>) -> Option<Box<dyn Step>> {
    let call = Call::compile(element, cx);
    let name = cx.arg(element, "name");
    let mut metadata = Vec::new();
    let mut whole = true;
    let mut data = None;
    for child in element.elements() {
        if &*child.name == "data" {
            data = dapr::Message::compile(child, element, cx);
            whole &= data.is_some();
            continue;
        }
        for item in child.elements() {
            let key = item.attribute("key").map(|a| a.value.text.clone());
            match (key, cx.content::<Str>(item)) {
                (Some(key), Some(value)) => metadata.push((key, value)),
                _ => whole = false,
            }
        }
    }
    if !whole {
        return None;
    }
    let operation = cx.literal(element, "operation");
    cx.step(InvokeDaprBinding {
        name: name?,
        operation,
        metadata,
        data,
        call: call?,
    })
}

#[derive(Debug)]
struct InvokeDaprBinding {
    name: Arg<Str>,
    operation: Option<Str>,
    metadata: Vec<(Str, Arg<Str>)>,
    data: Option<dapr::Message>,
    call: Call,
}

impl InvokeDaprBinding {
    async fn invoke(&self, rq: &mut Exchange) -> Result<(), Box<Failure>> {
        let path = format!("bindings/{}", dapr::segment(self.name.get(rq)?.trim()));
        let mut message = Map::new();
        if let Some(data) = &self.data {
            let data = data.get(rq)?;
            let data = if self.call.json {
                serde_json::from_slice(&data).map_err(|error| {
                    Failure::internal("", "", format!("The data is not JSON: {error}."))
                })?
            } else {
                Value::String(String::from_utf8_lossy(&data).into_owned())
            };
            message.insert(String::from("data"), data);
        }
        let mut metadata = Map::new();
        for (key, value) in &self.metadata {
            let value = Value::String(value.get(rq)?.to_string());
            metadata.insert(key.to_string(), value);
        }
        if !metadata.is_empty() {
            message.insert(String::from("metadata"), Value::Object(metadata));
        }
        if let Some(operation) = &self.operation {
            let operation = Value::String(operation.to_string());
            message.insert(String::from("operation"), operation);
        }
        let body = Bytes::from(Value::Object(message).to_string());
        self.call
            .post(rq, &path, Some("application/json"), body)
            .await
    }
}

impl Step for InvokeDaprBinding {
    fn run(&self, _rq: &mut Exchange) -> Flow {
        Flow::Wait
    }

    fn wait<'a>(&'a self, rq: &'a mut Exchange) -> LocalBoxFuture<'a, Flow> {
        Box::pin(async move { self.invoke(rq).await.into() })
    }

    fn may_wait(&self) -> bool {
        true
    }
}
