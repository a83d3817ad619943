//! Budgets when a gateway starts: what was spent, and child keys, out of the ledger.
//!
//! Called by `gateway` when the ledger is open and what was left open in it is settled, before the first request. What
//! must stay true: a ledger that cannot be read is told, and does not keep the gateway from starting.

use crate::health::Health;
use tollgate_engine::budget::Restore;
use tollgate_state::ledger::{Ledger, Period, Reader};

/// Restores what the ledger knows.
pub(crate) fn restore(ledger: &Ledger, health: &Health) {
    let snapshot = health.snapshots.current();
    let mut restore = Restore::new(&snapshot.budgets);
    if restore.is_needless() {
        return;
    }
    let now = health.clock.unix_millis();
    let period = Period {
        from_ms: restore.from_ms(now),
        to_ms: u64::MAX,
    };
    let read = ledger.read(period).and_then(|mut reader| {
        Reader::for_each(&mut reader, |record| {
            restore.take(record);
            true
        })
    });
    if let Err(error) = read {
        tracing::error!(%error, "not all that budgets have spent could be read");
        health.degrade(
            "budgets",
            &format!("what was spent could not be read: {error}"),
        );
    }
    let restored = restore.finish(&health.budgets, now);
    tracing::info!(
        accounts = restored.accounts,
        child_keys = restored.keys,
        "budgets go on where they were"
    );
}
