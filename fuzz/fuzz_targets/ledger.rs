//! Any bytes in a ledger's file: what is good before and behind them is read, and nothing that is not.

#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| tollgate_state::fuzz::ledger(data));
