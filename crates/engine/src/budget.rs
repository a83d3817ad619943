//! Budgets in the pipeline: which of them a call draws from, whether it may, and what it has spent.
//!
//! | file | what |
//! |---|---|
//! | `plan` | the budgets of a configuration, compiled |
//! | `draw` | a call's way through its budgets |
//! | `admit` | what it may spend, and whether they have it |
//! | `beside` | what a policy's own model calls draw |
//! | `refusal` | what is said to a call that does not fit |
//! | `keys` | keys that a caller makes of its own, each with a ceiling |
//! | `notices` | reports of thresholds on their way out |
//! | `restore` | budgets and keys out of the ledger, after a restart |
//! | `show` | budgets as JSON |
//! | `api` | what callers see and do at the configured path |
//!
//! What must stay true: which budgets could apply to a subscription is known when the configuration is loaded; a call
//! without one costs one branch; a call is admitted by all of its budgets or by none, and settles with the numbers that
//! the ledger keeps, so that a restart finds the same.

mod admit;
mod api;
mod beside;
mod draw;
pub mod keys;
mod notices;
mod plan;
mod refusal;
mod restore;
pub mod show;
#[cfg(test)]
mod tests;

pub(crate) use api::answer;
pub(crate) use beside::{Beside, beside};
pub use draw::{Draw, Drawn};
pub(crate) use draw::{enter, reserve, settle, settle_known};
pub use keys::{ChildKey, Keys};
pub use notices::{Notices, Told};
pub use plan::{Budget, Plan};
pub(crate) use plan::{Space, Who};
pub use restore::{Restore, Restored};

use tollgate_state::Budgets;

/// What budgets have spent and who is told of it: outlives requests and configurations, shared by all threads.
#[derive(Debug, Default)]
pub struct BudgetState {
    /// What was spent.
    pub accounts: Budgets,
    /// Child keys.
    pub keys: Keys,
    /// Reports on their way out.
    pub notices: Notices,
}
