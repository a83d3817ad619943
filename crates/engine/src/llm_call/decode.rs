//! Undoes a content coding, for upstreams that code an answer though they were asked not to: for the meter, and for the
//! caller where a stream may have to be changed.
//!
//! What must stay true: what only is metered passes to the caller as it came; memory is bounded whatever the coding
//! expands to.

use crate::body::coding::Coding;
use crate::body::{Body, BodyError};
use bytes::Bytes;
use flate2::write::{GzDecoder, ZlibDecoder};
use http::HeaderMap;
use http_body::Frame;
use std::io::Write;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

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

    /// Whether nothing can be read: the coding is not known, or what came was not in it.
    pub(super) fn is_opaque(&self) -> bool {
        matches!(self, Decoder::Opaque)
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

/// A body without its coding. One that is not in it breaks.
pub(super) fn plain(decoder: Decoder, inner: Body) -> Body {
    Body::Stream(Box::pin(Plain {
        inner,
        decoder,
        coded: Bytes::new(),
    }))
}

struct Plain {
    inner: Body,
    decoder: Decoder,
    /// What came and is not decoded yet.
    coded: Bytes,
}

impl http_body::Body for Plain {
    type Data = Bytes;
    type Error = BodyError;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, BodyError>>> {
        let this = &mut *self;
        loop {
            while !this.coded.is_empty() {
                let step = this.coded.split_to(STEP.min(this.coded.len()));
                let mut decoded = None;
                this.decoder
                    .feed(&step, |plain| decoded = Some(plain.clone()));
                if this.decoder.is_opaque() {
                    let broken = "the answer is not in its content coding";
                    return Poll::Ready(Some(Err(BodyError::Other(broken.to_owned()))));
                }
                if let Some(decoded) = decoded {
                    return Poll::Ready(Some(Ok(Frame::data(decoded))));
                }
            }
            match ready!(Pin::new(&mut this.inner).poll_frame(cx)) {
                Some(Ok(frame)) => match frame.into_data() {
                    Ok(data) => this.coded = data,
                    Err(trailers) => return Poll::Ready(Some(Ok(trailers))),
                },
                other => return Poll::Ready(other),
            }
        }
    }

    fn is_end_stream(&self) -> bool {
        self.coded.is_empty() && self.inner.is_end_stream()
    }
}
