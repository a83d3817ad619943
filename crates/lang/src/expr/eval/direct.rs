//! Expressions that only look: at members of `context`, headers and variables, which they compare and join.
//!
//! Most conditions and many values are of this kind. They are made of the IR when the document is loaded and evaluated
//! without an evaluation's state ([`super::Cx`]) and without a frame: what they look at is lent, a comparison gives a bare
//! `bool`. What must stay true: value and exception are those of the IR; nothing here calls a row or runs code that can
//! loop, so that the number of nodes bounds the work, and a text that is joined is held to the bound of an evaluation.

mod of;

use super::run::joined;
use super::{MAX_BYTES, Throw, null_reference, ops, run, types};
use crate::expr::host::{Entity, Field, Host};
use crate::expr::ir::{Cmp, HeaderRead, VariableRead};
use crate::expr::table::dictionaries;
use crate::expr::types::Ty;
use crate::value::{Frozen, Lent, Str, Value, text};

type Lends<'a> = Result<Lent<'a>, Throw>;

/// An expression of this kind.
#[derive(Debug)]
pub(crate) enum Direct {
    /// What is there.
    Look(Look),
    /// A condition.
    Test(Test),
    /// Texts and values, one after the other.
    Join(Vec<Look>),
}

/// A value that is there, or a choice of such values.
#[derive(Debug)]
pub(crate) enum Look {
    Text(Str),
    Const(Frozen),
    /// A scalar member of `context`.
    Member(Field),
    /// A scalar member of an object that must be there.
    MemberOf(Entity, Field),
    /// The value, or null when there is no such object.
    IfHas(Entity, Box<Look>),
    Header(Box<HeaderRead>),
    Variable(Box<VariableRead>),
    Cast(Ty, Box<Look>),
    /// Length of a text in UTF-16 units.
    Length(Box<Look>),
    Coalesce(Box<(Look, Look)>),
    If(Box<(Test, Look, Look)>),
}

/// A condition.
#[derive(Debug)]
pub(crate) enum Test {
    /// Whether the text equals the constant, or does not.
    Text(bool, Look, Str),
    Int(bool, Look, i32),
    CompareInt(Cmp, Look, i32),
    Compare(Cmp, Look, Look),
    /// Whether the value is null, or is not.
    Null(bool, Look),
    /// Whether the object is there, or is not.
    Has(bool, Entity),
    /// `string.IsNullOrEmpty`.
    Empty(Look),
    HasVariable(Str),
    /// A value that is a `bool`.
    Holds(Look),
    Not(Box<Test>),
    All(Vec<Test>),
    Any(Vec<Test>),
}

impl Direct {
    /// Evaluates.
    #[inline]
    pub(crate) fn eval<'a>(&'a self, host: &'a dyn Host) -> Lends<'a> {
        match self {
            Direct::Look(look) => look.eval(host),
            Direct::Test(test) => Ok(Lent::from(test.eval(host)?)),
            Direct::Join(parts) => join(parts, host),
        }
    }
}

impl Look {
    fn eval<'a>(&'a self, host: &'a dyn Host) -> Lends<'a> {
        match self {
            Look::Text(s) => Ok(Lent::Text(s)),
            Look::Const(c) => Ok(Lent::Own(c.thaw())),
            Look::Member(field) => Ok(host.field(*field)),
            Look::MemberOf(entity, field) => {
                if host.has(*entity) {
                    Ok(host.field(*field))
                } else {
                    Err(null_reference())
                }
            }
            Look::IfHas(entity, then) => {
                if host.has(*entity) {
                    then.eval(host)
                } else {
                    Ok(Lent::NULL)
                }
            }
            Look::Header(read) => Ok(header(read, host)),
            Look::Variable(read) => variable(read, host),
            Look::Cast(ty, of) => cast(ty, of.eval(host)?),
            Look::Length(of) => match of.eval(host)?.as_str() {
                Some(s) => Ok(Lent::from(text::units(s) as i32)),
                None => Err(null_reference()),
            },
            Look::Coalesce(both) => {
                // The result is passed on as it is: moving a value costs more than the test.
                let first = both.0.eval(host);
                match &first {
                    Ok(lent) if lent.is_null() => both.1.eval(host),
                    _ => first,
                }
            }
            Look::If(all) => {
                let (test, yes, no) = &**all;
                if test.eval(host)? { yes } else { no }.eval(host)
            }
        }
    }
}

