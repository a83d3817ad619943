//! Conversions: which exist, and what they do.

use super::{B, Binder, Bound, mismatch};
use crate::expr::Target;
use crate::expr::ast::At;
use crate::expr::eval::types::derives;
use crate::expr::ir::{Call, Ir};
use crate::expr::lexer::Fault;
use crate::expr::table::json::convert::range;
use crate::expr::table::{Member, MemberKind, TypeKind, table};
use crate::expr::types::{Num, Ty};
use crate::value::{Frozen, Value};
use rust_decimal::prelude::ToPrimitive;

/// A conversion that exists.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Conversion {
    /// Same representation: identity, reference to a base, boxing, null.
    Same,
    Number(Num),
    ToEnum,
    FromEnum(Num),
    Unwrap,
    /// Unwrap, then to a number.
    UnwrapNumber(Num),
    /// Element by element, whether by a cast.
    Tuple(bool),
    /// Checked at run time.
    Cast,
    /// A conversion of the table, with what happens before and after.
    User(&'static Member, Option<Num>, Option<Num>),
}

/// Whether a constant fits an integer type (C# §10.2.11).
fn constant_fits(c: &Frozen, to: Num) -> bool {
    let Frozen::Int(n) = c else {
        return matches!((c, to), (Frozen::Long(n), Num::ULong) if *n >= 0);
    };
    let n = i64::from(*n);
    match to {
        Num::SByte => i8::try_from(n).is_ok(),
        Num::Byte => u8::try_from(n).is_ok(),
        Num::Short => i16::try_from(n).is_ok(),
        Num::UShort => u16::try_from(n).is_ok(),
        Num::UInt => u32::try_from(n).is_ok(),
        Num::ULong => n >= 0,
        _ => false,
    }
}

/// Conversions that C# calls standard and implicit.
fn standard(from: &Ty, to: &Ty, constant: Option<&Frozen>) -> Option<Conversion> {
    // What may be null is no constant to C#, though we may know it.
    let constant = constant.filter(|_| !from.is_nullable());
    if from == to || matches!(from, Ty::Unknown) || matches!(to, Ty::Unknown) {
        return Some(Conversion::Same);
    }
    if *from == Ty::Void || *to == Ty::Void {
        return None;
    }
    if *from == Ty::Null {
        return (to.is_nullable() || !to.is_value()).then_some(Conversion::Same);
    }
    if let Ty::Nullable(inner) = to {
        return standard(from.plain(), inner, constant).filter(|c| !matches!(c, Conversion::Cast));
    }
    if let (Ty::Tuple(a), Ty::Tuple(b)) = (from, to) {
        return (a.items.len() == b.items.len()
            && a.items
                .iter()
                .zip(&b.items)
                .all(|((_, a), (_, b))| implicit(a, b, None).is_some()))
        .then_some(Conversion::Tuple(false));
    }
    if let (Some(a), Some(b)) = (from.numeric(), to.numeric()) {
        return (a.widens_to(b) || constant.is_some_and(|c| constant_fits(c, b)))
            .then_some(Conversion::Number(b));
    }
    if *to == Ty::Object {
        return Some(Conversion::Same);
    }
    if let Ty::Class(name, _) = to
        && table().get(name).is_some_and(|t| t.kind == TypeKind::Enum)
        && matches!(constant, Some(Frozen::Int(0)))
    {
        return Some(Conversion::ToEnum);
    }
    if from.is_nullable() {
        return None;
    }
    derives(from, to).then_some(Conversion::Same)
}

/// Implicit conversion, with those of the table.
pub(crate) fn implicit(from: &Ty, to: &Ty, constant: Option<&Frozen>) -> Option<Conversion> {
    if let Some(c) = standard(from, to, constant) {
        return Some(c);
    }
    user(from, to, constant, MemberKind::Implicit)
}

fn number_step(c: Conversion) -> Option<Option<Num>> {
    match c {
        Conversion::Same => Some(None),
        Conversion::Number(n) => Some(Some(n)),
        _ => None,
    }
}

