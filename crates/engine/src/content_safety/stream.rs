//! A completion that streams: events are held until the window that they belong to has passed, then go on.
//!
//! What must stay true: no text goes out before it was checked; what is held is bounded; on a violation the stream ends
//! as if it had broken off, without a word of why.

use super::Service;
use super::text::{of_event, tail};
use crate::LocalBoxFuture;
use crate::body::{Body, BodyError};
use bytes::{Bytes, BytesMut};
use http_body::Frame;
use std::collections::VecDeque;
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll, ready};
use tollgate_llm::Operation;
use tollgate_llm::sse::{DEFAULT_LIMIT, Splitter};

/// Most bytes of events that are held before their text is checked, however short it is.
const MOST_HELD: usize = 4 << 20;

/// Puts the guard on a body.
pub(super) fn guard(body: Body, operation: Operation, service: Service) -> Body {
    Body::Stream(Box::pin(Guarded {
        inner: body,
        operation,
        service: Rc::new(service),
        splitter: Splitter::new(DEFAULT_LIMIT),
        held: Vec::new(),
        held_bytes: 0,
        text: String::new(),
        characters: 0,
        unchecked: false,
        checking: None,
        ready: VecDeque::new(),
        state: State::Open,
    }))
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    Open,
    /// The upstream has ended; what is held is still to be checked.
    Ending,
    Ended,
}

struct Guarded {
    inner: Body,
    operation: Operation,
    service: Rc<Service>,
    splitter: Splitter,
    /// Events whose text has not passed.
    held: Vec<Bytes>,
    held_bytes: usize,
    /// The window: what overlaps with the one before, and the text of the held events.
    text: String,
    characters: usize,
    /// Whether the window has text that was not checked.
    unchecked: bool,
    checking: Option<LocalBoxFuture<'static, bool>>,
    ready: VecDeque<Bytes>,
    state: State,
}

impl Guarded {
    fn take(&mut self, chunk: &Bytes) {
        let mut events = Vec::new();
        self.splitter.push(chunk, |event| events.push(event));
        for event in events {
            self.event(event);
        }
    }

    fn event(&mut self, event: tollgate_llm::sse::Event) {
        let before = self.text.len();
        of_event(self.operation, &event, &mut self.text);
        let new = &self.text[before..];
        if !new.is_empty() {
            self.characters += new.chars().count();
            self.unchecked = true;
        }
        self.held_bytes += event.raw.len();
        self.held.push(event.raw);
    }

    /// Begins to check the window when it is full or the last, or lets go what has no text.
    fn advance(&mut self) {
        if !self.unchecked {
            self.release();
            return;
        }
        let full = self.characters >= self.service.rules.window || self.held_bytes > MOST_HELD;
        if full || self.state == State::Ending {
            let service = self.service.clone();
            let overlap = tail(&self.text, self.service.rules.overlap).to_owned();
            let text = std::mem::replace(&mut self.text, overlap);
            self.characters = self.text.chars().count();
            self.unchecked = false;
            self.checking = Some(Box::pin(async move {
                let window = service.rules.window;
                match service.check(&text, window, false).await {
                    Ok(()) => true,
                    Err(why) => {
                        super::tell(&service.services, service.id, &why.text());
                        false
                    }
                }
            }));
        }
    }

    fn release(&mut self) {
        self.held_bytes = 0;
        if self.held.len() > 1 {
            let length = self.held.iter().map(Bytes::len).sum();
            let mut all = BytesMut::with_capacity(length);
            for event in self.held.drain(..) {
                all.extend_from_slice(&event);
            }
            self.ready.push_back(all.freeze());
        } else {
            self.ready.extend(self.held.drain(..));
        }
    }
}

impl http_body::Body for Guarded {
    type Data = Bytes;
    type Error = BodyError;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, BodyError>>> {
        let this = &mut *self;
        loop {
            if let Some(checking) = &mut this.checking {
                let passes = ready!(checking.as_mut().poll(cx));
                this.checking = None;
                if passes {
                    this.release();
                } else {
                    this.held.clear();
                    this.ready.clear();
                    this.inner = Body::Empty;
                    this.state = State::Ended;
                }
            }
            if let Some(chunk) = this.ready.pop_front() {
                if chunk.is_empty() {
                    continue;
                }
                return Poll::Ready(Some(Ok(Frame::data(chunk))));
            }
            match this.state {
                State::Ended => return Poll::Ready(None),
                State::Ending => {
                    if this.unchecked || !this.held.is_empty() {
                        this.advance();
                    } else {
                        this.state = State::Ended;
                    }
                    continue;
                }
                State::Open => {}
            }
            match ready!(Pin::new(&mut this.inner).poll_frame(cx)) {
                Some(Ok(frame)) => {
                    // Trailers would come before what is held; event streams have none that matter.
                    if let Ok(data) = frame.into_data() {
                        this.take(&data);
                        this.advance();
                    }
                }
                Some(Err(error)) => {
                    this.state = State::Ended;
                    this.held.clear();
                    return Poll::Ready(Some(Err(error)));
                }
                None => {
                    if let Some(last) = this.splitter.finish() {
                        this.event(last);
                    }
                    this.state = State::Ending;
                }
            }
        }
    }

    fn is_end_stream(&self) -> bool {
        self.state == State::Ended && self.ready.is_empty()
    }
}
