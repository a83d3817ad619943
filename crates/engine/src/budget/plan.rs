//! The budgets of a configuration, compiled: what each counts, and which of them could apply to whom.
//!
//! Built by [`crate::snapshot::build`]. What must stay true: a parent is never below its child; of a call no more than
//! [`MOST`] budgets count, as many as the ledger keeps.

use crate::definition::{BudgetDefinition, BudgetSettings, Definition, Each, UnpricedCalls};
use crate::snapshot::{Api, BackendIndex, Product, Scope, Subscription, unknown};
use http::HeaderName;
use smallvec::SmallVec;
use std::collections::HashMap;
use std::sync::Arc;
use tollgate_lang::value::Str;
use tollgate_lang::{Diagnostic, Diagnostics, Severity, Span};
use tollgate_state::budgets::{Rule, Subject};

/// Most budgets that one call draws from.
pub(crate) const MOST: usize = 16;

/// Most levels of parents.
const DEEPEST: usize = 8;

/// A budget.
#[derive(Debug)]
pub struct Budget {
    /// What it counts. Its id is the budget's, of one in a workspace with the workspace's and a colon before it.
    pub rule: Arc<Rule>,
    /// Of what it applies to each.
    pub each: Option<Each>,
    /// Index of the budget that all of it is spent from as well.
    pub parent: Option<u32>,
    /// What happens to a call without a price.
    pub unpriced: UnpricedCalls,
    /// Whom thresholds are reported to: percent, and indexes into the notifications of the settings.
    pub thresholds: Vec<(u16, Vec<u32>)>,
    /// The same for what is used up and for refusals.
    pub notify: Vec<u32>,
    children_only: bool,
    workspace: Option<u32>,
    products: Vec<u32>,
    apis: Vec<u32>,
    backends: Vec<BackendIndex>,
    models: Vec<Str>,
}

/// Who calls what, as far as it is known.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Who<'a> {
    pub(crate) subscription: Option<u32>,
    pub(crate) product: Option<u32>,
    /// Index of the API.
    pub(crate) api: Option<u32>,
    /// The backend that the call is sent to, once it is known.
    pub(crate) backend: Option<BackendIndex>,
    /// The model, once it is known.
    pub(crate) model: Option<&'a str>,
    pub(crate) run: Option<&'a str>,
}

/// The budgets of a configuration.
#[derive(Debug, Default)]
pub struct Plan {
    /// All of them.
    pub budgets: Vec<Budget>,
    currency: Str,
    /// What is set for all of them.
    pub settings: BudgetSettings,
    /// `settings.tokens_header`.
    pub(crate) tokens_header: Option<HeaderName>,
    /// `settings.amount_header`.
    pub(crate) amount_header: Option<HeaderName>,
    /// `settings.run_header`.
    pub(crate) run_header: Option<HeaderName>,
    /// For each subscription, those that could apply to its calls.
    of_subscriptions: Vec<Box<[u32]>>,
    /// Those that could apply to calls without a subscription.
    of_nobody: Box<[u32]>,
    /// Names of subscriptions and products, with those of their workspaces.
    subscriptions: Vec<Str>,
    subscription_names: HashMap<Str, u32>,
    owners: Vec<Option<Str>>,
    products: Vec<Str>,
    /// The same of APIs, of their first revision.
    apis: Vec<(u32, Str, Option<u32>)>,
}

/// What ids mean, while a plan is built.
pub(crate) struct Space<'a> {
    pub(crate) backends: &'a [HashMap<Str, BackendIndex>],
    pub(crate) apis: &'a [HashMap<Str, u32>],
    pub(crate) products: &'a [HashMap<Str, u32>],
    /// Position of a workspace's names in these.
    pub(crate) of: &'a dyn Fn(Option<&Arc<str>>) -> usize,
    pub(crate) built: (&'a [Api], &'a [Product], &'a [Subscription]),
}

