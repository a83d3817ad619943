//! Any bytes as a stream of events, cut anywhere: no byte is lost, and where it is cut changes nothing.

#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| tollgate_llm::fuzz::sse(data));
