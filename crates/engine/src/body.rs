//! Message bodies: streamed unless a policy reads them.
//!
//! What must stay true: data passes as `Bytes` without copies; taps see every chunk once and never hold one back
//! longer than they must.

pub mod coding;
pub(crate) mod recorder;
#[cfg(test)]
mod tests;

use bytes::Bytes;
use http_body::{Frame, SizeHint};
use std::fmt;
use std::pin::Pin;
use std::task::{Context, Poll};

/// Why a body ended early.
#[derive(Debug, thiserror::Error)]
pub enum BodyError {
    /// The connection that carried it broke, or broke the protocol.
    #[error("the connection broke: {0}")]
    Connection(#[from] hyper::Error),
    /// Larger than the limit in bytes.
    #[error("the body is larger than {0} bytes")]
    TooLarge(usize),
    /// No data within the deadline.
    #[error("no data came for {0:?}")]
    Stalled(std::time::Duration),
    /// Anything else, in words.
    #[error("{0}")]
    Other(String),
}

/// A body on its way through.
#[derive(Default)]
pub enum Body {
    /// Nothing.
    #[default]
    Empty,
    /// All of it.
    Full(Bytes),
    /// From a connection.
    Incoming(hyper::body::Incoming),
    /// Any other stream (taps, deadlines, test bodies).
    Stream(Pin<Box<dyn http_body::Body<Data = Bytes, Error = BodyError>>>),
}

impl fmt::Debug for Body {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Body::Empty => write!(f, "Empty"),
            Body::Full(b) => write!(f, "Full({})", b.len()),
            Body::Incoming(_) => write!(f, "Incoming"),
            Body::Stream(_) => write!(f, "Stream"),
        }
    }
}

impl From<Bytes> for Body {
    fn from(bytes: Bytes) -> Body {
        if bytes.is_empty() {
            Body::Empty
        } else {
            Body::Full(bytes)
        }
    }
}

impl Body {
    /// A body whose beginning was read already.
    pub(crate) fn resumed(head: Bytes, rest: Body) -> Body {
        Body::Stream(Box::pin(Resumed {
            head: Some(head),
            rest,
        }))
    }
}

impl http_body::Body for Body {
    type Data = Bytes;
    type Error = BodyError;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, BodyError>>> {
        match &mut *self {
            Body::Empty => Poll::Ready(None),
            Body::Full(_) => match std::mem::take(&mut *self) {
                Body::Full(bytes) => Poll::Ready(Some(Ok(Frame::data(bytes)))),
                _ => Poll::Ready(None),
            },
            Body::Incoming(incoming) => Pin::new(incoming)
                .poll_frame(cx)
                .map_err(BodyError::Connection),
            Body::Stream(stream) => stream.as_mut().poll_frame(cx),
        }
    }

    fn is_end_stream(&self) -> bool {
        match self {
            Body::Empty => true,
            Body::Full(_) => false,
            Body::Incoming(incoming) => incoming.is_end_stream(),
            Body::Stream(stream) => stream.is_end_stream(),
        }
    }

    fn size_hint(&self) -> SizeHint {
        match self {
            Body::Empty => SizeHint::with_exact(0),
            Body::Full(bytes) => SizeHint::with_exact(bytes.len() as u64),
            Body::Incoming(incoming) => incoming.size_hint(),
            Body::Stream(stream) => stream.size_hint(),
        }
    }
}

/// What was read, then the rest.
struct Resumed {
    head: Option<Bytes>,
    rest: Body,
}

impl http_body::Body for Resumed {
    type Data = Bytes;
    type Error = BodyError;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, BodyError>>> {
        match self.head.take() {
            Some(head) => Poll::Ready(Some(Ok(Frame::data(head)))),
            None => Pin::new(&mut self.rest).poll_frame(cx),
        }
    }

