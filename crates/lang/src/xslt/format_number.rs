//! `format-number()` and `xsl:decimal-format` (XSLT 1.0, section 12.3), as .NET reads pictures.
//!
//! A picture is rewritten as a custom format of .NET's numbers, which `value/number` writes. Source: measured
//! (`tests/xslt`). What must stay true: a picture that .NET refuses is refused.

use crate::value::Value;
use crate::value::number::format_with;
use crate::value::number::symbols::{INVARIANT, Symbols};
use std::borrow::Cow;

/// The characters of an `xsl:decimal-format`.
#[derive(Clone, Debug)]
pub(super) struct DecimalFormat {
    pub(super) decimal_separator: char,
    pub(super) grouping_separator: char,
    pub(super) infinity: String,
    pub(super) minus: char,
    pub(super) nan: String,
    pub(super) percent: char,
    pub(super) per_mille: char,
    pub(super) zero: char,
    pub(super) digit: char,
    pub(super) pattern_separator: char,
}

impl Default for DecimalFormat {
    fn default() -> DecimalFormat {
        DecimalFormat {
            decimal_separator: '.',
            grouping_separator: ',',
            infinity: String::from("Infinity"),
            minus: '-',
            nan: String::from("NaN"),
            percent: '%',
            per_mille: '\u{2030}',
            zero: '0',
            digit: '#',
            pattern_separator: ';',
        }
    }
}

/// One half of a picture as a custom format.
struct Picture {
    format: String,
    group: usize,
}

/// What is read of a half so far.
#[derive(Default)]
struct Half {
    format: Vec<char>,
    integer_done: bool,
    saw_zero: bool,
    saw_digit: bool,
    saw_any: bool,
    comma: usize,
    point: Option<usize>,
    last: Option<usize>,
}

impl Half {
    fn finish(mut self, picture: &str) -> Result<Picture, String> {
        if !self.saw_any {
            return Err(invalid(picture));
        }
        let point = self.point.or(self.last.map(|l| l + 1)).unwrap_or(0);
        let mut group = 0;
        if self.comma > 0 && self.comma + 1 == point {
            self.format.remove(self.comma);
        } else if self.comma > 0 && point > self.comma {
            group = point - self.comma - 1;
        }
        Ok(Picture {
            format: self.format.into_iter().collect(),
            group,
        })
    }
}

fn invalid(picture: &str) -> String {
    format!("Format '{picture}' is invalid.")
}

impl DecimalFormat {
    fn read(&self, picture: &str) -> Result<(Picture, Option<Picture>), String> {
        if picture.is_empty() {
            return Err(String::from("Format cannot be empty."));
        }
        let mut first = None;
        let mut half = Half::default();
        let mut chars = picture.chars();
        while let Some(c) = chars.next() {
            if c == self.digit {
                if half.saw_zero && !half.integer_done {
                    return Err(invalid(picture));
                }
                half.last = Some(half.format.len());
                (half.saw_digit, half.saw_any) = (true, true);
                half.format.push('#');
            } else if c == self.zero {
                if half.saw_digit && half.integer_done {
                    return Err(invalid(picture));
                }
                half.last = Some(half.format.len());
                (half.saw_zero, half.saw_any) = (true, true);
                half.format.push('0');
            } else if c == self.pattern_separator {
                if first.is_some() {
                    return Err(invalid(picture));
                }
                first = Some(std::mem::take(&mut half).finish(picture)?);
            } else if c == self.decimal_separator {
                if half.integer_done {
                    return Err(invalid(picture));
                }
                half.point = Some(half.format.len());
                half.integer_done = true;
                (half.saw_digit, half.saw_zero) = (false, false);
                half.format.push('.');
            } else if c == self.grouping_separator {
                half.comma = half.format.len();
                half.last = Some(half.comma);
                half.format.push(',');
            } else if c == self.percent {
                half.format.push('%');
            } else if c == self.per_mille {
                half.format.push('\u{2030}');
            } else if c == '\'' {
                half.format.push(c);
                for quoted in chars.by_ref() {
                    half.format.push(quoted);
                    if quoted == '\'' {
                        break;
                    }
                }
            } else {
                if "0#.,%\u{2030}Ee\\\"';".contains(c) {
                    half.format.push('\\');
                }
                half.format.push(c);
            }
        }
        let last = half.finish(picture)?;
        Ok(match first {
            Some(first) => (first, Some(last)),
            None => (last, None),
        })
    }

    /// A number as a picture shows it.
    pub(super) fn format(&self, number: f64, picture: &str) -> Result<String, String> {
        let (positive, negative) = self.read(picture)?;
        if number.is_nan() {
            return Ok(self.nan.clone());
        }
        let (chosen, minus) = match &negative {
            Some(negative) if number < 0.0 => (negative, String::new()),
            _ => (&positive, self.minus.to_string()),
        };
        if number.is_infinite() {
            let sign = if number < 0.0 { &*minus } else { "" };
            return Ok(format!("{sign}{}", self.infinity));
        }
        let mut symbols: Symbols = INVARIANT.clone();
        symbols.number.point = Cow::Owned(self.decimal_separator.to_string());
        symbols.number.separator = Cow::Owned(self.grouping_separator.to_string());
        symbols.number.sizes = Cow::Owned(vec![chosen.group]);
        symbols.minus = Cow::Owned(minus);
        symbols.percent_symbol = Cow::Owned(self.percent.to_string());
        symbols.per_mille = Cow::Owned(self.per_mille.to_string());
        let text = format_with(&Value::Double(number), &chosen.format, &symbols)
            .ok_or_else(|| invalid(picture))?;
        if self.zero == '0' {
            return Ok(text);
        }
        let shifted = |c: char| match c.to_digit(10) {
            Some(d) => char::from_u32(u32::from(self.zero) + d).unwrap_or(c),
            None => c,
        };
        Ok(text.chars().map(shifted).collect())
    }
}
