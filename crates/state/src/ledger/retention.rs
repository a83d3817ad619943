//! Removes day folders that are older than the ledger keeps.
//!
//! A clock that is wrong must not empty a ledger. So the clock is believed only while it goes on like the machine's own
//! count of time, and one folder goes at a time. What must stay true: whole folders of one day each, nothing else; never
//! today's.

use super::days::Day;
use super::folder;
use super::numbers::{Numbers, count};
use std::path::Path;
use std::time::{Duration, Instant};

/// How often a folder may go.
const EVERY: Duration = Duration::from_secs(3600);

/// How far the two clocks may part in that time.
const APART_MS: u64 = 300_000;

/// Days in a ledger's folder that may go, one each hour.
#[derive(Debug)]
pub(super) struct Retention {
    days: u32,
    /// Both clocks when they were last compared.
    last: (Instant, u64),
}

impl Retention {
    /// Keeps so many days beside today.
    pub(super) fn new(days: u32, now: Instant, now_ms: u64) -> Retention {
        Retention {
            days,
            last: (now, now_ms),
        }
    }

    /// Removes a folder when it is time.
    pub(super) fn sweep(&mut self, folder: &Path, now: Instant, now_ms: u64, numbers: &Numbers) {
        let (before, before_ms) = self.last;
        let passed = now.saturating_duration_since(before);
        if passed < EVERY {
            return;
        }
        self.last = (now, now_ms);
        let expected =
            before_ms.saturating_add(u64::try_from(passed.as_millis()).unwrap_or(u64::MAX));
        if expected.abs_diff(now_ms) > APART_MS {
            return;
        }
        let today = Day::of(now_ms).number();
        let oldest = folder::days(folder)
            .ok()
            .and_then(|days| days.into_iter().next());
        if let Some((day, path)) = oldest
            && day.number().saturating_add(self.days) < today
            && std::fs::remove_dir_all(path).is_ok()
        {
            count(&numbers.removed_days, 1);
        }
    }
}
