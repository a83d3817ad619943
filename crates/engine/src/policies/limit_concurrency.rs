//! `limit-concurrency`: lets at most so many requests run its policies at one time.
//!
//! One count for each key in this process, shared by every policy that uses the key. What must stay true: a request
//! that finds it full does not wait; the slot comes back when the policies end, however they end, also when the
//! caller leaves while they wait (the slot goes with the future that is dropped).

use crate::LocalBoxFuture;
use crate::compile::{Arg, Compile, Content, Kind, Once, PolicyDef, Scopes, Sections, attribute};
use crate::exchange::Exchange;
use crate::failure::Failure;
use crate::step::{Block, Flow, Step};
use http::StatusCode;
use tollgate_lang::document::Element;
use tollgate_lang::value::Str;
use tollgate_state::concurrency::Slot;

/// The element.
pub const DEF: PolicyDef = PolicyDef {
    name: "limit-concurrency",
    sections: Sections::ALL,
    scopes: Scopes::ALL,
    once: Once::Many,
    attributes: &[
        attribute(
            "key",
            Kind::Text,
            "the key; each distinct value has a count, which every policy with the same key counts on",
        )
        .required()
        .expression(),
        attribute(
            "max-count",
            Kind::Int(1, i32::MAX as i64),
            "the most requests that run the policies at one time",
        )
        .required(),
    ],
    children: &[],
    content: Content::Policies,
    doc: "Lets at most `max-count` requests of a key run its policies at one time; one more is answered 429 at once. Each gateway process counts for itself.\n\nAround `forward-request` it counts calls until the head of the backend's response is there, not until its body has been sent.",
    compile,
};

fn compile(element: &Element, cx: &mut Compile<'_>) -> Option<Box<dyn Step>> {
    let key = cx.arg(element, "key");
    let most = cx.literal::<i64>(element, "max-count");
    let block = cx.block(&element.children);
    cx.step(LimitConcurrency {
        key: key?,
        most: u32::try_from(most?).ok()?,
        block,
    })
}

#[derive(Debug)]
struct LimitConcurrency {
    key: Arg<Str>,
    most: u32,
    block: Block,
}

impl LimitConcurrency {
    fn enter(&self, rq: &mut Exchange) -> Result<Slot, Box<Failure>> {
        let key = self.key.get(rq)?;
        rq.services
            .concurrency
            .enter(&key, self.most)
            .ok_or_else(|| {
                // API Management documents the status only.
                Failure::refused(
                    "",
                    "ConcurrencyLimitExceeded",
                    StatusCode::TOO_MANY_REQUESTS,
                    "Too many concurrent requests. Try again later.",
                )
            })
    }
}

impl Step for LimitConcurrency {
    fn run(&self, rq: &mut Exchange) -> Flow {
        if self.block.waits(rq) {
            return Flow::Wait;
        }
        match self.enter(rq) {
            Ok(_slot) => self.block.run_now(rq),
            Err(failure) => Flow::Fail(failure),
        }
    }

    fn wait<'a>(&'a self, rq: &'a mut Exchange) -> LocalBoxFuture<'a, Flow> {
        Box::pin(async move {
            match self.enter(rq) {
                Ok(_slot) => self.block.run(rq).await,
                Err(failure) => Flow::Fail(failure),
            }
        })
    }

    fn may_wait(&self) -> bool {
        self.block.may_wait()
    }
}
