//! The legacy era, revisions 2025-03-26 to 2025-11-25: a handshake, sessions, GET streams, resumption.
//!
//! Called by `mcp`. What must stay true: a broken stream does not end its call; each message goes to one stream.

use std::sync::Arc;
use std::sync::atomic::Ordering;

use bytes::Bytes;
use http::{HeaderName, HeaderValue, Response, StatusCode};
use serde_json::{Value, json};
use tollgate_agents::jsonrpc::{Kind, code};
use tollgate_agents::{Envelope, Era, Revision};

use super::super::body::{SimulatorBody, full};
use super::super::model::whole_response;
use super::call::{Call, Done, LEVELS, Side, Stop};
use super::refusal::Refusal;
use super::session::Session;
use super::stream::{EventLog, pipe};
use super::{Http, McpAnswers, SESSION, VERSION, methods};

static LAST_EVENT_ID: HeaderName = HeaderName::from_static("last-event-id");

/// Answers a POST.
pub(super) async fn post(
    http: &Http<'_>,
    envelope: &Envelope<'_>,
    message: &Value,
) -> Result<Response<SimulatorBody>, Refusal> {
    if envelope.method() == "initialize" && envelope.kind() == Kind::Request {
        return Ok(initialize(http, message));
    }
    let session = session(http)?;
    match envelope.kind() {
        Kind::Response => {
            if session.answered(message) {
                Ok(accepted())
            } else {
                Err(Refusal::new(
                    code::INVALID_REQUEST,
                    "No request waits for this answer",
                ))
            }
        }
        Kind::Notification => {
            if envelope.method() == "notifications/cancelled" {
                session.cancel(&message["params"]["requestId"]);
            }
            Ok(accepted())
        }
        Kind::Request => Ok(request(http, session, envelope.method(), message).await),
    }
}

fn accepted() -> Response<SimulatorBody> {
    let mut response = Response::new(full(Bytes::new()));
    *response.status_mut() = StatusCode::ACCEPTED;
    response
}

fn initialize(http: &Http<'_>, message: &Value) -> Response<SimulatorBody> {
    let params = &message["params"];
    let asked = params["protocolVersion"].as_str().and_then(Revision::parse);
    let revision = asked
        .filter(|revision| revision.era() == Era::Legacy && *revision >= Revision::V2025_03_26)
        .unwrap_or(Revision::LATEST_LEGACY);
    let sessions = &http.state.mcp.sessions;
    let session = sessions.open(revision, params["capabilities"].clone());
    let result = json!({
        "protocolVersion": revision.as_str(),
        "capabilities": methods::capabilities(true),
        "serverInfo": methods::server_info(http.settings.catalog),
        "instructions": "A simulated server. Everything it says is made up."
    });
    let answer = json!({ "jsonrpc": "2.0", "id": message["id"], "result": result });
    let mut response = match http.settings.answers {
        McpAnswers::Json => whole_response(Bytes::from(answer.to_string())),
        McpAnswers::Stream => {
            let log = session.stream();
            log.push(&answer);
            log.finish();
            stream(http, &session, log)
        }
    };
    if let Ok(id) = HeaderValue::from_str(&session.id) {
        response.headers_mut().insert(SESSION.clone(), id);
    }
    response
}

/// The session that a request names.
fn session(http: &Http<'_>) -> Result<Arc<Session>, Refusal> {
    let id = http
        .header(&SESSION)
        .ok_or_else(|| Refusal::new(code::INVALID_REQUEST, "Bad Request: Missing session ID"))?;
    let session = http.state.mcp.sessions.find(id).ok_or_else(|| {
        Refusal::new(code::INVALID_REQUEST, "Session not found").status(StatusCode::NOT_FOUND)
    })?;
    match http.header(&VERSION) {
        Some(version) if Revision::parse(version).is_none() => Err(Refusal::new(
            code::INVALID_REQUEST,
            &format!("Bad Request: Unsupported protocol version: {version}"),
        )),
        _ => Ok(session),
    }
}

