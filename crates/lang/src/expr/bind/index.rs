//! Indexers and array items.

use super::call::{Candidate, GivenArg};
use super::convert::implicit;
use super::names::class_args;
use super::{B, Binder, Bound};
use crate::expr::ast::{Arg, ArgValue, At, Expr};
use crate::expr::ir::Ir;
use crate::expr::lexer::Fault;
use crate::expr::table::{MemberKind, table};
use crate::expr::types::Ty;

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
        self.indexer(of, MemberKind::Index, args, None, at)
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
