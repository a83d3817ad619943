//! The input schema of a tool: parameters and body of an operation as one object, and where each property goes.
//!
//! What must stay true: every property has one binding; a property's name fits the model APIs; what is not a tool's
//! business (credentials, what the gateway writes itself) is no property.

use super::contract::{Body, BodyKind, Contract, Location, Parameter, Style};
use super::template::Template;
use super::text;
use serde_json::{Map, Value, json};
use std::collections::{BTreeSet, HashMap};

/// Longest name of a property: more is refused by model APIs.
const LONGEST_PROPERTY: usize = 64;
/// Deepest chain of `allOf` and `$ref` that is followed to find a body's properties.
const DEPTH: usize = 16;

/// Names that are the gateway's own for the operation's API.
#[derive(Clone, Debug, Default)]
pub struct Reserved {
    /// Headers, in lower case: the subscription key's, the version's.
    pub headers: Vec<String>,
    /// Query parameters: the subscription key's, the version's. Compared without case.
    pub query: Vec<String>,
}

/// Where a property goes.
#[derive(Clone, Debug, PartialEq)]
pub enum Target {
    /// A parameter.
    Parameter {
        /// Name on the wire.
        name: String,
        /// Where.
        location: Location,
        /// How.
        style: Style,
        /// How.
        explode: bool,
        /// How.
        allow_reserved: bool,
        /// As one JSON text.
        json: bool,
    },
    /// A member of the body.
    Field(String),
    /// The body.
    Body,
}

/// A property and where it goes.
#[derive(Clone, Debug, PartialEq)]
pub struct Binding {
    /// Name of the property.
    pub property: String,
    /// Where it goes.
    pub target: Target,
    /// Whether its schema takes `null`; else a `null` argument is as none.
    pub nullable: bool,
}

/// An input schema with its bindings.
#[derive(Clone, Debug, PartialEq)]
pub struct Input {
    /// The schema: always an object's. A built tool has let go of it.
    pub schema: Value,
    /// One for each property.
    pub bindings: Vec<Binding>,
    /// Whether further properties are members of the body.
    pub extras: bool,
}

/// Makes it. The error says why the operation cannot be a tool.
pub fn input(
    contract: &Contract,
    template: &Template,
    reserved: &Reserved,
) -> Result<Input, String> {
    let parameters = parameters(contract, template, reserved);
    let mut building = Building::default();
    let body_shape = contract
        .body
        .as_ref()
        .map(|body| shape_of(body, &contract.definitions))
        .transpose()?;
    let mut names: HashMap<String, usize> = HashMap::new();
    for parameter in &parameters {
        *names.entry(property_name(&parameter.name)).or_default() += 1;
    }
    // A body's members stand beside the parameters only if each keeps its own name.
    let inlined = match &body_shape {
        Some(Some(shape)) => {
            let members: BTreeSet<String> = shape
                .properties
                .keys()
                .map(|name| property_name(name))
                .collect();
            members.len() == shape.properties.len()
                && !members.iter().any(|name| names.contains_key(name))
        }
        _ => false,
    };
    if contract.body.is_some() && !inlined {
        *names.entry(String::from("body")).or_default() += 1;
    }
    for parameter in &parameters {
        let plain = property_name(&parameter.name);
        let property = if names.get(&plain).copied().unwrap_or(0) > 1 {
            property_name(&format!("{plain}__{}", parameter.location.as_str()))
        } else {
            plain
        };
        let mut schema = parameter.schema.clone();
        describe(&mut schema, parameter.description.as_deref());
        building.property(
            property,
            schema,
            parameter.required || parameter.location == Location::Path,
            Target::Parameter {
                name: parameter.name.clone(),
                location: parameter.location,
                style: parameter.style,
                explode: parameter.explode,
                allow_reserved: parameter.allow_reserved,
                json: parameter.json,
            },
        );
    }
    let mut extras = None;
    match (&contract.body, body_shape.flatten()) {
        (Some(body), Some(shape)) if inlined => {
            for (name, mut schema) in shape.properties {
                if body.kind == BodyKind::Multipart
                    && body.fields.get(&name).is_some_and(|f| f.binary)
                {
                    as_base64(&mut schema);
                }
                let required = body.required && shape.required.contains(&name);
                building.property(property_name(&name), schema, required, Target::Field(name));
            }
            extras = shape.extras;
        }
        (Some(body), _) => {
            building.property(
                String::from("body"),
                whole_body(body),
                body.required,
                Target::Body,
            );
        }
        (None, _) => {}
    }
    Ok(building.finish(extras, &contract.definitions))
}

