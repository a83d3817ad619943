//! Responses that were stored for later requests.
//!
//! Called by `responses`. What must stay true: bounded; the oldest goes first.

use std::collections::VecDeque;
use std::sync::{Mutex, PoisonError};

use serde_json::Value;

use crate::simulator::answer::Turn;

/// How many are kept.
const CAPACITY: usize = 1_000;

/// A stored response: the conversation up to its answer, and its JSON.
#[derive(Clone)]
pub(super) struct Stored {
    pub(super) turns: Vec<Turn>,
    pub(super) value: Value,
}

/// The stored responses by identifier.
#[derive(Default)]
pub(in crate::simulator) struct ResponseStore {
    entries: Mutex<VecDeque<(String, Stored)>>,
}

impl ResponseStore {
    pub(super) fn insert(&self, id: String, stored: Stored) {
        let mut entries = self.entries.lock().unwrap_or_else(PoisonError::into_inner);
        if entries.len() == CAPACITY {
            entries.pop_front();
        }
        entries.push_back((id, stored));
    }

    fn get<T>(&self, id: &str, read: impl FnOnce(&Stored) -> T) -> Option<T> {
        let entries = self.entries.lock().unwrap_or_else(PoisonError::into_inner);
        entries
            .iter()
            .rev()
            .find(|(known, _)| known == id)
            .map(|(_, stored)| read(stored))
    }

    pub(super) fn turns(&self, id: &str) -> Option<Vec<Turn>> {
        self.get(id, |stored| stored.turns.clone())
    }

    pub(super) fn value(&self, id: &str) -> Option<Value> {
        self.get(id, |stored| stored.value.clone())
    }

    pub(super) fn remove(&self, id: &str) -> bool {
        let mut entries = self.entries.lock().unwrap_or_else(PoisonError::into_inner);
        let before = entries.len();
        entries.retain(|(known, _)| known != id);
        entries.len() < before
    }
}
