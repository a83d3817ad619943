//! Logs of the process, to standard error.

use anyhow::Context;
use tollgate_control::settings::{LogFormat, Logs};
use tracing_subscriber::EnvFilter;

/// Begins logging. Called once, before the first thread starts.
pub(crate) fn begin(logs: &Logs) -> anyhow::Result<()> {
    let filter = EnvFilter::try_new(&*logs.level).with_context(|| {
        format!(
            "`gateway.logs.level` is `{}`; write error, warn, info, debug or trace",
            logs.level
        )
    })?;
    let builder = tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_writer(std::io::stderr);
    let outcome = match logs.format {
        LogFormat::Text => builder
            .with_ansi(std::io::IsTerminal::is_terminal(&std::io::stderr()))
            .try_init(),
        LogFormat::Json => builder.json().flatten_event(true).try_init(),
    };
    outcome.map_err(|error| anyhow::anyhow!("logging did not begin: {error}"))
}
