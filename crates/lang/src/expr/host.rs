//! What a running exchange lends to an expression: the data behind `context`.
//!
//! A member of `context` is a row: a [`Field`] here, its type in the binder's table, its value in the host's `field`.

use crate::value::{Lent, Str, Token, Value};
use bytes::Bytes;
use http::HeaderMap;
use std::cell::Cell;

/// One of the two messages.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Message {
    /// `context.Request`.
    Request,
    /// `context.Response`.
    Response,
}

/// Objects that may be null.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Entity {
    /// `context.Api`.
    Api,
    /// `context.Operation`.
    Operation,
    /// `context.Product`.
    Product,
    /// `context.Subscription`.
    Subscription,
    /// `context.User`.
    User,
    /// `context.LastError`.
    LastError,
    /// `context.Response`.
    Response,
    /// `context.Request.Body`.
    RequestBody,
    /// `context.Response.Body`.
    ResponseBody,
    /// `context.Api.ServiceUrl`.
    ApiServiceUrl,
    /// `context.Workspace`.
    Workspace,
    /// `context.GraphQL`.
    GraphQl,
}

/// Members of `context.GraphQL`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum GraphQlPart {
    /// The arguments of the field that is resolved.
    Arguments,
    /// The object that the field belongs to.
    Parent,
}

/// The URLs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum UrlOf {
    /// `context.Request.Url`.
    Request,
    /// `context.Request.OriginalUrl`.
    Original,
    /// `context.Api.ServiceUrl`.
    ApiService,
}

/// Parts of a URL.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct UrlParts {
    /// `https`.
    pub scheme: Str,
    /// Host without port.
    pub host: Str,
    /// Always given; the scheme's default if the URL has none.
    pub port: u16,
    /// With the leading `/`, still percent-encoded.
    pub path: Str,
    /// With the leading `?`, or empty.
    pub query_string: Str,
}

/// An API of `context.Product.Apis`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[allow(missing_docs, reason = "each is the member of the same name")]
pub struct ApiParts {
    pub id: Str,
    pub name: Str,
    pub path: Str,
    pub protocols: Vec<Str>,
    pub service_url: Option<UrlParts>,
    /// `SubscriptionKeyParameterNames.Header`.
    pub key_header: Str,
    /// `SubscriptionKeyParameterNames.Query`.
    pub key_query: Str,
}

/// Scalar members of `context`; the comment gives the .NET type.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[allow(missing_docs, reason = "each is the member of the same name")]
pub enum Field {
    // string unless said otherwise; a null is `Value::Null`
    ApiId,
    ApiName,
    ApiPath,
    ApiRevision,
    ApiVersion,
    ApiIsCurrentRevision, // bool
    ApiKeyHeader,
    ApiKeyQuery,
    OperationId,
    OperationName,
    OperationMethod,
    OperationUrlTemplate,
    ProductId,
    ProductName,
    ProductApprovalRequired,
    ProductSubscriptionRequired, // bool
    ProductState,                // string: Published | NotPublished
    ProductSubscriptionLimit,    // int or null
    SubscriptionId,
    SubscriptionName,
    SubscriptionKey,
    SubscriptionPrimaryKey,
    SubscriptionSecondaryKey,
    SubscriptionCreatedDate,
    SubscriptionStartDate,
    SubscriptionEndDate, // ticks as Value::Long, or null
    UserId,
    UserEmail,
    UserFirstName,
    UserLastName,
    UserNote,
    UserRegistrationDate, // ticks
    LastErrorSource,
    LastErrorReason,
    LastErrorMessage,
    LastErrorScope,
    LastErrorSection,
    LastErrorPath,
    LastErrorPolicyId,
    LastErrorHttpErrorCode, // int
    DeploymentGatewayId,
    DeploymentRegion,
    DeploymentServiceId,
    DeploymentServiceName,
    DeploymentInstanceId,
    DeploymentIsManaged, // bool
    RequestMethod,
    RequestOriginalMethod,
    RequestIpAddress,
    ResponseStatusCode, // int
    ResponseStatusReason,
    Tracing, // bool
    WorkspaceId,
    WorkspaceName,
}

/// Lists of records.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[allow(missing_docs, reason = "each is the member of the same name")]
pub enum ListOf {
    UserGroups,     // (Id, Name)
    UserIdentities, // (Id, Provider)
    ProductGroups,  // (Id, Name)
    ApiProtocols,   // (text, "")
}

/// Why a body cannot be read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum BodyError {
    /// Read before without `preserveContent`.
    Consumed,
    /// The message has none.
    Missing,
}

/// A body that was parsed as JSON. What must stay true: nothing else holds a part of the tree.
#[derive(Debug)]
pub struct Parsed {
    body: Bytes,
    tree: Token,
}

/// Largest body whose tree is kept: a tree takes many times the memory of its text.
const KEPT_TREE: usize = 256 * 1024;

impl Parsed {
    /// `None` for bodies that are too large to be worth it.
    pub(crate) fn new(body: Bytes, tree: Token) -> Option<Parsed> {
        (body.len() <= KEPT_TREE).then_some(Parsed { body, tree })
    }

    /// The tree, if it is that of the body: the same bytes in memory, which this value keeps from being used otherwise.
    pub(crate) fn of(&self, body: &Bytes) -> Option<&Token> {
        let same = std::ptr::eq(self.body.as_ptr(), body.as_ptr()) && self.body.len() == body.len();
        same.then_some(&self.tree)
    }
}

