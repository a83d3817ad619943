//! `string`: making, comparing and converting. Searching, splitting and editing, `StringBuilder`, `StringComparer` and the
//! readers and writers of text stand in files of their own.

pub(crate) mod builder;
mod comparer;
mod edit;
mod ops;
mod reader;
mod search;
mod split;
mod writer;

pub(in crate::expr::table) use writer::push as write_text;

pub(super) use comparer::{Comparer, comparer};
pub(crate) use ops::compare;
pub(super) use ops::{equals, ignores_case, range, units_of};
use ops::{part, unit_text};

use super::{Row, Type, m, ty, ty_in, ty_of};
use crate::expr::eval::{Args, Cx, R, Throw, null_argument, throw};
use crate::expr::types::Ty;
use crate::value::{Str, Value, text};

/// The units of a part of a `char[]`.
fn from_chars(cx: &mut Cx<'_>, a: &Args<'_>, place: Option<(&str, &str)>) -> R {
    let units = units_of(a, 0, "value")?;
    let Some((start, count)) = place else {
        return cx.text(String::from_utf16_lossy(&units));
    };
    let (at, n) = (a.size(1, start)?, a.size(2, count)?);
    let part = at.checked_add(n).and_then(|end| units.get(at..end));
    let part = part.ok_or_else(|| {
        range(
            start,
            "Index was out of range. Must be non-negative and less than or equal to the size of the collection.",
        )
    })?;
    cx.text(String::from_utf16_lossy(part))
}

/// `string.Compare` of parts of two texts by culture: a text that is null has a part only without offset and length.
fn compare_parts(a: &Args<'_>, comparison: i64) -> R {
    compare_parts_without(a, comparison, 0)
}

/// The same under `CompareOptions`, which may ignore some characters.
fn compare_parts_without(a: &Args<'_>, comparison: i64, options: i64) -> R {
    check_parts(a)?;
    compare_given_without(a, comparison, options)
}

/// What is looked at before options are.
fn check_parts(a: &Args<'_>) -> Result<(), Throw> {
    for (text, at, name) in [(0, 1, "string1"), (2, 3, "string2")] {
        if a.is_null(text) && (a.int(at) != 0 || a.int(4) != 0) {
            return Err(range(
                name,
                "Offset and length must refer to a position in the string.",
            ));
        }
        if !a.is_null(text) && a.int(at) > text::units(a.text(text)?) as i64 {
            return Err(range(
                if text == 0 { "length1" } else { "length2" },
                "Positive number required.",
            ));
        }
    }
    Ok(())
}

/// The same where a text that is null is looked at before its part.
fn compare_given(a: &Args<'_>, comparison: i64) -> R {
    compare_given_without(a, comparison, 0)
}

fn compare_given_without(a: &Args<'_>, comparison: i64, options: i64) -> R {
    ops::checked(comparison)?;
    if a.is_null(0) || a.is_null(2) {
        return compare(&a.values[0], &a.values[2], comparison).map(Value::Int);
    }
    let part = |text: usize, at: usize, name: &str| {
        let s = a.text(text)?;
        let n = a.size(4, "length")?;
        let from = a.size(at, name)?;
        let units = text::units(s);
        if from > units {
            return Err(range(
                name,
                "Index was out of range. Must be non-negative and less than or equal to the size of the collection.",
            ));
        }
        Ok(Value::from(text::slice(s, from, n.min(units - from))))
    };
    let (x, y) = (part(0, 1, "indexA")?, part(2, 3, "indexB")?);
    let (x, y) = (ops::without(&x, options), ops::without(&y, options));
    ops::compare_part(&x, &y, comparison).map(Value::Int)
}

/// `CompareOptions` that exist; the ordinal ones stand alone.
fn valid_options(options: i64) -> Result<i64, Throw> {
    const ORDINAL: i64 = 0x4000_0000;
    const ORDINAL_IGNORE_CASE: i64 = 0x1000_0000;
    const CULTURE: i64 = 0x2000_001f;
    if matches!(options, ORDINAL | ORDINAL_IGNORE_CASE) || options & !CULTURE == 0 {
        return Ok(options);
    }
    Err(throw(
        "ArgumentException",
        "Value of flags is invalid. (Parameter 'options')",
    ))
}

