//! Several limits of one call, decided at once.
//!
//! Called for policies with several levels (`rate-limit` with its APIs and operations) or measures (`quota` with calls and
//! bandwidth). What must hold: all counters are locked while it is decided, sliding windows before fixed periods and
//! each kind in the order of its keys, so that two calls never wait for each other; of a refused call nothing is
//! counted on any.

use std::sync::MutexGuard;

use smallvec::SmallVec;

use super::memory::{Fixed, MemoryCounters, Rolling};
use super::table::{Slot, Table};
use super::{Ask, Decision, Decisions, Limit, Moment};
use crate::key::Key;
use crate::lock;

/// The counters of one kind that a call needs, each once, in the order of their keys.
struct Slots<C>(SmallVec<[(Key, Slot<C>); 2]>);

/// The same, locked.
type Locked<'a, C> = SmallVec<[(Key, MutexGuard<'a, Option<C>>); 2]>;

impl<C: super::table::Counter> Slots<C> {
    fn of(table: &Table<C>, mut keys: SmallVec<[Key; 2]>, now: u64) -> Self {
        keys.sort_unstable();
        keys.dedup();
        let slots = keys.into_iter().map(|key| (key, table.slot(key, now)));
        Self(slots.collect())
    }

    /// `None` when one was dropped from its table meanwhile.
    fn lock(&self) -> Option<Locked<'_, C>> {
        let all: Locked<'_, C> = self
            .0
            .iter()
            .map(|(key, slot)| (*key, lock(slot)))
            .collect();
        all.iter()
            .all(|(_, counter)| counter.is_some())
            .then_some(all)
    }
}

fn find<'a, C>(locked: &'a mut Locked<'_, C>, key: Key) -> Option<&'a mut C> {
    let (_, counter) = locked.iter_mut().find(|(other, _)| *other == key)?;
    counter.as_mut()
}

impl MemoryCounters {
    /// See [`Counters::take_all`](super::Counters::take_all).
    pub(super) fn together(&self, asks: &[Ask<'_>], now: Moment) -> Decisions {
        let keys: SmallVec<[Key; 2]> = asks
            .iter()
            .map(|ask| match ask.limit {
                Limit::Rate(_) => self.calls_key(ask.key),
                Limit::Quota(quota) => self.quota_key(quota, ask.key),
            })
            .collect();
        let of = |rolling: bool| {
            let both = asks.iter().zip(&keys);
            let kind = both.filter(|(ask, _)| matches!(ask.limit, Limit::Rate(_)) == rolling);
            kind.map(|(_, key)| *key).collect()
        };
        loop {
            let rolling = Slots::of(&self.rolling, of(true), now.steady_ms);
            let fixed = Slots::of(&self.fixed, of(false), now.unix_ms);
            let (Some(mut rolling), Some(mut fixed)) = (rolling.lock(), fixed.lock()) else {
                // Dropped between the look-up and the lock: the next look-up makes another.
                continue;
            };
            return decide(asks, &keys, &mut rolling, &mut fixed, now);
        }
    }
}

fn decide(
    asks: &[Ask<'_>],
    keys: &[Key],
    rolling: &mut Locked<'_, Rolling>,
    fixed: &mut Locked<'_, Fixed>,
    now: Moment,
) -> Decisions {
    let mut one = |ask: &Ask<'_>, key: Key, count: u64, counting: bool| -> Option<Decision> {
        Some(match ask.limit {
            Limit::Rate(rate) => find(rolling, key)?.decide(rate, count, counting, now.steady_ms),
            Limit::Quota(quota) => find(fixed, key)?.decide(quota, count, counting, now.unix_ms),
        })
    };
    for (at, (ask, key)) in asks.iter().zip(keys).enumerate() {
        if let Some(decision) = one(ask, *key, ask.count, false)
            && !decision.allowed
        {
            return Err((at, decision));
        }
    }
    let mut decisions = SmallVec::new();
    for (at, (ask, key)) in asks.iter().zip(keys).enumerate() {
        let again = keys[..at].contains(key);
        decisions.extend(one(ask, *key, ask.count, ask.count > 0 && !again));
    }
    Ok(decisions)
}
