//! The most tokens that a request's prompt can be, whatever tokenizer the provider has.
//!
//! Called by `engine` for strict accounting. The rule: where the count is exact, the count and a small margin; else a
//! token for each byte, since no token of a byte-level vocabulary is shorter, with what the provider adds around
//! messages and tools, and an upper bound for each image. What must hold: never below what the provider counts, so far
//! as the request shows it; `None` when part of the prompt is only at the provider.

use serde_json::value::RawValue;

use super::estimate::estimate_prompt;
use crate::dialect::Operation;
use crate::json;
use crate::request::Peek;

/// Added to an exact count: providers change the frames around messages by a token or two.
pub const MARGIN: u64 = 16;
/// What a provider may put around the prompt on its own account (tools, formats), beside what stands in the body.
const FRAME: u64 = 1_024;
/// The most that one image counts with the models known. gpt-4o-mini counts more, see [`IMAGE_OF_MINI`].
const IMAGE: u64 = 10_000;
/// 2,833 and 5,667 for each of up to eight tiles.
const IMAGE_OF_MINI: u64 = 48_169;
/// Nesting that is followed in search of images and files.
const DEPTH: usize = 16;

/// Members that change the answer, not the prompt. With any other beside the prompt itself the count is not exact.
const NO_PROMPT: [&str; 29] = [
    "best_of",
    "echo",
    "frequency_penalty",
    "input",
    "logit_bias",
    "logprobs",
    "max_completion_tokens",
    "max_output_tokens",
    "max_tokens",
    "messages",
    "metadata",
    "model",
    "n",
    "parallel_tool_calls",
    "presence_penalty",
    "prompt",
    "prompt_cache_key",
    "safety_identifier",
    "seed",
    "service_tier",
    "stop",
    "store",
    "stream",
    "stream_options",
    "temperature",
    "top_logprobs",
    "top_p",
    "user",
    "instructions",
];

/// An upper bound of the prompt's tokens; `None` when the request refers to what only the provider has: an earlier
/// response, a conversation, a stored prompt, a file by its id or address.
///
/// `body` is the request's body and `peek` of the same.
#[must_use]
pub fn bound_prompt(
    operation: Operation,
    body: &[u8],
    peek: &Peek<'_>,
    model: Option<&str>,
) -> Option<u64> {
    // A stored prompt is an object where text stands else.
    if peek.continues || peek.prompt.is_some_and(json::is_object) {
        return None;
    }
    let estimate = estimate_prompt(operation, peek, model);
    if estimate.exact && only_prompt(body) {
        return Some(estimate.tokens.saturating_add(MARGIN));
    }
    let mini = model.is_some_and(|model| model.contains("4o-mini"));
    let mut media = Media {
        image: if mini { IMAGE_OF_MINI } else { IMAGE },
        ..Media::default()
    };
    let read = json::members(body, |name, value| match name {
        "tools" => media.tools(value),
        _ => media.look(value, 0),
    });
    if read.is_err() || media.elsewhere {
        return None;
    }
    let text = (body.len() as u64).saturating_sub(media.coded);
    // An escape is never shorter than the UTF-8 of what it stands for, so the body's bytes bound the text's.
    Some(
        text.saturating_add(media.tokens)
            .saturating_add(FRAME)
            .max(estimate.tokens),
    )
}

fn only_prompt(body: &[u8]) -> bool {
    let mut only = true;
    let read = json::members(body, |name, value| {
        only &= json::is_null(value) || NO_PROMPT.contains(&name);
    });
    only && read.is_ok()
}

/// What is no text in a body.
#[derive(Default)]
struct Media {
    /// Of one image.
    image: u64,
    /// Tokens of all images.
    tokens: u64,
    /// Bytes of the body that are images' data, which are not counted as text.
    coded: u64,
    /// Part of the prompt is not in the body.
    elsewhere: bool,
}

impl Media {
    /// Looks for images and references in a value of any shape.
    fn look(&mut self, value: &RawValue, depth: usize) {
        if json::is_array(value) {
            if depth == DEPTH {
                return self.too_deep(value);
            }
            json::array(value, |item| self.look(item, depth + 1));
            return;
        }
        if !json::is_object(value) {
            return;
        }
        if depth == DEPTH {
            return self.too_deep(value);
        }
        json::object(value, |name, member| match name {
            "image_url" | "image" => self.image(member),
            "inlineData" | "inline_data" | "source" => self.inline(member, depth),
            "file_id" | "file_url" | "fileData" | "file_data_uri" | "vector_store_ids"
            | "container" => self.elsewhere |= !json::is_null(member),
            // A PDF's pages are read as text and as images: more than its bytes tell.
            "file_data" | "document" => self.elsewhere |= !json::is_null(member),
            _ => self.look(member, depth + 1),
        });
    }

    /// What is nested so deep is taken to hide a reference when it has one's name.
    fn too_deep(&mut self, value: &RawValue) {
        self.elsewhere |= value.get().contains("file") || value.get().contains("image");
    }

    fn image(&mut self, value: &RawValue) {
        self.tokens = self.tokens.saturating_add(self.image);
        let coded = match value.get() {
            text if text.contains(";base64,") => text.len(),
            _ => 0,
        };
        self.coded = self.coded.saturating_add(coded as u64);
    }

    /// Data with its media type (Gemini's `mimeType`, Anthropic's `media_type`): of images the bound, of audio the bytes.
    fn inline(&mut self, value: &RawValue, depth: usize) {
        let (mut image, mut other, mut data, mut url) = (false, false, 0, false);
        json::object(value, |name, member| match name {
            "mimeType" | "mime_type" | "media_type" => {
                let kind = json::text(member).unwrap_or_default();
                image |= kind.starts_with("image/");
                other |= !kind.starts_with("image/")
                    && !kind.starts_with("audio/")
                    && !kind.starts_with("text/");
            }
            "data" => data = member.get().len() as u64,
            "url" => url = true,
            _ => {}
        });
        if image || (url && !other) {
            self.tokens = self.tokens.saturating_add(self.image);
            self.coded = self.coded.saturating_add(data);
        } else if other {
            self.elsewhere = true;
        } else if data == 0 {
            self.look(value, depth + 1);
        }
    }

    /// Tools that run at the provider put what they find into the prompt.
    fn tools(&mut self, value: &RawValue) {
        json::array(value, |tool| {
            json::object(tool, |name, member| match name {
                "type" => {
                    let kind = json::text(member).unwrap_or_default();
                    self.elsewhere |= !matches!(&*kind, "function" | "custom");
                }
                "googleSearch"
                | "google_search"
                | "googleSearchRetrieval"
                | "urlContext"
                | "codeExecution"
                | "retrieval" => self.elsewhere = true,
                _ => {}
            });
        });
    }
}
