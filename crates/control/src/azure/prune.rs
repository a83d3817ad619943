//! Takes out of a resource what a `tollgate.yaml` has no property for, and says so.
//!
//! What there is, is known from the JSON Schema of the configuration: no second list to keep. What must stay true: what
//! is taken out is noted, once for each property.

use super::Note;
use crate::model::Configuration;
use crate::yaml::{Kind, Node};
use serde_json::Value;
use std::sync::LazyLock;

static SCHEMA: LazyLock<Value> =
    LazyLock::new(|| Value::from(schemars::schema_for!(Configuration)));

/// Deepest nesting that is looked at.
const DEPTH: usize = 32;

/// Prunes a resource of the definition `of` of the schema. `what` names it for people.
pub(super) fn prune(node: &mut Node, of: &str, what: &str, notes: &mut Vec<Note>) {
    walk(node, &SCHEMA["$defs"][of], "", what, notes, 0);
}

fn walk(
    node: &mut Node,
    schema: &Value,
    path: &str,
    what: &str,
    notes: &mut Vec<Note>,
    depth: usize,
) {
    let Some(schema) = resolved(schema) else {
        return;
    };
    if depth > DEPTH {
        return;
    }
    match &mut node.kind {
        Kind::Mapping(entries) => {
            let Some(properties) = schema.get("properties").and_then(Value::as_object) else {
                let members = schema.get("additionalProperties");
                for (key, value) in entries {
                    let path = joined(path, &key.text);
                    if let Some(of) = members {
                        walk(value, of, &path, what, notes, depth + 1);
                    }
                }
                return;
            };
            entries.retain_mut(|(key, value)| {
                if value.is_null() {
                    return false;
                }
                let path = joined(path, &key.text);
                match properties.get(&key.text) {
                    Some(of) => {
                        walk(value, of, &path, what, notes, depth + 1);
                        true
                    }
                    None => {
                        if !value.is_empty() {
                            let why = format!("`{path}` of {what} has no effect");
                            notes.push(Note::new(key.place, why));
                        }
                        false
                    }
                }
            });
        }
        Kind::Sequence(items) => {
            if let Some(of) = schema.get("items") {
                for item in items {
                    walk(item, of, path, what, notes, depth + 1);
                }
            }
        }
        Kind::Scalar { .. } | Kind::Absent => {}
    }
}

fn joined(path: &str, name: &str) -> String {
    if path.is_empty() {
        name.to_owned()
    } else {
        format!("{path}.{name}")
    }
}

/// The schema behind references and behind "or null". `None`: anything goes.
fn resolved(mut schema: &Value) -> Option<&Value> {
    for _ in 0..DEPTH {
        if let Some(name) = schema.get("$ref").and_then(Value::as_str) {
            schema = SCHEMA["$defs"].get(name.rsplit('/').next()?)?;
            continue;
        }
        let any = schema.get("anyOf").and_then(Value::as_array);
        let Some(any) = any else {
            return Some(schema);
        };
        let mut forms = any.iter().filter(|s| s["type"] != "null");
        let first = forms.next()?;
        // A choice of forms, as of a secret, has its own reader.
        if forms.next().is_some() {
            return None;
        }
        schema = first;
    }
    None
}
