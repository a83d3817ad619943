//! Statements; each tells whether its end can be reached.

use super::{B, Binder, Bound, Returns, default_ir};
use crate::expr::ast::{Expr, Ident, Kind, Stmt, StmtKind, TypeRef};
use crate::expr::ir::{Ir, IrStmt};
use crate::expr::lexer::Fault;
use crate::expr::table::table;
use crate::expr::types::Ty;
use crate::value::Frozen;

/// A statement, and whether its end can be reached.
pub(super) type S = B<(IrStmt, bool)>;

impl Binder {
    /// Statements in the current scope; faults are collected. Gives whether the end is reached.
    pub(super) fn block(&mut self, list: &[Stmt]) -> (Vec<IrStmt>, bool) {
        let mut out = Vec::new();
        let mut open = true;
        let first = self.function().scopes.last().map_or(0, Vec::len);
        let labels = self.function().labels.len();
        // Local functions can be called and labels can be gone to before they are declared.
        for s in list {
            match &s.kind {
                StmtKind::Function(f) => {
                    if let Err(f) = self.declare_function(f) {
                        self.faults.push(f);
                    }
                }
                StmtKind::Label(name) => {
                    self.labels += 1;
                    let number = self.labels;
                    if self.label(&name.text).is_some() {
                        self.faults.push(Fault::new(
                            name.at.clone(),
                            format!("the label `{}` is there twice", name.text),
                            "expected another name",
                        ));
                    }
                    self.function().labels.push((name.text.clone(), number));
                }
                _ => {}
            }
        }
        let mut dead = false;
        for s in list {
            let silent = matches!(
                s.kind,
                StmtKind::Function(_) | StmtKind::Label(_) | StmtKind::Empty
            );
            if !open && !dead && !silent {
                dead = true;
                self.warnings.push(
                    Fault::new(
                        s.at.clone(),
                        "unreachable code",
                        "what stands before it never ends here",
                    )
                    .help("take it out"),
                );
            }
            if matches!(s.kind, StmtKind::Label(_)) {
                open = true;
                dead = false;
            }
            match self.statement(s) {
                Ok((ir, reaches)) => {
                    out.push(ir);
                    open &= reaches;
                }
                Err(f) => {
                    self.faults.push(f);
                    // Later uses of what it declares must not report again.
                    if let StmtKind::Local(_, names, _) = &s.kind {
                        for (n, _) in names {
                            if self.lookup(&n.text).is_none() {
                                self.declare_anyway(&n.text, Ty::Unknown);
                            }
                        }
                    }
                }
            }
        }
        self.function().labels.truncate(labels);
        (self.prologue(first, out), open)
    }

    /// Begins a block with its local functions, and with fresh variables where a lambda captures one that no declaration
    /// makes fresh (of a pattern, of `out var`).
    fn prologue(&mut self, first: usize, list: Vec<IrStmt>) -> Vec<IrStmt> {
        let f = self.function();
        let scope = f.scopes.len() - 1;
        let (own, rest): (Vec<_>, Vec<_>) = std::mem::take(&mut f.hoisted)
            .into_iter()
            .partition(|(at, ..)| *at >= scope);
        f.hoisted = rest;
        let mut slots: Vec<u32> = f
            .scopes
            .last()
            .map_or(&[][..], |s| s.get(first..).unwrap_or_default())
            .iter()
            .filter(|l| l.constant.is_none())
            .map(|l| l.slot)
            .collect();
        slots.extend(own.iter().map(|(_, slot, _)| *slot));
        slots.retain(|s| f.shared.get(*s as usize).copied().unwrap_or(false) || !own.is_empty());
        let mut declared = Vec::new();
        for s in &list {
            declarations(s, &mut declared);
        }
        if own.is_empty() {
            slots.retain(|s| !declared.contains(s));
        }
        if slots.is_empty() {
            return list;
        }
        let mut out: Vec<IrStmt> = slots.iter().map(|s| IrStmt::Declare(*s, None)).collect();
        for (_, slot, code) in own {
            out.push(IrStmt::Expr(Ir::SetLocal(slot, Box::new(Ir::Lambda(code)))));
        }
        // The functions hold these variables already: their declarations only assign.
        out.extend(list.into_iter().map(|s| assigning(s, &slots)));
        out
    }

