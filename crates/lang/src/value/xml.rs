//! The tree of LINQ to XML: documents, elements, attributes and texts that alias and know their parent.
//!
//! The rows of `expr/table/xml` work on it. What must stay true: a node that has a parent is copied when it is put
//! elsewhere, as .NET does; no tree is nested deeper than [`MAX_HEIGHT`], so walking one with recursion is safe; a node
//! does not keep its parent (the evaluation keeps roots).

pub(crate) mod read;
pub(crate) mod write;

use super::object::Unwritten;
use super::{Object, Str, Value};
use crate::expr::types::Ty;
use std::any::Any;
use std::cell::{Cell, RefCell};
use std::rc::{Rc, Weak};

/// Levels from root to leaf.
pub(crate) const MAX_HEIGHT: usize = 256;

/// Attributes of an element and of all that it stands in, of a text that is read: what a search for a namespace goes
/// through.
pub(crate) const MAX_ATTRIBUTES: usize = 1024;

/// Namespace of the prefix `xml`.
pub(crate) const XML: &str = "http://www.w3.org/XML/1998/namespace";
/// Namespace of declarations of namespaces.
pub(crate) const XMLNS: &str = "http://www.w3.org/2000/xmlns/";

/// An `XName`.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Name {
    pub(crate) namespace: Str,
    pub(crate) local: Str,
}

impl Name {
    /// `{namespace}local` or `local`, as `XName.Get` reads it.
    pub(crate) fn parse(text: &str) -> Option<Name> {
        let (namespace, local) = match text.strip_prefix('{') {
            Some(rest) => rest.rsplit_once('}')?,
            None => ("", text),
        };
        (is_name(local) && !(text.starts_with('{') && namespace.is_empty())).then(|| Name {
            namespace: Str::from(namespace),
            local: Str::from(local),
        })
    }

    /// As `XName.ToString` writes it.
    pub(crate) fn text(&self) -> String {
        if self.namespace.is_empty() {
            self.local.to_string()
        } else {
            format!("{{{}}}{}", self.namespace, self.local)
        }
    }

    /// Whether an attribute of this name declares a namespace.
    pub(crate) fn declares(&self) -> bool {
        &*self.namespace == XMLNS || (self.namespace.is_empty() && &*self.local == "xmlns")
    }
}

/// An `NCName` (Namespaces in XML, section 3).
pub(crate) fn is_name(text: &str) -> bool {
    let mut chars = text.chars();
    let first = |c: char| c == '_' || c.is_alphabetic();
    chars.next().is_some_and(first)
        && chars.all(|c| {
            first(c) || c.is_numeric() || matches!(c, '-' | '.' | '\u{b7}' | '\u{300}'..='\u{36f}')
        })
}

/// An `XDeclaration`.
#[derive(Clone, Debug, PartialEq, Eq, Default)]
pub(crate) struct Declaration {
    pub(crate) version: Option<Str>,
    pub(crate) encoding: Option<Str>,
    pub(crate) standalone: Option<Str>,
}

/// An `XDeclaration` as an object that can change.
#[derive(Debug)]
pub(crate) struct Declared(pub(crate) RefCell<Declaration>);

impl Declared {
    /// As an expression sees it.
    pub(crate) fn value(declaration: Declaration) -> Value {
        Value::Object(Rc::new(Declared(RefCell::new(declaration))))
    }
}

/// What a node is.
#[derive(Debug)]
pub(crate) enum Kind {
    Document(RefCell<Value>),
    Element {
        name: RefCell<Name>,
        attributes: RefCell<Vec<Rc<Node>>>,
        /// It holds the empty text: written with an end tag of its own.
        blank: Cell<bool>,
    },
    Attribute {
        name: Name,
        value: RefCell<Str>,
    },
    Text(RefCell<Str>),
    CData(RefCell<Str>),
    Comment(RefCell<Str>),
    Instruction {
        target: RefCell<Str>,
        data: RefCell<Str>,
    },
    /// Name, public and system identifier, internal subset.
    DocumentType(RefCell<[Option<Str>; 4]>),
}

/// An `XObject`.
#[derive(Debug)]
pub(crate) struct Node {
    this: Weak<Node>,
    parent: RefCell<Weak<Node>>,
    /// Children of a document or an element.
    nodes: RefCell<Vec<Rc<Node>>>,
    /// What was added to it beside its content.
    pub(crate) annotations: RefCell<Vec<Value>>,
    pub(crate) kind: Kind,
}

