//! What an API of type `mcp` says beside the rest, and which of its tools a product opens.
//!
//! `mcpProperties`, `mcpTools` and `tools` are API Management's (versions 2024-06-01-preview to 2025-09-01-preview);
//! `mcp` holds what is Tollgate's own.

use super::scalar::Size;
use crate::yaml::At;
use schemars::JsonSchema;
use serde::Deserialize;

/// Transport and paths of an MCP server that calls are passed to.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct McpProperties {
    /// Default: `streamable`.
    pub transport_type: Option<McpTransport>,
    /// One endpoint `message` for `streamable`; two, `sse` and `message`, for `sse`.
    #[serde(default)]
    pub endpoints: Vec<At<McpEndpoint>>,
}

/// Transports of MCP over HTTP.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub enum McpTransport {
    /// Streamable HTTP, from 2025-03-26 on.
    #[default]
    #[serde(alias = "Streamable")]
    Streamable,
    /// HTTP with SSE, of 2024-11-05.
    #[serde(alias = "SSE")]
    Sse,
}

/// An endpoint.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct McpEndpoint {
    /// `message`, or `sse`.
    pub name: At<String>,
    /// Its path below the backend's URL, as `/mcp`.
    pub uri_template: At<String>,
}

/// An operation as a tool, in the inline form.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct McpTool {
    /// The name by which it is called. Default: the operation's id.
    pub name: Option<At<String>>,
    /// Name for people.
    pub title: Option<String>,
    /// The operation: its id, `/apis/{api}/operations/{id}`, or the absolute Azure id.
    pub operation_id: At<String>,
    /// What it does, for the model. Default: what the operation says.
    pub description: Option<String>,
    /// Hints about what it does. Default: what the operation's verb promises.
    #[serde(default)]
    pub annotations: ToolAnnotations,
    /// Whether `tools/list` shows the schema of the operation's answer; an answer that does not keep to it is then an
    /// error. Default: false.
    #[serde(default)]
    pub output_schema: bool,
}

/// An operation as a tool, as the resource `apis/{mcp}/tools/{toolId}`.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Tool {
    /// The name by which it is called.
    pub id: At<String>,
    /// Name for people.
    pub display_name: Option<String>,
    /// What it does, for the model. Default: what the operation says.
    pub description: Option<String>,
    /// The operation: its id, `/apis/{api}/operations/{id}`, or the absolute Azure id.
    pub operation_id: At<String>,
    /// Hints about what it does. Default: what the operation's verb promises.
    #[serde(default)]
    pub annotations: ToolAnnotations,
    /// Whether `tools/list` shows the schema of the operation's answer; an answer that does not keep to it is then an
    /// error. Default: false.
    #[serde(default)]
    pub output_schema: bool,
}

/// Hints about what a tool does: MCP's `annotations`.
#[derive(Clone, Copy, Debug, Default, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct ToolAnnotations {
    /// It changes nothing. Default: true for GET and HEAD.
    pub read_only_hint: Option<bool>,
    /// It may destroy something. Default: true for DELETE.
    pub destructive_hint: Option<bool>,
    /// Calling it twice is as calling it once. Default: true for PUT and DELETE.
    pub idempotent_hint: Option<bool>,
    /// It reaches out of the server. Default: true.
    pub open_world_hint: Option<bool>,
}

/// Tollgate's own settings of an MCP server.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Mcp {
    /// Origins of web pages that may call, as `https://app.example`; `*` for all. Callers that are no browsers send
    /// none. Default: only the gateway's own.
    #[serde(default)]
    pub allowed_origins: Vec<At<String>>,
    /// Where callers get tokens: published as protected-resource metadata (RFC 9728).
    pub authorization: Option<McpAuthorization>,
    /// Which tools callers may see and call.
    pub tools: Option<ToolLists>,
    /// Most bytes of a message from a caller; above: 413. Default: 4 MiB.
    pub max_message_size: Option<At<Size>>,
}

/// Protected-resource metadata.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct McpAuthorization {
    /// Issuers of the tokens that are taken, at least one.
    #[serde(default)]
    pub authorization_servers: Vec<At<String>>,
    /// Scopes that calls may need.
    #[serde(default)]
    pub scopes_supported: Vec<At<String>>,
    /// Name for people.
    pub resource_name: Option<String>,
}

/// Allowed and denied tools: names, with `*` for any characters.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct ToolLists {
    /// Only these. Default: all; an empty list allows none.
    pub allow: Option<Vec<At<String>>>,
    /// Not these, even if allowed.
    #[serde(default)]
    pub deny: Vec<At<String>>,
}

/// Allowed and denied tools of one MCP server in a product.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct ProductTools {
    /// Id of the MCP server's API.
    pub api_id: At<String>,
    /// Only these. Default: all; an empty list allows none.
    pub allow: Option<Vec<At<String>>>,
    /// Not these, even if allowed.
    #[serde(default)]
    pub deny: Vec<At<String>>,
}
