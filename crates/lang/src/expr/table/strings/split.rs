//! `string.Split`.

use super::super::{Row, m};
use super::ops::{range, unit_text};
use crate::expr::eval::{Args, Cx, R, throw};
use crate::expr::types::Ty;
use crate::value::text::unicode::is_white;
use crate::value::{Str, Value};

const DROP_EMPTY: i64 = 1;
const TRIM: i64 = 2;

/// The texts that separate; none means white space. An empty one separates nothing.
fn separators(v: &Value, of_text: bool) -> Vec<String> {
    let of = |v: &Value| match v {
        Value::Char(_) => unit_text(v),
        v => v.to_text().to_string(),
    };
    match v {
        // No text is an empty one, where one is asked for.
        Value::Null if of_text => vec![String::new()],
        Value::Char(_) | Value::Str(_) => vec![of(v)],
        Value::List(l) => l.items().iter().map(of).collect(),
        _ => Vec::new(),
    }
}

/// Length of the separator that stands at the beginning; the first in the order given wins.
fn separator(rest: &str, separators: &[String]) -> Option<usize> {
    if separators.is_empty() {
        return rest
            .chars()
            .next()
            .filter(|c| is_white(*c))
            .map(char::len_utf8);
    }
    let found = separators
        .iter()
        .find(|s| !s.is_empty() && rest.starts_with(s.as_str()));
    found.map(String::len)
}

/// Place and length of the next separator.
fn next(rest: &str, separators: &[String]) -> Option<(usize, usize)> {
    match separators {
        // One is the most frequent, and quick to find.
        [one] if !one.is_empty() => rest.find(one.as_str()).map(|at| (at, one.len())),
        [_] => None,
        _ => rest
            .char_indices()
            .find_map(|(at, _)| separator(&rest[at..], separators).map(|len| (at, len))),
    }
}

/// `Split` by the second argument; count and options stand at these places, when they are given.
fn split(cx: &mut Cx<'_>, a: &Args<'_>, count: Option<usize>, options: Option<usize>) -> R {
    split_by(cx, a, count, options, false)
}

/// As [`split`]; `of_text` is whether the argument is one text, for which null is an empty one.
fn split_by(
    cx: &mut Cx<'_>,
    a: &Args<'_>,
    count: Option<usize>,
    options: Option<usize>,
    of_text: bool,
) -> R {
    let s = a.str(0)?;
    let max = match count.map(|i| a.int(i)) {
        None => usize::MAX,
        Some(n) => {
            usize::try_from(n).map_err(|_| range("count", "Count cannot be less than zero."))?
        }
    };
    let options = options.map_or(0, |i| a.int(i));
    if options & !(DROP_EMPTY | TRIM) != 0 {
        return Err(throw(
            "ArgumentException",
            "Value of flags is invalid. (Parameter 'options')",
        ));
    }
    let (drop_empty, trim) = (options & DROP_EMPTY != 0, options & TRIM != 0);
    let text_of = |piece: &'_ str| -> Str {
        if trim {
            piece.trim_matches(is_white).into()
        } else {
            piece.into()
        }
    };
    let separators = separators(&a.get(1), of_text);
    let mut out: Vec<Value> = Vec::new();
    // One piece is the text itself, whatever it begins with.
    if max == 1 {
        let whole = text_of(&s);
        if !(drop_empty && whole.is_empty()) {
            out.push(Value::Str(whole));
        }
        return cx.list(Ty::array(Ty::String), out);
    }
    let mut rest: &str = &s;
    while out.len() + 1 < max
        && let Some((at, len)) = next(rest, &separators)
    {
        let piece = text_of(&rest[..at]);
        if !(drop_empty && piece.is_empty()) {
            cx.charge(piece.len() + 16)?;
            out.push(Value::Str(piece));
        }
        cx.step(1)?;
        rest = &rest[at + len..];
    }
    if max > 0 {
        if drop_empty && out.len() + 1 == max {
            // The last piece starts at the next text that is no separator.
            while let Some(len) = separator(rest, &separators) {
                rest = &rest[len..];
                if trim {
                    rest = rest.trim_start_matches(is_white);
                }
            }
        }
        let last = text_of(rest);
        if !(drop_empty && last.is_empty()) {
            cx.charge(last.len() + 16)?;
            out.push(Value::Str(last));
        }
    }
    cx.step(s.len() / 64)?;
    cx.list(Ty::array(Ty::String), out)
}

macro_rules! by {
    ($ty:literal) => {
        [
            m(
                concat!(
                    "string[] Split(",
                    $ty,
                    " separator, StringSplitOptions options)"
                ),
                |cx, a| split(cx, a, None, Some(2)),
            ),
            m(
                concat!(
                    "string[] Split(",
                    $ty,
                    " separator, int count, StringSplitOptions options)"
                ),
                |cx, a| split(cx, a, Some(2), Some(3)),
            ),
        ]
    };
}

/// Where the options may be left out.
macro_rules! newer {
    ($ty:literal) => {
        [
            m(
                concat!(
                    "string[] Split(",
                    $ty,
                    " separator, StringSplitOptions options = None)"
                ),
                |cx, a| split_by(cx, a, None, Some(2), true),
            ),
            m(
                concat!(
                    "string[] Split(",
                    $ty,
                    " separator, int count, StringSplitOptions options = None)"
                ),
                |cx, a| split_by(cx, a, Some(2), Some(3), true),
            ),
        ]
    };
}

pub(super) const ROWS: &[&[Row]] = &[
    &[
        m("string[] Split(params char[] separator)", |cx, a| {
            split(cx, a, None, None)
        }),
        m("string[] Split(char[] separator, int count)", |cx, a| {
            split(cx, a, Some(2), None)
        }),
    ],
    &by!("char[]"),
    &by!("string[]"),
    &newer!("char"),
    &newer!("string"),
];