impl Object for Node {
    fn ty(&self) -> Ty {
        Ty::class(match &self.kind {
            Kind::Document(_) => "XDocument",
            Kind::Element { .. } => "XElement",
            Kind::Attribute { .. } => "XAttribute",
            Kind::Text(_) => "XText",
            Kind::CData(_) => "XCData",
            Kind::Comment(_) => "XComment",
            Kind::Instruction { .. } => "XProcessingInstruction",
            Kind::DocumentType(_) => "XDocumentType",
        })
    }
    fn as_any(&self) -> &dyn Any {
        self
    }
    fn text(&self) -> String {
        let mut out = String::new();
        // What cannot be written prints as far as it can.
        let _ = write::write(self, true, &mut out);
        out
    }
    fn written(&self) -> Result<String, Unwritten> {
        let mut out = String::new();
        write::write(self, true, &mut out)?;
        Ok(out)
    }
}

impl Node {
    /// A node of its own.
    pub(crate) fn new(kind: Kind) -> Rc<Node> {
        Rc::new_cyclic(|this| Node {
            this: this.clone(),
            parent: RefCell::default(),
            nodes: RefCell::default(),
            annotations: RefCell::default(),
            kind,
        })
    }

    /// An empty element.
    pub(crate) fn element(name: Name) -> Rc<Node> {
        Node::new(Kind::Element {
            name: RefCell::new(name),
            attributes: RefCell::default(),
            blank: Cell::new(false),
        })
    }

    /// An empty document.
    pub(crate) fn document() -> Rc<Node> {
        Node::new(Kind::Document(RefCell::default()))
    }

    /// A text.
    pub(crate) fn text_of(text: impl Into<Str>) -> Rc<Node> {
        Node::new(Kind::Text(RefCell::new(text.into())))
    }

    /// An attribute.
    pub(crate) fn attribute(name: Name, value: impl Into<Str>) -> Rc<Node> {
        Node::new(Kind::Attribute {
            name,
            value: RefCell::new(value.into()),
        })
    }

    /// A node of a namespace in scope of this element: none of its attributes, and yet its own.
    pub(crate) fn namespace_node(&self, name: Name, namespace: Str) -> Rc<Node> {
        let node = Node::attribute(name, namespace);
        node.parent.replace(self.this.clone());
        node
    }

    /// The value of this attribute as a node of its own.
    pub(crate) fn value_node(&self) -> Rc<Node> {
        let node = Node::text_of(self.inner_text());
        node.parent.replace(self.this.clone());
        node
    }

    /// Keeps some of the children.
    pub(crate) fn retain(&self, keep: impl Fn(&Node) -> bool) {
        self.nodes.borrow_mut().retain(|node| {
            let kept = keep(node);
            if !kept {
                node.parent.replace(Weak::new());
            }
            kept
        });
    }

    /// The same node, shared.
    pub(crate) fn share(&self) -> Rc<Node> {
        // A node lives in the one `Rc` that made it.
        self.this
            .upgrade()
            .unwrap_or_else(|| Node::text_of(Str::from("")))
    }

    /// As an expression sees it.
    pub(crate) fn value(&self) -> Value {
        Value::Object(self.share())
    }

    pub(crate) fn is(&self, other: &Node) -> bool {
        std::ptr::eq(self, other)
    }

    pub(crate) fn is_element(&self) -> bool {
        matches!(self.kind, Kind::Element { .. })
    }

    pub(crate) fn is_document(&self) -> bool {
        matches!(self.kind, Kind::Document(_))
    }

    pub(crate) fn is_attribute(&self) -> bool {
        matches!(self.kind, Kind::Attribute { .. })
    }

    /// The node that holds it, a document too.
    pub(crate) fn holder(&self) -> Option<Rc<Node>> {
        self.parent.borrow().upgrade()
    }

    /// `Parent`: a document is nobody's parent.
    pub(crate) fn parent(&self) -> Option<Rc<Node>> {
        self.holder().filter(|p| p.is_element())
    }

    /// The last of the nodes that hold it, or itself.
    pub(crate) fn root(&self) -> Rc<Node> {
        let mut at = self.share();
        while let Some(up) = at.holder() {
            at = up;
        }
        at
    }

    /// How many children there are.
    pub(crate) fn width(&self) -> usize {
        self.nodes.borrow().len()
    }

    /// One of the children.
    pub(crate) fn child(&self, at: usize) -> Option<Rc<Node>> {
        self.nodes.borrow().get(at).cloned()
    }

