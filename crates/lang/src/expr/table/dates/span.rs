//! `System.TimeSpan`.

use super::super::{Row, m};
use super::{bad_argument, null_argument, order, order_object, span};
use crate::expr::eval::{Args, Cx, R, Throw, equal, throw};
use crate::value::Value;
use crate::value::time::span::{BadSpan, exact_span, read_span};
use crate::value::time::{TICKS_PER_DAY, TICKS_PER_SECOND};

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

/// A span of so many ticks, cut to a whole one, as .NET has it (.NET Framework rounds to milliseconds).
fn of_ticks(ticks: f64) -> R {
    if ticks.is_nan() || ticks > i64::MAX as f64 || ticks < i64::MIN as f64 {
        return Err(overflow());
    }
    Ok(Value::TimeSpan(ticks as i64))
}

fn number(value: f64) -> Result<f64, Throw> {
    if value.is_nan() {
        return Err(throw(
            "ArgumentException",
            "TimeSpan does not accept floating point Not-a-Number values.",
        ));
    }
    Ok(value)
}

fn from(a: &Args<'_>, unit: i64) -> R {
    of_ticks(number(a.double(0))? * unit as f64)
}

fn times(span: i64, factor: f64) -> R {
    let factor = number(factor)?;
    // .NET rounds the product to whole ticks.
    of_ticks((span as f64 * factor).round_ties_even())
}

fn over(span: i64, divisor: f64) -> R {
    of_ticks((span as f64 / number(divisor)?).round_ties_even())
}

fn whole(a: &Args<'_>, unit: i64, modulo: i64) -> R {
    Ok(Value::Int((span(a, 0) / unit % modulo) as i32))
}

fn total(a: &Args<'_>, unit: i64) -> R {
    Ok(Value::Double(span(a, 0) as f64 / unit as f64))
}

/// The span that the constructors make: .NET adds up milliseconds or seconds and checks their sum.
fn sum(parts: &[(i64, i64)]) -> R {
    let ticks: i128 = parts
        .iter()
        .map(|(n, unit)| i128::from(*n) * i128::from(*unit))
        .sum();
    i64::try_from(ticks).map(Value::TimeSpan).map_err(|_| {
        throw(
            "ArgumentOutOfRangeException",
            "TimeSpan overflowed because the duration is too long.",
        )
    })
}

fn fault(bad: BadSpan, s: &str) -> Throw {
    match bad {
        BadSpan::Text => throw(
            "FormatException",
            format!("String '{s}' was not recognized as a valid TimeSpan."),
        ),
        BadSpan::Overflow => throw(
            "OverflowException",
            format!(
                "The TimeSpan string '{s}' could not be parsed because at least one of the numeric components is out of range or contains too many digits."
            ),
        ),
        BadSpan::Format => throw(
            "FormatException",
            "Input string was not in a correct format.",
        ),
    }
}

type Found = Result<Result<i64, BadSpan>, Throw>;

fn free(cx: &mut Cx<'_>, a: &Args<'_>) -> Found {
    let s = a.text(0).map_err(|_| null_argument("input"))?;
    cx.step(s.len() / 8)?;
    Ok(read_span(s))
}

/// Whether the styles of `ParseExact` assume a negative span.
fn assumes_negative(a: &Args<'_>, styles: Option<usize>) -> Result<bool, Throw> {
    match styles.map_or(0, |i| a.int(i)) {
        0 => Ok(false),
        1 => Ok(true),
        _ => Err(bad_argument(
            "An undefined TimeSpanStyles value is being used.",
            "styles",
        )),
    }
}