async fn request(
    http: &Http<'_>,
    session: Arc<Session>,
    method: &str,
    message: &Value,
) -> Response<SimulatorBody> {
    let id = message["id"].clone();
    let log = match http.settings.answers {
        McpAnswers::Json => None,
        McpAnswers::Stream => Some(session.stream()),
    };
    let call = Call {
        state: Arc::clone(http.state),
        settings: http.settings,
        params: message["params"].clone(),
        side: Side::Legacy {
            session: Arc::clone(&session),
            stream: log.clone(),
        },
    };
    let method = method.to_owned();
    let Some(log) = log else {
        let (sender, receiver) = tokio::sync::oneshot::channel();
        let task = http.state.mcp.spawn({
            let id = id.clone();
            async move {
                // Nobody waits any more when the connection has gone.
                let _ = sender.send(answer(&id, run(&call, &method).await));
            }
        });
        session.runs(&id, task);
        let answer = receiver.await.unwrap_or_else(|_| {
            Refusal::new(code::INTERNAL_ERROR, "Request cancelled").message(&id)
        });
        return whole_response(Bytes::from(answer.to_string()));
    };
    let task = http.state.mcp.spawn({
        let (id, finish) = (id.clone(), Finish(Arc::clone(&log)));
        async move {
            let done = run(&call, &method).await;
            finish.0.push(&answer(&id, done));
        }
    });
    session.runs(&id, task);
    stream(http, &session, log)
}

/// Ends a stream with its call, also with one that was cancelled.
struct Finish(Arc<EventLog>);

impl Drop for Finish {
    fn drop(&mut self) {
        self.0.finish();
    }
}

fn answer(id: &Value, done: Done) -> Value {
    match done {
        Ok(result) => json!({ "jsonrpc": "2.0", "id": id, "result": result }),
        Err(Stop::Refused(refusal)) => refusal.message(id),
        Err(Stop::Failed(why)) => Refusal::new(code::INTERNAL_ERROR, &why).message(id),
        // Only modern calls end so.
        Err(Stop::Asks(..)) => {
            Refusal::new(code::INTERNAL_ERROR, "the call cannot go on").message(id)
        }
    }
}

async fn run(call: &Call, method: &str) -> Done {
    let Side::Legacy { session, .. } = &call.side else {
        return Err(Refusal::method(method).into());
    };
    let uri = || methods::name(method, &call.params).to_owned();
    match method {
        "ping" => Ok(json!({})),
        "logging/setLevel" => {
            let asked = call.params["level"].as_str();
            let level = LEVELS.iter().position(|level| Some(*level) == asked);
            let level = level.and_then(|level| u64::try_from(level).ok());
            let level = level.ok_or_else(|| Refusal::params("Invalid log level"))?;
            session.level.store(level, Ordering::Relaxed);
            Ok(json!({}))
        }
        "resources/subscribe" => {
            session.subscribe(uri());
            Ok(json!({}))
        }
        "resources/unsubscribe" => {
            session.unsubscribe(&uri());
            Ok(json!({}))
        }
        other => methods::run(call, other, session.revision).await,
    }
}

fn stream(http: &Http<'_>, session: &Session, log: Arc<EventLog>) -> Response<SimulatorBody> {
    let (writer, response) = pipe(http.cut.clone());
    let priming = session.revision >= Revision::V2025_11_25;
    http.state.mcp.spawn(log.read(0, priming, writer));
    response
}

/// Answers a GET: the stream of the session, or the rest of another that broke.
pub(super) fn listen(http: &Http<'_>) -> Result<Response<SimulatorBody>, Refusal> {
    if !http.accepts("text/event-stream") {
        return Err(Refusal::new(
            code::INVALID_REQUEST,
            "Not Acceptable: Client must accept text/event-stream",
        )
        .status(StatusCode::NOT_ACCEPTABLE));
    }
    let session = session(http)?;
    let (log, after) = match http.header(&LAST_EVENT_ID) {
        Some(id) => session
            .event(id)
            .ok_or_else(|| Refusal::new(code::INVALID_REQUEST, "Unknown event ID"))?,
        None if session.standalone.is_attached() => {
            return Err(Refusal::new(
                code::INVALID_REQUEST,
                "Conflict: Only one SSE stream is allowed per session",
            )
            .status(StatusCode::CONFLICT));
        }
        // What was said before is for whoever resumes, not for a new reader.
        None => (Arc::clone(&session.standalone), session.standalone.last()),
    };
    let (writer, response) = pipe(http.cut.clone());
    let priming = session.revision >= Revision::V2025_11_25;
    http.state.mcp.spawn(log.read(after, priming, writer));
    Ok(response)
}

/// Answers a DELETE.
pub(super) fn end(http: &Http<'_>) -> Result<Response<SimulatorBody>, Refusal> {
    let session = session(http)?;
    http.state.mcp.sessions.close(&session.id);
    Ok(Response::new(full(Bytes::new())))
}
