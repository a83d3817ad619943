//! Sums over any grouping are the total.

use super::*;
use crate::entry::{Kind, Tokens};
use crate::sample::{call, month};
use tollgate_llm::usage::Class;

const DIMENSIONS: [&str; 28] = [
    "team",
    "api",
    "operation",
    "product",
    "subscription",
    "user",
    "workspace",
    "backend",
    "provider",
    "model",
    "requested-model",
    "served-model",
    "deployment",
    "region",
    "tier",
    "end-reason",
    "agent-run",
    "price-version",
    "tag:project",
    "tag:none",
    "status",
    "stream",
    "kind",
    "budget",
    "hour",
    "day",
    "week",
    "month",
];

#[test]
fn sums_over_any_grouping_are_the_total() {
    let products = ["gold", "silver", "", "a\u{0}b", "=1+1"];
    let zones =
        ["UTC", "Europe/Berlin", "America/Santiago"].map(|z| jiff::tz::TimeZone::get(z).unwrap());
    arbtest::arbtest(|u| {
        let by = u.int_in_range(0..=4)?;
        let by: Vec<&&str> = (0..by)
            .map(|_| u.choose(&DIMENSIONS))
            .collect::<Result<_, _>>()?;
        let period = Period {
            zone: u.choose(&zones)?.clone(),
            ..month("2026-11")
        };
        let mut groups = Groups::new(Grouping {
            by: by
                .iter()
                .map(|name| Dimension::parse(name).unwrap())
                .collect(),
            limit: u.int_in_range(0..=9)?,
            timed: true,
            ..Grouping::of(&period)
        });
        let mut cost = 0;
        let mut tokens = 0;
        let mut calls = 0;
        for id in 0..u.int_in_range(0..=40)? {
            let mut settled = call(id, "2026-11-15T12:00:00Z", u.choose(&products)?, "s", "m");
            settled.settled_ms = settled
                .settled_ms
                .wrapping_add_signed(u.int_in_range(-2_000_000_000..=2_000_000_000)?);
            let mut entry = crate::source::settled(&settled);
            entry.kind = *u.choose(&[
                Kind::Call,
                Kind::Attempt,
                Kind::Adjustment { written: entry.at },
            ])?;
            entry.cost = u.arbitrary::<Option<i64>>()?.map(i128::from);
            entry.tokens = [0; Class::COUNT];
            for count in &mut entry.tokens {
                *count = u.arbitrary::<i32>()?.into();
            }
            entry.estimated = u.arbitrary()?;
            if groups.add(&entry) {
                cost += entry.cost.unwrap_or(0);
                tokens += entry.total();
                calls += u64::from(entry.kind == Kind::Call);
            }
        }
        let total = groups.total();
        assert_eq!(
            (total.cost, total.total_tokens(), total.calls),
            (cost, tokens, calls)
        );
        let mut sum = groups.overflow().clone();
        groups.rows().for_each(|(_, sums)| sum.merge(sums));
        if by.is_empty() {
            assert_eq!(groups.rows().count(), 0);
        } else {
            assert_eq!(sum, *total, "by {by:?}");
        }
        assert!(groups.rows().all(|(key, _)| key.len() == by.len()));
        Ok(())
    });
}

/// Values are kept apart whatever bytes they hold.
#[test]
fn values_do_not_run_together() {
    let mut groups = Groups::new(Grouping {
        by: vec![
            Dimension::parse("product").unwrap(),
            Dimension::parse("subscription").unwrap(),
        ],
        ..Grouping::of(&month("2026-11"))
    });
    for (product, subscription) in [("a", "bc"), ("ab", "c"), ("a\u{1f}b", "c"), ("", "abc")] {
        let settled = call(1, "2026-11-15T12:00:00Z", product, subscription, "m");
        assert!(groups.add(&crate::source::settled(&settled)));
    }
    let mut rows: Vec<_> = groups.rows().map(|(key, _)| key).collect();
    rows.sort();
    assert_eq!(
        rows,
        [["", "abc"], ["a", "bc"], ["a\u{1f}b", "c"], ["ab", "c"]]
    );
}

/// The two hours that are called the same when summer time ends are two, and belong to the same day of 25 hours.
#[test]
fn a_day_of_25_hours() {
    let berlin = jiff::tz::TimeZone::get("Europe/Berlin").unwrap();
    let now = "2026-10-25T12:00:00Z".parse().unwrap();
    let period = Period::parse("2026-10-25", &berlin, now).unwrap();
    let groups = |by: &str| {
        let mut groups = Groups::new(Grouping {
            by: vec![Dimension::parse(by).unwrap()],
            ..Grouping::of(&period)
        });
        for at in [
            "2026-10-24T21:59:59Z",
            "2026-10-24T22:00:00Z",
            "2026-10-25T00:30:00Z",
            "2026-10-25T01:30:00Z",
            "2026-10-25T22:59:59Z",
            "2026-10-25T23:00:00Z",
        ] {
            let settled = call(1, at, "gold", "a", "m");
            groups.add(&crate::source::settled(&settled));
        }
        let rows = groups.rows();
        let mut rows: Vec<_> = rows
            .map(|(key, sums)| (key[0].clone(), sums.calls))
            .collect();
        rows.sort();
        rows
    };
    assert_eq!(groups("day"), [("2026-10-25".to_owned(), 4)]);
    let hours = groups("hour");
    assert_eq!(hours.len(), 4, "{hours:?}");
}

#[test]
fn the_largest_numbers_do_not_overflow() {
    let settled = call(1, "2026-11-15T12:00:00Z", "gold", "a", "m");
    let mut entry = crate::source::settled(&settled);
    entry.cost = Some(i128::MAX);
    entry.tokens = [i64::MAX; Class::COUNT] as Tokens;
    let mut groups = Groups::new(Grouping::of(&month("2026-11")));
    groups.add(&entry);
    groups.add(&entry);
    assert_eq!(groups.total().cost, i128::MAX);
    assert_eq!(groups.total().of(Class::Input), 2 * i128::from(i64::MAX));
    assert!(groups.total().cost() > rust_decimal::Decimal::ZERO);
}
