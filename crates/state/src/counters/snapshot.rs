//! Quotas of fixed periods as bytes, so that a restart does not forget what a month has used.
//!
//! Written now and then and at the end by a gateway that has a data folder, read at its start. Form: `TGQ1`, the seeds of
//! the keys, the number of entries, the entries (key, start, end, used), a CRC of all that. Numbers are little-endian.
//! What must hold: damaged or foreign bytes are refused whole; of a key only its hash is kept; sliding windows are not
//! kept, they are over within minutes.

use super::memory::{DEFAULT_CAPACITY, MemoryCounters};
use crate::key::{Key, Seeds};

const MAGIC: &[u8; 4] = b"TGQ1";
const HEAD: usize = MAGIC.len() + 4 * 8 + 8;
const ENTRY: usize = 5 * 8;
const CHECKSUM: usize = 4;

/// Largest snapshot that is read.
pub const LARGEST: usize = HEAD + DEFAULT_CAPACITY * 2 * ENTRY + CHECKSUM;

/// Why a snapshot cannot be taken over.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SnapshotError {
    /// It is not one, or not whole.
    Damaged,
    /// Something was counted already.
    Late,
}

impl std::fmt::Display for SnapshotError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            SnapshotError::Damaged => "the snapshot of quotas is damaged",
            SnapshotError::Late => "quotas were counted before the snapshot was read",
        })
    }
}

impl std::error::Error for SnapshotError {}

/// One quota's period.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Entry {
    pub(super) key: Key,
    pub(super) start: i64,
    /// `None`: it has no end.
    pub(super) end: Option<i64>,
    pub(super) used: u64,
}

impl MemoryCounters {
    /// The quotas of fixed periods, as [`restore`](Self::restore) takes them. Calls under way count when they settle.
    #[must_use]
    pub fn snapshot(&self) -> Vec<u8> {
        let entries = self.entries();
        let mut out = Vec::with_capacity(HEAD + entries.len() * ENTRY + CHECKSUM);
        out.extend_from_slice(MAGIC);
        for seed in self.seeds().numbers() {
            out.extend_from_slice(&seed.to_le_bytes());
        }
        out.extend_from_slice(&(entries.len() as u64).to_le_bytes());
        for entry in &entries {
            let (first, second) = entry.key.halves();
            out.extend_from_slice(&first.to_le_bytes());
            out.extend_from_slice(&second.to_le_bytes());
            out.extend_from_slice(&entry.start.to_le_bytes());
            out.extend_from_slice(&entry.end.unwrap_or(i64::MAX).to_le_bytes());
            out.extend_from_slice(&entry.used.to_le_bytes());
        }
        let checksum = crc32fast::hash(&out);
        out.extend_from_slice(&checksum.to_le_bytes());
        out
    }

    /// Takes over what an earlier process counted; periods that are over at `unix_ms` are left out. Says how many were
    /// taken over. To be called before anything is counted.
    ///
    /// # Errors
    /// When the bytes are not a whole snapshot, or something was counted before: then nothing is taken over.
    pub fn restore(&self, bytes: &[u8], unix_ms: u64) -> Result<usize, SnapshotError> {
        let (seeds, entries) = read(bytes).ok_or(SnapshotError::Damaged)?;
        if !self.begin_with(seeds) {
            return Err(SnapshotError::Late);
        }
        let now = i64::try_from(unix_ms).unwrap_or(i64::MAX);
        let mut kept = 0;
        for entry in entries {
            if entry.used > 0 && entry.end.is_none_or(|end| end > now) && kept < DEFAULT_CAPACITY {
                self.put(&entry, unix_ms);
                kept += 1;
            }
        }
        Ok(kept)
    }
}

/// The next eight bytes of a snapshot that is long enough.
fn number(bytes: &mut &[u8]) -> Option<[u8; 8]> {
    let (first, rest) = bytes.split_first_chunk::<8>()?;
    *bytes = rest;
    Some(*first)
}

fn read(bytes: &[u8]) -> Option<(Seeds, Vec<Entry>)> {
    if bytes.len() > LARGEST {
        return None;
    }
    let (body, checksum) = bytes.split_last_chunk::<CHECKSUM>()?;
    if crc32fast::hash(body) != u32::from_le_bytes(*checksum) {
        return None;
    }
    let mut rest = body.strip_prefix(MAGIC)?;
    let mut seeds = [0; 4];
    for seed in &mut seeds {
        *seed = u64::from_le_bytes(number(&mut rest)?);
    }
    let count = usize::try_from(u64::from_le_bytes(number(&mut rest)?)).ok()?;
    if rest.len() != count.checked_mul(ENTRY)? {
        return None;
    }
    let mut entries = Vec::with_capacity(count);
    while !rest.is_empty() {
        let first = u64::from_le_bytes(number(&mut rest)?);
        let second = u64::from_le_bytes(number(&mut rest)?);
        let start = i64::from_le_bytes(number(&mut rest)?);
        let end = i64::from_le_bytes(number(&mut rest)?);
        let used = u64::from_le_bytes(number(&mut rest)?);
        entries.push(Entry {
            key: Key::of_halves(first, second),
            start,
            end: (end != i64::MAX).then_some(end),
            used,
        });
    }
    Some((Seeds::of(seeds), entries))
}
