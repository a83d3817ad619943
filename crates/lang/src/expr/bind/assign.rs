//! Assignment, compound assignment, increment.

use super::call::{Given, GivenArg};
use super::names::{Named, class_args};
use super::rectangular::{cell, set_cell};
use super::{B, Binder, Bound};
use crate::expr::ast::{Arg, ArgValue, At, Expr, Ident, Kind};
use crate::expr::ir::{Call, Ir};
use crate::expr::lexer::Fault;
use crate::expr::table::{Member, MemberKind, table};
use crate::expr::types::Ty;
use crate::value::Frozen;

/// Where an assignment goes. Its parts are in temporaries already.
pub(super) enum Place {
    Local(u32, Ty),
    /// Receiver, its type, the member's name, the row that sets it, the type that declares it.
    Property(u32, Ty, Ident, &'static Member, Ty),
    /// Array, index, type of the items.
    Item(u32, u32, Ty),
    /// Array of more dimensions, indices, type of the items.
    Cell(u32, Vec<u32>, Ty),
    /// Receiver, arguments.
    Indexer(u32, Ty, Vec<(u32, Ty)>),
    /// Part of a tuple that is in a place.
    Field(Box<Place>, Ty, u32),
}

fn cannot_assign(left: &Expr) -> Fault {
    Fault::new(
        left.at.clone(),
        "cannot assign to this",
        "expected a variable, property or item",
    )
    .help(if matches!(left.kind, Kind::Call(..)) {
        "compare with `==`"
    } else {
        "`=` assigns, `==` compares"
    })
}

/// `[^n]`.
fn from_end(args: &[Arg]) -> bool {
    args.iter().any(|a| match &a.value {
        ArgValue::Expr(e) => matches!(e.kind, Kind::FromEnd(_)),
        _ => false,
    })
}

fn one_index(at: &At) -> Fault {
    Fault::new(
        at.clone(),
        "an array takes one index",
        "expected one number",
    )
}

impl Binder {
    pub(super) fn assign(
        &mut self,
        op: &'static str,
        left: &Expr,
        right: &Expr,
        at: &At,
    ) -> B<Bound> {
        if op == "=" {
            if let Kind::Tuple(targets) = &left.kind {
                return self.deconstruct(targets, right, at);
            }
            return self.plain_assign(left, right, at);
        }
        self.compound(left, at, |this, current| {
            if op == "??" {
                let ty = current.ty.clone();
                let value = this.value_as(right, &ty)?;
                return Ok(Bound::new(
                    Ir::Coalesce(Box::new(current.ir), Box::new(value.ir)),
                    ty,
                ));
            }
            let ty = current.ty.clone();
            let value = this.value(right)?;
            // C# §12.21.4: what is cast back must be of a type that the variable takes, save for shifts.
            let numbers = ty.plain().numeric().is_some() && value.ty.plain().numeric().is_some();
            let fits = super::convert::implicit(&value.ty, &ty, value.constant().as_ref());
            let null = value.ty == Ty::Null && ty.is_value() && ty.numeric().is_some();
            if (numbers || null) && !matches!(op, "<<" | ">>") && fits.is_none() {
                return Err(super::mismatch(&value.ty, &ty, &right.at));
            }
            let result = this.operator(op, current, value, at, at)?;
            // `x op= y` casts back to the type of `x` when both are numbers.
            if result.ty != ty
                && result.ty.plain().numeric().is_some()
                && ty.plain().numeric().is_some()
            {
                this.cast(result, &ty, at)
            } else {
                Ok(result)
            }
        })
        .map(|(new, _)| new)
    }

