//! The counts of one usage object, or of several that come one after another in a stream.
//!
//! What must hold: a later report of the same count replaces a smaller one and never lowers it (providers that report
//! in steps report running totals), so reading an event twice changes nothing. A count that is no whole number from 0
//! to [`Usage::MAX`] is cut to one and makes the usage inconsistent.

use serde_json::value::RawValue;

use super::Usage;
use crate::json;
use crate::price::Tier;

/// Counts as reported; `None` where nothing was.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Counts {
    input: Option<u64>,
    output: Option<u64>,
    total: Option<u64>,
    cached_input: u64,
    cache_write: u64,
    cache_write_short: u64,
    cache_write_hour: u64,
    reasoning: u64,
    audio_input: u64,
    cached_audio_input: u64,
    audio_output: u64,
    image_input: u64,
    cached_image_input: u64,
    image_output: u64,
    web_search: u64,
    file_search: u64,
    tier: Option<Tier>,
    /// Cached and written tokens come beside `input_tokens`, not inside (Anthropic, Bedrock).
    cache_beside: bool,
    /// Reasoning comes beside the candidates' tokens, not inside (Gemini).
    reasoning_beside: bool,
    /// Prompt tokens of tool results, beside the prompt's (Gemini).
    tool_input: u64,
    /// A count was negative, a fraction or absurd.
    strange: bool,
    /// What was reported is of the beginning of a stream: its output is still to come (Anthropic's first event).
    preliminary: bool,
}

/// What a list of details is about.
#[derive(Clone, Copy)]
enum Side {
    Input,
    Cached,
    Output,
}

impl Counts {
    /// The usage of counts whose cached and written tokens stand beside the input.
    pub(super) fn beside(
        input: Option<u64>,
        output: Option<u64>,
        cached: u64,
        written: u64,
    ) -> Usage {
        let counts = Self {
            input: input.map(cap).or(Some(0)),
            output: output.map(cap),
            cached_input: cap(cached),
            cache_write: cap(written),
            cache_beside: true,
            ..Self::default()
        };
        counts.usage().unwrap_or_default()
    }

    /// Takes in one usage object; another type says nothing.
    pub(crate) fn read(&mut self, usage: &RawValue) {
        self.preliminary = false;
        json::object(usage, |name, value| self.member(name, value));
    }

    /// As [`read`](Self::read), for the usage that a stream begins with.
    pub(crate) fn read_preliminary(&mut self, usage: &RawValue) {
        self.read(usage);
        self.preliminary = true;
    }

    /// Takes in one count by the name that some provider gives it.
    pub(crate) fn member(&mut self, name: &str, value: &RawValue) {
        match name {
            "prompt_tokens"
            | "input_tokens"
            | "promptTokenCount"
            | "inputTokens"
            | "inputTokenCount"
            | "prompt_token_count"
            | "inputTextTokenCount" => {
                raise(&mut self.input, value, &mut self.strange);
            }
            "completion_tokens"
            | "output_tokens"
            | "candidatesTokenCount"
            | "responseTokenCount"
            | "outputTokens"
            | "outputTokenCount"
            | "generation_token_count" => raise(&mut self.output, value, &mut self.strange),
            "total_tokens" | "totalTokenCount" | "totalTokens" => {
                raise(&mut self.total, value, &mut self.strange);
            }
            "prompt_tokens_details" | "input_tokens_details" | "input_token_details" => {
                self.details(Side::Input, value);
            }
            "completion_tokens_details" | "output_tokens_details" | "output_token_details" => {
                self.details(Side::Output, value);
            }
            "cache_read_input_tokens" | "cacheReadInputTokens" | "cacheReadInputTokenCount" => {
                self.cache_beside = true;
                self.part(|counts| &mut counts.cached_input, value);
            }
            "cache_creation_input_tokens"
            | "cacheWriteInputTokens"
            | "cacheWriteInputTokenCount" => {
                self.cache_beside = true;
                self.part(|counts| &mut counts.cache_write, value);
            }
            "cache_creation" => {
                json::object(value, |name, value| match name {
                    "ephemeral_5m_input_tokens" => {
                        self.part(|counts| &mut counts.cache_write_short, value);
                    }
                    "ephemeral_1h_input_tokens" => {
                        self.part(|counts| &mut counts.cache_write_hour, value);
                    }
                    _ => {}
                });
            }
            "cacheDetails" => self.cache_details(value),
            "cachedContentTokenCount" | "prompt_cache_hit_tokens" => {
                self.part(|counts| &mut counts.cached_input, value);
            }
            "thoughtsTokenCount" => {
                self.reasoning_beside = true;
                self.part(|counts| &mut counts.reasoning, value);
            }
            "toolUsePromptTokenCount" => self.part(|counts| &mut counts.tool_input, value),
            "promptTokensDetails" => self.modalities(Side::Input, value),
            "cacheTokensDetails" => self.modalities(Side::Cached, value),
            "candidatesTokensDetails" | "responseTokensDetails" => {
                self.modalities(Side::Output, value);
            }
            "server_tool_use" => {
                json::object(value, |name, value| {
                    if name == "web_search_requests" {
                        self.part(|counts| &mut counts.web_search, value);
                    }
                });
            }
            "num_search_queries" => self.part(|counts| &mut counts.web_search, value),
            // What Cohere charges; its `tokens` say what the model saw.
            "billed_units" => {
                json::object(value, |name, value| self.member(name, value));
            }
            "service_tier" | "trafficType" => self.tier(value),
            _ => {}
        }
    }

