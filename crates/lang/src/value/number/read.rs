//! Text as numbers: what `Parse` and `TryParse` of every numeric type read, with .NET's `NumberStyles`.
//!
//! What must stay true: text that is no number is a [`Unread::Format`], also when its digits alone would not fit the type.

use super::symbols::Symbols;
use super::{Value, symbols};
use crate::expr::types::Num;
use rust_decimal::Decimal;

/// `NumberStyles`.
pub(crate) mod style {
    pub(crate) const LEADING_WHITE: i64 = 1;
    pub(crate) const TRAILING_WHITE: i64 = 2;
    pub(crate) const LEADING_SIGN: i64 = 4;
    pub(crate) const TRAILING_SIGN: i64 = 8;
    pub(crate) const PARENTHESES: i64 = 16;
    pub(crate) const DECIMAL_POINT: i64 = 32;
    pub(crate) const THOUSANDS: i64 = 64;
    pub(crate) const EXPONENT: i64 = 128;
    pub(crate) const CURRENCY_SYMBOL: i64 = 256;
    pub(crate) const HEX: i64 = 512;
    pub(crate) const INTEGER: i64 = 7;
    pub(crate) const NUMBER: i64 = 111;
    pub(crate) const FLOAT: i64 = 167;
}

/// Why a text is not read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Unread {
    /// It is no number in that style.
    Format,
    /// The type cannot hold it.
    Overflow,
}

/// The style that a type reads when none is given.
pub(crate) fn usual_style(num: Num) -> i64 {
    match num {
        Num::Float | Num::Double => style::FLOAT | style::THOUSANDS,
        Num::Decimal => style::NUMBER,
        _ => style::INTEGER,
    }
}

/// A text as a number of the type, in its usual style and the invariant culture.
pub(crate) fn read_usual(s: &str, num: Num) -> Result<Value, Unread> {
    read(s, num, usual_style(num), &symbols::INVARIANT)
}

/// A text as a number of the type.
pub(crate) fn read(s: &str, num: Num, styles: i64, info: &Symbols) -> Result<Value, Unread> {
    if styles & style::HEX != 0 {
        return hex(s, num, styles);
    }
    let scanned = scan(s, styles, info);
    match num {
        Num::Double | Num::Float => {
            let Some(n) = scanned else {
                return named(s, num, info).ok_or(Unread::Format);
            };
            let text = n.text();
            Ok(if num == Num::Float {
                Value::Float(text.parse().map_err(|_| Unread::Format)?)
            } else {
                Value::Double(text.parse().map_err(|_| Unread::Format)?)
            })
        }
        Num::Decimal => scanned.ok_or(Unread::Format)?.decimal(),
        _ => scanned.ok_or(Unread::Format)?.integer(num),
    }
}

/// Digits without zeros in front, as a fraction `0.d1d2… * 10^scale`.
#[derive(Debug, Default)]
struct Scanned {
    digits: Vec<u8>,
    scale: i64,
    negative: bool,
}

/// Longest exponent that is counted; beyond it a number is zero or too large anyhow.
const MOST: i64 = 1_000_000;

impl Scanned {
    /// As Rust reads it.
    fn text(&self) -> String {
        let digits = std::str::from_utf8(&self.digits).unwrap_or("0");
        let sign = if self.negative { "-" } else { "" };
        if digits.is_empty() {
            return format!("{sign}0");
        }
        format!("{sign}0.{digits}e{}", self.scale)
    }

    fn integer(mut self, num: Num) -> Result<Value, Unread> {
        while self.digits.last() == Some(&b'0') {
            self.digits.pop();
        }
        // Nothing may stand after the point but zeros, and no type holds more than 20 digits.
        if !self.digits.is_empty() && (self.scale > 20 || self.scale < self.digits.len() as i64) {
            return Err(Unread::Overflow);
        }
        let mut n: i128 = 0;
        if !self.digits.is_empty() {
            for i in 0..self.scale as usize {
                n = n * 10 + self.digits.get(i).map_or(0, |d| i128::from(d - b'0'));
            }
        }
        whole(if self.negative { -n } else { n }, num).ok_or(Unread::Overflow)
    }

