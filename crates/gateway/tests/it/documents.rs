//! The documents that the system was described with, through the whole gateway: our own copies of their facts, and the
//! originals where a checkout of them lies beside the repository.

use crate::process::run;
use crate::scene::*;
use serde_json::Value;
use std::path::{Path, PathBuf};
use tollgate_testkit::client::{Client, fetch, get, with_header};

const GOVERNED: &str = include_str!("../documents/governed.xml");
const RETRY_AFTER: &str = include_str!("../documents/retry-after-timestamp.xml");

/// A file of the acceptance samples; none in a checkout without them.
pub(crate) fn original(name: &str) -> Option<PathBuf> {
    let samples = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../shared/acceptance");
    let path = samples.join(name);
    path.exists().then_some(path)
}

/// Our copy, and the original where it is.
pub(crate) fn both(ours: &str, name: &str) -> Vec<String> {
    let original = original(&format!("policies/{name}"));
    let text = original.map(|path| std::fs::read_to_string(path).unwrap());
    std::iter::once(ours.to_owned()).chain(text).collect()
}

#[tokio::test]
async fn governed() {
    for policy in both(GOVERNED, "azure-openai-governed.xml") {
        let mut setting = Setting::new(&policy);
        // Nothing but the gateway's own identity opens these.
        setting.providers.require_bearer = true;
        let scene = Scene::start(setting).await;
        caches_for_each_subscription(&scene).await;
        hides_keys_and_proves_itself(&scene).await;
        meters(&scene).await;
        limits(&scene).await;
    }
}

async fn caches_for_each_subscription(scene: &Scene) {
    let prompt = ask("What is the capital of France?");
    let status = "x-llm-cache-status";
    let first = scene.call(KEY_A, &prompt).await;
    assert_eq!(first.status, 200, "{}", first.text());
    assert_eq!(first.header(status), "miss");
    for again in [
        "What is the capital of France?",
        "Tell me the capital of France, please.",
    ] {
        let again = scene.call(KEY_A, &ask(again)).await;
        assert_eq!((again.status.as_u16(), again.header(status)), (200, "hit"));
        assert_eq!(again.body, first.body);
    }
    let different = scene.call(KEY_A, &ask("How do I reset my password?")).await;
    assert_eq!(different.header(status), "miss");
    let other = scene.call(KEY_B, &prompt).await;
    assert_eq!(other.header(status), "miss");
    assert_ne!(other.json()["id"], first.json()["id"]);
    let stream = scene
        .call(KEY_A, &ask_for_stream("What is the capital of France?"))
        .await;
    assert_eq!(stream.status, 200, "{}", stream.text());
    assert_eq!(stream.header(status), "bypass");
    assert_eq!(stream.events().last().map(String::as_str), Some("[DONE]"));
    assert!(!stream.text().contains("total_tokens"), "{}", stream.text());
}

async fn hides_keys_and_proves_itself(scene: &Scene) {
    // Every way that a key can come, and some of them at one time.
    let in_query = format!("{CHAT}&subscription-key={KEY_A}");
    let mut request = chat(KEY_A, &ask("Which lamps burn longest?"));
    request.headers_mut().clear();
    *request.uri_mut() = in_query.parse().unwrap();
    let answer = fetch(
        scene.gateway,
        with_header(request, "content-type", "application/json"),
    )
    .await
    .unwrap();
    assert_eq!(answer.status, 200, "{}", answer.text());
    let request = with_header(
        chat(KEY_A, &ask("Where do rivers end?")),
        "authorization",
        &format!("Bearer {KEY_A}"),
    );
    assert_eq!(fetch(scene.gateway, request).await.unwrap().status, 200);
    let mut seen = 0;
    for request in scene.simulator.requests(100) {
        let all = format!("{} {:?} {}", request.path, request.headers, request.body);
        assert!(!all.contains("canary-key"), "{all}");
        if request.path.starts_with("/openai/") {
            // Strict providers check its signature, issuer and audience.
            let token = request.header("authorization").unwrap();
            assert!(token.starts_with("Bearer ey"), "{token}");
            seen += 1;
        }
    }
    assert!(seen > 5, "{seen}");
}

async fn meters(scene: &Scene) {
    let usage = scene.simulator.usage();
    let metrics = scene.metrics().await;
    let chats = usage.requests.iter().filter(|r| r.operation == "chat");
    let billed: u64 = chats.map(|r| u64::from(r.total_tokens)).sum();
    let dimensions = |team| {
        [
            ("namespace", "ai-gateway"),
            ("subscription_id", team),
            ("api_id", "azure-openai"),
            ("operation_id", "ChatCompletions_Create"),
            ("client_ip", "127.0.0.1"),
        ]
    };
    let (a, b) = (
        sum(
            &metrics,
            "tollgate_llm_total_tokens_total",
            &dimensions("team-a"),
        ),
        sum(
            &metrics,
            "tollgate_llm_total_tokens_total",
            &dimensions("team-b"),
        ),
    );
    assert!(b > 0 && a > b, "{a} {b}");
    // Hits cost nothing, and the cache's embeddings are not the caller's.
    assert_eq!(a + b, billed);
}

