//! What `mock-response` answers: the examples of an answer, and a sample made from its schema.
//!
//! What must stay true: made when the configuration is loaded; a schema that refers to itself ends; a sample is bounded.

use super::body::with_definitions;
use bytes::Bytes;
use http::HeaderValue;
use serde_json::{Map, Value, json};
use tollgate_agents::operation::contract::{essence, is_json};
use tollgate_agents::operation::{self as operation, BodySchema};

/// Deepest nesting of a sample.
const DEEPEST: usize = 12;
/// Most values of a sample.
const MOST: usize = 2000;

/// The bodies of one content type.
#[derive(Debug)]
pub struct Sample {
    /// The content type without parameters, in lower case.
    pub essence: String,
    /// The content type as declared.
    pub content_type: Option<HeaderValue>,
    /// The examples; without any, the sample.
    pub bodies: Vec<Bytes>,
}

impl Sample {
    pub(super) fn build(
        declared: &operation::Representation,
        definitions: &Map<String, Value>,
    ) -> Sample {
        let essence = essence(&declared.content_type);
        let json = is_json(&essence);
        let mut bodies: Vec<Bytes> = declared
            .examples
            .iter()
            .map(|example| match example {
                // A text is the body itself, except where the body is a JSON string.
                Value::String(text) if !json || looks_like_json(text) => Bytes::from(text.clone()),
                value => pretty(value),
            })
            .collect();
        if let (true, Some(BodySchema::Json(schema))) = (bodies.is_empty(), &declared.schema) {
            let schema = with_definitions(schema, definitions);
            let value = from_schema(&schema);
            match value {
                value if json => bodies.push(pretty(&value)),
                Value::Object(_) | Value::Array(_) | Value::Null => {}
                Value::String(text) => bodies.push(Bytes::from(text)),
                plain => bodies.push(Bytes::from(plain.to_string())),
            }
        }
        Sample {
            content_type: HeaderValue::from_str(&declared.content_type).ok(),
            essence,
            bodies,
        }
    }
}

fn looks_like_json(text: &str) -> bool {
    serde_json::from_str::<Value>(text).is_ok_and(|v| v.is_object() || v.is_array())
}

fn pretty(value: &Value) -> Bytes {
    serde_json::to_vec_pretty(value).map_or_else(|_| Bytes::new(), Bytes::from)
}

/// A value that a schema (with its `$defs`) describes.
pub fn from_schema(schema: &Value) -> Value {
    let none = Map::new();
    let definitions = schema.get("$defs").and_then(Value::as_object);
    let mut making = Making {
        definitions: definitions.unwrap_or(&none),
        left: MOST,
        open: Vec::new(),
    };
    making.value(schema, DEEPEST).unwrap_or(Value::Null)
}

struct Making<'s> {
    definitions: &'s Map<String, Value>,
    left: usize,
    /// References that are being written out.
    open: Vec<&'s str>,
}

impl<'s> Making<'s> {
    /// `None`: one would be without end.
    fn value(&mut self, schema: &'s Value, depth: usize) -> Option<Value> {
        if depth == 0 || self.left == 0 {
            return None;
        }
        self.left -= 1;
        let Some(members) = schema.as_object() else {
            return Some(Value::Null);
        };
        let told = ["const", "default"].iter().find_map(|k| members.get(*k));
        let first = |name: &str| members.get(name).and_then(Value::as_array)?.first();
        if let Some(told) = told.or(first("examples")).or(first("enum")) {
            return Some(told.clone());
        }
        if let Some(reference) = members.get("$ref").and_then(Value::as_str) {
            let name = reference.strip_prefix("#/$defs/")?;
            if self.open.contains(&name) {
                return None;
            }
            let target = self.definitions.get(name)?;
            self.open.push(name);
            let value = self.value(target, depth - 1);
            self.open.pop();
            return value;
        }
        if members.contains_key("allOf") || members.contains_key("properties") {
            let mut out = Map::new();
            self.properties(schema, depth, &mut out);
            return Some(Value::Object(out));
        }
        if let Some(one) = first("oneOf").or(first("anyOf")) {
            return self.value(one, depth - 1);
        }
        let kind = match members.get("type") {
            Some(Value::Array(several)) => several.first().and_then(Value::as_str),
            Some(one) => one.as_str(),
            None if members.contains_key("items") => Some("array"),
            None if members.contains_key("additionalProperties") => Some("object"),
            None => None,
        };
        Some(match kind {
            Some("string") => Value::String(text(members)),
            Some("integer") => members.get("minimum").cloned().unwrap_or(json!(0)),
            Some("number") => members.get("minimum").cloned().unwrap_or(json!(0)),
            Some("boolean") => json!(true),
            Some("array") => {
                let item = members.get("items");
                let item = item.and_then(|items| self.value(items, depth - 1));
                Value::Array(item.into_iter().collect())
            }
            Some("object") => {
                let mut out = Map::new();
                if let Some(values @ Value::Object(_)) = members.get("additionalProperties")
                    && let Some(value) = self.value(values, depth - 1)
                {
                    out.insert(String::from("property"), value);
                }
                Value::Object(out)
            }
            _ => Value::Null,
        })
    }

