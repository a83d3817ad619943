//! Group commit: one thread that brings to the disk what the writers gave to the kernel.
//!
//! Started by [`Ledger`](super::Ledger). What must stay true: writers never wait for it; who does wait is woken by the
//! first commit that covers its record, or told that it failed; a file that could not be synced is not written on, since
//! the kernel may have dropped its pages.

use super::numbers::{Numbers, Observer, What, count};
use crate::lock;
use std::fs::File;
use std::future::Future;
use std::io;
use std::os::unix::fs::MetadataExt;
use std::path::PathBuf;
use std::pin::Pin;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Condvar, Mutex, PoisonError};
use std::task::{Context, Poll, Waker};
use std::time::{Duration, Instant};

/// A segment's file as writer and commit share it.
#[derive(Debug)]
pub(super) struct Written {
    pub(super) file: File,
    /// The day's folder, until its entry for this file is on the disk.
    folder: Mutex<Option<PathBuf>>,
    /// Bytes that the kernel has.
    pub(super) bytes: AtomicU64,
    /// Bytes that the disk has.
    synced: AtomicU64,
    /// It cannot be relied on any more: the writer must begin another.
    pub(super) bad: AtomicBool,
    waiting: Mutex<Vec<(u64, Waker)>>,
}

impl Written {
    pub(super) fn new(file: File, folder: Option<PathBuf>) -> Arc<Written> {
        Arc::new(Written {
            file,
            folder: Mutex::new(folder),
            bytes: AtomicU64::new(0),
            synced: AtomicU64::new(0),
            bad: AtomicBool::new(false),
            waiting: Mutex::default(),
        })
    }

    /// Brings it to the disk. Gives false when there was nothing to do.
    fn sync(&self) -> io::Result<bool> {
        let bytes = self.bytes.load(Ordering::Acquire);
        if bytes <= self.synced.load(Ordering::Relaxed) {
            return Ok(false);
        }
        self.file.sync_data()?;
        let mut folder = lock(&self.folder);
        if let Some(path) = folder.as_ref() {
            File::open(path)?.sync_all()?;
            if let Some(above) = path.parent() {
                File::open(above)?.sync_all()?;
            }
            *folder = None;
        }
        drop(folder);
        if self.file.metadata()?.nlink() == 0 {
            return Err(io::Error::new(
                io::ErrorKind::NotFound,
                "a segment was deleted while it was written",
            ));
        }
        self.synced.fetch_max(bytes, Ordering::Release);
        Ok(true)
    }

    fn unsynced(&self) -> u64 {
        let bytes = self.bytes.load(Ordering::Relaxed);
        bytes.saturating_sub(self.synced.load(Ordering::Relaxed))
    }

    /// Wakes who waits for what is there now; all when the file is bad.
    fn wake(&self) {
        let synced = self.synced.load(Ordering::Relaxed);
        let bad = self.bad.load(Ordering::Relaxed);
        let woken: Vec<Waker> = lock(&self.waiting)
            .extract_if(.., |(bytes, _)| bad || *bytes <= synced)
            .map(|(_, waker)| waker)
            .collect();
        woken.into_iter().for_each(Waker::wake);
    }
}

/// Ready when a record is on the disk.
#[derive(Debug)]
pub struct Synced {
    pub(super) file: Arc<Written>,
    pub(super) bytes: u64,
    pub(super) commits: Arc<Commits>,
    pub(super) asked: bool,
}

impl Future for Synced {
    type Output = io::Result<()>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let this = &mut *self;
        let is_there = |file: &Written| {
            if file.synced.load(Ordering::Acquire) >= this.bytes {
                return Some(Ok(()));
            }
            let bad = file.bad.load(Ordering::Acquire);
            bad.then(|| {
                Err(io::Error::other(
                    "the ledger could not be synced to the disk",
                ))
            })
        };
        if let Some(done) = is_there(&this.file) {
            return Poll::Ready(done);
        }
        lock(&this.file.waiting).push((this.bytes, cx.waker().clone()));
        // A commit may have come between the look and the entry.
        if let Some(done) = is_there(&this.file) {
            return Poll::Ready(done);
        }
        if !std::mem::replace(&mut this.asked, true) {
            this.commits.ask();
        }
        Poll::Pending
    }
}

/// What the committing thread and the writers share.
#[derive(Debug, Default)]
pub(super) struct Commits {
    state: Mutex<State>,
    changed: Condvar,
}

#[derive(Debug, Default)]
struct State {
    files: Vec<Arc<Written>>,
    asked: bool,
    ending: bool,
}

impl Commits {
    /// Adds a segment.
    pub(super) fn add(&self, file: Arc<Written>) {
        lock(&self.state).files.push(file);
    }

    /// Asks for a commit now.
    fn ask(&self) {
        lock(&self.state).asked = true;
        self.changed.notify_one();
    }

    /// Ends the thread after one more commit.
    pub(super) fn end(&self) {
        lock(&self.state).ending = true;
        self.changed.notify_one();
    }

    /// Commits every `interval` and when asked, until the end. `idle` is called between.
    pub(super) fn run(
        &self,
        interval: Duration,
        numbers: &Numbers,
        observer: &dyn Observer,
        mut idle: impl FnMut(),
    ) {
        loop {
            let (files, ending) = self.next(interval);
            let begin = Instant::now();
            let mut worked = false;
            let mut unsynced = 0;
            for file in &files {
                if file.bad.load(Ordering::Relaxed) {
                    continue;
                }
                unsynced += file.unsynced();
                let synced = file.sync();
                match &synced {
                    // Counted before anybody wakes: who waited for a commit finds it in the numbers.
                    Ok(true) if !worked => {
                        worked = true;
                        count(&numbers.syncs, 1);
                    }
                    Ok(_) => {}
                    Err(error) => {
                        file.bad.store(true, Ordering::Release);
                        numbers.note(What::Commit, Err(error), observer);
                    }
                }
                file.wake();
            }
            numbers.unsynced.store(unsynced, Ordering::Relaxed);
            if worked {
                numbers.note(What::Commit, Ok(()), observer);
                let nanos = u64::try_from(begin.elapsed().as_nanos()).unwrap_or(u64::MAX);
                count(&numbers.sync_nanos, nanos);
            }
            self.forget(files);
            if ending {
                return;
            }
            idle();
        }
    }

    /// Waits for the next commit's time. Gives what there is to sync, and whether it is the last.
    fn next(&self, interval: Duration) -> (Vec<Arc<Written>>, bool) {
        let state = lock(&self.state);
        let waited = self
            .changed
            .wait_timeout_while(state, interval, |state| !state.asked && !state.ending);
        let (mut state, _) = waited.unwrap_or_else(PoisonError::into_inner);
        state.asked = false;
        (state.files.clone(), state.ending)
    }

    /// Lets go of files that their writers have left and that are on the disk whole.
    fn forget(&self, files: Vec<Arc<Written>>) {
        drop(files);
        lock(&self.state).files.retain(|file| {
            let left = Arc::strong_count(file) == 1;
            !(left && (file.unsynced() == 0 || file.bad.load(Ordering::Relaxed)))
        });
    }
}
