//! What the rows of `string` do: comparison, search, split, join, format, replace.

use crate::expr::eval::{Args, Cx, R, Throw, throw};
use crate::expr::types::Ty;
use crate::value::{Str, Value, text};

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

pub(in crate::expr::table) fn equals(a: &str, b: &str, comparison: i64) -> bool {
    if a == b {
        return true;
    }
    ignores_case(comparison)
        && (a.eq_ignore_ascii_case(b) || text::upper_invariant(a) == text::upper_invariant(b))
}

pub(super) fn compare(a: &Value, b: &Value, comparison: i64) -> i32 {
    let (a, b) = match (a.as_str(), b.as_str()) {
        (None, None) => return 0,
        (None, _) => return -1,
        (_, None) => return 1,
        (Some(a), Some(b)) => (a, b),
    };
    let order = match comparison {
        4 => text::compare_ordinal(a, b),
        5 => text::compare_ordinal(&text::upper_invariant(a), &text::upper_invariant(b)),
        n => text::compare_culture(a, b, ignores_case(n)),
    };
    order as i32
}

/// First place of a text in another, in UTF-16 units from `start`.
pub(super) fn find(hay: &str, needle: &str, start: usize, comparison: i64) -> Option<usize> {
    let (h, n) = if ignores_case(comparison) {
        (text::upper_invariant(hay), text::upper_invariant(needle))
    } else {
        (hay.to_string(), needle.to_string())
    };
    let from = byte_of(&h, start)?;
    let at = h[from..].find(&n)? + from;
    Some(text::units(&h[..at]))
}

