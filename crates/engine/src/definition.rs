//! The configuration as plain data: what `control` reads from files and [`crate::snapshot::build`] compiles.
//!
//! Property names and meaning are API Management's; what must stay true: no field here is read on the hot path.

mod budget;
mod contract;
mod graphql;
mod ledger_tag;
mod mcp;
mod token_accounting;

pub use budget::{
    BudgetDefinition, BudgetScope, BudgetSettings, Each, NotificationDefinition, UnpricedCalls,
};
pub use contract::{ContractSource, KnownContracts, SchemaDefinition, SchemaKind};
pub use graphql::{GraphQlDefinition, ResolverDefinition};
pub use ledger_tag::{LedgerTagDefinition, TagScope};
pub use mcp::{
    McpAuthorization, McpDefinition, McpEndpoints, McpSource, ProductTools, ToolDefinition,
    ToolLists,
};
pub use token_accounting::{AccountingMode, TokenAccounting};

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;
use tollgate_lang::{FileId, Span};
use tollgate_llm::price::{Pico, PriceTable, Tier};

/// A secret. Never prints.
#[derive(Clone, PartialEq, Eq, Hash, Default)]
pub struct Secret(Arc<str>);

impl Secret {
    /// Takes the secret text.
    pub fn new(text: impl Into<Arc<str>>) -> Secret {
        Secret(text.into())
    }

    /// The secret itself: only for the wire and for comparison.
    pub fn expose(&self) -> &Arc<str> {
        &self.0
    }
}

impl std::fmt::Debug for Secret {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Secret(…)")
    }
}

/// How the text begins that stands in the place of a secret that is not there, where that is only a warning.
pub const MISSING: &str = "missing-";

/// Everything.
#[derive(Clone, Debug, Default)]
pub struct Definition {
    /// Settings of the gateway itself that the pipeline sees.
    pub gateway: GatewayDefinition,
    /// Named values by display name.
    pub named_values: BTreeMap<String, NamedValue>,
    /// Fragments by id.
    pub fragments: BTreeMap<String, PolicyText>,
    /// The policy of the global scope.
    pub policy: Option<PolicyText>,
    /// Workspaces: what a part of them is says so by their id.
    pub workspaces: Vec<WorkspaceDefinition>,
    /// Backends.
    pub backends: Vec<BackendDefinition>,
    /// Loggers.
    pub loggers: Vec<LoggerDefinition>,
    /// Stored connections, for `get-authorization-context`.
    pub authorization_providers: Arc<AuthorizationProviders>,
    /// APIs.
    pub apis: Vec<ApiDefinition>,
    /// Products.
    pub products: Vec<ProductDefinition>,
    /// Subscriptions.
    pub subscriptions: Vec<SubscriptionDefinition>,
    /// Users, for `context.User`.
    pub users: Vec<UserDefinition>,
    /// Certificates, for `certificate-id`.
    pub certificates: Vec<CertificateDefinition>,
    /// Schemas that policies name by id.
    pub schemas: Vec<SchemaDefinition>,
    /// Budgets.
    pub budgets: Vec<BudgetDefinition>,
    /// What is set for all budgets.
    pub budget_settings: BudgetSettings,
    /// Tags of the ledger's records.
    pub ledger_tags: Vec<LedgerTagDefinition>,
}

/// A workspace: a part of the configuration with names of its own. What documents of a workspace name is looked for in
/// the workspace, then in the service; nothing names what is in another one.
#[derive(Clone, Debug, Default)]
pub struct WorkspaceDefinition {
    /// Where it stands.
    pub span: Option<Span>,
    /// `context.Workspace.Id`.
    pub id: Arc<str>,
    /// `context.Workspace.Name`.
    pub display_name: Arc<str>,
    /// Its named values by display name.
    pub named_values: BTreeMap<String, NamedValue>,
    /// Its fragments by id.
    pub fragments: BTreeMap<String, PolicyText>,
    /// The policy of all its APIs, inside the global one.
    pub policy: Option<PolicyText>,
}

/// Where records of calls go.
#[derive(Clone, Debug)]
pub struct LoggerDefinition {
    /// Where it stands.
    pub span: Option<Span>,
    /// The workspace that it is in.
    pub workspace: Option<Arc<str>>,
    /// What `logger-id` names.
    pub id: Arc<str>,
    /// What it writes to.
    pub kind: LoggerKind,
    /// API Management's `credentials` by name, as `connectionString`.
    pub credentials: BTreeMap<Arc<str>, Secret>,
    /// Whether records may wait for others and go together.
    pub is_buffered: bool,
}

