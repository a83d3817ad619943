//! A real OpenID provider rotates its keys, and fails, while callers send good and bad tokens without a pause.

use crate::mcp_clients::asset;
use crate::node::Node;
use crate::process::{Folder, PATIENCE, Running, address};
use bytes::Bytes;
use http::{Request, Response};
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::io::{BufRead, BufReader};
use std::net::SocketAddr;
use std::process::{Child, Stdio};
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};
use tokio::sync::RwLock;
use tollgate_testkit::client::{Client, fetch, get, with_bearer, with_header};
use tollgate_testkit::simulator::MintOptions;
use tollgate_testkit::upstream::{HttpUpstream, Transport};
use tollgate_testkit::{Simulator, SimulatorConfig};

/// Callers at one time.
const CALLERS: usize = 8;

/// How long each state of the provider lasts at least.
const PHASE: Duration = Duration::from_millis(300);

/// How long the provider is away.
const OUTAGE: Duration = Duration::from_secs(2);

/// The provider, `tests/node/oidc_provider.cjs`.
struct Provider {
    child: Child,
    issuer: String,
    control: SocketAddr,
}

impl Drop for Provider {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

impl Provider {
    fn start(node: &Node) -> Provider {
        let mut child = node
            .script(&asset("node/oidc_provider.cjs"))
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let mut line = String::new();
        let out = child.stdout.take().unwrap();
        BufReader::new(out).read_line(&mut line).unwrap();
        let told: Value = serde_json::from_str(&line).unwrap();
        Provider {
            child,
            issuer: told["issuer"].as_str().unwrap().to_owned(),
            control: address(told["control"].as_str().unwrap()),
        }
    }

    async fn tell(&self, path: &str) -> Value {
        let request = Request::post(path).body(Bytes::new()).unwrap();
        let answer = fetch(self.control, request).await.unwrap();
        assert_eq!(answer.status, 200, "{}", answer.text());
        answer.json()
    }

    /// A token that the newest key signs; those for `urn:api:short` live one second.
    async fn token(&self, resource: &str) -> Arc<str> {
        let form = format!("grant_type=client_credentials&scope=read&resource={resource}");
        let request = Request::post("/token")
            .header("authorization", "Basic Y2FsbGVyOnNlY3JldC1vZi1jYWxsZXI=")
            .header("content-type", "application/x-www-form-urlencoded")
            .body(Bytes::from(form))
            .unwrap();
        let answer = fetch(self.control, request).await.unwrap();
        assert_eq!(answer.status, 200, "{}", answer.text());
        Arc::from(answer.json()["access_token"].as_str().unwrap())
    }
}

/// What a token is, and so what must become of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Kind {
    /// By the newest key, from the moment on that the provider publishes it.
    Newest,
    /// By the key before, which is still published.
    Previous,
    /// By a key that is no longer published, after a token by the newest was let through.
    Withdrawn,
    /// By a key that the gateway knows, past its time.
    Expired,
    /// By a stranger who names a key of the provider.
    Forged,
    /// By a stranger's key.
    Foreign,
    /// One token's claims under another's signature.
    Swapped,
    /// `alg` is `none`.
    Unsigned,
    /// By the newest key while the provider that has just made it is away: nobody could check it.
    Unreachable,
}

/// What a token with an unknown key gets while the provider is away: it may be good, and must not be thrown away.
const NOBODY_KNOWS: (u16, &str) = (500, "OpenIdConfigurationFailure");

impl Kind {
    /// The status, and the reason where the gateway refuses.
    fn expected(self) -> (u16, &'static str) {
        match self {
            Kind::Newest | Kind::Previous => (200, ""),
            Kind::Expired => (401, "TokenExpired"),
            Kind::Withdrawn | Kind::Foreign => (401, "TokenSignatureKeyNotFound"),
            Kind::Forged | Kind::Swapped | Kind::Unsigned => (401, "TokenSignatureInvalid"),
            Kind::Unreachable => NOBODY_KNOWS,
        }
    }
}

#[derive(Default)]
struct Load {
    /// What is sent now. A caller holds it while a call is under way, so that a change waits for those.
    tokens: RwLock<Vec<(Kind, Arc<str>)>>,
    next: AtomicUsize,
    stop: AtomicBool,
    /// The provider is away, or was until a moment ago.
    away: AtomicBool,
    seen: Mutex<BTreeMap<Kind, u64>>,
    let_through: AtomicU64,
    wrong: Mutex<Vec<String>>,
}

