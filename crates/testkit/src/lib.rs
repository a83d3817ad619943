//! Simulated providers and scripted servers on loopback.
//!
//! Called by `tollgate demo`, `tollgate simulate` and by tests that run a whole gateway.
//! [`simulator`] answers as Azure OpenAI, Microsoft Entra ID and the managed-identity endpoints do;
//! [`sql_server`] speaks TDS as SQL Server does, with scripted rows; [`upstream`] plays raw scripts (chunks, delays, resets, broken HTTP); [`load`] drives a server.
//! What must stay true: everything listens on a given address (port 0 by default), every buffer is
//! bounded, the same request gets the same text, and nothing here is linked into the data plane.

#![cfg_attr(test, allow(clippy::unwrap_used))]

pub mod client;
pub mod load;
pub mod simulator;
pub mod sql_server;
pub mod upstream;

pub use simulator::{Deployment, DeploymentKind, IdentityConfig, Simulator, SimulatorConfig};
