//! The described tool control on an MCP server API: the two documents before a real server with three tools, called by
//! real clients. `documents` says where they come from.

use crate::documents::both;
use crate::mcp_clients::{McpGateway, asset, inspector, names, server};
use crate::node::Node;
use crate::process::{Running, address};
use crate::python::{interpreter, python};
use serde_json::{Value, json};
use std::process::Command;
use tollgate_testkit::client::{Fetched, fetch, get, post_json, with_header};

const ALLOWLIST: &str = include_str!("../documents/mcp-allowlist.xml");
const DENYLIST: &str = include_str!("../documents/mcp-denylist.xml");

const SEARCH: &str = "microsoft_docs_search";
const FETCH: &str = "microsoft_docs_fetch";
const SAMPLES: &str = "microsoft_code_sample_search";
const DISABLED: &str = "Tool disabled by API Management policy: microsoft_code_sample_search";

/// The eras, as Python's client names them, and the revision that each comes to.
const ERAS: [(&str, &str); 2] = [("legacy", "2025-11-25"), ("auto", "2026-07-28")];

/// The server of `tests/servers/docs.py` and a gateway before it.
struct Docs {
    gateway: McpGateway,
    upstream: String,
    _server: Running,
}

impl Docs {
    /// Starts both; `json` makes the server answer each call with one JSON object instead of an event stream.
    fn start(policy: &str, json: bool) -> Option<Docs> {
        let mut command = Command::new(interpreter()?);
        command
            .arg(asset("servers/docs.py"))
            .env("JSON", if json { "1" } else { "0" });
        let (running, upstream) = server(command);
        Some(Docs {
            gateway: McpGateway::start(&upstream, policy),
            upstream,
            _server: running,
        })
    }

    /// The methods that have reached the server, with the names of tools.
    async fn received(&self) -> Vec<String> {
        let answer = fetch(address(&self.upstream), get("/received")).await;
        serde_json::from_value(answer.unwrap().json()).unwrap()
    }

    /// What Python's client saw.
    fn client(&self, mode: &str) -> Value {
        let environment = [("MCP_URL", &*self.gateway.url), ("MCP_MODE", mode)];
        let out = python(&asset("clients/mcp_docs.py"), &environment).unwrap();
        serde_json::from_str(&out).unwrap()
    }

    /// One message of a caller that keeps no session.
    async fn send(&self, message: &Value) -> Fetched {
        let mut request = with_header(
            post_json("/mcp", message),
            "accept",
            "application/json, text/event-stream",
        );
        if let Some(version) =
            message["params"]["_meta"]["io.modelcontextprotocol/protocolVersion"].as_str()
        {
            request = with_header(request, "mcp-protocol-version", version);
            let method = message["method"].as_str().unwrap();
            request = with_header(request, "mcp-method", method);
            if let Some(name) = message["params"]["name"].as_str() {
                request = with_header(request, "mcp-name", name);
            }
        }
        fetch(address(&self.gateway.url), request).await.unwrap()
    }
}

/// A request of the modern era.
fn modern(id: &Value, method: &str, params: Value) -> Value {
    let mut params = params;
    params["_meta"] = json!({
        "io.modelcontextprotocol/protocolVersion": "2026-07-28",
        "io.modelcontextprotocol/clientCapabilities": {},
    });
    json!({ "jsonrpc": "2.0", "id": id, "method": method, "params": params })
}

/// The message of an answer, whether it came as JSON or as the one event of a stream.
fn message(answer: &Fetched) -> Value {
    if answer
        .header("content-type")
        .starts_with("text/event-stream")
    {
        let events = answer.events();
        serde_json::from_str(events.last().unwrap()).unwrap()
    } else {
        answer.json()
    }
}

/// What each client must have seen: two tools, two answers, one refusal.
fn governed(seen: &Value, revision: &str) {
    assert_eq!(seen["version"], revision, "{seen}");
    assert_eq!(seen["server"], "docs");
    assert_eq!(names(&seen["tools"]), [SEARCH, FETCH]);
    let calls = &seen["calls"];
    let text = |name: &str| {
        calls[name]["text"]
            .as_str()
            .unwrap_or_else(|| panic!("{seen}"))
    };
    assert!(text(SEARCH).starts_with("2 pages about rate limits"));
    assert!(text(FETCH).starts_with("# https://learn.example/policies"));
    assert_eq!(
        calls[SAMPLES],
        json!({ "code": -32601, "message": DISABLED })
    );
}

