//! Patterns and `switch` expressions.
//!
//! Called by `is`, by `switch` and by the dispatch of the binder. What must stay true: the value under test is in a slot, so
//! a pattern may look at it as often as it likes.

use super::convert::implicit;
use super::values::is_interface;
use super::{B, Binder, Bound, Conversion};
use crate::expr::ast::{Arm, At, Expr, Ident, Kind, Literal, Pattern, TypeRef};
use crate::expr::eval::types::derives;
use crate::expr::ir::Ir;
use crate::expr::lexer::Fault;
use crate::expr::types::Ty;
use crate::value::Frozen;

fn always() -> Ir {
    Ir::Const(Frozen::Bool(true))
}

impl Binder {
    /// Test of a pattern on a slot.
    pub(super) fn pattern(&mut self, slot: u32, ty: &Ty, pattern: &Pattern, at: &At) -> B<Ir> {
        self.narrowing(slot, ty, pattern, at).map(|(ir, _)| ir)
    }

    /// The test, and the type that the value has where it holds.
    fn narrowing(&mut self, slot: u32, ty: &Ty, pattern: &Pattern, at: &At) -> B<(Ir, Ty)> {
        self.tick(at)?;
        match pattern {
            Pattern::Discard => Ok((always(), ty.clone())),
            Pattern::Var(name) => {
                let set = self.pattern_variable(slot, name, ty.clone())?;
                Ok((set, ty.clone()))
            }
            Pattern::Constant(e) => {
                let b = self.value(e)?;
                Ok((self.constant_pattern(slot, ty, b, &e.at)?, ty.clone()))
            }
            Pattern::Type(written, name) => self.type_pattern(slot, ty, written, name.as_ref(), at),
            Pattern::Not(inner) => {
                let test = self.pattern(slot, ty, inner, at)?;
                Ok((Ir::Not(Box::new(test)), ty.clone()))
            }
            Pattern::And(a, b) => {
                let (first, narrow) = self.narrowing(slot, ty, a, at)?;
                let (second, narrow) = self.narrowing(slot, &narrow, b, at)?;
                Ok((Ir::And(vec![first, second]), narrow))
            }
            Pattern::Or(a, b) => {
                let (first, x) = self.narrowing(slot, ty, a, at)?;
                let (second, y) = self.narrowing(slot, ty, b, at)?;
                let narrow = if x == y { x } else { ty.clone() };
                Ok((Ir::Or(vec![first, second]), narrow))
            }
            Pattern::Relational(op, e) => self.relational_pattern(slot, ty, op, e, at),
            Pattern::Members(written, members, name) => {
                let (test, narrow) = match written {
                    Some(t) => self.type_pattern(slot, ty, t, None, at)?,
                    None => (present(slot, ty), ty.plain().clone()),
                };
                let mut tests = vec![test];
                for (member, inner) in members {
                    tests.push(self.member_pattern(slot, &narrow, member, inner)?);
                }
                if let Some(n) = name.as_ref().filter(|n| &*n.text != "_") {
                    tests.push(self.pattern_variable(slot, n, narrow.clone())?);
                }
                Ok((Ir::And(tests), narrow))
            }
            Pattern::Parts(list) => {
                let types = ty.plain().parts().filter(|p| p.len() == list.len());
                let Some(types) = types else {
                    return Err(Fault::new(
                        at.clone(),
                        format!("`{ty}` has no {} parts", list.len()),
                        "expected a tuple of that many parts",
                    ));
                };
                let mut tests = vec![present(slot, ty)];
                for (i, (inner, item)) in list.iter().zip(types).enumerate() {
                    let own = self.slot();
                    let part = Ir::Field(i as u32, Box::new(Ir::Local(slot)));
                    let test = self.pattern(own, &item, inner, at)?;
                    tests.push(Ir::Let(vec![(own, part)], Box::new(test)));
                }
                Ok((Ir::And(tests), ty.clone()))
            }
        }
    }

    /// Gives a variable the value under test.
    fn pattern_variable(&mut self, slot: u32, name: &Ident, ty: Ty) -> B<Ir> {
        let own = self.declare_unsure(&name.text, ty, &name.at)?;
        Ok(Ir::Sequence(vec![
            Ir::SetLocal(own, Box::new(Ir::Local(slot))),
            always(),
        ]))
    }

