//! Takes the usage out of a stream whose caller did not ask for it.
//!
//! That is the chunk with empty `choices` and a `usage` object, and the member `"usage":null` at the end of every other
//! chunk, which the provider sends only because the gateway set `include_usage`. What must hold: every other byte passes
//! unchanged and in order; a complete event is never held back; nothing is copied: a chunk leaves as slices of itself.
//! Azure's first chunk (empty `choices`, `prompt_filter_results`, no usage) stays. A null that is not the outermost
//! object's last member (but for `obfuscation`) is not the provider's addition, and stays.

use std::sync::LazyLock;

use bytes::Bytes;
use memchr::memmem::Finder;
use smallvec::SmallVec;

use crate::json;
use crate::sse::{self, Event, Splitter};
use crate::usage::Found;

pub(super) static USAGE: LazyLock<Finder<'static>> = LazyLock::new(|| Finder::new("\"usage\""));

/// The chunks to send on. Usually one: the chunk that came in.
pub type Passed = SmallVec<[Bytes; 2]>;

/// Removes the usage chunk from a chat completions or completions stream.
#[derive(Debug, Default)]
pub struct HideUsage {
    splitter: Splitter,
    /// An event was taken out whose last byte was CR: the LF that may follow belongs to it.
    dropped_cr: bool,
    /// An event was passed whose last byte was CR: the LF that may follow belongs to it, not to the event it comes with.
    passed_cr: bool,
    hidden: bool,
}

impl HideUsage {
    /// A filter that holds at most [`sse::DEFAULT_LIMIT`] bytes of an event that is split over chunks; of a larger one
    /// nothing is held or removed.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Whether a usage chunk was taken out.
    #[must_use]
    pub fn has_hidden(&self) -> bool {
        self.hidden
    }

    /// Takes the next chunk and returns what to send on, possibly nothing.
    pub fn push(&mut self, mut chunk: Bytes) -> Passed {
        if chunk.is_empty() {
            return Passed::new();
        }
        if std::mem::take(&mut self.dropped_cr) && chunk[0] == b'\n' {
            chunk = chunk.slice(1..);
        }
        // The usual chunk: whole events, none with a usage object.
        if self.splitter.is_between() && ends_event(&chunk) && !has_usage_object(&chunk) {
            self.passed_cr = false;
            let mut passed = Passed::new();
            push_without_null(&mut passed, chunk);
            return passed;
        }
        let mut passed = Passed::new();
        // Neighbouring events of the chunk leave as one slice of it.
        let mut run: Option<(usize, usize)> = None;
        let base = chunk.as_ptr() as usize;
        let (hidden, dropped_cr) = (&mut self.hidden, &mut self.dropped_cr);
        let passed_cr = &mut self.passed_cr;
        self.splitter.push(&chunk, |event| {
            *dropped_cr = false;
            let ends_in_cr = event.raw.last() == Some(&b'\r');
            if is_usage_chunk(&event) {
                *hidden = true;
                *dropped_cr = ends_in_cr;
                if std::mem::take(passed_cr) && event.raw.first() == Some(&b'\n') {
                    passed.push(Bytes::from_static(b"\n"));
                }
                return;
            }
            *passed_cr = ends_in_cr;
            let start = (event.raw.as_ptr() as usize).wrapping_sub(base);
            let inside = start < chunk.len() && event.raw.len() <= chunk.len() - start;
            match (&mut run, inside) {
                (Some((_, end)), true) if *end == start => *end = start + event.raw.len(),
                (_, true) => {
                    if let Some((from, to)) = run.replace((start, start + event.raw.len())) {
                        push_without_null(&mut passed, chunk.slice(from..to));
                    }
                }
                (_, false) => {
                    if let Some((from, to)) = run.take() {
                        push_without_null(&mut passed, chunk.slice(from..to));
                    }
                    push_without_null(&mut passed, event.raw);
                }
            }
        });
        if let Some((from, to)) = run {
            push_without_null(&mut passed, chunk.slice(from..to));
        }
        // Only when the removed event ended the chunk can the rest of its CRLF still come.
        self.dropped_cr &= self.splitter.is_between();
        passed
    }

    /// What was held when the stream ended.
    pub fn finish(&mut self) -> Passed {
        let mut passed = Passed::new();
        match self.splitter.finish() {
            Some(event) if is_usage_chunk(&event) => self.hidden = true,
            Some(event) => push_without_null(&mut passed, event.raw),
            None => {}
        }
        passed
    }
}

fn ends_event(chunk: &[u8]) -> bool {
    chunk.ends_with(b"\n\n") || chunk.ends_with(b"\r\n\r\n")
}

/// Whether a member `usage` that is an object stands anywhere in these bytes.
pub(super) fn has_usage_object(bytes: &[u8]) -> bool {
    let mut from = 0;
    while let Some(at) = json::value_of(bytes, &USAGE, from) {
        if bytes.get(at) == Some(&b'{') {
            return true;
        }
        from = at;
    }
    false
}

/// Sends events on without the nulls.
fn push_without_null(passed: &mut Passed, events: Bytes) {
    let mut from = 0;
    while let Some((start, end)) = null_member(&events, from) {
        if start > from {
            passed.push(events.slice(from..start));
        }
        from = end;
    }
    if from == 0 {
        passed.push(events);
    } else if from < events.len() {
        passed.push(events.slice(from..));
    }
}

/// Where the next `,"usage":null` stands at the end of an event's object.
fn null_member(bytes: &[u8], mut from: usize) -> Option<(usize, usize)> {
    const NULL: &[u8] = b"null";
    loop {
        let name = from + USAGE.find(bytes.get(from..)?)?;
        from = name + USAGE.needle().len();
        let Some(value) = json::value_after_name(bytes, name, from) else {
            continue;
        };
        // All on one line: on another one is another event, or a part of one.
        if memchr::memchr2(b'\n', b'\r', &bytes[name..value]).is_some() {
            continue;
        }
        let before = &bytes[..name - blanks(bytes[..name].iter().rev())];
        let Some(after) = bytes.get(value..).and_then(|rest| rest.strip_prefix(NULL)) else {
            continue;
        };
        let last = match &after[blanks(after.iter())..] {
            [b'}', rest @ ..] => matches!(rest.first(), None | Some(b'\r' | b'\n')),
            rest => rest.starts_with(b",\"obfuscation\""),
        };
        if last && before.ends_with(b",") {
            return Some((before.len() - 1, value + NULL.len()));
        }
    }
}

/// How many bytes are blank until one is not.
fn blanks<'a>(bytes: impl Iterator<Item = &'a u8>) -> usize {
    bytes
        .take_while(|byte| matches!(byte, b' ' | b'\t'))
        .count()
}

fn is_usage_chunk(event: &Event) -> bool {
    if !event.whole || !has_usage_object(&event.raw) {
        return false;
    }
    let Some(data) = sse::data(&event.raw) else {
        return false;
    };
    let mut found = Found::default();
    json::members(&data, |name, value| found.member(name, value)).is_ok()
        && found.no_choices
        && found.counts.usage().is_some()
}
