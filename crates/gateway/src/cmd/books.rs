//! What `tollgate report`, `statement` and `reconcile` have in common: which ledger, whose days, who is a team.

use anyhow::{Context, bail};
use clap::Args;
use jiff::tz::TimeZone;
use std::collections::HashMap;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::Arc;
use tollgate_control::{Options, load_with, settings};
use tollgate_engine::definition::{BackendKind, Definition, UserDefinition};
use tollgate_llm::price::PriceTable;
use tollgate_reports::capacity::{Capacities, Deployment};
use tollgate_reports::dimension::{Filter, Team};
use tollgate_reports::entry::Entry;
use tollgate_reports::period::Period;
use tollgate_reports::source::{self, Read};

/// The arguments that say which ledger, and how to read it.
#[derive(Args)]
pub(crate) struct Books {
    /// The ledger's folder, or a configuration (a file, or its folder) whose `gateway.ledger` names one.
    #[arg(value_name = "LEDGER|CONFIG")]
    source: PathBuf,
    /// The configuration of a ledger that is given as a folder: its prices, groups and budgets.
    #[arg(long, value_name = "PATH")]
    config: Option<PathBuf>,
    /// Whose days and months, for example Europe/Berlin. Providers count days in UTC.
    #[arg(long, default_value = "UTC", value_name = "ZONE", value_parser = zone)]
    pub(crate) time_zone: TimeZone,
    /// What a team is: product, subscription, user, workspace, api, or tag:NAME; with a configuration also group (the
    /// first group of the user that is not API Management's own).
    #[arg(long, default_value = "product", value_name = "DIMENSION")]
    team_is: String,
}

/// An opened ledger.
pub(crate) struct Opened {
    pub(crate) folder: PathBuf,
    pub(crate) team: Team,
    pub(crate) currency: String,
    pub(crate) prices: Arc<PriceTable>,
    /// Of the configuration, where one was given.
    pub(crate) definition: Option<Definition>,
    /// Statements that it says are sent each month.
    pub(crate) statements: Option<settings::Statements>,
    /// Deployments of it that are paid for by the hour.
    capacities: Capacities,
}