impl Plan {
    /// Compiles budgets; faults of what they name are told.
    pub(crate) fn build(
        definition: &Definition,
        space: &Space<'_>,
        diagnostics: &mut Diagnostics,
    ) -> Plan {
        let settings = definition.budget_settings.clone();
        let header = |text: &str| HeaderName::try_from(text).ok();
        let mut plan = Plan {
            tokens_header: header(&settings.tokens_header),
            amount_header: header(&settings.amount_header),
            run_header: header(&settings.run_header),
            settings,
            currency: Str::from(definition.gateway.prices.currency()),
            ..Plan::default()
        };
        if definition.budgets.is_empty() && plan.settings.path.is_none() {
            return plan;
        }
        let (apis, _, subscriptions) = space.built;
        let workspace = |at: Option<u32>| -> Option<&Str> {
            definition.workspaces.get(at? as usize).map(|w| &w.id)
        };
        plan.subscriptions = subscriptions
            .iter()
            .map(|s| within(workspace(s.workspace), &s.id))
            .collect();
        plan.subscription_names = (0..)
            .zip(&plan.subscriptions)
            .map(|(at, name)| (name.clone(), at))
            .collect();
        let owner = |at: Option<u32>| definition.users.get(at? as usize).map(|u| u.id.clone());
        plan.owners = subscriptions.iter().map(|s| owner(s.owner)).collect();
        plan.products = definition
            .products
            .iter()
            .map(|p| within(p.workspace.as_ref(), &p.id))
            .collect();
        plan.apis = apis
            .iter()
            .map(|a| (a.root, within(workspace(a.workspace), &a.id), a.workspace))
            .collect();
        for budget in &definition.budgets {
            let built = plan.budget(budget, space, diagnostics);
            plan.budgets.push(built);
        }
        plan.parents(&definition.budgets, diagnostics);
        plan.of_subscriptions = (0..subscriptions.len())
            .map(|at| plan.candidates(Some(at), definition, space))
            .collect();
        plan.of_nobody = plan.candidates(None, definition, space);
        plan.bounded(definition, diagnostics);
        plan
    }

    fn budget(
        &self,
        budget: &BudgetDefinition,
        space: &Space<'_>,
        diagnostics: &mut Diagnostics,
    ) -> Budget {
        let at = (space.of)(budget.workspace.as_ref());
        let scope = &budget.scope;
        let mut indexes = |ids: &[Arc<str>], known: &HashMap<Str, u32>, what: &str| -> Vec<u32> {
            ids.iter()
                .filter_map(|id| crate::snapshot::found(diagnostics, budget.span, what, id, known))
                .collect()
        };
        let apis = indexes(&scope.apis, &space.apis[at], "API");
        let products = indexes(&scope.products, &space.products[at], "product");
        let mut backends = Vec::new();
        for id in &scope.backends {
            match space.backends[at].get(id) {
                Some(index) => backends.push(*index),
                None => {
                    let known = space.backends[at].keys();
                    unknown(diagnostics, budget.span, "backend", id, known);
                }
            }
        }
        let mut notifications = |ids: &[Arc<str>]| -> Vec<u32> {
            let all = &self.settings.notifications;
            let mut found = Vec::new();
            for id in ids {
                match (0..).zip(all).find(|(_, n)| n.id == *id) {
                    Some((at, _)) => found.push(at),
                    None => {
                        let known = all.iter().map(|n| &n.id);
                        unknown(diagnostics, budget.span, "notification", id, known);
                    }
                }
            }
            found
        };
        let built = space.built.0;
        Budget {
            rule: Arc::new(Rule {
                id: within(budget.workspace.as_ref(), &budget.id),
                unit: budget.unit,
                limit: budget.limit,
                calendar: budget.calendar.clone(),
                hard: budget.hard,
                carry_over: budget.carry_over,
                thresholds: budget.thresholds.iter().map(|(at, _)| *at).collect(),
            }),
            each: budget.each,
            parent: None,
            unpriced: budget.unpriced,
            thresholds: budget
                .thresholds
                .iter()
                .map(|(at, ids)| (*at, notifications(ids)))
                .collect(),
            notify: notifications(&budget.notify),
            children_only: budget.children_only,
            workspace: at.checked_sub(1).and_then(|at| u32::try_from(at).ok()),
            products,
            apis: apis.iter().map(|at| built[*at as usize].root).collect(),
            backends,
            models: scope.models.clone(),
        }
    }

