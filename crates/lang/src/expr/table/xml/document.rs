//! `XmlDocument`, as far as documents use it to read: an extension beyond what API Management lists.
//!
//! A node is a view of a node of LINQ to XML. Paths are the simple ones: steps by name, `//`, `*`, `@name`, `text()`,
//! `[n]`, `[@a='v']` and `[name='v']`; any other is an exception and not an empty answer.

use super::{maybe_object, parsed};
use crate::expr::eval::{Args, Cx, R, Throw, null_reference, throw};
use crate::expr::table::{Row, m};
use crate::expr::types::Ty;
use crate::value::xml::{Kind, Node, write};
use crate::value::{Object, Str, Value};
use std::any::Any;
use std::cell::RefCell;
use std::rc::Rc;

/// An `XmlNode`.
#[derive(Debug)]
struct View(Rc<Node>);

impl Object for View {
    fn ty(&self) -> Ty {
        Ty::class(match &self.0.kind {
            Kind::Element { .. } => "XmlElement",
            Kind::Attribute { .. } => "XmlAttribute",
            _ => "XmlNode",
        })
    }
    fn as_any(&self) -> &dyn Any {
        self
    }
    fn hash_text(&self) -> Option<String> {
        Some(format!("{:p}", std::ptr::from_ref::<Node>(&self.0)))
    }
    fn equals(&self, other: &dyn Object) -> bool {
        other
            .as_any()
            .downcast_ref::<View>()
            .is_some_and(|o| o.0.is(&self.0))
    }
}

/// An `XmlDocument`: empty until it is loaded.
#[derive(Debug)]
struct Loaded(RefCell<Rc<Node>>);

impl Object for Loaded {
    fn ty(&self) -> Ty {
        Ty::class("XmlDocument")
    }
    fn as_any(&self) -> &dyn Any {
        self
    }
}

/// An `XmlNodeList` or an `XmlAttributeCollection`.
#[derive(Debug)]
struct Found(Vec<Rc<Node>>, &'static str);

impl Object for Found {
    fn ty(&self) -> Ty {
        Ty::class(self.1)
    }
    fn as_any(&self) -> &dyn Any {
        self
    }
    fn items(&self) -> Option<Vec<Value>> {
        Some(self.0.iter().map(|n| view(n.clone())).collect())
    }
}

fn view(node: Rc<Node>) -> Value {
    Value::Object(Rc::new(View(node)))
}

fn node(a: &Args<'_>) -> Result<Rc<Node>, Throw> {
    if let Ok(view) = a.object::<View>(0) {
        return Ok(view.0.clone());
    }
    let loaded = a.object::<Loaded>(0).map_err(|_| null_reference())?;
    Ok(loaded.0.borrow().clone())
}

fn found(cx: &mut Cx<'_>, nodes: Vec<Rc<Node>>) -> R {
    cx.charge(nodes.len() * size_of::<Rc<Node>>() + 32)?;
    Ok(Value::Object(Rc::new(Found(nodes, "XmlNodeList"))))
}

/// A name as written, with its prefix.
fn qualified(node: &Node) -> Str {
    let Some(name) = node.name() else {
        return Str::from(match &node.kind {
            Kind::Document(_) => "#document",
            Kind::Text(_) => "#text",
            Kind::CData(_) => "#cdata-section",
            _ => "#comment",
        });
    };
    let scope = node.parent().filter(|_| node.is_attribute());
    let scope = scope.as_deref().unwrap_or(node);
    if name.namespace.is_empty() || scope.namespace_of("").as_ref() == Some(&name.namespace) {
        return name.local;
    }
    match scope.prefix_of(&name.namespace) {
        Some(prefix) => format!("{prefix}:{}", name.local).into(),
        None => name.local,
    }
}

/// A step of a path.
struct Step<'p> {
    /// After `//`: anywhere below.
    deep: bool,
    test: &'p str,
    conditions: Vec<&'p str>,
}

