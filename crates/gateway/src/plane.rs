//! Joins what `control` loaded to the data plane of `proxy`.
//!
//! Used by `serve` and `demo`. What must stay true: the data plane starts only with a good configuration; on the way
//! out, reloading stops before the drain begins.

use crate::statements::Sender;
use anyhow::Context;
use std::net::SocketAddr;
use std::num::NonZeroUsize;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;
use tollgate_control::settings::{
    self, Durability, IdentitySource as Source, OnLedgerFailure, Settings,
};
use tollgate_control::vault::Secrets;
use tollgate_control::{Environment, Loaded, Options, Publish, Reload, Trigger};
use tollgate_engine::Snapshot;
use tollgate_engine::accounting::{LedgerOptions, OnFailure};
use tollgate_engine::clock::SystemClock;
use tollgate_engine::probe::Watch;
use tollgate_proxy::config::{
    IdentityConfig, IdentitySource, LedgerConfig, Limits, ListenerConfig, OtlpConfig, ProxyConfig,
    RecordingConfig, Temporality, TlsFiles, UpstreamConfig,
};
use tollgate_proxy::{Gateway, Identity, KeyVault, Network, Shared, SnapshotHandle};

/// Most bytes of values that `cache-store-value` keeps.
const CACHE_BYTES: u64 = 64 << 20;

/// Secrets of Key Vault for the loads of a process.
pub(crate) fn secrets(environment: Environment) -> Arc<Secrets> {
    Arc::new(Secrets::new(Arc::new(move |settings| {
        let environment = environment.clone();
        KeyVault::new(&identity(settings), move |name| environment(name))
    })))
}

/// A running gateway that follows its configuration.
pub(crate) struct Plane {
    gateway: Arc<Gateway>,
    reload: Option<Reload>,
    /// Sends statements as long as it is there.
    statements: Option<Sender>,
    drain: Duration,
}

impl Plane {
    /// Starts with what was loaded from `path`; `follow`: loads again when files change or [`Plane::trigger`] asks.
    pub(crate) fn start(
        path: &Path,
        options: &Options,
        loaded: &Loaded,
        follow: bool,
    ) -> anyhow::Result<Plane> {
        Plane::watched(path, options, loaded, follow, None)
    }

    /// One thread on a free port of this machine, without a management listener, with every request watched.
    pub(crate) fn alone(
        path: &Path,
        options: &Options,
        loaded: &Loaded,
        watch: Watch,
    ) -> anyhow::Result<Plane> {
        let mut settings = loaded.settings.clone();
        settings.listen.truncate(1);
        for listen in &mut settings.listen {
            listen.address = SocketAddr::from(([127, 0, 0, 1], 0));
            listen.tls = None;
        }
        settings.management = None;
        settings.threads = Some(1);
        settings.logs.requests = false;
        // It belongs to the gateway that serves callers.
        settings.ledger = None;
        settings.otlp = None;
        settings.statements = None;
        Plane::begin(path, options, loaded, &settings, false, Some(watch))
    }

    /// The same as [`Plane::start`], with every request watched.
    pub(crate) fn watched(
        path: &Path,
        options: &Options,
        loaded: &Loaded,
        follow: bool,
        watch: Option<Watch>,
    ) -> anyhow::Result<Plane> {
        Plane::begin(path, options, loaded, &loaded.settings, follow, watch)
    }

    fn begin(
        path: &Path,
        options: &Options,
        loaded: &Loaded,
        settings: &Settings,
        follow: bool,
        watch: Option<Watch>,
    ) -> anyhow::Result<Plane> {
        let snapshot = loaded.snapshot.clone().context("no configuration")?;
        if loaded.meters_models {
            // The first call should not wait for the token tables.
            tollgate_llm::tokens::warm_up();
        }
        let config = config(settings)?;
        let snapshots = SnapshotHandle::new(snapshot);
        let environment = options.environment.clone();
        let identity = Identity::new(
            &config.identity,
            Arc::new(SystemClock::default()),
            move |name| environment(name),
        );
        tracing::debug!(source = identity.source(), "managed identity");
        let mut shared = Shared::in_memory(&identity, CACHE_BYTES);
        shared.watch = watch;
        let gateway = Gateway::start(config, snapshots.clone(), shared, Some(identity))
            .context("the gateway did not start")?;
        let gateway = Arc::new(gateway);
        let reload = if follow {
            let publish = Published {
                snapshots,
                gateway: gateway.clone(),
            };
            Some(Reload::start(
                path.to_path_buf(),
                options.clone(),
                loaded,
                publish,
            )?)
        } else {
            None
        };
        let statements = match &settings.statements {
            None => None,
            Some(statements) => Some(
                Sender::start(
                    path.to_owned(),
                    options.clone(),
                    statements.clone(),
                    gateway.health().clone(),
                )
                .context("no thread for statements")?,
            ),
        };
        Ok(Plane {
            gateway,
            reload,
            statements,
            drain: loaded.settings.timeouts.drain,
        })
    }

    /// The data plane.
    pub(crate) fn gateway(&self) -> &Gateway {
        &self.gateway
    }

