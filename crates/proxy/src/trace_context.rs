//! W3C Trace Context: the caller's trace goes on with a span of the gateway's own.
//!
//! Source: <https://www.w3.org/TR/trace-context/>. What must stay true: a header that is not valid starts a new trace
//! and takes its `tracestate` with it; otherwise `tracestate` passes as it is.

use crate::random::Random;
use http::{HeaderMap, HeaderName, HeaderValue};

static TRACEPARENT: HeaderName = HeaderName::from_static("traceparent");
static TRACESTATE: HeaderName = HeaderName::from_static("tracestate");

const LENGTH: usize = 55;

/// Puts the gateway's span into the headers that go upstream.
pub(crate) fn continue_trace(headers: &mut HeaderMap, random: &Random) {
    let mut text = [0; LENGTH];
    let parent = headers
        .get(&TRACEPARENT)
        .map(HeaderValue::as_bytes)
        .filter(|p| is_valid(p));
    match parent {
        Some(parent) => {
            text.copy_from_slice(&parent[..LENGTH]);
            // A later version is answered in the version that is understood.
            text[..3].copy_from_slice(b"00-");
        }
        None => {
            text[..3].copy_from_slice(b"00-");
            hex(random.next() | 1, &mut text[3..19]);
            hex(random.next(), &mut text[19..35]);
            text[35] = b'-';
            text[52..].copy_from_slice(b"-01");
            headers.remove(&TRACESTATE);
        }
    }
    hex(random.next() | 1, &mut text[36..52]);
    if let Ok(value) = HeaderValue::from_bytes(&text) {
        headers.insert(TRACEPARENT.clone(), value);
    }
}

/// The trace id of a head that [`continue_trace`] has seen.
pub(crate) fn trace_id(headers: &HeaderMap) -> Option<&str> {
    let parent = headers.get(&TRACEPARENT)?;
    is_valid(parent.as_bytes()).then_some(())?;
    parent.to_str().ok()?.get(3..35)
}

fn is_valid(text: &[u8]) -> bool {
    let hex = |part: &[u8]| part.iter().all(|b| matches!(b, b'0'..=b'9' | b'a'..=b'f'));
    let zero = |part: &[u8]| part.iter().all(|b| *b == b'0');
    text.len() >= LENGTH
        && hex(&text[..2])
        && &text[..2] != b"ff"
        // Version 00 ends here; later ones may go on after a dash.
        && (text.len() == LENGTH || (&text[..2] != b"00" && text[LENGTH] == b'-'))
        && [text[2], text[35], text[52]] == [b'-'; 3]
        && hex(&text[3..35])
        && !zero(&text[3..35])
        && hex(&text[36..52])
        && !zero(&text[36..52])
        && hex(&text[53..LENGTH])
}

fn hex(bits: u64, out: &mut [u8]) {
    for (at, byte) in out.iter_mut().enumerate() {
        let digit = (bits >> (60 - 4 * at)) as u8 & 0xf;
        *byte = if digit < 10 {
            b'0' + digit
        } else {
            b'a' + digit - 10
        };
    }
}

#[cfg(test)]
mod tests;
