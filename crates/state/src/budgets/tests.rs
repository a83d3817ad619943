//! Decisions over chains, periods in the calendar, clocks that jump, reports, room, and threads against each other.

use super::*;
use jiff::civil::{Weekday, date};
use jiff::tz::TimeZone;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

const HOUR: i64 = 3_600_000;

fn at(text: &str) -> u64 {
    let time: jiff::Timestamp = text.parse().unwrap();
    u64::try_from(time.as_millisecond()).unwrap()
}

fn calendar(recurrence: Recurrence, zone: &str) -> Calendar {
    Calendar {
        recurrence,
        zone: TimeZone::get(zone).unwrap(),
    }
}

fn rule(id: &str, limit: u128, recurrence: Recurrence) -> Rule {
    Rule {
        id: Arc::from(id),
        unit: Unit::Tokens,
        limit,
        calendar: calendar(recurrence, "UTC"),
        hard: true,
        carry_over: None,
        thresholds: Box::new([]),
    }
}

fn tokens(tokens: u128) -> Amount {
    Amount { tokens, pico: 0 }
}

fn all(rule: &Arc<Rule>) -> Link<'_> {
    Link {
        rule,
        subject: Subject::All,
    }
}

fn known<'a>(rule: &'a Arc<Rule>, subject: &'a str) -> Link<'a> {
    Link {
        rule,
        subject: Subject::Known(subject),
    }
}

fn hours(calendar: &Calendar, now: &str) -> i64 {
    let bounds = calendar.bounds(at(now));
    assert!(bounds.contains(i64::try_from(at(now)).unwrap()));
    (bounds.end.unwrap() - bounds.start) / HOUR
}

fn starts(calendar: &Calendar, now: &str) -> String {
    let bounds = calendar.bounds(at(now));
    jiff::Timestamp::from_millisecond(bounds.start)
        .unwrap()
        .to_string()
}

#[test]
fn days_have_the_hours_of_their_zone() {
    let berlin = calendar(Recurrence::Day, "Europe/Berlin");
    assert_eq!(hours(&berlin, "2026-03-28T12:00:00Z"), 24);
    assert_eq!(hours(&berlin, "2026-03-29T00:30:00Z"), 23);
    assert_eq!(hours(&berlin, "2026-10-25T00:30:00Z"), 25);
    assert_eq!(
        starts(&berlin, "2026-10-25T22:59:59Z"),
        "2026-10-24T22:00:00Z"
    );
    assert_eq!(
        starts(&berlin, "2026-10-25T23:00:00Z"),
        "2026-10-25T23:00:00Z"
    );
    // The clocks went on at midnight: the day began at one.
    let sao_paulo = calendar(Recurrence::Day, "America/Sao_Paulo");
    assert_eq!(hours(&sao_paulo, "2018-11-04T12:00:00Z"), 23);
    // They went back at one: midnight came twice.
    let havana = calendar(Recurrence::Day, "America/Havana");
    assert_eq!(hours(&havana, "2026-11-01T05:30:00Z"), 25);
    assert_eq!(hours(&havana, "2026-11-01T04:30:00Z"), 25);
}

#[test]
fn periods_are_those_of_the_calendar() {
    let of = |recurrence| calendar(recurrence, "America/New_York");
    let month = of(Recurrence::Month);
    assert_eq!(
        starts(&month, "2026-03-01T04:59:59Z"),
        "2026-02-01T05:00:00Z"
    );
    assert_eq!(
        starts(&month, "2026-03-01T05:00:00Z"),
        "2026-03-01T05:00:00Z"
    );
    assert_eq!(hours(&month, "2026-03-15T00:00:00Z"), 31 * 24 - 1);
    assert_eq!(hours(&month, "2028-02-29T12:00:00Z"), 29 * 24);
    let week = |day| of(Recurrence::Week(day));
    // A Sunday.
    let sunday = "2026-11-22T17:00:00Z";
    assert_eq!(
        starts(&week(Weekday::Monday), sunday),
        "2026-11-16T05:00:00Z"
    );
    assert_eq!(
        starts(&week(Weekday::Sunday), sunday),
        "2026-11-22T05:00:00Z"
    );
    assert_eq!(
        starts(&week(Weekday::Saturday), sunday),
        "2026-11-21T05:00:00Z"
    );
    let quarter = of(Recurrence::Quarter);
    assert_eq!(
        starts(&quarter, "2026-12-31T12:00:00Z"),
        "2026-10-01T04:00:00Z"
    );
    assert_eq!(
        starts(&quarter, "2026-01-01T12:00:00Z"),
        "2026-01-01T05:00:00Z"
    );
    assert_eq!(
        starts(&of(Recurrence::Year), sunday),
        "2026-01-01T05:00:00Z"
    );
    let days = of(Recurrence::Days {
        days: 10,
        from: date(2026, 11, 1),
    });
    assert_eq!(starts(&days, sunday), "2026-11-21T05:00:00Z");
    assert_eq!(
        starts(&days, "2026-10-31T12:00:00Z"),
        "2026-10-22T04:00:00Z"
    );
    assert_eq!(of(Recurrence::Endless).bounds(at(sunday)), Bounds::ALWAYS);
    // Years beyond the calendar.
    assert_eq!(month.bounds(u64::MAX), Bounds::ALWAYS);
}

