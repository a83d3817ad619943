//! `azure-openai-emit-token-metric`: the older name of `llm-emit-token-metric`.

use super::llm_emit_token_metric;
use crate::compile::PolicyDef;

/// The element.
pub const DEF: PolicyDef = PolicyDef {
    name: "azure-openai-emit-token-metric",
    ..llm_emit_token_metric::DEF
};