/// The parameters that are arguments: those of the contract, and those that only the template has.
fn parameters(contract: &Contract, template: &Template, reserved: &Reserved) -> Vec<Parameter> {
    let in_path: BTreeSet<&str> = template.path_parameters().collect();
    let mut parameters: Vec<Parameter> = contract
        .parameters
        .iter()
        .filter(|p| match p.location {
            Location::Path => in_path.contains(p.name.as_str()),
            Location::Query => !template.fixes(&p.name) && !reserved.has_query(&p.name),
            Location::Header => !reserved.has_header(&p.name),
            Location::Cookie => false,
        })
        .cloned()
        .collect();
    let bare = |name: &str, location, style| Parameter {
        name: name.to_owned(),
        location,
        required: location == Location::Path,
        style,
        explode: location == Location::Query,
        allow_reserved: false,
        json: false,
        schema: json!({"type": "string"}),
        description: None,
    };
    for name in in_path {
        if !parameters
            .iter()
            .any(|p| p.location == Location::Path && p.name == name)
        {
            parameters.push(bare(name, Location::Path, Style::Simple));
        }
    }
    for (name, _) in template.query_parameters() {
        let known = parameters
            .iter()
            .any(|p| p.location == Location::Query && p.name == *name);
        if !known && !reserved.has_query(name) {
            parameters.push(bare(name, Location::Query, Style::Form));
        }
    }
    parameters.sort_by_key(|p| p.location);
    parameters
}

/// Headers that are never arguments: credentials, what describes the message, and what belongs to one connection.
const NEVER: [&str; 22] = [
    "authorization",
    "proxy-authorization",
    "proxy-authenticate",
    "accept",
    "accept-encoding",
    "content-type",
    "content-length",
    "content-encoding",
    "transfer-encoding",
    "te",
    "trailer",
    "connection",
    "keep-alive",
    "proxy-connection",
    "upgrade",
    "host",
    "cookie",
    "expect",
    "origin",
    "forwarded",
    "x-forwarded-for",
    "x-forwarded-host",
];

impl Reserved {
    fn has_header(&self, name: &str) -> bool {
        let name = name.to_ascii_lowercase();
        NEVER.contains(&name.as_str()) || name.starts_with("mcp-") || self.headers.contains(&name)
    }

    /// Whether a query parameter is the gateway's own.
    pub fn has_query(&self, name: &str) -> bool {
        self.query.iter().any(|n| n.eq_ignore_ascii_case(name))
    }
}

/// A property's name as model APIs take it: `[A-Za-z0-9_.-]`, at most 64.
fn property_name(name: &str) -> String {
    let clean: String = name
        .chars()
        .map(|c| {
            if c.is_ascii_alphanumeric() || matches!(c, '_' | '.' | '-') {
                c
            } else {
                '_'
            }
        })
        .take(LONGEST_PROPERTY)
        .collect();
    if clean.is_empty() {
        String::from("_")
    } else {
        clean
    }
}

/// An object's members.
struct Shape {
    properties: Map<String, Value>,
    required: BTreeSet<String>,
    /// `additionalProperties` where it allows some.
    extras: Option<Value>,
}

/// The members of a body, when it is an object and nothing else. Forms must be one.
fn shape_of(body: &Body, definitions: &Map<String, Value>) -> Result<Option<Shape>, String> {
    let shape = match body.kind {
        BodyKind::Text | BodyKind::Binary => return Ok(None),
        BodyKind::Json | BodyKind::Form | BodyKind::Multipart => {
            object(&body.schema, definitions, DEPTH)
        }
    };
    if body.kind != BodyKind::Json && shape.is_none() {
        return Err(format!(
            "its body of type `{}` is not described as an object with properties",
            body.media_type
        ));
    }
    Ok(shape.filter(|s| !s.properties.is_empty()))
}

