//! Any bytes as JSON for Json.NET's reader: what is written of it is read as the same.

#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| tollgate_lang::fuzz::json(data));
