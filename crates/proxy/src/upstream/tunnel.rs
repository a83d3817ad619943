//! A tunnel through an HTTP proxy (CONNECT, RFC 9110, section 9.3.6), and what a proxy's refusal means.
//!
//! What must stay true: nothing that follows the proxy's head is lost or read too early; the head has a bound. The caller
//! puts the deadline around it.

use http::{HeaderMap, header};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tollgate_engine::connect::HttpProxy;

/// Longest head of a proxy's answer.
const MOST_HEAD: usize = 16 << 10;

/// Asks the proxy for a tunnel to a host. The error says what it answered.
pub(super) async fn open(
    stream: &mut TcpStream,
    proxy: &HttpProxy,
    host: &str,
    port: u16,
) -> Result<(), String> {
    let target = if host.contains(':') {
        format!("[{host}]:{port}")
    } else {
        format!("{host}:{port}")
    };
    let mut request = format!("CONNECT {target} HTTP/1.1\r\nHost: {target}\r\n").into_bytes();
    if let Some(authorization) = &proxy.authorization {
        request.extend_from_slice(b"Proxy-Authorization: ");
        request.extend_from_slice(authorization.as_bytes());
        request.extend_from_slice(b"\r\n");
    }
    request.extend_from_slice(b"\r\n");
    stream
        .write_all(&request)
        .await
        .map_err(|e| e.to_string())?;
    let head = head(stream).await?;
    let (status, wants) = read(&head).ok_or("its answer is not HTTP")?;
    match status {
        200..=299 => Ok(()),
        407 => Err(refused(&wants)),
        status => Err(format!("it answered {status} to CONNECT {target}")),
    }
}

/// The head of the answer. The server speaks only after the client has (TLS), so nothing stands behind it.
async fn head(stream: &mut TcpStream) -> Result<Vec<u8>, String> {
    let mut head = Vec::with_capacity(256);
    while !head.ends_with(b"\r\n\r\n") {
        if head.len() >= MOST_HEAD {
            return Err(String::from("its answer is too long"));
        }
        // Looked at before it is taken: what follows the head is not this function's.
        let mut seen = [0; 512];
        let there = stream.peek(&mut seen).await.map_err(|e| e.to_string())?;
        if there == 0 {
            return Err(String::from("it closed the connection"));
        }
        let tail = head.len().saturating_sub(3);
        let both = [&head[tail..], &seen[..there]].concat();
        let end = both.windows(4).position(|w| w == b"\r\n\r\n");
        let take = end.map_or(there, |at| at + 4 - (head.len() - tail));
        let mut part = vec![0; take];
        stream
            .read_exact(&mut part)
            .await
            .map_err(|e| e.to_string())?;
        head.extend_from_slice(&part);
    }
    Ok(head)
}

/// Status, and what the proxy wants to be told who comes.
fn read(head: &[u8]) -> Option<(u16, String)> {
    let text = std::str::from_utf8(head).ok()?;
    let mut lines = text.split("\r\n");
    let mut words = lines.next()?.split(' ');
    words.next()?.starts_with("HTTP/1.").then_some(())?;
    let status = words.next()?.parse().ok()?;
    let wants: Vec<&str> = lines
        .filter_map(|line| line.split_once(':'))
        .filter(|(name, _)| name.eq_ignore_ascii_case("proxy-authenticate"))
        .map(|(_, value)| value.trim())
        .collect();
    Some((status, wants.join(", ")))
}

/// What a 407 means.
fn refused(wants: &str) -> String {
    let basic = wants
        .split(',')
        .any(|one| one.trim().to_ascii_lowercase().starts_with("basic"));
    if basic || wants.is_empty() {
        String::from("it refuses the user and password (407)")
    } else {
        format!("it wants another authentication than Basic (407): {wants}")
    }
}

/// The same of an answer's head, where the request itself went to the proxy.
pub(super) fn refusal(headers: &HeaderMap) -> String {
    let wants: Vec<&str> = headers
        .get_all(header::PROXY_AUTHENTICATE)
        .iter()
        .filter_map(|v| v.to_str().ok())
        .collect();
    format!("the proxy: {}", refused(&wants.join(", ")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_refusal_tells_what_is_wanted() {
        let head =
            b"HTTP/1.1 407 No\r\nProxy-Authenticate: NTLM\r\nproxy-authenticate: Negotiate\r\n\r\n";
        let (status, wants) = read(head).unwrap();
        assert_eq!(status, 407);
        assert_eq!(
            refused(&wants),
            "it wants another authentication than Basic (407): NTLM, Negotiate"
        );
        assert!(refused("Negotiate, Basic realm=x").contains("user and password"));
        assert_eq!(read(b"HTTP/1.0 200 OK\r\n\r\n").unwrap().0, 200);
        assert_eq!(read(b"SSH-2.0 x\r\n\r\n"), None);
        assert_eq!(read(b"\xff\r\n\r\n"), None);
    }
}
