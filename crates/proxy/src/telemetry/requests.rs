//! The numbers of requests, calls to backends and tools, and what the gateway knows of itself, added up.
//!
//! What must stay true: a shard's lock is held only while the list of its series is copied.

use super::metric::{Attributes, Distribution, Metric, Number, Points, pairs};
use super::shard::{BUCKETS, Shard, Times};
use crate::health::Health;
use std::borrow::Cow;
use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

#[derive(Default)]
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

/// All threads' series, added up.
#[derive(Default)]
struct Sums {
    requests: BTreeMap<Attributes, Sum>,
    /// Sent, received.
    bytes: [BTreeMap<Attributes, u64>; 2],
    attempts: BTreeMap<Attributes, Sum>,
    tools: BTreeMap<Attributes, Sum>,
    refused: BTreeMap<Attributes, u64>,
    begun: u64,
    ended: u64,
}

impl Sums {
    fn read(shards: &[Arc<Shard>]) -> Sums {
        let mut sums = Sums::default();
        for shard in shards {
            // What ended has begun.
            sums.ended += get(&shard.ended);
            sums.begun += get(&shard.begun);
            sums.add(shard);
        }
        sums
    }

    fn add(&mut self, shard: &Shard) {
        let (requests, attempts, tools, refused) = {
            let series = shard.lock();
            let requests = series.requests.iter().map(|(l, s)| (l.clone(), s.clone()));
            let attempts = series.attempts.iter().map(|(l, s)| (l.clone(), s.clone()));
            let tools = series.tools.iter().map(|(l, s)| (l.clone(), s.clone()));
            (
                requests.collect::<Vec<_>>(),
                attempts.collect::<Vec<_>>(),
                tools.collect::<Vec<_>>(),
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
            *self.bytes[0].entry(labels.clone()).or_default() += get(&series.sent);
            *self.bytes[1].entry(labels.clone()).or_default() += get(&series.received);
            self.requests.entry(labels).or_default().add(&series.times);
        }
        for (labels, times) in attempts {
            let labels = pairs(&[("backend", &labels.backend), ("status_class", labels.class)]);
            self.attempts.entry(labels).or_default().add(&times);
        }
        for (labels, times) in tools {
            let labels = pairs(&[
                ("server", &labels.server),
                ("tool", &labels.tool),
                ("status_class", labels.class),
            ]);
            self.tools.entry(labels).or_default().add(&times);
        }
        for (status, count) in refused {
            let labels = pairs(&[("status", &status.to_string())]);
            *self.refused.entry(labels).or_default() += count;
        }
    }
}

fn times(name: &'static str, help: &'static str, sums: BTreeMap<Attributes, Sum>) -> Metric {
    let points = sums.into_iter().map(|(labels, sum)| {
        let distribution = Distribution {
            count: sum.count,
            sum: Some(sum.seconds),
            buckets: sum.buckets.to_vec(),
            range: None,
        };
        (labels, distribution)
    });
    let points = Points::Histogram(Cow::Borrowed(&BUCKETS), points.collect());
    Metric::own(name, "s", help, points)
}

/// What threads counted.
pub(super) fn metrics(shards: &[Arc<Shard>]) -> Vec<Metric> {
    let sums = Sums::read(shards);
    let requests = sums.requests.iter();
    let requests = requests.map(|(labels, sum)| (labels.clone(), sum.count));
    let requests = requests.collect();
    let [sent, received] = sums.bytes;
    vec![
        Metric::counter(
            "http.refused",
            "{request}",
            "Requests refused before an API was looked for",
            sums.refused,
        ),
        times(
            "request.duration",
            "Time from acceptance to settlement",
            sums.requests,
        ),
        Metric::counter("requests", "{request}", "Settled requests", requests),
        Metric::counter(
            "response.body",
            "By",
            "Bytes of bodies sent to callers",
            sent,
        ),
        Metric::counter(
            "request.body",
            "By",
            "Bytes of bodies received from callers, where known",
            received,
        ),
        times(
            "upstream.attempt.duration",
            "Time of calls to backends until the response head; class none: no answer",
            sums.attempts,
        ),
        times(
            "tool_call.duration",
            "Calls of operations as tools of an MCP server, inside its requests",
            sums.tools,
        ),
        Metric::gauge(
            "requests_in_flight",
            "{request}",
            "Requests that have not settled",
            sums.begun.saturating_sub(sums.ended),
        ),
    ]
}

/// What no thread counts.
pub(super) fn gateway(health: &Health) -> Vec<Metric> {
    let loading = health.snapshots.loading();
    let reloads = [("loaded", loading.generation), ("refused", loading.refused)];
    let reloads = reloads.map(|(result, count)| (pairs(&[("result", result)]), count));
    let mut metrics = vec![Metric::counter(
        "configuration.reloads",
        "{configuration}",
        "Configurations by what became of them",
        reloads.into_iter().collect(),
    )];
    let recorded = health.recorder.get().map(|recorder| recorder.counts());
    metrics.extend(
        recorded.into_iter().flatten().map(|(name, help, count)| {
            Metric::single(name, "{request}", help, Number::Whole(count))
        }),
    );
    if let Some(exports) = health.exports.get() {
        let by = |counts: &[(&str, &AtomicU64)]| {
            let counts = counts.iter();
            let counts = counts.map(|(result, n)| (pairs(&[("result", result)]), get(n)));
            counts.collect::<BTreeMap<_, _>>()
        };
        metrics.push(Metric::counter(
            "otlp.exports",
            "{export}",
            "Exports of metrics over OTLP",
            by(&[("exported", &exports.exported), ("failed", &exports.failed)]),
        ));
        metrics.push(Metric::counter(
            "otlp.points",
            "{point}",
            "Points of metrics exported over OTLP, by what became of them",
            by(&[
                ("accepted", &exports.points),
                ("rejected", &exports.rejected),
                ("lost", &exports.lost),
            ]),
        ));
    }
    metrics.push(Metric::single(
        "connections.refused",
        "{connection}",
        "Connections closed because there were too many",
        Number::Whole(get(&health.connections_refused)),
    ));
    let subscriptions = health.graphql_events.counts();
    metrics.extend([
        Metric::single(
            "graphql.events",
            "{event}",
            "Events of `publish-event` that had a subscriber",
            Number::Whole(subscriptions.events),
        ),
        Metric::single(
            "graphql.slow_subscribers",
            "{subscription}",
            "Subscriptions of GraphQL APIs that were ended because they fell behind",
            Number::Whole(subscriptions.slow),
        ),
        Metric::gauge(
            "graphql.sockets",
            "{connection}",
            "Open WebSockets of GraphQL APIs that the gateway answers itself",
            subscriptions.sockets,
        ),
        Metric::gauge(
            "graphql.subscriptions",
            "{subscription}",
            "Open subscriptions of GraphQL APIs that the gateway answers itself",
            subscriptions.subscriptions,
        ),
    ]);
    let open = |count: i64| u64::try_from(count).unwrap_or(0);
    metrics.extend([
        Metric::gauge(
            "connections",
            "{connection}",
            "Open connections and tunnels of callers",
            open(health.connections.load(Ordering::Relaxed)),
        ),
        Metric::gauge(
            "upstream.connections",
            "{connection}",
            "Open HTTP/1.1 connections to backends",
            open(health.upstream_connections.load(Ordering::Relaxed)),
        ),
        Metric::gauge(
            "configuration.generation",
            "",
            "Number of the configuration in force",
            loading.generation,
        ),
        Metric::gauge(
            "degraded_parts",
            "{part}",
            "Parts that work with their fallback",
            health.degraded_parts() as u64,
        ),
        Metric::gauge(
            "draining",
            "",
            "1 while the gateway drains",
            u64::from(health.is_draining()),
        ),
    ]);
    metrics
}
