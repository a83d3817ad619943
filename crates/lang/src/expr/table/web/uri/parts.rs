//! An absolute URI in its parts: reading, normal form, resolution of references (RFC 3986 as .NET applies it).

use super::super::{percent, percent_byte, percent_decode};
use crate::expr::eval::{Throw, throw};
use crate::value::Str;

/// Longest text that .NET takes (65519 characters).
const MAX: usize = 65_519;

/// The parts in normal form.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Parts {
    pub(super) scheme: String,
    /// Whether `//` and a host follow the scheme.
    pub(super) authority: bool,
    /// What stands before an `@`.
    pub(super) user: Option<String>,
    pub(super) host: String,
    /// -1: none.
    pub(super) port: i32,
    pub(super) path: String,
    /// With its `?`.
    pub(super) query: String,
    /// With its `#`.
    pub(super) fragment: String,
}

/// Why a text is no absolute URI.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Wrong {
    Empty,
    TooLong,
    /// No scheme: it may still be a relative reference.
    NoScheme,
    Host,
    Port,
    /// A drive without a slash after it.
    Drive,
}

impl Wrong {
    pub(super) fn throw(self) -> Throw {
        throw(
            "UriFormatException",
            match self {
                Wrong::Empty => "Invalid URI: The URI is empty.",
                Wrong::TooLong => "Invalid URI: The Uri string is too long.",
                Wrong::NoScheme => "Invalid URI: The format of the URI could not be determined.",
                Wrong::Host => "Invalid URI: The hostname could not be parsed.",
                Wrong::Port => "Invalid URI: Invalid port specified.",
                Wrong::Drive => "Invalid URI: A Dos path must be rooted, for example, 'c:\\\\'.",
            },
        )
    }
}

pub(super) fn default_port(scheme: &str) -> i32 {
    match scheme {
        "http" | "ws" => 80,
        "https" | "wss" => 443,
        "ftp" => 21,
        "gopher" => 70,
        "nntp" => 119,
        "telnet" => 23,
        "ldap" => 389,
        "mailto" => 25,
        "net.tcp" => 808,
        _ => -1,
    }
}

/// Schemes whose path is hierarchical: `\` is `/`, dot segments are resolved, an empty path is `/`.
pub(super) fn hierarchical(scheme: &str) -> bool {
    matches!(
        scheme,
        "http" | "https" | "ws" | "wss" | "ftp" | "file" | "net.tcp" | "net.pipe"
    )
}

pub(super) fn unreserved(b: u8) -> bool {
    b.is_ascii_alphanumeric() || matches!(b, b'-' | b'_' | b'.' | b'~')
}

