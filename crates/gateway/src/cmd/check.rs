//! `tollgate check`.

use clap::{Args, ValueEnum};
use std::collections::BTreeMap;
use std::io::{IsTerminal, Write};
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use tollgate_author::{bare, lint, report};
use tollgate_control::{Loaded, Options, Summary, load_prices, load_with};

/// Check configurations and policy documents: every fault of every file, with its place and what to do (docs/check.md).
///
/// Exit status: 0 when all are good (warnings included), 1 when one was refused, 2 when one cannot be read.
#[derive(Args)]
pub(crate) struct Check {
    /// Configuration files, folders that hold a tollgate.yaml, or APIOps folders; files of prices; policy documents (*.xml) and folders of
    /// them, which are checked without a configuration.
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
    /// Refuse what has warnings, but for those of `--without-secrets`.
    #[arg(long, value_enum)]
    deny: Option<Deny>,
    /// Of documents without a configuration: what a named value is, where a value that is made up does not fit.
    #[arg(long, value_name = "NAME=VALUE", value_parser = pair)]
    named_value: Vec<(String, String)>,
    /// Of documents without a configuration: put TO in the place of each FROM first, for placeholders of a template.
    #[arg(long, value_name = "FROM=TO", value_parser = pair)]
    substitute: Vec<(String, String)>,
}

#[derive(Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Format {
    /// As a compiler prints faults.
    Text,
    /// One JSON object on a line for each path.
    Json,
    /// SARIF 2.1.0, for code scanning.
    Sarif,
    /// Workflow commands of GitHub Actions.
    Github,
}

/// The code of a secret that is not there: a warning with `--without-secrets`.
const MISSING_SECRET: &str = "TG0408";

#[derive(Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Deny {
    /// All of them.
    Warnings,
}

fn pair(text: &str) -> Result<(String, String), String> {
    match text.split_once('=') {
        Some((name, value)) if !name.is_empty() => Ok((name.to_owned(), value.to_owned())),
        _ => Err(String::from("expected NAME=VALUE")),
    }
}

impl Check {
    pub(crate) fn run(&self) -> anyhow::Result<ExitCode> {
        let mut out = std::io::stdout().lock();
        let mut assumed = bare::Assumed::new();
        let mut checked: Vec<(PathBuf, Loaded)> = Vec::new();
        let mut worst = 0;
        for path in &self.paths {
            let documents = bare::documents(path);
            for path in documents.as_deref().unwrap_or(std::slice::from_ref(path)) {
                let loaded = if documents.is_some() {
                    self.document(path, &mut assumed)
                } else {
                    self.configuration(path)
                };
                worst = worst.max(self.verdict(&loaded));
                match self.format {
                    Format::Text => self.text(&mut out, path, &loaded)?,
                    Format::Json => writeln!(out, "{}", loaded.json(path))?,
                    Format::Github => write!(out, "{}", report::github(path, &loaded))?,
                    Format::Sarif => checked.push((path.clone(), loaded)),
                }
            }
        }
        match self.format {
            Format::Text => {
                for (kind, names) in &assumed {
                    let names: Vec<String> = names.iter().map(|n| format!("`{n}`")).collect();
                    writeln!(out, "assumed {kind}: {}", names.join(", "))?;
                }
            }
            Format::Json if !assumed.is_empty() => {
                writeln!(out, "{}", serde_json::json!({ "assumed": assumed }))?;
            }
            Format::Sarif => {
                let log = report::sarif(checked.iter().map(|(p, l)| (p.as_path(), l)));
                serde_json::to_writer_pretty(&mut out, &log)?;
                writeln!(out)?;
            }
            Format::Json | Format::Github => {}
        }
        Ok(ExitCode::from(worst))
    }

    fn document(&self, path: &Path, assumed: &mut bare::Assumed) -> Loaded {
        let bare = bare::Bare {
            named_values: self.named_value.iter().cloned().collect::<BTreeMap<_, _>>(),
            substitutes: self.substitute.clone(),
            portable: self.portable,
        };
        bare.check(path, assumed)
    }

    fn configuration(&self, path: &Path) -> Loaded {
        if let Some(prices) = load_prices(path) {
            return prices;
        }
        let options = Options {
            missing_secrets: self.without_secrets,
            overrides: self.overrides.clone(),
            portable: self.portable,
            lint: Some(lint::check),
            ..Options::default()
        };
        load_with(path, &options)
    }

    /// The exit status that is due.
    fn verdict(&self, loaded: &Loaded) -> u8 {
        let unreadable = loaded.sources.get(tollgate_lang::FileId(0)).is_none();
        let (errors, warnings) = loaded.counts();
        // Whoever says that there are no secrets here does not refuse their absence.
        let items = loaded.diagnostics.items().iter();
        let expected = items.filter(|d| self.without_secrets && d.code == MISSING_SECRET);
        match (errors, warnings - expected.count()) {
            (0, 0) => 0,
            (0, _) if self.deny.is_none() => 0,
            _ if unreadable => 2,
            _ => 1,
        }
    }

    fn text(&self, out: &mut impl Write, path: &Path, loaded: &Loaded) -> std::io::Result<()> {
        let color = std::io::stdout().is_terminal() && std::env::var_os("NO_COLOR").is_none();
        write!(out, "{}", loaded.diagnostics.render(&loaded.sources, color))?;
        let faults = loaded.diagnostics.summary();
        let verdict = match (self.verdict(loaded), faults.is_empty()) {
            (0, true) => String::from("ok"),
            (0, false) => format!("ok, {faults}"),
            _ => format!("refused, {faults}"),
        };
        let path = path.display();
        if loaded.summary == Summary::default() {
            writeln!(out, "{path}: {verdict}")
        } else {
            writeln!(out, "{path}: {verdict} ({})", loaded.summary)
        }
    }
}
