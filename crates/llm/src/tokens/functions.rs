//! What tool definitions add to a prompt.
//!
//! Providers render them in a form of their own; the constants are those of OpenAI's cookbook ("How to count tokens",
//! tool calls), which is close for flat parameters. Nested schemas count each level alike. Never exact.

use std::borrow::Cow;

use serde_json::value::RawValue;

use super::Encoding;
use super::estimate::Count;
use crate::json;

const PROPERTIES: u64 = 3;
const PROPERTY: u64 = 3;
const ENUM_VALUE: u64 = 3;
const END: u64 = 12;

/// Schemas nested deeper than this count as text.
const DEPTH: usize = 8;

/// Adds the tokens of a `tools` or `functions` array.
pub(super) fn count(tools: &RawValue, count: &mut Count) {
    let mut any = false;
    let read = json::array(tools, |tool| {
        any = true;
        let mut function = None;
        json::object(tool, |name, value| {
            if name == "function" {
                function = Some(value);
            }
        });
        // Chat wraps it in `function`; Responses and the older `functions` do not.
        definition(function.unwrap_or(tool), count);
    });
    if any {
        count.add(END);
    }
    if any || !(read || json::is_null(tools)) {
        count.exact = false;
    }
}

fn definition(function: &RawValue, count: &mut Count) {
    count.add(if count.vocabulary.encoding == Encoding::O200k {
        7
    } else {
        10
    });
    let (mut title, mut description, mut parameters) = (Cow::Borrowed(""), Cow::Borrowed(""), None);
    json::object(function, |name, value| match name {
        "name" => title = json::text(value).unwrap_or_default(),
        "description" => description = json::text(value).unwrap_or_default(),
        "parameters" | "input_schema" => parameters = Some(value),
        _ => {}
    });
    // Counted as one text: a colon and the word after it may be one token.
    count.text(&format!("{title}:{}", description.trim_end_matches('.')));
    if let Some(parameters) = parameters {
        schema(parameters, count, 0);
    }
}

fn schema(schema: &RawValue, count: &mut Count, depth: usize) {
    if depth == DEPTH {
        return count.unknown(schema);
    }
    json::object(schema, |name, value| match name {
        "properties" => {
            let mut first = true;
            json::object(value, |name, value| {
                if std::mem::take(&mut first) {
                    count.add(PROPERTIES);
                }
                property(name, value, count, depth);
            });
        }
        "items" => self::schema(value, count, depth + 1),
        _ => {}
    });
}

fn property(title: &str, value: &RawValue, count: &mut Count, depth: usize) {
    count.add(PROPERTY);
    let (mut kind, mut description) = (Cow::Borrowed(""), Cow::Borrowed(""));
    let mut values = None;
    json::object(value, |name, value| match name {
        "type" => kind = json::text(value).unwrap_or_default(),
        "description" => description = json::text(value).unwrap_or_default(),
        "enum" => values = Some(value),
        _ => {}
    });
    count.text(&format!(
        "{title}:{kind}:{}",
        description.trim_end_matches('.')
    ));
    if let Some(values) = values {
        // The cookbook starts a list of values with minus 3; the first value's 3 make up for it.
        let mut first = true;
        json::array(values, |value| {
            if !std::mem::take(&mut first) {
                count.add(ENUM_VALUE);
            }
            if let Some(text) = json::text(value) {
                count.text(&text);
            }
        });
    }
    schema(value, count, depth + 1);
}
