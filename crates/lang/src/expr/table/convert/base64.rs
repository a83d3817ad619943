//! Base64 and hexadecimal of `Convert`.

use super::super::strings::{range, units_of};
use super::super::{Row, m};
use crate::expr::eval::{Args, Cx, R, Throw, null_argument, throw};
use crate::value::{Value, text};

/// `Base64FormattingOptions.InsertLineBreaks`, or not.
fn lines(a: &Args<'_>, i: usize) -> Result<bool, Throw> {
    match a.int(i) {
        0 => Ok(false),
        1 => Ok(true),
        n => Err(throw(
            "ArgumentException",
            format!("Illegal enum value: {n}. (Parameter 'options')"),
        )),
    }
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

/// A part of the array by offset and length.
fn part(a: &Args<'_>) -> Result<bytes::Bytes, Throw> {
    let all = a.bytes(0).map_err(|_| null_argument("inArray"))?;
    let (offset, n) = (a.int(1), a.int(2));
    if n < 0 {
        return Err(range(
            "length",
            "Index was out of range. Must be non-negative and less than the size of the collection.",
        ));
    }
    if offset < 0 {
        return Err(range("offset", "Value must be positive."));
    }
    if offset > all.len() as i64 - n {
        return Err(range(
            "offset",
            "Offset and length must refer to a position in the string.",
        ));
    }
    Ok(all.slice(offset as usize..(offset + n) as usize))
}

fn decoded(cx: &mut Cx<'_>, s: &str) -> R {
    let bytes = text::from_base64(s).ok_or_else(|| {
        throw("FormatException", "The input is not a valid Base-64 string as it contains a non-base 64 character, more than two padding characters, or an illegal character among the padding characters.")
    })?;
    cx.charge(bytes.len())?;
    Ok(Value::Bytes(bytes.into()))
}

pub(super) fn hex(bytes: &[u8], separator: &str) -> String {
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

pub(super) const ROWS: &[Row] = &[
    m("static string ToBase64String(byte[] inArray)", |cx, a| {
        base64(
            cx,
            &a.bytes(0).map_err(|_| null_argument("inArray"))?,
            false,
        )
    }),
    m(
        "static string ToBase64String(byte[] inArray, Base64FormattingOptions options)",
        |cx, a| {
            let bytes = a.bytes(0).map_err(|_| null_argument("inArray"))?;
            base64(cx, &bytes, lines(a, 1)?)
        },
    ),
    m(
        "static string ToBase64String(byte[] inArray, int offset, int length)",
        |cx, a| base64(cx, &part(a)?, false),
    ),
    m(
        "static string ToBase64String(byte[] inArray, int offset, int length, Base64FormattingOptions options)",
        |cx, a| base64(cx, &part(a)?, lines(a, 3)?),
    ),
    m("static byte[] FromBase64String(string s)", |cx, a| {
        decoded(cx, a.named(0, "s")?)
    }),
    m(
        "static byte[] FromBase64CharArray(char[] inArray, int offset, int length)",
        |cx, a| {
            let units = units_of(a, 0, "inArray")?;
            let (from, n) = (a.size(1, "offset")?, a.size(2, "length")?);
            let part = from.checked_add(n).and_then(|end| units.get(from..end));
            let part = part.ok_or_else(|| {
                range(
                    "offset",
                    "Offset and length must refer to a position in the string.",
                )
            })?;
            decoded(cx, &String::from_utf16_lossy(part))
        },
    ),
    m("static string ToHexString(byte[] inArray)", |cx, a| {
        let s = hex(&a.bytes(0).map_err(|_| null_argument("inArray"))?, "");
        cx.text(s)
    }),
    m(
        "static string ToHexString(byte[] inArray, int offset, int length)",
        |cx, a| {
            let s = hex(&part(a)?, "");
            cx.text(s)
        },
    ),
    m("static byte[] FromHexString(string s)", |cx, a| {
        let bytes = from_hex(a.named(0, "s")?).ok_or_else(|| {
            throw(
                "FormatException",
                "The input is not a valid hex string as it contains a non-hex character.",
            )
        })?;
        cx.charge(bytes.len())?;
        Ok(Value::Bytes(bytes.into()))
    }),
];
