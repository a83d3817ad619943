//! The built-in simple types of XML Schema (Part 2, section 3): their values and what .NET says of texts that are none.
//!
//! What must stay true: a text is read within .NET's bounds (decimals of 96 bits, years of four digits), so that the same
//! documents are refused.

use crate::value::xml::{Node, is_name};
use base64::Engine;
use rust_decimal::Decimal;
use std::cmp::Ordering;

/// Namespace of schemas.
pub(super) const XS: &str = "http://www.w3.org/2001/XMLSchema";

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Space {
    Preserve,
    Replace,
    Collapse,
}

impl Space {
    /// A text with its white space as the type wants it.
    pub(super) fn apply(self, text: &str) -> String {
        let blank = |c: char| matches!(c, ' ' | '\t' | '\n' | '\r');
        match self {
            Space::Preserve => text.to_owned(),
            Space::Replace => text.replace(['\t', '\n', '\r'], " "),
            Space::Collapse => {
                let words: Vec<&str> = text.split(blank).filter(|w| !w.is_empty()).collect();
                words.join(" ")
            }
        }
    }
}

/// A value, as far as values are compared.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Value {
    Text(String),
    Bool(bool),
    Number(Decimal),
    Float(f64),
    /// A moment or a length of time, in units of 100 ns.
    Time(i128),
    Bytes(Vec<u8>),
    /// `{namespace}local`.
    Name(String),
    List(Vec<Value>),
}

impl Value {
    pub(super) fn order(&self, other: &Value) -> Option<Ordering> {
        match (self, other) {
            (Value::Number(a), Value::Number(b)) => Some(a.cmp(b)),
            (Value::Float(a), Value::Float(b)) => a.partial_cmp(b),
            (Value::Time(a), Value::Time(b)) => Some(a.cmp(b)),
            _ => None,
        }
    }

