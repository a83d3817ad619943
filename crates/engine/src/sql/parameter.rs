//! Parameters of a statement: a type of T-SQL, and a value that has it.
//!
//! Source: .NET's `SqlDbType` and how `SqlParameter` infers a type; "Data types (Transact-SQL)". `sql-data-source` makes them,
//! `proxy` sends them as parameters of `sp_executesql`. What must stay true: a value that does not fit its type is refused here,
//! and no message repeats it.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use jiff::Timestamp;
use jiff::civil;
use serde_json::Value as Json;
use tollgate_lang::value::{Str, Value};

/// Most characters of `nvarchar(n)`; most bytes of the others are twice that.
const MOST_UNITS: usize = 4000;

/// Digits of a `decimal`.
const MOST_DIGITS: usize = 38;

/// 100 ns units of a day.
const TICKS_OF_DAY: i64 = 864_000_000_000;

/// A parameter as it is sent.
#[derive(Clone, Debug, PartialEq)]
pub struct Parameter {
    /// Its name, with `@`.
    pub name: Str,
    /// Its type as `sp_executesql` declares it: `nvarchar(4000)`.
    pub declaration: String,
    /// Its value.
    pub value: SqlValue,
}

/// A value on its way to the server.
#[derive(Clone, Debug, PartialEq)]
#[allow(missing_docs, reason = "the types of T-SQL")]
pub enum SqlValue {
    Bit(bool),
    TinyInt(u8),
    SmallInt(i16),
    Int(i32),
    BigInt(i64),
    Real(f32),
    Float(f64),
    /// `unscaled` without its point, which stands `scale` digits from the right.
    Decimal {
        unscaled: i128,
        scale: u8,
    },
    /// Any text; `None` is null.
    Text(Option<String>),
    /// Bytes; `None` is null.
    Binary(Option<Bytes>),
    /// In the order of its text.
    Guid([u8; 16]),
    /// Days since 0001-01-01.
    Date(u32),
    /// 100 ns units since midnight.
    Time(u64),
    /// Days since 0001-01-01, and 100 ns units since midnight.
    DateTime2(u32, u64),
    /// The same in UTC, and how many minutes its clock is ahead.
    DateTimeOffset(u32, u64, i16),
}

/// A type that `sql-type` names.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SqlType {
    kind: Kind,
    /// Its name in T-SQL.
    name: &'static str,
    /// `(10,2)`, where the document says so.
    size: Option<Size>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Size {
    Max,
    One(u16),
    Two(u16, u16),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    Bit,
    TinyInt,
    SmallInt,
    Int,
    BigInt,
    Real,
    Float,
    Decimal,
    Money,
    /// As long as its text when no length is given.
    FixedText,
    Text,
    /// Text whose type has no length.
    PlainText,
    FixedBinary,
    Binary,
    /// Bytes whose type has no length.
    PlainBinary,
    Guid,
    Date,
    Time,
    DateTime,
    DateTimeOffset,
    Variant,
}

/// Names in lower case, what they are, and what they are called in a declaration. `SqlDbType` and T-SQL differ in some.
const TYPES: &[(&str, Kind, &str)] = &[
    ("bigint", Kind::BigInt, "bigint"),
    ("binary", Kind::FixedBinary, "binary"),
    ("bit", Kind::Bit, "bit"),
    ("char", Kind::FixedText, "char"),
    ("date", Kind::Date, "date"),
    ("datetime", Kind::DateTime, "datetime"),
    ("datetime2", Kind::DateTime, "datetime2"),
    ("datetimeoffset", Kind::DateTimeOffset, "datetimeoffset"),
    ("decimal", Kind::Decimal, "decimal"),
    ("float", Kind::Float, "float"),
    ("image", Kind::PlainBinary, "image"),
    ("int", Kind::Int, "int"),
    ("integer", Kind::Int, "int"),
    ("json", Kind::Text, "nvarchar"),
    ("money", Kind::Money, "money"),
    ("nchar", Kind::FixedText, "nchar"),
    ("ntext", Kind::PlainText, "ntext"),
    ("numeric", Kind::Decimal, "numeric"),
    ("nvarchar", Kind::Text, "nvarchar"),
    ("real", Kind::Real, "real"),
    ("rowversion", Kind::PlainBinary, "binary(8)"),
    ("smalldatetime", Kind::DateTime, "smalldatetime"),
    ("smallint", Kind::SmallInt, "smallint"),
    ("smallmoney", Kind::Money, "smallmoney"),
    ("sql_variant", Kind::Variant, "sql_variant"),
    ("sysname", Kind::PlainText, "sysname"),
    ("text", Kind::PlainText, "text"),
    ("time", Kind::Time, "time"),
    ("timestamp", Kind::PlainBinary, "binary(8)"),
    ("tinyint", Kind::TinyInt, "tinyint"),
    ("uniqueidentifier", Kind::Guid, "uniqueidentifier"),
    ("varbinary", Kind::Binary, "varbinary"),
    ("varchar", Kind::Text, "varchar"),
    ("variant", Kind::Variant, "sql_variant"),
    ("xml", Kind::PlainText, "xml"),
];

