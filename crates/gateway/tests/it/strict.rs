//! A thousand calls at one time against a limit of tokens, and against a budget of money, that fits some of them: under
//! strict accounting nothing is used above it, whatever callers do; under observed accounting no more than what was in
//! flight. Both are held against the provider's own books.

use crate::process::{Folder, Running, address};
use crate::python::python;
use crate::scene::*;
use serde_json::{Value, json};
use std::net::SocketAddr;
use std::path::Path;
use std::sync::{Arc, Mutex};
use tollgate_llm::Usage;
use tollgate_llm::price::{Pico, PriceTable, Query};
use tollgate_testkit::client::{fetch, get};

const CALLS: u64 = 1000;
/// Fits a few hundred calls, each of which may use about 100 tokens.
const LIMIT: u64 = 20_000;
/// The most output that a call asks for.
const OUTPUT: u64 = 60;
/// The same counter for the limit and for who looks at it: there, what is left of this is what was used.
const WHOLE: u64 = 1_000_000_000;
/// What the question for that reserves under strict accounting: three for the start of an answer, and the margin.
const RESERVED: u64 = 3 + 16;

/// Most pico of the budget of money, and as its configuration has it: fits as much as the limit of tokens.
const MONEY: u128 = 6_000_000_000;
const MONEY_BUDGET: &str =
    "budgets:\n  - { id: money, limit: { amount: 0.006 }, period: endless }\n";

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

/// What the shipped table charges for tokens of the model that the scene calls.
fn cost(prompt: u64, completion: u64) -> u128 {
    let query = Query {
        provider: "azure.ai.openai",
        model: "gpt-4o-mini",
        region: None,
        tier: Default::default(),
        at: jiff::civil::date(2026, 1, 1),
    };
    let price = PriceTable::shipped().lookup(&query).unwrap();
    let classes = Usage::estimate(prompt, completion).classes();
    price.cost(&classes).unwrap().cost.0
}

/// What the provider bills: tokens, and their price.
fn billed(scene: &Scene) -> (u64, u128) {
    let totals = scene.simulator.usage().totals;
    let spent = cost(totals.prompt_tokens, totals.completion_tokens);
    (totals.total_tokens, spent)
}

/// What the budget of money says that was spent; nothing is reserved any more.
async fn spent(scene: &Scene) -> u128 {
    let answer = fetch(scene.management, get("/budgets/money"))
        .await
        .unwrap();
    let account = answer.json()["accounts"][0].clone();
    let amount = |name: &str| {
        let text = account[name]
            .as_str()
            .unwrap_or_else(|| panic!("{account}"));
        Pico::from_decimal(text.parse().unwrap()).unwrap().0
    };
    assert_eq!(amount("reserved"), 0, "{account}");
    amount("spent")
}

/// A scene under strict accounting in which what nobody reads is not read on: it counts as the most that it could use.
async fn strict_scene(policy: &str, more: &str) -> Scene {
    many_files();
    let mut setting = Setting::new(policy);
    setting.gateway = "  tokenAccounting: { mode: strict }\n  timeouts: { usage: 0 }\n";
    setting.more = more;
    Scene::start(setting).await
}

/// A thousand calls at one time: some are answered, some refused, some leave.
async fn storm(scene: &Scene) {
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
}

/// Calls one after the other, until no call fits in what is left.
async fn drain(scene: &Scene) {
    let mut fits = true;
    while fits {
        let mut body = ask("Count to 40, please.");
        body["max_tokens"] = OUTPUT.into();
        let answer = scene.call(KEY_A, &body).await;
        fits = answer.status == 200;
        assert!(fits || answer.status == 403, "{}", answer.text());
    }
    scene.settled().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nothing_is_used_above_a_strict_budget() {
    let scene = strict_scene(POLICY, "").await;
    storm(&scene).await;
    let (used, _) = billed(&scene);
    let counted = counted(&scene, RESERVED).await;
    assert!(used <= LIMIT, "{used} tokens were used of {LIMIT}");
    assert!(counted <= LIMIT, "{counted} tokens were counted of {LIMIT}");
    assert!(counted >= used, "{counted} were counted, {used} used");
    // Not by refusing what would fit: one after the other takes the rest, down to what no call fits in.
    drain(&scene).await;
    let (used, _) = billed(&scene);
    let counted = self::counted(&scene, RESERVED).await;
    assert!(used <= counted && counted <= LIMIT, "{used} {counted}");
    assert!(counted > LIMIT - 100, "{counted}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_money_is_spent_above_a_strict_budget() {
    let scene = strict_scene(MANAGED, MONEY_BUDGET).await;
    storm(&scene).await;
    let ((_, paid), spent) = (billed(&scene), spent(&scene).await);
    assert!(paid <= MONEY, "{paid} pico were billed of {MONEY}");
    assert!(spent <= MONEY, "{spent} pico were spent of {MONEY}");
    assert!(spent >= paid, "{spent} were spent, {paid} billed");
    drain(&scene).await;
    let ((_, paid), spent) = (billed(&scene), self::spent(&scene).await);
    assert!(paid <= spent && spent <= MONEY, "{paid} {spent}");
    assert!(spent > MONEY - cost(40, OUTPUT), "{spent}");
}

/// Callers who call until they are refused, and the most that `weigh` says of prompt and output of the calls which were
/// in flight at one time.
async fn until_refused(scene: &Scene, weigh: fn(u64, u64) -> u128) -> u128 {
    const CALLERS: u64 = 25;
    let largest = Arc::new(Mutex::new(0));
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
                    let usage = &answer.json()["usage"];
                    let number = |name: &str| usage[name].as_u64().unwrap();
                    let used = weigh(number("prompt_tokens"), number("completion_tokens"));
                    let mut largest = largest.lock().unwrap();
                    *largest = used.max(*largest);
                }
            }
        });
    }
    while let Some(caller) = callers.join_next().await {
        caller.unwrap();
    }
    scene.settled().await;
    let largest = *largest.lock().unwrap();
    u128::from(CALLERS) * largest
}

/// The last one let through passes it, and no more does than was in flight.
fn passed_by_what_was_in_flight(used: u128, limit: u128, in_flight: u128) {
    assert!(used > limit, "{used}");
    assert!(used <= limit + in_flight, "{used} {in_flight}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_observed_budget_is_passed_by_what_is_in_flight_at_most() {
    let scene = Scene::start(Setting::new(POLICY)).await;
    let in_flight = until_refused(&scene, |prompt, output| u128::from(prompt + output)).await;
    let (used, _) = billed(&scene);
    assert_eq!(counted(&scene, 0).await, used);
    passed_by_what_was_in_flight(used.into(), LIMIT.into(), in_flight);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_observed_budget_of_money_is_passed_by_what_is_in_flight_at_most() {
    let mut setting = Setting::new(MANAGED);
    setting.more = MONEY_BUDGET;
    let scene = Scene::start(setting).await;
    let in_flight = until_refused(&scene, cost).await;
    let (_, paid) = billed(&scene);
    assert_eq!(spent(&scene).await, paid);
    passed_by_what_was_in_flight(paid, MONEY, in_flight);
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
