//! What a group of calls comes to.
//!
//! Called by `group`. What must stay true: everything but the percentiles is exact, so that the sums of the groups of
//! any grouping are the total; adding is commutative.

use crate::entry::{Entry, Kind, money};
use crate::histogram::Histogram;
use rust_decimal::Decimal;
use tollgate_llm::usage::Class;

/// Counts and sums over entries.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Sums {
    /// Calls. Corrections and earlier attempts are not calls.
    pub calls: u64,
    /// Calls whose caller got an error.
    pub errors: u64,
    /// Counts by class with corrections, each at its [`Class::code`].
    pub tokens: [i128; Class::COUNT],
    /// In 10^-12 currency units, with corrections.
    pub cost: i128,
    /// Calls whose tokens the gateway estimated.
    pub estimated_calls: u64,
    /// Tokens of those.
    pub estimated_tokens: i128,
    /// The cost of those.
    pub estimated_cost: i128,
    /// Calls with tokens of a model that has no price. Their cost is in no sum.
    pub unpriced_calls: u64,
    /// Tokens of those.
    pub unpriced_tokens: i128,
    /// Corrections.
    pub adjustments: u64,
    /// The part of `cost` that corrections make.
    pub adjusted: i128,
    /// Tokens that answers from caches did not use again.
    pub saved_tokens: i128,
    /// What these would have cost, where it is known, in 10^-12 currency units.
    pub saved: i128,
    /// How long calls took.
    pub latency: Histogram,
    /// How long streams took to their first token.
    pub first_token: Histogram,
}

impl Sums {
    /// Adds an entry. Percentiles cost memory for each group: without `timed` they are left out.
    pub fn add(&mut self, entry: &Entry<'_>, timed: bool) {
        for (sum, tokens) in self.tokens.iter_mut().zip(entry.tokens) {
            *sum += i128::from(tokens);
        }
        let all = entry.total();
        let cost = entry.cost.unwrap_or(0);
        self.cost = self.cost.saturating_add(cost);
        if matches!(entry.kind, Kind::Adjustment { .. }) {
            self.adjustments += 1;
            self.adjusted = self.adjusted.saturating_add(cost);
            return;
        }
        let is_call = entry.kind == Kind::Call;
        self.calls += u64::from(is_call);
        self.errors += u64::from(entry.failed());
        if entry.estimated {
            self.estimated_calls += u64::from(is_call);
            self.estimated_tokens += all;
            self.estimated_cost = self.estimated_cost.saturating_add(cost);
        }
        if entry.unpriced() {
            self.unpriced_calls += u64::from(is_call);
            self.unpriced_tokens += all;
        }
        self.saved_tokens += i128::from(entry.saved_tokens);
        self.saved = self.saved.saturating_add(entry.saved.unwrap_or(0));
        if timed && is_call {
            if let Some(ms) = entry.duration_ms {
                self.latency.record(ms);
            }
            if let Some(ms) = entry.first_token_ms {
                self.first_token.record(ms);
            }
        }
    }

    /// Adds what another has summed.
    pub fn merge(&mut self, other: &Sums) {
        for (sum, tokens) in self.tokens.iter_mut().zip(other.tokens) {
            *sum += tokens;
        }
        self.calls += other.calls;
        self.errors += other.errors;
        self.cost = self.cost.saturating_add(other.cost);
        self.estimated_calls += other.estimated_calls;
        self.estimated_tokens += other.estimated_tokens;
        self.estimated_cost = self.estimated_cost.saturating_add(other.estimated_cost);
        self.unpriced_calls += other.unpriced_calls;
        self.unpriced_tokens += other.unpriced_tokens;
        self.adjustments += other.adjustments;
        self.adjusted = self.adjusted.saturating_add(other.adjusted);
        self.saved_tokens += other.saved_tokens;
        self.saved = self.saved.saturating_add(other.saved);
        self.latency.merge(&other.latency);
        self.first_token.merge(&other.first_token);
    }

    /// All tokens.
    #[must_use]
    pub fn total_tokens(&self) -> i128 {
        self.side(true) + self.side(false)
    }

    /// Tokens of one class.
    #[must_use]
    pub fn of(&self, class: Class) -> i128 {
        self.tokens[usize::from(class.code())]
    }

    /// Tokens of the prompt, or of the completion.
    #[must_use]
    pub fn side(&self, input: bool) -> i128 {
        let classes = Class::ALL.into_iter();
        let side = classes.filter(|c| c.is_tokens() && c.is_input() == input);
        side.map(|class| self.of(class)).sum()
    }

    /// The cost, exact.
    #[must_use]
    pub fn cost(&self) -> Decimal {
        money(self.cost)
    }

    /// Tokens that were estimated, in hundredths of a percent of all; `None` without tokens.
    #[must_use]
    pub fn estimated_share(&self) -> Option<i128> {
        let total = self.total_tokens();
        (total > 0).then(|| self.estimated_tokens * 10_000 / total)
    }
}
