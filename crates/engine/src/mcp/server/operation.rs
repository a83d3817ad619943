//! The operation behind a tool: an inner exchange, its answer in memory.
//!
//! What must stay true: the caller's credentials for the gateway do not reach the API; the answer is bounded in size
//! and time; whoever leaves ends the inner exchange too.

use crate::body::coding::Coding;
use crate::body::{Body, BodyError};
use crate::definition::VersioningScheme;
use crate::exchange::{BodyState, Exchange, collect};
use crate::mcp::{self, ToolOperation};
use crate::pipeline::inner::{self, InnerRequest};
use crate::routing;
use crate::snapshot::Api;
use crate::upstream;
use bytes::Bytes;
use http::uri::PathAndQuery;
use http::{HeaderMap, HeaderName, HeaderValue, Method, header};
use std::time::Duration;
use tollgate_agents::operation::HttpParts;
use tollgate_lang::value::Str;

/// What came of it.
pub(super) enum Outcome {
    /// A whole response, of whatever status.
    Answered(Answered),
    /// None in time.
    TimedOut,
    /// No connection, or a breaker is open.
    Unreachable,
    /// A response of more than so many bytes.
    TooLarge(usize),
    /// A response that broke off, or in an unknown coding.
    Unreadable,
}

/// A response.
pub(super) struct Answered {
    pub(super) status: u16,
    pub(super) content_type: Option<String>,
    pub(super) retry_after: Option<String>,
    pub(super) body: Bytes,
    pub(super) from_backend: bool,
}

/// Calls it.
pub(super) async fn call(
    rq: &Exchange,
    operation: ToolOperation,
    tool: &str,
    parts: HttpParts,
    timeout: Duration,
) -> Outcome {
    let Some(request) = request(rq, operation, tool, parts) else {
        return Outcome::Unreachable;
    };
    let called = answered(rq, request);
    tokio::select! {
        biased;
        outcome = called => outcome,
        () = rq.services.clock.sleep(timeout) => Outcome::TimedOut,
    }
}

async fn answered(rq: &Exchange, request: InnerRequest) -> Outcome {
    let (head, body) = inner::serve(rq, request).await.into_parts();
    let Some(exchange) = body.exchange() else {
        return Outcome::Unreadable;
    };
    match exchange.last_error.as_ref().map(|e| e.reason) {
        Some("Timeout") if head.status.is_server_error() => return Outcome::TimedOut,
        Some("BackendConnectionFailure" | "BackendIsInactive" | "PoolIsInactive")
            if head.status.is_server_error() =>
        {
            return Outcome::Unreachable;
        }
        _ => {}
    }
    let from_backend = exchange.last_error.is_none()
        && exchange
            .attempts
            .last()
            .is_some_and(|a| a.status == head.status.as_u16());
    let limit = exchange.snapshot.gateway.max_buffered_body;
    let body = match collect(Body::Stream(Box::pin(body)), limit).await {
        Ok(body) => body,
        Err(BodyError::TooLarge(limit)) => return Outcome::TooLarge(limit),
        Err(BodyError::Stalled(_)) => return Outcome::TimedOut,
        Err(_) => return Outcome::Unreadable,
    };
    let Some(body) = Coding::of(&head.headers).undo(&body, limit) else {
        return Outcome::Unreadable;
    };
    let text = |name| {
        let value = head
            .headers
            .get(name)
            .and_then(|v: &HeaderValue| v.to_str().ok());
        value.map(str::to_owned)
    };
    Outcome::Answered(Answered {
        status: head.status.as_u16(),
        content_type: text(header::CONTENT_TYPE),
        retry_after: text(header::RETRY_AFTER),
        body,
        from_backend,
    })
}

