//! What watches an exchange from inside the pipeline: traces, coverage, the debugger. Off, it costs one branch.
//!
//! To watch, implement [`Probe`] and pass it to [`crate::pipeline::serve_with`]. The runner then tells each [`Event`]
//! as it happens, in order and nested: section begins, step begins, what the step did, step ends, section ends; events
//! after the last section (settlement) stand alone. Only the steps of a `wait` interleave ([`Event::StepResumes`]); one
//! that another one's end cut short does not end. A step knows its place as a span of the text that the user wrote,
//! also in a fragment or behind a named value: [`crate::Snapshot::texts`] gives file, line and column, and
//! [`crate::Snapshot::places`] lists every step and branch there is, run or not (coverage, breakpoints).
//! [`Probe::stop`] may return a future: the runner awaits it with the exchange in hand (a debugger suspends there).
//! With a probe on, blocks always run in their waiting form ([`crate::step::Block::waits`]), so every step can stop.
//!
//! What must stay true: a probe changes nothing that the caller or the backend could see; it is told raw values and
//! shows none of them but through [`mask::Mask`]; nothing is allocated for it while there is none.

pub mod mask;
pub mod show;
mod texts;

pub use texts::{Position, Texts};

use crate::LocalBoxFuture;
use crate::compile::{ScopeKind, Section, SectionCode};
use crate::exchange::Exchange;
use crate::failure::Failure;
use crate::services::TraceSeverity;
use crate::settle::Outcome;
use crate::snapshot::{BackendIndex, BaseUrl};
use crate::step::{Branch, Flow, PlacedStep};
use http::{HeaderMap, Method, StatusCode, Uri};
use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;
use tollgate_lang::Span;
use tollgate_lang::expr::EvalError;
use tollgate_lang::value::{Str, Value};

/// Watches one exchange and the exchanges inside it (calls of tools, which share its probe).
pub trait Probe {
    /// Something happened. Called at the moment, with the exchange as it is then.
    fn tell(&self, rq: &Exchange, event: &Event<'_>);

    /// Whether the runner is to wait here; it does nothing else before the future ends. Whoever returns one bounds it.
    fn stop<'a>(&'a self, rq: &'a mut Exchange, at: Stop<'a>) -> Option<LocalBoxFuture<'a, ()>> {
        let _ = (rq, at);
        None
    }

    /// What `context.Tracing` says.
    fn traces(&self) -> bool {
        false
    }
}

/// Makes a probe for a request, on the thread that runs it.
#[derive(Clone)]
pub struct Watch(pub Arc<dyn Fn() -> Rc<dyn Probe> + Send + Sync>);

impl std::fmt::Debug for Watch {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Watch")
    }
}

/// Where a probe may hold the exchange.
#[derive(Clone, Copy)]
pub enum Stop<'a> {
    /// Before a step; the bodies that it reads are in memory.
    Step(&'a PlacedStep),
    /// A step failed (the innermost one tells), and on-error has not begun.
    Failure(&'a PlacedStep, &'a Failure),
}

/// A section of one scope's document.
#[derive(Clone, Copy)]
pub struct Part<'a> {
    /// The section.
    pub section: Section,
    /// The document's scope.
    pub scope: ScopeKind,
    /// Id of the operation, API or product; empty for the global scope.
    pub id: &'a str,
    /// The code, with the places of the section and of its `<base />`. Without a document it inherits.
    pub code: &'a SectionCode,
}

