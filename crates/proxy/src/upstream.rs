//! Connections to backends: one set for each thread, no locks, no tasks for HTTP/1.1.
//!
//! Called by the engine through [`Transport`], and by `identity`. An HTTP/1.1 connection is driven by whoever uses it:
//! the request until the head is there, then the body; an idle one is looked at when it is taken again. That saves a
//! task switch for each message. What must stay true: a request is sent again only when nothing of it was written; a
//! dropped body closes its connection; every wait has a deadline.

mod connect;
mod dns;
mod expect;
mod failure;
mod http1;
mod pool;
mod response;
mod sql;
mod tls;
mod tunnel;

pub(crate) use tls::ClientTls;

use crate::config::UpstreamConfig;
use crate::connection::streams::Local;
use crate::io::Stream;
use crate::turn::Busy;
use crate::wheel::{TICK, Timer, Wheel};
use expect::Asked;
use http::{Request, Response, Uri, header};
use hyper::client::conn::http2;
use hyper_util::rt::TokioIo;
use pool::OriginPool;
use response::ResponseBody;
use std::cell::RefCell;
use std::collections::HashMap;
use std::future::poll_fn;
use std::hash::BuildHasherDefault;
use std::pin::pin;
use std::rc::Rc;
use std::sync::Arc;
use std::task::Poll;
use std::time::Duration;
use tollgate_engine::connect::HttpProxy;
use tollgate_engine::services::{HttpVersion, Origin, SendError, SendOptions, Transport};
use tollgate_engine::sql::{Rows, SqlCall, SqlError};
use tollgate_engine::{Body, LocalBoxFuture};

/// Most origins that a thread keeps pools for; documents may compute base URLs.
const MOST_ORIGINS: usize = 4096;

/// How often idle connections and unused origins are looked through.
const SWEEP: Duration = Duration::from_secs(5);

/// The connections of one thread.
pub(crate) struct Upstream {
    config: UpstreamConfig,
    wheel: Rc<Wheel>,
    tls: Arc<ClientTls>,
    dns: dns::Cache,
    busy: Busy,
    pools: RefCell<HashMap<u64, Rc<OriginPool>, BuildHasherDefault<Hashed>>>,
    databases: sql::Databases,
    open: Arc<std::sync::atomic::AtomicI64>,
}

impl Upstream {
    /// An empty set. `open` counts connections for the metrics; `busy` is the thread's.
    pub(crate) fn new(
        config: UpstreamConfig,
        wheel: &Rc<Wheel>,
        tls: Arc<ClientTls>,
        open: Arc<std::sync::atomic::AtomicI64>,
        busy: Busy,
    ) -> Rc<Upstream> {
        let upstream = Rc::new(Upstream {
            dns: dns::Cache::new(config.dns_ttl),
            databases: sql::Databases::new(config.threads, config.idle_timeout),
            config,
            wheel: wheel.clone(),
            tls,
            busy,
            pools: RefCell::default(),
            open,
        });
        let weak = Rc::downgrade(&upstream);
        tokio::task::spawn_local(async move {
            loop {
                tokio::time::sleep(SWEEP).await;
                match weak.upgrade() {
                    Some(upstream) => upstream.sweep(),
                    None => return,
                }
            }
        });
        upstream
    }

    fn sweep(&self) {
        self.pools.borrow_mut().retain(|_, pool| {
            pool.sweep();
            pool.in_use() || Rc::strong_count(pool) > 1
        });
        self.databases.sweep();
        self.dns.sweep();
    }

    fn pool(&self, origin: &Origin, version: HttpVersion) -> Rc<OriginPool> {
        // The hash is not the identity: on a collision the later origin goes to the next place.
        let mut key = origin.key ^ version as u64;
        let mut pools = self.pools.borrow_mut();
        while let Some(pool) = pools.get(&key) {
            if pool.serves(origin, version) {
                return pool.clone();
            }
            key = key.wrapping_add(0x9E37_79B9_7F4A_7C15);
        }
        if pools.len() >= MOST_ORIGINS {
            pools.retain(|_, pool| Rc::strong_count(pool) > 1);
        }
        let pool = Rc::new(OriginPool::new(
            origin.clone(),
            version,
            &self.config,
            &self.wheel,
            &self.open,
        ));
        pools.insert(key, pool.clone());
        pool
    }

    /// The common case: a connection is there. Its future is small; what is rare has a box of its own.
    async fn deliver(
        &self,
        origin: &Origin,
        mut request: Request<Body>,
        options: SendOptions,
    ) -> Result<Response<Body>, SendError> {
        let pool = self.pool(origin, options.version);
        if let Some(proxy) = pool.forward_proxy() {
            through(&mut request, origin, proxy);
        }
        let mut timer = Timer::new(&self.wheel);
        // Only what was pooled may be stale, so the loop ends with the first connection of its own.
        while let Some(mut connection) = pool.idle() {
            match connection
                .exchange(request, &self.busy, &mut timer, options.timeout)
                .await
            {
                Ok(response) => return self.receive(&pool, connection, response, timer),
                Err(failed) => request = failed.unsent.ok_or(failed.error)?,
            }
        }
        Box::pin(self.deliver_anew(&pool, request, timer, options)).await
    }

