//! A thousand calls at one time against a budget that fits some of them: under strict accounting nothing is used above
//! it, whatever callers do; under observed accounting no more than what was in flight.

use crate::process::{Folder, Running, address};
use crate::python::python;
use crate::scene::*;
use serde_json::{Value, json};
use std::net::SocketAddr;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use tollgate_testkit::client::fetch;

const CALLS: u64 = 1000;
/// Fits a few hundred calls, each of which may use about 100 tokens.
const LIMIT: u64 = 20_000;
/// The most output that a call asks for.
const OUTPUT: u64 = 60;
/// The same counter for the limit and for who looks at it: there, what is left of this is what was used.
const WHOLE: u64 = 1_000_000_000;
/// What the question for that reserves under strict accounting: three for the start of an answer, and the margin.
const RESERVED: u64 = 3 + 16;

const POLICY: &str = r#"<policies><inbound><base />
    <authentication-managed-identity resource="https://cognitiveservices.azure.com" />
    <choose>
        <when condition="@(context.Subscription.Id == "team-a")">
            <llm-token-limit counter-key="all" token-quota="20000" token-quota-period="Yearly" />
        </when>
        <otherwise>
            <llm-token-limit counter-key="all" token-quota="1000000000" token-quota-period="Yearly"
                remaining-quota-tokens-variable-name="left" />
            <return-response><set-header name="left"><value>@(context.Variables["left"].ToString())</value></set-header></return-response>
        </otherwise>
    </choose>
</inbound><backend><base /></backend><outbound><base /></outbound><on-error><base /></on-error></policies>"#;

/// Numbers from a seed: the same calls in every run.
struct Seeded(u64);

impl Seeded {
    fn below(&mut self, most: u64) -> u64 {
        self.0 = self
            .0
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) % most
    }
}

/// What a call does.
#[derive(Clone, Copy, Debug)]
struct Plan {
    streams: bool,
    /// Leaves after so many events, or, of a whole answer, after waiting so many times.
    leaves: Option<u64>,
    count: u64,
}

fn plan(at: u64, random: &mut Seeded) -> Plan {
    Plan {
        streams: at.is_multiple_of(2),
        leaves: at.is_multiple_of(3).then(|| random.below(30)),
        count: 3 + random.below(40),
    }
}

/// Lets others run so many times.
async fn waits(times: u64) {
    for _ in 0..times {
        tokio::task::yield_now().await;
    }
}

/// What a caller saw.
#[derive(Debug, PartialEq, Eq)]
enum Seen {
    Answered,
    Refused,
    Left,
}

async fn one(way: Way, at: u64, plan: Plan) -> Seen {
    let prompt = format!("Count to {}, please, caller {at}.", plan.count);
    let mut body: Value = if plan.streams {
        ask_for_stream(&prompt)
    } else {
        ask(&prompt)
    };
    body["max_tokens"] = OUTPUT.into();
    let opening = way.open(chat(KEY_A, &body));
    let mut stream = match plan.leaves.filter(|_| !plan.streams) {
        None => opening.await,
        Some(times) => tokio::select! {
            stream = opening => stream,
            () = waits(times) => return Seen::Left,
        },
    };
    match stream.response.status().as_u16() {
        200 => {}
        403 => return Seen::Refused,
        other => panic!("{other}: {}", stream.rest().await),
    }
    if let Some(events) = plan.leaves.filter(|_| plan.streams) {
        for _ in 0..events {
            if !stream.read(1 + stream.contents().len()).await {
                break;
            }
        }
        return Seen::Left;
    }
    let text = stream.rest().await;
    let end = if plan.streams {
        "data: [DONE]\n\n"
    } else {
        "}"
    };
    assert!(text.ends_with(end), "{text}");
    Seen::Answered
}

