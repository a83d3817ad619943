//! GraphQL APIs: the schema, the reader of requests, and what a document asks for.
//!
//! [`crate::snapshot::build`] compiles the schema; `validate-graphql-request` reads requests and holds them to it. Source:
//! the GraphQL specification (September 2025), "GraphQL over HTTP", and API Management's pages on GraphQL APIs. What must
//! stay true: of every request the size, the depth and the number of fields are bounded before anything walks it.

pub mod access;
pub mod document;
pub mod error;
pub(crate) mod fuzz;
pub mod request;
pub mod schema;
pub mod size;

pub use schema::Schema;

use crate::compile::ScopeDocument;
use crate::definition::ApiDefinition;
use crate::snapshot::{Api, Product, Workspace};
use tollgate_lang::{Diagnostic, Diagnostics};

/// A compiled GraphQL API.
#[derive(Debug)]
pub struct GraphQl {
    /// Its schema.
    pub schema: Schema,
}

impl GraphQl {
    /// Compiles what makes an API a GraphQL API; `None` for others, for those without a schema, and when it was refused.
    pub fn build(api: &ApiDefinition, diagnostics: &mut Diagnostics) -> Option<GraphQl> {
        let text = api.graphql.as_ref()?.schema.as_ref()?;
        let schema = Schema::read(text, diagnostics)?;
        Some(GraphQl { schema })
    }
}

/// Reports `validate-graphql-request` where there is no schema that it could hold requests to.
pub(crate) fn check(
    definitions: &[ApiDefinition],
    global: &ScopeDocument,
    workspaces: &[Workspace],
    products: &[Product],
    apis: &[Api],
    diagnostics: &mut Diagnostics,
) {
    for (definition, api) in definitions.iter().zip(apis) {
        let without = match &definition.graphql {
            Some(graphql) if graphql.schema.is_some() => continue,
            Some(_) => {
                let outer = [global].into_iter();
                let outer = outer.chain(api.workspace.map(|w| &workspaces[w as usize].policy));
                let mut outer =
                    outer.chain(api.products.iter().map(|p| &products[*p as usize].policy));
                outer.any(|document| document.uses.graphql) || api.policy.uses.graphql
            }
            // A document of a wider scope is there for other APIs.
            None => api.policy.uses.graphql,
        };
        if !without {
            continue;
        }
        let id = &api.id;
        let (message, help) = if definition.graphql.is_some() {
            (
                format!("API `{id}` has no GraphQL schema for `validate-graphql-request`"),
                "name the file of its schema under `specification`",
            )
        } else {
            (
                format!(
                    "API `{id}` has the policy `validate-graphql-request` and is no GraphQL API"
                ),
                "set `type: graphql` and name the file of its schema under `specification`",
            )
        };
        diagnostics.push(Diagnostic {
            code: "TG0571",
            severity: tollgate_lang::Severity::Error,
            message,
            span: definition.span,
            label: String::new(),
            help: Some(help.to_owned()),
            related: Vec::new(),
        });
    }
}
