//! Numbers as text and text as numbers: .NET's default texts, standard and custom numeric formats, invariant culture.

use super::Value;
use rust_decimal::Decimal;
use rust_decimal::prelude::ToPrimitive;

/// Longest text a format may ask for.
const MAX_PRECISION: usize = 999;

/// Any number as `double`.
pub(crate) fn as_f64(v: &Value) -> Option<f64> {
    match v {
        Value::Float(f) => Some(f64::from(*f)),
        Value::Double(f) => Some(*f),
        Value::Decimal(d) => d.to_f64(),
        Value::ULong(n) => Some(*n as f64),
        _ => v.as_i64().map(|n| n as f64),
    }
}

/// Text of NaN and the infinities.
pub(crate) fn special(f: f64) -> Option<&'static str> {
    if f.is_nan() {
        Some("NaN")
    } else if f.is_infinite() {
        Some(if f > 0.0 { "Infinity" } else { "-Infinity" })
    } else {
        None
    }
}

/// Shortest text that reads back, as .NET (since Core 3.0) prints it.
pub(crate) fn double_text(f: f64) -> String {
    special(f).map_or_else(|| shortest(&format!("{f:e}"), 15), str::to_string)
}

/// As [`double_text`] for `float`.
pub(crate) fn float_text(f: f32) -> String {
    special(f64::from(f)).map_or_else(|| shortest(&format!("{f:e}"), 7), str::to_string)
}

/// From Rust's `d.ddde±x` to .NET's rule of when to use an exponent.
fn shortest(scientific: &str, digits_before_exponent: i32) -> String {
    let (mantissa, exponent) = scientific.split_once('e').unwrap_or((scientific, "0"));
    let exponent: i32 = exponent.parse().unwrap_or(0);
    let (sign, mantissa) = mantissa
        .strip_prefix('-')
        .map_or(("", mantissa), |m| ("-", m));
    let digits: String = mantissa.chars().filter(char::is_ascii_digit).collect();
    if exponent >= digits_before_exponent || exponent < -4 {
        let fraction = if digits.len() > 1 {
            format!(".{}", &digits[1..])
        } else {
            String::new()
        };
        let (s, e) = if exponent < 0 {
            ('-', -exponent)
        } else {
            ('+', exponent)
        };
        return format!("{sign}{}{fraction}E{s}{e:02}", &digits[..1]);
    }
    sign.to_string() + &positional(&digits, exponent)
}

/// Digits with the point after `exponent + 1` of them.
fn positional(digits: &str, exponent: i32) -> String {
    if exponent < 0 {
        return format!("0.{}{digits}", "0".repeat((-exponent - 1) as usize));
    }
    let whole = exponent as usize + 1;
    if digits.len() <= whole {
        format!("{digits}{}", "0".repeat(whole - digits.len()))
    } else {
        format!("{}.{}", &digits[..whole], &digits[whole..])
    }
}

/// A number in a .NET format; `None` for a wrong format.
pub(crate) fn format(v: &Value, format: &str) -> Option<String> {
    let mut chars = format.chars();
    let Some(first) = chars.next() else {
        return Some(v.to_text().to_string());
    };
    let rest = chars.as_str();
    if first.is_ascii_alphabetic() && rest.len() <= 3 && rest.bytes().all(|b| b.is_ascii_digit()) {
        let precision: Option<usize> = rest.parse().ok();
        if precision.is_some_and(|p| p > MAX_PRECISION) {
            return None;
        }
        return standard(v, first, precision);
    }
    Some(custom(v, format))
}

/// Decimal digits with `places` after the point: exact for every type.
fn fixed(v: &Value, places: usize) -> String {
    match v {
        Value::Float(f) => format!("{f:.places$}"),
        Value::Double(f) => format!("{f:.places$}"),
        Value::Decimal(d) => {
            let rounded = d.round_dp_with_strategy(
                u32::try_from(places).unwrap_or(28).min(28),
                rust_decimal::RoundingStrategy::MidpointAwayFromZero,
            );
            let s = rounded.to_string();
            let have = s.split_once('.').map_or(0, |(_, f)| f.len());
            match places {
                0 => s.split('.').next().unwrap_or("").to_string(),
                _ if have == 0 => format!("{s}.{}", "0".repeat(places)),
                _ => format!("{s}{}", "0".repeat(places.saturating_sub(have))),
            }
        }
        _ => {
            let s = v.to_text();
            if places == 0 {
                s.to_string()
            } else {
                format!("{s}.{}", "0".repeat(places))
            }
        }
    }
}

