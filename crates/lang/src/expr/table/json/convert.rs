//! Tokens into values: explicit conversions (`(int)token`), `Value<T>`, and the conversions into tokens.
//!
//! Source: Json.NET 13's operators of `JToken` and `Extensions.Convert`. What must stay true: which token types a
//! conversion takes, and which exception the others get, is decided by type first and by value then, as there.
//! `ToObject<T>` is in `json/deserialize.rs`.

use super::super::dates::today;
use super::super::{Row, m};
use crate::expr::eval::{Args, Cx, R, Throw, null_reference, throw, to_number, types};
use crate::expr::types::{Num, Ty};
use crate::value::token::Kind;
use crate::value::token::number::BigInteger;
use crate::value::{DateTime, DateTimeOffset, Kind as DateKind, Token, Value, number, text, time};

pub(super) fn type_name(t: &Token) -> String {
    text::enum_text(&crate::expr::table::enums::JTOKEN_TYPE, t.type_number())
}

/// The name that a message gives to the target of a conversion.
fn short(ty: &Ty) -> String {
    match ty.plain() {
        Ty::Array(_) => "byte array".into(),
        ty => ty.table_name().to_owned(),
    }
}

fn bad_text(s: &str) -> Throw {
    throw(
        "FormatException",
        format!("The input string '{s}' was not in a correct format."),
    )
}

