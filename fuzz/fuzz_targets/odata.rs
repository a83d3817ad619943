//! Any bytes as the URL of an OData request: it is judged, with places that stand in it.

#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| tollgate_engine::fuzz::odata(data));
