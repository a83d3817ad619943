//! Any token: taken apart without a panic, and refused, since nobody signed it; any claims and key sets are read.

#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| tollgate_engine::fuzz::token(data));