#[test]
fn periods_follow_each_other_without_a_gap() {
    arbtest::arbtest(|u| {
        let zone = *u.choose(&["UTC", "Europe/Berlin", "America/Havana", "Asia/Kathmandu"])?;
        let recurrence = match u.int_in_range(0..=5)? {
            0 => Recurrence::Day,
            1 => Recurrence::Week(Weekday::Wednesday),
            2 => Recurrence::Month,
            3 => Recurrence::Quarter,
            4 => Recurrence::Year,
            _ => Recurrence::Days {
                days: u.int_in_range(1..=400)?,
                from: date(2020, 2, 29),
            },
        };
        let calendar = calendar(recurrence, zone);
        // 1971 to 2100
        let now = u.int_in_range(31_536_000_000_u64..=4_102_444_800_000)?;
        let bounds = calendar.bounds(now);
        let now = i64::try_from(now).unwrap();
        assert!(bounds.contains(now), "{bounds:?} {now}");
        let end = bounds.end.unwrap();
        let next = calendar.bounds(u64::try_from(end).unwrap());
        assert_eq!(next.start, end, "{recurrence:?} {zone}");
        let last = calendar.bounds(u64::try_from(end - 1).unwrap());
        assert_eq!(last, bounds, "{recurrence:?} {zone}");
        Ok(())
    });
}

#[test]
fn one_span_is_closed_outside_of_it() {
    let budgets = Budgets::default();
    let span = Recurrence::Once {
        from: date(2026, 11, 1),
        until: date(2026, 11, 3),
    };
    let rule = Arc::new(rule("hackathon", 100, span));
    let before = at("2026-10-31T23:59:59Z");
    let refused = budgets
        .reserve(&[all(&rule)], tokens(1), before)
        .unwrap_err();
    assert_eq!(refused.figures.bounds.renewed_in(before), Some(1000));
    let inside = at("2026-11-03T23:00:00Z");
    drop(budgets.reserve(&[all(&rule)], tokens(100), inside).unwrap());
    let after = at("2026-11-04T00:00:00Z");
    let refused = budgets
        .reserve(&[all(&rule)], tokens(1), after)
        .unwrap_err();
    assert_eq!(refused.figures.bounds.renewed_in(after), None);
}

#[test]
fn a_call_is_admitted_by_all_or_by_none() {
    let budgets = Budgets::default();
    let now = at("2026-11-20T12:00:00Z");
    let organisation = Arc::new(rule("organisation", 1000, Recurrence::Month));
    let team = Arc::new(rule("team", 300, Recurrence::Day));
    let chain = [known(&team, "red"), all(&organisation)];
    let first = budgets.reserve(&chain, tokens(200), now).unwrap();
    let refused = budgets.reserve(&chain, tokens(101), now).unwrap_err();
    assert_eq!((refused.link, refused.needed), (0, 101));
    assert_eq!(refused.figures.remaining, 100);
    let until_midnight = Some(12 * 3_600_000);
    assert_eq!(refused.figures.bounds.renewed_in(now), until_midnight);
    assert_eq!(budgets.figures(&organisation, "", now).reserved, 200);
    // Another team has its own.
    let other = [known(&team, "blue"), all(&organisation)];
    drop(budgets.reserve(&other, tokens(300), now).unwrap());
    assert!(first.settle(tokens(120), now).is_empty());
    let figures = budgets.figures(&team, "red", now);
    assert_eq!(
        (figures.spent, figures.reserved, figures.remaining),
        (120, 0, 180)
    );
    assert_eq!(budgets.figures(&organisation, "", now).spent, 120);
    // The one that is renewed last refuses, so that coming back then is not in vain.
    assert!(budgets.spend(all(&organisation), tokens(900), now).len() == 1);
    let refused = budgets.reserve(&chain, tokens(181), now).unwrap_err();
    assert_eq!(refused.link, 1);
    assert_eq!(budgets.exhausted(&chain, now), Some(1));
    assert_eq!(budgets.exhausted(&chain[..1], now), None);
}

