//! `System.Uri`, over its [`parts`].
//!
//! What must stay true: `OriginalString` is the text as given; every other member is of the normal form, in which the
//! scheme and host are lower case, dot segments are resolved, and what may not stand in a URI is percent-encoded.

pub(super) mod builder;
mod combine;
mod components;
mod parts;

use super::super::{Row, m};
use super::{percent, percent_byte, percent_decode};
use crate::expr::eval::{Args, R, Throw, throw};
use crate::expr::types::Ty;
use crate::value::{Object, Str, Value};
use parts::{
    Parts, Wrong, check_host, default_port, file_path, is_scheme, left_part, parse, readable,
    reserved, unreserved,
};
use std::any::Any;
use std::rc::Rc;

#[derive(Clone, Debug)]
struct Uri {
    original: Str,
    /// `None`: a relative reference.
    parts: Option<Parts>,
}

/// `OriginalString` of a `Uri`.
pub(crate) fn original(object: &dyn Object) -> Option<Str> {
    Some(object.as_any().downcast_ref::<Uri>()?.original.clone())
}

impl Object for Uri {
    fn ty(&self) -> Ty {
        Ty::class("Uri")
    }
    fn as_any(&self) -> &dyn Any {
        self
    }
    fn text(&self) -> String {
        let Some(parts) = &self.parts else {
            return self.original.to_string();
        };
        let mut text = readable(&parts.absolute());
        // A control character that was given as it is stays so; one that was escaped stays escaped.
        for c in (0..0x20).chain([0x7f]).map(char::from) {
            let escape = format!("%{:02X}", u32::from(c));
            if self.original.contains(c) && !self.original.to_ascii_uppercase().contains(&escape) {
                text = text.replace(&escape, c.encode_utf8(&mut [0; 4]));
            }
        }
        text
    }
    fn hash_text(&self) -> Option<String> {
        Some(match &self.parts {
            Some(p) => format!("{}{}", p.host, p.path),
            None => self.original.to_string(),
        })
    }
    fn equals(&self, other: &dyn Object) -> bool {
        let Some(other) = other.as_any().downcast_ref::<Uri>() else {
            return false;
        };
        match (&self.parts, &other.parts) {
            // The fragment and the user do not count.
            (Some(a), Some(b)) => {
                a.scheme == b.scheme
                    && a.host == b.host
                    && a.port == b.port
                    && a.path == b.path
                    && a.query == b.query
            }
            (None, None) => self.original == other.original,
            _ => false,
        }
    }
}

fn value(original: Str, parts: Option<Parts>) -> Value {
    Value::Object(Rc::new(Uri { original, parts }))
}

/// What a path may hold as it is.
fn path_byte(b: u8) -> bool {
    unreserved(b) || (reserved(b) && !matches!(b, b'?' | b'#'))
}

/// `new Uri(text)`.
pub(in super::super) fn uri(text: &str) -> R {
    parse(text)
        .map(|p| value(text.into(), Some(p)))
        .map_err(Wrong::throw)
}

/// A URI of a `UriKind`: 0 either, 1 absolute, 2 relative.
fn of_kind(text: &Str, kind: i64) -> Result<Value, Wrong> {
    // .NET takes a path of Windows for a relative reference where one is asked for.
    let parsed = if kind == 2 && file_path(text.trim()).is_some() {
        Err(Wrong::NoScheme)
    } else {
        parse(text)
    };
    match (parsed, kind) {
        (Ok(p), 0 | 1) => Ok(value(text.clone(), Some(p))),
        (Ok(_), _) => Err(Wrong::NoScheme),
        (Err(Wrong::NoScheme | Wrong::Empty), 0 | 2) => Ok(value(text.clone(), None)),
        (Err(e), _) => Err(e),
    }
}

