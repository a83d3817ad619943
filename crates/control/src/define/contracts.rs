//! Contracts of operations out of specifications and out of the file itself, and `schemas:`.
//!
//! The engine asks [`Declared`] when a policy in effect needs contracts ([`ContractSource`]). What must stay true: what
//! the file says of a parameter, content type or status comes over what the specification says of it.

use super::Reader;
use crate::model::api::{Api, ApiType, Operation};
use crate::model::contract::{self as written, SchemaType};
use crate::openapi;
use crate::yaml::At;
use serde_json::{Value, json};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use tollgate_agents::operation::openapi::definition;
use tollgate_agents::operation::{
    BodySchema, DeclaredResponse, Location, Messages, Parameter, Representation, Style,
};
use tollgate_engine::definition::{ContractSource, SchemaDefinition, SchemaKind};
use tollgate_lang::{Diagnostics, FileId};

/// What an API declares.
#[derive(Debug)]
struct Declared {
    specification: Option<(FileId, Arc<str>)>,
    /// Operations that the file says something of.
    written: Vec<Operation>,
    /// Schemas of the API, then those of the service.
    schemas: Vec<SchemaDefinition>,
}

impl ContractSource for Declared {
    fn read(
        &self,
        operations: &BTreeSet<&str>,
        diagnostics: &mut Diagnostics,
    ) -> BTreeMap<String, Messages> {
        let mut all = match &self.specification {
            Some((file, text)) => openapi::messages(*file, text, operations, diagnostics),
            None => BTreeMap::new(),
        };
        for operation in &self.written {
            let id = operation.id.as_str();
            if operations.contains(id) {
                self.over(operation, all.entry(id.to_owned()).or_default());
            }
        }
        all
    }
}

impl Declared {
    /// Puts what the file says over what the specification said.
    fn over(&self, operation: &Operation, messages: &mut Messages) {
        let request = operation.request.clone().unwrap_or_default();
        for (location, parameters) in [
            (Location::Path, &operation.template_parameters),
            (Location::Query, &request.query_parameters),
            (Location::Header, &request.headers),
        ] {
            for parameter in parameters {
                let parameter = self.parameter(parameter, location);
                let same = |p: &Parameter| {
                    p.location == location && p.name.eq_ignore_ascii_case(&parameter.name)
                };
                put(&mut messages.parameters, same, parameter.clone());
            }
        }
        self.representations(&request.representations, &mut messages.request);
        for response in &operation.responses {
            let Some(status) = response.status() else {
                continue;
            };
            let known = messages.responses.iter().position(|r| r.status == status);
            let at = known.unwrap_or_else(|| {
                messages.responses.push(DeclaredResponse {
                    status,
                    ..DeclaredResponse::default()
                });
                messages.responses.len() - 1
            });
            let to = &mut messages.responses[at];
            for header in &response.headers {
                let header = self.parameter(header, Location::Header);
                let same = |h: &Parameter| h.name.eq_ignore_ascii_case(&header.name);
                put(&mut to.headers, same, header.clone());
            }
            self.representations(&response.representations, &mut to.representations);
        }
    }

    fn parameter(&self, written: &written::Parameter, location: Location) -> Parameter {
        let schema = match &written.schema_id {
            Some(id) => match self.schema(id, written.type_name.as_deref()) {
                BodySchema::Json(schema) => schema,
                // Nothing fits what does not exist.
                BodySchema::Missing | BodySchema::Xml(_) => Value::Bool(false),
            },
            None => plain(written),
        };
        let query = location == Location::Query;
        Parameter {
            name: written.name.value.clone(),
            location,
            required: written.required,
            style: if query { Style::Form } else { Style::Simple },
            explode: query,
            allow_reserved: false,
            json: false,
            schema,
            description: None,
        }
    }

