//! Records traffic for `tollgate replay`: requests, the calls that they make, what came of them.
//!
//! `request` asks a thread's [`Recording`] for a [`Tape`] of each request; the thread's transport is a
//! [`RecordingTransport`] while traffic is recorded. What must stay true: recording never holds the data path - bodies
//! are kept by reference while they pass, a full queue drops the record and counts it; nothing is written unmasked.

mod writer;

#[cfg(test)]
mod tests;

pub(crate) use writer::Recorder;

use bytes::Bytes;
use http::{HeaderMap, Request, Response, StatusCode};
use http_body::{Body as _, Frame, SizeHint};
use std::cell::{Cell, RefCell};
use std::collections::HashMap;
use std::pin::Pin;
use std::rc::Rc;
use std::sync::Arc;
use std::task::{Context, Poll};
use tollgate_engine::clock::Clock;
use tollgate_engine::exchange::Exchange;
use tollgate_engine::pipeline::Incoming;
use tollgate_engine::probe::mask::Mask;
use tollgate_engine::probe::{Event, Probe};
use tollgate_engine::recording::{OnBehalfOf, RecordedUsage, usage};
use tollgate_engine::services::{Origin, SendError, SendOptions, Transport};
use tollgate_engine::sql::{Rows, SqlCall, SqlError};
use tollgate_engine::{Body, BodyError, LocalBoxFuture};

/// Most calls of one request that are recorded.
const MOST_CALLS: usize = 64;

/// One thread's part.
pub(crate) struct Recording {
    recorder: Arc<Recorder>,
    clock: Arc<dyn Clock>,
    /// Hundredths of a request since the last one that was recorded.
    due: Cell<u32>,
    /// Requests under way that are recorded.
    live: RefCell<HashMap<u128, Rc<Tape>>>,
}

impl Recording {
    pub(crate) fn new(recorder: Arc<Recorder>, clock: Arc<dyn Clock>) -> Rc<Recording> {
        Rc::new(Recording {
            recorder,
            clock,
            due: Cell::new(0),
            live: RefCell::default(),
        })
    }

    /// Begins to record a request, if it is its turn. Its body is recorded as it passes.
    pub(crate) fn begin(self: &Rc<Self>, incoming: &mut Incoming) -> Option<Rc<Tape>> {
        let due = self.due.get() + self.recorder.config.percent;
        if due < 100 || incoming.upgrade.is_some() {
            self.due.set(due.min(100));
            return None;
        }
        self.due.set(due - 100);
        let most = self.recorder.config.bodies;
        let tape = Rc::new(Tape {
            recording: self.clone(),
            began: self.clock.monotonic_nanos(),
            head: RefCell::new(Some(Head {
                unix_nanos: self.clock.unix_nanos(),
                scheme: incoming.scheme,
                authority: incoming.authority.clone(),
                client_ip: incoming.client_ip,
                method: incoming.head.method.clone(),
                target: incoming.head.uri.to_string(),
                headers: incoming.head.headers.clone(),
            })),
            body: Piece::new(most),
            calls: RefCell::default(),
            answer: RefCell::default(),
        });
        if !incoming.body.is_end_stream() {
            let body = std::mem::take(&mut incoming.body);
            incoming.body = tape.body.record(body);
        }
        self.live.borrow_mut().insert(incoming.id, tape.clone());
        Some(tape)
    }
}

/// The head of a caller's request.
pub(crate) struct Head {
    unix_nanos: u64,
    scheme: &'static str,
    authority: Arc<str>,
    client_ip: std::net::IpAddr,
    method: http::Method,
    target: String,
    headers: HeaderMap,
}

/// A request that is recorded.
pub(crate) struct Tape {
    recording: Rc<Recording>,
    began: u64,
    head: RefCell<Option<Head>>,
    body: Piece,
    calls: RefCell<Vec<Rc<Call>>>,
    answer: RefCell<Option<(StatusCode, HeaderMap)>>,
}

/// A call to an upstream.
struct Call {
    method: http::Method,
    url: String,
    after: u64,
    answer: RefCell<Option<Answer>>,
    body: Piece,
}

