//! Any bytes as a JSON-RPC message: what is peeked is what a whole reader reads.

#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| tollgate_agents::fuzz::envelope(data));