/// A reference against an absolute URI.
fn joined(base: &Uri, reference: &str) -> Result<Value, Throw> {
    let base = base.parts.as_ref().ok_or_else(|| {
        throw(
            "ArgumentOutOfRangeException",
            "This operation is not supported for a relative URI. (Parameter 'baseUri')",
        )
    })?;
    match parse(reference) {
        // Two slashes are a host of the same scheme here.
        Ok(p) if !reference.trim_start().starts_with(['/', '\\']) => {
            return Ok(value(reference.into(), Some(p)));
        }
        Ok(_) | Err(Wrong::NoScheme | Wrong::Empty) => {}
        Err(e) => return Err(e.throw()),
    }
    let whole = combine::combined(base, reference);
    let parts = parse(&whole).map_err(Wrong::throw)?;
    Ok(value(whole.into(), Some(parts)))
}

fn this<'a>(a: &'a Args<'_>) -> Result<&'a Uri, Throw> {
    a.object::<Uri>(0)
}

fn parts<'a>(a: &'a Args<'_>) -> Result<&'a Parts, Throw> {
    this(a)?.parts.as_ref().ok_or_else(not_relative)
}

fn not_relative() -> Throw {
    throw(
        "InvalidOperationException",
        "This operation is not supported for a relative URI.",
    )
}

fn null(name: &str) -> Throw {
    throw(
        "ArgumentNullException",
        format!("Value cannot be null. (Parameter '{name}')"),
    )
}

fn host_type(n: i64) -> R {
    Ok(Value::Enum(&super::super::enums::URI_HOST_NAME_TYPE, n))
}

fn hex_digit(a: &Args<'_>, i: usize) -> Option<u32> {
    u32::try_from(a.int(i))
        .ok()
        .and_then(char::from_u32)
        .and_then(|c| c.to_digit(16))
}

fn reference(a: &Args<'_>, i: usize) -> Result<Str, Throw> {
    Ok(a.object::<Uri>(i)
        .map_err(|_| crate::expr::eval::null_reference())?
        .original
        .clone())
}

/// `TryCreate` with a base, which an absolute reference does not need.
fn tried(a: &Args<'_>, reference: &Str) -> Option<Value> {
    match (a.object::<Uri>(0), of_kind(reference, 1)) {
        (Ok(base), _) if base.parts.is_some() => joined(base, reference).ok(),
        (_, absolute) => absolute.ok(),
    }
}

/// Sets an `out` argument and gives whether there is something.
fn found(a: &mut Args<'_>, i: usize, made: Option<Value>) -> R {
    let ok = made.is_some();
    a.values[i] = made.unwrap_or_default();
    Ok(Value::Bool(ok))
}

fn same(a: &Args<'_>) -> bool {
    crate::expr::eval::equal(&a.get(0), &a.get(1))
}

fn is_well_formed(s: &str, kind: i64) -> bool {
    let trimmed = s.trim_matches(|c: char| c.is_ascii_whitespace());
    if trimmed.is_empty() && !s.is_empty() {
        return false;
    }
    let plain = |s: &str| {
        let bytes = s.as_bytes();
        bytes.iter().enumerate().all(|(i, b)| match b {
            b'%' => percent_byte(&bytes[i..]).is_some(),
            b => unreserved(*b) || reserved(*b) || !b.is_ascii(),
        })
    };
    let by_path = s.starts_with(['/', '\\']) || s.as_bytes().get(1) == Some(&b':');
    match parse(s) {
        // Only an absolute URI is taken without the space around it.
        Ok(_) if !by_path => kind != 2 && plain(trimmed) && trimmed.matches('#').count() < 2,
        Ok(_) | Err(Wrong::NoScheme | Wrong::Empty) => {
            let first = s.split('/').next().unwrap_or("");
            // Nothing says that a reference may hold what has to be escaped: a scheme may.
            kind != 1
                && s.is_ascii()
                && plain(s)
                && !s.contains(['\\', '#'])
                && !first.contains(':')
        }
        Err(_) => false,
    }
}

/// A text constant.
macro_rules! scheme {
    ($name:literal, $value:literal) => {
        m(concat!("const string ", $name), |_, _| {
            Ok(Value::from($value))
        })
    };
}

