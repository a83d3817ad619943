//! `apis:` and `versionSets:` of the configuration. Source: API Management's `apis/{id}` and `apiVersionSets/{id}`.

use super::contract::{Parameter, Request, Response, Schema};
use super::mcp::{Mcp, McpProperties, McpTool, Tool};
use crate::yaml::At;
use schemars::JsonSchema;
use serde::Deserialize;
use std::collections::BTreeMap;

/// An API.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Api {
    /// `context.Api.Id`.
    pub id: At<String>,
    /// `context.Api.Name`. Default: the id.
    pub display_name: Option<String>,
    /// What it is. Not used by the gateway.
    pub description: Option<String>,
    /// URL prefix below the gateway's host; may be empty.
    pub path: At<String>,
    /// Schemes that are served. Default: `http` and `https` (`ws` and `wss` for a WebSocket API), because a self-hosted
    /// gateway often stands behind something that ends TLS.
    pub protocols: Option<Vec<Protocol>>,
    /// Base URL of the backend, unless a policy sets another.
    pub service_url: Option<At<String>>,
    /// The backend, unless a policy sets another: an id of `backends`.
    pub backend_id: Option<At<String>>,
    /// Whether a key is needed. Default: true.
    pub subscription_required: Option<bool>,
    /// Where the key stands in a request.
    pub subscription_key_parameter_names: Option<SubscriptionKeyParameterNames>,
    /// Kind of API. Default: `http`.
    #[serde(rename = "type", alias = "apiType", default)]
    pub kind: ApiType,
    /// The version's name inside its set. None: the set's original.
    pub api_version: Option<At<String>>,
    /// The version set: an id of `versionSets`.
    pub api_version_set_id: Option<At<String>>,
    /// `context.Api.Revision`. Default: `1`. Revisions of one API have the same id, or `id;rev=N`.
    pub api_revision: Option<String>,
    /// Whether this revision answers without `;rev=N`. Default: true, and false of an id with `;rev=N`.
    pub is_current: Option<bool>,
    /// Whether this revision answers at all. Default: true.
    pub is_online: Option<bool>,
    /// Tags. Not used by the gateway.
    #[serde(default)]
    pub tags: Vec<String>,
    /// What is logged of calls. Read, but has no effect.
    #[serde(default)]
    pub diagnostics: Vec<At<super::Diagnostic>>,
    /// OpenAPI file (3.1, 3.0 or 2.0, JSON or YAML) that the operations come from. Of a GraphQL API: the file of its
    /// schema, or the schema itself.
    pub specification: Option<At<String>>,
    /// Operations; with a specification, additions and the policies of its operations.
    #[serde(default)]
    pub operations: Vec<At<Operation>>,
    /// Schemas that the operations name by `schemaId`.
    #[serde(default)]
    pub schemas: Vec<At<Schema>>,
    /// Of a GraphQL API: what answers single fields.
    #[serde(default)]
    pub resolvers: Vec<At<Resolver>>,
    /// Of an MCP server: transport and paths of the server that calls are passed to.
    #[serde(alias = "mcpPropperties")]
    pub mcp_properties: Option<At<McpProperties>>,
    /// Of an MCP server: operations that are its tools.
    #[serde(default)]
    pub mcp_tools: Vec<At<McpTool>>,
    /// The same, as the resources `apis/{id}/tools/{toolId}`.
    #[serde(default)]
    pub tools: Vec<At<Tool>>,
    /// Of an MCP server: who may call it, and which tools.
    pub mcp: Option<At<Mcp>>,
    /// How token limits hold here. Default: as the product, then the gateway, says.
    pub token_accounting: Option<super::token_accounting::TokenAccounting>,
    /// Tags of the ledger's records of its calls, as `gateway.ledger.tags`, before which they go.
    #[serde(default)]
    pub ledger_tags: BTreeMap<String, At<String>>,
    /// The API's policy: a path, or the document itself.
    pub policy: Option<At<String>>,
}

/// Schemes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub enum Protocol {
    /// HTTP without TLS.
    Http,
    /// HTTP with TLS.
    Https,
    /// WebSocket without TLS.
    Ws,
    /// WebSocket with TLS.
    Wss,
}

/// Kinds of API.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub enum ApiType {
    /// HTTP.
    #[default]
    Http,
    /// SOAP: HTTP with operations as given.
    Soap,
    /// OData: HTTP with operations as given.
    Odata,
    /// GraphQL over HTTP, passed to a server: `POST /` and `GET /`, unless operations are given.
    Graphql,
    /// WebSocket pass-through.
    Websocket,
    /// MCP server: another one behind the gateway, or operations as tools.
    Mcp,
}

/// Where the key stands in a request.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct SubscriptionKeyParameterNames {
    /// Header. Default: `Ocp-Apim-Subscription-Key`.
    pub header: Option<At<String>>,
    /// Query parameter. Default: `subscription-key`.
    pub query: Option<At<String>>,
}

/// An operation.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Operation {
    /// `context.Operation.Id`.
    pub id: At<String>,
    /// `context.Operation.Name`. Default: the id.
    pub display_name: Option<String>,
    /// What it does. Not used by the gateway.
    pub description: Option<String>,
    /// Verb, or `*` for any. Needed unless the specification has the operation.
    pub method: Option<At<String>>,
    /// Path below the API's, as `/items/{id}`. Needed unless the specification has the operation.
    pub url_template: Option<At<String>>,
    /// Tags. Not used by the gateway.
    #[serde(default)]
    pub tags: Vec<String>,
    /// Parameters of the template.
    #[serde(default)]
    pub template_parameters: Vec<At<Parameter>>,
    /// What a request takes.
    pub request: Option<Request>,
    /// What the answers are.
    #[serde(default)]
    pub responses: Vec<At<Response>>,
    /// The operation's policy: a path, or the document itself.
    pub policy: Option<At<String>>,
}

/// A resolver of a GraphQL API.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Resolver {
    /// Its id. Default: `Type-field`.
    pub id: Option<At<String>>,
    /// Name for people. Not used by the gateway.
    pub display_name: Option<String>,
    /// What it does. Not used by the gateway.
    pub description: Option<String>,
    /// Type and field, as `Query/users`; or `type` and `field`.
    pub path: Option<At<String>>,
    /// The object type.
    #[serde(rename = "type")]
    pub type_name: Option<At<String>>,
    /// The field.
    pub field: Option<At<String>>,
    /// The document, whose root is a data source: a path, or the document itself.
    pub policy: At<String>,
}

/// A set of versions of one API.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct VersionSet {
    /// Its id.
    pub id: At<String>,
    /// Name for people. Not used by the gateway.
    pub display_name: Option<String>,
    /// What it is. Not used by the gateway.
    pub description: Option<String>,
    /// How a caller names the version.
    pub versioning_scheme: VersioningScheme,
    /// The query parameter of scheme `Query`.
    pub version_query_name: Option<At<String>>,
    /// The header of scheme `Header`.
    pub version_header_name: Option<At<String>>,
}

/// How a caller names a version.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, JsonSchema)]
pub enum VersioningScheme {
    /// A path segment after the API's path.
    Segment,
    /// A query parameter.
    Query,
    /// A header.
    Header,
}
