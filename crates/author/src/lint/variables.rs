//! Variables that are read and that nothing sets on the way there.
//!
//! What must stay true: a name that is made by an expression may be any, and takes the warning back.

use super::documents::{Documents, PolicyDocument};
use super::{Found, UNSET_VARIABLE, around};
use std::collections::BTreeSet;
use std::ops::Range;
use tollgate_lang::document::{Element, Node, Text, TextKind};
use tollgate_lang::{Diagnostic, Span};

pub(super) fn check(documents: &Documents<'_>, found: &mut Found) {
    // A read in a fragment is fine when one of the documents that include it sets the variable.
    let mut reads: Vec<(String, Span)> = Vec::new();
    let mut fine: BTreeSet<(u32, u32)> = BTreeSet::new();
    for document in documents.all() {
        let mut set = Set::default();
        set.add(document);
        around(documents, document).for_each(|outer| set.add(outer));
        // A broader document runs inside the narrower ones, and may read what any of them sets.
        documents
            .all()
            .iter()
            .filter(|d| document.is_around(d))
            .for_each(|inner| set.add(inner));
        for (_, section) in document.sections() {
            document.visit(section, &mut |element, _| {
                for text in texts(element) {
                    for (name, range) in read_in(text) {
                        let span = text.locate(range);
                        if set.any || set.names.contains(&name) {
                            fine.insert((span.file.0, span.start));
                        }
                        reads.push((name, span));
                    }
                }
            });
        }
    }
    for (name, span) in reads {
        if fine.contains(&(span.file.0, span.start)) {
            continue;
        }
        found.push(
            Diagnostic::warning(UNSET_VARIABLE, span, format!("nothing sets the variable `{name}`"))
                .label("read here")
                .help("set it before, with `set-variable` or a policy that writes a variable, or correct the name"),
        );
    }
}

/// Variables that documents set.
#[derive(Default)]
struct Set {
    names: BTreeSet<String>,
    /// A name is not known.
    any: bool,
}

impl Set {
    fn add(&mut self, document: &PolicyDocument) {
        for (_, section) in document.sections() {
            document.visit(section, &mut |element, _| {
                for attribute in &element.attributes {
                    let sets = &*attribute.name == "variable-name"
                        || attribute.name.ends_with("-variable-name")
                        || (&*element.name == "set-variable" && &*attribute.name == "name");
                    if sets && attribute.value.kind == TextKind::Literal {
                        self.names.insert(attribute.value.text.to_string());
                    } else if sets {
                        self.any = true;
                    }
                }
            });
        }
    }
}

/// The expressions of an element itself.
pub(super) fn texts(element: &Element) -> impl Iterator<Item = &Text> {
    let children = element.children.iter().filter_map(|n| match n {
        Node::Text(text) => Some(text),
        Node::Element(_) => None,
    });
    let attributes = element.attributes.iter().map(|a| &a.value);
    attributes
        .chain(children)
        .filter(|t| t.kind != TextKind::Literal && !t.is_broken())
}

/// Names that code reads: `Variables["x"]`, `Variables.GetValueOrDefault<T>("x"`; with the place of the name.
fn read_in(text: &Text) -> Vec<(String, Range<usize>)> {
    const MARK: &str = ".Variables";
    let code = &*text.text;
    let mut found = Vec::new();
    for (at, _) in code.match_indices(MARK) {
        let line = code[..at].rfind('\n').map_or(0, |n| n + 1);
        if code[line..at].contains("//") {
            continue;
        }
        let rest = code[at + MARK.len()..].trim_start();
        let argument = if let Some(rest) = rest.strip_prefix('[') {
            rest
        } else if let Some(rest) = rest.strip_prefix(".GetValueOrDefault") {
            let Some((_, rest)) = rest.split_once('(') else {
                continue;
            };
            rest
        } else {
            continue;
        };
        let Some(literal) = argument.trim_start().strip_prefix('"') else {
            continue;
        };
        let Some((name, after)) = literal.split_once('"') else {
            continue;
        };
        // `"a" + b` is a name that nobody knows.
        let whole = after.trim_start().starts_with([']', ',', ')']);
        if whole && !name.contains('\\') {
            let start = code.len() - literal.len();
            found.push((name.to_owned(), start..start + name.len()));
        }
    }
    found
}
