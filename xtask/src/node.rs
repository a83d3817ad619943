//! The Node packages that the tests drive: the MCP conformance suite, MCP servers and clients, an OIDC provider.
//!
//! `tests/node/package.json` names them and the Node that runs them (the package `node-linux-*` is its binary), and the
//! lock beside it pins all that they need by hash. What must stay true: no script of a package runs at installation.

use crate::run::{Outcome, apt, has, root, run};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

/// The oldest Node that the conformance suite runs on.
const NODE_MAJOR: u32 = 22;

/// What the tests get to know.
pub(crate) struct Environment {
    /// The Node that runs everything.
    pub(crate) node: PathBuf,
    /// The folder `node_modules` with the packages.
    pub(crate) modules: PathBuf,
}

/// Installs `tests/node` into `.tools/node` when the lock asks for something new.
pub(crate) fn environment() -> Result<Environment, String> {
    let folder = root().join(".tools/node");
    let modules = folder.join("node_modules");
    let lock = root().join("tests/node/package-lock.json");
    let installed = folder.join("installed.json");
    let wanted = std::fs::read(&lock).map_err(|e| format!("{}: {e}", lock.display()))?;
    if !std::fs::read(&installed).is_ok_and(|text| text == wanted) {
        install(&folder)?;
        std::fs::write(&installed, wanted).map_err(|e| format!("{}: {e}", installed.display()))?;
    }
    Ok(Environment {
        node: node(&modules)?,
        modules,
    })
}

fn install(folder: &Path) -> Outcome {
    if !has("npm", &["--version"]) {
        apt(&["nodejs", "npm"])?;
    }
    println!("installing the packages of tests/node into .tools/node (npm, some 520 MB)");
    std::fs::create_dir_all(folder).map_err(|e| format!("{}: {e}", folder.display()))?;
    for name in ["package.json", "package-lock.json"] {
        let from = root().join("tests/node").join(name);
        std::fs::copy(&from, folder.join(name)).map_err(|e| format!("{}: {e}", from.display()))?;
    }
    run(Command::new("npm")
        .args(["ci", "--prefix"])
        .arg(folder)
        // The npm that installs may be older than the Node that will run: it would only warn of that.
        .args([
            "--ignore-scripts",
            "--no-audit",
            "--no-fund",
            "--loglevel",
            "error",
        ])
        .stdout(Stdio::null()))
}

/// The installed Node; on a machine that the package has no binary for, the one in the PATH when it is new enough.
fn node(modules: &Path) -> Result<PathBuf, String> {
    let own = modules.join(".bin/node");
    if own.exists() {
        return Ok(own);
    }
    let version = Command::new("node").arg("--version").output();
    let major = version.ok().and_then(|output| {
        let text = String::from_utf8(output.stdout).ok()?;
        text.trim()
            .strip_prefix('v')?
            .split('.')
            .next()?
            .parse()
            .ok()
    });
    match major {
        Some(found) if NODE_MAJOR <= found => Ok(PathBuf::from("node")),
        Some(found) => Err(format!(
            "the tests need Node {NODE_MAJOR} or newer and `node` is {found}: install a newer one"
        )),
        None => Err(format!(
            "the tests need Node {NODE_MAJOR} or newer: install it"
        )),
    }
}
