//! What a policy's own model call draws: from the budgets of the call that it is made for, by the same rules.
//!
//! Called by `accounting::SideCall`. What must stay true: such a call is admitted by all of its budgets or by none, and
//! settles what it has spent in each; it takes nothing of what the caller's own call has set aside.

use super::admit::{price, refuses_unpriced};
use super::draw::{drawn_by, links, refuse};
use super::refusal::unpriced;
use crate::exchange::Exchange;
use crate::failure::Failure;
use crate::llm_call::LlmCall;
use crate::pricing::{Paid, bound, plain};
use crate::snapshot::BackendIndex;
use tollgate_lang::value::Str;
use tollgate_llm::price::Price;
use tollgate_state::budgets::{Amount, Reservation};

/// What is set aside for such a call.
#[derive(Debug)]
pub(crate) struct Beside {
    /// Names of the budgets, narrow to broad.
    pub(crate) budgets: Vec<String>,
    /// The amount.
    pub(crate) held: Reservation,
}

/// Sets aside what the call may spend; `None` without a budget that it draws from.
///
/// # Errors
/// It does not fit, or nobody knows what it costs and a budget wants that known.
pub(crate) fn beside(
    rq: &mut Exchange,
    call: &mut LlmCall,
    paid: &Paid,
    backend: Option<BackendIndex>,
) -> Result<Option<Beside>, Box<Failure>> {
    if rq.snapshot.budgets.is_empty() && rq.child_key.is_none() {
        return Ok(None);
    }
    let model = Str::from(call.model_name());
    let drawn = drawn_by(rq, Some(&model), backend);
    if drawn.is_empty() {
        return Ok(None);
    }
    let price = match price(rq, &drawn, paid, Some(call)) {
        Some(Err(why)) => {
            if let Some(strict) = refuses_unpriced(rq, &drawn) {
                return Err(unpriced(&strict.link(), &model, &why.to_string()));
            }
            None
        }
        price => price.and_then(Result::ok),
    };
    let amount = amount(rq, call, price.as_deref())?;
    let now = rq.services.clock.unix_millis();
    let accounts = &rq.services.budgets.accounts;
    match accounts.reserve(&links(&drawn), amount, now) {
        Ok(held) => Ok(Some(Beside {
            budgets: drawn.iter().map(|drawn| drawn.name()).collect(),
            held,
        })),
        Err(refusal) => Err(refuse(rq, &drawn, *refusal)),
    }
}

/// The prompt; under strict accounting the most that the call can use.
fn amount(
    rq: &Exchange,
    call: &mut LlmCall,
    price: Option<&Price>,
) -> Result<Amount, Box<Failure>> {
    let accounting = rq.token_accounting();
    if accounting.is_strict() {
        let most = call.most_beside(accounting)?;
        let cost = price.and_then(|price| bound(price, most.prompt, most.output).ok());
        Ok(Amount {
            tokens: most.total().into(),
            pico: cost.map_or(0, |bound| bound.most.0),
        })
    } else {
        let prompt = call.estimate().tokens;
        let cost = price.and_then(|price| plain(price, prompt, 0).ok());
        Ok(Amount {
            tokens: prompt.into(),
            pico: cost.map_or(0, |priced| priced.cost.0),
        })
    }
}
