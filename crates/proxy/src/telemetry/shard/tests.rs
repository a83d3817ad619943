//! Series are found again, and bounded. Requests are counted by the whole-gateway tests.

use super::*;

fn usage(input: u64, output: u64) -> Usage {
    Usage {
        input,
        output,
        total: input + output,
        ..Usage::default()
    }
}

fn dimensions(team: &str) -> Vec<(Str, Str)> {
    vec![(Str::from("Team"), Str::from(team))]
}

#[test]
fn tokens_add_up_by_dimensions_until_there_are_too_many() {
    let shard = Shard::new(3, Arc::default());
    for round in 0..4 {
        for team in ["a", "b", "c", "d", "e"] {
            shard.tokens("ns", &dimensions(team), &usage(10, round));
        }
    }
    let series = shard.lock();
    let get = |team: &str| {
        let labels = TokenLabels {
            namespace: Str::from("ns"),
            dimensions: dimensions(team),
        };
        let found = series.tokens.get(&labels);
        found.map(|s| {
            (
                s.1.calls.load(Ordering::Relaxed),
                s.1.total.load(Ordering::Relaxed),
            )
        })
    };
    assert_eq!(get("a"), Some((4, 46)));
    assert_eq!(get("c"), Some((4, 46)));
    assert_eq!(get("d"), None);
    assert_eq!(get(OVERFLOW), Some((8, 92)));
    assert_eq!(series.tokens.len(), 4);
    assert_eq!(series.tokens_by_hash.len(), 3);
    assert_eq!(shard.overflows.of(Bounded::Tokens), 8);
}

#[test]
fn labels_out_of_requests_are_bounded_in_length_and_number() {
    let shard = Shard::new(3, Arc::default());
    for number in 0..20 {
        let text = Str::from(format!("{number}{}", "é".repeat(1000)));
        shard.tokens("ns", &[(text.clone(), text)], &usage(1, 0));
    }
    let series = shard.lock();
    assert!(series.tokens.len() <= 7, "{}", series.tokens.len());
    for (name, value) in series.tokens.keys().flat_map(|l| &l.dimensions) {
        assert!(name.len() <= 256 && value.len() <= 256);
    }
    let calls = series.tokens.values();
    let calls: u64 = calls.map(|s| s.1.calls.load(Ordering::Relaxed)).sum();
    assert_eq!(calls, 20);
}

#[test]
fn times_fall_into_their_buckets() {
    let times = Times::default();
    for nanos in [0, 1_000_000, 1_000_001, 400_000_000_000] {
        times.observe(nanos);
    }
    let counts: Vec<u64> = times
        .buckets
        .iter()
        .map(|b| b.load(Ordering::Relaxed))
        .collect();
    assert_eq!(counts[..3], [2, 1, 0]);
    assert_eq!(counts[BUCKETS.len()], 1);
    assert_eq!(times.count.load(Ordering::Relaxed), 4);
}

#[test]
fn tokens_are_kept_by_category() {
    let shard = Shard::new(3, Arc::default());
    let usage = Usage {
        cached_input: 1,
        cache_write: 2,
        reasoning: 3,
        audio_input: 4,
        audio_output: 5,
        image_input: 6,
        image_output: 7,
        ..usage(20, 30)
    };
    for _ in 0..2 {
        shard.tokens("ns", &dimensions("a"), &usage);
    }
    let series = shard.lock();
    let (_, tokens) = &**series.tokens.values().next().expect("counted above");
    let counts = [
        &tokens.prompt,
        &tokens.completion,
        &tokens.total,
        &tokens.cached,
        &tokens.cache_write,
        &tokens.reasoning,
        &tokens.audio_input,
        &tokens.audio_output,
        &tokens.image_input,
        &tokens.image_output,
    ]
    .map(|counter| counter.load(Ordering::Relaxed));
    assert_eq!(counts, [40, 60, 100, 2, 4, 6, 8, 10, 12, 14]);
}

#[test]
fn values_of_emit_metric_beyond_the_bound_are_counted() {
    let shard = Shard::new(1, Arc::default());
    let (namespace, name) = (Str::from("ns"), Str::from("n"));
    for team in ["a", "b", "a", "c"] {
        shard.metric(&namespace, &name, 1.0, &dimensions(team));
    }
    assert_eq!(shard.overflows.of(Bounded::Custom), 2);
    assert_eq!(shard.overflows.of(Bounded::Tokens), 0);
}
