//! `System.Char`: one UTF-16 unit.
//!
//! What must stay true: every test of a unit has the form with a text and an index too, which reads a pair as one character.

use super::super::numbers::compared_object;
use super::super::{Row, m};
use crate::expr::eval::{Args, R, Throw, null_argument, throw};
use crate::value::text::unicode;
use crate::value::{Value, text};

/// `UnicodeCategory` of the tests below, by number.
const LETTER: std::ops::RangeInclusive<u8> = 0..=4;
const DIGIT: u8 = 8;
const NUMBER: std::ops::RangeInclusive<u8> = 8..=10;
const SEPARATOR: std::ops::RangeInclusive<u8> = 11..=13;
const CONTROL: u8 = 14;
const PUNCTUATION: std::ops::RangeInclusive<u8> = 18..=24;
const SYMBOL: std::ops::RangeInclusive<u8> = 25..=28;

/// `char.Parse`, `Convert.ToChar(string)`.
pub(in crate::expr::table) fn of_text(s: &str) -> R {
    let mut units = s.encode_utf16();
    match (units.next(), units.next()) {
        (Some(c), None) => Ok(Value::Char(c)),
        _ => Err(throw(
            "FormatException",
            "String must be exactly one character long.",
        )),
    }
}

/// The code of the argument.
fn code(a: &Args<'_>) -> u32 {
    a.int(0) as u32
}

/// The units of a text from an index on.
fn at(a: &Args<'_>) -> Result<(u16, Option<u16>), Throw> {
    let s = a.named(0, "s")?;
    let mut units = s.encode_utf16().skip(a.size(1, "index")?);
    match (units.next(), units.next()) {
        (Some(first), second) => Ok((first, second)),
        _ => Err(crate::expr::eval::out_of_range("index")),
    }
}

fn is_high(u: u16) -> bool {
    (0xd800..0xdc00).contains(&u)
}

fn is_low(u: u16) -> bool {
    (0xdc00..0xe000).contains(&u)
}

/// What `ConvertToUtf32` says of half a pair.
fn half_at(unit: u32, at: i64) -> Throw {
    let (which, lacks) = if unit < 0xdc00 {
        ("high", "following low")
    } else {
        ("low", "preceding high")
    };
    throw(
        "ArgumentException",
        format!(
            "Found a {which} surrogate char without a {lacks} surrogate at index: {at}. The input may not be in this encoding, or may not contain valid Unicode (UTF-16) characters. (Parameter 's')"
        ),
    )
}

fn joined(high: u16, low: u16) -> u32 {
    0x1_0000 + ((u32::from(high) - 0xd800) << 10) + (u32::from(low) - 0xdc00)
}

/// The code point at an index.
fn code_at(a: &Args<'_>) -> Result<u32, Throw> {
    Ok(match at(a)? {
        (high, Some(low)) if is_high(high) && is_low(low) => joined(high, low),
        (unit, _) => u32::from(unit),
    })
}

fn is_white(c: u32) -> bool {
    char::from_u32(c).is_some_and(unicode::is_white)
}

/// Value of a decimal digit, and of the fractions and powers of Latin-1.
fn numeric_value(c: u32) -> f64 {
    match c {
        0xb2 => 2.0,
        0xb3 => 3.0,
        0xb9 => 1.0,
        0xbc => 0.25,
        0xbd => 0.5,
        0xbe => 0.75,
        0x2070 | 0x2080 => 0.0,
        0x2074..=0x2079 => f64::from(c - 0x2070),
        0x2081..=0x2089 => f64::from(c - 0x2080),
        0x2160..=0x216b => f64::from(c - 0x215f),
        0x2170..=0x217b => f64::from(c - 0x216f),
        0x2460..=0x2473 => f64::from(c - 0x245f),
        _ => unicode::digit(c).map_or(-1.0, f64::from),
    }
}