fn bad_date(s: &str) -> Throw {
    throw(
        "FormatException",
        format!("String '{s}' was not recognized as a valid DateTime."),
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

fn big(v: &Value) -> Option<&BigInteger> {
    match v {
        Value::Object(o) => o.as_any().downcast_ref(),
        _ => None,
    }
}

/// Whether a value has `IConvertible`.
fn convertible(v: &Value) -> bool {
    !matches!(
        v,
        Value::Guid(_)
            | Value::TimeSpan(_)
            | Value::DateTimeOffset(_)
            | Value::Bytes(_)
            | Value::Object(_)
            | Value::List(_)
            | Value::Dict(_)
    )
}

fn invalid_cast(v: &Value, ty: &Ty) -> Throw {
    let (from, to) = (v.ty(), ty.plain());
    let message = if !convertible(v) {
        format!(
            "Unable to cast object of type '{}' to type 'System.IConvertible'.",
            from.full_name()
        )
    } else if builtin(to) {
        format!(
            "Invalid cast from '{}' to '{}'.",
            from.table_name(),
            to.table_name()
        )
    } else {
        format!(
            "Invalid cast from '{}' to '{}'.",
            from.full_name(),
            to.full_name()
        )
    };
    throw("InvalidCastException", message)
}

/// The types that `IConvertible` knows.
fn builtin(ty: &Ty) -> bool {
    ty.numeric().is_some() || matches!(ty, Ty::Bool | Ty::String) || ty.is_class("DateTime")
}

/// `Convert.ToInt32(value, InvariantCulture)` and its kin, for what a `JValue` may hold.
/// A time without a date is of the day that `today` tells.
pub(crate) fn scalar_to(v: &Value, ty: &Ty, today: i64) -> R {
    let plain = ty.plain();
    if v.is_null() {
        return Ok(types::default_of(plain));
    }
    // A value within a value is an `IConvertible`, which converts as its casts do.
    if let Value::Token(t) = v
        && (plain.numeric().is_some() || *plain == Ty::Bool || plain.is_class("DateTime"))
    {
        let mut inner = t.clone();
        while let Some(Value::Token(deeper)) = inner.value() {
            inner = deeper;
        }
        return cast_to(&inner, ty, today);
    }
    if let Some(big) = big(v) {
        return match plain.numeric() {
            Some(Num::Char) => {
                let unit = number_of_text(&big.text(), Num::UShort)?;
                to_number(Num::Char, &unit)
            }
            Some(num) => number_of_text(&big.text(), num),
            // Json.NET goes by `int`.
            None if *plain == Ty::Bool => {
                number_of_text(&big.text(), Num::Int).map(|n| Value::Bool(n.as_i64() != Some(0)))
            }
            None if *plain == Ty::String => Ok(Value::from(big.text())),
            None => Err(invalid_cast(v, plain)),
        };
    }
    if *plain == Ty::String {
        return Ok(scalar_text(v));
    }
    if let Some(num) = plain.numeric() {
        return match v {
            Value::Str(s) => number_of_text(s, num),
            Value::Bool(b) if num != Num::Char => to_number(num, &Value::Int(i32::from(*b))),
            Value::Char(c) if num < Num::Float => checked_number(num, &Value::Int((*c).into())),
            Value::Enum(_, n) if num != Num::Char => checked_number(num, &Value::Long(*n)),
            Value::Double(_) | Value::Float(_) | Value::Decimal(_) if num == Num::Char => {
                Err(invalid_cast(v, plain))
            }
            v if number::as_f64(v).is_some() => checked_number(num, v),
            _ => Err(invalid_cast(v, plain)),
        };
    }
    match plain {
        Ty::Bool => match v {
            Value::Bool(_) => Ok(v.clone()),
            Value::Str(s) => super::super::core::parse_bool(s)
                .map(Value::Bool)
                .ok_or_else(|| {
                    throw(
                        "FormatException",
                        format!("String '{s}' was not recognized as a valid Boolean."),
                    )
                }),
            v => match number::as_f64(v) {
                Some(f) => Ok(Value::Bool(f != 0.0)),
                None => Err(invalid_cast(v, plain)),
            },
        },
        Ty::Class("DateTime", _) => match v {
            Value::DateTime(_) => Ok(v.clone()),
            Value::Str(s) => time::parse_date(s, today)
                .map(Value::DateTime)
                .ok_or_else(|| bad_date(s)),
            _ => Err(invalid_cast(v, plain)),
        },
        _ => Err(invalid_cast(v, plain)),
    }
}

/// `Convert.ChangeType(value, typeof(T), InvariantCulture)`.
fn change_type(v: &Value, ty: &Ty, today: i64) -> R {
    let plain = ty.plain();
    if v.is_null() {
        return if ty.is_value() {
            Err(throw(
                "InvalidCastException",
                "Null object cannot be converted to a value type.",
            ))
        } else {
            Ok(Value::Null)
        };
    }
    if !convertible(v) {
        return Err(throw(
            "InvalidCastException",
            "Object must implement IConvertible.",
        ));
    }
    if builtin(plain) {
        scalar_to(v, plain, today)
    } else {
        Err(invalid_cast(v, plain))
    }
}

/// Whether an operator for the type takes a token of the type with that number.
fn taken(ty: &Ty, number: i64) -> bool {
    let text = matches!(number, 5 | 8 | 13);
    match ty.plain() {
        Ty::String => matches!(number, 5..=9 | 12..=17),
        Ty::Bool => text || matches!(number, 6 | 7 | 9),
        Ty::Char => text || matches!(number, 6 | 7),
        Ty::Array(_) => text || matches!(number, 6 | 14),
        Ty::Class("Guid", _) => text || matches!(number, 14 | 15),
        Ty::Class("TimeSpan", _) => text || number == 17,
        Ty::Class("Uri", _) => text || number == 16,
        Ty::Class("DateTime" | "DateTimeOffset", _) => text || number == 12,
        ty if ty.numeric().is_some() => text || matches!(number, 6 | 7 | 9),
        _ => false,
    }
}

/// `(T)token`.
pub(crate) fn cast_to(t: &Token, ty: &Ty, today: i64) -> R {
    let t = &match t.kind() {
        Kind::Property(..) => t.content().ok_or_else(null_reference)?,
        _ => t.clone(),
    };
    let plain = ty.plain();
    let number = t.type_number();
    let nullable = ty.is_nullable() || *plain == Ty::String || plain.is_class("Uri");
    let cannot = || {
        throw(
            "ArgumentException",
            format!("Can not convert {} to {}.", type_name(t), short(ty)),
        )
    };
    let Some(v) = t
        .value()
        .filter(|_| taken(plain, number) || (nullable && matches!(number, 10 | 11)))
    else {
        return Err(cannot());
    };
    if v.is_null() && nullable {
        return Ok(Value::Null);
    }
    match (plain, &v) {
        (Ty::Class("DateTime", _), Value::DateTimeOffset(d)) => Ok(Value::DateTime(DateTime {
            ticks: d.ticks,
            kind: DateKind::Unspecified,
        })),
        (Ty::Class("DateTimeOffset", _), Value::DateTimeOffset(_)) => Ok(v),
        (Ty::Class("DateTimeOffset", _), Value::Str(s)) => time::parse_offset(s, today)
            .map(Value::DateTimeOffset)
            .ok_or_else(|| bad_date(s)),
        (Ty::Class("DateTimeOffset", _), _) => {
            match scalar_to(&v, &Ty::class("DateTime"), today)? {
                Value::DateTime(d) => Ok(Value::DateTimeOffset(DateTimeOffset {
                    ticks: d.ticks,
                    offset_minutes: 0,
                })),
                v => Ok(v),
            }
        }
        (Ty::Class("TimeSpan", _), Value::TimeSpan(_))
        | (Ty::Class("Guid", _), Value::Guid(_))
        | (Ty::Class("Uri", _), Value::Object(_))
        | (Ty::Array(_), Value::Bytes(_)) => Ok(v),
        (Ty::Class("Guid", _), Value::Bytes(b)) => match <[u8; 16]>::try_from(&b[..]) {
            Ok(bytes) => Ok(Value::Guid(uuid::Uuid::from_bytes_le(bytes).into_bytes())),
            Err(_) => Err(throw(
                "ArgumentException",
                "Byte array for Guid must be exactly 16 bytes long. (Parameter 'b')",
            )),
        },
        (Ty::Class("TimeSpan" | "Guid" | "Uri", _), v) => text_as(&v.to_text(), plain, today),
        (Ty::Array(_), Value::Str(s)) => text_as(s, plain, today),
        (Ty::Array(_), v) => match big(v) {
            Some(big) => Ok(Value::Bytes(big.bytes().into())),
            None => Err(cannot()),
        },
        _ => scalar_to(&v, plain, today),
    }
}

/// A text as a value of a type that `IConvertible` does not know.
pub(super) fn text_as(s: &str, ty: &Ty, today: i64) -> R {
    match ty {
        Ty::Class("TimeSpan", _) => time::parse_span(s)
            .map(Value::TimeSpan)
            .ok_or_else(|| bad_text(s)),
        Ty::Class("Guid", _) => uuid::Uuid::try_parse(s.trim())
            .map(|u| Value::Guid(u.into_bytes()))
            .map_err(|_| throw("FormatException", "Unrecognized Guid format.")),
        Ty::Class("Uri", _) => super::super::web::uri(s),
        Ty::Class("DateTimeOffset", _) => time::parse_offset(s, today)
            .map(Value::DateTimeOffset)
            .ok_or_else(|| bad_date(s)),
        Ty::Array(_) => text::from_base64(s)
            .map(|b| Value::Bytes(b.into()))
            .ok_or_else(|| {
                throw(
                    "FormatException",
                    "The input is not a valid Base-64 string as it contains a non-base 64 character, more than two padding characters, or an illegal character among the padding characters.",
                )
            }),
        ty => scalar_to(&Value::from(s), ty, today),
    }
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
        if f.is_nan() {
            return Err(super::super::numbers::overflow(num));
        }
        f.round_ties_even() as i128
    } else if let Value::ULong(n) = v {
        i128::from(*n)
    } else {
        i128::from(v.as_i64().unwrap_or(0))
    };
    let (lo, hi) = range(num);
    if wide < lo || wide > hi {
        return Err(super::super::numbers::overflow(num));
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
    if num == Num::Char {
        return super::super::core::char_of_text(s);
    }
    number::read::read_usual(s, num).map_err(|e| super::super::numbers::unread(e, s, num))
}

/// `token.Value<T>()`: `Extensions.Convert<JToken, T>`.
pub(crate) fn value_as(cx: &mut Cx<'_>, t: &Token, ty: &Ty) -> R {
    let as_token = Value::Token(t.clone());
    if *ty == Ty::Object || types::is(ty, &as_token) {
        return Ok(as_token);
    }
    let Some(inner) = t.value() else {
        return Err(throw(
            "InvalidCastException",
            format!(
                "Cannot cast Newtonsoft.Json.Linq.{} to Newtonsoft.Json.Linq.JToken.",
                t.class()
            ),
        ));
    };
    if types::is(ty, &inner) {
        return Ok(inner);
    }
    if inner.is_null() && ty.is_nullable() {
        return Ok(Value::Null);
    }
    change_type(&inner, ty, today(cx))
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
        Value::Token(t) => cast_to(t, &ty, today(cx)),
        _ => Err(throw(
            "InvalidCastException",
            "Specified cast is not valid.",
        )),
    }
}

macro_rules! casts {
    ($($name:literal => $ty:expr),* ; $($only:literal => $only_ty:expr),* $(,)?) => {
        /// Conversions from and to tokens, as rows of a type of their own.
        pub(super) const ROWS: &[Row] = &[
            m("explicit string(JToken value)", |cx, a| { let v = a.get(0); cast(cx, &v, Ty::String) }),
            $(m(concat!("explicit ", $name, "(JToken value)"), |cx, a| { let v = a.get(0); cast(cx, &v, $ty) }),)*
            $(m(concat!("explicit ", $only, "(JToken value)"), |cx, a| { let v = a.get(0); cast(cx, &v, $only_ty) }),)*
            m("implicit JToken(string value)", |cx, a| {
                cx.charge(96)?;
                Ok(Value::Token(Token::text(a.get(0))))
            }),
            $(m(concat!("implicit JToken(", $name, " value)"), into),)*
        ];
    };
}

/// A value becomes a `JValue`; null becomes a `JValue` of null, not a null reference.
fn into(cx: &mut Cx<'_>, a: &mut Args<'_>) -> R {
    cx.charge(96)?;
    Ok(Value::Token(made(&a.get(0))))
}

/// As the constructors of `JValue` for a type of its own: integers become a `long`, or a `ulong` if they were one.
pub(super) fn made(v: &Value) -> Token {
    Token::scalar(match v {
        v @ Value::List(_) => v.as_bytes().map_or(Value::Null, Value::Bytes),
        Value::ULong(_) => v.clone(),
        v => match v.as_i64() {
            Some(n) => Value::Long(n),
            None => v.clone(),
        },
    })
}

casts! {
    "bool" => Ty::Bool,
    "bool?" => Ty::nullable(Ty::Bool),
    "int" => Ty::Int,
    "int?" => Ty::nullable(Ty::Int),
    "uint" => Ty::UInt,
    "uint?" => Ty::nullable(Ty::UInt),
    "long" => Ty::Long,
    "long?" => Ty::nullable(Ty::Long),
    "ulong" => Ty::ULong,
    "ulong?" => Ty::nullable(Ty::ULong),
    "short" => Ty::Short,
    "short?" => Ty::nullable(Ty::Short),
    "ushort" => Ty::UShort,
    "ushort?" => Ty::nullable(Ty::UShort),
    "byte" => Ty::Byte,
    "byte?" => Ty::nullable(Ty::Byte),
    "sbyte" => Ty::SByte,
    "sbyte?" => Ty::nullable(Ty::SByte),
    "float" => Ty::Float,
    "float?" => Ty::nullable(Ty::Float),
    "double" => Ty::Double,
    "double?" => Ty::nullable(Ty::Double),
    "decimal" => Ty::Decimal,
    "decimal?" => Ty::nullable(Ty::Decimal),
    "DateTime" => Ty::class("DateTime"),
    "DateTime?" => Ty::nullable(Ty::class("DateTime")),
    "DateTimeOffset" => Ty::class("DateTimeOffset"),
    "DateTimeOffset?" => Ty::nullable(Ty::class("DateTimeOffset")),
    "TimeSpan" => Ty::class("TimeSpan"),
    "TimeSpan?" => Ty::nullable(Ty::class("TimeSpan")),
    "Guid" => Ty::class("Guid"),
    "Guid?" => Ty::nullable(Ty::class("Guid")),
    "Uri" => Ty::class("Uri"),
    "byte[]" => Ty::array(Ty::Byte);
    "char" => Ty::Char,
    "char?" => Ty::nullable(Ty::Char),
}
