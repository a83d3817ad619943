//! Writes argument values as OpenAPI's parameter styles say.
//!
//! What must stay true: only what is unreserved in a URL is written as it is, unless the parameter allows reserved
//! characters, and never one that would begin another parameter or the fragment.

use super::contract::Style;
use super::template::{self, VALUE};
use percent_encoding::{AsciiSet, utf8_percent_encode};
use serde_json::Value;
use std::borrow::Cow;

/// What `allowReserved` leaves as it is, beside [`VALUE`]: not `&`, `=`, `+`, `;`, `#` and brackets.
const RESERVED: &AsciiSet = &VALUE
    .remove(b':')
    .remove(b'/')
    .remove(b'?')
    .remove(b'@')
    .remove(b'!')
    .remove(b'$')
    .remove(b'\'')
    .remove(b'(')
    .remove(b')')
    .remove(b'*')
    .remove(b',');

/// Deepest nesting of a `deepObject`.
const DEPTH: usize = 8;

/// How one value is written.
#[derive(Clone, Copy, Debug)]
pub struct Writing<'a> {
    /// The name on the wire.
    pub name: &'a str,
    /// Style.
    pub style: Style,
    /// Each item apart.
    pub explode: bool,
    /// Reserved characters stay.
    pub allow_reserved: bool,
}

/// A value as text: a string as it is, what is not plain as JSON.
pub fn text(value: &Value) -> Cow<'_, str> {
    match value {
        Value::String(text) => Cow::Borrowed(text),
        Value::Null => Cow::Borrowed(""),
        other => Cow::Owned(other.to_string()),
    }
}

/// The text of a path parameter, escaped; `wildcard`: it may have slashes.
pub fn path(writing: Writing<'_>, value: &Value, wildcard: bool) -> Result<String, &'static str> {
    let escape = |value: &Value| {
        let text = text(value);
        if wildcard {
            template::rest(&text)
        } else {
            template::value(&text)
        }
    };
    let (prefix, between) = match writing.style {
        Style::Label => (".", if writing.explode { "." } else { "," }),
        Style::Matrix => (";", if writing.explode { ";" } else { "," }),
        _ => ("", ","),
    };
    let name = utf8_percent_encode(writing.name, VALUE).to_string();
    let matrix = writing.style == Style::Matrix;
    let parts = match value {
        Value::Array(items) => items
            .iter()
            .map(|item| {
                escape(item).map(|text| {
                    if matrix && writing.explode {
                        format!("{name}={text}")
                    } else {
                        text
                    }
                })
            })
            .collect::<Result<Vec<_>, _>>()?,
        Value::Object(members) => {
            let mut parts = Vec::new();
            for (key, member) in members {
                let (key, member) = (template::value(key)?, escape(member)?);
                if writing.explode {
                    parts.push(format!("{key}={member}"));
                } else {
                    parts.extend([key, member]);
                }
            }
            parts
        }
        plain => vec![escape(plain)?],
    };
    if parts.is_empty() {
        return Err("it may not be empty");
    }
    let joined = parts.join(between);
    let whole =
        if matrix && !(writing.explode && matches!(value, Value::Array(_) | Value::Object(_))) {
            format!("{prefix}{name}={joined}")
        } else {
            format!("{prefix}{joined}")
        };
    Ok(whole)
}

/// The pairs of a query (or form) parameter, escaped.
pub fn query(
    writing: Writing<'_>,
    value: &Value,
    pairs: &mut Vec<(String, String)>,
) -> Result<(), &'static str> {
    let set = if writing.allow_reserved {
        RESERVED
    } else {
        VALUE
    };
    let escape = |text: &str| utf8_percent_encode(text, set).to_string();
    let name = || utf8_percent_encode(writing.name, VALUE).to_string();
    let between = match writing.style {
        Style::Space => "%20",
        Style::Pipe => "%7C",
        Style::Tab => "%09",
        _ => ",",
    };
    match value {
        Value::Array(items) if writing.explode => {
            pairs.extend(items.iter().map(|item| (name(), escape(&text(item)))));
        }
        Value::Array(items) => {
            let joined: Vec<String> = items.iter().map(|item| escape(&text(item))).collect();
            if !joined.is_empty() {
                pairs.push((name(), joined.join(between)));
            }
        }
        Value::Object(_) if writing.style == Style::DeepObject => {
            deep(&name(), value, set, DEPTH, pairs)?;
        }
        Value::Object(members) if writing.explode => {
            for (key, member) in members {
                let key = utf8_percent_encode(key, VALUE).to_string();
                pairs.push((key, escape(&text(member))));
            }
        }
        Value::Object(members) => {
            let joined: Vec<String> = members
                .iter()
                .flat_map(|(key, member)| [escape(key), escape(&text(member))])
                .collect();
            if !joined.is_empty() {
                pairs.push((name(), joined.join(between)));
            }
        }
        plain => pairs.push((name(), escape(&text(plain)))),
    }
    Ok(())
}

