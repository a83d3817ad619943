//! Tests of the author's loop from outside, in one binary.
#![allow(
    clippy::unwrap_used,
    missing_docs,
    reason = "tests stop at the first surprise"
)]

mod bare;
mod corpus;
mod examples;
mod folder;
mod loops;
mod reference;
mod reports;
mod update;
mod workspaces;