fn user(from: &Ty, to: &Ty, constant: Option<&Frozen>, kind: MemberKind) -> Option<Conversion> {
    if matches!(from, Ty::Null | Ty::Void | Ty::Object) || *to == Ty::Object {
        return None;
    }
    let mut best: Option<(u32, Conversion)> = None;
    for row in table()
        .conversions()
        .filter(|r| r.kind == MemberKind::Implicit || r.kind == kind)
    {
        let param = &row.params[0].ty;
        let before = match standard(from, param, constant).and_then(number_step) {
            Some(b) => b,
            // A nullable source lifts a conversion of the plain type.
            None if from.is_nullable()
                && standard(from.plain(), param, None).is_some()
                && (to.is_nullable() || !to.is_value()) =>
            {
                None
            }
            None => continue,
        };
        let after = match standard(&row.result, to, None).and_then(number_step) {
            Some(a) => a,
            None if kind == MemberKind::Explicit => match (row.result.numeric(), to.numeric()) {
                (Some(_), Some(n)) => Some(n),
                _ => continue,
            },
            None => continue,
        };
        let cost = u32::from(param != from) * 2
            + u32::from(before.is_some())
            + u32::from(row.result != *to) * 4
            + u32::from(after.is_some()) * 8;
        if best.as_ref().is_none_or(|(c, _)| cost < *c) {
            best = Some((cost, Conversion::User(row, before, after)));
        }
    }
    best.map(|(_, c)| c)
}

/// Conversion by a cast.
pub(super) fn explicit(from: &Ty, to: &Ty, constant: Option<&Frozen>) -> Option<Conversion> {
    if let Some(c) = implicit(from, to, constant) {
        return Some(c);
    }
    if let (Ty::Tuple(a), Ty::Tuple(b)) = (from, to.plain()) {
        return (a.items.len() == b.items.len()
            && a.items
                .iter()
                .zip(&b.items)
                .all(|((_, a), (_, b))| explicit(a, b, None).is_some()))
        .then_some(Conversion::Tuple(true));
    }
    if *from == Ty::Void || *to == Ty::Void {
        return None;
    }
    let is_enum = |t: &Ty| matches!(t, Ty::Class(n, _) if table().get(n).is_some_and(|i| i.kind == TypeKind::Enum));
    let (a, b) = (from.plain(), to.plain());
    let unwraps = from.is_nullable() && !to.is_nullable();
    if let (Some(_), Some(n)) = (a.numeric(), b.numeric()) {
        return Some(if unwraps {
            Conversion::UnwrapNumber(n)
        } else {
            Conversion::Number(n)
        });
    }
    if is_enum(b) && (a.numeric().is_some() || is_enum(a)) {
        return Some(Conversion::ToEnum);
    }
    if is_enum(a)
        && let Some(n) = b.numeric()
    {
        return Some(Conversion::FromEnum(n));
    }
    if unwraps && a == b {
        return Some(Conversion::Unwrap);
    }
    if let Some(c) = user(from, to, constant, MemberKind::Explicit) {
        return Some(c);
    }
    let interface = |t: &Ty| table().of(t).is_some_and(|i| i.kind == TypeKind::Interface);
    let open = |t: &Ty| matches!(t, Ty::Class(..)) && !t.is_value();
    let possible = *from == Ty::Object
        || derives(b, a)
        || (interface(a) && (open(b) || interface(b)))
        || (interface(b) && open(a));
    (possible && !from.is_nullable()).then_some(Conversion::Cast)
}

fn does_not_fit(n: &dyn std::fmt::Display, to: &Ty, lo: i128, hi: i128, at: &At) -> Fault {
    Fault::new(
        at.clone(),
        format!("constant `{n}` does not fit `{to}`"),
        format!("`{to}` holds {lo} to {hi}"),
    )
    .help("write `unchecked(…)` around it if it shall wrap")
}

/// 2^96: no decimal is that large.
const TOO_LARGE: f64 = 79_228_162_514_264_337_593_543_950_336.0;