/// The members of a schema that is an object, its `$ref` followed and its `allOf` merged; `None`: it is more than that.
fn object(schema: &Value, definitions: &Map<String, Value>, left: usize) -> Option<Shape> {
    let schema = schema.as_object()?;
    if left == 0 {
        return None;
    }
    let mut shape = Shape {
        properties: Map::new(),
        required: BTreeSet::new(),
        extras: None,
    };
    let mut plain_object = schema.get("type").is_some_and(|t| t == "object");
    for (keyword, value) in schema {
        match keyword.as_str() {
            "type" if value == "object" => {}
            "properties" => {
                plain_object = true;
                merge(&mut shape.properties, value.as_object()?.clone())?;
            }
            "required" => shape.required.extend(
                value
                    .as_array()?
                    .iter()
                    .filter_map(Value::as_str)
                    .map(str::to_owned),
            ),
            "additionalProperties" => {
                shape.extras = (*value != Value::Bool(false)).then(|| value.clone());
            }
            "$ref" => {
                let name = value.as_str()?.strip_prefix("#/$defs/")?;
                merge_shape(
                    &mut shape,
                    object(definitions.get(&unescape(name))?, definitions, left - 1)?,
                )?;
                plain_object = true;
            }
            "allOf" => {
                for part in value.as_array()? {
                    merge_shape(&mut shape, object(part, definitions, left - 1)?)?;
                    plain_object = true;
                }
            }
            "title" | "description" | "examples" | "default" | "deprecated" | "format" => {}
            _ => return None,
        }
    }
    plain_object.then_some(shape)
}

fn merge_shape(into: &mut Shape, from: Shape) -> Option<()> {
    merge(&mut into.properties, from.properties)?;
    into.required.extend(from.required);
    if let Some(extras) = from.extras {
        // Two rules for further members cannot be one.
        match &into.extras {
            Some(there) if *there != extras => return None,
            _ => into.extras = Some(extras),
        }
    }
    Some(())
}

/// `None`: the same member is described in two ways.
fn merge(into: &mut Map<String, Value>, from: Map<String, Value>) -> Option<()> {
    for (name, schema) in from {
        match into.get(&name) {
            Some(there) if *there != schema => return None,
            _ => {
                into.insert(name, schema);
            }
        }
    }
    Some(())
}

/// An output schema whose root is an object's own, not a reference or a sum of several; others stay as they are.
pub(super) fn flattened(schema: &Value) -> Value {
    let none = Map::new();
    let definitions = schema
        .get("$defs")
        .and_then(Value::as_object)
        .unwrap_or(&none);
    let Some(mut root) = schema.as_object().cloned() else {
        return schema.clone();
    };
    root.shift_remove("$defs");
    let mut root = Value::Object(root);
    for _ in 0..DEPTH {
        let target = match &root {
            Value::Object(members) if members.len() == 1 => {
                members.get("$ref").and_then(Value::as_str)
            }
            _ => None,
        };
        let Some(target) = target
            .and_then(|r| r.strip_prefix("#/$defs/"))
            .and_then(|name| definitions.get(&unescape(name)))
        else {
            break;
        };
        root = target.clone();
    }
    let is_object = root.get("type").is_some_and(|t| t == "object");
    if !is_object
        && object(&root, definitions, DEPTH).is_some()
        && let Some(root) = root.as_object_mut()
    {
        root.insert(String::from("type"), json!("object"));
    }
    let used = reachable(&root, definitions);
    if let (false, Some(root)) = (used.is_empty(), root.as_object_mut()) {
        root.insert(String::from("$defs"), Value::Object(used));
    }
    root
}

/// Marks a field whose bytes a tool takes as base64.
fn as_base64(schema: &mut Value) {
    let Some(schema) = schema.as_object_mut() else {
        return;
    };
    match schema.get_mut("items") {
        Some(Value::Object(items)) => {
            items.insert(String::from("contentEncoding"), json!("base64"));
        }
        _ => {
            schema.insert(String::from("contentEncoding"), json!("base64"));
        }
    }
}

