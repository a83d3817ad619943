//! An XPath and a document of XML: the tree is written as it was read, no node is found twice.

#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| tollgate_lang::fuzz::xml(data));
