//! Before any policy: is this a request that an MCP endpoint can take, and what does it say.
//!
//! [`admit`] looks at the head, before the caller is known; [`read`] at the body, after. What must stay true: what the
//! head repeats of the body is what the body says, so that policies may believe either.

use super::call::{self, Call, Endpoint, Message, is_modern};
use super::failure::refuse;
use super::{Source, access, headers, trace};
use crate::body::BodyError;
use crate::exchange::{BodyState, Exchange, collect};
use crate::failure::Failure;
use bytes::Bytes;
use http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode, header};
use tollgate_agents::Revision;
use tollgate_agents::jsonrpc::{Envelope, Kind, Malformed, code};

/// Longest session id, in bytes.
const LONGEST_SESSION_ID: usize = 1024;

/// Looks at the head.
pub(crate) fn admit(rq: &mut Exchange) -> Result<(), Box<Failure>> {
    let Some(call) = rq.mcp.as_deref_mut() else {
        return Ok(());
    };
    call.authorization = rq.request.headers.get(header::AUTHORIZATION).cloned();
    let endpoint = call.endpoint;
    if endpoint == Endpoint::Operation {
        return Ok(());
    }
    access::check(rq)?;
    method(rq, endpoint)?;
    single(rq)?;
    let request = &rq.request;
    let told = request.headers.get(&headers::PROTOCOL_VERSION);
    let told = told.and_then(|v| v.to_str().ok()).map(str::trim);
    let told = told.and_then(Revision::parse);
    let session = request.headers.get(&headers::SESSION_ID);
    let in_session = session.is_some();
    let odd_session = session.is_some_and(|id| {
        id.is_empty()
            || id.len() > LONGEST_SESSION_ID
            || !id.as_bytes().iter().all(u8::is_ascii_graphic)
    });
    let wanted: &[&str] = match (&request.method, endpoint) {
        (&Method::GET, _) => &["text/event-stream"],
        (&Method::POST, Endpoint::Streamable) => &["application/json", "text/event-stream"],
        _ => &[],
    };
    let unacceptable = wanted.iter().any(|kind| !accepts(&request.headers, kind));
    let wrong_type = request.method == Method::POST && !is_json(&request.headers);
    if let Some(call) = rq.mcp.as_deref_mut() {
        call.told = told;
        call.in_session = in_session;
    }
    if odd_session {
        let why = "Bad Request: Mcp-Session-Id holds other than visible ASCII characters";
        return Err(invalid(
            rq,
            StatusCode::BAD_REQUEST,
            "InvalidSessionId",
            why,
        ));
    }
    if wrong_type {
        let why = "Unsupported Media Type: Content-Type must be application/json";
        let status = StatusCode::UNSUPPORTED_MEDIA_TYPE;
        return Err(invalid(rq, status, "UnsupportedMediaType", why));
    }
    if unacceptable {
        let why = format!("Not Acceptable: Accept must name {}", wanted.join(" and "));
        return Err(invalid(
            rq,
            StatusCode::NOT_ACCEPTABLE,
            "NotAcceptable",
            why,
        ));
    }
    Ok(())
}

/// Reads the message of a POST and holds the head against it.
pub(crate) async fn read(rq: &mut Exchange) -> Result<(), Box<Failure>> {
    let Some(endpoint) = rq.mcp.as_deref().map(|call| call.endpoint) else {
        return Ok(());
    };
    if endpoint == Endpoint::Operation || rq.request.method != Method::POST {
        return Ok(());
    }
    let limit = rq
        .api()
        .and_then(|api| api.mcp.as_ref())
        .map_or(0, |mcp| mcp.max_body);
    let body = match std::mem::replace(&mut rq.request.body, BodyState::Consumed) {
        BodyState::Streaming(body) => match collect(body, limit).await {
            Ok(bytes) => bytes,
            Err(error) => return Err(unread(rq, &error)),
        },
        BodyState::Buffered(bytes) => bytes,
        BodyState::None | BodyState::Consumed => Bytes::new(),
    };
    rq.received_bytes = body.len() as u64;
    rq.request.body = BodyState::Buffered(body.clone());
    let envelope = match Envelope::peek(&body) {
        Ok(envelope) => envelope,
        Err(malformed) => return Err(refuse_malformed(rq, &malformed)),
    };
    let told = text(&rq.request.headers, &headers::PROTOCOL_VERSION).map(str::to_owned);
    let message = Message::of(&envelope, told.as_deref().is_some_and(is_modern));
    let modern = message.modern;
    let kind = message.kind;
    if let Some(call) = rq.mcp.as_deref_mut() {
        call.message = Some(message);
        call.read_from = body.clone();
    }
    if let Some(told) = envelope
        .params
        .meta
        .as_ref()
        .and_then(|m| m.traceparent.as_deref())
    {
        trace::join(&mut rq.request.headers, told);
    }
    if !modern {
        return Ok(());
    }
    // Sessions and resumption are of the other era: what is ignored is not passed on either.
    rq.request.headers.remove(&headers::SESSION_ID);
    rq.request.headers.remove(&headers::LAST_EVENT_ID);
    if let Some(call) = rq.mcp.as_deref_mut() {
        call.in_session = false;
    }
    if kind == Kind::Response {
        let why = "Invalid Request: clients send no responses in this revision";
        return Err(invalid(rq, StatusCode::BAD_REQUEST, "InvalidRequest", why));
    }
    if kind == Kind::Request
        && let Some(missing) = missing_meta(&envelope)
    {
        return Err(refuse(
            rq,
            StatusCode::BAD_REQUEST,
            "InvalidParams",
            code::INVALID_PARAMS,
            format!("Invalid params: `_meta` has no `io.modelcontextprotocol/{missing}`"),
        ));
    }
    if let Err(why) = headers::agree(&rq.request.headers, &envelope) {
        return Err(refuse(
            rq,
            StatusCode::BAD_REQUEST,
            "HeaderMismatch",
            code::HEADER_MISMATCH,
            format!("Header mismatch: {why}"),
        ));
    }
    Ok(())
}