fn bad_path(path: &str) -> Throw {
    throw(
        "XPathException",
        format!(
            "'{path}' is not a path that can be used here: names, `*`, `@name`, `text()`, `.`, `..`, `//`, `[n]`, `[@name='value']` and `[name='value']` are."
        ),
    )
}

fn steps<'p>(path: &'p str) -> Option<(bool, Vec<Step<'p>>)> {
    let mut rest = path.trim();
    let absolute = rest.starts_with('/');
    let mut out = Vec::new();
    while !rest.is_empty() {
        let deep = rest.starts_with("//");
        if deep {
            rest = &rest[2..];
        } else if !out.is_empty() || absolute {
            rest = rest.strip_prefix('/')?;
        }
        let end = rest.find(['/', '[']).unwrap_or(rest.len());
        let test = &rest[..end];
        rest = &rest[end..];
        let bare = test.strip_prefix('@').unwrap_or(test);
        let word = |c: char| c.is_alphanumeric() || matches!(c, '_' | '-' | '.' | ':');
        if !(matches!(test, "*" | "@*" | "text()" | "." | "..")
            || (!bare.is_empty() && bare.chars().all(word)))
        {
            return (path.trim() == "/").then(|| (true, Vec::new()));
        }
        let mut conditions = Vec::new();
        while let Some(inside) = rest.strip_prefix('[') {
            let end = inside.find(']')?;
            conditions.push(inside[..end].trim());
            rest = &inside[end + 1..];
        }
        out.push(Step {
            deep,
            test,
            conditions,
        });
    }
    Some((absolute, out))
}

fn is_named(node: &Node, test: &str) -> bool {
    // Its prefix is looked for last: all that it stands in may declare it.
    let local = test.rsplit_once(':').map_or(test, |(_, local)| local);
    test == "*" || (node.name().is_none_or(|n| *n.local == *local) && *qualified(node) == *test)
}

/// Whether a node meets `@a='v'`, `name='v'`, `@a` or `name`.
fn meets(node: &Node, condition: &str) -> Option<bool> {
    let (what, value) = match condition.split_once('=') {
        Some((what, value)) => {
            let value = value.trim();
            let quote = value.chars().next().filter(|q| matches!(q, '\'' | '"'))?;
            let value = value.strip_prefix(quote)?.strip_suffix(quote)?;
            (what.trim(), Some(value))
        }
        None => (condition, None),
    };
    let (all, test) = match what.strip_prefix('@') {
        Some(name) => (node.attributes(), name),
        None if what == "text()" => return Some(value.is_none_or(|v| &*node.inner_text() == v)),
        None => (node.children(), what),
    };
    let word = |c: char| c.is_alphanumeric() || matches!(c, '_' | '-' | '.' | ':');
    if test.is_empty() || !test.chars().all(word) {
        return None;
    }
    Some(all.iter().any(|n| {
        n.name().is_some() && is_named(n, test) && value.is_none_or(|v| &*n.inner_text() == v)
    }))
}

