//! Searching in `string`: `Contains`, `StartsWith`, `EndsWith`, `IndexOf` and its kin.
//!
//! What must stay true: places are UTF-16 units. By culture (the default of most overloads) characters without weight are
//! passed over, and all others found as they are written; that some marks and ligatures would be found as other texts is
//! not kept.

use super::super::{Row, m};
use super::ops::{byte_of, checked, equals, ignores_case, range, unit_text};
use crate::expr::eval::{Args, R, Throw, null_argument};
use crate::value::{Str, Value, text};

const INDEX: &str = "Index was out of range. Must be non-negative and less than or equal to the size of the collection.";
const COUNT: &str =
    "Count must be positive and count must refer to a location within the string/array/collection.";

/// What is sought: `value` of a row, a text or a character.
fn needle(a: &Args<'_>) -> Result<Str, Throw> {
    match a.values.get(1) {
        Some(Value::Str(s)) => Ok(s.clone()),
        Some(c @ Value::Char(_)) => Ok(unit_text(c).into()),
        _ => Err(null_argument("value")),
    }
}

fn folded(s: &str, comparison: i64) -> std::borrow::Cow<'_, str> {
    if ignores_case(comparison) {
        text::upper_invariant(s).into()
    } else {
        s.into()
    }
}

/// Whether texts are compared by culture, and a character without weight is in one of them.
fn passes_over(comparison: i64, s: &str, what: &str) -> bool {
    let control = |b: &u8| matches!(b, 0..=8 | 14..=31 | 127);
    let some = |s: &str| {
        s.as_bytes().iter().any(control) || (!s.is_ascii() && s.contains(text::is_weightless))
    };
    comparison < 4 && (some(what) || some(s))
}

/// A text without its weightless characters, and at which byte of it each character of the rest stood.
fn weighty(s: &str) -> (String, Vec<usize>) {
    let mut out = String::new();
    let mut places = Vec::new();
    for (at, c) in s.char_indices().filter(|(_, c)| !text::is_weightless(*c)) {
        places.extend(std::iter::repeat_n(at, c.len_utf8()));
        out.push(c);
    }
    places.push(s.len());
    (out, places)
}

/// The byte at which a text is found in another.
fn find(s: &str, what: &str, comparison: i64, last: bool) -> Option<usize> {
    let search = |s: &str, what: &str| if last { s.rfind(what) } else { s.find(what) };
    if !passes_over(comparison, s, what) {
        return search(s, what);
    }
    let (what, _) = weighty(what);
    if what.is_empty() {
        return Some(if last { s.len() } else { 0 });
    }
    let (text, places) = weighty(s);
    places.get(search(&text, &what)?).copied()
}

fn place(n: Option<usize>) -> R {
    Ok(Value::Int(
        n.and_then(|n| i32::try_from(n).ok()).unwrap_or(-1),
    ))
}

/// The part of a text between two offsets in units, without the pairs that they cut, and where it begins.
fn between(s: &str, from: usize, to: usize) -> (&str, usize) {
    if s.is_ascii() {
        let (from, to) = (from.min(s.len()), to.min(s.len()));
        return (s.get(from..to).unwrap_or(""), from);
    }
    let start = byte_of(s, from).unwrap_or(s.len());
    let begin = text::units(&s[..start]);
    let mut end = byte_of(s, to).unwrap_or(s.len()).max(start);
    if let Some(last) = s[start..end].chars().next_back()
        && begin + text::units(&s[start..end]) > to
    {
        end -= last.len_utf8();
    }
    (s.get(start..end).unwrap_or(""), begin)
}

/// `IndexOf`: start and count stand at these places, when they are given.
fn index_of(a: &Args<'_>, start: Option<usize>, count: Option<usize>, comparison: i64) -> R {
    let s = a.text(0)?;
    let what = needle(a)?;
    let comparison = checked(comparison)?;
    let n = text::units(s) as i64;
    let from = start.map_or(0, |i| a.int(i));
    if from < 0 || from > n {
        return Err(range("startIndex", INDEX));
    }
    let count = count.map_or(n - from, |i| a.int(i));
    if count < 0 || count > n - from {
        return Err(range("count", COUNT));
    }
    let (s, what) = (folded(s, comparison), folded(&what, comparison));
    let (part, begin) = between(&s, from as usize, (from + count) as usize);
    place(find(part, &what, comparison, false).map(|at| begin + text::units(&part[..at])))
}