    pub(super) fn step(
        &mut self,
        op: &'static str,
        prefix: bool,
        operand: &Expr,
        at: &At,
    ) -> B<Bound> {
        let old = self.slot();
        let (b, ty) = self.compound(operand, at, |this, current| {
            let ty = current.ty.clone();
            if ty.plain().numeric().is_none() && !super::operators::is_enum(ty.plain()) {
                return Err(Fault::new(
                    at.clone(),
                    format!("operator `{op}{op}` is not defined for `{ty}`"),
                    format!("this is `{ty}`"),
                ));
            }
            let kept = Ir::SetLocal(old, Box::new(current.ir));
            let one = Bound::new(Ir::Const(Frozen::Int(1)), Ty::Int);
            let result = this.operator(op, Bound::new(kept, ty.clone()), one, at, at)?;
            if result.ty == ty {
                Ok(result)
            } else {
                this.cast(result, &ty, at)
            }
        })?;
        if prefix {
            return Ok(b);
        }
        Ok(Bound::new(Ir::Sequence(vec![b.ir, Ir::Local(old)]), ty))
    }

    fn plain_assign(&mut self, left: &Expr, right: &Expr, at: &At) -> B<Bound> {
        match &left.kind {
            Kind::Name(name, _) if &*name.text == "_" && self.lookup("_").is_none() => {
                self.value(right)
            }
            Kind::Name(name, _) => {
                let (slot, ty) = self.assignable(name, &left.at)?;
                let b = self.value_as(right, &ty)?;
                Ok(Bound::new(Ir::SetLocal(slot, Box::new(b.ir)), ty))
            }
            Kind::Member(of, name, _) => {
                let mut temporaries = Vec::new();
                if let Some((place, ty)) = self.tuple_place(of, name, at, &mut temporaries)? {
                    let value = self.value_as(right, &ty)?;
                    let stored = self.store(place, value, at)?;
                    return Ok(Bound::new(Ir::Let(temporaries, Box::new(stored)), ty));
                }
                let receiver = self.receiver(of, &name.at)?;
                let (m, declared) = self.setter(&receiver.ty, name)?;
                let ty = m.params[m.params.len() - 1]
                    .ty
                    .substitute(&class_args(&declared));
                let value = self.value_as(right, &ty)?;
                self.set_property(receiver.ir, m, &declared, value.ir)
                    .map(|ir| Bound::new(ir, ty))
            }
            Kind::Index(_, args) if from_end(args) => {
                let mut temporaries = Vec::new();
                let (place, ty) = self.place(left, at, &mut temporaries)?;
                let value = self.value_as(right, &ty)?;
                let stored = self.store(place, value, at)?;
                Ok(Bound::new(Ir::Let(temporaries, Box::new(stored)), ty))
            }
            Kind::Index(of, args) => {
                let receiver = self.value(of)?;
                if let Ty::Array(item) = &receiver.ty {
                    let item = (**item).clone();
                    let [
                        Arg {
                            value: ArgValue::Expr(i),
                            name: None,
                        },
                    ] = &args[..]
                    else {
                        return Err(one_index(&left.at));
                    };
                    let index = self.value(i)?;
                    let index = self.array_index(index, &i.at)?;
                    let value = self.value_as(right, &item)?;
                    self.writes_bytes |= item == Ty::Byte;
                    return Ok(Bound::new(
                        Ir::SetItem(Box::new(receiver.ir), Box::new(index), Box::new(value.ir)),
                        item,
                    ));
                }
                if let Ty::Rectangular(item, rank) = &receiver.ty {
                    let item = (**item).clone();
                    let places = self.cell_places(args, *rank, &left.at)?;
                    let value = self.value_as(right, &item)?;
                    return Ok(Bound::new(set_cell(receiver.ir, places, value.ir), item));
                }
                let given = if super::call::is_open(right) {
                    Given::Open(right)
                } else {
                    Given::Value(self.value(right)?)
                };
                let value = GivenArg {
                    at: right.at.clone(),
                    name: None,
                    given,
                };
                // The value of the assignment is what was assigned; statements drop it.
                self.indexer(receiver, MemberKind::SetIndex, args, Some(value), &left.at)
            }
            _ => Err(cannot_assign(left)),
        }
    }

