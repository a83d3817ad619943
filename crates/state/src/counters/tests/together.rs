//! Several limits that a call passes together or not at all.

use super::*;

/// Many threads against several limits each: of a refused call nothing is counted on any of them.
#[test]
fn limits_that_are_passed_together_count_together() {
    let counters = MemoryCounters::new(16);
    let quota = |limit| {
        Limit::Quota(Quota {
            measure: Measure::Calls,
            limit,
            period: Period::Year,
        })
    };
    let passed = AtomicU64::new(0);
    std::thread::scope(|scope| {
        for thread in 0..6_u64 {
            let (counters, passed) = (&counters, &passed);
            scope.spawn(move || {
                for _ in 0..500 {
                    let ask = |key, limit| Ask {
                        key,
                        limit,
                        count: 1,
                    };
                    let rate = Limit::Rate(rate(1_000, 60_000));
                    // The same limits in another order, and one of them twice.
                    let mut asks = vec![
                        ask("a", rate),
                        ask("b", quota(700)),
                        ask("c", rate),
                        ask("b", quota(900)),
                    ];
                    if thread % 2 == 0 {
                        asks.reverse();
                    }
                    if let Ok(decisions) = now(counters.take_all(&asks, both(T0))) {
                        assert_eq!(decisions.len(), 4);
                        passed.fetch_add(1, Ordering::Relaxed);
                    }
                }
            });
        }
    });
    assert_eq!(passed.into_inner(), 700);
    for key in ["a", "c"] {
        assert_eq!(now(counters.check(key, rate(1_000, 60_000), T0)).used, 700);
    }
}

#[test]
fn the_limit_that_refuses_is_told() {
    let counters = MemoryCounters::default();
    let ask = |key, limit, count| Ask {
        key,
        limit: Limit::Rate(rate(limit, 1_000)),
        count,
    };
    let asks = [ask("a", 9, 1), ask("b", 2, 2)];
    assert!(now(counters.take_all(&asks, both(T0))).is_ok());
    let (at, decision) = now(counters.take_all(&asks, both(T0 + 1))).unwrap_err();
    assert_eq!((at, decision.retry_after_ms), (1, 999));
    assert_eq!(now(counters.check("a", rate(9, 1_000), T0 + 1)).used, 1);
    // What counts nothing is only checked.
    let asks = [ask("a", 9, 0), ask("c", 2, 2)];
    assert!(now(counters.take_all(&asks, both(T0 + 1))).is_ok());
    assert_eq!(now(counters.check("a", rate(9, 1_000), T0 + 1)).used, 1);
}
