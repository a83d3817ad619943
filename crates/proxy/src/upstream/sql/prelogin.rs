//! `PRELOGIN`: what client and server tell each other before anything else, and its packets around a TLS handshake.
//!
//! Source: MS-TDS, 2.2.6.5 (PRELOGIN) and 3.2.5.1; `wire` exchanges it in the driver's place, so that TLS is the gateway's
//! own. What must stay true: the server is not trusted yet, so that every length is checked and bounded.

use std::io;
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt, ReadBuf};

/// Bytes of a packet's header.
pub(super) const HEADER: usize = 8;

/// Packet type of `PRELOGIN`, also around the handshake.
const PRELOGIN: u8 = 0x12;

/// Packet type of a server's answers.
const ANSWER: u8 = 0x04;

/// The last packet of a message.
const END_OF_MESSAGE: u8 = 0x01;

/// Most bytes of a packet before the login says more.
const PACKET: usize = 4096;

/// Most bytes of the server's answer.
const MOST: usize = 32 << 10;

/// Option: encryption.
const ENCRYPTION: u8 = 1;

/// Encryption is wanted, or there.
pub(super) const ON: u8 = 0x01;

/// There is none.
const NOT_SUPPORTED: u8 = 0x02;

/// The client has a certificate.
pub(super) const CLIENT_CERTIFICATE: u8 = 0x80;

/// What the server answered.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Greeting {
    /// Whether TLS comes next.
    pub(super) encrypted: bool,
    /// The answer as one packet, in which there is no encryption.
    pub(super) packet: Vec<u8>,
}

/// Tells the server what the gateway wants, and reads its answer. `token`: whether an access token will log in.
pub(super) async fn exchange<S: AsyncRead + AsyncWrite + Unpin>(
    stream: &mut S,
    encryption: u8,
    token: bool,
) -> io::Result<Greeting> {
    stream.write_all(&message(encryption, token)).await?;
    stream.flush().await?;
    let mut answer = Vec::new();
    loop {
        let mut header = [0; HEADER];
        stream.read_exact(&mut header).await?;
        let length = usize::from(u16::from_be_bytes([header[2], header[3]]));
        let length = length
            .checked_sub(HEADER)
            .filter(|length| header[0] == ANSWER && answer.len() + length <= MOST)
            .ok_or_else(|| io::Error::other("the server does not speak TDS"))?;
        let from = answer.len();
        answer.resize(from + length, 0);
        stream.read_exact(&mut answer[from..]).await?;
        if header[1] & END_OF_MESSAGE != 0 {
            break;
        }
    }
    greeting(answer).ok_or_else(|| io::Error::other("the server's PRELOGIN is broken"))
}

/// The client's message, as one packet.
fn message(encryption: u8, token: bool) -> Vec<u8> {
    // Version, encryption, instance (the default one), thread, MARS (off), whether a token comes.
    let mut options: Vec<(u8, &[u8])> = vec![
        (0, &[16, 0, 0, 0, 0, 0]),
        (ENCRYPTION, std::slice::from_ref(&encryption)),
        (2, &[0]),
        (3, &[0, 0, 0, 0]),
        (4, &[0]),
    ];
    if token {
        options.push((6, &[1]));
    }
    let mut at = options.len() * 5 + 1;
    let mut packet = vec![PRELOGIN, END_OF_MESSAGE, 0, 0, 0, 0, 1, 0];
    for (option, value) in &options {
        let place = u16::try_from(at).unwrap_or_default().to_be_bytes();
        packet.extend([*option, place[0], place[1], 0, value.len() as u8]);
        at += value.len();
    }
    packet.push(0xff);
    for (_, value) in &options {
        packet.extend_from_slice(value);
    }
    set_length(&mut packet);
    packet
}

fn set_length(packet: &mut [u8]) {
    let length = u16::try_from(packet.len()).unwrap_or(u16::MAX);
    packet[2..4].copy_from_slice(&length.to_be_bytes());
}

