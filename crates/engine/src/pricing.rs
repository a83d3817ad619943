//! What model calls cost: which price holds for a call, and the charge for what it used.
//!
//! Called when usage is concluded (`llm_call`), by budgets and strict limits for the most that a call may cost, and by
//! the cost preview. What must stay true: a price is looked up once for a model, tier, region and day, and then kept
//! ([`Prices`], bounded); a call whose price is not known is charged by the operator's fallback or named as unpriced,
//! never taken for free.

#[cfg(test)]
mod tests;

use crate::exchange::{Exchange, TargetBase};
use crate::llm_call::LlmCall;
use crate::snapshot::{BaseUrl, Server};
use arc_swap::ArcSwap;
use quick_cache::Equivalent;
use quick_cache::sync::Cache;
use std::hash::{Hash, Hasher};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use tollgate_lang::value::Str;
use tollgate_llm::Usage;
use tollgate_llm::price::{Pico, Price, PriceTable, Priced, Query, Tier, Unpriced};
use tollgate_llm::usage::{Class, Classes};

/// Prices that are kept at hand.
const KEPT: usize = 1024;

const DAY_SECONDS: u64 = 24 * 60 * 60;

/// The prices of a snapshot.
pub struct Prices {
    table: Arc<PriceTable>,
    version: Str,
    kept: Cache<Key, Result<Arc<Price>, Unpriced>>,
    /// Average output of models: kept over reloads.
    averages: ArcSwap<Averages>,
}

/// Average output tokens of a call by model, in 256ths.
type Averages = Cache<Str, Arc<AtomicU64>>;

/// How much a call's output moves its model's average: a sixteenth.
const WEIGHT: u64 = 16;

impl Prices {
    pub(crate) fn new(table: Arc<PriceTable>) -> Prices {
        Prices {
            version: Str::from(table.version()),
            table,
            kept: Cache::new(KEPT),
            averages: ArcSwap::from_pointee(Cache::new(KEPT)),
        }
    }

    /// Takes over what was learned before a reload.
    pub(crate) fn inherit(&self, before: &Prices) {
        self.averages.store(before.averages.load_full());
    }

    /// The average output of a model's last calls, tokens.
    pub fn average(&self, model: &str) -> Option<u64> {
        let average = self.averages.load().get(model)?;
        Some(average.load(Ordering::Relaxed) / 256)
    }

    /// A call has ended. Two threads at once may lose one of two calls: it is an average.
    pub(crate) fn learn(&self, model: &Str, output: u64) {
        let averages = self.averages.load();
        let output = output.min(u64::from(u32::MAX)) * 256;
        match averages.get(model) {
            Some(average) => {
                let old = average.load(Ordering::Relaxed);
                let new = old - old / WEIGHT + output / WEIGHT;
                average.store(new, Ordering::Relaxed);
            }
            None => averages.insert(model.clone(), Arc::new(AtomicU64::new(output))),
        }
    }

    /// The table.
    pub fn table(&self) -> &Arc<PriceTable> {
        &self.table
    }

    /// Its version.
    pub fn version(&self) -> &Str {
        &self.version
    }

    /// The price of a model call, by the first of these names that has one: what the configuration says the deployment
    /// is, what the provider says it served, what the request asks for, the deployment itself.
    ///
    /// # Errors
    /// When none has one and the operator gave no fallback.
    pub(crate) fn of_call(
        &self,
        paid: &Paid,
        call: Option<&LlmCall>,
        unix_seconds: u64,
    ) -> Result<Arc<Price>, Unpriced> {
        let names = [
            paid.model.as_deref(),
            call.and_then(|call| call.served_model.as_deref()),
            call.and_then(|call| call.model.as_deref()),
            call.and_then(|call| call.deployment.as_deref()),
        ];
        let mut why = Unpriced::Model;
        for name in names.into_iter().flatten().filter(|name| !name.is_empty()) {
            match self.find(name, paid, unix_seconds) {
                Ok(price) => return Ok(price),
                Err(Unpriced::Tier) => why = Unpriced::Tier,
                Err(_) => {}
            }
        }
        self.table.fallback().cloned().ok_or(why)
    }

    /// What a model call is charged for what it used.
    pub(crate) fn charge(
        &self,
        paid: Paid,
        call: Option<&LlmCall>,
        usage: &Usage,
        unix_seconds: u64,
    ) -> Charge {
        if !usage.estimated {
            let model = paid.model.as_ref();
            if let Some(model) = model.or_else(|| call?.model.as_ref()) {
                self.learn(model, usage.output);
            }
        }
        let cost = self
            .of_call(&paid, call, unix_seconds)
            .and_then(|price| price.cost(&usage.classes()));
        Charge {
            paid,
            cost,
            version: self.version.clone(),
        }
    }

