//! Metrics as OTLP's messages, in requests of a bounded size; with delta temporality as differences to what was taken.
//!
//! Used by the exporter. What must stay true: a difference is kept as taken only when its request was, so that nothing
//! counts twice or is left out; there is nothing to keep with cumulative temporality.

use crate::config::{OtlpConfig, Temporality};
use crate::telemetry::metric::{Attributes, Distribution, Metric, Number, Points};
use opentelemetry_proto::tonic::collector::metrics::v1::ExportMetricsServiceRequest;
use opentelemetry_proto::tonic::common::v1::{AnyValue, InstrumentationScope, KeyValue, any_value};
use opentelemetry_proto::tonic::metrics::v1::{
    AggregationTemporality, Gauge, Histogram, HistogramDataPoint, Metric as Message,
    NumberDataPoint, ResourceMetrics, ScopeMetrics, Sum, metric, number_data_point,
};
use opentelemetry_proto::tonic::resource::v1::Resource;
use std::collections::HashMap;

/// Most points of one request: about a megabyte of histograms, where collectors take a few.
const MOST_POINTS: usize = 4000;

/// The scope of the gateway's own metrics.
const SCOPE: &str = "tollgate";

/// Scope, name and attributes.
type Series = (String, String, Attributes);

/// A metric without its points, and these.
type Unpacked = (Metric, Kind, std::vec::IntoIter<(Attributes, Value)>);

/// One request.
pub(super) struct Batch {
    pub(super) request: ExportMetricsServiceRequest,
    pub(super) points: u64,
    /// What will have been taken with it.
    totals: Vec<(Series, Total)>,
}

/// What was taken of a series.
struct Total {
    /// When, Unix nanoseconds.
    at: u64,
    value: Value,
}

#[derive(Clone, Debug)]
enum Value {
    Number(Number),
    Distribution(Distribution),
}

#[derive(Clone, Debug)]
enum Kind {
    Counter,
    UpDownCounter,
    Gauge,
    Histogram(Vec<f64>),
}

/// What exports have in common, and what was taken of them.
pub(super) struct Exported {
    resource: Resource,
    temporality: Temporality,
    /// When counting began, Unix nanoseconds.
    began: u64,
    /// When the metrics were read last.
    read: u64,
    totals: HashMap<Series, Total>,
}

/// One export under way.
pub(super) struct Export {
    metrics: std::vec::IntoIter<Metric>,
    /// The metric of which a request did not take all points.
    rest: Option<Unpacked>,
    now: u64,
    /// When the metrics were read before.
    before: u64,
}

impl Exported {
    /// Nothing yet. `now`: when counting began.
    pub(super) fn new(config: &OtlpConfig, now: u64) -> Exported {
        let mut attributes = attributes(&config.resource);
        const INSTANCE: &str = "service.instance.id";
        if !config.resource.iter().any(|(name, _)| name == INSTANCE) {
            // Gateways of one service are told apart by it.
            attributes.push(attribute(INSTANCE, &uuid::Uuid::new_v4().to_string()));
        }
        Exported {
            resource: Resource {
                attributes,
                ..Resource::default()
            },
            temporality: config.temporality,
            began: now,
            read: now,
            totals: HashMap::new(),
        }
    }

    /// Begins an export of what was read now.
    pub(super) fn begin(&mut self, metrics: Vec<Metric>, now: u64) -> Export {
        Export {
            metrics: metrics.into_iter(),
            rest: None,
            now,
            before: std::mem::replace(&mut self.read, now),
        }
    }

    /// A request was taken, or never will be.
    pub(super) fn commit(&mut self, batch: Batch) {
        self.totals.extend(batch.totals);
    }

    fn is_delta(&self, kind: &Kind) -> bool {
        self.temporality == Temporality::Delta && matches!(kind, Kind::Counter | Kind::Histogram(_))
    }
}

