//! `try`, `catch`, `finally` and `using`.
//!
//! Called by the statements. What must stay true: nothing in a `finally` leads out of it.

use super::statements::S;
use super::{B, Binder};
use crate::expr::ast::{At, Catch, Stmt};
use crate::expr::eval::types::derives;
use crate::expr::ir::{IrCatch, IrStmt};
use crate::expr::lexer::Fault;
use crate::expr::types::Ty;

impl Binder {
    pub(super) fn try_statement(
        &mut self,
        body: &[Stmt],
        catches: &[Catch],
        finally: Option<&[Stmt]>,
    ) -> S {
        let (body, mut open) = self.scoped(body);
        let mut out: Vec<IrCatch> = Vec::new();
        for (i, c) in catches.iter().enumerate() {
            let class = match &c.ty {
                None => "Exception",
                Some(t) => match self.resolve(t)? {
                    Ty::Class(name, _) if derives(&Ty::class(name), &Ty::class("Exception")) => {
                        name
                    }
                    other => {
                        return Err(Fault::new(
                            t.at.clone(),
                            format!("`{other}` is not an exception"),
                            "expected a class derived from `Exception`",
                        ));
                    }
                },
            };
            // A filter may pass an exception on; without one nothing is left for a later clause.
            let before = out.iter().zip(catches).take(i);
            let taken = before
                .filter(|(_, c)| c.when.is_none())
                .any(|(o, _)| derives(&Ty::class(class), &Ty::class(o.class)));
            if taken {
                return Err(Fault::new(
                    c.ty.as_ref().map_or(0..1, |t| t.at.clone()),
                    format!("a `catch` before it takes every `{class}`"),
                    "never reached",
                )
                .help("put the more special exception first"));
            }
            self.push_scope();
            let slot = match &c.name {
                Some(n) => match self.declare(&n.text, Ty::class(class), &n.at) {
                    Ok(s) => Some(s),
                    Err(f) => {
                        self.pop_scope();
                        return Err(f);
                    }
                },
                None => None,
            };
            let when = match c.when.as_ref().map(|w| self.condition(w)).transpose() {
                Ok(w) => w,
                Err(f) => {
                    self.pop_scope();
                    return Err(f);
                }
            };
            self.function().catches += 1;
            let (list, reaches) = self.block(&c.body);
            self.function().catches -= 1;
            self.pop_scope();
            open |= reaches;
            out.push(IrCatch {
                class,
                slot,
                when,
                body: list,
            });
        }
        let finally = match finally {
            Some(list) => {
                // Nothing in it may lead out of it.
                let f = self.function();
                f.finally += 1;
                let loops = std::mem::take(&mut f.loops);
                let switches = std::mem::take(&mut f.switches);
                let labels = std::mem::take(&mut f.labels);
                let (list, reaches) = self.scoped(list);
                let f = self.function();
                (f.loops, f.switches, f.labels) = (loops, switches, labels);
                f.finally -= 1;
                open &= reaches;
                Some(list)
            }
            None => None,
        };
        Ok((
            IrStmt::Try {
                body,
                catches: out,
                finally,
            },
            open,
        ))
    }

    pub(super) fn using(&mut self, resource: &Stmt, body: &Stmt) -> S {
        let (init, _) = self.statement(resource)?;
        self.disposable(&init, &resource.at)?;
        let (body, open) = self.embedded(body)?;
        // What expressions may create holds nothing that must be released.
        Ok((IrStmt::Block(vec![init, body]), open))
    }

    /// The variable of a `using`: not assigned again, and of a type that can be disposed of.
    pub(super) fn disposable(&mut self, declaration: &IrStmt, at: &At) -> B<()> {
        let IrStmt::Declare(slot, _) = declaration else {
            return Ok(());
        };
        self.mark(*slot, None, true);
        let locals = self.function().scopes.iter().flatten();
        let ty = locals
            .filter(|l| l.slot == *slot)
            .map(|l| l.ty.clone())
            .last();
        match ty {
            Some(t)
                if t.is_value()
                    || t.as_array().is_some()
                    || matches!(t, Ty::String | Ty::Object) =>
            {
                Err(Fault::new(
                    at.clone(),
                    format!("`{t}`: a type in a `using` must be convertible to `IDisposable`"),
                    "nothing to dispose of",
                )
                .help("declare it without `using`"))
            }
            _ => Ok(()),
        }
    }
}
