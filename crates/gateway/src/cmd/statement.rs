//! `tollgate statement`.

use super::books::{Books, Opened, put, tell, unreadable};
use crate::statements::{self, Post};
use anyhow::{Context, bail};
use clap::{Args, ValueEnum};
use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::Duration;
use tollgate_control::Options;
use tollgate_engine::definition::{BudgetDefinition, Secret};
use tollgate_reports::dimension::Dimension;
use tollgate_reports::entry::money;
use tollgate_reports::group::{Grouping, Groups};
use tollgate_reports::period::Period;
use tollgate_reports::source;
use tollgate_reports::statement::{Limit, Months, Statement as Page, Subject};
use tollgate_state::budgets::{Recurrence, Unit};

/// What a team used and spent in a month, as a page that prints, as text, or posted to a webhook.
///
/// For a scheduler: `tollgate statement CONFIG --month last-month --every-team --out statements/ --format html`. Exit
/// status: 0, 1 when a webhook does not take it, 2 when the ledger cannot be read.
#[derive(Args)]
pub(crate) struct Statement {
    #[command(flatten)]
    books: Books,
    /// The month, as 2026-11; or this-month, last-month.
    #[arg(long, default_value = "last-month")]
    month: String,
    /// The team; without it (and without --every-team) the statement is about all calls.
    #[arg(long, conflicts_with = "every_team")]
    team: Option<String>,
    /// A statement for each team that has calls in the month; --out names a folder then.
    #[arg(long)]
    every_team: bool,
    /// How to print.
    #[arg(long, value_enum, default_value_t = Format::Text)]
    format: Format,
    /// A limit to compare with that is no budget of the gateway: an amount (500, 49.90) or tokens (2000000t).
    #[arg(long, value_name = "LIMIT", value_parser = limit)]
    allowance: Option<Limit>,
    /// Write to a file (a folder with --every-team) instead of standard output.
    #[arg(long, value_name = "PATH")]
    out: Option<PathBuf>,
    /// Send each team's statement as `gateway.statements` of the configuration says, each once: what the gateway does by
    /// itself when the month is over. Time zone and team are the configuration's.
    #[arg(long, conflicts_with_all = ["team", "every_team", "webhook", "out", "team_is"])]
    send: bool,
    /// Post it as JSON, with the page and the text in it.
    #[arg(long, value_name = "URL")]
    webhook: Option<String>,
    /// The environment variable with the secret that signs the post (Standard Webhooks).
    #[arg(long, value_name = "NAME", default_value = "TOLLGATE_WEBHOOK_SECRET")]
    webhook_secret: String,
}

#[derive(Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Format {
    /// For a terminal or a mail.
    Text,
    /// A page in one file.
    Html,
    /// The numbers, with both forms in it: what a webhook gets.
    Json,
}

/// How long a post to `--webhook` is tried again.
const TRIED: Duration = Duration::from_secs(8);

fn limit(text: &str) -> Result<Limit, String> {
    let fault = || String::from("write an amount (500, 49.90) or tokens (2000000t)");
    if let Some(tokens) = text.strip_suffix('t') {
        return tokens.parse().map(Limit::Tokens).map_err(|_| fault());
    }
    let amount = text.parse().map_err(|_| fault())?;
    tollgate_reports::entry::pico(amount)
        .filter(|amount| *amount > 0)
        .ok_or_else(fault)?;
    Ok(Limit::Cost(amount))
}

impl Statement {
    pub(crate) fn run(&self) -> anyhow::Result<ExitCode> {
        Ok(unreadable(self.statements()))
    }

    fn statements(&self) -> anyhow::Result<ExitCode> {
        if self.send {
            return self.send();
        }
        let books = self.books.open()?;
        let zone = &self.books.time_zone;
        let month = match &*self.month {
            relative @ ("this-month" | "last-month") => {
                Period::parse(relative, zone, jiff::Timestamp::now())?
            }
            month => Period::month(month, zone)?,
        };
        if !self.every_team {
            let team = self.team.clone().unwrap_or_default();
            return self.one(&books, &month, &team, self.out.as_deref());
        }
        let Some(folder) = &self.out else {
            bail!("--every-team writes a file for each team: name a folder with --out");
        };
        std::fs::create_dir_all(folder).with_context(|| folder.display().to_string())?;
        let mut code = ExitCode::SUCCESS;
        let mut names = BTreeSet::new();
        for team in teams(&books, &month)? {
            let name = file_name(&team, &month.name, self.format, &mut names);
            let path = folder.join(name);
            let one = self.one(&books, &month, &team, Some(&path))?;
            println!("{}", path.display());
            if one != ExitCode::SUCCESS {
                code = one;
            }
        }
        Ok(code)
    }

