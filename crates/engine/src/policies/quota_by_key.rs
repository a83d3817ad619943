//! `quota-by-key`: limits calls and bandwidth of a key in fixed periods.
//!
//! What must stay true: one counter for each key and period, shared by every policy that uses them; calls count when
//! admitted, or when the response is there if the condition reads it; bytes when the request has settled.

use crate::compile::{Arg, Compile, Content, Kind, Once, PolicyDef, Scopes, Sections, attribute};
use crate::exchange::{Deferred, Exchange};
use crate::failure::Failure;
use crate::limits::increment::Increment;
use crate::limits::quota::{self, Bandwidth, Numbers};
use crate::limits::{self, Admission, Gates, Limit, admit};
use crate::settle::Outcome;
use crate::step::{Flow, Step};
use std::sync::Arc;
use tollgate_lang::Diagnostic;
use tollgate_lang::document::Element;
use tollgate_lang::value::Str;
use tollgate_state::{Measure, Period, Quota};

/// Least seconds of a period that renews.
const SHORTEST: u64 = 300;

/// The element.
pub const DEF: PolicyDef = PolicyDef {
    name: "quota-by-key",
    sections: Sections::INBOUND,
    scopes: Scopes::ALL,
    once: Once::Many,
    attributes: &[
        attribute("calls", Kind::Int(1, i64::MAX), "the most calls in the renewal period"),
        attribute("bandwidth", Kind::Int(1, i64::MAX), "the most kilobytes of request and response bodies in the renewal period"),
        attribute("renewal-period", Kind::Int(0, i64::MAX), "length of the period in seconds, 300 at least; 0 never renews").required(),
        attribute("counter-key", Kind::Text, "the key; each distinct value has a counter, which every policy with the same key and period counts on").required().expression(),
        attribute("increment-condition", Kind::Bool, "whether the call counts; when it reads `context.Response`, it is evaluated once the response is there").expression(),
        attribute("increment-count", Kind::Int(0, i32::MAX as i64), "how much the call counts, 1 if absent").expression(),
        attribute("first-period-start", Kind::Text, "a time in UTC, `yyyy-MM-ddTHH:mm:ssZ`, at which one of the periods starts").default("0001-01-01T00:00:00Z"),
    ],
    children: &[],
    content: Content::Empty,
    doc: "Limits the calls or the bandwidth of a key in fixed periods; above it, the call is answered 403 with `Retry-After`. A caller who leaves before a response that `increment-condition` reads is counted.",
    compile,
};

fn compile(element: &Element, cx: &mut Compile<'_>) -> Option<Box<dyn Step>> {
    let numbers = quota::numbers(element, cx);
    let key = cx.arg(element, "counter-key");
    let increment = Increment::compile(element, cx);
    let start = cx.literal::<Str>(element, "first-period-start")?;
    let first = match start.trim().parse::<jiff::Timestamp>() {
        Ok(time) => time.as_millisecond(),
        Err(_) => {
            let span = element
                .attribute("first-period-start")
                .map_or(element.name_span, |a| a.value.span);
            cx.report(
                Diagnostic::error("TG0342", span, format!("`{start}` is not a time"))
                    .label("expected a time in UTC such as `2026-01-31T00:00:00Z`"),
            );
            return None;
        }
    };
    let numbers = numbers?;
    if (1..SHORTEST).contains(&numbers.seconds) {
        let span = element
            .attribute("renewal-period")
            .map_or(element.name_span, |a| a.value.span);
        cx.report(
            Diagnostic::error(
                "TG0315",
                span,
                format!(
                    "`renewal-period` of `quota-by-key` cannot be `{}`",
                    numbers.seconds
                ),
            )
            .label("expected 0, or 300 seconds or more"),
        );
        return None;
    }
    cx.step(QuotaByKey(Arc::new(Inner {
        numbers,
        period: Period::every(numbers.seconds, first),
        key: key?,
        increment: increment?,
    })))
}

#[derive(Debug)]
struct QuotaByKey(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    numbers: Numbers,
    period: Period,
    key: Arg<Str>,
    increment: Increment,
}

impl Inner {
    fn gates(&self, rq: &mut Exchange) -> Result<Gates, Box<Failure>> {
        let key = ["key\n", &*self.key.get(rq)?].concat();
        let count = if self.increment.deferred {
            0
        } else {
            self.increment.get(rq)?
        };
        let mut gates = Gates::new();
        self.numbers.gates(key, self.period, count, &mut gates);
        Ok(gates)
    }
}

impl Step for QuotaByKey {
    fn run(&self, rq: &mut Exchange) -> Flow {
        let gates = match self.0.gates(rq) {
            Ok(gates) => gates,
            Err(failure) => return Flow::Fail(failure),
        };
        let inner = self.0.clone();
        admit(rq, gates, move |rq, admission| match admission {
            Admission::Refused(gate, decision) => Flow::Fail(quota::refusal(&gate, &decision)),
            Admission::Passed(gates, _) => {
                if inner.increment.deferred {
                    inner.increment.prepare(rq);
                    let (calls, bytes) = gates.into_iter().partition(|gate| {
                        matches!(
                            gate.limit,
                            Limit::Quota(Quota {
                                measure: Measure::Calls,
                                ..
                            })
                        )
                    });
                    rq.deferred.push(Box::new(Later {
                        inner,
                        calls,
                        bytes: Bandwidth(bytes),
                    }));
                } else {
                    let bytes = Bandwidth::of(gates);
                    if !bytes.0.is_empty() {
                        rq.deferred.push(Box::new(bytes));
                    }
                }
                Flow::Next
            }
        })
    }

    fn may_wait(&self) -> bool {
        true
    }
}

/// Counts calls when the response is there.
struct Later {
    inner: Arc<Inner>,
    /// Until they have been counted.
    calls: Gates,
    bytes: Bandwidth,
}

impl Later {
    fn count(&mut self, rq: &mut Exchange) {
        if self.calls.is_empty() {
            return;
        }
        // An expression that throws here has no error left to raise: the call does not count.
        let count = self.inner.increment.get(rq).unwrap_or(0);
        for gate in std::mem::take(&mut self.calls) {
            limits::count(rq, &gate, count);
        }
    }
}

impl Deferred for Later {
    fn on_response(&mut self, rq: &mut Exchange) {
        self.count(rq);
    }

    fn on_answer(&mut self, rq: &mut Exchange) {
        self.count(rq);
    }

    fn on_settle(&mut self, rq: &mut Exchange, outcome: Outcome) {
        for gate in std::mem::take(&mut self.calls) {
            let count = self.inner.increment.without_condition(rq);
            limits::count(rq, &gate, count);
        }
        self.bytes.on_settle(rq, outcome);
    }
}
