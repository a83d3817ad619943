//! Indexers and array items.

use super::call::{Candidate, GivenArg};
use super::convert::implicit;
use super::names::class_args;
use super::rectangular::cell;
use super::{B, Binder, Bound};
use crate::expr::ast::{Arg, ArgValue, At, Expr, Ident, Kind, Literal, TypeRef};
use crate::expr::ir::Ir;
use crate::expr::lexer::{Fault, Suffix};
use crate::expr::table::{MemberKind, table};
use crate::expr::types::Ty;

fn name_expr(name: &str, at: &At) -> Expr {
    let name = Ident {
        at: at.clone(),
        text: name.into(),
    };
    Expr {
        at: at.clone(),
        kind: Kind::Name(name, Vec::new()),
    }
}

fn member(of: Expr, name: &str, at: &At) -> Expr {
    let name = Ident {
        at: at.clone(),
        text: name.into(),
    };
    Expr {
        at: at.clone(),
        kind: Kind::Member(Box::new(of), name, Vec::new()),
    }
}

fn binary(a: Expr, op: &'static str, b: Expr) -> Expr {
    let at = a.at.clone();
    Expr {
        at: at.clone(),
        kind: Kind::Binary(Box::new(a), vec![(op, at, b)]),
    }
}

/// The slice, when its end is not beyond the length.
fn within(length: Expr, end: Expr, slice: Expr) -> Expr {
    let at = slice.at.clone();
    let made = |kind: Kind| Expr {
        at: at.clone(),
        kind,
    };
    let class = TypeRef {
        at: at.clone(),
        path: vec![Ident {
            at: at.clone(),
            text: "ArgumentOutOfRangeException".into(),
        }],
        args: Vec::new(),
        names: Vec::new(),
        suffix: Vec::new(),
    };
    let name = Arg {
        name: None,
        value: ArgValue::Expr(made(Kind::Literal(Literal::Str("length".into())))),
    };
    let exception = made(Kind::New(Some(class), vec![name], None));
    let beyond = binary(end, ">", length);
    let thrown = made(Kind::Throw(Box::new(exception)));
    made(Kind::Conditional(
        Box::new(beyond),
        Box::new(thrown),
        Box::new(slice),
    ))
}

/// How many items the receiver has.
fn length_of(ty: &Ty, at: &At) -> B<Expr> {
    let name = match ty {
        Ty::String | Ty::Array(_) => "Length",
        _ => "Count",
    };
    let this = Expr {
        at: at.clone(),
        kind: Kind::Receiver,
    };
    Ok(member(this, name, at))
}

impl Binder {
    /// `of[args]`.
    pub(super) fn index(&mut self, e: &Expr, of: &Expr, args: &[Arg]) -> B<Bound> {
        let b = self.value(of)?;
        self.index_of(b, args, &e.at)
    }

    pub(super) fn index_of(&mut self, of: Bound, args: &[Arg], at: &At) -> B<Bound> {
        if of.ty == Ty::Unknown {
            return Ok(of);
        }
        if let [
            Arg {
                value: ArgValue::Expr(e),
                name: None,
            },
        ] = args
        {
            match &e.kind {
                Kind::FromEnd(_) => {
                    let slot = self.slot();
                    let ty = of.ty.clone();
                    let i = self.counted(&ty, e)?;
                    let value = ArgValue::Expr(i);
                    let arg = Arg { name: None, value };
                    self.receivers.push((slot, ty.clone()));
                    let item = self.index_of(Bound::new(Ir::Local(slot), ty), &[arg], at);
                    self.receivers.pop();
                    let item = item?;
                    let whole = Ir::Let(vec![(slot, of.ir)], Box::new(item.ir));
                    return Ok(Bound::new(whole, item.ty));
                }
                Kind::Range(from, to) => {
                    return self.slice(of, from.as_deref(), to.as_deref(), at);
                }
                _ => {}
            }
        }
        if let Ty::Array(item) = &of.ty {
            let item = (**item).clone();
            let [
                Arg {
                    value: ArgValue::Expr(i),
                    name: None,
                },
            ] = args
            else {
                return Err(Fault::new(
                    at.clone(),
                    "an array takes one index",
                    "expected one number",
                ));
            };
            let i_at = i.at.clone();
            let i = self.value(i)?;
            let i = self.array_index(i, &i_at)?;
            return Ok(Bound::new(Ir::Item(Box::new(of.ir), Box::new(i)), item));
        }
        if let Ty::Rectangular(item, rank) = &of.ty {
            let item = (**item).clone();
            let places = self.cell_places(args, *rank, at)?;
            return Ok(Bound::new(cell(of.ir, places), item));
        }
        self.indexer(of, MemberKind::Index, args, None, at)
    }

    /// `^n` of the receiver, as a count from the front.
    pub(super) fn counted(&self, ty: &Ty, e: &Expr) -> B<Expr> {
        let Kind::FromEnd(n) = &e.kind else {
            return Ok(e.clone());
        };
        Ok(binary(length_of(ty, &e.at)?, "-", (**n).clone()))
    }

