//! `System.Guid`.

use super::super::numbers::compared_object;
use super::super::{Row, m};
use crate::expr::eval::{Args, R, Throw, compare, equal, formatted, null_argument, throw};
use crate::value::Value;

fn wrong(message: &str) -> Throw {
    throw("FormatException", message)
}

const LENGTH: &str =
    "Guid should contain 32 digits with 4 dashes (xxxxxxxx-xxxx-xxxx-xxxx-xxxxxxxxxxxx).";
const DASHES: &str = "Dashes are in the wrong position for GUID parsing.";
const DIGITS: &str = "Guid string should only contain hexadecimal characters.";
const UNKNOWN: &str = "Unrecognized Guid format.";

/// 32 digits.
fn digits(s: &str) -> Result<[u8; 16], Throw> {
    if s.len() != 32 {
        return Err(wrong(LENGTH));
    }
    let n = u128::from_str_radix(s, 16).ok();
    n.filter(|_| s.bytes().all(|b| b.is_ascii_hexdigit()))
        .map(u128::to_be_bytes)
        .ok_or_else(|| wrong(DIGITS))
}

fn dashed(s: &str) -> Result<[u8; 16], Throw> {
    if s.len() != 36 || !s.is_ascii() {
        return Err(wrong(LENGTH));
    }
    if [8, 13, 18, 23].iter().any(|i| s.as_bytes()[*i] != b'-') {
        return Err(wrong(DASHES));
    }
    if s.contains(['+', 'x', 'X']) {
        return lenient(s);
    }
    let plain: String = s.chars().filter(|c| *c != '-').collect();
    if plain.len() != 32 {
        return Err(wrong(DASHES));
    }
    digits(&plain)
}

/// The form with dashes, of which .NET Framework took a plus sign and `0x` before the digits of most parts.
fn lenient(s: &str) -> Result<[u8; 16], Throw> {
    const PARTS: [(usize, usize); 5] = [(0, 8), (9, 4), (14, 4), (19, 4), (24, 4)];
    let part = |at: usize, n: usize| s.get(at..at + n).unwrap_or("");
    let mut out = Vec::with_capacity(16);
    for (at, n) in PARTS {
        let n_of = number(unsigned(part(at, n)))?;
        out.extend_from_slice(&n_of.to_be_bytes()[4 - n / 2..]);
    }
    let last = part(28, 8);
    if last.starts_with('+') {
        return Err(wrong(DIGITS));
    }
    let last = u32::from_str_radix(last, 16).map_err(|_| wrong(DIGITS))?;
    out.extend_from_slice(&last.to_be_bytes());
    out.try_into().map_err(|_| wrong(DIGITS))
}

/// Digits without the plus sign and the `0x` that may stand before them.
fn unsigned(s: &str) -> &str {
    unprefixed(s.strip_prefix('+').unwrap_or(s))
}

/// Digits without the `0x` before them.
fn unprefixed(s: &str) -> &str {
    let bare = s.strip_prefix("0x").or_else(|| s.strip_prefix("0X"));
    bare.unwrap_or(s)
}

/// A number of 32 bits; without digits it is 0.
fn number(digits: &str) -> Result<u32, Throw> {
    let significant = digits.trim_start_matches('0');
    if !significant.bytes().all(|b| b.is_ascii_hexdigit()) {
        return Err(wrong(DIGITS));
    }
    if significant.len() > 8 {
        return Err(throw(
            "OverflowException",
            "Value was either too large or too small for a UInt32.",
        ));
    }
    Ok(u32::from_str_radix(significant, 16).unwrap_or(0))
}

fn between(s: &str, open: char, close: char) -> Result<[u8; 16], Throw> {
    let inner = s.strip_prefix(open).and_then(|s| s.strip_suffix(close));
    dashed(inner.ok_or_else(|| wrong(LENGTH))?)
}

