//! Reports of thresholds on their way to whoever posts them.
//!
//! Calls put them in, the control runtime takes them out. What must stay true: putting one in never waits; there are at
//! most [`MOST`], and what did not fit is counted.

use std::collections::VecDeque;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};
use tokio::sync::Notify;
use tollgate_state::budgets::Notice;

/// Most reports that wait.
const MOST: usize = 1024;

/// The queue.
#[derive(Debug, Default)]
pub struct Notices {
    waiting: Mutex<VecDeque<Told>>,
    arrived: Notify,
    dropped: AtomicU64,
}

/// A report with the number that it has in this process.
#[derive(Clone, Debug)]
pub struct Told {
    /// The report.
    pub notice: Notice,
    /// A random id: the same for every try.
    pub id: u128,
}

impl Notices {
    /// Puts reports in.
    pub fn put(&self, notices: Vec<Notice>) {
        if notices.is_empty() {
            return;
        }
        let mut waiting = self.waiting();
        for notice in notices {
            if waiting.len() >= MOST {
                self.dropped.fetch_add(1, Ordering::Relaxed);
                tracing::warn!(
                    budget = &*notice.rule.id,
                    "a report of a budget was dropped: too many wait"
                );
                continue;
            }
            let id = uuid::Uuid::new_v4().as_u128();
            waiting.push_back(Told { notice, id });
        }
        drop(waiting);
        self.arrived.notify_one();
    }

    /// The next report, once there is one. For one taker.
    pub async fn next(&self) -> Told {
        loop {
            if let Some(told) = self.take() {
                return told;
            }
            self.arrived.notified().await;
        }
    }

    /// The next report, if there is one.
    pub fn take(&self) -> Option<Told> {
        self.waiting().pop_front()
    }

    /// How many reports did not fit.
    pub fn dropped(&self) -> u64 {
        self.dropped.load(Ordering::Relaxed)
    }

    fn waiting(&self) -> MutexGuard<'_, VecDeque<Told>> {
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
