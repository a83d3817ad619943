//! The axes of LINQ to XML, walked when they are enumerated, as .NET walks them.
//!
//! What must stay true: a node that leaves its place while it is the current one ends the walk as in .NET (axes of children
//! stop, a walk through descendants loses its way with a `NullReferenceException`); what is added behind it is seen; every
//! node that is passed counts.

use crate::expr::eval::sequence::Pull;
use crate::expr::eval::{Cx, Iter, Query, R, Throw, null_reference};
use crate::expr::types::Ty;
use crate::value::Value;
use crate::value::xml::{Name, Node};
use std::rc::Rc;

/// An axis, by the number that a query carries.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Axis {
    Children,
    Descendants,
    DescendantsAndSelf,
    Ancestors,
    AncestorsAndSelf,
    After,
    Before,
    Attributes,
}

const AXES: [Axis; 8] = [
    Axis::Children,
    Axis::Descendants,
    Axis::DescendantsAndSelf,
    Axis::Ancestors,
    Axis::AncestorsAndSelf,
    Axis::After,
    Axis::Before,
    Axis::Attributes,
];

/// An axis of one node. Elements of a name only, if there is one; `XElement` keeps elements, `XNode` all.
pub(super) fn of_node(
    cx: &mut Cx<'_>,
    node: Value,
    axis: Axis,
    class: &'static str,
    name: Option<Value>,
) -> R {
    query(cx, node, axis, class, name, |_, q| {
        let mut walk = Walk::from(q, &q.arg(0));
        pull(move |cx| walk.next(cx))
    })
}

/// An axis of each node of a sequence.
pub(super) fn of_each(
    cx: &mut Cx<'_>,
    nodes: Value,
    axis: Axis,
    class: &'static str,
    name: Option<Value>,
) -> R {
    query(cx, nodes, axis, class, name, |cx, q| {
        let mut source = q.iter(cx, 0)?;
        let mut walk = Walk::from(q, &Value::Null);
        pull(move |cx| each(cx, &mut source, &mut walk))
    })
}

fn each(cx: &mut Cx<'_>, source: &mut Iter, walk: &mut Walk) -> Result<Option<Value>, Throw> {
    loop {
        if let Some(found) = walk.next(cx)? {
            return Ok(Some(found));
        }
        match source.next(cx)? {
            // .NET passes over what is null.
            Some(node) => walk.begin(&node),
            None => return Ok(None),
        }
    }
}

fn query(
    cx: &mut Cx<'_>,
    source: Value,
    axis: Axis,
    class: &'static str,
    name: Option<Value>,
    open: crate::expr::eval::sequence::Open,
) -> R {
    cx.charge(size_of::<Query>() + 64)?;
    // A name of null finds nothing.
    let (name, nothing) = match name {
        Some(Value::Null) => (Value::Null, true),
        Some(name) => (name, false),
        None => (Value::Null, false),
    };
    let number = AXES.iter().position(|a| *a == axis).unwrap_or(0);
    let number = i32::try_from(number).unwrap_or(0);
    Ok(Value::Object(Rc::new(Query {
        class: "IEnumerable",
        of: Ty::class(class),
        name: "XmlIterator",
        args: smallvec::smallvec![
            if nothing { Value::Null } else { source },
            name,
            Value::Int(number)
        ],
        open: if nothing { empty } else { open },
    })))
}

fn empty(_: &mut Cx<'_>, _: &Query) -> Result<Pull, Throw> {
    pull(|_| Ok(None))
}

