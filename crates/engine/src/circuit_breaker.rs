//! Circuit breakers: a backend that fails is left alone for a while, then asked with one call.
//!
//! `upstream` asks before each call and reports what came of it; `snapshot` hands the state from one configuration to
//! the next. What must stay true: all threads share one state; a closed breaker costs one load when asked; a probe whose
//! caller leaves gives its place back; what began before the breaker last changed counts no more.
//!
//! Closed -> open when the rule's condition holds; open -> half-open when its time is over; half-open -> closed or open
//! by what the one probe brings. API Management documents no half-open: there all callers meet the backend at once.

#[cfg(test)]
mod tests;
mod window;

use crate::definition::{CircuitBreakerRule, ErrorReason};
use std::sync::atomic::{AtomicU32, AtomicU64, Ordering};
use std::sync::{Arc, OnceLock};
use std::time::Duration;
use window::Window;

/// Fewest calls in the interval before a percentage says anything. API Management documents none.
pub const FEWEST_CALLS: u64 = 10;

/// Longest time that a `Retry-After` keeps a backend out, unless `tripDuration` is longer. A probe then asks again:
/// providers have been seen to name a day where minutes were meant.
pub const LONGEST_RETRY_AFTER: Duration = Duration::from_secs(3600);

/// Shortest time that a `Retry-After` keeps a backend out.
pub const SHORTEST_RETRY_AFTER: Duration = Duration::from_secs(1);

/// Whether calls go to the backend.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Phase {
    /// They do.
    Closed,
    /// One may, or is under way.
    HalfOpen,
    /// None does.
    Open,
}

impl Phase {
    /// For logs, labels and the management pages.
    pub fn as_str(self) -> &'static str {
        match self {
            Phase::Closed => "closed",
            Phase::HalfOpen => "half-open",
            Phase::Open => "open",
        }
    }
}

/// What came of a call to the backend.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Called {
    /// The head of a response.
    Status(u16),
    /// No response.
    Failed(ErrorReason),
    /// The response, already reported, broke before its end.
    Broke(ErrorReason),
}

impl std::fmt::Display for Called {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Called::Status(status) => write!(f, "status {status}"),
            Called::Failed(reason) | Called::Broke(reason) => f.write_str(reason.as_str()),
        }
    }
}

/// A change of phase.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Transition {
    /// From here.
    pub from: Phase,
    /// To here.
    pub to: Phase,
    /// The call that made it; `None`: time was over.
    pub because: Option<Called>,
    /// How long it stays open, if it is now.
    pub open_for: Option<Duration>,
    /// Failures in the interval when it opened.
    pub failures: u64,
}

/// How things stand, for people.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Status {
    /// The phase. `HalfOpen` also when time is over and nobody has called since.
    pub phase: Phase,
    /// Monotonic nanoseconds of the last change.
    pub since: Option<u64>,
    /// Monotonic nanoseconds at which the next call may go through.
    pub until: Option<u64>,
    /// Whether the probe is under way.
    pub probing: bool,
    /// The last failure that counted, and its monotonic nanoseconds.
    pub last_failure: Option<(Called, u64)>,
    /// Failures in the interval that ends now.
    pub failures: u64,
    /// Calls in it; counted only for a percentage.
    pub calls: Option<u64>,
}

/// The breaker of one backend: a rule, and a state that may be older than the configuration.
#[derive(Debug)]
pub struct CircuitBreaker {
    rule: CircuitBreakerRule,
    state: OnceLock<Arc<State>>,
}

/// The low bits of [`State::word`]; the others are monotonic nanoseconds: when it closed, when it may be asked again, when
/// the probe began. A call that holds an older word does not count any more.
const PHASE: u64 = 0b11;
const CLOSED: u64 = 0;
const OPEN: u64 = 1;
const PROBING: u64 = 2;

fn word(phase: u64, nanos: u64) -> u64 {
    (nanos << 2) | phase
}

#[derive(Debug)]
struct State {
    word: AtomicU64,
    /// Monotonic nanoseconds of the last change; `u64::MAX` before the first.
    since: AtomicU64,
    /// The last failure as [`Called`] packs, 0 for none, and its monotonic nanoseconds.
    last: AtomicU32,
    last_nanos: AtomicU64,
    window: Window,
}

/// Leave to make one call. Dropped before anything is reported, it gives a probe's place back.
#[derive(Debug)]
pub struct Permit {
    word: u64,
    probe: Option<Probe>,
}

