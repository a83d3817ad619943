//! Any pattern on any text: no panic, every capture in the text, matches in order. Two bytes of options, the pattern, a line
//! end, the text.

#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| tollgate_lang::fuzz::regex(data));
