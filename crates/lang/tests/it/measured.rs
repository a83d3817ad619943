//! Cases that were measured in .NET, one a line of `tests/<folder>/*.jsonl`.
//!
//! `measured` is what came there; where we differ on purpose `ours` stands beside it, with the reason in `why`. What must
//! stay true: a case that was refused is refused, in words of ours; all others are equal.

use serde_json::Value as Json;
use std::path::Path;

/// Holds what we make of each case to what was measured. `refused`: the member that a refusal has.
pub(crate) fn hold(folder: &str, refused: &str, outcome: fn(&Json) -> Json) {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("tests")
        .join(folder);
    let mut wrong = Vec::new();
    let mut cases = 0;
    let mut files: Vec<_> = std::fs::read_dir(folder)
        .unwrap()
        .map(|f| f.unwrap().path())
        .filter(|f| f.extension().is_some_and(|e| e == "jsonl"))
        .collect();
    files.sort();
    for file in &files {
        for line in std::fs::read_to_string(file).unwrap().lines() {
            let case: Json = serde_json::from_str(line).unwrap();
            cases += 1;
            let expected = case.get("ours").unwrap_or(&case["measured"]);
            assert!(
                case.get("ours").is_none() || case["why"].is_string(),
                "{line}: `ours` needs a `why`"
            );
            let got = outcome(&case);
            let same = match expected.get(refused) {
                Some(_) => got.get(refused).is_some(),
                None => *expected == got,
            };
            if !same {
                wrong.push(format!("{case}\n   expected {expected}\n   got      {got}"));
            }
        }
    }
    assert!(
        wrong.is_empty(),
        "{} of {cases} cases differ:\n{}",
        wrong.len(),
        wrong.join("\n")
    );
    assert!(cases >= 120, "only {cases} cases were found");
}
