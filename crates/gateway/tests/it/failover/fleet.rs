//! A gateway before three providers that can be taken down one by one, callers that never stop, and the timeline.

use crate::scene::{FORWARD, KEY_A, Served, ask, chat, metrics, sum, until};
use bytes::Bytes;
use http::Request;
use std::collections::BTreeMap;
use std::fmt::Write;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};
use tokio::task::JoinSet;
use tollgate_testkit::client::{Client, Fetched, fetch, get};
use tollgate_testkit::{Deployment, Simulator, SimulatorConfig};

/// Reserved capacity, priority 1.
pub(crate) const PTU_1: &str = "ptu-1";
/// The same.
pub(crate) const PTU_2: &str = "ptu-2";
/// Pay-as-you-go, priority 2.
pub(crate) const PAYG: &str = "payg";
const MEMBERS: [&str; 3] = [PTU_1, PTU_2, PAYG];
/// Callers at one time.
pub(crate) const CALLERS: u64 = 3;

const POLICY: &str = r#"<policies>
    <inbound><base /><set-backend-service backend-id="chat" /></inbound>
    <backend><forward-request timeout="2" buffer-request-body="true" /></backend>
    <outbound><base /></outbound>
    <on-error><base /></on-error>
</policies>"#;

/// What the callers saw.
#[derive(Default)]
struct Tally {
    /// Good answers by the member that gave them.
    served: BTreeMap<String, u64>,
    /// What was no good answer.
    errors: Vec<String>,
    /// Calls that each caller has ended.
    ended: [u64; CALLERS as usize],
}

impl Tally {
    fn note(&mut self, caller: u64, answer: std::io::Result<Fetched>, fault: Option<String>) {
        self.ended[caller as usize] += 1;
        match (fault, answer) {
            (None, Ok(answer)) => {
                let member = answer.header("x-ms-region").to_owned();
                *self.served.entry(member).or_default() += 1;
            }
            (fault, _) => self.errors.extend(fault),
        }
    }
}

struct Member {
    config: SimulatorConfig,
    running: Option<Simulator>,
}

pub(crate) struct Fleet {
    served: Served,
    configured: String,
    members: Vec<Member>,
    tally: Arc<Mutex<Tally>>,
    callers: JoinSet<()>,
    forgiving: bool,
    begin: Instant,
    timeline: String,
}

/// The next request of a caller: every other one is streamed.
fn request(number: u64) -> Request<Bytes> {
    let mut body = ask(&format!("Say hello, number {number}."));
    body["stream"] = number.is_multiple_of(2).into();
    chat(KEY_A, &body)
}

/// What is wrong with an answer.
fn fault(answer: &std::io::Result<Fetched>) -> Option<String> {
    match answer {
        Err(error) => Some(error.to_string()),
        Ok(answer) if answer.status != 200 => Some(format!("{} {}", answer.status, answer.text())),
        Ok(answer) if !answer.complete => Some(format!("cut: {}", answer.text())),
        Ok(answer) => {
            let stream = answer
                .header("content-type")
                .starts_with("text/event-stream");
            let whole = if stream {
                answer.events().last().is_some_and(|last| last == "[DONE]")
            } else {
                answer.json()["choices"][0]["message"]["content"].is_string()
            };
            (!whole).then(|| format!("not whole: {}", answer.text()))
        }
    }
}

