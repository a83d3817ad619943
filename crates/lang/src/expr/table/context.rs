//! The `context` object: parts, members, message bodies.
//!
//! A member is a row; what it reads of the exchange stands in front of it. `ContextResponse`, `RequestBody` and `ResponseBody`
//! are shown to authors as `IResponse` and `IMessageBody`: they only tell the binder which message is read.

mod entities;
mod message;

use super::certificates::Certificate;
use super::{Native, Row, Type, m, ty};
use crate::expr::eval::{Args, Cx, R, null_reference};
use crate::expr::host::{Entity, Field, GraphQlPart, UrlOf, UrlParts};
use crate::expr::types::Ty;
use crate::value::{Dict, HostObject, List, Object, Value};
use std::any::Any;
use std::rc::Rc;

use entities::{
    API, CONTEXT_API, DEPLOYMENT, GATEWAY, GROUP, IDENTITY, KEY_NAMES, LAST_ERROR, OPERATION,
    PRODUCT, SUBSCRIPTION, SUSTAINABILITY, USER, WORKSPACE,
};
pub(super) use message::ResponseHeaders;
use message::{BODY, CONTEXT_RESPONSE, RESPONSE};

/// A part of `context`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Part {
    Context,
    Request,
    Response,
    RequestBody,
    ResponseBody,
    RequestHeaders,
    ResponseHeaders,
    Url(UrlOf),
    Query(UrlOf),
    MatchedParameters,
    Variables,
    Api,
    Operation,
    Product,
    Subscription,
    User,
    LastError,
    Deployment,
    Gateway,
    Certificates,
    Workspace,
    GraphQl,
}

impl Part {
    /// Its type.
    pub(crate) fn ty(self) -> Ty {
        let strings = || Ty::array(Ty::String);
        let view = |v: Ty| Ty::generic("IReadOnlyDictionary", vec![Ty::String, v]);
        match self {
            Part::Context => Ty::class("IContext"),
            Part::Request => Ty::class("IRequest"),
            Part::Response => Ty::class("ContextResponse"),
            Part::RequestBody => Ty::class("RequestBody"),
            Part::ResponseBody => Ty::class("ResponseBody"),
            Part::RequestHeaders | Part::ResponseHeaders | Part::Query(_) => view(strings()),
            Part::Url(_) => Ty::class("IUrl"),
            Part::MatchedParameters => view(Ty::String),
            Part::Variables => view(Ty::Object),
            Part::Api => Ty::class("IContextApi"),
            Part::Operation => Ty::class("IOperation"),
            Part::Product => Ty::class("IProduct"),
            Part::Subscription => Ty::class("ISubscription"),
            Part::User => Ty::class("IUser"),
            Part::LastError => Ty::class("ILastError"),
            Part::Deployment => Ty::class("IDeployment"),
            Part::Gateway => Ty::class("IGateway"),
            Part::Certificates => view(Ty::class("X509Certificate2")),
            Part::Workspace => Ty::class("IWorkspace"),
            Part::GraphQl => Ty::class("GraphQL"),
        }
    }
}

impl Part {
    /// What gives its text, where it has one of its own.
    pub(crate) fn text(self) -> Option<Native> {
        matches!(self, Part::Url(_)).then_some(url_shown)
    }
}

/// `IUrl.ToString()`.
fn url_shown(cx: &mut Cx<'_>, a: &mut Args<'_>) -> R {
    let s = url_text(&url(cx, a));
    cx.text(s)
}

fn part(p: Part) -> R {
    Ok(Value::Host(HostObject(p)))
}

fn maybe(cx: &Cx<'_>, entity: Entity, p: Part) -> R {
    if cx.host.has(entity) {
        part(p)
    } else {
        Ok(Value::Null)
    }
}

fn field(cx: &Cx<'_>, f: Field) -> R {
    Ok(cx.host.field(f).into_value())
}

/// A date that the host gives in ticks.
fn date(cx: &Cx<'_>, f: Field) -> R {
    Ok(match cx.host.field(f).into_value() {
        Value::Long(ticks) => Value::utc(ticks),
        v => v,
    })
}

