//! `cosmosdb-data-source`: resolves a field of a GraphQL API by Cosmos DB's REST API.
//!
//! The root of a resolver's document; runs on an exchange of its own ([`crate::graphql::resolver`]), whose response it leaves
//! behind. What must stay true: the account's key signs here and goes nowhere.

use crate::LocalBoxFuture;
use crate::compile::arg::AnyArg;
use crate::compile::{
    Arg, AttributeDef, ChildDef, Compile, Content, Kind, Once, PolicyDef, Scopes, Section,
    Sections, attribute, child,
};
use crate::definition::MISSING;
use crate::exchange::{BodyState, Exchange, TargetBase};
use crate::failure::Failure;
use crate::graphql::cosmos::{self, Account};
use crate::policies::authentication_managed_identity::Wanted;
use crate::policies::set_body::{self, SetBody};
use crate::services::{HttpVersion, SendOptions};
use crate::step::{Block, Flow, Needs, Step};
use crate::upstream;
use bytes::Bytes;
use http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode, header};
use serde_json::{Map, Value as Json, json};
use std::sync::Arc;
use std::time::Duration;
use tollgate_lang::Diagnostic;
use tollgate_lang::document::Element;
use tollgate_lang::value::{Str, Value};

/// What `response` holds.
const RESPONSE: &[&str] = &["set-body", "publish-event"];

const TEMPLATE: AttributeDef = attribute(
    "template",
    Kind::OneOf(&["liquid"]),
    "`liquid`: the text is a [Liquid template](transformations.md#liquid-templates)",
);

const CONSISTENCY: AttributeDef = attribute(
    "consistency-level",
    Kind::OneOf(&[
        "bounded-staleness",
        "consistent-prefix",
        "eventual",
        "session",
        "strong",
    ]),
    "the consistency of the request, if another than the account's",
);

const PRE_TRIGGER: AttributeDef = attribute(
    "pre-trigger",
    Kind::Text,
    "id of a trigger that runs before",
);

const POST_TRIGGER: AttributeDef = attribute(
    "post-trigger",
    Kind::Text,
    "id of a trigger that runs behind",
);

const PARTITION_KEY: ChildDef = child("partition-key", Content::Text, "the item's partition key")
    .times(0, 1)
    .attributes(&[
        attribute(
            "data-type",
            Kind::OneOf(&["string", "number", "bool", "none", "null"]),
            "its type; of `none` and `null` the text means nothing",
        )
        .default("string"),
        TEMPLATE,
    ]);

const ID: ChildDef = child("id", Content::Text, "the item's id").attributes(&[TEMPLATE]);

const ETAG: ChildDef = child(
    "etag",
    Content::Text,
    "an entity tag that the item has, or has not",
)
.times(0, 1)
.attributes(&[
    attribute(
        "type",
        Kind::OneOf(&["match", "no-match"]),
        "whether the item must have it, or must not",
    )
    .default("match"),
    TEMPLATE,
]);

