//! Fixed windows of quotas: when the present one began and when the next begins, in UTC.
//!
//! Rules: `quota` and `quota-by-key` count periods of seconds from a start (`first-period-start`), 0 seconds meaning one
//! endless period; token quotas truncate the time to the hour, day, week, month or year. A week begins on Monday, as in
//! ISO 8601; API Management's pages do not say which day it takes.

use jiff::Timestamp;
use jiff::civil::Date;
use jiff::tz::TimeZone;

const SECOND: i64 = 1000;
const HOUR: i64 = 3600 * SECOND;
const DAY: i64 = 24 * HOUR;
const WEEK: i64 = 7 * DAY;
/// Monday, 1970-01-05.
const FIRST_MONDAY: i64 = 4 * DAY;

/// A recurring period.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Period {
    /// One period without end.
    Endless,
    /// Periods of so many milliseconds, of which one begins at `first` (Unix milliseconds, also before 1970).
    Every {
        /// The length, above 0.
        length_ms: u64,
        /// Where one begins.
        first: i64,
    },
    /// `Hourly`
    Hour,
    /// `Daily`
    Day,
    /// `Weekly`, from Monday
    Week,
    /// `Monthly`
    Month,
    /// `Yearly`
    Year,
}

impl Period {
    /// As two numbers that stay the same in later versions: quotas that are kept are found by them.
    pub(crate) fn numbers(self) -> [u64; 2] {
        match self {
            Self::Endless => [0, 0],
            Self::Every { length_ms, first } => [length_ms, first.cast_unsigned()],
            Self::Hour => [0, 1],
            Self::Day => [0, 2],
            Self::Week => [0, 3],
            Self::Month => [0, 4],
            Self::Year => [0, 5],
        }
    }

    /// `first-period-start` when a document leaves it out: 0001-01-01T00:00:00Z, in Unix milliseconds.
    pub const DEFAULT_START: i64 = -62_135_596_800_000;

    /// A period of `renewal-period` seconds aligned to `first` (Unix milliseconds); 0 seconds is endless.
    #[must_use]
    pub fn every(seconds: u64, first: i64) -> Self {
        match seconds
            .checked_mul(1000)
            .filter(|length| i64::try_from(*length).is_ok())
        {
            Some(length_ms) if length_ms > 0 => Self::Every { length_ms, first },
            _ => Self::Endless,
        }
    }

    /// When the period of `now` began and, unless it is endless, when the next begins, in Unix milliseconds.
    #[must_use]
    pub fn bounds(self, now: u64) -> (i64, Option<i64>) {
        let now = i64::try_from(now).unwrap_or(i64::MAX);
        match self {
            Self::Endless => (i64::MIN, None),
            Self::Every { length_ms, first } => aligned(
                now,
                i64::try_from(length_ms).unwrap_or(i64::MAX).max(1),
                first,
            ),
            Self::Hour => aligned(now, HOUR, 0),
            Self::Day => aligned(now, DAY, 0),
            Self::Week => aligned(now, WEEK, FIRST_MONDAY),
            Self::Month => calendar(now, Date::first_of_month, Date::last_of_month),
            Self::Year => calendar(now, Date::first_of_year, Date::last_of_year),
        }
    }
}

fn aligned(now: i64, length: i64, first: i64) -> (i64, Option<i64>) {
    let into = (i128::from(now) - i128::from(first)).rem_euclid(i128::from(length));
    let start = now.saturating_sub(i64::try_from(into).unwrap_or(i64::MAX));
    (start, Some(start.saturating_add(length)))
}

fn calendar(now: i64, first: fn(Date) -> Date, last: fn(Date) -> Date) -> (i64, Option<i64>) {
    // A time outside jiff's years (up to 9999) has no calendar; the clock is broken then, and the period endless.
    let Ok(time) = Timestamp::from_millisecond(now) else {
        return (i64::MIN, None);
    };
    let date = time.to_zoned(TimeZone::UTC).date();
    let midnight = |date: Date| {
        date.to_zoned(TimeZone::UTC)
            .ok()
            .map(|zoned| zoned.timestamp().as_millisecond())
    };
    let end = last(date).tomorrow().ok().and_then(midnight);
    (midnight(first(date)).unwrap_or(i64::MIN), end)
}
