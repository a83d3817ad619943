//! Reading requests, content types, decoding.

use super::decode::Decoder;
use super::*;
use arbtest::arbtest;
use std::io::Write;

fn call(operation: Operation, body: &'static str) -> LlmCall {
    let body = Bytes::from_static(body.as_bytes());
    LlmCall {
        operation,
        model: None,
        deployment: Some(Str::from("gpt-4o")),
        readable: Peek::new(&body).is_ok(),
        stream: false,
        include_usage: false,
        max_output: None,
        cache: CacheStatus::Unseen,
        saved: None,
        usage: None,
        served_model: None,
        first_token_nanos: None,
        asked_tier: None,
        spilled: false,
        charge: None,
        end: EndReason::Done,
        counted: SmallVec::new(),
        body,
        asking: None,
        hide_usage: false,
        estimate: None,
        bound: None,
        ceiling: None,
        tally: Rc::default(),
    }
}

#[test]
fn settings_are_what_changes_the_answer() {
    let settings = |body| call(Operation::ChatCompletions, body).settings();
    let plain = settings(r#"{"messages":[{"role":"user","content":"a"}]}"#);
    assert_eq!(plain.as_deref(), Some(""));
    assert_eq!(
        settings(r#"{"user":"x","stream":false,"model":"m","messages":[]}"#),
        plain
    );
    assert_eq!(
        settings(r#"{"temperature":1,"max_tokens":5}"#).as_deref(),
        Some("\nmax_tokens=5\ntemperature=1")
    );
    assert_eq!(
        settings(r#"{"max_tokens":5,"temperature":1}"#),
        settings(r#"{"temperature":1, "max_tokens":5}"#)
    );
    assert_eq!(settings("[1]"), None);
}

#[test]
fn what_cannot_be_read_estimates_nothing() {
    assert_eq!(call(Operation::ChatCompletions, "{").estimate().tokens, 0);
    let body = r#"{"messages":[{"role":"user","content":"Say hello"}]}"#;
    let estimate = call(Operation::ChatCompletions, body).estimate();
    assert_eq!((estimate.tokens, estimate.exact), (9, true));
}

#[test]
fn a_counter_is_claimed_once() {
    let mut call = call(Operation::ChatCompletions, "{}");
    let (key, day) = (Str::from("k"), Some(tollgate_state::Period::Day));
    assert!(call.claim((key.clone(), None)));
    assert!(call.claim((key.clone(), day)));
    assert!(!call.claim((Str::from("k"), None)));
    assert!(!call.claim((key, day)));
    assert!(call.claim((Str::from("l"), None)));
}

#[test]
fn content_types() {
    let headers = |value: &'static str| {
        HeaderMap::from_iter([(header::CONTENT_TYPE, HeaderValue::from_static(value))])
    };
    for (value, json, events) in [
        ("application/json", true, false),
        ("Application/JSON; charset=utf-8", true, false),
        ("application/problem+json", true, false),
        ("text/event-stream; charset=utf-8", false, true),
        ("text/json-like", false, false),
        ("json", false, false),
        ("", false, false),
    ] {
        assert_eq!(is_json(&headers(value), true), json, "{value}");
        assert_eq!(is_event_stream(&headers(value)), events, "{value}");
    }
    assert!(is_json(&HeaderMap::new(), true) && !is_json(&HeaderMap::new(), false));
}

fn decode(coding: &'static str, chunks: &[Bytes]) -> Vec<u8> {
    let headers =
        HeaderMap::from_iter([(header::CONTENT_ENCODING, HeaderValue::from_static(coding))]);
    let mut decoder = Decoder::new(&headers);
    let mut out = Vec::new();
    for chunk in chunks {
        decoder.feed(chunk, |plain| out.extend_from_slice(plain));
    }
    out
}

#[test]
fn codings_are_undone_however_they_are_cut() {
    arbtest(|u| {
        let text: Vec<u8> = u.arbitrary()?;
        let level = flate2::Compression::default();
        let mut gzip = flate2::write::GzEncoder::new(Vec::new(), level);
        gzip.write_all(&text).unwrap();
        let mut zlib = flate2::write::ZlibEncoder::new(Vec::new(), level);
        zlib.write_all(&text).unwrap();
        for (coding, coded) in [
            ("gzip", gzip.finish().unwrap()),
            ("deflate", zlib.finish().unwrap()),
            ("identity", text.clone()),
        ] {
            let size = u.int_in_range(1..=64)?;
            let chunks: Vec<_> = coded.chunks(size).map(Bytes::copy_from_slice).collect();
            assert_eq!(decode(coding, &chunks), text, "{coding}");
        }
        Ok(())
    });
}

#[test]
fn what_is_no_coding_gives_nothing() {
    let noise = [
        Bytes::from_static(b"not gzip"),
        Bytes::from_static(b"nor this"),
    ];
    assert_eq!(decode("gzip", &noise), b"");
    assert_eq!(decode("br", &noise), b"");
}
