//! APIs whose tools are operations, over real sockets: the example, changes while clients listen, and the official suite.

use crate::mcp_conformance::conformance;
use crate::node::Node;
use crate::process::{Folder, Running, address};
use crate::python::interpreter;
use crate::scene::{Served, Way, metrics, sum, until};
use bytes::Bytes;
use http::{Request, Response, StatusCode};
use serde_json::{Value, json};
use std::path::{Path, PathBuf};
use std::process::Command;
use tollgate_testkit::client::{Fetched, fetch, post_json, with_header};
use tollgate_testkit::upstream::{HttpUpstream, ReceivedRequest, Transport};

const HEAD: &str = r#"gateway:
  listen: [{ address: "127.0.0.1:0" }]
  management: { address: "127.0.0.1:0" }
"#;

fn example(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("../../examples/mcp-from-api")
        .join(name)
}

/// The example as it stands, on ports of the test's own, before its own catalog, with its own client.
#[tokio::test]
async fn the_example_runs() {
    let Some(interpreter) = interpreter() else {
        return;
    };
    let mut catalog = Command::new(interpreter);
    catalog
        .arg(example("catalog.py"))
        .arg("0")
        .env("CATALOG_KEY", "key-of-the-catalog");
    let mut catalog = Running::spawn(catalog);
    let catalog_url = format!("http://{}", address(&catalog.line("serving http://")));

    let folder = Folder::new();
    for name in [
        "tollgate.yaml",
        "catalog.yaml",
        "policies/mcp-server.xml",
        "policies/catalog.xml",
        "policies/get-product.xml",
    ] {
        let text = std::fs::read_to_string(example(name)).unwrap();
        let text = text.replace("127.0.0.1:8080", "127.0.0.1:0");
        folder.write(name, &text.replace("127.0.0.1:8081", "127.0.0.1:0"));
    }
    let environment = [
        ("CATALOG_URL", &*catalog_url),
        ("CATALOG_KEY", "key-of-the-catalog"),
        ("AGENT_KEY", "key-of-the-agent"),
    ];
    let mut running = Running::start(&["serve", folder.text()], &environment);
    let gateway = address(&running.line("serving http://"));
    let management = address(&running.line("management http://"));
    running.line("ready");
    let url = format!("http://{gateway}/catalog-mcp/mcp");

    // The commands of its page.
    let readme = std::fs::read_to_string(example("README.md")).unwrap();
    let mut answers = Vec::new();
    for line in readme.lines() {
        if let Some(message) = line
            .trim()
            .strip_prefix("call '")
            .and_then(|l| l.strip_suffix('\''))
        {
            let message: Value = serde_json::from_str(message).unwrap();
            let request = post_json("/catalog-mcp/mcp", &message);
            let request = with_header(request, "ocp-apim-subscription-key", "key-of-the-agent");
            let request = with_header(request, "mcp-protocol-version", "2025-11-25");
            answers.push(fetch(gateway, request).await.unwrap().json());
        }
    }
    assert_eq!(answers.len(), 5);
    let names: Vec<&Value> = answers[0]["result"]["tools"]
        .as_array()
        .unwrap()
        .iter()
        .map(|tool| &tool["name"])
        .collect();
    assert_eq!(names, ["search-products", "get-product", "order-product"]);
    assert_eq!(
        answers[1]["result"]["structuredContent"]["result"][0]["id"],
        "desk-lamp"
    );
    let product = &answers[2]["result"]["structuredContent"];
    assert_eq!(product["price"], 39.0);
    assert_eq!(product["cost"], Value::Null, "{product}");
    let wrong = answers[3]["result"]["content"][0]["text"].as_str().unwrap();
    assert!(wrong.contains("at '/quantity': want integer"), "{wrong}");
    assert_eq!(
        answers[4]["error"]["message"],
        "Unknown tool: retire-product"
    );

    // Its client, in Python.
    let client = Command::new(std::env::var_os("TOLLGATE_TEST_PYTHON").unwrap())
        .arg(example("client.py"))
        .arg(&url)
        .env("AGENT_KEY", "key-of-the-agent")
        .output()
        .unwrap();
    let out = String::from_utf8(client.stdout).unwrap();
    assert!(
        client.status.success(),
        "{out}\n{}",
        String::from_utf8_lossy(&client.stderr)
    );
    for said in [
        "2026-07-28 ['search-products', 'get-product', 'order-product']",
        "2025-11-25 ['search-products', 'get-product', 'order-product']",
        "\"total\":39.0",
        "failed: Invalid arguments:\nmissing properties 'quantity'",
        "{\"message\":\"Only 3 are in stock.\"}",
        "-32602 Unknown tool: retire-product",
    ] {
        assert!(out.contains(said), "no {said} in\n{out}");
    }

    // A request counts once, as the server's; the calls of tools have their own series.
    let page = metrics(management).await;
    let requests = sum(&page, "tollgate_request_duration_seconds_count", &[]);
    let of_server = sum(
        &page,
        "tollgate_request_duration_seconds_count",
        &[("api", "product-catalog-mcp")],
    );
    assert_eq!(requests, of_server);
    let orders = [("server", "product-catalog-mcp"), ("tool", "order-product")];
    assert_eq!(
        sum(&page, "tollgate_tool_call_duration_seconds_count", &orders),
        2,
        "{page}"
    );
}

