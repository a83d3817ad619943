//! Tokens into values: casts, `Value<T>`, `ToObject<T>`.

use super::super::{Row, m};
use crate::expr::eval::{Cx, R, Throw, throw, to_number, types};
use crate::expr::types::{Num, Ty};
use crate::value::token::Kind;
use crate::value::{
    DateTime, DateTimeOffset, Dict, Kind as DateKind, Token, Value, number, text, time,
};

fn cannot(t: &Token, ty: &Ty) -> Throw {
    throw(
        "ArgumentException",
        format!("Can not convert {} to {}.", type_name(t), short(ty)),
    )
}

fn type_name(t: &Token) -> String {
    text::enum_text(&crate::expr::table::enums::JTOKEN_TYPE, t.type_number())
}

fn short(ty: &Ty) -> String {
    let full = ty.full_name();
    full.rsplit('.').next().unwrap_or(&full).to_string()
}

fn bad_text(s: &str) -> Throw {
    throw(
        "FormatException",
        format!("The input string '{s}' was not in a correct format."),
    )
}

/// Text of a scalar as a cast to `string` gives it.
pub(crate) fn scalar_text(v: &Value) -> Value {
    match v {
        Value::Null => Value::Null,
        Value::Bytes(b) => Value::from(text::base64(b)),
        // As `Convert.ToString(value, InvariantCulture)`: the date is not what the document had.
        v => Value::Str(v.to_text()),
    }
}

/// An explicit conversion of the scalar in a token to a built-in type. Null only reaches nullable types.
fn scalar_as(t: &Token, v: &Value, ty: &Ty) -> R {
    let plain = ty.plain();
    if v.is_null() {
        return if ty.is_value() {
            Err(cannot(t, ty))
        } else {
            Ok(Value::Null)
        };
    }
    if *plain == Ty::String {
        return Ok(scalar_text(v));
    }
    if let Some(num) = plain.numeric() {
        return match v {
            Value::Str(s) => number_of_text(s, num),
            Value::Bool(b) => to_number(num, &Value::Int(i32::from(*b))),
            v if number::as_f64(v).is_some() => checked_number(num, v),
            _ => Err(cannot(t, ty)),
        };
    }
    let made = match plain {
        Ty::Bool => match v {
            Value::Bool(b) => Some(Value::Bool(*b)),
            Value::Str(s) => {
                let parsed = super::super::core::parse_bool(s);
                return parsed.map(Value::Bool).ok_or_else(|| {
                    throw(
                        "FormatException",
                        format!("String '{s}' was not recognized as a valid Boolean."),
                    )
                });
            }
            v => number::as_f64(v).map(|f| Value::Bool(f != 0.0)),
        },
        Ty::Class("DateTime", _) => match v {
            Value::DateTime(d) => Some(Value::DateTime(*d)),
            Value::DateTimeOffset(d) => Some(Value::DateTime(DateTime {
                ticks: d.ticks,
                kind: DateKind::Unspecified,
            })),
            Value::Str(s) => Some(
                time::parse_date(s, 0)
                    .map(Value::DateTime)
                    .ok_or_else(|| bad_date(s))?,
            ),
            _ => None,
        },
        Ty::Class("DateTimeOffset", _) => match v {
            Value::DateTimeOffset(d) => Some(Value::DateTimeOffset(*d)),
            Value::DateTime(d) => Some(Value::DateTimeOffset(DateTimeOffset {
                ticks: d.ticks,
                offset_minutes: 0,
            })),
            Value::Str(s) => Some(
                time::parse_offset(s, 0)
                    .map(Value::DateTimeOffset)
                    .ok_or_else(|| bad_date(s))?,
            ),
            _ => None,
        },
        Ty::Class("TimeSpan", _) => match v {
            Value::TimeSpan(s) => Some(Value::TimeSpan(*s)),
            Value::Str(s) => Some(
                time::parse_span(s)
                    .map(Value::TimeSpan)
                    .ok_or_else(|| bad_text(s))?,
            ),
            _ => None,
        },
        Ty::Class("Guid", _) => match v {
            Value::Guid(g) => Some(Value::Guid(*g)),
            Value::Str(s) => Some(
                uuid::Uuid::try_parse(s.trim())
                    .map(|u| Value::Guid(u.into_bytes()))
                    .map_err(|_| throw("FormatException", "Unrecognized Guid format."))?,
            ),
            _ => None,
        },
        Ty::Class("Uri", _) => match v {
            Value::Object(_) => Some(v.clone()),
            Value::Str(s) => Some(super::super::web::uri(s)?),
            _ => None,
        },
        Ty::Array(of) if **of == Ty::Byte => match v {
            Value::Bytes(b) => Some(Value::Bytes(b.clone())),
            Value::Str(s) => Some(Value::Bytes(
                text::from_base64(s)
                    .ok_or_else(|| {
                        throw(
                            "FormatException",
                            "The input is not a valid Base-64 string.",
                        )
                    })?
                    .into(),
            )),
            _ => None,
        },
        _ => None,
    };
    made.ok_or_else(|| cannot(t, ty))
}

