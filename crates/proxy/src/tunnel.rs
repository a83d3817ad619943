//! Upgraded connections (WebSocket): bytes pass both ways until one side ends.
//!
//! What must stay true: the exchange settles when the tunnel ends, not when it begins; a drain waits for tunnels; a
//! tunnel silent in both directions ends after the body idle time; what a Realtime API sends is shown to its session
//! (`engine::realtime`), which may end the tunnel, and passes as it came until then.

use crate::thread::Thread;
use crate::wheel::Timer;
use bytes::Bytes;
use hyper::upgrade::OnUpgrade;
use hyper_util::rt::TokioIo;
use std::cell::Cell;
use std::future::poll_fn;
use std::io;
use std::pin::{Pin, pin};
use std::rc::Rc;
use std::task::{Context, Poll, ready};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf, copy_bidirectional};
use tollgate_engine::AnswerBody;
use tollgate_engine::realtime::Session;

/// Joins both sides in a task of its own. `answer` holds the exchange.
pub(crate) fn join(
    thread: &Rc<Thread>,
    caller: OnUpgrade,
    upstream: OnUpgrade,
    answer: AnswerBody,
) {
    let open = thread.opened();
    let thread = thread.clone();
    tokio::task::spawn_local(async move {
        let limits = &thread.config.limits;
        let both = async { Ok::<_, hyper::Error>((caller.await?, upstream.await?)) };
        let (caller, upstream) = match tokio::time::timeout(limits.head_timeout, both).await {
            Ok(Ok(both)) => both,
            Ok(Err(error)) => {
                tracing::debug!(%error, "an upgrade was not completed");
                return;
            }
            Err(_) => return,
        };
        let (to_caller, to_upstream) = (Rc::new(Cell::new(0)), Rc::new(Cell::new(0)));
        let mut caller = Counted {
            inner: TokioIo::new(caller),
            written: to_caller.clone(),
        };
        let session = answer.exchange().and_then(Session::of);
        let mut upstream = Watched {
            inner: Counted {
                inner: TokioIo::new(upstream),
                written: to_upstream.clone(),
            },
            session,
            answer,
            last: None,
            closed: false,
        };
        {
            let mut copy = pin!(copy_bidirectional(&mut caller, &mut upstream));
            let mut timer = Timer::new(&thread.wheel);
            let mut seen = 0;
            poll_fn(|cx| {
                if copy.as_mut().poll(cx).is_ready() {
                    return Poll::Ready(());
                }
                while timer.poll(cx, limits.body_idle_timeout).is_ready() {
                    timer.rest();
                    let now = to_caller.get() + to_upstream.get();
                    if now == std::mem::replace(&mut seen, now) {
                        return Poll::Ready(());
                    }
                }
                Poll::Pending
            })
            .await;
        }
        let Watched {
            session,
            mut answer,
            ..
        } = upstream;
        if let Some(exchange) = answer.exchange_mut() {
            exchange.sent_bytes = to_caller.get();
            exchange.received_bytes = to_upstream.get();
            if let Some(session) = session {
                session.close(exchange);
            }
        }
        drop(answer);
        drop(open);
    });
}

/// The upstream's side, with what its session makes of what is read from it.
struct Watched<S> {
    inner: S,
    session: Option<Session>,
    answer: AnswerBody,
    /// The session has ended: what is still to be given, and then the end.
    last: Option<Bytes>,
    /// The upstream was told that nothing more comes.
    closed: bool,
}

impl<S: AsyncRead + AsyncWrite + Unpin> AsyncRead for Watched<S> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let this = &mut *self;
        if let Some(last) = &mut this.last {
            if !this.closed {
                // It stops to work; whether it takes the end is its own affair.
                this.closed = Pin::new(&mut this.inner).poll_shutdown(cx).is_ready();
            }
            let part = last.split_to(last.len().min(buf.remaining()));
            buf.put_slice(&part);
            return Poll::Ready(Ok(()));
        }
        let before = buf.filled().len();
        ready!(Pin::new(&mut this.inner).poll_read(cx, buf))?;
        if let (Some(session), Some(exchange)) = (&mut this.session, this.answer.exchange_mut())
            && let Some(end) = session.see(exchange, &buf.filled()[before..])
        {
            buf.set_filled((before + end.keep).min(buf.filled().len()));
            this.last = Some(end.frames);
        }
        Poll::Ready(Ok(()))
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for Watched<S> {
    fn poll_write(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &[u8],
    ) -> Poll<io::Result<usize>> {
        if self.last.is_some() {
            // Nothing more goes to a model whose session has ended.
            return Poll::Ready(Ok(buf.len()));
        }
        Pin::new(&mut self.inner).poll_write(cx, buf)
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        if self.last.is_some() {
            return Poll::Ready(Ok(()));
        }
        Pin::new(&mut self.inner).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        if self.closed {
            return Poll::Ready(Ok(()));
        }
        Pin::new(&mut self.inner).poll_shutdown(cx)
    }
}

/// Counts what is written.
struct Counted<S> {
    inner: S,
    written: Rc<Cell<u64>>,
}

impl<S: AsyncRead + Unpin> AsyncRead for Counted<S> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        Pin::new(&mut self.inner).poll_read(cx, buf)
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for Counted<S> {
    fn poll_write(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &[u8],
    ) -> Poll<io::Result<usize>> {
        let written = Pin::new(&mut self.inner).poll_write(cx, buf);
        if let Poll::Ready(Ok(length)) = written {
            self.written.set(self.written.get() + length as u64);
        }
        written
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.inner).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.inner).poll_shutdown(cx)
    }
}
