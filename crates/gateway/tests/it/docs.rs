//! The user's guide against the sources: links lead somewhere, fault codes and policies are all described, configurations
//! have the shape that the program reads.

use crate::process::{Folder, run};
use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
}

fn read(path: &Path) -> String {
    std::fs::read_to_string(path).unwrap_or_else(|e| panic!("{}: {e}", path.display()))
}

/// The files of a folder with an ending, in its folders too.
fn files(folder: &Path, ending: &str) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            found.extend(files(&path, ending));
        } else if path.extension().is_some_and(|e| e == ending) {
            found.push(path);
        }
    }
    found
}

/// The text without code: fenced, indented by four, and between backticks.
fn prose(text: &str) -> String {
    let mut prose = String::new();
    let mut fenced = false;
    for line in text.lines() {
        if line.trim_start().starts_with("```") {
            fenced = !fenced;
        } else if !fenced && !line.starts_with("    ") {
            for (at, part) in line.split('`').enumerate() {
                prose.push_str(if at % 2 == 0 { part } else { "`" });
            }
        }
        prose.push('\n');
    }
    prose
}

/// What `[text](target)` names.
fn targets(text: &str) -> Vec<String> {
    let targets = prose(text);
    let mut found = Vec::new();
    let mut rest = &*targets;
    while let Some(at) = rest.find("](") {
        rest = &rest[at + 2..];
        let end = rest.find(')').expect("a link ends");
        found.push(rest[..end].to_owned());
        rest = &rest[end..];
    }
    found
}

/// The anchors of a page's headings, as GitHub makes them.
fn anchors(text: &str) -> BTreeSet<String> {
    let headings = text.lines().filter(|line| line.starts_with('#'));
    headings
        .map(|line| {
            let title = line.trim_start_matches('#').trim().to_lowercase();
            title
                .chars()
                .filter(|c| c.is_alphanumeric() || matches!(c, ' ' | '-' | '_'))
                .map(|c| if c == ' ' { '-' } else { c })
                .collect()
        })
        .collect()
}

#[test]
fn links_lead_somewhere() {
    let root = root();
    let mut pages = files(&root.join("docs"), "md");
    pages.extend(files(&root.join("examples"), "md"));
    pages.extend(["README.md", "ARCHITECTURE.md", "CHANGELOG.md"].map(|name| root.join(name)));
    let mut seen = 0;
    for page in pages {
        let text = read(&page);
        for target in targets(&text) {
            if target.contains("://") {
                continue;
            }
            seen += 1;
            let (path, anchor) = target.split_once('#').unwrap_or((&target, ""));
            let file = if path.is_empty() {
                page.clone()
            } else {
                page.parent().unwrap().join(path)
            };
            assert!(file.exists(), "{}: no {target}", page.display());
            if !anchor.is_empty() {
                assert!(
                    anchors(&read(&file)).contains(anchor),
                    "{}: no heading for {target}",
                    page.display()
                );
            }
        }
    }
    assert!(seen > 20, "{seen} links were found");
}

#[test]
fn the_index_names_every_page_and_example() {
    let docs = root().join("docs");
    let index = targets(&read(&docs.join("README.md")));
    let mut pages: Vec<String> = files(&docs, "md")
        .iter()
        .filter_map(|page| Some(page.strip_prefix(&docs).ok()?.to_str()?.to_owned()))
        .filter(|page| !page.contains('/') && page != "README.md")
        .collect();
    for example in std::fs::read_dir(root().join("examples")).unwrap() {
        let name = example.unwrap().file_name();
        pages.push(format!("../examples/{}", name.to_str().unwrap()));
    }
    assert!(pages.len() > 30, "{pages:?}");
    for page in pages {
        let named = index.iter().any(|target| target.starts_with(&page));
        assert!(named, "docs/README.md does not lead to {page}");
    }
}

/// The fault codes in a text: `TG` and four digits.
fn codes(text: &str) -> BTreeSet<String> {
    let mut found = BTreeSet::new();
    for (at, _) in text.match_indices("TG") {
        if let Some(code) = text.get(at..at + 6)
            && code[2..].bytes().all(|b| b.is_ascii_digit())
        {
            found.insert(code.to_owned());
        }
    }
    found
}

