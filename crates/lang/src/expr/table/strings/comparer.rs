//! `System.StringComparer`.

use super::super::{Row, m};
use super::ops::{checked, compare, equals, ignores_case};
use crate::expr::eval::{self, Args, R, null_argument, throw};
use crate::expr::types::Ty;
use crate::value::{Object, Value, text};
use std::any::Any;
use std::rc::Rc;

/// A comparer by the number of its `StringComparison`.
#[derive(Debug)]
pub(in crate::expr::table) struct Comparer {
    comparison: i64,
    /// Whether it ignores case.
    pub(in crate::expr::table) fold: bool,
}

impl Comparer {
    /// `Compare`: below, at or above zero.
    pub(in crate::expr::table) fn compare(&self, a: &Value, b: &Value) -> i32 {
        // The comparison is one of .NET's six, so that it is never refused.
        compare(a, b, self.comparison).unwrap_or(0)
    }
}

impl Object for Comparer {
    fn ty(&self) -> Ty {
        Ty::class("StringComparer")
    }
    fn as_any(&self) -> &dyn Any {
        self
    }
    fn hash_text(&self) -> Option<String> {
        Some(self.text())
    }
    fn equals(&self, other: &dyn Object) -> bool {
        let other = other.as_any().downcast_ref::<Comparer>();
        other.is_some_and(|o| o.comparison == self.comparison)
    }
    fn is_single(&self) -> bool {
        // That of the current culture is made anew each time.
        !matches!(self.comparison, 0 | 1)
    }
}

fn made(comparison: i64) -> R {
    Ok(Value::Object(Rc::new(Comparer {
        comparison,
        fold: ignores_case(comparison),
    })))
}

/// An ordinal comparer.
pub(in crate::expr::table) fn comparer(fold: bool) -> R {
    made(if fold { 5 } else { 4 })
}

fn this(a: &Args<'_>) -> Result<i64, crate::expr::eval::Throw> {
    Ok(a.object::<Comparer>(0)?.comparison)
}

/// Whether both are texts, or null.
fn texts(a: &Args<'_>) -> bool {
    let text = |v: &Value| v.is_null() || v.as_str().is_some();
    text(&a.values[1]) && text(&a.values[2])
}

/// `Compare(object, object)`: what are no texts compare by their own order.
fn compared_objects(a: &Args<'_>) -> R {
    let (x, y) = (&a.values[1], &a.values[2]);
    if texts(a) {
        return compared(a);
    }
    if x.is_null() || y.is_null() {
        return Ok(Value::Int(if x.is_null() { -1 } else { 1 }));
    }
    if let crate::value::Value::Token(t) = x
        && t.value().is_some()
    {
        return super::super::json::values::compared_to(t, y);
    }
    let order = (x.ty() == y.ty()).then(|| eval::compare(x, y)).flatten();
    order.map(|o| Value::Int(o as i32)).ok_or_else(|| {
        throw(
            "ArgumentException",
            "At least one object must implement IComparable.",
        )
    })
}

fn compared(a: &Args<'_>) -> R {
    compare(&a.values[1], &a.values[2], this(a)?).map(Value::Int)
}

fn equal(a: &Args<'_>) -> R {
    let comparison = this(a)?;
    Ok(Value::Bool(
        match (a.values[1].as_str(), a.values[2].as_str()) {
            (Some(x), Some(y)) => equals(x, y, comparison),
            (None, None) => true,
            _ => false,
        },
    ))
}

/// Texts that are equal for the comparer have one hash code.
fn hash(a: &Args<'_>) -> R {
    let s = a.named(1, "obj")?;
    let key = if ignores_case(this(a)?) {
        text::upper_invariant(s)
    } else {
        s.to_string()
    };
    Ok(Value::Int(super::super::core::hash(&Value::from(key))))
}

pub(super) const ROWS: &[Row] = &[
    m("static StringComparer CurrentCulture", |_, _| made(0)),
    m("static StringComparer CurrentCultureIgnoreCase", |_, _| {
        made(1)
    }),
    m("static StringComparer InvariantCulture", |_, _| made(2)),
    m(
        "static StringComparer InvariantCultureIgnoreCase",
        |_, _| made(3),
    ),
    m("static StringComparer Ordinal", |_, _| made(4)),
    m("static StringComparer OrdinalIgnoreCase", |_, _| made(5)),
    m(
        "static StringComparer FromComparison(StringComparison comparisonType)",
        |_, a| made(checked(a.int(0))?),
    ),
    m(
        "static StringComparer Create(CultureInfo culture, bool ignoreCase)",
        |_, a| {
            if a.is_null(0) {
                return Err(null_argument("culture"));
            }
            made(if a.bool(1) { 3 } else { 2 })
        },
    ),
    m("int Compare(string x, string y)", |_, a| compared(a)),
    m("int Compare(object x, object y)", |_, a| {
        compared_objects(a)
    }),
    m("bool Equals(string x, string y)", |_, a| equal(a)),
    m("bool Equals(object x, object y)", |_, a| {
        if texts(a) {
            return equal(a);
        }
        Ok(Value::Bool(eval::equals(&a.values[1], &a.values[2])))
    }),
    m("int GetHashCode(string obj)", |_, a| hash(a)),
    m("int GetHashCode(object obj)", |_, a| hash(a)),
];
