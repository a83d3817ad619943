//! Expressions of every kind: the dispatch of the binder.

use super::{B, Binder, Bound, default_ir};
use crate::expr::ast::{At, Expr, Kind, Literal, Pattern, Piece};
use crate::expr::ir::{Call, Ir, IrPiece};
use crate::expr::lexer::{Fault, Suffix};
use crate::expr::table::types::type_of;
use crate::expr::types::Ty;
use crate::value::{Frozen, Str};

impl Binder {
    /// Binds an expression that must have a value.
    pub(super) fn value(&mut self, e: &Expr) -> B<Bound> {
        self.tick(&e.at)?;
        match &e.kind {
            Kind::Literal(l) => literal(l, &e.at),
            Kind::Interpolated(pieces) => self.interpolated(pieces),
            Kind::Name(..) | Kind::Member(..) | Kind::Type(_) => self.name_value(e),
            Kind::Receiver => match self.receivers.last() {
                Some((slot, ty)) => Ok(Bound::new(Ir::Local(*slot), ty.clone())),
                None => Err(Fault::new(
                    e.at.clone(),
                    "unexpected `?.`",
                    "nothing stands before it",
                )),
            },
            Kind::Call(target, args) => self.call(e, target, args),
            Kind::Index(of, args) => self.index(e, of, args),
            Kind::NullConditional(of, rest) => self.null_conditional(of, rest),
            Kind::New(ty, args, init) => self.create(e, ty, args, init.as_ref()),
            Kind::NewArray(ty, sizes, items) => {
                self.create_array(e, ty.as_ref(), sizes, items.as_deref())
            }
            Kind::Anonymous(fields) => self.anonymous(e, fields),
            Kind::Tuple(items) => self.tuple(items, None),
            Kind::Declare(_, name) => Err(Fault::new(
                e.at.clone(),
                format!("`{}` cannot be declared here", name.text),
                "expected a value",
            )),
            Kind::Cast(ty, operand) => {
                let to = self.resolve(ty)?;
                if matches!(operand.kind, Kind::Lambda(..)) {
                    return self.value_as(operand, &to);
                }
                let b = self.value(operand)?;
                let b = self.cast(b, &to, &e.at)?;
                Ok(self.fold(b))
            }
            Kind::Unary(op, operand) => self.unary(op, operand, &e.at),
            Kind::Binary(first, rest) => self.binary(first, rest, &e.at),
            Kind::Coalesce(a, b) => self.coalesce(a, b, &e.at),
            Kind::Assign(op, left, right) => self.assign(op, left, right, &e.at),
            Kind::Step(op, prefix, operand) => self.step(op, *prefix, operand, &e.at),
            Kind::Conditional(test, yes, no) => self.conditional(test, yes, no, &e.at),
            Kind::Is(of, pattern) => {
                let b = self.value(of)?;
                let slot = self.slot();
                let ty = b.ty.clone();
                let test = self.pattern(slot, &ty, pattern, &e.at)?;
                Ok(Bound::new(
                    Ir::Let(vec![(slot, b.ir)], Box::new(test)),
                    Ty::Bool,
                ))
            }
            Kind::As(of, ty) => {
                let to = self.resolve(ty)?;
                if to.is_value() {
                    return Err(Fault::new(
                        ty.at.clone(),
                        format!("`as` needs a type that can be null, not `{to}`"),
                        "never null",
                    )
                    .help(format!("write `as {to}?`")));
                }
                let b = self.value(of)?;
                if b.ty != Ty::Null && b.ty != Ty::Unknown && b.ty != Ty::Object {
                    // As in C#: a conversion that can never succeed is a fault.
                    let possible = crate::expr::eval::types::derives(&b.ty, &to)
                        || crate::expr::eval::types::derives(&to, &b.ty)
                        || is_interface(&b.ty)
                        || is_interface(&to);
                    if !possible {
                        return Err(Fault::new(
                            e.at.clone(),
                            format!("`{}` can never be `{to}`", b.ty),
                            format!("this is `{}`", b.ty),
                        ));
                    }
                }
                self.note_read_through(&b.ty);
                Ok(Bound::new(Ir::As(to.clone(), Box::new(b.ir)), to))
            }
            Kind::Lambda(..) => Err(Fault::new(
                e.at.clone(),
                "a lambda needs a delegate type here",
                "its type is not known",
            )
            .help("declare the variable as `Func<…>` instead of `var`")),
            Kind::Default(Some(ty)) => {
                let ty = self.resolve(ty)?;
                Ok(Bound::new(default_ir(&ty), ty))
            }
            Kind::Default(None) => Ok(Bound::new(Ir::Const(Frozen::Null), Ty::Null)),
            Kind::TypeOf(of) => {
                let call = Call {
                    run: type_of,
                    member: None,
                    checked: false,
                    args: Vec::new(),
                    types: vec![self.resolve(of)?],
                    outs: Vec::new(),
                };
                Ok(Bound::new(Ir::Call(Box::new(call)), Ty::class("Type")))
            }
            Kind::NameOf(of) => match &of.kind {
                Kind::Name(n, _) | Kind::Member(_, n, _) => {
                    Ok(Bound::new(Ir::Text(n.text.clone()), Ty::String))
                }
                _ => Err(Fault::new(
                    of.at.clone(),
                    "`nameof` needs a name",
                    "expected a name",
                )),
            },
            Kind::Unchecked(of) => {
                self.unchecked += 1;
                let b = self.value(of);
                self.unchecked -= 1;
                b
            }
            Kind::Throw(of) => {
                let b = self.value(of)?;
                let b = self.coerce(b, &Ty::class("Exception"), &of.at)?;
                Ok(Bound::new(Ir::Throw(Box::new(b.ir)), Ty::Null))
            }
        }
    }

