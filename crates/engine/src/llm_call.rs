//! What the gateway knows of a model call: read once from the request, completed by the response.
//!
//! Shared by the token, metric and semantic-cache policies through the exchange; they do not know each other.

use bytes::Bytes;
use http::{HeaderMap, StatusCode};

/// A model call.
#[derive(Debug, Default)]
pub struct LlmCall {}

/// An answer kept by the semantic cache.
#[derive(Clone, Debug)]
pub struct CachedAnswer {
    /// Status.
    pub status: StatusCode,
    /// Headers worth keeping.
    pub headers: HeaderMap,
    /// The whole body.
    pub body: Bytes,
}
