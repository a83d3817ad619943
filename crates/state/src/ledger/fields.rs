//! Fields of a record as bytes: a number, a kind, a value; what a reader does not know it can skip.
//!
//! A tag is `number << 2 | kind` as a varint; kinds are a varint of up to 128 bits, bytes behind their length, and 16
//! bytes. What must stay true: a zero, an empty text and `false` are not written, so that they cost nothing; a number is
//! used for one thing for ever; any bytes are read without a panic.

use super::record::Text;
use std::borrow::Cow;

const VARINT: u8 = 0;
const BYTES: u8 = 1;
const WIDE: u8 = 2;

/// Most bytes of a text; the rest is cut off.
pub(super) const MOST_TEXT: usize = 256;

pub(super) fn varint(out: &mut Vec<u8>, mut value: u128) {
    while value >= 0x80 {
        out.push((value as u8) | 0x80);
        value >>= 7;
    }
    out.push(value as u8);
}

fn tag(out: &mut Vec<u8>, number: u8, kind: u8) {
    varint(out, u128::from(number) << 2 | u128::from(kind));
}

/// A number, unless it is 0.
pub(super) fn number(out: &mut Vec<u8>, field: u8, value: impl Into<u128>) {
    let value = value.into();
    if value != 0 {
        tag(out, field, VARINT);
        varint(out, value);
    }
}

/// A number that 0 is one of.
pub(super) fn present(out: &mut Vec<u8>, field: u8, value: Option<impl Into<u128>>) {
    if let Some(value) = value {
        tag(out, field, VARINT);
        varint(out, value.into());
    }
}

/// A number with a sign, unless it is 0.
pub(super) fn signed(out: &mut Vec<u8>, field: u8, value: i128) {
    number(out, field, ((value << 1) ^ (value >> 127)) as u128);
}

/// An id, unless it is 0.
pub(super) fn id(out: &mut Vec<u8>, field: u8, value: u128) {
    if value != 0 {
        tag(out, field, WIDE);
        out.extend_from_slice(&value.to_le_bytes());
    }
}

/// A text, unless it is empty; cut to [`MOST_TEXT`].
pub(super) fn text(out: &mut Vec<u8>, field: u8, value: &str) {
    if !value.is_empty() {
        tag(out, field, BYTES);
        plain(out, value);
    }
}

/// A text's length and bytes.
fn plain(out: &mut Vec<u8>, value: &str) {
    let value = &value[..value.floor_char_boundary(MOST_TEXT)];
    varint(out, value.len() as u128);
    out.extend_from_slice(value.as_bytes());
}

/// Two texts as one field.
pub(super) fn pair(out: &mut Vec<u8>, field: u8, first: &str, second: &str) {
    tag(out, field, BYTES);
    let mut both = Vec::new();
    plain(&mut both, first);
    plain(&mut both, second);
    varint(out, both.len() as u128);
    out.extend_from_slice(&both);
}

/// A field's value.
#[derive(Clone, Copy, Debug)]
pub(super) enum Value<'a> {
    Number(u128),
    Bytes(&'a [u8]),
}

impl<'a> Value<'a> {
    pub(super) fn u64(self) -> u64 {
        self.u128().try_into().unwrap_or(u64::MAX)
    }

    pub(super) fn u128(self) -> u128 {
        match self {
            Value::Number(value) => value,
            Value::Bytes(_) => 0,
        }
    }

    pub(super) fn i128(self) -> i128 {
        let value = self.u128();
        (value >> 1) as i128 ^ -((value & 1) as i128)
    }

    pub(super) fn text(self) -> Text<'a> {
        match self {
            Value::Number(_) => Cow::Borrowed(""),
            Value::Bytes(bytes) => String::from_utf8_lossy(bytes),
        }
    }

    pub(super) fn pair(self) -> (Text<'a>, Text<'a>) {
        let Value::Bytes(bytes) = self else {
            return Default::default();
        };
        let mut fields = Fields(bytes);
        let mut next = || {
            fields
                .bytes()
                .map(String::from_utf8_lossy)
                .unwrap_or_default()
        };
        (next(), next())
    }
}

/// The fields of a payload, one after another; ends early where they cannot be read.
pub(super) struct Fields<'a>(pub(super) &'a [u8]);

impl<'a> Fields<'a> {
    pub(super) fn varint(&mut self) -> Option<u128> {
        let mut value = 0u128;
        let mut shift = 0;
        loop {
            let (&byte, rest) = self.0.split_first()?;
            self.0 = rest;
            let part = u128::from(byte & 0x7F);
            if shift > 126 || (shift == 126 && part > 3) {
                return None;
            }
            value |= part << shift;
            if byte & 0x80 == 0 {
                return Some(value);
            }
            shift += 7;
        }
    }

    fn take(&mut self, count: usize) -> Option<&'a [u8]> {
        let (taken, rest) = self.0.split_at_checked(count)?;
        self.0 = rest;
        Some(taken)
    }

    fn bytes(&mut self) -> Option<&'a [u8]> {
        let count = usize::try_from(self.varint()?).ok()?;
        self.take(count)
    }
}

impl<'a> Iterator for Fields<'a> {
    type Item = (u128, Value<'a>);

    fn next(&mut self) -> Option<Self::Item> {
        let tag = self.varint()?;
        let value = match (tag & 3) as u8 {
            VARINT => Value::Number(self.varint()?),
            BYTES => Value::Bytes(self.bytes()?),
            WIDE => Value::Number(u128::from_le_bytes(self.take(16)?.try_into().ok()?)),
            _ => return None,
        };
        Some((tag >> 2, value))
    }
}