    fn assignable(&mut self, name: &Ident, at: &At) -> B<(u32, Ty)> {
        match self.lookup(&name.text) {
            None => {
                let e = Expr {
                    at: at.clone(),
                    kind: Kind::Name(name.clone(), Vec::new()),
                };
                match self.named(&e) {
                    Err(f) => Err(f.help("declare it: `var name = …;`")),
                    Ok(_) => Err(Fault::new(
                        at.clone(),
                        format!("`{}` cannot be assigned", name.text),
                        "read only",
                    )),
                }
            }
            Some(l) if l.constant.is_some() => Err(Fault::new(
                at.clone(),
                format!("`{}` is a constant", name.text),
                "read only",
            )),
            Some(l) if l.fixed => Err(Fault::new(
                at.clone(),
                format!(
                    "`{}` is the variable of a `foreach` or `using` and cannot be assigned",
                    name.text
                ),
                "read only",
            )),
            Some(l) => Ok((l.slot, l.ty)),
        }
    }

    fn receiver(&mut self, of: &Expr, at: &At) -> B<Bound> {
        match self.named(of)? {
            Named::Value(b) => Ok(b),
            _ => Err(Fault::new(
                at.clone(),
                "static members cannot be assigned",
                "read only",
            )),
        }
    }

    fn setter(&mut self, ty: &Ty, name: &Ident) -> B<(&'static Member, Ty)> {
        for t in table().lineage(ty) {
            let Some(info) = table().of(&t) else { continue };
            if let Some(m) = info
                .members
                .iter()
                .find(|m| m.kind == MemberKind::SetProperty && m.name == &*name.text)
            {
                self.note_beyond(m, &name.at);
                return Ok((m, t));
            }
        }
        let readable = table()
            .lineage(ty)
            .iter()
            .filter_map(|t| table().of(t))
            .any(|i| i.members.iter().any(|m| m.name == &*name.text));
        if readable {
            return Err(Fault::new(
                name.at.clone(),
                format!("`{}` of `{ty}` cannot be assigned", name.text),
                "read only",
            ));
        }
        Err(self.unknown_member(ty, name, false))
    }

    pub(super) fn set_property(
        &mut self,
        of: Ir,
        m: &'static Member,
        declared: &Ty,
        value: Ir,
    ) -> B<Ir> {
        Ok(Ir::Call(Box::new(Call {
            run: m.run,
            member: Some(m),
            checked: true,
            args: vec![of, value],
            types: class_args(declared),
            outs: Vec::new(),
        })))
    }

    /// Sets a member in an object initialiser.
    pub(super) fn initialise(&mut self, slot: u32, ty: &Ty, name: &Ident, value: &Expr) -> B<Ir> {
        let (m, declared) = self.setter(ty, name)?;
        let want = m.params[m.params.len() - 1]
            .ty
            .substitute(&class_args(&declared));
        let value = self.value_as(value, &want)?;
        self.set_property(Ir::Local(slot), m, &declared, value.ir)
    }

    /// `place = f(place)`: the parts of the place are evaluated once. Gives the new value and the type.
    fn compound(
        &mut self,
        left: &Expr,
        at: &At,
        f: impl FnOnce(&mut Self, Bound) -> B<Bound>,
    ) -> B<(Bound, Ty)> {
        let mut temporaries = Vec::new();
        let (place, ty) = self.place(left, at, &mut temporaries)?;
        let current = match &left.kind {
            Kind::Name(..) => self.value(left)?,
            _ => self.load(&place, at)?,
        };
        let new = f(self, current)?;
        let new = self.coerce(new, &ty, at)?;
        let ir = self.store(place, new, at)?;
        let ir = if temporaries.is_empty() {
            ir
        } else {
            Ir::Let(temporaries, Box::new(ir))
        };
        Ok((Bound::new(ir, ty.clone()), ty))
    }