    /// Opens a connection, or waits for one.
    async fn deliver_anew(
        &self,
        pool: &Rc<OriginPool>,
        mut request: Request<Body>,
        mut timer: Timer,
        options: SendOptions,
    ) -> Result<Response<Body>, SendError> {
        let begin = self.wheel.now();
        if options.version != HttpVersion::Http1 {
            request = match self
                .deliver_shared(pool, request, &mut timer, options)
                .await
            {
                Ok(response) => return Ok(response),
                Err(Unshared::Failed(error)) => return Err(error),
                Err(Unshared::Http1(request)) => request,
            };
        }
        let mut connection = match pool.lease(options.timeout).await? {
            pool::Lease::Pooled(connection) => connection,
            pool::Lease::Room(room) => {
                let (stream, _) = self.connect(pool, options.timeout).await?;
                http1::Http1::open(stream, &self.config, room).await?
            }
        };
        // The timeout is for all until the head; connecting has used some of it.
        let spent = u32::try_from(self.wheel.now() - begin).unwrap_or(u32::MAX);
        let left = options.timeout.saturating_sub(TICK.saturating_mul(spent));
        match connection
            .exchange(request, &self.busy, &mut timer, left)
            .await
        {
            Ok(response) => self.receive(pool, connection, response, timer),
            Err(failed) => Err(match failed.error {
                SendError::Timeout(_) => SendError::Timeout(options.timeout),
                error => error,
            }),
        }
    }

    /// Takes a head with its body; the connection goes back to the pool when the body has ended.
    fn receive(
        &self,
        pool: &Rc<OriginPool>,
        mut connection: http1::Http1,
        response: Response<hyper::body::Incoming>,
        timer: Timer,
    ) -> Result<Response<Body>, SendError> {
        let (head, incoming) = response.into_parts();
        if head.status == http::StatusCode::PROXY_AUTHENTICATION_REQUIRED
            && pool.forward_proxy().is_some()
        {
            return Err(SendError::Connect(tunnel::refusal(&head.headers)));
        }
        if head.status == http::StatusCode::SWITCHING_PROTOCOLS {
            // The driver hands the stream over; from then on it belongs to whoever takes the upgrade.
            if let Some(driver) = connection.driver.take() {
                tokio::task::spawn_local(driver);
            }
            return Ok(Response::from_parts(head, Body::Empty));
        }
        let body = ResponseBody::begin(
            incoming,
            connection,
            pool,
            timer,
            self.config.body_idle_timeout,
        );
        Ok(Response::from_parts(head, body))
    }

    /// HTTP/2: one connection for all requests of the origin.
    async fn deliver_shared(
        &self,
        pool: &Rc<OriginPool>,
        mut request: Request<Body>,
        timer: &mut Timer,
        options: SendOptions,
    ) -> Result<Response<Body>, Unshared> {
        let origin_form = request.uri().clone();
        // Once again when the connection refuses: it was closing, or it went away unnoticed.
        for attempt in 0..2 {
            let shared = match pool.shared() {
                Some(sender) => Ok(Some(sender)),
                None => {
                    pool.share(options.timeout, || self.open_shared(pool, options.timeout))
                        .await
                }
            };
            let Some(mut sender) = shared.map_err(Unshared::Failed)? else {
                if attempt > 0 {
                    *request.uri_mut() = origin_form;
                    *request.version_mut() = http::Version::HTTP_11;
                    if let Ok(host) = http::HeaderValue::from_str(&pool.origin.authority) {
                        request.headers_mut().insert(header::HOST, host);
                    }
                }
                return Err(Unshared::Http1(request));
            };
            if attempt == 0 {
                absolute(&mut request, &pool.origin);
            }
            let mut answer = pin!(sender.try_send_request(request));
            let answered = poll_fn(|cx| {
                if let Poll::Ready(answered) = answer.as_mut().poll(cx) {
                    return Poll::Ready(Some(answered));
                }
                timer.poll(cx, options.timeout).map(|()| None)
            })
            .await;
            timer.rest();
            match answered {
                None => return Err(Unshared::Failed(SendError::Timeout(options.timeout))),
                Some(Ok(response)) => {
                    let idle = self.config.body_idle_timeout;
                    return Ok(response.map(|b| ResponseBody::shared(b, pool, &self.wheel, idle)));
                }
                Some(Err(mut failed)) => {
                    pool.unshare(&sender);
                    request = match failed.take_message() {
                        Some(request) if attempt == 0 => request,
                        _ => return Err(Unshared::Failed(failure::classify(&failed.into_error()))),
                    };
                }
            }
        }
        Err(Unshared::Failed(SendError::Connect(String::from(
            "the backend refuses HTTP/2 streams",
        ))))
    }

