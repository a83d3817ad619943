//! Identifiers of requests and spans: unique, not secret, made without a system call.

use std::cell::Cell;

/// splitmix64 over a seed from the operating system; one per thread.
pub(crate) struct Random(Cell<u64>);

impl Random {
    /// Seeded by the operating system.
    pub(crate) fn seeded() -> Random {
        let (high, low) = uuid::Uuid::new_v4().as_u64_pair();
        Random(Cell::new(high.rotate_left(31) ^ low))
    }

    /// 64 random bits.
    pub(crate) fn next(&self) -> u64 {
        let state = self.0.get().wrapping_add(0x9E37_79B9_7F4A_7C15);
        self.0.set(state);
        let mut z = state;
        z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        z ^ (z >> 31)
    }

    /// A UUID of version 4 (RFC 9562, section 5.4).
    pub(crate) fn uuid(&self) -> u128 {
        let bits = (u128::from(self.next()) << 64) | u128::from(self.next());
        uuid::Builder::from_random_bytes(bits.to_be_bytes())
            .into_uuid()
            .as_u128()
    }
}
