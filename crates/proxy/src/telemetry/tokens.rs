//! The numbers of `llm-emit-token-metric`, added up.
//!
//! Prometheus gets the namespace as a label, OTLP as the name of a scope. What must stay true: a shard's lock is held
//! only while the list of its series is copied.

use super::metric::{Attributes, Metric, Number, Points, with_dimensions};
use super::shard::{Shard, TokenLabels, Tokens};
use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

/// Name, unit, help and value.
type Row = (
    &'static str,
    &'static str,
    &'static str,
    fn(&Tokens) -> &AtomicU64,
);

const COUNTERS: [Row; 11] = [
    (
        "llm.calls",
        "{call}",
        "Model calls that reported usage",
        |t| &t.calls,
    ),
    ("llm.prompt_tokens", "{token}", "Prompt tokens", |t| {
        &t.prompt
    }),
    (
        "llm.cached_prompt_tokens",
        "{token}",
        "Prompt tokens that the provider read from its cache (part of the prompt)",
        |t| &t.cached,
    ),
    (
        "llm.completion_tokens",
        "{token}",
        "Completion tokens",
        |t| &t.completion,
    ),
    (
        "llm.reasoning_tokens",
        "{token}",
        "Tokens spent on reasoning (part of the completion)",
        |t| &t.reasoning,
    ),
    (
        "llm.cache_write_tokens",
        "{token}",
        "Tokens that the provider wrote to its cache (part of the prompt)",
        |t| &t.cache_write,
    ),
    (
        "llm.audio_prompt_tokens",
        "{token}",
        "Tokens of audio (part of the prompt)",
        |t| &t.audio_input,
    ),
    (
        "llm.audio_completion_tokens",
        "{token}",
        "Tokens of audio (part of the completion)",
        |t| &t.audio_output,
    ),
    (
        "llm.image_prompt_tokens",
        "{token}",
        "Tokens of images and video (part of the prompt)",
        |t| &t.image_input,
    ),
    (
        "llm.image_completion_tokens",
        "{token}",
        "Tokens of images (part of the completion)",
        |t| &t.image_output,
    ),
    (
        "llm.total_tokens",
        "{token}",
        "Total tokens as reported",
        |t| &t.total,
    ),
];

type Sums = [u64; COUNTERS.len()];

/// All threads' tokens by namespace and dimensions.
fn sums(shards: &[Arc<Shard>]) -> BTreeMap<TokenLabels, Sums> {
    let mut all: BTreeMap<TokenLabels, Sums> = BTreeMap::new();
    for shard in shards {
        let series: Vec<_> = shard.lock().tokens.values().cloned().collect();
        for series in series {
            let sums = all.entry(series.0.clone()).or_default();
            for (sum, (.., counter)) in sums.iter_mut().zip(COUNTERS) {
                *sum += counter(&series.1).load(Ordering::Relaxed);
            }
        }
    }
    all
}

fn metrics(scope: &str, series: &[(Attributes, Sums)]) -> Vec<Metric> {
    let counters = COUNTERS.iter().enumerate();
    let metrics = counters.map(|(at, (name, unit, help, _))| {
        let points = series.iter();
        let points = points.map(|(by, sums)| (by.clone(), Number::Whole(sums[at])));
        let mut metric = Metric::own(name, unit, help, Points::Counter(points.collect()));
        scope.clone_into(&mut metric.scope);
        metric
    });
    metrics.collect()
}

/// For Prometheus.
pub(super) fn prometheus(shards: &[Arc<Shard>]) -> Vec<Metric> {
    let series = sums(shards).into_iter().map(|(labels, sums)| {
        let namespace = (String::from("namespace"), labels.namespace.to_string());
        (with_dimensions(vec![namespace], &labels.dimensions), sums)
    });
    metrics("", &series.collect::<Vec<_>>())
}

/// For OTLP.
pub(super) fn otlp(shards: &[Arc<Shard>]) -> Vec<Metric> {
    let mut scopes: BTreeMap<String, Vec<(Attributes, Sums)>> = BTreeMap::new();
    for (labels, sums) in sums(shards) {
        let series = scopes.entry(labels.namespace.to_string()).or_default();
        series.push((with_dimensions(Vec::new(), &labels.dimensions), sums));
    }
    let scopes = scopes.iter();
    scopes
        .flat_map(|(scope, series)| metrics(scope, series))
        .collect()
}