    fn representations(
        &self,
        written: &[At<written::Representation>],
        to: &mut Vec<Representation>,
    ) {
        for representation in written {
            let content_type = representation.content_type.value.clone();
            let type_name = representation.type_name.as_deref();
            let mut examples = Vec::new();
            let named = representation.examples.as_ref().and_then(Value::as_object);
            for (_, example) in named.into_iter().flatten() {
                examples.push(example.get("value").unwrap_or(example).clone());
            }
            examples.extend(representation.sample.clone().map(Value::String));
            let schema_id = representation.schema_id.as_ref();
            let new = Representation {
                definition: type_name.unwrap_or_default().to_owned(),
                schema: schema_id.map(|id| self.schema(id, type_name)),
                examples,
                content_type,
            };
            let same = |r: &Representation| r.content_type.eq_ignore_ascii_case(&new.content_type);
            match to.iter_mut().find(|r| same(r)) {
                // What the file leaves out stays.
                Some(known) => {
                    if new.schema.is_some() {
                        known.schema = new.schema;
                        known.definition = new.definition;
                    }
                    if !new.examples.is_empty() {
                        known.examples = new.examples;
                    }
                }
                None => to.push(new),
            }
        }
    }

    /// A schema by the id of its document, and its name in it.
    fn schema(&self, id: &str, name: Option<&str>) -> BodySchema {
        let id = super::id_of(id, "schemas");
        let Some(found) = self.schemas.iter().find(|s| *s.id == *id) else {
            return BodySchema::Missing;
        };
        if found.kind == SchemaKind::Xml {
            return BodySchema::Xml(found.text.clone());
        }
        let Ok(document) = tollgate_engine::contract::document(&found.text) else {
            return BodySchema::Missing;
        };
        let places = match name {
            Some(name) if name.starts_with('#') => vec![name.to_owned()],
            Some(name) => ["#/components/schemas/", "#/definitions/", "#/$defs/", "#/"]
                .iter()
                .map(|place| format!("{place}{}", name.replace('~', "~0").replace('/', "~1")))
                .collect(),
            None => vec![String::from("#")],
        };
        let mut found = places.iter().filter_map(|p| definition(&document, p).ok());
        found.next().map_or(BodySchema::Missing, BodySchema::Json)
    }
}

/// The schema of a parameter that says its type and its values itself.
fn plain(written: &written::Parameter) -> Value {
    let kind = written.kind.as_deref().unwrap_or("string").trim();
    let mut schema = json!({ "type": kind });
    if !written.values.is_empty() {
        let values: Vec<Value> = written
            .values
            .iter()
            .map(|text| match kind {
                "string" => Value::String(text.clone()),
                _ => serde_json::from_str(text).unwrap_or_else(|_| Value::String(text.clone())),
            })
            .collect();
        schema["enum"] = Value::Array(values);
    }
    schema
}

/// Puts a thing in the place of the same one, or at the end.
fn put<T>(list: &mut Vec<T>, same: impl Fn(&T) -> bool, new: T) {
    match list.iter_mut().find(|old| same(old)) {
        Some(old) => *old = new,
        None => list.push(new),
    }
}

impl Reader<'_, '_> {
    /// Where the contracts of an API's operations come from; none: nothing declares any.
    pub(super) fn contract_source(
        &mut self,
        api: &Api,
        schemas: &[SchemaDefinition],
    ) -> Option<Arc<dyn ContractSource>> {
        let openapi = api.specification.as_ref();
        let openapi = openapi.filter(|_| api.kind != ApiType::Graphql);
        let path = openapi.map(|p| self.files.resolve(p));
        // What cannot be read has been said when the operations were.
        let specification = path.and_then(|path| self.files.text(&path).ok());
        let written: Vec<Operation> = api
            .operations
            .iter()
            .filter(|o| {
                o.request.is_some() || !o.template_parameters.is_empty() || !o.responses.is_empty()
            })
            .map(|o| o.value.clone())
            .collect();
        if specification.is_none() && written.is_empty() {
            return None;
        }
        let mut own = self.schemas(&api.schemas);
        own.extend(schemas.iter().cloned());
        let known: BTreeSet<&str> = own.iter().map(|s| &*s.id).collect();
        for operation in &written {
            let wrong = operation.responses.iter().filter(|r| r.status().is_none());
            for response in wrong {
                self.fault(
                    response.status_code.place,
                    format!("`{}` is not a status code", response.status_code.value),
                    "expected a code such as `200`, a range such as `2XX`, or `default`",
                    "",
                );
            }
            for id in schema_ids(operation) {
                self.known(id, super::id_of(id, "schemas"), "schema", "schemas", &known);
            }
        }
        Some(Arc::new(Declared {
            specification,
            written,
            schemas: own,
        }))
    }