    /// The price of a model, or why it has none; the operator's fallback is not looked at.
    ///
    /// # Errors
    /// See [`Unpriced`].
    pub fn find(
        &self,
        model: &str,
        paid: &Paid,
        unix_seconds: u64,
    ) -> Result<Arc<Price>, Unpriced> {
        let day = unix_seconds / DAY_SECONDS;
        let key = KeyRef {
            provider: &paid.provider,
            model,
            region: paid.region.as_deref(),
            tier: paid.tier,
            day,
        };
        if let Some(kept) = self.kept.get(&key) {
            return kept;
        }
        let seconds = i64::try_from(unix_seconds).unwrap_or(i64::MAX);
        let at = jiff::Timestamp::from_second(seconds)
            .unwrap_or(jiff::Timestamp::MAX)
            .to_zoned(jiff::tz::TimeZone::UTC)
            .date();
        let found = self.table.find(&Query {
            provider: &paid.provider,
            model,
            region: paid.region.as_deref(),
            tier: paid.tier,
            at,
        });
        self.kept.insert(key.owned(), found.clone());
        found
    }
}

impl std::fmt::Debug for Prices {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Prices")
            .field("version", &self.version)
            .finish_non_exhaustive()
    }
}

/// What a price is kept under.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Key {
    provider: Str,
    model: Str,
    region: Option<Str>,
    tier: Tier,
    day: u64,
}

/// The same, borrowed.
struct KeyRef<'a> {
    provider: &'a str,
    model: &'a str,
    region: Option<&'a str>,
    tier: Tier,
    day: u64,
}

impl KeyRef<'_> {
    fn owned(&self) -> Key {
        Key {
            provider: Str::from(self.provider),
            model: Str::from(self.model),
            region: self.region.map(Str::from),
            tier: self.tier,
            day: self.day,
        }
    }
}

impl Hash for Key {
    fn hash<H: Hasher>(&self, state: &mut H) {
        (
            &*self.provider,
            &*self.model,
            self.region.as_deref(),
            self.tier,
            self.day,
        )
            .hash(state);
    }
}

impl Hash for KeyRef<'_> {
    fn hash<H: Hasher>(&self, state: &mut H) {
        (self.provider, self.model, self.region, self.tier, self.day).hash(state);
    }
}

impl Equivalent<Key> for KeyRef<'_> {
    fn equivalent(&self, key: &Key) -> bool {
        self.model == &*key.model
            && self.provider == &*key.provider
            && self.region == key.region.as_deref()
            && (self.tier, self.day) == (key.tier, key.day)
    }
}

/// How a call is paid for: who serves it, where, and in which class of service.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Paid {
    /// `gen_ai.provider.name`; empty when it is not known.
    pub provider: Str,
    /// The region.
    pub region: Option<Str>,
    /// The tier.
    pub tier: Tier,
    /// The model that the configuration says the deployment is of.
    pub model: Option<Str>,
}

/// What a call is charged.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Charge {
    /// How it is paid for.
    pub paid: Paid,
    /// The charge, or why there is none.
    pub cost: Result<Priced, Unpriced>,
    /// Version of the prices.
    pub version: Str,
}

impl Charge {
    /// The charge in pico; `None` when nobody knows the price.
    pub fn pico(&self) -> Option<u128> {
        self.cost.ok().map(|priced| priced.cost.0)
    }
}

/// The most that a call may cost.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Bound {
    /// The charge for a prompt and output of that many tokens, each at the highest rate that may hold for it.
    pub most: Pico,
    /// By the operator's fallback.
    pub fallback: bool,
}

impl Paid {
    /// How calls to a server are paid for, of a model or deployment by the name that requests call it.
    pub(crate) fn of_server(server: &Server, name: &str) -> Paid {
        let models = &server.definition.models;
        let deployment = models.deployments.get(name);
        let provider = match &models.provider {
            Some(provider) => provider.clone(),
            None => server.url.provider.clone().unwrap_or_default(),
        };
        let region = deployment.and_then(|deployment| deployment.region.as_ref());
        let region = region
            .or(models.region.as_ref())
            .or(server.url.region.as_ref());
        let tier = deployment.and_then(|deployment| deployment.tier);
        Paid {
            provider,
            region: region.cloned(),
            tier: tier.or(models.tier).unwrap_or_default(),
            model: deployment.and_then(|deployment| deployment.model.clone()),
        }
    }

