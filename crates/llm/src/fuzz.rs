//! Entry points for fuzzing: any bytes go in, and what must hold for every input is asserted.
//!
//! `fuzz/` calls them with coverage guidance, the property tests at the end with random data. Streams begin with how
//! they are cut: a count of up to seven, then so many lengths, which the chunks take by turns.

#[cfg(test)]
mod tests;

use crate::request::{Peek, ask_for_usage};
use crate::sse::{Event, Splitter};
use crate::stream::{HideUsage, Meter};
use crate::{Operation, dialect, prompt, tokens, usage};
use bytes::Bytes;

const OPERATIONS: [Operation; 5] = [
    Operation::ChatCompletions,
    Operation::Completions,
    Operation::Embeddings,
    Operation::Responses,
    Operation::Other,
];

/// A stream and its chunks.
fn chunks(data: &[u8]) -> (Bytes, Vec<Bytes>) {
    let count = data.first().map_or(0, |count| usize::from(count & 7));
    let (lengths, stream) = data.split_at(data.len().min(1 + count));
    let stream = Bytes::copy_from_slice(stream);
    let mut chunks = Vec::new();
    let mut from = 0;
    let mut lengths = lengths.iter().skip(1).cycle();
    while from < stream.len() {
        let length = lengths
            .next()
            .map_or(stream.len(), |length| 1 + usize::from(*length));
        let to = (from + length).min(stream.len());
        chunks.push(stream.slice(from..to));
        from = to;
    }
    (stream, chunks)
}

/// Cuts a stream into events. The bytes of all pieces are the stream, and where it is cut changes nothing.
///
/// # Panics
/// When that does not hold.
pub fn sse(data: &[u8]) {
    let (stream, chunks) = chunks(data);
    let read = |chunks: &[Bytes], limit: usize| {
        let (mut raw, mut events) = (Vec::new(), Vec::new());
        let mut each = |event: &Event| {
            raw.extend_from_slice(&event.raw);
            let event = (
                event.data().map(|data| data.into_owned()),
                event.field("event").map(<[u8]>::to_vec),
            );
            if event != (None, None) {
                events.push(event);
            }
        };
        let (mut splitter, mut looker) = (Splitter::new(limit), Splitter::new(limit));
        for chunk in chunks {
            let mut pieces = Vec::new();
            splitter.push(chunk, |event| {
                each(&event);
                pieces.push((event.raw.to_vec(), event.whole));
            });
            let mut seen = Vec::new();
            looker.look(chunk, |event| seen.push((event.raw.to_vec(), event.whole)));
            assert_eq!(seen, pieces, "who looks sees something else");
        }
        let last = splitter.finish();
        assert_eq!(last, looker.finish());
        if let Some(event) = last {
            each(&event);
        }
        (raw, events)
    };
    let (raw, events) = read(&chunks, usize::MAX);
    assert_eq!(raw, stream);
    let (_, whole) = read(std::slice::from_ref(&stream), usize::MAX);
    assert_eq!(events, whole, "cutting the stream changed its events");
    // An event above the limit passes unread, the bytes are still all there.
    assert_eq!(read(&chunks, 16).0, stream);
}

/// Reads a request's body, asks for usage in it, estimates its prompt. What is asked for can be read again, and the body
/// says nothing else than before.
///
/// # Panics
/// When that does not hold.
pub fn request(data: &[u8]) {
    let text = String::from_utf8_lossy(data);
    let _ = Operation::from_path(&text);
    let _ = dialect::deployment(&text);
    let _ = dialect::model_in_path(&text);
    let Ok(peek) = Peek::new(data) else {
        return;
    };
    let _ = peek.max_output();
    for ignore_system in [false, true] {
        let _ = prompt::prompt_text(&peek, ignore_system);
    }
    for operation in OPERATIONS {
        let estimate = tokens::estimate_prompt(operation, &peek, None);
        // Images, and the fixed parts of messages and tools, are the only tokens without text.
        assert!(
            estimate.tokens <= 1300 * (data.len() as u64 + 1),
            "{estimate:?} for {} bytes",
            data.len()
        );
    }
    let Some(asking) = ask_for_usage(data, &peek) else {
        return;
    };
    let again = Peek::new(&asking).expect("what is sent upstream is an object");
    assert!(again.stream && again.include_usage, "{asking:?}");
    assert_eq!((&again.model, &again.user), (&peek.model, &peek.user));
    assert_eq!(
        (again.max_output_tokens, again.n),
        (peek.max_output_tokens, peek.n)
    );
    let raw = |value: Option<&serde_json::value::RawValue>| value.map(|v| v.get().to_owned());
    assert_eq!(raw(again.messages), raw(peek.messages));
    assert_eq!(raw(again.tools), raw(peek.tools));
    assert!(ask_for_usage(&asking, &again).is_none());
}

/// Meters a stream and a body, and hides the usage chunk. Where they are cut changes neither what is metered nor what
/// passes; without a usage chunk everything passes.
///
/// # Panics
/// When that does not hold.
pub fn stream(data: &[u8]) {
    let (stream, chunks) = chunks(data);
    let whole = std::slice::from_ref(&stream);
    for operation in OPERATIONS {
        let meter = |mut meter: Meter, chunks: &[Bytes]| {
            for chunk in chunks {
                meter.feed(chunk);
            }
            meter.finish(7, "gpt-4o")
        };
        assert_eq!(
            meter(Meter::events(operation), &chunks),
            meter(Meter::events(operation), whole)
        );
        assert_eq!(
            meter(Meter::frames(operation), &chunks),
            meter(Meter::frames(operation), whole)
        );
        // Of embeddings only the end is kept, which is the whole of a short body.
        if operation != Operation::Embeddings || stream.len() < 16 << 10 {
            assert_eq!(
                meter(Meter::body(operation), &chunks),
                meter(Meter::body(operation), whole)
            );
        }
        if let Some((usage, _)) = usage::from_body(operation, &stream) {
            let classes = usage.classes();
            assert_eq!(classes.input_tokens(), usage.input, "{usage:?}");
            assert_eq!(classes.output_tokens(), usage.output, "{usage:?}");
        }
    }
    let hide = |chunks: &[Bytes]| {
        let mut filter = HideUsage::new();
        let mut passed = Vec::new();
        for chunk in chunks {
            for piece in filter.push(chunk.clone()) {
                assert!(!piece.is_empty());
                passed.extend_from_slice(&piece);
            }
        }
        passed.extend(filter.finish().concat());
        (passed, filter.has_hidden())
    };
    let (passed, hidden) = hide(&chunks);
    assert_eq!((&passed, hidden), (&hide(whole).0, hide(whole).1));
    if hidden {
        assert!(passed.len() < stream.len());
    } else if memchr::memmem::find(&stream, b"\"usage\"").is_none() {
        assert_eq!(passed, stream);
    }
}
