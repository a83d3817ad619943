//! `tollgate reconcile`.

use super::books::{Books, filter, put, tell, unreadable};
use anyhow::{Context, bail};
use clap::{Args, ValueEnum};
use std::collections::HashMap;
use std::path::PathBuf;
use std::process::ExitCode;
use tollgate_reports::dimension::Filter;
use tollgate_reports::entry::money;
use tollgate_reports::period::Period;
use tollgate_reports::reconcile::{
    Columns, Comparison, Lock, Provider, Question, Verdict, apply, read,
};
use tollgate_reports::source;

/// Compare a provider's export of usage or costs with the ledger, by model and day, or call by call.
///
/// With --apply the differences are written into the ledger as corrections, shared out to who used the model; applying
/// an export twice changes nothing. Exit status: 0 when both agree (or were made to), 1 when they differ, 2 when the
/// export or the ledger cannot be read.
#[derive(Args)]
pub(crate) struct Reconcile {
    #[command(flatten)]
    books: Books,
    /// The export: JSON of the usage or cost API, or CSV.
    export: PathBuf,
    /// Whose export.
    #[arg(long, value_enum)]
    provider: Whose,
    /// The days that the export covers: 2026-11, 2026-11-20, last-month, ...
    #[arg(long, default_value = "last-month")]
    period: String,
    /// Only calls of the ledger with this value, as provider=openai. Without it: the calls of the provider.
    #[arg(long = "where", value_name = "FILTER", value_parser = filter)]
    filters: Vec<Filter>,
    /// A column of the CSV, as cost=Price: day, model, call, requests, input, cached_input, cache_write, output,
    /// audio_input, audio_output, cost, currency, or meter, quantity and unit.
    #[arg(long, value_name = "WHAT=COLUMN", value_parser = pair)]
    map: Vec<(String, String)>,
    /// A model that the export names differently, as "gpt 4o"=gpt-4o.
    #[arg(long, value_name = "NAME=MODEL", value_parser = pair)]
    model: Vec<(String, String)>,
    /// Differences of at most so many percent are none.
    #[arg(long, default_value = "0", value_name = "PERCENT", value_parser = percent)]
    tolerance: i128,
    /// Differences of at most so many tokens or calls are none.
    #[arg(long, default_value_t = 0, value_name = "TOKENS")]
    tolerance_tokens: u64,
    /// Differences of at most so much money are none.
    #[arg(long, default_value = "0", value_name = "AMOUNT", value_parser = amount)]
    tolerance_cost: i128,
    /// Print what agrees, too.
    #[arg(long)]
    all: bool,
    /// Write the differences into the ledger as corrections. A gateway may be writing in it.
    #[arg(long)]
    apply: bool,
    /// With --apply: also correct what the ledger has and the export does not. Only for an export that is whole.
    #[arg(long, requires = "apply")]
    apply_missing: bool,
    /// How to print.
    #[arg(long, value_enum, default_value_t = Format::Table)]
    format: Format,
    /// Write to a file instead of standard output.
    #[arg(long, value_name = "FILE")]
    out: Option<PathBuf>,
}

#[derive(Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Whose {
    /// Usage and costs API (JSON), or the dashboard's CSV.
    Openai,
    /// Cost details of Cost Management (CSV), or FOCUS.
    Azure,
    /// Usage and cost report (JSON), or the console's CSV.
    Anthropic,
    /// Cost and Usage Report (CSV), or FOCUS.
    Bedrock,
    /// Any CSV; columns by --map.
    Generic,
}

#[derive(Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Format {
    /// Columns for people.
    Table,
    /// RFC 4180, guarded against formulas.
    Csv,
    /// One JSON object; amounts are texts.
    Json,
}

fn pair(text: &str) -> Result<(String, String), String> {
    let (name, value) = text.split_once('=').ok_or("write NAME=VALUE")?;
    Ok((name.to_owned(), value.to_owned()))
}

fn amount(text: &str) -> Result<i128, String> {
    let amount = text.parse().ok().and_then(tollgate_reports::entry::pico);
    amount
        .filter(|amount| *amount >= 0)
        .ok_or_else(|| String::from("write an amount, as 0.01"))
}

/// Hundredths of a percent.
fn percent(text: &str) -> Result<i128, String> {
    amount(text.trim_end_matches('%'))
        .map(|pico| pico / 10_i128.pow(10))
        .map_err(|_| String::from("write a percentage, as 0.5"))
}

