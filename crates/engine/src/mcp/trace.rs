//! The caller's trace, when the message carries it instead of the head: `_meta.traceparent`.
//!
//! What must stay true: the span stays the gateway's own, made when the request came; only a valid value is taken.

use http::{HeaderMap, HeaderName, HeaderValue};

static TRACEPARENT: HeaderName = HeaderName::from_static("traceparent");

/// Puts the gateway's span into the trace that the message names.
pub(super) fn join(headers: &mut HeaderMap, told: &str) {
    if !is_valid(told) {
        return;
    }
    let own = headers.get(&TRACEPARENT).and_then(|v| v.to_str().ok());
    let Some(own) = own.filter(|own| is_valid(own)) else {
        return;
    };
    if own[3..35] == told[3..35] {
        return;
    }
    let joined = format!("00-{}-{}-{}", &told[3..35], &own[36..52], &told[53..55]);
    if let Ok(value) = HeaderValue::try_from(joined) {
        headers.insert(TRACEPARENT.clone(), value);
        // It belonged to the other trace.
        headers.remove("tracestate");
    }
}

/// Version 00 of W3C trace context.
fn is_valid(text: &str) -> bool {
    let bytes = text.as_bytes();
    let zero = |part: &[u8]| part.iter().all(|b| *b == b'0');
    bytes.len() == 55
        && bytes.starts_with(b"00-")
        && bytes.iter().enumerate().skip(3).all(|(at, b)| match at {
            35 | 52 => *b == b'-',
            _ => matches!(b, b'0'..=b'9' | b'a'..=b'f'),
        })
        && !zero(&bytes[3..35])
        && !zero(&bytes[36..52])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_trace_is_the_messages_and_the_span_the_gateways() {
        let own = "00-11111111111111111111111111111111-2222222222222222-01";
        let told = "00-33333333333333333333333333333333-4444444444444444-00";
        let join = |told: &str| {
            let mut headers = HeaderMap::new();
            headers.insert("traceparent", HeaderValue::from_static(own));
            headers.insert("tracestate", HeaderValue::from_static("a=b"));
            super::join(&mut headers, told);
            let parent = headers["traceparent"].to_str().unwrap().to_owned();
            (parent, headers.contains_key("tracestate"))
        };
        let joined = "00-33333333333333333333333333333333-2222222222222222-00";
        assert_eq!(join(told), (joined.to_owned(), false));
        for odd in [
            "",
            "00",
            own,
            "00-00000000000000000000000000000000-4444444444444444-00",
            "00-3333333333333333333333333333333é-4444444444444444-00",
            "01-33333333333333333333333333333333-4444444444444444-00",
        ] {
            assert_eq!(join(odd), (own.to_owned(), true), "{odd}");
        }
    }
}
