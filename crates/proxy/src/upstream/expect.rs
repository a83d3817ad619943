//! `Expect: 100-continue` (RFC 9110, section 10.1.1): a request body that waits until the backend wants it.
//!
//! `forward-request continue-timeout` asks for it, over HTTP/1.1. What must stay true: a backend that answers without wanting
//! the body has its answer passed on; one that says nothing is a timeout, and has got no byte of the body.

use bytes::Bytes;
use futures_util::task::AtomicWaker;
use http::{HeaderValue, Request, Response, StatusCode, header};
use http_body::{Frame, SizeHint};
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU8, Ordering};
use std::task::{Context, Poll};
use std::time::Duration;
use tokio::time::Sleep;
use tollgate_engine::services::SendError;
use tollgate_engine::{Body, BodyError};

/// Nothing has come.
const WAITS: u8 = 0;
/// The backend wants the body.
const CONTINUES: u8 = 1;
/// It has answered without wanting it.
const ANSWERED: u8 = 2;
/// It has said nothing in time.
const LATE: u8 = 3;

/// What is known of one request. Atomics because hyper wants its callback to be `Send`; one thread uses it.
#[derive(Default)]
struct State {
    now: AtomicU8,
    body: AtomicWaker,
}

impl State {
    fn is(&self, state: u8) -> bool {
        self.now.load(Ordering::Relaxed) == state
    }

    fn turn(&self, to: u8) {
        let _ = self
            .now
            .compare_exchange(WAITS, to, Ordering::Relaxed, Ordering::Relaxed);
    }
}

/// A request that asks before it sends its body.
pub(super) struct Asked {
    state: Arc<State>,
    most: Duration,
}

impl Asked {
    /// Has a request ask; `None`: it has no body.
    pub(super) fn begin(request: &mut Request<Body>, most: Duration) -> Option<Asked> {
        if http_body::Body::is_end_stream(request.body()) {
            return None;
        }
        let state = Arc::new(State::default());
        let asks = HeaderValue::from_static("100-continue");
        request.headers_mut().insert(header::EXPECT, asks);
        let told = state.clone();
        hyper::ext::on_informational(request, move |response| {
            if response.status() == StatusCode::CONTINUE {
                told.turn(CONTINUES);
                told.body.wake();
            }
        });
        let body = std::mem::take(request.body_mut());
        *request.body_mut() = Body::Stream(Box::pin(Held {
            body,
            state: state.clone(),
            most,
            late: None,
        }));
        Some(Asked { state, most })
    }

    /// What came of it.
    pub(super) fn end(
        &self,
        sent: Result<Response<Body>, SendError>,
    ) -> Result<Response<Body>, SendError> {
        self.state.turn(ANSWERED);
        match sent {
            Err(_) if self.state.is(LATE) => Err(SendError::Timeout(self.most)),
            sent => sent,
        }
    }
}

/// A body that waits.
struct Held {
    body: Body,
    state: Arc<State>,
    most: Duration,
    /// Begins when the head has been written and the body is asked for.
    late: Option<Pin<Box<Sleep>>>,
}

impl http_body::Body for Held {
    type Data = Bytes;
    type Error = BodyError;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, BodyError>>> {
        let this = &mut *self;
        if this.state.is(CONTINUES) {
            return Pin::new(&mut this.body).poll_frame(cx);
        }
        this.state.body.register(cx.waker());
        let most = this.most;
        let late = this
            .late
            .get_or_insert_with(|| Box::pin(tokio::time::sleep(most)));
        if this.state.is(ANSWERED) || late.as_mut().poll(cx).is_pending() {
            return Poll::Pending;
        }
        this.state.turn(LATE);
        Poll::Ready(Some(Err(BodyError::Stalled(most))))
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}
