//! WebSockets of GraphQL APIs that the gateway answers itself: frames, and the watch over a connection.
//!
//! Called by `request` after a 101 of the engine's own; the protocol is `tollgate_engine::graphql::socket`'s. What must stay
//! true: as with tunnels, the exchange settles when the socket ends, and a drain waits for it; a client that neither sends nor
//! answers pings ends after the body idle time; a drain and a new configuration close the socket and say why.

use crate::pausable::Pausable;
use crate::thread::Thread;
use crate::wheel::{TICK, Timer, in_ticks};
use futures_util::{Sink, SinkExt, Stream, StreamExt};
use hyper::upgrade::{OnUpgrade, Upgraded};
use hyper_util::rt::TokioIo;
use std::future::poll_fn;
use std::pin::Pin;
use std::rc::Rc;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;
use tokio::time::timeout;
use tokio_websockets::{CloseCode, Error, Limits, Message, ServerBuilder, WebSocketStream};
use tollgate_engine::graphql::socket::{Close, LARGEST, Received, Socket, Wire};
use tollgate_engine::{AnswerBody, Snapshot};

/// Most time for a message to go out.
const WRITE: Duration = Duration::from_secs(30);

/// Most time that a client may take to close what was closed.
const LINGER: Duration = Duration::from_secs(2);

/// Most time until a new configuration is seen by a socket on which nothing passes.
const LOOK: Duration = Duration::from_secs(5);

/// Serves a socket in a task of its own. `answer` holds the exchange.
pub(crate) fn serve(
    thread: &Rc<Thread>,
    caller: OnUpgrade,
    socket: Socket,
    mut answer: AnswerBody,
) {
    let open = thread.opened();
    let thread = thread.clone();
    tokio::task::spawn_local(Pausable::new(async move {
        let upgraded = match timeout(thread.config.limits.head_timeout, caller).await {
            Ok(Ok(upgraded)) => upgraded,
            Ok(Err(error)) => {
                tracing::debug!(%error, "an upgrade was not completed");
                return;
            }
            Err(_) => return,
        };
        let mut passed = (0, 0);
        if let Some(exchange) = answer.exchange() {
            let mut caller = Caller::new(&thread, upgraded, exchange.snapshot.clone());
            socket.serve(exchange, &mut caller).await;
            passed = (caller.sent, caller.received);
        }
        if let Some(exchange) = answer.exchange_mut() {
            (exchange.sent_bytes, exchange.received_bytes) = passed;
        }
        drop(answer);
        drop(open);
    }));
}

/// A client's side.
struct Caller {
    thread: Rc<Thread>,
    stream: WebSocketStream<TokioIo<Upgraded>>,
    /// The configuration that the socket was opened under.
    snapshot: Arc<Snapshot>,
    timer: Timer,
    /// Tick at which something last came.
    heard: u64,
    /// Whether it was pinged since.
    pinged: bool,
    /// Bytes of messages.
    sent: u64,
    received: u64,
}

/// What happened on a connection.
enum Came {
    Frame(Option<Result<Message, Error>>),
    Ends(Close),
    Silence,
}

impl Caller {
    fn new(thread: &Rc<Thread>, upgraded: Upgraded, snapshot: Arc<Snapshot>) -> Caller {
        let largest = LARGEST.min(snapshot.gateway.max_buffered_body);
        let limits = Limits::default().max_payload_len(Some(largest));
        Caller {
            stream: ServerBuilder::new()
                .limits(limits)
                .serve(TokioIo::new(upgraded)),
            thread: thread.clone(),
            snapshot,
            timer: Timer::new(&thread.wheel),
            heard: thread.wheel.now(),
            pinged: false,
            sent: 0,
            received: 0,
        }
    }

    fn poll(&mut self, cx: &mut Context<'_>) -> Poll<Came> {
        if self.thread.draining.get() {
            return Poll::Ready(Came::Ends(Close::GOING_AWAY));
        }
        if let Poll::Ready(frame) = Pin::new(&mut self.stream).poll_next(cx) {
            self.heard = self.thread.wheel.now();
            self.pinged = false;
            return Poll::Ready(Came::Frame(frame));
        }
        let most = self.thread.config.limits.body_idle_timeout;
        let look = LOOK.min(most / 4).max(TICK);
        while self.timer.poll(cx, look).is_ready() {
            self.timer.rest();
            let current = self.thread.snapshots.borrow_mut().load().clone();
            if !Arc::ptr_eq(&current, &self.snapshot) {
                return Poll::Ready(Came::Ends(Close::RELOADED));
            }
            let silence = self.thread.wheel.now().saturating_sub(self.heard);
            if silence >= in_ticks(most) {
                return Poll::Ready(Came::Silence);
            }
            if silence >= in_ticks(most / 2) && !self.pinged {
                self.pinged = true;
                // What cannot be written now tells as much as a ping without an answer.
                let mut stream = Pin::new(&mut self.stream);
                if let Poll::Ready(Ok(())) = stream.as_mut().poll_ready(cx)
                    && stream.as_mut().start_send(Message::ping("")).is_ok()
                {
                    let _ = stream.poll_flush(cx);
                }
            }
        }
        Poll::Pending
    }

    /// Lets what was queued go out until the client has closed too.
    async fn end(&mut self) {
        let _ = timeout(LINGER, async {
            while let Some(Ok(_)) = self.stream.next().await {}
        })
        .await;
    }
}

impl Wire for Caller {
    async fn receive(&mut self) -> Received {
        loop {
            let message = match poll_fn(|cx| self.poll(cx)).await {
                Came::Frame(Some(Ok(message))) => message,
                Came::Frame(Some(Err(error))) => {
                    tracing::debug!(%error, "a GraphQL client's WebSocket broke");
                    // The stream has made a close frame of a fault of the client's.
                    self.end().await;
                    return Received::Gone;
                }
                Came::Frame(None) | Came::Silence => return Received::Gone,
                Came::Ends(close) => return Received::Close(close),
            };
            if let Some(text) = message.as_text() {
                self.received += text.len() as u64;
                return Received::Text(text.to_owned());
            }
            if message.is_binary() {
                return Received::Close(Close::BINARY);
            }
            if message.is_close() {
                self.end().await;
                return Received::Gone;
            }
            // A pong goes out before more is read, so that pings do not heap up.
            if message.is_ping() && !matches!(timeout(WRITE, self.stream.flush()).await, Ok(Ok(())))
            {
                return Received::Gone;
            }
        }
    }

    async fn send(&mut self, text: String) -> bool {
        self.sent += text.len() as u64;
        let sent = timeout(WRITE, self.stream.send(Message::text(text))).await;
        matches!(sent, Ok(Ok(())))
    }

    async fn close(&mut self, close: &Close) {
        let code = CloseCode::try_from(close.code).unwrap_or(CloseCode::NORMAL_CLOSURE);
        let frame = Message::close(Some(code), &close.reason);
        if matches!(timeout(LINGER, self.stream.send(frame)).await, Ok(Ok(()))) {
            self.end().await;
        }
    }

    fn patience(&self) -> Duration {
        self.thread.config.limits.head_timeout
    }
}
