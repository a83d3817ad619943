//! The counters in memory of one gateway, shared by its threads.
//!
//! What must hold: a decision and its count are one section under the counter's lock; with two limits, both or neither
//! are reserved; locks are taken in the order minute, quota.

use std::fmt;
use std::ops::RangeInclusive;
use std::sync::OnceLock;

use super::snapshot::{Entry, SnapshotError};
use super::table::{Counter, Slot, Table};
use super::window::Window;
use super::{
    Ask, Counters, Decision, Decisions, Exceeded, Measure, Moment, Period, Quota, Rate, TokenLimit,
    TokensLeft,
};
use crate::key::{Key, Keys, Seeds};
use crate::{Answer, lock};

const MINUTE: u64 = 60_000;

/// Keys that are remembered at once, of each kind, unless another number is given.
pub const DEFAULT_CAPACITY: usize = 100_000;

/// What a key counts, so that a token limit and a rate limit with one key do not meet.
#[derive(Hash)]
enum Kind {
    Calls,
    Tokens,
}

/// The same of fixed periods, in numbers that stay the same in later versions.
const CALL_QUOTA: u64 = 0;
const BANDWIDTH_QUOTA: u64 = 1;
const TOKEN_QUOTA: u64 = 2;

/// Counters in memory.
pub struct MemoryCounters {
    keys: Keys,
    /// Of fixed periods, which may come from an earlier process; drawn when the first is needed.
    seeds: OnceLock<Seeds>,
    pub(super) rolling: Table<Rolling>,
    pub(super) fixed: Table<Fixed>,
}

#[derive(Debug, Default)]
pub(super) struct Rolling {
    window: Window,
    /// Tokens of calls under way, and how many calls those are.
    reserved: u64,
    held: u64,
    touched: u64,
}

#[derive(Debug, Default)]
pub(super) struct Fixed {
    start: i64,
    /// `None` before the first use, and of a period without end.
    end: Option<i64>,
    used: u64,
    /// The period that was counted before this one: its start and what it used. A clock that jumps and comes back finds
    /// it again.
    other: Option<(i64, u64)>,
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

