//! Numeric types and `Math`.

use super::json::convert::{number_of_text, range};
use super::{Row, Type, m, ty};
use crate::expr::eval::{Args, R, compare, formatted, throw};
use crate::expr::types::Num;
use crate::value::{Value, number};
use rust_decimal::prelude::ToPrimitive;
use rust_decimal::{Decimal, RoundingStrategy};

fn parse(a: &Args<'_>, num: Num) -> R {
    number_of_text(a.text(0)?, num)
}

fn try_parse(a: &mut Args<'_>, num: Num) -> R {
    let parsed = a.text(0).ok().and_then(|s| number_of_text(s, num).ok());
    let ok = parsed.is_some();
    a.values[1] = parsed.unwrap_or_else(|| crate::expr::eval::types::default_of(&num.ty()));
    Ok(Value::Bool(ok))
}

fn limit(num: Num, high: bool) -> R {
    let (lo, hi) = range(num);
    let n = if high { hi } else { lo };
    crate::expr::eval::to_number(
        num,
        &if n < 0 {
            Value::Long(n as i64)
        } else {
            Value::ULong(n as u64)
        },
    )
}

fn compared(a: &Args<'_>) -> R {
    Ok(Value::Int(
        compare(&a.values[0], &a.values[1]).map_or(0, |o| o as i32),
    ))
}

fn text(a: &Args<'_>) -> R {
    formatted(&a.values[0], a.values[1].as_str()).map(Value::from)
}

macro_rules! integer {
    ($name:literal, $num:expr) => {
        &[
            m(concat!("const ", $name, " MaxValue"), |_, _| {
                limit($num, true)
            }),
            m(concat!("const ", $name, " MinValue"), |_, _| {
                limit($num, false)
            }),
            m(concat!("static ", $name, " Parse(string s)"), |_, a| {
                parse(a, $num)
            }),
            m(
                concat!("static bool TryParse(string s, out ", $name, " result)"),
                |_, a| try_parse(a, $num),
            ),
            m(concat!("int CompareTo(", $name, " value)"), |_, a| {
                compared(a)
            }),
            m(concat!("bool Equals(", $name, " obj)"), |_, a| {
                Ok(Value::Bool(crate::expr::eval::equal(
                    &a.values[0],
                    &a.values[1],
                )))
            }),
            m("string ToString(string format)", |_, a| text(a)),
        ]
    };
}

const DOUBLE: &[Row] = &[
    m("const double MaxValue", |_, _| Ok(Value::Double(f64::MAX))),
    m("const double MinValue", |_, _| Ok(Value::Double(f64::MIN))),
    m("const double Epsilon", |_, _| Ok(Value::Double(5e-324))),
    m("const double NaN", |_, _| Ok(Value::Double(f64::NAN))),
    m("const double PositiveInfinity", |_, _| {
        Ok(Value::Double(f64::INFINITY))
    }),
    m("const double NegativeInfinity", |_, _| {
        Ok(Value::Double(f64::NEG_INFINITY))
    }),
    m("static double Parse(string s)", |_, a| {
        parse(a, Num::Double)
    }),
    m(
        "static bool TryParse(string s, out double result)",
        |_, a| try_parse(a, Num::Double),
    ),
    m("static bool IsNaN(double d)", |_, a| {
        Ok(Value::Bool(a.double(0).is_nan()))
    }),
    m("static bool IsInfinity(double d)", |_, a| {
        Ok(Value::Bool(a.double(0).is_infinite()))
    }),
    m("int CompareTo(double value)", |_, a| compared(a)),
    m("bool Equals(double obj)", |_, a| {
        Ok(Value::Bool(crate::expr::eval::equal(
            &a.values[0],
            &a.values[1],
        )))
    }),
    m("string ToString(string format)", |_, a| text(a)),
];

const FLOAT: &[Row] = &[
    m("const float MaxValue", |_, _| Ok(Value::Float(f32::MAX))),
    m("const float MinValue", |_, _| Ok(Value::Float(f32::MIN))),
    m("static float Parse(string s)", |_, a| parse(a, Num::Float)),
    m(
        "static bool TryParse(string s, out float result)",
        |_, a| try_parse(a, Num::Float),
    ),
    m("int CompareTo(float value)", |_, a| compared(a)),
    m("string ToString(string format)", |_, a| text(a)),
];

fn decimal(a: &Args<'_>, i: usize) -> Decimal {
    if let Value::Decimal(d) = &a.values[i] {
        *d
    } else {
        Decimal::ZERO
    }
}

