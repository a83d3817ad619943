//! A byte stream of either side: TCP, or TLS over it, with its progress written down for the connection's watch.
//!
//! What must stay true: `TCP_NODELAY` is set on every socket, accepted or opened (a head or an event must not wait for
//! an acknowledgement); the fast path adds one comparison and one relaxed store to a read or a write.

use crate::connection::state::ConnectionState;
use bytes::Bytes;
use std::io::{self, IoSlice};
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;

/// TCP, or TLS over it.
pub(crate) enum Stream {
    Plain(TcpStream),
    Tls(Box<tokio_rustls::TlsStream<TcpStream>>),
}

impl Stream {
    /// The certificate that the other side showed, DER, and behind it the others that it showed.
    pub(crate) fn peer_certificate(&self) -> Option<Bytes> {
        let Stream::Tls(tls) = self else { return None };
        let shown = tls.get_ref().1.peer_certificates()?;
        let all: Vec<u8> = shown.iter().flat_map(|der| der.iter().copied()).collect();
        Some(Bytes::from(all))
    }
}

/// Sets what every socket of the gateway needs.
pub(crate) fn prepare(stream: &TcpStream) -> io::Result<()> {
    stream.set_nodelay(true)
}

impl AsyncRead for Stream {
    fn poll_read(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        match self.get_mut() {
            Stream::Plain(s) => Pin::new(s).poll_read(cx, buf),
            Stream::Tls(s) => Pin::new(s).poll_read(cx, buf),
        }
    }
}

impl AsyncWrite for Stream {
    fn poll_write(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &[u8],
    ) -> Poll<io::Result<usize>> {
        match self.get_mut() {
            Stream::Plain(s) => Pin::new(s).poll_write(cx, buf),
            Stream::Tls(s) => Pin::new(s).poll_write(cx, buf),
        }
    }

    fn poll_write_vectored(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bufs: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        match self.get_mut() {
            Stream::Plain(s) => Pin::new(s).poll_write_vectored(cx, bufs),
            Stream::Tls(s) => Pin::new(s).poll_write_vectored(cx, bufs),
        }
    }

    fn is_write_vectored(&self) -> bool {
        match self {
            Stream::Plain(s) => s.is_write_vectored(),
            Stream::Tls(s) => s.is_write_vectored(),
        }
    }

    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        match self.get_mut() {
            Stream::Plain(s) => Pin::new(s).poll_flush(cx),
            Stream::Tls(s) => Pin::new(s).poll_flush(cx),
        }
    }

    fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        match self.get_mut() {
            Stream::Plain(s) => Pin::new(s).poll_shutdown(cx),
            Stream::Tls(s) => Pin::new(s).poll_shutdown(cx),
        }
    }
}

/// A caller's stream that notes when a head begins and when the caller does not take what is written.
///
/// A stream that the server has shut down while the caller may still send is left with the state when it is dropped:
/// closing it at once would make the system answer what comes with a reset, which takes from the caller what it has not
/// read yet (RFC 9112, section 9.6).
pub(crate) struct Watched {
    stream: Option<Stream>,
    state: Arc<ConnectionState>,
    /// The server has said all.
    shut: bool,
    /// The caller has said all, or is gone.
    ended: bool,
}

/// Taken only by drop.
const THERE: &str = "a stream is there until it is dropped";

impl Watched {
    pub(crate) fn new(stream: Stream, state: Arc<ConnectionState>) -> Watched {
        Watched {
            stream: Some(stream),
            state,
            shut: false,
            ended: false,
        }
    }

    fn stream(&mut self) -> Pin<&mut Stream> {
        Pin::new(self.stream.as_mut().expect(THERE))
    }
}

impl Drop for Watched {
    fn drop(&mut self) {
        if self.shut
            && !self.ended
            && let Some(stream) = self.stream.take()
        {
            self.state.leave(stream);
        }
    }
}

impl AsyncRead for Watched {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let before = buf.filled().len();
        let read = self.stream().poll_read(cx, buf);
        if let Poll::Ready(outcome) = &read {
            self.ended |= outcome.is_err() || buf.filled().len() == before;
            self.state.read();
        }
        read
    }
}

impl AsyncWrite for Watched {
    fn poll_write(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &[u8],
    ) -> Poll<io::Result<usize>> {
        let written = self.stream().poll_write(cx, buf);
        self.state.written(written.is_ready());
        written
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bufs: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let written = self.stream().poll_write_vectored(cx, bufs);
        self.state.written(written.is_ready());
        written
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.as_ref().expect(THERE).is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.stream().poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let shut = self.stream().poll_shutdown(cx);
        self.shut |= matches!(shut, Poll::Ready(Ok(())));
        shut
    }
}

/// Reads what a caller still sends and throws it away, until it closes or the time is up.
pub(crate) async fn linger(mut stream: Stream, most: Duration) {
    let mut scrap = vec![0; 16 << 10];
    let read = async { while stream.read(&mut scrap).await.is_ok_and(|read| read > 0) {} };
    // Late or not, the stream closes now.
    let _ = tokio::time::timeout(most, read).await;
}
