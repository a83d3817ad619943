//! What a call may spend, and whether its budgets have it.
//!
//! As token limits do (`tokenAccounting`): observed, a call reserves its prompt, and what calls under way produce comes on
//! top; strict, it reserves the most that it can use, and no more is ever spent. What must stay true: a stream that may be
//! ended takes more of its budgets before it passes more on.

use super::draw::{Drawn, Held, links};
use super::refusal::{self, unpriced};
use crate::definition::UnpricedCalls;
use crate::exchange::Exchange;
use crate::failure::Failure;
use crate::llm_call::{LlmCall, Most};
use crate::pricing::{Paid, bound, plain};
use std::cell::RefCell;
use std::rc::Rc;
use std::sync::Arc;
use tollgate_llm::price::{Price, Unpriced};
use tollgate_llm::stream::Stopped;
use tollgate_state::budgets::{Amount, Refusal, Reservation, Unit};

/// How often a call that may be sent with less output looks again for what fits: others take of it meanwhile.
const TRIES: usize = 4;

/// Why a call is not admitted.
pub(super) enum Denied {
    /// It does not fit.
    Refused(Box<Refusal>),
    /// It is wrong itself, or has no price.
    Failed(Box<Failure>),
}

impl From<Box<Failure>> for Denied {
    fn from(failure: Box<Failure>) -> Denied {
        Denied::Failed(failure)
    }
}

/// Sets aside what the call may spend.
pub(super) fn admit(rq: &mut Exchange, drawn: &[Drawn]) -> Result<Held, Denied> {
    rq.llm_call();
    let price = match price(rq, drawn, &rq.paid(), rq.llm.as_deref()) {
        None => None,
        Some(Ok(price)) => Some(price),
        Some(Err(why)) => {
            // It could cost anything; budgets that let it through count nothing of it.
            if let Some(strict) = refuses_unpriced(rq, drawn) {
                let model = rq.llm.as_deref().map_or("", |call| call.model_name());
                let failure = unpriced(&strict.link(), model, &why.to_string());
                return Err(Denied::Failed(failure));
            }
            None
        }
    };
    let accounting = rq.token_accounting();
    let reservation = if accounting.is_strict() {
        let most = rq.most_of_call()?;
        strict(rq, drawn, price.as_ref(), most, accounting.clamp())?
    } else {
        observed(rq, drawn, price.as_ref())?
    };
    let stops = !accounting.is_strict() && accounting.stops_streams();
    Ok(hold(rq, reservation, price, stops))
}

/// The price of a call, where a budget of money asks for it.
pub(super) fn price(
    rq: &Exchange,
    drawn: &[Drawn],
    paid: &Paid,
    call: Option<&LlmCall>,
) -> Option<Result<Arc<Price>, Unpriced>> {
    let money = drawn.iter().any(|d| d.rule.unit == Unit::Money);
    let now = rq.received_unix_nanos / 1_000_000_000;
    money.then(|| rq.snapshot.prices.of_call(paid, call, now))
}

/// The budget that refuses a call of which nobody knows what it costs.
pub(super) fn refuses_unpriced<'d>(rq: &Exchange, drawn: &'d [Drawn]) -> Option<&'d Drawn> {
    let plan = &rq.snapshot.budgets;
    drawn.iter().find(|d| {
        let rule = plan.find(&d.rule.id).map(|budget| budget.unpriced);
        d.rule.unit == Unit::Money && d.rule.hard && rule != Some(UnpricedCalls::Allow)
    })
}

fn reserve(rq: &Exchange, drawn: &[Drawn], amount: Amount) -> Result<Reservation, Denied> {
    let now = rq.services.clock.unix_millis();
    let accounts = &rq.services.budgets.accounts;
    accounts
        .reserve(&links(drawn), amount, now)
        .map_err(Denied::Refused)
}

/// Reserves the prompt.
fn observed(
    rq: &mut Exchange,
    drawn: &[Drawn],
    price: Option<&Arc<Price>>,
) -> Result<Reservation, Denied> {
    let prompt = rq.llm_call().estimate().tokens;
    let cost = price.and_then(|price| plain(price, prompt, 0).ok());
    let amount = Amount {
        tokens: prompt.into(),
        pico: cost.map_or(0, |priced| priced.cost.0),
    };
    reserve(rq, drawn, amount)
}

