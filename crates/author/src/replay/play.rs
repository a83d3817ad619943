//! One recorded request through a compiled configuration, with the recorded answers of upstreams.
//!
//! What must stay true: nothing is waited for in real time, and nothing leaves the process.

use super::Outcome;
use super::recording::millis;
use bytes::Bytes;
use http::{
    HeaderMap, HeaderName, HeaderValue, Method, Request, Response, StatusCode, Uri, header,
};
use http_body::Body as _;
use std::cell::RefCell;
use std::collections::HashMap;
use std::future::poll_fn;
use std::net::{IpAddr, Ipv4Addr};
use std::pin::pin;
use std::rc::Rc;
use std::str::FromStr;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;
use tollgate_control::Loaded;
use tollgate_engine::Exchange;
use tollgate_engine::clock::Clock;
use tollgate_engine::fixture::{FakeClock, offline};
use tollgate_engine::pipeline::{Incoming, serve_with};
use tollgate_engine::probe::{Event, Probe};
use tollgate_engine::recording::{
    OnBehalfOf, Recorded, RecordedCall, RecordedUsage, pseudonym, usage,
};
use tollgate_engine::services::{
    Origin, SendError, SendOptions, Services, Telemetry, TraceSeverity, Transport,
};
use tollgate_engine::settle::Record;
use tollgate_engine::{Body, LocalBoxFuture, Snapshot};
use tollgate_lang::value::Str;

/// Headers that differ from call to call and say nothing.
const PASSING: [&str; 12] = [
    "tollgate-request-id",
    "date",
    "age",
    "server",
    "x-request-id",
    "x-ms-request-id",
    "apim-request-id",
    "traceparent",
    "content-length",
    "transfer-encoding",
    "connection",
    "set-cookie",
];

/// A gateway that plays.
pub(super) struct Player {
    snapshot: Arc<Snapshot>,
    services: Rc<Services>,
    clock: FakeClock,
    upstream: Rc<Answers>,
    settled: Arc<Settled>,
    /// Header and key of a subscription, by its pseudonym.
    keys: HashMap<String, Arc<str>>,
    played: u128,
}

impl Player {
    pub(super) fn new(loaded: &Loaded) -> Player {
        let snapshot = loaded.snapshot.clone().unwrap_or_else(|| {
            let nothing = tollgate_engine::definition::Definition::default();
            let built = tollgate_engine::snapshot::build(nothing, &mut Default::default());
            Arc::new(built.expect("a configuration of nothing is sound"))
        });
        let clock = FakeClock::default();
        let upstream = Rc::new(Answers {
            clock: clock.clone(),
            calls: RefCell::default(),
            made: RefCell::default(),
            used: RefCell::default(),
            detached: RefCell::default(),
        });
        let settled = Arc::new(Settled::default());
        let services = offline(&snapshot, &clock, upstream.clone(), settled.clone());
        let subscriptions = snapshot.subscriptions.iter();
        let keys = subscriptions
            .map(|s| (pseudonym(&s.id), s.primary_key.expose().clone()))
            .collect();
        Player {
            services: Rc::new(services),
            snapshot,
            clock,
            upstream,
            settled,
            keys,
            played: 0,
        }
    }

    /// Serves a request at its time; gives what came of it.
    pub(super) fn play(&mut self, record: &Recorded) -> Outcome {
        self.turn(&record.time);
        let Some(incoming) = self.incoming(record) else {
            return Outcome::default();
        };
        self.upstream
            .calls
            .replace(record.calls.iter().map(|call| Some(call.clone())).collect());
        self.upstream.used.replace(record.usage.clone());
        self.upstream.made.take();
        self.settled.take();
        let work = answer(self.snapshot.clone(), self.services.clone(), incoming);
        let answered = self.clock.drive(work);
        for work in self.upstream.detached.take() {
            // What nobody waits for may wait for good.
            let _ = self.clock.drive(work);
        }
        let (error, usage) = self.settled.take();
        let made = self.upstream.made.take();
        let (status, headers) = answered.unwrap_or((StatusCode::GATEWAY_TIMEOUT, HeaderMap::new()));
        Outcome {
            status: status.as_u16(),
            error,
            calls: made.urls,
            usage,
            headers: lasting(headers.iter().map(|(name, value)| {
                let value = String::from_utf8_lossy(value.as_bytes()).into_owned();
                (name.as_str(), value)
            })),
            unknown: made.unknown,
        }
    }

    fn turn(&self, time: &str) {
        let wanted = u64::try_from(millis(time))
            .unwrap_or(0)
            .saturating_mul(1_000_000);
        let now = self.clock.unix_nanos();
        if self.played == 0 && wanted < now {
            self.clock.set_unix_nanos(wanted);
        } else {
            self.clock
                .advance(Duration::from_nanos(wanted.saturating_sub(now)));
        }
    }

