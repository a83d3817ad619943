//! The map of counters, and of budgets: bounded, forgets idle ones, and never loses one that is in use.
//!
//! Reads of the map take no lock; each counter has its own, for a few dozen instructions. What must hold: a counter with
//! calls under way stays; a counter that was dropped from the map is marked under its lock, so that who still holds it
//! looks again instead of counting where nobody reads.

use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::sync::{Arc, Mutex};

use crate::key::{Key, Map};
use crate::lock;

/// What a counter must tell the table.
pub(crate) trait Counter: Default {
    /// Nothing would be lost without it.
    fn is_idle(&self, now: u64) -> bool;
    /// Calls are under way that will be settled here.
    fn is_held(&self) -> bool;
    /// When it was last used.
    fn touched(&self) -> u64;
}

/// A counter with its lock; `None` once it is dropped from the table.
pub(crate) type Slot<C> = Arc<Mutex<Option<C>>>;

pub(crate) struct Table<C> {
    map: Map<Slot<C>>,
    capacity: usize,
    /// Counters made since the last sweep.
    made: AtomicU64,
    sweeping: Mutex<()>,
}

impl<C: Counter> Table<C> {
    pub(crate) fn new(capacity: usize) -> Self {
        Self {
            map: Map::default(),
            capacity: capacity.max(16),
            made: AtomicU64::new(0),
            sweeping: Mutex::new(()),
        }
    }

    pub(crate) fn len(&self) -> usize {
        self.map.len()
    }

    /// Shows every counter to `see`, one after another, each under its lock.
    pub(crate) fn each(&self, mut see: impl FnMut(&C)) {
        self.each_key(|_, counter| see(counter));
    }

    /// The same with its key.
    pub(crate) fn each_key(&self, mut see: impl FnMut(Key, &C)) {
        for (key, slot) in &self.map.pin() {
            if let Some(counter) = lock(slot).as_ref() {
                see(*key, counter);
            }
        }
    }

    /// The counter of `key`, if there is one.
    pub(crate) fn find(&self, key: Key) -> Option<Slot<C>> {
        self.map.pin().get(&key).cloned()
    }

    /// Drops the counter of `key`, unless calls are under way.
    pub(crate) fn forget(&self, key: Key) {
        if let Some(slot) = self.find(key) {
            self.drop_if(key, &slot, |_| true);
        }
    }

    /// Runs `work` on the counter of `key`, which is made when missing.
    pub(crate) fn with<R>(
        &self,
        key: Key,
        now: u64,
        mut work: impl FnMut(&mut C, &Slot<C>) -> R,
    ) -> R {
        loop {
            let slot = self.slot(key, now);
            if let Some(counter) = lock(&slot).as_mut() {
                return work(counter, &slot);
            }
            // Dropped from the map between the look-up and the lock: the next look-up makes another.
        }
    }

    /// The counter of `key`, made when missing. It may be dropped from the map before it is locked: then it is `None`.
    /// The counter of `key`, which is made when missing; until it is locked it may be dropped.
    pub(crate) fn slot(&self, key: Key, now: u64) -> Slot<C> {
        let map = self.map.pin();
        if let Some(slot) = map.get(&key) {
            return slot.clone();
        }
        let made = self.made.fetch_add(1, Relaxed) + 1;
        if self.map.len() >= self.capacity || made > self.capacity as u64 / 4 {
            self.sweep(now);
        }
        map.get_or_insert_with(key, || Arc::new(Mutex::new(Some(C::default()))))
            .clone()
    }

    /// Drops idle counters; if the table is still full, also the sixteenth that was used least recently and has no call
    /// under way.
    pub(crate) fn sweep(&self, now: u64) {
        // One thread sweeps; the others go on and may pass the capacity by as much as they insert meanwhile.
        let Ok(_sweeping) = self.sweeping.try_lock() else {
            return;
        };
        self.made.store(0, Relaxed);
        let map = self.map.pin();
        let mut live = Vec::new();
        for (key, slot) in &map {
            if !self.drop_if(*key, slot, |counter| counter.is_idle(now))
                && let Some(counter) = lock(slot).as_ref()
                && !counter.is_held()
            {
                live.push((counter.touched(), *key));
            }
        }
        if self.map.len() < self.capacity || live.is_empty() {
            return;
        }
        let excess = (self.map.len() - self.capacity + self.capacity / 16 + 1).min(live.len());
        live.select_nth_unstable_by_key(excess - 1, |(touched, _)| *touched);
        for (touched, key) in &live[..excess] {
            if let Some(slot) = map.get(key) {
                self.drop_if(*key, slot, |counter| counter.touched() == *touched);
            }
        }
    }

    fn drop_if(&self, key: Key, slot: &Slot<C>, condition: impl FnOnce(&C) -> bool) -> bool {
        let mut counter = lock(slot);
        let gone = counter
            .as_ref()
            .is_some_and(|counter| !counter.is_held() && condition(counter));
        if gone {
            *counter = None;
            self.map.pin().remove(&key);
        }
        gone
    }
}
