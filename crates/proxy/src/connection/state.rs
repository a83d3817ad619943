//! What a caller's connection is doing, written by its stream, its requests and read by its watch.
//!
//! Atomics only because an upgraded stream may in principle cross threads; all access is relaxed, from one thread.
//! What must stay true: a request costs a handful of plain stores here, no clock and no timer.

use crate::config::Limits;
use crate::io::Stream;
use crate::wheel::{TICK, Ticks, in_ticks};
use std::sync::atomic::Ordering::Relaxed;
use std::sync::atomic::{AtomicBool, AtomicU32, AtomicU64};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

/// State of one connection.
pub(crate) struct ConnectionState {
    now: Ticks,
    /// HTTP/2 reads control frames at any time: a read does not begin a head there.
    multiplexed: bool,
    in_flight: AtomicU32,
    /// Since when no request is in flight, or since when a head is being read.
    since: AtomicU64,
    /// A head has begun and is not complete.
    head: AtomicBool,
    /// Since when the caller takes nothing of what is written; 0: it does.
    blocked: AtomicU64,
    /// What the server has shut down and the caller has not.
    left: Mutex<Option<Stream>>,
}

/// What the watch decides.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Verdict {
    /// Look again after this time at the latest.
    Wait(Duration),
    /// Close, because of this.
    Close(&'static str),
}

impl ConnectionState {
    pub(crate) fn new(now: &Ticks, multiplexed: bool) -> ConnectionState {
        ConnectionState {
            multiplexed,
            in_flight: AtomicU32::new(0),
            since: AtomicU64::new(now.load(Relaxed)),
            // A fresh connection owes its first head.
            head: AtomicBool::new(true),
            blocked: AtomicU64::new(0),
            left: Mutex::default(),
            now: now.clone(),
        }
    }

    /// The server is done with a stream that the caller has not closed.
    pub(crate) fn leave(&self, stream: Stream) {
        *self.left.lock().unwrap_or_else(PoisonError::into_inner) = Some(stream);
    }

    /// Takes that stream.
    pub(crate) fn left(&self) -> Option<Stream> {
        self.left
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .take()
    }

    /// Bytes came.
    pub(crate) fn read(&self) {
        if !self.multiplexed && self.in_flight.load(Relaxed) == 0 && !self.head.load(Relaxed) {
            self.head.store(true, Relaxed);
            self.since.store(self.now.load(Relaxed), Relaxed);
        }
    }

    /// A write went through, or the caller's window is full.
    pub(crate) fn written(&self, ready: bool) {
        let blocked = self.blocked.load(Relaxed);
        if ready && blocked != 0 {
            self.blocked.store(0, Relaxed);
        } else if !ready && blocked == 0 {
            self.blocked.store(self.now.load(Relaxed), Relaxed);
        }
    }

    /// A request's head is complete.
    pub(crate) fn begin(&self) {
        self.in_flight
            .store(self.in_flight.load(Relaxed) + 1, Relaxed);
        self.head.store(false, Relaxed);
    }

    /// A request's answer has ended.
    pub(crate) fn end(&self) {
        let left = self.in_flight.load(Relaxed).saturating_sub(1);
        self.in_flight.store(left, Relaxed);
        if left == 0 {
            self.since.store(self.now.load(Relaxed), Relaxed);
        }
    }

    /// Whether the connection has overstayed.
    pub(crate) fn verdict(&self, limits: &Limits) -> Verdict {
        let now = self.now.load(Relaxed);
        let mut next = limits.head_timeout / 2;
        let mut over = |since: u64, limit: Duration| {
            let due = since.saturating_add(in_ticks(limit));
            let left = u32::try_from(due.saturating_sub(now)).unwrap_or(u32::MAX);
            next = next.min(TICK.saturating_mul(left));
            left == 0
        };
        let blocked = self.blocked.load(Relaxed);
        if blocked != 0 && over(blocked, limits.body_idle_timeout) {
            return Verdict::Close("the caller took nothing of the answer");
        }
        if self.in_flight.load(Relaxed) == 0 {
            let since = self.since.load(Relaxed);
            if self.head.load(Relaxed) && !self.multiplexed {
                if over(since, limits.head_timeout) {
                    return Verdict::Close("the request head did not come in time");
                }
            } else if over(since, limits.idle_timeout) {
                return Verdict::Close("the connection was idle");
            }
        }
        Verdict::Wait(next)
    }
}

#[cfg(test)]
mod tests;
