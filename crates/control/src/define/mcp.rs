//! MCP servers: `mcpProperties`, `mcpTools`, `tools` and `mcp` of APIs, `mcpTools` of products, `publicUrl`.
//!
//! Runs when all APIs have been read, because a tool names an operation of another one.

use super::{Reader, id_of, last_of};
use crate::model::api::{Api, ApiType};
use crate::model::gateway::Gateway;
use crate::model::mcp::{McpEndpoint, McpProperties, McpTransport};
use crate::model::product::Product;
use crate::model::{Configuration, Lists};
use crate::yaml::{At, Place};
use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::sync::Arc;
use tollgate_engine::definition::{
    ApiDefinition, ApiKind, McpAuthorization, McpDefinition, McpEndpoints, McpSource, ProductTools,
    ToolLists,
};
use tollgate_engine::mcp::ToolRules;
use tollgate_engine::snapshot::BaseUrl;
use tollgate_lang::diagnostic::nearest::nearest;

impl Reader<'_, '_> {
    /// Says what keeps the metadata of MCP servers from being published.
    pub(super) fn public_metadata(&mut self, model: &Configuration) {
        let open = model.gateway.listen.iter().find(|listener| {
            let address = listener.address.parse::<SocketAddr>();
            address.is_ok_and(|address| !address.ip().is_loopback())
        });
        let published = |api: &Api| api.mcp.as_ref().is_some_and(|m| m.authorization.is_some());
        if let (Some(open), None) = (open, &model.gateway.public_url)
            && let Some(api) = model.apis.iter().find(|api| published(api))
        {
            self.warning(
                open.address.place,
                format!(
                    "the metadata of the MCP server `{}` is not published here without `gateway.publicUrl`",
                    api.id.value
                ),
                "what a caller writes as `Host` is believed on loopback only; write the URL that callers use",
            );
        }
    }

    /// Fills in what makes APIs MCP servers.
    pub(super) fn mcp_servers(&mut self, lists: Lists<'_>, apis: &mut [ApiDefinition]) {
        for (at, api) in lists.apis.iter().enumerate() {
            if let (ApiType::Mcp, Some(workspace)) = (api.kind, self.workspace.clone()) {
                self.fault(
                    api.id.place,
                    format!(
                        "API `{}` of workspace `{workspace}` is an MCP server",
                        api.id.value
                    ),
                    "MCP servers cannot be in a workspace",
                    "as in API Management; define it under `apis` of the service",
                );
            }
            let found = self.mcp_server(api, apis);
            apis[at].mcp = found.map(Box::new);
        }
    }

    fn mcp_server(&mut self, api: &Api, apis: &[ApiDefinition]) -> Option<McpDefinition> {
        if api.kind != ApiType::Mcp {
            let stray = [
                (
                    api.mcp_properties.as_ref().map(|p| p.place),
                    "mcpProperties",
                ),
                (api.mcp_tools.first().map(|t| t.place), "mcpTools"),
                (api.tools.first().map(|t| t.place), "tools"),
                (api.mcp.as_ref().map(|m| m.place), "mcp"),
            ];
            for (place, name) in stray {
                if let Some(place) = place {
                    self.fault(
                        place,
                        format!("API `{}` has `{name}` and is no MCP server", api.id.value),
                        "not used",
                        "write `type: mcp`, or remove it",
                    );
                }
            }
            return None;
        }
        let source = if api.mcp_tools.is_empty() && api.tools.is_empty() {
            McpSource::PassThrough(self.endpoints(api))
        } else {
            self.without_backend(api);
            McpSource::Tools(self.tools(api, apis))
        };
        let mut definition = McpDefinition {
            source,
            ..McpDefinition::default()
        };
        if let Some(mcp) = &api.mcp {
            definition.allowed_origins = mcp
                .allowed_origins
                .iter()
                .filter_map(|origin| self.origin(origin))
                .collect();
            definition.authorization = mcp.authorization.as_ref().map(|a| {
                if a.authorization_servers.is_empty() {
                    self.fault(
                        mcp.place,
                        format!(
                            "`mcp.authorization` of API `{}` names no server",
                            api.id.value
                        ),
                        "expected `authorizationServers` with at least one issuer",
                        "RFC 9728 has clients ask there for tokens",
                    );
                }
                McpAuthorization {
                    authorization_servers: a
                        .authorization_servers
                        .iter()
                        .map(|url| Arc::from(self.url(url)))
                        .collect(),
                    scopes_supported: a
                        .scopes_supported
                        .iter()
                        .map(|scope| Arc::from(scope.as_str()))
                        .collect(),
                    resource_name: a.resource_name.as_deref().map(Arc::from),
                }
            });
            definition.max_body = mcp
                .max_message_size
                .as_ref()
                .map(|size| usize::try_from(size.value.0).unwrap_or(usize::MAX).max(1));
            if let Some(lists) = &mcp.tools {
                definition.tools = self.tool_lists(lists.allow.as_deref(), &lists.deny);
            }
        }
        Some(definition)
    }

