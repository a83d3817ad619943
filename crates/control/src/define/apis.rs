//! `apis:` and `versionSets:`.

use super::{Reader, id_of, without_revision};
use crate::model::api::{Api, ApiType, Operation, Protocol as Scheme, VersioningScheme as By};
use crate::model::{Lists, VersionSet};
use crate::openapi;
use crate::yaml::At;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use tollgate_engine::definition::{
    ApiDefinition, ApiKind, OperationDefinition, Protocol, SchemaDefinition, VersionDefinition,
    VersioningScheme,
};

const KEY_HEADER: &str = "Ocp-Apim-Subscription-Key";
/// The one operation of a WebSocket API, whose policies run for the request that opens the connection.
const HANDSHAKE: &str = "onHandshake";
const KEY_QUERY: &str = "subscription-key";

impl Reader<'_, '_> {
    pub(super) fn apis(
        &mut self,
        lists: Lists<'_>,
        schemas: &[SchemaDefinition],
    ) -> Vec<ApiDefinition> {
        self.once(lists.version_sets.iter().map(|v| &v.id), "version set");
        let mut sets = BTreeMap::new();
        for set in lists.version_sets {
            let scheme = self.versioning(set);
            sets.insert(set.id.as_str(), scheme);
        }
        let service = self.service.backends.clone();
        let own = lists.backends.iter().map(|b| b.id.as_str());
        let backends = own.chain(service.iter().map(String::as_str)).collect();
        let mut apis: Vec<ApiDefinition> = lists
            .apis
            .iter()
            .map(|api| self.api(api, &sets, &backends, schemas))
            .collect();
        self.mcp_servers(lists, &mut apis);
        self.contracts(lists, &mut apis);
        apis
    }

    fn versioning(&mut self, set: &At<VersionSet>) -> VersioningScheme {
        let (name, property) = match set.versioning_scheme {
            By::Segment => return VersioningScheme::Segment,
            By::Query => (&set.version_query_name, "versionQueryName"),
            By::Header => (&set.version_header_name, "versionHeaderName"),
        };
        let name: Arc<str> = match name {
            Some(name) => Arc::from(name.as_str()),
            None => {
                self.fault(
                    set.id.place,
                    format!("version set `{}` needs `{property}`", set.id.value),
                    &format!("expected `{property}` beside it"),
                    "its scheme names the version there",
                );
                Arc::from("api-version")
            }
        };
        if set.versioning_scheme == By::Query {
            VersioningScheme::Query(name)
        } else {
            VersioningScheme::Header(name)
        }
    }

    fn api(
        &mut self,
        api: &Api,
        sets: &BTreeMap<&str, VersioningScheme>,
        backends: &BTreeSet<&str>,
        schemas: &[SchemaDefinition],
    ) -> ApiDefinition {
        let service_url = api.service_url.as_ref().map(|url| self.url(url));
        let backend = api.backend_id.as_ref().and_then(|reference| {
            let id = id_of(reference, "backends");
            self.known(reference, id, "backend", "backends", backends)
                .then(|| Arc::from(id))
        });
        if let (Some(url), Some(_)) = (&api.service_url, &api.backend_id) {
            self.fault(
                url.place,
                format!(
                    "API `{}` has both `serviceUrl` and `backendId`",
                    api.id.value
                ),
                "only one can be the backend",
                "keep one of them",
            );
        }
        let kind = match api.kind {
            ApiType::Http | ApiType::Soap | ApiType::Odata | ApiType::Graphql => ApiKind::Http,
            ApiType::Websocket => ApiKind::WebSocket,
            ApiType::Mcp => ApiKind::Mcp,
        };
        let keys = api.subscription_key_parameter_names.as_ref();
        let key_header = keys.and_then(|k| k.header.as_ref());
        let key_query = keys.and_then(|k| k.query.as_ref());
        let what = format!("the policy of API `{}`", api.id.value);
        let mut operations = self.operations(api);
        if api.kind == ApiType::Graphql && operations.is_empty() {
            operations.extend(["POST", "GET"].map(graphql));
        }
        let id = without_revision(&api.id);
        let of_id = api.id.split_once(";rev=").map(|(_, revision)| revision);
        let revision = api.api_revision.as_deref().or(of_id).unwrap_or("1");
        let policy = api.policy.as_ref().and_then(|p| self.policy(p, &what));
        ApiDefinition {
            span: Some(self.span(api.id.place)),
            workspace: self.workspace.clone(),
            id: Arc::from(id),
            display_name: Arc::from(api.display_name.as_deref().unwrap_or(id)),
            path: Arc::from(api.path.trim().trim_matches('/')),
            protocols: protocols(api, kind),
            service_url: service_url.map(Arc::from),
            backend,
            subscription_required: api.subscription_required.unwrap_or(true),
            key_header: Arc::from(key_header.map_or(KEY_HEADER, |h| h.as_str())),
            key_query: Arc::from(key_query.map_or(KEY_QUERY, |q| q.as_str())),
            kind,
            mcp: None,
            graphql: self.graphql(api),
            version: self.version(api, sets),
            revision: Arc::from(revision),
            is_current: api.is_current.unwrap_or(of_id.is_none()),
            is_online: api.is_online.unwrap_or(true),
            operations,
            token_accounting: self.token_accounting(api.token_accounting.as_ref()),
            contracts: self.contract_source(api, schemas),
            policy,
        }
    }

