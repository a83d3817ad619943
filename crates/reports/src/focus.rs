//! FOCUS 1.2 rows: the FinOps Foundation's form of cost and usage, one row for each day, charge group and token class.
//!
//! Called by `tollgate report --format focus`. Source: the FOCUS 1.2 specification's columns and the rules of the public
//! validator (`focus-validator`). What must stay true: the costs of all rows are the ledger's to the last digit; a row
//! whose price is not known says so (`x_Unpriced`) and is not merged with priced ones; rows are never dropped: more than
//! the bound is a fault.

mod columns;
mod split;
#[cfg(test)]
mod tests;

use crate::capacity::{Capacities, begins_ms};
use crate::dimension::{Dimension, Filter};
use crate::entry::{Entry, Kind};
use crate::group::{Grouping, Keyed};
use crate::period::{Days, midnight};
use jiff::Timestamp;
use jiff::civil::Date;
use split::{Part, Split};
use std::sync::Arc;
use tollgate_llm::price::{PriceTable, Tier};
use tollgate_llm::usage::Class;
use tollgate_state::ledger::Call;

/// What the rows need beside the records.
#[derive(Clone, Debug)]
pub struct Account {
    /// `BillingAccountId` and `BillingAccountName`.
    pub billing_account: String,
    /// `BillingCurrency`.
    pub currency: String,
}

/// There are more rows than the bound.
#[derive(Clone, Debug, thiserror::Error, PartialEq, Eq)]
#[error(
    "more than {0} rows of FOCUS: group by less (--by), filter (--where), take a shorter --period, or raise --max-groups"
)]
pub struct TooMany(pub usize);

/// Rows that are being summed.
#[derive(Debug)]
pub struct Focus {
    account: Account,
    grouping: Grouping,
    split: Split,
    days: Days,
    rows: Keyed<Line>,
    full: bool,
    lost_unpriced: bool,
}

/// The sums of a row.
#[derive(Clone, Copy, Debug, Default)]
struct Line {
    quantity: i128,
    cost: i128,
    calls: u64,
    estimated: i128,
}

/// Which kind of row.
const PRICED: &str = "priced";
const UNPRICED: &str = "unpriced";
/// Capacity that was paid for by the hour; what calls used of it; what nobody did.
const PURCHASE: &str = "purchase";
const COMMITTED: &str = "committed";
const UNUSED: &str = "unused";
const ADJUSTMENT: &str = "adjustment";
const CORRECTION: &str = "correction";

impl Focus {
    /// No row yet. The grouping's dimensions become columns `x_Team`, `x_Product`; the day, what was charged for and
    /// the price always tell rows apart.
    #[must_use]
    pub fn new(grouping: Grouping, account: Account, prices: Arc<PriceTable>) -> Focus {
        Focus {
            account,
            split: Split::new(prices),
            days: Days::new(&grouping.period.zone),
            rows: Keyed::new(grouping.limit),
            grouping,
            full: false,
            lost_unpriced: false,
        }
    }

    /// Counts a record, when it is in the period and all filters hold.
    pub fn add(&mut self, entry: &Entry<'_>) {
        let team = &self.grouping.team;
        let days = &mut self.days;
        let holds = |filter: &Filter| filter.holds(entry, team, days);
        if !self.grouping.period.contains(entry.at) || !self.grouping.filters.iter().all(holds) {
            return;
        }
        let date = self.days.of(entry.at);
        if let Kind::Adjustment { written } = entry.kind {
            let written = self.days.of(written);
            let later = (written.year(), written.month()) > (date.year(), date.month());
            let part = Part {
                class: None,
                quantity: entry.total(),
                cost: entry.cost.unwrap_or(0),
                unit: None,
            };
            let kind = if later { CORRECTION } else { ADJUSTMENT };
            self.line(entry, date, kind, &part, written, true);
            return;
        }
        let kind = match (entry.cost, entry.capacity_hour) {
            (None, _) => UNPRICED,
            (Some(_), None) => PRICED,
            (Some(_), Some(_)) => COMMITTED,
        };
        // The call is counted in the first of its rows.
        let mut first = entry.kind == Kind::Call;
        for part in self.split.parts(entry) {
            self.line(entry, date, kind, &part, date, first);
            first = false;
        }
    }

