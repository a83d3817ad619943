//! Any bytes as `tollgate.yaml`: no panic, and every fault in bounds.

#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| tollgate_control::fuzz::configuration(data));