    fn is_end_stream(&self) -> bool {
        self.head.is_none() && self.rest.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        let rest = self.rest.size_hint();
        let read = self.head.as_ref().map_or(0, Bytes::len) as u64;
        let mut hint = SizeHint::new();
        hint.set_lower(rest.lower().saturating_add(read));
        if let Some(upper) = rest.upper() {
            hint.set_upper(upper.saturating_add(read));
        }
        hint
    }
}

/// Sees the chunks of a response as they come from the upstream; may change them.
pub trait Tap {
    /// A chunk came; what to pass on (often the same), `None` to pass nothing.
    fn chunk(&mut self, chunk: Bytes) -> Option<Bytes>;

    /// The body ended well; what is left to pass on.
    fn end(&mut self) -> Option<Bytes> {
        None
    }

    /// Whether the tap may change the length of what passes.
    fn changes_length(&self) -> bool {
        false
    }
}

/// A body with taps on it.
pub struct Tapped {
    inner: Body,
    taps: Vec<Box<dyn Tap>>,
    /// What ends the body behind the last of its data.
    trailers: Option<Frame<Bytes>>,
    ended: bool,
}

impl Tapped {
    /// Puts taps on a body; the first tap sees the upstream's bytes.
    pub fn wrap(inner: Body, taps: Vec<Box<dyn Tap>>) -> Body {
        if taps.is_empty() {
            inner
        } else {
            Body::Stream(Box::pin(Tapped {
                inner,
                taps,
                trailers: None,
                ended: false,
            }))
        }
    }

    fn pass(&mut self, from: usize, mut chunk: Bytes) -> Option<Bytes> {
        for tap in &mut self.taps[from..] {
            chunk = tap.chunk(chunk)?;
        }
        (!chunk.is_empty()).then_some(chunk)
    }

    fn finish(&mut self) -> Option<Bytes> {
        let mut rest: Vec<Bytes> = Vec::new();
        for at in 0..self.taps.len() {
            if let Some(last) = self.taps[at].end()
                && let Some(chunk) = self.pass(at + 1, last)
            {
                rest.push(chunk);
            }
        }
        match rest.len() {
            0 => None,
            1 => rest.pop(),
            _ => Some(rest.concat().into()),
        }
    }
}

impl http_body::Body for Tapped {
    type Data = Bytes;
    type Error = BodyError;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, BodyError>>> {
        let this = &mut *self;
        if this.ended {
            return Poll::Ready(this.trailers.take().map(Ok));
        }
        loop {
            match std::task::ready!(Pin::new(&mut this.inner).poll_frame(cx)) {
                Some(Ok(frame)) => match frame.into_data() {
                    Ok(data) => {
                        let mut chunk = this.pass(0, data);
                        // Who has all the bytes that were announced may not ask again.
                        if this.inner.is_end_stream() {
                            this.ended = true;
                            chunk = match (chunk, this.finish()) {
                                (Some(chunk), Some(rest)) => Some([chunk, rest].concat().into()),
                                (chunk, rest) => chunk.or(rest),
                            };
                            return Poll::Ready(chunk.map(|chunk| Ok(Frame::data(chunk))));
                        }
                        if let Some(chunk) = chunk {
                            return Poll::Ready(Some(Ok(Frame::data(chunk))));
                        }
                    }
                    Err(trailers) => {
                        this.ended = true;
                        let last = match this.finish() {
                            Some(rest) => {
                                this.trailers = Some(trailers);
                                Frame::data(rest)
                            }
                            None => trailers,
                        };
                        return Poll::Ready(Some(Ok(last)));
                    }
                },
                Some(Err(error)) => {
                    this.ended = true;
                    return Poll::Ready(Some(Err(error)));
                }
                None => {
                    this.ended = true;
                    return Poll::Ready(this.finish().map(|rest| Ok(Frame::data(rest))));
                }
            }
        }
    }

    fn is_end_stream(&self) -> bool {
        self.ended && self.trailers.is_none()
    }

    fn size_hint(&self) -> SizeHint {
        if self.taps.iter().any(|t| t.changes_length()) {
            SizeHint::default()
        } else {
            self.inner.size_hint()
        }
    }
}
