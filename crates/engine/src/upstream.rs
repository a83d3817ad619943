//! Calls to backends: choosing the server, writing the outgoing head, classifying what went wrong.
//!
//! `forward-request` and the policies that call a backend of their own (semantic cache) use it. What must stay true:
//! the caller's subscription key never leaves the gateway; hop-by-hop headers stop here, in both directions.

use crate::body::Body;
use crate::exchange::{Attempt, BodyState, Exchange, Response, TargetBase, collect};
use crate::failure::Failure;
use crate::routing::decode_query;
use crate::services::{SendError, SendOptions};
use crate::snapshot::{BackendIndex, BackendKind, BaseUrl, Pool, Server, Snapshot};
use bytes::{BufMut, Bytes, BytesMut};
use http::uri::PathAndQuery;
use http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode, Uri, header};
use smallvec::SmallVec;
use std::sync::Arc;
use std::sync::atomic::Ordering;

/// A chosen server.
pub struct Choice<'a> {
    /// Where.
    pub url: Arc<BaseUrl>,
    /// The backend, when it is one of the configuration's.
    pub server: Option<(&'a Server, BackendIndex)>,
}

/// Chooses the server that the target names; a pool gives its next member.
pub fn choose<'a>(rq: &Exchange, snapshot: &'a Snapshot) -> Result<Choice<'a>, Box<Failure>> {
    match &rq.request.target.base {
        TargetBase::Url(url) => Ok(Choice {
            url: url.clone(),
            server: None,
        }),
        TargetBase::Backend(index) => server(snapshot, *index),
        TargetBase::ServiceUrl => {
            let url = rq
                .api()
                .and_then(|a| a.service_url.clone())
                .ok_or_else(|| {
                    Failure::internal(
                        "",
                        "BackendConnectionFailure",
                        "The API has no serviceUrl and no policy has set a backend.",
                    )
                })?;
            Ok(Choice { url, server: None })
        }
    }
}

/// The server of a backend, or the next member of a pool.
pub fn server(snapshot: &Snapshot, index: BackendIndex) -> Result<Choice<'_>, Box<Failure>> {
    let mut index = index;
    if let BackendKind::Pool(pool) = &snapshot.backend(index).kind {
        index = next(pool);
    }
    match &snapshot.backend(index).kind {
        BackendKind::Single(server) => Ok(Choice {
            url: server.url.clone(),
            server: Some((server, index)),
        }),
        // Refused at load: a pool's members are single.
        BackendKind::Pool(_) => Err(Failure::internal(
            "",
            "PoolIsInactive",
            "A pool's member is a pool.",
        )),
    }
}

/// The next member of the first priority group, by weight.
fn next(pool: &Pool) -> BackendIndex {
    let group = &pool.groups[0];
    let turn = group.turn.fetch_add(1, Ordering::Relaxed);
    let total: u64 = group.members.iter().map(|(_, w)| u64::from(*w)).sum();
    if total == 0 {
        return group.members[usize::try_from(turn % group.members.len() as u64).unwrap_or(0)].0;
    }
    // A stride that shares no factor with most totals spreads a member's turns over the cycle.
    let mut at = turn.wrapping_mul(GOLDEN) % total;
    if total.is_multiple_of(GOLDEN) {
        at = turn % total;
    }
    for (member, weight) in &group.members {
        match at.checked_sub(u64::from(*weight)) {
            Some(rest) => at = rest,
            None => return *member,
        }
    }
    group.members[0].0
}

/// A prime larger than most sums of weights (30 members of 100 at most: 3000).
const GOLDEN: u64 = 7919;

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

/// A call of the gateway's own to a backend: credentials as configured, the whole answer in memory.
pub struct Call<'a> {
    /// The backend.
    pub backend: BackendIndex,
    /// Path after the backend's own, with its leading `/`, or empty.
    pub path: &'a str,
    /// Query without `?`.
    pub query: Option<&'a str>,
    /// Method.
    pub method: Method,
    /// Headers.
    pub headers: HeaderMap,
    /// Body.
    pub body: Bytes,
    /// Limits.
    pub options: SendOptions,
    /// Most bytes of the answer.
    pub limit: usize,
}

