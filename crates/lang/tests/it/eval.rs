//! Expressions against what a real C# runtime said about them.
//!
//! `tests/eval/*.jsonl`: one case a line with the context fixture it ran in. `result` and `exception` are as measured with
//! Mono 6.8 and Json.NET 6; where we differ on purpose `ours` stands beside it, with the reason in `why`.

mod corpus;
mod errors;
mod host;
mod semantics;

use host::Fixture;
use serde_json::{Value as Json, json};
use std::path::Path;
use tollgate_lang::expr::{Expr, Target, compile};
use tollgate_lang::value::Value;
use tollgate_lang::{Diagnostics, Sources};

/// Compiles `@(…)` or `@{…}`; the faults printed when refused.
pub(super) fn compiled(expression: &str, target: Target) -> Result<Expr, String> {
    let e = expression.trim();
    let (code, multi) = match e.strip_prefix("@(").and_then(|e| e.strip_suffix(')')) {
        Some(code) => (code, false),
        None => (
            e.strip_prefix("@{")
                .and_then(|e| e.strip_suffix('}'))
                .unwrap(),
            true,
        ),
    };
    let mut sources = Sources::default();
    let file = sources.add("case", code);
    let text = tollgate_lang::document::Text::expression(file, code, multi);
    let mut diagnostics = Diagnostics::default();
    compile(&text, target, &mut diagnostics).ok_or_else(|| diagnostics.render(&sources, false))
}

/// A value in the notation of the cases.
fn shown(v: &Value) -> Json {
    let ty = v.type_name();
    match v {
        Value::Null => json!({"type": "null"}),
        Value::Bytes(_) => json!({"type": ty, "value": base64(&v.as_bytes().unwrap())}),
        Value::List(_) if v.as_bytes().is_some() => {
            json!({"type": ty, "value": base64(&v.as_bytes().unwrap())})
        }
        Value::List(l) => {
            json!({"type": ty, "items": l.items().iter().map(shown).collect::<Vec<_>>()})
        }
        Value::Dict(d) if ty.contains("HashSet") => {
            json!({"type": ty, "items": d.entries().iter().map(|(k, _)| shown(k)).collect::<Vec<_>>()})
        }
        Value::Dict(d) => {
            json!({"type": ty, "items": d.entries().iter().map(|(k, v)| json!({"value": format!("[{}, {}]", k.to_text(), v.to_text())})).collect::<Vec<_>>()})
        }
        Value::Object(o) => match o.items() {
            Some(items) => {
                json!({"type": ty, "items": items.iter().map(shown).collect::<Vec<_>>()})
            }
            None => json!({"type": ty, "value": &*v.to_text()}),
        },
        v => json!({"type": ty, "value": &*v.to_text()}),
    }
}

fn base64(b: &[u8]) -> String {
    use base64::Engine;
    base64::engine::general_purpose::STANDARD.encode(b)
}

/// What of a result counts: names of generic and generated types carry assembly versions in .NET.
fn comparable(mut r: Json) -> Json {
    if let Some(o) = r.as_object_mut() {
        let plain = o
            .get("type")
            .and_then(Json::as_str)
            .is_some_and(|t| !t.contains(['`', '<', '+', '[']) && o.get("items").is_none());
        if !plain {
            o.remove("type");
        }
        if let Some(Json::Array(items)) = o.get_mut("items") {
            for i in items {
                *i = comparable(i.take());
                // Items of a dictionary are pairs, which have a generic type.
            }
        }
    }
    r
}

fn evaluated(case: &Json) -> Json {
    let expression = case["expression"].as_str().unwrap();
    let expr = match compiled(expression, Target::Any) {
        Ok(e) => e,
        Err(faults) => return json!({"compile_error": faults}),
    };
    let mut fixture = Fixture::new(&case["context"]);
    match expr.eval(&mut fixture) {
        Ok(v) => json!({"ok": true, "result": comparable(shown(&v))}),
        Err(e) => json!({"ok": false, "exception": e.exception, "message": e.message}),
    }
}

/// Whether the outcome is the expected one; messages of exceptions differ between runtimes and do not count.
fn agrees(expected: &Json, got: &Json) -> bool {
    if expected.get("compile_error").is_some() {
        return got.get("compile_error").is_some();
    }
    if expected["ok"] == json!(true) {
        return got["ok"] == json!(true) && comparable(expected["result"].clone()) == got["result"];
    }
    got["ok"] == json!(false) && expected["exception"] == got["exception"]
}

#[test]
fn expressions_evaluate_as_in_csharp() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/eval");
    let mut wrong = Vec::new();
    let mut cases = 0;
    let mut files: Vec<_> = std::fs::read_dir(folder)
        .unwrap()
        .map(|f| f.unwrap().path())
        .collect();
    files.sort();
    for file in files
        .iter()
        .filter(|f| f.extension().is_some_and(|e| e == "jsonl"))
    {
        for line in std::fs::read_to_string(file)
            .unwrap()
            .lines()
            .filter(|l| !l.trim().is_empty())
        {
            let case: Json = serde_json::from_str(line).unwrap();
            cases += 1;
            let expected = case.get("ours").unwrap_or(&case["measured"]);
            assert!(
                case.get("ours").is_none() || case["why"].is_string(),
                "{line}: `ours` needs a `why`"
            );
            let got = evaluated(&case);
            if !agrees(expected, &got) {
                wrong.push(format!(
                    "{} {}\n   expected {expected}\n   got      {got}",
                    case["id"].as_str().unwrap_or(""),
                    case["expression"].as_str().unwrap()
                ));
            }
        }
    }
    assert!(
        wrong.is_empty(),
        "{} of {cases} cases differ:\n{}",
        wrong.len(),
        wrong.join("\n")
    );
    assert!(cases > 300, "only {cases} cases were found");
}
