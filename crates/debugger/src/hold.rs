//! The probe of one exchange: its stack of frames, whether it stops before a step, and what it does while it is held.
//!
//! Made by `session` for each exchange. What must stay true: while it is held the exchange does nothing but answer what it
//! is asked; it goes on when it is told, when the editor is gone, or when nobody said anything for [`LONGEST`].

use crate::breakpoints::Breakpoint;
use crate::inspect::Inspection;
use crate::protocol::Request;
use crate::session::Shared;
use serde_json::{Value, json};
use std::cell::{Cell, RefCell};
use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::sync::mpsc;
use std::time::Duration;
use tollgate_engine::LocalBoxFuture;
use tollgate_engine::exchange::Exchange;
use tollgate_engine::probe::mask::Mask;
use tollgate_engine::probe::{Event, Probe, Stop};
use tollgate_lang::Span;
use tollgate_lang::expr::Target;

/// Longest time that an exchange is held without a word of the editor.
const LONGEST: Duration = Duration::from_secs(3600);

/// What a held exchange is told.
pub(crate) enum Command {
    /// Answer this.
    Ask(Request),
    /// Go on so far.
    Go(Mode),
}

/// Where it stops next, but for breakpoints.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Mode {
    /// Nowhere.
    Run,
    /// Before the next step.
    In,
    /// Before the next step that is not inside this one.
    Over,
    /// Before the next step behind the policy or section around this one.
    Out,
}

/// How commands come.
pub(crate) enum Line {
    /// To a thread that has nothing else to do.
    Blocking(mpsc::Receiver<Command>),
    /// To a thread that serves others too.
    Waiting(tokio::sync::mpsc::UnboundedReceiver<Command>),
}

/// The other end.
#[derive(Clone)]
pub(crate) enum Caller {
    Blocking(mpsc::Sender<Command>),
    Waiting(tokio::sync::mpsc::UnboundedSender<Command>),
}

impl Caller {
    /// `false`: the exchange is over.
    pub(crate) fn send(&self, command: Command) -> bool {
        match self {
            Caller::Blocking(to) => to.send(command).is_ok(),
            Caller::Waiting(to) => to.send(command).is_ok(),
        }
    }
}

impl Line {
    /// The next command; `None`: the editor is gone, or said nothing for too long.
    async fn next(&mut self) -> Option<Command> {
        match self {
            Line::Blocking(from) => from.recv_timeout(LONGEST).ok(),
            Line::Waiting(from) => tokio::time::timeout(LONGEST, from.recv()).await.ok()?,
        }
    }
}

/// Something that has begun and not ended.
#[derive(Clone, Debug)]
pub(crate) struct Frame {
    pub(crate) name: String,
    /// Where it stands, or where its `<base />` does while that runs.
    pub(crate) place: Option<Span>,
    /// Tells its code from other code.
    code: usize,
    /// Whether it is a scope's section that does nothing of its own.
    pub(crate) hidden: bool,
}

/// The probe.
pub(crate) struct Hold {
    shared: Arc<Shared>,
    thread: i64,
    line: RefCell<Option<Line>>,
    frames: RefCell<Vec<Frame>>,
    mode: Cell<Mode>,
    /// Frames around the step that `mode` counts from.
    depth: Cell<usize>,
    hits: RefCell<HashMap<i64, u64>>,
    pub(crate) mask: RefCell<Option<Mask>>,
}

impl Hold {
    pub(crate) fn new(shared: Arc<Shared>, thread: i64, line: Line, mode: Mode) -> Hold {
        Hold {
            shared,
            thread,
            line: RefCell::new(Some(line)),
            frames: RefCell::default(),
            mode: Cell::new(mode),
            depth: Cell::new(0),
            hits: RefCell::default(),
            mask: RefCell::default(),
        }
    }

    fn push(&self, name: String, place: Option<Span>, code: usize, hidden: bool) {
        self.frames.borrow_mut().push(Frame {
            name,
            place,
            code,
            hidden,
        });
    }

