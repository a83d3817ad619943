//! A WebSocket upstream that echoes, and a client to talk to it through a gateway.
//!
//! Called by tests of WebSocket pass-through. RFC 6455: opening handshake, framing, masking,
//! ping and close; no extensions.
//! What must stay true: the server refuses unmasked frames and the client masked ones, so that a
//! proxy that touches frames is found out.

use std::io;
use std::net::SocketAddr;
use std::time::Duration;

use aws_lc_rs::digest::{SHA1_FOR_LEGACY_USE_ONLY, digest};
use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::{JoinHandle, JoinSet};
use tokio::time::timeout;
use uuid::Uuid;

use super::request::{Received, ReceivedRequest, RequestReader};

/// The constant of RFC 6455, section 1.3.
const GUID: &str = "258EAFA5-E914-47DA-95CA-C5AB0DC85B11";
/// Longest frame.
const MAX_FRAME: u64 = 16 * 1024 * 1024;
/// How long a peer may be silent.
const IDLE: Duration = Duration::from_secs(60);

const CONTINUATION: u8 = 0x0;
const TEXT: u8 = 0x1;
const BINARY: u8 = 0x2;
const CLOSE: u8 = 0x8;
const PING: u8 = 0x9;
const PONG: u8 = 0xA;

/// `Sec-WebSocket-Accept` for a key.
fn accept_key(key: &str) -> String {
    let hash = digest(&SHA1_FOR_LEGACY_USE_ONLY, format!("{key}{GUID}").as_bytes());
    BASE64_STANDARD.encode(hash)
}

struct Frame {
    last: bool,
    opcode: u8,
    masked: bool,
    payload: Vec<u8>,
}

async fn read_frame(stream: &mut TcpStream) -> io::Result<Frame> {
    let mut head = [0; 2];
    stream.read_exact(&mut head).await?;
    let masked = head[1] & 0x80 != 0;
    let length = match head[1] & 0x7f {
        126 => u64::from(stream.read_u16().await?),
        127 => stream.read_u64().await?,
        short => u64::from(short),
    };
    if length > MAX_FRAME {
        return Err(io::Error::new(io::ErrorKind::InvalidData, "frame too long"));
    }
    let mut mask = [0; 4];
    if masked {
        stream.read_exact(&mut mask).await?;
    }
    let mut payload = vec![0; length as usize];
    stream.read_exact(&mut payload).await?;
    apply_mask(&mut payload, mask);
    Ok(Frame {
        last: head[0] & 0x80 != 0,
        opcode: head[0] & 0x0f,
        masked,
        payload,
    })
}

async fn write_frame(
    stream: &mut TcpStream,
    last: bool,
    opcode: u8,
    payload: &[u8],
    mask: Option<[u8; 4]>,
) -> io::Result<()> {
    let mut frame = vec![opcode | if last { 0x80 } else { 0 }];
    let flag = if mask.is_some() { 0x80 } else { 0 };
    match payload.len() {
        short @ 0..=125 => frame.push(flag | short as u8),
        medium @ 126..=0xffff => {
            frame.push(flag | 126);
            frame.extend_from_slice(&(medium as u16).to_be_bytes());
        }
        long => {
            frame.push(flag | 127);
            frame.extend_from_slice(&(long as u64).to_be_bytes());
        }
    }
    let start = frame.len() + if mask.is_some() { 4 } else { 0 };
    frame.extend(
        mask.unwrap_or_default()
            .iter()
            .take(if mask.is_some() { 4 } else { 0 }),
    );
    frame.extend_from_slice(payload);
    apply_mask(&mut frame[start..], mask.unwrap_or_default());
    stream.write_all(&frame).await
}

fn apply_mask(payload: &mut [u8], mask: [u8; 4]) {
    for (at, byte) in payload.iter_mut().enumerate() {
        *byte ^= mask[at % 4];
    }
}

/// An upstream that accepts WebSocket connections and sends every message back.
pub struct WebSocketEcho {
    addr: SocketAddr,
    received: Received,
    task: JoinHandle<()>,
}

impl Drop for WebSocketEcho {
    fn drop(&mut self) {
        self.task.abort();
    }
}

