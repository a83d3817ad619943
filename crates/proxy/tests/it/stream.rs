//! Bodies on their way: event streams, uploads, callers and backends that leave in the middle.

use crate::support::*;
use std::sync::Arc;
use tokio::sync::{Notify, Semaphore};

const HEAD: &str =
    "HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\ntransfer-encoding: chunked\r\n\r\n";

fn chunk(text: &str) -> String {
    format!("{:x}\r\n{text}\r\n", text.len())
}

/// Sends an event each time the semaphore lets it, and ends when it is closed or the gateway leaves.
async fn events(gate: Arc<Semaphore>) -> Backend {
    Backend::serve(move |mut wire| {
        let gate = gate.clone();
        async move {
            while wire.message().await.is_some() {
                wire.send(HEAD).await;
                let mut number = 0;
                loop {
                    tokio::select! {
                        permit = gate.acquire() => match permit {
                            Ok(permit) => permit.forget(),
                            Err(_) => break,
                        },
                        // Nothing is sent to us: this is the gateway closing.
                        _ = wire.exactly(1) => return,
                    }
                    number += 1;
                    wire.send(&chunk(&format!("data: {number}\n\n"))).await;
                }
                wire.send("0\r\n\r\n").await;
            }
        }
    })
    .await
}

#[tokio::test]
async fn events_pass_one_by_one() {
    let gate = Arc::new(Semaphore::new(0));
    let backend = events(gate.clone()).await;
    let running = before(&backend);
    let mut wire = running.connect().await;
    wire.send(&get("/api/events")).await;
    let head = wire.until("\r\n\r\n").await.unwrap();
    assert_eq!(status(&head), 200);
    assert_eq!(header(&head, "content-type"), Some("text/event-stream"));
    for number in 1..=20 {
        // The backend sends the next event only after the caller has this one.
        gate.add_permits(1);
        let event = wire.until("\n\n\r\n").await.unwrap();
        assert!(event.contains(&format!("data: {number}\n\n")), "{event}");
    }
    assert_eq!(running.metric("tollgate_requests_in_flight"), 1);
    gate.close();
    assert!(wire.until("0\r\n\r\n").await.is_some());
    assert_eq!(running.settled("answered"), 1);
    assert_eq!(status(&wire.call(&get("/nothing")).await), 404);
}

#[tokio::test]
async fn a_caller_who_leaves_in_mid_stream_is_settled_once_and_leaves_nothing() {
    let gate = Arc::new(Semaphore::new(0));
    let backend = events(gate.clone()).await;
    let running = before(&backend);
    let mut wire = running.connect().await;
    wire.send(&get("/api/events")).await;
    gate.add_permits(1);
    assert!(wire.until("data: 1").await.is_some());
    drop(wire);
    until(|| backend.open() == 0).await;
    until(|| running.settled("client_left") == 1).await;
    until(|| running.metric("tollgate_connections ") == 0).await;
    assert_eq!(running.metric("tollgate_requests_total"), 1);
    assert_eq!(running.metric("tollgate_requests_in_flight"), 0);
    assert_eq!(running.metric("tollgate_upstream_connections"), 0);
}

#[tokio::test]
async fn a_caller_who_leaves_before_the_answer_closes_the_backend_connection() {
    let arrived = Arc::new(Notify::new());
    let arrived_there = arrived.clone();
    let backend = Backend::serve(move |mut wire| {
        let arrived = arrived_there.clone();
        async move {
            wire.message().await;
            arrived.notify_one();
            wire.exactly(1).await;
        }
    })
    .await;
    let running = before(&backend);
    let mut wire = running.connect().await;
    wire.send(&get("/api/x")).await;
    soon(arrived.notified()).await;
    drop(wire);
    until(|| backend.open() == 0).await;
    until(|| running.settled("client_left") == 1).await;
    assert_eq!(running.metric("tollgate_upstream_connections"), 0);
}

