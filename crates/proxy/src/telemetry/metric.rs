//! A metric as it stands at one time: name, unit, and a point for each series. What `/metrics` and OTLP both show.
//!
//! Made by this folder's other modules, written by `exposition` (OpenMetrics) and `otlp` (protocol buffers). What must
//! stay true: names, units and attributes are OpenTelemetry's; Prometheus' are derived from them by the rules of its
//! specification ("Prometheus and OpenMetrics Compatibility").

use std::borrow::Cow;
use std::collections::BTreeMap;
use tollgate_lang::value::Str;

/// Attributes by their OpenTelemetry names.
pub(crate) type Attributes = Vec<(String, String)>;

/// One metric.
#[derive(Clone, Debug)]
pub(crate) struct Metric {
    /// Instrumentation scope; empty: the gateway's own.
    pub(crate) scope: String,
    /// Its name, dotted.
    pub(crate) name: String,
    /// What it is.
    pub(crate) help: &'static str,
    /// Unit in UCUM's notation; empty: none.
    pub(crate) unit: &'static str,
    /// Its series.
    pub(crate) points: Points,
}

/// Series by attributes.
#[derive(Clone, Debug)]
pub(crate) enum Points {
    /// Sums that only grow.
    Counter(Vec<(Attributes, Number)>),
    /// Sums that may also shrink.
    UpDownCounter(Vec<(Attributes, Number)>),
    /// What is now.
    Gauge(Vec<(Attributes, Number)>),
    /// Distributions over the same buckets, by their upper bounds.
    Histogram(Cow<'static, [f64]>, Vec<(Attributes, Distribution)>),
}

/// A value.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Number {
    Whole(u64),
    Decimal(f64),
}

impl Number {
    /// As a double.
    #[expect(clippy::cast_precision_loss, reason = "a metric of doubles")]
    pub(crate) fn to_f64(self) -> f64 {
        match self {
            Number::Whole(number) => number as f64,
            Number::Decimal(number) => number,
        }
    }
}

/// A distribution.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Distribution {
    pub(crate) count: u64,
    /// `None` where values were negative, for which the sum of a histogram is not defined.
    pub(crate) sum: Option<f64>,
    /// One more than there are bounds: the last has none. Empty where nothing is known but count and sum.
    pub(crate) buckets: Vec<u64>,
    /// The least and the greatest value, where they are kept.
    pub(crate) range: Option<(f64, f64)>,
}

/// The prefix of the gateway's own names.
const OWN: &str = "tollgate.";

impl Metric {
    /// One of the gateway's own; `name` without `tollgate.`.
    pub(crate) fn own(
        name: &'static str,
        unit: &'static str,
        help: &'static str,
        points: Points,
    ) -> Metric {
        Metric {
            scope: String::new(),
            name: format!("{OWN}{name}"),
            help,
            unit,
            points,
        }
    }

    /// A counter of the gateway's own.
    pub(crate) fn counter(
        name: &'static str,
        unit: &'static str,
        help: &'static str,
        values: BTreeMap<Attributes, u64>,
    ) -> Metric {
        let values = values.into_iter();
        let values = values.map(|(attributes, value)| (attributes, Number::Whole(value)));
        Metric::own(name, unit, help, Points::Counter(values.collect()))
    }

    /// A counter with a single series.
    pub(crate) fn single(
        name: &'static str,
        unit: &'static str,
        help: &'static str,
        value: Number,
    ) -> Metric {
        Metric::own(name, unit, help, Points::Counter(vec![(Vec::new(), value)]))
    }

    /// A gauge with a single series.
    pub(crate) fn gauge(
        name: &'static str,
        unit: &'static str,
        help: &'static str,
        value: u64,
    ) -> Metric {
        let points = vec![(Vec::new(), Number::Whole(value))];
        Metric::own(name, unit, help, Points::Gauge(points))
    }

    /// Its name for Prometheus, without the `_total` of counters, which the text's writer adds.
    pub(crate) fn prometheus_name(&self) -> String {
        let mut name: String = self
            .name
            .chars()
            .map(|c| if c.is_ascii_alphanumeric() { c } else { '_' })
            .collect();
        // A unit in braces is an annotation, and no part of the name.
        let unit = match self.unit {
            "s" => "seconds",
            "By" => "bytes",
            _ => return name,
        };
        let there = name.strip_suffix(unit);
        if there.is_none_or(|rest| !rest.ends_with('_')) {
            name.push('_');
            name.push_str(unit);
        }
        name
    }
}

/// Attributes out of pairs.
pub(super) fn pairs(attributes: &[(&str, &str)]) -> Attributes {
    let owned = |(name, value): &(&str, &str)| ((*name).to_owned(), (*value).to_owned());
    attributes.iter().map(owned).collect()
}

/// A policy's dimensions behind other attributes. A name that is taken gets underscores behind it.
pub(super) fn with_dimensions(mut attributes: Attributes, dimensions: &[(Str, Str)]) -> Attributes {
    for (name, value) in dimensions {
        push_distinct(&mut attributes, name.to_string(), value.to_string());
    }
    attributes
}

fn push_distinct(attributes: &mut Attributes, mut name: String, value: String) {
    while attributes.iter().any(|(taken, _)| *taken == name) {
        name.push('_');
    }
    attributes.push((name, value));
}

/// Attributes as Prometheus' labels. Dimensions have free names (`User ID`), labels have not.
pub(super) fn labels(attributes: &Attributes) -> Attributes {
    let mut labels = Attributes::with_capacity(attributes.len());
    for (name, value) in attributes {
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
        push_distinct(&mut labels, label, value.clone());
    }
    labels
}

#[cfg(test)]
mod tests;