#[test]
fn a_reservation_grows_in_all_budgets_or_in_none() {
    let budgets = Budgets::default();
    let now = at("2026-11-20T12:00:00Z");
    let (wide, narrow) = (
        Arc::new(rule("wide", 1000, Recurrence::Month)),
        Arc::new(rule("narrow", 100, Recurrence::Month)),
    );
    let mut held = budgets
        .reserve(&[all(&narrow), all(&wide)], tokens(40), now)
        .unwrap();
    held.grow(tokens(60), now).unwrap();
    assert_eq!(held.left(Unit::Tokens, now), Some(0));
    assert_eq!(held.left(Unit::Money, now), None);
    assert!(held.grow(tokens(1), now).is_err());
    assert_eq!(held.amount(), tokens(100));
    assert_eq!(budgets.figures(&wide, "", now).reserved, 100);
    drop(held);
    assert_eq!(budgets.figures(&wide, "", now).reserved, 0);
    assert_eq!(budgets.figures(&narrow, "", now).remaining, 100);
}

#[test]
fn money_and_tokens_of_one_id_are_apart_and_soft_ones_let_through() {
    let budgets = Budgets::default();
    let now = at("2026-11-20T12:00:00Z");
    let of_tokens = Arc::new(rule("a", 10, Recurrence::Day));
    let money = Arc::new(Rule {
        unit: Unit::Money,
        hard: false,
        ..rule("a", 1_000_000, Recurrence::Day)
    });
    let amount = Amount {
        tokens: 3,
        pico: 2_000_000,
    };
    let held = budgets
        .reserve(&[all(&of_tokens), all(&money)], amount, now)
        .unwrap();
    let notices = held.settle(amount, now);
    assert_eq!(notices.len(), 1);
    assert_eq!(notices[0].standing, Standing::Exhausted);
    assert_eq!(budgets.figures(&of_tokens, "", now).spent, 3);
    assert_eq!(budgets.figures(&money, "", now).spent, 2_000_000);
    drop(budgets.reserve(&[all(&money)], amount, now).unwrap());
}

#[test]
fn what_is_left_is_carried_over_only_when_asked_and_up_to_a_cap() {
    let budgets = Budgets::default();
    let plain = Arc::new(rule("plain", 100, Recurrence::Day));
    let carries = Arc::new(Rule {
        carry_over: Some(150),
        ..rule("carries", 100, Recurrence::Day)
    });
    let monday = at("2026-11-16T12:00:00Z");
    for rule in [&plain, &carries] {
        budgets.spend(all(rule), tokens(70), monday);
    }
    let tuesday = at("2026-11-17T12:00:00Z");
    assert_eq!(budgets.figures(&plain, "", tuesday).limit, 100);
    let figures = budgets.figures(&carries, "", tuesday);
    assert_eq!((figures.limit, figures.carried), (130, 30));
    // Wednesday and Thursday pass unused: 130, then no more than the cap.
    let friday = at("2026-11-20T12:00:00Z");
    assert_eq!(budgets.figures(&carries, "", friday).carried, 150);
    // A debt is not carried.
    budgets.spend(all(&carries), tokens(400), friday);
    assert_eq!(
        budgets
            .figures(&carries, "", at("2026-11-21T12:00:00Z"))
            .carried,
        0
    );
}

#[test]
fn each_threshold_is_reported_once_in_a_period() {
    let budgets = Budgets::default();
    let rule = Arc::new(Rule {
        thresholds: Box::new([50, 80, 120]),
        ..rule("a", 100, Recurrence::Day)
    });
    let today = at("2026-11-20T12:00:00Z");
    let spend = |amount, now| -> Vec<Standing> {
        let notices = budgets.spend(all(&rule), tokens(amount), now);
        notices.iter().map(|n| n.standing).collect()
    };
    assert_eq!(spend(49, today), []);
    assert_eq!(spend(1, today), [Standing::Threshold(50)]);
    assert_eq!(spend(10, today), []);
    let refused = budgets
        .reserve(&[all(&rule)], tokens(41), today)
        .unwrap_err();
    assert_eq!(refused.notices[0].standing, Standing::Refused);
    let refused = budgets
        .reserve(&[all(&rule)], tokens(41), today)
        .unwrap_err();
    assert!(refused.notices.is_empty());
    assert_eq!(
        spend(40, today),
        [Standing::Threshold(80), Standing::Exhausted]
    );
    let refused = budgets
        .reserve(&[all(&rule)], tokens(0), today)
        .unwrap_err();
    assert!(refused.notices.is_empty());
    assert_eq!(spend(20, today), [Standing::Threshold(120)]);
    let tomorrow = at("2026-11-21T12:00:00Z");
    assert_eq!(
        spend(85, tomorrow),
        [Standing::Threshold(50), Standing::Threshold(80)]
    );
}