/// What a logger writes to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[allow(missing_docs, reason = "API Management's own names")]
pub enum LoggerKind {
    AzureEventHub,
    ApplicationInsights,
    AzureMonitor,
}

/// A group of users: id and name.
pub type Group = (Arc<str>, Arc<str>);

/// A certificate and its private key.
#[derive(Clone, Debug)]
pub struct CertificateDefinition {
    /// Where it stands.
    pub span: Option<Span>,
    /// The workspace that it is in.
    pub workspace: Option<Arc<str>>,
    /// Its id.
    pub id: Arc<str>,
    /// PEM; of a chain the first counts. `None`: it was refused, which has been told.
    pub certificate: Option<Arc<str>>,
    /// Its private key, PEM, where it is needed.
    pub key: Option<Secret>,
}

/// Stored connections by the id of their provider and their own.
pub type AuthorizationProviders = BTreeMap<Arc<str>, BTreeMap<Arc<str>, AuthorizationDefinition>>;

/// A stored connection: a token that somebody else keeps fresh.
#[derive(Clone, Debug)]
pub struct AuthorizationDefinition {
    /// `Authorization.AccessToken`.
    pub access_token: Secret,
    /// `Authorization.Claims`.
    pub claims: Vec<(Arc<str>, serde_json::Value)>,
    /// When the token ends, Unix milliseconds; `None`: never.
    pub expires_millis: Option<u64>,
}

/// What `context.Deployment` says, and the pipeline's limits.
#[derive(Clone, Debug)]
pub struct GatewayDefinition {
    /// `context.Deployment.Gateway.Id`.
    pub id: Arc<str>,
    /// `context.Deployment.Region`.
    pub region: Arc<str>,
    /// `context.Deployment.ServiceName`.
    pub service_name: Arc<str>,
    /// Most bytes of a body that a policy may have buffered.
    pub max_buffered_body: usize,
    /// Most seconds between two chunks of a body, either side.
    pub body_idle_timeout: Duration,
    /// How long a metered response is read on after its caller has left, so that the provider's own usage is counted
    /// and not an estimate. The provider works on meanwhile; zero closes the connection at once.
    pub usage_timeout: Duration,
    /// Scheme, host and base path by which callers reach the gateway, without a `/` at its end.
    pub public_url: Option<Arc<str>>,
    /// Hosts (`name` or `name:port`) that MCP servers answer to on a loopback listener, beside loopback names.
    pub allowed_hosts: Vec<Arc<str>>,
    /// Beginnings of OpenID configuration URLs and what stands in their place: a document that names a public provider
    /// is served by another one. See [`rewrite_authority`].
    pub openid_authorities: Vec<(Arc<str>, Arc<str>)>,
    /// Base URL of the Dapr sidecar's HTTP API, without a `/` at its end.
    pub dapr_endpoint: Arc<str>,
    /// Authorities that client certificates are trusted by, PEM.
    pub client_authorities: Option<Arc<str>>,
    /// What models cost.
    pub prices: Arc<PriceTable>,
    /// Whether answers of model calls tell their cost in headers.
    pub cost_headers: bool,
    /// How token limits hold where no product or API says otherwise.
    pub token_accounting: TokenAccounting,
}

/// A URL whose authority is another one's: the first pair whose first part begins it, up to a `/`, counts.
pub fn rewrite_authority(authorities: &[(Arc<str>, Arc<str>)], url: &str) -> Arc<str> {
    for (from, to) in authorities {
        let from = from.trim_end_matches('/');
        let begins = url
            .get(..from.len())
            .is_some_and(|b| b.eq_ignore_ascii_case(from));
        if begins && !from.is_empty() && url[from.len()..].starts_with('/') {
            return format!("{}{}", to.trim_end_matches('/'), &url[from.len()..]).into();
        }
    }
    Arc::from(url)
}

