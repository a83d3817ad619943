//! Event streams of MCP servers, where something must be read or changed in them.
//!
//! A stream that nobody reads passes as bytes and never comes here. What must stay true: nothing of a stream is lost or
//! overtaken; what comes before the answer (progress, requests to the client) goes on as it comes; one event is held at
//! most, of bounded size.

use crate::LocalBoxFuture;
use crate::body::{Body, BodyError};
use crate::exchange::{BodyState, Exchange};
use crate::failure::Failure;
use bytes::{Bytes, BytesMut};
use http::{HeaderMap, header};
use http_body::Body as _;
use std::cell::RefCell;
use std::collections::VecDeque;
use std::fmt;
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll};
use tollgate_agents::jsonrpc::{self, Envelope, Id, Kind, code};
use tollgate_llm::sse::{Event, Splitter};

/// Most bytes that are held back before the first message of a stream.
const MOST_BEFORE: usize = 64 << 10;

/// Whether a response is an event stream.
pub(super) fn is_events(headers: &HeaderMap) -> bool {
    headers
        .get(header::CONTENT_TYPE)
        .and_then(|v| v.to_str().ok())
        .and_then(|v| v.split(';').next())
        .is_some_and(|v| v.trim().eq_ignore_ascii_case("text/event-stream"))
}

/// Whether the response is a stream that answers no request: it has no end to wait for.
pub(crate) fn is_open_stream(rq: &Exchange) -> bool {
    rq.mcp.as_deref().is_some_and(|call| !call.is_request())
        && rq.response.as_ref().is_some_and(|r| is_events(&r.headers))
}

/// A stream, event by event.
pub(super) struct Reader {
    body: Body,
    splitter: Splitter,
    queue: VecDeque<Event>,
    ended: bool,
}

impl Reader {
    pub(super) fn new(body: Body, limit: usize) -> Reader {
        Reader {
            body,
            splitter: Splitter::new(limit),
            queue: VecDeque::new(),
            ended: false,
        }
    }

    fn poll_next(&mut self, cx: &mut Context<'_>) -> Poll<Option<Result<Event, BodyError>>> {
        loop {
            if let Some(event) = self.queue.pop_front() {
                return Poll::Ready(Some(Ok(event)));
            }
            if self.ended {
                return Poll::Ready(None);
            }
            match std::task::ready!(Pin::new(&mut self.body).poll_frame(cx)) {
                Some(Ok(frame)) => {
                    if let Ok(data) = frame.into_data() {
                        let queue = &mut self.queue;
                        self.splitter.push(&data, |event| queue.push_back(event));
                    }
                }
                Some(Err(error)) => {
                    self.ended = true;
                    return Poll::Ready(Some(Err(error)));
                }
                None => {
                    self.ended = true;
                    self.queue.extend(self.splitter.finish());
                }
            }
        }
    }

    async fn next(&mut self) -> Option<Result<Event, BodyError>> {
        std::future::poll_fn(|cx| self.poll_next(cx)).await
    }

    /// What has not been read, behind `first`.
    fn rest(mut self, first: &[u8]) -> Body {
        let mut head = BytesMut::from(first);
        for event in &self.queue {
            head.extend_from_slice(&event.raw);
        }
        if let Some(event) = self.splitter.finish() {
            head.extend_from_slice(&event.raw);
        }
        match (head.is_empty(), self.ended) {
            (true, true) => Body::Empty,
            (true, false) => self.body,
            (false, true) => Body::from(head.freeze()),
            (false, false) => Body::resumed(head.freeze(), self.body),
        }
    }
}

/// What an event is to a call.
enum What {
    /// The answer.
    Answer(Bytes),
    /// A message before it.
    Message,
    /// No message: an id to resume from, a time to wait.
    Aside,
    /// A comment: the server says that it will take longer.
    KeepAlive,
    /// Too large to be read.
    TooLarge,
}

fn what(event: &Event, id: Id<'_>) -> What {
    if !event.whole {
        return What::TooLarge;
    }
    let Some(data) = event.data() else {
        let fields = ["event", "id", "retry"];
        return if fields.iter().any(|f| event.field(f).is_some()) {
            What::Aside
        } else {
            What::KeepAlive
        };
    };
    if data.is_empty() {
        return What::Aside;
    }
    if is_answer(&data, id) {
        What::Answer(Bytes::from(data.into_owned()))
    } else {
        What::Message
    }
}

