//! `tollgate report`: groups of calls as a table, CSV or JSON.
//!
//! Called by the command, and by `statement` for its tables. What must stay true: what a number leaves out is said
//! beside it (estimates, calls without a price, groups that were not kept apart, damage in the ledger's files).

#[cfg(test)]
mod tests;

use crate::entry::money;
use crate::group::Groups;
use crate::histogram::Histogram;
use crate::source::Read;
use crate::sums::Sums;
use crate::table::{Cell, Column, Table, grouped, percent};
use serde_json::{Value, json};
use tollgate_llm::usage::Class;

/// What of the sums becomes columns.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Measure {
    /// `calls`.
    Calls,
    /// A column for each class, and `tokens`.
    Tokens,
    /// `cost` with corrections, and `adjusted`, their part.
    Cost,
    /// `estimated_calls`, and `estimated_share`, of all tokens.
    Estimated,
    /// `unpriced_calls` and `unpriced_tokens`.
    Unpriced,
    /// `saved_tokens` and `saved_cost`: what answers from caches did not use again.
    Saved,
    /// `errors`.
    Errors,
    /// `latency_p50`, `_p90` and `_p99`, milliseconds.
    Latency,
    /// `first_token_p50`, `_p90` and `_p99`, milliseconds.
    FirstToken,
}

impl Measure {
    /// What is shown when nothing is asked for.
    pub const DEFAULT: [Measure; 6] = [
        Measure::Calls,
        Measure::Tokens,
        Measure::Cost,
        Measure::Estimated,
        Measure::Unpriced,
        Measure::Saved,
    ];

    /// Whether it needs the percentiles.
    #[must_use]
    pub fn timed(self) -> bool {
        matches!(self, Measure::Latency | Measure::FirstToken)
    }

    fn columns(self) -> Vec<Column> {
        let column = |name: &str, sparse| Column {
            name: name.to_owned(),
            sparse,
        };
        match self {
            Measure::Calls => vec![column("calls", false)],
            Measure::Tokens => {
                let classes = Class::ALL.iter().map(|class| column(class.name(), true));
                classes.chain([column("tokens", false)]).collect()
            }
            Measure::Cost => vec![column("cost", false), column("adjusted", true)],
            Measure::Estimated => vec![
                column("estimated_calls", true),
                column("estimated_share", true),
            ],
            Measure::Unpriced => vec![
                column("unpriced_calls", true),
                column("unpriced_tokens", true),
            ],
            Measure::Saved => vec![column("saved_tokens", true), column("saved_cost", true)],
            Measure::Errors => vec![column("errors", false)],
            Measure::Latency => PERCENTILES
                .map(|p| column(&format!("latency_p{p}"), false))
                .into(),
            Measure::FirstToken => PERCENTILES
                .map(|p| column(&format!("first_token_p{p}"), true))
                .into(),
        }
    }

    fn cells(self, sums: &Sums) -> Vec<Cell> {
        match self {
            Measure::Calls => vec![Cell::Count(sums.calls.into())],
            Measure::Tokens => {
                let classes = Class::ALL.iter().map(|class| Cell::Count(sums.of(*class)));
                classes.chain([Cell::Count(sums.total_tokens())]).collect()
            }
            // What nobody knows is not zero.
            Measure::Cost if sums.cost == 0 && sums.unpriced_tokens > 0 => {
                vec![Cell::None, Cell::Money(money(sums.adjusted))]
            }
            Measure::Cost => vec![Cell::Money(sums.cost()), Cell::Money(money(sums.adjusted))],
            Measure::Estimated => vec![
                Cell::Count(sums.estimated_calls.into()),
                sums.estimated_share().map_or(Cell::None, Cell::Share),
            ],
            Measure::Unpriced => vec![
                Cell::Count(sums.unpriced_calls.into()),
                Cell::Count(sums.unpriced_tokens),
            ],
            Measure::Saved => vec![
                Cell::Count(sums.saved_tokens),
                Cell::Money(money(sums.saved)),
            ],
            Measure::Errors => vec![Cell::Count(sums.errors.into())],
            Measure::Latency => percentiles(&sums.latency),
            Measure::FirstToken => percentiles(&sums.first_token),
        }
    }
}

const PERCENTILES: [u8; 3] = [50, 90, 99];

fn percentiles(histogram: &Histogram) -> Vec<Cell> {
    let cells = PERCENTILES.map(|p| histogram.percentile(p).map_or(Cell::None, Cell::Millis));
    cells.into()
}

/// By what rows are sorted.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Order {
    /// By the dimensions, in their order.
    Key,
    /// Highest cost first.
    #[default]
    Cost,
    /// Most tokens first.
    Tokens,
    /// Most calls first.
    Calls,
}

/// Groups in order.
#[derive(Clone, Debug)]
pub struct Report {
    /// A column for each dimension and measure.
    pub table: Table,
    /// What the numbers leave out, a sentence each.
    pub notes: Vec<String>,
    /// The period's name.
    pub period: String,
    /// The currency of all amounts.
    pub currency: String,
    measures: Vec<Measure>,
    total: Sums,
}

/// What stands for groups that were not kept apart.
pub const OTHER: &str = "(other)";

