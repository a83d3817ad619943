//! Runs every fixture under `tests/policies`, `tests/pipeline` and `tests/mcp`, and holds the ones of the policies to
//! the policies' definitions: every part must be used by the policy's own fixture.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::io::Write as _;
use std::path::Path;
use tollgate_engine::definition::Definition;
use tollgate_engine::fixture::shapes::Shapes;
use tollgate_engine::fixture::{self, Passed, Setup};
use tollgate_engine::policies;

/// Codes that say that something is known and cannot be had here: it exists only in Azure.
const ONLY_IN_AZURE: &[&str] = &["TG0332", "TG0396"];

/// The fixtures of a folder: name and text.
fn fixtures(folder: &str) -> Vec<(String, String)> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("tests")
        .join(folder);
    let mut files: Vec<_> = std::fs::read_dir(&folder)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.extension().is_some_and(|e| e == "test"))
        .collect();
    files.sort();
    let name = |file: &Path| file.file_stem().unwrap().to_string_lossy().into_owned();
    files
        .iter()
        .map(|file| (name(file), std::fs::read_to_string(file).unwrap()))
        .collect()
}

/// Whether a fixture is to run: `FIXTURE=part-of-its-name`.
fn wanted(name: &str) -> bool {
    std::env::var("FIXTURE").map_or(true, |part| name.contains(&part))
}

/// Runs fixtures and reports every case that did not pass.
fn run<'a>(
    fixtures: impl IntoIterator<Item = &'a (String, String)>,
    note: &mut dyn FnMut(&str, &Definition, Passed<'_>),
) {
    let (mut cases, mut report) = (0, String::new());
    for (name, text) in fixtures {
        if !wanted(name) {
            continue;
        }
        let mut noting = |definition: &Definition, passed: Passed<'_>| {
            note(name, definition, passed);
        };
        for outcome in fixture::run_noting(text, &Setup::default(), &mut noting) {
            cases += 1;
            if let Some(fault) = outcome.fault {
                let (line, title, message) = (fault.line, outcome.title, fault.message);
                writeln!(report, "{name}.test:{line}: {title}\n{message}\n").unwrap();
            }
        }
    }
    assert!(report.is_empty(), "{report}");
    assert!(
        cases > 0 || std::env::var_os("FIXTURE").is_some(),
        "no fixture ran"
    );
}

#[test]
fn policies() {
    let mut fixtures = fixtures("policies");
    // The older name of a policy does in everything what the newer one does.
    let older: Vec<_> = fixtures
        .iter()
        .filter_map(|(name, text)| {
            let name = name.strip_prefix("llm-")?;
            let older = format!("azure-openai-{name}");
            let text = text.replace(&format!("llm-{name}"), &older);
            policies::find(&older).map(|_| (older, text))
        })
        .collect();
    assert_eq!(older.len(), 4, "the policies of two names were found");
    fixtures.extend(older);
    // What another policy's fixture uses does not count.
    let mut shapes: BTreeMap<String, Shapes> = BTreeMap::new();
    run(&fixtures, &mut |policy, definition, passed| {
        let shapes = shapes.entry(policy.to_owned()).or_default();
        match passed {
            Passed::Served => shapes.served(definition),
            Passed::Refused(faults) => {
                let never = faults.iter().filter(|d| ONLY_IN_AZURE.contains(&d.code));
                let never: Vec<_> = never.filter_map(|d| d.span).collect();
                shapes.refused(policy, definition, &never);
            }
            Passed::Loaded => {}
        }
    });
    let (mut table, mut total, mut used) = (String::new(), 0, 0);
    let mut wrong = Vec::new();
    for def in policies::all().iter().filter(|def| wanted(def.name)) {
        let usage = shapes.entry(def.name.to_owned()).or_default().usage(def);
        let found = usage.parts - usage.missing.len();
        (total, used) = (total + usage.parts, used + found);
        let missing = usage.missing.join(", ");
        writeln!(
            table,
            "{:<36} {found:>4} of {:>4}  {missing}",
            def.name, usage.parts
        )
        .unwrap();
        if !missing.is_empty() {
            wrong.push(def.name);
        }
    }
    // Not `print!`, which the test harness keeps to itself while a test passes.
    write!(
        std::io::stdout(),
        "\nParts of the policies' definitions that their fixtures use:\n{table}{:<36} {used:>4} of {total:>4}\n",
        "all"
    )
    .unwrap();
    assert!(
        wrong.is_empty(),
        "the fixtures of {wrong:?} leave parts of their definitions unused, as the table says"
    );
}

#[test]
fn mcp() {
    run(&fixtures("mcp"), &mut |_, _, _| ());
}

#[test]
fn pipeline() {
    run(&fixtures("pipeline"), &mut |_, _, _| ());
}
