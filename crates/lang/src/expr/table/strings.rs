//! `string`, `StringBuilder`, `StringComparer`.

pub(crate) mod builder;
mod ops;

use ops::{
    byte_of, char_set, compare, find, find_last, index, join, limit, pad, replace, separators,
    split, substring, trim, unit_text,
};
pub(super) use ops::{equals, format, ignores_case, range};

use super::{Row, Type, m, ty};
use crate::expr::eval::{R, throw};
use crate::expr::types::Ty;
use crate::value::{Value, text};

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

impl Comparer {
    /// `Compare`: below, at or above zero.
    pub(super) fn compare(&self, a: &Value, b: &Value) -> i32 {
        compare(a, b, if self.fold { 5 } else { 4 })
    }
}

impl crate::value::Object for Comparer {
    fn ty(&self) -> Ty {
        Ty::class("StringComparer")
    }
    fn as_any(&self) -> &dyn std::any::Any {
        self
    }
}

pub(super) fn comparer(fold: bool) -> R {
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
        "class System.StringComparer : IEqualityComparer<string>, IComparer<string>",
        COMPARER,
    ),
    ty("class System.Text.StringBuilder", builder::ROWS),
];
