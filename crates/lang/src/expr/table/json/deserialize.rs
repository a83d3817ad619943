//! `ToObject<T>` and `DeserializeObject<T>`: tokens into arrays, lists, dictionaries, enums, anonymous types and values.
//!
//! Source: Json.NET 13's `JsonSerializer` over a `JTokenReader`. What must stay true: messages name type and path; what is
//! made shares nothing with the tree.

use super::convert::{cast_to, scalar_to, text_as, type_name};
use crate::expr::eval::{Cx, R, Record, Throw, null_reference, throw, types};
use crate::expr::table::dates::today;
use crate::expr::types::{Anonymous, Num, Ty};
use crate::value::token::number::BigInteger;
use crate::value::token::{Form, Kind};
use crate::value::{Dict, EnumType, Str, Token, Value};
use std::sync::Arc;

const DEPTH: usize = 100;

/// `JTokenType.Raw`.
const RAW: i64 = 13;

fn fault(t: &Token, message: &str) -> Throw {
    throw(
        "JsonSerializationException",
        format!("{message} Path '{}'.", t.path()),
    )
}

fn unreadable(t: &Token, message: &str) -> Throw {
    throw(
        "JsonReaderException",
        format!("{message} Path '{}'.", t.path()),
    )
}

fn shown(v: &Value) -> String {
    match v {
        Value::Null => "{null}".into(),
        Value::Str(s) => format!("\"{s}\""),
        v => v.to_text().to_string(),
    }
}

fn bad_value(t: &Token, v: &Value, ty: &Ty) -> Throw {
    fault(
        t,
        &format!(
            "Error converting value {} to type '{}'.",
            shown(v),
            ty.full_name()
        ),
    )
}

/// The enum type that a name of the table stands for.
fn enum_of(ty: &Ty) -> Option<&'static EnumType> {
    match ty.plain() {
        ty @ Ty::Class(..) => crate::expr::table::table().of(ty)?.enum_type,
        _ => None,
    }
}

/// A member's number by its name, or by several for flags.
fn enum_number(e: &EnumType, text: &str) -> Option<i64> {
    text.split(',').try_fold(0, |all, name| {
        let name = name.trim();
        let found = e.members.iter().find(|(n, _)| n.eq_ignore_ascii_case(name));
        let n = found.map(|(_, n)| *n).or_else(|| name.parse().ok())?;
        Some(all | n)
    })
}

/// Whether `ToObject` goes through the operator of the type.
fn has_operator(ty: &Ty) -> bool {
    match ty.plain() {
        Ty::Bool | Ty::String => true,
        Ty::Class(n, _) => {
            matches!(
                *n,
                "DateTime" | "DateTimeOffset" | "Guid" | "Uri" | "TimeSpan"
            )
        }
        ty => ty.numeric().is_some(),
    }
}

/// `token.ToObject<T>()`.
pub(crate) fn to_object(cx: &mut Cx<'_>, t: &Token, ty: &Ty) -> R {
    if let Some(e) = enum_of(ty) {
        return match (t.type_number(), t.value()) {
            (8, Some(Value::Str(s))) => match enum_number(e, &s) {
                Some(n) => Ok(Value::Enum(e, n)),
                None => Err(throw(
                    "ArgumentException",
                    format!("Could not convert '{s}' to {}.", ty.plain().table_name()),
                )),
            },
            // The operator of the number below it.
            _ => {
                let number = match ty.is_nullable() {
                    true => Ty::nullable(Ty::Int),
                    false => Ty::Int,
                };
                let n = cast_to(t, &number, today(cx))?;
                Ok(n.as_i64().map_or(Value::Null, |n| Value::Enum(e, n)))
            }
        };
    }
    if has_operator(ty) {
        return cast_to(t, ty, today(cx));
    }
    if let Kind::Property(name, _) = t.kind() {
        return property(cx, name.clone(), ty);
    }
    match (t.kind(), ty) {
        // The reader begins with the name, which is a value where any will do.
        (Kind::Constructor(name, _), Ty::Object) => match name.borrow().clone() {
            name if name.is_empty() => Err(null_reference()),
            name => Ok(Value::Str(name)),
        },
        _ => of(cx, t, ty, Source::Tree, 0),
    }
}

