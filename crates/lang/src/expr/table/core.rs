//! `object`, `Enum`, `Nullable`, `Array`, `Tuple`-free basics, delegates, `Guid`.

use super::{Row, Type, m, ty};
use crate::expr::eval::{Args, Throw, equal, same, throw, types};
use crate::expr::types::Ty;
use crate::value::{Object, Value, text};
use std::any::Any;
use std::rc::Rc;

/// `GetHashCode`: stable, so that `new Random(x.GetHashCode())` spreads; .NET's own values are not promised by it.
pub(super) fn hash(v: &Value) -> i32 {
    match v {
        Value::Null => 0,
        Value::Bool(b) => i32::from(*b),
        Value::Int(n) => *n,
        Value::Long(n) => (*n as i32) ^ ((*n >> 32) as i32),
        Value::TimeSpan(n) => (*n as i32) ^ ((*n >> 32) as i32),
        Value::DateTime(d) => (d.ticks as i32) ^ ((d.ticks >> 32) as i32),
        Value::DateTimeOffset(d) => (d.utc_ticks() as i32) ^ ((d.utc_ticks() >> 32) as i32),
        Value::Char(c) => i32::from(*c) | (i32::from(*c) << 16),
        Value::Enum(_, n) => *n as i32,
        Value::Guid(g) => {
            let word = |i: usize| i32::from_be_bytes([g[i], g[i + 1], g[i + 2], g[i + 3]]);
            word(0) ^ word(4) ^ word(8) ^ word(12)
        }
        Value::Object(o) if o.parts().is_some() => o
            .parts()
            .unwrap_or_default()
            .iter()
            .fold(17, |h: i32, v| h.wrapping_mul(31).wrapping_add(hash(v))),
        other => {
            let mut h: u32 = 2_166_136_261;
            for b in other.to_text().bytes() {
                h = (h ^ u32::from(b)).wrapping_mul(16_777_619);
            }
            h as i32
        }
    }
}

const OBJECT: &[Row] = &[
    m("new()", |_, _| Ok(Value::Object(Rc::new(Plain)))),
    m("string ToString()", |cx, a| {
        let s = a.get(0).to_text();
        cx.text(s)
    }),
    m("bool Equals(object obj)", |_, a| {
        Ok(Value::Bool(equal(&a.get(0), &a.get(1))))
    }),
    m("int GetHashCode()", |_, a| Ok(Value::Int(hash(&a.get(0))))),
    m("Type GetType()", super::types::get_type),
    m("static bool Equals(object objA, object objB)", |_, a| {
        Ok(Value::Bool(equal(&a.get(0), &a.get(1))))
    }),
    m(
        "static bool ReferenceEquals(object objA, object objB)",
        |_, a| Ok(Value::Bool(same(&a.get(0), &a.get(1)))),
    ),
];

/// `new object()`.
#[derive(Debug)]
struct Plain;

impl Object for Plain {
    fn ty(&self) -> Ty {
        Ty::Object
    }
    fn as_any(&self) -> &dyn Any {
        self
    }
}

const NULLABLE: &[Row] = &[
    m("bool HasValue", |_, a| Ok(Value::Bool(!a.is_null(0)))),
    m("T Value", |_, a| match a.take(0) {
        Value::Null => Err(throw(
            "InvalidOperationException",
            "Nullable object must have a value.",
        )),
        v => Ok(v),
    }),
    m("T GetValueOrDefault()", |_, a| {
        let ty = a.ty(0);
        Ok(match a.take(0) {
            Value::Null => types::default_of(&ty),
            v => v,
        })
    }),
    m("T GetValueOrDefault(T defaultValue)", |_, a| {
        Ok(if a.is_null(0) { a.take(1) } else { a.take(0) })
    }),
    m("string ToString()", |_, a| {
        Ok(Value::Str(a.get(0).to_text()))
    }),
    m("bool Equals(object other)", |_, a| {
        Ok(Value::Bool(equal(&a.get(0), &a.get(1))))
    }),
];

fn bad_guid() -> Throw {
    throw(
        "FormatException",
        "Guid should contain 32 digits with 4 dashes (xxxxxxxx-xxxx-xxxx-xxxx-xxxxxxxxxxxx).",
    )
}

fn parse_guid(s: &str) -> Option<[u8; 16]> {
    let t = s.trim();
    let t = t
        .strip_prefix('(')
        .and_then(|t| t.strip_suffix(')'))
        .unwrap_or(t);
    let shaped = matches!(t.len(), 32 | 36 | 38) && !t.starts_with("urn");
    uuid::Uuid::try_parse(t)
        .ok()
        .filter(|_| shaped)
        .map(uuid::Uuid::into_bytes)
}