fn is_integer(v: &Value) -> bool {
    v.as_i64().is_some() || matches!(v, Value::ULong(_))
}

fn group(whole: &str) -> String {
    let mut out = String::new();
    for (i, c) in whole.chars().enumerate() {
        if i > 0 && (whole.len() - i).is_multiple_of(3) {
            out.push(',');
        }
        out.push(c);
    }
    out
}

/// Takes the sign off, unless the rest is zero.
fn split_sign(s: &str) -> (bool, &str) {
    match s.strip_prefix('-') {
        Some(rest) => (rest.bytes().any(|b| (b'1'..=b'9').contains(&b)), rest),
        None => (false, s),
    }
}

fn standard(v: &Value, kind: char, precision: Option<usize>) -> Option<String> {
    if let Some(f) = as_f64(v).filter(|_| matches!(v, Value::Float(_) | Value::Double(_)))
        && let Some(s) = special(f)
    {
        return Some(s.to_string());
    }
    Some(match kind.to_ascii_uppercase() {
        'D' => {
            if !is_integer(v) {
                return None;
            }
            let s = v.to_text();
            let (negative, digits) = split_sign(&s);
            let width = precision.unwrap_or(0);
            format!("{}{digits:0>width$}", if negative { "-" } else { "" })
        }
        'F' => {
            let s = fixed(v, precision.unwrap_or(2));
            let (negative, digits) = split_sign(&s);
            format!("{}{digits}", if negative { "-" } else { "" })
        }
        c @ ('N' | 'C' | 'P') => {
            let scaled = match (c, v) {
                ('P', Value::Decimal(d)) => Value::Decimal(d.checked_mul(Decimal::ONE_HUNDRED)?),
                ('P', _) => Value::Double(as_f64(v)? * 100.0),
                _ => v.clone(),
            };
            let s = fixed(&scaled, precision.unwrap_or(2));
            let (negative, digits) = split_sign(&s);
            let (whole, fraction) = digits
                .split_once('.')
                .map_or((digits, None), |(w, f)| (w, Some(f)));
            let body = match fraction {
                Some(f) => format!("{}.{f}", group(whole)),
                None => group(whole),
            };
            match (c, negative) {
                ('C', false) => format!("\u{a4}{body}"),
                ('C', true) => format!("(\u{a4}{body})"),
                ('P', false) => format!("{body} %"),
                ('P', true) => format!("-{body} %"),
                (_, true) => format!("-{body}"),
                (_, false) => body,
            }
        }
        'E' => {
            let s = format!("{:.*e}", precision.unwrap_or(6), as_f64(v)?);
            let (mantissa, exponent) = s.split_once('e')?;
            let exponent: i32 = exponent.parse().ok()?;
            let sign = if exponent < 0 { '-' } else { '+' };
            format!("{mantissa}{kind}{sign}{:03}", exponent.unsigned_abs())
        }
        'G' => match precision.filter(|&p| p > 0) {
            None => v.to_text().to_string(),
            Some(p) => {
                let s = format!("{:.*e}", p - 1, as_f64(v)?);
                let (mantissa, exponent) = s.split_once('e')?;
                let exponent: i32 = exponent.parse().ok()?;
                let (sign, mantissa) = mantissa
                    .strip_prefix('-')
                    .map_or(("", mantissa), |m| ("-", m));
                let digits: String = mantissa.chars().filter(char::is_ascii_digit).collect();
                let digits = match digits.trim_end_matches('0') {
                    "" => "0",
                    d => d,
                };
                if exponent >= i32::try_from(p).ok()? || exponent < -4 {
                    let fraction = if digits.len() > 1 {
                        format!(".{}", &digits[1..])
                    } else {
                        String::new()
                    };
                    let (s, e) = if exponent < 0 {
                        ('-', -exponent)
                    } else {
                        ('+', exponent)
                    };
                    let letter = if kind == 'g' { 'e' } else { 'E' };
                    format!("{sign}{}{fraction}{letter}{s}{e:02}", &digits[..1])
                } else {
                    sign.to_string() + &positional(digits, exponent)
                }
            }
        },
        'X' => {
            let width = precision.unwrap_or(0);
            let bits: u64 = match *v {
                Value::SByte(n) => u64::from(n as u8),
                Value::Short(n) => u64::from(n as u16),
                Value::Int(n) => u64::from(n as u32),
                Value::Long(n) => n as u64,
                Value::ULong(n) => n,
                _ => v.as_i64().filter(|_| is_integer(v))? as u64,
            };
            if kind == 'x' {
                format!("{bits:0width$x}")
            } else {
                format!("{bits:0width$X}")
            }
        }
        'R' => match v {
            Value::Float(_) | Value::Double(_) => v.to_text().to_string(),
            _ => return None,
        },
        _ => return None,
    })
}