    /// Finds parents. A circle of them is a fault; a child above its parent can never spend its limit.
    fn parents(&mut self, definitions: &[BudgetDefinition], diagnostics: &mut Diagnostics) {
        let mut ids: HashMap<Str, u32> = HashMap::new();
        for (at, budget) in (0..).zip(definitions) {
            let id = within(budget.workspace.as_ref(), &budget.id);
            if ids.insert(id, at).is_some() {
                fault(
                    diagnostics,
                    "TG0301",
                    budget.span,
                    format!("budget `{}` is defined twice", budget.id),
                    "rename or remove one of them",
                );
            }
        }
        for (at, budget) in definitions.iter().enumerate() {
            let Some((parent, _)) = &budget.parent else {
                continue;
            };
            let own = ids.get(&within(budget.workspace.as_ref(), parent));
            match own.or_else(|| ids.get(parent)) {
                Some(found) => self.budgets[at].parent = Some(*found),
                None => unknown(diagnostics, budget.span, "budget", parent, ids.keys()),
            }
        }
        for (at, budget) in (0_u32..).zip(definitions) {
            let place = budget.parent.as_ref().and_then(|(_, span)| *span);
            let above = self.above(at);
            if above.len() >= DEEPEST {
                let circle = above.contains(&at);
                fault(
                    diagnostics,
                    "TG0730",
                    place.or(budget.span),
                    if circle {
                        format!("budget `{}` is above itself", budget.id)
                    } else {
                        format!(
                            "budget `{}` has {DEEPEST} budgets above it or more",
                            budget.id
                        )
                    },
                    "a budget draws from its parent, and that from its own: leave out one `parent`",
                );
                // Nothing walks in circles from here on.
                self.budgets[at as usize].parent = None;
                continue;
            }
            let own = &self.budgets[at as usize].rule;
            let Some(parent) = above.first().map(|at| &self.budgets[*at as usize].rule) else {
                continue;
            };
            let comparable =
                own.unit == parent.unit && own.calendar.recurrence == parent.calendar.recurrence;
            if comparable && own.limit > parent.limit {
                diagnostics.push(diagnostic(
                    "TG0731",
                    Severity::Warning,
                    place.or(budget.span),
                    format!(
                        "budget `{}` is larger than its parent `{}`",
                        budget.id, parent.id
                    ),
                    "the parent's limit ends before: lower one or raise the other",
                ));
            }
        }
    }

    /// The budgets above one, nearest first; at most [`DEEPEST`].
    fn above(&self, at: u32) -> SmallVec<[u32; DEEPEST]> {
        let mut above = SmallVec::new();
        let mut next = self.budgets[at as usize].parent;
        while let Some(at) = next.filter(|_| above.len() < DEEPEST) {
            above.push(at);
            next = self.budgets[at as usize].parent;
        }
        above
    }