    /// Schemas of the service or of an API.
    pub(super) fn schemas(&mut self, written: &[At<written::Schema>]) -> Vec<SchemaDefinition> {
        self.once(written.iter().map(|s| &s.id), "schema");
        let mut schemas = Vec::new();
        for schema in written {
            // What cannot be read allows everything, so that its users are not blamed.
            let text = self.schema_text(schema).unwrap_or_else(|| {
                let xml = match schema.schema_type {
                    Some(kind) => kind == SchemaType::Xml,
                    None => schema
                        .value
                        .value
                        .iter()
                        .any(|v| v.trim().ends_with(".xsd")),
                };
                Arc::from(if xml { ANY_XML } else { "{}" })
            });
            let kind = match schema.schema_type {
                Some(SchemaType::Json) => SchemaKind::Json,
                Some(SchemaType::Xml) => SchemaKind::Xml,
                None if text.trim_start().starts_with('<') => SchemaKind::Xml,
                None => SchemaKind::Json,
            };
            schemas.push(SchemaDefinition {
                workspace: self.workspace.clone(),
                span: Some(self.span(schema.id.place)),
                id: Arc::from(schema.id.as_str()),
                kind,
                text,
            });
        }
        schemas
    }

    fn schema_text(&mut self, schema: &written::Schema) -> Option<Arc<str>> {
        let inner = schema.document.as_ref().and_then(|d| d.get("value"));
        match (&schema.value, &schema.document) {
            (Some(value), None) if value.trim_start().starts_with(['<', '{', '[']) => {
                Some(Arc::from(value.as_str()))
            }
            (Some(value), None) => {
                let path = self.files.resolve(value);
                match self.files.read(&path) {
                    Ok(text) => Some(Arc::from(text)),
                    Err(why) => {
                        let message = format!(
                            "schema `{}` cannot be read from {}: {why}",
                            schema.id.value,
                            path.display()
                        );
                        let label =
                            "expected the path of a schema, relative to this file, or its text";
                        self.fault(value.place, message, label, "");
                        None
                    }
                }
            }
            (None, Some(document)) => Some(match inner.and_then(Value::as_str) {
                Some(text) => Arc::from(text),
                None => Arc::from(document.to_string()),
            }),
            _ => {
                self.fault(
                    schema.id.place,
                    format!("schema `{}` needs its text", schema.id.value),
                    "expected one of `value` and `document` beside it",
                    "",
                );
                None
            }
        }
    }
}

/// An XML Schema that declares nothing.
const ANY_XML: &str = r#"<xs:schema xmlns:xs="http://www.w3.org/2001/XMLSchema" />"#;

/// All ids of schemas that an operation names.
fn schema_ids(operation: &Operation) -> Vec<&At<String>> {
    let request = operation.request.iter();
    let parameters = operation
        .template_parameters
        .iter()
        .chain(
            request
                .clone()
                .flat_map(|r| r.query_parameters.iter().chain(&r.headers)),
        )
        .chain(operation.responses.iter().flat_map(|r| &r.headers))
        .filter_map(|p| p.schema_id.as_ref());
    let bodies = request
        .flat_map(|r| &r.representations)
        .chain(operation.responses.iter().flat_map(|r| &r.representations))
        .filter_map(|r| r.schema_id.as_ref());
    parameters.chain(bodies).collect()
}