    pub(super) fn decide(&mut self, rate: Rate, count: u64, counting: bool, now: u64) -> Decision {
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
    /// Brings the counter to the period of `now`. Each period counts apart, also when the clock goes back: so what was
    /// used stays used, and a clock that was wrong for a while locks nothing.
    fn turn(&mut self, period: Period, now: u64) {
        self.touched = now;
        let inside = i64::try_from(now)
            .is_ok_and(|now| self.start <= now && self.end.is_some_and(|end| now < end));
        if inside {
            return;
        }
        let (start, end) = period.bounds(now);
        let fresh = self.end.is_none() && self.used == 0 && self.other.is_none();
        if !fresh && start != self.start {
            let before = (self.start, self.used);
            self.used = match self.other {
                Some((other, used)) if other == start => used,
                _ => 0,
            };
            self.other = Some(before);
        }
        (self.start, self.end) = (start, end);
    }

    /// What counts against a limit now.
    fn taken(&self) -> u64 {
        self.used.saturating_add(self.reserved)
    }

    fn until_end(&self, now: u64) -> u64 {
        match self.end {
            Some(end) => u64::try_from(end).unwrap_or(0).saturating_sub(now).max(1),
            // An endless period gives no time; the farthest that seconds of 32 bits can tell.
            None => u64::from(u32::MAX) * 1000,
        }
    }

    pub(super) fn decide(
        &mut self,
        quota: Quota,
        count: u64,
        counting: bool,
        now: u64,
    ) -> Decision {
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
            self.used = self.used.saturating_add(count);
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
    quota: Option<OfQuota>,
}

/// A quota's counter, its limit and its period.
type OfQuota = (Slot<Fixed>, u64, Period);

impl Reservation {
    /// The tokens set aside.
    #[must_use]
    pub fn tokens(&self) -> u64 {
        self.tokens
    }

    /// Sets more aside, of both limits or of none: false when it does not fit. For a call that turns out to need more.
    pub fn grow(&mut self, more: u64, now: Moment) -> bool {
        let mut minute = self.minute.as_ref().map(|(slot, most)| (lock(slot), *most));
        let mut quota = self
            .quota
            .as_ref()
            .map(|(slot, most, period)| (lock(slot), *most, *period));
        // A counter with a call under way is not dropped from its table, so both are there.
        if let Some((counter, most)) = &mut minute
            && let Some(counter) = counter.as_mut()
            && counter.used(MINUTE, now.steady_ms).saturating_add(more) > *most
        {
            return false;
        }
        if let Some((counter, most, period)) = &mut quota
            && let Some(counter) = counter.as_mut()
        {
            counter.turn(*period, now.unix_ms);
            if counter.taken().saturating_add(more) > *most {
                return false;
            }
            counter.reserved = counter.reserved.saturating_add(more);
        }
        if let Some((counter, _)) = &mut minute
            && let Some(counter) = counter.as_mut()
        {
            counter.reserved = counter.reserved.saturating_add(more);
        }
        self.tokens = self.tokens.saturating_add(more);
        true
    }

    /// Gives the reservation back and counts `actual` when it is known.
    fn end(&mut self, settled: Option<(u64, Moment)>) -> TokensLeft {
        let mut left = TokensLeft::default();
        if let Some((slot, limit)) = self.minute.take()
            && let Some(counter) = lock(&slot).as_mut()
        {
            counter.reserved = counter.reserved.saturating_sub(self.tokens);
            counter.held = counter.held.saturating_sub(1);
            if let Some((actual, now)) = settled {
                let now = now.steady_ms;
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
                counter.turn(period, now.unix_ms);
                counter.used = counter.used.saturating_add(actual);
                left.quota = Some(limit.saturating_sub(counter.taken()));
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
            seeds: OnceLock::new(),
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
    pub fn sweep(&self, now: Moment) {
        self.rolling.sweep(now.steady_ms);
        self.fixed.sweep(now.unix_ms);
    }

    /// The seeds of the keys of fixed periods.
    pub(super) fn seeds(&self) -> Seeds {
        *self.seeds.get_or_init(Seeds::drawn)
    }

    /// Takes these seeds unless others are in use.
    pub(super) fn begin_with(&self, seeds: Seeds) -> bool {
        self.seeds.set(seeds).is_ok()
    }

    pub(super) fn calls_key(&self, key: &str) -> Key {
        self.keys.key((Kind::Calls, key))
    }

    fn fixed_key(&self, kind: u64, period: Period, key: &str) -> Key {
        let [length, start] = period.numbers();
        self.seeds().key([kind, length, start], key)
    }

    pub(super) fn quota_key(&self, quota: Quota, key: &str) -> Key {
        let measure = match quota.measure {
            Measure::Calls => CALL_QUOTA,
            Measure::Bandwidth => BANDWIDTH_QUOTA,
        };
        self.fixed_key(measure, quota.period, key)
    }

    /// What fixed periods have used.
    pub(super) fn entries(&self) -> Vec<Entry> {
        let mut entries = Vec::with_capacity(self.fixed.len());
        self.fixed.each_key(|key, counter| {
            if counter.used > 0 {
                entries.push(Entry {
                    key,
                    start: counter.start,
                    end: counter.end,
                    used: counter.used,
                });
            }
        });
        entries
    }

    /// Sets what a fixed period has used.
    pub(super) fn put(&self, entry: &Entry, now: u64) {
        self.fixed.with(entry.key, now, |counter, _| {
            (counter.start, counter.end) = (entry.start, entry.end);
            (counter.used, counter.touched) = (entry.used, now);
        });
    }

    fn calls<R>(&self, key: &str, now: u64, mut work: impl FnMut(&mut Rolling) -> R) -> Answer<R> {
        Answer::Now(
            self.rolling
                .with(self.calls_key(key), now, |counter, _| work(counter)),
        )
    }

    fn quota<R>(
        &self,
        key: &str,
        quota: Quota,
        now: u64,
        mut work: impl FnMut(&mut Fixed) -> R,
    ) -> Answer<R> {
        let key = self.quota_key(quota, key);
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
        let key = self.fixed_key(TOKEN_QUOTA, period, key);
        self.fixed.with(key, now, work)
    }

    /// Reserves what the quota has of the tokens that are asked for.
    fn reserve_quota(
        &self,
        key: &str,
        limit: TokenLimit,
        (least, most): (u64, u64),
        now: u64,
    ) -> Result<(u64, Option<OfQuota>), Exceeded> {
        let Some((limit, period)) = limit.quota else {
            return Ok((most, None));
        };
        self.tokens(key, period, now, |counter, slot| {
            counter.turn(period, now);
            let Some(tokens) = fitting(counter.taken(), limit, least, most) else {
                return Err(Exceeded::Quota {
                    retry_after_ms: counter.until_end(now),
                });
            };
            counter.reserved = counter.reserved.saturating_add(tokens);
            counter.held += 1;
            Ok((tokens, Some((slot.clone(), limit, period))))
        })
    }
}

/// As many tokens of `least` to `most` as still fit, if so many do.
fn fitting(taken: u64, limit: u64, least: u64, most: u64) -> Option<u64> {
    let left = limit.checked_sub(taken)?;
    (least <= left).then_some(most.min(left))
}

impl Counters for MemoryCounters {
    fn take_all(&self, asks: &[Ask<'_>], now: Moment) -> Answer<Decisions> {
        Answer::Now(self.together(asks, now))
    }

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
        tokens: RangeInclusive<u64>,
        now: Moment,
    ) -> Answer<Result<Reservation, Exceeded>> {
        let (least, most) = tokens.into_inner();
        let Some(per_minute) = limit.per_minute else {
            let quota = self.reserve_quota(key, limit, (least, most), now.unix_ms);
            return Answer::Now(quota.map(|(tokens, quota)| Reservation {
                tokens,
                minute: None,
                quota,
            }));
        };
        Answer::Now(self.minute(key, now.steady_ms, |counter, slot| {
            let used = counter.used(MINUTE, now.steady_ms);
            let Some(most) = fitting(used, per_minute, least, most) else {
                let excess = used.saturating_add(least).saturating_sub(per_minute);
                let retry_after_ms = counter.window.until_freed(MINUTE, excess, now.steady_ms);
                return Err(Exceeded::PerMinute { retry_after_ms });
            };
            let (tokens, quota) = self.reserve_quota(key, limit, (least, most), now.unix_ms)?;
            counter.reserved = counter.reserved.saturating_add(tokens);
            counter.held += 1;
            Ok(Reservation {
                tokens,
                minute: Some((slot.clone(), per_minute)),
                quota,
            })
        }))
    }

    fn settle(&self, mut reservation: Reservation, actual: u64, now: Moment) -> Answer<TokensLeft> {
        Answer::Now(reservation.end(Some((actual, now))))
    }

    fn snapshot(&self) -> Option<Vec<u8>> {
        Some(self.snapshot())
    }

    fn restore(&self, snapshot: &[u8], unix_ms: u64) -> Result<usize, SnapshotError> {
        self.restore(snapshot, unix_ms)
    }

    fn tokens_left(&self, key: &str, limit: TokenLimit, now: Moment) -> Answer<TokensLeft> {
        let Moment { unix_ms, steady_ms } = now;
        let per_minute = limit.per_minute.map(|most| {
            self.minute(key, steady_ms, |counter, _| {
                most.saturating_sub(counter.used(MINUTE, steady_ms))
            })
        });
        let quota = limit.quota.map(|(most, period)| {
            self.tokens(key, period, unix_ms, |counter, _| {
                counter.turn(period, unix_ms);
                most.saturating_sub(counter.taken())
            })
        });
        Answer::Now(TokensLeft { per_minute, quota })
    }
}
