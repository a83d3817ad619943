//! `TimeZoneInfo.TransitionTime` and `TimeZoneInfo.AdjustmentRule`: when the clock of a zone is moved.

use super::super::dates::{bad_argument, date, out_of_range, span};
use super::super::enums::DAY_OF_WEEK;
use super::super::{Row, m};
use super::null_argument;
use crate::expr::eval::{Args, R, Throw};
use crate::expr::types::Ty;
use crate::value::time::{
    MAX_TICKS, Parts, TICKS_PER_DAY, TICKS_PER_SECOND, days_in_month, ticks_of,
};
use crate::value::{DateTime, Kind, Object, Value};
use std::any::Any;
use std::rc::Rc;

const MINUTE: i64 = 60 * TICKS_PER_SECOND;

/// The day of the month of a transition.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Day {
    Fixed(i64),
    /// Week (5 is the last) and day of the week (0 is Sunday).
    Floating(i64, i64),
    /// That of `default`: no week, and no day.
    Default,
}

/// A `TransitionTime`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Transition {
    pub(super) month: i64,
    pub(super) day: Day,
    /// Ticks of the clock within the day.
    pub(super) time: i64,
}

/// `default(TransitionTime)`.
pub(crate) fn no_transition() -> Value {
    Value::Object(Rc::new(Transition {
        month: 0,
        day: Day::Default,
        time: 0,
    }))
}

impl Object for Transition {
    fn ty(&self) -> Ty {
        Ty::class("TransitionTime")
    }
    fn as_any(&self) -> &dyn Any {
        self
    }
    fn hash_text(&self) -> Option<String> {
        Some(self.text())
    }
    fn equals(&self, other: &dyn Object) -> bool {
        other.as_any().downcast_ref::<Transition>() == Some(self)
    }
}

impl Transition {
    /// The moment on the clock in a year.
    pub(super) fn in_year(&self, year: i64) -> i64 {
        let last = i64::from(days_in_month(year, self.month as u32));
        let day = match self.day {
            Day::Fixed(day) => day.min(last),
            Day::Floating(week, weekday) => {
                let first = ticks_of(year, self.month, 1, 0, 0, 0, 0).unwrap_or(0);
                let first = Parts::of(first).weekday as i64;
                let day = 1 + (weekday - first).rem_euclid(7) + (week - 1) * 7;
                if day > last { day - 7 } else { day }
            }
            Day::Default => 1,
        };
        ticks_of(year, self.month, day, 0, 0, 0, 0).unwrap_or(0) + self.time
    }
}

/// An `AdjustmentRule`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Adjustment {
    /// First and last day, ticks at their midnight.
    pub(super) from: i64,
    pub(super) to: i64,
    /// How far the clock is put forward, ticks.
    pub(super) delta: i64,
    pub(super) start: Transition,
    pub(super) end: Transition,
}

impl Object for Adjustment {
    fn ty(&self) -> Ty {
        Ty::class("AdjustmentRule")
    }
    fn as_any(&self) -> &dyn Any {
        self
    }
    fn hash_text(&self) -> Option<String> {
        Some(self.text())
    }
    fn equals(&self, other: &dyn Object) -> bool {
        other.as_any().downcast_ref::<Adjustment>() == Some(self)
    }
}

/// Whether a time is in a part of the year that may reach over its end.
fn inside(start: i64, time: i64, end: i64) -> bool {
    if start > end {
        time < end || time >= start
    } else {
        time >= start && time < end
    }
}

impl Adjustment {
    pub(super) fn covers(&self, clock: i64) -> bool {
        (self.from..self.to.saturating_add(TICKS_PER_DAY)).contains(&clock)
    }

    /// Start and end on the clock in the year of a time.
    fn around(&self, clock: i64) -> (i64, i64) {
        let year = Parts::of(clock).year;
        (self.start.in_year(year), self.end.in_year(year))
    }

    /// Whether a clock shows summer time; what it leaves out is not, nor what it shows twice.
    pub(super) fn is_summer(&self, clock: i64) -> bool {
        let (start, end) = self.around(clock);
        let by = self.delta.max(0);
        inside(start + by, clock, end - by)
    }

