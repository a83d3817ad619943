//! The OpenMetrics text: shards added up, gauges read.
//!
//! What must stay true: runs on the asking thread and holds a shard's lock only while it copies the list of series.

use super::backends::Backends;
use super::budgets::BudgetNumbers;
use super::custom::CustomSums;
use super::ledger::LedgerNumbers;
use super::loggers::DroppedEvents;
use super::mcp::McpRequests;
use super::openid::Providers;
use super::shard::{BUCKETS, Times, Tokens};
use crate::health::Health;
use prometheus_client::collector::Collector;
use prometheus_client::encoding::{DescriptorEncoder, EncodeMetric, text};
use prometheus_client::metrics::MetricType;
use prometheus_client::metrics::counter::ConstCounter;
use prometheus_client::metrics::gauge::ConstGauge;
use prometheus_client::registry::Registry;
use std::collections::BTreeMap;
use std::fmt;
use std::sync::atomic::{AtomicU64, Ordering};
use tollgate_lang::value::Str;

pub(super) type Labels = Vec<(String, String)>;

/// The text of `/metrics`.
pub(crate) fn exposition(health: &Health) -> String {
    let mut registry = Registry::with_prefix("tollgate");
    registry.register_collector(Box::new(Numbers::read(health)));
    let shards = health.metrics.shards();
    let backends = Backends::read(health, shards.iter().map(|shard| &**shard));
    registry.register_collector(Box::new(backends));
    registry.register_collector(Box::new(McpRequests::read(&shards)));
    registry.register_collector(Box::new(CustomSums::read(&shards)));
    registry.register_collector(Box::new(DroppedEvents::read(&shards)));
    registry.register_collector(Box::new(Providers::read(&health.openid)));
    registry.register_collector(Box::new(BudgetNumbers::read(health)));
    registry.register_collector(Box::new(LedgerNumbers::read(health)));
    registry.register_collector(Box::new(health.metrics.overflows.read()));
    let (calls, unpriced) = super::gen_ai::read(&shards);
    registry.register_collector(Box::new(unpriced));
    // OpenTelemetry's names have no prefix.
    let mut conventions = Registry::default();
    conventions.register_collector(Box::new(calls));
    let mut out = String::new();
    // Writing into a string does not fail.
    let _ = text::encode_registry(&mut out, &registry);
    let _ = text::encode(&mut out, &conventions);
    out
}

#[derive(Debug, Default)]
struct Sum {
    count: u64,
    seconds: f64,
    buckets: [u64; BUCKETS.len() + 1],
}

impl Sum {
    fn add(&mut self, times: &Times) {
        self.count += get(&times.count);
        self.seconds += get(&times.nanos) as f64 / 1e9;
        for (sum, bucket) in self.buckets.iter_mut().zip(&times.buckets) {
            *sum += get(bucket);
        }
    }
}

fn get(counter: &AtomicU64) -> u64 {
    counter.load(Ordering::Relaxed)
}

/// Everything, added up.
#[derive(Debug, Default)]
struct Numbers {
    requests: BTreeMap<Labels, Sum>,
    /// Sent, received.
    bytes: [BTreeMap<Labels, u64>; 2],
    attempts: BTreeMap<Labels, Sum>,
    tools: BTreeMap<Labels, Sum>,
    tokens: [BTreeMap<Labels, u64>; TOKENS.len()],
    refused: BTreeMap<Labels, u64>,
    reloads: BTreeMap<Labels, u64>,
    connections_refused: u64,
    /// When traffic is recorded.
    recording: Option<[(&'static str, &'static str, u64); 2]>,
    gauges: Vec<(&'static str, &'static str, i64)>,
}

type TokenCounter = (&'static str, &'static str, fn(&Tokens) -> &AtomicU64);

