//! Sessions of a Realtime API through a whole gateway: each response in the ledger with its price, and a budget that ends
//! the session, as a plain WebSocket and OpenAI's SDK see it.
//!
//! The provider sends back what it is sent, so that the test says what the model says.

use crate::python::python;
use crate::scene::{FORWARD, KEY_A, Served, metrics, sum, until};
use serde_json::{Value, json};
use std::io;
use std::path::Path;
use tollgate_state::ledger::{EndReason, Flags, Period, Reader, Record, Settlement};
use tollgate_testkit::client::{fetch, get};
use tollgate_testkit::upstream::{WebSocketClient, WebSocketEcho, WebSocketMessage};

const PRICES: &str = r#"
version: contract-7
prices:
  - providers: [openai]
    models: [gpt-realtime]
    perMillion: { input: 4, cachedInput: 0.40, audioInput: 32, cachedAudioInput: 0.40, output: 16, audioOutput: 64 }
"#;

fn config(provider: &str) -> String {
    format!(
        r#"gateway:
  listen: [{{ address: "127.0.0.1:0" }}]
  management: {{ address: "127.0.0.1:0" }}
  threads: 1
  prices: prices.yaml
  ledger: {{ folder: ledger }}
policy: global.xml
budgets:
  - {{ id: team, each: api, limit: {{ tokens: 600 }}, period: endless }}
  - {{ id: money, limit: {{ amount: 100 }}, period: endless }}
backends:
  - {{ id: provider, url: "{provider}", provider: openai }}
subscriptions:
  - {{ id: team-a, scope: /apis, primaryKey: {{ env: TEAM_A_KEY }} }}
apis:
  - {{ id: plain, path: plain, backendId: provider, operations: [{{ id: all, method: GET, urlTemplate: "/*" }}] }}
  - {{ id: sdk, path: sdk, backendId: provider, operations: [{{ id: all, method: GET, urlTemplate: "/*" }}] }}
"#
    )
}

async fn served() -> (WebSocketEcho, Served) {
    let provider = WebSocketEcho::start().await.unwrap();
    let files = [
        ("tollgate.yaml", &*config(&provider.url())),
        ("prices.yaml", PRICES),
        ("global.xml", FORWARD),
    ];
    let served = Served::start(&files, &[]);
    (provider, served)
}

fn began(id: &str) -> String {
    json!({"type": "response.created", "event_id": "e", "response": {"id": id, "object": "realtime.response", "status": "in_progress"}})
        .to_string()
}

/// A response that used 253 tokens.
fn done(id: &str) -> String {
    json!({"type": "response.done", "event_id": "e", "response": {"id": id, "object": "realtime.response", "status": "completed",
        "usage": {"total_tokens": 253, "input_tokens": 132, "output_tokens": 121,
            "input_token_details": {"text_tokens": 119, "audio_tokens": 13, "cached_tokens": 64, "cached_tokens_details": {"text_tokens": 64, "audio_tokens": 0}},
            "output_token_details": {"text_tokens": 30, "audio_tokens": 91}}}})
        .to_string()
}

async fn connect(served: &Served) -> io::Result<WebSocketClient> {
    let headers = [
        ("ocp-apim-subscription-key", KEY_A),
        ("sec-websocket-extensions", "permessage-deflate"),
    ];
    let path = "/plain/v1/realtime?model=gpt-realtime";
    WebSocketClient::connect(served.gateway, path, &headers).await
}

/// Sends a text, which comes back.
async fn said(client: &mut WebSocketClient, text: &str) {
    client.send_text(text).await.unwrap();
    let came = client.receive().await.unwrap();
    assert_eq!(came, WebSocketMessage::Text(text.to_owned()));
}

async fn spent(served: &Served, budget: &str, of: &str) -> Value {
    let answer = fetch(served.management, get(&format!("/budgets/{budget}"))).await;
    let json = answer.unwrap().json();
    let accounts = json["accounts"].as_array().unwrap();
    let account = accounts
        .iter()
        .find(|a| a["of"].as_str().unwrap_or("") == of);
    let account = account.unwrap_or_else(|| panic!("{json}"));
    assert!(
        account["reserved"] == 0 || account["reserved"] == "0",
        "{account}"
    );
    account["spent"].clone()
}

