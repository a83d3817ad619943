//! The numbers of OpenID providers.
//!
//! What must stay true: reads atomics only.

use super::metric::{Attributes, Metric, Number, Points, pairs};
use crate::openid::{OpenIdMetrics, Provider};
use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU64, Ordering};

/// Name, unit, help and value.
type Row = (
    &'static str,
    &'static str,
    &'static str,
    fn(&Provider) -> &AtomicU64,
);

const COUNTERS: [Row; 2] = [
    (
        "openid.key_changes",
        "{fetch}",
        "Fetches that brought other keys than before",
        |p| &p.changed,
    ),
    (
        "openid.fetches_withheld",
        "{fetch}",
        "Unknown keys that were not looked for, because that was done too often",
        |p| &p.withheld,
    ),
];

const GAUGES: [Row; 2] = [
    ("openid.keys", "{key}", "Keys of an OpenID provider", |p| {
        &p.keys
    }),
    (
        "openid.last_fetch.timestamp",
        "s",
        "Unix time of the last good fetch; 0: none yet",
        |p| &p.last,
    ),
];

/// Fetches, keys and their changes, by provider.
pub(super) fn metrics(metrics: &OpenIdMetrics) -> Vec<Metric> {
    let providers = metrics.all();
    let mut fetches = BTreeMap::new();
    for (url, provider) in &providers {
        for (result, value) in [("fetched", &provider.fetched), ("failed", &provider.failed)] {
            let labels = pairs(&[("provider", url), ("result", result)]);
            fetches.insert(labels, value.load(Ordering::Relaxed));
        }
    }
    let help = "Fetches of an OpenID provider's configuration and keys";
    let mut all = vec![Metric::counter("openid.fetches", "{fetch}", help, fetches)];
    let values = |number: fn(&Provider) -> &AtomicU64| -> Vec<(Attributes, Number)> {
        let values = providers.iter().map(|(url, provider)| {
            let value = number(provider).load(Ordering::Relaxed);
            (pairs(&[("provider", url)]), Number::Whole(value))
        });
        values.collect()
    };
    for (name, unit, help, number) in COUNTERS {
        let points = Points::Counter(values(number));
        all.push(Metric::own(name, unit, help, points));
    }
    for (name, unit, help, number) in GAUGES {
        let points = Points::Gauge(values(number));
        all.push(Metric::own(name, unit, help, points));
    }
    all
}