/// `CompareOptions` as a `StringComparison`; what characters they ignore is [`ops::without`].
fn with_options(options: i64) -> i64 {
    const IGNORE_CASE: i64 = 1;
    const ORDINAL: i64 = 0x4000_0000;
    const ORDINAL_IGNORE_CASE: i64 = 0x1000_0000;
    match options {
        ORDINAL => 4,
        ORDINAL_IGNORE_CASE => 5,
        n if n & IGNORE_CASE != 0 => 3,
        _ => 2,
    }
}

fn casing(ignore: bool) -> i64 {
    if ignore { 3 } else { 2 }
}

fn is_equal(a: &Args<'_>, x: usize, y: usize, comparison: i64) -> R {
    Ok(Value::Bool(
        match (a.values[x].as_str(), a.values[y].as_str()) {
            (Some(x), Some(y)) => equals(x, y, ops::checked(comparison)?),
            (None, None) => {
                ops::checked(comparison)?;
                true
            }
            _ => {
                ops::checked(comparison)?;
                false
            }
        },
    ))
}

fn compared(a: &Args<'_>, comparison: i64) -> R {
    compare(&a.values[0], &a.values[1], comparison).map(Value::Int)
}

const STRING: &[Row] = &[
    m("const string Empty", |_, _| Ok(Value::from(""))),
    m("new(char c, int count)", |cx, a| {
        let n = usize::try_from(a.int(1))
            .map_err(|_| range("count", "'count' must be non-negative."))?;
        cx.charge(n)?;
        cx.text(unit_text(&a.get(0)).repeat(n))
    }),
    m("new(char[] value)", |cx, a| {
        if a.is_null(0) {
            return Ok(Value::from(""));
        }
        from_chars(cx, a, None)
    }),
    m("new(char[] value, int startIndex, int length)", |cx, a| {
        from_chars(cx, a, Some(("startIndex", "length")))
    }),
    m("int Length", |_, a| {
        Ok(Value::Int(text::units(a.text(0)?) as i32))
    }),
    m("char this[int index]", |_, a| {
        let s = a.text(0)?;
        let i = usize::try_from(a.int(1)).ok();
        let unit = i.and_then(|i| text::unit_at(s, i));
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
        |_, a| is_equal(a, 0, 1, a.int(2)),
    ),
    m("bool Equals(string value)", |_, a| {
        Ok(Value::Bool(a.values[0].as_str() == a.values[1].as_str()))
    }),
    m("bool Equals(object obj)", |_, a| {
        Ok(Value::Bool(
            !a.is_null(1) && a.values[0].as_str() == a.values[1].as_str(),
        ))
    }),
    m(
        "bool Equals(string value, StringComparison comparisonType)",
        |_, a| is_equal(a, 0, 1, a.int(2)),
    ),
    m("static int Compare(string strA, string strB)", |_, a| {
        compared(a, 2)
    }),
    m(
        "static int Compare(string strA, string strB, bool ignoreCase)",
        |_, a| compared(a, casing(a.bool(2))),
    ),
    m(
        "static int Compare(string strA, string strB, bool ignoreCase, CultureInfo culture)",
        |_, a| compared(a, casing(a.bool(2))),
    ),
    m(
        "static int Compare(string strA, string strB, CultureInfo culture, CompareOptions options)",
        |_, a| {
            let options = valid_options(a.int(3))?;
            let [x, y] = [0, 1].map(|i| ops::without(&a.values[i], options));
            ops::compare_part(&x, &y, with_options(options)).map(Value::Int)
        },
    ),
    m(
        "static int Compare(string strA, string strB, StringComparison comparisonType)",
        |_, a| compared(a, a.int(2)),
    ),
    m(
        "static int Compare(string strA, int indexA, string strB, int indexB, int length)",
        |_, a| compare_parts(a, 2),
    ),
    m(
        "static int Compare(string strA, int indexA, string strB, int indexB, int length, bool ignoreCase)",
        |_, a| compare_parts(a, casing(a.bool(5))),
    ),
    m(
        "static int Compare(string strA, int indexA, string strB, int indexB, int length, bool ignoreCase, CultureInfo culture)",
        |_, a| compare_parts(a, casing(a.bool(5))),
    ),
    m(
        "static int Compare(string strA, int indexA, string strB, int indexB, int length, CultureInfo culture, CompareOptions options)",
        |_, a| {
            check_parts(a)?;
            let options = valid_options(a.int(6))?;
            compare_parts_without(a, with_options(options), options)
        },
    ),
    m(
        "static int Compare(string strA, int indexA, string strB, int indexB, int length, StringComparison comparisonType)",
        |_, a| compare_given(a, a.int(5)),
    ),
    m(
        "static int CompareOrdinal(string strA, string strB)",
        |_, a| compared(a, 4),
    ),
    m(
        "static int CompareOrdinal(string strA, int indexA, string strB, int indexB, int length)",
        |_, a| compare_given(a, 4),
    ),
    m("int CompareTo(string strB)", |_, a| compared(a, 2)),
    m("int CompareTo(object value)", |_, a| {
        if !a.is_null(1) && a.values[1].as_str().is_none() {
            return Err(throw("ArgumentException", "Object must be of type String."));
        }
        compared(a, 2)
    }),
    m("static string Copy(string str)", |cx, a| {
        let s = a.named(0, "str")?.to_string();
        cx.text(s)
    }),
    m("static string Intern(string str)", |_, a| {
        a.named(0, "str")?;
        Ok(a.get(0))
    }),
    m("static string IsInterned(string str)", |_, a| {
        a.named(0, "str")?;
        Ok(a.get(0))
    }),
    m("char[] ToCharArray()", |cx, a| {
        let items = a.items(cx, 0)?;
        cx.list(Ty::array(Ty::Char), items)
    }),
    m("char[] ToCharArray(int startIndex, int length)", |cx, a| {
        let s = a.str(0)?;
        let (at, n) = part(&s, a.int(1), a.int(2), ("startIndex", "length"))?;
        let items = s.encode_utf16().skip(at).take(n).map(Value::Char).collect();
        cx.list(Ty::array(Ty::Char), items)
    }),
    m(
        "void CopyTo(int sourceIndex, char[] destination, int destinationIndex, int count)",
        |cx, a| {
            let s = a.str(0)?;
            let to = a.list(2).map_err(|_| null_argument("destination"))?;
            let (at, n) = part(&s, a.int(1), a.int(4), ("sourceIndex", "count"))?;
            let place = a.size(3, "destinationIndex")?;
            ops::copy_units(
                cx,
                s.encode_utf16().skip(at).take(n),
                n,
                &to,
                place,
                "ArgumentOutOfRangeException",
            )
        },
    ),
    m("string ToString()", |_, a| Ok(a.take(0))),
    m("string ToString(IFormatProvider provider)", |_, a| {
        Ok(a.get(0))
    }),
    m("object Clone()", |_, a| Ok(a.get(0))),
    m("TypeCode GetTypeCode()", |_, a| {
        Ok(super::convert::type_code(&a.values[0]))
    }),
    m("string Normalize()", |cx, a| normalized(cx, a, 1)),
    m(
        "string Normalize(NormalizationForm normalizationForm)",
        |cx, a| normalized(cx, a, a.int(1)),
    ),
    m("bool IsNormalized()", |cx, a| is_normalized(cx, a, 1)),
    m(
        "bool IsNormalized(NormalizationForm normalizationForm)",
        |cx, a| is_normalized(cx, a, a.int(1)),
    ),
];

fn normal(cx: &mut Cx<'_>, s: &str, form: i64) -> Result<String, crate::expr::eval::Throw> {
    cx.charge(s.len())?;
    text::unicode::normalize(s, form).ok_or_else(|| {
        throw(
            "ArgumentException",
            "Invalid or unsupported normalization form. (Parameter 'normalizationForm')",
        )
    })
}

fn normalized(cx: &mut Cx<'_>, a: &Args<'_>, form: i64) -> R {
    let s = normal(cx, a.text(0)?, form)?;
    cx.text(s)
}

fn is_normalized(cx: &mut Cx<'_>, a: &Args<'_>, form: i64) -> R {
    let s: Str = a.str(0)?;
    Ok(Value::Bool(normal(cx, &s, form)? == *s))
}

pub(super) const TYPES: &[Type] = &[
    ty_in(
        "class System.String : IEnumerable<char>, IComparable, IConvertible",
        &[&[STRING], search::ROWS, split::ROWS, edit::ROWS],
    ),
    ty(
        "class System.StringComparer : IEqualityComparer<string>, IComparer<string>",
        comparer::ROWS,
    ),
    ty_of(
        "class System.Text.StringBuilder",
        &[builder::ROWS, builder::EDITS],
    ),
    ty("class System.IO.TextReader : IDisposable", reader::ROWS),
    ty("class System.IO.StringReader : TextReader", reader::MADE),
    ty_of("class System.IO.TextWriter : IDisposable", writer::ROWS),
    ty("class System.IO.StringWriter : TextWriter", writer::MADE),
];
