//! How many are inside at one time, by key (`limit-concurrency`; `cache-value`, which lets one in and the others wait).
//!
//! It counts for one process, so it is a type and not a trait with a store behind it. What must hold: never more inside
//! than the caller's limit; a slot comes back when it is dropped, whatever ended the work; a key takes memory only while
//! somebody is inside or waits; who waits is woken when somebody leaves.

#[cfg(test)]
mod tests;

use std::collections::HashMap;
use std::pin::Pin;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, Waker};

use papaya::{Compute, Operation};

use crate::key::{Hashed, Key, Keys, Map};

/// Most keys with somebody inside. It stands far above the requests that a process can hold at one time.
pub const MOST_KEYS: usize = 1 << 20;

/// Who is inside.
#[derive(Debug)]
pub struct Concurrency {
    keys: Keys,
    inside: Map<u32>,
    most_keys: usize,
    waiting: Mutex<Waiting>,
    /// How many wait: nobody who leaves looks at `waiting` while it is 0.
    waiters: AtomicUsize,
    numbers: AtomicU64,
}

/// Who waits, by number.
type Waiting = HashMap<Key, Vec<(u64, Waker)>, Hashed>;

impl Default for Concurrency {
    fn default() -> Self {
        Concurrency::new(MOST_KEYS)
    }
}

impl Concurrency {
    /// Nobody is inside; of more than `most_keys` keys at one time, none is let in.
    #[must_use]
    pub fn new(most_keys: usize) -> Self {
        Concurrency {
            keys: Keys::default(),
            inside: Map::default(),
            most_keys,
            waiting: Mutex::default(),
            waiters: AtomicUsize::new(0),
            numbers: AtomicU64::new(0),
        }
    }

    /// Lets one more in under `key` unless `most` are inside. `None` as well for a new key when there are too many.
    #[must_use]
    pub fn enter(self: &Arc<Self>, key: &str, most: u32) -> Option<Slot> {
        let key = self.keys.key(key);
        let inside = self.inside.pin();
        let room = inside.len() < self.most_keys;
        let entered = inside.compute(key, |entry| match entry {
            Some((_, n)) if *n >= most => Operation::Abort(()),
            Some((_, n)) => Operation::Insert(n + 1),
            None if room && most > 0 => Operation::Insert(1),
            None => Operation::Abort(()),
        });
        match entered {
            Compute::Aborted(()) => None,
            _ => Some(Slot {
                of: self.clone(),
                key,
            }),
        }
    }

    /// Ready when somebody who is inside under `key` leaves; at once when nobody is.
    #[must_use]
    pub fn left(self: &Arc<Self>, key: &str) -> Left {
        self.waiters.fetch_add(1, Ordering::SeqCst);
        Left {
            key: self.keys.key(key),
            number: self.numbers.fetch_add(1, Ordering::Relaxed),
            waits: false,
            of: self.clone(),
        }
    }

    fn waiting(&self) -> MutexGuard<'_, Waiting> {
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// How many keys have somebody inside.
    #[must_use]
    pub fn keys(&self) -> usize {
        self.inside.len()
    }
}

/// A place inside, until it is dropped.
#[derive(Debug)]
pub struct Slot {
    of: Arc<Concurrency>,
    key: Key,
}

impl Drop for Slot {
    fn drop(&mut self) {
        self.of.inside.pin().compute(self.key, |entry| match entry {
            Some((_, n)) if *n > 1 => Operation::Insert(n - 1),
            Some(_) => Operation::Remove,
            None => Operation::Abort(()),
        });
        // Who began to wait before this has counted itself; who does later finds the place empty.
        if self.of.waiters.load(Ordering::SeqCst) > 0 {
            let woken = self.of.waiting().remove(&self.key);
            for (_, waker) in woken.into_iter().flatten() {
                waker.wake();
            }
        }
    }
}

/// Waits until somebody leaves: made by [`Concurrency::left`].
#[derive(Debug)]
pub struct Left {
    of: Arc<Concurrency>,
    key: Key,
    number: u64,
    waits: bool,
}

impl Future for Left {
    type Output = ();

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        let of = self.of.clone();
        let mut waiting = of.waiting();
        if self.waits {
            let mut mine = waiting.get_mut(&self.key).into_iter().flatten();
            // Whoever leaves takes out all who wait.
            return match mine.find(|(number, _)| *number == self.number) {
                Some((_, waker)) => {
                    waker.clone_from(cx.waker());
                    Poll::Pending
                }
                None => Poll::Ready(()),
            };
        }
        if self.of.inside.pin().get(&self.key).is_none() {
            return Poll::Ready(());
        }
        let mine = (self.number, cx.waker().clone());
        waiting.entry(self.key).or_default().push(mine);
        self.waits = true;
        Poll::Pending
    }
}

impl Drop for Left {
    fn drop(&mut self) {
        if self.waits {
            let mut waiting = self.of.waiting();
            if let Some(all) = waiting.get_mut(&self.key) {
                all.retain(|(number, _)| *number != self.number);
                if all.is_empty() {
                    waiting.remove(&self.key);
                }
            }
        }
        self.of.waiters.fetch_sub(1, Ordering::SeqCst);
    }
}
