//! The members of a request that bound its output, by API: reading them, and setting them in a body.
//!
//! Called by `engine` for strict accounting, which reserves what a call may produce. What must hold: a member that the
//! operation's provider would not read bounds nothing; of several that it reads, the largest counts; setting a bound
//! leaves every other byte as it was.

use bytes::Bytes;
use serde_json::value::RawValue;

use super::Peek;
use super::ask::{place_of, splice};
use crate::dialect::Operation;
use crate::json;

/// Members that bound the output, as they stand in the body.
#[derive(Clone, Debug, Default)]
pub struct OutputMembers<'a> {
    /// `max_tokens` (chat, completions, Anthropic)
    pub max_tokens: Option<&'a RawValue>,
    /// `max_completion_tokens` (chat)
    pub max_completion_tokens: Option<&'a RawValue>,
    /// `max_output_tokens` (Responses)
    pub max_output_tokens: Option<&'a RawValue>,
    /// `best_of` (completions): all of them are produced, and billed
    pub best_of: Option<&'a RawValue>,
    /// `prediction` (chat): what of it is rejected is billed as output
    pub prediction: Option<&'a RawValue>,
    /// `generationConfig` (Gemini), with `maxOutputTokens` and `candidateCount`
    pub generation_config: Option<&'a RawValue>,
    /// `inferenceConfig` (Bedrock Converse), with `maxTokens`
    pub inference_config: Option<&'a RawValue>,
}

impl<'a> OutputMembers<'a> {
    pub(super) fn member(&mut self, name: &str, value: &'a RawValue) {
        match name {
            "max_tokens" => self.max_tokens = Some(value),
            "max_completion_tokens" => self.max_completion_tokens = Some(value),
            "max_output_tokens" => self.max_output_tokens = Some(value),
            "best_of" => self.best_of = Some(value),
            "prediction" => self.prediction = Some(value).filter(|value| !json::is_null(value)),
            "generationConfig" | "generation_config" => self.generation_config = Some(value),
            "inferenceConfig" => self.inference_config = Some(value),
            _ => {}
        }
    }

    /// The first that is a number, of any API.
    pub(super) fn first(&self) -> Option<u64> {
        let plain = [
            self.max_completion_tokens,
            self.max_output_tokens,
            self.max_tokens,
        ];
        let plain = plain.into_iter().flatten().find_map(json::number);
        plain.or_else(|| number_in(self.nested()?))
    }

    /// The object of a vendor's settings that is there, and the name of its bound.
    fn nested(&self) -> Option<(&'a RawValue, &'static [&'static str])> {
        let gemini = self.generation_config.map(|config| {
            let names: &[&str] = &["maxOutputTokens", "max_output_tokens"];
            (config, names)
        });
        gemini.or_else(|| {
            let config = self.inference_config?;
            Some((config, &["maxTokens"][..]))
        })
    }

    /// The bounds that the operation's provider reads, with their values.
    fn of(&self, operation: Operation) -> Vec<&'a RawValue> {
        let read = match operation {
            Operation::ChatCompletions => [self.max_completion_tokens, self.max_tokens],
            Operation::Completions => [self.max_tokens, None],
            Operation::Responses => [self.max_output_tokens, None],
            Operation::Embeddings => [None, None],
            Operation::Other => [
                self.max_tokens.or(self.max_output_tokens),
                self.nested().and_then(value_in),
            ],
        };
        let numbers = |value: &&RawValue| json::number(value).is_some();
        read.into_iter().flatten().filter(numbers).collect()
    }
}

fn value_in<'a>((config, names): (&'a RawValue, &'static [&'static str])) -> Option<&'a RawValue> {
    let mut found = None;
    json::object(config, |name, value| {
        if names.contains(&name) {
            found = Some(value);
        }
    });
    found
}

fn number_in(nested: (&RawValue, &'static [&'static str])) -> Option<u64> {
    value_in(nested).and_then(json::number)
}

