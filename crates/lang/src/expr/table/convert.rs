//! `Convert`; `BitConverter`, base64 and `Encoding` beside it.
//!
//! `Convert` decides by the value, so one row with an `object` serves all of C#'s overloads; only where the static type
//! counts (`ToString(byte, toBase)`, `BitConverter.GetBytes`) the overloads stand apart.

mod base64;
mod based;
mod bits;
pub(crate) mod encoding;

pub(super) use encoding::utf16 as utf16_encoding;

use super::enums::TYPE_CODE;
use super::json::convert::{cast_to, checked_number, number_of_text, range, value_as};
use super::numbers::format_info::provider;
use super::numbers::overflow;
use super::{Row, Type, m, ty, ty_of};
use crate::expr::eval::{Args, Cx, R, Throw, formatted_with, throw, to_number};
use crate::expr::types::{Num, Ty};
use crate::value::{Kind, Value, time};
use rust_decimal::prelude::ToPrimitive;

fn bad_cast(v: &Value, to: &str) -> Throw {
    let from = match v {
        Value::Enum(..) => "Enum",
        v => v.ty().table_name(),
    };
    throw(
        "InvalidCastException",
        format!("Invalid cast from '{from}' to '{to}'."),
    )
}

fn no_convertible(v: &Value) -> Throw {
    throw(
        "InvalidCastException",
        format!(
            "Unable to cast object of type '{}' to type 'System.IConvertible'.",
            v.ty().full_name()
        ),
    )
}

/// What `IConvertible` sees: a JSON value converts as its content.
fn unwrapped(cx: &mut Cx<'_>, v: Value, to: &Ty) -> R {
    match &v {
        Value::Token(t) if t.value().is_some() => match to {
            Ty::String => value_as(cx, t, to),
            to => cast_to(t, to, super::dates::today(cx)),
        },
        Value::Token(_)
        | Value::List(_)
        | Value::Dict(_)
        | Value::Bytes(_)
        | Value::Response(_)
        | Value::Object(_)
        | Value::Host(_)
        | Value::TimeSpan(_)
        | Value::DateTimeOffset(_)
        | Value::Guid(_) => Err(no_convertible(&v)),
        _ => Ok(v),
    }
}

/// `TypeCode` of a value.
pub(super) fn type_code(v: &Value) -> Value {
    let n = match v {
        Value::Null => 0,
        Value::Bool(_) => 3,
        Value::Char(_) => 4,
        Value::SByte(_) => 5,
        Value::Byte(_) => 6,
        Value::Short(_) => 7,
        Value::UShort(_) => 8,
        Value::Int(_) | Value::Enum(..) => 9,
        Value::UInt(_) => 10,
        Value::Long(_) => 11,
        Value::ULong(_) => 12,
        Value::Float(_) => 13,
        Value::Double(_) => 14,
        Value::Decimal(_) => 15,
        Value::DateTime(_) => 16,
        Value::Str(_) => 18,
        _ => 1,
    };
    Value::Enum(&TYPE_CODE, n)
}

/// `Convert.ToInt32(value)` and its kin: null is 0, floats round to even, nothing wraps.
fn number(cx: &mut Cx<'_>, v: Value, num: Num) -> R {
    let v = unwrapped(cx, v, &num.ty())?;
    let checked = |n: i128| {
        let (low, high) = range(num);
        if n < low || n > high {
            return Err(overflow(num));
        }
        crate::value::number::read::whole(n, num).ok_or_else(|| overflow(num))
    };
    match &v {
        Value::Null => to_number(num, &Value::Int(0)),
        Value::Str(s) => number_of_text(s, num),
        Value::Bool(_) if num == Num::Char => Err(bad_cast(&v, "Char")),
        Value::Bool(b) => to_number(num, &Value::Int(i32::from(*b))),
        Value::Enum(_, n) => checked_number(num, &Value::Long(*n)),
        Value::Char(_) if matches!(num, Num::Float | Num::Double | Num::Decimal) => {
            Err(bad_cast(&v, num.ty().table_name()))
        }
        Value::Char(c) => checked_number(num, &Value::Int(i32::from(*c))),
        Value::Double(_) | Value::Float(_) | Value::Decimal(_) if num == Num::Char => {
            Err(bad_cast(&v, "Char"))
        }
        Value::Double(_) | Value::Float(_) if num < Num::Float => {
            let f = crate::value::number::as_f64(&v)
                .unwrap_or(f64::NAN)
                .round_ties_even();
            if f.is_nan() || f.abs() > 1e30 {
                return Err(overflow(num));
            }
            checked(f as i128)
        }
        Value::Decimal(d) if num < Num::Float => {
            checked(d.round().to_i128().ok_or_else(|| overflow(num))?)
        }
        v if v.as_i64().is_some()
            || matches!(
                v,
                Value::ULong(_) | Value::Double(_) | Value::Float(_) | Value::Decimal(_)
            ) =>
        {
            checked_number(num, v)
        }
        v => Err(bad_cast(v, num.ty().table_name())),
    }
}

