//! Operators on values: arithmetic that wraps, comparison, equality, numeric conversion.

use super::{R, throw};
use crate::expr::ir::{Arith, Cmp};
use crate::expr::types::Num;
use crate::value::{Value, number, text};
use rust_decimal::Decimal;
use rust_decimal::prelude::{FromPrimitive, ToPrimitive};
use std::cmp::Ordering;
use std::rc::Rc;

fn divide_by_zero() -> super::Throw {
    throw("DivideByZeroException", "Attempted to divide by zero.")
}

fn overflow() -> super::Throw {
    throw(
        "OverflowException",
        "Arithmetic operation resulted in an overflow.",
    )
}

macro_rules! integer {
    ($variant:ident, $ty:ty, $op:expr, $a:expr, $b:expr) => {{
        let (Value::$variant(a), b) = ($a, $b) else {
            return Ok(Value::Null);
        };
        let a = *a;
        let shift = || b.as_i64().unwrap_or(0) as u32 & (<$ty>::BITS - 1);
        match $op {
            Arith::Shl => return Ok(Value::$variant(a.wrapping_shl(shift()))),
            Arith::Shr => return Ok(Value::$variant(a.wrapping_shr(shift()))),
            _ => {}
        }
        let Value::$variant(b) = b else {
            return Ok(Value::Null);
        };
        let b = *b;
        Value::$variant(match $op {
            Arith::Add => a.wrapping_add(b),
            Arith::Sub => a.wrapping_sub(b),
            Arith::Mul => a.wrapping_mul(b),
            Arith::Div if b == 0 => return Err(divide_by_zero()),
            Arith::Rem if b == 0 => return Err(divide_by_zero()),
            Arith::Div => a.checked_div(b).ok_or_else(overflow)?,
            // The smallest by -1: the processor refuses it, and .NET says so.
            Arith::Rem => a.checked_rem(b).ok_or_else(overflow)?,
            Arith::And => a & b,
            Arith::Or => a | b,
            Arith::Xor => a ^ b,
            Arith::Shl | Arith::Shr => a,
        })
    }};
}

macro_rules! float {
    ($variant:ident, $op:expr, $a:expr, $b:expr) => {{
        let (Value::$variant(a), Value::$variant(b)) = ($a, $b) else {
            return Ok(Value::Null);
        };
        Value::$variant(match $op {
            Arith::Add => a + b,
            Arith::Sub => a - b,
            Arith::Mul => a * b,
            Arith::Div => a / b,
            Arith::Rem => a % b,
            _ => return Ok(Value::Null),
        })
    }};
}

/// Both operands are of the type; null (of a nullable) gives null.
pub(crate) fn arithmetic(op: Arith, num: Num, a: &Value, b: &Value) -> R {
    if a.is_null() || b.is_null() {
        return Ok(Value::Null);
    }
    Ok(match num {
        Num::Int => integer!(Int, i32, op, a, b),
        Num::Long => integer!(Long, i64, op, a, b),
        Num::UInt => integer!(UInt, u32, op, a, b),
        Num::ULong => integer!(ULong, u64, op, a, b),
        Num::Double => float!(Double, op, a, b),
        Num::Float => float!(Float, op, a, b),
        Num::Decimal => {
            let (Value::Decimal(a), Value::Decimal(b)) = (a, b) else {
                return Ok(Value::Null);
            };
            let too_big = || {
                throw(
                    "OverflowException",
                    "Value was either too large or too small for a Decimal.",
                )
            };
            let mut made = match op {
                Arith::Add => a.checked_add(*b).ok_or_else(too_big)?,
                Arith::Sub => a.checked_sub(*b).ok_or_else(too_big)?,
                Arith::Mul => a.checked_mul(*b).ok_or_else(too_big)?,
                Arith::Div | Arith::Rem if b.is_zero() => return Err(divide_by_zero()),
                Arith::Div => quotient(*a, *b).ok_or_else(too_big)?,
                Arith::Rem if a.is_zero() => *a,
                Arith::Rem => a.checked_rem(*b).ok_or_else(too_big)?,
                _ => return Ok(Value::Null),
            };
            // A product, a quotient or a rest of nothing keeps its sign, and a product its digits, as in .NET.
            if made.is_zero() {
                if op == Arith::Mul {
                    let scale = (a.scale() + b.scale()).min(Decimal::MAX_SCALE);
                    made = Decimal::try_from_i128_with_scale(0, scale).unwrap_or(made);
                }
                made.set_sign_negative(match op {
                    Arith::Mul | Arith::Div => a.is_sign_negative() != b.is_sign_negative(),
                    Arith::Rem => a.is_sign_negative(),
                    _ => made.is_sign_negative(),
                });
            }
            Value::Decimal(made)
        }
        _ => return Ok(Value::Null),
    })
}

