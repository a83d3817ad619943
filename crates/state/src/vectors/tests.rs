//! Tests of `vectors`: against a plain search, and the bounds.
use arbtest::arbtest;

use super::*;

fn now<T>(answer: Answer<T>) -> T {
    answer.now().ok().expect("memory answers at once")
}

fn cosine(a: &[f32], b: &[f32]) -> f64 {
    let dot = |a: &[f32], b: &[f32]| {
        a.iter()
            .zip(b)
            .map(|(a, b)| f64::from(*a) * f64::from(*b))
            .sum::<f64>()
    };
    1.0 - dot(a, b) / (dot(a, a).sqrt() * dot(b, b).sqrt())
}

#[test]
fn the_nearest_within_the_distance() {
    let index = MemoryVectors::default();
    let put =
        |partition, vector: &[f32], value| now(index.put(partition, vector, value, 10, 1000, 0));
    assert!(put("p", &[2.0, 0.0, 0.0], "x"));
    assert!(put("p", &[0.0, 3.0, 0.0], "y"));
    assert!(put("q", &[1.0, 1.0, 0.0], "xy"));
    let nearest = |partition, vector: &[f32], most| now(index.nearest(partition, vector, most, 1));
    assert_eq!(
        nearest("p", &[5.0, 0.0, 0.0], 0.0).map(|(_, value)| value),
        Some("x")
    );
    let (distance, value) = nearest("p", &[1.0, 2.0, 0.0], 0.2).unwrap();
    assert!((f64::from(distance) - 0.105_572).abs() < 1e-4 && value == "y");
    assert_eq!(nearest("p", &[1.0, 1.0, 0.0], 0.2), None);
    assert_eq!(nearest("r", &[1.0, 1.0, 0.0], 2.0), None);
}

#[test]
fn what_has_no_direction_or_another_length() {
    let index = MemoryVectors::default();
    for vector in [
        &[][..],
        &[0.0, 0.0],
        &[f32::NAN, 1.0],
        &[f32::INFINITY, 1.0],
    ] {
        assert!(!now(index.put("p", vector, (), 0, 10, 0)));
        assert_eq!(now(index.nearest("p", vector, 2.0, 0)), None);
    }
    assert!(now(index.put("p", &[1.0, 0.0, 0.0], (), 0, 10, 0)));
    assert!(now(index.put("p", &[1.0, 0.0], (), 0, 10, 0)));
    assert!(now(index.nearest("p", &[1.0, 0.1], 0.5, 0)).is_some());
    assert!(now(index.nearest("p", &[1.0, 0.1, 0.0, 0.0], 2.0, 0)).is_none());
    assert!(
        now(index.put("p", &[3e38, 3e38], (), 0, 10, 0)),
        "large is finite"
    );
}

#[test]
fn entries_expire_and_the_oldest_make_room() {
    let index = MemoryVectors::new(Bounds {
        per_partition: 2,
        bytes: 1 << 20,
    });
    let put = |vector: &[f32], value, ttl, at| now(index.put("p", vector, value, 0, ttl, at));
    put(&[1.0, 0.0], 1, 10, 0);
    assert_eq!(
        now(index.nearest("p", &[1.0, 0.0], 0.1, 9)).map(|(_, value)| value),
        Some(1)
    );
    assert_eq!(now(index.nearest("p", &[1.0, 0.0], 0.1, 10)), None);
    put(&[0.0, 1.0], 2, 100, 10);
    assert_eq!(index.len(), 1, "the expired one has left");
    put(&[-1.0, 0.0], 3, 100, 10);
    put(&[0.0, -1.0], 4, 100, 10);
    assert_eq!(index.len(), 2);
    assert_eq!(now(index.nearest("p", &[0.0, 1.0], 0.1, 11)), None);
    assert!(!put(&[1.0, 0.0], 5, 0, 11));
}

#[test]
fn bytes_are_bounded_over_partitions() {
    let index = MemoryVectors::new(Bounds {
        per_partition: 1_000,
        bytes: 20_000,
    });
    for number in 0..1_000_u64 {
        assert!(now(index.put(
            &format!("p{}", number % 7),
            &[1.0, number as f32],
            number,
            100,
            u64::MAX,
            0
        )));
        assert!(index.bytes() <= 20_000);
    }
    assert_eq!(index.len(), 20_000 / (8 + 100 + 128));
    // The newest is there, and it pushed out the oldest.
    assert!(now(index.put("p5", &[-1.0, -1.0], 1_000, 100, u64::MAX, 0)));
    let nearest = now(index.nearest("p5", &[-1.0, -1.0], 0.001, 1));
    assert_eq!(nearest.map(|(_, value)| value), Some(1_000));
    assert_eq!(index.len(), 20_000 / (8 + 100 + 128));
    assert!(!now(index.put("p", &[1.0], 0, 20_000, 1, 0)));
}

/// The index finds what a plain search over the same entries finds.
#[test]
fn as_a_plain_search() {
    arbtest(|u| {
        let index = MemoryVectors::default();
        let mut plain: Vec<(u8, Vec<f32>, usize)> = Vec::new();
        let length = u.int_in_range(1..=20)?;
        let vector =
            |u: &mut arbtest::arbitrary::Unstructured<'_>| -> arbtest::arbitrary::Result<Vec<f32>> {
                (0..length)
                    .map(|_| Ok(f32::from(u.arbitrary::<i8>()?)))
                    .collect()
            };
        for value in 0..u.int_in_range(0..=30)? {
            let (partition, vector) = (u.int_in_range(0..=2)?, vector(u)?);
            if now(index.put(&partition.to_string(), &vector, value, 0, 10, 0)) {
                plain.push((partition, vector, value));
            }
        }
        let query = vector(u)?;
        if query.iter().all(|x| *x == 0.0) {
            return Ok(());
        }
        let found = now(index.nearest("1", &query, 0.5, 0));
        let inside = plain.iter().filter(|(partition, ..)| *partition == 1);
        let best = inside
            .map(|(_, vector, _)| cosine(vector, &query))
            .fold(f64::INFINITY, f64::min);
        match found {
            Some((distance, value)) => {
                assert!(
                    (f64::from(distance) - best).abs() < 1e-3,
                    "{distance} {best}"
                );
                let (.., vector, _) = &plain[plain
                    .iter()
                    .position(|(.., number)| *number == value)
                    .unwrap()];
                assert!((cosine(vector, &query) - best).abs() < 1e-3);
            }
            None => assert!(best > 0.499, "{best}"),
        }
        Ok(())
    });
}

#[test]
fn searches_go_on_while_entries_come_and_go() {
    let index = MemoryVectors::new(Bounds {
        per_partition: 50,
        bytes: 30_000,
    });
    std::thread::scope(|scope| {
        for thread in 0..2_u32 {
            let index = &index;
            scope.spawn(move || {
                for number in 0..2_000_u32 {
                    now(index.put(
                        if thread == 0 { "a" } else { "b" },
                        &[1.0, number as f32],
                        number,
                        64,
                        100,
                        0,
                    ));
                }
            });
            scope.spawn(move || {
                for number in 0..2_000_u32 {
                    if let Some((distance, _)) =
                        now(index.nearest("a", &[1.0, number as f32], 0.5, 0))
                    {
                        assert!(distance <= 0.5);
                    }
                }
            });
        }
    });
    assert!(index.bytes() <= 30_000 && index.len() <= 100);
}
