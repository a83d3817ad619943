//! An exchange as the ledger's records.
//!
//! What must stay true: texts are borrowed, so that a record allocates nothing; what is charged is what the provider
//! reported, else an estimate that is flagged, and nothing where the rule of the end reason says so.

use super::{Accounted, IntentState, is_free};
use crate::exchange::{Attempt, AttemptEnd, Exchange};
use crate::llm_call::LlmCall;
use crate::pricing::{Charge, Paid, Prices};
use crate::settle::Outcome;
use std::borrow::Cow;
use tollgate_lang::value::Str;
use tollgate_llm::Usage;
use tollgate_llm::price::Tier;
use tollgate_llm::usage::Classes;
use tollgate_state::budgets::Amount;
use tollgate_state::ledger::{Call, EndReason, Flags, Intent, Settlement, Text, Tokens};

fn text(text: Option<&Str>) -> Text<'_> {
    Cow::Borrowed(text.map_or("", |text| &**text))
}

/// Who calls what: what is the same of all model calls of an exchange.
fn dimensions(rq: &Exchange) -> Call<'_> {
    Call {
        api: text(rq.api().map(|a| &a.id)),
        operation: text(rq.operation().map(|o| &o.id)),
        product: text(rq.product().map(|p| &p.id)),
        subscription: text(rq.subscription().map(|s| &s.id)),
        user: text(rq.user().map(|u| &u.id)),
        workspace: text(rq.workspace().map(|w| &w.id)),
        agent_run: rq.agent_run().map_or(Cow::Borrowed(""), Cow::Borrowed),
        tags: super::tags::texts(rq),
        ..Call::default()
    }
}

/// The same without borrowing, for what may outlive the exchange.
pub(super) fn owned_dimensions(rq: &Exchange) -> Call<'static> {
    dimensions(rq).into_owned()
}

/// The dimensions of the caller's call.
fn call<'a>(rq: &'a Exchange, accounted: &Accounted, attempt: Option<&Attempt>) -> Call<'a> {
    let llm = rq.llm.as_deref();
    let backend = attempt.map_or(accounted.backend, |a| a.backend);
    Call {
        id: accounted.id,
        admitted_ms: accounted.admitted_ms,
        backend: text(backend.map(|b| &rq.snapshot.backend(b).id)),
        model: text(llm.and_then(|call| call.model.as_ref())),
        deployment: text(llm.and_then(|call| call.deployment.as_ref())),
        stream: llm.is_some_and(|call| call.stream),
        budgets: rq.draw.as_ref().map_or_else(Vec::new, |draw| {
            let names = draw.budgets.iter().map(|drawn| Cow::Owned(drawn.name()));
            names.collect()
        }),
        ..dimensions(rq)
    }
}

/// The same with how it is paid for.
pub(super) fn paid<'a>(mut call: Call<'a>, paid: &'a Paid) -> Call<'a> {
    call.provider = text(Some(&paid.provider));
    call.region = text(paid.region.as_ref());
    call.tier = Cow::Borrowed(paid.tier.name());
    call
}

/// What budgets set aside for the call.
fn reserved(rq: &Exchange) -> Amount {
    rq.draw
        .as_ref()
        .map_or_else(Amount::default, |draw| draw.reserved())
}

/// As many as fit.
pub(super) fn fitting(tokens: u128) -> u64 {
    tokens.try_into().unwrap_or(u64::MAX)
}

/// Bytes of a prompt for one token, where nobody counted: half of what English needs more or less.
const BYTES_FOR_A_TOKEN: u64 = 4;

/// The prompt's tokens as far as they are known without counting them.
pub(super) fn estimate(llm: Option<&LlmCall>) -> u64 {
    llm.map_or(0, |call| {
        call.estimated()
            .unwrap_or_else(|| call.body_length() / BYTES_FOR_A_TOKEN)
    })
}

