//! Tests of `counters`: the documented rules, and exactness against a plain model and under threads.
mod reservations;
mod snapshot;
mod time;
mod together;

use std::sync::atomic::{AtomicU64, Ordering};

use arbtest::arbtest;

use super::window::Window;
use super::*;

const T0: u64 = 1_790_000_000_000;
const LIMIT: TokenLimit = TokenLimit {
    per_minute: Some(100),
    quota: None,
};

fn rate(limit: u64, window_ms: u64) -> Rate {
    Rate { limit, window_ms }
}

fn now<T>(answer: Answer<T>) -> T {
    answer.now().ok().expect("memory answers at once")
}

/// A moment by both clocks.
fn both(ms: u64) -> Moment {
    Moment {
        unix_ms: ms,
        steady_ms: ms,
    }
}

fn refused(decision: Decision) -> Option<u64> {
    (!decision.allowed).then_some(decision.retry_after_ms)
}

#[test]
fn a_limit_of_calls() {
    let counters = MemoryCounters::default();
    let take = |at: u64| now(counters.take("k", rate(2, 60_000), 1, T0 + at));
    assert_eq!(
        take(0),
        Decision {
            allowed: true,
            used: 1,
            remaining: 1,
            retry_after_ms: 0
        }
    );
    assert_eq!(take(10_500).remaining, 0);
    // Refused calls are not counted, so the wait counts down.
    assert_eq!(refused(take(20_000)), Some(40_000));
    assert_eq!(refused(take(59_999)), Some(1));
    assert_eq!(refused(take(60_000)), None);
    assert_eq!(refused(take(60_001)), Some(10_499));
    assert_eq!(retry_after_seconds(10_499), 11);
    assert_eq!(retry_after_seconds(0), 1);
}

#[test]
fn policies_with_one_key_share_its_counter() {
    let counters = MemoryCounters::default();
    assert!(now(counters.take("k", rate(10, 60_000), 1, T0)).allowed);
    let decision = now(counters.take("k", rate(3, 300_000), 1, T0));
    assert_eq!((decision.used, decision.remaining), (2, 1));
    // The minute has passed, the five minutes have not.
    assert_eq!(
        now(counters.take("k", rate(10, 60_000), 1, T0 + 60_000)).used,
        1
    );
    assert_eq!(
        refused(now(counters.take("k", rate(3, 300_000), 1, T0 + 60_000))),
        Some(240_000)
    );
    assert_eq!(now(counters.take("other", rate(3, 300_000), 1, T0)).used, 1);
}

#[test]
fn increments_of_other_sizes() {
    let counters = MemoryCounters::default();
    assert!(now(counters.take("k", rate(10, 1000), 7, T0)).allowed);
    assert_eq!(
        refused(now(counters.take("k", rate(10, 1000), 4, T0 + 1))),
        Some(999)
    );
    assert!(now(counters.take("k", rate(10, 1000), 3, T0 + 2)).allowed);
    // Counting nothing still needs room for a call.
    assert!(!now(counters.take("k", rate(10, 1000), 0, T0 + 3)).allowed);
    assert!(!now(counters.take("zero", rate(0, 1000), 1, T0)).allowed);
    assert_eq!(
        refused(now(counters.take("more", rate(1, 1000), 5, T0))),
        Some(1000)
    );
}

#[test]
fn check_now_and_add_later() {
    let counters = MemoryCounters::default();
    let limit = rate(1, 60_000);
    for _ in 0..3 {
        assert!(now(counters.check("k", limit, T0)).allowed);
    }
    now(counters.add("k", limit, 1, T0 + 5));
    now(counters.add("k", limit, 1, T0 + 5));
    let decision = now(counters.check("k", limit, T0 + 6));
    assert_eq!(
        (decision.allowed, decision.used, decision.remaining),
        (false, 2, 0)
    );
    assert_eq!(decision.retry_after_ms, 59_999);
}

