//! LINQ to XML: what makes and changes nodes.
//!
//! Source: `XContainer.Add` and its like. What must stay true: content is taken apart as .NET does - texts join, sequences
//! are gone through, null is nothing, a node that is somewhere already is copied.

use super::convert::text_of;
use super::{PASSED_PER_STEP, at, attribute, made, name_at, node, null, removed};
use crate::expr::eval::{Args, Cx, R, Throw, iterate, throw};
use crate::expr::table::{Row, m};
use crate::value::xml::{Declared, Kind, Name, Node, XML, XMLNS};
use crate::value::{Str, Value};
use std::cell::RefCell;
use std::rc::Rc;

/// A part of what is added.
enum Piece {
    Node(Rc<Node>),
    Text(String),
}

fn refused(why: &'static str) -> Throw {
    let class = match why {
        "XML is nested too deeply" => {
            return Throw::bound("System.InsufficientExecutionStackException", why);
        }
        "Duplicate attribute."
        | "This operation would create an incorrectly structured document." => {
            "InvalidOperationException"
        }
        _ => "ArgumentException",
    };
    throw(class, why)
}

/// Takes content apart.
fn pieces(cx: &mut Cx<'_>, content: &Value, out: &mut Vec<Piece>) -> Result<(), Throw> {
    cx.step(1)?;
    match content {
        Value::Null => {}
        Value::Object(o) => match o.as_any().downcast_ref::<Node>() {
            Some(node) => out.push(Piece::Node(node.share())),
            None if o.is_sequence() => {
                for item in iterate(cx, content)? {
                    pieces(cx, &item, out)?;
                }
            }
            None => out.push(Piece::Text(text_of(content)?.to_string())),
        },
        // A value of JSON is a sequence too, of nothing.
        Value::List(_) | Value::Dict(_) | Value::Token(_) => {
            for item in iterate(cx, content)? {
                pieces(cx, &item, out)?;
            }
        }
        other => {
            let text = text_of(other)?;
            match out.last_mut() {
                Some(Piece::Text(before)) => before.push_str(&text),
                _ => out.push(Piece::Text(text.to_string())),
            }
        }
    }
    Ok(())
}

/// The arguments from the `i`th on, taken apart.
fn content(cx: &mut Cx<'_>, a: &Args<'_>, i: usize) -> Result<Vec<Piece>, Throw> {
    let mut out = Vec::new();
    pieces(cx, &a.get(i), &mut out)?;
    Ok(out)
}

/// What a copy costs.
fn pay(cx: &mut Cx<'_>, node: &Node) -> Result<(), Throw> {
    let weight = match node.holder() {
        Some(_) => node.weight(),
        None => 64,
    };
    cx.step(weight / 64)?;
    cx.charge(weight)
}

/// A text that is there already is copied when another is added to it.
fn joins(cx: &mut Cx<'_>, to: &Node) -> Result<(), Throw> {
    let there = match to.last_child().as_deref().map(|n| &n.kind) {
        Some(Kind::Text(text)) => text.borrow().len(),
        _ => 0,
    };
    cx.step(there / 1024)
}

/// Adds at the end; attributes where they belong.
fn append(cx: &mut Cx<'_>, to: &Node, content: Vec<Piece>) -> Result<(), Throw> {
    for piece in content {
        match piece {
            Piece::Text(text) => {
                joins(cx, to)?;
                cx.charge(text.len() + 64)?;
                to.append_text(&text).map_err(refused)?;
            }
            Piece::Node(node) => {
                pay(cx, &node)?;
                if node.is_attribute() {
                    // All that are there are compared.
                    cx.step(to.attributes().len() / 16)?;
                    to.append_attribute(&node).map_err(refused)?;
                } else {
                    to.insert(usize::MAX, &node).map_err(refused)?;
                }
            }
        }
    }
    Ok(())
}

