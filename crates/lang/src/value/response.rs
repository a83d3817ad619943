//! A response held as a value: what `send-request` puts into a variable and `return-response` sends.
//!
//! The engine builds it; expressions see it as `IResponse`.

use super::Str;
use bytes::Bytes;
use http::HeaderMap;
use std::cell::RefCell;

/// An `IResponse`.
#[derive(Debug)]
pub struct Response {
    /// Status code.
    pub status: u16,
    /// Reason phrase.
    pub reason: Str,
    /// Headers.
    pub headers: HeaderMap,
    /// The whole body, decompressed; `None` after a read without `preserveContent`, or when there is none.
    pub body: RefCell<Option<Bytes>>,
}

impl Response {
    /// A response with its body.
    pub fn new(
        status: u16,
        reason: impl Into<Str>,
        headers: HeaderMap,
        body: Option<Bytes>,
    ) -> Response {
        Response {
            status,
            reason: reason.into(),
            headers,
            body: RefCell::new(body),
        }
    }
}