/// The element.
pub const DEF: PolicyDef = PolicyDef {
    name: "cosmosdb-data-source",
    sections: Sections::NONE,
    scopes: Scopes::RESOLVER,
    once: Once::PerDocument,
    attributes: &[],
    children: &[
        child("connection-info", Content::Empty, "which container").times(1, 1).children(&[
            child(
                "connection-string",
                Content::Text,
                "`AccountEndpoint=https://...;AccountKey=...`, without a key where the gateway's identity is used",
            )
            .times(1, 1)
            .attributes(&[attribute(
                "use-managed-identity",
                Kind::Bool,
                "whether a token of the gateway's identity takes the key's place",
            )
            .default("false")]),
            child("database-name", Content::Text, "the database").times(1, 1),
            child("container-name", Content::Text, "the container").times(1, 1),
        ]),
        child("query-request", Content::Empty, "items that a statement finds")
            .times(0, 1)
            .attributes(&[attribute(
                "enable-low-precision-order-by",
                Kind::Bool,
                "whether `ORDER BY` may be of low precision",
            )])
            .children(&[
                child("sql-statement", Content::Text, "the statement; default `SELECT * FROM c`").times(0, 1),
                child("parameters", Content::Empty, "values of the statement")
                    .times(0, 1)
                    .children(&[child("parameter", Content::Text, "a value, of the type that an expression gives").attributes(&[
                        attribute("name", Kind::Text, "its name, with its `@`").required(),
                    ])]),
                PARTITION_KEY,
                child("paging", Content::Empty, "one page of what is found").times(0, 1).children(&[
                    child("max-item-count", Content::Text, "most items; -1: the service decides")
                        .times(1, 1)
                        .attributes(&[TEMPLATE]),
                    child("continuation-token", Content::Text, "where the page begins; empty: at the beginning")
                        .times(1, 1)
                        .attributes(&[TEMPLATE]),
                ]),
            ]),
        child("read-request", Content::Empty, "an item; null where there is none")
            .times(0, 1)
            .children(&[ID.times(1, 1), PARTITION_KEY]),
        child("delete-request", Content::Empty, "deletes an item")
            .times(0, 1)
            .attributes(&[CONSISTENCY, PRE_TRIGGER, POST_TRIGGER])
            .children(&[ID.times(1, 1), PARTITION_KEY, ETAG]),
        child("write-request", Content::Empty, "writes an item")
            .times(0, 1)
            .attributes(&[
                attribute(
                    "type",
                    Kind::OneOf(&["insert", "replace", "upsert"]),
                    "`insert`: it must be new; `replace`: the one with the `id`; `upsert`: either",
                )
                .default("upsert"),
                CONSISTENCY,
                attribute(
                    "indexing-directive",
                    Kind::OneOf(&["default", "include", "exclude"]),
                    "whether the item is indexed",
                )
                .default("default"),
                PRE_TRIGGER,
                POST_TRIGGER,
            ])
            .children(&[
                ID.times(0, 1),
                PARTITION_KEY,
                ETAG,
                child("set-body", Content::Text, "the item; default: the field's arguments")
                    .times(0, 1)
                    .attributes(set_body::DEF.attributes)
                    .children(set_body::DEF.children),
            ]),
        child(
            "response",
            Content::Policies,
            "what is made of the answer: `set-body` and `publish-event`",
        )
        .times(0, 1),
    ],
    content: Content::Empty,
    doc: "Resolves a field of a [GraphQL API](../graphql.md#resolvers) by Cosmos DB (API for NoSQL): the root of a resolver's document with one request.\n\nA query gives `{\"items\": [...], \"continuationToken\": \"...\"}`, of a field that is a list the items. A read that finds nothing gives null; a delete gives null; a write gives the item as it is now. Any other status from 400 is an error of the field.",
    compile,
};

fn compile(element: &Element, cx: &mut Compile<'_>) -> Option<Box<dyn Step>> {
    // Templates and expressions see the field's arguments as the request's body.
    cx.section = Section::Inbound;
    let named = |name: &str| element.elements().find(|e| &*e.name == name);
    let info = named("connection-info")?;
    let of_info = |name: &str| info.elements().find(|e| &*e.name == name);
    let string = of_info("connection-string")?;
    let account = cx.content::<Str>(string);
    if let Some(Arg::Const(text)) = &account
        && !text.contains(MISSING)
        && let Err(why) = Account::parse(text)
    {
        let at = string.text().map_or(string.name_span, |t| t.span);
        let fault = Diagnostic::error("TG0578", at, format!("this is no connection string: {why}"));
        cx.report(fault.label("expected `AccountEndpoint=https://...;AccountKey=...;`"));
    }
    let managed = said(string, "use-managed-identity").eq_ignore_ascii_case("true");
    let database = cx.content(of_info("database-name")?);
    let container = cx.content(of_info("container-name")?);
    let requests: Vec<&Element> = element
        .elements()
        .filter(|e| e.name.ends_with("-request"))
        .collect();
    let request = match requests[..] {
        [one] => Request::compile(one, cx),
        _ => {
            let message = "`cosmosdb-data-source` needs one request";
            let fault = Diagnostic::error("TG0320", element.name_span, message);
            cx.report(fault.label(
                "expected one of `query-request`, `read-request`, `delete-request` and `write-request`",
            ));
            None
        }
    };
    let response = named("response").map(|e| cx.part(e, Section::Outbound, RESPONSE));
    cx.step(CosmosDbDataSource {
        account: account?,
        managed,
        database: database?,
        container: container?,
        request: request?,
        response,
    })
}