/// [`arithmetic`] on integers in a `checked` context.
pub(crate) fn checked_arithmetic(op: Arith, num: Num, a: &Value, b: &Value) -> R {
    let wide = |v: &Value| match v {
        Value::ULong(n) => Some(i128::from(*n)),
        v => v.as_i64().map(i128::from),
    };
    if let (Some(x), Some(y)) = (wide(a), wide(b))
        && let Some(result) = exact(op, x, y)
    {
        let (lowest, highest) = crate::expr::table::json::convert::range(num);
        if result < lowest || result > highest {
            return Err(overflow());
        }
    }
    arithmetic(op, num, a, b)
}

/// The mathematical result of an operation that can overflow.
pub(crate) fn exact(op: Arith, a: i128, b: i128) -> Option<i128> {
    match op {
        Arith::Add => Some(a.saturating_add(b)),
        Arith::Sub => Some(a.saturating_sub(b)),
        // The square of the largest `ulong` is beyond `i128`, and so of any type.
        Arith::Mul => Some(a.saturating_mul(b)),
        Arith::Div => a.checked_div(b),
        _ => None,
    }
}

/// [`to_number`] in a `checked` context.
pub(crate) fn to_checked(num: Num, v: &Value) -> R {
    if num >= Num::Float {
        return to_number(num, v);
    }
    let wide = match v {
        Value::ULong(n) => Some(i128::from(*n)),
        Value::Char(c) => Some(i128::from(*c)),
        // Not a number and beyond `i128`: what no integer type holds.
        Value::Float(f) if f.is_nan() => Some(i128::MAX),
        Value::Double(f) if f.is_nan() => Some(i128::MAX),
        Value::Float(f) => Some(f.trunc() as i128),
        Value::Double(f) => Some(f.trunc() as i128),
        v => v.as_i64().map(i128::from),
    };
    let (lowest, highest) = crate::expr::table::json::convert::range(num);
    if wide.is_some_and(|n| n < lowest || n > highest) {
        return Err(overflow());
    }
    to_number(num, v)
}

/// .NET keeps no zeros at the end beyond the difference of the scales.
fn quotient(a: Decimal, b: Decimal) -> Option<Decimal> {
    if a.is_zero() {
        return Decimal::try_from_i128_with_scale(0, a.scale().saturating_sub(b.scale())).ok();
    }
    let q = a.checked_div(b)?;
    let mut short = q.normalize();
    let keep = a.scale().saturating_sub(b.scale());
    if short.scale() < keep {
        short.rescale(keep.min(q.scale()).max(short.scale()));
    }
    Some(short)
}