impl SqlType {
    /// Reads a name of `SqlDbType` or of T-SQL, in any case, with its size where it has one: `decimal(10, 2)`. The error says
    /// what is wrong with it.
    pub fn parse(text: &str) -> Result<SqlType, String> {
        let text = text.trim().to_ascii_lowercase();
        let (name, size) = match text.split_once('(') {
            Some((name, size)) => (name.trim(), Some(size)),
            None => (text.as_str(), None),
        };
        if matches!(name, "structured" | "udt" | "vector" | "table" | "cursor") {
            return Err(format!("a value of type `{name}` cannot be given"));
        }
        let known = TYPES.iter().find(|(known, ..)| *known == name);
        let Some((_, kind, name)) = known else {
            return Err(String::from("it is no type of T-SQL"));
        };
        let size = match size {
            None => None,
            Some(size) => {
                let inner = size.strip_suffix(')').map(str::trim);
                Some(read_size(*kind, name, inner.unwrap_or(""))?)
            }
        };
        Ok(SqlType {
            kind: *kind,
            name,
            size,
        })
    }

    /// Names that can be given.
    pub fn names() -> impl Iterator<Item = &'static str> {
        TYPES.iter().map(|(name, ..)| *name)
    }

    /// A value as this type, with the declaration that it has. The error says what the value is not.
    pub fn value(&self, value: &Value) -> Result<(String, SqlValue), String> {
        let given = Given::of(value);
        let made = self.convert(&given)?;
        Ok((self.declaration(&made), made))
    }

    fn convert(&self, given: &Given) -> Result<SqlValue, String> {
        let wrong = || format!("the value is no `{}`", self.name);
        if matches!(given, Given::Null) {
            let bytes = matches!(
                self.kind,
                Kind::Binary | Kind::FixedBinary | Kind::PlainBinary
            );
            return Ok(match bytes {
                true => SqlValue::Binary(None),
                false => SqlValue::Text(None),
            });
        }
        let made = match self.kind {
            Kind::Bit => given.bit().map(SqlValue::Bit),
            Kind::TinyInt => given.integer().map(SqlValue::TinyInt),
            Kind::SmallInt => given.integer().map(SqlValue::SmallInt),
            Kind::Int => given.integer().map(SqlValue::Int),
            Kind::BigInt => given.integer().map(SqlValue::BigInt),
            Kind::Real => given
                .text()
                .trim()
                .parse()
                .ok()
                .filter(|n: &f32| n.is_finite())
                .map(SqlValue::Real),
            Kind::Float => given
                .text()
                .trim()
                .parse()
                .ok()
                .filter(|n: &f64| n.is_finite())
                .map(SqlValue::Float),
            Kind::Decimal | Kind::Money => decimal(&given.text())
                .map(|(unscaled, scale)| SqlValue::Decimal { unscaled, scale }),
            Kind::FixedText | Kind::Text | Kind::PlainText => {
                Some(SqlValue::Text(Some(given.text())))
            }
            Kind::Binary | Kind::FixedBinary | Kind::PlainBinary => {
                given.bytes().map(|b| SqlValue::Binary(Some(b)))
            }
            Kind::Guid => match given {
                Given::Guid(guid) => Some(SqlValue::Guid(*guid)),
                given => uuid::Uuid::parse_str(given.text().trim())
                    .ok()
                    .map(|u| SqlValue::Guid(*u.as_bytes())),
            },
            Kind::Date => given.moment().map(|m| SqlValue::Date(m.clock().0)),
            Kind::DateTime => given.moment().map(|m| {
                let (days, ticks) = m.clock();
                SqlValue::DateTime2(days, ticks)
            }),
            Kind::DateTimeOffset => given.moment().and_then(|m| {
                let minutes = m.offset.unwrap_or(0);
                let (days, ticks) = parts(m.ticks - i64::from(minutes) * 600_000_000)?;
                Some(SqlValue::DateTimeOffset(days, ticks, minutes))
            }),
            Kind::Time => given.time().map(SqlValue::Time),
            Kind::Variant => Some(given.inferred().1),
        };
        made.ok_or_else(wrong)
    }

    fn declaration(&self, value: &SqlValue) -> String {
        let name = self.name;
        match (self.size, self.kind) {
            (Some(Size::Max), _) => format!("{name}(max)"),
            (Some(Size::One(n)), _) => format!("{name}({n})"),
            (Some(Size::Two(n, m)), _) => format!("{name}({n},{m})"),
            (None, Kind::Decimal) => match value {
                SqlValue::Decimal { scale, .. } => format!("{name}({MOST_DIGITS},{scale})"),
                _ => format!("{name}({MOST_DIGITS},0)"),
            },
            (None, Kind::Text | Kind::FixedText) => {
                let wide = name.starts_with('n');
                let most = if wide { MOST_UNITS } else { 2 * MOST_UNITS };
                let length = match value {
                    SqlValue::Text(Some(text)) => text.encode_utf16().count(),
                    _ => 0,
                };
                match self.kind {
                    _ if length > most => {
                        format!("{}(max)", if wide { "nvarchar" } else { "varchar" })
                    }
                    Kind::FixedText => format!("{name}({})", length.max(1)),
                    _ => format!("{name}({most})"),
                }
            }
            (None, Kind::Binary | Kind::FixedBinary) => {
                let length = match value {
                    SqlValue::Binary(Some(bytes)) => bytes.len(),
                    _ => 0,
                };
                match self.kind {
                    _ if length > 2 * MOST_UNITS => String::from("varbinary(max)"),
                    Kind::FixedBinary => format!("{name}({})", length.max(1)),
                    _ => format!("{name}({})", 2 * MOST_UNITS),
                }
            }
            (None, _) => String::from(name),
        }
    }
}

