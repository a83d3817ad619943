//! Runs statements.

use super::run::{eval, store, thrown, truth};
use super::{Cx, Slot, Slots, Throw, ops, throw, types};
use crate::expr::ir::{Ir, IrCatch, IrStmt};
use crate::expr::types::Ty;
use crate::value::Value;
use std::cell::RefCell;
use std::rc::Rc;

/// How a statement ended.
pub(super) enum Flow {
    Next,
    Break,
    Continue,
    Return(Value),
    /// To the label with that number, in a block around.
    Goto(u32),
    /// To a section of the switch around.
    Case(usize),
}

type F = Result<Flow, Throw>;

pub(super) fn block(cx: &mut Cx<'_>, frame: &mut Slots, list: &[IrStmt]) -> F {
    let mut next = 0;
    while let Some(s) = list.get(next) {
        next += 1;
        match run(cx, frame, s)? {
            Flow::Next => {}
            Flow::Goto(label) => match labelled(list, label) {
                Some(place) => next = place,
                None => return Ok(Flow::Goto(label)),
            },
            other => return Ok(other),
        }
    }
    Ok(Flow::Next)
}

fn labelled(list: &[IrStmt], label: u32) -> Option<usize> {
    list.iter()
        .position(|s| matches!(s, IrStmt::Label(l) if *l == label))
}

fn run(cx: &mut Cx<'_>, frame: &mut Slots, s: &IrStmt) -> F {
    cx.step(1)?;
    cx.enter()?;
    let r = dispatch(cx, frame, s);
    cx.depth -= 1;
    r
}

fn dispatch(cx: &mut Cx<'_>, frame: &mut Slots, s: &IrStmt) -> F {
    match s {
        IrStmt::Expr(e) => eval(cx, frame, e).map(|_| Flow::Next),
        IrStmt::Declare(slot, init) => {
            let v = match init {
                Some(e) => eval(cx, frame, e)?,
                None => Value::Null,
            };
            declare(frame, *slot, v);
            Ok(Flow::Next)
        }
        IrStmt::Block(list) => block(cx, frame, list),
        IrStmt::If(branches, otherwise) => {
            for (test, body) in branches {
                if truth(&eval(cx, frame, test)?)? {
                    return run(cx, frame, body);
                }
            }
            match otherwise {
                Some(s) => run(cx, frame, s),
                None => Ok(Flow::Next),
            }
        }
        IrStmt::Loop {
            test,
            after,
            step,
            body,
        } => looped(cx, frame, test.as_ref(), *after, step, body),
        IrStmt::Foreach {
            slot,
            convert,
            of,
            body,
        } => foreach(cx, frame, *slot, convert.as_ref(), of, body),
        IrStmt::Switch {
            slot,
            of,
            tests,
            default,
            sections,
        } => {
            let v = eval(cx, frame, of)?;
            store(frame, *slot, v);
            let mut chosen = *default;
            for (test, section) in tests {
                if truth(&eval(cx, frame, test)?)? {
                    chosen = Some(*section);
                    break;
                }
            }
            while let Some(list) = chosen.and_then(|i| sections.get(i)) {
                match block(cx, frame, list)? {
                    Flow::Break => break,
                    Flow::Case(i) => chosen = Some(i),
                    other => return Ok(other),
                }
            }
            Ok(Flow::Next)
        }
        IrStmt::Break => Ok(Flow::Break),
        IrStmt::Continue => Ok(Flow::Continue),
        IrStmt::Label(_) => Ok(Flow::Next),
        IrStmt::Goto(label) => Ok(Flow::Goto(*label)),
        IrStmt::GotoCase(section) => Ok(Flow::Case(*section)),
        IrStmt::Return(None) => Ok(Flow::Return(Value::Null)),
        IrStmt::Return(Some(e)) => eval(cx, frame, e).map(Flow::Return),
        IrStmt::Throw(e) => Err(thrown(eval(cx, frame, e)?)),
        IrStmt::Rethrow => match cx.in_hand() {
            Some(e) => Err(Throw::Exception(e.clone())),
            None => Err(throw(
                "InvalidOperationException",
                "There is no exception to rethrow.",
            )),
        },
        IrStmt::Try {
            body,
            catches,
            finally,
        } => tried(cx, frame, body, catches, finally.as_deref()),
    }
}

/// Gives a slot a fresh variable: the flag of the frame says whether lambdas share it.
fn declare(frame: &mut Slots, slot: u32, value: Value) {
    if let Some(place) = frame.get_mut(slot as usize) {
        *place = match place {
            Slot::Plain(_) => Slot::Plain(value),
            Slot::Shared(_) => Slot::Shared(Rc::new(RefCell::new(value))),
        };
    }
}

#[inline(never)]
fn looped(
    cx: &mut Cx<'_>,
    frame: &mut Slots,
    test: Option<&Ir>,
    after: bool,
    step: &[Ir],
    body: &IrStmt,
) -> F {
    let mut first = after;
    loop {
        cx.breathe()?;
        if !first
            && let Some(t) = test
            && !truth(&eval(cx, frame, t)?)?
        {
            return Ok(Flow::Next);
        }
        first = false;
        match run(cx, frame, body)? {
            Flow::Break => return Ok(Flow::Next),
            Flow::Next | Flow::Continue => {}
            other => return Ok(other),
        }
        for s in step {
            eval(cx, frame, s)?;
        }
    }
}

#[inline(never)]
fn foreach(
    cx: &mut Cx<'_>,
    frame: &mut Slots,
    slot: u32,
    convert: Option<&Ir>,
    of: &Ir,
    body: &IrStmt,
) -> F {
    let source = eval(cx, frame, of)?;
    let mut items = super::Iter::of(cx, &source)?;
    while let Some(item) = items.next(cx)? {
        declare(frame, slot, item);
        if let Some(c) = convert {
            let v = eval(cx, frame, c)?;
            store(frame, slot, v);
        }
        match run(cx, frame, body)? {
            Flow::Break => return Ok(Flow::Next),
            Flow::Next | Flow::Continue => {}
            other => return Ok(other),
        }
    }
    Ok(Flow::Next)
}

#[inline(never)]
fn tried(
    cx: &mut Cx<'_>,
    frame: &mut Slots,
    body: &[IrStmt],
    catches: &[IrCatch],
    finally: Option<&[IrStmt]>,
) -> F {
    let depth = cx.depth;
    let mut result = block(cx, frame, body);
    cx.depth = depth;
    if let Err(Throw::Exception(e)) = &result {
        let e = e.clone();
        let thrown_type = Ty::class(e.class);
        for c in catches {
            if !types::derives(&thrown_type, &Ty::class(c.class)) {
                continue;
            }
            if let Some(slot) = c.slot {
                declare(frame, slot, Value::Object(e.clone()));
            }
            if let Some(when) = &c.when {
                // A filter that throws counts as false.
                let holds = eval(cx, frame, when);
                cx.depth = depth;
                match holds {
                    Ok(v) if ops::equal(&v, &Value::Bool(true)) => {}
                    Err(t @ Throw::Bound(_)) => return Err(t),
                    _ => continue,
                }
            }
            cx.handles(e);
            result = block(cx, frame, &c.body);
            cx.handled();
            cx.depth = depth;
            break;
        }
    }
    if let Some(f) = finally {
        // A bound that was exceeded stays exceeded: `finally` must not run code after it.
        if !matches!(result, Err(Throw::Bound(..))) {
            match block(cx, frame, f)? {
                Flow::Next => {}
                other => return Ok(other),
            }
        }
    }
    result
}
