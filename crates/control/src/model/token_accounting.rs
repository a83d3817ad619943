//! `tokenAccounting:` of the gateway, a product or an API.

use crate::yaml::At;
use schemars::JsonSchema;
use serde::Deserialize;

/// How token limits hold. What a product or an API leaves out is as the wider place says: API, product, gateway.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct TokenAccounting {
    /// When a call is let through. Default: `observed`.
    pub mode: Option<AccountingMode>,
    /// Whether a stream is ended, as its protocol ends one at its length, when a limit is used up in its middle. Strict
    /// accounting always does, at what the call has reserved. Default: false.
    pub stop_streams: Option<bool>,
    /// Strict: the most output tokens of one choice of a call that names no bound itself; it is sent on with the call.
    /// Default: what the model can produce, and 4096 of a model that is not known.
    #[serde(default)]
    #[schemars(schema_with = "super::scalar::optional_number_or_text")]
    pub max_tokens: Option<At<u64>>,
    /// Strict: a call that does not fit is sent with a lower bound of its output instead of being refused, but with no
    /// fewer tokens for each choice than this. `x-tollgate-max-tokens` on the answer tells the bound. 0: it is refused.
    /// Default: 0.
    #[serde(default)]
    #[schemars(schema_with = "super::scalar::optional_number_or_text")]
    pub clamp_max_tokens: Option<At<u64>>,
}

/// When a call is let through.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub enum AccountingMode {
    /// As API Management: calls under way may pass a limit by what they use.
    Observed,
    /// The most that a call can use is reserved until it has ended: no limit is passed.
    Strict,
}
