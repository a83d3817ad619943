//! `System.Uri`, over its [`parts`].
//!
//! What must stay true: `OriginalString` is the text as given; every other member is of the normal form, in which the
//! scheme and host are lower case, dot segments are resolved, and what may not stand in a URI is percent-encoded.

pub(super) mod builder;
mod combine;
mod components;
mod escape;
mod host;
mod parts;
mod read;
mod syntax;

use super::super::{Row, m};
use super::{percent, percent_byte, percent_decode};
use crate::expr::eval::{Args, R, Throw, throw};
use crate::expr::types::Ty;
use crate::value::{Object, Str, Value};
use escape::{international, is_international, is_well_escaped, reserved, unreserved};
use parts::{Parts, left_part};
use read::{SPACE, parse};
use std::any::Any;
use std::cell::Cell;
use std::rc::Rc;
use syntax::{default_port, is_scheme};

#[derive(Clone, Debug)]
struct Uri {
    original: Str,
    /// `None`: a relative reference.
    parts: Option<Parts>,
    /// Whether a relative reference is shown as it was given, as `TryCreate` leaves it.
    plain: bool,
    /// Whether .NET has looked at the parts, which a URI that is made of this one takes over then.
    seen: Cell<bool>,
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
        self.shown()
    }
    fn hash_text(&self) -> Option<String> {
        Some(match &self.parts {
            Some(p) => format!("{}{}", p.host.name, p.path),
            None => self.original.to_string(),
        })
    }
    fn equals(&self, other: &dyn Object) -> bool {
        let Some(other) = other.as_any().downcast_ref::<Uri>() else {
            return false;
        };
        self.seen.set(true);
        other.seen.set(true);
        match (&self.parts, &other.parts) {
            // The fragment and the user do not count.
            (Some(a), Some(b)) => {
                a.scheme == b.scheme
                    && a.host.name == b.host.name
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
    Value::Object(Rc::new(Uri {
        original,
        parts,
        plain: false,
        seen: Cell::new(false),
    }))
}

impl Uri {
    /// `ToString()`.
    fn shown(&self) -> String {
        self.seen.set(true);
        match &self.parts {
            Some(parts) => parts.shown(false),
            None if self.plain || !is_international(&self.original) => self.original.to_string(),
            None => international(&self.original),
        }
    }

    /// The same reference as `TryCreate` makes it.
    fn plain(mut self) -> Uri {
        self.plain = true;
        self
    }
}

/// Sorts of hosts, as `UriHostNameType` numbers them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Sort {
    Unknown,
    Basic,
    Dns,
    V4,
    V6,
}

/// Why a text is no absolute URI.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Wrong {
    Empty,
    TooLong,
    /// There is no scheme.
    Format,
    Scheme,
    SchemeTooLong,
    Authority,
    Host,
    Port,
    /// A drive without a slash after it.
    Drive,
    /// It is absolute where a relative one is asked for.
    Absolute,
}

impl Wrong {
    fn throw(self) -> Throw {
        throw(
            "UriFormatException",
            match self {
                Wrong::Empty => "Invalid URI: The URI is empty.",
                Wrong::TooLong => "Invalid URI: The Uri string is too long.",
                Wrong::Format => "Invalid URI: The format of the URI could not be determined.",
                Wrong::Scheme => "Invalid URI: The URI scheme is not valid.",
                Wrong::SchemeTooLong => "Invalid URI: The Uri scheme is too long.",
                Wrong::Authority => "Invalid URI: The Authority/Host could not be parsed.",
                Wrong::Host => "Invalid URI: The hostname could not be parsed.",
                Wrong::Port => "Invalid URI: Invalid port specified.",
                Wrong::Drive => "Invalid URI: A Dos path must be rooted, for example, 'c:\\\\'.",
                Wrong::Absolute => {
                    "A relative URI cannot be created because the 'uriString' parameter represents an absolute URI."
                }
            },
        )
    }

    /// Whether the text may still be a relative reference.
    fn may_be_relative(self) -> bool {
        matches!(
            self,
            Wrong::Empty | Wrong::Format | Wrong::Scheme | Wrong::Authority
        )
    }
}

/// `Authority` of a text that is an absolute URI.
pub(super) fn authority_of(text: &str) -> Option<String> {
    parse(text).ok().map(|p| p.authority())
}

/// `new Uri(text)`.
pub(in super::super) fn uri(text: &str) -> R {
    parse(text)
        .map(|p| value(text.into(), Some(p)))
        .map_err(Wrong::throw)
}

