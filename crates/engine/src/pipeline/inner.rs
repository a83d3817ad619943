//! An exchange inside another: the call of an operation that a tool stands for.
//!
//! The MCP server's exchange has run the documents of the global scope, of the product and of the MCP server; the inner
//! one runs those of the operation and of its API, around a plain `forward-request`. What must stay true: it settles
//! by itself like any other, and its record says that it is inner, so that the caller's request counts once.

use super::{Chain, ScopeRef, answer, ended, sections};
use crate::exchange::{BodyState, Exchange, Request, Target, TargetBase};
use crate::graphql::resolver::Resolving;
use crate::mcp::ToolOperation;
use crate::settle::AnswerBody;
use bytes::Bytes;
use http::{HeaderMap, HeaderValue, Method, header, uri::PathAndQuery};
use smallvec::SmallVec;
use std::rc::Rc;
use tollgate_lang::value::Str;

/// Which tool an inner exchange is the call of.
#[derive(Clone, Debug)]
pub struct InnerCall {
    /// The MCP server: index of its API.
    pub server: u32,
    /// The tool's name.
    pub tool: Str,
}

/// The request of an inner exchange.
pub(crate) struct InnerRequest {
    /// The operation.
    pub(crate) operation: ToolOperation,
    /// The tool.
    pub(crate) tool: Str,
    /// Verb.
    pub(crate) method: Method,
    /// Path and query below the host.
    pub(crate) path_and_query: PathAndQuery,
    /// Bytes of the path that belong to the API.
    pub(crate) api_path_len: usize,
    /// Headers.
    pub(crate) headers: HeaderMap,
    /// Body.
    pub(crate) body: BodyState,
    /// Template parameters.
    pub(crate) matched: SmallVec<[(Str, Str); 4]>,
}

/// The exchange of a resolver, for the caller of `outer`: with the same subscription, product, user and variables. What it
/// sends is told by the caller's own exchange, which settles for it.
pub(crate) fn of_resolver(
    outer: &Exchange,
    request: Request,
    resolving: Rc<Resolving>,
) -> Box<Exchange> {
    let snapshot = outer.snapshot.clone();
    let mut rq = Exchange::new(snapshot, outer.services.clone(), outer.id, request);
    rq.settled_by_another();
    of_caller(&mut rq, outer);
    rq.api = outer.api;
    rq.operation = outer.operation;
    rq.resolving = Some(resolving);
    rq.chain = Chain {
        scopes: outer.api.map(ScopeRef::Api).into_iter().collect(),
        depth: 0,
    };
    rq
}

/// The exchange of an operation that came as a message over the socket of `outer`: a POST with the handshake's own headers,
/// to where a policy sent the handshake. `outer` settles for it.
pub(crate) fn of_message(outer: &Exchange, body: Bytes) -> Box<Exchange> {
    let handshake = &outer.request;
    let mut headers = handshake.headers.clone();
    for name in [
        header::CONNECTION,
        header::UPGRADE,
        header::SEC_WEBSOCKET_EXTENSIONS,
        header::SEC_WEBSOCKET_KEY,
        header::SEC_WEBSOCKET_PROTOCOL,
        header::SEC_WEBSOCKET_VERSION,
    ] {
        headers.remove(name);
    }
    let json = HeaderValue::from_static("application/json");
    headers.insert(header::CONTENT_TYPE, json);
    let request = Request {
        original_method: Method::POST,
        method: Method::POST,
        scheme: handshake.scheme,
        authority: handshake.authority.clone(),
        path_and_query: handshake.path_and_query.clone(),
        api_path_len: handshake.api_path_len,
        headers,
        body: BodyState::Buffered(body),
        client_ip: handshake.client_ip,
        on_loopback: handshake.on_loopback,
        client_certificate: handshake.client_certificate.clone(),
        matched: handshake.matched.clone(),
        target: handshake.target.clone(),
        upgrade: None,
    };
    let snapshot = outer.snapshot.clone();
    let mut rq = Exchange::new(snapshot, outer.services.clone(), outer.id, request);
    rq.settled_by_another();
    of_caller(&mut rq, outer);
    rq.api = outer.api;
    rq.operation = outer.operation;
    rq.section = outer.section;
    rq.chain = Chain {
        scopes: outer.api.map(ScopeRef::Api).into_iter().collect(),
        depth: 0,
    };
    rq
}

/// What an inner exchange has of the caller of `outer`.
fn of_caller(rq: &mut Exchange, outer: &Exchange) {
    rq.probe = outer.probe.clone();
    rq.product = outer.product;
    rq.subscription = outer.subscription;
    rq.key = outer.key.clone();
    rq.child_key = outer.child_key.clone();
    rq.variables = outer.variables.clone();
}

/// Runs it for the caller of `outer`: with the same subscription, product, user and variables.
pub(crate) async fn serve(outer: &Exchange, inner: InnerRequest) -> http::Response<AnswerBody> {
    let snapshot = outer.snapshot.clone();
    let api = &snapshot.apis[inner.operation.api as usize];
    let request = Request {
        original_method: inner.method.clone(),
        method: inner.method,
        scheme: outer.request.scheme,
        authority: outer.request.authority.clone(),
        path_and_query: inner.path_and_query,
        api_path_len: inner.api_path_len,
        headers: inner.headers,
        body: inner.body,
        client_ip: outer.request.client_ip,
        on_loopback: outer.request.on_loopback,
        client_certificate: outer.request.client_certificate.clone(),
        matched: inner.matched,
        target: Target {
            base: api
                .backend
                .map_or(TargetBase::ServiceUrl, TargetBase::Backend),
            ..Target::default()
        },
        upgrade: None,
    };
    let mut rq = Exchange::new(snapshot.clone(), outer.services.clone(), outer.id, request);
    // What the global document set is there for the API's, as in a call without a tool.
    of_caller(&mut rq, outer);
    rq.api = Some(inner.operation.api);
    rq.operation = Some(inner.operation.operation);
    rq.inner = outer.api.map(|server| {
        Box::new(InnerCall {
            server,
            tool: inner.tool,
        })
    });
    rq.chain = Chain {
        scopes: SmallVec::from_slice(&[
            ScopeRef::Operation(inner.operation.api, inner.operation.operation),
            ScopeRef::Api(inner.operation.api),
            ScopeRef::Plain,
        ]),
        depth: 0,
    };
    rq.request.headers.remove(header::CONTENT_LENGTH);
    if let BodyState::Buffered(body) = &rq.request.body {
        rq.received_bytes = body.len() as u64;
    }
    if rq.services.ledger.is_some() {
        crate::accounting::begin(&mut rq);
    }
    let flow = sections(&mut rq, &snapshot).await;
    ended(&mut rq, &snapshot, flow).await;
    answer(rq)
}
