//! The end of a stream of Gemini answers: each open candidate finishes with `MAX_TOKENS`, with the usage.

use serde_json::{Map, Value, json};

use super::{Choices, Events, value};
use crate::json;
use crate::usage::Usage;

/// What the events said so far.
#[derive(Debug, Default)]
pub(super) struct Gemini {
    /// `modelVersion` and `responseId`.
    head: Map<String, Value>,
    candidates: Choices,
}

impl Gemini {
    pub(super) fn see(&mut self, data: &[u8]) {
        // A broken event says nothing; what stood before the break counts.
        let _ = json::members(data, |name, member| match name {
            "modelVersion" | "responseId" => {
                self.head.insert(name.to_owned(), value(member));
            }
            "candidates" => self.candidates.see(member, "finishReason"),
            _ => {}
        });
    }

    pub(super) fn close(&mut self, usage: Usage, out: &mut Events) {
        let open = self.candidates.open();
        let candidates: Vec<Value> = open
            .into_iter()
            .map(|index| {
                json!({
                    "content": {"role": "model", "parts": [{"text": ""}]},
                    "finishReason": "MAX_TOKENS",
                    "index": index,
                })
            })
            .collect();
        let mut last = std::mem::take(&mut self.head);
        last.insert("candidates".into(), candidates.into());
        last.insert(
            "usageMetadata".into(),
            json!({
                "promptTokenCount": usage.input,
                "candidatesTokenCount": usage.output.saturating_sub(usage.reasoning),
                "thoughtsTokenCount": usage.reasoning,
                "totalTokenCount": usage.total,
            }),
        );
        out.data(&Value::Object(last));
    }
}
