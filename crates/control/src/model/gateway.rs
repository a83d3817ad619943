//! `gateway:` of the configuration.

use super::scalar::{Duration, Size};
use crate::yaml::At;
use schemars::JsonSchema;
use serde::Deserialize;
use std::collections::BTreeMap;

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
    /// Scheme, host and base path by which callers reach the gateway, as `https://ai.example.com`: what protected-resource
    /// metadata of MCP servers says. Default: on a loopback listener what the caller wrote.
    pub public_url: Option<At<String>>,
    /// Hosts (`name` or `name:port`) that MCP servers answer to on a loopback listener, beside `localhost` and loopback
    /// addresses.
    #[serde(default)]
    pub allowed_hosts: Vec<At<String>>,
    /// Where callers connect. Default: `127.0.0.1:8080` without TLS.
    #[serde(default)]
    pub listen: Vec<At<Listener>>,
    /// Where `/livez`, `/readyz` and `/metrics` are. Default: `127.0.0.1:8081`.
    pub management: Option<Management>,
    /// Data-plane threads. Default: one for each core.
    pub threads: Option<At<u16>>,
    /// Addresses or networks (`10.0.0.0/8`) of proxies whose `X-Forwarded-For` is believed.
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
    /// Where named values with `keyVault` come from.
    #[serde(default)]
    pub key_vault: KeyVault,
    /// File with the authorities (PEM) that `validate-client-certificate` trusts. Default: none.
    pub client_certificate_authorities: Option<At<String>>,
    /// OpenID providers of `validate-jwt` and `validate-azure-ad-token`.
    #[serde(default)]
    pub open_id: super::certificate::OpenId,
    /// The Dapr sidecar that `publish-to-dapr`, `invoke-dapr-binding` and Dapr backends call.
    #[serde(default)]
    pub dapr: Dapr,
    /// What is set for all budgets.
    #[serde(default)]
    pub budgets: super::budget::Budgets,
    /// Logs.
    #[serde(default)]
    pub logs: Logs,
    /// File with prices of models (YAML), which goes over the prices that are shipped. Default: those alone.
    pub prices: Option<At<String>>,
    /// Whether answers of model calls tell what they cost, in `x-tollgate-cost` headers. Default: false.
    pub cost_headers: Option<bool>,
    /// Records traffic for `tollgate replay`. Default: nothing is recorded.
    pub recording: Option<Recording>,
    /// How token limits hold where no product or API says otherwise.
    pub token_accounting: Option<super::token_accounting::TokenAccounting>,
    /// Keeps a ledger of model calls. Default: none is kept.
    pub ledger: Option<Ledger>,
    /// Exports metrics over OTLP. Default: nothing is exported, unless `OTEL_EXPORTER_OTLP_ENDPOINT` or
    /// `OTEL_EXPORTER_OTLP_METRICS_ENDPOINT` is set.
    pub open_telemetry: Option<super::telemetry::OpenTelemetry>,
    /// Sends each team's statement once a month. Default: none is sent.
    pub statements: Option<super::statements::Statements>,
    /// Whether changed files are loaded without a signal. Default: true.
    pub watch: Option<bool>,
}

/// Records requests and the calls that they make, masked, for `tollgate replay`.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Recording {
    /// A folder, or a file whose name ends in `.jsonl`, relative to this file.
    pub path: At<String>,
    /// Size at which a new file begins. Default: 100 MiB.
    pub file_size: Option<At<Size>>,
    /// Files that are kept, the current one included. Default: 5.
    #[serde(default)]
    #[schemars(schema_with = "super::scalar::optional_number_or_text")]
    pub files: Option<At<u32>>,
    /// How many requests of a hundred are recorded. Default: 100.
    #[serde(default)]
    #[schemars(schema_with = "super::scalar::optional_number_or_text")]
    pub percent: Option<At<u32>>,
    /// Whether bodies are recorded, of requests and of the backends' answers. Default: false.
    #[serde(default)]
    pub bodies: bool,
    /// Largest body that is recorded, 64 KiB at most. Default: 64 KiB.
    pub body_size: Option<At<Size>>,
}

/// A ledger of model calls: what each was admitted for and what it came to.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Ledger {
    /// Its folder, relative to this file. One gateway writes in it at a time.
    pub folder: At<String>,
    /// Days that are kept beside today, 1 to 36500. Default: all.
    #[serde(default)]
    #[schemars(schema_with = "super::scalar::optional_number_or_text")]
    pub retention_days: Option<At<u32>>,
    /// When a call may go upstream: `process` when a crash of the gateway would leave its record whole, `disk` when a
    /// crash of the machine would too. Default: `process`.
    #[serde(default)]
    pub durability: Durability,
    /// What happens to calls while the ledger cannot be written: `refuse` them with 503, or `degrade`: let them go on,
    /// counted. Default: `refuse`.
    #[serde(default)]
    pub on_failure: OnLedgerFailure,
    /// Longest time until what was written is on the disk, 10 ms to 1 h. Default: 1 s.
    pub sync_interval: Option<At<Duration>>,
    /// Tags of its records, at most 8 for a call: text or a policy expression, which reads no body, by name. Products and
    /// APIs add their own as `ledgerTags`. Reports group by `tag:NAME`.
    #[serde(default)]
    pub tags: BTreeMap<String, At<String>>,
}