/// A body as one property.
fn whole_body(body: &Body) -> Value {
    let mut schema = match body.kind {
        BodyKind::Text => match body.schema.get("type").and_then(Value::as_str) {
            Some("string") => body.schema.clone(),
            _ => json!({"type": "string", "contentMediaType": body.media_type}),
        },
        BodyKind::Binary => {
            json!({"type": "string", "contentEncoding": "base64", "contentMediaType": body.media_type})
        }
        BodyKind::Json | BodyKind::Form | BodyKind::Multipart => body.schema.clone(),
    };
    describe(&mut schema, body.description.as_deref());
    schema
}

/// Puts a description into a schema that has none.
fn describe(schema: &mut Value, description: Option<&str>) {
    let Some(description) = description
        .map(|d| text::clean(d, text::LONGEST_NOTE))
        .filter(|d| !d.is_empty())
    else {
        return;
    };
    match schema {
        Value::Object(schema) => {
            schema.insert(String::from("description"), Value::String(description));
        }
        Value::Bool(true) => *schema = json!({ "description": description }),
        _ => {}
    }
}

#[derive(Default)]
struct Building {
    properties: Map<String, Value>,
    required: Vec<Value>,
    bindings: Vec<Binding>,
}

impl Building {
    fn property(&mut self, wanted: String, schema: Value, required: bool, target: Target) {
        let mut property = wanted.clone();
        let mut number = 2;
        while self.properties.contains_key(&property) {
            let suffix = format!("_{number}");
            let kept = wanted.len().min(LONGEST_PROPERTY - suffix.len());
            property = format!("{}{suffix}", &wanted[..kept]);
            number += 1;
        }
        if required {
            self.required.push(Value::String(property.clone()));
        }
        self.bindings.push(Binding {
            property: property.clone(),
            target,
            nullable: takes_null(&schema),
        });
        self.properties.insert(property, schema);
    }

    fn finish(self, extras: Option<Value>, definitions: &Map<String, Value>) -> Input {
        let mut schema = Map::new();
        schema.insert(String::from("type"), json!("object"));
        if !self.properties.is_empty() {
            schema.insert(String::from("properties"), Value::Object(self.properties));
        }
        if !self.required.is_empty() {
            schema.insert(String::from("required"), Value::Array(self.required));
        }
        let has_extras = extras.is_some();
        schema.insert(
            String::from("additionalProperties"),
            extras.unwrap_or(Value::Bool(false)),
        );
        let mut schema = Value::Object(schema);
        let used = reachable(&schema, definitions);
        if let (false, Value::Object(schema)) = (used.is_empty(), &mut schema) {
            schema.insert(String::from("$defs"), Value::Object(used));
        }
        Input {
            schema,
            bindings: self.bindings,
            extras: has_extras,
        }
    }
}

/// Whether a schema says that it takes `null`. One behind a reference, or without a type, may: then `null` is passed on.
fn takes_null(schema: &Value) -> bool {
    let Some(schema) = schema.as_object() else {
        return true;
    };
    match schema.get("type") {
        Some(Value::String(one)) => one == "null",
        Some(Value::Array(several)) => several.iter().any(|t| t == "null"),
        _ => !schema.contains_key("enum"),
    }
}

/// The definitions that a schema refers to, and those that these refer to, in their order.
pub fn reachable(schema: &Value, definitions: &Map<String, Value>) -> Map<String, Value> {
    let mut found = BTreeSet::new();
    let mut pending: Vec<&Value> = vec![schema];
    while let Some(value) = pending.pop() {
        match value {
            Value::Object(members) => {
                for (key, member) in members {
                    if key == "$ref"
                        && let Some(name) = member.as_str().and_then(|r| r.strip_prefix("#/$defs/"))
                        && let Some((name, definition)) = definitions.get_key_value(&unescape(name))
                        && found.insert(name.as_str())
                    {
                        pending.push(definition);
                    }
                    pending.push(member);
                }
            }
            Value::Array(items) => pending.extend(items),
            _ => {}
        }
    }
    definitions
        .iter()
        .filter(|(name, _)| found.contains(name.as_str()))
        .map(|(name, schema)| (name.clone(), schema.clone()))
        .collect()
}

/// A JSON pointer's token as the key it means (RFC 6901, section 4).
fn unescape(token: &str) -> String {
    token.replace("~1", "/").replace("~0", "~")
}

#[cfg(test)]
mod tests;
