//! How an accounted call ended.
//!
//! What must stay true: each reason has a rule in `docs/accounting.md`; of several that fit, the first here holds.

use super::{Accounted, IntentState};
use crate::exchange::{AttemptEnd, Exchange};
use crate::settle::Outcome;
use tollgate_state::ledger::EndReason;

/// The reason.
pub(super) fn reason(rq: &Exchange, accounted: &Accounted, outcome: Outcome) -> EndReason {
    let call = rq.llm.as_deref();
    if call.is_some_and(|call| call.cache.is_hit()) || rq.from_cache {
        return EndReason::CacheHit;
    }
    if matches!(
        accounted.intent,
        IntentState::None | IntentState::Refused(_)
    ) {
        return match outcome {
            // It was given up before it was let through or refused.
            Outcome::ClientLeft if rq.response.is_none() => EndReason::ClientLeft,
            _ => EndReason::PolicyRejection,
        };
    }
    if call.is_some_and(|call| call.is_cut()) {
        return EndReason::CutByBudget;
    }
    let Some(last) = accounted.last(rq) else {
        return match outcome {
            Outcome::ClientLeft => EndReason::ClientLeft,
            // No server could be chosen, or no credentials were to be had.
            _ => EndReason::UpstreamError,
        };
    };
    match last.end {
        AttemptEnd::TimedOut => return EndReason::Timeout,
        AttemptEnd::NotSent | AttemptEnd::Unanswered => return EndReason::UpstreamError,
        AttemptEnd::Broke => return EndReason::UpstreamBroke,
        AttemptEnd::Answered => {}
    }
    if last.status >= 400 {
        return EndReason::UpstreamError;
    }
    match outcome {
        Outcome::ClientLeft => return EndReason::ClientLeft,
        Outcome::UpstreamFailed => return EndReason::UpstreamBroke,
        Outcome::Answered => {}
    }
    if rq.last_error.is_some() {
        return EndReason::GatewayError;
    }
    call.map_or(EndReason::Done, |call| call.end)
}
