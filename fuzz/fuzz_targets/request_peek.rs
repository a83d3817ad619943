//! Any bytes as a model request: read, estimated, and usage asked for without changing anything else.

#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| tollgate_llm::fuzz::request(data));
