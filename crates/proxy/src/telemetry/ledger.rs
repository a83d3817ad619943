//! The numbers of the ledger.
//!
//! What must stay true: reads atomics only.

use super::metric::{Metric, Number};
use crate::health::Health;
use tollgate_state::ledger::Counted;

/// Name, unit, help and value.
type Row = (
    &'static str,
    &'static str,
    &'static str,
    fn(&Counted) -> u64,
);

const COUNTERS: [Row; 11] = [
    ("ledger.records", "{record}", "Records written", |n| {
        n.records
    }),
    ("ledger.bytes", "By", "Bytes of records written", |n| {
        n.bytes
    }),
    ("ledger.segments", "{segment}", "Segments begun", |n| {
        n.segments
    }),
    (
        "ledger.write_failures",
        "{write}",
        "Writes that failed",
        |n| n.failures,
    ),
    (
        "ledger.lost_settlements",
        "{settlement}",
        "Settlements dropped because too many waited to be written",
        |n| n.lost,
    ),
    (
        "ledger.refused_calls",
        "{call}",
        "Calls refused because their intents could not be written",
        |n| n.refused,
    ),
    (
        "ledger.unrecorded_calls",
        "{call}",
        "Calls that went on without an intent that would survive a crash",
        |n| n.unrecorded,
    ),
    (
        "ledger.crashed_calls",
        "{call}",
        "Calls of earlier processes settled at start as gateway_crash",
        |n| n.crashed,
    ),
    ("ledger.syncs", "{sync}", "Group commits to the disk", |n| {
        n.syncs
    }),
    (
        "ledger.sync_failures",
        "{sync}",
        "Group commits that failed",
        |n| n.sync_failures,
    ),
    (
        "ledger.removed_days",
        "{day}",
        "Day folders that retention removed",
        |n| n.removed_days,
    ),
];

const GAUGES: [Row; 2] = [
    (
        "ledger.queued_settlements",
        "{settlement}",
        "Settlements that wait in memory to be written",
        |n| n.queued,
    ),
    (
        "ledger.unsynced_bytes",
        "By",
        "Bytes that the last group commit found not yet on the disk",
        |n| n.unsynced,
    ),
];

/// Nothing where no ledger is kept.
pub(super) fn metrics(health: &Health) -> Vec<Metric> {
    let Some(numbers) = health.ledger.get().map(|ledger| ledger.numbers()) else {
        return Vec::new();
    };
    let counters = COUNTERS.iter().map(|(name, unit, help, number)| {
        Metric::single(name, unit, help, Number::Whole(number(&numbers)))
    });
    let gauges = GAUGES
        .iter()
        .map(|(name, unit, help, number)| Metric::gauge(name, unit, help, number(&numbers)));
    let syncs = Number::Decimal(numbers.sync_time.as_secs_f64());
    let help = "Time that group commits took";
    counters
        .chain([Metric::single("ledger.sync", "s", help, syncs)])
        .chain(gauges)
        .collect()
}
