//! `System.Decimal`: constructors, bits, rounding and the named forms of its operators.

use super::{Row, m, overflow};
use crate::expr::eval::{Args, Cx, R, Throw, arithmetic, null_argument, throw, to_number};
use crate::expr::ir::Arith;
use crate::expr::types::{Num, Ty};
use crate::value::{Value, number};
use rust_decimal::prelude::ToPrimitive;
use rust_decimal::{Decimal, RoundingStrategy};

/// The decimal at a place.
pub(super) fn at(a: &Args<'_>, i: usize) -> Decimal {
    match a.values.get(i) {
        Some(Value::Decimal(d)) => *d,
        _ => Decimal::ZERO,
    }
}

/// `decimal.Round` and `Math.Round` of decimals.
pub(super) fn round(d: Decimal, places: i64, mode: i64) -> R {
    let places = u32::try_from(places).ok().filter(|n| *n <= 28);
    let places = places.ok_or_else(|| {
        throw(
            "ArgumentOutOfRangeException",
            "Decimal can only round to between 0 and 28 digits of precision. (Parameter 'decimals')",
        )
    })?;
    let strategy = match mode {
        0 => RoundingStrategy::MidpointNearestEven,
        1 => RoundingStrategy::MidpointAwayFromZero,
        2 => RoundingStrategy::ToZero,
        3 => RoundingStrategy::ToNegativeInfinity,
        4 => RoundingStrategy::ToPositiveInfinity,
        _ => return Err(bad_mode(mode)),
    };
    let mut made = d.round_dp_with_strategy(places, strategy);
    made.set_sign_negative(d.is_sign_negative());
    Ok(Value::Decimal(made))
}

/// An unknown `MidpointRounding`.
pub(super) fn bad_mode(mode: i64) -> Throw {
    throw(
        "ArgumentException",
        format!(
            "The value '{mode}' is not valid for this usage of the type MidpointRounding. (Parameter 'mode')"
        ),
    )
}

/// The four integers of `decimal.GetBits`.
fn bits(d: &Decimal) -> [i32; 4] {
    let n = d.mantissa().unsigned_abs();
    let flags = (d.scale() << 16) | (u32::from(d.is_sign_negative()) << 31);
    [n as i32, (n >> 32) as i32, (n >> 64) as i32, flags as i32]
}

/// `decimal.GetHashCode`: values that are equal have one.
pub(in crate::expr::table) fn hash(d: &Decimal) -> i32 {
    if d.is_zero() {
        return 0;
    }
    bits(&d.normalize()).into_iter().fold(0, |h, n| h ^ n)
}

fn of_parts(lo: i32, mid: i32, hi: i32, negative: bool, scale: u32) -> R {
    if scale > 28 {
        return Err(throw(
            "ArgumentOutOfRangeException",
            "Decimal's scale value must be between 0 and 28, inclusive. (Parameter 'scale')",
        ));
    }
    Ok(Value::Decimal(Decimal::from_parts(
        lo as u32, mid as u32, hi as u32, negative, scale,
    )))
}

fn of_bits(cx: &mut Cx<'_>, a: &Args<'_>) -> R {
    if a.is_null(0) {
        return Err(null_argument("bits"));
    }
    let n: Vec<i32> = a
        .items(cx, 0)?
        .iter()
        .map(|v| v.as_i64().unwrap_or(0) as i32)
        .collect();
    let wrong = || {
        throw(
            "ArgumentException",
            "Decimal constructor requires an array of length four containing valid decimal bytes. (Parameter 'bits')",
        )
    };
    let [lo, mid, hi, flags] = <[i32; 4]>::try_from(n).map_err(|_| wrong())?;
    let scale = (flags >> 16) & 0x7fff;
    if flags & 0x7f00_ffff != 0 || scale > 28 {
        return Err(wrong());
    }
    of_parts(lo, mid, hi, flags < 0, scale as u32)
}

/// Towards zero, then checked.
fn to_integer(a: &Args<'_>, num: Num) -> R {
    let n = at(a, 0).trunc().to_i128();
    n.and_then(|n| number::read::whole(n, num))
        .ok_or_else(|| overflow(num))
}

fn calculated(a: &Args<'_>, op: Arith) -> R {
    arithmetic(op, Num::Decimal, &a.values[0], &a.values[1])
}

fn made(d: Decimal) -> R {
    Ok(Value::Decimal(d))
}

macro_rules! to {
    ($result:literal, $name:literal, $param:literal, $num:expr) => {
        m(
            concat!("static ", $result, " ", $name, "(decimal ", $param, ")"),
            |_, a| to_integer(a, $num),
        )
    };
}

