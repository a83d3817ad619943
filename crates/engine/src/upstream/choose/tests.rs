//! Turns of a pool's members.

use super::*;
use crate::snapshot::PoolGroup;
use std::sync::atomic::AtomicU64;

#[test]
fn members_take_turns_by_weight() {
    let pool = Pool {
        groups: vec![PoolGroup {
            priority: 1,
            members: vec![
                (BackendIndex(0), 3),
                (BackendIndex(1), 1),
                (BackendIndex(2), 0),
            ],
            turn: AtomicU64::new(0),
        }],
    };
    let mut seen = [0; 3];
    for _ in 0..400 {
        seen[next(&pool).0 as usize] += 1;
    }
    assert_eq!(seen, [300, 100, 0]);
}

#[test]
fn without_weights_each_member_has_the_same_share() {
    let pool = Pool {
        groups: vec![PoolGroup {
            priority: 1,
            members: vec![(BackendIndex(0), 0), (BackendIndex(1), 0)],
            turn: AtomicU64::new(0),
        }],
    };
    let turns: Vec<u32> = (0..4).map(|_| next(&pool).0).collect();
    assert_eq!(turns, [0, 1, 0, 1]);
}
