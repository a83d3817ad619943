//! Answers that the gateway itself makes to a JSON-RPC request: results, errors, and errors of tools.
//!
//! Each puts a whole response into the exchange, under the caller's id, in the form of the caller's era.

use crate::exchange::{BodyState, Exchange, Response, forget_body};
use bytes::Bytes;
use http::{HeaderValue, StatusCode, header};
use tollgate_agents::jsonrpc::{self, Id, code};

/// A result; `result` is JSON. Without a caller's id (a notification): 202 and nothing.
pub(crate) fn result(rq: &mut Exchange, result: &str) {
    let body = id(rq).map(|id| jsonrpc::result(id, result));
    match body {
        Some(body) => put(rq, StatusCode::OK, body),
        None => accepted(rq),
    }
}

/// An error, with the status that its code has in the caller's era.
pub(crate) fn error(rq: &mut Exchange, code: i64, message: &str, data: Option<&str>) {
    let modern = rq.mcp.as_deref().is_some_and(super::Call::is_modern);
    let body = jsonrpc::error(id(rq), code, message, data);
    put(rq, status(code, modern), body);
}

/// A result that says that the tool failed. The model reads the text.
pub(crate) fn tool_error(rq: &mut Exchange, text: &str) {
    let modern = rq.mcp.as_deref().is_some_and(super::Call::is_modern);
    let kind = if modern {
        r#""resultType":"complete","#
    } else {
        ""
    };
    let text = jsonrpc::string(text);
    let body = format!(r#"{{{kind}"content":[{{"type":"text","text":{text}}}],"isError":true}}"#);
    result(rq, &body);
}

/// 202 without a body: a notification was taken.
pub(crate) fn accepted(rq: &mut Exchange) {
    rq.response = Some(Response::new(StatusCode::ACCEPTED));
}

/// The status of an error. Source: MCP 2026-07-28, "error codes"; older revisions answer 200 but for what is no message.
fn status(code: i64, modern: bool) -> StatusCode {
    match code {
        code::PARSE_ERROR
        | code::INVALID_REQUEST
        | code::HEADER_MISMATCH
        | code::MISSING_CLIENT_CAPABILITY
        | code::UNSUPPORTED_VERSION => StatusCode::BAD_REQUEST,
        code::TOO_MANY_REQUESTS => StatusCode::TOO_MANY_REQUESTS,
        code::METHOD_NOT_FOUND if modern => StatusCode::NOT_FOUND,
        code::INVALID_PARAMS if modern => StatusCode::BAD_REQUEST,
        _ => StatusCode::OK,
    }
}

fn id(rq: &Exchange) -> Option<Id<'_>> {
    rq.mcp.as_deref().and_then(super::Call::id)
}

fn put(rq: &mut Exchange, status: StatusCode, body: String) {
    let response = rq.response_mut();
    response.status = status;
    response.reason = None;
    forget_body(&mut response.headers);
    response.headers.insert(
        header::CONTENT_TYPE,
        HeaderValue::from_static("application/json"),
    );
    response.body = BodyState::Buffered(Bytes::from(body));
}
