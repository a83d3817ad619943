//! The ledger: everything the simulated provider has billed.
//!
//! Called by billing when an answer ends, by `GET /usage`, and in process by tests that compare a
//! gateway's accounting with the provider's. What must stay true: each admitted call is recorded
//! once; totals cover everything since the last reset, also what the bounded list has dropped.

use std::collections::{BTreeMap, VecDeque};
use std::sync::{Mutex, PoisonError};

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

/// How an answer ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Outcome {
    /// Everything was sent.
    Finished,
    /// The client or a fault ended it before; billed up to there.
    Cut,
}

/// One billed call.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct UsageRecord {
    /// The caller's `x-request-id` or `x-ms-client-request-id`, else a generated one.
    pub request_id: String,
    /// The identifier the provider gave (`apim-request-id` of the answer).
    pub apim_request_id: String,
    /// Deployment that served it; `resource/name` where it is not the main resource's.
    pub deployment: String,
    /// Model behind the deployment.
    pub model: String,
    /// `chat`, `completions`, `responses` or `embeddings`.
    pub operation: String,
    /// Prompt tokens.
    pub prompt_tokens: u32,
    /// Tokens generated until the answer ended.
    pub completion_tokens: u32,
    /// The sum.
    pub total_tokens: u32,
    /// Whether it was an event stream.
    pub streamed: bool,
    /// How it ended.
    pub outcome: Outcome,
    /// When it ended, milliseconds since the Unix epoch.
    pub time_ms: u64,
}

/// Sums over all calls since the last reset.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct UsageTotals {
    /// Billed calls.
    pub requests: u64,
    /// Those that were cut.
    pub cut: u64,
    /// Those that were event streams.
    pub streamed: u64,
    /// Prompt tokens.
    pub prompt_tokens: u64,
    /// Completion tokens.
    pub completion_tokens: u64,
    /// Both.
    pub total_tokens: u64,
}

/// What `GET /usage` answers.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct UsageReport {
    /// Sums over everything.
    pub totals: UsageTotals,
    /// The kept calls, oldest first.
    pub requests: Vec<UsageRecord>,
    /// Calls that were dropped from the list to bound it.
    pub dropped: u64,
    /// Answers that are still being sent; they are not billed yet.
    pub open: u64,
}

/// Milliseconds of a day.
const DAY_MS: u64 = 86_400_000;

impl UsageReport {
    /// What OpenAI's usage API answers: buckets of UTC days, grouped by model.
    #[must_use]
    pub fn organization(&self) -> Value {
        let mut days: BTreeMap<u64, BTreeMap<&str, [u64; 3]>> = BTreeMap::new();
        for record in &self.requests {
            let models = days.entry(record.time_ms / DAY_MS).or_default();
            let sums = models.entry(&record.model).or_default();
            sums[0] += 1;
            sums[1] += u64::from(record.prompt_tokens);
            sums[2] += u64::from(record.completion_tokens);
        }
        let result = |(model, [requests, input, output]): (&str, [u64; 3])| {
            json!({
                "object": "organization.usage.completions.result",
                "input_tokens": input,
                "output_tokens": output,
                "input_cached_tokens": 0,
                "num_model_requests": requests,
                "model": model,
            })
        };
        let bucket = |(day, models): (u64, BTreeMap<&str, [u64; 3]>)| {
            json!({
                "object": "bucket",
                "start_time": day * DAY_MS / 1000,
                "end_time": (day + 1) * DAY_MS / 1000,
                "results": models.into_iter().map(result).collect::<Vec<_>>(),
            })
        };
        json!({
            "object": "page",
            "data": days.into_iter().map(bucket).collect::<Vec<_>>(),
            "has_more": false,
            "next_page": null,
        })
    }
}

/// The bounded list and its sums.
pub(super) struct Ledger {
    capacity: usize,
    kept: Mutex<Kept>,
}

#[derive(Default)]
struct Kept {
    totals: UsageTotals,
    records: VecDeque<UsageRecord>,
    dropped: u64,
    open: u64,
}

impl Ledger {
    pub(super) fn new(capacity: usize) -> Self {
        Self {
            capacity: capacity.max(1),
            kept: Mutex::default(),
        }
    }

    fn kept(&self) -> std::sync::MutexGuard<'_, Kept> {
        self.kept.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// An answer begins.
    pub(super) fn open(&self) {
        self.kept().open += 1;
    }

    /// An answer ended, and this is its bill.
    pub(super) fn close(&self, record: UsageRecord) {
        let mut kept = self.kept();
        kept.open = kept.open.saturating_sub(1);
        let totals = &mut kept.totals;
        totals.requests += 1;
        totals.cut += u64::from(record.outcome == Outcome::Cut);
        totals.streamed += u64::from(record.streamed);
        totals.prompt_tokens += u64::from(record.prompt_tokens);
        totals.completion_tokens += u64::from(record.completion_tokens);
        totals.total_tokens += u64::from(record.total_tokens);
        if kept.records.len() == self.capacity {
            kept.records.pop_front();
            kept.dropped += 1;
        }
        kept.records.push_back(record);
    }

    /// Everything so far; with an identifier, only the calls that bear it.
    pub(super) fn report(&self, request_id: Option<&str>) -> UsageReport {
        let kept = self.kept();
        let wanted = |record: &&UsageRecord| {
            request_id.is_none_or(|id| record.request_id == id || record.apim_request_id == id)
        };
        UsageReport {
            totals: kept.totals.clone(),
            requests: kept.records.iter().filter(wanted).cloned().collect(),
            dropped: kept.dropped,
            open: kept.open,
        }
    }

    /// Forgets everything but the answers that are still open.
    pub(super) fn reset(&self) {
        let mut kept = self.kept();
        *kept = Kept {
            open: kept.open,
            ..Kept::default()
        };
    }
}
