//! Any bytes as a Liquid template, rendered against a body: no panic, an end, and every fault in bounds.

#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| tollgate_lang::fuzz::liquid_template(data));