/// A literal attribute; empty when it is not there. The shape check has looked at its words.
fn said<'e>(element: &'e Element, name: &str) -> &'e str {
    element.attribute(name).map_or("", |a| a.value.text.trim())
}

/// The text of a child that may be a literal, an expression or a template; the outer `None`: it was refused.
fn text(element: &Element, name: &str, cx: &mut Compile<'_>) -> Option<Option<SetBody>> {
    match element.elements().find(|e| &*e.name == name) {
        Some(child) => set_body::compile_content(child, child, cx).map(Some),
        None => Some(None),
    }
}

#[derive(Debug)]
struct CosmosDbDataSource {
    account: Arg<Str>,
    managed: bool,
    database: Arg<Str>,
    container: Arg<Str>,
    request: Request,
    response: Option<Block>,
}

#[derive(Debug)]
struct Request {
    kind: RequestKind,
    id: Option<SetBody>,
    partition: Option<(&'static str, SetBody)>,
    /// Header, and value.
    etag: Option<(HeaderName, SetBody)>,
    /// Headers that the document says.
    headers: HeaderMap,
}

#[derive(Debug)]
enum RequestKind {
    Query {
        statement: Option<Arg<Str>>,
        parameters: Vec<(Str, AnyArg)>,
        /// Most items, and where the page begins.
        paging: Option<(SetBody, SetBody)>,
    },
    Read,
    Delete,
    Insert(Option<SetBody>),
    Replace(Option<SetBody>),
}

const PARTITION: HeaderName = HeaderName::from_static("x-ms-documentdb-partitionkey");
const CONTINUATION: HeaderName = HeaderName::from_static("x-ms-continuation");

impl Request {
    fn compile(element: &Element, cx: &mut Compile<'_>) -> Option<Request> {
        let mut headers = HeaderMap::new();
        let id = text(element, "id", cx);
        let partition = element.elements().find(|e| &*e.name == "partition-key");
        let kind_of_key = ["string", "number", "bool", "none", "null"];
        let kind_of_key = kind_of_key
            .into_iter()
            .find(|kind| partition.is_some_and(|e| said(e, "data-type") == *kind));
        let partition = text(element, "partition-key", cx);
        let etag = element.elements().find(|e| &*e.name == "etag");
        let condition = match etag.map(|e| said(e, "type")) {
            Some("no-match") => header::IF_NONE_MATCH,
            _ => header::IF_MATCH,
        };
        let etag = text(element, "etag", cx);
        for (attribute, name) in [
            ("pre-trigger", "x-ms-documentdb-pre-trigger-include"),
            ("post-trigger", "x-ms-documentdb-post-trigger-include"),
        ] {
            if let Some(trigger) = element.attribute(attribute) {
                let value = HeaderValue::from_str(trigger.value.text.trim());
                match value {
                    Ok(value) => {
                        headers.insert(HeaderName::from_static(name), value);
                    }
                    Err(_) => cx.unknown_word(element, attribute, &trigger.value.text, "an id"),
                }
            }
        }
        let level = match said(element, "consistency-level") {
            "bounded-staleness" => Some("BoundedStaleness"),
            "consistent-prefix" => Some("ConsistentPrefix"),
            "eventual" => Some("Eventual"),
            "session" => Some("Session"),
            "strong" => Some("Strong"),
            _ => None,
        };
        let indexing = match said(element, "indexing-directive") {
            "include" => Some("Include"),
            "exclude" => Some("Exclude"),
            _ => None,
        };
        let order = match said(element, "enable-low-precision-order-by") {
            "" => None,
            word => Some(if word.eq_ignore_ascii_case("true") {
                "True"
            } else {
                "False"
            }),
        };
        for (name, value) in [
            ("x-ms-consistency-level", level),
            ("x-ms-indexing-directive", indexing),
            ("x-ms-documentdb-query-enable-low-precision-order-by", order),
        ] {
            if let Some(value) = value {
                let name = HeaderName::from_static(name);
                headers.insert(name, HeaderValue::from_static(value));
            }
        }
        let kind = match &*element.name {
            "query-request" => query(element, cx),
            "read-request" => Some(RequestKind::Read),
            "delete-request" => Some(RequestKind::Delete),
            _ => write(element, &mut headers, cx),
        };
        let (id, etag) = (id?, etag?);
        Some(Request {
            kind: kind?,
            id,
            partition: partition?.map(|key| (kind_of_key.unwrap_or("string"), key)),
            etag: etag.map(|tag| (condition, tag)),
            headers,
        })
    }
}

fn query(element: &Element, cx: &mut Compile<'_>) -> Option<RequestKind> {
    let named = |name: &str| element.elements().find(|e| &*e.name == name);
    let statement = named("sql-statement").map(|e| cx.content::<Str>(e));
    let mut parameters = Vec::new();
    for parameter in named("parameters").into_iter().flat_map(Element::elements) {
        let name = &parameter.attribute("name")?.value.text;
        parameters.push((name.clone(), cx.any_content(parameter)));
    }
    let paging = match named("paging") {
        Some(paging) => {
            let most = text(paging, "max-item-count", cx);
            let from = text(paging, "continuation-token", cx);
            Some((most??, from??))
        }
        None => None,
    };
    let parameters = parameters.into_iter();
    Some(RequestKind::Query {
        statement: match statement {
            Some(statement) => Some(statement?),
            None => None,
        },
        parameters: parameters
            .map(|(n, v)| Some((n, v?)))
            .collect::<Option<_>>()?,
        paging,
    })
}

fn write(element: &Element, headers: &mut HeaderMap, cx: &mut Compile<'_>) -> Option<RequestKind> {
    let body = match element.elements().find(|e| &*e.name == "set-body") {
        Some(body) => Some(set_body::compile_body(body, cx)?),
        None => None,
    };
    match said(element, "type") {
        "insert" => Some(RequestKind::Insert(body)),
        "replace" => {
            if !element.elements().any(|e| &*e.name == "id") {
                let message = "a `write-request` of type `replace` needs an `id`";
                let fault = Diagnostic::error("TG0320", element.name_span, message);
                cx.report(fault.label("which item?"));
            }
            Some(RequestKind::Replace(body))
        }
        _ => {
            let name = HeaderName::from_static("x-ms-documentdb-is-upsert");
            headers.insert(name, HeaderValue::from_static("True"));
            Some(RequestKind::Insert(body))
        }
    }
}

/// As `forward-request` without attributes.
const OPTIONS: SendOptions = SendOptions {
    timeout: Duration::from_secs(300),
    version: HttpVersion::Http1,
    continue_timeout: None,
};

/// A value that an expression gave, as JSON.
fn to_json(value: &Value) -> Json {
    match value {
        Value::Null => Json::Null,
        Value::Bool(value) => Json::Bool(*value),
        Value::Token(token) => serde_json::from_str(&token.to_json()).unwrap_or(Json::Null),
        Value::Int(_) | Value::Long(_) | Value::Double(_) | Value::Decimal(_) => {
            let text = value.to_text();
            serde_json::from_str(&text).unwrap_or_else(|_| Json::from(&*text))
        }
        other => Json::from(&*other.to_text()),
    }
}

/// The text of a part, without the blanks around it.
fn get(text: &SetBody, rq: &mut Exchange) -> Result<String, Box<Failure>> {
    let bytes = text.get(rq)?;
    Ok(String::from_utf8_lossy(&bytes).trim().to_owned())
}

fn value(text: &str) -> Result<HeaderValue, Box<Failure>> {
    HeaderValue::from_bytes(text.as_bytes()).map_err(|_| {
        Failure::internal(
            "",
            "",
            "A header of the request to Cosmos DB cannot be sent.",
        )
    })
}

impl CosmosDbDataSource {
    async fn resolve(&self, rq: &mut Exchange) -> Result<Flow, Box<Failure>> {
        rq.section = Section::Inbound;
        let account = Account::parse(&self.account.get(rq)?);
        let account = account.map_err(|why| {
            Failure::internal(
                "",
                "",
                format!("The connection string cannot be used: {why}."),
            )
        })?;
        let database = self.database.get(rq)?;
        let container = self.container.get(rq)?;
        let id = match &self.request.id {
            Some(id) => Some(get(id, rq)?),
            None => None,
        };
        let mut headers = self.request.headers.clone();
        if let Some((kind, key)) = &self.request.partition {
            let key = get(key, rq)?;
            headers.insert(PARTITION, value(&partition(kind, &key)?)?);
        }
        if let Some((condition, tag)) = &self.request.etag {
            let tag = get(tag, rq)?;
            headers.insert(condition.clone(), value(&tag)?);
        }
        let (method, body) = self.message(rq, &mut headers)?;
        let of_item = !matches!(method, Method::POST);
        let id = id.as_deref().filter(|_| of_item);
        let (path, link) = cosmos::documents(database.trim(), container.trim(), id);
        let date = cosmos::date(rq.services.clock.unix_nanos());
        let authorization = if self.managed {
            let services = rq.services.clone();
            let token = Wanted::new(account.resource(), None)
                .token(&services)
                .await?;
            cosmos::authorization("aad", token.token.expose())?
        } else {
            account.signature(method.as_str(), &link, &date)?
        };
        headers.insert(header::AUTHORIZATION, authorization);
        headers.insert(HeaderName::from_static("x-ms-date"), value(&date)?);
        let version = HeaderValue::from_static(cosmos::VERSION);
        headers.insert(HeaderName::from_static("x-ms-version"), version);
        let json = HeaderValue::from_static("application/json");
        headers.insert(header::ACCEPT, json);
        rq.request.headers.remove(header::CONTENT_TYPE);
        rq.request.headers.extend(headers);
        rq.request.method = method;
        rq.request.body = body.map_or(BodyState::None, BodyState::Buffered);
        rq.request.target.base = TargetBase::Url(Arc::new(account.origin()));
        rq.request.target.path = Some(Str::from(path));
        rq.section = Section::Backend;
        upstream::forward(rq, OPTIONS, 0).await?;
        self.answer(rq).await?;
        rq.section = Section::Outbound;
        match &self.response {
            Some(block) => Ok(block.run(rq).await),
            None => Ok(Flow::Next),
        }
    }

