//! HTTP/2 on both sides, with and without TLS.

use crate::support::*;
use crate::tls::{Folder, certificate, connect, server_config};
use bytes::Bytes;
use http::{Request, Response, StatusCode, Version};
use http_body_util::{BodyExt, Full};
use hyper::body::Incoming;
use hyper::client::conn::http2;
use hyper::service::service_fn;
use hyper_util::rt::{TokioExecutor, TokioIo};
use std::convert::Infallible;
use std::sync::Arc;
use std::time::Duration;
use tokio::net::TcpStream;
use tokio_rustls::TlsAcceptor;
use tollgate_engine::definition::BackendTls;
use tollgate_proxy::config::TlsFiles;

type Sender = http2::SendRequest<Full<Bytes>>;

async fn caller<S>(stream: S) -> (Sender, tokio::task::JoinHandle<hyper::Result<()>>)
where
    S: tokio::io::AsyncRead + tokio::io::AsyncWrite + Unpin + Send + 'static,
{
    let (sender, connection) = http2::handshake(TokioExecutor::new(), TokioIo::new(stream))
        .await
        .unwrap();
    (sender, tokio::spawn(connection))
}

fn post(path: &str, body: &str) -> Request<Full<Bytes>> {
    Request::post(format!("http://gateway{path}"))
        .header("ocp-apim-subscription-key", KEY)
        .header("cookie", "a=1")
        .header("cookie", "b=2")
        .body(Full::from(body.to_owned()))
        .unwrap()
}

async fn text(response: Response<Incoming>) -> String {
    let bytes = soon(response.into_body().collect())
        .await
        .unwrap()
        .to_bytes();
    String::from_utf8(bytes.to_vec()).unwrap()
}

/// An HTTP/2 backend that answers with what it saw.
async fn http2_backend(tls: Option<Arc<rustls::ServerConfig>>) -> Backend {
    Backend::serve(move |wire| {
        let tls = tls.clone();
        async move {
            let service = service_fn(|request: Request<Incoming>| async move {
                let line = format!(
                    "{:?} {} {}",
                    request.version(),
                    request.method(),
                    request.uri()
                );
                assert!(request.headers().get("host").is_none());
                let body = request.into_body().collect().await.unwrap().to_bytes();
                let body = [line.as_bytes(), b" ", &body].concat();
                Ok::<_, Infallible>(Response::new(Full::<Bytes>::from(body)))
            });
            let server = hyper::server::conn::http2::Builder::new(TokioExecutor::new());
            let _ = match tls {
                None => {
                    server
                        .serve_connection(TokioIo::new(wire.stream), service)
                        .await
                }
                Some(tls) => match TlsAcceptor::from(tls).accept(wire.stream).await {
                    Ok(stream) => server.serve_connection(TokioIo::new(stream), service).await,
                    Err(_) => return,
                },
            };
        }
    })
    .await
}

#[tokio::test]
async fn many_streams_of_one_caller() {
    let backend = Backend::echo().await;
    let running = before(&backend);
    let (sender, _connection) = caller(TcpStream::connect(running.address).await.unwrap()).await;
    let mut calls = Vec::new();
    for number in 0..100 {
        let mut sender = sender.clone();
        calls.push(tokio::spawn(async move {
            let response = soon(sender.send_request(post("/api/x", &format!("body {number}"))))
                .await
                .unwrap();
            assert_eq!(response.status(), StatusCode::OK);
            assert_eq!(response.version(), Version::HTTP_2);
            let seen = text(response).await;
            assert!(seen.ends_with(&format!("body {number}")), "{seen}");
            assert_eq!(header(&seen, "cookie"), Some("a=1; b=2"));
        }));
    }
    for call in calls {
        call.await.unwrap();
    }
    assert_eq!(running.metric("tollgate_connections "), 1);
    until(|| running.settled("answered") == 100).await;
}

#[tokio::test]
async fn a_stream_that_is_reset_closes_its_backend_connection() {
    let backend = Backend::serve(|mut wire| async move {
        wire.message().await;
        wire.send("HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n1\r\nx\r\n")
            .await;
        wire.rest().await;
    })
    .await;
    let running = before(&backend);
    let (mut sender, _connection) =
        caller(TcpStream::connect(running.address).await.unwrap()).await;
    let mut response = soon(sender.send_request(post("/api/x", ""))).await.unwrap();
    assert!(soon(response.body_mut().frame()).await.is_some());
    drop(response);
    until(|| backend.open() == 0).await;
    until(|| running.settled("client_left") == 1).await;
    let again = soon(sender.send_request(post("/nothing", "")))
        .await
        .unwrap();
    assert_eq!(again.status(), StatusCode::NOT_FOUND);
}

