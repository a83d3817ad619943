//! The connections of one thread to one database, as one login.
//!
//! What must stay true: no more are open at once than the pool has seats: a connection is opened only by who has a seat and
//! finds none idle.

use super::Connection;
use std::cell::RefCell;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::{Semaphore, SemaphorePermit};
use tollgate_engine::connect::ConnectOptions;
use tollgate_engine::sql::{ConnectionString, SqlCall};

/// What connections must have in common to stand in for each other.
#[derive(PartialEq, Eq, Hash)]
pub(super) struct Key {
    database: Arc<ConnectionString>,
    /// Whether the gateway's identity logged in.
    token: bool,
    connect: Option<Arc<ConnectOptions>>,
}

impl Key {
    pub(super) fn of(call: &SqlCall) -> Key {
        Key {
            database: call.database.clone(),
            token: call.token.is_some(),
            connect: call.connect.clone(),
        }
    }
}

/// Idle connections, and seats for those in use.
pub(super) struct Pool {
    idle: RefCell<Vec<Connection>>,
    seats: Semaphore,
}

impl Pool {
    pub(super) fn new(most: u32) -> Pool {
        Pool {
            idle: RefCell::default(),
            seats: Semaphore::new(most.max(1) as usize),
        }
    }

    /// The right to use one connection.
    pub(super) async fn seat(&self) -> SemaphorePermit<'_> {
        self.seats
            .acquire()
            .await
            .expect("the semaphore is never closed")
    }

    /// The connection that was used last, if it is still good.
    pub(super) fn take(&self, idle: Duration, lifetime: Duration) -> Option<Connection> {
        let mut kept = self.idle.borrow_mut();
        while let Some(connection) = kept.pop() {
            if connection.is_fresh(idle, lifetime) {
                return Some(connection);
            }
        }
        None
    }

    pub(super) fn put(&self, connection: Connection) {
        self.idle.borrow_mut().push(connection);
    }

    pub(super) fn sweep(&self, idle: Duration) {
        let mut kept = self.idle.borrow_mut();
        kept.retain(|connection| connection.is_fresh(idle, Duration::ZERO));
    }

    pub(super) fn is_empty(&self) -> bool {
        self.idle.borrow().is_empty()
    }
}
