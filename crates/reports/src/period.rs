//! Periods of a calendar, as people name them, and the days that instants fall on.
//!
//! Called by the commands and by everything here that groups by time. What must stay true: a period is a half-open
//! range of instants, whose bounds are midnights of a time zone, so that days of 23 and 25 hours are whole days; the
//! periods of a calendar neither overlap nor leave a gap.

#[cfg(test)]
mod tests;

use jiff::civil::{Date, Weekday};
use jiff::tz::TimeZone;
use jiff::{Timestamp, ToSpan, Zoned};

/// A half-open range of time in a time zone.
#[derive(Clone, Debug, PartialEq)]
pub struct Period {
    /// The first instant.
    pub start: Timestamp,
    /// The first instant that no longer belongs to it.
    pub end: Timestamp,
    /// As people call it: `2026-11`, or `2026-11-01 to 2026-11-15` with both days in it.
    pub name: String,
    /// Whose days these are.
    pub zone: TimeZone,
}

/// A text that names no period.
#[derive(Clone, Debug, thiserror::Error, PartialEq, Eq)]
#[error("{text:?} is not a {what}: {remedy}")]
pub struct NotAPeriod {
    /// What was given.
    pub text: String,
    /// What it should have been.
    pub what: &'static str,
    /// How one is written.
    pub remedy: &'static str,
}

const PERIODS: &str = "write a year (2026), quarter (2026-Q4), month (2026-11), week (2026-W47), day (2026-11-20), \
     today, yesterday, this-month, last-month, this-year, or all";

impl Period {
    /// The period that `text` names: a year, quarter, month, ISO week or day, or one relative to `now`.
    ///
    /// # Errors
    /// When it names none, or one outside of the calendar.
    pub fn parse(text: &str, zone: &TimeZone, now: Timestamp) -> Result<Period, NotAPeriod> {
        let fault = || NotAPeriod {
            text: text.to_owned(),
            what: "period",
            remedy: PERIODS,
        };
        let today = now.to_zoned(zone.clone()).date();
        let (first, next, name) = match text {
            "all" => return Ok(Period::all(zone)),
            "today" => day(today),
            "yesterday" => today.yesterday().ok().and_then(day),
            "this-month" => month(today.year(), today.month()),
            "last-month" => today
                .first_of_month()
                .yesterday()
                .ok()
                .and_then(|d| month(d.year(), d.month())),
            "this-year" => year(today.year()),
            _ => named(text),
        }
        .ok_or_else(fault)?;
        Period::days(first, next, name, zone).ok_or_else(fault)
    }

    /// From the beginning of a day to the end of another, both included.
    ///
    /// # Errors
    /// When one is no day, or the second is before the first.
    pub fn between(from: &str, to: &str, zone: &TimeZone) -> Result<Period, NotAPeriod> {
        let day = |text: &str| {
            text.parse::<Date>().map_err(|_| NotAPeriod {
                text: text.to_owned(),
                what: "day",
                remedy: "write it as 2026-11-20",
            })
        };
        let (first, last) = (day(from)?, day(to)?);
        let fault = || NotAPeriod {
            text: to.to_owned(),
            what: "day to end with",
            remedy: "it must not be before the day to begin with",
        };
        if last < first {
            return Err(fault());
        }
        let next = last.tomorrow().map_err(|_| fault())?;
        Period::days(first, next, format!("{first} to {last}"), zone).ok_or_else(fault)
    }

    /// All of time.
    #[must_use]
    pub fn all(zone: &TimeZone) -> Period {
        Period {
            start: Timestamp::MIN,
            end: Timestamp::MAX,
            name: String::from("all"),
            zone: zone.clone(),
        }
    }

    /// A month, as `2026-11`.
    ///
    /// # Errors
    /// When it is none.
    pub fn month(text: &str, zone: &TimeZone) -> Result<Period, NotAPeriod> {
        let fault = || NotAPeriod {
            text: text.to_owned(),
            what: "month",
            remedy: "write it as 2026-11",
        };
        let (first, next, name) = match text.len() {
            7 => named(text).filter(|(_, _, name)| name.len() == 7 && !name.contains(['Q', 'W'])),
            _ => None,
        }
        .ok_or_else(fault)?;
        Period::days(first, next, name, zone).ok_or_else(fault)
    }

    /// The month before the one that this one begins in.
    #[must_use]
    pub fn month_before(&self) -> Option<Period> {
        let first = self.start.to_zoned(self.zone.clone()).date();
        let before = first.first_of_month().yesterday().ok()?;
        let (first, next, name) = month(before.year(), before.month())?;
        Period::days(first, next, name, &self.zone)
    }

    fn days(first: Date, next: Date, name: String, zone: &TimeZone) -> Option<Period> {
        Some(Period {
            start: midnight(first, zone)?,
            end: midnight(next, zone)?,
            name,
            zone: zone.clone(),
        })
    }

