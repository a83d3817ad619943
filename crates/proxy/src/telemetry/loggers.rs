//! The numbers of loggers in the OpenMetrics text: events that were not delivered.

use super::exposition::{Labels, counters, pairs};
use super::shard::Shard;
use prometheus_client::collector::Collector;
use prometheus_client::encoding::DescriptorEncoder;
use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;

/// Dropped events by logger.
#[derive(Debug)]
pub(super) struct DroppedEvents(BTreeMap<Labels, u64>);

impl DroppedEvents {
    pub(super) fn read(shards: &[Arc<Shard>]) -> DroppedEvents {
        let mut all = BTreeMap::new();
        for shard in shards {
            for (logger, count) in &shard.lock().dropped_events {
                *all.entry(pairs(&[("logger", logger)])).or_default() += count;
            }
        }
        DroppedEvents(all)
    }
}

impl Collector for DroppedEvents {
    fn encode(&self, mut encoder: DescriptorEncoder<'_>) -> fmt::Result {
        counters(
            &mut encoder,
            "events_dropped",
            "Events of log-to-eventhub that were dropped instead of delivered",
            &self.0,
        )
    }
}
