//! `examples/jwt`: people by their roles, a job by its application, keys that rotate.

use super::{copy, example, shell};
use crate::process::{Folder, PATIENCE, Running, address};
use tollgate_testkit::{Simulator, SimulatorConfig};

/// The commands of a README's sections: its indented blocks.
fn commands(readme: &str, sections: &[&str]) -> String {
    let mut wanted = false;
    let mut script = String::new();
    for line in readme.lines() {
        if let Some(title) = line.strip_prefix("## ") {
            wanted = sections.contains(&title);
        } else if let Some(code) = line.strip_prefix("    ")
            && wanted
        {
            script.push_str(code);
            script.push('\n');
        }
    }
    script
}

#[tokio::test]
async fn jwt() {
    let simulator = Simulator::start(SimulatorConfig::default()).await.unwrap();
    let folder = Folder::new();
    let ports = [
        ("http://127.0.0.1:8090", simulator.url()),
        ("127.0.0.1:8080", "127.0.0.1:0"),
        ("127.0.0.1:8081", "127.0.0.1:0"),
    ];
    let from = example("jwt");
    copy(&from, &folder, "", &ports);
    let mut running = Running::start(
        &["serve", folder.text()],
        &[("AZURE_OPENAI_API_KEY", "any-key")],
    );
    let gateway = address(&running.line("serving http://")).to_string();
    let management = address(&running.line("management http://")).to_string();
    running.line("ready");

    let readme = std::fs::read_to_string(from.join("README.md")).unwrap();
    let mut script = commands(
        &readme,
        &["Sign in", "Call", "Keys change, and providers fail"],
    );
    for (what, with) in [
        ("http://127.0.0.1:8090", simulator.url()),
        ("127.0.0.1:8080", &gateway),
        ("127.0.0.1:8081", &management),
    ] {
        script = script.replace(what, with);
    }
    let expected: Vec<&str> = script
        .lines()
        .filter(|line| line.starts_with("call "))
        .map(|line| line.split_once("# ").unwrap().1.get(..3).unwrap())
        .collect();
    assert_eq!(expected.len(), 11, "{script}");
    let run = {
        let script = format!("set -eu\n{script}");
        move || shell(&script)
    };
    let output = tokio::time::timeout(PATIENCE, tokio::task::spawn_blocking(run)).await;
    let Some(out) = output.expect("the commands end").unwrap() else {
        return;
    };
    // Other commands print JSON, without an end of line.
    let statuses: Vec<&str> = out
        .lines()
        .filter_map(|line| line.get(line.len().checked_sub(3)?..))
        .filter(|end| end.bytes().all(|b| b.is_ascii_digit()))
        .collect();
    assert_eq!(statuses, expected, "{script}\n{out}");
    // Neither what people brought nor what the gateway added reached the other side.
    for request in simulator.requests(100) {
        if request.path.starts_with("/openai/") {
            assert_eq!(request.header("authorization"), None);
            assert_eq!(request.header("api-key"), Some("any-key"));
        }
    }
}
