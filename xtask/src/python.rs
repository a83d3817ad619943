//! A virtual environment with the SDKs that the acceptance tests drive.

use crate::run::{Outcome, apt, has, root, run};
use std::path::PathBuf;
use std::process::Command;

/// The interpreter of `.tools/venv`, made and filled when `tests/requirements.txt` asks for something new.
pub(crate) fn environment() -> Result<PathBuf, String> {
    let venv = root().join(".tools/venv");
    let python = venv.join("bin/python");
    let wanted = root().join("tests/requirements.txt");
    let installed = venv.join("requirements.txt");
    let requirements = std::fs::read(&wanted).map_err(|e| format!("{}: {e}", wanted.display()))?;
    if python.exists() && std::fs::read(&installed).is_ok_and(|text| text == requirements) {
        return Ok(python);
    }
    if !has("python3", &["-c", "import venv, ensurepip"]) {
        apt(&["python3", "python3-venv"])?;
    }
    println!("installing the SDKs of tests/requirements.txt into .tools/venv (pip)");
    run(Command::new("python3").args(["-m", "venv"]).arg(&venv))?;
    pip(
        &python,
        &[
            "install",
            "--quiet",
            "--disable-pip-version-check",
            "--requirement",
            "tests/requirements.txt",
        ],
    )?;
    std::fs::write(&installed, requirements)
        .map_err(|e| format!("{}: {e}", installed.display()))?;
    Ok(python)
}

fn pip(python: &PathBuf, args: &[&str]) -> Outcome {
    run(Command::new(python).args(["-m", "pip"]).args(args))
}