    /// Keeps as many digits as fit, rounding half to even; zeros at the end count for the scale.
    fn decimal(self) -> Result<Value, Unread> {
        let made = |mantissa: u128, scale: i64| {
            let mantissa = i128::try_from(mantissa).ok()?;
            let scale = u32::try_from(scale).ok()?;
            let mut d = Decimal::try_from_i128_with_scale(mantissa, scale).ok()?;
            d.set_sign_negative(self.negative);
            Some(Value::Decimal(d))
        };
        if self.digits.is_empty() {
            let scale = (-self.scale).clamp(0, 28);
            return made(0, scale).ok_or(Unread::Overflow);
        }
        if self.scale > 29 {
            return Err(Unread::Overflow);
        }
        if self.scale < -28 {
            return made(0, 28).ok_or(Unread::Overflow);
        }
        let most = (self.scale + 28).min(self.digits.len() as i64).min(29);
        for keep in (0..=most).rev() {
            let kept = &self.digits[..keep as usize];
            let rest = &self.digits[keep as usize..];
            let mut n = kept
                .iter()
                .fold(0u128, |n, d| n * 10 + u128::from(d - b'0'));
            let tail = rest.iter().skip(1).any(|d| *d != b'0');
            match rest.first() {
                Some(b'5') if !tail && n.is_multiple_of(2) => {}
                Some(b'5'..=b'9') => n += 1,
                _ => {}
            }
            let mut scale = keep - self.scale;
            while scale < 0 {
                n = n.saturating_mul(10);
                scale += 1;
            }
            if n >> 96 == 0
                && let Some(d) = made(n, scale)
            {
                return Ok(d);
            }
            // Fewer digits would drop whole tens.
            if keep <= self.scale {
                break;
            }
        }
        Err(Unread::Overflow)
    }
}

/// An integer that fits its type.
pub(crate) fn whole(n: i128, num: Num) -> Option<Value> {
    Some(match num {
        Num::SByte => Value::SByte(n.try_into().ok()?),
        Num::Byte => Value::Byte(n.try_into().ok()?),
        Num::Short => Value::Short(n.try_into().ok()?),
        Num::UShort => Value::UShort(n.try_into().ok()?),
        Num::Int => Value::Int(n.try_into().ok()?),
        Num::UInt => Value::UInt(n.try_into().ok()?),
        Num::Long => Value::Long(n.try_into().ok()?),
        Num::ULong => Value::ULong(n.try_into().ok()?),
        Num::Char => Value::Char(n.try_into().ok()?),
        Num::Float | Num::Double | Num::Decimal => return None,
    })
}

fn is_white(c: u8) -> bool {
    matches!(c, b' ' | 9..=13)
}

/// The place after `what`, when it stands at `at`.
fn after(s: &[u8], at: usize, what: &str) -> Option<usize> {
    let hit = !what.is_empty() && s.get(at..).is_some_and(|r| r.starts_with(what.as_bytes()));
    hit.then(|| at + what.len())
}

/// Where a sign that stands at `at` ends, and whether it is the negative one.
fn sign(s: &[u8], at: usize, info: &Symbols) -> Option<(usize, bool)> {
    let plus = after(s, at, &info.plus).map(|i| (i, false));
    plus.or_else(|| after(s, at, &info.minus).map(|i| (i, true)))
}