    /// The last of the children.
    pub(crate) fn last_child(&self) -> Option<Rc<Node>> {
        self.nodes.borrow().last().cloned()
    }

    /// Whether it is an element or an attribute of that name.
    pub(crate) fn is_called(&self, other: &Name) -> bool {
        match &self.kind {
            Kind::Element { name, .. } => *name.borrow() == *other,
            Kind::Attribute { name, .. } => name == other,
            _ => false,
        }
    }

    pub(crate) fn children(&self) -> Vec<Rc<Node>> {
        self.nodes.borrow().clone()
    }

    /// Whether a document has its root.
    pub(crate) fn has_element(&self) -> bool {
        self.nodes.borrow().iter().any(|n| n.is_element())
    }

    pub(crate) fn has_children(&self) -> bool {
        !self.nodes.borrow().is_empty()
    }

    pub(crate) fn attributes(&self) -> Vec<Rc<Node>> {
        match &self.kind {
            Kind::Element { attributes, .. } => attributes.borrow().clone(),
            _ => Vec::new(),
        }
    }

    /// One of the attributes.
    pub(crate) fn attribute_at(&self, at: usize) -> Option<Rc<Node>> {
        match &self.kind {
            Kind::Element { attributes, .. } => attributes.borrow().get(at).cloned(),
            _ => None,
        }
    }

    /// Name of an element or an attribute.
    pub(crate) fn name(&self) -> Option<Name> {
        match &self.kind {
            Kind::Element { name, .. } => Some(name.borrow().clone()),
            Kind::Attribute { name, .. } => Some(name.clone()),
            _ => None,
        }
    }

    /// Whether an element is written `<a></a>` rather than `<a />`.
    pub(crate) fn is_blank(&self) -> bool {
        matches!(&self.kind, Kind::Element { blank, .. } if blank.get())
    }

    /// `Value` of what has one: the text of all that is inside.
    pub(crate) fn inner_text(&self) -> Str {
        match &self.kind {
            Kind::Attribute { value, .. } => value.borrow().clone(),
            Kind::Text(text) | Kind::CData(text) | Kind::Comment(text) => text.borrow().clone(),
            Kind::Instruction { data, .. } => data.borrow().clone(),
            Kind::DocumentType(_) => Str::from(""),
            Kind::Document(_) | Kind::Element { .. } => {
                let nodes = self.nodes.borrow();
                if let [only] = nodes.as_slice()
                    && let Kind::Text(text) = &only.kind
                {
                    return text.borrow().clone();
                }
                drop(nodes);
                let mut out = String::new();
                self.gather(&mut out);
                out.into()
            }
        }
    }

    fn gather(&self, out: &mut String) {
        for node in self.nodes.borrow().iter() {
            match &node.kind {
                Kind::Text(text) | Kind::CData(text) => out.push_str(&text.borrow()),
                Kind::Element { .. } => node.gather(out),
                _ => {}
            }
        }
    }

    /// Bytes that the tree takes, roughly: what a copy costs.
    pub(crate) fn weight(&self) -> usize {
        let own = match &self.kind {
            Kind::Text(_) | Kind::CData(_) | Kind::Comment(_) => self.inner_text().len(),
            _ => 0,
        };
        let below = self
            .nodes
            .borrow()
            .iter()
            .map(|n| n.weight())
            .sum::<usize>();
        size_of::<Node>() + own + below + self.attributes().len() * size_of::<Node>()
    }

    /// Levels above it.
    fn depth(&self) -> usize {
        std::iter::successors(self.holder(), |n| n.holder()).count()
    }

    /// Levels below it.
    fn height(&self) -> usize {
        let below = self.nodes.borrow().iter().map(|n| n.height() + 1).max();
        below.unwrap_or(0)
    }

    /// A copy without a parent.
    pub(crate) fn copy(&self) -> Rc<Node> {
        let text = |t: &RefCell<Str>| RefCell::new(t.borrow().clone());
        let copy = Node::new(match &self.kind {
            Kind::Document(declaration) => {
                Kind::Document(RefCell::new(declaration.borrow().clone()))
            }
            Kind::Element {
                name,
                attributes,
                blank,
            } => Kind::Element {
                name: RefCell::new(name.borrow().clone()),
                attributes: RefCell::new(attributes.borrow().iter().map(|a| a.copy()).collect()),
                blank: blank.clone(),
            },
            Kind::Attribute { name, value } => Kind::Attribute {
                name: name.clone(),
                value: text(value),
            },
            Kind::Text(t) => Kind::Text(text(t)),
            Kind::CData(t) => Kind::CData(text(t)),
            Kind::Comment(t) => Kind::Comment(text(t)),
            Kind::Instruction { target, data } => Kind::Instruction {
                target: text(target),
                data: text(data),
            },
            Kind::DocumentType(parts) => Kind::DocumentType(parts.clone()),
        });
        for attribute in copy.attributes() {
            attribute.parent.replace(Rc::downgrade(&copy));
        }
        for node in self.nodes.borrow().iter() {
            let below = node.copy();
            below.parent.replace(Rc::downgrade(&copy));
            copy.nodes.borrow_mut().push(below);
        }
        copy
    }

