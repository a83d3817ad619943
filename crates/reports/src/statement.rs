//! `tollgate statement`: what a team used and spent in a month, for people.
//!
//! One pass over the month and the one before. What must stay true: the tables' sums are the total; what the total
//! leaves out or estimates is said on the page; the page needs nothing from elsewhere.

mod chart;
mod html;
#[cfg(test)]
mod tests;
mod text;

use crate::dimension::{Dimension, Filter, Team, Text};
use crate::entry::{Entry, money};
use crate::group::{Grouping, Groups};
use crate::period::Period;
use crate::report::{OTHER, notes};
use crate::source::Read;
use crate::sums::Sums;
use crate::table::{Cell, Column, Table};
use jiff::civil::Date;
use rust_decimal::Decimal;
use serde_json::{Value, json};
use std::collections::BTreeMap;

/// Rows of a table; the rest is one row.
const ROWS: usize = 50;

/// What a budget allows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Limit {
    /// Money.
    Cost(Decimal),
    /// Tokens.
    Tokens(u64),
}

/// What a statement is about.
#[derive(Clone, Debug)]
pub struct Subject {
    /// The team; empty for all calls of the gateway.
    pub team: String,
    /// What a team is.
    pub team_is: Team,
    /// The month.
    pub month: Period,
    /// The currency of all amounts.
    pub currency: String,
    /// Limits of budgets by their ids, where they are known.
    pub limits: BTreeMap<String, Limit>,
    /// A limit that is no budget of the gateway.
    pub allowance: Option<Limit>,
}

/// A month's numbers while they are summed.
#[derive(Debug)]
pub struct Months {
    subject: Subject,
    before: Groups,
    by_model: Groups,
    by_user: Groups,
    by_day: Groups,
    by_end: Groups,
    /// This team's use of each budget.
    budgets: BTreeMap<String, Sums>,
}

/// A statement.
#[derive(Clone, Debug)]
pub struct Statement {
    subject: Subject,
    total: Sums,
    before: Sums,
    by_model: Table,
    by_user: Table,
    by_end: Table,
    days: Vec<(Date, Sums)>,
    budgets: Vec<Budget>,
    notes: Vec<String>,
}

/// A budget with this team's use of it.
#[derive(Clone, Debug)]
struct Budget {
    name: String,
    limit: Option<Limit>,
    used: Sums,
}

impl Budget {
    /// Use of the limit in hundredths of a percent.
    fn share(&self) -> Option<i128> {
        match self.limit? {
            Limit::Cost(limit) => {
                let limit = crate::entry::pico(limit).filter(|limit| *limit > 0)?;
                self.used.cost.checked_mul(10_000).map(|used| used / limit)
            }
            Limit::Tokens(limit) if limit > 0 => {
                Some(self.used.total_tokens() * 10_000 / i128::from(limit))
            }
            Limit::Tokens(_) => None,
        }
    }
}

impl Months {
    /// No record yet.
    #[must_use]
    pub fn new(subject: Subject) -> Months {
        let only: Vec<Filter> = if subject.team.is_empty() {
            Vec::new()
        } else {
            vec![Filter::only(Dimension::Team, &subject.team)]
        };
        let grouping = |by: &[Dimension], period: &Period| {
            Groups::new(Grouping {
                by: by.to_vec(),
                filters: only.clone(),
                team: subject.team_is.clone(),
                ..Grouping::of(period)
            })
        };
        let month = &subject.month;
        let before = month.month_before().unwrap_or_else(|| month.clone());
        let text = Dimension::Text;
        Months {
            before: grouping(&[text(Text::Model)], &before),
            by_model: grouping(&[text(Text::Model)], month),
            by_user: grouping(&[text(Text::User), text(Text::Subscription)], month),
            by_day: grouping(&[Dimension::Day], month),
            by_end: grouping(&[text(Text::EndReason)], month),
            budgets: BTreeMap::new(),
            subject,
        }
    }

    /// What must be read: the month and the one before.
    #[must_use]
    pub fn period(&self) -> Period {
        Period {
            start: self.before.grouping().period.start,
            ..self.subject.month.clone()
        }
    }

    /// Counts a record.
    pub fn add(&mut self, entry: &Entry<'_>) {
        self.before.add(entry);
        if !self.by_model.add(entry) {
            return;
        }
        self.by_user.add(entry);
        self.by_day.add(entry);
        self.by_end.add(entry);
        for budget in &entry.call.budgets {
            // A gateway has few budgets; a ledger that names more is told of by the groups' own bound.
            if let Some(sums) = self.budgets.get_mut(&**budget) {
                sums.add(entry, false);
            } else if self.budgets.len() < 1_000 {
                let sums = self.budgets.entry(budget.to_string()).or_default();
                sums.add(entry, false);
            }
        }
    }