/// `LastIndexOf`: backwards from the start, over so many units.
fn last_index_of(a: &Args<'_>, start: Option<usize>, count: Option<usize>, comparison: i64) -> R {
    let s = a.text(0)?;
    let what = needle(a)?;
    let comparison = checked(comparison)?;
    let n = text::units(s) as i64;
    let is_char = matches!(a.values.get(1), Some(Value::Char(_)));
    let mut from = start.map_or(n - 1, |i| a.int(i));
    let mut count = count.map_or(from.saturating_add(1), |i| a.int(i));
    if n == 0 {
        if is_char || from == -1 || from == 0 {
            return place((!is_char && what.is_empty()).then_some(0));
        }
        return Err(range("startIndex", INDEX));
    }
    if from == n && !is_char {
        from -= 1;
        count -= i64::from(count > 0);
    }
    if from < 0 || from >= n {
        return Err(range("startIndex", INDEX));
    }
    if count < 0 || count > from + 1 {
        return Err(range("count", COUNT));
    }
    let begin = (from + 1 - count) as usize;
    let (s, what) = (folded(s, comparison), folded(&what, comparison));
    let (part, begin) = between(&s, begin, from as usize + 1);
    place(find(part, &what, comparison, true).map(|at| begin + text::units(&part[..at])))
}

/// `IndexOfAny` and `LastIndexOfAny`.
fn any_of(a: &Args<'_>, start: Option<usize>, count: Option<usize>, last: bool) -> R {
    let s = a.text(0)?;
    let set = super::units_of(a, 1, "anyOf")?;
    let n = text::units(s) as i64;
    if last && n == 0 {
        return place(None);
    }
    let from = start.map_or(if last { n - 1 } else { 0 }, |i| a.int(i));
    if from < 0 || from > n - i64::from(last) {
        return Err(range("startIndex", INDEX));
    }
    let most = if last { from + 1 } else { n - from };
    let count = count.map_or(most, |i| a.int(i));
    if count < 0 || count > most {
        return Err(range("count", COUNT));
    }
    let begin = if last { from + 1 - count } else { from } as usize;
    let mut found = s
        .encode_utf16()
        .enumerate()
        .skip(begin)
        .take(count as usize)
        .filter(|(_, u)| set.contains(u))
        .map(|(i, _)| i);
    place(if last { found.last() } else { found.next() })
}

fn contains(a: &Args<'_>, comparison: i64) -> R {
    let what = needle(a)?;
    let comparison = checked(comparison)?;
    let s = folded(a.text(0)?, comparison);
    let found = find(&s, &folded(&what, comparison), comparison, false);
    Ok(Value::Bool(found.is_some()))
}

/// `StartsWith` and `EndsWith`.
fn stands_at(a: &Args<'_>, end: bool, comparison: i64) -> R {
    let (s, what) = (a.text(0)?, needle(a)?);
    let comparison = checked(comparison)?;
    if passes_over(comparison, s, &what) {
        let (s, what) = (folded(s, comparison), folded(&what, comparison));
        let ((s, _), (what, _)) = (weighty(&s), weighty(&what));
        return Ok(Value::Bool(if end {
            s.ends_with(&what)
        } else {
            s.starts_with(&what)
        }));
    }
    if !ignores_case(comparison) {
        return Ok(Value::Bool(if end {
            s.ends_with(&*what)
        } else {
            s.starts_with(&*what)
        }));
    }
    let (len, n) = (text::units(s), text::units(&what));
    let part = |from| between(s, from, from + n).0;
    Ok(Value::Bool(
        len >= n && equals(part(if end { len - n } else { 0 }), &what, comparison),
    ))
}

/// The comparison of an `ignoreCase` argument.
fn casing(a: &Args<'_>, i: usize) -> i64 {
    if a.bool(i) { 1 } else { 0 }
}

