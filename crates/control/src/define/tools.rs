//! Operations as tools: `mcpTools` and `tools` of MCP servers, and the contracts of the operations that they name.
//!
//! Runs when all APIs have been read. What must stay true: names come out fit for every model API and unique in their
//! server; contracts are read of those operations only that are tools.

use super::Reader;
use crate::model::Lists;
use crate::model::api::Api;
use crate::model::mcp::ToolAnnotations;
use crate::openapi;
use crate::yaml::At;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use tollgate_agents::operation::name::sanitised;
use tollgate_agents::operation::{Annotations, Names};
use tollgate_engine::definition::{ApiDefinition, McpSource, ToolDefinition};
use tollgate_lang::Diagnostic;

/// More tools than a model chooses well from.
const MANY_TOOLS: usize = 40;

/// A tool of either form.
struct Written<'a> {
    name: Option<&'a At<String>>,
    title: Option<&'a str>,
    description: Option<&'a str>,
    operation_id: &'a At<String>,
    annotations: ToolAnnotations,
    output_schema: bool,
}

impl Reader<'_, '_> {
    /// The tools of an MCP server.
    pub(super) fn tools(&mut self, api: &Api, apis: &[ApiDefinition]) -> Vec<ToolDefinition> {
        let inline = api.mcp_tools.iter().map(|tool| Written {
            name: tool.name.as_ref(),
            title: tool.title.as_deref(),
            description: tool.description.as_deref(),
            operation_id: &tool.operation_id,
            annotations: tool.annotations,
            output_schema: tool.output_schema,
        });
        let children = api.tools.iter().map(|tool| Written {
            name: Some(&tool.id),
            title: tool.display_name.as_deref(),
            description: tool.description.as_deref(),
            operation_id: &tool.operation_id,
            annotations: tool.annotations,
            output_schema: tool.output_schema,
        });
        let written: Vec<Written<'_>> = inline.chain(children).collect();
        if let (true, Some(first)) = (written.len() > MANY_TOOLS, written.first()) {
            self.warning(
                first.name.unwrap_or(first.operation_id).place,
                format!(
                    "MCP server `{}` has {} tools, and a model reads all of them with each request",
                    api.id.value,
                    written.len()
                ),
                format!("split it into servers of at most {MANY_TOOLS} tools each"),
            );
        }
        let mut names = Names::default();
        // Names that are written come first: one that is made gives way to them.
        let own: Vec<Option<String>> = written
            .iter()
            .enumerate()
            .map(|(at, tool)| self.tool_name(at, tool.name?, &mut names, &written))
            .collect();
        let mut tools = Vec::new();
        for (at, (tool, own)) in written.iter().zip(own).enumerate() {
            if tool.name.is_some() && own.is_none() {
                continue;
            }
            let Some((api, operation)) = self.operation_of(tool.operation_id, apis) else {
                continue;
            };
            let name =
                own.unwrap_or_else(|| names.derived(&operation, &format!("{api}/{operation}"), at));
            let place = tool.name.unwrap_or(tool.operation_id).place;
            tools.push(ToolDefinition {
                span: Some(self.span(place)),
                name: Arc::from(name),
                title: tool.title.map(Arc::from),
                description: tool
                    .description
                    .map(str::trim)
                    .filter(|text| !text.is_empty())
                    .map(Arc::from),
                api,
                operation,
                annotations: Annotations {
                    read_only: tool.annotations.read_only_hint,
                    destructive: tool.annotations.destructive_hint,
                    idempotent: tool.annotations.idempotent_hint,
                    open_world: tool.annotations.open_world_hint,
                },
                output_schema: tool.output_schema,
            });
        }
        tools
    }

    /// A written name as callers see it.
    fn tool_name(
        &mut self,
        at: usize,
        name: &At<String>,
        names: &mut Names,
        written: &[Written<'_>],
    ) -> Option<String> {
        let fit = sanitised(name);
        if fit.is_empty() {
            self.fault(
                name.place,
                format!("`{}` is not a tool's name", name.value),
                "expected letters, digits, `_` and `-`",
                "",
            );
            return None;
        }
        match names.configured(name, at) {
            Ok(fit) => {
                if *fit != *name.value {
                    self.warning(
                        name.place,
                        format!("tool `{}` is called `{fit}`", name.value),
                        "every model takes up to 64 of letters, digits, `_` and `-` in a tool's name",
                    );
                }
                Some(fit)
            }
            Err(taken) => {
                let span = self.span(name.place);
                let mut fault = Diagnostic::error(
                    "TG0406",
                    span,
                    format!("two tools of one server are called `{}`", taken.name),
                )
                .label("second one")
                .help("rename or remove one of them");
                if let Some(first) = written.get(taken.by).and_then(|w| w.name) {
                    fault = fault.related(self.span(first.place), "first one");
                }
                self.diagnostics.push(fault);
                None
            }
        }
    }

    /// Reads the contracts of all operations that are tools.
    pub(super) fn contracts(&mut self, lists: Lists<'_>, apis: &mut [ApiDefinition]) {
        let mut wanted: BTreeMap<Arc<str>, BTreeSet<Arc<str>>> = BTreeMap::new();
        for api in &*apis {
            if let Some(McpSource::Tools(tools)) = api.mcp.as_deref().map(|m| &m.source) {
                for tool in tools {
                    let of = wanted.entry(tool.api.clone()).or_default();
                    of.insert(tool.operation.clone());
                }
            }
        }
        for (written, api) in lists.apis.iter().zip(apis) {
            let (Some(ids), Some(path)) = (wanted.get(&api.id), &written.specification) else {
                continue;
            };
            let resolved = self.files.resolve(path);
            // What cannot be read has been said when the operations were.
            let Ok((file, text)) = self.files.text(&resolved) else {
                continue;
            };
            let ids = ids.iter().map(|id| &**id).collect();
            let mut contracts = openapi::contracts(file, &text, &ids, self.diagnostics);
            for operation in &mut api.operations {
                operation.contract = contracts.remove(&*operation.id).map(Arc::new);
            }
        }
    }
}
