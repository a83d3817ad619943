//! How many expressions of the public policy documents compile. Skipped, and said so, where the documents are not there.

use std::path::{Path, PathBuf};
use tollgate_lang::document::{self, Element, NamedValues, Node, Text, TextKind};
use tollgate_lang::expr::{Target, compile};
use tollgate_lang::{Diagnostics, Sources};

/// Every named value is this.
struct Any(&'static str);

impl NamedValues for Any {
    fn get(&self, _: &str) -> Option<&str> {
        Some(self.0)
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

/// For each expression of a document, what is wrong with it.
fn faults(path: &Path, text: &str, named: &'static str) -> Vec<String> {
    let mut sources = Sources::default();
    let file = sources.add(path.display().to_string(), text);
    let mut reading = Diagnostics::default();
    let Some(document) = document::read(file, text, &Any(named), &mut reading) else {
        return Vec::new();
    };
    let mut found = Vec::new();
    texts(&document.root, &mut found);
    found.retain(|(t, _)| t.kind != TextKind::Literal && !t.is_broken());
    let fault = |(t, target): (&Text, Target)| {
        let mut faults = Diagnostics::default();
        match compile(t, target, &mut faults) {
            Some(_) => String::new(),
            None => faults.render(&sources, false),
        }
    };
    found.into_iter().map(fault).collect()
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
        let name = path.strip_prefix(&folder).unwrap();
        // A named value stands for a text in one place and for a number in another.
        let (as_text, as_number) = (faults(name, &text, "value"), faults(name, &text, "1"));
        total += as_text.len();
        for (text, number) in as_text.into_iter().zip(as_number) {
            if text.is_empty() || number.is_empty() {
                good += 1;
            } else {
                report.push_str(&text);
            }
        }
    }
    println!("{good} of {total} expressions compile\n{report}");
    assert!(
        total == 0 || good * 100 >= total * 90,
        "only {good} of {total} expressions of public documents compile"
    );
}
