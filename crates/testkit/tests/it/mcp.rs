//! The MCP server: both eras, sessions and resumption, questions, cancellation, what it refuses.

use std::net::SocketAddr;
use std::time::Duration;

use bytes::Bytes;
use http::{Method, Request};
use http_body_util::BodyExt;
use hyper::body::Incoming;
use serde_json::{Value, json};
use tollgate_testkit::client::{self, Client, Fetched, with_header};
use tollgate_testkit::simulator::{McpCall, McpOutcome};
use tollgate_testkit::{Simulator, SimulatorConfig};

const BOTH: &str = "application/json, text/event-stream";
const SESSION: &str = "mcp-session-id";
const VERSION: &str = "mcp-protocol-version";

async fn simulator() -> Simulator {
    Simulator::start(SimulatorConfig::default()).await.unwrap()
}

fn message(path: &str, body: &Value) -> Request<Bytes> {
    with_header(client::post_json(path, body), "accept", BOTH)
}

/// A request of the modern era with all its headers.
fn modern(path: &str, id: u32, method: &str, mut params: Value) -> Request<Bytes> {
    if params["_meta"].is_null() {
        params["_meta"] = json!({});
    }
    let meta = params["_meta"].as_object_mut().unwrap();
    for (key, value) in [
        ("protocolVersion", json!("2026-07-28")),
        (
            "clientCapabilities",
            json!({ "elicitation": {}, "sampling": {} }),
        ),
    ] {
        meta.entry(format!("io.modelcontextprotocol/{key}"))
            .or_insert(value);
    }
    let name = params.get("name").or(params.get("uri")).cloned();
    let body = json!({ "jsonrpc": "2.0", "id": id, "method": method, "params": params });
    let request = with_header(message(path, &body), VERSION, "2026-07-28");
    let request = with_header(request, "mcp-method", method);
    match name {
        Some(name) => with_header(request, "mcp-name", name.as_str().unwrap()),
        None => request,
    }
}

async fn send(simulator: &Simulator, request: Request<Bytes>) -> Fetched {
    client::fetch(simulator.addr(), request).await.unwrap()
}

/// The last message of an answer.
fn answer(fetched: &Fetched) -> Value {
    if fetched.header("content-type") == "text/event-stream" {
        fetched.json_events().pop().unwrap()
    } else {
        fetched.json()
    }
}

/// A legacy client.
struct Session {
    path: &'static str,
    address: SocketAddr,
    id: String,
    version: String,
}

impl Session {
    async fn open(simulator: &Simulator, path: &'static str, version: &str) -> Self {
        let params = json!({
            "protocolVersion": version, "capabilities": { "elicitation": {} },
            "clientInfo": { "name": "test", "version": "1" }
        });
        let body = json!({ "jsonrpc": "2.0", "id": 0, "method": "initialize", "params": params });
        let opened = send(simulator, message(path, &body)).await;
        assert_eq!(opened.status, 200, "{}", opened.text());
        let result = &answer(&opened)["result"];
        Self {
            path,
            address: simulator.addr(),
            id: opened.header(SESSION).to_owned(),
            version: result["protocolVersion"].as_str().unwrap().to_owned(),
        }
    }

    fn named(&self, request: Request<Bytes>) -> Request<Bytes> {
        let request = with_header(request, SESSION, &self.id);
        with_header(request, VERSION, &self.version)
    }

    async fn post(&self, body: &Value) -> Fetched {
        let request = self.named(message(self.path, body));
        client::fetch(self.address, request).await.unwrap()
    }

    async fn ask(&self, id: u32, method: &str, params: Value) -> Fetched {
        self.post(&json!({ "jsonrpc": "2.0", "id": id, "method": method, "params": params }))
            .await
    }

    async fn open_stream(&self, request: Request<Bytes>) -> Reader {
        let mut client = Client::connect(self.address).await.unwrap();
        let body = client.open(self.named(request)).await.unwrap().into_body();
        Reader::new(client, body)
    }