fn bad_date(s: &str) -> Throw {
    throw(
        "FormatException",
        format!("String '{s}' was not recognized as a valid DateTime."),
    )
}

/// A number in its range; floats round to integers as `Convert` does.
pub(crate) fn checked_number(num: Num, v: &Value) -> R {
    let float = matches!(v, Value::Double(_) | Value::Float(_) | Value::Decimal(_));
    let integer = num < Num::Float;
    if !integer {
        return to_number(num, v);
    }
    let wide: i128 = if float {
        let f = number::as_f64(v).unwrap_or(0.0);
        f.round_ties_even() as i128
    } else if let Value::ULong(n) = v {
        i128::from(*n)
    } else {
        i128::from(v.as_i64().unwrap_or(0))
    };
    let (lo, hi) = range(num);
    if wide < lo || wide > hi {
        let name = num.ty().table_name();
        return Err(throw(
            "OverflowException",
            format!("Value was either too large or too small for an {name}."),
        ));
    }
    to_number(
        num,
        &if wide < 0 {
            Value::Long(wide as i64)
        } else {
            Value::ULong(wide as u64)
        },
    )
}

pub(crate) fn range(num: Num) -> (i128, i128) {
    match num {
        Num::Char | Num::UShort => (0, 0xffff),
        Num::SByte => (-128, 127),
        Num::Byte => (0, 255),
        Num::Short => (-32768, 32767),
        Num::Int => (i128::from(i32::MIN), i128::from(i32::MAX)),
        Num::UInt => (0, i128::from(u32::MAX)),
        Num::ULong => (0, i128::from(u64::MAX)),
        _ => (i128::from(i64::MIN), i128::from(i64::MAX)),
    }
}

/// A text as a number, as `int.Parse` and its kin read it.
pub(crate) fn number_of_text(s: &str, num: Num) -> R {
    match num {
        Num::Double => number::parse_double(s)
            .map(Value::Double)
            .ok_or_else(|| bad_text(s)),
        Num::Float => number::parse_double(s)
            .map(|f| Value::Float(f as f32))
            .ok_or_else(|| bad_text(s)),
        Num::Decimal => number::parse_decimal(s)
            .map(Value::Decimal)
            .ok_or_else(|| bad_text(s)),
        Num::Char => {
            let mut units = s.encode_utf16();
            match (units.next(), units.next()) {
                (Some(c), None) => Ok(Value::Char(c)),
                _ => Err(throw(
                    "FormatException",
                    "String must be exactly one character long.",
                )),
            }
        }
        _ => {
            let wide = number::parse_integer(s).ok_or_else(|| bad_text(s))?;
            let (lo, hi) = range(num);
            if wide < lo || wide > hi {
                return Err(throw(
                    "OverflowException",
                    format!(
                        "Value was either too large or too small for an {}.",
                        num.ty().table_name()
                    ),
                ));
            }
            to_number(
                num,
                &if wide < 0 {
                    Value::Long(wide as i64)
                } else {
                    Value::ULong(wide as u64)
                },
            )
        }
    }
}

/// `(T)token`, `token.Value<T>()`.
#[allow(
    clippy::only_used_in_recursion,
    reason = "the shape of all conversions"
)]
pub(crate) fn value_as(cx: &mut Cx<'_>, t: &Token, ty: &Ty) -> R {
    let as_token = Value::Token(t.clone());
    if *ty == Ty::Object || types::is(ty, &as_token) {
        return Ok(as_token);
    }
    let inner = match t.kind() {
        Kind::Scalar(v) => v.borrow().clone(),
        Kind::Property(_, v) => {
            let v = v.borrow().clone();
            return value_as(cx, &v, ty);
        }
        _ => {
            return Err(throw(
                "InvalidCastException",
                format!(
                    "Cannot cast Newtonsoft.Json.Linq.{} to Newtonsoft.Json.Linq.JToken.",
                    t.class()
                ),
            ));
        }
    };
    if inner.is_null() && !ty.is_value() {
        return Ok(Value::Null);
    }
    if let Ty::Class("JObject" | "JArray" | "JContainer" | "JProperty", _) = ty {
        return Err(throw(
            "InvalidCastException",
            format!("Cannot cast {} to {}.", t.class(), ty.full_name()),
        ));
    }
    if types::is(ty, &inner) {
        return Ok(inner);
    }
    scalar_as(t, &inner, ty)
}

