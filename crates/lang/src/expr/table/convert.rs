//! `Convert`, `BitConverter` and `Encoding`.
//!
//! `Convert` decides by the value, so one row with an `object` serves all of C#'s overloads; only where the static type
//! counts (`ToString(byte, toBase)`, `BitConverter.GetBytes`) the overloads stand apart.

mod encoding;

use super::json::convert::{checked_number, number_of_text, range, value_as};
use super::{Row, Type, m, ty};
use crate::expr::eval::{Args, Cx, R, Throw, throw, to_number};
use crate::expr::types::{Num, Ty};
use crate::value::{Kind, Value, text, time};
use rust_decimal::prelude::ToPrimitive;

fn bad_cast(v: &Value, to: &str) -> Throw {
    throw(
        "InvalidCastException",
        format!("Invalid cast from '{}' to '{to}'.", v.ty().table_name()),
    )
}

fn no_convertible(v: &Value) -> Throw {
    throw(
        "InvalidCastException",
        format!(
            "Unable to cast object of type '{}' to type 'System.IConvertible'.",
            v.ty().full_name()
        ),
    )
}

/// What `IConvertible` sees: a JSON value converts as its content.
fn unwrapped(cx: &mut Cx<'_>, v: Value, to: &Ty) -> R {
    match &v {
        Value::Token(t) if t.value().is_some() => value_as(cx, t, to),
        Value::Token(_)
        | Value::List(_)
        | Value::Dict(_)
        | Value::Bytes(_)
        | Value::Response(_)
        | Value::Object(_)
        | Value::Host(_)
        | Value::Guid(_) => Err(no_convertible(&v)),
        _ => Ok(v),
    }
}

/// `Convert.ToInt32(value)` and its kin: null is 0, floats round to even, nothing wraps.
fn number(cx: &mut Cx<'_>, a: &mut Args<'_>, num: Num) -> R {
    let v = unwrapped(cx, a.take(0), &num.ty())?;
    let overflow = || {
        throw(
            "OverflowException",
            format!(
                "Value was either too large or too small for {}.",
                with_article(num)
            ),
        )
    };
    match &v {
        Value::Null => to_number(num, &Value::Int(0)),
        Value::Str(s) => number_of_text(s, num),
        Value::Bool(_) if num == Num::Char => Err(bad_cast(&v, "Char")),
        Value::Bool(b) => to_number(num, &Value::Int(i32::from(*b))),
        Value::Enum(_, n) => checked_number(num, &Value::Long(*n)),
        Value::Char(_) if matches!(num, Num::Float | Num::Double | Num::Decimal) => {
            Err(bad_cast(&v, num.ty().table_name()))
        }
        Value::Char(c) => checked_number(num, &Value::Int(i32::from(*c))),
        Value::Double(_) | Value::Float(_) | Value::Decimal(_) if num == Num::Char => {
            Err(bad_cast(&v, "Char"))
        }
        Value::Double(_) | Value::Float(_) if num < Num::Float => {
            let f = a_float(&v).round_ties_even();
            let (low, high) = range(num);
            // Both bounds are exact as floats but for the highest of 64 bits, which rounds up to a value out of range.
            if f.is_nan() || f < low as f64 || f >= (high + 1) as f64 {
                return Err(overflow());
            }
            let whole = f as i128;
            to_number(
                num,
                &if whole < 0 {
                    Value::Long(whole as i64)
                } else {
                    Value::ULong(whole as u64)
                },
            )
        }
        Value::Decimal(d) if num < Num::Float => {
            let whole = d.round().to_i128().ok_or_else(overflow)?;
            let (low, high) = range(num);
            if whole < low || whole > high {
                return Err(overflow());
            }
            to_number(
                num,
                &if whole < 0 {
                    Value::Long(whole as i64)
                } else {
                    Value::ULong(whole as u64)
                },
            )
        }
        v if v.as_i64().is_some()
            || matches!(
                v,
                Value::ULong(_) | Value::Double(_) | Value::Float(_) | Value::Decimal(_)
            ) =>
        {
            checked_number(num, v)
        }
        v => Err(bad_cast(v, num.ty().table_name())),
    }
}

fn a_float(v: &Value) -> f64 {
    crate::value::number::as_f64(v).unwrap_or(f64::NAN)
}

fn with_article(num: Num) -> &'static str {
    match num {
        Num::Char => "a character",
        Num::SByte => "a signed byte",
        Num::Byte => "an unsigned byte",
        Num::Short => "an Int16",
        Num::UShort => "a UInt16",
        Num::Int => "an Int32",
        Num::UInt => "a UInt32",
        Num::Long => "an Int64",
        Num::ULong => "a UInt64",
        Num::Float => "a Single",
        Num::Double => "a Double",
        Num::Decimal => "a Decimal",
    }
}

