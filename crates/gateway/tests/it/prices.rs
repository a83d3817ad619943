//! Charges through the whole gateway: from what a provider sends to what the caller is told and the ledger says.

use crate::process::{Folder, run};
use crate::scene::{FORWARD, KEY_A, Served, until};
use base64::Engine as _;
use bytes::Bytes;
use http::{Request, Response};
use serde_json::{Value, json};
use tollgate_llm::eventstream;
use tollgate_state::ledger::{Period, Reader, Record};
use tollgate_testkit::client::{Fetched, fetch, post_json, with_header};
use tollgate_testkit::upstream::{HttpUpstream, ReceivedRequest, Transport};

const PRICES: &str = r#"
version: contract-7
prices:
  - providers: [openai]
    models: [gpt-4o]
    perMillion: { input: 2.50, cachedInput: 1.25, output: 10 }
  - providers: [anthropic]
    models: ["claude-sonnet*"]
    perMillion: { input: 3, cachedInput: 0.30, cacheWrite: 3.75, cacheWriteHour: 6, output: 15 }
  - providers: [aws.bedrock]
    models: ["amazon.nova-pro*"]
    perMillion: { input: 0.80, cachedInput: 0.20, output: 3.20 }
"#;

fn config(provider: &str) -> String {
    format!(
        r#"gateway:
  listen: [{{ address: "127.0.0.1:0" }}]
  management: {{ address: "127.0.0.1:0" }}
  threads: 1
  prices: prices.yaml
  costHeaders: true
  ledger: {{ folder: ledger }}
policy: global.xml
backends:
  - {{ id: openai, url: "{provider}", provider: openai, deployments: {{ chat-prod: {{ model: gpt-4o }},
      chat-ptu: {{ model: gpt-4o, capacity: {{ units: 2, unitHour: 1.5 }} }} }} }}
  - {{ id: anthropic, url: "{provider}", provider: anthropic }}
  - {{ id: bedrock, url: "{provider}", provider: aws.bedrock }}
subscriptions:
  - {{ id: team-a, scope: /apis, primaryKey: {{ env: TEAM_A_KEY }} }}
apis:
  - {{ id: openai, path: openai, backendId: openai, operations: [{{ id: all, method: POST, urlTemplate: "/*" }}] }}
  - {{ id: anthropic, path: anthropic, backendId: anthropic, operations: [{{ id: all, method: POST, urlTemplate: "/*" }}] }}
  - {{ id: bedrock, path: bedrock, backendId: bedrock, operations: [{{ id: all, method: POST, urlTemplate: "/*" }}] }}
  - {{ id: costs, path: costs, backendId: openai, policy: preview.xml, operations: [{{ id: costs, method: POST, urlTemplate: "/" }}] }}
"#
    )
}

const PREVIEW: &str = "<policies><inbound><base /><llm-cost-preview /></inbound><backend><base /></backend><outbound><base /></outbound><on-error><base /></on-error></policies>";

const USAGE: &str = r#"{"prompt_tokens":2006,"completion_tokens":300,"total_tokens":2306,"prompt_tokens_details":{"cached_tokens":1920},"completion_tokens_details":{"reasoning_tokens":64}}"#;

fn frame(kind: &str, payload: &str) -> Vec<u8> {
    eventstream::frame(&[(":event-type", kind)], payload.as_bytes()).unwrap()
}

