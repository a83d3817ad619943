//! `Parse`, `ParseExact` and their `Try` forms of `DateTime` and `DateTimeOffset`.

use super::super::{Row, m};
use super::{bad_argument, null_argument, today};
use crate::expr::eval::{Args, Cx, R, Throw, throw};
use crate::value::time::exact;
use crate::value::time::read::{self, BadDate, Read, styles};
use crate::value::{DateTime, DateTimeOffset, Kind, Str, Value};

/// Which of the two types is read.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Of {
    Date,
    Offset,
}

impl Of {
    /// Name of the parameter that holds the text.
    fn text_name(self) -> &'static str {
        match self {
            Of::Date => "s",
            Of::Offset => "input",
        }
    }

    fn default(self) -> Value {
        match self {
            Of::Date => Value::DateTime(DateTime {
                ticks: 0,
                kind: Kind::Unspecified,
            }),
            Of::Offset => Value::DateTimeOffset(DateTimeOffset {
                ticks: 0,
                offset_minutes: 0,
            }),
        }
    }

    fn value(self, read: &Read, today: i64, style: i64) -> Result<Value, BadDate> {
        match self {
            Of::Date => read.date(today, style).map(Value::DateTime),
            Of::Offset => read.offset(today, style).map(Value::DateTimeOffset),
        }
    }

    /// Checks the styles as .NET does; those that an offset does not heed are left out.
    fn style(self, style: i64) -> Result<i64, Throw> {
        let has = |s: i64| style & s != 0;
        let wrong = if style & !0xFF != 0 {
            "An undefined DateTimeStyles value is being used."
        } else if has(styles::ASSUME_LOCAL) && has(styles::ASSUME_UNIVERSAL) {
            "The DateTimeStyles values AssumeLocal and AssumeUniversal cannot be used together."
        } else if self == Of::Offset && has(styles::NO_CURRENT_DATE) {
            "The DateTimeStyles value 'NoCurrentDateDefault' is not allowed when parsing DateTimeOffset."
        } else if self == Of::Date
            && has(styles::ROUNDTRIP_KIND)
            && has(styles::ASSUME_LOCAL | styles::ASSUME_UNIVERSAL | styles::ADJUST_TO_UNIVERSAL)
        {
            "The DateTimeStyles value RoundtripKind cannot be used with the values AssumeLocal, AssumeUniversal or AdjustToUniversal."
        } else {
            return Ok(match self {
                Of::Date => style,
                Of::Offset => style & !styles::ROUNDTRIP_KIND,
            });
        };
        let name = if self == Of::Date { "style" } else { "styles" };
        Err(bad_argument(wrong, name))
    }
}

/// A text that `DateTime.Parse` does not take.
pub(in super::super) fn not_a_date(s: &str) -> Throw {
    fault(BadDate::Text, s)
}

fn fault(bad: BadDate, s: &str) -> Throw {
    let message = match bad {
        BadDate::Text => format!("String '{s}' was not recognized as a valid DateTime."),
        BadDate::Word(at) => format!(
            "The string '{s}' was not recognized as a valid DateTime. There is an unknown word starting at index '{at}'."
        ),
        BadDate::Weekday => format!(
            "String '{s}' was not recognized as a valid DateTime because the day of week was incorrect."
        ),
        BadDate::Calendar => format!(
            "The DateTime represented by the string '{s}' is not supported in calendar 'System.Globalization.GregorianCalendar'."
        ),
        BadDate::Offset => {
            format!("The time zone offset of string '{s}' must be within plus or minus 14 hours.")
        }
        BadDate::Range => {
            format!("The DateTime represented by the string '{s}' is out of range.")
        }
        BadDate::Format | BadDate::Standard => {
            String::from("Input string was not in a correct format.")
        }
    };
    throw("FormatException", message)
}

type Found = Result<Result<Value, BadDate>, Throw>;

/// Reads argument 0 freely, with the styles of an argument.
fn free(cx: &mut Cx<'_>, a: &Args<'_>, of: Of, style: Option<usize>) -> Found {
    let style = of.style(style.map_or(0, |i| a.int(i)))?;
    let s = a.text(0).map_err(|_| null_argument(of.text_name()))?;
    cx.step(s.len() / 8)?;
    let today = today(cx);
    Ok(read::parse(s).and_then(|r| of.value(&r, today, style)))
}

/// The formats of argument 1: one, or an array of them.
fn formats(cx: &mut Cx<'_>, a: &Args<'_>) -> Result<Vec<Option<Str>>, Throw> {
    match &a.values[1] {
        Value::Str(s) => Ok(vec![Some(s.clone())]),
        Value::Null => Err(null_argument("format")),
        many => Ok(crate::expr::eval::iterate(cx, many)?
            .into_iter()
            .map(|v| match v {
                Value::Str(s) => Some(s),
                _ => None,
            })
            .collect()),
    }
}

/// Reads argument 0 by the formats of argument 1.
fn by_format(cx: &mut Cx<'_>, a: &Args<'_>, of: Of, style: Option<usize>) -> Found {
    let style = of.style(style.map_or(0, |i| a.int(i)))?;
    let s = a.text(0).map_err(|_| null_argument(of.text_name()))?;
    let all = formats(cx, a)?;
    let today = today(cx);
    let many = all.len() > 1;
    let mut last = BadDate::Format;
    for format in all {
        // An empty format among many ends the search.
        let Some(format) = format.filter(|f| !f.is_empty()) else {
            return Ok(Err(BadDate::Format));
        };
        cx.step(8 + (s.len() + format.len()) / 8)?;
        let read = exact::parse(s, &format, style, of == Of::Offset)
            .and_then(|r| of.value(&r, today, style));
        match read {
            Ok(v) => return Ok(Ok(v)),
            Err(BadDate::Standard) => return Ok(Err(BadDate::Standard)),
            Err(e) => last = if many { BadDate::Text } else { e },
        }
    }
    Ok(Err(last))
}

