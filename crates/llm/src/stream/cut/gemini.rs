//! The end of a stream of Gemini answers: each open candidate finishes with `MAX_TOKENS`, with the usage; then
//! the error.

use serde_json::{Map, Value, json};

use super::{Choices, Out, Stopped, value};
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
    /// What names the answer. An event that does not pass ends no candidate, though it may say so beside its text.
    pub(super) fn head(&mut self, data: &[u8]) {
        // A broken event says nothing; what stood before the break counts.
        let _ = json::members(data, |name, member| {
            if matches!(name, "modelVersion" | "responseId") {
                self.head.insert(name.to_owned(), value(member));
            }
        });
    }

    pub(super) fn see(&mut self, data: &[u8]) {
        self.head(data);
        // The same of a broken one.
        let _ = json::members(data, |name, member| {
            if name == "candidates" {
                self.candidates.see(member, "finishReason");
            }
        });
    }

    pub(super) fn close(&mut self, usage: Usage, stopped: Option<&Stopped>, out: &mut Out) {
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
        if let Some(stopped) = stopped {
            let (code, status) = (429, "RESOURCE_EXHAUSTED");
            let error = json!({"code": code, "message": stopped.message, "status": status});
            out.data(&json!({"error": error}));
        }
    }
}
