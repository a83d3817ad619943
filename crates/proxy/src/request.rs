//! From a request on the wire to the engine, and back: built-in endpoints, checks of the head, ids, trace context.
//!
//! Called by `connection` for every request. What must stay true: nothing here allocates for a request that repeats
//! its connection's `Host`, but for the trace header and the limits around a body.

use crate::body::RequestBody;
use crate::connection::{Answer, Peer};
use crate::debug;
use crate::forwarded::client_ip;
use crate::graphql_socket;
use crate::management::{self, Reader};
use crate::thread::Thread;
use crate::trace_context::continue_trace;
use crate::tunnel;
use bytes::{Bytes, BytesMut};
use http::request::Parts;
use http::{HeaderValue, Method, Request, Response, StatusCode, Version, header};
use http_body::Body as _;
use hyper::body::Incoming as WireBody;
use hyper::upgrade::OnUpgrade;
use std::rc::Rc;
use std::sync::Arc;
use tollgate_engine::pipeline::{Incoming, REQUEST_ID, serve_with};
use tollgate_engine::probe::Probe;
use tollgate_engine::upstream::forget_named_by_connection;
use tollgate_engine::{AnswerBody, Body, Failure};

/// Answers one request.
pub(crate) async fn answer(
    thread: Rc<Thread>,
    peer: Rc<Peer>,
    request: Request<WireBody>,
) -> Answer {
    let (mut head, body) = request.into_parts();
    if let Some(answer) = built_in(&thread, &head) {
        return answer;
    }
    let id = thread.random.uuid();
    let authority = match check(&thread, &peer, &mut head, &body) {
        Ok(authority) => authority,
        Err(refusal) => return refuse(&thread, &refusal, id),
    };
    forget_named_by_connection(&mut head.headers);
    let limits = &thread.config.limits;
    let upgrade = head.extensions.remove::<OnUpgrade>();
    let length = body.size_hint().exact();
    continue_trace(&mut head.headers, &thread.random);
    let snapshot = thread.snapshots.borrow_mut().load().clone();
    let watched = debug::watched(&thread, &snapshot, &mut head, id);
    let mut incoming = Incoming {
        id,
        scheme: peer.scheme,
        authority,
        client_ip: client_ip(peer.ip, &head.headers, &thread.config.trusted_proxies),
        // Who comes from a loopback address has come to one.
        on_loopback: peer.ip.is_loopback(),
        client_certificate: peer.certificate.clone(),
        head,
        body: RequestBody::limited(
            body,
            limits.body_bytes,
            limits.body_idle_timeout,
            &thread.wheel,
        ),
        upgrade: upgrade.clone(),
    };
    thread.telemetry.begun();
    let services = thread.services.clone();
    // A request that is traced is not recorded: an exchange has one probe.
    let tape = match (&watched, &thread.recording) {
        (None, Some(recording)) => recording.begin(&mut incoming),
        _ => None,
    };
    let mut response = match (watched, tape) {
        (None, None) => tollgate_engine::serve(snapshot, services, incoming).await,
        (None, Some(tape)) => {
            let probe: Rc<dyn Probe> = tape;
            serve_with(snapshot, services, incoming, Some(probe)).await
        }
        (Some(mut watched), _) => {
            let probe = watched.probe.take();
            let mut response = serve_with(snapshot, services, incoming, probe).await;
            watched.tell(response.headers_mut());
            response
        }
    };
    if let Some(exchange) = response.body_mut().exchange_mut() {
        exchange.received_bytes = length.unwrap_or(0);
    }
    if response.status() == StatusCode::SWITCHING_PROTOCOLS {
        let exchange = response.body_mut().exchange_mut();
        let socket = exchange.and_then(|exchange| exchange.take_graphql_socket());
        if let Some((socket, caller)) = socket.zip(upgrade.clone()) {
            let (head, body) = response.into_parts();
            graphql_socket::serve(&thread, caller, socket, body);
            return Response::from_parts(head, AnswerBody::plain(Body::Empty));
        }
        let upstream = response.extensions_mut().remove::<OnUpgrade>();
        let Some((caller, upstream)) = upgrade.zip(upstream) else {
            return refuse(&thread, &UNASKED_UPGRADE, id);
        };
        let (head, body) = response.into_parts();
        tunnel::join(&thread, caller, upstream, body);
        return Response::from_parts(head, AnswerBody::plain(Body::Empty));
    }
    response
}