    /// Verb and body, and the headers that belong to them.
    fn message(
        &self,
        rq: &mut Exchange,
        headers: &mut HeaderMap,
    ) -> Result<(Method, Option<Bytes>), Box<Failure>> {
        let (method, body) = match &self.request.kind {
            RequestKind::Read => return Ok((Method::GET, None)),
            RequestKind::Delete => return Ok((Method::DELETE, None)),
            RequestKind::Insert(body) => (Method::POST, body),
            RequestKind::Replace(body) => (Method::PUT, body),
            RequestKind::Query {
                statement,
                parameters,
                paging,
            } => {
                let statement = match statement {
                    Some(statement) => statement.get(rq)?,
                    None => Str::from("SELECT * FROM c"),
                };
                let mut values = Vec::with_capacity(parameters.len());
                for (name, value) in parameters {
                    let value = to_json(&value.get(rq)?);
                    values.push(json!({ "name": &**name, "value": value }));
                }
                if let Some((most, from)) = paging {
                    let (most, from) = (get(most, rq)?, get(from, rq)?);
                    let name = HeaderName::from_static("x-ms-max-item-count");
                    headers.insert(name, value(&most)?);
                    if !from.is_empty() {
                        headers.insert(CONTINUATION, value(&from)?);
                    }
                }
                let yes = HeaderValue::from_static("True");
                if !headers.contains_key(PARTITION) {
                    const ACROSS: &str = "x-ms-documentdb-query-enablecrosspartition";
                    headers.insert(HeaderName::from_static(ACROSS), yes.clone());
                }
                headers.insert(HeaderName::from_static("x-ms-documentdb-isquery"), yes);
                let kind = HeaderValue::from_static("application/query+json");
                headers.insert(header::CONTENT_TYPE, kind);
                let body = json!({ "query": statement.trim(), "parameters": values });
                return Ok((Method::POST, Some(Bytes::from(body.to_string()))));
            }
        };
        let json = HeaderValue::from_static("application/json");
        headers.insert(header::CONTENT_TYPE, json);
        let body = match body {
            Some(body) => body.get(rq)?,
            None => {
                let arguments = rq
                    .resolving
                    .as_ref()
                    .map(|r| Json::from(r.arguments().clone()));
                Bytes::from(arguments.unwrap_or(Json::Null).to_string())
            }
        };
        Ok((method, Some(body)))
    }