/// Reads argument 0 by the format or the formats of argument 1.
fn by_format(cx: &mut Cx<'_>, a: &Args<'_>, styles: Option<usize>) -> Found {
    let negative = assumes_negative(a, styles)?;
    let s = a.text(0).map_err(|_| null_argument("input"))?;
    let formats = match &a.values[1] {
        Value::Null => return Err(null_argument("format")),
        one @ Value::Str(_) => vec![one.clone()],
        many => crate::expr::eval::iterate(cx, many)?,
    };
    let many = formats.len() > 1;
    let mut last = BadSpan::Format;
    for format in formats {
        let format = format.as_str().unwrap_or("");
        cx.step(4 + (s.len() + format.len()) / 8)?;
        match exact_span(s, format, negative) {
            Ok(t) => return Ok(Ok(t)),
            // An empty format ends the search.
            Err(e) if format.is_empty() => return Ok(Err(e)),
            Err(e) => last = if many { BadSpan::Text } else { e },
        }
    }
    Ok(Err(last))
}

fn value(a: &Args<'_>, found: Found) -> R {
    found?
        .map(Value::TimeSpan)
        .map_err(|bad| fault(bad, a.text(0).unwrap_or("")))
}

/// `TryParseExact`: what is null is not read, but the styles must exist.
fn try_by_format(cx: &mut Cx<'_>, a: &mut Args<'_>, styles: Option<usize>) -> R {
    assumes_negative(a, styles)?;
    let found = match a.is_null(0) || a.is_null(1) {
        true => Ok(Err(BadSpan::Format)),
        false => by_format(cx, a, styles),
    };
    tried(a, found)
}

fn tried(a: &mut Args<'_>, found: Found) -> R {
    let t = match found {
        Err(_) if a.is_null(0) => None,
        found => found?.ok(),
    };
    if let Some(out) = a.values.last_mut() {
        *out = Value::TimeSpan(t.unwrap_or(0));
    }
    Ok(Value::Bool(t.is_some()))
}