/// In any window at most `limit` pass; a retry-after passes; what is refused is refused for a reason.
#[test]
fn the_window_is_exact_against_a_plain_log() {
    arbtest(|u| {
        let window = u.int_in_range(1..=5_000)?;
        let limit = u.int_in_range(1..=20)?;
        let mut log = Window::default();
        let mut passed: Vec<u64> = Vec::new();
        let mut at = T0;
        for _ in 0..u.int_in_range(0..=200)? {
            at += u.int_in_range(0..=window / 3)?;
            let inside = passed.iter().filter(|time| **time + window > at).count() as u64;
            assert_eq!(log.used(window, at), inside);
            if inside < limit {
                log.add(window, 1, at);
                passed.push(at);
            } else {
                let wait = log.until_freed(window, 1, at);
                let inside_at =
                    |at: u64| passed.iter().filter(|time| **time + window > at).count() as u64;
                assert!(inside_at(at + wait) < limit && inside_at(at + wait - 1) == limit);
            }
        }
        Ok(())
    });
}

/// A busy key coarsens, is bounded, never lets too much through, and refuses at most 1/256 of the window too long.
#[test]
fn a_busy_window_is_bounded_and_safe() {
    arbtest(|u| {
        let (window, limit) = (60_000, 5_000);
        let mut log = Window::default();
        let mut passed: Vec<u64> = Vec::new();
        let mut at = T0;
        for _ in 0..3_000 {
            at += u.int_in_range(0..=40)?;
            let count = u.int_in_range(1..=4)?;
            let exact =
                |length: u64| passed.iter().filter(|time| **time + length > at).count() as u64;
            let used = log.used(window, at);
            assert!(used >= exact(window), "too little is counted");
            assert!(
                used <= exact(window + window / 256 + 1),
                "too much is counted"
            );
            if used + count <= limit {
                log.add(window, count, at);
                passed.extend((0..count).map(|_| at));
            }
            assert!(log.spans() <= 64 + 256 + 1);
        }
        Ok(())
    });
}

#[test]
fn time_that_goes_back_loses_nothing() {
    let counters = MemoryCounters::default();
    assert!(now(counters.take("k", rate(2, 1000), 1, T0)).allowed);
    assert!(now(counters.take("k", rate(2, 1000), 1, T0 - 500)).allowed);
    assert!(!now(counters.take("k", rate(2, 1000), 1, T0 - 900)).allowed);
    assert!(!now(counters.take("k", rate(2, 1000), 1, T0 + 999)).allowed);
    assert!(now(counters.take("k", rate(2, 1000), 1, T0 + 1000)).allowed);
}

#[test]
fn quotas_of_calls_and_bandwidth() {
    let counters = MemoryCounters::default();
    let period = Period::every(300, Period::DEFAULT_START);
    let (start, end) = period.bounds(T0);
    let (start, end) = (
        u64::try_from(start).unwrap(),
        u64::try_from(end.unwrap()).unwrap(),
    );
    let calls = Quota {
        measure: Measure::Calls,
        limit: 2,
        period,
    };
    let bytes = Quota {
        measure: Measure::Bandwidth,
        limit: 1000,
        period,
    };
    assert!(now(counters.take_quota("k", calls, 1, start)).allowed);
    assert_eq!(
        now(counters.take_quota("k", calls, 1, end - 1)).remaining,
        0
    );
    assert_eq!(
        refused(now(counters.take_quota("k", calls, 1, end - 100))),
        Some(100)
    );
    assert!(now(counters.check_quota("k", bytes, T0)).allowed);
    now(counters.add_quota("k", bytes, 1500, T0));
    assert_eq!(now(counters.check_quota("k", bytes, T0)).used, 1500);
    assert!(!now(counters.check_quota("k", bytes, T0)).allowed);
    // A new period.
    assert!(now(counters.take_quota("k", calls, 1, end)).allowed);
    assert!(now(counters.check_quota("k", bytes, end)).allowed);
    // A late clock counts in the new period.
    assert_eq!(now(counters.take_quota("k", calls, 1, end - 1)).used, 2);

    let endless = Quota {
        measure: Measure::Calls,
        limit: 1,
        period: Period::every(0, 0),
    };
    assert!(now(counters.take_quota("k", endless, 1, T0)).allowed);
    assert!(!now(counters.take_quota("k", endless, 1, T0 * 2)).allowed);
}

