//! What `/metrics` tells of OpenID providers.
//!
//! Written by the providers' tasks, read by `telemetry`. What must stay true: there are as many series as providers
//! that are kept, which are bounded; one that is forgotten takes its series along.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

/// Numbers of all providers, by URL.
#[derive(Default)]
pub(crate) struct OpenIdMetrics(Mutex<BTreeMap<Box<str>, Arc<Provider>>>);

/// Numbers of one provider.
#[derive(Debug, Default)]
pub(crate) struct Provider {
    pub(crate) fetched: AtomicU64,
    pub(crate) failed: AtomicU64,
    /// How often its keys have changed.
    pub(crate) changed: AtomicU64,
    /// Unknown keys that were not looked for, because that was done too often.
    pub(crate) withheld: AtomicU64,
    /// Keys that are known.
    pub(crate) keys: AtomicU64,
    /// Unix seconds of the last good fetch.
    pub(crate) last: AtomicU64,
}

impl OpenIdMetrics {
    pub(super) fn provider(&self, url: &str) -> Arc<Provider> {
        let mut all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        all.entry(Box::from(url)).or_default().clone()
    }

    pub(super) fn forget(&self, url: &str) {
        let mut all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        all.remove(url);
    }

    pub(crate) fn all(&self) -> Vec<(Box<str>, Arc<Provider>)> {
        let all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        all.iter().map(|(u, p)| (u.clone(), p.clone())).collect()
    }
}

impl Provider {
    pub(super) fn fetched(&self, now: u64, keys: usize) {
        self.fetched.fetch_add(1, Ordering::Relaxed);
        self.keys.store(keys as u64, Ordering::Relaxed);
        self.last.store(now, Ordering::Relaxed);
    }

    pub(super) fn failed(&self) {
        self.failed.fetch_add(1, Ordering::Relaxed);
    }

    pub(super) fn changed(&self) {
        self.changed.fetch_add(1, Ordering::Relaxed);
    }

    pub(super) fn withheld(&self) {
        self.withheld.fetch_add(1, Ordering::Relaxed);
    }

    pub(super) fn lost(&self) {
        self.keys.store(0, Ordering::Relaxed);
    }
}
