//! Real MCP clients before the gateway, real MCP servers behind it.

use crate::node::Node;
use crate::process::{Folder, Running, address};
use crate::python::python;
use serde_json::Value;
use std::path::{Path, PathBuf};
use std::process::Command;

/// A gateway with one MCP server API at `/mcp`.
pub(crate) struct McpGateway {
    /// The API's URL for callers.
    pub(crate) url: String,
    _running: Running,
    _folder: Folder,
}

impl McpGateway {
    /// Starts it before the server at `upstream`; `policy` is the API's document.
    pub(crate) fn start(upstream: &str, policy: &str) -> Self {
        Self::start_with(upstream, policy, "")
    }

    /// The same with more lines of the API, each with four spaces and a line end.
    fn start_with(upstream: &str, policy: &str, more: &str) -> Self {
        let folder = Folder::new();
        folder.write("api.xml", policy);
        folder.write(
            "tollgate.yaml",
            &format!(
                r#"gateway:
  listen: [{{ address: "127.0.0.1:0" }}]
  management: {{ address: "127.0.0.1:0" }}
  threads: 2
apis:
  - id: mcp-server
    type: mcp
    path: mcp
    serviceUrl: "{upstream}"
    subscriptionRequired: false
    policy: api.xml
{more}"#
            ),
        );
        let mut running = Running::start(&["serve", folder.text()], &[]);
        let url = format!("http://{}/mcp", address(&running.line("serving http://")));
        running.line("ready");
        Self {
            url,
            _running: running,
            _folder: folder,
        }
    }
}

/// A document that only forwards.
pub(crate) const FORWARD: &str = "<policies><inbound><base /></inbound></policies>";

/// A file below `tests/`.
pub(crate) fn asset(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("../../tests")
        .join(name)
}

/// Starts an MCP server that prints where it serves; gives its URL.
pub(crate) fn server(command: Command) -> (Running, String) {
    let mut running = Running::spawn(command);
    let line = running.line("serving http://");
    let url = line.rsplit(' ').next().unwrap().to_owned();
    (running, url)
}

/// What the inspector's command line answers, or what it complains of.
pub(crate) fn inspector(node: &Node, url: &str, args: &[&str]) -> Result<Value, String> {
    let output = node
        .program("mcp-inspector")
        .args(["--cli", url, "--transport", "http"])
        .args(args)
        .output()
        .unwrap();
    let (out, err) = (
        String::from_utf8_lossy(&output.stdout),
        String::from_utf8_lossy(&output.stderr),
    );
    if output.status.success() {
        Ok(serde_json::from_str(&out).unwrap_or_else(|e| panic!("{e}: {out}\n{err}")))
    } else {
        Err(format!("{out}\n{err}"))
    }
}

/// The names of listed tools.
pub(crate) fn names(tools: &Value) -> Vec<&str> {
    let tools = tools.as_array().unwrap();
    tools
        .iter()
        .map(|tool| tool["name"].as_str().unwrap())
        .collect()
}

#[test]
fn the_inspector_works_with_the_everything_server() {
    let Some(node) = Node::find("the inspector before server-everything") else {
        return;
    };
    let (_server, upstream) = server(node.script(&asset("node/everything.cjs")));
    let gateway = McpGateway::start(&upstream, FORWARD);
    let direct = inspector(&node, &upstream, &["--method", "tools/list"]).unwrap();
    let through = inspector(&node, &gateway.url, &["--method", "tools/list"]).unwrap();
    assert!(direct["tools"].as_array().unwrap().len() > 5, "{direct}");
    assert_eq!(direct, through);
    let call = [
        "--method",
        "tools/call",
        "--tool-name",
        "echo",
        "--tool-arg",
        "message=over the gateway",
    ];
    let answer = inspector(&node, &gateway.url, &call).unwrap();
    assert_eq!(answer["content"][0]["text"], "Echo: over the gateway");
}

/// Runs a script of `tests/clients` before a gateway before the simulator's server, and before that server itself.
fn client(script: &str) {
    for direct in [true, false] {
        let mut simulator = Running::start(&["simulate", "--listen", "127.0.0.1:0", "--json"], &[]);
        let line: Value = serde_json::from_str(&simulator.line("simulator")).unwrap();
        let simulated = line["simulator"].as_str().unwrap();
        let upstream = format!("{simulated}/mcp");
        let gateway = McpGateway::start(&upstream, FORWARD);
        let url = if direct { &upstream } else { &gateway.url };
        let environment = [("MCP_URL", &**url), ("SIMULATOR_URL", simulated)];
        if let Some(out) = python(&asset("clients").join(script), &environment) {
            assert!(out.trim_end().ends_with("ok"), "{out}");
        }
    }
}

#[test]
fn python_in_a_session() {
    client("mcp_legacy.py");
}

#[test]
fn python_without_sessions() {
    client("mcp_modern.py");
}

#[test]
fn python_over_http_with_sse() {
    let Some(node) = Node::find("server-everything over HTTP with SSE") else {
        return;
    };
    let mut command = node.script(&asset("node/everything.cjs"));
    command.arg("sse");
    let (_server, upstream) = server(command);
    let upstream = upstream.strip_suffix("/sse").unwrap();
    let endpoints = r#"    mcpProperties:
      transportType: sse
      endpoints:
        - { name: sse, uriTemplate: /sse }
        - { name: message, uriTemplate: /message }
"#;
    let gateway = McpGateway::start_with(upstream, FORWARD, endpoints);
    let url = format!("{}/sse", gateway.url);
    if let Some(out) = python(&asset("clients/mcp_sse.py"), &[("MCP_URL", &url)]) {
        assert!(out.trim_end().ends_with("ok"), "{out}");
    }
}