const DECIMAL: &[Row] = &[
    m("const decimal MaxValue", |_, _| {
        Ok(Value::Decimal(Decimal::MAX))
    }),
    m("const decimal MinValue", |_, _| {
        Ok(Value::Decimal(Decimal::MIN))
    }),
    m("const decimal Zero", |_, _| {
        Ok(Value::Decimal(Decimal::ZERO))
    }),
    m("const decimal One", |_, _| Ok(Value::Decimal(Decimal::ONE))),
    m("static decimal Parse(string s)", |_, a| {
        parse(a, Num::Decimal)
    }),
    m(
        "static bool TryParse(string s, out decimal result)",
        |_, a| try_parse(a, Num::Decimal),
    ),
    m("static decimal Round(decimal d)", |_, a| {
        Ok(Value::Decimal(decimal(a, 0).round()))
    }),
    m("static decimal Round(decimal d, int decimals)", |_, a| {
        round_decimal(a, 0)
    }),
    m("static decimal Floor(decimal d)", |_, a| {
        Ok(Value::Decimal(decimal(a, 0).floor()))
    }),
    m("static decimal Ceiling(decimal d)", |_, a| {
        Ok(Value::Decimal(decimal(a, 0).ceil()))
    }),
    m("static decimal Truncate(decimal d)", |_, a| {
        Ok(Value::Decimal(decimal(a, 0).trunc()))
    }),
    m("static int ToInt32(decimal d)", |_, a| {
        Ok(Value::Int(decimal(a, 0).trunc().to_i32().unwrap_or(0)))
    }),
    m("int CompareTo(decimal value)", |_, a| compared(a)),
    m("bool Equals(decimal value)", |_, a| {
        Ok(Value::Bool(crate::expr::eval::equal(
            &a.values[0],
            &a.values[1],
        )))
    }),
    m("string ToString(string format)", |_, a| text(a)),
];

fn round_decimal(a: &Args<'_>, mode: i64) -> R {
    let places = u32::try_from(a.int(1)).ok().filter(|n| *n <= 28);
    let places = places.ok_or_else(|| throw("ArgumentOutOfRangeException", "Decimal can only round to between 0 and 28 digits of precision. (Parameter 'decimals')"))?;
    let strategy = if mode == 1 {
        RoundingStrategy::MidpointAwayFromZero
    } else {
        RoundingStrategy::MidpointNearestEven
    };
    Ok(Value::Decimal(
        decimal(a, 0).round_dp_with_strategy(places, strategy),
    ))
}

