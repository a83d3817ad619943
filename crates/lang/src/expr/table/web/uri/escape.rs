//! Escapes in the parts of a URI: as they are written, as they are shown, and what has none that is not needed.

use super::super::{percent, percent_byte, percent_decode};

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

/// Percent-encodes what may not stand in a URI; a `%` that starts no escape is encoded too, or every one.
pub(super) fn escaped(s: &str, every: bool, keep: impl Fn(u8) -> bool) -> String {
    let mut out = String::with_capacity(s.len());
    let mut at = 0;
    while let Some(next) = s[at..].find('%').map(|i| at + i) {
        percent(&s[at..next], &keep, &mut out);
        let whole = !every && percent_byte(&s.as_bytes()[next..]).is_some();
        out.push_str(if whole { &s[next..next + 3] } else { "%25" });
        at = next + if whole { 3 } else { 1 };
    }
    percent(&s[at..], &keep, &mut out);
    out
}

/// Whether a text is read as an internationalised one: it holds a character beyond ASCII, or an escape that stands for one,
/// for nothing, or for a character that needs none.
pub(super) fn is_international(s: &str) -> bool {
    let bytes = s.as_bytes();
    let mut at = 0;
    while let Some(b) = bytes.get(at) {
        if !b.is_ascii() {
            return true;
        }
        if *b == b'%' && at + 2 < bytes.len() {
            if percent_byte(&bytes[at..]).is_none_or(|b| !b.is_ascii() || unreserved(b)) {
                return true;
            }
            at += 2;
        }
        at += 1;
    }
    false
}

/// Characters beyond ASCII that such a URI may hold.
fn is_international_char(c: char) -> bool {
    matches!(c, '\u{a0}'..='\u{d7ff}' | '\u{f900}'..='\u{fdcf}' | '\u{fdf0}'..='\u{ffef}')
        || (c >= '\u{10000}' && u32::from(c) & 0xffff < 0xfffe)
}

/// A part of such a text without the escapes that are not needed. Those that stay of characters beyond ASCII are written in
/// capital letters.
pub(super) fn international(s: &str) -> String {
    let plain = percent_decode(s, |c| {
        if c.is_ascii() {
            !c.is_control() && !matches!(c, '%' | '\\') && !reserved(c as u8)
        } else {
            is_international_char(c)
        }
    });
    let mut out = String::with_capacity(plain.len());
    let mut at = 0;
    while let Some(c) = plain[at..].chars().next() {
        match percent_byte(&plain.as_bytes()[at..]) {
            Some(b) if !b.is_ascii() => {
                out.push_str(&plain[at..at + 3].to_ascii_uppercase());
                at += 3;
                continue;
            }
            _ if !c.is_ascii() && !is_international_char(c) => {
                percent(&plain[at..at + c.len_utf8()], |_| false, &mut out);
            }
            _ => out.push(c),
        }
        at += c.len_utf8();
    }
    out
}

/// As `ToString()` has it: without the escapes that are not needed to tell the parts apart. Control characters are escaped
/// where a `safe` text is wanted.
pub(super) fn readable(s: &str, safe: bool) -> String {
    let shown = percent_decode(s, |c| {
        if c.is_ascii() {
            !c.is_control()
                && !matches!(
                    c,
                    '#' | '$' | '%' | '&' | '+' | ',' | '/' | ';' | '=' | '?' | '@' | '\\'
                )
        } else {
            is_international_char(c)
        }
    });
    let mut out = String::with_capacity(shown.len());
    for (i, c) in shown.char_indices() {
        let lone = c == '%' && percent_byte(&shown.as_bytes()[i..]).is_none();
        if lone || (safe && c.is_control()) {
            percent(&shown[i..i + c.len_utf8()], |_| false, &mut out);
        } else {
            out.push(c);
        }
    }
    out
}

/// Whether a part needs no further escape: see `Uri.IsWellFormedOriginalString`.
pub(super) fn is_well_escaped(s: &str) -> bool {
    if !s.is_ascii() {
        return !s.contains(|c: char| {
            c.is_control()
                || c == '\\'
                || c == '%'
                || (c.is_ascii() && !unreserved(c as u8) && !reserved(c as u8))
                || matches!(c, '[' | ']')
        });
    }
    let bytes = s.as_bytes();
    bytes.iter().enumerate().all(|(i, b)| match b {
        b'%' => percent_byte(&bytes[i..]).is_some(),
        b'[' | b']' | b'#' => false,
        b => unreserved(*b) || reserved(*b),
    })
}