    async fn listen(&self, last: Option<&str>) -> Reader {
        let request = with_header(client::get(self.path), "accept", "text/event-stream");
        let request = match last {
            Some(last) => with_header(request, "last-event-id", last),
            None => request,
        };
        self.open_stream(request).await
    }
}

/// A stream that is read event by event.
struct Reader {
    body: Incoming,
    text: String,
    _client: Client,
}

impl Reader {
    fn new(client: Client, body: Incoming) -> Self {
        Self {
            body,
            text: String::new(),
            _client: client,
        }
    }

    /// The id and the data of the next event; `None` at the end, proper or not.
    async fn event(&mut self) -> Option<(String, String)> {
        loop {
            if let Some((event, rest)) = self.text.split_once("\n\n") {
                let field = |name: &str| {
                    let mut lines = event.lines();
                    lines
                        .find_map(|line| line.strip_prefix(name))
                        .map(str::to_owned)
                };
                let found = (field("id: ").unwrap_or_default(), field("data: "));
                self.text = rest.to_owned();
                if let (id, Some(data)) = found {
                    return Some((id, data));
                }
                continue;
            }
            let frame = tokio::time::timeout(client::DEADLINE, self.body.frame()).await;
            let frame = frame.expect("something comes")?.ok()?;
            self.text += std::str::from_utf8(frame.data_ref()?).unwrap();
        }
    }

    async fn message(&mut self) -> Value {
        loop {
            let (_, data) = self.event().await.expect("a message comes");
            if !data.is_empty() {
                return serde_json::from_str(&data).unwrap();
            }
        }
    }
}

