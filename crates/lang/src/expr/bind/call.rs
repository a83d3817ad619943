//! Calls: argument matching and overload resolution (C# §12.6.4), indexers.

mod emit;

use super::convert::{Conversion, implicit};
use super::names::{Named, class_args};
use super::overload::{Misfit, at_of, better};
use super::suggest::hint;
use super::{B, Binder, Bound};
use crate::expr::ast::{Arg, ArgValue, At, Expr, Ident, Kind};
use crate::expr::eval::types::derives;
use crate::expr::lexer::Fault;
use crate::expr::table::{Constraint, Member, MemberKind, table};
use crate::expr::types::Ty;

/// An argument before the parameter is known.
pub(super) enum Given<'a> {
    Value(Bound),
    /// Lambda, method group or `default`: bound against each parameter.
    Open(&'a Expr),
    /// `out`: slot and type, `None` for `out var`.
    Out(u32, Option<Ty>, Option<&'a Ident>),
}

pub(super) struct GivenArg<'a> {
    pub(super) at: At,
    pub(super) name: Option<&'a Ident>,
    pub(super) given: Given<'a>,
}

/// A row that takes the arguments.
pub(super) struct Candidate {
    pub(super) member: &'static Member,
    pub(super) types: Vec<Ty>,
    /// For each argument its parameter.
    pub(super) slots: Vec<usize>,
    /// Type each argument is converted to.
    pub(super) wants: Vec<Ty>,
    pub(super) expanded: bool,
    pub(super) generic: bool,
    /// Distance of the declaring type in the receiver's lineage.
    pub(super) distance: usize,
}

/// Whether an expression takes its type from its place.
pub(super) fn is_open(e: &Expr) -> bool {
    match &e.kind {
        Kind::Lambda(..)
        | Kind::Delegate(_)
        | Kind::Collection(_)
        | Kind::Default(None)
        | Kind::New(None, ..) => true,
        Kind::Tuple(items) => items.iter().any(|(_, e)| is_open(e)),
        _ => false,
    }
}

