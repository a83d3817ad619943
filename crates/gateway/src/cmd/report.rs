//! `tollgate report`.

use super::books::{Books, Opened, filter, put, tell, unreadable};
use anyhow::bail;
use clap::{Args, ValueEnum};
use std::path::PathBuf;
use std::process::ExitCode;
use tollgate_reports::dimension::{Dimension, Filter};
use tollgate_reports::focus::{Account, Focus};
use tollgate_reports::group::{Grouping, Groups};
use tollgate_reports::period::Period;
use tollgate_reports::report::{Measure, Order, Report as Rows};

/// Who used and spent what: sums of the ledger by any dimension and period.
///
/// Reads while a gateway writes. Costs are exact decimals; what they leave out (models without a price, estimates) is
/// told in notes, on standard error for CSV and FOCUS. Exit status: 0, 2 when the ledger cannot be read.
#[derive(Args)]
pub(crate) struct Report {
    #[command(flatten)]
    books: Books,
    /// Dimensions to group by: team, model, requested-model, served-model, provider, product, subscription, user, api,
    /// operation, workspace, backend, deployment, region, tier, stream, status, end-reason, agent-run, budget,
    /// price-version, purpose, kind, tag:NAME, hour, day, week, month.
    #[arg(long, value_delimiter = ',', value_name = "DIMENSIONS", value_parser = dimension, default_value = "team,model")]
    by: Vec<Dimension>,
    /// 2026, 2026-Q4, 2026-11, 2026-W47, 2026-11-20, today, yesterday, this-month, last-month, this-year, all.
    #[arg(long, default_value = "this-month", conflicts_with_all = ["from", "to"])]
    period: String,
    /// The first day, with --to.
    #[arg(long, value_name = "DAY", requires = "to")]
    from: Option<String>,
    /// The last day, with --from.
    #[arg(long, value_name = "DAY", requires = "from")]
    to: Option<String>,
    /// Only calls with this value, as product=gold, product!=gold, product=gold|silver. All that are given must hold.
    #[arg(long = "where", value_name = "FILTER", value_parser = filter)]
    filters: Vec<Filter>,
    #[command(flatten)]
    measures: Measures,
    /// How rows are sorted.
    #[arg(long, value_enum, default_value_t = Sort::Cost)]
    sort: Sort,
    /// Only so many rows; the rest is summed in one.
    #[arg(long, value_name = "ROWS")]
    top: Option<usize>,
    /// Most groups that are kept apart.
    #[arg(long, value_name = "GROUPS", default_value_t = Grouping::LIMIT)]
    max_groups: usize,
    /// How to print.
    #[arg(long, value_enum, default_value_t = Format::Table)]
    format: Format,
    /// The BillingAccountId of FOCUS rows.
    #[arg(long, value_name = "NAME", default_value = "tollgate")]
    billing_account: String,
    /// Write to a file instead of standard output.
    #[arg(long, value_name = "FILE")]
    out: Option<PathBuf>,
}

/// Which columns; without any of these: calls, tokens, cost, estimated, unpriced and saved.
#[derive(Args)]
struct Measures {
    /// Calls.
    #[arg(long)]
    calls: bool,
    /// Tokens of each class, and their sum.
    #[arg(long)]
    tokens: bool,
    /// Cost with corrections.
    #[arg(long)]
    cost: bool,
    /// Calls whose usage was estimated, and their share of the tokens.
    #[arg(long)]
    estimated: bool,
    /// Calls and tokens of models without a price.
    #[arg(long)]
    unpriced: bool,
    /// Tokens that answers from caches did not use again, and what they would have cost.
    #[arg(long)]
    saved: bool,
    /// Calls whose caller got an error.
    #[arg(long)]
    errors: bool,
    /// How long calls took: 50th, 90th and 99th percentile.
    #[arg(long)]
    latency: bool,
    /// How long streams took to their first token.
    #[arg(long)]
    first_token: bool,
}

