//! Virtual environments with what the acceptance tests drive: SDKs, the validator of FOCUS.

use crate::run::{Outcome, apt, has, root, run};
use std::path::PathBuf;
use std::process::Command;

/// The interpreter of `.tools/venv`, with the SDKs of `tests/requirements.txt`.
pub(crate) fn environment() -> Result<PathBuf, String> {
    filled("venv", "tests/requirements.txt", &[])
}

/// The interpreter of `.tools/focus`, with the FinOps Foundation's validator. Its list is complete, because the
/// validator's own asks for versions that exclude each other, and for Python 3.12.
pub(crate) fn focus() -> Result<PathBuf, String> {
    let options = ["--no-deps", "--ignore-requires-python"];
    filled("focus", "tests/focus-requirements.txt", &options)
}

/// The interpreter of a virtual environment in `.tools`, made and filled when its list asks for something new.
fn filled(name: &str, list: &str, options: &[&str]) -> Result<PathBuf, String> {
    let venv = root().join(".tools").join(name);
    let python = venv.join("bin/python");
    let wanted = root().join(list);
    let installed = venv.join("requirements.txt");
    let requirements = std::fs::read(&wanted).map_err(|e| format!("{}: {e}", wanted.display()))?;
    if python.exists() && std::fs::read(&installed).is_ok_and(|text| text == requirements) {
        return Ok(python);
    }
    if !has("python3", &["-c", "import venv, ensurepip"]) {
        apt(&["python3", "python3-venv"])?;
    }
    println!("installing what {list} names into .tools/{name} (pip)");
    run(Command::new("python3").args(["-m", "venv"]).arg(&venv))?;
    let install = ["install", "--quiet", "--disable-pip-version-check"];
    pip(
        &python,
        &[&install, options, &["--requirement", list]].concat(),
    )?;
    std::fs::write(&installed, requirements)
        .map_err(|e| format!("{}: {e}", installed.display()))?;
    Ok(python)
}

fn pip(python: &PathBuf, args: &[&str]) -> Outcome {
    run(Command::new(python).args(["-m", "pip"]).args(args))
}
