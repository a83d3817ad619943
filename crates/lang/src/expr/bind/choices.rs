//! `??` and `?:`: the type of one of two values.
//!
//! Called by the dispatch of the binder. What must stay true: the type is the one that C# §12.15 and §12.18 give.

use super::convert::implicit;
use super::operators::undefined_for;
use super::{B, Binder, Bound};
use crate::expr::ast::{At, Expr, Kind};
use crate::expr::ir::Ir;
use crate::expr::lexer::Fault;
use crate::expr::types::Ty;

impl Binder {
    pub(super) fn coalesce(&mut self, a: &Expr, b: &Expr, at: &At) -> B<Bound> {
        let left = self.value(a)?;
        if left.ty.is_value() {
            return Err(Fault::new(
                a.at.clone(),
                format!("`??` needs something that can be null, not `{}`", left.ty),
                "never null",
            )
            .help("leave `??` and what follows out"));
        }
        if matches!(b.kind, Kind::Throw(_)) {
            let right = self.value(b)?;
            let ty = left.ty.plain().clone();
            return Ok(Bound::new(
                Ir::Coalesce(Box::new(left.ir), Box::new(right.ir)),
                ty,
            ));
        }
        if matches!(b.kind, Kind::Default(None)) {
            let ty = left.ty.clone();
            let right = self.value_as(b, &ty)?;
            return Ok(Bound::new(
                Ir::Coalesce(Box::new(left.ir), Box::new(right.ir)),
                ty,
            ));
        }
        let right = self.value(b)?;
        let constant = right.constant();
        // C# §12.15: the plain type of the left, then the left, then the right.
        if left.ty == Ty::Null && right.ty == Ty::Null {
            return Err(undefined_for("??", &left.ty, &right.ty, at));
        }
        let (plain, ty) = (left.ty.plain().clone(), left.ty.clone());
        let to = if ty.is_nullable() && implicit(&right.ty, &plain, constant.as_ref()).is_some() {
            plain
        } else if ty != Ty::Null && implicit(&right.ty, &ty, constant.as_ref()).is_some() {
            ty
        } else if implicit(&plain, &right.ty, None).is_some() || ty == Ty::Null {
            right.ty.clone()
        } else if let Some(body) = super::lambda::either_body(&ty, &right.ty) {
            body
        } else {
            return Err(Fault::new(
                at.clone(),
                format!("operator `??` is not defined for `{ty}` and `{}`", right.ty),
                format!("`{ty}` ?? `{}`", right.ty),
            ));
        };
        let right = self.coerce(right, &to, &b.at)?;
        let left = if implicit(&left.ty, &to, None).is_some() {
            self.lifted(left, &to, &a.at)?
        } else if let (Some(from), Some(n)) = (left.ty.plain().numeric(), to.numeric())
            && from != n
        {
            // Null stays null and takes the other branch.
            Bound::new(Ir::Number(n, Box::new(left.ir)), to.clone())
        } else {
            // `T?` to `T` cannot fail here: null takes the other branch.
            Bound::new(left.ir, to.clone())
        };
        Ok(Bound::new(
            Ir::Coalesce(Box::new(left.ir), Box::new(right.ir)),
            to,
        ))
    }

    /// Converts unless null, which stays null.
    fn lifted(&mut self, b: Bound, to: &Ty, at: &At) -> B<Bound> {
        if b.ty == *to || !matches!(implicit(&b.ty, to, None), Some(super::Conversion::User(..))) {
            return self.coerce(b, to, at);
        }
        let slot = self.slot();
        let inner = self.coerce(Bound::new(Ir::Local(slot), b.ty.plain().clone()), to, at)?;
        Ok(Bound::new(
            Ir::NullConditional(slot, Box::new(b.ir), Box::new(inner.ir)),
            to.clone(),
        ))
    }

    pub(super) fn conditional(&mut self, test: &Expr, yes: &Expr, no: &Expr, at: &At) -> B<Bound> {
        let test = self.condition(test)?;
        let (y, n) = match (&yes.kind, &no.kind) {
            (Kind::Default(None), _) => {
                let n = self.value(no)?;
                (self.value_as(yes, &n.ty.clone())?, n)
            }
            (_, Kind::Default(None)) => {
                let y = self.value(yes)?;
                let ty = y.ty.clone();
                (y, self.value_as(no, &ty)?)
            }
            _ => (self.value(yes)?, self.value(no)?),
        };
        let (a, b) = (y.ty.clone(), n.ty.clone());
        let thrown = |e: &Expr| matches!(e.kind, Kind::Throw(_));
        let to = if a == Ty::Null && b == Ty::Null && !thrown(yes) && !thrown(no) {
            return Err(Fault::new(
                at.clone(),
                "the branches of `?:` have no type: both are `null`",
                "no type",
            )
            .help("cast one of them: `(string)null`"));
        } else if a == b {
            a
        } else if matches!(yes.kind, Kind::Throw(_)) {
            b
        } else if matches!(no.kind, Kind::Throw(_)) {
            a
        } else {
            match (
                implicit(&b, &a, n.constant().as_ref()),
                implicit(&a, &b, y.constant().as_ref()),
            ) {
                (Some(_), None) => a,
                (None, Some(_)) => b,
                (Some(_), Some(_)) => {
                    // Both ways: the type that the other converts to, constants aside.
                    match (implicit(&a, &b, None), implicit(&b, &a, None)) {
                        (Some(_), None) => b,
                        (None, Some(_)) => a,
                        _ if n.constant().is_some() => a,
                        _ => b,
                    }
                }
                (None, None) if let Some(body) = super::lambda::either_body(&a, &b) => body,
                (None, None) => {
                    let fault = Fault::new(
                        at.clone(),
                        format!("the branches of `?:` have no common type: `{a}` and `{b}`"),
                        "no conversion between them",
                    );
                    return Err(
                        if (a == Ty::Null && b.is_value()) || (b == Ty::Null && a.is_value()) {
                            let value = if a == Ty::Null { &b } else { &a };
                            fault.help(format!("write `({value}?)null`"))
                        } else {
                            fault.help("cast one of them, for example to `object` or `string`")
                        },
                    );
                }
            }
        };
        let keep = |e: &Expr| matches!(e.kind, Kind::Throw(_));
        let y = if keep(yes) {
            y
        } else {
            self.coerce(y, &to, &yes.at)?
        };
        let n = if keep(no) {
            n
        } else {
            self.coerce(n, &to, &no.at)?
        };
        let ir = Ir::If(Box::new(test), Box::new(y.ir), Box::new(n.ir));
        Ok(self.fold(Bound::new(ir, to)))
    }
}
