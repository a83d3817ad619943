//! `rate-limit-by-key`: limits the calls of a key in a sliding window.
//!
//! One counter for each key, shared by every policy that uses the key. What must stay true: the check is made here, with
//! the count so far; a condition on the response counts when the response is there.

use crate::compile::{Arg, Compile, Content, Kind, Once, PolicyDef, Scopes, Sections, attribute};
use crate::exchange::{Deferred, Exchange};
use crate::failure::Failure;
use crate::limits::calls::CallsTold;
use crate::limits::increment::Increment;
use crate::limits::{self, Admission, Gate, Limit, Told, admit};
use crate::settle::Outcome;
use crate::step::{Flow, Step};
use smallvec::smallvec;
use std::sync::Arc;
use tollgate_lang::document::Element;
use tollgate_lang::value::Str;
use tollgate_state::Rate;

/// Most seconds of a window.
const LONGEST: i64 = 300;

/// The element.
pub const DEF: PolicyDef = PolicyDef {
    name: "rate-limit-by-key",
    sections: Sections::INBOUND,
    scopes: Scopes::ALL,
    once: Once::Many,
    attributes: &[
        attribute("calls", Kind::Int(1, i32::MAX as i64), "the most calls in the renewal period").required().expression(),
        attribute("renewal-period", Kind::Int(1, LONGEST), "length of the sliding window in seconds, 300 at most").required().expression(),
        attribute("counter-key", Kind::Text, "the key; each distinct value has a counter, which every policy with the same key counts on").required().expression(),
        attribute("increment-condition", Kind::Bool, "whether the call counts; when it reads `context.Response`, it is evaluated once the response is there").expression(),
        attribute("increment-count", Kind::Int(0, i32::MAX as i64), "how much the call counts, 1 if absent").expression(),
        attribute("increment-after-response", Kind::Bool, "whether the call counts only once the response is there").default("false"),
        attribute("retry-after-header-name", Kind::Text, "header of a refusal that says after how many seconds to come back").default("Retry-After"),
        attribute("retry-after-variable-name", Kind::Text, "variable with the same number, for `on-error`"),
        attribute("remaining-calls-header-name", Kind::Text, "header of every answer with the calls that are left"),
        attribute("remaining-calls-variable-name", Kind::Text, "variable with the calls that are left"),
        attribute("total-calls-header-name", Kind::Text, "header of every answer with the value of `calls`"),
    ],
    children: &[],
    content: Content::Empty,
    doc: "Limits the calls of a key in a sliding window; above it, the call is answered 429 with `Retry-After`. A caller who leaves before a response that `increment-condition` reads is counted.",
    compile,
};

fn compile(element: &Element, cx: &mut Compile<'_>) -> Option<Box<dyn Step>> {
    let calls = cx.arg(element, "calls");
    let renewal_period = cx.arg(element, "renewal-period");
    let key = cx.arg(element, "counter-key");
    let increment = Increment::compile(element, cx);
    let told = CallsTold::compile(element, cx);
    cx.step(RateLimitByKey(Arc::new(Inner {
        calls: calls?,
        renewal_period: renewal_period?,
        key: key?,
        increment: increment?,
        told,
    })))
}

#[derive(Debug)]
struct RateLimitByKey(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    calls: Arg<i64>,
    renewal_period: Arg<i64>,
    key: Arg<Str>,
    increment: Increment,
    told: CallsTold,
}

impl Inner {
    fn gate(&self, rq: &mut Exchange) -> Result<(Gate, u64), Box<Failure>> {
        let limit = u64::try_from(self.calls.get(rq)?).unwrap_or(0);
        let seconds = self.renewal_period.get(rq)?;
        let seconds = u64::try_from(seconds)
            .ok()
            .filter(|_| (1..=LONGEST).contains(&seconds))
            .ok_or_else(|| {
                Failure::internal(
                    "",
                    "",
                    format!(
                        "`renewal-period` is {seconds}; it must be from 1 to {LONGEST} seconds."
                    ),
                )
            })?;
        let key = ["key\n", &*self.key.get(rq)?].concat();
        let count = if self.increment.deferred {
            0
        } else {
            self.increment.get(rq)?
        };
        Ok((
            Gate {
                key,
                limit: Limit::Rate(Rate {
                    limit,
                    window_ms: seconds * 1000,
                }),
                count,
            },
            limit,
        ))
    }
}

impl Step for RateLimitByKey {
    fn run(&self, rq: &mut Exchange) -> Flow {
        let (gate, limit) = match self.0.gate(rq) {
            Ok(gate) => gate,
            Err(failure) => return Flow::Fail(failure),
        };
        let inner = self.0.clone();
        admit(rq, smallvec![gate], move |rq, admission| match admission {
            Admission::Refused(_, decision) => Flow::Fail(inner.told.refusal(rq, limit, &decision)),
            Admission::Passed(gates, decisions) => {
                let remaining = decisions.first().map_or(0, |d| d.remaining);
                let mut told = Told::default();
                inner.told.admitted(rq, &mut told, limit, remaining);
                if inner.increment.deferred {
                    inner.increment.prepare(rq);
                    if let Some(gate) = gates.into_iter().next() {
                        rq.deferred.push(Box::new(Later {
                            inner,
                            gate: Some(gate),
                            limit,
                            remaining,
                            told,
                        }));
                    }
                } else if !told.is_empty() {
                    rq.deferred.push(Box::new(told));
                }
                Flow::Next
            }
        })
    }

    fn may_wait(&self) -> bool {
        true
    }
}

/// Counts when the response is there.
struct Later {
    inner: Arc<Inner>,
    /// Until it has been counted.
    gate: Option<Gate>,
    limit: u64,
    remaining: u64,
    told: Told,
}

impl Later {
    fn count(&mut self, rq: &mut Exchange) {
        let Some(gate) = self.gate.take() else {
            return;
        };
        // An expression that throws here has no error left to raise: the call does not count.
        let count = self.inner.increment.get(rq).unwrap_or(0);
        limits::count(rq, &gate, count);
        self.remaining = self.remaining.saturating_sub(count);
        self.inner
            .told
            .admitted(rq, &mut self.told, self.limit, self.remaining);
    }
}

impl Deferred for Later {
    fn on_response(&mut self, rq: &mut Exchange) {
        self.count(rq);
        self.told.on_response(rq);
    }

    fn on_answer(&mut self, rq: &mut Exchange) {
        self.count(rq);
        self.told.on_answer(rq);
    }

    fn on_settle(&mut self, rq: &mut Exchange, _outcome: Outcome) {
        if let Some(gate) = self.gate.take() {
            let count = self.inner.increment.without_condition(rq);
            limits::count(rq, &gate, count);
        }
    }
}
