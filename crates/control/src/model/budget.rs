//! `budgets:` of the configuration, and `gateway.budgets`.

use super::scalar::{Duration, PlacedSecret};
use crate::yaml::At;
use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::Deserialize;
use serde::de::{Deserializer, Error, Unexpected, Visitor};
use std::borrow::Cow;
use tollgate_llm::price::{Amount, Pico};

/// What may be spent in a period, in tokens or in money. A model call draws from every budget whose scope it is in, and
/// from their parents.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Budget {
    /// Its id: letters, digits, `.`, `_` and `-`.
    pub id: At<String>,
    /// What it is for. Not used by the gateway.
    pub description: Option<String>,
    /// Which calls it applies to. Default: all model calls.
    #[serde(default)]
    pub scope: BudgetScope,
    /// Applies to each of these by itself. Default: to all together.
    pub each: Option<BudgetSubject>,
    /// The most of a period.
    pub limit: At<BudgetLimit>,
    /// How long a period is. Default: `month`.
    #[serde(default)]
    pub period: BudgetPeriod,
    /// Of `period: days`: how many.
    #[serde(default)]
    #[schemars(schema_with = "super::scalar::optional_number_or_text")]
    pub days: Option<At<u32>>,
    /// Of `period: days` a date on which one begins, of `period: once` the first day, as `2026-01-31`.
    pub from: Option<At<String>>,
    /// Of `period: once`: the last day.
    pub until: Option<At<String>>,
    /// On which day weeks begin. Default: `monday`.
    pub week_start: Option<WeekDay>,
    /// Whose midnight counts, as `Europe/Berlin`. Default: `UTC`.
    pub time_zone: Option<At<String>>,
    /// Percentages of the limit that are reported when they are reached, once in a period.
    #[serde(default)]
    pub thresholds: Vec<At<BudgetThreshold>>,
    /// Ids of `gateway.budgets.notifications` that are told of thresholds, of refusals and when nothing is left.
    #[serde(default)]
    pub notify: Vec<At<String>>,
    /// Whether calls are refused when nothing is left. Default: true.
    pub hard: Option<bool>,
    /// Whether what is left of a period is added to the next. Default: false.
    #[serde(default)]
    pub carry_over: bool,
    /// The most that is carried over. Default: the limit.
    pub carry_over_limit: Option<At<BudgetLimit>>,
    /// Id of a budget that everything spent here is spent from as well.
    pub parent: Option<At<String>>,
    /// Whether only what its children spend counts. Default: false.
    #[serde(default)]
    pub children_only: bool,
    /// What a limit in money does with a call that has no price. Default: `refuse`.
    pub unpriced: Option<Unpriced>,
}

/// Which calls a budget applies to: those that fit in every list that is there.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct BudgetScope {
    /// Ids of products.
    #[serde(default)]
    pub products: Vec<At<String>>,
    /// Ids of groups that the owner of the subscription is in.
    #[serde(default)]
    pub groups: Vec<At<String>>,
    /// Ids of subscriptions.
    #[serde(default)]
    pub subscriptions: Vec<At<String>>,
    /// Ids of users that own the subscription.
    #[serde(default)]
    pub users: Vec<At<String>>,
    /// Ids of APIs.
    #[serde(default)]
    pub apis: Vec<At<String>>,
    /// Ids of backends that calls are sent to; of a pool its own, not those of its members.
    #[serde(default)]
    pub backends: Vec<At<String>>,
    /// Models that are asked for; a `*` at the end stands for any rest.
    #[serde(default)]
    pub models: Vec<At<String>>,
}

/// Of what a budget applies to each.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub enum BudgetSubject {
    /// Each subscription.
    Subscription,
    /// Each user, with all of the user's subscriptions.
    User,
    /// Each product.
    Product,
    /// Each API.
    Api,
    /// Each run of an agent, as `gateway.budgets.runHeader` names it.
    Run,
}

/// An amount: one of the two.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct BudgetLimit {
    /// Tokens; `5_000_000` as well.
    pub tokens: Option<At<Tokens>>,
    /// Money, in the gateway's currency.
    pub amount: Option<At<Money>>,
}

/// A threshold.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct BudgetThreshold {
    /// Percent of the limit; above 100 too.
    pub percent: At<u16>,
    /// Ids of notifications that are told. Default: those of the budget.
    pub notify: Option<Vec<At<String>>>,
}

