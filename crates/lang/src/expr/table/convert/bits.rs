//! `System.BitConverter`: numbers as bytes, least significant first.

use super::super::strings::range;
use super::super::{Row, m};
use super::base64::hex;
use crate::expr::eval::{Args, R, Throw, null_argument, null_reference, throw};
use crate::value::Value;

/// `n` bytes from `startIndex`, the second argument.
fn at<const N: usize>(a: &Args<'_>) -> Result<[u8; N], Throw> {
    let all = a.bytes(0).map_err(|_| null_argument("value"))?;
    let from = usize::try_from(a.int(1)).ok().filter(|i| *i < all.len()).ok_or_else(|| {
        throw("ArgumentOutOfRangeException", "Index was out of range. Must be non-negative and less than the size of the collection. (Parameter 'startIndex')")
    })?;
    all.get(from..from.saturating_add(N)).and_then(|b| b.try_into().ok()).ok_or_else(|| {
        throw("ArgumentException", "Destination array is not long enough to copy all the items in the collection. Check array index and length. (Parameter 'value')")
    })
}

/// A part of the bytes by start and length, for `ToString`.
fn part(a: &Args<'_>, start: i64, n: i64) -> Result<bytes::Bytes, Throw> {
    let all = a.bytes(0).map_err(|_| null_argument("value"))?;
    let len = all.len() as i64;
    if start < 0 || (start >= len && start > 0) {
        return Err(range(
            "startIndex",
            "Index was out of range. Must be non-negative and less than the size of the collection.",
        ));
    }
    if n < 0 {
        return Err(range("length", "Value must be positive."));
    }
    if n > len - start {
        return Err(throw(
            "ArgumentException",
            "Destination array is not long enough to copy all the items in the collection. Check array index and length. (Parameter 'value')",
        ));
    }
    Ok(all.slice(start as usize..(start + n) as usize))
}

fn bytes_of(bytes: &[u8]) -> R {
    Ok(Value::Bytes(bytes::Bytes::copy_from_slice(bytes)))
}

macro_rules! bits {
    ($a:expr, $variant:ident) => {
        match &$a.values[0] {
            Value::$variant(n) => bytes_of(&n.to_le_bytes()),
            _ => Err(null_reference()),
        }
    };
}

pub(super) const ROWS: &[Row] = &[
    m("const bool IsLittleEndian", |_, _| Ok(Value::Bool(true))),
    m("static string ToString(byte[] value)", |cx, a| {
        let s = hex(&a.bytes(0).map_err(|_| null_argument("value"))?, "-");
        cx.text(s)
    }),
    m(
        "static string ToString(byte[] value, int startIndex)",
        |cx, a| {
            let n = a.bytes(0).map_err(|_| null_argument("value"))?.len() as i64;
            let s = hex(&part(a, a.int(1), n - a.int(1))?, "-");
            cx.text(s)
        },
    ),
    m(
        "static string ToString(byte[] value, int startIndex, int length)",
        |cx, a| {
            let s = hex(&part(a, a.int(1), a.int(2))?, "-");
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
    m("static int SingleToInt32Bits(float value)", |_, a| {
        Ok(Value::Int((a.double(0) as f32).to_bits() as i32))
    }),
    m("static float Int32BitsToSingle(int value)", |_, a| {
        Ok(Value::Float(f32::from_bits(a.int(0) as u32)))
    }),
    m("static double Int64BitsToDouble(long value)", |_, a| {
        Ok(Value::Double(f64::from_bits(a.int(0) as u64)))
    }),
];
