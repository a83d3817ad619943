//! MCP servers: APIs of type `mcp`, whose calls are JSON-RPC messages.
//!
//! Compiled here from [`McpDefinition`], with all globs and look-ups done. What must stay true: an API that is no MCP
//! server pays nothing for this module; what a caller may not use is not told apart from what is not there.

mod access;
mod admit;
mod call;
mod failure;
mod forward;
mod headers;
mod respond;
mod server;
mod target;
mod tools;

pub use call::{Call, Endpoint, Message};
pub use tools::{ToolOperation, Tools};

pub(crate) use admit::{admit, begin, read};
pub(crate) use call::endpoint;
pub(crate) use failure::{note, put_in_form};
pub(crate) use forward::{before, is_callers};
pub(crate) use target::target;

use crate::definition::{
    ApiDefinition, ApiKind, Definition, McpAuthorization, McpDefinition, McpEndpoints, McpSource,
    ProductDefinition, ToolLists,
};
use crate::exchange::Exchange;
use crate::snapshot::{self, Api};
use std::collections::HashMap;
pub use tollgate_agents::ToolRules;
use tollgate_lang::value::Str;
use tollgate_lang::{Diagnostics, Span};

/// Most bytes of a message unless the configuration says otherwise: what the SDKs take.
pub const DEFAULT_MAX_BODY: usize = 4 << 20;

/// A compiled MCP server.
#[derive(Debug)]
pub struct Mcp {
    /// Where answers come from.
    pub source: Source,
    /// Origins that may call beside the gateway's own, in lower case; `*` for all.
    pub allowed_origins: Vec<Str>,
    /// Protected-resource metadata.
    pub authorization: Option<McpAuthorization>,
    /// Which tools callers may use, whatever their product says.
    pub tools: ToolRules,
    /// Most bytes of a message from a caller.
    pub max_body: usize,
}

/// Where answers come from.
#[derive(Debug)]
pub enum Source {
    /// The API's backend.
    PassThrough(McpEndpoints),
    /// Operations of APIs.
    Tools(Box<Tools>),
}

impl Mcp {
    /// Compiles an API's part; `None` for one that is no MCP server.
    pub(crate) fn build(
        api: &ApiDefinition,
        definition: &Definition,
        apis: &[Api],
        api_ids: &HashMap<Str, u32>,
        diagnostics: &mut Diagnostics,
    ) -> Option<Mcp> {
        if api.kind != ApiKind::Mcp {
            return None;
        }
        let default = McpDefinition::default();
        let mcp = api.mcp.as_deref().unwrap_or(&default);
        let source = match &mcp.source {
            McpSource::PassThrough(endpoints) => Source::PassThrough(endpoints.clone()),
            McpSource::Tools(tools) => Source::Tools(Box::new(Tools::build(
                tools,
                definition,
                apis,
                api_ids,
                diagnostics,
            ))),
        };
        Some(Mcp {
            source,
            allowed_origins: mcp.allowed_origins.clone(),
            authorization: mcp.authorization.clone(),
            tools: rules(&mcp.tools, api.span, diagnostics),
            max_body: mcp.max_body.unwrap_or(DEFAULT_MAX_BODY),
        })
    }
}

/// Why the caller may not use a tool: the reason of the record. `None`: they may.
pub(crate) fn refusal(rq: &Exchange, tool: &str) -> Option<&'static str> {
    let api = rq.api()?;
    if !api.mcp.as_ref()?.tools.allows(tool) {
        return Some("ToolDeniedByServer");
    }
    let rules = rq.product()?.mcp_tools.iter();
    let mut rules = rules.filter(|(of, _)| Some(*of) == rq.api);
    rules
        .any(|(_, rules)| !rules.allows(tool))
        .then_some("ToolDeniedByProduct")
}

/// Compiles which tools a product opens.
pub(crate) fn product_tools(
    product: &ProductDefinition,
    api_ids: &HashMap<Str, u32>,
    diagnostics: &mut Diagnostics,
) -> Vec<(u32, ToolRules)> {
    product
        .mcp_tools
        .iter()
        .filter_map(|item| {
            let api = snapshot::found(diagnostics, product.span, "API", &item.api, api_ids)?;
            Some((api, rules(&item.tools, product.span, diagnostics)))
        })
        .collect()
}

fn rules(lists: &ToolLists, span: Option<Span>, diagnostics: &mut Diagnostics) -> ToolRules {
    match ToolRules::compile(lists.allow.as_deref(), &lists.deny) {
        Ok(rules) => rules,
        Err(why) => {
            snapshot::fault(
                diagnostics,
                span,
                why,
                "write the names of tools, with `*` for any characters",
            );
            // Not reached by a call: the configuration was refused.
            ToolRules::default()
        }
    }
}
