//! The format of recorded traffic: one JSON object on a line for each request, with the calls that it made.
//!
//! `proxy` writes it, `tollgate replay` reads it; docs/replay.md describes it for people. What must stay true: what is
//! in it has been through a [`crate::probe::mask::Mask`]; a reader takes files of an older writer.

use aws_lc_rs::digest::{SHA256, digest};
use serde::{Deserialize, Serialize};

/// The version that is written.
pub const VERSION: u32 = 1;

/// What stands for the subscription of a key that nobody has.
pub const UNKNOWN_SUBSCRIPTION: &str = "unknown";

/// Put on a request to an upstream when its exchange is watched: the exchange's id.
#[derive(Clone, Copy, Debug)]
pub struct OnBehalfOf(pub u128);

/// One request and what came of it.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct Recorded {
    /// [`VERSION`].
    pub version: u32,
    /// When it came, RFC 3339 in UTC.
    pub time: String,
    /// The request's id, as logs have it.
    pub id: String,
    /// The request.
    pub request: RecordedRequest,
    /// The calls to upstreams, in the order in which they began.
    pub calls: Vec<RecordedCall>,
    /// The answer that the caller got.
    pub response: RecordedResponse,
    /// `answered`, `client_left` or `upstream_failed`.
    pub outcome: String,
    /// Id of the API.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub api: Option<String>,
    /// Id of the operation.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub operation: Option<String>,
    /// Why it failed, if it did: source and reason of `context.LastError`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub error: Option<(String, String)>,
    /// Of a model call: what it used.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub usage: Option<RecordedUsage>,
}

/// A caller's request.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct RecordedRequest {
    /// Method.
    pub method: String,
    /// `http` or `https`.
    pub scheme: String,
    /// `Host`.
    pub authority: String,
    /// Path and query, without the subscription key.
    pub target: String,
    /// The caller's address.
    pub client_ip: String,
    /// The subscription's [`pseudonym`], when a key came; [`UNKNOWN_SUBSCRIPTION`] when nobody has it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub subscription: Option<String>,
    /// Headers, masked, without the subscription key.
    pub headers: Vec<(String, String)>,
    /// The body.
    #[serde(flatten)]
    pub body: RecordedBody,
}

/// A call to an upstream and its answer.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct RecordedCall {
    /// Method.
    pub method: String,
    /// The whole URL, masked.
    pub url: String,
    /// Milliseconds from the request's arrival to the call.
    pub after_ms: u64,
    /// Milliseconds until the head of its answer was there, or it failed.
    pub took_ms: u64,
    /// Status; 0: there was no answer.
    pub status: u16,
    /// Why there was none.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub failure: Option<String>,
    /// Headers of the answer, masked.
    pub headers: Vec<(String, String)>,
    /// Its body.
    #[serde(flatten)]
    pub body: RecordedBody,
}

/// The head of the caller's answer.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct RecordedResponse {
    /// Status.
    pub status: u16,
    /// Headers, masked.
    pub headers: Vec<(String, String)>,
    /// Milliseconds until the request had ended.
    pub took_ms: u64,
}

/// A body, as far as it was recorded.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct RecordedBody {
    /// Its bytes on the wire.
    pub body_size: u64,
    /// The text, masked; absent when bodies are not recorded, it is too large, or it is no text.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub body: Option<String>,
}

/// What a model call used.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct RecordedUsage {
    /// The model that served, else the one that was asked for.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub model: Option<String>,
    /// Prompt tokens.
    pub input: u64,
    /// Completion tokens.
    pub output: u64,
    /// Total.
    pub total: u64,
}

/// What stands for a subscription: the same for the same id, and no key can be made of it.
pub fn pseudonym(subscription: &str) -> String {
    let hash = digest(&SHA256, subscription.as_bytes());
    let hex = hash.as_ref()[..8].iter().map(|b| format!("{b:02x}"));
    format!("sub-{}", hex.collect::<String>())
}

/// What a model call of an exchange used, once it has settled.
pub fn usage(rq: &crate::exchange::Exchange) -> Option<RecordedUsage> {
    let call = rq.llm.as_deref()?;
    let usage = call.usage.as_ref()?;
    let model = call.served_model.as_ref().or(call.model.as_ref());
    Some(RecordedUsage {
        model: model.or(call.deployment.as_ref()).map(ToString::to_string),
        input: usage.input,
        output: usage.output,
        total: usage.total,
    })
}
