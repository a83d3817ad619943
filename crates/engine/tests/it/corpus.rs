//! Public policy documents, when a folder of them lies beside the repository: their shape must be ours.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use tollgate_engine::definition::{NamedValue, PolicyText, Secret};
use tollgate_engine::fixture::Setup;
use tollgate_engine::snapshot;
use tollgate_lang::source::Sources;
use tollgate_lang::{Diagnostics, Severity};

/// Documents that cannot load, each with a fault that says why.
const REFUSED: &[(&str, &str)] = &[
    // Damaged before they were published.
    ("frag-llm-usage.xml", "TG0102"),
    (
        "Call out to an HTTP endpoint and cache the response.policy.xml",
        "TG0106",
    ),
    ("malformed-retry-after.xml", "TG0101"),
    ("using key vault manage identity.xml", "`{{cachetime}]`"),
    ("finops-framework/policy.xml", "`choose` needs a `when`"),
    // Placeholders of a program that fills them in.
    ("aca-backend-pool-load-balancing.xml", "`{retry_count}`"),
    ("zero-to-production/policy-1.xml", "`{retry-count}`"),
    ("zero-to-production/policy-2.xml", "`{retry-count}`"),
    ("zero-to-production/policy-4.xml", "`{tpm}`"),
    (
        "GET a file from blobStorage account.xml",
        "`{MyMetadataName1}`",
    ),
    ("pf-authx-hr-member.xml", "TG0371"),
    ("oauth-3rd-party/apim-policies/spotify_api.xml", "TG0371"),
    ("access-controlling/policy.xml", "`{tenant-id}`"),
    // More dimensions than the page allows.
    ("frag-openai-usage-streaming.xml", "TG0345"),
    // Names and values that Microsoft's toolkit has and the service has not.
    ("publish-to-darp.xml", "`publish-to-darp`"),
    ("TestData/llm-token-limit.xml", "`estimate-prompt-token`"),
    (
        "TestData/llm-semantic-cache-lookup.xml",
        "`managed-identity`",
    ),
    ("TestData/llm-emit-token-metric.xml", "`Operation`"),
    ("TestData/quota.xml", "`renewal-period`"),
    // Service Fabric.
    ("TestData/set-backend-service.xml", "TG0332"),
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

/// What stands between two marks, everywhere in a text.
fn between<'a>(text: &'a str, open: &'a str, close: &'a str) -> impl Iterator<Item = &'a str> {
    text.split(open)
        .skip(1)
        .filter_map(move |rest| rest.split(close).next())
}

/// Everything that is wrong with a document when what it names exists, without what this version does not serve and
/// without its expressions (`lang` has tests of its own for them).
/// A fragment is read in the section that suits it best.
fn faults(name: &str, text: &str) -> Vec<String> {
    if text.contains("<fragment") {
        let sections = ["inbound", "backend", "outbound", "on-error"];
        let all = sections.map(|section| faults_in(name, text, Some(section)));
        all.into_iter().min_by_key(Vec::len).unwrap_or_default()
    } else {
        faults_in(name, text, None)
    }
}

fn faults_in(name: &str, text: &str, section: Option<&str>) -> Vec<String> {
    let mut sources = Sources::default();
    let text: Arc<str> = Arc::from(text);
    let file = sources.add(name, text.clone());
    let document = PolicyText {
        file,
        text: text.clone(),
    };
    let mut definition = Setup::default().definition;
    for token in between(&text, "{{", "}}") {
        // A number fits most places, a base URL wants one.
        let url = ["base-url=\"", "<set-url>", "<set-url>@($\""]
            .iter()
            .any(|place| text.contains(&format!("{place}{{{{{token}}}}}")));
        let value = Secret::new(if url { "https://value.test" } else { "1" });
        let value = NamedValue {
            value,
            secret: false,
        };
        definition
            .named_values
            .insert(token.trim().to_owned(), value);
    }
    if let Some(section) = section {
        definition
            .fragments
            .insert(String::from("document"), document);
        let all = format!(
            "<policies><{section}><include-fragment fragment-id=\"document\" /></{section}></policies>"
        );
        let file = sources.add("includes", all.as_str());
        definition.apis[0].policy = Some(PolicyText {
            file,
            text: Arc::from(all),
        });
    } else if text.contains("<cross-domain>") {
        // Only the global document may hold it.
        definition.policy = Some(document);
    } else {
        definition.products[0].policy = Some(document);
    }
    let mut diagnostics = Diagnostics::default();
    snapshot::build(definition, &mut diagnostics);
    diagnostics
        .items()
        .iter()
        .filter(|d| d.severity == Severity::Error)
        .filter(|d| {
            !matches!(d.code, "TG0312" | "TG0313" | "TG0395" | "TG0504" | "TG0562")
                && !d.code.starts_with("TG02")
                && d.label != "not served by this version"
        })
        .map(|d| {
            let place = d
                .span
                .map_or((0, 0), |s| sources.line_column(s.file, s.start));
            format!("{name}:{}:{} {} {}", place.0, place.1, d.code, d.message)
        })
        .collect()
}

#[test]
fn public_documents_have_the_shape_that_is_expected() {
    let shared = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../shared");
    let mut found = Vec::new();
    documents(&shared.join("corpus/policies"), &mut found);
    documents(&shared.join("acceptance/policies"), &mut found);
    if found.is_empty() {
        println!("no documents beside the repository");
        return;
    }
    let mut wrong = Vec::new();
    for path in &found {
        let text = String::from_utf8_lossy(&std::fs::read(path).unwrap()).into_owned();
        let shown = path.strip_prefix(&shared).unwrap().display().to_string();
        let expected = REFUSED
            .iter()
            .find(|(name, _)| shown.ends_with(name))
            .map(|(_, fault)| *fault);
        let faults = faults(&shown, &text);
        let as_expected = match expected {
            Some(expected) => faults.iter().any(|f| f.contains(expected)),
            None => faults.is_empty(),
        };
        if !as_expected {
            wrong.push(format!(
                "{shown}: expected {expected:?}\n{}",
                faults.join("\n")
            ));
        }
    }
    println!(
        "{} documents, {} of them refused",
        found.len(),
        REFUSED.len()
    );
    assert!(wrong.is_empty(), "{}", wrong.join("\n\n"));
}
