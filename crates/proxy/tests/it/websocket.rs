//! Upgraded connections pass bytes both ways and settle when they end.

use crate::support::*;
use std::time::Duration;
use tollgate_engine::accounting::LedgerOptions;
use tollgate_proxy::config::LedgerConfig;
use tollgate_state::ledger::{EndReason, Flags, Period, Reader, Record};

const UPGRADE: &str = "GET /open/socket HTTP/1.1\r\nhost: gateway\r\nconnection: Upgrade\r\nupgrade: websocket\r\nsec-websocket-version: 13\r\nsec-websocket-key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n";

/// Switches protocols with a first message behind the head, then echoes with a prefix.
async fn echo() -> Backend {
    Backend::serve(|mut wire| async move {
        let Some(request) = wire.message().await else {
            return;
        };
        assert_eq!(header(&request, "upgrade"), Some("websocket"), "{request}");
        assert_eq!(header(&request, "connection"), Some("Upgrade"), "{request}");
        assert!(header(&request, "sec-websocket-key").is_some());
        wire.send("HTTP/1.1 101 Switching Protocols\r\nconnection: Upgrade\r\nupgrade: websocket\r\nsec-websocket-accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n\r\nhello;")
            .await;
        while let Some(message) = wire.until(";").await {
            wire.send(&format!("echo {message}")).await;
        }
    })
    .await
}

async fn upgraded(running: &Running) -> Wire<tokio::net::TcpStream> {
    let mut wire = running.connect().await;
    wire.send(UPGRADE).await;
    let head = wire.until("\r\n\r\n").await.unwrap();
    assert_eq!(status(&head), 101);
    assert_eq!(header(&head, "upgrade"), Some("websocket"));
    assert_eq!(
        header(&head, "sec-websocket-accept"),
        Some("s3pPLMBiTxaQ9kYGzzhZRbK+xOo=")
    );
    assert_eq!(wire.until(";").await.as_deref(), Some("hello;"));
    wire
}

#[tokio::test]
async fn bytes_pass_both_ways_until_one_side_ends() {
    let backend = echo().await;
    let running = before(&backend);
    let mut wire = upgraded(&running).await;
    for number in 0..10 {
        wire.send(&format!("{number};")).await;
        assert_eq!(wire.until(";").await.unwrap(), format!("echo {number};"));
    }
    assert_eq!(
        running.metric("tollgate_requests_in_flight"),
        1,
        "not settled while open"
    );
    drop(wire);
    until(|| running.settled("answered") == 1).await;
    until(|| backend.open() == 0).await;
    until(|| running.metric("tollgate_connections ") == 0).await;
    assert_eq!(running.metric("tollgate_request_body_bytes_total"), 20);
    assert_eq!(running.metric("tollgate_response_body_bytes_total"), 76);
}

#[tokio::test]
async fn a_realtime_connection_is_one_call_of_the_ledger() {
    let folder = std::env::temp_dir().join(format!("tollgate-realtime-{}", std::process::id()));
    let backend = echo().await;
    let running = start(definition(&backend.url(), None), |c| {
        c.ledger = Some(LedgerConfig {
            folder: folder.clone(),
            retention_days: None,
            sync_interval: Duration::from_secs(1),
            calls: LedgerOptions::default(),
        });
    });
    let records = || -> Vec<Record<'static>> {
        let reader = Reader::open(&folder, Period::ALL).unwrap();
        reader.map(Result::unwrap).collect()
    };
    let mut wire = running.connect().await;
    wire.send(&UPGRADE.replace("/open/socket", "/open/v1/realtime?model=m"))
        .await;
    assert_eq!(wire.until(";").await.map(|head| status(&head)), Some(101));
    let open = records();
    assert!(matches!(open[..], [Record::Intent(_)]), "{open:?}");
    drop(wire);
    until(|| running.settled("answered") == 1).await;
    let ended = records();
    let [Record::Intent(intent), Record::Settlement(settlement)] = &ended[..] else {
        panic!("{ended:?}");
    };
    assert_eq!(intent.call.id, settlement.call.id);
    assert_eq!((settlement.end, settlement.status), (EndReason::Done, 101));
    // What passed in it is the provider's to say.
    assert_eq!((settlement.tokens.sum(), settlement.cost_pico), (0, None));
    assert!(settlement.flags.has(Flags::UNCERTAIN));
    drop(running);
    std::fs::remove_dir_all(folder).unwrap();
}

#[tokio::test]
async fn a_silent_tunnel_ends() {
    let backend = echo().await;
    let running = start(definition(&backend.url(), None), |c| {
        c.limits.body_idle_timeout = Duration::from_millis(150);
    });
    let mut wire = upgraded(&running).await;
    assert_eq!(wire.rest().await, "");
    until(|| backend.open() == 0).await;
}

#[tokio::test]
async fn a_backend_may_decline() {
    let backend = Backend::echo().await;
    let running = before(&backend);
    let mut wire = running.connect().await;
    let answer = wire.call(UPGRADE).await;
    assert_eq!(status(&answer), 200);
    assert_eq!(status(&wire.get("/nothing").await), 404);
}

#[tokio::test]
async fn nobody_is_upgraded_without_asking() {
    let backend = Backend::serve(|mut wire| async move {
        wire.message().await;
        wire.send("HTTP/1.1 101 Switching Protocols\r\nconnection: Upgrade\r\nupgrade: x\r\n\r\n")
            .await;
        wire.rest().await;
    })
    .await;
    let running = before(&backend);
    let mut wire = running.connect().await;
    let code = status(&wire.get("/api/x").await);
    assert!(code >= 500, "{code}");
    until(|| backend.open() == 0).await;
    assert_eq!(running.metric("tollgate_requests_in_flight"), 0);
}

#[tokio::test]
async fn a_drain_waits_for_tunnels() {
    let backend = echo().await;
    let running = before(&backend);
    let mut wire = upgraded(&running).await;
    let gateway = running.gateway;
    let drain = tokio::task::spawn_blocking(move || gateway.drain(PATIENCE));
    wire.send("still here;").await;
    assert_eq!(wire.until(";").await.unwrap(), "echo still here;");
    assert!(!drain.is_finished());
    drop(wire);
    assert_eq!(soon(drain).await.unwrap(), 0);
}
