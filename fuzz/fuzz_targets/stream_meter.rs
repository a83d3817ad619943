//! Any bytes as a model's answer, cut anywhere: metered alike, and only the usage chunk is hidden.

#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| tollgate_llm::fuzz::stream(data));