/// `{0xdddddddd,0xdddd,0xdddd,{0xdd,…}}`; white space does not count.
fn hexadecimal(s: &str) -> Result<[u8; 16], Throw> {
    let s: String = s.chars().filter(|c| !c.is_whitespace()).collect();
    let inner = s.strip_prefix('{').and_then(|s| s.strip_suffix("}}"));
    let (head, tail) = inner
        .and_then(|s| s.split_once(",{"))
        .ok_or_else(|| wrong(UNKNOWN))?;
    let mut out = Vec::with_capacity(16);
    let widths = [4usize, 2, 2].into_iter().chain([1; 8]);
    let mut parts = head.split(',').chain(tail.split(','));
    for width in widths {
        let part = parts.next().unwrap_or("");
        let bare = unprefixed(part);
        if bare.len() == part.len() {
            return Err(wrong("Expected 0x prefix."));
        }
        if bare.is_empty() {
            return Err(wrong("Expected {0xdddddddd, etc}."));
        }
        let n = number(unsigned(bare))?;
        // What is too large for 16 bits is cut, for a byte refused.
        if width == 1 && n > u32::from(u8::MAX) {
            return Err(wrong(
                "Value was either too large or too small for an unsigned byte.",
            ));
        }
        out.extend_from_slice(&n.to_be_bytes()[4 - width..]);
    }
    if parts.next().is_some() {
        return Err(wrong(UNKNOWN));
    }
    out.try_into().map_err(|_| wrong(UNKNOWN))
}

/// Any of the formats.
fn parse(s: &str) -> Result<[u8; 16], Throw> {
    let t = s.trim();
    match t.chars().next() {
        None => Err(wrong(UNKNOWN)),
        Some('(') => between(t, '(', ')'),
        Some('{') if t.contains('-') => between(t, '{', '}'),
        Some('{') => hexadecimal(t),
        Some(_) if t.contains('-') => dashed(t),
        Some(_) => digits(t),
    }
}

fn parse_exact(s: &str, format: &str) -> Result<[u8; 16], Throw> {
    let t = s.trim();
    match format {
        "D" | "d" => dashed(t),
        "N" | "n" => digits(t),
        "B" | "b" => between(t, '{', '}'),
        "P" | "p" => between(t, '(', ')'),
        "X" | "x" => hexadecimal(t),
        _ => Err(wrong(
            "Format string can be only \"D\", \"d\", \"N\", \"n\", \"P\", \"p\", \"B\", \"b\", \"X\" or \"x\".",
        )),
    }
}

/// What `Parse` makes of a part that is too large: only the constructor tells it from other faults.
fn unrecognized(fault: Throw) -> Throw {
    match &fault {
        Throw::Exception(e) if e.class == "OverflowException" => wrong(UNKNOWN),
        _ => fault,
    }
}

/// .NET stores the first three groups little-endian.
fn swap(mut g: [u8; 16]) -> [u8; 16] {
    g[..4].reverse();
    g[4..6].reverse();
    g[6..8].reverse();
    g
}

/// As .NET: its four words in memory, combined.
pub(super) fn hash(g: [u8; 16]) -> i32 {
    swap(g)
        .chunks_exact(4)
        .filter_map(|w| w.try_into().ok().map(i32::from_le_bytes))
        .fold(0, |h, w| h ^ w)
}

fn made(g: [u8; 16]) -> R {
    Ok(Value::Guid(g))
}

/// From the parts of the constructors with numbers.
fn of_parts(a: &Args<'_>, rest: &[u8]) -> R {
    let mut g = [0; 16];
    g[..4].copy_from_slice(&(a.int(0) as u32).to_be_bytes());
    g[4..6].copy_from_slice(&(a.int(1) as u16).to_be_bytes());
    g[6..8].copy_from_slice(&(a.int(2) as u16).to_be_bytes());
    if rest.len() != 8 {
        return Err(throw(
            "ArgumentException",
            "Byte array for Guid must be exactly 8 bytes long. (Parameter 'd')",
        ));
    }
    g[8..].copy_from_slice(rest);
    made(g)
}

fn of_numbers(a: &Args<'_>) -> R {
    let rest: Vec<u8> = (3..11).map(|i| a.int(i) as u8).collect();
    of_parts(a, &rest)
}