/// `Math.Round(double, digits, mode)`: scales by a power of ten, as .NET does.
fn round(v: f64, digits: i64, mode: i64) -> R {
    if !(0..=15).contains(&digits) {
        return Err(throw(
            "ArgumentOutOfRangeException",
            "Rounding digits must be between 0 and 15, inclusive. (Parameter 'digits')",
        ));
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

fn pick(a: &mut Args<'_>, largest: bool) -> R {
    if a.double(0).is_nan() || a.double(1).is_nan() {
        return Ok(Value::Double(f64::NAN));
    }
    let second = compare(&a.values[0], &a.values[1])
        .is_some_and(|o| if largest { o.is_lt() } else { o.is_gt() });
    Ok(a.take(usize::from(second)))
}

fn abs(a: &mut Args<'_>) -> R {
    let overflow = || {
        throw(
            "OverflowException",
            "Negating the minimum value of a twos complement number is invalid.",
        )
    };
    Ok(match a.take(0) {
        Value::Int(n) => Value::Int(n.checked_abs().ok_or_else(overflow)?),
        Value::Long(n) => Value::Long(n.checked_abs().ok_or_else(overflow)?),
        Value::Double(n) => Value::Double(n.abs()),
        Value::Float(n) => Value::Float(n.abs()),
        Value::Decimal(n) => Value::Decimal(n.abs()),
        v => v,
    })
}

fn sign(a: &Args<'_>) -> R {
    Ok(Value::Int(match &a.values[0] {
        Value::Decimal(d) if d.is_zero() => 0,
        Value::Decimal(d) => {
            if d.is_sign_negative() {
                -1
            } else {
                1
            }
        }
        v => {
            let f = number::as_f64(v).unwrap_or(0.0);
            if f > 0.0 {
                1
            } else if f < 0.0 {
                -1
            } else {
                0
            }
        }
    }))
}

const MATH: &[Row] = &[
    m("const double PI", |_, _| {
        Ok(Value::Double(std::f64::consts::PI))
    }),
    m("const double E", |_, _| {
        Ok(Value::Double(std::f64::consts::E))
    }),
    m("static int Max(int val1, int val2)", |_, a| pick(a, true)),
    m("static uint Max(uint val1, uint val2)", |_, a| {
        pick(a, true)
    }),
    m("static long Max(long val1, long val2)", |_, a| {
        pick(a, true)
    }),
    m("static ulong Max(ulong val1, ulong val2)", |_, a| {
        pick(a, true)
    }),
    m("static float Max(float val1, float val2)", |_, a| {
        pick(a, true)
    }),
    m("static double Max(double val1, double val2)", |_, a| {
        pick(a, true)
    }),
    m("static decimal Max(decimal val1, decimal val2)", |_, a| {
        pick(a, true)
    }),
    m("static int Min(int val1, int val2)", |_, a| pick(a, false)),
    m("static uint Min(uint val1, uint val2)", |_, a| {
        pick(a, false)
    }),
    m("static long Min(long val1, long val2)", |_, a| {
        pick(a, false)
    }),
    m("static ulong Min(ulong val1, ulong val2)", |_, a| {
        pick(a, false)
    }),
    m("static float Min(float val1, float val2)", |_, a| {
        pick(a, false)
    }),
    m("static double Min(double val1, double val2)", |_, a| {
        pick(a, false)
    }),
    m("static decimal Min(decimal val1, decimal val2)", |_, a| {
        pick(a, false)
    }),
    m("static int Abs(int value)", |_, a| abs(a)),
    m("static long Abs(long value)", |_, a| abs(a)),
    m("static float Abs(float value)", |_, a| abs(a)),
    m("static double Abs(double value)", |_, a| abs(a)),
    m("static decimal Abs(decimal value)", |_, a| abs(a)),
    m("static int Sign(int value)", |_, a| sign(a)),
    m("static int Sign(long value)", |_, a| sign(a)),
    m("static int Sign(double value)", |_, a| sign(a)),
    m("static int Sign(decimal value)", |_, a| sign(a)),
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
        Ok(Value::Decimal(decimal(a, 0).round()))
    }),
    m("static decimal Round(decimal d, int decimals)", |_, a| {
        round_decimal(a, 0)
    }),
    m(
        "static decimal Round(decimal d, int decimals, MidpointRounding mode)",
        |_, a| {
            let mode = a.int(2);
            round_decimal(a, mode)
        },
    ),
    m("static double Floor(double d)", |_, a| {
        Ok(Value::Double(a.double(0).floor()))
    }),
    m("static decimal Floor(decimal d)", |_, a| {
        Ok(Value::Decimal(decimal(a, 0).floor()))
    }),
    m("static double Ceiling(double a)", |_, a| {
        Ok(Value::Double(a.double(0).ceil()))
    }),
    m("static decimal Ceiling(decimal d)", |_, a| {
        Ok(Value::Decimal(decimal(a, 0).ceil()))
    }),
    m("static double Truncate(double d)", |_, a| {
        Ok(Value::Double(a.double(0).trunc()))
    }),
    m("static decimal Truncate(decimal d)", |_, a| {
        Ok(Value::Decimal(decimal(a, 0).trunc()))
    }),
    m("static double Pow(double x, double y)", |_, a| {
        Ok(Value::Double(a.double(0).powf(a.double(1))))
    }),
    m("static double Sqrt(double d)", |_, a| {
        Ok(Value::Double(a.double(0).sqrt()))
    }),
    m("static double Log(double d)", |_, a| {
        Ok(Value::Double(a.double(0).ln()))
    }),
    m("static double Log(double a, double newBase)", |_, a| {
        Ok(Value::Double(a.double(0).ln() / a.double(1).ln()))
    }),
    m("static double Log10(double d)", |_, a| {
        Ok(Value::Double(a.double(0).log10()))
    }),
    m("static double Exp(double d)", |_, a| {
        Ok(Value::Double(a.double(0).exp()))
    }),
    m("static double Sin(double a)", |_, a| {
        Ok(Value::Double(a.double(0).sin()))
    }),
    m("static double Cos(double d)", |_, a| {
        Ok(Value::Double(a.double(0).cos()))
    }),
    m("static double Tan(double a)", |_, a| {
        Ok(Value::Double(a.double(0).tan()))
    }),
];

pub(super) const TYPES: &[Type] = &[
    ty(
        "struct System.SByte : IComparable",
        integer!("sbyte", Num::SByte),
    ),
    ty(
        "struct System.Byte : IComparable",
        integer!("byte", Num::Byte),
    ),
    ty(
        "struct System.Int16 : IComparable",
        integer!("short", Num::Short),
    ),
    ty(
        "struct System.UInt16 : IComparable",
        integer!("ushort", Num::UShort),
    ),
    ty(
        "struct System.Int32 : IComparable",
        integer!("int", Num::Int),
    ),
    ty(
        "struct System.UInt32 : IComparable",
        integer!("uint", Num::UInt),
    ),
    ty(
        "struct System.Int64 : IComparable",
        integer!("long", Num::Long),
    ),
    ty(
        "struct System.UInt64 : IComparable",
        integer!("ulong", Num::ULong),
    ),
    ty("struct System.Single : IComparable", FLOAT),
    ty("struct System.Double : IComparable", DOUBLE),
    ty("struct System.Decimal : IComparable", DECIMAL),
    ty("static System.Math", MATH),
];
