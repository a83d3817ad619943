//! Lambdas, local functions, and methods used as values.

use super::names::Named;
use super::{B, Binder, Bound, Function, Returns};
use crate::expr::ast::{Arg, ArgValue, Body, Expr, Ident, Kind, Param};
use crate::expr::ir::{Code, Frame, Ir, Lambda};
use crate::expr::lexer::Fault;
use crate::expr::types::Ty;
use crate::value::Frozen;
use std::sync::Arc;

impl Binder {
    /// Binds a lambda against its inputs; gives also the type of its result. `result` is the wanted one, if known.
    pub(super) fn lambda(
        &mut self,
        e: &Expr,
        params: &[Param],
        body: &Body,
        to: &Ty,
        inputs: &[Ty],
        result: Option<&Ty>,
    ) -> B<(Bound, Ty)> {
        if params.len() != inputs.len() {
            return Err(Fault::new(
                e.at.clone(),
                format!(
                    "the lambda takes {} parameter(s), expected {}",
                    params.len(),
                    inputs.len()
                ),
                "wrong number of parameters",
            ));
        }
        let mut types = Vec::new();
        for (p, input) in params.iter().zip(inputs) {
            if let Some(written) = &p.ty {
                let t = self.resolve(written)?;
                if t != *input && *input != Ty::Unknown {
                    return Err(Fault::new(
                        written.at.clone(),
                        format!("the parameter is `{input}`, not `{t}`"),
                        format!("expected `{input}`"),
                    ));
                }
            }
            types.push(input.clone());
        }
        let names: Vec<&Ident> = params.iter().map(|p| &p.name).collect();
        let (code, frame, captures, given) = self.body(&names, &types, body, result, Vec::new())?;
        let lambda = Lambda {
            ty: to.clone(),
            is_function: false,
            params: params.len() as u32,
            captures,
            frame,
            body: code,
        };
        Ok((Bound::new(Ir::Lambda(Arc::new(lambda)), to.clone()), given))
    }

    #[allow(clippy::type_complexity, reason = "the four parts of a function body")]
    pub(super) fn body(
        &mut self,
        names: &[&Ident],
        types: &[Ty],
        body: &Body,
        result: Option<&Ty>,
        by_ref: Vec<u32>,
    ) -> B<(Code, Frame, Vec<(u32, u32)>, Ty)> {
        let returns = match result {
            Some(t) => Returns::Known(t.clone()),
            None => Returns::Infer(Vec::new()),
        };
        self.functions.push(Function {
            by_ref,
            ..Function::new(returns)
        });
        let receivers = std::mem::take(&mut self.receivers);
        let made = self
            .body_inner(names, types, body, result)
            .map(|(code, ty)| (self.close_by_ref(code, ty == Ty::Void), ty));
        self.receivers = receivers;
        let f = self.functions.pop().expect("pushed above");
        let (code, ty) = made?;
        Ok((code, Frame { shared: f.shared }, f.captures, ty))
    }

    fn body_inner(
        &mut self,
        names: &[&Ident],
        types: &[Ty],
        body: &Body,
        result: Option<&Ty>,
    ) -> B<(Code, Ty)> {
        for (n, t) in names.iter().zip(types) {
            self.declare(&n.text, t.clone(), &n.at)?;
        }
        match body {
            Body::Expr(e) => match result {
                Some(Ty::Void) => {
                    if !is_statement(e) {
                        return Err(Fault::new(
                            e.at.clone(),
                            "only assignment, call, increment and `new` can stand as a statement",
                            "this value is not used",
                        ));
                    }
                    let b = self.value(e)?;
                    Ok((Code::Expr(b.ir), Ty::Void))
                }
                Some(t) => Ok((Code::Expr(self.value_as(e, t)?.ir), t.clone())),
                None => {
                    let b = self.value(e)?;
                    Ok((Code::Expr(b.ir), b.ty))
                }
            },
            Body::Block(list) => {
                let before = self.faults.len();
                let (block, open) = self.block(list);
                if self.faults.len() > before {
                    // The first fault of the body is the lambda's; the rest would only repeat.
                    let fault = self.faults.drain(before..).next();
                    if let Some(f) = fault {
                        return Err(f);
                    }
                }
                let returns =
                    std::mem::replace(&mut self.function().returns, Returns::Known(Ty::Void));
                let at = list.last().map_or(0..1, |s| s.at.clone());
                let ty = match returns {
                    Returns::Infer(given) => match common(&given) {
                        Some(t) => t,
                        None => return Err(apart(&given, at)),
                    },
                    Returns::Known(t) => t,
                    Returns::Target(_) => Ty::Void,
                };
                if open && ty != Ty::Void {
                    return Err(Fault::new(
                        at,
                        "not every path of the function returns a value",
                        "the end is reached here without `return`",
                    ));
                }
                Ok((Code::Block(block), ty))
            }
        }
    }

