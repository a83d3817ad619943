//! `Convert` with a base: 2, 8, 10 and 16.

use super::super::numbers::overflow;
use super::super::strings::range as out_of_range;
use super::super::{Row, m};
use super::range;
use crate::expr::eval::{Args, R, Throw, throw, to_number};
use crate::expr::types::Num;
use crate::value::Value;

/// The widths of `Convert`'s methods with a base.
fn digits_of(num: Num) -> u32 {
    match num {
        Num::Byte | Num::SByte => 8,
        Num::Short | Num::UShort => 16,
        Num::Int | Num::UInt => 32,
        _ => 64,
    }
}

fn check_base(base: i64) -> Result<u32, Throw> {
    match base {
        2 | 8 | 10 | 16 => Ok(base as u32),
        _ => Err(throw("ArgumentException", "Invalid Base.")),
    }
}

/// `Convert.ToInt32(text, fromBase)`: other bases than ten read two's complement.
fn from_base(a: &Args<'_>, num: Num) -> R {
    let base = check_base(a.int(1))?;
    let Ok(s) = a.text(0) else {
        return to_number(num, &Value::Int(0));
    };
    let (negative, rest) = match s.strip_prefix('-') {
        Some(_) if base != 10 => {
            return Err(throw(
                "ArgumentException",
                "String cannot contain a minus sign if the base is not 10.",
            ));
        }
        // Before it is known whether digits follow.
        Some(_) if range(num).0 == 0 => return Err(overflow(num)),
        Some(rest) => (true, rest),
        None => (false, s.strip_prefix('+').unwrap_or(s)),
    };
    let rest = if base == 16 {
        rest.strip_prefix("0x")
            .or_else(|| rest.strip_prefix("0X"))
            .unwrap_or(rest)
    } else {
        rest
    };
    if rest.is_empty() && s.is_empty() {
        return Err(out_of_range(
            "startIndex",
            "Index was out of range. Must be non-negative and less than the size of the collection.",
        ));
    }
    let bits = digits_of(num);
    let mut n: u128 = 0;
    if rest.is_empty() {
        return Err(throw(
            "FormatException",
            "Could not find any recognizable digits.",
        ));
    }
    for (i, c) in rest.chars().enumerate() {
        let Some(d) = c.to_digit(base) else {
            return Err(throw(
                "FormatException",
                if i == 0 {
                    "Could not find any recognizable digits."
                } else {
                    "Additional non-parsable characters are at the end of the string."
                },
            ));
        };
        n = n * u128::from(base) + u128::from(d);
        // Narrow types are read as 32 bits, which go over before what follows is looked at.
        if n >> bits.max(32) != 0 {
            return Err(overflow(num));
        }
    }
    let (low, high) = range(num);
    let value = if base == 10 {
        if negative { -(n as i128) } else { n as i128 }
    } else if n >> bits != 0 {
        return Err(overflow(num));
    } else if low < 0 && n >> (bits - 1) == 1 {
        n as i128 - (1i128 << bits)
    } else {
        n as i128
    };
    if value < low || value > high {
        return Err(overflow(num));
    }
    to_number(
        num,
        &if value < 0 {
            Value::Long(value as i64)
        } else {
            Value::ULong(value as u64)
        },
    )
}

/// `Convert.ToString(value, toBase)`.
fn to_base(a: &Args<'_>, bits: u32) -> R {
    let n = a.int(0);
    let base = check_base(a.int(1))?;
    let raw = n as u64 & (u64::MAX >> (64 - bits));
    Ok(Value::from(match base {
        2 => format!("{raw:b}"),
        8 => format!("{raw:o}"),
        16 => format!("{raw:x}"),
        _ => n.to_string(),
    }))
}

macro_rules! based {
    ($result:literal, $name:literal, $num:expr) => {
        m(
            concat!(
                "static ",
                $result,
                " ",
                $name,
                "(string value, int fromBase)"
            ),
            |_, a| from_base(a, $num),
        )
    };
}

pub(super) const ROWS: &[Row] = &[
    based!("byte", "ToByte", Num::Byte),
    based!("sbyte", "ToSByte", Num::SByte),
    based!("short", "ToInt16", Num::Short),
    based!("ushort", "ToUInt16", Num::UShort),
    based!("int", "ToInt32", Num::Int),
    based!("uint", "ToUInt32", Num::UInt),
    based!("long", "ToInt64", Num::Long),
    based!("ulong", "ToUInt64", Num::ULong),
    m("static string ToString(byte value, int toBase)", |_, a| {
        to_base(a, 8)
    }),
    m("static string ToString(short value, int toBase)", |_, a| {
        to_base(a, 16)
    }),
    m("static string ToString(int value, int toBase)", |_, a| {
        to_base(a, 32)
    }),
    m("static string ToString(long value, int toBase)", |_, a| {
        to_base(a, 64)
    }),
];
