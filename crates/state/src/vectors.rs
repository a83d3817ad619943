//! Nearest-neighbour search for the semantic cache.
//!
//! What must hold: a search never crosses partitions; an expired value is never given; entries and bytes are bounded, and
//! the oldest go first; vectors of another length than the query's are passed over (the embeddings model may change).

mod memory;
#[cfg(test)]
mod tests;

use crate::Answer;

pub use memory::{Bounds, MemoryVectors};

/// Values by vector, within partitions. `now` is Unix milliseconds. Distances are cosine: 0 is the same direction, 1 a
/// right angle, 2 the opposite.
pub trait Vectors<V>: Send + Sync {
    /// Stores a value under a vector for `ttl_ms`. `weight` is about the value's size in bytes. False when it was not
    /// stored: the vector is empty, all zero or not finite, or the entry alone is above the bound.
    fn put(
        &self,
        partition: &str,
        vector: &[f32],
        value: V,
        weight: u64,
        ttl_ms: u64,
        now: u64,
    ) -> Answer<bool>;

    /// The nearest value of the partition whose distance is at most `max_distance`, with its distance.
    fn nearest(
        &self,
        partition: &str,
        vector: &[f32],
        max_distance: f32,
        now: u64,
    ) -> Answer<Option<(f32, V)>>;
}
