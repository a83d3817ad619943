//! How many are inside at one time, by key (`limit-concurrency`).
//!
//! It counts for one process, so it is a type and not a trait with a store behind it. What must hold: never more inside
//! than the caller's limit; a slot comes back when it is dropped, whatever ended the work; a key takes memory only while
//! somebody is inside.

#[cfg(test)]
mod tests;

use std::sync::Arc;

use papaya::{Compute, Operation};

use crate::key::{Key, Keys, Map};

/// Most keys with somebody inside. It stands far above the requests that a process can hold at one time.
pub const MOST_KEYS: usize = 1 << 20;

/// Who is inside.
#[derive(Debug)]
pub struct Concurrency {
    keys: Keys,
    inside: Map<u32>,
    most_keys: usize,
}

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
    }
}