/// What the providers answer.
fn answer(request: &ReceivedRequest) -> Response<Bytes> {
    let streams = request.text().contains("\"stream\":true");
    let (kind, body): (&str, Vec<u8>) = match &*request.path {
        path if path.ends_with("/chat/completions") && streams => (
            "text/event-stream",
            format!(
                "data: {{\"model\":\"gpt-4o\",\"choices\":[{{\"index\":0,\"delta\":{{\"content\":\"Hi\"}}}}]}}\n\n\
                 data: {{\"model\":\"gpt-4o\",\"choices\":[],\"usage\":{USAGE}}}\n\ndata: [DONE]\n\n"
            )
            .into_bytes(),
        ),
        path if path.ends_with("/chat/completions") => (
            "application/json",
            format!(r#"{{"model":"gpt-4o","choices":[{{"message":{{"content":"Hi"}}}}],"usage":{USAGE}}}"#).into_bytes(),
        ),
        path if path.ends_with("/messages") => (
            "application/json",
            br#"{"type":"message","model":"claude-sonnet-4-6","content":[],"usage":{"input_tokens":2048,"cache_read_input_tokens":1800,"cache_creation_input_tokens":556,"output_tokens":503,"cache_creation":{"ephemeral_5m_input_tokens":456,"ephemeral_1h_input_tokens":100}}}"#.to_vec(),
        ),
        path if path.ends_with("/converse-stream") => (
            "application/vnd.amazon.eventstream",
            [
                frame("contentBlockDelta", r#"{"delta":{"text":"Here."}}"#),
                frame("metadata", r#"{"usage":{"inputTokens":30,"outputTokens":628,"totalTokens":758,"cacheReadInputTokens":100}}"#),
            ]
            .concat(),
        ),
        // One chunk of a model's own stream, coded as Bedrock does.
        path if path.ends_with("/invoke-with-response-stream") => {
            let inner = r#"{"type":"message_stop","amazon-bedrock-invocationMetrics":{"inputTokenCount":30,"outputTokenCount":628}}"#;
            let coded = base64::engine::general_purpose::STANDARD.encode(inner);
            ("application/vnd.amazon.eventstream", frame("chunk", &format!(r#"{{"bytes":"{coded}"}}"#)))
        }
        path => panic!("nobody asks for {path}"),
    };
    let response = Response::builder().header("content-type", kind);
    response.body(Bytes::from(body)).unwrap()
}

async fn call(served: &Served, path: &str, body: &Value) -> Fetched {
    let request: Request<Bytes> =
        with_header(post_json(path, body), "ocp-apim-subscription-key", KEY_A);
    let answer = fetch(served.gateway, request).await.unwrap();
    assert_eq!(answer.status, 200, "{path}: {}", answer.text());
    answer
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn charges_are_told_and_kept() {
    let provider = HttpUpstream::start(Transport::Http1, answer).await.unwrap();
    let served = Served::start(
        &[
            ("tollgate.yaml", &config(&provider.url())),
            ("prices.yaml", PRICES),
            ("global.xml", FORWARD),
            ("preview.xml", PREVIEW),
        ],
        &[],
    );
    let chat = json!({"model": "gpt-4o", "max_tokens": 400, "messages": [{"role": "user", "content": "hello"}]});
    let mut stream = chat.clone();
    stream["stream"] = json!(true);
    let claude = json!({"model": "claude-sonnet-4-6", "max_tokens": 10, "messages": [{"role": "user", "content": "hello"}]});
    let nova = json!({"messages": [{"role": "user", "content": [{"text": "hello"}]}], "inferenceConfig": {"maxTokens": 1000}});

    // (2006 - 1920) x 2.50 + 1920 x 1.25 + 300 x 10, for a million
    let whole = call(&served, "/openai/v1/chat/completions", &chat).await;
    assert_eq!(whole.header("x-tollgate-cost"), "0.005615");
    assert_eq!(whole.header("x-tollgate-cost-currency"), "USD");
    // A stream's head goes out first: (8 + 16) x 2.50 + 400 x 10 at most
    let streamed = call(&served, "/openai/v1/chat/completions", &stream).await;
    assert_eq!(streamed.header("x-tollgate-cost"), "");
    assert_eq!(streamed.header("x-tollgate-cost-maximum"), "0.00406");
    assert!(
        !streamed.text().contains("prompt_tokens"),
        "the caller asked for no usage"
    );
    // 2048 x 3 + 1800 x 0.30 + 456 x 3.75 + 100 x 6 + 503 x 15
    let message = call(&served, "/anthropic/v1/messages", &claude).await;
    assert_eq!(message.header("x-tollgate-cost"), "0.016539");
    // 30 x 0.80 + 100 x 0.20 + 628 x 3.20, told by the ledger alone
    call(
        &served,
        "/bedrock/model/amazon.nova-pro-v1:0/converse-stream",
        &nova,
    )
    .await;
    // 30 x 0.80 + 628 x 3.20
    call(
        &served,
        "/bedrock/model/amazon.nova-pro-v1%3A0/invoke-with-response-stream",
        &nova,
    )
    .await;
    // Capacity is paid by the hour.
    let ptu = call(
        &served,
        "/openai/deployments/chat-ptu/chat/completions",
        &chat,
    )
    .await;
    assert_eq!(ptu.header("x-tollgate-cost"), "0");
    let deployed = call(
        &served,
        "/openai/deployments/chat-prod/chat/completions",
        &chat,
    )
    .await;
    assert_eq!(deployed.header("x-tollgate-cost"), "0.005615");

    until("all settled", async || books(&served.folder).len() == 7).await;
    let mut found = books(&served.folder);
    let mut expected: Vec<(String, Option<u128>)> = [
        ("openai", 5_615_000_000),
        ("openai", 5_615_000_000),
        ("openai", 0),
        ("openai", 5_615_000_000),
        ("anthropic", 16_539_000_000),
        ("aws.bedrock", 2_053_600_000),
        ("aws.bedrock", 2_033_600_000),
    ]
    .map(|(provider, pico)| (provider.to_owned(), Some(pico)))
    .into();
    found.sort();
    expected.sort();
    assert_eq!(found, expected);
}

/// Provider and charge of each settlement.
fn books(folder: &Folder) -> Vec<(String, Option<u128>)> {
    let reader = Reader::open(&folder.path().join("ledger"), Period::ALL).unwrap();
    reader
        .filter_map(|record| match record.unwrap() {
            Record::Settlement(settled) => {
                assert!(
                    settled.price_version.starts_with("contract-7"),
                    "{settled:?}"
                );
                Some((settled.call.provider.to_string(), settled.cost_pico))
            }
            _ => None,
        })
        .collect()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_preview_calls_nothing() {
    let provider = HttpUpstream::start(Transport::Http1, answer).await.unwrap();
    let served = Served::start(
        &[
            ("tollgate.yaml", &config(&provider.url())),
            ("prices.yaml", PRICES),
            ("global.xml", FORWARD),
            ("preview.xml", PREVIEW),
        ],
        &[],
    );
    let asked = json!({
        "request": {"max_tokens": 100, "messages": [{"role": "user", "content": "hello"}]},
        "candidates": [
            {"model": "chat-prod", "backend": "openai"},
            {"model": "claude-sonnet-4-6", "provider": "anthropic"},
            {"model": "mystery"},
        ],
    });
    let by_caller = call(&served, "/costs", &asked).await.json();
    let by_operator = fetch(served.management, post_json("/cost-preview", &asked))
        .await
        .unwrap();
    for shown in [by_caller, by_operator.json()] {
        let rows = shown["candidates"].as_array().unwrap();
        assert_eq!(rows[0]["priced_as"], "gpt-4o", "{shown}");
        assert_eq!(
            (&rows[0]["expected"], &rows[0]["maximum"]),
            (&json!("0.00102"), &json!("0.00106"))
        );
        assert_eq!(rows[1]["provider"], "anthropic");
        assert_eq!(rows[2]["unpriced"], "the model has no price");
    }
    let wrong = fetch(served.management, post_json("/cost-preview", &json!([1])))
        .await
        .unwrap();
    assert_eq!(wrong.status, 400);
    assert!(provider.requests().is_empty());
}

#[test]
fn the_command_prints_what_is_in_force() {
    let (code, shown, _) = run(&[
        "prices",
        "--model",
        "gpt-4o",
        "--provider",
        "openai",
        "--json",
    ]);
    assert_eq!(code, Some(0));
    let shown: Value = serde_json::from_str(&shown).unwrap();
    assert_eq!(shown["prices"][0]["model"], "gpt-4o");
    assert_eq!(
        shown["prices"][0]["steps"][0]["per_million"]["cached_input"],
        "1.25"
    );
    let (code, shown, _) = run(&[
        "prices",
        "--model",
        "claude-sonnet-5-5",
        "--at",
        "2026-10-06",
        "--provider",
        "anthropic",
    ]);
    assert!(code == Some(0) && shown.contains(" 0.2 "), "{shown}");
    let (code, _, errors) = run(&["prices", "--model", "gtp-4o"]);
    assert_eq!(code, Some(1));
    assert!(errors.contains("did you mean `gpt-4o`?"), "{errors}");
    let (code, ..) = run(&["prices", "--model", "nothing-like-it"]);
    assert_eq!(code, Some(1));
    let folder = Folder::new();
    folder.write("prices.yaml", PRICES);
    folder.write("tollgate.yaml", "gateway: { prices: prices.yaml }\n");
    let (code, shown, errors) = run(&[
        "prices",
        "--config",
        folder.text(),
        "--provider",
        "aws.bedrock",
    ]);
    assert_eq!(code, Some(0), "{errors}");
    assert!(shown.starts_with("prices contract-7+"), "{shown}");
    folder.write("prices.yaml", "version: 1\nprices: [{ models: [] }]\n");
    let (code, _, errors) = run(&["prices", "--config", folder.text()]);
    assert!(
        code == Some(1) && errors.contains("tollgate check"),
        "{errors}"
    );
}
