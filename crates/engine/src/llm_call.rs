//! What the gateway knows of a model call: read once from the request, completed by the response.
//!
//! Token limits, token metrics and the semantic cache share it through [`Exchange::llm_call`]; they do not know each
//! other. What must stay true: the request body is read once and never copied but to ask upstream for usage; the
//! response is metered while it passes and never held back; usage is concluded before any policy settles.
//!
//! A request that is no model request (another method than POST, a body that is not JSON) counts nothing of itself;
//! should its answer report usage all the same, that is counted.

mod bound;
mod ceiling;
pub(crate) mod cost;
mod decode;
mod embed;
mod hold;
mod metering;
#[cfg(test)]
mod tests;

use crate::exchange::{BodyState, Exchange};
use crate::pricing::Charge;
use crate::step::{Flow, Needs};
use bytes::Bytes;
use http::{HeaderMap, HeaderValue, Method, StatusCode, header};
use serde_json::value::RawValue;
use smallvec::SmallVec;
use std::cell::RefCell;
use std::collections::BTreeMap;
use std::rc::Rc;
use tollgate_lang::value::Str;
use tollgate_llm::price::Tier;
use tollgate_llm::request::ask_for_usage;
use tollgate_llm::tokens::{Estimate, estimate_prompt};
use tollgate_llm::{Operation, Peek, Usage, dialect};
use tollgate_state::ledger::EndReason;

pub use bound::{CLAMPED, DEFAULT_MAX_TOKENS, Most};
pub use ceiling::Allowance;
pub(crate) use embed::{Embedder, identity};
pub(crate) use hold::hold;
use metering::{Metering, Tally};

/// A model call.
pub struct LlmCall {
    /// What the path names.
    pub operation: Operation,
    /// `model` of the body.
    pub model: Option<Str>,
    /// Deployment of the path, still percent-encoded.
    pub deployment: Option<Str>,
    /// Whether the body was a JSON object.
    pub readable: bool,
    /// `stream` of the body.
    pub stream: bool,
    /// Whether the caller asked for the usage chunk.
    pub include_usage: bool,
    /// The most output tokens that the request allows, when it says.
    pub max_output: Option<u64>,
    /// What the semantic cache did.
    pub cache: CacheStatus,
    /// What an answer from a cache had used when it was made.
    pub saved: Option<Usage>,
    /// Tokens used: known when the answer was whole in memory before its head went out, else when it has ended. `None`
    /// for an answer from the cache and for one that says nothing of usage.
    pub usage: Option<Usage>,
    /// The model that the provider says it served.
    pub served_model: Option<Str>,
    /// Monotonic clock at the first output token of a stream.
    pub first_token_nanos: Option<u64>,
    /// The tier that the request asks for.
    pub(crate) asked_tier: Option<Tier>,
    /// Whether another deployment than the provisioned one answered (Azure's spillover).
    pub(crate) spilled: bool,
    /// What it is charged: known as soon as `usage` is.
    pub charge: Option<Charge>,
    /// How the model ended its answer, as far as it said.
    pub end: EndReason,
    /// Token counters that a policy of this request counts on already.
    counted: SmallVec<[TokenCounter; 2]>,
    /// The body that all this was read from.
    body: Bytes,
    /// That body with usage asked for, when the gateway has to.
    asking: Option<Bytes>,
    /// Whether usage was asked upstream on the gateway's own account, so that the caller must not see it.
    hide_usage: bool,
    estimate: Option<Estimate>,
    /// The most that the call can use, once asked.
    bound: Option<bound::Bound>,
    /// How far a streamed answer may go.
    ceiling: Option<Box<ceiling::Ceiling>>,
    tally: Rc<RefCell<Tally>>,
}

/// Members of a request that are its prompt, its model, or tell of the caller, not of the answer.
const NOT_SETTINGS: [&str; 15] = [
    "contents",
    "input",
    "instructions",
    "messages",
    "metadata",
    "model",
    "prompt",
    "prompt_cache_key",
    "safety_identifier",
    "service_tier",
    "store",
    "stream",
    "stream_options",
    "system",
    "user",
];

/// A counter of tokens: its key, and the quota's period unless it is the minute's.
pub type TokenCounter = (Str, Option<tollgate_state::Period>);

/// What the semantic cache did with a call.
#[derive(Clone, Debug, Default)]
pub enum CacheStatus {
    /// No lookup has seen it.
    #[default]
    Unseen,
    /// Answered from the cache.
    Hit,
    /// Looked up and not found: what to store the answer under.
    Miss {
        /// The partition.
        partition: Str,
        /// The prompt's vector.
        vector: Rc<[f32]>,
    },
    /// Not looked up: a stream, a prompt that is more than text, no embedding to be had.
    Bypass,
}

impl CacheStatus {
    /// Whether the answer came from the cache.
    pub fn is_hit(&self) -> bool {
        matches!(self, CacheStatus::Hit)
    }

