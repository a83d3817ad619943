//! The probe that makes a trace.
//!
//! Used by `tollgate trace` and, for callers with a debug token, by the gateway. What must stay true: it holds at most
//! [`MOST_ENTRIES`] entries and [`MOST_BYTES`] of text; `done` is called once, when the exchange has settled.

use super::{Entry, Rejected, Request, Response, Shown, Source, Trace, What};
use crate::exchange::Exchange;
use crate::probe::mask::Mask;
use crate::probe::{self, CacheAccess, Event, Probe, show};
use crate::services::TraceSeverity;
use crate::step::Flow;
use http::HeaderMap;
use std::cell::{Cell, RefCell};
use std::time::Instant;
use tollgate_lang::Span;
use tollgate_lang::value::Value;

/// Most entries of a trace.
const MOST_ENTRIES: usize = 10_000;

/// Most bytes of text that are kept while the exchange runs.
const MOST_BYTES: usize = 8 << 20;

/// Most bytes of one text in a finished trace.
const LONGEST: usize = 8 << 10;

/// Most bytes of the answer's body.
const MOST_BODY: usize = 32 << 10;

/// Says of an exchange whether it is to be recorded, once its API and caller are known.
type Allowed = Box<dyn Fn(&Exchange) -> bool>;

/// What is done with the trace.
type Done = Box<dyn FnOnce(Trace)>;

/// Records one exchange.
pub struct Recorder {
    state: RefCell<State>,
    allowed: Option<Allowed>,
    done: Cell<Option<Done>>,
    /// What was recorded is not to be kept.
    refused: Cell<bool>,
}

/// Real time that passes beside the services' clock.
#[derive(Clone, Copy)]
struct Stopwatch(Instant);

#[derive(Default)]
struct State {
    trace: Trace,
    mask: Option<Mask>,
    nodes: Vec<Node>,
    /// Entries that have begun and not ended, innermost last.
    open: Vec<usize>,
    bytes: usize,
    body: Vec<u8>,
    stopwatch: Option<Stopwatch>,
}

struct Node {
    parent: Option<usize>,
    /// Tells one step from another: where its code is.
    step: usize,
    entry: Entry,
}

impl Recorder {
    /// A recorder that hands the trace to `done` when the exchange has settled.
    pub fn new(done: impl FnOnce(Trace) + 'static) -> Recorder {
        Recorder {
            state: RefCell::default(),
            allowed: None,
            done: Cell::new(Some(Box::new(done))),
            refused: Cell::new(false),
        }
    }

    /// Asks, when the API is known and again when the caller is, whether to go on; else nothing is kept.
    #[must_use]
    pub fn only_if(mut self, allowed: impl Fn(&Exchange) -> bool + 'static) -> Recorder {
        self.allowed = Some(Box::new(allowed));
        self
    }

    /// Also counts the time that really passes: for a clock that moves only when something waits.
    #[must_use]
    pub fn with_real_time(self) -> Recorder {
        self.state.borrow_mut().stopwatch = Some(Stopwatch(Instant::now()));
        self
    }

    /// Whether it was told to keep nothing.
    pub fn is_refused(&self) -> bool {
        self.refused.get()
    }
}

impl Probe for Recorder {
    fn tell(&self, rq: &Exchange, event: &Event<'_>) {
        if self.refused.get() {
            return;
        }
        if matches!(event, Event::Matched | Event::Identified)
            && rq.inner.is_none()
            && self.allowed.as_ref().is_some_and(|allowed| !allowed(rq))
        {
            self.refused.set(true);
            *self.state.borrow_mut() = State::default();
            return;
        }
        let mut state = self.state.borrow_mut();
        state.tell(rq, event);
        if let Event::Settled(outcome) = event
            && rq.inner.is_none()
            && let Some(done) = self.done.take()
        {
            let trace = state.finish(rq, outcome.as_str());
            drop(state);
            done(trace);
        }
    }

    fn traces(&self) -> bool {
        !self.refused.get()
    }
}

/// Whole microseconds.
fn micros(nanos: u64) -> u64 {
    nanos / 1000
}

fn decision(flow: &Flow) -> &'static str {
    match flow {
        Flow::Next | Flow::Wait => "next",
        Flow::Return => "return",
        Flow::Answered => "answered",
        Flow::Fail(_) => "failed",
    }
}

