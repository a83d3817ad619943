//! The tests of `control` that go through its public API, in one binary.

#![allow(missing_docs, clippy::unwrap_used)]

mod apiops;
mod contracts;
mod examples;
mod fixtures;
mod folder;
mod import;
mod properties;
mod reload;
mod schema;