    fn member_pattern(&mut self, slot: u32, ty: &Ty, member: &Ident, inner: &Pattern) -> B<Ir> {
        let of = Bound::new(Ir::Local(slot), ty.clone());
        let super::names::Named::Value(b) = self.member_of_value(of, member, &[])? else {
            return Err(Fault::new(
                member.at.clone(),
                format!("`{}` is a method", member.text),
                "expected a property",
            ));
        };
        let own = self.slot();
        let test = self.pattern(own, &b.ty, inner, &member.at)?;
        Ok(Ir::Let(vec![(own, b.ir)], Box::new(test)))
    }

    fn type_pattern(
        &mut self,
        slot: u32,
        ty: &Ty,
        written: &TypeRef,
        name: Option<&Ident>,
        at: &At,
    ) -> B<(Ir, Ty)> {
        // A dotted name may be a constant (`Color.Red`).
        let to = match (self.resolve(written), name) {
            (Ok(t), _) => t,
            (Err(fault), None) if written.args.is_empty() && written.suffix.is_empty() => {
                let e = path_expr(written);
                let b = self.value(&e).map_err(|_| fault)?;
                return Ok((self.constant_pattern(slot, ty, b, &e.at)?, ty.clone()));
            }
            (Err(fault), _) => return Err(fault),
        };
        if to.is_nullable() && name.is_some() {
            return Err(Fault::new(
                written.at.clone(),
                "a pattern cannot be a nullable type",
                format!("expected `{}`", to.plain()),
            ));
        }
        let possible = *ty == Ty::Unknown
            || *ty.plain() == *to.plain()
            || derives(ty.plain(), &to)
            || derives(&to, ty.plain())
            || (is_interface(ty) && !to.is_value())
            || (is_interface(&to) && !ty.is_value());
        if !possible && name.is_none() {
            self.warnings.push(Fault::new(
                at.clone(),
                format!("`{ty}` is never `{to}`"),
                "always false",
            ));
            return Ok((Ir::Const(Frozen::Bool(false)), to));
        }
        if !possible {
            return Err(Fault::new(
                at.clone(),
                format!("`{ty}` can never be `{to}`"),
                format!("this is `{ty}`"),
            ));
        }
        self.note_read_through(ty);
        let test = Ir::Is(to.clone(), Box::new(Ir::Local(slot)));
        match name.filter(|n| &*n.text != "_") {
            None => Ok((test, to)),
            Some(name) => {
                let set = self.pattern_variable(slot, name, to.clone())?;
                Ok((Ir::And(vec![test, set]), to))
            }
        }
    }

    fn constant_pattern(&mut self, slot: u32, ty: &Ty, b: Bound, at: &At) -> B<Ir> {
        if b.constant().is_none() {
            return Err(Fault::new(
                at.clone(),
                "a pattern must be a constant or a type",
                "expected a constant",
            ));
        }
        let ir = if *ty == Ty::Object || b.ty == Ty::Null || *ty == Ty::Unknown {
            if b.ty == Ty::Null && ty.is_value() {
                return Err(super::mismatch(&b.ty, ty, at));
            }
            b.ir
        } else if matches!(ty, Ty::Class(..)) && derives(&b.ty, ty) {
            b.ir
        } else if let Some(Conversion::User(..)) = implicit(&b.ty, ty, b.constant().as_ref()) {
            // What a conversion of a class makes of a constant is none.
            return Err(super::mismatch(&b.ty, ty, at));
        } else {
            self.coerce(b, ty, at)?.ir
        };
        Ok(Ir::Equal(true, Box::new(Ir::Local(slot)), Box::new(ir)))
    }

    fn relational_pattern(
        &mut self,
        slot: u32,
        ty: &Ty,
        op: &str,
        e: &Expr,
        at: &At,
    ) -> B<(Ir, Ty)> {
        let b = self.value(e)?;
        if b.constant().is_none() {
            return Err(Fault::new(
                e.at.clone(),
                "a pattern compares with a constant",
                "expected a constant",
            ));
        }
        if ty.plain().numeric().is_some() || *ty == Ty::Unknown {
            let b = self.coerce(b, ty.plain(), &e.at)?;
            let left = Bound::new(Ir::Local(slot), ty.clone());
            return Ok((self.operator(op, left, b, &e.at, at)?.ir, ty.clone()));
        }
        // Of an object: only of exactly the constant's type.
        let narrow = b.ty.clone();
        let test = Ir::Is(narrow.clone(), Box::new(Ir::Local(slot)));
        let left = Bound::new(Ir::Local(slot), narrow.clone());
        let compare = self.operator(op, left, b, &e.at, at)?.ir;
        Ok((Ir::And(vec![test, compare]), narrow))
    }

