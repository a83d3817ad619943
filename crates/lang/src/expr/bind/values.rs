//! Expressions of every kind: the dispatch of the binder.

use super::{B, Binder, Bound, default_ir};
use crate::expr::ast::{At, Expr, Kind, Literal, Piece};
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
            Kind::Literal(Literal::Str(s)) => Ok(Bound::new(
                Ir::Text(super::literals::interned(s)),
                Ty::String,
            )),
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
            Kind::New(Some(ty), args, init) => self.create(e, ty, args, init.as_ref()),
            Kind::NewArray(ty, sizes, items) => {
                self.create_array(e, ty.as_ref(), sizes, items.as_deref())
            }
            Kind::NewRectangular(rank, ty, sizes, items) => {
                self.create_rectangular(e, *rank, ty.as_ref(), sizes, items.as_deref())
            }
            Kind::Row(_) => Err(Fault::new(
                e.at.clone(),
                "unexpected `{`",
                "expected a value",
            )),
            Kind::Anonymous(fields) => self.anonymous(e, fields),
            Kind::Tuple(items) => self.tuple(items, None),
            Kind::Declare(_, name) => Err(Fault::new(
                e.at.clone(),
                format!("`{}` cannot be declared here", name.text),
                "expected a value",
            )),
            Kind::Cast(ty, operand) => {
                let to = self.resolve(ty)?;
                match &operand.kind {
                    Kind::Lambda(..)
                    | Kind::Delegate(_)
                    | Kind::Default(None)
                    | Kind::New(None, ..)
                    | Kind::Collection(_) => return self.value_as(operand, &to),
                    Kind::Name(..) | Kind::Member(..) if to.delegate().is_some() => {
                        if let Some(b) = self.method_group(operand, &to)? {
                            return Ok(b);
                        }
                    }
                    _ => {}
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
                    types: vec![self.resolve_any(of)?],
                    outs: Vec::new(),
                };
                Ok(Bound::new(Ir::Call(Box::new(call)), Ty::class("Type")))
            }
            Kind::NameOf(of) => match &of.kind {
                Kind::Name(n, _) | Kind::Member(_, n, _) => {
                    self.nameable(of)?;
                    Ok(Bound::new(
                        Ir::Text(super::literals::interned(&n.text)),
                        Ty::String,
                    ))
                }
                _ => Err(Fault::new(
                    of.at.clone(),
                    "`nameof` needs a name",
                    "expected a name",
                )),
            },
            Kind::Checked(checked, of) => {
                let around = self.checked.replace(*checked);
                let b = self.value(of);
                self.checked = around;
                b
            }
            Kind::Switch(of, arms) => self.switch_expression(of, arms, None, &e.at),
            Kind::SizeOf(ty) => self.size_of(ty),
            Kind::Delegate(_) | Kind::Collection(_) | Kind::New(None, ..) => Err(Fault::new(
                e.at.clone(),
                "the type of this is not known here",
                "it takes its type from a declared variable or parameter",
            )
            .help("name the type")),
            Kind::FromEnd(_) | Kind::Range(..) => Err(Fault::new(
                e.at.clone(),
                "`^` and `..` are only known in an index: `x[^1]`, `x[1..]`",
                "expected a value",
            )),
            Kind::Throw(of) => {
                let b = self.value(of)?;
                let b = self.coerce(b, &Ty::class("Exception"), &of.at)?;
                Ok(Bound::new(Ir::Throw(Box::new(b.ir)), Ty::Null))
            }
        }
    }

    pub(super) fn note_read_through(&mut self, from: &Ty) {
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
            Kind::New(None, args, init) => self
                .create_of(to.plain().clone(), args, init.as_ref(), &e.at)
                .and_then(|b| self.coerce(b, to, &e.at)),
            Kind::Delegate(body) => self.anonymous_method(e, body, to),
            Kind::Collection(items) => self.collection(e, items, to),
            Kind::Switch(of, arms) => self.switch_expression(of, arms, Some(to), &e.at),
            Kind::Checked(checked, of) => {
                let around = self.checked.replace(*checked);
                let b = self.value_as(of, to);
                self.checked = around;
                b
            }
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
            // What throws has no value: it stands for one of any type.
            Kind::Throw(_) => self.value(e).map(|b| Bound::new(b.ir, to.clone())),
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
                    let width = self.alignment(width.as_deref())?;
                    let b = self.value(e)?;
                    if b.ty == Ty::Void {
                        return Err(super::no_value(&e.at));
                    }
                    self.note_escape_to_object(&b.ty);
                    IrPiece::Hole(b.ir, width, format.clone())
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

    /// What `nameof` names must be there; a member may be of the type or of its values.
    fn nameable(&mut self, e: &Expr) -> B<()> {
        let reads = self.reads;
        let found = self.speculate(|b| b.named(e).map(|_| ()));
        self.reads = reads;
        let Kind::Member(of, name, _) = &e.kind else {
            return found;
        };
        let Err(fault) = found else { return Ok(()) };
        match self.speculate(|b| b.named(of)) {
            Ok(super::names::Named::Type(t)) if self.has_member(&t, &name.text) => Ok(()),
            _ => Err(fault),
        }
    }

    /// The width after the comma of a hole.
    fn alignment(&mut self, width: Option<&Expr>) -> B<i32> {
        let Some(e) = width else { return Ok(0) };
        let b = self.value(e)?;
        let b = self.coerce(b, &Ty::Int, &e.at)?;
        match b.constant() {
            Some(Frozen::Int(n)) if n.unsigned_abs() <= 10_000 => Ok(n),
            _ => Err(Fault::new(
                e.at.clone(),
                "bad alignment in an interpolated text",
                "expected a constant number",
            )),
        }
    }

    fn size_of(&mut self, written: &crate::expr::ast::TypeRef) -> B<Bound> {
        let ty = self.resolve(written)?;
        let size = match &ty {
            Ty::Bool | Ty::Byte | Ty::SByte => 1,
            Ty::Char | Ty::Short | Ty::UShort => 2,
            Ty::Int | Ty::UInt | Ty::Float => 4,
            Ty::Long | Ty::ULong | Ty::Double => 8,
            Ty::Decimal => 16,
            _ => {
                return Err(Fault::new(
                    written.at.clone(),
                    format!("the size of `{ty}` is not known"),
                    "expected a built-in value type",
                ));
            }
        };
        Ok(Bound::new(Ir::Const(Frozen::Int(size)), Ty::Int))
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