    /// Opens what ALPN gives: `None` is HTTP/1.1, and its connection is in the pool.
    async fn open_shared(
        &self,
        pool: &Rc<OriginPool>,
        timeout: Duration,
    ) -> Result<Option<http2::SendRequest<Body>>, SendError> {
        let (stream, http2) = self.connect(pool, timeout).await?;
        if !http2 {
            if let Some(room) = pool.room() {
                pool.put(http1::Http1::open(stream, &self.config, room).await?);
            }
            return Ok(None);
        }
        let (sender, connection) = http2::Builder::new(Local)
            .timer(hyper_util::rt::TokioTimer::new())
            .keep_alive_interval(Duration::from_secs(30))
            .keep_alive_timeout(Duration::from_secs(10))
            .initial_stream_window_size(1 << 20)
            .initial_connection_window_size(4 << 20)
            .handshake(TokioIo::new(stream))
            .await
            .map_err(|e| failure::classify(&e))?;
        tokio::task::spawn_local(async move {
            if let Err(error) = connection.await {
                tracing::debug!(%error, "an HTTP/2 connection to a backend ended");
            }
        });
        Ok(Some(sender))
    }

    /// Connects within the connect timeout, or the request's if that is shorter.
    async fn connect(
        &self,
        pool: &OriginPool,
        timeout: Duration,
    ) -> Result<(Stream, bool), SendError> {
        let limit = self.config.connect_timeout.min(timeout);
        match tokio::time::timeout(limit, connect::connect(&self.dns, &self.tls, pool)).await {
            Ok(connected) => connected,
            Err(_) if timeout < self.config.connect_timeout => Err(SendError::Timeout(timeout)),
            Err(_) => Err(SendError::Connect(format!(
                "no connection to {} within {limit:?}",
                pool.origin.authority
            ))),
        }
    }
}

/// Why a request did not go over the shared connection.
#[expect(clippy::large_enum_variant, reason = "moved once, on a rare path")]
enum Unshared {
    Failed(SendError),
    /// The backend chose HTTP/1.1.
    Http1(Request<Body>),
}

/// Puts scheme and authority into the request's URI.
fn name_origin(request: &mut Request<Body>, origin: &Origin) {
    let mut parts = std::mem::take(request.uri_mut()).into_parts();
    parts.scheme = Some(if origin.tls.is_some() {
        http::uri::Scheme::HTTPS
    } else {
        http::uri::Scheme::HTTP
    });
    parts.authority = origin.authority.parse().ok();
    *request.uri_mut() = Uri::from_parts(parts).unwrap_or_default();
}

/// Writes a request for a proxy: the whole URL (RFC 9112, section 3.2.2), and who comes.
fn through(request: &mut Request<Body>, origin: &Origin, proxy: &HttpProxy) {
    name_origin(request, origin);
    if let Some(authorization) = &proxy.authorization {
        let name = header::PROXY_AUTHORIZATION;
        request.headers_mut().insert(name, authorization.clone());
    }
}

/// HTTP/2 names scheme and authority itself and has no `Host`.
fn absolute(request: &mut Request<Body>, origin: &Origin) {
    name_origin(request, origin);
    *request.version_mut() = http::Version::HTTP_2;
    request.headers_mut().remove(header::HOST);
}

impl Transport for Upstream {
    fn send<'a>(
        &'a self,
        origin: &'a Origin,
        mut request: Request<Body>,
        options: SendOptions,
    ) -> LocalBoxFuture<'a, Result<Response<Body>, SendError>> {
        if let Some(most) = options.continue_timeout
            && options.version == HttpVersion::Http1
            && let Some(asked) = Asked::begin(&mut request, most)
        {
            return Box::pin(async move {
                let sent = self.deliver(origin, request, options).await;
                asked.end(sent)
            });
        }
        Box::pin(self.deliver(origin, request, options))
    }

    fn query<'a>(&'a self, call: &'a SqlCall) -> LocalBoxFuture<'a, Result<Rows, SqlError>> {
        Box::pin(self.databases.query(&self.dns, &self.tls, call))
    }

    fn detach(&self, work: LocalBoxFuture<'static, ()>) {
        tokio::task::spawn_local(work);
    }
}

/// A key that is a hash already.
#[derive(Default)]
pub(crate) struct Hashed(u64);

impl std::hash::Hasher for Hashed {
    fn finish(&self) -> u64 {
        self.0
    }

    fn write(&mut self, bytes: &[u8]) {
        for byte in bytes {
            self.0 = (self.0.rotate_left(8) ^ u64::from(*byte)).wrapping_mul(0x100_0000_01b3);
        }
    }

    fn write_u64(&mut self, hash: u64) {
        self.0 = hash;
    }
}
