//! The OpenMetrics text: metrics by Prometheus' names and labels.
//!
//! What must stay true: runs on the asking thread.

use super::metric::{Attributes, Distribution, Metric, Number, Points, labels};
use crate::health::Health;
use prometheus_client::collector::Collector;
use prometheus_client::encoding::{DescriptorEncoder, EncodeMetric, MetricEncoder, text};
use prometheus_client::metrics::MetricType;
use prometheus_client::metrics::counter::ConstCounter;
use prometheus_client::metrics::gauge::ConstGauge;
use prometheus_client::registry::Registry;
use std::fmt;

/// The text of `/metrics`.
pub(crate) fn exposition(health: &Health) -> String {
    let shards = health.metrics.shards();
    let mut metrics = super::metrics(health, &shards);
    metrics.extend(super::tokens::prometheus(&shards));
    metrics.extend(super::custom::prometheus(&shards));
    text_of(metrics)
}

/// Metrics as text.
pub(super) fn text_of(metrics: Vec<Metric>) -> String {
    let mut registry = Registry::default();
    registry.register_collector(Box::new(Shown(metrics)));
    let mut out = String::new();
    // Writing into a string does not fail.
    let _ = text::encode(&mut out, &registry);
    out
}

#[derive(Debug)]
struct Shown(Vec<Metric>);

impl Collector for Shown {
    fn encode(&self, mut encoder: DescriptorEncoder<'_>) -> fmt::Result {
        for metric in &self.0 {
            let name = metric.prometheus_name();
            let kind = match &metric.points {
                Points::Counter(_) => MetricType::Counter,
                Points::UpDownCounter(_) | Points::Gauge(_) => MetricType::Gauge,
                Points::Histogram(..) => MetricType::Histogram,
            };
            let family = encoder.encode_descriptor(&name, metric.help, None, kind)?;
            match &metric.points {
                Points::Counter(points) => each(family, points, |encoder, n| match *n {
                    Number::Whole(n) => ConstCounter::new(n).encode(encoder),
                    Number::Decimal(n) => ConstCounter::new(n).encode(encoder),
                })?,
                Points::UpDownCounter(points) | Points::Gauge(points) => {
                    each(family, points, |encoder, n| match *n {
                        Number::Whole(n) => {
                            ConstGauge::new(i64::try_from(n).unwrap_or(i64::MAX)).encode(encoder)
                        }
                        Number::Decimal(n) => ConstGauge::new(n).encode(encoder),
                    })?;
                }
                Points::Histogram(bounds, points) => {
                    each(family, points, |encoder, d| histogram(encoder, bounds, d))?;
                }
            }
        }
        Ok(())
    }
}

fn each<T>(
    mut family: MetricEncoder<'_>,
    points: &[(Attributes, T)],
    write: impl Fn(MetricEncoder<'_>, &T) -> fmt::Result,
) -> fmt::Result {
    // Without labels there are no braces either.
    if let [(attributes, value)] = points
        && attributes.is_empty()
    {
        return write(family, value);
    }
    for (attributes, value) in points {
        write(family.encode_family(&labels(attributes))?, value)?;
    }
    Ok(())
}

fn histogram(
    mut encoder: MetricEncoder<'_>,
    bounds: &[f64],
    distribution: &Distribution,
) -> fmt::Result {
    let bounds = bounds.iter().copied().chain([f64::INFINITY]);
    let buckets: Vec<(f64, u64)> = bounds.zip(distribution.buckets.iter().copied()).collect();
    encoder.encode_histogram::<Attributes>(
        distribution.sum.unwrap_or_default(),
        distribution.count,
        &buckets,
        None,
    )
}
