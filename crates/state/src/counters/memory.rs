//! The counters in memory of one gateway, shared by its threads.
//!
//! What must hold: a decision and its count are one section under the counter's lock; with two limits, both or neither
//! are reserved; locks are taken in the order minute, quota.

use std::fmt;

use super::table::{Counter, Slot, Table};
use super::window::Window;
use super::{Counters, Decision, Exceeded, Period, Quota, Rate, TokenLimit, TokensLeft};
use crate::key::Keys;
use crate::{Answer, lock};

const MINUTE: u64 = 60_000;

/// Keys that are remembered at once, of each kind, unless another number is given.
pub const DEFAULT_CAPACITY: usize = 100_000;

/// What a key counts, so that a token limit and a rate limit with one key do not meet.
#[derive(Hash)]
enum Kind {
    Calls,
    Tokens,
    TokenQuota,
}

/// Counters in memory.
pub struct MemoryCounters {
    keys: Keys,
    rolling: Table<Rolling>,
    fixed: Table<Fixed>,
}

#[derive(Debug, Default)]
struct Rolling {
    window: Window,
    /// Tokens of calls under way, and how many calls those are.
    reserved: u64,
    held: u64,
    touched: u64,
}

#[derive(Debug, Default)]
struct Fixed {
    start: i64,
    end: Option<i64>,
    used: u64,
    reserved: u64,
    held: u64,
    touched: u64,
}

impl Counter for Rolling {
    fn is_idle(&self, now: u64) -> bool {
        self.window.is_idle(now)
    }
    fn is_held(&self) -> bool {
        self.held > 0
    }
    fn touched(&self) -> u64 {
        self.touched
    }
}

impl Counter for Fixed {
    fn is_idle(&self, now: u64) -> bool {
        self.used == 0
            || self
                .end
                .is_some_and(|end| i64::try_from(now).is_ok_and(|now| end <= now))
    }
    fn is_held(&self) -> bool {
        self.held > 0
    }
    fn touched(&self) -> u64 {
        self.touched
    }
}

impl Rolling {
    /// What counts against a limit now.
    fn used(&mut self, window_ms: u64, now: u64) -> u64 {
        self.touched = now;
        self.window
            .used(window_ms, now)
            .saturating_add(self.reserved)
    }

    fn decide(&mut self, rate: Rate, count: u64, counting: bool, now: u64) -> Decision {
        let used = self.used(rate.window_ms, now);
        let after = used.saturating_add(count.max(1));
        if after > rate.limit {
            let wait = self
                .window
                .until_freed(rate.window_ms, after - rate.limit, now);
            return Decision {
                allowed: false,
                used,
                remaining: rate.limit.saturating_sub(used),
                retry_after_ms: wait,
            };
        }
        let counted = if counting { count } else { 0 };
        self.window.add(rate.window_ms, counted, now);
        allowed(used + counted, rate.limit)
    }
}

impl Fixed {
    /// Brings the counter to the period of `now`; a time of an earlier period counts in the present one.
    fn turn(&mut self, period: Period, now: u64) {
        self.touched = now;
        let (start, end) = period.bounds(now);
        if self.end.is_none() && self.used == 0 || start > self.start {
            (self.start, self.end, self.used) = (start, end, 0);
        }
    }

    fn until_end(&self, now: u64) -> u64 {
        match self.end {
            Some(end) => u64::try_from(end).unwrap_or(0).saturating_sub(now).max(1),
            // An endless period gives no time; the farthest that seconds of 32 bits can tell.
            None => u64::from(u32::MAX) * 1000,
        }
    }

    fn decide(&mut self, quota: Quota, count: u64, counting: bool, now: u64) -> Decision {
        self.turn(quota.period, now);
        if self.used.saturating_add(count.max(1)) > quota.limit {
            let remaining = quota.limit.saturating_sub(self.used);
            return Decision {
                allowed: false,
                used: self.used,
                remaining,
                retry_after_ms: self.until_end(now),
            };
        }
        if counting {
            self.used += count;
        }
        allowed(self.used, quota.limit)
    }
}

