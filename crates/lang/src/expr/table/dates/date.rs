//! `System.DateTime`. The local zone is UTC.

use super::super::{Row, m};
use super::{
    added, after_months, after_years, bad_argument, date, file_ticks, given_ticks, int,
    milliseconds, moved, order, order_object, out_of_range, span, ticks_of, to_file_time, today,
};
use crate::expr::eval::{Args, Cx, R, Throw, equal, formatted, throw};
use crate::expr::types::Ty;
use crate::value::time::{
    MAX_TICKS, TICKS_PER_DAY, TICKS_PER_SECOND, UNIX_EPOCH, days_in_month, is_leap,
};
use crate::value::{DateTime, Kind, Value};

const TICKS_PER_MILLISECOND: i64 = TICKS_PER_SECOND / 1000;
/// Ticks at 1899-12-30, where OLE Automation starts counting days.
const OLE_EPOCH: i64 = 599_264_352_000_000_000;
const MILLIS_PER_DAY: i64 = 86_400_000;

fn at(ticks: i64, kind: Kind) -> R {
    Ok(Value::DateTime(DateTime { ticks, kind }))
}

/// A date of the same kind.
fn like(a: &Args<'_>, ticks: Result<i64, Throw>) -> R {
    at(ticks?, date(a, 0).kind)
}

fn kind(n: i64) -> Result<Kind, Throw> {
    match n {
        0 => Ok(Kind::Unspecified),
        1 => Ok(Kind::Utc),
        2 => Ok(Kind::Local),
        _ => Err(bad_argument("Invalid DateTimeKind value.", "kind")),
    }
}

fn made(a: &Args<'_>, n: usize, of: Option<usize>) -> R {
    // Milliseconds and kind are looked at before the date.
    milliseconds(a, n)?;
    let kind = kind(of.map_or(0, |i| a.int(i)))?;
    at(ticks_of(a, n)?, kind)
}

fn year(n: i64) -> Result<i64, Throw> {
    if (1..=9999).contains(&n) {
        Ok(n)
    } else {
        Err(out_of_range("Year must be between 1 and 9999.", "year"))
    }
}

/// `ToBinary`: the kind is in the two upper bits; a local one is stored as UTC.
fn binary(d: DateTime) -> i64 {
    let kind: i64 = match d.kind {
        Kind::Unspecified => 0,
        Kind::Utc => 1,
        Kind::Local => 2,
    };
    d.ticks | (kind << 62)
}

fn from_binary(data: i64) -> R {
    let mut ticks = data & 0x3FFF_FFFF_FFFF_FFFF;
    let kind = match (data as u64) >> 62 {
        0 => Kind::Unspecified,
        1 => Kind::Utc,
        _ => Kind::Local,
    };
    // A local date may have been stored before the first day; its time of day is kept within that day.
    let ceiling = 1i64 << 62;
    if kind == Kind::Local && ticks > ceiling - TICKS_PER_DAY {
        ticks = ticks - ceiling + TICKS_PER_DAY;
    }
    if ticks > MAX_TICKS {
        return Err(bad_argument(
            "The binary data must result in a DateTime with ticks between DateTime.MinValue.Ticks and DateTime.MaxValue.Ticks.",
            "dateData",
        ));
    }
    at(ticks, kind)
}

/// Days and fraction of a day since 1899-12-30; before that the fraction still counts forward.
fn ole(ticks: i64) -> R {
    if ticks == 0 {
        return Ok(Value::Double(0.0));
    }
    // A time of day alone is of the first day.
    let ticks = if ticks < TICKS_PER_DAY {
        ticks + OLE_EPOCH
    } else {
        ticks
    };
    if ticks < 31_241_376_000_000_000 {
        return Err(throw("OverflowException", "Not a legal OleAut date."));
    }
    let mut millis = (ticks - OLE_EPOCH) / TICKS_PER_MILLISECOND;
    if millis < 0 {
        let fraction = millis % MILLIS_PER_DAY;
        if fraction != 0 {
            millis -= (MILLIS_PER_DAY + fraction) * 2;
        }
    }
    Ok(Value::Double(millis as f64 / MILLIS_PER_DAY as f64))
}

fn from_ole(value: f64) -> R {
    let illegal = || throw("ArgumentException", "Not a legal OleAut date.");
    if !(value < 2_958_466.0 && value > -657_435.0) {
        return Err(illegal());
    }
    let half = if value >= 0.0 { 0.5 } else { -0.5 };
    let mut millis = (value * MILLIS_PER_DAY as f64 + half) as i64;
    if millis < 0 {
        millis -= (millis % MILLIS_PER_DAY) * 2;
    }
    let ticks = millis * TICKS_PER_MILLISECOND + OLE_EPOCH;
    if !(0..=MAX_TICKS).contains(&ticks) {
        return Err(illegal());
    }
    at(ticks, Kind::Unspecified)
}

