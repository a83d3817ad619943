//! The table of prices in force, and how a call's price is found in it.
//!
//! What must hold: an operator's price beats the default wherever it matches; an exact name beats a pattern, a longer
//! pattern a shorter one, a regional price one for everywhere, a later one an earlier one.

use super::Tier;
use super::file::{Fault, File, Tools, rates, with_tools};
use super::rates::{Price, Rates, Step, Unpriced};
use jiff::civil::Date;
use std::borrow::Cow;
use std::collections::HashMap;
use std::sync::{Arc, LazyLock};

/// What is asked for.
#[derive(Clone, Copy, Debug)]
pub struct Query<'a> {
    /// `gen_ai.provider.name`; empty when it is not known, which finds only prices that name no provider.
    pub provider: &'a str,
    /// The model as the provider or the request names it.
    pub model: &'a str,
    /// The region of the backend.
    pub region: Option<&'a str>,
    /// The tier of the call.
    pub tier: Tier,
    /// The day of the call, UTC.
    pub at: Date,
}

/// Prices in force.
#[derive(Clone, Debug)]
pub struct PriceTable {
    version: Box<str>,
    currency: Box<str>,
    /// Of the last file first.
    prices: Vec<Arc<Price>>,
    /// How many of `prices` each file brought, in the order of `prices`.
    files: Vec<usize>,
    exact: HashMap<Box<str>, Vec<u32>>,
    /// Patterns without their `*`, longest first.
    patterns: Vec<(Box<str>, Vec<u32>)>,
    fallback: Option<Arc<Price>>,
    /// What providers charge for calls of their own tools.
    tools: Vec<Tools>,
}

static DEFAULT: LazyLock<Arc<PriceTable>> = LazyLock::new(|| {
    let file: File = serde_saphyr::from_str(include_str!("../../data/prices.yaml"))
        .expect("a test reads the file that is shipped");
    Arc::new(PriceTable::new(&file).expect("a test reads the file that is shipped"))
});

impl PriceTable {
    /// The table that is shipped.
    #[must_use]
    pub fn shipped() -> Arc<Self> {
        DEFAULT.clone()
    }

    /// The table of one file.
    ///
    /// # Errors
    /// The number of the first entry (from 0) that cannot be taken, and why; `None` for the fallback.
    pub fn new(file: &File) -> Result<Self, (Option<usize>, Fault)> {
        let mut prices = Vec::new();
        for (at, entry) in file.prices.iter().enumerate() {
            let new = entry
                .prices(&file.version)
                .map_err(|fault| (Some(at), fault))?;
            for price in new {
                let price = with_tools(price, &file.tools).map_err(|fault| (None, fault))?;
                prices.push(Arc::new(price));
            }
        }
        let fallback = match &file.fallback {
            None => None,
            Some(amounts) => {
                let rates = rates("fallback", Rates::default(), amounts, None)
                    .map_err(|fault| (None, fault))?;
                Some(Arc::new(Price {
                    provider: "".into(),
                    model: "*".into(),
                    region: None,
                    tier: Tier::Standard,
                    from: None,
                    until: None,
                    steps: [Step { above: 0, rates }].into(),
                    max_output: None,
                    context: None,
                    source: "".into(),
                    seen: None,
                    fallback: true,
                    version: file.version.as_str().into(),
                }))
            }
        };
        let files = vec![prices.len()];
        Ok(Self::indexed(
            file.version.as_str().into(),
            file.currency.as_str().into(),
            prices,
            files,
            fallback,
            file.tools.clone(),
        ))
    }

    /// This table over another: what it has a price for it decides, for the rest the other does. The currency and the
    /// version are this one's, the version with the other's behind it.
    #[must_use]
    pub fn over(&self, other: &Self) -> Self {
        // What the other knows of tools holds for the prices of this one, too.
        let own = self.prices.iter().map(|price| {
            let filled = with_tools((**price).clone(), &other.tools);
            filled.map_or_else(|_| price.clone(), Arc::new)
        });
        let prices = own.chain(other.prices.iter().cloned()).collect();
        let tools = self.tools.iter().chain(&other.tools).cloned().collect();
        let files = self.files.iter().chain(&other.files).copied().collect();
        Self::indexed(
            format!("{}+{}", self.version, other.version).into(),
            self.currency.clone(),
            prices,
            files,
            self.fallback.clone().or_else(|| other.fallback.clone()),
            tools,
        )
    }

    fn indexed(
        version: Box<str>,
        currency: Box<str>,
        prices: Vec<Arc<Price>>,
        files: Vec<usize>,
        fallback: Option<Arc<Price>>,
        tools: Vec<Tools>,
    ) -> Self {
        let mut exact: HashMap<Box<str>, Vec<u32>> = HashMap::new();
        let mut patterns: HashMap<Box<str>, Vec<u32>> = HashMap::new();
        for (at, price) in (0_u32..).zip(&prices) {
            match price.model.strip_suffix('*') {
                None => exact.entry(price.model.clone()).or_default().push(at),
                Some(start) => patterns.entry(start.into()).or_default().push(at),
            }
        }
        let mut patterns: Vec<_> = patterns.into_iter().collect();
        patterns.sort_by(|(a, _), (b, _)| b.len().cmp(&a.len()).then_with(|| a.cmp(b)));
        Self {
            version,
            currency,
            prices,
            files,
            exact,
            patterns,
            fallback,
            tools,
        }
    }

