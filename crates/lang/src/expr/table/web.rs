//! `WebUtility`; `HttpUtility` in [`http`], `IPAddress` in [`address`], `Uri` in [`uri`], `UriBuilder` in [`uri::builder`].

mod address;
mod entities;
mod http;
mod uri;

use super::{Row, Type, m, ty};
use crate::expr::eval::{Args, Cx, R, Throw, throw};
use crate::value::{Str, Value};

pub(crate) use uri::original;
pub(super) use uri::uri;

const HEX: &[u8; 16] = b"0123456789ABCDEF";

/// Percent-encodes every byte of a text that is not kept.
fn percent(s: &str, keep: impl Fn(u8) -> bool, out: &mut String) {
    percent_bytes(s.as_bytes(), keep, out);
}

fn percent_bytes(bytes: &[u8], keep: impl Fn(u8) -> bool, out: &mut String) {
    for &b in bytes {
        if keep(b) {
            out.push(char::from(b));
        } else {
            out.push('%');
            out.push(char::from(HEX[usize::from(b >> 4)]));
            out.push(char::from(HEX[usize::from(b & 15)]));
        }
    }
}

/// The byte of `%XX` at the start.
fn percent_byte(b: &[u8]) -> Option<u8> {
    match b {
        [b'%', h, l, ..] => {
            let digit = |b: &u8| char::from(*b).to_digit(16);
            Some((digit(h)? * 16 + digit(l)?) as u8)
        }
        _ => None,
    }
}

/// Decodes `%XX` that make up UTF-8 characters which are wanted; everything else stays.
fn percent_decode(s: &str, wanted: impl Fn(char) -> bool) -> String {
    let bytes = s.as_bytes();
    let mut out = String::with_capacity(s.len());
    let mut at = 0;
    while let Some(next) = s[at..].find('%') {
        out.push_str(&s[at..at + next]);
        at += next;
        let mut run = Vec::new();
        while let Some(b) = percent_byte(&bytes[at + run.len() * 3..]) {
            run.push(b);
        }
        if run.is_empty() {
            out.push('%');
            at += 1;
            continue;
        }
        let mut done = 0;
        for chunk in run.utf8_chunks() {
            for c in chunk.valid().chars() {
                let n = c.len_utf8();
                if wanted(c) {
                    out.push(c);
                } else {
                    out.push_str(&s[at + done * 3..at + (done + n) * 3]);
                }
                done += n;
            }
            let n = chunk.invalid().len();
            out.push_str(&s[at + done * 3..at + (done + n) * 3]);
            done += n;
        }
        at += run.len() * 3;
    }
    out.push_str(&s[at..]);
    out
}

/// `WebUtility.UrlEncode`.
pub(crate) fn url_encode(s: &str) -> String {
    url_encode_bytes(s.as_bytes())
}

fn url_encode_bytes(bytes: &[u8]) -> String {
    let mut out = String::with_capacity(bytes.len() * 3 / 2);
    for (i, piece) in bytes.split(|b| *b == b' ').enumerate() {
        if i > 0 {
            out.push('+');
        }
        percent_bytes(piece, url_safe, &mut out);
    }
    out
}

/// What `UrlEncode` keeps.
fn url_safe(b: u8) -> bool {
    b.is_ascii_alphanumeric() || matches!(b, b'-' | b'_' | b'.' | b'!' | b'*' | b'(' | b')')
}

/// `WebUtility.UrlDecode`: bytes that are no UTF-8 become the replacement character.
pub(crate) fn url_decode(s: &str) -> String {
    text_of(url_decode_bytes(s.as_bytes()))
}

fn text_of(out: Vec<u8>) -> String {
    String::from_utf8(out).unwrap_or_else(|e| String::from_utf8_lossy(e.as_bytes()).into_owned())
}

fn url_decode_bytes(bytes: &[u8]) -> Vec<u8> {
    let mut out = Vec::with_capacity(bytes.len());
    let mut at = 0;
    while let Some(&b) = bytes.get(at) {
        match percent_byte(&bytes[at..]) {
            Some(decoded) => {
                out.push(decoded);
                at += 3;
            }
            None => {
                out.push(if b == b'+' { b' ' } else { b });
                at += 1;
            }
        }
    }
    out
}

/// Names and values of an `application/x-www-form-urlencoded` text, decoded.
pub(super) fn form_pairs(s: &str) -> Vec<(String, String)> {
    pairs(s)
        .map(|(n, v)| (url_decode(n), url_decode(v)))
        .collect()
}

/// The same, not decoded.
fn pairs(s: &str) -> impl Iterator<Item = (&str, &str)> {
    s.split('&')
        .filter(|p| !p.is_empty())
        .map(|p| p.split_once('=').unwrap_or((p, "")))
}

/// The values that a query gives a name; names differ by more than case.
pub(crate) fn query_values(query: &str, name: &str) -> impl Iterator<Item = Str> {
    pairs(query.strip_prefix('?').unwrap_or(query))
        .filter(move |(n, _)| {
            if n.contains(['%', '+']) {
                url_decode(n).eq_ignore_ascii_case(name)
            } else {
                n.eq_ignore_ascii_case(name)
            }
        })
        .map(|(_, v)| {
            if v.contains(['%', '+']) {
                url_decode(v).into()
            } else {
                v.into()
            }
        })
}

