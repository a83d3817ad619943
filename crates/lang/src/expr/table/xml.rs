//! `System.Xml.Linq`: what is read of a tree. Names are in `xml/names.rs`, what changes a tree is in `xml/change.rs`,
//! conversions are in `xml/convert.rs`, `XmlDocument` is in `xml/document.rs`.
//!
//! What must stay true: a tree is kept until the evaluation ends, so that a node finds its parent.

mod change;
pub(crate) mod compare;
mod convert;
mod declaration;
mod document;
mod extensions;
mod live;
mod names;
mod paths;
mod save;
pub(crate) mod xpath;

use super::enums::XML_NODE_TYPE;
use super::{Row, Type, m, ty, ty_of};
use crate::expr::eval::{Args, Cx, R, Throw, throw};
use crate::expr::types::Ty;
use crate::value::object::Unwritten;
use crate::value::xml::{Kind, Name, Node, XML, XMLNS, read, write};
use crate::value::{List, Str, Value};
use names::{Namespace, name_value, namespace_value};
use std::rc::Rc;

fn xml_error(message: impl Into<Str>) -> Throw {
    throw("XmlException", message)
}

/// What cannot be written.
fn unwritable(fault: write::Fault) -> Throw {
    Unwritten::from(fault).into()
}

fn null(name: &str) -> Throw {
    throw(
        "ArgumentNullException",
        format!("Value cannot be null. (Parameter '{name}')"),
    )
}

fn name_at(a: &Args<'_>, i: usize) -> Result<Name, Throw> {
    a.object::<Name>(i).cloned().map_err(|_| null("name"))
}

/// The receiver.
fn node<'a>(a: &'a Args<'_>) -> Result<&'a Node, Throw> {
    at(a, 0)
}

fn at<'a>(a: &'a Args<'_>, i: usize) -> Result<&'a Node, Throw> {
    a.object::<Node>(i)
        .map_err(|_| crate::expr::eval::null_reference())
}

/// The node behind a value, of LINQ to XML or of `XmlDocument`.
pub(super) fn node_of(v: &Value) -> Option<Rc<Node>> {
    let Value::Object(o) = v else { return None };
    match o.as_any().downcast_ref::<Node>() {
        Some(node) => Some(node.share()),
        None => document::node_behind(&**o),
    }
}

/// As [`node_of`], of an argument.
pub(super) fn node_at(a: &Args<'_>, i: usize) -> Option<Rc<Node>> {
    a.values.get(i).and_then(node_of)
}

/// The root of a document, taken out of it.
pub(super) fn root_alone(cx: &mut Cx<'_>, document: &Value) -> R {
    match node_of(document) {
        Some(document) => root_of(cx, &document),
        None => Ok(Value::Null),
    }
}

/// A document of LINQ to XML as an `XmlDocument`.
pub(super) fn as_xml_document(value: Value) -> Value {
    match node_of(&value) {
        Some(node) => document::view(node),
        None => Value::Null,
    }
}

/// A new tree: counted, and kept until the evaluation ends.
fn made(cx: &mut Cx<'_>, node: Rc<Node>) -> R {
    cx.charge(size_of::<Node>())?;
    let value = Value::Object(node);
    cx.keep_object(&value);
    Ok(value)
}

fn maybe(node: Option<Rc<Node>>) -> R {
    Ok(node.map_or(Value::Null, |n| Value::Object(n)))
}

fn maybe_object(value: Option<Value>) -> R {
    Ok(value.unwrap_or_default())
}

fn list(cx: &mut Cx<'_>, class: &'static str, nodes: Vec<Rc<Node>>) -> R {
    let values = nodes.into_iter().map(|n| Value::Object(n) as Value);
    cx.sequence(Ty::class(class), values.collect())
}

/// A document, counted.
pub(crate) fn parsed(cx: &mut Cx<'_>, text: &str, keep_space: bool) -> Result<Rc<Node>, Throw> {
    // A node takes some hundred bytes, and the shortest takes four characters.
    cx.charge(text.len().saturating_mul(24))?;
    cx.step(56 + text.len() / 4)?;
    let document = read::document(text, keep_space).map_err(xml_error)?;
    cx.keep_object(&document.value());
    Ok(document)
}