impl Opened {
    /// Gives all entries of a period, those of capacity that is paid by the hour with their shares; and what a reader of
    /// the numbers has to know of that capacity.
    pub(crate) fn each(
        &self,
        period: &Period,
        take: impl FnMut(&Entry<'_>),
    ) -> anyhow::Result<(Read, Option<String>)> {
        let (read, capacities) = self.charged(period, take)?;
        let note = capacities.note_of(period, jiff::Timestamp::now(), &self.currency);
        Ok((read, note))
    }

    /// The same with that capacity itself.
    pub(crate) fn charged(
        &self,
        period: &Period,
        mut take: impl FnMut(&Entry<'_>),
    ) -> anyhow::Result<(Read, Capacities)> {
        if self.capacities.is_empty() {
            let read = source::each(&self.folder, period, take)?;
            return Ok((read, Capacities::default()));
        }
        let mut capacities = self.capacities.clone();
        source::each(&self.folder, period, |entry| capacities.note(entry))?;
        let read = source::each(&self.folder, period, |entry| {
            take(&capacities.charge(entry));
        })?;
        Ok((read, capacities))
    }
}

/// API Management's own groups, which are no teams.
const SYSTEM_GROUPS: [&str; 3] = ["administrators", "developers", "guests"];

fn zone(name: &str) -> Result<TimeZone, String> {
    TimeZone::get(name).map_err(|_| {
        format!("there is no time zone {name:?}; write UTC, or a name such as Europe/Berlin")
    })
}

/// A filter of an argument.
pub(crate) fn filter(text: &str) -> Result<Filter, String> {
    Filter::parse(text).map_err(|e| e.to_string())
}

impl Books {
    /// Those of a configuration, for what goes on without a command line.
    pub(crate) fn of(config: &Path, time_zone: TimeZone, team_is: &str) -> Books {
        Books {
            source: config.to_owned(),
            config: None,
            time_zone,
            team_is: team_is.to_owned(),
        }
    }

    /// The configuration, where one is named.
    pub(crate) fn config(&self) -> Option<&PathBuf> {
        let is_config = self.source.is_file() || self.source.join("tollgate.yaml").is_file();
        is_config.then_some(&self.source).or(self.config.as_ref())
    }

    pub(crate) fn open(&self) -> anyhow::Result<Opened> {
        self.open_with(Options::default())
    }

    /// With what secrets, overrides and files the configuration is read.
    pub(crate) fn open_with(&self, options: Options) -> anyhow::Result<Opened> {
        let is_config = self.source.is_file() || self.source.join("tollgate.yaml").is_file();
        let (definition, ledger, statements) = match self.config() {
            None => (None, None, None),
            Some(path) => {
                let (definition, settings) = read(path, options)?;
                let ledger = settings.ledger.map(|ledger| ledger.folder);
                (Some(definition), ledger, settings.statements)
            }
        };
        let folder = if is_config {
            let none = || {
                format!(
                    "{}: the configuration has no `gateway.ledger`",
                    self.source.display()
                )
            };
            ledger.with_context(none)?
        } else {
            self.source.clone()
        };
        if !folder.is_dir() {
            bail!("{}: there is no such folder", folder.display());
        }
        let team = match (&*self.team_is, &definition) {
            ("group", Some(definition)) => Team::Group(groups(definition)),
            ("group", None) => bail!(
                "--team-is group needs a configuration, which says who is in which group: name one with --config"
            ),
            (name, _) => Team::parse(name)?,
        };
        let prices = definition.as_ref().map(|d| d.gateway.prices.clone());
        let prices = prices.unwrap_or_else(PriceTable::shipped);
        Ok(Opened {
            capacities: definition.as_ref().map(capacities).unwrap_or_default(),
            folder,
            team,
            currency: prices.currency().to_owned(),
            prices,
            definition,
            statements,
        })
    }
}

/// A configuration and its settings.
fn read(path: &Path, options: Options) -> anyhow::Result<(Definition, settings::Settings)> {
    let options = Options {
        definition: true,
        // Secrets are for calls.
        missing_secrets: true,
        ..options
    };
    let loaded = load_with(path, &options);
    let Some(definition) = loaded.definition else {
        let faults = loaded.diagnostics.render_compact(&loaded.sources);
        bail!("{faults}the configuration is refused");
    };
    Ok((definition, loaded.settings))
}

/// The deployments with a price for an hour.
fn capacities(definition: &Definition) -> Capacities {
    let mut capacities = Capacities::default();
    for backend in &definition.backends {
        if let BackendKind::Single(server) = &backend.kind {
            for (name, deployment) in &server.models.deployments {
                if let Some(hour) = deployment.hour {
                    let text = |text: &Option<Arc<str>>| text.as_deref().unwrap_or("").to_owned();
                    let region = deployment.region.clone().or(server.models.region.clone());
                    capacities.add(Deployment {
                        backend: backend.id.to_string(),
                        name: name.to_string(),
                        hour,
                        provider: text(&server.models.provider),
                        model: text(&deployment.model),
                        region: text(&region),
                    });
                }
            }
        }
    }
    capacities
}

/// The team of each user.
fn groups(definition: &Definition) -> HashMap<String, String> {
    let team = |user: &UserDefinition| {
        let mut groups = user.groups.iter();
        let (id, _) = groups.find(|(id, _)| !SYSTEM_GROUPS.contains(&&**id))?;
        Some((user.id.to_string(), id.to_string()))
    };
    definition.users.iter().filter_map(team).collect()
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

/// What numbers leave out, where they cannot say it themselves.
pub(crate) fn tell(notes: &[String]) {
    notes.iter().for_each(|note| eprintln!("note: {note}"));
}

/// The exit status of what cannot be read or understood.
pub(crate) fn unreadable(outcome: anyhow::Result<ExitCode>) -> ExitCode {
    outcome.unwrap_or_else(|error| {
        eprintln!("error: {error:#}");
        ExitCode::from(2)
    })
}
