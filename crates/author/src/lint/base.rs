//! Sections without `<base />` that thereby drop policies of broader scopes.
//!
//! What must stay true: a section that drops nothing is not warned of.

use super::documents::{Documents, PolicyDocument};
use super::{DROPPED_BASE, Found, around};
use tollgate_engine::compile::Section;
use tollgate_lang::Diagnostic;
use tollgate_lang::document::Element;

pub(super) fn check(documents: &Documents<'_>, found: &mut Found) {
    for document in documents.all() {
        for (section, element) in document.sections() {
            if element.elements().any(|e| &*e.name == "base") {
                continue;
            }
            let mut dropped = Vec::new();
            for outer in around(documents, document) {
                let names = policies(outer, section);
                if !names.is_empty() {
                    dropped.push(format!("{} of {}", names.join(", "), outer.title));
                }
            }
            if !dropped.is_empty() {
                found.push(
                    Diagnostic::warning(
                        DROPPED_BASE,
                        element.name_span,
                        format!(
                            "`{}` has no `<base />`, which drops {}",
                            element.name,
                            dropped.join("; ")
                        ),
                    )
                    .label("nothing of broader scopes runs here")
                    .help("put `<base />` where the broader scope is to run"),
                );
            }
        }
    }
}

/// What a section of a broader document does; to forward is what a backend section is for, so another one may stand for it.
fn policies(document: &PolicyDocument, section: Section) -> Vec<String> {
    let elements = document
        .section(section)
        .into_iter()
        .flat_map(Element::elements);
    let mut names: Vec<String> = elements
        .filter(|e| !matches!(&*e.name, "base" | "forward-request"))
        .map(|e| format!("`{}`", e.name))
        .collect();
    names.dedup();
    names
}
