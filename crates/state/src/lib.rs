//! State behind small traits: counters, values with a time to live, vectors. Here with memory behind them. Who is
//! inside at one time, which is of one process. And the ledger, in files.
//!
//! Called by `engine`'s policies. What must hold: time is a parameter (Unix milliseconds), never read; every map is
//! bounded and forgets what is idle; locks are held for short sections and never across an await; a store that has to
//! wait says so with [`Answer::Later`], memory never does.
#![cfg_attr(test, allow(clippy::unwrap_used))]

mod answer;
pub mod budgets;
pub mod cache;
pub mod concurrency;
pub mod counters;
pub mod fuzz;
mod key;
pub mod ledger;
pub mod vectors;

pub use answer::Answer;
pub use budgets::Budgets;
pub use cache::{Cache, MemoryCache};
pub use concurrency::Concurrency;
pub use counters::{
    Ask, Counters, Decision, Decisions, Exceeded, Limit, Measure, MemoryCounters, Moment, Period,
    Quota, Rate, Reservation, TokenLimit, TokensLeft,
};
pub use vectors::{MemoryVectors, Vectors};

/// A lock that stays usable after a panic elsewhere: the state under it is whole between any two statements here.
pub(crate) fn lock<T>(mutex: &std::sync::Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex
        .lock()
        .unwrap_or_else(std::sync::PoisonError::into_inner)
}