/// `GetDateTimeFormats`: the patterns of a standard format in the invariant culture.
fn patterns(format: char) -> Option<Vec<String>> {
    const DATES: [&str; 2] = ["MM/dd/yyyy", "yyyy-MM-dd"];
    const LONG: [&str; 1] = ["dddd, dd MMMM yyyy"];
    const TIMES: [&str; 4] = ["HH:mm", "hh:mm tt", "H:mm", "h:mm tt"];
    const LONG_TIMES: [&str; 1] = ["HH:mm:ss"];
    let all = |list: &[&str]| list.iter().map(|s| (*s).to_string()).collect::<Vec<_>>();
    let both = |dates: &[&str], times: &[&str]| {
        dates
            .iter()
            .flat_map(|d| times.iter().map(move |t| format!("{d} {t}")))
            .collect::<Vec<_>>()
    };
    Some(match format {
        'd' => all(&DATES),
        'D' => all(&LONG),
        'f' => both(&LONG, &TIMES),
        'F' | 'U' => both(&LONG, &LONG_TIMES),
        'g' => both(&DATES, &TIMES),
        'G' => both(&DATES, &LONG_TIMES),
        't' => all(&TIMES),
        'T' => all(&LONG_TIMES),
        c => vec![crate::value::time::pattern(c)?.to_string()],
    })
}

fn formats(cx: &mut Cx<'_>, a: &Args<'_>, letters: &str) -> R {
    let mut out = Vec::new();
    for c in letters.chars() {
        let all = patterns(c).ok_or_else(|| {
            throw(
                "FormatException",
                "Input string was not in a correct format.",
            )
        })?;
        for p in all {
            cx.step(4)?;
            out.push(Value::from(formatted(&a.values[0], Some(&p))?));
        }
    }
    cx.list(Ty::array(Ty::String), out)
}

/// Every standard format, in .NET's order.
const LETTERS: &str = "dDfFgGmMoOrRstTuUyY";

