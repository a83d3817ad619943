//! Budgets and child keys out of the ledger, when a gateway starts; and what of a key goes into it.
//!
//! Called by `proxy` before the first request. What must stay true: what a settlement charged counts in the period of its
//! end, as it did when it was written; memory grows with the accounts and their periods, not with the calls.

use super::keys::{BUDGET, ChildKey, Wanted};
use super::{BudgetState, Plan};
use crate::definition::Each;
use std::borrow::Cow;
use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;
use tollgate_lang::value::Str;
use tollgate_state::budgets::{Amount, Calendar, Link, Subject, Unit};
use tollgate_state::ledger::{Grant, GrantUnit, Record};

/// How many periods are looked at before the present one, for what a budget carries over.
const BACK: usize = 12;

/// Most that a clock may have been wrong and a period's records begin earlier, milliseconds.
const SLACK: u64 = 2 * 86_400_000;

/// What was spent in one period.
#[derive(Clone, Copy, Debug, Default)]
struct Spent {
    amount: Amount,
    last_ms: u64,
}

/// Takes in records, then restores.
pub struct Restore<'a> {
    plan: &'a Plan,
    calendars: HashMap<&'a str, &'a Calendar>,
    /// By the names that calls have of their budgets, and by the beginning of the period.
    spent: HashMap<Box<str>, BTreeMap<i64, Spent>>,
    /// The last record of each key, and when the first was written.
    grants: HashMap<u128, (u64, Grant<'static>)>,
}

/// What came back.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Restored {
    /// Accounts that something was spent from.
    pub accounts: usize,
    /// Child keys.
    pub keys: usize,
}

