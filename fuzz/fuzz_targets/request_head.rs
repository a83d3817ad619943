//! Any path and headers: dot segments are found, a valid trace goes on, `Connection` and `X-Forwarded-For` are obeyed.

#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| tollgate_proxy::fuzz::head(data));
