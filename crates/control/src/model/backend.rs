//! `backends:` of the configuration. Source: API Management's `backends/{id}`.

use super::price::{Capacity, ServiceTier};
use super::scalar::{Duration, PlacedSecret, Secrets};
use crate::yaml::At;
use schemars::JsonSchema;
use serde::Deserialize;
use std::collections::BTreeMap;

/// A server that calls go to, or a pool of servers.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Backend {
    /// Its id: what `backend-id` names.
    pub id: At<String>,
    /// Name for people. Not used by the gateway.
    pub title: Option<String>,
    /// What it is. Not used by the gateway.
    pub description: Option<String>,
    /// `Single` or `Pool`. Default: what the other properties say.
    #[serde(rename = "type")]
    pub kind: Option<At<BackendType>>,
    /// Base URL. Not for a pool.
    pub url: Option<At<String>>,
    /// `http`. Not for a pool.
    pub protocol: Option<BackendProtocol>,
    /// What the gateway proves itself with.
    #[serde(default)]
    pub credentials: Credentials,
    /// TLS checks.
    #[serde(default)]
    pub tls: BackendTls,
    /// The HTTP proxy that calls to it go through.
    pub proxy: Option<BackendProxy>,
    /// Takes the backend out for a while when it fails.
    pub circuit_breaker: Option<At<CircuitBreaker>>,
    /// The members of a pool.
    pub pool: Option<Pool>,
    /// Who serves its models, by OpenTelemetry's `gen_ai.provider.name` (`openai`, `azure.ai.openai`, `anthropic`,
    /// `aws.bedrock`, `gcp.vertex_ai`, ...): for their prices. Default: as the host of the URL says.
    pub provider: Option<At<String>>,
    /// The region that its models are served in, for their prices. Default: as the host of the URL says.
    pub region: Option<At<String>>,
    /// How calls are paid for, where the provider does not say. Default: `standard`.
    pub tier: Option<ServiceTier>,
    /// Deployments, by the name that requests call them by: which model each is.
    #[serde(default)]
    pub deployments: BTreeMap<String, At<Deployment>>,
}

/// A deployment of a model.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Deployment {
    /// The model, by its name in the prices. Default: what the provider says of each call.
    pub model: Option<At<String>>,
    /// The region, for its price. Default: the backend's.
    pub region: Option<At<String>>,
    /// How calls are paid for. Default: the backend's; `provisioned` with `capacity`.
    pub tier: Option<ServiceTier>,
    /// Capacity that is paid by the hour, whatever it is used for.
    pub capacity: Option<At<Capacity>>,
}

/// Kinds of backend.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, JsonSchema)]
pub enum BackendType {
    /// One server.
    Single,
    /// Several.
    Pool,
}

/// Protocols of a backend.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub enum BackendProtocol {
    /// HTTP.
    Http,
}

/// What the gateway proves itself with towards a backend.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Credentials {
    /// Headers that are set, by name.
    #[serde(default)]
    pub header: BTreeMap<String, At<Secrets>>,
    /// Query parameters that are set, by name.
    #[serde(default)]
    pub query: BTreeMap<String, At<Secrets>>,
    /// The `Authorization` header.
    pub authorization: Option<Authorization>,
    /// A token of the gateway's managed identity as `Authorization: Bearer`.
    pub managed_identity: Option<ManagedIdentity>,
    /// Ids of `certificates` that the gateway shows in the TLS handshake; the first counts.
    #[serde(default)]
    pub certificate_ids: Vec<At<String>>,
    /// Thumbprints of `certificates`, for the same.
    #[serde(default)]
    pub certificate: Vec<At<String>>,
}

/// An HTTP proxy.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct BackendProxy {
    /// Its URL, `http` only.
    pub url: At<String>,
    /// User of Basic authentication.
    pub username: Option<At<String>>,
    /// Its password.
    pub password: Option<PlacedSecret>,
}

/// The `Authorization` header.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Authorization {
    /// `Bearer`, `Basic`, ….
    pub scheme: At<String>,
    /// What follows the scheme.
    pub parameter: PlacedSecret,
}

