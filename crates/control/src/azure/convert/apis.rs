//! APIs and their operations.

use super::names::last;
use super::{Conversion, shorten};
use crate::azure::Resource;
use crate::azure::tree::{mapping, text};
use crate::yaml::{Kind, Node, Place};
use std::collections::BTreeSet;

/// Properties that document an API, or that only its creation reads.
const DOCUMENTATION: [&str; 13] = [
    "authenticationSettings",
    "contact",
    "license",
    "termsOfServiceUrl",
    "apiRevisionDescription",
    "apiVersionDescription",
    "sourceApiId",
    "provisioningState",
    "wsdlSelector",
    "translateRequiredQueryParameters",
    "soapApiType",
    "apiVersionSet",
    "isAgent",
];

impl Conversion<'_> {
    pub(super) fn api(&mut self, mut resource: Resource) {
        let workspace = resource.workspace.clone();
        let id = resource.name().to_owned();
        let place = resource.place;
        let properties = &mut resource.properties;
        let kind = properties
            .take("apiType")
            .or_else(|| properties.take("type"));
        properties.take("type");
        let kind = kind.and_then(|k| k.text().map(str::to_ascii_lowercase));
        match kind.as_deref() {
            Some(kind @ ("grpc" | "a2a")) => {
                let remedy = match kind {
                    "grpc" => "callers reach that server without the gateway",
                    _ => {
                        "write an API of type `http` with `POST /` to the agent and `GET` to its card"
                    }
                };
                self.note(
                    place,
                    format!("API `{id}` is left out: type `{kind}` is not served; {remedy}"),
                );
                self.left_out.insert((workspace, id));
                return;
            }
            None | Some("http") => {}
            Some(kind) => properties.set("type", text(kind, place)),
        }
        if properties.property("apiVersionSetId").is_none()
            && let Some(set) = properties
                .property("apiVersionSet")
                .and_then(|s| s.property("id"))
        {
            let set = set.copy();
            properties.set("apiVersionSetId", set);
        }
        for name in DOCUMENTATION {
            properties.take(name);
        }
        let (format, value) = (properties.take("format"), properties.take("value"));
        if let Some(misspelt) = properties.take("mcpPropperties") {
            properties.set("mcpProperties", misspelt);
        }
        let mut item = self.item(&mut resource, "Api", "API");
        if item.property("path").is_none() {
            item.set("path", text("", place));
        }
        self.version_of(&mut item, workspace.as_ref());
        shorten(&mut item, "backendId");
        if item.property("backendId").is_some() {
            item.take("serviceUrl");
        }
        self.protocols(&mut item);
        without_defaults(&mut item, &id);
        if let (Some(format), Some(value)) = (format, value) {
            self.inline_specification(&mut item, &format, value, &id);
        }
        self.add(workspace.as_ref(), "apis", item);
    }

    /// Version and version set.
    fn version_of(&mut self, item: &mut Node, workspace: Option<&String>) {
        shorten(item, "apiVersionSetId");
        let Some(set) = item.property_text("apiVersionSetId").map(str::to_owned) else {
            if let Some(version) = item.take("apiVersion") {
                self.note(
                    version.place,
                    format!(
                        "version `{}` has no effect: the API is in no version set",
                        version.text().unwrap_or_default()
                    ),
                );
            }
            return;
        };
        let segment = self.segment_sets.contains(&(workspace.cloned(), set));
        let (Some(version), Some(path)) = (item.property_text("apiVersion"), item.property("path"))
        else {
            return;
        };
        // Some folders have the version in the path, too.
        let written = path.text().unwrap_or_default().trim_end_matches('/');
        let (head, last) = written.rsplit_once('/').unwrap_or(("", written));
        if segment && last.eq_ignore_ascii_case(version) {
            let path = text(head, path.place);
            item.set("path", path);
        }
    }

    fn protocols(&mut self, item: &mut Node) {
        let Some(protocols) = item.property("protocols") else {
            return;
        };
        let place = protocols.place;
        let names: Vec<&str> = protocols.items().iter().filter_map(Node::text).collect();
        let secure = matches!(names[..], ["https"] | ["wss"]);
        if secure && !self.manner.tls {
            item.take("protocols");
            self.note_once(
                place,
                "APIs for `https` or `wss` alone are served on listeners without TLS, too: no listener has TLS here",
            );
        } else if names.len() == 2 {
            // Both, which is the default.
            item.take("protocols");
        }
    }

    /// A specification that stands in the resource itself.
    fn inline_specification(&mut self, item: &mut Node, format: &Node, value: Node, id: &str) {
        let place = value.place;
        match format.text().unwrap_or_default() {
            "openapi" | "openapi+json" | "swagger-json" | "graphql" => {
                item.set("specification", value);
            }
            link if link.contains("link") => self.note(
                place,
                format!("the specification of API `{id}` is a link: download it and name its file under `specification`"),
            ),
            other => self.note(
                place,
                format!("the specification of API `{id}` is not read: its format is `{other}`, expected OpenAPI"),
            ),
        }
    }

    /// The file with an API's operations.
    pub(super) fn specification(&mut self, mut resource: Resource) {
        let workspace = resource.workspace.clone();
        let api = resource.outer().to_owned();
        let Some(path) = resource.properties.take("value") else {
            return;
        };
        let file = path.text().unwrap_or_default().to_ascii_lowercase();
        let Some(item) = self.find(workspace.as_ref(), "apis", &api) else {
            return;
        };
        let graphql = item.property_text("type") == Some("graphql");
        let answered = graphql || item.property_text("type") == Some("soap");
        let endings: &[&str] = match graphql {
            true => &[".graphql", ".gql"],
            false => &[".json", ".yaml", ".yml"],
        };
        if endings.iter().any(|ending| file.ends_with(ending)) {
            item.set("specification", path);
        } else if !answered {
            self.note(
                resource.place,
                format!("the specification of API `{api}` is not OpenAPI and not read: the API has no operations"),
            );
        }
    }

    pub(super) fn operation(&mut self, mut resource: Resource) {
        let workspace = resource.workspace.clone();
        let api = resource.outer().to_owned();
        let id = resource.name().to_owned();
        let place = resource.place;
        let mut item = self.item(&mut resource, "Operation", "operation");
        if item.property_text("displayName") == Some(&id) {
            item.take("displayName");
        }
        item.without_empty();
        if let Some(owner) = self.find(workspace.as_ref(), "apis", &api) {
            owner.append("operations", item);
        } else if !self.left_out.contains(&(workspace, api.clone())) {
            self.note(
                place,
                format!("operation `{id}` has no effect: API `{api}` is not there"),
            );
        }
    }

    pub(super) fn operation_policy(&mut self, mut resource: Resource) {
        let workspace = resource.workspace.clone();
        let [api, operation, ..] = resource.names.as_slice() else {
            return;
        };
        let (api, operation) = (api.clone(), operation.clone());
        let what = format!("the policy of operation `{operation}` of API `{api}`");
        let Some(policy) = self.policy_text(&mut resource, &what) else {
            return;
        };
        if self.left_out.contains(&(workspace.clone(), api.clone())) {
            return;
        }
        let Some(owner) = self.find(workspace.as_ref(), "apis", &api) else {
            self.note(
                resource.place,
                format!("{what} has no effect: the API is not there"),
            );
            return;
        };
        if let Kind::Mapping(entries) = &mut owner.kind
            && let Some((_, list)) = entries.iter_mut().find(|(k, _)| k.text == "operations")
            && let Kind::Sequence(items) = &mut list.kind
            && let Some(item) = items
                .iter_mut()
                .find(|i| i.property_text("id") == Some(&operation))
        {
            item.set("policy", policy);
            return;
        }
        // An operation of the specification.
        let mut item = mapping(resource.place);
        item.set("id", text(operation, resource.place));
        item.set("policy", policy);
        owner.append("operations", item);
    }

    /// A schema of an API: that of a GraphQL API is its specification, others are what its operations name.
    pub(super) fn api_schema(&mut self, mut resource: Resource) {
        let workspace = resource.workspace.clone();
        let api = resource.outer().to_owned();
        let kind = resource.properties.property_text("contentType");
        let kind = kind.unwrap_or_default();
        if !kind.to_ascii_lowercase().ends_with("graphql.schema") {
            let item = self.schema_item(&mut resource);
            if let Some(owner) = self.find(workspace.as_ref(), "apis", &api) {
                owner.append("schemas", item);
            }
            return;
        }
        let properties = &mut resource.properties;
        let document = properties.take("document");
        let text = document.and_then(|mut d| d.take("value"));
        let Some(owner) = self.find(workspace.as_ref(), "apis", &api) else {
            return;
        };
        if let (Some(text), None) = (text, owner.property("specification")) {
            owner.set("specification", text);
        }
    }

    /// Holds the schemas of APIs and what their operations name together: schemas that nothing names are left out, and so
    /// are names of schemas that are not there.
    pub(super) fn named_schemas(&mut self) {
        let ids = |node: &Node| -> BTreeSet<String> {
            let schemas = node.property("schemas").map(Node::items);
            let ids = schemas.unwrap_or_default().iter();
            ids.filter_map(|s| s.property_text("id").map(str::to_owned))
                .collect()
        };
        let service = ids(&self.root);
        let mut lost: Vec<(Place, String)> = Vec::new();
        for home in std::iter::once(&mut self.root).chain(self.workspaces.values_mut()) {
            let shared: BTreeSet<String> = service.union(&ids(home)).cloned().collect();
            for api in home.members("apis") {
                let known: BTreeSet<String> = shared.union(&ids(api)).cloned().collect();
                let mut named = BTreeSet::new();
                for operation in api.members("operations") {
                    operation.mappings(&mut |node| {
                        let Some(id) = node.property("schemaId") else {
                            return;
                        };
                        let name = last(id.text().unwrap_or_default()).to_owned();
                        if known.contains(&name) {
                            named.insert(name);
                        } else {
                            lost.push((id.place, name));
                            node.take("schemaId");
                            node.take("typeName");
                        }
                    });
                }
                let schemas = api.take("schemas");
                for schema in schemas.iter().flat_map(Node::items) {
                    let id = schema.property_text("id").unwrap_or_default();
                    if named.contains(id) {
                        api.append("schemas", schema.copy());
                    }
                }
            }
        }
        for (place, name) in lost {
            self.note(
                place,
                format!("schema `{name}` is not there: nothing is held to it"),
            );
        }
    }

    /// A resolver of a GraphQL API. Its document comes as a resource of its own.
    pub(super) fn resolver(&mut self, mut resource: Resource) {
        let workspace = resource.workspace.clone();
        let api = resource.outer().to_owned();
        let item = self.item(&mut resource, "Resolver", "resolver");
        if let Some(owner) = self.find(workspace.as_ref(), "apis", &api) {
            owner.append("resolvers", item);
        }
    }

    pub(super) fn resolver_policy(&mut self, mut resource: Resource) {
        let workspace = resource.workspace.clone();
        let [api, resolver, ..] = resource.names.as_slice() else {
            return;
        };
        let (api, resolver) = (api.clone(), resolver.clone());
        let what = format!("the policy of resolver `{resolver}` of API `{api}`");
        let Some(policy) = self.policy_text(&mut resource, &what) else {
            return;
        };
        if let Some(owner) = self.find(workspace.as_ref(), "apis", &api)
            && let Kind::Mapping(entries) = &mut owner.kind
            && let Some((_, list)) = entries.iter_mut().find(|(k, _)| k.text == "resolvers")
            && let Kind::Sequence(items) = &mut list.kind
            && let Some(item) = items
                .iter_mut()
                .find(|i| i.property_text("id") == Some(&resolver))
        {
            item.set("policy", policy);
            return;
        }
        self.note(
            resource.place,
            format!("{what} has no effect: the resolver is not there"),
        );
    }

    /// A tool of an MCP server.
    pub(super) fn tool(&mut self, mut resource: Resource) {
        let workspace = resource.workspace.clone();
        let api = resource.outer().to_owned();
        let item = self.item(&mut resource, "Tool", "tool");
        if let Some(owner) = self.find(workspace.as_ref(), "apis", &api) {
            owner.append("tools", item);
        }
    }
}

/// Takes out what is the default anyway.
fn without_defaults(item: &mut Node, id: &str) {
    let revision = id
        .split_once(";rev=")
        .map(|(_, revision)| revision.to_owned());
    if item
        .property("subscriptionRequired")
        .is_some_and(Node::is_true)
    {
        item.take("subscriptionRequired");
    }
    if item.property_text("apiRevision") == Some(revision.as_deref().unwrap_or("1")) {
        item.take("apiRevision");
    }
    let current = if revision.is_none() { "true" } else { "false" };
    if item
        .property_text("isCurrent")
        .is_some_and(|c| c.eq_ignore_ascii_case(current))
    {
        item.take("isCurrent");
    }
    if item.property("isOnline").is_some_and(Node::is_true) {
        item.take("isOnline");
    }
    if item.property_text("displayName") == Some(id) {
        item.take("displayName");
    }
    let names = item.property("subscriptionKeyParameterNames");
    let default = names.is_some_and(|names| {
        names
            .property_text("header")
            .is_none_or(|h| h.eq_ignore_ascii_case("Ocp-Apim-Subscription-Key"))
            && names
                .property_text("query")
                .is_none_or(|q| q == "subscription-key")
    });
    if default {
        item.take("subscriptionKeyParameterNames");
    }
}
