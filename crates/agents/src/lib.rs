//! What agents speak: JSON-RPC messages of the Model Context Protocol, its revisions, and which tools a caller may use.
//!
//! `engine` reads calls and writes answers with it; `testkit`'s server too. What must stay true: text in, data out -
//! no I/O, no clock, no async; nothing a peer sends makes it panic or take more than a bounded amount of memory.
//! Source of the rules: the MCP specification, revisions 2024-11-05 to 2026-07-28.
#![cfg_attr(test, allow(clippy::unwrap_used))]

pub mod fuzz;
pub mod jsonrpc;
pub mod list;
pub mod mirror;
pub mod operation;
pub mod result;
pub mod revision;
pub mod tools;

pub use jsonrpc::{Envelope, Id, Malformed};
pub use revision::{Era, Revision};
pub use tools::ToolRules;
