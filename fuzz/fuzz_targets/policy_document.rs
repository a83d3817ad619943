//! Any bytes as a policy document: no panic, and every span in bounds.

#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| tollgate_lang::fuzz::policy_document(data));
