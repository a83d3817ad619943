//! `tollgate replay` and the recorder: traffic of a real gateway, recorded, then tried with changed configurations.
//! And `tollgate test` as a user types it.

use crate::process::{run, run_with};
use crate::scene::{FORWARD, KEY_A, KEY_B, Scene, Setting, ask, ask_for_stream, sum, until};
use serde_json::Value;

const METERED: &str = r#"<policies><inbound><base />
  <authentication-managed-identity resource="https://cognitiveservices.azure.com" />
  <llm-token-limit counter-key="@(context.Subscription.Id)" tokens-per-minute="100000" estimate-prompt-tokens="false" />
</inbound><outbound><base /><set-header name="x-team"><value>@(context.Subscription.Id)</value></set-header></outbound></policies>"#;

/// Five calls: three of one team, one streamed; one of the other; one without a key.
async fn recorded(recording: &str) -> (Scene, Vec<Value>) {
    let scene = Scene::start(Setting {
        gateway: recording,
        environment: &[("PROVIDER_KEY", "canary-of-the-provider")],
        ..Setting::new(METERED)
    })
    .await;
    for prompt in ["first", "second"] {
        assert_eq!(scene.call(KEY_A, &ask(prompt)).await.status, 200);
    }
    assert_eq!(
        scene.call(KEY_A, &ask_for_stream("third")).await.status,
        200
    );
    assert_eq!(scene.call(KEY_B, &ask("fourth")).await.status, 200);
    assert_eq!(scene.call("nobody's", &ask("fifth")).await.status, 401);
    until("everything is written", async || {
        scene.metric("tollgate_recording_written_total", &[]).await == 5
    })
    .await;
    let metrics = scene.metrics().await;
    assert_eq!(sum(&metrics, "tollgate_recording_dropped_total", &[]), 0);
    let text = std::fs::read_to_string(scene.folder.path().join("rec/recording.jsonl")).unwrap();
    for secret in [KEY_A, KEY_B, "nobody's"] {
        assert!(!text.contains(secret), "{secret} stands in\n{text}");
    }
    let records = text.lines().map(|line| serde_json::from_str(line).unwrap());
    let records: Vec<Value> = records.collect();
    (scene, records)
}

