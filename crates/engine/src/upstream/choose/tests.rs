//! Turns of a pool's members: exact over a cycle, spread out, never at one that is not to be had.

use super::*;

fn pool(groups: &[&[u32]]) -> Pool {
    let mut next = 0;
    let groups = groups.iter().enumerate().map(|(n, weights)| {
        let members = weights.iter().map(|weight| {
            next += 1;
            (BackendIndex(next - 1), *weight)
        });
        PoolGroup::new(u32::try_from(n).unwrap(), members.collect())
    });
    Pool {
        groups: groups.collect(),
        affinity: None,
        attempts: 1,
    }
}

fn turns(weights: &[u32], turns: usize) -> Vec<u32> {
    let pool = pool(&[weights]);
    (0..turns)
        .map(|_| next(&pool, |_| true).unwrap().0)
        .collect()
}

#[test]
fn members_take_turns_by_weight() {
    let mut seen = [0; 3];
    for turn in turns(&[3, 1, 0], 400) {
        seen[turn as usize] += 1;
    }
    assert_eq!(seen, [300, 100, 0]);
    assert_eq!(turns(&[50, 50], 4), [0, 1, 0, 1]);
    assert_eq!(turns(&[60, 40], 5), [0, 1, 0, 1, 0]);
}

#[test]
fn without_weights_each_member_has_the_same_share() {
    assert_eq!(turns(&[0, 0], 4), [0, 1, 0, 1]);
}

#[test]
fn the_next_group_serves_when_the_first_has_nobody() {
    let pool = pool(&[&[1, 1], &[1]]);
    let without = |gone: &'static [u32]| next(&pool, move |i| !gone.contains(&i.0)).map(|i| i.0);
    assert_eq!(without(&[0]), Some(1));
    assert_eq!(without(&[0, 1]), Some(2));
    assert_eq!(without(&[0, 1, 2]), None);
    // A weight of 0 is not out of the pool: it comes before the next group.
    let pool = self::pool(&[&[5, 0], &[1]]);
    assert_eq!(next(&pool, |i| i.0 != 0).map(|i| i.0), Some(1));
}

#[test]
fn turns_of_one_set_of_members_do_not_shift_those_of_another() {
    // The first always fails and is retried among the others: they still have their share of first turns.
    let pool = pool(&[&[1, 1, 1]]);
    let mut first = [0; 3];
    for _ in 0..300 {
        let chosen = next(&pool, |_| true).unwrap().0;
        first[chosen as usize] += 1;
        if chosen == 0 {
            next(&pool, |i| i.0 != 0);
        }
    }
    assert_eq!(first, [100, 100, 100]);
}

#[test]
fn weights_hold_over_a_cycle_of_whoever_is_available() {
    arbtest::arbtest(|u| {
        let count = u.int_in_range(1..=8)?;
        let mut weights = Vec::new();
        for _ in 0..count {
            weights.push(u.int_in_range(0..=100u32)?);
        }
        let mut up = Vec::new();
        for _ in 0..count {
            up.push(u.arbitrary::<bool>()?);
        }
        let pool = pool(&[&weights]);
        let available: Vec<usize> = (0..count).filter(|i| up[*i]).collect();
        if weights.iter().all(|w| *w == 0) {
            weights.fill(1);
        }
        let sum: u32 = available.iter().map(|i| weights[*i]).sum();
        let cycle = if sum == 0 {
            available.len()
        } else {
            sum as usize
        };
        // Begin anywhere: every window of a cycle is exact.
        for _ in 0..u.int_in_range(0..=50)? {
            next(&pool, |i| up[i.0 as usize]);
        }
        let mut seen = vec![0; count];
        for _ in 0..cycle {
            match next(&pool, |i| up[i.0 as usize]) {
                Some(i) => seen[i.0 as usize] += 1,
                None => assert!(available.is_empty()),
            }
        }
        for (member, seen) in seen.into_iter().enumerate() {
            let expected = match (up[member], sum) {
                (false, _) => 0,
                (true, 0) => 1,
                (true, _) => weights[member],
            };
            assert_eq!(seen, expected, "member {member} of {weights:?}, up {up:?}");
        }
        Ok(())
    })
    .budget_ms(300);
}

#[test]
fn turns_are_spread() {
    // No member waits, or stays, much longer than its share makes it.
    for weights in [
        &[1, 1, 1, 1][..],
        &[3, 1],
        &[70, 30],
        &[90, 5, 5],
        &[50, 30, 20],
        &[7, 3, 11, 2],
    ] {
        let total: u32 = weights.iter().sum();
        let taken = turns(weights, total as usize * 3);
        for (member, weight) in weights.iter().enumerate() {
            let member = u32::try_from(member).unwrap();
            let (mut run, mut longest) = (0, 0);
            for turn in &taken {
                run = if *turn == member { run + 1 } else { 0 };
                longest = longest.max(run);
            }
            let others = total - weight;
            let fair = weight.div_ceil(others) + 3;
            assert!(
                longest <= fair,
                "member {member} of {weights:?}: {longest} in a row"
            );
        }
    }
}
