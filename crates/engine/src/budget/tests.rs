//! Child keys, and the queue of reports.

use super::keys::{Denied, Keys, Wanted};
use super::*;
use std::sync::Arc;
use tollgate_lang::value::Str;
use tollgate_state::budgets::{
    Amount, Bounds, Calendar, Link, Notice, Rule, Standing, Subject, Unit,
};

fn wanted(parent: Option<&Arc<ChildKey>>, ceiling: u128, expires_ms: u64) -> Wanted {
    Wanted {
        parent: parent.cloned(),
        subscription: Str::from("s"),
        label: Str::from("label"),
        unit: Unit::Tokens,
        ceiling,
        expires_ms,
    }
}

#[test]
fn a_key_is_found_until_it_ends_or_is_taken_back() {
    let keys = Keys::default();
    let (key, secret) = keys.make(wanted(None, 10, 1000), 2, 10, 0).unwrap();
    assert!(keys.find(&secret, 0).is_none(), "it is not in force yet");
    keys.put(key.clone());
    assert_eq!(keys.find(&secret, 999).unwrap().id, key.id);
    assert!(keys.find(&secret, 1000).is_none());
    assert!(keys.find(&format!("{secret}x"), 0).is_none());
    assert!(keys.find("tgk_", 0).is_none());
    assert!(keys.find("other", 0).is_none());
    let (child, of_child) = keys.make(wanted(Some(&key), 10, 1000), 2, 10, 0).unwrap();
    keys.put(child.clone());
    assert!(keys.find(&of_child, 0).is_some());
    assert!(keys.revoke(key.id));
    assert!(keys.find(&secret, 0).is_none());
    assert!(keys.find(&of_child, 0).is_none(), "it hangs on its parent");
    assert!(child.is_revoked() && child.is_below(key.id) && !key.is_below(child.id));
    assert!(!keys.revoke(1));
    keys.sweep(0);
    assert!(keys.is_empty());
    assert!(!format!("{key:?}").contains(&secret));
}

#[test]
fn keys_are_bounded_in_depth_number_ceiling_and_life() {
    let keys = Keys::default();
    let (first, _) = keys.make(wanted(None, 10, 1000), 2, 3, 0).unwrap();
    keys.put(first.clone());
    let denied = |wanted, depth, now| keys.make(wanted, depth, 3, now).map(|_| ()).unwrap_err();
    assert_eq!(denied(wanted(None, 1, 1), 0, 0), Denied::Depth);
    assert_eq!(
        denied(wanted(Some(&first), 11, 1000), 2, 0),
        Denied::BeyondParent
    );
    assert_eq!(
        denied(wanted(Some(&first), 10, 1001), 2, 0),
        Denied::BeyondParent
    );
    assert_eq!(
        denied(wanted(Some(&first), 10, 1000), 2, 1000),
        Denied::Ended
    );
    let (second, _) = keys.make(wanted(Some(&first), 10, 1000), 2, 3, 0).unwrap();
    keys.put(second.clone());
    assert_eq!(second.depth(), 2);
    assert_eq!(denied(wanted(Some(&second), 1, 1), 2, 0), Denied::Depth);
    let (third, _) = keys.make(wanted(None, 10, 500), 2, 3, 0).unwrap();
    keys.put(third);
    assert_eq!(denied(wanted(None, 1, 1), 2, 0), Denied::Count);
    assert_eq!(keys.of("s", 2).len(), 2);
    assert_eq!(keys.of("other", 2).len(), 0);
    // One has ended: there is room again.
    assert!(keys.make(wanted(None, 1, 1000), 2, 3, 500).is_ok());
}

#[test]
fn what_a_key_spends_its_parents_spend() {
    let state = BudgetState::default();
    let (parent, _) = state.keys.make(wanted(None, 100, 1000), 4, 10, 0).unwrap();
    let (child, _) = state
        .keys
        .make(wanted(Some(&parent), 60, 1000), 4, 10, 0)
        .unwrap();
    let links: Vec<Link<'_>> = child
        .line()
        .map(|key| Link {
            rule: &key.rule,
            subject: Subject::All,
        })
        .collect();
    let amount = |tokens| Amount { tokens, pico: 0 };
    let held = state.accounts.reserve(&links, amount(60), 5).unwrap();
    assert!(state.accounts.reserve(&links, amount(1), 5).is_err());
    held.settle(amount(50), 5);
    assert_eq!(state.accounts.figures(&parent.rule, "", 5).remaining, 50);
    assert_eq!(state.accounts.figures(&child.rule, "", 5).remaining, 10);
}

#[test]
fn reports_wait_and_there_is_a_bound_to_them() {
    let notices = Notices::default();
    let rule = Arc::new(Rule {
        id: Arc::from("a"),
        unit: Unit::Tokens,
        limit: 1,
        calendar: Calendar::endless(),
        hard: true,
        carry_over: None,
        thresholds: Box::new([]),
    });
    let notice = Notice {
        rule,
        subject: Arc::from(""),
        standing: Standing::Exhausted,
        limit: 1,
        spent: 1,
        bounds: Bounds::ALWAYS,
        at: 0,
    };
    notices.put(vec![notice; 1030]);
    assert_eq!(notices.dropped(), 6);
    let mut seen = std::collections::HashSet::new();
    while let Some(told) = notices.take() {
        assert!(seen.insert(told.id));
    }
    assert_eq!(seen.len(), 1024);
}