fn boolean(cx: &mut Cx<'_>, v: Value) -> R {
    let v = unwrapped(cx, v, &Ty::Bool)?;
    Ok(Value::Bool(match &v {
        Value::Null => false,
        Value::Bool(b) => *b,
        Value::Str(s) => super::core::parse_bool(s).ok_or_else(|| {
            throw(
                "FormatException",
                format!("String '{s}' was not recognized as a valid Boolean."),
            )
        })?,
        Value::Char(_) => return Err(bad_cast(&v, "Boolean")),
        Value::Enum(_, n) => *n != 0,
        Value::Decimal(d) => !d.is_zero(),
        Value::ULong(n) => *n != 0,
        v => match (v.as_i64(), crate::value::number::as_f64(v)) {
            (Some(n), _) => n != 0,
            (None, Some(f)) => f != 0.0,
            _ => return Err(bad_cast(v, "Boolean")),
        },
    }))
}

fn character(cx: &mut Cx<'_>, v: Value) -> R {
    match &v {
        Value::Char(c) => Ok(Value::Char(*c)),
        Value::Str(s) => super::core::char_of_text(s),
        _ => number(cx, v, Num::Char),
    }
}

fn date(cx: &mut Cx<'_>, v: Value) -> R {
    let v = unwrapped(cx, v, &Ty::class("DateTime"))?;
    match &v {
        Value::Null => Ok(Value::DateTime(crate::value::DateTime {
            ticks: 0,
            kind: Kind::Unspecified,
        })),
        Value::DateTime(_) => Ok(v),
        Value::Str(s) => {
            let today = cx.host.now() / time::TICKS_PER_DAY * time::TICKS_PER_DAY;
            time::parse_date(s, today)
                .map(Value::DateTime)
                .ok_or_else(|| super::dates::not_a_date(s))
        }
        v => Err(bad_cast(v, "DateTime")),
    }
}

/// A value as the type, for those types that `IConvertible` has a method for.
fn converted(cx: &mut Cx<'_>, v: Value, to: &Ty) -> Option<R> {
    Some(match to {
        Ty::Bool => boolean(cx, v),
        Ty::Char => character(cx, v),
        Ty::String => Ok(Value::Str(v.to_text())),
        Ty::Class("DateTime", _) => date(cx, v),
        ty => number(cx, v, ty.numeric()?),
    })
}

/// Whether a value is an `IConvertible`.
fn is_convertible(v: &Value) -> bool {
    match v {
        Value::Token(t) => t.value().is_some(),
        v => !matches!(type_code(v), Value::Enum(_, 1)),
    }
}

fn not_convertible() -> Throw {
    throw(
        "InvalidCastException",
        "Object must implement IConvertible.",
    )
}

/// `Convert.ChangeType`.
fn change_type(cx: &mut Cx<'_>, v: Value, to: &Ty) -> R {
    if v.is_null() {
        return if to.is_value() {
            Err(throw(
                "InvalidCastException",
                "Null object cannot be converted to a value type.",
            ))
        } else {
            Ok(Value::Null)
        };
    }
    let convertible = is_convertible(&v);
    if v.ty() == *to && (convertible || !to.is_nullable()) {
        return Ok(v);
    }
    if !convertible {
        return Err(not_convertible());
    }
    if *to == Ty::Object {
        return Ok(v);
    }
    let from = v.type_name();
    converted(cx, v, to).unwrap_or_else(|| {
        Err(throw(
            "InvalidCastException",
            format!("Invalid cast from '{from}' to '{}'.", to.full_name()),
        ))
    })
}

/// The type of a `TypeCode`; none for those without a value.
fn type_of_code(code: i64) -> Option<Ty> {
    Some(match code {
        1 => Ty::Object,
        3 => Ty::Bool,
        4 => Ty::Char,
        5 => Ty::SByte,
        6 => Ty::Byte,
        7 => Ty::Short,
        8 => Ty::UShort,
        9 => Ty::Int,
        10 => Ty::UInt,
        11 => Ty::Long,
        12 => Ty::ULong,
        13 => Ty::Float,
        14 => Ty::Double,
        15 => Ty::Decimal,
        16 => Ty::class("DateTime"),
        18 => Ty::String,
        _ => return None,
    })
}

fn change_to_code(cx: &mut Cx<'_>, a: &mut Args<'_>) -> R {
    let (v, code) = (a.take(0), a.int(1));
    match type_of_code(code) {
        Some(_) if v.is_null() && matches!(code, 1 | 18) => Ok(Value::Null),
        // With a code, unlike with a type, even what stays as it is has to be convertible.
        _ if !v.is_null() && !is_convertible(&v) => Err(not_convertible()),
        Some(ty) => change_type(cx, v, &ty),
        None if v.is_null() && code == 0 => Ok(Value::Null),
        None if !v.is_null() && !matches!(code, 0 | 2) => Err(throw(
            "ArgumentException",
            "Unknown TypeCode value. (Parameter 'typeCode')",
        )),
        None => Err(throw(
            "InvalidCastException",
            "Object cannot be cast to Empty.",
        )),
    }
}

