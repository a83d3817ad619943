//! `emit-metric`: emits a number of the document's own as a metric with dimensions.
//!
//! What must stay true: value and dimensions are those of the place where it stands, and it is counted at once, also when
//! the request fails later.

use crate::compile::{
    Arg, Compile, Content, Kind, Once, PolicyDef, Scopes, Sections, attribute, child,
};
use crate::dimensions::{self, Dimension};
use crate::exchange::Exchange;
use crate::failure::Failure;
use crate::step::{Flow, Step};
use tollgate_lang::document::Element;
use tollgate_lang::value::Str;

/// Most dimensions that are not of the default ones.
const MOST_CUSTOM: usize = 10;

/// The element.
pub const DEF: PolicyDef = PolicyDef {
    name: "emit-metric",
    sections: Sections::ALL,
    scopes: Scopes::ALL,
    once: Once::Many,
    attributes: &[
        attribute("name", Kind::Text, "name of the metric").required(),
        attribute("namespace", Kind::Text, "namespace of the metric").default("API Management"),
        attribute(
            "value",
            Kind::Number(f64::MIN, f64::MAX),
            "the number that is added",
        )
        .expression()
        .default("1"),
    ],
    children: &[
        child("dimension", Content::Empty, "a dimension of the metric")
            .times(1, u32::MAX)
            .attributes(dimensions::ATTRIBUTES),
    ],
    content: Content::Empty,
    doc: "Emits a custom metric: count and sum of its values, with at most ten dimensions beside the default ones.",
    compile,
};

fn compile(element: &Element, cx: &mut Compile<'_>) -> Option<Box<dyn Step>> {
    let value = cx.arg::<f64>(element, "value");
    let dimensions = dimensions::compile(element, MOST_CUSTOM, cx);
    let namespace = cx.literal(element, "namespace");
    let name = cx.literal(element, "name");
    cx.step(EmitMetric {
        namespace: namespace?,
        name: name?,
        value: value?,
        dimensions: dimensions?,
    })
}

#[derive(Debug)]
struct EmitMetric {
    namespace: Str,
    name: Str,
    value: Arg<f64>,
    dimensions: Vec<Dimension>,
}

impl EmitMetric {
    fn emit(&self, rq: &mut Exchange) -> Result<(), Box<Failure>> {
        let value = self.value.get(rq)?;
        if !value.is_finite() {
            return Err(Failure::internal(
                "",
                "",
                format!("The metric `{}` cannot take the value {value}.", self.name),
            ));
        }
        let dimensions = dimensions::evaluate(&self.dimensions, rq)?;
        let dimensions = dimensions::complete(dimensions, rq);
        rq.services
            .telemetry
            .metric(&self.namespace, &self.name, value, &dimensions);
        Ok(())
    }
}

impl Step for EmitMetric {
    fn run(&self, rq: &mut Exchange) -> Flow {
        self.emit(rq).into()
    }
}