/// `Body.As<T>`, and `Parse`.
pub(super) fn parsed_as(cx: &mut Cx<'_>, text: &str, class: &str) -> R {
    let document = parsed(cx, text, false)?;
    if class == "XDocument" {
        return Ok(document.value());
    }
    root_of(cx, &document)
}

/// The root, on its own.
fn root_of(cx: &mut Cx<'_>, document: &Node) -> R {
    let Some(root) = document.children().into_iter().find(|n| n.is_element()) else {
        return Err(xml_error("Root element is missing."));
    };
    root.remove();
    cx.keep_object(&root.value());
    Ok(root.value())
}

/// `LoadOptions.PreserveWhitespace`.
const PRESERVE: i64 = 1;
/// `SaveOptions.DisableFormatting`.
const UNFORMATTED: i64 = 1;

fn printed(cx: &mut Cx<'_>, node: &Node, indent: bool) -> R {
    let out = written(cx, node, indent)?;
    cx.text(out)
}

/// A node's text; the work is counted, its memory is not.
pub(crate) fn written(cx: &mut Cx<'_>, node: &Node, indent: bool) -> Result<String, Throw> {
    cx.step(node.weight() / 64)?;
    let mut out = String::new();
    write::write(node, indent, &mut out).map_err(unwritable)?;
    Ok(out)
}

fn node_type(node: &Node) -> i64 {
    match node.kind {
        Kind::Element { .. } => 1,
        Kind::Attribute { .. } => 2,
        Kind::Text(_) => 3,
        Kind::CData(_) => 4,
        Kind::Instruction { .. } => 7,
        Kind::Comment(_) => 8,
        Kind::Document(_) => 9,
        Kind::DocumentType(_) => 10,
    }
}

/// Nodes that are looked at in one step of the evaluation.
const NODES_PER_STEP: usize = 16;
/// Nodes that are only counted or moved in one.
const PASSED_PER_STEP: usize = 256;

/// Keeps the elements of a list, of one name if one is asked for. The whole list counts as work, not what is kept.
fn elements(
    cx: &mut Cx<'_>,
    nodes: Vec<Rc<Node>>,
    name: Option<&Name>,
) -> Result<Vec<Rc<Node>>, Throw> {
    cx.step(nodes.len() / NODES_PER_STEP)?;
    let kept = |n: &Rc<Node>| n.is_element() && name.is_none_or(|name| n.is_called(name));
    Ok(nodes.into_iter().filter(kept).collect())
}

fn descendants(node: &Node, own: bool) -> Vec<Rc<Node>> {
    let mut out = if own { vec![node.share()] } else { Vec::new() };
    out.extend(node.descendants());
    out
}

/// Siblings before or after it, in document order.
fn siblings(node: &Node, after: bool) -> Vec<Rc<Node>> {
    let Some((holder, at)) = node.position() else {
        return Vec::new();
    };
    let mut all = holder.children();
    if after {
        all.split_off(at + 1)
    } else {
        all.truncate(at);
        all
    }
}

/// Takes a node out of what holds it; `false` when nothing does.
fn removed(cx: &mut Cx<'_>, node: &Node) -> Result<bool, Throw> {
    let beside = node.holder().map_or(0, |holder| holder.width());
    cx.step(beside / PASSED_PER_STEP)?;
    Ok(node.remove())
}

/// The sibling next to a node.
fn neighbour(cx: &mut Cx<'_>, node: &Node, by: isize) -> Result<Option<Rc<Node>>, Throw> {
    let Some((holder, at)) = node.position() else {
        return Ok(None);
    };
    cx.step(at / PASSED_PER_STEP)?;
    Ok(at.checked_add_signed(by).and_then(|at| holder.child(at)))
}

/// Where a node stands: the positions on the way from the root.
fn path(cx: &mut Cx<'_>, node: &Node) -> Result<Vec<usize>, Throw> {
    let mut out = Vec::new();
    let mut now = node.share();
    while let Some((holder, at)) = now.position() {
        cx.step(at / PASSED_PER_STEP)?;
        out.push(at);
        now = holder;
    }
    out.reverse();
    Ok(out)
}