/// An API of few operations behind a server, and how to call it.
struct Tools {
    upstream: HttpUpstream,
    served: Served,
}

const SPECIFICATION: &str = r##"openapi: 3.0.3
paths:
  /notes/{folder}:
    post:
      operationId: addNote
      parameters:
        - { name: folder, in: path, required: true, schema: { type: string } }
        - { name: X-Priority, in: header, schema: { type: integer } }
        - { name: tags, in: query, explode: false, schema: { type: array, items: { type: string } } }
      requestBody:
        required: true
        content: { application/json: { schema: { $ref: "#/components/schemas/Note" } } }
      responses:
        "201": { description: made, content: { application/json: { schema: { $ref: "#/components/schemas/Note" } } } }
  /notes:
    get: { operationId: listNotes, responses: { "200": { description: notes } } }
components:
  schemas:
    Note: { type: object, required: [text], properties: { id: { type: string, readOnly: true }, text: { type: string } } }
"##;

fn configured(upstream: &str, tools: &str) -> String {
    format!(
        r#"{HEAD}apis:
  - id: notes
    path: notes-api
    serviceUrl: "{upstream}/v1"
    specification: notes.yaml
  - id: notes-mcp
    type: mcp
    path: notes
    subscriptionRequired: false
    mcpTools:
{tools}"#
    )
}

const ADD: &str = "      - { name: add-note, operationId: addNote }\n";
const LIST: &str = "      - { name: list-notes, operationId: listNotes }\n";

impl Tools {
    async fn start(tools: &str, answer: fn(&ReceivedRequest) -> Response<Bytes>) -> Tools {
        let upstream = HttpUpstream::start(Transport::Http1, answer).await.unwrap();
        let configured = configured(&upstream.url(), tools);
        let files = [
            ("notes.yaml", SPECIFICATION),
            ("tollgate.yaml", &*configured),
        ];
        Tools {
            served: Served::start(&files, &[]),
            upstream,
        }
    }

    async fn send(&self, message: &Value) -> Fetched {
        let request = post_json("/notes/mcp", message);
        let request = with_header(request, "mcp-protocol-version", "2025-11-25");
        fetch(self.served.gateway, request).await.unwrap()
    }

    /// Opens `subscriptions/listen`.
    async fn listen(&self) -> crate::scene::Stream {
        let request = modern(
            "subscriptions/listen",
            json!({ "notifications": { "toolsListChanged": true, "promptsListChanged": true } }),
        );
        Way::Http1(self.served.gateway).open(request).await
    }
}

/// A request of the revision without sessions.
fn modern(method: &'static str, mut params: Value) -> Request<Bytes> {
    params["_meta"] = json!({
        "io.modelcontextprotocol/protocolVersion": "2026-07-28",
        "io.modelcontextprotocol/clientCapabilities": {}
    });
    let message = json!({ "jsonrpc": "2.0", "id": "l", "method": method, "params": params });
    let request = post_json("/notes/mcp", &message);
    let request = with_header(request, "accept", "application/json, text/event-stream");
    let request = with_header(request, "mcp-protocol-version", "2026-07-28");
    with_header(request, "mcp-method", method)
}

fn created(request: &ReceivedRequest) -> Response<Bytes> {
    let mut note = request.json();
    note["id"] = "n-1".into();
    let mut answer = Response::new(Bytes::from(note.to_string()));
    *answer.status_mut() = StatusCode::CREATED;
    let json = http::HeaderValue::from_static("application/json");
    answer.headers_mut().insert("content-type", json);
    answer
}

