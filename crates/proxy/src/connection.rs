//! One caller's connection: TLS, choice of protocol, and its watch (idle, slow heads, drain).
//!
//! Called by the accept loops of `thread`. What must stay true: every wait here has a deadline; while a drain runs,
//! HTTP/1.1 says `connection: close`, HTTP/2 sends GOAWAY, and requests in flight finish.

pub(crate) mod state;
pub(crate) mod streams;

use crate::io::{Stream, Watched, linger};
use crate::request;
use crate::thread::Thread;
use crate::turn;
use crate::wheel::Timer;
use bytes::Bytes;
use http::{HeaderValue, Request, Response};
use http_body::{Frame, SizeHint};
use hyper::body::Incoming;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use state::{ConnectionState, Verdict};
use std::cell::RefCell;
use std::convert::Infallible;
use std::future::poll_fn;
use std::net::IpAddr;
use std::pin::{Pin, pin};
use std::rc::Rc;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;
use tokio::net::TcpStream;
use tollgate_engine::{AnswerBody, BodyError};

/// How long a caller may take to close a connection that the gateway has shut down.
const LINGER: Duration = Duration::from_secs(2);

/// What requests of one connection share.
pub(crate) struct Peer {
    /// The peer's address.
    pub(crate) ip: IpAddr,
    /// `http` or `https`.
    pub(crate) scheme: &'static str,
    /// The certificate that it showed, DER.
    pub(crate) certificate: Option<Bytes>,
    /// Progress.
    pub(crate) state: Arc<ConnectionState>,
    /// The last `Host` and its text: callers repeat it.
    pub(crate) authority: RefCell<Option<(HeaderValue, Arc<str>)>>,
}

/// Serves a connection until it ends.
pub(crate) async fn serve(
    thread: Rc<Thread>,
    stream: TcpStream,
    ip: IpAddr,
    tls: Option<Arc<rustls::ServerConfig>>,
) {
    let limits = &thread.config.limits;
    let scheme = if tls.is_some() { "https" } else { "http" };
    let opened = tokio::time::timeout(limits.head_timeout, open(stream, tls)).await;
    let (stream, http2) = match opened {
        Ok(Ok(Some(opened))) => opened,
        Ok(Ok(None)) => return,
        Ok(Err(error)) => {
            tracing::debug!(%error, %ip, "TLS handshake failed");
            return;
        }
        Err(_) => {
            tracing::debug!(%ip, "nothing came on a new connection in time");
            return;
        }
    };
    let certificate = stream.peer_certificate();
    let state = Arc::new(ConnectionState::new(thread.wheel.ticks(), http2));
    let io = TokioIo::new(Watched::new(stream, state.clone()));
    let peer = Rc::new(Peer {
        ip: ip.to_canonical(),
        scheme,
        certificate,
        state: state.clone(),
        authority: RefCell::new(None),
    });
    let service = {
        let thread = thread.clone();
        service_fn(move |request: Request<Incoming>| {
            peer.state.begin();
            let sent = InFlight {
                state: peer.state.clone(),
                busy: thread.busy.begin(),
            };
            let (thread, peer) = (thread.clone(), peer.clone());
            async move {
                let answered = async {
                    let response = request::answer(thread, peer, request).await;
                    // A stream's caller waits for its first token: it goes at once.
                    if http_body::Body::size_hint(response.body())
                        .exact()
                        .is_some()
                    {
                        sent.busy.thread().pass().await;
                    }
                    response
                };
                let response = streams::gateway_waits(answered).await;
                Ok::<_, Infallible>(response.map(|body| Sent {
                    body,
                    sent,
                    began: false,
                    waited: false,
                    held: None,
                }))
            }
        })
    };
    let ended = if http2 {
        drive(
            &thread,
            &state,
            thread.http2.serve_connection(io, service),
            |c| c.graceful_shutdown(),
        )
        .await
    } else {
        let connection = thread.http1.serve_connection(io, service).with_upgrades();
        drive(&thread, &state, connection, |c| c.graceful_shutdown()).await
    };
    if let Err(why) = ended {
        tracing::debug!(%ip, why, "connection closed");
    }
    if let Some(stream) = state.left() {
        linger(stream, LINGER).await;
    }
}