fn cast(cx: &mut Cx<'_>, v: &Value, ty: Ty) -> R {
    match v {
        Value::Null => {
            if ty.is_value() {
                Err(throw(
                    "ArgumentNullException",
                    "Value cannot be null. (Parameter 'value')",
                ))
            } else {
                Ok(Value::Null)
            }
        }
        Value::Token(t) => match t.kind() {
            Kind::Scalar(_) => value_as(cx, t, &ty),
            Kind::Property(_, v) => {
                let inner = Value::Token(v.borrow().clone());
                cast(cx, &inner, ty)
            }
            _ => Err(cannot(t, &ty)),
        },
        _ => Err(throw(
            "InvalidCastException",
            "Specified cast is not valid.",
        )),
    }
}

macro_rules! casts {
    ($($name:literal => $ty:expr),* $(,)?) => {
        /// Conversions from and to tokens, as rows of a type of their own.
        pub(super) const ROWS: &[Row] = &[
            $(m(concat!("explicit ", $name, "(JToken value)"), |cx, a| { let v = a.get(0); cast(cx, &v, $ty) }),)*
            m("implicit JToken(string value)", |cx, a| {
                cx.charge(96)?;
                Ok(Value::Token(Token::text(a.get(0))))
            }),
            m("implicit JToken(bool value)", |cx, a| into(cx, a)),
            m("implicit JToken(int value)", |cx, a| into(cx, a)),
            m("implicit JToken(uint value)", |cx, a| into(cx, a)),
            m("implicit JToken(long value)", |cx, a| into(cx, a)),
            m("implicit JToken(ulong value)", |cx, a| into(cx, a)),
            m("implicit JToken(float value)", |cx, a| into(cx, a)),
            m("implicit JToken(double value)", |cx, a| into(cx, a)),
            m("implicit JToken(decimal value)", |cx, a| into(cx, a)),
            m("implicit JToken(DateTime value)", |cx, a| into(cx, a)),
            m("implicit JToken(DateTimeOffset value)", |cx, a| into(cx, a)),
            m("implicit JToken(TimeSpan value)", |cx, a| into(cx, a)),
            m("implicit JToken(Guid value)", |cx, a| into(cx, a)),
            m("implicit JToken(Uri value)", |cx, a| into(cx, a)),
            m("implicit JToken(byte[] value)", |cx, a| into(cx, a)),
            m("implicit JToken(bool? value)", |cx, a| into(cx, a)),
            m("implicit JToken(int? value)", |cx, a| into(cx, a)),
            m("implicit JToken(long? value)", |cx, a| into(cx, a)),
            m("implicit JToken(double? value)", |cx, a| into(cx, a)),
            m("implicit JToken(decimal? value)", |cx, a| into(cx, a)),
            m("implicit JToken(DateTime? value)", |cx, a| into(cx, a)),
            m("implicit JToken(Guid? value)", |cx, a| into(cx, a)),
        ];
    };
}

/// A null text becomes a `JValue` of null, not a null reference.
fn into(cx: &mut Cx<'_>, a: &crate::expr::eval::Args<'_>) -> R {
    cx.charge(96)?;
    Ok(Value::Token(match a.get(0) {
        v @ Value::List(_) => Token::scalar(v.as_bytes().map_or(Value::Null, Value::Bytes)),
        // Json.NET keeps every integer as a long.
        v => Token::scalar(match v.as_i64() {
            Some(n) => Value::Long(n),
            None => v,
        }),
    }))
}

casts! {
    "string" => Ty::String,
    "bool" => Ty::Bool,
    "int" => Ty::Int,
    "uint" => Ty::UInt,
    "long" => Ty::Long,
    "ulong" => Ty::ULong,
    "short" => Ty::Short,
    "ushort" => Ty::UShort,
    "byte" => Ty::Byte,
    "sbyte" => Ty::SByte,
    "char" => Ty::Char,
    "float" => Ty::Float,
    "double" => Ty::Double,
    "decimal" => Ty::Decimal,
    "DateTime" => Ty::class("DateTime"),
    "DateTimeOffset" => Ty::class("DateTimeOffset"),
    "TimeSpan" => Ty::class("TimeSpan"),
    "Guid" => Ty::class("Guid"),
    "Uri" => Ty::class("Uri"),
    "byte[]" => Ty::array(Ty::Byte),
    "bool?" => Ty::nullable(Ty::Bool),
    "int?" => Ty::nullable(Ty::Int),
    "uint?" => Ty::nullable(Ty::UInt),
    "long?" => Ty::nullable(Ty::Long),
    "ulong?" => Ty::nullable(Ty::ULong),
    "short?" => Ty::nullable(Ty::Short),
    "char?" => Ty::nullable(Ty::Char),
    "float?" => Ty::nullable(Ty::Float),
    "double?" => Ty::nullable(Ty::Double),
    "decimal?" => Ty::nullable(Ty::Decimal),
    "DateTime?" => Ty::nullable(Ty::class("DateTime")),
    "DateTimeOffset?" => Ty::nullable(Ty::class("DateTimeOffset")),
    "TimeSpan?" => Ty::nullable(Ty::class("TimeSpan")),
    "Guid?" => Ty::nullable(Ty::class("Guid")),
}