const TOKENS: [TokenCounter; 11] = [
    ("llm_calls", "Model calls that reported usage", |t| &t.calls),
    ("llm_prompt_tokens", "Prompt tokens", |t| &t.prompt),
    (
        "llm_cached_prompt_tokens",
        "Prompt tokens that the provider read from its cache (part of the prompt)",
        |t| &t.cached,
    ),
    ("llm_completion_tokens", "Completion tokens", |t| {
        &t.completion
    }),
    (
        "llm_reasoning_tokens",
        "Tokens spent on reasoning (part of the completion)",
        |t| &t.reasoning,
    ),
    (
        "llm_cache_write_tokens",
        "Tokens that the provider wrote to its cache (part of the prompt)",
        |t| &t.cache_write,
    ),
    (
        "llm_audio_prompt_tokens",
        "Tokens of audio (part of the prompt)",
        |t| &t.audio_input,
    ),
    (
        "llm_audio_completion_tokens",
        "Tokens of audio (part of the completion)",
        |t| &t.audio_output,
    ),
    (
        "llm_image_prompt_tokens",
        "Tokens of images and video (part of the prompt)",
        |t| &t.image_input,
    ),
    (
        "llm_image_completion_tokens",
        "Tokens of images (part of the completion)",
        |t| &t.image_output,
    ),
    ("llm_total_tokens", "Total tokens as reported", |t| &t.total),
];

impl Numbers {
    fn read(health: &Health) -> Numbers {
        let mut numbers = Numbers::default();
        let (mut begun, mut ended) = (0, 0);
        for shard in health.metrics.shards() {
            ended += get(&shard.ended);
            begun += get(&shard.begun);
            let (requests, attempts, tools, tokens, refused) = {
                let series = shard.lock();
                (
                    series
                        .requests
                        .iter()
                        .map(|(l, s)| (l.clone(), s.clone()))
                        .collect::<Vec<_>>(),
                    series
                        .attempts
                        .iter()
                        .map(|(l, s)| (l.clone(), s.clone()))
                        .collect::<Vec<_>>(),
                    series
                        .tools
                        .iter()
                        .map(|(l, s)| (l.clone(), s.clone()))
                        .collect::<Vec<_>>(),
                    series.tokens.values().cloned().collect::<Vec<_>>(),
                    series.refused.clone(),
                )
            };
            for (labels, series) in requests {
                let labels = pairs(&[
                    ("api", &labels.api),
                    ("operation", &labels.operation),
                    ("product", &labels.product),
                    ("status_class", labels.class),
                    ("outcome", labels.outcome),
                ]);
                *numbers.bytes[0].entry(labels.clone()).or_default() += get(&series.sent);
                *numbers.bytes[1].entry(labels.clone()).or_default() += get(&series.received);
                numbers
                    .requests
                    .entry(labels)
                    .or_default()
                    .add(&series.times);
            }
            for (labels, times) in attempts {
                let labels = pairs(&[("backend", &labels.backend), ("status_class", labels.class)]);
                numbers.attempts.entry(labels).or_default().add(&times);
            }
            for (labels, times) in tools {
                let labels = pairs(&[
                    ("server", &labels.server),
                    ("tool", &labels.tool),
                    ("status_class", labels.class),
                ]);
                numbers.tools.entry(labels).or_default().add(&times);
            }
            for series in tokens {
                let namespace = (String::from("namespace"), series.0.namespace.to_string());
                let labels = dimension_labels(vec![namespace], &series.0.dimensions);
                for (sums, (_, _, counter)) in numbers.tokens.iter_mut().zip(TOKENS) {
                    *sums.entry(labels.clone()).or_default() += get(counter(&series.1));
                }
            }
            for (status, count) in refused {
                let labels = pairs(&[("status", &status.to_string())]);
                *numbers.refused.entry(labels).or_default() += count;
            }
        }
        let loading = health.snapshots.loading();
        let reloads = |result| pairs(&[("result", result)]);
        numbers
            .reloads
            .insert(reloads("loaded"), loading.generation);
        numbers.reloads.insert(reloads("refused"), loading.refused);
        numbers.recording = health.recorder.get().map(|recorder| recorder.counts());
        numbers.connections_refused = health.connections_refused.load(Ordering::Relaxed);
        let signed = |n: u64| i64::try_from(n).unwrap_or(i64::MAX);
        numbers.gauges = vec![
            (
                "requests_in_flight",
                "Requests that have not settled",
                signed(begun.saturating_sub(ended)),
            ),
            (
                "connections",
                "Open connections and tunnels of callers",
                health.connections.load(Ordering::Relaxed),
            ),
            (
                "upstream_connections",
                "Open HTTP/1.1 connections to backends",
                health.upstream_connections.load(Ordering::Relaxed),
            ),
            (
                "configuration_generation",
                "Number of the configuration in force",
                signed(loading.generation),
            ),
            (
                "degraded_parts",
                "Parts that work with their fallback",
                signed(health.degraded_parts() as u64),
            ),
            (
                "draining",
                "1 while the gateway drains",
                i64::from(health.is_draining()),
            ),
        ];
        numbers
    }
}

