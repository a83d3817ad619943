//! `string`, `StringBuilder`, `StringComparer`.

pub(crate) mod builder;

use super::{Row, Type, m, ty};
use crate::expr::eval::{Args, Cx, R, Throw, throw};
use crate::expr::types::Ty;
use crate::value::{Str, Value, text};

pub(super) fn range(name: &str, what: &str) -> Throw {
    throw(
        "ArgumentOutOfRangeException",
        format!("{what} (Parameter '{name}')"),
    )
}

/// Whether a `StringComparison` ignores case.
pub(super) fn ignores_case(n: i64) -> bool {
    matches!(n, 1 | 3 | 5)
}

pub(super) fn equals(a: &str, b: &str, comparison: i64) -> bool {
    if a == b {
        return true;
    }
    ignores_case(comparison)
        && (a.eq_ignore_ascii_case(b) || text::upper_invariant(a) == text::upper_invariant(b))
}

fn compare(a: &Value, b: &Value, comparison: i64) -> i32 {
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
fn find(hay: &str, needle: &str, start: usize, comparison: i64) -> Option<usize> {
    let (h, n) = if ignores_case(comparison) {
        (text::upper_invariant(hay), text::upper_invariant(needle))
    } else {
        (hay.to_string(), needle.to_string())
    };
    let from = byte_of(&h, start)?;
    let at = h[from..].find(&n)? + from;
    Some(text::units(&h[..at]))
}

fn find_last(hay: &str, needle: &str, comparison: i64) -> Option<usize> {
    let (h, n) = if ignores_case(comparison) {
        (text::upper_invariant(hay), text::upper_invariant(needle))
    } else {
        (hay.to_string(), needle.to_string())
    };
    h.rfind(&n).map(|at| text::units(&h[..at]))
}

/// Byte offset of a UTF-16 offset; `None` beyond the end.
fn byte_of(s: &str, units: usize) -> Option<usize> {
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

fn index(n: Option<usize>) -> R {
    Ok(Value::Int(n.map_or(-1, |n| n as i32)))
}

fn unit_text(v: &Value) -> String {
    let mut s = String::new();
    if let Value::Char(c) = v {
        text::push_unit(*c, &mut s);
    }
    s
}

fn char_set(v: &Value) -> Vec<char> {
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
fn trim(cx: &mut Cx<'_>, s: &str, set: &[char], start: bool, end: bool) -> R {
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

fn split(cx: &mut Cx<'_>, s: &str, separators: &[String], count: Option<usize>, options: i64) -> R {
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

fn separators(v: &Value) -> Vec<String> {
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

fn limit(a: &Args<'_>, i: usize) -> Result<Option<usize>, Throw> {
    a.size(i, "count").map(Some)
}

fn join(cx: &mut Cx<'_>, separator: &str, items: &[Value]) -> R {
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
pub(super) fn format(format: &str, args: &[Value]) -> Result<String, Throw> {
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

fn replace(cx: &mut Cx<'_>, s: &str, from: &str, to: &str, comparison: i64) -> R {
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

fn pad(cx: &mut Cx<'_>, a: &Args<'_>, left: bool) -> R {
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
    if start + len > n {
        return Err(range(
            "length",
            "Index and length must refer to a location within the string.",
        ));
    }
    cx.text(text::slice(s, start as usize, len as usize))
}

const STRING: &[Row] = &[
    m("const string Empty", |_, _| Ok(Value::from(""))),
    m("new(char c, int count)", |cx, a| {
        let n = a.size(1, "count")?;
        cx.charge(n)?;
        cx.text(unit_text(&a.get(0)).repeat(n))
    }),
    m("new(char[] value)", |cx, a| {
        let units: Vec<u16> = a
            .list(0)?
            .items()
            .iter()
            .map(|c| if let Value::Char(c) = c { *c } else { 0 })
            .collect();
        cx.text(String::from_utf16_lossy(&units))
    }),
    m("int Length", |_, a| {
        Ok(Value::Int(text::units(a.text(0)?) as i32))
    }),
    m("char this[int index]", |_, a| {
        let s = a.text(0)?;
        let i = usize::try_from(a.int(1)).ok();
        let unit = i.and_then(|i| {
            if s.is_ascii() {
                s.as_bytes().get(i).map(|b| u16::from(*b))
            } else {
                s.encode_utf16().nth(i)
            }
        });
        unit.map(Value::Char).ok_or_else(|| {
            throw(
                "IndexOutOfRangeException",
                "Index was outside the bounds of the array.",
            )
        })
    }),
    m("static bool IsNullOrEmpty(string value)", |_, a| {
        Ok(Value::Bool(a.values[0].as_str().is_none_or(str::is_empty)))
    }),
    m("static bool IsNullOrWhiteSpace(string value)", |_, a| {
        Ok(Value::Bool(
            a.values[0].as_str().is_none_or(|s| s.trim().is_empty()),
        ))
    }),
    m("static bool Equals(string a, string b)", |_, a| {
        Ok(Value::Bool(a.values[0].as_str() == a.values[1].as_str()))
    }),
    m(
        "static bool Equals(string a, string b, StringComparison comparisonType)",
        |_, a| {
            Ok(Value::Bool(
                match (a.values[0].as_str(), a.values[1].as_str()) {
                    (Some(x), Some(y)) => equals(x, y, a.int(2)),
                    (None, None) => true,
                    _ => false,
                },
            ))
        },
    ),
    m("bool Equals(string value)", |_, a| {
        Ok(Value::Bool(a.values[0].as_str() == a.values[1].as_str()))
    }),
    m(
        "bool Equals(string value, StringComparison comparisonType)",
        |_, a| {
            Ok(Value::Bool(a.values[1].as_str().is_some_and(|y| {
                equals(a.values[0].as_str().unwrap_or(""), y, a.int(2))
            })))
        },
    ),
    m("static int Compare(string strA, string strB)", |_, a| {
        Ok(Value::Int(compare(&a.values[0], &a.values[1], 2)))
    }),
    m(
        "static int Compare(string strA, string strB, bool ignoreCase)",
        |_, a| {
            Ok(Value::Int(compare(
                &a.values[0],
                &a.values[1],
                if a.bool(2) { 3 } else { 2 },
            )))
        },
    ),
    m(
        "static int Compare(string strA, string strB, StringComparison comparisonType)",
        |_, a| Ok(Value::Int(compare(&a.values[0], &a.values[1], a.int(2)))),
    ),
    m(
        "static int CompareOrdinal(string strA, string strB)",
        |_, a| Ok(Value::Int(compare(&a.values[0], &a.values[1], 4))),
    ),
    m("int CompareTo(string strB)", |_, a| {
        Ok(Value::Int(compare(&a.values[0], &a.values[1], 2)))
    }),
    m("static string Concat(object arg0)", |cx, a| {
        join(cx, "", a.values)
    }),
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
        let items = a.items(cx, 0)?;
        join(cx, "", &items)
    }),
    m("static string Concat(params object[] args)", |cx, a| {
        let items = a.items(cx, 0)?;
        join(cx, "", &items)
    }),
    m("static string Concat<T>(IEnumerable<T> values)", |cx, a| {
        let items = a.items(cx, 0)?;
        join(cx, "", &items)
    }),
    m(
        "static string Join(string separator, params string[] value)",
        |cx, a| {
            let items = a.items(cx, 1)?;
            join(cx, a.values[0].as_str().unwrap_or(""), &items)
        },
    ),
    m(
        "static string Join(string separator, params object[] values)",
        |cx, a| {
            let items = a.items(cx, 1)?;
            join(cx, a.values[0].as_str().unwrap_or(""), &items)
        },
    ),
    m(
        "static string Join<T>(string separator, IEnumerable<T> values)",
        |cx, a| {
            let items = a.items(cx, 1)?;
            join(cx, a.values[0].as_str().unwrap_or(""), &items)
        },
    ),
    m(
        "static string Join(char separator, params string[] value)",
        |cx, a| {
            let items = a.items(cx, 1)?;
            join(cx, &unit_text(&a.get(0)), &items)
        },
    ),
    m(
        "static string Format(string format, params object[] args)",
        |cx, a| {
            let items = a.items(cx, 1)?;
            let s = format(a.text(0)?, &items)?;
            cx.text(s)
        },
    ),
    m("static string Copy(string str)", |_, a| Ok(a.get(0))),
    m("static string Intern(string str)", |_, a| Ok(a.get(0))),
    m("bool Contains(string value)", |_, a| {
        Ok(Value::Bool(a.text(0)?.contains(a.text(1)?)))
    }),
    m("bool Contains(char value)", |_, a| {
        Ok(Value::Bool(a.text(0)?.contains(&unit_text(&a.get(1)))))
    }),
    m(
        "bool Contains(string value, StringComparison comparisonType)",
        |_, a| {
            Ok(Value::Bool(
                find(a.text(0)?, a.text(1)?, 0, a.int(2)).is_some(),
            ))
        },
    ),
    m("bool StartsWith(string value)", |_, a| {
        Ok(Value::Bool(a.text(0)?.starts_with(a.text(1)?)))
    }),
    m("bool StartsWith(char value)", |_, a| {
        Ok(Value::Bool(a.text(0)?.starts_with(&unit_text(&a.get(1)))))
    }),
    m(
        "bool StartsWith(string value, StringComparison comparisonType)",
        |_, a| {
            let (s, p) = (a.text(0)?, a.text(1)?);
            let n = text::units(p);
            Ok(Value::Bool(
                text::units(s) >= n && equals(&text::slice(s, 0, n), p, a.int(2)),
            ))
        },
    ),
    m("bool EndsWith(string value)", |_, a| {
        Ok(Value::Bool(a.text(0)?.ends_with(a.text(1)?)))
    }),
    m("bool EndsWith(char value)", |_, a| {
        Ok(Value::Bool(a.text(0)?.ends_with(&unit_text(&a.get(1)))))
    }),
    m(
        "bool EndsWith(string value, StringComparison comparisonType)",
        |_, a| {
            let (s, p) = (a.text(0)?, a.text(1)?);
            let (len, n) = (text::units(s), text::units(p));
            Ok(Value::Bool(
                len >= n && equals(&text::slice(s, len - n, n), p, a.int(2)),
            ))
        },
    ),
    m("int IndexOf(string value)", |_, a| {
        index(find(a.text(0)?, a.text(1)?, 0, 4))
    }),
    m("int IndexOf(char value)", |_, a| {
        index(find(a.text(0)?, &unit_text(&a.get(1)), 0, 4))
    }),
    m("int IndexOf(string value, int startIndex)", |_, a| {
        index(find(a.text(0)?, a.text(1)?, a.size(2, "startIndex")?, 4))
    }),
    m("int IndexOf(char value, int startIndex)", |_, a| {
        index(find(
            a.text(0)?,
            &unit_text(&a.get(1)),
            a.size(2, "startIndex")?,
            4,
        ))
    }),
    m(
        "int IndexOf(string value, StringComparison comparisonType)",
        |_, a| index(find(a.text(0)?, a.text(1)?, 0, a.int(2))),
    ),
    m(
        "int IndexOf(string value, int startIndex, StringComparison comparisonType)",
        |_, a| {
            index(find(
                a.text(0)?,
                a.text(1)?,
                a.size(2, "startIndex")?,
                a.int(3),
            ))
        },
    ),
    m("int LastIndexOf(string value)", |_, a| {
        index(find_last(a.text(0)?, a.text(1)?, 4))
    }),
    m("int LastIndexOf(char value)", |_, a| {
        index(find_last(a.text(0)?, &unit_text(&a.get(1)), 4))
    }),
    m(
        "int LastIndexOf(string value, StringComparison comparisonType)",
        |_, a| index(find_last(a.text(0)?, a.text(1)?, a.int(2))),
    ),
    m("int IndexOfAny(char[] anyOf)", |_, a| {
        let set = char_set(&a.get(1));
        let s = a.text(0)?;
        index(s.find(&set[..]).map(|i| text::units(&s[..i])))
    }),
    m("string Substring(int startIndex)", |cx, a| {
        substring(cx, &a.str(0)?, a.int(1), None)
    }),
    m("string Substring(int startIndex, int length)", |cx, a| {
        substring(cx, &a.str(0)?, a.int(1), Some(a.int(2)))
    }),
    m("string Remove(int startIndex)", |cx, a| {
        substring(cx, &a.str(0)?, 0, Some(a.int(1)))
    }),
    m("string Remove(int startIndex, int count)", |cx, a| {
        let s = a.str(0)?;
        let (at, n, len) = (
            a.size(1, "startIndex")?,
            a.size(2, "count")?,
            text::units(&s),
        );
        if at + n > len {
            return Err(range(
                "count",
                "Index and count must refer to a location within the string.",
            ));
        }
        cx.text(text::slice(&s, 0, at) + &text::slice(&s, at + n, len - at - n))
    }),
    m("string Insert(int startIndex, string value)", |cx, a| {
        let s = a.str(0)?;
        let at = a.size(1, "startIndex")?;
        let byte = byte_of(&s, at).ok_or_else(|| range("startIndex", "Index was out of range. Must be non-negative and less than or equal to the size of the collection."))?;
        cx.text(format!("{}{}{}", &s[..byte], a.text(2)?, &s[byte..]))
    }),
    m(
        "string Replace(string oldValue, string newValue)",
        |cx, a| {
            replace(
                cx,
                &a.str(0)?,
                a.text(1)?,
                a.values[2].as_str().unwrap_or(""),
                4,
            )
        },
    ),
    m("string Replace(char oldChar, char newChar)", |cx, a| {
        replace(
            cx,
            &a.str(0)?,
            &unit_text(&a.get(1)),
            &unit_text(&a.get(2)),
            4,
        )
    }),
    m(
        "string Replace(string oldValue, string newValue, StringComparison comparisonType)",
        |cx, a| {
            replace(
                cx,
                &a.str(0)?,
                a.text(1)?,
                a.values[2].as_str().unwrap_or(""),
                a.int(3),
            )
        },
    ),
    m("string ToLower()", |cx, a| {
        let s = text::lower_invariant(a.text(0)?);
        cx.text(s)
    }),
    m("string ToUpper()", |cx, a| {
        let s = text::upper_invariant(a.text(0)?);
        cx.text(s)
    }),
    m("string ToLowerInvariant()", |cx, a| {
        let s = text::lower_invariant(a.text(0)?);
        cx.text(s)
    }),
    m("string ToUpperInvariant()", |cx, a| {
        let s = text::upper_invariant(a.text(0)?);
        cx.text(s)
    }),
    m("string Trim()", |cx, a| {
        trim(cx, &a.str(0)?, &[], true, true)
    }),
    m("string Trim(params char[] trimChars)", |cx, a| {
        trim(cx, &a.str(0)?, &char_set(&a.get(1)), true, true)
    }),
    m("string TrimStart(params char[] trimChars)", |cx, a| {
        trim(cx, &a.str(0)?, &char_set(&a.get(1)), true, false)
    }),
    m("string TrimEnd(params char[] trimChars)", |cx, a| {
        trim(cx, &a.str(0)?, &char_set(&a.get(1)), false, true)
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
    m("string[] Split(params char[] separator)", |cx, a| {
        split(cx, &a.str(0)?, &separators(&a.get(1)), None, 0)
    }),
    m(
        "string[] Split(char separator, StringSplitOptions options)",
        |cx, a| split(cx, &a.str(0)?, &separators(&a.get(1)), None, a.int(2)),
    ),
    m(
        "string[] Split(char separator, int count, StringSplitOptions options = None)",
        |cx, a| {
            split(
                cx,
                &a.str(0)?,
                &separators(&a.get(1)),
                limit(a, 2)?,
                a.int(3),
            )
        },
    ),
    m("string[] Split(char[] separator, int count)", |cx, a| {
        split(cx, &a.str(0)?, &separators(&a.get(1)), limit(a, 2)?, 0)
    }),
    m(
        "string[] Split(char[] separator, StringSplitOptions options)",
        |cx, a| split(cx, &a.str(0)?, &separators(&a.get(1)), None, a.int(2)),
    ),
    m(
        "string[] Split(char[] separator, int count, StringSplitOptions options)",
        |cx, a| {
            split(
                cx,
                &a.str(0)?,
                &separators(&a.get(1)),
                limit(a, 2)?,
                a.int(3),
            )
        },
    ),
    m(
        "string[] Split(string[] separator, StringSplitOptions options)",
        |cx, a| split(cx, &a.str(0)?, &separators(&a.get(1)), None, a.int(2)),
    ),
    m(
        "string[] Split(string[] separator, int count, StringSplitOptions options)",
        |cx, a| {
            split(
                cx,
                &a.str(0)?,
                &separators(&a.get(1)),
                limit(a, 2)?,
                a.int(3),
            )
        },
    ),
    m(
        "string[] Split(string separator, StringSplitOptions options = None)",
        |cx, a| split(cx, &a.str(0)?, &separators(&a.get(1)), None, a.int(2)),
    ),
    m(
        "string[] Split(string separator, int count, StringSplitOptions options = None)",
        |cx, a| {
            split(
                cx,
                &a.str(0)?,
                &separators(&a.get(1)),
                limit(a, 2)?,
                a.int(3),
            )
        },
    ),
    m("char[] ToCharArray()", |cx, a| {
        let items = a.items(cx, 0)?;
        cx.list(Ty::array(Ty::Char), items)
    }),
    m("string ToString()", |_, a| Ok(a.get(0))),
    m("string Normalize()", |_, a| Ok(a.get(0))),
    m("object Clone()", |_, a| Ok(a.get(0))),
];

/// `StringComparer`: only whether it folds case.
#[derive(Debug)]
pub(super) struct Comparer {
    pub(super) fold: bool,
}

impl crate::value::Object for Comparer {
    fn ty(&self) -> Ty {
        Ty::class("StringComparer")
    }
    fn as_any(&self) -> &dyn std::any::Any {
        self
    }
}

fn comparer(fold: bool) -> R {
    Ok(Value::Object(std::rc::Rc::new(Comparer { fold })))
}

const COMPARER: &[Row] = &[
    m("static StringComparer Ordinal", |_, _| comparer(false)),
    m("static StringComparer OrdinalIgnoreCase", |_, _| {
        comparer(true)
    }),
    m("static StringComparer InvariantCulture", |_, _| {
        comparer(false)
    }),
    m(
        "static StringComparer InvariantCultureIgnoreCase",
        |_, _| comparer(true),
    ),
    m("static StringComparer CurrentCulture", |_, _| {
        comparer(false)
    }),
    m("static StringComparer CurrentCultureIgnoreCase", |_, _| {
        comparer(true)
    }),
    m("bool Equals(string x, string y)", |_, a| {
        let fold = a.object::<Comparer>(0)?.fold;
        Ok(Value::Bool(
            match (a.values[1].as_str(), a.values[2].as_str()) {
                (Some(x), Some(y)) => equals(x, y, if fold { 5 } else { 4 }),
                (None, None) => true,
                _ => false,
            },
        ))
    }),
    m("int Compare(string x, string y)", |_, a| {
        let fold = a.object::<Comparer>(0)?.fold;
        Ok(Value::Int(compare(
            &a.get(1),
            &a.get(2),
            if fold { 5 } else { 4 },
        )))
    }),
];

pub(super) const TYPES: &[Type] = &[
    ty(
        "class System.String : IEnumerable<char>, IComparable",
        STRING,
    ),
    ty(
        "class System.StringComparer : IEqualityComparer<string>",
        COMPARER,
    ),
    ty(
        "interface System.Collections.Generic.IEqualityComparer<T>",
        &[],
    ),
    ty("class System.Text.StringBuilder", builder::ROWS),
];
