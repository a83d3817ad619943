//! LINQ to XML: comparers of nodes, by content (`XNodeEqualityComparer`) and by place (`XNodeDocumentOrderComparer`).

use super::{at, order_at};
use crate::expr::eval::{Args, Cx, R, Throw};
use crate::expr::table::{Row, m};
use crate::expr::types::Ty;
use crate::value::xml::{Node, write};
use crate::value::{Object, Value};
use std::any::Any;
use std::rc::Rc;

/// A comparer of either kind, by the name of its class.
#[derive(Debug)]
pub(crate) struct Comparer {
    class: &'static str,
    /// Whether a property gives it, the same object always.
    single: bool,
}

impl Object for Comparer {
    fn ty(&self) -> Ty {
        Ty::class(self.class)
    }
    fn as_any(&self) -> &dyn Any {
        self
    }
    fn is_single(&self) -> bool {
        self.single
    }
    fn equals(&self, other: &dyn Object) -> bool {
        let other = other.as_any().downcast_ref::<Comparer>();
        other.is_some_and(|o| {
            std::ptr::eq(self, o) || (self.single && o.single && self.class == o.class)
        })
    }
}

fn made(class: &'static str, single: bool) -> R {
    Ok(Value::Object(Rc::new(Comparer { class, single })))
}

/// The comparer by content.
pub(crate) fn by_content() -> R {
    made("XNodeEqualityComparer", true)
}

pub(super) const NODE: &[Row] = &[
    m("static XNodeEqualityComparer EqualityComparer", |_, _| {
        by_content()
    }),
    m(
        "static XNodeDocumentOrderComparer DocumentOrderComparer",
        |_, _| made("XNodeDocumentOrderComparer", true),
    ),
];

/// `DeepEquals` of two nodes at places of the arguments.
pub(super) fn equal_at(cx: &mut Cx<'_>, a: &Args<'_>, i: usize, j: usize) -> R {
    if a.is_null(i) || a.is_null(j) {
        return Ok(Value::Bool(a.is_null(i) && a.is_null(j)));
    }
    cx.step(at(a, i)?.weight() / 32)?;
    Ok(Value::Bool(at(a, i)?.deep_equals(at(a, j)?)))
}

/// A text that equal nodes share.
pub(crate) fn content_key(node: &Node) -> String {
    let mut out = String::new();
    // What cannot be written is only equal to what is written as far.
    let _ = write::write(node, false, &mut out);
    out
}

pub(super) const EQUALITY: &[Row] = &[
    m("new()", |_, _| made("XNodeEqualityComparer", false)),
    m("bool Equals(XNode x, XNode y)", |cx, a| {
        equal_at(cx, a, 1, 2)
    }),
    m("int GetHashCode(XNode obj)", |cx, a| {
        if a.is_null(1) {
            return Ok(Value::Int(0));
        }
        let node = at(a, 1)?;
        cx.step(node.weight() / 32)?;
        let key = Value::from(content_key(node));
        Ok(Value::Int(crate::expr::table::core::hash(&key)))
    }),
];

fn compare(cx: &mut Cx<'_>, a: &mut Args<'_>) -> Result<Value, Throw> {
    order_at(cx, a, 1, 2).map(Value::Int)
}

pub(super) const ORDER: &[Row] = &[
    m("new()", |_, _| made("XNodeDocumentOrderComparer", false)),
    m("int Compare(XNode x, XNode y)", compare),
];
