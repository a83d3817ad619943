//! Tuples: literals, conversion and comparison element by element, and deconstruction.
//!
//! Called by the dispatch of the binder, by assignments and by conversions. What must stay true: the parts of the targets,
//! then the parts of the value are evaluated once and in the order written; only then is anything assigned.

use super::assign::Place;
use super::convert::{Conversion, explicit, implicit};
use super::{B, Binder, Bound};
use crate::expr::ast::{At, Expr, Ident, Kind};
use crate::expr::ir::{Call, Ir};
use crate::expr::lexer::Fault;
use crate::expr::table::{MemberKind, table};
use crate::expr::types::Ty;
use crate::value::Frozen;
use std::sync::Arc;

/// What one element of a deconstruction goes to.
enum Target {
    To(Place, Ty),
    /// `var x`, `int x`.
    New(Ident, Option<Ty>),
    Discard,
    Apart(Vec<Target>, At),
}

/// The name that an element takes from its expression.
fn inferred(e: &Expr) -> Option<Arc<str>> {
    let name = match &e.kind {
        Kind::Name(n, _) | Kind::Member(_, n, _) => n,
        Kind::NullConditional(_, rest) => match &rest.kind {
            Kind::Member(_, n, _) => n,
            _ => return None,
        },
        _ => return None,
    };
    let reserved = name
        .text
        .strip_prefix("Item")
        .is_some_and(|n| n.parse::<u32>().is_ok())
        || matches!(
            &*name.text,
            "Rest" | "ToString" | "Equals" | "GetHashCode" | "CompareTo" | "Deconstruct"
        );
    (!reserved).then(|| name.text.clone())
}

impl Binder {
    /// `(a, name: b)`; against a tuple type each element against its own.
    pub(super) fn tuple(
        &mut self,
        items: &[(Option<Ident>, Expr)],
        wanted: Option<&[Ty]>,
    ) -> B<Bound> {
        let mut types: Vec<(Option<Arc<str>>, Ty)> = Vec::new();
        let mut list = Vec::new();
        let from_expressions: Vec<Option<Arc<str>>> =
            items.iter().map(|(_, e)| inferred(e)).collect();
        for (i, (name, e)) in items.iter().enumerate() {
            if let Some(n) = name {
                self.tuple_name(n, i)?;
            }
            let b = match wanted.and_then(|w| w.get(i)) {
                Some(t) => self.value_as(e, t)?,
                None => self.value(e)?,
            };
            if b.ty == Ty::Void {
                return Err(super::no_value(&e.at));
            }
            if b.ty.is_class("ContextResponse") {
                self.response_escapes = true;
            }
            // A name that two elements would take is taken by none.
            let own = from_expressions[i].clone();
            let twice = from_expressions.iter().filter(|n| **n == own).count() > 1
                || items
                    .iter()
                    .any(|(n, _)| n.as_ref().is_some_and(|n| Some(&n.text) == own.as_ref()));
            let name = match name {
                Some(n) => Some(n.text.clone()),
                None => own.filter(|_| !twice),
            };
            if name.is_some() && types.iter().any(|(n, _)| *n == name) {
                return Err(Fault::new(
                    e.at.clone(),
                    format!("`{}` is there twice", name.unwrap_or_default()),
                    "expected another name",
                ));
            }
            types.push((name, b.ty));
            list.push(b.ir);
        }
        let ty = Ty::tuple(types);
        Ok(Bound::new(Ir::Record(ty.clone(), list), ty))
    }

    /// `Item2` may only name the second element.
    fn tuple_name(&self, name: &Ident, i: usize) -> B<()> {
        let number = name
            .text
            .strip_prefix("Item")
            .and_then(|n| n.parse::<usize>().ok());
        match number {
            Some(n) if n != i + 1 => Err(Fault::new(
                name.at.clone(),
                format!("`{}` can only name element {n}", name.text),
                "expected another name",
            )),
            _ => Ok(()),
        }
    }

    /// The elements of a tuple; one that is no literal goes into a temporary first.
    fn elements(&mut self, b: Bound, temporaries: &mut Vec<(u32, Ir)>) -> Vec<Bound> {
        let types = b.ty.plain().parts().unwrap_or_default();
        match b.ir {
            Ir::Record(_, list) => list
                .into_iter()
                .zip(types)
                .map(|(ir, ty)| Bound::new(ir, ty))
                .collect(),
            ir => {
                let slot = self.slot();
                temporaries.push((slot, ir));
                let field = |i: usize| Ir::Field(i as u32, Box::new(Ir::Local(slot)));
                types
                    .into_iter()
                    .enumerate()
                    .map(|(i, ty)| Bound::new(field(i), ty))
                    .collect()
            }
        }
    }

