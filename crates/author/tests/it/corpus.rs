//! Public policy documents, when a folder of them lies beside the repository, as `tollgate check` takes them: the table
//! of what loads and what is refused, and why (`cargo test -p tollgate-author corpus -- --nocapture`).

use std::path::{Path, PathBuf};
use tollgate_author::bare::{Assumed, Bare};
use tollgate_lang::Severity;

/// Placeholders of programs that fill them in before they publish a document.
const SUBSTITUTES: [(&str, &str); 5] = [
    ("{tenant-id}", "11111111-1111-1111-1111-111111111111"),
    ("{retry-count}", "3"),
    ("{retry_count}", "3"),
    ("{tpm}", "1000"),
    (
        "{jwt_signing_key}",
        "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=",
    ),
];

/// Documents that are broken, by the end of their path, and the fault that must be named.
const REFUSED: [(&str, &str); 14] = [
    (
        "Call out to an HTTP endpoint and cache the response.policy.xml",
        "TG0201",
    ),
    ("DELETE a from to blobStorage account.xml", "TG0202"),
    ("GET a file from blobStorage account.xml", "TG0202"),
    ("certificate using key vault manage identity.xml", "TG0315"),
    (
        "Return a blob URL signed with a user delegation SAS token.xml",
        "TG0202",
    ),
    ("TestData/llm-emit-token-metric.xml", "TG0344"),
    ("TestData/llm-semantic-cache-lookup.xml", "TG0315"),
    ("TestData/llm-token-limit.xml", "TG0314"),
    ("TestData/publish-to-darp.xml", "TG0311"),
    ("TestData/quota.xml", "TG0317"),
    ("TestData/set-backend-service.xml", "TG0332"),
    ("finops-framework/policy.xml", "TG0320"),
    ("frag-llm-usage.xml", "TG0345"),
    ("frag-openai-usage-streaming.xml", "TG0345"),
];

fn documents(folder: &Path, found: &mut Vec<PathBuf>) {
    for entry in std::fs::read_dir(folder).into_iter().flatten().flatten() {
        let path = entry.path();
        let name = entry.file_name().to_string_lossy().into_owned();
        if path.is_dir() {
            documents(&path, found);
        } else if name.ends_with(".xml") || name.contains(".json#") || name.contains(".bicep#") {
            found.push(path);
        }
    }
}

#[test]
fn public_documents_load_or_are_refused_for_what_is_wrong_with_them() {
    let corpus = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../shared/corpus/policies");
    let mut found = Vec::new();
    documents(&corpus, &mut found);
    found.sort();
    let bare = Bare {
        substitutes: SUBSTITUTES
            .map(|(from, to)| (from.to_owned(), to.to_owned()))
            .to_vec(),
        ..Bare::default()
    };
    let mut assumed = Assumed::new();
    let (mut loads, mut refused, mut wrong) = (0, 0, Vec::new());
    for path in &found {
        let shown = path.strip_prefix(&corpus).unwrap().display().to_string();
        let checked = bare.check(path, &mut assumed);
        let items = checked.diagnostics.items();
        let errors = items.iter().filter(|d| d.severity == Severity::Error);
        // What this version does not serve is no fault of the document.
        let (unserved, faults): (Vec<_>, Vec<_>) =
            errors.partition(|d| d.label == "not served by this version");
        let expected = REFUSED.iter().find(|(end, _)| shown.ends_with(end));
        let good = match expected {
            Some((_, code)) => faults.iter().any(|d| d.code == *code),
            None => faults.is_empty(),
        };
        match faults.first().or(unserved.first()) {
            None => loads += 1,
            Some(fault) => {
                refused += 1;
                println!("refused  {shown}: {} {}", fault.code, fault.message);
            }
        }
        if !good {
            let faults: Vec<_> = faults.iter().map(|d| (d.code, &d.message)).collect();
            wrong.push(format!("{shown}: expected {expected:?}, found {faults:?}"));
        }
    }
    println!("{} documents, {loads} load, {refused} refused", found.len());
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}