/// Reserves the most that the call can use; with `clamp`, as much output as fits, but so many tokens for each choice.
fn strict(
    rq: &mut Exchange,
    drawn: &[Drawn],
    price: Option<&Arc<Price>>,
    most: Most,
    clamp: Option<u64>,
) -> Result<Reservation, Denied> {
    let amount = |output: u64| -> Result<Amount, Denied> {
        let pico = match price {
            None => 0,
            Some(price) => match bound(price, most.prompt, output) {
                Ok(bound) => bound.most.0,
                Err(why) => return Err(Denied::Failed(no_bound(&why))),
            },
        };
        Ok(Amount {
            tokens: most.prompt.saturating_add(output).into(),
            pico,
        })
    };
    let least = clamp.map_or(most.output, |each| {
        each.saturating_mul(most.choices).min(most.output)
    });
    let mut reserved = None;
    if least < most.output {
        let (none, one) = (amount(0)?, amount(1)?);
        for _ in 0..TRIES {
            let output = fits(rq, drawn, none, one.pico.saturating_sub(none.pico));
            let output = output.min(most.output);
            if output < least {
                break;
            }
            if let Ok(reservation) = reserve(rq, drawn, amount(output)?) {
                reserved = Some((reservation, output));
                break;
            }
        }
    }
    let (reservation, output) = match reserved {
        Some(reserved) => reserved,
        None => (reserve(rq, drawn, amount(least)?)?, least),
    };
    let call = rq.llm_call();
    if output < most.output {
        call.lower_output(output);
    }
    // What a prompt leaves of its bound is no room for output, which costs more.
    call.limit_output(output);
    Ok(reservation)
}

fn no_bound(why: &Unpriced) -> Box<Failure> {
    Failure::internal(
        refusal::SOURCE,
        "BudgetUnpriced",
        format!("The most that the call costs is not known: {why}."),
    )
}

/// Output tokens that fit in what is left now, beside a prompt of `prompt`, at `each` pico for one.
fn fits(rq: &Exchange, drawn: &[Drawn], prompt: Amount, each: u128) -> u64 {
    let now = rq.services.clock.unix_millis();
    let accounts = &rq.services.budgets.accounts;
    let hard = drawn.iter().filter(|d| d.rule.hard);
    let output = hard.map(|d| {
        let left = accounts.figures(&d.rule, &d.subject, now).remaining;
        let beside = left.saturating_sub(prompt.of(d.rule.unit));
        match d.rule.unit {
            Unit::Tokens => beside,
            Unit::Money => beside.checked_div(each).unwrap_or(u128::MAX),
        }
    });
    u64::try_from(output.min().unwrap_or(u128::MAX)).unwrap_or(u64::MAX)
}

/// Keeps what was set aside. A stream that `stops` takes more as it goes, and is ended when there is no more.
fn hold(
    rq: &mut Exchange,
    reservation: Reservation,
    price: Option<Arc<Price>>,
    stops: bool,
) -> Held {
    let services = rq.services.clone();
    let hard = reservation.rules().any(|rule| rule.hard);
    let held = Rc::new(RefCell::new(Some(reservation)));
    let call = rq.llm_call();
    if stops && hard && call.stream {
        let shared = held.clone();
        call.stop_unless(Box::new(move |used| {
            let mut shared = shared.borrow_mut();
            // Settled: what comes now has been counted.
            let Some(held) = shared.as_mut() else {
                return Ok(());
            };
            let cost = price
                .as_ref()
                .and_then(|price| plain(price, used.input, used.output).ok());
            let so_far = held.amount();
            let more = Amount {
                tokens: u128::from(used.total()).saturating_sub(so_far.tokens),
                pico: cost
                    .map_or(0, |priced| priced.cost.0)
                    .saturating_sub(so_far.pico),
            };
            if more == Amount::default() {
                return Ok(());
            }
            let grown = held.grow(more, services.clock.unix_millis());
            grown.map_err(|refusal| {
                let rule = held.rules().nth(refusal.link);
                let message = rule.map_or_else(String::new, |rule| {
                    format!("Budget `{}` is used up.", rule.id)
                });
                services.budgets.notices.put(refusal.notices);
                Stopped {
                    message,
                    rate: false,
                }
            })
        }));
    }
    held
}
