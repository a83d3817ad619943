//! GraphQL APIs: the schema, the reader of requests, and what a document asks for.
//!
//! [`crate::snapshot::build`] compiles the schema; `validate-graphql-request` reads requests and holds them to it. Source:
//! the GraphQL specification (September 2025), "GraphQL over HTTP", and API Management's pages on GraphQL APIs. What must
//! stay true: of every request the size, the depth and the number of fields are bounded before anything walks it.

pub mod access;
pub(crate) mod cosmos;
pub mod document;
pub mod error;
pub mod events;
pub(crate) mod execute;
pub(crate) mod fuzz;
pub mod request;
pub mod resolver;
mod rewrite;
pub(crate) mod rules;
pub mod schema;
pub(crate) mod set_url;
pub mod size;
pub mod socket;

pub use schema::Schema;

use crate::compile::{Compiler, ScopeDocument};
use crate::contract::ContractUses;
use crate::definition::{ApiDefinition, ResolverDefinition};
use crate::snapshot::{Api, Product, Workspace, fault};
use resolver::Resolver;
use std::collections::HashMap;
use tollgate_lang::diagnostic::nearest::nearest;
use tollgate_lang::value::Str;
use tollgate_lang::{Diagnostic, Diagnostics, Span};

/// A compiled GraphQL API.
#[derive(Debug)]
pub struct GraphQl {
    /// Its schema.
    pub schema: Schema,
    /// Resolvers by the names of type and field.
    pub(crate) resolvers: HashMap<Str, HashMap<Str, Resolver>>,
    /// Whether one of them publishes events, so that the API answers subscriptions itself.
    pub(crate) publishes: bool,
}

impl GraphQl {
    /// Compiles what makes an API a GraphQL API; `None` for others, for those without a schema, and when it was refused.
    /// `workspace`: index of the one that it is in.
    pub(crate) fn build(
        api: &ApiDefinition,
        compiler: &Compiler<'_>,
        workspace: Option<u32>,
        diagnostics: &mut Diagnostics,
    ) -> Option<GraphQl> {
        let definition = api.graphql.as_deref()?;
        let schema = match &definition.schema {
            Some(text) => Schema::read(text, diagnostics),
            None => None,
        };
        let mut resolvers: HashMap<Str, HashMap<Str, Resolver>> = HashMap::new();
        let mut publishes = false;
        for resolver in &definition.resolvers {
            let mut uses = ContractUses::default();
            let document = compiler.resolver(&resolver.policy, workspace, &mut uses, diagnostics);
            let (name, field) = (&resolver.type_name, &resolver.field);
            if let Some(schema) = &schema {
                let object = schema.types().get_object(name);
                if object.is_none_or(|o| !o.fields.contains_key(&**field)) {
                    unlinked(api, resolver, diagnostics);
                } else if schema.is_subscription(name) {
                    never_runs(api, resolver, diagnostics);
                    continue;
                } else {
                    for target in &uses.subscriptions {
                        publishes |= is_target(api, schema, target, diagnostics);
                    }
                }
            }
            let fields = resolvers.entry(name.clone()).or_default();
            if fields.contains_key(field) {
                let message = format!("two resolvers of API `{}` are for `{name}.{field}`", api.id);
                fault(diagnostics, resolver.span, message, "remove one of them");
            }
            if let Some(document) = document {
                let id = resolver.id.clone();
                fields.insert(field.clone(), Resolver { id, document });
            }
        }
        if schema.is_none() && definition.schema.is_none() && !definition.resolvers.is_empty() {
            let message = format!("API `{}` has resolvers and no GraphQL schema", api.id);
            let help = "name the file of its schema under `specification`";
            fault(diagnostics, api.span, message, help);
        }
        let schema = schema?;
        Some(GraphQl {
            schema,
            resolvers,
            publishes,
        })
    }

    /// The resolver of a field.
    pub(crate) fn resolver(&self, name: &str, field: &str) -> Option<&Resolver> {
        self.resolvers.get(name)?.get(field)
    }
}

/// A resolver of what the schema does not have: API Management keeps it as not linked, and never runs it.
fn unlinked(api: &ApiDefinition, resolver: &ResolverDefinition, diagnostics: &mut Diagnostics) {
    let (name, field) = (&resolver.type_name, &resolver.field);
    let id = &api.id;
    let message = format!(
        "the schema of API `{id}` has no object type `{name}` with a field `{field}`: the resolver never runs"
    );
    diagnostics.push(Diagnostic {
        code: "TG0577",
        severity: tollgate_lang::Severity::Warning,
        message,
        span: resolver.span,
        label: String::new(),
        help: Some(String::from("correct the path, or remove the resolver")),
        related: Vec::new(),
    });
}

/// A resolver of a subscription: its value is the event.
fn never_runs(api: &ApiDefinition, resolver: &ResolverDefinition, diagnostics: &mut Diagnostics) {
    let (name, field, id) = (&resolver.type_name, &resolver.field, &api.id);
    let message = format!(
        "the value of the subscription `{name}.{field}` of API `{id}` is the event: the resolver never runs"
    );
    diagnostics.push(Diagnostic {
        code: "TG0705",
        severity: tollgate_lang::Severity::Warning,
        message,
        span: resolver.span,
        label: String::new(),
        help: Some(String::from(
            "remove it; `publish-event` in the resolver of a query or mutation gives the value",
        )),
        related: Vec::new(),
    });
}

/// Whether what `publish-event` names is a field of the subscription type.
fn is_target(
    api: &ApiDefinition,
    schema: &Schema,
    (field, span): &(Str, Span),
    diagnostics: &mut Diagnostics,
) -> bool {
    if schema.subscription(field).is_some() {
        return true;
    }
    let id = &api.id;
    let message = format!("the schema of API `{id}` has no subscription `{field}`");
    let fields = schema.subscriptions();
    let help = match nearest(field, fields.iter().map(|name| name.as_str())) {
        Some(near) => format!("did you mean `{near}`?"),
        None if fields.is_empty() => {
            String::from("add `type Subscription { ... }` with a field of that name to the schema")
        }
        None => String::from("name a field of the schema's subscription type"),
    };
    diagnostics.push(
        Diagnostic::error("TG0706", *span, message)
            .label("nobody can subscribe to it")
            .help(help),
    );
    false
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
