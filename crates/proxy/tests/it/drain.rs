//! Drains and reloads while calls are open.

use crate::support::*;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::watch;

/// Answers `/stream` with chunks until told to end, everything else at once.
async fn backend(end: watch::Receiver<bool>, name: &'static str) -> Backend {
    Backend::serve(move |mut wire| {
        let mut end = end.clone();
        async move {
            while let Some(request) = wire.message().await {
                if !request.starts_with("GET /stream") {
                    let answer = format!(
                        "HTTP/1.1 200 OK\r\ncontent-length: {}\r\n\r\n{name}",
                        name.len()
                    );
                    wire.send(&answer).await;
                    continue;
                }
                wire.send(&format!(
                    "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n{:x}\r\n{name}\r\n",
                    name.len()
                ))
                .await;
                if end.wait_for(|e| *e).await.is_err() {
                    return;
                }
                wire.send(&format!("{:x}\r\n{name}\r\n0\r\n\r\n", name.len()))
                    .await;
            }
        }
    })
    .await
}

#[tokio::test]
async fn a_drain_finishes_streams_and_closes_the_rest() {
    let (end, ended) = watch::channel(false);
    let backend = backend(ended, "one").await;
    let running = start(definition(&backend.url(), None), |c| {
        c.threads = std::num::NonZeroUsize::new(2);
    });
    let address = running.address;
    let mut streams = Vec::new();
    for _ in 0..20 {
        let mut wire = running.connect().await;
        wire.send(&get("/api/stream")).await;
        assert!(wire.until("one\r\n").await.is_some());
        streams.push(wire);
    }
    let mut idle = running.connect().await;
    assert_eq!(status(&idle.get("/nothing").await), 404);
    let gateway = running.gateway;
    let drain = tokio::task::spawn_blocking(move || gateway.drain(PATIENCE));
    assert_eq!(idle.rest().await, "", "an idle connection is closed");
    soon(async {
        while tokio::net::TcpStream::connect(address).await.is_ok() {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    })
    .await;
    assert!(!drain.is_finished());
    end.send_replace(true);
    for wire in &mut streams {
        let rest = wire.rest().await;
        assert!(rest.ends_with("one\r\n0\r\n\r\n"), "{rest}");
    }
    assert_eq!(soon(drain).await.unwrap(), 0);
}

#[tokio::test]
async fn an_answer_during_a_drain_says_close() {
    let backend = Backend::serve(|mut wire| async move {
        wire.message().await;
        tokio::time::sleep(Duration::from_millis(300)).await;
        wire.send("HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok")
            .await;
    })
    .await;
    let running = before(&backend);
    let mut wire = running.connect().await;
    wire.send(&get("/api/x")).await;
    until(|| backend.accepted() == 1).await;
    let gateway = running.gateway;
    let drain = tokio::task::spawn_blocking(move || gateway.drain(PATIENCE));
    let answer = wire.message().await.unwrap();
    assert_eq!(body(&answer), "ok");
    assert_eq!(header(&answer, "connection"), Some("close"));
    assert_eq!(soon(drain).await.unwrap(), 0);
}

#[tokio::test]
async fn the_limit_cuts_what_does_not_end() {
    let (_end, ended) = watch::channel(false);
    let backend = backend(ended, "one").await;
    let running = before(&backend);
    let mut wire = running.connect().await;
    wire.send(&get("/api/stream")).await;
    assert!(wire.until("one\r\n").await.is_some());
    let gateway = running.gateway;
    let drain = tokio::task::spawn_blocking(move || gateway.drain(Duration::from_millis(200)));
    assert_eq!(soon(drain).await.unwrap(), 1);
    assert!(!wire.rest().await.ends_with("0\r\n\r\n"));
}

#[tokio::test]
async fn a_reload_under_load_drops_and_mixes_nothing() {
    let (end, ended) = watch::channel(false);
    let one = backend(ended.clone(), "one").await;
    let two = backend(ended, "two").await;
    let running = Arc::new(start(definition(&one.url(), None), |c| {
        c.threads = std::num::NonZeroUsize::new(2);
    }));
    let mut streams = Vec::new();
    for _ in 0..200 {
        let mut wire = running.connect().await;
        wire.send(&get("/api/stream")).await;
        assert!(wire.until("one\r\n").await.is_some());
        streams.push(wire);
    }
    let mut callers = Vec::new();
    for _ in 0..4 {
        let running = running.clone();
        callers.push(tokio::spawn(async move {
            let mut wire = running.connect().await;
            let mut seen = Vec::new();
            for _ in 0..200 {
                seen.push(body(&wire.get("/api/x").await).to_owned());
            }
            seen
        }));
    }
    tokio::time::sleep(Duration::from_millis(10)).await;
    let next = snapshot(definition(&two.url(), None));
    assert_eq!(running.snapshots.publish(next), 2);
    // Every call begun from here on sees the new configuration.
    let mut wire = running.connect().await;
    assert_eq!(body(&wire.get("/api/x").await), "two");
    for caller in callers {
        let seen = caller.await.unwrap();
        let turn = seen.iter().position(|s| s == "two").unwrap_or(seen.len());
        assert!(seen[..turn].iter().all(|s| s == "one"), "{seen:?}");
        assert!(seen[turn..].iter().all(|s| s == "two"), "{seen:?}");
    }
    end.send_replace(true);
    for wire in &mut streams {
        assert_eq!(
            wire.until("0\r\n\r\n").await.as_deref(),
            Some("3\r\none\r\n0\r\n\r\n")
        );
    }
    until(|| running.settled("answered") == 200 + 800 + 1).await;
    assert_eq!(running.metric("tollgate_requests_in_flight"), 0);
}
