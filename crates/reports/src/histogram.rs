//! How durations are distributed, in bounded memory, for percentiles.
//!
//! Called by `sums`. Buckets of one sixteenth of a power of two: a percentile is at most 1/16 above what it was, and
//! never above the largest value seen. What must stay true: merging two is the same as recording into one; the memory
//! is bounded by the range of u32 (464 buckets), whatever is recorded.

#[cfg(test)]
mod tests;

/// Counts of milliseconds.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Histogram {
    /// As many as the largest value needs.
    counts: Vec<u64>,
    count: u64,
    max: u32,
}

/// Each power of two has this many buckets, as a power of two.
const BITS: u32 = 4;

/// The bucket of a value: its leading bits and their place.
fn bucket(value: u32) -> usize {
    let exponent = (u32::BITS - value.leading_zeros()).saturating_sub(BITS + 1);
    ((exponent << BITS) + (value >> exponent)) as usize
}

/// The largest value of a bucket.
fn upper(bucket: usize) -> u64 {
    let bucket = bucket as u64;
    let exponent = (bucket >> BITS).saturating_sub(1);
    let leading = bucket - (exponent << BITS);
    ((leading + 1) << exponent) - 1
}

impl Histogram {
    /// Counts a value.
    pub fn record(&mut self, value: u32) {
        let bucket = bucket(value);
        if self.counts.len() <= bucket {
            self.counts.resize(bucket + 1, 0);
        }
        self.counts[bucket] += 1;
        self.count += 1;
        self.max = self.max.max(value);
    }

    /// Counts what another has counted.
    pub fn merge(&mut self, other: &Histogram) {
        if self.counts.len() < other.counts.len() {
            self.counts.resize(other.counts.len(), 0);
        }
        for (mine, theirs) in self.counts.iter_mut().zip(&other.counts) {
            *mine += theirs;
        }
        self.count += other.count;
        self.max = self.max.max(other.max);
    }

    /// How many values were counted.
    #[must_use]
    pub fn count(&self) -> u64 {
        self.count
    }

    /// The value that `percent` of a hundred values do not exceed; `None` when there is no value.
    #[must_use]
    pub fn percentile(&self, percent: u8) -> Option<u32> {
        if self.count == 0 {
            return None;
        }
        let rank = u128::from(self.count) * u128::from(percent.min(100));
        let rank = (rank.div_ceil(100) as u64).max(1);
        let mut seen = 0;
        for (at, count) in self.counts.iter().enumerate() {
            seen += count;
            if seen >= rank {
                let value = upper(at).min(u64::from(self.max));
                return Some(u32::try_from(value).unwrap_or(u32::MAX));
            }
        }
        Some(self.max)
    }
}
