//! Goes through the parts of the IR. Called by the passes over a bound expression.
//!
//! What must stay true: every expression below a node is visited, so both matches name every kind of node.

use super::{Code, Ir, IrPiece, IrStmt};
use std::sync::Arc;

impl Ir {
    /// Calls `f` with each expression directly below. Bodies of lambdas are visited when nothing shares them yet.
    pub(crate) fn each_child(&mut self, f: &mut dyn FnMut(&mut Ir)) {
        match self {
            Ir::Const(_)
            | Ir::Text(_)
            | Ir::Local(_)
            | Ir::Unsure(..)
            | Ir::Host(_)
            | Ir::Entity(..)
            | Ir::Member(_)
            | Ir::MemberOf(..)
            | Ir::Header(_)
            | Ir::Variable(_)
            | Ir::HasVariable(_) => {}
            Ir::SetLocal(_, a)
            | Ir::Not(a)
            | Ir::Negate(_, a)
            | Ir::Complement(_, a)
            | Ir::Number(_, a)
            | Ir::CheckedNumber(_, a)
            | Ir::ToEnum(_, a)
            | Ir::FromEnum(_, a)
            | Ir::Unwrap(a)
            | Ir::Cast(_, a)
            | Ir::Is(_, a)
            | Ir::As(_, a)
            | Ir::NewArrayOf(_, a)
            | Ir::Field(_, a)
            | Ir::Throw(a)
            | Ir::IfHas(_, a)
            | Ir::EqualText(_, a, _)
            | Ir::EqualInt(_, a, _)
            | Ir::CompareInt(_, a, _) => f(a),
            Ir::Coalesce(a, b)
            | Ir::NullConditional(_, a, b)
            | Ir::Arithmetic(_, _, a, b)
            | Ir::CheckedArithmetic(_, _, a, b)
            | Ir::Logic(_, a, b)
            | Ir::Compare(_, a, b)
            | Ir::Equal(_, a, b)
            | Ir::Same(_, a, b)
            | Ir::Item(a, b) => {
                f(a);
                f(b);
            }
            Ir::If(a, b, c) | Ir::SetItem(a, b, c) => {
                f(a);
                f(b);
                f(c);
            }
            Ir::Call(call) => call.args.iter_mut().for_each(f),
            Ir::Sequence(list)
            | Ir::And(list)
            | Ir::Or(list)
            | Ir::Concat(list)
            | Ir::NewArray(_, list)
            | Ir::Record(_, list) => list.iter_mut().for_each(f),
            Ir::Let(list, body) => {
                list.iter_mut().for_each(|(_, ir)| f(ir));
                f(body);
            }
            Ir::Interpolate(list) => {
                for piece in list {
                    if let IrPiece::Hole(ir, _, _) = piece {
                        f(ir);
                    }
                }
            }
            Ir::Lambda(lambda) => {
                if let Some(lambda) = Arc::get_mut(lambda) {
                    lambda.body.each(f);
                }
            }
            Ir::Match(arms, otherwise) => {
                for (test, value) in arms {
                    f(test);
                    f(value);
                }
                f(otherwise);
            }
            Ir::Invoke(of, args) => {
                f(of);
                args.iter_mut().for_each(f);
            }
        }
    }
}

impl Code {
    /// Calls `f` with each expression that is not part of another one.
    pub(crate) fn each(&mut self, f: &mut dyn FnMut(&mut Ir)) {
        match self {
            Code::Expr(ir) => f(ir),
            Code::Block(list) => list.iter_mut().for_each(|s| s.each(f)),
        }
    }
}

impl IrStmt {
    fn each(&mut self, f: &mut dyn FnMut(&mut Ir)) {
        match self {
            IrStmt::Expr(e)
            | IrStmt::Declare(_, Some(e))
            | IrStmt::Return(Some(e))
            | IrStmt::Throw(e) => f(e),
            IrStmt::Declare(_, None)
            | IrStmt::Break
            | IrStmt::Continue
            | IrStmt::Label(_)
            | IrStmt::Goto(_)
            | IrStmt::GotoCase(_)
            | IrStmt::Return(None)
            | IrStmt::Rethrow => {}
            IrStmt::Block(list) => list.iter_mut().for_each(|s| s.each(f)),
            IrStmt::If(branches, rest) => {
                for (test, body) in branches {
                    f(test);
                    body.each(f);
                }
                if let Some(s) = rest {
                    s.each(f);
                }
            }
            IrStmt::Loop {
                test, step, body, ..
            } => {
                test.iter_mut().for_each(&mut *f);
                body.each(f);
                step.iter_mut().for_each(f);
            }
            IrStmt::Foreach {
                convert, of, body, ..
            } => {
                f(of);
                convert.iter_mut().for_each(&mut *f);
                body.each(f);
            }
            IrStmt::Switch {
                of,
                tests,
                sections,
                ..
            } => {
                f(of);
                tests.iter_mut().for_each(|(test, _)| f(test));
                sections.iter_mut().flatten().for_each(|s| s.each(f));
            }
            IrStmt::Try {
                body,
                catches,
                finally,
            } => {
                body.iter_mut().for_each(|s| s.each(f));
                for c in catches {
                    c.when.iter_mut().for_each(&mut *f);
                    c.body.iter_mut().for_each(|s| s.each(f));
                }
                finally.iter_mut().flatten().for_each(|s| s.each(f));
            }
        }
    }
}