/// Makes such a call.
pub async fn call(
    rq: &mut Exchange,
    call: Call<'_>,
) -> Result<(StatusCode, HeaderMap, Bytes), Box<Failure>> {
    let snapshot = rq.snapshot.clone();
    let Choice { url, server } = server(&snapshot, call.backend)?;
    let queries = [
        url.query.as_deref(),
        call.query,
        server.and_then(|(s, _)| s.query.as_deref()),
    ];
    let path = join(&url.path, call.path, &queries)?;
    let mut headers = call.headers;
    headers.insert(header::HOST, host(&url)?);
    if let Some((server, _)) = server {
        credentials(rq, server, &mut headers).await?;
    }
    let mut request = http::Request::new(Body::from(call.body));
    *request.method_mut() = call.method;
    *request.uri_mut() = Uri::from(path);
    *request.headers_mut() = headers;
    let response = send(rq, &url, server.map(|(_, i)| i), request, call.options).await?;
    let (head, body) = response.into_parts();
    let body = collect(body, call.limit)
        .await
        .map_err(|e| Failure::internal("", "BackendConnectionFailure", e.to_string()))?;
    Ok((head.status, head.headers, body))
}

/// Path and query for the target.
fn path_and_query(
    rq: &Exchange,
    url: &BaseUrl,
    credentials: Option<&str>,
) -> Result<PathAndQuery, Box<Failure>> {
    let request = &rq.request;
    let key_in_query = key_in_query(rq);
    if url.path.is_empty()
        && url.query.is_none()
        && credentials.is_none()
        && request.api_path_len == 0
        && request.target.path.is_none()
        && request.target.query.is_none()
        && !key_in_query
    {
        return Ok(request.path_and_query.clone());
    }
    let query = rq.target_query();
    let without_key;
    let query = match query {
        Some(query) if key_in_query => {
            without_key = strip_key(query, rq.api().map_or("", |a| &a.key_query));
            Some(without_key.as_str())
        }
        query => query,
    };
    join(
        &url.path,
        rq.target_path(),
        &[url.query.as_deref(), query, credentials],
    )
}

fn key_in_query(rq: &Exchange) -> bool {
    let Some((api, query)) = rq.api().zip(rq.request.path_and_query.query()) else {
        return false;
    };
    query.len() > api.key_query.len() && query.split('&').any(|pair| names(pair, &api.key_query))
}

/// Whether a pair of a query has this name, as [`crate::routing::query_value`] reads it.
fn names(pair: &str, name: &str) -> bool {
    let key = pair.split('=').next().unwrap_or(pair);
    key.eq_ignore_ascii_case(name)
        || (key.contains(['%', '+']) && decode_query(key).eq_ignore_ascii_case(name))
}

fn strip_key(query: &str, name: &str) -> String {
    let mut kept = String::with_capacity(query.len());
    for pair in query.split('&').filter(|pair| !names(pair, name)) {
        if !kept.is_empty() {
            kept.push('&');
        }
        kept.push_str(pair);
    }
    kept
}

/// One allocation for the whole of it.
fn join(base: &str, path: &str, queries: &[Option<&str>]) -> Result<PathAndQuery, Box<Failure>> {
    let length =
        base.len() + path.len() + 1 + queries.iter().flatten().map(|q| q.len() + 1).sum::<usize>();
    let mut text = BytesMut::with_capacity(length);
    text.put_slice(base.as_bytes());
    if !path.is_empty() && !path.starts_with('/') {
        text.put_u8(b'/');
    }
    text.put_slice(path.as_bytes());
    if text.is_empty() {
        text.put_u8(b'/');
    }
    let mut separator = b'?';
    for query in queries.iter().flatten().filter(|q| !q.is_empty()) {
        text.put_u8(separator);
        text.put_slice(query.as_bytes());
        separator = b'&';
    }
    PathAndQuery::from_maybe_shared(text.freeze()).map_err(|e| {
        Failure::internal(
            "",
            "BackendConnectionFailure",
            format!("The backend's URL cannot be written: {e}."),
        )
    })
}

fn host(url: &BaseUrl) -> Result<HeaderValue, Box<Failure>> {
    HeaderValue::from_str(&url.origin.authority).map_err(|_| {
        Failure::internal(
            "",
            "BackendConnectionFailure",
            "The backend's host cannot be sent.",
        )
    })
}

