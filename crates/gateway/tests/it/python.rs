//! Scripts that drive the gateway with real SDKs, and the rule for machines that do not have them.

use std::ffi::OsString;
use std::path::Path;
use std::process::Command;

/// The interpreter that a variable names (`cargo xtask test` makes one and sets it). Without it the answer is `None` and
/// the test is skipped, unless `TOLLGATE_NO_SKIP` forbids that.
fn named(variable: &str) -> Option<OsString> {
    let python = std::env::var_os(variable);
    if python.is_none() {
        assert!(
            std::env::var_os("TOLLGATE_NO_SKIP").is_none(),
            "{variable} is not set"
        );
        println!("skipped: it needs {variable}");
    }
    python
}

/// The interpreter with the SDKs.
pub(crate) fn interpreter() -> Option<OsString> {
    named("TOLLGATE_TEST_PYTHON")
}

/// What a script printed, having ended well; `None` without an interpreter.
pub(crate) fn python(script: &Path, environment: &[(&str, &str)]) -> Option<String> {
    let mut command = Command::new(interpreter()?);
    command.arg(script).envs(environment.iter().copied());
    Some(printed(command, script))
}

/// What the FinOps Foundation's validator says of rows; `None` without it.
pub(crate) fn focus(rows: &Path) -> Option<String> {
    let script =
        Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/clients/focus_validate.py");
    let mut command = Command::new(named("TOLLGATE_TEST_FOCUS")?);
    command.arg(&script).arg(rows);
    Some(printed(command, &script))
}

fn printed(mut command: Command, script: &Path) -> String {
    let output = command.output().unwrap();
    let (out, err) = (
        String::from_utf8(output.stdout).unwrap(),
        String::from_utf8_lossy(&output.stderr),
    );
    assert!(
        output.status.success(),
        "{}:\n{out}\n{err}",
        script.display()
    );
    out
}
