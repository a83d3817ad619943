//! Schemas of OpenAPI 2.0, 3.0 and 3.1 as JSON Schema 2020-12.
//!
//! What must stay true: what comes out is a valid schema, however sloppy the document: a keyword with a value of the
//! wrong kind is left out. Every `$ref` in it is `#/$defs/<name>`; each definition is converted once, without recursion
//! over references. What only the other direction has (`readOnly`, `writeOnly`) is left out.

use super::document::{Document, Version, plain};
use crate::operation::text;
use serde_json::{Map, Number, Value, json};
use std::collections::BTreeMap;

/// Most subschemas of one contract.
const MOST_NODES: usize = 20_000;

/// Which way a message goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Direction {
    /// To the API: no `readOnly` properties.
    Input,
    /// From the API: no `writeOnly` properties.
    Output,
}

/// Converts the schemas of one contract; they share their definitions.
pub(super) struct Schemas<'d> {
    document: &'d Document,
    direction: Direction,
    /// Whether properties that only the other direction has are kept: a message may hold them, and need not.
    whole: bool,
    /// Name of each definition by its reference.
    names: BTreeMap<String, String>,
    /// Definitions that are referred to and not yet converted.
    pending: Vec<(String, String)>,
    definitions: Map<String, Value>,
    nodes: usize,
    /// What was left out, for the operation's author.
    pub(super) notes: Vec<String>,
}