/// What a record of the ledger survives before its call goes upstream.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub enum Durability {
    /// The end of the process.
    #[default]
    Process,
    /// The end of the machine.
    Disk,
}

/// What happens to calls while the ledger cannot be written.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub enum OnLedgerFailure {
    /// They are refused.
    #[default]
    Refuse,
    /// They go on.
    Degrade,
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
    /// Whether callers are asked for a certificate, which policies see as `context.Request.Certificate`. A caller may
    /// have none, and what it shows is checked for its key only: the policies decide. Default: false.
    #[serde(default)]
    pub negotiate_client_certificate: bool,
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
    /// Request line and headers together; above: 431. Default: 64 KiB.
    pub request_header_size: Option<At<Size>>,
    /// Number of header fields; above: 431. Default: 100.
    #[serde(default)]
    #[schemars(schema_with = "super::scalar::optional_number_or_text")]
    pub request_headers: Option<At<u32>>,
    /// Path and query; above: 414. Default: 16 KiB.
    pub request_target_size: Option<At<Size>>,
    /// A request body; above: 413. Default: 256 MiB.
    pub request_body_size: Option<At<Size>>,
    /// A body that a policy reads, request or response. Default: 16 MiB.
    pub buffered_body_size: Option<At<Size>>,
    /// Connections of callers at one time. Default: 20000.
    #[serde(default)]
    #[schemars(schema_with = "super::scalar::optional_number_or_text")]
    pub connections: Option<At<u32>>,
    /// Concurrent streams of one HTTP/2 connection. Default: 250.
    #[serde(default)]
    #[schemars(schema_with = "super::scalar::optional_number_or_text")]
    pub streams: Option<At<u32>>,
    /// Connections to one backend, for each thread. Default: 4096.
    #[serde(default)]
    #[schemars(schema_with = "super::scalar::optional_number_or_text")]
    pub backend_connections: Option<At<u32>>,
    /// Connections to one backend that are kept open without a request, for each thread. Default: 256.
    #[serde(default)]
    #[schemars(schema_with = "super::scalar::optional_number_or_text")]
    pub idle_backend_connections: Option<At<u32>>,
    /// Series of one metric; more are counted as `overflow`. Default: 10000.
    #[serde(default)]
    #[schemars(schema_with = "super::scalar::optional_number_or_text")]
    pub metric_series: Option<At<u32>>,
}

/// How long the gateway waits. How long a call may take is `forward-request`'s `timeout`.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Timeouts {
    /// For a TLS handshake, and for a whole request head. Default: 10 s.
    pub request_header: Option<At<Duration>>,
    /// Between two pieces of a body, either side. Default: 300 s.
    pub body_idle: Option<At<Duration>>,
    /// For the next request on a caller's connection. Default: 180 s.
    pub keep_alive: Option<At<Duration>>,
    /// For a connection to a backend: name, TCP and TLS together. Default: 10 s.
    pub connect: Option<At<Duration>>,
    /// For the next request on a connection to a backend. Default: 55 s.
    pub backend_keep_alive: Option<At<Duration>>,
    /// For the rest of a metered answer whose caller has left, so that its real usage is counted. Default: 30 s.
    pub usage: Option<At<Duration>>,
    /// For calls in flight after a signal to stop. Default: 30 s.
    pub drain: Option<At<Duration>>,
    /// Between `/readyz` turning to 503 and the listeners closing, so that a load balancer notices. Default: 0.
    pub drain_delay: Option<At<Duration>>,
}

/// Where managed-identity tokens come from. Without it, from the first of Azure's chain that the environment has: a
/// client secret (`AZURE_CLIENT_SECRET`), workload identity (`AZURE_FEDERATED_TOKEN_FILE`), App Service
/// (`IDENTITY_ENDPOINT`), else the instance metadata service.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Identity {
    /// Which source to use. Default: `auto`.
    #[serde(default)]
    pub source: IdentitySource,
    /// Base URL of the instance metadata service. Default: `AZURE_POD_IDENTITY_AUTHORITY_HOST`, else
    /// `http://169.254.169.254`.
    pub endpoint: Option<At<String>>,
}

/// Where named values with `keyVault` come from. Default: Key Vault itself, with the managed identity.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct KeyVault {
    /// A folder with a file for each secret, as Kubernetes' secrets store driver mounts it: Key Vault is not asked then.
    pub folder: Option<At<String>>,
    /// How often Key Vault is asked again: at most, and by default, 4 hours.
    pub refresh: Option<At<Duration>>,
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

/// The Dapr sidecar.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Dapr {
    /// Base URL of its HTTP API. Default: `http://localhost:3500`.
    pub http_endpoint: Option<At<String>>,
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
