//! The ledger: what is billed, to whom, and when a client leaves.

use std::time::Duration;

use http_body_util::BodyExt;
use serde_json::json;
use tollgate_testkit::client::{self, Client};
use tollgate_testkit::load::Load;
use tollgate_testkit::simulator::Outcome;
use tollgate_testkit::{Simulator, SimulatorConfig};

use crate::{CHAT, EMBEDDINGS, get, keyed, post, question, simulator};

/// Waits until no answer is open; the bound only ends a test that would hang.
async fn settled(simulator: &Simulator) {
    for _ in 0..2_000 {
        if simulator.usage().open == 0 {
            return;
        }
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    panic!("an answer is still open");
}

#[tokio::test]
async fn bills_carry_the_callers_request_id() {
    let simulator = simulator().await;
    let request = client::with_header(
        keyed(client::post_json(CHAT, &question("Say hello.", json!({})))),
        "x-request-id",
        "mine-1",
    );
    let answer = client::fetch(simulator.addr(), request).await.unwrap();
    assert_eq!(answer.header("x-request-id"), "mine-1");
    post(&simulator, EMBEDDINGS, &json!({ "input": "hello" })).await;
    let report = get(&simulator, "/usage?request_id=mine-1").await.json();
    assert_eq!(report["requests"].as_array().unwrap().len(), 1);
    let record = &report["requests"][0];
    assert_eq!(
        (
            &record["deployment"],
            &record["operation"],
            &record["outcome"]
        ),
        (&json!("gpt-4o-mini"), &json!("chat"), &json!("finished"))
    );
    assert_eq!(
        record["total_tokens"],
        answer.json()["usage"]["total_tokens"]
    );
    assert_eq!(report["totals"]["requests"], 2);
    let reset = keyed(
        http::Request::delete("/usage")
            .body(bytes::Bytes::new())
            .unwrap(),
    );
    assert_eq!(
        client::fetch(simulator.addr(), reset).await.unwrap().status,
        200
    );
    assert_eq!(simulator.usage().totals.requests, 0);
}

#[tokio::test]
async fn a_client_that_leaves_pays_for_what_was_generated() {
    let config = SimulatorConfig {
        latency_per_token: Duration::from_millis(20),
        ..SimulatorConfig::default()
    };
    let simulator = Simulator::start(config).await.unwrap();
    let mut client = Client::connect(simulator.addr()).await.unwrap();
    let body = question("Count to 500.", json!({ "stream": true }));
    let mut response = client
        .open(keyed(client::post_json(CHAT, &body)))
        .await
        .unwrap();
    let mut seen = String::new();
    while seen.matches("\"content\":").count() < 4 {
        let frame = response.frame().await.unwrap().unwrap();
        seen.push_str(std::str::from_utf8(frame.data_ref().unwrap()).unwrap());
    }
    drop(client);
    drop(response);
    settled(&simulator).await;
    let report = simulator.usage();
    let record = &report.requests[0];
    assert_eq!(record.outcome, Outcome::Cut);
    assert!(
        record.completion_tokens >= 3 && record.completion_tokens < 100,
        "{}",
        record.completion_tokens
    );
    assert_eq!(
        record.total_tokens,
        record.prompt_tokens + record.completion_tokens
    );
    assert_eq!(
        (report.totals.cut, report.totals.total_tokens),
        (1, u64::from(record.total_tokens))
    );
}

#[tokio::test]
async fn the_load_driver_counts_every_request_and_aborts_its_share() {
    let config = SimulatorConfig {
        latency_per_token: Duration::from_millis(1),
        ..SimulatorConfig::default()
    };
    let simulator = Simulator::start(config).await.unwrap();
    let request = |number: usize| {
        keyed(client::post_json(
            CHAT,
            &question(
                &format!("Count to {}.", 30 + number % 5),
                json!({ "stream": true }),
            ),
        ))
    };
    let report = Load::new(simulator.addr(), 16, 90, request)
        .aborting(1.0 / 3.0, 5)
        .run()
        .await;
    assert_eq!(
        report.failures.values().sum::<usize>(),
        0,
        "{:?}",
        report.failures
    );
    assert_eq!((report.aborted, report.statuses[&200]), (30, 60));
    settled(&simulator).await;
    let usage = simulator.usage();
    assert_eq!(usage.totals.requests, 90);
    let sum: u64 = usage
        .requests
        .iter()
        .map(|record| u64::from(record.total_tokens))
        .sum();
    assert_eq!(usage.totals.total_tokens, sum);
    assert!(usage.totals.cut > 0);
}

#[tokio::test]
async fn the_list_is_bounded_and_the_totals_are_not() {
    let simulator = Simulator::start(SimulatorConfig {
        usage_capacity: 2,
        ..SimulatorConfig::default()
    })
    .await
    .unwrap();
    for _ in 0..5 {
        post(&simulator, EMBEDDINGS, &json!({ "input": "hello" })).await;
    }
    let report = simulator.usage();
    assert_eq!(
        (
            report.requests.len(),
            report.dropped,
            report.totals.requests
        ),
        (2, 3, 5)
    );
}

#[tokio::test]
async fn requests_are_recorded_as_they_came() {
    let simulator = simulator().await;
    post(&simulator, CHAT, &question("first", json!({}))).await;
    post(&simulator, EMBEDDINGS, &json!({ "input": "second" })).await;
    let last = get(&simulator, "/requests?last=1").await.json();
    assert_eq!(last["requests"][0]["path"], EMBEDDINGS);
    let requests = simulator.requests(10);
    assert_eq!(requests.len(), 2, "control endpoints are not recorded");
    assert_eq!(
        (requests[0].header("api-key"), requests[0].method.as_str()),
        (Some("any-key"), "POST")
    );
    assert!(requests[0].body.contains("first"));
}

#[tokio::test]
async fn shutdown_lets_open_answers_end() {
    let config = SimulatorConfig {
        latency_per_token: Duration::from_millis(5),
        ..SimulatorConfig::default()
    };
    let simulator = Simulator::start(config).await.unwrap();
    let addr = simulator.addr();
    let mut client = Client::connect(addr).await.unwrap();
    let body = question("Count to 20.", json!({ "stream": true }));
    let response = client
        .open(keyed(client::post_json(CHAT, &body)))
        .await
        .unwrap();
    let (body, ()) = tokio::join!(response.into_body().collect(), simulator.shutdown());
    assert!(String::from_utf8_lossy(&body.unwrap().to_bytes()).ends_with("data: [DONE]\n\n"));
    assert!(Client::connect(addr).await.is_err());
}

#[tokio::test]
async fn answers_stop_while_it_is_paused() {
    let simulator = simulator().await;
    simulator.pause(2);
    let body = question("Count to five.", json!({ "stream": true }));
    let mut client = Client::connect(simulator.addr()).await.unwrap();
    let stream = client
        .open(keyed(client::post_json(CHAT, &body)))
        .await
        .unwrap();
    let mut stream = stream.into_body();
    let mut text = Vec::new();
    let events = |text: &[u8]| {
        String::from_utf8_lossy(text)
            .matches("\"content\":\"")
            .count()
    };
    // The first one has the role and no text.
    while events(&text) < 3 {
        text.extend(stream.frame().await.unwrap().unwrap().into_data().unwrap());
    }
    let whole = tokio::spawn(client::fetch(
        simulator.addr(),
        keyed(client::post_json(CHAT, &question("Say hello.", json!({})))),
    ));
    while simulator.usage().open < 2 {
        tokio::task::yield_now().await;
    }
    assert_eq!(simulator.usage().totals.requests, 0);
    simulator.resume();
    while let Some(frame) = stream.frame().await {
        text.extend(frame.unwrap().into_data().unwrap());
    }
    assert!(text.ends_with(b"data: [DONE]\n\n"));
    assert_eq!(whole.await.unwrap().unwrap().status, 200);
    settled(&simulator).await;
    assert_eq!(simulator.usage().totals.cut, 0);
}