impl Permit {
    /// Whether this is the one call that a half-open breaker lets through.
    pub fn is_probe(&self) -> bool {
        self.probe.is_some()
    }
}

#[derive(Debug)]
struct Probe {
    state: Arc<State>,
    word: u64,
    /// What was there before: open, its time over.
    before: u64,
}

impl Drop for Probe {
    fn drop(&mut self) {
        // Does nothing when the probe has brought a result.
        let _ = self.state.swap(self.word, self.before);
    }
}

impl State {
    fn new(interval: Duration) -> State {
        State {
            word: AtomicU64::new(word(CLOSED, 0)),
            since: AtomicU64::new(u64::MAX),
            last: AtomicU32::new(0),
            last_nanos: AtomicU64::new(0),
            window: Window::new(interval),
        }
    }

    fn swap(&self, from: u64, to: u64) -> bool {
        self.word
            .compare_exchange(from, to, Ordering::AcqRel, Ordering::Acquire)
            .is_ok()
    }

    fn change(&self, from: u64, to: u64, now: u64) -> bool {
        let changed = self.swap(from, to);
        if changed {
            self.since.store(now, Ordering::Relaxed);
        }
        changed
    }
}

impl CircuitBreaker {
    /// A closed breaker, until [`CircuitBreaker::inherit`] says otherwise.
    pub fn new(rule: CircuitBreakerRule) -> CircuitBreaker {
        CircuitBreaker {
            rule,
            state: OnceLock::new(),
        }
    }

    /// The rule.
    pub fn rule(&self) -> &CircuitBreakerRule {
        &self.rule
    }

    /// Goes on with the state of an earlier configuration's breaker, if the rule is the same. Before the first call.
    pub fn inherit(&self, before: &CircuitBreaker) {
        if self.rule == before.rule {
            // One that is set already has been asked already.
            let _ = self.state.set(before.state().clone());
        }
    }

    /// Closes it and forgets what it counted, as if it were new. For tests; no call may be under way.
    pub fn forget(&self) {
        let state = self.state();
        state.window.clear();
        state.since.store(u64::MAX, Ordering::Relaxed);
        state.last.store(0, Ordering::Relaxed);
        state.last_nanos.store(0, Ordering::Relaxed);
        state.word.store(word(CLOSED, 0), Ordering::Release);
    }

    fn state(&self) -> &Arc<State> {
        self.state
            .get_or_init(|| Arc::new(State::new(self.rule.interval)))
    }

    /// Whether a call would be let through at `now` (monotonic nanoseconds).
    pub fn is_available(&self, now: u64) -> bool {
        let word = self.state().word.load(Ordering::Acquire);
        match word & PHASE {
            CLOSED => true,
            OPEN => word >> 2 <= now,
            _ => false,
        }
    }

    /// How long no call is let through; a probe under way may end at any time.
    pub fn wait(&self, now: u64) -> Duration {
        let word = self.state().word.load(Ordering::Acquire);
        match word & PHASE {
            OPEN => Duration::from_nanos((word >> 2).saturating_sub(now)),
            _ => Duration::ZERO,
        }
    }

    /// Lets a call through, or not.
    pub fn admit(&self, now: u64) -> Option<Permit> {
        let state = self.state();
        let seen = state.word.load(Ordering::Acquire);
        if seen & PHASE == CLOSED {
            return Some(Permit {
                word: seen,
                probe: None,
            });
        }
        if seen & PHASE != OPEN || seen >> 2 > now {
            return None;
        }
        let probing = word(PROBING, now);
        state.change(seen, probing, now).then(|| Permit {
            word: probing,
            probe: Some(Probe {
                state: state.clone(),
                word: probing,
                before: seen,
            }),
        })
    }

    /// Whether this result is a failure by the rule.
    pub fn is_failure(&self, called: Called) -> bool {
        match called {
            Called::Status(status) => self
                .rule
                .status_codes
                .iter()
                .any(|(min, max)| (*min..=*max).contains(&status)),
            Called::Failed(reason) | Called::Broke(reason) => {
                self.rule.error_reasons.contains(&reason)
            }
        }
    }