fn cased(a: &Args<'_>, f: fn(char) -> char) -> R {
    let c = code(a);
    let mapped = char::from_u32(c)
        .map(f)
        .and_then(|c| u16::try_from(u32::from(c)).ok());
    Ok(Value::Char(mapped.unwrap_or(c as u16)))
}

fn category(c: u32) -> Value {
    Value::Enum(
        &super::super::enums::UNICODE_CATEGORY,
        i64::from(unicode::category(c)),
    )
}

fn text_of(a: &Args<'_>) -> R {
    Ok(Value::Str(a.values[0].to_text()))
}

fn compared(a: &Args<'_>) -> R {
    Ok(Value::Int((a.int(0) - a.int(1)) as i32))
}

fn bad_surrogate(name: &str) -> Throw {
    throw(
        "ArgumentOutOfRangeException",
        format!(
            "A valid {} surrogate character is between {}, inclusive. (Parameter '{name}')",
            if name == "highSurrogate" {
                "high"
            } else {
                "low"
            },
            if name == "highSurrogate" {
                "0xd800 and 0xdbff"
            } else {
                "0xdc00 and 0xdfff"
            }
        ),
    )
}

fn of_utf32(a: &Args<'_>) -> R {
    let c = u32::try_from(a.int(0)).ok().and_then(char::from_u32);
    c.map(|c| Value::from(c.to_string())).ok_or_else(|| {
        throw(
            "ArgumentOutOfRangeException",
            "A valid UTF32 value is between 0x000000 and 0x10ffff, inclusive, and should not include surrogate codepoint values (0x00d800 ~ 0x00dfff). (Parameter 'utf32')",
        )
    })
}

/// A test of a unit, and of a text at an index.
macro_rules! test {
    ($name:literal, $f:expr) => {
        [
            m(concat!("static bool ", $name, "(char c)"), |_, a| {
                Ok(Value::Bool($f(code(a))))
            }),
            m(
                concat!("static bool ", $name, "(string s, int index)"),
                |_, a| Ok(Value::Bool($f(code_at(a)?))),
            ),
        ]
    };
}

/// The same for halves of pairs, which do not join.
macro_rules! half {
    ($name:literal, $f:expr) => {
        [
            m(concat!("static bool ", $name, "(char c)"), |_, a| {
                Ok(Value::Bool($f(code(a) as u16)))
            }),
            m(
                concat!("static bool ", $name, "(string s, int index)"),
                |_, a| Ok(Value::Bool($f(at(a)?.0))),
            ),
        ]
    };
}

