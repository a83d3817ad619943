//! Clocks that jump, calendars, and waits that are true.

use super::*;

#[test]
fn a_wall_clock_that_jumps_frees_nothing_of_a_minute() {
    let moment = |unix_ms, steady_ms| Moment { unix_ms, steady_ms };
    for unix in [0, T0 - 3_600_000, T0 + 3_600_000, u64::MAX] {
        let counters = MemoryCounters::default();
        let call = now(counters.reserve("k", LIMIT, 100..=100, moment(T0, 5))).unwrap();
        now(counters.settle(call, 100, moment(T0, 5)));
        let refused = now(counters.reserve("k", LIMIT, 1..=1, moment(unix, 60_004)));
        let retry_after_ms = 1;
        assert_eq!(refused.unwrap_err(), Exceeded::PerMinute { retry_after_ms });
        let left = now(counters.tokens_left("k", LIMIT, moment(unix, 60_005)));
        assert_eq!(left.per_minute, Some(100));
    }
}

#[test]
fn a_period_counts_apart_also_when_the_clock_comes_back() {
    let counters = MemoryCounters::default();
    let quota = Quota {
        measure: Measure::Calls,
        limit: 3,
        period: Period::Month,
    };
    let take = |at: u64| now(counters.take_quota("k", quota, 1, at)).allowed;
    let day = 86_400_000;
    assert!(take(T0) && take(T0));
    // The clock is years ahead for a while.
    let ahead = T0 + 5_000 * day;
    assert!(take(ahead) && take(ahead) && take(ahead) && !take(ahead));
    // It comes back: what this month had is still counted, and the next month begins in time.
    assert!(take(T0 + 1) && !take(T0 + 2));
    assert!(take(T0 + 31 * day));
    // A thread that read the clock just before the month ended counts where it read.
    let end = u64::try_from(Period::Month.bounds(T0 + 62 * day).1.unwrap()).unwrap();
    assert!(take(end - 1) && take(end) && take(end - 1) && take(end) && take(end - 1));
    assert!(!take(end - 1) && take(end) && !take(end));
}

/// A lone call passes when the refusal said, and a millisecond before it does not.
#[test]
fn a_retry_after_is_true() {
    arbtest(|u| {
        let counters = MemoryCounters::default();
        let window = u.int_in_range(1..=20_000)?;
        let limit = u.int_in_range(1..=30)?;
        let of_calls = rate(limit, window);
        let of_tokens = TokenLimit {
            per_minute: Some(limit * 10),
            quota: None,
        };
        let mut at = T0;
        for _ in 0..u.int_in_range(0..=60)? {
            at += u.int_in_range(0..=window / 4 + 1)?;
            let count = u.int_in_range(0..=limit)?;
            let decision = now(counters.take("k", of_calls, count, at));
            if !decision.allowed {
                let wait = decision.retry_after_ms;
                assert!(wait <= window);
                // Asking at that time without counting, as if nobody else had come.
                let (before, then) = (at + wait - 1, at + wait);
                let fits = |at: u64| {
                    let used = now(counters.check("k", of_calls, at)).used;
                    used + count.max(1) <= limit
                };
                // The window only goes forward: first the earlier time.
                assert!(!fits(before), "too long");
                assert!(fits(then), "too short");
                at = then;
            }
            let tokens = u.int_in_range(0..=limit * 10)?;
            match now(counters.reserve("t", of_tokens, tokens..=tokens, both(at))) {
                Ok(call) => {
                    now(counters.settle(call, tokens, both(at)));
                }
                Err(Exceeded::PerMinute { retry_after_ms }) => {
                    let fits = |at: u64| {
                        now(counters.reserve("t", of_tokens, tokens..=tokens, both(at))).is_ok()
                    };
                    assert!(!fits(at + retry_after_ms - 1) && fits(at + retry_after_ms));
                    at += retry_after_ms;
                }
                Err(Exceeded::Quota { .. }) => panic!("there is no quota"),
            }
        }
        Ok(())
    });
}

#[test]
fn a_quota_is_refused_until_its_period_ends_and_not_longer() {
    for (period, at, end) in [
        (
            Period::Month,
            "2028-02-29T12:00:00Z",
            "2028-03-01T00:00:00Z",
        ),
        (
            Period::Month,
            "2027-02-28T23:59:59.999Z",
            "2027-03-01T00:00:00Z",
        ),
        (
            Period::Month,
            "2026-12-31T00:00:00Z",
            "2027-01-01T00:00:00Z",
        ),
        (Period::Year, "2028-02-29T00:00:00Z", "2029-01-01T00:00:00Z"),
        (Period::Week, "2028-02-29T00:00:00Z", "2028-03-06T00:00:00Z"),
        (Period::Day, "2028-02-28T23:00:00Z", "2028-02-29T00:00:00Z"),
    ] {
        let millis = |text: &str| {
            let time: jiff::Timestamp = text.parse().unwrap();
            u64::try_from(time.as_millisecond()).unwrap()
        };
        let (at, end) = (millis(at), millis(end));
        let counters = MemoryCounters::default();
        let limit = TokenLimit {
            per_minute: None,
            quota: Some((10, period)),
        };
        let call = now(counters.reserve("k", limit, 10..=10, both(at))).unwrap();
        now(counters.settle(call, 10, both(at)));
        let refusal = now(counters.reserve("k", limit, 1..=1, both(at))).unwrap_err();
        let retry_after_ms = end - at;
        assert_eq!(refusal, Exceeded::Quota { retry_after_ms });
        assert!(now(counters.reserve("k", limit, 1..=1, both(end - 1))).is_err());
        assert!(now(counters.reserve("k", limit, 1..=1, both(end))).is_ok());
    }
}