/// A URI of a `UriKind`: 0 either, 1 absolute, 2 relative.
fn of_kind(text: &Str, kind: i64) -> Result<Value, Wrong> {
    match parse(text) {
        // A path of Windows is a relative reference where one may be; one on a server with slashes of either sort too.
        Ok(p)
            if p.raw.implicit
                && match p.dos {
                    true => kind == 2,
                    false => kind == 2 || (kind == 0 && !text.starts_with("\\\\")),
                } =>
        {
            Ok(value(text.clone(), None))
        }
        Ok(_) if kind == 2 => Err(Wrong::Absolute),
        Ok(p) => Ok(value(text.clone(), Some(p))),
        Err(e) if kind != 1 && e.may_be_relative() => Ok(value(text.clone(), None)),
        // What a server's path is wrong with does not matter where it is relative.
        Err(_) if kind == 2 && is_server_path(text) => Ok(value(text.clone(), None)),
        Err(_) if kind == 0 && is_server_path(text) && !text.starts_with("\\\\") => {
            Ok(value(text.clone(), None))
        }
        Err(e) => Err(e),
    }
}

/// Whether a text begins as the path of a server does.
fn is_server_path(text: &str) -> bool {
    let mut chars = text.trim_start_matches(SPACE).chars();
    let mut slash = || chars.next().is_some_and(|c| matches!(c, '/' | '\\'));
    slash() && slash() && text.encode_utf16().count() > 2
}

/// A URI of a `UriKind` that may be none.
fn checked_kind(text: &Str, kind: i64) -> Result<Result<Value, Wrong>, Throw> {
    if (0..=2).contains(&kind) {
        return Ok(of_kind(text, kind));
    }
    Err(throw(
        "ArgumentException",
        format!(
            "The value '{kind}' passed for the UriKind parameter is invalid. (Parameter 'uriKind')"
        ),
    ))
}

/// A reference against an absolute URI.
fn joined(base: &Uri, reference: &Str) -> Result<Value, Throw> {
    let parts = base.parts.as_ref().ok_or_else(|| {
        throw(
            "ArgumentOutOfRangeException",
            "This operation is not supported for a relative URI. (Parameter 'baseUri')",
        )
    })?;
    let given = of_kind(reference, 0).map_err(Wrong::throw)?;
    if let Value::Object(o) = &given
        && let Some(uri) = o.as_any().downcast_ref::<Uri>()
        && uri.parts.is_some()
    {
        return Ok(given);
    }
    let whole = combine::combined(&base.original, parts, reference);
    uri(&whole)
}

fn this<'a>(a: &'a Args<'_>) -> Result<&'a Uri, Throw> {
    a.object::<Uri>(0)
}