    /// Which state of the prices this is.
    #[must_use]
    pub fn version(&self) -> &str {
        &self.version
    }

    /// ISO 4217 code of all amounts.
    #[must_use]
    pub fn currency(&self) -> &str {
        &self.currency
    }

    /// All prices, the operator's first.
    pub fn prices(&self) -> impl Iterator<Item = &Arc<Price>> {
        self.prices.iter()
    }

    /// The price for models that have none, when the operator gave one.
    #[must_use]
    pub fn fallback(&self) -> Option<&Arc<Price>> {
        self.fallback.as_ref()
    }

    /// The price in force; the operator's fallback where the model has none.
    ///
    /// Not for every call: it walks the patterns. Callers keep the answer for the day ([`Query::at`]).
    ///
    /// # Errors
    /// Why there is none.
    pub fn lookup(&self, query: &Query<'_>) -> Result<Arc<Price>, Unpriced> {
        self.find(query)
            .or_else(|why| self.fallback.clone().ok_or(why))
    }

    /// As [`lookup`](Self::lookup), without the fallback.
    ///
    /// # Errors
    /// Why there is none.
    pub fn find(&self, query: &Query<'_>) -> Result<Arc<Price>, Unpriced> {
        let mut why = Unpriced::Model;
        for name in canonical(query.model) {
            match self.named(&name, query) {
                Ok(price) => return Ok(price),
                Err(Unpriced::Tier) => why = Unpriced::Tier,
                Err(_) => {}
            }
        }
        Err(why)
    }

    fn named(&self, name: &str, query: &Query<'_>) -> Result<Arc<Price>, Unpriced> {
        let mut why = Unpriced::Model;
        let mut first = 0;
        for count in &self.files {
            let file = first..first + count;
            first = file.end;
            let exact = self.exact.get(name).into_iter();
            let patterns = self
                .patterns
                .iter()
                .filter(|(start, _)| name.starts_with(&**start))
                .map(|(_, at)| at);
            for candidates in exact.chain(patterns) {
                let here = candidates
                    .iter()
                    .filter(|at| file.contains(&(**at as usize)));
                match best(here.map(|at| &self.prices[*at as usize]), query) {
                    Ok(price) => return Ok(price),
                    Err(Unpriced::Tier) => why = Unpriced::Tier,
                    Err(_) => {}
                }
            }
        }
        Err(why)
    }
}

/// Whether it names the provider, whether it names the region, from when it holds.
type Rank = (bool, bool, Option<Date>);

/// The best of the prices that one name has.
fn best<'a>(
    prices: impl Iterator<Item = &'a Arc<Price>>,
    query: &Query<'_>,
) -> Result<Arc<Price>, Unpriced> {
    let mut why = Unpriced::Model;
    let mut best: Option<(Rank, &Arc<Price>)> = None;
    for price in prices {
        let provider = query.provider.eq_ignore_ascii_case(&price.provider);
        let in_time = price.holds(query.at);
        let here = match (&price.region, query.region) {
            (None, _) => true,
            (Some(region), Some(asked)) => region.eq_ignore_ascii_case(asked),
            (Some(_), None) => false,
        };
        if !((provider || price.provider.is_empty()) && in_time && here) {
            continue;
        }
        // Capacity that is paid by the hour has no price for a token, whatever the model's other prices are.
        if price.tier != query.tier && query.tier != Tier::Provisioned {
            why = Unpriced::Tier;
            continue;
        }
        let rank = (provider, price.region.is_some(), price.from);
        if best.is_none_or(|(other, _)| rank > other) {
            best = Some((rank, price));
        }
    }
    let (_, price) = best.ok_or(why)?;
    if query.tier == Tier::Provisioned && price.tier != Tier::Provisioned {
        let mut price = Price::clone(price);
        price.tier = Tier::Provisioned;
        price.steps = [].into();
        return Ok(Arc::new(price));
    }
    Ok(price.clone())
}

/// The names that a model may have in the table, the one as given first: in lower case, without the path before it
/// (`projects/.../models/`, an ARN), and without the region that Bedrock's inference profiles put before it.
pub fn canonical(model: &str) -> impl Iterator<Item = Cow<'_, str>> {
    let name: Cow<'_, str> = if model.bytes().any(|byte| byte.is_ascii_uppercase()) {
        Cow::Owned(model.to_ascii_lowercase())
    } else {
        Cow::Borrowed(model)
    };
    let last = name.rsplit_once('/').map(|(_, last)| last.to_owned());
    let base = last.clone().unwrap_or_else(|| name.to_string());
    let regional = [
        "us.", "eu.", "apac.", "au.", "jp.", "ca.", "us-gov.", "global.",
    ]
    .into_iter()
    .find_map(|region| base.strip_prefix(region))
    .map(str::to_owned);
    [Some(name), last.map(Cow::Owned), regional.map(Cow::Owned)]
        .into_iter()
        .flatten()
}
