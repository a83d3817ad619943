//! The file of prices: what it says, and what is wrong with it.
//!
//! The default lies in `data/prices.yaml`; an operator's has the same form and is read by `control`, which knows places.
//! What must hold: a price finer than a pico for a token is refused, not rounded; nothing is guessed.

use super::rates::{Price, Rates, Step};
use super::{Pico, Tier};
use crate::usage::Class;
use jiff::civil::Date;
use rust_decimal::Decimal;
use serde::Deserialize;
use serde::de::{Deserializer, Visitor};
use std::collections::BTreeMap;
use std::fmt;

/// A file of prices.
#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct File {
    /// The name of this state of the file, which ledgers keep beside a charge.
    pub version: String,
    /// ISO 4217 code of all of its amounts.
    #[serde(default = "usd")]
    pub currency: String,
    /// The prices.
    #[serde(default)]
    pub prices: Vec<Entry>,
    /// What providers charge for calls of their own tools, whatever the model; an entry's own amount counts before it.
    #[serde(default)]
    pub tools: Vec<Tools>,
    /// What is charged for models without a price, so many for a million.
    pub fallback: Option<BTreeMap<Class, Amount>>,
}

fn usd() -> String {
    "USD".to_owned()
}

/// Prices of a model, or of several that cost the same.
#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Entry {
    /// Providers, by OpenTelemetry's `gen_ai.provider.name`: `openai`, `azure.ai.openai`, `anthropic`, `aws.bedrock`,
    /// `gcp.gemini`, `gcp.vertex_ai`, ... None: any.
    #[serde(default)]
    pub providers: Vec<String>,
    /// Names of models. `*` at the end stands for any rest.
    pub models: Vec<String>,
    /// Regions that it holds in. None: all that have no price of their own.
    #[serde(default)]
    pub regions: Vec<String>,
    /// First day, UTC.
    pub from: Option<String>,
    /// First day on which it holds no more, UTC.
    pub until: Option<String>,
    /// Amounts for a million tokens (`webSearch`, `fileSearch`: for a thousand searches), pay as you go.
    #[serde(default)]
    pub per_million: BTreeMap<Class, Amount>,
    /// Amounts that hold for the whole call when its prompt is longer.
    #[serde(default)]
    pub above: Vec<Above>,
    /// Amounts of other tiers.
    #[serde(default)]
    pub tiers: BTreeMap<TierName, TierPrices>,
    /// The most output tokens of one choice.
    pub max_output: Option<u64>,
    /// The most tokens of a prompt and its completion.
    pub context: Option<u64>,
    /// Where the price was published.
    #[serde(default)]
    pub source: String,
    /// When it was read there.
    pub seen: Option<String>,
}

/// What a provider charges for calls of its own tools.
#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Tools {
    /// Providers, as in [`Entry`].
    pub providers: Vec<String>,
    /// Amounts for a thousand calls: `webSearch`, `fileSearch`.
    pub per_thousand: BTreeMap<Class, Amount>,
    /// Where the price was published.
    #[serde(default)]
    pub source: String,
    /// When it was read there.
    pub seen: Option<String>,
}

impl Tools {
    /// The rates: of calls only.
    ///
    /// # Errors
    /// The first thing that is wrong.
    pub fn rates(&self) -> Result<Rates, Fault> {
        date("seen", self.seen.as_deref())?;
        if let Some(class) = self.per_thousand.keys().find(|class| class.is_tokens()) {
            return Err(fault(
                "perThousand",
                format!(
                    "{} are tokens, which are priced by model under `prices`; here stand `webSearch` and `fileSearch`",
                    class.name()
                ),
            ));
        }
        rates("perThousand", Rates::default(), &self.per_thousand, None)
    }

    /// Whether it is about a provider.
    fn names(&self, provider: &str) -> bool {
        self.providers
            .iter()
            .any(|name| name.eq_ignore_ascii_case(provider))
    }
}

/// Puts what tools cost into the rates of a price that do not say.
pub(super) fn with_tools(mut price: Price, tools: &[Tools]) -> Result<Price, Fault> {
    for tools in tools.iter().filter(|tools| tools.names(&price.provider)) {
        let calls = tools.rates()?;
        for step in &mut price.steps {
            for class in Class::ALL {
                let at = usize::from(class.code());
                if step.rates.0[at].is_none() {
                    step.rates.0[at] = calls.0[at];
                }
            }
        }
    }
    Ok(price)
}