const CONTEXT: &[Row] = &[
    m("IContextApi Api", |cx, _| maybe(cx, Entity::Api, Part::Api)),
    m("IDeployment Deployment", |_, _| part(Part::Deployment)),
    m("TimeSpan Elapsed", |cx, _| {
        Ok(Value::TimeSpan(cx.host.now() - cx.host.timestamp()))
    }),
    m("[Reads(LastError)] ILastError LastError", |cx, _| {
        maybe(cx, Entity::LastError, Part::LastError)
    }),
    m("IOperation Operation", |cx, _| {
        maybe(cx, Entity::Operation, Part::Operation)
    }),
    m("IProduct Product", |cx, _| {
        maybe(cx, Entity::Product, Part::Product)
    }),
    m("IRequest Request", |_, _| part(Part::Request)),
    m("Guid RequestId", |cx, _| {
        Ok(Value::Guid(cx.host.request_id().to_be_bytes()))
    }),
    m("[Reads(Response)] ContextResponse Response", |cx, _| {
        maybe(cx, Entity::Response, Part::Response)
    }),
    m("ISubscription Subscription", |cx, _| {
        maybe(cx, Entity::Subscription, Part::Subscription)
    }),
    m("DateTime Timestamp", |cx, _| {
        Ok(Value::utc(cx.host.timestamp()))
    }),
    m("bool Tracing", |cx, _| field(cx, Field::Tracing)),
    m("IUser User", |cx, _| maybe(cx, Entity::User, Part::User)),
    m(
        "[Reads(Variables)] IReadOnlyDictionary<string, object> Variables",
        |_, _| part(Part::Variables),
    ),
    m("IWorkspace Workspace", |cx, _| {
        maybe(cx, Entity::Workspace, Part::Workspace)
    }),
    m("[Reads(GraphQL)] GraphQL GraphQL", |cx, _| {
        maybe(cx, Entity::GraphQl, Part::GraphQl)
    }),
    m("void Trace(string message)", |cx, a| {
        let text = a.values[1].to_text();
        cx.step(text.len() / 16)?;
        cx.host.trace(&text);
        Ok(Value::Null)
    }),
];

const REQUEST: &[Row] = &[
    m("[Reads(RequestBody)] RequestBody Body", |cx, _| {
        maybe(cx, Entity::RequestBody, Part::RequestBody)
    }),
    m("X509Certificate2 Certificate", |cx, _| {
        let certificate = cx.host.caller_certificate();
        cx.step(500)?;
        Ok(certificate.map_or(Value::Null, |der| Certificate::of_host(&der, None)))
    }),
    m("IReadOnlyDictionary<string, string[]> Headers", |_, _| {
        part(Part::RequestHeaders)
    }),
    m("string IpAddress", |cx, _| {
        field(cx, Field::RequestIpAddress)
    }),
    m(
        "IReadOnlyDictionary<string, string> MatchedParameters",
        |_, _| part(Part::MatchedParameters),
    ),
    m("string Method", |cx, _| field(cx, Field::RequestMethod)),
    // What Azure's networks say of a caller: no such network is in front of the gateway.
    m(
        "IPrivateEndpointConnection PrivateEndpointConnection",
        |_, _| Ok(Value::Null),
    ),
    m("IAzureVnetInfo AzureVnetInfo", |_, _| Ok(Value::Null)),
    m("IUrl OriginalUrl", |_, _| part(Part::Url(UrlOf::Original))),
    m("IUrl Url", |_, _| part(Part::Url(UrlOf::Request))),
];

/// A URL that is not one of the exchange's: of an API of a product.
#[derive(Debug)]
struct UrlRecord(UrlParts);

impl Object for UrlRecord {
    fn ty(&self) -> Ty {
        Ty::class("IUrl")
    }
    fn as_any(&self) -> &dyn Any {
        self
    }
    fn text(&self) -> String {
        url_text(&self.0)
    }
}

fn url_record(parts: UrlParts) -> Value {
    Value::Object(Rc::new(UrlRecord(parts)))
}

fn url(cx: &Cx<'_>, a: &Args<'_>) -> UrlParts {
    match &a.values[0] {
        Value::Host(HostObject(Part::Url(u))) => cx.host.url(*u),
        _ => a
            .object::<UrlRecord>(0)
            .map_or_else(|_| UrlParts::default(), |u| u.0.clone()),
    }
}

/// Names and values of the query.
fn query(cx: &mut Cx<'_>, a: &Args<'_>) -> R {
    if let Value::Host(HostObject(Part::Url(u))) = &a.values[0] {
        return part(Part::Query(*u));
    }
    let strings = Ty::array(Ty::String);
    let out = Dict::new(
        Ty::generic("Dictionary", vec![Ty::String, strings.clone()]),
        true,
    );
    for (name, value) in super::web::query_pairs(&url(cx, a).query_string) {
        cx.charge(128)?;
        let name = Value::from(name);
        match out.get(&name) {
            Some(Value::List(all)) => all.items_mut().push(Value::from(value)),
            _ => {
                let one = List::new(strings.clone(), vec![Value::from(value)]);
                out.insert(name, Value::List(one));
            }
        }
    }
    Ok(Value::Dict(out))
}

