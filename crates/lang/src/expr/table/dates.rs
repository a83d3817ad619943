//! `DateTime`, `DateTimeOffset`, `TimeSpan`.

pub(crate) mod span;

use super::{Row, Type, m, ty};
use crate::expr::eval::{Args, Cx, R, Throw, compare, equal, formatted, throw};
use crate::value::time::{
    MAX_TICKS, Parts, TICKS_PER_DAY, TICKS_PER_SECOND, UNIX_EPOCH, days_in_month, is_leap,
    parse_date, parse_offset, ticks_of,
};
use crate::value::{DateTime, DateTimeOffset, Kind, Value};

fn date(a: &Args<'_>, i: usize) -> DateTime {
    match &a.values[i] {
        Value::DateTime(d) => *d,
        _ => DateTime {
            ticks: 0,
            kind: Kind::Unspecified,
        },
    }
}

fn offset(a: &Args<'_>, i: usize) -> DateTimeOffset {
    match &a.values[i] {
        Value::DateTimeOffset(d) => *d,
        _ => DateTimeOffset {
            ticks: 0,
            offset_minutes: 0,
        },
    }
}

fn span(a: &Args<'_>, i: usize) -> i64 {
    if let Value::TimeSpan(t) = &a.values[i] {
        *t
    } else {
        0
    }
}

fn unrepresentable() -> Throw {
    throw(
        "ArgumentOutOfRangeException",
        "The added or subtracted value results in an un-representable DateTime. (Parameter 'value')",
    )
}

fn checked(ticks: Option<i64>) -> Result<i64, Throw> {
    ticks
        .filter(|t| (0..=MAX_TICKS).contains(t))
        .ok_or_else(unrepresentable)
}

pub(super) fn not_a_date(s: &str) -> Throw {
    throw(
        "FormatException",
        format!("String '{s}' was not recognized as a valid DateTime."),
    )
}

/// Adds units of ticks; .NET (Core) keeps the fraction to the tick.
fn added(d: DateTime, value: f64, unit: i64) -> R {
    Ok(Value::DateTime(DateTime {
        ticks: checked(scaled(value, unit).and_then(|t| d.ticks.checked_add(t)))?,
        ..d
    }))
}

fn added_offset(d: DateTimeOffset, value: f64, unit: i64) -> R {
    Ok(Value::DateTimeOffset(DateTimeOffset {
        ticks: checked(scaled(value, unit).and_then(|t| d.ticks.checked_add(t)))?,
        ..d
    }))
}

/// Ticks of a fractional number of units.
pub(super) fn scaled(value: f64, unit: i64) -> Option<i64> {
    let (whole, fraction) = (value.trunc(), value.fract());
    let ticks = whole * unit as f64;
    if !ticks.is_finite() || ticks.abs() >= 9.2e18 {
        return None;
    }
    // The whole part exactly, the fraction truncated to a tick after rounding away float noise.
    let exact = (whole as i64).checked_mul(unit)?;
    exact.checked_add((fraction * unit as f64).round() as i64)
}

fn today(cx: &Cx<'_>) -> i64 {
    cx.host.now() / TICKS_PER_DAY * TICKS_PER_DAY
}

fn make(a: &Args<'_>, n: usize, kind: Kind) -> R {
    let part = |i: usize| if i < n { a.int(i) } else { 0 };
    let ticks = ticks_of(
        part(0),
        part(1),
        part(2),
        part(3),
        part(4),
        part(5),
        part(6) * 10_000,
    );
    ticks
        .map(|ticks| Value::DateTime(DateTime { ticks, kind }))
        .ok_or_else(|| {
            throw(
                "ArgumentOutOfRangeException",
                "Year, Month, and Day parameters describe an un-representable DateTime.",
            )
        })
}

fn kind_of(n: i64) -> Kind {
    match n {
        1 => Kind::Utc,
        2 => Kind::Local,
        _ => Kind::Unspecified,
    }
}

fn int(n: i64) -> R {
    Ok(Value::Int(n as i32))
}

fn at(ticks: i64, kind: Kind) -> R {
    Ok(Value::DateTime(DateTime { ticks, kind }))
}

fn weekday(n: usize) -> R {
    Ok(Value::Enum(&super::enums::DAY_OF_WEEK, n as i64))
}