/// `ToObject` of a property: its reader begins with the name, which only a token can be made of, and no value behind it
/// belongs to the token.
fn property(cx: &mut Cx<'_>, name: Str, ty: &Ty) -> R {
    let alone = Token::property(name, Token::null());
    if is_token(ty) {
        cx.charge(192)?;
        let made = Value::Token(alone.clone());
        return if types::is(ty, &made) {
            Ok(made)
        } else {
            Err(wrong(&alone, ty))
        };
    }
    if matches!(ty, Ty::Array(of) if **of == Ty::Byte) {
        return Err(throw(
            "JsonReaderException",
            "Error reading bytes. Unexpected token: PropertyName. Path ''.",
        ));
    }
    Err(throw(
        "JsonSerializationException",
        "Unexpected token while deserializing object: PropertyName. Path ''.",
    ))
}

/// Where the tokens come from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Source {
    /// A tree that was there: its dates are dates already.
    Tree,
    /// A text that was read for this: strings become dates only where the type leaves it open.
    Text,
}

/// A copy as a reader sees it: what JSON has no notation for is a string.
fn as_read(t: &Token) -> Token {
    let copy = t.deep_clone();
    for t in copy.descendants(true) {
        if let Some(text) = t.value().and_then(|v| unlike_json(&v)) {
            t.set_value(text);
        }
        defined(&t);
    }
    copy
}

/// The text that a reader gives for a value that JSON has no notation for.
fn unlike_json(v: &Value) -> Option<Value> {
    match v {
        Value::Guid(_) | Value::TimeSpan(_) | Value::Char(_) => Some(Value::Str(v.to_text())),
        Value::Object(o) => crate::expr::table::web::original(&**o).map(Value::Str),
        _ => None,
    }
}

/// The writer of trees makes null of what is undefined.
fn defined(t: &Token) {
    if t.form() == Form::Undefined {
        t.put(Value::Null, Form::Plain);
    }
}

/// Turns the strings of a tree that look like dates into dates.
fn dated(t: &Token) -> Token {
    let copy = t.deep_clone();
    for t in copy.descendants(true) {
        if let Some(Value::Str(s)) = t.value()
            && let Some(date) = crate::value::token::date(&s)
        {
            t.set_value(date);
        }
        defined(&t);
    }
    copy
}

/// A fresh tree, as a deserializer makes one: a copy, or one of what is read where `any` type will do.
fn token(cx: &mut Cx<'_>, t: &Token, from: Source, any: bool) -> R {
    cx.charge(t.descendants(true).len().saturating_mul(96))?;
    Ok(Value::Token(match from {
        Source::Tree if any => as_read(t),
        Source::Tree => t.deep_clone(),
        Source::Text => dated(t),
    }))
}

/// As the serializer makes a value of the type.
pub(crate) fn of(cx: &mut Cx<'_>, t: &Token, ty: &Ty, from: Source, depth: usize) -> R {
    cx.step(1)?;
    if depth > DEPTH {
        return Err(fault(t, "The JSON is nested too deeply."));
    }
    let as_token = Value::Token(t.clone());
    if is_token(ty) && types::is(ty, &as_token) {
        return token(cx, t, from, false);
    }
    match t.kind() {
        Kind::Scalar(v) => {
            let v = v.borrow().clone();
            scalar(t, &v, ty, from, today(cx))
        }
        Kind::Property(..) => match t.content() {
            Some(v) => of(cx, &v, ty, from, depth),
            None => Err(no_value(t)),
        },
        Kind::Array(_) => array(cx, t, ty, from, depth),
        Kind::Object(_) => object(cx, t, ty, from, depth),
        Kind::Constructor(..) => Err(wrong(t, ty)),
    }
}

/// Whether a type is a class of tokens.
fn is_token(ty: &Ty) -> bool {
    matches!(
        ty,
        Ty::Class(
            "JToken"
                | "JContainer"
                | "JObject"
                | "JArray"
                | "JProperty"
                | "JConstructor"
                | "JValue"
                | "JRaw",
            _
        )
    )
}

