//! The `context` object: parts, members, message bodies.
//!
//! A member is a row; what it reads of the exchange stands in front of it. `ContextResponse`, `RequestBody` and `ResponseBody`
//! are shown to authors as `IResponse` and `IMessageBody`: they only tell the binder which message is read.

use super::certificates::Certificate;
use super::json::parsed_as;
use super::{Row, Type, m, ty};
use crate::expr::eval::{Args, Cx, R, Throw, throw};
use crate::expr::host::{BodyError, Entity, Field, ListOf, Message, UrlOf};
use crate::expr::types::Ty;
use crate::value::{Dict, HostObject, Object, Response, Str, Value};
use bytes::Bytes;
use std::any::Any;
use std::rc::Rc;

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
        }
    }
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
    Ok(cx.host.field(f))
}

/// A date that the host gives in ticks.
fn date(cx: &Cx<'_>, f: Field) -> R {
    Ok(match cx.host.field(f) {
        Value::Long(ticks) => Value::utc(ticks),
        v => v,
    })
}

/// A named record: group, identity, API of a product.
#[derive(Debug)]
struct Named {
    class: &'static str,
    id: Str,
    name: Str,
}

impl Object for Named {
    fn ty(&self) -> Ty {
        Ty::class(self.class)
    }
    fn as_any(&self) -> &dyn Any {
        self
    }
    // The same record is the same object, however often it is asked for.
    fn is_single(&self) -> bool {
        true
    }
    fn hash_text(&self) -> Option<String> {
        Some(format!("{} {} {}", self.class, self.id, self.name))
    }
    fn equals(&self, other: &dyn Object) -> bool {
        let other = other.as_any().downcast_ref::<Named>();
        other.is_some_and(|o| o.class == self.class && o.id == self.id && o.name == self.name)
    }
}

fn named(cx: &mut Cx<'_>, list: ListOf, class: &'static str) -> R {
    let all = cx
        .host
        .list(list)
        .into_iter()
        .map(|(id, name)| Value::Object(Rc::new(Named { class, id, name }) as Rc<dyn Object>))
        .collect();
    cx.sequence(Ty::class(class), all)
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
    m("IUrl OriginalUrl", |_, _| part(Part::Url(UrlOf::Original))),
    m("IUrl Url", |_, _| part(Part::Url(UrlOf::Request))),
];

fn stored<'a>(a: &'a Args<'_>) -> Option<&'a Rc<Response>> {
    if let Some(Value::Response(r)) = a.values.first() {
        Some(r)
    } else {
        None
    }
}

const RESPONSE: &[Row] = &[
    m("int StatusCode", |cx, a| match stored(a) {
        Some(r) => Ok(Value::Int(i32::from(r.status))),
        None => field(cx, Field::ResponseStatusCode),
    }),
    m("string StatusReason", |cx, a| match stored(a) {
        Some(r) => Ok(Value::Str(r.reason.clone())),
        None => field(cx, Field::ResponseStatusReason),
    }),
    m(
        "IReadOnlyDictionary<string, string[]> Headers",
        |_, a| match stored(a) {
            Some(r) => Ok(Value::Object(Rc::new(ResponseHeaders(r.clone())))),
            None => part(Part::ResponseHeaders),
        },
    ),
    m("IMessageBody Body", |cx, a| match stored(a) {
        Some(r) => Ok(Value::Object(Rc::new(ResponseBody(r.clone())))),
        None => maybe(cx, Entity::ResponseBody, Part::ResponseBody),
    }),
];

/// Body of `context.Response`; hides the one of `IResponse`, which may be another response.
const CONTEXT_RESPONSE: &[Row] = &[m("[Reads(ResponseBody)] ResponseBody Body", |cx, _| {
    maybe(cx, Entity::ResponseBody, Part::ResponseBody)
})];

/// Headers of a response in a variable.
#[derive(Debug)]
pub(crate) struct ResponseHeaders(pub(crate) Rc<Response>);

impl Object for ResponseHeaders {
    fn ty(&self) -> Ty {
        Ty::generic(
            "IReadOnlyDictionary",
            vec![Ty::String, Ty::array(Ty::String)],
        )
    }
    fn as_any(&self) -> &dyn Any {
        self
    }
    fn items(&self) -> Option<Vec<Value>> {
        let strings = Ty::array(Ty::String);
        Some(
            self.0
                .headers
                .keys()
                .map(|k| {
                    let values = self
                        .0
                        .headers
                        .get_all(k)
                        .iter()
                        .map(|v| Str::from(String::from_utf8_lossy(v.as_bytes())));
                    super::dictionaries::pair(
                        Ty::String,
                        strings.clone(),
                        Value::from(k.as_str()),
                        Value::strings(values),
                    )
                })
                .collect(),
        )
    }
}

