//! What the process needs beside the snapshot: sockets, limits, identity, logs.
//!
//! Made by `define::settings`; the binary hands it to the data plane. What must stay true: every default is here, and
//! nothing in here is read by a policy.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;
use tollgate_engine::definition::Secret;

pub use crate::model::gateway::{Durability, IdentitySource, LogFormat, OnLedgerFailure};
pub use crate::model::statements::StatementFormat;

/// Settings of the process.
#[derive(Clone, Debug, PartialEq)]
pub struct Settings {
    /// Where callers connect.
    pub listen: Vec<Listen>,
    /// Where `/livez`, `/readyz` and `/metrics` are.
    pub management: Option<SocketAddr>,
    /// Data-plane threads; `None`: one for each core.
    pub threads: Option<usize>,
    /// Networks (address, prefix length) whose forwarding headers are believed.
    pub trusted_proxies: Vec<(IpAddr, u8)>,
    /// Bounds.
    pub limits: Limits,
    /// Waits.
    pub timeouts: Timeouts,
    /// Managed identity.
    pub identity: Identity,
    /// Secrets in Key Vault.
    pub key_vault: KeyVault,
    /// Logs.
    pub logs: Logs,
    /// What is recorded; `None`: nothing.
    pub recording: Option<Recording>,
    /// The ledger of model calls; `None`: none is kept.
    pub ledger: Option<Ledger>,
    /// Where metrics are exported to; `None`: nowhere.
    pub otlp: Option<Otlp>,
    /// Statements that are sent each month; `None`: none are.
    pub statements: Option<Statements>,
    /// Whether changed files are loaded without a signal.
    pub watch: bool,
}

/// Statements that are sent each month, of the month before.
#[derive(Clone, Debug, PartialEq)]
pub struct Statements {
    /// The day of the month, 1 to 28.
    pub day: i8,
    /// The time of that day.
    pub time: jiff::civil::Time,
    /// Whose days and months.
    pub zone: jiff::tz::TimeZone,
    /// What a team is, as the command's `--team-is`.
    pub team_is: String,
    /// What is posted.
    pub format: StatementFormat,
    /// Who gets them.
    pub send: Vec<StatementTarget>,
}

/// Who gets the statements of whom.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StatementTarget {
    /// The team; `None`: each that has calls and no entry of its own.
    pub team: Option<String>,
    /// Id of the notification that it is posted to.
    pub notification: String,
}

/// A recording of traffic.
#[derive(Clone, Debug, PartialEq)]
pub struct Recording {
    /// The file that is written.
    pub file: PathBuf,
    /// Bytes at which a new one begins.
    pub file_size: u64,
    /// Files that are kept.
    pub files: u32,
    /// Percent of the requests.
    pub percent: u32,
    /// Bytes of the largest body that is recorded; `None`: bodies are not.
    pub bodies: Option<usize>,
}

/// A ledger of model calls.
#[derive(Clone, Debug, PartialEq)]
pub struct Ledger {
    /// Its folder.
    pub folder: PathBuf,
    /// Days that are kept beside today; `None`: all.
    pub retention_days: Option<u32>,
    /// What a record survives before its call goes upstream.
    pub durability: Durability,
    /// What happens to calls while it cannot be written.
    pub on_failure: OnLedgerFailure,
    /// Longest time until what was written is on the disk.
    pub sync_interval: Duration,
}

/// An exporter of metrics over OTLP.
#[derive(Clone, Debug, PartialEq)]
pub struct Otlp {
    /// URL that metrics are posted to.
    pub url: String,
    /// Headers of each post.
    pub headers: Vec<(String, Secret)>,
    /// Authorities that are trusted beside the system's, PEM.
    pub ca_pem: Option<Arc<str>>,
    /// What the gateway shows: certificate chain and private key, PEM.
    pub client_certificate: Option<Secret>,
    /// Whether bodies are compressed with gzip.
    pub gzip: bool,
    /// Most time for one export.
    pub timeout: Duration,
    /// Time between two exports.
    pub interval: Duration,
    /// Whether counters and histograms tell what came to them since the export before.
    pub delta: bool,
    /// Attributes of the resource.
    pub resource: Vec<(String, String)>,
}

/// An address that callers connect to.
#[derive(Clone, Debug, PartialEq)]
pub struct Listen {
    /// Address; port 0 takes a free one.
    pub address: SocketAddr,
    /// Certificate and key.
    pub tls: Option<ListenTls>,
}