fn allowed(used: u64, limit: u64) -> Decision {
    Decision {
        allowed: true,
        used,
        remaining: limit.saturating_sub(used),
        retry_after_ms: 0,
    }
}

/// Tokens set aside for a call under way. Settled by [`Counters::settle`]; dropped, it gives them back.
#[must_use = "a reservation that is dropped counts nothing"]
pub struct Reservation {
    tokens: u64,
    minute: Option<(Slot<Rolling>, u64)>,
    quota: Option<(Slot<Fixed>, u64, Period)>,
}

impl Reservation {
    /// The tokens set aside.
    #[must_use]
    pub fn tokens(&self) -> u64 {
        self.tokens
    }

    /// Gives the reservation back and counts `actual` when it is known.
    fn end(&mut self, settled: Option<(u64, u64)>) -> TokensLeft {
        let mut left = TokensLeft::default();
        if let Some((slot, limit)) = self.minute.take()
            && let Some(counter) = lock(&slot).as_mut()
        {
            counter.reserved = counter.reserved.saturating_sub(self.tokens);
            counter.held = counter.held.saturating_sub(1);
            if let Some((actual, now)) = settled {
                counter.window.add(MINUTE, actual, now);
                left.per_minute = Some(limit.saturating_sub(counter.used(MINUTE, now)));
            }
        }
        if let Some((slot, limit, period)) = self.quota.take()
            && let Some(counter) = lock(&slot).as_mut()
        {
            counter.reserved = counter.reserved.saturating_sub(self.tokens);
            counter.held = counter.held.saturating_sub(1);
            if let Some((actual, now)) = settled {
                counter.turn(period, now);
                counter.used = counter.used.saturating_add(actual);
                left.quota =
                    Some(limit.saturating_sub(counter.used.saturating_add(counter.reserved)));
            }
        }
        left
    }
}

impl Drop for Reservation {
    fn drop(&mut self) {
        self.end(None);
    }
}

impl fmt::Debug for Reservation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Reservation")
            .field("tokens", &self.tokens)
            .finish_non_exhaustive()
    }
}

impl Default for MemoryCounters {
    fn default() -> Self {
        Self::new(DEFAULT_CAPACITY)
    }
}

impl fmt::Debug for MemoryCounters {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("MemoryCounters")
            .field("keys", &self.len())
            .finish_non_exhaustive()
    }
}

impl MemoryCounters {
    /// Counters for at most `capacity` keys with sliding windows and as many with fixed ones. Above it, idle keys go
    /// first, then the least recently used without a call under way: those start anew.
    #[must_use]
    pub fn new(capacity: usize) -> Self {
        Self {
            keys: Keys::default(),
            rolling: Table::new(capacity),
            fixed: Table::new(capacity),
        }
    }

    /// How many counters are in memory.
    #[must_use]
    pub fn len(&self) -> usize {
        self.rolling.len() + self.fixed.len()
    }

    /// Whether there are none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Drops idle counters. Done on growth anyway; called now and then it returns memory after a busy time.
    pub fn sweep(&self, now: u64) {
        self.rolling.sweep(now);
        self.fixed.sweep(now);
    }

    fn calls<R>(&self, key: &str, now: u64, mut work: impl FnMut(&mut Rolling) -> R) -> Answer<R> {
        Answer::Now(
            self.rolling
                .with(self.keys.key((Kind::Calls, key)), now, |counter, _| {
                    work(counter)
                }),
        )
    }

    fn quota<R>(
        &self,
        key: &str,
        quota: Quota,
        now: u64,
        mut work: impl FnMut(&mut Fixed) -> R,
    ) -> Answer<R> {
        let key = self.keys.key((quota.measure, quota.period, key));
        Answer::Now(self.fixed.with(key, now, |counter, _| work(counter)))
    }

    fn minute<R>(
        &self,
        key: &str,
        now: u64,
        work: impl FnMut(&mut Rolling, &Slot<Rolling>) -> R,
    ) -> R {
        self.rolling
            .with(self.keys.key((Kind::Tokens, key)), now, work)
    }