    /// The statement.
    #[must_use]
    pub fn finish(self, read: &Read) -> Statement {
        let total = self.by_model.total().clone();
        let mut told = notes(&total, &self.subject.currency);
        told.extend(read.notes());
        let before: BTreeMap<String, &Sums> = self
            .before
            .rows()
            .filter_map(|(key, sums)| Some((key.into_iter().next()?, sums)))
            .collect();
        let mut budgets: Vec<Budget> = Vec::new();
        if let Some(allowance) = self.subject.allowance {
            budgets.push(Budget {
                name: String::from("allowance"),
                limit: Some(allowance),
                used: total.clone(),
            });
        }
        for (name, used) in self.budgets {
            // A budget of each subscription is `id/subscription`.
            let id = name.split('/').next().unwrap_or_default();
            let limits = &self.subject.limits;
            let limit = limits.get(&name).or_else(|| limits.get(id)).copied();
            budgets.push(Budget { name, limit, used });
        }
        let by_day: BTreeMap<String, &Sums> = self
            .by_day
            .rows()
            .filter_map(|(key, sums)| Some((key.into_iter().next()?, sums)))
            .collect();
        let days = self.subject.month.dates(31).into_iter();
        let days = days.map(|date| {
            let sums = by_day.get(&date.to_string());
            (
                date,
                sums.map_or_else(Sums::default, |sums| (*sums).clone()),
            )
        });
        Statement {
            days: days.collect(),
            by_model: by_model(&self.by_model, &before),
            by_user: rows(&self.by_user, &["user", "subscription"]),
            by_end: rows(&self.by_end, &["end_reason"]),
            before: self.before.total().clone(),
            total,
            budgets,
            notes: told,
            subject: self.subject,
        }
    }
}

fn column(name: &str, sparse: bool) -> Column {
    Column {
        name: name.to_owned(),
        sparse,
    }
}

/// The amount; none where nobody knows any.
fn cost(sums: &Sums) -> Cell {
    if sums.cost == 0 && sums.unpriced_tokens > 0 {
        Cell::None
    } else {
        Cell::Money(sums.cost())
    }
}

fn numbers(sums: &Sums) -> Vec<Cell> {
    vec![
        Cell::Count(sums.calls.into()),
        Cell::Count(sums.side(true)),
        Cell::Count(sums.side(false)),
        cost(sums),
    ]
}

const NUMBERS: [&str; 4] = ["calls", "input_tokens", "output_tokens", "cost"];

/// The rows of a grouping, highest cost first, the last ones together.
fn sorted(groups: &Groups) -> Vec<(Vec<Cell>, Sums)> {
    let mut rows: Vec<(Vec<String>, &Sums)> = groups.rows().collect();
    rows.sort_by(|a, b| b.1.cost.cmp(&a.1.cost).then_with(|| a.0.cmp(&b.0)));
    let mut rest = groups.overflow().clone();
    if rows.len() > ROWS {
        rows.drain(ROWS..).for_each(|(_, sums)| rest.merge(sums));
    }
    let cells = |key: &[String]| key.iter().map(|value| Cell::text(value)).collect();
    let mut body: Vec<(Vec<Cell>, Sums)> = rows
        .into_iter()
        .map(|(key, sums)| (cells(&key), sums.clone()))
        .collect();
    if rest != Sums::default() {
        let mut key = vec![Cell::None; groups.grouping().by.len()];
        if let Some(first) = key.first_mut() {
            *first = Cell::text(OTHER);
        }
        body.push((key, rest));
    }
    body
}

fn total_row(keys: usize, total: Vec<Cell>) -> Option<Vec<Cell>> {
    let mut row = vec![Cell::Text(String::new()); keys];
    if let Some(first) = row.first_mut() {
        *first = Cell::text("total");
    }
    row.extend(total);
    Some(row)
}

fn rows(groups: &Groups, keys: &[&str]) -> Table {
    let columns = keys.iter().chain(&NUMBERS);
    Table {
        columns: columns.map(|name| column(name, false)).collect(),
        rows: sorted(groups)
            .into_iter()
            .map(|(key, sums)| [key, numbers(&sums)].concat())
            .collect(),
        total: total_row(keys.len(), numbers(groups.total())),
    }
}