    /// A method used where a delegate is wanted: becomes the lambda that calls it.
    pub(super) fn method_group(&mut self, e: &Expr, to: &Ty) -> B<Option<Bound>> {
        if !matches!(self.speculate(|b| b.named(e)), Ok(Named::Methods { .. })) {
            return Ok(None);
        }
        let Some((inputs, result)) = to.delegate() else {
            return Ok(None);
        };
        let (params, call) = eta(e, inputs.len());
        self.lambda(
            e,
            &params,
            &Body::Expr(Box::new(call)),
            to,
            &inputs,
            Some(&result),
        )
        .map(|(b, _)| Some(b))
    }

    /// Result of a method group on inputs.
    pub(super) fn group_result(&mut self, e: &Expr, inputs: &[Ty]) -> B<Ty> {
        let (params, call) = eta(e, inputs.len());
        self.lambda(
            e,
            &params,
            &Body::Expr(Box::new(call)),
            &Ty::Object,
            inputs,
            None,
        )
        .map(|(_, t)| t)
    }
}

/// Whether an expression can be the body of a lambda that returns nothing.
fn is_statement(e: &Expr) -> bool {
    match &e.kind {
        Kind::Assign(..) | Kind::Call(..) | Kind::Step(..) | Kind::New(..) | Kind::Throw(_) => true,
        Kind::NullConditional(_, rest) => is_statement(rest),
        _ => false,
    }
}

/// Parameters that cannot be written.
pub(super) fn unnamed(e: &Expr, n: usize) -> Vec<Param> {
    let ident = |i: usize| Ident {
        at: e.at.clone(),
        text: format!("<{i}>").into(),
    };
    (0..n).map(|i| Param::plain(None, ident(i))).collect()
}

/// `(a, b) => Method(a, b)`.
fn eta(e: &Expr, n: usize) -> (Vec<Param>, Expr) {
    let ident = |i: usize| Ident {
        at: e.at.clone(),
        text: format!("<{i}>").into(),
    };
    let params = unnamed(e, n);
    let args = (0..n)
        .map(|i| Arg {
            name: None,
            value: ArgValue::Expr(Expr {
                at: e.at.clone(),
                kind: Kind::Name(ident(i), Vec::new()),
            }),
        })
        .collect();
    (
        params,
        Expr {
            at: e.at.clone(),
            kind: Kind::Call(Box::new(e.clone()), args),
        },
    )
}

/// The type that authors know, of a type that only tells which message a value belongs to.
pub(super) fn shown(t: &Ty) -> Option<Ty> {
    if t.is_class("ContextResponse") {
        return Some(Ty::class("IResponse"));
    }
    either_body(t, t)
}

/// The type of one of two messages' bodies. Authors know one type of body; ours are two, which tell the message.
pub(super) fn either_body(a: &Ty, b: &Ty) -> Option<Ty> {
    let of = |t: &Ty| {
        ["RequestBody", "ResponseBody"]
            .iter()
            .any(|n| t.is_class(n))
    };
    (of(a) && of(b)).then(|| Ty::class("IMessageBody"))
}

/// The type of values that are bodies of both messages.
pub(super) fn only_bodies(list: &[(Ty, Option<Frozen>)]) -> Option<Ty> {
    let (first, _) = list.first()?;
    let mut all = list.iter().map(|(t, _)| either_body(first, t));
    all.next().filter(|_| all.all(|t| t.is_some())).flatten()
}

/// The type that all others convert to; `None` without one. Of nothing it is nothing, of `null` alone `null`.
fn common(list: &[(Ty, Option<Frozen>)]) -> Option<Ty> {
    for alone in [Ty::Void, Ty::Null] {
        if list.iter().all(|(t, _)| *t == alone) {
            return Some(alone);
        }
    }
    let mut best: Option<Ty> = None;
    for (t, _) in list {
        let fits = list
            .iter()
            .all(|(other, c)| super::convert::implicit(other, t, c.as_ref()).is_some());
        if fits && *t != Ty::Null && best.as_ref().is_none_or(|b| *b == Ty::Unknown) {
            best = Some(t.clone());
        }
    }
    best.or_else(|| only_bodies(list))
}

/// Values of types that none of them has all others convert to: C# infers nothing from such a lambda (CS0411).
fn apart(list: &[(Ty, Option<Frozen>)], at: std::ops::Range<usize>) -> Fault {
    let mut types: Vec<String> = list.iter().map(|(t, _)| format!("`{t}`")).collect();
    types.dedup();
    Fault::new(
        at,
        format!(
            "the values that the lambda returns have no common type: {}",
            types.join(", ")
        ),
        "cast them to one type",
    )
}
