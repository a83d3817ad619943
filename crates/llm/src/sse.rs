//! Server-sent events out of chunks that end anywhere.
//!
//! Called by the stream meters here and by whoever rewrites events (MCP). Grammar: the HTML standard's "event stream".
//! What must hold: the raw bytes of all pieces, in order, are the stream; the whole events are the same however the
//! stream is cut; no event is held back once its blank line is seen; memory is bounded by the limit.

#[cfg(test)]
pub(crate) mod tests;

use std::borrow::Cow;

use bytes::{Bytes, BytesMut};
use memchr::{memchr, memchr2};

/// The event size limit unless another is given: 1 MiB, above any event of the known providers.
pub const DEFAULT_LIMIT: usize = 1 << 20;

/// One piece of the stream.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Event<B = Bytes> {
    /// The bytes as they came, with the blank line that ends the event (or without, at the end of the stream), and with
    /// blank lines before it.
    pub raw: B,
    /// False for a part of an event above the limit: pass it on, it cannot be read.
    pub whole: bool,
}

impl<B: AsRef<[u8]>> Event<B> {
    /// The `data` of the event, its lines joined by LF; `None` when it has none (a comment, a keep-alive).
    #[must_use]
    pub fn data(&self) -> Option<Cow<'_, [u8]>> {
        if self.whole {
            data(self.raw.as_ref())
        } else {
            None
        }
    }

    /// The last value of another field: `event`, `id` or `retry`.
    #[must_use]
    pub fn field(&self, name: &str) -> Option<&[u8]> {
        if !self.whole {
            return None;
        }
        fields(self.raw.as_ref())
            .filter(|(field, _)| *field == name.as_bytes())
            .last()
            .map(|(_, value)| value)
    }
}

impl<B: AsRef<[u8]>> Event<B> {
    /// The event with other data: its other fields and comments stay, each on a line of its own.
    #[must_use]
    pub fn with_data(&self, data: &str) -> Vec<u8> {
        let raw = self.raw.as_ref();
        let mut out = Vec::with_capacity(raw.len() + data.len() + 16);
        // What opens the stream stays: without its mark, a second one would become the first.
        out.extend_from_slice(&raw[..opening(raw)]);
        let mut written = false;
        let mut write = |out: &mut Vec<u8>| {
            if std::mem::replace(&mut written, true) {
                return;
            }
            for line in data.replace("\r\n", "\n").split(['\n', '\r']) {
                out.extend_from_slice(b"data: ");
                out.extend_from_slice(line.as_bytes());
                out.push(b'\n');
            }
        };
        for line in lines(raw) {
            let name = &line[..memchr(b':', line).unwrap_or(line.len())];
            if name == b"data" {
                write(&mut out);
            } else {
                out.extend_from_slice(line);
                out.push(b'\n');
            }
        }
        write(&mut out);
        out.push(b'\n');
        out
    }
}

/// Bytes before the first line when a byte order mark is there. One may only open the stream; elsewhere it would make a
/// field nobody knows, so it does no harm here. Blank lines before it do not count: whether they came with this event
/// depends on where the stream was cut.
fn opening(raw: &[u8]) -> usize {
    const MARK: &[u8] = b"\xEF\xBB\xBF";
    let blank = raw
        .iter()
        .take_while(|b| matches!(b, b'\n' | b'\r'))
        .count();
    match raw[blank..].starts_with(MARK) {
        true => blank + MARK.len(),
        false => 0,
    }
}

/// The lines of one raw event that are not blank, without their ends.
fn lines(raw: &[u8]) -> impl Iterator<Item = &[u8]> {
    let mut rest = &raw[opening(raw)..];
    std::iter::from_fn(move || {
        while !rest.is_empty() {
            let end = memchr2(b'\n', b'\r', rest).unwrap_or(rest.len());
            let line = &rest[..end];
            rest = &rest[(end + 1).min(rest.len())..];
            if !line.is_empty() {
                return Some(line);
            }
        }
        None
    })
}

/// The `data` of one raw event.
pub(crate) fn data(raw: &[u8]) -> Option<Cow<'_, [u8]>> {
    let mut lines = fields(raw)
        .filter(|(name, _)| *name == b"data")
        .map(|(_, value)| value);
    let first = lines.next()?;
    let Some(second) = lines.next() else {
        return Some(Cow::Borrowed(first));
    };
    let mut joined = first.to_vec();
    for line in std::iter::once(second).chain(lines) {
        joined.push(b'\n');
        joined.extend_from_slice(line);
    }
    Some(Cow::Owned(joined))
}

/// The fields of one raw event, in order, comments and blank lines left out.
pub(crate) fn fields(raw: &[u8]) -> impl Iterator<Item = (&[u8], &[u8])> {
    lines(raw).filter_map(|line| match memchr(b':', line) {
        Some(0) => None,
        Some(colon) => {
            let value = &line[colon + 1..];
            Some((&line[..colon], value.strip_prefix(b" ").unwrap_or(value)))
        }
        None => Some((line, &[][..])),
    })
}

