//! The `switch` statement and `goto case`.
//!
//! Called by the statements. What must stay true: the value under test is in a slot; a section never falls through.

use super::statements::{S, breaks};
use super::{B, Binder, Sections};
use crate::expr::ast::{Expr, Label, Pattern, Stmt};
use crate::expr::ir::{Ir, IrStmt};
use crate::expr::lexer::Fault;
use crate::expr::types::Ty;
use crate::value::Frozen;

impl Binder {
    /// `goto case value;`, `goto default;`.
    pub(super) fn goto_case(&mut self, s: &Stmt, value: Option<&Expr>) -> S {
        let Some(sections) = self.function().switches.last().cloned() else {
            return Err(Fault::new(
                s.at.clone(),
                "`goto case` outside a `switch`",
                "nothing to go to",
            ));
        };
        let found = match value {
            None => sections.default,
            Some(e) => {
                let b = match &sections.ty {
                    Some(t) => self.value_as(e, t)?,
                    None => self.value(e)?,
                };
                let Some(c) = b.constant() else {
                    return Err(Fault::new(
                        e.at.clone(),
                        "`goto case` needs a constant",
                        "known only at run time",
                    ));
                };
                let same = |other: &Frozen| crate::expr::eval::equal(&other.thaw(), &c.thaw());
                sections.cases.iter().find(|(o, _)| same(o)).map(|c| c.1)
            }
        };
        match found {
            Some(section) => Ok((IrStmt::GotoCase(section), false)),
            None => Err(Fault::new(
                s.at.clone(),
                "no such `case` in the `switch`",
                "nothing to go to",
            )),
        }
    }

    /// The constants of a `switch` and their sections; one that is there twice is a fault.
    fn sections(&mut self, ty: &Ty, list: &[(Vec<Label>, Vec<Stmt>)]) -> B<Sections> {
        let mut out = Sections {
            ty: Some(ty.clone()),
            ..Sections::default()
        };
        for (i, (labels, _)) in list.iter().enumerate() {
            for l in labels {
                match l {
                    Label::Default => {
                        if out.default.replace(i).is_some() {
                            return Err(Fault::new(
                                0..1,
                                "the `switch` has more than one `default`",
                                "expected one",
                            ));
                        }
                    }
                    Label::Case(Pattern::Constant(e), None) => {
                        let to = ty.clone();
                        let bound = self.speculate(|b| match to {
                            Ty::Object | Ty::Unknown => b.value(e),
                            _ => b.value_as(e, &to),
                        });
                        let Some(c) = bound.ok().and_then(|b| b.constant()) else {
                            continue;
                        };
                        let same = |(o, _): &(Frozen, usize)| {
                            crate::expr::eval::equal(&o.thaw(), &c.thaw())
                        };
                        if out.cases.iter().any(same) {
                            return Err(Fault::new(
                                e.at.clone(),
                                "the `switch` has this `case` already",
                                "there twice",
                            ));
                        }
                        out.cases.push((c, i));
                    }
                    Label::Case(..) => {}
                }
            }
        }
        Ok(out)
    }

    pub(super) fn switch(&mut self, of: &Expr, sections: &[(Vec<Label>, Vec<Stmt>)]) -> S {
        let b = self.value(of)?;
        let ty = b.ty.clone();
        let slot = self.slot();
        let mut tests = Vec::new();
        let mut default = None;
        let mut out = Vec::new();
        let mut open = false;
        let known = self.sections(&ty, sections)?;
        // A constant that is one of the cases leaves no way past them, nor does `case var x`.
        let takes_all =
            |l: &Label| matches!(l, Label::Case(Pattern::Var(_) | Pattern::Discard, None));
        let all = sections
            .iter()
            .any(|(labels, _)| labels.iter().any(takes_all));
        let certain = all
            || b.constant().is_some_and(|c| {
                let same =
                    |(o, _): &(Frozen, usize)| crate::expr::eval::equal(&o.thaw(), &c.thaw());
                known.cases.iter().any(same)
            });
        self.function().switches.push(known);
        let mut fault = None;
        for (i, (labels, body)) in sections.iter().enumerate() {
            self.push_scope();
            for l in labels {
                match l {
                    Label::Default => default = Some(i),
                    Label::Case(pattern, when) => {
                        let at = body.first().map_or(of.at.clone(), |s| s.at.clone());
                        let test = self.pattern(slot, &ty, pattern, &at).and_then(|t| {
                            Ok(match when {
                                Some(w) => Ir::And(vec![t, self.condition(w)?]),
                                None => t,
                            })
                        });
                        match test {
                            Ok(t) => tests.push((t, i)),
                            Err(f) => fault = fault.or(Some(f)),
                        }
                    }
                }
            }
            let (list, reaches) = self.block(body);
            self.pop_scope();
            if reaches {
                let at = body.last().map_or(of.at.clone(), |s| s.at.clone());
                fault = fault.or(Some(Fault::new(
                    at,
                    "a section of a `switch` must not fall through",
                    "expected `break;` or `return` after this",
                )));
            }
            open |= list.iter().any(breaks);
            out.push(list);
        }
        self.function().switches.pop();
        if let Some(f) = fault {
            return Err(f);
        }
        Ok((
            IrStmt::Switch {
                slot,
                of: b.ir,
                tests,
                default,
                sections: out,
            },
            open || (default.is_none() && !certain),
        ))
    }
}
