//! The official MCP conformance suite before the gateway: it must find there what it finds before the server itself.

use crate::mcp_clients::{FORWARD, McpGateway, asset, server};
use crate::node::Node;
use crate::process::{Folder, Running};
use crate::python::interpreter;
use std::collections::BTreeMap;
use std::process::Command;

/// A document that has every message in its hands.
const REWRITES: &str = include_str!("../documents/mcp-rewrites.xml");

/// How many checks of a scenario passed and failed.
pub(crate) type Checks = (u32, u32);

/// What the suite found.
#[derive(Debug, Default, PartialEq)]
pub(crate) struct Found {
    /// The scenarios that the revision requires.
    pub(crate) scored: BTreeMap<String, Checks>,
    /// Those that run without counting: extensions and what is younger than the revision.
    pub(crate) unscored: BTreeMap<String, Checks>,
}

impl Found {
    fn total(&self) -> Checks {
        let add = |sum: Checks, one: &Checks| (sum.0 + one.0, sum.1 + one.1);
        self.scored.values().fold((0, 0), add)
    }
}

/// Runs all that a revision requires of a server.
pub(crate) fn conformance(node: &Node, url: &str, revision: &str) -> Found {
    let results = Folder::new();
    let output = node
        .program("conformance")
        .args(["server", "--url", url, "--requirements", revision])
        .args(["--output-dir", results.text(), "--timeout", "20000"])
        .output()
        .unwrap();
    let text = String::from_utf8(output.stdout).unwrap();
    let summary = text
        .split_once("=== SUMMARY ===")
        .unwrap_or_else(|| panic!("{text}\n{}", String::from_utf8_lossy(&output.stderr)))
        .1;
    let (scored, unscored) = summary
        .split_once("Not scored for")
        .unwrap_or((summary, ""));
    let mut found = Found::default();
    for line in scored.lines() {
        // `✓ ping: 2 passed, 0 failed`
        let Some((name, rest)) = line.split_once(": ") else {
            continue;
        };
        let Some((_, name)) = name.split_once(' ') else {
            continue;
        };
        let (passed, failed) = rest.split_once(" passed, ").unwrap();
        let failed = failed.strip_suffix(" failed").unwrap();
        let checks = (passed.parse().unwrap(), failed.parse().unwrap());
        let unscored = unscored.contains(&format!(" {name} ("));
        let set = if unscored {
            &mut found.unscored
        } else {
            &mut found.scored
        };
        set.insert(name.to_owned(), checks);
    }
    found
}

/// A server that passes, running, and the URL that it serves.
type Server = (Running, String);

/// Python's SDK with all that the suite asks for.
fn python() -> Option<Server> {
    let mut command = Command::new(interpreter()?);
    command.arg(asset("servers/conformance.py"));
    Some(server(command))
}

/// The one of `tollgate simulate`.
fn simulated() -> Option<Server> {
    let mut running = Running::start(&["simulate", "--listen", "127.0.0.1:0", "--json"], &[]);
    let line: serde_json::Value = serde_json::from_str(&running.line("simulator")).unwrap();
    let url = format!("{}/conformance/mcp", line["simulator"].as_str().unwrap());
    Some((running, url))
}

/// The same set before a server and through a gateway before another of its kind.
fn compare(revision: &str, scenarios: usize, policy: &str, start: impl Fn() -> Option<Server>) {
    let Some(node) = Node::find("the MCP conformance suite") else {
        return;
    };
    let Some(((_behind, upstream), (_alone, url))) = start().zip(start()) else {
        return;
    };
    let gateway = McpGateway::start(&upstream, policy);
    let run = || {
        std::thread::scope(|scope| {
            let direct = scope.spawn(|| conformance(&node, &url, revision));
            let through = conformance(&node, &gateway.url, revision);
            (direct.join().unwrap(), through)
        })
    };
    let (mut direct, mut through) = run();
    if direct.total().1 > 0 || direct != through {
        // Some scenarios give an answer 600 ms, which a machine that runs other tests can miss.
        (direct, through) = run();
    }
    println!(
        "{revision}: {} scenarios, {:?} direct, {:?} through the gateway (passed, failed)",
        direct.scored.len(),
        direct.total(),
        through.total(),
    );
    assert_eq!(direct.scored.len(), scenarios, "{direct:?}");
    assert_eq!(direct.total().1, 0, "the server itself fails: {direct:?}");
    assert_eq!(direct, through);
}

#[test]
fn of_2025_11_25() {
    compare("2025-11-25", 30, FORWARD, python);
}

#[test]
fn of_2026_07_28() {
    compare("2026-07-28", 37, FORWARD, python);
}

#[test]
fn of_2025_11_25_when_a_policy_rewrites_everything() {
    compare("2025-11-25", 30, REWRITES, simulated);
}

#[test]
fn of_2026_07_28_when_a_policy_rewrites_everything() {
    compare("2026-07-28", 37, REWRITES, simulated);
}
