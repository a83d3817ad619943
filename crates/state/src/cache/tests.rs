//! Tests of `cache`: time to live, weight, removal.
use super::*;

fn now<T>(answer: Answer<T>) -> T {
    answer.now().ok().expect("memory answers at once")
}

#[test]
fn a_value_lives_as_long_as_it_was_given() {
    let cache = MemoryCache::new(1 << 20);
    now(cache.put("a", "x", 1, 1000, 5_000));
    assert_eq!(now(cache.get("a", 5_000)), Some("x"));
    assert_eq!(now(cache.get("a", 5_999)), Some("x"));
    assert_eq!(now(cache.get("b", 5_999)), None);
    assert_eq!(now(cache.get("a", 6_000)), None);
    assert!(cache.is_empty());
    now(cache.put("a", "y", 1, u64::MAX, 6_000));
    now(cache.put("a", "z", 1, 10, 6_000));
    assert_eq!(now(cache.get("a", 6_001)), Some("z"));
    assert!(now(cache.remove("a", 6_001)));
    assert!(!now(cache.remove("a", 6_001)));
    now(cache.put("a", "x", 1, 10, 0));
    assert!(!now(cache.remove("a", 10)), "expired is not there");
    now(cache.put("a", "x", 1, 10, 0));
    now(cache.put("a", "x", 1, 0, 0));
    assert_eq!(now(cache.get("a", 0)), None);
}

#[test]
fn weight_is_bounded() {
    for bound in [10_000_u64, 100 << 20] {
        let cache = MemoryCache::new(bound);
        for key in 0..5_000_u64 {
            now(cache.put(&key.to_string(), key, bound / 500, u64::MAX, 0));
            assert!(cache.weight() <= bound + bound / 100);
        }
        assert!(cache.len() > 100);
    }
}

#[test]
fn what_is_too_heavy_is_not_stored_and_hides_nothing_old() {
    let cache = MemoryCache::new(1_000);
    now(cache.put("a", 1, 10, 100, 0));
    now(cache.put("b", 1, 10, 100, 0));
    now(cache.put("a", 2, u64::MAX, 100, 0));
    assert_eq!(
        (now(cache.get("a", 1)), now(cache.get("b", 1))),
        (None, Some(1))
    );
}