/// Whether a message is the answer to this id; an id may have been written in another way.
fn is_answer(message: &[u8], id: Id<'_>) -> bool {
    Envelope::peek(message).is_ok_and(|envelope| {
        envelope.kind() == Kind::Response
            && envelope.id.is_some_and(|answered| {
                answered == id
                    || serde_json::from_str::<String>(answered.json()).is_ok_and(|a| {
                        serde_json::from_str(id.json()).is_ok_and(|b: String| a == b)
                    })
            })
    })
}

/// An answer that was taken out of its stream for outbound.
pub(crate) struct Held {
    /// What came before it and is no message.
    before: Bytes,
    /// The answer's event; none: the stream ended without.
    event: Option<(Event, Bytes)>,
    rest: Reader,
}

impl fmt::Debug for Held {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Held")
    }
}

/// Where the answer of a stream that has begun to flow will be.
#[derive(Clone, Default)]
pub(crate) struct Later(Rc<RefCell<Option<(Event, Bytes, Reader)>>>);

impl fmt::Debug for Later {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Later")
    }
}

/// Gives outbound the JSON-RPC answer where it would read an event stream. `true`: other messages come first, so the
/// head goes out and outbound runs when the answer is there ([`finish`]).
pub(crate) async fn take_answer(rq: &mut Exchange) -> Result<bool, Box<Failure>> {
    let limit = rq.snapshot.gateway.max_buffered_body;
    let Some(call) = rq.mcp.as_deref() else {
        return Ok(false);
    };
    let (Some(id), true) = (call.id(), call.is_request()) else {
        return Ok(false);
    };
    let id = id.json().to_owned();
    let Some(id) = Id::from_json(&id) else {
        return Ok(false);
    };
    let Some(response) = &mut rq.response else {
        return Ok(false);
    };
    if !is_events(&response.headers) {
        return Ok(false);
    }
    let BodyState::Streaming(body) = &mut response.body else {
        return Ok(false);
    };
    if is_coded(&response.headers) {
        return Err(failed("The server coded its event stream unasked."));
    }
    let mut reader = Reader::new(std::mem::take(body), limit);
    let mut before = BytesMut::new();
    let (held, state) = loop {
        let event = match reader.next().await {
            Some(Ok(event)) => event,
            Some(Err(error)) => {
                rq.answer_broke(&error);
                return Err(failed(&error.to_string()));
            }
            None => {
                let held = Held {
                    before: before.freeze(),
                    event: None,
                    rest: reader,
                };
                break (held, BodyState::None);
            }
        };
        match what(&event, id) {
            What::Aside if before.len() + event.raw.len() <= MOST_BEFORE => {
                before.extend_from_slice(&event.raw);
            }
            What::Answer(message) => {
                let state = BodyState::Buffered(message.clone());
                let held = Held {
                    before: before.freeze(),
                    event: Some((event, message)),
                    rest: reader,
                };
                break (held, state);
            }
            What::TooLarge => return Err(failed(&BodyError::TooLarge(limit).to_string())),
            What::Message | What::KeepAlive | What::Aside => {
                reader.queue.push_front(event);
                let later = Later::default();
                let early = Early {
                    id: Box::from(id.json()),
                    before: before.freeze(),
                    reader: Some(reader),
                    later: later.clone(),
                    limit,
                };
                response.body = BodyState::Streaming(Body::Stream(Box::pin(early)));
                response.headers.remove(header::CONTENT_LENGTH);
                if let Some(call) = rq.mcp.as_deref_mut() {
                    call.later = Some(later);
                }
                return Ok(true);
            }
        }
    };
    response.body = state;
    response.headers.remove(header::CONTENT_LENGTH);
    if let Some(call) = rq.mcp.as_deref_mut() {
        call.held = Some(held);
    }
    Ok(false)
}

/// Whether a coding hides what a stream says.
pub(super) fn is_coded(headers: &HeaderMap) -> bool {
    headers
        .get(header::CONTENT_ENCODING)
        .is_some_and(|c| !c.is_empty() && !c.as_bytes().eq_ignore_ascii_case(b"identity"))
}