/// The integer that a constant number becomes; `Some(None)` when it is none at all (NaN).
fn whole(v: &Value) -> Option<Option<i128>> {
    // A cast to a wider integer saturates, so no float is mistaken for one that fits.
    let of = |f: f64| (!f.is_nan()).then(|| f.trunc() as i128);
    Some(match v {
        Value::Double(f) => of(*f),
        Value::Float(f) => of(f64::from(*f)),
        Value::Decimal(d) => d.trunc().to_i128(),
        Value::ULong(n) => Some(i128::from(*n)),
        Value::Char(c) => Some(i128::from(*c)),
        v => Some(i128::from(v.as_i64()?)),
    })
}

impl Binder {
    /// Marks that `context.Response` leaves the places where it is followed.
    fn note_escape(&mut self, from: &Ty, to: &Ty) {
        if from.is_class("ContextResponse") && from != to && *to != Ty::Unknown {
            self.response_escapes = true;
        }
        // A message body that goes into an object could be read from there.
        if (from.is_class("RequestBody") || from.is_class("ResponseBody")) && from != to {
            self.response_escapes = true;
        }
    }

    /// To a number, as the context checks it.
    fn number(&self, to: Num, of: Ir) -> Ir {
        if self.checked == Some(true) {
            Ir::CheckedNumber(to, Box::new(of))
        } else {
            Ir::Number(to, Box::new(of))
        }
    }

    pub(super) fn apply(&mut self, b: Bound, conversion: Conversion, to: &Ty) -> Bound {
        self.note_escape(&b.ty, to);
        let ir = match conversion {
            Conversion::Same => {
                return Bound::new(b.ir, to.clone());
            }
            Conversion::Number(n) if b.ty.numeric() == Some(n) => b.ir,
            Conversion::Number(n) => {
                let number = self.number(n, b.ir);
                return self.fold(Bound::new(number, to.clone()));
            }
            Conversion::ToEnum => match to.plain() {
                Ty::Class(name, _) => match table().get(name).and_then(|t| t.enum_type) {
                    Some(e) => match &b.ir {
                        Ir::Const(Frozen::Int(n)) => Ir::Const(Frozen::Enum(e, i64::from(*n))),
                        _ => Ir::ToEnum(e, Box::new(Ir::FromEnum(Num::Long, Box::new(b.ir)))),
                    },
                    None => b.ir,
                },
                _ => b.ir,
            },
            Conversion::FromEnum(n) => Ir::FromEnum(n, Box::new(b.ir)),
            Conversion::Tuple(by_cast) => return self.convert_tuple(b, to, by_cast),
            Conversion::Unwrap => Ir::Unwrap(Box::new(b.ir)),
            Conversion::UnwrapNumber(n) => self.number(n, Ir::Unwrap(Box::new(b.ir))),
            Conversion::Cast => Ir::Cast(to.clone(), Box::new(b.ir)),
            Conversion::User(row, before, after) => {
                let lifted = b.ty.is_nullable() && !row.params[0].ty.is_nullable();
                let arg = match before {
                    Some(n) => Ir::Number(n, Box::new(b.ir)),
                    None => b.ir,
                };
                let call = |arg: Ir| {
                    Ir::Call(Box::new(Call {
                        run: row.run,
                        member: Some(row),
                        checked: false,
                        args: vec![arg],
                        types: Vec::new(),
                        outs: Vec::new(),
                    }))
                };
                let called = if lifted {
                    let slot = self.slot();
                    Ir::NullConditional(slot, Box::new(arg), Box::new(call(Ir::Local(slot))))
                } else {
                    call(arg)
                };
                match after {
                    Some(n) => Ir::Number(n, Box::new(called)),
                    None => called,
                }
            }
        };
        Bound::new(ir, to.clone())
    }