    /// Counts the capacity that was paid for by the hour, and what nobody used of it: for after all calls. What nobody
    /// used belongs to no call, so that with a filter neither is told.
    pub fn commit(&mut self, capacities: &Capacities, now: Timestamp) {
        if !self.grouping.filters.is_empty() {
            return;
        }
        let period = self.grouping.period.clone();
        for commitment in capacities.commitments(&period, now) {
            let deployment = commitment.deployment;
            let call = Call {
                admitted_ms: begins_ms(commitment.day, &period),
                backend: deployment.backend.as_str().into(),
                deployment: deployment.name.as_str().into(),
                provider: deployment.provider.as_str().into(),
                model: deployment.model.as_str().into(),
                region: deployment.region.as_str().into(),
                tier: Tier::Provisioned.name().into(),
                ..Call::default()
            };
            let hour = i128::try_from(deployment.hour.0).unwrap_or(i128::MAX);
            let entry = Entry {
                capacity_hour: Some(hour),
                ..Entry::of(&call)
            };
            let part = |quantity: i128, cost| Part {
                class: None,
                quantity,
                cost,
                unit: Some(hour),
            };
            let hours = i128::from(commitment.hours);
            let paid = part(hours, hour.saturating_mul(hours));
            self.line(
                &entry,
                commitment.day,
                PURCHASE,
                &paid,
                commitment.day,
                false,
            );
            if commitment.idle > 0 {
                let idle = part(0, commitment.idle);
                self.line(&entry, commitment.day, UNUSED, &idle, commitment.day, false);
            }
        }
    }

    fn line(
        &mut self,
        entry: &Entry<'_>,
        date: Date,
        kind: &str,
        part: &Part,
        billed: Date,
        counted: bool,
    ) {
        let rows = &mut self.rows;
        rows.clear();
        rows.push(&date.to_string());
        rows.push(kind);
        rows.push(part.class.map_or("", Class::name));
        let unit = part.unit.map(|unit| unit.to_string());
        rows.push(unit.as_deref().unwrap_or(""));
        rows.push(&billed.first_of_month().to_string());
        for text in [
            &*entry.call.provider,
            entry.model(),
            &entry.call.region,
            &entry.call.tier,
            &entry.call.deployment,
            entry.price_version,
            self.grouping.team.of(entry),
        ] {
            rows.push(text);
        }
        match entry.capacity_hour {
            None => {
                rows.push("");
                rows.push("");
            }
            Some(hour) => {
                rows.push(&format!("{}/{}", entry.call.backend, entry.call.deployment));
                rows.push(&hour.to_string());
            }
        }
        for dimension in extra(&self.grouping.by) {
            rows.push(&dimension.value(entry, &self.grouping.team, &mut self.days));
        }
        let Some(line) = rows.value() else {
            self.full = true;
            return;
        };
        line.quantity += part.quantity;
        line.cost = line.cost.saturating_add(part.cost);
        line.calls += u64::from(counted && entry.kind == Kind::Call);
        if entry.estimated {
            line.estimated += part.quantity;
        }
        self.lost_unpriced |= kind == UNPRICED;
    }

    /// The rows as CSV, with a head.
    ///
    /// # Errors
    /// When there were more than the bound.
    pub fn csv(&self) -> Result<String, TooMany> {
        if self.full {
            return Err(TooMany(self.grouping.limit));
        }
        let mut rows: Vec<(Vec<String>, &Line)> = self.rows.iter().collect();
        rows.sort_by(|a, b| a.0.cmp(&b.0));
        let by: Vec<&Dimension> = extra(&self.grouping.by).collect();
        let rows = rows.iter().map(|(key, line)| {
            columns::row(&self.account, &self.grouping.period.zone, &by, key, line)
        });
        Ok(crate::table::csv_of(
            columns::head(&by),
            rows.map(Vec::into_iter),
        ))
    }

    /// What a reader of the rows has to know.
    #[must_use]
    pub fn notes(&self) -> Vec<String> {
        let mut notes = Vec::new();
        if self.lost_unpriced {
            notes.push(String::from(
                "Some usage has no price. FOCUS does not allow a cost to be null: its rows have a cost of 0, \
                 PricingCategory Other and x_Unpriced true.",
            ));
        }
        if self.split.unsplit() > 0 {
            notes.push(format!(
                "The costs of {} come from other prices than those given; they stand in rows of all token classes \
                 together.",
                crate::report::calls(self.split.unsplit())
            ));
        }
        notes
    }
}

/// The dimensions that have no column of FOCUS.
fn extra(by: &[Dimension]) -> impl Iterator<Item = &Dimension> {
    by.iter().filter(|dimension| {
        use crate::dimension::Text;
        !matches!(
            dimension,
            Dimension::Team
                | Dimension::Day
                | Dimension::Text(
                    Text::Provider
                        | Text::Model
                        | Text::Region
                        | Text::Tier
                        | Text::Deployment
                        | Text::PriceVersion
                )
        )
    })
}

/// The first instant of a day, as FOCUS writes it.
fn instant(date: Option<Date>, zone: &jiff::tz::TimeZone) -> String {
    let at = date.and_then(|date| midnight(date, zone));
    at.unwrap_or(Timestamp::MAX)
        .strftime("%Y-%m-%dT%H:%M:%SZ")
        .to_string()
}
