//! `JToken.ToString`: Json.NET's exact text, indented or not.

use super::number::BigInteger;
use super::{Form, Kind, Token};
use crate::value::{Kind as DateKind, Value, number, text, time};

/// `StringEscapeHandling`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Escape {
    #[default]
    Default,
    /// Also what is beyond ASCII.
    NonAscii,
    /// Also `<`, `>`, `&`, `'` and `"`.
    Html,
}

/// How a tree is written.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Style {
    pub(crate) indented: bool,
    pub(crate) escape: Escape,
}

impl Style {
    /// Json.NET's default, indented or not.
    pub(crate) fn of(indented: bool) -> Style {
        Style {
            indented,
            escape: Escape::Default,
        }
    }
}

/// The text of a token; indented by two spaces a level, or without any blank.
pub(crate) fn write(token: &Token, indented: bool, out: &mut String) {
    write_styled(token, Style::of(indented), out);
}

/// As [`write`], in a style.
pub(crate) fn write_styled(token: &Token, style: Style, out: &mut String) {
    node(token, style, 0, out, &mut |_| true);
}

/// As [`write_styled`]; `pause` is told before each token how much is written, and ends the writing when it gives `false`.
pub(crate) fn write_pausing(
    token: &Token,
    style: Style,
    out: &mut String,
    pause: &mut dyn FnMut(usize) -> bool,
) {
    node(token, style, 0, out, pause);
}

fn line(indented: bool, level: usize, out: &mut String) {
    if indented {
        // Environment.NewLine of the service's Windows hosts is not copied: documents are compared and signed
        // with LF by every other tool that reads them.
        out.push('\n');
        for _ in 0..level {
            out.push_str("  ");
        }
    }
}

fn node(
    token: &Token,
    style: Style,
    level: usize,
    out: &mut String,
    pause: &mut dyn FnMut(usize) -> bool,
) {
    if !pause(out.len()) {
        return;
    }
    match token.kind() {
        Kind::Object(fields) => {
            let fields = fields.borrow();
            if fields.list().is_empty() {
                out.push_str("{}");
                return;
            }
            out.push('{');
            let mut first = true;
            for p in fields.list() {
                // A comment of XML stands where it is, without a line or a comma.
                let comment = p.form() == Form::Comment;
                if !comment {
                    if !first {
                        out.push(',');
                    }
                    first = false;
                    line(style.indented, level + 1, out);
                }
                node(p, style, level + 1, out, pause);
            }
            if !first {
                line(style.indented, level, out);
            }
            out.push('}');
        }
        Kind::Array(items) => {
            out.push('[');
            all(&items.borrow(), style, level, out, pause);
            out.push(']');
        }
        Kind::Constructor(name, items) => {
            out.push_str("new ");
            out.push_str(&name.borrow());
            out.push('(');
            let items = items.borrow();
            all(&items, style, level, out, pause);
            if items.is_empty() {
                line(style.indented, level, out);
            }
            out.push(')');
        }
        Kind::Property(name, value) => {
            text_in(name, style, out);
            out.push_str(if style.indented { ": " } else { ":" });
            node(&value.borrow(), style, level, out, pause);
        }
        Kind::Scalar(value) => match token.form() {
            Form::Comment => {
                out.push_str("/*");
                out.push_str(&value.borrow().to_text());
                out.push_str("*/");
            }
            Form::Raw | Form::RawValue => out.push_str(&value.borrow().to_text()),
            Form::Undefined => out.push_str("undefined"),
            Form::Plain | Form::Text | Form::RawGiven => styled(&value.borrow(), style, out),
        },
    }
}

/// The items of an array or a constructor. A comment stands between them without a comma of its own.
fn all(
    items: &[Token],
    style: Style,
    level: usize,
    out: &mut String,
    pause: &mut dyn FnMut(usize) -> bool,
) {
    let mut first = true;
    for t in items {
        let comment = t.form() == Form::Comment;
        if !first && !comment {
            out.push(',');
        }
        first &= comment;
        line(style.indented, level + 1, out);
        node(t, style, level + 1, out, pause);
    }
    if !items.is_empty() {
        line(style.indented, level, out);
    }
}

/// A quoted JSON text with Json.NET's default escapes.
pub(crate) fn string(s: &str, out: &mut String) {
    out.push('"');
    escape(s, '"', out);
    out.push('"');
}