/// What came of it.
#[derive(Clone)]
struct Answer {
    took: u64,
    status: Option<StatusCode>,
    headers: HeaderMap,
    failure: Option<String>,
}

/// A body as it passes: its pieces by reference, up to a bound.
#[derive(Clone)]
struct Piece(Rc<RefCell<Passed>>);

struct Passed {
    most: Option<usize>,
    size: u64,
    pieces: Vec<Bytes>,
}

impl Piece {
    fn new(most: Option<usize>) -> Piece {
        Piece(Rc::new(RefCell::new(Passed {
            most,
            size: 0,
            pieces: Vec::new(),
        })))
    }

    fn record(&self, body: Body) -> Body {
        Body::Stream(Box::pin(Copied {
            body,
            to: self.clone(),
        }))
    }

    fn pass(&self, bytes: &Bytes) {
        let passed = &mut *self.0.borrow_mut();
        passed.size += bytes.len() as u64;
        match passed.most {
            Some(most) if passed.size <= most as u64 => passed.pieces.push(bytes.clone()),
            // A part of a body is of no use.
            _ => passed.pieces.clear(),
        }
    }

    /// Size, and the bytes when all were kept.
    fn take(&self) -> (u64, Option<Vec<Bytes>>) {
        let passed = &mut *self.0.borrow_mut();
        let whole = passed.most.is_some_and(|most| passed.size <= most as u64);
        let pieces = std::mem::take(&mut passed.pieces);
        (passed.size, whole.then_some(pieces))
    }
}

struct Copied {
    body: Body,
    to: Piece,
}

impl http_body::Body for Copied {
    type Data = Bytes;
    type Error = BodyError;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, BodyError>>> {
        let polled = Pin::new(&mut self.body).poll_frame(cx);
        if let Poll::Ready(Some(Ok(frame))) = &polled
            && let Some(bytes) = frame.data_ref()
        {
            self.to.pass(bytes);
        }
        polled
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}

/// A whole record on its way to the writer, not masked yet.
pub(crate) struct Draft {
    mask: Mask,
    id: u128,
    head: Head,
    subscription: Option<Arc<str>>,
    /// Header and query parameter of the API's key.
    key_names: Option<(http::HeaderName, Arc<str>)>,
    body: (u64, Option<Vec<Bytes>>),
    calls: Vec<DraftCall>,
    answer: Option<(StatusCode, HeaderMap)>,
    took: u64,
    outcome: &'static str,
    api: Option<Arc<str>>,
    operation: Option<Arc<str>>,
    error: Option<(&'static str, &'static str)>,
    usage: Option<RecordedUsage>,
}

struct DraftCall {
    method: http::Method,
    url: String,
    after: u64,
    answer: Option<Answer>,
    body: (u64, Option<Vec<Bytes>>),
}

impl Draft {
    /// About how much memory it holds.
    fn size(&self) -> usize {
        let of = |body: &(u64, Option<Vec<Bytes>>)| {
            let pieces = body.1.iter().flatten();
            pieces.map(Bytes::len).sum::<usize>()
        };
        let calls = self.calls.iter().map(|call| of(&call.body) + 2048);
        4096 + of(&self.body) + calls.sum::<usize>()
    }
}

impl Probe for Tape {
    fn tell(&self, rq: &Exchange, event: &Event<'_>) {
        if rq.inner.is_some() {
            // A tool's call inside of it: what it calls is told by the transport.
            return;
        }
        match event {
            Event::Answer(head) => {
                let answer = (head.status(), head.headers().clone());
                self.answer.replace(Some(answer));
            }
            Event::Settled(outcome) => self.end(rq, outcome.as_str()),
            _ => {}
        }
    }
}

impl Tape {
    fn end(&self, rq: &Exchange, outcome: &'static str) {
        self.recording.live.borrow_mut().remove(&rq.id);
        let Some(head) = self.head.take() else {
            return;
        };
        let mask = Mask::new(&rq.snapshot.secrets);
        mask.learn_headers(&head.headers);
        mask.learn_caller(rq);
        let api = rq.api();
        let calls = self.calls.take();
        let draft = Draft {
            mask,
            id: rq.id,
            head,
            subscription: rq.subscription().map(|s| s.id.clone()),
            key_names: api.map(|api| (api.key_header.clone(), api.key_query.clone())),
            body: self.body.take(),
            calls: calls
                .iter()
                .map(|call| DraftCall {
                    method: call.method.clone(),
                    url: call.url.clone(),
                    after: call.after,
                    answer: call.answer.take(),
                    body: call.body.take(),
                })
                .collect(),
            answer: self.answer.take(),
            took: self.elapsed(),
            outcome,
            api: api.map(|api| api.id.clone()),
            operation: rq.operation().map(|operation| operation.id.clone()),
            error: rq.last_error.as_ref().map(|e| (e.source, e.reason)),
            usage: usage(rq),
        };
        self.recording.recorder.take(draft);
    }

