//! Values with a time to live (`cache-store-value` and its like).
//!
//! What must hold: an expired value is never given; the weight of all values stays below the bound, by forgetting what is
//! used least; keys are compared whole.

#[cfg(test)]
mod tests;

use std::fmt;

use quick_cache::sync::{Cache as Entries, DefaultLifecycle};
use quick_cache::{DefaultHashBuilder, OptionsBuilder, Weighter};

use crate::Answer;

/// A cache of values by key. `now` is Unix milliseconds.
pub trait Cache<V>: Send + Sync {
    /// The value, unless it is missing or expired.
    fn get(&self, key: &str, now: u64) -> Answer<Option<V>>;

    /// Stores a value for `ttl_ms`; 0 removes. `weight` is about its size in bytes; a value too heavy for the cache is
    /// not stored, and what stood under the key is gone.
    fn put(&self, key: &str, value: V, weight: u64, ttl_ms: u64, now: u64) -> Answer<()>;

    /// Removes a value; whether there was one.
    fn remove(&self, key: &str, now: u64) -> Answer<bool>;
}

/// A cache in memory.
pub struct MemoryCache<V> {
    entries: Entries<Box<str>, Stored<V>, ByWeight>,
}

#[derive(Clone)]
struct Stored<V> {
    value: V,
    weight: u64,
    expires: u64,
}

/// What an entry costs beside key and value.
const ENTRY: u64 = 64;
/// Shards are locked apart and each holds a part of the weight; none is made smaller than this.
const SHARD: u64 = 8 << 20;
/// The average weight that the room for bookkeeping is set aside for.
const AVERAGE: u64 = 4 << 10;

#[derive(Clone)]
struct ByWeight;

impl<V> Weighter<Box<str>, Stored<V>> for ByWeight {
    fn weight(&self, key: &Box<str>, stored: &Stored<V>) -> u64 {
        stored
            .weight
            .saturating_add(key.len() as u64)
            .saturating_add(ENTRY)
    }
}

impl<V: Clone> MemoryCache<V> {
    /// A cache whose values, keys and bookkeeping weigh at most `max_weight` bytes together.
    #[must_use]
    pub fn new(max_weight: u64) -> Self {
        let items = usize::try_from(max_weight / AVERAGE)
            .unwrap_or(usize::MAX)
            .clamp(32, 1 << 20);
        let options = OptionsBuilder::new()
            .shards(
                usize::try_from(max_weight / SHARD)
                    .unwrap_or(64)
                    .clamp(1, 64),
            )
            .estimated_items_capacity(items)
            .weight_capacity(max_weight)
            .build()
            .expect("capacity and weight are set");
        let entries = Entries::with_options(
            options,
            ByWeight,
            DefaultHashBuilder::default(),
            DefaultLifecycle::default(),
        );
        Self { entries }
    }

    /// What the entries weigh, expired ones with them until they are asked for or make room.
    #[must_use]
    pub fn weight(&self) -> u64 {
        self.entries.weight()
    }

    /// How many entries there are, likewise.
    #[must_use]
    pub fn len(&self) -> usize {
        self.entries.len()
    }

    /// Whether there are none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }
}

impl<V> fmt::Debug for MemoryCache<V> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // Values may be anything, also secret.
        f.write_str("MemoryCache")
    }
}

impl<V: Clone + Send + Sync> Cache<V> for MemoryCache<V> {
    fn get(&self, key: &str, now: u64) -> Answer<Option<V>> {
        let Some(stored) = self.entries.get(key) else {
            return Answer::Now(None);
        };
        if stored.expires > now {
            return Answer::Now(Some(stored.value));
        }
        self.entries.remove_if(key, |stored| stored.expires <= now);
        Answer::Now(None)
    }

    fn put(&self, key: &str, value: V, weight: u64, ttl_ms: u64, now: u64) -> Answer<()> {
        let heaviest = self.entries.shard_capacity();
        if ttl_ms == 0
            || weight
                .saturating_add(key.len() as u64)
                .saturating_add(ENTRY)
                > heaviest
        {
            self.entries.remove(key);
        } else {
            self.entries.insert(
                key.into(),
                Stored {
                    value,
                    weight,
                    expires: now.saturating_add(ttl_ms),
                },
            );
        }
        Answer::Now(())
    }

    fn remove(&self, key: &str, now: u64) -> Answer<bool> {
        Answer::Now(
            self.entries
                .remove(key)
                .is_some_and(|(_, stored)| stored.expires > now),
        )
    }
}
