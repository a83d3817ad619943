//! A call's way through its budgets: looked at before inbound, admitted before it goes upstream, settled at its end.
//!
//! What must stay true: a call is admitted once, however often it is sent; what was set aside is settled or given back;
//! a header or variable tells what is left after this call's own reservation.

use super::admit::{Denied, admit};
use super::refusal::exceeded;
use super::{ChildKey, Who};
use crate::accounting;
use crate::exchange::{Deferred, Exchange, TargetBase};
use crate::failure::Failure;
use crate::probe::{Counted, Event};
use crate::snapshot::BackendIndex;
use http::{HeaderName, HeaderValue};
use smallvec::SmallVec;
use std::cell::{Cell, RefCell};
use std::rc::Rc;
use std::sync::{Arc, LazyLock};
use tollgate_lang::value::{Str, Value};
use tollgate_llm::price::Pico;
use tollgate_state::budgets::{Amount, Link, Refusal, Reservation, Rule, Subject, Unit};

/// Longest name of a run that is kept; the ledger keeps 256 bytes of a budget's name and its subject's.
const LONGEST_RUN: usize = 128;

/// Variable with the tokens that are left.
static TOKENS: LazyLock<Str> = LazyLock::new(|| Str::from("budget-remaining-tokens"));

/// Variable with the money that is left.
static AMOUNT: LazyLock<Str> = LazyLock::new(|| Str::from("budget-remaining-amount"));

/// What a call draws from.
#[derive(Debug)]
pub struct Draw {
    /// The budgets, narrow to broad.
    pub budgets: SmallVec<[Drawn; 4]>,
    held: Held,
    reserved: Cell<Amount>,
}

/// What is set aside for a call until it has settled. A running stream may take more.
pub(super) type Held = Rc<RefCell<Option<Reservation>>>;

/// One budget that a call draws from.
#[derive(Clone, Debug)]
pub struct Drawn {
    /// The budget.
    pub rule: Arc<Rule>,
    /// Whose; empty for all.
    pub subject: Str,
    passing: bool,
}

impl Drawn {
    pub(super) fn link(&self) -> Link<'_> {
        Link {
            rule: &self.rule,
            subject: match &*self.subject {
                "" => Subject::All,
                name if self.passing => Subject::Passing(name),
                name => Subject::Known(name),
            },
        }
    }

    /// Its name in the ledger: the id, and behind a `/` the subject.
    pub fn name(&self) -> String {
        if self.subject.is_empty() {
            self.rule.id.to_string()
        } else {
            format!("{}/{}", self.rule.id, self.subject)
        }
    }
}

impl Draw {
    /// What is, or was, set aside for the call.
    pub fn reserved(&self) -> Amount {
        if let Some(held) = &*self.held.borrow() {
            self.reserved.set(held.amount());
        }
        self.reserved.get()
    }
}

/// Whether the request may draw from budgets. A resolver's calls are settled by nobody but their caller's exchange.
fn draws(rq: &Exchange) -> bool {
    (!rq.snapshot.budgets.is_empty() || rq.child_key.is_some()) && rq.resolving.is_none()
}

/// Before inbound: sets the variables, and refuses a call whose budgets have nothing left. What asks for the model or the
/// backend is not known yet.
pub(crate) fn enter(rq: &mut Exchange) -> Result<(), Box<Failure>> {
    if !draws(rq) || !accounting::is_model_call(rq) {
        return Ok(());
    }
    let drawn = resolve(rq, false);
    if drawn.is_empty() {
        return Ok(());
    }
    let now = rq.services.clock.unix_millis();
    let links = links(&drawn);
    let looked = rq
        .services
        .budgets
        .accounts
        .reserve(&links, Amount::default(), now);
    match looked {
        Ok(unused) => drop(unused),
        Err(refusal) => return Err(refuse(rq, &drawn, *refusal)),
    }
    let left = left(rq, &drawn);
    set_variables(rq, &left);
    Ok(())
}