/// The value, or .NET's exception.
fn value(a: &Args<'_>, found: Found) -> R {
    found?.map_err(|bad| fault(bad, a.text(0).unwrap_or("")))
}

/// Sets the `out` argument at the end and says whether there is a value; null texts are only no date.
fn tried(a: &mut Args<'_>, of: Of, found: Found) -> R {
    let v = match found {
        Err(Throw::Exception(e)) if e.class == "ArgumentNullException" => None,
        // .NET throws here even when only trying.
        Ok(Err(BadDate::Standard)) => {
            return Err(fault(BadDate::Standard, a.text(0).unwrap_or("")));
        }
        found => found?.ok(),
    };
    let ok = v.is_some();
    if let Some(out) = a.values.last_mut() {
        *out = v.unwrap_or_else(|| of.default());
    }
    Ok(Value::Bool(ok))
}

macro_rules! rows {
    ($of:expr, $ty:literal, $s:literal, $provider:literal, $styles:literal, $style:literal) => {
        &[
            m(
                concat!("static ", $ty, " Parse(string ", $s, ")"),
                |cx, a| {
                    let v = free(cx, a, $of, None);
                    value(a, v)
                },
            ),
            m(
                concat!(
                    "static ",
                    $ty,
                    " Parse(string ",
                    $s,
                    ", IFormatProvider ",
                    $provider,
                    ")"
                ),
                |cx, a| {
                    let v = free(cx, a, $of, None);
                    value(a, v)
                },
            ),
            m(
                concat!(
                    "static ",
                    $ty,
                    " Parse(string ",
                    $s,
                    ", IFormatProvider ",
                    $provider,
                    ", DateTimeStyles ",
                    $styles,
                    ")"
                ),
                |cx, a| {
                    let v = free(cx, a, $of, Some(2));
                    value(a, v)
                },
            ),
            m(
                concat!(
                    "static bool TryParse(string ",
                    $s,
                    ", out ",
                    $ty,
                    " result)"
                ),
                |cx, a| {
                    let v = free(cx, a, $of, None);
                    tried(a, $of, v)
                },
            ),
            m(
                concat!(
                    "static bool TryParse(string ",
                    $s,
                    ", IFormatProvider ",
                    $provider,
                    ", out ",
                    $ty,
                    " result)"
                ),
                |cx, a| {
                    let v = free(cx, a, $of, None);
                    tried(a, $of, v)
                },
            ),
            m(
                concat!(
                    "static bool TryParse(string ",
                    $s,
                    ", IFormatProvider ",
                    $provider,
                    ", DateTimeStyles ",
                    $styles,
                    ", out ",
                    $ty,
                    " result)"
                ),
                |cx, a| {
                    let v = free(cx, a, $of, Some(2));
                    tried(a, $of, v)
                },
            ),
            m(
                concat!(
                    "static ",
                    $ty,
                    " ParseExact(string ",
                    $s,
                    ", string format, IFormatProvider ",
                    $provider,
                    ")"
                ),
                |cx, a| {
                    let v = by_format(cx, a, $of, None);
                    value(a, v)
                },
            ),
            m(
                concat!(
                    "static ",
                    $ty,
                    " ParseExact(string ",
                    $s,
                    ", string format, IFormatProvider ",
                    $provider,
                    ", DateTimeStyles ",
                    $style,
                    ")"
                ),
                |cx, a| {
                    let v = by_format(cx, a, $of, Some(3));
                    value(a, v)
                },
            ),
            m(
                concat!(
                    "static ",
                    $ty,
                    " ParseExact(string ",
                    $s,
                    ", string[] formats, IFormatProvider ",
                    $provider,
                    ", DateTimeStyles ",
                    $style,
                    ")"
                ),
                |cx, a| {
                    let v = by_format(cx, a, $of, Some(3));
                    value(a, v)
                },
            ),
            m(
                concat!(
                    "static bool TryParseExact(string ",
                    $s,
                    ", string format, IFormatProvider ",
                    $provider,
                    ", DateTimeStyles ",
                    $style,
                    ", out ",
                    $ty,
                    " result)"
                ),
                |cx, a| {
                    let v = by_format(cx, a, $of, Some(3));
                    tried(a, $of, v)
                },
            ),
            m(
                concat!(
                    "static bool TryParseExact(string ",
                    $s,
                    ", string[] formats, IFormatProvider ",
                    $provider,
                    ", DateTimeStyles ",
                    $style,
                    ", out ",
                    $ty,
                    " result)"
                ),
                |cx, a| {
                    let v = by_format(cx, a, $of, Some(3));
                    tried(a, $of, v)
                },
            ),
        ]
    };
}

pub(super) const DATE: &[Row] = rows!(Of::Date, "DateTime", "s", "provider", "styles", "style");
pub(super) const OFFSET: &[Row] = rows!(
    Of::Offset,
    "DateTimeOffset",
    "input",
    "formatProvider",
    "styles",
    "styles"
);