    /// What an expression on the left of an assignment stands for, and its type. Its parts go into temporaries.
    pub(super) fn place(
        &mut self,
        left: &Expr,
        at: &At,
        temporaries: &mut Vec<(u32, Ir)>,
    ) -> B<(Place, Ty)> {
        match &left.kind {
            Kind::Name(name, _) => {
                let (slot, ty) = self.assignable(name, &left.at)?;
                Ok((Place::Local(slot, ty.clone()), ty))
            }
            Kind::Member(of, name, _) => {
                if let Some(found) = self.tuple_place(of, name, at, temporaries)? {
                    return Ok(found);
                }
                let receiver = self.receiver(of, &name.at)?;
                let (m, declared) = self.setter(&receiver.ty, name)?;
                let value_type = m.params[m.params.len() - 1]
                    .ty
                    .substitute(&class_args(&declared));
                let slot = self.slot();
                temporaries.push((slot, receiver.ir));
                Ok((
                    Place::Property(slot, receiver.ty, name.clone(), m, declared),
                    value_type,
                ))
            }
            Kind::Index(of, args) => {
                let receiver = self.value(of)?;
                let slot = self.slot();
                let ty = receiver.ty.clone();
                temporaries.push((slot, receiver.ir));
                if let Ty::Rectangular(item, rank) = &ty {
                    let mut slots = Vec::new();
                    for place in self.cell_places(args, *rank, &left.at)? {
                        let s = self.slot();
                        temporaries.push((s, place));
                        slots.push(s);
                    }
                    return Ok((Place::Cell(slot, slots, (**item).clone()), (**item).clone()));
                }
                let mut slots = Vec::new();
                for a in args {
                    let ArgValue::Expr(e) = &a.value else {
                        return Err(Fault::new(
                            left.at.clone(),
                            "`out` is not expected here",
                            "expected a value",
                        ));
                    };
                    let e = &self.counted(&ty, e)?;
                    self.receivers.push((slot, ty.clone()));
                    let bound = self.value(e);
                    self.receivers.pop();
                    let mut b = bound?;
                    if matches!(ty, Ty::Array(_)) {
                        b = Bound::new(self.array_index(b, &e.at)?, Ty::Long);
                    }
                    let s = self.slot();
                    temporaries.push((s, b.ir));
                    slots.push((s, b.ty));
                }
                if let Ty::Array(item) = &ty {
                    let [(index, _)] = slots[..] else {
                        return Err(one_index(&left.at));
                    };
                    return Ok((Place::Item(slot, index, (**item).clone()), (**item).clone()));
                }
                let current = self.indexed(slot, &ty, &slots, MemberKind::Index, None, at)?;
                Ok((Place::Indexer(slot, ty, slots), current.ty))
            }
            _ => Err(cannot_assign(left)),
        }
    }

    /// `t.a` where `t` is a variable or an array's item that holds a tuple: the whole tuple is replaced.
    fn tuple_place(
        &mut self,
        of: &Expr,
        name: &Ident,
        at: &At,
        temporaries: &mut Vec<(u32, Ir)>,
    ) -> B<Option<(Place, Ty)>> {
        let whole = match &of.kind {
            Kind::Name(n, _) => self.lookup(&n.text).map(|l| l.ty),
            Kind::Index(..) | Kind::Member(..) => match self.speculate(|b| b.named(of)) {
                Ok(Named::Value(b)) => Some(b.ty),
                _ => None,
            },
            _ => None,
        };
        let Some(ty @ Ty::Tuple(_)) = whole else {
            return Ok(None);
        };
        let Some((i, item)) = ty.field(&name.text) else {
            return Ok(None);
        };
        let (inner, _) = self.place(of, at, temporaries)?;
        if matches!(inner, Place::Property(..) | Place::Indexer(..)) {
            return Err(Fault::new(
                name.at.clone(),
                format!(
                    "`{}` is part of a copy: the tuple is not a variable",
                    name.text
                ),
                "cannot be assigned",
            )
            .help("keep the tuple in a variable, change it and assign it back"));
        }
        Ok(Some((Place::Field(Box::new(inner), ty, i), item)))
    }