/// What the counter says that was used; `reserved` is what the question itself holds of it.
async fn counted(scene: &Scene, reserved: u64) -> u64 {
    let nothing = json!({"messages": [], "max_tokens": 0});
    let answer = scene.call(KEY_B, &nothing).await;
    WHOLE - reserved - answer.header("left").parse::<u64>().unwrap()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nothing_is_used_above_a_strict_budget() {
    many_files();
    let mut setting = Setting::new(POLICY);
    setting.gateway = "  tokenAccounting: { mode: strict }\n  timeouts: { usage: 0 }\n";
    let scene = Scene::start(setting).await;
    let mut shared = Vec::new();
    for _ in 0..CALLS / 200 {
        shared.push(http2(scene.gateway).await);
    }
    let mut random = Seeded(42);
    let mut calls = tokio::task::JoinSet::new();
    for at in 0..CALLS {
        let way = match at % 4 {
            0 | 1 => Way::Http1(scene.gateway),
            _ => Way::Http2(shared[usize::try_from(at / 200).unwrap()].clone()),
        };
        let plan = plan(at, &mut random);
        calls.spawn(one(way, at, plan));
    }
    let mut seen = Vec::new();
    while let Some(call) = calls.join_next().await {
        seen.push(call.unwrap());
    }
    drop(shared);
    scene.settled().await;
    let count = |what: Seen| seen.iter().filter(|seen| **seen == what).count();
    let (answered, refused) = (count(Seen::Answered), count(Seen::Refused));
    assert!(answered > 50 && refused > 50, "{answered}, {refused}");

    let billed = scene.simulator.usage().totals.total_tokens;
    let counted = counted(&scene, RESERVED).await;
    assert!(billed <= LIMIT, "{billed} tokens were used of {LIMIT}");
    assert!(counted <= LIMIT, "{counted} tokens were counted of {LIMIT}");
    assert!(counted >= billed, "{counted} were counted, {billed} used");
    // Not by refusing what would fit: one after the other takes the rest, down to what no call fits in.
    let mut fits = true;
    while fits {
        let mut body = ask("Count to 40, please.");
        body["max_tokens"] = OUTPUT.into();
        let answer = scene.call(KEY_A, &body).await;
        fits = answer.status == 200;
        assert!(fits || answer.status == 403, "{}", answer.text());
    }
    let billed = scene.simulator.usage().totals.total_tokens;
    let counted = self::counted(&scene, RESERVED).await;
    assert!(billed <= counted && counted <= LIMIT, "{billed} {counted}");
    assert!(counted > LIMIT - 100, "{counted}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_observed_budget_is_passed_by_what_is_in_flight_at_most() {
    const CALLERS: u64 = 25;
    let scene = Scene::start(Setting::new(POLICY)).await;
    let largest = Arc::new(AtomicU64::new(0));
    let mut callers = tokio::task::JoinSet::new();
    for caller in 0..CALLERS {
        let (gateway, largest) = (scene.gateway, largest.clone());
        callers.spawn(async move {
            let mut random = Seeded(caller);
            let mut refused = false;
            // Until the budget refuses, which it does after some hundred calls.
            while !refused {
                let prompt = format!("Count to {}, please.", 3 + random.below(40));
                let answer = fetch(gateway, chat(KEY_A, &ask(&prompt))).await.unwrap();
                refused = answer.status == 403;
                if !refused {
                    let used = answer.json()["usage"]["total_tokens"].as_u64().unwrap();
                    largest.fetch_max(used, Ordering::Relaxed);
                }
            }
        });
    }
    while let Some(caller) = callers.join_next().await {
        caller.unwrap();
    }
    scene.settled().await;
    let billed = scene.simulator.usage().totals.total_tokens;
    assert_eq!(counted(&scene, 0).await, billed);
    let in_flight = CALLERS * largest.load(Ordering::Relaxed);
    assert!(
        billed > LIMIT,
        "the last one let through passes it: {billed}"
    );
    assert!(billed <= LIMIT + in_flight, "{billed}");
}

/// The official SDK reads a stream that was ended as one that reached its length.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_ended_stream_has_reached_its_length_for_the_sdk() {
    const ENDING: &str = r#"<policies><inbound><base />
        <authentication-managed-identity resource="https://cognitiveservices.azure.com" />
        <llm-token-limit counter-key="@(context.Request.Headers.GetValueOrDefault("x-key", "chat"))"
            token-quota="60" token-quota-period="Yearly" />
    </inbound><backend><base /></backend><outbound><base /></outbound><on-error><base /></on-error></policies>"#;
    let mut setting = Setting::new(ENDING);
    setting.gateway = "  tokenAccounting: { stopStreams: true }\n";
    setting.more = "      - { id: Responses, method: POST, urlTemplate: /v1/responses }\n";
    let scene = Scene::start(setting).await;
    let url = format!("http://{}", scene.gateway);
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/clients/openai_cut.py");
    let out = tokio::task::spawn_blocking(move || {
        python(
            &script,
            &[("GATEWAY_URL", &url), ("SUBSCRIPTION_KEY", KEY_A)],
        )
    });
    if let Some(out) = out.await.unwrap() {
        assert!(out.trim_end().ends_with("ok"), "{out}");
        // The connections to the provider were closed, so nothing is open and little more was produced.
        scene.settled().await;
    }
}

/// What the counter of `all` says after one more call.
async fn left(gateway: SocketAddr) -> u64 {
    let answer = fetch(gateway, chat(KEY_A, &ask("Say hello.")))
        .await
        .unwrap();
    assert_eq!(answer.status, 200, "{}", answer.text());
    answer.header("left").parse().unwrap()
}

/// With a data folder a restart goes on with what a period has used, and begins anew where the file is damaged.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_restart_forgets_no_quota() {
    const KEPT: &str = r#"<policies><inbound><base />
        <authentication-managed-identity resource="https://cognitiveservices.azure.com" />
        <llm-token-limit counter-key="all" token-quota="1000000" token-quota-period="Yearly" remaining-quota-tokens-header-name="left" />
    </inbound><backend><base /></backend><outbound><base /></outbound><on-error><base /></on-error></policies>"#;
    let providers = Setting::new(KEPT).providers;
    let simulator = tollgate_testkit::Simulator::start(providers).await.unwrap();
    let folder = Folder::new();
    folder.write("global.xml", FORWARD);
    folder.write("api.xml", KEPT);
    let more = "  ledger: { folder: data }\n";
    folder.write("tollgate.yaml", &config(simulator.url(), more, ""));
    let start = || {
        let keys = [("TEAM_A_KEY", KEY_A), ("TEAM_B_KEY", KEY_B)];
        let mut running = Running::start(&["serve", folder.text()], &keys);
        let gateway = address(&running.line("serving http://"));
        running.line("ready");
        (running, gateway)
    };
    let (mut running, gateway) = start();
    let first = left(gateway).await;
    let each = 1_000_000 - first;
    assert_eq!(left(gateway).await, first - each);
    running.signal("TERM");
    assert_eq!(running.end(), Some(0));

    let (mut running, gateway) = start();
    assert_eq!(left(gateway).await, first - 2 * each);
    running.signal("TERM");
    assert_eq!(running.end(), Some(0));

    let file = folder.path().join("data/quotas.tgq");
    let mut bytes = std::fs::read(&file).unwrap();
    bytes[9] ^= 1;
    std::fs::write(&file, bytes).unwrap();
    let (_running, gateway) = start();
    assert_eq!(left(gateway).await, first);
    assert!(file.with_extension("damaged").exists());
}
