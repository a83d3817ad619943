//! The host of a URI: which texts are one, of which sort, and how it is written.

use super::super::address::{parse_v4, v6_text};
use super::Sort;
use super::syntax::{INTERNET_HOST, Syntax, UNC_HOST, UNKNOWN};
use std::net::{Ipv4Addr, Ipv6Addr};
use unicode_normalization::UnicodeNormalization;

/// A host in its normal form.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Host {
    pub(super) sort: Sort,
    pub(super) name: String,
    /// What stands behind an IPv6 address, with its `%`.
    pub(super) scope: String,
    pub(super) loopback: bool,
}

impl Host {
    /// No host: `known` is whether there is a place for one, which stands for this machine then.
    pub(super) fn none(known: bool) -> Host {
        Host {
            sort: if known { Sort::Basic } else { Sort::Unknown },
            name: String::new(),
            scope: String::new(),
            loopback: known,
        }
    }

    /// The host that a text begins with, and its length. In an `implicit` file, which is given as a path, only a slash ends it.
    pub(super) fn read(text: &str, syntax: Syntax, implicit: bool) -> Option<(Host, usize)> {
        if syntax.has(INTERNET_HOST)
            && let Some(found) = v6(text)
                .or_else(|| v4(text, syntax, implicit))
                .or_else(|| dns(text, implicit))
        {
            return Some(found);
        }
        unc(text, implicit).filter(|_| syntax.has(UNC_HOST))
    }
}

/// Where a host ends at the latest.
fn end(text: &str, implicit: bool) -> usize {
    text.find(|c| matches!(c, '/' | '\\') || (!implicit && matches!(c, ':' | '?' | '#')))
        .unwrap_or(text.len())
}

/// An IPv6 address in brackets.
fn v6(text: &str) -> Option<(Host, usize)> {
    let inner = text.strip_prefix('[')?;
    let close = inner.find(']')?;
    let (address, scope) = inner[..close].split_at(inner[..close].find('%').unwrap_or(close));
    let address: Ipv6Addr = address.parse().ok()?;
    let length = close + 2;
    let follows = text[length..].chars().next();
    if follows.is_some_and(|c| !matches!(c, '/' | '\\' | ':' | '?' | '#')) {
        return None;
    }
    let host = Host {
        sort: Sort::V6,
        name: format!("[{}]", v6_text(address)),
        scope: scope.to_string(),
        loopback: address.is_loopback() || address.to_ipv4() == Some(Ipv4Addr::LOCALHOST),
    };
    Some((host, length))
}

/// An IPv4 address, also in its short forms.
fn v4(text: &str, syntax: Syntax, implicit: bool) -> Option<(Host, usize)> {
    let length = end(text, implicit);
    let text = &text[..length];
    if !text.starts_with(|c: char| c.is_ascii_digit()) {
        return None;
    }
    // A scheme that is not known takes no short forms.
    let address = if syntax.has(UNKNOWN) {
        plain_v4(text)?
    } else {
        parse_v4(text)?
    };
    let host = Host {
        sort: Sort::V4,
        name: address.to_string(),
        scope: String::new(),
        loopback: address.is_loopback(),
    };
    Some((host, length))
}

/// Four decimal numbers; only the last may begin with a zero.
fn plain_v4(text: &str) -> Option<Ipv4Addr> {
    let parts: Vec<&str> = text.split('.').collect();
    let [first @ .., last] = &*parts else {
        return None;
    };
    let zero = |s: &str| s.len() > 1 && s.starts_with('0');
    if first.len() != 3 || first.iter().any(|s| zero(s)) || last.starts_with("00") {
        return None;
    }
    let byte = |s: &&str| {
        let digits = s.len() <= 4 && s.bytes().all(|b| b.is_ascii_digit());
        s.parse::<u8>().ok().filter(|_| digits)
    };
    let bytes: Vec<u8> = parts.iter().map(byte).collect::<Option<_>>()?;
    <[u8; 4]>::try_from(bytes).ok().map(Ipv4Addr::from)
}

/// Names of at most 63 characters, each beginning with a letter or digit, or with what is beyond Latin-1's controls.
fn dns(text: &str, implicit: bool) -> Option<(Host, usize)> {
    let length = end(text, implicit);
    let text = &text[..length];
    let part = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.') || c >= '\u{a0}';
    if !text.chars().all(part) {
        return None;
    }
    let labels: Vec<&str> = text.split(is_dot).collect();
    for (i, label) in labels.iter().enumerate() {
        if label.is_empty() && i > 0 && i + 1 == labels.len() {
            break;
        }
        let mut size: usize = label
            .chars()
            .map(|c| c.len_utf16() + usize::from(c > '\u{ff}'))
            .sum();
        if !label.is_ascii() {
            size += 4;
        }
        let begins = label.starts_with(|c: char| c.is_ascii_alphanumeric() || c >= '\u{a0}');
        if !begins || size > 63 {
            return None;
        }
    }
    Some((named(Sort::Dns, text), length))
}

/// The dots of domain names.
pub(super) fn is_dot(c: char) -> bool {
    matches!(c, '.' | '\u{3002}' | '\u{ff0e}' | '\u{ff61}')
}

/// A name of a Windows network: letters, digits, `-` and `_` between single dots, the first of them not digits only, and
/// from the third on beginning with a letter or digit.
fn unc(text: &str, implicit: bool) -> Option<(Host, usize)> {
    let length = end(text, implicit);
    let text = &text[..length];
    let part = |c: char| c.is_alphabetic() || c.is_ascii_digit() || matches!(c, '-' | '_');
    let labels: Vec<&str> = text.split('.').collect();
    for (i, label) in labels.iter().enumerate() {
        let last = i > 0 && i + 1 == labels.len();
        let begins = i < 2 || !label.starts_with(['-', '_']);
        if (label.is_empty() && !last) || !begins || !label.chars().all(part) {
            return None;
        }
    }
    let lettered = !labels[0].chars().all(|c| c.is_ascii_digit());
    (lettered && length <= 256).then(|| (named(Sort::Basic, text), length))
}

fn named(sort: Sort, text: &str) -> Host {
    // Only a capital letter of ASCII makes .NET write a host in small letters.
    let capital = text.contains(|c: char| c.is_ascii_uppercase());
    let mut name: String = match capital {
        true => text.to_lowercase(),
        false => text.to_string(),
    };
    if !name.is_ascii() {
        name = name.nfc().collect();
    }
    let loopback = matches!(&*name, "localhost" | "loopback");
    if loopback {
        name = "localhost".into();
    }
    Host {
        sort,
        name,
        scope: String::new(),
        loopback,
    }
}

/// `Uri.CheckHostName`.
pub(super) fn check(name: &str) -> Sort {
    let whole =
        |found: Option<(Host, usize)>| found.filter(|(_, n)| *n == name.len()).map(|(h, _)| h.sort);
    if name.starts_with('[') {
        return whole(v6(name)).unwrap_or(Sort::Unknown);
    }
    let bare = format!("[{name}]");
    whole(v4(name, Syntax::of("http"), false))
        .or_else(|| whole(dns(name, false)))
        .or_else(|| v6(&bare).map(|_| Sort::V6))
        .unwrap_or(Sort::Unknown)
}
