//! The numbers of `emit-metric`: count and sum of a metric's values, by its dimensions.
//!
//! What must stay true: names and values may be computed from what a caller sends, so series are bounded.

use super::exposition::{Labels, counters, dimension_labels};
use super::overflow::{Bounded, Overflows};
use super::shard::{OVERFLOW, Shard, cut};
use prometheus_client::collector::Collector;
use prometheus_client::encoding::DescriptorEncoder;
use prometheus_client::metrics::MetricType;
use prometheus_client::metrics::gauge::ConstGauge;
use std::collections::{BTreeMap, HashMap};
use std::fmt;
use std::sync::Arc;
use tollgate_lang::value::Str;

/// Namespace, name and dimensions.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
struct Key {
    namespace: Str,
    name: Str,
    dimensions: Vec<(Str, Str)>,
}

#[derive(Clone, Copy, Debug, Default)]
struct Values {
    count: u64,
    sum: f64,
}

impl Values {
    fn add(&mut self, other: Values) {
        self.count = self.count.wrapping_add(other.count);
        self.sum += other.sum;
    }
}

/// One thread's values.
#[derive(Clone, Default)]
pub(super) struct CustomMetrics(HashMap<Key, Values>);

impl CustomMetrics {
    pub(super) fn add(
        &mut self,
        namespace: &Str,
        name: &Str,
        value: f64,
        dimensions: &[(Str, Str)],
        most: usize,
        overflows: &Overflows,
    ) {
        let mut key = Key {
            namespace: cut(namespace),
            name: cut(name),
            dimensions: dimensions
                .iter()
                .map(|(name, value)| (cut(name), cut(value)))
                .collect(),
        };
        if self.0.len() >= most && !self.0.contains_key(&key) {
            overflows.count(Bounded::Custom);
            for (_, value) in &mut key.dimensions {
                *value = Str::from(OVERFLOW);
            }
            // Names may be computed too.
            if self.0.len() >= most.saturating_mul(2) && !self.0.contains_key(&key) {
                key.dimensions.clear();
            }
        }
        self.0.entry(key).or_default().add(Values {
            count: 1,
            sum: value,
        });
    }
}

/// All threads' values, added up.
#[derive(Debug, Default)]
pub(super) struct CustomSums {
    counts: BTreeMap<Labels, u64>,
    sums: BTreeMap<Labels, f64>,
}

impl CustomSums {
    pub(super) fn read(shards: &[Arc<Shard>]) -> CustomSums {
        let mut all = CustomSums::default();
        for shard in shards {
            let metrics = shard.lock().custom.clone();
            for (key, values) in metrics.0 {
                let labels = dimension_labels(
                    vec![
                        (String::from("namespace"), key.namespace.to_string()),
                        (String::from("name"), key.name.to_string()),
                    ],
                    &key.dimensions,
                );
                let count = all.counts.entry(labels.clone()).or_default();
                *count = count.wrapping_add(values.count);
                *all.sums.entry(labels).or_default() += values.sum;
            }
        }
        all
    }
}

impl Collector for CustomSums {
    fn encode(&self, mut encoder: DescriptorEncoder<'_>) -> fmt::Result {
        counters(
            &mut encoder,
            "custom_metric_values",
            "Values of emit-metric, how many",
            &self.counts,
        )?;
        // A gauge: a sum may shrink, values may be negative.
        let mut family = encoder.encode_descriptor(
            "custom_metric_sum",
            "Values of emit-metric, added up",
            None,
            MetricType::Gauge,
        )?;
        for (labels, sum) in &self.sums {
            use prometheus_client::encoding::EncodeMetric;
            ConstGauge::new(*sum).encode(family.encode_family(labels)?)?;
        }
        Ok(())
    }
}
