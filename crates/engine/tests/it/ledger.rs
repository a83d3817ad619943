//! What the ledger says of calls; the ways in which one ends are a table in `ends`.

mod ends;

use bytes::Bytes;
use http::{HeaderMap, Request, Response, StatusCode, header};
use http_body::{Body as _, Frame};
use std::cell::RefCell;
use std::collections::VecDeque;
use std::path::PathBuf;
use std::pin::Pin;
use std::rc::Rc;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::task::{Context, Poll};
use tollgate_engine::accounting::{Ledger, LedgerOptions, OnFailure};
use tollgate_engine::body::{Body, BodyError};
use tollgate_engine::definition::{Definition, PolicyText};
use tollgate_engine::fixture::{FakeClock, Setup, offline};
use tollgate_engine::pipeline::{Incoming, serve};
use tollgate_engine::services::{
    Origin, SendError, SendOptions, Services, Telemetry, TraceSeverity, Transport,
};
use tollgate_engine::settle::Record as Settled;
use tollgate_engine::{LocalBoxFuture, snapshot};
use tollgate_lang::value::Str;
use tollgate_lang::{Diagnostics, source::Sources};
use tollgate_llm::usage::Usage;
use tollgate_state::ledger::{
    Day, EndReason, Flags, Intent, Options, Period, Reader, Record, Settlement,
};

const CHAT: &str = "/openai/deployments/gpt-4o/chat/completions";
pub(super) const ASK: &str = r#"{"messages":[{"role":"user","content":"Name a river."}]}"#;
const ASK_STREAM: &str =
    r#"{"messages":[{"role":"user","content":"Name a river."}],"stream":true}"#;
pub(super) const WHOLE: &str = r#"{"choices":[{"message":{"content":"Elbe"},"finish_reason":"stop"}],"model":"gpt-4o-2024-08-06","usage":{"prompt_tokens":11,"completion_tokens":3,"total_tokens":14,"prompt_tokens_details":{"cached_tokens":4}}}"#;
const DELTA: &str = "data: {\"choices\":[{\"delta\":{\"content\":\"Elbe\"},\"finish_reason\":null}],\"model\":\"gpt-4o\",\"usage\":null}\n\n";
const STOP: &str = "data: {\"choices\":[{\"delta\":{},\"finish_reason\":\"stop\"}],\"model\":\"gpt-4o\",\"usage\":null}\n\n";
const USAGE: &str = "data: {\"choices\":[],\"model\":\"gpt-4o\",\"usage\":{\"prompt_tokens\":11,\"completion_tokens\":3,\"total_tokens\":14}}\n\n";
const DONE: &str = "data: [DONE]\n\n";
pub(super) const PASS: &str =
    "<policies><inbound /><backend><forward-request /></backend></policies>";

/// What the provider does with a call.
#[derive(Clone, Copy)]
pub(super) enum Does {
    /// Answers whole.
    Answers(u16, &'static str),
    /// Streams these parts.
    Streams(&'static [&'static str]),
    /// Streams these parts, then breaks.
    Breaks(&'static [&'static str]),
    /// Does not answer in time.
    IsLate,
    /// Cannot be reached.
    IsAway,
    /// Never answers: the caller leaves.
    Hangs,
}

#[derive(Default)]
pub(super) struct Provider {
    pub(super) script: RefCell<VecDeque<Does>>,
    ids: RefCell<Vec<String>>,
    /// What runs on without a caller.
    detached: RefCell<Vec<LocalBoxFuture<'static, ()>>>,
}

struct Parts {
    parts: VecDeque<&'static str>,
    breaks: bool,
}

impl http_body::Body for Parts {
    type Data = Bytes;
    type Error = BodyError;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        _: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, BodyError>>> {
        Poll::Ready(match self.parts.pop_front() {
            Some(part) => Some(Ok(Frame::data(Bytes::from_static(part.as_bytes())))),
            None if self.breaks => Some(Err(BodyError::Other(String::from("reset")))),
            None => None,
        })
    }
}

impl Transport for Provider {
    fn detach(&self, work: LocalBoxFuture<'static, ()>) {
        self.detached.borrow_mut().push(work);
    }

