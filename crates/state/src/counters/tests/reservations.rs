//! Reservations of as much as fits, that grow, and under threads.

use super::*;

#[test]
fn as_much_is_set_aside_as_fits() {
    let counters = MemoryCounters::default();
    let limit = TokenLimit {
        per_minute: Some(100),
        quota: Some((70, Period::Day)),
    };
    let first = now(counters.reserve("k", limit, 10..=50, both(T0))).unwrap();
    assert_eq!(first.tokens(), 50);
    // The quota has less than the minute.
    let second = now(counters.reserve("k", limit, 10..=50, both(T0))).unwrap();
    assert_eq!(second.tokens(), 20);
    assert!(matches!(
        now(counters.reserve("k", limit, 1..=50, both(T0))),
        Err(Exceeded::Quota { .. })
    ));
    // What is given back is there at once.
    now(counters.settle(second, 5, both(T0)));
    let third = now(counters.reserve("k", limit, 1..=50, both(T0))).unwrap();
    assert_eq!(third.tokens(), 15);
}

#[test]
fn a_reservation_grows_on_both_limits_or_on_none() {
    let counters = MemoryCounters::default();
    let limit = TokenLimit {
        per_minute: Some(100),
        quota: Some((70, Period::Day)),
    };
    let mut call = now(counters.reserve("k", limit, 10..=10, both(T0))).unwrap();
    assert!(call.grow(60, both(T0)));
    assert!(!call.grow(1, both(T0)));
    assert_eq!(call.tokens(), 70);
    let left = now(counters.tokens_left("k", limit, both(T0)));
    assert_eq!((left.per_minute, left.quota), (Some(30), Some(0)));
    drop(call);
    let left = now(counters.tokens_left("k", limit, both(T0)));
    assert_eq!((left.per_minute, left.quota), (Some(100), Some(70)));
}

/// Threads that reserve, grow, settle and leave, on a table that is swept all the time: what is counted and set aside
/// together never passes the limit, and what is left in the end is what was settled.
#[test]
fn strict_reservations_never_pass_the_limit_under_threads() {
    const MOST: u64 = 50_000;
    let counters = MemoryCounters::new(16);
    let limit = TokenLimit {
        per_minute: Some(MOST),
        quota: Some((MOST, Period::Year)),
    };
    // With a call under way the counter is not one that may go.
    let keep = now(counters.reserve("k", limit, 0..=0, both(T0))).unwrap();
    let settled = AtomicU64::new(0);
    std::thread::scope(|scope| {
        for thread in 0..8_u64 {
            let (counters, settled) = (&counters, &settled);
            scope.spawn(move || {
                let mut open = std::collections::VecDeque::new();
                for call in 0..3_000_u64 {
                    let tick = both(T0 + call % 40);
                    now(counters.take(&format!("{thread}-{call}"), rate(1, 1), 1, T0 + call % 40));
                    if let Ok(mut call) =
                        now(counters.reserve("k", limit, 10..=10 + call % 90, tick))
                    {
                        call.grow(7, tick);
                        open.push_back(call);
                    }
                    if open.len() > 12 || call == 2_999 {
                        while let Some(done) = open.pop_front() {
                            let used = done.tokens() * (call % 3) / 2;
                            if used > done.tokens() || used == 0 {
                                drop(done);
                                continue;
                            }
                            settled.fetch_add(used, Ordering::Relaxed);
                            now(counters.settle(done, used, tick));
                            let used = settled.load(Ordering::Relaxed);
                            assert!(used <= MOST, "{used}");
                        }
                    }
                }
            });
        }
    });
    let used = settled.into_inner();
    assert!(used > MOST / 2 && used <= MOST, "{used}");
    let left = now(counters.tokens_left("k", limit, both(T0 + 100)));
    assert_eq!(left.per_minute, Some(MOST - used));
    assert_eq!(left.quota, Some(MOST - used));
    drop(keep);
}