/// The type that .NET infers of a value, and the value.
pub fn inferred(value: &Value) -> (String, SqlValue) {
    let (name, value) = Given::of(value).inferred();
    let ty = SqlType::parse(name).expect("the table has every type that is inferred");
    (ty.declaration(&value), value)
}

fn read_size(kind: Kind, name: &str, text: &str) -> Result<Size, String> {
    let wrong = |expected: &str| format!("the size of `{name}` must be {expected}");
    let number = |text: &str| text.trim().parse::<u16>().ok();
    let one = |least: u16, most: u16, expected: &str| match number(text) {
        Some(n) if (least..=most).contains(&n) => Ok(Size::One(n)),
        _ => Err(wrong(expected)),
    };
    match kind {
        Kind::Text if text == "max" => Ok(Size::Max),
        Kind::Binary if text == "max" => Ok(Size::Max),
        Kind::Text | Kind::FixedText if name.starts_with('n') => one(1, 4000, "1 to 4000, or max"),
        Kind::Text | Kind::FixedText | Kind::Binary | Kind::FixedBinary => {
            one(1, 8000, "1 to 8000, or max")
        }
        Kind::Time | Kind::DateTimeOffset => one(0, 7, "0 to 7"),
        Kind::DateTime if name == "datetime2" => one(0, 7, "0 to 7"),
        Kind::Float => one(1, 53, "1 to 53"),
        Kind::Decimal => {
            let expected = "a precision of 1 to 38 and a scale up to it";
            let (precision, scale) = match text.split_once(',') {
                Some((precision, scale)) => (number(precision), number(scale)),
                None => (number(text), Some(0)),
            };
            match (precision, scale) {
                (Some(p), Some(s)) if (1..=38).contains(&p) && s <= p => Ok(Size::Two(p, s)),
                _ => Err(wrong(expected)),
            }
        }
        _ => Err(format!("`{name}` has no size")),
    }
}

