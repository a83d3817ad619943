//! `System.Math`.

use super::decimal::{at as decimal, bad_mode, round as round_decimal};
use super::{Row, m};
use crate::expr::eval::{Args, R, Throw, compare, throw};
use crate::value::{Value, number};
use rust_decimal::Decimal;
use std::cmp::Ordering;

/// `Math.Round(double, digits, mode)`: scales by a power of ten, as .NET does.
fn round(v: f64, digits: i64, mode: i64) -> R {
    if !(0..=15).contains(&digits) {
        return Err(throw(
            "ArgumentOutOfRangeException",
            "Rounding digits must be between 0 and 15, inclusive. (Parameter 'digits')",
        ));
    }
    if !(0..=4).contains(&mode) {
        return Err(bad_mode(mode));
    }
    if v.abs() >= 1e16 {
        return Ok(Value::Double(v));
    }
    let power = 10f64.powi(digits as i32);
    let scaled = v * power;
    let rounded = match mode {
        1 => scaled.round(),
        2 => scaled.trunc(),
        3 => scaled.floor(),
        4 => scaled.ceil(),
        _ => scaled.round_ties_even(),
    };
    Ok(Value::Double(rounded / power))
}

/// `Max` and `Min`: NaN wins; of the zeros the positive one is larger.
fn pick(a: &mut Args<'_>, wanted: Ordering) -> R {
    let nan = |i: usize| a.double(i).is_nan();
    let second = if nan(0) || nan(1) {
        !nan(0)
    } else {
        match super::order(&a.values[1], &a.values[0]) {
            Ordering::Equal => {
                let negative = |i: usize| a.double(i).is_sign_negative();
                matches!(a.values[0], Value::Double(_) | Value::Float(_))
                    && negative(0) == (wanted == Ordering::Greater)
            }
            order => order == wanted,
        }
    };
    Ok(a.take(usize::from(second)))
}

fn clamp(a: &mut Args<'_>) -> R {
    let (v, low, high) = (a.take(0), a.get(1), a.get(2));
    // NaN is neither below nor above.
    if compare(&low, &high).is_some_and(Ordering::is_gt) {
        return Err(throw(
            "ArgumentException",
            format!(
                "'{}' cannot be greater than {}.",
                low.to_text(),
                high.to_text()
            ),
        ));
    }
    Ok(if compare(&v, &low).is_some_and(Ordering::is_lt) {
        low
    } else if compare(&v, &high).is_some_and(Ordering::is_gt) {
        high
    } else {
        v
    })
}

fn abs(a: &mut Args<'_>) -> R {
    let overflow = || {
        throw(
            "OverflowException",
            "Negating the minimum value of a twos complement number is invalid.",
        )
    };
    Ok(match a.take(0) {
        Value::SByte(n) => Value::SByte(n.checked_abs().ok_or_else(overflow)?),
        Value::Short(n) => Value::Short(n.checked_abs().ok_or_else(overflow)?),
        Value::Int(n) => Value::Int(n.checked_abs().ok_or_else(overflow)?),
        Value::Long(n) => Value::Long(n.checked_abs().ok_or_else(overflow)?),
        Value::Double(n) => Value::Double(n.abs()),
        Value::Float(n) => Value::Float(n.abs()),
        Value::Decimal(n) => Value::Decimal(n.abs()),
        v => v,
    })
}

fn sign(a: &Args<'_>) -> R {
    let v = &a.values[0];
    if let Value::Decimal(d) = v {
        return Ok(Value::Int(d.cmp(&Decimal::ZERO) as i32));
    }
    let f = number::as_f64(v).unwrap_or(0.0);
    f.partial_cmp(&0.0)
        .map(|o| Value::Int(o as i32))
        .ok_or_else(|| {
            throw(
                "ArithmeticException",
                "Function does not accept floating point Not-a-Number values.",
            )
        })
}

fn log(a: f64, base: f64) -> f64 {
    if a.is_nan() {
        a
    } else if base.is_nan() {
        base
    } else if base == 1.0 || (a != 1.0 && (base == 0.0 || base == f64::INFINITY)) {
        f64::NAN
    } else {
        a.ln() / base.ln()
    }
}

/// Quotient to the nearest even, then the rest (IEEE 754).
fn ieee_remainder(x: f64, y: f64) -> f64 {
    if x.is_nan() || y.is_nan() {
        return f64::NAN;
    }
    let rest = x % y;
    if rest == 0.0 {
        return if x.is_sign_negative() { -0.0 } else { rest };
    }
    let other = rest - y.abs() * x.signum();
    if other.abs() == rest.abs() {
        let quotient = x / y;
        let rounded = quotient.round_ties_even();
        return if rounded.abs() > quotient.abs() {
            other
        } else {
            rest
        };
    }
    if other.abs() < rest.abs() {
        other
    } else {
        rest
    }
}

fn divide_by_zero() -> Throw {
    throw("DivideByZeroException", "Attempted to divide by zero.")
}

fn overflow() -> Throw {
    throw(
        "OverflowException",
        "Arithmetic operation resulted in an overflow.",
    )
}

fn double(n: f64) -> R {
    Ok(Value::Double(n))
}

/// A function of one or two doubles.
macro_rules! function {
    ($name:literal, $x:literal, $f:expr) => {
        m(
            concat!("static double ", $name, "(double ", $x, ")"),
            |_, a| double($f(a.double(0))),
        )
    };
    ($name:literal, $x:literal, $y:literal, $f:expr) => {
        m(
            concat!(
                "static double ",
                $name,
                "(double ",
                $x,
                ", double ",
                $y,
                ")"
            ),
            |_, a| double($f(a.double(0), a.double(1))),
        )
    };
}

