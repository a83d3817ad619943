//! Capacity that is paid by the hour (PTU, provisioned throughput), shared out to the calls that used it.
//!
//! A call on such a deployment has no price of its own: the ledger has it at zero. Reports read the ledger twice: first
//! what was used in each hour, then each call with its share of its hour's price, by tokens. What must stay true: the
//! shares and what is idle are the price of all hours, to the last digit; a call that spilled over to pay as you go has
//! no share.

#[cfg(test)]
mod tests;

use crate::entry::{Entry, Kind, money};
use crate::period::{Days, Period, midnight};
use jiff::Timestamp;
use jiff::civil::Date;
use std::collections::HashMap;
use tollgate_llm::price::{Pico, Tier, amortise};

const HOUR_MS: i64 = 3_600_000;

/// A deployment that is paid for by the hour.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Deployment {
    /// Its backend.
    pub backend: String,
    /// Its name, as requests call it.
    pub name: String,
    /// What an hour costs.
    pub hour: Pico,
    /// Who provides it, of which model, where: as configured; what is empty becomes what calls say.
    pub provider: String,
    /// The model.
    pub model: String,
    /// The region.
    pub region: String,
}

/// Deployments with their prices for an hour, and what was used of them.
#[derive(Clone, Debug, Default)]
pub struct Capacities {
    deployments: Vec<Deployment>,
    /// By backend and deployment, as the ledger names them.
    places: HashMap<(String, String), usize>,
    /// Of each deployment in each hour (Unix hours).
    used: HashMap<(usize, i64), Used>,
    /// What calls got of each hour.
    shared: u128,
}

/// What was used of an hour.
#[derive(Clone, Copy, Debug, Default)]
struct Used {
    tokens: u64,
    /// What calls got of its price.
    shared: u128,
}

/// A day of a deployment.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Commitment<'a> {
    /// Which.
    pub deployment: &'a Deployment,
    /// The day, in the period's time zone.
    pub day: Date,
    /// Hours that were paid for.
    pub hours: u32,
    /// What of their price nobody used, in 10^-12 units.
    pub idle: i128,
}

impl Capacities {
    /// Adds a deployment of a backend.
    pub fn add(&mut self, deployment: Deployment) {
        let key = (deployment.backend.clone(), deployment.name.clone());
        if let std::collections::hash_map::Entry::Vacant(place) = self.places.entry(key) {
            place.insert(self.deployments.len());
            self.deployments.push(deployment);
        }
    }

