//! Operations out of an OpenAPI document that was parsed: 3.1, 3.0 and Swagger 2.0.
//!
//! `control` reads specifications with it, and so do fixtures. [`contract`] is what a tool needs of an operation,
//! [`messages`] all that it declares of its messages. What must stay true: ids come out as API Management's import makes
//! them; only references into the document are followed; nothing here fails on a sloppy document.

mod contract;
mod document;
mod messages;
mod schema;
mod swagger;

pub use contract::{Read, read as contract};
pub use document::{Document, Version};
pub use messages::{definition, read as messages};

use serde_json::Value;

/// The verbs that a path item may have.
pub const VERBS: [&str; 8] = [
    "get", "put", "post", "delete", "options", "head", "patch", "trace",
];

/// An operation of a document.
#[derive(Clone, Copy, Debug)]
pub struct Listed<'d> {
    /// Its path as written.
    pub path: &'d str,
    /// Its verb, in lower case.
    pub verb: &'static str,
    /// What all operations of the path share.
    pub item: &'d Value,
    /// The operation.
    pub operation: &'d Value,
}

impl Listed<'_> {
    /// Its id.
    pub fn id(&self) -> String {
        id(
            self.verb,
            self.path,
            self.operation.get("operationId").and_then(Value::as_str),
        )
    }
}

impl Document {
    /// Its operations, in its order.
    pub fn operations(&self) -> Vec<Listed<'_>> {
        let paths = self.root.get("paths").and_then(Value::as_object);
        let mut listed = Vec::new();
        for (path, item) in paths.into_iter().flatten() {
            // Extensions stand beside the paths.
            if path.starts_with("x-") {
                continue;
            }
            for (verb, operation) in item.as_object().into_iter().flatten() {
                if let Some(verb) = VERBS.into_iter().find(|v| verb.eq_ignore_ascii_case(v)) {
                    listed.push(Listed {
                        path,
                        verb,
                        item,
                        operation,
                    });
                }
            }
        }
        listed
    }
}

/// The id of an operation as API Management's import makes it: the `operationId`, else verb and path, and what is not a
/// letter, digit, `-`, `_` or `.` becomes `-`.
pub fn id(verb: &str, path: &str, operation_id: Option<&str>) -> String {
    match operation_id.map(str::trim).filter(|id| !id.is_empty()) {
        Some(id) => slug(id),
        None => slug(&format!("{verb}-{path}")),
    }
}

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
pub fn template(path: &str) -> String {
    let path = path.split('#').next().unwrap_or_default();
    if path.starts_with('/') {
        path.to_owned()
    } else {
        format!("/{path}")
    }
}
