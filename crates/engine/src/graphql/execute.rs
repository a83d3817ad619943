//! Answers a request of a GraphQL API that has resolvers: its fields by resolvers, the rest by the API's backend.
//!
//! `forward-request` calls [`forward`]. Source: the GraphQL specification, section 6. What must stay true: depth, resolver
//! calls, values, bytes and time are bounded; siblings of a query run side by side, those of a mutation one after the other;
//! an error of a field is null there, or in the nearest place that may be null, and stands among the errors.

mod arguments;
mod backend;
mod collect;
mod complete;
mod event;
mod leaf;

pub(super) use complete::public;
pub(super) use event::Subscribed;

use super::GraphQl;
use super::document::Document;
use super::error::{self, Error};
use super::request::GraphQlRequest;
use super::socket;
use crate::exchange::{Attempt, BodyState, Exchange, Response};
use crate::failure::Failure;
use crate::services::SendOptions;
use crate::step::Needs;
use apollo_compiler::Name;
use apollo_compiler::introspection;
use apollo_compiler::request::coerce_variable_values;
use apollo_compiler::response::JsonValue;
use bytes::Bytes;
use complete::Source;
use http::{HeaderValue, Method, StatusCode, header};
use serde_json::{Map, Value as Json};
use std::cell::{Cell, RefCell};
use tokio::sync::Semaphore;

/// Most calls of resolvers for one request.
const MOST_CALLS: usize = 1000;

/// Most of them at one time.
const MOST_AT_ONCE: usize = 32;

/// Most values of one answer: objects, items and leaves.
const MOST_VALUES: usize = 200_000;

/// Answers the exchange's request if a resolver has a part in it; `false`: it is the backend's alone.
pub(crate) async fn forward(
    rq: &mut Exchange,
    options: SendOptions,
    redirects: u32,
) -> Result<bool, Box<Failure>> {
    let snapshot = rq.snapshot.clone();
    let api = rq.api.map(|at| &snapshot.apis[at as usize]);
    let Some(graphql) = api.and_then(|api| api.graphql.as_deref()) else {
        return Ok(false);
    };
    if rq.resolving.is_some() {
        return Ok(false);
    }
    if rq.asks_for_websocket() {
        return Ok(socket::opening::answer(rq, graphql, options));
    }
    if graphql.resolvers.is_empty() {
        return Ok(false);
    }
    let needs = Needs {
        request_body: rq.request.method != Method::GET,
        ..Needs::default()
    };
    rq.buffer(needs, "forward-request").await?;
    let limit = snapshot.gateway.max_buffered_body;
    let has_backend = rq.has_backend();
    let request = match GraphQlRequest::of(rq, limit) {
        Ok(request) => request,
        // A server may take what is none here: a batch, the id of a stored document.
        Err(_) if has_backend => return Ok(false),
        Err(why) => {
            refuse(&[Error::new(why)], rq);
            return Ok(true);
        }
    };
    let document = match Document::read(&graphql.schema, &request) {
        Ok(document) => document,
        Err(errors) => {
            refuse(&errors, rq);
            return Ok(true);
        }
    };
    if has_backend && !backend::has_resolvers(graphql, &document) {
        return Ok(false);
    }
    let work = answer(rq, graphql, &request, &document, options, redirects);
    let answer = work.await?;
    match answer {
        Ok(body) => put(StatusCode::OK, &body, rq),
        Err(errors) => refuse(&errors, rq),
    }
    Ok(true)
}

/// The answer, or the errors of a request that is not executed.
pub(crate) async fn answer(
    rq: &mut Exchange,
    graphql: &GraphQl,
    request: &GraphQlRequest,
    document: &Document,
    options: SendOptions,
    redirects: u32,
) -> Result<Result<Json, Vec<Error>>, Box<Failure>> {
    let operation = document.operation();
    let refused = |why: &str| Ok(Err(vec![Error::new(why)]));
    if operation.is_subscription() {
        return refused(
            "Subscriptions are not answered over HTTP: open a WebSocket with the sub-protocol `graphql-transport-ws`.",
        );
    }
    if rq.request.method == Method::GET && !operation.is_query() {
        return refused("A GET can only be a query.");
    }
    let asked = match asked(graphql, request, document) {
        Ok(asked) => asked,
        Err(errors) => return Ok(Err(errors)),
    };
    let (data, errors) = match backend::rest(graphql, document) {
        Some(query) if rq.has_backend() => {
            backend::ask(rq, request, query, options, redirects).await?
        }
        _ => (None, Vec::new()),
    };
    let execution = Execution {
        outer: rq,
        graphql,
        document,
        variables: asked.variables,
        introspection: asked.introspection,
        data,
        event: None,
        state: State::new(),
    };
    let done = execution.root_within(options).await;
    let State {
        errors: own,
        attempts,
        ..
    } = execution.state;
    rq.attempts.extend(attempts.into_inner());
    let data = done?;
    let own = own.into_inner();
    let own = own.iter().map(Error::json);
    let errors = errors.into_iter().chain(own);
    Ok(Ok(Json::Object(body(data, errors))))
}

/// An answer: `errors`, where there are some, and `data`.
fn body(data: Json, errors: impl Iterator<Item = Json>) -> Map<String, Json> {
    let errors: Vec<Json> = errors.take(error::MOST).collect();
    let mut body = Map::new();
    if !errors.is_empty() {
        body.insert(String::from("errors"), Json::Array(errors));
    }
    body.insert(String::from("data"), data);
    body
}