    /// Takes in the tier that the provider says it served.
    pub(crate) fn tier(&mut self, value: &RawValue) {
        if let Some(tier) = json::text(value).and_then(|name| Tier::from_name(&name)) {
            self.tier = Some(tier);
        }
    }

    /// Takes in what a Responses answer is made of: the calls of the provider's own tools are charged by the piece. Of web
    /// searches only the search is, not the pages that are opened after it.
    pub(crate) fn output(&mut self, items: &RawValue) {
        let (mut web, mut files) = (0, 0);
        json::array(items, |item| {
            let (mut kind, mut action, mut failed) = (None, None, false);
            json::object(item, |name, value| match name {
                "type" => kind = json::text(value),
                "status" => failed = json::text(value).is_some_and(|status| status == "failed"),
                "action" => {
                    json::object(value, |name, value| {
                        if name == "type" {
                            action = json::text(value);
                        }
                    });
                }
                _ => {}
            });
            match kind.as_deref() {
                Some("web_search_call") if action.is_none_or(|action| action == "search") => {
                    web += u64::from(!failed);
                }
                Some("file_search_call") => files += u64::from(!failed),
                _ => {}
            }
        });
        self.web_search = self.web_search.max(web);
        self.file_search = self.file_search.max(files);
    }

    fn part(&mut self, of: impl Fn(&mut Self) -> &mut u64, value: &RawValue) {
        let mut count = Some(*of(self));
        raise(&mut count, value, &mut self.strange);
        *of(self) = count.unwrap_or_default();
    }

    /// OpenAI's details: an object with a member for each part.
    fn details(&mut self, side: Side, value: &RawValue) {
        json::object(value, |name, value| match (side, name) {
            (Side::Input, "cached_tokens") => self.part(|counts| &mut counts.cached_input, value),
            (Side::Input, "cache_write_tokens") => {
                self.part(|counts| &mut counts.cache_write, value);
            }
            (Side::Input, "cached_tokens_details") => self.details(Side::Cached, value),
            (Side::Output, "reasoning_tokens" | "thinking_tokens") => {
                self.part(|counts| &mut counts.reasoning, value);
            }
            (_, "audio_tokens") => self.part(|counts| counts.audio(side), value),
            (_, "image_tokens") => self.part(|counts| counts.image(side), value),
            _ => {}
        });
    }

    /// Gemini's details: a list of kinds with their counts. Video and pages of documents are images.
    fn modalities(&mut self, side: Side, list: &RawValue) {
        let (mut audio, mut image) = (0_u64, 0_u64);
        json::array(list, |item| {
            let (mut kind, mut count) = (None, Some(0));
            json::object(item, |name, value| match name {
                "modality" => kind = json::text(value),
                "tokenCount" => raise(&mut count, value, &mut self.strange),
                _ => {}
            });
            let sum = match kind.as_deref() {
                Some("AUDIO") => &mut audio,
                Some("IMAGE" | "VIDEO" | "DOCUMENT") => &mut image,
                _ => return,
            };
            *sum = cap(sum.saturating_add(count.unwrap_or_default()));
        });
        let count = self.audio(side);
        *count = audio.max(*count);
        let count = self.image(side);
        *count = image.max(*count);
    }

