//! `cargo xtask bench`: the gateway, a minimal proxy and nginx under the same load, in one run.

use crate::run::{Outcome, apt, cargo, has, root, run};
use std::process::Command;

/// Builds for speed, then runs the harness on one core and the proxies on another.
pub(crate) fn bench(args: &[String]) -> Outcome {
    if !has("nginx", &["-v"]) {
        apt(&["nginx-light"])?;
    }
    if !has("taskset", &["--version"]) {
        apt(&["util-linux"])?;
    }
    run(Command::new(cargo()).args([
        "build",
        "--profile",
        "dist",
        "--locked",
        "--package",
        "tollgate",
        "--package",
        "tollgate-bench",
    ]))?;
    let target =
        std::env::var_os("CARGO_TARGET_DIR").map_or_else(|| root().join("target"), Into::into);
    let binaries = target.join("dist");
    run(Command::new("taskset")
        .args(["-c", "1"])
        .arg(binaries.join("bench"))
        .arg(&binaries)
        .args(args))
}
