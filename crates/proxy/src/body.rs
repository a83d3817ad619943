//! The caller's body with its limits.
//!
//! What must stay true: a body that is too large or silent fails with its own error, which the engine turns into its
//! documented status; data passes untouched.

use crate::wheel::{Timer, Wheel};
use bytes::Bytes;
use http_body::{Body as _, Frame, SizeHint};
use hyper::body::Incoming;
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll};
use std::time::Duration;
use tollgate_engine::{Body, BodyError};

/// A request's body, limited in size and silence.
pub(crate) struct RequestBody {
    incoming: Incoming,
    left: u64,
    limit: u64,
    timer: Timer,
    idle: Duration,
}

impl RequestBody {
    /// Puts the limits on a body.
    pub(crate) fn limited(
        incoming: Incoming,
        limit: u64,
        idle: Duration,
        wheel: &Rc<Wheel>,
    ) -> Body {
        if incoming.is_end_stream() {
            return Body::Empty;
        }
        Body::Stream(Box::pin(RequestBody {
            incoming,
            left: limit,
            limit,
            timer: Timer::new(wheel),
            idle,
        }))
    }
}

impl http_body::Body for RequestBody {
    type Data = Bytes;
    type Error = BodyError;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, BodyError>>> {
        let this = &mut *self;
        match Pin::new(&mut this.incoming).poll_frame(cx) {
            Poll::Ready(frame) => {
                this.timer.rest();
                if let Some(Ok(frame)) = &frame
                    && let Some(data) = frame.data_ref()
                {
                    match this.left.checked_sub(data.len() as u64) {
                        Some(left) => this.left = left,
                        None => {
                            let limit = usize::try_from(this.limit).unwrap_or(usize::MAX);
                            return Poll::Ready(Some(Err(BodyError::TooLarge(limit))));
                        }
                    }
                }
                Poll::Ready(frame.map(|f| f.map_err(BodyError::Connection)))
            }
            Poll::Pending => this
                .timer
                .poll(cx, this.idle)
                .map(|()| Some(Err(BodyError::Stalled(this.idle)))),
        }
    }

    fn is_end_stream(&self) -> bool {
        self.incoming.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.incoming.size_hint()
    }
}
