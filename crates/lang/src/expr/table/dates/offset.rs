//! `System.DateTimeOffset`.

use super::super::{Row, m};
use super::{
    added, after_months, after_years, bad_argument, date, file_ticks, given_ticks, moved, offset,
    order, order_object, out_of_range, span, ticks_of, to_file_time, within,
};
use crate::expr::eval::{Args, R, Throw, equal};
use crate::value::time::{MAX_TICKS, TICKS_PER_DAY, TICKS_PER_SECOND, UNIX_EPOCH};
use crate::value::{DateTime, DateTimeOffset, Kind, Value};

const MINUTE: i64 = 60 * TICKS_PER_SECOND;

/// Ticks of a clock and the minutes it is ahead of UTC; the moment in UTC must be a date.
pub(super) fn at(ticks: i64, minutes: i16) -> R {
    let made = DateTimeOffset {
        ticks,
        offset_minutes: minutes,
    };
    if within(Some(made.utc_ticks())).is_none() {
        return Err(out_of_range(
            "The UTC time represented when the offset is applied must be between year 0 and 10,000.",
            "offset",
        ));
    }
    Ok(Value::DateTimeOffset(made))
}

/// On the same offset.
fn like(a: &Args<'_>, ticks: Result<i64, Throw>) -> R {
    at(ticks?, offset(a, 0).offset_minutes)
}

fn utc(ticks: i64) -> R {
    at(ticks, 0)
}

fn minutes(span: i64) -> Result<i16, Throw> {
    if span % MINUTE != 0 {
        return Err(bad_argument(
            "Offset must be specified in whole minutes.",
            "offset",
        ));
    }
    i16::try_from(span / MINUTE)
        .ok()
        .filter(|m| m.abs() <= 14 * 60)
        .ok_or_else(|| out_of_range("Offset must be within plus or minus 14 hours.", "offset"))
}

fn from_unix(n: i64, unit: i64, name: &str) -> R {
    let (least, most) = (-UNIX_EPOCH / unit, (MAX_TICKS - UNIX_EPOCH) / unit);
    if !(least..=most).contains(&n) {
        return Err(out_of_range(
            &format!("Valid values are between {least} and {most}, inclusive."),
            name,
        ));
    }
    utc(n * unit + UNIX_EPOCH)
}

fn date_of(ticks: i64, kind: Kind) -> R {
    Ok(Value::DateTime(DateTime { ticks, kind }))
}

/// Converts a clock to another offset.
fn shifted(a: &Args<'_>, minutes: i16) -> R {
    let ticks = offset(a, 0).utc_ticks() + i64::from(minutes) * MINUTE;
    let ticks = within(Some(ticks)).ok_or_else(|| {
        out_of_range(
            "The UTC time represented when the offset is applied must be between year 0 and 10,000.",
            "offset",
        )
    })?;
    at(ticks, minutes)
}

/// Whole units since 1970, rounded down.
fn unix(a: &Args<'_>, unit: i64) -> R {
    let since = offset(a, 0).utc_ticks() - UNIX_EPOCH;
    Ok(Value::Long(since.div_euclid(unit)))
}

