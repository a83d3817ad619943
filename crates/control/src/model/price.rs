//! The file of `gateway.prices`, and how a backend's models are paid for.

use crate::yaml::At;
use schemars::JsonSchema;
use serde::Deserialize;
use std::collections::BTreeMap;
use tollgate_llm::price::{Amount, Entry, Tier, Tools};
use tollgate_llm::usage::Class;

/// A file of prices; its entries are those of [`tollgate_llm::price::File`].
#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct PriceFile {
    /// The name of this state of the file.
    pub version: String,
    /// ISO 4217 code of all of its amounts. Default: `USD`.
    pub currency: Option<At<String>>,
    /// The prices.
    #[serde(default)]
    pub prices: Vec<At<Entry>>,
    /// What providers charge for calls of their own tools.
    #[serde(default)]
    pub tools: Vec<At<Tools>>,
    /// What is charged for models without a price.
    pub fallback: Option<At<BTreeMap<Class, Amount>>>,
}

/// Classes of service of a model's calls.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub enum ServiceTier {
    /// Pay as you go.
    Standard,
    /// Answered within a day, at a discount.
    Batch,
    /// Answered when there is room, at a discount.
    Flex,
    /// Answered before others, at a premium.
    Priority,
    /// From capacity that is paid by the hour (PTU, provisioned throughput): a token costs nothing more.
    Provisioned,
}

impl From<ServiceTier> for Tier {
    fn from(tier: ServiceTier) -> Tier {
        match tier {
            ServiceTier::Standard => Tier::Standard,
            ServiceTier::Batch => Tier::Batch,
            ServiceTier::Flex => Tier::Flex,
            ServiceTier::Priority => Tier::Priority,
            ServiceTier::Provisioned => Tier::Provisioned,
        }
    }
}

/// Capacity that is paid by the hour.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Capacity {
    /// How many units.
    pub units: u32,
    /// What one unit costs for an hour, in the currency of the prices.
    pub unit_hour: HourAmount,
}

/// An amount of money.
#[derive(Clone, Copy, Debug, Deserialize, JsonSchema)]
#[schemars(with = "f64")]
#[serde(transparent)]
pub struct HourAmount(#[serde(deserialize_with = "amount")] pub rust_decimal::Decimal);

fn amount<'de, D: serde::Deserializer<'de>>(from: D) -> Result<rust_decimal::Decimal, D::Error> {
    Amount::deserialize(from).map(|amount| amount.0)
}