/// Rows of `IndexOf` and `LastIndexOf` for a type of `value`.
macro_rules! places {
    ($name:literal, $ty:literal, $f:ident, $comparison:literal) => {
        [
            m(concat!("int ", $name, "(", $ty, " value)"), |_, a| {
                $f(a, None, None, $comparison)
            }),
            m(
                concat!("int ", $name, "(", $ty, " value, int startIndex)"),
                |_, a| $f(a, Some(2), None, $comparison),
            ),
            m(
                concat!(
                    "int ",
                    $name,
                    "(",
                    $ty,
                    " value, int startIndex, int count)"
                ),
                |_, a| $f(a, Some(2), Some(3), $comparison),
            ),
        ]
    };
}

/// Rows of the same with a comparison.
macro_rules! compared {
    ($name:literal, $f:ident) => {
        [
            m(
                concat!(
                    "int ",
                    $name,
                    "(string value, StringComparison comparisonType)"
                ),
                |_, a| $f(a, None, None, a.int(2)),
            ),
            m(
                concat!(
                    "int ",
                    $name,
                    "(string value, int startIndex, StringComparison comparisonType)"
                ),
                |_, a| $f(a, Some(2), None, a.int(3)),
            ),
            m(
                concat!(
                    "int ",
                    $name,
                    "(string value, int startIndex, int count, StringComparison comparisonType)"
                ),
                |_, a| $f(a, Some(2), Some(3), a.int(4)),
            ),
        ]
    };
}

/// Rows of `IndexOfAny` and `LastIndexOfAny`.
macro_rules! any {
    ($name:literal, $last:literal) => {
        [
            m(concat!("int ", $name, "(char[] anyOf)"), |_, a| {
                any_of(a, None, None, $last)
            }),
            m(
                concat!("int ", $name, "(char[] anyOf, int startIndex)"),
                |_, a| any_of(a, Some(2), None, $last),
            ),
            m(
                concat!("int ", $name, "(char[] anyOf, int startIndex, int count)"),
                |_, a| any_of(a, Some(2), Some(3), $last),
            ),
        ]
    };
}

/// Rows of `StartsWith` and `EndsWith`.
macro_rules! stands {
    ($name:literal, $end:literal) => {
        [
            m(concat!("bool ", $name, "(string value)"), |_, a| {
                stands_at(a, $end, 0)
            }),
            m(concat!("bool ", $name, "(char value)"), |_, a| {
                stands_at(a, $end, 4)
            }),
            m(
                concat!(
                    "bool ",
                    $name,
                    "(string value, StringComparison comparisonType)"
                ),
                |_, a| stands_at(a, $end, a.int(2)),
            ),
            m(
                concat!(
                    "bool ",
                    $name,
                    "(string value, bool ignoreCase, CultureInfo culture)"
                ),
                |_, a| stands_at(a, $end, casing(a, 2)),
            ),
        ]
    };
}

const CONTAINS: [Row; 4] = [
    m("bool Contains(string value)", |_, a| contains(a, 4)),
    m("bool Contains(char value)", |_, a| contains(a, 4)),
    m(
        "bool Contains(string value, StringComparison comparisonType)",
        |_, a| contains(a, a.int(2)),
    ),
    m(
        "bool Contains(char value, StringComparison comparisonType)",
        |_, a| contains(a, a.int(2)),
    ),
];

pub(super) const ROWS: &[&[Row]] = &[
    &CONTAINS,
    &stands!("StartsWith", false),
    &stands!("EndsWith", true),
    &places!("IndexOf", "string", index_of, 0),
    &places!("IndexOf", "char", index_of, 4),
    &[m(
        "int IndexOf(char value, StringComparison comparisonType)",
        |_, a| index_of(a, None, None, a.int(2)),
    )],
    &compared!("IndexOf", index_of),
    &places!("LastIndexOf", "string", last_index_of, 0),
    &places!("LastIndexOf", "char", last_index_of, 4),
    &compared!("LastIndexOf", last_index_of),
    &any!("IndexOfAny", false),
    &any!("LastIndexOfAny", true),
];