impl WebSocketEcho {
    /// Listens on a free loopback port.
    ///
    /// # Errors
    /// When no port can be bound.
    pub async fn start() -> io::Result<Self> {
        let listener = TcpListener::bind(("127.0.0.1", 0)).await?;
        let addr = listener.local_addr()?;
        let received = Received::default();
        let kept = received.clone();
        let task = tokio::spawn(async move {
            let mut connections = JoinSet::new();
            for number in 0.. {
                let Ok((stream, _)) = listener.accept().await else {
                    continue;
                };
                while connections.try_join_next().is_some() {}
                connections.spawn(echo(stream, number, kept.clone()));
            }
        });
        Ok(Self {
            addr,
            received,
            task,
        })
    }

    /// Where it listens.
    pub fn addr(&self) -> SocketAddr {
        self.addr
    }

    /// Its base URL with scheme `http`, without a slash at the end.
    pub fn url(&self) -> String {
        format!("http://{}", self.addr)
    }

    /// The opening handshakes it has received.
    pub fn requests(&self) -> Vec<ReceivedRequest> {
        self.received.all()
    }
}

async fn echo(mut stream: TcpStream, number: u64, received: Received) -> io::Result<()> {
    stream.set_nodelay(true)?;
    let Some(request) = timeout(IDLE, RequestReader::new(number).next(&mut stream)).await?? else {
        return Ok(());
    };
    let key = request.header("sec-websocket-key").map(str::to_owned);
    let upgrades = request
        .header("upgrade")
        .is_some_and(|value| value.eq_ignore_ascii_case("websocket"));
    let connection = request
        .header("connection")
        .unwrap_or_default()
        .to_ascii_lowercase();
    let protocol = request
        .header("sec-websocket-protocol")
        .and_then(|list| list.split(',').next());
    let protocol = protocol.map_or(String::new(), |name| {
        format!("Sec-WebSocket-Protocol: {}\r\n", name.trim())
    });
    received.push(request);
    let Some(key) = key.filter(|_| upgrades && connection.contains("upgrade")) else {
        return stream
            .write_all(
                b"HTTP/1.1 426 Upgrade Required\r\nupgrade: websocket\r\ncontent-length: 0\r\n\r\n",
            )
            .await;
    };
    let accepted = format!(
        "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: {}\r\n{protocol}\r\n",
        accept_key(&key)
    );
    stream.write_all(accepted.as_bytes()).await?;
    loop {
        let frame = timeout(IDLE, read_frame(&mut stream)).await??;
        if !frame.masked {
            // 1002: protocol error.
            return write_frame(&mut stream, true, CLOSE, &1002_u16.to_be_bytes(), None).await;
        }
        match frame.opcode {
            CONTINUATION | TEXT | BINARY => {
                write_frame(&mut stream, frame.last, frame.opcode, &frame.payload, None).await?;
            }
            PING => write_frame(&mut stream, true, PONG, &frame.payload, None).await?,
            CLOSE => return write_frame(&mut stream, true, CLOSE, &frame.payload, None).await,
            _ => {}
        }
    }
}

/// What a client received.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum WebSocketMessage {
    /// Text.
    Text(String),
    /// Bytes.
    Binary(Vec<u8>),
    /// The answer to a ping.
    Pong(Vec<u8>),
    /// The peer closes, with its code if it gave one.
    Close(Option<u16>),
}

/// A client for tests.
pub struct WebSocketClient {
    stream: TcpStream,
    /// Header fields of the 101 answer, names in lower case.
    pub headers: Vec<(String, String)>,
}