fn boolean(cx: &mut Cx<'_>, a: &mut Args<'_>) -> R {
    let v = unwrapped(cx, a.take(0), &Ty::Bool)?;
    Ok(Value::Bool(match &v {
        Value::Null => false,
        Value::Bool(b) => *b,
        Value::Str(s) => super::core::parse_bool(s).ok_or_else(|| {
            throw(
                "FormatException",
                format!("String '{s}' was not recognized as a valid Boolean."),
            )
        })?,
        Value::Char(_) => return Err(bad_cast(&v, "Boolean")),
        Value::Enum(_, n) => *n != 0,
        Value::Decimal(d) => !d.is_zero(),
        Value::ULong(n) => *n != 0,
        v => match (v.as_i64(), crate::value::number::as_f64(v)) {
            (Some(n), _) => n != 0,
            (None, Some(f)) => f != 0.0,
            _ => return Err(bad_cast(v, "Boolean")),
        },
    }))
}

fn character(cx: &mut Cx<'_>, a: &mut Args<'_>) -> R {
    match &a.values[0] {
        Value::Char(c) => Ok(Value::Char(*c)),
        Value::Str(s) => {
            let mut units = s.encode_utf16();
            match (units.next(), units.next()) {
                (Some(c), None) => Ok(Value::Char(c)),
                _ => Err(throw(
                    "FormatException",
                    "String must be exactly one character long.",
                )),
            }
        }
        _ => number(cx, a, Num::Char),
    }
}

