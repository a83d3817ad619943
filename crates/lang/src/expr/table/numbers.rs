//! Numeric types: parsing, formatting and comparing, which all of them share; `Math` and `NumberFormatInfo` beside them.
//!
//! Operators and conversions of numbers are the evaluator's, not rows.

mod decimal;
mod floats;
pub(crate) mod format_info;
mod integers;
mod math;

use super::{Row, Type, m, ty};
use crate::expr::eval::{Args, R, Throw, formatted_with, throw, types};
use crate::expr::types::Num;
use crate::value::number::read::{self, Unread, style};
use crate::value::{Value, number};
pub(super) use decimal::hash as decimal_hash;
use format_info::provider;
use std::cmp::Ordering;

/// `Int32` with its article, as messages of overflows name types.
pub(super) fn with_article(num: Num) -> &'static str {
    match num {
        Num::Char => "a character",
        Num::SByte => "a signed byte",
        Num::Byte => "an unsigned byte",
        Num::Short => "an Int16",
        Num::UShort => "a UInt16",
        Num::Int => "an Int32",
        Num::UInt => "a UInt32",
        Num::Long => "an Int64",
        Num::ULong => "a UInt64",
        Num::Float => "a Single",
        Num::Double => "a Double",
        Num::Decimal => "a Decimal",
    }
}

/// `OverflowException` of a type.
pub(in crate::expr) fn overflow(num: Num) -> Throw {
    throw(
        "OverflowException",
        format!(
            "Value was either too large or too small for {}.",
            with_article(num)
        ),
    )
}

/// The exception for a text that is no number of the type.
pub(in crate::expr) fn unread(why: Unread, s: &str, num: Num) -> Throw {
    match why {
        Unread::Overflow => overflow(num),
        Unread::Format => throw(
            "FormatException",
            format!("The input string '{s}' was not in a correct format."),
        ),
    }
}

/// Refuses styles that .NET refuses.
fn check_style(styles: i64, num: Num) -> Result<(), Throw> {
    let wrong = |message: &str| {
        Err(throw(
            "ArgumentException",
            format!("{message} (Parameter 'style')"),
        ))
    };
    if styles & !0x3ff != 0 {
        return wrong("An undefined NumberStyles value is being used.");
    }
    if styles & style::HEX == 0 {
        return Ok(());
    }
    if matches!(num, Num::Float | Num::Double | Num::Decimal) {
        return wrong(
            "The number style AllowHexSpecifier is not supported on floating point data types.",
        );
    }
    if styles & !(style::HEX | style::LEADING_WHITE | style::TRAILING_WHITE) != 0 {
        return wrong(
            "With the AllowHexSpecifier bit set in the enum bit field, the only other valid bits that can be combined into the enum value must be a subset of those in HexNumber.",
        );
    }
    Ok(())
}

/// Style and provider stand at these places, when they are given.
type Places = (Option<usize>, Option<usize>);

fn read_with(
    a: &Args<'_>,
    num: Num,
    (style, info): Places,
) -> Result<Result<Value, Unread>, Throw> {
    let styles = style.map_or(read::usual_style(num), |i| a.int(i));
    check_style(styles, num)?;
    let symbols = provider(a, info);
    Ok(match a.values.first() {
        Some(Value::Str(s)) => read::read(s, num, styles, &symbols),
        _ => Err(Unread::Format),
    })
}

/// `T.Parse`.
fn parse(a: &Args<'_>, num: Num, places: Places) -> R {
    let read = read_with(a, num, places)?;
    let s = a.named(0, "s")?;
    read.map_err(|e| unread(e, s, num))
}

/// `T.TryParse`: the result goes into the last argument.
fn try_parse(a: &mut Args<'_>, num: Num, places: Places) -> R {
    let parsed = read_with(a, num, places)?;
    let ok = parsed.is_ok();
    if let Some(out) = a.values.last_mut() {
        *out = parsed.unwrap_or_else(|_| types::default_of(&num.ty()));
    }
    Ok(Value::Bool(ok))
}

