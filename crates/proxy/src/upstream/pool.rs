//! The connections of one thread to one origin with one HTTP version.
//!
//! What must stay true: connections are bounded, idle ones too; the one used last is used next, so that the others can
//! grow old; whoever waits for room does so for the connect timeout at most.

use super::http1::Http1;
use crate::config::UpstreamConfig;
use crate::wheel::{Wheel, in_ticks};
use hyper::client::conn::http2;
use std::cell::{Cell, RefCell};
use std::rc::Rc;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::Duration;
use tokio::sync::Notify;
use tollgate_engine::Body;
use tollgate_engine::connect::HttpProxy;
use tollgate_engine::services::{HttpVersion, Origin, SendError};

/// The pool.
pub(crate) struct OriginPool {
    pub(crate) origin: Origin,
    pub(crate) version: HttpVersion,
    idle: RefCell<Vec<Http1>>,
    most_idle: usize,
    /// Ticks.
    idle_timeout: u64,
    rooms: Rc<Rooms>,
    wait: Duration,
    shared: RefCell<Option<http2::SendRequest<Body>>>,
    sharing: Cell<bool>,
    shared_changed: Notify,
    /// The backend chose HTTP/1.1 when it was offered both.
    http1: Cell<bool>,
    wheel: Rc<Wheel>,
}

/// Room for connections.
struct Rooms {
    left: Cell<usize>,
    freed: Notify,
    open: Arc<AtomicI64>,
}

/// Room for one connection, held by it.
pub(crate) struct Room(Rc<Rooms>);

impl Drop for Room {
    fn drop(&mut self) {
        self.0.left.set(self.0.left.get() + 1);
        self.0.open.fetch_sub(1, Ordering::Relaxed);
        self.0.freed.notify_one();
    }
}

/// What a request gets to be sent on.
pub(crate) enum Lease {
    /// A connection that another request has given back.
    Pooled(Http1),
    /// Room to open one.
    Room(Room),
}

impl OriginPool {
    pub(crate) fn new(
        origin: Origin,
        version: HttpVersion,
        config: &UpstreamConfig,
        wheel: &Rc<Wheel>,
        open: &Arc<AtomicI64>,
    ) -> OriginPool {
        OriginPool {
            origin,
            version,
            idle: RefCell::default(),
            most_idle: config.idle_connections,
            idle_timeout: in_ticks(config.idle_timeout),
            rooms: Rc::new(Rooms {
                left: Cell::new(config.connections.max(1)),
                freed: Notify::new(),
                open: open.clone(),
            }),
            wait: config.connect_timeout,
            shared: RefCell::default(),
            sharing: Cell::new(false),
            shared_changed: Notify::new(),
            http1: Cell::new(false),
            wheel: wheel.clone(),
        }
    }

    /// Whether it is the pool of this origin.
    pub(crate) fn serves(&self, origin: &Origin, version: HttpVersion) -> bool {
        self.version == version
            && self.origin.key == origin.key
            && self.origin.port == origin.port
            && self.origin.host == origin.host
            && self.origin.tls == origin.tls
            && self.origin.connect == origin.connect
    }

    /// The proxy that connections go through.
    pub(crate) fn proxy(&self) -> Option<&HttpProxy> {
        self.origin.connect.as_deref()?.proxy.as_deref()
    }

    /// Whether a proxy opens a tunnel; else it gets the requests. It knows neither TLS nor HTTP/2.
    pub(crate) fn tunnels(&self) -> bool {
        self.origin.tls.is_some() || self.version == HttpVersion::Http2
    }

    /// The proxy that requests are written for.
    pub(crate) fn forward_proxy(&self) -> Option<&HttpProxy> {
        self.proxy().filter(|_| !self.tunnels())
    }

    /// Whether it holds connections.
    pub(crate) fn in_use(&self) -> bool {
        !self.idle.borrow().is_empty() || self.shared.borrow().is_some()
    }

    /// The connection used last.
    pub(crate) fn idle(&self) -> Option<Http1> {
        self.idle.borrow_mut().pop()
    }

