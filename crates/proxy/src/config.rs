//! Settings of the data plane as plain values, made by `control` from `tollgate.yaml` or by tests.
//!
//! What must stay true: every limit has a default that a gateway on the open internet could live with.

use crate::forwarded::Network;
use std::net::SocketAddr;
use std::num::NonZeroUsize;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;
use tollgate_engine::definition::Secret;

/// Everything that the data plane needs besides the snapshot.
#[derive(Clone, Debug)]
pub struct ProxyConfig {
    /// Data-plane threads; `None`: one for each core.
    pub threads: Option<NonZeroUsize>,
    /// Where callers connect.
    pub listeners: Vec<ListenerConfig>,
    /// Where `/metrics`, `/livez` and `/readyz` are served; `None`: no listener of their own.
    pub management: Option<SocketAddr>,
    /// Limits towards callers.
    pub limits: Limits,
    /// Connections to backends.
    pub upstream: UpstreamConfig,
    /// One structured record for each request (`tracing` target `tollgate::access`).
    pub access_log: bool,
    /// Records requests; `None`: none.
    pub recording: Option<RecordingConfig>,
    /// The ledger of model calls; `None`: none is kept.
    pub ledger: Option<LedgerConfig>,
    /// Where metrics are exported to over OTLP; `None`: nowhere.
    pub otlp: Option<OtlpConfig>,
    /// Networks whose `X-Forwarded-For` is believed.
    pub trusted_proxies: Vec<Network>,
    /// Where managed-identity tokens come from.
    pub identity: IdentityConfig,
    /// How keys of OpenID providers are kept.
    pub openid: OpenIdConfig,
    /// Most series of one metric with names from configuration or policies; more are counted as `overflow`.
    pub max_series: usize,
    /// Time between `/readyz` turning to 503 and the listeners closing, so that a load balancer notices.
    pub drain_delay: Duration,
}

impl Default for ProxyConfig {
    fn default() -> Self {
        ProxyConfig {
            threads: None,
            listeners: vec![ListenerConfig::default()],
            management: None,
            limits: Limits::default(),
            upstream: UpstreamConfig::default(),
            access_log: true,
            recording: None,
            ledger: None,
            otlp: None,
            trusted_proxies: Vec::new(),
            identity: IdentityConfig::default(),
            openid: OpenIdConfig::default(),
            max_series: 10_000,
            drain_delay: Duration::ZERO,
        }
    }
}

/// A recording of traffic.
#[derive(Clone, Debug)]
pub struct RecordingConfig {
    /// The file that is written; older ones stand beside it with a number before the end of their names.
    pub file: PathBuf,
    /// Bytes at which a new file begins.
    pub file_size: u64,
    /// Files that are kept, the current one included.
    pub files: u32,
    /// Percent of the requests that are recorded.
    pub percent: u32,
    /// Bytes of the largest body that is recorded; `None`: bodies are not.
    pub bodies: Option<usize>,
}

/// The ledger of model calls.
#[derive(Clone, Debug)]
pub struct LedgerConfig {
    /// Its folder, which no other gateway may use.
    pub folder: PathBuf,
    /// Days that are kept beside today; `None`: all.
    pub retention_days: Option<u32>,
    /// Longest time between two group commits while something is written.
    pub sync_interval: Duration,
    /// How calls use it.
    pub calls: tollgate_engine::accounting::LedgerOptions,
}

/// An exporter of metrics over OTLP (`http/protobuf`).
#[derive(Clone, Debug)]
pub struct OtlpConfig {
    /// URL that metrics are posted to, with its path.
    pub url: String,
    /// Headers of each post, such as credentials.
    pub headers: Vec<(String, Secret)>,
    /// Authorities that the collector is trusted by beside the system's, PEM.
    pub ca_pem: Option<Arc<str>>,
    /// What the gateway shows to a collector that asks for a certificate: chain and key, PEM.
    pub client_certificate: Option<Secret>,
    /// Whether bodies are compressed with gzip.
    pub gzip: bool,
    /// Most time for one export with all its tries.
    pub timeout: Duration,
    /// Time between two exports.
    pub interval: Duration,
    /// What sums and histograms count from.
    pub temporality: Temporality,
    /// Attributes of the resource, by name.
    pub resource: Vec<(String, String)>,
}

/// What sums and histograms count from.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Temporality {
    /// The start of the process.
    #[default]
    Cumulative,
    /// The export before.
    Delta,
}

/// One listener.
#[derive(Clone, Debug)]
pub struct ListenerConfig {
    /// Address; port 0 takes a free one.
    pub address: SocketAddr,
    /// Serves TLS.
    pub tls: Option<TlsFiles>,
}

impl Default for ListenerConfig {
    fn default() -> Self {
        ListenerConfig {
            address: SocketAddr::from(([127, 0, 0, 1], 0)),
            tls: None,
        }
    }
}

/// A certificate chain and its private key, PEM; read at start and on every reload.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TlsFiles {
    /// The chain, leaf first.
    pub certificate: PathBuf,
    /// The key: PKCS#8, PKCS#1 or SEC1.
    pub key: PathBuf,
    /// Whether callers are asked for a certificate. They may have none; what they show is for the policies to judge.
    pub negotiate_client_certificate: bool,
}

