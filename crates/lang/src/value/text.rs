//! `ToString()` of every value, and text operations that several types share.

mod collation;
pub(crate) mod unicode;

pub(crate) use collation::{compare_culture, is_weightless};

use super::object::Unwritten;
use super::token::Kind;
use super::{Value, number, time};
use base64::Engine;

/// Writes `ToString()` of a value; nothing for null.
pub(crate) fn write(value: &Value, out: &mut String) -> Result<(), Unwritten> {
    match value {
        Value::Null => {}
        Value::Str(s) => out.push_str(s),
        Value::Bool(b) => out.push_str(if *b { "True" } else { "False" }),
        Value::Char(c) => push_unit(*c, out),
        Value::Float(f) => out.push_str(&number::float_text(*f)),
        Value::Double(f) => out.push_str(&number::double_text(*f)),
        Value::Decimal(d) => out.push_str(&number::decimal_text(d)),
        Value::ULong(n) => out.push_str(&n.to_string()),
        Value::DateTime(d) => {
            out.push_str(&time::format(&time::Parts::of_date(*d), "").unwrap_or_default())
        }
        Value::DateTimeOffset(d) => {
            out.push_str(&time::format(&time::Parts::of_offset(*d), "").unwrap_or_default())
        }
        Value::TimeSpan(t) => out.push_str(&time::format_span(*t, "").unwrap_or_default()),
        Value::Guid(g) => out.push_str(&guid(g, "D").unwrap_or_default()),
        Value::Enum(e, n) => out.push_str(&enum_text(e, *n)),
        Value::Token(t) => match t.kind() {
            // A property's ToString is `"name": value`; a value's is the bare text.
            Kind::Scalar(v) => write(&v.borrow(), out)?,
            _ => super::token::write::write(t, true, out)?,
        },
        Value::Bytes(_) => out.push_str("System.Byte[]"),
        Value::Object(o) => out.push_str(&o.written()?),
        Value::Host(h) => out.push_str(&h.0.ty().full_name()),
        Value::List(_) | Value::Dict(_) | Value::Response(_) | Value::Func(_) => {
            out.push_str(&value.ty().full_name())
        }
        other => {
            if let Some(n) = other.as_i64() {
                out.push_str(&n.to_string());
            }
        }
    }
    Ok(())
}

/// Appends one UTF-16 unit; half of a pair that was cut becomes the replacement character.
pub(crate) fn push_unit(unit: u16, out: &mut String) {
    out.push(char::from_u32(u32::from(unit)).unwrap_or(char::REPLACEMENT_CHARACTER));
}

/// `Enum.ToString()`: the name, for flags the names, else the number.
pub(crate) fn enum_text(e: &super::EnumType, n: i64) -> String {
    if let Some((name, _)) = e.members.iter().find(|(_, v)| *v == n) {
        return (*name).to_string();
    }
    if e.flags {
        return flags_text(e, n);
    }
    n.to_string()
}

/// The names whose values make up the number, largest first taken; the number when they do not.
pub(crate) fn flags_text(e: &super::EnumType, n: i64) -> String {
    if let Some((name, _)) = e.members.iter().find(|(_, v)| *v == n) {
        return (*name).to_string();
    }
    let mut rest = n;
    let mut names = Vec::new();
    // By value as an unsigned number, as .NET sorts them.
    let mut members: Vec<_> = e.members.iter().filter(|(_, v)| *v != 0).collect();
    members.sort_by_key(|(_, v)| std::cmp::Reverse(*v as u64));
    for (name, v) in members {
        if rest & v == *v {
            names.push(*name);
            rest &= !v;
        }
    }
    if rest == 0 && n != 0 {
        names.reverse();
        return names.join(", ");
    }
    n.to_string()
}

/// A GUID in the formats N, D, B, P and X.
pub(crate) fn guid(g: &[u8; 16], format: &str) -> Option<String> {
    let u = uuid::Uuid::from_bytes(*g);
    Some(match format {
        "" | "D" | "d" => u.hyphenated().to_string(),
        "N" | "n" => u.simple().to_string(),
        "B" | "b" => u.braced().to_string(),
        "P" | "p" => format!("({})", u.hyphenated()),
        "X" | "x" => {
            let (a, b, c, d) = u.as_fields();
            let rest: Vec<String> = d.iter().map(|b| format!("0x{b:02x}")).collect();
            format!("{{0x{a:08x},0x{b:04x},0x{c:04x},{{{}}}}}", rest.join(","))
        }
        _ => return None,
    })
}

