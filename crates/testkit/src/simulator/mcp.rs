//! A simulated MCP server of both eras at one URL: `/mcp` with a documentation server, `/conformance/mcp` with all that
//! the official conformance suite asks for.
//!
//! Called by the router. What must stay true: nothing here knows of a gateway; sessions, streams and ledgers are
//! bounded; a refusal has the status and the code that the specification names.
//! Source: the MCP specification, revisions 2025-03-26 to 2026-07-28, transports.

mod call;
mod conformance;
mod content;
mod docs;
mod ledger;
mod legacy;
mod methods;
mod modern;
mod refusal;
mod seal;
mod session;
mod stream;

pub use ledger::{McpCall, McpOutcome};

use std::sync::{Arc, Mutex, PoisonError};

use bytes::Bytes;
use http::header::{ACCEPT, CONTENT_TYPE, HOST, HeaderName, ORIGIN};
use http::request::Parts;
use http::{Method, Response, StatusCode};
use serde_json::Value;
use tokio::sync::broadcast;
use tokio::task::JoinSet;
use tollgate_agents::jsonrpc::code;
use tollgate_agents::{Envelope, Revision};

use super::State;
use super::body::SimulatorBody;
use super::connection::ConnectionControl;
use super::faults::Fault;
use super::identity::form;
use ledger::Ledger;
use refusal::Refusal;
use seal::Seal;
use session::Sessions;
use stream::Cut;

/// Names that the headers of the protocol have.
static VERSION: HeaderName = HeaderName::from_static("mcp-protocol-version");
static SESSION: HeaderName = HeaderName::from_static("mcp-session-id");

/// How calls are answered.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum McpAnswers {
    /// An event stream for every request, as the SDKs do.
    #[default]
    Stream,
    /// One JSON object; notifications of a call are left out, requests to a legacy client go to its GET stream.
    Json,
}

/// What changed; the clients that listen are told.
#[derive(Clone, Debug)]
enum Change {
    Tools,
    Prompts,
    Resources,
    Resource(String),
}

/// What all calls share.
pub(super) struct Mcp {
    sessions: Sessions,
    changes: broadcast::Sender<Change>,
    seal: Seal,
    pub(super) ledger: Ledger,
    tasks: Mutex<JoinSet<()>>,
}

impl Default for Mcp {
    fn default() -> Self {
        Self {
            sessions: Sessions::default(),
            changes: broadcast::channel(256).0,
            seal: Seal::default(),
            ledger: Ledger::default(),
            tasks: Mutex::default(),
        }
    }
}

impl Mcp {
    /// Runs what outlives its request: a legacy call goes on when its stream breaks.
    fn spawn(&self, task: impl Future<Output = ()> + Send + 'static) -> tokio::task::AbortHandle {
        let mut tasks = self.tasks.lock().unwrap_or_else(PoisonError::into_inner);
        while tasks.try_join_next().is_some() {}
        tasks.spawn(task)
    }

    /// Ends everything that runs.
    pub(super) fn close(&self) {
        self.sessions.clear();
        let mut tasks = self.tasks.lock().unwrap_or_else(PoisonError::into_inner);
        tasks.abort_all();
    }

    /// Tells everybody who listens.
    fn announce(&self, change: &Change) {
        // Nobody listening is no failure.
        let _ = self.changes.send(change.clone());
        self.sessions.announce(change);
    }
}

/// Which server a path names.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Catalog {
    Docs,
    Conformance,
}

/// What the URL asks for.
#[derive(Clone, Copy, Debug)]
struct Settings {
    catalog: Catalog,
    answers: McpAnswers,
    /// Items on a page of a list; all on one without it.
    page: Option<usize>,
}

/// One HTTP request.
struct Http<'a> {
    state: &'a Arc<State>,
    head: &'a Parts,
    settings: Settings,
    /// Where an event stream breaks off, by a fault.
    cut: Option<Cut>,
}

impl Http<'_> {
    fn header(&self, name: &HeaderName) -> Option<&str> {
        self.head.headers.get(name)?.to_str().ok().map(str::trim)
    }

    fn accepts(&self, kind: &str) -> bool {
        let values = self.head.headers.get_all(ACCEPT).iter();
        values
            .filter_map(|value| value.to_str().ok())
            .flat_map(|value| value.split(','))
            .map(|item| item.split(';').next().unwrap_or_default().trim())
            .any(|item| {
                item == kind
                    || item == "*/*"
                    || item
                        .strip_suffix("/*")
                        .is_some_and(|family| kind.starts_with(family))
            })
    }
}

/// Whether a path is an MCP server's.
pub(super) fn serves(path: &str) -> bool {
    catalog(path).is_some()
}