fn try_parse(a: &mut Args<'_>, parsed: Option<[u8; 16]>) -> R {
    if let Some(out) = a.values.last_mut() {
        *out = Value::Guid(parsed.unwrap_or_default());
    }
    Ok(Value::Bool(parsed.is_some()))
}

fn compared(a: &Args<'_>) -> R {
    Ok(Value::Int(
        compare(&a.values[0], &a.values[1]).map_or(0, |o| o as i32),
    ))
}

fn text_of(a: &Args<'_>) -> R {
    formatted(&a.values[0], a.values.get(1).and_then(Value::as_str)).map(Value::from)
}

pub(super) const ROWS: &[Row] = &[
    m("const Guid Empty", |_, _| made([0; 16])),
    m("new()", |_, _| made([0; 16])),
    m("new(string g)", |_, a| made(parse(a.named(0, "g")?)?)),
    m("new(byte[] b)", |_, a| {
        let b = a.bytes(0).map_err(|_| null_argument("b"))?;
        let b: [u8; 16] = b.as_ref().try_into().map_err(|_| {
            throw(
                "ArgumentException",
                "Byte array for Guid must be exactly 16 bytes long. (Parameter 'b')",
            )
        })?;
        made(swap(b))
    }),
    m("new(int a, short b, short c, byte[] d)", |_, a| {
        let rest = a.bytes(3).map_err(|_| null_argument("d"))?;
        of_parts(a, &rest)
    }),
    m(
        "new(int a, short b, short c, byte d, byte e, byte f, byte g, byte h, byte i, byte j, byte k)",
        |_, a| of_numbers(a),
    ),
    m(
        "new(uint a, ushort b, ushort c, byte d, byte e, byte f, byte g, byte h, byte i, byte j, byte k)",
        |_, a| of_numbers(a),
    ),
    m("static Guid NewGuid()", |cx, _| {
        let (a, b) = (cx.host.random(), cx.host.random());
        let mut bytes = [0; 16];
        bytes[..8].copy_from_slice(&a.to_be_bytes());
        bytes[8..].copy_from_slice(&b.to_be_bytes());
        made(
            uuid::Builder::from_random_bytes(bytes)
                .into_uuid()
                .into_bytes(),
        )
    }),
    m("static Guid Parse(string input)", |_, a| {
        made(parse(a.named(0, "input")?).map_err(unrecognized)?)
    }),
    m(
        "static Guid ParseExact(string input, string format)",
        |_, a| {
            let read = parse_exact(a.named(0, "input")?, a.named(1, "format")?);
            made(read.map_err(unrecognized)?)
        },
    ),
    m(
        "static bool TryParse(string input, out Guid result)",
        |_, a| {
            let g = a.text(0).ok().and_then(|s| parse(s).ok());
            try_parse(a, g)
        },
    ),
    m(
        "static bool TryParseExact(string input, string format, out Guid result)",
        |_, a| {
            let (s, format) = (a.text(0).ok(), a.text(1).ok());
            let g = s.zip(format).and_then(|(s, f)| parse_exact(s, f).ok());
            try_parse(a, g)
        },
    ),
    m("byte[] ToByteArray()", |_, a| match a.get(0) {
        Value::Guid(g) => Ok(Value::Bytes(swap(g).to_vec().into())),
        _ => Ok(Value::Null),
    }),
    m("string ToString()", |_, a| text_of(a)),
    m("string ToString(string format)", |_, a| text_of(a)),
    m(
        "string ToString(string format, IFormatProvider provider)",
        |_, a| text_of(a),
    ),
    m("int CompareTo(Guid value)", |_, a| compared(a)),
    m("int CompareTo(object value)", |_, a| {
        compared_object(a, compared)
    }),
    m("bool Equals(object o)", |_, a| {
        Ok(Value::Bool(equal(&a.values[0], &a.values[1])))
    }),
    m("bool Equals(Guid g)", |_, a| {
        Ok(Value::Bool(equal(&a.values[0], &a.values[1])))
    }),
];
