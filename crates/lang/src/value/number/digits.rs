//! A number as decimal digits and the place of its point: what all formats are made of.
//!
//! What must stay true: the digits are exact for integers and `decimal`; for `double` and `float` they are the shortest that
//! read back, or the exact value rounded to even at the wanted place, as .NET since Core 3.0 makes them.

use crate::value::Value;
use crate::value::token::number::BigInteger;
use rust_decimal::Decimal;

/// More digits after the point than the exact value of any `double` has: 1074.
const MOST_DIGITS: usize = 1_100;

/// Which digits of a floating-point number are wanted.
#[derive(Clone, Copy, Debug)]
pub(super) enum Wanted {
    /// As few as read back as the same value.
    Shortest,
    /// So many significant ones.
    Significant(usize),
    /// So many after the point.
    Fraction(usize),
}

/// `0.d1d2d3… * 10^scale`; no digits is zero.
#[derive(Clone, Debug)]
pub(super) struct Digits {
    pub(super) digits: Vec<u8>,
    pub(super) scale: i64,
    pub(super) negative: bool,
    /// Made of `float` or `double`: knows a negative zero.
    pub(super) float: bool,
}

impl Digits {
    /// `None` for what is not a number, and for NaN and infinities.
    pub(super) fn of(v: &Value, wanted: Wanted) -> Option<Digits> {
        match v {
            Value::Float(f) if f.is_finite() => {
                let text = match wanted {
                    Wanted::Shortest => format!("{:e}", f.abs()),
                    _ => return Digits::of(&Value::Double(f64::from(*f)), wanted),
                };
                Some(Digits::scientific(&text, f.is_sign_negative()))
            }
            Value::Double(f) if f.is_finite() => {
                let negative = f.is_sign_negative();
                let f = f.abs();
                // Further digits are zeros, and Rust panics on a precision beyond `u16`.
                let most = |n: usize| n.min(MOST_DIGITS);
                Some(match wanted {
                    Wanted::Shortest => Digits::scientific(&format!("{f:e}"), negative),
                    Wanted::Significant(n) => {
                        let n = most(n.saturating_sub(1));
                        Digits::scientific(&format!("{f:.n$e}"), negative)
                    }
                    Wanted::Fraction(n) => {
                        let n = most(n);
                        Digits::fixed(&format!("{f:.n$}"), negative)
                    }
                })
            }
            Value::Decimal(d) => Some(Digits::of_decimal(d)),
            Value::ULong(n) => Some(Digits::whole(&n.to_string(), false)),
            Value::Object(_) => BigInteger::within(v).map(|n| {
                let (digits, negative) = n.digits();
                Digits::whole(digits, negative)
            }),
            _ => {
                let n = v.as_i64()?;
                Some(Digits::whole(&n.unsigned_abs().to_string(), n < 0))
            }
        }
    }

    fn whole(text: &str, negative: bool) -> Digits {
        let digits: Vec<u8> = if text == "0" {
            Vec::new()
        } else {
            text.bytes().collect()
        };
        Digits {
            scale: digits.len() as i64,
            digits,
            negative,
            float: false,
        }
    }

    fn of_decimal(d: &Decimal) -> Digits {
        let mut out = Digits::whole(&d.mantissa().unsigned_abs().to_string(), false);
        out.negative = d.is_sign_negative();
        out.scale -= i64::from(d.scale());
        out
    }

    /// From Rust's `d.ddde-x`.
    fn scientific(text: &str, negative: bool) -> Digits {
        let (mantissa, exponent) = text.split_once('e').unwrap_or((text, "0"));
        let mut out = Digits {
            digits: mantissa.bytes().filter(u8::is_ascii_digit).collect(),
            scale: exponent.parse::<i64>().unwrap_or(0) + 1,
            negative,
            float: true,
        };
        out.trim();
        out
    }

    /// From `ddd.ddd`.
    fn fixed(text: &str, negative: bool) -> Digits {
        let point = text.find('.').unwrap_or(text.len());
        let all: Vec<u8> = text.bytes().filter(u8::is_ascii_digit).collect();
        let zeros = all.iter().take_while(|d| **d == b'0').count();
        let mut out = Digits {
            digits: all[zeros..].to_vec(),
            scale: point as i64 - zeros as i64,
            negative,
            float: true,
        };
        out.trim();
        out
    }

    /// Takes zeros off the end.
    fn trim(&mut self) {
        let keep = self
            .digits
            .iter()
            .rposition(|d| *d != b'0')
            .map_or(0, |i| i + 1);
        self.digits.truncate(keep);
    }

    pub(super) fn is_zero(&self) -> bool {
        self.digits.is_empty()
    }

    /// The digit at a place, `0` beyond the last.
    pub(super) fn at(&self, i: usize) -> char {
        self.digits.get(i).map_or('0', |d| char::from(*d))
    }

    /// Keeps `pos` digits, rounding half away from zero. Digits that were rounded when they were made only lose their
    /// zeros (`exact`).
    pub(super) fn round(&mut self, pos: i64, exact: bool) {
        let keep = usize::try_from(pos.max(0)).unwrap_or(usize::MAX);
        // Nothing is rounded up at a place before the first digit.
        let up = pos >= 0 && !exact && self.digits.get(keep).is_some_and(|d| *d >= b'5');
        self.digits.truncate(keep);
        if up {
            while self.digits.last() == Some(&b'9') {
                self.digits.pop();
            }
            match self.digits.last_mut() {
                Some(d) => *d += 1,
                None => {
                    self.digits.push(b'1');
                    self.scale += 1;
                }
            }
        } else {
            self.trim();
        }
        if self.digits.is_empty() {
            self.negative &= self.float;
            self.scale = 0;
        }
    }
}
