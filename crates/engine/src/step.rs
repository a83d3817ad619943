//! A step of a compiled document, and a block of them.
//!
//! What must stay true: a step that can answer at once does not allocate; only a step that said [`Flow::Wait`] is
//! asked for a future. Bodies that a step reads are in memory before it runs ([`Needs`], known at load).

use crate::LocalBoxFuture;
use crate::exchange::{Exchange, Then};
use crate::failure::Failure;
use crate::probe::{Event, Stop};
use std::fmt;
use std::sync::Arc;
use std::time::Duration;
use tollgate_lang::Span;
use tollgate_lang::expr::Reads;

/// What a step decided.
#[derive(Debug)]
pub enum Flow {
    /// Go on with the next step.
    Next,
    /// The response is ready: send it, run nothing more.
    Return,
    /// The response is ready, as if the backend had given it: skip the rest of inbound and the backend, run outbound.
    Answered,
    /// Go to on-error.
    Fail(Box<Failure>),
    /// Only from [`Step::run`]: call [`Step::wait`].
    Wait,
}

impl From<Result<(), Box<Failure>>> for Flow {
    fn from(result: Result<(), Box<Failure>>) -> Flow {
        match result {
            Ok(()) => Flow::Next,
            Err(failure) => Flow::Fail(failure),
        }
    }
}

/// A compiled policy element.
pub trait Step: Send + Sync {
    /// Runs, or says [`Flow::Wait`].
    fn run(&self, rq: &mut Exchange) -> Flow;

    /// The waiting form, called only after `run` said [`Flow::Wait`]. A step whose `run` ends in [`Exchange::after`]
    /// needs none of its own.
    fn wait<'a>(&'a self, rq: &'a mut Exchange) -> LocalBoxFuture<'a, Flow> {
        Box::pin(rq.go_on())
    }

    /// The policies that it comes down to, for a step of which nothing else is left once they are chosen (`choose`).
    /// `wait` asks for them so that they run beside others; `None`: the step runs as a whole.
    fn branch(&self, rq: &mut Exchange) -> Option<Result<&Block, Box<Failure>>> {
        let _ = rq;
        None
    }

    /// Answers a CORS preflight; only `cors` does.
    fn preflight(&self, rq: &mut Exchange) -> Preflight {
        let _ = rq;
        Preflight::Pass
    }

    /// Whether `run` may ever say [`Flow::Wait`].
    fn may_wait(&self) -> bool {
        false
    }
}

/// How a step began that runs beside others ([`crate::parallel`]).
pub(crate) enum Began<'a> {
    /// It is over.
    Ended(Flow),
    /// It waits for something that needs no exchange; it began at this time.
    Later(LocalBoxFuture<'static, Then>, u64),
    /// It comes down to these policies.
    Branch(&'a Block),
}

/// What a step says to a CORS preflight.
#[derive(Debug)]
pub enum Preflight {
    /// It has no say.
    Pass,
    /// A `cors` policy that does not allow it and leaves it to others.
    Unmatched,
    /// The answer.
    Done(Flow),
}

/// Bodies that must be in memory before a step runs.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Needs {
    /// `context.Request.Body`.
    pub request_body: bool,
    /// `context.Response.Body`.
    pub response_body: bool,
}

impl Needs {
    /// Whether nothing is needed.
    pub fn none(self) -> bool {
        !self.request_body && !self.response_body
    }
}

impl From<Reads> for Needs {
    fn from(reads: Reads) -> Needs {
        Needs {
            request_body: reads.request_body,
            response_body: reads.response_body,
        }
    }
}

/// A step with its place in the document.
pub struct PlacedStep {
    /// Element name.
    pub policy: &'static str,
    /// The `id` attribute.
    pub id: Option<Arc<str>>,
    /// Nesting such as `choose\otherwise\choose[3]`: numbered from 1 where several stand side by side.
    pub path: Arc<str>,
    /// Its element's name, in the text that the user wrote.
    pub place: Span,
    /// Bodies it reads itself (not its children).
    pub needs: Needs,
    /// The step.
    pub step: Box<dyn Step>,
}

impl fmt::Debug for PlacedStep {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.path)
    }
}

