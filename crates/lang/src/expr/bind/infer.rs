//! Inference of type arguments (C# §12.6.3): from values first, then from what lambdas give.

use super::Binder;
use super::call::{Given, GivenArg};
use super::convert::implicit;
use super::lambda::shown;
use crate::expr::ast::Kind;
use crate::expr::lexer::Fault;
use crate::expr::table::table;
use crate::expr::types::Ty;

impl Binder {
    /// Fills what can be inferred. What it gives is why a lambda gave nothing, though its parameters were known.
    pub(super) fn infer(
        &mut self,
        params: &[&Ty],
        given: &[GivenArg<'_>],
        found: &mut [Option<Ty>],
    ) -> Option<Fault> {
        let mut why = None;
        for (p, g) in params.iter().zip(given) {
            match &g.given {
                Given::Value(b) => unify(p, &b.ty, found),
                Given::Out(_, Some(t), _) => unify(p, t, found),
                _ => {}
            }
        }
        // What the written types of a lambda's parameters name is that and nothing wider.
        let mut exact: Vec<Option<Ty>> = vec![None; found.len()];
        for (p, g) in params.iter().zip(given) {
            let (Given::Open(e), Some((inputs, _))) = (&g.given, p.delegate()) else {
                continue;
            };
            let Kind::Lambda(names, _) = &e.kind else {
                continue;
            };
            for (name, input) in names.iter().zip(&inputs) {
                if let Some(written) = &name.ty
                    && let Ok(t) = self.resolve(written)
                {
                    name_exactly(input, &t, &mut exact);
                }
            }
        }
        restore(&exact, found);
        // Where a lambda gives such a value too, it may be another message or the body of the other one.
        for (p, g) in params.iter().zip(given) {
            if let (Given::Open(_), Some((_, Ty::Param(i)))) = (&g.given, p.delegate())
                && let Some(Some(t)) = found.get_mut(usize::from(i))
                && let Some(message) = shown(t)
            {
                *t = message;
            }
        }
        // As C# does it: what depends on nothing open is settled; lambdas whose inputs are settled add to what is open.
        let mut settled = vec![false; found.len()];
        let mut open: Vec<usize> = (0..params.len().min(given.len()))
            .filter(|i| matches!(given[*i].given, Given::Open(_)) && params[*i].has_params())
            .filter(|i| params[*i].delegate().is_some())
            .collect();
        while !open.is_empty() {
            settle(params, &open, found, &mut settled);
            let before = open.len();
            open.retain(|i| {
                let (Given::Open(e), Some((inputs, result))) =
                    (&given[*i].given, params[*i].delegate())
                else {
                    return false;
                };
                if inputs.iter().any(|t| mentions_open(t, &settled)) {
                    return true;
                }
                let inputs: Option<Vec<Ty>> = inputs.iter().map(|t| known(t, found)).collect();
                let (Some(inputs), true) = (inputs, mentions_open(&result, &settled)) else {
                    return false;
                };
                let given_type = match &e.kind {
                    Kind::Lambda(names, body) => {
                        let to = Ty::Object;
                        match self.speculate(|b| b.lambda(e, names, body, &to, &inputs, None)) {
                            Ok((_, t)) => Some(t),
                            Err(fault) => {
                                why.get_or_insert(fault);
                                None
                            }
                        }
                    }
                    Kind::Name(..) | Kind::Member(..) => {
                        self.speculate(|b| b.group_result(e, &inputs)).ok()
                    }
                    _ => None,
                };
                if let Some(t) = given_type {
                    unify(&result, shown(&t).as_ref().unwrap_or(&t), found);
                    restore(&exact, found);
                }
                false
            });
            if open.len() == before && settled.iter().all(|s| *s) {
                break;
            }
        }
        why
    }
}

/// What a written type says its type parameters are: an exact inference (C# §12.6.3.9).
fn name_exactly(param: &Ty, written: &Ty, exact: &mut [Option<Ty>]) {
    match (param, written) {
        (Ty::Param(i), t) => {
            if let Some(place) = exact.get_mut(usize::from(*i)) {
                *place = Some(t.clone());
            }
        }
        (Ty::Nullable(p), Ty::Nullable(w)) | (Ty::Array(p), Ty::Array(w)) => {
            name_exactly(p, w, exact);
        }
        (Ty::Class(p, params), Ty::Class(w, args)) if p == w && params.len() == args.len() => {
            for (p, w) in params.iter().zip(args.iter()) {
                name_exactly(p, w, exact);
            }
        }
        _ => {}
    }
}

/// Puts back what is exact, where a bound that was found since would widen it.
fn restore(exact: &[Option<Ty>], found: &mut [Option<Ty>]) {
    for (f, e) in found.iter_mut().zip(exact) {
        if e.is_some() {
            f.clone_from(e);
        }
    }
}

/// Settles the type parameters that depend on none that is open; without such, those that others depend on.
fn settle(params: &[&Ty], open: &[usize], found: &[Option<Ty>], settled: &mut [bool]) {
    let n = settled.len();
    // Whether `i` is given by a lambda that takes `j`.
    let depends = |i: usize, j: usize| {
        open.iter().any(|at| {
            params[*at].delegate().is_some_and(|(inputs, result)| {
                mentions(&result, i) && inputs.iter().any(|t| mentions(t, j))
            })
        })
    };
    let still: Vec<usize> = (0..n).filter(|i| !settled[*i]).collect();
    let free: Vec<usize> = still
        .iter()
        .copied()
        .filter(|i| !still.iter().any(|j| depends(*i, *j)))
        .collect();
    if !free.is_empty() {
        for i in free {
            settled[i] = true;
        }
        return;
    }
    let needed: Vec<usize> = still
        .iter()
        .copied()
        .filter(|j| found[*j].is_some() && still.iter().any(|i| depends(*i, *j)))
        .collect();
    // Without any of those nothing more can be learnt.
    for i in if needed.is_empty() { still } else { needed } {
        settled[i] = true;
    }
}

fn mentions(t: &Ty, i: usize) -> bool {
    match t {
        Ty::Param(p) => usize::from(*p) == i,
        Ty::Nullable(t) | Ty::Array(t) | Ty::Rectangular(t, _) => mentions(t, i),
        Ty::Class(_, args) => args.iter().any(|t| mentions(t, i)),
        Ty::Tuple(t) => t.items.iter().any(|(_, t)| mentions(t, i)),
        _ => false,
    }
}

fn mentions_open(t: &Ty, settled: &[bool]) -> bool {
    settled
        .iter()
        .enumerate()
        .any(|(i, s)| !*s && mentions(t, i))
}

/// The type with everything inferred, if all is.
fn known(t: &Ty, found: &[Option<Ty>]) -> Option<Ty> {
    if !t.has_params() {
        return Some(t.clone());
    }
    let args: Vec<Ty> = found
        .iter()
        .enumerate()
        .map(|(i, f)| f.clone().unwrap_or(Ty::Param(i as u8)))
        .collect();
    let out = t.substitute(&args);
    (!out.has_params()).then_some(out)
}

/// Learns from a parameter type and the argument's type.
pub(super) fn unify(param: &Ty, arg: &Ty, found: &mut [Option<Ty>]) {
    if matches!(arg, Ty::Null | Ty::Unknown | Ty::Void) {
        return;
    }
    match param {
        Ty::Param(i) => {
            let Some(place) = found.get_mut(usize::from(*i)) else {
                return;
            };
            match place {
                None => *place = Some(arg.clone()),
                // Two bounds: the one that the other converts to.
                Some(t)
                    if *t != *arg
                        && implicit(t, arg, None).is_some()
                        && implicit(arg, t, None).is_none() =>
                {
                    *place = Some(arg.clone())
                }
                Some(_) => {}
            }
        }
        Ty::Nullable(p) => unify(p, arg.plain(), found),
        Ty::Array(p) => {
            if let Ty::Array(a) = arg {
                unify(p, a, found);
            }
        }
        Ty::Tuple(p) => {
            if let Ty::Tuple(a) = arg
                && a.items.len() == p.items.len()
            {
                for ((_, p), (_, a)) in p.items.iter().zip(&a.items) {
                    unify(p, a, found);
                }
            }
        }
        // It is a sequence of tokens and one of pairs, of which C# takes neither.
        Ty::Class("IEnumerable", _) if arg.is_class("JObject") => {}
        Ty::Class(name, params) if !params.is_empty() => {
            for t in table().lineage(arg) {
                if let Ty::Class(n, args) = &t
                    && n == name
                    && args.len() == params.len()
                {
                    for (p, a) in params.iter().zip(args.iter()) {
                        unify(p, a, found);
                    }
                    return;
                }
            }
        }
        _ => {}
    }
}
