//! `Comparer<T>`, `EqualityComparer<T>` and the interfaces that sorts, sets and dictionaries take comparers by.
//!
//! A comparer of texts is a `StringComparer` (in `strings`). What must stay true: any other equality comparer is the
//! default one, because expressions cannot write classes.

use super::linq::sort::Order;
use super::{Row, Type, m, ty, ty_of};
use crate::expr::eval::{Args, Cx, R};
use crate::expr::types::Ty;
use crate::value::collections::{Equality, Key};
use crate::value::{Object, Value};
use std::any::Any;
use std::rc::Rc;

/// `Comparer<T>.Default`, `Comparer<T>.Create`, `EqualityComparer<T>.Default`.
#[derive(Debug)]
struct Comparer {
    ty: Ty,
    /// Delegate of `Create`.
    by: Value,
}

impl Object for Comparer {
    fn ty(&self) -> Ty {
        self.ty.clone()
    }
    fn as_any(&self) -> &dyn Any {
        self
    }
    fn equals(&self, other: &dyn Object) -> bool {
        let other = other.as_any().downcast_ref::<Comparer>();
        other.is_some_and(|o| {
            std::ptr::eq(self, o) || (self.is_single() && o.is_single() && self.ty == o.ty)
        })
    }
    fn hash_text(&self) -> Option<String> {
        self.is_single().then(|| self.ty.full_name())
    }
    /// There is one default comparer of each type.
    fn is_single(&self) -> bool {
        self.by.is_null()
    }
    fn text(&self) -> String {
        self.class_name().unwrap_or_default()
    }
    fn class_name(&self) -> Option<String> {
        let Ty::Class(name, args) = &self.ty else {
            return None;
        };
        let of = args.first().cloned().unwrap_or(Ty::Object);
        // .NET chooses a class by what the type can do.
        let kind = if !self.by.is_null() {
            "Comparison"
        } else if of.is_nullable() {
            "Nullable"
        } else if *name == "EqualityComparer" && of == Ty::Byte {
            return Some("System.Collections.Generic.ByteEqualityComparer".into());
        } else if super::table()
            .lineage(&of)
            .contains(&Ty::class("IComparable"))
        {
            "Generic"
        } else {
            "Object"
        };
        Some(format!(
            "System.Collections.Generic.{kind}{name}`1[{}]",
            of.plain().full_name()
        ))
    }
}

/// The delegate that a comparer calls.
pub(super) fn comparison(o: &dyn Object) -> Option<Value> {
    o.as_any()
        .downcast_ref::<Comparer>()
        .map(|c| c.by.clone())
        .filter(|f| !f.is_null())
}

fn comparer(name: &'static str, of: Ty, by: Value) -> R {
    Ok(Value::Object(Rc::new(Comparer {
        ty: Ty::generic(name, vec![of]),
        by,
    })))
}

/// How an `IEqualityComparer<T>` compares; null is the default.
pub(super) fn equality(comparer: &Value) -> Equality {
    let Value::Object(o) = comparer else {
        return Equality::Default;
    };
    let o = o.as_any();
    match o.downcast_ref::<super::strings::Comparer>() {
        Some(c) if c.fold => Equality::IgnoreCase,
        None if o.is::<super::json::values::Comparer>() => Equality::Tokens,
        None if o.is::<super::xml::compare::Comparer>() => Equality::Nodes,
        _ => Equality::Default,
    }
}

/// The comparer of a set or dictionary.
pub(super) fn of_equality(of: Ty, how: Equality) -> R {
    match how {
        Equality::Default => comparer("EqualityComparer", of, Value::Null),
        Equality::IgnoreCase => super::strings::comparer(true),
        Equality::Tokens => Ok(super::json::values::comparer()),
        Equality::Nodes => super::xml::compare::by_content(),
    }
}

const COMPARER: &[Row] = &[
    m("static Comparer<T> Default", |_, a| {
        comparer("Comparer", a.ty(0), Value::Null)
    }),
    m(
        "static Comparer<T> Create(Comparison<T> comparison)",
        |_, a| {
            a.not_null(&["comparison"])?;
            comparer("Comparer", a.ty(0), a.get(0))
        },
    ),
];

const EQUALITY: &[Row] = &[m("static EqualityComparer<T> Default", |_, a| {
    comparer("EqualityComparer", a.ty(0), Value::Null)
})];

fn compare(cx: &mut Cx<'_>, a: &mut Args<'_>) -> R {
    let order = Order::of(&a.values[0]);
    let o = order.compared(cx, &a.values[1], &a.values[2])?;
    Ok(Value::Int(i32::try_from(o).unwrap_or(o.signum() as i32)))
}

fn equal(_: &mut Cx<'_>, a: &mut Args<'_>) -> R {
    let how = equality(&a.values[0]);
    Ok(Value::Bool(
        Key::of(&a.values[1], how) == Key::of(&a.values[2], how),
    ))
}

fn hash(_: &mut Cx<'_>, a: &mut Args<'_>) -> R {
    let v = match &a.values[1] {
        Value::Str(s) if equality(&a.values[0]) == Equality::IgnoreCase => {
            Value::from(crate::value::text::upper_invariant(s))
        }
        v => v.clone(),
    };
    Ok(Value::Int(super::core::hash(&v)))
}

const COMPARES: &[Row] = &[m("int Compare(T x, T y)", compare)];

const EQUALS: &[Row] = &[
    m("bool Equals(T x, T y)", equal),
    m("int GetHashCode(T obj)", hash),
];

pub(super) const TYPES: &[Type] = &[
    ty(
        "interface System.Collections.Generic.IComparer<T>",
        COMPARES,
    ),
    ty(
        "interface System.Collections.Generic.IEqualityComparer<T>",
        EQUALS,
    ),
    ty_of(
        "class System.Collections.Generic.Comparer<T> : IComparer<T>",
        &[COMPARER, COMPARES],
    ),
    ty_of(
        "class System.Collections.Generic.EqualityComparer<T> : IEqualityComparer<T>",
        &[EQUALITY, EQUALS],
    ),
];