    /// Whether it is summer time at a moment in UTC.
    pub(super) fn is_summer_at(&self, utc: i64, base: i64) -> bool {
        let (start, end) = self.around((utc + base).clamp(0, MAX_TICKS));
        inside(start - base, utc, end - base - self.delta)
    }

    /// Whether a clock never shows that time.
    pub(super) fn skips(&self, clock: i64) -> bool {
        let (start, end) = self.around(clock);
        if self.delta >= 0 {
            (start..start + self.delta).contains(&clock)
        } else {
            (end..end - self.delta).contains(&clock)
        }
    }

    /// Whether a clock shows that time twice.
    pub(super) fn repeats(&self, clock: i64) -> bool {
        let (start, end) = self.around(clock);
        if self.delta >= 0 {
            (end - self.delta..end).contains(&clock)
        } else {
            (start + self.delta..start).contains(&clock)
        }
    }
}

fn transition<'a>(a: &'a Args<'_>, i: usize) -> Result<&'a Transition, Throw> {
    a.object::<Transition>(i)
        .map_err(|_| null_argument("transition"))
}

pub(super) fn adjustment<'a>(a: &'a Args<'_>, i: usize) -> Result<&'a Adjustment, Throw> {
    a.object::<Adjustment>(i)
        .map_err(|_| null_argument("other"))
}

/// Minutes of a span within 14 hours, as zones have them.
pub(super) fn whole_minutes(ticks: i64, name: &str) -> Result<i64, Throw> {
    if ticks.unsigned_abs() > (14 * 60 * MINUTE) as u64 {
        return Err(out_of_range(
            "The TimeSpan parameter must be within plus or minus 14.0 hours.",
            name,
        ));
    }
    if ticks % MINUTE != 0 {
        return Err(bad_argument(
            "The TimeSpan parameter cannot be specified more precisely than whole minutes.",
            name,
        ));
    }
    Ok(ticks)
}

fn made(a: &Args<'_>, floating: bool) -> R {
    let time = date(a, 0);
    if time.kind != Kind::Unspecified {
        return Err(bad_argument(
            "The supplied DateTime must have the Kind property set to DateTimeKind.Unspecified.",
            "timeOfDay",
        ));
    }
    if !(1..=12).contains(&a.int(1)) {
        return Err(out_of_range(
            "The Month parameter must be in the range 1 through 12.",
            "month",
        ));
    }
    let day = if floating {
        if !(1..=5).contains(&a.int(2)) {
            return Err(out_of_range(
                "The Week parameter must be in the range 1 through 5.",
                "week",
            ));
        }
        if !(0..=6).contains(&a.int(3)) {
            return Err(out_of_range(
                "The DayOfWeek enumeration must be in the range 0 through 6.",
                "dayOfWeek",
            ));
        }
        Day::Floating(a.int(2), a.int(3))
    } else {
        if !(1..=31).contains(&a.int(2)) {
            return Err(out_of_range(
                "The Day parameter must be in the range 1 through 31.",
                "day",
            ));
        }
        Day::Fixed(a.int(2))
    };
    if time.ticks >= TICKS_PER_DAY || time.ticks % 10_000 != 0 {
        return Err(bad_argument(
            "The supplied DateTime must have the Year, Month, and Day properties set to 1.  The time cannot be specified more precisely than whole milliseconds.",
            "timeOfDay",
        ));
    }
    Ok(Value::Object(Rc::new(Transition {
        month: a.int(1),
        day,
        time: time.ticks,
    })))
}

fn same(a: &Args<'_>) -> Result<bool, Throw> {
    Ok(transition(a, 0)? == transition(a, 1)?)
}

fn int(n: i64) -> R {
    Ok(Value::Int(n as i32))
}

fn unspecified(ticks: i64) -> R {
    Ok(Value::DateTime(DateTime {
        ticks,
        kind: Kind::Unspecified,
    }))
}

