//! Standard numeric formats: `C D E F G N P R X` with a precision.

use super::digits::{Digits, Wanted};
use super::symbols::{
    CURRENCY_NEGATIVE, CURRENCY_POSITIVE, Layout, NUMBER_NEGATIVE, PERCENT_NEGATIVE,
    PERCENT_POSITIVE, Symbols,
};
use super::{Value, is_integer};
use crate::value::token::number::BigInteger;

/// A number in the format `kind`; `None` when the type does not have it.
pub(super) fn standard(
    v: &Value,
    kind: char,
    precision: Option<usize>,
    info: &Symbols,
) -> Option<String> {
    let float = matches!(v, Value::Float(_) | Value::Double(_));
    // NaN and the infinities have their names in every format.
    if let Some(f) = super::as_f64(v).filter(|_| float)
        && let Some(s) = info.special(f)
    {
        return Some(s.to_string());
    }
    let upper = kind.to_ascii_uppercase();
    let layout = match upper {
        'C' => &info.currency,
        'P' => &info.percent,
        _ => &info.number,
    };
    let places = precision.unwrap_or(layout.decimals);
    let big = BigInteger::within(v);
    let wanted = match upper {
        'D' | 'G' | 'R' if big.is_some() => {
            return Some(whole(v, precision.unwrap_or(0), info));
        }
        'X' if let Some(n) = big => return Some(big_hex(n, precision.unwrap_or(0), kind == 'x')),
        'D' | 'X' if !is_integer(v) => return None,
        'D' => return Some(whole(v, precision.unwrap_or(0), info)),
        'X' => return Some(hex(v, precision.unwrap_or(0), kind == 'x')),
        'R' if !float => return None,
        'R' => Wanted::Shortest,
        'E' => Wanted::Significant(precision.unwrap_or(6) + 1),
        'F' | 'N' | 'C' => Wanted::Fraction(places),
        'P' => Wanted::Fraction(places + 2),
        'G' => precision
            .filter(|p| *p > 0)
            .map_or(Wanted::Shortest, Wanted::Significant),
        _ => return None,
    };
    let mut n = Digits::of(v, wanted)?;
    let mut out = String::new();
    match upper {
        'E' => {
            let digits = precision.unwrap_or(6) + 1;
            n.round(digits as i64, float);
            if n.negative {
                out.push_str(&info.minus);
            }
            out.push(n.at(0));
            if digits > 1 {
                out.push_str(&info.number.point);
                out.extend((1..digits).map(|i| n.at(i)));
            }
            let e = if n.is_zero() { 0 } else { n.scale - 1 };
            exponent(e, kind, 3, true, info, &mut out);
        }
        'F' => {
            n.round(n.scale + places as i64, float);
            if n.negative {
                out.push_str(&info.minus);
            }
            fixed(&n, places, &info.number, false, &mut out);
        }
        'G' | 'R' => general(v, n, kind, precision, info, &mut out),
        _ => {
            if upper == 'P' {
                n.scale += 2;
            }
            n.round(n.scale + places as i64, float);
            let pattern = match (upper, n.negative) {
                ('C', false) => CURRENCY_POSITIVE.get(layout.positive),
                ('C', true) => CURRENCY_NEGATIVE.get(layout.negative),
                ('P', false) => PERCENT_POSITIVE.get(layout.positive),
                ('P', true) => PERCENT_NEGATIVE.get(layout.negative),
                (_, false) => Some(&"#"),
                (_, true) => NUMBER_NEGATIVE.get(layout.negative),
            };
            for c in pattern.copied().unwrap_or("#").chars() {
                match c {
                    '#' => fixed(&n, places, layout, true, &mut out),
                    '-' => out.push_str(&info.minus),
                    '$' => out.push_str(&info.currency_symbol),
                    '%' => out.push_str(&info.percent_symbol),
                    c => out.push(c),
                }
            }
        }
    }
    Some(out)
}

/// Largest count of digits that an integer type prints with `G` and a precision before it takes an exponent: all of its
/// own; for `double` and `float` .NET's 15 and 7.
fn general(
    v: &Value,
    mut n: Digits,
    kind: char,
    precision: Option<usize>,
    info: &Symbols,
    out: &mut String,
) {
    // A decimal without a precision keeps its zeros and never has an exponent; so do whole numbers.
    let all = precision.is_none() && !n.float;
    let precision = precision.filter(|p| *p > 0 && !matches!(kind, 'R' | 'r'));
    let max = match (precision, v) {
        (Some(p), _) => p,
        (None, Value::Float(_)) => n.digits.len().max(7),
        (None, Value::Double(_)) => n.digits.len().max(15),
        (None, _) => n.digits.len(),
    };
    if all {
        n.negative &= !n.is_zero();
    } else {
        n.round(max as i64, n.float);
    }
    if n.negative {
        out.push_str(&info.minus);
    }
    let scientific = !all && (n.scale > max as i64 || n.scale < -3);
    let point = if scientific { 1 } else { n.scale };
    let mut used = 0;
    if point > 0 {
        while used < point as usize {
            out.push(n.at(used));
            used += 1;
        }
    } else {
        out.push('0');
    }
    if used < n.digits.len() || point < 0 {
        out.push_str(&info.number.point);
        out.extend(std::iter::repeat_n(
            '0',
            point.min(0).unsigned_abs() as usize,
        ));
        out.extend((used..n.digits.len()).map(|i| n.at(i)));
    }
    if scientific {
        let letter = if kind.is_ascii_lowercase() { 'e' } else { 'E' };
        exponent(n.scale - 1, letter, 2, true, info, out);
    }
}