/// The request as a caller of the API itself would send it. `None`: it cannot be written.
fn request(
    rq: &Exchange,
    operation: ToolOperation,
    tool: &str,
    parts: HttpParts,
) -> Option<InnerRequest> {
    let api = &rq.snapshot.apis[operation.api as usize];
    let method = &api.operations[operation.operation as usize].method;
    let mut headers = headers(rq, api);
    let mut path = String::new();
    if !api.path.is_empty() {
        path.push('/');
        path.push_str(&api.path);
    }
    let mut query = parts.query.unwrap_or_default();
    if let Some(version) = &api.version
        && let Some(name) = &version.version
    {
        match &version.scheme {
            VersioningScheme::Segment => {
                path.push('/');
                path.push_str(name);
            }
            VersioningScheme::Query(parameter) => {
                if !query.is_empty() {
                    query.push('&');
                }
                query.push_str(&routing::encode_query(parameter));
                query.push('=');
                query.push_str(&routing::encode_query(name));
            }
            VersioningScheme::Header(header) => {
                headers.insert(
                    HeaderName::try_from(&**header).ok()?,
                    HeaderValue::try_from(&**name).ok()?,
                );
            }
        }
    }
    let api_path_len = path.len();
    path.push_str(&parts.path);
    if !query.is_empty() {
        path.push('?');
        path.push_str(&query);
    }
    for (name, value) in parts.headers {
        headers.insert(name, value);
    }
    let body = match parts.body {
        None => BodyState::None,
        Some((kind, bytes)) => {
            headers.insert(header::CONTENT_TYPE, HeaderValue::try_from(kind).ok()?);
            BodyState::Buffered(bytes)
        }
    };
    Some(InnerRequest {
        operation,
        tool: Str::from(tool),
        method: Method::from_bytes(method.to_ascii_uppercase().as_bytes()).ok()?,
        path_and_query: PathAndQuery::try_from(path).ok()?,
        api_path_len,
        headers,
        body,
        matched: parts
            .matched
            .into_iter()
            .map(|(name, value)| (Str::from(name), Str::from(value)))
            .collect(),
    })
}

/// Headers of an MCP message that say nothing to an API.
const NOT_PASSED: [HeaderName; 15] = [
    header::ACCEPT,
    header::ACCEPT_ENCODING,
    header::CONTENT_TYPE,
    header::CONTENT_LENGTH,
    header::CONTENT_ENCODING,
    header::COOKIE,
    header::ORIGIN,
    header::REFERER,
    header::IF_MATCH,
    header::IF_NONE_MATCH,
    header::IF_MODIFIED_SINCE,
    header::IF_UNMODIFIED_SINCE,
    header::IF_RANGE,
    header::RANGE,
    header::HOST,
];

/// The MCP request's headers as its policies left them, without what belongs to the message, the connection, the
/// browser, and without the caller's own credentials: an `Authorization` goes on only if a policy wrote it.
fn headers(rq: &Exchange, api: &Api) -> HeaderMap {
    let callers = rq
        .mcp
        .as_deref()
        .is_some_and(|call| mcp::is_callers(call, &rq.request.headers));
    let mut headers = upstream::caller_headers(rq);
    if callers {
        headers.remove(header::AUTHORIZATION);
    }
    for name in &NOT_PASSED {
        headers.remove(name);
    }
    let of_mcp: Vec<HeaderName> = headers
        .keys()
        .filter(|name| {
            let name = name.as_str();
            name.starts_with("mcp-") || name == "last-event-id" || name.starts_with("sec-")
        })
        .cloned()
        .collect();
    for name in of_mcp {
        headers.remove(name);
    }
    headers.remove(&api.key_header);
    // The forwarding step appends the caller's address, which was not there before.
    let forwarded = HeaderName::from_static("x-forwarded-for");
    headers.remove(&forwarded);
    for told in rq.request.headers.get_all(&forwarded) {
        headers.append(forwarded.clone(), told.clone());
    }
    headers.insert(
        header::ACCEPT,
        HeaderValue::from_static("application/json, */*;q=0.8"),
    );
    headers
}