#[tokio::test]
async fn an_imported_operation_is_called_with_path_query_header_and_body() {
    let tools = Tools::start(ADD, created).await;
    let list = json!({ "jsonrpc": "2.0", "id": 1, "method": "tools/list" });
    let listed = tools.send(&list).await.json();
    assert_eq!(
        listed["result"]["tools"][0]["inputSchema"],
        json!({
            "type": "object",
            "properties": {
                "folder": { "type": "string" },
                "tags": { "type": "array", "items": { "type": "string" } },
                "X-Priority": { "type": "integer" },
                "text": { "type": "string" }
            },
            "required": ["folder", "text"],
            "additionalProperties": false
        })
    );
    let call = json!({ "jsonrpc": "2.0", "id": 2, "method": "tools/call", "params": {
        "name": "add-note",
        "arguments": { "folder": "home & garden", "tags": ["a", "b"], "X-Priority": 3, "text": "Water the plants" } } });
    let answer = tools.send(&call).await;
    assert_eq!(answer.status, 200);
    let answer = answer.json();
    assert_eq!(
        answer["result"]["structuredContent"],
        json!({ "text": "Water the plants", "id": "n-1" })
    );
    let sent = &tools.upstream.requests()[0];
    assert_eq!(
        (&*sent.method, &*sent.path),
        ("POST", "/v1/notes/home%20%26%20garden?tags=a,b")
    );
    assert_eq!(sent.header("x-priority"), Some("3"));
    assert_eq!(sent.header("content-type"), Some("application/json"));
    assert_eq!(sent.text(), r#"{"text":"Water the plants"}"#);
    assert_eq!(sent.header("mcp-protocol-version"), None);
}

#[tokio::test]
async fn who_listens_hears_of_a_new_configuration_and_of_the_end() {
    let mut tools = Tools::start(ADD, created).await;
    let mut stream = tools.listen().await;
    assert_eq!(stream.response.status(), 200);
    assert_eq!(
        stream.response.headers()["content-type"],
        "text/event-stream"
    );
    assert_eq!(stream.response.headers()["x-accel-buffering"], "no");
    let acknowledged = stream.event().await.unwrap();
    assert_eq!(
        acknowledged,
        json!({ "jsonrpc": "2.0", "method": "notifications/subscriptions/acknowledged", "params": {
            "_meta": { "io.modelcontextprotocol/subscriptionId": "l" },
            "notifications": { "toolsListChanged": true } } })
    );
    let folder = &tools.served.folder;
    folder.write(
        "tollgate.yaml",
        &configured(&tools.upstream.url(), &format!("{ADD}{LIST}")),
    );
    let changed = stream.event().await.unwrap();
    assert_eq!(changed["method"], "notifications/tools/list_changed");
    assert_eq!(
        changed["params"]["_meta"]["io.modelcontextprotocol/subscriptionId"],
        "l"
    );
    let list = json!({ "jsonrpc": "2.0", "id": 1, "method": "tools/list" });
    let listed = tools.send(&list).await.json();
    assert_eq!(listed["result"]["tools"].as_array().unwrap().len(), 2);

    // The gateway ends: the stream ends with the request's own result, and does not hold the drain up.
    tools.served.running.signal("TERM");
    let result = stream.event().await.unwrap();
    assert_eq!(
        result,
        json!({ "jsonrpc": "2.0", "id": "l", "result": { "resultType": "complete",
            "_meta": { "io.modelcontextprotocol/subscriptionId": "l" } } })
    );
    assert_eq!(stream.event().await, None);
    assert_eq!(tools.served.running.end(), Some(0));
}

#[tokio::test]
async fn nothing_stays_open_when_a_listener_leaves() {
    let tools = Tools::start(ADD, created).await;
    let mut stream = tools.listen().await;
    stream.event().await.unwrap();
    drop(stream);
    until("nothing in flight", async || {
        sum(
            &metrics(tools.served.management).await,
            "tollgate_requests_in_flight",
            &[],
        ) == 0
    })
    .await;
}

/// What the suite's tools answer, as a REST API would.
fn suite(request: &ReceivedRequest) -> Response<Bytes> {
    // One red pixel, and an empty sound.
    const PNG: &[u8] = b"\x89PNG\r\n\x1a\n\x00\x00\x00\rIHDR\x00\x00\x00\x01\x00\x00\x00\x01\x08\x06\x00\x00\x00\x1f\x15\xc4\x89";
    const WAV: &[u8] = b"RIFF&\x00\x00\x00WAVEfmt \x10\x00\x00\x00\x01\x00\x01\x00@\x1f\x00\x00\x80>\x00\x00\x02\x00\x10\x00data\x02\x00\x00\x00";
    let (status, kind, body) = match &*request.path {
        "/image" => (200, "image/png", PNG),
        "/audio" => (200, "audio/wav", WAV),
        "/error" => (
            400,
            "text/plain",
            &b"This tool intentionally returns an error for testing"[..],
        ),
        _ => (
            200,
            "text/plain",
            &b"This is a simple text response for testing."[..],
        ),
    };
    let mut answer = Response::new(Bytes::from_static(body));
    *answer.status_mut() = StatusCode::from_u16(status).unwrap();
    let kind = http::HeaderValue::from_static(kind);
    answer.headers_mut().insert("content-type", kind);
    answer
}

/// The scenarios that are about what a server of tools made from an API has: no resources, prompts, completion, log
/// messages, progress or questions to the client.
#[tokio::test(flavor = "multi_thread")]
async fn the_conformance_suite_finds_no_fault_in_what_applies() {
    let Some(node) = Node::find("the MCP conformance suite") else {
        return;
    };
    let upstream = HttpUpstream::start(Transport::Http1, suite).await.unwrap();
    let specification = r#"openapi: 3.1.0
paths:
  /text: { get: { operationId: test_simple_text } }
  /image: { get: { operationId: test_image_content } }
  /audio: { get: { operationId: test_audio_content } }
  /error: { get: { operationId: test_error_handling } }
  /rows:
    get:
      operationId: test_x_mcp_header
      parameters: [{ name: region, in: query, required: true, schema: { type: string }, x-mcp-header: Region }]
"#;
    let operations = [
        "simple_text",
        "image_content",
        "audio_content",
        "error_handling",
        "x_mcp_header",
    ];
    let tools: String = operations
        .iter()
        .map(|name| format!("      - {{ operationId: /apis/rest/operations/test_{name} }}\n"))
        .collect();
    let configured = format!(
        r#"{HEAD}apis:
  - {{ id: rest, path: rest, serviceUrl: "{}", specification: rest.yaml }}
  - id: tools
    type: mcp
    path: tools
    subscriptionRequired: false
    mcpTools:
{tools}"#,
        upstream.url()
    );
    let served = Served::start(
        &[("rest.yaml", specification), ("tollgate.yaml", &configured)],
        &[],
    );
    let url = format!("http://{}/tools/mcp", served.gateway);
    for (revision, applies) in [
        (
            "2025-11-25",
            &[
                ("server-initialize", 2),
                ("ping", 2),
                ("tools-list", 3),
                ("tools-call-simple-text", 2),
                ("tools-call-image", 2),
                ("tools-call-audio", 2),
                ("tools-call-error", 2),
                ("dns-rebinding-protection", 2),
            ][..],
        ),
        (
            "2026-07-28",
            &[
                ("tools-list", 4),
                ("tools-call-simple-text", 2),
                ("tools-call-image", 2),
                ("tools-call-audio", 2),
                ("tools-call-error", 2),
                ("server-sse-multiple-streams", 1),
                ("dns-rebinding-protection", 2),
                ("http-header-validation", 14),
                ("http-custom-header-server-validation", 10),
            ][..],
        ),
    ] {
        let found = conformance(&node, &url, revision);
        let mut passed = 0;
        for (scenario, checks) in applies {
            let of = found
                .scored
                .get(*scenario)
                .or(found.unscored.get(*scenario));
            assert_eq!(
                of,
                Some(&(*checks, 0)),
                "{scenario} of {revision}: {found:?}"
            );
            passed += checks;
        }
        println!(
            "{revision}: {} scenarios that apply, {passed} checks, all passed",
            applies.len()
        );
        if revision == "2026-07-28" {
            // Four checks want tools that ask the client or write log messages.
            assert_eq!(
                found.scored.get("server-stateless"),
                Some(&(24, 4)),
                "{found:?}"
            );
        }
    }
}
