//! Dimensions of metrics: names with values, some of which have a value of their own (`API ID`).
//!
//! For `llm-emit-token-metric`, its older twin and `emit-metric`. What must stay true: values are those of the place where
//! the policy stands, but for the backend's, which is known at the end.

use crate::compile::{Arg, AttributeDef, Compile, Kind, attribute};
use crate::exchange::Exchange;
use crate::failure::Failure;
use smallvec::SmallVec;
use std::sync::LazyLock;
use tollgate_lang::Diagnostic;
use tollgate_lang::document::Element;
use tollgate_lang::value::Str;

/// Most dimension keys of one metric in Azure Monitor.
const MOST_OF_AZURE_MONITOR: usize = 10;

/// Attributes of `<dimension>`.
pub(crate) const ATTRIBUTES: &[AttributeDef] = &[
    attribute("name", Kind::Text, "its name").required().expression(),
    attribute(
        "value",
        Kind::Text,
        "its value; may be left out for `API ID`, `Operation ID`, `Product ID`, `User ID`, `Subscription ID`, `Location`, `Gateway ID` and `Backend ID`",
    )
    .expression(),
];

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
pub(crate) struct Dimension {
    name: Arg<Str>,
    value: Option<Arg<Str>>,
}

/// Reads the `<dimension>` children; at most `most` may have names of their own. `None` when one was refused.
pub(crate) fn compile(
    element: &Element,
    most: usize,
    cx: &mut Compile<'_>,
) -> Option<Vec<Dimension>> {
    let mut dimensions = Vec::new();
    let mut whole = true;
    let mut custom = 0;
    for child in element.elements().filter(|e| &*e.name == "dimension") {
        let name = child
            .attribute("name")
            .and_then(|a| cx.text_arg::<Str>(&a.value));
        let value = child
            .attribute("value")
            .map(|a| cx.text_arg::<Str>(&a.value));
        let Some(name) = name else {
            whole = false;
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
            if custom == most + 1 {
                cx.report(
                    Diagnostic::error(
                        "TG0345",
                        child.name_span,
                        format!(
                            "`{}` has more than {most} dimensions of its own",
                            element.name
                        ),
                    )
                    .label("one too many"),
                );
            }
        }
        let value = match value {
            Some(Some(value)) => Some(value),
            Some(None) => {
                whole = false;
                continue;
            }
            None => None,
        };
        dimensions.push(Dimension { name, value });
    }
    let all = element.elements().filter(|e| &*e.name == "dimension");
    warn_of_many(element, all.count(), cx);
    whole.then_some(dimensions)
}

/// Says so when a metric has more dimensions than Azure Monitor, where API Management's metrics go, keeps.
fn warn_of_many(element: &Element, dimensions: usize, cx: &mut Compile<'_>) {
    if dimensions <= MOST_OF_AZURE_MONITOR {
        return;
    }
    let message = format!(
        "`{}` has {dimensions} dimensions, the default ones included",
        element.name
    );
    cx.report(
        Diagnostic::warning("TG0717", element.name_span, message)
            .label(format!(
                "Azure Monitor takes metrics of at most {MOST_OF_AZURE_MONITOR}"
            ))
            .help("all of them count here; leave some out where the document is also for API Management"),
    );
}

/// Names and values; without one it is the backend's.
pub(crate) type Dimensions = SmallVec<[(Str, Option<Str>); 6]>;

/// The dimensions as they are for this request at this place.
pub(crate) fn evaluate(list: &[Dimension], rq: &mut Exchange) -> Result<Dimensions, Box<Failure>> {
    let mut dimensions = Dimensions::new();
    for dimension in list {
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

/// The same with the backend that was called last.
pub(crate) fn complete(dimensions: Dimensions, rq: &Exchange) -> SmallVec<[(Str, Str); 6]> {
    dimensions
        .into_iter()
        .map(|(name, value)| (name, value.unwrap_or_else(|| Known::Backend.value(rq))))
        .collect()
}
