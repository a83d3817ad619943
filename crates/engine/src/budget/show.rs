//! Budgets for people and programs: amounts in words, as JSON, by figures of the moment.

use super::{BudgetState, ChildKey, Plan};
use serde_json::{Value, json};
use std::sync::Arc;
use tollgate_llm::price::Pico;
use tollgate_state::budgets::{Figures, Rule, Unit};

/// Most accounts of one budget that are shown.
const MOST_SHOWN: usize = 1000;

/// An amount as a person reads it.
pub(crate) fn in_words(unit: Unit, number: u128, currency: &str) -> String {
    match unit {
        Unit::Tokens => format!("{number} tokens"),
        Unit::Money => format!("{} {currency}", Pico(number)),
    }
}

/// An amount: tokens as a number, money as text, which keeps every digit.
pub fn amount(unit: Unit, number: u128) -> Value {
    match unit {
        Unit::Tokens => u64::try_from(number).map_or(Value::Null, Value::from),
        Unit::Money => Value::from(Pico(number).to_string()),
    }
}

/// A time in Unix milliseconds, as RFC 3339.
pub fn instant(millis: i64) -> Option<String> {
    let time = jiff::Timestamp::from_millisecond(millis).ok()?;
    Some(time.to_string())
}

fn name(unit: Unit) -> &'static str {
    match unit {
        Unit::Tokens => "tokens",
        Unit::Money => "money",
    }
}

/// One account.
pub fn account(rule: &Rule, subject: &str, figures: &Figures, currency: &str) -> Value {
    let of = |number| amount(rule.unit, number);
    let mut shown = json!({
        "id": &*rule.id,
        "unit": name(rule.unit),
        "hard": rule.hard,
        "limit": of(figures.limit),
        "spent": of(figures.spent),
        "reserved": of(figures.reserved),
        "remaining": of(figures.remaining),
        "period": {
            "start": instant(figures.bounds.start),
            "end": figures.bounds.end.and_then(instant),
        },
    });
    if rule.unit == Unit::Money {
        shown["currency"] = Value::from(currency);
    }
    if figures.carried > 0 {
        shown["carriedOver"] = of(figures.carried);
    }
    if !subject.is_empty() {
        shown["of"] = Value::from(subject);
    }
    shown
}

/// A child key, without its secret.
pub fn child_key(key: &ChildKey, state: &BudgetState, currency: &str, now: u64) -> Value {
    let figures = state.accounts.figures(&key.rule, "", now);
    let mut shown = json!({
        "id": key.id_text(),
        "label": &*key.label,
        "subscription": &*key.subscription,
        "parent": key.parent.as_ref().map(|parent| parent.id_text()),
        "created": i64::try_from(key.created_ms).ok().and_then(instant),
        "expires": i64::try_from(key.expires_ms).ok().and_then(instant),
        "active": key.is_good(now),
        "budget": account(&key.rule, "", &figures, currency),
    });
    if key.is_revoked() {
        shown["revoked"] = Value::from(true);
    }
    shown
}

/// Every budget with its accounts, or one, for the operator. `None`: there is no such budget.
pub fn all(plan: &Plan, state: &BudgetState, only: Option<&str>, now: u64) -> Option<Value> {
    let currency = plan.currency();
    let listed = state.accounts.list(usize::MAX);
    let mut shown = Vec::new();
    for budget in &plan.budgets {
        let rule = &budget.rule;
        if only.is_some_and(|id| *id != *rule.id) {
            continue;
        }
        let mut subjects: Vec<Arc<str>> = listed
            .iter()
            .filter(|other| other.rule.id == rule.id && other.rule.unit == rule.unit)
            .map(|other| other.subject.clone())
            .collect();
        if budget.each.is_none() {
            subjects = vec![Arc::from("")];
        }
        subjects.sort();
        let whole = subjects.len();
        subjects.truncate(MOST_SHOWN);
        let accounts = subjects.iter().map(|subject| {
            let figures = state.accounts.figures(rule, subject, now);
            account(rule, subject, &figures, currency)
        });
        let mut one = json!({
            "id": &*rule.id,
            "unit": name(rule.unit),
            "hard": rule.hard,
            "parent": budget.parent.map(|at| &*plan.budgets[at as usize].rule.id),
            "accounts": accounts.collect::<Vec<_>>(),
        });
        if whole > MOST_SHOWN {
            one["accountsNotShown"] = Value::from(whole - MOST_SHOWN);
        }
        shown.push(one);
    }
    match only {
        None => Some(json!({ "budgets": shown, "childKeys": state.keys.len() })),
        Some(_) => shown.pop(),
    }
}