    fn tokens<R>(
        &self,
        key: &str,
        period: Period,
        now: u64,
        work: impl FnMut(&mut Fixed, &Slot<Fixed>) -> R,
    ) -> R {
        self.fixed
            .with(self.keys.key((Kind::TokenQuota, period, key)), now, work)
    }

    fn reserve_quota(
        &self,
        key: &str,
        limit: TokenLimit,
        tokens: u64,
        now: u64,
    ) -> Result<Option<(Slot<Fixed>, u64, Period)>, Exceeded> {
        let Some((most, period)) = limit.quota else {
            return Ok(None);
        };
        self.tokens(key, period, now, |counter, slot| {
            counter.turn(period, now);
            if counter
                .used
                .saturating_add(counter.reserved)
                .saturating_add(tokens)
                > most
            {
                return Err(Exceeded::Quota {
                    retry_after_ms: counter.until_end(now),
                });
            }
            counter.reserved += tokens;
            counter.held += 1;
            Ok(Some((slot.clone(), most, period)))
        })
    }
}

impl Counters for MemoryCounters {
    fn take(&self, key: &str, rate: Rate, count: u64, now: u64) -> Answer<Decision> {
        self.calls(key, now, |counter| counter.decide(rate, count, true, now))
    }

    fn check(&self, key: &str, rate: Rate, now: u64) -> Answer<Decision> {
        self.calls(key, now, |counter| counter.decide(rate, 1, false, now))
    }

    fn add(&self, key: &str, rate: Rate, count: u64, now: u64) -> Answer<()> {
        self.calls(key, now, |counter| {
            counter.touched = now;
            counter.window.add(rate.window_ms, count, now);
        })
    }

    fn take_quota(&self, key: &str, quota: Quota, count: u64, now: u64) -> Answer<Decision> {
        self.quota(key, quota, now, |counter| {
            counter.decide(quota, count, true, now)
        })
    }

    fn check_quota(&self, key: &str, quota: Quota, now: u64) -> Answer<Decision> {
        self.quota(key, quota, now, |counter| {
            counter.decide(quota, 1, false, now)
        })
    }

    fn add_quota(&self, key: &str, quota: Quota, count: u64, now: u64) -> Answer<()> {
        self.quota(key, quota, now, |counter| {
            counter.turn(quota.period, now);
            counter.used = counter.used.saturating_add(count);
        })
    }

    fn reserve(
        &self,
        key: &str,
        limit: TokenLimit,
        estimate: u64,
        now: u64,
    ) -> Answer<Result<Reservation, Exceeded>> {
        let Some(most) = limit.per_minute else {
            let quota = self.reserve_quota(key, limit, estimate, now);
            return Answer::Now(quota.map(|quota| Reservation {
                tokens: estimate,
                minute: None,
                quota,
            }));
        };
        Answer::Now(self.minute(key, now, |counter, slot| {
            let after = counter.used(MINUTE, now).saturating_add(estimate);
            if after > most {
                let retry_after_ms = counter.window.until_freed(MINUTE, after - most, now);
                return Err(Exceeded::PerMinute { retry_after_ms });
            }
            let quota = self.reserve_quota(key, limit, estimate, now)?;
            counter.reserved += estimate;
            counter.held += 1;
            Ok(Reservation {
                tokens: estimate,
                minute: Some((slot.clone(), most)),
                quota,
            })
        }))
    }

    fn settle(&self, mut reservation: Reservation, actual: u64, now: u64) -> Answer<TokensLeft> {
        Answer::Now(reservation.end(Some((actual, now))))
    }

    fn tokens_left(&self, key: &str, limit: TokenLimit, now: u64) -> Answer<TokensLeft> {
        let per_minute = limit.per_minute.map(|most| {
            self.minute(key, now, |counter, _| {
                most.saturating_sub(counter.used(MINUTE, now))
            })
        });
        let quota = limit.quota.map(|(most, period)| {
            self.tokens(key, period, now, |counter, _| {
                counter.turn(period, now);
                most.saturating_sub(counter.used.saturating_add(counter.reserved))
            })
        });
        Answer::Now(TokensLeft { per_minute, quota })
    }
}
