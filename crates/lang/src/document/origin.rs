//! Where each byte of a text came from: the map between what is read and what the user wrote.
//!
//! The scanner reads the *effective* text, in which named values stand in place of their tokens; values are cut out
//! of it with entities decoded and line ends made `\n`. What must stay true: every span that leaves this module is
//! in bounds of the written file and on character boundaries.

use super::{Text, TextKind};
use crate::source::{FileId, Span};
use std::borrow::Cow;
use std::ops::Range;
use std::sync::Arc;

/// How the bytes of a [`Piece`] relate to its span.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Origin {
    /// Byte for byte.
    Written,
    /// The span is an entity or character reference.
    Entity,
    /// The span is a `{{name}}` token; the bytes may be a secret.
    NamedValue,
}

/// From `at` on, up to the next piece, a text comes from `span` of the file.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Piece {
    pub(crate) at: u32,
    pub(crate) span: Span,
    pub(crate) origin: Origin,
}

impl Piece {
    /// The written byte behind byte `offset` of the text, as first byte of a range.
    fn start(&self, offset: usize) -> u32 {
        match self.origin {
            Origin::Written => self
                .span
                .start
                .saturating_add(offset as u32 - self.at)
                .min(self.span.end),
            _ => self.span.start,
        }
    }

    /// One past the written byte behind byte `offset - 1` of the text.
    fn end(&self, offset: usize) -> u32 {
        match self.origin {
            Origin::Written => self.start(offset),
            _ => self.span.end,
        }
    }
}

/// Where `range` of a text with these pieces was written. No pieces: the text stands at `whole.start` unchanged.
pub(crate) fn locate(pieces: &[Piece], whole: Span, range: Range<usize>) -> Span {
    let piece = |offset: usize| {
        let next = pieces.partition_point(|p| p.at as usize <= offset);
        next.checked_sub(1).map(|i| pieces[i])
    };
    let plain = |offset: usize| whole.start.saturating_add(offset as u32).min(whole.end);
    let start = piece(range.start).map_or_else(|| plain(range.start), |p| p.start(range.start));
    let end = if range.end > range.start {
        // The last byte decides, so that a range that ends before a token does not take the token in.
        piece(range.end - 1).map_or_else(|| plain(range.end), |p| p.end(range.end))
    } else {
        start
    };
    Span {
        file: whole.file,
        start,
        end: end.max(start),
    }
}

/// The text that is read: the written one with named values in place of their tokens.
pub(super) struct Effective<'a> {
    pub(super) file: FileId,
    pub(super) text: Cow<'a, str>,
    /// Empty: `text` is what was written.
    pub(super) pieces: Vec<Piece>,
    /// What was written; messages quote from here, never from `text`, which may hold secrets.
    pub(super) written: &'a str,
}

impl Effective<'_> {
    /// Where a range of `text` was written.
    pub(super) fn span(&self, range: Range<usize>) -> Span {
        locate(
            &self.pieces,
            Span::new(self.file, 0..self.written.len()),
            range,
        )
    }

    /// What was written at a span.
    pub(super) fn written(&self, span: Span) -> &str {
        self.written
            .get(span.start as usize..span.end as usize)
            .unwrap_or_default()
    }

    /// Whether a fault at `span` lies in the value of a named value, where the reader of the file cannot see it.
    pub(super) fn hidden(&self, span: Span) -> bool {
        self.pieces
            .iter()
            .any(|p| p.origin == Origin::NamedValue && p.span == span)
    }

    /// What was written at a range of `text`, on one line and cut to `limit` characters.
    pub(super) fn quote(&self, range: Range<usize>, limit: usize) -> String {
        let text = self.written(self.span(range)).trim();
        let mut quoted = String::new();
        let mut length = 0;
        for ch in text.chars() {
            if length == limit {
                return quoted + "...";
            }
            let blank = ch.is_whitespace() || ch.is_control();
            if !(blank && quoted.ends_with(' ')) {
                quoted.push(if blank { ' ' } else { ch });
                length += 1;
            }
        }
        quoted
    }

    /// The pieces that make up a range of `text`, each with its part of the range.
    fn parts(
        &self,
        range: Range<usize>,
    ) -> impl Iterator<Item = (Range<usize>, Span, Origin)> + '_ {
        let identity = Piece {
            at: 0,
            span: Span::new(self.file, 0..self.written.len()),
            origin: Origin::Written,
        };
        let first = self
            .pieces
            .partition_point(|p| p.at as usize <= range.start)
            .saturating_sub(1);
        let count = if self.pieces.is_empty() {
            1
        } else {
            self.pieces.len()
        };
        (first..count)
            .map(move |i| {
                let piece = self.pieces.get(i).copied().unwrap_or(identity);
                let next = self
                    .pieces
                    .get(i + 1)
                    .map_or(self.text.len(), |p| p.at as usize);
                let part = (piece.at as usize).max(range.start)..next.min(range.end);
                (piece, part, piece.at as usize >= range.end)
            })
            .take_while(|(_, _, beyond)| !beyond)
            .filter(|(_, part, _)| part.start < part.end)
            .map(|(piece, part, _)| {
                let span = Span {
                    file: piece.span.file,
                    start: piece.start(part.start),
                    end: piece.end(part.end),
                };
                (part, span, piece.origin)
            })
    }
}

