//! Headers that tell a caller what its call costs, when the gateway is set to (`gateway.costHeaders`).
//!
//! `x-tollgate-cost` is the charge, of an answer whose usage is known before its head goes out: a whole one. The head of a
//! stream has `x-tollgate-cost-maximum`, the most that it may cost; what it did is in the ledger. What must stay true: a
//! stream is never held back for a header; a call without a price says so.

use crate::exchange::{Exchange, Hold};
use crate::failure::Failure;
use http::{HeaderName, HeaderValue, Method};
use tollgate_llm::tokens::bound_prompt;
use tollgate_llm::{ceiling, dialect};

static COST: HeaderName = HeaderName::from_static("x-tollgate-cost");
static MAXIMUM: HeaderName = HeaderName::from_static("x-tollgate-cost-maximum");
static CURRENCY: HeaderName = HeaderName::from_static("x-tollgate-cost-currency");

/// In place of an amount that nobody knows.
const UNPRICED: HeaderValue = HeaderValue::from_static("unpriced");

/// Meters a model call that nothing else has asked of, and keeps its answer until its usage is known.
pub(crate) async fn begin(rq: &mut Exchange) -> Result<(), Box<Failure>> {
    if rq.llm.is_none() {
        let names = rq.request.method == Method::POST
            && rq.request.upgrade.is_none()
            && dialect::names_model_call(rq.target_path());
        if !names {
            return Ok(());
        }
        if rq.awaits_model_request() {
            rq.keep_request_body("forward-request").await?;
        }
        rq.llm_call();
    }
    rq.hold(Hold::Whole);
    Ok(())
}

/// Puts the headers on the answer of a metered call.
pub(super) fn tell(rq: &mut Exchange) {
    let Some(call) = rq.llm.as_deref() else {
        return;
    };
    let charged = call.charge.as_ref().map(|charge| charge.cost);
    if charged.is_none() && !call.is_metered() {
        return;
    }
    let (name, amount) = match charged {
        Some(cost) => (&COST, cost.ok().map(|priced| priced.cost)),
        None => (&MAXIMUM, most(rq)),
    };
    let amount = amount
        .and_then(|amount| HeaderValue::try_from(amount.to_string()).ok())
        .unwrap_or(UNPRICED);
    let currency = HeaderValue::from_str(rq.snapshot.prices.table().currency());
    if let Some(response) = &mut rq.response {
        response.headers.insert(name.clone(), amount);
        if let Ok(currency) = currency {
            response.headers.insert(CURRENCY.clone(), currency);
        }
    }
}

/// The most that a call may cost, by the most that its prompt and output may be.
fn most(rq: &Exchange) -> Option<tollgate_llm::price::Pico> {
    let paid = rq.paid();
    let model_output = rq.price(&paid).ok().and_then(|price| price.max_output);
    let call = rq.llm.as_deref()?;
    let (prompt, output) = {
        let peek = call.peek();
        let operation = call.operation;
        let model = call.model_name();
        let one = peek
            .output_bound(operation)
            .or(model_output)
            .or_else(|| ceiling::of(model).map(|ceiling| ceiling.output))?;
        let prompt = bound_prompt(operation, &call.body, &peek, Some(model))?;
        (prompt, one.saturating_mul(peek.choices(operation)))
    };
    rq.bound(prompt, output).ok().map(|bound| bound.most)
}