impl Peek<'_> {
    /// The most output tokens of one choice, as the operation's provider reads the request; `None` when it says nothing.
    #[must_use]
    pub fn output_bound(&self, operation: Operation) -> Option<u64> {
        let bounds = self.output.of(operation);
        bounds.into_iter().filter_map(json::number).max()
    }

    /// How many choices are produced and billed: `n`, `best_of`, `candidateCount`; at least 1.
    #[must_use]
    pub fn choices(&self, operation: Operation) -> u64 {
        let n = self.n.unwrap_or(1);
        let choices = match operation {
            Operation::ChatCompletions => n,
            Operation::Completions => {
                // Each prompt of a list gets its own.
                let mut prompts = 0;
                if let Some(list) = self.prompt {
                    json::array(list, |item| {
                        prompts += u64::from(json::number(item).is_none());
                    });
                }
                let best = self.output.best_of.and_then(json::number).unwrap_or(1);
                n.max(best).saturating_mul(prompts.max(1))
            }
            Operation::Other => {
                let config = self.output.generation_config;
                let names: &[&str] = &["candidateCount", "candidate_count"];
                config
                    .and_then(|config| number_in((config, names)))
                    .unwrap_or(1)
            }
            Operation::Responses | Operation::Embeddings => 1,
        };
        choices.max(1)
    }
}

/// The body with at most `most` output tokens for each choice, or `None` when it says so already (or must stay as it is,
/// being no object). Bounds that are larger are lowered; without one, the member of the API is added. `reasons` tells
/// whether the model is one that takes only the newer name in a chat.
///
/// `peek` must be of the same `body`.
#[must_use]
pub fn limit_output(
    operation: Operation,
    body: &[u8],
    peek: &Peek<'_>,
    most: u64,
    reasons: bool,
) -> Option<Bytes> {
    let number = most.to_string();
    let bounds = peek.output.of(operation);
    if !bounds.is_empty() {
        let mut larger: Vec<_> = bounds
            .into_iter()
            .filter(|bound| json::number(bound).is_some_and(|bound| bound > most))
            .filter_map(|bound| place_of(bound, body))
            .collect();
        larger.sort_unstable_by_key(|place| place.start);
        let mut out: Option<Bytes> = None;
        // The last first, so that the places before it stay true.
        for place in larger.into_iter().rev() {
            let body = out.as_deref().unwrap_or(body);
            out = Some(splice(body, place, &[number.as_bytes()]));
        }
        return out;
    }
    if let Some((config, names)) = peek
        .output
        .nested()
        .filter(|_| operation == Operation::Other)
    {
        let place = place_of(config, body)?;
        if let Some(value) = value_in((config, names)) {
            return Some(splice(body, place_of(value, body)?, &[number.as_bytes()]));
        }
        if !json::is_object(config) {
            let object = format!("{{\"{}\":{number}}}", names[0]);
            return Some(splice(body, place, &[object.as_bytes()]));
        }
        let mut empty = true;
        json::object(config, |_, _| empty = false);
        let comma = if empty { "" } else { "," };
        let member = format!("\"{}\":{number}{comma}", names[0]);
        let first = place.start + 1;
        return Some(splice(body, first..first, &[member.as_bytes()]));
    }
    let (name, there) = match operation {
        Operation::Embeddings => return None,
        Operation::Responses => ("max_output_tokens", peek.output.max_output_tokens),
        Operation::ChatCompletions if reasons => {
            ("max_completion_tokens", peek.output.max_completion_tokens)
        }
        Operation::Other if peek.contents.is_some() => {
            let object = format!("{{\"maxOutputTokens\":{number}}}");
            return append(body, "generationConfig", &object);
        }
        _ => ("max_tokens", peek.output.max_tokens),
    };
    // One that is there and no number (`null`) is replaced.
    if let Some(value) = there {
        return Some(splice(body, place_of(value, body)?, &[number.as_bytes()]));
    }
    append(body, name, &number)
}

/// The body with one more member at its end.
fn append(body: &[u8], name: &str, value: &str) -> Option<Bytes> {
    let member = format!("\"{name}\":{value}");
    super::ask::append(body, member.as_bytes())
}
