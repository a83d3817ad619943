//! Faults on demand, as a client sees them.

use std::io::ErrorKind;
use std::time::{Duration, Instant};

use serde_json::json;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tollgate_testkit::Simulator;
use tollgate_testkit::client::{self, Fetched};
use tollgate_testkit::simulator::{FAULT_HEADER, Outcome};

use crate::{CHAT, keyed, post, question, simulator};

async fn faulty(simulator: &Simulator, fault: &str, stream: bool) -> std::io::Result<Fetched> {
    let body = question("Count to 40.", json!({ "stream": stream }));
    let request = client::with_header(keyed(client::post_json(CHAT, &body)), FAULT_HEADER, fault);
    client::fetch(simulator.addr(), request).await
}

#[tokio::test]
async fn statuses_and_retry_after() {
    let simulator = simulator().await;
    let refused = faulty(&simulator, "status=503;retry-after=7", false)
        .await
        .unwrap();
    assert_eq!(
        (refused.status.as_u16(), refused.header("retry-after")),
        (503, "7")
    );
    assert_eq!(refused.json()["error"]["code"], "ServiceUnavailable");
    assert_eq!(
        faulty(&simulator, "retry-after=2", true)
            .await
            .unwrap()
            .status,
        429
    );
    let filtered = faulty(&simulator, "content-filter", false).await.unwrap();
    assert_eq!(
        (filtered.status.as_u16(), &filtered.json()["error"]["code"]),
        (400, &json!("content_filter"))
    );
    assert_eq!(
        faulty(&simulator, "gibberish", false).await.unwrap().status,
        400
    );
    assert_eq!(simulator.usage().totals.requests, 0);
}

#[tokio::test]
async fn a_delay_delays() {
    let simulator = simulator().await;
    let start = Instant::now();
    assert_eq!(
        faulty(&simulator, "delay=120ms", false)
            .await
            .unwrap()
            .status,
        200
    );
    assert!(start.elapsed() >= Duration::from_millis(120));
}

#[tokio::test]
async fn a_reset_is_an_rst() {
    let simulator = simulator().await;
    let mut stream = tokio::net::TcpStream::connect(simulator.addr())
        .await
        .unwrap();
    let head = format!(
        "POST {CHAT} HTTP/1.1\r\nhost: x\r\n{FAULT_HEADER}: reset\r\ncontent-length: 0\r\n\r\n"
    );
    stream.write_all(head.as_bytes()).await.unwrap();
    let error = stream.read_to_end(&mut Vec::new()).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::ConnectionReset);
}

#[tokio::test]
async fn a_cut_stream_ends_without_its_end() {
    let simulator = simulator().await;
    for fault in ["cut-after=5", "cut-after=5;reset"] {
        simulator.reset_usage();
        let cut = faulty(&simulator, fault, true).await.unwrap();
        assert!(!cut.complete, "{fault}");
        let contents = cut.json_events();
        let sent = contents.iter().filter(|event| {
            event["choices"][0]["delta"]["content"]
                .as_str()
                .is_some_and(|text| !text.is_empty())
        });
        assert_eq!(sent.count(), 5, "{fault}");
        let record = &simulator.usage().requests[0];
        assert_eq!(
            (record.outcome, record.completion_tokens),
            (Outcome::Cut, 5),
            "{fault}"
        );
    }
    let cut = faulty(&simulator, "cut-after=1", false).await.unwrap();
    assert!(!cut.complete && !cut.body.is_empty());
    for stream in [false, true] {
        let cut = faulty(&simulator, "cut-after=0", stream).await.unwrap();
        assert_eq!(cut.status, 200);
        assert!(!cut.complete && cut.body.is_empty(), "{}", cut.text());
    }
}

#[tokio::test]
async fn lengths_lie_and_streams_break() {
    let simulator = simulator().await;
    let short = faulty(&simulator, "wrong-length", false).await.unwrap();
    assert!(!short.complete);
    assert!(short.header("content-length").parse::<usize>().unwrap() > short.body.len());
    let broken = faulty(&simulator, "bad-sse;cut-after=3", true)
        .await
        .unwrap();
    assert!(broken.complete, "the transfer is right, its content is not");
    assert!(std::str::from_utf8(&broken.body).is_err());
    assert_ne!(broken.events().last().unwrap(), "[DONE]");
    let stalled = faulty(&simulator, "stall=50ms", true).await.unwrap();
    assert!(!stalled.complete);
}

#[tokio::test]
async fn slow_headers_trickle() {
    let simulator = simulator().await;
    let start = Instant::now();
    let slow = faulty(&simulator, "slow-headers=300ms", false)
        .await
        .unwrap();
    assert_eq!(slow.status, 200);
    assert!(start.elapsed() >= Duration::from_millis(250));
}

#[tokio::test]
async fn queued_faults_strike_their_deployment() {
    let simulator = simulator().await;
    let queued = post(
        &simulator,
        "/faults",
        &json!({ "deployment": "gpt-4o-mini", "fault": "status=500", "count": 2 }),
    )
    .await;
    assert_eq!(queued.status, 200);
    let body = question("Say hello.", json!({}));
    let other = "/openai/deployments/gpt-4o/chat/completions?api-version=2024-10-21";
    assert_eq!(post(&simulator, other, &body).await.status, 200);
    for expected in [500, 500, 200] {
        assert_eq!(post(&simulator, CHAT, &body).await.status, expected);
    }
    assert_eq!(
        post(&simulator, "/faults", &json!({ "fault": "nonsense" }))
            .await
            .status,
        400
    );
    simulator.queue_fault(None, "status=502", 5).unwrap();
    simulator.clear_faults();
    assert_eq!(post(&simulator, CHAT, &body).await.status, 200);
}
