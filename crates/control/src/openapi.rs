//! Operations out of an OpenAPI document: 3.1, 3.0 and Swagger 2.0, JSON or YAML.
//!
//! Called by `define`. [`operations`] reads paths, verbs, ids and names and nothing else, so that sloppy documents load;
//! [`contracts`] reads the rest of those few that become tools. What must stay true: names come out as API Management's
//! import makes them; a document without `paths` is a fault with a place.

use crate::yaml::{self, Key, Kind, Node};
use std::collections::{BTreeMap, BTreeSet, HashSet};
use tollgate_agents::operation::openapi::{self, Document, VERBS, template};
use tollgate_agents::operation::{Contract, Messages};
use tollgate_lang::{Diagnostic, Diagnostics, FileId, Span};

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
    of_operations(file, text, wanted, |document, item, listed| {
        let found = openapi::contract(document, item, &listed.operation.json());
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
        found.contract
    })
}

/// The same for what the operations declare of their messages, which policies hold traffic to.
pub(crate) fn messages(
    file: FileId,
    text: &str,
    wanted: &BTreeSet<&str>,
    diagnostics: &mut Diagnostics,
) -> BTreeMap<String, Messages> {
    of_operations(file, text, wanted, |document, item, listed| {
        let (messages, notes) = openapi::messages(document, item, &listed.operation.json());
        for note in notes {
            diagnostics.push(
                Diagnostic::warning(
                    "TG0541",
                    listed.span(file),
                    format!("operation `{}` is validated: {note}", listed.id),
                )
                .label("not checked")
                .help("messages that only this part would refuse pass"),
            );
        }
        messages
    })
}

/// Reads something of each of the operations with these ids.
fn of_operations<T>(
    file: FileId,
    text: &str,
    wanted: &BTreeSet<&str>,
    mut read: impl FnMut(&Document, &serde_json::Value, &Listed<'_>) -> T,
) -> BTreeMap<String, T> {
    let mut found = BTreeMap::new();
    // What is wrong with the text has been said.
    let Some(root) = yaml::parse(file, text, &mut Diagnostics::default()) else {
        return found;
    };
    let Some(Kind::Mapping(paths)) = root.get("paths").map(|p| &p.kind) else {
        return found;
    };
    let document = Document::new(root.json());
    for listed in listed(paths) {
        if wanted.contains(listed.id.as_str()) && !found.contains_key(&listed.id) {
            let read = read(&document, &listed.item.json(), &listed);
            found.insert(listed.id, read);
        }
    }
    found
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
            listed.push(Listed {
                id: openapi::id(&name, &path.text, text(operation, "operationId")),
                path,
                verb,
                item,
                operation,
            });
        }
    }
    listed
}

#[cfg(test)]
mod tests;