    /// The budgets whose scope does not leave out a subscription (`None`: calls without one).
    fn candidates(
        &self,
        subscription: Option<usize>,
        definition: &Definition,
        space: &Space<'_>,
    ) -> Box<[u32]> {
        let (_, _, subscriptions) = space.built;
        let subscription = subscription.map(|at| &subscriptions[at]);
        let owner = subscription
            .and_then(|s| s.owner)
            .and_then(|at| definition.users.get(at as usize));
        let fits = |budget: &Budget, scope: &crate::definition::BudgetScope| {
            let product = match subscription.map(|s| s.scope) {
                Some(Scope::Product(product)) => budget.products.contains(&product),
                Some(Scope::Api(_) | Scope::AllApis) => false,
                None => true,
            };
            (budget.products.is_empty() || product)
                && (scope.subscriptions.is_empty()
                    || subscription.is_some_and(|s| {
                        s.workspace == budget.workspace && scope.subscriptions.contains(&s.id)
                    }))
                && (scope.users.is_empty() || owner.is_some_and(|u| scope.users.contains(&u.id)))
                && (scope.groups.is_empty()
                    || owner
                        .is_some_and(|u| u.groups.iter().any(|(id, _)| scope.groups.contains(id))))
        };
        let mut candidates: Vec<u32> = (0_u32..)
            .zip(self.budgets.iter().zip(&definition.budgets))
            .filter(|(_, (budget, defined))| !budget.children_only && fits(budget, &defined.scope))
            .map(|(at, _)| at)
            .collect();
        // Narrow to broad.
        candidates.sort_by_key(|at| std::cmp::Reverse(self.above(*at).len()));
        candidates.into()
    }

    /// Refuses configurations in which a call could draw from more budgets than [`MOST`].
    fn bounded(&self, definition: &Definition, diagnostics: &mut Diagnostics) {
        let roots: Vec<u32> = self.apis.iter().map(|(root, _, _)| *root).collect();
        for candidates in self.of_subscriptions.iter().chain([&self.of_nobody]) {
            let most = |root: u32| {
                let mut drawn: Vec<u32> = Vec::new();
                for at in candidates {
                    let budget = &self.budgets[*at as usize];
                    if budget.apis.is_empty() || budget.apis.contains(&root) {
                        for at in std::iter::once(*at).chain(self.above(*at)) {
                            if !drawn.contains(&at) {
                                drawn.push(at);
                            }
                        }
                    }
                }
                drawn
            };
            // Usually there are not that many at all.
            if candidates.len() * DEEPEST <= self.room() {
                continue;
            }
            let room = self.room();
            if let Some(drawn) = roots.iter().map(|r| most(*r)).find(|d| d.len() > room) {
                let last = drawn.last().map_or(0, |at| *at as usize);
                fault(
                    diagnostics,
                    "TG0732",
                    definition.budgets[last].span,
                    format!("a call could draw from {} budgets", drawn.len()),
                    "at most 16 count for one call, child keys with them: give the budgets narrower scopes",
                );
                return;
            }
        }
    }

    /// Most budgets of the configuration that one call draws from; the rest is for child keys.
    fn room(&self) -> usize {
        let keys = match self.settings.path {
            Some(_) => self.settings.key_depth as usize,
            None => 0,
        };
        MOST.saturating_sub(keys)
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.budgets.is_empty()
    }

    /// The currency of budgets of money.
    pub fn currency(&self) -> &str {
        &self.currency
    }

    /// Index of a subscription by its name with that of its workspace.
    pub(crate) fn subscription(&self, name: &str) -> Option<u32> {
        self.subscription_names.get(name).copied()
    }

    /// The name of a subscription, with that of its workspace.
    pub(crate) fn subscription_name(&self, at: u32) -> Option<&Str> {
        self.subscriptions.get(at as usize)
    }

