//! The author's loop: tests of a whole configuration with fixtures, their coverage, tests again when files change, and
//! recorded traffic against a changed configuration.
//!
//! The binary's commands `test` and `replay` call it. What must stay true: the configuration under test is loaded and compiled by
//! the very code that serves; nothing here opens a socket, and a test reads nothing of the process's environment, so it
//! says the same everywhere.
#![cfg_attr(test, allow(clippy::unwrap_used))]

pub mod bare;
pub mod coverage;
pub mod lint;
pub mod replay;
pub mod report;
pub mod run;
pub mod schema;
pub mod suite;
pub mod update;
pub mod watch;

pub use coverage::Coverage;
pub use run::{Run, Session, Verdict};
pub use suite::Suite;
