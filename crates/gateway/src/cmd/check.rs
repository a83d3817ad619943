//! `tollgate check`.

use clap::{Args, ValueEnum};
use std::io::{IsTerminal, Write};
use std::path::PathBuf;
use std::process::ExitCode;
use tollgate_control::{Options, Summary, load_with};

/// Check configurations: every fault of every file, with its place and what to do.
///
/// Exit status: 0 when all are good (warnings included), 1 when one was refused, 2 when one cannot be read.
#[derive(Args)]
pub(crate) struct Check {
    /// Configuration files, folders that hold a tollgate.yaml, or APIOps folders.
    #[arg(required = true)]
    paths: Vec<PathBuf>,
    /// Of an APIOps folder: what an environment says over it, as configuration.prod.yaml.
    #[arg(long)]
    overrides: Option<PathBuf>,
    /// How to print.
    #[arg(long, value_enum, default_value_t = Format::Text)]
    format: Format,
    /// Take environment variables and secret files that are missing as warnings, for checks where there are no secrets.
    #[arg(long)]
    without_secrets: bool,
    /// Refuse also what works here and is refused by API Management: members that its list of allowed types does not have.
    #[arg(long)]
    portable: bool,
}

#[derive(Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Format {
    /// As a compiler prints faults.
    Text,
    /// One JSON object on a line for each path.
    Json,
}

impl Check {
    pub(crate) fn run(&self) -> anyhow::Result<ExitCode> {
        let options = Options {
            missing_secrets: self.without_secrets,
            overrides: self.overrides.clone(),
            portable: self.portable,
            ..Options::default()
        };
        let mut out = std::io::stdout().lock();
        let color = std::io::stdout().is_terminal() && std::env::var_os("NO_COLOR").is_none();
        let mut worst = 0;
        for path in &self.paths {
            let loaded = load_with(path, &options);
            let (errors, _) = loaded.counts();
            let unreadable = loaded.sources.get(tollgate_lang::FileId(0)).is_none();
            worst = worst.max(match errors {
                0 => 0,
                _ if unreadable => 2,
                _ => 1,
            });
            if self.format == Format::Json {
                writeln!(out, "{}", loaded.json(path))?;
                continue;
            }
            write!(out, "{}", loaded.diagnostics.render(&loaded.sources, color))?;
            let faults = loaded.diagnostics.summary();
            let verdict = match (errors, faults.is_empty()) {
                (0, true) => String::from("ok"),
                (0, false) => format!("ok, {faults}"),
                _ => format!("refused, {faults}"),
            };
            let path = path.display();
            if loaded.summary == Summary::default() {
                writeln!(out, "{path}: {verdict}")?;
            } else {
                writeln!(out, "{path}: {verdict} ({})", loaded.summary)?;
            }
        }
        Ok(ExitCode::from(worst))
    }
}
