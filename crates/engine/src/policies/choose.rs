//! `choose`: runs the first branch whose condition is true.
//!
//! Conditions are evaluated in order until one is true. What must stay true: a branch that cannot wait runs without
//! allocation; one that can is chosen once and resumed, never evaluated twice.

use crate::LocalBoxFuture;
use crate::compile::{
    Arg, Compile, Content, Kind, Once, PolicyDef, Scopes, Sections, attribute, child,
};
use crate::exchange::Exchange;
use crate::failure::Failure;
use crate::step::{Block, Flow, Step};
use tollgate_lang::Diagnostic;
use tollgate_lang::document::Element;
use tollgate_lang::value::Str;

/// The element.
pub const DEF: PolicyDef = PolicyDef {
    name: "choose",
    sections: Sections::ALL,
    scopes: Scopes::ALL,
    once: Once::Many,
    attributes: &[],
    children: &[
        child("when", Content::Policies, "a branch with its condition")
            .times(1, u32::MAX)
            .attributes(&[attribute("condition", Kind::Bool, "what must be true")
                .required()
                .expression()]),
        child(
            "otherwise",
            Content::Policies,
            "the branch that runs when no condition was true",
        )
        .times(0, 1),
    ],
    content: Content::Empty,
    doc: "Runs the policies of the first `when` whose condition is true, else those of `otherwise`.",
    compile,
};

fn compile(element: &Element, cx: &mut Compile<'_>) -> Option<Box<dyn Step>> {
    let mut branches = Vec::new();
    let mut otherwise: Option<Block> = None;
    let mut whens = 0;
    let several = element.elements().filter(|e| &*e.name == "when").count() > 1;
    for child in element.elements() {
        match &*child.name {
            "when" => {
                if otherwise.is_some() {
                    cx.report(
                        Diagnostic::error(
                            "TG0330",
                            child.name_span,
                            "`when` stands after `otherwise`",
                        )
                        .label("move it before `otherwise`"),
                    );
                }
                whens += 1;
                let condition = child
                    .attribute("condition")
                    .and_then(|a| cx.text_arg::<bool>(&a.value));
                let (block, path) = cx.branch(child, several.then_some(whens));
                if let Some(condition) = condition {
                    branches.push(When {
                        condition,
                        block,
                        path,
                    });
                }
            }
            "otherwise" => otherwise = Some(cx.branch(child, None).0),
            _ => {}
        }
    }
    let otherwise = otherwise.unwrap_or_default();
    let may_wait = otherwise.may_wait() || branches.iter().any(|w| w.block.may_wait());
    let id = element.attribute("id").map(|a| a.value.text.clone());
    cx.step(Choose {
        branches,
        otherwise,
        may_wait,
        id,
    })
}

#[derive(Debug)]
struct Choose {
    branches: Vec<When>,
    otherwise: Block,
    may_wait: bool,
    id: Option<Str>,
}

#[derive(Debug)]
struct When {
    condition: Arg<bool>,
    block: Block,
    path: Str,
}

impl Choose {
    fn block(&self, index: u32) -> &Block {
        self.branches
            .get(index as usize)
            .map_or(&self.otherwise, |w| &w.block)
    }
}

impl Choose {
    /// Evaluates conditions until one is true.
    fn chosen(&self, rq: &mut Exchange) -> Result<u32, Box<Failure>> {
        let mut chosen = self.branches.len();
        for (index, when) in self.branches.iter().enumerate() {
            match when.condition.get(rq) {
                Ok(true) => {
                    chosen = index;
                    break;
                }
                Ok(false) => {}
                Err(mut failure) => {
                    failure.place.path = Some(when.path.clone());
                    failure.place.policy_id.clone_from(&self.id);
                    return Err(failure);
                }
            }
        }
        Ok(u32::try_from(chosen).unwrap_or(u32::MAX))
    }
}

impl Step for Choose {
    fn run(&self, rq: &mut Exchange) -> Flow {
        let chosen = match self.chosen(rq) {
            Ok(chosen) => chosen,
            Err(failure) => return Flow::Fail(failure),
        };
        let block = self.block(chosen);
        if block.waits(rq) {
            rq.resume.push(chosen);
            return Flow::Wait;
        }
        block.run_now(rq)
    }

    fn wait<'a>(&'a self, rq: &'a mut Exchange) -> LocalBoxFuture<'a, Flow> {
        let chosen = rq.resume.pop().unwrap_or(u32::MAX);
        Box::pin(self.block(chosen).run(rq))
    }

    fn branch(&self, rq: &mut Exchange) -> Option<Result<&Block, Box<Failure>>> {
        Some(self.chosen(rq).map(|chosen| self.block(chosen)))
    }

    fn may_wait(&self) -> bool {
        self.may_wait
    }
}
