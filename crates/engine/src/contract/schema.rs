//! The schemas of the service, or of a workspace over them, which policies name by `schema-id`.
//!
//! [`crate::compile::Compiler`] holds them while documents are compiled. What must stay true: a text is read when a
//! policy first names it, and not at all when none does.

use super::{Place, document};
use crate::contract::body::{BodyRules, Validation, json_validation};
use crate::contract::xml_schema;
use crate::definition::{SchemaDefinition, SchemaKind};
use std::sync::Arc;
use tollgate_agents::operation::arguments::Validators;
use tollgate_agents::operation::openapi;
use tollgate_lang::value::Str;

/// Largest schema, in bytes (API Management: 4 MB).
pub const LARGEST: usize = 4 << 20;

/// All of them.
#[derive(Debug, Default)]
pub struct Schemas(Vec<SchemaDefinition>);

impl Schemas {
    /// What a workspace sees (`None`: the service): its own, then the service's.
    pub fn new(schemas: &[SchemaDefinition], workspace: Option<&Arc<str>>) -> Schemas {
        let own = schemas.iter().filter(|s| s.workspace.as_ref() == workspace);
        let service = schemas
            .iter()
            .filter(|s| workspace.is_some() && s.workspace.is_none());
        Schemas(own.chain(service).cloned().collect())
    }

    /// Their ids.
    pub fn ids(&self) -> impl Iterator<Item = &str> {
        self.0.iter().map(|s| &*s.id)
    }

    /// The schema of this id.
    pub fn find(&self, id: &str) -> Option<&SchemaDefinition> {
        self.0.iter().find(|s| *s.id == *id)
    }

    /// The text of an XML schema that another one includes as `/schemas/<id>`, or by its id.
    pub fn included(&self, location: &str) -> Option<Arc<str>> {
        let id = location.rsplit('/').next().unwrap_or(location);
        let found = self.find(id).filter(|s| s.kind == SchemaKind::Xml)?;
        Some(found.text.clone())
    }

    /// Compiles a JSON schema, or the part of it that `reference` names. The error says why it cannot be used.
    pub fn json(
        &self,
        schema: &SchemaDefinition,
        reference: Option<&str>,
        rules: BodyRules,
        validators: &mut Validators,
        place: &mut Place<'_>,
    ) -> Result<Validation, String> {
        if schema.text.len() > LARGEST {
            return Err(format!("is larger than {} MiB", LARGEST >> 20));
        }
        let document = document(&schema.text).map_err(|why| format!("is not JSON: {why}"))?;
        let found = openapi::definition(&document, reference.unwrap_or("#"))
            .map_err(|why| format!("cannot be used: {why}"))?;
        Ok(json_validation(&found, rules, validators, place))
    }

    /// Compiles an XML schema. The error says why it cannot be used.
    pub fn xml(&self, text: &str, soap: bool) -> Result<Validation, String> {
        if text.len() > LARGEST {
            return Err(format!("is larger than {} MiB", LARGEST >> 20));
        }
        let schema = xml_schema::compile(text, &|location| self.included(location))?;
        Ok(Validation::Xml { schema, soap })
    }
}

/// What a schema is called in messages: the last part of its reference, else its id.
pub fn called(id: &str, reference: Option<&str>) -> Str {
    let last = reference.and_then(|r| r.rsplit('/').next());
    Str::from(last.filter(|n| !n.is_empty() && *n != "#").unwrap_or(id))
}
