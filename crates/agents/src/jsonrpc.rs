//! JSON-RPC 2.0 messages: what a gateway must know of one, without reading its arguments, and the answers it makes.
//!
//! What must stay true: what is peeked here is what a server behind the gateway reads. A name that stands twice, or in
//! another case (some servers read names without case), is therefore refused; an id goes back byte for byte.

mod envelope;

pub use envelope::{Envelope, Kind, Malformed, Meta, Params};

use serde_json::value::RawValue;
use std::borrow::Cow;

/// Codes of errors. Source: JSON-RPC 2.0, and the MCP specification of 2026-07-28 for the last three.
pub mod code {
    /// Not JSON.
    pub const PARSE_ERROR: i64 = -32700;
    /// JSON, but not a request.
    pub const INVALID_REQUEST: i64 = -32600;
    /// No such method.
    pub const METHOD_NOT_FOUND: i64 = -32601;
    /// The parameters do not fit; also an unknown tool.
    pub const INVALID_PARAMS: i64 = -32602;
    /// The server's own fault.
    pub const INTERNAL_ERROR: i64 = -32603;
    /// A header says something else than the body.
    pub const HEADER_MISMATCH: i64 = -32020;
    /// The request lacks a client capability that it needs.
    pub const MISSING_CLIENT_CAPABILITY: i64 = -32021;
    /// The server does not speak the version.
    pub const UNSUPPORTED_VERSION: i64 = -32022;
    /// Too many calls: an application's code, outside the reserved range.
    pub const TOO_MANY_REQUESTS: i64 = 42900;
}

/// Longest id that is taken, in bytes of JSON.
pub const LONGEST_ID: usize = 512;

/// A request's id as its JSON text: a string or a whole number.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Id<'a>(&'a str);

impl<'a> Id<'a> {
    /// Takes the JSON text of an id; `None` when it is neither string nor whole number, or too long.
    pub fn from_json(text: &'a str) -> Option<Id<'a>> {
        let text = text.trim_ascii();
        let well_formed = match text.as_bytes() {
            [b'"', .., b'"'] => serde_json::from_str::<&RawValue>(text).is_ok(),
            [b'-', rest @ ..] | rest => !rest.is_empty() && rest.iter().all(u8::is_ascii_digit),
        };
        (well_formed && text.len() <= LONGEST_ID).then_some(Id(text))
    }

    /// The JSON text.
    pub fn json(self) -> &'a str {
        self.0
    }
}

/// A result for the caller's id; `result` is JSON.
pub fn result(id: Id<'_>, result: &str) -> String {
    format!(
        r#"{{"jsonrpc":"2.0","id":{},"result":{result}}}"#,
        id.json()
    )
}

/// An error. Without an id it is `null`, as JSON-RPC wants where none could be read. `data` is JSON.
pub fn error(id: Option<Id<'_>>, code: i64, message: &str, data: Option<&str>) -> String {
    let id = id.map_or("null", Id::json);
    let message = string(message);
    match data {
        None => format!(
            r#"{{"jsonrpc":"2.0","id":{id},"error":{{"code":{code},"message":{message}}}}}"#
        ),
        Some(data) => format!(
            r#"{{"jsonrpc":"2.0","id":{id},"error":{{"code":{code},"message":{message},"data":{data}}}}}"#
        ),
    }
}

/// A notification; `params` is JSON.
pub fn notification(method: &str, params: &str) -> String {
    format!(
        r#"{{"jsonrpc":"2.0","method":{},"params":{params}}}"#,
        string(method)
    )
}

/// A text as JSON.
pub fn string(text: &str) -> Cow<'static, str> {
    match serde_json::to_string(text) {
        Ok(json) => Cow::Owned(json),
        Err(_) => Cow::Borrowed("\"\""),
    }
}

#[cfg(test)]
mod tests;
