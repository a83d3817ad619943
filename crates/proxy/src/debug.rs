//! Traces of requests on a running gateway: who may have one, where it is kept, what the answer says of it.
//!
//! `POST /debug/credentials` on the management listener issues a token for one API (API Management: list debug
//! credentials); a caller sends it as `Apim-Debug-Authorization` and finds `Apim-Trace-Id` on the answer; `GET
//! /debug/traces/ID` gives the trace. The older `Ocp-Apim-Trace: true` works with a key whose subscription allows tracing.
//! What must stay true: a gateway that never issued a token looks at no header for one; tokens and traces are bounded
//! and end; neither header reaches a backend; a token that does not hold changes nothing but one header of the answer.

use crate::thread::Thread;
use http::request::Parts;
use http::{HeaderMap, HeaderName, HeaderValue};
use serde::Deserialize;
use serde_json::{Value, json};
use std::cell::Cell;
use std::collections::{HashMap, VecDeque};
use std::rc::Rc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;
use tollgate_engine::Snapshot;
use tollgate_engine::clock::Clock;
use tollgate_engine::probe::Probe;
use tollgate_engine::trace::{Recorder, Trace};

/// Longest life of a token (API Management's maximum, and its default).
const LONGEST: Duration = Duration::from_secs(3600);

/// How long an ended token is still known, so that its caller learns that it ended.
const REMEMBERED: Duration = Duration::from_secs(24 * 3600);

/// Most tokens that are known.
const MOST_TOKENS: usize = 1024;

/// How long a trace is kept.
const KEPT: Duration = Duration::from_secs(3600);

/// Most traces, and most bytes of all of them.
const MOST_TRACES: usize = 512;
const MOST_BYTES: usize = 64 << 20;

static AUTHORIZATION: HeaderName = HeaderName::from_static("apim-debug-authorization");
static EXPIRED: HeaderName = HeaderName::from_static("apim-debug-authorization-expired");
static WRONG_API: HeaderName = HeaderName::from_static("apim-debug-authorization-wrongapi");
static INVALID: HeaderName = HeaderName::from_static("apim-debug-authorization-invalid");
static TRACE_ID: HeaderName = HeaderName::from_static("apim-trace-id");
static OLD: HeaderName = HeaderName::from_static("ocp-apim-trace");
static LOCATION: HeaderName = HeaderName::from_static("ocp-apim-trace-location");

/// Tokens and traces of a gateway.
#[derive(Default)]
pub(crate) struct Debug {
    /// Whether a token was ever issued.
    awake: AtomicBool,
    tokens: Mutex<HashMap<String, Token>>,
    traces: Mutex<Traces>,
}

#[derive(Clone)]
struct Token {
    secret: String,
    api: Arc<str>,
    expires_millis: u64,
}

#[derive(Default)]
struct Traces {
    all: VecDeque<(String, u64, Arc<str>)>,
    bytes: usize,
}

/// What `POST /debug/credentials` takes, as API Management names it.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Wanted {
    api_id: String,
    credentials_expire_after: Option<String>,
    #[serde(default)]
    purposes: Vec<String>,
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

fn millis(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}

