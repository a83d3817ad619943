//! Local functions: signatures, bodies, calls with named, optional, `params`, `ref` and `out` arguments, generics.
//!
//! Called by blocks, which begin with the functions they declare, and by calls. What must stay true: a function with `ref`
//! or `out` parameters gives a tuple of its result and of those parameters, and every call takes it apart; a generic one
//! is bound once for each list of type arguments, in the scope it was declared in.

use super::infer::unify;
use super::{B, Binder, Bound, Local, default_ir};
use crate::expr::ast::{Arg, ArgValue, At, Body, Expr, Ident, Kind, LocalFunction, Pass, TypeRef};
use crate::expr::ir::{Code, Ir, IrStmt, Lambda};
use crate::expr::lexer::Fault;
use crate::expr::types::Ty;
use crate::value::{Frozen, Str};
use std::sync::Arc;

/// Most lists of type arguments that one generic function is bound for.
const MAX_INSTANCES: usize = 16;

/// What a call of a local function needs to know.
#[derive(Debug)]
pub(super) struct Signature {
    function: LocalFunction,
    /// In the function's own type parameters when it is generic.
    types: Vec<Ty>,
    defaults: Vec<Option<Frozen>>,
    result: Ty,
}

impl Signature {
    fn by_ref(&self) -> bool {
        let by_ref = |p: &crate::expr::ast::Param| matches!(p.pass, Pass::Ref | Pass::Out);
        self.function.params.iter().any(by_ref)
    }

    fn generic(&self) -> bool {
        !self.function.generics.is_empty()
    }

    /// Result of the code: with the parameters that go back.
    fn given(&self, types: &[Ty]) -> Ty {
        let result = self.result.substitute(types);
        if !self.by_ref() {
            return result;
        }
        let first = if result == Ty::Void {
            Ty::Object
        } else {
            result
        };
        let back = self.function.params.iter().zip(&self.types);
        let back = back
            .filter(|(p, _)| matches!(p.pass, Pass::Ref | Pass::Out))
            .map(|(_, t)| (None, t.substitute(types)));
        Ty::tuple(std::iter::once((None, first)).chain(back).collect())
    }
}

/// Delegate type with those parameters and result.
fn delegate(types: &[Ty], result: &Ty) -> Ty {
    if *result == Ty::Void {
        return Ty::generic("Action", types.to_vec());
    }
    let mut all = types.to_vec();
    all.push(result.clone());
    Ty::generic("Func", all)
}

impl Binder {
    /// Makes the name of a local function known in its block.
    pub(super) fn declare_function(&mut self, f: &LocalFunction) -> B<u32> {
        let outer = self.generics.len();
        for (i, g) in f.generics.iter().enumerate() {
            self.generics.push((g.text.clone(), Ty::Param(i as u8)));
        }
        let signature = self.signature(f);
        self.generics.truncate(outer);
        let signature = signature?;
        let ty = if signature.generic() || signature.by_ref() {
            Ty::Unknown
        } else {
            delegate(&signature.types, &signature.result)
        };
        let slot = self.declare(&f.name.text, ty, &f.name.at)?;
        if let Some(l) = self.local_mut(slot) {
            l.function = Some(Arc::new(signature));
            l.fixed = true;
        }
        Ok(slot)
    }

    fn local_mut(&mut self, slot: u32) -> Option<&mut Local> {
        let scopes = &mut self.function().scopes;
        scopes.iter_mut().flatten().find(|l| l.slot == slot)
    }

    fn signature(&mut self, f: &LocalFunction) -> B<Signature> {
        let result = self.resolve(&f.result)?;
        let (mut types, mut defaults) = (Vec::new(), Vec::new());
        for p in &f.params {
            let ty = match &p.ty {
                Some(t) => self.resolve(t)?,
                None => Ty::Object,
            };
            defaults.push(match &p.default {
                Some(e) => {
                    let b = self.value_as(e, &ty)?;
                    let constant = b.constant().or_else(|| {
                        // `default` of a type that no constant can be.
                        matches!(e.kind, Kind::Default(_)).then_some(Frozen::Null)
                    });
                    match constant {
                        Some(c) => Some(c),
                        None => {
                            return Err(Fault::new(
                                e.at.clone(),
                                "the default of a parameter must be constant",
                                "known only at run time",
                            ));
                        }
                    }
                }
                None => None,
            });
            types.push(ty);
        }
        Ok(Signature {
            function: f.clone(),
            types,
            defaults,
            result,
        })
    }

