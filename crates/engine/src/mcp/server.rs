//! An MCP server that the gateway is itself: its tools are operations of APIs.
//!
//! `forward-request` comes here instead of to a backend when the API's [`super::Source`] is tools; which tools the
//! caller may use has been checked, and [`super::Call::message`] says what the body says.

use super::respond;
use crate::exchange::Exchange;
use crate::failure::Failure;
use tollgate_agents::jsonrpc::{Kind, code};

/// Answers a message: puts the response into the exchange.
pub(crate) async fn answer(rq: &mut Exchange) -> Result<(), Box<Failure>> {
    let Some(message) = rq.mcp.as_deref().and_then(|call| call.message.clone()) else {
        // GET and DELETE were refused when the call was admitted.
        respond::accepted(rq);
        return Ok(());
    };
    match (message.kind, &*message.method) {
        (Kind::Request, "ping") => respond::result(rq, "{}"),
        (Kind::Request, method) => {
            let text = format!("Method not found: {method}");
            respond::error(rq, code::METHOD_NOT_FOUND, &text, None);
        }
        _ => respond::accepted(rq),
    }
    Ok(())
}