    /// Takes a connection whose response has ended.
    pub(crate) fn give_back(&self, mut connection: Http1) {
        if connection.is_reusable() {
            self.put(connection);
        }
    }

    /// Keeps a connection that is ready for a request.
    pub(crate) fn put(&self, mut connection: Http1) {
        let mut idle = self.idle.borrow_mut();
        if idle.len() < self.most_idle {
            connection.used = self.wheel.now();
            idle.push(connection);
            drop(idle);
            self.rooms.freed.notify_one();
        }
    }

    /// Room to open a connection now.
    pub(crate) fn room(&self) -> Option<Room> {
        let left = self.rooms.left.get().checked_sub(1)?;
        self.rooms.left.set(left);
        self.rooms.open.fetch_add(1, Ordering::Relaxed);
        Some(Room(self.rooms.clone()))
    }

    /// A connection or room for one; waits while all are busy.
    pub(crate) async fn lease(&self, timeout: Duration) -> Result<Lease, SendError> {
        if let Some(connection) = self.idle() {
            return Ok(Lease::Pooled(connection));
        }
        if let Some(room) = self.room() {
            return Ok(Lease::Room(room));
        }
        let wait = self.wait.min(timeout);
        let freed = async {
            loop {
                self.rooms.freed.notified().await;
                if let Some(connection) = self.idle() {
                    return Lease::Pooled(connection);
                }
                if let Some(room) = self.room() {
                    return Lease::Room(room);
                }
            }
        };
        tokio::time::timeout(wait, freed).await.map_err(|_| {
            SendError::Connect(format!(
                "all connections to {} stayed busy for {wait:?}",
                self.origin.authority
            ))
        })
    }

    /// The shared connection, if it still takes requests.
    pub(crate) fn shared(&self) -> Option<http2::SendRequest<Body>> {
        let mut shared = self.shared.borrow_mut();
        if shared.as_ref()?.is_closed() {
            *shared = None;
        }
        shared.clone()
    }

    /// Forgets the shared connection after it refused a request, unless it still takes others.
    pub(crate) fn unshare(&self, refused: &http2::SendRequest<Body>) {
        if refused.is_closed() || !refused.is_ready() {
            self.shared.borrow_mut().take();
        }
    }

    /// Opens the shared connection, once for all who need it. `None`: the backend speaks HTTP/1.1.
    pub(crate) async fn share<F>(
        &self,
        timeout: Duration,
        open: impl FnOnce() -> F,
    ) -> Result<Option<http2::SendRequest<Body>>, SendError>
    where
        F: Future<Output = Result<Option<http2::SendRequest<Body>>, SendError>>,
    {
        let waiting = async {
            while self.sharing.get() && !self.http1.get() {
                self.shared_changed.notified().await;
            }
        };
        tokio::time::timeout(self.wait.min(timeout), waiting)
            .await
            .map_err(|_| {
                SendError::Connect(format!(
                    "the connection to {} did not open in time",
                    self.origin.authority
                ))
            })?;
        if self.http1.get() {
            return Ok(None);
        }
        if let Some(sender) = self.shared() {
            return Ok(Some(sender));
        }
        self.sharing.set(true);
        let sharing = Sharing(self);
        let opened = open().await?;
        match &opened {
            Some(sender) => *self.shared.borrow_mut() = Some(sender.clone()),
            None => self.http1.set(true),
        }
        drop(sharing);
        Ok(opened)
    }

    /// Closes what is old or has ended.
    pub(crate) fn sweep(&self) {
        let oldest = self.wheel.now().saturating_sub(self.idle_timeout);
        self.idle
            .borrow_mut()
            .retain_mut(|c| c.used >= oldest && c.is_alive());
        // What ALPN chose is asked again now and then: backends learn HTTP/2.
        if self.idle.borrow().is_empty() {
            self.http1.set(false);
        }
        let _ = self.shared();
    }
}

/// Ends the wait of the others, also when opening failed or was given up.
struct Sharing<'a>(&'a OriginPool);

impl Drop for Sharing<'_> {
    fn drop(&mut self) {
        self.0.sharing.set(false);
        self.0.shared_changed.notify_waiters();
    }
}
