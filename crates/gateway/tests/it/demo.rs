//! `tollgate demo --json`: what scripts rely on, and that the demo governs.

use crate::process::{Running, address};
use crate::scene::until;
use serde_json::{Value, json};
use std::net::SocketAddr;
use std::time::Duration;
use tollgate_testkit::client::{Fetched, fetch, get, post_json, with_header};

const CHAT: &str = "/openai/deployments/gpt-4o-mini/chat/completions?api-version=2024-10-21";

struct Demo {
    running: Running,
    gateway: SocketAddr,
    simulator: SocketAddr,
    management: SocketAddr,
    keys: Value,
}

fn demo() -> Demo {
    let mut running = Running::start(&["demo", "--json", "--latency-per-token", "0"], &[]);
    let line: Value = serde_json::from_str(&running.line("gateway")).unwrap();
    let at = |name: &str| address(line[name].as_str().unwrap());
    Demo {
        gateway: at("gateway"),
        simulator: at("simulator"),
        management: at("management"),
        keys: line["keys"].clone(),
        running,
    }
}

impl Demo {
    async fn call(&self, team: &str, path: &str, body: &Value) -> Fetched {
        let key = self.keys[team].as_str().unwrap();
        // As the Azure OpenAI SDKs send it: the key under both names.
        let request = with_header(post_json(path, body), "ocp-apim-subscription-key", key);
        fetch(self.gateway, with_header(request, "api-key", key))
            .await
            .unwrap()
    }
}

fn ask(text: &str) -> Value {
    json!({ "messages": [{ "role": "user", "content": text }] })
}

#[tokio::test]
async fn governs_two_teams() {
    let demo = demo();
    let first = demo
        .call("team-a", CHAT, &ask("What does a toll gate do?"))
        .await;
    assert_eq!(first.status, 200, "{}", first.text());
    assert_eq!(first.header("x-llm-cache-status"), "miss");
    let left: u64 = first.header("x-tokens-remaining").parse().unwrap();
    assert!((1..50_000).contains(&left), "{left}");
    let used = first.json()["usage"]["total_tokens"].as_u64().unwrap();

    // The same again comes from the cache, for this team only.
    let second = demo
        .call("team-a", CHAT, &ask("What does a toll gate do?"))
        .await;
    assert_eq!(second.status, 200);
    assert_eq!(second.header("x-llm-cache-status"), "hit");
    assert_eq!(
        second.json()["choices"][0]["message"]["content"],
        first.json()["choices"][0]["message"]["content"]
    );
    let other = demo
        .call("team-b", CHAT, &ask("What does a toll gate do?"))
        .await;
    assert_eq!(
        other.header("x-llm-cache-status"),
        "miss",
        "{}",
        other.text()
    );

    // The provider saw the gateway's identity and no key, and billed what the caller was told.
    let seen = fetch(demo.simulator, get("/requests?last=50"))
        .await
        .unwrap()
        .text();
    assert!(
        !seen.contains("team-a-key") && !seen.contains("team-b-key"),
        "{seen}"
    );
    assert!(seen.contains("Bearer "), "{seen}");
    let billed = fetch(demo.simulator, get("/usage")).await.unwrap().json();
    assert!(
        billed
            .to_string()
            .contains(&format!("\"total_tokens\":{used}")),
        "{billed}"
    );

    let metrics = fetch(demo.management, get("/metrics"))
        .await
        .unwrap()
        .text();
    assert!(metrics.contains("tollgate"), "{metrics}");
}

