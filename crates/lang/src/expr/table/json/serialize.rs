//! `JsonConvert`: values into JSON text and back.

use super::from::Writer;
use super::settings::{self, Writing};
use super::{deserialize, null, parsed};
use crate::expr::eval::{Args, Cx, R, Throw, throw};
use crate::expr::table::{Row, m};
use crate::expr::types::Ty;
use crate::value::token::parse::Reading;
use crate::value::token::write;
use crate::value::{Token, Value};

fn serialize(cx: &mut Cx<'_>, v: &Value, how: &Writing) -> R {
    let t = Writer { cx, how }.object(v, 0)?;
    let mut out = String::new();
    write::write_styled(&t, how.style, &mut out);
    cx.step(out.len() / 64)?;
    cx.text(out)
}

/// `SerializeObject` with the formatting and the settings at their places, if the overload has them.
fn serialized(cx: &mut Cx<'_>, a: &Args<'_>, formatting: Option<usize>, settings: usize) -> R {
    let mut how = settings::writing(a, settings);
    if let Some(at) = formatting {
        how.style.indented = a.int(at) == 1;
    }
    serialize(cx, &a.get(0), &how)
}

/// The tree of a text; nothing for a text without content.
fn read(cx: &mut Cx<'_>, a: &Args<'_>, reading: Reading) -> Result<Option<Token>, Throw> {
    let text = a.str(0).map_err(|_| null("value"))?;
    let blank = |c: char| c.is_whitespace() || c == '\0';
    if text.chars().all(blank) {
        return Ok(None);
    }
    parsed(cx, &text, reading).map(Some)
}

fn deserialize(cx: &mut Cx<'_>, a: &Args<'_>, ty: &Ty, settings: usize) -> R {
    match read(cx, a, settings::reading(a, settings))? {
        Some(t) => deserialize::of(cx, &t, ty, 0),
        None if ty.is_value() => Err(throw(
            "JsonSerializationException",
            format!(
                "No JSON content found and type '{}' is not nullable. Path '', line 0, position 0.",
                ty.full_name()
            ),
        )),
        None => Ok(Value::Null),
    }
}

fn constant(text: &str) -> R {
    Ok(Value::from(text))
}

/// A value as JSON.
fn literal(cx: &mut Cx<'_>, a: &mut Args<'_>) -> R {
    let v = a.get(0);
    let mut out = String::new();
    match &v {
        Value::Double(f) if !f.is_finite() => out.push_str(&v.to_text()),
        Value::Float(f) if !f.is_finite() => out.push_str(&v.to_text()),
        Value::Char(_) => write::string(&v.to_text(), &mut out),
        Value::Enum(_, n) => out.push_str(&n.to_string()),
        v => {
            let t = super::from::scalar(v).ok_or_else(|| {
                throw(
                    "ArgumentException",
                    format!(
                        "Unsupported type: {}. Use the JsonSerializer class to get the object's JSON representation.",
                        v.ty().full_name()
                    ),
                )
            })?;
            write::write(&t, false, &mut out);
        }
    }
    cx.text(out)
}

/// A text in the given quotes; null is an empty one.
fn quoted(cx: &mut Cx<'_>, a: &mut Args<'_>) -> R {
    let delimiter = match a.get(1) {
        Value::Char(c) => char::from_u32(c.into()).unwrap_or('"'),
        _ => '"',
    };
    if !matches!(delimiter, '"' | '\'') {
        return Err(throw(
            "ArgumentException",
            "Delimiter must be a single or double quote. (Parameter 'delimiter')",
        ));
    }
    let text = a.get(0).to_text();
    let mut out = String::from(delimiter);
    write::escape(&text, delimiter, &mut out);
    out.push(delimiter);
    cx.text(out)
}

pub(super) const ROWS: &[Row] = &[
    m("const string True", |_, _| constant("true")),
    m("const string False", |_, _| constant("false")),
    m("const string Null", |_, _| constant("null")),
    m("const string Undefined", |_, _| constant("undefined")),
    m("const string PositiveInfinity", |_, _| constant("Infinity")),
    m("const string NegativeInfinity", |_, _| {
        constant("-Infinity")
    }),
    m("const string NaN", |_, _| constant("NaN")),
    m("static string SerializeObject(object value)", |cx, a| {
        serialized(cx, a, None, 9)
    }),
    m(
        "static string SerializeObject(object value, Formatting formatting)",
        |cx, a| serialized(cx, a, Some(1), 9),
    ),
    m(
        "static string SerializeObject(object value, JsonSerializerSettings settings)",
        |cx, a| serialized(cx, a, None, 1),
    ),
    m(
        "static string SerializeObject(object value, Formatting formatting, JsonSerializerSettings settings)",
        |cx, a| serialized(cx, a, Some(1), 2),
    ),
    m("static object DeserializeObject(string value)", |cx, a| {
        deserialize(cx, a, &Ty::Object, 9)
    }),
    m(
        "static object DeserializeObject(string value, JsonSerializerSettings settings)",
        |cx, a| deserialize(cx, a, &Ty::Object, 1),
    ),
    m("static T DeserializeObject<T>(string value)", |cx, a| {
        deserialize(cx, a, &a.ty(0), 9)
    }),
    m(
        "static T DeserializeObject<T>(string value, JsonSerializerSettings settings)",
        |cx, a| deserialize(cx, a, &a.ty(0), 1),
    ),
    m(
        "static T DeserializeAnonymousType<T>(string value, T anonymousTypeObject)",
        |cx, a| deserialize(cx, a, &a.ty(0), 9),
    ),
    m(
        "static T DeserializeAnonymousType<T>(string value, T anonymousTypeObject, JsonSerializerSettings settings)",
        |cx, a| deserialize(cx, a, &a.ty(0), 2),
    ),
    m("static string ToString(object value)", literal),
    m("static string ToString(string value)", quoted),
    m(
        "static string ToString(string value, char delimiter)",
        quoted,
    ),
];
