//! Writes the events that end a stream, in the framing that the stream has.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};

use crate::eventstream;

/// How events lie in the stream.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Wire {
    /// Server-sent events.
    Events,
    /// Frames of Amazon's; whether a frame holds the model's own event as a `chunk`.
    Frames {
        /// `InvokeModelWithResponseStream`.
        chunks: bool,
    },
    /// Elements of a JSON array; whether some have gone out.
    Array {
        /// A comma is due before the next.
        more: bool,
    },
}

/// Events as bytes.
pub(super) struct Out {
    pub(super) bytes: Vec<u8>,
    wire: Wire,
}

impl Out {
    pub(super) fn new(wire: Wire) -> Self {
        Self {
            bytes: Vec::new(),
            wire,
        }
    }

    /// One without a name.
    pub(super) fn data(&mut self, value: &Value) {
        let text = value.to_string();
        match &mut self.wire {
            Wire::Events => {
                self.bytes.extend_from_slice(b"data: ");
                self.bytes.extend_from_slice(text.as_bytes());
                self.bytes.extend_from_slice(b"\n\n");
            }
            Wire::Frames { .. } => {
                let chunk = json!({"bytes": STANDARD.encode(text)});
                self.frame("event", "chunk", &chunk);
            }
            Wire::Array { more } => {
                let before: &[u8] = if std::mem::replace(more, true) {
                    b",\r\n"
                } else {
                    b"["
                };
                self.bytes.extend_from_slice(before);
                self.bytes.extend_from_slice(text.as_bytes());
            }
        }
    }

    /// One whose name is its `type`.
    pub(super) fn typed(&mut self, value: &Value) {
        if self.wire == Wire::Events {
            let name = value["type"].as_str().unwrap_or_default();
            self.bytes.extend_from_slice(b"event: ");
            self.bytes.extend_from_slice(name.as_bytes());
            self.bytes.push(b'\n');
        }
        self.data(value);
    }

    /// One of Bedrock's own: a frame of this name, or its member in the model's own event.
    pub(super) fn named(&mut self, name: &str, value: Value) {
        if self.wire == (Wire::Frames { chunks: false }) {
            self.frame("event", name, &value);
        } else {
            self.data(&json!({ name: value }));
        }
    }

    /// What closes the framing, with the error where frames have a kind for it.
    pub(super) fn end(&mut self, message: &str) {
        match self.wire {
            Wire::Events => {}
            Wire::Frames { .. } => {
                let payload = json!({"message": message});
                self.frame("exception", "throttlingException", &payload);
            }
            Wire::Array { more } => {
                let last: &[u8] = if more { b"\n]" } else { b"[]" };
                self.bytes.extend_from_slice(last);
            }
        }
    }

    fn frame(&mut self, message: &str, name: &str, payload: &Value) {
        let kind = format!(":{message}-type");
        let headers = [
            (&*kind, name),
            (":content-type", "application/json"),
            (":message-type", message),
        ];
        let frame = eventstream::frame(&headers, payload.to_string().as_bytes());
        self.bytes.extend(frame.unwrap_or_default());
    }
}
