//! Operations out of an OpenAPI document: 3.1, 3.0 and Swagger 2.0, JSON or YAML.
//!
//! Called by `define`. [`operations`] reads paths, verbs, ids and names and nothing else, so that sloppy documents load;
//! [`contracts`] reads the rest of those few that become tools. What must stay true: names come out as API Management's
//! import makes them; a document without `paths` is a fault with a place.

mod contract;
mod document;
mod schema;
mod swagger;

use crate::yaml::{self, Key, Kind, Node};
use document::Document;
use std::collections::{BTreeMap, BTreeSet, HashSet};
use tollgate_agents::operation::Contract;
use tollgate_lang::{Diagnostic, Diagnostics, FileId, Span};

/// The verbs that a path item may have.
const VERBS: [&str; 8] = [
    "get", "put", "post", "delete", "options", "head", "patch", "trace",
];

/// An operation of a specification.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Operation {
    pub(crate) id: String,
    pub(crate) display_name: String,
    pub(crate) method: String,
    pub(crate) url_template: String,
}

/// The operations of a document in its order; `None` when it is not OpenAPI.
pub(crate) fn operations(
    file: FileId,
    text: &str,
    diagnostics: &mut Diagnostics,
) -> Option<Vec<Operation>> {
    let root = yaml::parse(file, text, diagnostics)?;
    let span = |node: &Node| Span {
        file,
        start: node.place.start,
        end: node.place.end,
    };
    let version = root
        .get("openapi")
        .or_else(|| root.get("swagger"))
        .and_then(Node::text);
    let known = version.is_some_and(|v| v.starts_with("3.") || v == "2.0" || v == "2");
    if !known {
        diagnostics.push(
            Diagnostic::error("TG0409", span(&root), "this is not an OpenAPI document")
                .label("expected `openapi: 3.1.0`, `openapi: 3.0.3` or `swagger: \"2.0\"`"),
        );
        return None;
    }
    let paths = root.get("paths");
    let Some(Kind::Mapping(paths)) = paths.map(|p| &p.kind) else {
        let at = paths.unwrap_or(&root);
        diagnostics.push(
            Diagnostic::error("TG0409", span(at), "the OpenAPI document has no `paths`")
                .label("expected a mapping `paths`"),
        );
        return None;
    };
    let mut operations = Vec::new();
    let mut ids = HashSet::new();
    for listed in listed(paths) {
        if !ids.insert(listed.id.clone()) {
            diagnostics.push(
                Diagnostic::error(
                    "TG0409",
                    listed.span(file),
                    format!("two operations have the id `{}`", listed.id),
                )
                .label("second one")
                .help("give each operation an `operationId` of its own"),
            );
            continue;
        }
        operations.push(Operation {
            display_name: listed.text("summary").unwrap_or(&listed.id).to_owned(),
            method: listed.verb.text.to_ascii_uppercase(),
            url_template: template(&listed.path.text),
            id: listed.id,
        });
    }
    Some(operations)
}

/// The contracts of the operations with these ids, of a document that [`operations`] has read. What a contract had to
/// leave out is a warning at its operation.
pub(crate) fn contracts(
    file: FileId,
    text: &str,
    wanted: &BTreeSet<&str>,
    diagnostics: &mut Diagnostics,
) -> BTreeMap<String, Contract> {
    let mut contracts = BTreeMap::new();
    // What is wrong with the text has been said.
    let Some(root) = yaml::parse(file, text, &mut Diagnostics::default()) else {
        return contracts;
    };
    let Some(Kind::Mapping(paths)) = root.get("paths").map(|p| &p.kind) else {
        return contracts;
    };
    let document = Document::new(root.json());
    for listed in listed(paths) {
        if !wanted.contains(listed.id.as_str()) || contracts.contains_key(&listed.id) {
            continue;
        }
        let found = contract::read(&document, &listed.item.json(), &listed.operation.json());
        for note in found.notes {
            diagnostics.push(
                Diagnostic::warning(
                    "TG0410",
                    listed.span(file),
                    format!("operation `{}` is a tool: {note}", listed.id),
                )
                .label("left out of the tool")
                .help("a model then writes this part without a description of it"),
            );
        }
        contracts.insert(listed.id, found.contract);
    }
    contracts
}

/// An operation where it stands.
struct Listed<'n> {
    id: String,
    path: &'n Key,
    verb: &'n Key,
    item: &'n Node,
    operation: &'n Node,
}

impl Listed<'_> {
    fn span(&self, file: FileId) -> Span {
        Span {
            file,
            start: self.verb.place.start,
            end: self.verb.place.end,
        }
    }

    fn text(&self, name: &str) -> Option<&str> {
        text(self.operation, name)
    }
}

fn text<'n>(operation: &'n Node, name: &str) -> Option<&'n str> {
    operation
        .get(name)
        .and_then(Node::text)
        .map(str::trim)
        .filter(|t| !t.is_empty())
}

/// All operations, in the document's order, with their ids.
fn listed(paths: &[(Key, Node)]) -> Vec<Listed<'_>> {
    let mut listed = Vec::new();
    for (path, item) in paths {
        // Extensions stand beside the paths.
        let Kind::Mapping(members) = &item.kind else {
            continue;
        };
        if path.text.starts_with("x-") {
            continue;
        }
        for (verb, operation) in members {
            let name = verb.text.to_ascii_lowercase();
            if !VERBS.contains(&name.as_str()) {
                continue;
            }
            let id = text(operation, "operationId")
                .map_or_else(|| format!("{name}-{}", path.text), str::to_owned);
            listed.push(Listed {
                id: slug(&id),
                path,
                verb,
                item,
                operation,
            });
        }
    }
    listed
}

/// An id as API Management's import makes it: what is not a letter, digit, `-`, `_` or `.` becomes `-`.
fn slug(id: &str) -> String {
    let mut out = String::with_capacity(id.len());
    for c in id.chars() {
        if c.is_alphanumeric() || matches!(c, '_' | '.' | '-') {
            if c != '-' || !out.ends_with('-') {
                out.push(c);
            }
        } else if !out.ends_with('-') {
            out.push('-');
        }
    }
    let trimmed = out.trim_matches('-');
    if trimmed.is_empty() {
        String::from("operation")
    } else {
        trimmed.to_owned()
    }
}

/// A path as a URL template: a leading slash, and no query or fragment, which some documents carry to tell two apart.
fn template(path: &str) -> String {
    let path = path.split('#').next().unwrap_or_default();
    if path.starts_with('/') {
        path.to_owned()
    } else {
        format!("/{path}")
    }
}

#[cfg(test)]
mod tests;
