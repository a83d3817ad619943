//! What the gateway needs to know of a model request, from one pass over its body.
//!
//! Called by `engine` for token limits, metrics and the semantic cache. What must hold: one pass, borrowed; a body of
//! plain ASCII allocates nothing for its members (serde_json may take a few bytes to remember nesting); a member of an
//! unexpected type counts as absent, since the provider is the one to refuse it; malformed JSON is an error.

mod ask;
mod output;
#[cfg(test)]
mod tests;

use std::borrow::Cow;

use serde_json::value::RawValue;

use crate::json;

pub use ask::ask_for_usage;
pub use output::{OutputMembers, limit_output};

/// Why a body could not be read: not JSON, not an object, or more than one value.
#[derive(Debug)]
pub struct Malformed(json::Error);

impl std::fmt::Display for Malformed {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        // serde_json names the position and what was expected, never the text it found.
        write!(f, "request body is not a JSON object: {}", self.0)
    }
}

impl std::error::Error for Malformed {}

/// The members of a request body that metering reads, borrowed from it.
///
/// Of repeated names the last counts, as it does for the providers' parsers.
#[derive(Clone, Debug, Default)]
pub struct Peek<'a> {
    /// `model`; Azure deployments leave it out, and the path names the deployment.
    pub model: Option<Cow<'a, str>>,
    /// `stream` is `true`
    pub stream: bool,
    /// `stream_options.include_usage` is `true`: the caller wants the usage chunk.
    pub include_usage: bool,
    /// The most output tokens per choice: `max_completion_tokens`, else `max_output_tokens`, else `max_tokens`.
    pub max_output_tokens: Option<u64>,
    /// `n`, the number of choices
    pub n: Option<u64>,
    /// `service_tier`, as it was asked for
    pub service_tier: Option<Cow<'a, str>>,
    /// `user`
    pub user: Option<Cow<'a, str>>,
    /// `previous_response_id` or `conversation` is set: part of the prompt is at the provider.
    pub continues: bool,
    /// `messages` (chat, Anthropic)
    pub messages: Option<&'a RawValue>,
    /// `input` (Responses, embeddings)
    pub input: Option<&'a RawValue>,
    /// `prompt` (completions)
    pub prompt: Option<&'a RawValue>,
    /// `instructions` (Responses), `system` (Anthropic) or `systemInstruction` (Vertex AI)
    pub instructions: Option<&'a RawValue>,
    /// `contents` (Vertex AI)
    pub contents: Option<&'a RawValue>,
    /// `tools`
    pub tools: Option<&'a RawValue>,
    /// `functions`, the older form of `tools`
    pub functions: Option<&'a RawValue>,
    /// `stream_options` as it stands
    pub stream_options: Option<&'a RawValue>,
    /// What bounds the output, as it stands
    pub output: OutputMembers<'a>,
}

impl<'a> Peek<'a> {
    /// Reads the body of a model request.
    ///
    /// # Errors
    /// When the body is not one JSON object.
    pub fn new(body: &'a [u8]) -> Result<Self, Malformed> {
        let mut peek = Self::default();
        json::members(body, |name, value| match name {
            "model" => peek.model = json::text(value),
            "stream" => peek.stream = value.get() == "true",
            "stream_options" => peek.stream_options = Some(value),
            "n" => peek.n = json::number(value),
            "service_tier" => peek.service_tier = json::text(value),
            "user" => peek.user = json::text(value),
            "previous_response_id" | "conversation" => peek.continues |= !json::is_null(value),
            "messages" => peek.messages = Some(value),
            "input" => peek.input = Some(value),
            "prompt" => peek.prompt = Some(value),
            "instructions" | "system" | "systemInstruction" | "system_instruction" => {
                peek.instructions = Some(value);
            }
            "contents" => peek.contents = Some(value),
            "tools" => peek.tools = Some(value),
            "functions" => peek.functions = Some(value),
            _ => peek.output.member(name, value),
        })
        .map_err(Malformed)?;
        peek.max_output_tokens = peek.output.first();
        if let Some(options) = peek.stream_options {
            json::object(options, |name, value| {
                if name == "include_usage" {
                    peek.include_usage = value.get() == "true";
                }
            });
        }
        Ok(peek)
    }

    /// The most output tokens that the request allows over all its choices; `None` when it names no bound.
    #[must_use]
    pub fn max_output(&self) -> Option<u64> {
        self.max_output_tokens
            .map(|most| most.saturating_mul(self.n.unwrap_or(1).max(1)))
    }
}