    pub(super) fn scoped(&mut self, list: &[Stmt]) -> (Vec<IrStmt>, bool) {
        self.push_scope();
        let r = self.block(list);
        self.pop_scope();
        r
    }

    /// A statement that has a scope of its own.
    pub(super) fn embedded(&mut self, s: &Stmt) -> S {
        self.push_scope();
        let made = self.statement(s);
        let made = made.map(|(ir, open)| {
            let mut list = self.prologue(0, vec![ir]);
            match list.len() {
                1 => (list.remove(0), open),
                _ => (IrStmt::Block(list), open),
            }
        });
        self.pop_scope();
        made
    }

    pub(super) fn statement(&mut self, s: &Stmt) -> S {
        self.tick(&s.at)?;
        match &s.kind {
            StmtKind::Empty => Ok((IrStmt::Block(Vec::new()), true)),
            StmtKind::Block(list) => {
                let (list, open) = self.scoped(list);
                Ok((IrStmt::Block(list), open))
            }
            StmtKind::Local(ty, names, constant) => self.local(ty.as_ref(), names, *constant),
            StmtKind::Function(f) => {
                self.define_function(f)?;
                Ok((IrStmt::Block(Vec::new()), true))
            }
            StmtKind::Checked(checked, list) => {
                let around = self.checked.replace(*checked);
                let (list, open) = self.scoped(list);
                self.checked = around;
                Ok((IrStmt::Block(list), open))
            }
            StmtKind::UsingLocal(resource) => {
                let made = self.statement(resource)?;
                self.disposable(&made.0, &resource.at)?;
                Ok(made)
            }
            StmtKind::Label(name) => {
                let number = self.label(&name.text).unwrap_or_default();
                Ok((IrStmt::Label(number), true))
            }
            StmtKind::Goto(name) => match self.label(&name.text) {
                Some(number) => Ok((IrStmt::Goto(number), false)),
                None => Err(Fault::new(
                    name.at.clone(),
                    format!("no label `{}` within the scope of the `goto`", name.text),
                    "not declared",
                )),
            },
            StmtKind::GotoCase(value) => self.goto_case(s, value.as_ref()),
            StmtKind::Expr(e) => {
                let b = self.value(e)?;
                Ok((IrStmt::Expr(b.ir), true))
            }
            StmtKind::If(branches, otherwise) => self.if_statement(branches, otherwise.as_deref()),
            StmtKind::While(test, body) => {
                self.push_scope();
                let test = self.condition(test);
                let r = test.and_then(|t| Ok((t, self.looped(body)?)));
                self.pop_scope();
                let (test, body) = r?;
                let forever = matches!(test, Ir::Const(Frozen::Bool(true)));
                let open = !forever || breaks(&body);
                Ok((
                    IrStmt::Loop {
                        test: Some(test),
                        after: false,
                        step: Vec::new(),
                        body: Box::new(body),
                    },
                    open,
                ))
            }
            StmtKind::Do(body, test) => {
                let body = self.looped(body)?;
                let test = self.condition(test)?;
                let forever = matches!(test, Ir::Const(Frozen::Bool(true)));
                let open = !forever || breaks(&body);
                Ok((
                    IrStmt::Loop {
                        test: Some(test),
                        after: true,
                        step: Vec::new(),
                        body: Box::new(body),
                    },
                    open,
                ))
            }
            StmtKind::For(init, test, step, body) => {
                self.push_scope();
                let r = self.for_statement(init, test.as_ref(), step, body);
                self.pop_scope();
                r
            }
            StmtKind::Foreach(ty, name, of, body) => {
                let source = self.value(of)?;
                let source = self.enumerated(source);
                let item = self.item_type(&source, of)?;
                self.push_scope();
                let r = self.foreach(ty.as_ref(), name, source, &item, body);
                self.pop_scope();
                r
            }
            StmtKind::Break => {
                if self.function().loops == 0 && self.function().switches.is_empty() {
                    return Err(Fault::new(
                        s.at.clone(),
                        "`break` outside a loop or switch",
                        "nothing to leave",
                    ));
                }
                Ok((IrStmt::Break, false))
            }
            StmtKind::Continue => {
                if self.function().loops == 0 {
                    return Err(Fault::new(
                        s.at.clone(),
                        "`continue` outside a loop",
                        "nothing to continue",
                    ));
                }
                Ok((IrStmt::Continue, false))
            }
            StmtKind::Return(e) => self.return_statement(s, e.as_ref()),
            StmtKind::Throw(None) => {
                if self.function().catches == 0 {
                    return Err(Fault::new(
                        s.at.clone(),
                        "`throw;` outside a `catch`",
                        "expected an exception",
                    ));
                }
                Ok((IrStmt::Rethrow, false))
            }
            StmtKind::Throw(Some(e)) => {
                let b = self.value(e)?;
                let b = self.coerce(b, &Ty::class("Exception"), &e.at)?;
                Ok((IrStmt::Throw(b.ir), false))
            }
            StmtKind::Try(body, catches, finally) => {
                self.try_statement(body, catches, finally.as_deref())
            }
            StmtKind::Using(resource, body) => {
                self.push_scope();
                let r = self.using(resource, body);
                self.pop_scope();
                r
            }
            StmtKind::Switch(of, sections) => self.switch(of, sections),
        }
    }