/// Names and values of a query string with or without its `?`.
pub(super) fn query_pairs(query: &str) -> Vec<(String, String)> {
    form_pairs(query.strip_prefix('?').unwrap_or(query))
}

pub(crate) fn html_encode(s: &str) -> String {
    let mut out = String::with_capacity(s.len() + 16);
    for c in s.chars() {
        match c {
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '&' => out.push_str("&amp;"),
            '"' => out.push_str("&quot;"),
            '\'' => out.push_str("&#39;"),
            // Latin-1 letters and what lies beyond the Basic Multilingual Plane.
            '\u{a0}'..='\u{ff}' | '\u{10000}'.. => out.push_str(&format!("&#{};", u32::from(c))),
            c => out.push(c),
        }
    }
    out
}

fn html_decode(s: &str) -> String {
    let mut out = String::with_capacity(s.len());
    let mut rest = s;
    while let Some(at) = rest.find('&') {
        out.push_str(&rest[..at]);
        rest = &rest[at..];
        // .NET looks for the `;` before the next `&`.
        let found = rest[1..]
            .find([';', '&'])
            .filter(|end| rest.as_bytes()[end + 1] == b';')
            .and_then(|end| {
                let name = &rest[1..=end];
                let c = match name.strip_prefix('#') {
                    Some(n) => {
                        let n = match n.strip_prefix(['x', 'X']) {
                            Some(h) => u32::from_str_radix(h, 16).ok()?,
                            // .NET allows white space here.
                            None => n.trim().parse().ok()?,
                        };
                        char::from_u32(n)?
                    }
                    None => entities::named(name)?,
                };
                Some((c, end + 2))
            });
        match found {
            Some((c, len)) => {
                out.push(c);
                rest = &rest[len..];
            }
            None => {
                out.push('&');
                rest = &rest[1..];
            }
        }
    }
    out.push_str(rest);
    out
}

/// A function from text to text; null stays null.
fn mapped(cx: &mut Cx<'_>, a: &mut Args<'_>, f: fn(&str) -> String) -> R {
    match a.take(0) {
        Value::Str(s) => {
            let out = f(&s);
            cx.text(Str::from(out))
        }
        _ => Ok(Value::Null),
    }
}

/// The bytes that `*ToBytes` work on: a part of an array.
fn part(a: &Args<'_>) -> Result<Option<Vec<u8>>, Throw> {
    let (offset, count) = (a.int(1), a.int(2));
    let Ok(bytes) = a.bytes(0) else {
        return if count == 0 {
            Ok(None)
        } else {
            Err(super::dates::null_argument("bytes"))
        };
    };
    let outside = |name: &str| {
        super::dates::out_of_range(
            "Specified argument was out of the range of valid values.",
            name,
        )
    };
    let from = usize::try_from(offset)
        .ok()
        .filter(|n| *n <= bytes.len())
        .ok_or_else(|| outside("offset"))?;
    let n = usize::try_from(count).map_err(|_| outside("count"))?;
    // .NET adds the two as 32 bits, and reads beyond the end where they are too much for that.
    if (offset as i32).checked_add(count as i32).is_none() {
        return Err(throw(
            "IndexOutOfRangeException",
            "Index was outside the bounds of the array.",
        ));
    }
    let part = bytes.get(from..from.saturating_add(n));
    Ok(Some(part.ok_or_else(|| outside("count"))?.to_vec()))
}

/// A function from bytes to bytes; null stays null.
fn bytes(cx: &mut Cx<'_>, a: &Args<'_>, f: fn(&[u8]) -> Vec<u8>) -> R {
    Ok(match part(a)? {
        Some(b) => {
            let out = f(&b);
            cx.charge(out.len())?;
            cx.step(out.len() / 64)?;
            Value::Bytes(out.into())
        }
        None => Value::Null,
    })
}

const WEB_UTILITY: &[Row] = &[
    m("static string UrlEncode(string value)", |cx, a| {
        mapped(cx, a, url_encode)
    }),
    m("static string UrlDecode(string encodedValue)", |cx, a| {
        mapped(cx, a, url_decode)
    }),
    m("static string HtmlEncode(string value)", |cx, a| {
        mapped(cx, a, html_encode)
    }),
    m("static string HtmlDecode(string value)", |cx, a| {
        mapped(cx, a, html_decode)
    }),
    m(
        "static byte[] UrlEncodeToBytes(byte[] value, int offset, int count)",
        |cx, a| bytes(cx, a, |b| url_encode_bytes(b).into_bytes()),
    ),
    m(
        "static byte[] UrlDecodeToBytes(byte[] encodedValue, int offset, int count)",
        |cx, a| bytes(cx, a, url_decode_bytes),
    ),
];

pub(super) const TYPES: &[Type] = &[
    ty("static System.Net.WebUtility", WEB_UTILITY),
    ty("static System.Web.HttpUtility", http::ROWS),
    ty(
        "class System.Collections.Specialized.NameValueCollection : IEnumerable<string>",
        http::COLLECTION,
    ),
    ty("class System.Net.IPAddress", address::ROWS),
    ty("class System.Uri", uri::ROWS),
    ty("class System.UriBuilder", uri::builder::ROWS),
];

#[cfg(test)]
mod tests {
    #[test]
    fn entities_are_in_order() {
        assert!(super::entities::ENTITIES.is_sorted_by_key(|(n, _)| *n));
        assert_eq!(super::entities::named("eacute"), Some('é'));
        assert_eq!(super::entities::named("nope"), None);
    }
}