#[test]
fn every_fault_code_is_described() {
    let root = root();
    let described = codes(&read(&root.join("docs/errors.md")));
    let mut used = BTreeSet::new();
    for file in files(&root.join("crates"), "rs") {
        let path = file.to_string_lossy();
        let is_source = path.contains("/src/") && !path.contains("/tests");
        if is_source {
            // In code, a code is a literal of its own.
            used.extend(
                read(&file)
                    .split('"')
                    .filter(|literal| literal.len() == 6)
                    .flat_map(codes),
            );
        }
    }
    assert!(used.len() > 80, "{used:?}");
    let missing: Vec<_> = used.difference(&described).collect();
    assert!(missing.is_empty(), "not in docs/errors.md: {missing:?}");
    let stale: Vec<_> = described.difference(&used).collect();
    assert!(stale.is_empty(), "docs/errors.md only: {stale:?}");
}

#[test]
fn every_policy_is_listed() {
    let text = read(&root().join("docs/policies.md"));
    let (served, rest) = text.split_once("### Not served yet").unwrap();
    // The list; what follows it speaks of parts of served policies. When all are served there is none.
    let section = rest.split("\n## ").next().unwrap();
    let list = |p: &&str| p.trim_start().starts_with("- `");
    let not_yet = section.split("\n\n").find(list).unwrap_or_default();
    let table = served.split_once("## Served policies").unwrap().1;
    for def in tollgate_engine::policies::all() {
        let cell = format!("`{}`", def.name);
        assert!(table.contains(&cell), "{cell} is not in the table");
    }
    let names: BTreeSet<&str> = not_yet.split('`').skip(1).step_by(2).collect();
    let known: BTreeSet<&str> = tollgate_engine::policies::NOT_YET.iter().copied().collect();
    assert_eq!(names, known);
}

/// The indented and fenced blocks of a page, with the lines they begin at.
fn blocks(text: &str) -> Vec<(usize, String)> {
    let mut blocks: Vec<(usize, String)> = Vec::new();
    let mut fenced = false;
    let mut inside = false;
    for (at, line) in text.lines().enumerate() {
        if line.starts_with("```") {
            fenced = !fenced;
            inside = false;
            continue;
        }
        let code = if fenced {
            Some(line)
        } else if line.is_empty() && inside {
            Some("")
        } else {
            line.strip_prefix("    ")
        };
        match (code, blocks.last_mut()) {
            (Some(code), Some((_, block))) if inside => {
                block.push_str(code);
                block.push('\n');
            }
            (Some(code), _) => blocks.push((at + 1, format!("{code}\n"))),
            (None, _) => {}
        }
        inside = code.is_some();
    }
    blocks
}

/// Faults of shape: no YAML, a property that is unknown or stands twice, a value of the wrong kind.
const SHAPE: [&str; 4] = ["TG0401", "TG0402", "TG0403", "TG0405"];

#[test]
fn configurations_have_the_shape_of_the_file() {
    const TOP: [&str; 11] = [
        "gateway:",
        "backends:",
        "apis:",
        "budgets:",
        "subscriptions:",
        "products:",
        "namedValues:",
        "authorizationProviders:",
        "certificates:",
        "loggers:",
        "workspaces:",
    ];
    let folder = Folder::new();
    let mut pages = files(&root().join("docs"), "md");
    pages.extend(files(&root().join("examples"), "md"));
    pages.push(root().join("README.md"));
    let mut found = Vec::new();
    for page in pages {
        let text = read(&page);
        for (line, block) in blocks(&text) {
            // What APIOps' publisher takes has names of its own.
            let overrides = block.contains("\n  - name: ") && block.contains("properties:");
            if !TOP.iter().any(|top| block.starts_with(top)) || overrides {
                continue;
            }
            let name = format!("{}-{line}", page.file_stem().unwrap().display());
            folder.write(&format!("{name}/tollgate.yaml"), &block);
            found.push(folder.path().join(name).display().to_string());
        }
    }
    assert!(found.len() >= 30, "{} configurations", found.len());
    let mut command = vec!["check", "--without-secrets", "--format", "json"];
    command.extend(found.iter().map(String::as_str));
    let (_, out, err) = run(&command);
    let mut wrong = Vec::new();
    let mut checked = 0;
    for line in out.lines() {
        let Ok(report) = serde_json::from_str::<serde_json::Value>(line) else {
            continue;
        };
        let Some(diagnostics) = report["diagnostics"].as_array() else {
            continue;
        };
        checked += 1;
        let shape = |code: &serde_json::Value| SHAPE.iter().any(|known| code == known);
        wrong.extend(diagnostics.iter().filter(|d| shape(&d["code"])).cloned());
    }
    assert_eq!(checked, found.len(), "{out}\n{err}");
    assert!(wrong.is_empty(), "{wrong:#?}");
}