impl State {
    /// Microseconds since the request came.
    fn now(&self, rq: &Exchange) -> u64 {
        let nanos = rq.services.clock.monotonic_nanos();
        let real = self.stopwatch.map_or(0, |s| s.0.elapsed().as_micros());
        micros(nanos.saturating_sub(rq.received_nanos))
            .saturating_add(u64::try_from(real).unwrap_or(u64::MAX))
    }

    fn mask(&mut self, rq: &Exchange) -> &Mask {
        self.mask
            .get_or_insert_with(|| Mask::new(&rq.snapshot.secrets))
    }

    /// A text as it may be kept: masked as far as is known now.
    fn text(&mut self, rq: &Exchange, text: &str) -> String {
        if self.bytes > MOST_BYTES {
            return String::from("(the trace is full)");
        }
        let text = self.mask(rq).text(text);
        self.bytes += text.len();
        text
    }

    fn named(&mut self, rq: &Exchange, name: &str, value: &str) -> String {
        let value = self.mask(rq).named(name, value);
        self.text(rq, &value)
    }

    fn shown(&mut self, rq: &Exchange, name: &str, value: &Value) -> Shown {
        let text = show::text(value);
        Shown {
            of: show::type_name(value),
            // Numbers and flags have no secrets.
            value: match value {
                Value::Str(_) | Value::Bytes(_) => self.named(rq, name, &text),
                _ => self.text(rq, &text),
            },
        }
    }

    fn headers(&mut self, rq: &Exchange, headers: &HeaderMap) -> Vec<(String, String)> {
        self.mask(rq).learn_headers(headers);
        let pairs = headers.iter();
        pairs
            .map(|(name, value)| {
                let value = String::from_utf8_lossy(value.as_bytes());
                (name.to_string(), self.named(rq, name.as_str(), &value))
            })
            .collect()
    }

    fn source(rq: &Exchange, place: Option<Span>) -> Option<Source> {
        let position = rq.snapshot.texts.position(place?)?;
        Some(Source {
            file: position.file.to_string(),
            line: position.line,
            column: position.column,
        })
    }

    /// Adds an entry under the innermost open one; `step` marks one that will end.
    fn push(&mut self, rq: &Exchange, what: What, place: Option<Span>, step: Option<usize>) {
        if self.nodes.len() >= MOST_ENTRIES {
            self.trace.dropped += 1;
            return;
        }
        let at_micros = self.now(rq);
        let at = self.nodes.len();
        self.nodes.push(Node {
            parent: self.open.last().copied(),
            step: step.unwrap_or(0),
            entry: Entry {
                what,
                at_micros,
                duration_micros: None,
                source: State::source(rq, place),
                entries: Vec::new(),
            },
        });
        if step.is_some() {
            self.open.push(at);
        }
    }

    /// Ends the innermost open entry of a step, with those inside it that did not end by themselves.
    fn end(&mut self, rq: &Exchange, step: usize, ended: Option<&Flow>) {
        let Some(from) = self
            .open
            .iter()
            .rposition(|at| self.nodes[*at].step == step)
        else {
            return;
        };
        let now = self.now(rq);
        let at = self.open.remove(from);
        let entry = &mut self.nodes[at].entry;
        entry.duration_micros = Some(now.saturating_sub(entry.at_micros));
        if let (What::Step { decision: said, .. }, Some(flow)) = (&mut entry.what, ended) {
            *said = decision(flow);
        }
    }

    fn tell(&mut self, rq: &Exchange, event: &Event<'_>) {
        match event {
            Event::Matched if rq.inner.is_none() => {
                self.mask(rq).learn_caller(rq);
                self.begin(rq);
            }
            Event::Identified if rq.inner.is_none() => {
                self.mask(rq).learn_caller(rq);
                self.matched(rq);
            }
            Event::SectionBegins(part) => {
                let what = What::Section {
                    section: part.section.name(),
                    scope: part.scope.name(),
                    id: part.id.to_owned(),
                    inherits: part.code.place.is_none(),
                };
                self.push(rq, what, part.code.place, Some(address(part.code)));
            }
            Event::SectionEnds(part, flow) => self.end(rq, address(part.code), Some(flow)),
            Event::StepBegins(step) => {
                let what = What::Step {
                    policy: step.policy.to_owned(),
                    path: step.path.to_string(),
                    decision: "cut short",
                };
                self.push(rq, what, Some(step.place), Some(address(*step)));
            }
            Event::StepResumes(step) => {
                let step = address(*step);
                let found = self
                    .open
                    .iter()
                    .rposition(|at| self.nodes[*at].step == step);
                if let Some(from) = found {
                    let at = self.open.remove(from);
                    self.open.push(at);
                }
            }
            Event::StepEnds(step, flow, _) => self.end(rq, address(*step), Some(flow)),
            Event::BranchBegins(branch) => {
                let what = What::Branch {
                    name: branch.name.to_string(),
                    path: branch.path.to_string(),
                };
                self.push(rq, what, Some(branch.place), Some(address(*branch)));
            }
            Event::BranchEnds(branch) => self.end(rq, address(*branch), None),
            event => self.happened(rq, event),
        }
    }