    fn version(
        &mut self,
        api: &Api,
        sets: &BTreeMap<&str, VersioningScheme>,
    ) -> Option<VersionDefinition> {
        let Some(reference) = &api.api_version_set_id else {
            if let Some(version) = &api.api_version {
                self.fault(
                    version.place,
                    format!("API `{}` has a version but no version set", api.id.value),
                    "expected `apiVersionSetId` beside it",
                    "define a set under `versionSets`, which says how callers name the version",
                );
            }
            return None;
        };
        let id = id_of(reference, "apiVersionSets");
        let known: BTreeSet<&str> = sets.keys().copied().collect();
        if !self.known(reference, id, "version set", "versionSets", &known) {
            return None;
        }
        sets.get(id).map(|scheme| VersionDefinition {
            set: Arc::from(id),
            version: api
                .api_version
                .as_ref()
                .filter(|v| !v.is_empty())
                .map(|v| Arc::from(v.as_str())),
            scheme: scheme.clone(),
        })
    }

    /// Operations of the specification, then those of the file itself.
    fn operations(&mut self, api: &Api) -> Vec<OperationDefinition> {
        self.once(api.operations.iter().map(|o| &o.id), "operation");
        let mut operations = Vec::new();
        let mut readable = true;
        if let Some(path) = &api.specification
            && api.kind != ApiType::Graphql
        {
            match self.specification(path) {
                Some(from) => operations = from,
                None => readable = false,
            }
        }
        for item in &api.operations {
            let what = format!(
                "the policy of operation `{}` of API `{}`",
                item.id.value, api.id.value
            );
            let policy = item.policy.as_ref().and_then(|p| self.policy(p, &what));
            match operations.iter_mut().find(|o| *o.id == *item.id.value) {
                Some(operation) => {
                    if let Some(name) = &item.display_name {
                        operation.display_name = Arc::from(name.as_str());
                    }
                    if let Some(method) = &item.method {
                        operation.method = Arc::from(method.as_str());
                    }
                    if let Some(template) = &item.url_template {
                        operation.url_template = Arc::from(template.as_str());
                    }
                    operation.policy = policy;
                }
                None => {
                    let complete = self.complete(api, item, readable);
                    operations.extend(complete.map(|mut operation| {
                        operation.policy = policy;
                        operation
                    }));
                }
            }
        }
        operations
    }

    /// An operation that the specification does not have: verb and template are needed.
    fn complete(
        &mut self,
        api: &Api,
        item: &Operation,
        readable: bool,
    ) -> Option<OperationDefinition> {
        let written = |value: &Option<At<String>>| value.as_ref().map(|v| v.value.clone());
        let (mut method, mut template) = (written(&item.method), written(&item.url_template));
        if api.kind == ApiType::Websocket && *item.id.value == *HANDSHAKE {
            method.get_or_insert_with(|| String::from("GET"));
            template.get_or_insert_with(|| String::from("/*"));
        }
        if let (Some(method), Some(template)) = (method, template) {
            return Some(OperationDefinition {
                id: Arc::from(item.id.as_str()),
                display_name: Arc::from(item.display_name.as_deref().unwrap_or(&item.id)),
                method: Arc::from(method),
                url_template: Arc::from(template),
                contract: None,
                policy: None,
            });
        }
        // A specification that could not be read has been reported.
        if readable {
            let missing = match (&item.method, &item.url_template) {
                (None, None) => "`method` and `urlTemplate`",
                (None, _) => "`method`",
                _ => "`urlTemplate`",
            };
            let help = if api.specification.is_some() {
                "the specification has no operation of this `operationId`"
            } else {
                ""
            };
            self.fault(
                item.id.place,
                format!(
                    "operation `{}` of API `{}` has no {missing}",
                    item.id.value, api.id.value
                ),
                &format!("expected {missing} beside it"),
                help,
            );
        }
        None
    }

    fn specification(&mut self, path: &At<String>) -> Option<Vec<OperationDefinition>> {
        let resolved = self.files.resolve(path);
        let (file, text) = match self.files.text(&resolved) {
            Ok(found) => found,
            Err(why) => {
                self.fault(
                    path.place,
                    format!(
                        "the specification cannot be read from {}: {why}",
                        resolved.display()
                    ),
                    "expected the path of an OpenAPI file, relative to this one",
                    "",
                );
                return None;
            }
        };
        let operations = openapi::operations(file, &text, self.diagnostics)?;
        Some(
            operations
                .into_iter()
                .map(|o| OperationDefinition {
                    id: Arc::from(o.id),
                    display_name: Arc::from(o.display_name),
                    method: Arc::from(o.method),
                    url_template: Arc::from(o.url_template),
                    contract: None,
                    policy: None,
                })
                .collect(),
        )
    }
}

/// What a GraphQL API answers when no operations are given.
fn graphql(method: &str) -> OperationDefinition {
    let id = format!("graphql-{}", method.to_ascii_lowercase());
    OperationDefinition {
        display_name: Arc::from(id.as_str()),
        id: Arc::from(id),
        method: Arc::from(method),
        url_template: Arc::from("/"),
        contract: None,
        policy: None,
    }
}

/// The schemes of an API: both, with and without TLS, unless it says otherwise.
fn protocols(api: &Api, kind: ApiKind) -> Vec<Protocol> {
    match &api.protocols {
        Some(list) => list
            .iter()
            .map(|scheme| match scheme {
                Scheme::Http => Protocol::Http,
                Scheme::Https => Protocol::Https,
                Scheme::Ws => Protocol::Ws,
                Scheme::Wss => Protocol::Wss,
            })
            .collect(),
        None if kind == ApiKind::WebSocket => vec![Protocol::Ws, Protocol::Wss],
        None => vec![Protocol::Http, Protocol::Https],
    }
}
