//! Well-typed programs made of any bytes: no panic, and the same outcome with and without what is done at load.

#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| tollgate_lang::fuzz::evaluation(data));
