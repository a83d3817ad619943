//! Any path, API path and URL templates: no panic while they are matched; a template matches itself.

#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| tollgate_engine::fuzz::route(data));
