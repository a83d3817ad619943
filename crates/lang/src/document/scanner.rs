//! The scanner: one pass over the effective text, element by element, with recovery after every fault.
//!
//! `read` calls [`scan`]. The parts: start tags in `start_tag`, attribute values in `value`, element text in
//! `content`, end tags and the tree in `end_tags`. What must stay true: each step moves on by at least one byte, and
//! any look ahead is paid for by a fault (their number is bounded) or by the text it consumes.

use super::end_tags::Open;
use super::faults::{self, Faults};
use super::named::Unknown;
use super::origin::Effective;
use super::{Element, NamedValues, entity, wellformed};
use crate::diagnostic::Diagnostic;
use crate::diagnostic::nearest::nearest;
use crate::source::Span;
use std::ops::Range;
use std::sync::Arc;

/// Reads the effective text; the root element, if there is one.
pub(super) fn scan(
    source: &Effective<'_>,
    unknown: &[Unknown],
    named: &dyn NamedValues,
    faults: &mut Faults,
) -> Option<Element> {
    let text: &str = &source.text;
    let first_malformed = wellformed::check(text).err();
    let mut scanner = Scanner {
        source,
        text,
        bytes: text.as_bytes(),
        pos: if text.starts_with('\u{feff}') {
            '\u{feff}'.len_utf8()
        } else {
            0
        },
        first_malformed,
        faults,
        open: Vec::new(),
        root: None,
        overlapping: Vec::new(),
        exempt: Vec::new(),
        stopped: false,
        told: Told::default(),
    };
    scanner.control_characters();
    scanner.document();
    let mut exempt = std::mem::take(&mut scanner.exempt);
    let root = scanner.root.take();
    faults.mark_hidden(|span| source.hidden(span));
    exempt.sort_by_key(|range| range.start);
    let (mut ranges, mut exempt_up_to) = (exempt.iter().peekable(), 0);
    for token in unknown {
        while let Some(range) = ranges.next_if(|range| range.start <= token.range.start) {
            exempt_up_to = exempt_up_to.max(range.end);
        }
        if exempt_up_to <= token.range.start && !faults.full() {
            faults.push(unknown_named_value(source, token, named));
        }
    }
    root
}

fn unknown_named_value(
    source: &Effective<'_>,
    token: &Unknown,
    named: &dyn NamedValues,
) -> Diagnostic {
    let name = &token.name;
    let fault = Diagnostic::error(
        faults::UNKNOWN_NAMED_VALUE,
        source.span(token.range.clone()),
        format!("there is no named value `{name}`"),
    )
    .label("expected the display name of a named value");
    let names = named.names();
    match nearest(name, names.iter().copied()) {
        Some(known) => fault.help(format!("did you mean `{{{{{known}}}}}`?")),
        None if names.is_empty() => fault.help(format!(
            "the configuration has no named values: add `{name}` to them"
        )),
        None => fault.help(format!(
            "add `{name}` to the named values of the configuration"
        )),
    }
}

/// Faults that are told once, however often they occur.
#[derive(Default)]
pub(super) struct Told {
    pub(super) second_root: bool,
    pub(super) text_before_root: bool,
    pub(super) text_after_root: bool,
    pub(super) escaped_expression: bool,
}

pub(super) struct Scanner<'a> {
    pub(super) source: &'a Effective<'a>,
    pub(super) text: &'a str,
    pub(super) bytes: &'a [u8],
    pub(super) pos: usize,
    /// Where the text stops being well-formed XML; `None`: it is well-formed, so expressions are escaped.
    pub(super) first_malformed: Option<usize>,
    pub(super) faults: &'a mut Faults,
    pub(super) open: Vec<Open>,
    pub(super) root: Option<Element>,
    /// Elements that an outer end tag closed, with the index of that fault: their own end tag may still come.
    pub(super) overlapping: Vec<(Arc<str>, usize)>,
    /// Where unknown `{{name}}` tokens are none of our business: comments and Liquid templates.
    pub(super) exempt: Vec<Range<usize>>,
    /// The rest of the text cannot be read, so what is missing in it is not worth a fault.
    pub(super) stopped: bool,
    pub(super) told: Told,
}

impl<'a> Scanner<'a> {
    fn document(&mut self) {
        while self.pos < self.bytes.len() && !self.stopped {
            if self.faults.full() {
                self.stopped = true;
            } else if self.at("</") {
                self.end_tag();
            } else if self.at_start_tag() {
                self.start_tag();
            } else {
                self.content();
            }
        }
        self.end_of_document();
    }

    pub(super) fn escaped(&self) -> bool {
        self.first_malformed.is_none()
    }