/// A value of an expression, as far as parameters tell apart.
#[derive(Debug)]
enum Given {
    Null,
    Bool(bool),
    Integer(i128),
    /// `System.Double`, as its text.
    Float(String),
    /// `System.Decimal`, as its text.
    Decimal(String),
    Text(String),
    Bytes(Bytes),
    Guid([u8; 16]),
    Moment(Moment),
    /// 100 ns units.
    Span(i64),
}

/// A date with its time, on its own clock.
#[derive(Clone, Copy, Debug)]
struct Moment {
    /// 100 ns units since 0001-01-01.
    ticks: i64,
    /// How many minutes the clock is ahead of UTC, when that is known.
    offset: Option<i16>,
}

impl Moment {
    fn clock(self) -> (u32, u64) {
        parts(self.ticks).unwrap_or_default()
    }
}

/// Days and what is left of them. `None` before the year 1.
fn parts(ticks: i64) -> Option<(u32, u64)> {
    let days = u32::try_from(ticks.div_euclid(TICKS_OF_DAY)).ok()?;
    Some((days, ticks.rem_euclid(TICKS_OF_DAY).unsigned_abs()))
}

impl Given {
    fn of(value: &Value) -> Given {
        let integer = |n: i128| Given::Integer(n);
        match value {
            Value::Null => Given::Null,
            Value::Bool(b) => Given::Bool(*b),
            Value::SByte(n) => integer((*n).into()),
            Value::Byte(n) => integer((*n).into()),
            Value::Short(n) => integer((*n).into()),
            Value::UShort(n) => integer((*n).into()),
            Value::Int(n) => integer((*n).into()),
            Value::UInt(n) => integer((*n).into()),
            Value::Long(n) => integer((*n).into()),
            Value::ULong(n) => integer((*n).into()),
            Value::Enum(_, n) => integer((*n).into()),
            Value::Float(_) | Value::Double(_) => Given::Float(value.to_text().to_string()),
            Value::Decimal(_) => Given::Decimal(value.to_text().to_string()),
            Value::Bytes(bytes) => Given::Bytes(bytes.clone()),
            Value::Guid(guid) => Given::Guid(*guid),
            Value::DateTime(moment) => Given::Moment(Moment {
                ticks: moment.ticks,
                offset: None,
            }),
            Value::DateTimeOffset(moment) => Given::Moment(Moment {
                ticks: moment.ticks,
                offset: Some(moment.offset_minutes),
            }),
            Value::TimeSpan(ticks) => Given::Span(*ticks),
            Value::Token(token) => match serde_json::from_str(&token.to_json()) {
                Ok(Json::Null) => Given::Null,
                Ok(Json::Bool(b)) => Given::Bool(b),
                Ok(Json::String(text)) => Given::Text(text),
                Ok(Json::Number(n)) => match n.as_i64() {
                    Some(n) => integer(n.into()),
                    None => Given::Float(n.to_string()),
                },
                _ => Given::Text(token.to_json()),
            },
            other => Given::Text(other.to_text().to_string()),
        }
    }

