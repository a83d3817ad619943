//! Budgets of a running gateway: hundreds of calls at one time, a kill and a restart, a webhook, child keys.

use crate::process::{Folder, Running, address};
use crate::scene::*;
use serde_json::{Value, json};
use std::net::SocketAddr;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;
use tollgate_state::ledger::{
    self, Adjustment, Call, Period, Reader, Record, SignedTokens, Writer,
};
use tollgate_testkit::client::{Fetched, fetch, get, post_json, with_header};
use tollgate_testkit::{Simulator, SimulatorConfig};

const CALLS: u64 = 300;
/// Fits some of them: each may use about 90 tokens.
const LIMIT: u64 = 6_000;
const OUTPUT: u64 = 60;

/// A webhook that refuses its first posts.
pub(crate) struct Hook {
    pub(crate) address: SocketAddr,
    pub(crate) posts: Arc<Mutex<Vec<(String, Value)>>>,
    /// Ids of those that it refused.
    refused: Arc<Mutex<Vec<Value>>>,
    /// How many it still refuses.
    refuses: Arc<AtomicUsize>,
}

impl Hook {
    pub(crate) async fn start(refuses: usize) -> Hook {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let posts: Arc<Mutex<Vec<(String, Value)>>> = Arc::default();
        let refused: Arc<Mutex<Vec<Value>>> = Arc::default();
        let refuses = Arc::new(AtomicUsize::new(refuses));
        let (seen, turned_away, left) = (posts.clone(), refused.clone(), refuses.clone());
        tokio::spawn(async move {
            while let Ok((mut stream, _)) = listener.accept().await {
                let mut text = Vec::new();
                let mut chunk = [0; 4096];
                let (head, body) = loop {
                    let read = stream.read(&mut chunk).await.unwrap_or(0);
                    text.extend_from_slice(&chunk[..read]);
                    let all = String::from_utf8_lossy(&text).into_owned();
                    let Some((head, body)) = all.split_once("\r\n\r\n") else {
                        assert!(read > 0, "a post broke");
                        continue;
                    };
                    let head = head.to_ascii_lowercase();
                    let length = head.split("content-length: ").nth(1).unwrap();
                    let length: usize = length.lines().next().unwrap().trim().parse().unwrap();
                    if body.len() >= length {
                        break (head, body.to_owned());
                    }
                };
                let event: Value = serde_json::from_str(&body).unwrap();
                let less = |left: usize| left.checked_sub(1);
                let refused = left.fetch_update(Ordering::SeqCst, Ordering::SeqCst, less);
                let status = if refused.is_ok() {
                    turned_away.lock().unwrap().push(event["id"].clone());
                    "503 Service Unavailable"
                } else {
                    seen.lock().unwrap().push((head, event));
                    "204 No Content"
                };
                let answer =
                    format!("HTTP/1.1 {status}\r\ncontent-length: 0\r\nconnection: close\r\n\r\n");
                let _ = stream.write_all(answer.as_bytes()).await;
            }
        });
        Hook {
            address,
            posts,
            refused,
            refuses,
        }
    }

    /// Of each report once.
    fn types(&self) -> Vec<String> {
        let posts = self.posts.lock().unwrap();
        let mut seen = std::collections::HashSet::new();
        let mut types: Vec<String> = posts
            .iter()
            .filter(|(_, event)| seen.insert(event["id"].to_string()))
            .map(|(_, event)| {
                let percent = &event["data"]["percent"];
                format!("{} {percent}", event["type"].as_str().unwrap())
            })
            .collect();
        types.sort();
        types
    }
}

/// A gateway that can be killed and started again.
struct Site {
    folder: Folder,
    simulator: Simulator,
    running: Option<Running>,
    gateway: SocketAddr,
    management: SocketAddr,
}

impl Site {
    async fn start(gateway: &str, more: &str) -> Site {
        let providers = SimulatorConfig {
            strict_auth: true,
            ..SimulatorConfig::default()
        };
        let simulator = Simulator::start(providers).await.unwrap();
        let folder = Folder::new();
        folder.write("global.xml", FORWARD);
        folder.write("api.xml", MANAGED);
        folder.write("tollgate.yaml", &config(simulator.url(), gateway, more));
        let nowhere = SocketAddr::from(([127, 0, 0, 1], 0));
        let mut site = Site {
            folder,
            simulator,
            running: None,
            gateway: nowhere,
            management: nowhere,
        };
        site.restart();
        site
    }

