//! One file for each command.

pub(crate) mod books;
pub(crate) mod check;
pub(crate) mod debug;
pub(crate) mod demo;
pub(crate) mod eval;
pub(crate) mod import;
pub(crate) mod prices;
pub(crate) mod reconcile;
pub(crate) mod replay;
pub(crate) mod report;
pub(crate) mod schema;
pub(crate) mod serve;
pub(crate) mod simulate;
pub(crate) mod statement;
pub(crate) mod test;
pub(crate) mod trace;

use tokio::signal::unix::{Signal, SignalKind, signal};

/// A runtime for what is not the data plane.
pub(crate) fn runtime() -> std::io::Result<tokio::runtime::Runtime> {
    tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
}

/// The signals that end a command. Made once, so that none is missed between two waits.
pub(crate) struct Stop {
    terminate: Signal,
    interrupt: Signal,
}

impl Stop {
    /// Takes SIGTERM and SIGINT over from the system. Needs a runtime.
    pub(crate) fn new() -> std::io::Result<Stop> {
        Ok(Stop {
            terminate: signal(SignalKind::terminate())?,
            interrupt: signal(SignalKind::interrupt())?,
        })
    }

    /// Ends with the next of them.
    pub(crate) async fn wait(&mut self) {
        tokio::select! {
            _ = self.terminate.recv() => {}
            _ = self.interrupt.recv() => {}
        }
    }
}