impl Export {
    /// The next request; none when everything was in one.
    pub(super) fn next(&mut self, state: &Exported) -> Option<Batch> {
        let mut scopes: Vec<ScopeMetrics> = Vec::new();
        let mut totals = Vec::new();
        let mut room = MOST_POINTS;
        while room > 0 {
            let Some((head, kind, mut values)) = self.rest.take().or_else(|| self.unpack()) else {
                break;
            };
            let mut points = Vec::new();
            while room > 0
                && let Some((attributes, value)) = values.next()
            {
                let taken = self.point(state, &head, &kind, attributes, value, &mut totals);
                if let Some(point) = taken {
                    points.push(point);
                    room -= 1;
                }
            }
            if !points.is_empty() {
                let message = message(&head, &kind, state.is_delta(&kind), points);
                let scope = if head.scope.is_empty() {
                    SCOPE
                } else {
                    &head.scope
                };
                match scopes.last_mut() {
                    Some(last) if last.scope.as_ref().is_some_and(|s| s.name == scope) => {
                        last.metrics.push(message);
                    }
                    _ => scopes.push(ScopeMetrics {
                        scope: Some(InstrumentationScope {
                            name: scope.to_owned(),
                            version: String::from(env!("CARGO_PKG_VERSION")),
                            ..InstrumentationScope::default()
                        }),
                        metrics: vec![message],
                        ..ScopeMetrics::default()
                    }),
                }
            }
            if values.len() > 0 {
                self.rest = Some((head, kind, values));
            }
        }
        if scopes.is_empty() {
            return None;
        }
        let request = ExportMetricsServiceRequest {
            resource_metrics: vec![ResourceMetrics {
                resource: Some(state.resource.clone()),
                scope_metrics: scopes,
                ..ResourceMetrics::default()
            }],
        };
        Some(Batch {
            request,
            points: (MOST_POINTS - room) as u64,
            totals,
        })
    }

    fn unpack(&mut self) -> Option<Unpacked> {
        let mut metric = self.metrics.next()?;
        let points = std::mem::replace(&mut metric.points, Points::Gauge(Vec::new()));
        let numbers = |points: Vec<(Attributes, Number)>| -> Vec<(Attributes, Value)> {
            let points = points.into_iter();
            points.map(|(by, n)| (by, Value::Number(n))).collect()
        };
        let (kind, values) = match points {
            Points::Counter(points) => (Kind::Counter, numbers(points)),
            Points::UpDownCounter(points) => (Kind::UpDownCounter, numbers(points)),
            Points::Gauge(points) => (Kind::Gauge, numbers(points)),
            Points::Histogram(bounds, points) => {
                let points = points.into_iter();
                let points = points.map(|(by, d)| (by, Value::Distribution(d)));
                (Kind::Histogram(bounds.into_owned()), points.collect())
            }
        };
        Some((metric, kind, values.into_iter()))
    }

    /// A point; none of a series in which nothing has changed where differences are told.
    fn point(
        &self,
        state: &Exported,
        head: &Metric,
        kind: &Kind,
        attributes: Attributes,
        value: Value,
        totals: &mut Vec<(Series, Total)>,
    ) -> Option<Point> {
        if !state.is_delta(kind) {
            return Some(Point {
                attributes,
                began: state.began,
                now: self.now,
                value,
            });
        }
        let series = (head.scope.clone(), head.name.clone(), attributes);
        let known = state.totals.get(&series);
        let difference = value.since(known.map(|total| &total.value))?;
        let point = Point {
            attributes: series.2.clone(),
            // A series that is new began when there was none of it yet.
            began: known.map_or(self.before, |total| total.at),
            now: self.now,
            value: difference,
        };
        let total = Total {
            at: self.now,
            value,
        };
        totals.push((series, total));
        Some(point)
    }
}

