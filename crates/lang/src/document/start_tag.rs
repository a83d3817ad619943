//! Start tags: the name, the attributes, and recovery inside of them.

use super::end_tags::Open;
use super::faults;
use super::matching::{begins, expression_end};
use super::scanner::Scanner;
use super::wellformed::name_length;
use super::{Attribute, Text, TextKind};
use crate::diagnostic::Diagnostic;
use std::collections::HashMap;
use std::sync::Arc;

/// What was read last inside a start tag.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Last {
    /// The name of the element, or something that was a fault already.
    Other,
    /// A quoted value; true: an expression.
    Value(bool),
}

/// Elements whose text may be a Liquid template, in which `{{...}}` is no named value.
const TEMPLATES: [&str; 7] = [
    "set-body",
    "publish-to-dapr",
    // Parts of `cosmosdb-data-source`.
    "id",
    "partition-key",
    "etag",
    "max-item-count",
    "continuation-token",
];

impl Scanner<'_> {
    /// `<name attribute="value" …>` or `/>`.
    pub(super) fn start_tag(&mut self) {
        let from = self.pos;
        let length = name_length(&self.text[from + 1..]);
        let name: Arc<str> = Arc::from(&self.text[from + 1..from + 1 + length]);
        let (name_span, shown) = (
            self.span(from + 1..from + 1 + length),
            self.shown(from + 1..from + 1 + length),
        );
        let mut unsure = false;
        self.pos = from + 1 + length;
        let mut attributes: Vec<Attribute> = Vec::new();
        let mut seen: HashMap<Arc<str>, usize> = HashMap::new();
        let mut last = Last::Other;
        let empty = loop {
            let at = self.pos;
            self.pos = self.space_from(at);
            let spaced = self.pos > at;
            match self.bytes.get(self.pos) {
                None => {
                    let fault = self
                        .error(
                            faults::UNCLOSED_TAG,
                            from..from + 1 + length,
                            format!("the start tag `<{shown}` is not closed"),
                        )
                        .label("expected `>` or `/>` before the document ends");
                    if !std::mem::replace(&mut self.stopped, true) {
                        self.faults.push(fault);
                    }
                    break false;
                }
                Some(b'>') => {
                    self.pos += 1;
                    break false;
                }
                Some(b'/') if self.bytes.get(self.pos + 1) == Some(&b'>') => {
                    self.pos += 2;
                    break true;
                }
                Some(b'/')
                    if matches!(
                        self.bytes.get(self.space_from(self.pos + 1)),
                        None | Some(b'>' | b'<')
                    ) =>
                {
                    let after = self.space_from(self.pos + 1);
                    let fault = self.error(
                        faults::UNCLOSED_TAG,
                        self.pos..self.pos + 1,
                        format!("the start tag `<{shown}` is not closed"),
                    );
                    let closed = self.bytes.get(after) == Some(&b'>');
                    self.pos = if closed { after + 1 } else { after };
                    self.faults.push(fault.label(if closed {
                        "expected `>` right after this"
                    } else {
                        "expected `>` after this"
                    }));
                    break true;
                }
                Some(b'<') => {
                    let fault = self
                        .error(
                            faults::UNCLOSED_TAG,
                            from..from + 1 + length,
                            format!("the start tag `<{shown}` is not closed"),
                        )
                        .label("expected `>` or `/>` at the end of this tag")
                        .related(
                            self.span(self.pos..self.pos + 1),
                            "the next tag begins here",
                        );
                    self.faults.push(fault);
                    unsure = true;
                    break false;
                }
                Some(_) if self.faults.full() => {
                    self.stopped = true;
                    break false;
                }
                Some(b'=') => {
                    self.nameless_value(last);
                    last = Last::Other;
                }
                Some(quote @ (b'"' | b'\'')) => {
                    let quote = *quote;
                    self.stray_quote(quote);
                    last = Last::Other;
                }
                Some(_) if self.name_here() == 0 => {
                    let end = self.attribute_junk();
                    let message = format!(
                        "`{}` is not an attribute",
                        self.source.quote(self.pos..end, 40)
                    );
                    let fault = self
                        .error(faults::BAD_NAME, self.pos..end, message)
                        .label("expected the name of an attribute, `>` or `/>`");
                    self.faults.push(fault);
                    self.pos = end;
                    self.skip_value();
                    last = Last::Other;
                }
                Some(_) => {
                    if !spaced && last != Last::Other {
                        let fault = self
                            .error(
                                faults::MISSING_SPACE,
                                self.pos..self.pos + self.name_here(),
                                "no space before this attribute",
                            )
                            .label("expected a space between the quote and the name");
                        self.faults.push(fault);
                    }
                    if let Some(attribute) = self.attribute(&shown) {
                        last = Last::Value(attribute.value.kind != TextKind::Literal);
                        match seen
                            .get(&attribute.name)
                            .and_then(|index| attributes.get(*index))
                        {
                            Some(first) => {
                                let text = format!(
                                    "the attribute `{}` stands twice in `<{shown}>`",
                                    self.source.written(attribute.name_span)
                                );
                                let fault = Diagnostic::error(
                                    faults::DUPLICATE_ATTRIBUTE,
                                    attribute.name_span,
                                    text,
                                )
                                .label("expected each attribute once")
                                .related(first.name_span, "first given here")
                                .help("remove one of them");
                                self.faults.push(fault);
                            }
                            None => {
                                seen.insert(attribute.name.clone(), attributes.len());
                                attributes.push(attribute);
                            }
                        }
                    } else {
                        last = Last::Other;
                    }
                }
            }
        };
        let liquid = TEMPLATES.contains(&&*name)
            && attributes
                .iter()
                .any(|a| &*a.name == "template" && a.value.text.eq_ignore_ascii_case("liquid"));
        let tag = from..self.pos;
        let (text, children) = (None, Vec::new());
        self.open(
            Open {
                name,
                shown,
                name_span,
                tag,
                attributes,
                children,
                text,
                has_elements: false,
                liquid,
                markup: false,
                stylesheet: false,
                unsure,
            },
            empty,
        );
    }

    fn name_here(&self) -> usize {
        name_length(&self.text[self.pos..])
    }

    /// Where something that is no attribute ends.
    fn attribute_junk(&self) -> usize {
        let rest = &self.text[self.pos..];
        // A lone `/` or the `?` of `?>` is junk of one character.
        let first = rest.chars().next().map_or(0, char::len_utf8);
        let stops =
            |c: char| c.is_ascii_whitespace() || matches!(c, '=' | '>' | '<' | '/' | '"' | '\'');
        self.pos + first + rest[first..].find(stops).unwrap_or(rest.len() - first)
    }

    /// `name="value"`; `None` when there is no value to speak of.
    fn attribute(&mut self, element: &str) -> Option<Attribute> {
        let from = self.pos;
        let length = self.name_here();
        self.pos += length;
        // `name)"=""`: the tail of an expression that was cut at a quote of its own.
        let stops =
            |c: char| c.is_ascii_whitespace() || matches!(c, '=' | '>' | '<' | '/' | '"' | '\'');
        let whole = length
            + self.text[self.pos..]
                .find(stops)
                .unwrap_or(self.bytes.len() - self.pos);
        if whole > length {
            let shown = self.source.quote(from..from + whole, 40);
            let fault = self
                .error(faults::BAD_NAME, from..from + whole, format!("`{shown}` is not the name of an attribute"))
                .label("expected letters, digits, `-`, `_`, `.` or `:`")
                .help("if a quote of an expression ended the value before this, check the brackets of that expression");
            self.faults.push(fault);
            self.pos = from + whole;
            self.skip_value();
            return None;
        }
        let name: Arc<str> = Arc::from(&self.text[from..from + length]);
        let (name_span, shown) = (
            self.span(from..from + length),
            self.shown(from..from + length),
        );
        let equals = self.space_from(self.pos);
        let quoted = |byte: Option<&u8>| matches!(byte, Some(b'"' | b'\''));
        let value_at = if self.bytes.get(equals) == Some(&b'=') {
            self.space_from(equals + 1)
        } else {
            let fault = self.error(
                faults::ATTRIBUTE_WITHOUT_VALUE,
                from..from + length,
                format!("the attribute `{shown}` of `<{element}>` has no value"),
            );
            if !quoted(self.bytes.get(equals)) {
                self.faults.push(
                    fault
                        .label("expected `=` and a quoted value after this")
                        .help(format!("write `{shown}=\"...\"`")),
                );
                return None;
            }
            self.faults
                .push(fault.label("expected `=` between the name and the value"));
            equals
        };
        self.pos = value_at;
        let value = if quoted(self.bytes.get(value_at)) {
            self.quoted_value(&shown)
        } else {
            self.unquoted_value(&shown)?
        };
        Some(Attribute {
            name,
            name_span,
            value,
        })
    }

    /// Steps over `="…"` after a name that was a fault.
    fn skip_value(&mut self) {
        let equals = self.space_from(self.pos);
        let (mut at, mut skipped) = (equals, false);
        if self.bytes.get(at) == Some(&b'"') {
            // The quote that really closed the cut value.
            at += 1;
            skipped = true;
        }
        if self.bytes.get(at) == Some(&b'=') {
            at = self.space_from(at + 1);
            skipped = true;
            if let Some(quote @ (b'"' | b'\'')) = self.bytes.get(at)
                && let Some(n) = memchr::memchr2(*quote, b'<', &self.bytes[at + 1..])
                && self.bytes[at + 1 + n] == *quote
            {
                at += n + 2;
            }
        }
        if skipped {
            self.pos = at;
        }
    }

    /// `="…"` without a name before it.
    fn nameless_value(&mut self, last: Last) {
        let from = self.pos;
        self.skip_value();
        let shown = self.source.quote(from..self.pos, 40);
        let fault = self
            .error(
                faults::MISSING_ATTRIBUTE_NAME,
                from..self.pos,
                format!("`{shown}` has no attribute name before it"),
            )
            .label("expected a space and an attribute, `>` or `/>`");
        self.faults.push(match last {
            Last::Value(true) => fault.help(format!(
                "an HTML tool took a quote inside the expression for the end of the attribute: remove `{shown}`, and check the string before it for changed case and spaces"
            )),
            _ => fault.help(format!("remove `{shown}`, or write a name before it")),
        });
    }

    /// A quote where an attribute should begin.
    fn stray_quote(&mut self, quote: u8) {
        let from = self.pos;
        let rest = &self.bytes[from + 1..];
        let end = match memchr::memchr3(quote, b'>', b'<', rest) {
            Some(n) if rest[n] == quote => from + 1 + n + 1,
            _ => from + 1,
        };
        let fault = self
            .error(
                faults::STRAY_QUOTE,
                from..end,
                "a quote where an attribute should begin",
            )
            .label("expected the name of an attribute, `>` or `/>`")
            .help("a quote inside a value is written `&quot;`");
        self.faults.push(fault);
        self.pos = end;
    }

    /// `name=value`; `None` when there is none.
    fn unquoted_value(&mut self, name: &str) -> Option<Text> {
        let from = self.pos;
        let end = self.unquoted_end(from);
        if from == end || self.whole_attribute(from) {
            let equals = self.text[..from].rfind('=').unwrap_or(from);
            let message = format!("the attribute `{name}` has no value");
            let fault = self.error(faults::ATTRIBUTE_WITHOUT_VALUE, equals..equals + 1, message);
            self.faults
                .push(fault.label("expected a quoted value after this"));
            return None;
        }
        self.pos = end;
        let shown = self.source.quote(from..end, 40);
        let fault = self
            .error(
                faults::UNQUOTED_VALUE,
                from..end,
                format!("the value of `{name}` has no quotes"),
            )
            .label("expected `\"` before and after this")
            .help(format!("write `{name}=\"{shown}\"`"));
        self.faults.push(fault);
        if begins(self.text, from)
            && let (Some(close), seen) = expression_end(self.text, from)
            && close == end
        {
            return Some(self.expression(from..end, &seen));
        }
        Some(self.literal_value(from..end, true))
    }

    /// Whether `name="` stands at `at`.
    fn whole_attribute(&self, at: usize) -> bool {
        let length = name_length(&self.text[at..]);
        let equals = self.space_from(at + length);
        let value = self.space_from((equals + 1).min(self.bytes.len()));
        length > 0
            && self.bytes.get(equals) == Some(&b'=')
            && matches!(self.bytes.get(value), Some(b'"' | b'\''))
    }
}
