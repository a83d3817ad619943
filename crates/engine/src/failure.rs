//! How a request fails: what `context.LastError` tells the document, and what the wire tells the caller.
//!
//! Source of reasons, statuses and messages: API Management, "error handling in policies", and observed answers.
//! What must stay true: the public message never carries what only the operator should see.

use crate::exchange::{BodyState, Response};
use bytes::Bytes;
use http::{HeaderName, HeaderValue, StatusCode, header};
use smallvec::SmallVec;
use std::borrow::Cow;
use std::sync::Arc;
use tollgate_lang::value::Str;

/// A failure of a step or of a built-in stage.
#[derive(Clone, Debug)]
pub struct Failure {
    /// Policy element or built-in stage: `rate-limit`, `authorization`, `forward-request`.
    pub source: &'static str,
    /// Machine code (`RateLimitExceeded`), empty when there is none.
    pub reason: &'static str,
    /// What `context.LastError.Message` says.
    pub message: String,
    /// Status of the default answer.
    pub status: StatusCode,
    /// Reason phrase of the default answer, where it is not the status's own.
    pub phrase: Option<&'static str>,
    /// What the caller reads; `None`: the same as `message`.
    pub public: Option<Cow<'static, str>>,
    /// Whether the answer carries `activityId` (internal errors do).
    pub activity_id: bool,
    /// Headers of the default answer (`Retry-After`, `WWW-Authenticate`).
    pub headers: SmallVec<[(HeaderName, HeaderValue); 1]>,
    /// The exchange's response stays as it is (`fail-on-error-status-code`).
    pub keep_response: bool,
    /// Where it happened; filled in by the runner.
    pub place: Place,
}

/// Where in the documents a failure happened.
#[derive(Clone, Debug, Default)]
pub struct Place {
    /// `global`, `product`, `api`, `operation`; empty for built-in stages.
    pub scope: &'static str,
    /// `inbound`, `backend`, `outbound`, `on-error`; empty for built-in stages.
    pub section: &'static str,
    /// Nesting such as `choose[3]\when[2]`.
    pub path: Option<Arc<str>>,
    /// The `id` attribute.
    pub policy_id: Option<Arc<str>>,
}

/// What the caller reads when the gateway itself is at fault.
pub const INTERNAL: &str = "Internal server error";

impl Failure {
    /// A refusal whose message the caller may read.
    pub fn refused(
        source: &'static str,
        reason: &'static str,
        status: StatusCode,
        message: impl Into<String>,
    ) -> Box<Failure> {
        Box::new(Failure {
            source,
            reason,
            message: message.into(),
            status,
            phrase: None,
            public: None,
            activity_id: false,
            headers: SmallVec::new(),
            keep_response: false,
            place: Place::default(),
        })
    }

    /// A fault whose detail stays inside: 500 with `activityId` and a generic text.
    pub fn internal(
        source: &'static str,
        reason: &'static str,
        message: impl Into<String>,
    ) -> Box<Failure> {
        let mut failure =
            Failure::refused(source, reason, StatusCode::INTERNAL_SERVER_ERROR, message);
        failure.public = Some(Cow::Borrowed(INTERNAL));
        failure.activity_id = true;
        failure
    }

    /// An expression threw: `ExpressionValueEvaluationFailure`.
    pub fn expression(
        source: &'static str,
        error: &tollgate_lang::expr::EvalError,
    ) -> Box<Failure> {
        Failure::internal(
            source,
            "ExpressionValueEvaluationFailure",
            format!("Expression evaluation failed. {}", error.message),
        )
    }

    /// No token of the gateway's own identity could be had.
    pub fn no_identity_token(resource: &str, why: &str) -> Box<Failure> {
        Failure::internal(
            "",
            "ManagedIdentityFailure",
            format!("No managed-identity token for {resource}: {why}"),
        )
    }

    /// Adds a header to the default answer.
    #[must_use]
    pub fn header(mut self: Box<Self>, name: HeaderName, value: HeaderValue) -> Box<Failure> {
        self.headers.push((name, value));
        self
    }

    /// Tells the caller something else than `context.LastError.Message`.
    #[must_use]
    pub fn public(mut self: Box<Self>, text: impl Into<Cow<'static, str>>) -> Box<Failure> {
        self.public = Some(text.into());
        self
    }

    /// The default wire body: `{ "statusCode": …, "message": … }`.
    pub fn wire_body(&self, request_id: u128) -> String {
        let message = self.public.as_deref().unwrap_or(&self.message);
        let message = serde_json::to_string(message).unwrap_or_else(|_| String::from("\"\""));
        if self.activity_id {
            let id = uuid::Uuid::from_u128(request_id);
            format!(
                "{{ \"statusCode\": {}, \"message\": {message}, \"activityId\": \"{id}\" }}",
                self.status.as_u16()
            )
        } else {
            format!(
                "{{ \"statusCode\": {}, \"message\": {message} }}",
                self.status.as_u16()
            )
        }
    }

    /// The default answer.
    pub fn response(&self, request_id: u128) -> Response {
        let mut response = Response::new(self.status);
        response.reason = self.phrase.map(Str::from);
        let (name, value) = Failure::content_type();
        response.headers.insert(name, value);
        for (name, value) in &self.headers {
            response.headers.append(name.clone(), value.clone());
        }
        response.body = BodyState::Buffered(Bytes::from(self.wire_body(request_id)));
        response
    }

    /// Content type of the wire body.
    pub fn content_type() -> (HeaderName, HeaderValue) {
        (
            header::CONTENT_TYPE,
            HeaderValue::from_static("application/json"),
        )
    }
}
