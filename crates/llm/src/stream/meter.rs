//! The meter: sees every chunk of a response and tells, at the end, what it used.
//!
//! What must hold: it only looks, and never delays or changes a chunk; it answers the same however the stream is cut;
//! an event without a usage object is not parsed but for its delta; memory is bounded (`TEXT_LIMIT` of output text,
//! `BODY_LIMIT` of a whole body). Broken events are passed over: the provider's own report decides.

use std::borrow::Cow;
use std::sync::LazyLock;

use bytes::Bytes;
use memchr::memmem::Finder;

use super::hide::{USAGE, has_usage_object};
use super::{deltas, finish};
use crate::dialect::Operation;
use crate::eventstream;
use crate::json;
use crate::sse::{self, Event, Splitter};
use crate::tokens;
use crate::usage::{self, Counts, Found, Usage};

/// Output text held for an estimate before it is counted and dropped.
const TEXT_LIMIT: usize = 64 << 10;
/// Whole bodies above this are not searched for usage, except embeddings, whose end is enough.
const BODY_LIMIT: usize = 16 << 20;
/// How much of the end of an embeddings answer is kept; usage stands in its last few hundred bytes.
const EMBEDDINGS_TAIL: usize = 16 << 10;

static MODEL: LazyLock<Finder<'static>> = LazyLock::new(|| Finder::new("\"model\""));
static FINISH: LazyLock<Finder<'static>> = LazyLock::new(|| Finder::new("\"finish_reason\""));
static STOP: LazyLock<Finder<'static>> = LazyLock::new(|| Finder::new("\"stop_reason\""));
static GEMINI_FINISH: LazyLock<Finder<'static>> = LazyLock::new(|| Finder::new("\"finishReason\""));
static BEDROCK_STOP: LazyLock<Finder<'static>> = LazyLock::new(|| Finder::new("\"stopReason\""));
pub(super) static VERTEX: LazyLock<Finder<'static>> =
    LazyLock::new(|| Finder::new("\"usageMetadata\""));
static METRICS: LazyLock<Finder<'static>> =
    LazyLock::new(|| Finder::new("\"amazon-bedrock-invocationMetrics\""));

/// What a response used, as far as it was seen.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Metered {
    /// Reported usage; else an estimate when output was seen; else `None` (an error, a hang-up before the first token).
    pub usage: Option<Usage>,
    /// The model that the provider says it served.
    pub model: Option<String>,
    /// Events of the stream that carry data, `[DONE]` not counted; 0 for a whole body.
    pub events: u64,
    /// Pieces of output text; about one per token.
    pub deltas: u64,
    /// Which event (from 0) brought the first output text.
    pub first_token: Option<u64>,
    /// `finish_reason` of the last choice that finished (chat, completions), or what others call it: `stop_reason`
    /// (Anthropic), `finishReason` (Gemini), `stopReason` (Bedrock); why an answer of Responses is incomplete.
    pub finish_reason: Option<String>,
    /// The stream said that it is complete: `[DONE]`, or a final Responses or Anthropic event.
    pub complete: bool,
}

/// Watches one response.
#[derive(Debug)]
pub struct Meter {
    operation: Operation,
    form: Form,
    counts: Counts,
    headers: Option<Usage>,
    estimating: bool,
    /// Output text not yet counted.
    text: String,
    /// Tokens of the output text that was counted and dropped.
    counted: u64,
    seen: Metered,
}

#[derive(Debug)]
enum Form {
    Events(Splitter),
    Frames(eventstream::Splitter),
    Body(Body),
}

/// A whole body, or its end. The usual body is one chunk and is not copied.
#[derive(Debug, Default)]
struct Body {
    only: Bytes,
    joined: Vec<u8>,
    /// The front is missing.
    cut: bool,
}

impl Body {
    fn push(&mut self, operation: Operation, chunk: &Bytes) {
        if self.joined.is_empty() && self.only.is_empty() && !self.cut {
            self.only = chunk.clone();
            return;
        }
        if self.joined.is_empty() {
            self.joined
                .extend_from_slice(&std::mem::take(&mut self.only));
        }
        if operation == Operation::Embeddings {
            self.joined.extend_from_slice(chunk);
            if self.joined.len() > 2 * EMBEDDINGS_TAIL {
                self.joined.drain(..self.joined.len() - EMBEDDINGS_TAIL);
            }
        } else if self.cut || self.joined.len() + chunk.len() > BODY_LIMIT {
            self.cut = true;
            self.joined = Vec::new();
        } else {
            self.joined.extend_from_slice(chunk);
        }
    }

    fn bytes(&self) -> &[u8] {
        if self.joined.is_empty() {
            &self.only
        } else {
            &self.joined
        }
    }
}

impl Meter {
    /// A meter for a stream of server-sent events.
    #[must_use]
    pub fn events(operation: Operation) -> Self {
        Self::new(operation, Form::Events(Splitter::default()))
    }

