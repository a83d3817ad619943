//! Calls to backends: `forward-request`, and the policies that call a backend of their own (semantic cache).
//!
//! | file | what |
//! |---|---|
//! | `choose` | which server a call goes to |
//! | `explain` | why it goes there, for a probe |
//! | `target` | the outgoing path, query and host |
//! | `headers` | the outgoing head; what stops at the gateway in either direction |
//! | `redirect` | where a `Location` leads |
//! | `send` | one call, and what its breaker learns of it |
//! | `failover` | another member in place of one that failed before its first byte |
//! | `affinity` | the cookie that keeps a session at one member |
//! | `call` | calls of the gateway's own |
//! | `invoke` | calls that a document makes to a backend |

mod affinity;
mod call;
mod choose;
mod explain;
mod failover;
mod headers;
mod invoke;
mod redirect;
mod send;
mod target;

pub use affinity::Affinity;
pub(crate) use call::Detached;
pub use call::{Call, call};
pub use choose::{Choice, choose, server};
pub use headers::forget_named_by_connection;
pub(crate) use headers::{caller_headers, hop_by_hop};
pub(crate) use invoke::{Invocation, InvocationPath, invoke};
pub(crate) use redirect::resolve;
pub(crate) use send::Answering;
pub(crate) use target::path_and_query;

use crate::accounting;
use crate::body::Body;
use crate::definition::ErrorReason;
use crate::exchange::{BodyState, Exchange, Response};
use crate::failure::Failure;
use crate::services::SendOptions;
use choose::Among;
use headers::{credentials, forget_credentials, outgoing_headers};
use http::uri::PathAndQuery;
use http::{HeaderValue, Method, StatusCode, Uri, header};
use redirect::redirect;
use send::{Leave, answered, send, useless};
use std::sync::Arc;
pub(crate) use target::strip_key;
use target::{host, join};

/// Sends the exchange's request to its target and puts the answer into the exchange.
pub async fn forward(
    rq: &mut Exchange,
    options: SendOptions,
    redirects: u32,
) -> Result<(), Box<Failure>> {
    let snapshot = rq.snapshot.clone();
    rq.answering = None;
    if snapshot.gateway.cost_headers {
        crate::llm_call::cost::begin(rq).await?;
    }
    crate::budget::reserve(rq).await?;
    let mut choice = match choose(rq, &snapshot) {
        Ok(choice) => choice,
        Err(failure) => {
            // A `retry` around this asks for its status.
            if failure.phrase.is_some() {
                rq.response = Some(failure.response(rq.id));
            }
            return Err(failure);
        }
    };
    if rq.services.ledger.is_some() {
        accounting::admit(rq, choice.server.map(|(_, backend)| backend)).await?;
    }
    let mut left = failover::attempts(rq, choice.pool).await?;
    loop {
        let cookie = choice.cookie.take();
        let pool = choice.pool;
        let answer = attempt(rq, choice, options, redirects).await;
        accounting::tried(rq);
        left -= 1;
        if left > 0
            && failover::is_worth_it(rq, answer.as_ref().err().map(|f| &**f))
            && let Some(next) = pool.and_then(|p| choose::member(rq, &snapshot, p, Among::Untried))
        {
            choice = next;
            continue;
        }
        let (mut response, answering) = answer?;
        if let Some(cookie) = cookie {
            response.headers_mut().append(header::SET_COOKIE, cookie);
        }
        rq.answering = answering;
        receive(rq, response);
        return Ok(());
    }
}

