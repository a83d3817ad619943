//! Starts and stops the data plane: sockets, threads, the control thread.
//!
//! Called by the `gateway` crate and by tests. What must stay true: every socket is bound before the first thread
//! starts, so that a taken port is an error and not half a gateway; all threads share one port.

use crate::config::{OtlpConfig, ProxyConfig};
use crate::health::Health;
use crate::identity::Identity;
use crate::management;
use crate::notifications;
use crate::openid::OpenIdCache;
use crate::otlp::{self, Exports};
use crate::quotas::Quotas;
use crate::recording::Recorder;
use crate::server_tls::ServerTls;
use crate::snapshots::SnapshotHandle;
use crate::thread::{self, Phase, Start};
use crate::upstream::ClientTls;
use socket2::{Domain, Protocol, Socket, Type};
use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::thread::JoinHandle;
use std::time::Duration;
use tokio::sync::watch;
use tokio::time::Instant;
use tollgate_engine::budget::BudgetState;
use tollgate_engine::clock::{Clock, SystemClock};
use tollgate_engine::llm_call::CachedAnswer;
use tollgate_engine::mcp::Session;
use tollgate_engine::probe::Watch;
use tollgate_engine::response_cache::CachedResponse;
use tollgate_engine::services::IdentityTokens;
use tollgate_lang::value::Frozen;
use tollgate_state::ledger::OpenError;
use tollgate_state::{
    Cache, Concurrency, Counters, MemoryCache, MemoryCounters, MemoryVectors, Vectors,
};

/// Most bytes of what is known of sessions of MCP servers: some 100,000.
const MCP_SESSIONS_BYTES: u64 = 32 << 20;

/// What all threads share besides the snapshot.
#[derive(Clone)]
pub struct Shared {
    /// Time.
    pub clock: Arc<dyn Clock>,
    /// Counters.
    pub counters: Arc<dyn Counters>,
    /// What budgets have spent.
    pub budgets: Arc<BudgetState>,
    /// Values of `cache-store-value`.
    pub cache: Arc<dyn Cache<Frozen>>,
    /// Answers of `cache-store`.
    pub responses: Arc<dyn Cache<CachedResponse>>,
    /// Sessions of MCP servers.
    pub mcp_sessions: Arc<dyn Cache<Session>>,
    /// The semantic cache.
    pub vectors: Arc<dyn Vectors<CachedAnswer>>,
    /// Who is inside `limit-concurrency`.
    pub concurrency: Arc<Concurrency>,
    /// Managed identity.
    pub tokens: Arc<dyn IdentityTokens>,
    /// Watches every request: the debugger, `tollgate trace --live`.
    pub watch: Option<Watch>,
}

impl Shared {
    /// The system's clock, state in memory (`cache_bytes` for values), tokens from `identity`.
    pub fn in_memory(identity: &Arc<Identity>, cache_bytes: u64) -> Shared {
        Shared {
            clock: Arc::new(SystemClock::default()),
            counters: Arc::new(MemoryCounters::default()),
            budgets: Arc::default(),
            cache: Arc::new(MemoryCache::new(cache_bytes)),
            responses: Arc::new(MemoryCache::new(cache_bytes)),
            mcp_sessions: Arc::new(MemoryCache::new(MCP_SESSIONS_BYTES)),
            vectors: Arc::new(MemoryVectors::default()),
            concurrency: Arc::default(),
            tokens: identity.clone(),
            watch: None,
        }
    }
}

/// Why a gateway did not start.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// A listener's address could not be taken.
    #[error("cannot listen on {address}: {error}; choose another address under `gateway`")]
    Listen {
        /// The address.
        address: SocketAddr,
        /// Why.
        error: io::Error,
    },
    /// A certificate could not be used.
    #[error("cannot serve TLS on {address}: {error}")]
    Tls {
        /// The listener.
        address: SocketAddr,
        /// Why, with the file.
        error: String,
    },
    /// A recording could not be begun.
    #[error(
        "cannot record traffic in {file}: {error}; name a place that this user may write in as `gateway.recording.path`"
    )]
    Recording {
        /// The file.
        file: String,
        /// Why.
        error: io::Error,
    },
    /// The exporter of metrics cannot be set up.
    #[error("cannot export metrics over OTLP: {0}")]
    OpenTelemetry(String),
    /// The ledger's folder cannot be written in.
    #[error("cannot keep the ledger: {0}; {remedy}", remedy = ledger_remedy(.0))]
    Ledger(OpenError),
    /// No thread.
    #[error("cannot start a thread: {0}")]
    Thread(io::Error),
}

/// What to do about a ledger's folder that cannot be taken.
fn ledger_remedy(error: &OpenError) -> &'static str {
    match error {
        OpenError::Locked { .. } => {
            "stop that one, or give each gateway a folder of its own as `gateway.ledger.folder`"
        }
        OpenError::Io(..) => {
            "name a folder that this user may make and write in as `gateway.ledger.folder`"
        }
    }
}

