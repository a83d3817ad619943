//! Runs every fixture under `tests/policies`, `tests/pipeline` and `tests/mcp`.

use std::fmt::Write;
use std::path::Path;
use tollgate_engine::fixture::{self, Setup};

/// Runs the fixtures of a folder and reports every case that did not pass.
fn folder(name: &str) {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("tests")
        .join(name);
    let wanted = std::env::var("FIXTURE").unwrap_or_default();
    let mut files: Vec<_> = std::fs::read_dir(&folder)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.extension().is_some_and(|e| e == "test"))
        .collect();
    files.sort();
    let (mut cases, mut report) = (0, String::new());
    for file in files {
        let name = file.file_name().unwrap().to_string_lossy().into_owned();
        if !name.contains(&wanted) {
            continue;
        }
        let text = std::fs::read_to_string(&file).unwrap();
        for outcome in fixture::run(&text, &Setup::default()) {
            cases += 1;
            if let Some(fault) = outcome.fault {
                let shown = file
                    .strip_prefix(env!("CARGO_MANIFEST_DIR"))
                    .unwrap()
                    .display();
                let (line, title, message) = (fault.line, outcome.title, fault.message);
                writeln!(report, "{shown}:{line}: {title}\n{message}\n").unwrap();
            }
        }
    }
    assert!(report.is_empty(), "{report}");
    assert!(cases > 0 || !wanted.is_empty(), "no fixture ran");
}

#[test]
fn policies() {
    folder("policies");
}

#[test]
fn mcp() {
    folder("mcp");
}

#[test]
fn pipeline() {
    folder("pipeline");
}