#[tokio::test]
async fn streams_and_embeds() {
    let demo = demo();
    let mut body = ask("Count to five.");
    body["stream"] = true.into();
    let stream = demo.call("team-a", CHAT, &body).await;
    assert_eq!(stream.status, 200, "{}", stream.text());
    assert!(stream.complete);
    assert!(
        stream
            .header("content-type")
            .starts_with("text/event-stream")
    );
    let events = stream.events();
    assert!(
        events.len() > 3 && events.last().unwrap() == "[DONE]",
        "{events:?}"
    );
    // The gateway asks for usage; the caller did not, and does not see it.
    assert!(!stream.text().contains("\"total_tokens\""));
    let embedding = demo
        .call(
            "team-a",
            "/openai/deployments/text-embedding-3-small/embeddings?api-version=2024-10-21",
            &json!({ "input": "hello" }),
        )
        .await;
    assert_eq!(embedding.status, 200, "{}", embedding.text());
    assert!(
        embedding.json()["data"][0]["embedding"]
            .as_array()
            .is_some()
            || embedding.text().contains("embedding")
    );
    let responses = demo
        .call(
            "team-a",
            "/openai/v1/responses",
            &json!({ "model": "gpt-4o-mini", "input": "Say hello." }),
        )
        .await;
    assert_eq!(responses.status, 200, "{}", responses.text());
}

#[tokio::test]
async fn fails_over_and_comes_back() {
    let demo = demo();
    let served = async |n: usize| {
        let mut body = ask(&format!("Tell me a story, number {n}."));
        body["stream"] = true.into();
        body["max_tokens"] = 40.into();
        let answer = demo.call("team-a", CHAT, &body).await;
        assert_eq!(answer.status, 200, "call {n}: {}", answer.text());
        assert_eq!(answer.events().last().unwrap(), "[DONE]");
        answer.header("x-backend").to_owned()
    };
    let mut numbers = 0..;
    let mut reserved = 0;
    // Its utilisation is told, and rises until it is full.
    let full = loop {
        let backend = served(numbers.next().unwrap()).await;
        if !backend.starts_with("ptu (") {
            break backend;
        }
        reserved += 1;
        assert!(reserved < 100, "{backend}");
    };
    assert!(reserved > 5, "{reserved}");
    assert_eq!(full, "pay-as-you-go");
    until("its Retry-After is over", async || {
        // The team has a limit too.
        tokio::time::sleep(Duration::from_millis(50)).await;
        served(1000).await.starts_with("ptu (")
    })
    .await;
    let billed = fetch(demo.simulator, get("/usage")).await.unwrap().json();
    let by = |deployment: &str| {
        let calls = billed["requests"].as_array().unwrap().iter();
        calls
            .filter(|call| call["deployment"] == deployment)
            .count()
    };
    assert_eq!(by("ptu-east/gpt-4o-mini"), reserved + 1);
    assert!(by("gpt-4o-mini") > 0);
}

#[tokio::test]
async fn limits_the_trial_and_refuses_strangers() {
    let mut demo = demo();
    let mut limited = None;
    for n in 0..20 {
        let mut body = ask(&format!("Tell me a story, number {n}."));
        body["stream"] = true.into();
        let answer = demo.call("team-b", CHAT, &body).await;
        if answer.status != 200 {
            limited = Some(answer);
            break;
        }
    }
    let limited = limited.expect("the trial ends");
    assert_eq!(limited.status, 429, "{}", limited.text());
    let wait: u64 = limited.header("retry-after").parse().unwrap();
    assert!((1..=60).contains(&wait), "{wait}");
    assert!(
        limited.text().contains("Token limit is exceeded"),
        "{}",
        limited.text()
    );
    // The other team goes on.
    assert_eq!(
        demo.call("team-a", CHAT, &ask("Still there?")).await.status,
        200
    );

    let stranger = fetch(demo.gateway, post_json(CHAT, &ask("hi")))
        .await
        .unwrap();
    assert_eq!(stranger.status, 401);
    let wrong = with_header(
        post_json(CHAT, &ask("hi")),
        "ocp-apim-subscription-key",
        "nope",
    );
    assert_eq!(fetch(demo.gateway, wrong).await.unwrap().status, 401);

    demo.running.signal("INT");
    assert_eq!(demo.running.end(), Some(0));
}
