//! A thousand model calls in flight on one key: what is counted is what the upstream reported, to the token.

use crate::generation::answer;
use bytes::Bytes;
use http::{Request, Response, header};
use http_body::Body as _;
use std::cell::{Cell, RefCell};
use std::rc::Rc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;
use tollgate_engine::body::Body;
use tollgate_engine::definition::{Definition, PolicyText};
use tollgate_engine::exchange::collect;
use tollgate_engine::fixture::{FakeClock, Setup};
use tollgate_engine::pipeline::{Incoming, serve};
use tollgate_engine::services::{
    IdentityToken, IdentityTokens, NoOpenIdProviders, Origin, SendError, SendOptions, Services,
    Telemetry, TraceSeverity, Transport,
};
use tollgate_engine::settle::Record;
use tollgate_engine::{LocalBoxFuture, Snapshot, snapshot};
use tollgate_lang::value::Str;
use tollgate_lang::{Diagnostics, source::Sources};
use tollgate_llm::{Operation, Peek, Usage, tokens};
use tollgate_state::{Counters, MemoryCache, MemoryCounters, MemoryVectors, TokenLimit};

const CALLS: u64 = 1000;
const LIMIT: u64 = 100_000_000;
const POLICY: &str = r#"<policies><inbound>
    <llm-token-limit counter-key="team" tokens-per-minute="100000000" estimate-prompt-tokens="true" />
    <llm-emit-token-metric namespace="n"><dimension name="API ID" /></llm-emit-token-metric>
</inbound><backend><base /></backend></policies>"#;

/// A provider that answers streams token by token and whole, and adds up what it reports.
#[derive(Default)]
struct Provider {
    reported: Rc<Cell<u64>>,
    open: Rc<Cell<u64>>,
    most_open: Cell<u64>,
    /// Whether it fails what runs on without a caller.
    detached: Cell<u64>,
}

/// What call `n` uses; of no pattern that an estimate could meet by chance.
fn usage_of(n: u64) -> (u64, u64) {
    (100 + n * 7 % 61, 1 + n * 13 % 37)
}

fn piece(at: u64) -> &'static str {
    [" lorem", " ipsum", " dolor", " sit"][usize::try_from(at % 4).unwrap()]
}

impl Transport for Provider {
    fn send<'a>(
        &'a self,
        _origin: &'a Origin,
        request: Request<Body>,
        _options: SendOptions,
    ) -> LocalBoxFuture<'a, Result<Response<Body>, SendError>> {
        Box::pin(async move {
            let body = collect(request.into_body(), 1 << 20).await.unwrap();
            let peek = Peek::new(&body).unwrap();
            let n: u64 = peek.user.as_deref().unwrap().parse().unwrap();
            tokio::task::yield_now().await;
            let (prompt, completion) = usage_of(n);
            let usage = format!(
                r#""usage":{{"prompt_tokens":{prompt},"completion_tokens":{completion},"total_tokens":{}}}"#,
                prompt + completion
            );
            self.open.set(self.open.get() + 1);
            self.most_open
                .set(self.most_open.get().max(self.open.get()));
            let mut events = Vec::new();
            let kind = if peek.stream {
                assert!(peek.include_usage, "the gateway asks for usage");
                for at in 0..completion {
                    events.push(format!(
                        "data: {{\"choices\":[{{\"delta\":{{\"content\":\"{}\"}}}}],\"model\":\"gpt-4o\",\"usage\":null}}\n\n",
                        piece(at)
                    ));
                }
                events.push(format!(
                    "data: {{\"choices\":[],\"model\":\"gpt-4o\",{usage}}}\n\n"
                ));
                events.push(String::from("data: [DONE]\n\n"));
                "text/event-stream"
            } else {
                events.push(format!("{{\"choices\":[],\"model\":\"gpt-4o\",{usage}}}"));
                "application/json"
            };
            let open = Open(self.open.clone());
            let reported = self.reported.clone();
            Ok(answer(kind, events, move |event| {
                let _until_the_body_goes = &open;
                if event.contains("total_tokens") {
                    reported.set(reported.get() + prompt + completion);
                }
            }))
        })
    }

    fn detach(&self, work: LocalBoxFuture<'static, ()>) {
        self.detached.set(self.detached.get() + 1);
        tokio::task::spawn_local(work);
    }
}

