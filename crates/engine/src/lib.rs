//! The exchange, the pipeline that runs it, and the policies.
//!
//! `proxy` hands every request to [`serve`]; `control` builds the [`Snapshot`] from configuration; commands and tests
//! use the same compiled pipeline. What must stay true: a request never parses configuration and never looks a thing
//! up by a name that an index could have named; every request ends in exactly one settlement; a policy cannot see
//! another policy's type. Exchanges live on one thread; snapshots are shared by all.
#![cfg_attr(test, allow(clippy::unwrap_used))]

pub mod accounting;
pub mod body;
pub mod budget;
pub mod circuit_breaker;
pub mod client_certificate;
pub mod clock;
pub mod compile;
pub mod connect;
mod content_safety;
pub mod contract;
pub mod conversion;
mod dapr;
pub mod definition;
mod dimensions;
pub mod event_hub;
pub mod exchange;
pub mod exists_action;
pub mod failure;
pub mod fixture;
pub mod fuzz;
pub mod graphql;
mod host;
pub mod identify;
pub mod jwt;
mod limits;
mod links;
pub mod liquid;
pub mod llm_call;
pub mod mcp;
pub mod media;
mod messaging;
pub mod odata;
mod parallel;
pub mod pipeline;
pub mod policies;
pub mod preview;
pub mod pricing;
pub mod probe;
pub mod realtime;
pub mod recording;
pub mod response_cache;
pub mod routing;
pub mod services;
pub mod settle;
mod side_request;
pub mod snapshot;
pub mod sql;
pub mod step;
pub mod trace;
pub mod upstream;
mod validation;
pub mod vault;

pub use body::{Body, BodyError};
pub use exchange::Exchange;
pub use failure::Failure;
pub use pipeline::{serve, serve_with};
pub use services::Services;
pub use settle::AnswerBody;
pub use snapshot::Snapshot;
pub use step::{Flow, Step};

/// A future that stays on its thread.
pub type LocalBoxFuture<'a, T> = std::pin::Pin<Box<dyn std::future::Future<Output = T> + 'a>>;
