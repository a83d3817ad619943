//! Whole answers kept by `cache-store` for `cache-lookup`, and what the two tell each other about a request.
//!
//! What must stay true: an answer is given only to requests whose key is the same, text for text; what a caller writes
//! cannot make two different requests look alike.

use crate::exchange::{BodyState, Exchange, Response};
use bytes::Bytes;
use http::{HeaderMap, HeaderValue, StatusCode, header};
use tollgate_lang::value::Str;

/// An answer that was kept.
#[derive(Clone, Debug)]
pub struct CachedResponse {
    /// Status.
    pub status: StatusCode,
    /// Reason phrase, where it is not the standard one.
    pub reason: Option<Str>,
    /// Headers as they were at the place of `cache-store`.
    pub headers: HeaderMap,
    /// The whole body, without content coding.
    pub body: Bytes,
    /// When it was kept, Unix milliseconds.
    pub stored_millis: u64,
    /// When it ends, Unix milliseconds.
    pub expires_millis: u64,
}

impl CachedResponse {
    /// About its size in bytes.
    pub fn weight(&self) -> u64 {
        let headers: usize = self
            .headers
            .iter()
            .map(|(name, value)| name.as_str().len() + value.len() + 32)
            .sum();
        (self.body.len() + headers + 256) as u64
    }

    /// The answer as it is given at `now`, with its age (RFC 9111, 5.1).
    pub(crate) fn response(self, now: u64, downstream: Downstream) -> Response {
        let mut response = Response::new(self.status);
        response.reason = self.reason;
        response.headers = self.headers;
        let age = now.saturating_sub(self.stored_millis) / 1000;
        response.headers.insert(header::AGE, HeaderValue::from(age));
        downstream.tell(
            &mut response.headers,
            self.expires_millis.saturating_sub(now) / 1000,
        );
        response.body = BodyState::Buffered(self.body);
        response
    }
}

/// What callers and proxies on the way may keep.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Downstream {
    pub(crate) kind: DownstreamKind,
    pub(crate) must_revalidate: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum DownstreamKind {
    None,
    Private,
    Public,
}

impl Downstream {
    /// Writes `Cache-Control` for an answer that is good for so many seconds more.
    pub(crate) fn tell(self, headers: &mut HeaderMap, seconds: u64) {
        let who = match self.kind {
            DownstreamKind::None => {
                headers.insert(
                    header::CACHE_CONTROL,
                    HeaderValue::from_static("no-store, no-cache"),
                );
                return;
            }
            DownstreamKind::Private => "private",
            DownstreamKind::Public => "public",
        };
        let revalidate = if self.must_revalidate {
            ", must-revalidate"
        } else {
            ""
        };
        if let Ok(value) = HeaderValue::try_from(format!("{who}, max-age={seconds}{revalidate}")) {
            headers.insert(header::CACHE_CONTROL, value);
        }
    }
}

/// What `cache-lookup` found out about a request that missed, for `cache-store`.
#[derive(Clone, Debug)]
pub(crate) struct Missed {
    pub(crate) key: Str,
    pub(crate) downstream: Downstream,
}

/// What a key is made of. Each part is a line of its own; no part can hold a line end.
#[derive(Debug)]
pub(crate) struct Key(String);

impl Key {
    /// The resource: API, its version, authority and path.
    pub(crate) fn of(rq: &Exchange) -> Key {
        let mut key = Key(String::from("response"));
        key.line("api", rq.api().map_or("", |api| &api.id));
        key.line("at", &rq.request.authority.to_ascii_lowercase());
        key.line("path", rq.request.path_and_query.path());
        key
    }

    /// Adds a part.
    pub(crate) fn line(&mut self, name: &str, value: &str) {
        self.0.push('\n');
        self.0.push_str(name);
        self.0.push(':');
        // Names in documents and values of the configuration may hold anything.
        self.0
            .extend(value.chars().map(|c| if c == '\n' { '\r' } else { c }));
    }

    pub(crate) fn text(&self) -> &str {
        &self.0
    }
}