fn pull<F>(next: F) -> Result<Pull, Throw>
where
    F: FnMut(&mut Cx<'_>) -> Result<Option<Value>, Throw> + 'static,
{
    Ok(Box::new(next))
}

/// Where a walk is.
struct Walk {
    axis: Axis,
    name: Option<Name>,
    elements: bool,
    root: Option<Rc<Node>>,
    /// The node that was passed last.
    at: Option<Rc<Node>>,
    /// Where it and its parents were among their siblings.
    places: Vec<usize>,
}

impl Walk {
    fn from(q: &Query, node: &Value) -> Walk {
        let name = match q.arg(1) {
            Value::Object(o) => o.as_any().downcast_ref::<Name>().cloned(),
            _ => None,
        };
        let axis = usize::try_from(q.int(2)).ok();
        let mut walk = Walk {
            axis: axis
                .and_then(|i| AXES.get(i).copied())
                .unwrap_or(Axis::Children),
            name,
            elements: q.of.is_class("XElement"),
            root: None,
            at: None,
            places: Vec::new(),
        };
        walk.begin(node);
        walk
    }

    fn begin(&mut self, node: &Value) {
        self.root = match node {
            Value::Object(o) => o.as_any().downcast_ref::<Node>().map(Node::share),
            _ => None,
        };
        self.at = None;
        self.places.clear();
    }

    fn next(&mut self, cx: &mut Cx<'_>) -> Result<Option<Value>, Throw> {
        let mut passed = 0;
        loop {
            let Some(node) = self.pass()? else {
                self.root = None;
                return Ok(None);
            };
            self.at = Some(node.clone());
            passed += 1;
            if passed % 16 == 0 {
                cx.step(1)?;
            }
            if (!self.elements || node.is_element())
                && self.name.as_ref().is_none_or(|n| node.is_called(n))
            {
                return Ok(Some(Value::Object(node)));
            }
        }
    }

    /// The sibling after a node, whose place is kept.
    fn after(&mut self, node: &Rc<Node>) -> Option<Rc<Node>> {
        let holder = node.holder()?;
        let place = self.places.last_mut()?;
        if !holder.child(*place).is_some_and(|n| n.is(node)) {
            *place = node.position()?.1;
        }
        *place += 1;
        holder.child(*place)
    }

    /// The next node of the axis, whatever it is.
    fn pass(&mut self) -> Result<Option<Rc<Node>>, Throw> {
        let Some(root) = self.root.clone() else {
            return Ok(None);
        };
        let at = self.at.clone();
        Ok(match (self.axis, at) {
            (Axis::Children, None) => {
                self.places.push(0);
                root.child(0)
            }
            (Axis::Children, Some(at)) => {
                if !at.holder().is_some_and(|h| h.is(&root)) {
                    return Ok(None);
                }
                self.after(&at)
            }
            (Axis::Attributes, None) => {
                self.places.push(0);
                root.attribute_at(0)
            }
            (Axis::Attributes, Some(at)) => {
                if !at.holder().is_some_and(|h| h.is(&root)) {
                    return Ok(None);
                }
                let place = self.places.last_mut().map_or(0, |p| {
                    if !root.attribute_at(*p).is_some_and(|n| n.is(&at)) {
                        *p = root
                            .attributes()
                            .iter()
                            .position(|n| n.is(&at))
                            .unwrap_or(0);
                    }
                    *p += 1;
                    *p
                });
                root.attribute_at(place)
            }
            (Axis::Ancestors, None) => root.parent(),
            (Axis::AncestorsAndSelf, None) => Some(root),
            (Axis::Ancestors | Axis::AncestorsAndSelf, Some(at)) => at.parent(),
            (Axis::After, None) => {
                self.places.push(0);
                self.after(&root)
            }
            (Axis::After, Some(at)) => self.after(&at),
            (Axis::Before, None) => {
                self.places.push(0);
                let first = root.holder().and_then(|h| h.child(0));
                first.filter(|n| !n.is(&root))
            }
            (Axis::Before, Some(at)) => {
                let same = at.holder().zip(root.holder());
                if !same.is_some_and(|(a, b)| a.is(&b)) {
                    return Ok(None);
                }
                self.after(&at).filter(|n| !n.is(&root))
            }
            (Axis::DescendantsAndSelf, None) => Some(root),
            (Axis::Descendants, None) => self.below(&root, &root)?,
            (Axis::Descendants | Axis::DescendantsAndSelf, Some(at)) => self.below(&at, &root)?,
        })
    }

    /// The node after another in document order, within the root.
    fn below(&mut self, at: &Rc<Node>, root: &Rc<Node>) -> Result<Option<Rc<Node>>, Throw> {
        if let Some(first) = at.child(0) {
            self.places.push(0);
            return Ok(Some(first));
        }
        let mut at = at.clone();
        while !at.is(root) {
            // A node that was taken out has no way back.
            let holder = at.holder().ok_or_else(null_reference)?;
            if let Some(next) = self.after(&at) {
                return Ok(Some(next));
            }
            self.places.pop();
            at = holder;
        }
        Ok(None)
    }
}