/// Digits with `places` after the point.
fn fixed(n: &Digits, places: usize, layout: &Layout, grouped: bool, out: &mut String) {
    let whole = usize::try_from(n.scale).unwrap_or(0);
    if whole == 0 {
        out.push('0');
    }
    let breaks = if grouped {
        group_ends(whole, &layout.sizes)
    } else {
        Vec::new()
    };
    for i in 0..whole {
        out.push(n.at(i));
        if breaks.binary_search(&(whole - i - 1)).is_ok() {
            out.push_str(&layout.separator);
        }
    }
    if places > 0 {
        out.push_str(&layout.point);
        let zeros = usize::try_from(-n.scale).unwrap_or(0).min(places);
        out.extend(std::iter::repeat_n('0', zeros));
        out.extend((whole..whole + places - zeros).map(|i| n.at(i)));
    }
}

/// After how many digits from the right a separator stands, for a number of `digits` digits.
pub(super) fn group_ends(digits: usize, sizes: &[usize]) -> Vec<usize> {
    let mut out = Vec::new();
    let (mut at, mut i) = (0, 0);
    while let Some(size) = sizes.get(i.min(sizes.len().saturating_sub(1))).copied() {
        at += size;
        if size == 0 || at >= digits {
            break;
        }
        out.push(at);
        i += 1;
    }
    out
}

/// `E+005`: at least `width` digits.
pub(super) fn exponent(
    e: i64,
    letter: char,
    width: usize,
    plus: bool,
    info: &Symbols,
    out: &mut String,
) {
    out.push(letter);
    if e < 0 {
        out.push_str(&info.minus);
    } else if plus {
        out.push_str(&info.plus);
    }
    pad(&e.unsigned_abs().to_string(), width, out);
}

/// Digits with zeros before them. Rust's own width panics beyond `u16`, a format of .NET may ask for more.
fn pad(digits: &str, width: usize, out: &mut String) {
    out.extend(std::iter::repeat_n('0', width.saturating_sub(digits.len())));
    out.push_str(digits);
}

fn whole(v: &Value, width: usize, info: &Symbols) -> String {
    let (negative, digits) = match (v, BigInteger::within(v)) {
        (_, Some(n)) => {
            let (digits, negative) = n.digits();
            (negative, digits.to_string())
        }
        (Value::ULong(n), _) => (false, n.to_string()),
        _ => {
            let n = v.as_i64().unwrap_or(0);
            (n < 0, n.unsigned_abs().to_string())
        }
    };
    let mut out = String::from(if negative { &*info.minus } else { "" });
    pad(&digits, width, &mut out);
    out
}

/// The two's complement of a big integer, as short as its sign allows: positive ones begin with a digit below 8.
fn big_hex(n: &BigInteger, width: usize, lower: bool) -> String {
    let bytes = n.bytes();
    let all: String = bytes.iter().rev().map(|b| format!("{b:02X}")).collect();
    let fill = if n.digits().1 { 'F' } else { '0' };
    // A digit in front that only repeats the sign is left out.
    let digits = match all.strip_prefix(fill) {
        Some(rest) if rest.starts_with(|c: char| (c >= '8') == n.digits().1) => rest,
        _ => &all,
    };
    let mut out: String = std::iter::repeat_n(fill, width.saturating_sub(digits.len())).collect();
    out.push_str(digits);
    if lower { out.to_lowercase() } else { out }
}

fn hex(v: &Value, width: usize, lower: bool) -> String {
    let bits: u64 = match *v {
        Value::SByte(n) => u64::from(n as u8),
        Value::Short(n) => u64::from(n as u16),
        Value::Int(n) => u64::from(n as u32),
        Value::ULong(n) => n,
        _ => v.as_i64().unwrap_or(0) as u64,
    };
    let digits = if lower {
        format!("{bits:x}")
    } else {
        format!("{bits:X}")
    };
    let mut out = String::new();
    pad(&digits, width, &mut out);
    out
}
