//! The policy document: a tree of elements with a span on everything.
//!
//! Read from the raw form that real documents have (mostly not well-formed XML: quotes, `<` and `&&` stand as typed
//! inside expressions) and from the escaped `xml` form. Source: API Management, "policy format xml and rawxml".
//! Who calls it: `engine` reads scope documents and fragments. What must stay true: any input gives all its faults
//! and whatever tree could be made, in linear time, with every span in the text that the user wrote.

mod content;
mod end_tags;
mod entity;
mod faults;
mod matching;
mod named;
mod origin;
mod scanner;
mod start_tag;
mod value;
mod wellformed;

use crate::diagnostic::Diagnostics;
use crate::source::{FileId, Span};
use origin::Piece;
use std::fmt;
use std::ops::Range;
use std::sync::Arc;

/// Largest document, in bytes: API Management's bound for fragments, the larger of its two.
pub const MAX_DOCUMENT_BYTES: usize = 512 * 1024;

/// Largest document once named values stand in it, in bytes.
pub const MAX_EXPANDED_BYTES: usize = 4 * MAX_DOCUMENT_BYTES;

/// How deep elements may nest; documents in use stay below 20.
pub const MAX_DEPTH: usize = 128;

/// How many faults of one document are reported before reading stops.
pub const MAX_FAULTS: usize = 100;

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
    /// Children in document order; comments are dropped, blank text too, but for that of stylesheets.
    ///
    /// The markup inside a `set-body` (a SOAP template) is one literal text, as written; only a lone `value`
    /// element stays an element.
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
#[derive(Clone)]
pub struct Text {
    /// Literal text, or the code between the brackets of an expression.
    pub text: Arc<str>,
    /// What it is.
    pub kind: TextKind,
    /// The whole value in the file; of an expression, from its `@` to its closing bracket.
    pub span: Span,
    /// Pieces of `text` and where each came from, sorted by `at`; empty: `text` starts at `span.start` unchanged.
    pub(crate) pieces: Vec<Piece>,
    /// See [`Text::is_broken`].
    pub(crate) broken: bool,
}

impl Text {
    /// An expression whose file holds nothing but its code: what tests and the fuzz entry of `expr` compile.
    pub fn expression(file: FileId, code: &str, multi: bool) -> Text {
        Text {
            text: Arc::from(code),
            kind: if multi {
                TextKind::Multi
            } else {
                TextKind::Single
            },
            span: Span::new(file, 0..code.len()),
            pieces: Vec::new(),
            broken: false,
        }
    }

    /// Whether a fault inside it is reported already, so that nothing more should be said about it.
    pub fn is_broken(&self) -> bool {
        self.broken
    }

    /// Where a byte range of `text` stands in the file that the user wrote.
    pub fn locate(&self, range: Range<usize>) -> Span {
        origin::locate(&self.pieces, self.span, range)
    }

    /// Whether a named value, which may be a secret, stands in the text.
    pub fn holds_named_value(&self) -> bool {
        self.pieces
            .iter()
            .any(|p| p.origin == origin::Origin::NamedValue)
    }
}

impl fmt::Debug for Text {
    /// Prints no named value: any of them may be a secret.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut shown = String::new();
        for (i, piece) in self.pieces.iter().enumerate() {
            let end = self
                .pieces
                .get(i + 1)
                .map_or(self.text.len(), |p| p.at as usize);
            match piece.origin {
                origin::Origin::NamedValue => shown.push_str("{{...}}"),
                _ => shown.push_str(self.text.get(piece.at as usize..end).unwrap_or_default()),
            }
        }
        if self.pieces.is_empty() {
            shown.push_str(&self.text);
        }
        f.debug_struct("Text")
            .field("kind", &self.kind)
            .field("text", &shown)
            .field("span", &self.span)
            .finish()
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

/// Reads a document. Never fails: what could be read is returned, every fault is in `diagnostics`, sorted by place.
/// `None` only when there is no root element at all.
pub fn read(
    file: FileId,
    text: &str,
    named: &dyn NamedValues,
    diagnostics: &mut Diagnostics,
) -> Option<Document> {
    let mut faults = faults::Faults::default();
    let root = if text.len() > MAX_DOCUMENT_BYTES {
        faults.too_large(Span::new(file, 0..0), text.len(), MAX_DOCUMENT_BYTES);
        None
    } else {
        match named::expand(file, text, named, MAX_EXPANDED_BYTES) {
            Ok((effective, unknown)) => scanner::scan(&effective, &unknown, named, &mut faults),
            Err(token) => {
                faults.too_large_expanded(token, MAX_EXPANDED_BYTES);
                None
            }
        }
    };
    faults
        .sorted()
        .into_iter()
        .for_each(|fault| diagnostics.push(fault));
    Some(Document { root: root? })
}

/// No named values: every `{{name}}` token is unknown.
pub struct NoNamedValues;

impl NamedValues for NoNamedValues {
    fn get(&self, _: &str) -> Option<&str> {
        None
    }

    fn names(&self) -> Vec<&str> {
        Vec::new()
    }
}
