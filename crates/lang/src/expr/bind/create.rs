//! Object creation, initialisers, arrays, anonymous types.

use super::{B, Binder, Bound};
use crate::expr::ast::{Arg, ArgValue, At, Expr, Ident, Init, InitKey, InitValue, Kind, TypeRef};
use crate::expr::ir::Ir;
use crate::expr::lexer::Fault;
use crate::expr::types::{Anonymous, Ty};
use crate::value::Frozen;
use std::sync::Arc;

impl Binder {
    pub(super) fn create(
        &mut self,
        e: &Expr,
        written: &TypeRef,
        args: &[Arg],
        init: Option<&Init>,
    ) -> B<Bound> {
        let ty = self.resolve(written)?;
        self.create_of(ty, args, init, &e.at)
    }

    /// `new T(args) { init }` of a known type.
    pub(super) fn create_of(
        &mut self,
        ty: Ty,
        args: &[Arg],
        init: Option<&Init>,
        at: &At,
    ) -> B<Bound> {
        if let Some(parts) = ty.parts() {
            return self.create_tuple(ty, &parts, args, at);
        }
        if let Ty::Nullable(inner) = &ty
            && init.is_none()
        {
            let value = match args {
                [] => return Ok(Bound::new(super::default_ir(&ty), ty)),
                [
                    Arg {
                        value: ArgValue::Expr(e),
                        name: None,
                    },
                ] => self.value_as(e, inner)?,
                _ => return self.construct(&ty, args, at),
            };
            return self.coerce(value, &ty, at);
        }
        if ty.delegate().is_some() {
            // `new Func<…>(lambda)` is the lambda.
            if let [
                Arg {
                    value: ArgValue::Expr(f),
                    ..
                },
            ] = args
            {
                return self.value_as(f, &ty);
            }
        }
        let made = if args.is_empty() && ty.is_value() {
            Bound::new(super::default_ir(&ty), ty.clone())
        } else {
            self.construct(&ty, args, at)?
        };
        let Some(init) = init else { return Ok(made) };
        let slot = self.slot();
        let mut list = Vec::new();
        self.fill(slot, &ty, init, &mut list, at)?;
        list.push(Ir::Local(slot));
        Ok(Bound::new(
            Ir::Let(vec![(slot, made.ir)], Box::new(Ir::Sequence(list))),
            ty,
        ))
    }

    /// `new Tuple<int, string>(1, "a")`, `new ValueTuple<int, string>(1, "a")`.
    fn create_tuple(&mut self, ty: Ty, parts: &[Ty], args: &[Arg], at: &At) -> B<Bound> {
        if args.is_empty() && ty.is_value() {
            return Ok(Bound::new(super::default_ir(&ty), ty));
        }
        if args.len() != parts.len() {
            return Err(Fault::new(
                at.clone(),
                format!("`{ty}` takes {} arguments, not {}", parts.len(), args.len()),
                "wrong number of arguments",
            ));
        }
        let mut list = Vec::new();
        for (a, t) in args.iter().zip(parts) {
            match &a.value {
                ArgValue::Expr(e) if a.name.is_none() => list.push(self.value_as(e, t)?.ir),
                _ => {
                    return Err(Fault::new(
                        at.clone(),
                        "the parts of a tuple are given in order",
                        "expected values",
                    ));
                }
            }
        }
        Ok(Bound::new(Ir::Record(ty.clone(), list), ty))
    }