    /// A server that answers itself has no backend of its own.
    fn without_backend(&mut self, api: &Api) {
        let stray = [
            (api.service_url.as_ref().map(|u| u.place), "serviceUrl"),
            (api.backend_id.as_ref().map(|b| b.place), "backendId"),
        ];
        for (place, name) in stray {
            if let Some(place) = place {
                self.warning(
                    place,
                    format!(
                        "`{name}` of API `{}` is not used: its tools are operations",
                        api.id.value
                    ),
                    "remove it, or the tools",
                );
            }
        }
    }

    fn endpoints(&mut self, api: &Api) -> McpEndpoints {
        let Some(properties) = &api.mcp_properties else {
            return McpEndpoints::default();
        };
        let transport = properties.transport_type.unwrap_or_default();
        let names: &[&str] = match transport {
            McpTransport::Streamable => &["message"],
            McpTransport::Sse => &["sse", "message"],
        };
        self.once(properties.endpoints.iter().map(|e| &e.name), "endpoint");
        for endpoint in &properties.endpoints {
            if !names.contains(&endpoint.name.as_str()) {
                self.fault(
                    endpoint.name.place,
                    format!("there is no endpoint `{}` here", endpoint.name.value),
                    &format!("expected {}", quoted(names)),
                    "`streamable` has the endpoint `message`, `sse` has `sse` and `message`",
                );
            }
        }
        match transport {
            McpTransport::Streamable => McpEndpoints::Streamable {
                message: self.endpoint(properties, "message", "/mcp"),
            },
            McpTransport::Sse => McpEndpoints::Sse {
                sse: self.endpoint(properties, "sse", "/sse"),
                message: self.endpoint(properties, "message", "/messages"),
            },
        }
    }

    fn endpoint(&mut self, properties: &At<McpProperties>, name: &str, default: &str) -> Arc<str> {
        let found: Option<&At<McpEndpoint>> =
            properties.endpoints.iter().find(|e| *e.name.value == *name);
        let Some(endpoint) = found else {
            return Arc::from(default);
        };
        let template = endpoint.uri_template.trim();
        let plain = template.starts_with('/')
            && template
                .bytes()
                .all(|b| b.is_ascii_graphic() && !b"?#{}\"<>\\^`|".contains(&b));
        if !plain {
            self.fault(
                endpoint.uri_template.place,
                format!("`{template}` is not an endpoint's path"),
                "expected a path such as `/mcp`",
                "it begins with `/` and has no parameters",
            );
            return Arc::from(default);
        }
        Arc::from(template.trim_end_matches('/'))
    }

    /// The operation that a reference means: `.../apis/{api}/operations/{id}`, or an id that only one API has.
    pub(super) fn operation_of(
        &mut self,
        reference: &At<String>,
        apis: &[ApiDefinition],
    ) -> Option<(Arc<str>, Arc<str>)> {
        let id = id_of(reference, "operations");
        let of_api = reference
            .trim_end_matches('/')
            .rsplit_once('/')
            .and_then(|(rest, _)| rest.rsplit_once('/'))
            .and_then(|(api, _)| last_of(api, "apis"));
        let matching: Vec<&ApiDefinition> = apis
            .iter()
            .filter(|a| a.kind != ApiKind::Mcp)
            .filter(|a| of_api.is_none_or(|id| same_api(&a.id, id)))
            .collect();
        if let (Some(api), true) = (of_api, matching.is_empty()) {
            let help = match nearest(api, apis.iter().map(|a| &*a.id)) {
                Some(near) => format!("did you mean `{near}`?"),
                None => String::from("define it under `apis`"),
            };
            self.fault(
                reference.place,
                format!("there is no API `{api}` with operations"),
                "expected the operation of an API that is no MCP server",
                help,
            );
            return None;
        }
        let owners: Vec<_> = matching
            .iter()
            .filter(|a| a.operations.iter().any(|o| *o.id == *id))
            .collect();
        match owners[..] {
            [api] => Some((api.id.clone(), Arc::from(id))),
            [] => {
                let known = matching.iter().flat_map(|a| &a.operations).map(|o| &*o.id);
                let help = match nearest(id, known) {
                    Some(near) => format!("did you mean `{near}`?"),
                    None => String::from("write `/apis/{api}/operations/{id}`"),
                };
                self.fault(
                    reference.place,
                    format!("there is no operation `{id}`"),
                    "expected the id of an operation",
                    help,
                );
                None
            }
            _ => {
                self.fault(
                    reference.place,
                    format!("several APIs have an operation `{id}`"),
                    &format!(
                        "expected one of {}",
                        quoted(&owners.iter().map(|a| &*a.id).collect::<Vec<_>>())
                    ),
                    "write `/apis/{api}/operations/{id}`",
                );
                None
            }
        }
    }

