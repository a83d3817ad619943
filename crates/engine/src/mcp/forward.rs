//! A call at its server: what is checked of the message that goes out, whoever wrote it last.
//!
//! `forward-request` comes here around its own work. What must stay true: no call of a tool that the caller may not use
//! goes out, in whatever way the message came to name it.

use super::call::{self, Call, Message, is_modern};
use super::failure::refuse;
use super::{Source, headers, respond, server, sessions};
use crate::exchange::Exchange;
use crate::failure::Failure;
use crate::services::SendOptions;
use http::{StatusCode, header};
use tollgate_agents::jsonrpc::{Envelope, code};

/// Before the call. `true`: the response is there, nothing is to be sent. `options` are the forwarding step's.
pub(crate) async fn before(rq: &mut Exchange, options: SendOptions) -> Result<bool, Box<Failure>> {
    let Some(endpoint) = rq.mcp.as_deref().map(|call| call.endpoint) else {
        return Ok(false);
    };
    if endpoint == super::Endpoint::Operation {
        return Ok(false);
    }
    follow_body(rq)?;
    if let Some(refused) = refused_tool(rq) {
        respond::error(
            rq,
            code::INVALID_PARAMS,
            &format!("Unknown tool: {refused}"),
            None,
        );
        return Ok(true);
    }
    let answers_itself = rq
        .api()
        .and_then(|api| api.mcp.as_ref())
        .is_some_and(|mcp| matches!(mcp.source, Source::Tools(_)));
    if answers_itself {
        server::answer(rq, options).await?;
        return Ok(true);
    }
    if sessions::find(rq).await.is_err() {
        return Err(refuse(
            rq,
            StatusCode::NOT_FOUND,
            "SessionOfAnotherCaller",
            code::INVALID_REQUEST,
            "Session not found",
        ));
    }
    // The server's checks are of pages that reach it, which this one was checked for here; and what the gateway may
    // have to read must not be coded.
    rq.request.headers.remove(header::ORIGIN);
    rq.request.headers.remove(header::ACCEPT_ENCODING);
    let passes = rq.mcp.as_deref().is_some_and(|call| {
        let headers = &rq.request.headers;
        call.authorization.is_some()
            && call.authorization.as_ref() == headers.get(header::AUTHORIZATION)
            && !is_callers(call, headers)
    });
    if let Some(call) = rq.mcp.as_deref_mut() {
        call.passes_token = passes;
    }
    Ok(false)
}

/// Brings the call up to a message that a policy wrote.
fn follow_body(rq: &mut Exchange) -> Result<(), Box<Failure>> {
    let Some(body) = call::body(rq) else {
        return Ok(());
    };
    let Some(call) = rq.mcp.as_deref_mut() else {
        return Ok(());
    };
    if call.message.is_none()
        || (body.as_ptr() == call.read_from.as_ptr() && body.len() == call.read_from.len())
    {
        return Ok(());
    }
    let envelope = Envelope::peek(&body).map_err(|why| {
        Failure::internal(
            "mcp",
            "InvalidRequest",
            format!("A policy made the body something else than a JSON-RPC message: {why}."),
        )
    })?;
    let before = std::mem::replace(&mut call.read_from, body.clone());
    let told_modern = rq
        .request
        .headers
        .get(&headers::PROTOCOL_VERSION)
        .and_then(|v| v.to_str().ok())
        .is_some_and(is_modern);
    let message = Message::of(&envelope, told_modern);
    if message.modern
        && let Ok(before) = Envelope::peek(&before)
    {
        headers::follow(&mut rq.request.headers, &before, &envelope);
    }
    // The answer goes to the caller: under the caller's id.
    let id = call.message.take().and_then(|m| m.id);
    call.message = Some(Message { id, ..message });
    Ok(())
}

/// The tool that is called and may not be; the record gets the reason.
fn refused_tool(rq: &mut Exchange) -> Option<tollgate_lang::value::Str> {
    let tool = rq.mcp.as_deref()?.message.as_ref()?.tool()?.clone();
    let reason = super::refusal(rq, &tool)?;
    if let Some(call) = rq.mcp.as_deref_mut() {
        call.refusal = Some(reason);
    }
    Some(tool)
}

/// Whether an `Authorization` of the outgoing head is the caller's own: a token for the gateway is for nobody else. One
/// that a policy wrote is another value, even with the same text.
pub(crate) fn is_callers(call: &Call, headers: &http::HeaderMap) -> bool {
    match (&call.authorization, headers.get(header::AUTHORIZATION)) {
        (Some(callers), Some(now)) => {
            callers.as_bytes().as_ptr() == now.as_bytes().as_ptr() && callers.len() == now.len()
        }
        _ => false,
    }
}