/// `Convert.ToString(object, IFormatProvider)`.
fn to_text(cx: &mut Cx<'_>, a: &Args<'_>, info: Option<usize>) -> R {
    let s = formatted_with(&a.values[0], None, &provider(a, info))?;
    cx.text(s)
}

/// `ToX` of an object, with and without a provider.
macro_rules! to {
    ($result:literal, $name:literal, $f:expr) => {
        [
            m(
                concat!("static ", $result, " ", $name, "(object value)"),
                |cx, a| $f(cx, a.take(0)),
            ),
            m(
                concat!(
                    "static ",
                    $result,
                    " ",
                    $name,
                    "(object value, IFormatProvider provider)"
                ),
                |cx, a| $f(cx, a.take(0)),
            ),
        ]
    };
}

const GENERAL: &[Row] = &[
    m("static char ToChar(string value)", |_, a| {
        super::core::char_of_text(a.named(0, "value")?)
    }),
    m("static string ToString(string value)", |_, a| Ok(a.take(0))),
    m(
        "static string ToString(string value, IFormatProvider provider)",
        |_, a| Ok(a.take(0)),
    ),
    m("static string ToString(object value)", |cx, a| {
        to_text(cx, a, None)
    }),
    m(
        "static string ToString(object value, IFormatProvider provider)",
        |cx, a| to_text(cx, a, Some(1)),
    ),
    m(
        "static object ChangeType(object value, Type conversionType)",
        |cx, a| {
            let to = super::types::argument(a, 1, "conversionType")?;
            change_type(cx, a.take(0), &to)
        },
    ),
    m(
        "static object ChangeType(object value, Type conversionType, IFormatProvider provider)",
        |cx, a| {
            let to = super::types::argument(a, 1, "conversionType")?;
            change_type(cx, a.take(0), &to)
        },
    ),
    m(
        "static object ChangeType(object value, TypeCode typeCode)",
        change_to_code,
    ),
    m(
        "static object ChangeType(object value, TypeCode typeCode, IFormatProvider provider)",
        change_to_code,
    ),
    m("static TypeCode GetTypeCode(object value)", |_, a| {
        let v = &a.values[0];
        // A JSON value answers for its content.
        let content = match v {
            Value::Token(t) => t.value(),
            _ => None,
        };
        Ok(type_code(content.as_ref().unwrap_or(v)))
    }),
    m("static bool IsDBNull(object value)", |_, _| {
        Ok(Value::Bool(false))
    }),
];

const CONVERT: &[&[Row]] = &[
    GENERAL,
    base64::ROWS,
    based::ROWS,
    &to!("byte", "ToByte", |cx, v| number(cx, v, Num::Byte)),
    &to!("sbyte", "ToSByte", |cx, v| number(cx, v, Num::SByte)),
    &to!("short", "ToInt16", |cx, v| number(cx, v, Num::Short)),
    &to!("ushort", "ToUInt16", |cx, v| number(cx, v, Num::UShort)),
    &to!("int", "ToInt32", |cx, v| number(cx, v, Num::Int)),
    &to!("uint", "ToUInt32", |cx, v| number(cx, v, Num::UInt)),
    &to!("long", "ToInt64", |cx, v| number(cx, v, Num::Long)),
    &to!("ulong", "ToUInt64", |cx, v| number(cx, v, Num::ULong)),
    &to!("float", "ToSingle", |cx, v| number(cx, v, Num::Float)),
    &to!("double", "ToDouble", |cx, v| number(cx, v, Num::Double)),
    &to!("decimal", "ToDecimal", |cx, v| number(cx, v, Num::Decimal)),
    &to!("bool", "ToBoolean", boolean),
    &to!("char", "ToChar", character),
    &to!("DateTime", "ToDateTime", date),
];

pub(super) const TYPES: &[Type] = &[
    ty_of("static System.Convert", CONVERT),
    ty("static System.BitConverter", bits::ROWS),
    ty_of(
        "class System.Text.Encoding",
        &[encoding::ROWS, encoding::PARTS],
    ),
    ty("class System.Text.UTF8Encoding : Encoding", encoding::UTF8),
    ty(
        "class System.Text.ASCIIEncoding : Encoding",
        encoding::ASCII,
    ),
    ty(
        "class System.Text.UnicodeEncoding : Encoding",
        encoding::UNICODE,
    ),
    ty(
        "class System.Text.UTF32Encoding : Encoding",
        encoding::UTF32,
    ),
];
