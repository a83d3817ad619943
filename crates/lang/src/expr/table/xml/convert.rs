//! LINQ to XML: values as the text of an element or attribute, and back (`XmlConvert`).

use super::null;
use crate::expr::eval::{Args, Cx, R, Throw, throw};
use crate::expr::table::dates::today;
use crate::expr::table::json::convert::number_of_text;
use crate::expr::table::{Row, m};
use crate::expr::types::{Num, Ty};
use crate::value::xml::Node;
use crate::value::{Str, Value, number, time};

/// The text that stands for a value: as XML Schema writes it.
pub(super) fn text_of(value: &Value) -> Result<Str, Throw> {
    Ok(match value {
        Value::Str(text) => text.clone(),
        Value::Bool(b) => Str::from(if *b { "true" } else { "false" }),
        Value::Double(f) => infinite(*f).unwrap_or_else(|| number::double_text(*f).into()),
        Value::Float(f) => infinite(f64::from(*f)).unwrap_or_else(|| number::float_text(*f).into()),
        Value::DateTime(d) => {
            let format = "yyyy-MM-ddTHH:mm:ss.FFFFFFFK";
            time::format(&time::Parts::of_date(*d), format)
                .unwrap_or_default()
                .into()
        }
        Value::DateTimeOffset(d) => {
            let format = if d.offset_minutes == 0 {
                "yyyy-MM-ddTHH:mm:ss.FFFFFFFZ"
            } else {
                "yyyy-MM-ddTHH:mm:ss.FFFFFFFzzz"
            };
            time::format(&time::Parts::of_offset(*d), format)
                .unwrap_or_default()
                .into()
        }
        Value::TimeSpan(ticks) => duration(*ticks).into(),
        Value::Object(o) if o.as_any().is::<Node>() => {
            return Err(throw(
                "ArgumentException",
                "An XObject cannot be used as a value.",
            ));
        }
        other => other.to_text(),
    })
}

fn infinite(f: f64) -> Option<Str> {
    (f.is_infinite()).then(|| Str::from(if f > 0.0 { "INF" } else { "-INF" }))
}

/// `xs:duration`: `P1DT2H3M4.5S`.
fn duration(ticks: i64) -> String {
    let sign = if ticks < 0 { "-" } else { "" };
    let all = ticks.unsigned_abs();
    let (seconds, fraction) = (all / 10_000_000, all % 10_000_000);
    let (days, hours) = (seconds / 86_400, seconds / 3600 % 24);
    let (minutes, rest) = (seconds / 60 % 60, seconds % 60);
    let mut out = format!("{sign}P");
    if days > 0 {
        out.push_str(&format!("{days}D"));
    }
    let mut clock = String::new();
    if hours > 0 {
        clock.push_str(&format!("{hours}H"));
    }
    if minutes > 0 {
        clock.push_str(&format!("{minutes}M"));
    }
    if rest > 0 || fraction > 0 {
        clock.push_str(&rest.to_string());
        if fraction > 0 {
            clock.push('.');
            clock.push_str(format!("{fraction:07}").trim_end_matches('0'));
        }
        clock.push('S');
    }
    if !clock.is_empty() {
        out.push('T');
        out.push_str(&clock);
    } else if days == 0 {
        return String::from("PT0S");
    }
    out
}

/// The ticks of an `xs:duration`; years have 365 days and months 30, as in .NET.
fn ticks(text: &str) -> Option<i64> {
    let text = text.trim();
    let (negative, rest) = match text.strip_prefix('-') {
        Some(rest) => (true, rest),
        None => (false, text),
    };
    let rest = rest.strip_prefix('P')?;
    let (date, clock) = match rest.split_once('T') {
        Some((date, clock)) if !clock.is_empty() => (date, clock),
        Some(_) => return None,
        None => (rest, ""),
    };
    if date.is_empty() && clock.is_empty() {
        return None;
    }
    let mut total: i64 = 0;
    for (part, units) in [
        (
            date,
            &[('Y', 31_536_000_i64), ('M', 2_592_000), ('D', 86_400)][..],
        ),
        (clock, &[('H', 3600), ('M', 60), ('S', 1)][..]),
    ] {
        let mut left = part;
        for (unit, seconds) in units {
            let Some((amount, after)) = left.split_once(*unit) else {
                continue;
            };
            let (whole, fraction) = amount.split_once('.').unwrap_or((amount, ""));
            if whole.is_empty() || (!fraction.is_empty() && *unit != 'S') {
                return None;
            }
            let whole: i64 = whole.parse().ok().filter(|n| *n >= 0)?;
            total = total.checked_add(whole.checked_mul(seconds * 10_000_000)?)?;
            if !fraction.is_empty() {
                let digits: String = fraction.chars().chain("0000000".chars()).take(7).collect();
                total = total.checked_add(digits.parse().ok()?)?;
            }
            left = after;
        }
        if !left.is_empty() {
            return None;
        }
    }
    Some(if negative { -total } else { total })
}

