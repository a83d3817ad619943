//! A response's body with the connection that brings it.
//!
//! What must stay true: the connection goes back to the pool exactly when the body has ended well; any other end closes
//! it. Silence longer than the limit is an error. A body that came with its head costs no wrapper.

use super::http1::Http1;
use super::pool::OriginPool;
use crate::wheel::{Timer, Wheel};
use bytes::Bytes;
use http_body::{Body as _, Frame, SizeHint};
use hyper::body::Incoming;
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll, Waker};
use std::time::Duration;
use tollgate_engine::{Body, BodyError};

/// The body on its way.
pub(crate) struct ResponseBody {
    incoming: Incoming,
    /// What came together with the head.
    first: Option<hyper::Result<Frame<Bytes>>>,
    carrier: Carrier,
    pool: Rc<OriginPool>,
    timer: Timer,
    idle: Duration,
}

enum Carrier {
    /// Driven here.
    Own(Http1),
    /// Driven by its own task (HTTP/2).
    Shared,
    /// The body has ended or failed.
    Gone,
}

impl ResponseBody {
    /// The body of an HTTP/1.1 response whose head has just come.
    pub(crate) fn begin(
        mut incoming: Incoming,
        connection: Http1,
        pool: &Rc<OriginPool>,
        timer: Timer,
        idle: Duration,
    ) -> Body {
        if incoming.is_end_stream() {
            pool.give_back(connection);
            return Body::Empty;
        }
        let mut cx = Context::from_waker(Waker::noop());
        let first = match Pin::new(&mut incoming).poll_frame(&mut cx) {
            Poll::Ready(None) => {
                pool.give_back(connection);
                return Body::Empty;
            }
            Poll::Ready(Some(Ok(frame))) if incoming.is_end_stream() => match frame.into_data() {
                Ok(data) => {
                    pool.give_back(connection);
                    return Body::from(data);
                }
                Err(frame) => Some(Ok(frame)),
            },
            Poll::Ready(Some(frame)) => Some(frame),
            Poll::Pending => None,
        };
        Body::Stream(Box::pin(ResponseBody {
            incoming,
            first,
            carrier: Carrier::Own(connection),
            pool: pool.clone(),
            timer,
            idle,
        }))
    }

    /// The body of an HTTP/2 response.
    pub(crate) fn shared(
        incoming: Incoming,
        pool: &Rc<OriginPool>,
        wheel: &Rc<Wheel>,
        idle: Duration,
    ) -> Body {
        if incoming.is_end_stream() {
            return Body::Empty;
        }
        Body::Stream(Box::pin(ResponseBody {
            incoming,
            first: None,
            carrier: Carrier::Shared,
            pool: pool.clone(),
            timer: Timer::new(wheel),
            idle,
        }))
    }

    fn pass(
        &mut self,
        frame: Option<hyper::Result<Frame<Bytes>>>,
    ) -> Option<Result<Frame<Bytes>, BodyError>> {
        let ended = match &frame {
            None => true,
            Some(Ok(_)) => self.incoming.is_end_stream(),
            Some(Err(_)) => {
                self.carrier = Carrier::Gone;
                false
            }
        };
        if ended
            && let Carrier::Own(connection) = std::mem::replace(&mut self.carrier, Carrier::Gone)
        {
            self.pool.give_back(connection);
        }
        frame.map(|f| f.map_err(BodyError::Connection))
    }
}

impl http_body::Body for ResponseBody {
    type Data = Bytes;
    type Error = BodyError;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, BodyError>>> {
        let this = &mut *self;
        if let Some(first) = this.first.take() {
            return Poll::Ready(this.pass(Some(first)));
        }
        let polled = match &mut this.carrier {
            Carrier::Own(connection) => {
                let mut unwoken = Context::from_waker(Waker::noop());
                match Pin::new(&mut this.incoming).poll_frame(&mut unwoken) {
                    Poll::Pending => {
                        let _ = connection.drive(cx);
                        Pin::new(&mut this.incoming).poll_frame(&mut unwoken)
                    }
                    ready => ready,
                }
            }
            Carrier::Shared => Pin::new(&mut this.incoming).poll_frame(cx),
            Carrier::Gone => return Poll::Ready(None),
        };
        match polled {
            Poll::Ready(frame) => {
                this.timer.rest();
                Poll::Ready(this.pass(frame))
            }
            Poll::Pending if this.timer.poll(cx, this.idle).is_ready() => {
                this.carrier = Carrier::Gone;
                Poll::Ready(Some(Err(BodyError::Stalled(this.idle))))
            }
            Poll::Pending => Poll::Pending,
        }
    }

    fn is_end_stream(&self) -> bool {
        self.first.is_none() && self.incoming.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        let rest = self.incoming.size_hint();
        match (&self.first, rest.exact()) {
            (None, _) => rest,
            (Some(Ok(frame)), Some(left)) => {
                let first = frame.data_ref().map_or(0, |d| d.len() as u64);
                SizeHint::with_exact(first + left)
            }
            (Some(_), _) => SizeHint::default(),
        }
    }
}
