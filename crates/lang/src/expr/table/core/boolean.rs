//! `System.Boolean`.

use super::super::numbers::compared_object;
use super::super::{Row, m};
use crate::expr::eval::{Args, R, throw};
use crate::value::Value;

/// `true` and `false` in any case, with white space and NULs around.
pub(in crate::expr::table) fn parse(s: &str) -> Option<bool> {
    let t = s.trim_matches(|c: char| c.is_whitespace() || c == '\0');
    if t.eq_ignore_ascii_case("true") {
        Some(true)
    } else if t.eq_ignore_ascii_case("false") {
        Some(false)
    } else {
        None
    }
}

fn compared(a: &Args<'_>) -> R {
    Ok(Value::Int(i32::from(a.bool(0)) - i32::from(a.bool(1))))
}

pub(super) const ROWS: &[Row] = &[
    m("const string TrueString", |_, _| Ok(Value::from("True"))),
    m("const string FalseString", |_, _| Ok(Value::from("False"))),
    m("static bool Parse(string value)", |_, a| {
        let s = a.named(0, "value")?;
        parse(s).map(Value::Bool).ok_or_else(|| {
            throw(
                "FormatException",
                format!("String '{s}' was not recognized as a valid Boolean."),
            )
        })
    }),
    m(
        "static bool TryParse(string value, out bool result)",
        |_, a| {
            let parsed = a.text(0).ok().and_then(parse);
            a.values[1] = Value::Bool(parsed.unwrap_or(false));
            Ok(Value::Bool(parsed.is_some()))
        },
    ),
    m("int CompareTo(bool value)", |_, a| compared(a)),
    m("int CompareTo(object obj)", |_, a| {
        compared_object(a, compared)
    }),
    m("bool Equals(bool obj)", |_, a| {
        Ok(Value::Bool(a.bool(0) == a.bool(1)))
    }),
    m("string ToString()", |_, a| {
        Ok(Value::Str(a.values[0].to_text()))
    }),
    m("string ToString(IFormatProvider provider)", |_, a| {
        Ok(Value::Str(a.values[0].to_text()))
    }),
    m("TypeCode GetTypeCode()", |_, a| {
        Ok(super::super::convert::type_code(&a.values[0]))
    }),
];