/// Body of a response in a variable.
#[derive(Debug)]
struct ResponseBody(Rc<Response>);

impl Object for ResponseBody {
    fn ty(&self) -> Ty {
        Ty::class("IMessageBody")
    }
    fn as_any(&self) -> &dyn Any {
        self
    }
}

fn consumed() -> Throw {
    throw(
        "InvalidOperationException",
        "The message body was read before without preserveContent: true, or there is none.",
    )
}

/// The message of the exchange that a body belongs to.
fn message_of(body: &Value) -> Option<Message> {
    match body {
        Value::Host(HostObject(Part::RequestBody)) => Some(Message::Request),
        Value::Host(HostObject(Part::ResponseBody)) => Some(Message::Response),
        _ => None,
    }
}

fn content(cx: &mut Cx<'_>, body: &Value, preserve: bool) -> Result<Bytes, Throw> {
    if let Some(message) = message_of(body) {
        return cx.host.body(message, preserve).map_err(|e| match e {
            BodyError::Consumed | BodyError::Missing => consumed(),
        });
    }
    match body {
        Value::Object(o) => {
            let Some(b) = o.as_any().downcast_ref::<ResponseBody>() else {
                return Err(consumed());
            };
            let mut slot = b.0.body.borrow_mut();
            let taken = if preserve { slot.clone() } else { slot.take() };
            taken.ok_or_else(consumed)
        }
        _ => Err(crate::expr::eval::null_reference()),
    }
}

fn utf8(cx: &mut Cx<'_>, b: &[u8]) -> Result<String, Throw> {
    cx.charge(b.len())?;
    cx.step(b.len() / 256)?;
    Ok(String::from_utf8_lossy(b.strip_prefix(b"\xef\xbb\xbf").unwrap_or(b)).into_owned())
}

/// `As<T>`.
fn body_as(cx: &mut Cx<'_>, a: &Args<'_>) -> R {
    let ty = a.ty(0);
    let class = match &ty {
        Ty::String => "string",
        Ty::Array(of) if **of == Ty::Byte => "byte[]",
        Ty::Class(n @ ("JObject" | "JToken" | "JArray"), _) => n,
        Ty::Class(n @ ("XDocument" | "XElement" | "XNode"), _) => n,
        other => {
            return Err(throw(
                "NotSupportedException",
                format!(
                    "The message body cannot be read as '{}'.",
                    other.full_name()
                ),
            ));
        }
    };
    let preserve = a.bool(1);
    let bytes = content(cx, &a.values[0], preserve)?;
    match class {
        "byte[]" => Ok(Value::Bytes(bytes)),
        "string" => {
            let s = utf8(cx, &bytes)?;
            cx.text(s)
        }
        class => {
            let message = message_of(&a.values[0]).filter(|_| preserve && class.starts_with('J'));
            if let Some(tree) = message.and_then(|m| cx.parsed(m, &bytes))
                && (class == "JToken" || class == tree.class())
            {
                return Ok(Value::Token(tree));
            }
            let s = utf8(cx, &bytes)?;
            if class.starts_with('X') {
                return super::xml::parsed_as(cx, &s, class);
            }
            if s.trim().is_empty() {
                // Json.NET's deserialiser gives null for nothing.
                return Ok(Value::Null);
            }
            let value = parsed_as(cx, &s, class)?;
            if let (Some(message), Value::Token(tree)) = (message, &value) {
                cx.keep_parsed(message, bytes, tree);
            }
            Ok(value)
        }
    }
}

fn form(cx: &mut Cx<'_>, a: &Args<'_>) -> R {
    let preserve = a.bool(1);
    let bytes = content(cx, &a.values[0], preserve)?;
    let s = utf8(cx, &bytes)?;
    let list = Ty::generic("IList", vec![Ty::String]);
    let d = Dict::new(Ty::generic("Dictionary", vec![Ty::String, list]), true);
    for (k, v) in super::web::form_pairs(&s) {
        cx.charge(128)?;
        let key = Value::from(k);
        match d.get(&key) {
            Some(Value::List(l)) => l.items_mut().push(Value::from(v)),
            _ => {
                let l = crate::value::List::new(
                    Ty::generic("List", vec![Ty::String]),
                    vec![Value::from(v)],
                );
                d.insert(key, Value::List(l));
            }
        }
    }
    Ok(Value::Dict(d))
}

