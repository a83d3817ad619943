//! `JToken.ToString`: Json.NET's exact text, indented or not.

use super::{Kind, Token};
use crate::value::{Kind as DateKind, Value, number, text, time};

/// The text of a token; indented by two spaces a level, or without any blank.
pub(crate) fn write(token: &Token, indented: bool, out: &mut String) {
    node(token, indented, 0, out);
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

fn node(token: &Token, indented: bool, level: usize, out: &mut String) {
    match token.kind() {
        Kind::Object(fields) => {
            let fields = fields.borrow();
            if fields.list().is_empty() {
                out.push_str("{}");
                return;
            }
            out.push('{');
            for (i, p) in fields.list().iter().enumerate() {
                if i > 0 {
                    out.push(',');
                }
                line(indented, level + 1, out);
                node(p, indented, level + 1, out);
            }
            line(indented, level, out);
            out.push('}');
        }
        Kind::Array(items) => {
            let items = items.borrow();
            if items.is_empty() {
                out.push_str("[]");
                return;
            }
            out.push('[');
            for (i, t) in items.iter().enumerate() {
                if i > 0 {
                    out.push(',');
                }
                line(indented, level + 1, out);
                node(t, indented, level + 1, out);
            }
            line(indented, level, out);
            out.push(']');
        }
        Kind::Property(name, value) => {
            string(name, out);
            out.push_str(if indented { ": " } else { ":" });
            node(&value.borrow(), indented, level, out);
        }
        Kind::Scalar(value) => scalar(&value.borrow(), out),
    }
}

/// A quoted JSON text with Json.NET's default escapes.
pub(crate) fn string(s: &str, out: &mut String) {
    out.push('"');
    for c in s.chars() {
        match c {
            '"' => out.push_str("\\\""),
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
    out.push('"');
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
            if !text.contains(['.', 'E', 'e']) {
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
        Value::Guid(_) | Value::TimeSpan(_) | Value::Object(_) => string(&value.to_text(), out),
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
