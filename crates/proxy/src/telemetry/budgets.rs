//! The numbers of budgets.
//!
//! What must stay true: there are at most [`MOST`] accounts; those of budgets that apply to
//! all come first, and how many are left out is told.

use super::metric::{Attributes, Metric, Number, Points, pairs};
use crate::health::Health;
use std::collections::BTreeMap;
use std::sync::atomic::Ordering;
use tollgate_state::budgets::{Figures, Unit};

/// Most accounts that are shown.
const MOST: usize = 1000;

#[derive(Debug, Default)]
pub(super) struct BudgetNumbers {
    accounts: Vec<(Attributes, Unit, Figures)>,
    omitted: usize,
    keys: usize,
    notifications: BTreeMap<Attributes, u64>,
    statements: BTreeMap<Attributes, u64>,
}

impl BudgetNumbers {
    pub(super) fn read(health: &Health) -> BudgetNumbers {
        let snapshot = health.snapshots.current();
        let plan = &snapshot.budgets;
        let state = &health.budgets;
        let now = health.clock.unix_millis();
        let mut numbers = BudgetNumbers {
            keys: state.keys.len(),
            ..BudgetNumbers::default()
        };
        if !plan.is_empty() {
            let posts = &health.posts;
            let dropped = posts.dropped.load(Ordering::Relaxed) + state.notices.dropped();
            numbers.notifications = [
                ("delivered", posts.delivered.load(Ordering::Relaxed)),
                ("failed", posts.failed.load(Ordering::Relaxed)),
                ("dropped", dropped),
            ]
            .into_iter()
            .map(|(result, count)| (pairs(&[("result", result)]), count))
            .collect();
        }
        let [delivered, failed] = &health.statements;
        numbers.statements = [("delivered", delivered), ("failed", failed)]
            .map(|(result, count)| (pairs(&[("result", result)]), count.load(Ordering::Relaxed)))
            .into();
        let mut add = |rule, of: &str| {
            if numbers.accounts.len() >= MOST {
                numbers.omitted += 1;
                return;
            }
            let figures = state.accounts.figures(rule, of, now);
            let labels = pairs(&[("budget", &rule.id), ("of", of)]);
            numbers.accounts.push((labels, rule.unit, figures));
        };
        for budget in plan.budgets.iter().filter(|b| b.each.is_none()) {
            add(&budget.rule, "");
        }
        let mut listed = state.accounts.list(usize::MAX);
        listed.retain(|account| !account.subject.is_empty());
        listed.sort_by(|a, b| (&a.rule.id, &a.subject).cmp(&(&b.rule.id, &b.subject)));
        for account in &listed {
            if let Some(budget) = plan.find(&account.rule.id) {
                add(&budget.rule, &account.subject);
            }
        }
        numbers
    }
}

/// An amount as a metric: tokens, or units of the currency.
#[expect(clippy::cast_precision_loss, reason = "a gauge of doubles")]
fn value(unit: Unit, number: u128) -> f64 {
    match unit {
        Unit::Tokens => number as f64,
        Unit::Money => number as f64 / 1e12,
    }
}

type Gauge = (&'static str, &'static str, fn(&Figures) -> u128);

const GAUGES: [Gauge; 4] = [
    (
        "budget.limit",
        "What may be spent in the period: tokens, or units of the currency",
        |f| f.limit,
    ),
    ("budget.spent", "What was spent in the period", |f| f.spent),
    (
        "budget.reserved",
        "What calls under way have reserved",
        |f| f.reserved,
    ),
    (
        "budget.remaining",
        "What is left of the limit, reservations taken off",
        |f| f.remaining,
    ),
];

impl BudgetNumbers {
    /// As metrics; what there is none of is left out.
    pub(super) fn metrics(self) -> Vec<Metric> {
        let mut metrics = Vec::new();
        if !self.accounts.is_empty() {
            for (name, help, number) in GAUGES {
                let accounts = self.accounts.iter();
                let points = accounts.map(|(labels, unit, figures)| {
                    let amount = value(*unit, number(figures));
                    (labels.clone(), Number::Decimal(amount))
                });
                metrics.push(Metric::own(name, "", help, Points::Gauge(points.collect())));
            }
        }
        let omitted = "Accounts of budgets that are not shown here";
        for (name, unit, help, number) in [
            (
                "budget.accounts_omitted",
                "{account}",
                omitted,
                self.omitted,
            ),
            (
                "budget.child_keys",
                "{key}",
                "Child keys in memory",
                self.keys,
            ),
        ] {
            if number > 0 {
                metrics.push(Metric::gauge(name, unit, help, number as u64));
            }
        }
        if self.statements.values().any(|count| *count > 0) {
            let help = "Monthly statements that were posted (`delivered`), or that nobody took in time (`failed`)";
            metrics.push(Metric::counter(
                "statements",
                "{statement}",
                help,
                self.statements,
            ));
        }
        if !self.notifications.is_empty() {
            let help = "Reports of budgets by what became of them";
            let counts = self.notifications;
            metrics.push(Metric::counter(
                "budget.notifications",
                "{report}",
                help,
                counts,
            ));
        }
        metrics
    }
}