/// Adds at a place among the children.
fn insert(cx: &mut Cx<'_>, to: &Node, mut at: usize, content: Vec<Piece>) -> Result<(), Throw> {
    for piece in content {
        cx.step(to.width() / PASSED_PER_STEP)?;
        let node = match piece {
            Piece::Text(text) if text.is_empty() && to.has_children() => continue,
            Piece::Text(text) if text.is_empty() => {
                to.append_text("").map_err(refused)?;
                continue;
            }
            Piece::Text(text) => {
                // It joins the text that it comes behind.
                let before = at.checked_sub(1).and_then(|i| to.child(i));
                if let Some(Kind::Text(there)) = before.as_deref().map(|n| &n.kind) {
                    let joined = format!("{}{text}", there.borrow());
                    cx.charge(joined.len())?;
                    there.replace(joined.into());
                    continue;
                }
                Node::text_of(text)
            }
            Piece::Node(node) if node.is_attribute() => {
                return Err(refused("An attribute cannot be added to content."));
            }
            Piece::Node(node) => node,
        };
        pay(cx, &node)?;
        to.insert(at, &node).map_err(refused)?;
        at += 1;
    }
    Ok(())
}

fn no_parent() -> Throw {
    throw("InvalidOperationException", "The parent is missing.")
}

fn beside(cx: &mut Cx<'_>, a: &Args<'_>, after: usize) -> R {
    let (holder, at) = node(a)?.position().ok_or_else(no_parent)?;
    cx.step(at / PASSED_PER_STEP)?;
    let content = content(cx, a, 1)?;
    insert(cx, &holder, at + after, content)?;
    Ok(Value::Null)
}

/// Takes a node out of where it stands; it must stand somewhere.
pub(super) fn taken_out(cx: &mut Cx<'_>, node: &Node) -> R {
    if removed(cx, node)? {
        Ok(Value::Null)
    } else {
        Err(no_parent())
    }
}

fn remove(cx: &mut Cx<'_>, a: &Args<'_>) -> R {
    taken_out(cx, node(a)?)
}

pub(super) const NODE: &[Row] = &[
    m("void AddAfterSelf(params object[] content)", |cx, a| {
        beside(cx, a, 1)
    }),
    m("void AddBeforeSelf(params object[] content)", |cx, a| {
        beside(cx, a, 0)
    }),
    m("void Remove()", |cx, a| remove(cx, a)),
    m("void ReplaceWith(params object[] content)", |cx, a| {
        let own = node(a)?.share();
        let (holder, at) = own.position().ok_or_else(no_parent)?;
        let content = content(cx, a, 1)?;
        removed(cx, &own)?;
        insert(cx, &holder, at, content)?;
        Ok(Value::Null)
    }),
];

pub(super) const CONTAINER: &[Row] = &[
    m("void Add(params object[] content)", |cx, a| {
        let content = content(cx, a, 1)?;
        append(cx, node(a)?, content)?;
        Ok(Value::Null)
    }),
    m("void AddFirst(params object[] content)", |cx, a| {
        let content = content(cx, a, 1)?;
        insert(cx, node(a)?, 0, content)?;
        Ok(Value::Null)
    }),
    m("void RemoveNodes()", |_, a| {
        node(a)?.clear();
        Ok(Value::Null)
    }),
    m("void ReplaceNodes(params object[] content)", |cx, a| {
        let content = content(cx, a, 1)?;
        node(a)?.clear();
        append(cx, node(a)?, content)?;
        Ok(Value::Null)
    }),
];

fn element(cx: &mut Cx<'_>, a: &Args<'_>) -> R {
    let made = made(cx, Node::element(name_at(a, 0)?))?;
    let content = content(cx, a, 1)?;
    if let Value::Object(o) = &made
        && let Some(element) = o.as_any().downcast_ref::<Node>()
    {
        append(cx, element, content)?;
    }
    Ok(made)
}

/// Replaces all that is inside by a text.
fn set_text(cx: &mut Cx<'_>, element: &Node, text: &str) -> R {
    cx.charge(text.len())?;
    element.clear();
    element.append_text(text).map_err(refused)?;
    Ok(Value::Null)
}

