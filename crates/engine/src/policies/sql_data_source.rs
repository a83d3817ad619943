//! `sql-data-source`: resolves a field of a GraphQL API by a T-SQL statement.
//!
//! The root of a resolver's document; runs on an exchange of its own ([`crate::graphql::resolver`]), whose response it leaves
//! behind. What must stay true: values reach the server as parameters only; what a connection string holds is told to nobody.

use crate::LocalBoxFuture;
use crate::compile::arg::AnyArg;
use crate::compile::{
    Arg, Compile, Content, Kind, Once, PolicyDef, Scopes, Section, Sections, attribute, child,
};
use crate::definition::MISSING;
use crate::exchange::{Attempt, AttemptEnd, BodyState, Exchange, Response};
use crate::failure::Failure;
use crate::policies::authentication_managed_identity::Wanted;
use crate::sql::{self, ConnectionString, Parameter, Rows, SqlCall, SqlError, SqlType, SqlValue};
use crate::step::{Block, Flow, Step};
use bytes::{BufMut, Bytes, BytesMut};
use http::{HeaderValue, StatusCode, header};
use std::sync::Arc;
use tollgate_lang::Diagnostic;
use tollgate_lang::document::{Element, Node, Text, TextKind};
use tollgate_lang::value::{Str, Value};

/// What `connection-info` holds besides the connection string.
const CONNECTION: &[&str] = &["include-fragment", "authentication-certificate"];

/// What `request` holds besides statement and parameters.
const REQUEST: &[&str] = &["include-fragment", "set-body"];

/// What fragments between the two may bring.
const BETWEEN: &[&str] = &["include-fragment", "authentication-certificate", "set-body"];

/// What `response` holds.
const RESPONSE: &[&str] = &["include-fragment", "set-body", "publish-event"];

/// Most parameters of a statement, as SQL Server has it.
const MOST_PARAMETERS: usize = 2100;

/// The element.
pub const DEF: PolicyDef = PolicyDef {
    name: "sql-data-source",
    sections: Sections::NONE,
    scopes: Scopes::RESOLVER,
    once: Once::PerDocument,
    attributes: &[],
    children: &[
        child(
            "connection-info",
            Content::Policies,
            "which database; also `include-fragment` and `authentication-certificate`",
        )
        .times(1, 1)
        .children(&[child(
            "connection-string",
            Content::Text,
            "the connection string: `Server=tcp:host,1433;Initial Catalog=database;User ID=user;Password=...`, without user and password where the gateway's identity is used",
        )
        .times(1, 1)
        .attributes(&[attribute(
            "use-managed-identity",
            Kind::Bool,
            "whether a token of the gateway's identity takes the place of user and password",
        )
        .expression()
        .default("false")])]),
        child(
            "request",
            Content::Policies,
            "what is asked; also `include-fragment` and `set-body`, whose body parameters can read",
        )
        .times(1, 1)
        .attributes(&[attribute(
            "single-result",
            Kind::Bool,
            "whether the first row is the value, or null where there is none",
        )
        .expression()
        .default("false")])
        .children(&[
            child(
                "sql-statement",
                Content::Text,
                "one or more statements of T-SQL; the last result is the value",
            )
            .times(1, 1),
            child("parameters", Content::Empty, "values of the statement")
                .times(0, 1)
                .children(&[child(
                    "parameter",
                    Content::Text,
                    "a value; without `sql-type` of the type that an expression gives",
                )
                .attributes(&[
                    attribute("name", Kind::Text, "its name, with its `@`").required(),
                    attribute(
                        "sql-type",
                        Kind::Text,
                        "its type in T-SQL, with a size if it should have one: `int`, `decimal(10,2)`",
                    ),
                ])]),
        ]),
        child(
            "response",
            Content::Policies,
            "what is made of the rows: `include-fragment`, `set-body` and `publish-event`",
        )
        .times(0, 1),
    ],
    content: Content::Policies,
    doc: "Resolves a field of a [GraphQL API](../graphql.md#resolvers) by a statement of Azure SQL or SQL Server: the root of a resolver's document.\n\nThe value is `{\"items\": [...]}` with an object for each row, of a field that is a list the items; with `single-result` the first row. An error of the server is an error of the field. How types become JSON, and what a connection string may say: [GraphQL APIs](../graphql.md#sql-server).",
    compile,
};

