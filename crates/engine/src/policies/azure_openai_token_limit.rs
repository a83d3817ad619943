//! `azure-openai-token-limit`: the older name of `llm-token-limit`, with the same counters.

use super::llm_token_limit;
use crate::compile::PolicyDef;

/// The element.
pub const DEF: PolicyDef = PolicyDef {
    name: "azure-openai-token-limit",
    ..llm_token_limit::DEF
};
