//! Numbers as text and text as numbers: .NET's default texts, standard and custom numeric formats, and what `Parse` reads.
//!
//! Called by `ToString`, composite formatting and the rows of the numeric types. What must stay true: a wrong format is
//! `None`, never a panic, and no format makes a text longer than [`MAX_PRECISION`] plus what its own length allows.

mod custom;
mod digits;
pub(crate) mod read;
mod standard;
pub(crate) mod symbols;

use super::Value;
use rust_decimal::Decimal;
use rust_decimal::prelude::ToPrimitive;
use symbols::Symbols;

/// Most digits that a format may ask for; .NET allows more than memory holds.
const MAX_PRECISION: usize = 1_000_000;

/// Any number as `double`.
pub(crate) fn as_f64(v: &Value) -> Option<f64> {
    match v {
        Value::Float(f) => Some(f64::from(*f)),
        Value::Double(f) => Some(*f),
        Value::Decimal(d) => decimal_to_f64(d),
        Value::ULong(n) => Some(*n as f64),
        _ => v.as_i64().map(|n| n as f64),
    }
}

/// The `double` nearest to a decimal.
fn decimal_to_f64(d: &Decimal) -> Option<f64> {
    if d.scale() == 0 {
        return d.to_f64();
    }
    d.to_string().parse().ok()
}

/// Text of NaN and the infinities.
pub(crate) fn special(f: f64) -> Option<&'static str> {
    symbols::INVARIANT.special(f)
}

/// Shortest text that reads back, as .NET (since Core 3.0) prints it.
pub(crate) fn double_text(f: f64) -> String {
    special(f).map_or_else(|| shortest(&format!("{f:e}"), 15), str::to_string)
}

/// As [`double_text`] for `float`.
pub(crate) fn float_text(f: f32) -> String {
    special(f64::from(f)).map_or_else(|| shortest(&format!("{f:e}"), 7), str::to_string)
}

/// A decimal with all its digits; zero has no sign.
pub(crate) fn decimal_text(d: &Decimal) -> String {
    if d.is_zero() {
        return d.abs().to_string();
    }
    d.to_string()
}

/// From Rust's `d.ddde±x` to .NET's rule of when to use an exponent.
fn shortest(scientific: &str, digits_before_exponent: usize) -> String {
    let (mantissa, exponent) = scientific.split_once('e').unwrap_or((scientific, "0"));
    let exponent: i32 = exponent.parse().unwrap_or(0);
    let (sign, mantissa) = mantissa
        .strip_prefix('-')
        .map_or(("", mantissa), |m| ("-", m));
    let digits: String = mantissa.chars().filter(char::is_ascii_digit).collect();
    let most = digits_before_exponent.max(digits.len()) as i32;
    if exponent >= most || exponent < -4 {
        let fraction = if digits.len() > 1 {
            format!(".{}", &digits[1..])
        } else {
            String::new()
        };
        let (s, e) = if exponent < 0 {
            ('-', -exponent)
        } else {
            ('+', exponent)
        };
        return format!("{sign}{}{fraction}E{s}{e:02}", &digits[..1]);
    }
    sign.to_string() + &positional(&digits, exponent)
}

/// Digits with the point after `exponent + 1` of them.
fn positional(digits: &str, exponent: i32) -> String {
    if exponent < 0 {
        return format!("0.{}{digits}", "0".repeat((-exponent - 1) as usize));
    }
    let whole = exponent as usize + 1;
    if digits.len() <= whole {
        format!("{digits}{}", "0".repeat(whole - digits.len()))
    } else {
        format!("{}.{}", &digits[..whole], &digits[whole..])
    }
}

/// A number in a .NET format; `None` for a wrong format.
pub(crate) fn format_with(v: &Value, format: &str, info: &Symbols) -> Option<String> {
    let mut chars = format.chars();
    let Some(first) = chars.next().filter(|c| *c != '\0') else {
        return standard::standard(v, 'G', None, info);
    };
    let rest = chars.as_str().split('\0').next().unwrap_or("");
    if first.is_ascii_alphabetic() && rest.bytes().all(|b| b.is_ascii_digit()) {
        let precision: Option<usize> = if rest.is_empty() {
            None
        } else {
            Some(rest.parse().ok().filter(|p| *p <= MAX_PRECISION)?)
        };
        return standard::standard(v, first, precision, info);
    }
    custom::custom(v, format, info)
}

fn is_integer(v: &Value) -> bool {
    v.as_i64().is_some() || matches!(v, Value::ULong(_))
}
