//! Operations out of an OpenAPI document: 3.1, 3.0 and Swagger 2.0, JSON or YAML.
//!
//! Called by `define`. Reads paths, verbs, ids and names and nothing else, so that sloppy documents load. What must
//! stay true: names come out as API Management's import makes them; a document without `paths` is a fault with a place.

use crate::yaml::{self, Kind, Node};
use std::collections::HashSet;
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
    for (path, item) in paths {
        // Extensions stand beside the paths.
        let Kind::Mapping(item) = &item.kind else {
            continue;
        };
        if path.text.starts_with("x-") {
            continue;
        }
        for (verb, operation) in item {
            if !VERBS.contains(&verb.text.to_ascii_lowercase().as_str()) {
                continue;
            }
            let text = |name: &str| {
                operation
                    .get(name)
                    .and_then(Node::text)
                    .map(str::trim)
                    .filter(|t| !t.is_empty())
            };
            let mut id = text("operationId").map_or_else(
                || format!("{}-{}", verb.text.to_ascii_lowercase(), path.text),
                str::to_owned,
            );
            id = slug(&id);
            if !ids.insert(id.clone()) {
                diagnostics.push(
                    Diagnostic::error(
                        "TG0409",
                        Span {
                            file,
                            start: verb.place.start,
                            end: verb.place.end,
                        },
                        format!("two operations have the id `{id}`"),
                    )
                    .label("second one")
                    .help("give each operation an `operationId` of its own"),
                );
                continue;
            }
            operations.push(Operation {
                display_name: text("summary").unwrap_or(&id).to_owned(),
                id,
                method: verb.text.to_ascii_uppercase(),
                url_template: template(&path.text),
            });
        }
    }
    Some(operations)
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
