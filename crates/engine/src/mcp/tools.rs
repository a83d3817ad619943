//! Operations of APIs as the tools of an MCP server, compiled.
//!
//! [`super::Mcp::build`] makes it from the definition. What must stay true: a tool's index is its place in the list and
//! in [`Tools::operations`]; the digest changes when anything that a caller sees of the tools does.

use crate::definition::{ApiDefinition, ApiKind, Definition, ToolDefinition, VersioningScheme};
use crate::snapshot::{self, Api};
use std::collections::HashMap;
use std::hash::{DefaultHasher, Hash, Hasher};
use tollgate_agents::operation::input::Reserved;
use tollgate_agents::operation::{Contract, ToolSet, ToolSpec};
use tollgate_lang::value::Str;
use tollgate_lang::{Diagnostic, Diagnostics, Span};

/// The tools of a server.
#[derive(Debug)]
pub struct Tools {
    /// What callers see, and what a call needs.
    pub set: ToolSet,
    /// The operations, by the tool's index.
    pub operations: Vec<ToolOperation>,
    /// Of all that callers see.
    pub digest: u64,
}

/// The operation of a tool.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ToolOperation {
    /// Index of the API.
    pub api: u32,
    /// Index into the API's operations.
    pub operation: u32,
}

impl Tools {
    pub(super) fn build(
        tools: &[ToolDefinition],
        definition: &Definition,
        apis: &[Api],
        api_ids: &HashMap<Str, u32>,
        diagnostics: &mut Diagnostics,
    ) -> Tools {
        let mut built = Tools {
            set: ToolSet::default(),
            operations: Vec::new(),
            digest: 0,
        };
        for tool in tools {
            if built.set.find(&tool.name).is_some() {
                let message = format!("two tools of one server are called `{}`", tool.name);
                fault(
                    diagnostics,
                    tool.span,
                    message,
                    "rename or remove one of them",
                );
                continue;
            }
            let Some(owner) = snapshot::found(diagnostics, tool.span, "API", &tool.api, api_ids)
            else {
                continue;
            };
            let api = &definition.apis[owner as usize];
            if let Some(operation) = built.add(tool, api, &apis[owner as usize], diagnostics) {
                built.operations.push(ToolOperation {
                    api: owner,
                    operation,
                });
            }
        }
        let mut hasher = DefaultHasher::new();
        for tool in built.set.tools() {
            (tool.json(true), tool.json(false)).hash(&mut hasher);
        }
        built.digest = hasher.finish();
        built
    }

    /// Adds a tool. Gives the index of its operation.
    fn add(
        &mut self,
        tool: &ToolDefinition,
        api: &ApiDefinition,
        compiled: &Api,
        diagnostics: &mut Diagnostics,
    ) -> Option<u32> {
        if api.kind != ApiKind::Http {
            let message = format!(
                "tool `{}` needs an operation of an HTTP API, and `{}` is none",
                tool.name, api.id
            );
            let help = "a tool cannot lead to another MCP server or to a WebSocket; name an operation of an HTTP API";
            fault(diagnostics, tool.span, message, help);
            return None;
        }
        let Some(at) = api.operations.iter().position(|o| o.id == tool.operation) else {
            let message = format!(
                "tool `{}` needs the operation `{}`, which API `{}` does not have",
                tool.name, tool.operation, api.id
            );
            fault(
                diagnostics,
                tool.span,
                message,
                "name one of its operations",
            );
            return None;
        };
        let operation = &api.operations[at];
        let bare = Contract::default();
        let added = self.set.add(ToolSpec {
            name: &tool.name,
            title: tool.title.as_deref(),
            description: tool.description.as_deref(),
            annotations: tool.annotations,
            output_schema: tool.output_schema,
            method: &operation.method,
            url_template: &operation.url_template,
            contract: operation.contract.as_deref().unwrap_or(&bare),
            reserved: reserved(compiled),
        });
        match added {
            Ok(_) => u32::try_from(at).ok(),
            Err(no) => {
                let message = format!(
                    "operation `{}` of API `{}` cannot be the tool `{}`: {}",
                    operation.id, api.id, tool.name, no.why
                );
                fault(diagnostics, tool.span, message, no.remedy);
                None
            }
        }
    }
}

/// What of the operation's request is the gateway's own: the subscription's key and the version.
fn reserved(api: &Api) -> Reserved {
    let mut reserved = Reserved {
        headers: vec![api.key_header.as_str().to_owned(), String::from("api-key")],
        query: vec![api.key_query.to_string()],
    };
    match api.version.as_ref().map(|v| &v.scheme) {
        Some(VersioningScheme::Header(name)) => reserved.headers.push(name.to_ascii_lowercase()),
        Some(VersioningScheme::Query(name)) => reserved.query.push(name.to_string()),
        Some(VersioningScheme::Segment) | None => {}
    }
    reserved
}

fn fault(diagnostics: &mut Diagnostics, span: Option<Span>, message: String, help: &str) {
    diagnostics.push(Diagnostic {
        code: "TG0390",
        severity: tollgate_lang::Severity::Error,
        message,
        span,
        label: String::new(),
        help: Some(help.to_owned()),
        related: Vec::new(),
    });
}