impl Load {
    async fn call(self: Arc<Self>, gateway: SocketAddr) {
        let mut client = Client::connect(gateway).await.unwrap();
        while !self.stop.load(Ordering::Relaxed) {
            let tokens = self.tokens.read().await;
            let at = self.next.fetch_add(1, Ordering::Relaxed) % tokens.len();
            let (kind, token) = &tokens[at];
            let request = with_bearer(get("/orders"), token);
            let answer = client.send(request).await.unwrap();
            let saw = (answer.status.as_u16(), answer.header("why"));
            if saw.0 == 200 {
                self.let_through.fetch_add(1, Ordering::Relaxed);
            }
            *self.seen.lock().unwrap().entry(*kind).or_default() += 1;
            // A key that was looked for a moment before the outage is known not to be there, others are not.
            let unknown = matches!(kind, Kind::Withdrawn | Kind::Foreign)
                && self.away.load(Ordering::Relaxed)
                && saw == NOBODY_KNOWS;
            if saw != kind.expected() && !unknown {
                let mut wrong = self.wrong.lock().unwrap();
                if wrong.len() < 20 {
                    wrong.push(format!("{kind:?}: {saw:?} {}", answer.text()));
                }
            }
        }
    }

    fn count(&self, kind: Kind) -> u64 {
        *self.seen.lock().unwrap().get(&kind).unwrap_or(&0)
    }