fn scalar(t: &Token, v: &Value, ty: &Ty, from: Source, today: i64) -> R {
    let plain = ty.plain();
    if v.is_null() {
        if from == Source::Text && t.form() == Form::Undefined && read_as(plain).is_some() {
            return Err(unreadable(
                t,
                "Unexpected character encountered while parsing value: u.",
            ));
        }
        return if ty.is_value() {
            Err(bad_value(t, v, ty))
        } else if is_token(ty) && t.form() == Form::Undefined {
            Err(wrong(t, ty))
        } else {
            Ok(Value::Null)
        };
    }
    if t.type_number() == RAW && !is_token(ty) {
        return raw(t, v, ty);
    }
    if *ty == Ty::Object
        && let Some(text) = unlike_json(v)
    {
        return Ok(text);
    }
    if *ty == Ty::Object || types::is(plain, v) {
        let date = match v {
            Value::Str(s) if *ty == Ty::Object && from == Source::Text => {
                crate::value::token::date(s)
            }
            _ => None,
        };
        return Ok(date.unwrap_or_else(|| v.clone()));
    }
    if let (Ty::Bool, Value::Object(o)) = (plain, v)
        && let Some(big) = o.as_any().downcast_ref::<BigInteger>()
    {
        return Ok(Value::Bool(!big.is_zero()));
    }
    if from == Source::Text && *plain == Ty::Int && t.type_number() == 7 {
        return Err(unreadable(
            t,
            &format!("Input string '{}' is not a valid integer.", v.to_text()),
        ));
    }
    if is_token(ty) {
        return Err(wrong(t, ty));
    }
    let bytes = matches!(plain, Ty::Array(of) if **of == Ty::Byte);
    if matches!(v, Value::Str(s) if s.is_empty())
        && *plain != Ty::String
        && !bytes
        && !ty.is_value()
    {
        // An empty text stands for null where there is null.
        return Ok(Value::Null);
    }
    if let Some(e) = enum_of(ty) {
        let n = match v {
            Value::Str(s) => enum_number(e, s),
            Value::Bool(b) => Some(i64::from(*b)),
            v => v.as_i64(),
        };
        return n
            .map(|n| Value::Enum(e, n))
            .ok_or_else(|| bad_value(t, v, ty));
    }
    // These are read by the reader, the others converted after it.
    let read = read_as(plain);
    let number = t.type_number();
    let refused = || match read {
        Some(kind) => unreadable(
            t,
            &format!(
                "Error reading {kind}. Unexpected token: {}.",
                t.reader_name()
            ),
        ),
        None => bad_value(t, v, ty),
    };
    let fits = match plain {
        Ty::Int | Ty::Double | Ty::Decimal => matches!(number, 6..=8),
        Ty::Bool => matches!(number, 6..=9),
        Ty::Class("DateTime" | "DateTimeOffset", _) => matches!(number, 8 | 12),
        Ty::Array(_) => matches!(number, 8 | 14 | 15),
        _ => true,
    };
    if !fits {
        return Err(refused());
    }
    if matches!(v, Value::Str(s) if s.is_empty())
        && read.is_some()
        && *plain != Ty::String
        && !bytes
    {
        // The reader gives null for it.
        return Err(bad_value(t, &Value::Null, ty));
    }
    let made = match (plain, v) {
        (Ty::Class("Guid" | "TimeSpan" | "Uri" | "DateTimeOffset", _), Value::Str(s)) => {
            text_as(s, plain, today)
        }
        (Ty::Array(_), Value::Str(s)) if bytes => text_as(s, plain, today),
        (Ty::Class("DateTime", _), Value::Str(s)) => match crate::value::token::date(s) {
            Some(date) => Ok(date),
            None => cast_to(t, plain, today),
        },
        (Ty::Class("DateTime" | "DateTimeOffset", _), _) => cast_to(t, plain, today),
        (Ty::Class(..) | Ty::Array(_) | Ty::Anonymous(_), _) if !plain.is_class("DateTime") => {
            Err(refused())
        }
        _ => scalar_to(v, plain, today),
    };
    made.map_err(|e| match (e, read, v) {
        // Not caught: the conversion's own.
        (e, Some("bytes"), _) => e,
        (Throw::Exception(_), Some(kind), Value::Str(s)) => unreadable(
            t,
            &match kind {
                "date" => format!("Could not convert string to {}: {s}.", plain.table_name()),
                kind => format!("Could not convert string to {kind}: {s}."),
            },
        ),
        (Throw::Exception(_), Some(kind), v) => {
            unreadable(t, &format!("Could not convert to {kind}: {}.", v.to_text()))
        }
        (Throw::Exception(_), None, _) => bad_value(t, v, ty),
        (bound, _, _) => bound,
    })
}

