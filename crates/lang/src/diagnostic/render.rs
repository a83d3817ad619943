//! Prints diagnostics as rustc does, and in one line each.
//!
//! What must stay true: printing never fails, whatever spans it is given, and stays readable for documents that are
//! one line of thousands of characters.

use super::{Diagnostic, Diagnostics, Severity};
use crate::source::{Sources, Span};
use annotate_snippets::{Annotation, AnnotationKind, Level, Renderer, Snippet};
use std::fmt::Write;
use std::ops::Range;

/// Widest line that is printed, in columns, without the line numbers.
const WIDTH: usize = 120;

/// Longest part of a span that carets are put under, in bytes.
const LONGEST_MARK: usize = 60;

/// Related places further away than this on a line, or in lines, get a snippet of their own.
const NEAR_COLUMNS: usize = 70;
const NEAR_LINES: usize = 12;

impl Diagnostics {
    /// Prints all as rustc would: message, `file:line:column`, the line with carets, related places, help.
    pub fn render(&self, sources: &Sources, color: bool) -> String {
        let renderer = if color {
            Renderer::styled()
        } else {
            Renderer::plain()
        }
        .term_width(WIDTH);
        let mut out = String::new();
        for diagnostic in &self.items {
            out.push_str(&one(diagnostic, sources, &renderer));
            out.push_str("\n\n");
        }
        out
    }

    /// One line per fault: `file:line:column: error[TG0000]: message; label; help`.
    pub fn render_compact(&self, sources: &Sources) -> String {
        let mut out = String::new();
        for d in &self.items {
            if let Some((name, line, column)) = d.span.and_then(|span| place(sources, span)) {
                let _ = write!(out, "{name}:{line}:{column}: ");
            }
            let _ = write!(out, "{}[{}]: {}", d.severity.name(), d.code, d.message);
            for part in [Some(&d.label), d.help.as_ref()]
                .into_iter()
                .flatten()
                .filter(|part| !part.is_empty())
            {
                let _ = write!(out, "; {part}");
            }
            out.push('\n');
        }
        out
    }

    /// `2 errors, 1 warning`; empty when there is nothing.
    pub fn summary(&self) -> String {
        let count = |severity| self.items.iter().filter(|d| d.severity == severity).count();
        let parts = [
            (count(Severity::Error), "error"),
            (count(Severity::Warning), "warning"),
        ];
        let parts = parts
            .iter()
            .filter(|(n, _)| *n > 0)
            .map(|(n, what)| format!("{n} {what}{}", if *n == 1 { "" } else { "s" }));
        parts.collect::<Vec<_>>().join(", ")
    }
}

fn place(sources: &Sources, span: Span) -> Option<(&str, usize, usize)> {
    let source = sources.get(span.file)?;
    let (line, column) = sources.line_column(span.file, span.start);
    Some((&source.name, line, column))
}

/// What of a file is shown around a span.
struct Window<'a> {
    name: &'a str,
    text: &'a str,
    /// Where `text` begins in the file, and its line number.
    start: usize,
    line: usize,
}