fn failed(why: &str) -> Box<Failure> {
    Failure::internal("forward-request", "BackendConnectionFailure", why)
}

/// Puts an answer that outbound has had back into its stream, in the event that it came in. A response that a policy
/// made something else stays that.
pub(crate) fn put_back(rq: &mut Exchange) {
    let Some(held) = rq.mcp.as_deref_mut().and_then(|call| call.held.take()) else {
        return;
    };
    let Some(response) = &mut rq.response else {
        return;
    };
    if !is_events(&response.headers) {
        return;
    }
    let mut head = BytesMut::from(&*held.before);
    match (&response.body, &held.event) {
        (BodyState::Streaming(_), _) => return,
        (BodyState::Buffered(body), Some((event, message))) => {
            head.extend_from_slice(&rewritten(event, message, body));
        }
        (BodyState::Buffered(body), None) => head.extend_from_slice(body),
        (BodyState::None | BodyState::Consumed, _) => {}
    }
    response.headers.remove(header::CONTENT_LENGTH);
    response.body = BodyState::Streaming(held.rest.rest(&head));
}

/// The event, with another body in it if there is one.
fn rewritten(event: &Event, message: &Bytes, body: &Bytes) -> Vec<u8> {
    if body.as_ptr() == message.as_ptr() && body.len() == message.len() {
        return event.raw.to_vec();
    }
    event.with_data(&String::from_utf8_lossy(body))
}

/// A stream up to its answer.
struct Early {
    id: Box<str>,
    before: Bytes,
    reader: Option<Reader>,
    later: Later,
    limit: usize,
}

impl http_body::Body for Early {
    type Data = Bytes;
    type Error = BodyError;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<http_body::Frame<Bytes>, BodyError>>> {
        let this = &mut *self;
        if !this.before.is_empty() {
            let before = std::mem::take(&mut this.before);
            return Poll::Ready(Some(Ok(http_body::Frame::data(before))));
        }
        let Some(reader) = &mut this.reader else {
            return Poll::Ready(None);
        };
        let event = match std::task::ready!(reader.poll_next(cx)) {
            Some(Ok(event)) => event,
            Some(Err(error)) => {
                this.reader = None;
                return Poll::Ready(Some(Err(error)));
            }
            None => {
                this.reader = None;
                return Poll::Ready(None);
            }
        };
        let found = Id::from_json(&this.id).map(|id| what(&event, id));
        match found {
            Some(What::Answer(message)) => {
                if let Some(reader) = this.reader.take() {
                    *this.later.0.borrow_mut() = Some((event, message, reader));
                }
                Poll::Ready(None)
            }
            Some(What::TooLarge) => {
                this.reader = None;
                Poll::Ready(Some(Err(BodyError::TooLarge(this.limit))))
            }
            _ => Poll::Ready(Some(Ok(http_body::Frame::data(event.raw)))),
        }
    }
}

/// Runs outbound on the answer of a stream that has begun to flow; gives the body that goes on. The head is out: only
/// the message can still change, and a refusal is an error under the caller's id.
pub(crate) fn finish(
    mut exchange: Box<Exchange>,
) -> LocalBoxFuture<'static, (Box<Exchange>, Body)> {
    Box::pin(async move {
        let rq = &mut *exchange;
        let later = rq.mcp.as_deref_mut().and_then(|call| call.later.take());
        let found = later.and_then(|later| later.0.borrow_mut().take());
        let Some((event, message, reader)) = found else {
            return (exchange, Body::Empty);
        };
        let response = rq.response_mut();
        let status = response.status;
        response.body = BodyState::Buffered(message.clone());
        crate::pipeline::outbound_later(rq).await;
        super::put_in_form(rq);
        let body = match rq.response.as_mut().map(|r| std::mem::take(&mut r.body)) {
            Some(BodyState::Buffered(body)) => body,
            _ => Bytes::new(),
        };
        rq.response_mut().status = status;
        let id = rq.mcp.as_deref().and_then(super::Call::id);
        let untouched = body.as_ptr() == message.as_ptr();
        let speaks = || Envelope::peek(&body).is_ok_and(|e| e.kind() == Kind::Response);
        let head = if untouched || speaks() {
            rewritten(&event, &message, &body)
        } else {
            let error = jsonrpc::error(
                id,
                code::INTERNAL_ERROR,
                "The answer was refused by a policy.",
                None,
            );
            event.with_data(&error)
        };
        let body = reader.rest(&head);
        (exchange, body)
    })
}

