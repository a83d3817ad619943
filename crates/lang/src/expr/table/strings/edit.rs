//! New texts out of `string`: `Concat`, `Join`, `Format`, `Substring`, `Insert`, `Remove`, `Replace`, `Trim`, `Pad`, casing.

use super::super::numbers::format_info::provider;
use super::super::{Row, m};
use super::ops::{ignores_case, range, unit_text, units_of};
use crate::expr::eval::{Args, Cx, MAX_BYTES, R, Throw, composite, null_argument, throw};
use crate::value::text::unicode::is_white;
use crate::value::{Str, Value, text};

fn join(cx: &mut Cx<'_>, separator: &str, items: &[Value]) -> R {
    let mut out = String::new();
    for (i, v) in items.iter().enumerate() {
        if i > 0 {
            out.push_str(separator);
        }
        crate::expr::eval::write_text(cx, v.clone(), &mut out)?;
        if out.len() > MAX_BYTES {
            break;
        }
    }
    cx.text(out)
}

/// `Concat` of a sequence.
fn concat_items(cx: &mut Cx<'_>, a: &Args<'_>, name: &str) -> R {
    if a.is_null(0) {
        return Err(null_argument(name));
    }
    let items = a.items(cx, 0)?;
    join(cx, "", &items)
}

/// `Join` of a sequence.
fn join_items(cx: &mut Cx<'_>, a: &Args<'_>, name: &str) -> R {
    if a.is_null(1) {
        return Err(null_argument(name));
    }
    let items = a.items(cx, 1)?;
    let separator = a.values[0].to_text();
    join(cx, &separator, &items)
}

fn join_part(cx: &mut Cx<'_>, a: &Args<'_>) -> R {
    if a.is_null(1) {
        return Err(null_argument("value"));
    }
    let items = a.items(cx, 1)?;
    let below = |name: &str| range(name, &format!("{name} must be non-negative."));
    let at = usize::try_from(a.int(2)).map_err(|_| below("startIndex"))?;
    let n = usize::try_from(a.int(3)).map_err(|_| below("count"))?;
    let part = at.checked_add(n).and_then(|end| items.get(at..end));
    let part = part.ok_or_else(|| {
        range(
            "startIndex",
            "Index and count must refer to a location within the buffer.",
        )
    })?;
    let separator = a.values[0].to_text();
    join(cx, &separator, part)
}

/// `Format`: the format stands at `at`, its arguments after it, alone or as an array.
pub(super) fn formatted(
    cx: &mut Cx<'_>,
    a: &Args<'_>,
    at: usize,
    info: Option<usize>,
    array: bool,
) -> Result<String, Throw> {
    let format = a.named(at, "format")?;
    let items = if array {
        if a.is_null(at + 1) {
            return Err(null_argument("args"));
        }
        a.items(cx, at + 1)?
    } else {
        a.values[at + 1..].to_vec()
    };
    let items: Vec<Value> = items
        .into_iter()
        .map(|v| crate::expr::eval::told(cx, v))
        .collect::<Result<_, _>>()?;
    cx.step(format.len() / 4 + 8 * items.len())?;
    composite(format, &items, &provider(a, info))
}

fn format(cx: &mut Cx<'_>, a: &Args<'_>, with_provider: bool, array: bool) -> R {
    let info = with_provider.then_some(0);
    let s = formatted(cx, a, usize::from(with_provider), info, array)?;
    cx.text(s)
}

fn substring(cx: &mut Cx<'_>, s: &str, start: i64, len: Option<i64>) -> R {
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
    if len > n - start {
        return Err(range(
            "length",
            "Index and length must refer to a location within the string.",
        ));
    }
    cx.text(text::slice(s, start as usize, len as usize))
}

