//! One request to an MCP server: which endpoint, which message, and what the gateway noted of it on the way.
//!
//! Made by the pipeline when the path is an MCP server's; policies, the forwarding step, the answer and the record read
//! it. What must stay true: it says what the body says that goes upstream, also after a policy wrote another one.

use super::Source;
use super::events::{Held, Later};
use crate::definition::McpEndpoints;
use crate::exchange::{BodyState, Exchange};
use crate::snapshot::{Api, BackendIndex};
use bytes::Bytes;
use http::HeaderValue;
use smallvec::SmallVec;
use tollgate_agents::jsonrpc::{Envelope, Id, Kind};
use tollgate_agents::{Revision, revision};
use tollgate_lang::value::Str;

/// What the path of a request means to an MCP server.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Endpoint {
    /// Streamable HTTP: POST a message, GET a stream, DELETE a session.
    Streamable,
    /// HTTP with SSE: GET the stream.
    Sse,
    /// HTTP with SSE: POST a message.
    SseMessage,
    /// None of its endpoints: an ordinary operation beside them.
    Operation,
}

/// One request to an MCP server.
#[derive(Debug)]
pub struct Call {
    /// Where it came to.
    pub endpoint: Endpoint,
    /// The message of a POST, once it was read.
    pub message: Option<Message>,
    /// `MCP-Protocol-Version`, if it names a known revision.
    pub told: Option<Revision>,
    /// Whether the caller named a session.
    pub in_session: bool,
    /// Why a tool was refused, for the record: the caller is told that it is not there.
    pub refusal: Option<&'static str>,
    /// The `Authorization` that the caller sent.
    pub(super) authorization: Option<HeaderValue>,
    /// The body that [`Call::message`] was read from.
    pub(super) read_from: Bytes,
    /// Code and data of the JSON-RPC error that a refusal becomes.
    pub(super) error: Option<(i64, Option<String>)>,
    /// Whether the session was noted before, as this caller's.
    pub(super) session_known: bool,
    /// The member of a pool that the session is at.
    pub(crate) bound_backend: Option<BackendIndex>,
    /// The upstream's path for the session's messages, when it is not the configured one.
    pub(super) bound_path: Option<Str>,
    /// Whether a policy passes the caller's own credential on.
    pub(super) passes_token: bool,
    /// The answer while outbound has it, and the stream that it came in.
    pub(super) held: Option<Held>,
    /// Where the answer will be, of a stream that flows already.
    pub(crate) later: Option<Later>,
    /// The gateway's own answer to a failure, until a policy makes another.
    pub(super) failed: Option<super::failure::Failed>,
}

/// What is known of a message.
#[derive(Clone, Debug)]
pub struct Message {
    /// Request, notification or response.
    pub kind: Kind,
    /// The id, as JSON; a notification has none.
    pub id: Option<Box<str>>,
    /// The method; empty for a response.
    pub method: Str,
    /// What the method is about: the name of a tool or prompt, the URI of a resource, the id of a task.
    pub name: Option<Str>,
    /// The revision that the message names: in `_meta`, or as parameter of `initialize`.
    pub revision: Option<Revision>,
    /// Whether it is of an era in which every request stands alone.
    pub modern: bool,
}

impl Message {
    pub(super) fn of(envelope: &Envelope<'_>, told_modern: bool) -> Message {
        let meta = envelope.params.meta.as_ref();
        let version = meta
            .and_then(|m| m.protocol_version.as_deref())
            .or(envelope.params.protocol_version.as_deref());
        let names_version = meta.is_some_and(|m| m.protocol_version.is_some());
        Message {
            kind: envelope.kind(),
            id: envelope.id.map(|id| Box::from(id.json())),
            method: Str::from(envelope.method()),
            name: envelope.mirrored_name().flatten().map(Str::from),
            revision: version.and_then(Revision::parse),
            modern: told_modern || names_version,
        }
    }

    /// The tool of a `tools/call`.
    pub fn tool(&self) -> Option<&Str> {
        if &*self.method == "tools/call" {
            self.name.as_ref()
        } else {
            None
        }
    }