#[derive(Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Sort {
    /// By the dimensions, in their order.
    Key,
    /// Highest cost first.
    Cost,
    /// Most tokens first.
    Tokens,
    /// Most calls first.
    Calls,
}

#[derive(Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Format {
    /// Columns for people.
    Table,
    /// RFC 4180, guarded against formulas.
    Csv,
    /// One JSON object; amounts are texts.
    Json,
    /// FOCUS 1.2: one row for each day, group and token class, as CSV. --by adds columns x_Team, x_Product, ...
    Focus,
}

fn dimension(name: &str) -> Result<Dimension, String> {
    Dimension::parse(name).map_err(|e| e.to_string())
}

impl Measures {
    fn chosen(&self) -> Vec<Measure> {
        let all = [
            (self.calls, Measure::Calls),
            (self.tokens, Measure::Tokens),
            (self.cost, Measure::Cost),
            (self.estimated, Measure::Estimated),
            (self.unpriced, Measure::Unpriced),
            (self.saved, Measure::Saved),
            (self.errors, Measure::Errors),
            (self.latency, Measure::Latency),
            (self.first_token, Measure::FirstToken),
        ];
        let chosen: Vec<Measure> = all.iter().filter(|(on, _)| *on).map(|(_, m)| *m).collect();
        if chosen.is_empty() {
            Measure::DEFAULT.into()
        } else {
            chosen
        }
    }
}

impl Report {
    pub(crate) fn run(&self) -> anyhow::Result<ExitCode> {
        Ok(unreadable(self.report()))
    }

    fn report(&self) -> anyhow::Result<ExitCode> {
        let books = self.books.open()?;
        let zone = &self.books.time_zone;
        let period = match (&self.from, &self.to) {
            (Some(from), Some(to)) => Period::between(from, to, zone)?,
            _ => Period::parse(&self.period, zone, jiff::Timestamp::now())?,
        };
        if self.max_groups == 0 {
            bail!("--max-groups must be at least 1");
        }
        let measures = self.measures.chosen();
        let grouping = Grouping {
            by: self.by.clone(),
            filters: self.filters.clone(),
            team: books.team.clone(),
            limit: self.max_groups,
            timed: measures.iter().any(|measure| measure.timed()),
            period,
        };
        if self.format == Format::Focus {
            return self.focus(&books, grouping);
        }
        let mut groups = Groups::new(grouping);
        let (read, capacity) = books.each(&groups.grouping().period.clone(), |entry| {
            groups.add(entry);
        })?;
        let order = match self.sort {
            Sort::Key => Order::Key,
            Sort::Cost => Order::Cost,
            Sort::Tokens => Order::Tokens,
            Sort::Calls => Order::Calls,
        };
        let mut rows = Rows::new(&groups, &measures, order, self.top, &read, &books.currency);
        rows.notes.extend(capacity);
        let out = self.out.as_deref();
        match self.format {
            Format::Table => put(out, &rows.text())?,
            Format::Json => put(out, &format!("{:#}\n", rows.json()))?,
            Format::Csv => {
                put(out, &rows.table.csv())?;
                tell(&rows.notes);
            }
            Format::Focus => {}
        }
        Ok(ExitCode::SUCCESS)
    }

    fn focus(&self, books: &Opened, grouping: Grouping) -> anyhow::Result<ExitCode> {
        let account = Account {
            billing_account: self.billing_account.clone(),
            currency: books.currency.clone(),
        };
        let period = grouping.period.clone();
        let mut focus = Focus::new(grouping, account, books.prices.clone());
        let (read, capacities) = books.charged(&period, |entry| focus.add(entry))?;
        focus.commit(&capacities, jiff::Timestamp::now());
        put(self.out.as_deref(), &focus.csv()?)?;
        tell(&focus.notes());
        tell(&read.notes());
        Ok(ExitCode::SUCCESS)
    }
}
