//! Metering of a model call's response while it passes, and what is known of it at the end.
//!
//! [`Metering`] is deferred by the first step that asks for the model call. What must stay true: chunks pass at once and
//! unchanged but for the usage chunk that only the gateway asked for; what the caller did not take is handed back, so
//! that settlement may read on for the provider's own numbers ([`Exchange::unread`]).

use super::ceiling::{Cutting, Shape};
use super::decode::{self, Decoder};
use super::{LlmCall, is_event_stream, is_frames, is_json};
use crate::body::coding::Coding;
use crate::body::{Body, BodyError};
use crate::clock::Clock;
use crate::compile::Section;
use crate::exchange::{BodyState, Deferred, Exchange};
use crate::settle::Outcome;
use bytes::Bytes;
use http::{HeaderMap, StatusCode, header};
use http_body::{Body as _, Frame, SizeHint};
use std::cell::RefCell;
use std::collections::VecDeque;
use std::pin::Pin;
use std::rc::Rc;
use std::sync::Arc;
use std::task::{Context, Poll, ready};
use tollgate_lang::value::Str;
use tollgate_llm::stream::{HideUsage, Meter, Metered as Seen};
use tollgate_llm::{Operation, Usage, usage};
use tollgate_state::ledger::EndReason;

/// What is known of the response so far; shared by the exchange and the body.
pub(super) struct Tally {
    meter: Option<Meter>,
    decoder: Decoder,
    /// Whether the response is a stream of events.
    events: bool,
    /// The rest of a body that was dropped before its end.
    rest: Option<Body>,
    first_token_nanos: Option<u64>,
    /// What was used when the answer was ended for want of more.
    cut: Option<Usage>,
}

impl Default for Tally {
    fn default() -> Self {
        Tally {
            meter: None,
            decoder: Decoder::Identity,
            events: false,
            rest: None,
            first_token_nanos: None,
            cut: None,
        }
    }
}

impl Tally {
    pub(super) fn is_cut(&self) -> bool {
        self.cut.is_some()
    }

    pub(super) fn is_metered(&self) -> bool {
        self.meter.is_some()
    }

    fn feed(&mut self, chunk: &Bytes, clock: &dyn Clock) {
        let Some(meter) = &mut self.meter else {
            return;
        };
        self.decoder.feed(chunk, |plain| meter.feed(plain));
        if self.first_token_nanos.is_none() && meter.first_token().is_some() {
            self.first_token_nanos = Some(clock.monotonic_nanos());
        }
    }
}

/// Azure names the provisioned deployment here that had no room for a call, which another one answered.
const SPILLED: &str = "x-ms-spillover-from-deployment";

/// Charges the call, once its usage is known.
fn charge(rq: &mut Exchange) {
    let usage = rq.llm.as_deref().and_then(|call| match call.charge {
        None => call.usage,
        Some(_) => None,
    });
    if let Some(usage) = usage {
        let charge = rq.charge(&usage);
        if let Some(call) = &mut rq.llm {
            call.charge = Some(charge);
        }
    }
}

/// Puts the meter on the response and concludes usage.
pub(super) struct Metering;

impl Deferred for Metering {
    fn on_response(&mut self, rq: &mut Exchange) {
        let Some(mut call) = rq.llm.take() else {
            return;
        };
        call.watch(rq);
        if let Some(response) = &mut rq.response {
            call.tell_clamped(&mut response.headers);
        }
        rq.llm = Some(call);
        charge(rq);
        if rq.snapshot.gateway.cost_headers {
            super::cost::tell(rq);
        }
    }

    fn on_settle(&mut self, rq: &mut Exchange, outcome: Outcome) {
        let Some(mut call) = rq.llm.take() else {
            return;
        };
        if call.usage.is_none() && !call.cache.is_hit() {
            call.conclude();
            // The caller left while the backend worked on the prompt: that much was asked for in any case.
            if call.usage.is_none()
                && outcome == Outcome::ClientLeft
                && rq.section == Section::Backend
                && rq.last_error.is_none()
                && call.readable
                && call.bills(rq)
            {
                call.usage = Some(Usage::estimate(call.estimate().tokens, 0));
            }
            let timed_out = rq
                .last_error
                .as_ref()
                .is_some_and(|e| e.reason == "Timeout");
            call.hold_to_bound(timed_out);
        }
        rq.llm = Some(call);
        charge(rq);
    }
}

