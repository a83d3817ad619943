//! Token usage as providers report it, in one form.
//!
//! Called by `engine` for whole bodies and by [`stream::Meter`](crate::stream::Meter) for events. Shapes read: OpenAI
//! chat, completions and embeddings (`prompt_tokens`), Responses and Anthropic (`input_tokens`), Vertex AI
//! (`usageMetadata`). What must hold: a count is never negative and never above [`Usage::MAX`]; the provider's total is
//! kept as reported.

mod classes;
mod counts;
#[cfg(test)]
mod tests;

use std::borrow::Cow;

pub use classes::{Class, Classes};
pub(crate) use counts::Counts;
use serde_json::value::RawValue;

use crate::dialect::Operation;
use crate::json;

/// Tokens of one call. `input` and `output` are whole: they include their parts.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Usage {
    /// Prompt tokens, with cached ones and cache writes.
    pub input: u64,
    /// The part of `input` that the provider read from its prompt cache.
    pub cached_input: u64,
    /// The part of `input` that the provider wrote to its prompt cache (Anthropic).
    pub cache_write: u64,
    /// Completion tokens, with reasoning.
    pub output: u64,
    /// The part of `output` spent on reasoning.
    pub reasoning: u64,
    /// The provider's own total; `input + output` where it gives none.
    pub total: u64,
    /// True when the gateway counted, because the provider reported nothing.
    pub estimated: bool,
}

impl Usage {
    /// The largest count that is believed: 2^53 - 1, exact also as a double. What is above it is cut to it.
    pub const MAX: u64 = (1 << 53) - 1;

    /// A usage that the gateway counted itself.
    #[must_use]
    pub fn estimate(input: u64, output: u64) -> Self {
        let (input, output) = (input.min(Self::MAX), output.min(Self::MAX));
        Self {
            input,
            output,
            total: (input + output).min(Self::MAX),
            estimated: true,
            ..Self::default()
        }
    }

    /// The classes that do not overlap.
    #[must_use]
    pub fn classes(&self) -> Classes {
        Classes {
            input: self
                .input
                .saturating_sub(self.cached_input)
                .saturating_sub(self.cache_write),
            cached_input: self.cached_input,
            cache_write: self.cache_write,
            output: self.output.saturating_sub(self.reasoning),
            reasoning: self.reasoning,
            ..Classes::default()
        }
    }
}

/// The usage in a whole response body, and the model that served it; `None` when it reports none (an error body).
#[must_use]
pub fn from_body(operation: Operation, body: &[u8]) -> Option<(Usage, Option<Cow<'_, str>>)> {
    if from_the_end(operation)
        && let Some(read) = from_end(body)
    {
        return Some(read);
    }
    let mut found = Found::default();
    json::members(body, |name, value| found.member(name, value)).ok()?;
    Some((found.counts.usage()?, found.model))
}

/// Operations whose answers hold no object of the caller's in which the two names could stand as members: text stands
/// in strings, where their quotes are escaped. (Responses repeat the caller's tools.)
fn from_the_end(operation: Operation) -> bool {
    matches!(
        operation,
        Operation::Embeddings | Operation::ChatCompletions | Operation::Completions
    )
}

/// Usage stands at or near the end, behind thousands of numbers or a long text: scanning back for it costs a fraction
/// of reading all of that. Also right when the front of the body is missing.
fn from_end(body: &[u8]) -> Option<(Usage, Option<Cow<'_, str>>)> {
    let value = json::leading(&body[json::last_value_of(body, b"\"usage\"")?..])?;
    let mut counts = Counts::default();
    counts.read(value);
    let model = json::last_value_of(body, b"\"model\"")
        .and_then(|at| json::leading(&body[at..]))
        .and_then(json::text);
    Some((counts.usage()?, model))
}

/// What a body or an event says of usage, of its model and of its choices.
#[derive(Default)]
pub(crate) struct Found<'a> {
    pub(crate) counts: Counts,
    pub(crate) model: Option<Cow<'a, str>>,
    /// `choices` is there and empty.
    pub(crate) no_choices: bool,
}

impl<'a> Found<'a> {
    /// Takes in one top-level member of a body or an event.
    pub(crate) fn member(&mut self, name: &str, value: &'a RawValue) {
        match name {
            "usage" | "usageMetadata" => self.counts.read(value),
            "model" | "modelVersion" => {
                self.model = json::text(value).or_else(|| self.model.take())
            }
            "choices" => {
                let mut empty = true;
                self.no_choices = json::array(value, |_| empty = false) && empty;
            }
            // Responses events carry the response, Anthropic's first event the message.
            "response" | "message" => {
                json::object(value, |name, value| match name {
                    "usage" => self.counts.read(value),
                    "model" => self.model = json::text(value).or_else(|| self.model.take()),
                    _ => {}
                });
            }
            _ => {}
        }
    }
}