    /// The same for equal values, of one kind.
    pub(super) fn canonical(&self) -> String {
        match self {
            Value::Number(n) => format!("n{}", n.normalize()),
            Value::Float(f) => format!("f{f}"),
            other => format!("{other:?}"),
        }
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    String,
    Boolean,
    Decimal,
    /// Whole numbers of any size within a range.
    Integer(Option<i64>, Option<i64>),
    /// Whole numbers of a .NET type, by its name.
    Whole(&'static str, i128, i128),
    Float(bool),
    Duration,
    DateTime,
    Time,
    Date,
    YearMonth,
    Year,
    MonthDay,
    Day,
    Month,
    Hex,
    Base64,
    Uri,
    QName,
    Language,
    Token,
    Name,
    NcName,
    Id,
    IdRef,
}

/// A built-in type that is no list.
#[derive(Debug)]
pub(super) struct Builtin {
    pub(super) name: &'static str,
    /// What .NET calls a type without a name that is made of it.
    pub(super) code: &'static str,
    pub(super) base: &'static str,
    pub(super) kind: Kind,
    pub(super) space: Space,
}

const fn of(
    name: &'static str,
    code: &'static str,
    base: &'static str,
    kind: Kind,
    space: Space,
) -> Builtin {
    Builtin {
        name,
        code,
        base,
        kind,
        space,
    }
}

use Space::{Collapse, Preserve, Replace};

/// All of them, each after its base.
pub(super) static ALL: [Builtin; 43] = [
    of("string", "String", "anySimpleType", Kind::String, Preserve),
    of(
        "boolean",
        "Boolean",
        "anySimpleType",
        Kind::Boolean,
        Collapse,
    ),
    of(
        "decimal",
        "Decimal",
        "anySimpleType",
        Kind::Decimal,
        Collapse,
    ),
    of(
        "float",
        "Float",
        "anySimpleType",
        Kind::Float(false),
        Collapse,
    ),
    of(
        "double",
        "Double",
        "anySimpleType",
        Kind::Float(true),
        Collapse,
    ),
    of(
        "duration",
        "Duration",
        "anySimpleType",
        Kind::Duration,
        Collapse,
    ),
    of(
        "dateTime",
        "DateTime",
        "anySimpleType",
        Kind::DateTime,
        Collapse,
    ),
    of("time", "Time", "anySimpleType", Kind::Time, Collapse),
    of("date", "Date", "anySimpleType", Kind::Date, Collapse),
    of(
        "gYearMonth",
        "GYearMonth",
        "anySimpleType",
        Kind::YearMonth,
        Collapse,
    ),
    of("gYear", "GYear", "anySimpleType", Kind::Year, Collapse),
    of(
        "gMonthDay",
        "GMonthDay",
        "anySimpleType",
        Kind::MonthDay,
        Collapse,
    ),
    of("gDay", "GDay", "anySimpleType", Kind::Day, Collapse),
    of("gMonth", "GMonth", "anySimpleType", Kind::Month, Collapse),
    of(
        "hexBinary",
        "HexBinary",
        "anySimpleType",
        Kind::Hex,
        Collapse,
    ),
    of(
        "base64Binary",
        "Base64Binary",
        "anySimpleType",
        Kind::Base64,
        Collapse,
    ),
    of("anyURI", "AnyUri", "anySimpleType", Kind::Uri, Collapse),
    of("QName", "QName", "anySimpleType", Kind::QName, Collapse),
    of(
        "NOTATION",
        "Notation",
        "anySimpleType",
        Kind::QName,
        Collapse,
    ),
    of(
        "normalizedString",
        "NormalizedString",
        "string",
        Kind::String,
        Replace,
    ),
    of("token", "Token", "normalizedString", Kind::String, Collapse),
    of("language", "Language", "token", Kind::Language, Collapse),
    of("NMTOKEN", "NmToken", "token", Kind::Token, Collapse),
    of("Name", "Name", "token", Kind::Name, Collapse),
    of("NCName", "NCName", "Name", Kind::NcName, Collapse),
    of("ID", "Id", "NCName", Kind::Id, Collapse),
    of("IDREF", "Idref", "NCName", Kind::IdRef, Collapse),
    of("ENTITY", "Entity", "NCName", Kind::NcName, Collapse),
    of(
        "integer",
        "Integer",
        "decimal",
        Kind::Integer(None, None),
        Collapse,
    ),
    of(
        "nonPositiveInteger",
        "NonPositiveInteger",
        "integer",
        Kind::Integer(None, Some(0)),
        Collapse,
    ),
    of(
        "negativeInteger",
        "NegativeInteger",
        "nonPositiveInteger",
        Kind::Integer(None, Some(-1)),
        Collapse,
    ),
    of(
        "long",
        "Long",
        "integer",
        Kind::Whole("Int64", i64::MIN as i128, i64::MAX as i128),
        Collapse,
    ),
    of(
        "int",
        "Int",
        "long",
        Kind::Whole("Int32", i32::MIN as i128, i32::MAX as i128),
        Collapse,
    ),
    of(
        "short",
        "Short",
        "int",
        Kind::Whole("Int16", i16::MIN as i128, i16::MAX as i128),
        Collapse,
    ),
    of(
        "byte",
        "Byte",
        "short",
        Kind::Whole("SByte", i8::MIN as i128, i8::MAX as i128),
        Collapse,
    ),
    of(
        "nonNegativeInteger",
        "NonNegativeInteger",
        "integer",
        Kind::Integer(Some(0), None),
        Collapse,
    ),
    of(
        "unsignedLong",
        "UnsignedLong",
        "nonNegativeInteger",
        Kind::Whole("UInt64", 0, u64::MAX as i128),
        Collapse,
    ),
    of(
        "unsignedInt",
        "UnsignedInt",
        "unsignedLong",
        Kind::Whole("UInt32", 0, u32::MAX as i128),
        Collapse,
    ),
    of(
        "unsignedShort",
        "UnsignedShort",
        "unsignedInt",
        Kind::Whole("UInt16", 0, u16::MAX as i128),
        Collapse,
    ),
    of(
        "unsignedByte",
        "UnsignedByte",
        "unsignedShort",
        Kind::Whole("Byte", 0, u8::MAX as i128),
        Collapse,
    ),
    of(
        "positiveInteger",
        "PositiveInteger",
        "nonNegativeInteger",
        Kind::Integer(Some(1), None),
        Collapse,
    ),
    of(
        "yearMonthDuration",
        "YearMonthDuration",
        "duration",
        Kind::Duration,
        Collapse,
    ),
    of(
        "dayTimeDuration",
        "DayTimeDuration",
        "duration",
        Kind::Duration,
        Collapse,
    ),
];

fn invalid(text: &str, what: &str) -> String {
    format!("The string '{text}' is not a valid {what} value.")
}

/// Why a text is no name.
fn name_fault(text: &str, colon: bool, begins: bool) -> Option<String> {
    if text.is_empty() {
        return Some(String::from("The empty string '' is not a valid name."));
    }
    for (i, c) in text.chars().enumerate() {
        let first = c == '_' || c.is_alphabetic() || (colon && c == ':');
        let follows = first || c.is_numeric() || matches!(c, '-' | '.' | '\u{b7}');
        if i == 0 && begins && !first && (follows || c != ':') {
            return Some(format!(
                "Name cannot begin with the '{c}' character, hexadecimal value 0x{:02X}.",
                u32::from(c)
            ));
        }
        if !follows {
            return Some(format!(
                "The '{c}' character, hexadecimal value 0x{:02X}, cannot be included in a name.",
                u32::from(c)
            ));
        }
    }
    None
}

/// Digits only, so many; their number.
fn digits(text: &str, count: usize) -> Option<i64> {
    (text.len() == count && text.bytes().all(|b| b.is_ascii_digit()))
        .then(|| text.parse().ok())
        .flatten()
}

fn days_of(year: i64, month: i64) -> i64 {
    match month {
        2 if year % 4 == 0 && (year % 100 != 0 || year % 400 == 0) => 29,
        2 => 28,
        4 | 6 | 9 | 11 => 30,
        _ => 31,
    }
}

/// Days since the first of year 0 (proleptic Gregorian calendar).
fn day_number(year: i64, month: i64, day: i64) -> i64 {
    let before = year - 1;
    let leap = before.div_euclid(4) - before.div_euclid(100) + before.div_euclid(400);
    let months: i64 = (1..month).map(|m| days_of(year, m)).sum();
    before * 365 + leap + months + day
}

const SECOND: i128 = 10_000_000;

/// A time zone at the end of a text, in minutes, and the text before it.
fn zone(text: &str) -> Option<(&str, i128)> {
    if let Some(rest) = text.strip_suffix('Z') {
        return Some((rest, 0));
    }
    let Some(at) = text
        .len()
        .checked_sub(6)
        .filter(|at| text.is_char_boundary(*at))
    else {
        return Some((text, 0));
    };
    let tail = &text[at..];
    let sign = match tail.as_bytes()[0] {
        b'+' => 1,
        b'-' => -1,
        _ => return Some((text, 0)),
    };
    let Some((hours, minutes)) = tail[1..].split_once(':') else {
        return Some((text, 0));
    };
    let (hours, minutes) = (digits(hours, 2)?, digits(minutes, 2)?);
    (hours <= 14 && minutes < 60 && (hours < 14 || minutes == 0))
        .then(|| (&text[..at], i128::from(sign * (hours * 60 + minutes))))
}

/// `hh:mm:ss` with a fraction, in units of 100 ns.
fn clock(text: &str) -> Option<i128> {
    let (whole, fraction) = match text.split_once('.') {
        Some((whole, fraction)) => {
            let fine = !fraction.is_empty() && fraction.bytes().all(|b| b.is_ascii_digit());
            (whole, fine.then_some(fraction)?)
        }
        None => (text, "0"),
    };
    let mut parts = whole.split(':');
    let (h, m, s) = (parts.next()?, parts.next()?, parts.next()?);
    let (h, m, s) = (digits(h, 2)?, digits(m, 2)?, digits(s, 2)?);
    if parts.next().is_some() || h > 23 || m > 59 || s > 59 {
        return None;
    }
    let mut units: i128 = 0;
    for i in 0..7 {
        let digit = fraction.as_bytes().get(i).map_or(0, |b| b - b'0');
        units = units * 10 + i128::from(digit);
    }
    Some(i128::from(h * 3600 + m * 60 + s) * SECOND + units)
}

/// A calendar date of year, month and day.
fn calendar(year: &str, month: &str, day: &str) -> Option<i128> {
    let (y, m, d) = (digits(year, 4)?, digits(month, 2)?, digits(day, 2)?);
    if y < 1 || !(1..=12).contains(&m) || d < 1 || d > days_of(y, m) {
        return None;
    }
    Some(i128::from(day_number(y, m, d)) * 86_400 * SECOND)
}

fn date(text: &str) -> Option<i128> {
    let mut parts = text.splitn(3, '-');
    calendar(parts.next()?, parts.next()?, parts.next()?)
}

fn moment(kind: Kind, text: &str) -> Option<i128> {
    let (text, minutes) = zone(text)?;
    let local = match kind {
        Kind::DateTime => {
            let (day, time) = text.split_once('T')?;
            date(day)? + clock(time)?
        }
        Kind::Date => date(text)?,
        Kind::Time => clock(text)?,
        Kind::YearMonth => {
            let (year, month) = text.split_once('-')?;
            calendar(year, month, "01")?
        }
        Kind::Year => calendar(text, "01", "01")?,
        Kind::MonthDay => {
            let (month, day) = text.strip_prefix("--")?.split_once('-')?;
            calendar("1904", month, day)?
        }
        Kind::Month => calendar("1904", text.strip_prefix("--")?, "01")?,
        Kind::Day => calendar("1904", "01", text.strip_prefix("---")?)?,
        _ => return None,
    };
    Some(local - minutes * 60 * SECOND)
}

/// A duration, with years of 365 and months of 30 days as in .NET.
fn duration(text: &str) -> Option<i128> {
    let (negative, rest) = match text.strip_prefix('-') {
        Some(rest) => (true, rest),
        None => (false, text),
    };
    let mut rest = rest.strip_prefix('P')?;
    let (mut total, mut any, mut time): (i128, bool, bool) = (0, false, false);
    let mut order = 0;
    while !rest.is_empty() {
        if let Some(after) = rest.strip_prefix('T') {
            if time || after.is_empty() {
                return None;
            }
            time = true;
            order = order.max(4);
            rest = after;
            continue;
        }
        let end = rest.find(|c: char| !c.is_ascii_digit() && c != '.')?;
        let (number, unit) = (&rest[..end], rest[end..].chars().next()?);
        let (place, seconds) = match (unit, time) {
            ('Y', false) => (1, 365 * 86_400),
            ('M', false) => (2, 30 * 86_400),
            ('D', false) => (3, 86_400),
            ('H', true) => (5, 3600),
            ('M', true) => (6, 60),
            ('S', true) => (7, 1),
            _ => return None,
        };
        if place <= order || (number.contains('.') && unit != 'S') {
            return None;
        }
        order = place;
        let (whole, fraction) = number.split_once('.').unwrap_or((number, "0"));
        let whole: i32 = whole.parse().ok()?;
        let mut units: i128 = 0;
        for i in 0..7 {
            let digit = fraction.as_bytes().get(i).map_or(b'0', |b| *b);
            units = units * 10 + i128::from(digit.checked_sub(b'0').filter(|d| *d < 10)?);
        }
        total += i128::from(whole) * seconds * SECOND + units;
        any = true;
        rest = &rest[end + unit.len_utf8()..];
    }
    any.then_some(if negative { -total } else { total })
}

impl Builtin {
    /// The value of a text whose white space was seen to; `at`: where prefixes are looked up. The error is .NET's.
    pub(super) fn value(&self, text: &str, at: Option<&Node>) -> Result<Value, String> {
        let fault = |what: &str| Err(invalid(text, what));
        match self.kind {
            Kind::String | Kind::Uri => Ok(Value::Text(text.to_owned())),
            Kind::Boolean => match text {
                "true" | "1" => Ok(Value::Bool(true)),
                "false" | "0" => Ok(Value::Bool(false)),
                _ => fault("Boolean"),
            },
            Kind::Decimal => match number(text, true) {
                Some(n) => Ok(Value::Number(n)),
                None => fault("Decimal"),
            },
            Kind::Integer(low, high) => {
                let Some(n) = number(text, false) else {
                    return fault("Integer");
                };
                let fits = low.is_none_or(|low| n >= Decimal::from(low))
                    && high.is_none_or(|high| n <= Decimal::from(high));
                if fits {
                    return Ok(Value::Number(n));
                }
                Err(format!(
                    "Value '{text}' was either too large or too small for {}.",
                    self.code
                ))
            }
            Kind::Whole(name, low, high) => {
                let n = number(text, false).filter(|n| {
                    *n >= Decimal::from_i128_with_scale(low, 0)
                        && *n <= Decimal::from_i128_with_scale(high, 0)
                });
                n.map_or_else(|| fault(name), |n| Ok(Value::Number(n)))
            }
            Kind::Float(double) => match float(text, double) {
                Some(f) => Ok(Value::Float(f)),
                None => fault(if double { "Double" } else { "Single" }),
            },
            Kind::Duration => {
                duration(text).map_or_else(|| fault("Duration"), |d| Ok(Value::Time(d)))
            }
            Kind::DateTime
            | Kind::Time
            | Kind::Date
            | Kind::YearMonth
            | Kind::Year
            | Kind::MonthDay
            | Kind::Day
            | Kind::Month => {
                moment(self.kind, text).map_or_else(|| fault(self.code), |d| Ok(Value::Time(d)))
            }
            Kind::Hex => {
                if !text.len().is_multiple_of(2) {
                    return Err(format!(
                        "'{text}' is not a valid BinHex text sequence. The sequence must contain an even number of characters."
                    ));
                }
                let nibble = |b: &u8| (*b as char).to_digit(16);
                let all: Option<Vec<u32>> = text.as_bytes().iter().map(nibble).collect();
                let Some(all) = all else {
                    return Err(format!("'{text}' is not a valid BinHex text sequence."));
                };
                let pairs = all
                    .chunks(2)
                    .map(|p| p.iter().fold(0, |n, d| n * 16 + *d) as u8);
                Ok(Value::Bytes(pairs.collect()))
            }
            Kind::Base64 => {
                let packed: String = text.split_ascii_whitespace().collect();
                base64::engine::general_purpose::STANDARD
                    .decode(packed)
                    .map(Value::Bytes)
                    .map_err(|_| String::from("The input is not a valid Base-64 string as it contains a non-base 64 character, more than two padding characters, or an illegal character among the padding characters."))
            }
            Kind::QName => {
                let (prefix, local) = text.split_once(':').unwrap_or(("", text));
                if text.contains(':') && (prefix.is_empty() || !is_name(local)) {
                    return Err(String::from(
                        "The ':' character, hexadecimal value 0x3A, cannot be included in a name.",
                    ));
                }
                if let Some(why) = name_fault(local, false, true) {
                    return Err(why);
                }
                let namespace = match at.and_then(|at| at.namespace_of(prefix)) {
                    Some(namespace) => namespace,
                    None if prefix.is_empty() => "".into(),
                    None if prefix == "xml" => crate::value::xml::XML.into(),
                    None => return Err(format!("'{prefix}' is an undeclared prefix.")),
                };
                Ok(Value::Name(format!("{{{namespace}}}{local}")))
            }
            Kind::Language => {
                let part = |(i, p): (usize, &str)| {
                    (1..=8).contains(&p.len())
                        && p.bytes()
                            .all(|b| b.is_ascii_alphabetic() || (i > 0 && b.is_ascii_digit()))
                };
                if text.split('-').enumerate().all(part) {
                    return Ok(Value::Text(text.to_owned()));
                }
                // .NET does not say which.
                Err(String::from("'' is an invalid language identifier."))
            }
            Kind::Token => named(text, true, false),
            Kind::Name => named(text, true, true),
            Kind::NcName | Kind::Id | Kind::IdRef => named(text, false, true),
        }
    }
}

fn named(text: &str, colon: bool, begins: bool) -> Result<Value, String> {
    match name_fault(text, colon, begins) {
        Some(why) => Err(why),
        None => Ok(Value::Text(text.to_owned())),
    }
}

/// A decimal number, or a whole one.
fn number(text: &str, point: bool) -> Option<Decimal> {
    let digits = text.strip_prefix(['+', '-']).unwrap_or(text);
    let fits = digits.bytes().any(|b| b.is_ascii_digit())
        && digits
            .bytes()
            .all(|b| b.is_ascii_digit() || (point && b == b'.'))
        && digits.matches('.').count() <= 1;
    if !fits {
        return None;
    }
    let text = text.strip_prefix('+').unwrap_or(text);
    // `.5` and `3.`
    let text = text.strip_suffix('.').unwrap_or(text);
    text.parse().ok()
}

fn float(text: &str, double: bool) -> Option<f64> {
    match text {
        "INF" => return Some(f64::INFINITY),
        "-INF" => return Some(f64::NEG_INFINITY),
        "NaN" => return Some(f64::NAN),
        _ => {}
    }
    let fits = text.bytes().any(|b| b.is_ascii_digit())
        && text
            .bytes()
            .all(|b| b.is_ascii_digit() || matches!(b, b'.' | b'e' | b'E' | b'+' | b'-'));
    if !fits {
        return None;
    }
    let value: f64 = text.parse().ok()?;
    let narrow = if double {
        value
    } else {
        f64::from(value as f32)
    };
    narrow.is_finite().then_some(narrow)
}
