//! Refusals with the bodies that the real services send.
//!
//! Called by authentication, the router and the operations. What must stay true: Azure's data plane,
//! OpenAI's own API and Entra ID each have their own shape, and SDKs read codes out of them.

use bytes::Bytes;
use http::header::{CONTENT_TYPE, HeaderName, HeaderValue};
use http::{Response, StatusCode};
use serde_json::{Value, json};

use super::body::{self, SimulatorBody};

/// An answer that is not the one asked for.
#[derive(Debug)]
pub(super) struct Refusal {
    pub(super) status: StatusCode,
    pub(super) body: Value,
    pub(super) headers: Vec<(HeaderName, HeaderValue)>,
}

impl Refusal {
    /// A refusal with this body.
    pub(super) fn new(status: StatusCode, body: Value) -> Self {
        Self {
            status,
            body,
            headers: Vec::new(),
        }
    }

    /// Azure's shape: a code and a message.
    pub(super) fn azure(status: StatusCode, code: &str, message: &str) -> Self {
        Self::new(
            status,
            json!({ "error": { "code": code, "message": message } }),
        )
    }

    /// OpenAI's shape for faulty requests, which Azure passes on.
    pub(super) fn invalid(
        message: impl Into<String>,
        param: Option<&str>,
        code: Option<&str>,
    ) -> Self {
        let message = message.into();
        let error = json!({ "message": message, "type": "invalid_request_error", "param": param, "code": code });
        Self::new(StatusCode::BAD_REQUEST, json!({ "error": error }))
    }

    /// A required field is not there.
    pub(super) fn missing(field: &str) -> Self {
        let message = format!("Missing required parameter: '{field}'.");
        Self::invalid(message, Some(field), Some("missing_required_parameter"))
    }

    /// The body is not JSON.
    pub(super) fn not_json(reason: &str) -> Self {
        let message = format!(
            "We could not parse the JSON body of your request. (HINT: This likely means you aren't using your HTTP \
             library correctly. The API expects a JSON payload, but what was sent was not valid JSON: {reason}.)"
        );
        Self::invalid(message, None, None)
    }

    /// Nothing lives at this path.
    pub(super) fn resource_not_found() -> Self {
        Self::azure(StatusCode::NOT_FOUND, "404", "Resource not found")
    }

    /// No such deployment.
    pub(super) fn deployment_not_found() -> Self {
        Self::azure(
            StatusCode::NOT_FOUND,
            "DeploymentNotFound",
            "The API deployment for this resource does not exist. If you created the deployment within the last 5 \
             minutes, please wait a moment and try again.",
        )
    }

    /// The content filter refused the prompt.
    pub(super) fn content_filter() -> Self {
        let safe = json!({ "filtered": false, "severity": "safe" });
        let result = json!({
            "hate": safe, "jailbreak": { "filtered": false, "detected": false }, "self_harm": safe, "sexual": safe,
            "violence": { "filtered": true, "severity": "medium" }
        });
        let error = json!({
            "message": "The response was filtered due to the prompt triggering Azure OpenAI's content management \
                        policy. Please modify your prompt and retry. To learn more about our content filtering \
                        policies please read our documentation: https://go.microsoft.com/fwlink/?linkid=2198766",
            "type": null, "param": "prompt", "code": "content_filter", "status": 400,
            "innererror": { "code": "ResponsibleAIPolicyViolation", "content_filter_result": result }
        });
        Self::new(StatusCode::BAD_REQUEST, json!({ "error": error }))
    }

    /// Adds a header field. Values that no header can carry are left out.
    pub(super) fn with(mut self, name: &'static str, value: &str) -> Self {
        if let Ok(value) = HeaderValue::from_str(value) {
            self.headers.push((HeaderName::from_static(name), value));
        }
        self
    }

    /// As a response.
    pub(super) fn into_response(self) -> Response<SimulatorBody> {
        let mut response = Response::new(body::full(Bytes::from(self.body.to_string())));
        *response.status_mut() = self.status;
        response
            .headers_mut()
            .insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
        for (name, value) in self.headers {
            response.headers_mut().append(name, value);
        }
        response
    }
}