impl WebSocketClient {
    /// Connects and upgrades.
    ///
    /// # Errors
    /// When the peer does not answer 101 with the right `Sec-WebSocket-Accept`; the message holds
    /// the status line.
    pub async fn connect(
        addr: SocketAddr,
        path: &str,
        headers: &[(&str, &str)],
    ) -> io::Result<Self> {
        let mut stream = timeout(IDLE, TcpStream::connect(addr)).await??;
        stream.set_nodelay(true)?;
        let key = BASE64_STANDARD.encode(Uuid::new_v4().as_bytes());
        let more: String = headers
            .iter()
            .map(|(name, value)| format!("{name}: {value}\r\n"))
            .collect();
        let request = format!(
            "GET {path} HTTP/1.1\r\nHost: {addr}\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\
             Sec-WebSocket-Key: {key}\r\nSec-WebSocket-Version: 13\r\n{more}\r\n"
        );
        stream.write_all(request.as_bytes()).await?;
        let mut head = Vec::new();
        while !head.ends_with(b"\r\n\r\n") {
            if head.len() > 64 * 1024 {
                return Err(io::Error::new(io::ErrorKind::InvalidData, "head too long"));
            }
            head.push(timeout(IDLE, stream.read_u8()).await??);
        }
        let head = String::from_utf8_lossy(&head);
        let mut lines = head.trim_end().split("\r\n");
        let status = lines.next().unwrap_or_default();
        if status.split(' ').nth(1) != Some("101") {
            return Err(io::Error::other(status.to_owned()));
        }
        let headers: Vec<(String, String)> = lines
            .filter_map(|line| line.split_once(':'))
            .map(|(name, value)| (name.to_ascii_lowercase(), value.trim().to_owned()))
            .collect();
        let accepted = headers
            .iter()
            .find(|(name, _)| name == "sec-websocket-accept")
            .map(|(_, value)| value.as_str());
        if accepted != Some(accept_key(&key).as_str()) {
            return Err(io::Error::new(
                io::ErrorKind::InvalidData,
                "wrong Sec-WebSocket-Accept",
            ));
        }
        Ok(Self { stream, headers })
    }

    async fn send(&mut self, opcode: u8, payload: &[u8]) -> io::Result<()> {
        let random = Uuid::new_v4().into_bytes();
        let mask = [random[0], random[1], random[2], random[3]];
        write_frame(&mut self.stream, true, opcode, payload, Some(mask)).await
    }

    /// Sends a text message.
    ///
    /// # Errors
    /// When the connection is gone.
    pub async fn send_text(&mut self, text: &str) -> io::Result<()> {
        self.send(TEXT, text.as_bytes()).await
    }

    /// Sends a binary message.
    ///
    /// # Errors
    /// When the connection is gone.
    pub async fn send_binary(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.send(BINARY, bytes).await
    }

    /// Sends a ping.
    ///
    /// # Errors
    /// When the connection is gone.
    pub async fn ping(&mut self, payload: &[u8]) -> io::Result<()> {
        self.send(PING, payload).await
    }

    /// Starts the closing handshake.
    ///
    /// # Errors
    /// When the connection is gone.
    pub async fn close(&mut self, code: u16) -> io::Result<()> {
        self.send(CLOSE, &code.to_be_bytes()).await
    }

    /// The next message.
    ///
    /// # Errors
    /// When the connection ends, is silent for a minute, or a frame is masked or fragmented.
    pub async fn receive(&mut self) -> io::Result<WebSocketMessage> {
        let invalid = |what: &str| io::Error::new(io::ErrorKind::InvalidData, what.to_owned());
        let frame = timeout(IDLE, read_frame(&mut self.stream)).await??;
        if frame.masked || !frame.last {
            return Err(invalid("a masked or fragmented frame from the server"));
        }
        match frame.opcode {
            TEXT => String::from_utf8(frame.payload)
                .map(WebSocketMessage::Text)
                .map_err(|_| invalid("text is not UTF-8")),
            BINARY => Ok(WebSocketMessage::Binary(frame.payload)),
            PONG => Ok(WebSocketMessage::Pong(frame.payload)),
            CLOSE => {
                let code = frame
                    .payload
                    .first_chunk::<2>()
                    .map(|code| u16::from_be_bytes(*code));
                Ok(WebSocketMessage::Close(code))
            }
            _ => Err(invalid("unexpected opcode")),
        }
    }
}

#[cfg(test)]
mod tests {
    #[test]
    fn accept_key_of_the_rfc() {
        assert_eq!(
            super::accept_key("dGhlIHNhbXBsZSBub25jZQ=="),
            "s3pPLMBiTxaQ9kYGzzhZRbK+xOo="
        );
    }
}