pub(super) const TRANSITION: &[Row] = &[
    m(
        "static TransitionTime CreateFixedDateRule(DateTime timeOfDay, int month, int day)",
        |_, a| made(a, false),
    ),
    m(
        "static TransitionTime CreateFloatingDateRule(DateTime timeOfDay, int month, int week, DayOfWeek dayOfWeek)",
        |_, a| made(a, true),
    ),
    m("DateTime TimeOfDay", |_, a| {
        unspecified(transition(a, 0)?.time)
    }),
    m("int Month", |_, a| int(transition(a, 0)?.month)),
    m("int Week", |_, a| {
        int(match transition(a, 0)?.day {
            Day::Fixed(_) => 1,
            Day::Floating(week, _) => week,
            Day::Default => 0,
        })
    }),
    m("int Day", |_, a| {
        int(match transition(a, 0)?.day {
            Day::Fixed(day) => day,
            Day::Floating(..) => 1,
            Day::Default => 0,
        })
    }),
    m("DayOfWeek DayOfWeek", |_, a| {
        let day = match transition(a, 0)?.day {
            Day::Fixed(_) | Day::Default => 0,
            Day::Floating(_, day) => day,
        };
        Ok(Value::Enum(&DAY_OF_WEEK, day))
    }),
    m("bool IsFixedDateRule", |_, a| {
        let fixed = matches!(transition(a, 0)?.day, Day::Fixed(_));
        Ok(Value::Bool(fixed))
    }),
    m("bool Equals(TransitionTime other)", |_, a| {
        same(a).map(Value::Bool)
    }),
    m(
        "static bool operator ==(TransitionTime t1, TransitionTime t2)",
        |_, a| same(a).map(Value::Bool),
    ),
    m(
        "static bool operator !=(TransitionTime t1, TransitionTime t2)",
        |_, a| same(a).map(|same| Value::Bool(!same)),
    ),
];

fn rule(a: &Args<'_>) -> R {
    let (from, to) = (date(a, 0), date(a, 1));
    if from.kind == Kind::Local || to.kind == Kind::Local {
        let name = if from.kind == Kind::Local {
            "dateStart"
        } else {
            "dateEnd"
        };
        return Err(bad_argument(
            "The supplied DateTime must have the Kind property set to DateTimeKind.Unspecified or DateTimeKind.Utc.",
            name,
        ));
    }
    let (start, end) = (*transition(a, 3)?, *transition(a, 4)?);
    if start == end {
        return Err(bad_argument(
            "The DaylightTransitionStart property must not equal the DaylightTransitionEnd property.",
            "daylightTransitionEnd",
        ));
    }
    if from.ticks > to.ticks {
        return Err(bad_argument(
            "The DateStart property must come before the DateEnd property.",
            "dateStart",
        ));
    }
    let delta = whole_minutes(span(a, 2), "daylightDelta")?;
    for (d, name) in [(from, "dateStart"), (to, "dateEnd")] {
        if d.ticks % TICKS_PER_DAY != 0 {
            return Err(bad_argument(
                "The supplied DateTime includes a TimeOfDay setting.   This is not supported.",
                name,
            ));
        }
    }
    Ok(Value::Object(Rc::new(Adjustment {
        from: from.ticks,
        to: to.ticks,
        delta,
        start,
        end,
    })))
}

pub(super) const ADJUSTMENT: &[Row] = &[
    m(
        "static AdjustmentRule CreateAdjustmentRule(DateTime dateStart, DateTime dateEnd, TimeSpan daylightDelta, TransitionTime daylightTransitionStart, TransitionTime daylightTransitionEnd)",
        |_, a| rule(a),
    ),
    m("DateTime DateStart", |_, a| {
        unspecified(adjustment(a, 0)?.from)
    }),
    m("DateTime DateEnd", |_, a| unspecified(adjustment(a, 0)?.to)),
    m("TimeSpan DaylightDelta", |_, a| {
        Ok(Value::TimeSpan(adjustment(a, 0)?.delta))
    }),
    m("TimeSpan BaseUtcOffsetDelta", |_, _| Ok(Value::TimeSpan(0))),
    m("TransitionTime DaylightTransitionStart", |_, a| {
        Ok(Value::Object(Rc::new(adjustment(a, 0)?.start)))
    }),
    m("TransitionTime DaylightTransitionEnd", |_, a| {
        Ok(Value::Object(Rc::new(adjustment(a, 0)?.end)))
    }),
    m("bool Equals(AdjustmentRule other)", |_, a| {
        Ok(Value::Bool(
            !a.is_null(1) && adjustment(a, 0)? == adjustment(a, 1)?,
        ))
    }),
];
