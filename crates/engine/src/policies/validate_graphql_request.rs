//! `validate-graphql-request`: holds a GraphQL request to the API's schema, to bounds, and to rules on its fields.
//!
//! Reading and rules are [`crate::graphql`]'s. What must stay true: what goes on is what was looked at; a removed field is
//! told to the caller among the errors of the answer.

use crate::LocalBoxFuture;
use crate::body::coding::Coding;
use crate::compile::{
    Arg, Compile, Content, Kind, Once, PolicyDef, Scopes, Sections, Word, attribute, child,
};
use crate::exchange::{BodyState, Deferred, Exchange, Hold, Response, forget_body};
use crate::failure::Failure;
use crate::graphql::access::{Action, Pattern};
use crate::graphql::error::{self, Error};
use crate::graphql::request::GraphQlRequest;
use crate::graphql::rules::{self, MessageRules};
use crate::step::{Flow, Step};
use bytes::Bytes;
use http::{HeaderValue, Method, StatusCode, header};
use serde_json::Value as Json;
use std::sync::Arc;
use tollgate_lang::Diagnostic;
use tollgate_lang::document::Element;
use tollgate_lang::value::{Str, Token, Value};

/// Largest `max-size`, in bytes, as in API Management.
const LARGEST: i64 = 102_400;

/// The variable that every error reaches.
const ERRORS: &str = "GraphQLErrors";

/// The element.
pub const DEF: PolicyDef = PolicyDef {
    name: "validate-graphql-request",
    sections: Sections::INBOUND,
    scopes: Scopes::GLOBAL
        .or(Scopes::WORKSPACE)
        .or(Scopes::PRODUCT)
        .or(Scopes::API),
    once: Once::PerSection,
    attributes: &[
        attribute(
            "error-variable-name",
            Kind::Text,
            "variable that gets the errors, as `GraphQLErrors` does: a `JArray` of objects with `message`, `locations` and `path`",
        )
        .expression(),
        attribute(
            "max-size",
            Kind::Int(1, LARGEST),
            "most bytes of the request: of the body, not compressed, or of the query string of a GET",
        )
        .required()
        .expression(),
        attribute(
            "max-depth",
            Kind::Int(1, i32::MAX as i64),
            "how many fields may stand inside one another",
        )
        .expression()
        .default("6"),
    ],
    children: &[child(
        "authorize",
        Content::Empty,
        "which fields may be asked for; of several rules that mean a field the most specific path decides",
    )
    .times(0, 1)
    .children(&[child("rule", Content::Empty, "a rule").times(1, u32::MAX).attributes(&[
        attribute(
            "path",
            Kind::Text,
            "what it is about: `/Type/field`, `/Type`, `/field` of a query, mutation or subscription, `/__*` for introspection, or `/`; a part may end in `*`",
        )
        .required(),
        attribute(
            "action",
            Kind::OneOf(&Action::WORDS),
            "`allow`; `remove`: the field is taken out of the request, and the answer's `errors` tell of it; `reject`: the request is refused; `ignore`: the next rule decides",
        )
        .expression()
        .default("allow"),
    ])])],
    content: Content::Empty,
    doc: "Refuses, with 400 and GraphQL's `errors`, requests that do not conform to the API's schema, are too large or too deep, have more than 250 fields, or ask for what a rule rejects.\n\nThe API must be a GraphQL API with a schema: see [GraphQL](../graphql.md). In other APIs the policy of a wider scope does nothing.",
    compile,
};

fn compile(element: &Element, cx: &mut Compile<'_>) -> Option<Box<dyn Step>> {
    cx.contract().graphql = true;
    let variable = element.attribute("error-variable-name");
    let variable = variable.map(|_| cx.arg::<Str>(element, "error-variable-name"));
    let max_size = cx.arg(element, "max-size");
    let max_depth = cx.arg(element, "max-depth");
    let rules = element.elements().flat_map(Element::elements);
    let rules: Vec<Option<(Pattern, Word)>> = rules.map(|rule| compile_rule(rule, cx)).collect();
    let rules: Option<Vec<(Pattern, Word)>> = rules.into_iter().collect();
    let (patterns, actions) = rules?.into_iter().unzip();
    cx.step(ValidateGraphQlRequest {
        variable: match variable {
            Some(variable) => Some(variable?),
            None => None,
        },
        max_size: max_size?,
        max_depth: max_depth?,
        patterns: Vec::into(patterns),
        actions,
    })
}

