//! Embeddings: one vector per input, as numbers or base64.
//!
//! Called by the router. What must stay true: base64 is the little-endian `f32` array that SDKs
//! decode, and both encodings carry the same vector.

use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use serde::Serialize;
use serde_json::Value;

use super::completions;
use super::errors::Refusal;
use super::reply::{Call, Reply};
use super::{tokens, vector};

/// Most inputs of one request, as the real service has it.
const MAX_INPUTS: usize = 2048;
/// Most tokens of one input.
const MAX_INPUT_TOKENS: u32 = 8191;

#[derive(Serialize)]
struct Answer<'a> {
    object: &'static str,
    data: Vec<Item>,
    model: &'a str,
    usage: Usage,
}

#[derive(Serialize)]
struct Item {
    object: &'static str,
    index: usize,
    embedding: Embedding,
}

#[derive(Serialize)]
#[serde(untagged)]
enum Embedding {
    Float(Vec<f32>),
    Base64(String),
}

#[derive(Serialize)]
struct Usage {
    prompt_tokens: u32,
    total_tokens: u32,
}

/// Answers `POST .../embeddings`.
pub(super) fn embed(call: &Call<'_>) -> Result<Reply, Refusal> {
    let body = call.body;
    let model = &call.deployment.model;
    let inputs = completions::texts(model, &body["input"], "input")?;
    if inputs.len() > MAX_INPUTS {
        let text = format!(
            "Invalid 'input': array too long. Expected an array with maximum length {MAX_INPUTS}."
        );
        return Err(Refusal::invalid(
            text,
            Some("input"),
            Some("array_above_max_length"),
        ));
    }
    let dimensions = dimensions(call, &body["dimensions"])?;
    let base64 = match body["encoding_format"].as_str() {
        None | Some("float") => false,
        Some("base64") => true,
        Some(other) => {
            let text =
                format!("Invalid value: '{other}'. Supported values are: 'float' and 'base64'.");
            return Err(Refusal::invalid(
                text,
                Some("encoding_format"),
                Some("invalid_value"),
            ));
        }
    };
    let mut prompt_tokens = 0_u32;
    let mut data = Vec::with_capacity(inputs.len());
    for (index, input) in inputs.iter().enumerate() {
        let count = tokens::count(model, input);
        if count > MAX_INPUT_TOKENS {
            let text = format!(
                "This model's maximum context length is {MAX_INPUT_TOKENS} tokens, however you requested {count} tokens \
                 ({count} in your prompt; 0 for the completion). Please reduce your prompt; or completion length."
            );
            return Err(Refusal::invalid(text, None, None));
        }
        prompt_tokens += count;
        let vector = vector::embed(model, input, dimensions);
        let embedding = if base64 {
            let bytes: Vec<u8> = vector.iter().flat_map(|x| x.to_le_bytes()).collect();
            Embedding::Base64(BASE64_STANDARD.encode(bytes))
        } else {
            Embedding::Float(vector)
        };
        data.push(Item {
            object: "embedding",
            index,
            embedding,
        });
    }
    let usage = Usage {
        prompt_tokens,
        total_tokens: prompt_tokens,
    };
    let answer = Answer {
        object: "list",
        data,
        model,
        usage,
    };
    Ok(Reply::whole(prompt_tokens, 0, prompt_tokens, &answer))
}

fn dimensions(call: &Call<'_>, asked: &Value) -> Result<usize, Refusal> {
    let most = call.deployment.dimensions;
    if asked.is_null() {
        return Ok(most);
    }
    if !call.deployment.model.starts_with("text-embedding-3") {
        return Err(Refusal::invalid(
            "This model does not support specifying dimensions.",
            Some("dimensions"),
            None,
        ));
    }
    match asked.as_u64() {
        Some(value @ 1..) if value <= most as u64 => Ok(value as usize),
        _ => {
            let text =
                format!("Invalid value for 'dimensions' = {asked}. Must be between 1 and {most}.");
            Err(Refusal::invalid(text, Some("dimensions"), None))
        }
    }
}