const GUID: &[Row] = &[
    m("new(string g)", |_, a| {
        parse_guid(a.text(0)?).map(Value::Guid).ok_or_else(bad_guid)
    }),
    m("new(byte[] b)", |_, a| {
        let b: [u8; 16] = a.bytes(0)?.as_ref().try_into().map_err(|_| {
            throw(
                "ArgumentException",
                "Byte array for Guid must be exactly 16 bytes long.",
            )
        })?;
        Ok(Value::Guid(swap(b)))
    }),
    m("const Guid Empty", |_, _| Ok(Value::Guid([0; 16]))),
    m("static Guid NewGuid()", |cx, _| {
        let (a, b) = (cx.host.random(), cx.host.random());
        let mut bytes = [0; 16];
        bytes[..8].copy_from_slice(&a.to_be_bytes());
        bytes[8..].copy_from_slice(&b.to_be_bytes());
        Ok(Value::Guid(
            uuid::Builder::from_random_bytes(bytes)
                .into_uuid()
                .into_bytes(),
        ))
    }),
    m("static Guid Parse(string input)", |_, a| {
        parse_guid(a.text(0)?).map(Value::Guid).ok_or_else(bad_guid)
    }),
    m(
        "static bool TryParse(string input, out Guid result)",
        |_, a| {
            let g = a.text(0).ok().and_then(parse_guid);
            a.values[1] = Value::Guid(g.unwrap_or_default());
            Ok(Value::Bool(g.is_some()))
        },
    ),
    m("byte[] ToByteArray()", |_, a| match a.get(0) {
        Value::Guid(g) => Ok(Value::Bytes(swap(g).to_vec().into())),
        _ => Ok(Value::Null),
    }),
    m("string ToString(string format)", |_, a| {
        crate::expr::eval::formatted(&a.get(0), Some(a.text(1)?)).map(Value::from)
    }),
    m("int CompareTo(Guid value)", |_, a| {
        Ok(Value::Int(
            crate::expr::eval::compare(&a.get(0), &a.get(1)).map_or(0, |o| o as i32),
        ))
    }),
];

/// .NET stores the first three groups little-endian.
fn swap(mut g: [u8; 16]) -> [u8; 16] {
    g[..4].reverse();
    g[4..6].reverse();
    g[6..8].reverse();
    g
}

const ENUM: &[Row] = &[
    m("string ToString(string format)", |_, a| {
        crate::expr::eval::formatted(&a.get(0), Some(a.text(1)?)).map(Value::from)
    }),
    m("bool HasFlag(Enum flag)", |_, a| {
        Ok(Value::Bool(a.int(0) & a.int(1) == a.int(1)))
    }),
    m("int CompareTo(object target)", |_, a| {
        Ok(Value::Int((a.int(0) - a.int(1)).signum() as i32))
    }),
    m(
        "static bool TryParse<T>(string value, out T result)",
        |_, a| {
            Ok(parse_enum(a, false).map_or(Value::Bool(false), |v| {
                a.values[1] = v;
                Value::Bool(true)
            }))
        },
    ),
    m(
        "static bool TryParse<T>(string value, bool ignoreCase, out T result)",
        |_, a| {
            Ok(parse_enum(a, a.bool(1)).map_or(Value::Bool(false), |v| {
                a.values[2] = v;
                Value::Bool(true)
            }))
        },
    ),
];

fn parse_enum(a: &Args<'_>, ignore_case: bool) -> Option<Value> {
    let e = super::table().of(&a.ty(0))?.enum_type?;
    let s = a.text(0).ok()?.trim();
    let found = e
        .members
        .iter()
        .find(|(n, _)| *n == s || (ignore_case && n.eq_ignore_ascii_case(s)))
        .map(|(_, n)| *n);
    found.or_else(|| s.parse().ok()).map(|n| Value::Enum(e, n))
}