impl Default for GatewayDefinition {
    fn default() -> Self {
        GatewayDefinition {
            id: Arc::from("tollgate"),
            region: Arc::from("local"),
            service_name: Arc::from("tollgate"),
            max_buffered_body: 16 << 20,
            body_idle_timeout: Duration::from_secs(300),
            usage_timeout: Duration::from_secs(30),
            public_url: None,
            allowed_hosts: Vec::new(),
            openid_authorities: Vec::new(),
            client_authorities: None,
            dapr_endpoint: Arc::from("http://localhost:3500"),
            prices: PriceTable::shipped(),
            cost_headers: false,
            token_accounting: TokenAccounting::default(),
        }
    }
}

/// A policy document's text and its file.
#[derive(Clone, Debug)]
pub struct PolicyText {
    /// For spans.
    pub file: FileId,
    /// The text.
    pub text: Arc<str>,
}

/// A named value.
#[derive(Clone, Debug)]
pub struct NamedValue {
    /// The value.
    pub value: Secret,
    /// Whether it is a secret.
    pub secret: bool,
}

/// An API.
#[derive(Clone, Debug)]
pub struct ApiDefinition {
    /// Where it stands in the configuration.
    pub span: Option<Span>,
    /// The workspace that it is in.
    pub workspace: Option<Arc<str>>,
    /// `context.Api.Id`: the same for all revisions.
    pub id: Arc<str>,
    /// `context.Api.Name`.
    pub display_name: Arc<str>,
    /// URL prefix below the host, without slashes at its ends; may be empty.
    pub path: Arc<str>,
    /// Schemes that are served.
    pub protocols: Vec<Protocol>,
    /// Default backend base URL.
    pub service_url: Option<Arc<str>>,
    /// Backend that is used instead of `service_url`.
    pub backend: Option<Arc<str>>,
    /// Whether a key is needed.
    pub subscription_required: bool,
    /// Header that carries the key.
    pub key_header: Arc<str>,
    /// Query parameter that carries the key.
    pub key_query: Arc<str>,
    /// Kind.
    pub kind: ApiKind,
    /// What makes it an MCP server: of kind [`ApiKind::Mcp`] only, where `None` is a pass-through with defaults.
    pub mcp: Option<Box<McpDefinition>>,
    /// What makes it a GraphQL API.
    pub graphql: Option<Box<GraphQlDefinition>>,
    /// Version and how it is told.
    pub version: Option<VersionDefinition>,
    /// `context.Api.Revision`.
    pub revision: Arc<str>,
    /// Whether this revision answers without `;rev=`.
    pub is_current: bool,
    /// Whether this revision answers at all.
    pub is_online: bool,
    /// Operations.
    pub operations: Vec<OperationDefinition>,
    /// How token limits hold here.
    pub token_accounting: TokenAccounting,
    /// What they declare of their messages, for validation and `mock-response`.
    pub contracts: Option<Arc<dyn ContractSource>>,
    /// Its policy.
    pub policy: Option<PolicyText>,
}

/// Schemes of an API.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[allow(missing_docs, reason = "the schemes' own names")]
pub enum Protocol {
    Http,
    Https,
    Ws,
    Wss,
}

/// Kinds of API that the gateway serves.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub enum ApiKind {
    /// Plain HTTP.
    #[default]
    Http,
    /// WebSocket pass-through.
    WebSocket,
    /// MCP server: calls go to another one, or are answered from operations. The backend section forwards even when
    /// the document's is empty.
    Mcp,
}

/// A version inside a version set.
#[derive(Clone, Debug)]
pub struct VersionDefinition {
    /// The version set's id.
    pub set: Arc<str>,
    /// The version; `None` is the set's original.
    pub version: Option<Arc<str>>,
    /// How a caller names it.
    pub scheme: VersioningScheme,
}

/// How a caller names a version.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum VersioningScheme {
    /// A path segment after the API's path.
    Segment,
    /// A query parameter of this name.
    Query(Arc<str>),
    /// A header of this name.
    Header(Arc<str>),
}

/// An operation.
#[derive(Clone, Debug)]
pub struct OperationDefinition {
    /// `context.Operation.Id`.
    pub id: Arc<str>,
    /// `context.Operation.Name`.
    pub display_name: Arc<str>,
    /// Verb, or `*`.
    pub method: Arc<str>,
    /// URL template.
    pub url_template: Arc<str>,
    /// What it takes and gives: only of an operation that is a tool and has a specification.
    pub contract: Option<Arc<tollgate_agents::operation::Contract>>,
    /// Its policy.
    pub policy: Option<PolicyText>,
}

