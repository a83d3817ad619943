//! `System.Enum`: reading and naming the values of enum types.

use super::super::types::{argument as type_argument, described, enum_of};
use super::super::{Row, m};

use crate::expr::eval::{Args, Cx, R, Throw, formatted, null_argument, throw};
use crate::expr::types::Ty;
use crate::value::{EnumType, Value};

fn argument(message: impl Into<crate::value::Str>) -> Throw {
    throw("ArgumentException", message)
}

/// The enum of a type parameter.
fn of_parameter(a: &Args<'_>) -> Result<&'static EnumType, Throw> {
    enum_of(&a.ty(0))
        .ok_or_else(|| argument("Type provided must be an Enum. (Parameter 'enumType')"))
}

/// The enum of a `Type` argument, the first.
fn of_type(a: &Args<'_>) -> Result<&'static EnumType, Throw> {
    enum_of(&type_argument(a, 0, "enumType")?)
        .ok_or_else(|| argument("Type provided must be an Enum. (Parameter 'enumType')"))
}

/// Names with commas between them, or a number.
fn read(e: &EnumType, s: &str, ignore_case: bool) -> Result<i64, Throw> {
    let t = s.trim();
    if t.is_empty() {
        return Err(argument(
            "Must specify valid information for parsing in the string. (Parameter 'value')",
        ));
    }
    if t.starts_with(|c: char| c.is_ascii_digit() || matches!(c, '+' | '-'))
        && let Ok(n) = t.parse::<i128>()
    {
        return i32::try_from(n).map(i64::from).map_err(|_| {
            throw(
                "OverflowException",
                "Value was either too large or too small for an Int32.",
            )
        });
    }
    let mut out = 0;
    for part in t.split(',').map(str::trim) {
        let found = e
            .members
            .iter()
            .find(|(n, _)| *n == part || (ignore_case && n.eq_ignore_ascii_case(part)));
        match found {
            Some((_, n)) => out |= n,
            None => return Err(argument(format!("Requested value '{s}' was not found."))),
        }
    }
    Ok(out)
}

/// `Parse`: the text stands at `at`, the case after it if given.
fn parse(a: &Args<'_>, e: &'static EnumType, at: usize) -> R {
    let s = a.named(at, "value")?;
    read(e, s, a.bool(at + 1)).map(|n| Value::Enum(e, n))
}

fn try_parse(a: &mut Args<'_>) -> R {
    let e = of_parameter(a)?;
    let read = match a.values.first().and_then(Value::as_str) {
        Some(s) => read(e, s, a.bool(1)).ok(),
        None => None,
    };
    if let Some(out) = a.values.last_mut() {
        *out = Value::Enum(e, read.unwrap_or(0));
    }
    Ok(Value::Bool(read.is_some()))
}

/// The number that a value stands for in an enum; only its own values and integers do.
fn number(e: &EnumType, v: &Value) -> Result<i64, Throw> {
    match v {
        Value::Enum(own, n) if own.name == e.name => Ok(*n),
        Value::Enum(own, _) => Err(argument(format!(
            "Object must be the same type as the enum. The type passed in was '{}'; the enum type was '{}'.",
            own.name, e.name
        ))),
        Value::Null => Err(null_argument("value")),
        v => integer(v).ok_or_else(no_number),
    }
}

/// What reflection counts among the integers: characters and truth values too.
fn integer(v: &Value) -> Option<i64> {
    match v {
        Value::Enum(..) => None,
        Value::Char(c) => Some(i64::from(*c)),
        Value::Bool(b) => Some(i64::from(*b)),
        Value::ULong(n) => Some(*n as i64),
        v => v.as_i64(),
    }
}

fn no_number() -> Throw {
    argument(
        "The value passed in must be an enum base or an underlying type for an enum, such as an Int32. (Parameter 'value')",
    )
}

/// The enum of a `Type` argument; a value that is null is refused before a type that is no enum.
fn of_type_and_value(a: &Args<'_>) -> Result<&'static EnumType, Throw> {
    type_argument(a, 0, "enumType")?;
    if a.is_null(1) {
        return Err(null_argument("value"));
    }
    of_type(a)
}

fn name_of(e: &EnumType, n: i64) -> Value {
    let found = e.members.iter().find(|(_, v)| *v == n);
    found.map_or(Value::Null, |(name, _)| Value::from(*name))
}

fn is_defined(e: &EnumType, v: &Value) -> R {
    if let Value::Str(s) = v {
        return Ok(Value::Bool(e.members.iter().any(|(n, _)| *n == &**s)));
    }
    if !matches!(v, Value::Enum(..) | Value::Null) && integer(v).is_none() {
        return Err(throw("InvalidOperationException", "Unknown enum type."));
    }
    // .NET takes integers of the underlying type only.
    if !matches!(v, Value::Enum(..) | Value::Int(_) | Value::Null) {
        return Err(argument(format!(
            "Enum underlying type and the object must be same type or object must be a String. Type passed in was '{}'; the enum underlying type was 'System.Int32'.",
            v.type_name()
        )));
    }
    let n = number(e, v)?;
    Ok(Value::Bool(e.members.iter().any(|(_, v)| *v == n)))
}

/// Members in the order of their unsigned values.
fn sorted(e: &EnumType) -> Vec<(&'static str, i64)> {
    let mut out = e.members.to_vec();
    out.sort_by_key(|(_, n)| *n as u64);
    out
}

fn names(cx: &mut Cx<'_>, e: &'static EnumType) -> R {
    let items = sorted(e).into_iter().map(|(n, _)| Value::from(n)).collect();
    cx.list(Ty::array(Ty::String), items)
}

fn values(cx: &mut Cx<'_>, e: &'static EnumType) -> R {
    let items: Vec<Value> = sorted(e)
        .into_iter()
        .map(|(_, n)| Value::Enum(e, n))
        .collect();
    let of = Value::Enum(e, 0).ty();
    cx.list(Ty::array(of), items)
}

fn same_enum(a: &Args<'_>, message: fn(&str, &str) -> String) -> Result<(i64, i64), Throw> {
    match (&a.values[0], &a.values[1]) {
        (Value::Enum(e, x), Value::Enum(f, y)) if e.name == f.name => Ok((*x, *y)),
        (x, y) => Err(argument(message(&y.type_name(), &x.type_name()))),
    }
}

fn text_of(a: &Args<'_>, format: usize) -> R {
    formatted(&a.values[0], a.values.get(format).and_then(Value::as_str)).map(Value::from)
}

pub(super) const ROWS: &[Row] = &[
    m("string ToString()", |_, a| {
        Ok(Value::Str(a.values[0].to_text()))
    }),
    m("string ToString(string format)", |_, a| text_of(a, 1)),
    m("string ToString(IFormatProvider provider)", |_, a| {
        Ok(Value::Str(a.values[0].to_text()))
    }),
    m(
        "string ToString(string format, IFormatProvider provider)",
        |_, a| text_of(a, 1),
    ),
    m("bool HasFlag(Enum flag)", |_, a| {
        if a.is_null(1) {
            return Err(null_argument("flag"));
        }
        let (n, flag) = same_enum(a, |other, own| {
            format!("The argument type, '{other}', is not the same as the enum type '{own}'.")
        })?;
        Ok(Value::Bool(n & flag == flag))
    }),
    m("int CompareTo(object target)", |_, a| {
        if a.is_null(1) {
            return Ok(Value::Int(1));
        }
        let (x, y) = same_enum(a, |other, own| {
            format!(
                "Object must be the same type as the enum. The type passed in was '{other}'; the enum type was '{own}'."
            )
        })?;
        Ok(Value::Int(x.cmp(&y) as i32))
    }),
    m("TypeCode GetTypeCode()", |_, _| {
        Ok(super::super::convert::type_code(&Value::Int(0)))
    }),
    m(
        "static object Parse(Type enumType, string value)",
        |_, a| parse(a, of_type(a)?, 1),
    ),
    m(
        "static object Parse(Type enumType, string value, bool ignoreCase)",
        |_, a| parse(a, of_type(a)?, 1),
    ),
    m(
        "static T Parse<T>(string value) where T : struct",
        |_, a| parse(a, of_parameter(a)?, 0),
    ),
    m(
        "static T Parse<T>(string value, bool ignoreCase) where T : struct",
        |_, a| parse(a, of_parameter(a)?, 0),
    ),
    m(
        "static bool TryParse<T>(string value, out T result) where T : struct",
        |_, a| try_parse(a),
    ),
    m(
        "static bool TryParse<T>(string value, bool ignoreCase, out T result) where T : struct",
        |_, a| try_parse(a),
    ),
    m(
        "static bool IsDefined(Type enumType, object value)",
        |_, a| is_defined(of_type_and_value(a)?, &a.values[1]),
    ),
    m(
        "static bool IsDefined<T>(T value) where T : struct",
        |_, a| is_defined(of_parameter(a)?, &a.values[0]),
    ),
    m(
        "static string GetName(Type enumType, object value)",
        |_, a| {
            let e = of_type_and_value(a)?;
            // A value of another enum counts for its number.
            let n = match &a.values[1] {
                Value::Enum(_, n) => *n,
                v => number(e, v)?,
            };
            Ok(name_of(e, n))
        },
    ),
    m(
        "static string GetName<T>(T value) where T : struct",
        |_, a| {
            let e = of_parameter(a)?;
            Ok(name_of(e, number(e, &a.values[0])?))
        },
    ),
    m("static string[] GetNames(Type enumType)", |cx, a| {
        names(cx, of_type(a)?)
    }),
    m("static string[] GetNames<T>() where T : struct", |cx, a| {
        names(cx, of_parameter(a)?)
    }),
    m("static Array GetValues(Type enumType)", |cx, a| {
        values(cx, of_type(a)?)
    }),
    m("static T[] GetValues<T>() where T : struct", |cx, a| {
        values(cx, of_parameter(a)?)
    }),
    m(
        "static object ToObject(Type enumType, object value)",
        |_, a| {
            // The value is looked at before the type.
            let n = match &a.values[1] {
                Value::Null => return Err(null_argument("value")),
                Value::Enum(_, n) => Some(*n),
                // It says that it is a number, but is none.
                Value::Token(t) if t.value().is_some_and(|v| integer(&v).is_some()) => {
                    return Err(throw(
                        "InvalidCastException",
                        "Specified cast is not valid.",
                    ));
                }
                v => integer(v),
            };
            let n = n.ok_or_else(no_number)?;
            // As much of it as the enum has room for.
            Ok(Value::Enum(of_type(a)?, i64::from(n as i32)))
        },
    ),
    m("static Type GetUnderlyingType(Type enumType)", |_, a| {
        of_type(a)?;
        described(Ty::Int)
    }),
    m(
        "static string Format(Type enumType, object value, string format)",
        |_, a| {
            let e = of_type(a)?;
            if a.is_null(1) {
                return Err(null_argument("value"));
            }
            let format = a.named(2, "format")?;
            let n = number(e, &a.values[1])?;
            if !matches!(a.values[1], Value::Enum(..) | Value::Int(_)) {
                return Err(argument(format!(
                    "Enum underlying type and the object must be same type or object. Type passed in was '{}'; the enum underlying type was 'System.Int32'.",
                    a.values[1].type_name()
                )));
            }
            if format.is_empty() {
                return Err(throw(
                    "FormatException",
                    "Format string can be only \"G\", \"g\", \"X\", \"x\", \"F\", \"f\", \"D\" or \"d\".",
                ));
            }
            formatted(&Value::Enum(e, n), Some(format)).map(Value::from)
        },
    ),
];
