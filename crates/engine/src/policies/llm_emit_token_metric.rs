//! `llm-emit-token-metric`: emits the tokens of a call as metrics with dimensions.
//!
//! `azure-openai-emit-token-metric` is the same step. What must stay true: dimensions are evaluated here, in inbound;
//! the metric is emitted once, when the request has settled; an answer from the cache used no tokens and emits none.

use crate::LocalBoxFuture;
use crate::compile::{Compile, Content, Kind, Once, PolicyDef, Scopes, Sections, attribute, child};
use crate::dimensions::{self, Dimension, Dimensions};
use crate::exchange::{Deferred, Exchange};
use crate::settle::Outcome;
use crate::step::{Flow, Step};
use std::sync::Arc;
use tollgate_lang::document::Element;
use tollgate_lang::value::Str;

/// Most dimensions that are not of the default ones.
const MOST_CUSTOM: usize = 5;

/// The element.
pub const DEF: PolicyDef = PolicyDef {
    name: "llm-emit-token-metric",
    sections: Sections::INBOUND,
    scopes: Scopes::ALL,
    once: Once::Many,
    attributes: &[
        attribute("namespace", Kind::Text, "namespace of the metrics").default("API Management"),
    ],
    children: &[
        child("dimension", Content::Empty, "a dimension of the metrics")
            .times(1, u32::MAX)
            .attributes(dimensions::ATTRIBUTES),
    ],
    content: Content::Empty,
    doc: "Emits the metrics `Total Tokens`, `Prompt Tokens` and `Completion Tokens` of a call, and the parts of both that the provider reports: cached prompt tokens, cache writes, reasoning, audio and images; with at most five dimensions beside the default ones. Dimensions are evaluated in `inbound`, before the response is there. Usage is the provider's own where it reports it, else an estimate. Answers from the semantic cache emit nothing.",
    compile,
};

fn compile(element: &Element, cx: &mut Compile<'_>) -> Option<Box<dyn Step>> {
    let namespace = cx.literal(element, "namespace")?;
    let dimensions = dimensions::compile(element, MOST_CUSTOM, cx)?;
    cx.step(EmitTokenMetric(Arc::new(Inner {
        namespace,
        dimensions,
    })))
}

#[derive(Debug)]
struct EmitTokenMetric(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    namespace: Str,
    dimensions: Vec<Dimension>,
}

impl EmitTokenMetric {
    fn note(&self, rq: &mut Exchange) -> Flow {
        match dimensions::evaluate(&self.0.dimensions, rq) {
            Ok(dimensions) => {
                rq.llm_call();
                rq.deferred.push(Box::new(Noted {
                    inner: self.0.clone(),
                    dimensions,
                }));
                Flow::Next
            }
            Err(failure) => Flow::Fail(failure),
        }
    }
}

impl Step for EmitTokenMetric {
    fn run(&self, rq: &mut Exchange) -> Flow {
        if rq.awaits_model_request() {
            return Flow::Wait;
        }
        self.note(rq)
    }

    fn wait<'a>(&'a self, rq: &'a mut Exchange) -> LocalBoxFuture<'a, Flow> {
        Box::pin(rq.with_model_request(|rq| self.note(rq)))
    }

    fn may_wait(&self) -> bool {
        true
    }
}

struct Noted {
    inner: Arc<Inner>,
    dimensions: Dimensions,
}

impl Deferred for Noted {
    fn on_settle(&mut self, rq: &mut Exchange, _outcome: Outcome) {
        let Some(usage) = rq
            .llm
            .as_ref()
            .filter(|call| !call.cache.is_hit())
            .and_then(|call| call.usage)
        else {
            return;
        };
        let dimensions = dimensions::complete(std::mem::take(&mut self.dimensions), rq);
        rq.services
            .telemetry
            .token_metric(&self.inner.namespace, &dimensions, &usage);
    }
}