/// The order of two nodes at places of the arguments; null comes first.
fn order_at(cx: &mut Cx<'_>, a: &Args<'_>, i: usize, j: usize) -> Result<i32, Throw> {
    match (a.is_null(i), a.is_null(j)) {
        (true, true) => Ok(0),
        (true, false) => Ok(-1),
        (false, true) => Ok(1),
        (false, false) => order(cx, at(a, i)?, at(a, j)?),
    }
}

fn order(cx: &mut Cx<'_>, a: &Node, b: &Node) -> Result<i32, Throw> {
    if !a.root().is(&b.root()) {
        return Err(throw(
            "InvalidOperationException",
            "A common ancestor is missing.",
        ));
    }
    Ok(path(cx, a)?.cmp(&path(cx, b)?) as i32)
}

/// An axis: all of it, and what of it has the name at the second place; `null` finds nothing.
macro_rules! axis {
    ($all:literal, $of:literal, $class:literal, $axis:ident) => {
        [
            m($all, |cx, a| {
                live::of_node(cx, node(a)?.value(), live::Axis::$axis, $class, None)
            }),
            m($of, |cx, a| {
                let name = Some(a.get(1));
                live::of_node(cx, node(a)?.value(), live::Axis::$axis, $class, name)
            }),
        ]
    };
}

const OBJECT: &[Row] = &[
    m("XDocument Document", |_, a| {
        maybe(Some(node(a)?.root()).filter(|r| r.is_document()))
    }),
    m("XElement Parent", |_, a| maybe(node(a)?.parent())),
    m("XmlNodeType NodeType", |_, a| {
        Ok(Value::Enum(&XML_NODE_TYPE, node_type(node(a)?)))
    }),
    m("string BaseUri", |_, _| Ok(Value::from(""))),
    m("void AddAnnotation(object annotation)", |cx, a| {
        if a.is_null(1) {
            return Err(null("annotation"));
        }
        cx.charge(64)?;
        let annotation = a.get(1);
        node(a)?.annotations.borrow_mut().push(annotation);
        Ok(Value::Null)
    }),
    m("T Annotation<T>() where T : class", |_, a| {
        Ok(save::annotations(a)?.into_iter().next().unwrap_or_default())
    }),
    m(
        "IEnumerable<T> Annotations<T>() where T : class",
        |cx, a| {
            let all = save::annotations(a)?;
            cx.sequence(a.ty(0), all)
        },
    ),
    m("void RemoveAnnotations<T>() where T : class", |_, a| {
        let ty = a.ty(0);
        let mut all = node(a)?.annotations.borrow_mut();
        all.retain(|v| !crate::expr::eval::types::is(&ty, v));
        Ok(Value::Null)
    }),
];

const NODE: &[&[Row]] = &[
    change::NODE,
    compare::NODE,
    &[
        m("XNode NextNode", |cx, a| maybe(neighbour(cx, node(a)?, 1)?)),
        m("XNode PreviousNode", |cx, a| {
            maybe(neighbour(cx, node(a)?, -1)?)
        }),
        m("IEnumerable<XNode> NodesAfterSelf()", |cx, a| {
            live::of_node(cx, node(a)?.value(), live::Axis::After, "XNode", None)
        }),
        m("IEnumerable<XNode> NodesBeforeSelf()", |cx, a| {
            live::of_node(cx, node(a)?.value(), live::Axis::Before, "XNode", None)
        }),
        m("bool IsAfter(XNode node)", |cx, a| {
            Ok(Value::Bool(order_at(cx, a, 0, 1)? > 0))
        }),
        m("bool IsBefore(XNode node)", |cx, a| {
            Ok(Value::Bool(order_at(cx, a, 0, 1)? < 0))
        }),
        m(
            "static int CompareDocumentOrder(XNode n1, XNode n2)",
            |cx, a| Ok(Value::Int(order_at(cx, a, 0, 1)?)),
        ),
        m("static bool DeepEquals(XNode n1, XNode n2)", |cx, a| {
            compare::equal_at(cx, a, 0, 1)
        }),
        m("string ToString()", |cx, a| {
            let n = node(a)?.share();
            printed(cx, &n, true)
        }),
        m("string ToString(SaveOptions options)", |cx, a| {
            let n = node(a)?.share();
            cx.step(n.weight() / 64)?;
            let mut out = String::new();
            let options = a.int(1);
            write::write_as(
                &n,
                options & UNFORMATTED == 0,
                options & save::OMIT != 0,
                &mut out,
            )
            .map_err(unwritable)?;
            cx.text(out)
        }),
    ],
    &axis!(
        "IEnumerable<XElement> Ancestors()",
        "IEnumerable<XElement> Ancestors(XName name)",
        "XElement",
        Ancestors
    ),
    &axis!(
        "IEnumerable<XElement> ElementsAfterSelf()",
        "IEnumerable<XElement> ElementsAfterSelf(XName name)",
        "XElement",
        After
    ),
    &axis!(
        "IEnumerable<XElement> ElementsBeforeSelf()",
        "IEnumerable<XElement> ElementsBeforeSelf(XName name)",
        "XElement",
        Before
    ),
];

