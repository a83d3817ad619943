//! `JsonConvert`: values into JSON text and back.

use super::deserialize::{self, Source};
use super::from::Writer;
use super::null;
use super::settings::{self, Writing};
use crate::expr::eval::{Args, Cx, R, Throw, throw};
use crate::expr::table::{Row, m};
use crate::expr::types::Ty;
use crate::value::Value;
use crate::value::token::parse::{self, Duplicates};
use crate::value::token::write;

fn serialize(cx: &mut Cx<'_>, v: &Value, how: &Writing) -> R {
    let t = Writer { cx, how }.object(v, 0)?;
    let out = super::written(cx, &t, how.style)?;
    cx.step(out.len() / 64)?;
    cx.text(out)
}

/// `SerializeObject` with the formatting and the settings at their places, if the overload has them.
fn serialized(cx: &mut Cx<'_>, a: &Args<'_>, formatting: Option<usize>, settings: usize) -> R {
    let mut how = settings::writing(a, settings);
    how.text = true;
    if let Some(at) = formatting {
        how.style.indented = a.int(at) == 1;
    }
    serialize(cx, &a.get(0), &how)
}

/// Whether a type has another among its parts.
fn mentions(ty: &Ty, part: &Ty) -> bool {
    ty.plain() == part
        || match ty.plain() {
            Ty::Array(of) | Ty::Rectangular(of, _) => mentions(of, part),
            Ty::Class(_, args) => args.iter().any(|t| mentions(t, part)),
            Ty::Anonymous(a) => a.fields.iter().any(|(_, t)| mentions(t, part)),
            _ => false,
        }
}

/// Types of a single value for which the reader has no method of their own.
fn is_converted(ty: &Ty) -> bool {
    let plain = ty.plain();
    deserialize::read_as(plain).is_none()
        && (plain.numeric().is_some()
            || ["TimeSpan", "Guid", "Uri", "Version"]
                .iter()
                .any(|class| plain.is_class(class)))
}

/// What a text that ends too early means for the type that is made of it.
fn ended(why: &str, ty: &Ty) -> Throw {
    let place = why.find(" Path '").map_or("", |at| &why[at..]);
    let kind = |class: &str| {
        why.starts_with(&format!("Error reading {class} from JsonReader. Path"))
            || why.starts_with(&format!("Unexpected end of content while loading {class}."))
    };
    let kind = match (kind("JObject"), kind("JArray")) {
        (true, _) => "object",
        (_, true) => "array",
        _ => return super::json_error(why),
    };
    let read = matches!(
        ty.plain(),
        Ty::Int | Ty::Double | Ty::Decimal | Ty::Bool | Ty::String
    ) || ty.plain().is_class("DateTime")
        || ty.plain().is_class("DateTimeOffset");
    match ty {
        // The reader of a value does not take a container.
        _ if read => {
            let c = if kind == "object" { '{' } else { '[' };
            super::json_error(format!(
                "Unexpected character encountered while parsing value: {c}.{place}"
            ))
        }
        _ if matches!(ty, Ty::Class(n, _) if n.starts_with('J'))
            || (*ty == Ty::Object && kind == "array") =>
        {
            let path = place.split(',').next().unwrap_or(place);
            throw(
                "JsonWriterException",
                format!("Unexpected end when reading token.{path}."),
            )
        }
        _ => throw(
            "JsonSerializationException",
            format!("Unexpected end when deserializing {kind}.{place}"),
        ),
    }
}