    /// Counts what came of a call. `retry_after`: what the response asked for. Gives the change, if it made one.
    pub fn report(
        &self,
        permit: &mut Permit,
        called: Called,
        retry_after: Option<Duration>,
        now: u64,
    ) -> Option<Transition> {
        let state = self.state();
        let failure = self.is_failure(called);
        if let Some(probe) = permit.probe.take() {
            // No answer at all is no reason to close, whatever the rule lists.
            let failure = failure || matches!(called, Called::Failed(_));
            let (to, open_for) = if failure {
                self.note(called, now);
                let open_for = self.open_for(retry_after);
                (word(OPEN, at(now, open_for)), Some(open_for))
            } else {
                state.window.clear();
                permit.word = word(CLOSED, now);
                (permit.word, None)
            };
            return state.change(probe.word, to, now).then_some(Transition {
                from: Phase::HalfOpen,
                to: if failure { Phase::Open } else { Phase::Closed },
                because: Some(called),
                open_for,
                failures: u64::from(failure),
            });
        }
        if permit.word & PHASE != CLOSED || state.word.load(Ordering::Acquire) != permit.word {
            return None;
        }
        if self.rule.percentage.is_some() && !matches!(called, Called::Broke(_)) {
            state.window.call(now);
        }
        if !failure {
            return None;
        }
        self.note(called, now);
        state.window.failure(now);
        let failures = state.window.failures(now);
        let many = self
            .rule
            .count
            .is_some_and(|count| failures >= u64::from(count));
        let share = self.rule.percentage.is_some_and(|percentage| {
            let calls = state.window.calls(now);
            calls >= FEWEST_CALLS && failures * 100 >= calls * u64::from(percentage)
        });
        if !many && !share {
            return None;
        }
        let open_for = self.open_for(retry_after);
        let opened = state.change(permit.word, word(OPEN, at(now, open_for)), now);
        opened.then_some(Transition {
            from: Phase::Closed,
            to: Phase::Open,
            because: Some(called),
            open_for: Some(open_for),
            failures,
        })
    }

    fn note(&self, called: Called, now: u64) {
        let state = self.state();
        state.last.store(pack(called), Ordering::Relaxed);
        state.last_nanos.store(now, Ordering::Relaxed);
    }

    fn open_for(&self, retry_after: Option<Duration>) -> Duration {
        let trip = self.rule.trip_duration;
        match retry_after {
            Some(after) if self.rule.accept_retry_after => {
                after.clamp(SHORTEST_RETRY_AFTER, LONGEST_RETRY_AFTER.max(trip))
            }
            _ => trip,
        }
    }

    /// How things stand at `now`.
    pub fn status(&self, now: u64) -> Status {
        let state = self.state();
        let word = state.word.load(Ordering::Acquire);
        let nanos = word >> 2;
        let phase = match word & PHASE {
            CLOSED => Phase::Closed,
            OPEN if nanos > now => Phase::Open,
            _ => Phase::HalfOpen,
        };
        let since = state.since.load(Ordering::Relaxed);
        Status {
            phase,
            since: (since != u64::MAX).then_some(since),
            until: (phase == Phase::Open).then_some(nanos),
            probing: word & PHASE == PROBING,
            last_failure: unpack(state.last.load(Ordering::Relaxed))
                .map(|called| (called, state.last_nanos.load(Ordering::Relaxed))),
            failures: state.window.failures(now),
            calls: (self.rule.percentage.is_some()).then(|| state.window.calls(now)),
        }
    }
}

fn at(now: u64, duration: Duration) -> u64 {
    let nanos = u64::try_from(duration.as_nanos()).unwrap_or(u64::MAX);
    // Two bits are the phase's.
    now.saturating_add(nanos).min(u64::MAX >> 2)
}

const FAILED: u32 = 1 << 16;
const BROKE: u32 = 1 << 17;

fn pack(called: Called) -> u32 {
    match called {
        Called::Status(status) => u32::from(status),
        Called::Failed(reason) => FAILED | reason as u32,
        Called::Broke(reason) => BROKE | reason as u32,
    }
}

fn unpack(packed: u32) -> Option<Called> {
    let reason = || {
        ErrorReason::ALL
            .into_iter()
            .find(|r| *r as u32 == packed & 0xFFFF)
    };
    if packed & FAILED != 0 {
        reason().map(Called::Failed)
    } else if packed & BROKE != 0 {
        reason().map(Called::Broke)
    } else {
        u16::try_from(packed)
            .ok()
            .filter(|status| *status != 0)
            .map(Called::Status)
    }
}
