//! Element text: literal text with entities, CDATA, comments in between, and expressions.

use super::faults;
use super::matching::{begins, expression_end};
use super::origin::TextBuilder;
use super::scanner::Scanner;
use super::{Text, TextKind};
use std::ops::Range;

impl Scanner<'_> {
    /// Everything up to the next tag.
    pub(super) fn content(&mut self) {
        let from = self.pos;
        let mut builder = TextBuilder::new(self.source);
        // CDATA and entities make even blank text count.
        let (mut blank, mut explicit, mut cdata) = (true, false, false);
        let mut trailing = None;
        while self.pos < self.bytes.len() && !self.stopped && !self.faults.full() {
            if self.skip_markup() {
                continue;
            }
            if self.at("</") || self.at_start_tag() {
                break;
            }
            if self.at("<![CDATA[") {
                (blank, explicit, cdata) = (false, true, true);
                self.cdata(&mut builder);
            } else if self.at("<") {
                self.raw_less_than();
                blank = false;
                builder.verbatim(self.pos..self.pos + 1);
                self.pos += 1;
            } else {
                let at = self.space_from(self.pos);
                if !self.escaped() && !self.open.is_empty() && blank && begins(self.text, at) {
                    match self.raw_text_expression(at) {
                        Ok(text) => return self.add_text(text, at..self.pos),
                        Err(end) => {
                            builder.verbatim(self.pos..end);
                            (self.pos, trailing, blank) = (end, Some(at..end), false);
                            continue;
                        }
                    }
                }
                let end = memchr::memchr(b'<', &self.bytes[self.pos..])
                    .map_or(self.bytes.len(), |n| self.pos + n);
                explicit |= memchr::memchr(b'&', &self.bytes[self.pos..end]).is_some();
                blank &= at >= end;
                let told = self.open.is_empty() || self.escaped();
                self.decode(&mut builder, self.pos..end, told);
                self.pos = end;
            }
        }
        // In a stylesheet white space may count.
        let stylesheet = self.open.last().is_some_and(|open| open.stylesheet);
        if blank && !explicit && !stylesheet {
            return;
        }
        let (start, end) = self.trimmed(from..self.pos);
        if self.open.is_empty() {
            return self.text_outside(start..end);
        }
        if let Some(expression) = trailing {
            let rest = self.source.quote(expression.end..self.pos, 40);
            self.text_after_expression(expression, &rest);
        }
        let text = if self.escaped() || cdata {
            self.classify(builder, from..self.pos)
        } else {
            let (whole, span) = (0..builder.text.len(), self.span(from..self.pos));
            builder.finish(whole, TextKind::Literal, span)
        };
        self.add_text(text, start..end);
    }

    fn trimmed(&self, range: Range<usize>) -> (usize, usize) {
        let text = &self.text[range.clone()];
        let start = range.start + (text.len() - text.trim_start().len());
        (start, (range.start + text.trim_end().len()).max(start))
    }

    fn cdata(&mut self, builder: &mut TextBuilder<'_>) {
        let inner = self.pos + "<![CDATA[".len();
        match self.find("]]>", inner) {
            Some(end) => {
                builder.verbatim(inner..end);
                self.pos = end + 3;
            }
            None => self.unclosed_markup("<![CDATA[", "]]>", "CDATA section"),
        }
    }

    fn raw_less_than(&mut self) {
        let fault = self.error(
            faults::RAW_LESS_THAN,
            self.pos..self.pos + 1,
            "a `<` that begins no tag",
        );
        let fault = if self.at("<!") {
            fault.label("expected `<!--` or `<![CDATA[`")
        } else {
            fault.label("expected the name of an element, or `&lt;`")
        };
        self.faults.push(fault.help(
            "outside an expression `<` is written `&lt;`, or the text is put into `<![CDATA[ ]]>`",
        ));
    }

    /// An expression as typed, the first thing in an element. `Err` with its end: other text follows it.
    fn raw_text_expression(&mut self, at: usize) -> Result<Text, usize> {
        let (end, seen) = expression_end(self.text, at);
        let close = self
            .open
            .last()
            .map(|open| format!("</{}>", open.name))
            .unwrap_or_default();
        let close = |range: Range<usize>| {
            memchr::memmem::find(&self.bytes[range.clone()], close.as_bytes())
                .map(|n| range.start + n)
        };
        if let Some(end) = end {
            // The end tag of the element itself inside the expression: its bracket was found much too late.
            let swallowed = close(at..end).is_some() && !self.ends_element(end);
            if !swallowed {
                let mut after = self.space_from(end);
                while self.bytes[after..].starts_with(b"<!--")
                    && let Some(n) = self.find("-->", after + 4)
                {
                    after = self.space_from(n + 3);
                }
                let tag = self.bytes[after..].starts_with(b"</") || self.tag_at(after);
                if tag || after == self.bytes.len() {
                    self.pos = end;
                    return Ok(self.expression(at..end, &seen));
                }
                return Err(end);
            }
        }
        let stop = close(at..self.bytes.len()).unwrap_or_else(|| {
            let next = memchr::memmem::find(&self.bytes[at..], b"</").map(|n| at + n);
            next.unwrap_or(self.bytes.len())
        });
        let trimmed = (at + self.text[at..stop].trim_end().len()).max(at + 2);
        self.unclosed_expression(at, trimmed, &seen);
        self.pos = stop;
        Ok(self.broken_expression(at..trimmed))
    }

    /// Whether the end tag of the innermost element follows at `at`.
    fn ends_element(&self, at: usize) -> bool {
        let after = self.space_from(at);
        let rest = self.text[after..].strip_prefix("</");
        self.open
            .last()
            .is_some_and(|open| rest.is_some_and(|rest| rest.starts_with(&*open.name)))
    }

    /// A decoded value: an expression if, trimmed, it begins as one and its match is the last character.
    pub(super) fn classify(&mut self, builder: TextBuilder<'_>, range: Range<usize>) -> Text {
        let text = builder.text.trim_end();
        let (end, at) = (text.len(), text.len() - text.trim_start().len());
        let whole = 0..builder.text.len();
        if !begins(&builder.text, at) {
            let span = self.span(range);
            return builder.finish(whole, TextKind::Literal, span);
        }
        let kind = if builder.text.as_bytes()[at + 1] == b'{' {
            TextKind::Multi
        } else {
            TextKind::Single
        };
        let span = builder.span(at..end);
        match expression_end(&builder.text[..end], at) {
            (Some(close), _) if close == end => builder.finish(at + 2..end - 1, kind, span),
            (Some(close), _) => {
                let fault = crate::Diagnostic::warning(
                    faults::TEXT_AFTER_EXPRESSION,
                    builder.span(at..close),
                    "this expression is literal text: more text follows it",
                )
                .label("expected the value to end here")
                .help("a value is either one expression or a literal; join text inside the expression: `@(a + \"b\")`");
                self.faults.push(fault);
                let span = self.span(range);
                builder.finish(whole, TextKind::Literal, span)
            }
            (None, seen) => {
                let bracket = if kind == TextKind::Multi { "}" } else { ")" };
                let mut fault = crate::Diagnostic::error(
                    faults::UNCLOSED_EXPRESSION,
                    builder.span(at..at + 2),
                    "this expression is never closed",
                )
                .label(format!("expected `{bracket}` before the value ends"));
                if let Some(string) = seen.broken_string {
                    fault = fault.related(
                        builder.span(string..string + 1),
                        "no quote closes this literal on its line",
                    );
                } else if let Some(comment) = seen.line_comment {
                    fault = fault.related(
                        builder.span(comment..comment + 2),
                        "this comment goes on to the end of the line",
                    );
                }
                self.faults.push(fault.help(format!(
                    "add `{bracket}`; brackets in strings and comments do not count"
                )));
                Text {
                    broken: true,
                    ..builder.finish(at + 2..end, kind, span)
                }
            }
        }
    }

    /// Text before or after the root element.
    fn text_outside(&mut self, range: Range<usize>) {
        let after = self.root.is_some();
        let told = if after {
            &mut self.told.text_after_root
        } else {
            &mut self.told.text_before_root
        };
        if std::mem::replace(told, true) {
            return;
        }
        let end = range.end.min(self.line_end(range.start)).max(range.start);
        let fault = self.error(
            faults::STRAY_TEXT,
            range.start..end,
            "text outside the root element",
        );
        self.faults.push(if after {
            fault
                .label("expected the end of the document")
                .help("remove it")
        } else {
            fault
                .label("expected `<policies>` or `<fragment>`")
                .help("a document begins with its root element")
        });
    }
}