pub(super) const ROWS: &[Row] = &[
    m("new()", |_, _| at(0, Kind::Unspecified)),
    m("new(long ticks)", |_, a| {
        at(given_ticks(a.int(0))?, Kind::Unspecified)
    }),
    m("new(long ticks, DateTimeKind kind)", |_, a| {
        at(given_ticks(a.int(0))?, kind(a.int(1))?)
    }),
    m("new(int year, int month, int day)", |_, a| made(a, 3, None)),
    m(
        "new(int year, int month, int day, int hour, int minute, int second)",
        |_, a| made(a, 6, None),
    ),
    m(
        "new(int year, int month, int day, int hour, int minute, int second, DateTimeKind kind)",
        |_, a| made(a, 6, Some(6)),
    ),
    m(
        "new(int year, int month, int day, int hour, int minute, int second, int millisecond)",
        |_, a| made(a, 7, None),
    ),
    m(
        "new(int year, int month, int day, int hour, int minute, int second, int millisecond, DateTimeKind kind)",
        |_, a| made(a, 7, Some(7)),
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
    m("static int DaysInMonth(int year, int month)", |_, a| {
        let month = u32::try_from(a.int(1))
            .ok()
            .filter(|m| (1..=12).contains(m))
            .ok_or_else(|| out_of_range("Month must be between one and twelve.", "month"))?;
        int(i64::from(days_in_month(year(a.int(0))?, month)))
    }),
    m("static bool IsLeapYear(int year)", |_, a| {
        Ok(Value::Bool(is_leap(year(a.int(0))?)))
    }),
    m("static int Compare(DateTime t1, DateTime t2)", |_, a| {
        order(&a.values[0], &a.values[1])
    }),
    m("static bool Equals(DateTime t1, DateTime t2)", |_, a| {
        Ok(Value::Bool(equal(&a.values[0], &a.values[1])))
    }),
    m(
        "static DateTime SpecifyKind(DateTime value, DateTimeKind kind)",
        |_, a| at(date(a, 0).ticks, kind(a.int(1))?),
    ),
    m("static DateTime FromBinary(long dateData)", |_, a| {
        from_binary(a.int(0))
    }),
    m("static DateTime FromFileTime(long fileTime)", |_, a| {
        at(file_ticks(a.int(0))?, Kind::Local)
    }),
    m("static DateTime FromFileTimeUtc(long fileTime)", |_, a| {
        at(file_ticks(a.int(0))?, Kind::Utc)
    }),
    m("static DateTime FromOADate(double d)", |_, a| {
        from_ole(a.double(0))
    }),
    m("DateTime Date", |_, a| {
        let d = date(a, 0);
        at(d.ticks - d.ticks % TICKS_PER_DAY, d.kind)
    }),
    m("DateTimeKind Kind", |_, a| {
        Ok(Value::Enum(
            &super::super::enums::DATE_TIME_KIND,
            match date(a, 0).kind {
                Kind::Unspecified => 0,
                Kind::Utc => 1,
                Kind::Local => 2,
            },
        ))
    }),
    m("DateTime Add(TimeSpan value)", |_, a| {
        like(a, moved(date(a, 0).ticks.checked_add(span(a, 1)), "value"))
    }),
    m("DateTime AddTicks(long value)", |_, a| {
        like(a, moved(date(a, 0).ticks.checked_add(a.int(1)), "value"))
    }),
    m("DateTime AddDays(double value)", |_, a| {
        like(a, added(date(a, 0).ticks, a.double(1), TICKS_PER_DAY))
    }),
    m("DateTime AddHours(double value)", |_, a| {
        like(
            a,
            added(date(a, 0).ticks, a.double(1), 3600 * TICKS_PER_SECOND),
        )
    }),
    m("DateTime AddMinutes(double value)", |_, a| {
        like(
            a,
            added(date(a, 0).ticks, a.double(1), 60 * TICKS_PER_SECOND),
        )
    }),
    m("DateTime AddSeconds(double value)", |_, a| {
        like(a, added(date(a, 0).ticks, a.double(1), TICKS_PER_SECOND))
    }),
    m("DateTime AddMilliseconds(double value)", |_, a| {
        like(
            a,
            added(date(a, 0).ticks, a.double(1), TICKS_PER_MILLISECOND),
        )
    }),
    m("DateTime AddMonths(int months)", |_, a| {
        like(a, after_months(date(a, 0).ticks, a.int(1)))
    }),
    m("DateTime AddYears(int value)", |_, a| {
        like(a, after_years(date(a, 0).ticks, a.int(1)))
    }),
    m("TimeSpan Subtract(DateTime value)", |_, a| {
        Ok(Value::TimeSpan(date(a, 0).ticks - date(a, 1).ticks))
    }),
    m("DateTime Subtract(TimeSpan value)", |_, a| {
        like(a, moved(date(a, 0).ticks.checked_sub(span(a, 1)), "value"))
    }),
    m("DateTime ToUniversalTime()", |_, a| {
        at(date(a, 0).ticks, Kind::Utc)
    }),
    m("DateTime ToLocalTime()", |_, a| {
        at(date(a, 0).ticks, Kind::Local)
    }),
    m("long ToBinary()", |_, a| {
        Ok(Value::Long(binary(date(a, 0))))
    }),
    m("long ToFileTime()", |_, a| to_file_time(date(a, 0).ticks)),
    m("long ToFileTimeUtc()", |_, a| {
        to_file_time(date(a, 0).ticks)
    }),
    m("double ToOADate()", |_, a| ole(date(a, 0).ticks)),
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
    m("string[] GetDateTimeFormats()", |cx, a| {
        formats(cx, a, LETTERS)
    }),
    m("string[] GetDateTimeFormats(char format)", |cx, a| {
        let letter = u32::try_from(a.int(1)).ok().and_then(char::from_u32);
        formats(cx, a, &letter.unwrap_or('?').to_string())
    }),
    m(
        "string[] GetDateTimeFormats(IFormatProvider provider)",
        |cx, a| formats(cx, a, LETTERS),
    ),
    m(
        "string[] GetDateTimeFormats(char format, IFormatProvider provider)",
        |cx, a| {
            let letter = u32::try_from(a.int(1)).ok().and_then(char::from_u32);
            formats(cx, a, &letter.unwrap_or('?').to_string())
        },
    ),
    m("bool IsDaylightSavingTime()", |_, _| Ok(Value::Bool(false))),
    m("TypeCode GetTypeCode()", |_, a| {
        Ok(super::super::convert::type_code(&a.values[0]))
    }),
    m("int CompareTo(DateTime value)", |_, a| {
        order(&a.values[0], &a.values[1])
    }),
    m("int CompareTo(object value)", |_, a| {
        order_object(a, "DateTime")
    }),
    m("bool Equals(DateTime value)", |_, a| {
        Ok(Value::Bool(equal(&a.values[0], &a.values[1])))
    }),
    m(
        "static DateTime operator +(DateTime d, TimeSpan t)",
        |_, a| like(a, moved(date(a, 0).ticks.checked_add(span(a, 1)), "t")),
    ),
    m(
        "static DateTime operator -(DateTime d, TimeSpan t)",
        |_, a| like(a, moved(date(a, 0).ticks.checked_sub(span(a, 1)), "t")),
    ),
    m(
        "static TimeSpan operator -(DateTime d1, DateTime d2)",
        |_, a| Ok(Value::TimeSpan(date(a, 0).ticks - date(a, 1).ticks)),
    ),
];