    /// `of[a..b]` of a text or an array.
    fn slice(&mut self, of: Bound, from: Option<&Expr>, to: Option<&Expr>, at: &At) -> B<Bound> {
        if !matches!(of.ty, Ty::String | Ty::Array(_)) {
            return Err(Fault::new(
                at.clone(),
                format!("`{}` has no ranges", of.ty),
                "expected a text or an array",
            ));
        }
        let (slot, ty) = (self.slot(), of.ty.clone());
        let mut parts = vec![(slot, of.ir)];
        self.receivers.push((slot, ty.clone()));
        let made = self.slice_of(&ty, from, to, at, &mut parts);
        self.receivers.pop();
        let made = made?;
        Ok(Bound::new(Ir::Let(parts, Box::new(made.ir)), made.ty))
    }

    fn slice_of(
        &mut self,
        ty: &Ty,
        from: Option<&Expr>,
        to: Option<&Expr>,
        at: &At,
        parts: &mut Vec<(u32, Ir)>,
    ) -> B<Bound> {
        let zero = Expr {
            at: at.clone(),
            kind: Kind::Literal(Literal::Int(0, Suffix::None)),
        };
        let from = match from {
            Some(e) => self.counted(ty, e)?,
            None => zero,
        };
        let to = match to {
            Some(e) => self.counted(ty, e)?,
            None => length_of(ty, at)?,
        };
        self.push_scope();
        let mut named = |this: &mut Binder, name: &str, e: &Expr| -> B<Expr> {
            let b = this.value_as(e, &Ty::Int)?;
            let own = this.declare_anyway(&name.into(), Ty::Int);
            parts.push((own, b.ir));
            Ok(name_expr(name, at))
        };
        let text = *ty == Ty::String;
        let made = named(self, "<from>", &from).and_then(|from| {
            let end = named(self, "<to>", &to)?;
            let end_name = end.clone();
            let count = binary(end, "-", from.clone());
            let method = |of: Expr, name: &str, args: Vec<Expr>| Expr {
                at: at.clone(),
                kind: Kind::Call(
                    Box::new(member(of, name, at)),
                    args.into_iter()
                        .map(|e| Arg {
                            name: None,
                            value: ArgValue::Expr(e),
                        })
                        .collect(),
                ),
            };
            let this = Expr {
                at: at.clone(),
                kind: Kind::Receiver,
            };
            let slice = if text {
                method(this, "Substring", vec![from, count])
            } else {
                let list = method(name_expr("Enumerable", at), "ToList", vec![this]);
                let range = method(list, "GetRange", vec![from, count]);
                let slice = method(range, "ToArray", Vec::new());
                within(length_of(ty, at)?, end_name, slice)
            };
            self.value(&slice)
        });
        self.pop_scope();
        made
    }

    pub(super) fn array_index(&mut self, i: Bound, at: &At) -> B<Ir> {
        let to = if implicit(&i.ty, &Ty::Int, i.constant().as_ref()).is_some() {
            Ty::Int
        } else {
            Ty::Long
        };
        self.coerce(i, &to, at).map(|b| b.ir)
    }

    /// Reads or writes through an indexer; when writing, `value` is the last argument.
    pub(super) fn indexer(
        &mut self,
        of: Bound,
        kind: MemberKind,
        args: &[Arg],
        value: Option<GivenArg<'_>>,
        at: &At,
    ) -> B<Bound> {
        let mut given = self.given(args)?;
        given.extend(value);
        self.indexer_given(of, kind, given, at)
    }

    pub(super) fn indexer_given(
        &mut self,
        of: Bound,
        kind: MemberKind,
        given: Vec<GivenArg<'_>>,
        at: &At,
    ) -> B<Bound> {
        let mut faults = Vec::new();
        let mut found = Vec::new();
        for (distance, t) in table().lineage(&of.ty).into_iter().enumerate() {
            let Some(info) = table().of(&t) else { continue };
            for m in info.members.iter().filter(|m| m.kind == kind) {
                match self.fit(m, class_args(&t), &[], &given, 0) {
                    Ok(c) => found.push(Candidate { distance, ..c }),
                    Err(f) => faults.push((m, f)),
                }
            }
        }
        if let Some(best) = self.best(found, &given, at)? {
            let checked = !of.ty.is_value();
            self.note_beyond(best.member, at);
            return self.emit(best, Some((of.ir, checked)), given);
        }
        faults.sort_by_key(|(_, f)| std::cmp::Reverse(f.progress));
        Err(match faults.into_iter().next() {
            None if kind == MemberKind::SetIndex => Fault::new(
                at.clone(),
                format!("an item of `{}` cannot be assigned", of.ty),
                "read only",
            ),
            None => {
                let fault = Fault::new(
                    at.clone(),
                    format!("`{}` cannot be indexed with `[…]`", of.ty),
                    format!("this is `{}`", of.ty),
                );
                if of.ty == Ty::Object {
                    fault.help("cast it first, for example `((JObject)…)[\"name\"]`")
                } else {
                    fault
                }
            }
            Some((_, f)) => {
                let mut fault = f.fault;
                if fault.at.is_empty() {
                    fault.at = at.clone();
                }
                fault
            }
        })
    }
}