/// A token of the gateway's managed identity.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct ManagedIdentity {
    /// What the token is for, as `https://cognitiveservices.azure.com`.
    pub resource: At<String>,
    /// A user-assigned identity.
    pub client_id: Option<At<String>>,
}

/// TLS checks of a backend.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct BackendTls {
    /// Whether the chain must lead to a trusted root. Default: true.
    pub validate_certificate_chain: Option<bool>,
    /// Whether the certificate must name the host. Default: true.
    pub validate_certificate_name: Option<bool>,
    /// File with roots (PEM) that are trusted in addition.
    pub certificate_authorities: Option<At<String>>,
}

/// The members of a pool.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Pool {
    /// Members.
    pub services: Vec<At<PoolService>>,
    /// Keeps a caller's session at one member.
    pub session_affinity: Option<SessionAffinity>,
    /// Lets the gateway itself try another member when one fails before its answer begins. Tollgate's own.
    pub failover: Option<Failover>,
}

/// Keeps a caller's session at one member.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct SessionAffinity {
    /// What tells sessions apart.
    pub session_id: SessionId,
    /// What cookies are made with, so that all replicas read each other's, also after a restart. Default: random at
    /// each start. Tollgate's own.
    pub key: Option<PlacedSecret>,
}

/// What tells sessions apart.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct SessionId {
    /// `Cookie`.
    #[serde(default)]
    pub source: SessionIdSource,
    /// Name of the cookie.
    pub name: At<String>,
}

/// Where the session's id is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, JsonSchema)]
pub enum SessionIdSource {
    /// In a cookie.
    #[default]
    #[serde(alias = "cookie")]
    Cookie,
}

/// Failover without a `retry` in the document.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Failover {
    /// Most members that one request tries, the first included.
    #[schemars(schema_with = "super::scalar::number_or_text")]
    pub attempts: At<u32>,
}

/// A member of a pool.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct PoolService {
    /// The backend's id, or `/backends/{id}`.
    pub id: At<String>,
    /// Lower ones are used first. Default: 1.
    #[serde(default)]
    #[schemars(schema_with = "super::scalar::optional_number_or_text")]
    pub priority: Option<At<u32>>,
    /// Share inside its priority, 0 to 100. Default: 1.
    #[serde(default)]
    #[schemars(schema_with = "super::scalar::optional_number_or_text")]
    pub weight: Option<At<u32>>,
    /// Carbon emission up to which the member is preferred. Read, but has no effect.
    pub preferred_carbon_emission: Option<At<String>>,
}

/// A circuit breaker.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct CircuitBreaker {
    /// Rules; API Management takes one.
    pub rules: Vec<At<CircuitBreakerRule>>,
}

/// When a backend is taken out, and for how long.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct CircuitBreakerRule {
    /// Its name.
    pub name: Option<String>,
    /// What counts as failing.
    pub failure_condition: FailureCondition,
    /// How long the backend stays out.
    pub trip_duration: At<Duration>,
    /// Whether `Retry-After` of the failing answer replaces `tripDuration`.
    #[serde(default)]
    pub accept_retry_after: bool,
}

/// What counts as failing.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct FailureCondition {
    /// Failures.
    #[serde(default)]
    #[schemars(schema_with = "super::scalar::optional_number_or_text")]
    pub count: Option<At<u32>>,
    /// Failures in a hundred calls.
    #[serde(default)]
    #[schemars(schema_with = "super::scalar::optional_number_or_text")]
    pub percentage: Option<At<u32>>,
    /// In what time. Default: a minute.
    pub interval: Option<At<Duration>>,
    /// Status codes that are failures.
    #[serde(default)]
    pub status_code_ranges: Vec<At<StatusCodeRange>>,
    /// Reasons of errors that are failures.
    #[serde(default)]
    pub error_reasons: Vec<At<String>>,
}

/// Status codes, both ends included.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct StatusCodeRange {
    /// Lowest.
    #[schemars(schema_with = "super::scalar::number_or_text")]
    pub min: u16,
    /// Highest.
    #[schemars(schema_with = "super::scalar::number_or_text")]
    pub max: u16,
}
