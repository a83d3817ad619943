//! What only `double` and `float` have: their constants and the tests for NaN, infinity and sign.

use super::{Row, m};
use crate::value::Value;

macro_rules! tests {
    ($rows:ident, $name:literal, $param:literal, $variant:ident, [$($constant:literal = $value:expr),* $(,)?]) => {
        pub(super) const $rows: &[Row] = &[
            $(m(concat!("const ", $name, " ", $constant), |_, _| Ok(Value::$variant($value))),)*
            m(concat!("static bool IsNaN(", $name, " ", $param, ")"), |_, a| {
                Ok(Value::Bool(a.double(0).is_nan()))
            }),
            m(concat!("static bool IsInfinity(", $name, " ", $param, ")"), |_, a| {
                Ok(Value::Bool(a.double(0).is_infinite()))
            }),
            m(concat!("static bool IsPositiveInfinity(", $name, " ", $param, ")"), |_, a| {
                Ok(Value::Bool(a.double(0) == f64::INFINITY))
            }),
            m(concat!("static bool IsNegativeInfinity(", $name, " ", $param, ")"), |_, a| {
                Ok(Value::Bool(a.double(0) == f64::NEG_INFINITY))
            }),
            m(concat!("static bool IsFinite(", $name, " ", $param, ")"), |_, a| {
                Ok(Value::Bool(a.double(0).is_finite()))
            }),
            m(concat!("static bool IsNegative(", $name, " ", $param, ")"), |_, a| {
                Ok(Value::Bool(a.double(0).is_sign_negative()))
            }),
        ];
    };
}

tests!(
    DOUBLE,
    "double",
    "d",
    Double,
    [
        "MaxValue" = f64::MAX,
        "MinValue" = f64::MIN,
        "Epsilon" = f64::from_bits(1),
        // The sign bit is set, as 0.0 / 0.0 gives it.
        "NaN" = f64::from_bits(0xfff8_0000_0000_0000),
        "PositiveInfinity" = f64::INFINITY,
        "NegativeInfinity" = f64::NEG_INFINITY,
    ]
);
tests!(
    FLOAT,
    "float",
    "f",
    Float,
    [
        "MaxValue" = f32::MAX,
        "MinValue" = f32::MIN,
        "Epsilon" = f32::from_bits(1),
        "NaN" = f32::from_bits(0xffc0_0000),
        "PositiveInfinity" = f32::INFINITY,
        "NegativeInfinity" = f32::NEG_INFINITY,
    ]
);