impl Value {
    /// What came to it since; none when nothing did.
    fn since(&self, before: Option<&Value>) -> Option<Value> {
        match (self, before) {
            (Value::Number(Number::Whole(0)), None) => None,
            (Value::Distribution(now), None) if now.count == 0 => None,
            (Value::Distribution(now), None) => Some(Value::Distribution(Distribution {
                range: None,
                ..now.clone()
            })),
            (Value::Number(Number::Whole(now)), Some(Value::Number(Number::Whole(before)))) => {
                let more = now.saturating_sub(*before);
                (more > 0).then_some(Value::Number(Number::Whole(more)))
            }
            (Value::Number(now), Some(Value::Number(before))) => {
                let more = now.to_f64() - before.to_f64();
                (more > 0.0).then_some(Value::Number(Number::Decimal(more)))
            }
            (Value::Distribution(now), Some(Value::Distribution(before))) => {
                let count = now.count.saturating_sub(before.count);
                if count == 0 {
                    return None;
                }
                let buckets = now.buckets.iter().zip(&before.buckets);
                Some(Value::Distribution(Distribution {
                    count,
                    sum: now.sum.map(|sum| sum - before.sum.unwrap_or(0.0)),
                    buckets: buckets.map(|(n, b)| n.saturating_sub(*b)).collect(),
                    // Of all values, not of those that came to it.
                    range: None,
                }))
            }
            _ => Some(self.clone()),
        }
    }
}

struct Point {
    attributes: Attributes,
    began: u64,
    now: u64,
    value: Value,
}

fn message(head: &Metric, kind: &Kind, delta: bool, points: Vec<Point>) -> Message {
    let temporality = if delta {
        AggregationTemporality::Delta
    } else {
        AggregationTemporality::Cumulative
    } as i32;
    let data = match kind {
        Kind::Counter | Kind::UpDownCounter => metric::Data::Sum(Sum {
            data_points: points.into_iter().map(number).collect(),
            aggregation_temporality: temporality,
            is_monotonic: matches!(kind, Kind::Counter),
        }),
        Kind::Gauge => metric::Data::Gauge(Gauge {
            // What is now has no beginning.
            data_points: points
                .into_iter()
                .map(|point| number(Point { began: 0, ..point }))
                .collect(),
        }),
        Kind::Histogram(bounds) => metric::Data::Histogram(Histogram {
            data_points: points
                .into_iter()
                .map(|p| distribution(p, bounds))
                .collect(),
            aggregation_temporality: temporality,
        }),
    };
    Message {
        name: head.name.clone(),
        description: head.help.to_owned(),
        unit: head.unit.to_owned(),
        data: Some(data),
        ..Message::default()
    }
}

fn number(point: Point) -> NumberDataPoint {
    use number_data_point::Value::{AsDouble, AsInt};
    let value = match point.value {
        Value::Number(Number::Whole(n)) => AsInt(i64::try_from(n).unwrap_or(i64::MAX)),
        Value::Number(Number::Decimal(n)) => AsDouble(n),
        Value::Distribution(d) => AsInt(i64::try_from(d.count).unwrap_or(i64::MAX)),
    };
    NumberDataPoint {
        attributes: attributes(&point.attributes),
        start_time_unix_nano: point.began,
        time_unix_nano: point.now,
        value: Some(value),
        ..NumberDataPoint::default()
    }
}

fn distribution(point: Point, bounds: &[f64]) -> HistogramDataPoint {
    let Value::Distribution(of) = point.value else {
        return HistogramDataPoint::default();
    };
    HistogramDataPoint {
        attributes: attributes(&point.attributes),
        start_time_unix_nano: point.began,
        time_unix_nano: point.now,
        count: of.count,
        sum: of.sum,
        bucket_counts: of.buckets,
        explicit_bounds: bounds.to_vec(),
        min: of.range.map(|(least, _)| least),
        max: of.range.map(|(_, greatest)| greatest),
        ..HistogramDataPoint::default()
    }
}

fn attributes(pairs: &Attributes) -> Vec<KeyValue> {
    pairs.iter().map(|(n, v)| attribute(n, v)).collect()
}

fn attribute(name: &str, value: &str) -> KeyValue {
    KeyValue {
        key: name.to_owned(),
        value: Some(AnyValue {
            value: Some(any_value::Value::StringValue(value.to_owned())),
        }),
        ..KeyValue::default()
    }
}

#[cfg(test)]
mod tests;
