//! An operation of OpenAPI 3.0 or 3.1 as a contract; what all versions share.
//!
//! What must stay true: no operation is refused here. What a tool cannot do with it becomes the contract's obstacle,
//! what is left out a note.

use super::document::{Document, Version};
use super::schema::{Direction, Schemas, is_binary};
use super::swagger;
use crate::operation::contract::{essence, is_json};
use crate::operation::{Body, BodyKind, Contract, Field, Location, Parameter, Style};
use serde_json::{Map, Value, json};
use std::collections::BTreeMap;

/// Most schemas inside each other that are searched for a form's fields.
const DEPTH: usize = 16;

/// A contract and what was left out of it.
pub struct Read {
    /// The contract.
    pub contract: Contract,
    /// What was left out, in words.
    pub notes: Vec<String>,
}

/// Reads the contract of an operation, given with its path item.
pub fn read(document: &Document, item: &Value, operation: &Value) -> Read {
    let text = |name: &str| {
        operation
            .get(name)
            .and_then(Value::as_str)
            .map(str::trim)
            .filter(|t| !t.is_empty())
            .map(str::to_owned)
    };
    let mut schemas = Schemas::new(document, Direction::Input);
    let mut contract = Contract {
        summary: text("summary"),
        description: text("description"),
        deprecated: operation.get("deprecated") == Some(&Value::Bool(true)),
        ..Contract::default()
    };
    let declared = declared(document, item, operation, &mut schemas);
    if document.version == Version::V20 {
        swagger::read(document, operation, &declared, &mut schemas, &mut contract);
    } else {
        contract.parameters = declared
            .iter()
            .filter_map(|parameter| self::parameter(parameter, &mut schemas))
            .collect();
        body(document, operation, &mut schemas, &mut contract);
    }
    let (definitions, mut notes) = schemas.finish();
    contract.definitions = definitions;
    let mut output = Schemas::new(document, Direction::Output);
    if let Some(schema) = answer(document, operation) {
        let mut converted = output.convert(schema);
        let (definitions, left_out) = output.finish();
        if let (false, Value::Object(schema)) = (definitions.is_empty(), &mut converted) {
            schema.insert(String::from("$defs"), Value::Object(definitions));
        }
        // A schema with a part left out would promise what is not known.
        if left_out.is_empty() {
            contract.output = Some(converted);
        }
        notes.extend(
            left_out
                .into_iter()
                .filter(|n| !notes.contains(n))
                .collect::<Vec<_>>(),
        );
    }
    Read { contract, notes }
}

/// The parameters of the path item and of the operation, which override them, references followed.
pub(super) fn declared<'d>(
    document: &'d Document,
    item: &'d Value,
    operation: &'d Value,
    schemas: &mut Schemas<'_>,
) -> Vec<&'d Value> {
    let mut found: Vec<&Value> = Vec::new();
    let key = |p: &Value| (p.get("name").cloned(), p.get("in").cloned());
    for owner in [item, operation] {
        for parameter in owner
            .get("parameters")
            .and_then(Value::as_array)
            .into_iter()
            .flatten()
        {
            match document.resolve(parameter) {
                Ok(parameter) => match found.iter().position(|p| key(p) == key(parameter)) {
                    Some(at) => found[at] = parameter,
                    None => found.push(parameter),
                },
                Err(why) => schemas.note(why),
            }
        }
    }
    found
}

pub(super) fn location(parameter: &Value) -> Option<Location> {
    Some(match parameter.get("in")?.as_str()? {
        "path" => Location::Path,
        "query" => Location::Query,
        "header" => Location::Header,
        "cookie" => Location::Cookie,
        _ => return None,
    })
}

pub(super) fn parameter(parameter: &Value, schemas: &mut Schemas<'_>) -> Option<Parameter> {
    let location = location(parameter)?;
    let name = parameter.get("name")?.as_str()?;
    Some(described(name, location, parameter, schemas))
}

/// A parameter, or a header of a response, of this name.
pub(super) fn described(
    name: &str,
    location: Location,
    parameter: &Value,
    schemas: &mut Schemas<'_>,
) -> Parameter {
    let default = match location {
        Location::Query | Location::Cookie => Style::Form,
        Location::Path | Location::Header => Style::Simple,
    };
    let style = parameter
        .get("style")
        .and_then(Value::as_str)
        .and_then(style)
        .unwrap_or(default);
    let flag = |name: &str| parameter.get(name).and_then(Value::as_bool);
    let content = parameter
        .get("content")
        .and_then(Value::as_object)
        .and_then(|c| c.iter().next());
    let (schema, json) = match (parameter.get("schema"), content) {
        (Some(schema), _) => (schema.clone(), false),
        (None, Some((kind, media))) => (
            media.get("schema").cloned().unwrap_or_else(|| json!({})),
            is_json(&essence(kind)),
        ),
        (None, None) => (json!({"type": "string"}), false),
    };
    let mut schema = schemas.convert(&schema);
    mark(&mut schema, parameter);
    Parameter {
        name: name.to_owned(),
        location,
        required: flag("required").unwrap_or(false),
        style,
        explode: flag("explode").unwrap_or(style == Style::Form || style == Style::DeepObject),
        allow_reserved: flag("allowReserved").unwrap_or(false),
        json,
        schema,
        description: description(parameter),
    }
}

