//! Budgets as the configuration has them, and what is set for all of them.

use std::sync::Arc;
use std::time::Duration;
use tollgate_lang::Span;
use tollgate_state::budgets::{Calendar, Unit};

use super::Secret;

/// A budget.
#[derive(Clone, Debug)]
pub struct BudgetDefinition {
    /// Where it stands.
    pub span: Option<Span>,
    /// The workspace that it is in: then only calls of the workspace's APIs count.
    pub workspace: Option<Arc<str>>,
    /// Its id.
    pub id: Arc<str>,
    /// What it counts.
    pub unit: Unit,
    /// The most of a period: tokens, or 10^-12 of the currency.
    pub limit: u128,
    /// Its periods.
    pub calendar: Calendar,
    /// Whether it refuses calls.
    pub hard: bool,
    /// The most that is carried over; `None`: nothing is.
    pub carry_over: Option<u128>,
    /// Percentages that are reported, ascending, and whom to: ids of notifications.
    pub thresholds: Vec<(u16, Vec<Arc<str>>)>,
    /// Whom it is reported to that nothing is left, or that a call was refused.
    pub notify: Vec<Arc<str>>,
    /// The budget that all of it is spent from as well, and where it is named; looked for in the workspace, then in the
    /// service.
    pub parent: Option<(Arc<str>, Option<Span>)>,
    /// Of what it applies to each; `None`: to all together.
    pub each: Option<Each>,
    /// Whether only what its children spend counts.
    pub children_only: bool,
    /// Which calls it applies to.
    pub scope: BudgetScope,
    /// What happens to a call that has no price. Only of a budget of money.
    pub unpriced: UnpricedCalls,
}

/// Which calls a budget applies to: all that fit in every list that is not empty.
#[derive(Clone, Debug, Default)]
pub struct BudgetScope {
    /// Ids of products.
    pub products: Vec<Arc<str>>,
    /// Ids of groups that the subscription's owner is in.
    pub groups: Vec<Arc<str>>,
    /// Ids of subscriptions.
    pub subscriptions: Vec<Arc<str>>,
    /// Ids of users.
    pub users: Vec<Arc<str>>,
    /// Ids of APIs.
    pub apis: Vec<Arc<str>>,
    /// Ids of backends that calls are sent to: of a pool its own, not those of its members.
    pub backends: Vec<Arc<str>>,
    /// Names of models; a `*` at the end stands for any rest.
    pub models: Vec<Arc<str>>,
}

/// Of what a budget applies to each.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Each {
    /// Of each subscription.
    Subscription,
    /// Of each owner of subscriptions.
    User,
    /// Of each product.
    Product,
    /// Of each API, its revisions together.
    Api,
    /// Of each run of an agent, as the request names it.
    Run,
}

/// What a budget of money does with a call of which nobody knows the price.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum UnpricedCalls {
    /// Refuses it: it could cost anything.
    #[default]
    Refuse,
    /// Lets it through and counts nothing of it.
    Allow,
}

/// What is set for all budgets.
#[derive(Clone, Debug)]
pub struct BudgetSettings {
    /// Header of the answer with the tokens that are left; empty: none.
    pub tokens_header: Arc<str>,
    /// Header of the answer with the money that is left; empty: none.
    pub amount_header: Arc<str>,
    /// Header of the request that names the run of an agent; empty: none.
    pub run_header: Arc<str>,
    /// Path on the callers' listeners where they see their budgets and make child keys; `None`: nowhere.
    pub path: Option<Arc<str>>,
    /// Most levels of child keys below a subscription's; 0: none can be made.
    pub key_depth: u32,
    /// Most child keys at one time.
    pub keys: usize,
    /// Longest life of a child key.
    pub key_life: Duration,
    /// Who is told of thresholds.
    pub notifications: Vec<NotificationDefinition>,
}

impl Default for BudgetSettings {
    fn default() -> Self {
        BudgetSettings {
            tokens_header: Arc::from("x-budget-remaining-tokens"),
            amount_header: Arc::from("x-budget-remaining-amount"),
            run_header: Arc::from("x-agent-run-id"),
            path: None,
            key_depth: 4,
            keys: 10_000,
            key_life: Duration::from_secs(24 * 3600),
            notifications: Vec::new(),
        }
    }
}

/// A webhook that is told of thresholds.
#[derive(Clone, Debug)]
pub struct NotificationDefinition {
    /// Its id.
    pub id: Arc<str>,
    /// Where to post.
    pub url: Arc<str>,
    /// What the posts are signed with; `None`: they are not.
    pub secret: Option<Secret>,
    /// How long a post is tried again.
    pub deadline: Duration,
}
