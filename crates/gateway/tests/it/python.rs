//! Scripts that drive the gateway with real SDKs, and the rule for machines that do not have them.

use std::ffi::OsString;
use std::path::Path;
use std::process::Command;

/// The interpreter that `TOLLGATE_TEST_PYTHON` names (`cargo xtask test` makes one and sets it). Without it the answer
/// is `None` and the test is skipped, unless `TOLLGATE_NO_SKIP` forbids that.
pub(crate) fn interpreter() -> Option<OsString> {
    let python = std::env::var_os("TOLLGATE_TEST_PYTHON");
    if python.is_none() {
        assert!(
            std::env::var_os("TOLLGATE_NO_SKIP").is_none(),
            "TOLLGATE_TEST_PYTHON is not set"
        );
        println!("skipped: it needs TOLLGATE_TEST_PYTHON");
    }
    python
}

/// What a script printed, having ended well; `None` without an interpreter.
pub(crate) fn python(script: &Path, environment: &[(&str, &str)]) -> Option<String> {
    let python = interpreter()?;
    let output = Command::new(python)
        .arg(script)
        .envs(environment.iter().copied())
        .output()
        .unwrap();
    let (out, err) = (
        String::from_utf8(output.stdout).unwrap(),
        String::from_utf8_lossy(&output.stderr),
    );
    assert!(
        output.status.success(),
        "{}:\n{out}\n{err}",
        script.display()
    );
    Some(out)
}
