//! Amazon's event streams (`application/vnd.amazon.eventstream`) out of chunks that end anywhere, and frames of our own.
//!
//! Called by the stream meter and by what ends streams, for Bedrock. A frame is: its length and that of its headers (four bytes each, big
//! endian), a checksum of the two, the headers, the payload, a checksum of the whole. What must hold: frames are the
//! same however the stream is cut; memory is bounded by [`LIMIT`]; a stream that is no event stream is passed over
//! after its first eight bytes. Checksums are left to the caller's SDK: what is read here is only counted.

#[cfg(test)]
pub(crate) mod tests;

use std::borrow::Cow;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use crate::json;

/// Frames above this are passed over unread. Bedrock's are some kilobytes.
pub const LIMIT: usize = 1 << 20;

const PRELUDE: usize = 12;
const CHECKSUM: usize = 4;

/// One frame.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Frame<'a> {
    /// All of its bytes.
    pub raw: &'a [u8],
    headers: &'a [u8],
    /// What it carries; JSON, from Bedrock.
    pub payload: &'a [u8],
}

impl<'a> Frame<'a> {
    /// The JSON of its event: the payload, or what a `chunk` of `InvokeModelWithResponseStream` holds, the model's own event.
    /// `None` when that cannot be read.
    #[must_use]
    pub fn event(&self) -> Option<Cow<'a, [u8]>> {
        if self.header(":event-type") != Some(b"chunk") {
            return Some(Cow::Borrowed(self.payload));
        }
        let mut decoded = Some(Vec::new());
        json::members(self.payload, |name, value| {
            if name == "bytes" {
                decoded = json::text(value).and_then(|text| STANDARD.decode(text.as_bytes()).ok());
            }
        })
        .ok()?;
        decoded.map(Cow::Owned)
    }

    /// The value of a header that is a text, as `:event-type`.
    #[must_use]
    pub fn header(&self, name: &str) -> Option<&'a [u8]> {
        let mut rest = self.headers;
        while let Some((&length, after)) = rest.split_first() {
            let (found, after) = after.split_at_checked(usize::from(length))?;
            let (&kind, after) = after.split_first()?;
            let size = match kind {
                0 | 1 => 0,
                2 => 1,
                3 => 2,
                4 => 4,
                5 | 8 => 8,
                9 => 16,
                6 | 7 => {
                    let (length, after) = after.split_first_chunk::<2>()?;
                    let (value, after) =
                        after.split_at_checked(usize::from(u16::from_be_bytes(*length)))?;
                    if kind == 7 && found == name.as_bytes() {
                        return Some(value);
                    }
                    rest = after;
                    continue;
                }
                _ => return None,
            };
            rest = after.get(size..)?;
        }
        None
    }
}

