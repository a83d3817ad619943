//! Backends behind an HTTP proxy: requests by their whole URL, tunnels for TLS, and what a proxy refuses.

use crate::support::*;
use crate::tls::{certificate, server_config};
use std::sync::Arc;
use std::sync::Mutex;
use tokio::io::copy_bidirectional;
use tokio::net::TcpStream;
use tokio_rustls::TlsAcceptor;
use tollgate_engine::definition::{BackendKind, BackendTls, ProxyDefinition, Secret};

/// What a proxy was asked, request line and authorization.
type Asked = Arc<Mutex<Vec<String>>>;

/// A proxy that opens tunnels to one address and answers whole URLs itself. Without the right user it answers 407.
async fn proxy(to: std::net::SocketAddr, wants: Option<&'static str>) -> (Backend, Asked) {
    let asked = Asked::default();
    let noted = asked.clone();
    let proxy = Backend::serve(move |mut wire| {
        let noted = noted.clone();
        async move {
            while let Some(request) = wire.message().await {
                let line = request.lines().next().unwrap_or_default().to_owned();
                let user = header(&request, "proxy-authorization").unwrap_or("nobody");
                noted.lock().unwrap().push(format!("{line} by {user}"));
                if wants.is_some_and(|wants| wants != user) {
                    wire.send(
                        "HTTP/1.1 407 Who\r\nproxy-authenticate: NTLM\r\ncontent-length: 0\r\n\r\n",
                    )
                    .await;
                    continue;
                }
                if !line.starts_with("CONNECT ") {
                    wire.send("HTTP/1.1 200 OK\r\ncontent-length: 5\r\n\r\nproxy")
                        .await;
                    continue;
                }
                wire.send("HTTP/1.1 200 Connection established\r\nvia: x\r\n\r\n")
                    .await;
                let Ok(mut upstream) = TcpStream::connect(to).await else {
                    return;
                };
                let _ = copy_bidirectional(&mut wire.stream, &mut upstream).await;
                return;
            }
        }
    })
    .await;
    (proxy, asked)
}

/// A gateway whose backend is behind the proxy.
fn behind(url: &str, ca: &str, proxy: &Backend, user: Option<&str>) -> Running {
    let policy = backend_section(r#"<set-backend-service backend-id="tls" /><forward-request />"#);
    let checks = BackendTls {
        ca_pem: Some(Arc::from(ca)),
        ..BackendTls::default()
    };
    let mut definition = with_backend(definition(url, Some(&policy)), url, checks);
    if let BackendKind::Single(single) = &mut definition.backends[0].kind {
        single.proxy = Some(ProxyDefinition {
            url: Arc::from(proxy.url()),
            username: user.map(Arc::from),
            password: user.map(|_| Secret::new("p")),
        });
    }
    start(definition, |_| {})
}

async fn tls_backend(pem: &(String, String)) -> Backend {
    let config = server_config(pem, &["http/1.1"]);
    Backend::serve(move |wire| {
        let config = config.clone();
        async move {
            let Ok(stream) = TlsAcceptor::from(config).accept(wire.stream).await else {
                return;
            };
            let mut wire = Wire::new(stream);
            while let Some(request) = wire.message().await {
                let line = request.lines().next().unwrap_or_default();
                let length = line.len();
                wire.send(&format!(
                    "HTTP/1.1 200 OK\r\ncontent-length: {length}\r\n\r\n{line}"
                ))
                .await;
            }
        }
    })
    .await
}

#[tokio::test]
async fn a_backend_without_tls_is_asked_by_its_whole_url() {
    let backend = Backend::echo().await;
    let (proxy, asked) = proxy(backend.address, Some("Basic dTpw")).await;
    let running = behind("http://backend.test:81/base", "", &proxy, Some("u"));
    let mut wire = running.connect().await;
    for _ in 0..2 {
        let answer = wire.get("/api/x?y=1").await;
        assert_eq!((status(&answer), body(&answer)), (200, "proxy"));
    }
    let line = "GET http://backend.test:81/base/x?y=1 HTTP/1.1 by Basic dTpw";
    assert_eq!(*asked.lock().unwrap(), [line, line]);
    assert_eq!(proxy.accepted(), 1, "the connection is used again");
    assert_eq!(backend.accepted(), 0);
}

#[tokio::test]
async fn a_backend_with_tls_is_reached_through_a_tunnel() {
    let pem = certificate("backend.test");
    let backend = tls_backend(&pem).await;
    let (proxy, asked) = proxy(backend.address, Some("Basic dTpw")).await;
    let running = behind("https://backend.test", &pem.0, &proxy, Some("u"));
    let mut wire = running.connect().await;
    for _ in 0..2 {
        let answer = wire.get("/api/x").await;
        assert_eq!((status(&answer), body(&answer)), (200, "GET /x HTTP/1.1"));
    }
    let line = "CONNECT backend.test:443 HTTP/1.1 by Basic dTpw";
    assert_eq!(*asked.lock().unwrap(), [line]);
    assert_eq!((proxy.accepted(), backend.accepted()), (1, 1));
}

#[tokio::test]
async fn who_a_proxy_does_not_know_gets_no_answer_of_it() {
    let pem = certificate("backend.test");
    let backend = tls_backend(&pem).await;
    for url in ["https://backend.test", "http://backend.test"] {
        let (proxy, asked) = proxy(backend.address, Some("Basic other")).await;
        let running = behind(url, &pem.0, &proxy, None);
        let answer = running.connect().await.get("/api/x").await;
        assert_eq!(status(&answer), 500, "{url}");
        assert_eq!(header(&answer, "proxy-authenticate"), None);
        assert!(asked.lock().unwrap()[0].ends_with(" by nobody"));
    }
    assert_eq!(backend.accepted(), 0);
}

#[tokio::test]
async fn a_proxy_that_is_none_is_an_error() {
    for answer in [
        "SSH-2.0 hello\r\n\r\n",
        "HTTP/1.1 403 No\r\n\r\n",
        "HTTP/1.1 ",
    ] {
        let proxy = Backend::serve(move |mut wire| async move {
            wire.message().await;
            wire.send(answer).await;
        })
        .await;
        let running = behind("https://backend.test", "", &proxy, None);
        let code = status(&running.connect().await.get("/api/x").await);
        assert_eq!(code, 500, "{answer}");
    }
}
