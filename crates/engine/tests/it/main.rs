//! Tests of the engine from outside, in one binary.
#![allow(
    clippy::unwrap_used,
    missing_docs,
    reason = "tests stop at the first surprise"
)]

mod accounting;
mod certificates;
mod corpus;
mod fixtures;
mod generation;
mod ledger;
mod probe;
mod samples;
mod side_calls;
mod strict;
mod tidy;
mod tokens;