    /// A meter for a stream in Amazon's framing: Bedrock's `ConverseStream` and `InvokeModelWithResponseStream`.
    #[must_use]
    pub fn frames(operation: Operation) -> Self {
        Self::new(operation, Form::Frames(eventstream::Splitter::default()))
    }

    /// A meter for a whole JSON body that passes in chunks.
    #[must_use]
    pub fn body(operation: Operation) -> Self {
        Self::new(operation, Form::Body(Body::default()))
    }

    fn new(operation: Operation, form: Form) -> Self {
        Self {
            operation,
            form,
            counts: Counts::default(),
            headers: None,
            estimating: true,
            text: String::new(),
            counted: 0,
            seen: Metered::default(),
        }
    }

    /// Do not keep output text: without reported usage the estimate is one token for each delta, which is close for
    /// OpenAI's streams. Deltas are still counted.
    #[must_use]
    pub fn without_text(mut self) -> Self {
        self.estimating = false;
        self
    }

    /// Sees the next chunk, as the upstream sent it.
    pub fn feed(&mut self, chunk: &Bytes) {
        match &mut self.form {
            Form::Body(body) => body.push(self.operation, chunk),
            Form::Events(splitter) => {
                let mut splitter = std::mem::take(splitter);
                splitter.look(chunk, |event| self.event(&event));
                self.form = Form::Events(splitter);
            }
            Form::Frames(splitter) => {
                let mut splitter = std::mem::take(splitter);
                splitter.look(chunk, |frame| self.frame(&frame));
                self.form = Form::Frames(splitter);
            }
        }
    }

    /// Usage that stands in the response's headers ([`usage::from_headers`]): taken where the body says nothing.
    pub fn headers(&mut self, usage: Option<Usage>) {
        self.headers = usage;
    }

    /// Usage that the provider has reported so far.
    #[must_use]
    pub fn reported(&self) -> Option<Usage> {
        self.counts.usage().or(self.headers)
    }

    /// Which event (from 0) brought the first output text; the caller notes the time when it becomes `Some`.
    #[must_use]
    pub fn first_token(&self) -> Option<u64> {
        self.seen.first_token
    }

    /// The end: the response is complete, or was cut off here. `prompt` is the estimate of the prompt's tokens and
    /// `model` the model to count for; both matter only when the provider reported nothing.
    pub fn finish(&mut self, prompt: u64, model: &str) -> Metered {
        match &mut self.form {
            Form::Events(splitter) => {
                if let Some(event) = splitter.finish() {
                    self.event(&Event {
                        raw: &event.raw[..],
                        whole: event.whole,
                    });
                }
                self.seen.usage = self.streamed(prompt, model);
            }
            Form::Frames(_) => self.seen.usage = self.streamed(prompt, model),
            Form::Body(body) => {
                let body = std::mem::take(body);
                self.seen.finish_reason = finish::reason(self.operation, body.bytes());
                if let Some((usage, model)) = usage::from_body(self.operation, body.bytes()) {
                    self.seen.usage = Some(usage);
                    self.seen.model = model.map(Cow::into_owned);
                    self.seen.complete = true;
                } else {
                    self.seen.usage = self.headers;
                }
            }
        }
        std::mem::take(&mut self.seen)
    }

    /// The usage of a stream: as reported, else as estimated. A report of the beginning alone (the stream was cut off)
    /// keeps its prompt; the output that was seen since is estimated.
    fn streamed(&mut self, prompt: u64, model: &str) -> Option<Usage> {
        let Some(mut usage) = self.counts.usage() else {
            return self.headers.or_else(|| self.estimate(prompt, model));
        };
        if self.counts.is_preliminary()
            && let Some(seen) = self.estimate(usage.input, model)
            && seen.output > usage.output
        {
            usage.output = seen.output;
            usage.total = seen.total;
            usage.estimated = true;
        }
        Some(usage)
    }

    fn estimate(&mut self, prompt: u64, model: &str) -> Option<Usage> {
        if self.seen.deltas == 0 {
            return None;
        }
        let output = if self.estimating {
            self.count_text(self.seen.model.clone().as_deref().unwrap_or(model));
            self.counted
        } else {
            self.seen.deltas
        };
        Some(Usage::estimate(prompt, output))
    }

    fn count_text(&mut self, model: &str) {
        self.counted = self
            .counted
            .saturating_add(tokens::count(model, &self.text));
        self.text.clear();
    }

    fn event(&mut self, event: &Event<&[u8]>) {
        if !event.whole {
            return;
        }
        // Which of its line ends an event is given depends on where the stream is cut.
        let raw = without_line_ends(event.raw);
        // `data: [DONE]`, comments and blank lines are short, events of a model are not.
        if raw.len() < 32 {
            match sse::data(raw).as_deref() {
                None => return,
                Some(b"[DONE]") => {
                    self.seen.complete = true;
                    return;
                }
                Some(_) => {}
            }
        }
        self.data(raw, sse::data, |raw| {
            let event = Event { raw, whole: true };
            event.field("event").is_some_and(is_last)
        });
    }

