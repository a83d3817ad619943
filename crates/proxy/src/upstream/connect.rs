//! Opens a stream to an origin: name, all its addresses, TLS.
//!
//! What must stay true: a second address is tried while the first is still silent (RFC 8305); the error names every
//! address that was tried. The caller puts the deadline around it.

use super::dns::Cache;
use super::pool::OriginPool;
use super::tls::{Alpn, ClientTls};
use super::tunnel;
use crate::io::{self, Stream};
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;
use tokio::net::TcpStream;
use tokio::task::JoinSet;
use tollgate_engine::services::{HttpVersion, SendError};

/// How long an address may be silent before the next is tried beside it (RFC 8305, section 5).
const HEAD_START: Duration = Duration::from_millis(250);

/// A stream, and whether it speaks HTTP/2.
pub(crate) async fn connect(
    dns: &Cache,
    tls: &ClientTls,
    pool: &OriginPool,
) -> Result<(Stream, bool), SendError> {
    let origin = &pool.origin;
    let failed = |why: String| SendError::Connect(format!("{}: {why}", origin.authority));
    let stream = match pool.proxy() {
        None => reach(dns, &origin.host, origin.port)
            .await
            .map_err(failed)?,
        Some(proxy) => {
            let at = |why: String| failed(format!("proxy {}:{}: {why}", proxy.host, proxy.port));
            let mut stream = reach(dns, &proxy.host, proxy.port).await.map_err(at)?;
            if pool.tunnels() {
                tunnel::open(&mut stream, proxy, &origin.host, origin.port)
                    .await
                    .map_err(at)?;
            }
            stream
        }
    };
    let Some(checks) = &origin.tls else {
        return Ok((Stream::Plain(stream), pool.version == HttpVersion::Http2));
    };
    let alpn = match pool.version {
        HttpVersion::Http1 => Alpn::Http1,
        HttpVersion::Http2Or1 => Alpn::Both,
        HttpVersion::Http2 => Alpn::Http2,
    };
    let options = origin.connect.as_deref();
    let certificate = options.and_then(|o| o.certificate.as_ref());
    let config = tls.config(checks, alpn, certificate).map_err(failed)?;
    let name = rustls_pki_types::ServerName::try_from(origin.host.to_string())
        .map_err(|e| failed(e.to_string()))?;
    let stream = tokio_rustls::TlsConnector::from(config)
        .connect(name, stream)
        .await
        .map_err(|e| failed(format!("TLS: {e}")))?;
    let http2 = stream.get_ref().1.alpn_protocol() == Some(b"h2");
    if pool.version == HttpVersion::Http2 && !http2 {
        return Err(failed(String::from("the backend does not offer HTTP/2")));
    }
    Ok((Stream::Tls(Box::new(stream.into())), http2))
}

/// A stream to a host.
pub(super) async fn reach(dns: &Cache, host: &Arc<str>, port: u16) -> Result<TcpStream, String> {
    let addresses = dns
        .resolve(host, port)
        .await
        .map_err(|e| format!("the name was not resolved: {e}"))?;
    let opened = open(&addresses).await;
    if opened.is_err() {
        dns.forget(host);
    }
    opened
}

/// The first address that answers.
async fn open(addresses: &[SocketAddr]) -> Result<TcpStream, String> {
    if let [address] = addresses {
        return one(*address).await;
    }
    let mut tries: JoinSet<Result<TcpStream, String>> = JoinSet::new();
    let mut left = addresses.iter();
    let mut failures: Vec<String> = Vec::new();
    loop {
        if let Some(address) = left.next() {
            tries.spawn_local(one(*address));
        }
        let answered = if left.len() == 0 {
            tries.join_next().await
        } else {
            match tokio::time::timeout(HEAD_START, tries.join_next()).await {
                Ok(answered) => answered,
                Err(_) => continue,
            }
        };
        match answered {
            Some(Ok(Ok(stream))) => return Ok(stream),
            Some(Ok(Err(why))) => failures.push(why),
            Some(Err(_)) => {}
            None if left.len() == 0 => return Err(failures.join("; ")),
            None => {}
        }
    }
}

async fn one(address: SocketAddr) -> Result<TcpStream, String> {
    let stream = TcpStream::connect(address)
        .await
        .map_err(|e| format!("{address}: {e}"))?;
    io::prepare(&stream).map_err(|e| format!("{address}: {e}"))?;
    Ok(stream)
}

#[cfg(test)]
mod tests {
    use super::*;
    use tokio::net::TcpListener;

    #[test]
    fn every_address_is_tried_and_delay_is_off() {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build_local(tokio::runtime::LocalOptions::default())
            .unwrap();
        runtime.block_on(async {
            let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
            let good = listener.local_addr().unwrap();
            // A port that was free a moment ago, and an address of the documentation's.
            let refused = {
                let free = TcpListener::bind("127.0.0.1:0").await.unwrap();
                free.local_addr().unwrap()
            };
            let stream = open(&[refused, good]).await.unwrap();
            assert_eq!(stream.peer_addr().unwrap(), good);
            assert!(stream.nodelay().unwrap());
            let why = open(&[refused, refused]).await.unwrap_err();
            assert_eq!(why.matches(&refused.to_string()).count(), 2, "{why}");
        });
    }
}
