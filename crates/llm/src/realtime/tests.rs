//! Tests of `realtime`: messages under any cut, and what is none.
use super::*;
use crate::sse::tests::cuts;
use arbtest::arbtest;

const DONE: &str = r#"{"type":"response.done","event_id":"e","response":{"object":"realtime.response","id":"resp_1","status":"incomplete","status_details":{"type":"incomplete","reason":"max_output_tokens"},"output":[],"usage":{"total_tokens":253,"input_tokens":132,"output_tokens":121,"input_token_details":{"text_tokens":119,"audio_tokens":13,"image_tokens":0,"cached_tokens":64,"cached_tokens_details":{"text_tokens":64,"audio_tokens":0,"image_tokens":0}},"output_token_details":{"text_tokens":30,"audio_tokens":91}}}}"#;

/// Frames of a server: some messages, one in parts with a ping between them.
fn stream() -> Vec<u8> {
    let mut stream = frame(
        TEXT,
        br#"{"type":"session.created","session":{"id":"s","model":"gpt-realtime"}}"#,
    );
    stream.extend(frame(
        TEXT,
        br#"{"type":"response.created","response":{"id":"resp_1"}}"#,
    ));
    let audio = format!(
        r#"{{"type":"response.output_audio.delta","delta":"{}"}}"#,
        "A".repeat(70_000)
    );
    stream.extend(frame(TEXT, audio.as_bytes()));
    let (one, two) = DONE.as_bytes().split_at(100);
    let mut first = frame(TEXT, one);
    first[0] &= 0x7f;
    stream.extend(first);
    stream.extend(frame(9, b"ping"));
    stream.extend(frame(CONTINUATION, two));
    stream
}

fn read(stream: &[u8], at: &[usize]) -> Vec<(String, usize)> {
    let (mut reader, mut seen, mut from) = (Reader::default(), Vec::new(), 0);
    for end in at.iter().copied().chain([stream.len()]) {
        reader.read(&stream[from..end], |event, at| {
            seen.push((format!("{event:?}"), from + at));
            true
        });
        from = end;
    }
    assert!(!reader.is_broken());
    seen
}

#[test]
fn responses_under_any_cut() {
    let stream = stream();
    let whole = read(&stream, &[]);
    assert_eq!(whole.len(), 3, "{whole:?}");
    assert_eq!(whole[0].0, r#"Model("gpt-realtime")"#);
    assert_eq!(whole[1].0, r#"Began("resp_1")"#);
    assert_eq!(whole[2].1, stream.len());
    arbtest(|u| {
        let at = cuts(u, stream.len())?;
        assert_eq!(read(&stream, &at), whole);
        Ok(())
    });
}

#[test]
fn usage_in_its_classes() {
    let mut seen = None;
    Reader::default().read(&frame(TEXT, DONE.as_bytes()), |event, _| {
        if let Event::Ended { usage, reason, .. } = event {
            seen = usage.map(|usage| (usage, reason.into_owned()));
        }
        true
    });
    let (usage, reason) = seen.unwrap();
    assert_eq!(reason, "max_output_tokens");
    assert_eq!((usage.input, usage.output, usage.total), (132, 121, 253));
    let classes = usage.classes();
    assert_eq!((classes.cached_input, classes.audio_input), (64, 13));
    assert_eq!((classes.output, classes.audio_output), (30, 91));
}

#[test]
fn it_stops_where_it_is_told_to() {
    let stream = stream();
    let mut seen = Vec::new();
    Reader::default().read(&stream, |_, at| {
        seen.push(at);
        seen.len() < 2
    });
    let whole = read(&stream, &[]);
    assert_eq!(seen, [whole[0].1, whole[1].1]);
}

#[test]
fn what_cannot_be_read_is_noted() {
    // Compressed; masked.
    for bytes in [[0xc1, 2, 0, 0], [0x81, 0x82, 0, 0]] {
        let mut reader = Reader::default();
        reader.read(&bytes, |_, _| panic!("no event"));
        assert!(reader.is_broken());
    }
    // Larger than the limit: passed over, and what follows is read.
    let mut stream = frame(
        TEXT,
        format!(r#"{{"type":"response.done","x":"{}"}}"#, "x".repeat(LIMIT)).as_bytes(),
    );
    stream.extend(frame(TEXT, DONE.as_bytes()));
    assert_eq!(read(&stream, &[5, 1000]).len(), 1);
}

#[test]
fn no_bytes_panic() {
    arbtest(|u| {
        let bytes: Vec<u8> = u.arbitrary()?;
        Reader::default().read(&bytes, |_, _| true);
        Ok(())
    });
}

#[test]
fn an_end_is_an_error_and_a_close() {
    let frames = end("Budget `team` is used up.");
    assert_eq!((frames[0], frames[1]), (0x81, 126));
    let length = usize::from(u16::from_be_bytes([frames[2], frames[3]]));
    let error: serde_json::Value = serde_json::from_slice(&frames[4..4 + length]).unwrap();
    assert_eq!(error["error"]["code"], "insufficient_quota");
    assert_eq!(frames[4 + length..][..4], [0x88, 20, 0x03, 0xf0]);
}
