//! A client's connection, with or without TLS, whose handshake may be in packets of `PRELOGIN`.

use super::packet;
use rustls::{ServerConfig, ServerConnection};
use std::io::{self, Read, Write};
use std::sync::Arc;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

/// The connection.
pub(super) struct Stream {
    socket: TcpStream,
    tls: Option<ServerConnection>,
    /// Read and not yet taken.
    input: Vec<u8>,
}

impl Stream {
    pub(super) fn new(socket: TcpStream) -> Stream {
        Stream {
            socket,
            tls: None,
            input: Vec::new(),
        }
    }

    pub(super) fn is_secure(&self) -> bool {
        self.tls.is_some()
    }

    /// Shakes hands. `in_packets`: each flight travels in a message of type `PRELOGIN`.
    pub(super) async fn secure(
        &mut self,
        config: ServerConfig,
        in_packets: bool,
    ) -> io::Result<()> {
        let mut tls = ServerConnection::new(Arc::new(config)).map_err(io::Error::other)?;
        while tls.is_handshaking() {
            let flight = if in_packets {
                let message = packet::read(self).await?;
                if message.kind != packet::PRELOGIN {
                    return Err(io::Error::other("the handshake is not in PRELOGIN packets"));
                }
                message.payload
            } else {
                let mut bytes = vec![0; 16 << 10];
                let read = self.socket.read(&mut bytes).await?;
                bytes.truncate(read);
                if read == 0 {
                    return Err(io::ErrorKind::UnexpectedEof.into());
                }
                bytes
            };
            let mut flight = &flight[..];
            while !flight.is_empty() {
                tls.read_tls(&mut flight)?;
                tls.process_new_packets().map_err(io::Error::other)?;
            }
            let mut out = Vec::new();
            while tls.wants_write() {
                tls.write_tls(&mut out)?;
            }
            if !out.is_empty() {
                let out = match in_packets {
                    true => packet::framed(packet::PRELOGIN, &out),
                    false => out,
                };
                self.socket.write_all(&out).await?;
            }
        }
        self.tls = Some(tls);
        Ok(())
    }

    /// Reads so many bytes.
    pub(super) async fn read(&mut self, bytes: usize) -> io::Result<Vec<u8>> {
        loop {
            if let Some(tls) = &mut self.tls {
                let state = tls.process_new_packets().map_err(io::Error::other)?;
                let mut plain = vec![0; state.plaintext_bytes_to_read()];
                tls.reader().read_exact(&mut plain)?;
                self.input.extend(plain);
            }
            if self.input.len() >= bytes {
                let rest = self.input.split_off(bytes);
                return Ok(std::mem::replace(&mut self.input, rest));
            }
            let mut part = vec![0; 16 << 10];
            let read = self.socket.read(&mut part).await?;
            if read == 0 {
                return Err(io::ErrorKind::UnexpectedEof.into());
            }
            match &mut self.tls {
                None => self.input.extend_from_slice(&part[..read]),
                Some(tls) => {
                    let mut part = &part[..read];
                    while !part.is_empty() {
                        tls.read_tls(&mut part)?;
                        let state = tls.process_new_packets().map_err(io::Error::other)?;
                        let mut plain = vec![0; state.plaintext_bytes_to_read()];
                        tls.reader().read_exact(&mut plain)?;
                        self.input.extend(plain);
                    }
                }
            }
        }
    }

    pub(super) async fn write(&mut self, bytes: &[u8]) -> io::Result<()> {
        let Some(tls) = &mut self.tls else {
            return self.socket.write_all(bytes).await;
        };
        // In pieces, because the library keeps no more than a bound.
        for piece in bytes.chunks(8 << 10) {
            tls.writer().write_all(piece)?;
            let mut out = Vec::new();
            while tls.wants_write() {
                tls.write_tls(&mut out)?;
            }
            self.socket.write_all(&out).await?;
        }
        Ok(())
    }
}