impl Test {
    fn eval(&self, host: &dyn Host) -> Result<bool, Throw> {
        Ok(match self {
            Test::Text(expected, of, s) => (of.eval(host)?.as_str() == Some(&**s)) == *expected,
            Test::Int(expected, of, n) => {
                matches!(of.eval(host)?.value(), Some(Value::Int(v)) if v == n) == *expected
            }
            Test::CompareInt(op, of, n) => {
                let of = of.eval(host)?;
                match of.value() {
                    Some(Value::Int(v)) => op.holds(v.cmp(n)),
                    Some(v) => ops::ordered(*op, v, &Value::Int(*n)),
                    None => false,
                }
            }
            Test::Compare(op, a, b) => {
                let (a, b) = (a.eval(host)?, b.eval(host)?);
                match (a.value(), b.value()) {
                    (Some(a), Some(b)) => ops::ordered(*op, a, b),
                    _ => false,
                }
            }
            Test::Null(expected, of) => of.eval(host)?.is_null() == *expected,
            Test::Has(expected, entity) => host.has(*entity) == *expected,
            Test::Empty(of) => of.eval(host)?.as_str().is_none_or(str::is_empty),
            Test::HasVariable(name) => host.variable(name).is_some(),
            Test::Holds(of) => match of.eval(host)?.value() {
                Some(v) => run::truth(v)?,
                None => run::truth(&Value::Null)?,
            },
            Test::Not(of) => !of.eval(host)?,
            Test::All(list) => {
                for test in list {
                    if !test.eval(host)? {
                        return Ok(false);
                    }
                }
                true
            }
            Test::Any(list) => {
                for test in list {
                    if test.eval(host)? {
                        return Ok(true);
                    }
                }
                false
            }
        })
    }
}

fn header<'a>(read: &'a HeaderRead, host: &'a dyn Host) -> Lent<'a> {
    let map = host.headers(read.message);
    match dictionaries::header_lent(map, &read.name) {
        Some(lent) => lent,
        None => read.missing.as_ref().map_or(Lent::NULL, Lent::Text),
    }
}

fn variable<'a>(read: &'a VariableRead, host: &'a dyn Host) -> Lends<'a> {
    match (host.variable(&read.name), &read.missing) {
        (Some(v), _) => match &read.cast {
            None => Ok(Lent::Kept(v)),
            Some(ty) => cast(ty, Lent::Kept(v)),
        },
        (None, Some(missing)) => Ok(Lent::constant(missing)),
        (None, None) => Err(dictionaries::missing(&Value::Str(read.name.clone()))),
    }
}

fn cast<'a>(ty: &Ty, lent: Lent<'a>) -> Lends<'a> {
    let passes = match lent.value() {
        Some(v) => types::is(ty, v),
        None => matches!(ty.plain(), Ty::String | Ty::Object),
    };
    if passes {
        return Ok(lent);
    }
    types::cast(ty, lent.into_value()).map(Lent::Own)
}

#[inline(never)]
fn join<'a>(parts: &[Look], host: &dyn Host) -> Lends<'a> {
    joined(|out| {
        for part in parts {
            let part = part.eval(host)?;
            match part.as_str() {
                Some(s) => out.push_str(s),
                None => {
                    if let Some(v) = part.value() {
                        text::write(v, out)?;
                    }
                }
            }
            if out.len() + 16 > MAX_BYTES {
                return Err(super::too_much_memory());
            }
        }
        Ok(Str::from(out.as_str()))
    })
    .map(|s| Lent::Own(Value::Str(s)))
}

#[cfg(test)]
mod tests;