const BODY: &[Row] = &[
    m("T As<T>(bool preserveContent = false)", |cx, a| {
        body_as(cx, a)
    }),
    m(
        "IDictionary<string, IList<string>> AsFormUrlEncodedContent(bool preserveContent = false)",
        |cx, a| form(cx, a),
    ),
];

fn url(a: &Args<'_>) -> UrlOf {
    match &a.values[0] {
        Value::Host(HostObject(Part::Url(u))) => *u,
        _ => UrlOf::Request,
    }
}

/// The whole URL; the port only when it is not the scheme's.
fn url_text(cx: &Cx<'_>, a: &Args<'_>) -> String {
    let u = cx.host.url(url(a));
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
    m("string Host", |cx, a| {
        Ok(Value::Str(cx.host.url(url(a)).host))
    }),
    m("string Path", |cx, a| {
        Ok(Value::Str(cx.host.url(url(a)).path))
    }),
    m("int Port", |cx, a| {
        Ok(Value::Int(i32::from(cx.host.url(url(a)).port)))
    }),
    m("IReadOnlyDictionary<string, string[]> Query", |_, a| {
        part(Part::Query(url(a)))
    }),
    m("string QueryString", |cx, a| {
        Ok(Value::Str(cx.host.url(url(a)).query_string))
    }),
    m("string Scheme", |cx, a| {
        Ok(Value::Str(cx.host.url(url(a)).scheme))
    }),
    m("string ToString()", |cx, a| {
        let s = url_text(cx, a);
        cx.text(s)
    }),
    m("Uri ToUri()", |cx, a| super::web::uri(&url_text(cx, a))),
];

const API: &[Row] = &[
    m("string Id", |cx, a| api_field(cx, a, Field::ApiId, true)),
    m("string Name", |cx, a| {
        api_field(cx, a, Field::ApiName, false)
    }),
    m("string Path", |cx, a| {
        api_field(cx, a, Field::ApiPath, false)
    }),
    m("IEnumerable<string> Protocols", |cx, _| {
        let all = cx
            .host
            .list(ListOf::ApiProtocols)
            .into_iter()
            .map(|(p, _)| Value::Str(p))
            .collect();
        cx.sequence(Ty::String, all)
    }),
    m("IUrl ServiceUrl", |cx, _| {
        maybe(cx, Entity::ApiServiceUrl, Part::Url(UrlOf::ApiService))
    }),
];

/// An API of a product is a record, the called one is the host's.
fn api_field(cx: &Cx<'_>, a: &Args<'_>, f: Field, id: bool) -> R {
    match a.object::<Named>(0) {
        Ok(n) => Ok(Value::Str(if id { n.id.clone() } else { n.name.clone() })),
        Err(_) => field(cx, f),
    }
}

const CONTEXT_API: &[Row] = &[
    m("bool IsCurrentRevision", |cx, _| {
        field(cx, Field::ApiIsCurrentRevision)
    }),
    m("string Revision", |cx, _| field(cx, Field::ApiRevision)),
    m("string Version", |cx, _| field(cx, Field::ApiVersion)),
    m("IWorkspace Workspace", |cx, _| {
        maybe(cx, Entity::Workspace, Part::Workspace)
    }),
];

const OPERATION: &[Row] = &[
    m("string Id", |cx, _| field(cx, Field::OperationId)),
    m("string Method", |cx, _| field(cx, Field::OperationMethod)),
    m("string Name", |cx, _| field(cx, Field::OperationName)),
    m("string UrlTemplate", |cx, _| {
        field(cx, Field::OperationUrlTemplate)
    }),
];

const PRODUCT: &[Row] = &[
    m("IEnumerable<IApi> Apis", |cx, _| {
        named(cx, ListOf::ProductApis, "IApi")
    }),
    m("bool ApprovalRequired", |cx, _| {
        field(cx, Field::ProductApprovalRequired)
    }),
    m("IEnumerable<IGroup> Groups", |cx, _| {
        named(cx, ListOf::ProductGroups, "IGroup")
    }),
    m("string Id", |cx, _| field(cx, Field::ProductId)),
    m("string Name", |cx, _| field(cx, Field::ProductName)),
    m("ProductState State", |cx, _| {
        let published = matches!(
            cx.host.field(Field::ProductState).as_str(),
            Some("Published" | "published")
        );
        Ok(Value::Enum(
            &super::enums::PRODUCT_STATE,
            i64::from(published),
        ))
    }),
    m("int? SubscriptionLimit", |cx, _| {
        field(cx, Field::ProductSubscriptionLimit)
    }),
    m("bool SubscriptionRequired", |cx, _| {
        field(cx, Field::ProductSubscriptionRequired)
    }),
    m("IWorkspace Workspace", |cx, _| {
        maybe(cx, Entity::Workspace, Part::Workspace)
    }),
];

