//! Any bytes as a backend's `Location`: no panic, and only a named host is another host.

#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| tollgate_engine::fuzz::location(data));
