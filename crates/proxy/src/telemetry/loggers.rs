//! The numbers of loggers: events that were not delivered.

use super::metric::{Attributes, Metric, pairs};
use super::shard::Shard;
use std::collections::BTreeMap;
use std::sync::Arc;

/// Dropped events by logger.
pub(super) fn metric(shards: &[Arc<Shard>]) -> Metric {
    let mut all: BTreeMap<Attributes, u64> = BTreeMap::new();
    for shard in shards {
        for (logger, count) in &shard.lock().dropped_events {
            *all.entry(pairs(&[("logger", logger)])).or_default() += count;
        }
    }
    let help = "Events of log-to-eventhub that were dropped instead of delivered";
    Metric::counter("events.dropped", "{event}", help, all)
}