    /// Bedrock's cache writes by the time that they are kept.
    fn cache_details(&mut self, list: &RawValue) {
        let (mut short, mut hour) = (0_u64, 0_u64);
        json::array(list, |item| {
            let (mut ttl, mut count) = (None, Some(0));
            json::object(item, |name, value| match name {
                "ttl" => ttl = json::text(value),
                "inputTokens" => raise(&mut count, value, &mut self.strange),
                _ => {}
            });
            let sum = if ttl.as_deref() == Some("1h") {
                &mut hour
            } else {
                &mut short
            };
            *sum = cap(sum.saturating_add(count.unwrap_or_default()));
        });
        self.cache_write_short = self.cache_write_short.max(short);
        self.cache_write_hour = self.cache_write_hour.max(hour);
    }

    fn audio(&mut self, side: Side) -> &mut u64 {
        match side {
            Side::Input => &mut self.audio_input,
            Side::Cached => &mut self.cached_audio_input,
            Side::Output => &mut self.audio_output,
        }
    }

    fn image(&mut self, side: Side) -> &mut u64 {
        match side {
            Side::Input => &mut self.image_input,
            Side::Cached => &mut self.cached_image_input,
            Side::Output => &mut self.image_output,
        }
    }

    /// Whether the output that was reported is only that of the stream's beginning.
    pub(crate) fn is_preliminary(&self) -> bool {
        self.preliminary
    }

    /// The usage, when any count was reported. The rules:
    ///
    /// - Of input, output and total, one that is missing is what the other two leave.
    /// - Cached and written tokens stand inside of the input, for Anthropic and Bedrock beside it.
    /// - Reasoning stands inside of the output, for Gemini beside it; a total that says otherwise is believed (xAI).
    /// - Input and output are believed over their parts, and over the total. Where these do not fit, the usage is
    ///   inconsistent: parts are cut to their whole ([`Usage::classes`]), nothing is charged twice.
    pub(crate) fn usage(&self) -> Option<Usage> {
        if self.input.is_none() && self.output.is_none() && self.total.is_none() {
            return None;
        }
        let mut strange = self.strange;
        let split = cap(self.cache_write_short.saturating_add(self.cache_write_hour));
        strange |= split > 0 && self.cache_write > 0 && split != self.cache_write;
        let cache_write = self.cache_write.max(split);
        let beside = if self.cache_beside {
            cap(self.cached_input.saturating_add(cache_write))
        } else {
            0
        };
        let around = cap(beside.saturating_add(self.tool_input));
        let input = self.input.map(|input| cap(input.saturating_add(around)));
        let thinking = match (input, self.output, self.total) {
            (Some(input), Some(output), Some(total)) if self.reasoning > 0 => {
                let inside = input.saturating_add(output);
                if total == inside {
                    0
                } else if total == inside.saturating_add(self.reasoning) || self.reasoning_beside {
                    self.reasoning
                } else {
                    0
                }
            }
            _ if self.reasoning_beside => self.reasoning,
            _ => 0,
        };
        let output = self
            .output
            .map(|output| cap(output.saturating_add(thinking)));
        let (input, output) = match (input, output, self.total) {
            (Some(input), Some(output), _) => (input, output),
            (Some(input), None, total) => {
                let left = total.map_or(0, |total| total.saturating_sub(input));
                (input, left.max(thinking))
            }
            (None, output, total) => {
                let output = output.unwrap_or_default();
                let left = total.map_or(0, |total| total.saturating_sub(output));
                (left.max(around), output)
            }
        };
        let sum = cap(input.saturating_add(output));
        let mut usage = Usage {
            input,
            cached_input: self.cached_input,
            cache_write,
            cache_write_hour: self.cache_write_hour,
            output,
            reasoning: self.reasoning,
            audio_input: self.audio_input,
            cached_audio_input: self.cached_audio_input,
            audio_output: self.audio_output,
            image_input: self.image_input,
            cached_image_input: self.cached_image_input,
            image_output: self.image_output,
            web_search: self.web_search,
            file_search: self.file_search,
            total: self.total.unwrap_or(sum),
            tier: self.tier,
            estimated: false,
            inconsistent: false,
        };
        usage.inconsistent = strange || usage.total != sum || !usage.fits();
        Some(usage)
    }
}

fn cap(count: u64) -> u64 {
    count.min(Usage::MAX)
}

/// Takes in a count; what is no number says nothing.
fn raise(count: &mut Option<u64>, value: &RawValue, strange: &mut bool) {
    let Some(read) = json::number(value) else {
        return;
    };
    // Zero with a sign or a fraction is zero all the same.
    let whole = value.get().bytes().all(|byte| byte.is_ascii_digit());
    *strange |= read > Usage::MAX
        || (!whole
            && value
                .get()
                .parse::<f64>()
                .is_ok_and(|number| number < 0.0 || number.fract() != 0.0));
    *count = Some(cap(read).max(count.unwrap_or(0)));
}