/// The third tool's call is answered for the caller, with the caller's id, whatever that is.
async fn answers_under_the_callers_id(docs: &Docs) {
    for id in [
        json!(7),
        json!("seven"),
        json!(-9_007_199_254_740_991_i64),
        json!(""),
    ] {
        let call = json!({ "name": SAMPLES, "arguments": { "query": "x" } });
        for request in [
            modern(&id, "tools/call", call.clone()),
            json!({ "jsonrpc": "2.0", "id": id, "method": "tools/call", "params": call }),
        ] {
            let answer = docs.send(&request).await;
            assert_eq!(answer.status, 200, "{}", answer.text());
            let error = json!({ "code": -32601, "message": DISABLED });
            assert_eq!(
                answer.json(),
                json!({ "jsonrpc": "2.0", "id": id, "error": error })
            );
        }
        let list = docs.send(&modern(&id, "tools/list", json!({}))).await;
        assert_eq!(list.status, 200, "{}", list.text());
        let list = message(&list);
        assert_eq!(list["id"], id);
        assert_eq!(names(&list["result"]["tools"]), [SEARCH, FETCH]);
    }
}

/// Both documents before both kinds of server, called from both eras.
async fn document(ours: &str, original: &str, lists_upstream: bool) {
    for policy in both(ours, original) {
        for json in [true, false] {
            let Some(docs) = Docs::start(&policy, json) else {
                return;
            };
            for (mode, revision) in ERAS {
                governed(&docs.client(mode), revision);
            }
            answers_under_the_callers_id(&docs).await;
            let received = docs.received().await;
            let has = |method: &str| received.iter().any(|one| one == method);
            assert_eq!(has("tools/list"), lists_upstream, "{received:?}");
            assert!(!has(&format!("tools/call {SAMPLES}")), "{received:?}");
            for method in [
                "initialize",
                "notifications/initialized",
                "ping",
                "server/discover",
            ] {
                assert!(has(method), "{method} of {received:?}");
            }
            for tool in [SEARCH, FETCH] {
                assert!(has(&format!("tools/call {tool}")), "{received:?}");
            }
        }
    }
}

#[tokio::test]
async fn allowlist() {
    document(ALLOWLIST, "mcp-tools-allowlist.xml", false).await;
}

#[tokio::test]
async fn denylist() {
    document(DENYLIST, "mcp-tools-denylist.xml", true).await;
}

#[tokio::test]
async fn the_inspector_sees_what_is_allowed() {
    let Some(node) = Node::find("the inspector before the docs server") else {
        return;
    };
    for (policy, lists_upstream) in [(ALLOWLIST, false), (DENYLIST, true)] {
        let Some(docs) = Docs::start(policy, false) else {
            return;
        };
        let url = &docs.gateway.url;
        let list = inspector(&node, url, &["--method", "tools/list"]).unwrap();
        assert_eq!(names(&list["tools"]), [SEARCH, FETCH]);
        let call = |tool, argument| {
            let call = [
                "--method",
                "tools/call",
                "--tool-name",
                tool,
                "--tool-arg",
                argument,
            ];
            inspector(&node, url, &call)
        };
        let found = call(SEARCH, "query=quotas").unwrap();
        let text = found["content"][0]["text"].as_str().unwrap();
        assert!(text.starts_with("2 pages about quotas"), "{text}");
        // It looks into the list before it calls, and does not find the tool there.
        // It looks into the list before it calls, and does not find the tool there.
        let refused = call(SAMPLES, "query=quotas").unwrap_err();
        assert!(refused.contains("tool_not_found"), "{refused}");
        let listed = docs.received().await.iter().any(|one| one == "tools/list");
        assert_eq!(listed, lists_upstream);
    }
}