    fn send<'a>(
        &'a self,
        _: &'a Origin,
        request: Request<Body>,
        options: SendOptions,
    ) -> LocalBoxFuture<'a, Result<Response<Body>, SendError>> {
        Box::pin(async move {
            let id = |name: &str| {
                request
                    .headers()
                    .get(name)
                    .map(|id| id.to_str().unwrap().to_owned())
            };
            let own = id("tollgate-request-id").or_else(|| id("x-client-request-id"));
            self.ids.borrow_mut().extend(own);
            let does = self
                .script
                .borrow_mut()
                .pop_front()
                .expect("one more call than expected");
            let (kind, body, status) = match does {
                Does::Answers(status, body) => (
                    "application/json",
                    Body::from(Bytes::from_static(body.as_bytes())),
                    status,
                ),
                Does::Streams(parts) | Does::Breaks(parts) => {
                    let parts = Parts {
                        parts: parts.iter().copied().collect(),
                        breaks: matches!(does, Does::Breaks(_)),
                    };
                    ("text/event-stream", Body::Stream(Box::pin(parts)), 200)
                }
                Does::IsLate => return Err(SendError::Timeout(options.timeout)),
                Does::IsAway => return Err(SendError::Connect(String::from("refused"))),
                Does::Hangs => std::future::pending().await,
            };
            let mut response = Response::new(body);
            *response.status_mut() = StatusCode::from_u16(status).unwrap();
            response
                .headers_mut()
                .insert(header::CONTENT_TYPE, kind.parse().unwrap());
            Ok(response)
        })
    }
}

/// Nobody looks at metrics here.
struct Silent;

impl Telemetry for Silent {
    fn settled(&self, _: &Settled<'_>) {}
    fn token_metric(&self, _: &str, _: &[(Str, Str)], _: &Usage) {}
    fn metric(&self, _: &Str, _: &Str, _: f64, _: &[(Str, Str)]) {}
    fn trace(&self, _: u128, _: &str, _: TraceSeverity, _: &str, _: &[(Str, Str)]) {}
}

/// A gateway of one API with a ledger.
pub(super) struct Scene {
    path: PathBuf,
    pub(super) provider: Rc<Provider>,
    pub(super) services: Rc<Services>,
    pub(super) snapshot: Arc<tollgate_engine::Snapshot>,
    ledger: Arc<tollgate_state::ledger::Ledger>,
}

impl Drop for Scene {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.path);
    }
}

impl Scene {
    pub(super) fn new(policy: &str, options: LedgerOptions) -> Scene {
        Scene::with(policy, options, |_| ())
    }

    /// With more in its configuration.
    pub(super) fn with(
        policy: &str,
        options: LedgerOptions,
        more: impl FnOnce(&mut Definition),
    ) -> Scene {
        static COUNT: AtomicU32 = AtomicU32::new(0);
        let count = COUNT.fetch_add(1, Ordering::Relaxed);
        let path = std::env::temp_dir().join(format!(
            "tollgate-accounting-{}-{count}",
            std::process::id()
        ));
        let mut definition = Setup::default().definition;
        let text = Arc::<str>::from(policy);
        let file = Sources::default().add("policy.xml", text.clone());
        definition.apis[0].service_url = Some(Arc::from("https://east.openai.azure.com"));
        definition.apis[0].policy = Some(PolicyText { file, text });
        more(&mut definition);
        let mut diagnostics = Diagnostics::default();
        let snapshot = snapshot::build(definition, &mut diagnostics);
        let snapshot = Arc::new(snapshot.unwrap_or_else(|| panic!("{:?}", diagnostics.items())));
        let clock = FakeClock::default();
        let provider = Rc::new(Provider::default());
        let services = offline(&snapshot, &clock, provider.clone(), Arc::new(Silent));
        let now = services.clock.unix_millis();
        let ledger = tollgate_state::ledger::Ledger::open(
            &path,
            &Options::default(),
            Arc::new(move || now),
            Arc::new(()),
        )
        .unwrap();
        let services = Rc::new(Services {
            ledger: Some(Rc::new(Ledger::new(ledger.writer(), options))),
            ..services
        });
        Scene {
            path,
            provider,
            services,
            snapshot,
            ledger,
        }
    }

    /// One call. `most`: how many parts of the answer the caller takes before it leaves.
    pub(super) async fn call(
        &self,
        request: Request<&'static str>,
        most: Option<usize>,
    ) -> (StatusCode, HeaderMap) {
        let incoming = incoming(request);
        let mut serving = Box::pin(serve(
            self.snapshot.clone(),
            self.services.clone(),
            incoming,
        ));
        let response = std::future::poll_fn(|cx| match serving.as_mut().poll(cx) {
            Poll::Ready(response) => Poll::Ready(Some(response)),
            // Only a provider that hangs makes anybody wait here.
            Poll::Pending => Poll::Ready(None),
        })
        .await;
        drop(serving);
        let Some(response) = response else {
            return (StatusCode::OK, HeaderMap::new());
        };
        let (head, body) = response.into_parts();
        let mut body = Box::pin(body);
        let mut taken = 0;
        while most.is_none_or(|most| taken < most) {
            match std::future::poll_fn(|cx| body.as_mut().poll_frame(cx)).await {
                Some(Ok(_)) => taken += 1,
                Some(Err(_)) | None => break,
            }
        }
        drop(body);
        let detached = std::mem::take(&mut *self.provider.detached.borrow_mut());
        for work in detached {
            work.await;
        }
        (head.status, head.headers)
    }

