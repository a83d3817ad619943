//! The whole binary: commands as a user types them, calls over real sockets. One test binary.

#![allow(missing_docs, clippy::unwrap_used)]

mod accounting;
mod apiops;
mod cache_ratio;
mod check;
mod connections;
mod debug;
mod demo;
mod docs;
mod documents;
mod eval;
mod examples;
mod failover;
mod key_vault;
mod labs;
mod lints;
mod long_expression;
mod mcp_authorization;
mod mcp_clients;
mod mcp_conformance;
mod mcp_documents;
mod mcp_example;
mod mcp_from_api;
mod mcp_streams;
mod node;
mod process;
mod python;
mod replay;
mod rotation;
mod scene;
mod sdk;
mod secrets;
mod serve;
mod streams;
mod trace;