/// `0.00`, `#,##0`, `0%`, sections by `;`.
fn custom(v: &Value, format: &str) -> String {
    let Some(number) = as_f64(v) else {
        return v.to_text().to_string();
    };
    if let Some(s) = special(number) {
        return s.to_string();
    }
    let sections = sections(format);
    let (section, show_sign) = match sections.len() {
        3.. if number == 0.0 => (&sections[2], false),
        2.. if number < 0.0 && !sections[1].is_empty() => (&sections[1], false),
        _ => (&sections[0], true),
    };
    let chars: Vec<char> = section.chars().collect();
    let (mut int_digits, mut frac_digits, mut int_zeros, mut frac_zeros) =
        (0usize, 0usize, 0usize, 0usize);
    let (mut point, mut grouped, mut scale, mut percent) = (false, false, 0i32, 0i32);
    let mut i = 0;
    let mut last_digit = None;
    while i < chars.len() {
        match chars[i] {
            '0' | '#' => {
                if point {
                    frac_digits += 1;
                    if chars[i] == '0' {
                        frac_zeros = frac_digits;
                    }
                } else {
                    int_digits += 1;
                    if chars[i] == '0' || int_zeros > 0 {
                        int_zeros += 1;
                    }
                }
                last_digit = Some(i);
            }
            '.' => point = true,
            ',' if !point && last_digit.is_some() => {
                let more = chars[i + 1..]
                    .iter()
                    .take_while(|c| **c != '.')
                    .any(|c| matches!(c, '0' | '#'));
                if more { grouped = true } else { scale += 3 }
            }
            '%' => percent += 2,
            '\u{2030}' => percent += 3,
            '\\' => i += 1,
            q @ ('\'' | '"') => {
                i += chars[i + 1..]
                    .iter()
                    .position(|&c| c == q)
                    .map_or(chars.len(), |n| n + 1)
            }
            _ => {}
        }
        i += 1;
    }
    let shift = percent - scale;
    let scaled = match v {
        Value::Decimal(d) if shift == 0 => Value::Decimal(*d),
        _ if shift == 0 => v.clone(),
        _ => Value::Double(number * 10f64.powi(shift)),
    };
    // Custom formats round half away from zero on the shortest digits.
    let text = fixed_away(&scaled, frac_digits);
    let (negative, digits) = split_sign(&text);
    let (whole, fraction) = digits.split_once('.').unwrap_or((digits, ""));
    let whole = whole.trim_start_matches('0');
    let whole = format!("{whole:0>int_zeros$}");
    let fraction = &fraction[..fraction
        .trim_end_matches('0')
        .len()
        .max(frac_zeros.min(fraction.len()))];
    let mut out = String::new();
    if negative && show_sign {
        out.push('-');
    }
    let _ = int_digits;
    let mut wrote_int = false;
    let mut frac_at = 0usize;
    let mut placeholders_left = chars_int_placeholders(&chars);
    let total = placeholders_left;
    let mut whole_at = 0usize;
    let mut in_fraction = false;
    let mut i = 0;
    while i < chars.len() {
        match chars[i] {
            '0' | '#' if !in_fraction => {
                // The first placeholder takes all digits beyond the others.
                let take_until = if placeholders_left == total {
                    whole.len().saturating_sub(total - 1)
                } else {
                    (whole_at + 1).min(whole.len())
                };
                let due = whole.len().saturating_sub(placeholders_left - 1);
                let until = if placeholders_left == total {
                    take_until
                } else {
                    due.max(whole_at)
                };
                while whole_at < until {
                    out.push(whole.as_bytes()[whole_at] as char);
                    whole_at += 1;
                    let left = whole.len() - whole_at;
                    if grouped && left > 0 && left.is_multiple_of(3) {
                        out.push(',');
                    }
                }
                placeholders_left -= 1;
                wrote_int = true;
            }
            '0' | '#' => {
                if let Some(c) = fraction.as_bytes().get(frac_at) {
                    out.push(*c as char);
                }
                frac_at += 1;
            }
            '.' if !in_fraction => {
                if !wrote_int {
                    out.push_str(&whole);
                }
                in_fraction = true;
                if !fraction.is_empty() {
                    out.push('.');
                }
            }
            ',' | '.' => {}
            '\\' => {
                i += 1;
                if let Some(c) = chars.get(i) {
                    out.push(*c);
                }
            }
            q @ ('\'' | '"') => {
                let end = chars[i + 1..]
                    .iter()
                    .position(|&c| c == q)
                    .map_or(chars.len(), |n| i + 1 + n);
                out.extend(&chars[i + 1..end.min(chars.len())]);
                i = end;
            }
            c => out.push(c),
        }
        i += 1;
    }
    out
}

