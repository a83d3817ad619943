//! What the limit policies share: asking counters in order, telling the caller what is left, levels, increments.
//!
//! Called by `rate-limit`, `rate-limit-by-key`, `quota`, `quota-by-key` and the token limits. What must stay true: a
//! refused call is not counted on any of its counters; what a refusal tells (header, variable, message) is one number.

pub(crate) mod calls;
pub(crate) mod increment;
pub(crate) mod level;
pub(crate) mod quota;

#[cfg(test)]
mod tests;

use crate::compile::Compile;
use crate::exchange::{Deferred, Exchange};
use crate::failure::Failure;
use crate::probe::{Counted, Event};
use crate::step::Flow;
use http::{HeaderName, HeaderValue};
use smallvec::{SmallVec, smallvec};
use tollgate_lang::Diagnostic;
use tollgate_lang::document::Element;
use tollgate_lang::value::{Str, Value};
pub(crate) use tollgate_state::Limit;
use tollgate_state::{Answer, Ask, Decision};

/// Says that an element has none of the attributes that would make it limit something.
pub(crate) fn limits_nothing(element: &Element, expected: &str, cx: &mut Compile<'_>) {
    cx.report(
        Diagnostic::error(
            "TG0341",
            element.name_span,
            format!("`{}` limits nothing", element.name),
        )
        .label(format!("expected {expected}")),
    );
}

/// Where a number is told: a header of the answer, a variable, both or neither.
#[derive(Debug, Default)]
pub(crate) struct Tell {
    pub(crate) header: Option<HeaderName>,
    pub(crate) variable: Option<Str>,
}

impl Tell {
    /// From the two attributes; an empty name is not told.
    pub(crate) fn compile(
        element: &Element,
        header: Option<&str>,
        variable: Option<&str>,
        cx: &mut Compile<'_>,
    ) -> Tell {
        let named = |cx: &mut Compile<'_>, name: &&str| {
            cx.literal::<Str>(element, name)
                .is_some_and(|text| !text.trim().is_empty())
        };
        Tell {
            header: header
                .filter(|name| named(cx, name))
                .and_then(|name| cx.header_name(element, name)),
            variable: variable
                .filter(|name| named(cx, name))
                .and_then(|name| cx.literal(element, name)),
        }
    }

    /// Whether anybody is told.
    pub(crate) fn is_some(&self) -> bool {
        self.header.is_some() || self.variable.is_some()
    }

    /// Sets the variable.
    pub(crate) fn set(&self, rq: &mut Exchange, number: u64) {
        if let Some(variable) = &self.variable {
            rq.set_variable(variable, int(number));
        }
    }

    /// Sets the variable and puts the header on a refusal.
    pub(crate) fn refuse(
        &self,
        rq: &mut Exchange,
        failure: Box<Failure>,
        number: u64,
    ) -> Box<Failure> {
        self.set(rq, number);
        match &self.header {
            Some(header) => failure.header(header.clone(), HeaderValue::from(number)),
            None => failure,
        }
    }
}

/// An `int`, or a `long` where it does not fit.
pub(crate) fn int(number: u64) -> Value {
    match i32::try_from(number) {
        Ok(number) => Value::Int(number),
        Err(_) => Value::Long(i64::try_from(number).unwrap_or(i64::MAX)),
    }
}

/// Headers that go on the answer: before outbound, which may change them, and again on an error's answer.
#[derive(Debug, Default)]
pub(crate) struct Told {
    headers: SmallVec<[(HeaderName, u64); 2]>,
    told: bool,
}

impl Told {
    /// Sets one.
    pub(crate) fn put(&mut self, tell: &Tell, number: u64) {
        let Some(header) = &tell.header else {
            return;
        };
        match self.headers.iter_mut().find(|(name, _)| name == header) {
            Some((_, old)) => *old = number,
            None => self.headers.push((header.clone(), number)),
        }
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.headers.is_empty()
    }
}

impl Deferred for Told {
    fn on_response(&mut self, rq: &mut Exchange) {
        self.told = true;
        let response = rq.response_mut();
        for (name, number) in &self.headers {
            response
                .headers
                .insert(name.clone(), HeaderValue::from(*number));
        }
    }

    fn on_answer(&mut self, rq: &mut Exchange) {
        if self.told && rq.last_error.is_none() {
            return;
        }
        let response = rq.response_mut();
        for (name, number) in &self.headers {
            response
                .headers
                .entry(name)
                .or_insert_with(|| HeaderValue::from(*number));
        }
    }
}

