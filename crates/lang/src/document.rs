//! The policy document: a tree of elements with a span on everything.
//!
//! Read from the raw form that real documents have (mostly not well-formed XML: quotes, `<` and `&&` stand as typed
//! inside expressions) and from the escaped `xml` form. Source: API Management, "policy format xml and rawxml".

use crate::diagnostic::Diagnostics;
use crate::source::{FileId, Span};
use std::ops::Range;
use std::sync::Arc;

/// A document as read.
#[derive(Clone, Debug)]
pub struct Document {
    /// `policies`, `fragment`, or whatever stood there.
    pub root: Element,
}

/// One element.
#[derive(Clone, Debug)]
pub struct Element {
    /// The name as written.
    pub name: Arc<str>,
    /// Where the name of the start tag stands.
    pub name_span: Span,
    /// The whole element, from `<` to the end of its end tag.
    pub span: Span,
    /// Attributes in document order.
    pub attributes: Vec<Attribute>,
    /// Children in document order; comments are dropped, blank text between elements too.
    pub children: Vec<Node>,
}

/// A child.
#[derive(Clone, Debug)]
pub enum Node {
    /// An element.
    Element(Element),
    /// Text or an expression.
    Text(Text),
}

/// An attribute.
#[derive(Clone, Debug)]
pub struct Attribute {
    /// The name as written.
    pub name: Arc<str>,
    /// Where the name stands.
    pub name_span: Span,
    /// The value.
    pub value: Text,
}

/// Whether a value is an expression.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TextKind {
    /// Literal text, entities decoded.
    Literal,
    /// `@(…)`: the text is what stands between the brackets.
    Single,
    /// `@{…}`: likewise.
    Multi,
}

/// An attribute's value or an element's text, after named values were put in.
#[derive(Clone, Debug)]
pub struct Text {
    /// Literal text, or the code between the brackets of an expression.
    pub text: Arc<str>,
    /// What it is.
    pub kind: TextKind,
    /// The whole value in the file.
    pub span: Span,
    /// Pieces of `text` and where each came from, sorted by `at`; empty: `text` starts at `span.start` unchanged.
    pub(crate) pieces: Vec<Piece>,
}

/// From `at` on, `text` comes from `span` of the file: byte for byte if `linear`, else as a whole (a named value, an entity).
#[derive(Clone, Copy, Debug)]
pub(crate) struct Piece {
    pub(crate) at: u32,
    pub(crate) span: Span,
    pub(crate) linear: bool,
}

impl Text {
    /// An expression whose file holds nothing but its code: what tests and the fuzz entry of `expr` compile.
    pub fn expression(file: FileId, code: &str, multi: bool) -> Text {
        Text {
            text: Arc::from(code),
            kind: if multi { TextKind::Multi } else { TextKind::Single },
            span: Span::new(file, 0..code.len()),
            pieces: Vec::new(),
        }
    }

    /// Where a byte range of `text` stands in the file that the user wrote.
    pub fn locate(&self, range: Range<usize>) -> Span {
        let find = |offset: usize| -> (u32, u32) {
            let next = self.pieces.partition_point(|p| (p.at as usize) <= offset);
            match next.checked_sub(1).map(|i| self.pieces[i]) {
                None => (self.span.start + offset as u32, self.span.start + offset as u32),
                Some(p) if p.linear => {
                    let n = (p.span.start + (offset as u32 - p.at)).min(p.span.end);
                    (n, n)
                }
                Some(p) => (p.span.start, p.span.end),
            }
        };
        let (start, _) = find(range.start);
        let (_, end) = find(range.end.max(range.start));
        Span { file: self.span.file, start, end: end.max(start) }
    }
}

impl Element {
    /// The attribute of that name.
    pub fn attribute(&self, name: &str) -> Option<&Attribute> {
        self.attributes.iter().find(|a| &*a.name == name)
    }

    /// Child elements.
    pub fn elements(&self) -> impl Iterator<Item = &Element> {
        self.children.iter().filter_map(|n| match n {
            Node::Element(e) => Some(e),
            Node::Text(_) => None,
        })
    }

    /// The text content, when the only content is text.
    pub fn text(&self) -> Option<&Text> {
        match self.children.as_slice() {
            [Node::Text(text)] => Some(text),
            _ => None,
        }
    }
}

/// Values for `{{name}}` tokens.
pub trait NamedValues {
    /// The value of the named value with that display name.
    fn get(&self, display_name: &str) -> Option<&str>;
    /// All display names, for the hint on an unknown one.
    fn names(&self) -> Vec<&str>;
}

/// Reads a document. Never fails: what could be read is returned, every fault is in `diagnostics`.
/// `None` only when there is no root element at all.
pub fn read(file: FileId, text: &str, named: &dyn NamedValues, diagnostics: &mut Diagnostics) -> Option<Document> {
    let _ = (file, text, named, diagnostics);
    None
}
