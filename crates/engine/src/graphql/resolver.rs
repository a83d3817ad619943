//! One call of a resolver: an exchange of its own, in which the resolver's document runs.
//!
//! Source: API Management, "Configure a GraphQL resolver". What must stay true: of the caller's request the resolver sees
//! address, identity and variables, and no header; what it gives is in memory, and bounded; it does not count as a request.

use crate::body::coding::Coding;
use crate::exchange::{Attempt, BodyState, Exchange, Request, Target};
use crate::failure::Failure;
use crate::pipeline::inner;
use crate::step::{Block, Flow, Needs};
use bytes::Bytes;
use http::{HeaderMap, HeaderName, HeaderValue, Method, header};
use serde_json::{Map, Value as Json, json};
use std::cell::{OnceCell, RefCell};
use std::rc::Rc;
use tollgate_lang::expr::host::GraphQlPart;
use tollgate_lang::value::{Str, Token, Value};

/// Headers that join what the resolver sends to the caller's trace.
static TRACE: [HeaderName; 3] = [
    HeaderName::from_static("traceparent"),
    HeaderName::from_static("tracestate"),
    HeaderName::from_static("baggage"),
];

/// A compiled resolver.
#[derive(Debug)]
pub struct Resolver {
    /// Its id.
    pub id: Str,
    /// Its data source.
    pub(crate) document: Block,
}

/// What a resolver is called with: `context.GraphQL`.
#[derive(Debug)]
pub struct Resolving {
    arguments: Map<String, Json>,
    parent: Option<Json>,
    /// Whether the field is a list.
    is_list: bool,
    /// The body that the request begins with.
    body: Bytes,
    tokens: [OnceCell<Value>; 2],
    /// Subscriptions that `publish-event` named.
    subscriptions: RefCell<Vec<Str>>,
}

impl Resolving {
    /// `parent`: none at the root. `is_list`: whether the field is one.
    pub(crate) fn new(
        arguments: Map<String, Json>,
        parent: Option<Json>,
        is_list: bool,
    ) -> Resolving {
        let body = Bytes::from(json!({ "arguments": &arguments }).to_string());
        Resolving {
            arguments,
            parent,
            is_list,
            body,
            tokens: [OnceCell::new(), OnceCell::new()],
            subscriptions: RefCell::default(),
        }
    }

    /// Has what the resolver gives published to fields of the subscription type, once it is there.
    pub(crate) fn publish(&self, fields: &[Str]) {
        self.subscriptions.borrow_mut().extend_from_slice(fields);
    }

    /// The arguments.
    pub(crate) fn arguments(&self) -> &Map<String, Json> {
        &self.arguments
    }

    /// Whether the field is a list.
    pub(crate) fn is_list(&self) -> bool {
        self.is_list
    }

    /// A member, the same object each time.
    pub(crate) fn part(&self, part: GraphQlPart) -> Value {
        let of = |json: &str| Token::of_json(json).map_or(Value::Null, Value::Token);
        let (at, make): (usize, &dyn Fn() -> Value) = match part {
            GraphQlPart::Arguments => (0, &|| match serde_json::to_string(&self.arguments) {
                Ok(text) => of(&text),
                Err(_) => Value::Null,
            }),
            GraphQlPart::Parent => (1, &|| match &self.parent {
                Some(parent) => of(&parent.to_string()),
                None => Value::Null,
            }),
        };
        self.tokens[at].get_or_init(make).clone()
    }
}

/// Whether the request's body is still the arguments that it began with.
pub(crate) fn holds_arguments(rq: &Exchange) -> bool {
    let (Some(resolving), BodyState::Buffered(body)) = (&rq.resolving, &rq.request.body) else {
        return false;
    };
    std::ptr::eq(body.as_ptr(), resolving.body.as_ptr()) && body.len() == resolving.body.len()
}

/// What a resolver gave.
pub(crate) struct Given {
    /// The body, not compressed.
    pub(crate) body: Bytes,
    /// Calls to upstreams.
    pub(crate) attempts: Vec<Attempt>,
    /// Fields of the subscription type that it is published to.
    pub(crate) subscriptions: Vec<Str>,
}

/// Runs a resolver. `outer`: the caller's exchange.
pub(crate) async fn call(
    outer: &Exchange,
    resolver: &Resolver,
    resolving: Resolving,
) -> Result<Given, Box<Failure>> {
    let resolving = Rc::new(resolving);
    let mut headers = HeaderMap::new();
    for name in &TRACE {
        if let Some(value) = outer.request.headers.get(name) {
            headers.insert(name.clone(), value.clone());
        }
    }
    let json = HeaderValue::from_static("application/json");
    headers.insert(header::CONTENT_TYPE, json);
    let request = Request {
        original_method: outer.request.original_method.clone(),
        method: Method::GET,
        scheme: outer.request.scheme,
        authority: outer.request.authority.clone(),
        path_and_query: outer.request.path_and_query.clone(),
        api_path_len: outer.request.path_and_query.path().len(),
        headers,
        body: BodyState::Buffered(resolving.body.clone()),
        client_ip: outer.request.client_ip,
        on_loopback: outer.request.on_loopback,
        client_certificate: outer.request.client_certificate.clone(),
        matched: outer.request.matched.clone(),
        target: Target {
            path: Some(Str::from("")),
            query: Some(Str::from("")),
            ..Target::default()
        },
        upgrade: None,
    };
    let mut rq = inner::of_resolver(outer, request, resolving.clone());
    let flow = resolver.document.run(&mut rq).await;
    if let Flow::Fail(failure) = flow {
        return Err(failure);
    }
    let needs = Needs {
        response_body: true,
        ..Needs::default()
    };
    rq.buffer(needs, "forward-request").await?;
    let limit = rq.snapshot.gateway.max_buffered_body;
    let body = match &rq.response {
        Some(response) => match &response.body {
            BodyState::Buffered(bytes) => Coding::of(&response.headers).undo(bytes, limit),
            _ => Some(Bytes::new()),
        },
        None => Some(Bytes::new()),
    };
    let body = body.ok_or_else(|| {
        let why = format!("The data source's answer is larger than {limit} bytes or is damaged.");
        Failure::internal("", "BackendConnectionFailure", why)
    })?;
    Ok(Given {
        body,
        attempts: rq.attempts.to_vec(),
        subscriptions: resolving.subscriptions.take(),
    })
}