#[tokio::test]
async fn tls_offers_http2() {
    let backend = Backend::echo().await;
    let pem = certificate("localhost");
    let folder = Folder::new();
    let files = TlsFiles {
        certificate: folder.write("tls.crt", &pem.0),
        key: folder.write("tls.key", &pem.1),
        negotiate_client_certificate: false,
    };
    let running = start(definition(&backend.url(), None), |c| {
        c.listeners[0].tls = Some(files);
    });
    let stream = connect(running.address, &pem.0, &["h2", "http/1.1"])
        .await
        .unwrap();
    assert_eq!(stream.get_ref().1.alpn_protocol(), Some(&b"h2"[..]));
    let (mut sender, _connection) = caller(stream).await;
    let response = soon(sender.send_request(post("/api/x", "hi")))
        .await
        .unwrap();
    assert!(text(response).await.ends_with("hi"));
}

#[tokio::test]
async fn a_drain_says_goaway_and_finishes() {
    let backend = Backend::serve(|mut wire| async move {
        while wire.message().await.is_some() {
            tokio::time::sleep(Duration::from_millis(300)).await;
            wire.send("HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok")
                .await;
        }
    })
    .await;
    let running = before(&backend);
    let (mut sender, connection) = caller(TcpStream::connect(running.address).await.unwrap()).await;
    let call = tokio::spawn(sender.send_request(post("/api/x", "")));
    until(|| backend.accepted() == 1).await;
    let gateway = running.gateway;
    let drain = tokio::task::spawn_blocking(move || gateway.drain(PATIENCE));
    assert_eq!(text(soon(call).await.unwrap().unwrap()).await, "ok");
    assert_eq!(soon(drain).await.unwrap(), 0);
    soon(connection).await.unwrap().unwrap();
}

