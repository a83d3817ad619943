//! Amazon's event streams (`application/vnd.amazon.eventstream`) out of chunks that end anywhere.
//!
//! Called by the stream meter for Bedrock. A frame is: its length and that of its headers (four bytes each, big
//! endian), a checksum of the two, the headers, the payload, a checksum of the whole. What must hold: frames are the
//! same however the stream is cut; memory is bounded by [`LIMIT`]; a stream that is no event stream is passed over
//! after its first eight bytes. Checksums are left to the caller's SDK: what is read here is only counted.

#[cfg(test)]
pub(crate) mod tests;

/// Frames above this are passed over unread. Bedrock's are some kilobytes.
pub const LIMIT: usize = 1 << 20;

const PRELUDE: usize = 12;
const CHECKSUM: usize = 4;

/// One frame.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Frame<'a> {
    headers: &'a [u8],
    /// What it carries; JSON, from Bedrock.
    pub payload: &'a [u8],
}

impl<'a> Frame<'a> {
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
    pub fn look(&mut self, mut chunk: &[u8], mut each: impl FnMut(Frame<'_>)) {
        while !chunk.is_empty() && !self.broken {
            if self.skip > 0 {
                let skipped = self.skip.min(chunk.len());
                self.skip -= skipped;
                chunk = &chunk[skipped..];
                continue;
            }
            if !self.pending.is_empty() {
                // Up to the end of the prelude, which says how much more there is.
                let wanted = match frame_length(&self.pending) {
                    None => PRELUDE - self.pending.len(),
                    Some(length) => match self.measure(length) {
                        Some(length) => length - self.pending.len(),
                        None => continue,
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

    /// The length of a frame that is to be read; `None` when it is to be skipped, or when there is nothing more to read.
    fn measure(&mut self, length: usize) -> Option<usize> {
        if length < PRELUDE + CHECKSUM {
            self.broken = true;
            return None;
        }
        if length > LIMIT {
            self.skip = length - self.pending.len();
            self.pending = Vec::new();
            return None;
        }
        Some(length)
    }

    fn show(&mut self, frame: &[u8], each: &mut impl FnMut(Frame<'_>)) {
        let body = &frame[PRELUDE..frame.len() - CHECKSUM];
        let length = u32::from_be_bytes([frame[4], frame[5], frame[6], frame[7]]) as usize;
        match body.split_at_checked(length) {
            Some((headers, payload)) => each(Frame { headers, payload }),
            None => self.broken = true,
        }
    }
}

/// The length that a frame gives itself; `None` before its prelude is whole.
fn frame_length(bytes: &[u8]) -> Option<usize> {
    let prelude = bytes.get(..PRELUDE)?;
    Some(u32::from_be_bytes([prelude[0], prelude[1], prelude[2], prelude[3]]) as usize)
}