fn parts<'a>(a: &'a Args<'_>) -> Result<&'a Parts, Throw> {
    let uri = this(a)?;
    uri.seen.set(true);
    uri.parts.as_ref().ok_or_else(not_relative)
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

fn host_type(sort: Sort) -> R {
    let names = &super::super::enums::URI_HOST_NAME_TYPE;
    Ok(Value::Enum(names, sort as i64))
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
    match a.object::<Uri>(0) {
        Ok(base) if base.parts.is_some() => joined(base, reference).ok(),
        _ => of_kind(reference, 1).ok(),
    }
}

/// What `TryCreate` gives for a URI.
fn tried_value(uri: Value) -> Value {
    match &uri {
        Value::Object(o) => match o.as_any().downcast_ref::<Uri>() {
            Some(u) if u.parts.is_none() => Value::Object(Rc::new(u.clone().plain())),
            _ => uri,
        },
        _ => uri,
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

/// `IsWellFormedOriginalString`.
fn is_well_formed(uri: &Uri) -> bool {
    if let Some(parts) = &uri.parts {
        return parts.well_formed;
    }
    let text = uri.shown();
    let first = text.split(['/', '\\', '?', '#']).next().unwrap_or("");
    text.is_ascii() && is_well_escaped(&text) && !text.contains('\\') && !first.contains(':')
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
        checked_kind(&s, a.int(1))?.map_err(Wrong::throw)
    }),
    m("new(Uri baseUri, string relativeUri)", |_, a| {
        let reference = a.str(1).unwrap_or_else(|_| "".into());
        joined(a.object::<Uri>(0).map_err(|_| null("baseUri"))?, &reference)
    }),
    m("new(Uri baseUri, Uri relativeUri)", |_, a| {
        let base = a.object::<Uri>(0).map_err(|_| null("baseUri"))?;
        // The base is looked at first, but one that is absolute needs none.
        let none = Str::from("");
        if base.parts.is_none() || a.is_null(1) {
            joined(base, &none)?;
        }
        let reference = reference(a, 1)?;
        let given = a.object::<Uri>(1)?;
        match &given.parts {
            Some(parts) => {
                let mut parts = parts.clone();
                // What has been looked at is taken over up to its path, and so a port that is the scheme's own.
                parts.whole_port = given.seen.get() && parts.port == default_port(&parts.scheme);
                Ok(value(reference, Some(parts)))
            }
            None => joined(base, &reference),
        }
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
            let made = match a.str(0) {
                Ok(s) => checked_kind(&s, a.int(1))?.ok().map(tried_value),
                Err(_) => None,
            };
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
            let Ok(text) = a.str(0) else {
                return Ok(Value::Bool(false));
            };
            Ok(Value::Bool(
                match checked_kind(&text, a.int(1))?.map(tried_value) {
                    Ok(Value::Object(o)) => o.as_any().downcast_ref().is_some_and(is_well_formed),
                    _ => false,
                },
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
    m("string Host", |_, a| Ok(Value::from(&*parts(a)?.host.name))),
    m("string DnsSafeHost", |_, a| {
        let p = parts(a)?;
        let bare = p.bare_v6();
        Ok(Value::from(bare.unwrap_or_else(|| p.host.name.clone())))
    }),
    m("string IdnHost", |_, a| {
        let p = parts(a)?;
        let bare = p.bare_v6();
        Ok(Value::from(
            bare.unwrap_or_else(|| components::idn(&p.host.name)),
        ))
    }),
    m("UriHostNameType HostNameType", |_, a| {
        host_type(parts(a)?.host.sort)
    }),
    m("bool IsUnc", |_, a| Ok(Value::Bool(parts(a)?.unc))),
    m("bool UserEscaped", |_, a| {
        this(a).map(|_| Value::Bool(false))
    }),
    m("bool IsWellFormedOriginalString()", |_, a| {
        Ok(Value::Bool(is_well_formed(this(a)?)))
    }),
    m(
        "string GetComponents(UriComponents components, UriFormat format)",
        |cx, a| {
            let uri = this(a)?;
            if uri.parts.is_none() && a.int(1) == components::SERIALIZED {
                let s = components::serialized(&uri.shown(), a.int(2))?;
                return cx.text(s);
            }
            uri.seen.set(true);
            let s = components::of(uri.parts.as_ref(), a.int(1), a.int(2))?;
            cx.text(s)
        },
    ),
    m("Uri MakeRelativeUri(Uri uri)", |_, a| {
        let to = a.object::<Uri>(1).map_err(|_| null("uri"))?;
        let from = parts(a)?;
        let relative = to.parts.as_ref().ok_or_else(not_relative)?;
        Ok(match components::relative(from, relative) {
            Some(text) => value(text.into(), None),
            None => Value::Object(Rc::new(to.clone())),
        })
    }),
    m(
        "static int Compare(Uri uri1, Uri uri2, UriComponents partsToCompare, UriFormat compareFormat, StringComparison comparisonType)",
        |_, a| {
            let (x, y) = match (a.object::<Uri>(0), a.object::<Uri>(1)) {
                (Ok(x), Ok(y)) => (x, y),
                (x, y) => {
                    return Ok(Value::Int(i32::from(x.is_ok()) - i32::from(y.is_ok())));
                }
            };
            let text = |u: &Uri| match &u.parts {
                Some(p) => components::of(Some(p), a.int(2), a.int(3)).map(Value::from),
                None => Ok(Value::from(&*u.original)),
            };
            if x.parts.is_some() != y.parts.is_some() {
                // A relative URI comes before an absolute one, whatever is asked of them.
                return Ok(Value::Int(if x.parts.is_some() { 1 } else { -1 }));
            }
            let (x, y) = (text(x)?, text(y)?);
            super::super::strings::compare(&x, &y, a.int(4)).map(Value::Int)
        },
    ),
    m(
        "static UriHostNameType CheckHostName(string name)",
        |_, a| host_type(a.text(0).map_or(Sort::Unknown, host::check)),
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
            let text = a.text(0).map_err(|_| crate::expr::eval::null_reference())?;
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
        Ok(Value::Bool(parts(a)?.host.loopback))
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
        let part = left_part(parts(a)?, a.int(1));
        part.map(Value::from).ok_or_else(|| {
            throw(
                "ArgumentException",
                "The specified subcomponent is not valid. (Parameter 'part')",
            )
        })
    }),
    m("bool IsBaseOf(Uri uri)", |_, a| {
        let link = a.object::<Uri>(1).map_err(|_| null("uri"))?;
        let base = this(a)?;
        let Some(p) = &base.parts else {
            return Ok(Value::Bool(false));
        };
        let resolved;
        let link = match &link.parts {
            Some(parts) => parts,
            None => match parse(&combine::combined(&base.original, p, &link.original)) {
                Ok(parts) => {
                    resolved = parts;
                    &resolved
                }
                Err(_) => return Ok(Value::Bool(false)),
            },
        };
        Ok(Value::Bool(components::is_base(p, link)))
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
