//! Upgraded connections (WebSocket): bytes pass both ways until one side ends.
//!
//! What must stay true: the exchange settles when the tunnel ends, not when it begins; a drain waits for tunnels; a
//! tunnel silent in both directions ends after the body idle time.

use crate::thread::Thread;
use crate::wheel::Timer;
use hyper::upgrade::OnUpgrade;
use hyper_util::rt::TokioIo;
use std::cell::Cell;
use std::future::poll_fn;
use std::io;
use std::pin::{Pin, pin};
use std::rc::Rc;
use std::task::{Context, Poll};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf, copy_bidirectional};
use tollgate_engine::AnswerBody;

/// Joins both sides in a task of its own. `answer` holds the exchange.
pub(crate) fn join(
    thread: &Rc<Thread>,
    caller: OnUpgrade,
    upstream: OnUpgrade,
    mut answer: AnswerBody,
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
        let mut upstream = Counted {
            inner: TokioIo::new(upstream),
            written: to_upstream.clone(),
        };
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
        if let Some(exchange) = answer.exchange_mut() {
            exchange.sent_bytes = to_caller.get();
            exchange.received_bytes = to_upstream.get();
        }
        drop(answer);
        drop(open);
    });
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
