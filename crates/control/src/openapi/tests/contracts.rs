//! From specifications to tools to requests, as files: `tests/contracts/*.test`.
//!
//! A file holds a specification after `-- openapi`; `-- tool <operation>` is followed by the tool that it makes (or why
//! not), `-- call <operation> <arguments>` by the request that a call sends (or what the model is told), `-- notes` by
//! the warnings. `UPDATE_EXPECT=1` rewrites what follows them.

use crate::openapi::{contracts, operations};
use serde_json::Value;
use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::path::Path;
use tollgate_agents::operation::{Annotations, Contract, ToolSet, ToolSpec};
use tollgate_lang::{Diagnostics, FileId};

#[test]
fn all() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/contracts");
    let mut paths: Vec<_> = std::fs::read_dir(&folder)
        .unwrap()
        .map(|e| e.unwrap().path())
        .collect();
    paths.sort();
    assert!(paths.len() >= 6);
    let update = std::env::var_os("UPDATE_EXPECT").is_some();
    let mut wrong = String::new();
    for path in paths {
        let text = std::fs::read_to_string(&path).unwrap();
        let got = run(&text);
        if got == text {
            continue;
        }
        if update {
            std::fs::write(&path, got).unwrap();
        } else {
            let _ = write!(wrong, "{}\n--- got\n{got}\n", path.display());
        }
    }
    assert!(wrong.is_empty(), "\n{wrong}");
}

/// The file with every expectation as it comes out now.
fn run(text: &str) -> String {
    let mut out = String::new();
    let mut specification = String::new();
    let mut reading = false;
    for line in text.split_inclusive('\n') {
        let Some(head) = line.strip_prefix("-- ") else {
            if reading || out.is_empty() || !out.contains("\n-- ") {
                out.push_str(line);
            }
            if reading {
                specification.push_str(line);
            }
            continue;
        };
        out.push_str(line);
        reading = head.trim() == "openapi";
        let mut words = head.trim().splitn(3, ' ');
        match (words.next(), words.next(), words.next()) {
            (Some("openapi"), None, None) => specification.clear(),
            (Some("tool"), Some(operation), None) => out.push_str(&tool(&specification, operation)),
            (Some("call"), Some(operation), Some(arguments)) => {
                let arguments = serde_json::from_str(arguments).unwrap();
                out.push_str(&call(&specification, operation, &arguments));
            }
            (Some("notes"), None, None) => out.push_str(&notes(&specification)),
            _ => panic!("{head}"),
        }
    }
    out
}

/// A contract with its operation's verb and template.
fn read(specification: &str, id: &str) -> (String, String, Contract) {
    let mut diagnostics = Diagnostics::default();
    let operation = operations(FileId(0), specification, &mut diagnostics)
        .unwrap()
        .into_iter()
        .find(|o| o.id == id)
        .unwrap_or_else(|| panic!("no operation {id}"));
    let wanted = BTreeSet::from([id]);
    let mut found = contracts(FileId(0), specification, &wanted, &mut diagnostics);
    (
        operation.method,
        operation.url_template,
        found.remove(id).unwrap(),
    )
}

fn build(set: &mut ToolSet, id: &str, read: &(String, String, Contract)) -> Result<(), String> {
    let (method, url_template, contract) = read;
    set.add(ToolSpec {
        name: id,
        title: None,
        description: None,
        annotations: Annotations::default(),
        output_schema: true,
        method,
        url_template,
        contract,
        reserved: Default::default(),
    })
    .map(|_| ())
    .map_err(|no| format!("cannot be a tool: {}; {}\n", no.why, no.remedy))
}

fn tool(specification: &str, id: &str) -> String {
    let mut set = ToolSet::default();
    match build(&mut set, id, &read(specification, id)) {
        Ok(()) => {
            let tool: Value = serde_json::from_str(set.tools()[0].json(false)).unwrap();
            format!("{tool:#}\n")
        }
        Err(no) => no,
    }
}

fn call(specification: &str, id: &str, arguments: &Value) -> String {
    let mut set = ToolSet::default();
    let read = read(specification, id);
    if let Err(no) = build(&mut set, id, &read) {
        return no;
    }
    let tool = &set.tools()[0];
    if let Err(told) = set.check(tool, arguments) {
        return format!("{told}\n");
    }
    let parts = match tool.request(arguments.as_object().unwrap()) {
        Ok(parts) => parts,
        Err(bad) => return format!("Invalid arguments:\n{bad}\n"),
    };
    let mut out = format!("{} {}", read.0, parts.path);
    if let Some(query) = parts.query {
        let _ = write!(out, "?{query}");
    }
    out.push('\n');
    for (name, value) in parts.headers {
        let _ = writeln!(out, "{name}: {}", value.to_str().unwrap());
    }
    if let Some((kind, body)) = parts.body {
        let body = String::from_utf8_lossy(&body).replace('\r', "");
        let _ = writeln!(out, "content-type: {kind}\n\n{}", body.trim_end());
    }
    out
}

fn notes(specification: &str) -> String {
    let mut diagnostics = Diagnostics::default();
    let found = operations(FileId(0), specification, &mut diagnostics).unwrap();
    let wanted = found.iter().map(|o| o.id.as_str()).collect();
    contracts(FileId(0), specification, &wanted, &mut diagnostics);
    diagnostics
        .items()
        .iter()
        .map(|d| format!("{}\n", d.message))
        .collect()
}