    fn local(
        &mut self,
        ty: Option<&TypeRef>,
        names: &[(Ident, Option<Expr>)],
        constant: bool,
    ) -> S {
        let declared = ty.map(|t| self.resolve(t)).transpose()?;
        if let (None, [_, (second, _), ..]) = (&declared, names) {
            return Err(Fault::new(
                second.at.clone(),
                "`var` declares one variable at a time",
                "expected `;`",
            )
            .help("write another `var`, or name the type"));
        }
        let mut out = Vec::new();
        for (name, init) in names {
            let (init, ty) = match (init, &declared) {
                (None, None) => {
                    return Err(Fault::new(
                        name.at.clone(),
                        "`var` needs a value",
                        "expected `= …`",
                    ));
                }
                (None, Some(t)) if constant => {
                    return Err(Fault::new(
                        name.at.clone(),
                        format!("the constant needs a value of type `{t}`"),
                        "expected `= …`",
                    ));
                }
                // The parts of a tuple may be assigned one by one.
                (None, Some(t @ (Ty::Tuple(_) | Ty::Unknown))) => (Some(default_ir(t)), t.clone()),
                (None, Some(t)) => {
                    let slot = self.declare_unsure(&name.text, t.clone(), &name.at)?;
                    out.push(IrStmt::Declare(slot, None));
                    continue;
                }
                (Some(e), Some(t)) => {
                    let b = self.value_as(e, t)?;
                    if constant {
                        let Some(c) = b.constant() else {
                            return Err(Fault::new(
                                e.at.clone(),
                                "a constant's value must be constant",
                                "known only at run time",
                            )
                            .help("use `var`"));
                        };
                        let slot = self.declare(&name.text, t.clone(), &name.at)?;
                        self.mark(slot, Some(c), false);
                        continue;
                    }
                    (Some(b.ir), t.clone())
                }
                (Some(e), None) => {
                    if constant {
                        return Err(Fault::new(
                            name.at.clone(),
                            "a constant needs a type",
                            "expected a type instead of `var`",
                        ));
                    }
                    let b = self.value(e)?;
                    match b.ty {
                        t if t.is_untyped() => {
                            return Err(Fault::new(
                                e.at.clone(),
                                "`var` cannot take the type of `null`",
                                "its type is not known",
                            )
                            .help("name the type: `string x = null;`"));
                        }
                        Ty::Void => {
                            return Err(super::no_value(&e.at));
                        }
                        ty => (Some(b.ir), ty),
                    }
                }
            };
            let slot = self.declare(&name.text, ty, &name.at)?;
            out.push(IrStmt::Declare(slot, init));
        }
        Ok((
            if out.len() == 1 {
                out.remove(0)
            } else {
                IrStmt::Block(out)
            },
            true,
        ))
    }

