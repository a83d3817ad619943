//! Any bytes as an XML Schema and a document: no panic, and an end.

#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| tollgate_lang::fuzz::xml_schema(data));
