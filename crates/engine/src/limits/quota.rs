//! What `quota` and `quota-by-key` share: their numbers, their refusals, and bytes that count at settlement.

use super::{Gate, Gates, Limit, limits_nothing, time_span};
use crate::compile::Compile;
use crate::exchange::{Deferred, Exchange};
use crate::failure::Failure;
use crate::settle::Outcome;
use http::{HeaderValue, StatusCode, header};
use tollgate_lang::document::Element;
use tollgate_state::counters::retry_after_seconds;
use tollgate_state::{Decision, Measure, Period, Quota};

/// `calls`, `bandwidth` in bytes and seconds of one level; at least one of the first two, or a fault.
pub(crate) fn numbers(element: &Element, cx: &mut Compile<'_>) -> Option<Numbers> {
    let mut number = |name: &str| {
        element
            .attribute(name)
            .and_then(|_| u64::try_from(cx.literal::<i64>(element, name)?).ok())
    };
    let numbers = Numbers {
        calls: number("calls"),
        bandwidth: number("bandwidth").map(|kilobytes| kilobytes.saturating_mul(1024)),
        seconds: number("renewal-period")?,
    };
    if element.attribute("calls").is_none() && element.attribute("bandwidth").is_none() {
        limits_nothing(element, "`calls`, `bandwidth` or both", cx);
        return None;
    }
    Some(numbers)
}

/// The numbers of a quota.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Numbers {
    calls: Option<u64>,
    bandwidth: Option<u64>,
    pub(crate) seconds: u64,
}

impl Numbers {
    /// Its gates: calls first.
    pub(crate) fn gates(self, key: String, period: Period, calls: u64, gates: &mut Gates) {
        let quota = |measure, limit| {
            Limit::Quota(Quota {
                measure,
                limit,
                period,
            })
        };
        if let Some(limit) = self.bandwidth {
            gates.push(Gate {
                key: key.clone(),
                limit: quota(Measure::Bandwidth, limit),
                count: 0,
            });
        }
        if let Some(limit) = self.calls {
            gates.push(Gate {
                key,
                limit: quota(Measure::Calls, limit),
                count: calls,
            });
        }
    }
}

/// The refusal of a quota.
pub(crate) fn refusal(gate: &Gate, decision: &Decision) -> Box<Failure> {
    let (what, endless) = match gate.limit {
        Limit::Quota(quota) => (
            if quota.measure == Measure::Bandwidth {
                "bandwidth"
            } else {
                "call volume"
            },
            quota.period == Period::Endless,
        ),
        Limit::Rate(_) => ("call volume", false),
    };
    let refused = |message| Failure::refused("", "QuotaExceeded", StatusCode::FORBIDDEN, message);
    if endless {
        return refused(format!("Out of {what} quota."));
    }
    let seconds = retry_after_seconds(decision.retry_after_ms);
    refused(format!(
        "Out of {what} quota. Quota will be replenished in {}.",
        time_span(seconds)
    ))
    .header(header::RETRY_AFTER, HeaderValue::from(seconds))
}

/// Counts bytes when the request has settled.
pub(crate) struct Bandwidth(pub(crate) Gates);

impl Bandwidth {
    /// Keeps the gates of bandwidth.
    pub(crate) fn of(gates: Gates) -> Bandwidth {
        Bandwidth(
            gates
                .into_iter()
                .filter(|gate| {
                    matches!(
                        gate.limit,
                        Limit::Quota(Quota {
                            measure: Measure::Bandwidth,
                            ..
                        })
                    )
                })
                .collect(),
        )
    }
}

impl Deferred for Bandwidth {
    fn on_settle(&mut self, rq: &mut Exchange, _outcome: Outcome) {
        let bytes = rq.received_bytes.saturating_add(rq.sent_bytes);
        for gate in &self.0 {
            super::count(rq, gate, bytes);
        }
    }
}
