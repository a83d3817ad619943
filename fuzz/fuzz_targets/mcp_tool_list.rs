//! Any bytes as an answer to `tools/list`: what is left is allowed, the rest stays.

#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| tollgate_agents::fuzz::tool_list(data));
