//! Runs the fixtures under `tests/samples`: public policy documents, as they were published, behind scripted upstreams.
//!
//! The documents are not part of this repository. A fixture names each by its path in a folder of them that may lie
//! beside it: `-- include PATH as policy.xml product`, `-- include PATH as fragment ID`. Without the folder nothing runs.

use std::cell::RefCell;
use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;
use std::io::Write as _;
use std::path::Path;
use tollgate_engine::definition::{Definition, PolicyText};
use tollgate_engine::fixture::{self, Fixture, Passed, Setup};

/// Fewer documents than this must not run.
const FEWEST: usize = 60;

/// A document as a section of a fixture holds it: without the kind of its line ends, and without blank lines behind it.
fn as_held(text: &str) -> String {
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    let lines: Vec<&str> = text.lines().collect();
    lines.join("\n").trim_end().to_owned()
}

/// All documents of a configuration.
fn documents(definition: &Definition) -> Vec<&PolicyText> {
    let apis = definition.apis.iter().flat_map(|api| {
        let operations = api.operations.iter().filter_map(|o| o.policy.as_ref());
        api.policy.iter().chain(operations)
    });
    let products = definition.products.iter().filter_map(|p| p.policy.as_ref());
    let all = definition.policy.iter().chain(apis).chain(products);
    all.chain(definition.fragments.values()).collect()
}

#[test]
fn public_documents_do_what_they_say() {
    let here = Path::new(env!("CARGO_MANIFEST_DIR"));
    let corpus = here.join("../../../shared/corpus/policies");
    if !corpus.is_dir() {
        println!("no documents beside the repository");
        return;
    }
    let mut files: Vec<_> = std::fs::read_dir(here.join("tests/samples"))
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.extension().is_some_and(|e| e == "test"))
        .collect();
    files.sort();
    let wanted = std::env::var("FIXTURE").ok();
    let (mut ran, mut cases) = (BTreeSet::new(), 0);
    let mut report = String::new();
    for file in files {
        let name = file.file_name().unwrap().to_string_lossy().into_owned();
        if wanted.as_ref().is_some_and(|part| !name.contains(part)) {
            continue;
        }
        let held = RefCell::new(BTreeMap::new());
        let text = std::fs::read_to_string(&file).unwrap();
        let parsed = Fixture::parse_with(&text, &mut |include| {
            let (path, head) = include
                .rsplit_once(" as ")
                .ok_or_else(|| String::from("expected `PATH as SECTION`"))?;
            let text = std::fs::read(corpus.join(path)).map_err(|e| e.to_string())?;
            let text = as_held(&String::from_utf8_lossy(&text));
            let section = format!("-- {head}\n{text}\n");
            held.borrow_mut().insert(path.to_owned(), text);
            Ok(section)
        });
        let fixture = match parsed {
            Ok(fixture) => fixture,
            Err(fault) => {
                writeln!(report, "{name}: {fault}\n").unwrap();
                continue;
            }
        };
        for case in &fixture.cases {
            cases += 1;
            let outcome = fixture::run_case(case, &Setup::default(), &mut |definition, passed| {
                if !matches!(passed, Passed::Served) {
                    return;
                }
                let texts = documents(definition);
                for (path, document) in held.borrow().iter() {
                    // A fragment may have been given its root.
                    if texts.iter().any(|t| t.text.contains(document.as_str())) {
                        ran.insert(path.clone());
                    }
                }
            });
            if let Err(fault) = outcome {
                let (title, line) = (&case.title, case.line);
                writeln!(report, "{name}:{line}: {title}\n{fault}\n").unwrap();
            }
        }
    }
    // Not `println!`, which the test harness keeps to itself while a test passes.
    writeln!(
        std::io::stdout(),
        "{} public documents ran in {cases} cases",
        ran.len()
    )
    .unwrap();
    assert!(report.is_empty(), "{report}");
    assert!(
        ran.len() >= FEWEST || wanted.is_some(),
        "{} public documents ran, which must be {FEWEST}",
        ran.len()
    );
}
