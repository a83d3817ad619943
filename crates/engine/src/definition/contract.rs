//! Where operations' contracts and schemas come from.
//!
//! `control` and fixtures implement [`ContractSource`]. [`crate::snapshot::build`] asks for the contracts of those
//! operations only whose documents have a policy that holds messages to them: others cost nothing.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::sync::Arc;
use tollgate_agents::operation::Messages;
use tollgate_lang::{Diagnostics, Span};

/// Reads what operations of one API declare of their messages.
pub trait ContractSource: fmt::Debug + Send + Sync {
    /// Of the operations with these ids; one that declares nothing is left out. What could not be read is reported.
    fn read(
        &self,
        operations: &BTreeSet<&str>,
        diagnostics: &mut Diagnostics,
    ) -> BTreeMap<String, Messages>;
}

/// Contracts that are in memory already.
#[derive(Clone, Debug, Default)]
pub struct KnownContracts(pub BTreeMap<String, Messages>);

impl ContractSource for KnownContracts {
    fn read(&self, operations: &BTreeSet<&str>, _: &mut Diagnostics) -> BTreeMap<String, Messages> {
        let wanted = operations.iter();
        wanted
            .filter_map(|id| Some(((*id).to_owned(), self.0.get(*id)?.clone())))
            .collect()
    }
}

/// A schema that policies name by its id (`schema-id`).
#[derive(Clone, Debug)]
pub struct SchemaDefinition {
    /// Where it stands in the configuration.
    pub span: Option<Span>,
    /// The workspace that it is in.
    pub workspace: Option<Arc<str>>,
    /// Its id.
    pub id: Arc<str>,
    /// Its language.
    pub kind: SchemaKind,
    /// Its text.
    pub text: Arc<str>,
}

/// Languages of schemas (`schemaType`).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SchemaKind {
    /// JSON Schema, or an OpenAPI document with schemas in it.
    Json,
    /// XML Schema 1.0.
    Xml,
}
