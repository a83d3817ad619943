//! A call of the Dapr sidecar's HTTP API: what `publish-to-dapr` and `invoke-dapr-binding` share.
//!
//! Source: API Management's pages of both policies, and Dapr's API reference (publish, bindings). What must stay true:
//! the wait has a deadline; the variable holds the sidecar's answer before the failure that it may be ends the section,
//! because documents send it to the caller from on-error.

use crate::compile::{Arg, AttributeDef, Compile, Kind, attribute};
use crate::exchange::Exchange;
use crate::failure::Failure;
use crate::policies::set_body;
use crate::side_request::Prepared;
use bytes::Bytes;
use http::{HeaderMap, HeaderValue, header};
use percent_encoding::utf8_percent_encode;
use std::time::Duration;
use tollgate_agents::operation::template::VALUE;
use tollgate_lang::document::Element;
use tollgate_lang::value::{Str, Value};

/// `ignore-error`.
pub(crate) const IGNORE_ERROR: AttributeDef = attribute(
    "ignore-error",
    Kind::Bool,
    "go on when the sidecar cannot be reached or answers with an error",
)
.default("false");

/// `response-variable-name`.
pub(crate) const RESPONSE_VARIABLE: AttributeDef = attribute(
    "response-variable-name",
    Kind::Text,
    "the variable that gets the sidecar's answer; null when there was none",
);

/// `timeout`.
pub(crate) const TIMEOUT: AttributeDef = attribute(
    "timeout",
    Kind::Int(1, 240),
    "seconds until the sidecar must have answered",
)
.expression()
.default("5");

/// `template`.
pub(crate) const TEMPLATE: AttributeDef = attribute(
    "template",
    Kind::OneOf(&["Liquid"]),
    "`Liquid`: the content is a template",
);

/// `content-type`.
pub(crate) const CONTENT_TYPE: AttributeDef = attribute(
    "content-type",
    Kind::OneOf(&["application/json"]),
    "type of the content; without it the sidecar takes it as text",
);

/// A name as one segment of a path.
pub(crate) fn segment(name: &str) -> impl std::fmt::Display {
    utf8_percent_encode(name, VALUE)
}

/// What goes to the sidecar: text, an expression, or a template.
#[derive(Debug)]
pub(crate) struct Message(set_body::SetBody);

impl Message {
    /// The content of `element`; `owner` is the policy, which says whether it is a template.
    pub(crate) fn compile(
        element: &Element,
        owner: &Element,
        cx: &mut Compile<'_>,
    ) -> Option<Message> {
        set_body::compile_content(element, owner, cx).map(Message)
    }

    /// The content for this request.
    pub(crate) fn get(&self, rq: &mut Exchange) -> Result<Bytes, Box<Failure>> {
        self.0.get(rq)
    }
}

/// What both elements say of the call.
#[derive(Debug)]
pub(crate) struct Call {
    ignore_error: bool,
    variable: Option<Str>,
    timeout: Arg<i64>,
    /// Whether the content is JSON.
    pub(crate) json: bool,
}

impl Call {
    /// From either element, whose shape was checked.
    pub(crate) fn compile(element: &Element, cx: &mut Compile<'_>) -> Option<Call> {
        Some(Call {
            ignore_error: cx.literal(element, "ignore-error")?,
            variable: cx.literal(element, "response-variable-name"),
            timeout: cx.arg(element, "timeout")?,
            json: element.attribute("content-type").is_some(),
        })
    }

    /// Posts `body`, whose type is `content_type`, to a path below `/v1.0/`.
    pub(crate) async fn post(
        &self,
        rq: &mut Exchange,
        path: &str,
        content_type: Option<&'static str>,
        body: Bytes,
    ) -> Result<(), Box<Failure>> {
        let seconds = self.timeout.get(rq)?;
        if !(1..=240).contains(&seconds) {
            let why = format!("A timeout of {seconds} seconds is not one of 1 to 240.");
            return Err(Failure::internal("", "", why));
        }
        let url = format!("{}/v1.0/{path}", rq.snapshot.gateway.dapr_endpoint);
        let mut headers = HeaderMap::new();
        if let Some(content_type) = content_type {
            headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(content_type));
        }
        let timeout = Duration::from_secs(seconds.unsigned_abs());
        let services = rq.services.clone();
        let limit = rq.snapshot.gateway.max_buffered_body;
        let sent = Prepared::post(&url, headers, body, timeout);
        let (value, outcome) = match sent.send(&services, limit).await {
            Ok(answer) => {
                let status = answer.status;
                let outcome = if status.is_client_error() || status.is_server_error() {
                    let text = format!("The Dapr sidecar answered {path} with {status}.");
                    Err(Failure::internal("", "", text))
                } else {
                    Ok(())
                };
                (answer.into_value(limit), outcome)
            }
            Err(failure) => (Value::Null, Err(failure)),
        };
        if let Some(variable) = &self.variable {
            rq.set_variable(variable, value);
        }
        if self.ignore_error { Ok(()) } else { outcome }
    }
}