/// A child of a container that holds policies (`when`, `otherwise`), as the branch that it is.
#[derive(Clone, Debug)]
pub struct Branch {
    /// Element name.
    pub name: Arc<str>,
    /// Nesting, as of a step.
    pub path: Arc<str>,
    /// Its element's name, in the text that the user wrote.
    pub place: Span,
}

/// Steps in document order.
#[derive(Debug, Default)]
pub struct Block {
    /// The steps.
    pub steps: Vec<PlacedStep>,
    /// The branch whose steps they are, if they are one's.
    pub branch: Option<Box<Branch>>,
    may_wait: bool,
}

impl Block {
    /// A block of these steps.
    pub fn new(steps: Vec<PlacedStep>) -> Block {
        let may_wait = steps.iter().any(|s| !s.needs.none() || s.step.may_wait());
        Block {
            steps,
            branch: None,
            may_wait,
        }
    }

    /// Whether running it may wait. Known at load: what a container's own `may_wait` asks.
    pub fn may_wait(&self) -> bool {
        self.may_wait
    }

    /// Whether it runs in its waiting form: it may wait, or a probe watches, which may hold it. What a container's
    /// `run` asks.
    #[inline]
    pub fn waits(&self, rq: &Exchange) -> bool {
        self.may_wait || rq.is_observed()
    }

    /// Whether there is nothing to do.
    pub fn is_empty(&self) -> bool {
        self.steps.is_empty()
    }

    /// Asks the steps, in order, for the answer to a CORS preflight.
    pub fn preflight(&self, rq: &mut Exchange) -> Preflight {
        let mut found = Preflight::Pass;
        for placed in &self.steps {
            match placed.step.preflight(rq) {
                Preflight::Pass => {}
                Preflight::Unmatched => found = Preflight::Unmatched,
                Preflight::Done(flow) => {
                    let flow = placed.over(flow);
                    rq.tell(|| Event::StepBegins(placed));
                    rq.tell(|| Event::StepEnds(placed, &flow, Duration::ZERO));
                    return Preflight::Done(flow);
                }
            }
        }
        found
    }

    /// Runs a block that cannot wait. A container calls this when [`Block::waits`] is false.
    pub fn run_now(&self, rq: &mut Exchange) -> Flow {
        Block::now(&self.steps, rq)
    }

    /// As [`Block::run_now`] and [`Block::run`], from a step on.
    pub(crate) async fn run_from(&self, from: usize, rq: &mut Exchange) -> Flow {
        let steps = self.steps.get(from..).unwrap_or_default();
        if self.waits(rq) {
            Block::waiting(steps, rq).await
        } else {
            Block::now(steps, rq)
        }
    }

    /// Where a policy stands among the steps.
    pub(crate) fn position(&self, policy: &str) -> Option<usize> {
        self.steps.iter().position(|s| s.policy == policy)
    }

    fn now(steps: &[PlacedStep], rq: &mut Exchange) -> Flow {
        for placed in steps {
            match placed.step.run(rq) {
                Flow::Next => {}
                Flow::Fail(failure) => return placed.fail(failure),
                flow => return flow,
            }
        }
        Flow::Next
    }

    /// Runs it, waiting where a step waits.
    pub async fn run(&self, rq: &mut Exchange) -> Flow {
        let Some(branch) = self.branch.as_deref().filter(|_| rq.is_observed()) else {
            return Block::waiting(&self.steps, rq).await;
        };
        rq.tell(|| Event::BranchBegins(branch));
        let flow = Block::waiting(&self.steps, rq).await;
        rq.tell(|| Event::BranchEnds(branch));
        flow
    }

    async fn waiting(steps: &[PlacedStep], rq: &mut Exchange) -> Flow {
        for placed in steps {
            match placed.run(rq).await {
                Flow::Next => {}
                flow => return flow,
            }
        }
        Flow::Next
    }
}

impl PlacedStep {
    /// Runs one step: buffers what it reads, then runs or waits.
    pub async fn run(&self, rq: &mut Exchange) -> Flow {
        if rq.is_observed() {
            return Box::pin(self.observed(rq)).await;
        }
        if !self.needs.none()
            && let Err(failure) = rq.buffer(self.needs, self.policy).await
        {
            return self.fail(failure);
        }
        let flow = match self.step.run(rq) {
            Flow::Wait => self.step.wait(rq).await,
            flow => flow,
        };
        self.over(flow)
    }