/// Waits for what the ledger must come to.
async fn until_called(simulator: &Simulator, name: &str, outcome: McpOutcome) {
    let is = |call: &McpCall| call.name == name && call.outcome == outcome;
    for _ in 0..2_000 {
        if simulator.mcp_calls().iter().any(is) {
            return;
        }
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    panic!("{name} is not {outcome:?}: {:?}", simulator.mcp_calls());
}

#[tokio::test]
async fn sessions_begin_with_a_handshake_and_end_with_a_delete() {
    let simulator = simulator().await;
    for (asked, agreed) in [
        ("2025-03-26", "2025-03-26"),
        ("2025-06-18", "2025-06-18"),
        ("2025-11-25", "2025-11-25"),
        ("2024-11-05", "2025-11-25"),
        ("1999-01-01", "2025-11-25"),
    ] {
        let session = Session::open(&simulator, "/mcp", asked).await;
        assert_eq!(session.version, agreed);
        assert_eq!(session.id.len(), 32);
        assert_eq!(
            answer(&session.ask(1, "ping", json!({})).await)["result"],
            json!({})
        );
        let told = json!({ "jsonrpc": "2.0", "method": "notifications/initialized" });
        assert_eq!(session.post(&told).await.status, 202);
    }
    let session = Session::open(&simulator, "/mcp", "2025-11-25").await;
    let ping = json!({ "jsonrpc": "2.0", "id": 1, "method": "ping" });
    assert_eq!(send(&simulator, message("/mcp", &ping)).await.status, 400);
    let unknown = with_header(message("/mcp", &ping), SESSION, "nobody's");
    assert_eq!(send(&simulator, unknown).await.status, 404);
    let version = with_header(message("/mcp", &ping), SESSION, &session.id);
    let version = with_header(version, VERSION, "2025-01-01");
    assert_eq!(send(&simulator, version).await.status, 400);
    let mut end = session.named(client::get("/mcp"));
    *end.method_mut() = Method::DELETE;
    assert_eq!(send(&simulator, end.clone()).await.status, 200);
    assert_eq!(send(&simulator, end).await.status, 404);
    assert_eq!(session.ask(2, "ping", json!({})).await.status, 404);
}

#[tokio::test]
async fn what_is_wrong_on_the_wire_is_refused() {
    let simulator = simulator().await;
    let ping = json!({ "jsonrpc": "2.0", "id": 1, "method": "ping" });
    let request = || message("/mcp", &ping);
    for (request, status) in [
        (with_header(request(), "accept", "application/json"), 406),
        (with_header(request(), "content-type", "text/plain"), 415),
        (
            with_header(request(), "origin", "https://evil.example"),
            403,
        ),
        (with_header(request(), "origin", "null"), 403),
        (with_header(request(), "host", "evil.example"), 421),
        (
            with_header(request(), "host", "127.0.0.1.evil.example"),
            421,
        ),
        (message("/mcp", &json!([ping])), 400),
        (message("/mcp", &json!({ "id": 1, "method": "ping" })), 400),
        (
            with_header(client::get("/mcp"), "accept", "application/json"),
            406,
        ),
        (
            with_header(client::get("/mcp"), "accept", "text/event-stream"),
            400,
        ),
    ] {
        let told = format!("{request:?}");
        assert_eq!(send(&simulator, request).await.status, status, "{told}");
    }
    let origin = with_header(request(), "origin", "http://localhost:6274");
    // It gets as far as the missing session.
    assert_eq!(send(&simulator, origin).await.status, 400);
}

#[tokio::test]
async fn a_broken_stream_is_resumed_where_it_broke() {
    let simulator = simulator().await;
    let session = Session::open(&simulator, "/mcp", "2025-11-25").await;
    simulator
        .queue_fault(Some("mcp"), "cut-after=3", 1)
        .unwrap();
    let params = json!({
        "name": "long_task", "arguments": { "steps": 5, "step_ms": 5 }, "_meta": { "progressToken": "p" }
    });
    let call = json!({ "jsonrpc": "2.0", "id": 7, "method": "tools/call", "params": params });
    let mut broken = session.open_stream(message("/mcp", &call)).await;
    let mut last = String::new();
    let mut seen = 0;
    while let Some((id, data)) = broken.event().await {
        assert!(
            !data.is_empty() || seen == 0,
            "an event without a message comes first"
        );
        last = id;
        seen += 1;
    }
    assert_eq!(seen, 3, "the connection was cut");
    // The call has gone on, and nothing is lost or said twice.
    until_called(&simulator, "long_task", McpOutcome::Completed).await;
    let mut resumed = session.listen(Some(&last)).await;
    let mut progress = Vec::new();
    let result = loop {
        let message = resumed.message().await;
        if message["id"] == 7 {
            break message;
        }
        if message["method"] == "notifications/progress" {
            progress.push(message["params"]["progress"].as_u64().unwrap());
        }
    };
    assert_eq!(result["result"]["content"][0]["text"], "5 steps are done.");
    // Two messages came before the cut: progress of the first step, and its log line.
    assert_eq!(progress, [2, 3, 4, 5]);
    assert_eq!(resumed.event().await, None);
    let unknown = session.listen(Some("99-1")).await.event().await;
    assert_eq!(unknown, None);
}

#[tokio::test]
async fn the_get_stream_tells_of_changes() {
    let simulator = simulator().await;
    let session = Session::open(&simulator, "/mcp", "2025-11-25").await;
    let mut stream = session.listen(None).await;
    let (_, priming) = stream.event().await.unwrap();
    assert_eq!(priming, "");
    // A second one is refused.
    let again = with_header(client::get("/mcp"), "accept", "text/event-stream");
    assert_eq!(send(&simulator, session.named(again)).await.status, 409);
    let page = "https://learn.example/mcp/servers";
    let announce = async |what: &str| {
        let params = json!({ "name": "announce_change", "arguments": { "what": what } });
        session.ask(1, "tools/call", params).await;
    };
    announce(page).await;
    announce("tools").await;
    assert_eq!(
        stream.message().await["method"],
        "notifications/tools/list_changed"
    );
    session
        .ask(2, "resources/subscribe", json!({ "uri": page }))
        .await;
    announce(page).await;
    let updated = stream.message().await;
    assert_eq!(updated["method"], "notifications/resources/updated");
    assert_eq!(updated["params"]["uri"], page);
    session
        .ask(3, "resources/unsubscribe", json!({ "uri": page }))
        .await;
    announce(page).await;
    announce("prompts").await;
    assert_eq!(
        stream.message().await["method"],
        "notifications/prompts/list_changed"
    );
}

#[tokio::test]
async fn a_legacy_call_asks_on_its_stream_and_a_modern_one_in_its_result() {
    let simulator = simulator().await;
    let session = Session::open(&simulator, "/mcp", "2025-06-18").await;
    let call = json!({ "name": "book_table", "arguments": { "restaurant": "Roma" } });
    let body = json!({ "jsonrpc": "2.0", "id": 1, "method": "tools/call", "params": call });
    let mut stream = session.open_stream(message("/mcp", &body)).await;
    let question = stream.message().await;
    assert_eq!(question["method"], "elicitation/create");
    let accepted = json!({ "action": "accept", "content": { "guests": 4 } });
    let given = json!({ "jsonrpc": "2.0", "id": question["id"], "result": accepted });
    assert_eq!(session.post(&given).await.status, 202);
    let result = stream.message().await;
    assert_eq!(
        result["result"]["content"][0]["text"],
        "A table for 4 at Roma."
    );
    // Nobody waits for it any more.
    assert_eq!(session.post(&given).await.status, 400);

    let asked = send(&simulator, modern("/mcp", 2, "tools/call", call.clone())).await;
    let asked = &answer(&asked)["result"];
    assert_eq!(asked["resultType"], "input_required");
    assert_eq!(
        asked["inputRequests"]["guests"]["method"],
        "elicitation/create"
    );
    let mut again = call;
    again["inputResponses"] = json!({ "guests": accepted });
    let done = send(&simulator, modern("/mcp", 3, "tools/call", again)).await;
    let done = &answer(&done)["result"];
    assert_eq!(done["resultType"], "complete");
    assert_eq!(done["content"][0]["text"], "A table for 4 at Roma.");
}

#[tokio::test]
async fn calls_are_cancelled_as_their_era_says() {
    let simulator = simulator().await;
    let session = Session::open(&simulator, "/mcp", "2025-11-25").await;
    let long = json!({ "name": "long_task", "arguments": { "steps": 100, "step_ms": 1000 } });
    let body = json!({ "jsonrpc": "2.0", "id": 5, "method": "tools/call", "params": long });
    let mut stream = session.open_stream(message("/mcp", &body)).await;
    assert!(stream.event().await.is_some());
    // Going away is no cancellation here.
    drop(stream);
    until_called(&simulator, "long_task", McpOutcome::Running).await;
    let cancel = json!({
        "jsonrpc": "2.0", "method": "notifications/cancelled", "params": { "requestId": 5 }
    });
    assert_eq!(session.post(&cancel).await.status, 202);
    until_called(&simulator, "long_task", McpOutcome::Cancelled).await;

    let mut slow = long;
    slow["name"] = json!("long_task");
    slow["arguments"] = json!({ "steps": 100, "step_ms": 100 });
    slow["_meta"] = json!({ "progressToken": 1 });
    let mut client = Client::connect(simulator.addr()).await.unwrap();
    let answer = client
        .open(modern("/mcp", 6, "tools/call", slow))
        .await
        .unwrap();
    let mut stream = Reader::new(client, answer.into_body());
    assert_eq!(stream.message().await["method"], "notifications/progress");
    drop(stream);
    let cancelled = |calls: &[McpCall]| {
        calls
            .iter()
            .filter(|c| c.outcome == McpOutcome::Cancelled)
            .count()
            == 2
    };
    for _ in 0..2_000 {
        if cancelled(&simulator.mcp_calls()) {
            return;
        }
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    panic!("{:?}", simulator.mcp_calls());
}

#[tokio::test]
async fn modern_headers_must_say_what_the_body_says() {
    let simulator = simulator().await;
    let search = json!({ "name": "microsoft_docs_search", "arguments": { "query": "mcp" } });
    let call = || modern("/mcp", 1, "tools/call", search.clone());
    let without = |name: &str| {
        let mut request = call();
        request.headers_mut().remove(name);
        request
    };
    let region = json!({ "name": "query_region", "arguments": { "region": "Zürich", "query": "x", "limit": 7 } });
    let region = || modern("/mcp", 1, "tools/call", region.clone());
    let mirrored = |region_header: &str, limit: &str| {
        let request = with_header(region(), "mcp-param-region", region_header);
        with_header(request, "mcp-param-limit", limit)
    };
    for (request, status, code) in [
        (call(), 200, Value::Null),
        (without("mcp-method"), 400, json!(-32020)),
        (without("mcp-name"), 400, json!(-32020)),
        (
            with_header(call(), "mcp-name", "microsoft_docs_fetch"),
            400,
            json!(-32020),
        ),
        (
            with_header(
                call(),
                "mcp-name",
                "=?base64?bWljcm9zb2Z0X2RvY3Nfc2VhcmNo?=",
            ),
            200,
            Value::Null,
        ),
        (
            with_header(call(), VERSION, "2025-11-25"),
            400,
            json!(-32020),
        ),
        (region(), 400, json!(-32020)),
        (mirrored("=?base64?WsO8cmljaA==?=", "7"), 200, Value::Null),
        (mirrored("=?base64?WsO8cmljaA==?=", "07"), 200, Value::Null),
        (mirrored("=?base64?WsO8cmljaA==?=", "8"), 400, json!(-32020)),
        (mirrored("Zurich", "7"), 400, json!(-32020)),
        (modern("/mcp", 1, "ping", json!({})), 404, json!(-32601)),
        (
            modern("/mcp", 1, "tools/call", json!({ "name": "nothing" })),
            400,
            json!(-32602),
        ),
        (
            modern("/mcp", 1, "tools/list", json!({ "cursor": "?" })),
            400,
            json!(-32602),
        ),
    ] {
        let told = format!("{request:?}");
        let answered = send(&simulator, request).await;
        assert_eq!(answered.status, status, "{told}: {}", answered.text());
        assert_eq!(answer(&answered)["error"]["code"], code, "{told}");
        assert_eq!(answer(&answered)["id"], 1, "{told}");
    }
    let unsupported =
        json!({ "_meta": { "io.modelcontextprotocol/protocolVersion": "2027-01-01" } });
    let request = modern("/mcp", 1, "tools/list", unsupported);
    let answered = send(&simulator, with_header(request, VERSION, "2027-01-01")).await;
    assert_eq!(answered.status, 400);
    let error = &answered.json()["error"];
    assert_eq!(error["code"], -32022);
    assert_eq!(
        error["data"],
        json!({ "supported": ["2026-07-28"], "requested": "2027-01-01" })
    );
}

#[tokio::test]
async fn modern_clients_listen_for_the_changes_that_they_name() {
    let simulator = simulator().await;
    let wanted = json!({ "notifications": { "toolsListChanged": true, "resourceSubscriptions": ["docs://a/summary"] } });
    let mut client = Client::connect(simulator.addr()).await.unwrap();
    let request = modern("/mcp", 9, "subscriptions/listen", wanted.clone());
    let answer = client.open(request).await.unwrap();
    let mut stream = Reader::new(client, answer.into_body());
    let acknowledged = stream.message().await;
    assert_eq!(
        acknowledged["method"],
        "notifications/subscriptions/acknowledged"
    );
    assert_eq!(
        acknowledged["params"]["notifications"],
        wanted["notifications"]
    );
    for what in ["prompts", "docs://b/summary", "docs://a/summary", "tools"] {
        let params = json!({ "name": "announce_change", "arguments": { "what": what } });
        send(&simulator, modern("/mcp", 1, "tools/call", params)).await;
    }
    for method in [
        "notifications/resources/updated",
        "notifications/tools/list_changed",
    ] {
        let message = stream.message().await;
        assert_eq!(message["method"], method);
        assert_eq!(
            message["params"]["_meta"]["io.modelcontextprotocol/subscriptionId"],
            9
        );
    }
}

#[tokio::test]
async fn lists_have_pages_and_answers_can_be_plain_json() {
    let simulator = simulator().await;
    let path = "/mcp?answers=json&page=3";
    let mut cursor = Value::Null;
    let mut names = Vec::new();
    loop {
        let params = if cursor.is_null() {
            json!({})
        } else {
            json!({ "cursor": cursor })
        };
        let page = send(&simulator, modern(path, 1, "tools/list", params)).await;
        assert_eq!(page.header("content-type"), "application/json");
        let result = &page.json()["result"];
        assert_eq!(
            (&result["cacheScope"], &result["ttlMs"]),
            (&json!("public"), &json!(1000))
        );
        let tools = result["tools"].as_array().unwrap();
        assert!(tools.len() <= 3);
        names.extend(
            tools
                .iter()
                .map(|tool| tool["name"].as_str().unwrap().to_owned()),
        );
        cursor = result["nextCursor"].clone();
        if cursor.is_null() {
            break;
        }
    }
    let whole = send(&simulator, modern("/mcp", 1, "tools/list", json!({}))).await;
    assert_eq!(whole.header("content-type"), "text/event-stream");
    let whole = answer(&whole)["result"]["tools"].clone();
    let whole: Vec<_> = whole
        .as_array()
        .unwrap()
        .iter()
        .map(|t| t["name"].clone())
        .collect();
    assert_eq!(names.iter().map(|n| json!(n)).collect::<Vec<_>>(), whole);
    // The control API knows what was called, and the recorder what was sent.
    let calls = client::fetch(simulator.addr(), client::get("/calls"))
        .await
        .unwrap();
    assert_eq!(calls.json()["calls"][0]["method"], "tools/list");
    assert_eq!(simulator.requests(1)[0].path, "/mcp");
}

#[tokio::test]
async fn structured_output_failures_and_mistakes_are_results() {
    let simulator = simulator().await;
    let call = async |name: &str, arguments: Value| {
        let params = json!({ "name": name, "arguments": arguments });
        answer(&send(&simulator, modern("/mcp", 1, "tools/call", params)).await)["result"].clone()
    };
    let weather = call("get_weather", json!({ "city": "Oslo" })).await;
    let text: Value =
        serde_json::from_str(weather["content"][0]["text"].as_str().unwrap()).unwrap();
    assert_eq!(weather["structuredContent"], text);
    assert_eq!(weather["structuredContent"]["city"], "Oslo");
    let failed = call("always_fails", json!({})).await;
    assert_eq!(
        (&failed["isError"], &failed["resultType"]),
        (&json!(true), &json!("complete"))
    );
    let mistaken = call("microsoft_docs_fetch", json!({})).await;
    assert_eq!(mistaken["isError"], true);
    assert!(
        mistaken["content"][0]["text"]
            .as_str()
            .unwrap()
            .contains("'url'")
    );
    let missing = call(
        "microsoft_docs_fetch",
        json!({ "url": "https://learn.example/none" }),
    )
    .await;
    assert_eq!(missing["isError"], true);
    let found = call("microsoft_docs_search", json!({ "query": "tokens limit" })).await;
    assert!(
        found["content"][0]["text"]
            .as_str()
            .unwrap()
            .starts_with("Limit tokens of model calls")
    );
}
