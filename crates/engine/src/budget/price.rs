//! What a call costs, for budgets of money.

use crate::exchange::Exchange;
use tollgate_llm::Usage;
use tollgate_llm::price::{Pico, PriceTable, Query, Unpriced};

/// What a usage of the exchange's call costs.
pub(super) fn cost(rq: &Exchange, usage: &Usage) -> Result<Pico, Unpriced> {
    let call = rq.llm.as_deref().ok_or(Unpriced::Usage)?;
    let now = i64::try_from(rq.services.clock.unix_millis()).unwrap_or(i64::MAX);
    let at = jiff::Timestamp::from_millisecond(now)
        .unwrap_or(jiff::Timestamp::MAX)
        .to_zoned(jiff::tz::TimeZone::UTC)
        .date();
    let query = Query {
        provider: "openai",
        model: call.model_name(),
        region: None,
        tier: usage.tier.unwrap_or_default(),
        at,
    };
    let price = PriceTable::shipped().lookup(&query)?;
    Ok(price.cost(&usage.classes())?.cost)
}
