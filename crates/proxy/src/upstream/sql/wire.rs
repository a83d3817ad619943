//! The stream under the driver: TCP, TLS by the gateway's own rules, and a gauge.
//!
//! The driver thinks that there is no encryption: what it says before the login is swallowed, and it reads the answer that
//! the gateway got before the handshake. What must stay true: a password or token is written only to a stream that is as
//! protected as the connection string asks; nothing is read beyond what the gauge allows.

use super::prelogin::{self, CLIENT_CERTIFICATE, Framed, ON};
use crate::upstream::tls::{Alpn, ClientTls};
use std::io;
use std::mem::MaybeUninit;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::task::{Context, Poll, ready};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;
use tokio_util::either::Either;
use tollgate_engine::definition::BackendTls;
use tollgate_engine::sql::connection_string::Encrypt;
use tollgate_engine::sql::{SqlCall, SqlError};

/// In a packet's header: the session begins anew with this message.
const RESET_CONNECTION: u8 = 0x08;

/// What is asked of a stream that the driver holds.
#[derive(Debug, Default)]
pub(super) struct Gauge {
    left: AtomicU64,
    reset: AtomicBool,
}

impl Gauge {
    /// How many bytes may be read from now on.
    pub(super) fn allow(&self, bytes: u64) {
        self.left.store(bytes, Ordering::Relaxed);
    }

    /// Whether nothing may be read any more.
    pub(super) fn is_spent(&self) -> bool {
        self.left.load(Ordering::Relaxed) == 0
    }

    /// The next message begins with a clean session: settings, temporary tables and open transactions are gone.
    pub(super) fn reset_before_next(&self) {
        self.reset.store(true, Ordering::Relaxed);
    }
}

/// TCP, or TLS over it.
type Io = Either<TcpStream, Box<TlsStream<Framed<TcpStream>>>>;

/// The stream.
pub(super) struct Wire {
    io: Io,
    gauge: Arc<Gauge>,
    /// What the driver has not read yet of the server's answer to `PRELOGIN`.
    greeting: Vec<u8>,
}

impl Wire {
    pub(super) fn gauge(&self) -> &Arc<Gauge> {
        &self.gauge
    }
}

/// Whether the other side has neither closed a socket nor sent what nobody asked for.
pub(super) fn is_open(socket: &socket2::Socket) -> bool {
    let mut byte = [MaybeUninit::uninit()];
    matches!(socket.peek(&mut byte), Err(error) if error.kind() == io::ErrorKind::WouldBlock)
}

/// Speaks with the server until the login can come. Gives a second handle of the socket, for [`is_open`].
pub(super) async fn open(
    stream: TcpStream,
    tls: &ClientTls,
    call: &SqlCall,
    host: &str,
) -> Result<(Wire, socket2::Socket), SqlError> {
    let database = &call.database;
    let failed = |why: String| SqlError::Connect(why);
    let certificate = call.connect.as_ref().and_then(|c| c.certificate.as_ref());
    let probe = socket2::SockRef::from(&stream)
        .try_clone()
        .map_err(|e| failed(e.to_string()))?;
    let checked = match database.encrypt {
        // Whoever may be spoken to without encryption need not show who it is; a token goes to nobody unknown.
        Encrypt::Optional => call.token.is_some(),
        Encrypt::Mandatory | Encrypt::Strict => true,
    };
    let secure = async |stream: TcpStream, framing: bool| {
        let check = checked && !database.trust_any_certificate;
        let checks = BackendTls {
            validate_chain: check,
            validate_name: check,
            ca_pem: None,
        };
        let alpn = if framing { Alpn::Tds7 } else { Alpn::Tds8 };
        let config = tls.config(&checks, alpn, certificate).map_err(failed)?;
        let name = match &*database.certificate_host {
            "" => host,
            named => named,
        };
        let name = rustls_pki_types::ServerName::try_from(name.to_owned())
            .map_err(|e| failed(e.to_string()))?;
        let stream = TlsConnector::from(config)
            .connect(name, Framed::new(stream, framing))
            .await;
        let mut stream = stream.map_err(|e| failed(format!("TLS: {e}")))?;
        stream.get_mut().0.bare();
        Ok::<_, SqlError>(Either::Right(Box::new(stream)))
    };
    let mut asked = ON;
    if certificate.is_some() {
        asked |= CLIENT_CERTIFICATE;
    }
    let token = call.token.is_some();
    let mut io = match database.encrypt {
        Encrypt::Strict => secure(stream, false).await?,
        Encrypt::Mandatory | Encrypt::Optional => Either::Left(stream),
    };
    let greeting = prelogin::exchange(&mut io, asked, token);
    let greeting = greeting.await.map_err(|e| failed(e.to_string()))?;
    let io = match io {
        Either::Left(stream) if greeting.encrypted => secure(stream, true).await?,
        Either::Left(_) if checked => {
            let why = "the server has no encryption, and `Encrypt` asks for it";
            return Err(failed(String::from(why)));
        }
        io => io,
    };
    let wire = Wire {
        io,
        gauge: Arc::default(),
        greeting: greeting.packet,
    };
    Ok((wire, probe))
}

impl AsyncRead for Wire {
    fn poll_read(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        if !this.greeting.is_empty() {
            let part = buf.remaining().min(this.greeting.len());
            buf.put_slice(&this.greeting[..part]);
            this.greeting.drain(..part);
            return Poll::Ready(Ok(()));
        }
        let left = this.gauge.left.load(Ordering::Relaxed);
        if left == 0 {
            return Poll::Ready(Err(io::Error::other("the answer is too large")));
        }
        let before = buf.filled().len();
        ready!(Pin::new(&mut this.io).poll_read(cx, buf))?;
        let read = (buf.filled().len() - before) as u64;
        let left = left.saturating_sub(read);
        this.gauge.left.store(left, Ordering::Relaxed);
        Poll::Ready(Ok(()))
    }
}

impl AsyncWrite for Wire {
    fn poll_write(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &[u8],
    ) -> Poll<io::Result<usize>> {
        let this = self.get_mut();
        // The driver's own PRELOGIN; it reads the answer before it writes on.
        if !this.greeting.is_empty() {
            return Poll::Ready(Ok(buf.len()));
        }
        if buf.len() < 2 || !this.gauge.reset.load(Ordering::Relaxed) {
            return Pin::new(&mut this.io).poll_write(cx, buf);
        }
        // A message begins with the header of its first packet, whose second byte is the status.
        let mut first = buf.to_vec();
        first[1] |= RESET_CONNECTION;
        let written = ready!(Pin::new(&mut this.io).poll_write(cx, &first))?;
        if written < 2 {
            return Poll::Ready(Err(io::ErrorKind::WriteZero.into()));
        }
        this.gauge.reset.store(false, Ordering::Relaxed);
        Poll::Ready(Ok(written))
    }

    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.get_mut().io).poll_flush(cx)
    }

    fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.get_mut().io).poll_shutdown(cx)
    }
}