/// Counts an answer as open until it is dropped.
struct Open(Rc<Cell<u64>>);

impl Drop for Open {
    fn drop(&mut self) {
        self.0.set(self.0.get() - 1);
    }
}

#[derive(Default)]
pub(crate) struct Ledger {
    settled: AtomicU64,
    metered: AtomicU64,
    left: Mutex<Vec<Usage>>,
}

impl Telemetry for Ledger {
    fn settled(&self, record: &Record<'_>) {
        self.settled.fetch_add(1, Ordering::Relaxed);
        if record.outcome.as_str() == "client_left" {
            let usage = record.exchange.llm.as_ref().and_then(|call| call.usage);
            self.left.lock().unwrap().extend(usage);
        }
    }

    fn token_metric(&self, _namespace: &str, _dimensions: &[(Str, Str)], usage: &Usage) {
        self.metered.fetch_add(usage.total, Ordering::Relaxed);
    }

    fn metric(&self, _: &Str, _: &Str, _: f64, _: &[(Str, Str)]) {}

    fn trace(&self, _: u128, _: &str, _: TraceSeverity, _: &str, _: &[(Str, Str)]) {}
}

struct NoTokens;

impl IdentityTokens for NoTokens {
    fn cached(&self, _: &str, _: Option<&str>) -> Option<Arc<IdentityToken>> {
        None
    }

    fn fetch<'a>(
        &'a self,
        _: &'a str,
        _: Option<&'a str>,
    ) -> LocalBoxFuture<'a, Result<Arc<IdentityToken>, String>> {
        Box::pin(std::future::ready(Err(String::from("none here"))))
    }
}

fn snapshot(usage_timeout: Duration) -> Arc<Snapshot> {
    let mut definition: Definition = Setup::default().definition;
    let text = Arc::<str>::from(POLICY);
    let file = Sources::default().add("policy.xml", text.clone());
    definition.apis[0].policy = Some(PolicyText { file, text });
    definition.gateway.usage_timeout = usage_timeout;
    let mut diagnostics = Diagnostics::default();
    let snapshot = snapshot::build(definition, &mut diagnostics);
    Arc::new(snapshot.unwrap_or_else(|| panic!("{:?}", diagnostics.items())))
}

