//! What an operation gives back to the router, and the JSON that operations share.
//!
//! Called by `chat`, `completions`, `responses` and `embeddings`. What must stay true: the shapes
//! are those of Azure OpenAI's data plane (2024-10-21), including its content filter results.

use bytes::Bytes;
use serde::Serialize;
use serde_json::{Value, json};
use uuid::Uuid;

use super::billing::unix_millis;
use super::body::{Event, Events};
use super::config::Deployment;

/// A request to a deployment.
pub(super) struct Call<'a> {
    pub(super) deployment: &'a Deployment,
    /// Azure's dialect, with content filter results; otherwise OpenAI's.
    pub(super) azure: bool,
    pub(super) body: &'a Value,
}

/// An answer before it is admitted, billed and sent.
pub(super) struct Reply {
    pub(super) prompt_tokens: u32,
    pub(super) completion_tokens: u32,
    /// What the rate limits take at admission.
    pub(super) estimate: u32,
    pub(super) body: ReplyBody,
}

/// The two ways to answer.
pub(super) enum ReplyBody {
    Whole(Bytes),
    Stream(Events),
}

impl Reply {
    /// A whole JSON answer.
    pub(super) fn whole(
        prompt_tokens: u32,
        completion_tokens: u32,
        estimate: u32,
        value: &impl Serialize,
    ) -> Self {
        // Serialising these types cannot fail: their keys are strings and nothing is fallible.
        let bytes = serde_json::to_vec(value).unwrap_or_default();
        Self {
            prompt_tokens,
            completion_tokens,
            estimate,
            body: ReplyBody::Whole(bytes.into()),
        }
    }

    /// An event stream.
    pub(super) fn stream(
        prompt_tokens: u32,
        completion_tokens: u32,
        estimate: u32,
        events: Events,
    ) -> Self {
        Self {
            prompt_tokens,
            completion_tokens,
            estimate,
            body: ReplyBody::Stream(events),
        }
    }
}

/// Tokens that a limit assumes for an answer without `max_tokens`.
const ASSUMED_COMPLETION: u32 = 256;

/// What a limit takes at admission: the prompt and the most (or the usual) the answer costs.
pub(super) fn estimate(prompt_tokens: u32, max_tokens: Option<u32>, choices: u32) -> u32 {
    prompt_tokens.saturating_add(
        max_tokens
            .unwrap_or(ASSUMED_COMPLETION)
            .saturating_mul(choices),
    )
}

/// An unnamed server-sent event.
pub(super) fn data(value: &Value) -> Bytes {
    format!("data: {value}\n\n").into()
}

/// The event that ends a stream of the chat and completions dialects.
pub(super) fn done() -> Event {
    Event::free(Bytes::from_static(b"data: [DONE]\n\n"))
}

/// Seconds since the Unix epoch.
pub(super) fn created() -> u64 {
    unix_millis() / 1000
}

/// A fresh identifier with a prefix, such as `chatcmpl-`.
pub(super) fn identifier(prefix: &str) -> String {
    format!("{prefix}{}", Uuid::new_v4().simple())
}

/// The dated name that answers carry for a model.
pub(super) fn model_version(model: &str) -> &str {
    match model {
        "gpt-4o-mini" => "gpt-4o-mini-2024-07-18",
        "gpt-4o" => "gpt-4o-2024-11-20",
        "gpt-4.1" => "gpt-4.1-2025-04-14",
        "gpt-4.1-mini" => "gpt-4.1-mini-2025-04-14",
        other => other,
    }
}

/// The system fingerprint of a model.
pub(super) fn fingerprint(model: &str) -> String {
    format!("fp_{:010x}", super::hash::fnv([model]) & 0xff_ffff_ffff)
}

fn categories() -> Value {
    let safe = json!({ "filtered": false, "severity": "safe" });
    json!({ "hate": safe, "self_harm": safe, "sexual": safe, "violence": safe })
}

/// `prompt_filter_results` of one prompt.
pub(super) fn prompt_filter_results(prompts: usize) -> Value {
    let mut results = categories();
    results["jailbreak"] = json!({ "filtered": false, "detected": false });
    (0..prompts)
        .map(|at| json!({ "prompt_index": at, "content_filter_results": results }))
        .collect()
}

/// `content_filter_results` of a choice.
pub(super) fn content_filter_results() -> Value {
    let mut results = categories();
    results["protected_material_code"] = json!({ "filtered": false, "detected": false });
    results["protected_material_text"] = json!({ "filtered": false, "detected": false });
    results
}

/// `usage` of chat and completions.
pub(super) fn usage(prompt_tokens: u32, completion_tokens: u32) -> Value {
    json!({
        "completion_tokens": completion_tokens,
        "completion_tokens_details": {
            "accepted_prediction_tokens": 0, "audio_tokens": 0, "reasoning_tokens": 0, "rejected_prediction_tokens": 0
        },
        "prompt_tokens": prompt_tokens,
        "prompt_tokens_details": { "audio_tokens": 0, "cached_tokens": 0 },
        "total_tokens": prompt_tokens.saturating_add(completion_tokens)
    })
}
