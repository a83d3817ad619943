//! Frames: how records lie in a segment, so that a reader finds its way again behind a torn part.
//!
//! A segment begins with a [`Header`]; then frames follow: two bytes that mark one, the payload's length (16 bits), a
//! CRC-32 of length and payload, the payload. Numbers are little-endian. What must stay true: a payload that the checksum
//! does not fit is never given out; reading holds one buffer and ends on any bytes.

use std::io::{self, Read};
use std::ops::Range;

/// Marks a frame.
const MARK: [u8; 2] = [0xD5, 0x1E];

/// Bytes before a payload.
pub const OVERHEAD: usize = 8;

/// Most bytes of a payload.
pub const MOST: usize = 16 << 10;

/// Bytes at the beginning of a segment.
pub const HEADER: usize = 32;

/// Marks a segment.
const SEGMENT: [u8; 8] = *b"TollLedg";

/// The version of the files that this writes. A reader reads every version up to its own, and the frames of a later one:
/// what they hold is additive.
pub const VERSION: u16 = 1;

/// The beginning of a segment: who wrote it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Header {
    /// The number of the process start: grows from start to start.
    pub process: u64,
    /// The thread in it.
    pub thread: u16,
}

impl Header {
    /// As bytes.
    #[must_use]
    pub fn encode(&self) -> [u8; HEADER] {
        let mut bytes = [0; HEADER];
        bytes[..8].copy_from_slice(&SEGMENT);
        bytes[8..10].copy_from_slice(&VERSION.to_le_bytes());
        bytes[10..12].copy_from_slice(&self.thread.to_le_bytes());
        bytes[12..20].copy_from_slice(&self.process.to_le_bytes());
        let check = crc32fast::hash(&bytes[..HEADER - 4]);
        bytes[HEADER - 4..].copy_from_slice(&check.to_le_bytes());
        bytes
    }

    /// From bytes; `None` when they are none.
    #[must_use]
    pub fn decode(bytes: &[u8]) -> Option<Header> {
        let bytes = bytes.get(..HEADER)?;
        let (head, check) = bytes.split_at(HEADER - 4);
        if head[..8] != SEGMENT || crc32fast::hash(head).to_le_bytes() != check {
            return None;
        }
        Some(Header {
            thread: u16::from_le_bytes(head[10..12].try_into().ok()?),
            process: u64::from_le_bytes(head[12..20].try_into().ok()?),
        })
    }
}

/// Appends a frame whose payload `fill` appends. A payload above [`MOST`] makes none: gives false.
pub fn append(buffer: &mut Vec<u8>, fill: impl FnOnce(&mut Vec<u8>)) -> bool {
    let start = buffer.len();
    buffer.extend_from_slice(&MARK);
    buffer.extend_from_slice(&[0; OVERHEAD - 2]);
    fill(buffer);
    let length = buffer.len() - start - OVERHEAD;
    let Some(length) = u16::try_from(length).ok().filter(|_| length <= MOST) else {
        buffer.truncate(start);
        return false;
    };
    buffer[start + 2..start + 4].copy_from_slice(&length.to_le_bytes());
    let check = checksum(length, &buffer[start + OVERHEAD..]);
    buffer[start + 4..start + OVERHEAD].copy_from_slice(&check.to_le_bytes());
    true
}

fn checksum(length: u16, payload: &[u8]) -> u32 {
    let mut hasher = crc32fast::Hasher::new();
    hasher.update(&length.to_le_bytes());
    hasher.update(payload);
    hasher.finalize()
}

/// Reads frames one after another.
pub struct Frames<R> {
    from: R,
    buffer: Vec<u8>,
    /// What of the buffer is read and not yet given out.
    unread: Range<usize>,
    ended: bool,
    skipped: u64,
    damaged: u64,
    lost: bool,
}

/// Bytes read at a time.
const CHUNK: usize = 64 << 10;

impl<R: Read> Frames<R> {
    /// Reads what comes behind a segment's header.
    pub fn new(from: R) -> Frames<R> {
        Frames {
            from,
            buffer: vec![0; CHUNK],
            unread: 0..0,
            ended: false,
            skipped: 0,
            damaged: 0,
            lost: false,
        }
    }

    /// Bytes that were no whole frame.
    #[must_use]
    pub fn skipped(&self) -> u64 {
        self.skipped
    }

    /// Places at which bytes had to be skipped.
    #[must_use]
    pub fn damaged(&self) -> u64 {
        self.damaged
    }

    /// The first `count` unread bytes, or fewer at the end.
    fn peek(&mut self, count: usize) -> io::Result<&[u8]> {
        if self.unread.len() < count && !self.ended {
            if self.buffer.len() - self.unread.start < count {
                self.buffer.copy_within(self.unread.clone(), 0);
                self.unread = 0..self.unread.len();
            }
            while self.unread.len() < count {
                match self.from.read(&mut self.buffer[self.unread.end..]) {
                    Ok(0) => {
                        self.ended = true;
                        break;
                    }
                    Ok(read) => self.unread.end += read,
                    Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                    Err(error) => return Err(error),
                }
            }
        }
        let end = self.unread.end.min(self.unread.start + count);
        Ok(&self.buffer[self.unread.start..end])
    }

    /// The next payload; `None` at the end.
    ///
    /// # Errors
    /// Those of reading.
    pub fn payload(&mut self) -> io::Result<Option<&[u8]>> {
        loop {
            let head = self.peek(OVERHEAD)?;
            if head.is_empty() {
                return Ok(None);
            }
            if let Some(length) = payload_length(head) {
                let check = u32::from_le_bytes([head[4], head[5], head[6], head[7]]);
                let frame = self.peek(OVERHEAD + usize::from(length))?;
                if let Some(payload) = frame.get(OVERHEAD..OVERHEAD + usize::from(length))
                    && checksum(length, payload) == check
                {
                    let start = self.unread.start + OVERHEAD;
                    self.unread.start = start + usize::from(length);
                    self.lost = false;
                    return Ok(Some(&self.buffer[start..self.unread.start]));
                }
            }
            self.skip();
        }
    }

    /// Passes over a byte that begins no frame, and those behind it that cannot.
    fn skip(&mut self) {
        let rest = &self.buffer[self.unread.start + 1..self.unread.end];
        let count = 1 + memchr::memchr(MARK[0], rest).unwrap_or(rest.len());
        self.unread.start += count;
        self.skipped += count as u64;
        if !std::mem::replace(&mut self.lost, true) {
            self.damaged += 1;
        }
    }
}

/// The payload's length that a frame's head tells.
fn payload_length(head: &[u8]) -> Option<u16> {
    let head = head.get(..OVERHEAD).filter(|head| head[..2] == MARK)?;
    let length = u16::from_le_bytes([head[2], head[3]]);
    (usize::from(length) <= MOST).then_some(length)
}