pub(super) const ELEMENT: &[Row] = &[
    m("new(XName name)", |cx, a| {
        made(cx, Node::element(name_at(a, 0)?))
    }),
    m("new(XName name, params object[] content)", |cx, a| {
        element(cx, a)
    }),
    m("new(XElement other)", |cx, a| {
        let other = at(a, 0).map_err(|_| null("other"))?;
        cx.charge(other.weight())?;
        made(cx, other.copy())
    }),
    m("set XName Name", |_, a| {
        let new = name_at(a, 1)?;
        if let Kind::Element { name, .. } = &node(a)?.kind {
            name.replace(new);
        }
        Ok(Value::Null)
    }),
    m("set string Value", |cx, a| {
        let text = a.str(1).map_err(|_| null("value"))?;
        set_text(cx, node(a)?, &text)
    }),
    m("void SetValue(object value)", |cx, a| {
        if a.is_null(1) {
            return Err(null("value"));
        }
        let text = text_of(&a.values[1])?;
        set_text(cx, node(a)?, &text)
    }),
    m(
        "void SetAttributeValue(XName name, object value)",
        |cx, a| {
            let Some(name) = name_to_set(a)? else {
                return Ok(Value::Null);
            };
            let element = node(a)?;
            let found = attribute(element, &name);
            if a.is_null(2) {
                if let Some(found) = found {
                    found.remove();
                }
                return Ok(Value::Null);
            }
            let text = text_of(&a.values[2])?;
            cx.charge(text.len() + 64)?;
            checked(&name, &text)?;
            match found.as_deref().map(|n| &n.kind) {
                Some(Kind::Attribute { value, .. }) => {
                    value.replace(text);
                }
                _ => {
                    let new = Node::attribute(name, text);
                    element.append_attribute(&new).map_err(refused)?;
                }
            }
            Ok(Value::Null)
        },
    ),
    m("void SetElementValue(XName name, object value)", |cx, a| {
        let Some(name) = name_to_set(a)? else {
            return Ok(Value::Null);
        };
        let all = super::elements(cx, node(a)?.children(), Some(&name))?;
        let found = all.into_iter().next();
        if a.is_null(2) {
            if let Some(found) = found {
                found.remove();
            }
            return Ok(Value::Null);
        }
        let text = text_of(&a.values[2])?;
        let element = match found {
            Some(found) => found,
            None => node(a)?
                .insert(usize::MAX, &Node::element(name))
                .map_err(refused)?,
        };
        set_text(cx, &element, &text)
    }),
    m("void RemoveAll()", |_, a| {
        node(a)?.clear();
        node(a)?.clear_attributes();
        Ok(Value::Null)
    }),
    m("void RemoveAttributes()", |_, a| {
        node(a)?.clear_attributes();
        Ok(Value::Null)
    }),
    m("void ReplaceAll(params object[] content)", |cx, a| {
        let content = content(cx, a, 1)?;
        node(a)?.clear();
        node(a)?.clear_attributes();
        append(cx, node(a)?, content)?;
        Ok(Value::Null)
    }),
    m(
        "void ReplaceAttributes(params object[] content)",
        |cx, a| {
            let content = content(cx, a, 1)?;
            node(a)?.clear_attributes();
            append(cx, node(a)?, content)?;
            Ok(Value::Null)
        },
    ),
];

pub(super) const ATTRIBUTE: &[Row] = &[
    m("new(XName name, object value)", |cx, a| {
        let name = name_at(a, 0)?;
        if a.is_null(1) {
            return Err(null("value"));
        }
        let text = text_of(&a.values[1])?;
        checked(&name, &text)?;
        cx.charge(text.len())?;
        made(cx, Node::attribute(name, text))
    }),
    m("new(XAttribute other)", |cx, a| {
        let copy = at(a, 0).map_err(|_| null("other"))?.copy();
        made(cx, copy)
    }),
    m("set string Value", |_, a| {
        let text = a.str(1).map_err(|_| null("value"))?;
        set_attribute(a, text)
    }),
    m("void SetValue(object value)", |_, a| {
        if a.is_null(1) {
            return Err(null("value"));
        }
        set_attribute(a, text_of(&a.values[1])?)
    }),
    m("void Remove()", |cx, a| remove(cx, a)),
];

