//! The examples as their pages tell: the commands of a README, run by a shell, with free ports in place of its own.

mod getting_started;
mod graphql;
mod jwt;

use crate::process::{Folder, Running, address};
use crate::scene::Served;
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::Command;
use tollgate_testkit::client::{fetch, get, post_json, with_header};

pub(crate) fn example(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("../../examples")
        .join(name)
}

/// Copies an example, with some texts replaced in every file.
fn copy(from: &Path, to: &Folder, below: &str, replaced: &[(&str, &str)]) {
    for entry in std::fs::read_dir(from).unwrap() {
        let path = entry.unwrap().path();
        let name = path.file_name().unwrap().to_str().unwrap();
        let name = format!("{below}{name}");
        if path.is_dir() {
            copy(&path, to, &format!("{name}/"), replaced);
            continue;
        }
        let mut text = std::fs::read_to_string(&path).unwrap();
        for (what, with) in replaced {
            text = text.replace(what, with);
        }
        to.write(&name, &text);
    }
}

/// The indented blocks of a page.
fn blocks(page: &str) -> Vec<String> {
    let mut blocks = vec![String::new()];
    for line in page.lines() {
        match line.strip_prefix("    ") {
            Some(code) => *blocks.last_mut().unwrap() += &format!("{code}\n"),
            None if !blocks.last().unwrap().is_empty() => blocks.push(String::new()),
            None => {}
        }
    }
    blocks
}

/// The block that holds `what`.
fn block<'a>(blocks: &'a [String], what: &str) -> &'a str {
    let found = blocks.iter().find(|block| block.contains(what));
    found.unwrap_or_else(|| panic!("no command with {what}"))
}

/// Runs a command; `None` where there is no curl, unless `TOLLGATE_NO_SKIP` forbids that.
pub(crate) fn shell(command: &str) -> Option<String> {
    if Command::new("curl").arg("--version").output().is_err() {
        assert!(
            std::env::var_os("TOLLGATE_NO_SKIP").is_none(),
            "there is no curl"
        );
        println!("skipped: it needs curl");
        return None;
    }
    let output = Command::new("sh").args(["-c", command]).output().unwrap();
    assert!(output.status.success(), "{command}\n{output:?}");
    Some(String::from_utf8(output.stdout).unwrap())
}

/// The variables that a page exports.
fn exports(blocks: &[String]) -> BTreeMap<String, String> {
    let lines = blocks.iter().flat_map(|block| block.lines());
    let exports = lines.filter_map(|line| line.strip_prefix("export ")?.split_once('='));
    exports
        .map(|(name, value)| (name.to_owned(), value.to_owned()))
        .collect()
}

/// `failover`: reserved capacity fills, pay-as-you-go takes over, and the callers see no refusal while one has room.
#[tokio::test]
async fn failover() {
    let folder = example("failover");
    let page = std::fs::read_to_string(folder.join("README.md")).unwrap();
    let blocks = blocks(&page);
    let mut simulate = Running::start(&["simulate", "--listen", "127.0.0.1:0", "--json"], &[]);
    let simulator = address(&simulate.line("simulator"));
    let exports = exports(&blocks);
    let here = |text: &str| text.replace("127.0.0.1:8090", &simulator.to_string());
    let variables: Vec<(&str, String)> = exports
        .iter()
        .map(|(name, value)| (name.as_str(), here(value)))
        .collect();
    let variables: Vec<(&str, &str)> = variables
        .iter()
        .map(|(name, value)| (*name, value.as_str()))
        .collect();
    let files = [
        "tollgate.yaml",
        "policies/global.xml",
        "policies/azure-openai.xml",
    ];
    let files = files.map(|name| {
        let text = std::fs::read_to_string(folder.join(name)).unwrap();
        (name, text.replace("127.0.0.1:808", "127.0.0.1:0 #"))
    });
    let files: Vec<(&str, &str)> = files.iter().map(|(n, t)| (*n, t.as_str())).collect();
    let served = Served::start(&files, &variables);

    let calls = block(&blocks, "seq 40").replace("127.0.0.1:8080", &served.gateway.to_string());
    let Some(out) = shell(&calls) else { return };
    let lines: Vec<&str> = out.lines().collect();
    assert_eq!(lines.len(), 40, "{out}");
    let by = |region: &str| {
        let whole = format!("200 {region}");
        lines.iter().filter(|line| **line == whole).count()
    };
    let (east, west, sweden) = (by("East US"), by("West US"), by("Sweden Central"));
    assert_eq!(east + west + sweden, 40, "{out}");
    assert!(east > 4 && west > 4 && sweden > 4, "{out}");
    // In turns, until one of them is full.
    assert_ne!(lines[0], lines[1]);
    assert!(!lines[..8].contains(&"200 Sweden Central"), "{out}");

    let fault = here(block(&blocks, "/faults"));
    let queued = shell(&fault).unwrap();
    assert!(queued.contains(r#""deployment":"payg""#), "{queued}");
    for member in ["ptu-east", "ptu-west", "payg"] {
        let fault =
            serde_json::json!({ "deployment": member, "fault": "retry-after=600", "count": 100 });
        let queued = fetch(simulator, post_json("/faults", &fault))
            .await
            .unwrap();
        assert_eq!(queued.status, 200, "{}", queued.text());
    }
    let body = serde_json::json!({ "messages": [{ "role": "user", "content": "Hi" }] });
    let call = async || {
        let request = with_header(
            post_json(crate::scene::CHAT, &body),
            "ocp-apim-subscription-key",
            &exports["TEAM_A_KEY"],
        );
        fetch(served.gateway, request).await.unwrap()
    };
    crate::scene::until("all are out", async || {
        call().await;
        let states = fetch(served.management, get("/backends")).await.unwrap();
        let states = states.json();
        let pool = states["backends"].as_array().unwrap().iter();
        let mut pool = pool.filter(|backend| backend["id"] == "chat");
        pool.next().unwrap()["active"] == false
    })
    .await;
    let refused = call().await;
    assert_eq!(refused.status, 503, "{}", refused.text());
    let error = &refused.json()["error"]["message"];
    let told = error.as_str().unwrap();
    assert!(told.starts_with("No capacity is left"), "{told}");
}
