//! A thousand calls in flight on one key: what the gateway counts is what the provider billed, to the token.

use crate::scene::*;
use tokio::sync::mpsc;

const CALLS: usize = 1000;
const QUOTA: u64 = 1_000_000_000;
const POLICY: &str = r#"<policies><inbound><base />
    <authentication-managed-identity resource="https://cognitiveservices.azure.com" />
    <llm-token-limit counter-key="@(context.Subscription.Id)" estimate-prompt-tokens="true"
        tokens-per-minute="100000000" token-quota="1000000000" token-quota-period="Yearly"
        remaining-quota-tokens-header-name="x-quota-left" />
    <llm-emit-token-metric namespace="accounting"><dimension name="Subscription ID" /></llm-emit-token-metric>
</inbound><backend><base /></backend><outbound><base /></outbound><on-error><base /></on-error></policies>"#;

/// Half of the calls are streams.
fn streams(call: usize) -> bool {
    call.is_multiple_of(2)
}

/// A third of all calls: two of three streams.
fn hangs_up(call: usize) -> bool {
    streams(call) && (call / 2) % 3 != 2
}

async fn accounts(hanging_up: bool) {
    many_files();
    let scene = Scene::start(Setting {
        // So many at once, on a machine that has other work: nothing here is about these.
        gateway: "  timeouts: { connect: 5m, requestHeader: 5m }\n",
        ..Setting::new(POLICY)
    })
    .await;
    // Half of the callers share connections: there, hanging up resets a stream.
    let mut shared = Vec::new();
    for _ in 0..CALLS / 200 {
        shared.push(http2(scene.gateway).await);
    }
    let way = |at: usize| match at % 4 {
        0 | 1 => Way::Http1(scene.gateway),
        _ => Way::Http2(shared[at / 200].clone()),
    };
    scene.simulator.pause(3);
    let (started, mut starts) = mpsc::unbounded_channel();
    let mut calls = tokio::task::JoinSet::new();
    for at in 0..CALLS {
        let (started, way) = (started.clone(), way(at));
        calls.spawn(async move {
            let prompt = format!("Count to {}, please, caller {at}.", 5 + at % 17);
            if streams(at) {
                let mut stream = way.open(chat(KEY_A, &ask_for_stream(&prompt))).await;
                assert_eq!(stream.response.status(), 200);
                assert!(stream.read(3).await);
                started.send(at).unwrap();
                if hanging_up && hangs_up(at) {
                    return;
                }
                let text = stream.rest().await;
                assert!(text.ends_with("data: [DONE]\n\n"), "{text}");
            } else {
                let mut answer = way.open(chat(KEY_A, &ask(&prompt))).await;
                assert_eq!(answer.response.status(), 200);
                let text = answer.rest().await;
                assert!(text.contains("total_tokens"), "{text}");
            }
        });
    }
    let mut begun = 0;
    while begun < (0..CALLS).filter(|at| streams(*at)).count() {
        tokio::select! {
            _ = starts.recv() => begun += 1,
            // One that hangs up has said so before; any other has failed.
            Some(ended) = calls.join_next() => ended.unwrap(),
        }
    }
    // All of them really are in flight, at the gateway and at the provider.
    until("all calls in flight", async || {
        scene.simulator.usage().open == CALLS as u64
    })
    .await;
    let in_flight = scene.metric("tollgate_requests_in_flight", &[]).await;
    assert_eq!(in_flight, CALLS as u64);
    scene.simulator.resume();
    while let Some(call) = calls.join_next().await {
        call.unwrap();
    }
    drop(shared);
    scene.settled().await;

    let billed = scene.simulator.usage().totals;
    assert_eq!(billed.requests, CALLS as u64);
    let metrics = scene.metrics().await;
    let team = [("namespace", "accounting"), ("subscription_id", "team-a")];
    for (name, expected) in [
        ("tollgate_llm_calls_total", billed.requests),
        ("tollgate_llm_prompt_tokens_total", billed.prompt_tokens),
        (
            "tollgate_llm_completion_tokens_total",
            billed.completion_tokens,
        ),
        ("tollgate_llm_total_tokens_total", billed.total_tokens),
    ] {
        assert_eq!(sum(&metrics, name, &team), expected, "{name}");
    }
    let left = sum(
        &metrics,
        "tollgate_requests_total",
        &[("outcome", "client_left")],
    );
    let gone = (0..CALLS).filter(|at| hanging_up && hangs_up(*at)).count();
    assert_eq!(left, gone as u64);

    // The limit's own count: one more call tells it.
    let last = scene.call(KEY_A, &ask("Say hello.")).await;
    let used = last.json()["usage"]["total_tokens"].as_u64().unwrap();
    let left: u64 = last.header("x-quota-left").parse().unwrap();
    assert_eq!(QUOTA - left, billed.total_tokens + used);

    // Nobody's sockets stay behind.
    until("no connections left", async || {
        // The management connection of the question itself is counted elsewhere.
        scene.metric("tollgate_connections", &[]).await == 0
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn equals_the_bill() {
    accounts(false).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn equals_the_bill_when_a_third_hangs_up() {
    accounts(true).await;
}
