//! Whether an expression only looks, and its direct form.
//!
//! Called when the document is loaded, on improved IR. What must stay true: in doubt there is none, and the evaluator's
//! long way is taken.

use super::{Direct, Look, Test};
use crate::expr::ir::{Call, Code, Ir, IrPiece};
use crate::expr::types::Ty;
use crate::value::Frozen;

/// Most nodes of an expression of this kind.
const NODES: usize = 32;

/// As how many nodes one counts that goes through the whole of a text, which may have [`super::MAX_BYTES`].
const WALK: usize = 8;

impl Direct {
    /// The direct form of an expression that has one.
    pub(crate) fn of(code: &Code) -> Option<Direct> {
        let Code::Expr(ir) = code else { return None };
        let mut left = NODES;
        let left = &mut left;
        match ir {
            Ir::Concat(list) => {
                let parts = list.iter().map(|part| look(part, left));
                parts.collect::<Option<_>>().map(Direct::Join)
            }
            Ir::Interpolate(list) => {
                let parts = list.iter().map(|piece| match piece {
                    IrPiece::Text(s) => count(1, left).map(|()| Look::Text(s.clone())),
                    IrPiece::Hole(ir, 0, None) => look(ir, left),
                    IrPiece::Hole(..) => None,
                });
                parts.collect::<Option<_>>().map(Direct::Join)
            }
            ir => match test(ir, left) {
                Some(test) => Some(Direct::Test(test)),
                None => look(ir, left).map(Direct::Look),
            },
        }
    }

    /// Whether the result cannot hold a query that is yet to run (see [`crate::expr::eval::sequence::settled`]).
    pub(crate) fn is_settled(&self) -> bool {
        match self {
            Direct::Look(look) => look.is_settled(),
            Direct::Test(_) | Direct::Join(_) => true,
        }
    }
}

impl Look {
    fn is_settled(&self) -> bool {
        match self {
            Look::Text(_)
            | Look::Const(_)
            | Look::Member(_)
            | Look::MemberOf(..)
            | Look::Header(_)
            | Look::Length(_) => true,
            Look::IfHas(_, then) => then.is_settled(),
            Look::Variable(read) => read.cast.as_ref().is_some_and(is_settled),
            Look::Cast(ty, of) => is_settled(ty) || of.is_settled(),
            Look::Coalesce(both) => both.0.is_settled() && both.1.is_settled(),
            Look::If(all) => all.1.is_settled() && all.2.is_settled(),
        }
    }
}

/// Types whose values are no collections and hold none but JSON's.
fn is_settled(ty: &Ty) -> bool {
    match ty.plain() {
        Ty::String | Ty::Class("JToken" | "JObject" | "JArray" | "JValue", _) => true,
        ty => ty.numeric().is_some() || *ty == Ty::Bool,
    }
}

fn count(nodes: usize, left: &mut usize) -> Option<()> {
    *left = left.checked_sub(nodes)?;
    Some(())
}

fn boxed(ir: &Ir, left: &mut usize) -> Option<Box<Look>> {
    look(ir, left).map(Box::new)
}

fn look(ir: &Ir, left: &mut usize) -> Option<Look> {
    count(1, left)?;
    Some(match ir {
        Ir::Text(s) => Look::Text(s.clone()),
        Ir::Const(c) if is_scalar(c) => Look::Const(c.clone()),
        Ir::Member(field) => Look::Member(*field),
        Ir::MemberOf(entity, field) => Look::MemberOf(*entity, *field),
        Ir::IfHas(entity, then) => Look::IfHas(*entity, boxed(then, left)?),
        Ir::Header(read) => Look::Header(read.clone()),
        Ir::Variable(read) => Look::Variable(read.clone()),
        Ir::Cast(ty, of) => Look::Cast(ty.clone(), boxed(of, left)?),
        Ir::Coalesce(a, b) => Look::Coalesce(Box::new((look(a, left)?, look(b, left)?))),
        Ir::If(condition, yes, no) => {
            let test = condition_of(condition, left)?;
            Look::If(Box::new((test, look(yes, left)?, look(no, left)?)))
        }
        Ir::Call(c) if is_row(c, "String", "Length") => {
            count(WALK, left)?;
            Look::Length(boxed(c.args.first()?, left)?)
        }
        _ => return None,
    })
}

/// What is decided upon: also a value that may be null, which throws there.
fn condition_of(ir: &Ir, left: &mut usize) -> Option<Test> {
    match test(ir, left) {
        Some(test) => Some(test),
        None => look(ir, left).map(Test::Holds),
    }
}

/// An expression that gives `true` or `false` and never null.
fn test(ir: &Ir, left: &mut usize) -> Option<Test> {
    count(1, left)?;
    let list = |all: &[Ir], left: &mut usize| -> Option<Vec<Test>> {
        all.iter().map(|ir| condition_of(ir, left)).collect()
    };
    Some(match ir {
        Ir::EqualText(expected, of, s) => Test::Text(*expected, look(of, left)?, s.clone()),
        Ir::EqualInt(expected, of, n) => Test::Int(*expected, look(of, left)?, *n),
        Ir::CompareInt(op, of, n) => Test::CompareInt(*op, look(of, left)?, *n),
        Ir::Compare(op, a, b) => Test::Compare(*op, look(a, left)?, look(b, left)?),
        Ir::Equal(expected, of, with) => match (&**of, &**with) {
            (Ir::Entity(entity, _), Ir::Const(Frozen::Null))
            | (Ir::Const(Frozen::Null), Ir::Entity(entity, _)) => Test::Has(!*expected, *entity),
            (of, Ir::Const(Frozen::Null)) | (Ir::Const(Frozen::Null), of) => {
                Test::Null(*expected, look(of, left)?)
            }
            (of, Ir::Const(Frozen::Bool(b))) | (Ir::Const(Frozen::Bool(b)), of) => {
                let of = test(of, left)?;
                if b == expected {
                    of
                } else {
                    Test::Not(Box::new(of))
                }
            }
            _ => return None,
        },
        Ir::HasVariable(name) => Test::HasVariable(name.clone()),
        Ir::Variable(read) if read.cast == Some(Ty::Bool) => {
            match read.missing {
                None | Some(Frozen::Bool(_)) => {}
                Some(_) => return None,
            }
            Test::Holds(Look::Variable(read.clone()))
        }
        Ir::Not(of) => Test::Not(Box::new(test(of, left)?)),
        Ir::And(all) => Test::All(list(all, left)?),
        Ir::Or(all) => Test::Any(list(all, left)?),
        Ir::Call(c) if is_row(c, "String", "IsNullOrEmpty") => {
            Test::Empty(look(c.args.first()?, left)?)
        }
        _ => return None,
    })
}

/// Constants that cost nothing to make again.
fn is_scalar(c: &Frozen) -> bool {
    matches!(
        c,
        Frozen::Null
            | Frozen::Bool(_)
            | Frozen::Char(_)
            | Frozen::Int(_)
            | Frozen::Long(_)
            | Frozen::Double(_)
    )
}

fn is_row(c: &Call, of: &str, name: &str) -> bool {
    c.args.len() == 1 && c.member.is_some_and(|m| m.of == of && m.name == name)
}