/// A product.
#[derive(Clone, Debug)]
pub struct ProductDefinition {
    /// Where it stands.
    pub span: Option<Span>,
    /// The workspace that it is in.
    pub workspace: Option<Arc<str>>,
    /// `context.Product.Id`.
    pub id: Arc<str>,
    /// `context.Product.Name`.
    pub display_name: Arc<str>,
    /// Whether a key is needed.
    pub subscription_required: bool,
    /// `context.Product.ApprovalRequired`.
    pub approval_required: bool,
    /// `context.Product.SubscriptionLimit`.
    pub subscriptions_limit: Option<i32>,
    /// `Published` or not.
    pub published: bool,
    /// Ids of its APIs.
    pub apis: Vec<Arc<str>>,
    /// Groups that see it.
    pub groups: Vec<Group>,
    /// Which tools of its MCP servers it opens.
    pub mcp_tools: Vec<ProductTools>,
    /// How token limits hold for its subscribers.
    pub token_accounting: TokenAccounting,
    /// Its policy.
    pub policy: Option<PolicyText>,
}

/// What a subscription opens.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum SubscriptionScope {
    /// One product's APIs.
    Product(Arc<str>),
    /// One API.
    Api(Arc<str>),
    /// All APIs of the service, or of the subscription's workspace.
    AllApis,
}

/// A subscription.
#[derive(Clone, Debug)]
pub struct SubscriptionDefinition {
    /// Where it stands.
    pub span: Option<Span>,
    /// The workspace whose APIs and products its scope is of.
    pub workspace: Option<Arc<str>>,
    /// `context.Subscription.Id`.
    pub id: Arc<str>,
    /// `context.Subscription.Name`.
    pub display_name: Arc<str>,
    /// What it opens.
    pub scope: SubscriptionScope,
    /// Owner's user id.
    pub owner: Option<Arc<str>>,
    /// Keys.
    pub primary_key: Secret,
    /// Second key.
    pub secondary_key: Option<Secret>,
    /// Only active ones work.
    pub active: bool,
    /// Created, milliseconds since the Unix epoch: quotas count from here.
    pub created_millis: u64,
    /// `context.Subscription.StartDate`; `None`: when it was created.
    pub start_millis: Option<u64>,
    /// `context.Subscription.EndDate`.
    pub end_millis: Option<u64>,
    /// May trace.
    pub allow_tracing: bool,
}

/// A user.
#[derive(Clone, Debug, Default)]
#[allow(missing_docs, reason = "context.User's own members")]
pub struct UserDefinition {
    pub id: Arc<str>,
    pub email: Arc<str>,
    pub first_name: Arc<str>,
    pub last_name: Arc<str>,
    pub note: Arc<str>,
    pub groups: Vec<Group>,
    /// Whether the user's subscriptions open anything: not when the user is blocked or deleted.
    pub blocked: bool,
    /// Milliseconds since the Unix epoch.
    pub registered_millis: u64,
    /// Id and provider.
    pub identities: Vec<(Arc<str>, Arc<str>)>,
}

/// A backend.
#[derive(Clone, Debug)]
pub struct BackendDefinition {
    /// Where it stands.
    pub span: Option<Span>,
    /// The workspace that it is in.
    pub workspace: Option<Arc<str>>,
    /// Its id.
    pub id: Arc<str>,
    /// One server or a pool.
    pub kind: BackendKind,
}

/// One server or a pool.
#[expect(
    clippy::large_enum_variant,
    reason = "read once, when a snapshot is built"
)]
#[derive(Clone, Debug)]
pub enum BackendKind {
    /// One server.
    Single(SingleBackend),
    /// Several, by priority and weight.
    Pool(PoolDefinition),
}

/// One server.
#[derive(Clone, Debug, Default)]
pub struct SingleBackend {
    /// Base URL.
    pub url: Arc<str>,
    /// Headers put on every request.
    pub headers: Vec<(Arc<str>, Secret)>,
    /// Query parameters put on every request.
    pub query: Vec<(Arc<str>, Secret)>,
    /// `Authorization`: scheme and parameter.
    pub authorization: Option<(Arc<str>, Secret)>,
    /// Managed identity: resource and client id.
    pub managed_identity: Option<(Arc<str>, Option<Arc<str>>)>,
    /// TLS checks.
    pub tls: BackendTls,
    /// Ids of certificates that the gateway shows it; the first counts.
    pub certificate_ids: Vec<Arc<str>>,
    /// The same by their thumbprints; they count after the ids.
    pub certificates: Vec<Arc<str>>,
    /// The proxy that connections to it go through.
    pub proxy: Option<ProxyDefinition>,
    /// When it is left alone.
    pub circuit_breaker: Option<CircuitBreakerRule>,
    /// Which models it serves, and how they are paid for.
    pub models: ModelService,
}

