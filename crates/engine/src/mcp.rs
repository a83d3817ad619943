//! MCP servers: APIs of type `mcp`, whose calls are JSON-RPC messages.
//!
//! Compiled here from [`McpDefinition`], with all globs and look-ups done. What must stay true: an API that is no MCP
//! server pays nothing for this module; what a caller may not use is not told apart from what is not there.

mod access;
mod admit;
mod answer;
mod call;
mod complete;
mod events;
mod failure;
mod forward;
mod headers;
mod metadata;
mod respond;
mod server;
mod sessions;
mod target;
mod tools;
mod trace;

pub use call::{Call, Endpoint, Message};
pub use sessions::Session;
pub use tools::{ToolOperation, Tools};

pub(crate) use admit::{admit, begin, read};
pub(crate) use answer::after;
pub(crate) use call::endpoint;
pub(crate) use complete::complete;
pub(crate) use events::{finish, is_open_stream, passes_events, put_back, take_answer};
pub(crate) use failure::{note, put_in_form};
pub(crate) use forward::{before, is_callers};
pub(crate) use metadata::{at_root, below_api, challenge, has_metadata_at, is_below};
pub(crate) use target::target;

use crate::definition::{
    ApiDefinition, ApiKind, Definition, McpAuthorization, McpDefinition, McpEndpoints, McpSource,
    ProductDefinition, ToolLists,
};
use crate::exchange::Exchange;
use crate::snapshot::{self, Api, Snapshot};
use std::collections::HashMap;
use std::sync::Arc;
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
    rules_of(rq)?.refusal(tool)
}

/// Which tools a caller may use.
pub(crate) struct CallerRules {
    snapshot: Arc<Snapshot>,
    api: u32,
    product: Option<u32>,
}

/// The rules for the caller of a request; `None`: every tool may be used.
pub(crate) fn rules_of(rq: &Exchange) -> Option<CallerRules> {
    let rules = CallerRules {
        snapshot: rq.snapshot.clone(),
        api: rq.api?,
        product: rq.product,
    };
    let any = rules.server().is_some_and(|r| !r.allows_all())
        || rules.product().is_some_and(|r| !r.allows_all());
    any.then_some(rules)
}

impl CallerRules {
    fn server(&self) -> Option<&ToolRules> {
        let api = &self.snapshot.apis[self.api as usize];
        api.mcp.as_ref().map(|mcp| &mcp.tools)
    }

    fn product(&self) -> Option<&ToolRules> {
        let product = &self.snapshot.products[self.product? as usize];
        let mut rules = product.mcp_tools.iter();
        rules
            .find(|(of, _)| *of == self.api)
            .map(|(_, rules)| rules)
    }

    fn refusal(&self, tool: &str) -> Option<&'static str> {
        if self.server().is_some_and(|r| !r.allows(tool)) {
            return Some("ToolDeniedByServer");
        }
        self.product()
            .is_some_and(|r| !r.allows(tool))
            .then_some("ToolDeniedByProduct")
    }

    /// Whether the caller may see and call a tool.
    pub(crate) fn allows(&self, tool: &str) -> bool {
        self.refusal(tool).is_none()
    }
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
