//! Real SDKs through `tollgate demo`: the scripts of `tests/clients`, run by the interpreter that `TOLLGATE_TEST_PYTHON`
//! names (`cargo xtask test` sets it). Without one the tests are skipped, unless `TOLLGATE_NO_SKIP` forbids that.

use crate::process::Running;
use std::path::Path;
use std::process::Command;

fn through_the_demo(script: &str) {
    let Some(python) = std::env::var_os("TOLLGATE_TEST_PYTHON") else {
        assert!(
            std::env::var_os("TOLLGATE_NO_SKIP").is_none(),
            "TOLLGATE_TEST_PYTHON is not set"
        );
        println!("skipped: {script} needs TOLLGATE_TEST_PYTHON");
        return;
    };
    let mut demo = Running::start(&["demo", "--json", "--latency-per-token", "0"], &[]);
    let line: serde_json::Value = serde_json::from_str(&demo.line("gateway")).unwrap();
    let script = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("../../tests/clients")
        .join(script);
    let output = Command::new(python)
        .arg(script)
        .env("GATEWAY_URL", line["gateway"].as_str().unwrap())
        .env("SUBSCRIPTION_KEY", line["keys"]["team-a"].as_str().unwrap())
        .output()
        .unwrap();
    let (out, err) = (
        String::from_utf8_lossy(&output.stdout),
        String::from_utf8_lossy(&output.stderr),
    );
    assert!(
        output.status.success() && out.trim_end().ends_with("ok"),
        "{out}\n{err}"
    );
}

#[test]
fn openai() {
    through_the_demo("openai_sdk.py");
}

#[test]
fn agent_framework() {
    through_the_demo("agent_framework_agent.py");
}

#[test]
fn pydantic_ai() {
    through_the_demo("pydantic_ai_agent.py");
}