macro_rules! parts {
    ($parts:expr, $ticks:expr) => {
        &[
            m("int Year", |_, a| int($parts(a).year)),
            m("int Month", |_, a| int(i64::from($parts(a).month))),
            m("int Day", |_, a| int(i64::from($parts(a).day))),
            m("int Hour", |_, a| int($parts(a).hour)),
            m("int Minute", |_, a| int($parts(a).minute)),
            m("int Second", |_, a| int($parts(a).second)),
            m("int Millisecond", |_, a| int($parts(a).fraction / 10_000)),
            m("DayOfWeek DayOfWeek", |_, a| weekday($parts(a).weekday)),
            m("int DayOfYear", |_, a| {
                int(i64::from($parts(a).day_of_year()))
            }),
            m("long Ticks", |_, a| Ok(Value::Long($ticks(a)))),
            m("TimeSpan TimeOfDay", |_, a| {
                Ok(Value::TimeSpan($ticks(a) % TICKS_PER_DAY))
            }),
            m("string ToString(string format)", |_, a| {
                formatted(&a.values[0], a.values[1].as_str()).map(Value::from)
            }),
        ]
    };
}

const DATE_PARTS: &[Row] = parts!(|a: &Args<'_>| Parts::of(date(a, 0).ticks), |a: &Args<
    '_,
>| date(a, 0)
    .ticks);
const OFFSET_PARTS: &[Row] = parts!(|a: &Args<'_>| Parts::of(offset(a, 0).ticks), |a: &Args<
    '_,
>| offset(
    a, 0
)
.ticks);

