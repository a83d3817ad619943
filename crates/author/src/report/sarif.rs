//! What `tollgate check` found as SARIF 2.1.0, for code scanning.
//!
//! Source: OASIS, "Static Analysis Results Interchange Format (SARIF) Version 2.1.0". What must stay true: each result
//! names a rule of the run, each rule has the text of docs/errors.md; columns count characters from 1.

use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::path::Path;
use tollgate_control::Loaded;
use tollgate_lang::{Diagnostic, Severity, Span};

const ERRORS: &str = include_str!("../../../../docs/errors.md");

/// What a fault code means: its row in docs/errors.md.
pub fn meaning(code: &str) -> Option<&'static str> {
    let row = ERRORS
        .lines()
        .find(|line| line.strip_prefix("| ").is_some_and(|l| l.starts_with(code)))?;
    let text = row.split_once(" | ")?.1.trim().trim_end_matches('|').trim();
    let warning = text.strip_prefix("*warning*");
    Some(
        warning
            .and_then(|t| t.split_once(": "))
            .map_or(text, |(_, t)| t),
    )
}

/// The log of one run over these paths.
pub fn log<'a>(checked: impl IntoIterator<Item = (&'a Path, &'a Loaded)>) -> Value {
    let mut rules: BTreeMap<&str, Severity> = BTreeMap::new();
    let mut found: Vec<(&Path, &Loaded, &Diagnostic)> = Vec::new();
    for (path, loaded) in checked {
        for diagnostic in loaded.diagnostics.items() {
            let worst = rules.entry(diagnostic.code).or_insert(diagnostic.severity);
            *worst = (*worst).max(diagnostic.severity);
            found.push((path, loaded, diagnostic));
        }
    }
    let index: BTreeMap<&str, usize> = rules
        .keys()
        .enumerate()
        .map(|(n, code)| (*code, n))
        .collect();
    let results: Vec<Value> = found
        .into_iter()
        .map(|(path, loaded, diagnostic)| {
            result(
                path,
                loaded,
                diagnostic,
                index.get(diagnostic.code).copied(),
            )
        })
        .collect();
    let rules: Vec<Value> = rules
        .iter()
        .map(|(code, severity)| {
            let text = meaning(code).unwrap_or(code);
            json!({
                "id": code,
                "shortDescription": { "text": text },
                "help": { "text": format!("{text}. See docs/errors.md for all codes and docs/check.md for lints.") },
                "defaultConfiguration": { "level": severity.name() },
            })
        })
        .collect();
    json!({
        "$schema": "https://json.schemastore.org/sarif-2.1.0.json",
        "version": "2.1.0",
        "runs": [{
            "tool": { "driver": {
                "name": "tollgate check",
                "semanticVersion": env!("CARGO_PKG_VERSION"),
                "rules": rules,
            }},
            "columnKind": "unicodeCodePoints",
            "results": results,
        }],
    })
}

fn result(path: &Path, loaded: &Loaded, diagnostic: &Diagnostic, rule: Option<usize>) -> Value {
    let mut message = diagnostic.message.clone();
    for more in [Some(&diagnostic.label), diagnostic.help.as_ref()] {
        if let Some(more) = more.filter(|m| !m.is_empty()) {
            message += &format!("; {more}");
        }
    }
    let place = match diagnostic.span {
        Some(span) => location(loaded, span),
        None => {
            json!({ "physicalLocation": { "artifactLocation": { "uri": uri(&path.display().to_string()) } } })
        }
    };
    let related: Vec<Value> = diagnostic
        .related
        .iter()
        .map(|(span, text)| {
            let mut place = location(loaded, *span);
            place["message"] = json!({ "text": text });
            place
        })
        .collect();
    let mut result = json!({
        "ruleId": diagnostic.code,
        "level": diagnostic.severity.name(),
        "message": { "text": message },
        "locations": [place],
    });
    if let Some(rule) = rule {
        result["ruleIndex"] = json!(rule);
    }
    if !related.is_empty() {
        result["relatedLocations"] = json!(related);
    }
    result
}

fn location(loaded: &Loaded, span: Span) -> Value {
    let name = loaded
        .sources
        .get(span.file)
        .map_or("", |source| &*source.name);
    let (line, column) = loaded.sources.line_column(span.file, span.start);
    let (end_line, end_column) = loaded.sources.line_column(span.file, span.end);
    json!({
        "physicalLocation": {
            "artifactLocation": { "uri": uri(name) },
            "region": { "startLine": line, "startColumn": column, "endLine": end_line, "endColumn": end_column },
        },
    })
}

/// A path as a URI reference: `/` between its parts, what a URI does not hold escaped.
fn uri(path: &str) -> String {
    let path = path.strip_prefix("./").unwrap_or(path).replace('\\', "/");
    let mut out = String::new();
    for byte in path.bytes() {
        if byte.is_ascii_alphanumeric() || b"-._~/+@()',;=&!$*".contains(&byte) {
            out.push(char::from(byte));
        } else {
            out.push_str(&format!("%{byte:02X}"));
        }
    }
    if path.starts_with('/') {
        out.insert_str(0, "file://");
    }
    out
}