/// Puts a value together from parts of the effective text.
pub(super) struct TextBuilder<'a> {
    source: &'a Effective<'a>,
    pub(super) text: String,
    pieces: Vec<Piece>,
}

impl<'a> TextBuilder<'a> {
    pub(super) fn new(source: &'a Effective<'a>) -> TextBuilder<'a> {
        TextBuilder {
            source,
            text: String::new(),
            pieces: Vec::new(),
        }
    }

    /// Adds a range of the effective text; `\r\n` and a lone `\r` become `\n`, as every XML reader does.
    pub(super) fn verbatim(&mut self, range: Range<usize>) {
        let source = self.source;
        for (part, span, origin) in source.parts(range) {
            let text = &source.text[part];
            let mut from = 0;
            for (at, _) in text.match_indices('\r') {
                self.part(&text[from..at], span, from, origin);
                if text[at + 1..].starts_with('\n') {
                    from = at + 1;
                } else {
                    self.part("\n", span, at, origin);
                    from = at + 1;
                }
            }
            self.part(&text[from..], span, from, origin);
        }
    }

    fn part(&mut self, text: &str, span: Span, from: usize, origin: Origin) {
        if text.is_empty() {
            return;
        }
        let at = self.text.len() as u32;
        self.text.push_str(text);
        let span = match origin {
            Origin::Written => {
                let start = span.start + from as u32;
                Span {
                    file: span.file,
                    start,
                    end: start + text.len() as u32,
                }
            }
            _ => span,
        };
        match self.pieces.last_mut() {
            Some(last)
                if last.origin == origin
                    && origin == Origin::Written
                    && last.span.end == span.start =>
            {
                last.span.end = span.end;
            }
            Some(last)
                if last.origin == origin && origin != Origin::Written && last.span == span => {}
            _ => self.pieces.push(Piece { at, span, origin }),
        }
    }

    /// Adds a character that an entity at `range` of the effective text stands for.
    pub(super) fn entity(&mut self, ch: char, range: Range<usize>) {
        let (span, named) = (
            self.source.span(range.clone()),
            self.source.parts(range).any(|p| p.2 == Origin::NamedValue),
        );
        let mut buffer = [0; 4];
        let at = self.text.len() as u32;
        self.text.push_str(ch.encode_utf8(&mut buffer));
        self.pieces.push(Piece {
            at,
            span,
            origin: if named {
                Origin::NamedValue
            } else {
                Origin::Entity
            },
        });
    }

    /// Where a range of the text so far was written.
    pub(super) fn span(&self, range: Range<usize>) -> Span {
        match self.pieces.first() {
            Some(first) => locate(&self.pieces, first.span, range),
            None => self.source.span(0..0),
        }
    }

    /// The part `range` of what was put together, as a value whose whole stands at `span`.
    pub(super) fn finish(self, range: Range<usize>, kind: TextKind, span: Span) -> Text {
        let text = &self.text[range.clone()];
        let mut pieces: Vec<Piece> = Vec::new();
        for (i, piece) in self.pieces.iter().enumerate() {
            let next = self
                .pieces
                .get(i + 1)
                .map_or(self.text.len(), |p| p.at as usize);
            let (start, end) = ((piece.at as usize).max(range.start), next.min(range.end));
            if start < end {
                let span = Span {
                    file: piece.span.file,
                    start: piece.start(start),
                    end: piece.end(end),
                };
                pieces.push(Piece {
                    at: (start - range.start) as u32,
                    span,
                    origin: piece.origin,
                });
            }
        }
        if let [only] = pieces.as_slice()
            && only.origin == Origin::Written
            && only.span.start == span.start
        {
            pieces.clear();
        }
        Text {
            text: Arc::from(text),
            kind,
            span,
            pieces,
            broken: false,
        }
    }
}