/// Before the call goes upstream: sets aside what it may spend. Also for calls that only a policy's new path made model
/// calls.
pub(crate) async fn reserve(rq: &mut Exchange) -> Result<(), Box<Failure>> {
    // What passes over a WebSocket is not metered.
    let draws = draws(rq) && rq.draw.is_none() && rq.request.upgrade.is_none();
    if !draws || !accounting::is_model_call(rq) {
        return Ok(());
    }
    if rq.llm.is_none() && rq.awaits_model_request() {
        rq.keep_request_body("forward-request").await?;
    }
    rq.llm_call();
    let drawn = resolve(rq, true);
    if drawn.is_empty() {
        return Ok(());
    }
    match admit(rq, &drawn) {
        Err(Denied::Failed(failure)) => Err(failure),
        Err(Denied::Refused(refusal)) => {
            tell(rq, &drawn, Amount::default(), false);
            Err(refuse(rq, &drawn, *refusal))
        }
        Ok(held) => {
            let draw = Draw {
                budgets: drawn,
                held,
                reserved: Cell::default(),
            };
            tell(rq, &draw.budgets, draw.reserved(), true);
            rq.draw = Some(Box::new(draw));
            rq.deferred.push(Box::new(Settling));
            Ok(())
        }
    }
}

/// The budgets of the caller's call; those that ask for the model or the backend only with `all`.
fn resolve(rq: &mut Exchange, all: bool) -> SmallVec<[Drawn; 4]> {
    let model = all.then(|| Str::from(rq.llm_call().model_name()));
    let backend = match rq.request.target.base {
        TargetBase::Backend(index) if all => Some(index),
        _ => None,
    };
    drawn_by(rq, model.as_deref(), backend)
}

/// The budgets of a call of that model at that backend: those of the child key that the request was made with, then
/// those of the configuration.
pub(super) fn drawn_by(
    rq: &Exchange,
    model: Option<&str>,
    backend: Option<BackendIndex>,
) -> SmallVec<[Drawn; 4]> {
    let plan = &rq.snapshot.budgets;
    let who = Who {
        subscription: rq.subscription,
        product: rq.product,
        api: rq.api,
        backend,
        model,
        run: rq.agent_run(),
    };
    let mut drawn: SmallVec<[Drawn; 4]> = SmallVec::new();
    if let Some(key) = &rq.child_key {
        drawn.extend(key.line().map(|key: &ChildKey| Drawn {
            rule: key.rule.clone(),
            subject: Str::from(""),
            passing: false,
        }));
    }
    for (at, subject) in plan.resolve(&who) {
        drawn.push(Drawn {
            rule: plan.budgets[at as usize].rule.clone(),
            subject: Str::from(subject.name()),
            passing: matches!(subject, Subject::Passing(_)),
        });
    }
    drawn
}

pub(super) fn links(drawn: &[Drawn]) -> SmallVec<[Link<'_>; 6]> {
    drawn.iter().map(Drawn::link).collect()
}

/// What is left of the call's budgets: the least of the hard ones of a unit, else of the soft ones.
#[derive(Clone, Copy, Debug, Default)]
struct Left {
    tokens: Option<u128>,
    pico: Option<u128>,
}

fn left(rq: &Exchange, drawn: &[Drawn]) -> Left {
    let now = rq.services.clock.unix_millis();
    let accounts = &rq.services.budgets.accounts;
    let least = |unit: Unit| {
        let of = |hard: bool| {
            drawn
                .iter()
                .filter(|d| d.rule.unit == unit && d.rule.hard == hard)
                .map(|d| accounts.figures(&d.rule, &d.subject, now).remaining)
                .min()
        };
        of(true).or_else(|| of(false))
    };
    Left {
        tokens: least(Unit::Tokens),
        pico: least(Unit::Money),
    }
}

fn set_variables(rq: &mut Exchange, left: &Left) {
    if let Some(tokens) = left.tokens {
        let tokens = i64::try_from(tokens).unwrap_or(i64::MAX);
        rq.set_variable(&TOKENS, Value::Long(tokens));
    }
    if let Some(pico) = left.pico {
        rq.set_variable(&AMOUNT, Value::Decimal(Pico(pico).decimal()));
    }
}

/// The headers that tell what is left.
fn headers(rq: &Exchange, left: &Left) -> SmallVec<[(HeaderName, HeaderValue); 2]> {
    let plan = &rq.snapshot.budgets;
    let tokens = left.tokens.map(|tokens| tokens.to_string());
    let amount = left.pico.map(|pico| Pico(pico).to_string());
    [(&plan.tokens_header, tokens), (&plan.amount_header, amount)]
        .into_iter()
        .filter_map(|(name, text)| Some((name.clone()?, HeaderValue::try_from(text?).ok()?)))
        .collect()
}

