//! Streams that end when a budget is used up, as the official SDKs of each protocol read them: what they got before, why
//! the answer ended, and the error.

use crate::node::Node;
use crate::python::python;
use crate::scene::{FORWARD, KEY_A, Served};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use flate2::Compression;
use flate2::write::GzEncoder;
use http::Response;
use serde_json::{Value, json};
use std::io::Write;
use std::path::{Path, PathBuf};
use tollgate_llm::eventstream;
use tollgate_testkit::upstream::{HttpUpstream, ReceivedRequest, Transport};

/// Words that a provider sends; the budget of each API has room for some of them.
const WORDS: u64 = 60;

/// One API for each stream, so that each has a budget of its own.
const APIS: [&str; 9] = [
    "openai",
    "gzip",
    "responses",
    "anthropic",
    "node",
    "gemini",
    "array",
    "bedrock",
    "invoke",
];

fn config(provider: &str) -> String {
    let apis = APIS.map(|id| {
        format!(
            "  - {{ id: {id}, path: {id}, backendId: provider, operations: [{{ id: all, method: POST, urlTemplate: \"/*\" }}] }}\n"
        )
    });
    format!(
        r#"gateway:
  listen: [{{ address: "127.0.0.1:0" }}]
  management: {{ address: "127.0.0.1:0" }}
  threads: 1
  tokenAccounting: {{ stopStreams: true }}
policy: global.xml
budgets:
  - {{ id: team, each: api, limit: {{ tokens: 50 }}, period: endless }}
backends:
  - {{ id: provider, url: "{provider}" }}
subscriptions:
  - {{ id: team-a, scope: /apis, primaryKey: {{ env: TEAM_A_KEY }} }}
apis:
{}"#,
        apis.concat()
    )
}

fn events(events: impl IntoIterator<Item = Value>) -> String {
    let events = events
        .into_iter()
        .map(|event| match event["type"].as_str() {
            Some(name) => format!("event: {name}\ndata: {event}\n\n"),
            None => format!("data: {event}\n\n"),
        });
    events.collect()
}

fn words<T>(each: impl Fn(u64) -> T) -> impl Iterator<Item = T> {
    (0..WORDS).map(each)
}

fn anthropic() -> Vec<Value> {
    let mut events = vec![
        json!({"type": "message_start", "message": {"id": "msg_1", "type": "message", "role": "assistant", "model": "claude-sonnet-4-6", "content": [], "stop_reason": null, "stop_sequence": null, "usage": {"input_tokens": 11, "output_tokens": 1}}}),
        json!({"type": "content_block_start", "index": 0, "content_block": {"type": "text", "text": ""}}),
        json!({"type": "ping"}),
    ];
    events.extend(words(|_| json!({"type": "content_block_delta", "index": 0, "delta": {"type": "text_delta", "text": " word"}})));
    events.push(json!({"type": "content_block_stop", "index": 0}));
    events.push(json!({"type": "message_delta", "delta": {"stop_reason": "end_turn", "stop_sequence": null}, "usage": {"output_tokens": WORDS}}));
    events.push(json!({"type": "message_stop"}));
    events
}

fn gemini() -> Vec<Value> {
    let part = |at| {
        let mut event = json!({
            "candidates": [{"content": {"parts": [{"text": " word"}], "role": "model"}, "index": 0}],
            "modelVersion": "gemini-2.5-pro", "responseId": "r",
            "usageMetadata": {"promptTokenCount": 9, "candidatesTokenCount": at + 1, "totalTokenCount": at + 10},
        });
        if at + 1 == WORDS {
            event["candidates"][0]["finishReason"] = "STOP".into();
        }
        event
    };
    words(part).collect()
}

fn chat() -> String {
    let chunk = |choice: Value| json!({"id": "c", "object": "chat.completion.chunk", "created": 1, "model": "gpt-4o", "choices": [choice]});
    let pieces =
        words(|_| chunk(json!({"index": 0, "delta": {"content": " word"}, "finish_reason": null})));
    let last = chunk(json!({"index": 0, "delta": {}, "finish_reason": "stop"}));
    events(pieces.chain([last])) + "data: [DONE]\n\n"
}

fn responses() -> String {
    let mut all = vec![
        json!({"type": "response.created", "response": {"id": "r", "object": "response", "created_at": 1, "status": "in_progress", "model": "gpt-4o", "output": [], "parallel_tool_calls": true, "tool_choice": "auto", "tools": []}}),
        json!({"type": "response.output_item.added", "output_index": 0, "item": {"id": "m", "type": "message", "status": "in_progress", "role": "assistant", "content": []}}),
        json!({"type": "response.content_part.added", "item_id": "m", "output_index": 0, "content_index": 0, "part": {"type": "output_text", "text": "", "annotations": []}}),
    ];
    all.extend(words(|_| json!({"type": "response.output_text.delta", "item_id": "m", "output_index": 0, "content_index": 0, "delta": " word", "logprobs": []})));
    for (at, event) in all.iter_mut().enumerate() {
        event["sequence_number"] = at.into();
    }
    events(all)
}