/// `Max`, `Min` and `Clamp` of a type.
macro_rules! pair {
    ($ty:literal) => {
        [
            m(
                concat!("static ", $ty, " Max(", $ty, " val1, ", $ty, " val2)"),
                |_, a| pick(a, Ordering::Greater),
            ),
            m(
                concat!("static ", $ty, " Min(", $ty, " val1, ", $ty, " val2)"),
                |_, a| pick(a, Ordering::Less),
            ),
            m(
                concat!(
                    "static ", $ty, " Clamp(", $ty, " value, ", $ty, " min, ", $ty, " max)"
                ),
                |_, a| clamp(a),
            ),
        ]
    };
}

/// `Abs` and `Sign` of a type with a sign.
macro_rules! signed {
    ($ty:literal) => {
        [
            m(concat!("static ", $ty, " Abs(", $ty, " value)"), |_, a| {
                abs(a)
            }),
            m(concat!("static int Sign(", $ty, " value)"), |_, a| sign(a)),
        ]
    };
}

/// `Floor`, `Ceiling` and `Truncate` of decimals stand in `decimal` too.
const GENERAL: &[Row] = &[
    m("const double PI", |_, _| double(std::f64::consts::PI)),
    m("const double E", |_, _| double(std::f64::consts::E)),
    m("const double Tau", |_, _| double(std::f64::consts::TAU)),
    m("static double Round(double a)", |_, a| {
        round(a.double(0), 0, 0)
    }),
    m("static double Round(double value, int digits)", |_, a| {
        round(a.double(0), a.int(1), 0)
    }),
    m(
        "static double Round(double value, MidpointRounding mode)",
        |_, a| round(a.double(0), 0, a.int(1)),
    ),
    m(
        "static double Round(double value, int digits, MidpointRounding mode)",
        |_, a| round(a.double(0), a.int(1), a.int(2)),
    ),
    m("static decimal Round(decimal d)", |_, a| {
        round_decimal(decimal(a, 0), 0, 0)
    }),
    m("static decimal Round(decimal d, int decimals)", |_, a| {
        round_decimal(decimal(a, 0), a.int(1), 0)
    }),
    m(
        "static decimal Round(decimal d, MidpointRounding mode)",
        |_, a| round_decimal(decimal(a, 0), 0, a.int(1)),
    ),
    m(
        "static decimal Round(decimal d, int decimals, MidpointRounding mode)",
        |_, a| round_decimal(decimal(a, 0), a.int(1), a.int(2)),
    ),
    m("static decimal Floor(decimal d)", |_, a| {
        Ok(Value::Decimal(decimal(a, 0).floor()))
    }),
    m("static decimal Ceiling(decimal d)", |_, a| {
        Ok(Value::Decimal(decimal(a, 0).ceil()))
    }),
    m("static decimal Truncate(decimal d)", |_, a| {
        Ok(Value::Decimal(decimal(a, 0).trunc()))
    }),
    m("static long BigMul(int a, int b)", |_, a| {
        Ok(Value::Long(a.int(0).wrapping_mul(a.int(1))))
    }),
    m("static int DivRem(int a, int b, out int result)", |_, a| {
        let (x, y) = (a.int(0) as i32, a.int(1) as i32);
        if y == 0 {
            return Err(divide_by_zero());
        }
        a.values[2] = Value::Int(x.checked_rem(y).unwrap_or(0));
        x.checked_div(y).map(Value::Int).ok_or_else(overflow)
    }),
    m(
        "static long DivRem(long a, long b, out long result)",
        |_, a| {
            let (x, y) = (a.int(0), a.int(1));
            if y == 0 {
                return Err(divide_by_zero());
            }
            a.values[2] = Value::Long(x.checked_rem(y).unwrap_or(0));
            x.checked_div(y).map(Value::Long).ok_or_else(overflow)
        },
    ),
    function!("Floor", "d", f64::floor),
    function!("Ceiling", "a", f64::ceil),
    function!("Truncate", "d", f64::trunc),
    function!("Pow", "x", "y", f64::powf),
    function!("Sqrt", "d", f64::sqrt),
    function!("Cbrt", "d", f64::cbrt),
    function!("Log", "d", f64::ln),
    function!("Log", "a", "newBase", log),
    function!("Log10", "d", f64::log10),
    function!("Log2", "x", f64::log2),
    function!("Exp", "d", f64::exp),
    function!("Sin", "a", f64::sin),
    function!("Cos", "d", f64::cos),
    function!("Tan", "a", f64::tan),
    function!("Asin", "d", f64::asin),
    function!("Acos", "d", f64::acos),
    function!("Atan", "d", f64::atan),
    function!("Atan2", "y", "x", f64::atan2),
    function!("Sinh", "value", f64::sinh),
    function!("Cosh", "value", f64::cosh),
    function!("Tanh", "value", f64::tanh),
    function!("IEEERemainder", "x", "y", ieee_remainder),
    function!("CopySign", "x", "y", f64::copysign),
];

pub(super) const ROWS: &[&[Row]] = &[
    GENERAL,
    &pair!("sbyte"),
    &pair!("byte"),
    &pair!("short"),
    &pair!("ushort"),
    &pair!("int"),
    &pair!("uint"),
    &pair!("long"),
    &pair!("ulong"),
    &pair!("float"),
    &pair!("double"),
    &pair!("decimal"),
    &signed!("sbyte"),
    &signed!("short"),
    &signed!("int"),
    &signed!("long"),
    &signed!("float"),
    &signed!("double"),
    &signed!("decimal"),
];
