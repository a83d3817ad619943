//! `DateTime`, `DateTimeOffset` and `TimeSpan`: ticks, calendar, .NET format strings and parsing, invariant culture.
//!
//! The local time zone is UTC, as on the service's gateways. [`format`](fn@format) prints, [`read`] and [`exact`] parse dates,
//! [`span`] does both for time spans. Called by the rows of the table and by what prints values.

pub(crate) mod exact;
mod format;
pub(crate) mod read;
pub(crate) mod span;

/// 100 ns units in a second.
pub const TICKS_PER_SECOND: i64 = 10_000_000;
/// 100 ns units in a day.
pub const TICKS_PER_DAY: i64 = 86_400 * TICKS_PER_SECOND;
/// `DateTime.MaxValue.Ticks`.
pub const MAX_TICKS: i64 = 3_155_378_975_999_999_999;
/// Ticks at 1970-01-01.
pub const UNIX_EPOCH: i64 = 621_355_968_000_000_000;

/// `DateTimeKind`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// No zone given.
    Unspecified,
    /// UTC.
    Utc,
    /// Local, which here is UTC too.
    Local,
}

/// `System.DateTime`.
#[derive(Clone, Copy, Debug)]
pub struct DateTime {
    /// 100 ns units since 0001-01-01.
    pub ticks: i64,
    /// Which clock it is from.
    pub kind: Kind,
}

/// `System.DateTimeOffset`.
#[derive(Clone, Copy, Debug)]
pub struct DateTimeOffset {
    /// 100 ns units since 0001-01-01 on the clock of the offset.
    pub ticks: i64,
    /// Minutes ahead of UTC.
    pub offset_minutes: i16,
}

impl DateTimeOffset {
    /// Ticks of the same moment in UTC.
    pub fn utc_ticks(&self) -> i64 {
        self.ticks - i64::from(self.offset_minutes) * 60 * TICKS_PER_SECOND
    }
}

/// A moment taken apart.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Parts {
    pub(crate) year: i64,
    pub(crate) month: u32,
    pub(crate) day: u32,
    pub(crate) hour: i64,
    pub(crate) minute: i64,
    pub(crate) second: i64,
    /// Ticks within the second.
    pub(crate) fraction: i64,
    /// 0 is Sunday.
    pub(crate) weekday: usize,
    pub(crate) zone: Zone,
}

/// What `K` and `z` print.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Zone {
    Kind(Kind),
    Offset(i16),
}

pub(crate) const DAYS: [&str; 7] = [
    "Sunday",
    "Monday",
    "Tuesday",
    "Wednesday",
    "Thursday",
    "Friday",
    "Saturday",
];
pub(crate) const MONTHS: [&str; 12] = [
    "January",
    "February",
    "March",
    "April",
    "May",
    "June",
    "July",
    "August",
    "September",
    "October",
    "November",
    "December",
];

pub(crate) fn is_leap(year: i64) -> bool {
    (year % 4 == 0 && year % 100 != 0) || year % 400 == 0
}

pub(crate) fn days_in_month(year: i64, month: u32) -> u32 {
    match month {
        2 => 28 + u32::from(is_leap(year)),
        4 | 6 | 9 | 11 => 30,
        _ => 31,
    }
}

/// Ticks of a date and time, if there is such a one between the years 1 and 9999.
pub(crate) fn ticks_of(
    year: i64,
    month: i64,
    day: i64,
    hour: i64,
    minute: i64,
    second: i64,
    fraction: i64,
) -> Option<i64> {
    let m = u32::try_from(month).ok().filter(|m| (1..=12).contains(m))?;
    let valid = (1..=9999).contains(&year)
        && (1..=i64::from(days_in_month(year, m))).contains(&day)
        && (0..24).contains(&hour)
        && (0..60).contains(&minute)
        && (0..60).contains(&second)
        && (0..TICKS_PER_SECOND).contains(&fraction);
    if !valid {
        return None;
    }
    // Days from civil, era arithmetic; 306 days separate 0000-03-01 from 0001-01-01.
    let y = if month <= 2 { year - 1 } else { year };
    let shifted = (month + 9) % 12;
    let days = y * 365 + y / 4 - y / 100 + y / 400 + (shifted * 306 + 5) / 10 + day - 1 - 306;
    Some(days * TICKS_PER_DAY + ((hour * 60 + minute) * 60 + second) * TICKS_PER_SECOND + fraction)
}

impl Parts {
    pub(crate) fn of(ticks: i64) -> Parts {
        let days = ticks.div_euclid(TICKS_PER_DAY);
        let in_day = ticks.rem_euclid(TICKS_PER_DAY);
        let z = days + 306;
        let era = z.div_euclid(146_097);
        let doe = z.rem_euclid(146_097);
        let yoe = (doe - doe / 1460 + doe / 36_524 - doe / 146_096) / 365;
        let doy = doe - (365 * yoe + yoe / 4 - yoe / 100);
        let mp = (5 * doy + 2) / 153;
        let day = doy - (153 * mp + 2) / 5 + 1;
        let month = if mp < 10 { mp + 3 } else { mp - 9 };
        let year = yoe + era * 400 + i64::from(month <= 2);
        let seconds = in_day / TICKS_PER_SECOND;
        Parts {
            year,
            month: month as u32,
            day: day as u32,
            hour: seconds / 3600,
            minute: seconds / 60 % 60,
            second: seconds % 60,
            fraction: in_day % TICKS_PER_SECOND,
            weekday: (days + 1).rem_euclid(7) as usize,
            zone: Zone::Kind(Kind::Unspecified),
        }
    }

    pub(crate) fn of_date(date: DateTime) -> Parts {
        Parts {
            zone: Zone::Kind(date.kind),
            ..Parts::of(date.ticks)
        }
    }

    pub(crate) fn of_offset(date: DateTimeOffset) -> Parts {
        Parts {
            zone: Zone::Offset(date.offset_minutes),
            ..Parts::of(date.ticks)
        }
    }

    /// From 1.
    pub(crate) fn day_of_year(&self) -> u32 {
        (1..self.month)
            .map(|m| days_in_month(self.year, m))
            .sum::<u32>()
            + self.day
    }

    /// Moves by months and keeps the day within the month.
    pub(crate) fn add_months(&self, months: i64) -> Option<i64> {
        let total = self
            .year
            .checked_mul(12)?
            .checked_add(i64::from(self.month) - 1)?
            .checked_add(months)?;
        let (year, month) = (total.div_euclid(12), total.rem_euclid(12) + 1);
        if !(1..=9999).contains(&year) {
            return None;
        }
        let day = self.day.min(days_in_month(year, month as u32));
        ticks_of(
            year,
            month,
            i64::from(day),
            self.hour,
            self.minute,
            self.second,
            self.fraction,
        )
    }
}

pub(crate) use format::{format, offset_text, pattern};
pub(crate) use read::{parse_date, parse_offset};
pub(crate) use span::{format_span, parse_span};
