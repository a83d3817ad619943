//! A small HTTP/1.1 client for tests: one connection, whole answers, nothing hidden.
//!
//! Called by `load` and by tests of the simulator and of whole gateways. What must stay true: an
//! answer that ends early is reported as such together with what arrived, and every exchange has a
//! deadline.

use std::io;
use std::net::SocketAddr;
use std::time::Duration;

use bytes::{Bytes, BytesMut};
use http::header::{CONTENT_TYPE, HOST, HeaderValue};
use http::{HeaderMap, Request, Response, StatusCode};
use http_body_util::{BodyExt, Full};
use hyper::body::Incoming;
use hyper::client::conn::http1::{self, SendRequest};
use hyper_util::rt::TokioIo;
use serde::Serialize;
use serde_json::Value;
use tokio::net::TcpStream;
use tokio::task::JoinHandle;
use tokio::time::timeout;

/// How long one exchange may take.
pub const DEADLINE: Duration = Duration::from_secs(60);

/// One connection. Dropping it closes the socket.
pub struct Client {
    sender: SendRequest<Full<Bytes>>,
    authority: String,
    task: JoinHandle<()>,
}

impl Drop for Client {
    fn drop(&mut self) {
        self.task.abort();
    }
}

impl Client {
    /// Connects.
    ///
    /// # Errors
    /// When nobody listens there, or not within [`DEADLINE`].
    pub async fn connect(addr: SocketAddr) -> io::Result<Self> {
        let stream = timeout(DEADLINE, TcpStream::connect(addr)).await??;
        stream.set_nodelay(true)?;
        let (sender, connection) = http1::handshake(TokioIo::new(stream))
            .await
            .map_err(io::Error::other)?;
        let task = tokio::spawn(async move {
            if let Err(error) = connection.await {
                tracing::debug!(%error, "client connection ended early");
            }
        });
        Ok(Self {
            sender,
            authority: addr.to_string(),
            task,
        })
    }

    /// Sends a request and gives the answer as soon as its head is there. `host` is filled in.
    ///
    /// # Errors
    /// When the connection ends before, or the head is not there within [`DEADLINE`].
    pub async fn open(&mut self, request: Request<Bytes>) -> io::Result<Response<Incoming>> {
        let mut request = request.map(Full::new);
        if !request.headers().contains_key(HOST) {
            let host = HeaderValue::from_str(&self.authority).map_err(io::Error::other)?;
            request.headers_mut().insert(HOST, host);
        }
        self.sender.ready().await.map_err(io::Error::other)?;
        timeout(DEADLINE, self.sender.send_request(request))
            .await?
            .map_err(io::Error::other)
    }

    /// Sends a request and reads the whole answer.
    ///
    /// # Errors
    /// When no head arrives; a body that breaks off is no error but shows in [`Fetched::complete`].
    pub async fn send(&mut self, request: Request<Bytes>) -> io::Result<Fetched> {
        let (head, mut incoming) = self.open(request).await?.into_parts();
        let mut body = BytesMut::new();
        let mut complete = true;
        loop {
            match timeout(DEADLINE, incoming.frame()).await? {
                None => break,
                Some(Ok(frame)) => {
                    if let Some(data) = frame.data_ref() {
                        body.extend_from_slice(data);
                    }
                }
                Some(Err(_)) => {
                    complete = false;
                    break;
                }
            }
        }
        Ok(Fetched {
            status: head.status,
            headers: head.headers,
            body: body.freeze(),
            complete,
        })
    }
}

/// Sends a request on a connection of its own.
///
/// # Errors
/// As [`Client::connect`] and [`Client::send`].
pub async fn fetch(addr: SocketAddr, request: Request<Bytes>) -> io::Result<Fetched> {
    Client::connect(addr).await?.send(request).await
}

/// A `GET` request. Paths are the test's own; one that is no URI becomes `/`.
pub fn get(path: &str) -> Request<Bytes> {
    Request::get(path).body(Bytes::new()).unwrap_or_default()
}

/// A `POST` request with a JSON body.
pub fn post_json(path: &str, body: &impl Serialize) -> Request<Bytes> {
    let bytes = serde_json::to_vec(body).unwrap_or_default();
    let request = Request::post(path).header(CONTENT_TYPE, "application/json");
    request.body(Bytes::from(bytes)).unwrap_or_default()
}

/// Adds a header field; values that no header can carry are left out.
#[must_use]
pub fn with_header(mut request: Request<Bytes>, name: &'static str, value: &str) -> Request<Bytes> {
    if let Ok(value) = HeaderValue::from_str(value) {
        request.headers_mut().insert(name, value);
    }
    request
}

/// Adds `authorization: Bearer ...`.
#[must_use]
pub fn with_bearer(request: Request<Bytes>, token: &str) -> Request<Bytes> {
    with_header(request, "authorization", &format!("Bearer {token}"))
}

/// An answer.
#[derive(Clone, Debug)]
pub struct Fetched {
    /// Status.
    pub status: StatusCode,
    /// Header fields.
    pub headers: HeaderMap,
    /// What arrived of the body.
    pub body: Bytes,
    /// Whether the body came to its proper end.
    pub complete: bool,
}

impl Fetched {
    /// A header field as text; empty when absent or not text.
    pub fn header(&self, name: &str) -> &str {
        self.headers
            .get(name)
            .and_then(|value| value.to_str().ok())
            .unwrap_or_default()
    }

    /// The body as text, with replacement characters where it is none.
    pub fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }

    /// The body as JSON; `null` when it is none.
    pub fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap_or_default()
    }

    /// The `data` of each server-sent event.
    pub fn events(&self) -> Vec<String> {
        let text = self.text();
        let data = text.split("\n\n").filter_map(|event| {
            let lines: Vec<&str> = event
                .lines()
                .filter_map(|line| line.strip_prefix("data: "))
                .collect();
            (!lines.is_empty()).then(|| lines.join("\n"))
        });
        data.collect()
    }

    /// The `data` of each server-sent event that is JSON.
    pub fn json_events(&self) -> Vec<Value> {
        self.events()
            .iter()
            .filter_map(|data| serde_json::from_str(data).ok())
            .collect()
    }
}
