//! What the gateway knows of itself: alive, ready, degraded, and the numbers that no request owns.
//!
//! Read by `/readyz` and `/metrics`; degraded parts report here. What must stay true: degraded is visible, and not the
//! same as not ready.

use crate::debug::Debug;
use crate::notifications::Posts;
use crate::openid::OpenIdMetrics;
use crate::otlp::Exports;
use crate::recording::Recorder;
use crate::snapshots::SnapshotHandle;
use crate::telemetry::Metrics;
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, AtomicI64, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, OnceLock, PoisonError};
use std::time::{SystemTime, UNIX_EPOCH};
use tollgate_engine::budget::BudgetState;
use tollgate_engine::circuit_breaker::Phase;
use tollgate_engine::clock::Clock;
use tollgate_engine::graphql::events::Events;
use tollgate_state::ledger::Ledger;

/// Shared by all threads and the management listener.
pub struct Health {
    pub(crate) snapshots: SnapshotHandle,
    pub(crate) metrics: Metrics,
    pub(crate) openid: OpenIdMetrics,
    pub(crate) debug: Debug,
    /// Set before the first thread starts, when traffic is recorded.
    pub(crate) recorder: OnceLock<Arc<Recorder>>,
    /// Set before the first thread starts, when a ledger is kept.
    pub(crate) ledger: OnceLock<Arc<Ledger>>,
    /// Its folder: the gateway's own data lie there.
    pub(crate) data_folder: OnceLock<PathBuf>,
    /// Set before the first thread starts, when metrics are exported.
    pub(crate) exports: OnceLock<Exports>,
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) budgets: Arc<BudgetState>,
    pub(crate) graphql_events: Arc<Events>,
    pub(crate) posts: Posts,
    /// Monthly statements that were posted, and those that nobody took in time.
    pub(crate) statements: [AtomicU64; 2],
    pub(crate) connections: AtomicI64,
    pub(crate) connections_refused: AtomicU64,
    pub(crate) upstream_connections: Arc<AtomicI64>,
    draining: AtomicBool,
    degraded: Mutex<BTreeMap<String, String>>,
}

impl Health {
    pub(crate) fn new(
        snapshots: SnapshotHandle,
        max_series: usize,
        clock: Arc<dyn Clock>,
        budgets: Arc<BudgetState>,
    ) -> Health {
        Health {
            metrics: Metrics::new(max_series),
            openid: OpenIdMetrics::default(),
            debug: Debug::default(),
            recorder: OnceLock::new(),
            ledger: OnceLock::new(),
            data_folder: OnceLock::new(),
            exports: OnceLock::new(),
            snapshots,
            clock,
            budgets,
            graphql_events: Arc::default(),
            posts: Posts::default(),
            statements: Default::default(),
            connections: AtomicI64::new(0),
            connections_refused: AtomicU64::new(0),
            upstream_connections: Arc::default(),
            draining: AtomicBool::new(false),
            degraded: Mutex::default(),
        }
    }

    /// Counts a monthly statement: delivered, or that nobody took it in time.
    pub fn count_statement(&self, delivered: bool) {
        self.statements[usize::from(!delivered)].fetch_add(1, Ordering::Relaxed);
    }

    /// Notes that a part works with its fallback; `why` appears in `/readyz` until [`Health::recover`].
    pub fn degrade(&self, part: &str, why: &str) {
        self.parts().insert(part.to_owned(), why.to_owned());
    }

    /// The part works again.
    pub fn recover(&self, part: &str) {
        self.parts().remove(part);
    }

    pub(crate) fn drain(&self) {
        self.draining.store(true, Ordering::Relaxed);
    }

    pub(crate) fn is_draining(&self) -> bool {
        self.draining.load(Ordering::Relaxed)
    }

    pub(crate) fn degraded_parts(&self) -> usize {
        self.parts().len()
    }

    /// Whether new requests are welcome, and the details. `operator`: also which backends are not to be called.
    pub(crate) fn ready(&self, operator: bool) -> (bool, String) {
        let loading = self.snapshots.loading();
        let loaded = loading
            .loaded
            .duration_since(UNIX_EPOCH)
            .map_or(0, |d| d.as_secs());
        let age = SystemTime::now()
            .duration_since(loading.loaded)
            .map_or(0, |d| d.as_secs());
        let draining = self.is_draining();
        let mut detail = json!({
            "status": if draining { "draining" } else { "ready" },
            "draining": draining,
            "configuration": {
                "generation": loading.generation,
                "loadedUnixSeconds": loaded,
                "ageSeconds": age,
                "refusedReloads": loading.refused,
                "lastRefusal": loading.last_refusal,
            },
            "degraded": *self.parts(),
            "connections": self.connections.load(Ordering::Relaxed),
        });
        if operator {
            let snapshot = self.snapshots.current();
            let breakers: serde_json::Map<String, Value> =
                crate::backends::breakers(&snapshot, &*self.clock)
                    .into_iter()
                    .filter(|(_, phase)| *phase != Phase::Closed)
                    .map(|(backend, phase)| (backend.id.to_string(), Value::from(phase.as_str())))
                    .collect();
            detail["circuitBreakers"] = Value::Object(breakers);
        }
        (!draining, detail.to_string())
    }

    fn parts(&self) -> std::sync::MutexGuard<'_, BTreeMap<String, String>> {
        self.degraded.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
