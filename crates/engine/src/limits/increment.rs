//! `increment-condition` and `increment-count`: how much a call counts, and when that can be told.
//!
//! What must stay true: a condition that reads `context.Response` is evaluated when the response is there, once; a caller
//! who leaves before it is counted, so that hanging up does not evade a limit.

use crate::compile::{Arg, Compile};
use crate::exchange::{Exchange, Hold};
use crate::failure::Failure;
use tollgate_lang::document::Element;

/// The compiled attributes.
#[derive(Debug)]
pub(crate) struct Increment {
    condition: Option<Arg<bool>>,
    count: Option<Arg<i64>>,
    /// Evaluated when the response is there.
    pub(crate) deferred: bool,
    hold: Hold,
}

impl Increment {
    pub(crate) fn compile(element: &Element, cx: &mut Compile<'_>) -> Option<Increment> {
        let mut increment = Increment {
            condition: None,
            count: None,
            deferred: false,
            hold: Hold::No,
        };
        if element.attribute("increment-condition").is_some() {
            let condition = cx.arg::<bool>(element, "increment-condition")?;
            increment.reads(&condition);
            increment.condition = Some(condition);
        }
        if element.attribute("increment-count").is_some() {
            let count = cx.arg::<i64>(element, "increment-count")?;
            increment.reads(&count);
            increment.count = Some(count);
        }
        if element.attribute("increment-after-response").is_some() {
            increment.deferred |= cx.literal::<bool>(element, "increment-after-response")?;
        }
        Some(increment)
    }

    fn reads<T>(&mut self, arg: &Arg<T>) {
        if let Arg::Expr(expr) = arg {
            let reads = expr.reads();
            self.deferred |= reads.response || reads.response_body;
            if reads.response_body {
                self.hold = Hold::Always;
            }
        }
    }

    /// Asks for what the deferred evaluation will read.
    pub(crate) fn prepare(&self, rq: &mut Exchange) {
        if self.deferred {
            rq.hold(self.hold);
        }
    }

    /// How much the call counts.
    pub(crate) fn get(&self, rq: &mut Exchange) -> Result<u64, Box<Failure>> {
        if let Some(condition) = &self.condition
            && !condition.get(rq)?
        {
            return Ok(0);
        }
        self.count(rq)
    }

    /// How much it counts when the condition was never to be told.
    pub(crate) fn without_condition(&self, rq: &mut Exchange) -> u64 {
        match &self.count {
            Some(Arg::Const(count)) => u64::try_from(*count).unwrap_or(0),
            Some(Arg::Expr(expr)) if expr.reads().response => 1,
            _ => self.count(rq).unwrap_or(1),
        }
    }

    fn count(&self, rq: &mut Exchange) -> Result<u64, Box<Failure>> {
        match &self.count {
            Some(count) => Ok(u64::try_from(count.get(rq)?).unwrap_or(0)),
            None => Ok(1),
        }
    }
}