impl Report {
    /// The report of groups. Keeps the first `top` rows when asked; the total is of all of them.
    #[must_use]
    pub fn new(
        groups: &Groups,
        measures: &[Measure],
        order: Order,
        top: Option<usize>,
        read: &Read,
        currency: &str,
    ) -> Report {
        let by = &groups.grouping().by;
        let mut rows: Vec<(Vec<String>, &Sums)> = groups.rows().collect();
        let rank = |sums: &Sums| match order {
            Order::Key => 0,
            Order::Cost => sums.cost,
            Order::Tokens => sums.total_tokens(),
            Order::Calls => sums.calls.into(),
        };
        rows.sort_by(|a, b| rank(b.1).cmp(&rank(a.1)).then_with(|| a.0.cmp(&b.0)));
        let mut notes = notes(groups.total(), currency);
        let mut rest = groups.overflow().clone();
        if *groups.overflow() != Sums::default() {
            notes.push(format!(
                "Only {} groups are kept apart; later ones ({}) are in the row {OTHER}. Group by less, filter with \
                 --where, or raise --max-groups.",
                grouped(groups.grouping().limit as i128),
                calls(groups.overflow().calls),
            ));
        }
        if let Some(top) = top.filter(|top| *top < rows.len()) {
            notes.push(format!(
                "The row {OTHER} is {} more rows.",
                grouped((rows.len() - top) as i128)
            ));
            rows.drain(top..).for_each(|(_, sums)| rest.merge(sums));
        }
        notes.extend(read.notes());
        let keys = by.iter().map(|dimension| Column {
            name: dimension.to_string(),
            sparse: false,
        });
        let columns = measures.iter().flat_map(|measure| measure.columns());
        let cells = |sums: &Sums| {
            let cells = measures.iter().flat_map(|measure| measure.cells(sums));
            cells.collect::<Vec<_>>()
        };
        let row = |key: Vec<Cell>, sums: &Sums| [key, cells(sums)].concat();
        let mut body: Vec<Vec<Cell>> = Vec::with_capacity(rows.len() + 1);
        for (key, sums) in rows {
            body.push(row(
                key.iter().map(|value| Cell::text(value)).collect(),
                sums,
            ));
        }
        if rest != Sums::default() {
            let mut key = vec![Cell::None; by.len()];
            if let Some(first) = key.first_mut() {
                *first = Cell::text(OTHER);
            }
            body.push(row(key, &rest));
        }
        let total = if by.is_empty() {
            body.push(cells(groups.total()));
            None
        } else {
            let mut key = vec![Cell::Text(String::new()); by.len()];
            key[0] = Cell::text("total");
            Some(row(key, groups.total()))
        };
        Report {
            table: Table {
                columns: keys.chain(columns).collect(),
                rows: body,
                total,
            },
            notes,
            period: groups.grouping().period.name.clone(),
            currency: currency.to_owned(),
            measures: measures.to_vec(),
            total: groups.total().clone(),
        }
    }

    /// For people: a head, the table, what it leaves out.
    #[must_use]
    pub fn text(&self) -> String {
        let mut out = format!(
            "{}, {}\n\n{}",
            self.period,
            self.currency,
            self.table.text()
        );
        if !self.notes.is_empty() {
            out.push('\n');
        }
        for note in &self.notes {
            out.push_str(&format!("note: {note}\n"));
        }
        out
    }

    /// For programs. Amounts are texts with exact decimals.
    #[must_use]
    pub fn json(&self) -> Value {
        let measures = self.measures.iter();
        let columns: Vec<Column> = measures.clone().flat_map(|m| m.columns()).collect();
        let total: Vec<Cell> = measures.flat_map(|m| m.cells(&self.total)).collect();
        let table = Table {
            columns,
            ..Table::default()
        };
        json!({
            "period": self.period,
            "currency": self.currency,
            "rows": self.table.json_rows(),
            "total": table.object(&total),
            "notes": self.notes,
        })
    }
}

/// `1 call`, `1,000 calls`.
#[must_use]
pub fn calls(n: u64) -> String {
    let noun = if n == 1 { "call" } else { "calls" };
    format!("{} {noun}", grouped(n.into()))
}

/// What the sums leave out, in words.
#[must_use]
pub fn notes(total: &Sums, currency: &str) -> Vec<String> {
    let mut notes = Vec::new();
    if total.unpriced_calls > 0 || total.unpriced_tokens > 0 {
        notes.push(format!(
            "{} with {} tokens of models without a price: in no cost. Add the models to the price table, or say the `provider` of their backend.",
            calls(total.unpriced_calls),
            grouped(total.unpriced_tokens)
        ));
    }
    if total.estimated_calls > 0 || total.estimated_tokens > 0 {
        notes.push(format!(
            "{} ({} of the tokens, {} {currency}) counted by the gateway, because the provider reported no usage.",
            calls(total.estimated_calls),
            percent(total.estimated_share().unwrap_or(0)),
            money(total.estimated_cost),
        ));
    }
    if total.adjustments > 0 {
        notes.push(format!(
            "Corrections from reconciling ({}) come to {} {currency}; they are in the costs.",
            grouped(total.adjustments.into()),
            money(total.adjusted),
        ));
    }
    notes
}
