//! The end of a Responses stream: what is open is done as it stands, then `response.incomplete` for `max_output_tokens`,
//! then the event `error`.
//!
//! What must hold: the last event carries the whole response, as the provider's own would, unless the output is larger
//! than what is kept; then its text is left out there, and the caller has it from the deltas.

use serde_json::value::RawValue;
use serde_json::{Map, Value, json};

use super::{MOST_PARTS, MOST_TEXT, Out, Stopped, openai, value};
use crate::json;
use crate::usage::Usage;

/// What the events said so far.
#[derive(Debug, Default)]
pub(super) struct Responses {
    /// `response` of the first event that has one.
    response: Option<Value>,
    items: Vec<Item>,
    /// `sequence_number` of the last event.
    sequence: Option<u64>,
    /// Bytes of text that are kept.
    kept: usize,
    /// More came than is kept.
    over: bool,
}

/// One of `response.output`.
#[derive(Debug, Default)]
struct Item {
    index: u64,
    /// As it was added, or as it was done.
    item: Value,
    done: bool,
    /// The parts of a message, with their kind and text.
    parts: Vec<Part>,
    /// `arguments` of a call.
    arguments: String,
}

#[derive(Debug, Default)]
struct Part {
    index: u64,
    part: Value,
    text: String,
    done: bool,
}

impl Responses {
    pub(super) fn see(&mut self, data: &[u8]) {
        let (mut kind, mut at, mut part_at) = (None, 0, 0);
        let mut raw: [Option<&RawValue>; 4] = [None; 4];
        let read = json::members(data, |name, member| match name {
            "type" => kind = json::text(member),
            "sequence_number" => self.sequence = json::number(member).or(self.sequence),
            "output_index" => at = json::number(member).unwrap_or(0),
            "content_index" => part_at = json::number(member).unwrap_or(0),
            "response" => raw[0] = Some(member),
            "item" => raw[1] = Some(member),
            "part" => raw[2] = Some(member),
            "delta" => raw[3] = Some(member),
            _ => {}
        });
        if read.is_err() {
            return;
        }
        let [response, item, part, delta] = raw;
        match kind.as_deref() {
            Some("response.created") if self.response.is_none() => {
                self.response = response.map(value);
            }
            Some("response.output_item.added" | "response.output_item.done") => {
                if let Some(item) = item.filter(|item| self.keep(item.get().len())) {
                    let done = kind.as_deref() == Some("response.output_item.done");
                    let item = value(item);
                    if let Some(slot) = self.item(at) {
                        (slot.item, slot.done) = (item, done);
                    }
                }
            }
            Some("response.content_part.added" | "response.content_part.done") => {
                if let Some(raw) = part.filter(|part| self.keep(part.get().len())) {
                    let done = kind.as_deref() == Some("response.content_part.done");
                    let kept = value(raw);
                    if let Some(part) = self.part(at, part_at) {
                        (part.part, part.done) = (kept, done);
                    }
                }
            }
            Some("response.output_text.delta" | "response.refusal.delta") => {
                if let Some(text) = delta
                    .and_then(json::text)
                    .filter(|text| self.keep(text.len()))
                    && let Some(part) = self.part(at, part_at)
                {
                    part.text.push_str(&text);
                }
            }
            Some("response.function_call_arguments.delta") => {
                if let Some(text) = delta
                    .and_then(json::text)
                    .filter(|text| self.keep(text.len()))
                    && let Some(item) = self.item(at)
                {
                    item.arguments.push_str(&text);
                }
            }
            _ => {}
        }
    }

    /// Whether so many bytes more are kept.
    fn keep(&mut self, bytes: usize) -> bool {
        self.kept = self.kept.saturating_add(bytes);
        self.over |= self.kept > MOST_TEXT;
        !self.over
    }

    fn item(&mut self, index: u64) -> Option<&mut Item> {
        let found = self.items.iter().position(|item| item.index == index);
        let at = match found {
            Some(at) => at,
            None if self.items.len() < MOST_PARTS => {
                self.items.push(Item {
                    index,
                    ..Item::default()
                });
                self.items.len() - 1
            }
            None => return None,
        };
        self.items.get_mut(at)
    }

