//! One data-plane thread: its runtime, its share of the listeners, its connections to backends, its drain.
//!
//! Started by `gateway`. What must stay true: threads share the snapshot, counters and atomics, nothing else; a thread
//! ends when its connections have ended or the drain's deadline has come.

use crate::config::ProxyConfig;
use crate::connection;
use crate::connection::streams::Streams;
use crate::health::Health;
use crate::pausable::{self, Pausable};
use crate::random::Random;
use crate::recording::{Recording, RecordingTransport};
use crate::server_tls::ServerTls;
use crate::telemetry::ThreadTelemetry;
use crate::turn::Busy;
use crate::upstream::{ClientTls, Upstream};
use crate::wheel::Wheel;
use arc_swap::ArcSwap;
use hyper::server::conn::{http1, http2};
use hyper_util::rt::TokioTimer;
use std::cell::{Cell, RefCell};
use std::future::poll_fn;
use std::io;
use std::net::SocketAddr;
use std::pin::pin;
use std::rc::Rc;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::task::Poll;
use std::time::Duration;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{Notify, watch};
use tokio::time::Instant;
use tollgate_engine::probe::Watch;
use tollgate_engine::services::{Around, Transport};
use tollgate_engine::{Services, Snapshot};

/// What a thread is started with; everything in it may cross threads.
pub(crate) struct Start {
    pub(crate) config: Arc<ProxyConfig>,
    pub(crate) listeners: Vec<(std::net::TcpListener, Option<Arc<ServerTls>>)>,
    pub(crate) health: Arc<Health>,
    pub(crate) shared: crate::gateway::Shared,
    pub(crate) providers: Arc<crate::openid::OpenIdCache>,
    pub(crate) client_tls: Arc<ClientTls>,
    pub(crate) phase: watch::Receiver<Phase>,
}

/// Where a gateway is in its life.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Phase {
    Serving,
    /// No new connections; what is open ends by then.
    Draining(Instant),
}

/// A thread's own things.
pub(crate) struct Thread {
    pub(crate) config: Arc<ProxyConfig>,
    pub(crate) services: Rc<Services>,
    pub(crate) snapshots: RefCell<arc_swap::Cache<Arc<ArcSwap<Snapshot>>, Arc<Snapshot>>>,
    pub(crate) telemetry: Arc<ThreadTelemetry>,
    pub(crate) shared: Arc<Health>,
    pub(crate) wheel: Rc<Wheel>,
    pub(crate) random: Random,
    pub(crate) busy: Busy,
    pub(crate) draining: Rc<Cell<bool>>,
    /// Watches every request.
    pub(crate) watch: Option<Watch>,
    /// When traffic is recorded.
    pub(crate) recording: Option<Rc<Recording>>,
    pub(crate) http1: http1::Builder,
    pub(crate) http2: http2::Builder<Streams>,
    open: Cell<usize>,
    closed: Notify,
}

/// A connection or tunnel that is open.
pub(crate) struct Open(Rc<Thread>);

impl Drop for Open {
    fn drop(&mut self) {
        let thread = &self.0;
        thread.shared.connections.fetch_sub(1, Ordering::Relaxed);
        thread.open.set(thread.open.get() - 1);
        if thread.open.get() == 0 {
            thread.closed.notify_one();
        }
    }
}

impl Thread {
    /// Counts a connection until the guard drops.
    pub(crate) fn opened(self: &Rc<Self>) -> Open {
        self.shared.connections.fetch_add(1, Ordering::Relaxed);
        self.open.set(self.open.get() + 1);
        Open(self.clone())
    }

    fn new(start: &Start) -> Rc<Thread> {
        let config = start.config.clone();
        let limits = &config.limits;
        let wheel = Wheel::start();
        let busy = Busy::default();
        let telemetry = Arc::new(ThreadTelemetry::new(
            &start.health.metrics,
            start.shared.clock.clone(),
            config.access_log,
        ));
        let mut upstream = config.upstream.clone();
        upstream.body_idle_timeout = limits.body_idle_timeout;
        let transport = Upstream::new(
            upstream,
            &wheel,
            start.client_tls.clone(),
            start.health.upstream_connections.clone(),
            busy.clone(),
        );
        let recording = start
            .health
            .recorder
            .get()
            .map(|recorder| Recording::new(recorder.clone(), start.shared.clock.clone()));
        let transport: Rc<dyn Transport> = match &recording {
            None => transport,
            Some(recording) => Rc::new(RecordingTransport::new(transport, recording.clone())),
        };
        let draining = Rc::new(Cell::new(false));
        let services = Rc::new(Services {
            clock: start.shared.clock.clone(),
            transport,
            tokens: start.shared.tokens.clone(),
            providers: start.providers.clone(),
            verified_tokens: Default::default(),
            counters: start.shared.counters.clone(),
            budgets: start.shared.budgets.clone(),
            cache: start.shared.cache.clone(),
            responses: start.shared.responses.clone(),
            mcp_sessions: start.shared.mcp_sessions.clone(),
            vectors: start.shared.vectors.clone(),
            concurrency: start.shared.concurrency.clone(),
            ledger: crate::ledger::of_thread(&config, &start.health),
            graphql_events: start.health.graphql_events.clone(),
            event_hubs: Default::default(),
            telemetry: telemetry.clone(),
            around: Rc::new(ThreadAround {
                snapshots: start.health.snapshots.swap(),
                draining: draining.clone(),
            }),
        });
        let mut http1 = http1::Builder::new();
        http1
            .max_header_size(limits.head_bytes)
            // The connection's own watch does this without a timer for each request.
            .header_read_timeout(None);
        if limits.headers > HEADERS_WITHOUT_ALLOCATION {
            http1.max_headers(limits.headers);
        }
        let mut http2 = http2::Builder::new(Streams::new(&wheel, limits.body_idle_timeout));
        http2
            .timer(TokioTimer::new())
            .max_concurrent_streams(limits.streams)
            .max_header_list_size(u32::try_from(limits.head_bytes).unwrap_or(u32::MAX))
            .initial_stream_window_size(1 << 20)
            .initial_connection_window_size(2 << 20)
            .keep_alive_interval(Some(Duration::from_secs(60)))
            .keep_alive_timeout(Duration::from_secs(20));
        Rc::new(Thread {
            snapshots: RefCell::new(arc_swap::Cache::new(start.health.snapshots.swap())),
            config,
            services,
            telemetry,
            shared: start.health.clone(),
            wheel,
            random: Random::seeded(),
            busy,
            recording,
            draining,
            watch: start.shared.watch.clone(),
            http1,
            http2,
            open: Cell::new(0),
            closed: Notify::new(),
        })
    }
}