fn compile_rule(rule: &Element, cx: &mut Compile<'_>) -> Option<(Pattern, Word)> {
    let path = &rule.attribute("path")?.value;
    let pattern = Pattern::parse(&path.text);
    if pattern.is_none() {
        let message = format!("`{}` is not a path of a rule", path.text.trim());
        let fault = Diagnostic::error("TG0572", path.span, message)
            .label("expected `/Type/field`, `/Type`, `/field`, `/__*` or `/`")
            .help("names are those of the GraphQL schema; `*` may stand at the end of each");
        cx.report(fault);
    }
    let action = match rule.attribute("action") {
        Some(attribute) => {
            let arg = cx.text_arg(&attribute.value)?;
            Word::of(arg, rule, "action", &Action::WORDS, cx)?
        }
        None => Word::Known(0),
    };
    Some((pattern?, action))
}

#[derive(Debug)]
struct ValidateGraphQlRequest {
    variable: Option<Arg<Str>>,
    max_size: Arg<i64>,
    max_depth: Arg<i64>,
    patterns: Arc<[Pattern]>,
    actions: Vec<Word>,
}

impl Step for ValidateGraphQlRequest {
    fn run(&self, rq: &mut Exchange) -> Flow {
        if rq.api().is_none_or(|api| api.graphql.is_none()) {
            return Flow::Next;
        }
        if rq.asks_for_websocket() {
            return self.hold_messages(rq).unwrap_or_else(Flow::Fail);
        }
        if matches!(rq.request.body, BodyState::Streaming(_)) && rq.request.method != Method::GET {
            return Flow::Wait;
        }
        self.validate(rq).unwrap_or_else(Flow::Fail)
    }

    fn wait<'a>(&'a self, rq: &'a mut Exchange) -> LocalBoxFuture<'a, Flow> {
        Box::pin(async move { self.read(rq).await.unwrap_or_else(Flow::Fail) })
    }

    fn may_wait(&self) -> bool {
        true
    }
}

impl ValidateGraphQlRequest {
    async fn read(&self, rq: &mut Exchange) -> Result<Flow, Box<Failure>> {
        let limit = self.limit(rq)?;
        rq.keep_body_within(limit).await?;
        self.validate(rq)
    }

    fn limit(&self, rq: &mut Exchange) -> Result<usize, Box<Failure>> {
        let bytes = self.max_size.get(rq)?;
        let fits = (1..=LARGEST).contains(&bytes);
        let limit = usize::try_from(bytes).ok().filter(|_| fits);
        limit.ok_or_else(|| {
            let why = format!("`max-size` cannot be {bytes}: expected 1 to {LARGEST}.");
            Failure::internal("", "", why)
        })
    }

    fn depth(&self, rq: &mut Exchange) -> Result<usize, Box<Failure>> {
        Ok(usize::try_from(self.max_depth.get(rq)?).unwrap_or(0))
    }

    /// The handshake of a WebSocket: what is asked of its messages is known now.
    fn hold_messages(&self, rq: &mut Exchange) -> Result<Flow, Box<Failure>> {
        let max_size = self.limit(rq)?;
        let max_depth = self.depth(rq)?;
        let mut actions = Vec::with_capacity(self.actions.len());
        for action in &self.actions {
            actions.push(Action::of(action.get(rq)?));
        }
        let socket = rq.graphql_socket.get_or_insert_default();
        socket.rules.push(MessageRules {
            max_size,
            max_depth,
            patterns: self.patterns.clone(),
            actions,
        });
        Ok(Flow::Next)
    }

