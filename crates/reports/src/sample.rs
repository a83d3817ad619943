//! Ledgers for tests: made with the writer that the gateway uses, in folders that go with the test.

use crate::period::Period;
use jiff::tz::TimeZone;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use tollgate_state::ledger::{
    Call, EndReason, Flags, Folder, Record, Settlement, SignedTokens, Tokens, Writer,
};

/// A folder that is removed when the test ends.
pub(crate) struct Scratch(PathBuf);

impl Scratch {
    pub(crate) fn new() -> Scratch {
        static COUNT: AtomicU32 = AtomicU32::new(0);
        let name = format!(
            "tollgate-reports-{}-{}",
            std::process::id(),
            COUNT.fetch_add(1, Ordering::Relaxed)
        );
        let path = std::env::temp_dir().join(name);
        std::fs::create_dir_all(&path).unwrap();
        Scratch(path)
    }

    pub(crate) fn path(&self) -> &Path {
        &self.0
    }

    /// A ledger with these records.
    pub(crate) fn with(records: &[Record<'_>]) -> Scratch {
        let scratch = Scratch::new();
        scratch.write(records);
        scratch
    }

    /// Corrections go where `tollgate reconcile` writes them.
    pub(crate) fn write(&self, records: &[Record<'_>]) {
        let writer = |path: &Path| Writer::new(Arc::new(Folder::open(path, 1).unwrap()), 0);
        let mut calls = writer(self.path());
        let mut corrections = writer(&self.path().join(crate::source::ADJUSTMENTS));
        for record in records {
            match record {
                Record::Adjustment(_) => corrections.write(record).unwrap(),
                _ => calls.write(record).unwrap(),
            };
        }
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

pub(crate) fn ms(at: &str) -> u64 {
    let at: jiff::Timestamp = at.parse().unwrap();
    at.as_millisecond().try_into().unwrap()
}

pub(crate) fn month(name: &str) -> Period {
    Period::month(name, &TimeZone::UTC).unwrap()
}

/// Which call: an id, when it was settled, who called, what served.
pub(crate) fn call(
    id: u128,
    at: &str,
    product: &'static str,
    subscription: &'static str,
    model: &'static str,
) -> Settlement<'static> {
    let provider = if model.starts_with("claude") {
        "anthropic"
    } else {
        "openai"
    };
    Settlement {
        call: Call {
            id,
            admitted_ms: ms(at) - 1_500,
            api: "chat".into(),
            operation: "completions".into(),
            product: product.into(),
            subscription: subscription.into(),
            user: format!("user-of-{subscription}").into(),
            backend: "pool-1".into(),
            provider: provider.into(),
            model: model.into(),
            deployment: format!("{model}-eu").into(),
            region: "swedencentral".into(),
            tier: "standard".into(),
            stream: id.is_multiple_of(2),
            budgets: vec![product.into(), "org".into()],
            tags: vec![("project".into(), "p1".into())],
            ..Call::default()
        },
        settled_ms: ms(at),
        end: EndReason::Done,
        status: 200,
        served_model: model.into(),
        price_version: "test-1".into(),
        first_token_ms: id.is_multiple_of(2).then_some(200 + id as u64),
        duration_ms: 1_000 + 10 * id as u64,
        attempts: 1,
        ..Settlement::default()
    }
}

/// With usage and its price.
pub(crate) fn used(
    mut settlement: Settlement<'static>,
    tokens: Tokens,
    pico: Option<u128>,
) -> Settlement<'static> {
    settlement.total = tokens.sum();
    settlement.tokens = tokens;
    settlement.cost_pico = pico;
    settlement
}

/// Two teams in two months with all that reports tell apart: caches, reasoning, estimates, a model without a price,
/// errors, a second attempt, corrections.
pub(crate) fn records() -> Vec<Record<'static>> {
    let tokens = |input, cached_input, output, reasoning| Tokens {
        input,
        cached_input,
        output,
        reasoning,
        ..Tokens::default()
    };
    let mut records: Vec<Settlement<'static>> = vec![
        used(
            call(1, "2026-10-31T23:59:59Z", "gold", "team-a", "gpt-4o"),
            tokens(1_000, 0, 500, 0),
            Some(7_500_000_000),
        ),
        used(
            call(2, "2026-11-01T00:00:00Z", "gold", "team-a", "gpt-4o"),
            tokens(1_000, 200, 500, 0),
            Some(7_750_000_000),
        ),
        used(
            call(3, "2026-11-02T10:00:00Z", "gold", "team-a", "o4-mini"),
            tokens(2_000, 0, 100, 900),
            Some(6_600_000_000),
        ),
        used(
            call(4, "2026-11-02T10:00:01Z", "silver", "team-b", "gpt-4o"),
            tokens(3, 0, 1, 0),
            Some(17_500_000),
        ),
        used(
            call(5, "2026-11-20T10:00:00Z", "silver", "team-b", "house-model"),
            tokens(700, 0, 300, 0),
            None,
        ),
    ];
    let mut left = used(
        call(
            6,
            "2026-11-20T11:00:00Z",
            "gold",
            "team-a",
            "claude-sonnet-4-5",
        ),
        tokens(100, 0, 20, 0),
        Some(600_000_000),
    );
    left.end = EndReason::ClientLeft;
    left.flags = Flags::default().with(Flags::ESTIMATED, true);
    records.push(left);
    let mut refused = call(7, "2026-11-20T12:00:00Z", "silver", "team-b", "gpt-4o");
    refused.end = EndReason::PolicyRejection;
    refused.status = 429;
    refused.cost_pico = Some(0);
    records.push(refused);
    let mut attempt = used(
        call(8, "2026-11-21T12:00:00Z", "gold", "team-a", "gpt-4o"),
        tokens(10, 0, 0, 0),
        Some(25_000_000),
    );
    attempt.call.attempt = 1;
    attempt.end = EndReason::UpstreamBroke;
    records.push(attempt);
    records.push(used(
        call(8, "2026-11-21T12:00:02Z", "gold", "team-a", "gpt-4o"),
        tokens(10, 0, 10, 0),
        Some(125_000_000),
    ));
    let mut records: Vec<Record<'static>> = records.into_iter().map(Record::Settlement).collect();
    let about = call(0, "2026-11-02T00:00:01.5Z", "gold", "team-a", "gpt-4o").call;
    records.push(Record::Adjustment(tollgate_state::ledger::Adjustment {
        id: 99,
        at_ms: ms("2026-12-03T09:00:00Z"),
        call: about,
        tokens: SignedTokens {
            output: -20,
            ..SignedTokens::default()
        },
        cost_pico: -200_000_000,
        source: "export.csv".into(),
        note: "differs".into(),
    }));
    records
}