impl Debug {
    /// Issues a token. The error says what is wrong with the request.
    pub(crate) fn issue(
        &self,
        body: &[u8],
        snapshot: &Snapshot,
        clock: &dyn Clock,
    ) -> Result<Value, String> {
        let wanted: Wanted =
            serde_json::from_slice(body).map_err(|e| format!("the body is not understood: {e}"))?;
        // A full resource id, as API Management wants it, ends in the API's.
        let id = wanted.api_id.rsplit('/').next().unwrap_or_default();
        let api = snapshot.apis.iter().find(|api| *api.id == *id);
        let api = api.ok_or_else(|| format!("there is no API `{id}`"))?;
        if let Some(other) = wanted.purposes.iter().find(|p| *p != "tracing") {
            return Err(format!("`{other}` is no purpose: expected `tracing`"));
        }
        let life = match &wanted.credentials_expire_after {
            None => LONGEST,
            Some(text) => {
                let span: jiff::SignedDuration = text.parse().map_err(|_| {
                    format!("`{text}` is no duration: expected one such as PT1H or PT15M")
                })?;
                Duration::try_from(span)
                    .ok()
                    .filter(|d| !d.is_zero() && *d <= LONGEST)
                    .ok_or_else(|| String::from("expected a duration up to PT1H"))?
            }
        };
        let now = clock.unix_millis();
        let expires = now.saturating_add(millis(life));
        let token = Token {
            secret: random(),
            api: api.id.clone(),
            expires_millis: expires,
        };
        let id = random();
        let text = format!("{id}.{}", token.secret);
        let mut tokens = lock(&self.tokens);
        tokens.retain(|_, t| t.expires_millis.saturating_add(millis(REMEMBERED)) > now);
        if tokens.len() >= MOST_TOKENS
            && let Some(first) = tokens.iter().min_by_key(|(_, t)| t.expires_millis)
        {
            let first = first.0.clone();
            tokens.remove(&first);
        }
        tokens.insert(id, token);
        drop(tokens);
        self.awake.store(true, Ordering::Release);
        Ok(json!({ "token": text, "apiId": &*api.id, "expires": date(expires) }))
    }

    /// A token that was issued and is known still.
    fn token(&self, text: &str) -> Option<Token> {
        let (id, secret) = text.split_once('.')?;
        let token = lock(&self.tokens).get(id)?.clone();
        // Every byte is looked at, so that time tells nothing of how far it is right.
        let wrong = token
            .secret
            .bytes()
            .zip(secret.bytes())
            .fold(token.secret.len() ^ secret.len(), |wrong, (a, b)| {
                wrong | usize::from(a ^ b)
            });
        (wrong == 0).then_some(token)
    }

    fn keep(&self, id: String, trace: &Trace, now: u64) {
        let text: Arc<str> = Arc::from(trace.json());
        if text.len() > MOST_BYTES {
            return;
        }
        let mut traces = lock(&self.traces);
        let traces = &mut *traces;
        traces.bytes += text.len();
        let until = now.saturating_add(millis(KEPT));
        traces.all.push_back((id, until, text));
        while traces.all.len() > MOST_TRACES
            || traces.bytes > MOST_BYTES
            || traces
                .all
                .front()
                .is_some_and(|(_, until, _)| *until <= now)
        {
            let Some((_, _, old)) = traces.all.pop_front() else {
                break;
            };
            traces.bytes = traces.bytes.saturating_sub(old.len());
        }
    }

    /// A kept trace, as JSON.
    pub(crate) fn trace(&self, id: &str, now: u64) -> Option<Arc<str>> {
        let traces = lock(&self.traces);
        let found = traces
            .all
            .iter()
            .find(|(known, until, _)| known == id && *until > now);
        found.map(|(_, _, text)| text.clone())
    }
}

/// 122 random bits.
fn random() -> String {
    uuid::Uuid::new_v4().simple().to_string()
}

/// A time for people and programs.
fn date(millis: u64) -> String {
    i64::try_from(millis)
        .ok()
        .and_then(|ms| jiff::Timestamp::from_millisecond(ms).ok())
        .map(|t| t.to_string())
        .unwrap_or_default()
}

/// A request that something watches, or whose token does not hold.
pub(crate) struct Watched {
    /// What watches.
    pub(crate) probe: Option<Rc<dyn Probe>>,
    note: Note,
}

enum Note {
    Nothing,
    /// The token does not hold: this header says why.
    Refused(HeaderName, HeaderValue),
    /// The trace is kept under this id, unless the recorder was refused: then the header says so.
    Traced {
        id: String,
        recorder: Rc<Recorder>,
        refused: Option<(HeaderName, HeaderValue)>,
        old: bool,
    },
}