pub(super) fn find_last(hay: &str, needle: &str, comparison: i64) -> Option<usize> {
    let (h, n) = if ignores_case(comparison) {
        (text::upper_invariant(hay), text::upper_invariant(needle))
    } else {
        (hay.to_string(), needle.to_string())
    };
    h.rfind(&n).map(|at| text::units(&h[..at]))
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

pub(super) fn index(n: Option<usize>) -> R {
    Ok(Value::Int(n.map_or(-1, |n| n as i32)))
}

pub(super) fn unit_text(v: &Value) -> String {
    let mut s = String::new();
    if let Value::Char(c) = v {
        text::push_unit(*c, &mut s);
    }
    s
}

pub(super) fn char_set(v: &Value) -> Vec<char> {
    match v {
        Value::Char(_) => unit_text(v).chars().collect(),
        Value::List(l) => l
            .items()
            .iter()
            .flat_map(|c| unit_text(c).chars().collect::<Vec<_>>())
            .collect(),
        _ => Vec::new(),
    }
}

/// Without characters to trim .NET trims white space.
pub(super) fn trim(cx: &mut Cx<'_>, s: &str, set: &[char], start: bool, end: bool) -> R {
    let hit = |c: char| {
        if set.is_empty() {
            c.is_whitespace()
        } else {
            set.contains(&c)
        }
    };
    let mut t = s;
    if start {
        t = t.trim_start_matches(hit);
    }
    if end {
        t = t.trim_end_matches(hit);
    }
    cx.text(Str::from(t))
}

pub(super) fn split(
    cx: &mut Cx<'_>,
    s: &str,
    separators: &[String],
    count: Option<usize>,
    options: i64,
) -> R {
    let (drop_empty, trimmed) = (options & 1 != 0, options & 2 != 0);
    let max = count.unwrap_or(usize::MAX);
    let mut out: Vec<&str> = Vec::new();
    if max > 0 {
        let mut rest = s;
        let mut done = false;
        while out.len() + 1 < max {
            // The first separator in the order given wins at a place.
            let next = rest.char_indices().find_map(|(i, c)| {
                if separators.is_empty() {
                    return c.is_whitespace().then(|| (i, c.len_utf8()));
                }
                separators
                    .iter()
                    .find(|sep| !sep.is_empty() && rest[i..].starts_with(sep.as_str()))
                    .map(|sep| (i, sep.len()))
            });
            let Some((at, len)) = next else { break };
            let piece = if trimmed {
                rest[..at].trim()
            } else {
                &rest[..at]
            };
            if !(drop_empty && piece.is_empty()) {
                out.push(piece);
            }
            rest = &rest[at + len..];
            done = rest.is_empty() && drop_empty;
            cx.step(1)?;
        }
        if drop_empty && out.len() + 1 >= max {
            // The last piece starts at the next text that is no separator.
            while let Some(sep) = separators
                .iter()
                .find(|sep| !sep.is_empty() && rest.starts_with(sep.as_str()))
            {
                rest = &rest[sep.len()..];
            }
        }
        let last = if trimmed { rest.trim() } else { rest };
        if !(done || (drop_empty && last.is_empty())) {
            out.push(last);
        }
    }
    cx.charge(s.len() + out.len() * 16)?;
    cx.list(
        Ty::array(Ty::String),
        out.into_iter().map(Value::from).collect(),
    )
}

pub(super) fn separators(v: &Value) -> Vec<String> {
    match v {
        Value::Char(_) => vec![unit_text(v)],
        Value::Str(s) => vec![s.to_string()],
        Value::List(l) => l
            .items()
            .iter()
            .map(|x| {
                if let Value::Char(_) = x {
                    unit_text(x)
                } else {
                    x.to_text().to_string()
                }
            })
            .collect(),
        _ => Vec::new(),
    }
}

pub(super) fn limit(a: &Args<'_>, i: usize) -> Result<Option<usize>, Throw> {
    a.size(i, "count").map(Some)
}

pub(super) fn join(cx: &mut Cx<'_>, separator: &str, items: &[Value]) -> R {
    let mut out = String::new();
    for (i, v) in items.iter().enumerate() {
        if i > 0 {
            out.push_str(separator);
        }
        text::write(v, &mut out)?;
        if out.len() > crate::expr::eval::MAX_BYTES {
            break;
        }
    }
    cx.text(out)
}

/// `string.Format`.
pub(in crate::expr::table) fn format(format: &str, args: &[Value]) -> Result<String, Throw> {
    let wrong = || {
        throw(
            "FormatException",
            "Input string was not in a correct format.",
        )
    };
    let mut out = String::new();
    let mut chars = format.char_indices().peekable();
    while let Some((at, c)) = chars.next() {
        match c {
            '{' if format[at + 1..].starts_with('{') => {
                chars.next();
                out.push('{');
            }
            '}' if format[at + 1..].starts_with('}') => {
                chars.next();
                out.push('}');
            }
            '}' => return Err(wrong()),
            '{' => {
                let rest = &format[at + 1..];
                let end = rest.find('}').ok_or_else(wrong)?;
                let hole = &rest[..end];
                let (head, spec) = hole
                    .split_once(':')
                    .map_or((hole, None), |(h, s)| (h, Some(s)));
                let (number, width) = head
                    .split_once(',')
                    .map_or((head, 0), |(n, w)| (n, w.trim().parse().unwrap_or(0)));
                let n: usize = number.trim().parse().map_err(|_| wrong())?;
                let v = args.get(n).ok_or_else(|| {
                    throw("FormatException", "Index (zero based) must be greater than or equal to zero and less than the size of the argument list.")
                })?;
                let s = crate::expr::eval::formatted(v, spec)?;
                if i32::abs(width) > 1_000_000 {
                    return Err(wrong());
                }
                crate::expr::eval::pad(&s, width, &mut out);
                while chars.peek().is_some_and(|(i, _)| *i <= at + 1 + end) {
                    chars.next();
                }
            }
            c => out.push(c),
        }
        if out.len() > crate::expr::eval::MAX_BYTES {
            break;
        }
    }
    Ok(out)
}

pub(super) fn replace(cx: &mut Cx<'_>, s: &str, from: &str, to: &str, comparison: i64) -> R {
    if from.is_empty() {
        return Err(throw(
            "ArgumentException",
            "String cannot be of zero length. (Parameter 'oldValue')",
        ));
    }
    if !ignores_case(comparison) {
        let grown = s.matches(from).count().saturating_mul(to.len());
        cx.charge(grown)?;
        return cx.text(s.replace(from, to));
    }
    let (upper, needle) = (text::upper_invariant(s), text::upper_invariant(from));
    let mut out = String::new();
    let mut at = 0;
    // Positions agree only when casing keeps every character's length.
    if upper.len() != s.len() {
        return Err(throw(
            "NotSupportedException",
            "Replacing without case is not supported for this text.",
        ));
    }
    while let Some(found) = upper[at..].find(&needle) {
        out.push_str(&s[at..at + found]);
        out.push_str(to);
        at += found + needle.len();
        cx.charge(to.len())?;
    }
    out.push_str(&s[at..]);
    cx.text(out)
}

pub(super) fn pad(cx: &mut Cx<'_>, a: &Args<'_>, left: bool) -> R {
    let s = a.str(0)?;
    let width = a.size(1, "totalWidth")?;
    let fill = if a.len() > 2 {
        unit_text(&a.get(2))
    } else {
        " ".into()
    };
    let missing = width.saturating_sub(text::units(&s));
    cx.charge(missing)?;
    let filling = fill.repeat(missing);
    cx.text(if left {
        format!("{filling}{s}")
    } else {
        format!("{s}{filling}")
    })
}

pub(super) fn substring(cx: &mut Cx<'_>, s: &str, start: i64, len: Option<i64>) -> R {
    let n = text::units(s) as i64;
    if start < 0 {
        return Err(range("startIndex", "StartIndex cannot be less than zero."));
    }
    if start > n {
        return Err(range(
            "startIndex",
            "startIndex cannot be larger than length of string.",
        ));
    }
    let len = len.unwrap_or(n - start);
    if len < 0 {
        return Err(range("length", "Length cannot be less than zero."));
    }
    if start + len > n {
        return Err(range(
            "length",
            "Index and length must refer to a location within the string.",
        ));
    }
    cx.text(text::slice(s, start as usize, len as usize))
}