/// The name of what is set; `None` where nothing is to be taken away from no name, which LINQ to XML lets pass.
fn name_to_set(a: &Args<'_>) -> Result<Option<Name>, Throw> {
    node(a)?;
    if a.is_null(1) && a.is_null(2) {
        return Ok(None);
    }
    name_at(a, 1).map(Some)
}

fn set_attribute(a: &Args<'_>, text: Str) -> R {
    if let Kind::Attribute { name, value } = &node(a)?.kind {
        checked(name, &text)?;
        value.replace(text);
    }
    Ok(Value::Null)
}

/// What a declaration of a namespace must not say. Source: .NET's `XAttribute.ValidateAttribute`.
fn checked(name: &Name, value: &str) -> Result<(), Throw> {
    const OF_XML: &str = "The prefix 'xml' is bound to the namespace name 'http://www.w3.org/XML/1998/namespace'. Other prefixes must not be bound to this namespace name, and it must not be declared as the default namespace.";
    const OF_XMLNS: &str = "The prefix 'xmlns' is bound to the namespace name 'http://www.w3.org/2000/xmlns/'. It must not be declared. Other prefixes must not be bound to this namespace name, and it must not be declared as the default namespace.";
    let local = &*name.local;
    let prefixed = &*name.namespace == XMLNS;
    let default = name.namespace.is_empty() && local == "xmlns";
    if !(prefixed || default) {
        return Ok(());
    }
    let message = match value {
        "" if prefixed => {
            format!("The prefix '{local}' cannot be bound to the empty namespace name.").into()
        }
        XML if prefixed && local == "xml" => return Ok(()),
        XML => Str::from(OF_XML),
        XMLNS => Str::from(OF_XMLNS),
        _ if prefixed && local == "xml" => Str::from(OF_XML),
        _ if prefixed && local == "xmlns" => Str::from(OF_XMLNS),
        _ => return Ok(()),
    };
    Err(throw("ArgumentException", message))
}

/// The declaration or the content that a document begins with.
fn document(cx: &mut Cx<'_>, declaration: Value, content: Vec<Piece>) -> R {
    let document = Node::document();
    if let Kind::Document(place) = &document.kind {
        place.replace(declaration);
    }
    append(cx, &document, content)?;
    made(cx, document)
}

pub(super) const DOCUMENT: &[Row] = &[
    m("new()", |cx, _| made(cx, Node::document())),
    m("new(params object[] content)", |cx, a| {
        let content = content(cx, a, 0)?;
        document(cx, Value::Null, content)
    }),
    m(
        "new(XDeclaration declaration, params object[] content)",
        |cx, a| {
            let content = content(cx, a, 1)?;
            let declaration = a.get(0);
            if !declaration.is_null() {
                a.object::<Declared>(0)?;
            }
            document(cx, declaration, content)
        },
    ),
    m("new(XDocument other)", |cx, a| {
        let other = at(a, 0).map_err(|_| null("other"))?;
        cx.charge(other.weight())?;
        made(cx, other.copy())
    }),
];

/// A new node of a text.
fn of_text(cx: &mut Cx<'_>, a: &Args<'_>, kind: fn(RefCell<Str>) -> Kind) -> R {
    let text = a.str(0).map_err(|_| null("value"))?;
    cx.charge(text.len())?;
    made(cx, Node::new(kind(RefCell::new(text))))
}

fn set_value(a: &Args<'_>) -> R {
    let new = a.str(1).map_err(|_| null("value"))?;
    match &node(a)?.kind {
        Kind::Text(text) | Kind::CData(text) | Kind::Comment(text) => {
            text.replace(new);
        }
        Kind::Instruction { data, .. } => {
            data.replace(new);
        }
        _ => {}
    }
    Ok(Value::Null)
}

