//! One call to a server: sent, noted in the exchange, reported to the server's circuit breaker.
//!
//! What must stay true: each call is reported once, when its head (or, where that is waited for, its first byte) is
//! there or will not come; a call that the caller ends is not reported, nor one that the caller's slow body made late.

use crate::body::{Body, BodyError};
use crate::circuit_breaker::{Called, Permit};
use crate::definition::ErrorReason;
use crate::exchange::{Attempt, AttemptEnd, Exchange};
use crate::failure::Failure;
use crate::probe::Event;
use crate::recording::OnBehalfOf;
use crate::services::{Origin, SendError, SendOptions};
use crate::snapshot::{BackendIndex, BaseUrl, Server, Snapshot};
use bytes::Bytes;
use http::{HeaderMap, Request, Response, StatusCode, header};
use http_body::{Frame, SizeHint};
use std::cell::Cell;
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll, ready};
use std::time::Duration;

/// The call whose answer is on its way to the caller.
#[derive(Debug)]
pub(crate) struct Answering {
    backend: BackendIndex,
    permit: Permit,
}

/// The server of a call as the breaker knows it.
pub(super) struct Leave<'a> {
    pub(super) server: &'a Server,
    pub(super) backend: BackendIndex,
    /// `None` without a breaker.
    pub(super) permit: Option<Permit>,
}

impl<'a> Leave<'a> {
    /// From a choice; `None` for a bare URL.
    pub(super) fn new(
        server: Option<(&'a Server, BackendIndex)>,
        permit: Option<Permit>,
    ) -> Option<Leave<'a>> {
        server.map(|(server, backend)| Leave {
            server,
            backend,
            permit,
        })
    }

    /// Tells the breaker what came of the call.
    fn report(&mut self, rq: &Exchange, called: Called, retry_after: Option<Duration>) {
        report(
            rq,
            &rq.snapshot,
            self.backend,
            self.permit.as_mut(),
            called,
            retry_after,
        );
    }

    /// What is left of it while the answer passes.
    pub(super) fn answering(self) -> Option<Answering> {
        Some(Answering {
            backend: self.backend,
            permit: self.permit?,
        })
    }
}

fn report(
    rq: &Exchange,
    snapshot: &Snapshot,
    index: BackendIndex,
    permit: Option<&mut Permit>,
    called: Called,
    retry_after: Option<Duration>,
) {
    let backend = snapshot.backend(index);
    let breaker = snapshot.server(index).and_then(|s| s.breaker.as_ref());
    let (Some(permit), Some(breaker)) = (permit, breaker) else {
        return;
    };
    let now = rq.services.clock.monotonic_nanos();
    if let Some(transition) = breaker.report(permit, called, retry_after, now) {
        let telemetry = &rq.services.telemetry;
        telemetry.circuit_breaker(&backend.id, &transition);
    }
}

/// A request body that streams, and says when all of it has gone out.
struct Upload {
    body: Body,
    whole: Rc<Cell<bool>>,
}

impl Upload {
    /// Watches a body; `None` for one that is in memory.
    fn watch(body: &mut Body) -> Option<Rc<Cell<bool>>> {
        if !matches!(body, Body::Incoming(_) | Body::Stream(_)) {
            return None;
        }
        let whole = Rc::new(Cell::new(false));
        *body = Body::Stream(Box::pin(Upload {
            body: std::mem::take(body),
            whole: whole.clone(),
        }));
        Some(whole)
    }
}