    /// The value of a place.
    pub(super) fn load(&mut self, place: &Place, at: &At) -> B<Bound> {
        Ok(match place {
            Place::Local(slot, ty) => Bound::new(Ir::Local(*slot), ty.clone()),
            Place::Item(of, index, ty) => Bound::new(
                Ir::Item(Box::new(Ir::Local(*of)), Box::new(Ir::Local(*index))),
                ty.clone(),
            ),
            Place::Cell(of, places, ty) => Bound::new(
                cell(Ir::Local(*of), places.iter().map(|s| Ir::Local(*s))),
                ty.clone(),
            ),
            Place::Property(slot, ty, name, ..) => {
                let of = Bound::new(Ir::Local(*slot), ty.clone());
                match self.member_of_value(of, name, &[])? {
                    Named::Value(b) => b,
                    _ => {
                        return Err(Fault::new(
                            name.at.clone(),
                            "cannot assign to a method",
                            "read only",
                        ));
                    }
                }
            }
            Place::Indexer(slot, ty, slots) => {
                self.indexed(*slot, ty, slots, MemberKind::Index, None, at)?
            }
            Place::Field(inner, ty, i) => {
                let whole = self.load(inner, at)?;
                let item = ty.parts().and_then(|p| p.get(*i as usize).cloned());
                Bound::new(
                    Ir::Field(*i, Box::new(whole.ir)),
                    item.unwrap_or(Ty::Unknown),
                )
            }
        })
    }

    /// Puts a value of the place's type there; gives the value.
    pub(super) fn store(&mut self, place: Place, value: Bound, at: &At) -> B<Ir> {
        Ok(match place {
            Place::Local(slot, _) => Ir::SetLocal(slot, Box::new(value.ir)),
            Place::Property(slot, _, _, m, declared) => {
                self.set_property(Ir::Local(slot), m, &declared, value.ir)?
            }
            Place::Item(of, index, item) => {
                self.writes_bytes |= item == Ty::Byte;
                Ir::SetItem(
                    Box::new(Ir::Local(of)),
                    Box::new(Ir::Local(index)),
                    Box::new(value.ir),
                )
            }
            Place::Cell(of, places, _) => {
                let places = places.into_iter().map(Ir::Local);
                set_cell(Ir::Local(of), places, value.ir)
            }
            Place::Indexer(slot, of, slots) => {
                self.indexed(slot, &of, &slots, MemberKind::SetIndex, Some(value), at)?
                    .ir
            }
            Place::Field(inner, ty, i) => {
                let new = self.slot();
                let parts = ty.parts().unwrap_or_default();
                let mut list = Vec::new();
                for (n, _) in parts.iter().enumerate() {
                    list.push(if n == i as usize {
                        Ir::Local(new)
                    } else {
                        Ir::Field(n as u32, Box::new(self.load(&inner, at)?.ir))
                    });
                }
                let whole = Bound::new(Ir::Record(ty.clone(), list), ty);
                let stored = self.store(*inner, whole, at)?;
                Ir::Let(
                    vec![(new, value.ir)],
                    Box::new(Ir::Sequence(vec![stored, Ir::Local(new)])),
                )
            }
        })
    }

    /// Indexer on locals.
    fn indexed(
        &mut self,
        slot: u32,
        ty: &Ty,
        slots: &[(u32, Ty)],
        kind: MemberKind,
        value: Option<Bound>,
        at: &At,
    ) -> B<Bound> {
        let mut given: Vec<GivenArg<'_>> = slots
            .iter()
            .map(|(s, t)| GivenArg {
                at: at.clone(),
                name: None,
                given: Given::Value(Bound::new(Ir::Local(*s), t.clone())),
            })
            .collect();
        given.extend(value.map(|v| GivenArg {
            at: at.clone(),
            name: None,
            given: Given::Value(v),
        }));
        self.indexer_given(Bound::new(Ir::Local(slot), ty.clone()), kind, given, at)
    }
}