/// The exchange as an expression sees it. Everything is in memory: bodies that an expression reads were
/// buffered before it runs (the engine knows from [`super::Reads`]).
pub trait Host {
    /// Whether the object is there.
    fn has(&self, entity: Entity) -> bool;
    /// A scalar member.
    fn field(&self, field: Field) -> Lent<'_>;
    /// Records behind a list member.
    fn list(&self, list: ListOf) -> Vec<(Str, Str)>;
    /// `context.Product.Apis`.
    fn product_apis(&self) -> Vec<ApiParts> {
        Vec::new()
    }
    /// Headers of a message.
    fn headers(&self, message: Message) -> &HeaderMap;
    /// A URL.
    fn url(&self, url: UrlOf) -> UrlParts;
    /// Lends the query of a URL, with or without its `?`, still encoded.
    fn query(&self, url: UrlOf, read: &mut dyn FnMut(&str)) {
        read(&self.url(url).query_string);
    }
    /// URL-template parameters, decoded, path and query.
    fn matched_parameters(&self) -> &[(Str, Str)];
    /// A variable.
    fn variable(&self, name: &str) -> Option<&Value>;
    /// All variable names.
    fn variable_names(&self) -> Vec<Str>;
    /// The whole body; `preserve` false consumes it. Already decompressed.
    fn body(&mut self, message: Message, preserve: bool) -> Result<Bytes, BodyError>;
    /// Takes out what [`Host::keep_parsed`] put in. It may be of a body that has been replaced since.
    fn parsed(&mut self, message: Message) -> Option<Parsed> {
        let _ = message;
        None
    }
    /// Keeps a body as JSON for the next expression that only reads it.
    fn keep_parsed(&mut self, message: Message, parsed: Parsed) {
        let _ = (message, parsed);
    }
    /// The caller's certificate (`context.Request.Certificate`), DER.
    fn caller_certificate(&self) -> Option<Bytes> {
        None
    }
    /// `context.Deployment.Certificates`: id, certificate (PEM or DER) and private key (PEM).
    fn certificates(&self) -> Vec<(Str, Bytes, Option<Str>)> {
        Vec::new()
    }
    /// Whether a certificate (DER) is valid now and chains to a trusted root. A host that cannot tell says no.
    fn trusts(&self, certificate: &[u8]) -> bool {
        let _ = certificate;
        false
    }
    /// A member of `context.GraphQL`, a `JObject` or null; asked only where [`Entity::GraphQl`] is there.
    fn graphql(&self, part: GraphQlPart) -> Value {
        let _ = part;
        Value::Null
    }
    /// `context.RequestId`.
    fn request_id(&self) -> u128;
    /// `context.Timestamp`, .NET ticks UTC.
    fn timestamp(&self) -> i64;
    /// `DateTime.UtcNow`, .NET ticks UTC.
    fn now(&self) -> i64;
    /// 64 random bits for `Guid.NewGuid` and `Random`.
    fn random(&mut self) -> u64;
    /// `context.Trace(text)`.
    fn trace(&mut self, text: &str);
    /// The evaluation has run for a while: lets other work of the thread go on before it returns. `false` when nobody
    /// waits for the result any more; the evaluation then ends.
    fn pause(&mut self) -> bool {
        true
    }
}

/// A host without an exchange: what constants are folded with.
#[derive(Debug, Default)]
pub(crate) struct Nowhere {
    headers: HeaderMap,
    asked: Cell<bool>,
    body: Option<Bytes>,
}

impl Nowhere {
    /// One whose messages have a body.
    pub(crate) fn with_body(body: &[u8]) -> Nowhere {
        Nowhere {
            body: Some(Bytes::copy_from_slice(body)),
            ..Nowhere::default()
        }
    }

    /// Whether anything was read or done: then the result is not the same in every exchange.
    pub(crate) fn was_asked(&self) -> bool {
        self.asked.get()
    }
}

impl Host for Nowhere {
    fn has(&self, _: Entity) -> bool {
        self.asked.set(true);
        false
    }
    fn field(&self, _: Field) -> Lent<'_> {
        self.asked.set(true);
        Lent::NULL
    }
    fn list(&self, _: ListOf) -> Vec<(Str, Str)> {
        self.asked.set(true);
        Vec::new()
    }
    fn product_apis(&self) -> Vec<ApiParts> {
        self.asked.set(true);
        Vec::new()
    }
    fn headers(&self, _: Message) -> &HeaderMap {
        self.asked.set(true);
        &self.headers
    }
    fn url(&self, _: UrlOf) -> UrlParts {
        self.asked.set(true);
        UrlParts::default()
    }
    fn matched_parameters(&self) -> &[(Str, Str)] {
        self.asked.set(true);
        &[]
    }
    fn variable(&self, _: &str) -> Option<&Value> {
        self.asked.set(true);
        None
    }
    fn variable_names(&self) -> Vec<Str> {
        self.asked.set(true);
        Vec::new()
    }
    fn body(&mut self, _: Message, _: bool) -> Result<Bytes, BodyError> {
        self.asked.set(true);
        self.body.clone().ok_or(BodyError::Missing)
    }
    fn graphql(&self, _: GraphQlPart) -> Value {
        self.asked.set(true);
        Value::Null
    }
    fn request_id(&self) -> u128 {
        self.asked.set(true);
        0
    }
    fn timestamp(&self) -> i64 {
        self.asked.set(true);
        0
    }
    fn now(&self) -> i64 {
        self.asked.set(true);
        0
    }
    fn random(&mut self) -> u64 {
        self.asked.set(true);
        0
    }
    fn trace(&mut self, _: &str) {
        self.asked.set(true);
    }
    fn caller_certificate(&self) -> Option<Bytes> {
        self.asked.set(true);
        None
    }
    fn certificates(&self) -> Vec<(Str, Bytes, Option<Str>)> {
        self.asked.set(true);
        Vec::new()
    }
    fn trusts(&self, _: &[u8]) -> bool {
        self.asked.set(true);
        false
    }
}