/// The whole URL; the port only when it is not the scheme's.
pub(crate) fn url_text(u: &UrlParts) -> String {
    let default = matches!(
        (&*u.scheme, u.port),
        ("https" | "wss", 443) | ("http" | "ws", 80)
    );
    let port = if default {
        String::new()
    } else {
        format!(":{}", u.port)
    };
    format!(
        "{}://{}{port}{}{}",
        u.scheme, u.host, u.path, u.query_string
    )
}

const URL: &[Row] = &[
    m("string Host", |cx, a| Ok(Value::Str(url(cx, a).host))),
    m("string Path", |cx, a| Ok(Value::Str(url(cx, a).path))),
    m("int Port", |cx, a| {
        Ok(Value::Int(i32::from(url(cx, a).port)))
    }),
    m("IReadOnlyDictionary<string, string[]> Query", |cx, a| {
        query(cx, a)
    }),
    m("string QueryString", |cx, a| {
        Ok(Value::Str(url(cx, a).query_string))
    }),
    m("string Scheme", |cx, a| Ok(Value::Str(url(cx, a).scheme))),
    m("string ToString()", url_shown),
    m("Uri ToUri()", |cx, a| {
        super::web::uri(&url_text(&url(cx, a)))
    }),
];

/// Members of what the gateway never has: a use finds null before it gets here.
macro_rules! absent {
    ($($signature:literal),*) => {
        &[$(m($signature, |_, _| Err(null_reference()))),*]
    };
}

const GRAPHQL: &[Row] = &[
    m("JObject Arguments", |cx, _| {
        Ok(cx.host.graphql(GraphQlPart::Arguments))
    }),
    m("JObject Parent", |cx, _| {
        Ok(cx.host.graphql(GraphQlPart::Parent))
    }),
];

const PRIVATE_ENDPOINT: &[Row] = absent!("string Name", "string GroupId", "string MemberName");

const VNET: &[Row] = absent!(
    "int VnetTrafficTag",
    "int SubnetId",
    "int PrivateLinkId",
    "string SnatVip"
);

pub(super) const TYPES: &[Type] = &[
    ty("class Microsoft.Azure.ApiManagement.IContext", CONTEXT),
    ty("class Microsoft.Azure.ApiManagement.IRequest", REQUEST),
    ty("class Microsoft.Azure.ApiManagement.IResponse", RESPONSE),
    ty(
        "class Microsoft.Azure.ApiManagement.ContextResponse : IResponse",
        CONTEXT_RESPONSE,
    ),
    ty("class Microsoft.Azure.ApiManagement.IMessageBody", BODY),
    ty(
        "class Microsoft.Azure.ApiManagement.RequestBody : IMessageBody",
        &[],
    ),
    ty(
        "class Microsoft.Azure.ApiManagement.ResponseBody : IMessageBody",
        &[],
    ),
    ty("class Microsoft.Azure.ApiManagement.IUrl", URL),
    ty("class Microsoft.Azure.ApiManagement.IApi", API),
    ty(
        "class Microsoft.Azure.ApiManagement.IContextApi : IApi",
        CONTEXT_API,
    ),
    ty("class Microsoft.Azure.ApiManagement.IOperation", OPERATION),
    ty("class Microsoft.Azure.ApiManagement.IProduct", PRODUCT),
    ty(
        "class Microsoft.Azure.ApiManagement.ISubscription",
        SUBSCRIPTION,
    ),
    ty("class Microsoft.Azure.ApiManagement.IUser", USER),
    ty("class Microsoft.Azure.ApiManagement.IGroup", GROUP),
    ty(
        "class Microsoft.Azure.ApiManagement.IUserIdentity",
        IDENTITY,
    ),
    ty("class Microsoft.Azure.ApiManagement.ILastError", LAST_ERROR),
    ty(
        "class Microsoft.Azure.ApiManagement.IDeployment",
        DEPLOYMENT,
    ),
    ty("class Microsoft.Azure.ApiManagement.IGateway", GATEWAY),
    ty("class Microsoft.Azure.ApiManagement.IWorkspace", WORKSPACE),
    ty(
        "class Microsoft.Azure.ApiManagement.ISubscriptionKeyParameterNames",
        KEY_NAMES,
    ),
    ty(
        "class Microsoft.Azure.ApiManagement.ISustainabilityInfo",
        SUSTAINABILITY,
    ),
    ty("class Microsoft.Azure.ApiManagement.GraphQL", GRAPHQL),
    ty(
        "class Microsoft.Azure.ApiManagement.IPrivateEndpointConnection",
        PRIVATE_ENDPOINT,
    ),
    ty("class Microsoft.Azure.ApiManagement.IAzureVnetInfo", VNET),
];