    fn incoming(&mut self, record: &Recorded) -> Option<Incoming> {
        let recorded = &record.request;
        let mut request = Request::new(());
        *request.method_mut() = Method::from_str(&recorded.method).ok()?;
        *request.uri_mut() = Uri::from_str(&recorded.target).ok()?;
        let headers = request.headers_mut();
        for (name, value) in &recorded.headers {
            if let (Ok(name), Ok(value)) =
                (HeaderName::from_str(name), HeaderValue::from_str(value))
            {
                headers.append(name, value);
            }
        }
        let uri = Uri::from_str(&recorded.target).ok()?;
        let api = self.snapshot.router.api(uri.path(), uri.query(), headers);
        let api = api.and_then(|found| self.snapshot.apis.get(found.api as usize));
        if let Some(subscription) = &recorded.subscription {
            // A subscription that is gone has a key that nobody knows.
            let key = self
                .keys
                .get(subscription)
                .map_or(&**subscription, |key| key);
            let name = api.map_or_else(
                || HeaderName::from_static("ocp-apim-subscription-key"),
                |api| api.key_header.clone(),
            );
            headers.insert(name, HeaderValue::from_str(key).ok()?);
        }
        let body = match &recorded.body.body {
            Some(text) => Bytes::from(text.clone()),
            None => Bytes::new(),
        };
        headers.remove(header::TRANSFER_ENCODING);
        if headers.contains_key(header::CONTENT_LENGTH) || !body.is_empty() {
            headers.insert(header::CONTENT_LENGTH, HeaderValue::from(body.len()));
        }
        self.played += 1;
        let client_ip = recorded
            .client_ip
            .parse()
            .unwrap_or(IpAddr::V4(Ipv4Addr::UNSPECIFIED));
        Some(Incoming {
            id: self.played,
            scheme: if recorded.scheme == "http" {
                "http"
            } else {
                "https"
            },
            authority: Str::from(recorded.authority.as_str()),
            client_ip,
            on_loopback: client_ip.is_loopback(),
            client_certificate: None,
            head: request.into_parts().0,
            body: Body::from(body),
            upgrade: None,
        })
    }
}

/// Looks at nothing.
struct Unseen;

impl Probe for Unseen {
    fn tell(&self, _rq: &Exchange, _event: &Event<'_>) {}
}

async fn answer(
    snapshot: Arc<Snapshot>,
    services: Rc<Services>,
    incoming: Incoming,
) -> (StatusCode, HeaderMap) {
    // Watched as it was recorded, so that the same calls are told apart.
    let response = serve_with(snapshot, services, incoming, Some(Rc::new(Unseen))).await;
    let (head, body) = response.into_parts();
    let mut body = pin!(body);
    while let Some(Ok(_)) = poll_fn(|cx| body.as_mut().poll_frame(cx)).await {}
    (head.status, head.headers)
}

/// A call without its query, whose version and keys say nothing of where it goes.
pub(super) fn called(method: &str, url: &str) -> String {
    let url = url.split_once('?').map_or(url, |(url, _)| url);
    format!("{method} {url}")
}

/// The headers that are compared, sorted.
pub(super) fn lasting<'a>(
    headers: impl Iterator<Item = (&'a str, String)>,
) -> Vec<(String, String)> {
    let mut kept: Vec<(String, String)> = headers
        .map(|(name, value)| (name.to_ascii_lowercase(), value))
        .filter(|(name, _)| !PASSING.contains(&name.as_str()))
        .collect();
    kept.sort();
    kept
}

/// Upstreams that answer as they did.
struct Answers {
    clock: FakeClock,
    /// The calls of the request; `None`: its answer was given.
    calls: RefCell<Vec<Option<RecordedCall>>>,
    made: RefCell<Made>,
    /// What the request used, for an answer whose body was not recorded.
    used: RefCell<Option<RecordedUsage>>,
    detached: RefCell<Vec<LocalBoxFuture<'static, ()>>>,
}

#[derive(Default)]
struct Made {
    urls: Vec<String>,
    unknown: usize,
}

impl Answers {
    /// The answer of the call that was most like this one.
    fn next(&self, method: &Method, url: &str) -> Option<RecordedCall> {
        let mut calls = self.calls.borrow_mut();
        let path = |url: &str| {
            let from = url.find("://").map_or(0, |at| at + 3);
            let path = url[from..].find('/').map_or("", |at| &url[from + at..]);
            path.split('?').next().unwrap_or_default().to_owned()
        };
        let wanted = called(method.as_str(), url);
        let fits: [&dyn Fn(&RecordedCall) -> bool; 3] = [
            &|call| called(&call.method, &call.url) == wanted,
            &|call| call.method == method.as_str() && path(&call.url) == path(url),
            &|call| call.method == method.as_str(),
        ];
        let at = fits
            .iter()
            .find_map(|fit| calls.iter().position(|call| call.as_ref().is_some_and(fit)))?;
        calls[at].take()
    }
}

impl Transport for Answers {
    fn detach(&self, work: LocalBoxFuture<'static, ()>) {
        self.detached.borrow_mut().push(work);
    }