    /// The id for an answer.
    pub fn id(&self) -> Option<Id<'_>> {
        self.id.as_deref().and_then(Id::from_json)
    }
}

impl Call {
    pub(super) fn new(endpoint: Endpoint) -> Call {
        Call {
            endpoint,
            message: None,
            told: None,
            in_session: false,
            refusal: None,
            authorization: None,
            read_from: Bytes::new(),
            error: None,
            session_known: false,
            bound_backend: None,
            bound_path: None,
            passes_token: false,
            held: None,
            later: None,
            failed: None,
        }
    }

    /// The revision that the call is made in, as far as it says so.
    pub fn revision(&self) -> Option<Revision> {
        self.told
            .or_else(|| self.message.as_ref().and_then(|m| m.revision))
    }

    /// Whether the message stands alone (2026-07-28 and later).
    pub fn is_modern(&self) -> bool {
        self.message.as_ref().is_some_and(|m| m.modern)
    }

    /// The method of the message; empty when there is none.
    pub fn method(&self) -> &str {
        self.message.as_ref().map_or("", |m| &m.method)
    }

    /// The id for an answer.
    pub fn id(&self) -> Option<Id<'_>> {
        self.message.as_ref().and_then(Message::id)
    }

    /// Whether the same message may go to another server when the first gave no answer: one that only reads, outside a
    /// session. A tool may have done its work before its answer was lost.
    pub(crate) fn may_be_repeated(&self) -> bool {
        const READS: [&str; 8] = [
            "initialize",
            "server/discover",
            "tools/list",
            "prompts/list",
            "prompts/get",
            "resources/list",
            "resources/templates/list",
            "resources/read",
        ];
        self.endpoint == Endpoint::Operation || (!self.in_session && READS.contains(&self.method()))
    }

    /// Whether the call is one for an answer in JSON-RPC.
    pub fn is_request(&self) -> bool {
        self.message
            .as_ref()
            .is_some_and(|m| m.kind == Kind::Request)
    }
}

/// Which endpoint of an MCP server a path below its API is; `rest` begins with `/` or is empty.
pub(crate) fn endpoint(api: &Api, rest: &str) -> Option<Endpoint> {
    let mcp = api.mcp.as_deref()?;
    let is = |path: &str| is_path(rest, path);
    let found = match &mcp.source {
        Source::Tools(_) => (is("") || is("/mcp")).then_some(Endpoint::Streamable),
        Source::PassThrough(McpEndpoints::Streamable { message }) => {
            (is("") || is("/mcp") || is(message)).then_some(Endpoint::Streamable)
        }
        Source::PassThrough(McpEndpoints::Sse { sse, message }) => {
            if is("/sse") || is(sse) {
                Some(Endpoint::Sse)
            } else {
                (is("/messages") || is(message)).then_some(Endpoint::SseMessage)
            }
        }
    };
    Some(found.unwrap_or(Endpoint::Operation))
}

/// Whether a path is an endpoint's as any server might read it: without case, with encoded characters, with slashes more
/// than once. What a server would take for its endpoint must not pass as another operation.
fn is_path(rest: &str, endpoint: &str) -> bool {
    let segments = |path: &'_ str| -> SmallVec<[String; 4]> {
        crate::routing::decode(path)
            .split(['/', '\\'])
            .filter(|s| !s.is_empty())
            .map(str::to_ascii_lowercase)
            .collect()
    };
    rest == endpoint || segments(rest) == segments(endpoint)
}

/// Whether a version's text means the era of requests that stand alone. A version that came after this gateway does.
pub(super) fn is_modern(version: &str) -> bool {
    match Revision::parse(version) {
        Some(revision) => revision.is_modern(),
        None => revision::is_version(version) && version > Revision::LATEST.as_str(),
    }
}

/// The request's body in memory, if it has one.
pub(super) fn body(rq: &Exchange) -> Option<Bytes> {
    match &rq.request.body {
        BodyState::Buffered(bytes) => Some(bytes.clone()),
        _ => None,
    }
}