#[test]
fn periods_by_the_calendar() {
    let ms = |text: &str| text.parse::<jiff::Timestamp>().unwrap().as_millisecond();
    let now = u64::try_from(ms("2028-02-29T13:14:15.016Z")).unwrap();
    for (period, start, end) in [
        (Period::Hour, "2028-02-29T13:00:00Z", "2028-02-29T14:00:00Z"),
        (Period::Day, "2028-02-29T00:00:00Z", "2028-03-01T00:00:00Z"),
        (Period::Week, "2028-02-28T00:00:00Z", "2028-03-06T00:00:00Z"),
        (
            Period::Month,
            "2028-02-01T00:00:00Z",
            "2028-03-01T00:00:00Z",
        ),
        (Period::Year, "2028-01-01T00:00:00Z", "2029-01-01T00:00:00Z"),
        (
            Period::every(86_400, Period::DEFAULT_START),
            "2028-02-29T00:00:00Z",
            "2028-03-01T00:00:00Z",
        ),
        (
            Period::every(3600, ms("2030-01-01T00:30:00Z")),
            "2028-02-29T12:30:00Z",
            "2028-02-29T13:30:00Z",
        ),
    ] {
        assert_eq!(period.bounds(now), (ms(start), Some(ms(end))), "{period:?}");
    }
    assert_eq!(Period::every(0, 0).bounds(now), (i64::MIN, None));
    assert_eq!(ms("0001-01-01T00:00:00Z"), Period::DEFAULT_START);
    for period in [
        Period::Week,
        Period::Month,
        Period::Year,
        Period::every(u64::MAX, 0),
        Period::every(1, i64::MIN),
    ] {
        let _ = period.bounds(u64::MAX);
        let _ = period.bounds(0);
    }
}

#[test]
fn tokens_pass_up_to_the_limit_and_not_above() {
    let counters = MemoryCounters::default();
    let reserve = |estimate: u64, at: u64| {
        now(counters.reserve("k", LIMIT, estimate..=estimate, both(T0 + at)))
    };
    let first = reserve(60, 0).unwrap();
    assert_eq!(first.tokens(), 60);
    let second = reserve(40, 1).unwrap();
    assert_eq!(
        now(counters.tokens_left("k", LIMIT, both(T0 + 1))).per_minute,
        Some(0)
    );
    // Equal is no excess; one more is.
    assert!(reserve(0, 1).is_ok());
    assert!(matches!(reserve(1, 2), Err(Exceeded::PerMinute { .. })));
    assert_eq!(
        now(counters.settle(first, 30, both(T0 + 1000))).per_minute,
        Some(30)
    );
    assert_eq!(
        now(counters.settle(second, 50, both(T0 + 2000))).per_minute,
        Some(20)
    );
    // 80 are counted, 30 of them until 61 s, 50 until 62 s.
    assert_eq!(
        reserve(40, 10_000).unwrap_err(),
        Exceeded::PerMinute {
            retry_after_ms: 51_000
        }
    );
    assert_eq!(
        reserve(71, 10_000).unwrap_err(),
        Exceeded::PerMinute {
            retry_after_ms: 52_000
        }
    );
    assert!(reserve(40, 61_000).is_ok());
    assert_eq!(
        reserve(101, 10_000).unwrap_err(),
        Exceeded::PerMinute {
            retry_after_ms: 60_000
        }
    );
}

#[test]
fn without_estimates_the_limit_is_overshot_and_then_refuses() {
    let counters = MemoryCounters::default();
    let reservation = now(counters.reserve("k", LIMIT, 0..=0, both(T0))).unwrap();
    now(counters.settle(reservation, 500, both(T0 + 1)));
    assert_eq!(
        now(counters.reserve("k", LIMIT, 0..=0, both(T0 + 2))).unwrap_err(),
        Exceeded::PerMinute {
            retry_after_ms: 59_999
        }
    );
    assert!(now(counters.reserve("k", LIMIT, 0..=0, both(T0 + 60_001))).is_ok());
}

#[test]
fn a_token_quota_beside_the_rate() {
    let counters = MemoryCounters::default();
    let limit = TokenLimit {
        per_minute: Some(100),
        quota: Some((150, Period::Day)),
    };
    let reservation = now(counters.reserve("k", limit, 80..=80, both(T0))).unwrap();
    assert_eq!(
        now(counters.tokens_left("k", limit, both(T0))),
        TokensLeft {
            per_minute: Some(20),
            quota: Some(70)
        }
    );
    let left = now(counters.settle(reservation, 90, both(T0)));
    assert_eq!(
        left,
        TokensLeft {
            per_minute: Some(10),
            quota: Some(60)
        }
    );
    let day = Period::Day
        .bounds(T0)
        .1
        .map(|end| u64::try_from(end).unwrap())
        .unwrap();
    // The minute is free again, the day is not, and the refusal reserves nothing of either.
    let refusal = now(counters.reserve("k", limit, 61..=61, both(T0 + 60_000))).unwrap_err();
    assert_eq!(
        refusal,
        Exceeded::Quota {
            retry_after_ms: day - T0 - 60_000
        }
    );
    assert_eq!(
        now(counters.tokens_left("k", limit, both(T0 + 60_000))),
        TokensLeft {
            per_minute: Some(100),
            quota: Some(60)
        }
    );
    // A call over midnight counts in the new day.
    let over = now(counters.reserve("k", limit, 60..=60, both(day - 1))).unwrap();
    assert_eq!(
        now(counters.settle(over, 25, both(day + 1))).quota,
        Some(125)
    );
    let quota_only = TokenLimit {
        per_minute: None,
        quota: limit.quota,
    };
    assert_eq!(
        now(counters.tokens_left("k", quota_only, both(day + 2))),
        TokensLeft {
            per_minute: None,
            quota: Some(125)
        }
    );
}