    /// `of switch { … }`; the arms take `wanted` when they have no type of their own.
    pub(super) fn switch_expression(
        &mut self,
        of: &Expr,
        arms: &[Arm],
        wanted: Option<&Ty>,
        at: &At,
    ) -> B<Bound> {
        if let Some(to) = wanted {
            let natural = self.speculate(|b| b.switch_expression(of, arms, None, at));
            if natural.is_ok_and(|b| super::convert::implicit(&b.ty, to, None).is_some()) {
                let b = self.switch_expression(of, arms, None, at)?;
                return self.coerce(b, to, at);
            }
        }
        let b = self.value(of)?;
        if b.ty == Ty::Void || b.ty.is_untyped() {
            return Err(super::no_value(&of.at));
        }
        let ty = b.ty.clone();
        let slot = self.slot();
        let ty_of_all = match wanted {
            Some(t) => t.clone(),
            None => self.arms_type(slot, &ty, arms, at)?,
        };
        let mut list = Vec::new();
        for arm in arms {
            self.push_scope();
            let made = self.arm(slot, &ty, arm, &ty_of_all);
            self.pop_scope();
            list.push(made?);
        }
        let failure = self.construct(&Ty::class("InvalidOperationException"), &[], at)?;
        let matched = Ir::Match(list, Box::new(Ir::Throw(Box::new(failure.ir))));
        Ok(Bound::new(
            Ir::Let(vec![(slot, b.ir)], Box::new(matched)),
            ty_of_all,
        ))
    }

    fn arm(&mut self, slot: u32, ty: &Ty, arm: &Arm, to: &Ty) -> B<(Ir, Ir)> {
        let mut test = self.pattern(slot, ty, &arm.pattern, &arm.at)?;
        if let Some(w) = &arm.when {
            test = Ir::And(vec![test, self.condition(w)?]);
        }
        let value = self.value_as(&arm.value, to)?;
        Ok((test, value.ir))
    }

    /// The best common type of the arms.
    fn arms_type(&mut self, slot: u32, ty: &Ty, arms: &[Arm], at: &At) -> B<Ty> {
        let mut list = Vec::new();
        for arm in arms {
            if matches!(arm.value.kind, Kind::Throw(_)) || super::call::is_open(&arm.value) {
                continue;
            }
            let found = self.speculate(|b| {
                b.push_scope();
                let r = b
                    .pattern(slot, ty, &arm.pattern, &arm.at)
                    .and_then(|_| b.value(&arm.value));
                b.pop_scope();
                r.map(|v| (v.ty.clone(), v.constant()))
            })?;
            list.push(found);
        }
        list.iter()
            .map(|(t, _)| t)
            .find(|t| {
                !t.is_untyped()
                    && **t != Ty::Void
                    && list
                        .iter()
                        .all(|(o, c)| super::convert::implicit(o, t, c.as_ref()).is_some())
            })
            .cloned()
            .ok_or_else(|| {
                Fault::new(
                    at.clone(),
                    "the arms of the `switch` have no common type",
                    "no type that all convert to",
                )
            })
    }
}

/// Whether the value is there at all.
fn present(slot: u32, ty: &Ty) -> Ir {
    if ty.is_value() {
        return always();
    }
    Ir::Equal(
        false,
        Box::new(Ir::Local(slot)),
        Box::new(Ir::Const(Frozen::Null)),
    )
}

/// A type's path as a member access.
fn path_expr(written: &TypeRef) -> Expr {
    let mut parts = written.path.iter();
    let mut e = match parts.next() {
        Some(first) => Expr {
            at: first.at.clone(),
            kind: Kind::Name(first.clone(), Vec::new()),
        },
        None => Expr {
            at: written.at.clone(),
            kind: Kind::Literal(Literal::Null),
        },
    };
    for p in parts {
        let at = e.at.start..p.at.end;
        e = Expr {
            at,
            kind: Kind::Member(Box::new(e), p.clone(), Vec::new()),
        };
    }
    e
}
