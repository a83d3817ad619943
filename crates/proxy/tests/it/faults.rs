//! Backends that refuse, stall, reset, lie about length or do not speak HTTP.

use crate::support::*;
use std::time::Duration;
use tokio::io::AsyncWriteExt;

const INTERNAL: &str = r#"{ "statusCode": 500, "message": "Internal server error", "activityId": "#;

async fn fails_plainly(running: &Running) {
    let mut wire = running.connect().await;
    let answer = wire.get("/api/x").await;
    assert_eq!(status(&answer), 500, "{answer}");
    assert!(body(&answer).starts_with(INTERNAL), "{answer}");
    // The caller's connection is not harmed.
    assert_eq!(status(&wire.get("/nothing").await), 404);
    until(|| running.settled("answered") == 2).await;
    assert_eq!(running.metric("tollgate_requests_in_flight"), 0);
}

#[tokio::test]
async fn refused() {
    let address = {
        let free = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        free.local_addr().unwrap()
    };
    let running = start(definition(&format!("http://{address}"), None), |_| {});
    fails_plainly(&running).await;
}

#[tokio::test]
async fn unknown_name() {
    let running = start(definition("http://name.invalid", None), |_| {});
    fails_plainly(&running).await;
}

#[tokio::test]
async fn closed_before_the_head() {
    let backend = Backend::serve(|mut wire| async move {
        wire.message().await;
    })
    .await;
    fails_plainly(&before(&backend)).await;
    assert_eq!(backend.accepted(), 1, "what was sent is not sent again");
}

#[tokio::test]
async fn reset_before_the_head() {
    let backend = Backend::serve(|mut wire| async move {
        wire.message().await;
        socket2::SockRef::from(&wire.stream)
            .set_linger(Some(Duration::ZERO))
            .unwrap();
    })
    .await;
    fails_plainly(&before(&backend)).await;
}

#[tokio::test]
async fn not_http() {
    let backend = Backend::serve(|mut wire| async move {
        wire.message().await;
        wire.send("SSH-2.0-OpenSSH_9.2\r\n\r\n").await;
        wire.rest().await;
    })
    .await;
    fails_plainly(&before(&backend)).await;
    until(|| backend.open() == 0).await;
}

#[tokio::test]
async fn an_endless_head() {
    let backend = Backend::serve(|mut wire| async move {
        wire.message().await;
        wire.send("HTTP/1.1 200 OK\r\n").await;
        let line = format!("x-more: {}\r\n", "y".repeat(1000));
        while wire.stream.write_all(line.as_bytes()).await.is_ok() {}
    })
    .await;
    fails_plainly(&before(&backend)).await;
    until(|| backend.open() == 0).await;
}

#[tokio::test]
async fn silent_before_the_head() {
    let backend = Backend::serve(|mut wire| async move {
        wire.message().await;
        wire.rest().await;
    })
    .await;
    let policy = backend_section(r#"<forward-request timeout-ms="200" />"#);
    let running = start(definition(&backend.url(), Some(&policy)), |_| {});
    fails_plainly(&running).await;
    until(|| backend.open() == 0).await;
}

/// The body ends early: the caller must be able to tell, and the request settles as failed.
async fn breaks_in_the_body(running: &Running) {
    let mut wire = running.connect().await;
    wire.send(&get("/api/x")).await;
    let head = wire.until("\r\n\r\n").await.unwrap();
    assert_eq!(status(&head), 200);
    let rest = wire.rest().await;
    assert!(rest.contains("abc"), "{rest}");
    assert!(!rest.ends_with("0\r\n\r\n"), "{rest}");
    until(|| running.settled("upstream_failed") == 1).await;
    assert_eq!(running.metric("tollgate_requests_total"), 1);
    assert_eq!(running.metric("tollgate_requests_in_flight"), 0);
    assert_eq!(running.metric("tollgate_upstream_connections"), 0);
}

#[tokio::test]
async fn shorter_than_its_length() {
    let backend = Backend::serve(|mut wire| async move {
        wire.message().await;
        wire.send("HTTP/1.1 200 OK\r\ncontent-length: 10\r\n\r\nabc")
            .await;
    })
    .await;
    breaks_in_the_body(&before(&backend)).await;
}

#[tokio::test]
async fn cut_between_chunks() {
    let backend = Backend::serve(|mut wire| async move {
        wire.message().await;
        wire.send("HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n3\r\nabc\r\n")
            .await;
    })
    .await;
    breaks_in_the_body(&before(&backend)).await;
}

#[tokio::test]
async fn broken_chunks() {
    let backend = Backend::serve(|mut wire| async move {
        wire.message().await;
        wire.send("HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n3\r\nabc\r\nzz\r\n")
            .await;
        wire.rest().await;
    })
    .await;
    breaks_in_the_body(&before(&backend)).await;
}

#[tokio::test]
async fn silent_in_the_body() {
    let backend = Backend::serve(|mut wire| async move {
        wire.message().await;
        wire.send("HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n3\r\nabc\r\n")
            .await;
        wire.rest().await;
    })
    .await;
    let running = start(definition(&backend.url(), None), |c| {
        c.limits.body_idle_timeout = Duration::from_millis(200);
    });
    breaks_in_the_body(&running).await;
    until(|| backend.open() == 0).await;
}

#[tokio::test]
async fn longer_than_its_length() {
    let backend = Backend::serve(|mut wire| async move {
        wire.message().await;
        wire.send("HTTP/1.1 200 OK\r\ncontent-length: 3\r\n\r\nabcHTTP/1.1 200 OK\r\ncontent-length: 4\r\n\r\nevil")
            .await;
        wire.rest().await;
    })
    .await;
    let running = before(&backend);
    let mut wire = running.connect().await;
    for _ in 0..3 {
        let answer = wire.get("/api/x").await;
        assert_eq!((status(&answer), body(&answer)), (200, "abc"));
    }
    assert_eq!(backend.accepted(), 3, "such a connection is not used again");
}

#[tokio::test]
async fn connections_to_a_backend_are_bounded_and_waited_for() {
    let backend = Backend::serve(|mut wire| async move {
        while wire.message().await.is_some() {
            tokio::time::sleep(Duration::from_millis(20)).await;
            wire.send("HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok")
                .await;
        }
    })
    .await;
    let running = start(definition(&backend.url(), None), |c| {
        c.upstream.connections = 2;
    });
    let mut wires = Vec::new();
    for _ in 0..10 {
        let mut wire = running.connect().await;
        wire.send(&get("/api/x")).await;
        wires.push(wire);
    }
    for wire in &mut wires {
        assert_eq!(body(&wire.message().await.unwrap()), "ok");
    }
    assert!(backend.accepted() <= 2, "{}", backend.accepted());
}

#[tokio::test]
async fn waiting_for_a_connection_has_an_end() {
    let backend = Backend::serve(|mut wire| async move {
        wire.message().await;
        wire.rest().await;
    })
    .await;
    let running = start(definition(&backend.url(), None), |c| {
        c.upstream.connections = 1;
        c.upstream.connect_timeout = Duration::from_millis(100);
    });
    let mut first = running.connect().await;
    first.send(&get("/api/x")).await;
    until(|| backend.accepted() == 1).await;
    let mut second = running.connect().await;
    assert_eq!(status(&second.get("/api/x").await), 500);
    assert_eq!(backend.accepted(), 1);
}