fn compile(element: &Element, cx: &mut Compile<'_>) -> Option<Box<dyn Step>> {
    // Expressions see the field's arguments as the request's body.
    cx.section = Section::Inbound;
    let named = |name: &str| element.elements().find(|e| &*e.name == name);
    let connect = named("connection-info").map(|info| {
        let connection = connection(info, cx);
        (connection, part_of(info, CONNECTION, cx))
    });
    let between = between(element, cx);
    let request = named("request").map(|request| {
        let policies = part_of(request, REQUEST, cx);
        (Request::compile(request, cx), policies)
    });
    let response = named("response").map(|e| cx.part(e, Section::Outbound, RESPONSE));
    let (connection, connect) = connect?;
    let (request, before) = request?;
    cx.step(SqlDataSource {
        connection: connection?,
        policies: [connect, between, before],
        request: request?,
        response,
    })
}

/// `connection-string`: a literal is read now.
fn connection(info: &Element, cx: &mut Compile<'_>) -> Option<Connection> {
    let string = info.elements().find(|e| &*e.name == "connection-string")?;
    let identity = match string.attribute("use-managed-identity") {
        Some(identity) => cx.text_arg::<bool>(&identity.value)?,
        None => Arg::Const(false),
    };
    let text = match cx.content::<Str>(string)? {
        Arg::Expr(text) => return Some(Connection::Each(Arg::Expr(text), identity)),
        // What it will be is known when the value is there.
        Arg::Const(text) if text.contains(MISSING) => {
            return Some(Connection::Each(Arg::Const(text), identity));
        }
        Arg::Const(text) => text,
    };
    let read = ConnectionString::parse(text.trim()).and_then(|read| match &identity {
        Arg::Const(identity) => named_login(&read, *identity).map(|()| read),
        Arg::Expr(_) => Ok(read),
    });
    match read {
        Ok(read) => Some(Connection::Known(Arc::new(read), identity)),
        Err(why) => {
            let at = string.text().map_or(string.name_span, |t| t.span);
            let message = format!("this connection string cannot be used: {why}");
            let fault = Diagnostic::error("TG0700", at, message);
            cx.report(fault.label(
                "expected `Server=tcp:host,1433;Initial Catalog=...;User ID=...;Password=...;`",
            ));
            None
        }
    }
}

/// Whether it says as whom to come.
fn named_login(read: &ConnectionString, identity: bool) -> Result<(), String> {
    if identity || read.identity || !read.user.is_empty() {
        return Ok(());
    }
    Err(String::from(
        "it has no `User ID`, and `use-managed-identity` is false",
    ))
}

/// The policies of a part, without its own elements.
fn part_of(part: &Element, allowed: &'static [&'static str], cx: &mut Compile<'_>) -> Block {
    const OWN: [&str; 3] = ["connection-string", "sql-statement", "parameters"];
    only(part, Section::Inbound, allowed, cx, |e| {
        !OWN.contains(&&*e.name)
    })
}

/// Fragments beside the parts; nothing else may stand there.
fn between(element: &Element, cx: &mut Compile<'_>) -> Block {
    const PARTS: [&str; 3] = ["connection-info", "request", "response"];
    only(element, Section::Inbound, &["include-fragment"], cx, |e| {
        !PARTS.contains(&&*e.name) && &*e.name != "include-fragment"
    });
    only(element, Section::Inbound, BETWEEN, cx, |e| {
        &*e.name == "include-fragment"
    })
}

fn only(
    part: &Element,
    section: Section,
    allowed: &'static [&'static str],
    cx: &mut Compile<'_>,
    keep: impl Fn(&Element) -> bool,
) -> Block {
    let mut policies = part.clone();
    policies.children.retain(|node| match node {
        Node::Element(e) => keep(e),
        Node::Text(_) => false,
    });
    cx.part(&policies, section, allowed)
}

/// Which database, and whether by an identity.
#[derive(Debug)]
enum Connection {
    Known(Arc<ConnectionString>, Arg<bool>),
    /// Read anew for each call.
    Each(Arg<Str>, Arg<bool>),
}

impl Connection {
    fn get(&self, rq: &mut Exchange) -> Result<(Arc<ConnectionString>, bool), Box<Failure>> {
        let unusable = |why: String| {
            let why = format!("The connection string cannot be used: {why}.");
            Failure::internal("", "", why)
        };
        let (database, identity) = match self {
            Connection::Known(read, identity) => (read.clone(), identity.get(rq)?),
            Connection::Each(text, identity) => {
                let read = ConnectionString::parse(text.get(rq)?.trim()).map_err(unusable)?;
                (Arc::new(read), identity.get(rq)?)
            }
        };
        named_login(&database, identity).map_err(unusable)?;
        let identity = identity || database.identity;
        Ok((database, identity))
    }
}

