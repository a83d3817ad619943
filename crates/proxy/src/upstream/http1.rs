//! One HTTP/1.1 connection with its driver inside.
//!
//! What must stay true: whoever holds it polls the driver; wakers of the channels between driver and user are not
//! needed, because both run in the same poll.

use super::failure;
use super::pool::Room;
use crate::config::UpstreamConfig;
use crate::io::Stream;
use crate::turn::Busy;
use crate::wheel::Timer;
use http::{Request, Response};
use hyper::body::Incoming;
use hyper::client::conn::http1;
use hyper_util::rt::TokioIo;
use std::future::poll_fn;
use std::io::{self, IoSlice};
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::task::{Context, Poll, Waker};
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tollgate_engine::Body;
use tollgate_engine::services::SendError;

/// The future that moves a connection's bytes.
pub(crate) type Driver = Pin<Box<dyn Future<Output = hyper::Result<()>>>>;

/// A connection.
pub(crate) struct Http1 {
    sender: http1::SendRequest<Body>,
    /// `None` once the connection has ended.
    pub(crate) driver: Option<Driver>,
    /// Tick at which it was last used.
    pub(crate) used: u64,
    /// Bytes that may come before the next response's head is complete.
    left: Arc<AtomicUsize>,
    most: usize,
    #[expect(dead_code, reason = "held for its drop")]
    room: Room,
}

/// How many heads of the largest size may come for one request: interim responses (1xx) and the final one.
const HEADS: usize = 4;

/// At least so many bytes, since a read may bring the body along.
const READ: usize = 1 << 20;

/// A backend's stream that breaks when there is no end of interim responses: the client reads over them without a pause.
struct Bounded {
    stream: Stream,
    left: Arc<AtomicUsize>,
}

impl AsyncRead for Bounded {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let before = buf.filled().len();
        let read = Pin::new(&mut self.stream).poll_read(cx, buf);
        let left = self.left.load(Ordering::Relaxed);
        if left != usize::MAX {
            match left.checked_sub(buf.filled().len() - before) {
                Some(left) => self.left.store(left, Ordering::Relaxed),
                None => {
                    return Poll::Ready(Err(io::Error::other(
                        "too many interim responses before the response",
                    )));
                }
            }
        }
        read
    }
}

impl AsyncWrite for Bounded {
    fn poll_write(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &[u8],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write(cx, buf)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bufs: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
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

/// A request that got no answer.
pub(crate) struct Failed {
    pub(crate) error: SendError,
    /// The request, when nothing of it was written.
    pub(crate) unsent: Option<Request<Body>>,
}

impl Http1 {
    /// Takes a fresh stream.
    pub(crate) async fn open(
        stream: Stream,
        config: &UpstreamConfig,
        room: Room,
    ) -> Result<Http1, SendError> {
        let left = Arc::new(AtomicUsize::new(usize::MAX));
        let (sender, connection) = http1::Builder::new()
            .max_header_size(config.head_bytes)
            .handshake(TokioIo::new(Bounded {
                stream,
                left: left.clone(),
            }))
            .await
            .map_err(|e| failure::classify(&e))?;
        Ok(Http1 {
            sender,
            driver: Some(Box::pin(connection.with_upgrades())),
            used: 0,
            left,
            most: config.head_bytes.saturating_mul(HEADS).max(READ),
            room,
        })
    }

    /// Moves bytes. Ready once the connection has ended.
    pub(crate) fn drive(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        let Some(driver) = &mut self.driver else {
            return Poll::Ready(());
        };
        match driver.as_mut().poll(cx) {
            Poll::Ready(_) => {
                // The error, if any, has reached the request or the body.
                self.driver = None;
                Poll::Ready(())
            }
            Poll::Pending => Poll::Pending,
        }
    }

    /// Whether another request may be sent. The response's body has ended.
    pub(crate) fn is_reusable(&mut self) -> bool {
        if !self.sender.is_ready() {
            let _ = self.drive(&mut Context::from_waker(Waker::noop()));
        }
        self.driver.is_some() && self.sender.is_ready()
    }

    /// Looks after an idle connection; false when it has ended.
    pub(crate) fn is_alive(&mut self) -> bool {
        self.drive(&mut Context::from_waker(Waker::noop()))
            .is_pending()
    }

    /// Sends a request and waits for the response's head. After an error the connection is of no use.
    pub(crate) fn exchange<'a>(
        &'a mut self,
        request: Request<Body>,
        busy: &'a Busy,
        timer: &'a mut Timer,
        timeout: Duration,
    ) -> impl Future<Output = Result<Response<Incoming>, Failed>> + 'a {
        // Handed over before the first wait: the future does not hold the request beside the channel.
        let answer = self.sender.try_send_request(request);
        self.left.store(self.most, Ordering::Relaxed);
        let left = &*self.left;
        let driver = &mut self.driver;
        async move {
            busy.pass().await;
            let mut answer = pin!(answer);
            let answered = poll_fn(|cx| {
                let ended = match driver {
                    Some(running) => running.as_mut().poll(cx).is_ready(),
                    None => true,
                };
                if ended {
                    *driver = None;
                }
                // Only the driver can have completed it, just now: nobody else has to be woken.
                let mut unwoken = Context::from_waker(Waker::noop());
                if let Poll::Ready(answered) = answer.as_mut().poll(&mut unwoken) {
                    return Poll::Ready(Some(answered));
                }
                timer.poll(cx, timeout).map(|()| None)
            })
            .await;
            timer.rest();
            left.store(usize::MAX, Ordering::Relaxed);
            match answered {
                Some(Ok(response)) => Ok(response),
                Some(Err(mut failed)) => {
                    let unsent = failed.take_message();
                    let error = failure::classify(&failed.into_error());
                    Err(Failed { error, unsent })
                }
                None => Err(Failed {
                    error: SendError::Timeout(timeout),
                    unsent: None,
                }),
            }
        }
    }
}