/// A counter to ask, and how much to count on it; 0 only checks.
#[derive(Debug)]
pub(crate) struct Gate {
    pub(crate) key: String,
    pub(crate) limit: Limit,
    pub(crate) count: u64,
}

impl Gate {
    /// For a probe: what was decided, and counted if it passed.
    fn counted(&self, decision: &Decision) -> Event<'_> {
        let count = self.count;
        let added = if decision.allowed { count } else { 0 };
        Event::Counter(Counted {
            key: &self.key,
            limit: Some(self.limit.most()),
            count,
            used: Some((decision.used.saturating_sub(added), decision.used)),
            remaining: Some(decision.remaining),
            allowed: decision.allowed,
        })
    }
}

/// Usually one.
pub(crate) type Gates = SmallVec<[Gate; 1]>;

/// What the gates said.
pub(crate) enum Admission {
    /// All passed, and counted.
    Passed(Gates, SmallVec<[Decision; 2]>),
    /// This one did not; nothing was counted.
    Refused(Gate, Decision),
}

/// Asks all gates at once, and counts on them only when all pass.
pub(crate) fn admit<F>(rq: &mut Exchange, mut gates: Gates, then: F) -> Flow
where
    F: FnOnce(&mut Exchange, Admission) -> Flow + 'static,
{
    if let [gate] = &gates[..] {
        let answer = decide(rq, gate);
        return rq.after(answer, move |rq, decision| {
            rq.tell(|| gates[0].counted(&decision));
            let admission = if decision.allowed {
                Admission::Passed(gates, smallvec![decision])
            } else {
                Admission::Refused(gates.swap_remove(0), decision)
            };
            then(rq, admission)
        });
    }
    let asks: SmallVec<[Ask<'_>; 4]> = gates
        .iter()
        .map(|gate| Ask {
            key: &gate.key,
            limit: gate.limit,
            count: gate.count,
        })
        .collect();
    let answer = rq
        .services
        .counters
        .take_all(&asks, rq.services.clock.moment());
    drop(asks);
    rq.after(answer, move |rq, decisions| match decisions {
        Ok(decisions) => {
            for (gate, decision) in gates.iter().zip(&decisions) {
                rq.tell(|| gate.counted(decision));
            }
            then(rq, Admission::Passed(gates, decisions))
        }
        Err((at, decision)) => {
            if at >= gates.len() {
                return Flow::Next;
            }
            let gate = gates.swap_remove(at);
            rq.tell(|| gate.counted(&decision));
            then(rq, Admission::Refused(gate, decision))
        }
    })
}

fn decide(rq: &Exchange, gate: &Gate) -> Answer<Decision> {
    let counters = &rq.services.counters;
    let counting = gate.count > 0;
    match gate.limit {
        Limit::Rate(rate) => {
            let now = rq.services.clock.steady_millis();
            if counting {
                counters.take(&gate.key, rate, gate.count, now)
            } else {
                counters.check(&gate.key, rate, now)
            }
        }
        Limit::Quota(quota) => {
            let now = rq.services.clock.unix_millis();
            if counting {
                counters.take_quota(&gate.key, quota, gate.count, now)
            } else {
                counters.check_quota(&gate.key, quota, now)
            }
        }
    }
}

/// Counts on a gate without asking.
pub(crate) fn count(rq: &Exchange, gate: &Gate, count: u64) {
    if count == 0 {
        return;
    }
    rq.tell(|| {
        Event::Counter(Counted {
            key: &gate.key,
            limit: Some(gate.limit.most()),
            count,
            used: None,
            remaining: None,
            allowed: true,
        })
    });
    let counters = &rq.services.counters;
    let clock = &rq.services.clock;
    rq.forget(match gate.limit {
        Limit::Rate(rate) => counters.add(&gate.key, rate, count, clock.steady_millis()),
        Limit::Quota(quota) => counters.add_quota(&gate.key, quota, count, clock.unix_millis()),
    });
}

/// Seconds as .NET writes a time span: `hh:mm:ss`, with days in front as `d.hh:mm:ss`.
pub(crate) fn time_span(seconds: u64) -> String {
    let (days, rest) = (seconds / 86_400, seconds % 86_400);
    let clock = format!("{:02}:{:02}:{:02}", rest / 3600, rest / 60 % 60, rest % 60);
    if days == 0 {
        clock
    } else {
        format!("{days}.{clock}")
    }
}
