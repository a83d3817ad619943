//! The counts of one usage object, or of several that come one after another in a stream.
//!
//! What must hold: a later report of the same count replaces a smaller one and never lowers it (providers that report
//! in steps report running totals), so reading an event twice changes nothing.

use serde_json::value::RawValue;

use super::Usage;
use crate::json;

/// Counts as reported; `None` where nothing was.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Counts {
    input: Option<u64>,
    output: Option<u64>,
    total: Option<u64>,
    cached_input: u64,
    cache_write: u64,
    reasoning: u64,
    /// Cached and written tokens come beside `input_tokens`, not inside (Anthropic).
    cache_beside: bool,
    /// Reasoning comes beside the candidates' tokens, not inside (Vertex AI).
    reasoning_beside: bool,
    /// Prompt tokens of tool results, beside the prompt's (Vertex AI).
    tool_input: u64,
}

impl Counts {
    /// Takes in one usage object; another type says nothing.
    pub(crate) fn read(&mut self, usage: &RawValue) {
        json::object(usage, |name, value| self.member(name, value));
    }

    fn member(&mut self, name: &str, value: &RawValue) {
        match name {
            "prompt_tokens" | "input_tokens" | "promptTokenCount" => raise(&mut self.input, value),
            "completion_tokens" | "output_tokens" | "candidatesTokenCount" => {
                raise(&mut self.output, value)
            }
            "total_tokens" | "totalTokenCount" => raise(&mut self.total, value),
            "prompt_tokens_details" | "input_tokens_details" => {
                json::object(value, |name, value| {
                    if name == "cached_tokens" {
                        raise_part(&mut self.cached_input, value);
                    }
                });
            }
            "completion_tokens_details" | "output_tokens_details" => {
                json::object(value, |name, value| {
                    if name == "reasoning_tokens" {
                        raise_part(&mut self.reasoning, value);
                    }
                });
            }
            "cache_read_input_tokens" => {
                self.cache_beside = true;
                raise_part(&mut self.cached_input, value);
            }
            "cache_creation_input_tokens" => {
                self.cache_beside = true;
                raise_part(&mut self.cache_write, value);
            }
            "cachedContentTokenCount" => raise_part(&mut self.cached_input, value),
            "thoughtsTokenCount" => {
                self.reasoning_beside = true;
                raise_part(&mut self.reasoning, value);
            }
            "toolUsePromptTokenCount" => raise_part(&mut self.tool_input, value),
            _ => {}
        }
    }

    /// The usage, when any count was reported.
    pub(crate) fn usage(&self) -> Option<Usage> {
        if self.input.is_none() && self.output.is_none() && self.total.is_none() {
            return None;
        }
        let mut output = self.output.unwrap_or(0);
        let mut input = match (self.input, self.total) {
            (Some(input), _) => input,
            (None, Some(total)) => total.saturating_sub(output),
            (None, None) => 0,
        };
        if self.cache_beside {
            input = cap(input
                .saturating_add(self.cached_input)
                .saturating_add(self.cache_write));
        }
        input = cap(input.saturating_add(self.tool_input));
        if self.reasoning_beside {
            output = cap(output.saturating_add(self.reasoning));
        }
        Some(Usage {
            input,
            cached_input: self.cached_input,
            cache_write: self.cache_write,
            output,
            reasoning: self.reasoning,
            total: self
                .total
                .unwrap_or_else(|| cap(input.saturating_add(output))),
            estimated: false,
        })
    }
}

fn cap(count: u64) -> u64 {
    count.min(Usage::MAX)
}

fn raise(count: &mut Option<u64>, value: &RawValue) {
    if let Some(read) = json::number(value) {
        *count = Some(cap(read).max(count.unwrap_or(0)));
    }
}

fn raise_part(count: &mut u64, value: &RawValue) {
    if let Some(read) = json::number(value) {
        *count = cap(read).max(*count);
    }
}
