//! Requests as an upstream receives them, read from raw bytes.
//!
//! Called by the scripted and WebSocket upstreams. What must stay true: nothing is normalised away
//! (header names keep their case), and no peer can make the reader keep more than its bounds.

use std::collections::VecDeque;
use std::io;
use std::sync::{Arc, Mutex, PoisonError};

use bytes::{Buf, Bytes, BytesMut};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

/// Longest head.
const MAX_HEAD: usize = 256 * 1024;
/// Longest body.
const MAX_BODY: usize = 64 * 1024 * 1024;
/// Requests that are kept.
const CAPACITY: usize = 10_000;

/// A request as it came.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ReceivedRequest {
    /// Method.
    pub method: String,
    /// The request target: path and query as sent.
    pub path: String,
    /// `HTTP/1.1` or `HTTP/2.0`.
    pub version: String,
    /// Header fields in order, names as sent.
    pub headers: Vec<(String, String)>,
    /// The body without its transfer coding.
    pub body: Bytes,
    /// Number of the connection, from 0.
    pub connection: u64,
    /// Whether an earlier request came on the same connection.
    pub reused: bool,
}

impl ReceivedRequest {
    /// The first value of a header field, whatever its case.
    pub fn header(&self, name: &str) -> Option<&str> {
        let found = self
            .headers
            .iter()
            .find(|(known, _)| known.eq_ignore_ascii_case(name));
        found.map(|(_, value)| value.as_str())
    }

    /// The body as text, with replacement characters where it is none.
    pub fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }

    /// The body as JSON; `null` when it is none.
    pub fn json(&self) -> serde_json::Value {
        serde_json::from_slice(&self.body).unwrap_or_default()
    }
}

/// What an upstream has received, shared with the test.
#[derive(Clone, Default)]
pub(super) struct Received {
    requests: Arc<Mutex<VecDeque<ReceivedRequest>>>,
}

impl Received {
    pub(super) fn push(&self, request: ReceivedRequest) {
        let mut requests = self.requests.lock().unwrap_or_else(PoisonError::into_inner);
        if requests.len() == CAPACITY {
            requests.pop_front();
        }
        requests.push_back(request);
    }

    pub(super) fn all(&self) -> Vec<ReceivedRequest> {
        self.requests
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .iter()
            .cloned()
            .collect()
    }

    pub(super) fn clear(&self) {
        self.requests
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .clear();
    }
}

/// Reads requests off one connection.
pub(super) struct RequestReader {
    buffer: BytesMut,
    connection: u64,
    count: u64,
}

impl RequestReader {
    pub(super) fn new(connection: u64) -> Self {
        Self {
            buffer: BytesMut::new(),
            connection,
            count: 0,
        }
    }

    /// The next request; `None` when the peer has closed between two requests.
    pub(super) async fn next(
        &mut self,
        stream: &mut TcpStream,
    ) -> io::Result<Option<ReceivedRequest>> {
        let end = loop {
            if let Some(at) = self
                .buffer
                .windows(4)
                .position(|bytes| bytes == b"\r\n\r\n")
            {
                break at;
            }
            if self.buffer.len() > MAX_HEAD {
                return Err(invalid("head too long"));
            }
            if stream.read_buf(&mut self.buffer).await? == 0 {
                let clean = self.buffer.is_empty();
                return if clean {
                    Ok(None)
                } else {
                    Err(io::ErrorKind::UnexpectedEof.into())
                };
            }
        };
        let head = self.buffer.split_to(end + 4);
        let head = String::from_utf8_lossy(&head);
        let mut lines = head.trim_end_matches("\r\n").split("\r\n");
        let mut words = lines
            .next()
            .unwrap_or_default()
            .splitn(3, ' ')
            .map(str::to_owned);
        let (Some(method), Some(path), Some(version)) = (words.next(), words.next(), words.next())
        else {
            return Err(invalid("no request line"));
        };
        let headers: Vec<(String, String)> = lines
            .filter_map(|line| line.split_once(':'))
            .map(|(name, value)| (name.to_owned(), value.trim().to_owned()))
            .collect();
        let mut request = ReceivedRequest {
            method,
            path,
            version,
            headers,
            body: Bytes::new(),
            connection: self.connection,
            reused: self.count > 0,
        };
        self.count += 1;
        if request
            .header("expect")
            .is_some_and(|value| value.eq_ignore_ascii_case("100-continue"))
        {
            stream.write_all(b"HTTP/1.1 100 Continue\r\n\r\n").await?;
        }
        let chunked = request
            .header("transfer-encoding")
            .is_some_and(|value| value.to_ascii_lowercase().contains("chunked"));
        request.body = if chunked {
            self.chunked(stream).await?
        } else {
            let length = request.header("content-length").map_or(Ok(0), str::parse);
            self.exactly(stream, length.map_err(|_| invalid("content-length"))?)
                .await?
        };
        Ok(Some(request))
    }

    async fn exactly(&mut self, stream: &mut TcpStream, length: usize) -> io::Result<Bytes> {
        if length > MAX_BODY {
            return Err(invalid("body too long"));
        }
        while self.buffer.len() < length {
            if stream.read_buf(&mut self.buffer).await? == 0 {
                return Err(io::ErrorKind::UnexpectedEof.into());
            }
        }
        Ok(self.buffer.split_to(length).freeze())
    }

    async fn line(&mut self, stream: &mut TcpStream) -> io::Result<String> {
        loop {
            if let Some(at) = self.buffer.windows(2).position(|bytes| bytes == b"\r\n") {
                let line = self.buffer.split_to(at);
                self.buffer.advance(2);
                return Ok(String::from_utf8_lossy(&line).into_owned());
            }
            if self.buffer.len() > MAX_HEAD {
                return Err(invalid("line too long"));
            }
            if stream.read_buf(&mut self.buffer).await? == 0 {
                return Err(io::ErrorKind::UnexpectedEof.into());
            }
        }
    }

    async fn chunked(&mut self, stream: &mut TcpStream) -> io::Result<Bytes> {
        let mut body = BytesMut::new();
        loop {
            let line = self.line(stream).await?;
            let size = line.split(';').next().unwrap_or_default().trim();
            let size = usize::from_str_radix(size, 16).map_err(|_| invalid("chunk size"))?;
            if size == 0 {
                // Trailers, up to the empty line.
                while !self.line(stream).await?.is_empty() {}
                return Ok(body.freeze());
            }
            if body.len() + size > MAX_BODY {
                return Err(invalid("body too long"));
            }
            body.extend_from_slice(&self.exactly(stream, size).await?);
            self.line(stream).await?;
        }
    }
}

fn invalid(what: &str) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, what)
}
