//! `tools/call`: arguments held to their schema, the operation called, its answer as the tool's result.
//!
//! What must stay true: what the model can put right (arguments, a failure of the API) is a result with `isError`; what
//! only the client or the gateway can is an error of the protocol.

use super::operation::{self, Outcome};
use super::{Tools, respond};
use crate::exchange::Exchange;
use crate::services::SendOptions;
use http::HeaderName;
use serde_json::{Map, Value, json};
use tollgate_agents::jsonrpc::{Envelope, code};
use tollgate_agents::operation::{HttpAnswer, Tool, ToolResult, param_header};
use tollgate_agents::{Era, Revision};

pub(super) async fn answer(
    rq: &mut Exchange,
    envelope: &Envelope<'_>,
    tools: &Tools,
    revision: Revision,
    options: SendOptions,
) {
    let Some(name) = envelope.params.name.as_deref() else {
        let text = "Invalid params: `name` is missing";
        respond::error(rq, code::INVALID_PARAMS, text, None);
        return;
    };
    let Some(index) = tools.set.find(name) else {
        respond::error(
            rq,
            code::INVALID_PARAMS,
            &format!("Unknown tool: {name}"),
            None,
        );
        return;
    };
    let tool = &tools.set.tools()[index];
    let arguments = match envelope.params.arguments.map(|a| a.get()) {
        None | Some("null") => Some(Map::new()),
        Some(text) => serde_json::from_str(text).ok(),
    };
    let Some(arguments) = arguments else {
        let text = "Invalid params: `arguments` is not an object, or is nested too deep";
        respond::error(rq, code::INVALID_PARAMS, text, None);
        return;
    };
    if revision.era() == Era::Modern
        && let Err(text) = mirrored(rq, tool, &arguments)
    {
        respond::error(rq, code::HEADER_MISMATCH, &text, None);
        return;
    }
    let arguments = Value::Object(arguments);
    let request = tools.set.check(tool, &arguments).and_then(|()| {
        let arguments = arguments.as_object().cloned().unwrap_or_default();
        tool.request(&arguments)
            .map_err(|bad| format!("Invalid arguments:\n{bad}"))
    });
    let parts = match request {
        Ok(parts) => parts,
        // From 2025-11-25 on the model is told, and may write the call again.
        Err(text) if revision >= Revision::V2025_11_25 => {
            finish(rq, ToolResult::error(text), revision);
            return;
        }
        Err(text) => {
            respond::error(rq, code::INVALID_PARAMS, &text, None);
            return;
        }
    };
    let called = operation::call(rq, tools.operations[index], name, parts, options.timeout).await;
    let result = match called {
        Outcome::Answered(answered) => tools.set.result(
            tool,
            HttpAnswer {
                status: answered.status,
                content_type: answered.content_type.as_deref(),
                retry_after: answered.retry_after.as_deref(),
                body: &answered.body,
                from_backend: answered.from_backend,
            },
        ),
        Outcome::TimedOut => ToolResult::error("The API did not answer in time. Try again later."),
        Outcome::Unreachable => ToolResult::error("The API could not be reached. Try again later."),
        Outcome::TooLarge(limit) => ToolResult::error(format!(
            "The API's answer is larger than {limit} bytes. Ask for less at once."
        )),
        Outcome::Unreadable => ToolResult::error("The API's answer could not be read."),
    };
    finish(rq, result, revision);
}

/// Holds `Mcp-Param-*` headers to the arguments that they mirror.
fn mirrored(rq: &Exchange, tool: &Tool, arguments: &Map<String, Value>) -> Result<(), String> {
    let headers = &rq.request.headers;
    param_header::check(tool.param_headers(), arguments, |name| {
        let name = HeaderName::from_bytes(name.as_bytes()).ok()?;
        headers.get(name).map(|v| v.as_bytes().trim_ascii())
    })
    .map_err(|mismatch| format!("Header mismatch: {}: {}", mismatch.header, mismatch.why))
}

fn finish(rq: &mut Exchange, result: ToolResult, revision: Revision) {
    let modern = revision.era() == Era::Modern;
    let mut result = result.json(!modern);
    if modern {
        result.insert(String::from("resultType"), json!("complete"));
    }
    respond::result(rq, &Value::Object(result).to_string());
}