    fn label(&mut self, name: &str) -> Option<u32> {
        let labels = &self.function().labels;
        labels.iter().rev().find(|(n, _)| &**n == name).map(|l| l.1)
    }

    pub(super) fn mark(&mut self, slot: u32, constant: Option<Frozen>, fixed: bool) {
        if let Some(l) = self
            .function()
            .scopes
            .iter_mut()
            .flatten()
            .find(|l| l.slot == slot)
        {
            l.constant = constant;
            l.fixed = fixed;
        }
    }

    fn if_statement(&mut self, branches: &[(Expr, Stmt)], otherwise: Option<&Stmt>) -> S {
        let mut out = Vec::new();
        let mut open = otherwise.is_none();
        // The branch that is always taken; what stands behind it must be good C# all the same.
        let mut taken = None;
        for (test, body) in branches {
            // Variables of a pattern live on after the `if`, as in C#.
            let t = self.condition(test)?;
            let always = matches!(t, Ir::Const(Frozen::Bool(true)));
            let (b, reaches) = self.embedded(body)?;
            open |= reaches;
            if always && out.is_empty() && taken.is_none() {
                taken = Some((b, reaches));
            } else {
                out.push((t, b));
            }
        }
        let otherwise = match otherwise {
            Some(s) => {
                let (b, reaches) = self.embedded(s)?;
                open |= reaches;
                Some(Box::new(b))
            }
            None => None,
        };
        if let Some(taken) = taken {
            return Ok(taken);
        }
        Ok((IrStmt::If(out, otherwise), open))
    }

    fn looped(&mut self, body: &Stmt) -> B<IrStmt> {
        self.function().loops += 1;
        let r = self.embedded(body);
        self.function().loops -= 1;
        r.map(|(b, _)| b)
    }

    fn for_statement(
        &mut self,
        init: &[Stmt],
        test: Option<&Expr>,
        step: &[Expr],
        body: &Stmt,
    ) -> S {
        let mut out = Vec::new();
        for s in init {
            out.push(self.statement(s)?.0);
        }
        let test = test.map(|t| self.condition(t)).transpose()?;
        let step = step
            .iter()
            .map(|e| self.value(e).map(|b| b.ir))
            .collect::<B<Vec<_>>>()?;
        let body = self.looped(body)?;
        let forever = test
            .as_ref()
            .is_none_or(|t| matches!(t, Ir::Const(Frozen::Bool(true))));
        let open = !forever || breaks(&body);
        out.push(IrStmt::Loop {
            test,
            after: false,
            step,
            body: Box::new(body),
        });
        Ok((IrStmt::Block(out), open))
    }

    /// What `foreach` goes through, when the type says so by a `GetEnumerator` row.
    fn enumerated(&mut self, source: Bound) -> Bound {
        let row = table().of(&source.ty).and_then(|i| {
            let mut rows = i.members.iter();
            // Any other is what `foreach` does without it.
            rows.find(|m| m.name == "GetEnumerator" && m.is_explicit)
        });
        match row {
            Some(m) => self.property(source.into_plain(), m, &Ty::Object),
            None => source,
        }
    }

    fn item_type(&mut self, source: &Bound, of: &Expr) -> B<Ty> {
        if source.ty == Ty::Unknown {
            return Ok(Ty::Unknown);
        }
        for t in table().lineage(&source.ty) {
            match &t {
                Ty::Array(item) | Ty::Rectangular(item, _) => return Ok((**item).clone()),
                Ty::Class("IEnumerable", args) if args.len() == 1 => return Ok(args[0].clone()),
                Ty::Class("MatchCollection", _) => return Ok(Ty::class("Match")),
                _ => {}
            }
        }
        // The interface without a type argument gives objects.
        let any = |t: &Ty| matches!(t, Ty::Class("IEnumerable" | "ISequence", a) if a.is_empty());
        if table().lineage(&source.ty).iter().any(any) {
            return Ok(Ty::Object);
        }
        let fault = Fault::new(
            of.at.clone(),
            format!("`{}` cannot be gone through with `foreach`", source.ty),
            "expected a list, array or other sequence",
        );
        Err(if source.ty == Ty::Object {
            fault.help("cast it, for example `(JArray)…`")
        } else {
            fault
        })
    }

