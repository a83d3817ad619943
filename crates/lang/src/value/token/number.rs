//! Numbers of JSON as Json.NET reads them, and the integers beyond `long` (`System.Numerics.BigInteger`).
//!
//! What must stay true: a big integer keeps every digit that the document had; it has no arithmetic.

use crate::expr::types::{Num, Ty};
use crate::value::number::read::{read, style};
use crate::value::number::symbols::INVARIANT;
use crate::value::{Frozen, Object, Value};
use std::any::Any;
use std::cmp::Ordering;
use std::rc::Rc;

/// Most digits of an integer that Json.NET reads.
const MAX_DIGITS: usize = 380;

/// A `BigInteger`: sign and digits without zeros in front.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct BigInteger {
    negative: bool,
    digits: String,
}

impl BigInteger {
    /// Reads `-?[0-9]+`.
    pub(crate) fn parse(text: &str) -> Option<BigInteger> {
        let (negative, digits) = match text.strip_prefix('-') {
            Some(rest) => (true, rest),
            None => (false, text),
        };
        if digits.is_empty() || !digits.bytes().all(|b| b.is_ascii_digit()) {
            return None;
        }
        let digits = digits.trim_start_matches('0');
        Some(BigInteger {
            negative: negative && !digits.is_empty(),
            digits: if digits.is_empty() { "0" } else { digits }.to_owned(),
        })
    }

    /// The big integer that a value is.
    pub(crate) fn within(value: &Value) -> Option<&BigInteger> {
        match value {
            Value::Object(o) => o.as_any().downcast_ref::<BigInteger>(),
            _ => None,
        }
    }

    /// The digits, and whether it is below zero.
    pub(crate) fn digits(&self) -> (&str, bool) {
        (&self.digits, self.negative)
    }

    /// The integer part of any number.
    pub(crate) fn of(value: &Value) -> Option<BigInteger> {
        match value {
            Value::Object(_) => BigInteger::within(value).cloned(),
            Value::ULong(n) => BigInteger::parse(&n.to_string()),
            Value::Decimal(d) => BigInteger::parse(&d.trunc().to_string()),
            Value::Double(f) if f.is_finite() => BigInteger::parse(&format!("{:.0}", f.trunc())),
            Value::Float(f) if f.is_finite() => BigInteger::parse(&format!("{:.0}", f.trunc())),
            v => BigInteger::parse(&v.as_i64()?.to_string()),
        }
    }

    /// The digits with the sign.
    pub(crate) fn text(&self) -> String {
        format!("{}{}", if self.negative { "-" } else { "" }, self.digits)
    }

    pub(crate) fn cmp(&self, other: &BigInteger) -> Ordering {
        let size = |a: &BigInteger, b: &BigInteger| {
            a.digits
                .len()
                .cmp(&b.digits.len())
                .then_with(|| a.digits.cmp(&b.digits))
        };
        match (self.negative, other.negative) {
            (false, true) => Ordering::Greater,
            (true, false) => Ordering::Less,
            (false, false) => size(self, other),
            (true, true) => size(other, self),
        }
    }

    pub(crate) fn is_zero(&self) -> bool {
        self.digits == "0"
    }

    /// `ToByteArray`: two's complement, the lowest byte first, as many as needed.
    pub(crate) fn bytes(&self) -> Vec<u8> {
        let mut out: Vec<u8> = Vec::new();
        for digit in self.digits.bytes() {
            let mut carry = u16::from(digit - b'0');
            for byte in &mut out {
                carry += u16::from(*byte) * 10;
                *byte = carry as u8;
                carry >>= 8;
            }
            if carry > 0 {
                out.push(carry as u8);
            }
        }
        // A bit of its own for the sign.
        if out.last().is_none_or(|b| b & 0x80 != 0) {
            out.push(0);
        }
        if self.negative {
            let mut carry = true;
            for byte in &mut out {
                let (sum, over) = (!*byte).overflowing_add(u8::from(carry));
                (*byte, carry) = (sum, over);
            }
            if let [.., next, 0xff] = out.as_slice()
                && next & 0x80 != 0
            {
                out.pop();
            }
        }
        out
    }
}

impl Object for BigInteger {
    fn ty(&self) -> Ty {
        Ty::class("BigInteger")
    }
    fn as_any(&self) -> &dyn Any {
        self
    }
    fn text(&self) -> String {
        BigInteger::text(self)
    }
    fn hash_text(&self) -> Option<String> {
        Some(self.text())
    }
    fn equals(&self, other: &dyn Object) -> bool {
        other.as_any().downcast_ref::<BigInteger>() == Some(self)
    }
    fn order(&self, other: &dyn Object) -> Option<Ordering> {
        let other = other.as_any().downcast_ref::<BigInteger>()?;
        Some(self.cmp(other))
    }
    fn freeze(&self) -> Option<Frozen> {
        Some(Frozen::BigInteger(BigInteger::text(self).into()))
    }
}

/// A number token; the error is Json.NET's message without its place.
pub(crate) fn parse_number(s: &str, decimals: bool) -> Result<Value, String> {
    let invalid = || format!("Input string '{s}' is not a valid number.");
    let b = s.as_bytes();
    if b.len() > 1 && b[0] == b'0' && !matches!(b[1], b'.' | b'e' | b'E') {
        // Other bases: all 64 bits count, so the highest is the sign.
        let read = match s.strip_prefix("0x").or_else(|| s.strip_prefix("0X")) {
            Some(hex) => u64::from_str_radix(hex, 16)
                .ok()
                .filter(|_| !hex.starts_with('+')),
            None => u64::from_str_radix(s, 8).ok(),
        };
        return read.map(|n| Value::Long(n as i64)).ok_or_else(invalid);
    }
    if let Ok(n) = s.parse::<i64>() {
        return Ok(Value::Long(n));
    }
    if let Some(big) = BigInteger::parse(s) {
        if s.len() > MAX_DIGITS {
            return Err(format!("JSON integer {s} is too large to parse."));
        }
        return Ok(Value::Object(Rc::new(big)));
    }
    if decimals {
        return read(s, Num::Decimal, style::FLOAT, &INVARIANT).map_err(|_| invalid());
    }
    let float = b
        .iter()
        .all(|b| matches!(b, b'0'..=b'9' | b'.' | b'-' | b'+' | b'e' | b'E'));
    // Beyond the range of double .NET reads infinity.
    let read = s.parse::<f64>().ok().filter(|_| float);
    read.map(Value::Double).ok_or_else(invalid)
}