async fn limits(scene: &Scene) {
    // Too long for the cache's embeddings: those go by it.
    let long = "word ".repeat(30_000);
    let first = scene.call(KEY_A, &ask(&long)).await;
    assert_eq!(first.status, 200, "{:.300}", first.text());
    assert_eq!(first.header("x-llm-cache-status"), "bypass");
    let limited = scene.call(KEY_A, &ask(&long)).await;
    assert_eq!(limited.status, 429, "{:.300}", limited.text());
    let wait: u64 = limited.header("retry-after").parse().unwrap();
    assert!((1..=60).contains(&wait), "{wait}");
    // Only this subscription has used up its minute.
    assert_eq!(scene.call(KEY_B, &ask(&long)).await.status, 200);
}

#[tokio::test]
async fn retry_after_as_a_timestamp() {
    for policy in both(RETRY_AFTER, "retry-after-timestamp.xml") {
        // Fewer calls than the document allows: they must fit into its minute on a busy machine.
        assert!(policy.contains("\"1000\""), "{policy}");
        let policy = policy.replace("\"1000\"", "\"40\"");
        let mut setting = Setting::new(&policy);
        setting.providers.allow_anonymous = true;
        setting.gateway = "  trustedProxies: [127.0.0.1/32]\n";
        setting.more = "      - { id: Live, method: GET, urlTemplate: /livez }\n";
        let scene = Scene::start(setting).await;
        let call = |address: &str| {
            let path = "/openai/livez";
            let request = with_header(get(path), "ocp-apim-subscription-key", KEY_A);
            with_header(request, "x-forwarded-for", address)
        };
        let mut client = Client::connect(scene.gateway).await.unwrap();
        // Answers other than 200 are free.
        let missing = fetch(scene.gateway, call("203.0.113.7")).await.unwrap();
        assert_eq!(missing.status, 404, "{}", missing.text());
        let mut short = ask("Hi");
        short["max_tokens"] = 1.into();
        for n in 0..40 {
            let request = with_header(chat(KEY_A, &short), "x-forwarded-for", "203.0.113.7");
            let answer = client.send(request).await.unwrap();
            assert_eq!(answer.status, 200, "call {n}: {}", answer.text());
            assert_eq!(answer.header("requests-remaining"), (39 - n).to_string());
        }
        let before = unix_now();
        let limited = client.send(call("203.0.113.7")).await.unwrap();
        assert_eq!(limited.status, 429, "{}", limited.text());
        let told = limited.header("retry-after");
        // Like 2026-11-20T09:12:00.1234567Z: the round-trip format of .NET in UTC.
        assert_eq!(
            (told.len(), told.as_bytes()[10], told.as_bytes()[19]),
            (28, b'T', b'.'),
            "{told}"
        );
        assert!(told.ends_with('Z'), "{told}");
        let at = seconds_of(told);
        assert!(
            (before..=before + 61).contains(&at),
            "{told} after {before}"
        );
        // Another address has its own forty.
        assert_eq!(client.send(call("203.0.113.8")).await.unwrap().status, 404);
    }
}

fn unix_now() -> i64 {
    let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH);
    now.unwrap().as_secs().try_into().unwrap()
}

/// Seconds since the epoch of `2026-11-20T09:12:00…Z`.
fn seconds_of(text: &str) -> i64 {
    let number = |from: usize, to: usize| text[from..to].parse::<i64>().unwrap();
    let (year, month, day) = (number(0, 4), number(5, 7), number(8, 10));
    // Days of the civil calendar, with years that begin in March.
    let (y, m) = if month > 2 {
        (year, month - 3)
    } else {
        (year - 1, month + 9)
    };
    let days = y * 365 + y / 4 - y / 100 + y / 400 + (153 * m + 2) / 5 + day - 1 - 719_468;
    days * 86_400 + number(11, 13) * 3600 + number(14, 16) * 60 + number(17, 19)
}

#[tokio::test]
async fn a_mangled_original_is_refused_and_what_runs_stays() {
    let Some(path) = original("policies/malformed-retry-after.xml") else {
        // Our own copy of its facts is in `check` and `serve`.
        return;
    };
    let mangled = std::fs::read_to_string(path).unwrap();
    let mut scene = Scene::start(Setting::new(
        "<policies><inbound><base /><return-response /></inbound></policies>",
    ))
    .await;
    scene.folder.write("api.xml", &mangled);
    scene
        .running
        .line("configuration refused, the running one stays");
    // The log comes first.
    let refused = [("result", "refused")];
    until("counted", async || {
        let name = "tollgate_configuration_reloads_total";
        scene.metric(name, &refused).await == 1
    })
    .await;
    let ready = fetch(scene.management, get("/readyz")).await.unwrap();
    let ready: Value = ready.json();
    assert_eq!(ready["configuration"]["generation"], 1, "{ready}");
    let told = ready["configuration"]["lastRefusal"].as_str().unwrap();
    assert!(told.contains("api.xml:1:21"), "{told}");
    assert_eq!(scene.call(KEY_A, &ask("Still there?")).await.status, 200);
    let (code, out, _) = run(&["check", "--without-secrets", scene.folder.text()]);
    assert_eq!(code, Some(1));
    // `<base>` never closes.
    let first = out.lines().find(|line| line.contains("api.xml:"));
    assert!(first.unwrap().contains("api.xml:1:21"), "{out}");
    assert!(out.contains("expected `</base>`"), "{out}");
}