#[tokio::test]
async fn uploads_pass_piece_by_piece() {
    let (seen, mut pieces) = tokio::sync::mpsc::unbounded_channel();
    let backend = Backend::serve(move |mut wire| {
        let seen = seen.clone();
        async move {
            wire.until("\r\n\r\n").await;
            for _ in 0..5 {
                wire.until("\r\n").await;
                seen.send(wire.until("\r\n").await).unwrap();
            }
            wire.until("0\r\n\r\n").await;
            wire.send("HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok")
                .await;
        }
    })
    .await;
    let running = before(&backend);
    let mut wire = running.connect().await;
    wire.send(&format!(
        "POST /api/x HTTP/1.1\r\nhost: gateway\r\nocp-apim-subscription-key: {KEY}\r\ntransfer-encoding: chunked\r\n\r\n"
    ))
    .await;
    for number in 0..5 {
        wire.send(&chunk(&format!("piece {number}"))).await;
        let piece = soon(pieces.recv()).await.unwrap();
        assert_eq!(
            piece.as_deref(),
            Some(format!("piece {number}\r\n").as_str())
        );
    }
    wire.send("0\r\n\r\n").await;
    assert_eq!(body(&wire.message().await.unwrap()), "ok");
}

#[tokio::test]
async fn large_bodies_pass_whole_both_ways() {
    let backend = Backend::echo().await;
    let running = before(&backend);
    let mut wire = running.connect().await;
    let sent: String = (0..3_000_000u32)
        .map(|n| char::from(b'a' + (n % 23) as u8))
        .collect();
    for _ in 0..2 {
        let answer = wire
            .call(&format!(
                "POST /api/x HTTP/1.1\r\nhost: gateway\r\nocp-apim-subscription-key: {KEY}\r\ncontent-length: {}\r\n\r\n{sent}",
                sent.len()
            ))
            .await;
        assert_eq!(status(&answer), 200);
        assert!(body(body(&answer)) == sent);
    }
    assert_eq!(backend.accepted(), 1);
}

#[tokio::test]
async fn an_early_answer_does_not_wait_for_the_upload() {
    let backend = Backend::serve(|mut wire| async move {
        wire.until("\r\n\r\n").await;
        wire.send("HTTP/1.1 403 Forbidden\r\ncontent-length: 2\r\n\r\nno")
            .await;
        wire.rest().await;
    })
    .await;
    let running = before(&backend);
    let mut wire = running.connect().await;
    wire.send(&format!(
        "POST /api/x HTTP/1.1\r\nhost: gateway\r\nocp-apim-subscription-key: {KEY}\r\ncontent-length: 1000\r\n\r\nsome"
    ))
    .await;
    let answer = wire.message().await.unwrap();
    assert_eq!((status(&answer), body(&answer)), (403, "no"));
    until(|| running.settled("answered") == 1).await;
    until(|| backend.open() == 0).await;
}

#[tokio::test]
async fn many_streams_at_once_keep_their_order() {
    let backend = Backend::serve(|mut wire| async move {
        while let Some(request) = wire.message().await {
            let name = request.split(' ').nth(1).unwrap_or_default().to_owned();
            wire.send(HEAD).await;
            for number in 0..50 {
                wire.send(&chunk(&format!("{name}:{number};"))).await;
                tokio::task::yield_now().await;
            }
            wire.send("0\r\n\r\n").await;
        }
    })
    .await;
    let running = Arc::new(before(&backend));
    let callers: Vec<_> = (0..64)
        .map(|caller| {
            let running = running.clone();
            tokio::spawn(async move {
                let mut wire = running.connect().await;
                for round in 0..3 {
                    let answer = wire.get(&format!("/api/{caller}-{round}")).await;
                    let expected: String =
                        (0..50).map(|n| format!("/{caller}-{round}:{n};")).collect();
                    assert_eq!(body(&answer), expected);
                }
            })
        })
        .collect();
    for caller in callers {
        caller.await.unwrap();
    }
    until(|| running.settled("answered") == 192).await;
    assert_eq!(running.metric("tollgate_requests_in_flight"), 0);
}
