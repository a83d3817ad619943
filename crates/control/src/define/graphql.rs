//! GraphQL APIs: the schema and the resolvers of one.
//!
//! Called by `apis`. The schema is `specification` (a file, or the text), or the resource `schemas/graphql` as a template
//! has it. What must stay true: what cannot be read is a fault at the value that names it.

use super::Reader;
use crate::model::api::{Api, ApiType, Resolver};
use crate::yaml::At;
use std::sync::Arc;
use tollgate_engine::definition::{GraphQlDefinition, PolicyText, ResolverDefinition};

/// Content type of a GraphQL schema among an API's `schemas`.
const SCHEMA: &str = "application/vnd.ms-azure-apim.graphql.schema";

impl Reader<'_, '_> {
    /// What makes an API a GraphQL API.
    pub(super) fn graphql(&mut self, api: &Api) -> Option<Box<GraphQlDefinition>> {
        if api.kind != ApiType::Graphql {
            for resolver in &api.resolvers {
                self.fault(
                    resolver.policy.place,
                    format!(
                        "API `{}` has a resolver and is no GraphQL API",
                        api.id.value
                    ),
                    "resolvers are parts of APIs with `type: graphql`",
                    "",
                );
            }
            return None;
        }
        let schema = match &api.specification {
            Some(specification) => self.graphql_schema(api, specification),
            None => self.graphql_resource(api),
        };
        let resolvers = api.resolvers.iter();
        let resolvers = resolvers.filter_map(|resolver| self.resolver(api, resolver));
        let resolvers = resolvers.collect();
        Some(Box::new(GraphQlDefinition { schema, resolvers }))
    }

    fn graphql_schema(&mut self, api: &Api, written: &At<String>) -> Option<PolicyText> {
        if is_schema(written) {
            return Some(self.graphql_text(api, written));
        }
        let path = self.files.resolve(written);
        match self.files.text(&path) {
            Ok((file, text)) => Some(PolicyText { file, text }),
            Err(why) => {
                self.fault(
                    written.place,
                    format!("the GraphQL schema cannot be read from {}: {why}", path.display()),
                    "expected the path of a GraphQL schema, relative to this file, or the schema itself",
                    "",
                );
                None
            }
        }
    }

    /// The schema as a resource of the API.
    fn graphql_resource(&mut self, api: &Api) -> Option<PolicyText> {
        let of_graphql = |kind: &str| kind.trim().eq_ignore_ascii_case(SCHEMA);
        let mut schemas = api.schemas.iter();
        let schema = schemas.find(|s| s.content_type.as_deref().is_some_and(of_graphql))?;
        if let Some(value) = &schema.value.value {
            return self.graphql_schema(api, value);
        }
        let text = schema.document.as_ref()?.get("value")?.as_str()?;
        let text = At {
            value: text.to_owned(),
            place: schema.id.place,
        };
        Some(self.graphql_text(api, &text))
    }

    /// A schema that stands in the configuration.
    fn graphql_text(&mut self, api: &Api, written: &At<String>) -> PolicyText {
        let text: Arc<str> = Arc::from(written.as_str());
        let name = self.files.sources.get(self.file).map(|s| s.name.clone());
        let name = name.as_deref().unwrap_or_default();
        let name = format!("{name} (the schema of API `{}`)", api.id.value);
        let file = self.files.sources.add(name, text.clone());
        PolicyText { file, text }
    }

    fn resolver(&mut self, api: &Api, resolver: &Resolver) -> Option<ResolverDefinition> {
        let path = resolver.path.as_ref();
        let parts = path.and_then(|path| path.trim_matches('/').split_once('/'));
        let field = match (parts, &resolver.type_name, &resolver.field) {
            (Some((name, field)), None, None) => Some((name.trim(), field.trim())),
            (None, Some(name), Some(field)) if path.is_none() => {
                Some((name.as_str(), field.as_str()))
            }
            _ => None,
        };
        let Some((type_name, field)) = field else {
            let place = path.map_or(resolver.policy.place, |path| path.place);
            self.fault(
                place,
                format!(
                    "a resolver of API `{}` does not say whose field it is",
                    api.id.value
                ),
                "expected `path: Type/field`, or `type` and `field`",
                "",
            );
            return None;
        };
        let what = format!(
            "the resolver of `{type_name}.{field}` of API `{}`",
            api.id.value
        );
        let policy = self.policy(&resolver.policy, &what)?;
        let id = match &resolver.id {
            Some(id) => id.value.clone(),
            None => format!("{type_name}-{field}"),
        };
        let place = path.or(resolver.field.as_ref()).map(|p| self.span(p.place));
        Some(ResolverDefinition {
            span: place,
            id: Arc::from(id),
            type_name: Arc::from(type_name),
            field: Arc::from(field),
            policy,
        })
    }
}

/// Whether a text is a schema, and not the path of one.
pub(crate) fn is_schema(text: &str) -> bool {
    text.contains('{') && text.contains('}')
}