/// The intent of a call that is about to go out, paid for in this way.
pub(super) fn intent<'a>(rq: &'a Exchange, way: &'a Paid) -> Intent<'a> {
    let Some(accounted) = &rq.accounting else {
        return Intent::default();
    };
    let reserved = reserved(rq);
    Intent {
        call: paid(call(rq, accounted, None), way),
        estimate: estimate(rq.llm.as_deref()),
        reserved_tokens: fitting(reserved.tokens),
        reserved_pico: reserved.pico,
    }
}

/// What a settlement charges, as budgets count it.
pub(super) fn spent(settlement: &Settlement<'_>) -> Amount {
    Amount {
        tokens: settlement.total.into(),
        pico: settlement.cost_pico.unwrap_or(0),
    }
}

/// Counts as the ledger keeps them.
pub(super) fn tokens(classes: &Classes) -> Tokens {
    Tokens {
        input: classes.input,
        cached_input: classes.cached_input,
        cache_write: classes.cache_write,
        cache_write_hour: classes.cache_write_hour,
        output: classes.output,
        reasoning: classes.reasoning,
        audio_input: classes.audio_input,
        cached_audio_input: classes.cached_audio_input,
        audio_output: classes.audio_output,
        image_input: classes.image_input,
        cached_image_input: classes.cached_image_input,
        image_output: classes.image_output,
        web_search: classes.web_search,
        file_search: classes.file_search,
    }
}

/// The settlement of the attempt whose answer the caller got, or of a call that got none.
pub(super) fn settlement<'a>(
    rq: &'a Exchange,
    accounted: &Accounted,
    outcome: Outcome,
    end: EndReason,
    now_ms: u64,
) -> Settlement<'a> {
    let llm = rq.llm.as_deref();
    let last = accounted.last(rq);
    let charge = llm.and_then(|call| call.charge.as_ref());
    let call = match charge {
        Some(charge) => paid(call(rq, accounted, last), &charge.paid),
        None => call(rq, accounted, last),
    };
    let usage = llm
        .and_then(|call| call.usage)
        // Under strict accounting one that was late is charged what it had set aside.
        .filter(|_| accounted.went_out() && (!is_free(end) || end == EndReason::Timeout));
    // Nobody can tell what an answer that did not come, or one that nothing reads, has cost.
    let uncertain = accounted.went_out()
        && !accounted.apart
        && (usage.is_none() && !is_free(end) || last.is_some_and(|last| last.end.is_open()));
    let elapsed = rq.elapsed_nanos();
    let status = match outcome {
        Outcome::ClientLeft if rq.sent_bytes == 0 && rq.response.is_none() => 0,
        _ => rq.response.as_ref().map_or(0, |r| r.status.as_u16()),
    };
    let first_token = llm.and_then(|call| call.first_token_nanos);
    let saved = llm
        .and_then(|call| call.saved)
        .filter(|_| end == EndReason::CacheHit);
    Settlement {
        call,
        settled_ms: now_ms,
        end,
        status,
        served_model: text(llm.and_then(|call| call.served_model.as_ref())),
        estimate: estimate(llm),
        reserved_tokens: fitting(reserved(rq).tokens),
        tokens: usage.map_or_else(Tokens::default, |usage| tokens(&usage.classes())),
        total: usage.map_or(0, |usage| usage.total),
        flags: flags(usage)
            .with(Flags::UNCERTAIN, uncertain)
            .with(Flags::NO_INTENT, accounted.intent == IntentState::Missing),
        cost_pico: match usage {
            Some(_) if !accounted.apart => charge.and_then(Charge::pico),
            // What is free costs nothing for certain; else it is the price's to say.
            _ => (is_free(end) || !accounted.went_out() || accounted.apart).then_some(0),
        },
        price_version: text(charge.map(|charge| &charge.version)),
        saved_tokens: saved.map_or(0, |saved| saved.total),
        saved_pico: saved.and_then(|saved| {
            let price = rq.price(&rq.paid()).ok()?;
            Some(price.cost(&saved.classes()).ok()?.cost.0)
        }),
        first_token_ms: first_token
            .map(|nanos| nanos.saturating_sub(rq.received_nanos) / 1_000_000),
        duration_ms: elapsed / 1_000_000,
        attempts: u32::try_from(accounted.tries.len()).unwrap_or(u32::MAX),
    }
}

