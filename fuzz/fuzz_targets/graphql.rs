//! Any bytes as a GraphQL request: what is sent on of it is what was read, and is valid without the fields that rules remove.

#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| tollgate_engine::fuzz::graphql(data));