fn deep(
    name: &str,
    value: &Value,
    set: &'static AsciiSet,
    left: usize,
    pairs: &mut Vec<(String, String)>,
) -> Result<(), &'static str> {
    if left == 0 {
        return Err("it is nested too deep");
    }
    match value {
        Value::Object(members) => {
            for (key, member) in members {
                let key = utf8_percent_encode(key, VALUE);
                deep(&format!("{name}%5B{key}%5D"), member, set, left - 1, pairs)?;
            }
        }
        Value::Array(items) => {
            for item in items {
                pairs.push((
                    name.to_owned(),
                    utf8_percent_encode(&text(item), set).to_string(),
                ));
            }
        }
        plain => pairs.push((
            name.to_owned(),
            utf8_percent_encode(&text(plain), set).to_string(),
        )),
    }
    Ok(())
}

/// The text of a header: style `simple`.
pub fn header(explode: bool, value: &Value) -> String {
    match value {
        Value::Array(items) => {
            let items: Vec<Cow<'_, str>> = items.iter().map(text).collect();
            items.join(",")
        }
        Value::Object(members) => {
            let between = if explode { '=' } else { ',' };
            let members: Vec<String> = members
                .iter()
                .map(|(key, member)| format!("{key}{between}{}", text(member)))
                .collect();
            members.join(",")
        }
        plain => text(plain).into_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn writing(style: Style, explode: bool) -> Writing<'static> {
        Writing {
            name: "c",
            style,
            explode,
            allow_reserved: false,
        }
    }

    fn as_query(style: Style, explode: bool, value: &Value) -> String {
        let mut pairs = Vec::new();
        query(writing(style, explode), value, &mut pairs).unwrap();
        let pairs: Vec<String> = pairs.into_iter().map(|(n, v)| format!("{n}={v}")).collect();
        pairs.join("&")
    }

    /// The examples of OpenAPI 3.1, section 4.8.12.4.
    #[test]
    fn writes_as_the_specification_shows() {
        let array = json!(["blue", "black", "brown"]);
        let object = json!({"R": 100, "G": 200, "B": 150});
        for (style, explode, value, expected) in [
            (Style::Matrix, false, &json!("blue"), ";c=blue"),
            (Style::Matrix, false, &array, ";c=blue,black,brown"),
            (Style::Matrix, false, &object, ";c=R,100,G,200,B,150"),
            (Style::Matrix, true, &array, ";c=blue;c=black;c=brown"),
            (Style::Matrix, true, &object, ";R=100;G=200;B=150"),
            (Style::Label, false, &json!("blue"), ".blue"),
            (Style::Label, false, &array, ".blue,black,brown"),
            (Style::Label, false, &object, ".R,100,G,200,B,150"),
            (Style::Label, true, &array, ".blue.black.brown"),
            (Style::Label, true, &object, ".R=100.G=200.B=150"),
            (Style::Simple, false, &array, "blue,black,brown"),
            (Style::Simple, false, &object, "R,100,G,200,B,150"),
            (Style::Simple, true, &object, "R=100,G=200,B=150"),
        ] {
            assert_eq!(
                path(writing(style, explode), value, false).as_deref(),
                Ok(expected)
            );
        }
        for (style, explode, value, expected) in [
            (Style::Form, false, &json!("blue"), "c=blue"),
            (Style::Form, false, &array, "c=blue,black,brown"),
            (Style::Form, false, &object, "c=R,100,G,200,B,150"),
            (Style::Form, true, &array, "c=blue&c=black&c=brown"),
            (Style::Form, true, &object, "R=100&G=200&B=150"),
            (Style::Space, false, &array, "c=blue%20black%20brown"),
            (Style::Pipe, false, &array, "c=blue%7Cblack%7Cbrown"),
            (Style::Tab, false, &array, "c=blue%09black%09brown"),
            (
                Style::DeepObject,
                true,
                &object,
                "c%5BR%5D=100&c%5BG%5D=200&c%5BB%5D=150",
            ),
            (
                Style::DeepObject,
                true,
                &json!({"a": {"b": [1, 2]}}),
                "c%5Ba%5D%5Bb%5D=1&c%5Ba%5D%5Bb%5D=2",
            ),
            (Style::Form, true, &json!([]), ""),
            (Style::Form, true, &json!(true), "c=true"),
            (Style::Form, true, &json!(1.5), "c=1.5"),
            (
                Style::Form,
                true,
                &json!("a b&c=d#e+f"),
                "c=a%20b%26c%3Dd%23e%2Bf",
            ),
            (Style::Form, true, &json!([{"x": 1}]), "c=%7B%22x%22%3A1%7D"),
        ] {
            assert_eq!(as_query(style, explode, value), expected);
        }
        assert_eq!(header(false, &object), "R,100,G,200,B,150");
        assert_eq!(header(true, &object), "R=100,G=200,B=150");
        assert_eq!(header(false, &array), "blue,black,brown");
    }

    #[test]
    fn reserved_characters_stay_only_where_they_do_no_harm() {
        let mut pairs = Vec::new();
        let free = Writing {
            allow_reserved: true,
            ..writing(Style::Form, true)
        };
        query(free, &json!("a/b?c:d&e=f#g+h"), &mut pairs).unwrap();
        assert_eq!(pairs[0].1, "a/b?c:d%26e%3Df%23g%2Bh");
    }

    #[test]
    fn path_values_stay_in_their_segment() {
        for bad in [
            json!(""),
            json!("a/b"),
            json!([]),
            json!({}),
            json!(["a", ".."]),
            json!({"a/b": 1}),
            json!(null),
        ] {
            assert!(
                path(writing(Style::Simple, false), &bad, false).is_err(),
                "{bad}"
            );
        }
    }
}
