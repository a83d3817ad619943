//! Whole gateways against scripted backends over real sockets: one binary, port 0, no fixed times.
#![allow(clippy::unwrap_used, missing_docs, unreachable_pub)]

mod circuit_breakers;
mod client_certificates;
mod debug;
mod drain;
mod expect;
mod faults;
mod graphql;
mod hostile;
mod http2;
mod http_proxies;
mod identity;
mod limits;
mod log;
mod openid;
mod otlp;
mod pass;
mod recording;
mod sql_server;
mod stream;
mod support;
mod tls;
mod websocket;