/// What a path finds from a node, in document order.
fn select(cx: &mut Cx<'_>, from: &Rc<Node>, path: &str) -> Result<Vec<Rc<Node>>, Throw> {
    let (absolute, steps) = steps(path).ok_or_else(|| bad_path(path))?;
    let mut now = vec![if absolute { from.root() } else { from.clone() }];
    for step in steps {
        let mut next: Vec<Rc<Node>> = Vec::new();
        for node in &now {
            let mut places = vec![node.clone()];
            if step.deep {
                places.extend(node.descendants());
            }
            cx.step(places.len())?;
            for place in places {
                cx.step(place.width() / super::NODES_PER_STEP)?;
                let mut found: Vec<Rc<Node>> = match step.test {
                    "." => vec![place.clone()],
                    ".." => place.holder().into_iter().collect(),
                    "text()" => {
                        let mut all = place.children();
                        all.retain(|n| matches!(n.kind, Kind::Text(_) | Kind::CData(_)));
                        all
                    }
                    test => match test.strip_prefix('@') {
                        Some(name) => {
                            let mut all = place.attributes();
                            all.retain(|n| {
                                is_named(n, name) && !n.name().is_some_and(|n| n.declares())
                            });
                            all
                        }
                        None => {
                            let mut all = place.children();
                            all.retain(|n| n.is_element() && is_named(n, test));
                            all
                        }
                    },
                };
                cx.step(found.len())?;
                for condition in &step.conditions {
                    if let Ok(nth) = condition.parse::<usize>() {
                        let one = nth.checked_sub(1).and_then(|i| found.get(i).cloned());
                        found = one.into_iter().collect();
                        continue;
                    }
                    let mut kept = Vec::new();
                    for node in found {
                        cx.step(node.width() / super::NODES_PER_STEP)?;
                        if meets(&node, condition).ok_or_else(|| bad_path(path))? {
                            kept.push(node);
                        }
                    }
                    found = kept;
                }
                next.extend(found);
            }
        }
        if step.deep || step.test == ".." {
            // A node may be found on several ways.
            let mut seen = std::collections::HashSet::new();
            next.retain(|n| seen.insert(Rc::as_ptr(n)));
        }
        now = next;
    }
    Ok(now)
}

/// What it costs to go through a tree.
fn pay(cx: &mut Cx<'_>, node: &Node) -> Result<(), Throw> {
    cx.step(node.weight() / 64)
}

fn path_at(a: &Args<'_>) -> Result<Str, Throw> {
    a.str(1).map_err(|_| super::null("xpath"))
}

pub(super) const NODE: &[Row] = &[
    m("string Name", |_, a| Ok(Value::Str(qualified(&*node(a)?)))),
    m("string LocalName", |_, a| {
        let node = node(a)?;
        Ok(Value::Str(match node.name() {
            Some(name) => name.local,
            None => qualified(&node),
        }))
    }),
    m("string NamespaceURI", |_, a| {
        let name = node(a)?.name();
        Ok(name.map_or_else(|| Value::from(""), |n| Value::Str(n.namespace)))
    }),
    m("string InnerText", |cx, a| {
        pay(cx, &*node(a)?)?;
        let text = node(a)?.inner_text();
        cx.text(text)
    }),
    m("string Value", |_, a| {
        let node = node(a)?;
        Ok(match &node.kind {
            Kind::Element { .. } | Kind::Document(_) => Value::Null,
            _ => Value::Str(node.inner_text()),
        })
    }),
    m("string OuterXml", |cx, a| {
        pay(cx, &*node(a)?)?;
        let mut out = String::new();
        write::write(&*node(a)?, false, &mut out).map_err(super::xml_error)?;
        cx.text(out)
    }),
    m("string InnerXml", |cx, a| {
        pay(cx, &*node(a)?)?;
        let mut out = String::new();
        for child in node(a)?.children() {
            write::write(&child, false, &mut out).map_err(super::xml_error)?;
        }
        cx.text(out)
    }),
    m("XmlNodeType NodeType", |_, a| {
        Ok(Value::Enum(
            &crate::expr::table::enums::XML_NODE_TYPE,
            super::node_type(&*node(a)?),
        ))
    }),
    m("XmlAttributeCollection Attributes", |cx, a| {
        let node = node(a)?;
        if !node.is_element() {
            return Ok(Value::Null);
        }
        let all = node.attributes();
        cx.charge(all.len() * size_of::<Rc<Node>>() + 32)?;
        Ok(Value::Object(Rc::new(Found(all, "XmlAttributeCollection"))))
    }),
    m("bool HasChildNodes", |_, a| {
        Ok(Value::Bool(node(a)?.has_children()))
    }),
    m("XmlNodeList ChildNodes", |cx, a| {
        let all = node(a)?.children();
        found(cx, all)
    }),
    m("XmlNode FirstChild", |_, a| {
        maybe_object(node(a)?.child(0).map(view))
    }),
    m("XmlNode LastChild", |_, a| {
        maybe_object(node(a)?.last_child().map(view))
    }),
    m("XmlNode ParentNode", |_, a| {
        maybe_object(node(a)?.holder().map(view))
    }),
    m("XmlNode NextSibling", |cx, a| {
        let next = super::neighbour(cx, &*node(a)?, 1)?;
        maybe_object(next.map(view))
    }),
    m("XmlNode SelectSingleNode(string xpath)", |cx, a| {
        let all = select(cx, &node(a)?, &path_at(a)?)?;
        maybe_object(all.into_iter().next().map(view))
    }),
    m("XmlNodeList SelectNodes(string xpath)", |cx, a| {
        let all = select(cx, &node(a)?, &path_at(a)?)?;
        found(cx, all)
    }),
    m("XmlElement this[string name]", |cx, a| {
        let name = a.str(1)?;
        cx.step(node(a)?.width() / super::NODES_PER_STEP)?;
        let all = node(a)?.children().into_iter();
        let one = all.filter(|n| n.is_element()).find(|n| is_named(n, &name));
        maybe_object(one.map(view))
    }),
];