    fn pop(&self, code: usize) {
        let mut frames = self.frames.borrow_mut();
        if let Some(at) = frames.iter().rposition(|f| f.code == code) {
            frames.remove(at);
        }
        // What was stepped over or out of has ended: the next step is the one.
        if frames.len() < self.depth.get() && matches!(self.mode.get(), Mode::Over | Mode::Out) {
            self.mode.set(Mode::In);
        }
    }

    /// Hides what the exchange knows to be secret by now.
    fn learn(&self, rq: &Exchange) {
        let mut mask = self.mask.borrow_mut();
        let mask = mask.get_or_insert_with(|| Mask::new(&rq.snapshot.secrets));
        mask.learn_caller(rq);
    }

    pub(crate) fn masked(&self, text: &str) -> String {
        match &*self.mask.borrow() {
            Some(mask) => mask.text(text),
            None => text.to_owned(),
        }
    }

    pub(crate) fn masked_named(&self, name: &str, text: &str) -> String {
        match &*self.mask.borrow() {
            Some(mask) => mask.named(name, text),
            None => text.to_owned(),
        }
    }

    fn says(&self, category: &str, text: &str) {
        let text = self.masked(text);
        self.shared.writer.output(category, &text);
    }

    /// Why to stop before a step, if it does.
    fn reason(&self, rq: &mut Exchange, span: Span) -> Option<Value> {
        let depth = self.frames.borrow().len();
        let paused = self.shared.take_pause(self.thread);
        let stepped = match self.mode.get() {
            Mode::Run => None,
            Mode::In => Some("step"),
            Mode::Over => (depth <= self.depth.get()).then_some("step"),
            Mode::Out => None,
        };
        let mut hit = Vec::new();
        for breakpoint in self.shared.breakpoints.at(&rq.snapshot, span) {
            if self.hits(rq, &breakpoint) {
                hit.push(breakpoint.id);
            }
        }
        let reason = match (hit.is_empty(), paused, stepped) {
            (false, _, _) => "breakpoint",
            (true, true, _) => "pause",
            (true, false, Some(_)) if self.shared.take_entry() => "entry",
            (true, false, Some(step)) => step,
            (true, false, None) => return None,
        };
        Some(json!({
            "reason": reason,
            "threadId": self.thread,
            "allThreadsStopped": false,
            "hitBreakpointIds": hit,
        }))
    }

    /// Whether a breakpoint stops now. A condition that cannot be evaluated is told, and stops.
    fn hits(&self, rq: &mut Exchange, breakpoint: &Breakpoint) -> bool {
        if let Some(condition) = &breakpoint.condition {
            match crate::inspect::evaluate(rq, condition, Target::Bool) {
                Ok(value) if value.as_bool() != Some(true) => return false,
                Ok(_) => {}
                Err(why) => self.says("stderr", &format!("the condition `{condition}`: {why}")),
            }
        }
        let hit = {
            let mut hits = self.hits.borrow_mut();
            let hit = hits.entry(breakpoint.id).or_insert(0);
            *hit += 1;
            *hit
        };
        if hit < breakpoint.from_hit {
            return false;
        }
        if let Some(log) = &breakpoint.log {
            let text = crate::inspect::interpolate(rq, log);
            self.says("console", &text);
            return false;
        }
        true
    }

    /// Holds the exchange until it is told to go on.
    async fn held(&self, rq: &mut Exchange, top: Option<Frame>, why: Value) {
        let Some(mut line) = self.line.borrow_mut().take() else {
            return;
        };
        self.learn(rq);
        let mut frames: Vec<Frame> = top.into_iter().collect();
        frames.extend(self.frames.borrow().iter().rev().cloned());
        let depth = self.frames.borrow().len();
        let mut inspection = Inspection::new(self.thread, frames, why.clone());
        self.shared.set_stopped(self.thread, true);
        self.shared.writer.event("stopped", why);
        loop {
            match line.next().await {
                Some(Command::Ask(request)) => {
                    let answer = inspection.answer(self, rq, &request).await;
                    let (seq, command) = (request.seq, &request.command);
                    self.shared.writer.answer(seq, command, answer);
                }
                Some(Command::Go(mode)) => {
                    self.mode.set(mode);
                    self.depth.set(depth);
                    break;
                }
                None => {
                    // Nobody is there any more: it never stops again.
                    self.mode.set(Mode::Run);
                    self.shared.set_stopped(self.thread, false);
                    return;
                }
            }
        }
        self.shared.set_stopped(self.thread, false);
        *self.line.borrow_mut() = Some(line);
    }
}