fn scan(s: &str, styles: i64, info: &Symbols) -> Option<Scanned> {
    let s = s.as_bytes();
    let has = |flag: i64| styles & flag != 0;
    let mut n = Scanned::default();
    let (mut signed, mut open, mut currency) = (false, false, false);
    let with_currency = has(style::CURRENCY_SYMBOL);
    let layout = if with_currency {
        &info.currency
    } else {
        &info.number
    };
    let mut at = 0;
    loop {
        let c = s.get(at).copied().unwrap_or(0);
        // "-$ 1" is read, "- 1" is not.
        let white = is_white(c)
            && has(style::LEADING_WHITE)
            && !(signed && !currency && info.number.negative != 2);
        if white {
            at += 1;
            continue;
        }
        let sign = (has(style::LEADING_SIGN) && !signed).then(|| sign(s, at, info));
        if let Some((next, negative)) = sign.flatten() {
            n.negative = negative;
            signed = true;
            at = next;
        } else if c == b'(' && has(style::PARENTHESES) && !signed {
            (signed, open) = (true, true);
            n.negative = true;
            at += 1;
        } else if with_currency
            && !currency
            && let Some(next) = after(s, at, &info.currency_symbol)
        {
            currency = true;
            at = next;
        } else {
            break;
        }
    }
    let (mut digits, mut point) = (false, false);
    while let Some(c) = s.get(at).copied() {
        let other_point = || {
            (with_currency && !currency)
                .then(|| after(s, at, &info.number.point))
                .flatten()
        };
        let other_separator = || {
            (with_currency && !currency)
                .then(|| after(s, at, &info.number.separator))
                .flatten()
        };
        if c.is_ascii_digit() {
            digits = true;
            if c != b'0' || !n.digits.is_empty() {
                n.digits.push(c);
                n.scale += i64::from(!point);
            } else if point {
                n.scale -= 1;
            }
            at += 1;
        } else if has(style::DECIMAL_POINT)
            && !point
            && let Some(next) = after(s, at, &layout.point).or_else(other_point)
        {
            point = true;
            at = next;
        } else if has(style::THOUSANDS)
            && digits
            && !point
            && let Some(next) = after(s, at, &layout.separator).or_else(other_separator)
        {
            at = next;
        } else {
            break;
        }
    }
    if !digits {
        return None;
    }
    if has(style::EXPONENT) && matches!(s.get(at), Some(b'e' | b'E')) {
        let plus = after(s, at + 1, &info.plus).map(|i| (i, false));
        let minus = || after(s, at + 1, &info.minus).map(|i| (i, true));
        let (mut i, negative) = plus.or_else(minus).unwrap_or((at + 1, false));
        if s.get(i).is_some_and(u8::is_ascii_digit) {
            let mut e = 0i64;
            while let Some(d) = s.get(i).filter(|d| d.is_ascii_digit()) {
                e = (e * 10 + i64::from(d - b'0')).min(MOST);
                i += 1;
            }
            n.scale += if negative { -e } else { e };
            at = i;
        }
    }
    while let Some(c) = s.get(at).copied() {
        if is_white(c) && has(style::TRAILING_WHITE) {
            at += 1;
            continue;
        }
        let sign = (has(style::TRAILING_SIGN) && !signed).then(|| sign(s, at, info));
        if let Some((next, negative)) = sign.flatten() {
            n.negative = negative;
            signed = true;
            at = next;
        } else if c == b')' && open {
            open = false;
            at += 1;
        } else if with_currency
            && !currency
            && let Some(next) = after(s, at, &info.currency_symbol)
        {
            currency = true;
            at = next;
        } else {
            break;
        }
    }
    // NULs after a number are ignored.
    let rest = s.get(at..).unwrap_or_default();
    (!open && rest.iter().all(|c| *c == 0)).then_some(n)
}

/// `NaN` and the infinities, in any case.
fn named(s: &str, num: Num, info: &Symbols) -> Option<Value> {
    let t = s.trim();
    let is = |name: &str, t: &str| !name.is_empty() && t.eq_ignore_ascii_case(name);
    let (plus, minus) = (t.strip_prefix(&*info.plus), t.strip_prefix(&*info.minus));
    let f = if is(&info.infinity, t) || plus.is_some_and(|t| is(&info.infinity, t)) {
        f64::INFINITY
    } else if is(&info.minus_infinity, t) {
        f64::NEG_INFINITY
    } else if [Some(t), plus, minus]
        .into_iter()
        .flatten()
        .any(|t| is(&info.nan, t))
    {
        // As `double.NaN`, whose sign bit is set.
        -f64::NAN
    } else {
        return None;
    };
    Some(if num == Num::Float {
        Value::Float(f as f32)
    } else {
        Value::Double(f)
    })
}

fn hex(s: &str, num: Num, styles: i64) -> Result<Value, Unread> {
    let mut t = s.trim_end_matches('\0');
    if styles & style::LEADING_WHITE != 0 {
        t = t.trim_start_matches(|c: char| u8::try_from(c).is_ok_and(is_white));
    }
    if styles & style::TRAILING_WHITE != 0 {
        t = t.trim_end_matches(|c: char| u8::try_from(c).is_ok_and(is_white));
    }
    if t.is_empty() || !t.bytes().all(|b| b.is_ascii_hexdigit()) {
        return Err(Unread::Format);
    }
    let t = t.trim_start_matches('0');
    if t.len() > 16 {
        return Err(Unread::Overflow);
    }
    let n = u64::from_str_radix(t, 16).unwrap_or(0);
    let signed = |bits: u32| {
        let n = i128::from(n);
        // Two's complement of the type's own width.
        if n >> (bits - 1) == 1 {
            n - (1 << bits)
        } else {
            n
        }
    };
    let n = match num {
        Num::SByte => signed(8),
        Num::Short => signed(16),
        Num::Int => signed(32),
        Num::Long => signed(64),
        _ => i128::from(n),
    };
    whole(n, num).ok_or(Unread::Overflow)
}