/// A request that no exchange is made for.
struct Refusal {
    status: StatusCode,
    message: &'static str,
}

const fn refusal(status: StatusCode, message: &'static str) -> Refusal {
    Refusal { status, message }
}

const UNASKED_UPGRADE: Refusal = refusal(
    StatusCode::BAD_GATEWAY,
    "The backend switched protocols without being asked to.",
);

/// Checks what hyper leaves to the server. Gives the authority.
fn check(
    thread: &Thread,
    peer: &Peer,
    head: &mut Parts,
    body: &WireBody,
) -> Result<Arc<str>, Refusal> {
    let limits = &thread.config.limits;
    if head.method == Method::CONNECT {
        return Err(refusal(
            StatusCode::NOT_IMPLEMENTED,
            "This is not a forward proxy.",
        ));
    }
    let target = head.uri.path_and_query().map_or("", |p| p.as_str());
    if target.len() > limits.target_bytes {
        return Err(refusal(
            StatusCode::URI_TOO_LONG,
            "The request target is too long.",
        ));
    }
    if !target.starts_with('/') {
        return Err(refusal(
            StatusCode::BAD_REQUEST,
            "The request target is not a path.",
        ));
    }
    if has_dot_segment(head.uri.path()) {
        return Err(refusal(
            StatusCode::BAD_REQUEST,
            "The path holds a dot segment.",
        ));
    }
    if head.headers.len() > limits.headers {
        return Err(refusal(
            StatusCode::REQUEST_HEADER_FIELDS_TOO_LARGE,
            "There are too many header fields.",
        ));
    }
    if body.size_hint().lower() > limits.body_bytes {
        return Err(refusal(
            StatusCode::PAYLOAD_TOO_LARGE,
            "The request body is too large.",
        ));
    }
    if head.version == Version::HTTP_2 {
        from_http2(head);
    }
    let mut hosts = head.headers.get_all(header::HOST).iter();
    let host = hosts.next();
    if hosts.next().is_some() {
        return Err(refusal(
            StatusCode::BAD_REQUEST,
            "There is more than one Host header.",
        ));
    }
    if let Some(authority) = head.uri.authority() {
        let authority_bytes = authority.as_str().as_bytes();
        if host.is_none_or(|host| !host.as_bytes().eq_ignore_ascii_case(authority_bytes)) {
            if head.version == Version::HTTP_2 {
                // RFC 9113, section 8.3.1: such a request is malformed.
                return Err(refusal(
                    StatusCode::BAD_REQUEST,
                    "The Host header is not the authority.",
                ));
            }
            // RFC 9112, section 3.2.2: the target's host counts.
            if let Ok(host) = HeaderValue::from_str(authority.as_str()) {
                head.headers.insert(header::HOST, host);
            }
        }
        return known(peer, authority.as_str().as_bytes(), || {
            HeaderValue::from_str(authority.as_str()).ok()
        });
    }
    match host {
        Some(host) => known(peer, host.as_bytes(), || Some(host.clone())),
        None if head.version == Version::HTTP_10 => Ok(Arc::from("")),
        None => Err(refusal(
            StatusCode::BAD_REQUEST,
            "The Host header is missing.",
        )),
    }
}

