//! `mock-response`: answers with an example of the operation's definition, else with a sample of its schema.
//!
//! The pipeline ends. Examples and samples are ready since the configuration was loaded.

use crate::compile::{Compile, Content, Kind, Once, PolicyDef, Scopes, Sections, attribute};
use crate::contract::sample::Sample;
use crate::exchange::{BodyState, Exchange, Response};
use crate::step::{Flow, Step};
use bytes::Bytes;
use http::{HeaderValue, StatusCode, header};
use tollgate_agents::operation::contract::essence;
use tollgate_lang::Diagnostic;
use tollgate_lang::document::Element;
use tollgate_lang::value::Str;

/// The element.
pub const DEF: PolicyDef = PolicyDef {
    name: "mock-response",
    sections: Sections::INBOUND
        .or(Sections::OUTBOUND)
        .or(Sections::ON_ERROR),
    scopes: Scopes::ALL,
    once: Once::Many,
    attributes: &[
        attribute(
            "status-code",
            Kind::Int(200, 999),
            "the status, which also chooses among the answers that the operation declares",
        )
        .default("200"),
        attribute(
            "content-type",
            Kind::Text,
            "the content type, which also chooses among the bodies that the answer declares; none: the first with a body",
        ),
        attribute(
            "index",
            Kind::Int(0, i32::MAX as i64),
            "which of several examples, from 0; beyond the last it is the last",
        )
        .default("0"),
    ],
    children: &[],
    content: Content::Empty,
    doc: "Ends the pipeline and answers with an example from the operation's definition, else with a sample made from its schema, else with an empty body.",
    compile,
};

fn compile(element: &Element, cx: &mut Compile<'_>) -> Option<Box<dyn Step>> {
    cx.contract().samples = true;
    let status = cx.literal::<i64>(element, "status-code");
    let index = cx.literal::<i64>(element, "index");
    let content_type = match element.attribute("content-type") {
        Some(attribute) => {
            let text = attribute.value.text.trim();
            let value = HeaderValue::from_str(text).ok();
            if value.is_none() {
                let fault = Diagnostic::error(
                    "TG0547",
                    attribute.value.span,
                    format!("`{text}` is not a content type"),
                );
                cx.report(fault.label("expected a media type such as `application/json`"));
            }
            Some((essence(text), value?))
        }
        None => None,
    };
    cx.step(MockResponse {
        status: StatusCode::from_u16(u16::try_from(status?).ok()?).ok()?,
        content_type: content_type.filter(|(essence, _)| !essence.is_empty()),
        index: usize::try_from(index?).ok()?,
    })
}

#[derive(Debug)]
struct MockResponse {
    status: StatusCode,
    content_type: Option<(String, HeaderValue)>,
    index: usize,
}

impl MockResponse {
    fn body<'s>(&self, sample: Option<&'s Sample>) -> Option<&'s Bytes> {
        let bodies = &sample?.bodies;
        bodies.get(self.index).or_else(|| bodies.last())
    }
}

impl Step for MockResponse {
    fn run(&self, rq: &mut Exchange) -> Flow {
        let contract = rq.operation().and_then(|o| o.contract.as_deref());
        let declared = contract.and_then(|c| c.response(self.status.as_u16()));
        let samples = declared.map_or(&[][..], |r| &r.samples);
        let sample = match &self.content_type {
            Some((essence, _)) => samples.iter().find(|s| s.essence == *essence),
            None => {
                let first = samples.iter().find(|s| !s.bodies.is_empty());
                first.or(samples.first())
            }
        };
        let mut response = Response::new(self.status);
        let told = self.content_type.as_ref().map(|(_, value)| value);
        if let Some(value) = told.or(sample.and_then(|s| s.content_type.as_ref())) {
            response.headers.insert(header::CONTENT_TYPE, value.clone());
        }
        if let Some(body) = self.body(sample) {
            response.body = BodyState::Buffered(body.clone());
        }
        response.reason = self.status.canonical_reason().map(Str::from);
        rq.response = Some(response);
        Flow::Return
    }
}