    /// Converts element by element; the conversions are known to exist.
    pub(super) fn convert_tuple(&mut self, b: Bound, to: &Ty, by_cast: bool) -> Bound {
        if b.ty.is_nullable() {
            let slot = self.slot();
            let plain = Bound::new(Ir::Local(slot), b.ty.plain().clone());
            let inner = self.convert_tuple(plain, to, by_cast);
            return Bound::new(
                Ir::NullConditional(slot, Box::new(b.ir), Box::new(inner.ir)),
                to.clone(),
            );
        }
        let mut temporaries = Vec::new();
        let wanted = to.plain().parts().unwrap_or_default();
        let mut list = Vec::new();
        for (item, ty) in self.elements(b, &mut temporaries).into_iter().zip(wanted) {
            let c = item.constant();
            let conversion = if by_cast {
                explicit(&item.ty, &ty, c.as_ref())
            } else {
                implicit(&item.ty, &ty, c.as_ref())
            };
            list.push(
                self.apply(item, conversion.unwrap_or(Conversion::Same), &ty)
                    .ir,
            );
        }
        let made = Ir::Record(to.plain().clone(), list);
        let ir = if temporaries.is_empty() {
            made
        } else {
            Ir::Let(temporaries, Box::new(made))
        };
        Bound::new(ir, to.clone())
    }

    /// `==` and `!=` of two tuples: element by element, from the left, until it is known.
    pub(super) fn tuple_equality(
        &mut self,
        expected: bool,
        a: Bound,
        b: Bound,
        op_at: &At,
        at: &At,
    ) -> B<Bound> {
        let count = |t: &Ty| t.parts().map_or(0, |p| p.len());
        if count(&a.ty) != count(&b.ty) {
            return Err(Fault::new(
                op_at.clone(),
                format!(
                    "tuples of {} and {} elements cannot be compared",
                    count(&a.ty),
                    count(&b.ty)
                ),
                format!("`{}` and `{}`", a.ty, b.ty),
            ));
        }
        let mut temporaries = Vec::new();
        let mut keep = |this: &mut Binder, list: Vec<Bound>| -> Vec<Bound> {
            list.into_iter()
                .map(|item| match item.ir {
                    Ir::Const(_) | Ir::Text(_) | Ir::Record(..) => item,
                    ir => {
                        let slot = this.slot();
                        temporaries.push((slot, ir));
                        Bound::new(Ir::Local(slot), item.ty)
                    }
                })
                .collect()
        };
        let mut whole = Vec::new();
        let left = self.elements(a, &mut whole);
        let left = keep(self, left);
        let mut more = Vec::new();
        let right = self.elements(b, &mut more);
        let right = keep(self, right);
        whole.append(&mut more);
        whole.append(&mut temporaries);
        let mut tests = Vec::new();
        for (a, b) in left.into_iter().zip(right) {
            let op = if expected { "==" } else { "!=" };
            tests.push(self.operator(op, a, b, op_at, at)?.ir);
        }
        let joined = if expected {
            Ir::And(tests)
        } else {
            Ir::Or(tests)
        };
        Ok(Bound::new(Ir::Let(whole, Box::new(joined)), Ty::Bool))
    }

    /// `(a, var b) = right`.
    pub(super) fn deconstruct(
        &mut self,
        targets: &[(Option<Ident>, Expr)],
        right: &Expr,
        at: &At,
    ) -> B<Bound> {
        let mut temporaries = Vec::new();
        let targets = self.targets(targets, &mut temporaries)?;
        let value = self.apart(&targets, right)?;
        let mut stores = Vec::new();
        let mut results = Vec::new();
        self.assign_apart(
            targets,
            value,
            &right.at,
            &mut temporaries,
            &mut stores,
            &mut results,
        )?;
        let ty = Ty::tuple(results.iter().map(|(_, t)| (None, t.clone())).collect());
        let list = results.into_iter().map(|(ir, _)| ir).collect();
        stores.push(Ir::Record(ty.clone(), list));
        let _ = at;
        Ok(Bound::new(
            Ir::Let(temporaries, Box::new(Ir::Sequence(stores))),
            ty,
        ))
    }

    fn targets(
        &mut self,
        list: &[(Option<Ident>, Expr)],
        temporaries: &mut Vec<(u32, Ir)>,
    ) -> B<Vec<Target>> {
        list.iter()
            .map(|(_, e)| {
                Ok(match &e.kind {
                    Kind::Declare(_, name) if &*name.text == "_" => Target::Discard,
                    Kind::Name(name, _) if &*name.text == "_" && self.lookup("_").is_none() => {
                        Target::Discard
                    }
                    Kind::Declare(ty, name) => {
                        let ty = ty.as_ref().map(|t| self.resolve(t)).transpose()?;
                        Target::New(name.clone(), ty)
                    }
                    Kind::Tuple(inner) => {
                        Target::Apart(self.targets(inner, temporaries)?, e.at.clone())
                    }
                    _ => {
                        let (place, ty) = self.place(e, &e.at, temporaries)?;
                        Target::To(place, ty)
                    }
                })
            })
            .collect()
    }

