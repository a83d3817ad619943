//! `rate-limit`: limits the calls of a subscription in a sliding window.
//!
//! Acts only when a subscription key was used. What must stay true: product, API and operation levels have counters of
//! their own and all must pass; a refused call is not counted.

use crate::compile::{
    AttributeDef, Compile, Content, Kind, Once, PolicyDef, ScopeKind, Scopes, Sections, attribute,
    child,
};
use crate::exchange::Exchange;
use crate::limits::calls::CallsTold;
use crate::limits::level::{self, Level};
use crate::limits::{Admission, Gate, Gates, Limit, Told, admit};
use crate::step::{Flow, Step};
use std::sync::Arc;
use tollgate_lang::document::Element;
use tollgate_state::Rate;

/// Most seconds of a window.
const LONGEST: i64 = 300;

const CALLS: AttributeDef = attribute(
    "calls",
    Kind::Int(1, i32::MAX as i64),
    "the most calls in the renewal period",
)
.required();
const RENEWAL: AttributeDef = attribute(
    "renewal-period",
    Kind::Int(1, LONGEST),
    "length of the sliding window in seconds, 300 at most",
)
.required();
const ID: AttributeDef = attribute("id", Kind::Text, "its id; wins over `name`");
const NAME: AttributeDef = attribute("name", Kind::Text, "its display name");

/// The element.
pub const DEF: PolicyDef = PolicyDef {
    name: "rate-limit",
    sections: Sections::INBOUND,
    scopes: Scopes::PRODUCT.or(Scopes::API).or(Scopes::OPERATION),
    once: Once::PerDocument,
    attributes: &[
        CALLS,
        RENEWAL,
        attribute(
            "retry-after-header-name",
            Kind::Text,
            "header of a refusal that says after how many seconds to come back",
        )
        .default("Retry-After"),
        attribute(
            "retry-after-variable-name",
            Kind::Text,
            "variable with the same number, for `on-error`",
        ),
        attribute(
            "remaining-calls-header-name",
            Kind::Text,
            "header of every answer with the calls that are left",
        ),
        attribute(
            "remaining-calls-variable-name",
            Kind::Text,
            "variable with the calls that are left",
        ),
        attribute(
            "total-calls-header-name",
            Kind::Text,
            "header of every answer with the value of `calls`",
        ),
    ],
    children: &[child(
        "api",
        Content::Empty,
        "a limit of its own for one API of the product",
    )
    .attributes(&[ID, NAME, CALLS, RENEWAL])
    .children(&[child(
        "operation",
        Content::Empty,
        "a limit of its own for one operation of the API",
    )
    .attributes(&[ID, NAME, CALLS, RENEWAL])])],
    content: Content::Empty,
    doc: "Limits the calls of a subscription in a sliding window; above it, the call is answered 429 with `Retry-After`. It acts only on calls with a subscription key. Where several limits are told of, headers and variables speak of the one with the least left.",
    compile,
};

fn compile(element: &Element, cx: &mut Compile<'_>) -> Option<Box<dyn Step>> {
    let levels = level::compile(element, cx, |element, cx| {
        let mut number = |name| u64::try_from(cx.literal::<i64>(element, name)?).ok();
        Some(Rate {
            limit: number("calls")?,
            window_ms: number("renewal-period")?.saturating_mul(1000),
        })
    });
    let told = CallsTold::compile(element, cx);
    cx.step(RateLimit(Arc::new(Inner {
        levels,
        scope: cx.scope,
        told,
    })))
}

#[derive(Debug)]
struct RateLimit(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    levels: Vec<Level<Rate>>,
    scope: ScopeKind,
    told: CallsTold,
}

impl Step for RateLimit {
    fn run(&self, rq: &mut Exchange) -> Flow {
        let gates: Gates = self
            .0
            .levels
            .iter()
            .filter_map(|level| {
                Some(Gate {
                    key: level.key(DEF.name, self.0.scope, rq)?,
                    limit: Limit::Rate(level.limit),
                    count: 1,
                })
            })
            .collect();
        if gates.is_empty() {
            return Flow::Next;
        }
        let inner = self.0.clone();
        admit(rq, gates, move |rq, admission| match admission {
            Admission::Refused(gate, decision) => {
                Flow::Fail(inner.told.refusal(rq, limit_of(&gate), &decision))
            }
            Admission::Passed(gates, decisions) => {
                if let Some((gate, least)) = gates
                    .iter()
                    .zip(&decisions)
                    .min_by_key(|(_, d)| d.remaining)
                {
                    let mut told = Told::default();
                    inner
                        .told
                        .admitted(rq, &mut told, limit_of(gate), least.remaining);
                    if !told.is_empty() {
                        rq.deferred.push(Box::new(told));
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

fn limit_of(gate: &Gate) -> u64 {
    match gate.limit {
        Limit::Rate(rate) => rate.limit,
        Limit::Quota(quota) => quota.limit,
    }
}