const GENERAL: &[Row] = &[
    m("const char MaxValue", |_, _| Ok(Value::Char(u16::MAX))),
    m("const char MinValue", |_, _| Ok(Value::Char(0))),
    m("static char Parse(string s)", |_, a| {
        of_text(a.named(0, "s")?)
    }),
    m("static bool TryParse(string s, out char result)", |_, a| {
        let read = a.text(0).ok().and_then(|s| of_text(s).ok());
        let ok = read.is_some();
        a.values[1] = read.unwrap_or(Value::Char(0));
        Ok(Value::Bool(ok))
    }),
    m("static bool IsAscii(char c)", |_, a| {
        Ok(Value::Bool(code(a) < 128))
    }),
    m(
        "static bool IsSurrogatePair(char highSurrogate, char lowSurrogate)",
        |_, a| {
            Ok(Value::Bool(
                is_high(a.int(0) as u16) && is_low(a.int(1) as u16),
            ))
        },
    ),
    m(
        "static bool IsSurrogatePair(string s, int index)",
        |_, a| {
            let (high, low) = at(a)?;
            Ok(Value::Bool(is_high(high) && low.is_some_and(is_low)))
        },
    ),
    m("static string ConvertFromUtf32(int utf32)", |_, a| {
        of_utf32(a)
    }),
    m(
        "static int ConvertToUtf32(char highSurrogate, char lowSurrogate)",
        |_, a| {
            let (high, low) = (a.int(0) as u16, a.int(1) as u16);
            if !is_high(high) {
                return Err(bad_surrogate("highSurrogate"));
            }
            if !is_low(low) {
                return Err(bad_surrogate("lowSurrogate"));
            }
            Ok(Value::Int(joined(high, low) as i32))
        },
    ),
    m("static int ConvertToUtf32(string s, int index)", |_, a| {
        let code = code_at(a)?;
        // Half of a pair is no character.
        match char::from_u32(code) {
            Some(_) => Ok(Value::Int(code as i32)),
            None => Err(half_at(code, a.int(1))),
        }
    }),
    m("static double GetNumericValue(char c)", |_, a| {
        Ok(Value::Double(numeric_value(code(a))))
    }),
    m(
        "static double GetNumericValue(string s, int index)",
        |_, a| Ok(Value::Double(numeric_value(code_at(a)?))),
    ),
    m(
        "static UnicodeCategory GetUnicodeCategory(char c)",
        |_, a| Ok(category(code(a))),
    ),
    m(
        "static UnicodeCategory GetUnicodeCategory(string s, int index)",
        |_, a| Ok(category(code_at(a)?)),
    ),
    m("static char ToUpper(char c)", |_, a| {
        cased(a, text::upper_char)
    }),
    m(
        "static char ToUpper(char c, CultureInfo culture)",
        |_, a| {
            if a.is_null(1) {
                return Err(null_argument("culture"));
            }
            cased(a, text::upper_char)
        },
    ),
    m("static char ToUpperInvariant(char c)", |_, a| {
        cased(a, text::upper_char)
    }),
    m("static char ToLower(char c)", |_, a| {
        cased(a, text::lower_char)
    }),
    m(
        "static char ToLower(char c, CultureInfo culture)",
        |_, a| {
            if a.is_null(1) {
                return Err(null_argument("culture"));
            }
            cased(a, text::lower_char)
        },
    ),
    m("static char ToLowerInvariant(char c)", |_, a| {
        cased(a, text::lower_char)
    }),
    m("static string ToString(char c)", |_, a| text_of(a)),
    m("string ToString()", |_, a| text_of(a)),
    m("string ToString(IFormatProvider provider)", |_, a| {
        text_of(a)
    }),
    m("int CompareTo(char value)", |_, a| compared(a)),
    m("int CompareTo(object value)", |_, a| {
        compared_object(a, compared)
    }),
    m("bool Equals(char obj)", |_, a| {
        Ok(Value::Bool(a.int(0) == a.int(1)))
    }),
    m("TypeCode GetTypeCode()", |_, a| {
        Ok(super::super::convert::type_code(&a.values[0]))
    }),
];

pub(super) const ROWS: &[&[Row]] = &[
    GENERAL,
    &test!("IsLetter", |c| LETTER.contains(&unicode::category(c))),
    &test!("IsDigit", |c| unicode::category(c) == DIGIT),
    &test!("IsNumber", |c| NUMBER.contains(&unicode::category(c))),
    &test!("IsLetterOrDigit", |c| {
        let n = unicode::category(c);
        LETTER.contains(&n) || n == DIGIT
    }),
    &test!("IsWhiteSpace", is_white),
    &test!("IsSeparator", |c| SEPARATOR.contains(&unicode::category(c))),
    &test!("IsControl", |c| unicode::category(c) == CONTROL),
    &test!("IsPunctuation", |c| PUNCTUATION
        .contains(&unicode::category(c))),
    &test!("IsSymbol", |c| SYMBOL.contains(&unicode::category(c))),
    &test!("IsUpper", |c| unicode::category(c) == 0),
    &test!("IsLower", |c| unicode::category(c) == 1),
    &half!("IsSurrogate", |u| is_high(u) || is_low(u)),
    &half!("IsHighSurrogate", is_high),
    &half!("IsLowSurrogate", is_low),
];
