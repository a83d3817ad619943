//! `llm-cost-preview`: answers a request with what it would cost, expected and at most, for each model that may answer it.
//!
//! Not API Management's. The rules are [`crate::preview`]'s. What must stay true: nothing goes upstream, and nothing is
//! counted as used.

use crate::compile::{Compile, Content, Once, PolicyDef, Scopes, Sections};
use crate::exchange::{BodyState, Exchange, Response};
use crate::failure::Failure;
use crate::preview::preview;
use crate::step::{Flow, Needs, Step};
use bytes::Bytes;
use http::{HeaderValue, StatusCode, header};
use tollgate_lang::document::Element;

/// The element.
pub const DEF: PolicyDef = PolicyDef {
    name: "llm-cost-preview",
    sections: Sections::INBOUND,
    scopes: Scopes::ALL,
    once: Once::Many,
    attributes: &[],
    children: &[],
    content: Content::Empty,
    doc: "Ends the pipeline and answers with what the model request in the body would cost: expected and at most. Tollgate's own; API Management has nothing like it.\n\nThe body is a model request, which is priced for its own model at the API's backend, or an object with `request`, `path` and `candidates`, as [Prices](../prices.md#what-a-call-would-cost) describes.",
    compile,
};

fn compile(_element: &Element, cx: &mut Compile<'_>) -> Option<Box<dyn Step>> {
    cx.needs(Needs {
        request_body: true,
        response_body: false,
    });
    cx.step(CostPreview)
}

#[derive(Debug)]
struct CostPreview;

impl Step for CostPreview {
    fn run(&self, rq: &mut Exchange) -> Flow {
        let body = match &rq.request.body {
            BodyState::Buffered(body) => body.clone(),
            _ => Bytes::new(),
        };
        let now = rq.received_unix_nanos / 1_000_000_000;
        match preview(&rq.snapshot, now, Some(&rq.paid()), &body) {
            Ok(shown) => {
                let mut response = Response::new(StatusCode::OK);
                response.headers.insert(
                    header::CONTENT_TYPE,
                    HeaderValue::from_static("application/json"),
                );
                response.body = BodyState::Buffered(Bytes::from(shown.to_string()));
                rq.response = Some(response);
                Flow::Return
            }
            Err(why) => Flow::Fail(Failure::refused(
                "",
                "CostPreviewNotPossible",
                StatusCode::BAD_REQUEST,
                why,
            )),
        }
    }
}
