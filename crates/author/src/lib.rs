//! The author's loop: tests of a whole configuration with fixtures, their coverage, tests again when files change.
//!
//! The binary's command `test` calls it. What must stay true: the configuration under test is loaded and compiled by
//! the very code that serves; nothing here opens a socket or reads the process's environment, so a test says the same
//! everywhere.
#![cfg_attr(test, allow(clippy::unwrap_used))]

pub mod coverage;
pub mod report;
pub mod run;
pub mod suite;
pub mod watch;

pub use coverage::Coverage;
pub use run::{Run, Session, Verdict};
pub use suite::Suite;
