//! The ledger of a running gateway: opened before the first request, one writer for each thread, its troubles told.
//!
//! Called by `gateway` and `thread`. What must stay true: calls that an earlier process left open are settled before new
//! ones come; a ledger that cannot be written shows in `/readyz`, in the log and in metrics.

use crate::config::{LedgerConfig, ProxyConfig};
use crate::health::Health;
use std::rc::Rc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Weak};
use tollgate_engine::accounting::{self, OnFailure};
use tollgate_state::ledger::{Ledger, Observer, OpenError, Options, WallClock};

/// Name of the part in `/readyz`.
const PART: &str = "ledger";

/// Opens the ledger and settles what earlier processes left open.
pub(crate) fn open(config: &LedgerConfig, health: &Arc<Health>) -> Result<Arc<Ledger>, OpenError> {
    let clock = health.clock.clone();
    let clock: WallClock = Arc::new(move || clock.unix_millis());
    let observer = Arc::new(Told {
        health: Arc::downgrade(health),
        on_failure: config.calls.on_failure,
        told: Default::default(),
    });
    let options = Options {
        retention_days: config.retention_days,
        sync_interval: config.sync_interval,
    };
    let ledger = Ledger::open(&config.folder, &options, clock.clone(), observer)?;
    let snapshot = health.snapshots.current();
    match ledger.recover(|intent| accounting::crashed(intent, &snapshot.prices, clock())) {
        Ok(recovered) => {
            let damage = recovered.damage;
            if recovered.calls > 0 {
                tracing::warn!(
                    calls = recovered.calls,
                    "calls that an earlier process left open are settled as gateway_crash"
                );
            }
            if damage.places + damage.segments > 0 {
                tracing::warn!(
                    segments = damage.segments,
                    places = damage.places,
                    bytes = damage.bytes,
                    "parts of the ledger were torn and are passed over"
                );
            }
        }
        Err(error) => {
            // The next start tries again.
            tracing::error!(%error, "calls that an earlier process left open could not be settled");
            health.degrade("ledger recovery", &error.to_string());
        }
    }
    Ok(ledger)
}

/// A thread's access to it.
pub(crate) fn of_thread(config: &ProxyConfig, health: &Health) -> Option<Rc<accounting::Ledger>> {
    let (ledger, config) = (health.ledger.get()?, config.ledger.as_ref()?);
    let writer = ledger.writer();
    Some(Rc::new(accounting::Ledger::new(
        writer,
        config.calls.clone(),
    )))
}

/// Tells what the ledger notices.
struct Told {
    health: Weak<Health>,
    on_failure: OnFailure,
    /// Unix seconds of the last lines in the log: of what fails and works by turns, one a second is enough.
    told: [AtomicU64; 2],
}

impl Told {
    /// Whether a line of a kind is due.
    fn is_due(&self, kind: usize) -> bool {
        let now = self
            .health
            .upgrade()
            .map_or(0, |h| h.clock.unix_millis() / 1000);
        self.told[kind].swap(now, Ordering::Relaxed) != now
    }
}

impl Observer for Told {
    fn failing(&self, why: &str) {
        let then = match self.on_failure {
            OnFailure::Refuse => "model calls are refused",
            OnFailure::Degrade => "model calls go on without it",
        };
        if self.is_due(0) {
            tracing::error!("the ledger cannot be written, {then}: {why}");
        }
        if let Some(health) = self.health.upgrade() {
            health.degrade(PART, &format!("{why}; {then}"));
        }
    }

    fn recovered(&self) {
        if self.is_due(1) {
            tracing::info!("the ledger can be written again");
        }
        if let Some(health) = self.health.upgrade() {
            health.recover(PART);
        }
    }
}
