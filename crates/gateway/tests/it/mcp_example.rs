//! `examples/mcp-passthrough` before the simulator's server, called as its README says.

use crate::mcp_clients::{inspector, names};
use crate::node::Node;
use crate::process::{Folder, Running, address};
use crate::python::python;
use serde_json::{Value, json};
use std::path::{Path, PathBuf};
use tollgate_testkit::client::{fetch, post_json, with_header};

const READER: &str = "a-key-of-readers";
const BUILDER: &str = "a-key-of-builders";

fn example() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../examples/mcp-passthrough")
}

/// The example at ports of the system's choice, and its server.
struct Example {
    gateway: String,
    _running: Running,
    _simulator: Running,
    _folder: Folder,
}

impl Example {
    fn start() -> Self {
        let mut simulator = Running::start(&["simulate", "--listen", "127.0.0.1:0", "--json"], &[]);
        let line: Value = serde_json::from_str(&simulator.line("simulator")).unwrap();
        let folder = Folder::new();
        for name in [
            "tollgate.yaml",
            "policies/global.xml",
            "policies/docs.xml",
            "policies/without-code-samples.xml",
        ] {
            let text = std::fs::read_to_string(example().join(name)).unwrap();
            let text = text.replace("127.0.0.1:8080", "127.0.0.1:0");
            folder.write(name, &text.replace("127.0.0.1:8081", "127.0.0.1:0"));
        }
        let environment = [
            ("MCP_SERVER", line["simulator"].as_str().unwrap()),
            ("TEAM_A_KEY", READER),
            ("TEAM_B_KEY", BUILDER),
        ];
        let mut running = Running::start(&["serve", folder.text()], &environment);
        let gateway = format!("http://{}", address(&running.line("serving http://")));
        running.line("ready");
        Self {
            gateway,
            _running: running,
            _simulator: simulator,
            _folder: folder,
        }
    }

    fn url(&self, path: &str) -> String {
        format!("{}{path}", self.gateway)
    }
}

#[test]
fn each_team_has_its_tools() {
    let example_folder = example();
    let gateway = Example::start();
    let client = |key| {
        let environment = [
            ("GATEWAY_URL", &*gateway.url("/docs/mcp")),
            ("SUBSCRIPTION_KEY", key),
        ];
        python(&example_folder.join("client.py"), &environment)
    };
    let Some(reader) = client(READER) else {
        return;
    };
    let reader: Vec<_> = reader.lines().collect();
    assert_eq!(
        reader[0],
        "tools: microsoft_docs_search, microsoft_docs_fetch"
    );
    assert!(
        reader[1].starts_with("found: Limit call rate"),
        "{reader:?}"
    );
    assert_eq!(reader[2], "refused: Unknown tool: get_weather");
    let builder = client(BUILDER).unwrap();
    let builder: Vec<_> = builder.lines().collect();
    assert!(
        builder[0].contains("get_weather") && builder[0].contains("microsoft_code_sample_search")
    );
    assert!(!builder[0].contains("always_fails") && !builder[0].contains("announce_change"));
    assert!(
        builder[2].starts_with("weather: {'city': 'Oslo'"),
        "{builder:?}"
    );
}

#[test]
fn the_inspector_as_in_the_readme() {
    let Some(node) = Node::find("the inspector before the example") else {
        return;
    };
    let gateway = Example::start();
    let key = |key: &str| format!("Ocp-Apim-Subscription-Key: {key}");
    let list = |path: &str, who: &str| {
        let args = ["--header", &*key(who), "--method", "tools/list"];
        let list = inspector(&node, &gateway.url(path), &args).unwrap();
        names(&list["tools"])
            .iter()
            .map(|name| (*name).to_owned())
            .collect::<Vec<_>>()
    };
    assert_eq!(
        list("/docs/mcp", READER),
        ["microsoft_docs_search", "microsoft_docs_fetch"]
    );
    let by_policy = list("/by-policy/mcp", BUILDER);
    assert_eq!(by_policy.len(), 9, "{by_policy:?}");
    assert!(!by_policy.contains(&String::from("microsoft_code_sample_search")));
    let args = [
        "--header",
        &*key(READER),
        "--method",
        "tools/call",
        "--tool-name",
        "microsoft_docs_search",
        "--tool-arg",
        "query=rate limits",
    ];
    let found = inspector(&node, &gateway.url("/docs/mcp"), &args).unwrap();
    let text = found["content"][0]["text"].as_str().unwrap();
    assert!(text.starts_with("Limit call rate"), "{text}");
    // Nobody without a key, and no reader in the builders' API.
    for who in ["nobody's", READER] {
        let args = ["--header", &*key(who), "--method", "tools/list"];
        let refused = inspector(&node, &gateway.url("/by-policy/mcp"), &args).unwrap_err();
        assert!(refused.contains("auth_required"), "{refused}");
    }
}

#[tokio::test]
async fn curl_as_in_the_readme() {
    let gateway = Example::start();
    let call = |tool: &str, arguments: Value, key: &str| {
        let meta = json!({
            "io.modelcontextprotocol/protocolVersion": "2026-07-28",
            "io.modelcontextprotocol/clientCapabilities": {}
        });
        let params = json!({ "name": tool, "arguments": arguments, "_meta": meta });
        let body = json!({ "jsonrpc": "2.0", "id": 1, "method": "tools/call", "params": params });
        let mut request = post_json("/docs/mcp", &body);
        for (name, value) in [
            ("ocp-apim-subscription-key", key),
            ("accept", "application/json, text/event-stream"),
            ("mcp-protocol-version", "2026-07-28"),
            ("mcp-method", "tools/call"),
            ("mcp-name", tool),
        ] {
            request = with_header(request, name, value);
        }
        fetch(address(&gateway.gateway), request)
    };
    let weather = call("get_weather", json!({ "city": "Oslo" }), BUILDER)
        .await
        .unwrap();
    assert_eq!(weather.status, 200, "{}", weather.text());
    let message = &weather.json_events()[0];
    assert_eq!(message["result"]["structuredContent"]["city"], "Oslo");
    for (tool, key) in [("get_weather", READER), ("always_fails", BUILDER)] {
        let refused = call(tool, json!({}), key).await.unwrap();
        let error = &refused.json()["error"];
        assert_eq!(error["code"], -32602, "{}", refused.text());
        assert_eq!(error["message"], format!("Unknown tool: {tool}"));
    }
    // 60 calls a minute, of which the refused one was the first.
    let mut statuses = Vec::new();
    for _ in 0..61 {
        let answer = call("microsoft_docs_search", json!({ "query": "x" }), READER).await;
        statuses.push(answer.unwrap().status.as_u16());
    }
    assert_eq!(statuses[..59], [200; 59]);
    assert_eq!(statuses[59..], [429, 429]);
}
