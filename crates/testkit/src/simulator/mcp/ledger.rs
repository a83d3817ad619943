//! The last calls that the MCP server ran, and how they ended.
//!
//! Written by `call`, read by `GET /calls` and tests. What must stay true: bounded; a call whose work was dropped is
//! cancelled.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, PoisonError};

use serde::{Deserialize, Serialize};

/// How many calls are kept.
const KEPT: usize = 1_000;

/// How a call ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum McpOutcome {
    /// It has not.
    Running,
    /// With a result; also one that says that the tool failed.
    Completed,
    /// With a question to the client.
    InputRequired,
    /// With a JSON-RPC error.
    Refused,
    /// The client did not want it any more.
    Cancelled,
}

/// A request that the MCP server ran.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct McpCall {
    /// Its method.
    pub method: String,
    /// The tool, prompt or resource; empty for other methods.
    pub name: String,
    /// The revision that it was made in.
    pub revision: String,
    /// How it ended.
    pub outcome: McpOutcome,
}

#[derive(Default)]
struct Calls {
    dropped: usize,
    calls: VecDeque<McpCall>,
}

/// The bounded list.
#[derive(Default)]
pub(in super::super) struct Ledger(Arc<Mutex<Calls>>);

/// A call that runs. Dropping it without [`Entry::end`] means that it was cancelled.
pub(super) struct Entry {
    ledger: Arc<Mutex<Calls>>,
    number: usize,
    ended: bool,
}

impl Ledger {
    /// All that are kept, oldest first.
    pub(in super::super) fn list(&self) -> Vec<McpCall> {
        lock(&self.0).calls.iter().cloned().collect()
    }

    /// Forgets all.
    pub(in super::super) fn clear(&self) {
        let mut calls = lock(&self.0);
        calls.dropped += calls.calls.len();
        calls.calls.clear();
    }

    pub(super) fn begin(&self, method: &str, name: &str, revision: &str) -> Entry {
        let mut calls = lock(&self.0);
        if calls.calls.len() >= KEPT {
            calls.calls.pop_front();
            calls.dropped += 1;
        }
        calls.calls.push_back(McpCall {
            method: method.to_owned(),
            name: name.to_owned(),
            revision: revision.to_owned(),
            outcome: McpOutcome::Running,
        });
        Entry {
            ledger: Arc::clone(&self.0),
            number: calls.dropped + calls.calls.len() - 1,
            ended: false,
        }
    }
}

impl Entry {
    pub(super) fn end(mut self, outcome: McpOutcome) {
        self.set(outcome);
        self.ended = true;
    }

    fn set(&self, outcome: McpOutcome) {
        let mut calls = lock(&self.ledger);
        let at = self.number.checked_sub(calls.dropped);
        if let Some(call) = at.and_then(|at| calls.calls.get_mut(at)) {
            call.outcome = outcome;
        }
    }
}

impl Drop for Entry {
    fn drop(&mut self) {
        if !self.ended {
            self.set(McpOutcome::Cancelled);
        }
    }
}

fn lock(calls: &Mutex<Calls>) -> std::sync::MutexGuard<'_, Calls> {
    calls.lock().unwrap_or_else(PoisonError::into_inner)
}
