//! Configurations and what loading says about them, as files: `tests/fixtures/*.test`.
//!
//! A fixture is a series of files, each after a line `-- name`; `-- env` holds variables, and the last part,
//! `-- expect`, what is printed: the faults in one line each, then what was found. `UPDATE_EXPECT=1` rewrites it.

use crate::folder::Folder;
use std::collections::HashMap;
use std::fmt::Write;
use std::path::Path;
use std::sync::Arc;
use tollgate_control::{Options, load_with};
use tollgate_engine::snapshot::BackendKind;

#[test]
fn all() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures");
    let mut names: Vec<_> = std::fs::read_dir(&folder)
        .unwrap()
        .map(|e| e.unwrap().path())
        .filter(|p| p.extension().is_some_and(|e| e == "test"))
        .collect();
    names.sort();
    assert!(!names.is_empty());
    let update = std::env::var_os("UPDATE_EXPECT").is_some();
    let mut wrong = String::new();
    for path in names {
        let text = std::fs::read_to_string(&path).unwrap();
        let (given, expected) = text.split_once("-- expect\n").unwrap_or((&text, ""));
        let got = run(given);
        if got == expected {
            continue;
        }
        if update {
            std::fs::write(&path, format!("{given}-- expect\n{got}")).unwrap();
        } else {
            let _ = write!(
                wrong,
                "{}\n--- expected\n{expected}--- got\n{got}\n",
                path.display()
            );
        }
    }
    assert!(wrong.is_empty(), "\n{wrong}");
}

/// The parts of a fixture by name.
fn parts(text: &str) -> Vec<(String, String)> {
    let mut parts: Vec<(String, String)> = Vec::new();
    for line in text.split_inclusive('\n') {
        if let Some(name) = line.strip_prefix("-- ") {
            parts.push((name.trim().to_owned(), String::new()));
        } else if let Some((_, text)) = parts.last_mut() {
            text.push_str(line);
        }
    }
    parts
}

fn run(given: &str) -> String {
    let folder = Folder::new();
    let mut environment = HashMap::new();
    let mut options = Options::default();
    for (name, text) in parts(given) {
        match name.as_str() {
            "env" => environment.extend(
                text.lines()
                    .filter_map(|l| l.split_once('='))
                    .map(|(n, v)| (n.to_owned(), v.to_owned())),
            ),
            "without secrets" => options.missing_secrets = true,
            name => {
                folder.write(name, &text);
            }
        }
    }
    options.environment = Arc::new(move |name| environment.get(name).cloned());
    let loaded = load_with(folder.path(), &options);
    let mut out = loaded.diagnostics.render_compact(&loaded.sources);
    // What is shown of a text must not hold a secret either.
    let shown = loaded.diagnostics.render(&loaded.sources, false)
        + &loaded.json(Path::new("x")).to_string();
    for secret in ["hunter2", "hunter3", "hunter4", "hunter5"] {
        assert!(!shown.contains(secret), "{secret} is printed:\n{shown}");
    }
    let _ = writeln!(
        out,
        "{}: {}",
        if loaded.snapshot.is_some() {
            "loaded"
        } else {
            "refused"
        },
        loaded.summary
    );
    if let Some(otlp) = &loaded.settings.otlp {
        let _ = writeln!(out, "{otlp:#?}");
    }
    if let Some(snapshot) = &loaded.snapshot {
        for api in &snapshot.apis {
            let _ = writeln!(out, "api {} /{} {:?}", api.id, api.path, api.protocols);
            for operation in &api.operations {
                let _ = writeln!(
                    out,
                    "  {} {} {}",
                    operation.id, operation.method, operation.url_template
                );
            }
        }
        for backend in &snapshot.backends {
            match &backend.kind {
                BackendKind::Single(server) => {
                    if let Some(breaker) = &server.breaker {
                        let _ = writeln!(out, "breaker {} {:?}", backend.id, breaker.rule());
                    }
                }
                BackendKind::Pool(pool) => {
                    let _ = writeln!(
                        out,
                        "pool {} attempts={} affinity={}",
                        backend.id,
                        pool.attempts,
                        pool.affinity.is_some()
                    );
                }
            }
        }
        for subscription in &snapshot.subscriptions {
            let _ = writeln!(
                out,
                "subscription {} {:?} active={} created={}",
                subscription.id,
                subscription.scope,
                subscription.active,
                subscription.created_millis
            );
        }
    }
    out.replace(&format!("{}/", folder.path().display()), "")
}
