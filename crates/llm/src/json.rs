//! Borrowed reading of JSON: the members of an object or the elements of an array as raw slices of the input.
//!
//! Used by every reader of this crate. What must hold: a value that nobody asks for is skipped, never built; plain
//! strings are borrowed; a name written with escapes is still recognised; of repeated names the last wins, as in the
//! parsers of the providers.

use std::borrow::Cow;
use std::fmt;

use memchr::memmem;
use serde::de::{Deserialize, Deserializer, MapAccess, SeqAccess, Visitor};
pub(crate) use serde_json::Error;
use serde_json::value::RawValue;

/// A string that borrows from the input when it has no escapes.
pub(crate) struct Text<'a>(pub(crate) Cow<'a, str>);

impl<'de: 'a, 'a> Deserialize<'de> for Text<'a> {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        struct Read;
        impl<'de> Visitor<'de> for Read {
            type Value = Text<'de>;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a string")
            }
            fn visit_borrowed_str<E>(self, text: &'de str) -> Result<Text<'de>, E> {
                Ok(Text(Cow::Borrowed(text)))
            }
            fn visit_str<E>(self, text: &str) -> Result<Text<'de>, E> {
                Ok(Text(Cow::Owned(text.to_owned())))
            }
        }
        from.deserialize_str(Read)
    }
}

struct Members<F>(F);

impl<'de, F: FnMut(&str, &'de RawValue)> Visitor<'de> for Members<F> {
    type Value = ();
    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object")
    }
    fn visit_map<A: MapAccess<'de>>(mut self, mut map: A) -> Result<(), A::Error> {
        while let Some(name) = map.next_key::<Text<'de>>()? {
            let value = map.next_value::<&'de RawValue>()?;
            (self.0)(&name.0, value);
        }
        Ok(())
    }
}

struct Elements<F>(F);

impl<'de, F: FnMut(&'de RawValue)> Visitor<'de> for Elements<F> {
    type Value = ();
    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an array")
    }
    fn visit_seq<A: SeqAccess<'de>>(mut self, mut seq: A) -> Result<(), A::Error> {
        while let Some(value) = seq.next_element::<&'de RawValue>()? {
            (self.0)(value);
        }
        Ok(())
    }
}

/// Calls `each` for every member of the object that `json` is; anything after the object is an error.
pub(crate) fn members<'a>(
    json: &'a [u8],
    each: impl FnMut(&str, &'a RawValue),
) -> Result<(), Error> {
    let mut from = serde_json::Deserializer::from_slice(json);
    from.deserialize_map(Members(each))?;
    from.end()
}

/// Calls `each` for every element of the array that `json` is; anything after the array is an error.
pub(crate) fn elements<'a>(json: &'a [u8], each: impl FnMut(&'a RawValue)) -> Result<(), Error> {
    let mut from = serde_json::Deserializer::from_slice(json);
    from.deserialize_seq(Elements(each))?;
    from.end()
}

/// The members of a value that is an object; false, and no call, when it is something else.
pub(crate) fn object<'a>(raw: &'a RawValue, each: impl FnMut(&str, &'a RawValue)) -> bool {
    is_object(raw) && members(raw.get().as_bytes(), each).is_ok()
}

/// The elements of a value that is an array; false, and no call, when it is something else.
pub(crate) fn array<'a>(raw: &'a RawValue, each: impl FnMut(&'a RawValue)) -> bool {
    is_array(raw) && elements(raw.get().as_bytes(), each).is_ok()
}

pub(crate) fn is_object(raw: &RawValue) -> bool {
    raw.get().starts_with('{')
}

pub(crate) fn is_array(raw: &RawValue) -> bool {
    raw.get().starts_with('[')
}

pub(crate) fn is_null(raw: &RawValue) -> bool {
    raw.get() == "null"
}

/// The text of a string value; `None` for another type, or for an escape that names no character (a lone surrogate).
pub(crate) fn text(raw: &RawValue) -> Option<Cow<'_, str>> {
    let quoted = raw.get();
    if !quoted.starts_with('"') {
        return None;
    }
    let inner = &quoted[1..quoted.len() - 1];
    if memchr::memchr(b'\\', inner.as_bytes()).is_none() {
        return Some(Cow::Borrowed(inner));
    }
    serde_json::from_str::<String>(quoted).ok().map(Cow::Owned)
}

/// A whole number; a negative one is 0, a fraction is cut, one above `u64` is `u64::MAX`; `None` for other types.
pub(crate) fn number(raw: &RawValue) -> Option<u64> {
    let digits = raw.get();
    match digits.as_bytes().first()? {
        b'-' => Some(0),
        b'0'..=b'9' => Some(match digits.parse::<u64>() {
            Ok(value) => value,
            // Digits only, so too many of them; or a fraction or exponent, where `as` saturates.
            Err(_) => digits.parse::<f64>().map_or(u64::MAX, |value| value as u64),
        }),
        _ => None,
    }
}

/// One value at the start of `json`, whatever follows it.
pub(crate) fn leading(json: &[u8]) -> Option<&RawValue> {
    let mut from = serde_json::Deserializer::from_slice(json);
    <&RawValue>::deserialize(&mut from).ok()
}

/// Where the value of a member called by `quoted` (the name with its quotes) starts, at or after `from`.
///
/// A scan, not a parse: it finds a member at any depth. Text inside a string cannot match, because its quotes are
/// escaped there.
pub(crate) fn value_of(json: &[u8], quoted: &memmem::Finder<'_>, mut from: usize) -> Option<usize> {
    while let Some(found) = json.get(from..).and_then(|rest| quoted.find(rest)) {
        let at = from + found;
        from = at + quoted.needle().len();
        if let Some(value) = value_after_name(json, at, from) {
            return Some(value);
        }
    }
    None
}

/// As `value_of`, for the last such member.
pub(crate) fn last_value_of(json: &[u8], quoted: &[u8]) -> Option<usize> {
    let mut end = json.len();
    while let Some(at) = memmem::rfind(&json[..end], quoted) {
        if let Some(value) = value_after_name(json, at, at + quoted.len()) {
            return Some(value);
        }
        end = at;
    }
    None
}

/// Where the value of the member starts whose name, with its quotes, stands from `name` to `after`; `None` when that is a
/// text and no name.
pub(crate) fn value_after_name(json: &[u8], name: usize, after: usize) -> Option<usize> {
    if name > 0 && json[name - 1] == b'\\' {
        return None;
    }
    let colon = skip_space(json, after);
    (json.get(colon) == Some(&b':')).then(|| skip_space(json, colon + 1))
}

fn skip_space(json: &[u8], mut at: usize) -> usize {
    while json
        .get(at)
        .is_some_and(|byte| matches!(byte, b' ' | b'\t' | b'\r' | b'\n'))
    {
        at += 1;
    }
    at
}
