//! `examples/mcp-passthrough` before the simulator's server, called as its README says.

use crate::process::{Folder, Running, address};
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