    /// The properties of a schema and of all that it is made of.
    fn properties(&mut self, schema: &'s Value, depth: usize, out: &mut Map<String, Value>) {
        if depth == 0 {
            return;
        }
        for part in schema
            .get("allOf")
            .and_then(Value::as_array)
            .into_iter()
            .flatten()
        {
            if let Some(Value::Object(of)) = self.value(part, depth - 1) {
                out.extend(of);
            }
        }
        let properties = schema.get("properties").and_then(Value::as_object);
        for (name, property) in properties.into_iter().flatten() {
            if let Some(value) = self.value(property, depth - 1) {
                out.insert(name.clone(), value);
            }
        }
    }
}

/// A text as its format wants it.
fn text(members: &Map<String, Value>) -> String {
    let format = members.get("format").and_then(Value::as_str);
    let text = match format.unwrap_or_default() {
        "date-time" => "2026-01-01T00:00:00Z",
        "date" => "2026-01-01",
        "time" => "00:00:00Z",
        "uuid" => "00000000-0000-0000-0000-000000000000",
        "email" => "user@example.com",
        "uri" | "url" => "https://example.com",
        "hostname" => "example.com",
        "ipv4" => "192.0.2.1",
        "ipv6" => "2001:db8::1",
        _ => "string",
    };
    let shortest = members
        .get("minLength")
        .and_then(Value::as_u64)
        .unwrap_or(0);
    let shortest = usize::try_from(shortest).unwrap_or(0).min(1000);
    let mut text = text.to_owned();
    while text.len() < shortest {
        text.push('s');
    }
    if let Some(longest) = members.get("maxLength").and_then(Value::as_u64) {
        text.truncate(
            usize::try_from(longest)
                .unwrap_or(usize::MAX)
                .min(text.len()),
        );
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_sample_is_what_the_schema_describes() {
        let schema = json!({"allOf": [{"$ref": "#/$defs/Pet"}, {"properties": {"age": {"type": "integer", "minimum": 3}}}],
            "$defs": {"Pet": {"type": "object", "properties": {
                "name": {"type": "string", "examples": ["Rex"]}, "kind": {"enum": ["dog", "cat"]}, "parent": {"$ref": "#/$defs/Pet"},
                "born": {"type": ["string", "null"], "format": "date"}, "tags": {"type": "array", "items": {"type": "string"}},
                "more": {"type": "object", "additionalProperties": {"type": "boolean"}}, "alt": {"oneOf": [{"type": "number"}]}}}}});
        assert_eq!(
            from_schema(&schema),
            json!({"name": "Rex", "kind": "dog", "born": "2026-01-01", "tags": ["string"], "more": {"property": true}, "alt": 0, "age": 3})
        );
    }

    #[test]
    fn a_schema_without_end_has_one() {
        for schema in [
            json!({"$ref": "#/$defs/A", "$defs": {"A": {"$ref": "#/$defs/A"}}}),
            json!({"$ref": "#/$defs/A", "$defs": {"A": {"items": {"$ref": "#/$defs/A"}}}}),
            json!({"$ref": "#/$defs/none"}),
        ] {
            let sample = from_schema(&schema);
            assert!(sample.is_null() || sample == json!([]), "{sample}");
        }
        let mut wide = json!({"type": "string"});
        for _ in 0..40 {
            let members: Map<String, Value> = (0..9)
                .map(|n| (n.to_string(), wide.clone()))
                .take(2)
                .collect();
            wide = json!({ "properties": members });
            if wide.to_string().len() > 1 << 16 {
                break;
            }
        }
        assert!(from_schema(&wide).to_string().len() < MOST * 32);
    }
}
