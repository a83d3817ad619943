//! `wait`: runs its policies side by side and goes on when all of them, or the first, have ended.
//!
//! What must stay true: requests to be sent are under way at one time; what is not waited for any more is given up
//! (its future is dropped), and sets no variable.

use crate::LocalBoxFuture;
use crate::compile::{Arg, Compile, Content, Kind, Once, PolicyDef, Scopes, Sections, attribute};
use crate::exchange::Exchange;
use crate::failure::Failure;
use crate::parallel;
use crate::step::{Block, Flow, Step};
use tollgate_lang::Diagnostic;
use tollgate_lang::document::Element;
use tollgate_lang::value::Str;

/// The element.
pub const DEF: PolicyDef = PolicyDef {
    name: "wait",
    sections: Sections::INBOUND
        .or(Sections::BACKEND)
        .or(Sections::OUTBOUND),
    scopes: Scopes::ALL,
    once: Once::Many,
    attributes: &[attribute(
        "for",
        Kind::OneOf(&["all", "any"]),
        "`all`: goes on when all its policies have ended; `any`: when the first has, and gives the others up",
    )
    .expression()
    .default("all")],
    children: &[],
    content: Content::Policies,
    doc: "Runs `send-request`, `cache-lookup-value` and `choose` side by side, so that it takes as long as the longest of them, or the shortest with `for=\"any\"`.\n\nValues are computed in document order, before the first answer comes: a policy does not see what another one beside it sets. The policies of a branch of `choose` run one after another, beside the other children. The first error that is not ignored ends the `wait`, and so does `return-response`; with `any`, an error of the policy that ends first does.",
    compile,
};

/// What API Management runs in it.
const CHILDREN: [&str; 3] = ["send-request", "cache-lookup-value", "choose"];

fn compile(element: &Element, cx: &mut Compile<'_>) -> Option<Box<dyn Step>> {
    for child in element.elements() {
        // An unknown element is reported as what it is.
        if !CHILDREN.contains(&&*child.name) && crate::policies::find(&child.name).is_some() {
            cx.report(
                Diagnostic::error(
                    "TG0500",
                    child.name_span,
                    format!("`{}` cannot run in `wait`", child.name),
                )
                .label("expected `send-request`, `cache-lookup-value` or `choose`")
                .help("put it before or behind the `wait`, or into a `choose` inside it"),
            );
        }
    }
    let any = match cx.arg::<Str>(element, "for") {
        Some(Arg::Const(word)) => match word.trim() {
            "all" => Some(Any::Known(false)),
            "any" => Some(Any::Known(true)),
            word => {
                cx.unknown_word(element, "for", word, "`all`, `any`");
                None
            }
        },
        Some(expr) => Some(Any::Of(expr)),
        None => None,
    };
    let block = cx.block(&element.children);
    cx.step(Wait { any: any?, block })
}

#[derive(Debug)]
struct Wait {
    any: Any,
    block: Block,
}

#[derive(Debug)]
enum Any {
    Known(bool),
    Of(Arg<Str>),
}

impl Any {
    fn get(&self, rq: &mut Exchange) -> Result<bool, Box<Failure>> {
        match self {
            Any::Known(any) => Ok(*any),
            Any::Of(arg) => match arg.get(rq)?.trim() {
                "all" => Ok(false),
                "any" => Ok(true),
                other => Err(Failure::internal(
                    "",
                    "",
                    format!("`{other}` is nothing to wait for: expected `all` or `any`."),
                )),
            },
        }
    }
}

impl Step for Wait {
    fn run(&self, _rq: &mut Exchange) -> Flow {
        Flow::Wait
    }

    fn wait<'a>(&'a self, rq: &'a mut Exchange) -> LocalBoxFuture<'a, Flow> {
        Box::pin(async move {
            match self.any.get(rq) {
                Ok(any) => parallel::run(&self.block, any, rq).await,
                Err(failure) => Flow::Fail(failure),
            }
        })
    }

    fn may_wait(&self) -> bool {
        true
    }
}
