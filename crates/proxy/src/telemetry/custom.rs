//! The numbers of `emit-metric`: count, sum, least and greatest of a metric's values, by its dimensions.
//!
//! Prometheus gets two metrics for all of them; OTLP gets each by its own name, in a scope of its namespace's name.
//! What must stay true: names and values may be computed from what a caller sends, so series are bounded.

use super::metric::{Attributes, Distribution, Metric, Number, Points, with_dimensions};
use super::overflow::{Bounded, Overflows};
use super::shard::{OVERFLOW, Shard, cut};
use std::borrow::Cow;
use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;
use tollgate_lang::value::Str;

/// Namespace, name and dimensions.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
struct Key {
    namespace: Str,
    name: Str,
    dimensions: Vec<(Str, Str)>,
}

#[derive(Clone, Copy, Debug)]
struct Values {
    count: u64,
    sum: f64,
    least: f64,
    greatest: f64,
}

impl Default for Values {
    fn default() -> Values {
        Values {
            count: 0,
            sum: 0.0,
            least: f64::INFINITY,
            greatest: f64::NEG_INFINITY,
        }
    }
}

impl Values {
    fn one(value: f64) -> Values {
        Values {
            count: 1,
            sum: value,
            least: value,
            greatest: value,
        }
    }

    fn add(&mut self, other: Values) {
        self.count = self.count.wrapping_add(other.count);
        self.sum += other.sum;
        self.least = self.least.min(other.least);
        self.greatest = self.greatest.max(other.greatest);
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
        self.0.entry(key).or_default().add(Values::one(value));
    }
}

/// All threads' values, added up.
fn sums(shards: &[Arc<Shard>]) -> BTreeMap<Key, Values> {
    let mut all: BTreeMap<Key, Values> = BTreeMap::new();
    for shard in shards {
        let metrics = shard.lock().custom.clone();
        for (key, values) in metrics.0 {
            all.entry(key).or_default().add(values);
        }
    }
    all
}

/// For Prometheus: namespace and name are labels.
pub(super) fn prometheus(shards: &[Arc<Shard>]) -> [Metric; 2] {
    let (mut counts, mut added) = (Vec::new(), Vec::new());
    for (key, values) in sums(shards) {
        let attributes = vec![
            (String::from("namespace"), key.namespace.to_string()),
            (String::from("name"), key.name.to_string()),
        ];
        let attributes = with_dimensions(attributes, &key.dimensions);
        counts.push((attributes.clone(), Number::Whole(values.count)));
        added.push((attributes, Number::Decimal(values.sum)));
    }
    let of = "Values of emit-metric, how many";
    let sum = "Values of emit-metric, added up";
    [
        Metric::own("custom_metric.values", "", of, Points::Counter(counts)),
        Metric::own("custom_metric.sum", "", sum, Points::UpDownCounter(added)),
    ]
}

/// For OTLP: a histogram without buckets under each name. Where values were negative it has no sum, as the data model
/// says; the sum then is a metric beside it.
pub(super) fn otlp(shards: &[Arc<Shard>]) -> Vec<Metric> {
    // Names that become the same are one metric.
    let mut all: BTreeMap<(String, String), BTreeMap<Attributes, Values>> = BTreeMap::new();
    for (key, values) in sums(shards) {
        let attributes = with_dimensions(Vec::new(), &key.dimensions);
        let series = all.entry((key.namespace.to_string(), instrument_name(&key.name)));
        let series = series.or_default().entry(attributes).or_default();
        series.add(values);
    }
    let mut metrics = Vec::new();
    for ((scope, name), series) in all {
        let negative = series.values().any(|values| values.least < 0.0);
        if negative {
            let added = series.iter();
            let added = added.map(|(by, values)| (by.clone(), Number::Decimal(values.sum)));
            metrics.push(Metric {
                scope: scope.clone(),
                name: format!("{name}.sum"),
                help: "Values of emit-metric, added up",
                unit: "",
                points: Points::UpDownCounter(added.collect()),
            });
        }
        let points = series.into_iter().map(|(by, values)| {
            let values = Distribution {
                count: values.count,
                sum: (!negative).then_some(values.sum),
                buckets: Vec::new(),
                range: Some((values.least, values.greatest)),
            };
            (by, values)
        });
        metrics.push(Metric {
            scope,
            name,
            help: "Values of emit-metric",
            unit: "",
            points: Points::Histogram(Cow::Borrowed(&[]), points.collect()),
        });
    }
    metrics
}

/// A metric's name as OpenTelemetry allows instruments: letters, digits, `_`, `.`, `-` and `/`, a letter first, at most
/// 255 characters.
fn instrument_name(name: &str) -> String {
    let allowed = |c: char| match c {
        'a'..='z' | 'A'..='Z' | '0'..='9' | '_' | '.' | '-' | '/' => c,
        _ => '_',
    };
    let mut allowed: String = name.chars().map(allowed).collect();
    if !allowed.starts_with(|c: char| c.is_ascii_alphabetic()) {
        allowed.insert_str(0, "metric_");
    }
    // It is ASCII by now.
    allowed.truncate(255);
    allowed
}

#[cfg(test)]
mod tests;
