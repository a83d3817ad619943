//! A call's charge by token class.
//!
//! The ledger keeps what a call was charged, and the version of the prices. With these prices the charge is split again;
//! what must stay true: the parts are the charge, to the last digit. Where the prices at hand do not make the same
//! charge (another version), it stays whole.

use crate::entry::Entry;
use jiff::civil::Date;
use jiff::tz::TimeZone;
use std::collections::HashMap;
use std::sync::Arc;
use tollgate_llm::price::{Price, PriceTable, Query, Tier};
use tollgate_llm::usage::Class;

/// What is charged for one class.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Part {
    /// `None`: all classes together.
    pub(super) class: Option<Class>,
    pub(super) quantity: i128,
    pub(super) cost: i128,
    /// Pico for one; `None` where the charge could not be split.
    pub(super) unit: Option<i128>,
}

/// Most prices that are remembered.
const MOST: usize = 10_000;

/// Provider, model, region, tier and day.
type Asked = (String, String, String, String, Date);

#[derive(Debug)]
pub(super) struct Split {
    prices: Arc<PriceTable>,
    found: HashMap<Asked, Option<Arc<Price>>>,
    unsplit: u64,
}

impl Split {
    pub(super) fn new(prices: Arc<PriceTable>) -> Split {
        Split {
            prices,
            found: HashMap::new(),
            unsplit: 0,
        }
    }

    /// How many charges stayed whole.
    pub(super) fn unsplit(&self) -> u64 {
        self.unsplit
    }

    /// The parts, in the order of classes; none for a call that used and cost nothing.
    pub(super) fn parts(&mut self, entry: &Entry<'_>) -> Vec<Part> {
        let counts = Class::ALL.iter().zip(entry.tokens);
        let used: Vec<(Class, i64)> = counts
            .filter(|(_, count)| *count != 0)
            .map(|(class, count)| (*class, count))
            .collect();
        let Some(cost) = entry.cost else {
            return used.into_iter().map(|(c, n)| part(c, n, 0)).collect();
        };
        if used.is_empty() && cost == 0 {
            return Vec::new();
        }
        // Capacity that is paid by the hour, and what a rule does not charge: nothing for any class.
        if cost == 0 {
            return used.into_iter().map(|(c, n)| part(c, n, 0)).collect();
        }
        for model in [entry.model(), &entry.call.model, &entry.call.deployment] {
            if let Some(price) = self.price(entry, model)
                && let Some(parts) = priced(&price, &used)
                && parts.iter().map(|part| part.cost).sum::<i128>() == cost
            {
                return parts;
            }
        }
        // A share of capacity that is paid by the hour is of the call as a whole.
        self.unsplit += u64::from(Tier::from_name(&entry.call.tier) != Some(Tier::Provisioned));
        vec![Part {
            class: None,
            quantity: entry.total(),
            cost,
            unit: None,
        }]
    }

    fn price(&mut self, entry: &Entry<'_>, model: &str) -> Option<Arc<Price>> {
        let day = entry.at.to_zoned(TimeZone::UTC).date();
        let call = entry.call;
        let key = (
            call.provider.to_string(),
            model.to_owned(),
            call.region.to_string(),
            call.tier.to_string(),
            day,
        );
        if let Some(price) = self.found.get(&key) {
            return price.clone();
        }
        let query = Query {
            provider: &call.provider,
            model,
            region: (!call.region.is_empty()).then_some(&*call.region),
            tier: Tier::from_name(&call.tier).unwrap_or_default(),
            at: day,
        };
        let price = self.prices.lookup(&query).ok();
        if self.found.len() >= MOST {
            self.found.clear();
        }
        self.found.insert(key, price.clone());
        price
    }
}

fn part(class: Class, count: i64, unit: i128) -> Part {
    let quantity = i128::from(count);
    Part {
        class: Some(class),
        quantity,
        cost: quantity.saturating_mul(unit),
        unit: Some(unit),
    }
}

/// The parts by a price; `None` when it has none for a class.
fn priced(price: &Price, used: &[(Class, i64)]) -> Option<Vec<Part>> {
    let prompt = used.iter().filter(|(class, _)| class.is_input());
    let prompt: u64 = prompt
        .map(|(_, count)| u64::try_from(*count).unwrap_or(0))
        .fold(0, u64::saturating_add);
    let rates = price.rates(prompt);
    used.iter()
        .map(|(class, count)| {
            let unit = i128::try_from(rates.unit(*class)?.0).ok()?;
            Some(part(*class, *count, unit))
        })
        .collect()
}
