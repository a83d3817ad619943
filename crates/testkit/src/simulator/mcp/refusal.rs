//! Protocol errors: a JSON-RPC error and the HTTP status under it.

use bytes::Bytes;
use http::{Response, StatusCode};
use serde_json::{Value, json};
use tollgate_agents::jsonrpc::code;

use super::super::body::SimulatorBody;
use super::super::model::whole_response;

/// A refused request.
#[derive(Clone, Debug)]
pub(super) struct Refusal {
    pub(super) status: StatusCode,
    pub(super) code: i64,
    pub(super) message: String,
    pub(super) data: Option<Value>,
}

impl Refusal {
    /// With status 400.
    pub(super) fn new(code: i64, message: &str) -> Self {
        Self {
            status: StatusCode::BAD_REQUEST,
            code,
            message: message.to_owned(),
            data: None,
        }
    }

    /// Parameters that do not fit.
    pub(super) fn params(message: &str) -> Self {
        Self::new(code::INVALID_PARAMS, message)
    }

    /// A method that there is not.
    pub(super) fn method(method: &str) -> Self {
        Self::new(
            code::METHOD_NOT_FOUND,
            &format!("Method not found: {method}"),
        )
        .status(StatusCode::NOT_FOUND)
    }

    /// A client capability that the request does not declare.
    pub(super) fn capability(name: &str) -> Self {
        Self::new(
            code::MISSING_CLIENT_CAPABILITY,
            &format!("This needs the client capability `{name}`"),
        )
        .data(json!({ "requiredCapabilities": { name: {} } }))
    }

    #[must_use]
    pub(super) fn status(mut self, status: StatusCode) -> Self {
        self.status = status;
        self
    }

    #[must_use]
    pub(super) fn data(mut self, data: Value) -> Self {
        self.data = Some(data);
        self
    }

    /// The message for a request's id.
    pub(super) fn message(&self, id: &Value) -> Value {
        let mut error = json!({ "code": self.code, "message": self.message });
        if let Some(data) = &self.data {
            error["data"] = data.clone();
        }
        json!({ "jsonrpc": "2.0", "id": id, "error": error })
    }

    /// As an answer of its own.
    pub(super) fn into_response(self, id: &Value) -> Response<SimulatorBody> {
        let mut response = whole_response(Bytes::from(self.message(id).to_string()));
        *response.status_mut() = self.status;
        response
    }
}