static KEEP_ALIVE: HeaderName = HeaderName::from_static("keep-alive");
static PROXY_CONNECTION: HeaderName = HeaderName::from_static("proxy-connection");
static X_FORWARDED_FOR: HeaderName = HeaderName::from_static("x-forwarded-for");
static API_KEY: HeaderName = HeaderName::from_static("api-key");

/// The head that goes out: the caller's without what belongs to its connection and without its key.
fn outgoing_headers(rq: &Exchange, url: &BaseUrl) -> Result<HeaderMap, Box<Failure>> {
    let mut headers = rq.request.headers.clone();
    let upgrade = rq
        .request
        .upgrade
        .as_ref()
        .and_then(|_| headers.get(header::UPGRADE))
        .filter(|protocol| protocol.as_bytes().eq_ignore_ascii_case(b"websocket"))
        .cloned();
    // What the caller's `Connection` named has gone when the request came: a policy's headers are not the caller's.
    headers.remove(header::CONNECTION);
    hop_by_hop(&mut headers);
    // The client writes the length from the body it is given.
    headers.remove(header::CONTENT_LENGTH);
    headers.remove(header::EXPECT);
    if let Some(upgrade) = upgrade {
        headers.insert(header::CONNECTION, HeaderValue::from_static("Upgrade"));
        headers.insert(header::UPGRADE, upgrade);
    }
    if let Some((key, api)) = rq.key.as_ref().zip(rq.api()) {
        let key = key.expose().as_bytes();
        for name in [&api.key_header, &API_KEY] {
            if headers.get(name).is_some_and(|v| v.as_bytes() == key) {
                headers.remove(name);
            }
        }
        let bearer = headers
            .get(header::AUTHORIZATION)
            .and_then(|v| v.as_bytes().split_first_chunk::<7>());
        if bearer
            .is_some_and(|(scheme, token)| scheme.eq_ignore_ascii_case(b"bearer ") && token == key)
        {
            headers.remove(header::AUTHORIZATION);
        }
    }
    let ip = text_of(rq.request.client_ip);
    let mut forwarded = Vec::new();
    for before in headers.get_all(&X_FORWARDED_FOR) {
        forwarded.extend_from_slice(before.as_bytes());
        forwarded.extend_from_slice(b", ");
    }
    let forwarded = if forwarded.is_empty() {
        ip
    } else {
        forwarded.extend_from_slice(&ip);
        forwarded
    };
    if let Ok(value) = HeaderValue::from_maybe_shared(Bytes::from(forwarded)) {
        headers.insert(X_FORWARDED_FOR.clone(), value);
    }
    headers.insert(header::HOST, host(url)?);
    Ok(headers)
}

/// Removes what belongs to one connection only (RFC 9110, section 7.6.1).
fn hop_by_hop(headers: &mut HeaderMap) {
    forget_named_by_connection(headers);
    headers.remove(header::CONNECTION);
    // One look at the names there are costs less than a search for each name that might be.
    let there: SmallVec<[HeaderName; 4]> = headers
        .keys()
        .filter(|n| belongs_to_connection(n))
        .cloned()
        .collect();
    for name in there {
        headers.remove(name);
    }
}

/// Removes the headers that `Connection` names, in all its lines. For a request this must come before any policy: else a
/// caller could take away what a policy has set.
pub fn forget_named_by_connection(headers: &mut HeaderMap) {
    let mut named: SmallVec<[HeaderName; 4]> = SmallVec::new();
    for value in headers.get_all(header::CONNECTION) {
        for name in value.as_bytes().split(|byte| *byte == b',') {
            let kept = [&b"close"[..], b"keep-alive", b"upgrade"];
            let name = name.trim_ascii();
            if !kept.iter().any(|k| k.eq_ignore_ascii_case(name))
                && let Ok(name) = HeaderName::from_bytes(name)
                && name != header::CONNECTION
            {
                named.push(name);
            }
        }
    }
    for name in named {
        headers.remove(name);
    }
}

