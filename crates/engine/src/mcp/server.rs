//! An MCP server that the gateway is itself: its tools are operations of APIs.
//!
//! `forward-request` comes here instead of to a backend when the API's [`super::Source`] is tools; which tools the
//! caller may use has been checked, and [`super::Call::message`] says what the body says. Both eras are served at one
//! URL and neither needs a session: what a message does depends on the message alone. What must stay true: an answer
//! has the caller's id; a tool's failure is a result, never an error of the protocol.

mod call;
mod list;
mod listen;
mod operation;

use super::{Source, Tools, call as message, respond};
use crate::exchange::Exchange;
use crate::failure::Failure;
use crate::services::SendOptions;
use serde_json::{Map, Value, json};
use std::sync::Arc;
use tollgate_agents::jsonrpc::{Envelope, Kind, code};
use tollgate_agents::{Era, Revision};

/// How long a client may keep a list of tools, in milliseconds: `listen` tells it of a change before that.
const TTL_MILLIS: u64 = 300_000;

/// Revisions with a handshake that are served.
const LEGACY: [Revision; 3] = [
    Revision::V2025_03_26,
    Revision::V2025_06_18,
    Revision::V2025_11_25,
];

/// Answers a message: puts the response into the exchange. `options` are those of the `forward-request`: its timeout
/// bounds the call of a tool.
pub(crate) async fn answer(rq: &mut Exchange, options: SendOptions) -> Result<(), Box<Failure>> {
    let message = rq.mcp.as_deref().and_then(|call| call.message.clone());
    let (Some(message), Some(body)) = (message, message::body(rq)) else {
        // GET and DELETE were refused when the call was admitted.
        respond::accepted(rq);
        return Ok(());
    };
    if message.kind != Kind::Request {
        // Notifications have no answer; nothing was asked that a response could be for.
        respond::accepted(rq);
        return Ok(());
    }
    let snapshot = rq.snapshot.clone();
    let mcp = rq
        .api
        .and_then(|api| snapshot.apis[api as usize].mcp.as_deref());
    let Some(Source::Tools(tools)) = mcp.map(|mcp| &mcp.source) else {
        return Ok(());
    };
    // It was read when the call was admitted, or when a policy wrote it.
    let Ok(envelope) = Envelope::peek(&body) else {
        return Ok(());
    };
    let revision = match revision(rq, &envelope, message.modern) {
        Ok(revision) => revision,
        Err(refusal) => {
            respond::error(rq, refusal.code, &refusal.text, refusal.data.as_deref());
            return Ok(());
        }
    };
    match (revision.era(), &*message.method) {
        (Era::Legacy, "initialize") => initialize(rq, &envelope),
        (Era::Legacy, "ping") => respond::result(rq, "{}"),
        (Era::Modern, "server/discover") => discover(rq),
        (Era::Modern, "subscriptions/listen") => listen::answer(rq, &envelope, tools),
        (era, "tools/list") => list::answer(rq, &envelope, tools, era),
        (_, "tools/call") => call::answer(rq, &envelope, tools, revision, options).await,
        (_, method) => {
            let text = format!("Method not found: {method}");
            respond::error(rq, code::METHOD_NOT_FOUND, &text, None);
        }
    }
    Ok(())
}

/// A message that is refused for its version.
struct Refusal {
    code: i64,
    text: String,
    data: Option<String>,
}

/// The revision that a message is in. A legacy one says it in a header, from the handshake on.
fn revision(rq: &Exchange, envelope: &Envelope<'_>, modern: bool) -> Result<Revision, Refusal> {
    let header = super::admit::text(&rq.request.headers, &super::headers::PROTOCOL_VERSION);
    if !modern {
        return match header {
            None => Ok(Revision::ASSUMED),
            Some(told) => Revision::parse(told)
                .filter(|r| r.era() == Era::Legacy)
                .ok_or_else(|| Refusal {
                    code: code::INVALID_REQUEST,
                    text: format!("Bad Request: unsupported protocol version {told}"),
                    data: None,
                }),
        };
    }
    let meta = envelope.params.meta.as_ref();
    let requested = meta
        .and_then(|m| m.protocol_version.as_deref())
        .or(header)
        .unwrap_or_default();
    Revision::parse(requested)
        .filter(|r| r.era() == Era::Modern)
        .ok_or_else(|| Refusal {
            code: code::UNSUPPORTED_VERSION,
            text: format!("Unsupported protocol version: {requested}"),
            data: Some(
                json!({"supported": [Revision::LATEST.as_str()], "requested": requested})
                    .to_string(),
            ),
        })
}

/// The handshake. A version that is not served is answered with the latest that has one.
fn initialize(rq: &mut Exchange, envelope: &Envelope<'_>) {
    let Some(asked) = envelope.params.protocol_version.as_deref() else {
        let text = "Invalid params: `protocolVersion` is missing";
        respond::error(rq, code::INVALID_PARAMS, text, None);
        return;
    };
    let version = Revision::parse(asked)
        .filter(|r| LEGACY.contains(r))
        .unwrap_or(Revision::LATEST_LEGACY);
    let result = json!({
        "protocolVersion": version.as_str(),
        "capabilities": {"tools": {"listChanged": false}},
        "serverInfo": server_info(rq),
    });
    respond::result(rq, &result.to_string());
}

/// `server/discover`.
fn discover(rq: &mut Exchange) {
    let result = json!({
        "resultType": "complete",
        "supportedVersions": [Revision::LATEST.as_str()],
        "capabilities": {"tools": {"listChanged": true}},
        "ttlMs": TTL_MILLIS,
        "cacheScope": "private",
        "_meta": {"io.modelcontextprotocol/serverInfo": server_info(rq)},
    });
    respond::result(rq, &result.to_string());
}

/// What the server says of itself.
fn server_info(rq: &Exchange) -> Value {
    let mut info = Map::new();
    if let Some(api) = rq.api() {
        info.insert(String::from("name"), json!(*api.id));
        info.insert(String::from("title"), json!(*api.display_name));
        let version = api.version.as_ref().and_then(|v| v.version.clone());
        let version = version.unwrap_or_else(|| Arc::clone(&api.revision));
        info.insert(String::from("version"), json!(*version));
    }
    Value::Object(info)
}

/// Whether the caller may see a tool.
fn shows(rq: &Exchange, name: &str) -> bool {
    super::refusal(rq, name).is_none()
}