    /// Value of `x-llm-cache-status`; `None` when no lookup has seen the call.
    pub fn as_str(&self) -> Option<&'static str> {
        match self {
            CacheStatus::Unseen => None,
            CacheStatus::Hit => Some("hit"),
            CacheStatus::Miss { .. } => Some("miss"),
            CacheStatus::Bypass => Some("bypass"),
        }
    }
}

/// An answer kept by the semantic cache.
#[derive(Clone, Debug)]
pub struct CachedAnswer {
    /// Status.
    pub status: StatusCode,
    /// Headers worth keeping.
    pub headers: HeaderMap,
    /// The whole body.
    pub body: Bytes,
}

impl Exchange {
    /// The model call, read now if no step has asked before. The first to ask switches metering on.
    pub fn llm_call(&mut self) -> &mut LlmCall {
        if self.llm.is_none() {
            let call = LlmCall::read(self);
            // First in line, so that usage is known when the policies' own deferred work runs.
            self.deferred.push(Box::new(Metering));
            self.llm = Some(Box::new(call));
        }
        self.llm.as_mut().expect("set above")
    }

    /// Whether a model request's body has yet to be read into memory. Bodies that cannot be one (uploads) stream on.
    pub fn awaits_model_request(&self) -> bool {
        matches!(self.request.body, BodyState::Streaming(_))
            && self.request.method == Method::POST
            && is_json(&self.request.headers, true)
    }

    /// The waiting form of a step that reads the model request: buffers it, then does what the step does.
    pub async fn with_model_request(&mut self, step: impl FnOnce(&mut Exchange) -> Flow) -> Flow {
        if !self.awaits_model_request() {
            return self.go_on().await;
        }
        let needs = Needs {
            request_body: true,
            ..Needs::default()
        };
        if let Err(failure) = self.buffer(needs, "").await {
            return Flow::Fail(failure);
        }
        match step(self) {
            Flow::Wait => self.go_on().await,
            flow => flow,
        }
    }
}

impl LlmCall {
    fn read(rq: &Exchange) -> LlmCall {
        let original = rq.request.path_and_query.path();
        let body = match &rq.request.body {
            BodyState::Buffered(body) if rq.request.method == Method::POST => Some(body),
            _ => None,
        };
        LlmCall::of(original, || rq.target_path(), body)
    }

    /// A request that a policy makes by itself, when it is recognisably a model call: one by its path, whose model is
    /// named there or in its JSON.
    pub(crate) fn of_side_request(method: &Method, path: &str, body: &Bytes) -> Option<LlmCall> {
        if *method != Method::POST || !dialect::names_model_call(path) {
            return None;
        }
        let call = LlmCall::of(path, || path, Some(body));
        (call.readable && !call.model_name().is_empty()).then_some(call)
    }

    /// A response of a Realtime API's session, in which requests are messages.
    pub(crate) fn in_session(path: &str, model: &Str) -> LlmCall {
        let mut call = LlmCall::of(path, || path, None);
        call.model = (!model.is_empty()).then(|| model.clone());
        call.stream = true;
        call
    }