    /// The name of the type that .NET would send, and the value as that.
    fn inferred(&self) -> (&'static str, SqlValue) {
        let text = |text: &str| ("nvarchar", SqlValue::Text(Some(text.to_owned())));
        match self {
            Given::Null => ("nvarchar", SqlValue::Text(None)),
            Given::Bool(b) => ("bit", SqlValue::Bit(*b)),
            Given::Integer(n) => match (i32::try_from(*n), i64::try_from(*n)) {
                (Ok(n), _) => ("int", SqlValue::Int(n)),
                (_, Ok(n)) => ("bigint", SqlValue::BigInt(n)),
                _ => (
                    "decimal",
                    SqlValue::Decimal {
                        unscaled: *n,
                        scale: 0,
                    },
                ),
            },
            Given::Float(n) => match n.parse::<f64>() {
                Ok(n) if n.is_finite() => ("float", SqlValue::Float(n)),
                _ => text(n),
            },
            Given::Decimal(n) => match decimal(n) {
                Some((unscaled, scale)) => ("decimal", SqlValue::Decimal { unscaled, scale }),
                None => text(n),
            },
            Given::Text(t) => text(t),
            Given::Bytes(bytes) => ("varbinary", SqlValue::Binary(Some(bytes.clone()))),
            Given::Guid(guid) => ("uniqueidentifier", SqlValue::Guid(*guid)),
            Given::Moment(moment) => {
                let (days, ticks) = moment.clock();
                let minutes = moment.offset.unwrap_or(0);
                let utc = moment.ticks - i64::from(minutes) * 600_000_000;
                match (moment.offset, parts(utc)) {
                    (Some(minutes), Some((days, ticks))) => (
                        "datetimeoffset",
                        SqlValue::DateTimeOffset(days, ticks, minutes),
                    ),
                    // .NET infers `datetime`, which begins in 1753.
                    _ => ("datetime2", SqlValue::DateTime2(days, ticks)),
                }
            }
            Given::Span(ticks) if (0..TICKS_OF_DAY).contains(ticks) => {
                ("time", SqlValue::Time(ticks.unsigned_abs()))
            }
            Given::Span(_) => text(&self.text()),
        }
    }

    fn text(&self) -> String {
        match self {
            Given::Null => String::new(),
            Given::Bool(true) => String::from("true"),
            Given::Bool(false) => String::from("false"),
            Given::Integer(n) => n.to_string(),
            Given::Float(n) | Given::Decimal(n) | Given::Text(n) => n.clone(),
            Given::Bytes(bytes) => STANDARD.encode(bytes),
            Given::Guid(guid) => uuid::Uuid::from_bytes(*guid).to_string(),
            Given::Moment(moment) => iso(*moment),
            Given::Span(ticks) => Value::TimeSpan(*ticks).to_text().to_string(),
        }
    }

    fn bit(&self) -> Option<bool> {
        match self {
            Given::Bool(b) => Some(*b),
            Given::Integer(n) => Some(*n != 0),
            given => match given.text().trim().to_ascii_lowercase().as_str() {
                "true" | "1" => Some(true),
                "false" | "0" => Some(false),
                _ => None,
            },
        }
    }

    fn integer<T: TryFrom<i128>>(&self) -> Option<T> {
        let number = match self {
            Given::Bool(b) => i128::from(*b),
            Given::Integer(n) => *n,
            given => match decimal(&given.text())? {
                (n, 0) => n,
                // `3.0` is one, `3.5` is none.
                (n, scale) => {
                    let unit = 10i128.checked_pow(scale.into())?;
                    (n % unit == 0).then_some(n / unit)?
                }
            },
        };
        T::try_from(number).ok()
    }

    fn bytes(&self) -> Option<Bytes> {
        match self {
            Given::Bytes(bytes) => Some(bytes.clone()),
            Given::Text(text) => STANDARD.decode(text.trim()).ok().map(Bytes::from),
            _ => None,
        }
    }

    fn moment(&self) -> Option<Moment> {
        match self {
            Given::Moment(moment) => Some(*moment),
            Given::Text(text) => read_moment(text.trim()),
            _ => None,
        }
    }

    fn time(&self) -> Option<u64> {
        match self {
            Given::Span(ticks) => Some(*ticks)
                .filter(|t| (0..TICKS_OF_DAY).contains(t))
                .map(i64::unsigned_abs),
            Given::Moment(moment) => Some(moment.clock().1),
            Given::Text(text) => {
                let time: civil::Time = text.trim().parse().ok()?;
                Some(ticks_of(time).unsigned_abs())
            }
            _ => None,
        }
    }
}

