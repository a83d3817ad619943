//! The elements of a JSON array out of chunks that end anywhere: Gemini's `streamGenerateContent` without `alt=sse`.
//!
//! What must hold: the bytes of all pieces, in order, are the stream; an element is given as soon as its last byte is
//! there; memory is bounded by the limit of an event.

use crate::sse::DEFAULT_LIMIT;

/// A piece of the array.
pub(super) struct Piece<'a> {
    /// Its bytes, with the brackets, commas and blanks before it.
    pub(super) raw: &'a [u8],
    /// What it holds: an element, or nothing but punctuation.
    pub(super) element: Option<&'a [u8]>,
    /// False for a part of an element above the limit.
    pub(super) whole: bool,
}

/// Cuts an array into its elements.
#[derive(Debug, Default)]
pub(super) struct Splitter {
    /// What is here of an element that is not whole yet, with what stands before it.
    pending: Vec<u8>,
    /// Brackets and braces that are open.
    depth: usize,
    /// In a string, and behind a backslash in it.
    text: bool,
    escaped: bool,
    /// A part of the element was given already.
    over: bool,
}

impl Splitter {
    /// Takes the next chunk and gives what it ends.
    pub(super) fn split(&mut self, chunk: &[u8], mut each: impl FnMut(Piece<'_>)) {
        let mut from = 0;
        for (at, byte) in chunk.iter().enumerate() {
            if self.ends(*byte) {
                self.give(&chunk[from..=at], true, &mut each);
                from = at + 1;
            }
        }
        let rest = &chunk[from..];
        if self.over || self.pending.len() + rest.len() > DEFAULT_LIMIT {
            self.over = true;
            self.give(rest, false, &mut each);
        } else {
            self.pending.extend_from_slice(rest);
        }
    }

    /// Whether an element, or the array, ends with this byte.
    fn ends(&mut self, byte: u8) -> bool {
        if self.text {
            match byte {
                _ if self.escaped => self.escaped = false,
                b'\\' => self.escaped = true,
                b'"' => self.text = false,
                _ => {}
            }
            return false;
        }
        match byte {
            b'"' => self.text = true,
            b'{' | b'[' => self.depth += 1,
            b'}' | b']' => {
                self.depth = self.depth.saturating_sub(1);
                return self.depth <= 1;
            }
            _ => {}
        }
        false
    }

    fn give(&mut self, last: &[u8], ends: bool, each: &mut impl FnMut(Piece<'_>)) {
        let held = std::mem::take(&mut self.pending);
        let joined;
        let raw = if held.is_empty() {
            last
        } else {
            joined = [&held[..], last].concat();
            &joined[..]
        };
        let whole = ends && !self.over;
        if ends {
            self.over = false;
        }
        if raw.is_empty() {
            return;
        }
        let element = memchr::memchr(b'{', raw).filter(|_| whole);
        each(Piece {
            raw,
            element: element.map(|at| &raw[at..]),
            whole,
        });
    }

    /// What is held at the end of the stream.
    pub(super) fn finish(&mut self) -> Vec<u8> {
        std::mem::take(&mut self.pending)
    }

    /// Whether nothing is held and no element is open.
    pub(super) fn is_between(&self) -> bool {
        self.pending.is_empty() && self.depth <= 1 && !self.text && !self.over
    }
}