fn catalog(path: &str) -> Option<Catalog> {
    match path {
        "/mcp" => Some(Catalog::Docs),
        "/conformance/mcp" => Some(Catalog::Conformance),
        _ => None,
    }
}

/// Answers a request to an MCP server.
pub(super) async fn serve(
    state: &Arc<State>,
    control: &Arc<ConnectionControl>,
    fault: &Fault,
    head: &Parts,
    body: &Bytes,
) -> Response<SimulatorBody> {
    let query = form(head.uri.query().unwrap_or_default());
    let settings = Settings {
        catalog: catalog(head.uri.path()).unwrap_or(Catalog::Docs),
        answers: match query.get("answers").map(String::as_str) {
            Some("json") => McpAnswers::Json,
            Some("stream") => McpAnswers::Stream,
            _ => state.config.mcp_answers,
        },
        page: query
            .get("page")
            .and_then(|page| page.parse().ok())
            .filter(|page| *page > 0),
    };
    let http = Http {
        state,
        head,
        settings,
        cut: Cut::of(fault, control),
    };
    let answer = match trusted(state, head) {
        Err(refusal) => Err(refusal),
        Ok(()) => match head.method {
            Method::POST => post(&http, body).await,
            Method::GET => legacy::listen(&http),
            Method::DELETE => legacy::end(&http),
            _ => Err(Refusal::new(code::INVALID_REQUEST, "Method not allowed")
                .status(StatusCode::METHOD_NOT_ALLOWED)),
        },
    };
    answer.unwrap_or_else(|refusal| refusal.into_response(&Value::Null))
}

/// A server on the loopback is for programs there, not for pages that a browser has loaded from elsewhere.
fn trusted(state: &State, head: &Parts) -> Result<(), Refusal> {
    let loopback = |authority: &str| {
        let host = authority
            .rsplit_once(':')
            .filter(|(_, port)| port.bytes().all(|b| b.is_ascii_digit()))
            .map_or(authority, |(host, _)| host);
        matches!(host, "localhost" | "127.0.0.1" | "[::1]")
    };
    if !state.config.listen.ip().is_loopback() {
        return Ok(());
    }
    let header = |name| {
        head.headers
            .get(name)
            .map(|value| value.to_str().unwrap_or("?"))
    };
    let authority = head.uri.authority().map(http::uri::Authority::as_str);
    if !header(HOST).or(authority).is_none_or(loopback) {
        return Err(Refusal::new(code::INVALID_REQUEST, "Invalid Host header")
            .status(StatusCode::MISDIRECTED_REQUEST));
    }
    let same = |origin: &str| {
        let rest = origin
            .strip_prefix("http://")
            .or(origin.strip_prefix("https://"));
        rest.is_some_and(loopback)
    };
    if !header(ORIGIN).is_none_or(same) {
        return Err(Refusal::new(code::INVALID_REQUEST, "Invalid Origin header")
            .status(StatusCode::FORBIDDEN));
    }
    Ok(())
}

async fn post(http: &Http<'_>, body: &Bytes) -> Result<Response<SimulatorBody>, Refusal> {
    let kind = http.header(&CONTENT_TYPE).unwrap_or_default();
    if kind.split(';').next().map(str::trim) != Some("application/json") {
        return Err(Refusal::new(
            code::INVALID_REQUEST,
            "Content-Type must be application/json",
        )
        .status(StatusCode::UNSUPPORTED_MEDIA_TYPE));
    }
    if !(http.accepts("application/json") && http.accepts("text/event-stream")) {
        return Err(Refusal::new(
            code::INVALID_REQUEST,
            "Not Acceptable: Client must accept both application/json and text/event-stream",
        )
        .status(StatusCode::NOT_ACCEPTABLE));
    }
    let envelope =
        Envelope::peek(body).map_err(|why| Refusal::new(why.code(), &why.to_string()))?;
    let message: Value = serde_json::from_slice(body)
        .map_err(|why| Refusal::new(code::PARSE_ERROR, &why.to_string()))?;
    let named = envelope
        .params
        .meta
        .as_ref()
        .is_some_and(|meta| meta.protocol_version.is_some());
    let version = http.header(&VERSION);
    let revision = version.and_then(Revision::parse);
    let modern = named
        || matches!(
            envelope.method(),
            "server/discover" | "subscriptions/listen"
        )
        || revision.is_some_and(Revision::is_modern)
        || (version.is_some() && revision.is_none() && http.header(&SESSION).is_none());
    let answer = if modern {
        modern::post(http, &message).await
    } else {
        legacy::post(http, &envelope, &message).await
    };
    let id = message.get("id").cloned().unwrap_or_default();
    Ok(answer.unwrap_or_else(|refusal| refusal.into_response(&id)))
}
