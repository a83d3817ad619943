//! The snapshot in force, and what is known of its loading.
//!
//! `control` publishes, each data-plane thread reads through its own cache. What must stay true: a request keeps the
//! snapshot that it began with; a refused reload changes nothing but what `/readyz` and the metrics say.

use arc_swap::ArcSwap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::SystemTime;
use tokio::sync::watch;
use tollgate_engine::Snapshot;

/// Shared handle of the snapshot in force.
#[derive(Clone)]
pub struct SnapshotHandle(Arc<Inner>);

struct Inner {
    current: Arc<ArcSwap<Snapshot>>,
    generation: AtomicU64,
    refused: AtomicU64,
    status: Mutex<Status>,
    published: watch::Sender<()>,
}

#[derive(Clone)]
struct Status {
    loaded: SystemTime,
    last_refusal: Option<String>,
}

/// What is known of loading.
#[derive(Clone, Debug)]
pub(crate) struct Loading {
    pub(crate) generation: u64,
    pub(crate) loaded: SystemTime,
    pub(crate) refused: u64,
    /// Why the last reload was refused, while it stands.
    pub(crate) last_refusal: Option<String>,
}

impl SnapshotHandle {
    /// The first snapshot: generation 1.
    pub fn new(snapshot: Arc<Snapshot>) -> SnapshotHandle {
        SnapshotHandle(Arc::new(Inner {
            current: Arc::new(ArcSwap::new(snapshot)),
            generation: AtomicU64::new(1),
            refused: AtomicU64::new(0),
            published: watch::channel(()).0,
            status: Mutex::new(Status {
                loaded: SystemTime::now(),
                last_refusal: None,
            }),
        }))
    }

    /// Puts a new snapshot in force for requests that begin from now on; its circuit breakers go on where those of the
    /// running one are. Gives its generation.
    pub fn publish(&self, snapshot: Arc<Snapshot>) -> u64 {
        snapshot.inherit(&self.current());
        self.0.current.store(snapshot);
        *self.status() = Status {
            loaded: SystemTime::now(),
            last_refusal: None,
        };
        let generation = self.0.generation.fetch_add(1, Ordering::Relaxed) + 1;
        self.0.published.send_replace(());
        generation
    }

    /// Notes that a reload was refused; `why` appears in `/readyz`.
    pub fn refuse(&self, why: impl Into<String>) {
        self.0.refused.fetch_add(1, Ordering::Relaxed);
        self.status().last_refusal = Some(why.into());
    }

    /// The snapshot in force.
    pub fn current(&self) -> Arc<Snapshot> {
        self.0.current.load_full()
    }

    /// Its number: 1 for the first.
    pub fn generation(&self) -> u64 {
        self.0.generation.load(Ordering::Relaxed)
    }

    /// Wakes at every publication from now on.
    pub(crate) fn published(&self) -> watch::Receiver<()> {
        self.0.published.subscribe()
    }

    /// For a thread's own cache.
    pub(crate) fn swap(&self) -> Arc<ArcSwap<Snapshot>> {
        self.0.current.clone()
    }

    pub(crate) fn loading(&self) -> Loading {
        let status = self.status().clone();
        Loading {
            generation: self.generation(),
            loaded: status.loaded,
            refused: self.0.refused.load(Ordering::Relaxed),
            last_refusal: status.last_refusal,
        }
    }

    fn status(&self) -> std::sync::MutexGuard<'_, Status> {
        self.0.status.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