    pub(super) fn read(&self) -> (Vec<Intent<'static>>, Vec<Settlement<'static>>) {
        let (mut intents, mut settlements) = (Vec::new(), Vec::new());
        for record in Reader::open(&self.path, Period::ALL).unwrap() {
            match record.unwrap() {
                Record::Intent(intent) => intents.push(intent),
                Record::Settlement(settlement) => settlements.push(settlement),
                other => panic!("{other:?}"),
            }
        }
        (intents, settlements)
    }
}

pub(super) fn chat(body: &'static str) -> Request<&'static str> {
    Request::post(CHAT)
        .header("Ocp-Apim-Subscription-Key", "key")
        .header(header::CONTENT_TYPE, "application/json")
        .body(body)
        .unwrap()
}

/// The request as a listener hands it over.
fn incoming(request: Request<&'static str>) -> Incoming {
    let (head, body) = request.into_parts();
    Incoming {
        id: 7,
        scheme: "https",
        authority: Str::from("gateway.test"),
        client_ip: [192, 0, 2, 1].into(),
        on_loopback: false,
        client_certificate: None,
        head,
        body: Body::from(Bytes::from_static(body.as_bytes())),
        upgrade: None,
    }
}

/// Runs one call on a runtime of its own.
pub(super) fn run<F: Future>(work: F) -> F::Output {
    tokio::runtime::Builder::new_current_thread()
        .build()
        .unwrap()
        .block_on(work)
}

#[test]
fn an_answer_is_priced_and_named() {
    let scene = Scene::new(PASS, LedgerOptions::default());
    scene
        .provider
        .script
        .borrow_mut()
        .push_back(Does::Answers(200, WHOLE));
    let mut request = chat(ASK);
    request
        .headers_mut()
        .insert("x-agent-run-id", "run-3".parse().unwrap());
    run(scene.call(request, None));
    let (intents, settlements) = scene.read();
    let (intent, settlement) = (&intents[0], &settlements[0]);
    assert_eq!((intent.call.id, &*intent.call.agent_run), (7, "run-3"));
    assert_eq!(
        (&*intent.call.deployment, intent.call.stream),
        ("gpt-4o", false)
    );
    assert_eq!(settlement.served_model, "gpt-4o-2024-08-06");
    assert_eq!(
        (settlement.status, settlement.attempts, settlement.total),
        (200, 1, 14)
    );
    // 7 at 2.50, 4 at 1.25 and 3 at 10.00 dollars for a million.
    assert_eq!(settlement.cost_pico, Some(52_500_000));
    assert!(!settlement.price_version.is_empty());
    let id = uuid::Uuid::from_u128(7).to_string();
    assert_eq!(*scene.provider.ids.borrow(), [id]);
}

#[test]
fn attempts_that_may_have_cost_have_records_of_their_own() {
    const RETRIES: &str = "<policies><inbound /><backend><retry condition=\"@(context.Response == null || context.Response.StatusCode == 429 || context.Response.Body.As<string>(preserveContent: true).Contains(\"again\"))\" count=\"5\" interval=\"0\"><forward-request buffer-request-body=\"true\" /></retry></backend></policies>";
    let scene = Scene::new(RETRIES, LedgerOptions::default());
    scene.provider.script.borrow_mut().extend([
        Does::Answers(429, "again"),
        Does::Answers(200, r#"{"choices":[{"message":{"content":"again"}}],"usage":{"prompt_tokens":5,"completion_tokens":6}}"#),
        Does::Answers(200, WHOLE),
    ]);
    run(scene.call(chat(ASK), None));
    let (intents, settlements) = scene.read();
    assert_eq!(intents.len(), 1);
    let seen: Vec<_> = settlements
        .iter()
        .map(|s| (s.call.attempt, s.end, s.tokens.sum(), s.attempts))
        .collect();
    // The 429 cost nothing; the good answer that was dropped did.
    assert_eq!(
        seen,
        [(2, EndReason::Done, 11, 2), (0, EndReason::Done, 14, 3)]
    );
    let id = uuid::Uuid::from_u128(7);
    let ids = [format!("{id}"), format!("{id}-1"), format!("{id}-2")];
    assert_eq!(*scene.provider.ids.borrow(), ids);
}

#[test]
fn a_callers_own_id_stays() {
    let scene = Scene::new(PASS, LedgerOptions::default());
    scene
        .provider
        .script
        .borrow_mut()
        .push_back(Does::Answers(200, WHOLE));
    let mut request = chat(ASK);
    request
        .headers_mut()
        .insert("x-client-request-id", "mine".parse().unwrap());
    run(scene.call(request, None));
    let id = uuid::Uuid::from_u128(7).to_string();
    assert_eq!(*scene.provider.ids.borrow(), [id]);
}

#[test]
fn what_is_no_model_call_is_not_accounted() {
    for request in [
        Request::get(CHAT)
            .header("Ocp-Apim-Subscription-Key", "key")
            .body("")
            .unwrap(),
        Request::post("/orders")
            .header("Ocp-Apim-Subscription-Key", "key")
            .body(ASK)
            .unwrap(),
        // Nobody vouches for this one.
        Request::post(CHAT)
            .header("Ocp-Apim-Subscription-Key", "wrong")
            .body(ASK)
            .unwrap(),
    ] {
        let scene = Scene::new(PASS, LedgerOptions::default());
        scene
            .provider
            .script
            .borrow_mut()
            .push_back(Does::Answers(200, WHOLE));
        run(scene.call(request, None));
        assert_eq!(scene.read(), (Vec::new(), Vec::new()));
        assert!(scene.provider.ids.borrow().is_empty());
    }
}

/// Makes writing impossible: a file stands where the day's folder should be.
fn block(scene: &Scene) -> PathBuf {
    let day = Day::of(scene.services.clock.unix_millis()).to_string();
    let path = scene.path.join(day);
    std::fs::write(&path, "").unwrap();
    path
}

#[test]
fn without_its_ledger_a_call_is_refused() {
    const TELLS: &str = "<policies><inbound /><backend><forward-request /></backend><on-error><set-header name=\"x-reason\"><value>@(context.LastError.Source + \" \" + context.LastError.Reason)</value></set-header></on-error></policies>";
    let scene = Scene::new(TELLS, LedgerOptions::default());
    let blocked = block(&scene);
    let (status, headers) = run(scene.call(chat(ASK), None));
    assert_eq!(status, 503);
    assert_eq!(headers["retry-after"], "5");
    assert_eq!(headers["x-reason"], "ledger LedgerUnavailable");
    assert!(scene.provider.ids.borrow().is_empty());
    assert_eq!(
        (
            scene.ledger.numbers().refused,
            scene.ledger.numbers().queued
        ),
        (1, 0)
    );
    std::fs::remove_file(blocked).unwrap();
    scene
        .provider
        .script
        .borrow_mut()
        .push_back(Does::Answers(200, WHOLE));
    assert_eq!(run(scene.call(chat(ASK), None)).0, 200);
    assert_eq!(scene.read().1.len(), 1);
}

#[test]
fn without_its_ledger_a_call_goes_on_where_that_is_configured() {
    let options = LedgerOptions {
        on_failure: OnFailure::Degrade,
        ..LedgerOptions::default()
    };
    let scene = Scene::new(PASS, options);
    let blocked = block(&scene);
    scene
        .provider
        .script
        .borrow_mut()
        .extend([Does::Answers(200, WHOLE); 2]);
    assert_eq!(run(scene.call(chat(ASK), None)).0, 200);
    assert_eq!(
        (
            scene.ledger.numbers().unrecorded,
            scene.ledger.numbers().queued
        ),
        (1, 1)
    );
    std::fs::remove_file(blocked).unwrap();
    assert_eq!(run(scene.call(chat(ASK), None)).0, 200);
    let (intents, settlements) = scene.read();
    assert_eq!((intents.len(), settlements.len()), (1, 2));
    assert!(settlements[0].flags.has(Flags::NO_INTENT));
    assert!(!settlements[1].flags.has(Flags::NO_INTENT));
}

#[test]
fn a_call_waits_for_the_disk_where_that_is_configured() {
    let options = LedgerOptions {
        to_disk: true,
        ..LedgerOptions::default()
    };
    let scene = Scene::new(PASS, options);
    scene
        .provider
        .script
        .borrow_mut()
        .push_back(Does::Answers(200, WHOLE));
    let request = incoming(chat(ASK));
    let response = run(serve(
        scene.snapshot.clone(),
        scene.services.clone(),
        request,
    ));
    assert_eq!(response.status(), 200);
    drop(response);
    assert!(scene.ledger.numbers().syncs >= 1);
}
