//! How many expressions of the public policy documents compile. Skipped, and said so, where the documents are not there.

use std::path::{Path, PathBuf};
use tollgate_lang::document::{self, Element, NamedValues, Node, Text, TextKind};
use tollgate_lang::expr::{Target, compile};
use tollgate_lang::{Diagnostics, Sources};

struct Any;

impl NamedValues for Any {
    fn get(&self, _: &str) -> Option<&str> {
        Some("value")
    }
    fn names(&self) -> Vec<&str> {
        Vec::new()
    }
}

fn texts<'a>(e: &'a Element, out: &mut Vec<(&'a Text, Target)>) {
    for a in &e.attributes {
        let target = if &*a.name == "condition" {
            Target::Bool
        } else {
            Target::Any
        };
        out.push((&a.value, target));
    }
    for c in &e.children {
        match c {
            Node::Element(e) => texts(e, out),
            Node::Text(t) => out.push((t, Target::Body)),
        }
    }
}

fn files(folder: &Path, out: &mut Vec<PathBuf>) {
    for entry in std::fs::read_dir(folder).into_iter().flatten().flatten() {
        let path = entry.path();
        if path.is_dir() {
            files(&path, out);
        } else {
            out.push(path);
        }
    }
}

#[test]
fn expressions_of_public_documents_compile() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../shared/corpus/policies");
    let mut all = Vec::new();
    files(&folder, &mut all);
    if all.is_empty() {
        println!("skipped: no public documents beside the checkout");
        return;
    }
    all.sort();
    let (mut good, mut total) = (0, 0);
    let mut report = String::new();
    for path in &all {
        let Ok(text) = std::fs::read_to_string(path) else {
            continue;
        };
        let mut sources = Sources::default();
        let file = sources.add(
            path.strip_prefix(&folder).unwrap().display().to_string(),
            text.as_str(),
        );
        let mut reading = Diagnostics::default();
        let Some(document) = document::read(file, &text, &Any, &mut reading) else {
            continue;
        };
        let mut found = Vec::new();
        texts(&document.root, &mut found);
        for (t, target) in found {
            if t.kind == TextKind::Literal || t.is_broken() {
                continue;
            }
            total += 1;
            let mut faults = Diagnostics::default();
            match compile(t, target, &mut faults) {
                Some(_) => good += 1,
                None => report.push_str(&faults.render(&sources, false)),
            }
        }
    }
    println!("{good} of {total} expressions compile\n{report}");
    assert!(
        total == 0 || good * 100 >= total * 90,
        "only {good} of {total} expressions of public documents compile"
    );
}