macro_rules! text_rows {
    ($kind:expr, $class:literal) => {
        &[
            m("new(string value)", |cx, a| of_text(cx, a, $kind)),
            m(concat!("new(", $class, " other)"), |cx, a| {
                // Of the class that is made, whatever the other is.
                let text = at(a, 0).map_err(|_| null("other"))?.inner_text();
                cx.charge(text.len())?;
                made(cx, Node::new($kind(RefCell::new(text))))
            }),
            m("string Value", |_, a| Ok(Value::Str(node(a)?.inner_text()))),
            m("set string Value", |_, a| set_value(a)),
        ]
    };
}

pub(super) const TEXT: &[Row] = text_rows!(Kind::Text, "XText");
pub(super) const CDATA: &[Row] = text_rows!(Kind::CData, "XCData");
pub(super) const COMMENT: &[Row] = text_rows!(Kind::Comment, "XComment");

pub(super) const INSTRUCTION: &[Row] = &[
    m("new(string target, string data)", |cx, a| {
        let data = a.str(1).map_err(|_| null("data"))?;
        let target = a.str(0).map_err(|_| null("name"))?;
        super::names::local(&target)?;
        if target.eq_ignore_ascii_case("xml") {
            return Err(throw(
                "ArgumentException",
                format!("'{target}' is an invalid name for a processing instruction."),
            ));
        }
        made(
            cx,
            Node::new(Kind::Instruction {
                target: RefCell::new(target),
                data: RefCell::new(data),
            }),
        )
    }),
    m("string Target", |_, a| match &node(a)?.kind {
        Kind::Instruction { target, .. } => Ok(Value::Str(target.borrow().clone())),
        _ => Ok(Value::Null),
    }),
    m("set string Target", |_, a| {
        let new = a.str(1).map_err(|_| null("value"))?;
        super::names::local(&new)?;
        if let Kind::Instruction { target, .. } = &node(a)?.kind {
            target.replace(new);
        }
        Ok(Value::Null)
    }),
    m("string Data", |_, a| Ok(Value::Str(node(a)?.inner_text()))),
    m("set string Data", |_, a| set_value(a)),
];

/// A part of a document type.
fn part(a: &Args<'_>, i: usize) -> R {
    match &node(a)?.kind {
        Kind::DocumentType(parts) => Ok(parts.borrow()[i].clone().map_or(Value::Null, Value::Str)),
        _ => Ok(Value::Null),
    }
}

fn set_part(a: &Args<'_>, i: usize) -> R {
    if let Kind::DocumentType(parts) = &node(a)?.kind {
        parts.borrow_mut()[i] = a.str(1).ok();
    }
    Ok(Value::Null)
}

/// The name of a document type may have colons.
fn type_name(a: &Args<'_>, i: usize) -> Result<(), Throw> {
    let name = a.str(i).map_err(|_| null("name"))?;
    super::names::local(&name.replace(':', "_")).map(drop)
}

pub(super) const DOCUMENT_TYPE: &[Row] = &[
    m(
        "new(string name, string publicId, string systemId, string internalSubset)",
        |cx, a| {
            type_name(a, 0)?;
            let parts = [0, 1, 2, 3].map(|i| a.str(i).ok());
            made(cx, Node::new(Kind::DocumentType(RefCell::new(parts))))
        },
    ),
    m("new(XDocumentType other)", |cx, a| {
        let copy = at(a, 0).map_err(|_| null("other"))?.copy();
        made(cx, copy)
    }),
    m("string Name", |_, a| part(a, 0)),
    m("set string Name", |_, a| {
        type_name(a, 1)?;
        set_part(a, 0)
    }),
    m("set string PublicId", |_, a| set_part(a, 1)),
    m("set string SystemId", |_, a| set_part(a, 2)),
    m("set string InternalSubset", |_, a| set_part(a, 3)),
    m("string PublicId", |_, a| part(a, 1)),
    m("string SystemId", |_, a| part(a, 2)),
    m("string InternalSubset", |_, a| part(a, 3)),
];
