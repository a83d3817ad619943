//! A JSONPath and JSON: no panic, bounded, and what is found is where its path says.

#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| tollgate_lang::fuzz::json_path(data));