/// A value as the document gives it.
#[derive(Debug)]
enum Given {
    /// Known at load, in the form in which it is sent.
    Known(String, SqlValue),
    Expr(AnyArg, Option<SqlType>),
}

#[derive(Debug)]
struct Request {
    one_row: Arg<bool>,
    statement: Arg<Str>,
    parameters: Vec<(Str, Given)>,
}

impl Request {
    fn compile(element: &Element, cx: &mut Compile<'_>) -> Option<Request> {
        let named = |name: &str| element.elements().find(|e| &*e.name == name);
        let one_row = match element.attribute("single-result") {
            Some(single) => cx.text_arg::<bool>(&single.value),
            None => Some(Arg::Const(false)),
        };
        let statement = named("sql-statement").and_then(|e| cx.content::<Str>(e));
        let mut parameters: Vec<(Str, Given)> = Vec::new();
        let mut whole = true;
        for parameter in named("parameters").into_iter().flat_map(Element::elements) {
            let name = name(parameter, cx);
            let given = given(parameter, cx);
            let (Some(name), Some(given)) = (name, given) else {
                whole = false;
                continue;
            };
            let same = |(other, _): &(Str, Given)| other.eq_ignore_ascii_case(&name);
            if parameters.iter().any(same) || parameters.len() == MOST_PARAMETERS {
                let message = format!("the parameter `{name}` is given twice, or one too many");
                let fault = Diagnostic::error("TG0703", parameter.name_span, message);
                cx.report(fault.label(format!(
                    "a statement has each name once, and {MOST_PARAMETERS} parameters at most"
                )));
                whole = false;
            }
            parameters.push((name, given));
        }
        Some(Request {
            one_row: one_row?,
            statement: statement?,
            parameters: whole.then_some(parameters)?,
        })
    }

    fn parameters(&self, rq: &mut Exchange) -> Result<Vec<Parameter>, Box<Failure>> {
        let mut sent = Vec::with_capacity(self.parameters.len());
        for (name, given) in &self.parameters {
            let (declaration, value) = match given {
                Given::Known(declaration, value) => (declaration.clone(), value.clone()),
                Given::Expr(arg, ty) => {
                    let value = arg.get(rq)?;
                    match ty {
                        None => sql::parameter::inferred(&value),
                        Some(ty) => ty.value(&value).map_err(|why| {
                            let why = format!("The parameter `{name}` cannot be sent: {why}.");
                            Failure::internal("", "", why)
                        })?,
                    }
                }
            };
            sent.push(Parameter {
                name: name.clone(),
                declaration,
                value,
            });
        }
        Ok(sent)
    }
}

/// A parameter's name, with `@` also where the document left it out.
fn name(parameter: &Element, cx: &mut Compile<'_>) -> Option<Str> {
    let attribute = parameter.attribute("name")?;
    let text = attribute.value.text.trim();
    let bare = text.strip_prefix('@').unwrap_or(text);
    let fits = |c: char| c.is_alphanumeric() || matches!(c, '_' | '@' | '#' | '$');
    if bare.is_empty() || bare.chars().count() > 127 || !bare.chars().all(fits) {
        let message = format!("a parameter cannot be called `{text}`");
        let fault = Diagnostic::error("TG0702", attribute.value.span, message);
        cx.report(fault.label("expected `@` and letters, digits or `_`"));
        return None;
    }
    Some(Str::from(format!("@{bare}")))
}

fn given(parameter: &Element, cx: &mut Compile<'_>) -> Option<Given> {
    let ty = match parameter.attribute("sql-type") {
        None => None,
        Some(attribute) => match SqlType::parse(&attribute.value.text) {
            Ok(ty) => Some(ty),
            Err(why) => {
                let text = attribute.value.text.trim();
                let message = format!("`sql-type` cannot be `{text}`: {why}");
                let fault = Diagnostic::error("TG0701", attribute.value.span, message);
                let names: Vec<&str> = SqlType::names().collect();
                cx.report(
                    fault
                        .label("expected a type of T-SQL")
                        .help(format!("types are {}", names.join(", "))),
                );
                return None;
            }
        },
    };
    let literal = |text: &&Text| text.kind == TextKind::Literal;
    let text = match parameter.text().filter(literal) {
        Some(text) => text,
        None => return Some(Given::Expr(cx.any_content(parameter)?, ty)),
    };
    let value = Value::Str(Str::from(text.text.trim()));
    let made = match &ty {
        None => Ok(sql::parameter::inferred(&value)),
        Some(ty) => ty.value(&value),
    };
    match made {
        Ok((declaration, value)) => Some(Given::Known(declaration, value)),
        Err(why) => {
            let message = format!("this value does not fit its `sql-type`: {why}");
            let fault = Diagnostic::error("TG0704", text.span, message);
            cx.report(fault.label("the server would refuse it"));
            None
        }
    }
}

