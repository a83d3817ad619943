//! The text that a streamed event adds to the output, without parsing the event.
//!
//! Known forms: chat `choices[].delta` (content, refusal, reasoning_content, tool call arguments), completions
//! `choices[].text`, Responses `delta` strings, Anthropic's and Bedrock's `delta` objects, `text` of Vertex AI and Mistral,
//! `generation` of Llama, `outputText` of Titan. Only the delta itself is read as JSON; the rest of the event is scanned
//! over.

use std::sync::LazyLock;

use memchr::memmem::Finder;
use serde_json::value::RawValue;

use crate::dialect::Operation;
use crate::json;

static DELTA: LazyLock<Finder<'static>> = LazyLock::new(|| Finder::new("\"delta\""));
static TEXT: LazyLock<Finder<'static>> = LazyLock::new(|| Finder::new("\"text\""));
static GENERATION: LazyLock<Finder<'static>> = LazyLock::new(|| Finder::new("\"generation\""));
static OUTPUT_TEXT: LazyLock<Finder<'static>> = LazyLock::new(|| Finder::new("\"outputText\""));

/// Calls `each` with every piece of output text in the event that is not empty.
pub fn texts(operation: Operation, event: &[u8], mut each: impl FnMut(&str)) {
    let mut seen = false;
    if operation != Operation::Completions {
        values(event, &DELTA, |value| {
            seen = true;
            delta(value, &mut each);
        });
        if seen {
            return;
        }
    }
    // Responses events repeat the whole text under this name when a part is done; that is not new output.
    if matches!(operation, Operation::Completions | Operation::Other) {
        values(event, &TEXT, |value| {
            seen = true;
            string(value, &mut each);
        });
    }
    if operation == Operation::Other && !seen {
        for name in [&GENERATION, &OUTPUT_TEXT] {
            values(event, name, |value| string(value, &mut each));
        }
    }
}

fn values<'a>(event: &'a [u8], name: &Finder<'_>, mut each: impl FnMut(&'a RawValue)) {
    let mut from = 0;
    while let Some(at) = json::value_of(event, name, from) {
        let Some(value) = json::leading(&event[at..]) else {
            return;
        };
        from = at + value.get().len();
        each(value);
    }
}

fn delta(value: &RawValue, each: &mut impl FnMut(&str)) {
    if !json::is_object(value) {
        return string(value, each);
    }
    json::object(value, |name, value| match name {
        "content" | "refusal" | "reasoning_content" | "reasoning" | "text" | "partial_json"
        | "thinking" => {
            string(value, each);
        }
        "tool_calls" => {
            json::array(value, |call| {
                json::object(call, |name, value| {
                    if name == "function" {
                        function(value, each);
                    }
                });
            });
        }
        "function_call" => function(value, each),
        // Bedrock's.
        "toolUse" | "reasoningContent" => {
            json::object(value, |name, value| {
                if name == "input" || name == "text" {
                    string(value, each);
                }
            });
        }
        _ => {}
    });
}

fn function(value: &RawValue, each: &mut impl FnMut(&str)) {
    json::object(value, |name, value| {
        if name == "name" || name == "arguments" {
            string(value, each);
        }
    });
}

fn string(value: &RawValue, each: &mut impl FnMut(&str)) {
    if let Some(text) = json::text(value)
        && !text.is_empty()
    {
        each(&text);
    }
}
