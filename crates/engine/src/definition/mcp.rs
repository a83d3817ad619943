//! What makes an API an MCP server: where its calls go or which operations are its tools, and who may use them.
//!
//! `control` fills it from `mcpProperties`, `mcpTools`, `tools` and `mcp` of an API; [`crate::mcp`] compiles it.

use std::sync::Arc;
use tollgate_agents::operation::Annotations;
use tollgate_lang::Span;

/// An MCP server.
#[derive(Clone, Debug, Default)]
pub struct McpDefinition {
    /// Where answers come from.
    pub source: McpSource,
    /// Origins (`https://app.example`, or `*`) whose pages may call, beside the gateway's own.
    pub allowed_origins: Vec<Arc<str>>,
    /// Its protected-resource metadata (RFC 9728); none: it has none.
    pub authorization: Option<McpAuthorization>,
    /// Which tools callers may use.
    pub tools: ToolLists,
    /// Most bytes of a message from a caller; none: [`crate::mcp::DEFAULT_MAX_BODY`].
    pub max_body: Option<usize>,
}

/// Where answers come from.
#[derive(Clone, Debug)]
pub enum McpSource {
    /// Another MCP server: the API's `serviceUrl` or backend.
    PassThrough(McpEndpoints),
    /// The gateway itself: operations of APIs as tools.
    Tools(Vec<ToolDefinition>),
}

impl Default for McpSource {
    fn default() -> McpSource {
        McpSource::PassThrough(McpEndpoints::default())
    }
}

/// The paths of an MCP server, each beginning with `/`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum McpEndpoints {
    /// Streamable HTTP: one endpoint.
    Streamable {
        /// For all methods.
        message: Arc<str>,
    },
    /// HTTP with SSE (2024-11-05): two endpoints.
    Sse {
        /// GET gives the stream.
        sse: Arc<str>,
        /// POST takes the messages.
        message: Arc<str>,
    },
}

impl Default for McpEndpoints {
    fn default() -> McpEndpoints {
        McpEndpoints::Streamable {
            message: Arc::from("/mcp"),
        }
    }
}

/// An operation as a tool.
#[derive(Clone, Debug)]
pub struct ToolDefinition {
    /// Where it stands in the configuration.
    pub span: Option<Span>,
    /// The name by which it is called.
    pub name: Arc<str>,
    /// Name for people.
    pub title: Option<Arc<str>>,
    /// What it does, for the model; none: the operation's own description.
    pub description: Option<Arc<str>>,
    /// The operation's API.
    pub api: Arc<str>,
    /// The operation.
    pub operation: Arc<str>,
    /// Hints that differ from those of the operation's verb.
    pub annotations: Annotations,
    /// Whether callers see the schema of the answer, to which answers are then held.
    pub output_schema: bool,
}

/// What RFC 9728 says of an MCP server.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct McpAuthorization {
    /// Issuers whose tokens are taken.
    pub authorization_servers: Vec<Arc<str>>,
    /// Scopes that calls may need.
    pub scopes_supported: Vec<Arc<str>>,
    /// Name for people.
    pub resource_name: Option<Arc<str>>,
}

/// Allowed and denied tools: names, with `*` for any characters.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ToolLists {
    /// Only these; none: all.
    pub allow: Option<Vec<Arc<str>>>,
    /// Not these.
    pub deny: Vec<Arc<str>>,
}

/// The same for one MCP server in a product.
#[derive(Clone, Debug)]
pub struct ProductTools {
    /// Id of the API.
    pub api: Arc<str>,
    /// The lists.
    pub tools: ToolLists,
}