impl<'a> Restore<'a> {
    /// For the budgets of a configuration.
    pub fn new(plan: &'a Plan) -> Restore<'a> {
        let rules = plan.budgets.iter().map(|b| &b.rule);
        Restore {
            plan,
            calendars: rules.map(|r| (&*r.id, &r.calendar)).collect(),
            spent: HashMap::new(),
            grants: HashMap::new(),
        }
    }

    /// Whether there is nothing to restore.
    pub fn is_needless(&self) -> bool {
        self.plan.is_empty() && self.plan.settings.path.is_none()
    }

    /// From when on records are needed, Unix milliseconds.
    pub fn from_ms(&self, now_ms: u64) -> u64 {
        let mut from = now_ms;
        if self.plan.settings.path.is_some() {
            let life = self.plan.settings.key_life.as_millis();
            from = now_ms.saturating_sub(u64::try_from(life).unwrap_or(u64::MAX));
        }
        for budget in &self.plan.budgets {
            let rule = &budget.rule;
            let begin = |at| u64::try_from(rule.calendar.bounds(at).start).unwrap_or(0);
            let mut first = begin(now_ms);
            if rule.carry_over.is_some() {
                for _ in 0..BACK {
                    first = begin(first.saturating_sub(1));
                }
            }
            from = from.min(first);
        }
        from.saturating_sub(SLACK)
    }

    /// Takes in one record.
    pub fn take(&mut self, record: Record<'_>) {
        match record {
            Record::Settlement(settled) => {
                let amount = Amount {
                    tokens: settled.total.into(),
                    pico: settled.cost_pico.unwrap_or(0),
                };
                if amount != Amount::default() {
                    for name in &settled.call.budgets {
                        self.spend(name, amount, settled.settled_ms);
                    }
                }
            }
            grant @ Record::Grant(_) => {
                let Record::Grant(grant) = grant.into_owned() else {
                    return;
                };
                let known = self.grants.entry(grant.id);
                let (first, last) = known.or_insert_with(|| (grant.at_ms, grant.clone()));
                *first = (*first).min(grant.at_ms);
                // What was taken back stays so.
                if grant.at_ms >= last.at_ms && !last.revoked || grant.revoked {
                    *last = grant;
                }
            }
            Record::Intent(_) | Record::Adjustment(_) => {}
        }
    }

    fn spend(&mut self, name: &str, amount: Amount, at_ms: u64) {
        let id = name.split_once('/').map_or(name, |(id, _)| id);
        let start = match self.calendars.get(id) {
            Some(calendar) => calendar.bounds(at_ms).start,
            None if id.starts_with(BUDGET) => i64::MIN,
            // It is not in the configuration any more.
            None => return,
        };
        let periods = match self.spent.get_mut(name) {
            Some(periods) => periods,
            None => self.spent.entry(Box::from(name)).or_default(),
        };
        let spent = periods.entry(start).or_default();
        spent.amount = spent.amount.plus(amount);
        spent.last_ms = spent.last_ms.max(at_ms);
    }

    /// Puts everything in force.
    pub fn finish(mut self, state: &BudgetState, now_ms: u64) -> Restored {
        let mut restored = Restored {
            keys: self.keys(state, now_ms),
            ..Restored::default()
        };
        for (name, periods) in &self.spent {
            let (id, subject) = name.split_once('/').unwrap_or((name, ""));
            let key = id
                .strip_prefix(BUDGET)
                .and_then(|id| uuid::Uuid::parse_str(id).ok())
                .and_then(|id| state.keys.by_id(id.as_u128()));
            let budget = self.plan.find(id);
            let Some(rule) = key.as_ref().map(|k| &k.rule).or(budget.map(|b| &b.rule)) else {
                continue;
            };
            let each = budget.and_then(|b| b.each);
            if each.is_some() == subject.is_empty() {
                // It applied to all together then, and to each now, or the other way round.
                continue;
            }
            let subject = match each {
                None => Subject::All,
                Some(Each::Run) => Subject::Passing(subject),
                Some(_) => Subject::Known(subject),
            };
            let link = Link { rule, subject };
            for spent in periods.values() {
                state.accounts.restore(link, spent.amount, spent.last_ms);
            }
            restored.accounts += 1;
        }
        restored
    }

    /// Child keys, parents first.
    fn keys(&mut self, state: &BudgetState, now_ms: u64) -> usize {
        self.grants
            .retain(|_, (_, grant)| !grant.revoked && grant.expires_ms > now_ms);
        let mut count = 0;
        loop {
            let ready: Vec<u128> = self
                .grants
                .iter()
                .filter(|(_, (_, grant))| {
                    parent(grant).is_none_or(|id| state.keys.by_id(id).is_some())
                })
                .map(|(id, _)| *id)
                .collect();
            if ready.is_empty() {
                // Those whose parents have ended are no good.
                return count;
            }
            for id in ready {
                if let Some((created_ms, grant)) = self.grants.remove(&id)
                    && let Some(key) = child_key(&grant, created_ms, state)
                {
                    state.keys.put(Arc::new(key));
                    count += 1;
                }
            }
        }
    }
}

fn parent(grant: &Grant<'_>) -> Option<u128> {
    let id = uuid::Uuid::parse_str(grant.parent.strip_prefix(BUDGET)?).ok()?;
    Some(id.as_u128())
}

fn child_key(grant: &Grant<'_>, created_ms: u64, state: &BudgetState) -> Option<ChildKey> {
    let wanted = Wanted {
        parent: parent(grant).and_then(|id| state.keys.by_id(id)),
        subscription: Str::from(&*grant.subscription),
        label: Str::from(&*grant.name),
        unit: match grant.unit {
            GrantUnit::Tokens => Unit::Tokens,
            GrantUnit::Money => Unit::Money,
        },
        ceiling: grant.ceiling,
        expires_ms: grant.expires_ms,
    };
    let hash = u256(&grant.key_hash)?;
    Some(ChildKey::restored(wanted, grant.id, hash, created_ms))
}

/// 32 bytes of 64 hexadecimal digits.
fn u256(text: &str) -> Option<[u8; 32]> {
    let mut bytes = [0; 32];
    if text.len() != 64 {
        return None;
    }
    for (byte, pair) in bytes.iter_mut().zip(text.as_bytes().chunks_exact(2)) {
        let digits = std::str::from_utf8(pair).ok()?;
        *byte = u8::from_str_radix(digits, 16).ok()?;
    }
    Some(bytes)
}

/// A key as the ledger keeps it.
pub(super) fn grant(key: &ChildKey, revoked: bool, now_ms: u64) -> Grant<'_> {
    let hash = key.hash.iter().map(|byte| format!("{byte:02x}"));
    Grant {
        id: key.id,
        at_ms: now_ms,
        budget: Cow::Borrowed(&key.rule.id),
        parent: key
            .parent
            .as_ref()
            .map_or(Cow::Borrowed(""), |parent| Cow::Borrowed(&*parent.rule.id)),
        subscription: Cow::Borrowed(&key.subscription),
        name: Cow::Borrowed(&key.label),
        key_hash: Cow::Owned(hash.collect()),
        unit: match key.rule.unit {
            Unit::Tokens => GrantUnit::Tokens,
            Unit::Money => GrantUnit::Money,
        },
        ceiling: key.rule.limit,
        expires_ms: key.expires_ms,
        revoked,
    }
}