impl LlmCall {
    /// Puts the meter on the exchange's response.
    fn watch(&mut self, rq: &mut Exchange) {
        if self.cache.is_hit() || rq.attempts.iter().all(|hop| hop.aside) || !self.bills(rq) {
            return;
        }
        let Some(response) = &mut rq.response else {
            return;
        };
        if !self.meter(response.status, &response.headers) {
            return;
        }
        let events = is_event_stream(&response.headers);
        let clock = rq.services.clock.clone();
        let shape = if events {
            Shape::Events
        } else if is_frames(&response.headers) {
            Shape::Frames
        } else if self.operation == Operation::Other && self.stream {
            // Gemini's without `alt=sse`.
            Shape::Array
        } else {
            Shape::Whole
        };
        let mut decoder = Decoder::new(&response.headers);
        let changes = self.may_be_cut(shape) || (events && self.hide_usage);
        // Where something may be taken out or put in, the caller gets it plain.
        let mut plain = None;
        if changes && !decoder.is_identity() && !decoder.is_opaque() {
            let limit = rq.snapshot.gateway.max_buffered_body;
            let whole = match &response.body {
                BodyState::Buffered(bytes) => Coding::of(&response.headers).undo(bytes, limit),
                _ => None,
            };
            match (&response.body, whole) {
                (BodyState::Buffered(_), None) => decoder = Decoder::Opaque,
                (_, whole) => {
                    response.headers.remove(header::CONTENT_ENCODING);
                    plain = Some(std::mem::replace(&mut decoder, Decoder::Identity));
                    if let Some(whole) = whole {
                        response.body = BodyState::Buffered(whole);
                    }
                }
            }
        }
        // What is coded in a way that is not known cannot be ended: it passes, and its bound is counted.
        let changes = changes && !decoder.is_opaque();
        let cutting = changes.then(|| self.cutting(shape)).flatten();
        let hides = changes && events && self.hide_usage;
        if cutting.is_some() || hides {
            response.headers.remove(header::CONTENT_LENGTH);
        }
        let mut tally = self.tally.borrow_mut();
        tally.decoder = decoder;
        match std::mem::take(&mut response.body) {
            BodyState::Streaming(inner) => {
                let hide = hides.then(HideUsage::new);
                let inner = match plain {
                    Some(decoder) => decode::plain(decoder, inner),
                    None => inner,
                };
                response.body = BodyState::Streaming(Body::Stream(Box::pin(Metered {
                    inner: Some(inner),
                    tally: self.tally.clone(),
                    hide,
                    cutting,
                    passed: VecDeque::new(),
                    clock,
                })));
            }
            BodyState::Buffered(bytes) => {
                let mut body = match cutting {
                    None => bytes,
                    Some(mut cutting) => {
                        let mut kept = cutting.push(&bytes);
                        kept.extend(cutting.finish());
                        if let Some(used) = cutting.cut() {
                            tally.cut = Some(used);
                            kept.push(cutting.close());
                        }
                        kept.concat().into()
                    }
                };
                tally.feed(&body, &*clock);
                drop(tally);
                self.conclude();
                if hides {
                    let mut hide = HideUsage::new();
                    let mut kept = hide.push(body);
                    kept.extend(hide.finish());
                    body = match kept.len() {
                        1 => kept.remove(0),
                        _ => kept.concat().into(),
                    };
                }
                response.body = BodyState::Buffered(body);
            }
            other => response.body = other,
        }
    }

