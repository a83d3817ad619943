//! Another member of a pool in place of one that failed before the first byte of its body.
//!
//! A pool's `failover` lets `forward-request` itself try members; without it the failure is the section's, and a `retry`
//! around comes back for another member. What must stay true: bytes of two answers are never spliced; a request whose
//! body cannot be sent again is sent once.

use super::send::{Leave, broke};
use crate::body::Body;
use crate::exchange::{Attempt, AttemptEnd, BodyState, Exchange};
use crate::failure::Failure;
use crate::snapshot::Pool;
use http_body::Body as _;
use std::future::poll_fn;
use std::pin::Pin;

/// How many members this request may try here. Reads the request body into memory where more than one is allowed.
pub(super) async fn attempts(rq: &mut Exchange, pool: Option<&Pool>) -> Result<u32, Box<Failure>> {
    let attempts = pool.map_or(1, |pool| pool.attempts);
    if attempts > 1 && rq.request.upgrade.is_none() {
        rq.keep_request_body("forward-request").await?;
    }
    Ok(if may_go_again(rq) { attempts } else { 1 })
}

/// Whether the request could be sent once more.
pub(super) fn may_go_again(rq: &Exchange) -> bool {
    matches!(rq.request.body, BodyState::None | BodyState::Buffered(_))
        && rq.request.upgrade.is_none()
        && rq
            .mcp
            .as_deref()
            .is_none_or(crate::mcp::Call::may_be_repeated)
}

/// Whether another member could do better: not where the caller or the document is to blame.
pub(super) fn is_worth_it(rq: &Exchange, failure: Option<&Failure>) -> bool {
    rq.attempts.last().is_some_and(|a| a.failed)
        && failure.is_none_or(|f| {
            matches!(
                f.reason,
                "Timeout" | "BackendConnectionFailure" | "ManagedIdentityFailure"
            )
        })
}

/// Notes that a member could not be called, since the gateway has no token for it: another one may take a key. Its
/// breaker learns nothing: it was not asked.
pub(super) fn unable(rq: &mut Exchange, leave: &Leave<'_>) {
    rq.attempts.push(Attempt {
        backend: Some(leave.backend),
        status: 0,
        nanos: 0,
        failed: true,
        end: AttemptEnd::NotSent,
        aside: false,
    });
}

/// Waits for the first byte of a good answer: until then it is as good as none.
pub(super) async fn begin(
    rq: &mut Exchange,
    leave: Option<&mut Leave<'_>>,
    response: http::Response<Body>,
) -> Result<http::Response<Body>, Box<Failure>> {
    if !response.status().is_success() || response.body().is_end_stream() {
        return Ok(response);
    }
    let (head, mut body) = response.into_parts();
    loop {
        match poll_fn(|cx| Pin::new(&mut body).poll_frame(cx)).await {
            Some(Ok(frame)) => match frame.into_data() {
                Ok(data) if data.is_empty() => {}
                Ok(data) => {
                    let body = if body.is_end_stream() {
                        Body::from(data)
                    } else {
                        Body::resumed(data, body)
                    };
                    return Ok(http::Response::from_parts(head, body));
                }
                // Trailers: there was no body. They tell nothing that a caller could be told before it.
                Err(_) => return Ok(http::Response::from_parts(head, Body::Empty)),
            },
            Some(Err(error)) => return Err(broke(rq, leave, &error)),
            None => return Ok(http::Response::from_parts(head, Body::Empty)),
        }
    }
}
