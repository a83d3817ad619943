//! An instance that is valid against a JSON Schema, for tool arguments and structured outputs.
//!
//! Called by `answer`. Covers what SDKs derive from types: objects, arrays, scalars with bounds,
//! `enum`, `const`, `anyOf`/`oneOf`/`allOf`, `$ref` into the same document, `format`.
//! What must stay true: recursion is bounded, so a recursive schema ends.

use serde_json::{Map, Number, Value, json};

/// Depth at which optional parts are left out and recursion stops.
const MAX_DEPTH: usize = 24;
/// Longest list or text that a minimum can ask for.
const MAX_ITEMS: u64 = 1_000;

/// An instance of `schema`; free texts take `text`. Only required properties are filled.
pub(super) fn instance(schema: &Value, text: &str) -> Value {
    Sample { root: schema, text }.of(schema, 0)
}

struct Sample<'a> {
    root: &'a Value,
    text: &'a str,
}

impl Sample<'_> {
    fn of(&self, schema: &Value, depth: usize) -> Value {
        if depth > MAX_DEPTH {
            return Value::Null;
        }
        if let Some(target) = schema["$ref"].as_str() {
            let target = target
                .strip_prefix('#')
                .and_then(|pointer| self.root.pointer(pointer));
            return target.map_or(Value::Null, |target| self.of(target, depth + 1));
        }
        if let Some(value) = schema.get("const") {
            return value.clone();
        }
        if let Some(value) = schema["enum"].as_array().and_then(|values| values.first()) {
            return value.clone();
        }
        for key in ["anyOf", "oneOf"] {
            if let Some(choices) = schema[key].as_array() {
                let scalar = choices.iter().find(|choice| choice["type"] != "null");
                return scalar.map_or(Value::Null, |choice| self.of(choice, depth + 1));
            }
        }
        if let Some(parts) = schema["allOf"].as_array() {
            let mut merged = Map::new();
            let mut last = Value::Null;
            for part in parts {
                match self.of(part, depth + 1) {
                    Value::Object(fields) => merged.extend(fields),
                    other => last = other,
                }
            }
            return if merged.is_empty() {
                last
            } else {
                Value::Object(merged)
            };
        }
        if let Some(value) = schema.get("default").filter(|value| !value.is_null()) {
            return value.clone();
        }
        match kind(schema) {
            "object" => self.object(schema, depth),
            "array" => {
                let wanted = schema["minItems"]
                    .as_u64()
                    .unwrap_or(u64::from(depth < MAX_DEPTH / 2));
                let most = schema["maxItems"].as_u64().unwrap_or(MAX_ITEMS);
                let count = wanted.min(most).min(MAX_ITEMS);
                (0..count)
                    .map(|_| {
                        self.of(
                            schema.get("items").unwrap_or(&json!({"type": "string"})),
                            depth + 1,
                        )
                    })
                    .collect()
            }
            "integer" => Value::from(bounded(schema, 1.0).ceil() as i64),
            "number" => Number::from_f64(bounded(schema, 1.5)).map_or(Value::Null, Value::Number),
            "boolean" => Value::Bool(true),
            "null" => Value::Null,
            _ => Value::String(self.string(schema)),
        }
    }

    fn object(&self, schema: &Value, depth: usize) -> Value {
        let mut fields = Map::new();
        for name in schema["required"]
            .as_array()
            .into_iter()
            .flatten()
            .filter_map(Value::as_str)
        {
            let property = &schema["properties"][name];
            fields.insert(name.to_owned(), self.of(property, depth + 1));
        }
        Value::Object(fields)
    }

    fn string(&self, schema: &Value) -> String {
        let mut text = match schema["format"].as_str() {
            Some("date-time") => "2024-10-21T12:00:00Z".to_owned(),
            Some("date") => "2024-10-21".to_owned(),
            Some("time") => "12:00:00Z".to_owned(),
            Some("duration") => "PT1H".to_owned(),
            Some("uuid") => "00000000-0000-4000-8000-000000000000".to_owned(),
            Some("email") => "someone@example.com".to_owned(),
            Some("uri" | "url" | "uri-reference") => "https://example.com/".to_owned(),
            Some("hostname") => "example.com".to_owned(),
            Some("ipv4") => "192.0.2.1".to_owned(),
            Some("ipv6") => "2001:db8::1".to_owned(),
            _ => self.text.to_owned(),
        };
        let least = schema["minLength"].as_u64().unwrap_or(0).min(MAX_ITEMS) as usize;
        while text.chars().count() < least {
            text.push('x');
        }
        match schema["maxLength"].as_u64() {
            Some(most) => text.chars().take(most as usize).collect(),
            None => text,
        }
    }
}

/// The type of a schema; a list of types gives its first that is not `null`.
fn kind(schema: &Value) -> &str {
    match &schema["type"] {
        Value::String(kind) => kind,
        Value::Array(kinds) => kinds
            .iter()
            .filter_map(Value::as_str)
            .find(|kind| *kind != "null")
            .unwrap_or("null"),
        _ if schema.get("properties").is_some() => "object",
        _ if schema.get("items").is_some() => "array",
        _ => "string",
    }
}

fn bounded(schema: &Value, wanted: f64) -> f64 {
    let mut value = wanted;
    if let Some(most) = schema["maximum"].as_f64() {
        value = value.min(most);
    }
    if let Some(most) = schema["exclusiveMaximum"].as_f64() {
        value = value.min(most - 1.0);
    }
    if let Some(least) = schema["minimum"].as_f64() {
        value = value.max(least);
    }
    if let Some(least) = schema["exclusiveMinimum"].as_f64() {
        value = value.max(least + 1.0);
    }
    if let Some(step) = schema["multipleOf"].as_f64().filter(|step| *step > 0.0) {
        value = (value / step).ceil() * step;
    }
    value
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn required_properties_are_filled_and_recursion_ends() {
        let schema = json!({
            "type": "object",
            "properties": {
                "city": {"type": "string", "maxLength": 4},
                "unit": {"enum": ["celsius", "fahrenheit"]},
                "days": {"type": "integer", "minimum": 3},
                "when": {"type": ["null", "string"], "format": "date"},
                "tags": {"type": "array", "items": {"type": "string"}, "minItems": 2},
                "where": {"$ref": "#/$defs/place"},
                "maybe": {"anyOf": [{"type": "null"}, {"type": "boolean"}]},
                "optional": {"type": "string"}
            },
            "required": ["city", "unit", "days", "when", "tags", "where", "maybe"],
            "$defs": {"place": {"type": "object", "properties": {"lat": {"type": "number"}}, "required": ["lat"]}}
        });
        assert_eq!(
            instance(&schema, "Paris"),
            json!({"city": "Pari", "unit": "celsius", "days": 3, "when": "2024-10-21",
                   "tags": ["Paris", "Paris"], "where": {"lat": 1.5}, "maybe": true})
        );
        let endless =
            json!({"type": "object", "properties": {"next": {"$ref": "#"}}, "required": ["next"]});
        assert!(instance(&endless, "x").is_object());
    }
}