/// A moment in one of the forms of XML Schema (`XmlConvert.ToDateTimeOffset`): parts that are missing are the first ones,
/// of this year for a month or a day alone, of the leap year 1904 for both.
fn schema_time(text: &str, today: i64) -> Option<time::DateTimeOffset> {
    let digits = |s: &str| -> String {
        let digit = |c: char| if c.is_ascii_digit() { '0' } else { c };
        s.chars().map(digit).collect()
    };
    let at = text.len().saturating_sub(6);
    let (body, zone) = match (text.strip_suffix('Z'), text.get(at..)) {
        (Some(body), _) => (body, "Z"),
        (None, Some(zone)) if matches!(digits(zone).as_str(), "+00:00" | "-00:00") => {
            (text.get(..at)?, zone)
        }
        _ => (text, ""),
    };
    let (whole, fraction) = body.split_once('.').unwrap_or((body, "0"));
    if fraction.is_empty() || !fraction.bytes().all(|b| b.is_ascii_digit()) {
        return None;
    }
    let this_year = || {
        let today = time::DateTime {
            ticks: today,
            kind: time::Kind::Unspecified,
        };
        time::format(&time::Parts::of_date(today), "yyyy")
    };
    let moment = match digits(whole).as_str() {
        "0000-00-00T00:00:00" | "00:00:00" => body.to_owned(),
        _ if body.contains('.') => return None,
        "0000-00-00" => format!("{body}T00:00:00"),
        "0000-00" => format!("{body}-01T00:00:00"),
        "0000" => format!("{body}-01-01T00:00:00"),
        "--00-00" => format!("1904-{}T00:00:00", body.get(2..)?),
        "--00" | "--00--" => format!("{}-{}-01T00:00:00", this_year()?, body.get(2..4)?),
        "---00" => format!("{}-01-{}T00:00:00", this_year()?, body.get(3..)?),
        _ => return None,
    };
    time::read::parse_offset(&(moment + zone), today)
}

fn bad(text: &str, ty: &Ty) -> Throw {
    throw(
        "FormatException",
        format!(
            "The string '{text}' is not a valid {} value.",
            ty.full_name()
        ),
    )
}

/// An element or an attribute as a value of a type. Null only reaches what may be null.
fn value_of(cx: &Cx<'_>, a: &Args<'_>, ty: &Ty) -> R {
    if a.is_null(0) {
        return if ty.is_value() && !ty.is_nullable() {
            Err(null("element"))
        } else {
            Ok(Value::Null)
        };
    }
    let node = a.object::<Node>(0)?;
    let text = node.inner_text();
    let trimmed = text.trim();
    let plain = ty.plain();
    if *plain == Ty::String {
        return Ok(Value::Str(text));
    }
    if *plain == Ty::Bool {
        let word = if node.is_element() || node.is_attribute() {
            trimmed.to_lowercase()
        } else {
            trimmed.to_owned()
        };
        return match word.as_str() {
            "true" | "1" => Ok(Value::Bool(true)),
            "false" | "0" => Ok(Value::Bool(false)),
            _ => Err(bad(&text, plain)),
        };
    }
    if let Some(num) = plain.numeric() {
        let infinite = match trimmed {
            "INF" => Some(f64::INFINITY),
            "-INF" => Some(f64::NEG_INFINITY),
            _ => None,
        };
        return match (num, infinite) {
            (Num::Double, Some(f)) => Ok(Value::Double(f)),
            (Num::Float, Some(f)) => Ok(Value::Float(f as f32)),
            // Unlike `Parse`, no group separators.
            _ if trimmed.contains(',') => Err(bad(&text, plain)),
            (Num::UInt | Num::ULong, _) if trimmed.starts_with(['-', '+']) => {
                Err(bad(&text, plain))
            }
            _ => number_of_text(trimmed, num),
        };
    }
    let found = match plain {
        Ty::Class("DateTime", _) => time::read::parse_date(trimmed, today(cx)).map(Value::DateTime),
        Ty::Class("DateTimeOffset", _) => {
            schema_time(trimmed, today(cx)).map(Value::DateTimeOffset)
        }
        Ty::Class("TimeSpan", _) => ticks(trimmed).map(Value::TimeSpan),
        Ty::Class("Guid", _) => uuid::Uuid::parse_str(trimmed)
            .ok()
            .map(|g| Value::Guid(*g.as_bytes())),
        _ => None,
    };
    found.ok_or_else(|| bad(&text, plain))
}

macro_rules! casts {
    ($class:literal, $($name:literal => $ty:expr),* $(,)?) => {
        &[$(m(concat!("explicit ", $name, "(", $class, " node)"), |cx, a| value_of(cx, a, &$ty)),)*]
    };
    ($class:literal) => {
        casts!($class,
            "string" => Ty::String,
            "bool" => Ty::Bool, "bool?" => Ty::nullable(Ty::Bool),
            "int" => Ty::Int, "int?" => Ty::nullable(Ty::Int),
            "uint" => Ty::UInt, "uint?" => Ty::nullable(Ty::UInt),
            "long" => Ty::Long, "long?" => Ty::nullable(Ty::Long),
            "ulong" => Ty::ULong, "ulong?" => Ty::nullable(Ty::ULong),
            "float" => Ty::Float, "float?" => Ty::nullable(Ty::Float),
            "double" => Ty::Double, "double?" => Ty::nullable(Ty::Double),
            "decimal" => Ty::Decimal, "decimal?" => Ty::nullable(Ty::Decimal),
            "DateTime" => Ty::class("DateTime"), "DateTime?" => Ty::nullable(Ty::class("DateTime")),
            "DateTimeOffset" => Ty::class("DateTimeOffset"), "DateTimeOffset?" => Ty::nullable(Ty::class("DateTimeOffset")),
            "TimeSpan" => Ty::class("TimeSpan"), "TimeSpan?" => Ty::nullable(Ty::class("TimeSpan")),
            "Guid" => Ty::class("Guid"), "Guid?" => Ty::nullable(Ty::class("Guid")),
        )
    };
}

pub(super) const ELEMENT: &[Row] = casts!("XElement");
pub(super) const ATTRIBUTE: &[Row] = casts!("XAttribute");
