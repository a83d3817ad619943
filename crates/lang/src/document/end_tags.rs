//! End tags, and the tree they build: which element an end tag closes, and what was meant when it closes none.

use super::faults;
use super::origin::TextBuilder;
use super::scanner::Scanner;
use super::wellformed::name_length;
use super::{Attribute, Element, MAX_DEPTH, Node, Text, TextKind};
use crate::diagnostic::Diagnostic;
use crate::diagnostic::nearest::nearest;
use crate::source::Span;
use std::ops::Range;
use std::sync::Arc;

/// Elements that never have content in API Management: an unclosed one lacks only its `/`.
const EMPTY: [&str; 32] = [
    "address-range",
    "authentication-basic",
    "authentication-certificate",
    "authentication-managed-identity",
    "azure-openai-semantic-cache-store",
    "base",
    "cache-lookup-value",
    "cache-remove-value",
    "cache-store",
    "cache-store-value",
    "cross-domain",
    "dimension",
    "find-and-replace",
    "forward-request",
    "get-authorization-context",
    "include-fragment",
    "json-to-xml",
    "jsonp",
    "llm-semantic-cache-store",
    "metadata",
    "mock-response",
    "openid-config",
    "parameter",
    "property",
    "proxy",
    "redirect-content-urls",
    "rewrite-uri",
    "set-backend-service",
    "set-status",
    "set-variable",
    "status-code",
    "xml-to-json",
];

/// Elements whose content is markup of another vocabulary, where text may stand beside elements.
const MARKUP: [&str; 3] = ["set-body", "xsl-transform", "cross-domain"];

/// An element whose end tag has not come yet.
pub(super) struct Open {
    pub(super) name: Arc<str>,
    /// The name for messages, which may differ when a named value stands in it.
    pub(super) shown: Arc<str>,
    pub(super) name_span: Span,
    /// The start tag, in the effective text.
    pub(super) tag: Range<usize>,
    pub(super) attributes: Vec<Attribute>,
    pub(super) children: Vec<Node>,
    /// Where the first text stands, in the effective text.
    pub(super) text: Option<Range<usize>>,
    pub(super) has_elements: bool,
    /// A `set-body` with `template="liquid"`.
    pub(super) liquid: bool,
    /// Inside one of [`MARKUP`].
    pub(super) markup: bool,
    /// A stylesheet of an `xsl-transform`, or in one.
    pub(super) stylesheet: bool,
    /// Its start tag was not closed, so whether it has content is unknown.
    pub(super) unsure: bool,
}

impl Open {
    /// How to write it without content.
    fn empty_form(&self) -> String {
        if self.attributes.is_empty() {
            format!("did you mean `<{} />`?", self.shown)
        } else {
            format!(
                "did you mean to end its start tag with `/>`: `<{} ... />`?",
                self.shown
            )
        }
    }

    /// The start tag without its attributes: `<name`, or all of it when it has none.
    fn mark(&self) -> Range<usize> {
        if self.attributes.is_empty() {
            return self.tag.clone();
        }
        self.tag.start..self.tag.start + 1 + self.name.len()
    }
}

