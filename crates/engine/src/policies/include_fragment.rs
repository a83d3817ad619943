//! `include-fragment`: the policies of a fragment, as if they stood here.
//!
//! What must stay true: each inclusion is compiled with the rules of the section and scope it stands in.

use crate::LocalBoxFuture;
use crate::compile::{Compile, Content, Kind, Once, PolicyDef, Scopes, Sections, attribute};
use crate::exchange::Exchange;
use crate::failure::Failure;
use crate::step::{Block, Flow, Preflight, Step};
use tollgate_lang::document::Element;

/// The element.
pub const DEF: PolicyDef = PolicyDef {
    name: "include-fragment",
    sections: Sections::ALL,
    scopes: Scopes::ALL,
    once: Once::Many,
    attributes: &[attribute("fragment-id", Kind::Text, "the fragment's id").required()],
    children: &[],
    content: Content::Empty,
    doc: "Puts the policies of a policy fragment here. A fragment cannot hold `<base />` or another fragment.",
    compile,
};

fn compile(element: &Element, cx: &mut Compile<'_>) -> Option<Box<dyn Step>> {
    let id = &element.attribute("fragment-id")?.value;
    if id.kind != tollgate_lang::document::TextKind::Literal {
        return None;
    }
    let block = cx.fragment(id.text.trim(), id.span)?;
    cx.step(IncludeFragment(block))
}

#[derive(Debug)]
struct IncludeFragment(Block);

impl Step for IncludeFragment {
    fn run(&self, rq: &mut Exchange) -> Flow {
        if self.0.waits(rq) {
            Flow::Wait
        } else {
            self.0.run_now(rq)
        }
    }

    fn wait<'a>(&'a self, rq: &'a mut Exchange) -> LocalBoxFuture<'a, Flow> {
        Box::pin(self.0.run(rq))
    }

    fn branch(&self, _rq: &mut Exchange) -> Option<Result<&Block, Box<Failure>>> {
        Some(Ok(&self.0))
    }

    fn may_wait(&self) -> bool {
        self.0.may_wait()
    }

    fn preflight(&self, rq: &mut Exchange) -> Preflight {
        self.0.preflight(rq)
    }
}