fn request(n: u64) -> Incoming {
    // A third streams to the end, a third streams and is left, a third is whole.
    let stream = if n % 3 == 2 { "" } else { r#","stream":true"# };
    let body =
        format!(r#"{{"user":"{n}","messages":[{{"role":"user","content":"call {n}"}}]{stream}}}"#);
    chat(n, body)
}

/// A chat's request with this body.
pub(crate) fn chat(n: u64, body: String) -> Incoming {
    let request = Request::post("/openai/deployments/gpt-4o/chat/completions")
        .header("Ocp-Apim-Subscription-Key", "key")
        .header(header::CONTENT_TYPE, "application/json")
        .body(())
        .unwrap();
    Incoming {
        id: u128::from(n),
        scheme: "https",
        authority: Str::from("gateway.test"),
        client_ip: [192, 0, 2, 1].into(),
        on_loopback: false,
        client_certificate: None,
        head: request.into_parts().0,
        body: Body::from(Bytes::from(body)),
        upgrade: None,
    }
}

/// What a thread has, before this provider.
pub(crate) fn services(
    transport: Rc<dyn Transport>,
    telemetry: Arc<dyn Telemetry>,
    counters: Arc<MemoryCounters>,
    snapshot: &Arc<Snapshot>,
) -> Rc<Services> {
    Rc::new(Services {
        clock: Arc::new(FakeClock::default()),
        transport,
        tokens: Arc::new(NoTokens),
        providers: Arc::new(NoOpenIdProviders),
        verified_tokens: Default::default(),
        counters,
        budgets: Arc::default(),
        cache: Arc::new(MemoryCache::new(1 << 20)),
        responses: Arc::new(MemoryCache::new(1 << 20)),
        mcp_sessions: Arc::new(tollgate_state::MemoryCache::new(1 << 20)),
        vectors: Arc::new(MemoryVectors::default()),
        concurrency: Arc::default(),
        graphql_events: Arc::default(),
        ledger: None,
        event_hubs: Default::default(),
        telemetry,
        around: Rc::new(snapshot.clone()),
    })
}

/// Runs all calls at once; gives what the counter says, and the provider and ledger.
fn run(usage_timeout: Duration) -> (u64, Rc<Provider>, Arc<Ledger>, u64) {
    let provider = Rc::new(Provider::default());
    let ledger = Arc::new(Ledger::default());
    let counters = Arc::new(MemoryCounters::default());
    let seen_by_leavers = Rc::new(RefCell::new(0));
    let snapshot = snapshot(usage_timeout);
    let services = services(
        provider.clone(),
        ledger.clone(),
        counters.clone(),
        &snapshot,
    );
    let runtime = tokio::runtime::Builder::new_current_thread()
        .build()
        .unwrap();
    let local = tokio::task::LocalSet::new();
    for n in 0..CALLS {
        let (snapshot, services, seen) =
            (snapshot.clone(), services.clone(), seen_by_leavers.clone());
        local.spawn_local(async move {
            let response = serve(snapshot, services, request(n)).await;
            assert_eq!(response.status(), 200);
            let mut body = Box::pin(response.into_body());
            let leaves = (n % 3 == 1).then(|| n % (usage_of(n).1 + 1));
            let (mut chunks, mut text) = (0, String::new());
            while leaves.is_none_or(|most| chunks < most) {
                match std::future::poll_fn(|cx| body.as_mut().poll_frame(cx)).await {
                    Some(frame) => {
                        let data = frame.unwrap().into_data().unwrap();
                        assert!(
                            n % 3 == 2 || memchr::memmem::find(&data, b"total_tokens").is_none()
                        );
                        // An event may come in slices; it was passed when its first one was.
                        for _ in memchr::memmem::find_iter(&data, b"data: ") {
                            text.push_str(piece(chunks));
                            chunks += 1;
                        }
                    }
                    None => break,
                }
            }
            if leaves.is_some() {
                let asked = request(n).body;
                let asked = collect(asked, 1 << 20).await.unwrap();
                let prompt = tokens::estimate_prompt(
                    Operation::ChatCompletions,
                    &Peek::new(&asked).unwrap(),
                    Some("gpt-4o"),
                );
                *seen.borrow_mut() += prompt.tokens + tokens::count("gpt-4o", &text);
            }
        });
    }
    runtime.block_on(local);
    let limit = TokenLimit {
        per_minute: Some(LIMIT),
        quota: None,
    };
    let left = counters.tokens_left("team", limit, services.clock.moment());
    let left = left
        .now()
        .unwrap_or_else(|_| panic!("memory answers at once"));
    let seen = *seen_by_leavers.borrow();
    (LIMIT - left.per_minute.unwrap(), provider, ledger, seen)
}

#[test]
fn what_is_counted_is_what_the_provider_reported() {
    let (counted, provider, ledger, _) = run(Duration::from_secs(30));
    let all: u64 = (0..CALLS)
        .map(usage_of)
        .map(|(prompt, completion)| prompt + completion)
        .sum();
    assert_eq!(
        provider.reported.get(),
        all,
        "every answer was read to its usage"
    );
    assert_eq!(counted, all);
    assert_eq!(ledger.metered.load(Ordering::Relaxed), all);
    assert_eq!(ledger.settled.load(Ordering::Relaxed), CALLS);
    assert!(
        provider.most_open.get() > CALLS / 2,
        "the calls were in flight together"
    );
    assert_eq!(provider.open.get(), 0);
    assert_eq!(provider.detached.get(), CALLS / 3);
    assert!(
        ledger
            .left
            .lock()
            .unwrap()
            .iter()
            .all(|usage| !usage.estimated)
    );
}

#[test]
fn without_reading_on_what_was_seen_is_counted() {
    let (counted, provider, ledger, seen) = run(Duration::ZERO);
    assert_eq!(provider.detached.get(), 0);
    assert_eq!(provider.open.get(), 0);
    assert_eq!(counted, provider.reported.get() + seen);
    assert_eq!(ledger.metered.load(Ordering::Relaxed), counted);
    assert_eq!(ledger.settled.load(Ordering::Relaxed), CALLS);
    let left = ledger.left.lock().unwrap();
    assert!(left.iter().all(|usage| usage.estimated));
    assert_eq!(left.iter().map(|usage| usage.total).sum::<u64>(), seen);
}