/// `ToString(format, provider)`; both may be missing.
fn text(a: &Args<'_>, format: Option<usize>, info: Option<usize>) -> R {
    let format = format.and_then(|i| a.values.get(i)).and_then(Value::as_str);
    formatted_with(&a.values[0], format, &provider(a, info)).map(Value::from)
}

/// The order of two numbers of one type; NaN comes first.
pub(super) fn order(a: &Value, b: &Value) -> Ordering {
    crate::expr::eval::compare(a, b).unwrap_or_else(|| {
        let nan = |v: &Value| number::as_f64(v).is_some_and(f64::is_nan);
        nan(b).cmp(&nan(a))
    })
}

/// `CompareTo(T)`: small types give the difference, as in .NET.
fn compared(a: &Args<'_>) -> R {
    let (x, y) = (&a.values[0], &a.values[1]);
    Ok(Value::Int(match x {
        Value::SByte(_) | Value::Byte(_) | Value::Short(_) | Value::UShort(_) => {
            (a.int(0) - a.int(1)) as i32
        }
        _ => order(x, y) as i32,
    }))
}

/// `CompareTo(object)`: null is smaller than everything, another type is refused.
pub(super) fn compared_object(a: &Args<'_>, number: fn(&Args<'_>) -> R) -> R {
    let (x, y) = (&a.values[0], &a.values[1]);
    if y.is_null() {
        return Ok(Value::Int(1));
    }
    if x.ty() != y.ty() {
        return Err(throw(
            "ArgumentException",
            format!("Object must be of type {}.", x.ty().table_name()),
        ));
    }
    number(a)
}

/// `Equals`: the same type and the same value; NaN equals itself.
fn equals(a: &Args<'_>) -> R {
    let (x, y) = (&a.values[0], &a.values[1]);
    Ok(Value::Bool(
        x.ty() == y.ty() && order(x, y) == Ordering::Equal,
    ))
}

/// A number brought to the type, as `T.MaxValue` is.
fn limit(num: Num, high: bool) -> R {
    let (lo, hi) = super::json::convert::range(num);
    let n = if high { hi } else { lo };
    read::whole(n, num).ok_or_else(|| overflow(num))
}

/// Rows that every numeric type has; the last two are what .NET calls the parameters of `CompareTo` and `Equals`.
macro_rules! common {
    ($rows:ident, $name:literal, $num:expr, $other:literal, $equal:literal) => {
        const $rows: &[Row] = &[
            m("new()", |_, _| Ok(types::default_of(&$num.ty()))),
            m(concat!("static ", $name, " Parse(string s)"), |_, a| {
                parse(a, $num, (None, None))
            }),
            m(
                concat!("static ", $name, " Parse(string s, NumberStyles style)"),
                |_, a| parse(a, $num, (Some(1), None)),
            ),
            m(
                concat!("static ", $name, " Parse(string s, IFormatProvider provider)"),
                |_, a| parse(a, $num, (None, Some(1))),
            ),
            m(
                concat!(
                    "static ",
                    $name,
                    " Parse(string s, NumberStyles style, IFormatProvider provider)"
                ),
                |_, a| parse(a, $num, (Some(1), Some(2))),
            ),
            m(
                concat!("static bool TryParse(string s, out ", $name, " result)"),
                |_, a| try_parse(a, $num, (None, None)),
            ),
            m(
                concat!(
                    "static bool TryParse(string s, NumberStyles style, IFormatProvider provider, out ",
                    $name,
                    " result)"
                ),
                |_, a| try_parse(a, $num, (Some(1), Some(2))),
            ),
            m(
                concat!(
                    "static bool TryParse(string s, IFormatProvider provider, out ",
                    $name,
                    " result)"
                ),
                |_, a| try_parse(a, $num, (None, Some(1))),
            ),
            m(concat!("int CompareTo(", $name, " value)"), |_, a| {
                compared(a)
            }),
            m(concat!("int CompareTo(object ", $other, ")"), |_, a| {
                compared_object(a, compared)
            }),
            m(concat!("bool Equals(", $name, " ", $equal, ")"), |_, a| {
                equals(a)
            }),
            m(concat!("bool Equals(object ", $equal, ")"), |_, a| {
                equals(a)
            }),
            m("string ToString()", |_, a| text(a, None, None)),
            m("string ToString(string format)", |_, a| {
                text(a, Some(1), None)
            }),
            m("string ToString(IFormatProvider provider)", |_, a| {
                text(a, None, Some(1))
            }),
            m(
                "string ToString(string format, IFormatProvider provider)",
                |_, a| text(a, Some(1), Some(2)),
            ),
            m("TypeCode GetTypeCode()", |_, a| {
                Ok(super::convert::type_code(&a.values[0]))
            }),
        ];
    };
}

