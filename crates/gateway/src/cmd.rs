//! One file for each command.

pub(crate) mod check;
pub(crate) mod demo;
pub(crate) mod schema;
pub(crate) mod serve;
pub(crate) mod simulate;

use tokio::signal::unix::{SignalKind, signal};

/// A runtime for what is not the data plane.
pub(crate) fn runtime() -> std::io::Result<tokio::runtime::Runtime> {
    tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
}

/// Ends with SIGINT or SIGTERM.
pub(crate) async fn stop_signal() -> std::io::Result<()> {
    let mut terminate = signal(SignalKind::terminate())?;
    let mut interrupt = signal(SignalKind::interrupt())?;
    tokio::select! {
        _ = terminate.recv() => {}
        _ = interrupt.recv() => {}
    }
    Ok(())
}