impl<'d> Schemas<'d> {
    pub(super) fn new(document: &'d Document, direction: Direction) -> Schemas<'d> {
        Schemas {
            document,
            direction,
            whole: false,
            names: BTreeMap::new(),
            pending: Vec::new(),
            definitions: Map::new(),
            nodes: 0,
            notes: Vec::new(),
        }
    }

    /// The same for holding messages to: what only the other direction has may be there, and is never required.
    pub(super) fn whole(document: &'d Document, direction: Direction) -> Schemas<'d> {
        Schemas {
            whole: true,
            ..Schemas::new(document, direction)
        }
    }

    /// The definitions of all that was converted, and what was left out.
    pub(super) fn finish(mut self) -> (Map<String, Value>, Vec<String>) {
        while let Some((reference, name)) = self.pending.pop() {
            let document = self.document;
            let converted = match document.target(&reference) {
                Ok(target) => self.convert(target),
                Err(why) => {
                    self.note(why);
                    json!({})
                }
            };
            self.definitions.insert(name, converted);
        }
        self.definitions.sort_keys();
        (self.definitions, self.notes)
    }

    pub(super) fn note(&mut self, note: String) {
        if !self.notes.contains(&note) {
            self.notes.push(note);
        }
    }

    /// Converts a schema.
    pub(super) fn convert(&mut self, schema: &Value) -> Value {
        self.nodes += 1;
        if self.nodes > MOST_NODES {
            self.note(format!(
                "its schemas have more than {MOST_NODES} parts; the rest is left out"
            ));
            return json!({});
        }
        let members = match schema {
            Value::Object(members) => members,
            Value::Bool(any) => return Value::Bool(*any),
            _ => return json!({}),
        };
        let mut out = Map::new();
        if let Some(reference) = members.get("$ref").and_then(Value::as_str) {
            match self.reference(reference) {
                Ok(reference) => {
                    out.insert(String::from("$ref"), Value::String(reference));
                }
                Err(why) => self.note(why),
            }
            // Before 3.1 what stands beside a reference means nothing; a description is meant all the same.
            if self.document.version != Version::V31 {
                if let Some(description) = members.get("description") {
                    self.keyword("description", description, &mut out);
                }
                return self.nullable(members, out);
            }
        }
        for (keyword, value) in members {
            self.keyword(keyword, value, &mut out);
        }
        if let Some(properties) = members.get("properties").and_then(Value::as_object)
            && let Some(required) = members.get("required").and_then(Value::as_array)
        {
            // A property that goes the other way only is not required in this one.
            let gone = |name: &str| properties.get(name).is_some_and(|p| self.goes_other_way(p));
            let mut kept: Vec<Value> = Vec::new();
            for name in required.iter().filter_map(Value::as_str) {
                if !gone(name) && !kept.iter().any(|k| k == name) {
                    kept.push(json!(name));
                }
            }
            out.shift_remove("required");
            if !kept.is_empty() {
                out.insert(String::from("required"), Value::Array(kept));
            }
        }
        bounds(members, &mut out);
        binary(members, &mut out);
        self.nullable(members, out)
    }

    /// The local name of a reference, its target to be converted later.
    fn reference(&mut self, reference: &str) -> Result<String, String> {
        self.document.target(reference)?;
        let name = match self.names.get(reference) {
            Some(name) => name.clone(),
            None => {
                let last = reference.rsplit('/').next().unwrap_or_default();
                let base: String = last
                    .chars()
                    .map(|c| {
                        if c.is_ascii_alphanumeric() || matches!(c, '_' | '.' | '-') {
                            c
                        } else {
                            '_'
                        }
                    })
                    .collect();
                let base = if base.is_empty() {
                    String::from("schema")
                } else {
                    base
                };
                let mut name = base.clone();
                let mut number = 2;
                while self.names.values().any(|n| *n == name) {
                    name = format!("{base}_{number}");
                    number += 1;
                }
                self.names.insert(reference.to_owned(), name.clone());
                self.pending.push((reference.to_owned(), name.clone()));
                name
            }
        };
        Ok(format!("#/$defs/{name}"))
    }

    fn keyword(&mut self, keyword: &str, value: &Value, out: &mut Map<String, Value>) {
        let converted = match keyword {
            "type" => types(value),
            "title" => value
                .as_str()
                .map(|t| text::clean(t, text::LONGEST_TITLE))
                .filter(|t| !t.is_empty())
                .map(Value::String),
            "description" => value
                .as_str()
                .map(|t| text::clean(t, text::LONGEST_NOTE))
                .filter(|t| !t.is_empty())
                .map(Value::String),
            "format" | "pattern" | "contentEncoding" | "contentMediaType" | "x-mcp-header" => {
                value.is_string().then(|| value.clone())
            }
            "maximum" | "minimum" => number(value).map(Value::Number),
            "multipleOf" => number(value)
                .filter(|n| n.as_f64().is_some_and(|n| n > 0.0))
                .map(Value::Number),
            "maxLength" | "minLength" | "maxItems" | "minItems" | "maxProperties"
            | "minProperties" | "maxContains" | "minContains" => {
                number(value).and_then(|n| n.as_u64()).map(|n| json!(n))
            }
            "uniqueItems" | "deprecated" => value.is_boolean().then(|| value.clone()),
            "default" | "const" => Some(value.clone()),
            "enum" => match value {
                Value::Array(values) if !values.is_empty() => Some(value.clone()),
                _ => None,
            },
            "examples" => match value {
                Value::Array(_) => Some(value.clone()),
                _ => None,
            },
            "example" => {
                if !out.contains_key("examples") {
                    out.insert(String::from("examples"), json!([value]));
                }
                None
            }
            "items" => match value {
                // Draft 4's tuples.
                Value::Array(items) if !items.is_empty() => {
                    let items = items.iter().map(|i| self.convert(i)).collect();
                    out.insert(String::from("prefixItems"), Value::Array(items));
                    None
                }
                Value::Array(_) => None,
                schema => Some(self.convert(schema)),
            },
            "additionalProperties"
            | "not"
            | "contains"
            | "propertyNames"
            | "if"
            | "then"
            | "else"
            | "unevaluatedItems"
            | "unevaluatedProperties" => {
                (value.is_object() || value.is_boolean()).then(|| self.convert(value))
            }
            "allOf" | "anyOf" | "oneOf" | "prefixItems" => match value {
                Value::Array(parts) if !parts.is_empty() => Some(Value::Array(
                    parts.iter().map(|p| self.convert(p)).collect(),
                )),
                _ => None,
            },
            "properties" => self.properties(value),
            "patternProperties" | "dependentSchemas" => match value {
                Value::Object(members) => Some(Value::Object(
                    members
                        .iter()
                        .map(|(name, schema)| (name.clone(), self.convert(schema)))
                        .collect(),
                )),
                _ => None,
            },
            "dependentRequired" => match value {
                Value::Object(members) => Some(Value::Object(
                    members
                        .iter()
                        .filter_map(|(name, names)| Some((name.clone(), strings(names)?)))
                        .collect(),
                )),
                _ => None,
            },
            "required" => strings(value),
            // `exclusiveMaximum` and `exclusiveMinimum` are written with `maximum` and `minimum`; extensions,
            // `discriminator`, `xml` and identifiers say nothing to a model.
            _ => None,
        };
        if let Some(converted) = converted {
            out.insert(keyword.to_owned(), converted);
        }
    }

    fn properties(&mut self, value: &Value) -> Option<Value> {
        let mut out = Map::new();
        for (name, schema) in value.as_object()? {
            if self.whole || !self.goes_other_way(schema) {
                out.insert(name.clone(), self.convert(schema));
            }
        }
        Some(Value::Object(out))
    }

    fn goes_other_way(&self, schema: &Value) -> bool {
        let keyword = match self.direction {
            Direction::Input => "readOnly",
            Direction::Output => "writeOnly",
        };
        let says = |schema: &Value| schema.get(keyword).is_some_and(|v| *v == Value::Bool(true));
        says(schema) || self.document.resolve(schema).is_ok_and(says)
    }

    /// `nullable` (3.0) and `x-nullable` (2.0).
    fn nullable(&self, members: &Map<String, Value>, mut out: Map<String, Value>) -> Value {
        let says = |name: &str| members.get(name).is_some_and(|v| *v == Value::Bool(true));
        if !(says("nullable") || says("x-nullable")) {
            return Value::Object(out);
        }
        if out.is_empty() {
            return Value::Object(out);
        }
        match out.get_mut("type") {
            Some(Value::Array(several)) => {
                if !several.iter().any(|t| t == "null") {
                    several.push(json!("null"));
                }
            }
            Some(one) => *one = json!([one.take(), "null"]),
            None => {
                let description = out.shift_remove("description");
                let mut outer = json!({"anyOf": [out, {"type": "null"}]});
                if let (Some(description), Some(outer)) = (description, outer.as_object_mut()) {
                    outer.insert(String::from("description"), description);
                }
                return outer;
            }
        }
        if let Some(Value::Array(values)) = out.get_mut("enum")
            && !values.contains(&Value::Null)
        {
            values.push(Value::Null);
        }
        Value::Object(out)
    }
}

/// `type`, of the names that JSON Schema has.
fn types(value: &Value) -> Option<Value> {
    const TYPES: [&str; 7] = [
        "string", "number", "integer", "boolean", "object", "array", "null",
    ];
    let known = |t: &Value| t.as_str().is_some_and(|t| TYPES.contains(&t));
    match value {
        // 2.0's files: what is sent is text that stands for bytes.
        Value::String(t) if t == "file" => Some(json!("string")),
        Value::String(_) => known(value).then(|| value.clone()),
        Value::Array(several) => {
            let mut kept: Vec<Value> = Vec::new();
            for t in several.iter().filter(|t| known(t)) {
                if !kept.contains(t) {
                    kept.push(t.clone());
                }
            }
            (!kept.is_empty()).then_some(Value::Array(kept))
        }
        _ => None,
    }
}

/// A number, also one that was written as text.
fn number(value: &Value) -> Option<Number> {
    match value {
        Value::Number(number) => Some(number.clone()),
        Value::String(text) => serde_json::from_str(text.trim()).ok(),
        _ => None,
    }
}

fn strings(value: &Value) -> Option<Value> {
    let mut kept: Vec<Value> = Vec::new();
    for name in value.as_array()?.iter().filter(|n| n.is_string()) {
        if !kept.contains(name) {
            kept.push(name.clone());
        }
    }
    (!kept.is_empty()).then_some(Value::Array(kept))
}

/// Exclusive bounds: numbers of their own, before 3.1 a mark on the others.
fn bounds(members: &Map<String, Value>, out: &mut Map<String, Value>) {
    for (exclusive, inclusive) in [
        ("exclusiveMaximum", "maximum"),
        ("exclusiveMinimum", "minimum"),
    ] {
        match members.get(exclusive) {
            Some(Value::Bool(true)) => {
                if let Some(bound) = out.shift_remove(inclusive) {
                    out.insert(exclusive.to_owned(), bound);
                }
            }
            Some(value) if !value.is_boolean() => {
                if let Some(bound) = number(value) {
                    out.insert(exclusive.to_owned(), Value::Number(bound));
                }
            }
            _ => {}
        }
    }
}

/// Whether a schema stands for bytes.
pub(super) fn is_binary(schema: &Value) -> bool {
    let says = |name: &str, what: &str| schema.get(name).map(plain).is_some_and(|v| v == what);
    says("type", "file")
        || says("format", "binary")
        || (schema.get("contentMediaType").is_some() && schema.get("contentEncoding").is_none())
}

/// Bytes are told to a model as base64.
fn binary(members: &Map<String, Value>, out: &mut Map<String, Value>) {
    let says = |name: &str, what: &str| members.get(name).is_some_and(|v| v == what);
    if says("format", "binary") || says("type", "file") || says("format", "byte") {
        out.shift_remove("format");
        out.insert(String::from("contentEncoding"), json!("base64"));
    }
}
