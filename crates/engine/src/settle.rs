//! The one way out: the body handed to the server, and the settlement when it ends, however it ends.
//!
//! What must stay true: every exchange settles exactly once - when its body has been sent, when the caller has gone,
//! or when the exchange is dropped before it had an answer. There is no second place that counts. A metered response
//! that the caller left is first read on, within bounds, until the provider has said what it used.

use crate::body::{Body, BodyError};
use crate::exchange::Exchange;
use bytes::Bytes;
use http_body::{Frame, SizeHint};
use std::cell::Cell;
use std::pin::Pin;
use std::task::{Context, Poll};

/// How a request ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// The whole answer was handed to the connection.
    Answered,
    /// The caller left before the end.
    ClientLeft,
    /// The upstream broke in mid-body.
    UpstreamFailed,
}

impl Outcome {
    /// For logs and labels.
    pub fn as_str(self) -> &'static str {
        match self {
            Outcome::Answered => "answered",
            Outcome::ClientLeft => "client_left",
            Outcome::UpstreamFailed => "upstream_failed",
        }
    }
}

/// What telemetry learns of a settled request.
pub struct Record<'a> {
    /// The exchange, complete.
    pub exchange: &'a Exchange,
    /// How it ended.
    pub outcome: Outcome,
    /// Nanoseconds from acceptance to settlement.
    pub elapsed_nanos: u64,
    /// Bytes of body sent to the caller.
    pub sent_bytes: u64,
}

/// Most responses of one thread that are read on for their usage at one time.
const MOST_UNREAD: usize = 1024;

thread_local! {
    static UNREAD: Cell<usize> = const { Cell::new(0) };
}

/// A place among those that are read on.
struct Seat;

impl Seat {
    fn take() -> Option<Seat> {
        let taken = UNREAD.get();
        (taken < MOST_UNREAD).then(|| {
            UNREAD.set(taken + 1);
            Seat
        })
    }
}

impl Drop for Seat {
    fn drop(&mut self) {
        UNREAD.set(UNREAD.get().saturating_sub(1));
    }
}

/// The answer's body. Owns the exchange until the body has ended.
pub struct AnswerBody {
    body: Body,
    exchange: Option<Box<Exchange>>,
    next: Next,
}

/// What comes when the body has ended.
enum Next {
    /// Nothing: then the answer is whole.
    Nothing,
    /// More, which is made of the exchange.
    More(More),
    /// It is being made.
    Making(crate::LocalBoxFuture<'static, (Box<Exchange>, Body)>),
}

/// Makes the rest of a body that could not be made before its beginning was sent.
type More = fn(Box<Exchange>) -> crate::LocalBoxFuture<'static, (Box<Exchange>, Body)>;

impl AnswerBody {
    /// Wraps the body of a finished pipeline.
    pub fn new(body: Body, exchange: Box<Exchange>) -> AnswerBody {
        AnswerBody {
            body,
            exchange: Some(exchange),
            next: Next::Nothing,
        }
    }

    /// Goes on, when the body has ended, with what `more` makes.
    #[must_use]
    pub(crate) fn then(mut self, more: More) -> AnswerBody {
        self.next = Next::More(more);
        self
    }

    /// A body that belongs to no exchange (health answers).
    pub fn plain(body: Body) -> AnswerBody {
        AnswerBody {
            body,
            exchange: None,
            next: Next::Nothing,
        }
    }

    /// The exchange behind it, until it has settled.
    pub fn exchange(&self) -> Option<&Exchange> {
        self.exchange.as_deref()
    }

    /// The same, for what only the listener knows (bytes of an upgraded connection).
    pub fn exchange_mut(&mut self) -> Option<&mut Exchange> {
        self.exchange.as_deref_mut()
    }

    /// Settles the exchange, once; later for a metered answer that was not read to its end.
    pub(crate) fn settle(&mut self, outcome: Outcome) {
        let Some(mut exchange) = self.exchange.take() else {
            return;
        };
        // A metered body hands back what nobody has read.
        drop(std::mem::take(&mut self.body));
        let most = exchange.snapshot.gateway.usage_timeout;
        let seat = (!most.is_zero()).then(Seat::take).flatten();
        if let (Some(unread), Some(seat)) = (exchange.unread(), seat) {
            let services = exchange.services.clone();
            exchange.ended_nanos = Some(services.clock.monotonic_nanos());
            services.transport.detach(Box::pin(async move {
                unread.read(most).await;
                exchange.settle(outcome);
                drop(seat);
            }));
        } else {
            exchange.settle(outcome);
        }
    }
}

impl http_body::Body for AnswerBody {
    type Data = Bytes;
    type Error = BodyError;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, BodyError>>> {
        let this = &mut *self;
        loop {
            if let Next::Making(making) = &mut this.next {
                let (exchange, body) = std::task::ready!(making.as_mut().poll(cx));
                (this.exchange, this.body, this.next) = (Some(exchange), body, Next::Nothing);
            }
            match std::task::ready!(Pin::new(&mut this.body).poll_frame(cx)) {
                Some(Ok(frame)) => {
                    if let (Some(exchange), Some(data)) = (this.exchange.as_mut(), frame.data_ref())
                    {
                        exchange.sent_bytes += data.len() as u64;
                        exchange.tell(|| crate::probe::Event::AnswerData(data));
                    }
                    // The server may not poll again once it knows that the body has ended.
                    if http_body::Body::is_end_stream(this) {
                        this.settle(Outcome::Answered);
                    }
                    return Poll::Ready(Some(Ok(frame)));
                }
                Some(Err(error)) => {
                    if let Some(exchange) = this.exchange.as_mut() {
                        exchange.answer_broke(&error);
                    }
                    this.settle(Outcome::UpstreamFailed);
                    return Poll::Ready(Some(Err(error)));
                }
                None => match (
                    std::mem::replace(&mut this.next, Next::Nothing),
                    &this.exchange,
                ) {
                    (Next::More(more), Some(_)) => {
                        if let Some(exchange) = this.exchange.take() {
                            this.next = Next::Making(more(exchange));
                        }
                    }
                    _ => {
                        this.settle(Outcome::Answered);
                        return Poll::Ready(None);
                    }
                },
            }
        }
    }

    fn is_end_stream(&self) -> bool {
        matches!(self.next, Next::Nothing) && self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        match self.next {
            Next::Nothing => self.body.size_hint(),
            _ => SizeHint::default(),
        }
    }
}

impl Drop for AnswerBody {
    fn drop(&mut self) {
        if self.exchange.is_none() {
            return;
        }
        // An empty body is never polled: that is an answer, not a caller that left.
        let ended = http_body::Body::is_end_stream(self);
        self.settle(if ended {
            Outcome::Answered
        } else {
            Outcome::ClientLeft
        });
    }
}
