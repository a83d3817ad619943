//! The pieces of a template's text: plain text, `{{ output }}` and `{% tag %}`.
//!
//! [`super::parse`] reads them. Source: DotLiquid's tokenizer at syntax level 2.0. What must stay true: a quoted text may
//! hold the end of its tag; `-` beside a tag takes away blanks and tabs before it, and one line end or blanks after it.

use super::Fault;
use std::ops::Range;

/// A piece.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    /// As it stands.
    Text,
    /// What stands between `{{` and `}}`.
    Output,
    /// What stands between `{%` and `%}`.
    Tag,
}

/// A piece with its place.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Token {
    pub(super) kind: Kind,
    /// All of it.
    pub(super) at: Range<usize>,
    /// Without its braces.
    pub(super) inner: Range<usize>,
}

/// Tags whose content is text.
pub(super) const RAW: [&str; 3] = ["raw", "comment", "literal"];

/// The pieces of a text. What has no end is a fault, and the last piece.
pub(super) fn tokens(text: &str, faults: &mut Vec<Fault>) -> Vec<Token> {
    let mut out = Vec::new();
    let mut from = 0;
    let mut search = 0;
    while let Some(open) = next_open(text, search) {
        let is_tag = text.as_bytes()[open + 1] == b'%';
        let dash = text.as_bytes().get(open + 2) == Some(&b'-');
        let inner_from = open + 2 + usize::from(dash);
        let mut before = &text[from..open];
        if dash {
            before = before.trim_end_matches(['\t', ' ']);
        }
        push_text(&mut out, from..from + before.len());
        let Some(inner_to) = close(text, inner_from, is_tag) else {
            let (what, end) = if is_tag {
                ("tag", "%}")
            } else {
                ("output", "}}")
            };
            faults.push(Fault {
                code: "TG0520",
                at: open..(open + 2),
                message: format!("the template's {what} has no end"),
                label: format!("expected `{end}` after it"),
                help: Some("a quote inside it must be closed too".into()),
                mild: false,
            });
            return out;
        };
        let end = inner_to + 2;
        let mut inner = inner_from..inner_to;
        let trims = text[inner.clone()].ends_with('-');
        if trims {
            inner.end -= 1;
        }
        from = end;
        if trims {
            from += blank_after(&text[end..]);
        }
        search = from;
        let name = name_of(&text[inner.clone()]);
        out.push(Token {
            kind: if is_tag { Kind::Tag } else { Kind::Output },
            at: open..end,
            inner,
        });
        if is_tag && RAW.contains(&name) {
            match raw_end(text, from, name) {
                Some(closing) => {
                    push_text(&mut out, from..closing);
                    from = closing;
                    search = closing;
                }
                None => {
                    faults.push(unclosed(open..end, name));
                    return out;
                }
            }
        }
    }
    push_text(&mut out, from..text.len());
    out
}

/// A block that has no end tag.
pub(super) fn unclosed(at: Range<usize>, name: &str) -> Fault {
    Fault {
        code: "TG0521",
        at,
        message: format!("`{{% {name} %}}` is not closed"),
        label: format!("expected `{{% end{name} %}}` after it"),
        help: None,
        mild: false,
    }
}

fn push_text(out: &mut Vec<Token>, at: Range<usize>) {
    if !at.is_empty() {
        out.push(Token {
            kind: Kind::Text,
            inner: at.clone(),
            at,
        });
    }
}

/// The next `{{` or `{%`.
fn next_open(text: &str, from: usize) -> Option<usize> {
    let bytes = text.as_bytes();
    let mut at = from;
    loop {
        at += memchr::memchr(b'{', bytes.get(at..)?)?;
        if matches!(bytes.get(at + 1), Some(b'{' | b'%')) {
            return Some(at);
        }
        at += 1;
    }
}

/// Where the end of an output or a tag begins; quoted text is passed over.
fn close(text: &str, from: usize, is_tag: bool) -> Option<usize> {
    let bytes = text.as_bytes();
    let first = if is_tag { b'%' } else { b'}' };
    let mut at = from;
    while let Some(&b) = bytes.get(at) {
        if b == b'"' || b == b'\'' {
            at += 1 + memchr::memchr(b, &bytes[at + 1..])?;
        } else if b == first && bytes.get(at + 1) == Some(&b'}') {
            return Some(at);
        }
        at += 1;
    }
    None
}

/// How much of what follows `-}}` goes: a line end, or blanks and tabs.
fn blank_after(rest: &str) -> usize {
    if rest.starts_with('\n') {
        1
    } else if rest.starts_with("\r\n") {
        2
    } else {
        rest.len() - rest.trim_start_matches([' ', '\t']).len()
    }
}

/// The first word of a tag.
pub(super) fn name_of(inner: &str) -> &str {
    let inner = inner.trim_start();
    let end = inner.find(|c: char| !(c.is_alphanumeric() || c == '_'));
    &inner[..end.unwrap_or(inner.len())]
}

/// Where the end tag of a raw block begins.
fn raw_end(text: &str, from: usize, name: &str) -> Option<usize> {
    let mut at = from;
    loop {
        at += text.get(at..)?.find("{%")?;
        let rest = &text[at + 2..];
        let rest = rest.strip_prefix('-').unwrap_or(rest).trim_start();
        let closes = rest
            .strip_prefix("end")
            .and_then(|r| r.strip_prefix(name))
            .is_some_and(|r| {
                let r = r.trim_start();
                r.strip_prefix('-').unwrap_or(r).starts_with("%}")
            });
        if closes {
            return Some(at);
        }
        at += 2;
    }
}