impl Probe for Hold {
    fn tell(&self, rq: &Exchange, event: &Event<'_>) {
        match event {
            Event::Matched if rq.inner.is_none() => {
                self.learn(rq);
                for changed in self.shared.breakpoints.load(&rq.snapshot) {
                    let body = json!({ "reason": "changed", "breakpoint": changed });
                    self.shared.writer.event("breakpoint", body);
                }
            }
            Event::SectionBegins(part) => {
                let name = format!(
                    "{} of {} {}",
                    part.section.name(),
                    part.scope.name(),
                    part.id
                );
                // While the documents around run, its own place is its `<base />`.
                let place = part.code.base_place.or(part.code.place);
                let hidden = part.code.place.is_none();
                self.push(
                    name.trim_end().to_owned(),
                    place,
                    address(part.code),
                    hidden,
                );
            }
            Event::SectionEnds(part, _) => self.pop(address(part.code)),
            Event::StepBegins(step) => {
                self.push(
                    step.policy.to_owned(),
                    Some(step.place),
                    address(*step),
                    false,
                );
            }
            Event::StepEnds(step, ..) => self.pop(address(*step)),
            Event::BranchBegins(branch) => {
                let name = branch.path.rsplit('\\').next().unwrap_or(&branch.name);
                self.push(name.to_owned(), Some(branch.place), address(*branch), false);
            }
            Event::BranchEnds(branch) => self.pop(address(*branch)),
            Event::Secret(text) => {
                if let Some(mask) = &*self.mask.borrow() {
                    mask.learn(text);
                }
            }
            Event::Traced {
                source, message, ..
            } => self.says("console", &format!("{source}: {message}")),
            Event::UpstreamRequest {
                origin,
                method,
                uri,
                ..
            } => self.says("console", &format!("-> {method} {}{uri}", origin.authority)),
            Event::UpstreamResponse { status, .. } => {
                self.says("console", &format!("<- {status}"));
            }
            Event::UpstreamFailed(why) => self.says("stderr", &format!("<- no answer: {why}")),
            Event::Failed(failure) => {
                let (source, reason) = (failure.source, failure.reason);
                self.says(
                    "stderr",
                    &format!("{source} failed: {reason}: {}", failure.message),
                );
            }
            Event::Answer(head) if rq.inner.is_none() => {
                self.says("console", &format!("answered {}", head.status()));
            }
            Event::Settled(_) if rq.inner.is_none() => self.shared.thread_ended(self.thread),
            _ => {}
        }
    }

    fn stop<'a>(&'a self, rq: &'a mut Exchange, at: Stop<'a>) -> Option<LocalBoxFuture<'a, ()>> {
        if self.shared.gone.load(Ordering::Acquire) || self.line.borrow().is_none() {
            return None;
        }
        let (why, top) = match at {
            Stop::Step(step) => {
                let why = self.reason(rq, step.place)?;
                let top = Frame {
                    name: step.policy.to_owned(),
                    place: Some(step.place),
                    code: address(step),
                    hidden: false,
                };
                (why, Some(top))
            }
            Stop::Failure(_, failure) => {
                if !self.shared.failures.load(Ordering::Acquire) {
                    return None;
                }
                self.learn(rq);
                let (source, message) = (failure.source, self.masked(&failure.message));
                let why = json!({
                    "reason": "exception",
                    "threadId": self.thread,
                    "allThreadsStopped": false,
                    "description": format!("{source} failed"),
                    "text": format!("{}: {message}", failure.reason),
                    "exceptionId": failure.reason,
                });
                (why, None)
            }
        };
        Some(Box::pin(self.held(rq, top, why)))
    }
}

impl Drop for Hold {
    fn drop(&mut self) {
        // A caller that left: nothing more is told.
        self.shared.thread_ended(self.thread);
    }
}

/// Where code is: tells one step of the snapshot from another.
fn address<T>(code: &T) -> usize {
    std::ptr::from_ref(code).addr()
}
