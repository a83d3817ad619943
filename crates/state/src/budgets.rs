//! Budgets: what may be spent in a period, in tokens or in money, decided for a whole chain of them at once.
//!
//! Called by `engine::budget`. What must hold: a call is admitted by all budgets of its chain or by none; of a hard budget
//! never more is spent and reserved than its limit, as far as calls spend no more than they reserved; a reservation that
//! is dropped gives its amount back; what is settled is what was spent, under any concurrency. Accounts are locked in one
//! order, for a few dozen instructions.
//!
//! There is room for a number of passing subjects (agent runs). Idle ones go first, then those that were used least
//! recently, but none with a reservation; what such a one had spent stays spent in the budgets above it.

mod account;
mod calendar;
#[cfg(test)]
mod tests;

use crate::counters::table::{Slot, Table};
use crate::key::{Key, Keys};
use crate::lock;
use account::Account;
use smallvec::SmallVec;
use std::fmt;
use std::sync::{Arc, MutexGuard};

pub use calendar::{Bounds, Calendar, Recurrence};

/// Subjects that are remembered at once, unless another number is given.
pub const DEFAULT_CAPACITY: usize = 100_000;

/// What a budget counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Unit {
    /// Tokens.
    Tokens,
    /// Money, in units of 10^-12 of the gateway's currency.
    Money,
}

/// What a call spends, in both units.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Amount {
    /// Tokens.
    pub tokens: u128,
    /// 10^-12 of the currency.
    pub pico: u128,
}

impl Amount {
    /// The part that a budget of a unit counts.
    #[must_use]
    pub fn of(self, unit: Unit) -> u128 {
        match unit {
            Unit::Tokens => self.tokens,
            Unit::Money => self.pico,
        }
    }

    /// Both together.
    #[must_use]
    pub fn plus(self, other: Amount) -> Amount {
        Amount {
            tokens: self.tokens.saturating_add(other.tokens),
            pico: self.pico.saturating_add(other.pico),
        }
    }
}

/// A budget as it is configured. Two rules of one id and unit count on the same account.
#[derive(Debug, PartialEq, Eq)]
pub struct Rule {
    /// Its id.
    pub id: Arc<str>,
    /// What it counts.
    pub unit: Unit,
    /// The most of a period.
    pub limit: u128,
    /// Its periods.
    pub calendar: Calendar,
    /// Whether it refuses calls. A soft one only counts and reports.
    pub hard: bool,
    /// The most that is carried over from the periods before; `None`: nothing is.
    pub carry_over: Option<u128>,
    /// Percentages of the limit that are reported when they are reached, ascending.
    pub thresholds: Box<[u16]>,
}

/// Who spends, where a budget applies to each of several.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Subject<'a> {
    /// One account for all.
    All,
    /// A user or a subscription: known from the configuration, so there are not more of them than it names.
    Known(&'a str),
    /// Whatever a request names (an agent run).
    Passing(&'a str),
}

impl<'a> Subject<'a> {
    /// Its name; empty for all.
    #[must_use]
    pub fn name(self) -> &'a str {
        match self {
            Subject::All => "",
            Subject::Known(name) | Subject::Passing(name) => name,
        }
    }
}

/// One budget of a chain.
#[derive(Clone, Copy, Debug)]
pub struct Link<'a> {
    /// The budget.
    pub rule: &'a Arc<Rule>,
    /// Who spends.
    pub subject: Subject<'a>,
}

/// How a budget stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Figures {
    /// What may be spent in the period, with what was carried over.
    pub limit: u128,
    /// The part of it that was carried over.
    pub carried: u128,
    /// What was spent.
    pub spent: u128,
    /// What calls under way have reserved.
    pub reserved: u128,
    /// What is left of the limit.
    pub remaining: u128,
    /// The period.
    pub bounds: Bounds,
}

/// What is reported of a budget.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Standing {
    /// So many percent are spent.
    Threshold(u16),
    /// A call was refused, though not all is spent: it needs more than is left beside what is reserved.
    Refused,
    /// Nothing is left.
    Exhausted,
}

/// A report: once for each standing and period.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Notice {
    /// The budget.
    pub rule: Arc<Rule>,
    /// Whose, where it applies to each of several; else empty.
    pub subject: Arc<str>,
    /// What is reported.
    pub standing: Standing,
    /// What may be spent in the period.
    pub limit: u128,
    /// What was spent when it was reported.
    pub spent: u128,
    /// The period.
    pub bounds: Bounds,
    /// When, Unix milliseconds.
    pub at: u64,
}

/// A call that does not fit.
#[derive(Clone, Debug)]
pub struct Refusal {
    /// Position in the chain of the budget that refused: of several, the one that is renewed last.
    pub link: usize,
    /// How that one stands.
    pub figures: Figures,
    /// What the call would have needed of it.
    pub needed: u128,
    /// What is to be reported.
    pub notices: Vec<Notice>,
}

/// An account as it is listed.
#[derive(Clone, Debug)]
pub struct Listed {
    /// The rule that was used last.
    pub rule: Arc<Rule>,
    /// The subject; empty for a budget's one account.
    pub subject: Arc<str>,
}

