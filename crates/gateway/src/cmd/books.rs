//! What `tollgate report`, `statement` and `reconcile` have in common: which ledger, whose days, who is a team.

use anyhow::{Context, bail};
use clap::Args;
use jiff::tz::TimeZone;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use tollgate_llm::price::PriceTable;
use tollgate_reports::dimension::Team;

/// The arguments that say which ledger, and how to read it.
#[derive(Args)]
pub(crate) struct Books {
    /// The ledger's folder, or a configuration (a file, or its folder) whose `gateway.ledger` names one.
    #[arg(value_name = "LEDGER|CONFIG")]
    source: PathBuf,
    /// Whose days and months, for example Europe/Berlin. Providers count days in UTC.
    #[arg(long, default_value = "UTC", value_name = "ZONE", value_parser = zone)]
    pub(crate) time_zone: TimeZone,
    /// What a team is: product, subscription, user, workspace, api, or tag:NAME; with a configuration also group.
    #[arg(long, default_value = "product", value_name = "DIMENSION")]
    team_is: String,
    /// The currency of a ledger that is given without its configuration.
    #[arg(long, value_name = "CODE")]
    currency: Option<String>,
}

/// An opened ledger.
pub(crate) struct Opened {
    pub(crate) folder: PathBuf,
    pub(crate) team: Team,
    pub(crate) currency: String,
    pub(crate) prices: Arc<PriceTable>,
}

fn zone(name: &str) -> Result<TimeZone, String> {
    TimeZone::get(name).map_err(|_| {
        format!("there is no time zone {name:?}; write UTC, or a name such as Europe/Berlin")
    })
}

impl Books {
    pub(crate) fn open(&self) -> anyhow::Result<Opened> {
        let folder = self.source.clone();
        if !folder.is_dir() {
            bail!("{}: there is no such folder", folder.display());
        }
        Ok(Opened {
            folder,
            team: Team::parse(&self.team_is)?,
            currency: self.currency.clone().unwrap_or_else(|| String::from("USD")),
            prices: PriceTable::shipped(),
        })
    }
}

/// Writes to a file, or to standard output. A reader that has gone (`| head`) is no fault.
pub(crate) fn put(out: Option<&Path>, text: &str) -> anyhow::Result<()> {
    if let Some(path) = out {
        return std::fs::write(path, text).with_context(|| path.display().to_string());
    }
    match std::io::stdout().lock().write_all(text.as_bytes()) {
        Err(error) if error.kind() == std::io::ErrorKind::BrokenPipe => Ok(()),
        other => Ok(other?),
    }
}