#[derive(Debug)]
struct SqlDataSource {
    connection: Connection,
    /// Those of `connection-info`, those between the parts, those of `request`.
    policies: [Block; 3],
    request: Request,
    response: Option<Block>,
}

impl SqlDataSource {
    async fn resolve(&self, rq: &mut Exchange) -> Result<Flow, Box<Failure>> {
        rq.section = Section::Inbound;
        for policies in &self.policies {
            match policies.run(rq).await {
                Flow::Next => {}
                flow => return Ok(flow),
            }
        }
        let (database, identity) = self.connection.get(rq)?;
        let statement = self.request.statement.get(rq)?;
        let one_row = self.request.one_row.get(rq)?;
        let parameters = self.request.parameters(rq)?;
        let services = rq.services.clone();
        let token = match identity {
            false => None,
            true => {
                let client = Some(Str::from(&*database.user)).filter(|_| database.identity);
                let wanted = Wanted::new(Str::from(database.resource()), client);
                Some(wanted.token(&services).await?)
            }
        };
        let call = SqlCall {
            database,
            token,
            connect: rq.request.target.connect.clone(),
            statement: Str::from(statement.trim()),
            parameters,
            one_row,
            limit: rq.snapshot.gateway.max_buffered_body,
        };
        rq.section = Section::Backend;
        let began = services.clock.monotonic_nanos();
        let answered = services.transport.query(&call).await;
        rq.attempts.push(Attempt {
            backend: None,
            status: if answered.is_ok() { 200 } else { 0 },
            nanos: services.clock.monotonic_nanos().saturating_sub(began),
            failed: answered.is_err(),
            end: match &answered {
                Ok(_) | Err(SqlError::Server { .. } | SqlError::TooLarge(_)) => {
                    AttemptEnd::Answered
                }
                Err(SqlError::Timeout(_)) => AttemptEnd::TimedOut,
                Err(SqlError::Connect(_)) => AttemptEnd::Unanswered,
            },
            aside: false,
        });
        let rows = answered.map_err(|error| error.failure(&call.database.server()))?;
        let body = value(&rows, one_row);
        let mut response = Response::new(StatusCode::OK);
        let json = HeaderValue::from_static("application/json");
        response.headers.insert(header::CONTENT_TYPE, json);
        response.body = BodyState::Buffered(body.clone());
        rq.response = Some(response);
        rq.section = Section::Outbound;
        let flow = match &self.response {
            Some(block) => block.run(rq).await,
            None => Flow::Next,
        };
        // What `response` left as it was is a list where the field is one.
        let is_list = rq.resolving.as_ref().is_some_and(|r| r.is_list());
        if is_list
            && !one_row
            && let Some(response) = &mut rq.response
            && let BodyState::Buffered(left) = &mut response.body
            && std::ptr::eq(left.as_ptr(), body.as_ptr())
        {
            *left = body.slice(BEFORE.len()..body.len() - AFTER.len());
        }
        Ok(flow)
    }
}

const BEFORE: &str = "{\"items\":";
const AFTER: &str = "}";

/// What `response` sees.
fn value(rows: &Rows, one_row: bool) -> Bytes {
    match (one_row, rows.count) {
        (true, 0) => Bytes::from_static(b"null"),
        (true, _) => rows.json.clone(),
        (false, _) => {
            let room = rows.json.len() + BEFORE.len() + AFTER.len() + 2;
            let mut body = BytesMut::with_capacity(room);
            body.put_slice(BEFORE.as_bytes());
            body.put_u8(b'[');
            body.put_slice(&rows.json);
            body.put_u8(b']');
            body.put_slice(AFTER.as_bytes());
            body.freeze()
        }
    }
}

impl Step for SqlDataSource {
    fn run(&self, _rq: &mut Exchange) -> Flow {
        Flow::Wait
    }

    fn wait<'a>(&'a self, rq: &'a mut Exchange) -> LocalBoxFuture<'a, Flow> {
        Box::pin(async move { self.resolve(rq).await.unwrap_or_else(Flow::Fail) })
    }

    fn may_wait(&self) -> bool {
        true
    }
}