    /// Whether there is none: then the ledger need not be read twice.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.deployments.is_empty()
    }

    fn place(&self, entry: &Entry<'_>) -> Option<(usize, i64, u64)> {
        if matches!(entry.kind, Kind::Adjustment { .. }) || self.is_empty() {
            return None;
        }
        let call = entry.call;
        let tier = Tier::from_name(&call.tier);
        if tier.is_some_and(|tier| tier != Tier::Provisioned) {
            return None;
        }
        let key = (call.backend.to_string(), call.deployment.to_string());
        let place = *self.places.get(&key)?;
        let tokens = u64::try_from(entry.total())
            .ok()
            .filter(|tokens| *tokens > 0)?;
        let at = entry.at.as_millisecond().div_euclid(HOUR_MS);
        Some((place, at, tokens))
    }

    /// The first reading: notes what a call used.
    pub fn note(&mut self, entry: &Entry<'_>) {
        if let Some((place, at, tokens)) = self.place(entry) {
            let used = self.used.entry((place, at)).or_default();
            used.tokens = used.tokens.saturating_add(tokens);
            let deployment = &mut self.deployments[place];
            let call = entry.call;
            for (known, told) in [
                (&mut deployment.provider, &*call.provider),
                (&mut deployment.model, entry.model()),
                (&mut deployment.region, &*call.region),
            ] {
                if known.is_empty() {
                    known.push_str(told);
                }
            }
        }
    }

    /// The second reading: the call with its share of its hour.
    pub fn charge<'a>(&mut self, entry: &Entry<'a>) -> Entry<'a> {
        let mut charged = *entry;
        if let Some((place, at, tokens)) = self.place(entry) {
            let hour = self.deployments[place].hour;
            let used = self.used.entry((place, at)).or_default();
            let share = amortise(hour, tokens, used.tokens.max(tokens)).0;
            used.shared = used.shared.saturating_add(share);
            self.shared = self.shared.saturating_add(share);
            let share = signed(share);
            charged.cost = Some(entry.cost.unwrap_or(0).saturating_add(share));
            charged.capacity_hour = Some(signed(hour.0));
        }
        charged
    }

    /// What the hours of a period cost until `now`, what of it calls were charged, and what nobody used: in 10^-12
    /// units. For after the second reading, of all calls.
    #[must_use]
    pub fn idle(&self, period: &Period, now: Timestamp) -> (i128, i128, i128) {
        let end = period.end.min(now).as_millisecond();
        // All of time has no number of hours: then those count in which something was used.
        let hours = if period.start == Timestamp::MIN {
            None
        } else {
            let span = end.saturating_sub(period.start.as_millisecond()).max(0);
            Some(u128::try_from(span.div_euclid(HOUR_MS)).unwrap_or(0))
        };
        let mut all = 0_u128;
        for (place, deployment) in self.deployments.iter().enumerate() {
            let used = self.used.keys().filter(|(of, _)| *of == place).count() as u128;
            let hours = hours.unwrap_or(used).max(used);
            all = all.saturating_add(deployment.hour.0.saturating_mul(hours));
        }
        (
            signed(all),
            signed(self.shared),
            signed(all.saturating_sub(self.shared)),
        )
    }

    /// The days of a period until `now`, of each deployment: what was paid for, and what nobody used. For after the
    /// second reading, of all calls. Of all of time, the hours in which something was used.
    #[must_use]
    pub fn commitments(&self, period: &Period, now: Timestamp) -> Vec<Commitment<'_>> {
        let mut days: HashMap<(usize, Date), (u32, u128)> = HashMap::new();
        let mut zoned = Days::new(&period.zone);
        let mut counted = |days: &mut HashMap<(usize, Date), (u32, u128)>, place, hour: i64| {
            let at = Timestamp::from_millisecond(hour.saturating_mul(HOUR_MS));
            let day = zoned.of(at.unwrap_or(Timestamp::MAX));
            let shared = self.used.get(&(place, hour)).map_or(0, |used| used.shared);
            let sum = days.entry((place, day)).or_default();
            sum.0 += 1;
            sum.1 = sum.1.saturating_add(shared);
        };
        for place in 0..self.deployments.len() {
            let hour = |at: Timestamp| at.as_millisecond().div_euclid(HOUR_MS);
            let end = hour(period.end.min(now));
            let paid = if period.start == Timestamp::MIN {
                0..0
            } else {
                hour(period.start)..end
            };
            // An hour that has begun counts when something was used of it.
            let begun = self.used.keys().filter(|(of, _)| *of == place);
            let begun = begun.map(|(_, hour)| *hour);
            let begun: Vec<i64> = begun.filter(|hour| !paid.contains(hour)).collect();
            for hour in paid.chain(begun) {
                counted(&mut days, place, hour);
            }
        }
        let mut commitments: Vec<Commitment<'_>> = days
            .into_iter()
            .map(|((place, day), (hours, shared))| {
                let deployment = &self.deployments[place];
                let price = deployment.hour.0.saturating_mul(hours.into());
                Commitment {
                    deployment,
                    day,
                    hours,
                    idle: signed(price.saturating_sub(shared)),
                }
            })
            .collect();
        commitments.sort_by(|a, b| {
            let key = |c: &Commitment<'_>| {
                (
                    c.day,
                    c.deployment.backend.clone(),
                    c.deployment.name.clone(),
                )
            };
            key(a).cmp(&key(b))
        });
        commitments
    }

    /// The same in a sentence; `None` without capacity.
    #[must_use]
    pub fn note_of(&self, period: &Period, now: Timestamp, currency: &str) -> Option<String> {
        if self.is_empty() {
            return None;
        }
        let (all, shared, idle) = self.idle(period, now);
        Some(format!(
            "Capacity that is paid by the hour cost {} {currency}: {} {currency} are shared out to the calls of each \
             hour by their tokens, {} {currency} were idle and are in no row.",
            money(all),
            money(shared),
            money(idle)
        ))
    }
}

fn signed(pico: u128) -> i128 {
    i128::try_from(pico).unwrap_or(i128::MAX)
}

/// The first instant of a commitment's day, Unix milliseconds.
#[must_use]
pub fn begins_ms(day: Date, period: &Period) -> u64 {
    let at = midnight(day, &period.zone).unwrap_or(Timestamp::MAX);
    u64::try_from(at.as_millisecond()).unwrap_or(0)
}