    /// Puts a node among the children, copied when it is somewhere already; gives what was put there.
    pub(crate) fn insert(&self, at: usize, node: &Rc<Node>) -> Result<Rc<Node>, &'static str> {
        let node = if node.holder().is_some() || self.root().is(node) {
            node.copy()
        } else {
            node.clone()
        };
        self.fits(&node, at)?;
        if self.depth() + 1 + node.height() >= MAX_HEIGHT {
            return Err("XML is nested too deeply");
        }
        node.parent.replace(self.this.clone());
        let mut nodes = self.nodes.borrow_mut();
        let at = at.min(nodes.len());
        nodes.insert(at, node.clone());
        if let Kind::Element { blank, .. } = &self.kind {
            blank.set(false);
        }
        Ok(node)
    }

    /// Puts a new node at the end, unchecked: the reader has looked at what it reads.
    pub(crate) fn push(&self, node: Rc<Node>) {
        node.parent.replace(self.this.clone());
        self.nodes.borrow_mut().push(node);
    }

    /// What a document does not take.
    fn fits(&self, node: &Node, at: usize) -> Result<(), &'static str> {
        if !self.is_document() {
            return match node.kind {
                Kind::Document(_) => Err("A node of type Document cannot be added to content."),
                Kind::DocumentType(_) => {
                    Err("A node of type DocumentType cannot be added to content.")
                }
                _ => Ok(()),
            };
        }
        let nodes = self.nodes.borrow();
        match &node.kind {
            Kind::Text(text) if text.borrow().trim().is_empty() => Ok(()),
            Kind::Text(_) => Err("Non-whitespace characters cannot be added to content."),
            Kind::CData(_) => Err("A node of type CDATA cannot be added to content."),
            Kind::Document(_) => Err("A node of type Document cannot be added to content."),
            Kind::Element { .. } if nodes.iter().any(|n| n.is_element()) => {
                Err("This operation would create an incorrectly structured document.")
            }
            Kind::DocumentType(_) if nodes.iter().take(at).any(|n| n.is_element()) => {
                Err("This operation would create an incorrectly structured document.")
            }
            _ => Ok(()),
        }
    }

    /// Adds a text at the end, to the text that is there if one is.
    pub(crate) fn append_text(&self, text: &str) -> Result<(), &'static str> {
        if text.is_empty() {
            if let Kind::Element { blank, .. } = &self.kind
                && !self.has_children()
            {
                blank.set(true);
            }
            return Ok(());
        }
        let last = self.nodes.borrow().last().cloned();
        if let Some(last) = &last
            && let Kind::Text(there) = &last.kind
            && (self.is_element() || text.trim().is_empty())
        {
            let joined = format!("{}{text}", there.borrow());
            there.replace(joined.into());
            return Ok(());
        }
        let end = self.nodes.borrow().len();
        self.insert(end, &Node::text_of(text)).map(drop)
    }

    /// Adds an attribute, copied when it is somewhere already.
    pub(crate) fn append_attribute(&self, attribute: &Rc<Node>) -> Result<(), &'static str> {
        let Kind::Element { attributes, .. } = &self.kind else {
            return Err("An attribute cannot be added to content.");
        };
        let attribute = if attribute.holder().is_some() {
            attribute.copy()
        } else {
            attribute.clone()
        };
        if attributes
            .borrow()
            .iter()
            .any(|a| a.name() == attribute.name())
        {
            return Err("Duplicate attribute.");
        }
        attribute.parent.replace(self.this.clone());
        attributes.borrow_mut().push(attribute);
        Ok(())
    }

    /// Adds attributes that are nowhere yet and whose names differ.
    pub(crate) fn set_attributes(&self, all: Vec<Rc<Node>>) {
        if let Kind::Element { attributes, .. } = &self.kind {
            for attribute in &all {
                attribute.parent.replace(self.this.clone());
            }
            attributes.replace(all);
        }
    }

    /// Where it stands among its siblings.
    pub(crate) fn position(&self) -> Option<(Rc<Node>, usize)> {
        let holder = self.holder()?;
        let at = holder.nodes.borrow().iter().position(|n| n.is(self))?;
        Some((holder, at))
    }

    /// Takes it out of what holds it; `false` when nothing does.
    pub(crate) fn remove(&self) -> bool {
        let Some(holder) = self.holder() else {
            return false;
        };
        if self.is_attribute() {
            if let Kind::Element { attributes, .. } = &holder.kind {
                attributes.borrow_mut().retain(|a| !a.is(self));
            }
        } else {
            holder.nodes.borrow_mut().retain(|n| !n.is(self));
        }
        self.parent.replace(Weak::new());
        true
    }

    /// Takes out all children.
    pub(crate) fn clear(&self) {
        for node in self.nodes.take() {
            node.parent.replace(Weak::new());
        }
        if let Kind::Element { blank, .. } = &self.kind {
            blank.set(false);
        }
    }

    /// Takes out all attributes.
    pub(crate) fn clear_attributes(&self) {
        for attribute in self.attributes() {
            attribute.remove();
        }
    }

    /// The namespace that a prefix means here; the empty prefix is the default one.
    pub(crate) fn namespace_of(&self, prefix: &str) -> Option<Str> {
        let mut at = Some(self.share());
        while let Some(node) = at {
            for attribute in node.attributes() {
                if let Some(name) = attribute.name()
                    && name.declares()
                    && (&*name.local == prefix && &*name.namespace == XMLNS
                        || prefix.is_empty() && name.namespace.is_empty())
                {
                    return Some(attribute.inner_text());
                }
            }
            at = node.parent();
        }
        None
    }

    /// The prefix that means a namespace here and is not hidden by another declaration nearer.
    pub(crate) fn prefix_of(&self, namespace: &str) -> Option<Str> {
        let mut at = Some(self.share());
        while let Some(node) = at {
            for attribute in node.attributes() {
                if let Some(name) = attribute.name()
                    && &*name.namespace == XMLNS
                    && &*attribute.inner_text() == namespace
                    && self.namespace_of(&name.local).as_deref() == Some(namespace)
                {
                    return Some(name.local);
                }
            }
            at = node.parent();
        }
        match namespace {
            XML => Some(Str::from("xml")),
            XMLNS => Some(Str::from("xmlns")),
            _ => None,
        }
    }

    /// All below it in document order.
    pub(crate) fn descendants(&self) -> Vec<Rc<Node>> {
        let mut out = Vec::new();
        self.descend(&mut out);
        out
    }

    fn descend(&self, out: &mut Vec<Rc<Node>>) {
        for node in self.nodes.borrow().iter() {
            out.push(node.clone());
            node.descend(out);
        }
    }

    /// `XNode.DeepEquals`.
    pub(crate) fn deep_equals(&self, other: &Node) -> bool {
        let same_children = || {
            let (a, b) = (self.solid(), other.solid());
            a.len() == b.len() && a.iter().zip(&b).all(|(a, b)| a.deep_equals(b))
        };
        match (&self.kind, &other.kind) {
            (Kind::Document(_), Kind::Document(_)) => same_children(),
            (Kind::Element { .. }, Kind::Element { .. }) => {
                let (a, b) = (self.attributes(), other.attributes());
                self.name() == other.name()
                    && a.len() == b.len()
                    && a.iter().zip(&b).all(|(a, b)| a.deep_equals(b))
                    && (self.is_blank() || self.has_children())
                        == (other.is_blank() || other.has_children())
                    && same_children()
            }
            (Kind::Instruction { target, data }, Kind::Instruction { target: t, data: d }) => {
                target == t && data == d
            }
            (Kind::DocumentType(a), Kind::DocumentType(b)) => a == b,
            (a, b) => {
                std::mem::discriminant(a) == std::mem::discriminant(b)
                    && self.name() == other.name()
                    && self.inner_text() == other.inner_text()
            }
        }
    }

    /// Children without texts that are empty.
    fn solid(&self) -> Vec<Rc<Node>> {
        let mut children = self.children();
        children.retain(|n| !matches!(&n.kind, Kind::Text(t) if t.borrow().is_empty()));
        children
    }
}

impl Drop for Node {
    fn drop(&mut self) {
        // A child that is held elsewhere has lost its parent.
        for node in self.nodes.get_mut() {
            node.parent.replace(Weak::new());
        }
    }
}

#[cfg(test)]
mod tests;