/// `Parse`, `ParseExact` and their `Try` forms.
pub(super) const PARSE: &[Row] = &[
    m("static TimeSpan Parse(string s)", |cx, a| {
        let v = free(cx, a);
        value(a, v)
    }),
    m(
        "static TimeSpan Parse(string input, IFormatProvider formatProvider)",
        |cx, a| {
            let v = free(cx, a);
            value(a, v)
        },
    ),
    m(
        "static bool TryParse(string s, out TimeSpan result)",
        |cx, a| {
            let v = free(cx, a);
            tried(a, v)
        },
    ),
    m(
        "static bool TryParse(string input, IFormatProvider formatProvider, out TimeSpan result)",
        |cx, a| {
            let v = free(cx, a);
            tried(a, v)
        },
    ),
    m(
        "static TimeSpan ParseExact(string input, string format, IFormatProvider formatProvider)",
        |cx, a| {
            let v = by_format(cx, a, None);
            value(a, v)
        },
    ),
    m(
        "static TimeSpan ParseExact(string input, string format, IFormatProvider formatProvider, TimeSpanStyles styles)",
        |cx, a| {
            let v = by_format(cx, a, Some(3));
            value(a, v)
        },
    ),
    m(
        "static TimeSpan ParseExact(string input, string[] formats, IFormatProvider formatProvider)",
        |cx, a| {
            let v = by_format(cx, a, None);
            value(a, v)
        },
    ),
    m(
        "static TimeSpan ParseExact(string input, string[] formats, IFormatProvider formatProvider, TimeSpanStyles styles)",
        |cx, a| {
            let v = by_format(cx, a, Some(3));
            value(a, v)
        },
    ),
    m(
        "static bool TryParseExact(string input, string format, IFormatProvider formatProvider, out TimeSpan result)",
        |cx, a| try_by_format(cx, a, None),
    ),
    m(
        "static bool TryParseExact(string input, string format, IFormatProvider formatProvider, TimeSpanStyles styles, out TimeSpan result)",
        |cx, a| try_by_format(cx, a, Some(3)),
    ),
    m(
        "static bool TryParseExact(string input, string[] formats, IFormatProvider formatProvider, out TimeSpan result)",
        |cx, a| try_by_format(cx, a, None),
    ),
    m(
        "static bool TryParseExact(string input, string[] formats, IFormatProvider formatProvider, TimeSpanStyles styles, out TimeSpan result)",
        |cx, a| try_by_format(cx, a, Some(3)),
    ),
];

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
    m("static TimeSpan FromMicroseconds(double value)", |_, a| {
        from(a, 10)
    }),
    m("static TimeSpan FromTicks(long value)", |_, a| {
        Ok(Value::TimeSpan(a.int(0)))
    }),
    m("static int Compare(TimeSpan t1, TimeSpan t2)", |_, a| {
        order(&a.values[0], &a.values[1])
    }),
    m("static bool Equals(TimeSpan t1, TimeSpan t2)", |_, a| {
        Ok(Value::Bool(equal(&a.values[0], &a.values[1])))
    }),
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
    m("double TotalMilliseconds", |_, a| {
        // .NET keeps it within the whole milliseconds of the longest span.
        let most = (i64::MAX / 10_000) as f64;
        let all = span(a, 0) as f64 / 10_000.0;
        Ok(Value::Double(all.clamp(-most, most)))
    }),
    m("double TotalMicroseconds", |_, a| total(a, 10)),
    m("double TotalNanoseconds", |_, a| {
        Ok(Value::Double(span(a, 0) as f64 * 100.0))
    }),
    m("int Microseconds", |_, a| whole(a, 10, 1000)),
    m("int Nanoseconds", |_, a| {
        Ok(Value::Int((span(a, 0) % 10 * 100) as i32))
    }),
    m("TimeSpan Add(TimeSpan ts)", |_, a| {
        checked(span(a, 0).checked_add(span(a, 1)))
    }),
    m("TimeSpan Subtract(TimeSpan ts)", |_, a| {
        checked(span(a, 0).checked_sub(span(a, 1)))
    }),
    m("TimeSpan Negate()", |_, a| negated(span(a, 0))),
    m("TimeSpan Duration()", |_, a| {
        span(a, 0).checked_abs().map(Value::TimeSpan).ok_or_else(|| {
            throw(
                "OverflowException",
                "The duration cannot be returned for TimeSpan.MinValue because the absolute value of TimeSpan.MinValue exceeds the value of TimeSpan.MaxValue.",
            )
        })
    }),
    m("int CompareTo(TimeSpan value)", |_, a| {
        order(&a.values[0], &a.values[1])
    }),
    m("int CompareTo(object value)", |_, a| {
        order_object(a, "TimeSpan")
    }),
    m("bool Equals(TimeSpan obj)", |_, a| {
        Ok(Value::Bool(equal(&a.values[0], &a.values[1])))
    }),
    m("TimeSpan Multiply(double factor)", |_, a| {
        times(span(a, 0), a.double(1))
    }),
    m("TimeSpan Divide(double divisor)", |_, a| {
        over(span(a, 0), a.double(1))
    }),
    m("double Divide(TimeSpan ts)", |_, a| {
        Ok(Value::Double(span(a, 0) as f64 / span(a, 1) as f64))
    }),
    m(
        "static TimeSpan operator +(TimeSpan t1, TimeSpan t2)",
        |_, a| checked(span(a, 0).checked_add(span(a, 1))),
    ),
    m(
        "static TimeSpan operator -(TimeSpan t1, TimeSpan t2)",
        |_, a| checked(span(a, 0).checked_sub(span(a, 1))),
    ),
    m(
        "static TimeSpan operator *(TimeSpan timeSpan, double factor)",
        |_, a| times(span(a, 0), a.double(1)),
    ),
    m(
        "static TimeSpan operator *(double factor, TimeSpan timeSpan)",
        |_, a| times(span(a, 1), a.double(0)),
    ),
    m(
        "static TimeSpan operator /(TimeSpan timeSpan, double divisor)",
        |_, a| over(span(a, 0), a.double(1)),
    ),
    m(
        "static double operator /(TimeSpan t1, TimeSpan t2)",
        |_, a| Ok(Value::Double(span(a, 0) as f64 / span(a, 1) as f64)),
    ),
];

fn negated(t: i64) -> R {
    t.checked_neg().map(Value::TimeSpan).ok_or_else(|| {
        throw(
            "OverflowException",
            "Negating the minimum value of a twos complement number is invalid.",
        )
    })
}
