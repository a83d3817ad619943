//! `Uri.GetComponents`, `MakeRelativeUri` and host names in ASCII.

use super::super::percent_decode;
use super::escape::{escaped, readable, reserved, unreserved};
use super::host::is_dot;
use super::not_relative;
use super::parts::Parts;
use super::syntax::default_port;
use crate::expr::eval::{Throw, throw};

const SCHEME: i64 = 1;
const USER: i64 = 2;
const HOST: i64 = 4;
const PORT: i64 = 8;
const PATH: i64 = 16;
const QUERY: i64 = 32;
const FRAGMENT: i64 = 64;
const STRONG_PORT: i64 = 128;
const NORMALIZED_HOST: i64 = 256;
const KEEP_DELIMITER: i64 = 0x4000_0000;
pub(super) const SERIALIZED: i64 = -0x8000_0000;
const ABSOLUTE: i64 = 127;

fn wrong(name: &str, message: &str) -> Throw {
    throw(
        "ArgumentOutOfRangeException",
        format!("{message} (Parameter '{name}')"),
    )
}

fn wrong_format() -> Throw {
    wrong(
        "format",
        "Specified argument was out of the range of valid values.",
    )
}

/// `GetComponents` of a relative reference as a whole.
pub(super) fn serialized(text: &str, format: i64) -> Result<String, Throw> {
    match format {
        1 => Ok(escaped(text, false, |b| unreserved(b) || reserved(b))),
        2 => Ok(percent_decode(text, |_| true)),
        3 => Ok(readable(text, true)),
        _ => Err(wrong_format()),
    }
}

/// `GetComponents`: the parts that the flags name, each with its delimiter where another part stands beside it.
pub(super) fn of(parts: Option<&Parts>, which: i64, format: i64) -> Result<String, Throw> {
    if which & SERIALIZED != 0 && which != SERIALIZED {
        return Err(wrong(
            "components",
            "UriComponents.SerializationInfoString must not be combined with other UriComponents.",
        ));
    }
    // One that is a name or a number is not written in any format.
    let plain = matches!(which, SCHEME | PORT | STRONG_PORT);
    if !((1..=3).contains(&format) || plain && format == 0) {
        return Err(wrong_format());
    }
    let p = parts.ok_or_else(not_relative)?;
    // `SerializationInfoString` is the whole.
    let which = if which == SERIALIZED { ABSOLUTE } else { which };
    let has = |flag: i64| which & flag != 0;
    let keep = has(KEEP_DELIMITER);
    let alone = |flag: i64| which & !KEEP_DELIMITER == flag && !keep;
    let shown = |part: &str, raw: &str| match format {
        1 => part.to_string(),
        2 => percent_decode(part, |_| true),
        _ => readable(raw, true),
    };
    let mut out = String::new();
    if has(SCHEME) {
        out.push_str(&p.scheme);
        if !alone(SCHEME) {
            out.push_str(if p.authority { "://" } else { ":" });
        }
    }
    if has(USER)
        && let Some(user) = &p.user
    {
        out.push_str(&shown(user, &p.raw.user));
        if !alone(USER) {
            out.push('@');
        }
    }
    if has(HOST | NORMALIZED_HOST) {
        out.push_str(&p.host.name);
    }
    let strong = has(STRONG_PORT);
    if p.port >= 0 && (strong || (has(PORT) && p.port != default_port(&p.scheme))) {
        if !alone(PORT) && !alone(STRONG_PORT) {
            out.push(':');
        }
        out.push_str(&p.port.to_string());
    }
    if has(PATH) {
        let path = match format {
            3 => p.shown_path(true),
            _ => shown(&p.path, ""),
        };
        match path.strip_prefix('/') {
            Some(bare) if alone(PATH) => out.push_str(bare),
            _ => out.push_str(&path),
        }
    }
    if has(QUERY) {
        let query = shown(&p.query, &p.raw.query);
        out.push_str(if alone(QUERY) {
            query.strip_prefix('?').unwrap_or(&query)
        } else {
            &query
        });
    }
    if has(FRAGMENT) {
        let fragment = shown(&p.fragment, &p.raw.fragment);
        out.push_str(if alone(FRAGMENT) {
            fragment.strip_prefix('#').unwrap_or(&fragment)
        } else {
            &fragment
        });
    }
    Ok(out)
}

/// The reference that leads from one URI to another; `None` when they are on different servers.
pub(super) fn relative(from: &Parts, to: &Parts) -> Option<String> {
    if from.scheme != to.scheme || from.host.name != to.host.name || from.port != to.port {
        return None;
    }
    let any_case = from.dos || from.unc;
    let path = path_between(from.absolute_path(), to.absolute_path(), any_case);
    // A colon in the first segment would be read as a scheme, but for a whole path on a drive.
    let first = path.split(['/', '\\', '?', '#']).next().unwrap_or("");
    let dot = first.contains(':') && !(to.dos && path == to.absolute_path());
    let dot = if dot { "./" } else { "" };
    Some(format!("{dot}{path}{}{}", to.query, to.fragment))
}