    /// Binds the body of a local function; its block will begin with it. A generic one waits for its calls.
    pub(super) fn define_function(&mut self, f: &LocalFunction) -> B<()> {
        let Some(local) = self.lookup(&f.name.text) else {
            return Ok(());
        };
        let Some(signature) = local.function.filter(|s| !s.generic()) else {
            return Ok(());
        };
        let code = self.function_body(&signature, &[])?;
        let scope = self.function().scopes.len() - 1;
        self.function().hoisted.push((scope, local.slot, code));
        Ok(())
    }

    fn function_body(&mut self, signature: &Signature, args: &[Ty]) -> B<Arc<Lambda>> {
        let f = &signature.function;
        let types: Vec<Ty> = signature.types.iter().map(|t| t.substitute(args)).collect();
        let result = signature.result.substitute(args);
        let outer = self.generics.len();
        for (g, t) in f.generics.iter().zip(args) {
            self.generics.push((g.text.clone(), t.clone()));
        }
        let names: Vec<&Ident> = f.params.iter().map(|p| &p.name).collect();
        // Parameters have the first slots of the body's frame.
        let by_ref: Vec<u32> = f
            .params
            .iter()
            .enumerate()
            .filter(|(_, p)| matches!(p.pass, Pass::Ref | Pass::Out))
            .map(|(i, _)| i as u32)
            .collect();
        let made = self.body(&names, &types, &f.body, Some(&result), by_ref);
        self.generics.truncate(outer);
        let (code, frame, captures, _) = made?;
        Ok(Arc::new(Lambda {
            ty: delegate(&types, &signature.given(args)),
            is_function: true,
            params: types.len() as u32,
            captures,
            frame,
            body: code,
        }))
    }

    /// What a function with `ref` or `out` parameters gives in place of its result.
    pub(super) fn with_by_ref(&mut self, result: Option<Ir>) -> Option<Ir> {
        let slots = self.function().by_ref.clone();
        if slots.is_empty() {
            return result;
        }
        let mut list = vec![result.unwrap_or(Ir::Const(Frozen::Null))];
        list.extend(slots.iter().map(|s| Ir::Local(*s)));
        let ty = Ty::tuple(list.iter().map(|_| (None, Ty::Object)).collect());
        Some(Ir::Record(ty, list))
    }

    /// The code of a body with what goes back at its end.
    pub(super) fn close_by_ref(&mut self, code: Code, void: bool) -> Code {
        if self.function().by_ref.is_empty() {
            return code;
        }
        match code {
            Code::Expr(ir) if void => {
                let back = self.with_by_ref(None);
                Code::Block(vec![IrStmt::Expr(ir), IrStmt::Return(back)])
            }
            Code::Expr(ir) => match self.with_by_ref(Some(ir)) {
                Some(ir) => Code::Expr(ir),
                None => Code::Block(Vec::new()),
            },
            Code::Block(mut list) => {
                if void {
                    list.push(IrStmt::Return(self.with_by_ref(None)));
                }
                Code::Block(list)
            }
        }
    }