#[test]
fn a_dropped_reservation_gives_back() {
    let counters = MemoryCounters::default();
    drop(now(counters.reserve("k", LIMIT, 100..=100, both(T0))).unwrap());
    assert_eq!(
        now(counters.tokens_left("k", LIMIT, both(T0))).per_minute,
        Some(100)
    );
}

#[test]
fn accounting_is_exact_under_threads() {
    // A small table, so that counters are swept while calls are under way.
    let counters = MemoryCounters::new(16);
    let limit = TokenLimit {
        per_minute: Some(1 << 40),
        quota: Some((1 << 40, Period::Year)),
    };
    let (settled, refused) = (AtomicU64::new(0), AtomicU64::new(0));
    let keep = now(counters.reserve("k", limit, 0..=0, both(T0))).unwrap();
    std::thread::scope(|scope| {
        for thread in 0..4_u64 {
            let (counters, settled, refused) = (&counters, &settled, &refused);
            scope.spawn(move || {
                for call in 0..2_000_u64 {
                    let at = T0 + call % 50;
                    now(counters.take(&format!("{thread}-{call}"), rate(1, 1), 1, at));
                    match now(counters.reserve("k", limit, (call % 700)..=(call % 700), both(at))) {
                        // A third of the callers leave without a report.
                        Ok(reservation) if call % 3 == 0 => drop(reservation),
                        Ok(reservation) => {
                            now(counters.settle(reservation, call % 97, both(at)));
                            settled.fetch_add(call % 97, Ordering::Relaxed);
                        }
                        Err(_) => {
                            refused.fetch_add(1, Ordering::Relaxed);
                        }
                    }
                }
            });
        }
    });
    assert_eq!(refused.into_inner(), 0);
    let left = now(counters.tokens_left("k", limit, both(T0 + 100)));
    let used = settled.into_inner();
    assert_eq!(
        left,
        TokensLeft {
            per_minute: Some((1 << 40) - used),
            quota: Some((1 << 40) - used)
        }
    );
    drop(keep);
}

#[test]
fn threads_pass_exactly_the_limit() {
    let counters = MemoryCounters::default();
    let passed = AtomicU64::new(0);
    std::thread::scope(|scope| {
        for _ in 0..4 {
            scope.spawn(|| {
                for _ in 0..1_000 {
                    if now(counters.take("k", rate(1_234, 60_000), 1, T0)).allowed {
                        passed.fetch_add(1, Ordering::Relaxed);
                    }
                }
            });
        }
    });
    assert_eq!(passed.into_inner(), 1_234);
}

#[test]
fn keys_are_bounded_and_idle_ones_go_first() {
    let counters = MemoryCounters::new(64);
    let held = now(counters.reserve("held", LIMIT, 10..=10, both(T0))).unwrap();
    for key in 0..1_000 {
        now(counters.take(&format!("k{key}"), rate(1, 60_000), 1, T0 + 1 + key));
        assert!(counters.len() <= 65);
    }
    // The newest are still counted, and the one with a call under way was never dropped.
    assert!(!now(counters.take("k999", rate(1, 60_000), 1, T0 + 1001)).allowed);
    assert_eq!(
        now(counters.settle(held, 40, both(T0 + 1001))).per_minute,
        Some(60)
    );
    assert_eq!(
        now(counters.tokens_left("held", LIMIT, both(T0 + 1001))).per_minute,
        Some(60)
    );
    counters.sweep(both(T0 + 70_000));
    assert!(counters.is_empty());
}