fn path_between(from: &str, to: &str, any_case: bool) -> String {
    let (from, to): (Vec<char>, Vec<char>) = (from.chars().collect(), to.chars().collect());
    let alike = |a: char, b: char| a == b || (any_case && a.to_lowercase().eq(b.to_lowercase()));
    let same = from
        .iter()
        .zip(&to)
        .take_while(|(a, b)| alike(**a, **b))
        .count();
    let folder = from[..same]
        .iter()
        .rposition(|c| *c == '/')
        .map_or(0, |i| i + 1);
    let rest = |at: usize| to[at..].iter().collect::<String>();
    if same == 0 {
        return rest(0);
    }
    if same == from.len() && same == to.len() {
        return String::new();
    }
    let ups = from[same..].iter().filter(|c| **c == '/').count();
    if ups == 0 && to.len() == folder {
        // From a file to its folder.
        return "./".into();
    }
    format!("{}{}", "../".repeat(ups), rest(folder))
}

/// `Uri.IsBaseOf`: whether the folder of one URI leads to the other. Of the last part of the path only that it is one counts.
pub(super) fn is_base(base: &Parts, link: &Parts) -> bool {
    if base.scheme != link.scheme {
        return false;
    }
    let any_case = base.dos || base.unc || link.dos || link.unc;
    let text = |p: &Parts| {
        let query = readable(&p.raw.query, true);
        format!("{}{}{query}", p.shown_left(true), p.shown_path(true))
    };
    let (base, link) = (text(base), text(link));
    let mark = |c: char| matches!(c, '?' | '#');
    let mut same = true;
    let mut rest = base.chars();
    for other in link.chars() {
        let Some(c) = rest.clone().next() else {
            return true;
        };
        if mark(c) {
            return true;
        }
        if c == '/' {
            if other != '/' || !same {
                return false;
            }
        } else if mark(other) {
            break;
        } else if c != other && !(any_case && c.to_lowercase().eq(other.to_lowercase())) {
            same = false;
        }
        rest.next();
    }
    rest.find(|c| *c == '/' || mark(*c)).is_none_or(mark)
}

/// A host in ASCII: labels with other letters in Punycode.
pub(super) fn idn(host: &str) -> String {
    let label = |l: &str| {
        if l.is_ascii() {
            l.to_string()
        } else {
            punycode(&l.to_lowercase()).map_or_else(|| l.to_string(), |p| format!("xn--{p}"))
        }
    };
    host.split(is_dot).map(label).collect::<Vec<_>>().join(".")
}

/// RFC 3492; `None` where a number would be too big, which no host name reaches.
fn punycode(label: &str) -> Option<String> {
    const BASE: u32 = 36;
    let digit = |n: u32| {
        char::from_digit(n, 36).map(|_| {
            // Letters stand before digits.
            char::from(if n < 26 {
                b'a' + n as u8
            } else {
                b'0' + (n - 26) as u8
            })
        })
    };
    let points: Vec<u32> = label.chars().map(u32::from).collect();
    let mut out: String = label.chars().filter(char::is_ascii).collect();
    let basic = out.len() as u32;
    let mut done = basic;
    if basic > 0 {
        out.push('-');
    }
    let (mut n, mut delta, mut bias) = (128u32, 0u32, 72u32);
    while (done as usize) < points.len() {
        let next = *points.iter().filter(|p| **p >= n).min()?;
        delta = delta.checked_add((next - n).checked_mul(done + 1)?)?;
        n = next;
        for &p in &points {
            if p < n {
                delta = delta.checked_add(1)?;
            }
            if p == n {
                let mut q = delta;
                let mut k = BASE;
                loop {
                    let t = k.saturating_sub(bias).clamp(1, 26);
                    if q < t {
                        break;
                    }
                    out.push(digit(t + (q - t) % (BASE - t))?);
                    q = (q - t) / (BASE - t);
                    k += BASE;
                }
                out.push(digit(q)?);
                // Adapts the bias.
                let mut d = delta / if done == basic { 700 } else { 2 };
                d += d / (done + 1);
                let mut k = 0;
                while d > 455 {
                    d /= 35;
                    k += BASE;
                }
                bias = k + 36 * d / (d + 38);
                delta = 0;
                done += 1;
            }
        }
        delta = delta.checked_add(1)?;
        n += 1;
    }
    Some(out)
}