pub(super) const ELEMENT: &[Row] = &[
    m("string GetAttribute(string name)", |_, a| {
        let name = a.str(1)?;
        let all = node(a)?.attributes();
        let one = all.iter().find(|n| is_named(n, &name));
        Ok(one.map_or_else(|| Value::from(""), |n| Value::Str(n.inner_text())))
    }),
    m("bool HasAttribute(string name)", |_, a| {
        let name = a.str(1)?;
        let all = node(a)?.attributes();
        Ok(Value::Bool(all.iter().any(|n| is_named(n, &name))))
    }),
    m("XmlNodeList GetElementsByTagName(string name)", |cx, a| {
        by_tag(cx, a)
    }),
];

fn by_tag(cx: &mut Cx<'_>, a: &Args<'_>) -> R {
    let name = a.str(1)?;
    let mut all = node(a)?.descendants();
    cx.step(all.len())?;
    all.retain(|n| n.is_element() && is_named(n, &name));
    found(cx, all)
}

pub(super) const DOCUMENT: &[Row] = &[
    m("new()", |_, _| {
        Ok(Value::Object(Rc::new(Loaded(RefCell::new(
            Node::document(),
        )))))
    }),
    m("void LoadXml(string xml)", |cx, a| {
        let text = a.str(1).map_err(|_| super::null("xml"))?;
        let document = parsed(cx, &text, false)?;
        a.object::<Loaded>(0)?.0.replace(document);
        Ok(Value::Null)
    }),
    m("XmlElement DocumentElement", |cx, a| {
        let all = super::elements(cx, node(a)?.children(), None)?;
        maybe_object(all.into_iter().next().map(view))
    }),
    m("XmlNodeList GetElementsByTagName(string name)", |cx, a| {
        by_tag(cx, a)
    }),
];

pub(super) const LIST: &[Row] = &[
    m("int Count", |_, a| {
        Ok(Value::Int(
            i32::try_from(a.object::<Found>(0)?.0.len()).unwrap_or(i32::MAX),
        ))
    }),
    m("XmlNode Item(int index)", |_, a| item(a)),
    m("XmlNode this[int i]", |_, a| item(a)),
];

/// Null outside the list, as .NET gives it.
fn item(a: &Args<'_>) -> R {
    let index = usize::try_from(a.int(1)).ok();
    let one = index.and_then(|i| a.object::<Found>(0).ok()?.0.get(i).cloned());
    maybe_object(one.map(view))
}

pub(super) const ATTRIBUTES: &[Row] = &[
    m("int Count", |_, a| {
        Ok(Value::Int(
            i32::try_from(a.object::<Found>(0)?.0.len()).unwrap_or(i32::MAX),
        ))
    }),
    m("XmlAttribute this[int i]", |_, a| item(a)),
    m("XmlAttribute this[string name]", |_, a| {
        let name = a.str(1)?;
        let all = &a.object::<Found>(0)?.0;
        maybe_object(all.iter().find(|n| is_named(n, &name)).cloned().map(view))
    }),
];