/// A running data plane. Dropping it cuts everything; [`Gateway::drain`] ends it well.
pub struct Gateway {
    addresses: Vec<SocketAddr>,
    management: Option<SocketAddr>,
    health: Arc<Health>,
    tls: Vec<Arc<ServerTls>>,
    phase: watch::Sender<Phase>,
    threads: Vec<JoinHandle<io::Result<usize>>>,
    control: Option<(watch::Sender<bool>, JoinHandle<io::Result<()>>)>,
    quotas: Option<Quotas>,
    drain_delay: Duration,
}

impl Gateway {
    /// Binds, then serves. `identity` is run by the gateway's control thread; it may be shared with nobody else.
    pub fn start(
        mut config: ProxyConfig,
        snapshots: SnapshotHandle,
        shared: Shared,
        identity: Option<Arc<Identity>>,
    ) -> Result<Gateway, StartError> {
        let threads = config
            .threads
            .or_else(|| std::thread::available_parallelism().ok())
            .map_or(1, usize::from);
        config.upstream.threads = threads;
        let config = Arc::new(config);
        let mut addresses = Vec::new();
        let mut tls = Vec::new();
        let mut sockets: Vec<Vec<_>> = (0..threads).map(|_| Vec::new()).collect();
        for listener in &config.listeners {
            let certificate = match &listener.tls {
                None => None,
                Some(files) => {
                    let read = ServerTls::read(files.clone()).map_err(|error| StartError::Tls {
                        address: listener.address,
                        error,
                    })?;
                    let read = Arc::new(read);
                    tls.push(read.clone());
                    Some(read)
                }
            };
            let mut address = listener.address;
            for (at, share) in sockets.iter_mut().enumerate() {
                // Sockets that share an address would share it with another process's, too.
                let free = if at == 0 && threads > 1 {
                    socket(address, false).map(drop)
                } else {
                    Ok(())
                };
                let bound = free
                    .and_then(|()| bind(address, threads > 1))
                    .and_then(|s| Ok((s.local_addr()?, s)))
                    .map_err(|error| StartError::Listen { address, error })?;
                // The first chooses a free port, the others join it.
                address = bound.0;
                share.push((bound.1, certificate.clone()));
            }
            addresses.push(address);
        }
        let management = match config.management {
            None => None,
            Some(address) => Some(
                bind(address, false)
                    .and_then(|s| Ok((s.local_addr()?, s)))
                    .map_err(|error| StartError::Listen { address, error })?,
            ),
        };
        let health = Arc::new(Health::new(
            snapshots,
            config.max_series,
            shared.clock.clone(),
            shared.budgets.clone(),
        ));
        if let Some(recording) = &config.recording {
            let recorder =
                Recorder::start(recording.clone()).map_err(|error| StartError::Recording {
                    file: recording.file.display().to_string(),
                    error,
                })?;
            // Nobody has set it before.
            let _ = health.recorder.set(recorder);
        }
        let mut quotas = None;
        if let Some(ledger) = &config.ledger {
            let opened = crate::ledger::open(ledger, &health).map_err(StartError::Ledger)?;
            crate::budgets::restore(&opened, &health);
            let _ = health.ledger.set(opened);
            let _ = health.data_folder.set(ledger.folder.clone());
            // The folder is locked now: nobody else counts in it.
            let kept = Quotas::start(&ledger.folder, shared.counters.clone(), &health);
            quotas = Some(kept.map_err(StartError::Thread)?);
        }
        let client_tls = Arc::new(ClientTls::new());
        let exporter = match &config.otlp {
            None => None,
            Some(config) => {
                let _ = health.exports.set(Exports::default());
                let target = otlp::Target::new(config).map_err(StartError::OpenTelemetry)?;
                Some((config.clone(), target))
            }
        };
        let (phase, _) = watch::channel(Phase::Serving);
        let openid = OpenIdCache::new(config.openid.clone(), shared.clock.clone());
        let mut gateway = Gateway {
            addresses,
            management: management.as_ref().map(|m| m.0),
            health: health.clone(),
            tls,
            phase,
            threads: Vec::new(),
            control: None,
            quotas,
            drain_delay: config.drain_delay,
        };
        gateway.control = Some(
            control(
                management.map(|m| m.1),
                health.clone(),
                identity,
                openid.clone(),
                client_tls.clone(),
                exporter,
            )
            .map_err(StartError::Thread)?,
        );
        for (index, listeners) in sockets.into_iter().enumerate() {
            let start = Start {
                config: config.clone(),
                listeners,
                health: health.clone(),
                shared: shared.clone(),
                providers: openid.clone(),
                client_tls: client_tls.clone(),
                phase: gateway.phase.subscribe(),
            };
            let thread = std::thread::Builder::new()
                .name(format!("data-{index}"))
                .spawn(move || thread::run(start))
                .map_err(StartError::Thread)?;
            gateway.threads.push(thread);
        }
        Ok(gateway)
    }