    /// Waits until so many more calls with such a token have ended.
    async fn more(&self, kind: Kind, calls: u64) {
        let wanted = self.count(kind) + calls;
        let end = Instant::now() + PATIENCE;
        while self.count(kind) < wanted {
            assert!(Instant::now() < end, "no calls of {kind:?}");
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    }
}

/// The tokens that are bad whatever the provider does; `good` are two by one key of its.
async fn bad(
    stranger: &Simulator,
    issuer: &str,
    kid: &str,
    good: [&str; 2],
) -> Vec<(Kind, Arc<str>)> {
    let claims = json!({ "iss": issuer, "aud": "urn:api", "scope": "read" });
    let mint = async |kid: Option<&str>| {
        let options = MintOptions {
            kid: kid.map(str::to_owned),
            ..MintOptions::default()
        };
        let claims = claims.as_object().unwrap().clone();
        Arc::<str>::from(stranger.mint(claims, &options).await.unwrap())
    };
    let (head, _) = good[0].rsplit_once('.').unwrap();
    let (_, signature) = good[1].rsplit_once('.').unwrap();
    let payload = good[0].split('.').nth(1).unwrap();
    vec![
        (Kind::Forged, mint(Some(kid)).await),
        (Kind::Foreign, mint(None).await),
        (Kind::Swapped, Arc::from(format!("{head}.{signature}"))),
        (
            Kind::Unsigned,
            Arc::from(format!("eyJhbGciOiJub25lIn0.{payload}.")),
        ),
    ]
}

fn config(upstream: &str, issuer: &str) -> String {
    format!(
        r#"gateway:
  listen: [{{ address: "127.0.0.1:0" }}]
  management: {{ address: "127.0.0.1:0" }}
  threads: 2
  logs: {{ requests: false }}
apis:
  - id: orders
    path: orders
    serviceUrl: "{upstream}"
    subscriptionRequired: false
    operations: [{{ id: all, method: "*", urlTemplate: "/*" }}]
    policy: |
      <policies>
        <inbound>
          <validate-jwt header-name="Authorization" require-scheme="Bearer">
            <openid-config url="{issuer}/.well-known/openid-configuration" />
            <audiences><audience>urn:api</audience></audiences>
            <required-claims><claim name="scope" separator=" "><value>read</value></claim></required-claims>
          </validate-jwt>
        </inbound>
        <on-error>
          <set-header name="why"><value>@(context.LastError.Reason)</value></set-header>
        </on-error>
      </policies>
"#
    )
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn keys_rotate_under_load() {
    let Some(node) = Node::find("keys_rotate_under_load") else {
        return;
    };
    // A longer run by hand: TOLLGATE_TEST_ROTATIONS=40 TOLLGATE_TEST_PHASE=8 (seconds).
    let number = |name: &str| std::env::var(name).ok()?.parse::<u64>().ok();
    let rotations = number("TOLLGATE_TEST_ROTATIONS").unwrap_or(3);
    let phase = number("TOLLGATE_TEST_PHASE").map_or(PHASE, Duration::from_secs);

    let provider = Provider::start(&node);
    let stranger = Simulator::start(SimulatorConfig::default()).await.unwrap();
    let served = Arc::new(AtomicU64::new(0));
    let counted = served.clone();
    let upstream = HttpUpstream::start(Transport::Http1, move |_| {
        counted.fetch_add(1, Ordering::Relaxed);
        Response::new(Bytes::from_static(b"[]"))
    })
    .await
    .unwrap();
    let folder = Folder::new();
    folder.write("tollgate.yaml", &config(&upstream.url(), &provider.issuer));
    let mut running = Running::start(&["serve", folder.text()], &[]);
    let gateway = address(&running.line("serving http://"));
    let management = address(&running.line("management http://"));
    running.line("ready");

    let load = Arc::new(Load::default());
    let mut newest = provider.token("urn:api").await;
    let mut previous: Option<Arc<str>> = None;
    let mut withdrawn: Vec<Arc<str>> = Vec::new();
    *load.tokens.write().await = vec![(Kind::Newest, newest.clone())];
    let callers: Vec<_> = (0..CALLERS)
        .map(|_| tokio::spawn(load.clone().call(gateway)))
        .collect();
    load.more(Kind::Newest, 100).await;
    let mut unreachable = Duration::ZERO;
    for rotation in 0..rotations {
        let outage = rotation % 4 == 1;
        let (other, short) = (
            provider.token("urn:api").await,
            provider.token("urn:api:short").await,
        );
        tokio::time::sleep(Duration::from_millis(1100)).await;
        let mut tokens = load.tokens.write().await;
        if outage {
            provider.tell("/outage").await;
            load.away.store(true, Ordering::Relaxed);
        }
        let withdraw = usize::from(previous.is_some());
        let kids = provider.tell(&format!("/rotate?withdraw={withdraw}")).await;
        let gone = previous.replace(newest.clone());
        let before = newest;
        let good = [&*before, &*other];
        let known = kids[1].as_str().unwrap();
        let mut now = bad(&stranger, &provider.issuer, known, good).await;
        newest = provider.token("urn:api").await;
        now.extend([(Kind::Expired, short), (Kind::Previous, before.clone())]);
        now.extend(withdrawn.iter().map(|t| (Kind::Withdrawn, t.clone())));
        let kind = if outage {
            Kind::Unreachable
        } else {
            Kind::Newest
        };
        now.push((kind, newest.clone()));
        *tokens = now;
        drop(tokens);
        if outage {
            tokio::time::sleep(OUTAGE).await;
            load.tokens
                .write()
                .await
                .retain(|(kind, _)| *kind != Kind::Unreachable);
            provider.tell("/recover").await;
            let back = Instant::now();
            // The gateway asks again by itself; until then nobody can check the newest.
            loop {
                let request = with_bearer(get("/orders"), &newest);
                if fetch(gateway, request).await.unwrap().status == 200 {
                    load.let_through.fetch_add(1, Ordering::Relaxed);
                    break;
                }
                assert!(back.elapsed() < PATIENCE);
                tokio::time::sleep(Duration::from_millis(20)).await;
            }
            unreachable = unreachable.max(back.elapsed());
            let mut tokens = load.tokens.write().await;
            load.away.store(false, Ordering::Relaxed);
            tokens.push((Kind::Newest, newest.clone()));
        }
        // Each of these must be let through, also the very first: a wrong one is noted.
        load.more(Kind::Newest, 20).await;
        if let Some(gone) = gone {
            load.tokens
                .write()
                .await
                .push((Kind::Withdrawn, gone.clone()));
            withdrawn.push(gone);
            // Not so many that the good ones drown.
            let surplus = withdrawn.len().saturating_sub(3);
            withdrawn.drain(..surplus);
        }
        tokio::time::sleep(phase).await;
    }
    load.stop.store(true, Ordering::Relaxed);
    for caller in callers {
        caller.await.unwrap();
    }
    let metrics = fetch(management, get("/metrics")).await.unwrap().text();
    let ready = with_header(get("/readyz"), "accept", "application/json");
    let ready = fetch(management, ready).await.unwrap().json();
    let seen = load.seen.lock().unwrap().clone();
    println!("{rotations} rotations, calls by kind of token: {seen:?}");
    println!("longest time to the newest key after an outage: {unreachable:?}");
    for line in metrics.lines().filter(|l| l.starts_with("tollgate_openid")) {
        println!("{line}");
    }
    assert_eq!(*load.wrong.lock().unwrap(), Vec::<String>::new());
    for kind in [
        Kind::Newest,
        Kind::Previous,
        Kind::Withdrawn,
        Kind::Expired,
        Kind::Forged,
        Kind::Foreign,
        Kind::Swapped,
        Kind::Unsigned,
        Kind::Unreachable,
    ] {
        assert!(seen.contains_key(&kind), "{kind:?} was not sent");
    }
    assert_eq!(
        served.load(Ordering::Relaxed),
        load.let_through.load(Ordering::Relaxed),
        "what was refused did not reach the upstream"
    );
    assert_eq!(ready["degraded"], json!({}), "{ready}");
}