    fn foreach(
        &mut self,
        ty: Option<&TypeRef>,
        name: &Ident,
        source: Bound,
        item: &Ty,
        body: &Stmt,
    ) -> S {
        let wanted = match ty {
            Some(t) => self.resolve(t)?,
            None => item.clone(),
        };
        let slot = self.declare(&name.text, wanted.clone(), &name.at)?;
        self.mark(slot, None, true);
        let convert = if wanted == *item {
            None
        } else {
            Some(
                self.cast(Bound::new(Ir::Local(slot), item.clone()), &wanted, &name.at)?
                    .ir,
            )
        };
        let body = self.looped(body)?;
        Ok((
            IrStmt::Foreach {
                slot,
                convert,
                of: source.ir,
                body: Box::new(body),
            },
            true,
        ))
    }

    fn return_statement(&mut self, s: &Stmt, e: Option<&Expr>) -> S {
        if self.function().finally > 0 {
            return Err(Fault::new(
                s.at.clone(),
                "control cannot leave the body of a `finally`",
                "`return` in a `finally`",
            ));
        }
        let returns = self.function().returns.clone();
        let ir = match (returns, e) {
            (Returns::Known(Ty::Void), None) => self.with_by_ref(None),
            (Returns::Known(Ty::Void), Some(e)) => {
                return Err(Fault::new(
                    e.at.clone(),
                    "this function returns nothing",
                    "expected `return;`",
                ));
            }
            (Returns::Infer(mut list), None) => {
                list.push((Ty::Void, None));
                self.function().returns = Returns::Infer(list);
                None
            }
            (_, None) => {
                return Err(Fault::new(
                    s.at.clone(),
                    "`return` without a value",
                    "expected a value",
                ));
            }
            (Returns::Known(t), Some(e)) => {
                let value = self.value_as(e, &t)?.ir;
                self.with_by_ref(Some(value))
            }
            (Returns::Target(target), Some(e)) => {
                let b = match (&e.kind, target) {
                    (Kind::Default(None), crate::expr::Target::Bool) => {
                        self.value_as(e, &Ty::Bool)?
                    }
                    _ => self.value(e)?,
                };
                Some(self.targeted(b, target, e.at.clone())?)
            }
            (Returns::Infer(_), Some(e)) => {
                let b = self.value(e)?;
                let entry = (b.ty.clone(), b.constant());
                if let Returns::Infer(list) = &mut self.function().returns {
                    list.push(entry);
                }
                Some(b.ir)
            }
        };
        Ok((IrStmt::Return(ir), false))
    }
}

/// Slots that a statement of a block declares itself.
fn declarations(s: &IrStmt, out: &mut Vec<u32>) {
    match s {
        IrStmt::Declare(slot, _) => out.push(*slot),
        IrStmt::Block(list) => list.iter().for_each(|s| declarations(s, out)),
        _ => {}
    }
}

/// The statement with declarations of those slots as assignments.
fn assigning(s: IrStmt, slots: &[u32]) -> IrStmt {
    match s {
        IrStmt::Declare(slot, init) if slots.contains(&slot) => match init {
            Some(value) => IrStmt::Expr(Ir::SetLocal(slot, Box::new(value))),
            None => IrStmt::Block(Vec::new()),
        },
        IrStmt::Block(list) => {
            IrStmt::Block(list.into_iter().map(|s| assigning(s, slots)).collect())
        }
        other => other,
    }
}

/// Whether a statement can leave the loop or switch around it by `break`.
pub(super) fn breaks(s: &IrStmt) -> bool {
    match s {
        IrStmt::Break => true,
        IrStmt::Block(list) => list.iter().any(breaks),
        IrStmt::If(branches, otherwise) => {
            branches.iter().any(|(_, b)| breaks(b)) || otherwise.as_deref().is_some_and(breaks)
        }
        IrStmt::Try {
            body,
            catches,
            finally,
        } => {
            body.iter().any(breaks)
                || catches.iter().any(|c| c.body.iter().any(breaks))
                || finally.as_ref().is_some_and(|f| f.iter().any(breaks))
        }
        _ => false,
    }
}
