//! The end of a stream of Bedrock's own events (`ConverseStream`, and Nova's, which are the same in a `chunk`): the open
//! content blocks stop, then `messageStop` with the reason `max_tokens`, then `metadata` with the usage.

use serde_json::json;

use super::{MOST_PARTS, Out};
use crate::json;
use crate::usage::Usage;

/// What the events said so far.
#[derive(Debug, Default)]
pub(super) struct Bedrock {
    /// Content blocks that are open; one of text begins with its first delta.
    open: Vec<u64>,
    stopped: bool,
    metadata: bool,
}

/// Whether an event of this name is one of Bedrock's own.
pub(super) fn is_own(name: &[u8]) -> bool {
    matches!(
        name,
        b"messageStart"
            | b"contentBlockStart"
            | b"contentBlockDelta"
            | b"contentBlockStop"
            | b"messageStop"
            | b"metadata"
    )
}

impl Bedrock {
    /// An event, whose name is the frame's; of Nova's it is the name of its member.
    pub(super) fn see(&mut self, name: Option<&[u8]>, data: &[u8]) {
        if let Some(name) = name.filter(|name| is_own(name)) {
            let mut index = 0;
            let read = json::members(data, |member, value| {
                if member == "contentBlockIndex" {
                    index = json::number(value).unwrap_or(0);
                }
            });
            if read.is_ok() {
                self.event(name, index);
            }
            return;
        }
        // A broken event says nothing; what stood before the break counts.
        let _ = json::members(data, |name, value| {
            let mut index = 0;
            json::object(value, |member, value| {
                if member == "contentBlockIndex" {
                    index = json::number(value).unwrap_or(0);
                }
            });
            self.event(name.as_bytes(), index);
        });
    }

    fn event(&mut self, name: &[u8], index: u64) {
        match name {
            b"contentBlockStart" | b"contentBlockDelta"
                if self.open.len() < MOST_PARTS && !self.open.contains(&index) =>
            {
                self.open.push(index);
            }
            b"contentBlockStop" => self.open.retain(|open| *open != index),
            b"messageStop" => self.stopped = true,
            b"metadata" => self.metadata = true,
            _ => {}
        }
    }

    pub(super) fn close(&mut self, usage: Usage, out: &mut Out) {
        for index in self.open.drain(..) {
            out.named("contentBlockStop", json!({"contentBlockIndex": index}));
        }
        if !self.stopped {
            out.named("messageStop", json!({"stopReason": "max_tokens"}));
        }
        if !self.metadata {
            let usage = json!({
                "inputTokens": usage.input,
                "outputTokens": usage.output,
                "totalTokens": usage.total,
            });
            out.named("metadata", json!({"usage": usage}));
        }
    }
}