pub(super) const ROWS: &[Row] = &[
    m("new()", |_, _| utc(0)),
    m("new(DateTime dateTime)", |_, a| utc(date(a, 0).ticks)),
    m("new(DateTime dateTime, TimeSpan offset)", |_, a| {
        let (d, o) = (date(a, 0), span(a, 1));
        match d.kind {
            Kind::Utc if o != 0 => Err(bad_argument(
                "The UTC Offset for Utc DateTime instances must be 0.",
                "offset",
            )),
            Kind::Local if o != 0 => Err(bad_argument(
                "The UTC Offset of the local dateTime parameter does not match the offset argument.",
                "offset",
            )),
            _ => at(d.ticks, minutes(o)?),
        }
    }),
    m("new(long ticks, TimeSpan offset)", |_, a| {
        let o = minutes(span(a, 1))?;
        at(given_ticks(a.int(0))?, o)
    }),
    m(
        "new(int year, int month, int day, int hour, int minute, int second, TimeSpan offset)",
        |_, a| {
            let o = minutes(span(a, 6))?;
            at(ticks_of(a, 6)?, o)
        },
    ),
    m(
        "new(int year, int month, int day, int hour, int minute, int second, int millisecond, TimeSpan offset)",
        |_, a| {
            let o = minutes(span(a, 7))?;
            at(ticks_of(a, 7)?, o)
        },
    ),
    m("static DateTimeOffset UtcNow", |cx, _| utc(cx.host.now())),
    m("static DateTimeOffset Now", |cx, _| utc(cx.host.now())),
    m("const DateTimeOffset MinValue", |_, _| utc(0)),
    m("const DateTimeOffset MaxValue", |_, _| utc(MAX_TICKS)),
    m("const DateTimeOffset UnixEpoch", |_, _| utc(UNIX_EPOCH)),
    m(
        "static DateTimeOffset FromUnixTimeSeconds(long seconds)",
        |_, a| from_unix(a.int(0), TICKS_PER_SECOND, "seconds"),
    ),
    m(
        "static DateTimeOffset FromUnixTimeMilliseconds(long milliseconds)",
        |_, a| from_unix(a.int(0), TICKS_PER_SECOND / 1000, "milliseconds"),
    ),
    m(
        "static DateTimeOffset FromFileTime(long fileTime)",
        |_, a| utc(file_ticks(a.int(0))?),
    ),
    m(
        "static int Compare(DateTimeOffset first, DateTimeOffset second)",
        |_, a| order(&a.values[0], &a.values[1]),
    ),
    m(
        "static bool Equals(DateTimeOffset first, DateTimeOffset second)",
        |_, a| Ok(Value::Bool(equal(&a.values[0], &a.values[1]))),
    ),
    m("long ToUnixTimeSeconds()", |_, a| unix(a, TICKS_PER_SECOND)),
    m("long ToUnixTimeMilliseconds()", |_, a| {
        unix(a, TICKS_PER_SECOND / 1000)
    }),
    m("long ToFileTime()", |_, a| {
        to_file_time(offset(a, 0).utc_ticks())
    }),
    m("DateTime DateTime", |_, a| {
        date_of(offset(a, 0).ticks, Kind::Unspecified)
    }),
    m("DateTime UtcDateTime", |_, a| {
        date_of(offset(a, 0).utc_ticks(), Kind::Utc)
    }),
    m("DateTime LocalDateTime", |_, a| {
        date_of(offset(a, 0).utc_ticks(), Kind::Local)
    }),
    m("DateTime Date", |_, a| {
        let ticks = offset(a, 0).ticks;
        date_of(ticks - ticks % TICKS_PER_DAY, Kind::Unspecified)
    }),
    m("TimeSpan Offset", |_, a| {
        Ok(Value::TimeSpan(
            i64::from(offset(a, 0).offset_minutes) * MINUTE,
        ))
    }),
    m("int TotalOffsetMinutes", |_, a| {
        Ok(Value::Int(i32::from(offset(a, 0).offset_minutes)))
    }),
    m("long UtcTicks", |_, a| {
        Ok(Value::Long(offset(a, 0).utc_ticks()))
    }),
    m("DateTimeOffset ToUniversalTime()", |_, a| shifted(a, 0)),
    m("DateTimeOffset ToLocalTime()", |_, a| shifted(a, 0)),
    m("DateTimeOffset ToOffset(TimeSpan offset)", |_, a| {
        // The clock is moved before the offset is looked at.
        let moved_clock = offset(a, 0).utc_ticks().checked_add(span(a, 1));
        moved(moved_clock, "t")?;
        let o = minutes(span(a, 1))?;
        shifted(a, o)
    }),
    m("DateTimeOffset Add(TimeSpan timeSpan)", |_, a| {
        like(
            a,
            moved(offset(a, 0).ticks.checked_add(span(a, 1)), "value"),
        )
    }),
    m("DateTimeOffset AddDays(double days)", |_, a| {
        like(a, added(offset(a, 0).ticks, a.double(1), TICKS_PER_DAY))
    }),
    m("DateTimeOffset AddHours(double hours)", |_, a| {
        like(a, added(offset(a, 0).ticks, a.double(1), 60 * MINUTE))
    }),
    m("DateTimeOffset AddMinutes(double minutes)", |_, a| {
        like(a, added(offset(a, 0).ticks, a.double(1), MINUTE))
    }),
    m("DateTimeOffset AddSeconds(double seconds)", |_, a| {
        like(a, added(offset(a, 0).ticks, a.double(1), TICKS_PER_SECOND))
    }),
    m(
        "DateTimeOffset AddMilliseconds(double milliseconds)",
        |_, a| {
            let unit = TICKS_PER_SECOND / 1000;
            like(a, added(offset(a, 0).ticks, a.double(1), unit))
        },
    ),
    m("DateTimeOffset AddTicks(long ticks)", |_, a| {
        like(a, moved(offset(a, 0).ticks.checked_add(a.int(1)), "value"))
    }),
    m("DateTimeOffset AddMonths(int months)", |_, a| {
        like(a, after_months(offset(a, 0).ticks, a.int(1)))
    }),
    m("DateTimeOffset AddYears(int years)", |_, a| {
        like(a, after_years(offset(a, 0).ticks, a.int(1)))
    }),
    m("TimeSpan Subtract(DateTimeOffset value)", |_, a| {
        Ok(between(a))
    }),
    m("DateTimeOffset Subtract(TimeSpan value)", |_, a| {
        like(
            a,
            moved(offset(a, 0).ticks.checked_sub(span(a, 1)), "value"),
        )
    }),
    m("int CompareTo(DateTimeOffset other)", |_, a| {
        order(&a.values[0], &a.values[1])
    }),
    m("[Explicit] int CompareTo(object obj)", |_, a| {
        order_object(a, "DateTimeOffset")
    }),
    m("bool Equals(DateTimeOffset other)", |_, a| {
        Ok(Value::Bool(equal(&a.values[0], &a.values[1])))
    }),
    m("bool EqualsExact(DateTimeOffset other)", |_, a| {
        let (d, o) = (offset(a, 0), offset(a, 1));
        Ok(Value::Bool(
            d.ticks == o.ticks && d.offset_minutes == o.offset_minutes,
        ))
    }),
    m(
        "static DateTimeOffset operator +(DateTimeOffset dateTimeOffset, TimeSpan timeSpan)",
        |_, a| like(a, moved(offset(a, 0).ticks.checked_add(span(a, 1)), "t")),
    ),
    m(
        "static DateTimeOffset operator -(DateTimeOffset dateTimeOffset, TimeSpan timeSpan)",
        |_, a| like(a, moved(offset(a, 0).ticks.checked_sub(span(a, 1)), "t")),
    ),
    m(
        "static TimeSpan operator -(DateTimeOffset left, DateTimeOffset right)",
        |_, a| Ok(between(a)),
    ),
    m("implicit DateTimeOffset(DateTime dateTime)", |_, a| {
        utc(date(a, 0).ticks)
    }),
];

fn between(a: &Args<'_>) -> Value {
    Value::TimeSpan(offset(a, 0).utc_ticks() - offset(a, 1).utc_ticks())
}