/// `&`, `|`, `^` on `bool` and `bool?`.
pub(super) fn logic(op: Arith, a: &Value, b: &Value) -> Value {
    let bit = |v: &Value| v.as_bool();
    let result = match (op, bit(a), bit(b)) {
        (Arith::And, Some(false), _) | (Arith::And, _, Some(false)) => Some(false),
        (Arith::Or, Some(true), _) | (Arith::Or, _, Some(true)) => Some(true),
        (Arith::And, Some(x), Some(y)) => Some(x && y),
        (Arith::Or, Some(x), Some(y)) => Some(x || y),
        (Arith::Xor, Some(x), Some(y)) => Some(x != y),
        _ => None,
    };
    // Flags enums combine with the same operators.
    if let (Value::Enum(e, x), Value::Enum(_, y)) = (a, b) {
        return Value::Enum(
            e,
            match op {
                Arith::And => x & y,
                Arith::Or => x | y,
                _ => x ^ y,
            },
        );
    }
    result.map_or(Value::Null, Value::Bool)
}

pub(super) fn negate(num: Num, v: &Value) -> R {
    Ok(match (num, v) {
        (_, Value::Int(n)) => Value::Int(n.wrapping_neg()),
        (_, Value::Long(n)) => Value::Long(n.wrapping_neg()),
        (_, Value::Float(n)) => Value::Float(-n),
        (_, Value::Double(n)) => Value::Double(-n),
        (_, Value::Decimal(n)) => Value::Decimal(-n),
        _ => Value::Null,
    })
}

pub(super) fn complement(_: Num, v: &Value) -> Value {
    match v {
        Value::Int(n) => Value::Int(!n),
        Value::UInt(n) => Value::UInt(!n),
        Value::Long(n) => Value::Long(!n),
        Value::ULong(n) => Value::ULong(!n),
        _ => Value::Null,
    }
}

/// Order of two values of one type; `None` when one is null or NaN.
pub(crate) fn compare(a: &Value, b: &Value) -> Option<Ordering> {
    Some(match (a, b) {
        (Value::Int(a), Value::Int(b)) => a.cmp(b),
        (Value::Double(a), Value::Double(b)) => return a.partial_cmp(b),
        (Value::Float(a), Value::Float(b)) => return a.partial_cmp(b),
        (Value::Decimal(a), Value::Decimal(b)) => a.cmp(b),
        (Value::ULong(a), Value::ULong(b)) => a.cmp(b),
        (Value::DateTime(a), Value::DateTime(b)) => a.ticks.cmp(&b.ticks),
        (Value::DateTimeOffset(a), Value::DateTimeOffset(b)) => a.utc_ticks().cmp(&b.utc_ticks()),
        (Value::TimeSpan(a), Value::TimeSpan(b)) => a.cmp(b),
        (Value::Str(a), Value::Str(b)) => text::compare_culture(a, b, false),
        (Value::Bool(a), Value::Bool(b)) => a.cmp(b),
        (Value::Char(a), Value::Char(b)) => a.cmp(b),
        (Value::Guid(a), Value::Guid(b)) => a.cmp(b),
        (Value::Enum(_, a), Value::Enum(_, b)) => a.cmp(b),
        (Value::Token(a), Value::Token(b)) => return compare(&a.value()?, &b.value()?),
        (Value::Object(a), Value::Object(b)) => {
            if let Some(order) = a.order(&**b) {
                return Some(order);
            }
            for (a, b) in a.parts()?.iter().zip(b.parts()?) {
                let order = match (a.is_null(), b.is_null()) {
                    (false, false) => compare(a, b)?,
                    (null, other) => other.cmp(&null),
                };
                if order.is_ne() {
                    return Some(order);
                }
            }
            Ordering::Equal
        }
        _ => match (a.as_i64(), b.as_i64()) {
            (Some(a), Some(b)) => a.cmp(&b),
            _ => return number::as_f64(a)?.partial_cmp(&number::as_f64(b)?),
        },
    })
}

pub(super) fn ordered(op: Cmp, a: &Value, b: &Value) -> bool {
    compare(a, b).is_some_and(|order| op.holds(order))
}