    /// What has no end.
    fn happened(&mut self, rq: &Exchange, event: &Event<'_>) {
        let (what, place) = match event {
            Event::Attempt(number) => (What::Attempt { number: *number }, None),
            Event::Evaluated {
                place,
                secret,
                result,
            } => (self.evaluated(rq, *place, *secret, result), Some(*place)),
            Event::VariableSet {
                name,
                before,
                after,
            } => {
                let what = What::Variable {
                    name: (*name).to_owned(),
                    before: before.map(|value| self.shown(rq, name, value)),
                    after: self.shown(rq, name, after),
                };
                (what, None)
            }
            Event::BackendChosen(chosen) => (self.chosen(rq, chosen), None),
            Event::UpstreamRequest {
                origin,
                method,
                uri,
                headers,
            } => {
                let scheme = if origin.tls.is_some() {
                    "https"
                } else {
                    "http"
                };
                let request = Request {
                    method: method.to_string(),
                    headers: self.headers(rq, headers),
                    url: self.text(rq, &format!("{scheme}://{}{uri}", origin.authority)),
                };
                (What::UpstreamRequest(request), None)
            }
            Event::UpstreamResponse { status, headers } => {
                let response = Response {
                    status: status.as_u16(),
                    headers: self.headers(rq, headers),
                    ..Response::default()
                };
                (What::UpstreamResponse(response), None)
            }
            Event::UpstreamFailed(why) => {
                let message = self.text(rq, why);
                (What::UpstreamFailure { message }, None)
            }
            Event::Counter(counted) => {
                let what = What::Counter {
                    key: self.text(rq, counted.key),
                    limit: counted.limit,
                    count: counted.count,
                    before: counted.used.map(|(before, _)| before),
                    after: counted.used.map(|(_, after)| after),
                    remaining: counted.remaining,
                    allowed: counted.allowed,
                };
                (what, None)
            }
            Event::Cache { access, key } => {
                let access = match access {
                    CacheAccess::Hit => "hit",
                    CacheAccess::Miss => "miss",
                    CacheAccess::Stored => "stored",
                    CacheAccess::Removed => "removed",
                };
                let key = self.text(rq, key);
                (What::Cache { access, key }, None)
            }
            Event::Traced {
                source,
                severity,
                message,
                metadata,
            } => {
                let what = What::Message {
                    origin: (*source).to_owned(),
                    severity: match severity {
                        TraceSeverity::Verbose => "verbose",
                        TraceSeverity::Information => "information",
                        TraceSeverity::Error => "error",
                    },
                    message: self.text(rq, message),
                    metadata: metadata
                        .iter()
                        .map(|(n, v)| (n.to_string(), self.named(rq, n, v)))
                        .collect(),
                };
                (what, None)
            }
            Event::Failed(failure) => {
                let what = What::Failure {
                    origin: failure.source.to_owned(),
                    reason: failure.reason.to_owned(),
                    message: self.text(rq, &failure.message),
                    status: failure.status.as_u16(),
                };
                (what, None)
            }
            Event::Answer(head) if rq.inner.is_some() => {
                let status = head.status().as_u16();
                (What::ToolAnswer { status }, None)
            }
            Event::Secret(text) => return self.mask(rq).learn(text),
            Event::Answer(head) => {
                let headers = self.headers(rq, head.headers());
                self.trace.response = Some(Response {
                    status: head.status().as_u16(),
                    headers,
                    ..Response::default()
                });
                return;
            }
            Event::AnswerData(data) if rq.inner.is_none() => {
                let room = MOST_BODY.saturating_sub(self.body.len()).min(data.len());
                self.body.extend_from_slice(&data[..room]);
                return;
            }
            _ => return,
        };
        self.push(rq, what, place, None);
    }