fn remove(cx: &mut Cx<'_>, s: &str, start: i64, count: Option<i64>) -> R {
    let n = text::units(s) as i64;
    if start < 0 {
        return Err(range("startIndex", "StartIndex cannot be less than zero."));
    }
    if count.is_some_and(|c| c < 0) {
        return Err(range("count", "Count cannot be less than zero."));
    }
    let count = match count {
        None if start > n => {
            return Err(range(
                "startIndex",
                "startIndex must be less than length of string.",
            ));
        }
        None => n - start,
        Some(count) if count > n - start => {
            return Err(range(
                "count",
                "Index and count must refer to a location within the string.",
            ));
        }
        Some(count) => count,
    };
    if count == 0 {
        return cx.text(s);
    }
    let (at, end) = (start as usize, (start + count) as usize);
    cx.text(text::slice(s, 0, at) + &text::slice(s, end, n as usize - end))
}

/// The text with every `from` replaced, counted.
pub(super) fn replaced(
    cx: &mut Cx<'_>,
    s: &str,
    from: &str,
    to: &str,
    comparison: i64,
) -> Result<String, Throw> {
    if from.is_empty() {
        return Err(throw(
            "ArgumentException",
            "String cannot be of zero length. (Parameter 'oldValue')",
        ));
    }
    cx.step(s.len() / 64)?;
    if !ignores_case(comparison) {
        let grown = s.matches(from).count().saturating_mul(to.len());
        cx.charge(grown)?;
        return Ok(s.replace(from, to));
    }
    // Casing maps one character to one, so that places agree when counted in characters.
    let upper: Vec<char> = s.chars().map(text::upper_char).collect();
    let from: Vec<char> = from.chars().map(text::upper_char).collect();
    let original: Vec<char> = s.chars().collect();
    let mut out = String::new();
    let mut at = 0;
    while let Some(c) = original.get(at) {
        if upper[at..].starts_with(&from) {
            cx.charge(to.len())?;
            out.push_str(to);
            at += from.len();
        } else {
            out.push(*c);
            at += 1;
        }
    }
    Ok(out)
}

fn replace(cx: &mut Cx<'_>, a: &Args<'_>, comparison: i64) -> R {
    let s = a.str(0)?;
    let from = a.named(1, "oldValue")?;
    let to = a.values[2].as_str().unwrap_or("");
    let out = replaced(cx, &s, from, to, comparison)?;
    cx.text(out)
}

/// `Trim` and its kin; without characters white space goes.
fn trim(cx: &mut Cx<'_>, a: &Args<'_>, start: bool, end: bool) -> R {
    let s = a.text(0)?;
    let set: Vec<u16> = match a.values.get(1) {
        Some(Value::Char(c)) => vec![*c],
        Some(Value::List(_)) => units_of(a, 1, "trimChars")?,
        _ => Vec::new(),
    };
    let hit = |c: char| {
        if set.is_empty() {
            is_white(c)
        } else {
            u16::try_from(u32::from(c)).is_ok_and(|u| set.contains(&u))
        }
    };
    let mut t = s;
    if start {
        t = t.trim_start_matches(hit);
    }
    if end {
        t = t.trim_end_matches(hit);
    }
    if t.len() == s.len() {
        return Ok(a.get(0));
    }
    cx.text(Str::from(t))
}

fn pad(cx: &mut Cx<'_>, a: &Args<'_>, left: bool) -> R {
    let s = a.str(0)?;
    let width = usize::try_from(a.int(1))
        .map_err(|_| range("totalWidth", "Non-negative number required."))?;
    let fill = if a.len() > 2 {
        unit_text(&a.get(2))
    } else {
        " ".into()
    };
    let missing = width.saturating_sub(text::units(&s));
    cx.charge(missing.saturating_mul(fill.len()))?;
    let filling = fill.repeat(missing);
    cx.text(if left {
        filling + &s
    } else {
        format!("{s}{filling}")
    })
}

fn cased(cx: &mut Cx<'_>, a: &Args<'_>, upper: bool) -> R {
    let s = a.text(0)?;
    let out = if upper {
        text::upper_invariant(s)
    } else {
        text::lower_invariant(s)
    };
    if out == s {
        return Ok(a.get(0));
    }
    cx.text(out)
}

