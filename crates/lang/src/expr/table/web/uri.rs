//! `System.Uri`: parsing, normal form, resolution (RFC 3986 as .NET applies it).
//!
//! What must stay true: `OriginalString` is the text as given; every other member is of the normal form, in which the
//! scheme and host are lower case, dot segments are resolved, and what may not stand in a URI is percent-encoded.

use super::super::{Row, m};
use super::{percent, percent_byte, percent_decode};
use crate::expr::eval::{Args, R, Throw, throw};
use crate::expr::types::Ty;
use crate::value::{Object, Str, Value};
use std::any::Any;
use std::rc::Rc;

/// Longest text that .NET takes (65519 characters).
const MAX: usize = 65_519;

#[derive(Clone, Debug)]
struct Uri {
    original: Str,
    /// `None`: a relative reference.
    parts: Option<Parts>,
}

/// The parts in normal form.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Parts {
    scheme: String,
    /// Whether `//` and a host follow the scheme.
    authority: bool,
    user: String,
    host: String,
    /// -1: none.
    port: i32,
    path: String,
    /// With its `?`.
    query: String,
    /// With its `#`.
    fragment: String,
}

/// Why a text is no absolute URI.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Wrong {
    Empty,
    TooLong,
    /// No scheme: it may still be a relative reference.
    NoScheme,
    Host,
    Port,
}

impl Wrong {
    fn throw(self) -> Throw {
        throw(
            "UriFormatException",
            match self {
                Wrong::Empty => "Invalid URI: The URI is empty.",
                Wrong::TooLong => "Invalid URI: The Uri string is too long.",
                Wrong::NoScheme => "Invalid URI: The format of the URI could not be determined.",
                Wrong::Host => "Invalid URI: The hostname could not be parsed.",
                Wrong::Port => "Invalid URI: Invalid port specified.",
            },
        )
    }
}

