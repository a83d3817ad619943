//! `System.Type`: what `typeof(T)` and `GetType()` give. Its names can be read and compared; reflection is not there.

use super::{Row, Type, m, ty};
use crate::expr::eval::{Args, Cx, R, null_reference};
use crate::expr::types::Ty;
use crate::value::{Object, Value};
use std::any::Any;
use std::rc::Rc;

/// A type as a value.
#[derive(Debug)]
struct Described(Ty);

impl Object for Described {
    fn ty(&self) -> Ty {
        Ty::class("Type")
    }
    fn as_any(&self) -> &dyn Any {
        self
    }
    fn text(&self) -> String {
        self.0.full_name()
    }
    fn equals(&self, other: &dyn Object) -> bool {
        other
            .as_any()
            .downcast_ref::<Described>()
            .is_some_and(|o| o.0 == self.0)
    }
}

fn described(ty: Ty) -> R {
    Ok(Value::Object(Rc::new(Described(ty))))
}

/// `typeof(T)`: the type is the call's first type argument.
pub(crate) fn type_of(_: &mut Cx<'_>, a: &mut Args<'_>) -> R {
    described(a.ty(0))
}

/// `object.GetType()`.
pub(super) fn get_type(_: &mut Cx<'_>, a: &mut Args<'_>) -> R {
    match a.get(0) {
        Value::Null => Err(null_reference()),
        v => described(v.ty()),
    }
}

/// Namespace and simple name.
fn names(a: &Args<'_>) -> Result<(String, String), crate::expr::eval::Throw> {
    let full = a.object::<Described>(0)?.0.full_name();
    let plain = full.split('[').next().unwrap_or_default();
    let suffix = if full.ends_with("[]") { "[]" } else { "" };
    let (space, name) = plain.rsplit_once('.').unwrap_or(("", plain));
    Ok((space.to_string(), format!("{name}{suffix}")))
}

fn same(a: &Args<'_>) -> bool {
    crate::expr::eval::equal(&a.get(0), &a.get(1))
}

const TYPE: &[Row] = &[
    m("string Name", |_, a| Ok(Value::from(names(a)?.1))),
    m("string Namespace", |_, a| Ok(Value::from(names(a)?.0))),
    m("string FullName", |_, a| {
        Ok(Value::from(a.object::<Described>(0)?.text()))
    }),
    m("bool IsArray", |_, a| {
        let ty = &a.object::<Described>(0)?.0;
        Ok(Value::Bool(matches!(ty, Ty::Array(_))))
    }),
    m("bool IsValueType", |_, a| {
        let ty = &a.object::<Described>(0)?.0;
        Ok(Value::Bool(ty.is_value() || ty.is_nullable()))
    }),
    m("static bool operator ==(Type left, Type right)", |_, a| {
        Ok(Value::Bool(same(a)))
    }),
];

pub(super) const TYPES: &[Type] = &[ty("class System.Type", TYPE)];
