//! What found no series of its own, by metric: counted, and said once in the log.
//!
//! Shared by all threads' shards. What must stay true: written only when a bound is reached, so that the threads do not
//! meet here in ordinary work.

use super::metric::{Metric, pairs};
use std::sync::atomic::{AtomicU64, Ordering};

/// Metrics whose labels may come out of requests.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Bounded {
    /// Those of `llm-emit-token-metric`.
    Tokens,
    /// Those of `emit-metric`.
    Custom,
    /// OpenTelemetry's of model calls.
    GenAi,
    /// Calls without a price.
    Unpriced,
}

const NAMES: [&str; 4] = ["llm", "custom_metric", "gen_ai", "llm_unpriced_calls"];

/// Values counted in an overflow series.
#[derive(Debug, Default)]
pub(crate) struct Overflows([AtomicU64; NAMES.len()]);

impl Overflows {
    /// Counts one; the first of a metric is a warning in the log.
    pub(crate) fn count(&self, metric: Bounded) {
        let at = metric as usize;
        if self.0[at].fetch_add(1, Ordering::Relaxed) == 0 {
            tracing::warn!(
                target: "tollgate::metrics",
                metric = NAMES[at],
                "A metric has as many series as `limits.metricSeries` allows. More are counted with the label \
                 `overflow`: use dimensions with fewer values, or raise the limit."
            );
        }
    }

    /// How many of a metric.
    #[cfg(test)]
    pub(crate) fn of(&self, metric: Bounded) -> u64 {
        self.0[metric as usize].load(Ordering::Relaxed)
    }

    /// All metrics' numbers.
    pub(super) fn metric(&self) -> Metric {
        let counts = NAMES.iter().zip(&self.0);
        let counts = counts.map(|(name, count)| {
            let labels = pairs(&[("metric", name)]);
            (labels, count.load(Ordering::Relaxed))
        });
        Metric::counter(
            "metric.series_overflow",
            "{value}",
            "Values counted in an overflow series, by the metrics that were full",
            counts.collect(),
        )
    }
}
