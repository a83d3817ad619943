//! `Uri.GetComponents`, `MakeRelativeUri` and host names in ASCII.

use super::super::percent_decode;
use super::not_relative;
use super::parts::{Parts, default_port, readable};
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
const ABSOLUTE: i64 = 127;

/// `GetComponents`: the parts that the flags name, each with its delimiter where another part stands beside it.
pub(super) fn of(parts: Option<&Parts>, which: i64, format: i64) -> Result<String, Throw> {
    // One that is a name or a number is not written in any format.
    let plain = matches!(which, SCHEME | PORT | STRONG_PORT);
    if !((1..=3).contains(&format) || plain && format == 0) {
        return Err(throw(
            "ArgumentOutOfRangeException",
            "Specified argument was out of the range of valid values. (Parameter 'format')",
        ));
    }
    let p = parts.ok_or_else(not_relative)?;
    // `SerializationInfoString` is the whole.
    let which = if which & 0x8000_0000 != 0 {
        ABSOLUTE
    } else {
        which
    };
    let has = |flag: i64| which & flag != 0;
    let keep = has(KEEP_DELIMITER);
    let alone = |flag: i64| which & !KEEP_DELIMITER == flag && !keep;
    let shown = |s: &str| match format {
        1 => s.to_string(),
        2 => percent_decode(s, |_| true),
        _ => readable(s),
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
        out.push_str(&shown(user));
        if !alone(USER) {
            out.push('@');
        }
    }
    if has(HOST | NORMALIZED_HOST) {
        out.push_str(&p.host);
    }
    let strong = has(STRONG_PORT);
    if p.port >= 0 && (strong || (has(PORT) && p.port != default_port(&p.scheme))) {
        if !alone(PORT) && !alone(STRONG_PORT) {
            out.push(':');
        }
        out.push_str(&p.port.to_string());
    }
    if has(PATH) {
        let path = shown(&p.path);
        match path.strip_prefix('/') {
            Some(bare) if alone(PATH) => out.push_str(bare),
            _ => out.push_str(&path),
        }
    }
    if has(QUERY) {
        let query = shown(&p.query);
        out.push_str(if alone(QUERY) {
            query.strip_prefix('?').unwrap_or(&query)
        } else {
            &query
        });
    }
    if has(FRAGMENT) {
        let fragment = shown(&p.fragment);
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
    if from.scheme != to.scheme || from.host != to.host || from.port != to.port {
        return None;
    }
    let path = path_between(&from.path, &to.path);
    // A colon in the first segment would be read as a scheme.
    let first = path.split('/').next().unwrap_or("");
    let dot = if first.contains(':') { "./" } else { "" };
    Some(format!("{dot}{path}{}{}", to.query, to.fragment))
}

fn path_between(from: &str, to: &str) -> String {
    let same = from
        .bytes()
        .zip(to.bytes())
        .take_while(|(a, b)| a == b)
        .count();
    if same == from.len() && same == to.len() {
        return String::new();
    }
    let folder = from[..floor(from, same)].rfind('/').map_or(0, |i| i + 1);
    let ups = from[folder..].matches('/').count();
    format!("{}{}", "../".repeat(ups), &to[folder..])
}

/// The nearest place at or before that is not inside a character.
fn floor(s: &str, mut at: usize) -> usize {
    while !s.is_char_boundary(at) {
        at -= 1;
    }
    at
}

/// A host in ASCII: labels with other letters in Punycode; an IPv6 address without its brackets.
pub(super) fn idn(host: &str) -> String {
    if let Some(inner) = host.strip_prefix('[') {
        return inner.trim_end_matches(']').to_string();
    }
    let label = |l: &str| {
        if l.is_ascii() {
            l.to_string()
        } else {
            punycode(&l.to_lowercase()).map_or_else(|| l.to_string(), |p| format!("xn--{p}"))
        }
    };
    host.split('.').map(label).collect::<Vec<_>>().join(".")
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
