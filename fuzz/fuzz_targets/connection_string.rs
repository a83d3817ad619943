//! Any bytes as a connection string of SQL Server: what is read is whole, and no fault repeats a value.

#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| tollgate_engine::fuzz::connection_string(data));