pub(super) fn flags(usage: Option<Usage>) -> Flags {
    Flags::default()
        .with(Flags::ESTIMATED, usage.is_some_and(|usage| usage.estimated))
        .with(
            Flags::INCONSISTENT,
            usage.is_some_and(|usage| usage.inconsistent),
        )
}

/// Attempts before the last one that may have cost: answers that the document dropped, and calls of which nobody knows
/// whether the provider worked on them.
pub(super) fn earlier<'a>(
    rq: &'a Exchange,
    accounted: &'a Accounted,
    now_ms: u64,
) -> impl Iterator<Item = Settlement<'a>> {
    let before = accounted.tries.len().saturating_sub(1);
    let tries = accounted.tries.iter().take(before).enumerate();
    tries.filter_map(move |(at, tried)| {
        let attempt = accounted.last_hop(tried, rq)?;
        let end = match attempt.end {
            _ if tried.dropped => EndReason::Done,
            AttemptEnd::TimedOut => EndReason::Timeout,
            AttemptEnd::Broke => EndReason::UpstreamBroke,
            AttemptEnd::Unanswered => EndReason::UpstreamError,
            AttemptEnd::Answered | AttemptEnd::NotSent => return None,
        };
        let llm = rq.llm.as_deref();
        let guess = || tried.dropped.then(|| Usage::estimate(estimate(llm), 0));
        let usage = tried.usage.or_else(guess);
        let charge = usage.and_then(|usage| rq.charge(&usage).pico());
        Some(Settlement {
            call: Call {
                attempt: u32::try_from(at + 1).unwrap_or(u32::MAX),
                ..call(rq, accounted, Some(attempt))
            },
            settled_ms: now_ms,
            end,
            status: attempt.status,
            estimate: estimate(llm),
            tokens: usage.map_or_else(Tokens::default, |usage| tokens(&usage.classes())),
            total: usage.map_or(0, |usage| usage.total),
            flags: flags(usage).with(Flags::UNCERTAIN, usage.is_none_or(|u| u.estimated)),
            cost_pico: charge.or_else(|| usage.is_none().then_some(0)),
            price_version: rq.snapshot.prices.version().to_string().into(),
            duration_ms: attempt.nanos / 1_000_000,
            attempts: u32::try_from(at + 1).unwrap_or(u32::MAX),
            ..Settlement::default()
        })
    })
}

/// The settlement of a call that the gateway died in: the prompt as it was estimated, since the provider may have worked
/// on it; a provider's export tells the rest.
pub fn crashed(intent: Intent<'static>, prices: &Prices, now_ms: u64) -> Settlement<'static> {
    let usage = Usage::estimate(intent.estimate, 0);
    let call = &intent.call;
    let way = Paid {
        provider: Str::from(&*call.provider),
        region: (!call.region.is_empty()).then(|| Str::from(&*call.region)),
        tier: Tier::from_name(&call.tier).unwrap_or_default(),
        model: None,
    };
    let cost = [&*call.model, &*call.deployment]
        .into_iter()
        .filter(|name| !name.is_empty())
        .find_map(|name| prices.find(name, &way, call.admitted_ms / 1000).ok())
        .or_else(|| prices.table().fallback().cloned())
        .and_then(|price| price.cost(&usage.classes()).ok());
    Settlement {
        cost_pico: cost.map(|priced| priced.cost.0),
        price_version: prices.version().to_string().into(),
        duration_ms: now_ms.saturating_sub(intent.call.admitted_ms),
        call: intent.call,
        settled_ms: now_ms,
        end: EndReason::GatewayCrash,
        estimate: intent.estimate,
        reserved_tokens: intent.reserved_tokens,
        tokens: tokens(&usage.classes()),
        total: usage.total,
        flags: flags(Some(usage)).with(Flags::UNCERTAIN, true),
        attempts: 1,
        ..Settlement::default()
    }
}
