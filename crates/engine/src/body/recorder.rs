//! A copy of an answer, taken while it passes: what caches keep.
//!
//! What must stay true: the answer passes as it comes; the copy is given away only when the answer is whole and not too
//! large; no more than that is ever held.

use super::{Tap, Tapped};
use crate::exchange::{BodyState, Response};
use bytes::{Bytes, BytesMut};

/// Gives the body of a response to `keep`: now when it is in memory, else when it has passed whole. Nothing is given of
/// one that is empty, larger than `largest` bytes, or breaks.
pub(crate) fn record(response: &mut Response, largest: usize, keep: impl FnOnce(Bytes) + 'static) {
    match &mut response.body {
        BodyState::Buffered(body) => {
            if !body.is_empty() && body.len() <= largest {
                // A slice of a larger buffer would keep all of it.
                keep(Bytes::copy_from_slice(body));
            }
        }
        BodyState::Streaming(body) => {
            let body = std::mem::take(body);
            let recorder: Box<dyn Tap> = Box::new(Recorder {
                keep: Some(keep),
                largest,
                first: Bytes::new(),
                rest: BytesMut::new(),
            });
            response.body = BodyState::Streaming(Tapped::wrap(body, vec![recorder]));
        }
        BodyState::None | BodyState::Consumed => {}
    }
}

/// Collects the answer while it passes.
struct Recorder<K> {
    /// Until the answer is given or too large.
    keep: Option<K>,
    largest: usize,
    /// Most answers are one chunk, which is not copied.
    first: Bytes,
    rest: BytesMut,
}

impl<K: FnOnce(Bytes)> Tap for Recorder<K> {
    fn chunk(&mut self, chunk: Bytes) -> Option<Bytes> {
        if self.keep.is_some() {
            if self.first.len() + self.rest.len() + chunk.len() > self.largest {
                self.keep = None;
                (self.first, self.rest) = (Bytes::new(), BytesMut::new());
            } else if self.first.is_empty() {
                self.first = chunk.clone();
            } else {
                self.rest.extend_from_slice(&chunk);
            }
        }
        Some(chunk)
    }

    fn end(&mut self) -> Option<Bytes> {
        if let Some(keep) = self.keep.take()
            && !self.first.is_empty()
        {
            keep([&self.first[..], &self.rest[..]].concat().into());
        }
        None
    }
}