/// Raw JSON becomes a `JRaw` whatever is asked for, unless the reader has a method for the type.
fn raw(t: &Token, v: &Value, ty: &Ty) -> R {
    let made = Token::formed(v.clone(), Form::Raw);
    match (read_as(ty.plain()), v, ty) {
        (Some(kind), ..) => Err(unreadable(
            t,
            &format!("Error reading {kind}. Unexpected token: Raw."),
        )),
        (None, Value::Str(_) | Value::Null, Ty::Object) => Ok(Value::Token(made)),
        _ => Err(throw(
            "InvalidCastException",
            "Specified cast is not valid.",
        )),
    }
}

/// What the reader calls the type if it has a method for it.
pub(super) fn read_as(plain: &Ty) -> Option<&'static str> {
    match plain {
        Ty::Int => Some("integer"),
        Ty::Double => Some("double"),
        Ty::Decimal => Some("decimal"),
        Ty::Bool => Some("boolean"),
        Ty::String => Some("string"),
        Ty::Array(of) if **of == Ty::Byte => Some("bytes"),
        Ty::Class("DateTime" | "DateTimeOffset", _) => Some("date"),
        _ => None,
    }
}

/// Name and item type of a list that an array becomes.
fn list_of(ty: &Ty) -> Option<(Ty, Ty)> {
    match ty {
        Ty::Array(of) => Some((ty.clone(), (**of).clone())),
        Ty::Class(
            "List"
            | "IList"
            | "IEnumerable"
            | "ICollection"
            | "IReadOnlyList"
            | "IReadOnlyCollection",
            args,
        ) if args.len() == 1 => Some((Ty::generic("List", args.to_vec()), args[0].clone())),
        _ => None,
    }
}

fn array(cx: &mut Cx<'_>, t: &Token, ty: &Ty, from: Source, depth: usize) -> R {
    if let Some((made, item)) = list_of(ty) {
        let mut out = Vec::with_capacity(t.len().min(1024));
        for i in t.children() {
            out.push(of(cx, &i, &item, from, depth + 1)?);
        }
        return cx.list(made, out);
    }
    match ty {
        Ty::Class("HashSet" | "ISet", args) if args.len() == 1 => {
            let set = Dict::new(Ty::generic("HashSet", args.to_vec()), false);
            for i in t.children() {
                cx.charge(96)?;
                set.insert(of(cx, &i, &args[0], from, depth + 1)?, Value::Null);
            }
            Ok(Value::Dict(set))
        }
        Ty::Object => token(cx, t, from, true),
        // One item stands for a token of another class nowhere.
        _ => Err(wrong(t, ty)),
    }
}

fn object(cx: &mut Cx<'_>, t: &Token, ty: &Ty, from: Source, depth: usize) -> R {
    let properties = t.children();
    let mut named = Vec::with_capacity(properties.len());
    for p in &properties {
        // A reader passes over a comment.
        let value = p.content().filter(|v| v.form() != Form::Comment);
        let value = value.ok_or_else(|| no_value(p))?;
        named.extend(p.name().map(|name| (name.clone(), value)));
    }
    match ty {
        Ty::Class("Dictionary" | "IDictionary" | "IReadOnlyDictionary", args)
            if args.len() == 2 =>
        {
            let dict = Dict::new(Ty::generic("Dictionary", args.to_vec()), false);
            for (name, value) in named {
                let written = Token::text(Value::Str(name.clone()));
                let key = of(cx, &written, &args[0], from, depth + 1).map_err(|_| {
                    fault(
                        &value,
                        &format!(
                            "Could not convert string '{name}' to dictionary key type '{}'. Create a TypeConverter to convert from the string to the key type object.",
                            args[0].full_name()
                        ),
                    )
                })?;
                let value = of(cx, &value, &args[1], from, depth + 1)?;
                cx.charge(128)?;
                dict.insert(key, value);
            }
            Ok(Value::Dict(dict))
        }
        Ty::Class("KeyValuePair", args) if args.len() == 2 => {
            let mut parts = [types::default_of(&args[0]), types::default_of(&args[1])];
            for (name, value) in named {
                let at = usize::from(name.eq_ignore_ascii_case("Value"));
                if at == 1 || name.eq_ignore_ascii_case("Key") {
                    parts[at] = of(cx, &value, &args[at], from, depth + 1)?;
                }
            }
            let [key, value] = parts;
            Ok(super::super::dictionaries::pair(
                args[0].clone(),
                args[1].clone(),
                key,
                value,
            ))
        }
        Ty::Anonymous(shape) => record(cx, t, shape, from, depth),
        Ty::Object => token(cx, t, from, true),
        _ => Err(wrong(t, ty)),
    }
}