const CHAR: &[Row] = &[
    m("const char MaxValue", |_, _| Ok(Value::Char(u16::MAX))),
    m("const char MinValue", |_, _| Ok(Value::Char(0))),
    m("static bool IsDigit(char c)", |_, a| {
        Ok(Value::Bool(ch(a).is_ascii_digit()))
    }),
    m("static bool IsNumber(char c)", |_, a| {
        Ok(Value::Bool(ch(a).is_numeric()))
    }),
    m("static bool IsLetter(char c)", |_, a| {
        Ok(Value::Bool(ch(a).is_alphabetic()))
    }),
    m("static bool IsLetterOrDigit(char c)", |_, a| {
        Ok(Value::Bool(ch(a).is_alphanumeric()))
    }),
    m("static bool IsWhiteSpace(char c)", |_, a| {
        Ok(Value::Bool(ch(a).is_whitespace()))
    }),
    m("static bool IsUpper(char c)", |_, a| {
        Ok(Value::Bool(ch(a).is_uppercase()))
    }),
    m("static bool IsLower(char c)", |_, a| {
        Ok(Value::Bool(ch(a).is_lowercase()))
    }),
    m("static bool IsControl(char c)", |_, a| {
        Ok(Value::Bool(ch(a).is_control()))
    }),
    m("static bool IsPunctuation(char c)", |_, a| {
        Ok(Value::Bool(
            matches!(ch(a), '!'..='#' | '%'..='*' | ','..='/' | ':' | ';' | '?' | '@' | '['..=']' | '_' | '{' | '}'),
        ))
    }),
    m("static char ToUpper(char c)", |_, a| {
        Ok(first(&text::upper_invariant(&ch(a).to_string())))
    }),
    m("static char ToLower(char c)", |_, a| {
        Ok(first(&text::lower_invariant(&ch(a).to_string())))
    }),
    m("static char ToUpperInvariant(char c)", |_, a| {
        Ok(first(&text::upper_invariant(&ch(a).to_string())))
    }),
    m("static char ToLowerInvariant(char c)", |_, a| {
        Ok(first(&text::lower_invariant(&ch(a).to_string())))
    }),
    m("static double GetNumericValue(char c)", |_, a| {
        Ok(Value::Double(ch(a).to_digit(10).map_or(-1.0, f64::from)))
    }),
    m("static string ToString(char c)", |_, a| {
        Ok(Value::from(ch(a).to_string()))
    }),
    m("int CompareTo(char value)", |_, a| {
        Ok(Value::Int((a.int(0) - a.int(1)) as i32))
    }),
];

fn first(s: &str) -> Value {
    Value::Char(s.encode_utf16().next().unwrap_or(0))
}

fn ch(a: &Args<'_>) -> char {
    char::from_u32(a.int(0) as u32).unwrap_or(char::REPLACEMENT_CHARACTER)
}

const BOOLEAN: &[Row] = &[
    m("const string TrueString", |_, _| Ok(Value::from("True"))),
    m("const string FalseString", |_, _| Ok(Value::from("False"))),
    m("static bool Parse(string value)", |_, a| {
        let s = a.text(0)?;
        parse_bool(s).map(Value::Bool).ok_or_else(|| {
            throw(
                "FormatException",
                format!("String '{s}' was not recognized as a valid Boolean."),
            )
        })
    }),
    m(
        "static bool TryParse(string value, out bool result)",
        |_, a| {
            let parsed = a.text(0).ok().and_then(parse_bool);
            a.values[1] = Value::Bool(parsed.unwrap_or(false));
            Ok(Value::Bool(parsed.is_some()))
        },
    ),
    m("int CompareTo(bool value)", |_, a| {
        Ok(Value::Int(i32::from(a.bool(0)) - i32::from(a.bool(1))))
    }),
];

pub(super) fn parse_bool(s: &str) -> Option<bool> {
    let t = s.trim_matches(|c: char| c.is_whitespace() || c == '\0');
    if t.eq_ignore_ascii_case("true") {
        Some(true)
    } else if t.eq_ignore_ascii_case("false") {
        Some(false)
    } else {
        None
    }
}

pub(super) const TYPES: &[Type] = &[
    ty("class System.Object", OBJECT),
    ty("class System.Void", &[]),
    ty("class System.Enum", ENUM),
    ty("struct System.Nullable<T>", NULLABLE),
    ty("struct System.Guid : IComparable", GUID),
    ty("struct System.Char : IComparable", CHAR),
    ty("struct System.Boolean : IComparable", BOOLEAN),
    ty("interface System.IComparable", &[]),
    ty(
        "interface System.IDisposable",
        &[m("void Dispose()", |_, _| Ok(Value::Null))],
    ),
    // The interface without type arguments, under a name of its own: a type is found by its simple name.
    ty("interface System.Collections.ISequence", &[]),
    ty("delegate System.Func", &[]),
    ty("delegate System.Action", &[]),
    ty("delegate System.Predicate<T>", &[]),
    ty("delegate System.Comparison<T>", &[]),
    ty("delegate System.Converter<T, R>", &[]),
];
