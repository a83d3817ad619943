//! `System.Type`: what `typeof(T)` and `GetType()` give. Its names can be read and compared; reflection is not there.

use super::{Row, Type, TypeKind, m, table, ty};
use crate::expr::eval::{Args, Cx, R, Throw, null_argument, null_reference};
use crate::expr::types::{Ty, brackets};
use crate::value::{EnumType, Object, Value};
use std::any::Any;
use std::rc::Rc;

/// A type as a value.
#[derive(Debug)]
struct Described(Ty);

impl Object for Described {
    fn ty(&self) -> Ty {
        Ty::class("RuntimeType")
    }
    fn as_any(&self) -> &dyn Any {
        self
    }
    fn text(&self) -> String {
        self.0.full_name()
    }
    fn hash_text(&self) -> Option<String> {
        Some(self.text())
    }
    fn equals(&self, other: &dyn Object) -> bool {
        other
            .as_any()
            .downcast_ref::<Described>()
            .is_some_and(|o| o.0 == self.0)
    }
    fn is_single(&self) -> bool {
        true
    }
}

/// The object of a type.
pub(super) fn described(ty: Ty) -> R {
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

/// The type in an argument that must not be null.
pub(super) fn argument(a: &Args<'_>, i: usize, name: &str) -> Result<Ty, Throw> {
    let t = a.object::<Described>(i).map_err(|_| null_argument(name))?;
    Ok(t.0.clone())
}

/// The enum that a type is.
pub(super) fn enum_of(ty: &Ty) -> Option<&'static EnumType> {
    table().of(ty).and_then(|t| t.enum_type)
}

fn is_kind(a: &Args<'_>, kind: TypeKind) -> R {
    let ty = &a.object::<Described>(0)?.0;
    let info = table().of(ty);
    Ok(Value::Bool(
        !ty.is_nullable() && info.is_some_and(|t| t.kind == kind),
    ))
}

/// Namespace and simple name.
fn names(a: &Args<'_>) -> Result<(String, String), crate::expr::eval::Throw> {
    let full = a.object::<Described>(0)?.0.full_name();
    let plain = full.split('[').next().unwrap_or_default();
    // Written after the name from the inner array to the outer.
    let mut suffix = String::new();
    let mut of = &a.object::<Described>(0)?.0;
    while let Some((item, rank)) = of.as_array() {
        suffix.insert_str(0, &brackets(rank));
        of = item;
    }
    let (space, name) = plain.rsplit_once('.').unwrap_or(("", plain));
    // Of a class within another one: its own name alone.
    let name = name.rsplit_once('+').map_or(name, |(_, own)| own);
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
        Ok(Value::Bool(ty.as_array().is_some()))
    }),
    m("bool IsValueType", |_, a| {
        let ty = &a.object::<Described>(0)?.0;
        Ok(Value::Bool(ty.is_value() || ty.is_nullable()))
    }),
    m("bool IsEnum", |_, a| is_kind(a, TypeKind::Enum)),
    m("bool IsInterface", |_, a| is_kind(a, TypeKind::Interface)),
    m("bool IsGenericType", |_, a| {
        let ty = &a.object::<Described>(0)?.0;
        Ok(Value::Bool(match ty {
            Ty::Class(_, args) => !args.is_empty(),
            ty => ty.is_nullable(),
        }))
    }),
    m("bool Equals(Type o)", |_, a| Ok(Value::Bool(same(a)))),
    m("static bool operator ==(Type left, Type right)", |_, a| {
        Ok(Value::Bool(same(a)))
    }),
];

pub(super) const TYPES: &[Type] = &[
    ty("class System.Type", TYPE),
    ty("class System.RuntimeType : Type", &[]),
];