    /// The budgets that a call draws from, narrow to broad, with the subject of each. What is not known yet of the call
    /// leaves out those that ask for it.
    pub(crate) fn resolve<'a>(&'a self, who: &Who<'a>) -> SmallVec<[(u32, Subject<'a>); 4]> {
        let mut found: SmallVec<[(u32, Subject<'a>); 4]> = SmallVec::new();
        let candidates = match who.subscription {
            Some(at) => self.of_subscriptions.get(at as usize),
            None => Some(&self.of_nobody),
        };
        for at in candidates.into_iter().flat_map(|c| c.iter().copied()) {
            if !self.applies(&self.budgets[at as usize], who) {
                continue;
            }
            let mut next = Some(at);
            let mut below = true;
            while let Some(at) = next {
                let budget = &self.budgets[at as usize];
                let subject = self.subject(budget.each, who);
                // A child that applies to each of what this call has not leaves out its parents too.
                if below && subject.is_none() {
                    break;
                }
                below = false;
                if let Some(subject) = subject
                    && found.len() < self.room()
                    && !found.iter().any(|(other, _)| *other == at)
                {
                    found.push((at, subject));
                }
                next = budget.parent;
            }
        }
        found
    }

    fn applies(&self, budget: &Budget, who: &Who<'_>) -> bool {
        let api = who.api.and_then(|at| self.apis.get(at as usize));
        (budget.workspace.is_none() || api.is_some_and(|(_, _, w)| *w == budget.workspace))
            && (budget.products.is_empty()
                || who.product.is_some_and(|p| budget.products.contains(&p)))
            && (budget.apis.is_empty()
                || api.is_some_and(|(root, _, _)| budget.apis.contains(root)))
            && (budget.backends.is_empty()
                || who.backend.is_some_and(|b| budget.backends.contains(&b)))
            && (budget.models.is_empty()
                || who
                    .model
                    .is_some_and(|model| budget.models.iter().any(|m| names(m, model))))
    }

    /// Who spends, for a budget that applies to each of something.
    fn subject<'a>(&'a self, each: Option<Each>, who: &Who<'a>) -> Option<Subject<'a>> {
        let named = |names: &'a [Str], at: Option<u32>| -> Option<&'a str> {
            names.get(at? as usize).map(|name| &**name)
        };
        Some(match each {
            None => Subject::All,
            Some(Each::Subscription) => {
                Subject::Known(named(&self.subscriptions, who.subscription)?)
            }
            Some(Each::User) => {
                let owner = self.owners.get(who.subscription? as usize)?;
                Subject::Known(owner.as_deref()?)
            }
            Some(Each::Product) => Subject::Known(named(&self.products, who.product)?),
            Some(Each::Api) => {
                let (root, _, _) = self.apis.get(who.api? as usize)?;
                Subject::Known(&self.apis.get(*root as usize)?.1)
            }
            Some(Each::Run) => Subject::Passing(who.run.filter(|run| !run.is_empty())?),
        })
    }

    /// A budget by the id of its rule.
    pub fn find(&self, id: &str) -> Option<&Budget> {
        self.budgets.iter().find(|budget| *budget.rule.id == *id)
    }
}

/// An id with that of its workspace.
fn within(workspace: Option<&Arc<str>>, id: &Str) -> Str {
    match workspace {
        None => id.clone(),
        Some(workspace) => Str::from(format!("{workspace}:{id}")),
    }
}

/// Whether a pattern names a model: as it stands, or up to the `*` at its end. Case does not matter.
fn names(pattern: &str, model: &str) -> bool {
    match pattern.strip_suffix('*') {
        Some(begin) => model
            .as_bytes()
            .get(..begin.len())
            .is_some_and(|start| start.eq_ignore_ascii_case(begin.as_bytes())),
        None => pattern.eq_ignore_ascii_case(model),
    }
}

fn fault(
    diagnostics: &mut Diagnostics,
    code: &'static str,
    span: Option<Span>,
    message: String,
    help: &str,
) {
    diagnostics.push(diagnostic(code, Severity::Error, span, message, help));
}

fn diagnostic(
    code: &'static str,
    severity: Severity,
    span: Option<Span>,
    message: String,
    help: &str,
) -> Diagnostic {
    Diagnostic {
        code,
        severity,
        message,
        span,
        label: String::new(),
        help: Some(help.to_owned()),
        related: Vec::new(),
    }
}