impl<'a> Window<'a> {
    /// The line that `span` begins in.
    fn around(sources: &'a Sources, span: Span) -> Option<Window<'a>> {
        let source = sources.get(span.file)?;
        let at = floor(&source.text, span.start as usize);
        let start = line_start(&source.text, at);
        let end = line_end(&source.text, at);
        let line = sources.line_column(span.file, at as u32).0;
        Some(Window {
            name: &source.name,
            text: &source.text[start..end],
            start,
            line,
        })
    }

    /// The part of a span that is marked: on its first line, and not too much of it.
    fn mark(&self, span: Span) -> Range<usize> {
        let start = floor(self.text, (span.start as usize).saturating_sub(self.start));
        let line_end = line_end(self.text, start);
        let end = (span.end as usize)
            .saturating_sub(self.start)
            .clamp(start, line_end.max(start));
        start..floor(self.text, end.min(start + LONGEST_MARK)).max(start)
    }
}

fn floor(text: &str, at: usize) -> usize {
    text.floor_char_boundary(at.min(text.len()))
}

fn line_start(text: &str, at: usize) -> usize {
    let start = text[..at].rfind('\n').map_or(0, |n| n + 1);
    if start == 0 && text.starts_with('\u{feff}') {
        '\u{feff}'.len_utf8().min(at)
    } else {
        start
    }
}

fn line_end(text: &str, at: usize) -> usize {
    let end = text[at..].find('\n').map_or(text.len(), |n| at + n);
    at + text[at..end].trim_end_matches('\r').len()
}

fn one(d: &Diagnostic, sources: &Sources, renderer: &Renderer) -> String {
    let level = match d.severity {
        Severity::Error => Level::ERROR,
        Severity::Warning => Level::WARNING,
    };
    let mut group = level
        .primary_title(d.message.as_str())
        .id(d.code)
        .elements(None::<annotate_snippets::Padding>);
    let mut apart: Vec<(Window<'_>, Span, &str)> = Vec::new();
    if let Some(span) = d.span
        && let Some(mut window) = Window::around(sources, span)
    {
        let near: Vec<bool> = d
            .related
            .iter()
            .map(|(other, _)| near(sources, span, *other))
            .collect();
        for (other, _) in d
            .related
            .iter()
            .zip(&near)
            .filter(|(_, near)| **near)
            .map(|(r, _)| r)
        {
            window.take_in(sources, *other);
        }
        let mut marks: Vec<Annotation<'_>> =
            vec![mark(AnnotationKind::Primary, window.mark(span), &d.label)];
        for ((other, text), near) in d.related.iter().zip(near) {
            if near {
                marks.push(mark(AnnotationKind::Context, window.mark(*other), text));
            } else if let Some(window) = Window::around(sources, *other) {
                apart.push((window, *other, text));
            }
        }
        group = group.element(snippet(&window, marks));
    }
    if let Some(help) = &d.help {
        group = group.element(Level::HELP.message(help.as_str()));
    }
    let mut groups = vec![group];
    for (window, span, text) in &apart {
        let marks = vec![mark(AnnotationKind::Primary, window.mark(*span), "")];
        groups.push(
            Level::NOTE
                .secondary_title(*text)
                .element(snippet(window, marks)),
        );
    }
    renderer.render(&groups)
}

impl<'a> Window<'a> {
    /// Widens the window to the line of `span`.
    fn take_in(&mut self, sources: &'a Sources, span: Span) {
        let Some(source) = sources.get(span.file) else {
            return;
        };
        let Some(other) = Window::around(sources, span) else {
            return;
        };
        let end = (self.start + self.text.len()).max(other.start + other.text.len());
        self.start = self.start.min(other.start);
        self.line = self.line.min(other.line);
        self.text = &source.text[self.start..end];
    }
}

/// Whether two places fit into one snippet.
fn near(sources: &Sources, a: Span, b: Span) -> bool {
    let Some(source) = sources.get(a.file).filter(|_| a.file == b.file) else {
        return false;
    };
    let (first, second) = (
        floor(&source.text, a.start.min(b.start) as usize),
        floor(&source.text, a.start.max(b.start) as usize),
    );
    let lines = source.text[first..second].matches('\n').count();
    let column = |at: usize| at - line_start(&source.text, at);
    lines <= NEAR_LINES && column(first).abs_diff(column(second)) <= NEAR_COLUMNS
}

fn mark(kind: AnnotationKind, range: Range<usize>, label: &str) -> Annotation<'_> {
    let mark = kind.span(range);
    if label.is_empty() {
        mark
    } else {
        mark.label(label)
    }
}

fn snippet<'a>(window: &Window<'a>, marks: Vec<Annotation<'a>>) -> Snippet<'a, Annotation<'a>> {
    Snippet::source(window.text)
        .line_start(window.line)
        .path(window.name)
        .annotations(marks)
}