/// Periods of a budget.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub enum BudgetPeriod {
    /// From midnight to midnight.
    Day,
    /// Seven days, from `weekStart`.
    Week,
    /// A calendar month.
    #[default]
    Month,
    /// Three calendar months, from January.
    Quarter,
    /// A calendar year.
    Year,
    /// So many `days`, over and over, counted from a date.
    Days,
    /// One time, `from` a day `until` another; before and after it nothing may be spent.
    Once,
    /// Without end.
    Endless,
}

/// Days of the week.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
#[allow(missing_docs, reason = "their own names")]
pub enum WeekDay {
    Monday,
    Tuesday,
    Wednesday,
    Thursday,
    Friday,
    Saturday,
    Sunday,
}

/// What happens to a call without a price.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub enum Unpriced {
    /// It is refused.
    Refuse,
    /// It passes, and nothing is counted of it here.
    Allow,
}

/// What is set for all budgets.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Budgets {
    /// Header of the answer with the tokens that are left; empty for none. Default: `x-budget-remaining-tokens`.
    pub remaining_tokens_header: Option<At<String>>,
    /// Header of the answer with the money that is left; empty for none. Default: `x-budget-remaining-amount`.
    pub remaining_amount_header: Option<At<String>>,
    /// Header of the request that names the run of an agent; empty for none. Default: `x-agent-run-id`.
    pub run_header: Option<At<String>>,
    /// Path where callers see their own budgets and make child keys, as `/budgets`. Default: nowhere.
    pub path: Option<At<String>>,
    /// Keys that a caller makes of its own.
    #[serde(default)]
    pub child_keys: ChildKeys,
    /// Who is told of thresholds.
    #[serde(default)]
    pub notifications: Vec<At<Notification>>,
}

/// Bounds of keys that a caller makes of its own.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct ChildKeys {
    /// How many levels there may be below a subscription's own key; 0 for none. Default: 4.
    #[serde(default)]
    #[schemars(schema_with = "super::scalar::optional_number_or_text")]
    pub depth: Option<At<u32>>,
    /// How many there may be at one time. Default: 10000.
    #[serde(default)]
    #[schemars(schema_with = "super::scalar::optional_number_or_text")]
    pub count: Option<At<u32>>,
    /// The longest life of one. Default: 24 h.
    pub life: Option<At<Duration>>,
}

/// A webhook.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Notification {
    /// Its id.
    pub id: At<String>,
    /// Where to post.
    pub url: At<String>,
    /// What posts are signed with (HMAC-SHA256). Default: they are not.
    pub secret: Option<PlacedSecret>,
    /// How long a post is tried again. Default: 1 h.
    pub deadline: Option<At<Duration>>,
}

/// A number of tokens.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Tokens(pub u64);

impl<'de> Deserialize<'de> for Tokens {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Tokens, D::Error> {
        struct Read;

        impl Visitor<'_> for Read {
            type Value = Tokens;

            fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str("a number of tokens such as `5_000_000`")
            }

            // It is missing, which has been reported.
            fn visit_none<E>(self) -> Result<Tokens, E> {
                Ok(Tokens(0))
            }

            fn visit_u64<E: Error>(self, tokens: u64) -> Result<Tokens, E> {
                Ok(Tokens(tokens))
            }

            fn visit_str<E: Error>(self, text: &str) -> Result<Tokens, E> {
                let digits = text.trim().replace('_', "");
                let tokens = digits.parse().map(Tokens);
                tokens.map_err(|_| E::invalid_value(Unexpected::Other("text"), &self))
            }
        }

        deserializer.deserialize_any(Read)
    }
}

impl JsonSchema for Tokens {
    fn schema_name() -> Cow<'static, str> {
        Cow::Borrowed("Tokens")
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({
            "description": "A number of tokens, as `5000000` or `5_000_000`.",
            "anyOf": [
                { "type": "integer", "minimum": 0 },
                { "type": "string", "pattern": "^[0-9][0-9_]*$" },
            ],
        })
    }
}

/// An amount of money: at most twelve digits after the point.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Money(pub Pico);

impl<'de> Deserialize<'de> for Money {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Money, D::Error> {
        let Amount(amount) = Amount::deserialize(deserializer)?;
        Pico::from_decimal(amount).map(Money).ok_or_else(|| {
            D::Error::custom(
                "expected an amount of 0 or more, with at most twelve digits after the point",
            )
        })
    }
}

impl JsonSchema for Money {
    fn schema_name() -> Cow<'static, str> {
        Cow::Borrowed("Money")
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({
            "description": "An amount in the gateway's currency, as `250.00`.",
            "anyOf": [
                { "type": "number", "minimum": 0 },
                { "type": "string", "pattern": "^[0-9]+([.][0-9]{1,12})?$" },
            ],
        })
    }
}
