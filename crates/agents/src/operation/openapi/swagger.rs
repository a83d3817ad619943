//! What Swagger 2.0 says in its own way: bodies and forms as parameters, `collectionFormat`, `consumes`.

use super::contract::{description, location};
use super::document::Document;
use super::schema::{Schemas, is_binary};
use crate::operation::contract::{essence, is_json};
use crate::operation::{Body, BodyKind, Contract, Field, Location, Parameter, Style};
use serde_json::{Map, Value, json};
use std::collections::BTreeMap;

/// What of a parameter is no schema.
const NOT_SCHEMA: [&str; 7] = [
    "name",
    "in",
    "required",
    "collectionFormat",
    "allowEmptyValue",
    "description",
    "schema",
];

/// Fills in parameters and body.
pub(super) fn read(
    document: &Document,
    operation: &Value,
    declared: &[&Value],
    schemas: &mut Schemas<'_>,
    contract: &mut Contract,
) {
    let mut form = Form::default();
    for parameter in declared {
        let Some(name) = parameter.get("name").and_then(Value::as_str) else {
            continue;
        };
        match parameter.get("in").and_then(Value::as_str) {
            Some("body") => contract.body = body(document, operation, parameter, schemas, contract),
            Some("formData") => form.add(name, parameter),
            _ => contract
                .parameters
                .extend(self::parameter(name, parameter, schemas)),
        }
    }
    if !form.properties.is_empty() {
        contract.body = Some(form.body(document, operation, schemas));
    }
}

pub(super) fn required(parameter: &Value) -> bool {
    parameter.get("required") == Some(&Value::Bool(true))
}

/// The schema that a parameter is itself.
fn own_schema(parameter: &Value) -> Value {
    let members = parameter.as_object().into_iter().flatten();
    Value::Object(
        members
            .filter(|(name, _)| !NOT_SCHEMA.contains(&name.as_str()))
            .map(|(name, value)| (name.clone(), value.clone()))
            .collect(),
    )
}

pub(super) fn parameter(
    name: &str,
    parameter: &Value,
    schemas: &mut Schemas<'_>,
) -> Option<Parameter> {
    Some(described(name, location(parameter)?, parameter, schemas))
}

/// A parameter, or a header of a response, of this name.
pub(super) fn described(
    name: &str,
    location: Location,
    parameter: &Value,
    schemas: &mut Schemas<'_>,
) -> Parameter {
    let (style, explode) = collection(parameter);
    Parameter {
        name: name.to_owned(),
        location,
        required: required(parameter),
        style: match (location, style) {
            (Location::Path | Location::Header, Style::Form) => Style::Simple,
            (_, style) => style,
        },
        explode,
        allow_reserved: false,
        json: false,
        schema: schemas.convert(&own_schema(parameter)),
        description: description(parameter),
    }
}

/// `collectionFormat`: `csv` unless another is told.
fn collection(parameter: &Value) -> (Style, bool) {
    match parameter.get("collectionFormat").and_then(Value::as_str) {
        Some("ssv") => (Style::Space, false),
        Some("tsv") => (Style::Tab, false),
        Some("pipes") => (Style::Pipe, false),
        Some("multi") => (Style::Form, true),
        _ => (Style::Form, false),
    }
}

/// Media types of the operation, else of the document.
pub(super) fn media_types<'d>(
    document: &'d Document,
    operation: &'d Value,
    name: &str,
) -> Vec<&'d str> {
    operation
        .get(name)
        .or_else(|| document.root.get(name))
        .and_then(Value::as_array)
        .into_iter()
        .flatten()
        .filter_map(Value::as_str)
        .collect()
}

/// Whether the operation answers with JSON.
pub(super) fn answers_json(document: &Document, operation: &Value) -> bool {
    let kinds = media_types(document, operation, "produces");
    kinds.is_empty() || kinds.iter().any(|k| is_json(&essence(k)))
}

fn body(
    document: &Document,
    operation: &Value,
    parameter: &Value,
    schemas: &mut Schemas<'_>,
    contract: &mut Contract,
) -> Option<Body> {
    let kinds = media_types(document, operation, "consumes");
    let kinds = if kinds.is_empty() {
        vec!["application/json"]
    } else {
        kinds
    };
    let usable = kinds
        .iter()
        .filter_map(|name| Some((BodyKind::of(name)?, *name)))
        .min_by_key(|(kind, _)| kind.rank());
    let Some((kind, media_type)) = usable else {
        contract.obstacle = Some(format!(
            "its body can only be of type `{}`, which a tool cannot write",
            kinds.join("`, `")
        ));
        return None;
    };
    let schema = parameter
        .get("schema")
        .cloned()
        .unwrap_or_else(|| json!({}));
    Some(Body {
        media_type: media_type.to_owned(),
        kind,
        required: required(parameter),
        schema: schemas.convert(&schema),
        description: description(parameter),
        fields: BTreeMap::new(),
    })
}

/// Fields of a form, which make its body.
#[derive(Default)]
pub(super) struct Form {
    pub(super) properties: Map<String, Value>,
    required: Vec<Value>,
    fields: BTreeMap<String, Field>,
}

impl Form {
    pub(super) fn add(&mut self, name: &str, parameter: &Value) {
        let mut schema = own_schema(parameter);
        if let (Some(text), Some(schema)) = (description(parameter), schema.as_object_mut()) {
            schema.insert(String::from("description"), Value::String(text));
        }
        if required(parameter) {
            self.required.push(json!(name));
        }
        let (style, explode) = collection(parameter);
        self.fields.insert(
            name.to_owned(),
            Field {
                content_type: None,
                binary: is_binary(&schema),
                style,
                explode,
            },
        );
        self.properties.insert(name.to_owned(), schema);
    }

    pub(super) fn body(
        self,
        document: &Document,
        operation: &Value,
        schemas: &mut Schemas<'_>,
    ) -> Body {
        let kinds = media_types(document, operation, "consumes");
        let multipart = self.fields.values().any(|f| f.binary)
            || (kinds
                .iter()
                .any(|k| BodyKind::of(k) == Some(BodyKind::Multipart))
                && !kinds
                    .iter()
                    .any(|k| BodyKind::of(k) == Some(BodyKind::Form)));
        let (kind, media_type) = if multipart {
            (BodyKind::Multipart, "multipart/form-data")
        } else {
            (BodyKind::Form, "application/x-www-form-urlencoded")
        };
        let needed = !self.required.is_empty();
        let schema =
            json!({"type": "object", "properties": self.properties, "required": self.required});
        Body {
            media_type: media_type.to_owned(),
            kind,
            required: needed,
            schema: schemas.convert(&schema),
            description: None,
            fields: self.fields,
        }
    }
}