impl Watched {
    /// Says on the answer what came of the token.
    pub(crate) fn tell(self, headers: &mut HeaderMap) {
        match self.note {
            Note::Nothing => {}
            Note::Refused(name, value) => {
                headers.insert(name, value);
            }
            Note::Traced {
                id,
                recorder,
                refused,
                old,
            } => {
                if recorder.is_refused() {
                    headers.extend(refused);
                } else if old {
                    let place = HeaderValue::from_str(&format!("/debug/traces/{id}"));
                    headers.extend(place.ok().map(|place| (LOCATION.clone(), place)));
                } else {
                    let id = HeaderValue::from_str(&id);
                    headers.extend(id.ok().map(|id| (TRACE_ID.clone(), id)));
                }
            }
        }
    }
}

/// What watches a request; `None`, as nearly always: nothing.
#[inline]
pub(crate) fn watched(
    thread: &Thread,
    snapshot: &Snapshot,
    head: &mut Parts,
    id: u128,
) -> Option<Watched> {
    let debug = &thread.shared.debug;
    if thread.watch.is_none() && !debug.awake.load(Ordering::Acquire) && !snapshot.allows_tracing {
        return None;
    }
    asked(thread, snapshot, head, id)
}

#[cold]
fn asked(thread: &Thread, snapshot: &Snapshot, head: &mut Parts, id: u128) -> Option<Watched> {
    if let Some(watch) = &thread.watch {
        return Some(Watched {
            probe: Some((watch.0)()),
            note: Note::Nothing,
        });
    }
    let token = head.headers.remove(&AUTHORIZATION);
    let old = head.headers.remove(&OLD);
    let now = thread.services.clock.unix_millis();
    if let Some(text) = token {
        let known = text
            .to_str()
            .ok()
            .and_then(|t| thread.shared.debug.token(t.trim()));
        let note = match known {
            None => Note::Refused(
                INVALID.clone(),
                HeaderValue::from_static("the token is not one of this gateway"),
            ),
            Some(token) if token.expires_millis <= now => {
                let when = HeaderValue::from_str(&date(token.expires_millis));
                Note::Refused(
                    EXPIRED.clone(),
                    when.unwrap_or(HeaderValue::from_static("")),
                )
            }
            Some(token) => {
                let value = HeaderValue::from_str(&token.api);
                let api = token.api;
                let refused = value.ok().map(|value| (WRONG_API.clone(), value));
                let right = move |rq: &tollgate_engine::Exchange| {
                    rq.api().is_some_and(|found| found.id == api)
                };
                return Some(traced(thread, id, right, refused, false));
            }
        };
        return Some(Watched { probe: None, note });
    }
    let wanted = old.is_some_and(|value| value.as_bytes().eq_ignore_ascii_case(b"true"));
    if !wanted || !snapshot.allows_tracing || thread.config.management.is_none() {
        return None;
    }
    // Who the caller is shows only when the request has been matched: twice asked, it counts the second time.
    let asked = Cell::new(false);
    let may = move |rq: &tollgate_engine::Exchange| {
        !asked.replace(true) || rq.subscription().is_some_and(|s| s.allow_tracing)
    };
    Some(traced(thread, id, may, None, true))
}

fn traced(
    thread: &Thread,
    id: u128,
    allowed: impl Fn(&tollgate_engine::Exchange) -> bool + 'static,
    refused: Option<(HeaderName, HeaderValue)>,
    old: bool,
) -> Watched {
    // The request's own id is on its answer for anybody who sees that: a trace has another.
    let trace_id = random();
    let (health, key) = (thread.shared.clone(), trace_id.clone());
    let recorder = Recorder::new(move |trace| {
        let now = health.clock.unix_millis();
        health.debug.keep(key, &trace, now);
    });
    let recorder = Rc::new(recorder.only_if(allowed));
    tracing::info!(request_id = %uuid::Uuid::from_u128(id), trace_id, "a request is traced");
    Watched {
        probe: Some(recorder.clone()),
        note: Note::Traced {
            id: trace_id,
            recorder,
            refused,
            old,
        },
    }
}

#[cfg(test)]
mod tests;