    pub(super) fn at(&self, with: &str) -> bool {
        self.bytes[self.pos..].starts_with(with.as_bytes())
    }

    pub(super) fn at_start_tag(&self) -> bool {
        self.tag_at(self.pos)
    }

    /// Whether a start tag begins at `at`.
    pub(super) fn tag_at(&self, at: usize) -> bool {
        self.bytes.get(at) == Some(&b'<')
            && wellformed::name_length(self.text.get(at + 1..).unwrap_or_default()) > 0
    }

    pub(super) fn space_from(&self, at: usize) -> usize {
        let blank = |b: &&u8| matches!(b, b' ' | b'\t' | b'\n' | b'\r');
        at + self.bytes[at..].iter().take_while(blank).count()
    }

    pub(super) fn span(&self, range: Range<usize>) -> Span {
        self.source.span(range)
    }

    pub(super) fn error(
        &self,
        code: &'static str,
        range: Range<usize>,
        message: impl Into<String>,
    ) -> Diagnostic {
        Diagnostic::error(code, self.span(range), message)
    }

    /// A name as written, for messages: a token in place of a named value.
    pub(super) fn shown(&self, range: Range<usize>) -> Arc<str> {
        Arc::from(self.source.quote(range, 60))
    }

    pub(super) fn find(&self, needle: &str, from: usize) -> Option<usize> {
        let from = from.min(self.bytes.len());
        memchr::memmem::find(&self.bytes[from..], needle.as_bytes()).map(|n| from + n)
    }

    /// The end of the line that `at` stands in.
    pub(super) fn line_end(&self, at: usize) -> usize {
        memchr::memchr2(b'\n', b'\r', &self.bytes[at..]).map_or(self.bytes.len(), |n| at + n)
    }

    /// Steps past a comment, processing instruction or declaration, if one begins here.
    pub(super) fn skip_markup(&mut self) -> bool {
        let from = self.pos;
        let (opening, closing, what) = if self.at("<!--") {
            ("<!--", "-->", "comment")
        } else if self.at("<?") {
            ("<?", "?>", "processing instruction")
        } else if self.at("<!DOCTYPE") || self.at("<!doctype") {
            self.doctype();
            return true;
        } else {
            return false;
        };
        match self.find(closing, from + opening.len()) {
            Some(end) => self.pos = end + closing.len(),
            None => self.unclosed_markup(opening, closing, what),
        }
        if what == "comment" {
            self.exempt.push(from..self.pos);
        }
        true
    }

    /// Nothing after it can be told from its inside, so reading stops.
    pub(super) fn unclosed_markup(&mut self, opening: &str, closing: &str, what: &str) {
        let fault = self
            .error(
                faults::UNCLOSED_MARKUP,
                self.pos..self.pos + opening.len(),
                format!("this {what} is never closed"),
            )
            .label(format!("expected `{closing}` after this"));
        let line = &self.text[self.pos + opening.len()..self.line_end(self.pos)];
        let near = ["--!>", "-- >", "->", "]>", "] ]>", ">"]
            .iter()
            .find(|close| line.contains(**close));
        self.faults.push(match near {
            Some(close) if *close != closing => {
                fault.help(format!("close it with `{closing}`; `{close}` does not"))
            }
            _ => fault.help(format!("add `{closing}`")),
        });
        self.pos = self.bytes.len();
        self.stopped = true;
    }

    fn doctype(&mut self) {
        let from = self.pos;
        let rest = &self.bytes[from..];
        let end = memchr::memchr2(b'[', b'>', rest).map_or(self.bytes.len(), |n| from + n);
        self.pos = match self.bytes.get(end) {
            Some(b'[') => self
                .find("]", end)
                .and_then(|n| self.find(">", n))
                .map_or(self.bytes.len(), |n| n + 1),
            Some(_) => end + 1,
            None => end,
        };
        let fault = self
            .error(faults::DOCTYPE, from..from + "<!DOCTYPE".len(), "a policy document has no DOCTYPE")
            .label("expected the root element")
            .help("remove the declaration; entities other than XML's five are written as character references");
        self.faults.push(fault);
    }

    fn control_characters(&mut self) {
        let found = self.text.char_indices().find(|(_, c)| !entity::allowed(*c));
        if let Some((at, ch)) = found {
            let message = format!(
                "the character U+{:04X} is not allowed in a document",
                ch as u32
            );
            let fault = self
                .error(faults::CONTROL_CHARACTER, at..at + ch.len_utf8(), message)
                .label("expected printable text, a tab or a line end")
                .help("remove it; was the file saved as UTF-8?");
            self.faults.push(fault);
        }
    }
}
