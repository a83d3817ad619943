//! `docs/getting-started.md`: the demo's calls, and the quickstart with its first changes of policy, print what the page says.

use super::{block, blocks, copy, example, shell};
use crate::process::{Folder, Running, address, run_with};
use std::path::PathBuf;
use tollgate_testkit::client::{fetch, get};

fn page() -> Vec<String> {
    let path = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../docs/getting-started.md");
    blocks(&std::fs::read_to_string(path).unwrap())
}

/// The lines of an answer, without the carriage returns of its head.
fn lines(answer: &str) -> Vec<&str> {
    answer.lines().map(str::trim_end).collect()
}

#[test]
fn the_demo() {
    let page = page();
    let mut demo = Running::start(&["demo", "--json", "--latency-per-token", "0"], &[]);
    let ready: serde_json::Value = serde_json::from_str(&demo.line("gateway")).unwrap();
    let gateway = address(ready["gateway"].as_str().unwrap()).to_string();
    let here = |text: &str| text.replace("127.0.0.1:8080", &gateway);

    let call = here(block(&page, "curl -i"));
    let Some(first) = shell(&call) else { return };
    let first = lines(&first);
    assert_eq!(first[0], "HTTP/1.1 200 OK");
    for header in block(&page, "x-llm-cache-status: miss").lines() {
        let (name, value) = header.split_once(": ").unwrap();
        let seen = first.iter().find_map(|line| line.strip_prefix(name));
        let seen = seen.unwrap_or_else(|| panic!("no {name} in {first:?}"));
        if name != "tollgate-request-id" {
            assert_eq!(seen, format!(": {value}"), "{name}");
        }
    }
    let again = shell(&call).unwrap();
    let again = lines(&again);
    assert!(again.contains(&"x-llm-cache-status: hit"), "{again:?}");
    assert!(again.contains(&"x-tokens-consumed: 0"), "{again:?}");

    let refused = shell(&call.replace("-H 'Ocp-Apim-Subscription-Key: team-a-key' ", "")).unwrap();
    let refused = lines(&refused);
    for line in block(&page, "401 Unauthorized").lines() {
        assert!(refused.contains(&line), "{line} in {refused:?}");
    }

    let out = shell(&here(block(&page, "seq 30"))).unwrap();
    let served: Vec<&str> = out.lines().collect();
    assert_eq!(served.len(), 30, "{out}");
    assert!(served[0].starts_with("200 ptu ("), "{out}");
    assert!(served.contains(&"200 pay-as-you-go"), "{out}");
    assert!(served.iter().all(|line| line.starts_with("200 ")), "{out}");
}

#[tokio::test]
async fn the_quickstart_and_its_first_changes() {
    let page = page();
    let folder = Folder::new();
    let ports = [
        ("127.0.0.1:8080", "127.0.0.1:0"),
        ("127.0.0.1:8081", "127.0.0.1:0"),
    ];
    copy(&example("quickstart"), &folder, "", &ports);
    let mut simulate = Running::start(&["simulate", "--listen", "127.0.0.1:0", "--json"], &[]);
    let simulator = format!("http://{}", address(&simulate.line("simulator")));
    let variables = [
        ("AZURE_OPENAI_ENDPOINT", &*simulator),
        ("AZURE_POD_IDENTITY_AUTHORITY_HOST", &*simulator),
        ("TEAM_A_KEY", "a-key-of-team-a"),
        ("TEAM_B_KEY", "a-key-of-team-b"),
    ];
    let as_written = |text: &str| text.replace(folder.text(), "examples/quickstart");

    let (code, out, err) = run_with(&["check", folder.text()], &variables);
    assert_eq!(code, Some(0), "{err}");
    let wanted = block(&page, "examples/quickstart: ok");
    assert_eq!(as_written(out.trim_end()), wanted.trim_end());

    let mut serve = Running::start(&["serve", folder.text()], &variables);
    let gateway = address(&serve.line("serving http://"));
    let management = address(&serve.line("management http://"));
    serve.line("ready");
    let call = || {
        let call = block(&page, "curl -i");
        let call = call.replace("127.0.0.1:8080", &gateway.to_string());
        shell(&call.replace("team-a-key", "a-key-of-team-a"))
    };
    let Some(first) = call() else { return };
    assert!(
        lines(&first).contains(&"x-llm-cache-status: miss"),
        "{first}"
    );

    // The page's own lines take the place of the policy's first two.
    let name = "policies/azure-openai.xml";
    let policy = std::fs::read_to_string(folder.path().join(name)).unwrap();
    let begin = policy.find("<azure-openai-token-limit").unwrap();
    let end = begin
        + policy[begin..]
            .find("remaining-tokens-header-name")
            .unwrap();
    let change = block(&page, "tokens-per-minute=\"60\"").trim_end();
    // As the page's error shows the place: its second line is the document's fifteenth.
    let change = change.replace("\n    ", "\n            ");
    let change = format!("{change}\n            ");
    let changed = [&policy[..begin], &change, &policy[end..]].concat();
    folder.write(name, &changed);
    let told = serve.line("configuration loaded");
    assert_eq!(told.split_once("INFO").unwrap().1, {
        let wanted = block(&page, "configuration loaded").trim_end();
        wanted.split_once("INFO").unwrap().1
    });
    // 50 of the 60 are used; this prompt has 14.
    let refused = call().unwrap();
    let refused = lines(&refused);
    for line in block(&page, "429 Too Many").lines() {
        let found = match line.split_once("59") {
            // Time goes by.
            Some((before, _)) => refused.iter().any(|seen| seen.starts_with(before)),
            None => refused.contains(&line),
        };
        assert!(found, "{line} in {refused:?}");
    }

    folder.write(name, &changed.replace("\"60\"", "\"lots\""));
    let mut block = block(&page, "configuration refused").lines();
    let told = serve.line("configuration refused");
    assert_eq!(
        told.split_once("ERROR").unwrap().1,
        block.next().unwrap().split_once("ERROR").unwrap().1
    );
    for wanted in block {
        let here = wanted.trim().replace("examples/quickstart", folder.text());
        assert_eq!(as_written(&serve.line(&here)).trim_end(), wanted);
    }
    let ready = fetch(management, get("/readyz")).await.unwrap().json();
    let refusal = ready["configuration"]["lastRefusal"].as_str().unwrap();
    assert!(refusal.contains("azure-openai.xml:15:32"), "{refusal}");
}