    /// Calls a local function.
    pub(super) fn call_function(
        &mut self,
        local: &Local,
        signature: &Arc<Signature>,
        name: &Ident,
        types: &[TypeRef],
        args: &[Arg],
        at: &At,
    ) -> B<Bound> {
        let places = self.places_of(signature, args, at)?;
        let (slot, type_args) = if signature.generic() {
            let type_args = self.type_args(signature, types, args, &places, name)?;
            (self.instance(signature, name, &type_args)?, type_args)
        } else {
            (local.slot, Vec::new())
        };
        let params = &signature.function.params;
        let wants: Vec<Ty> = signature
            .types
            .iter()
            .map(|t| t.substitute(&type_args))
            .collect();
        let mut values: Vec<Option<Ir>> = params.iter().map(|_| None).collect();
        let mut rest: Vec<Ir> = Vec::new();
        let mut temporaries = Vec::new();
        let mut back = Vec::new();
        let expanded = self.is_expanded(signature, &wants, args, &places);
        for (a, place) in args.iter().zip(&places) {
            let want = &wants[*place];
            let pass = params[*place].pass;
            let ir = match (&a.value, pass) {
                (ArgValue::Expr(e), Pass::Params) if expanded => {
                    let Ty::Array(item) = want else {
                        return Err(super::mismatch(want, &Ty::array(Ty::Object), &e.at));
                    };
                    let ir = self.value_as(e, &item.clone())?.ir;
                    let kept = self.slot();
                    temporaries.push((kept, ir));
                    rest.push(Ir::Local(kept));
                    continue;
                }
                (ArgValue::Expr(e), Pass::Value | Pass::Params) => self.value_as(e, want)?.ir,
                (ArgValue::Out(e), Pass::Ref | Pass::Out) => {
                    let (to, ty) = self.place(e, &e.at, &mut temporaries)?;
                    if ty != *want && ty != Ty::Unknown {
                        return Err(Fault::new(
                            e.at.clone(),
                            format!("`ref` and `out` need a variable of type `{want}`, not `{ty}`"),
                            format!("expected `{want}`"),
                        ));
                    }
                    let now = self.load(&to, &e.at)?.ir;
                    back.push((*place, to, ty));
                    now
                }
                (ArgValue::OutVar(ty, n), Pass::Out) => {
                    if let Some(t) = ty {
                        let t = self.resolve(t)?;
                        if t != *want {
                            return Err(super::mismatch(want, &t, &n.at));
                        }
                    }
                    let own = self.declare_unsure(&n.text, want.clone(), &n.at)?;
                    let to = super::assign::Place::Local(own, want.clone());
                    back.push((*place, to, want.clone()));
                    default_ir(want)
                }
                _ => {
                    return Err(Fault::new(
                        at.clone(),
                        format!(
                            "argument {} of `{}` is passed another way",
                            place + 1,
                            name.text
                        ),
                        "`ref` or `out` is missing or too much",
                    ));
                }
            };
            let kept = self.slot();
            temporaries.push((kept, ir));
            values[*place] = Some(Ir::Local(kept));
        }
        let mut list = Vec::new();
        for (i, value) in values.into_iter().enumerate() {
            list.push(match value {
                Some(ir) => ir,
                None if params[i].pass == Pass::Params => {
                    Ir::NewArray(wants[i].clone(), std::mem::take(&mut rest))
                }
                None => match signature.defaults[i].clone() {
                    Some(Frozen::Text(s)) => Ir::Text(s),
                    Some(Frozen::Null) => default_ir(&wants[i]),
                    Some(c) => Ir::Const(c),
                    None => {
                        return Err(Fault::new(
                            at.clone(),
                            format!(
                                "argument `{}` of `{}` is missing",
                                params[i].name.text, name.text
                            ),
                            format!("expected `{}`", wants[i]),
                        ));
                    }
                },
            });
        }
        let result = signature.result.substitute(&type_args);
        let call = Ir::Invoke(Box::new(Ir::Local(slot)), list);
        if !signature.by_ref() {
            return Ok(Bound::new(Ir::Let(temporaries, Box::new(call)), result));
        }
        let all = self.slot();
        temporaries.push((all, call));
        let order: Vec<usize> = (0..params.len())
            .filter(|i| matches!(params[*i].pass, Pass::Ref | Pass::Out))
            .collect();
        let mut stores = Vec::new();
        for (place, to, ty) in back {
            let i = order.iter().position(|p| *p == place).unwrap_or(0) as u32 + 1;
            let value = Bound::new(Ir::Field(i, Box::new(Ir::Local(all))), ty);
            stores.push(self.store(to, value, at)?);
        }
        stores.push(Ir::Field(0, Box::new(Ir::Local(all))));
        Ok(Bound::new(
            Ir::Let(temporaries, Box::new(Ir::Sequence(stores))),
            result,
        ))
    }

    /// For each argument its parameter.
    fn places_of(&self, signature: &Signature, args: &[Arg], at: &At) -> B<Vec<usize>> {
        let params = &signature.function.params;
        let name = &signature.function.name.text;
        let variadic = params.last().is_some_and(|p| p.pass == Pass::Params);
        let mut out: Vec<usize> = Vec::new();
        for (i, a) in args.iter().enumerate() {
            let place = match &a.name {
                Some(n) => params
                    .iter()
                    .position(|p| p.name.text == n.text)
                    .ok_or_else(|| {
                        Fault::new(
                            n.at.clone(),
                            format!("`{name}` has no parameter `{}`", n.text),
                            "unknown parameter",
                        )
                    })?,
                None if variadic && i + 1 >= params.len() => params.len() - 1,
                None => i,
            };
            let twice = out.contains(&place) && !(variadic && place + 1 == params.len());
            if place >= params.len() || twice {
                return Err(Fault::new(
                    at.clone(),
                    format!(
                        "`{name}` takes {} argument(s), not {}",
                        params.len(),
                        args.len()
                    ),
                    "wrong arguments",
                ));
            }
            out.push(place);
        }
        Ok(out)
    }

