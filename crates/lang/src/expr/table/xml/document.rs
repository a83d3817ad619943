//! `XmlDocument`, as far as documents use it to read: an extension beyond what API Management lists.
//!
//! A node is a view of a node of LINQ to XML; paths are XPath 1.0 (`xml/xpath.rs`).

use super::{maybe_object, parsed};
use crate::expr::eval::{Args, Cx, R, Throw, null_argument, null_reference};
use crate::expr::table::{Row, m};
use crate::expr::types::Ty;
use crate::value::xml::{Kind, Node, XML, XMLNS, write};
use crate::value::{Object, Str, Value};
use std::any::Any;
use std::cell::{Cell, RefCell};
use std::rc::Rc;

/// An `XmlNode`.
#[derive(Debug)]
struct View(Rc<Node>);

impl Object for View {
    fn ty(&self) -> Ty {
        Ty::class(match &self.0.kind {
            Kind::Element { .. } => "XmlElement",
            Kind::Attribute { .. } => "XmlAttribute",
            Kind::Text(_) => "XmlText",
            Kind::CData(_) => "XmlCDataSection",
            Kind::Comment(_) => "XmlComment",
            Kind::Instruction { .. } if declares(&self.0) => "XmlDeclaration",
            Kind::Instruction { .. } => "XmlProcessingInstruction",
            Kind::Document(_) => "XmlDocument",
            Kind::DocumentType(_) => "XmlDocumentType",
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
    fn is_single(&self) -> bool {
        true
    }
    fn items(&self) -> Option<Vec<Value>> {
        Some(children(&self.0).into_iter().map(view).collect())
    }
}

/// An `XmlDocument`: empty until it is loaded.
#[derive(Debug)]
struct Loaded(RefCell<Rc<Node>>, Cell<bool>);

impl Object for Loaded {
    fn ty(&self) -> Ty {
        Ty::class("XmlDocument")
    }
    fn as_any(&self) -> &dyn Any {
        self
    }
    fn hash_text(&self) -> Option<String> {
        Some(format!(
            "{:p}",
            std::ptr::from_ref::<Node>(&self.0.borrow())
        ))
    }
    fn equals(&self, other: &dyn Object) -> bool {
        node_behind(other).is_some_and(|o| o.is(&self.0.borrow()))
    }
    fn is_single(&self) -> bool {
        true
    }
    fn items(&self) -> Option<Vec<Value>> {
        Some(children(&self.0.borrow()).into_iter().map(view).collect())
    }
}

/// What a node is gone through for. The value of an attribute is a text of it.
fn children(node: &Node) -> Vec<Rc<Node>> {
    match &node.kind {
        Kind::Attribute { .. } => vec![node.value_node()],
        _ => node.children(),
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

/// Whether a node is the declaration that a document begins with, which stands in the tree here.
pub(super) fn declares(node: &Node) -> bool {
    matches!(&node.kind, Kind::Instruction { target, .. } if **target.borrow() == *"xml")
}

pub(super) fn view(node: Rc<Node>) -> Value {
    if node.is_document() {
        return Value::Object(Rc::new(Loaded(RefCell::new(node), Cell::new(false))));
    }
    Value::Object(Rc::new(View(node)))
}

/// The node that an object is a view of.
pub(super) fn node_behind(object: &dyn Object) -> Option<Rc<Node>> {
    let any = object.as_any();
    match any.downcast_ref::<View>() {
        Some(view) => Some(view.0.clone()),
        None => Some(any.downcast_ref::<Loaded>()?.0.borrow().clone()),
    }
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
pub(in crate::expr::table) fn qualified(node: &Node) -> Str {
    let Some(name) = node.name() else {
        return Str::from(match &node.kind {
            Kind::Document(_) => "#document",
            Kind::Text(_) => "#text",
            Kind::CData(_) => "#cdata-section",
            Kind::Instruction { target, .. } => return target.borrow().clone(),
            Kind::DocumentType(parts) => {
                return parts.borrow()[0].clone().unwrap_or_else(|| Str::from(""));
            }
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

fn is_named(node: &Node, test: &str) -> bool {
    // Its prefix is looked for last: all that it stands in may declare it.
    let local = test.rsplit_once(':').map_or(test, |(_, local)| local);
    node.name().is_none_or(|n| *n.local == *local) && *qualified(node) == *test
}

/// The first of the nodes that has the name which is asked for; no name is null.
fn named(a: &Args<'_>, nodes: impl IntoIterator<Item = Rc<Node>>) -> Option<Rc<Node>> {
    let name = a.text(1).ok()?;
    nodes.into_iter().find(|n| is_named(n, name))
}

/// What it costs to go through a tree.
fn pay(cx: &mut Cx<'_>, node: &Node) -> Result<(), Throw> {
    cx.step(node.weight() / 64)
}

/// Whether no path leads from a node, which gives null then.
fn is_pathless(node: &Node) -> bool {
    declares(node) || matches!(node.kind, Kind::DocumentType(_))
}

fn one(cx: &mut Cx<'_>, a: &Args<'_>) -> R {
    if is_pathless(&*node(a)?) {
        return Ok(Value::Null);
    }
    let found = super::paths::nodes(cx, a, &node(a)?, 2)?;
    maybe_object(found.into_iter().next().map(view))
}

fn all(cx: &mut Cx<'_>, a: &Args<'_>) -> R {
    if is_pathless(&*node(a)?) {
        return Ok(Value::Null);
    }
    let nodes = super::paths::nodes(cx, a, &node(a)?, 2)?;
    found(cx, nodes)
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
            Kind::Element { .. } | Kind::Document(_) | Kind::DocumentType(_) => Value::Null,
            _ => Value::Str(node.inner_text()),
        })
    }),
    m("string OuterXml", |cx, a| {
        pay(cx, &*node(a)?)?;
        let mut out = String::new();
        write::write(&*node(a)?, false, &mut out).map_err(super::unwritable)?;
        cx.text(out)
    }),
    m("string InnerXml", |cx, a| {
        pay(cx, &*node(a)?)?;
        let mut out = String::new();
        if let Kind::Attribute { value, .. } = &node(a)?.kind {
            write::escape(&value.borrow(), true, &mut out);
        }
        for child in node(a)?.children() {
            write::write(&child, false, &mut out).map_err(super::unwritable)?;
        }
        cx.text(out)
    }),
    m("XmlNodeType NodeType", |_, a| {
        Ok(Value::Enum(
            &crate::expr::table::enums::XML_NODE_TYPE,
            if declares(&*node(a)?) {
                17
            } else {
                super::node_type(&*node(a)?)
            },
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
        let node = node(a)?;
        Ok(Value::Bool(node.is_attribute() || node.has_children()))
    }),
    m("XmlNodeList ChildNodes", |cx, a| {
        let all = children(&*node(a)?);
        found(cx, all)
    }),
    m("XmlNode FirstChild", |_, a| {
        let node = node(a)?;
        let value = node.is_attribute().then(|| node.value_node());
        maybe_object(value.or_else(|| node.child(0)).map(view))
    }),
    m("XmlNode LastChild", |_, a| {
        let node = node(a)?;
        let value = node.is_attribute().then(|| node.value_node());
        maybe_object(value.or_else(|| node.last_child()).map(view))
    }),
    m("XmlNode ParentNode", |_, a| {
        let node = node(a)?;
        let holder = node.holder().filter(|_| !node.is_attribute());
        maybe_object(holder.map(view))
    }),
    m("XmlNode NextSibling", |cx, a| {
        let next = super::neighbour(cx, &*node(a)?, 1)?;
        maybe_object(next.map(view))
    }),
    m("XmlNode SelectSingleNode(string xpath)", |cx, a| one(cx, a)),
    m(
        "XmlNode SelectSingleNode(string xpath, XmlNamespaceManager nsmgr)",
        |cx, a| one(cx, a),
    ),
    m("XmlNodeList SelectNodes(string xpath)", |cx, a| all(cx, a)),
    m(
        "XmlNodeList SelectNodes(string xpath, XmlNamespaceManager nsmgr)",
        |cx, a| all(cx, a),
    ),
    m("XmlNode PreviousSibling", |cx, a| {
        let previous = super::neighbour(cx, &*node(a)?, -1)?;
        maybe_object(previous.map(view))
    }),
    m("string Prefix", |_, a| {
        let name = qualified(&*node(a)?);
        Ok(Value::from(name.split_once(':').map_or("", |(p, _)| p)))
    }),
    m("XmlDocument OwnerDocument", |_, a| {
        let node = node(a)?;
        let root = node.root();
        Ok(if root.is_document() && !node.is_document() {
            view(root)
        } else {
            Value::Null
        })
    }),
    m("string GetNamespaceOfPrefix(string prefix)", |_, a| {
        let prefix = a.text(1).map_err(|_| null_argument("value"))?;
        let found = node(a)?.namespace_of(prefix).or(match prefix {
            "xml" => Some(XML.into()),
            "xmlns" => Some(XMLNS.into()),
            _ => None,
        });
        Ok(found.map_or_else(|| Value::from(""), Value::Str))
    }),
    m(
        "string GetPrefixOfNamespace(string namespaceURI)",
        |_, a| {
            let namespace = a.text(1).map_err(|_| null_argument("key"))?;
            let found = node(a)?.prefix_of(namespace);
            Ok(found.map_or_else(|| Value::from(""), Value::Str))
        },
    ),
    m("XmlElement this[string localname, string ns]", |cx, a| {
        let (Ok(local), Ok(namespace)) = (a.str(1), a.str(2)) else {
            return Ok(Value::Null);
        };
        let name = crate::value::xml::Name { local, namespace };
        let all = super::elements(cx, node(a)?.children(), Some(&name))?;
        maybe_object(all.into_iter().next().map(view))
    }),
    m("XmlElement this[string name]", |cx, a| {
        cx.step(node(a)?.width() / super::NODES_PER_STEP)?;
        let all = node(a)?.children().into_iter();
        maybe_object(named(a, all.filter(|n| n.is_element())).map(view))
    }),
];

pub(super) const ELEMENT: &[Row] = &[
    m("string GetAttribute(string name)", |_, a| {
        let one = named(a, node(a)?.attributes());
        Ok(one.map_or_else(|| Value::from(""), |n| Value::Str(n.inner_text())))
    }),
    m("bool HasAttribute(string name)", |_, a| {
        let one = named(a, node(a)?.attributes());
        Ok(Value::Bool(one.is_some()))
    }),
    m("XmlNodeList GetElementsByTagName(string name)", |cx, a| {
        by_tag(cx, a)
    }),
    m("bool IsEmpty", |_, a| {
        let node = node(a)?;
        Ok(Value::Bool(!node.has_children() && !node.is_blank()))
    }),
    m("bool HasAttributes", |_, a| {
        Ok(Value::Bool(!node(a)?.attributes().is_empty()))
    }),
    m(
        "string GetAttribute(string localName, string namespaceURI)",
        |_, a| {
            let node = node(a)?;
            // No name is null.
            let (Ok(local), Ok(namespace)) = (a.str(1), a.str(2)) else {
                return Ok(Value::from(""));
            };
            let name = crate::value::xml::Name { local, namespace };
            let one = super::attribute(&node, &name);
            Ok(one.map_or_else(|| Value::from(""), |n| Value::Str(n.inner_text())))
        },
    ),
    m("XmlAttribute GetAttributeNode(string name)", |_, a| {
        maybe_object(named(a, node(a)?.attributes()).map(view))
    }),
];

fn by_tag(cx: &mut Cx<'_>, a: &Args<'_>) -> R {
    let name = a.str(1)?;
    let mut all = node(a)?.descendants();
    cx.step(all.len())?;
    all.retain(|n| n.is_element() && (&*name == "*" || is_named(n, &name)));
    found(cx, all)
}

pub(super) const DOCUMENT: &[Row] = &[
    m("new()", |_, _| {
        Ok(Value::Object(Rc::new(Loaded(
            RefCell::new(Node::document()),
            Cell::new(false),
        ))))
    }),
    m("void LoadXml(string xml)", |cx, a| {
        let text = a.str(1).map_err(|_| super::null("xml"))?;
        let loaded = a.object::<Loaded>(0)?;
        let document = parsed(cx, &text, loaded.1.get())?;
        let declaration = match &document.kind {
            Kind::Document(place) => place.borrow().to_text(),
            _ => Str::from(""),
        };
        if let Some(data) = declaration.strip_prefix("<?xml ") {
            let data = Str::from(data.trim_end_matches("?>"));
            let node = Node::new(Kind::Instruction {
                target: RefCell::new(Str::from("xml")),
                data: RefCell::new(data),
            });
            document.insert(0, &node).map_err(super::xml_error)?;
        }
        loaded.0.replace(document);
        Ok(Value::Null)
    }),
    m("XmlNameTable NameTable", |_, _| {
        Ok(Value::Object(Rc::new(super::paths::Names)))
    }),
    m("bool PreserveWhitespace", |_, a| {
        Ok(Value::Bool(a.object::<Loaded>(0)?.1.get()))
    }),
    m("set bool PreserveWhitespace", |_, a| {
        a.object::<Loaded>(0)?.1.set(a.bool(1));
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
    m("XmlAttribute this[int i]", |_, a| match item(a)? {
        Value::Null => Err(crate::expr::eval::throw(
            "IndexOutOfRangeException",
            "The index being passed in is out of range.",
        )),
        found => Ok(found),
    }),
    m("XmlAttribute this[string name]", |_, a| {
        let all = a.object::<Found>(0)?.0.clone();
        maybe_object(named(a, all).map(view))
    }),
];