/// Removes what is meant for the first host only: a redirect has named another.
fn forget_credentials(headers: &mut HeaderMap, server: Option<&Server>) {
    let secret: SmallVec<[HeaderName; 4]> = headers
        .iter()
        .filter(|(name, value)| {
            value.is_sensitive()
                || [
                    header::AUTHORIZATION,
                    header::PROXY_AUTHORIZATION,
                    header::COOKIE,
                    API_KEY.clone(),
                ]
                .contains(name)
        })
        .map(|(name, _)| name.clone())
        .collect();
    for name in secret {
        headers.remove(name);
    }
    for (name, _) in server.map_or(&[][..], |s| &s.headers) {
        headers.remove(name);
    }
}

fn belongs_to_connection(name: &HeaderName) -> bool {
    matches!(
        *name,
        header::TRANSFER_ENCODING
            | header::TE
            | header::TRAILER
            | header::UPGRADE
            | header::PROXY_AUTHORIZATION
            | header::PROXY_AUTHENTICATE
    ) || *name == KEEP_ALIVE
        || *name == PROXY_CONNECTION
}

/// An address as text; the common kind without the formatting machinery.
fn text_of(ip: std::net::IpAddr) -> Vec<u8> {
    let std::net::IpAddr::V4(ip) = ip else {
        return ip.to_string().into_bytes();
    };
    let mut text = Vec::with_capacity(15);
    for (at, octet) in ip.octets().into_iter().enumerate() {
        if at > 0 {
            text.push(b'.');
        }
        if octet >= 100 {
            text.push(b'0' + octet / 100);
        }
        if octet >= 10 {
            text.push(b'0' + octet / 10 % 10);
        }
        text.push(b'0' + octet % 10);
    }
    text
}

/// Puts a backend's credentials on a head.
async fn credentials(
    rq: &Exchange,
    server: &Server,
    headers: &mut HeaderMap,
) -> Result<(), Box<Failure>> {
    for (name, value) in &server.headers {
        headers.insert(name.clone(), value.clone());
    }
    if let Some((resource, client_id)) = &server.definition.managed_identity {
        let tokens = &rq.services.tokens;
        let token = tokens
            .token(resource, client_id.as_deref())
            .await
            .map_err(|why| Failure::no_identity_token(resource, &why))?;
        headers.insert(header::AUTHORIZATION, token.header.clone());
    }
    Ok(())
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

fn redirect(response: &http::Response<Body>, left: u32) -> Option<String> {
    if left == 0 || !matches!(response.status().as_u16(), 301 | 302 | 303 | 307 | 308) {
        return None;
    }
    response
        .headers()
        .get(header::LOCATION)?
        .to_str()
        .ok()
        .map(str::to_owned)
}

/// The URL that a `Location` means (RFC 3986, section 4.2), its fragment left out.
pub(crate) fn resolve(
    from: &BaseUrl,
    path: &PathAndQuery,
    location: &str,
) -> Result<(BaseUrl, PathAndQuery), Box<Failure>> {
    let bad = |why: String| {
        Failure::internal(
            "",
            "BackendConnectionFailure",
            format!("The backend redirected to `{location}`: {why}."),
        )
    };
    let location = location.split('#').next().unwrap_or(location);
    let (scheme, authority) = match &from.origin.tls {
        Some(_) => ("https", &from.origin.authority),
        None => ("http", &from.origin.authority),
    };
    let has_scheme = location
        .split_once(':')
        .is_some_and(|(scheme, _)| !scheme.contains(['/', '?']));
    let absolute = if has_scheme {
        location.to_owned()
    } else if location.starts_with("//") {
        format!("{scheme}:{location}")
    } else if location.starts_with('/') {
        format!("{scheme}://{authority}{location}")
    } else {
        let here = path.path();
        let folder = match location.chars().next() {
            None | Some('?') => here,
            _ => &here[..here.rfind('/').map_or(0, |at| at + 1)],
        };
        format!("{scheme}://{authority}{folder}{location}")
    };
    let mut base = BaseUrl::parse(&absolute, from.origin.tls.as_deref()).map_err(bad)?;
    if base.origin != from.origin {
        // Another host has not earned the exceptions that the backend's settings make.
        base = BaseUrl::parse(&absolute, None).map_err(bad)?;
    }
    let uri: Uri = absolute
        .parse()
        .map_err(|e: http::uri::InvalidUri| bad(e.to_string()))?;
    let path = uri
        .path_and_query()
        .cloned()
        .unwrap_or_else(|| PathAndQuery::from_static("/"));
    Ok((base, path))
}

#[cfg(test)]
mod tests;