fn late(options: SendOptions) -> Box<Failure> {
    let why = format!("The resolvers did not answer within {:?}.", options.timeout);
    Failure::internal("", "Timeout", why)
}

/// What is known before anything runs.
struct Asked {
    variables: Map<String, Json>,
    introspection: Map<String, Json>,
}

fn asked(
    graphql: &GraphQl,
    request: &GraphQlRequest,
    document: &Document,
) -> Result<Asked, Vec<Error>> {
    let (schema, whole) = (&graphql.schema, document.whole());
    let operation = document.operation();
    let refused = |e: apollo_compiler::request::RequestError| {
        vec![Error::of(&e.to_graphql_error(&whole.sources))]
    };
    let JsonValue::Object(raw) = JsonValue::from(Json::Object(request.variables.clone())) else {
        return Err(vec![Error::new("`variables` is not an object.")]);
    };
    let variables = coerce_variable_values(schema.types(), operation, &raw).map_err(refused)?;
    let mut roots = operation.root_fields(whole);
    let of_schema = roots.any(|field| matches!(field.name.as_str(), "__schema" | "__type"));
    let mut introspected = Map::new();
    if of_schema && operation.is_query() {
        introspection::check_max_depth(whole, operation).map_err(refused)?;
        let found = introspection::partial_execute(
            schema.types(),
            schema.implementers(),
            whole,
            operation,
            &variables,
        )
        .map_err(refused)?;
        if let Ok(Json::Object(data)) = serde_json::to_value(&found.data) {
            introspected = data;
        }
    }
    let variables = match serde_json::to_value(&*variables) {
        Ok(Json::Object(variables)) => variables,
        _ => Map::new(),
    };
    Ok(Asked {
        variables,
        introspection: introspected,
    })
}

/// One request under way.
struct Execution<'a> {
    outer: &'a Exchange,
    graphql: &'a GraphQl,
    document: &'a Document,
    /// Coerced.
    variables: Map<String, Json>,
    /// What the schema itself answers, by response key.
    introspection: Map<String, Json>,
    /// What the backend answered, by response key.
    data: Option<Map<String, Json>>,
    /// The event that a subscription is executed on; nothing is published meanwhile.
    event: Option<&'a Json>,
    state: State,
}

/// What grows while it runs.
struct State {
    errors: RefCell<Vec<Error>>,
    calls: Cell<usize>,
    values: Cell<usize>,
    bytes: Cell<usize>,
    attempts: RefCell<Vec<Attempt>>,
    seats: Semaphore,
}

impl State {
    fn new() -> State {
        State {
            errors: RefCell::new(Vec::new()),
            calls: Cell::new(0),
            values: Cell::new(0),
            bytes: Cell::new(0),
            attempts: RefCell::default(),
            seats: Semaphore::new(MOST_AT_ONCE),
        }
    }
}

impl Execution<'_> {
    /// `data`, unless it takes longer than `forward-request` allows.
    async fn root_within(&self, options: SendOptions) -> Result<Json, Box<Failure>> {
        tokio::select! {
            biased;
            data = self.root() => Ok(data),
            () = self.outer.services.clock.sleep(options.timeout) => Err(late(options)),
        }
    }

    /// `data`.
    async fn root(&self) -> Json {
        let operation = self.document.operation();
        let types = self.graphql.schema.types();
        let Some(object) = types.get_object(operation.object_type()) else {
            return Json::Null;
        };
        let sets = vec![&operation.selection_set];
        let serial = operation.is_mutation();
        let source = self.event.map_or(Source::Root, Source::Given);
        let data = self.object(object, source, sets, None, serial);
        data.await.unwrap_or(Json::Null)
    }

    fn error(&self, error: Error) {
        let mut errors = self.state.errors.borrow_mut();
        if errors.len() < error::MOST {
            errors.push(error);
        }
    }
}

impl Exchange {
    /// Whether the request has somewhere to go.
    pub(super) fn has_backend(&self) -> bool {
        use crate::exchange::TargetBase;
        match &self.request.target.base {
            TargetBase::ServiceUrl => self.api().is_some_and(|api| api.service_url.is_some()),
            TargetBase::Backend(_) | TargetBase::Url(_) => true,
        }
    }
}

/// Whether a field has a resolver in a type, or in one of those that it stands for.
fn has_field(graphql: &GraphQl, name: &Name, field: &Name) -> bool {
    let mut types = graphql.schema.possible(name).into_iter();
    types.any(|name| graphql.resolver(name, field).is_some())
}

pub(super) fn refuse(errors: &[Error], rq: &mut Exchange) {
    put(StatusCode::BAD_REQUEST, &error::refusal(errors), rq);
}

/// The answer, as the caller wants it: as JSON, or as GraphQL's own type.
pub(super) fn put(status: StatusCode, body: &Json, rq: &mut Exchange) {
    const OWN: &str = "application/graphql-response+json";
    let accepted = rq.request.headers.get_all(header::ACCEPT).iter();
    let mut accepted = accepted.filter_map(|value| value.to_str().ok());
    let content_type = if accepted.any(|value| value.contains(OWN)) {
        OWN
    } else {
        "application/json"
    };
    let mut response = Response::new(status);
    let content_type = HeaderValue::from_static(content_type);
    response.headers.insert(header::CONTENT_TYPE, content_type);
    response.body = BodyState::Buffered(Bytes::from(body.to_string()));
    rq.response = Some(response);
}
