//! The data plane: listeners, TLS, HTTP, connections to backends, telemetry, managed-identity tokens.
//!
//! The `gateway` crate makes a [`Gateway`] from a [`ProxyConfig`] and a [`SnapshotHandle`]; every request goes to
//! `tollgate_engine::serve`. What must stay true: one current-thread runtime for each data-plane thread, with its own
//! share of the listeners and its own upstream connections; threads share the snapshot, state and atomics; every wait
//! has a deadline; nothing secret is logged.
#![cfg_attr(test, allow(clippy::unwrap_used))]

mod backends;
mod body;
mod budgets;
pub mod config;
mod connection;
mod debug;
mod endpoint;
mod forwarded;
pub mod fuzz;
mod gateway;
mod graphql_socket;
mod health;
mod identity;
mod io;
mod key_vault;
mod ledger;
mod management;
mod notifications;
mod openid;
mod otlp;
mod pausable;
mod quotas;
mod random;
mod recording;
mod request;
mod server_tls;
mod snapshots;
mod telemetry;
mod thread;
mod trace_context;
mod tunnel;
mod turn;
mod upstream;
pub mod webhook;
mod wheel;

pub use config::ProxyConfig;
pub use forwarded::Network;
pub use gateway::{Gateway, Shared, StartError};
pub use health::Health;
pub use identity::Identity;
pub use key_vault::KeyVault;
pub use snapshots::SnapshotHandle;