    /// Converts implicitly or reports.
    pub(super) fn coerce(&mut self, b: Bound, to: &Ty, at: &At) -> B<Bound> {
        match implicit(&b.ty, to, b.constant().as_ref()) {
            Some(c) => Ok(self.apply(b, c, to)),
            None => {
                let fault = mismatch(&b.ty, to, at);
                let castable = explicit(&b.ty, to, None).is_some();
                Err(if castable && b.ty != Ty::Null {
                    fault.help(format!("cast it: `({to})…`"))
                } else {
                    fault
                })
            }
        }
    }

    /// A base of the type that the value converts to by a conversion of the table.
    fn by_base(&self, b: &Bound, to: &Ty) -> Option<Ty> {
        let bases = table().lineage(to).into_iter().skip(1);
        bases
            .filter(|t| *t != Ty::Object)
            .find(|t| match implicit(&b.ty, t, None) {
                Some(Conversion::User(row, ..)) => row.result == *t,
                _ => false,
            })
    }

    /// A cast.
    pub(super) fn cast(&mut self, b: Bound, to: &Ty, at: &At) -> B<Bound> {
        if let (Some(c), Some(num)) = (b.constant(), to.numeric())
            && !b.ty.is_nullable()
        {
            let value = c.thaw();
            // A decimal has no unchecked conversions.
            let always = matches!(value, Value::Decimal(_));
            let shown = value.to_text();
            if num < Num::Float && (always || self.checked != Some(false)) {
                let (lo, hi) = range(num);
                if whole(&value).is_some_and(|n| n.is_none_or(|n| n < lo || n > hi)) {
                    return Err(does_not_fit(&shown, to, lo, hi, at));
                }
            }
            if num == Num::Decimal
                && let Some(f) = match value {
                    Value::Double(f) => Some(f),
                    Value::Float(f) => Some(f64::from(f)),
                    _ => None,
                }
                && (f.is_nan() || f.abs() >= TOO_LARGE)
            {
                return Err(Fault::new(
                    at.clone(),
                    format!("constant `{shown}` does not fit `{to}`"),
                    "too large for a decimal",
                ));
            }
        }
        match explicit(&b.ty, to, b.constant().as_ref()) {
            Some(c) => Ok(self.apply(b, c, to)),
            // `(JObject)"{}"`: to a base by its conversion, then down, which is checked at run time.
            None if !to.is_value() && self.by_base(&b, to).is_some() => {
                let base = self.by_base(&b, to).unwrap_or(Ty::Object);
                let made = self.coerce(b, &base, at)?;
                Ok(Bound::new(
                    Ir::Cast(to.clone(), Box::new(made.ir)),
                    to.clone(),
                ))
            }
            None => Err(Fault::new(
                at.clone(),
                format!("cannot convert `{}` to `{to}`", b.ty),
                format!("this is `{}`", b.ty),
            )),
        }
    }

    /// Converts to what the place in the document wants.
    pub(super) fn targeted(&mut self, b: Bound, target: Target, at: At) -> B<Ir> {
        if b.ty == Ty::Void {
            return Err(Fault::new(
                at,
                "the expression has no value",
                "expected a value",
            ));
        }
        let want = match target {
            Target::Text | Target::Body | Target::Any => {
                self.note_escape(&b.ty, &Ty::Object);
                return Ok(b.ir);
            }
            Target::Bool => Ty::Bool,
            Target::Int => Ty::Int,
            Target::Double => Ty::Double,
            Target::Long => {
                // The service refuses everything else when a document is saved, also what C# would widen.
                if b.ty == Ty::Long || b.ty == Ty::Unknown {
                    return Ok(b.ir);
                }
                if b.ty == Ty::String {
                    return Err(mismatch(&b.ty, &Ty::Long, &at).help("parse it: `long.Parse(…)`"));
                }
                return Err(Fault::new(
                    at,
                    format!(
                        "expression return type '{}' is not allowed",
                        b.ty.full_name()
                    ),
                    "expected `long`",
                )
                .help("cast it: `(long)…`, or write the number with the suffix `L`"));
            }
        };
        self.coerce(b, &want, &at).map(|b| b.ir)
    }
}