/// Limits towards callers.
#[derive(Clone, Debug)]
pub struct Limits {
    /// Most bytes of a request head; above: 431.
    pub head_bytes: usize,
    /// Most header fields; above: 431.
    pub headers: usize,
    /// Most bytes of path and query; above: 414.
    pub target_bytes: usize,
    /// Most bytes of a request body; above: 413.
    pub body_bytes: u64,
    /// Most time for a TLS handshake, and from a head's first byte to its last.
    pub head_timeout: Duration,
    /// Most time that a connection stays open without a request.
    pub idle_timeout: Duration,
    /// Most silence in a body, or in an upgraded connection, either side.
    pub body_idle_timeout: Duration,
    /// Most connections at once, over all threads; more are closed at once.
    pub connections: usize,
    /// Most concurrent streams of one HTTP/2 connection.
    pub streams: u32,
}

impl Default for Limits {
    fn default() -> Self {
        Limits {
            head_bytes: 64 << 10,
            headers: 100,
            target_bytes: 16 << 10,
            body_bytes: 256 << 20,
            head_timeout: Duration::from_secs(10),
            idle_timeout: Duration::from_secs(180),
            body_idle_timeout: Duration::from_secs(300),
            connections: 20_000,
            streams: 250,
        }
    }
}

/// Connections to backends. Bounds are for each thread and origin.
#[derive(Clone, Debug)]
pub struct UpstreamConfig {
    /// Most time for name, TCP and TLS together.
    pub connect_timeout: Duration,
    /// Most HTTP/1.1 connections; more requests wait, at most `connect_timeout`.
    pub connections: usize,
    /// Most of them kept open without a request.
    pub idle_connections: usize,
    /// How long they are kept.
    pub idle_timeout: Duration,
    /// How long an address is believed.
    pub dns_ttl: Duration,
    /// Most bytes of a response head.
    pub head_bytes: usize,
    /// Most silence in a response body; taken from [`Limits::body_idle_timeout`] by the gateway.
    pub body_idle_timeout: Duration,
    /// Among how many threads `Max Pool Size` of a connection string is shared; set by the gateway.
    pub threads: usize,
}

impl Default for UpstreamConfig {
    fn default() -> Self {
        UpstreamConfig {
            connect_timeout: Duration::from_secs(10),
            connections: 4096,
            idle_connections: 256,
            idle_timeout: Duration::from_secs(55),
            dns_ttl: Duration::from_secs(10),
            head_bytes: 256 << 10,
            body_idle_timeout: Duration::from_secs(300),
            threads: 1,
        }
    }
}

/// Where managed-identity tokens come from.
#[derive(Clone, Debug, Default)]
pub struct IdentityConfig {
    /// The source; `None`: the first of Azure's chain that is configured, as `DefaultAzureCredential` would choose.
    pub source: Option<IdentitySource>,
    /// Base URL of the instance metadata service; `None`: `AZURE_POD_IDENTITY_AUTHORITY_HOST`, else `http://169.254.169.254`.
    pub imds_endpoint: Option<String>,
}

/// Azure's sources of tokens.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum IdentitySource {
    /// `AZURE_TENANT_ID`, `AZURE_CLIENT_ID`, `AZURE_CLIENT_SECRET`.
    ClientSecret,
    /// `AZURE_FEDERATED_TOKEN_FILE` with `AZURE_TENANT_ID` and `AZURE_CLIENT_ID`.
    WorkloadIdentity,
    /// `IDENTITY_ENDPOINT` and `IDENTITY_HEADER`.
    AppService,
    /// The instance metadata service of a virtual machine.
    Imds,
}

/// How keys of OpenID providers are kept, and how often a provider is asked.
#[derive(Clone, Debug)]
pub struct OpenIdConfig {
    /// How long keys count as fresh, at most; what the provider's `Cache-Control` allows may be less. Keys that are
    /// used are fetched again ahead of this.
    pub lifetime: Duration,
    /// How long they count as fresh at least, whatever `Cache-Control` says.
    pub shortest_lifetime: Duration,
    /// How long they go on working after the last good fetch, while the provider is away.
    pub stale: Duration,
    /// Most time for one fetch of both documents.
    pub timeout: Duration,
    /// Wait after a first failure; it doubles with each further one, to half a minute.
    pub first_backoff: Duration,
    /// How long a provider that gives no keys, and that no document names literally, is tried without being asked.
    pub idle: Duration,
    /// How long a key that a fetch did not bring is not looked for again.
    pub missed: Duration,
    /// Most fetches for unknown keys of one provider at once; one more is allowed each `refetch_interval`.
    pub refetches: u32,
    /// See `refetches`.
    pub refetch_interval: Duration,
    /// The same over all providers together.
    pub refetches_of_all: u32,
    /// See `refetches_of_all`.
    pub refetch_of_all_interval: Duration,
}

impl Default for OpenIdConfig {
    fn default() -> Self {
        OpenIdConfig {
            lifetime: Duration::from_secs(3600),
            shortest_lifetime: Duration::from_secs(60),
            stale: Duration::from_secs(24 * 3600),
            timeout: Duration::from_secs(10),
            first_backoff: Duration::from_secs(1),
            idle: Duration::from_secs(300),
            missed: Duration::from_secs(30),
            refetches: 6,
            refetch_interval: Duration::from_secs(5),
            refetches_of_all: 60,
            refetch_of_all_interval: Duration::from_secs(1),
        }
    }
}

impl OpenIdConfig {
    /// How long a request waits for keys: for a fetch that runs already, and for its own.
    pub(crate) fn patience(&self) -> Duration {
        self.timeout * 2 + Duration::from_secs(1)
    }
}