fn need_culture(cx: &mut Cx<'_>, a: &Args<'_>, upper: bool) -> R {
    if a.is_null(1) {
        return Err(null_argument("culture"));
    }
    cased(cx, a, upper)
}

const JOINED: &[Row] = &[
    m("static string Concat(object arg0)", |cx, a| {
        join(cx, "", a.values)
    }),
    m("static string Concat(object arg0, object arg1)", |cx, a| {
        join(cx, "", a.values)
    }),
    m(
        "static string Concat(object arg0, object arg1, object arg2)",
        |cx, a| join(cx, "", a.values),
    ),
    m("static string Concat(string str0, string str1)", |cx, a| {
        join(cx, "", a.values)
    }),
    m(
        "static string Concat(string str0, string str1, string str2)",
        |cx, a| join(cx, "", a.values),
    ),
    m(
        "static string Concat(string str0, string str1, string str2, string str3)",
        |cx, a| join(cx, "", a.values),
    ),
    m("static string Concat(params string[] values)", |cx, a| {
        concat_items(cx, a, "values")
    }),
    m("static string Concat(params object[] args)", |cx, a| {
        concat_items(cx, a, "args")
    }),
    m(
        "static string Concat(IEnumerable<string> values)",
        |cx, a| concat_items(cx, a, "values"),
    ),
    m("static string Concat<T>(IEnumerable<T> values)", |cx, a| {
        concat_items(cx, a, "values")
    }),
    m(
        "static string Join(string separator, params string[] value)",
        |cx, a| join_items(cx, a, "value"),
    ),
    m(
        "static string Join(string separator, params object[] values)",
        |cx, a| join_items(cx, a, "values"),
    ),
    m(
        "static string Join(string separator, IEnumerable<string> values)",
        |cx, a| join_items(cx, a, "values"),
    ),
    m(
        "static string Join<T>(string separator, IEnumerable<T> values)",
        |cx, a| join_items(cx, a, "values"),
    ),
    m(
        "static string Join(string separator, string[] value, int startIndex, int count)",
        |cx, a| join_part(cx, a),
    ),
    m(
        "static string Join(char separator, params string[] value)",
        |cx, a| join_items(cx, a, "value"),
    ),
    m(
        "static string Join(char separator, params object[] values)",
        |cx, a| join_items(cx, a, "values"),
    ),
    m(
        "static string Join<T>(char separator, IEnumerable<T> values)",
        |cx, a| join_items(cx, a, "values"),
    ),
    m(
        "static string Join(char separator, string[] value, int startIndex, int count)",
        |cx, a| join_part(cx, a),
    ),
    m(
        "static string Format(string format, object arg0)",
        |cx, a| format(cx, a, false, false),
    ),
    m(
        "static string Format(string format, object arg0, object arg1)",
        |cx, a| format(cx, a, false, false),
    ),
    m(
        "static string Format(string format, object arg0, object arg1, object arg2)",
        |cx, a| format(cx, a, false, false),
    ),
    m(
        "static string Format(string format, params object[] args)",
        |cx, a| format(cx, a, false, true),
    ),
    m(
        "static string Format(IFormatProvider provider, string format, object arg0)",
        |cx, a| format(cx, a, true, false),
    ),
    m(
        "static string Format(IFormatProvider provider, string format, object arg0, object arg1)",
        |cx, a| format(cx, a, true, false),
    ),
    m(
        "static string Format(IFormatProvider provider, string format, object arg0, object arg1, object arg2)",
        |cx, a| format(cx, a, true, false),
    ),
    m(
        "static string Format(IFormatProvider provider, string format, params object[] args)",
        |cx, a| format(cx, a, true, true),
    ),
];