const CONTAINER: &[&[Row]] = &[
    change::CONTAINER,
    &[
        m("XNode FirstNode", |_, a| maybe(node(a)?.child(0))),
        m("XNode LastNode", |_, a| maybe(node(a)?.last_child())),
        m("IEnumerable<XNode> Nodes()", |cx, a| {
            live::of_node(cx, node(a)?.value(), live::Axis::Children, "XNode", None)
        }),
        m("IEnumerable<XNode> DescendantNodes()", |cx, a| {
            live::of_node(cx, node(a)?.value(), live::Axis::Descendants, "XNode", None)
        }),
        m("XElement Element(XName name)", |cx, a| {
            if a.is_null(1) {
                return Ok(Value::Null);
            }
            let name = name_at(a, 1)?;
            let found = elements(cx, node(a)?.children(), Some(&name))?;
            maybe(found.into_iter().next())
        }),
    ],
    &axis!(
        "IEnumerable<XElement> Elements()",
        "IEnumerable<XElement> Elements(XName name)",
        "XElement",
        Children
    ),
    &axis!(
        "IEnumerable<XElement> Descendants()",
        "IEnumerable<XElement> Descendants(XName name)",
        "XElement",
        Descendants
    ),
];

/// The attribute of that name.
fn attribute(element: &Node, name: &Name) -> Option<Rc<Node>> {
    let mut all = element.attributes().into_iter();
    all.find(|a| a.name().as_ref() == Some(name))
}

