//! `cargo xtask oracle`: expressions against a real C# compiler and runtime. The work is `crates/oracle`'s.

use crate::run::{Outcome, apt, cargo, has, run};
use std::path::Path;
use std::process::Command;

/// What Debian calls the compiler, the runtime and the libraries.
const PACKAGES: [&str; 9] = [
    "mono-mcs",
    "mono-runtime",
    "libnewtonsoft-json5.0-cil",
    "libmono-system-core4.0-cil",
    "libmono-system-web4.0-cil",
    "libmono-system-xml-linq4.0-cil",
    "libmono-system-numerics4.0-cil",
    "libmono-system-security4.0-cil",
    "libmono-microsoft-csharp4.0-cil",
];

/// Installs Mono where it is missing, then runs the tool.
pub(crate) fn oracle(args: &[String]) -> Outcome {
    let libraries = [
        "/usr/lib/mono/gac/Newtonsoft.Json",
        "/usr/lib/mono/gac/System.Xml.Linq",
        "/usr/lib/mono/gac/System.Security",
    ];
    let there = has("mcs", &["--version"])
        && has("mono", &["--version"])
        && libraries.iter().all(|l| Path::new(l).exists());
    if !there {
        apt(&PACKAGES)?;
    }
    run(Command::new(cargo())
        .args(["run", "--locked", "--package", "tollgate-oracle", "--"])
        .args(args))
}