    /// Asks for reloads.
    pub(crate) fn trigger(&self) -> Option<Trigger> {
        self.reload.as_ref().map(Reload::trigger)
    }

    /// Ends well, blocking; gives the number of connections that were cut.
    pub(crate) fn drain(mut self) -> usize {
        // Joins its thread, which holds the other reference.
        self.reload = None;
        self.statements = None;
        match Arc::try_unwrap(self.gateway) {
            Ok(gateway) => gateway.drain(self.drain),
            Err(shared) => {
                shared.announce_drain();
                0
            }
        }
    }
}

/// Where reloads go.
struct Published {
    snapshots: SnapshotHandle,
    gateway: Arc<Gateway>,
}

impl Publish for Published {
    fn publish(&self, snapshot: Arc<Snapshot>) -> u64 {
        let generation = self.snapshots.publish(snapshot);
        match self.gateway.reload_certificates() {
            Ok(()) => self.gateway.health().recover("certificates"),
            Err(faults) => {
                let why = faults.join("; ");
                tracing::error!("certificates refused, the running ones stay: {why}");
                self.gateway.health().degrade("certificates", &why);
            }
        }
        generation
    }

    fn refuse(&self, why: String) {
        self.snapshots.refuse(why);
    }
}

fn identity(settings: &tollgate_control::settings::Identity) -> IdentityConfig {
    IdentityConfig {
        source: match settings.source {
            Source::Auto => None,
            Source::Imds => Some(IdentitySource::Imds),
            Source::AppService => Some(IdentitySource::AppService),
            Source::WorkloadIdentity => Some(IdentitySource::WorkloadIdentity),
            Source::ClientSecret => Some(IdentitySource::ClientSecret),
        },
        imds_endpoint: settings.endpoint.clone(),
    }
}

fn ledger(settings: &settings::Ledger) -> LedgerConfig {
    LedgerConfig {
        folder: settings.folder.clone(),
        retention_days: settings.retention_days,
        sync_interval: settings.sync_interval,
        calls: LedgerOptions {
            on_failure: match settings.on_failure {
                OnLedgerFailure::Refuse => OnFailure::Refuse,
                OnLedgerFailure::Degrade => OnFailure::Degrade,
            },
            to_disk: settings.durability == Durability::Disk,
            ..LedgerOptions::default()
        },
    }
}

fn otlp(settings: &settings::Otlp) -> OtlpConfig {
    OtlpConfig {
        url: settings.url.clone(),
        headers: settings.headers.clone(),
        ca_pem: settings.ca_pem.clone(),
        client_certificate: settings.client_certificate.clone(),
        gzip: settings.gzip,
        timeout: settings.timeout,
        interval: settings.interval,
        temporality: if settings.delta {
            Temporality::Delta
        } else {
            Temporality::Cumulative
        },
        resource: settings.resource.clone(),
    }
}

/// The data plane's own form of the settings.
fn config(settings: &Settings) -> anyhow::Result<ProxyConfig> {
    let listeners = settings
        .listen
        .iter()
        .map(|listen| ListenerConfig {
            address: listen.address,
            tls: listen.tls.as_ref().map(|tls| TlsFiles {
                certificate: tls.certificate.clone(),
                key: tls.key.clone(),
                negotiate_client_certificate: tls.negotiate_client_certificate,
            }),
        })
        .collect();
    let trusted_proxies = settings
        .trusted_proxies
        .iter()
        .map(|(address, prefix)| {
            format!("{address}/{prefix}")
                .parse::<Network>()
                .map_err(|why| anyhow::anyhow!("trusted proxy {address}/{prefix}: {why}"))
        })
        .collect::<anyhow::Result<Vec<_>>>()?;
    let (limits, timeouts) = (&settings.limits, &settings.timeouts);
    Ok(ProxyConfig {
        threads: settings.threads.and_then(NonZeroUsize::new),
        listeners,
        management: settings.management,
        limits: Limits {
            head_bytes: limits.request_header_size,
            headers: limits.request_headers,
            target_bytes: limits.request_target_size,
            body_bytes: limits.request_body_size,
            head_timeout: timeouts.request_header,
            idle_timeout: timeouts.keep_alive,
            body_idle_timeout: timeouts.body_idle,
            connections: limits.connections,
            streams: limits.streams,
        },
        upstream: UpstreamConfig {
            connect_timeout: timeouts.connect,
            connections: limits.backend_connections,
            idle_connections: limits.idle_backend_connections,
            idle_timeout: timeouts.backend_keep_alive,
            ..UpstreamConfig::default()
        },
        access_log: settings.logs.requests,
        recording: settings
            .recording
            .as_ref()
            .map(|recording| RecordingConfig {
                file: recording.file.clone(),
                file_size: recording.file_size,
                files: recording.files,
                percent: recording.percent,
                bodies: recording.bodies,
            }),
        ledger: settings.ledger.as_ref().map(ledger),
        otlp: settings.otlp.as_ref().map(otlp),
        trusted_proxies,
        identity: identity(&settings.identity),
        max_series: limits.metric_series,
        drain_delay: timeouts.drain_delay,
        ..ProxyConfig::default()
    })
}