    /// A frame of `ConverseStream` holds the event; one of `InvokeModelWithResponseStream` the model's own event, coded.
    fn frame(&mut self, frame: &eventstream::Frame<'_>) {
        let kind = frame.header(":event-type").unwrap_or_default();
        let Some(payload) = frame.event() else {
            return;
        };
        // What comes last: the metadata; for other models the metrics that Bedrock puts into the last event.
        let last = kind == b"metadata" || METRICS.find(&payload).is_some();
        self.data(&payload, |raw| Some(Cow::Borrowed(raw)), |_| last);
        self.seen.complete |= last;
    }

    /// An event: `json` finds its JSON in its bytes, `last` says whether it ends the answer.
    fn data(
        &mut self,
        raw: &[u8],
        json: impl Fn(&[u8]) -> Option<Cow<'_, [u8]>>,
        last: impl Fn(&[u8]) -> bool,
    ) {
        if has_usage_object(raw)
            || (self.operation == Operation::Other
                && (VERTEX.find(raw).is_some() || METRICS.find(raw).is_some()))
        {
            self.read_usage(json(raw));
        }
        let deltas = self.seen.deltas;
        let (text, estimating, count) = (&mut self.text, self.estimating, &mut self.seen.deltas);
        deltas::texts(self.operation, raw, |piece| {
            *count += 1;
            if estimating {
                text.push_str(piece);
            }
        });
        if self.seen.deltas > deltas {
            self.seen.first_token.get_or_insert(self.seen.events);
            if self.text.len() >= TEXT_LIMIT {
                let model = self.seen.model.clone().unwrap_or_default();
                self.count_text(&model);
            }
        }
        // Gemini says how it ended beside its last text.
        if self.seen.deltas == deltas || self.operation == Operation::Other {
            self.look_for_end(raw, last);
        }
        if self.seen.model.is_none() {
            self.look_for_model(raw);
        }
        self.seen.events += 1;
    }

    fn read_usage(&mut self, data: Option<Cow<'_, [u8]>>) {
        let Some(data) = data else {
            return;
        };
        let mut found = Found {
            counts: self.counts,
            ..Found::default()
        };
        if json::members(&data, |name, value| found.member(name, value)).is_err() {
            return;
        }
        self.counts = found.counts;
        // Of the Responses API only the last event carries it.
        if self.operation == Operation::Responses {
            self.seen.complete = true;
            self.seen.finish_reason = finish::reason(self.operation, &data);
        }
        if let Some(model) = found.model.filter(|model| !model.is_empty()) {
            self.seen.model = Some(model.into_owned());
        }
    }

    /// An event without output text may be the one that ends a choice or the answer.
    fn look_for_end(&mut self, raw: &[u8], last: impl Fn(&[u8]) -> bool) {
        if matches!(self.operation, Operation::Responses | Operation::Other) {
            self.seen.complete |= last(raw);
        }
        let names: &[&LazyLock<Finder<'static>>] = match self.operation {
            Operation::Other => &[&FINISH, &STOP, &GEMINI_FINISH, &BEDROCK_STOP],
            _ => &[&FINISH],
        };
        for name in names {
            if let Some(reason) = json::value_of(raw, name, 0)
                .and_then(|at| json::leading(&raw[at..]))
                .and_then(json::text)
            {
                self.seen.finish_reason = Some(reason.into_owned());
            }
        }
    }

    /// The first event that names the model does it early; Azure's first event names an empty one.
    fn look_for_model(&mut self, raw: &[u8]) {
        let model = json::value_of(raw, &MODEL, 0)
            .and_then(|at| json::leading(&raw[at..]))
            .and_then(json::text);
        self.seen.model = model.filter(|model| !model.is_empty()).map(Cow::into_owned);
    }
}

/// Whether an event of this name ends an answer.
fn is_last(name: &[u8]) -> bool {
    matches!(
        name,
        b"response.completed"
            | b"response.incomplete"
            | b"response.failed"
            | b"message_stop"
            | b"image_generation.completed"
            | b"image_edit.completed"
            | b"transcript.text.done"
    )
}

fn without_line_ends(mut raw: &[u8]) -> &[u8] {
    while let [b'\r' | b'\n', rest @ ..] | [rest @ .., b'\r' | b'\n'] = raw {
        raw = rest;
    }
    raw
}

/// The scanners build their tables on first use; called at start so that no request waits for it.
pub(crate) fn warm_up() {
    LazyLock::force(&USAGE);
    LazyLock::force(&MODEL);
    LazyLock::force(&FINISH);
    for finder in [&VERTEX, &STOP, &GEMINI_FINISH, &BEDROCK_STOP] {
        LazyLock::force(finder);
    }
    LazyLock::force(&METRICS);
}