const ELEMENT: &[&[Row]] = &[
    save::SAVE,
    change::ELEMENT,
    convert::ELEMENT,
    &[
        m("XName Name", |_, a| {
            Ok(node(a)?.name().map_or(Value::Null, name_value))
        }),
        m("string Value", |cx, a| {
            let n = node(a)?;
            cx.step(n.weight() / 256)?;
            let text = n.inner_text();
            cx.text(text)
        }),
        m("bool HasElements", |cx, a| {
            cx.step(node(a)?.width() / NODES_PER_STEP)?;
            Ok(Value::Bool(node(a)?.has_element()))
        }),
        m("bool HasAttributes", |_, a| {
            Ok(Value::Bool(!node(a)?.attributes().is_empty()))
        }),
        m("bool IsEmpty", |_, a| {
            let n = node(a)?;
            Ok(Value::Bool(!n.has_children() && !n.is_blank()))
        }),
        m("XAttribute FirstAttribute", |_, a| {
            maybe(node(a)?.attributes().into_iter().next())
        }),
        m("XAttribute LastAttribute", |_, a| {
            maybe(node(a)?.attributes().pop())
        }),
        m("XAttribute Attribute(XName name)", |_, a| {
            if a.is_null(1) {
                return Ok(Value::Null);
            }
            let name = name_at(a, 1)?;
            maybe(attribute(node(a)?, &name))
        }),
        m("IEnumerable<XAttribute> Attributes()", |cx, a| {
            live::of_node(
                cx,
                node(a)?.value(),
                live::Axis::Attributes,
                "XAttribute",
                None,
            )
        }),
        m("IEnumerable<XAttribute> Attributes(XName name)", |cx, a| {
            let name = Some(a.get(1));
            live::of_node(
                cx,
                node(a)?.value(),
                live::Axis::Attributes,
                "XAttribute",
                name,
            )
        }),
        m("IEnumerable<XNode> DescendantNodesAndSelf()", |cx, a| {
            live::of_node(
                cx,
                node(a)?.value(),
                live::Axis::DescendantsAndSelf,
                "XNode",
                None,
            )
        }),
        m("XNamespace GetDefaultNamespace()", |_, a| {
            Ok(namespace_value(
                node(a)?.namespace_of("").unwrap_or_else(|| Str::from("")),
            ))
        }),
        m("XNamespace GetNamespaceOfPrefix(string prefix)", |_, a| {
            let found = match a.text(1).map_err(|_| null("prefix"))? {
                "xml" => Some(Str::from(XML)),
                "xmlns" => Some(Str::from(XMLNS)),
                "" => {
                    return Err(throw("ArgumentException", "'' is an invalid prefix."));
                }
                prefix => node(a)?.namespace_of(prefix),
            };
            Ok(found.map_or(Value::Null, namespace_value))
        }),
        m("string GetPrefixOfNamespace(XNamespace ns)", |_, a| {
            let namespace = a.object::<Namespace>(1).map_err(|_| null("ns"))?.0.clone();
            Ok(node(a)?
                .prefix_of(&namespace)
                .map_or(Value::Null, Value::Str))
        }),
        m("static XElement Parse(string text)", |cx, a| {
            let text = a.str(0).map_err(|_| null("s"))?;
            let document = parsed(cx, &text, false)?;
            root_of(cx, &document)
        }),
        m(
            "static XElement Parse(string text, LoadOptions options)",
            |cx, a| {
                let text = a.str(0).map_err(|_| null("s"))?;
                let document = parsed(cx, &text, a.int(1) & PRESERVE != 0)?;
                root_of(cx, &document)
            },
        ),
        m("static IEnumerable<XElement> EmptySequence", |_, _| {
            Ok(Value::List(List::empty(&Ty::class("XElement"))))
        }),
    ],
    &axis!(
        "IEnumerable<XElement> AncestorsAndSelf()",
        "IEnumerable<XElement> AncestorsAndSelf(XName name)",
        "XElement",
        AncestorsAndSelf
    ),
    &axis!(
        "IEnumerable<XElement> DescendantsAndSelf()",
        "IEnumerable<XElement> DescendantsAndSelf(XName name)",
        "XElement",
        DescendantsAndSelf
    ),
];

const ATTRIBUTE: &[&[Row]] = &[
    change::ATTRIBUTE,
    convert::ATTRIBUTE,
    &[
        m("XName Name", |_, a| {
            Ok(node(a)?.name().map_or(Value::Null, name_value))
        }),
        m("string Value", |_, a| Ok(Value::Str(node(a)?.inner_text()))),
        m("bool IsNamespaceDeclaration", |_, a| {
            Ok(Value::Bool(node(a)?.name().is_some_and(|n| n.declares())))
        }),
        m("XAttribute NextAttribute", |_, a| beside(a, 1)),
        m("XAttribute PreviousAttribute", |_, a| beside(a, -1)),
        m("string ToString()", |cx, a| {
            let n = node(a)?.share();
            printed(cx, &n, true)
        }),
        m("static IEnumerable<XAttribute> EmptySequence", |_, _| {
            Ok(Value::List(List::empty(&Ty::class("XAttribute"))))
        }),
    ],
];

/// The attribute beside another.
fn beside(a: &Args<'_>, by: isize) -> R {
    let attribute = node(a)?;
    let all = attribute.parent().map(|p| p.attributes());
    let all = all.unwrap_or_default();
    let found = all
        .iter()
        .position(|n| n.is(attribute))
        .and_then(|at| at.checked_add_signed(by))
        .and_then(|at| all.get(at).cloned());
    maybe(found)
}