pub(super) fn pairs(labels: &[(&str, &str)]) -> Labels {
    labels
        .iter()
        .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()))
        .collect()
}

/// Dimensions as labels behind others. They have free names (`User ID`), labels have not; a name that is taken gets
/// underscores behind it.
pub(super) fn dimension_labels(mut pairs: Labels, dimensions: &[(Str, Str)]) -> Labels {
    for (name, value) in dimensions {
        let mut label: String = name
            .chars()
            .map(|c| {
                if c.is_ascii_alphanumeric() {
                    c.to_ascii_lowercase()
                } else {
                    '_'
                }
            })
            .collect();
        if !label.starts_with(|c: char| c.is_ascii_lowercase()) {
            label.insert_str(0, "dimension_");
        }
        while pairs.iter().any(|(taken, _)| *taken == label) {
            label.push('_');
        }
        pairs.push((label, value.to_string()));
    }
    pairs
}

impl Collector for Numbers {
    fn encode(&self, mut encoder: DescriptorEncoder<'_>) -> fmt::Result {
        let encoder = &mut encoder;
        counters(
            encoder,
            "http_refused",
            "Requests refused before an API was looked for",
            &self.refused,
        )?;
        histograms(
            encoder,
            "request_duration_seconds",
            "Time from acceptance to settlement",
            &self.requests,
        )?;
        let requests: BTreeMap<Labels, u64> = self
            .requests
            .iter()
            .map(|(l, s)| (l.clone(), s.count))
            .collect();
        counters(encoder, "requests", "Settled requests", &requests)?;
        counters(
            encoder,
            "response_body_bytes",
            "Bytes of bodies sent to callers",
            &self.bytes[0],
        )?;
        counters(
            encoder,
            "request_body_bytes",
            "Bytes of bodies received from callers, where known",
            &self.bytes[1],
        )?;
        histograms(
            encoder,
            "upstream_attempt_duration_seconds",
            "Time of calls to backends until the response head; class none: no answer",
            &self.attempts,
        )?;
        histograms(
            encoder,
            "tool_call_duration_seconds",
            "Calls of operations as tools of an MCP server, inside its requests",
            &self.tools,
        )?;
        for (sums, (name, help, _)) in self.tokens.iter().zip(TOKENS) {
            counters(encoder, name, help, sums)?;
        }
        counters(
            encoder,
            "configuration_reloads",
            "Configurations by what became of them",
            &self.reloads,
        )?;
        for (name, help, value) in self.recording.iter().flatten() {
            ConstCounter::new(*value).encode(encoder.encode_descriptor(
                name,
                help,
                None,
                MetricType::Counter,
            )?)?;
        }
        let refused = ConstCounter::new(self.connections_refused);
        refused.encode(encoder.encode_descriptor(
            "connections_refused",
            "Connections closed because there were too many",
            None,
            MetricType::Counter,
        )?)?;
        for (name, help, value) in &self.gauges {
            ConstGauge::new(*value).encode(encoder.encode_descriptor(
                name,
                help,
                None,
                MetricType::Gauge,
            )?)?;
        }
        Ok(())
    }
}

pub(super) fn counters(
    encoder: &mut DescriptorEncoder<'_>,
    name: &str,
    help: &str,
    values: &BTreeMap<Labels, u64>,
) -> fmt::Result {
    let mut family = encoder.encode_descriptor(name, help, None, MetricType::Counter)?;
    for (labels, value) in values {
        ConstCounter::new(*value).encode(family.encode_family(labels)?)?;
    }
    Ok(())
}

fn histograms(
    encoder: &mut DescriptorEncoder<'_>,
    name: &str,
    help: &str,
    sums: &BTreeMap<Labels, Sum>,
) -> fmt::Result {
    let mut family = encoder.encode_descriptor(name, help, None, MetricType::Histogram)?;
    for (labels, sum) in sums {
        let bounds = BUCKETS.iter().copied().chain([f64::INFINITY]);
        let buckets: Vec<(f64, u64)> = bounds.zip(sum.buckets).collect();
        family.encode_family(labels)?.encode_histogram::<Labels>(
            sum.seconds,
            sum.count,
            &buckets,
            None,
        )?;
    }
    Ok(())
}
