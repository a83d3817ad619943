//! `set-variable`: puts a value into `context.Variables`.
//!
//! A literal is a string; an expression's result keeps its .NET type. Variables live until the request has settled.

use crate::compile::arg::AnyArg;
use crate::compile::{Compile, Content, Kind, Once, PolicyDef, Scopes, Sections, attribute};
use crate::exchange::Exchange;
use crate::step::{Flow, Step};
use tollgate_lang::document::Element;
use tollgate_lang::value::Str;

/// The element.
pub const DEF: PolicyDef = PolicyDef {
    name: "set-variable",
    sections: Sections::ALL,
    scopes: Scopes::ALL,
    once: Once::Many,
    attributes: &[
        attribute("name", Kind::Text, "the variable's name").required(),
        attribute(
            "value",
            Kind::Text,
            "its value: a literal is a string, an expression keeps its type",
        )
        .required()
        .expression(),
    ],
    children: &[],
    content: Content::Empty,
    doc: "Sets a variable that later expressions of the same request read as `context.Variables[\"name\"]`.",
    compile,
};

fn compile(element: &Element, cx: &mut Compile<'_>) -> Option<Box<dyn Step>> {
    let name = cx.literal::<Str>(element, "name");
    let value = cx.any_arg(element, "value");
    cx.step(SetVariable {
        name: name?,
        value: value?,
    })
}

#[derive(Debug)]
struct SetVariable {
    name: Str,
    value: AnyArg,
}

impl Step for SetVariable {
    fn run(&self, rq: &mut Exchange) -> Flow {
        match self.value.get(rq) {
            Ok(value) => {
                rq.set_variable(&self.name, value);
                Flow::Next
            }
            Err(failure) => Flow::Fail(failure),
        }
    }
}
