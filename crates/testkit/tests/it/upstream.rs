//! The scripted upstreams.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http::{Request, Response};
use http_body_util::{BodyExt, Full};
use hyper_util::rt::{TokioExecutor, TokioIo};
use rustls::pki_types::ServerName;
use serde_json::json;
use tokio::net::TcpStream;
use tollgate_testkit::client::{self, Client};
use tollgate_testkit::upstream::{
    HttpUpstream, Script, ScriptedUpstream, TestCertificates, Transport, WebSocketClient,
    WebSocketEcho, WebSocketMessage,
};

#[tokio::test]
async fn scripts_are_played_and_requests_recorded() {
    let upstream = ScriptedUpstream::start(|request| match request.path.as_str() {
        "/json" => Script::json(201, &json!({ "ok": true })),
        "/sse" => Script::sse(["{\"a\":1}", "{\"a\":2}"]),
        "/cut" => Script::chunked(200, &[])
            .chunk("half")
            .delay(Duration::from_millis(10))
            .close(),
        "/reset" => Script::new().reset(),
        _ => Script::new()
            .raw("HTTP/1.1 200 OK\r\nbroken header\r\n\r\n")
            .close(),
    })
    .await
    .unwrap();
    let mut client = Client::connect(upstream.addr()).await.unwrap();
    let answer = client
        .send(client::with_header(
            client::post_json("/json", &json!([1])),
            "X-Mine",
            "yes",
        ))
        .await
        .unwrap();
    assert_eq!(
        (answer.status.as_u16(), answer.json()),
        (201, json!({ "ok": true }))
    );
    let events = client.send(client::get("/sse")).await.unwrap().events();
    assert_eq!(events, ["{\"a\":1}", "{\"a\":2}", "[DONE]"]);
    let requests = upstream.requests();
    assert_eq!(
        (requests[0].header("x-mine"), requests[0].text()),
        (Some("yes"), "[1]".to_owned())
    );
    assert_eq!(
        (
            requests[0].reused,
            requests[1].reused,
            upstream.connections()
        ),
        (false, true, 1)
    );
    let cut = client.send(client::get("/cut")).await.unwrap();
    assert_eq!((cut.complete, cut.body.as_ref()), (false, &b"half"[..]));
    assert!(
        client::fetch(upstream.addr(), client::get("/reset"))
            .await
            .is_err()
    );
    assert!(
        client::fetch(upstream.addr(), client::get("/broken"))
            .await
            .is_err()
    );
}

