//! Periods of budgets in the calendar of a time zone: when the present one began and when it ends.
//!
//! Called by `budgets` and by whoever shows one. What must hold: a day is from midnight to midnight as the zone's clocks
//! show it, so it has 23 or 25 hours where they are changed; periods follow each other without a gap.

use jiff::civil::{Date, Weekday};
use jiff::tz::TimeZone;
use jiff::{Timestamp, ToSpan};

/// How a budget's periods follow each other.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Recurrence {
    /// One period without end.
    Endless,
    /// Calendar days.
    Day,
    /// Calendar weeks, from this day on.
    Week(Weekday),
    /// Calendar months.
    Month,
    /// Quarters, from January, April, July and October on.
    Quarter,
    /// Calendar years.
    Year,
    /// So many days each, of which one period begins on a date.
    Days {
        /// The length, at least 1.
        days: u32,
        /// A date on which one begins.
        from: Date,
    },
    /// One period of two dates, both included. Outside of it there is nothing to spend.
    Once {
        /// The first day.
        from: Date,
        /// The last day.
        until: Date,
    },
}

/// Periods in a time zone.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Calendar {
    /// How they follow each other.
    pub recurrence: Recurrence,
    /// Whose midnight counts.
    pub zone: TimeZone,
}

/// One period: from `start` to before `end`, Unix milliseconds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Bounds {
    /// When it began.
    pub start: i64,
    /// When the next begins; `None`: never.
    pub end: Option<i64>,
    /// Whether anything may be spent in it: not before and after the one period of [`Recurrence::Once`].
    pub open: bool,
}

impl Bounds {
    /// The one that holds all time.
    pub const ALWAYS: Bounds = Bounds {
        start: i64::MIN,
        end: None,
        open: true,
    };

    /// Whether a time is in it.
    #[must_use]
    pub fn contains(&self, at: i64) -> bool {
        self.start <= at && self.end.is_none_or(|end| at < end)
    }

    /// Milliseconds from `now` until there is something to spend again; `None`: that does not come by itself.
    #[must_use]
    pub fn renewed_in(&self, now: u64) -> Option<u64> {
        let left = i128::from(self.end?) - i128::from(now);
        Some(u64::try_from(left.max(1)).unwrap_or(u64::MAX))
    }
}

impl Calendar {
    /// A calendar without an end to its period.
    #[must_use]
    pub fn endless() -> Calendar {
        Calendar {
            recurrence: Recurrence::Endless,
            zone: TimeZone::UTC,
        }
    }

    /// The period that holds `now` (Unix milliseconds). A time outside of the calendar's years has one without end.
    #[must_use]
    pub fn bounds(&self, now: u64) -> Bounds {
        let at = i64::try_from(now).unwrap_or(i64::MAX);
        if self.recurrence == Recurrence::Endless {
            return Bounds::ALWAYS;
        }
        self.dated(at).unwrap_or(Bounds::ALWAYS)
    }

    fn dated(&self, at: i64) -> Option<Bounds> {
        let now = Timestamp::from_millisecond(at).ok()?;
        let today = now.to_zoned(self.zone.clone()).date();
        let (first, next) = match self.recurrence {
            Recurrence::Endless => return None,
            Recurrence::Day => (today, today.tomorrow().ok()),
            Recurrence::Week(begins) => {
                let since = begins.until(today.weekday());
                let first = today.checked_sub(i64::from(since).days()).ok()?;
                (first, first.checked_add(7.days()).ok())
            }
            Recurrence::Month => (
                today.first_of_month(),
                today.last_of_month().tomorrow().ok(),
            ),
            Recurrence::Quarter => {
                let month = (today.month() - 1) / 3 * 3 + 1;
                let first = Date::new(today.year(), month, 1).ok()?;
                (first, first.checked_add(3.months()).ok())
            }
            Recurrence::Year => (today.first_of_year(), today.last_of_year().tomorrow().ok()),
            Recurrence::Days { days, from } => {
                let days = i64::from(days.max(1));
                let since = i64::from(from.until(today).ok()?.get_days()).rem_euclid(days);
                let first = today.checked_sub(since.days()).ok()?;
                (first, first.checked_add(days.days()).ok())
            }
            Recurrence::Once { from, until } => return self.once(at, from, until),
        };
        Some(Bounds {
            start: self.midnight(first)?.min(at),
            end: next.and_then(|next| self.midnight(next)),
            open: true,
        })
    }

    fn once(&self, at: i64, from: Date, until: Date) -> Option<Bounds> {
        let start = self.midnight(from)?;
        let end = until.tomorrow().ok().and_then(|day| self.midnight(day));
        let inside = Bounds {
            start,
            end,
            open: true,
        };
        Some(if inside.contains(at) {
            inside
        } else if at < start {
            Bounds {
                start: i64::MIN,
                end: Some(start),
                open: false,
            }
        } else {
            Bounds {
                start: end.unwrap_or(start),
                end: None,
                open: false,
            }
        })
    }

    /// The first instant of a day in the zone. Where midnight is left out, that is when the clocks go on.
    fn midnight(&self, date: Date) -> Option<i64> {
        let zoned = date.to_zoned(self.zone.clone()).ok()?;
        Some(zoned.timestamp().as_millisecond())
    }
}
