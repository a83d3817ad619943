//! One accepted connection: its socket, and the faults that act on the socket itself.
//!
//! Called by the accept loop (wraps the stream) and by handlers and bodies (asks for a close, a
//! reset, or slow bytes). What must stay true: a reset is a real RST (`SO_LINGER` 0), a close
//! drops the connection without the bytes that would end the message.

use std::io::{self, IoSlice};
use std::pin::Pin;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll, ready};
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;
use tokio::sync::Notify;
use tokio::time::{Instant, Sleep, sleep};

/// Lets a handler act on the socket under it.
#[derive(Default)]
pub(crate) struct ConnectionControl {
    reset: AtomicBool,
    end: Notify,
    dribble: Mutex<Option<Dribble>>,
}

/// The next bytes leave one at a time.
struct Dribble {
    interval: Duration,
    left: usize,
    sleep: Pin<Box<Sleep>>,
}

impl ConnectionControl {
    /// Closes the connection now, in the middle of whatever it sends.
    pub(crate) fn close(&self) {
        self.end.notify_one();
    }

    /// Resets the connection now.
    pub(crate) fn reset(&self) {
        self.reset.store(true, Ordering::Release);
        self.end.notify_one();
    }

    /// Sends the next `bytes` bytes one by one, spread over `total`.
    pub(crate) fn dribble(&self, bytes: usize, total: Duration) {
        let interval = total / u32::try_from(bytes.max(1)).unwrap_or(u32::MAX);
        let dribble = Dribble {
            interval,
            left: bytes,
            sleep: Box::pin(sleep(Duration::ZERO)),
        };
        *self.dribble.lock().unwrap_or_else(PoisonError::into_inner) = Some(dribble);
    }

    /// Resolves when a close or a reset is asked for.
    pub(crate) async fn ended(&self) {
        self.end.notified().await;
    }

    /// Waits for the next slow byte's turn; whether one byte only may be written.
    fn poll_dribble(&self, cx: &mut Context<'_>) -> Poll<bool> {
        let mut slot = self.dribble.lock().unwrap_or_else(PoisonError::into_inner);
        let Some(dribble) = slot.as_mut() else {
            return Poll::Ready(false);
        };
        if dribble.left == 0 {
            *slot = None;
            return Poll::Ready(false);
        }
        ready!(dribble.sleep.as_mut().poll(cx));
        dribble.left -= 1;
        let next = Instant::now() + dribble.interval;
        dribble.sleep.as_mut().reset(next);
        Poll::Ready(true)
    }
}

/// A socket that obeys its [`ConnectionControl`].
pub(crate) struct ConnectionIo {
    stream: TcpStream,
    control: Arc<ConnectionControl>,
}

impl ConnectionIo {
    pub(crate) fn new(stream: TcpStream, control: Arc<ConnectionControl>) -> Self {
        Self { stream, control }
    }
}

impl Drop for ConnectionIo {
    fn drop(&mut self) {
        if self.control.reset.load(Ordering::Acquire) {
            // A failure leaves an ordinary close, which the peer also sees as an early end.
            let _ = self.stream.set_zero_linger();
        }
    }
}

impl AsyncRead for ConnectionIo {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_read(cx, buf)
    }
}

impl AsyncWrite for ConnectionIo {
    fn poll_write(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &[u8],
    ) -> Poll<io::Result<usize>> {
        let one = ready!(self.control.poll_dribble(cx));
        let buf = if one { &buf[..buf.len().min(1)] } else { buf };
        Pin::new(&mut self.stream).poll_write(cx, buf)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bufs: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        if ready!(self.control.poll_dribble(cx)) {
            let first = bufs
                .iter()
                .find(|buf| !buf.is_empty())
                .map_or(&[][..], |buf| &buf[..1]);
            return Pin::new(&mut self.stream).poll_write(cx, first);
        }
        Pin::new(&mut self.stream).poll_write_vectored(cx, bufs)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(cx)
    }
}