/// `ToObject<T>`.
pub(crate) fn to_object(cx: &mut Cx<'_>, t: &Token, ty: &Ty, depth: usize) -> R {
    cx.step(1)?;
    if depth > 100 {
        return Err(throw(
            "JsonSerializationException",
            "The JSON is nested too deeply.",
        ));
    }
    let as_token = Value::Token(t.clone());
    if types::is(ty, &as_token) && *ty != Ty::Object {
        // A fresh tree, as a deserialiser makes one.
        return Ok(Value::Token(t.deep_clone()));
    }
    let wrong = || {
        throw(
            "JsonSerializationException",
            format!(
                "Cannot deserialize the current JSON {} into type '{}'. Path '{}'.",
                type_name(t).to_lowercase(),
                ty.full_name(),
                t.path()
            ),
        )
    };
    match (t.kind(), ty) {
        (Kind::Scalar(v), _) => {
            let v = v.borrow().clone();
            if v.is_null() {
                return if ty.is_value() {
                    Err(throw(
                        "JsonSerializationException",
                        format!(
                            "Error converting value {{null}} to type '{}'. Path '{}'.",
                            ty.full_name(),
                            t.path()
                        ),
                    ))
                } else {
                    Ok(Value::Null)
                };
            }
            if *ty == Ty::Object {
                return Ok(v);
            }
            if types::is(ty, &v) {
                return Ok(v);
            }
            if let Ty::Class(..) = ty.plain()
                && let Some(e) = crate::expr::table::table()
                    .of(ty.plain())
                    .and_then(|i| i.enum_type)
            {
                let n = match &v {
                    Value::Str(s) => e
                        .members
                        .iter()
                        .find(|(n, _)| n.eq_ignore_ascii_case(s))
                        .map(|(_, n)| *n),
                    v => v.as_i64(),
                };
                return n.map(|n| Value::Enum(e, n)).ok_or_else(wrong);
            }
            scalar_as(t, &v, ty).map_err(|e| match e {
                Throw::Exception(e) if e.class == "ArgumentException" => wrong(),
                e => e,
            })
        }
        (Kind::Array(items), Ty::Array(of)) => {
            let items = items.borrow().clone();
            let mut out = Vec::with_capacity(items.len());
            for i in &items {
                out.push(to_object(cx, i, of, depth + 1)?);
            }
            cx.list(ty.clone(), out)
        }
        (
            Kind::Array(items),
            Ty::Class(
                "List"
                | "IList"
                | "IEnumerable"
                | "ICollection"
                | "IReadOnlyList"
                | "IReadOnlyCollection",
                args,
            ),
        ) if args.len() == 1 => {
            let items = items.borrow().clone();
            let mut out = Vec::with_capacity(items.len());
            for i in &items {
                out.push(to_object(cx, i, &args[0], depth + 1)?);
            }
            cx.list(Ty::generic("List", vec![args[0].clone()]), out)
        }
        (Kind::Array(items), Ty::Class("HashSet" | "ISet", args)) if args.len() == 1 => {
            let items = items.borrow().clone();
            let set = Dict::new(Ty::generic("HashSet", vec![args[0].clone()]), false);
            for i in &items {
                set.insert(to_object(cx, i, &args[0], depth + 1)?, Value::Null);
            }
            Ok(Value::Dict(set))
        }
        (
            Kind::Object(fields),
            Ty::Class("Dictionary" | "IDictionary" | "IReadOnlyDictionary", args),
        ) if args.len() == 2 => {
            let fields = fields.borrow().list().to_vec();
            let dict = Dict::new(Ty::generic("Dictionary", args.to_vec()), false);
            for p in &fields {
                let (Some(name), Some(value)) = (p.name(), p.content()) else {
                    continue;
                };
                let key = to_object(
                    cx,
                    &Token::scalar(Value::Str(name.clone())),
                    &args[0],
                    depth + 1,
                )?;
                let value = to_object(cx, &value, &args[1], depth + 1)?;
                cx.charge(128)?;
                dict.insert(key, value);
            }
            Ok(Value::Dict(dict))
        }
        (_, Ty::Object) => Ok(as_token),
        _ => Err(wrong()),
    }
}
