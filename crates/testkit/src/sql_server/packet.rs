//! Messages in packets: MS-TDS 2.2.3.1.
//!
//! What must stay true: a message has a bound.

use super::stream::Stream;
use std::io;

pub(super) const BATCH: u8 = 0x01;
pub(super) const RPC: u8 = 0x03;
pub(super) const ANSWER: u8 = 0x04;
pub(super) const ATTENTION: u8 = 0x06;
pub(super) const LOGIN7: u8 = 0x10;
pub(super) const PRELOGIN: u8 = 0x12;

/// Bytes of a header.
const HEADER: usize = 8;

/// Bytes of a packet, with its header.
pub(super) const SIZE: usize = 4096;

const END: u8 = 0x01;

/// The session begins anew.
const RESET: u8 = 0x08;

/// Most bytes of a message.
const MOST: usize = 16 << 20;

/// A message without its headers.
pub(super) struct Message {
    pub(super) kind: u8,
    /// Whether it resets the session.
    pub(super) resets: bool,
    pub(super) payload: Vec<u8>,
}

/// Reads a whole message.
pub(super) async fn read(stream: &mut Stream) -> io::Result<Message> {
    let mut payload = Vec::new();
    let mut first = None;
    loop {
        let header = stream.read(HEADER).await?;
        let length = usize::from(u16::from_be_bytes([header[2], header[3]]));
        if length < HEADER || payload.len() + length > MOST {
            return Err(io::Error::other("the length of a packet is wrong"));
        }
        let begins = first.is_none();
        let (kind, resets) = *first.get_or_insert((header[0], header[1] & RESET != 0));
        if header[0] != kind || (!begins && header[1] & RESET != 0) {
            return Err(io::Error::other("the packets of a message differ"));
        }
        payload.extend(stream.read(length - HEADER).await?);
        if header[1] & END != 0 {
            return Ok(Message {
                kind,
                resets,
                payload,
            });
        }
    }
}

/// Writes a message.
pub(super) async fn write(stream: &mut Stream, kind: u8, payload: &[u8]) -> io::Result<()> {
    stream.write(&framed(kind, payload)).await
}

/// A message with its headers.
pub(super) fn framed(kind: u8, payload: &[u8]) -> Vec<u8> {
    let mut out = Vec::with_capacity(payload.len() + HEADER);
    let mut parts = payload.chunks(SIZE - HEADER).peekable();
    let mut number = 1u8;
    while let Some(part) = parts.next() {
        let length = ((part.len() + HEADER) as u16).to_be_bytes();
        let status = if parts.peek().is_none() { END } else { 0 };
        out.extend([kind, status, length[0], length[1], 0, 0, number, 0]);
        out.extend_from_slice(part);
        number = number.wrapping_add(1);
    }
    out
}