/// Changes single events of a stream.
pub(super) struct Rewriting<F> {
    reader: Reader,
    rewrite: F,
    failed: bool,
}

/// A body whose events go through `rewrite`, which gives what to pass on.
pub(super) fn rewriting<F>(body: Body, limit: usize, rewrite: F) -> Body
where
    F: FnMut(Event) -> Result<Bytes, BodyError> + Unpin + 'static,
{
    Body::Stream(Box::pin(Rewriting {
        reader: Reader::new(body, limit),
        rewrite,
        failed: false,
    }))
}

impl<F: FnMut(Event) -> Result<Bytes, BodyError> + Unpin> http_body::Body for Rewriting<F> {
    type Data = Bytes;
    type Error = BodyError;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<http_body::Frame<Bytes>, BodyError>>> {
        let this = &mut *self;
        if this.failed {
            return Poll::Ready(None);
        }
        loop {
            match std::task::ready!(this.reader.poll_next(cx)) {
                None => return Poll::Ready(None),
                Some(event) => match event.and_then(&mut this.rewrite) {
                    Ok(bytes) if bytes.is_empty() => {}
                    Ok(bytes) => return Poll::Ready(Some(Ok(http_body::Frame::data(bytes)))),
                    Err(error) => {
                        this.failed = true;
                        return Poll::Ready(Some(Err(error)));
                    }
                },
            }
        }
    }
}

/// For fuzzing: reads a stream in all the ways there are, and compares.
pub(crate) fn passes_events(stream: &[u8], lengths: &[u8]) {
    let chunks = || {
        let mut rest = Bytes::copy_from_slice(stream);
        let mut lengths = lengths.iter().cycle();
        let mut chunks = VecDeque::new();
        while !rest.is_empty() {
            let length = lengths.next().map_or(rest.len(), |l| 1 + usize::from(*l));
            chunks.push_back(rest.split_to(length.min(rest.len())));
        }
        Body::Stream(Box::pin(Chunks(chunks)))
    };
    let passed = rewriting(chunks(), 1 << 20, |event: Event| Ok(event.raw));
    assert_eq!(read_now(passed), stream, "events that stay");
    let later = Later::default();
    let early = Early {
        id: Box::from("1"),
        before: Bytes::new(),
        reader: Some(Reader::new(chunks(), 1 << 20)),
        later: later.clone(),
        limit: 1 << 20,
    };
    let mut all = read_now(Body::Stream(Box::pin(early)));
    if let Some((event, message, reader)) = later.0.borrow_mut().take() {
        let other = Bytes::from_static(b"{}");
        let new = Event {
            raw: Bytes::from(rewritten(&event, &message, &other)),
            whole: true,
        };
        assert_eq!(new.data().as_deref(), Some(&b"{}"[..]));
        for name in ["event", "id", "retry"] {
            assert_eq!(new.field(name), event.field(name));
        }
        all.extend(rewritten(&event, &message, &message));
        all.extend(read_now(reader.rest(&[])));
    }
    assert_eq!(
        all, stream,
        "before the answer, the answer and what follows"
    );
}

/// Chunks that are all there.
struct Chunks(VecDeque<Bytes>);

impl http_body::Body for Chunks {
    type Data = Bytes;
    type Error = BodyError;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        _: &mut Context<'_>,
    ) -> Poll<Option<Result<http_body::Frame<Bytes>, BodyError>>> {
        Poll::Ready(self.0.pop_front().map(|c| Ok(http_body::Frame::data(c))))
    }
}

/// All of a body that waits for nothing.
fn read_now(mut body: Body) -> Vec<u8> {
    let mut cx = Context::from_waker(std::task::Waker::noop());
    let mut all = Vec::new();
    while let Poll::Ready(Some(Ok(frame))) = Pin::new(&mut body).poll_frame(&mut cx) {
        if let Ok(data) = frame.into_data() {
            all.extend_from_slice(&data);
        }
    }
    all
}

#[cfg(test)]
mod tests;
