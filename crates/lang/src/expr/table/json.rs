//! `JToken` and what all JSON tokens share, conversions, `JsonConvert`. Objects and arrays are in `json/objects.rs`.

pub(crate) mod convert;
pub(crate) mod from;
pub(crate) mod objects;

use super::{Row, Type, m, ty};
use crate::expr::eval::{Args, Cx, R, Throw, throw};
use crate::expr::types::Ty;
use crate::value::token::{Kind, parse, path, write};
use crate::value::{Str, Token, Value};

pub(super) fn json_error(message: impl Into<Str>) -> Throw {
    throw("JsonReaderException", message)
}

/// Parses, counting the memory of the tree.
pub(super) fn parsed(cx: &mut Cx<'_>, text: &str) -> Result<Token, Throw> {
    cx.charge(text.len().saturating_mul(3))?;
    cx.step(text.len() / 64)?;
    let token = parse::parse(text).map_err(json_error)?;
    cx.keep(&token);
    Ok(token)
}

/// Parses what must be an object or array.
pub(crate) fn parsed_as(cx: &mut Cx<'_>, text: &str, class: &str) -> R {
    let t = parsed(cx, text)?;
    if class != "JToken" && class != "JContainer" && t.class() != class {
        let kind = if class == "JObject" {
            "object"
        } else {
            "array"
        };
        return Err(json_error(format!(
            "Error reading {class} from JsonReader. Current JsonReader item is not an {kind}: {}. Path '', line 1, position 1.",
            reader_item(&t)
        )));
    }
    Ok(Value::Token(t))
}

fn reader_item(t: &Token) -> &'static str {
    match t.type_number() {
        1 => "StartObject",
        2 => "StartArray",
        6 => "Integer",
        7 => "Float",
        8 => "String",
        9 => "Boolean",
        10 => "Null",
        12 => "Date",
        _ => "None",
    }
}

/// A token's text, counted.
pub(crate) fn printed(cx: &mut Cx<'_>, t: &Token, indented: bool) -> R {
    let mut out = String::new();
    write::write(t, indented, &mut out);
    cx.step(out.len() / 64)?;
    cx.text(out)
}

/// An optional token.
pub(super) fn maybe(t: Option<Token>) -> R {
    Ok(t.map_or(Value::Null, Value::Token))
}

pub(super) fn tokens(cx: &mut Cx<'_>, of: &'static str, list: Vec<Token>) -> R {
    cx.sequence(Ty::class(of), list.into_iter().map(Value::Token).collect())
}

/// `token[key]`.
fn item(a: &Args<'_>) -> R {
    let t = a.token(0)?;
    match (t.kind(), &a.values[1]) {
        (Kind::Object(_), Value::Str(name)) => maybe(t.field(name)),
        (Kind::Object(_), key) => Err(throw(
            "ArgumentException",
            format!(
                "Accessed JObject values with invalid key value: {}. Object property name expected.",
                shown(key)
            ),
        )),
        (Kind::Array(_), Value::Str(_)) => Err(throw(
            "ArgumentException",
            format!(
                "Accessed JArray values with invalid key value: {}. Int32 array index expected.",
                shown(&a.values[1])
            ),
        )),
        (Kind::Array(_), key) => {
            let i = key.as_i64().and_then(|i| usize::try_from(i).ok());
            match i.and_then(|i| t.child(i)) {
                Some(t) => Ok(Value::Token(t)),
                None => Err(crate::expr::eval::out_of_range("index")),
            }
        }
        _ => Err(throw(
            "InvalidOperationException",
            format!(
                "Cannot access child value on Newtonsoft.Json.Linq.{}.",
                t.class()
            ),
        )),
    }
}

fn shown(key: &Value) -> String {
    match key {
        Value::Str(s) => format!("\"{s}\""),
        v => v.to_text().to_string(),
    }
}