    fn send<'a>(
        &'a self,
        origin: &'a Origin,
        request: Request<Body>,
        options: SendOptions,
    ) -> LocalBoxFuture<'a, Result<Response<Body>, SendError>> {
        Box::pin(async move {
            let scheme = if origin.tls.is_some() {
                "https"
            } else {
                "http"
            };
            let url = format!("{scheme}://{}{}", origin.authority, request.uri());
            if request.extensions().get::<OnBehalfOf>().is_none() {
                // A message to a service: it is not recorded, and nothing is made of its answer.
                return Ok(json(StatusCode::CREATED, "{}"));
            }
            let call = called(request.method().as_str(), &url);
            self.made.borrow_mut().urls.push(call);
            let Some(recorded) = self.next(request.method(), &url) else {
                self.made.borrow_mut().unknown += 1;
                return Ok(json(StatusCode::OK, "{}"));
            };
            let took = Duration::from_millis(recorded.took_ms).min(options.timeout);
            if !took.is_zero() {
                self.clock.sleep(took).await;
            }
            match StatusCode::from_u16(recorded.status) {
                Ok(status) => Ok(response(status, &recorded, self.used.borrow().as_ref())),
                Err(_) => Err(match recorded.failure.as_deref() {
                    Some("timeout") => SendError::Timeout(options.timeout),
                    Some("protocol") => SendError::Protocol(String::from("as recorded")),
                    _ => SendError::Connect(String::from("as recorded")),
                }),
            }
        })
    }
}

fn json(status: StatusCode, text: &str) -> Response<Body> {
    let mut response = Response::new(Body::from(Bytes::from(text.to_owned())));
    *response.status_mut() = status;
    let kind = HeaderValue::from_static("application/json");
    response.headers_mut().insert(header::CONTENT_TYPE, kind);
    response
}

/// A recorded answer. Without its body it says what the request used and nothing else.
fn response(
    status: StatusCode,
    recorded: &RecordedCall,
    used: Option<&RecordedUsage>,
) -> Response<Body> {
    let is_stream = recorded.headers.iter().any(|(name, value)| {
        name.eq_ignore_ascii_case("content-type") && value.starts_with("text/event-stream")
    });
    let text = match (&recorded.body.body, used) {
        (Some(text), _) => text.clone(),
        (None, Some(used)) if status.is_success() => {
            let answer = serde_json::json!({
                "model": used.model,
                "choices": [],
                "usage": {
                    "prompt_tokens": used.input,
                    "completion_tokens": used.output,
                    "total_tokens": used.total,
                },
            });
            if is_stream {
                format!("data: {answer}\n\ndata: [DONE]\n\n")
            } else {
                answer.to_string()
            }
        }
        (None, _) => String::new(),
    };
    let mut response = Response::new(Body::from(Bytes::from(text)));
    *response.status_mut() = status;
    for (name, value) in &recorded.headers {
        if let (Ok(name), Ok(value)) = (HeaderName::from_str(name), HeaderValue::from_str(value)) {
            response.headers_mut().append(name, value);
        }
    }
    // The body is the recorded text, if any: neither its length nor its coding is what it was.
    let headers = response.headers_mut();
    headers.remove(header::TRANSFER_ENCODING);
    headers.remove(header::CONTENT_LENGTH);
    headers.remove(header::CONTENT_ENCODING);
    response
}

/// What a request settled with: the last error, and what it used.
type Ended = (Option<(String, String)>, Option<RecordedUsage>);

#[derive(Default)]
struct Settled(Mutex<Ended>);

impl Settled {
    fn take(&self) -> Ended {
        std::mem::take(&mut *self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

impl Telemetry for Settled {
    fn settled(&self, record: &Record<'_>) {
        let rq = record.exchange;
        if rq.inner.is_some() {
            return;
        }
        let error = rq.last_error.as_ref();
        let error = error.map(|e| (e.source.to_owned(), e.reason.to_owned()));
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = (error, usage(rq));
    }

    fn token_metric(&self, _: &str, _: &[(Str, Str)], _: &tollgate_llm::usage::Usage) {}

    fn metric(&self, _: &Str, _: &Str, _: f64, _: &[(Str, Str)]) {}

    fn trace(&self, _: u128, _: &str, _: TraceSeverity, _: &str, _: &[(Str, Str)]) {}
}