    /// Kills the gateway, if it runs.
    fn kill(&mut self) {
        drop(self.running.take());
    }

    /// Writes a correction into the ledger, as `tollgate reconcile --apply` does.
    fn correct(&self, budget: &str, tokens: i64) {
        let now = u64::try_from(jiff::Timestamp::now().as_millisecond()).unwrap();
        let path = self.folder.path().join("ledger");
        let folder = ledger::Folder::open_beside(&path, now).unwrap();
        let mut writer = Writer::new(Arc::new(folder), 60_000);
        let adjustment = Adjustment {
            id: 1,
            at_ms: now,
            call: Call {
                budgets: vec![budget.into()],
                ..Call::default()
            },
            tokens: SignedTokens {
                output: tokens,
                ..SignedTokens::default()
            },
            cost_pico: 1_000_000,
            source: "the provider's export".into(),
            ..Adjustment::default()
        };
        writer.write(&Record::Adjustment(adjustment)).unwrap();
    }

    /// Kills the gateway, if it runs, and starts it on the same files.
    fn restart(&mut self) {
        self.kill();
        let environment = [
            ("TEAM_A_KEY", KEY_A),
            ("TEAM_B_KEY", KEY_B),
            ("HOOK_SECRET", "a secret of the hook"),
        ];
        let mut running = Running::start(&["serve", self.folder.text()], &environment);
        self.gateway = address(&running.line("serving http://"));
        self.management = address(&running.line("management http://"));
        running.line("ready");
        self.running = Some(running);
    }

    async fn budget(&self, id: &str) -> Value {
        let answer = fetch(self.management, get(&format!("/budgets/{id}"))).await;
        answer.unwrap().json()["accounts"][0].clone()
    }

    async fn settled(&self) {
        until("nothing in flight", async || {
            let in_flight = sum(
                &metrics(self.management).await,
                "tollgate_requests_in_flight",
                &[],
            );
            in_flight == 0 && self.simulator.usage().open == 0
        })
        .await;
    }

    async fn call(&self, key: &str, prompt: &str) -> Fetched {
        fetch(self.gateway, chat(key, &ask(prompt))).await.unwrap()
    }

    async fn keys(&self, method: http::Method, path: &str, key: &str, body: &Value) -> Fetched {
        let request = post_json(&format!("/budgets{path}"), body);
        let mut request = with_header(request, "ocp-apim-subscription-key", key);
        *request.method_mut() = method;
        fetch(self.gateway, request).await.unwrap()
    }

    /// What the ledger says that calls spent from a budget.
    fn charged(&self, budget: &str) -> u64 {
        let folder = self.folder.path().join("ledger");
        let reader = Reader::open(&folder, Period::ALL).unwrap();
        reader
            .map(|record| match record.unwrap() {
                Record::Settlement(s) if s.call.budgets.iter().any(|b| *b == budget) => s.total,
                _ => 0,
            })
            .sum()
    }
}

