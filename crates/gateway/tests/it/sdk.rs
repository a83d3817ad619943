//! Real SDKs through `tollgate demo`: our own scripts of `tests/clients`, and the described ones, unchanged, where they
//! lie beside the repository.

use crate::documents::original;
use crate::process::Running;
use crate::python::python;
use std::path::Path;

/// Runs a script before a demo of its own.
fn through_the_demo(script: &Path) -> Option<String> {
    let mut demo = Running::start(&["demo", "--json", "--latency-per-token", "0"], &[]);
    let line: serde_json::Value = serde_json::from_str(&demo.line("gateway")).unwrap();
    let environment = [
        ("GATEWAY_URL", line["gateway"].as_str().unwrap()),
        ("SUBSCRIPTION_KEY", line["keys"]["team-a"].as_str().unwrap()),
        ("TRIAL_KEY", line["keys"]["team-b"].as_str().unwrap()),
        ("SIMULATOR_URL", line["simulator"].as_str().unwrap()),
    ];
    python(script, &environment)
}

fn ours(script: &str) {
    let clients = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/clients");
    if let Some(out) = through_the_demo(&clients.join(script)) {
        assert!(out.trim_end().ends_with("ok"), "{out}");
    }
}

/// The lines that a described client prints.
fn described(script: &str) -> Option<Vec<String>> {
    let script = original(&format!("clients/{script}"))?;
    let out = through_the_demo(&script)?;
    Some(out.lines().map(str::to_owned).collect())
}

#[test]
fn openai() {
    ours("openai_sdk.py");
}

#[test]
fn openai_errors() {
    ours("openai_errors.py");
}

#[test]
fn agent_framework() {
    ours("agent_framework_agent.py");
}

#[test]
fn pydantic_ai() {
    ours("pydantic_ai_agent.py");
}

#[test]
fn openai_as_described() {
    if let Some(lines) = described("openai_sdk_client.py") {
        let [hello, count, dimensions] = &lines[..] else {
            panic!("{lines:?}");
        };
        let tokens = hello.rsplit(' ').next().unwrap().parse::<u32>().unwrap();
        assert!(tokens > 0 && hello.len() > 10, "{hello}");
        assert_eq!((&**count, &**dimensions), ("1, 2, 3, 4, 5.", "1536"));
    }
}

#[test]
fn agent_framework_as_described() {
    if let Some(lines) = described("agent_framework_client.py") {
        // It has called the tool and got its answer.
        assert!(lines.concat().contains("instance-1"), "{lines:?}");
    }
}

#[test]
fn pydantic_ai_as_described() {
    if let Some(lines) = described("pydantic_ai_client.py") {
        assert!(lines.concat().len() > 20, "{lines:?}");
    }
}
