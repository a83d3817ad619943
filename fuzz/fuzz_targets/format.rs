//! Any bytes as values and a format: no panic, and no text longer than its format allows.

#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| tollgate_lang::fuzz::format(data));
