//! Counters for rate limits, quotas and token limits (API Management's semantics, `rate-limit` to `llm-token-limit`).
//!
//! What must hold: one counter per distinct key, shared by every policy that uses the key; a refused call is not
//! counted; of a limit of N, never more than N are let through in any window; a retry-after is true: a call after it
//! passes if nobody else came; what is settled is exactly what was reported, under any concurrency.

mod memory;
mod period;
mod snapshot;
pub(crate) mod table;
#[cfg(test)]
mod tests;
mod together;
mod window;

use crate::Answer;
use smallvec::SmallVec;
use std::ops::RangeInclusive;

pub use memory::{DEFAULT_CAPACITY, MemoryCounters, Reservation};
pub use period::Period;
pub use snapshot::{LARGEST as LARGEST_SNAPSHOT, SnapshotError};

/// A moment by two clocks. Calendar periods follow the wall clock; sliding windows follow one that never goes back or
/// jumps, so that setting the clock frees nothing and locks nothing.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Moment {
    /// Unix milliseconds.
    pub unix_ms: u64,
    /// Milliseconds of a steady clock, since an arbitrary start.
    pub steady_ms: u64,
}

/// A limit on a sliding window.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Rate {
    /// The most that is let through in any window.
    pub limit: u64,
    /// The window in milliseconds (`renewal-period`).
    pub window_ms: u64,
}

/// A limit on a fixed window.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Quota {
    /// What is counted: calls and bytes of one key are counters of their own.
    pub measure: Measure,
    /// The most in one period.
    pub limit: u64,
    /// When it starts anew. Quotas of one key with other periods are counters of their own.
    pub period: Period,
}

/// A limit of calls or of bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Limit {
    /// On a sliding window.
    Rate(Rate),
    /// On a fixed one.
    Quota(Quota),
}

impl Limit {
    /// The most that it lets through.
    #[must_use]
    pub fn most(self) -> u64 {
        match self {
            Limit::Rate(rate) => rate.limit,
            Limit::Quota(quota) => quota.limit,
        }
    }
}

/// One of several limits that a call has to pass together.
#[derive(Clone, Copy, Debug)]
pub struct Ask<'a> {
    /// The key.
    pub key: &'a str,
    /// The limit.
    pub limit: Limit,
    /// How much the call counts; 0 only checks.
    pub count: u64,
}

/// The decisions of all limits, or which one refused and its own: then nothing was counted.
pub type Decisions = Result<SmallVec<[Decision; 2]>, (usize, Decision)>;

/// What a quota counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Measure {
    /// Calls.
    Calls,
    /// Bytes, or kilobytes, as the caller likes: limit and additions in the same unit.
    Bandwidth,
}

/// What a counter says of a call.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Decision {
    /// Whether the call may pass.
    pub allowed: bool,
    /// What stands on the counter, with this call if it was counted.
    pub used: u64,
    /// What is left of the limit, 0 when it is used up or passed.
    pub remaining: u64,
    /// When refused: milliseconds until the call would pass (see [`retry_after_seconds`]). 0 when allowed.
    pub retry_after_ms: u64,
}

/// The limits of one `llm-token-limit`. At least one is set.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct TokenLimit {
    /// `tokens-per-minute`, on a sliding window of 60 seconds.
    pub per_minute: Option<u64>,
    /// `token-quota` and `token-quota-period`.
    pub quota: Option<(u64, Period)>,
}

/// Tokens left, as far as each limit is set; reservations are taken off.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct TokensLeft {
    /// Of the minute.
    pub per_minute: Option<u64>,
    /// Of the quota's period.
    pub quota: Option<u64>,
}

/// Which token limit a call does not fit in, and when to come back.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Exceeded {
    /// `tokens-per-minute`: 429.
    PerMinute {
        /// Milliseconds until the call would fit, if nobody else comes and calls under way use what they reserved.
        retry_after_ms: u64,
    },
    /// `token-quota`: 403.
    Quota {
        /// Milliseconds until the next period.
        retry_after_ms: u64,
    },
}

/// Milliseconds as whole seconds for `Retry-After`, rounded up so that they are not too short; at least 1.
#[must_use]
pub fn retry_after_seconds(milliseconds: u64) -> u64 {
    milliseconds.div_ceil(1000).max(1)
}

/// Counters by key, which is any text (its length costs nothing). For sliding windows `now` is the milliseconds of
/// [`Moment::steady_ms`], for quotas those of [`Moment::unix_ms`].
pub trait Counters: Send + Sync {
    /// Counts `count` calls if they fit: refused when they would pass the limit, or when nothing is left.
    fn take(&self, key: &str, rate: Rate, count: u64, now: u64) -> Answer<Decision>;

    /// Counts a call on all limits if it passes all of them, else on none: one decision, whoever else comes meanwhile.
    /// A counter that stands twice counts once.
    fn take_all(&self, asks: &[Ask<'_>], now: Moment) -> Answer<Decisions>;

    /// Whether a call would pass with what is counted so far, without counting it (deferred `increment-condition`).
    fn check(&self, key: &str, rate: Rate, now: u64) -> Answer<Decision>;

    /// Counts without asking: the deferred part of [`check`](Self::check). `rate` tells how long to remember.
    fn add(&self, key: &str, rate: Rate, count: u64, now: u64) -> Answer<()>;

    /// As [`take`](Self::take), for a quota.
    fn take_quota(&self, key: &str, quota: Quota, count: u64, now: u64) -> Answer<Decision>;

    /// As [`check`](Self::check), for a quota.
    fn check_quota(&self, key: &str, quota: Quota, now: u64) -> Answer<Decision>;

    /// As [`add`](Self::add), for a quota; also bytes once they are known.
    fn add_quota(&self, key: &str, quota: Quota, count: u64, now: u64) -> Answer<()>;

    /// Admits a model call and sets as many of the asked-for tokens aside as fit, at least the lower bound. Refused when
    /// what is consumed and reserved, with the lower bound, passes a limit (equal is no excess). With 0 this is the check
    /// alone. Every reservation is settled once; one that is dropped gives its tokens back.
    fn reserve(
        &self,
        key: &str,
        limit: TokenLimit,
        tokens: RangeInclusive<u64>,
        now: Moment,
    ) -> Answer<Result<Reservation, Exceeded>>;

    /// Ends a reservation: its estimate is given back and `actual` is counted, at `now`. Says what is left then.
    fn settle(&self, reservation: Reservation, actual: u64, now: Moment) -> Answer<TokensLeft>;

    /// The quotas of fixed periods, to be kept for the next process; `None` of a store that outlives this one.
    fn snapshot(&self) -> Option<Vec<u8>> {
        None
    }

    /// Takes over a snapshot before anything is counted, at `unix_ms`. Says how many quotas it brought.
    ///
    /// # Errors
    /// When it cannot be taken over; then nothing of it is.
    fn restore(&self, snapshot: &[u8], unix_ms: u64) -> Result<usize, SnapshotError> {
        let _ = (snapshot, unix_ms);
        Ok(0)
    }

    /// What is left of the token limits of a key.
    fn tokens_left(&self, key: &str, limit: TokenLimit, now: Moment) -> Answer<TokensLeft>;
}
