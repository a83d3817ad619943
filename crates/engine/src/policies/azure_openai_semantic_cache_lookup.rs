//! `azure-openai-semantic-cache-lookup`: the older name of `llm-semantic-cache-lookup`.

use super::llm_semantic_cache_lookup;
use crate::compile::PolicyDef;

/// The element.
pub const DEF: PolicyDef = PolicyDef {
    name: "azure-openai-semantic-cache-lookup",
    ..llm_semantic_cache_lookup::DEF
};
