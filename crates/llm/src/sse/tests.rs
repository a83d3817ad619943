//! Tests of `sse`: the grammar, and that cutting the stream elsewhere changes nothing.
use arbtest::{arbitrary, arbtest};

use super::*;

#[test]
fn other_data_keeps_the_other_fields() {
    let event = |raw: &str| Event {
        raw: Bytes::from(raw.to_owned()),
        whole: true,
    };
    let with = |raw: &str, data: &str| String::from_utf8(event(raw).with_data(data)).unwrap();
    assert_eq!(
        with(
            "\r\n: note\r\nid: 7\r\ndata: a\r\ndata: b\r\nretry: 5\r\n\r\n",
            "{}"
        ),
        ": note\nid: 7\ndata: {}\nretry: 5\n\n"
    );
    assert_eq!(
        with("event:message\ndata:x\n\n", "a\r\nb\nc\rd"),
        "event:message\ndata: a\ndata: b\ndata: c\ndata: d\n\n"
    );
    assert_eq!(with("id: 1\n\n", "x"), "id: 1\ndata: x\n\n");
    // Two marks: the second line is a field nobody knows, before and after.
    assert_eq!(
        with("\u{feff}\u{feff}data: a\ndata: b\n\n", "x"),
        "\u{feff}\u{feff}data: a\ndata: x\n\n"
    );
    arbtest::arbtest(|u| {
        let raw: String = u.arbitrary()?;
        let data: String = u.arbitrary()?;
        let before = event(&raw);
        let after = Event {
            raw: before.with_data(&data),
            whole: true,
        };
        let same = data.replace("\r\n", "\n").replace('\r', "\n");
        assert_eq!(after.data().unwrap(), same.as_bytes());
        for name in ["event", "id", "retry"] {
            assert_eq!(before.field(name), after.field(name), "{raw:?}");
        }
        Ok(())
    });
}

/// The `data` and the `event` of an event.
type Read = (Option<String>, Option<String>);

/// The events of a stream cut at `cuts`, with the raw bytes joined.
fn split(stream: &[u8], cuts: &[usize], limit: usize) -> (Vec<Read>, Vec<u8>) {
    let mut splitter = Splitter::new(limit);
    let (mut events, mut raw) = (Vec::new(), Vec::new());
    let mut each = |event: Event| {
        raw.extend_from_slice(&event.raw);
        let lossy = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        let read = (
            event.data().map(|data| lossy(&data)),
            event.field("event").map(lossy),
        );
        if read != (None, None) {
            events.push(read);
        }
    };
    let mut from = 0;
    for cut in cuts.iter().copied().chain([stream.len()]) {
        splitter.push(&Bytes::copy_from_slice(&stream[from..cut]), &mut each);
        from = cut;
    }
    if let Some(event) = splitter.finish() {
        each(event);
    }
    (events, raw)
}

fn datas(stream: &str) -> Vec<String> {
    let (events, raw) = split(stream.as_bytes(), &[], 1 << 20);
    assert_eq!(raw, stream.as_bytes());
    events.into_iter().filter_map(|(data, _)| data).collect()
}

#[test]
fn grammar() {
    for (stream, expected) in [
        ("data: a\n\ndata: b\n\n", vec!["a", "b"]),
        ("data:a\r\n\r\ndata:  b\r\rdata\n\n", vec!["a", " b", ""]),
        ("data: a\ndata: b\r\ndata:\n\n", vec!["a\nb\n"]),
        (": ping\n\ndata: a\n\n:x\n\n", vec!["a"]),
        ("\u{feff}data: a\n\n", vec!["a"]),
        ("data: a\n\n\n\n\ndata: b", vec!["a", "b"]),
        ("event: e\nid: 1\n\nDATA: no\ndatax: no\n\n", vec![]),
        ("data: a: b\n\n", vec!["a: b"]),
        ("", vec![]),
        ("\n\r\n\r", vec![]),
    ] {
        assert_eq!(datas(stream), expected, "{stream:?}");
    }
}

#[test]
fn fields_by_name() {
    let event = Event {
        raw: &b"event: x\nid:7\ndata: {}\nevent: message_stop\n\n"[..],
        whole: true,
    };
    assert_eq!(event.field("event"), Some(&b"message_stop"[..]));
    assert_eq!(event.field("id"), Some(&b"7"[..]));
    assert_eq!(event.field("retry"), None);
}

#[test]
fn an_event_in_one_chunk_is_a_slice_of_it() {
    let chunk = Bytes::from_static(b"data: a\n\ndata: b\n\ndata: c");
    let mut splitter = Splitter::default();
    let mut at = 0;
    splitter.push(&chunk, |event| {
        assert_eq!(event.raw.as_ptr(), chunk[at..].as_ptr());
        at += event.raw.len();
    });
    assert_eq!(at, 18);
}

#[test]
fn an_event_leaves_with_its_blank_line() {
    for end in ["\n\n", "\r\r", "\r\n\r"] {
        let mut splitter = Splitter::default();
        let mut seen = 0;
        splitter.push(&Bytes::from(format!("data: a{end}")), |_| seen += 1);
        assert_eq!(seen, 1, "{end:?}");
    }
}

#[test]
fn an_event_above_the_limit_passes_unread_and_the_next_is_read() {
    let stream = format!("data: {}\n\ndata: b\n\n", "x".repeat(100));
    for cuts in [vec![], vec![3], vec![50], vec![3, 50, 107, 108]] {
        let (events, raw) = split(stream.as_bytes(), &cuts, 64);
        assert_eq!(events, [(Some("b".to_owned()), None)], "{cuts:?}");
        assert_eq!(raw, stream.as_bytes());
    }
}

/// A stream made of the bytes that matter to the grammar, and of events.
pub(crate) fn stream(u: &mut arbitrary::Unstructured<'_>) -> arbitrary::Result<Vec<u8>> {
    let mut stream = Vec::new();
    for _ in 0..u.int_in_range(0..=24)? {
        let parts: &[&[u8]] = &[
            b"\n",
            b"\r",
            b"\r\n",
            b"\n\n",
            b"\r\n\r\n",
            b"data: a",
            b"data:b\n",
            b": c",
            b"event: x\r",
            b"\xEF\xBB\xBF",
            b"data: {\"k\":1}\n\n",
            b"data",
            b":",
            b" ",
            b"\xff",
        ];
        let part = u.choose(parts)?;
        stream.extend_from_slice(part);
    }
    Ok(stream)
}

/// Places to cut a stream of this length, in order.
pub(crate) fn cuts(
    u: &mut arbitrary::Unstructured<'_>,
    length: usize,
) -> arbitrary::Result<Vec<usize>> {
    let mut cuts = Vec::new();
    for _ in 0..u.int_in_range(0..=8)? {
        cuts.push(u.int_in_range(0..=length)?);
    }
    cuts.sort_unstable();
    Ok(cuts)
}

#[test]
fn the_same_events_under_any_cut() {
    arbtest(|u| {
        let stream = stream(u)?;
        let cuts = cuts(u, stream.len())?;
        let limit = if u.arbitrary()? { 1 << 20 } else { 12 };
        let (whole, raw) = split(&stream, &[], limit);
        assert_eq!(raw, stream);
        let (cut, raw) = split(&stream, &cuts, limit);
        assert_eq!(raw, stream);
        if limit > stream.len() {
            assert_eq!(
                whole,
                cut,
                "{:?} at {cuts:?}",
                String::from_utf8_lossy(&stream)
            );
        }
        Ok(())
    });
}