const DOCUMENT: &[&[Row]] = &[
    save::SAVE,
    change::DOCUMENT,
    &[
        m("XElement Root", |cx, a| {
            let all = elements(cx, node(a)?.children(), None)?;
            maybe(all.into_iter().next())
        }),
        m("XDeclaration Declaration", |_, a| {
            Ok(match &node(a)?.kind {
                Kind::Document(declaration) => declaration.borrow().clone(),
                _ => Value::Null,
            })
        }),
        m("set XDeclaration Declaration", |_, a| {
            if let Kind::Document(place) = &node(a)?.kind {
                place.replace(a.get(1));
            }
            Ok(Value::Null)
        }),
        m("XDocumentType DocumentType", |_, a| {
            let mut all = node(a)?.children().into_iter();
            maybe(all.find(|n| matches!(n.kind, Kind::DocumentType(_))))
        }),
        m("static XDocument Parse(string text)", |cx, a| {
            let text = a.str(0).map_err(|_| null("s"))?;
            Ok(parsed(cx, &text, false)?.value())
        }),
        m(
            "static XDocument Parse(string text, LoadOptions options)",
            |cx, a| {
                let text = a.str(0).map_err(|_| null("s"))?;
                Ok(parsed(cx, &text, a.int(1) & PRESERVE != 0)?.value())
            },
        ),
    ],
];

pub(super) const TYPES: &[Type] = &[
    ty("class System.Xml.Linq.XName", names::NAME),
    ty("class System.Xml.Linq.XNamespace", names::NAMESPACE),
    ty("class System.Xml.Linq.XObject", OBJECT),
    ty_of("class System.Xml.Linq.XNode : XObject", NODE),
    ty_of("class System.Xml.Linq.XContainer : XNode", CONTAINER),
    ty_of("class System.Xml.Linq.XElement : XContainer", ELEMENT),
    ty_of("class System.Xml.Linq.XDocument : XContainer", DOCUMENT),
    ty_of("class System.Xml.Linq.XAttribute : XObject", ATTRIBUTE),
    ty("class System.Xml.Linq.XText : XNode", change::TEXT),
    ty("class System.Xml.Linq.XCData : XText", change::CDATA),
    ty("class System.Xml.Linq.XComment : XNode", change::COMMENT),
    ty(
        "class System.Xml.Linq.XProcessingInstruction : XNode",
        change::INSTRUCTION,
    ),
    ty(
        "class System.Xml.Linq.XDocumentType : XNode",
        change::DOCUMENT_TYPE,
    ),
    ty("class System.Xml.Linq.XDeclaration", declaration::ROWS),
    ty(
        "class System.Xml.Linq.XNodeEqualityComparer : IEqualityComparer<XNode>",
        compare::EQUALITY,
    ),
    ty(
        "class System.Xml.Linq.XNodeDocumentOrderComparer : IComparer<XNode>",
        compare::ORDER,
    ),
    ty_of(
        "static System.Xml.Linq.XmlExtensions",
        extensions::EXTENSIONS,
    ),
    ty("static System.Xml.XPath.XPathExtensions", paths::EXTENSIONS),
    ty("class System.Xml.XmlNameTable", &[]),
    ty(
        "class System.Xml.NameTable : XmlNameTable",
        paths::NAME_TABLE,
    ),
    ty("class System.Xml.XmlNamespaceManager", paths::MANAGER),
    ty("class System.Xml.XmlNode : ISequence", document::NODE),
    ty("class System.Xml.XmlElement : XmlNode", document::ELEMENT),
    ty("class System.Xml.XmlAttribute : XmlNode", &[]),
    ty("class System.Xml.XmlCharacterData : XmlNode", &[]),
    ty("class System.Xml.XmlText : XmlCharacterData", &[]),
    ty("class System.Xml.XmlCDataSection : XmlCharacterData", &[]),
    ty("class System.Xml.XmlComment : XmlCharacterData", &[]),
    ty("class System.Xml.XmlProcessingInstruction : XmlNode", &[]),
    ty("class System.Xml.XmlDeclaration : XmlNode", &[]),
    ty("class System.Xml.XmlDocumentType : XmlNode", &[]),
    ty("class System.Xml.XmlDocument : XmlNode", document::DOCUMENT),
    ty(
        "class System.Xml.XmlNodeList : IEnumerable<XmlNode>",
        document::LIST,
    ),
    ty(
        "class System.Xml.XmlAttributeCollection : IEnumerable<XmlAttribute>",
        document::ATTRIBUTES,
    ),
];
