//! Any bytes as an OpenAPI document: no panic, and every fault in bounds.

#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| tollgate_control::fuzz::openapi_document(data));