    pub(super) fn product_tools(
        &mut self,
        product: &Product,
        apis: &[Arc<str>],
        lists: Lists<'_>,
    ) -> Vec<ProductTools> {
        let mut of: BTreeMap<&str, Place> = BTreeMap::new();
        let mut found = Vec::new();
        for item in &product.mcp_tools {
            let id = id_of(&item.api_id, "apis");
            let mcp = lists
                .apis
                .iter()
                .any(|a| *a.id.value == *id && a.kind == ApiType::Mcp);
            if !mcp || !apis.iter().any(|a| **a == *id) {
                self.fault(
                    item.api_id.place,
                    format!("product `{}` has no MCP server `{id}`", product.id.value),
                    "expected one of the product's `apis` of type `mcp`",
                    "",
                );
                continue;
            }
            if of.insert(id, item.api_id.place).is_some() {
                self.fault(
                    item.api_id.place,
                    format!("the tools of `{id}` are listed twice"),
                    "second one",
                    "put all patterns into one",
                );
                continue;
            }
            found.push(ProductTools {
                api: Arc::from(id),
                tools: self.tool_lists(item.allow.as_deref(), &item.deny),
            });
        }
        found
    }

    fn tool_lists(&mut self, allow: Option<&[At<String>]>, deny: &[At<String>]) -> ToolLists {
        for list in allow.into_iter().chain([deny]) {
            for pattern in list {
                if let Err(why) = ToolRules::compile::<&str>(None, &[pattern.as_str()]) {
                    self.fault(
                        pattern.place,
                        why,
                        "expected a tool's name",
                        "`*` stands for any characters",
                    );
                }
            }
        }
        let texts = |list: &[At<String>]| list.iter().map(|p| Arc::from(p.as_str())).collect();
        let lists = ToolLists {
            allow: allow.map(texts),
            deny: texts(deny),
        };
        let one_by_one = |p: &Arc<str>| ToolRules::compile::<&str>(None, &[p]).is_ok();
        let clean = |list: Vec<Arc<str>>| list.into_iter().filter(one_by_one).collect();
        ToolLists {
            allow: lists.allow.map(clean),
            deny: clean(lists.deny),
        }
    }

    /// `scheme://host[:port]` as browsers write it, or `*`.
    fn origin(&mut self, origin: &At<String>) -> Option<Arc<str>> {
        let text = origin.trim().trim_end_matches('/').to_ascii_lowercase();
        let ok = text == "*"
            || text.split_once("://").is_some_and(|(scheme, rest)| {
                !scheme.is_empty()
                    && !rest.is_empty()
                    && !rest.contains(['/', '?', '#', '@', ' ', '*'])
            });
        if !ok {
            self.fault(
                origin.place,
                format!("`{}` is not an origin", origin.value),
                "expected an origin as `https://app.example` or `http://localhost:6274`",
                "it has a scheme and a host, and no path; `*` stands for all",
            );
        }
        ok.then(|| Arc::from(text))
    }

    pub(super) fn public_url(&mut self, gateway: &Gateway) -> Option<Arc<str>> {
        let written = gateway.public_url.as_ref()?;
        let url = self.url(written);
        if url.contains(['?', '#', '@']) {
            self.fault(
                written.place,
                "`publicUrl` has a query, fragment or user",
                "expected scheme, host and, if there is one, a base path",
                "",
            );
            return None;
        }
        // RFC 9728 wants the canonical form: scheme and host in lower case.
        let url = url.trim().trim_end_matches('/');
        let host_end = url
            .find("://")
            .and_then(|at| url[at + 3..].find('/').map(|n| at + 3 + n))
            .unwrap_or(url.len());
        let (host, path) = url.split_at(host_end);
        Some(Arc::from(format!("{}{path}", host.to_ascii_lowercase())))
    }

    pub(super) fn allowed_hosts(&mut self, gateway: &Gateway) -> Vec<Arc<str>> {
        gateway
            .allowed_hosts
            .iter()
            .filter_map(|host| {
                let text = host.trim().to_ascii_lowercase();
                let ok = !text.contains(['@', '/', '?', '#'])
                    && BaseUrl::parse(&format!("http://{text}"), None).is_ok();
                if !ok {
                    self.fault(
                        host.place,
                        format!("`{}` is not a host", host.value),
                        "expected `name` or `name:port`",
                        "",
                    );
                }
                ok.then(|| Arc::from(text))
            })
            .collect()
    }
}

/// Ids of APIs may carry a revision: `echo;rev=2`.
fn same_api(id: &str, reference: &str) -> bool {
    id == reference || reference.split(";rev=").next() == Some(id)
}

fn quoted(names: &[&str]) -> String {
    let names: Vec<String> = names.iter().map(|n| format!("`{n}`")).collect();
    names.join(" or ")
}
