//! UTC days as the ledger's folders name them, and periods of time.
//!
//! What must stay true: every time has a day, also one that a broken clock tells.

use std::fmt;

/// Milliseconds of a day.
const DAY_MS: u64 = 86_400_000;

/// The last day whose name has four digits for the year: 9999-12-31.
const LAST: u32 = 2_932_896;

/// A UTC day. Written as `2026-11-20`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Day(u32);

impl Day {
    /// The day of a time, Unix milliseconds.
    #[must_use]
    pub fn of(unix_ms: u64) -> Day {
        Day(u32::try_from(unix_ms / DAY_MS).map_or(LAST, |day| day.min(LAST)))
    }

    /// Reads a folder's name; `None` for any other text.
    #[must_use]
    pub fn parse(name: &str) -> Option<Day> {
        let date: jiff::civil::Date = name.parse().ok()?;
        let days = date.since(jiff::civil::date(1970, 1, 1)).ok()?.get_days();
        let day = Day(u32::try_from(days).ok()?);
        // One name for each day: no other form of the same date.
        (day.to_string() == name).then_some(day)
    }

    /// Its first millisecond.
    #[must_use]
    pub fn begin_ms(self) -> u64 {
        u64::from(self.0) * DAY_MS
    }

    /// Days since 1970-01-01.
    #[must_use]
    pub fn number(self) -> u32 {
        self.0
    }
}

impl fmt::Display for Day {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let days = i64::from(self.0);
        let date = jiff::civil::date(1970, 1, 1)
            .saturating_add(jiff::Span::new().days(days.min(i64::from(LAST))));
        write!(f, "{date}")
    }
}

/// A span of time, Unix milliseconds: from `from_ms` on, up to but without `to_ms`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Period {
    /// The first millisecond.
    pub from_ms: u64,
    /// The first one behind it.
    pub to_ms: u64,
}

impl Period {
    /// All times.
    pub const ALL: Period = Period {
        from_ms: 0,
        to_ms: u64::MAX,
    };

    /// Whether a time is in it.
    #[must_use]
    pub fn has(&self, unix_ms: u64) -> bool {
        (self.from_ms..self.to_ms).contains(&unix_ms)
    }

    /// Whether any of a day is in it.
    #[must_use]
    pub fn touches(&self, day: Day) -> bool {
        self.from_ms < self.to_ms
            && (Day::of(self.from_ms)..=Day::of(self.to_ms - 1)).contains(&day)
    }
}
