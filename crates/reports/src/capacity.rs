//! Capacity that is paid by the hour (PTU, provisioned throughput), shared out to the calls that used it.
//!
//! A call on such a deployment has no price of its own: the ledger has it at zero. Reports read the ledger twice: first
//! what was used in each hour, then each call with its share of its hour's price, by tokens. What must stay true: the
//! shares and what is idle are the price of all hours, to the last digit.

#[cfg(test)]
mod tests;

use crate::entry::{Entry, Kind, money};
use crate::period::Period;
use jiff::Timestamp;
use std::collections::HashMap;
use tollgate_llm::price::{Pico, amortise};

const HOUR_MS: i64 = 3_600_000;

/// Deployments with their prices for an hour, and what was used of them.
#[derive(Clone, Debug, Default)]
pub struct Capacities {
    /// By backend and deployment, as the ledger names them.
    deployments: HashMap<(String, String), (usize, Pico)>,
    /// Tokens of each deployment in each hour (Unix hours).
    used: HashMap<(usize, i64), u64>,
    /// What calls got of each hour.
    shared: u128,
}

impl Capacities {
    /// Adds a deployment of a backend.
    pub fn add(&mut self, backend: &str, deployment: &str, hour: Pico) {
        let next = self.deployments.len();
        let key = (backend.to_owned(), deployment.to_owned());
        self.deployments.entry(key).or_insert((next, hour));
    }

    /// Whether there is none: then the ledger need not be read twice.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.deployments.is_empty()
    }

    fn place(&self, entry: &Entry<'_>) -> Option<(usize, i64, Pico, u64)> {
        if matches!(entry.kind, Kind::Adjustment { .. }) || self.is_empty() {
            return None;
        }
        let call = entry.call;
        let key = (call.backend.to_string(), call.deployment.to_string());
        let (place, hour) = *self.deployments.get(&key)?;
        let tokens = u64::try_from(entry.total())
            .ok()
            .filter(|tokens| *tokens > 0)?;
        let at = entry.at.as_millisecond().div_euclid(HOUR_MS);
        Some((place, at, hour, tokens))
    }

    /// The first reading: notes what a call used.
    pub fn note(&mut self, entry: &Entry<'_>) {
        if let Some((place, at, _, tokens)) = self.place(entry) {
            let used = self.used.entry((place, at)).or_default();
            *used = used.saturating_add(tokens);
        }
    }

    /// The second reading: the call with its share of its hour.
    pub fn charge<'a>(&mut self, entry: &Entry<'a>) -> Entry<'a> {
        let mut charged = *entry;
        if let Some((place, at, hour, tokens)) = self.place(entry) {
            let all = self.used.get(&(place, at)).copied().unwrap_or(tokens);
            let share = amortise(hour, tokens, all).0;
            self.shared = self.shared.saturating_add(share);
            let share = i128::try_from(share).unwrap_or(i128::MAX);
            charged.cost = Some(entry.cost.unwrap_or(0).saturating_add(share));
        }
        charged
    }

    /// What the hours of a period cost until `now`, what of it calls were charged, and what nobody used: in 10^-12
    /// units. For after the second reading, of all calls.
    #[must_use]
    pub fn idle(&self, period: &Period, now: Timestamp) -> (i128, i128, i128) {
        let end = period.end.min(now).as_millisecond();
        // All of time has no number of hours: then those count in which something was used.
        let hours = if period.start == Timestamp::MIN {
            None
        } else {
            let span = end.saturating_sub(period.start.as_millisecond()).max(0);
            Some(u128::try_from(span.div_euclid(HOUR_MS)).unwrap_or(0))
        };
        let mut all = 0_u128;
        for (place, hour) in self.deployments.values() {
            let used = self.used.keys().filter(|(of, _)| of == place).count() as u128;
            let hours = hours.unwrap_or(used).max(used);
            all = all.saturating_add(hour.0.saturating_mul(hours));
        }
        let signed = |n: u128| i128::try_from(n).unwrap_or(i128::MAX);
        (
            signed(all),
            signed(self.shared),
            signed(all.saturating_sub(self.shared)),
        )
    }

    /// The same in a sentence; `None` without capacity.
    #[must_use]
    pub fn note_of(&self, period: &Period, now: Timestamp, currency: &str) -> Option<String> {
        if self.is_empty() {
            return None;
        }
        let (all, shared, idle) = self.idle(period, now);
        Some(format!(
            "Capacity that is paid by the hour cost {} {currency}: {} {currency} are shared out to the calls of each \
             hour by their tokens, {} {currency} were idle and are in no row.",
            money(all),
            money(shared),
            money(idle)
        ))
    }
}
