//! The opening handshake (RFC 6455, section 4.2), as an answer that policies of `outbound` still see.
//!
//! What must stay true: a request that is not answered with 101 has an answer that says why; where the messages would go to
//! the API's backend unseen, no rule for them is passed over.

use super::{PROTOCOL, Socket};
use crate::exchange::{Exchange, Response};
use crate::graphql::GraphQl;
use crate::graphql::error;
use crate::graphql::error::Error;
use crate::graphql::execute::{put, refuse};
use crate::services::SendOptions;
use aws_lc_rs::digest::{SHA1_FOR_LEGACY_USE_ONLY, digest};
use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use http::{HeaderMap, HeaderValue, StatusCode, header};

/// The constant of RFC 6455, section 1.3.
const GUID: &str = "258EAFA5-E914-47DA-95CA-C5AB0DC85B11";

impl Exchange {
    /// Whether the caller asks for a WebSocket.
    pub(crate) fn asks_for_websocket(&self) -> bool {
        self.request.upgrade.is_some()
            && names(&self.request.headers, &header::UPGRADE, "websocket")
    }
}

/// Whether a header's list of words has a word.
fn names(headers: &HeaderMap, name: &http::HeaderName, word: &str) -> bool {
    let values = headers.get_all(name).iter();
    let mut words = values
        .filter_map(|value| value.to_str().ok())
        .flat_map(|value| value.split(','));
    words.any(|one| one.trim().eq_ignore_ascii_case(word))
}

/// Answers a handshake where the API answers subscriptions itself; `false`: it goes to the backend.
pub(crate) fn answer(rq: &mut Exchange, graphql: &GraphQl, options: SendOptions) -> bool {
    let ours = !graphql.resolvers.is_empty() && (graphql.publishes || !rq.has_backend());
    if !ours {
        let ruled = rq.graphql_socket.is_some();
        if ruled {
            let why = "The messages of a WebSocket go to the backend as they are, and `validate-graphql-request` is in effect.";
            refuse(&[Error::new(why)], rq);
        }
        return ruled;
    }
    match accepted(&rq.request.headers) {
        Ok(accept) => {
            let mut response = Response::new(StatusCode::SWITCHING_PROTOCOLS);
            let headers = &mut response.headers;
            headers.insert(header::CONNECTION, HeaderValue::from_static("Upgrade"));
            headers.insert(header::UPGRADE, HeaderValue::from_static("websocket"));
            headers.insert(header::SEC_WEBSOCKET_ACCEPT, accept);
            let protocol = HeaderValue::from_static(PROTOCOL);
            headers.insert(header::SEC_WEBSOCKET_PROTOCOL, protocol);
            rq.response = Some(response);
            let socket: &mut Socket = rq.graphql_socket.get_or_insert_default();
            socket.options = Some(options);
        }
        Err((status, why)) => {
            put(status, &error::refusal(&[Error::new(why)]), rq);
            if status == StatusCode::UPGRADE_REQUIRED {
                let headers = &mut rq.response_mut().headers;
                let version = HeaderValue::from_static("13");
                headers.insert(header::SEC_WEBSOCKET_VERSION, version);
            }
        }
    }
    true
}

/// `Sec-WebSocket-Accept`.
fn accepted(headers: &HeaderMap) -> Result<HeaderValue, (StatusCode, &'static str)> {
    let bad = |why| (StatusCode::BAD_REQUEST, why);
    let version = headers.get(header::SEC_WEBSOCKET_VERSION);
    if version.is_none_or(|version| version != "13") {
        let why = "The version of the WebSocket protocol is not 13.";
        return Err((StatusCode::UPGRADE_REQUIRED, why));
    }
    let key = headers.get(header::SEC_WEBSOCKET_KEY);
    let key = key.and_then(|key| key.to_str().ok()).map(str::trim);
    let key = key.filter(|key| BASE64_STANDARD.decode(key).is_ok_and(|key| key.len() == 16));
    let key = key.ok_or_else(|| bad("`Sec-WebSocket-Key` is not 16 bytes in Base64."))?;
    if !names(headers, &header::SEC_WEBSOCKET_PROTOCOL, PROTOCOL) {
        return Err(bad(
            "`Sec-WebSocket-Protocol` does not offer `graphql-transport-ws`, the sub-protocol of the package graphql-ws.",
        ));
    }
    let hash = digest(&SHA1_FOR_LEGACY_USE_ONLY, format!("{key}{GUID}").as_bytes());
    HeaderValue::from_str(&BASE64_STANDARD.encode(hash))
        .map_err(|_| bad("`Sec-WebSocket-Key` cannot be answered."))
}
