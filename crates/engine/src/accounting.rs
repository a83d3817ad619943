//! The accounting of model calls: an intent in the ledger before a call goes upstream, a settlement when it has ended.
//!
//! Called by the pipeline once the caller is identified ([`begin`]), by `upstream::forward` ([`admit`], [`mark`]) and by
//! the one way out ([`settle`]); no policy asks for it. Without a ledger each of them is one branch. What must stay true:
//! nothing goes upstream that the ledger does not know of, unless the configuration says so; every intent gets its
//! settlement; a call counts once, its earlier attempts beside it. The rules are in `docs/accounting.md`.

mod end;
mod ledger;
mod record;
mod side_call;
mod tags;

pub use ledger::{Ledger, LedgerOptions, OnFailure};
pub use record::crashed;
pub(crate) use side_call::{Place, Purpose, SideCall};
pub use tags::{LedgerTags, MOST_TAGS};

use crate::exchange::{Attempt, BodyState, Exchange};
use crate::failure::Failure;
use crate::settle::Outcome;
use crate::snapshot::BackendIndex;
use http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode, header};
use smallvec::SmallVec;
use tollgate_lang::value::Str;
use tollgate_llm::{Operation, Usage, dialect, usage};
use tollgate_state::budgets::Amount;
use tollgate_state::ledger::{EndReason, Record};

/// Carries the call's id upstream, so that a provider's export can be matched with the ledger. OpenAI logs it.
static CLIENT_REQUEST_ID: HeaderName = HeaderName::from_static("x-client-request-id");

/// What is known of an accounted call beside its `LlmCall`.
pub(crate) struct Accounted {
    /// The call's id in the ledger: the request's, but for calls that a tool's call makes.
    id: u128,
    /// Wall clock at admission, Unix milliseconds.
    admitted_ms: u64,
    intent: IntentState,
    /// The single backend of the intent.
    backend: Option<BackendIndex>,
    /// What went out.
    tries: SmallVec<[Try; 1]>,
    /// All that it used is in records of its own.
    apart: bool,
}

