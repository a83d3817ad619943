//! The outgoing URL: the backend's base, the request's path and query, without the caller's subscription key.

use crate::exchange::Exchange;
use crate::failure::Failure;
use crate::routing::decode_query;
use crate::snapshot::BaseUrl;
use bytes::{BufMut, BytesMut};
use http::HeaderValue;
use http::uri::PathAndQuery;

/// Path and query for the target.
pub(crate) fn path_and_query(
    rq: &Exchange,
    url: &BaseUrl,
    credentials: Option<&str>,
) -> Result<PathAndQuery, Box<Failure>> {
    let request = &rq.request;
    let key_in_query = key_in_query(rq);
    let mcp = crate::mcp::target(rq, url);
    if mcp.is_none()
        && url.path.is_empty()
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
    let (base, path) = mcp.unwrap_or_else(|| (&url.path, rq.target_path()));
    join(base, path, &[url.query.as_deref(), query, credentials])
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

pub(crate) fn strip_key(query: &str, name: &str) -> String {
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
pub(super) fn join(
    base: &str,
    path: &str,
    queries: &[Option<&str>],
) -> Result<PathAndQuery, Box<Failure>> {
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

pub(super) fn host(url: &BaseUrl) -> Result<HeaderValue, Box<Failure>> {
    HeaderValue::from_str(&url.origin.authority).map_err(|_| {
        Failure::internal(
            "",
            "BackendConnectionFailure",
            "The backend's host cannot be sent.",
        )
    })
}