/// What a backend says of the models that it serves, for their prices.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ModelService {
    /// `gen_ai.provider.name`; `None`: as the host says.
    pub provider: Option<Arc<str>>,
    /// `None`: as the host says.
    pub region: Option<Arc<str>>,
    /// How calls are paid for, where the provider does not say of a call.
    pub tier: Option<Tier>,
    /// Deployments by the name that requests call them by.
    pub deployments: BTreeMap<Arc<str>, DeploymentDefinition>,
}

/// A deployment of a model under a name of its own.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct DeploymentDefinition {
    /// The model, by the name that it has in the table of prices; `None`: as the provider says.
    pub model: Option<Arc<str>>,
    /// `None`: the backend's.
    pub region: Option<Arc<str>>,
    /// `None`: the backend's.
    pub tier: Option<Tier>,
    /// What its capacity costs for an hour, of a provisioned one.
    pub hour: Option<Pico>,
}

/// An HTTP proxy in front of a backend.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ProxyDefinition {
    /// Its URL.
    pub url: Arc<str>,
    /// User of Basic authentication.
    pub username: Option<Arc<str>>,
    /// Its password.
    pub password: Option<Secret>,
}

/// When a backend is left alone, and for how long (`circuitBreaker`).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CircuitBreakerRule {
    /// Failures in the interval that open it.
    pub count: Option<u32>,
    /// Failures in a hundred calls of the interval that open it.
    pub percentage: Option<u32>,
    /// The interval.
    pub interval: Duration,
    /// Status codes that are failures, both ends included.
    pub status_codes: Vec<(u16, u16)>,
    /// Errors that are failures.
    pub error_reasons: Vec<ErrorReason>,
    /// How long it stays open.
    pub trip_duration: Duration,
    /// Whether `Retry-After` of the response that opens it replaces `trip_duration`.
    pub accept_retry_after: bool,
}

/// Reasons of errors that are the backend's.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ErrorReason {
    /// No response head in time, or a body that came to a halt.
    Timeout = 1,
    /// No connection, or it broke.
    BackendConnectionFailure = 2,
}

impl ErrorReason {
    /// All of them.
    pub const ALL: [ErrorReason; 2] = [ErrorReason::Timeout, ErrorReason::BackendConnectionFailure];

    /// As `context.LastError.Reason` has it.
    pub fn as_str(self) -> &'static str {
        match self {
            ErrorReason::Timeout => "Timeout",
            ErrorReason::BackendConnectionFailure => "BackendConnectionFailure",
        }
    }
}

/// TLS checks of a backend.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct BackendTls {
    /// Check the chain.
    pub validate_chain: bool,
    /// Check the name.
    pub validate_name: bool,
    /// Extra trusted roots, PEM.
    pub ca_pem: Option<Arc<str>>,
}

impl Default for BackendTls {
    fn default() -> Self {
        BackendTls {
            validate_chain: true,
            validate_name: true,
            ca_pem: None,
        }
    }
}

/// A pool.
#[derive(Clone, Debug, Default)]
pub struct PoolDefinition {
    /// Its members.
    pub members: Vec<PoolMember>,
    /// Keeps a caller's session at one member.
    pub session_affinity: Option<SessionAffinity>,
    /// Most members that the gateway itself tries for one request, before any of an answer went out; 1 where the
    /// configuration says nothing. Not API Management's.
    pub failover_attempts: Option<u32>,
}

/// How a pool keeps a session at one member.
#[derive(Clone, Debug)]
pub struct SessionAffinity {
    /// Name of the cookie.
    pub cookie: Arc<str>,
    /// What the cookie's value is made with. `None`: random, so that a restart and each replica have their own.
    pub key: Option<Secret>,
}

/// A pool's member.
#[derive(Clone, Debug)]
pub struct PoolMember {
    /// Backend id.
    pub id: Arc<str>,
    /// Lower is tried first; default 1.
    pub priority: u32,
    /// Share inside its priority, 0..=100; default 1.
    pub weight: u32,
}