#[tokio::test]
async fn a_changed_policy_is_tried_with_recorded_traffic() {
    let (scene, records) = recorded("  recording: { path: rec, bodies: true }\n").await;
    let first = &records[0];
    assert_eq!(first["version"], 1);
    assert_eq!(first["api"], "azure-openai");
    assert_eq!(first["response"]["status"], 200);
    assert_eq!(first["calls"][0]["status"], 200);
    assert!(
        first["calls"][0]["body"]
            .as_str()
            .unwrap()
            .contains("usage")
    );
    assert!(first["request"]["body"].as_str().unwrap().contains("first"));
    let total = first["usage"]["total"].as_u64().unwrap();
    assert!(total > 0);
    let subscription = |at: usize| records[at]["request"]["subscription"].clone();
    assert_eq!(subscription(0), subscription(1));
    assert_ne!(subscription(0), subscription(3));
    assert_eq!(subscription(4), "unknown");

    let keys = [("TEAM_A_KEY", "another"), ("TEAM_B_KEY", "and another")];
    let recording = scene.folder.path().join("rec");
    let recording = recording.to_str().unwrap();
    let replay = |more: &[&str]| {
        let mut args = vec!["replay", recording, "--config", scene.folder.text()];
        args.extend(more);
        run_with(&args, &keys)
    };
    // The same configuration, though the keys are others now: every request comes to the same.
    let (code, out, err) = replay(&[]);
    assert_eq!(code, Some(0), "{out}{err}");
    assert!(out.contains("5 requests: 5 the same, 0 different"), "{out}");

    // A rate limit of two calls for each team, and another backend.
    let limited = METERED.replace(
        "<llm-token-limit",
        "<rate-limit calls=\"2\" renewal-period=\"300\" /><llm-token-limit",
    );
    scene.folder.write("api.xml", &limited);
    let (code, out, _) = replay(&["--format", "json"]);
    assert_eq!(code, Some(1), "{out}");
    let report: Value = serde_json::from_str(&out).unwrap();
    assert_eq!(report["requests"], 5);
    assert_eq!(report["different"], 1);
    assert_eq!(report["refused"]["before"], 1);
    assert_eq!(report["refused"]["after"], 2);
    let status = &report["groups"].as_array().unwrap().iter();
    let status = status.clone().find(|g| g["kind"] == "status").unwrap();
    assert_eq!(status["what"], "200 -> 429 (rate-limit: RateLimitExceeded)");
    assert_eq!(status["examples"][0]["line"], 3);
    let before = report["tokens"]["before"].as_u64().unwrap();
    assert!(before > report["tokens"]["after"].as_u64().unwrap());

    // Against the limited one, an unlimited one lets the third through.
    let other = scene.folder.path().join("other");
    for file in ["tollgate.yaml", "global.xml"] {
        let text = std::fs::read_to_string(scene.folder.path().join(file)).unwrap();
        scene.folder.write(&format!("other/{file}"), &text);
    }
    scene.folder.write("other/api.xml", FORWARD);
    let other = other.to_str().unwrap();
    let args = [
        "replay",
        recording,
        "--config",
        other,
        "--against",
        scene.folder.text(),
    ];
    let (code, out, err) = run_with(&args, &keys);
    assert_eq!(code, Some(1), "{out}{err}");
    assert!(
        out.contains("status: 429 (rate-limit: RateLimitExceeded) -> 200"),
        "{out}"
    );
    assert!(out.contains("headers: `x-team` is gone"), "{out}");

    let (code, _, err) = run(&["replay", "nowhere.jsonl", "--config", scene.folder.text()]);
    assert_eq!(code, Some(2), "{err}");
    scene.folder.write("api.xml", "<policies");
    let (code, _, err) = replay(&[]);
    assert_eq!(code, Some(1), "{err}");
    assert!(err.contains("the configuration is refused"), "{err}");
}

#[tokio::test]
async fn without_bodies_what_was_used_is_known_all_the_same() {
    let (scene, records) = recorded("  recording: { path: rec/recording.jsonl }\n").await;
    assert_eq!(records[0]["request"].get("body"), None);
    assert!(records[0]["request"]["body_size"].as_u64().unwrap() > 0);
    assert_eq!(records[0]["calls"][0].get("body"), None);
    let recording = scene.folder.path().join("rec");
    let args = [
        "replay",
        recording.to_str().unwrap(),
        "--config",
        scene.folder.text(),
    ];
    let (code, out, err) = run(&args);
    assert_eq!(code, Some(0), "{out}{err}");
    assert!(out.contains("5 requests: 5 the same"), "{out}");
    assert!(!out.contains("tokens 0 before"), "{out}");
}

#[test]
fn tests_run_as_a_user_types_them() {
    let examples = concat!(env!("CARGO_MANIFEST_DIR"), "/../../examples");
    let quickstart = format!("{examples}/quickstart");
    let (code, out, err) = run(&["test", &quickstart, "--coverage", "--min-coverage", "90"]);
    assert_eq!(code, Some(0), "{out}{err}");
    assert!(out.contains("passed, 0 failed"), "{out}");
    assert!(out.contains("uncovered lines"), "{out}");
    let (code, out, _) = run(&[
        "test",
        &quickstart,
        "--format",
        "junit",
        "--filter",
        "without a key",
    ]);
    assert_eq!(code, Some(0), "{out}");
    assert!(out.contains("tests=\"1\" failures=\"0\""), "{out}");
    let (code, _, err) = run(&["test", &quickstart, "--filter", "no such case"]);
    assert_eq!(code, Some(2), "{err}");
    let failover = format!("{examples}/failover");
    let (code, _, err) = run(&["test", &failover, "--min-coverage", "99"]);
    assert_eq!(code, Some(1));
    assert!(err.contains("99 % are wanted"), "{err}");
    let (code, out, _) = run(&["test", "--explain"]);
    assert_eq!(code, Some(0));
    assert!(out.starts_with("A fixture is a text file"), "{out}");
}
