//! `return-response`: answers at once; nothing else of the pipeline runs.
//!
//! Starts from an empty 200, or from a response that an earlier policy put into a variable. All values are computed
//! before the response changes, so that its expressions still see the old one.

use crate::compile::{Compile, Content, Kind, Once, PolicyDef, Scopes, Sections, attribute, child};
use crate::exchange::{BodyState, Exchange, Response, forget_body};
use crate::failure::Failure;
use crate::policies::{set_body, set_header, set_status};
use crate::step::{Flow, Step};
use http::{StatusCode, header};
use tollgate_lang::document::Element;
use tollgate_lang::value::{Str, Value};

/// The element.
pub const DEF: PolicyDef = PolicyDef {
    name: "return-response",
    sections: Sections::ALL,
    scopes: Scopes::ALL,
    once: Once::Many,
    attributes: &[attribute(
        "response-variable-name",
        Kind::Text,
        "variable with a response (of `send-request`) to start from",
    )],
    children: &[
        child("set-status", Content::Empty, "the status; default 200")
            .times(0, 1)
            .attributes(set_status::DEF.attributes),
        child("set-header", Content::Empty, "a header")
            .attributes(set_header::DEF.attributes)
            .children(set_header::DEF.children),
        child("set-body", Content::Text, "the body; default none")
            .times(0, 1)
            .attributes(set_body::DEF.attributes)
            .children(set_body::DEF.children),
    ],
    content: Content::Empty,
    doc: "Ends the pipeline and sends a response: by default an empty 200, or as its children say.",
    compile,
};

fn compile(element: &Element, cx: &mut Compile<'_>) -> Option<Box<dyn Step>> {
    let mut step = ReturnResponse::default();
    let mut whole = true;
    if element.attribute("response-variable-name").is_some() {
        step.variable = cx.literal(element, "response-variable-name");
        whole &= step.variable.is_some();
    }
    for child in element.elements() {
        match &*child.name {
            "set-status" => {
                step.status = set_status::compile_status(child, cx);
                whole &= step.status.is_some();
            }
            "set-header" => match set_header::compile_header(child, cx) {
                Some(header) => step.headers.push(header),
                None => whole = false,
            },
            "set-body" => {
                step.body = set_body::compile_body(child, cx);
                whole &= step.body.is_some();
            }
            _ => {}
        }
    }
    if whole { cx.step(step) } else { None }
}

#[derive(Debug, Default)]
struct ReturnResponse {
    variable: Option<Str>,
    status: Option<set_status::SetStatus>,
    headers: Vec<set_header::SetHeader>,
    body: Option<set_body::SetBody>,
}

impl ReturnResponse {
    fn response(&self, rq: &mut Exchange) -> Result<Response, Box<Failure>> {
        let mut response = match &self.variable {
            Some(name) => stored(rq.variable(name), name)?,
            None => Response::new(StatusCode::OK),
        };
        if let Some(status) = &self.status {
            set_status::SetStatus::apply(status.get(rq)?, &mut response);
        }
        let body = match &self.body {
            Some(body) => Some(body.get(rq)?),
            None => None,
        };
        for header in &self.headers {
            header.apply_to(rq, &mut response.headers)?;
        }
        if let Some(body) = body {
            forget_body(&mut response.headers);
            response.body = BodyState::Buffered(body);
        }
        Ok(response)
    }
}

/// The response that a variable holds.
fn stored(value: Option<&Value>, name: &str) -> Result<Response, Box<Failure>> {
    let why = match value {
        Some(Value::Response(stored)) => {
            let status = StatusCode::from_u16(stored.status)
                .ok()
                .filter(|s| !s.is_informational())
                .unwrap_or(StatusCode::BAD_GATEWAY);
            let mut response = Response::new(status);
            response.reason = Some(stored.reason.clone()).filter(|r| !r.is_empty());
            response.headers = stored.headers.clone();
            // The stored body is whole, and decoded unless a header says that it could not be.
            response.headers.remove(header::CONTENT_LENGTH);
            response.headers.remove(header::TRANSFER_ENCODING);
            if let Some(body) = &*stored.body.borrow() {
                response.body = BodyState::Buffered(body.clone());
            }
            return Ok(response);
        }
        Some(Value::Null) => "is null",
        Some(_) => "does not hold a response",
        None => "is not set",
    };
    Err(Failure::internal(
        "",
        "",
        format!(
            "The variable `{name}` {why}: `response-variable-name` needs a response of `send-request`."
        ),
    ))
}

impl Step for ReturnResponse {
    fn run(&self, rq: &mut Exchange) -> Flow {
        match self.response(rq) {
            Ok(response) => {
                rq.response = Some(response);
                Flow::Return
            }
            Err(failure) => Flow::Fail(failure),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use bytes::Bytes;
    use http::{HeaderMap, HeaderValue};

    fn response(status: u16, reason: &str, body: Option<&'static str>) -> Value {
        let mut headers = HeaderMap::new();
        headers.insert("x", HeaderValue::from_static("1"));
        headers.insert("content-length", HeaderValue::from_static("999"));
        headers.insert("transfer-encoding", HeaderValue::from_static("chunked"));
        let body = body.map(|b| Bytes::from_static(b.as_bytes()));
        let stored = tollgate_lang::value::Response::new(status, reason, headers, body);
        Value::Response(std::rc::Rc::new(stored))
    }

    #[test]
    fn a_stored_response_is_the_start() {
        let found = stored(Some(&response(404, "Gone away", Some("text"))), "v").unwrap();
        assert_eq!(found.status, 404);
        assert_eq!(found.reason.as_deref(), Some("Gone away"));
        assert_eq!(found.headers.len(), 1);
        assert!(matches!(found.body, BodyState::Buffered(b) if b == "text"));
    }

    #[test]
    fn a_stored_response_without_a_body_or_with_no_final_status() {
        let found = stored(Some(&response(101, "", None)), "v").unwrap();
        assert_eq!(found.status, StatusCode::BAD_GATEWAY);
        assert_eq!(found.reason, None);
        assert!(matches!(found.body, BodyState::None));
    }

    #[test]
    fn what_holds_no_response_fails_by_name() {
        for (value, why) in [
            (None, "is not set"),
            (Some(Value::Null), "is null"),
            (Some(Value::Int(1)), "does not hold a response"),
        ] {
            let failure = stored(value.as_ref(), "v").unwrap_err();
            assert!(
                failure
                    .message
                    .starts_with(&format!("The variable `v` {why}")),
                "{}",
                failure.message
            );
        }
    }
}