/// Amounts for long prompts.
#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Above {
    /// They hold for prompts of more tokens than this.
    pub tokens: u64,
    /// The amounts; a class that is not named keeps what it had.
    pub per_million: BTreeMap<Class, Amount>,
}

/// Amounts of a tier.
#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct TierPrices {
    /// Amounts for a million tokens; a class that is not named costs what it does pay as you go, times `factor`.
    #[serde(default)]
    pub per_million: BTreeMap<Class, Amount>,
    /// What the amounts of pay as you go are multiplied with. None: a class that is not named has no price.
    pub factor: Option<Amount>,
}

/// A tier in a file.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum TierName {
    /// [`Tier::Batch`]
    Batch,
    /// [`Tier::Flex`]
    Flex,
    /// [`Tier::Priority`]
    Priority,
}

impl TierName {
    fn tier(self) -> Tier {
        match self {
            Self::Batch => Tier::Batch,
            Self::Flex => Tier::Flex,
            Self::Priority => Tier::Priority,
        }
    }
}

/// An amount as written; a number or a text that is one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Amount(pub Decimal);

impl<'de> Deserialize<'de> for Amount {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        struct Read;
        impl Visitor<'_> for Read {
            type Value = Amount;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an amount, as `1.25`")
            }
            // What stands in for an amount that is missing, which was told.
            fn visit_none<E: serde::de::Error>(self) -> Result<Amount, E> {
                Ok(Amount(Decimal::ZERO))
            }
            fn visit_u64<E: serde::de::Error>(self, value: u64) -> Result<Amount, E> {
                Ok(Amount(Decimal::from(value)))
            }
            fn visit_i64<E: serde::de::Error>(self, value: i64) -> Result<Amount, E> {
                Ok(Amount(Decimal::from(value)))
            }
            // The shortest text that gives the double is what was written, up to fifteen digits.
            fn visit_f64<E: serde::de::Error>(self, value: f64) -> Result<Amount, E> {
                self.visit_str(&format!("{value}"))
            }
            fn visit_str<E: serde::de::Error>(self, value: &str) -> Result<Amount, E> {
                Decimal::from_str_exact(value.trim())
                    .map(Amount)
                    .map_err(|_| E::invalid_value(serde::de::Unexpected::Str(value), &self))
            }
        }
        from.deserialize_any(Read)
    }
}

/// What is wrong with an entry.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fault {
    /// Which property, as it is written.
    pub property: &'static str,
    /// What is wrong and what would be right.
    pub message: String,
}

/// The largest amount for a million: keeps the charge of the largest usage inside a decimal.
const LARGEST: u64 = 100_000;

impl Entry {
    /// The prices of the entry: one for each provider, model, region and tier.
    ///
    /// # Errors
    /// The first thing that is wrong.
    pub fn prices(&self, version: &str) -> Result<Vec<Price>, Fault> {
        let from = date("from", self.from.as_deref())?;
        let until = date("until", self.until.as_deref())?;
        let seen = date("seen", self.seen.as_deref())?;
        if let (Some(from), Some(until)) = (from, until)
            && until <= from
        {
            return Err(fault(
                "until",
                "`until` is the first day on which the price holds no more: it must be after `from`",
            ));
        }
        if self.models.is_empty() {
            return Err(fault(
                "models",
                "name at least one model; `*` stands for all",
            ));
        }
        for model in &self.models {
            if model.trim_end_matches('*').contains('*')
                || model.ends_with("**")
                || model.is_empty()
            {
                return Err(fault(
                    "models",
                    format!("`{model}`: `*` stands at the end only, as in `gpt-4o*`"),
                ));
            }
        }
        let standard = self.steps(Rates::default(), &self.per_million, None)?;
        let mut tiers = vec![];
        if !self.per_million.is_empty() {
            tiers.push((Tier::Standard, standard.clone()));
        }
        for (name, prices) in &self.tiers {
            tiers.push((name.tier(), self.tier(&standard, prices)?));
        }
        if tiers.is_empty() {
            return Err(fault(
                "perMillion",
                "no amount is given: name `perMillion`, or prices of a tier in `tiers`",
            ));
        }
        let any = [String::new()];
        let providers = if self.providers.is_empty() {
            &any[..]
        } else {
            &self.providers
        };
        let regions: Vec<Option<&String>> = if self.regions.is_empty() {
            vec![None]
        } else {
            self.regions.iter().map(Some).collect()
        };
        let mut prices = Vec::new();
        for provider in providers {
            for model in &self.models {
                for region in &regions {
                    for (tier, steps) in &tiers {
                        prices.push(Price {
                            provider: provider.to_ascii_lowercase().into(),
                            model: model.to_ascii_lowercase().into(),
                            region: region.map(|region| region.to_ascii_lowercase().into()),
                            tier: *tier,
                            from,
                            until,
                            steps: steps.clone().into(),
                            max_output: self.max_output,
                            context: self.context,
                            source: self.source.as_str().into(),
                            seen,
                            fallback: false,
                            version: version.into(),
                        });
                    }
                }
            }
        }
        Ok(prices)
    }

