//! `llm-emit-token-metric`: emits the tokens of a call as metrics with dimensions.
//!
//! `azure-openai-emit-token-metric` is the same step. What must stay true: dimensions are evaluated here, in inbound;
//! the metric is emitted once, when the request has settled; an answer from the cache used no tokens and emits none.

use crate::LocalBoxFuture;
use crate::compile::{
    Arg, Compile, Content, Kind, Once, PolicyDef, Scopes, Sections, attribute, child,
};
use crate::exchange::{Deferred, Exchange};
use crate::failure::Failure;
use crate::settle::Outcome;
use crate::step::{Flow, Step};
use smallvec::SmallVec;
use std::sync::{Arc, LazyLock};
use tollgate_lang::Diagnostic;
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
    attributes: &[attribute("namespace", Kind::Text, "namespace of the metrics").default("API Management")],
    children: &[child("dimension", Content::Empty, "a dimension of the metrics").times(1, u32::MAX).attributes(&[
        attribute("name", Kind::Text, "its name").required().expression(),
        attribute(
            "value",
            Kind::Text,
            "its value; may be left out for `API ID`, `Operation ID`, `Product ID`, `User ID`, `Subscription ID`, `Location`, `Gateway ID` and `Backend ID`",
        )
        .expression(),
    ])],
    content: Content::Empty,
    doc: "Emits the metrics `Total Tokens`, `Prompt Tokens` and `Completion Tokens` of a call, with at most five dimensions beside the default ones. Dimensions are evaluated in `inbound`, before the response is there. Usage is the provider's own where it reports it, else an estimate. Answers from the semantic cache emit nothing.",
    compile,
};

/// Dimensions that have a value of their own.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Known {
    Api,
    Operation,
    Product,
    User,
    Subscription,
    Location,
    Gateway,
    Backend,
}

impl Known {
    fn named(name: &str) -> Option<Known> {
        Some(match name {
            "API ID" => Known::Api,
            "Operation ID" => Known::Operation,
            "Product ID" => Known::Product,
            "User ID" => Known::User,
            "Subscription ID" => Known::Subscription,
            "Location" => Known::Location,
            "Gateway ID" => Known::Gateway,
            "Backend ID" => Known::Backend,
            _ => return None,
        })
    }

    /// The value for this request; nothing where there is no such thing.
    fn value(self, rq: &Exchange) -> Str {
        static NONE: LazyLock<Str> = LazyLock::new(|| Str::from(""));
        let value = match self {
            Known::Api => rq.api().map(|a| &a.id),
            Known::Operation => rq.operation().map(|o| &o.id),
            Known::Product => rq.product().map(|p| &p.id),
            Known::User => rq.user().map(|u| &u.id),
            Known::Subscription => rq.subscription().map(|s| &s.id),
            Known::Location => Some(&rq.snapshot.gateway.region),
            Known::Gateway => Some(&rq.snapshot.gateway.id),
            Known::Backend => rq
                .attempts
                .last()
                .and_then(|a| a.backend)
                .map(|b| &rq.snapshot.backend(b).id),
        };
        value.unwrap_or(&NONE).clone()
    }
}

/// A dimension: its name, and its value or the default's.
#[derive(Debug)]
struct Dimension {
    name: Arg<Str>,
    value: Option<Arg<Str>>,
}

fn compile(element: &Element, cx: &mut Compile<'_>) -> Option<Box<dyn Step>> {
    let namespace = cx.literal(element, "namespace")?;
    let mut dimensions = Vec::new();
    let mut custom = 0;
    for child in element.elements().filter(|e| &*e.name == "dimension") {
        let name = child
            .attribute("name")
            .and_then(|a| cx.text_arg::<Str>(&a.value));
        let value = child
            .attribute("value")
            .map(|a| cx.text_arg::<Str>(&a.value));
        let Some(name) = name else {
            continue;
        };
        let known = name
            .constant()
            .is_some_and(|name| Known::named(name).is_some());
        if value.is_none() && !known && name.constant().is_some() {
            cx.report(
                Diagnostic::error("TG0344", child.name_span, format!("dimension `{}` needs a `value`", name.constant().map_or("", |n| n)))
                    .label("only the default dimensions have one of their own")
                    .help("the default dimensions are API ID, Operation ID, Product ID, User ID, Subscription ID, Location, Gateway ID and Backend ID"),
            );
        }
        if !known {
            custom += 1;
            if custom == MOST_CUSTOM + 1 {
                cx.report(
                    Diagnostic::error(
                        "TG0345",
                        child.name_span,
                        format!(
                            "`{}` has more than {MOST_CUSTOM} dimensions of its own",
                            element.name
                        ),
                    )
                    .label("one too many"),
                );
            }
        }
        let value = match value {
            Some(Some(value)) => Some(value),
            Some(None) => continue,
            None => None,
        };
        dimensions.push(Dimension { name, value });
    }
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
        match self.dimensions(rq) {
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

    fn dimensions(&self, rq: &mut Exchange) -> Result<Dimensions, Box<Failure>> {
        let mut dimensions = Dimensions::new();
        for dimension in &self.0.dimensions {
            let name = dimension.name.get(rq)?;
            let value = match &dimension.value {
                Some(value) => Some(value.get(rq)?),
                None => match Known::named(&name) {
                    // Which backend it was is known at the end.
                    Some(Known::Backend) => None,
                    Some(known) => Some(known.value(rq)),
                    None => {
                        return Err(Failure::internal(
                            "",
                            "",
                            format!("Dimension `{name}` has no value."),
                        ));
                    }
                },
            };
            dimensions.push((name, value));
        }
        Ok(dimensions)
    }
}

/// Names and values; without one it is the backend's.
type Dimensions = SmallVec<[(Str, Option<Str>); 6]>;

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
        let dimensions: SmallVec<[(Str, Str); 6]> = self
            .dimensions
            .drain(..)
            .map(|(name, value)| (name, value.unwrap_or_else(|| Known::Backend.value(rq))))
            .collect();
        rq.services
            .telemetry
            .token_metric(&self.inner.namespace, &dimensions, &usage);
    }
}