    /// Makes a meter for an answer with this head; `false`: it can tell nothing of usage.
    pub(crate) fn meter(&mut self, status: StatusCode, headers: &HeaderMap) -> bool {
        let events = is_event_stream(headers);
        let frames = is_frames(headers);
        if !status.is_success() || !(events || frames || is_json(headers, true)) {
            return false;
        }
        self.spilled = headers.contains_key(SPILLED);
        let mut tally = self.tally.borrow_mut();
        tally.events = events || frames;
        tally.decoder = Decoder::new(headers);
        let mut meter = if events {
            Meter::events(self.operation)
        } else if frames {
            Meter::frames(self.operation)
        } else {
            Meter::body(self.operation)
        };
        meter.headers(usage::from_headers(|name| headers.get(name)?.to_str().ok()));
        tally.meter = Some(meter);
        true
    }

    /// Shows the meter a chunk of the answer.
    pub(crate) fn feed(&self, chunk: &Bytes, clock: &dyn Clock) {
        self.tally.borrow_mut().feed(chunk, clock);
    }

    /// Ends the metering: usage as reported, else as counted.
    pub(crate) fn conclude(&mut self) {
        let (meter, events, first, cut) = {
            let mut tally = self.tally.borrow_mut();
            let first = tally.first_token_nanos;
            (tally.meter.take(), tally.events, first, tally.cut)
        };
        let Some(mut meter) = meter else {
            return;
        };
        // The prompt is counted only when the provider did not say.
        let prompt = if events && cut.is_none() && meter.reported().is_none() {
            self.estimate().tokens
        } else {
            0
        };
        let metered = meter.finish(prompt, self.model_name());
        self.end = ended(self.operation, events, &metered);
        self.first_token_nanos = first;
        self.served_model = metered.model.map(Str::from);
        // An answer began, so the prompt was taken, though nothing says so (the caller left before the first token).
        self.usage = cut.or(metered.usage).or_else(|| {
            (self.readable && self.operation != Operation::Other)
                .then(|| Usage::estimate(self.estimate().tokens, 0))
        });
        self.hold_to_bound(false);
    }
}

/// How the model ended an answer that came to its end. A stream that did not say so was cut off on its way.
fn ended(operation: Operation, events: bool, metered: &Seen) -> EndReason {
    let Some(reason) = &metered.finish_reason else {
        let tells = matches!(
            operation,
            Operation::ChatCompletions | Operation::Completions | Operation::Responses
        );
        return if events && tells && !metered.complete {
            EndReason::UpstreamBroke
        } else {
            EndReason::Done
        };
    };
    let is = |words: &[&str]| words.iter().any(|word| reason.eq_ignore_ascii_case(word));
    if is(&[
        "length",
        "max_tokens",
        "max_output_tokens",
        "model_context_window_exceeded",
    ]) {
        EndReason::Length
    } else if is(&[
        "content_filter",
        "content_filtered",
        "guardrail_intervened",
        "refusal",
        "safety",
        "recitation",
        "blocklist",
        "prohibited_content",
        "spii",
        "image_safety",
    ]) {
        EndReason::ContentFilter
    } else {
        EndReason::Done
    }
}

impl Exchange {
    /// The rest of a metered response that nobody reads any more, while the provider has yet to report its usage.
    pub(crate) fn unread(&mut self) -> Option<Unread> {
        let call = self.llm.as_mut()?;
        let mut tally = call.tally.borrow_mut();
        let rest = tally.rest.take()?;
        let reported = tally.meter.as_ref()?.reported().is_some();
        // Other vendors report in parts: only the end is the whole of it.
        if reported && call.operation != Operation::Other {
            return None;
        }
        drop(tally);
        Some(Unread {
            rest,
            tally: call.tally.clone(),
            clock: self.services.clock.clone(),
        })
    }
}

/// The rest of a response, read only for its usage.
pub(crate) struct Unread {
    rest: Body,
    tally: Rc<RefCell<Tally>>,
    clock: Arc<dyn Clock>,
}