    fn note_read_through(&mut self, from: &Ty) {
        if from.is_class("ContextResponse") {
            self.response_escapes = true;
        }
    }

    /// Binds an expression where a type is wanted: lambdas and `default` take it, the rest is converted.
    pub(super) fn value_as(&mut self, e: &Expr, to: &Ty) -> B<Bound> {
        match &e.kind {
            Kind::Lambda(params, body) => {
                self.tick(&e.at)?;
                let Some((inputs, result)) = to.delegate() else {
                    return Err(Fault::new(
                        e.at.clone(),
                        format!("a lambda is not a `{to}`"),
                        format!("expected `{to}`"),
                    ));
                };
                self.lambda(e, params, body, to, &inputs, Some(&result))
                    .map(|(b, _)| b)
            }
            Kind::Default(None) => Ok(Bound::new(default_ir(to), to.clone())),
            Kind::Tuple(items) => {
                let wanted = to.plain().parts().filter(|p| p.len() == items.len());
                match wanted {
                    Some(w) if matches!(to.plain(), Ty::Tuple(_)) => {
                        let b = self.tuple(items, Some(&w))?;
                        self.coerce(b, to, &e.at)
                    }
                    _ => {
                        let b = self.tuple(items, None)?;
                        self.coerce(b, to, &e.at)
                    }
                }
            }
            Kind::Conditional(test, yes, no)
                if to.delegate().is_some() || matches!(no.kind, Kind::Throw(_)) =>
            {
                let test = self.condition(test)?;
                let yes = self.value_as(yes, to)?;
                let no = self.value_as(no, to)?;
                Ok(Bound::new(
                    Ir::If(Box::new(test), Box::new(yes.ir), Box::new(no.ir)),
                    to.clone(),
                ))
            }
            Kind::Name(..) | Kind::Member(..) if to.delegate().is_some() => {
                match self.method_group(e, to)? {
                    Some(b) => Ok(b),
                    None => {
                        let b = self.value(e)?;
                        self.coerce(b, to, &e.at)
                    }
                }
            }
            _ => {
                let b = self.value(e)?;
                self.coerce(b, to, &e.at)
            }
        }
    }

    /// A `bool`.
    pub(super) fn condition(&mut self, e: &Expr) -> B<Ir> {
        let b = self.value(e)?;
        self.coerce(b, &Ty::Bool, &e.at).map(|b| b.ir).map_err(|f| {
            if f.help.is_some() {
                f
            } else {
                f.help("a condition needs `true` or `false`; compare with something")
            }
        })
    }