    fn part(&mut self, item: u64, index: u64) -> Option<&mut Part> {
        let item = self.item(item)?;
        let at = match item.parts.iter().position(|part| part.index == index) {
            Some(at) => at,
            None if item.parts.len() < MOST_PARTS => {
                item.parts.push(Part {
                    index,
                    ..Part::default()
                });
                item.parts.len() - 1
            }
            None => return None,
        };
        item.parts.get_mut(at)
    }

    pub(super) fn close(&mut self, usage: Usage, stopped: Option<&Stopped>, out: &mut Out) {
        let mut output = Vec::new();
        let items = if self.over {
            Vec::new()
        } else {
            std::mem::take(&mut self.items)
        };
        for item in items {
            output.push(if item.done {
                item.item
            } else {
                self.end(item, out)
            });
        }
        let mut response = match self.response.take() {
            Some(Value::Object(response)) => response,
            _ => Map::new(),
        };
        response.insert("object".into(), "response".into());
        response.insert("status".into(), "incomplete".into());
        let why = json!({"reason": "max_output_tokens"});
        response.insert("incomplete_details".into(), why);
        response.insert("output".into(), output.into());
        response.insert(
            "usage".into(),
            json!({
                "input_tokens": usage.input,
                "input_tokens_details": {"cached_tokens": usage.cached_input},
                "output_tokens": usage.output,
                "output_tokens_details": {"reasoning_tokens": usage.reasoning},
                "total_tokens": usage.total,
            }),
        );
        self.event(
            json!({"type": "response.incomplete", "response": response}),
            out,
        );
        if let Some(stopped) = stopped {
            let mut error = openai(stopped);
            error["type"] = "error".into();
            self.event(error, out);
        }
    }

    /// The events that end an open item, and the item as it ends.
    fn end(&mut self, open: Item, out: &mut Out) -> Value {
        let id = open.item["id"].clone();
        let at = open.index;
        let mut item = match open.item {
            Value::Object(item) => item,
            _ => Map::new(),
        };
        let mut content = Vec::new();
        for mut part in open.parts {
            if !part.done {
                let refusal = part.part["type"].as_str() == Some("refusal");
                let (kind, name) = if refusal {
                    ("response.refusal.done", "refusal")
                } else {
                    ("response.output_text.done", "text")
                };
                let mut done = json!({
                    "type": kind, "item_id": id, "output_index": at, "content_index": part.index,
                });
                done[name] = part.text.clone().into();
                if !part.part.is_object() {
                    part.part = json!({"type": "output_text", "annotations": []});
                }
                part.part[name] = part.text.into();
                if !refusal {
                    done["logprobs"] = json!([]);
                }
                self.event(done, out);
                self.event(
                    json!({
                        "type": "response.content_part.done", "item_id": id, "output_index": at,
                        "content_index": part.index, "part": part.part,
                    }),
                    out,
                );
            }
            content.push(part.part);
        }
        if !content.is_empty() {
            item.insert("content".into(), content.into());
        }
        if !open.arguments.is_empty() {
            self.event(
                json!({
                    "type": "response.function_call_arguments.done", "item_id": id,
                    "output_index": at, "arguments": open.arguments,
                }),
                out,
            );
            item.insert("arguments".into(), open.arguments.into());
        }
        if item.get("status").is_some() {
            item.insert("status".into(), "incomplete".into());
        }
        let item = Value::Object(item);
        self.event(
            json!({"type": "response.output_item.done", "output_index": at, "item": item}),
            out,
        );
        item
    }

    fn event(&mut self, mut event: Value, out: &mut Out) {
        if let Some(last) = self.sequence {
            let next = last.saturating_add(1);
            self.sequence = Some(next);
            event["sequence_number"] = next.into();
        }
        out.typed(&event);
    }
}
