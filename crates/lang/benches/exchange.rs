//! The exchange that the benches evaluate in: a fixture, with its members made once, as in the gateway.
//!
//! Bodies are not used up, so that an expression can run again; each read costs what a first one does.

use bytes::Bytes;
use http::HeaderMap;
use serde_json::{Value as Json, json};
use std::cell::OnceCell;
use tollgate_lang::document::Text;
use tollgate_lang::expr::fixture::Fixture;
use tollgate_lang::expr::host::{BodyError, Entity, Field, Host, ListOf, Message, UrlOf, UrlParts};
use tollgate_lang::expr::{Expr, Target, compile};
use tollgate_lang::value::{Lent, Str, Value};
use tollgate_lang::{Diagnostics, Sources};

/// An expression of public documents.
pub(crate) struct Case {
    /// As written, with `@( )` or `@{ }`.
    pub(crate) text: String,
    /// Context fixture.
    pub(crate) context: Json,
}

/// The 100 most frequent expressions of public documents, most frequent first: those that differ only in their
/// literals count as one, and their names are made neutral.
pub(crate) fn cases() -> Vec<Case> {
    include_str!("expressions.jsonl")
        .lines()
        .map(|line| {
            let mut case: Json = serde_json::from_str(line).unwrap();
            let mut context = base();
            for (name, given) in case["context"].as_object().unwrap() {
                merge(&mut context[name], given);
            }
            Case {
                text: match case["expression"].take() {
                    Json::String(s) => s,
                    other => panic!("not an expression: {other}"),
                },
                context,
            }
        })
        .collect()
}

/// What every call brings.
fn base() -> Json {
    json!({
        "request": { "headers": {
            "Host": "gateway.example", "User-Agent": "client/1.0", "Accept": "application/json", "Accept-Encoding": "gzip, deflate",
            "Content-Type": "application/json", "api-key": "0123456789abcdef", "traceparent": "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"
        } },
        "response": { "headers": { "Content-Type": "application/json", "x-request-id": "77", "x-ms-region": "West Europe" } },
        "variables": { "started": "1", "tier": "free", "tenant": "a", "region": "westeurope" }
    })
}

fn merge(into: &mut Json, from: &Json) {
    match (into, from) {
        (Json::Object(into), Json::Object(from)) => {
            for (k, v) in from {
                let old = into.entry(k.clone()).or_insert(Json::Null);
                if v.get("$type").is_some() {
                    *old = v.clone();
                } else {
                    merge(old, v);
                }
            }
        }
        (into, from) => *into = from.clone(),
    }
}

/// Code and form of `@(…)` or `@{…}`.
pub(crate) fn code(expression: &str) -> (&str, bool) {
    let inner = &expression[2..expression.len() - 1];
    (inner, expression.starts_with("@{"))
}

/// Compiles an expression that is known to be right.
pub(crate) fn compiled(expression: &str) -> Expr {
    let (code, multi) = code(expression);
    let mut sources = Sources::default();
    let file = sources.add("case", code);
    let mut diagnostics = Diagnostics::default();
    compile(
        &Text::expression(file, code, multi),
        Target::Any,
        &mut diagnostics,
    )
    .unwrap_or_else(|| panic!("{expression}\n{}", diagnostics.render(&sources, false)))
}

/// The fixture with scalar members, objects and variables looked up once.
pub(crate) struct Exchange {
    fixture: Fixture,
    fields: Vec<OnceCell<Value>>,
    objects: Vec<OnceCell<bool>>,
    variables: Vec<(Str, Value)>,
    bodies: [Option<Bytes>; 2],
}

impl Exchange {
    pub(crate) fn new(context: &Json) -> Exchange {
        let mut plain = context.clone();
        let mut tokens = Vec::new();
        if let Some(all) = plain["variables"].as_object_mut() {
            all.retain(|name, v| {
                let is_token = v["$type"] == "Jwt";
                if is_token {
                    tokens.push((name.clone(), v["value"].as_str().unwrap().to_string()));
                }
                !is_token
            });
        }
        let mut fixture = Fixture::read(&plain).unwrap();
        for (name, token) in tokens {
            let jwt = compiled(&format!("@(\"{token}\".AsJwt())"))
                .eval(&mut fixture)
                .unwrap();
            fixture.set_variable(&name, jwt);
        }
        let bodies = [Message::Request, Message::Response].map(|m| fixture.body(m, true).ok());
        let variables = fixture
            .variable_names()
            .into_iter()
            .map(|n| (n.clone(), fixture.variable(&n).unwrap().clone()))
            .collect();
        Exchange {
            fixture,
            fields: vec![OnceCell::new(); Field::WorkspaceName as usize + 1],
            objects: vec![OnceCell::new(); Entity::Workspace as usize + 1],
            variables,
            bodies,
        }
    }
}

impl Host for Exchange {
    fn has(&self, entity: Entity) -> bool {
        *self.objects[entity as usize].get_or_init(|| self.fixture.has(entity))
    }
    fn field(&self, field: Field) -> Lent<'_> {
        let place = &self.fields[field as usize];
        Lent::Kept(place.get_or_init(|| self.fixture.field(field).into_value()))
    }
    fn list(&self, list: ListOf) -> Vec<(Str, Str)> {
        self.fixture.list(list)
    }
    fn headers(&self, message: Message) -> &HeaderMap {
        self.fixture.headers(message)
    }
    fn url(&self, url: UrlOf) -> UrlParts {
        self.fixture.url(url)
    }
    fn query(&self, url: UrlOf, read: &mut dyn FnMut(&str)) {
        self.fixture.query(url, read);
    }
    fn matched_parameters(&self) -> &[(Str, Str)] {
        self.fixture.matched_parameters()
    }
    fn variable(&self, name: &str) -> Option<&Value> {
        let found = self.variables.iter().find(|(n, _)| **n == *name);
        found.map(|(_, v)| v)
    }
    fn variable_names(&self) -> Vec<Str> {
        self.fixture.variable_names()
    }
    fn body(&mut self, message: Message, _: bool) -> Result<Bytes, BodyError> {
        self.bodies[usize::from(message == Message::Response)]
            .clone()
            .ok_or(BodyError::Missing)
    }
    fn request_id(&self) -> u128 {
        self.fixture.request_id()
    }
    fn timestamp(&self) -> i64 {
        self.fixture.timestamp()
    }
    fn now(&self) -> i64 {
        self.fixture.now()
    }
    fn random(&mut self) -> u64 {
        self.fixture.random()
    }
    fn trace(&mut self, text: &str) {
        self.fixture.trace(text);
    }
}