macro_rules! of {
    ($ty:literal) => {
        m(concat!("new(", $ty, " value)"), |_, a| {
            to_number(Num::Decimal, &a.values[0])
        })
    };
}

macro_rules! operation {
    ($name:literal, $op:expr) => {
        m(
            concat!("static decimal ", $name, "(decimal d1, decimal d2)"),
            |_, a| calculated(a, $op),
        )
    };
}

pub(super) const ROWS: &[Row] = &[
    m("const decimal MaxValue", |_, _| made(Decimal::MAX)),
    m("const decimal MinValue", |_, _| made(Decimal::MIN)),
    m("const decimal Zero", |_, _| made(Decimal::ZERO)),
    m("const decimal One", |_, _| made(Decimal::ONE)),
    m("const decimal MinusOne", |_, _| made(Decimal::NEGATIVE_ONE)),
    of!("int"),
    of!("uint"),
    of!("long"),
    of!("ulong"),
    of!("float"),
    of!("double"),
    m("new(int[] bits)", |cx, a| of_bits(cx, a)),
    m(
        "new(int lo, int mid, int hi, bool isNegative, byte scale)",
        |_, a| {
            of_parts(
                a.int(0) as i32,
                a.int(1) as i32,
                a.int(2) as i32,
                a.bool(3),
                a.int(4) as u32,
            )
        },
    ),
    m("static int[] GetBits(decimal d)", |cx, a| {
        let items = bits(&at(a, 0)).into_iter().map(Value::Int).collect();
        cx.list(Ty::array(Ty::Int), items)
    }),
    operation!("Add", Arith::Add),
    operation!("Subtract", Arith::Sub),
    operation!("Multiply", Arith::Mul),
    operation!("Divide", Arith::Div),
    operation!("Remainder", Arith::Rem),
    m("static decimal Negate(decimal d)", |_, a| made(-at(a, 0))),
    m("static int Compare(decimal d1, decimal d2)", |_, a| {
        Ok(Value::Int(at(a, 0).cmp(&at(a, 1)) as i32))
    }),
    m("static bool Equals(decimal d1, decimal d2)", |_, a| {
        Ok(Value::Bool(at(a, 0) == at(a, 1)))
    }),
    m("static decimal Round(decimal d)", |_, a| {
        round(at(a, 0), 0, 0)
    }),
    m("static decimal Round(decimal d, int decimals)", |_, a| {
        round(at(a, 0), a.int(1), 0)
    }),
    m(
        "static decimal Round(decimal d, MidpointRounding mode)",
        |_, a| round(at(a, 0), 0, a.int(1)),
    ),
    m(
        "static decimal Round(decimal d, int decimals, MidpointRounding mode)",
        |_, a| round(at(a, 0), a.int(1), a.int(2)),
    ),
    m("static decimal Floor(decimal d)", |_, a| {
        made(at(a, 0).floor())
    }),
    m("static decimal Ceiling(decimal d)", |_, a| {
        made(at(a, 0).ceil())
    }),
    m("static decimal Truncate(decimal d)", |_, a| {
        made(at(a, 0).trunc())
    }),
    to!("byte", "ToByte", "value", Num::Byte),
    to!("sbyte", "ToSByte", "value", Num::SByte),
    to!("short", "ToInt16", "value", Num::Short),
    to!("ushort", "ToUInt16", "value", Num::UShort),
    to!("int", "ToInt32", "d", Num::Int),
    to!("uint", "ToUInt32", "d", Num::UInt),
    to!("long", "ToInt64", "d", Num::Long),
    to!("ulong", "ToUInt64", "d", Num::ULong),
    m("static double ToDouble(decimal d)", |_, a| {
        Ok(Value::Double(a.double(0)))
    }),
    m("static float ToSingle(decimal d)", |_, a| {
        Ok(Value::Float(a.double(0) as f32))
    }),
    m("static long ToOACurrency(decimal value)", |_, a| {
        let scaled = at(a, 0).checked_mul(Decimal::from(10_000));
        let n = scaled.and_then(|d| d.round().to_i64());
        n.map(Value::Long).ok_or_else(|| {
            throw(
                "OverflowException",
                "Value was either too large or too small for a Currency.",
            )
        })
    }),
    m("static decimal FromOACurrency(long cy)", |_, a| {
        let amount = Decimal::new(a.int(0), 4);
        // Nothing keeps its four digits, as in .NET.
        made(if amount.is_zero() {
            amount
        } else {
            amount.normalize()
        })
    }),
];