fn set_item(cx: &mut Cx<'_>, a: &Args<'_>) -> R {
    let t = a.token(0)?;
    let value = from::content(cx, &a.get(2))?;
    match (t.kind(), &a.values[1]) {
        (Kind::Object(_), Value::Str(name)) => t.set_field(name, value)?,
        (Kind::Array(_), key) if key.as_i64().is_some() => {
            let i = key.as_i64().and_then(|i| usize::try_from(i).ok());
            if !i.map_or(Ok(false), |i| t.replace_at(i, value))? {
                return Err(crate::expr::eval::out_of_range("index"));
            }
        }
        (_, key) => {
            return Err(throw(
                "ArgumentException",
                format!(
                    "Set {} values with invalid key value: {}.",
                    t.class(),
                    shown(key)
                ),
            ));
        }
    }
    cx.charge(64)?;
    Ok(Value::Null)
}

fn selected(a: &Args<'_>) -> Result<Vec<Token>, Throw> {
    path::select(&a.token(0)?, a.text(1)?).map_err(|e| throw("JsonException", e))
}

fn first_selected(a: &Args<'_>, must: bool) -> R {
    let mut all = selected(a)?;
    if all.len() > 1 {
        return Err(throw("JsonException", "Path returned multiple tokens."));
    }
    match all.pop() {
        Some(t) => Ok(Value::Token(t)),
        None if must => Err(throw(
            "JsonException",
            format!("Path '{}' does not exist.", a.text(1)?),
        )),
        None => Ok(Value::Null),
    }
}

/// `Add` on a token that is a container.
fn no_parent() -> Throw {
    throw("InvalidOperationException", "The parent is missing.")
}

/// What changing the surroundings of a token means when nothing can see them any more.
fn orphaned(t: &Token) -> R {
    if t.lost_parent() {
        Ok(Value::Null)
    } else {
        Err(no_parent())
    }
}

fn beside(cx: &mut Cx<'_>, a: &Args<'_>, after: bool) -> R {
    let t = a.token(0)?;
    let Some(parent) = t.parent() else {
        return orphaned(&t);
    };
    let at = parent.position_of(&t).ok_or_else(no_parent)?;
    let new = from::content(cx, &a.get(1))?;
    parent.insert(at + usize::from(after), new)?;
    Ok(Value::Null)
}

fn sibling(a: &Args<'_>, step: isize) -> R {
    let t = a.token(0)?;
    let Some(parent) = t.parent() else {
        return Ok(Value::Null);
    };
    let at = parent
        .position_of(&t)
        .and_then(|i| i.checked_add_signed(step));
    maybe(at.and_then(|i| parent.child(i)))
}

/// Takes a token out of its parent.
pub(super) fn remove(t: &Token) -> Result<(), Throw> {
    let Some(parent) = t.parent() else {
        return orphaned(t).map(|_| ());
    };
    if let Kind::Property(..) = parent.kind() {
        // The value of a property leaves null behind.
        parent.set_content(Token::null())?;
        return Ok(());
    }
    if let Some(i) = parent.position_of(t) {
        parent.remove_at(i);
    }
    Ok(())
}

fn replace(cx: &mut Cx<'_>, a: &Args<'_>) -> R {
    let t = a.token(0)?;
    let Some(parent) = t.parent() else {
        return orphaned(&t);
    };
    let new = from::content(cx, &a.get(1))?;
    match parent.kind() {
        Kind::Property(..) => parent.set_content(new)?,
        Kind::Array(_) => {
            if let Some(i) = parent.position_of(&t) {
                parent.replace_at(i, new)?;
            }
        }
        _ => {
            if let Some(i) = parent.position_of(&t) {
                parent.remove_at(i);
                parent.insert(i, new)?;
            }
        }
    }
    Ok(Value::Null)
}

