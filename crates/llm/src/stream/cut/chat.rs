//! The end of a chat or completions stream: every open choice finishes with `length`, then the usage chunk for who asked
//! for it. The error and `[DONE]` come behind that.

use serde_json::{Map, Value, json};

use super::{Choices, Out, value};
use crate::dialect::Operation;
use crate::json;
use crate::usage::Usage;

/// What the chunks said so far.
#[derive(Debug, Default)]
pub(super) struct Chat {
    /// Members that every chunk repeats.
    head: Map<String, Value>,
    choices: Choices,
}

/// Members that every chunk repeats.
const HEAD: [&str; 6] = [
    "id",
    "object",
    "created",
    "model",
    "system_fingerprint",
    "service_tier",
];

impl Chat {
    /// Keeps the head; Azure's first chunk has one of empty texts, so the latest counts until it has an id.
    pub(super) fn head(&mut self, data: &[u8]) {
        let named =
            |head: &Map<String, Value>| head.get("id").is_some_and(|id| id.as_str() != Some(""));
        if named(&self.head) {
            return;
        }
        let mut head = Map::new();
        let read = json::members(data, |name, member| {
            if HEAD.contains(&name) {
                head.insert(name.to_owned(), value(member));
            }
        });
        if read.is_ok() {
            self.head = head;
        }
    }

    pub(super) fn see(&mut self, data: &[u8]) {
        self.head(data);
        // A broken event says nothing; what stood before the break counts.
        let _ = json::members(data, |name, member| {
            if name == "choices" {
                self.choices.see(member, "finish_reason");
            }
        });
    }

    pub(super) fn close(&mut self, operation: Operation, usage: Option<Usage>, out: &mut Out) {
        let began = !self.choices.0.is_empty();
        let completions = operation == Operation::Completions;
        let object = if completions {
            "text_completion"
        } else {
            "chat.completion.chunk"
        };
        if self
            .head
            .get("object")
            .is_none_or(|object| object.as_str() == Some(""))
        {
            self.head.insert("object".into(), object.into());
        }
        for index in self.choices.open() {
            let mut choice = json!({"index": index, "finish_reason": "length", "logprobs": null});
            if completions {
                choice["text"] = "".into();
            } else if began {
                choice["delta"] = json!({});
            } else {
                choice["delta"] = json!({"role": "assistant", "content": ""});
            }
            out.data(&self.chunk(json!([choice]), usage.is_some().then_some(Value::Null)));
        }
        if let Some(usage) = usage {
            let usage = json!({
                "prompt_tokens": usage.input,
                "completion_tokens": usage.output,
                "total_tokens": usage.total,
            });
            out.data(&self.chunk(json!([]), Some(usage)));
        }
    }

    fn chunk(&self, choices: Value, usage: Option<Value>) -> Value {
        let mut chunk = self.head.clone();
        chunk.insert("choices".into(), choices);
        if let Some(usage) = usage {
            chunk.insert("usage".into(), usage);
        }
        Value::Object(chunk)
    }
}