/// Reads the server's options and takes the encryption out of them. `None`: they are broken.
fn greeting(mut answer: Vec<u8>) -> Option<Greeting> {
    let mut at = 0;
    let mut encrypted = None;
    loop {
        let option = *answer.get(at)?;
        if option == 0xff {
            break;
        }
        let entry = answer.get(at + 1..at + 5)?;
        let place = usize::from(u16::from_be_bytes([entry[0], entry[1]]));
        if option == ENCRYPTION {
            let value = answer.get_mut(place)?;
            // `ON` and `REQUIRED`; what the certificate's bit says does not matter.
            encrypted = Some(matches!(*value & 0x0f, 1 | 3));
            *value = NOT_SUPPORTED;
        }
        at += 5;
    }
    let mut packet = vec![ANSWER, END_OF_MESSAGE, 0, 0, 0, 0, 1, 0];
    packet.extend(answer);
    set_length(&mut packet);
    Some(Greeting {
        encrypted: encrypted?,
        packet,
    })
}

/// A stream whose bytes travel in packets of `PRELOGIN` while the handshake lasts, and bare from then on.
pub(super) struct Framed<S> {
    inner: S,
    /// Whether the handshake lasts.
    framing: bool,
    /// The header of the packet that is being read, and how much of it is there.
    header: ([u8; HEADER], usize),
    /// What is left of that packet.
    left: usize,
    /// Written by TLS, without headers.
    pending: Vec<u8>,
    /// On its way out, with headers.
    out: Vec<u8>,
}

impl<S> Framed<S> {
    /// `framing`: false where TLS came first.
    pub(super) fn new(inner: S, framing: bool) -> Framed<S> {
        Framed {
            inner,
            framing,
            header: ([0; HEADER], 0),
            left: 0,
            pending: Vec::new(),
            out: Vec::new(),
        }
    }

    /// The handshake is over.
    pub(super) fn bare(&mut self) {
        self.framing = false;
    }
}

impl<S: AsyncRead + Unpin> AsyncRead for Framed<S> {
    fn poll_read(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        if !this.framing && this.left == 0 {
            return Pin::new(&mut this.inner).poll_read(cx, buf);
        }
        while this.left == 0 {
            let (header, have) = &mut this.header;
            let mut rest = ReadBuf::new(&mut header[*have..]);
            ready!(Pin::new(&mut this.inner).poll_read(cx, &mut rest))?;
            if rest.filled().is_empty() {
                return Poll::Ready(Ok(()));
            }
            *have += rest.filled().len();
            if *have < HEADER {
                continue;
            }
            *have = 0;
            let length = usize::from(u16::from_be_bytes([header[2], header[3]]));
            if !matches!(header[0], PRELOGIN | ANSWER) || length < HEADER {
                let why = "the server does not answer the TLS handshake";
                return Poll::Ready(Err(io::Error::other(why)));
            }
            this.left = length - HEADER;
        }
        // Through a buffer of its own, which ends where the packet does.
        let mut bytes = [0; PACKET];
        let most = this.left.min(buf.remaining()).min(PACKET);
        let mut part = ReadBuf::new(&mut bytes[..most]);
        ready!(Pin::new(&mut this.inner).poll_read(cx, &mut part))?;
        let read = part.filled().len();
        buf.put_slice(part.filled());
        this.left -= read;
        Poll::Ready(Ok(()))
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for Framed<S> {
    fn poll_write(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &[u8],
    ) -> Poll<io::Result<usize>> {
        let this = self.get_mut();
        if !this.framing {
            return Pin::new(&mut this.inner).poll_write(cx, buf);
        }
        if this.pending.len() + buf.len() > MOST {
            return Poll::Ready(Err(io::Error::other("the TLS handshake is too long")));
        }
        this.pending.extend_from_slice(buf);
        Poll::Ready(Ok(buf.len()))
    }

    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        let pending = std::mem::take(&mut this.pending);
        let mut parts = pending.chunks(PACKET - HEADER).peekable();
        while let Some(part) = parts.next() {
            let status = u8::from(parts.peek().is_none());
            let from = this.out.len();
            this.out.extend([PRELOGIN, status, 0, 0, 0, 0, 1, 0]);
            this.out.extend_from_slice(part);
            set_length(&mut this.out[from..]);
        }
        while !this.out.is_empty() {
            let written = ready!(Pin::new(&mut this.inner).poll_write(cx, &this.out))?;
            if written == 0 {
                return Poll::Ready(Err(io::ErrorKind::WriteZero.into()));
            }
            this.out.drain(..written);
        }
        Pin::new(&mut this.inner).poll_flush(cx)
    }

    fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.get_mut().inner).poll_shutdown(cx)
    }
}

#[cfg(test)]
mod tests;
