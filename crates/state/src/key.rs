//! Keys of the maps: strings of any length as 128 bits.
//!
//! Counter keys come out of requests (an address, a header), so their length must not cost memory and their hashes must
//! not be guessable. What must hold: SipHash under keys drawn at start; 128 bits, so that two strings never meet.

use std::hash::{BuildHasher, Hash, Hasher, RandomState};

use papaya::HashMap;

/// A hashed key.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Key(u64, u64);

impl Key {
    /// As two numbers.
    pub(crate) fn halves(self) -> (u64, u64) {
        (self.0, self.1)
    }

    /// From two numbers.
    pub(crate) fn of_halves(first: u64, second: u64) -> Key {
        Key(first, second)
    }
}

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

/// The secret of keys that outlive the process.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Seeds([u64; 4]);

impl Seeds {
    /// As numbers, to be kept.
    pub(crate) fn numbers(self) -> [u64; 4] {
        self.0
    }

    /// From numbers that were kept.
    pub(crate) fn of(numbers: [u64; 4]) -> Seeds {
        Seeds(numbers)
    }

    /// New ones, which nobody can guess: std draws the keys of its hashers from the system.
    pub(crate) fn drawn() -> Seeds {
        Seeds([0, 1, 2, 3].map(|n: u64| RandomState::new().hash_one(n)))
    }

    /// The key of a text, of a kind that a number tells. The same in every process with these seeds.
    #[expect(
        deprecated,
        reason = "the hasher of std whose keys can be given, and so kept"
    )]
    pub(crate) fn key(self, kind: [u64; 3], text: &str) -> Key {
        let hash = |first, second| {
            let mut hasher = std::hash::SipHasher::new_with_keys(first, second);
            for number in kind {
                hasher.write(&number.to_le_bytes());
            }
            hasher.write(text.as_bytes());
            hasher.finish()
        };
        Key(hash(self.0[0], self.0[1]), hash(self.0[2], self.0[3]))
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
