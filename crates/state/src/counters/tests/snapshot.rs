//! What a restart goes on with.

use super::*;

#[test]
fn quotas_outlive_the_process_and_windows_do_not() {
    let limit = TokenLimit {
        per_minute: Some(100),
        quota: Some((100, Period::Month)),
    };
    let calls = |period| Quota {
        measure: Measure::Calls,
        limit: 3,
        period,
    };
    let before = MemoryCounters::default();
    let call = now(before.reserve("k", limit, 40..=40, both(T0))).unwrap();
    now(before.settle(call, 60, both(T0)));
    assert!(now(before.take_quota("k", calls(Period::Endless), 2, T0)).allowed);
    assert!(now(before.take_quota("k", calls(Period::Hour), 2, T0)).allowed);
    let kept = before.snapshot();

    let after = MemoryCounters::default();
    // The hour is over.
    let later = T0 + 3_600_000;
    assert_eq!(after.restore(&kept, later), Ok(2));
    let left = now(after.tokens_left("k", limit, both(later)));
    assert_eq!((left.per_minute, left.quota), (Some(100), Some(40)));
    assert_eq!(
        now(after.take_quota("k", calls(Period::Endless), 1, later)).used,
        3
    );
    assert_eq!(
        now(after.take_quota("k", calls(Period::Hour), 1, later)).used,
        1
    );
    assert_eq!(
        now(after.tokens_left("other", limit, both(later))).quota,
        Some(100)
    );
    // Too late: it would split counters.
    assert_eq!(after.restore(&kept, later), Err(SnapshotError::Late));
    assert_eq!(after.snapshot().len(), kept.len());
}

#[test]
fn a_damaged_snapshot_is_refused_whole() {
    let counters = MemoryCounters::default();
    for key in 0..20 {
        let quota = Quota {
            measure: Measure::Bandwidth,
            limit: 10,
            period: Period::every(3600 * 24 * 1000, 0),
        };
        now(counters.add_quota(&format!("k{key}"), quota, 7, T0));
    }
    let whole = counters.snapshot();
    arbtest(|u| {
        let fresh = MemoryCounters::default();
        let mut bytes = whole.clone();
        if u.arbitrary()? {
            bytes.truncate(u.choose_index(bytes.len())?);
        } else {
            let at = u.choose_index(bytes.len())?;
            bytes[at] ^= 1 << u.int_in_range(0..=7)?;
        }
        assert_eq!(fresh.restore(&bytes, T0), Err(SnapshotError::Damaged));
        assert!(fresh.is_empty());
        Ok(())
    });
    assert_eq!(MemoryCounters::default().restore(&whole, T0), Ok(20));
}
