//! Calls to backends: `forward-request`, and the policies that call a backend of their own (semantic cache).
//!
//! | file | what |
//! |---|---|
//! | `choose` | which server a call goes to |
//! | `target` | the outgoing path, query and host |
//! | `headers` | the outgoing head; what stops at the gateway in either direction |
//! | `redirect` | where a `Location` leads |
//! | `call` | calls of the gateway's own |

mod call;
mod choose;
mod headers;
mod redirect;
mod target;

pub use call::{Call, call};
pub use choose::{Choice, choose, server};
pub use headers::forget_named_by_connection;
pub(crate) use headers::{caller_headers, hop_by_hop};
pub(crate) use redirect::resolve;
pub(crate) use target::path_and_query;

use crate::body::Body;
use crate::exchange::{Attempt, BodyState, Exchange, Response};
use crate::failure::Failure;
use crate::services::{SendError, SendOptions};
use crate::snapshot::{BackendIndex, BaseUrl};
use headers::{credentials, forget_credentials, outgoing_headers};
use http::uri::PathAndQuery;
use http::{HeaderValue, Method, StatusCode, Uri, header};
use redirect::redirect;
use std::sync::Arc;
use target::{host, join};

/// Sends the exchange's request to its target and puts the answer into the exchange.
pub async fn forward(
    rq: &mut Exchange,
    options: SendOptions,
    redirects: u32,
) -> Result<(), Box<Failure>> {
    let snapshot = rq.snapshot.clone();
    let choice = choose(rq, &snapshot)?;
    let mut url = choice.url;
    let mut server = choice.server;
    let mut path = path_and_query(rq, &url, server.and_then(|(s, _)| s.query.as_deref()))?;
    let mut method = rq.request.method.clone();
    let mut headers = outgoing_headers(rq, &url)?;
    let upgrades = headers.contains_key(header::UPGRADE);
    if let Some((server, _)) = server {
        credentials(rq, server, &mut headers).await?;
    }
    let asking = crate::llm_call::prepare(rq, &mut headers);
    let mut left = redirects;
    loop {
        let body = match &rq.request.body {
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
        let response = send(rq, &url, server.map(|(_, i)| i), request, options).await?;
        if response.status() == StatusCode::SWITCHING_PROTOCOLS && !upgrades {
            return Err(Failure::internal(
                "",
                "BackendConnectionFailure",
                "The backend switched protocols without being asked to.",
            ));
        }
        let Some(location) = redirect(&response, left) else {
            receive(rq, response);
            return Ok(());
        };
        left -= 1;
        let keeps_method = matches!(response.status().as_u16(), 307 | 308);
        if !keeps_method && method != Method::HEAD {
            method = Method::GET;
            rq.request.body = BodyState::Consumed;
        } else if matches!(rq.request.body, BodyState::Consumed)
            && method != Method::GET
            && method != Method::HEAD
        {
            // The body has gone out already and was not kept: the caller gets the redirect itself.
            receive(rq, response);
            return Ok(());
        }
        let (next_url, next_path) = resolve(&url, &path, &location)?;
        if next_url.origin != url.origin {
            forget_credentials(&mut headers, server.map(|(s, _)| s));
            server = None;
        }
        url = Arc::new(next_url);
        path = next_path;
        headers.insert(header::HOST, host(&url)?);
    }
}

/// Sends one request and notes the attempt. Failures carry `forward-request`'s reasons.
async fn send(
    rq: &mut Exchange,
    url: &BaseUrl,
    backend: Option<BackendIndex>,
    request: http::Request<Body>,
    options: SendOptions,
) -> Result<http::Response<Body>, Box<Failure>> {
    let services = rq.services.clone();
    let begin = services.clock.monotonic_nanos();
    let sent = services.transport.send(&url.origin, request, options).await;
    let nanos = services.clock.monotonic_nanos().saturating_sub(begin);
    let status = sent.as_ref().map_or(0, |r| r.status().as_u16());
    rq.attempts.push(Attempt {
        backend,
        status,
        nanos,
    });
    sent.map_err(|error| match error {
        SendError::Timeout(_) => Failure::internal(
            "",
            "Timeout",
            format!("The backend did not answer: {error}."),
        ),
        SendError::Request(crate::BodyError::TooLarge(limit)) => Failure::refused(
            "",
            "RequestBodyTooLarge",
            StatusCode::PAYLOAD_TOO_LARGE,
            format!("The request body is larger than {limit} bytes."),
        ),
        SendError::Request(_) => Failure::refused(
            "",
            "ClientConnectionFailure",
            StatusCode::BAD_REQUEST,
            error.to_string(),
        ),
        SendError::Connect(_) | SendError::Protocol(_) => Failure::internal(
            "",
            "BackendConnectionFailure",
            format!("The call to the backend failed: {error}."),
        ),
    })
}

/// Takes an upstream's answer into the exchange.
fn receive(rq: &mut Exchange, response: http::Response<Body>) {
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
