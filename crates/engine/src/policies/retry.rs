//! `retry`: runs its policies again while a condition holds.
//!
//! Waits by API Management's rules: fixed, growing by `delta`, or exponential up to `max-interval`. Policies that fail
//! count as an attempt: the condition is asked all the same (`context.Response` may then be null), and the last
//! failure goes on. What must stay true: at most 51 attempts, each wait at most a day, time only from the clock.

use crate::LocalBoxFuture;
use crate::compile::{Arg, Compile, Content, Kind, Once, PolicyDef, Scopes, Sections, attribute};
use crate::exchange::Exchange;
use crate::failure::Failure;
use crate::probe::Event;
use crate::step::{Block, Flow, Needs, Step};
use std::time::Duration;
use tollgate_lang::Diagnostic;
use tollgate_lang::document::Element;
use tollgate_lang::expr::host::Host;

/// Most seconds of one wait.
const LONGEST: f64 = 86_400.0;

/// The element.
pub const DEF: PolicyDef = PolicyDef {
    name: "retry",
    sections: Sections::ALL,
    scopes: Scopes::ALL,
    once: Once::Many,
    attributes: &[
        attribute(
            "condition",
            Kind::Bool,
            "asked after each attempt: whether to try again",
        )
        .required()
        .expression(),
        attribute("count", Kind::Int(1, 50), "most retries, from 1 to 50")
            .required()
            .expression(),
        attribute(
            "interval",
            Kind::Number(0.0, LONGEST),
            "seconds to wait before a retry",
        )
        .required()
        .expression(),
        attribute(
            "max-interval",
            Kind::Number(0.0, LONGEST),
            "most seconds to wait; with `delta`, waits grow exponentially up to it",
        )
        .expression(),
        attribute(
            "delta",
            Kind::Number(0.0, LONGEST),
            "seconds by which waits grow",
        )
        .expression(),
        attribute(
            "first-fast-retry",
            Kind::Bool,
            "whether the first retry does not wait",
        )
        .expression()
        .default("false"),
    ],
    children: &[],
    content: Content::Policies,
    doc: "Runs its policies once, then again while the condition is true, up to `count` times.",
    compile,
};

fn compile(element: &Element, cx: &mut Compile<'_>) -> Option<Box<dyn Step>> {
    let condition = cx.arg::<bool>(element, "condition");
    let count = cx.arg::<i64>(element, "count");
    let interval = cx.arg::<f64>(element, "interval");
    let optional = |name: &str, cx: &mut Compile<'_>| match element.attribute(name) {
        Some(_) => cx.arg::<f64>(element, name).map(Some),
        None => Some(None),
    };
    let max_interval = optional("max-interval", cx);
    let delta = optional("delta", cx);
    let first_fast = cx.arg::<bool>(element, "first-fast-retry");
    let block = cx.block(&element.children);
    warn_of_lost_bodies(element, cx);
    let retry = Retry {
        condition: condition?,
        count: count?,
        interval: interval?,
        max_interval: max_interval?,
        delta: delta?,
        first_fast: first_fast?,
        block,
    };
    cx.step(retry)
}

/// A body that streams is gone after the first attempt, unless each attempt sets it.
fn warn_of_lost_bodies(element: &Element, cx: &mut Compile<'_>) {
    if element.elements().any(|e| &*e.name == "set-body") {
        return;
    }
    for inner in element.elements() {
        if &*inner.name != "forward-request" {
            warn_of_lost_bodies(inner, cx);
        } else if !inner
            .attribute("buffer-request-body")
            .is_some_and(|a| a.value.text.trim().eq_ignore_ascii_case("true"))
        {
            cx.report(
                Diagnostic::warning(
                    "TG0358",
                    inner.name_span,
                    "a retried `forward-request` sends no request body",
                )
                .label("the first attempt sends the body as it comes, and does not keep it")
                .help("add `buffer-request-body=\"true\"` if requests have bodies"),
            );
        }
    }
}

#[derive(Debug)]
struct Retry {
    condition: Arg<bool>,
    count: Arg<i64>,
    interval: Arg<f64>,
    max_interval: Option<Arg<f64>>,
    delta: Option<Arg<f64>>,
    first_fast: Arg<bool>,
    block: Block,
}

impl Step for Retry {
    fn run(&self, _rq: &mut Exchange) -> Flow {
        Flow::Wait
    }

    fn wait<'a>(&'a self, rq: &'a mut Exchange) -> LocalBoxFuture<'a, Flow> {
        Box::pin(async move {
            let outer = rq.attempt_failed;
            let flow = self.attempts(rq).await;
            rq.attempt_failed = outer;
            flow
        })
    }

    fn may_wait(&self) -> bool {
        true
    }
}

