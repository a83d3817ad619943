//! Attribute values: where one ends, given that quotes inside an expression (and, in distinguished names, outside
//! of one) stand as typed.

use super::entity::{self, Entity};
use super::faults;
use super::matching::{Seen, begins, expression_end};
use super::origin::TextBuilder;
use super::scanner::Scanner;
use super::wellformed::name_length;
use super::{Text, TextKind};
use crate::diagnostic::Diagnostic;
use std::ops::Range;

/// How a literal value ends.
struct Literal {
    /// One past its last byte.
    end: usize,
    /// Whether the closing quote stands at `end`.
    closed: bool,
}

/// What stands inside a literal that should not, or only in pairs.
#[derive(Default)]
struct Inner {
    /// Quotes of the kind that delimits the value.
    count: usize,
    first: Option<usize>,
    last: Option<usize>,
    /// The first of them that follows `name=`.
    opens: Option<usize>,
    /// The first `<`.
    less_than: Option<usize>,
}

impl Scanner<'_> {
    /// At the opening quote of the value of attribute `name`.
    pub(super) fn quoted_value(&mut self, name: &str) -> Text {
        let quote = self.bytes[self.pos];
        let from = self.pos + 1;
        if self.escaped() {
            let end =
                memchr::memchr(quote, &self.bytes[from..]).map_or(self.bytes.len(), |n| from + n);
            self.pos = (end + 1).min(self.bytes.len());
            return self.decoded_value(from..end);
        }
        let at = self.space_from(from);
        if begins(self.text, at) {
            return self.raw_expression(from, at, quote, name);
        }
        let literal = self.literal_end(from, from, quote, name);
        self.pos = literal.end + usize::from(literal.closed);
        self.literal_value(from..literal.end, false)
    }

    /// An expression as typed: its own brackets tell where it ends, then comes the quote.
    fn raw_expression(&mut self, from: usize, at: usize, quote: u8, name: &str) -> Text {
        let (end, seen) = expression_end(self.text, at);
        if let Some(end) = end {
            let after = self.space_from(end);
            let suspicious = seen.broken_string.is_some() || self.bytes.get(after) != Some(&quote);
            let swallowed = suspicious && self.closing_quote(at..end, quote).is_some();
            if !swallowed && self.bytes.get(after) == Some(&quote) {
                self.pos = after + 1;
                return self.expression(at..end, &seen);
            }
            if !swallowed {
                let literal = self.literal_end(from, end, quote, name);
                self.pos = literal.end + usize::from(literal.closed);
                let trailing = self.source.quote(end..literal.end, 40);
                self.text_after_expression(at..end, &trailing);
                return self.literal_value(from..literal.end, true);
            }
        }
        let stop = match self.closing_quote(at..self.bytes.len(), quote) {
            Some(close) => {
                self.pos = close + 1;
                close
            }
            None => {
                let stop = memchr::memchr2(b'>', b'\n', &self.bytes[at..])
                    .map_or(self.bytes.len(), |n| at + n);
                self.pos = stop;
                stop
            }
        };
        self.unclosed_expression(at, stop, &seen);
        self.broken_expression(at..stop)
    }

    /// The first quote in `range` that the rest of a start tag follows; failing that, something like it.
    fn closing_quote(&self, range: Range<usize>, quote: u8) -> Option<usize> {
        let quotes =
            || memchr::memchr_iter(quote, &self.bytes[range.clone()]).map(|n| range.start + n);
        quotes()
            .find(|n| self.closes_cleanly(*n))
            .or_else(|| quotes().find(|n| self.closes(*n)))
    }

    /// Whether the quote at `at` is followed by whole attributes and the end of the tag.
    fn closes_cleanly(&self, at: usize) -> bool {
        const LOOK_AHEAD: usize = 8;
        let mut at = at + 1;
        for _ in 0..LOOK_AHEAD {
            let after = self.space_from(at);
            if self.bytes.get(after) == Some(&b'>') || self.bytes[after..].starts_with(b"/>") {
                return true;
            }
            let equals = self.space_from(after + name_length(&self.text[after..]));
            if equals == after || after == at || self.bytes.get(equals) != Some(&b'=') {
                return false;
            }
            let open = self.space_from(equals + 1);
            let Some(quote @ (b'"' | b'\'')) = self.bytes.get(open) else {
                return false;
            };
            if begins(self.text, open + 1) {
                return true;
            }
            match memchr::memchr2(*quote, b'<', &self.bytes[open + 1..]) {
                Some(n) if self.bytes[open + 1 + n] == *quote => at = open + n + 2,
                _ => return false,
            }
        }
        true
    }

    /// Whether the quote at `at` is followed by the end of the tag or by another attribute.
    fn closes(&self, at: usize) -> bool {
        let after = self.space_from(at + 1);
        match self.bytes.get(after) {
            Some(b'>') => true,
            Some(b'/') => self.bytes.get(after + 1) == Some(&b'>'),
            Some(b'<') => self.tag_at(after) || self.bytes.get(after + 1) == Some(&b'/'),
            Some(_) => {
                let length = name_length(&self.text[after..]);
                let equals = self.space_from(after + length);
                if length == 0 || self.bytes.get(equals) != Some(&b'=') {
                    return false;
                }
                matches!(
                    self.bytes.get(self.space_from(equals + 1)),
                    Some(b'"' | b'\'')
                )
            }
            None => false,
        }
    }

    /// Where the literal that begins at `from` ends, not before `after`: at the first quote that [`Self::closes`],
    /// or that blank space or a stray character follows while the quotes inside are paired, so that
    /// `O="Contoso, Inc."` may stand inside.
    fn literal_end(&mut self, from: usize, after: usize, quote: u8, name: &str) -> Literal {
        let mut inner = Inner::default();
        let mut at = after;
        while let Some(n) = memchr::memchr2(quote, b'<', &self.bytes[at..]) {
            at += n;
            if self.bytes[at] == b'<' {
                // Either `<` as typed inside a value, or the value was never closed.
                if inner.less_than.is_none() {
                    let close = memchr::memchr(quote, &self.bytes[at..]).map(|n| at + n);
                    if close.is_none_or(|close| !self.closes(close) || self.before_is_name(close)) {
                        break;
                    }
                    inner.less_than = Some(at);
                }
            } else {
                let opens = self.before_is_name(at);
                if self.closes(at) || (inner.count % 2 == 0 && !opens && self.ends_word(at)) {
                    return self.check_inner_quotes(from, at, &inner, name);
                }
                inner.count += 1;
                inner.first.get_or_insert(at);
                inner.last = Some(at);
                if opens {
                    inner.opens.get_or_insert(at);
                }
            }
            at += 1;
        }
        // Not closed. A quote that opens the next attribute tells where it should have ended.
        if let Some(next) = inner.opens {
            return self.missing_quote(from, next, name);
        }
        let rest = &self.bytes[from..];
        let stop = memchr::memchr3(b'>', b'<', b'\n', rest).map_or(self.bytes.len(), |n| from + n);
        self.stopped |= stop == self.bytes.len();
        let empty_tag =
            self.bytes.get(stop) == Some(&b'>') && self.bytes[from..stop].ends_with(b"/");
        let stop = if empty_tag { stop - 1 } else { stop };
        let stop = inner.first.filter(|n| *n < stop).unwrap_or(stop);
        let end = from + self.text[from..stop].trim_end().len();
        let fault = self.unclosed_value(from, end, name, quote);
        self.faults
            .push(fault.help(format!("add the closing `{}`", char::from(quote))));
        Literal {
            end,
            closed: self.bytes.get(end) == Some(&quote),
        }
    }

    /// Whether what follows the quote at `at` cannot be the rest of quoted text: blank space, the end, `=`, `/`.
    fn ends_word(&self, at: usize) -> bool {
        matches!(
            self.bytes.get(at + 1),
            None | Some(b' ' | b'\t' | b'\n' | b'\r' | b'=')
        ) || self.bytes[at + 1..].starts_with(b"/ ")
    }

    /// The literal ends at the quote at `end`; what stands inside of it may be wrong.
    fn check_inner_quotes(
        &mut self,
        from: usize,
        end: usize,
        inner: &Inner,
        name: &str,
    ) -> Literal {
        if let (1, Some(at)) = (inner.count % 2, inner.last) {
            if let Some(next) = inner.opens {
                return self.missing_quote(from, next, name);
            }
            let fault = self
                .error(
                    faults::STRAY_QUOTE,
                    at..at + 1,
                    format!("a lone quote inside the value of `{name}`"),
                )
                .label("expected a space and an attribute, `>` or `/>` after a closing quote")
                .help("remove it, or write `&quot;` for a quote inside the value");
            self.faults.push(fault);
        }
        if let Some(at) = inner.less_than {
            let fault = self
                .error(
                    faults::RAW_LESS_THAN,
                    at..at + 1,
                    format!("`<` inside the value of `{name}`"),
                )
                .label("expected `&lt;`")
                .help("outside an expression `<` is written `&lt;`");
            self.faults.push(fault);
        }
        Literal { end, closed: true }
    }

    /// Whether `name=` stands before the quote at `at`, as it would before the value of an attribute. After a comma
    /// it is a part of a distinguished name.
    fn before_is_name(&self, at: usize) -> bool {
        let before = self.text[..at].trim_end();
        let Some(before) = before.strip_suffix('=') else {
            return false;
        };
        let before = before.trim_end();
        let name = before
            .rfind(|c| !super::wellformed::name_char(c))
            .map_or(0, |n| n + 1);
        let Some(gap) = before.get(..name) else {
            return false;
        };
        let outside = gap.trim_end();
        name < before.len()
            && outside.len() < gap.len()
            && !outside.ends_with([',', ';', '+', '"', '\''])
    }

    /// The value at `from` runs into the attribute whose opening quote stands at `next`.
    fn missing_quote(&mut self, from: usize, next: usize, name: &str) -> Literal {
        let before = self.text[from..next]
            .trim_end()
            .trim_end_matches('=')
            .trim_end();
        let other = before
            .rfind(|c| !super::wellformed::name_char(c))
            .map_or(0, |n| n + 1);
        let end = from + before[..other].trim_end().len();
        let (quote, other) = (
            self.bytes[from - 1],
            self.shown(from + other..from + before.len()),
        );
        let fault = self.unclosed_value(from, end, name, quote);
        self.faults
            .push(fault.help(format!("close it before the attribute `{other}`")));
        Literal { end, closed: false }
    }

    fn unclosed_value(&self, from: usize, end: usize, name: &str, quote: u8) -> Diagnostic {
        self.error(
            faults::UNCLOSED_VALUE,
            from - 1..end.max(from),
            format!("the value of `{name}` is never closed"),
        )
        .label(format!("expected `{}` after this", char::from(quote)))
    }

    /// Where a value without quotes ends.
    pub(super) fn unquoted_end(&self, from: usize) -> usize {
        if begins(self.text, from)
            && let (Some(end), seen) = expression_end(self.text, from)
            && seen.broken_string.is_none()
        {
            return end;
        }
        let rest = &self.text[from..];
        let stop = rest
            .find(|c: char| c.is_ascii_whitespace() || matches!(c, '>' | '<' | '"' | '\''))
            .unwrap_or(rest.len());
        from + rest[..stop].trim_end_matches('/').len()
    }

    /// Literal text with its entities decoded; `told`: without faults about them.
    pub(super) fn literal_value(&mut self, range: Range<usize>, told: bool) -> Text {
        let mut builder = TextBuilder::new(self.source);
        self.decode(&mut builder, range.clone(), told);
        let (whole, span) = (0..builder.text.len(), self.span(range));
        builder.finish(whole, TextKind::Literal, span)
    }

    /// A value of a well-formed document: decoded first, then looked at.
    fn decoded_value(&mut self, range: Range<usize>) -> Text {
        let mut builder = TextBuilder::new(self.source);
        self.decode(&mut builder, range.clone(), true);
        self.classify(builder, range)
    }

    /// Copies a range of literal text, entities decoded.
    pub(super) fn decode(
        &mut self,
        builder: &mut TextBuilder<'_>,
        range: Range<usize>,
        told: bool,
    ) {
        let mut at = range.start;
        while let Some(n) = memchr::memchr(b'&', &self.bytes[at..range.end]) {
            builder.verbatim(at..at + n);
            at += n;
            match entity::read(&self.text[..range.end], at) {
                Entity::Char(ch, length) => {
                    builder.entity(ch, at..at + length);
                    at += length;
                }
                other => {
                    if !told {
                        let fault = self.bad_entity(at, &other);
                        self.faults.push(fault);
                    }
                    builder.verbatim(at..at + 1);
                    at += 1;
                }
            }
        }
        builder.verbatim(at..range.end);
    }

    fn bad_entity(&self, at: usize, entity: &Entity) -> Diagnostic {
        match entity {
            Entity::Unknown(range) => {
                let shown = self.source.quote(range.clone(), 40);
                let fault = self
                    .error(
                        faults::BAD_ENTITY,
                        range.clone(),
                        format!("XML has no entity `{shown}`"),
                    )
                    .label("expected `&lt;`, `&gt;`, `&amp;`, `&quot;`, `&apos;` or `&#number;`");
                match entity::html(&self.text[range.start + 1..range.end - 1]) {
                    Some(code) => fault.help(format!("write `&#{code};`")),
                    None => fault.help("if the `&` is meant as such, write `&amp;`"),
                }
            }
            Entity::Invalid(range) => {
                let shown = self.source.quote(range.clone(), 40);
                self.error(
                    faults::BAD_ENTITY,
                    range.clone(),
                    format!("`{shown}` is not a character"),
                )
                .label("expected the number of a character that XML allows")
            }
            _ => self
                .error(
                    faults::BAD_ENTITY,
                    at..at + 1,
                    "an `&` that begins no entity",
                )
                .label("expected `&amp;`")
                .help("outside an expression `&` is written `&amp;`"),
        }
    }

    /// The expression at `range` of the effective text, code as typed.
    pub(super) fn expression(&mut self, range: Range<usize>, seen: &Seen) -> Text {
        let broken = seen.entity.is_some();
        if let Some(at) = seen.entity
            && !std::mem::replace(&mut self.told.escaped_expression, true)
        {
            let end = self.find(";", at).map_or(at + 1, |n| n + 1);
            let shown = self.source.quote(at..end, 10);
            let mut fault = self
                .error(
                    faults::ESCAPED_EXPRESSION,
                    at..end,
                    format!("`{shown}` inside an expression of a document that is not XML"),
                )
                .label("expected code as typed");
            if let Some(malformed) = self.first_malformed {
                let malformed = malformed.min(self.bytes.len());
                fault = fault.related(
                    self.span(malformed..malformed),
                    "up to here it is well-formed XML",
                );
            }
            self.faults.push(fault.help(
                "entities in expressions are decoded only when the whole document is well-formed: correct the place above, or write all expressions as typed",
            ));
        }
        let mut builder = TextBuilder::new(self.source);
        let kind = if self.bytes[range.start + 1] == b'{' {
            TextKind::Multi
        } else {
            TextKind::Single
        };
        builder.verbatim(range.start + 2..range.end - 1);
        let (whole, span) = (0..builder.text.len(), self.span(range));
        Text {
            broken,
            ..builder.finish(whole, kind, span)
        }
    }

    /// What can be had of an expression that was a fault.
    pub(super) fn broken_expression(&mut self, range: Range<usize>) -> Text {
        let mut builder = TextBuilder::new(self.source);
        let kind = if self.bytes[range.start + 1] == b'{' {
            TextKind::Multi
        } else {
            TextKind::Single
        };
        builder.verbatim((range.start + 2).min(range.end)..range.end);
        let (whole, span) = (0..builder.text.len(), self.span(range));
        Text {
            broken: true,
            ..builder.finish(whole, kind, span)
        }
    }

    pub(super) fn text_after_expression(&mut self, range: Range<usize>, trailing: &str) {
        let span = self.span(range);
        let fault = Diagnostic::warning(faults::TEXT_AFTER_EXPRESSION, span, "this expression is literal text: more text follows it")
            .label(format!("expected the value to end here, found `{trailing}`"))
            .help("a value is either one expression or a literal; join text inside the expression: `@(a + \"b\")`");
        self.faults.push(fault);
    }

    /// The expression at `at` has no end before `stop`, where its value ends.
    pub(super) fn unclosed_expression(&mut self, at: usize, stop: usize, seen: &Seen) {
        let open = if seen.open < stop { seen.open } else { at + 1 };
        let bracket = if self.bytes[at + 1] == b'{' { "}" } else { ")" };
        let mut fault = self
            .error(
                faults::UNCLOSED_EXPRESSION,
                at..at + 2,
                "this expression is never closed",
            )
            .label(format!("expected `{bracket}` before the value ends"))
            .related(self.span(stop..stop), "the value ends here");
        if open != at + 1 {
            fault = fault.related(
                self.span(open..open + 1),
                "this bracket is not closed either",
            );
        }
        let within = |at: &usize| *at < stop;
        self.faults
            .push(if let Some(string) = seen.broken_string.filter(within) {
                fault
                    .related(
                        self.span(string..string + 1),
                        "no quote closes this literal on its line",
                    )
                    .help("close the literal")
            } else if let Some(comment) = seen.line_comment.filter(within) {
                fault
                    .related(
                        self.span(comment..comment + 2),
                        "this comment goes on to the end of the line",
                    )
                    .help("write it as `/* ... */`, or begin a new line after it")
            } else {
                fault.help(format!(
                    "add `{bracket}`; brackets in strings and comments do not count"
                ))
            });
    }
}