/// One attempt at one server, redirects followed.
async fn attempt(
    rq: &mut Exchange,
    choice: Choice<'_>,
    options: SendOptions,
    redirects: u32,
) -> Result<(http::Response<Body>, Option<Answering>), Box<Failure>> {
    let mut url = match &rq.request.target.connect {
        None => choice.url,
        Some(options) => Arc::new(choice.url.connected(options)),
    };
    let mut leave = Leave::new(choice.server, choice.permit);
    let query = leave.as_ref().and_then(|l| l.server.query.as_deref());
    let mut path = path_and_query(rq, &url, query)?;
    let mut method = rq.request.method.clone();
    let mut headers = outgoing_headers(rq, &url)?;
    let upgrades = headers.contains_key(header::UPGRADE);
    if let Some(leave) = &leave
        && let Err(failure) = credentials(rq, leave.server, &mut headers).await
    {
        failover::unable(rq, leave);
        return Err(failure);
    }
    let asking = crate::llm_call::prepare(rq, &mut headers);
    accounting::mark(rq, &mut headers);
    let mut left = redirects;
    // A redirect may end that, for this attempt: the body stays for the next one.
    let mut with_body = true;
    loop {
        let body = match &rq.request.body {
            _ if !with_body => Body::Empty,
            BodyState::Buffered(bytes) => Body::from(asking.as_ref().unwrap_or(bytes).clone()),
            BodyState::None => Body::Empty,
            _ => std::mem::replace(&mut rq.request.body, BodyState::Consumed).take(),
        };
        let mut request = http::Request::new(body);
        *request.method_mut() = method.clone();
        if left > 0 {
            *request.headers_mut() = headers.clone();
            *request.uri_mut() = Uri::from(path.clone());
        } else {
            *request.headers_mut() = std::mem::take(&mut headers);
            *request.uri_mut() =
                Uri::from(std::mem::replace(&mut path, PathAndQuery::from_static("/")));
        }
        let response = send(rq, &url, leave.as_mut(), request, options).await?;
        if response.status() == StatusCode::SWITCHING_PROTOCOLS && !upgrades {
            useless(rq, leave.as_mut(), ErrorReason::BackendConnectionFailure);
            return Err(Failure::internal(
                "",
                "BackendConnectionFailure",
                "The backend switched protocols without being asked to.",
            ));
        }
        let location = redirect(&response, left);
        let response = match location {
            None if choice.pool.is_some() && matches!(rq.request.body, BodyState::Buffered(_)) => {
                failover::begin(rq, leave.as_mut(), response).await?
            }
            _ => response,
        };
        answered(rq, leave.as_mut(), response.status(), response.headers());
        let Some(location) = location else {
            return Ok((response, leave.and_then(Leave::answering)));
        };
        left -= 1;
        let keeps_method = matches!(response.status().as_u16(), 307 | 308);
        if !keeps_method && method != Method::HEAD {
            method = Method::GET;
            with_body = false;
        } else if matches!(rq.request.body, BodyState::Consumed)
            && method != Method::GET
            && method != Method::HEAD
        {
            // The body has gone out already and was not kept: the caller gets the redirect itself.
            return Ok((response, leave.and_then(Leave::answering)));
        }
        let (next_url, next_path) = resolve(&url, &path, &location)?;
        if next_url.origin != url.origin {
            forget_credentials(&mut headers, leave.as_ref().map(|l| l.server));
            leave = None;
        }
        url = Arc::new(next_url);
        path = next_path;
        headers.insert(header::HOST, host(&url)?);
    }
}

/// Takes an upstream's answer into the exchange.
pub(crate) fn receive(rq: &mut Exchange, response: http::Response<Body>) {
    let (mut head, body) = response.into_parts();
    let switching = head.status == StatusCode::SWITCHING_PROTOCOLS;
    let upgrade = switching
        .then(|| head.headers.get(header::UPGRADE).cloned())
        .flatten();
    if head.headers.contains_key(header::TRANSFER_ENCODING) {
        // RFC 9112, section 6.3: chunks count, whatever length is told beside them.
        head.headers.remove(header::CONTENT_LENGTH);
    }
    hop_by_hop(&mut head.headers);
    if let Some(value) = upgrade {
        head.headers
            .insert(header::CONNECTION, HeaderValue::from_static("Upgrade"));
        head.headers.insert(header::UPGRADE, value);
    }
    let taps = std::mem::take(&mut rq.taps);
    if taps.iter().any(|t| t.changes_length()) {
        head.headers.remove(header::CONTENT_LENGTH);
    }
    let empty = http_body::Body::is_end_stream(&body);
    let body = crate::body::Tapped::wrap(body, taps);
    rq.response = Some(Response {
        status: head.status,
        reason: head
            .extensions
            .remove::<hyper::ext::ReasonPhrase>()
            .and_then(|r| std::str::from_utf8(r.as_bytes()).ok().map(Into::into)),
        headers: head.headers,
        body: if empty {
            BodyState::None
        } else {
            BodyState::Streaming(body)
        },
        upgrade: head.extensions.remove::<hyper::upgrade::OnUpgrade>(),
    });
}

#[cfg(test)]
mod tests;