/// All accounts of a gateway.
pub struct Budgets {
    keys: Keys,
    accounts: Table<Account>,
}

impl Default for Budgets {
    fn default() -> Self {
        Budgets::new(DEFAULT_CAPACITY)
    }
}

impl fmt::Debug for Budgets {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Budgets")
            .field("accounts", &self.len())
            .finish_non_exhaustive()
    }
}

impl Budgets {
    /// Accounts for at most `capacity` subjects; those that the configuration names stay beyond it.
    #[must_use]
    pub fn new(capacity: usize) -> Self {
        Budgets {
            keys: Keys::default(),
            accounts: Table::new(capacity),
        }
    }

    /// How many accounts are in memory.
    #[must_use]
    pub fn len(&self) -> usize {
        self.accounts.len()
    }

    /// Whether there are none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    fn key(&self, rule: &Rule, subject: &str) -> Key {
        self.keys.key((&*rule.id, rule.unit, subject))
    }

    /// Runs `work` on one account, which is made when missing.
    fn with<R>(&self, link: Link<'_>, now: u64, mut work: impl FnMut(&mut Account) -> R) -> R {
        let key = self.key(link.rule, link.subject.name());
        self.accounts.with(key, now, |account, _| {
            account.made_for(link.subject);
            work(account)
        })
    }

    /// Admits a call that may spend `amount`: sets it aside in every budget of the chain, or refuses it and sets nothing
    /// aside. A hard budget with nothing left refuses also a call of amount 0. Every reservation is settled once.
    ///
    /// # Errors
    /// When it does not fit in a hard budget.
    pub fn reserve(
        &self,
        chain: &[Link<'_>],
        amount: Amount,
        now: u64,
    ) -> Result<Reservation, Box<Refusal>> {
        loop {
            let mut parts: SmallVec<[Part; 6]> = SmallVec::new();
            for (at, link) in chain.iter().enumerate() {
                let key = self.key(link.rule, link.subject.name());
                let slot = self.accounts.slot(key, now);
                if parts.iter().all(|part| !Arc::ptr_eq(&part.slot, &slot)) {
                    let rule = link.rule.clone();
                    parts.push(Part {
                        slot,
                        rule,
                        link: at,
                    });
                }
            }
            // One order for all threads.
            parts.sort_unstable_by_key(|part| Arc::as_ptr(&part.slot).addr());
            let mut locked = Locked::of(&parts);
            if locked.is_stale() {
                // An account was dropped between the look-up and the lock.
                continue;
            }
            for (account, part) in locked.accounts(&parts) {
                account.made_for(chain[part.link].subject);
            }
            locked.refusal(&parts, amount, now)?;
            for (account, part) in locked.accounts(&parts) {
                account.hold(amount, &part.rule);
            }
            drop(locked);
            return Ok(Reservation { parts, amount });
        }
    }

    /// Spends without asking, at `now`: what was not reserved. Says what is to be reported.
    pub fn spend(&self, link: Link<'_>, amount: Amount, now: u64) -> Vec<Notice> {
        let mut notices = Vec::new();
        self.with(link, now, |account| {
            account.spend(amount, link.rule, now, &mut notices);
        });
        notices
    }

    /// Takes in what was spent at `at` before a restart. Nothing of it is reported again. Records of one account should
    /// come in the order of their times.
    pub fn restore(&self, link: Link<'_>, amount: Amount, at: u64) {
        self.with(link, at, |account| account.restore(amount, link.rule, at));
    }

    /// How a budget stands. It is not made for that.
    #[must_use]
    pub fn figures(&self, rule: &Arc<Rule>, subject: &str, now: u64) -> Figures {
        let slot = self.accounts.find(self.key(rule, subject));
        let found = slot.and_then(|slot| {
            lock(&slot)
                .as_mut()
                .map(|account| account.figures(rule, now))
        });
        found.unwrap_or_else(|| Account::default().figures(rule, now))
    }

    /// Whether a hard budget of the chain has nothing left, by its position.
    #[must_use]
    pub fn exhausted(&self, chain: &[Link<'_>], now: u64) -> Option<usize> {
        chain.iter().position(|link| {
            link.rule.hard && self.figures(link.rule, link.subject.name(), now).remaining == 0
        })
    }

    /// Every account in memory, at most `most`.
    #[must_use]
    pub fn list(&self, most: usize) -> Vec<Listed> {
        let mut listed = Vec::new();
        self.accounts.each(|account| {
            if let Some(rule) = account.rule.as_ref().filter(|_| listed.len() < most) {
                listed.push(Listed {
                    rule: rule.clone(),
                    subject: account.subject.clone(),
                });
            }
        });
        listed
    }

    /// Forgets an account that nothing spends from any more (a key that was revoked), unless calls are under way.
    pub fn forget(&self, rule: &Rule, subject: &str) {
        let key = self.key(rule, subject);
        if let Some(slot) = self.accounts.find(key)
            && let Some(account) = lock(&slot).as_mut()
        {
            account.lasting = false;
        }
        self.accounts.forget(key);
    }

    /// Drops idle accounts.
    pub fn sweep(&self, now: u64) {
        self.accounts.sweep(now);
    }
}

impl Account {
    /// Notes whose it is, at its first use.
    fn made_for(&mut self, subject: Subject<'_>) {
        if self.rule.is_none() {
            self.lasting = !matches!(subject, Subject::Passing(_));
            self.subject = Arc::from(subject.name());
        }
    }
}

/// One account of a reservation.
struct Part {
    slot: Slot<Account>,
    rule: Arc<Rule>,
    /// Its position in the chain.
    link: usize,
}

/// The accounts of a chain, all locked.
struct Locked<'a>(SmallVec<[MutexGuard<'a, Option<Account>>; 6]>);