/// Whether a segment of the path is `.` or `..`, plain or percent-encoded, also between encoded slashes or behind
/// backslashes as some servers read them. Clients resolve such segments themselves; here they would be matched as one
/// path, and read by a backend as another.
pub(crate) fn has_dot_segment(path: &str) -> bool {
    let path = path.as_bytes();
    if !path.iter().any(|byte| matches!(byte, b'.' | b'%')) {
        return false;
    }
    let (mut dots, mut only_dots) = (0, true);
    let mut at = 0;
    while at < path.len() {
        let (byte, width) = match path[at..] {
            [b'%', b'2', b'e' | b'E', ..] => (b'.', 3),
            [b'%', b'2', b'f' | b'F', ..] | [b'%', b'5', b'c' | b'C', ..] => (b'/', 3),
            [b'\\', ..] => (b'/', 1),
            [byte, ..] => (byte, 1),
            [] => break,
        };
        at += width;
        match byte {
            b'/' if only_dots && matches!(dots, 1 | 2) => return true,
            b'/' => (dots, only_dots) = (0, true),
            b'.' => dots += 1,
            _ => only_dots = false,
        }
    }
    only_dots && matches!(dots, 1 | 2)
}

/// The authority's text, from the connection's memory when it is the same as before.
fn known(
    peer: &Peer,
    bytes: &[u8],
    value: impl FnOnce() -> Option<HeaderValue>,
) -> Result<Arc<str>, Refusal> {
    let mut last = peer.authority.borrow_mut();
    if let Some((value, text)) = &*last
        && value.as_bytes() == bytes
    {
        return Ok(text.clone());
    }
    let text = std::str::from_utf8(bytes)
        .ok()
        .filter(|t| !t.contains('@') && t.parse::<http::uri::Authority>().is_ok())
        .ok_or(refusal(
            StatusCode::BAD_REQUEST,
            "The Host header is not a host.",
        ))?;
    let text: Arc<str> = Arc::from(text);
    *last = value().map(|v| (v, text.clone()));
    Ok(text)
}

/// What HTTP/2 says in its own way: `:authority`, and cookies in pieces (RFC 9113, section 8.2.3).
fn from_http2(head: &mut Parts) {
    if !head.headers.contains_key(header::HOST)
        && let Some(authority) = head.uri.authority()
        && let Ok(host) = HeaderValue::from_str(authority.as_str())
    {
        head.headers.insert(header::HOST, host);
    }
    let mut cookies = head.headers.get_all(header::COOKIE).iter();
    if let (Some(first), Some(second)) = (cookies.next(), cookies.next()) {
        let mut joined = BytesMut::from(first.as_bytes());
        for cookie in std::iter::once(second).chain(cookies) {
            joined.extend_from_slice(b"; ");
            joined.extend_from_slice(cookie.as_bytes());
        }
        if let Ok(value) = HeaderValue::from_maybe_shared(joined.freeze()) {
            head.headers.insert(header::COOKIE, value);
        }
    }
}

fn refuse(thread: &Thread, refusal: &Refusal, id: u128) -> Answer {
    thread.telemetry.refused(refusal.status);
    let failure = Failure::refused("", "", refusal.status, refusal.message);
    let mut response = plain(refusal.status, failure.wire_body(id));
    let (name, value) = Failure::content_type();
    response.headers_mut().insert(name, value);
    let mut buffer = uuid::Uuid::encode_buffer();
    let text = uuid::Uuid::from_u128(id)
        .hyphenated()
        .encode_lower(&mut buffer);
    if let Ok(value) = HeaderValue::from_str(text) {
        response.headers_mut().insert(REQUEST_ID.clone(), value);
    }
    response
}

/// API Management's own health probe path, and the gateway's endpoints.
fn built_in(thread: &Thread, head: &Parts) -> Option<Answer> {
    let path = head.uri.path();
    if path == "/status-0123456789abcdef" {
        let mut response = plain(StatusCode::OK, String::from("Service Operational"));
        response
            .headers_mut()
            .insert(header::CONTENT_TYPE, HeaderValue::from_static("text/plain"));
        return Some(response);
    }
    let page = management::page(&thread.shared, path, Reader::Caller)?;
    let (head, body) = page.into_parts();
    Some(Response::from_parts(
        head,
        AnswerBody::plain(Body::from(body)),
    ))
}

fn plain(status: StatusCode, text: String) -> Answer {
    let mut response = Response::new(AnswerBody::plain(Body::from(Bytes::from(text))));
    *response.status_mut() = status;
    response
}