/// As [`string`], in a style.
fn text_in(s: &str, style: Style, out: &mut String) {
    if style.escape == Escape::Default {
        return string(s, out);
    }
    let begin = out.len();
    string(s, out);
    let plain = out.split_off(begin);
    out.push('"');
    // The quotes around are not escaped, and those inside are `\"` already.
    let inner = plain.get(1..plain.len().saturating_sub(1)).unwrap_or("");
    let html = style.escape == Escape::Html;
    let inner = if html {
        inner.replace("\\\"", "\\u0022")
    } else {
        inner.to_owned()
    };
    for c in inner.chars() {
        match c {
            '<' | '>' | '&' | '\'' if html => out.push_str(&format!("\\u{:04x}", c as u32)),
            c if !c.is_ascii() && !html => {
                for unit in c.encode_utf16(&mut [0; 2]) {
                    out.push_str(&format!("\\u{unit:04x}"));
                }
            }
            c => out.push(c),
        }
    }
    out.push('"');
}

/// A scalar in a style.
fn styled(value: &Value, style: Style, out: &mut String) {
    match value {
        Value::Str(s) => text_in(s, style, out),
        Value::Char(_) => text_in(&value.to_text(), style, out),
        other => scalar(other, out),
    }
}

/// The escapes of a text that stands in the given quotes.
pub(crate) fn escape(s: &str, quote: char, out: &mut String) {
    for c in s.chars() {
        match c {
            c if c == quote => {
                out.push('\\');
                out.push(c);
            }
            '\\' => out.push_str("\\\\"),
            '\n' => out.push_str("\\n"),
            '\r' => out.push_str("\\r"),
            '\t' => out.push_str("\\t"),
            '\u{8}' => out.push_str("\\b"),
            '\u{c}' => out.push_str("\\f"),
            '\u{85}' | '\u{2028}' | '\u{2029}' => out.push_str(&format!("\\u{:04x}", c as u32)),
            c if (c as u32) < 0x20 => out.push_str(&format!("\\u{:04x}", c as u32)),
            c => out.push(c),
        }
    }
}

/// A scalar as JSON.
pub(crate) fn scalar(value: &Value, out: &mut String) {
    match value {
        Value::Null => out.push_str("null"),
        Value::Bool(b) => out.push_str(if *b { "true" } else { "false" }),
        Value::Str(s) => string(s, out),
        Value::Char(_) => string(&value.to_text(), out),
        Value::Float(f) if !f.is_finite() => out.push_str(
            &number::special(f64::from(*f))
                .map_or_else(|| "\"NaN\"".into(), |s| format!("\"{s}\"")),
        ),
        Value::Double(f) if !f.is_finite() => {
            out.push_str(&format!("\"{}\"", number::special(*f).unwrap_or("NaN")))
        }
        Value::Float(_) | Value::Double(_) | Value::Decimal(_) => {
            let text = value.to_text();
            out.push_str(&text);
            let whole = match value {
                Value::Decimal(_) => !text.contains('.'),
                _ => !text.contains(['.', 'E', 'e']),
            };
            if whole {
                out.push_str(".0");
            }
        }
        Value::DateTime(d) => {
            out.push('"');
            out.push_str(&iso(d.ticks));
            match d.kind {
                DateKind::Utc => out.push('Z'),
                DateKind::Local => out.push_str("+00:00"),
                DateKind::Unspecified => {}
            }
            out.push('"');
        }
        Value::DateTimeOffset(d) => {
            out.push('"');
            out.push_str(&iso(d.ticks));
            out.push_str(&time::offset_text(d.offset_minutes));
            out.push('"');
        }
        Value::Bytes(b) => {
            out.push('"');
            out.push_str(&text::base64(b));
            out.push('"');
        }
        Value::Object(o) if o.as_any().is::<BigInteger>() => out.push_str(&o.text()),
        Value::Guid(_) | Value::TimeSpan(_) => string(&value.to_text(), out),
        Value::Object(o) => string(&crate::expr::table::json::object_text(&**o), out),
        Value::Enum(_, n) => out.push_str(&n.to_string()),
        other => out.push_str(&other.to_text()),
    }
}

/// ISO text with as many fraction digits as needed.
fn iso(ticks: i64) -> String {
    let mut s = time::format(&time::Parts::of(ticks), "yyyy-MM-ddTHH:mm:ss").unwrap_or_default();
    let fraction = ticks.rem_euclid(time::TICKS_PER_SECOND);
    if fraction > 0 {
        s.push('.');
        s.push_str(format!("{fraction:07}").trim_end_matches('0'));
    }
    s
}