const TOKEN: &[Row] = &[
    m("static JToken Parse(string json)", |cx, a| {
        parsed_as(cx, &a.str(0)?, "JToken")
    }),
    m("static JToken FromObject(object o)", |cx, a| {
        from::object(cx, &a.get(0), 0).map(Value::Token)
    }),
    m("static bool DeepEquals(JToken t1, JToken t2)", |_, a| {
        Ok(Value::Bool(match (a.token(0), a.token(1)) {
            (Ok(x), Ok(y)) => x.deep_equals(&y),
            (Err(_), Err(_)) => true,
            _ => false,
        }))
    }),
    m("JTokenType Type", |_, a| {
        Ok(Value::Enum(
            &super::enums::JTOKEN_TYPE,
            a.token(0)?.type_number(),
        ))
    }),
    m("bool HasValues", |_, a| {
        Ok(Value::Bool(a.token(0)?.len() > 0))
    }),
    m("string Path", |cx, a| {
        let p = a.token(0)?.path();
        cx.text(p)
    }),
    m("JContainer Parent", |_, a| maybe(a.token(0)?.parent())),
    m("JToken Root", |_, a| Ok(Value::Token(a.token(0)?.root()))),
    m("JToken First", |_, a| maybe(a.token(0)?.child(0))),
    m("JToken Last", |_, a| {
        let t = a.token(0)?;
        maybe(t.len().checked_sub(1).and_then(|i| t.child(i)))
    }),
    m("JToken Next", |_, a| sibling(a, 1)),
    m("JToken Previous", |_, a| sibling(a, -1)),
    m("JToken this[object key]", |_, a| item(a)),
    m("set JToken this[object key]", set_item_row),
    m("T Value<T>(object key)", |cx, a| {
        let t = match item(a)? {
            Value::Token(t) => t,
            _ => return Ok(crate::expr::eval::types::default_of(&a.ty(0))),
        };
        convert::value_as(cx, &t, &a.ty(0))
    }),
    m("T ToObject<T>()", |cx, a| {
        convert::to_object(cx, &a.token(0)?, &a.ty(0), 0)
    }),
    m("JToken SelectToken(string path)", |_, a| {
        first_selected(a, false)
    }),
    m(
        "JToken SelectToken(string path, bool errorWhenNoMatch)",
        |_, a| first_selected(a, a.bool(2)),
    ),
    m("IEnumerable<JToken> SelectTokens(string path)", |cx, a| {
        let all = selected(a)?;
        tokens(cx, "JToken", all)
    }),
    m("IEnumerable<JToken> Children()", |cx, a| {
        super::linq::seen_as(cx, a.get(0), Ty::class("JToken"))
    }),
    m("IEnumerable<T> Children<T>()", |cx, a| {
        let ty = a.ty(0);
        let all = a
            .token(0)?
            .children()
            .into_iter()
            .map(Value::Token)
            .filter(|v| crate::expr::eval::types::is(&ty, v))
            .collect();
        cx.sequence(ty, all)
    }),
    m("IEnumerable<T> Values<T>()", |cx, a| values(cx, a)),
    m("IEnumerable<JToken> Ancestors()", |cx, a| {
        let mut all = Vec::new();
        let mut at = a.token(0)?.parent();
        while let Some(t) = at {
            at = t.parent();
            all.push(t);
        }
        tokens(cx, "JToken", all)
    }),
    m("JToken DeepClone()", |cx, a| {
        let t = a.token(0)?.deep_clone();
        cx.charge(t.descendants(true).len() * 96)?;
        Ok(Value::Token(t))
    }),
    m("string ToString()", |cx, a| {
        to_string(cx, &a.token(0)?, true)
    }),
    m("string ToString(Formatting formatting)", |cx, a| {
        let indented = a.int(1) == 1;
        printed(cx, &a.token(0)?, indented)
    }),
    m(
        "string ToString(Formatting formatting, params object[] converters)",
        |cx, a| {
            let indented = a.int(1) == 1;
            printed(cx, &a.token(0)?, indented)
        },
    ),
    m("void Remove()", |_, a| {
        remove(&a.token(0)?).map(|()| Value::Null)
    }),
    m("void Replace(JToken value)", replace_row),
    m("void AddAfterSelf(object content)", |cx, a| {
        beside(cx, a, true)
    }),
    m("void AddBeforeSelf(object content)", |cx, a| {
        beside(cx, a, false)
    }),
];

fn set_item_row(cx: &mut Cx<'_>, a: &mut Args<'_>) -> R {
    set_item(cx, a)
}

