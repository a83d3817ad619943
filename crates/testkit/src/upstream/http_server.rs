//! A well-behaved upstream: HTTP/1.1 and HTTP/2, in clear text or over TLS.
//!
//! Called by tests of whole gateways. What must stay true: the recorded version is the one that was
//! spoken, and all connections end when the upstream is dropped.

use std::convert::Infallible;
use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use bytes::Bytes;
use http::{Request, Response, StatusCode};
use http_body_util::{BodyExt, Full, Limited};
use hyper::body::Incoming;
use hyper::service::service_fn;
use hyper_util::rt::{TokioExecutor, TokioIo};
use hyper_util::server::conn::auto;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpListener;
use tokio::task::{JoinHandle, JoinSet};
use tokio::time::timeout;
use tokio_rustls::TlsAcceptor;

use super::request::{Received, ReceivedRequest};
use super::tls::TestCertificates;

/// Longest body.
const MAX_BODY: usize = 64 * 1024 * 1024;
/// How long a TLS handshake may take.
const HANDSHAKE: Duration = Duration::from_secs(10);

/// What carries HTTP.
pub enum Transport {
    /// HTTP/1.1 in clear text.
    Http1,
    /// HTTP/2 in clear text with prior knowledge; HTTP/1.1 is refused.
    Http2,
    /// TLS that offers `h2` and `http/1.1`.
    Tls(TestCertificates),
    /// TLS that offers only these protocols.
    TlsWithAlpn(TestCertificates, Vec<Vec<u8>>),
}

/// An upstream that answers through a function.
pub struct HttpUpstream {
    addr: SocketAddr,
    secure: bool,
    received: Received,
    connections: Arc<AtomicU64>,
    task: JoinHandle<()>,
}

impl Drop for HttpUpstream {
    fn drop(&mut self) {
        self.task.abort();
    }
}

impl HttpUpstream {
    /// Listens on a free loopback port.
    ///
    /// # Errors
    /// When no port can be bound or the certificates are refused.
    pub async fn start<F>(transport: Transport, answer: F) -> io::Result<Self>
    where
        F: Fn(&ReceivedRequest) -> Response<Bytes> + Send + Sync + 'static,
    {
        let tls = match &transport {
            Transport::Http1 | Transport::Http2 => None,
            Transport::Tls(certificates) => {
                Some(certificates.server_config(&[b"h2", b"http/1.1"])?)
            }
            Transport::TlsWithAlpn(certificates, alpn) => Some(
                certificates.server_config(&alpn.iter().map(Vec::as_slice).collect::<Vec<_>>())?,
            ),
        };
        let tls = tls.map(|config| TlsAcceptor::from(Arc::new(config)));
        let mut builder = auto::Builder::new(TokioExecutor::new());
        builder = match transport {
            Transport::Http1 => builder.http1_only(),
            Transport::Http2 => builder.http2_only(),
            _ => builder,
        };
        let listener = TcpListener::bind(("127.0.0.1", 0)).await?;
        let addr = listener.local_addr()?;
        let received = Received::default();
        let connections = Arc::new(AtomicU64::new(0));
        let secure = tls.is_some();
        let server = Server {
            builder,
            answer: Arc::new(answer),
            received: received.clone(),
        };
        let task = tokio::spawn(accept(
            listener,
            tls,
            Arc::new(server),
            Arc::clone(&connections),
        ));
        Ok(Self {
            addr,
            secure,
            received,
            connections,
            task,
        })
    }

    /// Where it listens.
    pub fn addr(&self) -> SocketAddr {
        self.addr
    }

    /// Its base URL, without a slash at the end. TLS upstreams are named `localhost`.
    pub fn url(&self) -> String {
        if self.secure {
            format!("https://localhost:{}", self.addr.port())
        } else {
            format!("http://{}", self.addr)
        }
    }

    /// What it has received, in order of arrival.
    pub fn requests(&self) -> Vec<ReceivedRequest> {
        self.received.all()
    }

    /// Connections accepted so far.
    pub fn connections(&self) -> u64 {
        self.connections.load(Ordering::Acquire)
    }
}

struct Server<F> {
    builder: auto::Builder<TokioExecutor>,
    answer: Arc<F>,
    received: Received,
}

async fn accept<F>(
    listener: TcpListener,
    tls: Option<TlsAcceptor>,
    server: Arc<Server<F>>,
    count: Arc<AtomicU64>,
) where
    F: Fn(&ReceivedRequest) -> Response<Bytes> + Send + Sync + 'static,
{
    let mut connections = JoinSet::new();
    loop {
        tokio::select! {
            accepted = listener.accept() => {
                let Ok((stream, _)) = accepted else { continue };
                let _ = stream.set_nodelay(true);
                let number = count.fetch_add(1, Ordering::AcqRel);
                let (tls, server) = (tls.clone(), Arc::clone(&server));
                connections.spawn(async move {
                    match tls {
                        None => server.serve(stream, number).await,
                        Some(tls) => match timeout(HANDSHAKE, tls.accept(stream)).await {
                            Ok(Ok(stream)) => server.serve(stream, number).await,
                            _ => tracing::debug!("TLS handshake failed"),
                        },
                    }
                });
            }
            Some(_) = connections.join_next() => {}
        }
    }
}

impl<F> Server<F>
where
    F: Fn(&ReceivedRequest) -> Response<Bytes> + Send + Sync + 'static,
{
    async fn serve<S>(self: Arc<Self>, stream: S, number: u64)
    where
        S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
    {
        let count = Arc::new(AtomicU64::new(0));
        let server = Arc::clone(&self);
        let service = service_fn(move |request| {
            let (server, earlier) = (Arc::clone(&server), count.fetch_add(1, Ordering::AcqRel));
            async move { Ok::<_, Infallible>(server.respond(request, number, earlier > 0).await) }
        });
        if let Err(error) = self
            .builder
            .serve_connection(TokioIo::new(stream), service)
            .await
        {
            tracing::debug!(%error, "upstream connection ended early");
        }
    }

    async fn respond(
        &self,
        request: Request<Incoming>,
        connection: u64,
        reused: bool,
    ) -> Response<Full<Bytes>> {
        let (head, incoming) = request.into_parts();
        let Ok(body) = Limited::new(incoming, MAX_BODY).collect().await else {
            let mut refused = Response::new(Full::default());
            *refused.status_mut() = StatusCode::BAD_REQUEST;
            return refused;
        };
        let text =
            |value: &http::HeaderValue| String::from_utf8_lossy(value.as_bytes()).into_owned();
        let received = ReceivedRequest {
            method: head.method.to_string(),
            path: head
                .uri
                .path_and_query()
                .map_or("/", |path| path.as_str())
                .to_owned(),
            version: format!("{:?}", head.version),
            headers: head
                .headers
                .iter()
                .map(|(name, value)| (name.as_str().to_owned(), text(value)))
                .collect(),
            body: body.to_bytes(),
            connection,
            reused,
        };
        let response = (self.answer)(&received);
        self.received.push(received);
        response.map(Full::new)
    }
}