pub(super) const ROWS: &[Row] = &[
    m("new(string uriString)", |_, a| {
        uri(a.text(0).map_err(|_| null("uriString"))?)
    }),
    m("new(string uriString, UriKind uriKind)", |_, a| {
        let s = a.str(0).map_err(|_| null("uriString"))?;
        if !(0..=2).contains(&a.int(1)) {
            return Err(throw(
                "ArgumentException",
                format!(
                    "The value '{}' passed for the UriKind parameter is invalid. (Parameter 'uriKind')",
                    a.int(1)
                ),
            ));
        }
        of_kind(&s, a.int(1)).map_err(Wrong::throw)
    }),
    m("new(Uri baseUri, string relativeUri)", |_, a| {
        let reference = a.str(1).unwrap_or_else(|_| "".into());
        joined(a.object::<Uri>(0).map_err(|_| null("baseUri"))?, &reference)
    }),
    m("new(Uri baseUri, Uri relativeUri)", |_, a| {
        let base = a.object::<Uri>(0).map_err(|_| null("baseUri"))?;
        let joined = joined(base, &reference(a, 1)?)?;
        // One that is absolute needs no base.
        let given = a.object::<Uri>(1)?;
        Ok(match &given.parts {
            Some(parts) => value(given.original.clone(), Some(parts.clone())),
            None => joined,
        })
    }),
    scheme!("UriSchemeFile", "file"),
    scheme!("UriSchemeFtp", "ftp"),
    scheme!("UriSchemeGopher", "gopher"),
    scheme!("UriSchemeHttp", "http"),
    scheme!("UriSchemeHttps", "https"),
    scheme!("UriSchemeMailto", "mailto"),
    scheme!("UriSchemeNews", "news"),
    scheme!("UriSchemeNntp", "nntp"),
    scheme!("UriSchemeNetTcp", "net.tcp"),
    scheme!("UriSchemeNetPipe", "net.pipe"),
    scheme!("UriSchemeWs", "ws"),
    scheme!("UriSchemeWss", "wss"),
    scheme!("SchemeDelimiter", "://"),
    m(
        "static bool TryCreate(string uriString, UriKind uriKind, out Uri result)",
        |_, a| {
            let made = a.str(0).ok().and_then(|s| of_kind(&s, a.int(1)).ok());
            found(a, 2, made)
        },
    ),
    m(
        "static bool TryCreate(Uri baseUri, string relativeUri, out Uri result)",
        |_, a| {
            let made = a.str(1).ok().and_then(|r| tried(a, &r));
            found(a, 2, made)
        },
    ),
    m(
        "static bool TryCreate(Uri baseUri, Uri relativeUri, out Uri result)",
        |_, a| {
            let based = a.object::<Uri>(0).is_ok_and(|base| base.parts.is_some());
            let made = reference(a, 1).ok().filter(|_| based);
            let made = made.and_then(|r| tried(a, &r));
            found(a, 2, made)
        },
    ),
    m(
        "static bool IsWellFormedUriString(string uriString, UriKind uriKind)",
        |_, a| {
            Ok(Value::Bool(
                a.text(0).is_ok_and(|s| is_well_formed(s, a.int(1))),
            ))
        },
    ),
    m("static bool CheckSchemeName(string schemeName)", |_, a| {
        Ok(Value::Bool(a.text(0).is_ok_and(is_scheme)))
    }),
    m(
        "static string EscapeDataString(string stringToEscape)",
        |cx, a| {
            let mut out = String::new();
            percent(
                a.text(0).map_err(|_| null("stringToEscape"))?,
                unreserved,
                &mut out,
            );
            cx.text(out)
        },
    ),
    m(
        "static string EscapeUriString(string stringToEscape)",
        |cx, a| {
            let mut out = String::new();
            percent(
                a.text(0).map_err(|_| null("stringToEscape"))?,
                |b| unreserved(b) || reserved(b),
                &mut out,
            );
            cx.text(out)
        },
    ),
    m(
        "static string UnescapeDataString(string stringToUnescape)",
        |cx, a| {
            let s = percent_decode(a.text(0).map_err(|_| null("stringToUnescape"))?, |_| true);
            cx.text(s)
        },
    ),
    m("static string HexEscape(char character)", |_, a| {
        let n = u8::try_from(a.int(0)).map_err(|_| {
            throw(
                "ArgumentOutOfRangeException",
                "Specified argument was out of the range of valid values. (Parameter 'character')",
            )
        })?;
        Ok(Value::from(format!("%{n:02X}")))
    }),
    m("string OriginalString", |_, a| {
        Ok(Value::Str(this(a)?.original.clone()))
    }),
    m("bool IsAbsoluteUri", |_, a| {
        Ok(Value::Bool(this(a)?.parts.is_some()))
    }),
    m("string AbsoluteUri", |_, a| {
        Ok(Value::from(parts(a)?.absolute()))
    }),
    m("string AbsolutePath", |_, a| {
        Ok(Value::from(parts(a)?.absolute_path()))
    }),
    m("string LocalPath", |_, a| {
        Ok(Value::from(parts(a)?.local_path()))
    }),
    m("string PathAndQuery", |_, a| {
        let p = parts(a)?;
        Ok(Value::from(format!("{}{}", p.absolute_path(), p.query)))
    }),
    m("string Scheme", |_, a| Ok(Value::from(&*parts(a)?.scheme))),
    m("string Host", |_, a| Ok(Value::from(&*parts(a)?.host))),
    m("string DnsSafeHost", |_, a| {
        Ok(Value::from(
            parts(a)?.host.trim_start_matches('[').trim_end_matches(']'),
        ))
    }),
    m("string IdnHost", |_, a| {
        Ok(Value::from(components::idn(&parts(a)?.host)))
    }),
    m("UriHostNameType HostNameType", |_, a| {
        host_type(parts(a)?.host_type())
    }),
    m("bool IsUnc", |_, a| {
        let p = parts(a)?;
        Ok(Value::Bool(p.scheme == "file" && !p.host.is_empty()))
    }),
    m("bool UserEscaped", |_, a| {
        this(a).map(|_| Value::Bool(false))
    }),
    m("bool IsWellFormedOriginalString()", |_, a| {
        let uri = this(a)?;
        // A scheme without a query takes a question mark for a part of the path, which has to be escaped.
        let escaped = uri.parts.as_ref().is_none_or(|p| {
            parts::queried(&p.scheme)
                || !uri
                    .original
                    .split('#')
                    .next()
                    .unwrap_or_default()
                    .contains('?')
        });
        Ok(Value::Bool(escaped && is_well_formed(&uri.original, 0)))
    }),
    m(
        "string GetComponents(UriComponents components, UriFormat format)",
        |cx, a| {
            let s = components::of(this(a)?.parts.as_ref(), a.int(1), a.int(2))?;
            cx.text(s)
        },
    ),
    m("Uri MakeRelativeUri(Uri uri)", |_, a| {
        let from = parts(a)?;
        let to = a.object::<Uri>(1).map_err(|_| null("uri"))?;
        let relative = to.parts.as_ref().ok_or_else(not_relative)?;
        Ok(match components::relative(from, relative) {
            Some(text) => value(text.into(), None),
            None => Value::Object(Rc::new(to.clone())),
        })
    }),
    m(
        "static int Compare(Uri uri1, Uri uri2, UriComponents partsToCompare, UriFormat compareFormat, StringComparison comparisonType)",
        |_, a| {
            if let (Ok(x), Ok(y)) = (a.object::<Uri>(0), a.object::<Uri>(1))
                && (x.parts.is_none() || y.parts.is_none())
            {
                if x.parts.is_none() && y.parts.is_none() {
                    let text = |u: &Uri| Value::from(&*u.original);
                    let (x, y) = (text(x), text(y));
                    return super::super::strings::compare(&x, &y, a.int(4)).map(Value::Int);
                }
                // A relative URI comes before an absolute one, whatever is asked of them.
                return Ok(Value::Int(if x.parts.is_some() { 1 } else { -1 }));
            }
            let text = |i: usize| match a.object::<Uri>(i) {
                Ok(u) => components::of(u.parts.as_ref(), a.int(2), a.int(3)).map(Value::from),
                Err(_) => Ok(Value::Null),
            };
            let (x, y) = (text(0)?, text(1)?);
            super::super::strings::compare(&x, &y, a.int(4)).map(Value::Int)
        },
    ),
    m(
        "static UriHostNameType CheckHostName(string name)",
        |_, a| host_type(a.text(0).map_or(0, check_host)),
    ),
    m("static bool IsHexDigit(char character)", |_, a| {
        Ok(Value::Bool(hex_digit(a, 0).is_some()))
    }),
    m("static int FromHex(char digit)", |_, a| {
        let n = hex_digit(a, 0).ok_or_else(|| {
            throw(
                "ArgumentException",
                "Value does not fall within the expected range. (Parameter 'digit')",
            )
        })?;
        Ok(Value::Int(n as i32))
    }),
    m(
        "static bool IsHexEncoding(string pattern, int index)",
        |_, a| {
            let text = a.text(0).map_err(|_| null("pattern"))?;
            let units: Vec<u16> = text.encode_utf16().collect();
            let at = a.int(1);
            // .NET subtracts as 32 bits, and looks at what is there only when three characters seem to be left.
            let left = (units.len() as i32).wrapping_sub(at as i32);
            if left < 3 {
                return Ok(Value::Bool(false));
            }
            let Ok(at) = usize::try_from(at) else {
                return Err(throw(
                    "IndexOutOfRangeException",
                    "Index was outside the bounds of the array.",
                ));
            };
            let bytes: Vec<u8> = units
                .iter()
                .skip(at)
                .take(3)
                .map(|u| u8::try_from(*u).unwrap_or(0))
                .collect();
            Ok(Value::Bool(percent_byte(&bytes).is_some()))
        },
    ),
    m("string Authority", |_, a| {
        Ok(Value::from(parts(a)?.authority()))
    }),
    m("string UserInfo", |_, a| {
        Ok(Value::from(parts(a)?.user.as_deref().unwrap_or("")))
    }),
    m("int Port", |_, a| Ok(Value::Int(parts(a)?.port))),
    m("bool IsDefaultPort", |_, a| {
        let p = parts(a)?;
        Ok(Value::Bool(p.port == default_port(&p.scheme)))
    }),
    m("bool IsLoopback", |_, a| {
        Ok(Value::Bool(parts(a)?.is_loopback()))
    }),
    m("bool IsFile", |_, a| {
        Ok(Value::Bool(parts(a)?.scheme == "file"))
    }),
    m("string Query", |_, a| Ok(Value::from(&*parts(a)?.query))),
    m("string Fragment", |_, a| {
        Ok(Value::from(&*parts(a)?.fragment))
    }),
    m("string[] Segments", |_, a| {
        Ok(Value::strings(parts(a)?.segments()))
    }),
    m("string GetLeftPart(UriPartial part)", |_, a| {
        Ok(Value::from(left_part(parts(a)?, a.int(1))))
    }),
    m("bool IsBaseOf(Uri uri)", |_, a| {
        let o = a.object::<Uri>(1).map_err(|_| null("uri"))?;
        let Some(p) = &this(a)?.parts else {
            return Ok(Value::Bool(false));
        };
        let folder = p.path.rfind('/').map_or("", |i| &p.path[..=i]);
        let resolved;
        let o = match &o.parts {
            Some(o) => o,
            None => match p.resolve(o.original.trim()) {
                Ok(parts) => {
                    resolved = parts;
                    &resolved
                }
                Err(_) => return Ok(Value::Bool(false)),
            },
        };
        Ok(Value::Bool(
            o.scheme == p.scheme
                && o.user == p.user
                && o.host == p.host
                && o.port == p.port
                && o.path.starts_with(folder),
        ))
    }),
    m("string ToString()", |cx, a| {
        let s = this(a)?.text();
        cx.text(s)
    }),
    m("bool Equals(object comparand)", |_, a| {
        // A text is taken for the URI that it says.
        if let Ok(text) = a.str(1) {
            a.values[1] = of_kind(&text, 0).unwrap_or_default();
        }
        Ok(Value::Bool(same(a)))
    }),
    m("static bool operator ==(Uri uri1, Uri uri2)", |_, a| {
        Ok(Value::Bool(same(a)))
    }),
    m("static bool operator !=(Uri uri1, Uri uri2)", |_, a| {
        Ok(Value::Bool(!same(a)))
    }),
];