impl http_body::Body for Upload {
    type Data = Bytes;
    type Error = BodyError;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, BodyError>>> {
        let this = &mut *self;
        let frame = ready!(Pin::new(&mut this.body).poll_frame(cx));
        if frame.is_none() || this.body.is_end_stream() {
            this.whole.set(true);
        }
        Poll::Ready(frame)
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}

/// Whether a status is one that another server might not give.
fn is_failure(leave: Option<&Leave<'_>>, status: StatusCode) -> bool {
    matches!(status.as_u16(), 408 | 429 | 500..)
        || leave
            .and_then(|l| l.server.breaker.as_ref())
            .is_some_and(|b| b.is_failure(Called::Status(status.as_u16())))
}

/// Sends one request and notes the attempt. Failures carry `forward-request`'s reasons and are reported; a response is
/// the caller's to report with [`answered`] or [`broke`].
pub(super) async fn send(
    rq: &mut Exchange,
    url: &BaseUrl,
    leave: Option<&mut Leave<'_>>,
    mut request: Request<Body>,
    options: SendOptions,
) -> Result<Response<Body>, Box<Failure>> {
    let services = rq.services.clone();
    let watched = leave.as_ref().is_some_and(|l| l.permit.is_some());
    let upload = watched.then(|| Upload::watch(request.body_mut())).flatten();
    tell_request(rq, &url.origin, &request);
    if rq.is_observed() {
        request.extensions_mut().insert(OnBehalfOf(rq.id));
    }
    let begin = services.clock.monotonic_nanos();
    let sent = services.transport.send(&url.origin, request, options).await;
    let nanos = services.clock.monotonic_nanos().saturating_sub(begin);
    let status = sent.as_ref().ok().map(Response::status);
    rq.attempts.push(Attempt {
        backend: leave.as_ref().map(|l| l.backend),
        status: status.map_or(0, |s| s.as_u16()),
        nanos,
        failed: status.is_none_or(|status| is_failure(leave.as_deref(), status)),
        end: match &sent {
            Ok(_) => AttemptEnd::Answered,
            Err(SendError::Timeout(_)) => AttemptEnd::TimedOut,
            Err(SendError::Request(_)) => AttemptEnd::NotSent,
            Err(SendError::Connect(_) | SendError::Protocol(_)) => AttemptEnd::Unanswered,
        },
        aside: false,
    });
    tell_response(rq, &sent);
    let error = match sent {
        Ok(response) => return Ok(response),
        Err(error) => error,
    };
    let reason = match &error {
        // Who is still sent a body by a slow caller has not been late itself.
        SendError::Timeout(_) if upload.is_some_and(|whole| !whole.get()) => None,
        SendError::Timeout(_) => Some(ErrorReason::Timeout),
        SendError::Connect(_) | SendError::Protocol(_) => {
            Some(ErrorReason::BackendConnectionFailure)
        }
        SendError::Request(_) => None,
    };
    if let (Some(reason), Some(leave)) = (reason, leave) {
        leave.report(rq, Called::Failed(reason), None);
    }
    Err(match error {
        SendError::Timeout(_) => Failure::internal(
            "",
            ErrorReason::Timeout.as_str(),
            format!("The backend did not answer: {error}."),
        ),
        SendError::Request(BodyError::TooLarge(limit)) => Failure::refused(
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
            ErrorReason::BackendConnectionFailure.as_str(),
            format!("The call to the backend failed: {error}."),
        ),
    })
}

/// Notes that the last call was a policy's own.
pub(super) fn aside(rq: &mut Exchange) {
    if let Some(attempt) = rq.attempts.last_mut() {
        attempt.aside = true;
    }
}

/// Tells a probe what goes out.
fn tell_request(rq: &Exchange, origin: &Origin, request: &Request<Body>) {
    rq.tell(|| Event::UpstreamRequest {
        origin,
        method: request.method(),
        uri: request.uri(),
        headers: request.headers(),
    });
}

/// Tells a probe what came back.
fn tell_response(rq: &Exchange, sent: &Result<Response<Body>, SendError>) {
    if !rq.is_observed() {
        return;
    }
    match sent {
        Ok(response) => rq.tell(|| Event::UpstreamResponse {
            status: response.status(),
            headers: response.headers(),
        }),
        Err(error) => {
            let why = error.to_string();
            rq.tell(|| Event::UpstreamFailed(&why));
        }
    }
}

/// Reports a response.
pub(super) fn answered(
    rq: &Exchange,
    leave: Option<&mut Leave<'_>>,
    status: StatusCode,
    headers: &HeaderMap,
) {
    let Some(leave) = leave.filter(|l| l.permit.is_some()) else {
        return;
    };
    let retry_after = if is_failure(Some(leave), status) {
        retry_after(headers, rq.services.clock.unix_millis())
    } else {
        None
    };
    leave.report(rq, Called::Status(status.as_u16()), retry_after);
}

/// Reports and notes an answer that is none for another reason than its status.
pub(super) fn useless(rq: &mut Exchange, leave: Option<&mut Leave<'_>>, reason: ErrorReason) {
    if let Some(attempt) = rq.attempts.last_mut() {
        attempt.failed = true;
    }
    if let Some(leave) = leave {
        leave.report(rq, Called::Failed(reason), None);
    }
}

/// Reports and notes a response that broke before anything of its body was there.
pub(super) fn broke(
    rq: &mut Exchange,
    leave: Option<&mut Leave<'_>>,
    error: &BodyError,
) -> Box<Failure> {
    let reason = reason(error).unwrap_or(ErrorReason::BackendConnectionFailure);
    useless(rq, leave, reason);
    if let Some(attempt) = rq.attempts.last_mut() {
        attempt.end = AttemptEnd::Broke;
    }
    Failure::internal(
        "",
        reason.as_str(),
        format!("The backend's answer broke before its first byte: {error}."),
    )
}

/// Whose fault a broken body is; `None`: the gateway's own limit.
fn reason(error: &BodyError) -> Option<ErrorReason> {
    match error {
        BodyError::Stalled(_) => Some(ErrorReason::Timeout),
        BodyError::Connection(_) | BodyError::Other(_) => {
            Some(ErrorReason::BackendConnectionFailure)
        }
        BodyError::TooLarge(_) => None,
    }
}

impl Exchange {
    /// The upstream's answer broke in mid-body: its breaker learns of it.
    pub(crate) fn answer_broke(&mut self, error: &BodyError) {
        if let (Some(mut answering), Some(reason)) = (self.answering.take(), reason(error)) {
            report(
                self,
                &self.snapshot,
                answering.backend,
                Some(&mut answering.permit),
                Called::Broke(reason),
                None,
            );
        }
    }
}

/// How long `Retry-After` asks to wait: seconds, or a date (RFC 9110, section 10.2.3).
fn retry_after(headers: &HeaderMap, unix_millis: u64) -> Option<Duration> {
    let text = headers.get(header::RETRY_AFTER)?.to_str().ok()?.trim();
    if !text.is_empty() && text.bytes().all(|b| b.is_ascii_digit()) {
        // More than fits is more than is heeded.
        return Some(Duration::from_secs(text.parse().unwrap_or(u64::MAX)));
    }
    let date = httpdate::parse_http_date(text).ok()?;
    let now = std::time::UNIX_EPOCH + Duration::from_millis(unix_millis);
    Some(date.duration_since(now).unwrap_or_default())
}

#[cfg(test)]
mod tests {
    use super::*;
    use http::HeaderValue;

    #[test]
    fn retry_after_is_seconds_or_a_date() {
        // 2026-01-01T00:00:00Z
        let now = 1_767_225_600_000;
        let read = |text: &'static str| {
            let headers =
                HeaderMap::from_iter([(header::RETRY_AFTER, HeaderValue::from_static(text))]);
            retry_after(&headers, now).map(|d| d.as_secs())
        };
        assert_eq!(read("7"), Some(7));
        assert_eq!(read(" 0 "), Some(0));
        assert_eq!(read("99999999999999999999999"), Some(u64::MAX));
        assert_eq!(read("Thu, 01 Jan 2026 00:01:30 GMT"), Some(90));
        assert_eq!(read("Wed, 31 Dec 2025 23:59:00 GMT"), Some(0));
        assert_eq!(read("soon"), None);
        assert_eq!(read("-1"), None);
        assert_eq!(read(""), None);
        assert_eq!(retry_after(&HeaderMap::new(), now), None);
    }
}
