//! The numbers of OpenID providers in the OpenMetrics text.
//!
//! Registered by `exposition`. What must stay true: reads atomics only.

use super::exposition::{Labels, counters, pairs};
use crate::openid::{OpenIdMetrics, Provider};
use prometheus_client::collector::Collector;
use prometheus_client::encoding::{DescriptorEncoder, EncodeMetric};
use prometheus_client::metrics::MetricType;
use prometheus_client::metrics::gauge::ConstGauge;
use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

#[derive(Debug)]
pub(super) struct Providers(Vec<(Box<str>, Arc<Provider>)>);

type Number = (&'static str, &'static str, fn(&Provider) -> &AtomicU64);

impl Providers {
    pub(super) fn read(metrics: &OpenIdMetrics) -> Providers {
        Providers(metrics.all())
    }

    fn sums(&self, number: fn(&Provider) -> &AtomicU64) -> BTreeMap<Labels, u64> {
        self.0
            .iter()
            .map(|(url, provider)| {
                let value = number(provider).load(Ordering::Relaxed);
                (pairs(&[("provider", url)]), value)
            })
            .collect()
    }
}

const COUNTERS: [Number; 2] = [
    (
        "openid_key_changes",
        "Fetches that brought other keys than before",
        |p| &p.changed,
    ),
    (
        "openid_fetches_withheld",
        "Unknown keys that were not looked for, because that was done too often",
        |p| &p.withheld,
    ),
];

const GAUGES: [Number; 2] = [
    ("openid_keys", "Keys of an OpenID provider", |p| &p.keys),
    (
        "openid_last_fetch_timestamp_seconds",
        "Unix time of the last good fetch; 0: none yet",
        |p| &p.last,
    ),
];

impl Collector for Providers {
    fn encode(&self, mut encoder: DescriptorEncoder<'_>) -> fmt::Result {
        let mut fetches = BTreeMap::new();
        for (url, provider) in &self.0 {
            for (result, value) in [("fetched", &provider.fetched), ("failed", &provider.failed)] {
                let labels = pairs(&[("provider", url), ("result", result)]);
                fetches.insert(labels, value.load(Ordering::Relaxed));
            }
        }
        let help = "Fetches of an OpenID provider's configuration and keys";
        counters(&mut encoder, "openid_fetches", help, &fetches)?;
        for (name, help, number) in COUNTERS {
            counters(&mut encoder, name, help, &self.sums(number))?;
        }
        for (name, help, number) in GAUGES {
            let mut family = encoder.encode_descriptor(name, help, None, MetricType::Gauge)?;
            for (labels, value) in self.sums(number) {
                let value = i64::try_from(value).unwrap_or(i64::MAX);
                ConstGauge::new(value).encode(family.encode_family(&labels)?)?;
            }
        }
        Ok(())
    }
}