/// Cuts a stream into events.
#[derive(Debug)]
pub struct Splitter {
    /// What is here of an event that began in an earlier chunk.
    pending: BytesMut,
    limit: usize,
    lines: Lines,
    /// The present event is above the limit; what comes of it passes at once.
    oversize: bool,
}

impl Default for Splitter {
    fn default() -> Self {
        Self::new(DEFAULT_LIMIT)
    }
}

impl Splitter {
    /// A splitter that holds at most `limit` bytes of one event. An event above that passes in pieces marked as not
    /// whole; the next event is whole again.
    #[must_use]
    pub fn new(limit: usize) -> Self {
        Self {
            pending: BytesMut::new(),
            limit,
            lines: Lines::default(),
            oversize: false,
        }
    }

    /// Whether the next byte begins an event and nothing is held.
    pub(crate) fn is_between(&self) -> bool {
        self.pending.is_empty() && !self.oversize && !self.lines.content
    }

    /// Takes the next chunk and hands over the events that it ends. An event inside one chunk is a slice of it, without
    /// a copy.
    pub fn push(&mut self, chunk: &Bytes, mut each: impl FnMut(Event)) {
        self.split(chunk, |piece| {
            each(match piece {
                Piece::Here(from, to, whole) => Event {
                    raw: chunk.slice(from..to),
                    whole,
                },
                Piece::Joined(raw, whole) => Event {
                    raw: Bytes::copy_from_slice(raw),
                    whole,
                },
            });
        });
    }

    /// As [`push`](Self::push), for who only looks: nothing is counted or copied for an event inside one chunk.
    pub fn look(&mut self, chunk: &[u8], mut each: impl FnMut(Event<&[u8]>)) {
        self.split(chunk, |piece| {
            each(match piece {
                Piece::Here(from, to, whole) => Event {
                    raw: &chunk[from..to],
                    whole,
                },
                Piece::Joined(raw, whole) => Event { raw, whole },
            });
        });
    }

    /// What is left at the end of the stream: an event without its blank line, whole by the leniency of every client,
    /// or blank lines.
    pub fn finish(&mut self) -> Option<Event> {
        let raw = std::mem::take(&mut self.pending).freeze();
        self.lines = Lines::default();
        self.oversize = false;
        (!raw.is_empty()).then_some(Event { raw, whole: true })
    }

    fn split(&mut self, chunk: &[u8], mut each: impl FnMut(Piece<'_>)) {
        let mut from = 0;
        while let Some(end) = self.lines.event_end(chunk, from) {
            let size = end - from;
            if self.oversize {
                self.oversize = false;
                each(Piece::Here(from, end, false));
            } else if self.pending.is_empty() {
                each(Piece::Here(from, end, size <= self.limit));
            } else {
                let whole = self.pending.len() + size <= self.limit;
                if whole {
                    self.pending.extend_from_slice(&chunk[from..end]);
                }
                each(Piece::Joined(&self.pending, whole));
                if !whole {
                    each(Piece::Here(from, end, false));
                }
                self.pending.clear();
            }
            from = end;
        }
        let tail = &chunk[from..];
        if tail.is_empty() {
            return;
        }
        if !self.oversize && self.pending.len() + tail.len() > self.limit {
            self.oversize = true;
            if !self.pending.is_empty() {
                each(Piece::Joined(&self.pending, false));
                self.pending = BytesMut::new();
            }
        }
        if self.oversize {
            each(Piece::Here(from, chunk.len(), false));
        } else {
            self.pending.extend_from_slice(tail);
        }
    }
}

enum Piece<'a> {
    /// A range of the chunk at hand, and whether it is a whole event.
    Here(usize, usize, bool),
    Joined(&'a [u8], bool),
}

/// Where events end. Blank lines before an event belong to it, so that the LF of a CRLF whose CR ended the event in the
/// chunk before needs no waiting for.
#[derive(Debug)]
struct Lines {
    /// Nothing of the present line has come yet.
    fresh: bool,
    /// The present event has a line that is not blank.
    content: bool,
    /// The last byte was a CR that ended a line: a LF next belongs to it.
    after_cr: bool,
}

impl Default for Lines {
    fn default() -> Self {
        Self {
            fresh: true,
            content: false,
            after_cr: false,
        }
    }
}

impl Lines {
    /// The end of the event that is open at `from`, when it ends in this chunk.
    fn event_end(&mut self, chunk: &[u8], from: usize) -> Option<usize> {
        let mut at = from;
        if at < chunk.len() && std::mem::take(&mut self.after_cr) && chunk[at] == b'\n' {
            at += 1;
        }
        while at < chunk.len() {
            let Some(length) = memchr2(b'\n', b'\r', &chunk[at..]) else {
                self.fresh = false;
                self.content = true;
                return None;
            };
            let blank = length == 0 && self.fresh;
            self.fresh = true;
            at += length + 1;
            if chunk[at - 1] == b'\r' {
                match chunk.get(at) {
                    Some(b'\n') => at += 1,
                    Some(_) => {}
                    None => self.after_cr = true,
                }
            }
            if !blank {
                self.content = true;
            } else if std::mem::take(&mut self.content) {
                return Some(at);
            }
        }
        None
    }
}