const SUBSCRIPTION: &[Row] = &[
    m("DateTime CreatedDate", |cx, _| {
        date(cx, Field::SubscriptionCreatedDate)
    }),
    m("DateTime CreatedTime", |cx, _| {
        date(cx, Field::SubscriptionCreatedDate)
    }),
    m("DateTime? EndDate", |cx, _| {
        date(cx, Field::SubscriptionEndDate)
    }),
    m("string Id", |cx, _| field(cx, Field::SubscriptionId)),
    m("string Key", |cx, _| field(cx, Field::SubscriptionKey)),
    m("string Name", |cx, _| field(cx, Field::SubscriptionName)),
    m("string PrimaryKey", |cx, _| {
        field(cx, Field::SubscriptionPrimaryKey)
    }),
    m("string SecondaryKey", |cx, _| {
        field(cx, Field::SubscriptionSecondaryKey)
    }),
    m("DateTime? StartDate", |cx, _| {
        date(cx, Field::SubscriptionStartDate)
    }),
];

const USER: &[Row] = &[
    m("string Email", |cx, _| field(cx, Field::UserEmail)),
    m("string FirstName", |cx, _| field(cx, Field::UserFirstName)),
    m("IEnumerable<IGroup> Groups", |cx, _| {
        named(cx, ListOf::UserGroups, "IGroup")
    }),
    m("string Id", |cx, _| field(cx, Field::UserId)),
    m("IEnumerable<IUserIdentity> Identities", |cx, _| {
        named(cx, ListOf::UserIdentities, "IUserIdentity")
    }),
    m("string LastName", |cx, _| field(cx, Field::UserLastName)),
    m("string Note", |cx, _| field(cx, Field::UserNote)),
    m("DateTime RegistrationDate", |cx, _| {
        date(cx, Field::UserRegistrationDate)
    }),
];

const LAST_ERROR: &[Row] = &[
    m("string Source", |cx, _| field(cx, Field::LastErrorSource)),
    m("string Reason", |cx, _| field(cx, Field::LastErrorReason)),
    m("string Message", |cx, _| field(cx, Field::LastErrorMessage)),
    m("string Scope", |cx, _| field(cx, Field::LastErrorScope)),
    m("string Section", |cx, _| field(cx, Field::LastErrorSection)),
    m("string Path", |cx, _| field(cx, Field::LastErrorPath)),
    m("string PolicyId", |cx, _| {
        field(cx, Field::LastErrorPolicyId)
    }),
];

const DEPLOYMENT: &[Row] = &[
    m(
        "IReadOnlyDictionary<string, X509Certificate2> Certificates",
        |_, _| part(Part::Certificates),
    ),
    m("IGateway Gateway", |_, _| part(Part::Gateway)),
    m("string GatewayId", |cx, _| {
        field(cx, Field::DeploymentGatewayId)
    }),
    m("string Region", |cx, _| field(cx, Field::DeploymentRegion)),
    m("string ServiceId", |cx, _| {
        field(cx, Field::DeploymentServiceId)
    }),
    m("string ServiceName", |cx, _| {
        field(cx, Field::DeploymentServiceName)
    }),
];

const GATEWAY: &[Row] = &[
    m("string Id", |cx, _| field(cx, Field::DeploymentGatewayId)),
    m("string InstanceId", |cx, _| {
        field(cx, Field::DeploymentInstanceId)
    }),
    m("bool IsManaged", |cx, _| {
        field(cx, Field::DeploymentIsManaged)
    }),
];

const GROUP: &[Row] = &[
    m("string Id", |_, a| {
        Ok(Value::Str(a.object::<Named>(0)?.id.clone()))
    }),
    m("string Name", |_, a| {
        Ok(Value::Str(a.object::<Named>(0)?.name.clone()))
    }),
];

const IDENTITY: &[Row] = &[
    m("string Id", |_, a| {
        Ok(Value::Str(a.object::<Named>(0)?.id.clone()))
    }),
    m("string Provider", |_, a| {
        Ok(Value::Str(a.object::<Named>(0)?.name.clone()))
    }),
];

const WORKSPACE: &[Row] = &[
    m("string Id", |cx, _| field(cx, Field::WorkspaceId)),
    m("string Name", |cx, _| field(cx, Field::WorkspaceName)),
];

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
];