pub(super) fn reserved(b: u8) -> bool {
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
                // Escapes of characters beyond ASCII are written in one way; others stay as they are.
                Some(b) if !b.is_ascii() => {
                    out.push_str(&s[at..at + 3].to_ascii_uppercase());
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
pub(super) fn readable(s: &str) -> String {
    percent_decode(s, |c| {
        !c.is_control()
            && !matches!(
                c,
                '#' | '$' | '%' | '&' | '+' | ',' | '/' | ';' | '=' | '?' | '@' | '\\'
            )
    })
}

/// Resolves `.` and `..`.
pub(super) fn without_dots(path: &str) -> String {
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

pub(super) fn is_scheme(s: &str) -> bool {
    s.starts_with(|c: char| c.is_ascii_alphabetic())
        && s.bytes()
            .all(|b| b.is_ascii_alphanumeric() || matches!(b, b'+' | b'-' | b'.'))
}

/// Schemes that have no query: a question mark is a character of the path.
pub(super) fn queried(scheme: &str) -> bool {
    !matches!(scheme, "ftp" | "gopher" | "telnet" | "nntp" | "news")
}

/// An escaped path as a scheme has it: without a query, a question mark is escaped too.
fn path_of(path: String, scheme: &str) -> String {
    if queried(scheme) {
        path
    } else {
        path.replace('?', "%3F")
    }
}

/// Splits off the fragment and the query, escaped, each with its mark.
fn tail<'t>(rest: &'t str, scheme: &str) -> (&'t str, String, String) {
    let (rest, fragment) = rest.find('#').map_or((rest, ""), |i| rest.split_at(i));
    let mark = rest.find('?').filter(|_| queried(scheme));
    let (path, query) = mark.map_or((rest, ""), |i| rest.split_at(i));
    let (mut q, mut f) = (String::new(), String::new());
    escaped(query, &mut q);
    escaped(fragment, &mut f);
    (path, q, f)
}

/// A host as it is written; `known` is whether the scheme is one whose hosts may be addresses in one of their short forms.
fn host_of(host: &str, known: bool) -> Option<String> {
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
    // A number is an address in one of its short forms.
    if known && let Some(v4) = super::super::address::parse_v4(host) {
        return Some(v4.to_string());
    }
    let empty_label = host.trim_end_matches('.').split('.').any(str::is_empty);
    // Only a capital letter of ASCII makes .NET write a host in small letters.
    let capital = host.contains(|c: char| c.is_ascii_uppercase());
    (!host.contains(wrong) && !empty_label).then(|| match capital {
        true => host.to_lowercase(),
        false => host.to_string(),
    })
}

/// Splits what stands before an `@` off, escaped.
fn user_of(s: &str) -> (Option<String>, &str) {
    match s.rsplit_once('@') {
        Some((user, host)) => {
            let mut u = String::new();
            escaped(user, &mut u);
            (Some(u), host)
        }
        None => (None, s),
    }
}

/// The `file:` URI of a path as Windows writes it: `C:\\dir`, `\\\\server\\share`.
pub(super) fn file_path(text: &str) -> Option<String> {
    let slash = |b: Option<&u8>| matches!(b, Some(b'/' | b'\\'));
    let bytes = text.as_bytes();
    match bytes {
        [drive, b':', ..] if drive.is_ascii_alphabetic() && slash(bytes.get(2)) => {
            Some(format!("file:///{text}"))
        }
        [first, second, rest @ ..]
            if slash(Some(first))
                && slash(Some(second))
                && rest.first().is_some_and(u8::is_ascii_alphanumeric) =>
        {
            Some(format!("file:{text}"))
        }
        _ => None,
    }
}

pub(super) fn parse(text: &str) -> Result<Parts, Wrong> {
    let whole = text.trim_start_matches(|c: char| c.is_ascii_whitespace());
    let text = whole.trim_end_matches(|c: char| c.is_ascii_whitespace());
    let behind = &whole[text.len()..];
    if !behind.is_empty() && !text.is_ascii() && text.len() <= MAX {
        let mut p = parse(text)?;
        if p.authority && p.scheme != "file" {
            // .NET reads what is not ASCII again, from the text as it was given.
            let last = match (&mut p.query, &mut p.fragment) {
                (_, f) if !f.is_empty() => f,
                (q, _) if !q.is_empty() => q,
                _ => &mut p.path,
            };
            escaped(behind, last);
        }
        return Ok(p);
    }
    if text.is_empty() {
        return Err(Wrong::Empty);
    }
    if text.len() > MAX && text.chars().map(char::len_utf16).sum::<usize>() > MAX {
        return Err(Wrong::TooLong);
    }
    if let Some(file) = file_path(text) {
        return parse(&file);
    }
    let (scheme, rest) = text
        .split_once(':')
        .filter(|(s, _)| is_scheme(s))
        .ok_or(Wrong::NoScheme)?;
    // One letter is a drive.
    if scheme.len() == 1 {
        return Err(if rest.is_empty() {
            Wrong::NoScheme
        } else {
            Wrong::Drive
        });
    }
    let scheme = scheme.to_ascii_lowercase();
    let flat = hierarchical(&scheme);
    let slash = |b: Option<&u8>| b == Some(&b'/') || (flat && b == Some(&b'\\'));
    let bytes = rest.as_bytes();
    if !(slash(bytes.first()) && slash(bytes.get(1))) {
        if flat {
            return Err(Wrong::NoScheme);
        }
        let (path, query, fragment) = tail(rest, &scheme);
        let port = default_port(&scheme);
        if scheme == "mailto" && !path.is_empty() {
            let (user, host) = user_of(path);
            let host = host_of(host, true).ok_or(Wrong::Host)?;
            return Ok(Parts {
                scheme,
                authority: false,
                user,
                host,
                port,
                path: String::new(),
                query,
                fragment,
            });
        }
        let mut p = String::new();
        escaped(path, &mut p);
        let p = path_of(p, &scheme);
        return Ok(Parts {
            scheme,
            authority: false,
            user: None,
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
    let (user, host_port) = user_of(authority);
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
        host_of(host, default_port(&scheme) >= 0).ok_or(Wrong::Host)?
    };
    let (path, query, fragment) = tail(rest, &scheme);
    let mut p = String::new();
    if flat {
        escaped(&path.replace('\\', "/"), &mut p);
        p = without_dots(if p.is_empty() { "/" } else { &p });
    } else {
        escaped(path, &mut p);
    }
    let path = path_of(p, &scheme);
    Ok(Parts {
        scheme,
        authority: true,
        user,
        host,
        port,
        path,
        query,
        fragment,
    })
}

impl Parts {
    /// Host, with the port when it is not the scheme's own.
    pub(super) fn authority(&self) -> String {
        if self.port == default_port(&self.scheme) || self.port < 0 {
            self.host.clone()
        } else {
            format!("{}:{}", self.host, self.port)
        }
    }

    pub(super) fn left(&self) -> String {
        let user = self
            .user
            .as_ref()
            .map_or_else(String::new, |u| format!("{u}@"));
        if self.authority {
            format!("{}://{user}{}", self.scheme, self.authority())
        } else {
            format!("{}:{user}{}", self.scheme, self.host)
        }
    }

    pub(super) fn absolute(&self) -> String {
        format!(
            "{}{}{}{}",
            self.left(),
            self.path,
            self.query,
            self.fragment
        )
    }

    /// RFC 3986 §5.2 without the scheme's step, which the caller has done.
    pub(super) fn resolve(&self, reference: &str) -> Result<Parts, Wrong> {
        let flat = hierarchical(&self.scheme);
        if reference.starts_with("//") || (flat && reference.starts_with("\\\\")) {
            return parse(&format!("{}:{reference}", self.scheme));
        }
        let (path, query, fragment) = tail(reference, &self.scheme);
        let mut p = String::new();
        escaped(
            &if flat {
                path.replace('\\', "/")
            } else {
                path.to_string()
            },
            &mut p,
        );
        let p = path_of(p, &self.scheme);
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

    /// Whether it is a path on a drive: `file:///C:/x`.
    pub(super) fn is_drive(&self) -> bool {
        let path = self.path.as_bytes();
        self.scheme == "file"
            && self.host.is_empty()
            && matches!(path, [b'/', d, b':', ..] if d.is_ascii_alphabetic())
    }

    /// `AbsolutePath`: that of a drive starts with the drive.
    pub(super) fn absolute_path(&self) -> &str {
        match self.path.strip_prefix('/') {
            Some(path) if self.is_drive() => path,
            _ => &self.path,
        }
    }

    /// `LocalPath`: unescaped, and as Windows writes it when it is a file's.
    pub(super) fn local_path(&self) -> String {
        let path = percent_decode(self.absolute_path(), |_| true);
        if self.is_drive() {
            path.replace('/', "\\")
        } else if self.scheme == "file" && !self.host.is_empty() {
            format!("//{}{path}", self.host).replace('/', "\\")
        } else {
            path
        }
    }

    /// `HostNameType`: 0 unknown, 1 basic, 2 DNS, 3 IPv4, 4 IPv6.
    pub(super) fn host_type(&self) -> i64 {
        match &*self.host {
            "" if self.authority => 1,
            "" => 0,
            host => host_type(host),
        }
    }

    pub(super) fn segments(&self) -> Vec<Str> {
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

    pub(super) fn is_loopback(&self) -> bool {
        let host = self.host.trim_start_matches('[').trim_end_matches(']');
        host == "localhost"
            || host == "loopback"
            || host
                .parse::<std::net::IpAddr>()
                .is_ok_and(|a| a.is_loopback())
            || (self.scheme == "file" && host.is_empty())
    }
}

/// Sort of a host that is one.
fn host_type(host: &str) -> i64 {
    if host.starts_with('[') {
        4
    } else if host.parse::<std::net::Ipv4Addr>().is_ok() {
        3
    } else {
        2
    }
}

/// `Uri.CheckHostName`.
pub(super) fn check_host(name: &str) -> i64 {
    let bare = name
        .strip_prefix('[')
        .and_then(|n| n.strip_suffix(']'))
        .unwrap_or(name);
    if bare.contains(':') {
        return if host_of(&format!("[{bare}]"), true).is_some() {
            4
        } else {
            0
        };
    }
    if name.is_empty() || name.starts_with('-') {
        return 0;
    }
    host_of(name, true).map_or(0, |h| host_type(&h))
}

/// `Uri.GetLeftPart`.
pub(super) fn left_part(p: &Parts, part: i64) -> String {
    match part {
        0 if p.authority => format!("{}://", p.scheme),
        0 => format!("{}:", p.scheme),
        1 if p.authority && !p.is_drive() => p.left(),
        1 => String::new(),
        2 => format!("{}{}", p.left(), p.path),
        _ => format!("{}{}{}", p.left(), p.path, p.query),
    }
}
