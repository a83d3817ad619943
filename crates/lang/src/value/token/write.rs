//! `JToken.ToString`: Json.NET's exact text, indented or not.

use super::number::BigInteger;
use super::{Form, Kind, Token};
use crate::value::object::Unwritten;
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
pub(crate) fn write(token: &Token, indented: bool, out: &mut String) -> Result<(), Unwritten> {
    write_pausing(token, Style::of(indented), out, &mut |_| true)
}

/// As [`write`], in a style; `pause` is told before each token how much is written, and ends the writing when it gives
/// `false`.
pub(crate) fn write_pausing(
    token: &Token,
    style: Style,
    out: &mut String,
    pause: &mut dyn FnMut(usize) -> bool,
) -> Result<(), Unwritten> {
    Writer { style, out, pause }.node(token, 0)
}

/// A text that is being written.
struct Writer<'a> {
    style: Style,
    out: &'a mut String,
    pause: &'a mut dyn FnMut(usize) -> bool,
}

impl Writer<'_> {
    fn line(&mut self, level: usize) {
        if self.style.indented {
            // Environment.NewLine of the service's Windows hosts is not copied: documents are compared and signed
            // with LF by every other tool that reads them.
            self.out.push('\n');
            for _ in 0..level {
                self.out.push_str("  ");
            }
        }
    }

    fn node(&mut self, token: &Token, level: usize) -> Result<(), Unwritten> {
        if !(self.pause)(self.out.len()) {
            return Ok(());
        }
        match token.kind() {
            Kind::Object(fields) => self.fields(fields.borrow().list(), level)?,
            Kind::Array(items) => {
                self.out.push('[');
                let items = items.borrow();
                self.items(&items, false, level)?;
                // After comments alone the writer is still at the start of the array.
                if items.iter().any(|t| t.form() != Form::Comment) {
                    self.line(level);
                }
                self.out.push(']');
            }
            Kind::Constructor(name, items) => {
                self.out.push_str("new ");
                self.out.push_str(&name.borrow());
                self.out.push('(');
                self.items(&items.borrow(), true, level)?;
                self.line(level);
                self.out.push(')');
            }
            Kind::Property(name, value) => {
                text_in(name, self.style, self.out);
                self.out.push_str(self.colon());
                match &*value.borrow() {
                    Some(value) => self.node(value, level)?,
                    None => self.out.push_str("null"),
                }
            }
            Kind::Scalar(value) => match token.form() {
                Form::Comment => {
                    self.out.push_str("/*");
                    self.out.push_str(&value.borrow().to_text());
                    self.out.push_str("*/");
                }
                Form::Raw | Form::RawValue => self.out.push_str(&value.borrow().to_text()),
                Form::Undefined => self.out.push_str("undefined"),
                Form::Plain | Form::Text | Form::RawGiven => {
                    styled(&value.borrow(), self.style, self.out);
                }
            },
        }
        Ok(())
    }

    fn colon(&self) -> &'static str {
        if self.style.indented { ": " } else { ":" }
    }

    /// The properties of an object. A comment does not stand for a value: the writer waits for one behind it.
    fn fields(&mut self, fields: &[Token], level: usize) -> Result<(), Unwritten> {
        self.out.push('{');
        let mut first = true;
        let mut waits = false;
        for p in fields {
            // A comment of XML stands where it is, without a line or a comma.
            if p.form() != Form::Comment {
                if waits {
                    return Err(Unwritten {
                        class: "JsonWriterException",
                        message: "Token PropertyName in state Property would result in an invalid JSON object. Path ''."
                            .to_owned(),
                    });
                }
                if !first {
                    self.out.push(',');
                }
                first = false;
                self.line(level + 1);
                waits = p.content().is_some_and(|v| v.form() == Form::Comment);
            }
            self.node(p, level + 1)?;
        }
        if waits {
            let null = if self.style.indented { " null" } else { "null" };
            self.out.push_str(null);
        }
        if !first {
            self.line(level);
        }
        self.out.push('}');
        Ok(())
    }

    /// The items of an array or a constructor. A comment stands between them without a comma of its own; at the start
    /// of a constructor it counts as an item.
    fn items(&mut self, items: &[Token], counts: bool, level: usize) -> Result<(), Unwritten> {
        let mut first = true;
        for t in items {
            let comment = t.form() == Form::Comment;
            if !first && !comment {
                self.out.push(',');
            }
            first &= comment && !counts;
            self.line(level + 1);
            self.node(t, level + 1)?;
        }
        Ok(())
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
