//! The end of a stream of Anthropic messages: the open content blocks stop, then `message_delta` with the reason
//! `max_tokens`, then `message_stop`, then the event `error`.

use serde_json::json;

use super::{MOST_PARTS, Out, Stopped};
use crate::json;
use crate::usage::Usage;

/// What the events said so far.
#[derive(Debug, Default)]
pub(super) struct Anthropic {
    /// Content blocks that are open.
    open: Vec<u64>,
    /// `message_delta` has gone out.
    ended: bool,
    stopped: bool,
}

impl Anthropic {
    pub(super) fn see(&mut self, data: &[u8]) {
        let (mut kind, mut index) = (None, 0);
        let read = json::members(data, |name, member| match name {
            "type" => kind = json::text(member),
            "index" => index = json::number(member).unwrap_or(0),
            _ => {}
        });
        if read.is_err() {
            return;
        }
        match kind.as_deref() {
            Some("content_block_start") if self.open.len() < MOST_PARTS => self.open.push(index),
            Some("content_block_stop") => self.open.retain(|open| *open != index),
            Some("message_delta") => self.ended = true,
            Some("message_stop") => self.stopped = true,
            _ => {}
        }
    }

    pub(super) fn close(&mut self, usage: Usage, stopped: Option<&Stopped>, out: &mut Out) {
        for index in self.open.drain(..) {
            out.typed(&json!({"type": "content_block_stop", "index": index}));
        }
        if !self.ended {
            out.typed(&json!({
                "type": "message_delta",
                "delta": {"stop_reason": "max_tokens", "stop_sequence": null},
                "usage": {"output_tokens": usage.output},
            }));
        }
        if !self.stopped {
            out.typed(&json!({"type": "message_stop"}));
        }
        if let Some(stopped) = stopped {
            let kind = if stopped.rate {
                "rate_limit_error"
            } else {
                "billing_error"
            };
            let error = json!({"type": kind, "message": stopped.message});
            out.typed(&json!({"type": "error", "error": error}));
        }
    }
}