    fn one(
        &self,
        books: &Opened,
        month: &Period,
        team: &str,
        out: Option<&Path>,
    ) -> anyhow::Result<ExitCode> {
        let page = page(books, month, team, self.allowance)?;
        if self.webhook.is_none() || out.is_some() {
            let text = match self.format {
                Format::Text => page.text(),
                Format::Html => page.html(),
                Format::Json => format!("{:#}\n", page.json()),
            };
            put(out, &text)?;
        }
        match &self.webhook {
            Some(url) => self.post(url, &page, &statements::id(team, month)),
            None => Ok(ExitCode::SUCCESS),
        }
    }

    fn post(&self, url: &str, page: &Page, id: &str) -> anyhow::Result<ExitCode> {
        let secret = std::env::var(&self.webhook_secret).ok();
        let secret = secret.filter(|secret| !secret.is_empty()).map(Secret::new);
        if secret.is_none() {
            tell(&[format!(
                "{} is not set: the post is not signed",
                self.webhook_secret
            )]);
        }
        let body = page.json().to_string();
        let post = Post {
            id,
            url,
            secret: secret.as_ref(),
            content_type: "application/json",
            body: &body,
        };
        Ok(
            match post.until(TRIED, &|wait| {
                std::thread::sleep(wait);
                true
            }) {
                Ok(()) => ExitCode::SUCCESS,
                Err(why) => {
                    eprintln!("error: the webhook did not take the statement: {why}");
                    ExitCode::FAILURE
                }
            },
        )
    }

    /// What the configuration's `gateway.statements` ask for, as a scheduler may in place of the gateway.
    fn send(&self) -> anyhow::Result<ExitCode> {
        let config = self.books.config().context(
            "--send needs a configuration, whose `gateway.statements` says to whom: name it in place of the ledger",
        )?;
        let options = Options {
            secrets: crate::plane::secrets(Options::default().environment),
            ..Options::default()
        };
        let month = match &*self.month {
            "last-month" => None,
            month => Some(month),
        };
        let sent = statements::send(config, &options, month, &|wait| {
            std::thread::sleep(wait);
            true
        })?;
        for sent in &sent {
            match &sent.why {
                None => println!("{}: sent to {}", sent.team, sent.notification),
                Some(why) => eprintln!(
                    "error: {} did not take the statement of {}: {why}",
                    sent.notification, sent.team
                ),
            }
        }
        if sent.is_empty() {
            println!("nothing to send: all of the month's statements were sent before");
        }
        let failed = sent.iter().any(|sent| sent.why.is_some());
        Ok(if failed {
            ExitCode::FAILURE
        } else {
            ExitCode::SUCCESS
        })
    }
}

/// The statement of a team; of all calls with an empty one.
pub(crate) fn page(
    books: &Opened,
    month: &Period,
    team: &str,
    allowance: Option<Limit>,
) -> anyhow::Result<Page> {
    let mut months = Months::new(Subject {
        team: team.to_owned(),
        team_is: books.team.clone(),
        month: month.clone(),
        currency: books.currency.clone(),
        limits: limits(books),
        allowance,
    });
    // The month before is read with it; what is idle is of both, and stands in the report.
    let (read, _) = books.each(&months.period(), |entry| months.add(entry))?;
    Ok(months.finish(&read))
}

/// The limits of the configuration's budgets that are of months.
fn limits(books: &Opened) -> BTreeMap<String, Limit> {
    let budgets = books.definition.iter().flat_map(|d| &d.budgets);
    let monthly = budgets.filter(|budget| budget.calendar.recurrence == Recurrence::Month);
    let limit = |budget: &BudgetDefinition| match budget.unit {
        Unit::Tokens => Limit::Tokens(u64::try_from(budget.limit).unwrap_or(u64::MAX)),
        Unit::Money => Limit::Cost(money(i128::try_from(budget.limit).unwrap_or(i128::MAX))),
    };
    monthly
        .map(|budget| (budget.id.to_string(), limit(budget)))
        .collect()
}

/// The teams that have calls in a month.
pub(crate) fn teams(books: &Opened, month: &Period) -> anyhow::Result<BTreeSet<String>> {
    let mut groups = Groups::new(Grouping {
        by: vec![Dimension::Team],
        team: books.team.clone(),
        ..Grouping::of(month)
    });
    source::each(&books.folder, month, |entry| {
        groups.add(entry);
    })?;
    let teams = groups.rows().filter_map(|(key, _)| key.into_iter().next());
    // Calls without a team are on the statement of all calls.
    Ok(teams.filter(|team| !team.is_empty()).collect())
}

/// A file's name for a team: letters, digits, `-` and `_` only, and none twice.
fn file_name(team: &str, month: &str, format: Format, names: &mut BTreeSet<String>) -> String {
    let safe: String = team
        .chars()
        .map(|c| {
            if c.is_ascii_alphanumeric() || c == '-' || c == '_' {
                c
            } else {
                '_'
            }
        })
        .take(100)
        .collect();
    let ending = match format {
        Format::Text => "txt",
        Format::Html => "html",
        Format::Json => "json",
    };
    let mut name = format!("{month}-{safe}.{ending}");
    let mut count = 2;
    while !names.insert(name.clone()) {
        name = format!("{month}-{safe}-{count}.{ending}");
        count += 1;
    }
    name
}