    /// Runs one step as [`PlacedStep::run`] does, but does not wait for what needs no exchange. The number is the time of
    /// its beginning, for a probe.
    pub(crate) async fn begin(&self, rq: &mut Exchange) -> Began<'_> {
        let (begun, ready) = self.enter(rq).await;
        if let Err(failure) = ready {
            return self.ended(Flow::Fail(failure), begun, rq).await;
        }
        match self.step.branch(rq) {
            Some(Ok(block)) => {
                rq.tell(|| Event::StepEnds(self, &Flow::Next, Duration::ZERO));
                if let Some(branch) = &block.branch {
                    rq.tell(|| Event::BranchBegins(branch));
                    rq.tell(|| Event::BranchEnds(branch));
                }
                return Began::Branch(block);
            }
            Some(Err(failure)) => return self.ended(Flow::Fail(failure), begun, rq).await,
            None => {}
        }
        let flow = match self.step.run(rq) {
            Flow::Wait => match rq.begun() {
                Some(later) => return Began::Later(later, begun),
                None => self.step.wait(rq).await,
            },
            flow => flow,
        };
        self.ended(flow, begun, rq).await
    }

    /// Goes on with what it waited for.
    pub(crate) async fn came(&self, then: Then, begun: u64, rq: &mut Exchange) -> Began<'_> {
        rq.tell(|| Event::StepResumes(self));
        let flow = match then(rq) {
            Flow::Wait => match rq.begun() {
                Some(later) => return Began::Later(later, begun),
                None => Flow::Next,
            },
            flow => flow,
        };
        self.ended(flow, begun, rq).await
    }

    async fn ended(&self, flow: Flow, begun: u64, rq: &mut Exchange) -> Began<'_> {
        Began::Ended(self.leave(flow, begun, rq).await)
    }

    fn over(&self, flow: Flow) -> Flow {
        match flow {
            Flow::Fail(failure) => self.fail(failure),
            flow => flow,
        }
    }

    /// The same, telling the probe.
    async fn observed(&self, rq: &mut Exchange) -> Flow {
        let (begin, ready) = self.enter(rq).await;
        let flow = match ready {
            Err(failure) => Flow::Fail(failure),
            Ok(()) => match self.step.run(rq) {
                Flow::Wait => self.step.wait(rq).await,
                flow => flow,
            },
        };
        self.leave(flow, begin, rq).await
    }

    /// Buffers what it reads, lets the probe hold it, and tells that it begins. Gives the time.
    async fn enter(&self, rq: &mut Exchange) -> (u64, Result<(), Box<Failure>>) {
        let ready = if self.needs.none() {
            Ok(())
        } else {
            rq.buffer(self.needs, self.policy).await
        };
        if ready.is_ok()
            && let Some(probe) = rq.probe.clone()
            && let Some(wait) = probe.stop(rq, Stop::Step(self))
        {
            wait.await;
        }
        let begin = rq.services.clock.monotonic_nanos();
        rq.tell(|| Event::StepBegins(self));
        (begin, ready)
    }

    /// Notes the place of a failure, lets the probe hold it, and tells that the step has ended.
    async fn leave(&self, flow: Flow, begin: u64, rq: &mut Exchange) -> Flow {
        let innermost = matches!(&flow, Flow::Fail(failure) if failure.place.path.is_none());
        let flow = self.over(flow);
        if innermost
            && let Flow::Fail(failure) = &flow
            && let Some(probe) = rq.probe.clone()
            && let Some(wait) = probe.stop(rq, Stop::Failure(self, failure))
        {
            wait.await;
        }
        let nanos = rq.services.clock.monotonic_nanos().saturating_sub(begin);
        rq.tell(|| Event::StepEnds(self, &flow, Duration::from_nanos(nanos)));
        flow
    }

    /// Notes the place of a failure, unless a nested step already did.
    fn fail(&self, mut failure: Box<Failure>) -> Flow {
        if failure.source.is_empty() {
            failure.source = self.policy;
        }
        if failure.place.path.is_none() {
            failure.place.path = Some(self.path.clone());
            failure.place.policy_id.clone_from(&self.id);
        }
        Flow::Fail(failure)
    }
}