fn deserialize(cx: &mut Cx<'_>, a: &Args<'_>, ty: &Ty, settings: usize) -> R {
    let text = a.str(0).map_err(|_| null("value"))?;
    if text.chars().all(|c| c.is_whitespace() || c == '\0') {
        if ty.is_value() {
            return Err(throw(
                "JsonSerializationException",
                format!(
                    "No JSON content found and type '{}' is not nullable. Path '', line 0, position 0.",
                    ty.full_name()
                ),
            ));
        }
        return Ok(Value::Null);
    }
    if let Ty::Class(class @ ("XDocument" | "XElement" | "XmlDocument"), _) = ty {
        let document = super::xml::document(cx, a)?;
        return Ok(match *class {
            "XDocument" => document,
            "XmlDocument" => crate::expr::table::xml::as_xml_document(document),
            _ => crate::expr::table::xml::root_alone(cx, &document)?,
        });
    }
    let mut reading = settings::reading(a, settings);
    let dates = std::mem::replace(&mut reading.dates, false);
    reading.duplicates = Duplicates::Last;
    reading.content = true;
    // A decimal keeps the digits of the text.
    reading.decimals |= mentions(ty, &Ty::Decimal);
    cx.charge(text.len().saturating_mul(3))?;
    cx.step(text.len() / 64)?;
    let read = super::pausing(cx, |pause| parse::first(&text, reading, pause))?;
    let (t, rest) = match read {
        // An array is refused for what it is before what it holds is read, an object when its first name was read.
        Err(_) if text.trim_start().starts_with('[') && is_converted(ty) => {
            parse::first("[]", Default::default(), &mut || true)
        }
        Err(why) if text.trim_start().starts_with('{') && is_converted(ty) => {
            match why.contains("while parsing value") {
                true => parse::first("{}", Default::default(), &mut || true),
                false => Err(why),
            }
        }
        read => read,
    }
    .map_err(|why| ended(&why, ty))?;
    cx.keep(&t);
    let from = if dates { Source::Text } else { Source::Tree };
    let made = deserialize::of(cx, &t, ty, from, 0)?;
    // What stands behind it is looked at last.
    match rest {
        None => Ok(made),
        Some(why) => Err(ended(&why, ty)),
    }
}

/// A document as `XmlDocument`.
fn view(document: Value) -> R {
    Ok(crate::expr::table::xml::as_xml_document(document))
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
            write::write(&t, false, &mut out)?;
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
    m("static string SerializeXNode(XObject node)", |cx, a| {
        super::xml::serialize(cx, a)
    }),
    m(
        "static string SerializeXNode(XObject node, Formatting formatting)",
        |cx, a| super::xml::serialize(cx, a),
    ),
    m(
        "static string SerializeXNode(XObject node, Formatting formatting, bool omitRootObject)",
        |cx, a| super::xml::serialize(cx, a),
    ),
    m("static string SerializeXmlNode(XmlNode node)", |cx, a| {
        super::xml::serialize(cx, a)
    }),
    m(
        "static string SerializeXmlNode(XmlNode node, Formatting formatting)",
        |cx, a| super::xml::serialize(cx, a),
    ),
    m(
        "static string SerializeXmlNode(XmlNode node, Formatting formatting, bool omitRootObject)",
        |cx, a| super::xml::serialize(cx, a),
    ),
    m(
        "static XDocument DeserializeXNode(string value)",
        |cx, a| super::xml::document(cx, a),
    ),
    m(
        "static XDocument DeserializeXNode(string value, string deserializeRootElementName)",
        |cx, a| super::xml::document(cx, a),
    ),
    m(
        "static XDocument DeserializeXNode(string value, string deserializeRootElementName, bool writeArrayAttribute)",
        |cx, a| super::xml::document(cx, a),
    ),
    m(
        "static XmlDocument DeserializeXmlNode(string value)",
        |cx, a| view(super::xml::document(cx, a)?),
    ),
    m(
        "static XmlDocument DeserializeXmlNode(string value, string deserializeRootElementName)",
        |cx, a| view(super::xml::document(cx, a)?),
    ),
    m(
        "static XmlDocument DeserializeXmlNode(string value, string deserializeRootElementName, bool writeArrayAttribute)",
        |cx, a| view(super::xml::document(cx, a)?),
    ),
    m("static string ToString(object value)", literal),
    m("static string ToString(string value)", quoted),
    m(
        "static string ToString(string value, char delimiter)",
        quoted,
    ),
];
