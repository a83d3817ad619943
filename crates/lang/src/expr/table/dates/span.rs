//! `System.TimeSpan`.

use super::super::{Row, m};
use super::{scaled, span};
use crate::expr::eval::{Args, R, Throw, compare, equal, formatted, throw};
use crate::value::Value;
use crate::value::time::{TICKS_PER_DAY, TICKS_PER_SECOND, parse_span};

const MINUTE: i64 = 60 * TICKS_PER_SECOND;
const HOUR: i64 = 60 * MINUTE;

fn overflow() -> Throw {
    throw(
        "OverflowException",
        "TimeSpan overflowed because the duration is too long.",
    )
}

fn checked(t: Option<i64>) -> R {
    t.map(Value::TimeSpan).ok_or_else(overflow)
}

fn from(a: &Args<'_>, unit: i64) -> R {
    let v = a.double(0);
    if v.is_nan() {
        return Err(throw(
            "ArgumentException",
            "TimeSpan does not accept floating point Not-a-Number values.",
        ));
    }
    checked(scaled(v, unit))
}

fn whole(a: &Args<'_>, unit: i64, modulo: i64) -> R {
    Ok(Value::Int((span(a, 0) / unit % modulo) as i32))
}

fn total(a: &Args<'_>, unit: i64) -> R {
    Ok(Value::Double(span(a, 0) as f64 / unit as f64))
}

fn sum(parts: &[(i64, i64)]) -> R {
    let mut ticks = 0i64;
    for (n, unit) in parts {
        ticks = n
            .checked_mul(*unit)
            .and_then(|t| ticks.checked_add(t))
            .ok_or_else(overflow)?;
    }
    Ok(Value::TimeSpan(ticks))
}

fn bad(s: &str) -> Throw {
    throw(
        "FormatException",
        format!("String '{s}' was not recognized as a valid TimeSpan."),
    )
}

pub(super) const ROWS: &[Row] = &[
    m("new()", |_, _| Ok(Value::TimeSpan(0))),
    m("new(long ticks)", |_, a| Ok(Value::TimeSpan(a.int(0)))),
    m("new(int hours, int minutes, int seconds)", |_, a| {
        sum(&[
            (a.int(0), HOUR),
            (a.int(1), MINUTE),
            (a.int(2), TICKS_PER_SECOND),
        ])
    }),
    m(
        "new(int days, int hours, int minutes, int seconds)",
        |_, a| {
            sum(&[
                (a.int(0), TICKS_PER_DAY),
                (a.int(1), HOUR),
                (a.int(2), MINUTE),
                (a.int(3), TICKS_PER_SECOND),
            ])
        },
    ),
    m(
        "new(int days, int hours, int minutes, int seconds, int milliseconds)",
        |_, a| {
            sum(&[
                (a.int(0), TICKS_PER_DAY),
                (a.int(1), HOUR),
                (a.int(2), MINUTE),
                (a.int(3), TICKS_PER_SECOND),
                (a.int(4), 10_000),
            ])
        },
    ),
    m("const TimeSpan Zero", |_, _| Ok(Value::TimeSpan(0))),
    m("const TimeSpan MaxValue", |_, _| {
        Ok(Value::TimeSpan(i64::MAX))
    }),
    m("const TimeSpan MinValue", |_, _| {
        Ok(Value::TimeSpan(i64::MIN))
    }),
    m("const long TicksPerSecond", |_, _| {
        Ok(Value::Long(TICKS_PER_SECOND))
    }),
    m("const long TicksPerMillisecond", |_, _| {
        Ok(Value::Long(10_000))
    }),
    m("const long TicksPerMinute", |_, _| Ok(Value::Long(MINUTE))),
    m("const long TicksPerHour", |_, _| Ok(Value::Long(HOUR))),
    m("const long TicksPerDay", |_, _| {
        Ok(Value::Long(TICKS_PER_DAY))
    }),
    m("static TimeSpan FromDays(double value)", |_, a| {
        from(a, TICKS_PER_DAY)
    }),
    m("static TimeSpan FromHours(double value)", |_, a| {
        from(a, HOUR)
    }),
    m("static TimeSpan FromMinutes(double value)", |_, a| {
        from(a, MINUTE)
    }),
    m("static TimeSpan FromSeconds(double value)", |_, a| {
        from(a, TICKS_PER_SECOND)
    }),
    m("static TimeSpan FromMilliseconds(double value)", |_, a| {
        from(a, 10_000)
    }),
    m("static TimeSpan FromTicks(long value)", |_, a| {
        Ok(Value::TimeSpan(a.int(0)))
    }),
    m("static TimeSpan Parse(string s)", |_, a| {
        let s = a.text(0)?;
        parse_span(s).map(Value::TimeSpan).ok_or_else(|| bad(s))
    }),
    m(
        "static bool TryParse(string s, out TimeSpan result)",
        |_, a| {
            let t = a.text(0).ok().and_then(parse_span);
            a.values[1] = Value::TimeSpan(t.unwrap_or(0));
            Ok(Value::Bool(t.is_some()))
        },
    ),
    m("int Days", |_, a| {
        Ok(Value::Int((span(a, 0) / TICKS_PER_DAY) as i32))
    }),
    m("int Hours", |_, a| whole(a, HOUR, 24)),
    m("int Minutes", |_, a| whole(a, MINUTE, 60)),
    m("int Seconds", |_, a| whole(a, TICKS_PER_SECOND, 60)),
    m("int Milliseconds", |_, a| whole(a, 10_000, 1000)),
    m("long Ticks", |_, a| Ok(Value::Long(span(a, 0)))),
    m("double TotalDays", |_, a| total(a, TICKS_PER_DAY)),
    m("double TotalHours", |_, a| total(a, HOUR)),
    m("double TotalMinutes", |_, a| total(a, MINUTE)),
    m("double TotalSeconds", |_, a| total(a, TICKS_PER_SECOND)),
    m("double TotalMilliseconds", |_, a| total(a, 10_000)),
    m("TimeSpan Add(TimeSpan ts)", |_, a| {
        checked(span(a, 0).checked_add(span(a, 1)))
    }),
    m("TimeSpan Subtract(TimeSpan ts)", |_, a| {
        checked(span(a, 0).checked_sub(span(a, 1)))
    }),
    m("TimeSpan Negate()", |_, a| {
        checked(span(a, 0).checked_neg())
    }),
    m("TimeSpan Duration()", |_, a| {
        checked(span(a, 0).checked_abs())
    }),
    m("string ToString(string format)", |_, a| {
        formatted(&a.values[0], a.values[1].as_str()).map(Value::from)
    }),
    m("int CompareTo(TimeSpan value)", |_, a| {
        Ok(Value::Int(
            compare(&a.values[0], &a.values[1]).map_or(0, |o| o as i32),
        ))
    }),
    m("bool Equals(TimeSpan obj)", |_, a| {
        Ok(Value::Bool(equal(&a.values[0], &a.values[1])))
    }),
    m(
        "static TimeSpan operator +(TimeSpan t1, TimeSpan t2)",
        |_, a| checked(span(a, 0).checked_add(span(a, 1))),
    ),
    m(
        "static TimeSpan operator -(TimeSpan t1, TimeSpan t2)",
        |_, a| checked(span(a, 0).checked_sub(span(a, 1))),
    ),
];
