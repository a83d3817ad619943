//! `azure-openai-semantic-cache-store`: the older name of `llm-semantic-cache-store`.

use super::llm_semantic_cache_store;
use crate::compile::PolicyDef;

/// The element.
pub const DEF: PolicyDef = PolicyDef {
    name: "azure-openai-semantic-cache-store",
    ..llm_semantic_cache_store::DEF
};