impl Unread {
    /// Reads to the end, or until the time is up.
    pub(crate) async fn read(mut self, most: std::time::Duration) {
        let mut deadline = self.clock.sleep(most);
        std::future::poll_fn(|cx| {
            // First the deadline: behind an upstream that is never silent it would not get its turn.
            if deadline.as_mut().poll(cx).is_ready() {
                return Poll::Ready(());
            }
            loop {
                match Pin::new(&mut self.rest).poll_frame(cx) {
                    Poll::Ready(Some(Ok(frame))) => {
                        if let Some(data) = frame.data_ref() {
                            self.tally.borrow_mut().feed(data, &*self.clock);
                        }
                    }
                    Poll::Ready(_) => return Poll::Ready(()),
                    Poll::Pending => return Poll::Pending,
                }
            }
        })
        .await;
    }
}

/// A response body with a meter on it.
struct Metered {
    inner: Option<Body>,
    tally: Rc<RefCell<Tally>>,
    hide: Option<HideUsage>,
    /// Ends the answer when it has used what it was given.
    cutting: Option<Box<Cutting>>,
    /// Chunks that left the filters and wait to be taken.
    passed: VecDeque<Bytes>,
    clock: Arc<dyn Clock>,
}

impl Metered {
    /// Whether no filter holds or removes anything.
    fn passes_all(&self) -> bool {
        self.hide.is_none() && self.cutting.is_none()
    }

    /// Counts a chunk that the caller gets.
    fn pass(&mut self, data: Bytes) {
        self.tally.borrow_mut().feed(&data, &*self.clock);
        match &mut self.hide {
            None => self.passed.push_back(data),
            Some(hide) => self.passed.extend(hide.push(data)),
        }
    }

    /// The upstream has ended, or is not read any more.
    fn ended(&mut self) {
        self.inner = None;
        if let Some(rest) = self.cutting.as_mut().and_then(|cutting| cutting.finish()) {
            self.pass(rest);
        }
        let held = self.hide.as_mut().map(HideUsage::finish);
        self.passed.extend(held.unwrap_or_default());
    }

    /// Passes a chunk through the filter that may end the answer: then the upstream's connection is closed, so that it
    /// stops to work.
    fn push(&mut self, data: &Bytes) {
        let Some(cutting) = &mut self.cutting else {
            return;
        };
        let passed = cutting.push(data);
        let cut = cutting.cut();
        for data in passed {
            self.pass(data);
        }
        if cut.is_some() {
            self.tally.borrow_mut().cut = cut;
            self.ended();
            let last = self.cutting.take().map(|mut cutting| cutting.close());
            self.passed.extend(last);
        }
    }
}

impl http_body::Body for Metered {
    type Data = Bytes;
    type Error = BodyError;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, BodyError>>> {
        let this = &mut *self;
        loop {
            if let Some(chunk) = this.passed.pop_front() {
                return Poll::Ready(Some(Ok(Frame::data(chunk))));
            }
            let Some(inner) = &mut this.inner else {
                return Poll::Ready(None);
            };
            match ready!(Pin::new(inner).poll_frame(cx)) {
                Some(Ok(frame)) => match frame.into_data() {
                    Ok(data) if this.cutting.is_some() => this.push(&data),
                    Ok(data) => {
                        this.tally.borrow_mut().feed(&data, &*this.clock);
                        match &mut this.hide {
                            None => return Poll::Ready(Some(Ok(Frame::data(data)))),
                            Some(hide) => this.passed.extend(hide.push(data)),
                        }
                    }
                    Err(trailers) => return Poll::Ready(Some(Ok(trailers))),
                },
                Some(Err(error)) => {
                    this.inner = None;
                    return Poll::Ready(Some(Err(error)));
                }
                None => this.ended(),
            }
        }
    }

    fn is_end_stream(&self) -> bool {
        // The filters may still hold a part of an event.
        self.passed.is_empty()
            && match &self.inner {
                None => true,
                Some(inner) => self.passes_all() && inner.is_end_stream(),
            }
    }

    fn size_hint(&self) -> SizeHint {
        match &self.inner {
            Some(inner) if self.passes_all() => inner.size_hint(),
            _ => SizeHint::default(),
        }
    }
}

impl Drop for Metered {
    fn drop(&mut self) {
        if let Some(inner) = self.inner.take()
            && !inner.is_end_stream()
        {
            self.tally.borrow_mut().rest = Some(inner);
        }
    }
}
