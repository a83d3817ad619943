//! Public policy documents, when a folder of them lies beside the repository.

use super::read;
use std::path::{Path, PathBuf};
use tollgate_lang::document::NamedValues;

/// Documents that were damaged before they were published: none of them can run in API Management either.
const DAMAGED: [&str; 2] = [
    // Ends `<llm-emit-token-metric>` with `</azure-openai-emit-token-metric>`.
    "frag-llm-usage.xml",
    // An HTML tool tore its expressions apart.
    "Call out to an HTTP endpoint and cache the response.policy.xml",
];

/// A value for every name.
struct Any;

impl NamedValues for Any {
    fn get(&self, _: &str) -> Option<&str> {
        Some("value")
    }

    fn names(&self) -> Vec<&str> {
        Vec::new()
    }
}

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
fn public_documents_are_read() {
    let shared = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../shared");
    let mut found = Vec::new();
    documents(&shared.join("corpus/policies"), &mut found);
    if found.is_empty() {
        println!("no documents beside the repository");
        return;
    }
    let (mut refused, mut wrong) = (Vec::new(), Vec::new());
    for path in &found {
        let text = String::from_utf8_lossy(&std::fs::read(path).unwrap()).into_owned();
        let name = path.file_name().unwrap().to_string_lossy().into_owned();
        let reading = read(&name, &text, &Any);
        let faulty = !reading.diagnostics.items().is_empty();
        if faulty {
            refused.push(reading.diagnostics.render_compact(&reading.sources));
        }
        if faulty != DAMAGED.contains(&name.as_str()) {
            wrong.push(format!(
                "{}\n{}",
                path.display(),
                reading.diagnostics.render_compact(&reading.sources)
            ));
        }
    }
    println!(
        "{} documents: {} read, {} refused\n{}",
        found.len(),
        found.len() - refused.len(),
        refused.len(),
        refused.concat()
    );
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}
