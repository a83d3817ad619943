//! LINQ to XML: the extension methods on sequences of nodes.

use super::{ancestors, descendants, list, name_at, path, removed};
use crate::expr::eval::{Args, Cx, R};
use crate::expr::table::{Row, m};
use crate::value::Value;
use crate::value::xml::Node;
use std::rc::Rc;

/// A method of every node of a sequence, its results in a row.
fn of_each(
    cx: &mut Cx<'_>,
    a: &Args<'_>,
    class: &'static str,
    find: impl Fn(&Node) -> Vec<Rc<Node>>,
) -> R {
    let name = match a.len() {
        2 if a.is_null(1) => return list(cx, class, Vec::new()),
        2 => Some(name_at(a, 1)?),
        _ => None,
    };
    let mut out = Vec::new();
    for item in a.items(cx, 0)? {
        let Value::Object(o) = &item else { continue };
        let Some(node) = o.as_any().downcast_ref::<Node>() else {
            continue;
        };
        let found = find(node);
        cx.step(found.len())?;
        out.extend(found.into_iter().filter(|n| {
            (class == "XNode" || class == "XAttribute" || n.is_element())
                && name
                    .as_ref()
                    .is_none_or(|name| n.name().as_ref() == Some(name))
        }));
    }
    list(cx, class, out)
}

macro_rules! each {
    ($class:literal, $find:expr, $($signature:literal),+) => {
        [$(m($signature, |cx, a| of_each(cx, a, $class, $find))),+]
    };
}

pub(super) const EXTENSIONS: &[&[Row]] = &[
    &each!(
        "XElement",
        |n| n.children(),
        "static IEnumerable<XElement> Elements<T>(this IEnumerable<T> source)",
        "static IEnumerable<XElement> Elements<T>(this IEnumerable<T> source, XName name)"
    ),
    &each!(
        "XElement",
        |n| n.descendants(),
        "static IEnumerable<XElement> Descendants<T>(this IEnumerable<T> source)",
        "static IEnumerable<XElement> Descendants<T>(this IEnumerable<T> source, XName name)"
    ),
    &each!(
        "XElement",
        |n| descendants(n, true),
        "static IEnumerable<XElement> DescendantsAndSelf(this IEnumerable<XElement> source)",
        "static IEnumerable<XElement> DescendantsAndSelf(this IEnumerable<XElement> source, XName name)"
    ),
    &each!(
        "XElement",
        |n| ancestors(n, false),
        "static IEnumerable<XElement> Ancestors<T>(this IEnumerable<T> source)",
        "static IEnumerable<XElement> Ancestors<T>(this IEnumerable<T> source, XName name)"
    ),
    &each!(
        "XElement",
        |n| ancestors(n, true),
        "static IEnumerable<XElement> AncestorsAndSelf(this IEnumerable<XElement> source)",
        "static IEnumerable<XElement> AncestorsAndSelf(this IEnumerable<XElement> source, XName name)"
    ),
    &each!(
        "XAttribute",
        |n| n.attributes(),
        "static IEnumerable<XAttribute> Attributes(this IEnumerable<XElement> source)",
        "static IEnumerable<XAttribute> Attributes(this IEnumerable<XElement> source, XName name)"
    ),
    &each!(
        "XNode",
        |n| n.children(),
        "static IEnumerable<XNode> Nodes<T>(this IEnumerable<T> source)"
    ),
    &each!(
        "XNode",
        |n| n.descendants(),
        "static IEnumerable<XNode> DescendantNodes<T>(this IEnumerable<T> source)"
    ),
    &[
        m(
            "static void Remove<T>(this IEnumerable<T> source)",
            |cx, a| {
                for item in a.items(cx, 0)? {
                    if let Value::Object(o) = &item
                        && let Some(node) = o.as_any().downcast_ref::<Node>()
                    {
                        removed(cx, node)?;
                    }
                }
                Ok(Value::Null)
            },
        ),
        m(
            "static IEnumerable<T> InDocumentOrder<T>(this IEnumerable<T> source)",
            |cx, a| {
                let items = a.items(cx, 0)?;
                cx.step(items.len().saturating_mul(8))?;
                let mut placed = Vec::with_capacity(items.len());
                for item in items {
                    let place = match &item {
                        Value::Object(o) => o.as_any().downcast_ref::<Node>(),
                        _ => None,
                    };
                    placed.push((place.map(|n| path(cx, n)).transpose()?, item));
                }
                placed.sort_by(|(a, _), (b, _)| a.cmp(b));
                cx.sequence(a.ty(0), placed.into_iter().map(|(_, item)| item).collect())
            },
        ),
    ],
];