fn missing_meta(envelope: &Envelope<'_>) -> Option<&'static str> {
    let meta = envelope.params.meta.as_ref();
    if meta.is_none_or(|m| m.protocol_version.is_none()) {
        return Some("protocolVersion");
    }
    meta.is_none_or(|m| m.client_capabilities.is_none())
        .then_some("clientCapabilities")
}

/// The methods of an endpoint; others are 405 and say which there are.
fn method(rq: &mut Exchange, endpoint: Endpoint) -> Result<(), Box<Failure>> {
    let answers_itself = rq
        .api()
        .and_then(|api| api.mcp.as_ref())
        .is_some_and(|mcp| matches!(mcp.source, Source::Tools(_)));
    let allowed: &[Method] = match endpoint {
        Endpoint::Streamable if answers_itself => &[Method::POST],
        Endpoint::Streamable => &[Method::GET, Method::POST, Method::DELETE],
        Endpoint::Sse => &[Method::GET],
        Endpoint::SseMessage => &[Method::POST],
        Endpoint::Operation => return Ok(()),
    };
    if allowed.contains(&rq.request.method) {
        return Ok(());
    }
    let names: Vec<&str> = allowed.iter().map(Method::as_str).collect();
    let failure = Failure::refused(
        "mcp",
        "MethodNotAllowed",
        StatusCode::METHOD_NOT_ALLOWED,
        "Method Not Allowed",
    );
    Err(match HeaderValue::from_str(&names.join(", ")) {
        Ok(value) => failure.header(header::ALLOW, value),
        Err(_) => failure,
    })
}

/// Refuses headers that stand twice: two readers might read different ones.
fn single(rq: &mut Exchange) -> Result<(), Box<Failure>> {
    let headers = &rq.request.headers;
    let twice = headers
        .keys()
        .find(|name| headers::is_single(name) && headers.get_all(*name).iter().nth(1).is_some());
    let Some(name) = twice.cloned() else {
        return Ok(());
    };
    Err(refuse(
        rq,
        StatusCode::BAD_REQUEST,
        "DuplicateHeader",
        code::HEADER_MISMATCH,
        format!("Header mismatch: there is more than one {name}"),
    ))
}

fn unread(rq: &mut Exchange, error: &BodyError) -> Box<Failure> {
    match error {
        BodyError::TooLarge(limit) => {
            let why = format!("Payload Too Large: a message has at most {limit} bytes");
            invalid(
                rq,
                StatusCode::PAYLOAD_TOO_LARGE,
                "RequestBodyTooLarge",
                why,
            )
        }
        error => {
            let why = error.to_string();
            invalid(rq, StatusCode::BAD_REQUEST, "ClientConnectionFailure", why)
        }
    }
}

fn refuse_malformed(rq: &mut Exchange, malformed: &Malformed) -> Box<Failure> {
    let code = malformed.code();
    let reason = if code == code::PARSE_ERROR {
        "ParseError"
    } else {
        "InvalidRequest"
    };
    refuse(
        rq,
        StatusCode::BAD_REQUEST,
        reason,
        code,
        malformed.to_string(),
    )
}

fn invalid(
    rq: &mut Exchange,
    status: StatusCode,
    reason: &'static str,
    why: impl Into<String>,
) -> Box<Failure> {
    refuse(rq, status, reason, code::INVALID_REQUEST, why)
}

pub(super) fn text<'h>(headers: &'h HeaderMap, name: &HeaderName) -> Option<&'h str> {
    headers
        .get(name)
        .and_then(|v| v.to_str().ok())
        .map(str::trim)
}

/// `application/json`, and no coding that hides the message.
fn is_json(headers: &HeaderMap) -> bool {
    let kind = text(headers, &header::CONTENT_TYPE).unwrap_or("");
    let kind = kind.split(';').next().unwrap_or("").trim();
    let coding = text(headers, &header::CONTENT_ENCODING);
    kind.eq_ignore_ascii_case("application/json")
        && coding.is_none_or(|c| c.is_empty() || c.eq_ignore_ascii_case("identity"))
}

/// Whether an `Accept` takes a media type. One that is not there takes all (RFC 9110, section 12.5.1).
fn accepts(headers: &HeaderMap, kind: &str) -> bool {
    let mut said = false;
    for value in headers.get_all(header::ACCEPT) {
        said = true;
        let Ok(value) = value.to_str() else {
            continue;
        };
        for range in value.split(',') {
            let mut parts = range.split(';').map(str::trim);
            let name = parts.next().unwrap_or("");
            let refused = parts.any(|p| {
                p.split_once('=').is_some_and(|(q, v)| {
                    q.trim().eq_ignore_ascii_case("q") && v.trim().parse() == Ok(0.0_f32)
                })
            });
            let fits = name == "*/*"
                || name.eq_ignore_ascii_case(kind)
                || name.strip_suffix("/*").is_some_and(|family| {
                    kind.split('/')
                        .next()
                        .is_some_and(|k| k.eq_ignore_ascii_case(family))
                });
            if fits && !refused {
                return true;
            }
        }
    }
    !said
}

/// The call that a request to an MCP server begins with.
pub(crate) fn begin(endpoint: Endpoint) -> Box<Call> {
    Box::new(call::Call::new(endpoint))
}

#[cfg(test)]
mod tests;