    fn steps(
        &self,
        base: Rates,
        amounts: &BTreeMap<Class, Amount>,
        factor: Option<Decimal>,
    ) -> Result<Vec<Step>, Fault> {
        let first = rates("perMillion", base, amounts, factor)?;
        let mut steps = vec![Step {
            above: 0,
            rates: first,
        }];
        for above in &self.above {
            let last = steps.last().expect("one is there from the start");
            if above.tokens <= last.above {
                return Err(fault(
                    "above",
                    "steps stand in order, and the first is above a number of tokens greater than 0",
                ));
            }
            let rates = rates("above", last.rates, &above.per_million, factor)?;
            steps.push(Step {
                above: above.tokens,
                rates,
            });
        }
        Ok(steps)
    }

    /// The steps of another tier: those of pay as you go by the factor, with the tier's own amounts over all of them.
    fn tier(&self, standard: &[Step], prices: &TierPrices) -> Result<Vec<Step>, Fault> {
        let Some(factor) = prices.factor else {
            return Ok(vec![Step {
                above: 0,
                rates: rates("tiers", Rates::default(), &prices.per_million, None)?,
            }]);
        };
        standard
            .iter()
            .map(|step| {
                let mut scaled = Rates::default();
                for class in Class::ALL {
                    let Some(unit) = step.rates.own(class) else {
                        continue;
                    };
                    // Searches are no tokens: the tier leaves their price as it is.
                    let by = if class.is_tokens() {
                        factor.0
                    } else {
                        Decimal::ONE
                    };
                    scaled.0[usize::from(class.code())] = Some(pico("tiers", unit.decimal() * by)?);
                }
                let rates = rates("tiers", scaled, &prices.per_million, None)?;
                Ok(Step {
                    above: step.above,
                    rates,
                })
            })
            .collect()
    }
}

/// The rates of amounts, over others.
pub(super) fn rates(
    property: &'static str,
    mut base: Rates,
    amounts: &BTreeMap<Class, Amount>,
    factor: Option<Decimal>,
) -> Result<Rates, Fault> {
    for (class, amount) in amounts {
        let amount = amount.0 * factor.unwrap_or(Decimal::ONE);
        if amount.is_sign_negative() && !amount.is_zero() {
            return Err(fault(
                property,
                format!("{amount} is negative: an amount is 0 or more"),
            ));
        }
        if amount > Decimal::from(LARGEST) {
            return Err(fault(
                property,
                format!("{amount} is above {LARGEST}: amounts are for a million tokens"),
            ));
        }
        let per = Decimal::from(if class.is_tokens() { 1_000_000 } else { 1_000 });
        base.0[usize::from(class.code())] = Some(pico(property, amount / per)?);
    }
    Ok(base)
}

fn pico(property: &'static str, unit: Decimal) -> Result<u64, Fault> {
    Pico::from_decimal(unit)
        .and_then(|pico| u64::try_from(pico.0).ok())
        .ok_or_else(|| {
            fault(
                property,
                format!("{unit} for one is finer than 10^-12: give an amount for a million with at most six digits after the point"),
            )
        })
}

fn date(property: &'static str, text: Option<&str>) -> Result<Option<Date>, Fault> {
    let Some(text) = text else { return Ok(None) };
    text.parse::<Date>().map(Some).map_err(|_| {
        fault(
            property,
            format!("`{text}` is no date: write it as `2026-01-31`"),
        )
    })
}

fn fault(property: &'static str, message: impl Into<String>) -> Fault {
    Fault {
        property,
        message: message.into(),
    }
}
