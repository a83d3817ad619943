//! What the rows of `string`, `StringBuilder` and `char` share: comparison, places in UTF-16 units, checked ranges.

use crate::expr::eval::{Args, Cx, R, Throw, null_argument, throw};
use crate::value::{List, Value, text};
use std::rc::Rc;
use unicode_normalization::{UnicodeNormalization, char::is_combining_mark};

pub(in crate::expr::table) fn range(name: &str, what: &str) -> Throw {
    throw(
        "ArgumentOutOfRangeException",
        format!("{what} (Parameter '{name}')"),
    )
}

/// Whether a `StringComparison` ignores case.
pub(in crate::expr::table) fn ignores_case(n: i64) -> bool {
    matches!(n, 1 | 3 | 5)
}

/// A `StringComparison` that exists.
pub(super) fn checked(n: i64) -> Result<i64, Throw> {
    if (0..=5).contains(&n) {
        return Ok(n);
    }
    Err(throw(
        "ArgumentException",
        "The string comparison type passed in is not supported. (Parameter 'comparisonType')",
    ))
}

pub(in crate::expr::table) fn equals(a: &str, b: &str, comparison: i64) -> bool {
    if a == b {
        return true;
    }
    match comparison {
        4 => false,
        5 => {
            a.eq_ignore_ascii_case(b)
                || (!(a.is_ascii() && b.is_ascii())
                    && text::upper_invariant(a) == text::upper_invariant(b))
        }
        n => text::compare_culture(a, b, ignores_case(n)).is_eq(),
    }
}

/// A text without what `CompareOptions` ignore: spaces and symbols, or marks.
pub(super) fn without(v: &Value, options: i64) -> Value {
    const ORDINAL: i64 = 0x5000_0000;
    const IGNORE_NON_SPACE: i64 = 2;
    const IGNORE_SYMBOLS: i64 = 4;
    let marks = options & IGNORE_NON_SPACE != 0;
    let symbols = options & IGNORE_SYMBOLS != 0;
    match v.as_str() {
        Some(s) if (marks || symbols) && options & ORDINAL == 0 => {
            let kept = |c: &char| match is_combining_mark(*c) {
                true => !marks,
                false => !symbols || c.is_alphanumeric(),
            };
            Value::from(s.nfd().filter(kept).collect::<String>())
        }
        _ => v.clone(),
    }
}

/// `string.Compare`: the sign by culture; ordinal the difference of the first units that differ, or of the lengths.
pub(crate) fn compare(a: &Value, b: &Value, comparison: i64) -> Result<i32, Throw> {
    checked(comparison)?;
    let (a, b) = match (a.as_str(), b.as_str()) {
        (None, None) => return Ok(0),
        (None, _) => return Ok(-1),
        (_, None) => return Ok(1),
        (Some(a), Some(b)) => (a, b),
    };
    Ok(match comparison {
        4 => whole_ordinal(a, b),
        5 => ordinal(&text::upper_invariant(a), &text::upper_invariant(b)),
        n => text::compare_culture(a, b, ignores_case(n)) as i32,
    })
}

/// Ordinal comparison of whole texts: .NET looks at pairs of units, so that the zero behind the end of the shorter one
/// counts where its length is odd; and at the first pair always.
fn whole_ordinal(a: &str, b: &str) -> i32 {
    let looked_at = text::units(a)
        .min(text::units(b))
        .next_multiple_of(2)
        .max(2);
    let padded = |s| {
        str::encode_utf16(s)
            .chain(std::iter::repeat(0))
            .take(looked_at)
    };
    match padded(a).zip(padded(b)).find(|(x, y)| x != y) {
        Some((x, y)) => i32::from(x) - i32::from(y),
        None => ordinal(a, b),
    }
}

/// The same of parts of texts and under options, where the ordinal one is the difference of the lengths at an end.
pub(super) fn compare_part(a: &Value, b: &Value, comparison: i64) -> Result<i32, Throw> {
    match (comparison, a.as_str(), b.as_str()) {
        (4, Some(a), Some(b)) => Ok(ordinal(a, b)),
        _ => compare(a, b, comparison),
    }
}

fn ordinal(a: &str, b: &str) -> i32 {
    let differs = a.encode_utf16().zip(b.encode_utf16()).find(|(x, y)| x != y);
    match differs {
        Some((x, y)) => i32::from(x) - i32::from(y),
        None => text::units(a) as i32 - text::units(b) as i32,
    }
}

/// Byte offset of a UTF-16 offset; `None` beyond the end.
pub(super) fn byte_of(s: &str, units: usize) -> Option<usize> {
    if s.is_ascii() {
        return (units <= s.len()).then_some(units);
    }
    let mut seen = 0;
    for (i, c) in s.char_indices() {
        if seen >= units {
            return Some(i);
        }
        seen += c.len_utf16();
    }
    (seen >= units).then_some(s.len())
}

/// Makes a place in units one between characters: a pair that it would cut becomes two halves, which a text does not hold,
/// so that each is U+FFFD. The length in units stays.
pub(super) fn cut_pair(s: &mut String, at: usize) {
    if let Some(byte) = byte_of(s, at)
        && let Some(c) = s[..byte].chars().next_back()
        && text::units(&s[..byte]) > at
    {
        s.replace_range(byte - c.len_utf8()..byte, "\u{fffd}\u{fffd}");
    }
}

pub(super) fn unit_text(v: &Value) -> String {
    let mut s = String::new();
    if let Value::Char(c) = v {
        text::push_unit(*c, &mut s);
    }
    s
}

/// The units of a `char[]` that must not be null.
pub(in crate::expr::table) fn units_of(
    a: &Args<'_>,
    i: usize,
    name: &str,
) -> Result<Vec<u16>, Throw> {
    let list = a.list(i).map_err(|_| null_argument(name))?;
    let items = list.items();
    Ok(items
        .iter()
        .map(|c| if let Value::Char(c) = c { *c } else { 0 })
        .collect())
}

/// A part of a text by start and length, both checked; `names` are the parameters'.
pub(super) fn part(
    s: &str,
    start: i64,
    len: i64,
    names: (&str, &str),
) -> Result<(usize, usize), Throw> {
    let n = text::units(s) as i64;
    if start < 0 || start > n {
        return Err(range(
            names.0,
            "Index was out of range. Must be non-negative and less than or equal to the size of the collection.",
        ));
    }
    if len < 0 || len > n - start {
        return Err(range(
            names.1,
            "Index and count must refer to a location within the string.",
        ));
    }
    Ok((start as usize, len as usize))
}

/// Writes `n` units into a `char[]`; `class` is the exception when they do not fit.
pub(super) fn copy_units(
    cx: &mut Cx<'_>,
    units: impl Iterator<Item = u16>,
    n: usize,
    to: &Rc<List>,
    at: usize,
    class: &'static str,
) -> R {
    cx.step(n / 8)?;
    let mut items = to.items_mut();
    let place = at.checked_add(n).and_then(|end| items.get_mut(at..end));
    let place = place.ok_or_else(|| {
        throw(
            class,
            "Either offset did not refer to a position in the string, or there is an insufficient length of destination character array.",
        )
    })?;
    for (place, unit) in place.iter_mut().zip(units) {
        *place = Value::Char(unit);
    }
    Ok(Value::Null)
}
