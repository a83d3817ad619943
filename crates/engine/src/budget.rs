//! Budgets in the pipeline: which of them a call draws from, whether it may, and what it has spent.
//!
//! What must stay true: which budgets could apply to a subscription is known when the configuration is loaded; a call
//! without one costs one branch; a call is admitted by all of its budgets or by none, and settles with the numbers that
//! the ledger keeps, so that a restart finds the same.

mod plan;
#[cfg(test)]
mod tests;

pub use plan::{Budget, Plan};
pub(crate) use plan::{Space, Who};