async fn calls(gateway: SocketAddr, caller: u64, tally: Arc<Mutex<Tally>>) {
    let mut client = Client::connect(gateway).await.unwrap();
    for number in 0.. {
        let answer = client.send(request(number * CALLERS + caller)).await;
        let fault = fault(&answer);
        tally.lock().unwrap().note(caller, answer, fault);
        // Steady, and not all that the machine can do.
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
}

impl Fleet {
    /// Starts it all; `reserved`: tokens a minute of the two reserved members, without a limit if none.
    pub(crate) async fn start(reserved: Option<u32>) -> Fleet {
        let mut members = Vec::new();
        let mut backends = String::new();
        for (at, name) in MEMBERS.into_iter().enumerate() {
            let mut deployment = Deployment::new("gpt-4o-mini", "gpt-4o-mini");
            if let Some(tokens) = reserved.filter(|_| at < 2) {
                deployment = deployment.ptu(tokens);
            }
            let mut config = SimulatorConfig {
                deployments: vec![deployment],
                region: name.to_owned(),
                requests_capacity: 100_000,
                ..SimulatorConfig::default()
            };
            let running = Simulator::start(config.clone()).await.unwrap();
            config.listen = running.addr();
            let _ = write!(
                backends,
                "  - id: {name}\n    url: \"{}/openai\"\n    credentials: {{ header: {{ api-key: {{ env: TEAM_B_KEY }} }} }}\n    circuitBreaker: *breaker\n",
                running.url()
            );
            members.push(Member {
                config,
                running: Some(running),
            });
        }
        let configured = format!(
            r#"gateway:
  listen: [{{ address: "127.0.0.1:0" }}]
  management: {{ address: "127.0.0.1:0" }}
  threads: 2
policy: global.xml
backends:
  - id: chat
    pool:
      failover: {{ attempts: 3 }}
      services:
        - {{ id: ptu-1, priority: 1 }}
        - {{ id: ptu-2, priority: 1 }}
        - {{ id: payg, priority: 2 }}
  - id: breaker
    url: http://127.0.0.1:1
    circuitBreaker: &breaker
      rules:
        - failureCondition:
            count: 1
            interval: PT1M
            statusCodeRanges: [{{ min: 429, max: 429 }}, {{ min: 500, max: 599 }}]
            errorReasons: [Timeout, BackendConnectionFailure]
          tripDuration: PT1S
          acceptRetryAfter: true
{backends}subscriptions:
  - {{ id: team-a, scope: /apis/openai, primaryKey: {{ env: TEAM_A_KEY }} }}
apis:
  - id: openai
    path: openai
    policy: api.xml
    operations:
      - {{ id: chat, method: POST, urlTemplate: "/deployments/{{deployment-id}}/chat/completions" }}
"#
        );
        let served = Served::start(
            &[
                ("global.xml", FORWARD),
                ("api.xml", POLICY),
                ("tollgate.yaml", &configured),
            ],
            &[],
        );
        let tally = Arc::default();
        let mut callers = JoinSet::new();
        for caller in 0..CALLERS {
            callers.spawn(calls(served.gateway, caller, Arc::clone(&tally)));
        }
        Fleet {
            served,
            configured,
            members,
            tally,
            callers,
            forgiving: false,
            begin: Instant::now(),
            timeline: String::new(),
        }
    }
}

impl Fleet {
    fn member(&self, name: &str) -> &Member {
        let at = MEMBERS.iter().position(|member| *member == name);
        &self.members[at.unwrap()]
    }

    fn running(&self, name: &str) -> &Simulator {
        self.member(name).running.as_ref().unwrap()
    }

    /// Nobody listens there any more.
    pub(crate) async fn down(&mut self, name: &str) {
        let at = MEMBERS.iter().position(|member| *member == name);
        let running = self.members[at.unwrap()].running.take();
        running.unwrap().shutdown().await;
    }

    /// It listens again where it was.
    pub(crate) async fn up(&mut self, name: &str) {
        let at = MEMBERS.iter().position(|member| *member == name);
        let member = &mut self.members[at.unwrap()];
        member.running = Some(Simulator::start(member.config.clone()).await.unwrap());
    }

    /// The member's next calls run into this.
    pub(crate) fn fault(&self, name: &str, fault: &str, count: u32) {
        self.running(name).queue_fault(None, fault, count).unwrap();
    }

    /// Calls that a running member has received.
    pub(crate) fn asked(&self, name: &str) -> usize {
        self.running(name).requests(100_000).len()
    }

    /// Forgets a running member's faults; gives how many calls they had left.
    pub(crate) async fn mend(&self, name: &str) -> u64 {
        let simulator = self.running(name);
        let left = fetch(simulator.addr(), get("/faults")).await.unwrap();
        simulator.clear_faults();
        let left = left.json();
        let left = left["faults"].as_array().unwrap().iter();
        left.map(|fault| fault["count"].as_u64().unwrap()).sum()
    }

    /// Good answers so far by a member, as the callers saw them.
    fn served(&self, name: &str) -> u64 {
        let tally = self.tally.lock().unwrap();
        tally.served.get(name).copied().unwrap_or_default()
    }

    /// Errors are expected from now on: nobody is healthy.
    pub(crate) fn forgive(&mut self) {
        self.check();
        self.forgiving = true;
    }

    /// Calls that begin from now on may not fail.
    pub(crate) async fn forgive_no_more(&mut self) {
        self.rounds().await;
        self.check();
        self.forgiving = false;
    }

    /// Waits until no call is under way that began before.
    pub(crate) async fn rounds(&self) {
        let before = self.tally.lock().unwrap().ended;
        until("every caller has made a call", async || {
            let now = self.tally.lock().unwrap().ended;
            // The first that ends may have begun before.
            now.iter()
                .zip(before)
                .all(|(now, before)| *now > before + 1)
        })
        .await;
    }

    /// No caller has seen an error since the last look, unless they are expected.
    fn check(&self) {
        let errors = std::mem::take(&mut self.tally.lock().unwrap().errors);
        assert!(
            self.forgiving || errors.is_empty(),
            "{} errors, the first: {}\n{}",
            errors.len(),
            errors[0],
            self.timeline
        );
    }

    /// One call of its own.
    pub(crate) async fn call(&self) -> Fetched {
        fetch(self.served.gateway, request(1)).await.unwrap()
    }

    /// Waits until the callers are served as they should be: in turns by both of priority 1, and by no other.
    pub(crate) async fn calm(&mut self) {
        self.serves("calls begin", &[PTU_1, PTU_2]).await;
        assert_eq!(self.served(PAYG), 0, "the lower priority waits");
    }

    /// Waits until each of these members has served more.
    pub(crate) async fn serves(&mut self, what: &str, members: &[&str]) {
        let before: Vec<u64> = members.iter().map(|name| self.served(name)).collect();
        self.step(what, async |f| {
            let mut pairs = members.iter().zip(&before);
            pairs.all(|(name, before)| f.served(name) > *before)
        })
        .await;
    }

    /// Waits until something holds, and notes it with the breakers as they then are.
    pub(crate) async fn step(&mut self, what: &str, holds: impl AsyncFn(&Fleet) -> bool) {
        let before: Vec<u64> = MEMBERS.iter().map(|name| self.served(name)).collect();
        let this = &*self;
        until(what, async || {
            this.check();
            holds(this).await
        })
        .await;
        let phases = this.phases().await;
        let mut row = format!("{:5.1} s  {what:<33}", self.begin.elapsed().as_secs_f64());
        for (at, name) in MEMBERS.into_iter().enumerate() {
            let more = self.served(name) - before[at];
            let _ = write!(row, "  {name} {:<9} {more:>4}", phases[at]);
        }
        self.timeline.push_str(row.trim_end());
        self.timeline.push('\n');
    }

    /// Stops the callers and prints the timeline.
    pub(crate) async fn end(mut self) {
        self.callers.shutdown().await;
        self.check();
        println!("\n{}", self.timeline);
    }
}

impl Fleet {
    /// The members' breakers as the management listener shows them.
    pub(crate) async fn phases(&self) -> Vec<String> {
        let page = fetch(self.served.management, get("/backends")).await;
        let page = page.unwrap().json();
        let all = page["backends"].as_array().unwrap();
        let phase = |name: &str| {
            let backend = all.iter().find(|backend| backend["id"] == name).unwrap();
            backend["circuitBreaker"]["state"]
                .as_str()
                .unwrap()
                .to_owned()
        };
        MEMBERS.into_iter().map(phase).collect()
    }

    /// One member's breaker.
    pub(crate) async fn phase(&self, name: &str) -> String {
        let at = MEMBERS.iter().position(|member| *member == name);
        self.phases().await.swap_remove(at.unwrap())
    }

    /// Whether all breakers are closed.
    pub(crate) async fn healthy(&self) -> bool {
        self.phases().await.iter().all(|phase| phase == "closed")
    }

    /// How often a member's breaker has opened.
    pub(crate) async fn opened(&self, name: &str) -> u64 {
        let metric = "tollgate_backend_circuit_breaker_transitions_total";
        let metrics = metrics(self.served.management).await;
        sum(&metrics, metric, &[("backend", name), ("state", "open")])
    }

    /// Generation of the configuration in force.
    pub(crate) async fn generation(&self) -> u64 {
        let ready = fetch(self.served.management, get("/readyz")).await.unwrap();
        ready.json()["configuration"]["generation"]
            .as_u64()
            .unwrap()
    }

    /// Adds lines to the configuration.
    pub(crate) fn configure(&self, more: &str) {
        let text = format!("{}{more}", self.configured);
        self.served.folder.write("tollgate.yaml", &text);
    }
}