/// The failure of a call that does not fit; what is to be reported of it is.
pub(super) fn refuse(rq: &mut Exchange, drawn: &[Drawn], refusal: Refusal) -> Box<Failure> {
    let mut failure = match drawn.get(refusal.link) {
        Some(by) => exceeded(rq, &by.link(), &refusal),
        None => Failure::internal(super::refusal::SOURCE, "BudgetExceeded", "no budget"),
    };
    rq.services.budgets.notices.put(refusal.notices);
    let left = left(rq, drawn);
    set_variables(rq, &left);
    for (name, value) in headers(rq, &left) {
        failure = failure.header(name, value);
    }
    failure
}

/// Tells a probe.
fn tell(rq: &Exchange, drawn: &[Drawn], amount: Amount, allowed: bool) {
    for drawn in drawn {
        rq.tell(|| {
            let number = |n: u128| u64::try_from(n).unwrap_or(u64::MAX);
            Event::Counter(Counted {
                key: &drawn.rule.id,
                limit: Some(number(drawn.rule.limit)),
                count: number(amount.of(drawn.rule.unit)),
                used: None,
                remaining: None,
                allowed,
            })
        });
    }
}

/// Tells what is left when the answer's head is there, and settles at the end.
struct Settling;

impl Settling {
    /// Puts the headers on the answer. Its end may be far away, so what the call has reserved is taken off.
    fn show(rq: &mut Exchange) {
        let Some(draw) = rq.draw.take() else {
            return;
        };
        let left = left(rq, &draw.budgets);
        set_variables(rq, &left);
        let headers = headers(rq, &left);
        let response = rq.response_mut();
        for (name, value) in headers {
            response.headers.insert(name, value);
        }
        rq.draw = Some(draw);
    }
}

impl Deferred for Settling {
    fn on_response(&mut self, rq: &mut Exchange) {
        Settling::show(rq);
    }

    fn on_answer(&mut self, rq: &mut Exchange) {
        // Outbound may have put another answer in place of that one.
        let shown = rq.response.as_ref().is_some_and(|response| {
            let plan = &rq.snapshot.budgets;
            [&plan.tokens_header, &plan.amount_header]
                .into_iter()
                .flatten()
                .any(|name| response.headers.contains_key(name))
        });
        if !shown && rq.last_error.is_some() {
            Settling::show(rq);
        }
    }
}

/// Ends the call's reservation with the usage that is known: where no ledger says what it is charged.
pub(crate) fn settle_known(rq: &mut Exchange) {
    let call = rq.llm.as_deref().filter(|call| !call.cache.is_hit());
    let spent = call.and_then(|call| {
        Some(Amount {
            tokens: call.usage?.total.into(),
            pico: call.cost_pico().unwrap_or(0),
        })
    });
    settle(rq, spent.unwrap_or_default());
}

/// Ends the call's reservation with what it has spent. Only the first call does.
pub(crate) fn settle(rq: &mut Exchange, spent: Amount) {
    let Some(draw) = &rq.draw else {
        return;
    };
    draw.reserved();
    let Some(reservation) = draw.held.take() else {
        return;
    };
    let now = rq.services.clock.unix_millis();
    let notices = reservation.settle(spent, now);
    rq.services.budgets.notices.put(notices);
    if let Some(draw) = &rq.draw {
        tell(rq, &draw.budgets, spent, true);
    }
}

impl Exchange {
    /// The run of an agent that the request belongs to, as its header names it; of a child key without one, the key.
    pub fn agent_run(&self) -> Option<&str> {
        let name = self.snapshot.budgets.run_header.as_ref();
        let text = name.and_then(|name| self.request.headers.get(name)?.to_str().ok());
        let run = text.map(str::trim).filter(|run| !run.is_empty());
        let run = run.map(|run| &run[..run.floor_char_boundary(LONGEST_RUN)]);
        run.or_else(|| self.child_key.as_ref().map(|key| &*key.rule.id))
    }
}