impl Object for Uri {
    fn ty(&self) -> Ty {
        Ty::class("Uri")
    }
    fn as_any(&self) -> &dyn Any {
        self
    }
    fn text(&self) -> String {
        self.parts
            .as_ref()
            .map_or_else(|| self.original.to_string(), |p| readable(&p.absolute()))
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

fn default_port(scheme: &str) -> i32 {
    match scheme {
        "http" | "ws" => 80,
        "https" | "wss" => 443,
        "ftp" => 21,
        "gopher" => 70,
        "nntp" => 119,
        "telnet" => 23,
        "ldap" => 389,
        "net.tcp" => 808,
        _ => -1,
    }
}

/// Schemes whose path is hierarchical: `\` is `/`, dot segments are resolved, an empty path is `/`.
fn hierarchical(scheme: &str) -> bool {
    matches!(
        scheme,
        "http" | "https" | "ws" | "wss" | "ftp" | "file" | "net.tcp" | "net.pipe"
    )
}

fn unreserved(b: u8) -> bool {
    b.is_ascii_alphanumeric() || matches!(b, b'-' | b'_' | b'.' | b'~')
}

fn reserved(b: u8) -> bool {
    matches!(
        b,
        b';' | b'/'
            | b'?'
            | b':'
            | b'@'
            | b'&'
            | b'='
            | b'+'
            | b'$'
            | b','
            | b'#'
            | b'['
            | b']'
            | b'!'
            | b'\''
            | b'('
            | b')'
            | b'*'
    )
}

/// Percent-encodes what may not stand in a URI; a `%` that starts no escape is encoded too. An escape of an unreserved
/// character is undone.
fn escaped(s: &str, out: &mut String) {
    let bytes = s.as_bytes();
    let mut at = 0;
    while at < bytes.len() {
        let next = s[at..].find('%').map_or(s.len(), |i| at + i);
        percent(&s[at..next], |b| unreserved(b) || reserved(b), out);
        at = next;
        if at < bytes.len() {
            match percent_byte(&bytes[at..]) {
                Some(b) if unreserved(b) => {
                    out.push(char::from(b));
                    at += 3;
                }
                Some(_) => {
                    out.push_str(&s[at..at + 3]);
                    at += 3;
                }
                None => {
                    out.push_str("%25");
                    at += 1;
                }
            }
        }
    }
}

/// `ToString()`: without the escapes that are not needed to tell the parts apart.
fn readable(s: &str) -> String {
    percent_decode(s, |c| {
        !c.is_control() && c != '%' && c != '\\' && !u8::try_from(c).is_ok_and(reserved)
    })
}

/// Resolves `.` and `..`.
fn without_dots(path: &str) -> String {
    if !path.contains("/.") {
        return path.to_string();
    }
    let mut out: Vec<&str> = Vec::new();
    let segments: Vec<&str> = path.split('/').skip(1).collect();
    let last = segments.len().saturating_sub(1);
    for (i, s) in segments.iter().enumerate() {
        match *s {
            "." | ".." => {
                if *s == ".." {
                    out.pop();
                }
                if i == last {
                    out.push("");
                }
            }
            s => out.push(s),
        }
    }
    format!("/{}", out.join("/"))
}

fn is_scheme(s: &str) -> bool {
    s.starts_with(|c: char| c.is_ascii_alphabetic())
        && s.bytes()
            .all(|b| b.is_ascii_alphanumeric() || matches!(b, b'+' | b'-' | b'.'))
}

/// Splits off the fragment and the query, escaped, each with its mark.
fn tail(rest: &str) -> (&str, String, String) {
    let (rest, fragment) = rest.find('#').map_or((rest, ""), |i| rest.split_at(i));
    let (path, query) = rest.find('?').map_or((rest, ""), |i| rest.split_at(i));
    let (mut q, mut f) = (String::new(), String::new());
    escaped(query, &mut q);
    escaped(fragment, &mut f);
    (path, q, f)
}

fn host_of(host: &str) -> Option<String> {
    if let Some(inner) = host.strip_prefix('[') {
        let address: std::net::Ipv6Addr =
            inner.strip_suffix(']')?.split('%').next()?.parse().ok()?;
        return Some(format!("[{address}]"));
    }
    let wrong = |c: char| {
        c.is_whitespace()
            || c.is_control()
            || (c.is_ascii() && !(c.is_ascii_alphanumeric() || matches!(c, '-' | '.' | '_')))
    };
    let empty_label = host.trim_end_matches('.').split('.').any(str::is_empty);
    (!host.contains(wrong) && !empty_label).then(|| host.to_lowercase())
}

fn parse(text: &str) -> Result<Parts, Wrong> {
    let text = text.trim_matches(|c: char| c.is_ascii_whitespace());
    if text.is_empty() {
        return Err(Wrong::Empty);
    }
    if text.len() > MAX && text.chars().map(char::len_utf16).sum::<usize>() > MAX {
        return Err(Wrong::TooLong);
    }
    let (scheme, rest) = text
        .split_once(':')
        .filter(|(s, _)| is_scheme(s))
        .ok_or(Wrong::NoScheme)?;
    // One letter is a drive.
    if scheme.len() == 1 {
        return Err(Wrong::NoScheme);
    }
    let scheme = scheme.to_ascii_lowercase();
    let flat = hierarchical(&scheme);
    let slash = |b: Option<&u8>| b == Some(&b'/') || (flat && b == Some(&b'\\'));
    let bytes = rest.as_bytes();
    if !(slash(bytes.first()) && slash(bytes.get(1))) {
        if flat && scheme != "file" {
            return Err(if rest.is_empty() {
                Wrong::Host
            } else {
                Wrong::NoScheme
            });
        }
        let (path, query, fragment) = tail(rest);
        let mut p = String::new();
        escaped(path, &mut p);
        let port = default_port(&scheme);
        return Ok(Parts {
            scheme,
            authority: false,
            user: String::new(),
            host: String::new(),
            port,
            path: p,
            query,
            fragment,
        });
    }
    let rest = &rest[2..];
    let end = rest
        .find(|c| matches!(c, '/' | '?' | '#') || (flat && c == '\\'))
        .unwrap_or(rest.len());
    let (authority, rest) = rest.split_at(end);
    let (user, host_port) = authority
        .rsplit_once('@')
        .map_or(("", authority), |(u, h)| (u, h));
    let colon = host_port
        .rfind(':')
        .filter(|i| !host_port[*i..].contains(']'));
    let (host, port) = colon.map_or((host_port, ""), |i| (&host_port[..i], &host_port[i + 1..]));
    let port = if port.is_empty() {
        default_port(&scheme)
    } else if port.len() <= 5 && port.bytes().all(|b| b.is_ascii_digit()) {
        port.parse()
            .ok()
            .filter(|n| *n <= 65_535)
            .ok_or(Wrong::Port)?
    } else {
        return Err(Wrong::Port);
    };
    let host = if host.is_empty() {
        // `file:///path` has no host.
        if flat && scheme != "file" {
            return Err(Wrong::Host);
        }
        String::new()
    } else {
        host_of(host).ok_or(Wrong::Host)?
    };
    let (path, query, fragment) = tail(rest);
    let mut p = String::new();
    if flat {
        escaped(&path.replace('\\', "/"), &mut p);
        p = without_dots(if p.is_empty() { "/" } else { &p });
    } else {
        escaped(path, &mut p);
    }
    let mut u = String::new();
    escaped(user, &mut u);
    Ok(Parts {
        scheme,
        authority: true,
        user: u,
        host,
        port,
        path: p,
        query,
        fragment,
    })
}

impl Parts {
    /// Host, with the port when it is not the scheme's own.
    fn authority(&self) -> String {
        if self.port == default_port(&self.scheme) || self.port < 0 {
            self.host.clone()
        } else {
            format!("{}:{}", self.host, self.port)
        }
    }

    fn left(&self) -> String {
        let user = if self.user.is_empty() {
            String::new()
        } else {
            format!("{}@", self.user)
        };
        if self.authority {
            format!("{}://{user}{}", self.scheme, self.authority())
        } else {
            format!("{}:", self.scheme)
        }
    }

    fn absolute(&self) -> String {
        format!(
            "{}{}{}{}",
            self.left(),
            self.path,
            self.query,
            self.fragment
        )
    }

    /// RFC 3986 §5.2 without the scheme's step, which the caller has done.
    fn resolve(&self, reference: &str) -> Result<Parts, Wrong> {
        let flat = hierarchical(&self.scheme);
        if reference.starts_with("//") || (flat && reference.starts_with("\\\\")) {
            return parse(&format!("{}:{reference}", self.scheme));
        }
        let (path, query, fragment) = tail(reference);
        let mut p = String::new();
        escaped(
            &if flat {
                path.replace('\\', "/")
            } else {
                path.to_string()
            },
            &mut p,
        );
        let mut out = self.clone();
        out.fragment = fragment;
        if p.is_empty() {
            if !query.is_empty() {
                out.query = query;
            }
            return Ok(out);
        }
        out.query = query;
        out.path = if p.starts_with('/') {
            without_dots(&p)
        } else {
            let folder = self.path.rfind('/').map_or("", |i| &self.path[..=i]);
            without_dots(&format!("{folder}{p}"))
        };
        Ok(out)
    }

    fn segments(&self) -> Vec<Str> {
        let mut out = Vec::new();
        let mut rest = &*self.path;
        while let Some(i) = rest.find('/') {
            out.push(Str::from(&rest[..=i]));
            rest = &rest[i + 1..];
        }
        if !rest.is_empty() {
            out.push(Str::from(rest));
        }
        out
    }

    fn is_loopback(&self) -> bool {
        let host = self.host.trim_start_matches('[').trim_end_matches(']');
        host == "localhost"
            || host == "loopback"
            || host
                .parse::<std::net::IpAddr>()
                .is_ok_and(|a| a.is_loopback())
            || (self.scheme == "file" && host.is_empty())
    }
}

fn value(original: Str, parts: Option<Parts>) -> Value {
    Value::Object(Rc::new(Uri { original, parts }))
}

/// `new Uri(text)`.
pub(in super::super) fn uri(text: &str) -> R {
    parse(text)
        .map(|p| value(text.into(), Some(p)))
        .map_err(Wrong::throw)
}

/// A URI of a `UriKind`: 0 either, 1 absolute, 2 relative.
fn of_kind(text: &Str, kind: i64) -> Result<Value, Wrong> {
    match (parse(text), kind) {
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
    let parts = match parse(reference) {
        Ok(p) => p,
        Err(Wrong::NoScheme | Wrong::Empty) => {
            base.resolve(reference.trim()).map_err(Wrong::throw)?
        }
        Err(e) => return Err(e.throw()),
    };
    Ok(value(parts.absolute().into(), Some(parts)))
}

fn this<'a>(a: &'a Args<'_>) -> Result<&'a Uri, Throw> {
    a.object::<Uri>(0)
}

fn parts<'a>(a: &'a Args<'_>) -> Result<&'a Parts, Throw> {
    this(a)?.parts.as_ref().ok_or_else(|| {
        throw(
            "InvalidOperationException",
            "This operation is not supported for a relative URI.",
        )
    })
}

fn null(name: &str) -> Throw {
    throw(
        "ArgumentNullException",
        format!("Value cannot be null. (Parameter '{name}')"),
    )
}

fn reference(a: &Args<'_>, i: usize) -> Result<Str, Throw> {
    Ok(a.object::<Uri>(i)
        .map_err(|_| null("relativeUri"))?
        .original
        .clone())
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

/// `Uri.GetLeftPart`.
fn left_part(p: &Parts, part: i64) -> String {
    match part {
        0 if p.authority => format!("{}://", p.scheme),
        0 => format!("{}:", p.scheme),
        1 if p.authority => p.left(),
        1 => String::new(),
        2 => format!("{}{}", p.left(), p.path),
        _ => format!("{}{}{}", p.left(), p.path, p.query),
    }
}

fn is_well_formed(s: &str, kind: i64) -> bool {
    let plain = |s: &str| {
        let mut out = String::new();
        percent(
            s,
            |b| unreserved(b) || reserved(b) || b == b'%' || !b.is_ascii(),
            &mut out,
        );
        let bytes = s.as_bytes();
        out == s
            && bytes
                .iter()
                .enumerate()
                .all(|(i, b)| *b != b'%' || percent_byte(&bytes[i..]).is_some())
    };
    match parse(s) {
        Ok(_) => kind != 2 && plain(s),
        Err(Wrong::NoScheme) => kind != 1 && plain(s) && !s.contains('\\'),
        Err(_) => false,
    }
}

pub(super) const ROWS: &[Row] = &[
    m("new(string uriString)", |_, a| {
        uri(a.text(0).map_err(|_| null("uriString"))?)
    }),
    m("new(string uriString, UriKind uriKind)", |_, a| {
        of_kind(&a.str(0).map_err(|_| null("uriString"))?, a.int(1)).map_err(Wrong::throw)
    }),
    m("new(Uri baseUri, string relativeUri)", |_, a| {
        let reference = a.str(1).unwrap_or_else(|_| "".into());
        joined(a.object::<Uri>(0).map_err(|_| null("baseUri"))?, &reference)
    }),
    m("new(Uri baseUri, Uri relativeUri)", |_, a| {
        let reference = reference(a, 1)?;
        joined(a.object::<Uri>(0).map_err(|_| null("baseUri"))?, &reference)
    }),
    m("const string UriSchemeHttp", |_, _| Ok(Value::from("http"))),
    m("const string UriSchemeHttps", |_, _| {
        Ok(Value::from("https"))
    }),
    m("const string SchemeDelimiter", |_, _| {
        Ok(Value::from("://"))
    }),
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
            let made = a
                .str(1)
                .ok()
                .and_then(|r| joined(a.object::<Uri>(0).ok()?, &r).ok());
            found(a, 2, made)
        },
    ),
    m(
        "static bool TryCreate(Uri baseUri, Uri relativeUri, out Uri result)",
        |_, a| {
            let made = reference(a, 1)
                .ok()
                .and_then(|r| joined(a.object::<Uri>(0).ok()?, &r).ok());
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
        Ok(Value::from(&*parts(a)?.path))
    }),
    m("string LocalPath", |_, a| {
        Ok(Value::from(percent_decode(&parts(a)?.path, |_| true)))
    }),
    m("string PathAndQuery", |_, a| {
        let p = parts(a)?;
        Ok(Value::from(format!("{}{}", p.path, p.query)))
    }),
    m("string Scheme", |_, a| Ok(Value::from(&*parts(a)?.scheme))),
    m("string Host", |_, a| Ok(Value::from(&*parts(a)?.host))),
    m("string DnsSafeHost", |_, a| {
        Ok(Value::from(
            parts(a)?.host.trim_start_matches('[').trim_end_matches(']'),
        ))
    }),
    m("string Authority", |_, a| {
        Ok(Value::from(parts(a)?.authority()))
    }),
    m("string UserInfo", |_, a| Ok(Value::from(&*parts(a)?.user))),
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
    m("string Query", |_, a| {
        Ok(Value::from(one_mark(&parts(a)?.query)))
    }),
    m("string Fragment", |_, a| {
        Ok(Value::from(one_mark(&parts(a)?.fragment)))
    }),
    m("string[] Segments", |_, a| {
        Ok(Value::strings(parts(a)?.segments()))
    }),
    m("string GetLeftPart(UriPartial part)", |_, a| {
        Ok(Value::from(left_part(parts(a)?, a.int(1))))
    }),
    m("bool IsBaseOf(Uri uri)", |_, a| {
        let (p, o) = (parts(a)?, a.object::<Uri>(1)?);
        let folder = p.path.rfind('/').map_or("", |i| &p.path[..=i]);
        Ok(Value::Bool(o.parts.as_ref().is_none_or(|o| {
            o.scheme == p.scheme
                && o.host == p.host
                && o.port == p.port
                && o.path.starts_with(folder)
        })))
    }),
    m("string ToString()", |cx, a| {
        let s = this(a)?.text();
        cx.text(s)
    }),
    m("static bool operator ==(Uri uri1, Uri uri2)", |_, a| {
        Ok(Value::Bool(same(a)))
    }),
    m("static bool operator !=(Uri uri1, Uri uri2)", |_, a| {
        Ok(Value::Bool(!same(a)))
    }),
];

/// A lone `?` or `#` is no query and no fragment.
fn one_mark(s: &str) -> &str {
    if s.len() == 1 { "" } else { s }
}