/// Certificate and key of a listener: files that were read and hold what they should.
#[derive(Clone, Debug, PartialEq)]
pub struct ListenTls {
    /// Certificate chain, PEM.
    pub certificate: PathBuf,
    /// Private key, PEM.
    pub key: PathBuf,
    /// Whether callers are asked for a certificate.
    pub negotiate_client_certificate: bool,
}

/// Bounds.
#[derive(Clone, Debug, PartialEq)]
pub struct Limits {
    /// Bytes of a request head.
    pub request_header_size: usize,
    /// Header fields of a request.
    pub request_headers: usize,
    /// Bytes of a request's path and query.
    pub request_target_size: usize,
    /// Bytes of a request body.
    pub request_body_size: u64,
    /// Bytes of a body that a policy reads.
    pub buffered_body_size: usize,
    /// Connections of callers at one time.
    pub connections: usize,
    /// Concurrent streams of one HTTP/2 connection.
    pub streams: u32,
    /// Connections to one backend, for each thread.
    pub backend_connections: usize,
    /// Of these, kept open without a request.
    pub idle_backend_connections: usize,
    /// Series of one metric.
    pub metric_series: usize,
}

impl Default for Limits {
    fn default() -> Limits {
        Limits {
            request_header_size: 64 << 10,
            request_headers: 100,
            request_target_size: 16 << 10,
            request_body_size: 256 << 20,
            buffered_body_size: 16 << 20,
            connections: 20_000,
            streams: 250,
            backend_connections: 4096,
            idle_backend_connections: 256,
            metric_series: 10_000,
        }
    }
}

/// How long the gateway waits.
#[derive(Clone, Debug, PartialEq)]
pub struct Timeouts {
    /// For a TLS handshake, and for a whole request head.
    pub request_header: Duration,
    /// Between two pieces of a body.
    pub body_idle: Duration,
    /// For the next request on a caller's connection.
    pub keep_alive: Duration,
    /// For a connection to a backend.
    pub connect: Duration,
    /// For the next request on a connection to a backend.
    pub backend_keep_alive: Duration,
    /// For the rest of a metered answer whose caller has left; zero gives it up at once.
    pub usage: Duration,
    /// For calls in flight after a signal to stop.
    pub drain: Duration,
    /// Between `/readyz` turning to 503 and the listeners closing.
    pub drain_delay: Duration,
}

impl Default for Timeouts {
    fn default() -> Timeouts {
        Timeouts {
            request_header: Duration::from_secs(10),
            body_idle: Duration::from_secs(300),
            keep_alive: Duration::from_secs(180),
            connect: Duration::from_secs(10),
            backend_keep_alive: Duration::from_secs(55),
            usage: Duration::from_secs(30),
            drain: Duration::from_secs(30),
            drain_delay: Duration::ZERO,
        }
    }
}

/// Where managed-identity tokens come from.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Identity {
    /// The source.
    pub source: IdentitySource,
    /// Base URL of the instance metadata service; `None`: as the environment says.
    pub endpoint: Option<String>,
}

/// Secrets in Key Vault.
#[derive(Clone, Debug, PartialEq)]
pub struct KeyVault {
    /// A folder with a file for each; `None`: Key Vault itself is asked.
    pub folder: Option<PathBuf>,
    /// How often they are asked for again.
    pub refresh: Duration,
}

impl Default for KeyVault {
    fn default() -> KeyVault {
        KeyVault {
            folder: None,
            refresh: crate::vault::LONGEST_REFRESH,
        }
    }
}

/// Logs.
#[derive(Clone, Debug, PartialEq)]
pub struct Logs {
    /// Format.
    pub format: LogFormat,
    /// Filter.
    pub level: Arc<str>,
    /// Whether each request is logged when it ends.
    pub requests: bool,
}

impl Default for Logs {
    fn default() -> Logs {
        Logs {
            format: LogFormat::Text,
            level: Arc::from("info"),
            requests: true,
        }
    }
}

impl Default for Settings {
    fn default() -> Settings {
        Settings {
            listen: vec![Listen {
                address: SocketAddr::new(IpAddr::V4(Ipv4Addr::LOCALHOST), 8080),
                tls: None,
            }],
            management: Some(SocketAddr::new(IpAddr::V4(Ipv4Addr::LOCALHOST), 8081)),
            threads: None,
            trusted_proxies: Vec::new(),
            limits: Limits::default(),
            timeouts: Timeouts::default(),
            identity: Identity::default(),
            key_vault: KeyVault::default(),
            logs: Logs::default(),
            recording: None,
            ledger: None,
            otlp: None,
            statements: None,
            watch: true,
        }
    }
}
