//! `Comparer<T>`, `EqualityComparer<T>` and the interfaces that sorts, sets and dictionaries take comparers by.
//!
//! A comparer of texts is a `StringComparer` (in `strings`). What must stay true: any other equality comparer is the
//! default one, because expressions cannot write classes.

use super::linq::sort::Order;
use super::{Row, Type, m, ty};
use crate::expr::eval::{R, equal};
use crate::expr::types::Ty;
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

/// The comparer of a set or dictionary.
pub(super) fn equality(of: Ty, fold: bool) -> R {
    if fold {
        return super::strings::comparer(true);
    }
    comparer("EqualityComparer", of, Value::Null)
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

pub(super) const TYPES: &[Type] = &[
    ty(
        "interface System.Collections.Generic.IComparer<T>",
        &[m("int Compare(T x, T y)", |cx, a| {
            let order = Order::of(&a.values[0]);
            let o = order.compare(cx, &a.get(1), &a.get(2))?;
            Ok(Value::Int(o as i32))
        })],
    ),
    ty(
        "interface System.Collections.Generic.IEqualityComparer<T>",
        &[
            m("bool Equals(T x, T y)", |_, a| {
                let fold = super::dictionaries::folds(a, 0);
                Ok(Value::Bool(if fold {
                    use crate::value::collections::Key;
                    Key::of(&a.values[1], true) == Key::of(&a.values[2], true)
                } else {
                    equal(&a.values[1], &a.values[2])
                }))
            }),
            m("int GetHashCode(T obj)", |_, a| {
                let v = match &a.values[1] {
                    Value::Str(s) if super::dictionaries::folds(a, 0) => {
                        Value::from(crate::value::text::upper_invariant(s))
                    }
                    v => v.clone(),
                };
                Ok(Value::Int(super::core::hash(&v)))
            }),
        ],
    ),
    ty(
        "class System.Collections.Generic.Comparer<T> : IComparer<T>",
        COMPARER,
    ),
    ty(
        "class System.Collections.Generic.EqualityComparer<T> : IEqualityComparer<T>",
        EQUALITY,
    ),
];
