//! The numbers of circuit breakers, and their changes in the log.
//!
//! States are read from the snapshot in force, so that each backend with a breaker has one before its first call.

use super::metric::{Attributes, Metric, Number, Points, pairs};
use super::shard::{OVERFLOW, Shard};
use crate::health::Health;
use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;
use tollgate_engine::circuit_breaker::{Phase, Transition};
use tollgate_engine::clock::Clock;
use tollgate_lang::value::Str;

/// `tracing` target of changes.
const TARGET: &str = "tollgate::backends";

/// One thread's counts.
#[derive(Clone, Default)]
pub(super) struct BackendCounts {
    /// By backend and the phase it changed to.
    changes: HashMap<(Str, &'static str), u64>,
    /// Calls refused without an attempt.
    inactive: HashMap<Str, u64>,
}

impl BackendCounts {
    /// Counts a change.
    pub(super) fn changed(&mut self, backend: &Str, to: Phase, most: usize) {
        let mut key = (backend.clone(), to.as_str());
        if self.changes.len() >= most && !self.changes.contains_key(&key) {
            key.0 = Str::from(OVERFLOW);
        }
        *self.changes.entry(key).or_default() += 1;
    }

    /// Counts a refused call.
    pub(super) fn inactive(&mut self, backend: &Str, most: usize) {
        count(&mut self.inactive, backend, 1, most);
    }
}

/// Adds to the count of a name, of which at most `most` have one of their own.
pub(super) fn count(counts: &mut HashMap<Str, u64>, name: &Str, more: u64, most: usize) {
    match counts.get_mut(name) {
        Some(count) => *count += more,
        None => {
            let full = counts.len() >= most;
            let key = if full {
                Str::from(OVERFLOW)
            } else {
                name.clone()
            };
            *counts.entry(key).or_default() += more;
        }
    }
}

/// Says that a breaker has changed.
pub(super) fn log(backend: &Str, transition: &Transition, clock: &dyn Clock) {
    let from = transition.from.as_str();
    let reason = transition.because.map(tracing::field::display);
    match transition.to {
        Phase::Open => {
            let open_for = transition.open_for.unwrap_or_default();
            let until = crate::backends::after(clock, open_for);
            tracing::warn!(
                target: TARGET,
                backend = &**backend,
                from,
                reason,
                failures = transition.failures,
                open_seconds = open_for.as_secs_f64(),
                until,
                "circuit breaker opened"
            );
        }
        Phase::HalfOpen => {
            tracing::info!(target: TARGET, backend = &**backend, from, "circuit breaker half-open: one call probes");
        }
        Phase::Closed => {
            tracing::info!(target: TARGET, backend = &**backend, from, reason, "circuit breaker closed");
        }
    }
}

/// States, changes and refused calls.
pub(super) fn metrics(health: &Health, shards: &[Arc<Shard>]) -> [Metric; 3] {
    let snapshot = health.snapshots.current();
    let states = crate::backends::breakers(&snapshot, &*health.clock)
        .into_iter()
        .map(|(backend, phase)| {
            let state = match phase {
                Phase::Closed => 0,
                Phase::HalfOpen => 1,
                Phase::Open => 2,
            };
            (pairs(&[("backend", &backend.id)]), Number::Whole(state))
        })
        .collect();
    let mut changes: BTreeMap<Attributes, u64> = BTreeMap::new();
    let mut inactive: BTreeMap<Attributes, u64> = BTreeMap::new();
    for shard in shards {
        let counts = shard.lock().backends.clone();
        for ((backend, state), count) in counts.changes {
            let labels = pairs(&[("backend", &backend), ("state", state)]);
            *changes.entry(labels).or_default() += count;
        }
        for (backend, count) in counts.inactive {
            *inactive.entry(pairs(&[("backend", &backend)])).or_default() += count;
        }
    }
    [
        Metric::own(
            "backend.circuit_breaker.state",
            "",
            "State of a backend's circuit breaker: 0 closed, 1 half-open, 2 open",
            Points::Gauge(states),
        ),
        Metric::counter(
            "backend.circuit_breaker.transitions",
            "{transition}",
            "Changes of a backend's circuit breaker, by the state it changed to",
            changes,
        ),
        Metric::counter(
            "backend.inactive",
            "{call}",
            "Calls refused because the backend, or every member of the pool, was not to be called",
            inactive,
        ),
    ]
}