    fn validate(&self, rq: &mut Exchange) -> Result<Flow, Box<Failure>> {
        let limit = self.limit(rq)?;
        let max_depth = self.depth(rq)?;
        // What the API was compiled to outlives this request's walk over it.
        let snapshot = rq.snapshot.clone();
        let api = rq.api.map(|at| &snapshot.apis[at as usize]);
        let Some(graphql) = api.and_then(|api| api.graphql.as_deref()) else {
            return Ok(Flow::Next);
        };
        let request = match GraphQlRequest::of(rq, limit) {
            Ok(request) => request,
            Err(why) => return self.refuse(vec![Error::new(why)], rq),
        };
        let queries = rq.request.method == Method::GET;
        let mut action = |at: usize| self.actions[at].get(rq).map(Action::of);
        let (schema, patterns) = (&graphql.schema, &self.patterns);
        let held = rules::hold(schema, &request, queries, max_depth, patterns, &mut action);
        let access = match held? {
            Ok(access) => access,
            Err(errors) => return self.refuse(errors, rq),
        };
        if !access.removed.is_empty() {
            self.tell(&access.removed, rq)?;
            if let Some(query) = access.document {
                put_back(GraphQlRequest { query, ..request }, rq);
            }
            rq.hold(Hold::Whole);
            rq.deferred.push(Box::new(Removed {
                errors: access.removed,
            }));
        }
        Ok(Flow::Next)
    }

    /// Puts errors into the variables.
    fn tell(&self, errors: &[Error], rq: &mut Exchange) -> Result<(), Box<Failure>> {
        let own = match &self.variable {
            Some(variable) => Some(variable.get(rq)?),
            None => None,
        };
        for variable in own.into_iter().chain([Str::from(ERRORS)]) {
            let before = rq.variable(&variable).map(Value::to_text);
            let mut all: Vec<Json> = before
                .and_then(|text| serde_json::from_str(&text).ok())
                .unwrap_or_default();
            all.extend(errors.iter().map(Error::json));
            if let Some(token) = Token::of_json(&Json::Array(all).to_string()) {
                rq.set_variable(&variable, Value::Token(token));
            }
        }
        Ok(())
    }

    /// A request error: `errors` without `data`.
    fn refuse(&self, errors: Vec<Error>, rq: &mut Exchange) -> Result<Flow, Box<Failure>> {
        self.tell(&errors, rq)?;
        let mut response = Response::new(StatusCode::BAD_REQUEST);
        let json = HeaderValue::from_static("application/json");
        response.headers.insert(header::CONTENT_TYPE, json);
        response.body = BodyState::Buffered(Bytes::from(error::refusal(&errors).to_string()));
        rq.response = Some(response);
        let first = errors.into_iter().next().map(|e| e.message);
        let message = first.unwrap_or_default();
        let mut failure = Failure::refused("", "Bad request", StatusCode::BAD_REQUEST, message);
        failure.keep_response = true;
        Ok(Flow::Fail(failure))
    }
}

/// Sends on another document.
fn put_back(request: GraphQlRequest, rq: &mut Exchange) {
    if rq.request.method == Method::GET {
        let query = request.over_query(rq.target_query().unwrap_or_default());
        rq.request.target.query = Some(Arc::from(query));
        return;
    }
    let json = HeaderValue::from_static("application/json");
    rq.request.headers.insert(header::CONTENT_TYPE, json);
    rq.replace_body(request.to_body());
}

/// Tells the caller of fields that were taken out.
struct Removed {
    errors: Vec<Error>,
}

impl Deferred for Removed {
    fn on_response(&mut self, rq: &mut Exchange) {
        let limit = rq.snapshot.gateway.max_buffered_body;
        let Some(response) = &mut rq.response else {
            return;
        };
        let BodyState::Buffered(bytes) = &response.body else {
            return;
        };
        let plain = Coding::of(&response.headers).undo(bytes, limit);
        let answer = plain.and_then(|plain| serde_json::from_slice(&plain).ok());
        // Whatever is no answer of GraphQL's passes as it is.
        let Some(Json::Object(mut answer)) = answer else {
            return;
        };
        let mut errors = match answer.shift_remove("errors") {
            Some(Json::Array(errors)) => errors,
            _ => Vec::new(),
        };
        errors.extend(self.errors.iter().map(Error::json));
        answer.insert(String::from("errors"), Json::Array(errors));
        forget_body(&mut response.headers);
        response.body = BodyState::Buffered(Bytes::from(Json::Object(answer).to_string()));
    }
}
