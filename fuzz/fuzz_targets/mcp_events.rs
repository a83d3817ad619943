//! Any bytes as an event stream of an MCP server: nothing is lost, and a rewritten answer keeps its event.

#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| tollgate_engine::fuzz::mcp_events(data));
