//! What counters, the cache and a vector search cost. Run with `cargo bench -p tollgate-state`.
#![allow(missing_docs, clippy::unwrap_used)]

use divan::{AllocProfiler, Bencher, black_box};
use std::borrow::Cow;
use std::sync::Arc;
use tollgate_state::ledger::{
    Call, EndReason, Intent, Ledger, Options, Record, Settlement, Tokens,
};
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

/// What the ledger writes for one call.
#[divan::bench]
fn intent_and_settlement(bencher: Bencher<'_, '_>) {
    let path = std::env::temp_dir().join(format!("tollgate-ledger-bench-{}", std::process::id()));
    let options = Options::default();
    let ledger = Ledger::open(&path, &options, Arc::new(|| T0), Arc::new(())).unwrap();
    let mut writer = ledger.writer();
    let mut id = 0;
    bencher.bench_local(|| {
        id += 1;
        let call = Call {
            id,
            admitted_ms: T0,
            api: Cow::Borrowed("azure-openai"),
            operation: Cow::Borrowed("ChatCompletions_Create"),
            product: Cow::Borrowed("ai"),
            subscription: Cow::Borrowed("team-a"),
            user: Cow::Borrowed("someone"),
            backend: Cow::Borrowed("aoai-west"),
            provider: Cow::Borrowed("azure.ai.openai"),
            model: Cow::Borrowed("gpt-4o-mini"),
            tier: Cow::Borrowed("standard"),
            ..Call::default()
        };
        let intent = Intent {
            call: call.clone(),
            estimate: 120,
            ..Intent::default()
        };
        writer.write(&Record::Intent(intent)).unwrap();
        writer.settle(&Record::Settlement(Settlement {
            call,
            settled_ms: T0,
            end: EndReason::Done,
            status: 200,
            served_model: Cow::Borrowed("gpt-4o-mini-2024-07-18"),
            tokens: Tokens {
                input: 117,
                output: 46,
                ..Tokens::default()
            },
            total: 163,
            cost_pico: Some(45_150_000),
            price_version: Cow::Borrowed("2026-11-20"),
            duration_ms: 1200,
            attempts: 1,
            ..Settlement::default()
        }))
    });
    drop((writer, ledger));
    std::fs::remove_dir_all(path).unwrap();
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