#[test]
fn a_restart_keeps_what_was_spent_and_tells_nobody_again() {
    let budgets = Budgets::default();
    let rule = Arc::new(Rule {
        thresholds: Box::new([50]),
        carry_over: Some(1000),
        ..rule("a", 100, Recurrence::Day)
    });
    let today = at("2026-11-20T12:00:00Z");
    budgets.restore(all(&rule), tokens(30), at("2026-11-19T12:00:00Z"));
    budgets.restore(all(&rule), tokens(100), today);
    // Late, of the day before.
    budgets.restore(all(&rule), tokens(7), at("2026-11-19T23:59:00Z"));
    let figures = budgets.figures(&rule, "", today);
    assert_eq!((figures.spent, figures.carried), (100, 70));
    let notices = budgets.spend(all(&rule), tokens(1), today);
    assert!(notices.is_empty(), "{notices:?}");
}

#[test]
fn a_clock_that_jumps_ahead_and_back_finds_what_it_left() {
    let budgets = Budgets::default();
    let rule = Arc::new(rule("a", 100, Recurrence::Month));
    let now = at("2026-11-20T12:00:00Z");
    budgets.spend(all(&rule), tokens(90), now);
    let ahead = at("2027-11-20T12:00:00Z");
    budgets.spend(all(&rule), tokens(5), ahead);
    assert_eq!(budgets.figures(&rule, "", ahead).spent, 5);
    assert_eq!(budgets.figures(&rule, "", now).spent, 95);
    assert!(budgets.reserve(&[all(&rule)], tokens(6), now).is_err());
    // Threads whose clocks differ a little around midnight change nothing.
    let midnight = at("2026-12-01T00:00:00Z");
    budgets.spend(all(&rule), tokens(10), midnight);
    budgets.spend(all(&rule), tokens(10), midnight - 1);
    assert_eq!(budgets.figures(&rule, "", midnight).spent, 20);
}

#[test]
fn a_reload_keeps_what_was_spent() {
    let budgets = Budgets::default();
    let now = at("2026-11-20T12:00:00Z");
    let old = Arc::new(rule("a", 100, Recurrence::Month));
    budgets.spend(all(&old), tokens(100), now);
    let larger = Arc::new(rule("a", 150, Recurrence::Month));
    let held = budgets.reserve(&[all(&larger)], tokens(50), now).unwrap();
    assert_eq!(
        held.settle(tokens(50), now)[0].standing,
        Standing::Exhausted
    );
    let by_day = Arc::new(rule("a", 160, Recurrence::Day));
    let figures = budgets.figures(&by_day, "", now);
    assert_eq!((figures.spent, figures.remaining), (150, 10));
    let tomorrow = now + 86_400_000;
    assert_eq!(budgets.figures(&by_day, "", tomorrow).spent, 0);
}

#[test]
fn passing_subjects_make_room_but_not_with_a_reservation() {
    let budgets = Budgets::new(16);
    let rule = Arc::new(rule("run", 100, Recurrence::Endless));
    fn run<'a>(rule: &'a Arc<Rule>, name: &'a str) -> Link<'a> {
        Link {
            rule,
            subject: Subject::Passing(name),
        }
    }
    let now = at("2026-11-20T12:00:00Z");
    let held = budgets
        .reserve(&[run(&rule, "held")], tokens(60), now)
        .unwrap();
    budgets.spend(known(&rule, "alice"), tokens(99), now);
    for n in 0..2000_u64 {
        budgets.spend(run(&rule, &n.to_string()), tokens(1), now + n);
    }
    assert!(budgets.len() <= 34, "{}", budgets.len());
    assert!(budgets.list(5).len() == 5);
    let later = now + 3000;
    assert_eq!(budgets.figures(&rule, "held", later).reserved, 60);
    assert_eq!(budgets.figures(&rule, "alice", later).spent, 99);
    assert_eq!(budgets.figures(&rule, "0", later).spent, 0);
    drop(held);
    budgets.forget(&rule, "alice");
    assert_eq!(budgets.figures(&rule, "alice", later).spent, 0);
}

