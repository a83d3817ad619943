//! The numbers of budgets in the OpenMetrics text.
//!
//! Registered by `exposition`. What must stay true: there are at most [`MOST`] accounts; those of budgets that apply to
//! all come first, and how many are left out is told.

use super::exposition::{Labels, counters, pairs};
use crate::health::Health;
use prometheus_client::collector::Collector;
use prometheus_client::encoding::{DescriptorEncoder, EncodeMetric};
use prometheus_client::metrics::MetricType;
use prometheus_client::metrics::gauge::ConstGauge;
use std::collections::BTreeMap;
use std::fmt;
use std::sync::atomic::Ordering;
use tollgate_state::budgets::{Figures, Unit};

/// Most accounts that are shown.
const MOST: usize = 1000;

#[derive(Debug, Default)]
pub(super) struct BudgetNumbers {
    accounts: Vec<(Labels, Unit, Figures)>,
    omitted: usize,
    keys: usize,
    notifications: BTreeMap<Labels, u64>,
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

type Number = (&'static str, &'static str, fn(&Figures) -> u128);

const GAUGES: [Number; 4] = [
    (
        "budget_limit",
        "What may be spent in the period: tokens, or units of the currency",
        |f| f.limit,
    ),
    ("budget_spent", "What was spent in the period", |f| f.spent),
    (
        "budget_reserved",
        "What calls under way have reserved",
        |f| f.reserved,
    ),
    (
        "budget_remaining",
        "What is left of the limit, reservations taken off",
        |f| f.remaining,
    ),
];

impl Collector for BudgetNumbers {
    fn encode(&self, mut encoder: DescriptorEncoder<'_>) -> fmt::Result {
        if !self.accounts.is_empty() {
            for (name, help, number) in GAUGES {
                let mut family = encoder.encode_descriptor(name, help, None, MetricType::Gauge)?;
                for (labels, unit, figures) in &self.accounts {
                    let gauge = ConstGauge::new(value(*unit, number(figures)));
                    gauge.encode(family.encode_family(labels)?)?;
                }
            }
        }
        let single = [
            (
                "budget_accounts_omitted",
                "Accounts of budgets that are not shown here",
                self.omitted,
            ),
            ("budget_child_keys", "Child keys in memory", self.keys),
        ];
        for (name, help, number) in single.into_iter().filter(|(_, _, n)| *n > 0) {
            let number = i64::try_from(number).unwrap_or(i64::MAX);
            let encoder = encoder.encode_descriptor(name, help, None, MetricType::Gauge)?;
            ConstGauge::new(number).encode(encoder)?;
        }
        if !self.notifications.is_empty() {
            let help = "Reports of budgets by what became of them";
            let name = "budget_notifications";
            counters(&mut encoder, name, help, &self.notifications)?;
        }
        Ok(())
    }
}
