//! `JValue.CompareTo` and `Equals`: two values under the rules of one token type.
//!
//! Source: Json.NET 13's `JValue.Compare`. What must stay true: the type is that of the left value; the right one is
//! converted to it, and what cannot be converted is .NET's exception.

use super::number::BigInteger;
use crate::expr::eval::{Throw, throw};
use crate::expr::table::json::convert::scalar_to;
use crate::expr::types::Ty;
use crate::value::{Value, number, text};
use std::cmp::Ordering;

/// Compares two values of tokens, the first of which has the type (a number of `JTokenType`).
pub(crate) fn values(ty: i64, a: &Value, b: &Value) -> Result<Ordering, Throw> {
    match (a, b) {
        (Value::Null, Value::Null) => return Ok(Ordering::Equal),
        (_, Value::Null) => return Ok(Ordering::Greater),
        (Value::Null, _) => return Ok(Ordering::Less),
        _ => {}
    }
    let wrong = |class: &str| {
        throw(
            "ArgumentException",
            format!("Object must be of type {class}."),
        )
    };
    Ok(match ty {
        6 | 7 => return numbers(ty, a, b),
        // Comments, texts, raw JSON.
        5 | 8 | 13 => a.to_text().encode_utf16().cmp(b.to_text().encode_utf16()),
        9 => {
            let bool_of = |v| scalar_to(v, &Ty::Bool, 0).map(|b| b.as_bool());
            bool_of(a)?.cmp(&bool_of(b)?)
        }
        12 => match (a, b) {
            (Value::DateTimeOffset(x), Value::DateTimeOffset(y)) => {
                x.utc_ticks().cmp(&y.utc_ticks())
            }
            (Value::DateTimeOffset(x), _) => x.utc_ticks().cmp(&ticks(b)?),
            (_, Value::DateTimeOffset(y)) => ticks(a)?.cmp(&y.ticks),
            _ => ticks(a)?.cmp(&ticks(b)?),
        },
        14 => match (a, b) {
            (Value::Bytes(x), Value::Bytes(y)) => x.len().cmp(&y.len()).then_with(|| x.cmp(y)),
            _ => return Err(wrong("byte[]")),
        },
        15 => match (a, b) {
            (Value::Guid(x), Value::Guid(y)) => x.cmp(y),
            _ => return Err(wrong("Guid")),
        },
        16 => match (a, b) {
            (Value::Object(_), Value::Object(_)) => {
                text::compare_culture(&a.to_text(), &b.to_text(), false)
            }
            _ => return Err(wrong("Uri")),
        },
        17 => match (a, b) {
            (Value::TimeSpan(x), Value::TimeSpan(y)) => x.cmp(y),
            _ => return Err(wrong("TimeSpan")),
        },
        _ => {
            return Err(throw(
                "ArgumentOutOfRangeException",
                format!(
                    "Unexpected value type: {} (Parameter 'valueType')",
                    text::enum_text(&crate::expr::table::enums::JTOKEN_TYPE, ty)
                ),
            ));
        }
    })
}

/// As [`values`], as the number that `CompareTo` gives: for texts the distance of what differs first.
pub(crate) fn distance(ty: i64, a: &Value, b: &Value) -> Result<i32, Throw> {
    if !matches!(ty, 5 | 8 | 13) || a.is_null() || b.is_null() {
        return values(ty, a, b).map(|o| o as i32);
    }
    let texts = [a, b].map(|v| Value::Str(v.to_text()));
    crate::expr::table::strings::compare(&texts[0], &texts[1], 4)
}

fn ticks(v: &Value) -> Result<i64, Throw> {
    Ok(match scalar_to(v, &Ty::class("DateTime"), 0)? {
        Value::DateTime(d) => d.ticks,
        _ => 0,
    })
}

fn numbers(ty: i64, a: &Value, b: &Value) -> Result<Ordering, Throw> {
    let big = |v: &Value| matches!(v, Value::Object(o) if o.as_any().is::<BigInteger>());
    if big(a) || big(b) {
        let whole = |v: &Value| {
            BigInteger::of(v).ok_or_else(|| {
                throw(
                    "InvalidCastException",
                    format!("Cannot convert {} to BigInteger.", v.ty().full_name()),
                )
            })
        };
        let order = whole(a)?.cmp(&whole(b)?);
        let fraction = |v: &Value| number::as_f64(v).is_some_and(|f| f.fract() != 0.0);
        return Ok(match order {
            Ordering::Equal if fraction(b) => Ordering::Less,
            Ordering::Equal if fraction(a) => Ordering::Greater,
            order => order,
        });
    }
    let either = |of: fn(&Value) -> bool| of(a) || of(b);
    if either(|v| matches!(v, Value::ULong(_) | Value::Decimal(_))) {
        let decimal = |v| scalar_to(v, &Ty::Decimal, 0);
        return Ok(
            crate::expr::eval::compare(&decimal(a)?, &decimal(b)?).unwrap_or(Ordering::Equal)
        );
    }
    if ty == 7 || either(|v| matches!(v, Value::Double(_) | Value::Float(_))) {
        let float = |v| scalar_to(v, &Ty::Double, 0).map(|v| number::as_f64(&v).unwrap_or(0.0));
        let (x, y) = (float(a)?, float(b)?);
        // Errors of the last digit do not count.
        let tolerance = (x.abs() + y.abs() + 10.0) * f64::EPSILON;
        if x == y || (x - y).abs() < tolerance {
            return Ok(Ordering::Equal);
        }
        // As `double.CompareTo`: NaN comes before all else.
        return Ok(x
            .partial_cmp(&y)
            .unwrap_or_else(|| y.is_nan().cmp(&x.is_nan())));
    }
    let long = |v| scalar_to(v, &Ty::Long, 0).map(|v| v.as_i64());
    Ok(long(a)?.cmp(&long(b)?))
}
