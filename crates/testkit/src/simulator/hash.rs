//! FNV-1a, 64 bits: the stable hash behind deterministic answers and embeddings.
//!
//! Called by `answer` and `vector`. What must stay true: the value of a text never changes between
//! releases or machines, because tests and demos rely on the answers it picks.

/// FNV-1a over several parts; a separator byte keeps `("ab", "c")` and `("a", "bc")` apart.
pub(super) fn fnv<'a>(parts: impl IntoIterator<Item = &'a str>) -> u64 {
    let mut hash = 0xcbf2_9ce4_8422_2325_u64;
    for part in parts {
        for byte in part.bytes().chain([0xff]) {
            hash = (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3);
        }
    }
    mix(hash)
}

/// The finaliser of SplitMix64: spreads every input bit over the whole word.
pub(super) fn mix(mut value: u64) -> u64 {
    value = (value ^ (value >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    value = (value ^ (value >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    value ^ (value >> 31)
}