/// Standard base64.
pub(crate) fn base64(bytes: &[u8]) -> String {
    base64::engine::general_purpose::STANDARD.encode(bytes)
}

/// `Convert.FromBase64String`: white space is ignored, padding is required.
pub(crate) fn from_base64(s: &str) -> Option<Vec<u8>> {
    let clean: String = s
        .chars()
        .filter(|c| !matches!(c, ' ' | '\t' | '\r' | '\n'))
        .collect();
    base64::engine::GeneralPurpose::new(
        &base64::alphabet::STANDARD,
        base64::engine::GeneralPurposeConfig::new().with_decode_allow_trailing_bits(true),
    )
    .decode(clean)
    .ok()
}

/// Length in UTF-16 units.
pub(crate) fn units(s: &str) -> usize {
    if s.is_ascii() {
        s.len()
    } else {
        units_of(s.as_bytes())
    }
}

/// UTF-16 units of a part of a text: one for each character's first byte, two for one beyond the basic plane. Without
/// branches, in blocks whose counts fit a byte, so that many bytes are looked at at once.
fn units_of(bytes: &[u8]) -> usize {
    let block = |block: &[u8]| {
        let of = |b: u8| u8::from(b & 0xC0 != 0x80) + u8::from(b >= 0xF0);
        usize::from(block.iter().fold(0, |n: u8, b| n.wrapping_add(of(*b))))
    };
    bytes.chunks(BLOCK).map(block).sum()
}

/// At most two units for a byte.
const BLOCK: usize = 64;

/// The UTF-16 unit at a place.
pub(crate) fn unit_at(s: &str, mut at: usize) -> Option<u16> {
    if s.is_ascii() {
        return s.as_bytes().get(at).map(|b| u16::from(*b));
    }
    let mut from = 0;
    for block in s.as_bytes().chunks(BLOCK) {
        let units = units_of(block);
        if at < units {
            break;
        }
        at -= units;
        from += block.len();
    }
    // A character that began in the block before has been counted there.
    s.get(s.ceil_char_boundary(from)..)?.encode_utf16().nth(at)
}

/// The part of a text between two UTF-16 offsets, which must be in range.
pub(crate) fn slice(s: &str, start: usize, len: usize) -> String {
    if s.is_ascii() {
        return s.get(start..start + len).unwrap_or_default().to_string();
    }
    let units: Vec<u16> = s.encode_utf16().skip(start).take(len).collect();
    String::from_utf16_lossy(&units)
}

/// One character per character, as .NET's invariant casing does (`ß` and `ı` stay).
pub(crate) fn upper_invariant(s: &str) -> String {
    if s.is_ascii() {
        return s.to_ascii_uppercase();
    }
    s.chars().map(upper_char).collect()
}

/// As [`upper_invariant`].
pub(crate) fn lower_invariant(s: &str) -> String {
    if s.is_ascii() {
        return s.to_ascii_lowercase();
    }
    s.chars().map(lower_char).collect()
}

/// The upper case of one character, where that is one character which leads back: `µ`, `ſ` and `ı` stay.
pub(crate) fn upper_char(c: char) -> char {
    if c.is_ascii() {
        return c.to_ascii_uppercase();
    }
    match (one(c.to_uppercase()), c) {
        (Some(up), c) if one(up.to_lowercase()) == Some(c) => up,
        (_, c) => c,
    }
}

/// The lower case of one character, where that is one character which leads back.
pub(crate) fn lower_char(c: char) -> char {
    if c.is_ascii() {
        return c.to_ascii_lowercase();
    }
    match (one(c.to_lowercase()), c) {
        (Some(low), c) if one(low.to_uppercase()) == Some(c) => low,
        (_, c) => c,
    }
}

fn one(mut chars: impl Iterator<Item = char>) -> Option<char> {
    chars.next().filter(|_| chars.next().is_none())
}

#[cfg(test)]
mod tests;