/// `Equals`: by value for text, numbers of the same type, structs and enums; by reference else.
pub(crate) fn equal(a: &Value, b: &Value) -> bool {
    match (a, b) {
        (Value::Null, Value::Null) => true,
        (Value::Null, _) | (_, Value::Null) => false,
        (Value::Bool(a), Value::Bool(b)) => a == b,
        (Value::Str(a), Value::Str(b)) => a == b,
        (Value::Int(a), Value::Int(b)) => a == b,
        (Value::Long(a), Value::Long(b)) => a == b,
        (Value::Char(a), Value::Char(b)) => a == b,
        (Value::SByte(a), Value::SByte(b)) => a == b,
        (Value::Byte(a), Value::Byte(b)) => a == b,
        (Value::Short(a), Value::Short(b)) => a == b,
        (Value::UShort(a), Value::UShort(b)) => a == b,
        (Value::UInt(a), Value::UInt(b)) => a == b,
        (Value::ULong(a), Value::ULong(b)) => a == b,
        (Value::Float(a), Value::Float(b)) => a == b,
        (Value::Double(a), Value::Double(b)) => a == b,
        (Value::Decimal(a), Value::Decimal(b)) => a == b,
        (Value::DateTime(a), Value::DateTime(b)) => a.ticks == b.ticks,
        (Value::DateTimeOffset(a), Value::DateTimeOffset(b)) => a.utc_ticks() == b.utc_ticks(),
        (Value::TimeSpan(a), Value::TimeSpan(b)) => a == b,
        (Value::Guid(a), Value::Guid(b)) => a == b,
        (Value::Enum(e, a), Value::Enum(f, b)) => std::ptr::eq(*e, *f) && a == b,
        (Value::Token(a), Value::Token(b)) => {
            a.same(b) || (a.value().is_some() && a.value_equals(b))
        }
        (Value::Object(a), Value::Object(b)) => a.equals(&**b),
        _ => same(a, b),
    }
}

/// `Equals` as collections call it: as [`equal`], but NaN equals itself.
pub(crate) fn equals(a: &Value, b: &Value) -> bool {
    match (a, b) {
        (Value::Double(a), Value::Double(b)) => a == b || (a.is_nan() && b.is_nan()),
        (Value::Float(a), Value::Float(b)) => a == b || (a.is_nan() && b.is_nan()),
        _ => equal(a, b),
    }
}

/// `ReferenceEquals`, as `==` on two objects: boxed values are never the same. The empty string is one object: literals
/// are interned, and .NET's own methods give `String.Empty`.
pub(crate) fn same(a: &Value, b: &Value) -> bool {
    match (a, b) {
        (Value::Null, Value::Null) => true,
        (Value::Str(a), Value::Str(b)) => {
            std::sync::Arc::ptr_eq(a, b) || (a.is_empty() && b.is_empty())
        }
        (Value::Token(a), Value::Token(b)) => a.same(b),
        (Value::List(a), Value::List(b)) => Rc::ptr_eq(a, b),
        (Value::Dict(a), Value::Dict(b)) => Rc::ptr_eq(a, b),
        (Value::Response(a), Value::Response(b)) => Rc::ptr_eq(a, b),
        (Value::Object(a), Value::Object(b)) => {
            std::ptr::addr_eq(Rc::as_ptr(a), Rc::as_ptr(b))
                || (a.is_single() && b.is_single() && a.equals(&**b))
        }
        (Value::Func(a), Value::Func(b)) => Rc::ptr_eq(&a.0, &b.0),
        (Value::Host(a), Value::Host(b)) => a == b,
        (Value::Bytes(a), Value::Bytes(b)) => {
            std::ptr::eq(a.as_ptr(), b.as_ptr()) && a.len() == b.len()
        }
        _ => false,
    }
}