    fn interpolated(&mut self, pieces: &[Piece]) -> B<Bound> {
        let mut out = Vec::new();
        for p in pieces {
            out.push(match p {
                Piece::Text(t) => IrPiece::Text(Str::from(t.as_str())),
                Piece::Hole(e, width, format) => {
                    let b = self.value(e)?;
                    if b.ty == Ty::Void {
                        return Err(super::no_value(&e.at));
                    }
                    self.note_escape_to_object(&b.ty);
                    IrPiece::Hole(b.ir, *width, format.clone())
                }
            });
        }
        // Without holes it is a constant; without alignment and format a concatenation.
        let plain = out
            .iter()
            .all(|p| matches!(p, IrPiece::Text(_) | IrPiece::Hole(_, 0, None)));
        if !plain {
            return Ok(Bound::new(Ir::Interpolate(out), Ty::String));
        }
        let list: Vec<Ir> = out
            .into_iter()
            .map(|p| match p {
                IrPiece::Text(t) => Ir::Text(t),
                IrPiece::Hole(ir, ..) => ir,
            })
            .collect();
        Ok(self.fold(Bound::new(Ir::Concat(list), Ty::String)))
    }

    fn note_escape_to_object(&mut self, ty: &Ty) {
        if ty.is_class("ContextResponse") {
            self.response_escapes = true;
        }
    }

    fn null_conditional(&mut self, of: &Expr, rest: &Expr) -> B<Bound> {
        let b = self.value(of)?;
        if b.ty.is_value() {
            return Err(Fault::new(
                of.at.clone(),
                format!("`?.` needs something that can be null, not `{}`", b.ty),
                "never null",
            )
            .help("write `.`"));
        }
        let slot = self.slot();
        self.receivers.push((slot, b.ty.plain().clone()));
        let r = self.value(rest);
        self.receivers.pop();
        let r = r?;
        let ty = if r.ty.is_value() {
            Ty::nullable(r.ty)
        } else {
            r.ty
        };
        Ok(Bound::new(
            Ir::NullConditional(slot, Box::new(b.ir), Box::new(r.ir)),
            ty,
        ))
    }

    /// Test of a pattern on a slot.
    pub(super) fn pattern(&mut self, slot: u32, ty: &Ty, pattern: &Pattern, at: &At) -> B<Ir> {
        match pattern {
            Pattern::Var(name) => {
                let own = self.declare(&name.text, ty.clone(), &name.at)?;
                Ok(Ir::Sequence(vec![
                    Ir::SetLocal(own, Box::new(Ir::Local(slot))),
                    Ir::Const(Frozen::Bool(true)),
                ]))
            }
            Pattern::Constant(e) => {
                let b = self.value(e)?;
                self.constant_pattern(slot, ty, b, &e.at)
            }
            Pattern::Type(written, name) => {
                // A dotted name may be a constant (`Color.Red`).
                let to = match (self.resolve(written), name) {
                    (Ok(t), _) => t,
                    (Err(fault), None) if written.args.is_empty() && written.suffix.is_empty() => {
                        let e = path_expr(written);
                        let b = self.value(&e).map_err(|_| fault)?;
                        return self.constant_pattern(slot, ty, b, &e.at);
                    }
                    (Err(fault), _) => return Err(fault),
                };
                if to.is_nullable() {
                    return Err(Fault::new(
                        written.at.clone(),
                        "a pattern cannot be a nullable type",
                        format!("expected `{}`", to.plain()),
                    ));
                }
                let possible = *ty == Ty::Unknown
                    || *ty.plain() == to
                    || crate::expr::eval::types::derives(ty, &to)
                    || crate::expr::eval::types::derives(&to, ty)
                    || is_interface(ty)
                    || is_interface(&to);
                if !possible && name.is_none() {
                    self.warnings.push(Fault::new(
                        at.clone(),
                        format!("`{ty}` is never `{to}`"),
                        "always false",
                    ));
                    return Ok(Ir::Const(Frozen::Bool(false)));
                }
                if !possible {
                    return Err(Fault::new(
                        at.clone(),
                        format!("`{ty}` can never be `{to}`"),
                        format!("this is `{ty}`"),
                    ));
                }
                self.note_read_through(ty);
                let test = Ir::Is(to.clone(), Box::new(Ir::Local(slot)));
                match name.as_ref().filter(|n| &*n.text != "_") {
                    None => Ok(test),
                    Some(name) => {
                        let own = self.declare(&name.text, to, &name.at)?;
                        let set = Ir::Sequence(vec![
                            Ir::SetLocal(own, Box::new(Ir::Local(slot))),
                            Ir::Const(Frozen::Bool(true)),
                        ]);
                        Ok(Ir::And(vec![test, set]))
                    }
                }
            }
        }
    }

