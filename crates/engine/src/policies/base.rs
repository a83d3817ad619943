//! `base`: runs the parent scope's section here.
//!
//! At the top of a section the runner handles it (see `pipeline`); this step is for a `<base/>` inside a container.

use crate::LocalBoxFuture;
use crate::compile::{Content, Once, PolicyDef, Scopes, Sections};
use crate::exchange::Exchange;
use crate::step::{Flow, Step};

/// The element.
pub const DEF: PolicyDef = PolicyDef {
    name: "base",
    sections: Sections::ALL,
    scopes: Scopes::ALL,
    once: Once::Many,
    attributes: &[],
    children: &[],
    content: Content::Empty,
    doc: "Runs the policies of the parent scope's section. Without it, nothing is inherited. In the global document it does nothing.",
    compile: |_, cx| cx.step(Base),
};

#[derive(Debug)]
struct Base;

impl Step for Base {
    fn run(&self, _rq: &mut Exchange) -> Flow {
        Flow::Wait
    }

    fn wait<'a>(&'a self, rq: &'a mut Exchange) -> LocalBoxFuture<'a, Flow> {
        Box::pin(crate::pipeline::base(rq))
    }

    fn may_wait(&self) -> bool {
        true
    }
}