/// What answers that stay open ask a thread for.
struct ThreadAround {
    snapshots: Arc<ArcSwap<Snapshot>>,
    draining: Rc<Cell<bool>>,
}

impl Around for ThreadAround {
    fn snapshot(&self) -> Arc<Snapshot> {
        self.snapshots.load_full()
    }

    fn is_ending(&self) -> bool {
        self.draining.get()
    }

    fn pause(&self) -> bool {
        pausable::pause()
    }
}

/// hyper's own default, kept on the stack.
const HEADERS_WITHOUT_ALLOCATION: usize = 100;

/// Runs a thread to its end. Gives the number of connections that the deadline cut.
pub(crate) fn run(start: Start) -> io::Result<usize> {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build_local(tokio::runtime::LocalOptions::default())?;
    runtime.block_on(async {
        let thread = Thread::new(&start);
        let mut accepting = Vec::new();
        for (listener, tls) in start.listeners {
            listener.set_nonblocking(true)?;
            let listener = TcpListener::from_std(listener)?;
            accepting.push(tokio::task::spawn_local(accept(
                thread.clone(),
                listener,
                tls,
                start.phase.clone(),
            )));
        }
        let mut phase = start.phase;
        let deadline = loop {
            if let Phase::Draining(deadline) = *phase.borrow_and_update() {
                break deadline;
            }
            if phase.changed().await.is_err() {
                break Instant::now();
            }
        };
        thread.draining.set(true);
        thread.wheel.wake_all();
        for task in accepting {
            // An accept loop ends by itself once it has emptied its backlog.
            let _ = task.await;
        }
        let closed = async {
            while thread.open.get() > 0 {
                thread.closed.notified().await;
            }
        };
        let _ = tokio::time::timeout_at(deadline, closed).await;
        Ok(thread.open.get())
    })
}

/// Accepts until the drain begins, then takes what is in the backlog already and closes the listener.
async fn accept(
    thread: Rc<Thread>,
    listener: TcpListener,
    tls: Option<Arc<ServerTls>>,
    mut phase: watch::Receiver<Phase>,
) {
    loop {
        let accepted = tokio::select! {
            biased;
            accepted = next(&listener) => accepted,
            _ = phase.wait_for(|p| *p != Phase::Serving) => break,
        };
        match accepted {
            Ok((stream, address)) => begin(&thread, stream, address, tls.as_deref()),
            Err(error) => {
                // Out of descriptors or memory: what is open must end first.
                tracing::warn!(%error, "no connection could be accepted");
                tokio::time::sleep(Duration::from_millis(100)).await;
            }
        }
    }
    loop {
        let mut accepting = pin!(next(&listener));
        match poll_fn(|cx| Poll::Ready(accepting.as_mut().poll(cx))).await {
            Poll::Ready(Ok((stream, address))) => begin(&thread, stream, address, tls.as_deref()),
            _ => return,
        }
    }
}

/// The next connection, made ready.
async fn next(listener: &TcpListener) -> io::Result<(TcpStream, SocketAddr)> {
    loop {
        let (stream, address) = listener.accept().await?;
        // It fails when the caller has gone already.
        if crate::io::prepare(&stream).is_ok() {
            return Ok((stream, address));
        }
    }
}

fn begin(thread: &Rc<Thread>, stream: TcpStream, address: SocketAddr, tls: Option<&ServerTls>) {
    let health = &thread.shared;
    let most = i64::try_from(thread.config.limits.connections).unwrap_or(i64::MAX);
    if health.connections.load(Ordering::Relaxed) >= most {
        health.connections_refused.fetch_add(1, Ordering::Relaxed);
        return;
    }
    let open = thread.opened();
    let serving = connection::serve(
        thread.clone(),
        stream,
        address.ip(),
        tls.map(ServerTls::config),
    );
    tokio::task::spawn_local(Pausable::new(async move {
        serving.await;
        drop(open);
    }));
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn accepted_sockets_do_not_delay() {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let (caller, accepted) = tokio::join!(TcpStream::connect(address), next(&listener));
        let (accepted, peer) = accepted.unwrap();
        assert_eq!(peer, caller.unwrap().local_addr().unwrap());
        assert!(accepted.nodelay().unwrap());
    }
}