    /// The value of a deconstruction: elements of a literal take the types of their targets.
    fn apart(&mut self, targets: &[Target], right: &Expr) -> B<Bound> {
        let Kind::Tuple(items) = &right.kind else {
            return self.value(right);
        };
        let mut types = Vec::new();
        let mut list = Vec::new();
        for (i, (_, e)) in items.iter().enumerate() {
            let b = match targets.get(i) {
                Some(Target::To(_, t) | Target::New(_, Some(t))) => self.value_as(e, t)?,
                Some(Target::Apart(inner, _)) => self.apart(inner, e)?,
                _ => self.value(e)?,
            };
            types.push((None, b.ty));
            list.push(b.ir);
        }
        let ty = Ty::tuple(types);
        Ok(Bound::new(Ir::Record(ty.clone(), list), ty))
    }

    fn assign_apart(
        &mut self,
        targets: Vec<Target>,
        value: Bound,
        at: &At,
        temporaries: &mut Vec<(u32, Ir)>,
        stores: &mut Vec<Ir>,
        results: &mut Vec<(Ir, Ty)>,
    ) -> B<()> {
        let unknown = value.ty == Ty::Unknown;
        let items = self.deconstructed(value, targets.len(), at, temporaries)?;
        for (target, item) in targets.into_iter().zip(items) {
            let wanted = match &target {
                Target::To(_, t) | Target::New(_, Some(t)) => Some(t.clone()),
                _ => None,
            };
            let item = match wanted {
                Some(t) => self.coerce(item, &t, at)?,
                None => item,
            };
            if let Target::Apart(inner, inner_at) = target {
                self.assign_apart(inner, item, &inner_at, temporaries, stores, results)?;
                continue;
            }
            if item.ty.is_untyped() && !unknown && matches!(target, Target::New(..)) {
                return Err(Fault::new(
                    at.clone(),
                    "`var` cannot take the type of `null`",
                    "its type is not known",
                )
                .help("name the type: `(string x, …) = …`"));
            }
            let slot = self.slot();
            let ty = item.ty.clone();
            temporaries.push((slot, item.ir));
            let kept = Bound::new(Ir::Local(slot), ty.clone());
            match target {
                Target::To(place, _) => stores.push(self.store(place, kept, at)?),
                Target::New(name, _) => {
                    let own = self.declare(&name.text, ty.clone(), &name.at)?;
                    stores.push(Ir::SetLocal(own, Box::new(kept.ir)));
                }
                Target::Discard | Target::Apart(..) => {}
            }
            results.push((Ir::Local(slot), ty));
        }
        Ok(())
    }

    /// The `n` parts of a value: of a tuple, or what its `Deconstruct` gives.
    fn deconstructed(
        &mut self,
        value: Bound,
        n: usize,
        at: &At,
        temporaries: &mut Vec<(u32, Ir)>,
    ) -> B<Vec<Bound>> {
        if value.ty == Ty::Unknown {
            return Ok((0..n)
                .map(|_| Bound::new(Ir::Const(Frozen::Null), Ty::Unknown))
                .collect());
        }
        if let Some(parts) = value.ty.parts() {
            if parts.len() != n {
                return Err(Fault::new(
                    at.clone(),
                    format!(
                        "a tuple of {} elements cannot go into {n} variables",
                        parts.len()
                    ),
                    format!("this is `{}`", value.ty),
                ));
            }
            return Ok(self.elements(value, temporaries));
        }
        for t in table().lineage(&value.ty) {
            let Some(info) = table().of(&t) else { continue };
            let row = info.members.iter().find(|m| {
                m.kind == MemberKind::Method
                    && m.name == "Deconstruct"
                    && m.params.len() == n
                    && m.params.iter().all(|p| p.is_out)
            });
            let Some(m) = row else { continue };
            let types = super::names::class_args(&t);
            let mut out = Vec::new();
            let mut args = vec![value.ir];
            let mut outs = Vec::new();
            for (i, p) in m.params.iter().enumerate() {
                let slot = self.slot();
                args.push(Ir::Const(Frozen::Null));
                outs.push((i + 1, slot));
                out.push(Bound::new(Ir::Local(slot), p.ty.substitute(&types)));
            }
            let call = Ir::Call(Box::new(Call {
                run: m.run,
                member: Some(m),
                checked: !value.ty.is_value(),
                args,
                types,
                outs,
            }));
            let unused = self.slot();
            temporaries.push((unused, call));
            return Ok(out);
        }
        Err(Fault::new(
            at.clone(),
            format!("`{}` cannot be taken apart into {n} variables", value.ty),
            "expected a tuple",
        ))
    }
}
