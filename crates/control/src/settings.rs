//! What the process needs beside the snapshot: sockets, limits, identity, logs.
//!
//! Made by `define::settings`; the binary hands it to the data plane. What must stay true: every default is here, and
//! nothing in here is read by a policy.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;
use tollgate_engine::definition::Secret;

pub use crate::model::gateway::{IdentitySource, LogFormat};

/// Settings of the process.
#[derive(Clone, Debug)]
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
    /// Logs.
    pub logs: Logs,
    /// Whether changed files are loaded without a signal.
    pub watch: bool,
}

/// An address that callers connect to.
#[derive(Clone, Debug, PartialEq)]
pub struct Listen {
    /// Address; port 0 takes a free one.
    pub address: SocketAddr,
    /// Certificate and key.
    pub tls: Option<ListenTls>,
}

/// Certificate and key of a listener.
#[derive(Clone, Debug, PartialEq)]
pub struct ListenTls {
    /// Certificate chain, PEM, known to hold at least one certificate.
    pub certificate_pem: Arc<str>,
    /// Private key, PEM, known to hold one.
    pub key_pem: Secret,
}

/// Bounds of what a caller may send.
#[derive(Clone, Debug, PartialEq)]
pub struct Limits {
    /// Bytes of a request head.
    pub request_header_size: usize,
    /// Header fields of a request.
    pub request_headers: usize,
    /// Bytes of a request body.
    pub request_body_size: u64,
    /// Bytes of a body that a policy reads.
    pub buffered_body_size: usize,
    /// Connections of callers at one time.
    pub connections: usize,
}

impl Default for Limits {
    fn default() -> Limits {
        Limits {
            request_header_size: 64 << 10,
            request_headers: 100,
            request_body_size: 256 << 20,
            buffered_body_size: 16 << 20,
            connections: 16_384,
        }
    }
}

/// How long the gateway waits.
#[derive(Clone, Debug, PartialEq)]
pub struct Timeouts {
    /// For a whole request head.
    pub request_header: Duration,
    /// Between two pieces of a body.
    pub body_idle: Duration,
    /// For the next request on an open connection.
    pub keep_alive: Duration,
    /// For a TLS handshake.
    pub tls_handshake: Duration,
    /// For a connection to a backend.
    pub connect: Duration,
    /// For calls in flight after a signal to stop.
    pub drain: Duration,
}

impl Default for Timeouts {
    fn default() -> Timeouts {
        Timeouts {
            request_header: Duration::from_secs(30),
            body_idle: Duration::from_secs(300),
            keep_alive: Duration::from_secs(120),
            tls_handshake: Duration::from_secs(10),
            connect: Duration::from_secs(10),
            drain: Duration::from_secs(30),
        }
    }
}

/// Where managed-identity tokens come from. What is `None` comes from the environment.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Identity {
    /// The source.
    pub source: IdentitySource,
    /// Token endpoint of `imds` or `appService`.
    pub endpoint: Option<Arc<str>>,
    /// Value of `X-IDENTITY-HEADER`.
    pub header: Option<Secret>,
    /// Tenant.
    pub tenant_id: Option<Arc<str>>,
    /// Client (application) id.
    pub client_id: Option<Arc<str>>,
    /// Secret of the client.
    pub client_secret: Option<Secret>,
    /// Authority.
    pub authority_host: Option<Arc<str>>,
    /// File with the federated token.
    pub federated_token_file: Option<PathBuf>,
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
            logs: Logs::default(),
            watch: true,
        }
    }
}
