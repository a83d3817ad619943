//! What is said to a call that does not fit in its budgets.
//!
//! As API Management's quotas: 403 with a `Retry-After` that is true. A call that no period would admit gets none.

use super::show;
use crate::exchange::Exchange;
use crate::failure::Failure;
use http::{HeaderValue, StatusCode, header};
use std::fmt::Write;
use tollgate_state::budgets::{Link, Refusal};
use tollgate_state::counters::retry_after_seconds;

/// `context.LastError.Source` of budgets.
pub(crate) const SOURCE: &str = "budget";

/// The failure of a call that a budget refused.
pub(super) fn exceeded(rq: &Exchange, link: &Link<'_>, refusal: &Refusal) -> Box<Failure> {
    let figures = &refusal.figures;
    let currency = rq.snapshot.budgets.currency();
    let amount = |number: u128| show::in_words(link.rule.unit, number, currency);
    let mut message = format!("Budget `{}`", link.rule.id);
    let subject = link.subject.name();
    if !subject.is_empty() {
        let _ = write!(message, " of `{subject}`");
    }
    let now = rq.services.clock.unix_millis();
    let fits_later = figures.bounds.open && refusal.needed <= link.rule.limit && figures.limit > 0;
    let _ = match figures.remaining {
        0 => write!(
            message,
            " is used up: nothing is left of {}.",
            amount(figures.limit)
        ),
        left => write!(
            message,
            " has {} left of {}, and the call may need {}.",
            amount(left),
            amount(figures.limit),
            amount(refusal.needed)
        ),
    };
    let renewed = figures
        .bounds
        .renewed_in(now)
        .filter(|_| fits_later || !figures.bounds.open);
    let mut seconds = None;
    if let Some(wait) = renewed {
        seconds = Some(retry_after_seconds(wait));
        let end = figures.bounds.end.and_then(show::instant);
        if let Some(end) = end {
            let _ = write!(message, " It is renewed at {end}.");
        }
    } else if refusal.needed > link.rule.limit {
        message.push_str(
            " It is more than the whole limit, so that it never fits: ask for fewer output tokens.",
        );
    }
    let mut failure = Failure::refused(SOURCE, "BudgetExceeded", StatusCode::FORBIDDEN, message);
    if let Some(seconds) = seconds {
        failure = failure.header(header::RETRY_AFTER, HeaderValue::from(seconds));
    }
    failure
}

/// The failure of a call that has no price under a budget of money.
pub(super) fn unpriced(link: &Link<'_>, model: &str, why: &str) -> Box<Failure> {
    Failure::refused(
        SOURCE,
        "BudgetUnpriced",
        StatusCode::FORBIDDEN,
        format!(
            "Budget `{}` counts money, and nobody knows what a call of `{model}` costs: {why}.",
            link.rule.id
        ),
    )
}
