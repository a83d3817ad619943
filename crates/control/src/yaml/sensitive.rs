//! Where a text may hold a secret, judged by what its properties are called.
//!
//! `load` blacks these places out in everything that quotes the file. What must stay true: it needs no good
//! configuration. Who misspells `primaryKey` has written a key all the same, and the message about the spelling quotes
//! the line.

use super::at::Place;
use super::parse::{Form, Kind, Node};
use tollgate_lang::diagnostic::nearest::nearest;

/// Properties with secrets in them.
const SECRET: [&str; 5] = [
    "primaryKey",
    "secondaryKey",
    "credentials",
    "password",
    "accessToken",
];

/// Properties inside those that hold none, and help to read the message.
const OPEN: [&str; 6] = [
    "env",
    "file",
    "scheme",
    "managedIdentity",
    "resource",
    "clientId",
];

/// The scalars of a tree that may be secrets.
pub(crate) fn sensitive(root: &Node) -> Vec<Place> {
    let mut places = Vec::new();
    walk(root, false, &mut places);
    places
}

fn walk(node: &Node, secret: bool, places: &mut Vec<Place>) {
    match &node.kind {
        Kind::Scalar { text, form } => {
            let reference = text.starts_with("{{") && text.ends_with("}}");
            if secret && *form != Form::Null && !reference {
                places.push(node.place);
            }
        }
        Kind::Sequence(items) => items.iter().for_each(|item| walk(item, secret, places)),
        Kind::Mapping(entries) => {
            // A named value that says so.
            let marked = entries.iter().any(|(key, value)| {
                key.text == "secret"
                    && value
                        .text()
                        .is_some_and(|text| text.eq_ignore_ascii_case("true"))
            });
            for (key, value) in entries {
                let secret = if OPEN.contains(&&*key.text) {
                    false
                } else {
                    secret
                        || nearest(&key.text, SECRET).is_some()
                        || (marked && nearest(&key.text, ["value"]).is_some())
                };
                walk(value, secret, places);
            }
        }
        Kind::Absent => {}
    }
}

/// The same of a text that is no YAML: what follows such a name on its line.
pub(crate) fn sensitive_text(text: &str) -> Vec<Place> {
    let mut places = Vec::new();
    for name in SECRET.iter().chain(&["value", "parameter"]) {
        for (at, _) in text.match_indices(name) {
            let after = at + name.len();
            let line = &text[after..];
            let line = &line[..line.find('\n').unwrap_or(line.len())];
            let Some(colon) = line.find(':') else {
                continue;
            };
            let end = after + line.find(['}', ',']).unwrap_or(line.len());
            let start = after + colon + 1;
            if let (Ok(start), Ok(end)) = (u32::try_from(start), u32::try_from(end.max(start))) {
                places.push(Place { start, end });
            }
        }
    }
    places
}
