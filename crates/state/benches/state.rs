//! What counters, the cache and a vector search cost. Run with `cargo bench -p tollgate-state`.
#![allow(missing_docs, clippy::unwrap_used)]

use divan::{AllocProfiler, Bencher, black_box};
use tollgate_state::{
    Cache, Counters, MemoryCache, MemoryCounters, MemoryVectors, Moment, Period, Rate, TokenLimit,
    Vectors,
};

#[global_allocator]
static ALLOCATIONS: AllocProfiler = AllocProfiler::system();

const T0: u64 = 1_790_000_000_000;

fn main() {
    divan::main();
}

#[divan::bench]
fn take(bencher: Bencher<'_, '_>) {
    let counters = MemoryCounters::default();
    let rate = Rate {
        limit: u64::MAX,
        window_ms: 60_000,
    };
    let mut now = T0;
    bencher.bench_local(|| {
        now += 1;
        counters.take(black_box("subscription-1234"), rate, 1, now)
    });
}

#[divan::bench]
fn take_with_many_keys(bencher: Bencher<'_, '_>) {
    let counters = MemoryCounters::default();
    let rate = Rate {
        limit: 100,
        window_ms: 60_000,
    };
    let keys: Vec<String> = (0..50_000)
        .map(|key| format!("10.0.{}.{}", key / 256, key % 256))
        .collect();
    let (mut now, mut next) = (T0, 0);
    bencher.bench_local(|| {
        now += 1;
        next = (next + 7919) % keys.len();
        counters.take(black_box(&keys[next]), rate, 1, now)
    });
}

#[divan::bench]
fn reserve_and_settle(bencher: Bencher<'_, '_>) {
    let counters = MemoryCounters::default();
    let limit = TokenLimit {
        per_minute: Some(u64::MAX / 2),
        quota: Some((u64::MAX / 2, Period::Day)),
    };
    let mut now = T0;
    bencher.bench_local(|| {
        now += 1;
        let moment = Moment {
            unix_ms: now,
            steady_ms: now,
        };
        let reservation = counters
            .reserve(black_box("subscription-1234"), limit, 500..=500, moment)
            .now()
            .ok()
            .unwrap()
            .unwrap();
        counters.settle(reservation, 700, moment)
    });
}

#[divan::bench]
fn cache_get(bencher: Bencher<'_, '_>) {
    let cache = MemoryCache::new(64 << 20);
    for key in 0..1000 {
        let _ = cache.put(&format!("key-{key}"), key, 100, 1 << 40, T0);
    }
    bencher.bench(|| cache.get(black_box("key-500"), T0));
}

#[divan::bench(args = [100, 1_000, 10_000])]
fn nearest_of_1536(bencher: Bencher<'_, '_>, entries: usize) {
    let index = MemoryVectors::default();
    let mut random = 1_u32;
    let mut vector = || -> Vec<f32> {
        (0..1536)
            .map(|_| {
                random = random.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
                (random >> 8) as f32 / (1 << 24) as f32 - 0.5
            })
            .collect()
    };
    for entry in 0..entries {
        let _ = index.put("p", &vector(), entry, 100, 1 << 40, T0);
    }
    let query = vector();
    bencher.bench(|| index.nearest("p", black_box(&query), 0.05, T0));
}
