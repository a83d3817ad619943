//! What changes a `StringBuilder`: `Append`, `Insert`, `Remove`, `Replace` and their kin.

use super::super::super::{Row, m};
use super::super::ops::{range, unit_text, units_of};
use super::{
    append, append_builder, append_format, append_join, bytes, chars, check_times, count, insert,
    insert_times, push, replace, this,
};
use crate::expr::eval::null_argument;
use crate::value::text;

pub(in super::super) const EDITS: &[Row] = &[
    m("StringBuilder Append(string value)", |cx, a| append(cx, a)),
    m("StringBuilder Append(char value)", |cx, a| append(cx, a)),
    m("StringBuilder Append(object value)", |cx, a| append(cx, a)),
    m("StringBuilder Append(StringBuilder value)", |cx, a| {
        append_builder(cx, a, |s| Ok(s.to_string()))
    }),
    m(
        "StringBuilder Append(StringBuilder value, int startIndex, int count)",
        |cx, a| {
            let (at, n) = (count(a, 2, "startIndex")?, count(a, 3, "count")?);
            if a.is_null(1) && (at > 0 || n > 0) {
                return Err(null_argument("value"));
            }
            append_builder(cx, a, |s| {
                if n > 0 {
                    bytes(s, at, n, ("startIndex", "startIndex"))?;
                }
                Ok(text::slice(s, at, n))
            })
        },
    ),
    m("StringBuilder Append(char[] value)", |cx, a| {
        if a.is_null(1) {
            return Ok(a.get(0));
        }
        let piece = String::from_utf16_lossy(&units_of(a, 1, "value")?);
        push(cx, a, &piece)
    }),
    m(
        "StringBuilder Append(char[] value, int startIndex, int charCount)",
        |cx, a| {
            let piece = chars(a, 1, ("startIndex", "charCount"))?;
            push(cx, a, &piece)
        },
    ),
    m(
        "StringBuilder Append(string value, int startIndex, int count)",
        |cx, a| {
            let (at, n) = (count(a, 2, "startIndex")?, count(a, 3, "count")?);
            if a.is_null(1) && at == 0 && n == 0 {
                return Ok(a.get(0));
            }
            let s = a.str(1).map_err(|_| null_argument("value"))?;
            if n == 0 {
                return Ok(a.get(0));
            }
            bytes(&s, at, n, ("startIndex", "startIndex"))?;
            push(cx, a, &text::slice(&s, at, n))
        },
    ),
    m(
        "StringBuilder Append(char value, int repeatCount)",
        |cx, a| {
            let n = count(a, 2, "repeatCount")?;
            cx.charge(n)?;
            if n > 0 {
                this(a)?.check(n)?;
            }
            let piece = a.get(1).to_text().repeat(n);
            push(cx, a, &piece)
        },
    ),
    m("StringBuilder AppendLine()", |cx, a| push(cx, a, "\n")),
    m("StringBuilder AppendLine(string value)", |cx, a| {
        append(cx, a)?;
        push(cx, a, "\n")
    }),
    m(
        "StringBuilder AppendFormat(string format, object arg0)",
        |cx, a| append_format(cx, a, false, false),
    ),
    m(
        "StringBuilder AppendFormat(string format, object arg0, object arg1)",
        |cx, a| append_format(cx, a, false, false),
    ),
    m(
        "StringBuilder AppendFormat(string format, object arg0, object arg1, object arg2)",
        |cx, a| append_format(cx, a, false, false),
    ),
    m(
        "StringBuilder AppendFormat(string format, params object[] args)",
        |cx, a| append_format(cx, a, false, true),
    ),
    m(
        "StringBuilder AppendFormat(IFormatProvider provider, string format, object arg0)",
        |cx, a| append_format(cx, a, true, false),
    ),
    m(
        "StringBuilder AppendFormat(IFormatProvider provider, string format, object arg0, object arg1)",
        |cx, a| append_format(cx, a, true, false),
    ),
    m(
        "StringBuilder AppendFormat(IFormatProvider provider, string format, object arg0, object arg1, object arg2)",
        |cx, a| append_format(cx, a, true, false),
    ),
    m(
        "StringBuilder AppendFormat(IFormatProvider provider, string format, params object[] args)",
        |cx, a| append_format(cx, a, true, true),
    ),
    m(
        "StringBuilder AppendJoin(string separator, params string[] values)",
        |cx, a| append_join(cx, a),
    ),
    m(
        "StringBuilder AppendJoin(string separator, params object[] values)",
        |cx, a| append_join(cx, a),
    ),
    m(
        "StringBuilder AppendJoin<T>(string separator, IEnumerable<T> values)",
        |cx, a| append_join(cx, a),
    ),
    m(
        "StringBuilder AppendJoin(char separator, params string[] values)",
        |cx, a| append_join(cx, a),
    ),
    m(
        "StringBuilder AppendJoin(char separator, params object[] values)",
        |cx, a| append_join(cx, a),
    ),
    m(
        "StringBuilder AppendJoin<T>(char separator, IEnumerable<T> values)",
        |cx, a| append_join(cx, a),
    ),
    m("StringBuilder Insert(int index, string value)", |cx, a| {
        let piece = a.get(2).to_text();
        insert(cx, a, &piece)
    }),
    m("StringBuilder Insert(int index, char value)", |cx, a| {
        let piece = a.get(2).to_text();
        insert(cx, a, &piece)
    }),
    m("StringBuilder Insert(int index, object value)", |cx, a| {
        // Nothing is inserted, wherever.
        if a.is_null(2) {
            return Ok(a.get(0));
        }
        // Its text is asked for before the place is looked at.
        let mut piece = String::new();
        crate::expr::eval::write_text(cx, a.get(2), &mut piece)?;
        insert(cx, a, &piece)
    }),
    m(
        "StringBuilder Insert(int index, string value, int count)",
        |cx, a| {
            let piece = a.get(2).to_text();
            let times = count(a, 3, "count")?;
            insert_times(cx, a, &piece, times, check_times)
        },
    ),
    m("StringBuilder Insert(int index, char[] value)", |cx, a| {
        let piece = match a.is_null(2) {
            true => String::new(),
            false => String::from_utf16_lossy(&units_of(a, 2, "value")?),
        };
        insert(cx, a, &piece)
    }),
    m(
        "StringBuilder Insert(int index, char[] value, int startIndex, int charCount)",
        |cx, a| {
            // The place is looked at first.
            bytes(
                &this(a)?.text.borrow(),
                count(a, 1, "index")?,
                0,
                ("index", "count"),
            )?;
            if a.is_null(2) && (a.int(3) != 0 || a.int(4) != 0) {
                return Err(null_argument("value"));
            }
            let piece = chars(a, 2, ("startIndex", "charCount"))?;
            insert(cx, a, &piece)
        },
    ),
    m(
        "StringBuilder Remove(int startIndex, int length)",
        |cx, a| {
            let b = this(a)?;
            let n = usize::try_from(a.int(2))
                .map_err(|_| range("length", "Length cannot be less than zero."))?;
            let at = usize::try_from(a.int(1))
                .map_err(|_| range("startIndex", "StartIndex cannot be less than zero."))?;
            cx.step(b.text.borrow().len() / 64)?;
            bytes(&b.text.borrow(), at, n, ("length", "length"))?;
            if n == 0 {
                return Ok(a.get(0));
            }
            let (from, to) = b.part(at, n, ("length", "length"))?;
            b.text.borrow_mut().replace_range(from..to, "");
            Ok(a.get(0))
        },
    ),
    m(
        "StringBuilder Replace(string oldValue, string newValue)",
        |cx, a| {
            let (from, to) = (a.named(1, "oldValue")?, a.get(2).to_text());
            replace(cx, a, from, &to, false)
        },
    ),
    m(
        "StringBuilder Replace(string oldValue, string newValue, int startIndex, int count)",
        |cx, a| {
            // The part is looked at before the texts.
            let (at, n) = (count(a, 3, "startIndex")?, count(a, 4, "count")?);
            bytes(&this(a)?.text.borrow(), at, n, ("startIndex", "count"))?;
            let (from, to) = (a.named(1, "oldValue")?, a.get(2).to_text());
            replace(cx, a, from, &to, true)
        },
    ),
    m(
        "StringBuilder Replace(char oldChar, char newChar)",
        |cx, a| {
            let (from, to) = (unit_text(&a.get(1)), unit_text(&a.get(2)));
            replace(cx, a, &from, &to, false)
        },
    ),
    m(
        "StringBuilder Replace(char oldChar, char newChar, int startIndex, int count)",
        |cx, a| {
            let (from, to) = (unit_text(&a.get(1)), unit_text(&a.get(2)));
            replace(cx, a, &from, &to, true)
        },
    ),
];