    fn fill(&mut self, slot: u32, ty: &Ty, init: &Init, out: &mut Vec<Ir>, at: &At) -> B<()> {
        match init {
            Init::Items(items) => {
                for item in items {
                    let item_at = item.first().map_or(at.clone(), |e| e.at.clone());
                    let add = Ident {
                        at: item_at.clone(),
                        text: "Add".into(),
                    };
                    let args: Vec<Arg> = item
                        .iter()
                        .map(|e| Arg {
                            name: None,
                            value: ArgValue::Expr(e.clone()),
                        })
                        .collect();
                    let b = self.call_method(
                        Bound::new(Ir::Local(slot), ty.clone()),
                        &add,
                        &args,
                        &item_at,
                    )?;
                    out.push(b.ir);
                }
            }
            Init::Members(members) => {
                for (key, value) in members {
                    let ir = match (key, value) {
                        (InitKey::Name(name), InitValue::Expr(e)) => {
                            self.initialise(slot, ty, name, e)?
                        }
                        (InitKey::Index(key_at, args), InitValue::Expr(e)) => {
                            let given = if super::call::is_open(e) {
                                super::call::Given::Open(e)
                            } else {
                                super::call::Given::Value(self.value(e)?)
                            };
                            let value = super::call::GivenArg {
                                at: e.at.clone(),
                                name: None,
                                given,
                            };
                            let of = Bound::new(Ir::Local(slot), ty.clone());
                            self.indexer(
                                of,
                                crate::expr::table::MemberKind::SetIndex,
                                args,
                                Some(value),
                                key_at,
                            )?
                            .ir
                        }
                        (key, InitValue::Nested(inner)) => {
                            let of = Bound::new(Ir::Local(slot), ty.clone());
                            let (held, key_at) = match key {
                                InitKey::Name(n) => match self.member_of_value(of, n, &[])? {
                                    super::names::Named::Value(b) => (b, n.at.clone()),
                                    _ => {
                                        return Err(Fault::new(
                                            n.at.clone(),
                                            format!("`{}` is a method", n.text),
                                            "expected a property",
                                        ));
                                    }
                                },
                                InitKey::Index(a, args) => (self.index_of(of, args, a)?, a.clone()),
                            };
                            let own = self.slot();
                            let mut list = Vec::new();
                            self.fill(own, &held.ty, inner, &mut list, &key_at)?;
                            Ir::Let(vec![(own, held.ir)], Box::new(Ir::Sequence(list)))
                        }
                    };
                    out.push(ir);
                }
            }
        }
        Ok(())
    }

    /// Calls a method of a value by name.
    fn call_method(&mut self, of: Bound, name: &Ident, args: &[Arg], at: &At) -> B<Bound> {
        let receiver = Expr {
            at: at.clone(),
            kind: Kind::Receiver,
        };
        let slot = self.slot();
        self.receivers.push((slot, of.ty.clone()));
        let target = Expr {
            at: name.at.clone(),
            kind: Kind::Member(Box::new(receiver), name.clone(), Vec::new()),
        };
        let r = self.value(&Expr {
            at: at.clone(),
            kind: Kind::Call(Box::new(target), args.to_vec()),
        });
        self.receivers.pop();
        Ok(Bound::new(
            Ir::Let(vec![(slot, of.ir)], Box::new(r?.ir)),
            Ty::Void,
        ))
    }

    pub(super) fn create_array(
        &mut self,
        e: &Expr,
        written: Option<&TypeRef>,
        sizes: &[Expr],
        items: Option<&[Expr]>,
    ) -> B<Bound> {
        let element = match written {
            Some(t) => Some(self.resolve(t)?),
            None => None,
        };
        if let ([size], None, Some(of)) = (sizes, items, &element) {
            let b = self.array_size(size)?;
            let ty = Ty::array(of.clone());
            return Ok(Bound::new(Ir::NewArrayOf(ty.clone(), Box::new(b)), ty));
        }
        let items = items.unwrap_or_default();
        if let (Some(_), [size]) = (&element, sizes) {
            self.size_of_items(size, items.len())?;
        }
        let (out, of) = self.items_of(&e.at, &items.iter().collect::<Vec<_>>(), element)?;
        let ty = Ty::array(of);
        Ok(Bound::new(Ir::NewArray(ty.clone(), out), ty))
    }

    /// The length of an array.
    pub(super) fn array_size(&mut self, size: &Expr) -> B<Ir> {
        let b = self.value(size)?;
        let b = self.array_index(b, &size.at)?;
        if matches!(&b, Ir::Const(Frozen::Int(n)) if *n < 0) {
            return Err(Fault::new(
                size.at.clone(),
                "cannot create an array with a negative size",
                "negative",
            ));
        }
        Ok(b)
    }

    /// A length that stands beside the items.
    pub(super) fn size_of_items(&mut self, size: &Expr, n: usize) -> B<()> {
        let b = self.value(size)?;
        if matches!(b.constant(), Some(Frozen::Int(given)) if usize::try_from(given) == Ok(n)) {
            return Ok(());
        }
        Err(Fault::new(
            size.at.clone(),
            format!("the array has {n} items"),
            "expected that number",
        ))
    }