    /// Whether the last arguments are items of the `params` array, not the array itself.
    fn is_expanded(
        &mut self,
        signature: &Signature,
        wants: &[Ty],
        args: &[Arg],
        places: &[usize],
    ) -> bool {
        let params = &signature.function.params;
        if params.last().is_none_or(|p| p.pass != Pass::Params) {
            return false;
        }
        let mut last = args
            .iter()
            .zip(places)
            .filter(|(_, p)| **p + 1 == params.len());
        let (Some((only, place)), None) = (last.next(), last.next()) else {
            return true;
        };
        match &only.value {
            ArgValue::Expr(e) => {
                let want = wants[*place].clone();
                self.speculate(|b| b.value_as(e, &want)).is_err()
            }
            _ => false,
        }
    }

    /// Type arguments as written, or inferred from the arguments.
    fn type_args(
        &mut self,
        signature: &Signature,
        written: &[TypeRef],
        args: &[Arg],
        places: &[usize],
        name: &Ident,
    ) -> B<Vec<Ty>> {
        let count = signature.function.generics.len();
        if !written.is_empty() {
            if written.len() != count {
                return Err(Fault::new(
                    name.at.clone(),
                    format!("`{}` takes {count} type argument(s)", name.text),
                    "wrong number of type arguments",
                ));
            }
            return written.iter().map(|t| self.resolve(t)).collect();
        }
        let mut found: Vec<Option<Ty>> = vec![None; count];
        for (a, place) in args.iter().zip(places) {
            let e = match &a.value {
                ArgValue::Expr(e) | ArgValue::Out(e) => e,
                ArgValue::OutVar(..) => continue,
            };
            if super::call::is_open(e) {
                continue;
            }
            let ty = self.speculate(|b| b.value(e))?.ty;
            let param = &signature.types[*place];
            match param {
                Ty::Array(item)
                    if signature.function.params[*place].pass == Pass::Params
                        && !matches!(ty, Ty::Array(_)) =>
                {
                    unify(item, &ty, &mut found);
                }
                _ => unify(param, &ty, &mut found),
            }
        }
        // Lambdas give the rest, as soon as their inputs are known.
        for (a, place) in args.iter().zip(places) {
            if let ArgValue::Expr(e) = &a.value
                && let Kind::Lambda(params, body) = &e.kind
                && let Some((inputs, result)) = signature.types[*place].delegate()
            {
                let known: Vec<Ty> = found
                    .iter()
                    .enumerate()
                    .map(|(i, t)| t.clone().unwrap_or(Ty::Param(i as u8)))
                    .collect();
                let inputs: Vec<Ty> = inputs.iter().map(|t| t.substitute(&known)).collect();
                if inputs.iter().any(Ty::has_params) {
                    continue;
                }
                let given =
                    self.speculate(|b| b.lambda(e, params, body, &Ty::Object, &inputs, None));
                if let Ok((_, ty)) = given {
                    unify(&result, &ty, &mut found);
                }
            }
        }
        found
            .into_iter()
            .collect::<Option<Vec<Ty>>>()
            .ok_or_else(|| {
                Fault::new(
                    name.at.clone(),
                    format!("the type arguments of `{}` cannot be inferred", name.text),
                    "give them: `Name<T>(…)`",
                )
            })
    }