fn frame(name: &str, payload: &Value) -> Vec<u8> {
    let headers = [
        (":event-type", name),
        (":content-type", "application/json"),
        (":message-type", "event"),
    ];
    eventstream::frame(&headers, payload.to_string().as_bytes()).unwrap()
}

fn converse() -> Vec<u8> {
    let mut stream = frame("messageStart", &json!({"role": "assistant"}));
    for piece in words(|_| json!({"contentBlockIndex": 0, "delta": {"text": " word"}})) {
        stream.extend(frame("contentBlockDelta", &piece));
    }
    stream.extend(frame("contentBlockStop", &json!({"contentBlockIndex": 0})));
    stream.extend(frame("messageStop", &json!({"stopReason": "end_turn"})));
    stream
}

fn invoke() -> Vec<u8> {
    let chunk = |event: Value| {
        frame(
            "chunk",
            &json!({"bytes": STANDARD.encode(event.to_string())}),
        )
    };
    anthropic().into_iter().flat_map(chunk).collect()
}

fn gzip(plain: &str) -> Vec<u8> {
    let mut coded = GzEncoder::new(Vec::new(), Compression::default());
    coded.write_all(plain.as_bytes()).unwrap();
    coded.finish().unwrap()
}

/// What the providers answer; one of them codes its answers, whatever it is asked for.
fn answer(request: &ReceivedRequest) -> Response<Bytes> {
    let path = request.path.split('?').next().unwrap();
    let (kind, body): (&str, Vec<u8>) = match path {
        "/v1/chat/completions" => ("text/event-stream", chat().into()),
        "/gzip/chat/completions" => ("text/event-stream", gzip(&chat())),
        "/v1/responses" => ("text/event-stream", responses().into()),
        "/v1/messages" => ("text/event-stream", events(anthropic()).into()),
        path if path.ends_with(":streamGenerateContent") && request.path.contains("alt=sse") => {
            ("text/event-stream", events(gemini()).into())
        }
        path if path.ends_with(":streamGenerateContent") => {
            let elements: Vec<String> = gemini().iter().map(Value::to_string).collect();
            let array = format!("[{}\n]", elements.join("\n,\r\n"));
            ("application/json; charset=UTF-8", array.into())
        }
        path if path.ends_with("/converse-stream") => {
            ("application/vnd.amazon.eventstream", converse())
        }
        path if path.ends_with("/invoke-with-response-stream") => {
            ("application/vnd.amazon.eventstream", invoke())
        }
        path => panic!("nobody asks for {path}"),
    };
    let mut response = Response::builder().header("content-type", kind);
    if path.starts_with("/gzip/") {
        response = response.header("content-encoding", "gzip");
    }
    response.body(Bytes::from(body)).unwrap()
}

fn client(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("../../tests")
        .join(name)
}

async fn served() -> (HttpUpstream, Served) {
    let provider = HttpUpstream::start(Transport::Http1, answer).await.unwrap();
    let files = [
        ("tollgate.yaml", &*config(&provider.url())),
        ("global.xml", FORWARD),
    ];
    let served = Served::start(&files, &[]);
    (provider, served)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn python_sdks_see_the_reason_and_the_error() {
    let (_provider, served) = served().await;
    let url = format!("http://{}", served.gateway);
    let out = tokio::task::spawn_blocking(move || {
        let environment = [("GATEWAY_URL", &*url), ("SUBSCRIPTION_KEY", KEY_A)];
        python(&client("clients/stream_ends.py"), &environment)
    });
    if let Some(out) = out.await.unwrap() {
        assert!(out.trim_end().ends_with("ok"), "{out}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn anthropics_sdk_for_node_sees_the_reason_and_the_error() {
    let Some(node) = Node::find("Anthropic's SDK") else {
        return;
    };
    let (_provider, served) = served().await;
    let url = format!("http://{}", served.gateway);
    let out = tokio::task::spawn_blocking(move || {
        let mut command = node.script(&client("node/stream_ends.cjs"));
        command
            .env("GATEWAY_URL", url)
            .env("SUBSCRIPTION_KEY", KEY_A);
        let output = command.output().unwrap();
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        let (out, err) = (text(&output.stdout), text(&output.stderr));
        assert!(output.status.success(), "{out}\n{err}");
        out
    });
    let out = out.await.unwrap();
    assert!(out.trim_end().ends_with("ok"), "{out}");
}
