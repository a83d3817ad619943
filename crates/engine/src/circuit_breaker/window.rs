//! Calls and failures of the last interval, in buckets that all threads add to.
//!
//! What must stay true: no list of times and no lock; a count is never more than that of the whole interval, and never
//! less than that of the interval without its first twentieth.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

/// Buckets of an interval, the running one included.
const BUCKETS: usize = 20;

/// The last interval.
#[derive(Debug)]
pub(super) struct Window {
    /// Nanoseconds of one bucket.
    width: u64,
    calls: [Bucket; BUCKETS],
    failures: [Bucket; BUCKETS],
}

/// The bucket's number since the clock began (32 bits) and its count (32 bits) in one word, so that neither can be read
/// without the other.
#[derive(Debug, Default)]
struct Bucket(AtomicU64);

impl Window {
    pub(super) fn new(interval: Duration) -> Window {
        let nanos = u64::try_from(interval.as_nanos()).unwrap_or(u64::MAX);
        Window {
            width: (nanos / BUCKETS as u64).max(1),
            calls: Default::default(),
            failures: Default::default(),
        }
    }

    pub(super) fn call(&self, now: u64) {
        self.add(&self.calls, now);
    }

    pub(super) fn failure(&self, now: u64) {
        self.add(&self.failures, now);
    }

    pub(super) fn calls(&self, now: u64) -> u64 {
        self.sum(&self.calls, now)
    }

    pub(super) fn failures(&self, now: u64) -> u64 {
        self.sum(&self.failures, now)
    }

    /// Forgets all.
    pub(super) fn clear(&self) {
        for bucket in self.calls.iter().chain(&self.failures) {
            bucket.0.store(0, Ordering::Relaxed);
        }
    }

    /// The number wraps after years; only differences are looked at.
    #[expect(clippy::cast_possible_truncation, reason = "wrapping is meant")]
    fn number(&self, now: u64) -> u32 {
        (now / self.width) as u32
    }

    fn add(&self, buckets: &[Bucket; BUCKETS], now: u64) {
        let number = self.number(now);
        let bucket = &buckets[number as usize % BUCKETS].0;
        let mut seen = bucket.load(Ordering::Relaxed);
        loop {
            let (theirs, count) = parts(seen);
            let age = number.wrapping_sub(theirs).cast_signed();
            let next = if age > 0 {
                // What stood here has left the interval.
                pack(number, 1)
            } else {
                // Also when another thread's clock reading was a little later than ours.
                pack(theirs, count.saturating_add(1))
            };
            match bucket.compare_exchange_weak(seen, next, Ordering::Relaxed, Ordering::Relaxed) {
                Ok(_) => return,
                Err(other) => seen = other,
            }
        }
    }

    fn sum(&self, buckets: &[Bucket; BUCKETS], now: u64) -> u64 {
        let number = self.number(now);
        let mut sum = 0;
        for bucket in buckets {
            let (theirs, count) = parts(bucket.0.load(Ordering::Relaxed));
            if number.wrapping_sub(theirs).cast_signed() < BUCKETS as i32 {
                sum += u64::from(count);
            }
        }
        sum
    }
}

fn pack(number: u32, count: u32) -> u64 {
    u64::from(number) << 32 | u64::from(count)
}

#[expect(clippy::cast_possible_truncation, reason = "the halves of the word")]
fn parts(word: u64) -> (u32, u32) {
    ((word >> 32) as u32, word as u32)
}
