//! Undoes a content coding for the meter, for upstreams that code an answer though they were asked not to.
//!
//! What must stay true: what passes to the caller stays as it came; memory is bounded whatever the coding expands to.

use crate::body::coding::Coding;
use bytes::Bytes;
use flate2::write::{GzDecoder, ZlibDecoder};
use http::HeaderMap;
use std::io::Write;

/// Bytes decoded at a time: gzip expands a thousandfold at most.
const STEP: usize = 4 << 10;

/// A decoder that is fed chunk by chunk.
pub(super) enum Decoder {
    /// Nothing to undo.
    Identity,
    /// gzip.
    Gzip(Box<GzDecoder<Vec<u8>>>),
    /// deflate, with its zlib frame.
    Deflate(Box<ZlibDecoder<Vec<u8>>>),
    /// A coding that is not known, or an input that is broken: nothing can be read.
    Opaque,
}

impl Decoder {
    /// For a response.
    pub(super) fn new(headers: &HeaderMap) -> Decoder {
        match Coding::of(headers) {
            Coding::Identity => Decoder::Identity,
            Coding::Gzip => Decoder::Gzip(Box::new(GzDecoder::new(Vec::new()))),
            Coding::Deflate => Decoder::Deflate(Box::new(ZlibDecoder::new(Vec::new()))),
            Coding::Unknown => Decoder::Opaque,
        }
    }

    /// Whether chunks pass as they are.
    pub(super) fn is_identity(&self) -> bool {
        matches!(self, Decoder::Identity)
    }

    /// Calls `each` with what a chunk decodes to.
    pub(super) fn feed(&mut self, chunk: &Bytes, mut each: impl FnMut(&Bytes)) {
        if self.is_identity() {
            return each(chunk);
        }
        for step in chunk.chunks(STEP) {
            let decoded = match self {
                Decoder::Gzip(decoder) => decoded(&mut **decoder, step, GzDecoder::get_mut),
                Decoder::Deflate(decoder) => decoded(&mut **decoder, step, ZlibDecoder::get_mut),
                Decoder::Identity | Decoder::Opaque => return,
            };
            match decoded {
                Some(decoded) if decoded.is_empty() => {}
                Some(decoded) => each(&Bytes::from(decoded)),
                None => *self = Decoder::Opaque,
            }
        }
    }
}

fn decoded<D: Write>(
    decoder: &mut D,
    step: &[u8],
    out: impl Fn(&mut D) -> &mut Vec<u8>,
) -> Option<Vec<u8>> {
    decoder.write_all(step).ok()?;
    decoder.flush().ok()?;
    Some(std::mem::take(out(decoder)))
}