    /// Items of an array, and their type: the one that was written, else the best common type.
    pub(super) fn items_of(
        &mut self,
        at: &At,
        items: &[&Expr],
        element: Option<Ty>,
    ) -> B<(Vec<Ir>, Ty)> {
        let mut out = Vec::new();
        if let Some(of) = element {
            for i in items {
                out.push(self.value_as(i, &of)?.ir);
            }
            return Ok((out, of));
        }
        let mut bound = Vec::new();
        for i in items {
            bound.push((self.value(i)?, i.at.clone()));
        }
        let list: Vec<(Ty, Option<Frozen>)> = bound
            .iter()
            .map(|(b, _)| (b.ty.clone(), b.constant()))
            .collect();
        let of = list
            .iter()
            .map(|(t, _)| t)
            .find(|t| {
                !t.is_untyped()
                    && list
                        .iter()
                        .all(|(o, _)| super::convert::implicit(o, t, None).is_some())
            })
            .cloned()
            .or_else(|| super::lambda::only_bodies(&list))
            .ok_or_else(|| {
                Fault::new(
                    at.clone(),
                    "the items have no common type",
                    "no type that all convert to",
                )
                .help("name it: `new object[] { … }`")
            })?;
        for (b, at) in bound {
            out.push(self.coerce(b, &of, &at)?.ir);
        }
        Ok((out, of))
    }

    /// `[a, b]` as an array or a collection.
    pub(super) fn collection(&mut self, e: &Expr, items: &[Expr], to: &Ty) -> B<Bound> {
        let item = match to {
            Ty::Array(of) => Some((**of).clone()),
            Ty::Class(
                "IEnumerable" | "ICollection" | "IList" | "IReadOnlyCollection" | "IReadOnlyList",
                args,
            ) => args.first().cloned(),
            _ => None,
        };
        if let Some(of) = item {
            let mut list = Vec::new();
            for i in items {
                list.push(self.value_as(i, &of)?.ir);
            }
            let ty = Ty::array(of);
            return self.coerce(Bound::new(Ir::NewArray(ty.clone(), list), ty), to, &e.at);
        }
        let init = Init::Items(items.iter().map(|i| vec![i.clone()]).collect());
        self.create_of(to.clone(), &[], Some(&init), &e.at)
    }

    pub(super) fn anonymous(&mut self, e: &Expr, fields: &[(Option<Ident>, Expr)]) -> B<Bound> {
        let mut types: Vec<(Arc<str>, Ty)> = Vec::new();
        let mut values = Vec::new();
        for (name, value) in fields {
            let name = match (name, &value.kind) {
                (Some(n), _) => n.clone(),
                (None, Kind::Name(n, _) | Kind::Member(_, n, _)) => n.clone(),
                (None, Kind::NullConditional(_, rest))
                    if matches!(&rest.kind, Kind::Member(..)) =>
                {
                    match &rest.kind {
                        Kind::Member(_, n, _) => n.clone(),
                        _ => continue,
                    }
                }
                _ => {
                    return Err(Fault::new(
                        value.at.clone(),
                        "a member of an anonymous type needs a name",
                        "expected `name = …`",
                    ));
                }
            };
            if types.iter().any(|(n, _)| *n == name.text) {
                return Err(Fault::new(
                    name.at,
                    format!("`{}` is there twice", name.text),
                    "expected another name",
                ));
            }
            let b = self.value(value)?;
            if b.ty == Ty::Void || b.ty.is_untyped() {
                return Err(Fault::new(
                    value.at.clone(),
                    format!("a member of an anonymous type cannot be `{}`", b.ty),
                    "its type is not known",
                )
                .help("cast it: `(string)null`"));
            }
            if b.ty.is_class("ContextResponse") {
                self.response_escapes = true;
            }
            types.push((name.text, b.ty));
            values.push(b.ir);
        }
        let _ = e;
        let ty = Ty::Anonymous(Arc::new(Anonymous { fields: types }));
        Ok(Bound::new(Ir::Record(ty.clone(), values), ty))
    }
}
