//! What a caller of an MCP server is told when a call fails: JSON-RPC where a request is waiting for an answer.
//!
//! A failure keeps its status and its place in `context.LastError`; only the default body becomes JSON-RPC, and only
//! when no policy of on-error made another. 401 and 403 stay as HTTP has them: clients act on the head.

use super::respond;
use crate::exchange::{BodyState, Exchange};
use crate::failure::Failure;
use bytes::Bytes;
use http::StatusCode;
use tollgate_agents::jsonrpc::{self, code};

/// The gateway's own answer to a failure.
#[derive(Debug)]
pub(crate) struct Failed {
    status: StatusCode,
    reason: &'static str,
    message: String,
    /// The default body: while the response has this very one, no policy made another.
    body: Bytes,
}

/// Notes the answer that the pipeline just made of a failure.
pub(crate) fn note(rq: &mut Exchange, failure: &Failure) {
    let (Some(call), Some(response)) = (rq.mcp.as_deref_mut(), &rq.response) else {
        return;
    };
    if let BodyState::Buffered(body) = &response.body {
        call.failed = Some(Failed {
            status: response.status,
            reason: failure.reason,
            message: failure
                .public
                .as_deref()
                .unwrap_or(&failure.message)
                .to_owned(),
            body: body.clone(),
        });
    }
}

/// A refusal that becomes a JSON-RPC error of this code.
pub(crate) fn refuse(
    rq: &mut Exchange,
    status: StatusCode,
    reason: &'static str,
    code: i64,
    message: impl Into<String>,
) -> Box<Failure> {
    if let Some(call) = rq.mcp.as_deref_mut() {
        call.error = Some((code, None));
    }
    Failure::refused("mcp", reason, status, message)
}

/// Gives a failure's default answer the form that MCP clients read.
pub(crate) fn put_in_form(rq: &mut Exchange) {
    let Some(call) = rq.mcp.as_deref_mut() else {
        return;
    };
    let (Some(failed), Some(response)) = (call.failed.take(), &rq.response) else {
        return;
    };
    let untouched = matches!(&response.body, BodyState::Buffered(body)
        if body.as_ptr() == failed.body.as_ptr() && body.len() == failed.body.len())
        && response.status == failed.status;
    let error = call.error.take();
    let posted = rq.request.original_method == http::Method::POST;
    if !untouched
        || !posted
        || call.endpoint == super::Endpoint::Operation
        || matches!(failed.status.as_u16(), 401 | 403)
    {
        return;
    }
    if call.is_request() && call.method() == "tools/call" && failed.status.is_server_error() {
        // An error of the tool, so that the model reads it and may try another way.
        let text = if failed.reason == "Timeout" {
            "The tool did not answer in time. Try again later."
        } else {
            "The tool could not be reached. Try again later."
        };
        respond::tool_error(rq, text);
        return;
    }
    let (code, data) = error.unwrap_or_else(|| (code_of(failed.status), None));
    let body = jsonrpc::error(call.id(), code, &failed.message, data.as_deref());
    if let Some(response) = &mut rq.response {
        response.body = BodyState::Buffered(Bytes::from(body));
    }
}

fn code_of(status: StatusCode) -> i64 {
    match status.as_u16() {
        429 => code::TOO_MANY_REQUESTS,
        404 => code::METHOD_NOT_FOUND,
        400..=499 => code::INVALID_REQUEST,
        _ => code::INTERNAL_ERROR,
    }
}
