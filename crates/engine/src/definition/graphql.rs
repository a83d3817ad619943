//! What makes an API a GraphQL API.
//!
//! `control` and fixtures give it, [`crate::snapshot::build`] compiles it into [`crate::graphql::GraphQl`]. Names and
//! meaning are those of API Management's resources `apis/{id}/schemas/graphql` and `apis/{id}/resolvers/{id}`.

use super::PolicyText;
use std::sync::Arc;
use tollgate_lang::Span;

/// A GraphQL API's schema and resolvers.
#[derive(Clone, Debug, Default)]
pub struct GraphQlDefinition {
    /// The schema, in GraphQL's schema language. `None`: requests pass, and nothing can look into them.
    pub schema: Option<PolicyText>,
    /// What answers single fields instead of the API's backend.
    pub resolvers: Vec<ResolverDefinition>,
}

/// A resolver: a document that gives the value of one field of one type.
#[derive(Clone, Debug)]
pub struct ResolverDefinition {
    /// Where it stands in the configuration.
    pub span: Option<Span>,
    /// Its id.
    pub id: Arc<str>,
    /// The object type.
    pub type_name: Arc<str>,
    /// The field.
    pub field: Arc<str>,
    /// The document, whose root is a data source.
    pub policy: PolicyText,
}
