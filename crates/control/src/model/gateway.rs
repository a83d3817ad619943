//! `gateway:` of the configuration.

use super::scalar::{Duration, PlacedSecret, Size};
use crate::yaml::At;
use schemars::JsonSchema;
use serde::Deserialize;

/// The gateway itself.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Gateway {
    /// `context.Deployment.Gateway.Id`. Default: `tollgate`.
    pub id: Option<String>,
    /// `context.Deployment.ServiceName`. Default: `tollgate`.
    pub service_name: Option<String>,
    /// `context.Deployment.Region`. Default: `local`.
    pub region: Option<String>,
    /// Where callers connect. Default: `127.0.0.1:8080` without TLS.
    #[serde(default)]
    pub listen: Vec<At<Listener>>,
    /// Where `/livez`, `/readyz` and `/metrics` are. Default: `127.0.0.1:8081`.
    pub management: Option<Management>,
    /// Data-plane threads. Default: one for each core.
    pub threads: Option<At<u16>>,
    /// Addresses or networks (`10.0.0.0/8`) of proxies whose `X-Forwarded-For` and `X-Forwarded-Proto` are believed.
    #[serde(default)]
    pub trusted_proxies: Vec<At<String>>,
    /// Bounds of what a caller may send.
    #[serde(default)]
    pub limits: Limits,
    /// How long the gateway waits.
    #[serde(default)]
    pub timeouts: Timeouts,
    /// Where managed-identity tokens come from.
    #[serde(default)]
    pub identity: Identity,
    /// Logs.
    #[serde(default)]
    pub logs: Logs,
    /// Whether changed files are loaded without a signal. Default: true.
    pub watch: Option<bool>,
}

/// An address that callers connect to.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Listener {
    /// `host:port`; port 0 takes a free one.
    pub address: At<String>,
    /// Serves TLS.
    pub tls: Option<ListenerTls>,
}

/// TLS of a listener.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct ListenerTls {
    /// Certificate chain, PEM.
    pub certificate: At<String>,
    /// Private key, PEM.
    pub key: At<String>,
}

/// The management listener. It has no credentials: keep it on a private network.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Management {
    /// `host:port`; `off` serves it nowhere.
    pub address: At<String>,
}

/// Bounds of what a caller may send.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Limits {
    /// Request line and headers together. Default: 64 KiB.
    pub request_header_size: Option<At<Size>>,
    /// Number of header fields. Default: 100.
    #[serde(default)]
    #[schemars(schema_with = "super::scalar::optional_number_or_text")]
    pub request_headers: Option<At<u32>>,
    /// A request body. Default: 256 MiB.
    pub request_body_size: Option<At<Size>>,
    /// A body that a policy reads, request or response. Default: 16 MiB.
    pub buffered_body_size: Option<At<Size>>,
    /// Connections of callers at one time. Default: 16384.
    #[serde(default)]
    #[schemars(schema_with = "super::scalar::optional_number_or_text")]
    pub connections: Option<At<u32>>,
}

/// How long the gateway waits. How long a call may take is `forward-request`'s `timeout`.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Timeouts {
    /// For a whole request head. Default: 30 s.
    pub request_header: Option<At<Duration>>,
    /// Between two pieces of a body, either side. Default: 300 s.
    pub body_idle: Option<At<Duration>>,
    /// For the next request on an open connection. Default: 120 s.
    pub keep_alive: Option<At<Duration>>,
    /// For a TLS handshake, either side. Default: 10 s.
    pub tls_handshake: Option<At<Duration>>,
    /// For a connection to a backend. Default: 10 s.
    pub connect: Option<At<Duration>>,
    /// For calls in flight after a signal to stop. Default: 30 s.
    pub drain: Option<At<Duration>>,
}

/// Where managed-identity tokens come from. Without it, from what the environment offers: workload identity
/// (`AZURE_FEDERATED_TOKEN_FILE`), a client secret (`AZURE_CLIENT_SECRET`), App Service (`IDENTITY_ENDPOINT`), else IMDS.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Identity {
    /// Which source to use. Default: `auto`.
    #[serde(default)]
    pub source: IdentitySource,
    /// URL of the token endpoint of `imds` (default `http://169.254.169.254`) or `appService` (default `IDENTITY_ENDPOINT`).
    pub endpoint: Option<At<String>>,
    /// `appService`: value of `X-IDENTITY-HEADER` (default `IDENTITY_HEADER`).
    pub header: Option<PlacedSecret>,
    /// `workloadIdentity` and `clientSecret`: the tenant (default `AZURE_TENANT_ID`).
    pub tenant_id: Option<At<String>>,
    /// The client (application) id (default `AZURE_CLIENT_ID`).
    pub client_id: Option<At<String>>,
    /// `clientSecret`: the secret (default `AZURE_CLIENT_SECRET`).
    pub client_secret: Option<PlacedSecret>,
    /// `workloadIdentity` and `clientSecret`: the authority (default `AZURE_AUTHORITY_HOST`, then `https://login.microsoftonline.com`).
    pub authority_host: Option<At<String>>,
    /// `workloadIdentity`: the file with the federated token (default `AZURE_FEDERATED_TOKEN_FILE`).
    pub federated_token_file: Option<At<String>>,
}

/// Sources of managed-identity tokens.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub enum IdentitySource {
    /// What the environment offers.
    #[default]
    Auto,
    /// Instance metadata service of a virtual machine.
    Imds,
    /// App Service, Container Apps, Functions.
    AppService,
    /// Federated token of a Kubernetes service account.
    WorkloadIdentity,
    /// An application's secret.
    ClientSecret,
}

/// Logs.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Logs {
    /// Default: `text`.
    pub format: Option<LogFormat>,
    /// `error`, `warn`, `info`, `debug`, `trace`, or a filter as `info,tollgate_proxy=debug`. Default: `info`.
    pub level: Option<At<String>>,
    /// Whether each request is logged when it ends. Default: true.
    pub requests: Option<bool>,
}

/// Formats of the log.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub enum LogFormat {
    /// A line for people.
    #[default]
    Text,
    /// A line of JSON.
    Json,
}
