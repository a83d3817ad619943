//! Metrics, access records and traces of policies: the engine's `Telemetry`, one for each thread.
//!
//! A thread counts into its own shard with plain stores; a scrape adds the shards up. What must stay true: a request
//! finds its series by indexes of its snapshot, labels are made once for each series; series are bounded, what is
//! above the bound counts as `overflow`; keys and queries are never written.

mod access_log;
mod backends;
mod budgets;
mod custom;
mod exposition;
mod gen_ai;
mod ledger;
mod loggers;
mod mcp;
pub(crate) mod metric;
mod openid;
mod overflow;
mod requests;
mod shard;
mod tokens;

pub(crate) use exposition::exposition;

use crate::health::Health;
use http::StatusCode;
use metric::Metric;
use overflow::Overflows;
use shard::Shard;
use std::sync::{Arc, Mutex, PoisonError};
use tollgate_engine::circuit_breaker::Transition;
use tollgate_engine::clock::Clock;
use tollgate_engine::services::{Telemetry, TraceSeverity};
use tollgate_engine::settle::Record;
use tollgate_lang::value::Str;
use tollgate_llm::usage::Usage;

/// All shards.
pub(crate) struct Metrics {
    shards: Mutex<Vec<Arc<Shard>>>,
    max_series: usize,
    overflows: Arc<Overflows>,
}

impl Metrics {
    pub(crate) fn new(max_series: usize) -> Metrics {
        Metrics {
            shards: Mutex::default(),
            max_series,
            overflows: Arc::default(),
        }
    }

    fn shards(&self) -> Vec<Arc<Shard>> {
        self.shards
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .clone()
    }
}

/// What Prometheus and OTLP show alike.
fn metrics(health: &Health, shards: &[Arc<Shard>]) -> Vec<Metric> {
    let mut metrics = requests::metrics(shards);
    metrics.extend(requests::gateway(health));
    metrics.extend(backends::metrics(health, shards));
    metrics.push(mcp::metric(shards));
    metrics.push(loggers::metric(shards));
    metrics.extend(openid::metrics(&health.openid));
    metrics.extend(budgets::BudgetNumbers::read(health).metrics());
    metrics.extend(ledger::metrics(health));
    metrics.push(health.metrics.overflows.metric());
    metrics.extend(gen_ai::metrics(shards));
    metrics
}

/// All metrics as OTLP shows them: those of policies under their own names and namespaces.
pub(crate) fn for_otlp(health: &Health) -> Vec<Metric> {
    let shards = health.metrics.shards();
    let mut metrics = metrics(health, &shards);
    metrics.extend(tokens::otlp(&shards));
    metrics.extend(custom::otlp(&shards));
    metrics
}

/// The telemetry of one thread.
pub(crate) struct ThreadTelemetry {
    shard: Arc<Shard>,
    clock: Arc<dyn Clock>,
    access_log: bool,
}

impl ThreadTelemetry {
    /// With a shard of its own.
    pub(crate) fn new(
        metrics: &Metrics,
        clock: Arc<dyn Clock>,
        access_log: bool,
    ) -> ThreadTelemetry {
        let shard = Arc::new(Shard::new(metrics.max_series, metrics.overflows.clone()));
        metrics
            .shards
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .push(shard.clone());
        ThreadTelemetry {
            shard,
            clock,
            access_log,
        }
    }

    /// A request goes to the engine.
    pub(crate) fn begun(&self) {
        shard::add(&self.shard.begun, 1);
    }

    /// A request was refused before an exchange was made for it.
    pub(crate) fn refused(&self, status: StatusCode) {
        self.shard.refused(status.as_u16());
    }
}

impl Telemetry for ThreadTelemetry {
    fn settled(&self, record: &Record<'_>) {
        self.shard.settled(record);
        if self.access_log {
            access_log::write(record);
        }
    }

    fn circuit_breaker(&self, backend: &Str, transition: &Transition) {
        self.shard.breaker_changed(backend, transition.to);
        backends::log(backend, transition, &*self.clock);
    }

    fn backend_inactive(&self, backend: &Str) {
        self.shard.backend_inactive(backend);
    }

    fn token_metric(&self, namespace: &str, dimensions: &[(Str, Str)], usage: &Usage) {
        self.shard.tokens(namespace, dimensions, usage);
    }

    fn metric(&self, namespace: &Str, name: &Str, value: f64, dimensions: &[(Str, Str)]) {
        self.shard.metric(namespace, name, value, dimensions);
    }

    fn events_dropped(&self, logger: &Str, events: usize) {
        self.shard.events_dropped(logger, events);
    }

    fn trace(
        &self,
        request_id: u128,
        source: &str,
        severity: TraceSeverity,
        message: &str,
        metadata: &[(Str, Str)],
    ) {
        access_log::trace(request_id, source, severity, message, metadata);
    }
}