fn replace_row(cx: &mut Cx<'_>, a: &mut Args<'_>) -> R {
    replace(cx, a)
}

/// Children's values as `T`.
fn values(cx: &mut Cx<'_>, a: &Args<'_>) -> R {
    let ty = a.ty(0);
    let mut out = Vec::new();
    for t in a.token(0)?.children() {
        out.push(convert::value_as(cx, &t, &ty)?);
    }
    cx.sequence(ty, out)
}

/// A value prints bare, everything else as JSON.
fn to_string(cx: &mut Cx<'_>, t: &Token, indented: bool) -> R {
    match t.value() {
        Some(v) => {
            let s = v.to_text();
            cx.text(s)
        }
        None => printed(cx, t, indented),
    }
}

/// `Newtonsoft.Json.Linq.Extensions`.
const EXTENSIONS: &[Row] = &[
    m(
        "static U Value<U>(this IEnumerable<JToken> value)",
        |cx, a| match a.get(0) {
            Value::Token(t) => convert::value_as(cx, &t, &a.ty(0)),
            _ => Err(throw("ArgumentException", "Source value must be a JToken.")),
        },
    ),
    m(
        "static IEnumerable<U> Values<U>(this IEnumerable<JToken> source)",
        |cx, a| {
            let ty = a.ty(0);
            let mut out = Vec::new();
            for v in a.items(cx, 0)? {
                let Value::Token(t) = v else { continue };
                match t.kind() {
                    Kind::Scalar(_) => out.push(convert::value_as(cx, &t, &ty)?),
                    _ => {
                        for c in t.children() {
                            out.push(convert::value_as(cx, &c, &ty)?);
                        }
                    }
                }
            }
            cx.sequence(ty, out)
        },
    ),
    m(
        "static IEnumerable<JToken> Values(this IEnumerable<JToken> source, object key)",
        |cx, a| {
            let key = a.get(1);
            let mut out = Vec::new();
            for v in a.items(cx, 0)? {
                let Value::Token(t) = v else { continue };
                if let Some(name) = key.as_str()
                    && let Some(found) = t.field(name)
                {
                    out.push(found);
                }
            }
            tokens(cx, "JToken", out)
        },
    ),
    m(
        "static IEnumerable<JToken> Children<T>(this IEnumerable<T> source)",
        |cx, a| {
            let mut out = Vec::new();
            for v in a.items(cx, 0)? {
                if let Value::Token(t) = v {
                    out.extend(t.children());
                }
            }
            tokens(cx, "JToken", out)
        },
    ),
];

const CONVERT: &[Row] = &[
    m("static string SerializeObject(object value)", |cx, a| {
        serialize(cx, &a.get(0), false)
    }),
    m(
        "static string SerializeObject(object value, Formatting formatting)",
        |cx, a| serialize(cx, &a.get(0), a.int(1) == 1),
    ),
    m("static object DeserializeObject(string value)", |cx, a| {
        let t = parsed(cx, &a.str(0)?)?;
        Ok(t.value().unwrap_or(Value::Token(t)))
    }),
    m("static T DeserializeObject<T>(string value)", |cx, a| {
        let t = parsed(cx, &a.str(0)?)?;
        convert::to_object(cx, &t, &a.ty(0), 0)
    }),
    m("static string ToString(object value)", |cx, a| {
        serialize(cx, &a.get(0), false)
    }),
];

fn serialize(cx: &mut Cx<'_>, v: &Value, indented: bool) -> R {
    let t = from::object(cx, v, 0)?;
    printed(cx, &t, indented)
}

pub(super) const TYPES: &[Type] = &[
    ty(
        "class Newtonsoft.Json.Linq.JToken : IEnumerable<JToken>",
        TOKEN,
    ),
    ty("static Newtonsoft.Json.Linq.Extensions", EXTENSIONS),
    ty("static Newtonsoft.Json.JsonConvert", CONVERT),
    ty(
        "class Newtonsoft.Json.Linq.JTokenConversions",
        convert::ROWS,
    ),
];
