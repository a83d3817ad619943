//! Token usage as providers report it, in one form.
//!
//! Called by `engine` for whole bodies and by [`stream::Meter`](crate::stream::Meter) for events. Shapes read: OpenAI
//! and Azure OpenAI (chat, completions, embeddings, Responses, images, transcriptions, realtime), Anthropic, Gemini and
//! Vertex AI (`usageMetadata`), Bedrock (Converse, `amazon-bedrock-invocationMetrics`, headers, Llama's and Titan's own
//! bodies), Cohere (`billed_units`), DeepSeek. What must hold: a count is never negative and never above
//! [`Usage::MAX`]; the provider's total is kept as reported; what does not fit together is said to be inconsistent.

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
use crate::price::Tier;

/// Tokens of one call. `input` and `output` are whole: they include their parts.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Usage {
    /// Prompt tokens, with cached ones and cache writes.
    pub input: u64,
    /// The part of `input` that the provider read from its prompt cache.
    pub cached_input: u64,
    /// The part of `input` that the provider wrote to its prompt cache (Anthropic, Bedrock).
    pub cache_write: u64,
    /// The part of `cache_write` that is kept for an hour.
    pub cache_write_hour: u64,
    /// Completion tokens, with reasoning.
    pub output: u64,
    /// The part of `output` spent on reasoning.
    pub reasoning: u64,
    /// The part of `input` that is audio.
    pub audio_input: u64,
    /// The part of `audio_input` that was read from the cache, where the provider says.
    pub cached_audio_input: u64,
    /// The part of `output` that is audio.
    pub audio_output: u64,
    /// The part of `input` that is images or video.
    pub image_input: u64,
    /// The part of `image_input` that was read from the cache, where the provider says.
    pub cached_image_input: u64,
    /// The part of `output` that is images.
    pub image_output: u64,
    /// Searches of the web that the provider made (Anthropic, OpenAI's Responses, Perplexity). Not tokens.
    pub web_search: u64,
    /// Searches of stored files that the provider made (OpenAI's Responses). Not tokens.
    pub file_search: u64,
    /// The provider's own total; `input + output` where it gives none.
    pub total: u64,
    /// The tier that the provider says it served.
    pub tier: Option<Tier>,
    /// True when the gateway counted, because the provider reported nothing.
    pub estimated: bool,
    /// True when counts were negative, absurd or fractions, parts are more than their whole, or the total is not the
    /// sum.
    pub inconsistent: bool,
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

    /// The classes, which do not overlap and add up to `input` and `output`.
    ///
    /// Parts that are more than their whole are cut, in this order of precedence: cache writes, what is cached, audio,
    /// images; reasoning, audio, images. Cached tokens that the provider assigns to no kind are text as far as text
    /// goes, then images, then audio.
    #[must_use]
    pub fn classes(&self) -> Classes {
        let cache_write = self.cache_write.min(self.input);
        let cache_write_hour = self.cache_write_hour.min(cache_write);
        let read = self.input - cache_write;
        let cached = self.cached_input.min(read);
        // What was read is text, audio and images; of each some was cached.
        let audio = self.audio_input.min(read);
        let image = self.image_input.min(read - audio);
        let text = read - audio - image;
        let mut cached_audio = self.cached_audio_input.min(audio).min(cached);
        let mut cached_image = self
            .cached_image_input
            .min(image)
            .min(cached - cached_audio);
        let cached_text = text.min(cached - cached_audio - cached_image);
        let left = cached - cached_audio - cached_image - cached_text;
        let images = left.min(image - cached_image);
        cached_image += images;
        cached_audio += left - images;
        let reasoning = self.reasoning.min(self.output);
        let audio_output = self.audio_output.min(self.output - reasoning);
        let image_output = self
            .image_output
            .min(self.output - reasoning - audio_output);
        Classes {
            input: text - cached_text,
            cached_input: cached_text,
            cache_write: cache_write - cache_write_hour,
            cache_write_hour,
            audio_input: audio - cached_audio,
            cached_audio_input: cached_audio,
            image_input: image - cached_image,
            cached_image_input: cached_image,
            output: self.output - reasoning - audio_output - image_output,
            reasoning,
            audio_output,
            image_output,
            web_search: self.web_search,
            file_search: self.file_search,
        }
    }

    /// Whether no parts are more than their whole.
    fn fits(&self) -> bool {
        let inside = |parts: &[u64], whole: u64| {
            parts
                .iter()
                .fold(0_u64, |sum, part| sum.saturating_add(*part))
                <= whole
        };
        inside(&[self.cache_write, self.cached_input], self.input)
            && inside(&[self.cache_write_hour], self.cache_write)
            && inside(
                &[self.cache_write, self.audio_input, self.image_input],
                self.input,
            )
            && inside(
                &[self.cached_audio_input, self.cached_image_input],
                self.cached_input,
            )
            && inside(&[self.cached_audio_input], self.audio_input)
            && inside(&[self.cached_image_input], self.image_input)
            && inside(
                &[self.reasoning, self.audio_output, self.image_output],
                self.output,
            )
    }
}

/// The usage that headers report: Bedrock's, of `InvokeModel`. `header` gives the value of one by its name in lower
/// case.
#[must_use]
pub fn from_headers<'a>(header: impl Fn(&str) -> Option<&'a str>) -> Option<Usage> {
    let count = |name: &str| header(name)?.trim().parse::<u64>().ok();
    let input = count("x-amzn-bedrock-input-token-count");
    let output = count("x-amzn-bedrock-output-token-count");
    if input.is_none() && output.is_none() {
        return None;
    }
    let cached = count("x-amzn-bedrock-cache-read-input-token-count").unwrap_or_default();
    let written = count("x-amzn-bedrock-cache-write-input-token-count").unwrap_or_default();
    Some(Counts::beside(input, output, cached, written))
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
    let last =
        |name: &[u8]| json::last_value_of(body, name).and_then(|at| json::leading(&body[at..]));
    if let Some(tier) = last(b"\"service_tier\"") {
        counts.tier(tier);
    }
    let model = last(b"\"model\"").and_then(json::text);
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
            "usage" | "usageMetadata" | "amazon-bedrock-invocationMetrics" => {
                self.counts.read(value);
            }
            "model" | "modelVersion" => {
                self.model = json::text(value).or_else(|| self.model.take())
            }
            "choices" => {
                let mut empty = true;
                self.no_choices = json::array(value, |_| empty = false) && empty;
            }
            // Responses events carry the response, Anthropic's first event the message.
            "response" | "message" => {
                json::object(value, |part, value| match part {
                    "usage" if name == "message" => self.counts.read_preliminary(value),
                    "usage" => self.counts.read(value),
                    "model" => self.model = json::text(value).or_else(|| self.model.take()),
                    "service_tier" => self.counts.tier(value),
                    "output" if name == "response" => self.counts.output(value),
                    _ => {}
                });
            }
            "service_tier" => self.counts.tier(value),
            "output" => self.counts.output(value),
            // Cohere's embeddings carry `billed_units` there.
            "meta" => {
                json::object(value, |name, value| {
                    if name == "billed_units" {
                        self.counts.member(name, value);
                    }
                });
            }
            // Llama's and Titan's own bodies on Bedrock.
            "prompt_token_count" | "generation_token_count" | "inputTextTokenCount" => {
                self.counts.member(name, value);
            }
            "results" => {
                json::array(value, |result| {
                    json::object(result, |name, value| {
                        if name == "tokenCount" {
                            self.counts.member("outputTokenCount", value);
                        }
                    });
                });
            }
            _ => {}
        }
    }
}
