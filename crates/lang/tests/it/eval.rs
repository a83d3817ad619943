//! Expressions against what a real C# runtime said about them.
//!
//! `tests/eval/*.jsonl`: one case a line with the context fixture it ran in. `result` and `exception` are as measured with
//! Mono 6.8 and Json.NET 6; where we differ on purpose `ours` stands beside it, with the reason in `why`.

mod corpus;
mod documents;
mod errors;
mod formats;
mod semantics;

use serde_json::Value as Json;
use std::path::Path;
use tollgate_lang::expr::outcome;
pub(super) use tollgate_lang::expr::outcome::compiled;

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
            let got = outcome::of(case["expression"].as_str().unwrap(), &case["context"]);
            if !outcome::same(expected, &got) {
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
