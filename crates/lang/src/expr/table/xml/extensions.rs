//! LINQ to XML: the extension methods on sequences of nodes.
//!
//! The receivers are sequences of the class that a method is for, so that a sequence of JSON tokens does not fit.

use super::change::taken_out;
use super::live::{self, Axis};
use super::{null, path};
use crate::expr::eval::sequence::Pull;
use crate::expr::eval::{Args, Cx, Query, R, Throw, throw};
use crate::expr::table::{Row, m};
use crate::value::Value;
use crate::value::xml::Node;
use std::rc::Rc;

/// An axis of every node of the receiver, its results in a row.
fn of_each(cx: &mut Cx<'_>, a: &Args<'_>, class: &'static str, axis: Axis) -> R {
    if a.is_null(0) {
        return Err(null("source"));
    }
    let name = (a.len() > 1).then(|| a.get(1));
    live::of_each(cx, a.get(0), axis, class, name)
}

macro_rules! each {
    ($class:literal, $axis:ident, $($signature:literal),+) => {
        [$(m($signature, |cx, a| of_each(cx, a, $class, Axis::$axis))),+]
    };
}

/// `InDocumentOrder`, sorted when the first node is asked for.
fn in_order(cx: &mut Cx<'_>, q: &Query) -> Result<Pull, Throw> {
    let mut items = q.iter(cx, 0)?;
    // Null comes first.
    let mut placed: Vec<(Option<Vec<usize>>, Value)> = Vec::new();
    let mut root: Option<Rc<Node>> = None;
    while let Some(item) = items.next(cx)? {
        let node = match &item {
            Value::Object(o) => o.as_any().downcast_ref::<Node>(),
            _ => None,
        };
        let mut place = None;
        if let Some(node) = node {
            cx.step(8)?;
            let own = node.root();
            if root.as_ref().is_some_and(|r| !r.is(&own)) {
                return Err(throw(
                    "InvalidOperationException",
                    "Failed to compare two elements in the array.",
                ));
            }
            root = Some(own);
            place = Some(path(cx, node)?);
        }
        placed.push((place, item));
    }
    placed.sort_by(|(a, _), (b, _)| a.cmp(b));
    let mut sorted = placed.into_iter();
    Ok(Box::new(move |_| Ok(sorted.next().map(|(_, item)| item))))
}

pub(super) const EXTENSIONS: &[&[Row]] = &[
    &each!(
        "XElement",
        Children,
        "static IEnumerable<XElement> Elements(this IEnumerable<XContainer> source)",
        "static IEnumerable<XElement> Elements(this IEnumerable<XContainer> source, XName name)"
    ),
    &each!(
        "XElement",
        Descendants,
        "static IEnumerable<XElement> Descendants(this IEnumerable<XContainer> source)",
        "static IEnumerable<XElement> Descendants(this IEnumerable<XContainer> source, XName name)"
    ),
    &each!(
        "XElement",
        DescendantsAndSelf,
        "static IEnumerable<XElement> DescendantsAndSelf(this IEnumerable<XElement> source)",
        "static IEnumerable<XElement> DescendantsAndSelf(this IEnumerable<XElement> source, XName name)"
    ),
    &each!(
        "XElement",
        Ancestors,
        "static IEnumerable<XElement> Ancestors(this IEnumerable<XNode> source)",
        "static IEnumerable<XElement> Ancestors(this IEnumerable<XNode> source, XName name)"
    ),
    &each!(
        "XElement",
        AncestorsAndSelf,
        "static IEnumerable<XElement> AncestorsAndSelf(this IEnumerable<XElement> source)",
        "static IEnumerable<XElement> AncestorsAndSelf(this IEnumerable<XElement> source, XName name)"
    ),
    &each!(
        "XAttribute",
        Attributes,
        "static IEnumerable<XAttribute> Attributes(this IEnumerable<XElement> source)",
        "static IEnumerable<XAttribute> Attributes(this IEnumerable<XElement> source, XName name)"
    ),
    &each!(
        "XNode",
        Children,
        "static IEnumerable<XNode> Nodes(this IEnumerable<XContainer> source)"
    ),
    &each!(
        "XNode",
        Descendants,
        "static IEnumerable<XNode> DescendantNodes(this IEnumerable<XContainer> source)"
    ),
    &each!(
        "XNode",
        DescendantsAndSelf,
        "static IEnumerable<XNode> DescendantNodesAndSelf(this IEnumerable<XElement> source)"
    ),
    &[
        m("static void Remove(this IEnumerable<XNode> source)", remove),
        m(
            "static void Remove(this IEnumerable<XAttribute> source)",
            remove,
        ),
        m(
            "static IEnumerable<T> InDocumentOrder<T>(this IEnumerable<T> source) where T : XNode",
            |cx, a| {
                if a.is_null(0) {
                    return Err(null("source"));
                }
                cx.charge(size_of::<Query>() + 64)?;
                Ok(Value::Object(Rc::new(Query {
                    class: "IEnumerable",
                    of: a.ty(0),
                    name: "DocumentOrderIterator",
                    args: smallvec::smallvec![a.get(0)],
                    open: in_order,
                })))
            },
        ),
    ],
];

/// Takes every node out, all of which are found first.
fn remove(cx: &mut Cx<'_>, a: &mut Args<'_>) -> R {
    // They are held until the end: what one holds must still have its parent.
    let all = a.items(cx, 0)?;
    for item in &all {
        if let Value::Object(o) = item
            && let Some(node) = o.as_any().downcast_ref::<Node>()
        {
            taken_out(cx, node)?;
        }
    }
    Ok(Value::Null)
}
