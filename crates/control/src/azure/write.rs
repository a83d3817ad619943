//! A tree as YAML that people read: block style, short lists and mappings on one line, quotes where they are needed.
//!
//! What must stay true: what is written reads back as the same tree.

use crate::yaml::{Form, Kind, Node};

/// Longest list or mapping that stands on one line.
const LINE: usize = 100;

/// The document, with an empty line before each part of it.
pub(super) fn document(root: &Node, head: &str) -> String {
    let mut out = String::from(head);
    for (key, value) in root.entries() {
        out.push('\n');
        entry(&key.text, value, 0, &mut out);
    }
    out
}

fn entry(name: &str, value: &Node, indent: usize, out: &mut String) {
    out.push_str(&" ".repeat(indent));
    out.push_str(&scalar(name, false));
    out.push(':');
    below(value, indent, out);
}

/// A value behind its name.
fn below(value: &Node, indent: usize, out: &mut String) {
    if let Some(line) = line(value) {
        out.push(' ');
        out.push_str(&line);
        out.push('\n');
        return;
    }
    out.push('\n');
    match &value.kind {
        Kind::Mapping(entries) => {
            for (key, value) in entries {
                entry(&key.text, value, indent + 2, out);
            }
        }
        _ => {
            for item in value.items() {
                list_item(item, indent + 2, out);
            }
        }
    }
}

fn list_item(item: &Node, indent: usize, out: &mut String) {
    let lead = " ".repeat(indent);
    if let Some(line) = line(item) {
        out.push_str(&format!("{lead}- {line}\n"));
        return;
    }
    let mut inner = String::new();
    match &item.kind {
        Kind::Mapping(entries) => {
            for (key, value) in entries {
                entry(&key.text, value, indent + 2, &mut inner);
            }
        }
        _ => {
            for item in item.items() {
                list_item(item, indent + 2, &mut inner);
            }
        }
    }
    // The first line takes the mark of the list.
    out.push_str(&lead);
    out.push_str("- ");
    out.push_str(inner.trim_start_matches(' '));
}

/// The value on one line, if it is short and simple enough.
fn line(value: &Node) -> Option<String> {
    let text = flow(value, false, 0)?;
    (text.len() <= LINE || !matches!(value.kind, Kind::Mapping(_) | Kind::Sequence(_)))
        .then_some(text)
}

/// Flow style, up to two mappings or lists inside each other.
fn flow(value: &Node, inside: bool, depth: usize) -> Option<String> {
    match &value.kind {
        Kind::Absent => Some(String::from("null")),
        Kind::Scalar { text, form } => Some(match form {
            Form::Text => scalar(text, inside),
            Form::Null => String::from("null"),
            _ => text.clone(),
        }),
        _ if depth > 1 => None,
        Kind::Sequence(items) => {
            let items: Option<Vec<String>> =
                items.iter().map(|i| flow(i, true, depth + 1)).collect();
            // A list of resources reads better below each other.
            let named = value.items().iter().any(|i| i.get("id").is_some());
            (!named || depth > 0).then_some(())?;
            Some(format!("[{}]", items?.join(", ")))
        }
        Kind::Mapping(entries) if entries.is_empty() => Some(String::from("{}")),
        Kind::Mapping(entries) => {
            let parts: Option<Vec<String>> = entries
                .iter()
                .map(|(key, value)| {
                    let value = flow(value, true, depth + 1)?;
                    Some(format!("{}: {value}", scalar(&key.text, true)))
                })
                .collect();
            Some(format!("{{ {} }}", parts?.join(", ")))
        }
    }
}

/// A text, in quotes where it would be read as something else.
fn scalar(text: &str, inside: bool) -> String {
    let starts =
        text.starts_with(|c: char| c.is_alphanumeric() || matches!(c, '/' | '_' | '.' | '$'));
    let safe = |c: char| {
        c.is_alphanumeric()
            || matches!(
                c,
                ' ' | '/' | '_' | '.' | '-' | ';' | '=' | '+' | '@' | '(' | ')' | '$' | ':'
            )
            || (!inside && c == ',')
    };
    let ambiguous = text.contains(": ")
        || text.contains(" #")
        || text.ends_with([':', ' '])
        || (inside && text.contains(':'));
    let word = matches!(
        text.to_ascii_lowercase().as_str(),
        "true" | "false" | "null" | "yes" | "no" | "on" | "off" | "y" | "n" | "~"
    );
    let number = text.starts_with(|c: char| c.is_ascii_digit() || c == '.')
        && text
            .chars()
            .all(|c| c.is_ascii_hexdigit() || matches!(c, '.' | '_' | 'x' | 'o' | '+' | '-' | ':'))
        || text.parse::<f64>().is_ok();
    if starts && text.chars().all(safe) && !ambiguous && !word && !number {
        return text.to_owned();
    }
    let mut quoted = String::with_capacity(text.len() + 2);
    quoted.push('"');
    for c in text.chars() {
        match c {
            '"' => quoted.push_str("\\\""),
            '\\' => quoted.push_str("\\\\"),
            '\n' => quoted.push_str("\\n"),
            '\r' => quoted.push_str("\\r"),
            '\t' => quoted.push_str("\\t"),
            c if c.is_control() || matches!(c, '\u{2028}' | '\u{2029}' | '\u{feff}') => {
                quoted.push_str(&format!("\\u{:04x}", u32::from(c)));
            }
            c => quoted.push(c),
        }
    }
    quoted.push('"');
    quoted
}
