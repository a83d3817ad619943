//! A ledger that is written: its folder, its group commit, its recovery, a writer for each thread.
//!
//! Opened by `proxy` at start, before the first request. What must stay true: nothing here is on a request's way but
//! the writers; when this is dropped, all that was written is on the disk.

use super::days::Period;
use super::folder::{Folder, OpenError};
use super::numbers::{Counted, Numbers, Observer, count};
use super::reader::{Damage, Reader};
use super::record::{Intent, Record, Settlement};
use super::recovery;
use super::retention::Retention;
use super::sync::Commits;
use super::writer::Writer;
use std::fmt;
use std::io;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicU16, Ordering};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

/// Tells the wall clock, Unix milliseconds.
pub type WallClock = Arc<dyn Fn() -> u64 + Send + Sync>;

/// How a ledger is kept.
#[derive(Clone, Debug)]
pub struct Options {
    /// Days that are kept beside today; `None`: all.
    pub retention_days: Option<u32>,
    /// Longest time between two group commits while something is written.
    pub sync_interval: Duration,
}

impl Default for Options {
    fn default() -> Options {
        Options {
            retention_days: None,
            sync_interval: Duration::from_secs(1),
        }
    }
}

/// What a recovery did.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Recovered {
    /// Calls that were settled.
    pub calls: u64,
    /// What could not be read of the segments that were looked at: the torn end of a segment that a crash cut is usual.
    pub damage: Damage,
}

/// A ledger that is written.
pub struct Ledger {
    folder: Arc<Folder>,
    commits: Arc<Commits>,
    numbers: Arc<Numbers>,
    observer: Arc<dyn Observer>,
    clock: WallClock,
    threads: AtomicU16,
    committing: Option<JoinHandle<()>>,
}

impl fmt::Debug for Ledger {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Ledger")
            .field("folder", &self.folder.path())
            .finish_non_exhaustive()
    }
}

impl Ledger {
    /// Takes the folder and starts the group commit. Call [`Ledger::recover`] before the first writer is used.
    ///
    /// # Errors
    /// [`OpenError`]: another process writes there, or the folder cannot be made.
    pub fn open(
        path: &Path,
        options: &Options,
        clock: WallClock,
        observer: Arc<dyn Observer>,
    ) -> Result<Arc<Ledger>, OpenError> {
        let folder = Arc::new(Folder::open(path, clock())?);
        let mut ledger = Ledger {
            folder,
            commits: Arc::default(),
            numbers: Arc::default(),
            observer,
            clock,
            threads: AtomicU16::new(0),
            committing: None,
        };
        let thread = ledger.committing(options);
        ledger.committing =
            Some(thread.map_err(|error| OpenError::Io(ledger.folder.path().to_owned(), error))?);
        Ok(Arc::new(ledger))
    }

    fn committing(&self, options: &Options) -> io::Result<JoinHandle<()>> {
        let (commits, numbers) = (self.commits.clone(), self.numbers.clone());
        let (observer, clock) = (self.observer.clone(), self.clock.clone());
        let folder = self.folder.path().to_owned();
        let mut retention = options
            .retention_days
            .map(|days| Retention::new(days, Instant::now(), clock()));
        let interval = options.sync_interval;
        std::thread::Builder::new()
            .name(String::from("ledger"))
            .spawn(move || {
                commits.run(interval, &numbers, &*observer, || {
                    if let Some(retention) = &mut retention {
                        retention.sweep(&folder, Instant::now(), clock(), &numbers);
                    }
                });
            })
    }

    /// Where it is.
    #[must_use]
    pub fn path(&self) -> &Path {
        self.folder.path()
    }

    /// A writer for one thread.
    #[must_use]
    pub fn writer(&self) -> Writer {
        self.numbered(self.threads.fetch_add(1, Ordering::Relaxed))
    }

    #[cfg(test)]
    pub(super) fn numbered_for_tests(&self) -> Writer {
        self.numbered(recovery::THREAD)
    }

    fn numbered(&self, thread: u16) -> Writer {
        Writer::committed(
            self.folder.clone(),
            thread,
            self.commits.clone(),
            self.numbers.clone(),
            self.observer.clone(),
        )
    }

    /// Settles, with what `settle` makes of each, the calls that earlier processes admitted and did not settle.
    ///
    /// # Errors
    /// The files'. Nothing is lost then: the next start tries again.
    pub fn recover(
        &self,
        mut settle: impl FnMut(Intent<'static>) -> Settlement<'static>,
    ) -> io::Result<Recovered> {
        let left = recovery::open_calls(self.folder.path(), self.folder.process())?;
        let mut writer = self.numbered(recovery::THREAD);
        let mut calls = 0;
        for intent in left.open {
            writer.write(&Record::Settlement(settle(intent)))?;
            calls += 1;
        }
        writer.sync()?;
        count(&self.numbers.crashed, calls);
        recovery::mark(self.folder.path(), left.process)?;
        Ok(Recovered {
            calls,
            damage: left.damage,
        })
    }

    /// The records of a period, for what is rebuilt from them at start.
    ///
    /// # Errors
    /// The folder cannot be listed.
    pub fn read(&self, period: Period) -> io::Result<Reader> {
        Reader::open(self.folder.path(), period)
    }

    /// What it counts of itself.
    #[must_use]
    pub fn numbers(&self) -> Counted {
        self.numbers.read()
    }

    /// Whether any of its writers cannot write now.
    #[must_use]
    pub fn is_failing(&self) -> bool {
        self.numbers.is_failing()
    }
}

impl Drop for Ledger {
    fn drop(&mut self) {
        self.commits.end();
        if let Some(thread) = self.committing.take() {
            // A panic there has been told already.
            let _ = thread.join();
        }
    }
}