    /// Of a request to a path, and to the one that it leads to, with its body where that can be a model's.
    fn of<'a>(original: &'a str, target: impl Fn() -> &'a str, body: Option<&Bytes>) -> LlmCall {
        let (operation, path) = match Operation::from_path(original) {
            Operation::Other => (Operation::from_path(target()), target()),
            operation => (operation, original),
        };
        let deployment = dialect::deployment(path).or_else(|| dialect::deployment(original));
        let mut call = LlmCall {
            operation,
            model: None,
            deployment: deployment.map(Str::from),
            readable: false,
            stream: false,
            include_usage: false,
            max_output: None,
            cache: CacheStatus::Unseen,
            saved: None,
            usage: None,
            served_model: None,
            first_token_nanos: None,
            asked_tier: None,
            spilled: false,
            charge: None,
            end: EndReason::Done,
            counted: SmallVec::new(),
            body: Bytes::new(),
            asking: None,
            hide_usage: false,
            estimate: None,
            bound: None,
            ceiling: None,
            tally: Rc::default(),
        };
        if let Some(body) = body
            && let Ok(peek) = Peek::new(body)
        {
            call.model = peek.model.as_deref().map(Str::from);
            call.readable = true;
            call.stream = peek.stream;
            call.include_usage = peek.include_usage;
            call.asked_tier = peek.service_tier.as_deref().and_then(Tier::from_name);
            call.max_output = peek.max_output();
            if operation.takes_include_usage() {
                call.asking = ask_for_usage(body, &peek);
            }
            call.body = body.clone();
        }
        if (call.model.is_none() || operation == Operation::Other)
            && let Some((model, stream)) =
                dialect::model_in_path(path).or_else(|| dialect::model_in_path(original))
        {
            call.model.get_or_insert_with(|| {
                Str::from(&*percent_encoding::percent_decode_str(model).decode_utf8_lossy())
            });
            call.stream |= stream;
        }
        call
    }

    /// What the model is called: the body's name, else the deployment's.
    pub fn model_name(&self) -> &str {
        self.model
            .as_deref()
            .or(self.deployment.as_deref())
            .unwrap_or_default()
    }

    /// The request as it was read; empty members when it was not a model request.
    pub fn peek(&self) -> Peek<'_> {
        Peek::new(&self.body).unwrap_or_default()
    }

    /// What the request says beside its prompt, its model and its caller: two requests that differ here do not want the
    /// same answer. `None` for what is not a model request.
    pub(crate) fn settings(&self) -> Option<String> {
        let members: BTreeMap<String, &RawValue> = serde_json::from_slice(&self.body).ok()?;
        let mut settings = String::new();
        for (name, value) in members {
            if !NOT_SETTINGS.contains(&&*name) {
                settings.push('\n');
                settings.push_str(&name);
                settings.push('=');
                settings.push_str(value.get());
            }
        }
        Some(settings)
    }

    /// Estimate of the prompt's tokens, counted once; 0 for what is not a model request.
    pub fn estimate(&mut self) -> Estimate {
        if let Some(estimate) = self.estimate {
            return estimate;
        }
        let estimate = if self.readable {
            let model = self.model_name();
            let model = (!model.is_empty()).then_some(model);
            estimate_prompt(self.operation, &self.peek(), model)
        } else {
            Estimate::default()
        };
        self.estimate = Some(estimate);
        estimate
    }

    /// The estimate's tokens, when a step has asked for it.
    pub(crate) fn estimated(&self) -> Option<u64> {
        self.estimate.map(|estimate| estimate.tokens)
    }

    /// Bytes of the request's body; 0 for what is not a model request.
    pub(crate) fn body_length(&self) -> u64 {
        self.body.len() as u64
    }

    /// Claims a counter for this request: true for the first policy that asks. Two policies that share a counter check
    /// it both, and count the call once.
    pub fn claim(&mut self, counter: TokenCounter) -> bool {
        let fresh = !self.counted.contains(&counter);
        if fresh {
            self.counted.push(counter);
        }
        fresh
    }

    /// Whether a meter is on the response and has not concluded.
    pub fn is_metered(&self) -> bool {
        self.tally.borrow().is_metered()
    }

    /// Whether an answer to this request can carry usage that is its own. `…/responses/{id}` tells the usage of an
    /// earlier call.
    fn bills(&self, rq: &Exchange) -> bool {
        rq.request.method == Method::POST
            && (self.operation != Operation::Other
                || !rq
                    .request
                    .path_and_query
                    .path()
                    .split('/')
                    .any(|segment| segment.eq_ignore_ascii_case("responses")))
    }
}

/// Makes the outgoing request one that can be metered: no content coding, and usage asked for in streams. Gives the
/// body to send in place of the buffered one, if it must differ, also with the bound that was reserved. The exchange's own request stays as the caller sent it.
pub(crate) fn prepare(rq: &mut Exchange, headers: &mut HeaderMap) -> Option<Bytes> {
    let call = rq.llm.as_mut()?;
    // Saying nothing would allow any coding (RFC 9110, section 12.5.3).
    headers.insert(
        header::ACCEPT_ENCODING,
        HeaderValue::from_static("identity"),
    );
    let BodyState::Buffered(body) = &rq.request.body else {
        return None;
    };
    let same = body.as_ptr() == call.body.as_ptr() && body.len() == call.body.len();
    let asking = if same {
        call.asking.clone()
    } else if call.operation.takes_include_usage() {
        // A policy has written another body since.
        Peek::new(body)
            .ok()
            .and_then(|peek| ask_for_usage(body, &peek))
    } else {
        None
    };
    call.hide_usage = asking.is_some();
    match call.bounded(asking.as_ref().unwrap_or(body), same) {
        Some(bounded) => Some(bounded),
        None => asking,
    }
}

/// Whether the body is JSON by its content type; `absent` when there is none.
pub(crate) fn is_json(headers: &HeaderMap, absent: bool) -> bool {
    media_type(headers).map_or(absent, |media| {
        media.eq_ignore_ascii_case(b"application/json")
            || media
                .len()
                .checked_sub(5)
                .is_some_and(|at| media[at..].eq_ignore_ascii_case(b"+json"))
    })
}

/// Whether the body is a stream of server-sent events.
pub(crate) fn is_event_stream(headers: &HeaderMap) -> bool {
    media_type(headers).is_some_and(|media| media.eq_ignore_ascii_case(b"text/event-stream"))
}

/// Whether the body has a content coding.
pub(crate) fn is_encoded(headers: &HeaderMap) -> bool {
    headers
        .get(header::CONTENT_ENCODING)
        .is_some_and(|coding| !coding.as_bytes().eq_ignore_ascii_case(b"identity"))
}

/// Whether the body is a stream in Amazon's framing (Bedrock).
pub(crate) fn is_frames(headers: &HeaderMap) -> bool {
    media_type(headers)
        .is_some_and(|media| media.eq_ignore_ascii_case(b"application/vnd.amazon.eventstream"))
}

fn media_type(headers: &HeaderMap) -> Option<&[u8]> {
    let value = headers.get(header::CONTENT_TYPE)?.as_bytes();
    Some(
        value
            .split(|byte| *byte == b';')
            .next()
            .unwrap_or(value)
            .trim_ascii(),
    )
}