/// One time that the call went upstream.
#[derive(Debug, Default)]
struct Try {
    /// Its hops in [`Exchange::attempts`]; more than one when redirects were followed, none while it is under way.
    hops: std::ops::Range<usize>,
    /// Its answer was good, and the document dropped it to try again.
    dropped: bool,
    /// Its usage then, where the body had been read.
    usage: Option<Usage>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum IntentState {
    /// Not admitted yet.
    None,
    /// In the ledger.
    Written,
    /// It could not be written, and the call goes on.
    Missing,
    /// It could not be written, and the call does not go on. `true`: it is there all the same, and needs an end.
    Refused(bool),
}

/// Notes that the request may be a model call, so that a refusal of it is accounted too. The caller is identified: what
/// nobody vouches for does not fill the ledger.
pub(crate) fn begin(rq: &mut Exchange) {
    let path = rq.request.path_and_query.path();
    let may_be = if rq.request.method == Method::POST {
        dialect::names_model_call(path)
    } else {
        rq.request.upgrade.is_some() && dialect::names_realtime(path)
    };
    if may_be {
        note(rq);
    }
}

fn note(rq: &mut Exchange) {
    let Some(ledger) = &rq.services.ledger else {
        return;
    };
    if rq.accounting.is_some() {
        return;
    }
    // Several calls of one message (MCP's batches) have one request id.
    let id = if rq.inner.is_some() {
        ledger.another_id(rq.id)
    } else {
        rq.id
    };
    rq.accounting = Some(Box::new(Accounted {
        id,
        admitted_ms: 0,
        intent: IntentState::None,
        backend: None,
        tries: SmallVec::new(),
        apart: false,
    }));
}

/// Writes the intent, before the first attempt of a call. What is no model call passes, without its body being read.
///
/// # Errors
/// The ledger cannot be written, and the configuration says that calls do not go on without it.
pub(crate) async fn admit(
    rq: &mut Exchange,
    backend: Option<BackendIndex>,
) -> Result<(), Box<Failure>> {
    if rq.accounting.is_none() {
        if !is_model_call(rq) {
            return Ok(());
        }
        note(rq);
    }
    let Some(accounted) = &rq.accounting else {
        return Ok(());
    };
    if accounted.intent != IntentState::None {
        return Ok(());
    }
    if rq.request.upgrade.is_none() {
        if rq.llm.is_none() && rq.awaits_model_request() {
            rq.keep_request_body("forward-request").await?;
        }
        rq.llm_call();
    }
    let Some(ledger) = rq.services.ledger.clone() else {
        return Ok(());
    };
    let now = rq.services.clock.unix_millis();
    if let Some(accounted) = &mut rq.accounting {
        accounted.admitted_ms = now;
        accounted.backend = backend;
    }
    tags::note(rq);
    let way = rq.paid();
    let written = ledger.admit(&Record::Intent(record::intent(rq, &way)));
    let state = match written {
        Ok(None) => IntentState::Written,
        Ok(Some(synced)) => {
            let deadline = rq.services.clock.sleep(ledger.options().sync_timeout);
            match ledger::within(synced, deadline).await {
                Ok(()) => IntentState::Written,
                Err(_) if ledger.options().on_failure == OnFailure::Degrade => {
                    ledger.count_unrecorded();
                    IntentState::Written
                }
                Err(_) => IntentState::Refused(true),
            }
        }
        Err(_) if ledger.options().on_failure == OnFailure::Degrade => {
            ledger.count_unrecorded();
            IntentState::Missing
        }
        Err(_) => IntentState::Refused(false),
    };
    if let Some(accounted) = &mut rq.accounting {
        accounted.intent = state;
    }
    if matches!(state, IntentState::Refused(_)) {
        ledger.count_refused();
        return Err(refusal());
    }
    Ok(())
}

/// How long a caller should wait when the ledger cannot be written.
const RETRY_AFTER: HeaderValue = HeaderValue::from_static("5");

fn refusal() -> Box<Failure> {
    Failure::refused(
        "ledger",
        "LedgerUnavailable",
        StatusCode::SERVICE_UNAVAILABLE,
        "The call cannot be recorded now. Try again later.",
    )
    .header(header::RETRY_AFTER, RETRY_AFTER)
}

/// Puts the call's id on what goes upstream: the id, with the number of the attempt behind it from the second on. A
/// caller's own id stays; ours then goes in `tollgate-request-id`.
pub(crate) fn mark(rq: &mut Exchange, headers: &mut HeaderMap) {
    let hops = rq.attempts.len();
    let Some(accounted) = rq.accounting.as_mut().filter(|a| a.is_admitted()) else {
        return;
    };
    let number = accounted.tries.len();
    accounted.tries.push(Try {
        hops: hops..usize::MAX,
        ..Try::default()
    });
    let id = uuid::Uuid::from_u128(accounted.id);
    let mut buffer = uuid::Uuid::encode_buffer();
    let text = id.hyphenated().encode_lower(&mut buffer);
    let value = match number {
        0 => HeaderValue::from_str(text),
        _ => HeaderValue::try_from(format!("{text}-{number}")),
    };
    let name = if headers.contains_key(&CLIENT_REQUEST_ID) {
        &crate::pipeline::REQUEST_ID
    } else {
        &CLIENT_REQUEST_ID
    };
    if let Ok(value) = value {
        headers.insert(name.clone(), value);
    }
}

/// A try has come to its end, with an answer's head or without: what other calls are made later are none of its hops.
pub(crate) fn tried(rq: &mut Exchange) {
    let hops = rq.attempts.len();
    if let Some(last) = rq.accounting.as_mut().and_then(|a| a.tries.last_mut()) {
        last.hops.end = last.hops.end.min(hops);
    }
}

/// The document tries again, though there was a good answer: what that used is charged as an attempt of its own.
pub(crate) fn drop_answer(rq: &mut Exchange) {
    let operation = rq.llm.as_deref().map_or(Operation::Other, |c| c.operation);
    let last = rq.accounting.as_mut().and_then(|a| a.tries.last_mut());
    let (Some(last), Some(response)) = (last, &rq.response) else {
        return;
    };
    if response.status.is_success() {
        last.dropped = true;
        if let BodyState::Buffered(body) = &response.body {
            last.usage = usage::from_body(operation, body).map(|(usage, _)| usage);
        }
    }
}

/// Notes what an answer from a cache, which the exchange has now, used when it was made: that much is saved.
pub(crate) fn note_saved(rq: &mut Exchange) {
    if rq.accounting.is_none() {
        return;
    }
    let body = match rq.response.as_ref().map(|response| &response.body) {
        Some(BodyState::Buffered(body)) => body.clone(),
        _ => return,
    };
    let call = rq.llm_call();
    if let Some((usage, model)) = usage::from_body(call.operation, &body) {
        call.saved = Some(usage);
        call.served_model = model.map(|model| Str::from(&*model));
    }
}

/// Writes the settlement: called by [`Exchange::settle`] when usage is concluded and policies have settled.
pub(crate) fn settle(rq: &mut Exchange, outcome: Outcome) {
    let Some(accounted) = rq.accounting.take() else {
        return;
    };
    let Some(ledger) = rq.services.ledger.clone() else {
        return;
    };
    if accounted.intent == IntentState::Refused(false) {
        // It was refused since nothing can be written, and counted.
        return;
    }
    if accounted.intent == IntentState::None {
        tags::note(rq);
    }
    let now = rq.services.clock.unix_millis();
    let mut spent = Amount::default();
    for earlier in record::earlier(rq, &accounted, now) {
        spent = spent.plus(record::spent(&earlier));
        ledger.settle(&Record::Settlement(earlier));
    }
    let end = end::reason(rq, &accounted, outcome);
    let settlement = record::settlement(rq, &accounted, outcome, end, now);
    spent = spent.plus(record::spent(&settlement));
    ledger.settle(&Record::Settlement(settlement));
    // With the very numbers that a restart reads.
    crate::budget::settle(rq, spent);
}

/// All that passed over the connection is in the ledger, in records of its own: the connection itself costs nothing.
pub(crate) fn counted_apart(rq: &mut Exchange) {
    if let Some(accounted) = &mut rq.accounting {
        accounted.apart = true;
    }
}

/// Whether the request is a model call, as far as is known before it goes upstream. A policy may have found that it is
/// one, or sent it to where it is one.
pub(crate) fn is_model_call(rq: &Exchange) -> bool {
    rq.accounting.is_some()
        || rq.llm.is_some()
        || crate::realtime::is_realtime(rq)
        || (rq.request.method == Method::POST && dialect::names_model_call(rq.target_path()))
}

impl Accounted {
    /// Whether the call went upstream, as far as the gateway can tell.
    fn went_out(&self) -> bool {
        !self.tries.is_empty()
    }

    /// The last hop of a try; `None` while it is under way.
    fn last_hop<'a>(&self, of: &Try, rq: &'a Exchange) -> Option<&'a Attempt> {
        let end = of.hops.end.min(rq.attempts.len());
        rq.attempts.get(of.hops.start..end)?.last()
    }

    /// The last hop of the last try.
    fn last<'a>(&self, rq: &'a Exchange) -> Option<&'a Attempt> {
        self.last_hop(self.tries.last()?, rq)
    }

    fn is_admitted(&self) -> bool {
        matches!(self.intent, IntentState::Written | IntentState::Missing)
    }
}

impl Exchange {
    /// Whether its end must be in the ledger before its answer is: an admitted call with nothing left to send.
    pub(crate) fn settles_before_answer(&self) -> bool {
        self.accounting
            .as_ref()
            .is_some_and(|accounted| accounted.is_admitted())
    }
}

/// End reasons that nothing is charged for.
pub(crate) fn is_free(end: EndReason) -> bool {
    matches!(
        end,
        EndReason::PolicyRejection
            | EndReason::CacheHit
            | EndReason::UpstreamError
            | EndReason::Timeout
    )
}