    fn evaluated(
        &mut self,
        rq: &Exchange,
        place: Span,
        secret: bool,
        result: &Result<&Value, &tollgate_lang::expr::EvalError>,
    ) -> What {
        let texts = rq.snapshot.clone();
        let text = texts.texts.text(place).unwrap_or_default();
        let hidden = secret
            && matches!(
                result,
                Ok(Value::Str(_)
                    | Value::Bytes(_)
                    | Value::Token(_)
                    | Value::List(_)
                    | Value::Dict(_)
                    | Value::Object(_))
            );
        if hidden && let Ok(value) = result {
            // What is made of a secret is one, wherever it goes.
            self.mask(rq).learn(&show::text(value));
        }
        What::Expression {
            text: self.text(rq, text),
            result: match result {
                Ok(value) if hidden => Some(Shown {
                    of: show::type_name(value),
                    value: String::from(probe::mask::HIDDEN),
                }),
                Ok(value) => Some(self.shown(rq, "", value)),
                Err(_) => None,
            },
            error: match result {
                Ok(_) => None,
                Err(error) if secret => Some(error.exception.to_owned()),
                Err(error) => {
                    let text = format!("{}: {}", error.exception, error.message);
                    Some(self.text(rq, &text))
                }
            },
        }
    }

    fn chosen(&mut self, rq: &Exchange, chosen: &probe::Chosen<'_>) -> What {
        let name = |index| rq.snapshot.backend(index).id.to_string();
        What::Backend {
            id: chosen.backend.map(name),
            url: chosen.url.map(|url| {
                let scheme = if url.origin.tls.is_some() {
                    "https"
                } else {
                    "http"
                };
                let text = format!("{scheme}://{}{}", url.origin.authority, url.path);
                self.text(rq, &text)
            }),
            rejected: chosen
                .rejected
                .iter()
                .map(|(index, why)| Rejected {
                    id: name(*index),
                    reason: why.to_string(),
                })
                .collect(),
        }
    }

    /// The request as it came.
    fn begin(&mut self, rq: &Exchange) {
        let url = format!(
            "{}://{}{}",
            rq.request.scheme, rq.request.authority, rq.request.path_and_query
        );
        let time = jiff::Timestamp::from_nanosecond(i128::from(rq.received_unix_nanos));
        self.trace.request_id = uuid::Uuid::from_u128(rq.id).to_string();
        self.trace.time = time.map(|t| t.to_string()).unwrap_or_default();
        self.trace.request = Request {
            method: rq.request.method.to_string(),
            headers: self.headers(rq, &rq.request.headers),
            url: self.text(rq, &url),
        };
        self.matched(rq);
    }

    fn matched(&mut self, rq: &Exchange) {
        let found = [
            ("api", rq.api().map(|a| &a.id)),
            ("operation", rq.operation().map(|o| &o.id)),
            ("product", rq.product().map(|p| &p.id)),
            ("subscription", rq.subscription().map(|s| &s.id)),
            ("user", rq.user().map(|u| &u.id)),
        ];
        let found = found
            .into_iter()
            .filter_map(|(n, id)| Some((n, id?.to_string())));
        self.trace.matched = found.collect();
    }

    /// The trace as a tree, masked once more with all that was learned.
    fn finish(&mut self, rq: &Exchange, outcome: &'static str) -> Trace {
        let mut trace = std::mem::take(&mut self.trace);
        trace.outcome = Some(outcome);
        trace.elapsed_micros = self.now(rq);
        if let Some(response) = &mut trace.response {
            response.body_bytes = rq.sent_bytes;
            response.body = String::from_utf8_lossy(&self.body).into_owned();
        }
        // Children stand behind their parents: from the back, each is whole when it is hung up.
        while let Some(mut node) = self.nodes.pop() {
            node.entry.entries.reverse();
            match node.parent.and_then(|at| self.nodes.get_mut(at)) {
                Some(parent) => parent.entry.entries.push(node.entry),
                None => trace.entries.push(node.entry),
            }
        }
        trace.entries.reverse();
        let mask = self.mask.take().unwrap_or_default();
        trace.each_text(&|text| {
            *text = mask.text(text);
            if text.len() > LONGEST {
                text.truncate(text.floor_char_boundary(LONGEST));
                text.push_str("...");
            }
        });
        trace
    }
}

/// Where code is: tells one step of the snapshot from another.
fn address<T>(code: &T) -> usize {
    std::ptr::from_ref(code).addr()
}
