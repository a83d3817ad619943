//! `cargo xtask test`: everything, with the servers and SDKs that a user would have.

use crate::run::{Outcome, apt, cargo, has, run};
use crate::{node, python};
use std::process::Command;

/// Installs what the tests need, then runs them.
pub(crate) fn test(args: &[String]) -> Outcome {
    if !has("curl", &["--version"]) {
        apt(&["curl", "ca-certificates"])?;
    }
    let python = python::environment()?;
    let focus = python::focus()?;
    let node = node::environment()?;
    let mut command = Command::new(cargo());
    command.args(["test", "--workspace", "--locked"]).args(args);
    command.env("TOLLGATE_TEST_PYTHON", python);
    command.env("TOLLGATE_TEST_FOCUS", focus);
    command.env("TOLLGATE_TEST_NODE", node.node);
    command.env("TOLLGATE_TEST_NODE_MODULES", node.modules);
    // The fault campaign of the ledger, whole.
    command.env("TOLLGATE_KILLS", "200");
    // With the tools here, a test that cannot run is a failure, not a skip.
    command.env("TOLLGATE_NO_SKIP", "1");
    run(&mut command)
}
