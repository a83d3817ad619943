//! True token counts and token-sized pieces of text, with the models' own vocabularies.
//!
//! Called by every operation of the simulator. Which model has which vocabulary is `tollgate-llm`'s
//! knowledge; prompts are counted here once more, so that a test can compare the two. The rules
//! for messages and tools are OpenAI's cookbook ("How to count tokens with tiktoken").
//! What must stay true: the pieces of a text joined give the text, and their counts sum to its count.

use bpe_openai::{Tokenizer, cl100k_base, o200k_base};
use serde_json::Value;
use tollgate_llm::tokens::Encoding;

/// Tokens that the chat template adds around each message.
const PER_MESSAGE: u32 = 3;
/// Tokens that prime the assistant's reply.
const REPLY_PRIMING: u32 = 3;
/// What an image part costs at low detail.
const PER_IMAGE: u32 = 85;

/// A run of text that a stream sends in one event, and the tokens it is worth.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Piece {
    pub(super) text: String,
    pub(super) tokens: u32,
}

/// The vocabulary of a model.
fn tokenizer(model: &str) -> &'static Tokenizer {
    match Encoding::for_model(model).0 {
        Encoding::O200k => o200k_base(),
        Encoding::Cl100k => cl100k_base(),
    }
}

/// Tokens of a text.
pub(super) fn count(model: &str, text: &str) -> u32 {
    u32::try_from(tokenizer(model).count(text)).unwrap_or(u32::MAX)
}

/// Cuts a text into tokens; tokens that end inside a character are joined with their successors.
pub(super) fn pieces(model: &str, text: &str) -> Vec<Piece> {
    let tokenizer = tokenizer(model);
    let (mut pieces, mut bytes, mut tokens) = (Vec::new(), Vec::new(), 0);
    for token in tokenizer.encode(text) {
        bytes.extend_from_slice(tokenizer.bpe.token_bytes(token));
        tokens += 1;
        if let Ok(text) = std::str::from_utf8(&bytes) {
            pieces.push(Piece {
                text: text.to_owned(),
                tokens,
            });
            bytes.clear();
            tokens = 0;
        }
    }
    pieces
}

/// The text of a token array, as embeddings and legacy completions accept it.
/// `None` when an identifier is outside the vocabulary.
pub(super) fn decode(model: &str, tokens: &[u32]) -> Option<String> {
    let tokenizer = tokenizer(model);
    let size = tokenizer.bpe.num_tokens();
    if tokens.iter().any(|token| *token as usize >= size) {
        return None;
    }
    Some(String::from_utf8_lossy(&tokenizer.bpe.decode_tokens(tokens)).into_owned())
}

/// Prompt tokens of a chat request: its messages and its tool definitions.
pub(super) fn chat_prompt(model: &str, messages: &[Value], tools: &[Value]) -> u32 {
    let messages: u32 = messages
        .iter()
        .map(|message| chat_message(model, message))
        .sum();
    messages + REPLY_PRIMING + definitions(model, tools)
}

fn chat_message(model: &str, message: &Value) -> u32 {
    let mut total = PER_MESSAGE;
    let Some(fields) = message.as_object() else {
        return total;
    };
    for (name, value) in fields {
        total += match (name.as_str(), value) {
            ("name", Value::String(text)) => count(model, text) + 1,
            (_, Value::String(text)) => count(model, text),
            ("content", Value::Array(parts)) => {
                parts.iter().map(|part| content_part(model, part)).sum()
            }
            ("tool_calls", Value::Array(calls)) => calls
                .iter()
                .map(|call| {
                    let text = |key: &str| {
                        call["function"][key]
                            .as_str()
                            .map_or(0, |text| count(model, text))
                    };
                    PER_MESSAGE + text("name") + text("arguments")
                })
                .sum(),
            _ => 0,
        };
    }
    total
}

/// Tokens of one part of a message: `text`, `input_text`, `output_text`, `refusal` or an image.
pub(super) fn content_part(model: &str, part: &Value) -> u32 {
    match part["type"].as_str() {
        Some("image_url" | "input_image") => PER_IMAGE,
        _ => part["text"]
            .as_str()
            .or(part["refusal"].as_str())
            .map_or(0, |text| count(model, text)),
    }
}

/// Tokens of tool definitions, by the cookbook's `num_tokens_for_tools` for the 4o models.
/// Takes both the chat form (`function` nested) and the Responses form (flat).
pub(super) fn definitions(model: &str, tools: &[Value]) -> u32 {
    if tools.is_empty() {
        return 0;
    }
    let mut total = 12;
    for tool in tools {
        let function = tool.get("function").unwrap_or(tool);
        let name = function["name"].as_str().unwrap_or_default();
        let description = function["description"]
            .as_str()
            .unwrap_or_default()
            .trim_end_matches('.');
        total += 7 + count(model, &format!("{name}:{description}"));
        let Some(properties) = function["parameters"]["properties"].as_object() else {
            continue;
        };
        if !properties.is_empty() {
            total += 3;
        }
        for (key, property) in properties {
            let kind = property["type"].as_str().unwrap_or_default();
            let description = property["description"]
                .as_str()
                .unwrap_or_default()
                .trim_end_matches('.');
            total += 3 + count(model, &format!("{key}:{kind}:{description}"));
            if let Some(values) = property["enum"].as_array() {
                let items: u32 = values
                    .iter()
                    .filter_map(Value::as_str)
                    .map(|item| 3 + count(model, item))
                    .sum();
                total = (total + items).saturating_sub(3);
            }
        }
    }
    total
}