impl Reconcile {
    pub(crate) fn run(&self) -> anyhow::Result<ExitCode> {
        Ok(unreadable(self.reconcile()))
    }

    fn reconcile(&self) -> anyhow::Result<ExitCode> {
        let books = self.books.open()?;
        let zone = &self.books.time_zone;
        let now = jiff::Timestamp::now();
        let now_ms = u64::try_from(now.as_millisecond()).unwrap_or(0);
        let period = Period::parse(&self.period, zone, now)?;
        let (provider, own) = match self.provider {
            Whose::Openai => (Provider::OpenAi, "provider=openai"),
            Whose::Azure => (
                Provider::Azure,
                "provider=azure.ai.openai|azure.ai.inference",
            ),
            Whose::Anthropic => (Provider::Anthropic, "provider=anthropic"),
            Whose::Bedrock => (Provider::Bedrock, "provider=aws.bedrock"),
            Whose::Generic => (Provider::Generic, ""),
        };
        let mut filters = self.filters.clone();
        if filters.is_empty() && !own.is_empty() {
            filters.push(Filter::parse(own)?);
        }
        let columns: Columns = self.map.iter().cloned().collect();
        let export = read(&self.export, provider, &columns, zone)
            .with_context(|| self.export.display().to_string())?;
        if let Some(other) = export.currencies.iter().find(|c| **c != books.currency) {
            bail!(
                "{}: its costs are in {other}, those of the ledger in {}",
                self.export.display(),
                books.currency
            );
        }
        let lock = match self.apply {
            true => Some(Lock::take(&books.folder, now_ms)?),
            false => None,
        };
        let aliases: HashMap<String, String> = self.model.iter().cloned().collect();
        let question = Question {
            period: period.clone(),
            filters,
            team: books.team.clone(),
            aliases,
            tolerance: self.tolerance,
            tokens: self.tolerance_tokens.into(),
            cost: self.tolerance_cost,
        };
        let mut comparison = Comparison::new(question, &export);
        let told = source::each(&books.folder, &period, |entry| comparison.add(entry))?;
        let lines = comparison.lines();
        let differing = lines
            .iter()
            .filter(|line| line.verdict != Verdict::Agrees)
            .count();
        let table = comparison.table(&lines, self.all);
        let mut notes = told.notes();
        if export.skipped > 0 {
            notes.push(format!(
                "{} rows of the export are not about models",
                export.skipped
            ));
        }
        let out = self.out.as_deref();
        match self.format {
            Format::Csv => put(out, &table.csv())?,
            Format::Json => {
                let sums = comparison.sums().into_iter().map(|(measure, provider, ledger)| {
                    let sides = serde_json::json!({ "provider": provider.to_string(), "ledger": ledger.to_string() });
                    (measure.name().to_owned(), sides)
                });
                let json = serde_json::json!({
                    "period": period.name,
                    "currency": books.currency,
                    "compared": lines.len(),
                    "differing": differing,
                    "sums": sums.collect::<serde_json::Map<_, _>>(),
                    "rows": table.json_rows(),
                });
                put(out, &format!("{json:#}\n"))?;
            }
            Format::Table => {
                let mut text = String::new();
                if !table.rows.is_empty() {
                    text = format!("{}\n", table.text());
                }
                for (measure, provider, ledger) in comparison.sums() {
                    text += &format!(
                        "{:<12} provider {provider}, ledger {ledger}\n",
                        measure.name()
                    );
                }
                text += &format!("{} of {} numbers differ\n", differing, lines.len());
                put(out, &text)?;
            }
        }
        tell(&notes);
        let Some(lock) = lock else {
            return Ok(ExitCode::from(u8::from(differing > 0)));
        };
        let name = self
            .export
            .file_name()
            .unwrap_or_default()
            .to_string_lossy();
        let missing = self.apply_missing;
        let applied = apply(
            &lock,
            &comparison,
            &lines,
            &books.prices,
            &name,
            now_ms,
            missing,
        )?;
        tell(&[format!(
            "{} corrections written, {} {} together; {} calls that a crash had cut are mended",
            applied.corrections,
            money(applied.cost),
            books.currency,
            applied.mended
        )]);
        if applied.unpriced > 0 {
            tell(&[format!(
                "{} corrections are of tokens without a price: the export tells no cost, and the table does not know the model",
                applied.unpriced
            )]);
        }
        Ok(ExitCode::SUCCESS)
    }
}
