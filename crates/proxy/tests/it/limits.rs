//! What callers may not do: too large, too slow, too many, not HTTP.

use crate::support::*;
use std::time::Duration;
use tollgate_proxy::{ProxyConfig, StartError};

async fn refused_with(request: &str, expected: u16) {
    let backend = Backend::echo().await;
    let running = before(&backend);
    let mut wire = running.connect().await;
    let answer = wire.call(request).await;
    assert_eq!(status(&answer), expected, "{request:.80}");
    assert_eq!(backend.accepted(), 0);
    assert_eq!(running.metric("tollgate_requests_in_flight"), 0);
}

#[tokio::test]
async fn heads_that_are_too_large() {
    let long = "x".repeat(70_000);
    refused_with(
        &format!("GET /api/x HTTP/1.1\r\nhost: a\r\nx-long: {long}\r\n\r\n"),
        431,
    )
    .await;
    let many: String = (0..150).map(|n| format!("x-{n}: 1\r\n")).collect();
    refused_with(
        &format!("GET /api/x HTTP/1.1\r\nhost: a\r\n{many}\r\n"),
        431,
    )
    .await;
    let target = "x".repeat(20_000);
    refused_with(
        &format!("GET /api/{target} HTTP/1.1\r\nhost: a\r\n\r\n"),
        414,
    )
    .await;
}

#[tokio::test]
async fn hosts_that_are_none() {
    refused_with("GET /api/x HTTP/1.1\r\n\r\n", 400).await;
    refused_with("GET /api/x HTTP/1.1\r\nhost: a\r\nhost: b\r\n\r\n", 400).await;
    refused_with("GET /api/x HTTP/1.1\r\nhost: a b\r\n\r\n", 400).await;
    refused_with("GET /api/x HTTP/1.1\r\nhost: user@a\r\n\r\n", 400).await;
}

#[tokio::test]
async fn targets_that_are_no_paths() {
    refused_with(
        "CONNECT example.com:443 HTTP/1.1\r\nhost: example.com:443\r\n\r\n",
        501,
    )
    .await;
    refused_with("OPTIONS * HTTP/1.1\r\nhost: a\r\n\r\n", 400).await;
}

#[tokio::test]
async fn what_is_not_http() {
    for garbage in [
        "\x16\x03\x01\x02\x00\x01\x00\x01\r\n\r\n",
        "GET\r\n\r\n",
        "GET /api/x HTTP/1.1\r\nno colon\r\n\r\n",
        "GET /api/x HTTP/1.1\r\nhost: a\r\ncontent-length: x\r\n\r\n",
        "POST /api/x HTTP/1.1\r\nhost: a\r\ncontent-length: 1\r\ncontent-length: 2\r\n\r\n",
    ] {
        refused_with(garbage, 400).await;
    }
}

#[tokio::test]
async fn a_host_in_the_target_counts() {
    let backend = Backend::echo().await;
    let running = before(&backend);
    let mut wire = running.connect().await;
    let answer = wire
        .call("GET http://other:81/open/x HTTP/1.1\r\nhost: a\r\n\r\n")
        .await;
    assert_eq!(status(&answer), 200);
    assert!(body(&answer).starts_with("GET /x HTTP/1.1\r\n"));
}

fn small(config: &mut ProxyConfig) {
    config.limits.body_bytes = 1000;
}