    /// How a call to there is paid for, in the tier that was served, as far as that is known.
    pub(crate) fn of_call(
        url: Option<&BaseUrl>,
        server: Option<&Server>,
        call: Option<&LlmCall>,
    ) -> Paid {
        let mut paid = match server {
            Some(server) => {
                let name = call.map(|call| call.deployment.as_deref().unwrap_or(call.model_name()));
                Paid::of_server(server, name.unwrap_or_default())
            }
            None => Paid {
                provider: url.and_then(|url| url.provider.clone()).unwrap_or_default(),
                region: url.and_then(|url| url.region.clone()),
                ..Paid::default()
            },
        };
        let Some(call) = call else {
            return paid;
        };
        // What spilled over from a provisioned deployment is paid for as it goes. The provider's word for a call from
        // such a deployment is `default`.
        if paid.tier == Tier::Provisioned && !call.spilled {
            return paid;
        }
        let served = call.usage.and_then(|usage| usage.tier);
        let configured = match paid.tier {
            Tier::Standard | Tier::Provisioned => call.asked_tier.unwrap_or_default(),
            configured => configured,
        };
        paid.tier = served.unwrap_or(configured);
        paid
    }
}

impl Exchange {
    /// How the call is paid for: by the server of its last attempt, before the first by the one that it is going to if
    /// that is one and no pool.
    pub fn paid(&self) -> Paid {
        let (url, server) = self.serving();
        Paid::of_call(url, server, self.llm.as_deref())
    }

    /// Where the call went, or will go.
    pub(crate) fn serving(&self) -> (Option<&BaseUrl>, Option<&Server>) {
        let target = match &self.request.target.base {
            TargetBase::Backend(index) => Some(*index),
            _ => None,
        };
        // Not by what a policy called for itself, such as the embeddings of a semantic cache.
        let mut hops = self.attempts.iter().rev().filter(|hop| !hop.aside);
        let index = hops.next().and_then(|attempt| attempt.backend).or(target);
        if let Some(index) = index {
            let server = self.snapshot.server(index);
            return (server.map(|server| &*server.url), server);
        }
        let url = match &self.request.target.base {
            TargetBase::Url(url) => Some(&**url),
            _ => self.api().and_then(|api| api.service_url.as_deref()),
        };
        (url, None)
    }

    /// The price of the model call.
    ///
    /// # Errors
    /// When it has none and the operator gave no fallback.
    pub fn price(&self, paid: &Paid) -> Result<Arc<Price>, Unpriced> {
        let now = self.received_unix_nanos / 1_000_000_000;
        let prices = &self.snapshot.prices;
        prices.of_call(paid, self.llm.as_deref(), now)
    }

    /// What the model call is charged for what it used.
    pub fn charge(&self, usage: &Usage) -> Charge {
        let now = self.received_unix_nanos / 1_000_000_000;
        let prices = &self.snapshot.prices;
        prices.charge(self.paid(), self.llm.as_deref(), usage, now)
    }

    /// The most that the call costs with a prompt and output of so many tokens.
    ///
    /// # Errors
    /// When its price is not known.
    pub fn bound(&self, input: u64, output: u64) -> Result<Bound, Unpriced> {
        let price = self.price(&self.paid())?;
        bound(&price, input, output)
    }
}

/// The most that a call costs at a price. Of prompt tokens each may turn out to be the dearest class that a prompt of
/// that length has by default (a cache write, not audio and images, which are not told apart before the provider does);
/// reasoning is output.
///
/// # Errors
/// When the price has none for input or output that is there.
pub fn bound(price: &Price, input: u64, output: u64) -> Result<Bound, Unpriced> {
    let (fallback, mut most) = (price.fallback, Pico::ZERO);
    if price.tier != Tier::Provisioned {
        let rates = price.rates(input);
        for (count, classes) in [
            (
                input,
                &[Class::Input, Class::CacheWrite, Class::CacheWriteHour][..],
            ),
            (output, &[Class::Output, Class::Reasoning][..]),
        ] {
            if count == 0 {
                continue;
            }
            let unit = classes.iter().filter_map(|class| rates.unit(*class)).max();
            let unit = unit.ok_or(Unpriced::Class(classes[0]))?;
            most = most.saturating_add(unit.saturating_mul(count));
        }
    }
    Ok(Bound { most, fallback })
}

/// The charge for a prompt and output of that many tokens, nothing cached.
///
/// # Errors
/// When the price has none for a class that is there.
pub fn plain(price: &Price, input: u64, output: u64) -> Result<Priced, Unpriced> {
    price.cost(&Classes {
        input,
        output,
        ..Classes::default()
    })
}

impl LlmCall {
    /// What the call costs in pico; `None` before its usage is known, or when nobody knows the price.
    pub fn cost_pico(&self) -> Option<u128> {
        self.charge.as_ref().and_then(Charge::pico)
    }
}