/// Explicit numeric conversion, unchecked.
pub(crate) fn to_number(num: Num, v: &Value) -> R {
    if v.is_null() {
        return Ok(Value::Null);
    }
    // Already the type: the most frequent case of a widened operand.
    if matches!(
        (num, v),
        (Num::Int, Value::Int(_)) | (Num::Long, Value::Long(_)) | (Num::Double, Value::Double(_))
    ) {
        return Ok(v.clone());
    }
    let too_big = || {
        throw(
            "OverflowException",
            "Value was either too large or too small for a Decimal.",
        )
    };
    if num == Num::Decimal {
        return Ok(Value::Decimal(match v {
            Value::Decimal(d) => *d,
            // .NET keeps 15 significant digits of a double, 7 of a float.
            Value::Double(f) => decimal_of(*f, 15).ok_or_else(too_big)?,
            Value::Float(f) => decimal_of(f64::from(*f), 7).ok_or_else(too_big)?,
            Value::ULong(n) => Decimal::from(*n),
            Value::Char(c) => Decimal::from(*c),
            _ => Decimal::from(v.as_i64().unwrap_or(0)),
        }));
    }
    if matches!(num, Num::Double | Num::Float) {
        let f = match v {
            Value::Char(c) => f64::from(*c),
            Value::Decimal(d) => d.to_f64().unwrap_or(0.0),
            _ => number::as_f64(v).unwrap_or(0.0),
        };
        return Ok(match (num, v) {
            (Num::Float, Value::Float(f)) => Value::Float(*f),
            (Num::Float, _) => Value::Float(f as f32),
            _ => Value::Double(f),
        });
    }
    // To an integer: wrap; beyond the range of long a float has no defined result in C#.
    let wide: i128 = match v {
        Value::Char(c) => i128::from(*c),
        Value::ULong(n) => i128::from(*n),
        Value::Float(f) => f64::from(*f).trunc() as i128,
        Value::Double(f) => f.trunc() as i128,
        Value::Decimal(d) => d.trunc().to_i128().unwrap_or(0),
        Value::Enum(_, n) => i128::from(*n),
        _ => i128::from(v.as_i64().unwrap_or(0)),
    };
    if let Value::Decimal(_) = v {
        // A decimal that does not fit is never cut.
        return number::read::whole(wide, num)
            .ok_or_else(|| crate::expr::table::numbers::overflow(num));
    }
    let int = || float_limit(v, wide, i128::from(i32::MIN)).unwrap_or(wide);
    let long = || float_limit(v, wide, i128::from(i64::MIN)).unwrap_or(wide);
    Ok(match num {
        // A smaller type is cut out of an int, an uint out of a long.
        Num::Char => Value::Char(int() as u16),
        Num::SByte => Value::SByte(int() as i8),
        Num::Byte => Value::Byte(int() as u8),
        Num::Short => Value::Short(int() as i16),
        Num::UShort => Value::UShort(int() as u16),
        Num::Int => Value::Int(int() as i32),
        Num::UInt => Value::UInt(long() as u32),
        Num::Long => Value::Long(long() as i64),
        Num::ULong => Value::ULong(wide as u64),
        Num::Float | Num::Double | Num::Decimal => Value::Null,
    })
}

/// x64 gives the lowest value for a float that does not fit, and for what is no number.
fn float_limit(v: &Value, wide: i128, lowest: i128) -> Option<i128> {
    let (float, nan) = match v {
        Value::Float(f) => (true, f.is_nan()),
        Value::Double(f) => (true, f.is_nan()),
        _ => (false, false),
    };
    (float && (nan || wide < lowest || wide > -(lowest + 1))).then_some(lowest)
}

pub(crate) fn decimal_of(f: f64, digits: usize) -> Option<Decimal> {
    // Looked at before the digits are cut.
    const TOO_LARGE: f64 = 79_228_162_514_264_337_593_543_950_336.0;
    if !f.is_finite() || f.abs() >= TOO_LARGE {
        return None;
    }
    let s = format!("{f:.*e}", digits - 1);
    Decimal::from_scientific(&s)
        .ok()
        .or_else(|| Decimal::from_f64(f))
        .map(|d| d.normalize())
}