#[tokio::test]
async fn bodies_that_are_too_large() {
    let backend = Backend::echo().await;
    let running = start(definition(&backend.url(), None), small);
    let head = format!("POST /api/x HTTP/1.1\r\nhost: a\r\nocp-apim-subscription-key: {KEY}\r\n");
    let mut wire = running.connect().await;
    let answer = wire
        .call(&format!("{head}content-length: 1001\r\n\r\n"))
        .await;
    assert_eq!(status(&answer), 413);
    assert_eq!(backend.accepted(), 0);

    let mut wire = running.connect().await;
    let chunk = format!("1f4\r\n{}\r\n", "x".repeat(500));
    let answer = wire
        .call(&format!(
            "{head}transfer-encoding: chunked\r\n\r\n{chunk}{chunk}{chunk}0\r\n\r\n"
        ))
        .await;
    assert_eq!(status(&answer), 413);
    assert!(body(&answer).contains(r#""statusCode": 413"#));

    let mut wire = running.connect().await;
    let answer = wire
        .call(&format!(
            "{head}transfer-encoding: chunked\r\n\r\n{chunk}{chunk}0\r\n\r\n"
        ))
        .await;
    assert_eq!(status(&answer), 200);
}

/// A refusal must not be lost because its caller is still sending.
#[tokio::test]
async fn a_refused_caller_is_not_reset() {
    use tokio::io::AsyncWriteExt;
    let backend = Backend::echo().await;
    let running = start(definition(&backend.url(), None), small);
    let mut wire = running.connect().await;
    wire.send(&format!(
        "POST /api/x HTTP/1.1\r\nhost: a\r\nocp-apim-subscription-key: {KEY}\r\ncontent-length: 500000\r\n\r\n"
    ))
    .await;
    let answer = wire.message().await.unwrap();
    assert_eq!(status(&answer), 413);
    assert_eq!(wire.rest().await, "", "the gateway has said all");
    for _ in 0..10 {
        wire.stream.write_all(&[b'x'; 50_000]).await.unwrap();
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
    drop(wire);
    until(|| running.metric("tollgate_connections") == 0).await;
}

fn quick(config: &mut ProxyConfig) {
    config.limits.head_timeout = Duration::from_millis(200);
    config.limits.idle_timeout = Duration::from_millis(400);
    config.limits.body_idle_timeout = Duration::from_millis(300);
}

#[tokio::test]
async fn slow_heads_and_idle_connections_are_closed() {
    let backend = Backend::echo().await;
    let running = start(definition(&backend.url(), None), quick);
    // Nothing at all.
    let mut silent = running.connect().await;
    assert_eq!(silent.rest().await, "");
    // One line, no more.
    let mut slow = running.connect().await;
    slow.send("GET /api/x HTTP/1.1\r\n").await;
    assert_eq!(slow.rest().await, "");
    // The start of HTTP/2's preface, no more.
    let mut preface = running.connect().await;
    preface.send("PR").await;
    assert_eq!(preface.rest().await, "");
    // A second head that never ends, drop by drop.
    let mut wire = running.connect().await;
    assert_eq!(status(&wire.get("/nothing").await), 404);
    wire.send("GET /").await;
    let drops = async {
        loop {
            tokio::time::sleep(Duration::from_millis(20)).await;
            wire.send("x").await;
            let mut one = [0; 1];
            if let Ok(Ok(0) | Err(_)) = tokio::time::timeout(
                Duration::from_millis(1),
                tokio::io::AsyncReadExt::read(&mut wire.stream, &mut one),
            )
            .await
            {
                break;
            }
        }
    };
    soon(drops).await;
    // A connection that is only kept.
    let mut kept = running.connect().await;
    assert_eq!(status(&kept.get("/nothing").await), 404);
    assert_eq!(kept.rest().await, "");
    until(|| running.metric("tollgate_connections ") == 0).await;
}

#[tokio::test]
async fn a_long_request_is_not_an_idle_connection() {
    let backend = Backend::serve(|mut wire| async move {
        wire.message().await;
        tokio::time::sleep(Duration::from_millis(1500)).await;
        wire.send("HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok")
            .await;
        wire.rest().await;
    })
    .await;
    let running = start(definition(&backend.url(), None), quick);
    let mut wire = running.connect().await;
    assert_eq!(body(&wire.get("/api/x").await), "ok");
}

#[tokio::test]
async fn slow_bodies_are_given_up() {
    let backend = Backend::echo().await;
    let running = start(definition(&backend.url(), None), quick);
    let mut wire = running.connect().await;
    let answer = wire
        .call(&format!(
            "POST /api/x HTTP/1.1\r\nhost: a\r\nocp-apim-subscription-key: {KEY}\r\ncontent-length: 9\r\n\r\nab"
        ))
        .await;
    assert_eq!(status(&answer), 400, "{answer}");
    until(|| backend.open() == 0).await;
    assert_eq!(running.metric("tollgate_requests_in_flight"), 0);
}

#[tokio::test]
async fn callers_who_take_nothing_are_let_go() {
    let backend = Backend::serve(|mut wire| async move {
        wire.message().await;
        wire.send("HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n")
            .await;
        let chunk = format!("10000\r\n{}\r\n", "x".repeat(65536));
        while tokio::io::AsyncWriteExt::write_all(&mut wire.stream, chunk.as_bytes())
            .await
            .is_ok()
        {}
    })
    .await;
    let running = start(definition(&backend.url(), None), quick);
    let mut wire = running.connect().await;
    wire.send(&get("/api/x")).await;
    assert!(wire.until("\r\n\r\n").await.is_some());
    // Not another byte is read.
    until(|| running.settled("client_left") == 1).await;
    until(|| backend.open() == 0).await;
}

#[tokio::test]
async fn connections_are_bounded() {
    let backend = Backend::echo().await;
    let running = start(definition(&backend.url(), None), |c| {
        c.limits.connections = 2
    });
    let mut one = running.connect().await;
    let mut two = running.connect().await;
    assert_eq!(status(&one.get("/nothing").await), 404);
    assert_eq!(status(&two.get("/nothing").await), 404);
    let mut three = running.connect().await;
    assert_eq!(three.rest().await, "");
    drop(one);
    until(|| running.metric("tollgate_connections ") == 1).await;
    let mut four = running.connect().await;
    assert_eq!(status(&four.get("/nothing").await), 404);
    assert_eq!(running.metric("tollgate_connections_refused_total"), 1);
}

#[test]
fn an_address_is_one_gateways() {
    let definition = || definition("http://127.0.0.1:1", None);
    for (first, second) in [(1, 2), (2, 1), (2, 2)] {
        let threads = std::num::NonZeroUsize::new;
        let running = start(definition(), |c| c.threads = threads(first));
        let again = try_start(definition(), |c| {
            c.threads = threads(second);
            c.listeners[0].address = running.address;
        });
        match again {
            Err(StartError::Listen { address, error }) => {
                assert_eq!(address, running.address);
                assert_eq!(error.kind(), std::io::ErrorKind::AddrInUse);
            }
            Err(other) => panic!("{other}"),
            Ok(_) => panic!("two gateways share {}", running.address),
        }
    }
}
