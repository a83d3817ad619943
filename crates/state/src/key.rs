//! Keys of the maps: strings of any length as 128 bits.
//!
//! Counter keys come out of requests (an address, a header), so their length must not cost memory and their hashes must
//! not be guessable. What must hold: SipHash under keys drawn at start; 128 bits, so that two strings never meet.

use std::hash::{BuildHasher, Hash, Hasher, RandomState};

use papaya::HashMap;

/// A hashed key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Key(u64, u64);

impl Hash for Key {
    fn hash<H: Hasher>(&self, hasher: &mut H) {
        hasher.write_u64(self.0);
    }
}

/// Makes keys.
#[derive(Debug, Default)]
pub(crate) struct Keys(RandomState, RandomState);

impl Keys {
    pub(crate) fn key(&self, what: impl Hash) -> Key {
        Key(self.0.hash_one(&what), self.1.hash_one(&what))
    }
}

/// A map by hashed keys.
pub(crate) type Map<V> = HashMap<Key, V, Hashed>;

/// The hasher of keys that are hashes.
#[derive(Clone, Debug, Default)]
pub(crate) struct Hashed;

impl BuildHasher for Hashed {
    type Hasher = First;
    fn build_hasher(&self) -> First {
        First(0)
    }
}

pub(crate) struct First(u64);

impl Hasher for First {
    fn finish(&self) -> u64 {
        self.0
    }
    fn write(&mut self, bytes: &[u8]) {
        // Only `write_u64` is called, by `Key`; other bytes would still count.
        for byte in bytes {
            self.0 = self.0.rotate_left(8) ^ u64::from(*byte);
        }
    }
    fn write_u64(&mut self, value: u64) {
        self.0 = value;
    }
}