    /// Makes the value of the service's answer.
    async fn answer(&self, rq: &mut Exchange) -> Result<(), Box<Failure>> {
        let needs = Needs {
            response_body: true,
            ..Needs::default()
        };
        rq.buffer(needs, DEF.name).await?;
        let is_list = rq.resolving.as_ref().is_some_and(|r| r.is_list());
        let limit = rq.snapshot.gateway.max_buffered_body;
        let response = rq.response_mut();
        let status = response.status;
        let nothing =
            matches!(self.request.kind, RequestKind::Read) && status == StatusCode::NOT_FOUND;
        if (status.is_client_error() || status.is_server_error()) && !nothing {
            let message = format!("The data source answered {}.", status.as_u16());
            return Err(Failure::refused(
                "",
                "BackendErrorStatusCode",
                status,
                message,
            ));
        }
        let body = match &self.request.kind {
            _ if nothing => Json::Null,
            RequestKind::Delete => Json::Null,
            RequestKind::Query { .. } => {
                let BodyState::Buffered(bytes) = &response.body else {
                    return Ok(());
                };
                let plain = crate::body::coding::Coding::of(&response.headers).undo(bytes, limit);
                let found =
                    plain.and_then(|p| serde_json::from_slice::<Map<String, Json>>(&p).ok());
                let items = found.and_then(|mut found| found.remove("Documents"));
                let Some(items) = items else {
                    let why = "Cosmos DB's answer has no `Documents`.";
                    return Err(Failure::internal("", "BackendConnectionFailure", why));
                };
                if is_list {
                    items
                } else {
                    let next = response.headers.get(CONTINUATION);
                    let next = next.and_then(|v| v.to_str().ok());
                    json!({ "items": items, "continuationToken": next })
                }
            }
            _ => return Ok(()),
        };
        response.status = StatusCode::OK;
        crate::exchange::forget_body(&mut response.headers);
        let json = HeaderValue::from_static("application/json");
        response.headers.insert(header::CONTENT_TYPE, json);
        response.body = BodyState::Buffered(Bytes::from(body.to_string()));
        Ok(())
    }
}

/// The header of a partition key.
fn partition(kind: &str, text: &str) -> Result<String, Box<Failure>> {
    let wrong = || {
        let why = format!("The partition key is no {kind}.");
        Failure::internal("", "", why)
    };
    let key = match kind {
        "none" => json!({}),
        "null" => Json::Null,
        "number" => Json::Number(text.parse().map_err(|_| wrong())?),
        "bool" => Json::Bool(text.to_ascii_lowercase().parse().map_err(|_| wrong())?),
        _ => Json::from(text),
    };
    // A header holds ASCII alone.
    let mut out = String::new();
    for c in json!([key]).to_string().chars() {
        if c.is_ascii() {
            out.push(c);
            continue;
        }
        for unit in c.encode_utf16(&mut [0; 2]) {
            out.push_str(&format!("\\u{unit:04x}"));
        }
    }
    Ok(out)
}

impl Step for CosmosDbDataSource {
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
