//! `==` and `!=`: by value, by an operator of the table, or by reference as C# decides it.

use super::convert::implicit;
use super::operators::{cast_hint, undefined_for, user_operator};
use super::{B, Binder, Bound};
use crate::expr::ast::At;
use crate::expr::ir::Ir;
use crate::expr::lexer::Fault;
use crate::expr::types::{Num, Ty};

impl Binder {
    pub(super) fn equality(
        &mut self,
        expected: bool,
        a: Bound,
        b: Bound,
        op_at: &At,
        at: &At,
    ) -> B<Bound> {
        let equal = |a: Bound, b: Bound| {
            Bound::new(
                Ir::Equal(expected, Box::new(a.ir), Box::new(b.ir)),
                Ty::Bool,
            )
        };
        let same = |a: Bound, b: Bound| {
            Bound::new(Ir::Same(expected, Box::new(a.ir), Box::new(b.ir)), Ty::Bool)
        };
        // Whether a body is there is known without reading it.
        if a.ty == Ty::Null || b.ty == Ty::Null {
            let other = if a.ty == Ty::Null { &b } else { &a };
            // Structs that have no `==` at all.
            let plain = ["KeyValuePair", "JEnumerable", "RSAParameters"];
            if plain.iter().any(|name| other.ty.is_class(name)) {
                return Err(undefined_for("==", &a.ty, &b.ty, op_at));
            }
            if other.ty.is_value() {
                self.warnings.push(Fault::new(
                    at.clone(),
                    format!("`{}` is never null", other.ty),
                    format!("always {}", !expected),
                ));
            }
            if let Some(before) = other.before
                && (other.ty.is_class("RequestBody") || other.ty.is_class("ResponseBody"))
            {
                self.reads = crate::expr::Reads {
                    request_body: before.request_body,
                    response_body: before.response_body,
                    ..self.reads
                };
            }
            return Ok(equal(a, b));
        }
        if let (Ty::Tuple(_), Ty::Tuple(_)) = (&a.ty, &b.ty) {
            return self.tuple_equality(expected, a, b, op_at, at);
        }
        let (x, y) = (a.ty.plain().clone(), b.ty.plain().clone());
        if let (Some(m), Some(n)) = (x.numeric(), y.numeric()) {
            let num = match (a.constant(), b.constant()) {
                (_, Some(c)) if implicit(&y, &x, Some(&c)).is_some() && m >= Num::Int => Some(m),
                (Some(c), _) if implicit(&x, &y, Some(&c)).is_some() && n >= Num::Int => Some(n),
                _ => m.promote(n),
            };
            let Some(num) = num else {
                return Err(Fault::new(
                    op_at.clone(),
                    format!("`{}` and `{}` cannot be compared", a.ty, b.ty),
                    "cast one side",
                ));
            };
            let widen = |this: &Self, v: Bound, from: Num| {
                if from == num {
                    v
                } else {
                    this.fold(Bound::new(Ir::Number(num, Box::new(v.ir)), num.ty()))
                }
            };
            let (a, b) = (widen(self, a, m), widen(self, b, n));
            return Ok(self.fold(equal(a, b)));
        }
        if x == y && (x.is_value() || x == Ty::String) {
            return Ok(self.fold(equal(a, b)));
        }
        if let Some(row) = user_operator("==", &x, &y) {
            let r = self.table_operator(row, a, b)?;
            return Ok(if expected {
                r
            } else {
                Bound::new(Ir::Not(Box::new(r.ir)), Ty::Bool)
            });
        }
        // A struct that converts to the other (DateTime to DateTimeOffset).
        for (from, to, left) in [(&x, &y, true), (&y, &x, false)] {
            let (f, t) = if left { (&a, &b) } else { (&b, &a) };
            if to.is_value()
                && implicit(from, to, f.constant().as_ref()).is_some()
                && f.ty != Ty::Object
            {
                let to = if f.ty.is_nullable() || t.ty.is_nullable() {
                    Ty::nullable(to.clone())
                } else {
                    to.clone()
                };
                let (a, b) = (self.coerce(a, &to, at)?, self.coerce(b, &to, at)?);
                return Ok(self.fold(equal(a, b)));
            }
        }
        let reference = |t: &Ty| !t.is_value() && !t.is_nullable();
        let related = |s: &Ty, t: &Ty| {
            use crate::expr::eval::types::derives;
            derives(s, t)
                || derives(t, s)
                || (super::values::is_interface(s) && *t != Ty::String)
                || (super::values::is_interface(t) && *s != Ty::String)
        };
        if reference(&a.ty) && reference(&b.ty) && related(&a.ty, &b.ty) {
            if (a.ty == Ty::Object) != (b.ty == Ty::Object)
                && (a.ty == Ty::String || b.ty == Ty::String)
            {
                let side = if a.ty == Ty::Object { "left" } else { "right" };
                self.warnings.push(
                    Fault::new(
                        at.clone(),
                        "comparing `object` with `string` compares references, not texts",
                        "true only for the very same object",
                    )
                    .help(format!("cast the {side} side: `(string)…`")),
                );
            }
            return Ok(same(a, b));
        }
        let fault = Fault::new(
            at.clone(),
            format!(
                "operator `{}` is not defined for `{}` and `{}`",
                if expected { "==" } else { "!=" },
                a.ty,
                b.ty
            ),
            format!("`{}` and `{}`", a.ty, b.ty),
        );
        Err(match cast_hint(&a.ty, &b.ty) {
            Some(h) => fault.help(h),
            None => fault,
        })
    }
}