impl Scanner<'_> {
    /// A start tag was read.
    pub(super) fn open(&mut self, mut element: Open, empty: bool) {
        if self.open.is_empty()
            && self.root.is_some()
            && !std::mem::replace(&mut self.told.second_root, true)
        {
            let first = self.root.as_ref().map(|r| r.name_span);
            let name = &element.shown;
            let mut fault = self
                .error(
                    faults::SECOND_ROOT,
                    element.mark(),
                    format!("a second root element `{name}`"),
                )
                .label("expected the end of the document");
            if let Some(span) = first {
                fault = fault.related(span, "the root element begins here and is closed before");
            }
            self.faults.push(fault.help(
                "a document has one root: put statements inside `<policies>` and its sections, or inside one `<fragment>`",
            ));
        }
        if self.open.len() >= MAX_DEPTH {
            let fault = self
                .error(
                    faults::TOO_DEEP,
                    element.mark(),
                    format!("elements are nested more than {MAX_DEPTH} deep"),
                )
                .help("the rest of the document was not read");
            self.faults.push(fault);
            self.stopped = true;
            return;
        }
        if let Some(parent) = self.open.last_mut() {
            parent.has_elements = true;
            element.markup = parent.markup;
            element.stylesheet = parent.stylesheet
                || (&*parent.name == "xsl-transform" && &*element.name != "parameter");
        }
        element.markup |= MARKUP.contains(&&*element.name);
        let end = element.tag.end;
        if empty {
            self.close(element, end..end, end);
        } else {
            self.open.push(element);
        }
    }

    /// Puts a finished element into the tree; `content` is what stands between its tags, `end` where it ends.
    fn close(&mut self, mut element: Open, content: Range<usize>, end: usize) {
        if element.liquid {
            self.exempt.push(content.clone());
        }
        if &*element.name == "set-body" && element.has_elements && !lone_value(&element.children) {
            let mut inner = TextBuilder::new(self.source);
            inner.verbatim(content.clone());
            let (range, span) = (0..inner.text.len(), self.span(content));
            element.children = vec![Node::Text(inner.finish(range, TextKind::Literal, span))];
        } else if element.has_elements
            && !element.markup
            && let Some(text) = element.text.clone()
        {
            let closes = self.text[text.clone()].contains("-->");
            let fault = self
                .error(
                    faults::STRAY_TEXT,
                    text,
                    format!("text between the elements of `<{}>`", element.shown),
                )
                .label("expected only elements here");
            self.faults.push(fault.help(if closes {
                "a comment ends at the first `-->`: it cannot contain another comment"
            } else {
                "remove it, or make it a comment: `<!-- ... -->`"
            }));
        }
        self.finish(element, end);
    }

    fn finish(&mut self, open: Open, end: usize) {
        let span = self.span(open.tag.start..end);
        let Open {
            name,
            name_span,
            attributes,
            children,
            ..
        } = open;
        let element = Element {
            name,
            name_span,
            span,
            attributes,
            children,
        };
        match self.open.last_mut() {
            Some(parent) => parent.children.push(Node::Element(element)),
            None if self.root.is_none() => self.root = Some(element),
            None => {}
        }
    }

    /// Text that belongs to the innermost open element; `range` is where it stands in the effective text.
    pub(super) fn add_text(&mut self, text: Text, range: Range<usize>) {
        if let Some(parent) = self.open.last_mut() {
            parent.text.get_or_insert(range);
            parent.children.push(Node::Text(text));
        }
    }

    /// `</name>`.
    pub(super) fn end_tag(&mut self) {
        let from = self.pos;
        let length = name_length(&self.text[from + 2..]);
        let name = &self.text[from + 2..from + 2 + length];
        let after = self.space_from(from + 2 + length);
        if length > 0 && self.bytes.get(after) == Some(&b'>') {
            self.pos = after + 1;
        } else {
            let (fault, end) = self.broken_end_tag(from, length, after);
            self.faults.push(fault);
            self.pos = end.max(from + 2);
        }
        let tag = from..self.pos;
        // `</>` can only be meant for the innermost element.
        let innermost = || self.open.len().checked_sub(1);
        let index = if length == 0 {
            innermost()
        } else {
            self.open.iter().rposition(|open| &*open.name == name)
        };
        match index {
            Some(index) => {
                while self.open.len() > index + 1 {
                    self.close_unclosed(tag.clone());
                }
                if let Some(element) = self.open.pop() {
                    let content = element.tag.end..tag.start;
                    self.close(element, content, tag.end);
                }
            }
            None if length == 0 => {}
            None => self.unmatched_end_tag(tag, name),
        }
    }

    /// An end tag without a name, or without `>` at `after`: the fault, and where the tag ends.
    fn broken_end_tag(&self, from: usize, length: usize, after: usize) -> (Diagnostic, usize) {
        let stop = |bytes: &[u8], at: usize| {
            memchr::memchr3(b'<', b'>', b'\n', &bytes[at..]).map_or(bytes.len(), |n| at + n)
        };
        let stop = stop(self.bytes, if length == 0 { from + 2 } else { after });
        let closed = self.bytes.get(stop) == Some(&b'>');
        let end = if closed { stop + 1 } else { stop };
        if length == 0 {
            let fault = self
                .error(faults::BAD_NAME, from..end, "an end tag without a name")
                .label("expected the name of an element after `</`");
            let fault = match self.open.last() {
                Some(open) => fault.help(format!("write `</{}>`", open.shown)),
                None => fault,
            };
            return (fault, end);
        }
        let name = self.shown(from + 2..from + 2 + length);
        if closed {
            let fault = self
                .error(
                    faults::UNCLOSED_TAG,
                    after..stop,
                    format!("the end tag `</{name}>` holds more than its name"),
                )
                .label(format!("expected `>` after `</{name}`"))
                .help("attributes stand in the start tag");
            return (fault, end);
        }
        let fault = self
            .error(
                faults::UNCLOSED_TAG,
                from..from + 2 + length,
                format!("the end tag `</{name}` is not closed"),
            )
            .label("expected `>` after this");
        (fault, end)
    }

    /// The innermost open element was not closed before the end tag `by` of an outer one.
    fn close_unclosed(&mut self, by: Range<usize>) {
        let Some(mut element) = self.open.pop() else {
            return;
        };
        let name = &element.shown;
        let empty = element.unsure || EMPTY.contains(&&*element.name);
        if !element.unsure {
            let outer = self.source.quote(by.clone(), 60);
            let fault = self
                .error(
                    faults::UNCLOSED_ELEMENT,
                    element.mark(),
                    format!("the element `<{name}>` is never closed"),
                )
                .label(format!("expected `</{name}>` before `{outer}`"))
                .related(self.span(by.clone()), format!("`{outer}` comes first"))
                .help(if empty {
                    element.empty_form()
                } else if element.children.is_empty() {
                    format!("end its start tag with `/>`, or add `</{name}>`")
                } else {
                    format!("add `</{name}>`")
                });
            self.overlapping
                .push((element.name.clone(), self.faults.len()));
            self.faults.push(fault);
        }
        if empty {
            // What follows was never meant to be inside it.
            let children = std::mem::take(&mut element.children);
            let (text, has_elements, end) =
                (element.text.take(), element.has_elements, element.tag.end);
            self.finish(element, end);
            if let Some(parent) = self.open.last_mut() {
                parent.children.extend(children);
                parent.has_elements |= has_elements;
                parent.text = parent.text.take().or(text);
            }
        } else {
            if element.liquid {
                self.exempt.push(element.tag.end..by.start);
            }
            self.finish(element, by.start);
        }
    }

    /// No open element has that name.
    fn unmatched_end_tag(&mut self, tag: Range<usize>, name: &str) {
        if let Some(index) = self
            .overlapping
            .iter()
            .rposition(|(closed, _)| &**closed == name)
        {
            let (_, fault) = self.overlapping.remove(index);
            let (span, name) = (
                self.span(tag.clone()),
                self.shown(tag.start + 2..tag.start + 2 + name.len()),
            );
            if let Some(fault) = self.faults.get_mut(fault) {
                fault
                    .related
                    .push((span, format!("`</{name}>` comes too late")));
                fault.help = Some(format!(
                    "close elements in the reverse order of their start: move `</{name}>` up"
                ));
            }
            return;
        }
        let after = self.space_from(tag.end);
        let closes_next = |open: Option<&Open>| {
            open.is_some_and(|open| {
                self.text[after..]
                    .strip_prefix("</")
                    .and_then(|rest| rest.strip_prefix(&*open.name))
                    .is_some_and(|rest| {
                        rest.trim_start_matches([' ', '\t', '\r', '\n'])
                            .starts_with('>')
                    })
            })
        };
        let top = self.open.last();
        let outer = self
            .open
            .len()
            .checked_sub(2)
            .and_then(|i| self.open.get(i));
        let misspelt = top.is_some_and(|open| nearest(name, [&*open.name]).is_some());
        if let Some(open) = top
            && (misspelt || (closes_next(outer) && !closes_next(top)))
        {
            let expected = open.shown.clone();
            let name = self.shown(tag.start + 2..tag.start + 2 + name.len());
            let fault = self
                .error(
                    faults::MISMATCHED_END_TAG,
                    tag.clone(),
                    format!("`</{name}>` closes `<{expected}>`"),
                )
                .label(format!("expected `</{expected}>`"))
                .related(
                    self.span(open.mark()),
                    format!("`<{expected}>` begins here"),
                )
                .help(format!("write `</{expected}>`"));
            self.faults.push(fault);
            if let Some(element) = self.open.pop() {
                let content = element.tag.end..tag.start;
                self.close(element, content, tag.end);
            }
            return;
        }
        let fault = self
            .error(
                faults::STRAY_END_TAG,
                tag,
                format!("the end tag `</{name}>` closes nothing"),
            )
            .label(match top {
                Some(open) => format!("expected `</{}>`, or an element", open.name),
                None => "expected the end of the document".to_owned(),
            });
        let in_expression = top.and_then(|open| open.children.last()).is_some_and(|node| {
            matches!(node, Node::Text(text) if text.kind != TextKind::Literal && text.text.contains(&format!("<{name}>")))
        });
        let related = top.map(|open| {
            (
                self.span(open.mark()),
                format!("the open element is `<{}>`", open.shown),
            )
        });
        let fault = if in_expression {
            fault.help(format!("`<{name}>` is a type argument inside the expression, not an element: remove `</{name}>`"))
        } else {
            fault.help(format!(
                "remove it, or add `<{name}>` where the element begins"
            ))
        };
        self.faults.push(match related {
            Some((span, text)) => fault.related(span, text),
            None => fault,
        });
    }

    /// Nothing is left to read: what is still open is one fault, told at the innermost element.
    pub(super) fn end_of_document(&mut self) {
        let end = self.bytes.len();
        if !self.stopped {
            if let Some(inner) = self.open.last() {
                let name = &inner.shown;
                let mut fault = self
                    .error(
                        faults::UNCLOSED_ELEMENT,
                        inner.mark(),
                        format!("the element `<{name}>` is never closed"),
                    )
                    .label(format!("expected `</{name}>` before the document ends"));
                for open in self.open.iter().rev().skip(1).take(3) {
                    let text = format!("`<{}>` is not closed either", open.shown);
                    fault = fault.related(self.span(open.mark()), text);
                }
                let tags: Vec<String> = self
                    .open
                    .iter()
                    .rev()
                    .take(4)
                    .map(|open| format!("</{}>", open.shown))
                    .collect();
                fault = fault.help(if EMPTY.contains(&&*inner.name) {
                    inner.empty_form()
                } else if self.open.len() > tags.len() {
                    format!(
                        "the document is cut off; it has to go on with `{}...`",
                        tags.concat()
                    )
                } else {
                    format!("add `{}`", tags.concat())
                });
                self.faults.push(fault);
            } else if self.root.is_none() && !self.faults.has_errors() {
                let fault = self
                    .error(faults::NO_ROOT, end..end, "the document has no root element")
                    .label("expected `<policies>` or `<fragment>`")
                    .help("the least a scope needs is `<policies><inbound><base /></inbound></policies>`");
                self.faults.push(fault);
            }
        }
        while let Some(element) = self.open.pop() {
            if element.liquid {
                self.exempt.push(element.tag.end..end);
            }
            self.finish(element, end);
        }
    }
}

/// `<set-body><value>…</value></set-body>`, a form that some tools write.
fn lone_value(children: &[Node]) -> bool {
    matches!(children, [Node::Element(element)] if &*element.name == "value")
}