const DATE: &[Row] = &[
    m("new()", |_, _| at(0, Kind::Unspecified)),
    m("new(long ticks)", |_, a| {
        at(checked(Some(a.int(0)))?, Kind::Unspecified)
    }),
    m("new(long ticks, DateTimeKind kind)", |_, a| {
        at(checked(Some(a.int(0)))?, kind_of(a.int(1)))
    }),
    m("new(int year, int month, int day)", |_, a| {
        make(a, 3, Kind::Unspecified)
    }),
    m(
        "new(int year, int month, int day, int hour, int minute, int second)",
        |_, a| make(a, 6, Kind::Unspecified),
    ),
    m(
        "new(int year, int month, int day, int hour, int minute, int second, DateTimeKind kind)",
        |_, a| make(a, 6, kind_of(a.int(6))),
    ),
    m(
        "new(int year, int month, int day, int hour, int minute, int second, int millisecond)",
        |_, a| make(a, 7, Kind::Unspecified),
    ),
    m(
        "new(int year, int month, int day, int hour, int minute, int second, int millisecond, DateTimeKind kind)",
        |_, a| make(a, 7, kind_of(a.int(7))),
    ),
    m("static DateTime UtcNow", |cx, _| {
        at(cx.host.now(), Kind::Utc)
    }),
    m("static DateTime Now", |cx, _| {
        at(cx.host.now(), Kind::Local)
    }),
    m("static DateTime Today", |cx, _| at(today(cx), Kind::Local)),
    m("const DateTime MinValue", |_, _| at(0, Kind::Unspecified)),
    m("const DateTime MaxValue", |_, _| {
        at(MAX_TICKS, Kind::Unspecified)
    }),
    m("const DateTime UnixEpoch", |_, _| at(UNIX_EPOCH, Kind::Utc)),
    m(
        "static int DaysInMonth(int year, int month)",
        |_, a| match a.int(1) {
            n @ 1..=12 => int(i64::from(days_in_month(a.int(0), n as u32))),
            _ => Err(throw(
                "ArgumentOutOfRangeException",
                "Month must be between one and twelve. (Parameter 'month')",
            )),
        },
    ),
    m("static bool IsLeapYear(int year)", |_, a| {
        Ok(Value::Bool(is_leap(a.int(0))))
    }),
    m("static DateTime Parse(string s)", |cx, a| {
        parse_date(a.text(0)?, today(cx))
            .map(Value::DateTime)
            .ok_or_else(|| not_a_date(a.text(0).unwrap_or("")))
    }),
    m(
        "static bool TryParse(string s, out DateTime result)",
        |cx, a| {
            let d = a.text(0).ok().and_then(|s| parse_date(s, today(cx)));
            a.values[1] = Value::DateTime(d.unwrap_or(DateTime {
                ticks: 0,
                kind: Kind::Unspecified,
            }));
            Ok(Value::Bool(d.is_some()))
        },
    ),
    m("static int Compare(DateTime t1, DateTime t2)", |_, a| {
        Ok(Value::Int(
            compare(&a.values[0], &a.values[1]).map_or(0, |o| o as i32),
        ))
    }),
    m(
        "static DateTime SpecifyKind(DateTime value, DateTimeKind kind)",
        |_, a| at(date(a, 0).ticks, kind_of(a.int(1))),
    ),
    m("DateTime Date", |_, a| {
        let d = date(a, 0);
        at(d.ticks / TICKS_PER_DAY * TICKS_PER_DAY, d.kind)
    }),
    m("DateTimeKind Kind", |_, a| {
        Ok(Value::Enum(
            &super::enums::DATE_TIME_KIND,
            match date(a, 0).kind {
                Kind::Unspecified => 0,
                Kind::Utc => 1,
                Kind::Local => 2,
            },
        ))
    }),
    m("DateTime Add(TimeSpan value)", |_, a| {
        let d = date(a, 0);
        at(checked(d.ticks.checked_add(span(a, 1)))?, d.kind)
    }),
    m("DateTime AddTicks(long value)", |_, a| {
        let d = date(a, 0);
        at(checked(d.ticks.checked_add(a.int(1)))?, d.kind)
    }),
    m("DateTime AddDays(double value)", |_, a| {
        added(date(a, 0), a.double(1), TICKS_PER_DAY)
    }),
    m("DateTime AddHours(double value)", |_, a| {
        added(date(a, 0), a.double(1), 3600 * TICKS_PER_SECOND)
    }),
    m("DateTime AddMinutes(double value)", |_, a| {
        added(date(a, 0), a.double(1), 60 * TICKS_PER_SECOND)
    }),
    m("DateTime AddSeconds(double value)", |_, a| {
        added(date(a, 0), a.double(1), TICKS_PER_SECOND)
    }),
    m("DateTime AddMilliseconds(double value)", |_, a| {
        added(date(a, 0), a.double(1), 10_000)
    }),
    m("DateTime AddMonths(int months)", |_, a| {
        let d = date(a, 0);
        at(checked(Parts::of(d.ticks).add_months(a.int(1)))?, d.kind)
    }),
    m("DateTime AddYears(int value)", |_, a| {
        let d = date(a, 0);
        at(
            checked(Parts::of(d.ticks).add_months(a.int(1).saturating_mul(12)))?,
            d.kind,
        )
    }),
    m("TimeSpan Subtract(DateTime value)", |_, a| {
        Ok(Value::TimeSpan(date(a, 0).ticks - date(a, 1).ticks))
    }),
    m("DateTime Subtract(TimeSpan value)", |_, a| {
        let d = date(a, 0);
        at(checked(d.ticks.checked_sub(span(a, 1)))?, d.kind)
    }),
    m("DateTime ToUniversalTime()", |_, a| {
        at(date(a, 0).ticks, Kind::Utc)
    }),
    m("DateTime ToLocalTime()", |_, a| {
        at(date(a, 0).ticks, Kind::Local)
    }),
    m("string ToShortDateString()", |_, a| {
        formatted(&a.values[0], Some("d")).map(Value::from)
    }),
    m("string ToLongDateString()", |_, a| {
        formatted(&a.values[0], Some("D")).map(Value::from)
    }),
    m("string ToShortTimeString()", |_, a| {
        formatted(&a.values[0], Some("t")).map(Value::from)
    }),
    m("string ToLongTimeString()", |_, a| {
        formatted(&a.values[0], Some("T")).map(Value::from)
    }),
    m("bool IsDaylightSavingTime()", |_, _| Ok(Value::Bool(false))),
    m("int CompareTo(DateTime value)", |_, a| {
        Ok(Value::Int(
            compare(&a.values[0], &a.values[1]).map_or(0, |o| o as i32),
        ))
    }),
    m("bool Equals(DateTime value)", |_, a| {
        Ok(Value::Bool(equal(&a.values[0], &a.values[1])))
    }),
    m(
        "static DateTime operator +(DateTime d, TimeSpan t)",
        |_, a| {
            let d = date(a, 0);
            at(checked(d.ticks.checked_add(span(a, 1)))?, d.kind)
        },
    ),
    m(
        "static DateTime operator -(DateTime d, TimeSpan t)",
        |_, a| {
            let d = date(a, 0);
            at(checked(d.ticks.checked_sub(span(a, 1)))?, d.kind)
        },
    ),
    m(
        "static TimeSpan operator -(DateTime d1, DateTime d2)",
        |_, a| Ok(Value::TimeSpan(date(a, 0).ticks - date(a, 1).ticks)),
    ),
];

fn off(ticks: i64, minutes: i16) -> R {
    Ok(Value::DateTimeOffset(DateTimeOffset {
        ticks,
        offset_minutes: minutes,
    }))
}

