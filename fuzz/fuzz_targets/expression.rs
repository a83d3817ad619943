//! Any bytes as the code of an expression: no panic while it is compiled, and every span in bounds.

#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| tollgate_lang::fuzz::expression(data));