/// TLS where the listener has it, and the protocol. `None`: the caller closed without a word.
async fn open(
    stream: TcpStream,
    tls: Option<Arc<rustls::ServerConfig>>,
) -> std::io::Result<Option<(Stream, bool)>> {
    if let Some(tls) = tls {
        let stream = tokio_rustls::TlsAcceptor::from(tls).accept(stream).await?;
        let http2 = stream.get_ref().1.alpn_protocol() == Some(b"h2");
        return Ok(Some((Stream::Tls(Box::new(stream.into())), http2)));
    }
    // `PRI * HTTP/2.0` is the one preface of HTTP/2 without TLS; no method of HTTP/1.1 begins so.
    let mut start = [0; 3];
    let mut wait = Duration::from_millis(5);
    loop {
        let read = stream.peek(&mut start).await?;
        if read == 0 {
            return Ok(None);
        }
        if start[..read] != b"PRI"[..read] {
            return Ok(Some((Stream::Plain(stream), false)));
        }
        if read == start.len() {
            return Ok(Some((Stream::Plain(stream), true)));
        }
        // Peeking does not consume: the socket stays readable until more comes.
        tokio::time::sleep(wait).await;
        wait = (wait * 2).min(Duration::from_millis(500));
    }
}

/// Polls a connection to its end, closes it when it overstays, shuts it down when the thread drains.
async fn drive<C: Future<Output = hyper::Result<()>>>(
    thread: &Thread,
    state: &ConnectionState,
    connection: C,
    shut_down: impl Fn(Pin<&mut C>),
) -> Result<(), &'static str> {
    let mut connection = pin!(connection);
    let mut timer = Timer::new(&thread.wheel);
    let limits = &thread.config.limits;
    let mut period = limits.head_timeout / 2;
    let mut shutting_down = false;
    poll_fn(|cx| {
        let mut polled = connection.as_mut().poll(cx);
        if !shutting_down && thread.draining.get() && polled.is_pending() {
            shutting_down = true;
            shut_down(connection.as_mut());
            polled = connection.as_mut().poll(cx);
        }
        if let Poll::Ready(ended) = polled {
            if let Err(error) = ended {
                tracing::debug!(%error, "connection ended");
            }
            return Poll::Ready(Ok(()));
        }
        while timer.poll(cx, period).is_ready() {
            timer.rest();
            match state.verdict(limits) {
                Verdict::Wait(next) => period = next,
                Verdict::Close(why) => return Poll::Ready(Err(why)),
            }
        }
        Poll::Pending
    })
    .await
}

/// A request in flight; its end starts the connection's idle time.
struct InFlight {
    state: Arc<ConnectionState>,
    busy: turn::InFlight,
}

impl Drop for InFlight {
    fn drop(&mut self) {
        self.state.end();
    }
}

/// The answer's body as the server sends it.
pub(crate) struct Sent {
    body: AnswerBody,
    sent: InFlight,
    /// A piece has gone out; before that none waits a turn, for it holds the first token.
    began: bool,
    /// The last poll found nothing.
    waited: bool,
    /// What goes out one turn later: an error, because the server closes on it at once with what it has buffered; a
    /// piece that came alone, so that others are read before it is written.
    held: Option<Result<Frame<bytes::Bytes>, BodyError>>,
}

impl http_body::Body for Sent {
    type Data = bytes::Bytes;
    type Error = BodyError;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<bytes::Bytes>, BodyError>>> {
        let this = &mut *self;
        if let Some(held) = this.held.take() {
            streams::note(false);
            return Poll::Ready(Some(held));
        }
        let polled = Pin::new(&mut this.body).poll_frame(cx);
        streams::note(polled.is_pending());
        let waited = std::mem::replace(&mut this.waited, polled.is_pending());
        match polled {
            Poll::Ready(Some(frame))
                if frame.is_err()
                    || (std::mem::replace(&mut this.began, true)
                        && waited
                        && this.sent.busy.thread().is_many()) =>
            {
                this.held = Some(frame);
                streams::note(true);
                cx.waker().wake_by_ref();
                Poll::Pending
            }
            polled => polled,
        }
    }

    fn is_end_stream(&self) -> bool {
        self.held.is_none() && self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        // Asked before the first poll only: nothing is held then.
        self.body.size_hint()
    }
}

/// Answers of the service.
pub(crate) type Answer = Response<AnswerBody>;
