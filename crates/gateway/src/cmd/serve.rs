//! `tollgate serve`.

use crate::logs;
use crate::plane::Plane;
use clap::Args;
use std::io::IsTerminal;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::process::ExitCode;
use tokio::signal::unix::{SignalKind, signal};
use tollgate_control::{Loaded, Options, load_with};

/// Serve a configuration until a signal ends it.
///
/// SIGHUP and changed files load it again; a configuration with a fault is refused and the running one stays.
/// SIGTERM and SIGINT finish the calls in flight (`gateway.timeouts.drain`); a second one ends at once.
#[derive(Args)]
pub(crate) struct Serve {
    /// Configuration file, a folder that holds a tollgate.yaml, or an APIOps folder.
    #[arg(default_value = "tollgate.yaml", env = "TOLLGATE_CONFIG")]
    path: PathBuf,
    /// Of an APIOps folder: what an environment says over it, as configuration.prod.yaml.
    #[arg(long)]
    overrides: Option<PathBuf>,
    /// Address of the gateway, without TLS, in place of what `gateway.listen` says.
    #[arg(long)]
    listen: Option<SocketAddr>,
    /// Address of `/livez`, `/readyz` and `/metrics`, in place of what `gateway.management` says.
    #[arg(long)]
    management: Option<SocketAddr>,
}

impl Serve {
    pub(crate) fn run(&self) -> anyhow::Result<ExitCode> {
        let environment = Options::default().environment;
        let options = Options {
            secrets: crate::plane::secrets(environment),
            overrides: self.overrides.clone(),
            listen: self.listen,
            management: self.management,
            ..Options::default()
        };
        let loaded = load_with(&self.path, &options);
        report(&loaded);
        if loaded.snapshot.is_none() {
            eprintln!(
                "{}: refused, {}; nothing was started",
                self.path.display(),
                loaded.diagnostics.summary()
            );
            return Ok(ExitCode::FAILURE);
        }
        logs::begin(&loaded.settings.logs)?;
        let plane = Plane::start(&self.path, &options, &loaded, true)?;
        let scheme = |tls: bool| if tls { "https" } else { "http" };
        for (address, listen) in plane
            .gateway()
            .addresses()
            .iter()
            .zip(&loaded.settings.listen)
        {
            tracing::info!("serving {}://{address}", scheme(listen.tls.is_some()));
        }
        if let Some(address) = plane.gateway().management() {
            tracing::info!("management http://{address}");
        }
        tracing::info!(path = %self.path.display(), found = %loaded.summary, "ready");
        until_stopped(plane)
    }
}

/// Prints what was found.
pub(crate) fn report(loaded: &Loaded) {
    let color = std::io::stderr().is_terminal() && std::env::var_os("NO_COLOR").is_none();
    eprint!("{}", loaded.diagnostics.render(&loaded.sources, color));
}

/// Serves until a signal, then drains.
fn until_stopped(plane: Plane) -> anyhow::Result<ExitCode> {
    let runtime = super::runtime()?;
    runtime.block_on(async {
        let mut stop = super::Stop::new()?;
        let mut hangup = signal(SignalKind::hangup())?;
        let trigger = plane.trigger();
        loop {
            tokio::select! {
                () = stop.wait() => break,
                _ = hangup.recv() => {
                    if let Some(trigger) = &trigger {
                        trigger.load();
                    }
                }
            }
        }
        tracing::info!("stopping: finishing calls in flight; a second signal ends at once");
        let drain = tokio::task::spawn_blocking(move || plane.drain());
        tokio::select! {
            cut = drain => match cut? {
                0 => tracing::info!("stopped"),
                cut => tracing::warn!(cut, "stopped; connections were cut at the deadline"),
            },
            () = stop.wait() => {
                tracing::warn!("stopped at once");
                // The drain holds a thread until its deadline.
                std::process::exit(1);
            }
        }
        Ok(ExitCode::SUCCESS)
    })
}