/// Many threads, strict: each call spends at most what it reserved. Half of the calls are dropped instead of settled.
#[test]
fn nothing_is_lost_and_nothing_overshoots_under_threads() {
    let budgets = Budgets::default();
    let limit = 200_000_u128;
    let organisation = Arc::new(rule("organisation", limit, Recurrence::Endless));
    let team = Arc::new(rule("team", limit / 3, Recurrence::Endless));
    let user = Arc::new(rule("user", limit / 8, Recurrence::Endless));
    let (settled, refused) = (AtomicU64::new(0), AtomicU64::new(0));
    let done = AtomicBool::new(false);
    let teams = ["red", "blue", "green"];
    let users = ["a", "b", "c", "d", "e"];
    std::thread::scope(|scope| {
        let watcher = scope.spawn(|| {
            let mut looks = 0_u64;
            while !done.load(Ordering::Relaxed) || looks == 0 {
                let figures = budgets.figures(&organisation, "", 1000);
                assert!(figures.spent + figures.reserved <= limit, "{figures:?}");
                looks += 1;
            }
        });
        let workers: Vec<_> = (0..8_u64)
            .map(|thread| {
                let (budgets, settled, refused) = (&budgets, &settled, &refused);
                let (organisation, team, user) = (&organisation, &team, &user);
                scope.spawn(move || {
                    let mut random = thread * 2 + 1;
                    let mut next = || {
                        random ^= random << 13;
                        random ^= random >> 7;
                        random ^= random << 17;
                        usize::try_from(random >> 33).unwrap()
                    };
                    for _ in 0..3000 {
                        let chain = [
                            known(user, users[next() % 5]),
                            known(team, teams[next() % 3]),
                            all(organisation),
                        ];
                        let most = next() % 200;
                        let used = u64::try_from(next() % (most + 1)).unwrap();
                        match budgets.reserve(&chain, tokens(most as u128), 1000) {
                            Err(_) => {
                                refused.fetch_add(1, Ordering::Relaxed);
                            }
                            Ok(held) if next() % 2 == 0 => {
                                held.settle(tokens(used.into()), 1000);
                                settled.fetch_add(used, Ordering::Relaxed);
                            }
                            Ok(held) => drop(held),
                        }
                    }
                })
            })
            .collect();
        let ends: Vec<_> = workers.into_iter().map(|w| w.join()).collect();
        done.store(true, Ordering::Relaxed);
        watcher.join().unwrap();
        assert!(ends.iter().all(Result::is_ok));
    });
    let sum = u128::from(settled.load(Ordering::Relaxed));
    let spent = |rule: &Arc<Rule>, names: &[&str]| -> u128 {
        names
            .iter()
            .map(|n| budgets.figures(rule, n, 1000))
            .map(|f| {
                assert_eq!(f.reserved, 0);
                assert!(f.spent <= rule.limit);
                f.spent
            })
            .sum()
    };
    assert_eq!(spent(&organisation, &[""]), sum);
    assert_eq!(spent(&team, &teams), sum);
    assert_eq!(spent(&user, &users), sum);
    assert!(refused.load(Ordering::Relaxed) > 0);
}

/// Chains in any order of their links do not wait for each other for ever.
#[test]
fn chains_in_any_order_do_not_lock_each_other_out() {
    let budgets = Budgets::default();
    let rules: Vec<_> = (0..6)
        .map(|n| Arc::new(rule(&n.to_string(), u128::MAX, Recurrence::Day)))
        .collect();
    std::thread::scope(|scope| {
        for thread in 0..6_usize {
            let (budgets, rules) = (&budgets, &rules);
            scope.spawn(move || {
                for n in 0..2000 {
                    let chain: Vec<_> = (0..6)
                        .map(|at| all(&rules[(at * (thread * 2 + 1) + n) % 6]))
                        .collect();
                    let held = budgets.reserve(&chain, tokens(1), 5).unwrap();
                    held.settle(tokens(1), 5);
                }
            });
        }
    });
    // Of a chain that names one twice, the second counts nothing.
    assert!(budgets.figures(&rules[0], "", 5).spent <= 12_000);
    assert_eq!(budgets.figures(&rules[0], "", 5).reserved, 0);
}
