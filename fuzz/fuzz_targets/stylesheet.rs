//! Any bytes as a stylesheet and its input: no panic, an end, and every fault in bounds.

#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| tollgate_lang::fuzz::stylesheet(data));