fn settlements(served: &Served) -> Vec<Settlement<'static>> {
    let reader = Reader::open(&served.folder.path().join("ledger"), Period::ALL).unwrap();
    reader
        .filter_map(|record| match record.unwrap() {
            Record::Settlement(settlement) => Some(settlement),
            _ => None,
        })
        .collect()
}

async fn closed(served: &Served) {
    until("the sessions have settled", async || {
        let page = metrics(served.management).await;
        sum(&page, "tollgate_requests_in_flight", &[]) == 0
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_budget_ends_a_session_behind_the_response_that_used_it() {
    let (provider, served) = served().await;
    let mut client = connect(&served).await.unwrap();
    assert_eq!(
        provider.requests()[0].header("sec-websocket-extensions"),
        None
    );
    said(&mut client, r#"{"type":"session.update","session":{}}"#).await;
    for id in ["one", "two"] {
        said(&mut client, &began(id)).await;
        said(
            &mut client,
            r#"{"type":"response.output_audio.delta","delta":"AAAA"}"#,
        )
        .await;
        said(&mut client, &done(id)).await;
    }
    assert_eq!(spent(&served, "team", "plain").await, 506);
    // (55 x 4 + 64 x 0.40 + 13 x 32 + 30 x 16 + 91 x 64) for a million, twice
    let each = "0.0069656";
    assert_eq!(spent(&served, "money", "").await, "0.0139312");
    said(&mut client, &began("three")).await;
    said(&mut client, &done("three")).await;
    let WebSocketMessage::Text(error) = client.receive().await.unwrap() else {
        panic!("no error");
    };
    let error: Value = serde_json::from_str(&error).unwrap();
    assert_eq!(error["type"], "error");
    assert_eq!(error["error"]["code"], "insufficient_quota");
    let message = error["error"]["message"].as_str().unwrap();
    assert!(
        message.starts_with("Budget `team` of `plain` is used up"),
        "{message}"
    );
    assert_eq!(
        client.receive().await.unwrap(),
        WebSocketMessage::Close(Some(1008))
    );
    drop(client);
    closed(&served).await;
    // Another session does not even begin.
    let refused = connect(&served).await.err().unwrap();
    assert!(refused.to_string().contains("403"), "{refused}");

    let records = settlements(&served);
    let session = records
        .iter()
        .find(|s| s.status == 101 && s.call.purpose.is_empty());
    let session = session.unwrap();
    assert_eq!((session.total, session.cost_pico), (0, Some(0)));
    assert!(!session.flags.has(Flags::UNCERTAIN));
    let responses: Vec<_> = records
        .iter()
        .filter(|s| s.call.purpose == "realtime_response")
        .collect();
    assert_eq!(responses.len(), 3);
    for response in responses {
        assert_eq!(response.call.parent, session.call.id);
        assert_eq!(response.call.model, "gpt-realtime");
        assert_eq!((response.total, response.end), (253, EndReason::Done));
        let cost = tollgate_llm::price::Pico(response.cost_pico.unwrap());
        assert_eq!(cost.to_string(), each);
        assert_eq!(response.call.budgets, ["team/plain", "money"]);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_session_that_is_left_settles_what_was_under_way() {
    let (_provider, served) = served().await;
    let mut client = connect(&served).await.unwrap();
    said(&mut client, &began("one")).await;
    drop(client);
    closed(&served).await;
    let records = settlements(&served);
    let left = records
        .iter()
        .find(|s| s.call.purpose == "realtime_response");
    let left = left.unwrap();
    assert_eq!(left.end, EndReason::ClientLeft);
    assert!(left.flags.has(Flags::UNCERTAIN));
    assert_eq!(spent(&served, "team", "plain").await, 0);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn openais_sdk_sees_the_error_and_the_code() {
    let (_provider, served) = served().await;
    let url = format!("ws://{}/sdk/v1", served.gateway);
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/clients/realtime.py");
    let out = tokio::task::spawn_blocking(move || {
        let environment = [
            ("GATEWAY_URL", &*url),
            ("SUBSCRIPTION_KEY", KEY_A),
            ("BEGAN", &began("one")),
            ("DONE", &done("one")),
        ];
        python(&script, &environment)
    });
    if let Some(out) = out.await.unwrap() {
        assert!(out.trim_end().ends_with("ok"), "{out}");
    }
}