    fn constant_pattern(&mut self, slot: u32, ty: &Ty, b: Bound, at: &At) -> B<Ir> {
        if b.constant().is_none() {
            return Err(Fault::new(
                at.clone(),
                "a pattern must be a constant or a type",
                "expected a constant",
            ));
        }
        let ir = if *ty == Ty::Object || b.ty == Ty::Null || *ty == Ty::Unknown {
            b.ir
        } else {
            self.coerce(b, ty, at)?.ir
        };
        Ok(Ir::Equal(true, Box::new(Ir::Local(slot)), Box::new(ir)))
    }
}

/// A type's path as a member access.
fn path_expr(written: &crate::expr::ast::TypeRef) -> Expr {
    let mut parts = written.path.iter();
    let mut e = match parts.next() {
        Some(first) => Expr {
            at: first.at.clone(),
            kind: Kind::Name(first.clone(), Vec::new()),
        },
        None => Expr {
            at: written.at.clone(),
            kind: Kind::Literal(Literal::Null),
        },
    };
    for p in parts {
        let at = e.at.start..p.at.end;
        e = Expr {
            at,
            kind: Kind::Member(Box::new(e), p.clone(), Vec::new()),
        };
    }
    e
}

pub(super) fn is_interface(ty: &Ty) -> bool {
    crate::expr::table::table()
        .of(ty)
        .is_some_and(|t| t.kind == crate::expr::table::TypeKind::Interface)
}

fn literal(l: &Literal, at: &At) -> B<Bound> {
    let too_large = || {
        Fault::new(
            at.clone(),
            "number is too large for its type",
            "does not fit",
        )
    };
    let (c, ty) = match l {
        Literal::Null => (Frozen::Null, Ty::Null),
        Literal::Bool(b) => (Frozen::Bool(*b), Ty::Bool),
        Literal::Str(s) => return Ok(Bound::new(Ir::Text(s.clone()), Ty::String)),
        Literal::Char(c) => (Frozen::Char(*c), Ty::Char),
        Literal::Int(n, suffix) => {
            let narrow = |n| Frozen::Narrow(n);
            use crate::value::frozen::Narrow;
            match suffix {
                Suffix::L => match i64::try_from(*n) {
                    Ok(n) => (Frozen::Long(n), Ty::Long),
                    Err(_) => (narrow(Narrow::ULong(*n)), Ty::ULong),
                },
                Suffix::Ul => (narrow(Narrow::ULong(*n)), Ty::ULong),
                Suffix::U => match u32::try_from(*n) {
                    Ok(n) => (narrow(Narrow::UInt(n)), Ty::UInt),
                    Err(_) => (narrow(Narrow::ULong(*n)), Ty::ULong),
                },
                _ => {
                    if let Ok(n) = i32::try_from(*n) {
                        (Frozen::Int(n), Ty::Int)
                    } else if let Ok(n) = u32::try_from(*n) {
                        (narrow(Narrow::UInt(n)), Ty::UInt)
                    } else if let Ok(n) = i64::try_from(*n) {
                        (Frozen::Long(n), Ty::Long)
                    } else {
                        (narrow(Narrow::ULong(*n)), Ty::ULong)
                    }
                }
            }
        }
        Literal::Real(s, Suffix::F) => {
            let f: f32 = s.parse().map_err(|_| too_large())?;
            (
                Frozen::Narrow(crate::value::frozen::Narrow::Float(f)),
                Ty::Float,
            )
        }
        Literal::Real(s, Suffix::M) => {
            let d = s
                .parse()
                .ok()
                .or_else(|| rust_decimal::Decimal::from_scientific(s).ok())
                .ok_or_else(too_large)?;
            (Frozen::Decimal(d), Ty::Decimal)
        }
        Literal::Real(s, _) => {
            let f: f64 = s.parse().map_err(|_| too_large())?;
            if !f.is_finite() {
                return Err(too_large());
            }
            (Frozen::Double(f), Ty::Double)
        }
    };
    Ok(Bound::new(Ir::Const(c), ty))
}