#[tokio::test]
async fn hang_ups_are_noticed() {
    let script = Script::chunked(200, &[])
        .chunk("first")
        .delay(Duration::from_secs(60))
        .end();
    let upstream = ScriptedUpstream::always(script).await.unwrap();
    let mut client = Client::connect(upstream.addr()).await.unwrap();
    let mut response = client.open(client::get("/")).await.unwrap();
    assert_eq!(
        response
            .frame()
            .await
            .unwrap()
            .unwrap()
            .into_data()
            .unwrap(),
        "first"
    );
    drop((client, response));
    let noticed = async {
        while upstream.hang_ups() == 0 {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    };
    tokio::time::timeout(Duration::from_secs(20), noticed)
        .await
        .unwrap();
    assert_eq!(upstream.hang_ups(), 1);
}

#[tokio::test]
async fn chunked_request_bodies_are_read() {
    let upstream =
        ScriptedUpstream::start(|request| Script::response(200, &[], request.body.clone()))
            .await
            .unwrap();
    let raw = "POST / HTTP/1.1\r\nhost: x\r\ntransfer-encoding: chunked\r\n\r\n3\r\nabc\r\n2;x=y\r\nde\r\n0\r\nt: v\r\n\r\n";
    let mut stream = TcpStream::connect(upstream.addr()).await.unwrap();
    tokio::io::AsyncWriteExt::write_all(&mut stream, raw.as_bytes())
        .await
        .unwrap();
    let mut answer = vec![0; 43];
    tokio::io::AsyncReadExt::read_exact(&mut stream, &mut answer)
        .await
        .unwrap();
    assert!(
        answer.ends_with(b"\r\n\r\nabcde"),
        "{}",
        String::from_utf8_lossy(&answer)
    );
}

#[tokio::test]
async fn web_sockets_echo() {
    let echo = WebSocketEcho::start().await.unwrap();
    let headers = [("Sec-WebSocket-Protocol", "mcp, other")];
    let mut socket = WebSocketClient::connect(echo.addr(), "/live?x=1", &headers)
        .await
        .unwrap();
    assert!(
        socket
            .headers
            .contains(&("sec-websocket-protocol".to_owned(), "mcp".to_owned()))
    );
    socket.send_text("hello").await.unwrap();
    assert_eq!(
        socket.receive().await.unwrap(),
        WebSocketMessage::Text("hello".to_owned())
    );
    for length in [125, 126, 65_535, 70_000] {
        socket.send_binary(&vec![7; length]).await.unwrap();
        assert_eq!(
            socket.receive().await.unwrap(),
            WebSocketMessage::Binary(vec![7; length])
        );
    }
    socket.ping(b"p").await.unwrap();
    assert_eq!(
        socket.receive().await.unwrap(),
        WebSocketMessage::Pong(b"p".to_vec())
    );
    socket.close(1000).await.unwrap();
    assert_eq!(
        socket.receive().await.unwrap(),
        WebSocketMessage::Close(Some(1000))
    );
    assert_eq!(echo.requests()[0].path, "/live?x=1");
    let refused = client::fetch(echo.addr(), client::get("/")).await.unwrap();
    assert_eq!(refused.status, 426);
}

async fn http2<S>(stream: S, uri: &str) -> Response<Bytes>
where
    S: tokio::io::AsyncRead + tokio::io::AsyncWrite + Unpin + Send + 'static,
{
    let (mut sender, connection) =
        hyper::client::conn::http2::handshake(TokioExecutor::new(), TokioIo::new(stream))
            .await
            .unwrap();
    tokio::spawn(connection);
    let response = sender
        .send_request(Request::get(uri).body(Full::<Bytes>::default()).unwrap())
        .await
        .unwrap();
    let (head, body) = response.into_parts();
    Response::from_parts(head, body.collect().await.unwrap().to_bytes())
}

#[tokio::test]
async fn http2_with_prior_knowledge() {
    let upstream = HttpUpstream::start(Transport::Http2, |_| Response::new("two".into()))
        .await
        .unwrap();
    let stream = TcpStream::connect(upstream.addr()).await.unwrap();
    assert_eq!(
        http2(stream, &format!("{}/a", upstream.url())).await.body(),
        "two"
    );
    assert_eq!(
        (
            upstream.requests()[0].version.as_str(),
            upstream.requests()[0].path.as_str()
        ),
        ("HTTP/2.0", "/a")
    );
    let simulator = crate::simulator().await;
    let stream = TcpStream::connect(simulator.addr()).await.unwrap();
    assert_eq!(
        http2(stream, &format!("{}/livez", simulator.url()))
            .await
            .status(),
        200
    );
}

#[tokio::test]
async fn tls_negotiates_http2() {
    let certificates = TestCertificates::generate().unwrap();
    let mut roots = rustls::RootCertStore::empty();
    roots.add(certificates.authority_der().clone()).unwrap();
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let mut config = rustls::ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_root_certificates(roots)
        .with_no_client_auth();
    config.alpn_protocols = vec![b"h2".to_vec()];
    let upstream = HttpUpstream::start(Transport::Tls(certificates), |_| {
        Response::new("safe".into())
    })
    .await
    .unwrap();
    let stream = TcpStream::connect(upstream.addr()).await.unwrap();
    let connector = tokio_rustls::TlsConnector::from(Arc::new(config));
    let stream = connector
        .connect(ServerName::try_from("localhost").unwrap(), stream)
        .await
        .unwrap();
    assert_eq!(stream.get_ref().1.alpn_protocol(), Some(&b"h2"[..]));
    assert_eq!(http2(stream, &upstream.url()).await.body(), "safe");
}