impl Retry {
    async fn attempts(&self, rq: &mut Exchange) -> Flow {
        let count = match self.count.get(rq) {
            Ok(count) if (1..=50).contains(&count) => count,
            Ok(count) => {
                let why = format!("`{count}` is not a count from 1 to 50.");
                return Flow::Fail(Failure::internal("", "", why));
            }
            Err(failure) => return Flow::Fail(failure),
        };
        let needs = self.needs();
        let mut retry = 1;
        loop {
            rq.tell(|| Event::Attempt(retry));
            let flow = self.block.run(rq).await;
            rq.attempt_failed = matches!(flow, Flow::Fail(_));
            if !matches!(flow, Flow::Next | Flow::Fail(_)) || retry > count {
                return flow;
            }
            let wait = match self.next(rq, retry, needs).await {
                Ok(Some(wait)) => wait,
                Ok(None) => return flow,
                // A condition that cannot cope with a failed attempt does not hide why it failed.
                Err(failure) => {
                    return match flow {
                        Flow::Fail(_) => flow,
                        _ => Flow::Fail(failure),
                    };
                }
            };
            if !wait.is_zero() {
                let clock = rq.services.clock.clone();
                clock.sleep(wait).await;
            }
            retry += 1;
        }
    }

    /// How long to wait before the `retry`-th retry (from 1); `None`: there is none.
    async fn next(
        &self,
        rq: &mut Exchange,
        retry: i64,
        needs: Needs,
    ) -> Result<Option<Duration>, Box<Failure>> {
        if !needs.none() {
            rq.buffer(needs, DEF.name).await?;
        }
        if !self.condition.get(rq)? {
            return Ok(None);
        }
        if retry == 1 && self.first_fast.get(rq)? {
            return Ok(Some(Duration::ZERO));
        }
        let interval = self.interval.get(rq)?;
        let delta = match &self.delta {
            Some(delta) => Some(delta.get(rq)?),
            None => None,
        };
        let most = match &self.max_interval {
            Some(most) => Some(most.get(rq)?),
            None => None,
        };
        // From 0.8 to 1.2, so that callers who failed together do not come back together.
        let spread = 0.8 + (rq.random() >> 11) as f64 / (1u64 << 53) as f64 * 0.4;
        Ok(Some(wait(interval, delta, most, retry, spread)))
    }

    fn needs(&self) -> Needs {
        let mut needs = self.condition.needs();
        let others = [
            Some(&self.interval),
            self.delta.as_ref(),
            self.max_interval.as_ref(),
        ];
        for other in others.into_iter().flatten().map(Arg::needs) {
            needs.request_body |= other.request_body;
            needs.response_body |= other.response_body;
        }
        needs
    }
}

/// The wait before the `n`-th retry. API Management's page writes an exponent of `count`; its example (10, 20, 40, 80,
/// 100 for 10, 10, 100) begins at 0.
fn wait(interval: f64, delta: Option<f64>, most: Option<f64>, n: i64, spread: f64) -> Duration {
    let before = n.saturating_sub(1) as f64;
    let seconds = match (delta, most) {
        (None, None) => interval,
        (None, Some(most)) => interval.min(most),
        (Some(delta), None) => interval + before * delta,
        (Some(delta), Some(most)) => (interval + (before.exp2() - 1.0) * spread * delta).min(most),
    };
    // NaN and what is below zero wait not at all.
    Duration::try_from_secs_f64(seconds.clamp(0.0, LONGEST)).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::wait;

    #[test]
    fn waits_by_form() {
        let seconds = |delta, most, spread| -> Vec<f64> {
            (1..=5)
                .map(|n| wait(10.0, delta, most, n, spread).as_secs_f64())
                .collect()
        };
        assert_eq!(seconds(None, None, 1.0), [10.0; 5]);
        assert_eq!(seconds(None, Some(5.0), 1.0), [5.0; 5]);
        assert_eq!(
            seconds(Some(5.0), None, 1.2),
            [10.0, 15.0, 20.0, 25.0, 30.0]
        );
        assert_eq!(
            seconds(Some(10.0), Some(100.0), 1.0),
            [10.0, 20.0, 40.0, 80.0, 100.0]
        );
        assert_eq!(
            seconds(Some(10.0), Some(100.0), 0.8),
            [10.0, 18.0, 34.0, 66.0, 100.0]
        );
        assert_eq!(wait(10.0, Some(10.0), Some(1e9), 50, 1.2).as_secs(), 86_400);
        assert_eq!(wait(-1.0, None, None, 1, 1.0).as_secs(), 0);
        assert_eq!(wait(f64::NAN, None, None, 1, 1.0).as_secs(), 0);
    }
}
