//! What a running ledger counts of itself, for `/metrics`, and whom it tells when writing begins to fail.

use std::io;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;

/// Told when the ledger cannot be written, and when it can again. Called on the thread that noticed; must not wait.
pub trait Observer: Send + Sync {
    /// Writing fails.
    fn failing(&self, why: &str);

    /// Writing works again.
    fn recovered(&self);
}

/// Nobody is told.
impl Observer for () {
    fn failing(&self, _why: &str) {}
    fn recovered(&self) {}
}

/// Counts since the start of the process.
#[derive(Debug, Default)]
pub struct Numbers {
    pub(super) records: AtomicU64,
    pub(super) bytes: AtomicU64,
    pub(super) segments: AtomicU64,
    pub(super) failures: AtomicU64,
    pub(super) queued: AtomicU64,
    pub(super) lost: AtomicU64,
    pub(super) refused: AtomicU64,
    pub(super) unrecorded: AtomicU64,
    pub(super) syncs: AtomicU64,
    pub(super) sync_failures: AtomicU64,
    pub(super) sync_nanos: AtomicU64,
    pub(super) unsynced: AtomicU64,
    pub(super) crashed: AtomicU64,
    pub(super) removed_days: AtomicU64,
    /// Whether the last write, and the last group commit, failed.
    failing: [AtomicBool; 2],
}

/// The same at one moment.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counted {
    /// Records written.
    pub records: u64,
    /// Their bytes, with frames.
    pub bytes: u64,
    /// Segments begun.
    pub segments: u64,
    /// Writes that failed.
    pub failures: u64,
    /// Settlements that wait in memory to be written. Not a count but the number now.
    pub queued: u64,
    /// Settlements that were dropped, since too many waited.
    pub lost: u64,
    /// Calls that were refused, since their intents could not be written.
    pub refused: u64,
    /// Calls that went on without an intent that would survive.
    pub unrecorded: u64,
    /// Group commits.
    pub syncs: u64,
    /// Group commits that failed.
    pub sync_failures: u64,
    /// How long the group commits took together.
    pub sync_time: Duration,
    /// Bytes that no group commit has covered yet. Not a count but the number at the last one.
    pub unsynced: u64,
    /// Calls of earlier processes that were settled at start as `gateway_crash`.
    pub crashed: u64,
    /// Day folders that retention has removed.
    pub removed_days: u64,
}

pub(super) fn count(number: &AtomicU64, by: u64) {
    number.fetch_add(by, Ordering::Relaxed);
}

impl Numbers {
    /// As they are now.
    #[must_use]
    pub fn read(&self) -> Counted {
        let read = |number: &AtomicU64| number.load(Ordering::Relaxed);
        Counted {
            records: read(&self.records),
            bytes: read(&self.bytes),
            segments: read(&self.segments),
            failures: read(&self.failures),
            queued: read(&self.queued),
            lost: read(&self.lost),
            refused: read(&self.refused),
            unrecorded: read(&self.unrecorded),
            syncs: read(&self.syncs),
            sync_failures: read(&self.sync_failures),
            sync_time: Duration::from_nanos(read(&self.sync_nanos)),
            unsynced: read(&self.unsynced),
            crashed: read(&self.crashed),
            removed_days: read(&self.removed_days),
        }
    }

    /// Whether the last write, or the last group commit, failed.
    #[must_use]
    pub fn is_failing(&self) -> bool {
        self.failing.iter().any(|f| f.load(Ordering::Relaxed))
    }

    /// Notes what came of a write or a commit, whoever's: what fails for one of them fails for all as a rule, and one of
    /// them that is idle cannot tell that it works again.
    pub(super) fn note(
        &self,
        what: What,
        outcome: Result<(), &io::Error>,
        observer: &dyn Observer,
    ) {
        let failing = &self.failing[what as usize];
        match outcome {
            Ok(()) => {
                if failing.load(Ordering::Relaxed)
                    && failing.swap(false, Ordering::Relaxed)
                    && !self.is_failing()
                {
                    observer.recovered();
                }
            }
            Err(error) => {
                let number = match what {
                    What::Write => &self.failures,
                    What::Commit => &self.sync_failures,
                };
                count(number, 1);
                if !failing.swap(true, Ordering::Relaxed) {
                    observer.failing(&error.to_string());
                }
            }
        }
    }
}

/// What can fail.
#[derive(Clone, Copy, Debug)]
pub(super) enum What {
    Write = 0,
    Commit = 1,
}
