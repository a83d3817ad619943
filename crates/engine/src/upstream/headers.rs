//! The outgoing head, and what of either head stops at the gateway.
//!
//! The caller's subscription key never leaves the gateway; hop-by-hop headers stop here, in both directions.

use super::host;
use crate::exchange::Exchange;
use crate::failure::Failure;
use crate::snapshot::{BaseUrl, Server};
use bytes::Bytes;
use http::{HeaderMap, HeaderName, HeaderValue, header};
use smallvec::SmallVec;

static KEEP_ALIVE: HeaderName = HeaderName::from_static("keep-alive");
static PROXY_CONNECTION: HeaderName = HeaderName::from_static("proxy-connection");
static X_FORWARDED_FOR: HeaderName = HeaderName::from_static("x-forwarded-for");
/// Where providers take their keys.
const KEYS: [&str; 4] = [
    "api-key",
    "x-api-key",
    "x-goog-api-key",
    "ocp-apim-subscription-key",
];
static API_KEY: HeaderName = HeaderName::from_static("api-key");

/// The head that goes out: the caller's without what belongs to its connection and without its key.
pub(super) fn outgoing_headers(rq: &Exchange, url: &BaseUrl) -> Result<HeaderMap, Box<Failure>> {
    let mut headers = caller_headers(rq);
    headers.insert(header::HOST, host(url)?);
    Ok(headers)
}

/// The same but for `Host`, which is still the caller's.
pub(crate) fn caller_headers(rq: &Exchange) -> HeaderMap {
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
        if crate::realtime::is_realtime(rq) {
            // What is compressed cannot be accounted.
            headers.remove(header::SEC_WEBSOCKET_EXTENSIONS);
        }
    }
    if rq
        .mcp
        .as_deref()
        .is_some_and(|call| crate::mcp::is_callers(call, &headers))
    {
        headers.remove(header::AUTHORIZATION);
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
    headers
}

/// Removes what belongs to one connection only (RFC 9110, section 7.6.1).
pub(crate) fn hop_by_hop(headers: &mut HeaderMap) {
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
pub(super) fn forget_credentials(headers: &mut HeaderMap, server: Option<&Server>) {
    let secret: SmallVec<[HeaderName; 4]> = headers
        .iter()
        .filter(|(name, value)| {
            value.is_sensitive()
                || [
                    header::AUTHORIZATION,
                    header::PROXY_AUTHORIZATION,
                    header::COOKIE,
                ]
                .contains(name)
                || KEYS.contains(&name.as_str())
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
pub(super) fn text_of(ip: std::net::IpAddr) -> Vec<u8> {
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
pub(super) async fn credentials(
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