common!(SBYTE, "sbyte", Num::SByte, "obj", "obj");
common!(BYTE, "byte", Num::Byte, "value", "obj");
common!(SHORT, "short", Num::Short, "value", "obj");
common!(USHORT, "ushort", Num::UShort, "value", "obj");
common!(INT, "int", Num::Int, "value", "obj");
common!(UINT, "uint", Num::UInt, "value", "obj");
common!(LONG, "long", Num::Long, "value", "obj");
common!(ULONG, "ulong", Num::ULong, "value", "obj");
common!(FLOAT, "float", Num::Float, "value", "obj");
common!(DOUBLE, "double", Num::Double, "value", "obj");
common!(DECIMAL, "decimal", Num::Decimal, "value", "value");

pub(super) const TYPES: &[Type] = &[
    super::ty_of(
        "struct System.SByte : IComparable, IFormattable, IConvertible",
        &[SBYTE, integers::SBYTE],
    ),
    super::ty_of(
        "struct System.Byte : IComparable, IFormattable, IConvertible",
        &[BYTE, integers::BYTE],
    ),
    super::ty_of(
        "struct System.Int16 : IComparable, IFormattable, IConvertible",
        &[SHORT, integers::SHORT],
    ),
    super::ty_of(
        "struct System.UInt16 : IComparable, IFormattable, IConvertible",
        &[USHORT, integers::USHORT],
    ),
    super::ty_of(
        "struct System.Int32 : IComparable, IFormattable, IConvertible",
        &[INT, integers::INT],
    ),
    super::ty_of(
        "struct System.UInt32 : IComparable, IFormattable, IConvertible",
        &[UINT, integers::UINT],
    ),
    super::ty_of(
        "struct System.Int64 : IComparable, IFormattable, IConvertible",
        &[LONG, integers::LONG],
    ),
    super::ty_of(
        "struct System.UInt64 : IComparable, IFormattable, IConvertible",
        &[ULONG, integers::ULONG],
    ),
    super::ty_of(
        "struct System.Single : IComparable, IFormattable, IConvertible",
        &[FLOAT, floats::FLOAT],
    ),
    super::ty_of(
        "struct System.Double : IComparable, IFormattable, IConvertible",
        &[DOUBLE, floats::DOUBLE],
    ),
    super::ty_of(
        "struct System.Decimal : IComparable, IFormattable, IConvertible",
        &[DECIMAL, decimal::ROWS],
    ),
    super::ty_of("static System.Math", math::ROWS),
    ty(
        "interface System.IFormattable",
        &[m(
            "string ToString(string format, IFormatProvider formatProvider)",
            |_, a| text(a, Some(1), Some(2)),
        )],
    ),
    ty("interface System.IConvertible", &[]),
    super::ty_of(
        "class System.Globalization.NumberFormatInfo : IFormatProvider",
        format_info::ROWS,
    ),
];