/// What happens to an exchange.
#[non_exhaustive]
pub enum Event<'a> {
    /// API and operation are known (or that there is none: both are empty then).
    Matched,
    /// The caller is known as far as it will be: subscription, product, user.
    Identified,
    /// A section of a document begins. Documents nest as their `<base />` do.
    SectionBegins(Part<'a>),
    /// It has ended.
    SectionEnds(Part<'a>, &'a Flow),
    /// A step begins.
    StepBegins(&'a PlacedStep),
    /// A step of a `wait` goes on with what it waited for: what is told next is its own.
    StepResumes(&'a PlacedStep),
    /// A step has ended: what it decided, and after how long by the services' clock.
    StepEnds(&'a PlacedStep, &'a Flow, Duration),
    /// A container chose a branch (`when`, `otherwise`), which begins now.
    BranchBegins(&'a Branch),
    /// The branch has ended.
    BranchEnds(&'a Branch),
    /// A `retry` begins its n-th attempt, from 1.
    Attempt(i64),
    /// An expression was evaluated. Its text: [`Texts::text`] of the place, which never holds a named value.
    Evaluated {
        /// Where it stands.
        place: Span,
        /// Whether the value of a secret named value stands in it.
        secret: bool,
        /// What came.
        result: Result<&'a Value, &'a EvalError>,
    },
    /// A variable is being set.
    VariableSet {
        /// Its name.
        name: &'a str,
        /// What it was.
        before: Option<&'a Value>,
        /// What it will be.
        after: &'a Value,
    },
    /// The server of a call was chosen, or none could be.
    BackendChosen(Chosen<'a>),
    /// A request goes to an upstream: the exchange's own, a policy's, or the gateway's.
    UpstreamRequest {
        /// Scheme and authority.
        origin: &'a crate::services::Origin,
        /// Method.
        method: &'a Method,
        /// Path and query.
        uri: &'a Uri,
        /// Headers.
        headers: &'a HeaderMap,
    },
    /// The head of its answer.
    UpstreamResponse {
        /// Status.
        status: StatusCode,
        /// Headers.
        headers: &'a HeaderMap,
    },
    /// There was no answer.
    UpstreamFailed(&'a str),
    /// A counter was asked or counted on.
    Counter(Counted<'a>),
    /// A cache was asked or written.
    Cache {
        /// What was done.
        access: CacheAccess,
        /// The key.
        key: &'a str,
    },
    /// A `trace` policy or `context.Trace`.
    Traced {
        /// Who speaks.
        source: &'a str,
        /// Severity.
        severity: TraceSeverity,
        /// The message.
        message: &'a str,
        /// Properties.
        metadata: &'a [(Str, Str)],
    },
    /// A value that must not be shown from now on: a token that the gateway fetched.
    Secret(&'a str),
    /// The request failed; on-error begins next.
    Failed(&'a Failure),
    /// The head of the final answer, as it will be sent.
    Answer(&'a http::Response<()>),
    /// A piece of the final answer's body, as it is sent.
    AnswerData(&'a [u8]),
    /// The exchange has settled. The last event of an exchange.
    Settled(Outcome),
}

/// How a server was chosen.
pub struct Chosen<'a> {
    /// Whether it was chosen from a pool.
    pub pool: bool,
    /// The chosen backend; `None` for a bare URL, and when none is available.
    pub backend: Option<BackendIndex>,
    /// Where the call goes; `None`: no server is available.
    pub url: Option<&'a Arc<BaseUrl>>,
    /// The other members of the pool; of a single backend itself when its breaker is open.
    pub rejected: Vec<(BackendIndex, Rejected)>,
}

impl<'a> Chosen<'a> {
    /// A bare URL.
    pub(crate) fn url(url: &'a Arc<BaseUrl>) -> Chosen<'a> {
        Chosen {
            pool: false,
            backend: None,
            url: Some(url),
            rejected: Vec::new(),
        }
    }
}

/// Why a member of a pool was not chosen.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Rejected {
    /// Its circuit breaker is open for this long.
    BreakerOpen(Duration),
    /// This request has failed at it already.
    Failed,
    /// A group with a better priority has a member that can be called: its own, and the chosen one's.
    LowerPriority(u32, u32),
    /// Of the same group, and it was another member's turn: its weight.
    Turn(u32),
    /// The session belongs to another member.
    Session,
}

impl std::fmt::Display for Rejected {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Rejected::BreakerOpen(wait) => {
                write!(
                    f,
                    "its circuit breaker is open for {} s",
                    wait.as_secs_f64().ceil()
                )
            }
            Rejected::Failed => write!(f, "this request has failed at it"),
            Rejected::LowerPriority(own, best) => {
                write!(
                    f,
                    "its priority is {own}, and one of priority {best} is available"
                )
            }
            Rejected::Turn(weight) => write!(f, "another one's turn (its weight is {weight})"),
            Rejected::Session => write!(f, "the session belongs to another one"),
        }
    }
}

/// What was done on a counter.
#[derive(Clone, Copy, Debug)]
pub struct Counted<'a> {
    /// Its key.
    pub key: &'a str,
    /// The most that is let through, where the counter has one.
    pub limit: Option<u64>,
    /// How much was to be counted; 0 only asks.
    pub count: u64,
    /// What stood on it before and stands after, where the counter says so.
    pub used: Option<(u64, u64)>,
    /// What is left, where the counter says so.
    pub remaining: Option<u64>,
    /// Whether the call may pass.
    pub allowed: bool,
}

/// What was done with a cache.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CacheAccess {
    /// Found.
    Hit,
    /// Not found.
    Miss,
    /// Written.
    Stored,
    /// Removed.
    Removed,
}

/// Tells a probe whether a cache had it.
pub(crate) fn tell_found(rq: &Exchange, key: &str, found: bool) {
    let access = if found {
        CacheAccess::Hit
    } else {
        CacheAccess::Miss
    };
    rq.tell(|| Event::Cache { access, key });
}

impl Exchange {
    /// Tells the probe, if there is one. The event is made only then.
    #[inline]
    pub fn tell<'e>(&self, event: impl FnOnce() -> Event<'e>) {
        if let Some(probe) = &self.probe {
            probe.tell(self, &event());
        }
    }

    /// Whether a probe watches.
    #[inline]
    pub fn is_observed(&self) -> bool {
        self.probe.is_some()
    }
}