const CHANGED: &[Row] = &[
    m("string Substring(int startIndex)", |cx, a| {
        substring(cx, &a.str(0)?, a.int(1), None)
    }),
    m("string Substring(int startIndex, int length)", |cx, a| {
        substring(cx, &a.str(0)?, a.int(1), Some(a.int(2)))
    }),
    m("string Remove(int startIndex)", |cx, a| {
        remove(cx, &a.str(0)?, a.int(1), None)
    }),
    m("string Remove(int startIndex, int count)", |cx, a| {
        remove(cx, &a.str(0)?, a.int(1), Some(a.int(2)))
    }),
    m("string Insert(int startIndex, string value)", |cx, a| {
        let s = a.str(0)?;
        let piece = a.named(2, "value")?;
        let units = text::units(&s);
        let at = usize::try_from(a.int(1)).ok().filter(|at| *at <= units);
        let at = at.ok_or_else(|| {
            range(
                "startIndex",
                "Index was out of range. Must be non-negative and less than or equal to the size of the collection.",
            )
        })?;
        let (before, after) = (text::slice(&s, 0, at), text::slice(&s, at, units - at));
        cx.text(format!("{before}{piece}{after}"))
    }),
    m(
        "string Replace(string oldValue, string newValue)",
        |cx, a| replace(cx, a, 4),
    ),
    m("string Replace(char oldChar, char newChar)", |cx, a| {
        let (from, to) = (unit_text(&a.get(1)), unit_text(&a.get(2)));
        let s = replaced(cx, &a.str(0)?, &from, &to, 4)?;
        cx.text(s)
    }),
    m(
        "string Replace(string oldValue, string newValue, StringComparison comparisonType)",
        |cx, a| {
            let comparison = super::ops::checked(a.int(3))?;
            replace(cx, a, comparison)
        },
    ),
    m(
        "string Replace(string oldValue, string newValue, bool ignoreCase, CultureInfo culture)",
        |cx, a| {
            let comparison = if a.bool(3) { 5 } else { 4 };
            replace(cx, a, comparison)
        },
    ),
    m("string ToLower()", |cx, a| cased(cx, a, false)),
    m("string ToUpper()", |cx, a| cased(cx, a, true)),
    m("string ToLower(CultureInfo culture)", |cx, a| {
        need_culture(cx, a, false)
    }),
    m("string ToUpper(CultureInfo culture)", |cx, a| {
        need_culture(cx, a, true)
    }),
    m("string ToLowerInvariant()", |cx, a| cased(cx, a, false)),
    m("string ToUpperInvariant()", |cx, a| cased(cx, a, true)),
    m("string Trim()", |cx, a| trim(cx, a, true, true)),
    m("string Trim(char trimChar)", |cx, a| {
        trim(cx, a, true, true)
    }),
    m("string Trim(params char[] trimChars)", |cx, a| {
        trim(cx, a, true, true)
    }),
    m("string TrimStart()", |cx, a| trim(cx, a, true, false)),
    m("string TrimStart(char trimChar)", |cx, a| {
        trim(cx, a, true, false)
    }),
    m("string TrimStart(params char[] trimChars)", |cx, a| {
        trim(cx, a, true, false)
    }),
    m("string TrimEnd()", |cx, a| trim(cx, a, false, true)),
    m("string TrimEnd(char trimChar)", |cx, a| {
        trim(cx, a, false, true)
    }),
    m("string TrimEnd(params char[] trimChars)", |cx, a| {
        trim(cx, a, false, true)
    }),
    m("string PadLeft(int totalWidth)", |cx, a| pad(cx, a, true)),
    m(
        "string PadLeft(int totalWidth, char paddingChar)",
        |cx, a| pad(cx, a, true),
    ),
    m("string PadRight(int totalWidth)", |cx, a| pad(cx, a, false)),
    m(
        "string PadRight(int totalWidth, char paddingChar)",
        |cx, a| pad(cx, a, false),
    ),
];

pub(super) const ROWS: &[&[Row]] = &[JOINED, CHANGED];