/// One call; a third of the streams are left in the middle. Whether it was admitted.
async fn one(way: Way, at: u64) -> bool {
    let prompt = format!("Count to {}, please, caller {at}.", 3 + at % 40);
    let mut body = if at.is_multiple_of(2) {
        ask_for_stream(&prompt)
    } else {
        ask(&prompt)
    };
    body["max_tokens"] = OUTPUT.into();
    let mut stream = way.open(chat(KEY_A, &body)).await;
    match stream.response.status().as_u16() {
        200 => {}
        403 => {
            let text = stream.rest().await;
            assert!(text.contains("Budget `"), "{text}");
            return false;
        }
        other => panic!("{other}: {}", stream.rest().await),
    }
    if at.is_multiple_of(6) {
        stream.read(1).await;
    } else {
        stream.rest().await;
    }
    true
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn hundreds_of_calls_and_a_restart() {
    many_files();
    let hook = Hook::start(1).await;
    let gateway = format!(
        "  tokenAccounting: {{ mode: strict }}\n  ledger: {{ folder: ledger }}\n  budgets: {{ notifications: [{{ id: hook, url: \"http://{}/hook\", secret: {{ env: HOOK_SECRET }} }}] }}\n",
        hook.address
    );
    let budgets = format!(
        "budgets:\n  - {{ id: organisation, limit: {{ tokens: {LIMIT} }}, period: year, thresholds: [{{ percent: 20 }}, {{ percent: 40 }}], notify: [hook] }}\n  - {{ id: team, each: subscription, limit: {{ tokens: {LIMIT} }}, period: year, parent: organisation }}\n"
    );
    let mut site = Site::start(&gateway, &budgets).await;
    let shared = http2(site.gateway).await;
    let mut calls = tokio::task::JoinSet::new();
    for at in 0..CALLS {
        let way = if at % 3 == 0 {
            Way::Http2(shared.clone())
        } else {
            Way::Http1(site.gateway)
        };
        calls.spawn(one(way, at));
    }
    let (mut admitted, mut refused) = (0, 0);
    while let Some(call) = calls.join_next().await {
        match call.unwrap() {
            true => admitted += 1,
            false => refused += 1,
        }
    }
    drop(shared);
    site.settled().await;
    assert!(admitted > 20 && refused > 20, "{admitted} {refused}");
    // What the provider billed, what the ledger says and what the budget says.
    let billed = site.simulator.usage().totals.total_tokens;
    assert!(billed <= LIMIT, "{billed}");
    let before = site.budget("organisation").await;
    assert_eq!(before["reserved"], 0);
    let spent = before["spent"].as_u64().unwrap();
    assert!(spent <= LIMIT, "{before}");
    assert_eq!(spent, site.charged("organisation"));
    assert_eq!(spent, site.charged("team/team-a"));
    let page = metrics(site.management).await;
    let series = format!("tollgate_budget_spent{{budget=\"organisation\",of=\"\"}} {spent}.0");
    assert!(page.contains(&series), "{series}\n{page}");
    let told = [
        "dev.tollgate.budget.refused null",
        "dev.tollgate.budget.threshold 20",
        "dev.tollgate.budget.threshold 40",
    ];
    until("everything was reported once", async || {
        hook.types() == told
    })
    .await;
    {
        let posts = hook.posts.lock().unwrap();
        assert_eq!(posts.len(), told.len());
        for (head, event) in posts.iter() {
            assert!(
                head.contains("content-type: application/cloudevents+json"),
                "{head}"
            );
            assert!(head.contains("webhook-signature: v1,"), "{head}");
            assert!(head.contains(event["id"].as_str().unwrap()), "{head}");
            assert_eq!(event["subject"], "budgets/organisation");
        }
    }
    // A correction of what the provider bills is in reports. Budgets hold what was spent when it was: as before, so after
    // a restart.
    site.kill();
    site.correct("organisation", 1_000_000);
    site.restart();
    let after = site.budget("organisation").await;
    for member in ["limit", "spent", "reserved", "remaining"] {
        assert_eq!(after[member], before[member], "{member}");
    }
    assert_eq!(site.budget("team").await["of"], "team-a");
    // What was read back was reported before. One that was killed before it noted what the hook had taken tells it again.
    assert_eq!(hook.types(), told);
}

/// A report that nobody has taken when the gateway is killed is posted by the next one, under its id.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_report_outlives_the_gateway() {
    let hook = Hook::start(usize::MAX).await;
    let gateway = format!(
        "  ledger: {{ folder: ledger }}\n  budgets: {{ notifications: [{{ id: hook, url: \"http://{}/hook\", secret: {{ env: HOOK_SECRET }} }}] }}\n",
        hook.address
    );
    let budgets = "budgets:\n  - { id: all, limit: { tokens: 1_000 }, thresholds: [{ percent: 1 }], notify: [hook] }\n";
    let mut site = Site::start(&gateway, budgets).await;
    assert_eq!(site.call(KEY_A, "Count to 20, please.").await.status, 200);
    until("the hook refused the report", async || {
        !hook.refused.lock().unwrap().is_empty()
    })
    .await;
    site.kill();
    let id = hook.refused.lock().unwrap()[0].clone();
    hook.refuses.store(0, Ordering::SeqCst);
    site.restart();
    until("the report came", async || !hook.types().is_empty()).await;
    assert_eq!(hook.types(), ["dev.tollgate.budget.threshold 1"]);
    assert_eq!(hook.posts.lock().unwrap()[0].1["id"], id);
    until("nothing waits", async || {
        let folder = site.folder.path().join("ledger/notifications");
        std::fs::read_dir(folder).unwrap().count() == 0
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn child_keys_draw_from_their_parents_and_survive_a_restart() {
    use http::Method;
    let gateway =
        "  ledger: { folder: ledger }\n  budgets: { path: /budgets, childKeys: { depth: 2 } }\n";
    let budgets = "budgets:\n  - { id: team, each: subscription, limit: { tokens: 1_000_000 } }\n";
    let mut site = Site::start(gateway, budgets).await;
    let asked = json!({ "tokens": 200, "expiresIn": 3600, "label": "researcher" });
    let made = site.keys(Method::POST, "/keys", KEY_A, &asked).await;
    assert_eq!(made.status, 201, "{}", made.text());
    let (key, id) = (
        made.json()["key"].as_str().unwrap().to_owned(),
        made.json()["id"].as_str().unwrap().to_owned(),
    );
    // It calls as its parent's subscription, and both spend.
    let answer = site.call(&key, "Count to 5, please.").await;
    assert_eq!(answer.status, 200, "{}", answer.text());
    site.settled().await;
    let used = site.simulator.usage().totals.total_tokens;
    assert_eq!(site.budget("team").await["spent"], used);
    assert_eq!(site.budget("team").await["of"], "team-a");
    let own = site.keys(Method::GET, "", &key, &json!({})).await.json();
    assert_eq!(own["budgets"][0]["spent"], used, "{own}");
    assert_eq!(own["budgets"][1]["id"], "team");
    // The key of a key, and none below that.
    let asked = json!({ "tokens": 150, "expiresIn": 60 });
    let below = site.keys(Method::POST, "/keys", &key, &asked).await;
    assert_eq!(below.status, 201, "{}", below.text());
    let child = below.json()["key"].as_str().unwrap().to_owned();
    let deeper = site
        .keys(Method::POST, "/keys", &child, &json!({ "tokens": 1 }))
        .await;
    assert_eq!(deeper.status, 403);
    let larger = json!({ "tokens": 201, "expiresIn": 60 });
    assert_eq!(
        site.keys(Method::POST, "/keys", &key, &larger).await.status,
        400
    );
    // It spends until its ceiling; the last call may pass it, as observed accounting has it.
    let mut calls = 0;
    let refused = loop {
        let answer = site.call(&child, "Count to 20, please.").await;
        site.settled().await;
        calls += 1;
        assert!(calls < 100, "it never ends");
        if answer.status != 200 {
            break answer;
        }
    };
    assert_eq!(refused.status, 403);
    assert!(
        refused.text().contains("Budget `key:"),
        "{}",
        refused.text()
    );
    // Another subscription sees nothing of it, and the list shows no secret.
    let others = site
        .keys(Method::GET, "/keys", KEY_B, &json!({}))
        .await
        .json();
    assert_eq!(others["keys"], json!([]));
    let path = format!("/keys/{id}");
    assert_eq!(
        site.keys(Method::DELETE, &path, KEY_B, &json!({}))
            .await
            .status,
        404
    );
    let listed = site
        .keys(Method::GET, "/keys", KEY_A, &json!({}))
        .await
        .text();
    assert!(listed.contains(&id) && !listed.contains("tgk_"), "{listed}");
    let spent = site.budget("team").await["spent"].clone();

    site.restart();
    assert_eq!(site.budget("team").await["spent"], spent);
    let known = site
        .keys(Method::GET, &path, KEY_A, &json!({}))
        .await
        .json();
    assert_eq!(known["label"], "researcher", "{known}");
    assert_eq!(site.call(&child, "Count to 5, please.").await.status, 403);
    // Taken back, it opens nothing, nor does what was made with it, also after a restart.
    assert_eq!(
        site.keys(Method::DELETE, &path, KEY_A, &json!({}))
            .await
            .status,
        204
    );
    for _ in 0..2 {
        assert_eq!(site.call(&key, "Count to 5, please.").await.status, 401);
        assert_eq!(site.call(&child, "Count to 5, please.").await.status, 401);
        site.restart();
    }
}
