//! Asks the provider for usage in a stream: sets `stream_options.include_usage` in a request body.
//!
//! Called by `engine` before the request leaves. What must hold: every byte but the inserted or replaced member stays
//! as it was, so a body that a caller has signed or shaped by hand reaches the provider as written.

use std::ops::Range;

use bytes::Bytes;
use serde_json::value::RawValue;

use super::Peek;
use crate::json;

const MEMBER: &[u8] = br#""stream_options":{"include_usage":true}"#;

/// The body with `"stream_options":{"include_usage":true}` set, or `None` when it must stay as it is: it is not a
/// streaming request, it asks already, or its `stream_options` is of a type that the provider will refuse.
///
/// `peek` must be of the same `body`. Only for operations where [`Operation::takes_include_usage`] holds.
///
/// [`Operation::takes_include_usage`]: crate::Operation::takes_include_usage
#[must_use]
pub fn ask_for_usage(body: &[u8], peek: &Peek<'_>) -> Option<Bytes> {
    if !peek.stream || peek.include_usage {
        return None;
    }
    let Some(options) = peek.stream_options else {
        return append(body, MEMBER);
    };
    let place = place_of(options, body)?;
    if json::is_null(options) {
        return Some(splice(body, place, &[br#"{"include_usage":true}"#]));
    }
    if !json::is_object(options) {
        return None;
    }
    let mut asked = None;
    let mut empty = true;
    json::object(options, |name, value| {
        empty = false;
        if name == "include_usage" {
            asked = Some(value);
        }
    });
    Some(match asked {
        Some(value) => splice(body, place_of(value, body)?, &[b"true"]),
        None => {
            let first = place.start + 1;
            let comma: &[u8] = if empty { b"" } else { b"," };
            splice(body, first..first, &[br#""include_usage":true"#, comma])
        }
    })
}

/// The body with one more member at its end.
pub(super) fn append(body: &[u8], member: &[u8]) -> Option<Bytes> {
    // The body is an object, so its last brace closes it, and an opening one just before means it is empty.
    let close = memchr::memrchr(b'}', body)?;
    let last = body[..close].trim_ascii_end().last()?;
    let comma: &[u8] = if *last == b'{' { b"" } else { b"," };
    Some(splice(body, close..close, &[comma, member]))
}

/// Where a borrowed value stands in its body; `None` when it is not of this body.
pub(super) fn place_of(value: &RawValue, body: &[u8]) -> Option<Range<usize>> {
    let text = value.get();
    let start = (text.as_ptr() as usize).checked_sub(body.as_ptr() as usize)?;
    let end = start.checked_add(text.len())?;
    (end <= body.len()).then_some(start..end)
}

pub(super) fn splice(body: &[u8], place: Range<usize>, with: &[&[u8]]) -> Bytes {
    let mut out = Vec::with_capacity(body.len() + MEMBER.len() + 1);
    out.extend_from_slice(&body[..place.start]);
    for part in with {
        out.extend_from_slice(part);
    }
    out.extend_from_slice(&body[place.end..]);
    Bytes::from(out)
}
