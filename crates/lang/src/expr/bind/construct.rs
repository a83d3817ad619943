//! Calls of constructors.
//!
//! Called by object creation. What must stay true: a type without a constructor in the table cannot be made.

use super::names::class_args;
use super::overload::Misfit;
use super::{B, Binder, Bound};
use crate::expr::ast::{Arg, At};
use crate::expr::lexer::Fault;
use crate::expr::table::{Member, MemberKind, table};
use crate::expr::types::Ty;

impl Binder {
    /// A constructor's call.
    pub(super) fn construct(&mut self, ty: &Ty, args: &[Arg], at: &At) -> B<Bound> {
        let given = self.given(args)?;
        let Some(info) = table().of(ty) else {
            return Err(Fault::new(
                at.clone(),
                format!("`{ty}` cannot be created"),
                "no constructor",
            ));
        };
        let mut faults = Vec::new();
        let mut found = Vec::new();
        for m in info
            .members
            .iter()
            .filter(|m| m.kind == MemberKind::Constructor)
        {
            match self.fit(m, class_args(ty), &[], &given, 0) {
                Ok(c) => found.push(c),
                Err(f) => faults.push((m, f)),
            }
        }
        if let Some(best) = self.best(found, &given, at)? {
            self.note_beyond(best.member, at);
            return self
                .emit(best, None, given)
                .map(|b| Bound::new(b.ir, ty.clone()));
        }
        faults.sort_by_key(|(_, f): &(&Member, Misfit)| std::cmp::Reverse(f.progress));
        match faults.into_iter().next() {
            None => Err(Fault::new(
                at.clone(),
                format!("`{ty}` cannot be created with `new`"),
                "no public constructor that expressions may use",
            )),
            Some((m, f)) => {
                let mut fault = f.fault;
                if fault.at.is_empty() {
                    fault.at = at.clone();
                }
                if fault.help.is_none() {
                    fault.help = Some(format!(
                        "nearest constructor: `{}`",
                        m.signature.replacen("new", &ty.to_string(), 1)
                    ));
                }
                Err(fault)
            }
        }
    }
}