/// Whether the one argument is of a type.
fn takes(of: &Ty, given: &[GivenArg<'_>]) -> bool {
    given.iter().all(|g| match &g.given {
        Given::Value(b) => implicit(&b.ty, of, b.constant().as_ref()).is_some(),
        Given::Open(_) | Given::Out(..) => true,
    })
}

/// What a type argument is not and must be.
fn broken(constraint: &Constraint, ty: &Ty) -> Option<String> {
    if matches!(ty, Ty::Unknown | Ty::Null | Ty::Param(_)) {
        return None;
    }
    let value = ty.is_value();
    match constraint {
        Constraint::Class if value || ty.is_nullable() => Some("a reference type".into()),
        Constraint::Struct if !value => Some("a value type that cannot be null".into()),
        Constraint::Is(base) if !derives(ty, base) => Some(format!("a `{base}`")),
        _ => None,
    }
}

impl Binder {
    pub(super) fn call(&mut self, e: &Expr, target: &Expr, args: &[Arg]) -> B<Bound> {
        if let Kind::Name(name, types) = &target.kind
            && let Some(local) = self.lookup(&name.text)
            && let Some(signature) = local.function.clone()
        {
            return self.call_function(&local, &signature, name, types, args, &e.at);
        }
        let named = match &target.kind {
            Kind::Name(..) | Kind::Member(..) => self.named_as(target, true),
            _ => Ok(Named::Value(self.value(target)?)),
        };
        match named? {
            Named::Methods {
                receiver,
                of,
                name,
                args: types,
            } => self.method(receiver, &of, &name, &types, args, &e.at),
            Named::Value(b) => self.invoke(b, target, args, &e.at),
            Named::Type(t) => Err(Fault::new(
                target.at.clone(),
                format!("`{t}` is a type, not a method"),
                "expected a method",
            )
            .help(format!("to create one, write `new {t}(…)`"))),
            Named::Namespace(n) => Err(Fault::new(
                target.at.clone(),
                format!("`{n}` is a namespace"),
                "expected a method",
            )),
        }
    }

    /// Binds what does not depend on the parameter.
    pub(super) fn given<'a>(&mut self, args: &'a [Arg]) -> B<Vec<GivenArg<'a>>> {
        let mut out = Vec::new();
        for a in args {
            let name = a.name.as_ref();
            out.push(match &a.value {
                ArgValue::Expr(e) => {
                    let given = match &e.kind {
                        _ if is_open(e) => Given::Open(e),
                        Kind::Name(..) | Kind::Member(..) | Kind::Type(_) => match self.named(e)? {
                            Named::Methods { .. } => Given::Open(e),
                            Named::Value(b) => Given::Value(b),
                            // Reports what it is instead.
                            Named::Type(_) | Named::Namespace(_) => {
                                Given::Value(self.name_value(e)?)
                            }
                        },
                        _ => {
                            let b = self.value(e)?;
                            if b.ty == Ty::Void {
                                return Err(Fault::new(
                                    e.at.clone(),
                                    "the argument has no value",
                                    "expected a value",
                                ));
                            }
                            Given::Value(b)
                        }
                    };
                    GivenArg {
                        at: e.at.clone(),
                        name,
                        given,
                    }
                }
                ArgValue::Out(e) => {
                    let Kind::Name(n, _) = &e.kind else {
                        return Err(Fault::new(
                            e.at.clone(),
                            "`out` needs a variable",
                            "expected a variable",
                        ));
                    };
                    let Some(local) = self.lookup(&n.text) else {
                        return Err(Fault::new(
                            n.at.clone(),
                            format!("unknown variable `{}`", n.text),
                            "not declared",
                        )
                        .help(format!("declare it here: `out var {}`", n.text)));
                    };
                    GivenArg {
                        at: e.at.clone(),
                        name,
                        given: Given::Out(local.slot, Some(local.ty), None),
                    }
                }
                ArgValue::OutVar(ty, n) => {
                    let ty = ty.as_ref().map(|t| self.resolve(t)).transpose()?;
                    let slot =
                        self.declare_unsure(&n.text, ty.clone().unwrap_or(Ty::Unknown), &n.at)?;
                    GivenArg {
                        at: n.at.clone(),
                        name,
                        given: Given::Out(slot, ty, Some(n)),
                    }
                }
            });
        }
        Ok(out)
    }

    fn method(
        &mut self,
        receiver: Option<Bound>,
        of: &Ty,
        name: &Ident,
        types: &[Ty],
        args: &[Arg],
        at: &At,
    ) -> B<Bound> {
        let given = self.given(args)?;
        let is_static = receiver.is_none();
        let mut rows: Vec<(&'static Member, Ty, usize)> = Vec::new();
        // What a type implements explicitly is not found in the interface either.
        let hidden = table().of(of).is_some_and(|i| {
            let own = |m: &Member| m.is_explicit || m.takes_own;
            i.name == "Tuple" || i.members.iter().any(|m| m.name == &*name.text && own(m))
        });
        let hides = |t: &Ty| hidden && t.is_class("IComparable") && t != of;
        for (distance, t) in table().member_lineage(of).into_iter().enumerate() {
            if let Some(info) = table().of(&t).filter(|_| !hides(&t)) {
                let near = rows.len();
                // An override stands for what it overrides, with its own names.
                let overridden = |m: &Member, rows: &[(&'static Member, Ty, usize)]| {
                    rows.iter().take(near).any(|(own, ..)| {
                        own.params.len() == m.params.len()
                            && own.type_params - own.class_params == m.type_params - m.class_params
                            && own
                                .params
                                .iter()
                                .zip(&m.params)
                                .all(|(x, y)| x.ty == y.ty && !x.ty.has_params())
                    })
                };
                let more: Vec<_> = info
                    .members
                    .iter()
                    .filter(|m| {
                        m.name == &*name.text
                            && m.kind == MemberKind::Method
                            && m.is_static == is_static
                            && !m.is_explicit
                            && !overridden(m, &rows)
                    })
                    .map(|m| (m, t.clone(), distance))
                    .collect();
                rows.extend(more);
            }
        }
        let mut faults = Vec::new();
        let mut found: Vec<Candidate> = Vec::new();
        for (m, t, distance) in &rows {
            match self.fit(m, class_args(t), types, &given, 0) {
                Ok(_) if m.takes_own && !takes(of, &given) => {
                    let at = given.first().map_or(0..0, |g| g.at.clone());
                    let message = format!("`{}` takes a `{of}`", m.name);
                    faults.push((*m, Misfit::new(3, at, message, format!("expected `{of}`"))));
                }
                Ok(c) => found.push(Candidate {
                    distance: *distance,
                    ..c
                }),
                Err(f) => faults.push((*m, f)),
            }
        }
        if let Some(best) = self.best(found, &given, &name.at)? {
            let checked = receiver
                .as_ref()
                .is_some_and(|r| !r.ty.is_value() && !r.ty.is_nullable());
            self.note_beyond(best.member, &name.at);
            return self.emit(best, receiver.map(|r| (r.ir, checked)), given);
        }
        // Extension methods: the receiver is the first argument.
        if let Some(r) = receiver {
            let mut with_this = Vec::with_capacity(given.len() + 1);
            let this_at = name.at.clone();
            with_this.push(GivenArg {
                at: this_at,
                name: None,
                given: Given::Value(r),
            });
            with_this.extend(given);
            let mut found = Vec::new();
            for m in table().extensions(&name.text) {
                match self.fit(m, Vec::new(), types, &with_this, 1) {
                    Ok(c) => found.push(c),
                    Err(f) => faults.push((m, f)),
                }
            }
            if let Some(best) = self.best(found, &with_this, &name.at)? {
                self.note_beyond(best.member, &name.at);
                return self.emit(best, None, with_this);
            }
        }
        Err(self.no_fit(of, name, faults, at))
    }

    fn no_fit(
        &self,
        of: &Ty,
        name: &Ident,
        mut faults: Vec<(&'static Member, Misfit)>,
        at: &At,
    ) -> Fault {
        // The overload that got furthest tells most.
        faults.sort_by_key(|(_, f)| std::cmp::Reverse(f.progress));
        match faults.into_iter().next() {
            None => self.unknown_member(of, name, false),
            Some((_, f)) if f.progress == 0 => {
                let mut fault = self.unknown_member(of, name, false);
                fault.help = fault
                    .help
                    .filter(|h| !h.contains(&format!("`{}`", name.text)));
                fault
            }
            Some((m, f)) => {
                let mut fault = f.fault;
                if fault.at.is_empty() {
                    fault.at = at.clone();
                }
                if fault.help.is_none() {
                    fault.help = Some(format!("nearest overload: `{}`", m.signature));
                }
                fault
            }
        }
    }

    /// Whether a row takes the arguments, and how. `this` arguments come first and count as found.
    pub(super) fn fit(
        &mut self,
        m: &'static Member,
        class: Vec<Ty>,
        types: &[Ty],
        given: &[GivenArg<'_>],
        this: usize,
    ) -> Result<Candidate, Misfit> {
        let normal = self.fit_form(m, &class, types, given, this, false);
        match normal {
            Ok(c) => Ok(c),
            Err(f) if m.params.last().is_some_and(|p| p.is_params) => self
                .fit_form(m, &class, types, given, this, true)
                .map_err(|g| if g.progress >= f.progress { g } else { f }),
            Err(f) => Err(f),
        }
    }

    fn fit_form(
        &mut self,
        m: &'static Member,
        class: &[Ty],
        types: &[Ty],
        given: &[GivenArg<'_>],
        this: usize,
        expanded: bool,
    ) -> Result<Candidate, Misfit> {
        let own_params = m.type_params - m.class_params;
        if !types.is_empty() && types.len() != own_params {
            return Err(Misfit::new(
                1,
                at_of(given),
                format!("`{}` takes {own_params} type argument(s)", m.name),
                "wrong number of type arguments",
            ));
        }
        let last = m.params.len().saturating_sub(1);
        let mut slots = Vec::with_capacity(given.len());
        for (i, g) in given.iter().enumerate() {
            let slot = match g.name {
                Some(n) => match m.params.iter().position(|p| p.name == &*n.text) {
                    Some(s) => s,
                    None => {
                        let f = Misfit::new(
                            2,
                            n.at.clone(),
                            format!("`{}` has no parameter `{}`", m.name, n.text),
                            "unknown parameter",
                        );
                        return Err(f.help(hint(&n.text, m.params.iter().map(|p| p.name))));
                    }
                },
                None if expanded && i >= last => last,
                None if i < m.params.len() => i,
                None => {
                    return Err(Misfit::new(
                        1,
                        g.at.clone(),
                        format!(
                            "`{}` takes {} argument(s), not {}",
                            m.name,
                            m.params.len() - this,
                            given.len() - this
                        ),
                        "one too many",
                    ));
                }
            };
            if slots.contains(&slot) && !(expanded && slot == last) {
                return Err(Misfit::new(
                    2,
                    g.at.clone(),
                    format!(
                        "argument `{}` of `{}` is given twice",
                        m.params[slot].name, m.name
                    ),
                    "one too many",
                ));
            }
            slots.push(slot);
        }
        for (i, p) in m.params.iter().enumerate() {
            let optional = p.default.is_some() || (expanded && i == last);
            if !optional && !slots.contains(&i) {
                return Err(Misfit::new(
                    1,
                    at_of(given),
                    format!("argument `{}` of `{}` is missing", p.name, m.name),
                    format!("expected `{}`", p.ty),
                ));
            }
        }
        let want_of = |slot: usize| -> &Ty {
            let ty = &m.params[slot].ty;
            match ty {
                Ty::Array(of) if expanded && slot == last => of,
                _ => ty,
            }
        };
        let mut inferred: Vec<Option<Ty>> = class.iter().cloned().map(Some).collect();
        inferred.resize(m.class_params, None);
        inferred.extend(types.iter().cloned().map(Some));
        inferred.resize(m.type_params, None);
        let mut why = None;
        if inferred.iter().any(Option::is_none) {
            let params: Vec<&Ty> = slots.iter().map(|s| want_of(*s)).collect();
            why = self.infer(&params, given, &mut inferred);
        }
        let mut all = Vec::with_capacity(inferred.len());
        for (i, t) in inferred.into_iter().enumerate() {
            match t {
                Some(t) => all.push(t),
                // A static member of a generic type that has nothing to do with its parameter (`Nullable.Compare`).
                None if m.is_static && i < m.class_params && !m.mentions(i) => {
                    all.push(Ty::Object);
                }
                None => {
                    let progress = if this == 1 {
                        self.this_progress(m, given)
                    } else {
                        2
                    };
                    // What is wrong within a lambda says more.
                    if let Some(fault) = why.filter(|_| progress > 0) {
                        return Err(Misfit {
                            progress: progress + 2,
                            fault,
                        });
                    }
                    return Err(Misfit::new(
                        progress,
                        at_of(given),
                        format!("the type arguments of `{}` cannot be inferred", m.name),
                        "give them: `Name<T>(…)`",
                    ));
                }
            }
        }
        for (i, constraint) in &m.constraints {
            if let Some(ty) = all.get(*i)
                && let Some(must) = broken(constraint, ty)
            {
                return Err(Misfit::new(
                    2,
                    at_of(given),
                    format!("`{ty}` cannot be a type argument of `{}`", m.name),
                    format!("expected {must}"),
                ));
            }
        }
        let mut wants = Vec::with_capacity(given.len());
        for (i, (g, slot)) in given.iter().zip(&slots).enumerate() {
            let want = want_of(*slot).substitute(&all);
            let ok = match &g.given {
                Given::Value(b) if m.params[*slot].is_out => {
                    Err(Misfit::new(2, g.at.clone(), "`out` is missing", "expected `out`").or(b))
                }
                Given::Value(b) => {
                    let fits = if i < this {
                        // The receiver of an extension takes identity, reference and boxing conversions only.
                        b.ty == want
                            || (implicit(&b.ty, &want, None)
                                .is_some_and(|c| matches!(c, Conversion::Same))
                                && b.ty != Ty::Null)
                    } else {
                        implicit(&b.ty, &want, b.constant().as_ref()).is_some()
                    };
                    if fits {
                        Ok(())
                    } else {
                        let progress = if i < this { 0 } else { 3 + i };
                        Err(Misfit::new(
                            progress,
                            g.at.clone(),
                            format!("cannot implicitly convert `{}` to `{want}`", b.ty),
                            format!("expected `{want}`, found `{}`", b.ty),
                        ))
                    }
                }
                Given::Open(e) => {
                    let to = want.clone();
                    self.speculate(|b| b.value_as(e, &to))
                        .map(|_| ())
                        .map_err(|fault| Misfit {
                            progress: 4 + i,
                            fault,
                        })
                }
                Given::Out(_, _, _) if !m.params[*slot].is_out => Err(Misfit::new(
                    2,
                    g.at.clone(),
                    "`out` is not expected here",
                    format!("expected `{want}`"),
                )),
                Given::Out(_, Some(ty), _) if *ty != want && *ty != Ty::Unknown => {
                    Err(Misfit::new(
                        3 + i,
                        g.at.clone(),
                        format!("`out` needs a variable of type `{want}`, not `{ty}`"),
                        format!("expected `{want}`"),
                    ))
                }
                Given::Out(..) => Ok(()),
            };
            ok?;
            wants.push(want);
        }
        Ok(Candidate {
            member: m,
            types: all,
            slots,
            wants,
            expanded,
            generic: own_params > 0,
            distance: 0,
        })
    }

    /// Whether the receiver of an extension could fit at all: tells "no such member" from "wrong arguments".
    fn this_progress(&self, m: &Member, given: &[GivenArg<'_>]) -> usize {
        let (
            Some(p),
            Some(GivenArg {
                given: Given::Value(b),
                ..
            }),
        ) = (m.params.first(), given.first())
        else {
            return 0;
        };
        match &p.ty {
            Ty::Class(name, _) => {
                usize::from(table().lineage(&b.ty).iter().any(|t| t.is_class(name))) * 2
            }
            _ => 0,
        }
    }

    /// The better of the candidates; a fault when none is.
    pub(super) fn best(
        &mut self,
        mut found: Vec<Candidate>,
        given: &[GivenArg<'_>],
        at: &At,
    ) -> B<Option<Candidate>> {
        if found.len() <= 1 {
            return Ok(found.pop());
        }
        let mut best = 0;
        for i in 1..found.len() {
            if better(&found[i], &found[best], given) {
                best = i;
            }
        }
        // After a fault elsewhere an argument fits everywhere: one report is enough.
        let unknown = |g: &GivenArg<'_>| matches!(&g.given, Given::Value(b) if b.ty == Ty::Unknown);
        if given.iter().any(unknown) {
            return Ok(Some(found.swap_remove(best)));
        }
        let unclear =
            (0..found.len()).find(|&i| i != best && !better(&found[best], &found[i], given));
        if let Some(i) = unclear {
            return Err(Fault::new(
                at.clone(),
                "the call is ambiguous",
                "more than one overload fits",
            )
            .help(format!(
                "`{}` or `{}`; a cast decides",
                found[best].member.signature, found[i].member.signature
            )));
        }
        Ok(Some(found.swap_remove(best)))
    }
}