fn by_model(groups: &Groups, before: &BTreeMap<String, &Sums>) -> Table {
    let mut columns: Vec<Column> = ["model"]
        .iter()
        .chain(&NUMBERS)
        .map(|n| column(n, false))
        .collect();
    columns.push(column("month_before", false));
    let row = |key: Vec<Cell>, sums: &Sums| {
        let name = match key.first() {
            Some(Cell::Text(name)) => name.as_str(),
            _ => "",
        };
        let before = before.get(name).map_or(Cell::None, |sums| cost(sums));
        [key, numbers(sums), vec![before]].concat()
    };
    let mut all = Sums::default();
    before.values().for_each(|sums| all.merge(sums));
    let mut total = numbers(groups.total());
    total.push(cost(&all));
    Table {
        columns,
        rows: sorted(groups)
            .into_iter()
            .map(|(key, sums)| row(key, &sums))
            .collect(),
        total: total_row(1, total),
    }
}

impl Statement {
    /// What it is called: a page's title, a mail's subject.
    #[must_use]
    pub fn title(&self) -> String {
        let team = crate::table::plain(self.team());
        format!("AI usage of {team}, {}", self.subject.month.name)
    }

    fn team(&self) -> &str {
        if self.subject.team.is_empty() {
            "all teams"
        } else {
            &self.subject.team
        }
    }

    /// What a team is, and whose days these are.
    fn basis(&self) -> String {
        format!(
            "A team is a {}. Days are those of {}. Costs are by the gateway's price table, in {}.",
            self.subject.team_is,
            self.subject
                .month
                .zone
                .iana_name()
                .unwrap_or("a fixed offset"),
            self.subject.currency,
        )
    }

    /// The change from the month before in hundredths of a percent.
    fn change(now: i128, before: i128) -> Option<i128> {
        (before > 0).then(|| now.saturating_sub(before).saturating_mul(10_000) / before)
    }

    /// The numbers at the top: name, this month, the month before, the change.
    fn summary(&self) -> Vec<(&'static str, Cell, Cell, Option<i128>)> {
        let (now, before) = (&self.total, &self.before);
        let count =
            |name, a: i128, b: i128| (name, Cell::Count(a), Cell::Count(b), Self::change(a, b));
        vec![
            (
                "cost",
                cost(now),
                cost(before),
                Self::change(now.cost, before.cost),
            ),
            count("calls", now.calls.into(), before.calls.into()),
            count("input tokens", now.side(true), before.side(true)),
            count("output tokens", now.side(false), before.side(false)),
            count("errors", now.errors.into(), before.errors.into()),
        ]
    }

    /// Budgets against use; `None` when there is none.
    fn budget_table(&self) -> Option<Table> {
        if self.budgets.is_empty() {
            return None;
        }
        let rows = self.budgets.iter().map(|budget| {
            let limit = match budget.limit {
                None => Cell::None,
                Some(Limit::Cost(limit)) => {
                    Cell::Text(format!("{limit} {}", self.subject.currency))
                }
                Some(Limit::Tokens(limit)) => {
                    Cell::Text(format!("{} tokens", crate::table::grouped(limit.into())))
                }
            };
            vec![
                Cell::text(&budget.name),
                limit,
                cost(&budget.used),
                Cell::Count(budget.used.total_tokens()),
                budget.share().map_or(Cell::None, Cell::Share),
            ]
        });
        Some(Table {
            columns: ["budget", "limit", "used_cost", "used_tokens", "used_share"]
                .map(|name| column(name, false))
                .into(),
            rows: rows.collect(),
            total: None,
        })
    }

    /// The days' costs as a table, for those who do not see the chart.
    fn day_table(&self) -> Table {
        let rows = self
            .days
            .iter()
            .filter(|(_, sums)| *sums != Sums::default());
        Table {
            columns: ["day"]
                .iter()
                .chain(&NUMBERS)
                .map(|n| column(n, false))
                .collect(),
            rows: rows
                .map(|(date, sums)| [vec![Cell::Text(date.to_string())], numbers(sums)].concat())
                .collect(),
            total: total_row(1, numbers(&self.total)),
        }
    }

    /// For a webhook's receiver: the numbers, and the statement in both forms.
    #[must_use]
    pub fn json(&self) -> Value {
        json!({
            "type": "tollgate.statement",
            "title": self.title(),
            "team": self.subject.team,
            "month": self.subject.month.name,
            "currency": self.subject.currency,
            "cost": self.total.cost().to_string(),
            "calls": self.total.calls,
            "tokens": Cell::Count(self.total.total_tokens()).json(),
            "monthBefore": { "cost": money(self.before.cost).to_string(), "calls": self.before.calls },
            "byModel": self.by_model.json_rows(),
            "notes": self.notes,
            "text": self.text(),
            "html": self.html(),
        })
    }
}