/// What a stream is cut into.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Piece<'a> {
    /// A whole frame.
    Frame(Frame<'a>),
    /// Bytes that cannot be read: a part of a frame above the limit, or what follows lengths that make no sense.
    Rest(&'a [u8]),
}

/// Cuts a stream into frames.
#[derive(Debug, Default)]
pub struct Splitter {
    /// The frame that is not whole yet.
    pending: Vec<u8>,
    /// Bytes to come of a frame above the limit.
    skip: usize,
    /// Lengths did not make sense: where the next frame begins is not known any more.
    broken: bool,
}

impl Splitter {
    /// Takes the next chunk and shows the frames that it ends.
    pub fn look(&mut self, chunk: &[u8], mut each: impl FnMut(Frame<'_>)) {
        self.split(chunk, |piece| {
            if let Piece::Frame(frame) = piece {
                each(frame);
            }
        });
    }

    /// Takes the next chunk and gives everything that it ends; a frame that is not whole yet is held.
    pub fn split(&mut self, mut chunk: &[u8], mut each: impl FnMut(Piece<'_>)) {
        while !chunk.is_empty() {
            if self.broken {
                return each(Piece::Rest(chunk));
            }
            if self.skip > 0 {
                let (skipped, rest) = chunk.split_at(self.skip.min(chunk.len()));
                self.skip -= skipped.len();
                chunk = rest;
                each(Piece::Rest(skipped));
                continue;
            }
            if !self.pending.is_empty() {
                // Up to the end of the prelude, which says how much more there is.
                let wanted = match frame_length(&self.pending) {
                    None => PRELUDE - self.pending.len(),
                    Some(length) => match self.measure(length) {
                        Some(length) => length - self.pending.len(),
                        None => {
                            each(Piece::Rest(&std::mem::take(&mut self.pending)));
                            continue;
                        }
                    },
                };
                let taken = wanted.min(chunk.len());
                self.pending.extend_from_slice(&chunk[..taken]);
                chunk = &chunk[taken..];
                if self.pending.len() >= PRELUDE + CHECKSUM
                    && frame_length(&self.pending) == Some(self.pending.len())
                {
                    let whole = std::mem::take(&mut self.pending);
                    self.show(&whole, &mut each);
                    self.pending = whole;
                    self.pending.clear();
                }
                continue;
            }
            match frame_length(chunk) {
                None => {
                    self.pending.extend_from_slice(chunk);
                    return;
                }
                Some(length) => {
                    let Some(length) = self.measure(length) else {
                        continue;
                    };
                    if chunk.len() < length {
                        self.pending.extend_from_slice(chunk);
                        return;
                    }
                    self.show(&chunk[..length], &mut each);
                    chunk = &chunk[length..];
                }
            }
        }
    }

    /// What is held of a frame that never became whole.
    pub fn finish(&mut self) -> Vec<u8> {
        std::mem::take(&mut self.pending)
    }

    /// Whether the next byte begins a frame.
    #[must_use]
    pub fn is_between(&self) -> bool {
        self.pending.is_empty() && self.skip == 0 && !self.broken
    }

    /// The length of a frame that is to be read; `None` when it is to be skipped, or when there is nothing more to read.
    fn measure(&mut self, length: usize) -> Option<usize> {
        if length < PRELUDE + CHECKSUM {
            self.broken = true;
            return None;
        }
        if length > LIMIT {
            self.skip = length - self.pending.len();
            return None;
        }
        Some(length)
    }

    fn show(&mut self, raw: &[u8], each: &mut impl FnMut(Piece<'_>)) {
        let body = &raw[PRELUDE..raw.len() - CHECKSUM];
        let length = u32::from_be_bytes([raw[4], raw[5], raw[6], raw[7]]) as usize;
        match body.split_at_checked(length) {
            Some((headers, payload)) => each(Piece::Frame(Frame {
                raw,
                headers,
                payload,
            })),
            None => {
                self.broken = true;
                each(Piece::Rest(raw));
            }
        }
    }
}

/// A frame with headers that are texts, and both checksums. `None` when it is larger than a frame can be.
#[must_use]
pub fn frame(headers: &[(&str, &str)], payload: &[u8]) -> Option<Vec<u8>> {
    const TEXT: u8 = 7;
    let mut coded = Vec::new();
    for (name, value) in headers {
        coded.push(u8::try_from(name.len()).ok()?);
        coded.extend_from_slice(name.as_bytes());
        coded.push(TEXT);
        coded.extend_from_slice(&u16::try_from(value.len()).ok()?.to_be_bytes());
        coded.extend_from_slice(value.as_bytes());
    }
    let length = PRELUDE + coded.len() + payload.len() + CHECKSUM;
    let mut frame = Vec::with_capacity(length);
    frame.extend_from_slice(&u32::try_from(length).ok()?.to_be_bytes());
    frame.extend_from_slice(&u32::try_from(coded.len()).ok()?.to_be_bytes());
    frame.extend_from_slice(&crc32fast::hash(&frame).to_be_bytes());
    frame.extend_from_slice(&coded);
    frame.extend_from_slice(payload);
    frame.extend_from_slice(&crc32fast::hash(&frame).to_be_bytes());
    Some(frame)
}

/// The length that a frame gives itself; `None` before its prelude is whole.
fn frame_length(bytes: &[u8]) -> Option<usize> {
    let prelude = bytes.get(..PRELUDE)?;
    Some(u32::from_be_bytes([prelude[0], prelude[1], prelude[2], prelude[3]]) as usize)
}