#[tokio::test]
async fn backends_with_prior_knowledge_share_one_connection() {
    let backend = http2_backend(None).await;
    let policy = backend_section(r#"<forward-request http-version="2" />"#);
    let running = start(definition(&backend.url(), Some(&policy)), |_| {});
    let expected = format!("HTTP/2.0 POST http://{}/x hello", backend.address);
    let mut calls = Vec::new();
    for _ in 0..20 {
        let mut wire = running.connect().await;
        calls.push(tokio::spawn(async move {
            let answer = wire
                .call(&format!(
                    "POST /api/x HTTP/1.1\r\nhost: a\r\nocp-apim-subscription-key: {KEY}\r\ncontent-length: 5\r\n\r\nhello"
                ))
                .await;
            body(&answer).to_owned()
        }));
    }
    for call in calls {
        assert_eq!(call.await.unwrap(), expected);
    }
    assert_eq!(backend.accepted(), 1);
}

async fn negotiated(alpn: &[&str]) -> (String, usize) {
    let pem = certificate("localhost");
    let config = server_config(&pem, alpn);
    let backend = if alpn.contains(&"h2") {
        http2_backend(Some(config)).await
    } else {
        Backend::serve(move |wire| {
            let config = config.clone();
            async move {
                let Ok(stream) = TlsAcceptor::from(config).accept(wire.stream).await else {
                    return;
                };
                let mut wire = Wire::new(stream);
                while let Some(request) = wire.message().await {
                    assert!(header(&request, "host").is_some());
                    wire.send("HTTP/1.1 200 OK\r\ncontent-length: 3\r\n\r\none")
                        .await;
                }
            }
        })
        .await
    };
    let url = format!("https://localhost:{}", backend.address.port());
    let policy = backend_section(
        r#"<set-backend-service backend-id="tls" /><forward-request http-version="2or1" />"#,
    );
    let tls = BackendTls {
        ca_pem: Some(Arc::from(pem.0.as_str())),
        ..BackendTls::default()
    };
    let running = start(
        with_backend(definition(&url, Some(&policy)), &url, tls),
        |_| {},
    );
    let mut wire = running.connect().await;
    let mut last = String::new();
    for _ in 0..5 {
        last = body(&wire.get("/api/x").await).to_owned();
    }
    (last, backend.accepted())
}

#[tokio::test]
async fn alpn_decides_where_both_are_allowed() {
    let (seen, accepted) = negotiated(&["h2"]).await;
    assert!(
        seen.starts_with("HTTP/2.0 GET https://localhost:"),
        "{seen}"
    );
    assert_eq!(accepted, 1);
    assert_eq!(negotiated(&["http/1.1"]).await, (String::from("one"), 1));
}

#[tokio::test]
async fn a_backend_that_went_away_is_connected_again() {
    // Each connection serves one request and says so.
    let backend = Backend::serve(|wire| async move {
        let served = Arc::new(tokio::sync::Notify::new());
        let told = served.clone();
        let service = service_fn(move |_: Request<Incoming>| {
            told.notify_one();
            std::future::ready(Ok::<_, Infallible>(Response::new(Full::<Bytes>::from(
                "ok",
            ))))
        });
        let server = hyper::server::conn::http2::Builder::new(TokioExecutor::new());
        let connection = server.serve_connection(TokioIo::new(wire.stream), service);
        tokio::pin!(connection);
        tokio::select! {
            _ = connection.as_mut() => return,
            () = served.notified() => connection.as_mut().graceful_shutdown(),
        }
        let _ = connection.await;
    })
    .await;
    let policy = backend_section(r#"<forward-request http-version="2" />"#);
    let running = start(definition(&backend.url(), Some(&policy)), |_| {});
    let mut wire = running.connect().await;
    for _ in 0..5 {
        let answer = wire.get("/api/x").await;
        assert_eq!((status(&answer), body(&answer)), (200, "ok"));
    }
}

#[tokio::test]
async fn a_host_that_is_not_the_authority_is_refused() {
    let backend = Backend::echo().await;
    let running = before(&backend);
    let (mut sender, _connection) =
        caller(TcpStream::connect(running.address).await.unwrap()).await;
    for (host, expected) in [("gateway", 200), ("GATEWAY", 200), ("other", 400)] {
        let mut request = post("/api/x", "");
        request
            .headers_mut()
            .insert("host", http::HeaderValue::from_static(host));
        let response = soon(sender.send_request(request)).await.unwrap();
        assert_eq!(response.status(), expected, "{host}");
    }
    assert_eq!(running.metric("tollgate_requests_in_flight"), 0);
}

/// The socket takes everything, the stream's window nothing.
#[tokio::test]
async fn streams_whose_window_stays_shut_are_let_go() {
    let backend = Backend::serve(|mut wire| async move {
        wire.message().await;
        wire.send("HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n")
            .await;
        let chunk = format!("1000\r\n{}\r\n", "x".repeat(4096));
        while tokio::io::AsyncWriteExt::write_all(&mut wire.stream, chunk.as_bytes())
            .await
            .is_ok()
        {}
    })
    .await;
    let running = start(definition(&backend.url(), None), |c| {
        c.limits.body_idle_timeout = Duration::from_millis(200);
    });
    let stream = TcpStream::connect(running.address).await.unwrap();
    let (mut sender, connection) = http2::Builder::new(TokioExecutor::new())
        .initial_stream_window_size(1000)
        .handshake(TokioIo::new(stream))
        .await
        .unwrap();
    tokio::spawn(connection);
    let response = soon(sender.send_request(post("/api/x", ""))).await.unwrap();
    assert_eq!(response.status(), StatusCode::OK);
    // Nothing of the body is read.
    until(|| running.settled("client_left") == 1).await;
    until(|| backend.open() == 0).await;
    // The connection lives on.
    let again = soon(sender.send_request(post("/nothing", "")))
        .await
        .unwrap();
    assert_eq!(again.status(), StatusCode::NOT_FOUND);
    assert!(soon(response.into_body().collect()).await.is_err());
}

/// A stream that waits long for its backend is not one whose caller takes nothing.
#[tokio::test]
async fn slow_backends_are_waited_for() {
    let backend = Backend::serve(|mut wire| async move {
        wire.message().await;
        tokio::time::sleep(Duration::from_millis(500)).await;
        wire.send("HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok")
            .await;
    })
    .await;
    let running = start(definition(&backend.url(), None), |c| {
        c.limits.body_idle_timeout = Duration::from_millis(100);
    });
    let (mut sender, _connection) =
        caller(TcpStream::connect(running.address).await.unwrap()).await;
    let response = soon(sender.send_request(post("/api/x", ""))).await.unwrap();
    assert_eq!(text(response).await, "ok");
}

#[tokio::test]
async fn an_early_refusal_arrives_though_the_upload_goes_on() {
    let backend = Backend::echo().await;
    let running = before(&backend);
    let (mut sender, _connection) =
        caller(TcpStream::connect(running.address).await.unwrap()).await;
    for _ in 0..3 {
        let mut request = post("/api/x", &"x".repeat(8 << 20));
        request.headers_mut().remove("ocp-apim-subscription-key");
        let response = soon(sender.send_request(request)).await.unwrap();
        assert_eq!(response.status(), StatusCode::UNAUTHORIZED);
        assert!(text(response).await.contains("401"));
    }
}
