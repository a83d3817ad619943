//! `DateTime`, `DateTimeOffset`, `TimeSpan`: what their rows share.
//!
//! What must stay true: a date never leaves the years 1 to 9999; an offset's moment in UTC neither.

mod date;
mod offset;
mod parse;
pub(crate) mod span;

use super::{Row, Type, m, ty_of};
use crate::expr::eval::{Args, Cx, R, Throw, compare, formatted, throw};
use crate::value::time::{MAX_TICKS, Parts, TICKS_PER_DAY};
use crate::value::{DateTime, DateTimeOffset, Kind, Value};

pub(super) use parse::not_a_date;

/// An argument that is a `DateTime`; the binder has seen to it.
pub(super) fn date(a: &Args<'_>, i: usize) -> DateTime {
    match a.values.get(i) {
        Some(Value::DateTime(d)) => *d,
        _ => DateTime {
            ticks: 0,
            kind: Kind::Unspecified,
        },
    }
}

/// An argument that is a `DateTimeOffset`.
pub(super) fn offset(a: &Args<'_>, i: usize) -> DateTimeOffset {
    match a.values.get(i) {
        Some(Value::DateTimeOffset(d)) => *d,
        _ => DateTimeOffset {
            ticks: 0,
            offset_minutes: 0,
        },
    }
}

/// An argument that is a `TimeSpan`, in ticks.
pub(super) fn span(a: &Args<'_>, i: usize) -> i64 {
    match a.values.get(i) {
        Some(Value::TimeSpan(t)) => *t,
        _ => 0,
    }
}

/// `ArgumentOutOfRangeException` with .NET's text and parameter.
pub(super) fn out_of_range(message: &str, parameter: &str) -> Throw {
    throw(
        "ArgumentOutOfRangeException",
        format!("{message} (Parameter '{parameter}')"),
    )
}

/// `ArgumentException` with .NET's text and parameter.
pub(super) fn bad_argument(message: &str, parameter: &str) -> Throw {
    throw(
        "ArgumentException",
        format!("{message} (Parameter '{parameter}')"),
    )
}

/// `ArgumentNullException` of a parameter.
pub(super) fn null_argument(parameter: &str) -> Throw {
    throw(
        "ArgumentNullException",
        format!("Value cannot be null. (Parameter '{parameter}')"),
    )
}

/// Ticks that are a date.
fn within(ticks: Option<i64>) -> Option<i64> {
    ticks.filter(|t| (0..=MAX_TICKS).contains(t))
}

fn moved(ticks: Option<i64>, parameter: &str) -> Result<i64, Throw> {
    within(ticks).ok_or_else(|| {
        out_of_range(
            "The added or subtracted value results in an un-representable DateTime.",
            parameter,
        )
    })
}

/// Ticks after so many units, of which a fraction counts to the tick, as in .NET since version 7.
fn added(ticks: i64, value: f64, unit: i64) -> Result<i64, Throw> {
    let (whole, fraction) = (value.trunc(), value.fract());
    // Also for what is not a number.
    let within = whole.abs() <= (MAX_TICKS / unit) as f64;
    if !within {
        return Err(out_of_range("Value to add was out of range.", "value"));
    }
    let by = (whole as i64) * unit + (fraction * unit as f64) as i64;
    moved(ticks.checked_add(by), "value")
}

/// Ticks after so many months; the day stays within the month.
fn after_months(ticks: i64, months: i64) -> Result<i64, Throw> {
    if !(-120_000..=120_000).contains(&months) {
        return Err(out_of_range(
            "Months value must be between +/-120000.",
            "months",
        ));
    }
    moved(Parts::of(ticks).add_months(months), "months")
}

fn after_years(ticks: i64, years: i64) -> Result<i64, Throw> {
    if !(-10_000..=10_000).contains(&years) {
        return Err(out_of_range(
            "Years value must be between +/-10000.",
            "years",
        ));
    }
    after_months(ticks, years * 12)
}

/// Today at midnight, in ticks.
pub(crate) fn today(cx: &Cx<'_>) -> i64 {
    cx.host.now() / TICKS_PER_DAY * TICKS_PER_DAY
}

/// The milliseconds of the constructors whose first `n` arguments have them.
fn milliseconds(a: &Args<'_>, n: usize) -> Result<i64, Throw> {
    let millis = if n > 6 { a.int(6) } else { 0 };
    if (0..1000).contains(&millis) {
        return Ok(millis);
    }
    Err(out_of_range(
        "Valid values are between 0 and 999, inclusive.",
        "millisecond",
    ))
}

/// The ticks that the constructors with year, month and so on make of their first `n` arguments.
fn ticks_of(a: &Args<'_>, n: usize) -> Result<i64, Throw> {
    let part = |i: usize| if i < n { a.int(i) } else { 0 };
    let unrepresentable =
        |message: &'static str| move || throw("ArgumentOutOfRangeException", message);
    let make = crate::value::time::ticks_of;
    let millis = milliseconds(a, n)?;
    let day = make(part(0), part(1), part(2), 0, 0, 0, 0).ok_or_else(unrepresentable(
        "Year, Month, and Day parameters describe an un-representable DateTime.",
    ))?;
    let time = make(1, 1, 1, part(3), part(4), part(5), 0).ok_or_else(unrepresentable(
        "Hour, Minute, and Second parameters describe an un-representable DateTime.",
    ))?;
    Ok(day + time + millis * 10_000)
}