fn chars_int_placeholders(chars: &[char]) -> usize {
    chars
        .iter()
        .take_while(|c| **c != '.')
        .filter(|c| matches!(c, '0' | '#'))
        .count()
}

fn fixed_away(v: &Value, places: usize) -> String {
    match v {
        Value::Double(_) | Value::Float(_) => {
            let shortest = if let Value::Float(f) = v {
                format!("{f}")
            } else {
                format!("{}", as_f64(v).unwrap_or(0.0))
            };
            match shortest.parse::<Decimal>() {
                Ok(d) => fixed(&Value::Decimal(d), places),
                Err(_) => fixed(v, places),
            }
        }
        _ => fixed(v, places),
    }
}

fn sections(format: &str) -> Vec<String> {
    let mut out = vec![String::new()];
    let mut quote = None;
    let mut escape = false;
    for c in format.chars() {
        match (quote, c) {
            _ if escape => escape = false,
            (None, '\\') => escape = true,
            (None, '\'' | '"') => quote = Some(c),
            (Some(q), c) if c == q => quote = None,
            (None, ';') => {
                out.push(String::new());
                continue;
            }
            _ => {}
        }
        if let Some(last) = out.last_mut() {
            last.push(c);
        }
    }
    out
}

/// `int.Parse` and its kin: blanks around, a sign, digits.
pub(crate) fn parse_integer(s: &str) -> Option<i128> {
    let t = s.trim();
    let digits = t.strip_prefix(['+', '-']).unwrap_or(t);
    if digits.is_empty() || !digits.bytes().all(|b| b.is_ascii_digit()) {
        return None;
    }
    // Longer than any integer type: still a number, so that the caller reports an overflow.
    let n: i128 = digits.parse().unwrap_or(i128::MAX);
    Some(if t.starts_with('-') { -n } else { n })
}

/// The text .NET reads as a number with group separators, a point and an exponent, in the form Rust reads.
pub(crate) fn normal(s: &str) -> Option<String> {
    let t = s.trim();
    let (sign, t) = match t.strip_prefix('-') {
        Some(r) => ("-", r),
        None => ("", t.strip_prefix('+').unwrap_or(t)),
    };
    let (mantissa, exponent) = t
        .split_once(['e', 'E'])
        .map_or((t, None), |(m, e)| (m, Some(e)));
    let (whole, fraction) = mantissa
        .split_once('.')
        .map_or((mantissa, None), |(w, f)| (w, Some(f)));
    let whole: String = whole.chars().filter(|c| *c != ',').collect();
    let digits = |x: &str| x.bytes().all(|b| b.is_ascii_digit());
    if !digits(&whole)
        || !fraction.is_none_or(digits)
        || (whole.is_empty() && fraction.is_none_or(str::is_empty))
    {
        return None;
    }
    let whole = if whole.is_empty() { "0" } else { &whole };
    let mut out = format!("{sign}{whole}");
    if let Some(f) = fraction.filter(|f| !f.is_empty()) {
        out.push('.');
        out.push_str(f);
    }
    if let Some(e) = exponent {
        let d = e.strip_prefix(['+', '-']).unwrap_or(e);
        if d.is_empty() || !digits(d) {
            return None;
        }
        out.push('e');
        out.push_str(e);
    }
    Some(out)
}

/// `double.Parse`.
pub(crate) fn parse_double(s: &str) -> Option<f64> {
    match s.trim() {
        "NaN" => Some(f64::NAN),
        "Infinity" | "\u{221e}" => Some(f64::INFINITY),
        "-Infinity" | "-\u{221e}" => Some(f64::NEG_INFINITY),
        t => normal(t)?.parse().ok(),
    }
}

/// `decimal.Parse` (an exponent is not allowed).
pub(crate) fn parse_decimal(s: &str) -> Option<Decimal> {
    let n = normal(s)?;
    if n.contains('e') {
        None
    } else {
        n.parse().ok()
    }
}
