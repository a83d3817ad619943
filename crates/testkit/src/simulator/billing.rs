//! The bill of one answer.
//!
//! Called by the router (opens it) and by bodies (add tokens). What must stay true: a bill reaches
//! the ledger exactly once, when it is dropped, whatever happened to the answer.

use std::sync::Arc;
use std::time::{SystemTime, UNIX_EPOCH};

use tokio::time::Instant;

use super::State;
use super::usage::{Outcome, UsageRecord};

/// An open bill.
pub(super) struct Bill {
    state: Arc<State>,
    deployment: usize,
    estimate: u32,
    record: Option<UsageRecord>,
}

impl Bill {
    /// Opens a bill for an admitted call; `record` holds everything but the completion.
    pub(super) fn open(
        state: Arc<State>,
        deployment: usize,
        estimate: u32,
        record: UsageRecord,
    ) -> Self {
        state.usage.open();
        Self {
            state,
            deployment,
            estimate,
            record: Some(record),
        }
    }

    /// Adds generated tokens.
    pub(super) fn add(&mut self, tokens: u32) {
        if let Some(record) = &mut self.record {
            record.completion_tokens += tokens;
        }
    }

    /// The answer was sent to its end.
    pub(super) fn finish(&mut self) {
        if let Some(record) = &mut self.record {
            record.outcome = Outcome::Finished;
        }
    }
}

impl Drop for Bill {
    fn drop(&mut self) {
        let Some(mut record) = self.record.take() else {
            return;
        };
        record.total_tokens = record.prompt_tokens + record.completion_tokens;
        record.time_ms = unix_millis();
        self.state.deployments[self.deployment].capacity.settle(
            self.estimate,
            record.total_tokens,
            Instant::now(),
        );
        self.state.usage.close(record);
    }
}

/// Milliseconds since the Unix epoch.
pub(super) fn unix_millis() -> u64 {
    let since = SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .unwrap_or_default();
    u64::try_from(since.as_millis()).unwrap_or(u64::MAX)
}