    /// Whether an instant is in it.
    #[must_use]
    pub fn contains(&self, at: Timestamp) -> bool {
        self.start <= at && at < self.end
    }

    /// Its days in order; at most `limit` of them, so that all of time does not make a list.
    #[must_use]
    pub fn dates(&self, limit: usize) -> Vec<Date> {
        let first = self.start.to_zoned(self.zone.clone()).date();
        let mut dates = Vec::new();
        let mut date = first;
        while dates.len() < limit && midnight(date, &self.zone).is_some_and(|at| at < self.end) {
            dates.push(date);
            match date.tomorrow() {
                Ok(next) => date = next,
                Err(_) => break,
            }
        }
        dates
    }
}

/// The first instant of a day; where midnight does not exist (a change to summer time at midnight) the first that does.
#[must_use]
pub fn midnight(date: Date, zone: &TimeZone) -> Option<Timestamp> {
    let zoned = date.to_zoned(zone.clone()).ok()?;
    Some(zoned.start_of_day().ok()?.timestamp())
}

type Named = (Date, Date, String);

fn day(date: Date) -> Option<Named> {
    Some((date, date.tomorrow().ok()?, date.to_string()))
}

fn month(year: i16, month: i8) -> Option<Named> {
    let first = Date::new(year, month, 1).ok()?;
    let next = first.checked_add(1.month()).ok()?;
    Some((first, next, format!("{year:04}-{month:02}")))
}

fn year(year: i16) -> Option<Named> {
    let first = Date::new(year, 1, 1).ok()?;
    Some((
        first,
        first.checked_add(1.year()).ok()?,
        format!("{year:04}"),
    ))
}

fn named(text: &str) -> Option<Named> {
    let number = |text: &str| -> Option<i8> {
        let digits = text.bytes().all(|b| b.is_ascii_digit());
        (digits && !text.is_empty()).then(|| text.parse().ok())?
    };
    let mut parts = text.splitn(3, '-');
    let first = parts.next()?;
    if first.len() != 4 || !first.bytes().all(|b| b.is_ascii_digit()) {
        return None;
    }
    let y: i16 = first.parse().ok()?;
    match (parts.next(), parts.next()) {
        (None, _) => year(y),
        (Some(part), None) => {
            if let Some(quarter) = part.strip_prefix('Q') {
                let quarter = number(quarter).filter(|q| (1..=4).contains(q))?;
                let first = Date::new(y, quarter * 3 - 2, 1).ok()?;
                return Some((first, first.checked_add(3.months()).ok()?, text.to_owned()));
            }
            if let Some(week) = part.strip_prefix('W') {
                let week = number(week).filter(|_| week.len() == 2)?;
                let first = jiff::civil::ISOWeekDate::new(y, week, Weekday::Monday).ok()?;
                let first = first.date();
                return Some((first, first.checked_add(1.week()).ok()?, text.to_owned()));
            }
            month(y, number(part).filter(|_| part.len() == 2)?)
        }
        (Some(_), Some(_)) => day(text.parse().ok().filter(|_| text.len() == 10)?),
    }
}

/// The days that instants fall on. Instants that come in order cost a comparison: the bounds of the last day are kept.
#[derive(Clone, Debug)]
pub struct Days {
    zone: TimeZone,
    start: Timestamp,
    end: Timestamp,
    date: Date,
}

impl Days {
    /// The days of a time zone.
    #[must_use]
    pub fn new(zone: &TimeZone) -> Days {
        Days {
            zone: zone.clone(),
            start: Timestamp::MAX,
            end: Timestamp::MIN,
            date: Date::ZERO,
        }
    }

    /// The day that an instant falls on.
    pub fn of(&mut self, at: Timestamp) -> Date {
        if at < self.start || at >= self.end {
            let date = at.to_zoned(self.zone.clone()).date();
            self.date = date;
            self.start = midnight(date, &self.zone).unwrap_or(at);
            let next = date.tomorrow().ok();
            let next = next.and_then(|next| midnight(next, &self.zone));
            self.end = next.unwrap_or(Timestamp::MAX);
        }
        self.date
    }

    /// The hour that an instant falls in, as `2026-11-20T14:00+01:00`: with the offset, because an hour comes twice
    /// when summer time ends.
    #[must_use]
    pub fn hour(&self, at: Timestamp) -> String {
        let zoned: Zoned = at.to_zoned(self.zone.clone());
        zoned.strftime("%Y-%m-%dT%H:00%:z").to_string()
    }
}

/// The ISO week of a day, as `2026-W47`.
#[must_use]
pub fn week(date: Date) -> String {
    let week = date.iso_week_date();
    format!("{:04}-W{:02}", week.year(), week.week())
}
