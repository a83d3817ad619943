//! `x-mcp-header`: arguments that a client mirrors into `Mcp-Param-*` headers (MCP 2026-07-28).
//!
//! A specification's author marks a parameter or a body's property with it. What must stay true: a schema that a client
//! sees never breaks the rules of the extension, because a client must drop such a tool; a header that says something
//! else than its argument is refused.

use crate::mirror;
use serde_json::{Map, Value};

const KEYWORD: &str = "x-mcp-header";

/// Prefix of the headers, in lower case.
pub const PREFIX: &str = "mcp-param-";

/// A mirrored argument.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ParamHeader {
    /// Name of the whole header, in lower case.
    pub header: String,
    /// The property.
    pub property: String,
}

/// What stands in a header does not fit the argument.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Mismatch {
    /// The header.
    pub header: String,
    /// Why.
    pub why: &'static str,
}

/// Takes the keyword out wherever it may not stand, and lists where it does.
pub fn settle(schema: &mut Value) -> Vec<ParamHeader> {
    let mut found: Vec<ParamHeader> = Vec::new();
    let Some(schema) = schema.as_object_mut() else {
        return found;
    };
    for (keyword, value) in schema.iter_mut() {
        let properties = match value {
            Value::Object(properties) if keyword == "properties" => properties,
            other => {
                strip(other);
                continue;
            }
        };
        for (property, schema) in properties {
            let name = schema
                .get(KEYWORD)
                .and_then(Value::as_str)
                .map(str::to_owned);
            strip(schema);
            let Some(name) = name else { continue };
            let header = format!("{PREFIX}{}", name.to_ascii_lowercase());
            if mirrors(schema) && is_token(&name) && !found.iter().any(|f| f.header == header) {
                if let Some(schema) = schema.as_object_mut() {
                    schema.insert(KEYWORD.to_owned(), Value::String(name));
                }
                found.push(ParamHeader {
                    header,
                    property: property.clone(),
                });
            }
        }
    }
    found
}

/// Takes the keyword out of a schema and all below.
fn strip(value: &mut Value) {
    match value {
        Value::Object(members) => {
            members.shift_remove(KEYWORD);
            members.values_mut().for_each(strip);
        }
        Value::Array(items) => items.iter_mut().for_each(strip),
        _ => {}
    }
}

fn mirrors(schema: &Value) -> bool {
    let secret = schema.get("format").is_some_and(|f| f == "password");
    let plain = |t: &Value| t == "string" || t == "integer" || t == "boolean";
    !secret
        && match schema.get("type") {
            Some(one @ Value::String(_)) => plain(one),
            Some(Value::Array(several)) => {
                several.len() == 2
                    && several.iter().any(plain)
                    && several.iter().any(|t| t == "null")
            }
            _ => false,
        }
}

fn is_token(text: &str) -> bool {
    !text.is_empty()
        && text
            .bytes()
            .all(|b| b.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&b))
}

/// Compares the headers with the arguments. `header` gives a header's value, trimmed.
pub fn check<'h>(
    declared: &[ParamHeader],
    arguments: &Map<String, Value>,
    header: impl Fn(&str) -> Option<&'h [u8]>,
) -> Result<(), Mismatch> {
    for one in declared {
        let fault = |why| {
            Err(Mismatch {
                header: one.header.clone(),
                why,
            })
        };
        let argument = arguments.get(&one.property).filter(|v| !v.is_null());
        match (header(&one.header), argument) {
            (None, None) => {}
            (None, Some(_)) => return fault("it is missing while the argument is there"),
            (Some(_), None) => return fault("the argument is missing"),
            (Some(text), Some(argument)) => {
                let Ok(text) = mirror::decode(text) else {
                    return fault("it cannot be read");
                };
                if !says(&text, argument) {
                    return fault("it says something else than the argument");
                }
            }
        }
    }
    Ok(())
}

fn says(text: &str, argument: &Value) -> bool {
    match argument {
        Value::String(argument) => argument == text,
        Value::Bool(argument) => text == if *argument { "true" } else { "false" },
        Value::Number(argument) => match (argument.as_i64(), text.parse::<i64>()) {
            (Some(argument), Ok(told)) => argument == told,
            _ => match (argument.as_f64(), text.parse::<f64>()) {
                (Some(argument), Ok(told)) => argument == told,
                _ => false,
            },
        },
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn keeps_only_what_a_client_accepts() {
        let mut schema = json!({"type": "object", "properties": {
            "region": {"type": "string", "x-mcp-header": "Region"},
            "again": {"type": "string", "x-mcp-header": "REGION"},
            "share": {"type": "number", "x-mcp-header": "Share"},
            "bad": {"type": "string", "x-mcp-header": "a b"},
            "secret": {"type": "string", "format": "password", "x-mcp-header": "Secret"},
            "count": {"type": ["integer", "null"], "x-mcp-header": "Count"},
            "deep": {"type": "object", "properties": {"x": {"type": "string", "x-mcp-header": "X"}}}
        }, "$defs": {"D": {"type": "string", "x-mcp-header": "D"}}});
        let found = settle(&mut schema);
        let headers: Vec<&str> = found.iter().map(|f| f.header.as_str()).collect();
        assert_eq!(headers, ["mcp-param-region", "mcp-param-count"]);
        assert_eq!(schema.to_string().matches("x-mcp-header").count(), 2);
    }

    #[test]
    fn compares_as_the_specification_says() {
        let declared = [
            ("mcp-param-r", "r"),
            ("mcp-param-n", "n"),
            ("mcp-param-b", "b"),
        ]
        .map(|(header, property)| ParamHeader {
            header: header.to_owned(),
            property: property.to_owned(),
        });
        let ok = |arguments: Value, headers: &[(&str, &str)]| {
            check(&declared, arguments.as_object().unwrap(), |name| {
                headers
                    .iter()
                    .find(|(n, _)| *n == name)
                    .map(|(_, v)| v.as_bytes())
            })
            .is_ok()
        };
        assert!(ok(json!({}), &[]));
        assert!(ok(json!({"r": null}), &[]));
        assert!(ok(json!({"r": "eu west"}), &[("mcp-param-r", "eu west")]));
        assert!(ok(
            json!({"r": "gr\u{fc}n"}),
            &[("mcp-param-r", "=?base64?Z3LDvG4=?=")]
        ));
        assert!(ok(
            json!({"n": 42, "b": true}),
            &[("mcp-param-n", "42"), ("mcp-param-b", "true")]
        ));
        assert!(ok(json!({"n": 42.0}), &[("mcp-param-n", "42")]));
        assert!(!ok(json!({"r": "eu"}), &[]));
        assert!(!ok(json!({}), &[("mcp-param-r", "eu")]));
        assert!(!ok(json!({"r": "eu"}), &[("mcp-param-r", "EU")]));
        assert!(!ok(json!({"r": "x"}), &[("mcp-param-r", "=?base64?***?=")]));
        assert!(!ok(json!({"b": true}), &[("mcp-param-b", "True")]));
    }
}
