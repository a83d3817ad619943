//! What a scripted upstream does with one request: bytes, waits, endings.
//!
//! Called by tests, played by [`ScriptedUpstream`](super::ScriptedUpstream). What must stay true:
//! a script says everything; nothing is added to its bytes.

use std::fmt::Write;
use std::time::Duration;

use bytes::Bytes;
use serde_json::Value;

/// One action.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Step {
    /// Write these bytes and flush them.
    Bytes(Bytes),
    /// Wait. If the peer closes meanwhile, the script ends and counts as a hang-up.
    Delay(Duration),
    /// Close the connection.
    Close,
    /// Reset the connection (RST).
    Reset,
}

/// The actions for one request. A script that neither closes nor resets leaves the connection open
/// for the next request.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Script {
    steps: Vec<Step>,
}

impl Script {
    /// Does nothing yet.
    pub fn new() -> Self {
        Self::default()
    }

    /// A whole response; `content-length` is added.
    pub fn response(status: u16, headers: &[(&str, &str)], body: impl Into<Bytes>) -> Self {
        let body = body.into();
        let mut head = head(status, headers);
        // Writing to a string cannot fail.
        let _ = write!(head, "content-length: {}\r\n\r\n", body.len());
        Self::new().raw(head).raw(body)
    }

    /// A whole JSON response.
    pub fn json(status: u16, body: &Value) -> Self {
        Self::response(
            status,
            &[("content-type", "application/json")],
            body.to_string(),
        )
    }

    /// The head of a chunked response, to be followed by [`Script::chunk`] and [`Script::end`].
    pub fn chunked(status: u16, headers: &[(&str, &str)]) -> Self {
        Self::new().raw(head(status, headers) + "transfer-encoding: chunked\r\n\r\n")
    }

    /// A chunked event stream: one chunk per `data`, then `[DONE]`.
    pub fn sse<'a>(events: impl IntoIterator<Item = &'a str>) -> Self {
        let mut script = Self::chunked(200, &[("content-type", "text/event-stream")]);
        for event in events {
            script = script.chunk(format!("data: {event}\n\n"));
        }
        script.chunk("data: [DONE]\n\n").end()
    }

    /// A chunk of a chunked response.
    #[must_use]
    pub fn chunk(self, data: impl Into<Bytes>) -> Self {
        let data = data.into();
        let mut framed = format!("{:x}\r\n", data.len()).into_bytes();
        framed.extend_from_slice(&data);
        framed.extend_from_slice(b"\r\n");
        self.raw(framed)
    }

    /// The end of a chunked response.
    #[must_use]
    pub fn end(self) -> Self {
        self.raw("0\r\n\r\n")
    }

    /// Bytes as they are, also broken HTTP.
    #[must_use]
    pub fn raw(mut self, bytes: impl Into<Bytes>) -> Self {
        self.steps.push(Step::Bytes(bytes.into()));
        self
    }

    /// A pause.
    #[must_use]
    pub fn delay(mut self, time: Duration) -> Self {
        self.steps.push(Step::Delay(time));
        self
    }

    /// A close.
    #[must_use]
    pub fn close(mut self) -> Self {
        self.steps.push(Step::Close);
        self
    }

    /// A reset.
    #[must_use]
    pub fn reset(mut self) -> Self {
        self.steps.push(Step::Reset);
        self
    }

    /// The actions in order.
    pub fn steps(&self) -> &[Step] {
        &self.steps
    }
}

fn head(status: u16, headers: &[(&str, &str)]) -> String {
    let reason = http::StatusCode::from_u16(status)
        .ok()
        .and_then(|status| status.canonical_reason());
    let mut head = format!("HTTP/1.1 {status} {}\r\n", reason.unwrap_or("Unknown"));
    for (name, value) in headers {
        let _ = write!(head, "{name}: {value}\r\n");
    }
    head
}
