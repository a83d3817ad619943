//! `cargo xtask deny`: licences, sources, bans, advisories.

use crate::run::{Outcome, cargo, has, run};
use std::process::{Command, Stdio};

/// The version that `deny.toml` is written for.
const VERSION: &str = "0.20.2";

/// Installs cargo-deny if it is missing and runs it.
pub(crate) fn deny() -> Outcome {
    if !has(&cargo(), &["deny", "--version"]) {
        println!("installing cargo-deny {VERSION} (cargo)");
        run(Command::new(cargo()).args([
            "install",
            "--quiet",
            "--locked",
            "cargo-deny",
            "--version",
            VERSION,
        ]))?;
    }
    run(Command::new(cargo()).args(["deny", "check", "bans", "licenses", "sources"]))?;
    // Advisories come from a database that a closed network cannot fetch: then say so, and check the rest.
    let fetched = Command::new(cargo())
        .args(["deny", "fetch", "db"])
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .status();
    if fetched.is_ok_and(|s| s.success()) {
        run(Command::new(cargo()).args(["deny", "check", "advisories"]))
    } else {
        println!("advisories: the database cannot be fetched from here; not checked");
        Ok(())
    }
}