impl<'a> Locked<'a> {
    /// `parts` in the order of their addresses.
    fn of(parts: &'a [Part]) -> Locked<'a> {
        Locked(parts.iter().map(|part| lock(&part.slot)).collect())
    }

    fn is_stale(&self) -> bool {
        self.0.iter().any(|account| account.is_none())
    }

    fn accounts<'s>(
        &'s mut self,
        parts: &'s [Part],
    ) -> impl Iterator<Item = (&'s mut Account, &'s Part)> {
        self.0
            .iter_mut()
            .zip(parts)
            .filter_map(|(account, part)| Some((account.as_mut()?, part)))
    }

    /// Whether an amount fits in every hard budget.
    fn refusal(&mut self, parts: &[Part], amount: Amount, now: u64) -> Result<(), Box<Refusal>> {
        let mut worst: Option<Box<Refusal>> = None;
        let mut notices = Vec::new();
        for (account, part) in self.accounts(parts) {
            let needed = amount.of(part.rule.unit);
            let left = account.left(&part.rule, now);
            if !part.rule.hard || left > 0 && needed <= left {
                continue;
            }
            account.report(&part.rule, true, now, &mut notices);
            let figures = account.figures(&part.rule, now);
            let end = |bounds: &Bounds| bounds.end.unwrap_or(i64::MAX);
            if worst
                .as_ref()
                .is_none_or(|worst| end(&figures.bounds) > end(&worst.figures.bounds))
            {
                worst = Some(Box::new(Refusal {
                    link: part.link,
                    figures,
                    needed,
                    notices: Vec::new(),
                }));
            }
        }
        match worst {
            None => Ok(()),
            Some(mut refusal) => {
                refusal.notices = notices;
                Err(refusal)
            }
        }
    }
}

/// An amount set aside in a chain of budgets. Dropped, it gives it back.
#[must_use = "a reservation that is dropped counts nothing"]
pub struct Reservation {
    parts: SmallVec<[Part; 6]>,
    amount: Amount,
}

impl Reservation {
    /// What is set aside.
    #[must_use]
    pub fn amount(&self) -> Amount {
        self.amount
    }

    /// The rules of its budgets, each once.
    pub fn rules(&self) -> impl Iterator<Item = &Arc<Rule>> {
        self.parts.iter().map(|part| &part.rule)
    }

    /// Sets more aside for the same call, in all budgets or in none.
    ///
    /// # Errors
    /// When it does not fit. The reservation stays as it was.
    pub fn grow(&mut self, more: Amount, now: u64) -> Result<(), Box<Refusal>> {
        let mut locked = Locked::of(&self.parts);
        locked.refusal(&self.parts, more, now)?;
        for (account, part) in locked.accounts(&self.parts) {
            account.hold_more(more, &part.rule);
        }
        drop(locked);
        self.amount = self.amount.plus(more);
        Ok(())
    }

    /// The least that is left for a unit over the hard budgets, beside what is set aside here; `None`: none is hard.
    #[must_use]
    pub fn left(&self, unit: Unit, now: u64) -> Option<u128> {
        let parts = self.parts.iter();
        parts
            .filter(|part| part.rule.hard && part.rule.unit == unit)
            .filter_map(|part| {
                lock(&part.slot)
                    .as_mut()
                    .map(|account| account.left(&part.rule, now))
            })
            .min()
    }

    /// Ends it: gives back what was set aside and spends what was used, at `now`. Says what is to be reported.
    pub fn settle(mut self, actual: Amount, now: u64) -> Vec<Notice> {
        let mut notices = Vec::new();
        for part in std::mem::take(&mut self.parts) {
            if let Some(account) = lock(&part.slot).as_mut() {
                account.release(self.amount, part.rule.unit);
                account.spend(actual, &part.rule, now, &mut notices);
            }
        }
        notices
    }
}

impl Drop for Reservation {
    fn drop(&mut self) {
        for part in &self.parts {
            if let Some(account) = lock(&part.slot).as_mut() {
                account.release(self.amount, part.rule.unit);
            }
        }
    }
}

impl fmt::Debug for Reservation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Reservation")
            .field("amount", &self.amount)
            .field("budgets", &self.parts.len())
            .finish()
    }
}