/// Puts what a parameter says of itself into its schema.
fn mark(schema: &mut Value, parameter: &Value) {
    let Some(schema) = schema.as_object_mut() else {
        return;
    };
    if let Some(example) = parameter.get("example")
        && !schema.contains_key("examples")
    {
        schema.insert(String::from("examples"), json!([example]));
    }
    if parameter.get("deprecated") == Some(&Value::Bool(true)) {
        schema.insert(String::from("deprecated"), Value::Bool(true));
    }
    if let Some(header) = parameter.get("x-mcp-header").filter(|h| h.is_string()) {
        schema.insert(String::from("x-mcp-header"), header.clone());
    }
}

pub(super) fn description(of: &Value) -> Option<String> {
    of.get("description")
        .and_then(Value::as_str)
        .map(str::to_owned)
}

fn style(name: &str) -> Option<Style> {
    Some(match name {
        "simple" => Style::Simple,
        "label" => Style::Label,
        "matrix" => Style::Matrix,
        "form" => Style::Form,
        "spaceDelimited" => Style::Space,
        "pipeDelimited" => Style::Pipe,
        "deepObject" => Style::DeepObject,
        _ => return None,
    })
}

fn body(
    document: &Document,
    operation: &Value,
    schemas: &mut Schemas<'_>,
    contract: &mut Contract,
) {
    let Some(declared) = operation.get("requestBody") else {
        return;
    };
    let declared = match document.resolve(declared) {
        Ok(declared) => declared,
        Err(why) => {
            contract.obstacle = Some(format!("its body is not described: {why}"));
            return;
        }
    };
    let required = declared.get("required") == Some(&Value::Bool(true));
    let kinds = declared.get("content").and_then(Value::as_object);
    let usable = kinds
        .into_iter()
        .flatten()
        .filter_map(|(name, media)| Some((BodyKind::of(name)?, name, media)))
        .min_by_key(|(kind, ..)| kind.rank());
    let Some((kind, media_type, media)) = usable else {
        let names: Vec<&str> = kinds
            .into_iter()
            .flatten()
            .map(|(n, _)| n.as_str())
            .collect();
        if required || !names.is_empty() {
            contract.obstacle = Some(format!(
                "its body can only be of type `{}`, which a tool cannot write",
                names.join("`, `")
            ));
        }
        return;
    };
    let schema = media.get("schema").cloned().unwrap_or_else(|| json!({}));
    let fields = match kind {
        BodyKind::Form | BodyKind::Multipart => fields(document, &schema, media.get("encoding")),
        _ => BTreeMap::new(),
    };
    let mut converted = schemas.convert(&schema);
    if let (Some(example), Some(converted)) = (media.get("example"), converted.as_object_mut())
        && !converted.contains_key("examples")
        && !converted.contains_key("$ref")
    {
        converted.insert(String::from("examples"), json!([example]));
    }
    contract.body = Some(Body {
        media_type: media_type.clone(),
        kind,
        required,
        schema: converted,
        description: description(declared),
        fields,
    });
}

/// How the fields of a form are written.
fn fields(
    document: &Document,
    schema: &Value,
    encoding: Option<&Value>,
) -> BTreeMap<String, Field> {
    let mut properties = Map::new();
    collect(document, schema, DEPTH, &mut properties);
    properties
        .iter()
        .map(|(name, schema)| {
            let schema = document.resolve(schema).unwrap_or(schema);
            let item = schema
                .get("items")
                .map(|i| document.resolve(i).unwrap_or(i));
            let told = encoding.and_then(|e| e.get(name));
            let text = |key: &str| told.and_then(|t| t.get(key)).and_then(Value::as_str);
            let style = text("style").and_then(style).unwrap_or(Style::Form);
            let explode = told.and_then(|t| t.get("explode")).and_then(Value::as_bool);
            let field = Field {
                // Several types are a list, of which the first is as good as any.
                content_type: text("contentType")
                    .and_then(|t| t.split(',').next())
                    .map(str::trim)
                    .filter(|t| !t.contains('*'))
                    .map(str::to_owned),
                binary: is_binary(schema) || item.is_some_and(is_binary),
                style,
                explode: explode.unwrap_or(style == Style::Form || style == Style::DeepObject),
            };
            (name.clone(), field)
        })
        .collect()
}

fn collect(document: &Document, schema: &Value, left: usize, into: &mut Map<String, Value>) {
    let Ok(schema) = document.resolve(schema) else {
        return;
    };
    if left == 0 {
        return;
    }
    if let Some(properties) = schema.get("properties").and_then(Value::as_object) {
        into.extend(properties.iter().map(|(n, s)| (n.clone(), s.clone())));
    }
    for part in schema
        .get("allOf")
        .and_then(Value::as_array)
        .into_iter()
        .flatten()
    {
        collect(document, part, left - 1, into);
    }
}

/// The schema of the JSON answer of the first 2xx response.
fn answer<'d>(document: &'d Document, operation: &'d Value) -> Option<&'d Value> {
    let responses = operation.get("responses")?.as_object()?;
    let mut codes: Vec<&String> = responses
        .keys()
        .filter(|c| c.len() == 3 && c.starts_with('2'))
        .collect();
    // Numbers before `2XX`.
    codes.sort_by_key(|c| c.to_ascii_lowercase());
    let response = document.resolve(&responses[codes.first()?.as_str()]).ok()?;
    if document.version == Version::V20 {
        return swagger::answers_json(document, operation)
            .then(|| response.get("schema"))
            .flatten();
    }
    response
        .get("content")?
        .as_object()?
        .iter()
        .find(|(kind, _)| is_json(&essence(kind)))
        .and_then(|(_, media)| media.get("schema"))
}