/// 100 ns units since midnight.
fn ticks_of(time: civil::Time) -> i64 {
    let seconds =
        i64::from(time.hour()) * 3600 + i64::from(time.minute()) * 60 + i64::from(time.second());
    seconds * 10_000_000 + i64::from(time.subsec_nanosecond()) / 100
}

/// The day that days are counted from.
const FIRST: civil::Date = civil::date(1, 1, 1);

fn ticks(moment: civil::DateTime) -> Option<i64> {
    let days = i64::from(FIRST.until(moment.date()).ok()?.get_days());
    (days >= 0).then(|| days * TICKS_OF_DAY + ticks_of(moment.time()))
}

/// ISO 8601 with or without a time and an offset; `Z` is one.
fn read_moment(text: &str) -> Option<Moment> {
    let zoned: Result<Timestamp, _> = text.parse();
    if zoned.is_ok() {
        let pieces = jiff::fmt::temporal::DateTimeParser::new()
            .parse_pieces(text)
            .ok()?;
        let time = pieces.time().unwrap_or_default();
        let offset = match pieces.offset()? {
            jiff::fmt::temporal::PiecesOffset::Numeric(offset) => offset.offset().seconds() / 60,
            _ => 0,
        };
        return Some(Moment {
            ticks: ticks(pieces.date().to_datetime(time))?,
            offset: i16::try_from(offset).ok(),
        });
    }
    let moment: civil::DateTime = text.parse().ok()?;
    Some(Moment {
        ticks: ticks(moment)?,
        offset: None,
    })
}

fn iso(moment: Moment) -> String {
    let (days, rest) = moment.clock();
    let nanos = i64::try_from(rest).unwrap_or_default() * 100;
    let span = jiff::Span::new()
        .days(i64::from(days.min(3_652_058)))
        .nanoseconds(nanos);
    let at = FIRST.to_datetime(civil::Time::midnight()).checked_add(span);
    let text = at.map_or_else(|_| String::new(), |at| at.to_string());
    match moment.offset {
        Some(minutes) => {
            let sign = if minutes < 0 { '-' } else { '+' };
            let minutes = minutes.unsigned_abs();
            format!("{text}{sign}{:02}:{:02}", minutes / 60, minutes % 60)
        }
        None => text,
    }
}

/// A decimal number without its point, and how many digits stand behind that. `None`: it is none, or has more than 38.
fn decimal(text: &str) -> Option<(i128, u8)> {
    let text = text.trim();
    let (mantissa, exponent) = match text.split_once(['e', 'E']) {
        Some((mantissa, exponent)) => (mantissa, exponent.parse::<i32>().ok()?),
        None => (text, 0),
    };
    let (negative, digits) = match mantissa.strip_prefix('-') {
        Some(rest) => (true, rest),
        None => (false, mantissa.strip_prefix('+').unwrap_or(mantissa)),
    };
    let (whole, fraction) = digits.split_once('.').unwrap_or((digits, ""));
    let all_digits = |t: &str| t.bytes().all(|b| b.is_ascii_digit());
    if whole.len() + fraction.len() == 0
        || whole.len() + fraction.len() > 100
        || !all_digits(whole)
        || !all_digits(fraction)
    {
        return None;
    }
    let mut number: i128 = 0;
    for digit in whole.bytes().chain(fraction.bytes()) {
        number = number
            .checked_mul(10)?
            .checked_add(i128::from(digit - b'0'))?;
    }
    let mut scale = i32::try_from(fraction.len()).ok()?.checked_sub(exponent)?;
    while scale < 0 {
        if number == 0 {
            scale = 0;
            break;
        }
        number = number.checked_mul(10)?;
        scale += 1;
    }
    while scale > 0 && number % 10 == 0 && (scale > 37 || exponent != 0) {
        number /= 10;
        scale -= 1;
    }
    // With its point the number has room for 38 digits, of which one stands before the point.
    let fits = number < 10i128.pow(38) && (0..=37).contains(&scale);
    let scale = u8::try_from(scale).ok().filter(|_| fits)?;
    Some((if negative { -number } else { number }, scale))
}

#[cfg(test)]
mod tests;