/// The ticks of a constructor that takes them.
fn given_ticks(ticks: i64) -> Result<i64, Throw> {
    within(Some(ticks)).ok_or_else(|| {
        out_of_range(
            "Ticks must be between DateTime.MinValue.Ticks and DateTime.MaxValue.Ticks.",
            "ticks",
        )
    })
}

/// Ticks of a Windows file time.
fn file_ticks(time: i64) -> Result<i64, Throw> {
    Some(time)
        .filter(|t| *t >= 0)
        .and_then(|t| within(t.checked_add(FILE_EPOCH)))
        .ok_or_else(|| out_of_range("Not a valid Win32 FileTime.", "fileTime"))
}

fn to_file_time(ticks: i64) -> R {
    match ticks - FILE_EPOCH {
        t @ 0.. => Ok(Value::Long(t)),
        _ => Err(throw(
            "ArgumentOutOfRangeException",
            "Not a valid Win32 FileTime.",
        )),
    }
}

/// Ticks at the start of 1601, from which Windows counts.
const FILE_EPOCH: i64 = 504_911_232_000_000_000;

/// `CompareTo` and `Compare`.
fn order(a: &Value, b: &Value) -> R {
    Ok(Value::Int(compare(a, b).map_or(0, |o| o as i32)))
}

/// `CompareTo(object)`: null is before everything, another type is an error.
fn order_object(a: &Args<'_>, class: &str) -> R {
    match &a.values[1] {
        Value::Null => Ok(Value::Int(1)),
        other if other.ty() == a.values[0].ty() => order(&a.values[0], other),
        _ => Err(throw(
            "ArgumentException",
            format!("Object must be of type {class}."),
        )),
    }
}

/// Ticks on the clock of a `DateTime` or a `DateTimeOffset`.
fn clock(a: &Args<'_>) -> i64 {
    match &a.values[0] {
        Value::DateTimeOffset(d) => d.ticks,
        _ => date(a, 0).ticks,
    }
}

fn parts(a: &Args<'_>) -> Parts {
    Parts::of(clock(a))
}

fn int(n: i64) -> R {
    Ok(Value::Int(n as i32))
}

/// Members that dates and offsets share.
const PARTS: &[Row] = &[
    m("int Year", |_, a| int(parts(a).year)),
    m("int Month", |_, a| int(i64::from(parts(a).month))),
    m("int Day", |_, a| int(i64::from(parts(a).day))),
    m("int Hour", |_, a| int(parts(a).hour)),
    m("int Minute", |_, a| int(parts(a).minute)),
    m("int Second", |_, a| int(parts(a).second)),
    m("int Millisecond", |_, a| int(parts(a).fraction / 10_000)),
    m("int Microsecond", |_, a| int(parts(a).fraction / 10 % 1000)),
    m("int Nanosecond", |_, a| int(parts(a).fraction % 10 * 100)),
    m("DayOfWeek DayOfWeek", |_, a| {
        let day = parts(a).weekday as i64;
        Ok(Value::Enum(&super::enums::DAY_OF_WEEK, day))
    }),
    m("int DayOfYear", |_, a| {
        int(i64::from(parts(a).day_of_year()))
    }),
    m("long Ticks", |_, a| Ok(Value::Long(clock(a)))),
    m("TimeSpan TimeOfDay", |_, a| {
        Ok(Value::TimeSpan(clock(a) % TICKS_PER_DAY))
    }),
];

/// `ToString` with a format, for dates, offsets and spans, which name the provider each in its way.
macro_rules! formats {
    ($provider:literal) => {
        &[
            m("string ToString(string format)", written),
            m(
                concat!(
                    "string ToString(string format, IFormatProvider ",
                    $provider,
                    ")"
                ),
                written,
            ),
        ]
    };
}

/// `ToString` with a provider only, which spans do not have.
macro_rules! provided {
    ($provider:literal) => {
        &[m(
            concat!("string ToString(IFormatProvider ", $provider, ")"),
            |cx, a| {
                let s = a.values[0].to_text();
                cx.text(s)
            },
        )]
    };
}

fn written(cx: &mut Cx<'_>, a: &mut Args<'_>) -> R {
    let s = formatted(&a.values[0], a.values[1].as_str())?;
    cx.text(s)
}

pub(super) const TYPES: &[Type] = &[
    ty_of(
        "struct System.DateTime : IComparable, IFormattable, IConvertible",
        &[
            PARTS,
            formats!("provider"),
            provided!("provider"),
            date::ROWS,
            parse::DATE,
        ],
    ),
    ty_of(
        "struct System.DateTimeOffset : IComparable, IFormattable",
        &[
            PARTS,
            formats!("formatProvider"),
            provided!("formatProvider"),
            offset::ROWS,
            parse::OFFSET,
        ],
    ),
    ty_of(
        "struct System.TimeSpan : IComparable, IFormattable",
        &[formats!("formatProvider"), span::ROWS, span::PARSE],
    ),
];
