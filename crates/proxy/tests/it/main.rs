//! Whole gateways against scripted backends over real sockets: one binary, port 0, no fixed times.
#![allow(clippy::unwrap_used, missing_docs, unreachable_pub, dead_code)]

mod pass;
mod support;