fn date(cx: &mut Cx<'_>, a: &mut Args<'_>) -> R {
    let v = unwrapped(cx, a.take(0), &Ty::class("DateTime"))?;
    match &v {
        Value::Null => Ok(Value::DateTime(crate::value::DateTime {
            ticks: 0,
            kind: Kind::Unspecified,
        })),
        Value::DateTime(_) => Ok(v),
        Value::Str(s) => {
            let today = cx.host.now() / time::TICKS_PER_DAY * time::TICKS_PER_DAY;
            time::parse_date(s, today)
                .map(Value::DateTime)
                .ok_or_else(|| super::dates::not_a_date(s))
        }
        Value::DateTimeOffset(_) | Value::TimeSpan(_) => Err(no_convertible(&v)),
        v => Err(bad_cast(v, "DateTime")),
    }
}

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
        return Err(throw(
            "ArgumentOutOfRangeException",
            "Index was out of range. Must be non-negative and less than the size of the collection.",
        ));
    }
    let overflow = || {
        throw(
            "OverflowException",
            format!(
                "Value was either too large or too small for {}.",
                with_article(num)
            ),
        )
    };
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
        if n > u128::from(u64::MAX) {
            return Err(overflow());
        }
    }
    let bits = digits_of(num);
    let (low, high) = range(num);
    let value = if base == 10 {
        if negative { -(n as i128) } else { n as i128 }
    } else if n >> bits != 0 {
        return Err(overflow());
    } else if low < 0 && n >> (bits - 1) == 1 {
        n as i128 - (1i128 << bits)
    } else {
        n as i128
    };
    if value < low || value > high {
        return Err(overflow());
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

fn base64(cx: &mut Cx<'_>, bytes: &[u8], lines: bool) -> R {
    let whole = text::base64(bytes);
    if !lines {
        return cx.text(whole);
    }
    // .NET breaks after 76 characters.
    let mut out = String::with_capacity(whole.len() + whole.len() / 38);
    for (i, c) in whole.chars().enumerate() {
        if i > 0 && i % 76 == 0 {
            out.push_str("\r\n");
        }
        out.push(c);
    }
    cx.text(out)
}

/// Part of an array, given by offset and length.
fn part(a: &Args<'_>, i: usize, n: usize) -> Result<bytes::Bytes, Throw> {
    let all = a.bytes(0)?;
    let to = i.checked_add(n).filter(|to| *to <= all.len());
    to.map(|to| all.slice(i..to)).ok_or_else(|| {
        throw("ArgumentOutOfRangeException", "Index was out of range. Must be non-negative and less than the size of the collection.")
    })
}

fn hex(bytes: &[u8], separator: &str) -> String {
    let mut out = String::with_capacity(bytes.len() * 3);
    for (i, b) in bytes.iter().enumerate() {
        if i > 0 {
            out.push_str(separator);
        }
        out.push_str(&format!("{b:02X}"));
    }
    out
}

fn from_hex(s: &str) -> Option<Vec<u8>> {
    if !s.len().is_multiple_of(2) {
        return None;
    }
    let digit = |b: &u8| char::from(*b).to_digit(16);
    s.as_bytes()
        .chunks(2)
        .map(|p| Some((digit(p.first()?)? * 16 + digit(p.get(1)?)?) as u8))
        .collect()
}

macro_rules! whole {
    ($result:literal, $name:literal, $num:expr) => {
        m(
            concat!("static ", $result, " ", $name, "(object value)"),
            |cx, a| number(cx, a, $num),
        )
    };
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

const CONVERT: &[Row] = &[
    m("static string ToBase64String(byte[] inArray)", |cx, a| {
        base64(cx, &a.bytes(0)?, false)
    }),
    m(
        "static string ToBase64String(byte[] inArray, Base64FormattingOptions options)",
        |cx, a| base64(cx, &a.bytes(0)?, a.int(1) == 1),
    ),
    m(
        "static string ToBase64String(byte[] inArray, int offset, int length)",
        |cx, a| {
            let bytes = part(a, a.size(1, "offset")?, a.size(2, "length")?)?;
            base64(cx, &bytes, false)
        },
    ),
    m("static byte[] FromBase64String(string s)", |cx, a| {
        let s = a.text(0).map_err(|_| {
            throw(
                "ArgumentNullException",
                "Value cannot be null. (Parameter 's')",
            )
        })?;
        let bytes = text::from_base64(s).ok_or_else(|| {
            throw("FormatException", "The input is not a valid Base-64 string as it contains a non-base 64 character, more than two padding characters, or an illegal character among the padding characters.")
        })?;
        cx.charge(bytes.len())?;
        Ok(Value::Bytes(bytes.into()))
    }),
    m("static string ToHexString(byte[] inArray)", |cx, a| {
        let s = hex(&a.bytes(0)?, "");
        cx.text(s)
    }),
    m("static byte[] FromHexString(string s)", |cx, a| {
        let bytes = from_hex(a.text(0)?).ok_or_else(|| {
            throw(
                "FormatException",
                "The input is not a valid hex string as it contains a non-hex character.",
            )
        })?;
        cx.charge(bytes.len())?;
        Ok(Value::Bytes(bytes.into()))
    }),
    whole!("byte", "ToByte", Num::Byte),
    based!("byte", "ToByte", Num::Byte),
    whole!("sbyte", "ToSByte", Num::SByte),
    based!("sbyte", "ToSByte", Num::SByte),
    whole!("short", "ToInt16", Num::Short),
    based!("short", "ToInt16", Num::Short),
    whole!("ushort", "ToUInt16", Num::UShort),
    based!("ushort", "ToUInt16", Num::UShort),
    whole!("int", "ToInt32", Num::Int),
    based!("int", "ToInt32", Num::Int),
    whole!("uint", "ToUInt32", Num::UInt),
    based!("uint", "ToUInt32", Num::UInt),
    whole!("long", "ToInt64", Num::Long),
    based!("long", "ToInt64", Num::Long),
    whole!("ulong", "ToUInt64", Num::ULong),
    based!("ulong", "ToUInt64", Num::ULong),
    m("static float ToSingle(object value)", |cx, a| {
        number(cx, a, Num::Float)
    }),
    m("static double ToDouble(object value)", |cx, a| {
        number(cx, a, Num::Double)
    }),
    m("static decimal ToDecimal(object value)", |cx, a| {
        number(cx, a, Num::Decimal)
    }),
    m("static bool ToBoolean(object value)", |cx, a| {
        boolean(cx, a)
    }),
    m("static char ToChar(object value)", character),
    m("static DateTime ToDateTime(object value)", |cx, a| {
        date(cx, a)
    }),
    m("static string ToString(string value)", |_, a| Ok(a.take(0))),
    m("static string ToString(object value)", |cx, a| {
        let s = a.get(0).to_text();
        cx.text(s)
    }),
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

/// `n` bytes from `startIndex`, the second argument.
fn at<const N: usize>(a: &Args<'_>) -> Result<[u8; N], Throw> {
    let all = a.bytes(0)?;
    let from = usize::try_from(a.int(1)).ok().filter(|i| *i < all.len()).ok_or_else(|| {
        throw("ArgumentOutOfRangeException", "Index was out of range. Must be non-negative and less than the size of the collection. (Parameter 'startIndex')")
    })?;
    all.get(from..from.saturating_add(N)).and_then(|b| b.try_into().ok()).ok_or_else(|| {
        throw("ArgumentException", "Destination array is not long enough to copy all the items in the collection. Check array index and length. (Parameter 'value')")
    })
}

fn bytes_of(bytes: &[u8]) -> R {
    Ok(Value::Bytes(bytes::Bytes::copy_from_slice(bytes)))
}

macro_rules! bits {
    ($a:expr, $variant:ident) => {
        match &$a.values[0] {
            Value::$variant(n) => bytes_of(&n.to_le_bytes()),
            _ => Err(crate::expr::eval::null_reference()),
        }
    };
}

const BIT_CONVERTER: &[Row] = &[
    m("const bool IsLittleEndian", |_, _| Ok(Value::Bool(true))),
    m("static string ToString(byte[] value)", |cx, a| {
        let s = hex(&a.bytes(0)?, "-");
        cx.text(s)
    }),
    m(
        "static string ToString(byte[] value, int startIndex)",
        |cx, a| {
            let from = a.size(1, "startIndex")?;
            let n = a.bytes(0)?.len().saturating_sub(from);
            let s = hex(&part(a, from, n)?, "-");
            cx.text(s)
        },
    ),
    m(
        "static string ToString(byte[] value, int startIndex, int length)",
        |cx, a| {
            let s = hex(
                &part(a, a.size(1, "startIndex")?, a.size(2, "length")?)?,
                "-",
            );
            cx.text(s)
        },
    ),
    m("static byte[] GetBytes(bool value)", |_, a| {
        bytes_of(&[u8::from(a.bool(0))])
    }),
    m("static byte[] GetBytes(char value)", |_, a| bits!(a, Char)),
    m("static byte[] GetBytes(short value)", |_, a| {
        bits!(a, Short)
    }),
    m("static byte[] GetBytes(ushort value)", |_, a| {
        bits!(a, UShort)
    }),
    m("static byte[] GetBytes(int value)", |_, a| bits!(a, Int)),
    m("static byte[] GetBytes(uint value)", |_, a| bits!(a, UInt)),
    m("static byte[] GetBytes(long value)", |_, a| bits!(a, Long)),
    m("static byte[] GetBytes(ulong value)", |_, a| {
        bits!(a, ULong)
    }),
    m("static byte[] GetBytes(float value)", |_, a| {
        bits!(a, Float)
    }),
    m("static byte[] GetBytes(double value)", |_, a| {
        bits!(a, Double)
    }),
    m(
        "static bool ToBoolean(byte[] value, int startIndex)",
        |_, a| Ok(Value::Bool(at::<1>(a)? != [0])),
    ),
    m(
        "static char ToChar(byte[] value, int startIndex)",
        |_, a| Ok(Value::Char(u16::from_le_bytes(at(a)?))),
    ),
    m(
        "static short ToInt16(byte[] value, int startIndex)",
        |_, a| Ok(Value::Short(i16::from_le_bytes(at(a)?))),
    ),
    m(
        "static ushort ToUInt16(byte[] value, int startIndex)",
        |_, a| Ok(Value::UShort(u16::from_le_bytes(at(a)?))),
    ),
    m(
        "static int ToInt32(byte[] value, int startIndex)",
        |_, a| Ok(Value::Int(i32::from_le_bytes(at(a)?))),
    ),
    m(
        "static uint ToUInt32(byte[] value, int startIndex)",
        |_, a| Ok(Value::UInt(u32::from_le_bytes(at(a)?))),
    ),
    m(
        "static long ToInt64(byte[] value, int startIndex)",
        |_, a| Ok(Value::Long(i64::from_le_bytes(at(a)?))),
    ),
    m(
        "static ulong ToUInt64(byte[] value, int startIndex)",
        |_, a| Ok(Value::ULong(u64::from_le_bytes(at(a)?))),
    ),
    m(
        "static float ToSingle(byte[] value, int startIndex)",
        |_, a| Ok(Value::Float(f32::from_le_bytes(at(a)?))),
    ),
    m(
        "static double ToDouble(byte[] value, int startIndex)",
        |_, a| Ok(Value::Double(f64::from_le_bytes(at(a)?))),
    ),
    m("static long DoubleToInt64Bits(double value)", |_, a| {
        Ok(Value::Long(a.double(0).to_bits() as i64))
    }),
    m("static double Int64BitsToDouble(long value)", |_, a| {
        Ok(Value::Double(f64::from_bits(a.int(0) as u64)))
    }),
];

pub(super) const TYPES: &[Type] = &[
    ty("static System.Convert", CONVERT),
    ty("static System.BitConverter", BIT_CONVERTER),
    ty("class System.Text.Encoding", encoding::ROWS),
];
