//! The numbers of the ledger in the OpenMetrics text.
//!
//! Registered by `exposition`. What must stay true: reads atomics only.

use crate::health::Health;
use prometheus_client::collector::Collector;
use prometheus_client::encoding::{DescriptorEncoder, EncodeMetric};
use prometheus_client::metrics::MetricType;
use prometheus_client::metrics::counter::ConstCounter;
use prometheus_client::metrics::gauge::ConstGauge;
use std::fmt;
use tollgate_state::ledger::Counted;

/// Nothing where no ledger is kept.
#[derive(Debug)]
pub(super) struct LedgerNumbers(Option<Counted>);

impl LedgerNumbers {
    pub(super) fn read(health: &Health) -> LedgerNumbers {
        LedgerNumbers(health.ledger.get().map(|ledger| ledger.numbers()))
    }
}

type Number = (&'static str, &'static str, fn(&Counted) -> u64);

const COUNTERS: [Number; 11] = [
    ("ledger_records", "Records written", |n| n.records),
    ("ledger_bytes", "Bytes of records written", |n| n.bytes),
    ("ledger_segments", "Segments begun", |n| n.segments),
    ("ledger_write_failures", "Writes that failed", |n| {
        n.failures
    }),
    (
        "ledger_lost_settlements",
        "Settlements dropped because too many waited to be written",
        |n| n.lost,
    ),
    (
        "ledger_refused_calls",
        "Calls refused because their intents could not be written",
        |n| n.refused,
    ),
    (
        "ledger_unrecorded_calls",
        "Calls that went on without an intent that would survive a crash",
        |n| n.unrecorded,
    ),
    (
        "ledger_crashed_calls",
        "Calls of earlier processes settled at start as gateway_crash",
        |n| n.crashed,
    ),
    ("ledger_syncs", "Group commits to the disk", |n| n.syncs),
    ("ledger_sync_failures", "Group commits that failed", |n| {
        n.sync_failures
    }),
    (
        "ledger_removed_days",
        "Day folders that retention removed",
        |n| n.removed_days,
    ),
];

const GAUGES: [Number; 2] = [
    (
        "ledger_queued_settlements",
        "Settlements that wait in memory to be written",
        |n| n.queued,
    ),
    (
        "ledger_unsynced_bytes",
        "Bytes that the last group commit found not yet on the disk",
        |n| n.unsynced,
    ),
];

impl Collector for LedgerNumbers {
    fn encode(&self, mut encoder: DescriptorEncoder<'_>) -> fmt::Result {
        let Some(numbers) = &self.0 else {
            return Ok(());
        };
        for (name, help, number) in COUNTERS {
            let family = encoder.encode_descriptor(name, help, None, MetricType::Counter)?;
            ConstCounter::new(number(numbers)).encode(family)?;
        }
        let help = "Time that group commits took";
        let family =
            encoder.encode_descriptor("ledger_sync_seconds", help, None, MetricType::Counter)?;
        ConstCounter::new(numbers.sync_time.as_secs_f64()).encode(family)?;
        for (name, help, number) in GAUGES {
            let family = encoder.encode_descriptor(name, help, None, MetricType::Gauge)?;
            let value = i64::try_from(number(numbers)).unwrap_or(i64::MAX);
            ConstGauge::new(value).encode(family)?;
        }
        Ok(())
    }
}