    fn elapsed(&self) -> u64 {
        let now = self.recording.clock.monotonic_nanos();
        now.saturating_sub(self.began) / 1_000_000
    }
}

/// The transport of a thread that records.
pub(crate) struct RecordingTransport {
    inner: Rc<dyn Transport>,
    recording: Rc<Recording>,
}

impl RecordingTransport {
    pub(crate) fn new(inner: Rc<dyn Transport>, recording: Rc<Recording>) -> RecordingTransport {
        RecordingTransport { inner, recording }
    }

    /// The call as it begins, when its exchange is recorded.
    fn call(&self, origin: &Origin, request: &Request<Body>) -> Option<(Rc<Tape>, Rc<Call>)> {
        let exchange = request.extensions().get::<OnBehalfOf>()?;
        let tape = self.recording.live.borrow().get(&exchange.0)?.clone();
        let mut calls = tape.calls.borrow_mut();
        if calls.len() >= MOST_CALLS {
            return None;
        }
        let scheme = if origin.tls.is_some() {
            "https"
        } else {
            "http"
        };
        let call = Rc::new(Call {
            method: request.method().clone(),
            url: format!("{scheme}://{}{}", origin.authority, request.uri()),
            after: tape.elapsed(),
            answer: RefCell::default(),
            body: Piece::new(self.recording.recorder.config.bodies),
        });
        calls.push(call.clone());
        drop(calls);
        Some((tape, call))
    }
}

impl Transport for RecordingTransport {
    fn detach(&self, work: LocalBoxFuture<'static, ()>) {
        self.inner.detach(work);
    }

    // Statements are not recorded: their rows are no HTTP message.
    fn query<'a>(&'a self, call: &'a SqlCall) -> LocalBoxFuture<'a, Result<Rows, SqlError>> {
        self.inner.query(call)
    }

    fn send<'a>(
        &'a self,
        origin: &'a Origin,
        request: Request<Body>,
        options: SendOptions,
    ) -> LocalBoxFuture<'a, Result<Response<Body>, SendError>> {
        let Some((tape, call)) = self.call(origin, &request) else {
            return self.inner.send(origin, request, options);
        };
        Box::pin(async move {
            let sent = self.inner.send(origin, request, options).await;
            let took = tape.elapsed().saturating_sub(call.after);
            let (answer, sent) = match sent {
                Ok(response) => {
                    let answer = Answer {
                        took,
                        status: Some(response.status()),
                        headers: response.headers().clone(),
                        failure: None,
                    };
                    (answer, Ok(response.map(|body| call.body.record(body))))
                }
                Err(error) => {
                    let answer = Answer {
                        took,
                        status: None,
                        headers: HeaderMap::new(),
                        failure: Some(failure(&error).to_owned()),
                    };
                    (answer, Err(error))
                }
            };
            call.answer.replace(Some(answer));
            sent
        })
    }
}

fn failure(error: &SendError) -> &'static str {
    match error {
        SendError::Connect(_) => "connect",
        SendError::Timeout(_) => "timeout",
        SendError::Protocol(_) => "protocol",
        SendError::Request(_) => "request",
    }
}