fn minutes(span: i64) -> Result<i16, Throw> {
    let m = span / (60 * TICKS_PER_SECOND);
    if span % (60 * TICKS_PER_SECOND) != 0 {
        return Err(throw(
            "ArgumentException",
            "Offset must be specified in whole minutes. (Parameter 'offset')",
        ));
    }
    i16::try_from(m)
        .ok()
        .filter(|m| m.abs() <= 14 * 60)
        .ok_or_else(|| {
            throw(
                "ArgumentOutOfRangeException",
                "Offset must be within plus or minus 14 hours. (Parameter 'offset')",
            )
        })
}

fn from_unix(n: i64, unit: i64) -> R {
    off(
        checked(n.checked_mul(unit).and_then(|t| t.checked_add(UNIX_EPOCH)))?,
        0,
    )
}

const OFFSET: &[Row] = &[
    m("new()", |_, _| off(0, 0)),
    m("new(DateTime dateTime)", |_, a| off(date(a, 0).ticks, 0)),
    m("new(DateTime dateTime, TimeSpan offset)", |_, a| {
        let (d, o) = (date(a, 0), minutes(span(a, 1))?);
        if d.kind != Kind::Unspecified && o != 0 {
            return Err(throw(
                "ArgumentException",
                "The UTC Offset for Utc DateTime instances must be 0. (Parameter 'offset')",
            ));
        }
        off(d.ticks, o)
    }),
    m("new(long ticks, TimeSpan offset)", |_, a| {
        off(checked(Some(a.int(0)))?, minutes(span(a, 1))?)
    }),
    m(
        "new(int year, int month, int day, int hour, int minute, int second, TimeSpan offset)",
        |_, a| {
            let o = minutes(span(a, 6))?;
            match make(a, 6, Kind::Unspecified)? {
                Value::DateTime(d) => off(d.ticks, o),
                v => Ok(v),
            }
        },
    ),
    m("static DateTimeOffset UtcNow", |cx, _| {
        off(cx.host.now(), 0)
    }),
    m("static DateTimeOffset Now", |cx, _| off(cx.host.now(), 0)),
    m("const DateTimeOffset MinValue", |_, _| off(0, 0)),
    m("const DateTimeOffset MaxValue", |_, _| off(MAX_TICKS, 0)),
    m("const DateTimeOffset UnixEpoch", |_, _| off(UNIX_EPOCH, 0)),
    m(
        "static DateTimeOffset FromUnixTimeSeconds(long seconds)",
        |_, a| from_unix(a.int(0), TICKS_PER_SECOND),
    ),
    m(
        "static DateTimeOffset FromUnixTimeMilliseconds(long milliseconds)",
        |_, a| from_unix(a.int(0), 10_000),
    ),
    m("static DateTimeOffset Parse(string input)", |cx, a| {
        parse_offset(a.text(0)?, today(cx))
            .map(Value::DateTimeOffset)
            .ok_or_else(|| not_a_date(a.text(0).unwrap_or("")))
    }),
    m(
        "static bool TryParse(string input, out DateTimeOffset result)",
        |cx, a| {
            let d = a.text(0).ok().and_then(|s| parse_offset(s, today(cx)));
            a.values[1] = Value::DateTimeOffset(d.unwrap_or(DateTimeOffset {
                ticks: 0,
                offset_minutes: 0,
            }));
            Ok(Value::Bool(d.is_some()))
        },
    ),
    m("long ToUnixTimeSeconds()", |_, a| {
        Ok(Value::Long(
            (offset(a, 0).utc_ticks() - UNIX_EPOCH).div_euclid(TICKS_PER_SECOND),
        ))
    }),
    m("long ToUnixTimeMilliseconds()", |_, a| {
        Ok(Value::Long(
            (offset(a, 0).utc_ticks() - UNIX_EPOCH).div_euclid(10_000),
        ))
    }),
    m("DateTime DateTime", |_, a| {
        at(offset(a, 0).ticks, Kind::Unspecified)
    }),
    m("DateTime UtcDateTime", |_, a| {
        at(offset(a, 0).utc_ticks(), Kind::Utc)
    }),
    m("DateTime LocalDateTime", |_, a| {
        at(offset(a, 0).utc_ticks(), Kind::Local)
    }),
    m("DateTime Date", |_, a| {
        at(
            offset(a, 0).ticks / TICKS_PER_DAY * TICKS_PER_DAY,
            Kind::Unspecified,
        )
    }),
    m("TimeSpan Offset", |_, a| {
        Ok(Value::TimeSpan(
            i64::from(offset(a, 0).offset_minutes) * 60 * TICKS_PER_SECOND,
        ))
    }),
    m("long UtcTicks", |_, a| {
        Ok(Value::Long(offset(a, 0).utc_ticks()))
    }),
    m("DateTimeOffset ToUniversalTime()", |_, a| {
        off(offset(a, 0).utc_ticks(), 0)
    }),
    m("DateTimeOffset ToLocalTime()", |_, a| {
        off(offset(a, 0).utc_ticks(), 0)
    }),
    m("DateTimeOffset ToOffset(TimeSpan offset)", |_, a| {
        let o = minutes(span(a, 1))?;
        off(
            checked(Some(
                offset(a, 0).utc_ticks() + i64::from(o) * 60 * TICKS_PER_SECOND,
            ))?,
            o,
        )
    }),
    m("DateTimeOffset Add(TimeSpan timeSpan)", |_, a| {
        let d = offset(a, 0);
        off(checked(d.ticks.checked_add(span(a, 1)))?, d.offset_minutes)
    }),
    m("DateTimeOffset AddDays(double days)", |_, a| {
        added_offset(offset(a, 0), a.double(1), TICKS_PER_DAY)
    }),
    m("DateTimeOffset AddHours(double hours)", |_, a| {
        added_offset(offset(a, 0), a.double(1), 3600 * TICKS_PER_SECOND)
    }),
    m("DateTimeOffset AddMinutes(double minutes)", |_, a| {
        added_offset(offset(a, 0), a.double(1), 60 * TICKS_PER_SECOND)
    }),
    m("DateTimeOffset AddSeconds(double seconds)", |_, a| {
        added_offset(offset(a, 0), a.double(1), TICKS_PER_SECOND)
    }),
    m(
        "DateTimeOffset AddMilliseconds(double milliseconds)",
        |_, a| added_offset(offset(a, 0), a.double(1), 10_000),
    ),
    m("DateTimeOffset AddMonths(int months)", |_, a| {
        let d = offset(a, 0);
        off(
            checked(Parts::of(d.ticks).add_months(a.int(1)))?,
            d.offset_minutes,
        )
    }),
    m("DateTimeOffset AddYears(int years)", |_, a| {
        let d = offset(a, 0);
        off(
            checked(Parts::of(d.ticks).add_months(a.int(1).saturating_mul(12)))?,
            d.offset_minutes,
        )
    }),
    m("TimeSpan Subtract(DateTimeOffset value)", |_, a| {
        Ok(Value::TimeSpan(
            offset(a, 0).utc_ticks() - offset(a, 1).utc_ticks(),
        ))
    }),
    m("DateTimeOffset Subtract(TimeSpan value)", |_, a| {
        let d = offset(a, 0);
        off(checked(d.ticks.checked_sub(span(a, 1)))?, d.offset_minutes)
    }),
    m("int CompareTo(DateTimeOffset other)", |_, a| {
        Ok(Value::Int(
            compare(&a.values[0], &a.values[1]).map_or(0, |o| o as i32),
        ))
    }),
    m(
        "static DateTimeOffset operator +(DateTimeOffset d, TimeSpan t)",
        |_, a| {
            let d = offset(a, 0);
            off(checked(d.ticks.checked_add(span(a, 1)))?, d.offset_minutes)
        },
    ),
    m(
        "static DateTimeOffset operator -(DateTimeOffset d, TimeSpan t)",
        |_, a| {
            let d = offset(a, 0);
            off(checked(d.ticks.checked_sub(span(a, 1)))?, d.offset_minutes)
        },
    ),
    m(
        "static TimeSpan operator -(DateTimeOffset left, DateTimeOffset right)",
        |_, a| {
            Ok(Value::TimeSpan(
                offset(a, 0).utc_ticks() - offset(a, 1).utc_ticks(),
            ))
        },
    ),
    m("implicit DateTimeOffset(DateTime dateTime)", |_, a| {
        off(date(a, 0).ticks, 0)
    }),
];

/// Rows that dates and offsets share in shape: a base type each.
pub(super) const TYPES: &[Type] = &[
    ty("class System.DateTimeParts", DATE_PARTS),
    ty("class System.DateTimeOffsetParts", OFFSET_PARTS),
    ty("struct System.DateTime : DateTimeParts, IComparable", DATE),
    ty(
        "struct System.DateTimeOffset : DateTimeOffsetParts, IComparable",
        OFFSET,
    ),
    ty("struct System.TimeSpan : IComparable", span::ROWS),
];
