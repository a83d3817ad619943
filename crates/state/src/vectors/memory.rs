//! A flat index in memory: every vector of the partition is compared, with SIMD kernels chosen at run time.
//!
//! Exact, and deletes are free; 10,000 vectors of 1,536 take some milliseconds. Vectors are stored at length 1, so that
//! the dot product alone gives the distance. What must hold: a search holds no lock while it compares; entries leave in
//! the order in which they came, over all partitions.

use std::collections::VecDeque;
use std::fmt;
use std::sync::{Arc, Mutex};

use simsimd::SpatialSimilarity;

use super::Vectors;
use crate::key::{Key, Keys, Map};
use crate::{Answer, lock};

/// What an index may hold.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Bounds {
    /// Entries of one partition.
    pub per_partition: usize,
    /// Bytes of all vectors and values.
    pub bytes: u64,
}

impl Default for Bounds {
    /// 10,000 entries in a partition; 256 MiB, about 40,000 vectors of 1,536.
    fn default() -> Self {
        Self {
            per_partition: 10_000,
            bytes: 256 << 20,
        }
    }
}

/// What an entry costs beside its vector and value.
const ENTRY: u64 = 128;

/// Vectors in memory.
pub struct MemoryVectors<V> {
    keys: Keys,
    partitions: Map<Arc<Partition<V>>>,
    bounds: Bounds,
    /// Taken by whoever changes anything.
    order: Mutex<Order>,
}

/// The entries of a partition, oldest first. Searches take the list as it is; changes copy it only if one is under way.
struct Partition<V>(Mutex<Arc<VecDeque<Arc<Entry<V>>>>>);

struct Entry<V> {
    number: u64,
    vector: Box<[f32]>,
    value: V,
    expires: u64,
    size: u64,
}

#[derive(Default)]
struct Order {
    /// Entries in the order they came, with ones that have left since.
    entries: VecDeque<(u64, Key)>,
    next: u64,
    /// How many entries there are, and their bytes.
    count: usize,
    bytes: u64,
}

impl<V> Default for MemoryVectors<V> {
    fn default() -> Self {
        Self::new(Bounds::default())
    }
}

impl<V> MemoryVectors<V> {
    /// An empty index.
    #[must_use]
    pub fn new(bounds: Bounds) -> Self {
        Self {
            keys: Keys::default(),
            partitions: Map::default(),
            bounds,
            order: Mutex::default(),
        }
    }

    /// How many entries there are, expired ones with them until something takes their place.
    #[must_use]
    pub fn len(&self) -> usize {
        lock(&self.order).count
    }

    /// Whether there are none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Bytes of all entries.
    #[must_use]
    pub fn bytes(&self) -> u64 {
        lock(&self.order).bytes
    }
}

impl<V> fmt::Debug for MemoryVectors<V> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("MemoryVectors")
            .field("entries", &self.len())
            .finish_non_exhaustive()
    }
}

impl<V: Clone + Send + Sync> Vectors<V> for MemoryVectors<V> {
    fn put(
        &self,
        partition: &str,
        vector: &[f32],
        value: V,
        weight: u64,
        ttl_ms: u64,
        now: u64,
    ) -> Answer<bool> {
        let size = (vector.len() as u64 * 4)
            .saturating_add(weight)
            .saturating_add(ENTRY);
        let Some(vector) = unit(vector).filter(|_| size <= self.bounds.bytes && ttl_ms > 0) else {
            return Answer::Now(false);
        };
        let key = self.keys.key(partition);
        let mut order = lock(&self.order);
        let number = order.next;
        order.next += 1;
        order.entries.push_back((number, key));
        order.count += 1;
        order.bytes += size;
        let map = self.partitions.pin();
        let home = map.get_or_insert_with(key, || Arc::new(Partition(Mutex::default())));
        {
            let mut list = lock(&home.0);
            let list = Arc::make_mut(&mut list);
            // The oldest of a partition expire first when all live equally long; others wait until they are the oldest.
            while list.front().is_some_and(|oldest| oldest.expires <= now)
                || list.len() >= self.bounds.per_partition.max(1)
            {
                let Some(gone) = list.pop_front() else { break };
                order.count -= 1;
                order.bytes -= gone.size;
            }
            let expires = now.saturating_add(ttl_ms);
            list.push_back(Arc::new(Entry {
                number,
                vector,
                value,
                expires,
                size,
            }));
        }
        while order.bytes > self.bounds.bytes {
            let Some((number, key)) = order.entries.pop_front() else {
                break;
            };
            self.evict(&mut order, number, key);
        }
        // The order also lists entries that a partition dropped by itself; it is cut back before it is mostly those.
        if order.entries.len() > 2 * order.count + 64 {
            order.entries.retain(|(number, key)| {
                map.get(key)
                    .is_some_and(|partition| place(&lock(&partition.0), *number).is_some())
            });
        }
        Answer::Now(true)
    }

    fn nearest(
        &self,
        partition: &str,
        vector: &[f32],
        max_distance: f32,
        now: u64,
    ) -> Answer<Option<(f32, V)>> {
        let list = match self.partitions.pin().get(&self.keys.key(partition)) {
            Some(partition) => lock(&partition.0).clone(),
            None => return Answer::Now(None),
        };
        let Some(query) = unit(vector) else {
            return Answer::Now(None);
        };
        let mut best: Option<(f32, &Entry<V>)> = None;
        for entry in list.iter().filter(|entry| entry.expires > now) {
            // `None` for vectors of unequal length.
            let Some(dot) = f32::dot(&entry.vector, &query) else {
                continue;
            };
            let distance = (1.0 - dot).max(0.0) as f32;
            if distance <= max_distance
                && best.as_ref().is_none_or(|(nearest, _)| distance < *nearest)
            {
                best = Some((distance, entry));
            }
        }
        Answer::Now(best.map(|(distance, entry)| (distance, entry.value.clone())))
    }
}

impl<V> MemoryVectors<V> {
    fn evict(&self, order: &mut Order, number: u64, key: Key) {
        let map = self.partitions.pin();
        let Some(partition) = map.get(&key) else {
            return;
        };
        let mut list = lock(&partition.0);
        let Some(at) = place(&list, number) else {
            return;
        };
        let list = Arc::make_mut(&mut list);
        if let Some(gone) = list.remove(at) {
            order.count -= 1;
            order.bytes -= gone.size;
        }
        if list.is_empty() {
            // Only changes make partitions, and this is the one change under way.
            map.remove(&key);
        }
    }
}

/// Where an entry stands; numbers rise along the list.
fn place<V>(list: &VecDeque<Arc<Entry<V>>>, number: u64) -> Option<usize> {
    list.binary_search_by_key(&number, |entry| entry.number)
        .ok()
}

/// The vector at length 1; `None` when it has no direction.
fn unit(vector: &[f32]) -> Option<Box<[f32]>> {
    let length = vector
        .iter()
        .map(|x| f64::from(*x) * f64::from(*x))
        .sum::<f64>()
        .sqrt();
    (length.is_finite() && length > 0.0).then(|| {
        vector
            .iter()
            .map(|x| (f64::from(*x) / length) as f32)
            .collect()
    })
}
