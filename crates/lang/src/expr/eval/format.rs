//! `IFormattable.ToString(format)`, alignment, and composite formats (`{0,-8:N2}`): for interpolation, `string.Format`
//! and `StringBuilder.AppendFormat`.
//!
//! What must stay true: a format never panics and never makes more text than [`super::MAX_BYTES`] and one item beyond it.

use super::{MAX_BYTES, Throw, throw};
use crate::value::number::symbols::{INVARIANT, Symbols};
use crate::value::token::number::BigInteger;
use crate::value::{Value, number, text, time};

/// Largest index and width of an item, as in .NET.
const MAX_ITEM: usize = 1_000_000;

/// A value in a format and the invariant culture.
pub(crate) fn formatted(v: &Value, format: Option<&str>) -> Result<String, Throw> {
    formatted_with(v, format, &INVARIANT)
}

/// A value in a format; the symbols are those of a `NumberFormatInfo`, and count for numbers only.
pub(crate) fn formatted_with(
    v: &Value,
    format: Option<&str>,
    info: &Symbols,
) -> Result<String, Throw> {
    let wrong = || throw("FormatException", "Format specifier was invalid.");
    let bad_text = || {
        throw(
            "FormatException",
            "Input string was not in a correct format.",
        )
    };
    let Some(format) = format.filter(|f| !f.is_empty()) else {
        if !std::ptr::eq(info, &INVARIANT)
            && let Some(s) = number::format_with(v, "", info)
        {
            return Ok(s);
        }
        let mut out = String::new();
        text::write(v, &mut out)?;
        return Ok(out);
    };
    match v {
        Value::DateTime(d) => {
            time::format(&time::Parts::of_date(*d), format).ok_or_else(bad_text)
        }
        Value::DateTimeOffset(d) => {
            time::format(&time::Parts::of_offset(*d), format).ok_or_else(bad_text)
        }
        Value::TimeSpan(t) => time::format_span(*t, format).ok_or_else(bad_text),
        Value::Guid(g) => text::guid(g, format).ok_or_else(|| {
            throw(
                "FormatException",
                "Format string can be only \"D\", \"d\", \"N\", \"n\", \"P\", \"p\", \"B\", \"b\", \"X\" or \"x\".",
            )
        }),
        Value::Enum(e, n) => match format {
            "D" | "d" => Ok(n.to_string()),
            "X" | "x" => Ok(format!("{:08X}", *n as i32)),
            "G" | "g" => Ok(text::enum_text(e, *n)),
            "F" | "f" => Ok(text::flags_text(e, *n)),
            _ => Err(throw(
                "FormatException",
                "Format string can be only \"G\", \"g\", \"X\", \"x\", \"F\", \"f\", \"D\" or \"d\".",
            )),
        },
        v if BigInteger::within(v).is_some() => {
            number::format_with(v, format, info).ok_or_else(wrong)
        }
        Value::Object(o) => Ok(o.format(format).unwrap_or_else(|| o.text())),
        Value::Token(t) => match t.value() {
            Some(inner) => formatted_with(&inner, Some(format), info),
            None => Ok(v.to_text().to_string()),
        },
        Value::Char(_) | Value::Bool(_) | Value::Str(_) => Ok(v.to_text().to_string()),
        v if v.as_i64().is_some() || number::as_f64(v).is_some() => {
            number::format_with(v, format, info).ok_or_else(wrong)
        }
        v => Ok(v.to_text().to_string()),
    }
}

/// Pads to a width; negative aligns left.
pub(crate) fn pad(s: &str, width: i32, out: &mut String) {
    let missing = (width.unsigned_abs() as usize).saturating_sub(text::units(s));
    if width >= 0 {
        out.extend(std::iter::repeat_n(' ', missing));
    }
    out.push_str(s);
    if width < 0 {
        out.extend(std::iter::repeat_n(' ', missing));
    }
}

/// `string.Format(provider, format, args)`.
pub(crate) fn composite(format: &str, args: &[Value], info: &Symbols) -> Result<String, Throw> {
    let wrong = || {
        throw(
            "FormatException",
            "Input string was not in a correct format.",
        )
    };
    let chars: Vec<char> = format.chars().collect();
    let mut out = String::new();
    let mut i = 0;
    while let Some(c) = chars.get(i).copied() {
        i += 1;
        let doubled = chars.get(i) == Some(&c);
        match c {
            '{' | '}' if doubled => {
                out.push(c);
                i += 1;
            }
            '}' => return Err(wrong()),
            '{' => {
                let item = Item::read(&chars, &mut i).ok_or_else(wrong)?;
                let v = args.get(item.index).ok_or_else(|| {
                    throw(
                        "FormatException",
                        "Index (zero based) must be greater than or equal to zero and less than the size of the argument list.",
                    )
                })?;
                pad(
                    &formatted_with(v, Some(&item.format), info)?,
                    item.width,
                    &mut out,
                );
            }
            c => out.push(c),
        }
        if out.len() > MAX_BYTES {
            break;
        }
    }
    Ok(out)
}

/// `{index,width:format}`.
struct Item {
    index: usize,
    width: i32,
    format: String,
}

impl Item {
    /// Reads an item after its brace up to behind the closing one.
    fn read(chars: &[char], i: &mut usize) -> Option<Item> {
        let index = number(chars, i)?;
        blanks(chars, i);
        let mut width = 0;
        if chars.get(*i) == Some(&',') {
            *i += 1;
            blanks(chars, i);
            let left = chars.get(*i) == Some(&'-');
            *i += usize::from(left);
            width = i32::try_from(number(chars, i)?).ok()?;
            if left {
                width = -width;
            }
            blanks(chars, i);
        }
        let mut format = String::new();
        if chars.get(*i) == Some(&':') {
            *i += 1;
            loop {
                let c = *chars.get(*i)?;
                if matches!(c, '{' | '}') {
                    // Doubled braces are a brace of the format.
                    if chars.get(*i + 1) != Some(&c) {
                        if c == '{' {
                            return None;
                        }
                        break;
                    }
                    *i += 1;
                }
                format.push(c);
                *i += 1;
            }
        }
        if chars.get(*i) != Some(&'}') {
            return None;
        }
        *i += 1;
        Some(Item {
            index,
            width,
            format,
        })
    }
}

fn blanks(chars: &[char], i: &mut usize) {
    while chars.get(*i) == Some(&' ') {
        *i += 1;
    }
}

/// Digits up to [`MAX_ITEM`].
fn number(chars: &[char], i: &mut usize) -> Option<usize> {
    let mut n = chars.get(*i)?.to_digit(10)? as usize;
    *i += 1;
    while let Some(d) = chars.get(*i).and_then(|c| c.to_digit(10)) {
        if n >= MAX_ITEM {
            return None;
        }
        n = n * 10 + d as usize;
        *i += 1;
    }
    Some(n)
}