    /// Addresses of the listeners, in the order of the configuration.
    pub fn addresses(&self) -> &[SocketAddr] {
        &self.addresses
    }

    /// Address of the management listener.
    pub fn management(&self) -> Option<SocketAddr> {
        self.management
    }

    /// Degraded parts report here.
    pub fn health(&self) -> &Arc<Health> {
        &self.health
    }

    /// Reads the certificates again; new connections use them. On an error the running ones stay.
    pub fn reload_certificates(&self) -> Result<(), Vec<String>> {
        let faults: Vec<String> = self.tls.iter().filter_map(|t| t.reload().err()).collect();
        if faults.is_empty() {
            Ok(())
        } else {
            Err(faults)
        }
    }

    /// The metrics as `/metrics` gives them.
    pub fn metrics(&self) -> String {
        crate::telemetry::exposition(&self.health)
    }

    /// Turns `/readyz` to 503 without stopping anything yet.
    pub fn announce_drain(&self) {
        self.health.drain();
    }

    /// Ends well, blocking: says so in `/readyz`, waits the configured delay, closes the listeners, lets requests,
    /// streams and tunnels finish, at most until `limit` has passed. Gives the number of connections that were cut.
    pub fn drain(mut self, limit: Duration) -> usize {
        self.announce_drain();
        std::thread::sleep(self.drain_delay);
        self.end(limit)
    }

    fn end(&mut self, limit: Duration) -> usize {
        self.phase
            .send_replace(Phase::Draining(Instant::now() + limit));
        let mut cut = 0;
        for thread in self.threads.drain(..) {
            match thread.join() {
                Ok(Ok(open)) => cut += open,
                Ok(Err(error)) => tracing::error!(%error, "a data-plane thread failed"),
                Err(_) => tracing::error!("a data-plane thread panicked"),
            }
        }
        // All has settled, so this is what the next process goes on with.
        drop(self.quotas.take());
        if let Some((stop, thread)) = self.control.take() {
            stop.send_replace(true);
            if let Ok(Err(error)) = thread.join() {
                tracing::error!(%error, "the control thread failed");
            }
        }
        cut
    }
}

impl Drop for Gateway {
    fn drop(&mut self) {
        self.end(Duration::ZERO);
    }
}

/// A listening socket, shared by the threads where there are several.
fn bind(address: SocketAddr, shared: bool) -> io::Result<std::net::TcpListener> {
    let socket = socket(address, shared)?;
    socket.listen(4096)?;
    Ok(socket.into())
}

/// A socket with an address.
fn socket(address: SocketAddr, shared: bool) -> io::Result<Socket> {
    let socket = Socket::new(
        Domain::for_address(address),
        Type::STREAM,
        Some(Protocol::TCP),
    )?;
    socket.set_reuse_address(true)?;
    if shared {
        socket.set_reuse_port(true)?;
    }
    socket.set_nonblocking(true)?;
    socket.bind(&address.into())?;
    Ok(socket)
}

/// The control thread: management pages, identity tokens, keys of OpenID providers, what is posted on its own.
fn control(
    management: Option<std::net::TcpListener>,
    health: Arc<Health>,
    identity: Option<Arc<Identity>>,
    openid: Arc<OpenIdCache>,
    client_tls: Arc<ClientTls>,
    exporter: Option<(OtlpConfig, otlp::Target)>,
) -> io::Result<(watch::Sender<bool>, JoinHandle<io::Result<()>>)> {
    let (stop, stopped) = watch::channel(false);
    let thread = std::thread::Builder::new()
        .name(String::from("control"))
        .spawn(move || {
            let runtime = tokio::runtime::Builder::new_current_thread()
                .enable_all()
                .build_local(tokio::runtime::LocalOptions::default())?;
            runtime.block_on(async {
                if let Some(listener) = management {
                    let listener = tokio::net::TcpListener::from_std(listener)?;
                    tokio::task::spawn_local(management::listen(listener, health.clone()));
                }
                if let Some(identity) = identity {
                    tokio::task::spawn_local(identity.run(client_tls.clone(), health.clone()));
                }
                tokio::task::spawn_local(openid.run(client_tls.clone(), health.clone()));
                let exports = async {
                    if let Some((config, target)) = exporter {
                        let (tls, health) = (client_tls.clone(), health.clone());
                        otlp::run(&config, target, tls, health, stopped.clone()).await;
                    }
                };
                // Both end by themselves when the gateway does, having posted what waits.
                let posts = notifications::run(client_tls.clone(), health.clone(), stopped.clone());
                tokio::join!(posts, exports);
                Ok(())
            })
        })?;
    Ok((stop, thread))
}