    /// The slot of a generic function for some type arguments; binds its body on first use.
    fn instance(&mut self, signature: &Signature, name: &Ident, args: &[Ty]) -> B<u32> {
        let owner = |f: &super::Function, text: &Str| {
            f.scopes
                .iter()
                .rposition(|s| s.iter().any(|l| l.name == *text))
        };
        let found = self
            .functions
            .iter()
            .enumerate()
            .rev()
            .find_map(|(depth, f)| owner(f, &name.text).map(|scope| (depth, scope)));
        let Some((depth, scope)) = found else {
            return Err(Fault::new(
                name.at.clone(),
                format!("unknown name `{}`", name.text),
                "not declared",
            ));
        };
        let place = |b: &mut Binder| -> Option<usize> {
            b.functions[depth].scopes[scope]
                .iter()
                .position(|l| l.name == name.text)
        };
        let Some(index) = place(self) else {
            return Ok(0);
        };
        let known = self.functions[depth].scopes[scope][index]
            .instances
            .iter()
            .find(|(types, _)| types == args)
            .map(|(_, slot)| *slot);
        let slot = match known {
            Some(slot) => slot,
            None => {
                if self.functions[depth].scopes[scope][index].instances.len() >= MAX_INSTANCES {
                    return Err(Fault::new(
                        name.at.clone(),
                        format!(
                            "`{}` is used with more than {MAX_INSTANCES} types",
                            name.text
                        ),
                        "too many",
                    ));
                }
                self.functions[depth].shared.push(false);
                let slot = (self.functions[depth].shared.len() - 1) as u32;
                self.functions[depth].scopes[scope][index]
                    .instances
                    .push((args.to_vec(), slot));
                // The body sees what its own block sees, not what the call sees.
                let inner_functions = self.functions.split_off(depth + 1);
                let inner_scopes = self.functions[depth].scopes.split_off(scope + 1);
                let inner_closed = self.functions[depth].closed.split_off(scope + 1);
                let made = self.function_body(signature, args);
                self.functions[depth].scopes.extend(inner_scopes);
                self.functions[depth].closed.extend(inner_closed);
                self.functions.extend(inner_functions);
                self.functions[depth].hoisted.push((scope, slot, made?));
                slot
            }
        };
        let mut own = slot;
        for level in depth + 1..self.functions.len() {
            own = self.capture(level, own);
        }
        Ok(own)
    }

    /// Calls a delegate.
    pub(super) fn invoke(&mut self, f: Bound, target: &Expr, args: &[Arg], at: &At) -> B<Bound> {
        if f.ty == Ty::Unknown {
            return Ok(f);
        }
        let Some((params, result)) = f.ty.delegate() else {
            return Err(not_invocable(&f.ty, target, at));
        };
        if params.len() != args.len() {
            return Err(Fault::new(
                at.clone(),
                format!(
                    "expected {} argument(s), found {}",
                    params.len(),
                    args.len()
                ),
                "wrong number of arguments",
            ));
        }
        let mut out = Vec::new();
        for (a, p) in args.iter().zip(&params) {
            match &a.value {
                ArgValue::Expr(e) => out.push(self.value_as(e, p)?.ir),
                ArgValue::Out(e) => {
                    return Err(Fault::new(
                        e.at.clone(),
                        "`out` and `ref` are not available here",
                        "expected a value",
                    ));
                }
                ArgValue::OutVar(_, n) => {
                    return Err(Fault::new(
                        n.at.clone(),
                        "`out` is not available here",
                        "expected a value",
                    ));
                }
            }
        }
        Ok(Bound::new(Ir::Invoke(Box::new(f.ir), out), result))
    }

    /// `delegate { … }`: takes the parameters of the delegate without naming them.
    pub(super) fn anonymous_method(
        &mut self,
        e: &Expr,
        body: &[crate::expr::ast::Stmt],
        to: &Ty,
    ) -> B<Bound> {
        let Some((inputs, result)) = to.delegate() else {
            return Err(Fault::new(
                e.at.clone(),
                format!("an anonymous method is not a `{to}`"),
                format!("expected `{to}`"),
            ));
        };
        let params = super::lambda::unnamed(e, inputs.len());
        let body = Body::Block(body.to_vec());
        self.lambda(e, &params, &body, to, &inputs, Some(&result))
            .map(|(b, _)| b)
    }
}

/// What a C# compiler says of `Headers("a")`.
fn not_invocable(ty: &Ty, target: &Expr, at: &At) -> Fault {
    let Kind::Member(_, name, _) = &target.kind else {
        return Fault::new(
            at.clone(),
            format!("`{ty}` cannot be called"),
            "neither a method nor a delegate",
        );
    };
    let fault = Fault::new(
        at.clone(),
        format!(
            "non-invocable member `{}` cannot be used like a method",
            name.text
        ),
        format!("this is `{ty}`"),
    );
    if crate::expr::table::table().lineage(ty).iter().any(indexed) {
        return fault.help(format!("take an item: `{}[…]`", name.text));
    }
    fault.help("leave the brackets out")
}

/// Whether a type of a lineage has an indexer.
fn indexed(ty: &Ty) -> bool {
    use crate::expr::table::{MemberKind, table};
    ty.as_array().is_some()
        || table()
            .of(ty)
            .is_some_and(|t| t.members.iter().any(|m| m.kind == MemberKind::Index))
}
