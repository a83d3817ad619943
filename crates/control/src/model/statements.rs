//! `gateway.statements`: statements of what teams used, sent each month.

use super::scalar;
use crate::yaml::At;
use schemars::JsonSchema;
use serde::Deserialize;

/// Statements that are sent each month, of the month before.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Statements {
    /// The day of the month, 1 to 28. Default: 1.
    #[serde(default)]
    #[schemars(schema_with = "scalar::optional_number_or_text")]
    pub day: Option<At<u32>>,
    /// The time of that day, as `06:00`. Default: `06:00`.
    pub time: Option<At<String>>,
    /// Whose days and months, as `Europe/Berlin`. Default: `UTC`.
    pub time_zone: Option<At<String>>,
    /// What a team is: `product`, `subscription`, `user`, `workspace`, `api`, `group` or `tag:NAME`. Default: `product`.
    pub team_is: Option<At<String>>,
    /// What is posted. Default: `json`.
    #[serde(default)]
    pub format: StatementFormat,
    /// Who gets them.
    pub send: Vec<At<StatementTarget>>,
}

/// Who gets the statements of whom.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct StatementTarget {
    /// The team. Default: each that has calls in the month and no entry of its own here.
    pub team: Option<At<String>>,
    /// Id of one of `gateway.budgets.notifications`: the URL, what signs the post, how long it is tried again.
    pub notification: At<String>,
}

/// Form of a statement that is posted.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub enum StatementFormat {
    /// The numbers, with the text and the page in it.
    #[default]
    Json,
    /// The page alone.
    Html,
    /// The text alone.
    Text,
}