/// An anonymous type gets the properties of its names, the rest of them default values.
fn record(cx: &mut Cx<'_>, t: &Token, shape: &Arc<Anonymous>, from: Source, depth: usize) -> R {
    let mut values = Vec::with_capacity(shape.fields.len());
    for (name, ty) in &shape.fields {
        let found = t.field_property(name, true).and_then(|p| p.content());
        values.push(match found {
            Some(v) if !(v.type_number() == 10 && ty.is_value()) => {
                of(cx, &v, ty, from, depth + 1)?
            }
            Some(v) if ty.is_value() => return Err(bad_value(&v, &Value::Null, ty)),
            _ => types::default_of(ty),
        });
    }
    cx.charge(64 + values.len() * size_of::<Value>())?;
    Record::value(Ty::Anonymous(shape.clone()), values)
}

/// A property is not followed by its value.
fn no_value(t: &Token) -> Throw {
    fault(t, "Unexpected token while deserializing object: EndObject.")
}

/// The JSON has a shape that the type does not take.
fn wrong(t: &Token, ty: &Ty) -> Throw {
    const ARRAY: &str = "JSON array (e.g. [1,2,3])";
    const OBJECT: &str = "JSON object (e.g. {\"name\":\"value\"})";
    let full = ty.full_name();
    let is_list = list_of(ty).is_some() || matches!(ty, Ty::Class("HashSet" | "ISet", _));
    if let Ty::Class("JObject" | "JArray" | "JConstructor" | "JProperty" | "JValue", _) = ty {
        return fault(
            t,
            &format!(
                "Deserialized JSON type '{}' is not compatible with expected type '{full}'.",
                Value::Token(t.clone()).type_name()
            ),
        );
    }
    let message = match t.kind() {
        Kind::Array(_) => format!(
            "Cannot deserialize the current {ARRAY} into type '{full}' because the type requires a {OBJECT} to deserialize correctly.\nTo fix this error either change the JSON to a {OBJECT} or change the deserialized type to an array or a type that implements a collection interface (e.g. ICollection, IList) like List<T> that can be deserialized from a JSON array. JsonArrayAttribute can also be added to the type to force it to deserialize from a JSON array.\n"
        ),
        Kind::Object(_) if is_list => format!(
            "Cannot deserialize the current {OBJECT} into type '{full}' because the type requires a {ARRAY} to deserialize correctly.\nTo fix this error either change the JSON to a {ARRAY} or change the deserialized type so that it is a normal .NET type (e.g. not a primitive type like integer, not a collection type like an array or List<T>) that can be deserialized from a JSON object. JsonObjectAttribute can also be added to the type to force it to deserialize from a JSON object.\n"
        ),
        _ => format!(
            "Cannot deserialize the current JSON {} into type '{full}'.",
            type_name(t).to_lowercase()
        ),
    };
    if matches!(ty, Ty::Array(of) if **of == Ty::Byte) {
        return unreadable(
            t,
            &format!(
                "Error reading bytes. Unexpected token: {}.",
                t.reader_name()
            ),
        );
    }
    let reader = matches!(
        ty.plain(),
        Ty::Int | Ty::Double | Ty::Decimal | Ty::Bool | Ty::String
    ) || ty.is_class("DateTime");
    if reader {
        let kind = match ty.plain().numeric() {
            Some(Num::Int) => "integer",
            Some(Num::Double) => "double",
            Some(_) => "decimal",
            None if *ty.plain() == Ty::Bool => "boolean",
            None if *ty.plain() == Ty::String => "string",
            None => "date",
        };
        return unreadable(
            t,
            &format!(
                "Error reading {kind}. Unexpected token: {}.",
                t.reader_name()
            ),
        );
    }
    throw(
        "JsonSerializationException",
        format!("{message}Path '{}'.", t.path()),
    )
}
