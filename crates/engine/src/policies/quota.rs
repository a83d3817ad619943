//! `quota`: limits calls and bandwidth of a subscription in fixed periods.
//!
//! Acts only when a subscription key was used; periods count from the subscription's start. What must stay true: calls
//! count when admitted, bytes when the request has settled; a refused call counts neither.

use crate::compile::{
    AttributeDef, Compile, Content, Kind, Once, PolicyDef, ScopeKind, Scopes, Sections, attribute,
    child,
};
use crate::exchange::Exchange;
use crate::limits::level::{self, Level};
use crate::limits::quota::{Bandwidth, Numbers, numbers, refusal};
use crate::limits::{Admission, Gates, admit};
use crate::step::{Flow, Step};
use tollgate_lang::document::Element;
use tollgate_state::Period;

const CALLS: AttributeDef = attribute(
    "calls",
    Kind::Int(1, i64::MAX),
    "the most calls in the renewal period",
);
const BANDWIDTH: AttributeDef = attribute(
    "bandwidth",
    Kind::Int(1, i64::MAX),
    "the most kilobytes of request and response bodies in the renewal period",
);
const RENEWAL: AttributeDef = attribute(
    "renewal-period",
    Kind::Int(0, i64::MAX),
    "length of the period in seconds, counted from the subscription's start; 0 never renews",
)
.required();
const ID: AttributeDef = attribute("id", Kind::Text, "its id; wins over `name`");
const NAME: AttributeDef = attribute("name", Kind::Text, "its display name");

/// The element.
pub const DEF: PolicyDef = PolicyDef {
    name: "quota",
    sections: Sections::INBOUND,
    scopes: Scopes::PRODUCT,
    once: Once::PerDocument,
    attributes: &[CALLS, BANDWIDTH, RENEWAL],
    children: &[child(
        "api",
        Content::Empty,
        "a quota of its own for one API of the product",
    )
    .attributes(&[ID, NAME, CALLS, BANDWIDTH, RENEWAL])
    .children(&[child(
        "operation",
        Content::Empty,
        "a quota of its own for one operation of the API",
    )
    .attributes(&[ID, NAME, CALLS, BANDWIDTH, RENEWAL])])],
    content: Content::Empty,
    doc: "Limits the calls or the bandwidth of a subscription in fixed periods; above it, the call is answered 403 with `Retry-After`. It acts only on calls with a subscription key. Bandwidth count when the request has ended, so the call that passes a bandwidth is the last to be let through.",
    compile,
};

fn compile(element: &Element, cx: &mut Compile<'_>) -> Option<Box<dyn Step>> {
    let levels = level::compile(element, cx, numbers);
    cx.step(QuotaStep {
        levels,
        scope: cx.scope,
    })
}

#[derive(Debug)]
struct QuotaStep {
    levels: Vec<Level<Numbers>>,
    scope: ScopeKind,
}

impl Step for QuotaStep {
    fn run(&self, rq: &mut Exchange) -> Flow {
        let Some(start) = rq
            .subscription()
            .map(|s| i64::try_from(s.created_millis).unwrap_or(0))
        else {
            return Flow::Next;
        };
        let mut gates = Gates::new();
        for level in &self.levels {
            if let Some(key) = level.key(DEF.name, self.scope, rq) {
                level.limit.gates(
                    key,
                    Period::every(level.limit.seconds, start),
                    1,
                    &mut gates,
                );
            }
        }
        if gates.is_empty() {
            return Flow::Next;
        }
        admit(rq, gates, |rq, admission| match admission {
            Admission::Refused(gate, decision) => Flow::Fail(refusal(&gate, &decision)),
            Admission::Passed(gates, _) => {
                let bytes = Bandwidth::of(gates);
                if !bytes.0.is_empty() {
                    rq.deferred.push(Box::new(bytes));
                }
                Flow::Next
            }
        })
    }

    fn may_wait(&self) -> bool {
        true
    }
}
